/* Every directive of the module, one row each; the rest follows from the rows.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A row: member, kind, directive, where, default, least, most or choices, help.
 * The struct below, reading, merging, httpd's command table and the list on the
 * console's policy page are all made from it. Its paragraph in docs/manual and
 * its lines in conf/chatgpt.conf are checked against it by tests/guard.
 *
 * Where: SERVER, once for the whole server, outside every section · PLACE,
 * anywhere, to the <Location> or directory · TIGHTEN, also in .htaccess
 * (AllowOverride AuthConfig), where it can only make things stricter.
 *
 * A policy in force is a fold: the sections that count, from outside in, each
 * laid over what came before, and those of .htaccess files behind all others. So
 * in whatever order httpd joins them (a .htaccess with its <Directory> before the
 * server, <Location>s among themselves), the same comes out, and what only
 * tightens is never taken back.
 */
#ifndef CG_POLICY_POLICY_H
#define CG_POLICY_POLICY_H

#include "policy/kinds.h"

#define CG_MS (INT64_C(1000))
#define CG_SECOND (INT64_C(1000000))
#define CG_DAY (86400 * CG_SECOND)
#define CG_KIB INT64_C(1024)
#define CG_MIB (1024 * CG_KIB)

// clang-format off
#define CG_ACTIONS_NONE {{0}, {0}, {0}, {0}} /* its comma must not part a row */
#define CG_ATTEMPTS_FEW {10, 60 * CG_SECOND}

#define CG_POLICY_ROWS(X)                                                                               \
/* member          kind       directive                  where    default         least     most/choices */ \
X(store,           LIST,      "ChatGPTStore",            SERVER,  NULL,           0, 0, "",             \
  "URL of Redis, of its sentinels or its cluster, then user=, password=, tls= and others")              \
X(store_password,  TEXT,      "ChatGPTStorePasswordFile", SERVER, NULL,           0, 0, "",             \
  "file that holds the password of Redis")                                                              \
X(store_for,       DURATION,  "ChatGPTStoreTimeout",     SERVER,  100 * CG_MS,    1 * CG_MS, 10 * CG_SECOND, "", \
  "longest wait for one operation of the store")                                                        \
X(store_pool,      COUNT,     "ChatGPTStoreConnections", SERVER,  64,             1, 4096, "",          \
  "most connections to the store of one child")                                                         \
X(pepper_file,     TEXT,      "ChatGPTPepperFile",       SERVER,  NULL,           0, 0, "",             \
  "file of at least 32 random bytes under which keys are stored")                                       \
X(seal_keys,       LIST,      "ChatGPTSealKey",          SERVER,  NULL,           0, 0, "",             \
  "where the master keys come from that seal secrets in the store, the current one first")              \
X(issuers,         ROWS,      "ChatGPTIssuer",           SERVER,  NULL,           0, 0, "",             \
  "whose tokens (JWT) are accepted: name issuer=URL audience=NAME jwks=URL|file:PATH, or secret=file:PATH") \
X(pseudonym_keys,  TEXT,      "ChatGPTPseudonymKeyFile", SERVER, NULL,           0, 0, "",             \
  "file of the keys under which pseudonyms are made, the current one first")                            \
X(journal_folder,  TEXT,      "ChatGPTJournal",          SERVER,  NULL,           0, 0, "",             \
  "folder of the audit journal on local disk")                                                          \
X(models_file,     TEXT,      "ChatGPTModels",           SERVER,  NULL,           0, 0, "",             \
  "JSON file of models, their sizes and prices")                                                        \
X(tokens_folder,   TEXT,      "ChatGPTTokens",           SERVER,  "/usr/share/mod_chatgpt/tokens", 0, 0, "", \
  "folder of the vocabularies by which tokens are counted")                                             \
X(key_cache,       COUNT,     "ChatGPTKeyCache",         SERVER,  16384,          64, 16777216, "",     \
  "API keys remembered in shared memory")                                                               \
X(key_cache_for,   DURATION,  "ChatGPTKeyCacheAge",      SERVER,  60 * CG_SECOND, 1 * CG_SECOND, CG_DAY, "", \
  "age at which a remembered key is asked of the store again")                                          \
X(audit_keep,      COUNT,     "ChatGPTAuditKeep",        SERVER,  1000000,        1000, INT64_C(1000000000), "", \
  "records that the ledger keeps for each server, about")                                               \
X(upstreams,       ROWS,      "ChatGPTUpstream",         SERVER,  NULL,           0, 0, "",             \
  "name, URL and credential of an OpenAI-compatible API")                                               \
X(rules_folder,    TEXT,      "ChatGPTRulesFolder",      SERVER,  "/usr/share/mod_chatgpt/rules", 0, 0, "", \
  "folder of the packs of rules")                                                                       \
X(words,           ROWS,      "ChatGPTWords",            SERVER,  NULL,           0, 0, "",             \
  "file of keywords, one a line, to be found as KEYWORD")                                               \
X(patterns,        ROWS,      "ChatGPTPattern",          SERVER,  NULL,           0, 0, "",             \
  "name and regular expression, to be found as CUSTOM")                                                 \
X(roles,           ROWS,      "ChatGPTRole",             SERVER,  NULL,           0, 0, "",             \
  "role of the console, and the httpd authorization that gives it")                                     \
X(policy_approval, CHOICE,   "ChatGPTPolicyApproval",   SERVER,  1,              0, 0, "never|loosening|always", \
  "which versions of the published policy need a second person")                                        \
X(alerts,          ROWS,      "ChatGPTAlert",            SERVER,  NULL,           0, 0, "",             \
  "of which limits people are told: [dimension|* [unit|*]] [at=50,80,100] [forecast=on|off] [window=1d], or off") \
X(alert_ways,      ROWS,      "ChatGPTAlertTo",          SERVER,  NULL,           0, 0, "",             \
  "how they are told: name, URL of a webhook or mail server, [secret=] [from= to= user= password=] and others") \
X(unusual,         LIST,      "ChatGPTUnusual",          SERVER,  NULL,           0, 0, "",             \
  "unusual use of keys and teams: off|alert|suspend, [factor=2.5] [tokens=] [cost=] [requests=]")       \
X(is_on,           FLAG,      "ChatGPTEngine",           PLACE,   false,          0, 0, "",             \
  "serve the OpenAI API here")                                                                          \
X(identity,        IDENTITY,  "ChatGPTIdentity",         PLACE,   NULL,           0, 0, "",             \
  "who a caller is: user|team|organization|role|scope|model|limit, expression, [expr=condition]")       \
X(organization,    TEXT,      "ChatGPTOrganization",     PLACE,   NULL,           0, 0, "",             \
  "organization of whom ChatGPTIdentity names none: its limits and counts stand apart")                 \
X(attempts,        ATTEMPTS,  "ChatGPTAttempts",         PLACE,   CG_ATTEMPTS_FEW, 0, 0, "",            \
  "failed authentications in a time, by address and by key id: amount/window, or off")                  \
X(signature,       CHOICE,    "ChatGPTSignature",        TIGHTEN, 0,              0, 0, "off|optional|required", \
  "whether requests are signed (RFC 9421), and what happens to those that are not")                     \
X(limits,          LIMITS,    "ChatGPTLimit",            TIGHTEN, {0},            0, 0, "",             \
  "limit of requests or tokens: dimension, amount/window, [sliding|smooth|exact] [leased] [soft] [closed|local|open]") \
X(budgets,         BUDGETS,   "ChatGPTBudget",           TIGHTEN, {0},            0, 0, "",             \
  "limit of money: dimension, amountUSD/window, [hard|soft] [leased] [closed|local|open] [tz=] [start=]") \
X(clamp,           FLAG,      "ChatGPTClamp",            PLACE,   false,          0, 0, "",             \
  "shorten the answer to what the limits leave instead of refusing the request")                        \
X(store_down,      STOREDOWN, "ChatGPTStoreDown",        PLACE,   {{0}},          0, 0, "",             \
  "what limits do without the store: [requests|tokens|budget|concurrent] closed|local|open")                       \
X(actions,         ACTIONS,   "ChatGPTRedact",           TIGHTEN, CG_ACTIONS_NONE, 0, 0, "",             \
  "what is done with an entity type: type or *, action, [request|answer|both]")                         \
X(packs,           PACKS,     "ChatGPTRules",            TIGHTEN, NULL,           0, 0, "",             \
  "packs of rules that count here, by name or file")                                                    \
X(allowed,         VALUES,    "ChatGPTAllowValue",       PLACE,   NULL,           0, 0, "",             \
  "values that are never found, such as @example.com")                                                  \
X(redact_lock,     FLAG,      "ChatGPTRedactLock",       PLACE,   false,          0, 0, "",             \
  "further in, redaction can only be made stricter")                                                    \
X(region,          TEXT,      "ChatGPTRegion",           TIGHTEN, NULL,           0, 0, "",             \
  "region whose rules hold here: who may answer, how long records live, the label")                     \
X(label,           CHOICE,    "ChatGPTLabel",            TIGHTEN, 1,              0, 0, "off|auto",     \
  "whether answers carry the AI-generated label that the region asks for")                              \
X(models_allowed,  LIST,      "ChatGPTAllowModel",       TIGHTEN, NULL,           0, 0, "",             \
  "models that may be used here")                                                                       \
X(unknown_model,   CHOICE,    "ChatGPTUnknownModel",     PLACE,   1,              0, 0, "allow|deny",   \
  "what happens to a model that the models file does not list")                                         \
X(body_max,        SIZE,      "ChatGPTBodyLimit",        TIGHTEN, 32 * CG_MIB,    1 * CG_KIB, 1024 * CG_MIB, "", \
  "largest request body")                                                                               \
X(body_for,        DURATION,  "ChatGPTBodyTimeout",      PLACE,   60 * CG_SECOND, 1 * CG_SECOND, 3600 * CG_SECOND, "", \
  "longest time for a request body to arrive")                                                          \
X(upload_max,      SIZE,      "ChatGPTUploadLimit",      TIGHTEN, 512 * CG_MIB,   1 * CG_KIB, 16384 * CG_MIB, "", \
  "largest upload, a multipart body with its files")                                                    \
X(upload_folder,   TEXT,      "ChatGPTUploadFolder",     SERVER,  NULL,           0, 0, "",             \
  "folder for uploads while they are inspected; default httpd's for temporary files")                   \
X(opaque,          CHOICE,    "ChatGPTOpaque",           TIGHTEN, 1,              0, 0, "allow|log|deny", \
  "what happens to parts of a request that cannot be read: pictures, sound, archives")                  \
X(answer_max,      SIZE,      "ChatGPTAnswerLimit",      PLACE,   64 * CG_MIB,    1 * CG_KIB, 1024 * CG_MIB, "", \
  "largest answer that is not a stream, and largest event of a stream")                                 \
X(output_default,  COUNT,     "ChatGPTOutputTokens",     PLACE,   4096,           1, 10000000, "",      \
  "output tokens asked for and held when the caller names no maximum")                                  \
X(routes,          LIST,      "ChatGPTRoute",            PLACE,   NULL,           0, 0, "",             \
  "upstreams that may answer here, in order; default all")                                              \
X(retries,         COUNT,     "ChatGPTRetries",          PLACE,   2,              0, 5, "",             \
  "further attempts before the first byte has reached the caller")                                      \
X(connect_for,     DURATION,  "ChatGPTConnectTimeout",   SERVER,  2 * CG_SECOND,  10 * CG_MS, 60 * CG_SECOND, "", \
  "longest wait for a connection to an upstream")                                                       \
X(first_byte_for,  DURATION,  "ChatGPTFirstByteTimeout", PLACE,   60 * CG_SECOND, 10 * CG_MS, 3600 * CG_SECOND, "", \
  "longest wait for the first byte of an answer")                                                       \
X(idle_for,        DURATION,  "ChatGPTIdleTimeout",      PLACE,   30 * CG_SECOND, 10 * CG_MS, 3600 * CG_SECOND, "", \
  "longest silence inside an answer")                                                                   \
X(total_for,       DURATION,  "ChatGPTTotalTimeout",     PLACE,   600 * CG_SECOND, 10 * CG_MS, CG_DAY, "", \
  "longest time for an answer, all attempts together")                                                  \
X(redact_cache,    COUNT,     "ChatGPTRedactCache",      SERVER,  65536,          0, 16777216, "",      \
  "scanned texts remembered in shared memory; 0 none")                                                  \
X(detector,        LIST,      "ChatGPTDetector",         PLACE,   NULL,           0, 0, "",             \
  "external detector of names: URL, [timeout=duration], [fail=closed|open]; or off")                    \
X(audit,           CHOICE,    "ChatGPTAudit",            TIGHTEN, 1,              0, 0, "best-effort|required", \
  "whether a request is served when its record cannot be written")                                      \
X(audit_text,      FLAG,      "ChatGPTAuditText",        PLACE,   true,           0, 0, "",             \
  "keep masked prompts and answers in the records")                                                     \
X(audit_text_max,  SIZE,      "ChatGPTAuditTextLimit",   PLACE,   16 * CG_KIB,    0, 1 * CG_MIB, "",    \
  "bytes of prompt and of answer that a record keeps")
// clang-format on

enum {
#define CG_ROW(member, ...) CG_ROW_##member,
    CG_POLICY_ROWS(CG_ROW)
#undef CG_ROW
        CG_ROW_COUNT
};

/* What ChatGPTRedactLock covers, and which way is stricter there (kinds.h). To
 * cover another directive: a row. */
// clang-format off
#define CG_POLICY_LOCKED(X) \
    X(opaque,         MORE) \
    X(redact_lock,    MORE) \
    X(actions,        MORE) \
    X(packs,          MORE) \
    X(allowed,        LESS) \
    X(region,         ONCE) \
    X(label,          MORE) \
    X(detector,       LESS) \
    X(audit,          MORE) \
    X(audit_text,     LESS) \
    X(audit_text_max, LESS)
// clang-format on

/* A line of a row that the lock covers. lives in: its section's pool */
typedef struct cg_policy_line_t {
    int row;
    const char *words;
    const char *where; /* file:line */
    const void *value; /* what this line alone says, of the row's kind */
} cg_policy_line_t;

typedef struct cg_policy_breach_t cg_policy_breach_t; /* lock.h */

/* lives in: configuration pool, or a request's · const after merge */
typedef struct cg_policy_t {
    uint64_t set;              /* bit per row: said here or further out */
    bool is_htaccess;          /* a section: all of it may only tighten */
    apr_array_header_t *lines; /* a section: of cg_policy_line_t; or NULL */
    /* The sections it is made of, from outside in; 0: it is a section itself. The
     * last of them are those of .htaccess files. */
    const struct cg_policy_t *const *levels;
    int levels_count;
    const cg_policy_line_t *lock;     /* the outermost lock; NULL none */
    const cg_policy_breach_t *breach; /* what loosens a lock first; or NULL */
    bool has_doubt; /* an action was said below the lock of a type that nothing
                       was said of above: the packs must tell (lock.h) */
#define CG_MEMBER(member, kind, ...) cg_kind_##kind##_t member;
    CG_POLICY_ROWS(CG_MEMBER)
#undef CG_MEMBER
} cg_policy_t;

typedef enum cg_where_t {
    CG_WHERE_SERVER,
    CG_WHERE_PLACE,
    CG_WHERE_TIGHTEN
} cg_where_t;

typedef struct cg_policy_row_t {
    const char *directive;
    const char *member;
    const cg_kind_t *kind;
    cg_where_t where;
    size_t offset;
    int64_t least, most;
    const char *choices;
    const char *help;
} cg_policy_row_t;

extern const cg_policy_row_t cg_policy_rows[CG_ROW_COUNT];

/* All defaults, nothing set. */
cg_policy_t *cg_policy_create(apr_pool_t *pool);
/* Lays inner over outer. Below a lock every section can only tighten, and breach
 * tells of the first that would not. Keeps pointers to both. */
cg_policy_t *cg_policy_merge(const cg_policy_t *outer, const cg_policy_t *inner,
                             apr_pool_t *pool);
/* Reads the words of one directive into a section; false and words on error. set_*
 * and find_* look up entity types and actions (kinds.h). */
bool cg_policy_read(cg_policy_t *policy, const cg_policy_row_t *row, int argc,
                    char *const argv[], cg_kind_ask_t *ask, cg_error_t *err,
                    apr_pool_t *pool);
bool cg_policy_is_set(const cg_policy_t *policy, int row);
const void *cg_policy_member(const cg_policy_t *policy, int row);

#endif
