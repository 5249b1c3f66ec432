/* The admin API: its endpoints, and the way of a call to its handler.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A call passes, in this order: somebody signed in (401), a path of the table
 * (404), one of its methods (405), a role (403), for writes the proof that it
 * was meant (403, 415), parameters and body (400), If-Match (428),
 * Idempotency-Key; then its handler. To add an endpoint: a row here, its
 * handler in a file of its thing, its answer in schemas.c, its paragraph in
 * docs/manual/admin-api.md.
 */
#include "admin/api.h"

#include <string.h>

#include <apr_strings.h>

#include "admin/admin_int.h"
#include "alert/alert.h"

#define ID_BYTES_MAX 128
#define END                                                                    \
    {                                                                          \
        .name = NULL                                                           \
    }

#define NUMBERS                                                                \
    (CG_ROLE_VIEWER | CG_ROLE_COMPLIANCE | CG_ROLE_APPROVER | CG_ROLE_OPERATOR)
#define TEXTS (CG_ROLE_COMPLIANCE | CG_ROLE_APPROVER)
#define KEYS CG_ROLE_OPERATOR
#define POLICY (CG_ROLE_OPERATOR | CG_ROLE_COMPLIANCE)
#define DECIDE CG_ROLE_APPROVER
#define SEEN (CG_ROLE_OPERATOR | CG_ROLE_COMPLIANCE | CG_ROLE_APPROVER)
#define TRIERS (CG_ROLE_COMPLIANCE | CG_ROLE_APPROVER | CG_ROLE_OPERATOR)

/* ---- parameters and bodies ---------------------------------------------- */

static const char *const STATES[] = {"active", "suspended", NULL};
static const char *const KEPT[] = {"current", "previous", NULL};
static const char *const YES_NO[] = {"yes", "no", NULL};
static const char *const DECISIONS[] = {"served", "refused", "failed",
                                        "aborted", NULL};

// clang-format off
#define PAGE_ROWS                                                              \
    {"limit",  "items of a page",                    .kind = CG_FIELD_COUNT,  .max = CG_ADMIN_LIST_MAX}, \
    {"cursor", "next_cursor of the page before",     .kind = CG_FIELD_CURSOR}
#define RANGE_ROWS                                                             \
    {"from",   "this moment and later",              .kind = CG_FIELD_TIME},           \
    {"to",     "before this moment",                 .kind = CG_FIELD_TIME}
#define FILTER_ROWS                                                            \
    RANGE_ROWS,                                                                \
    {"key",      "id or name of a key",              .kind = CG_FIELD_NAME},           \
    {"team",     NULL,                               .kind = CG_FIELD_NAME},           \
    {"user",     NULL,                               .kind = CG_FIELD_NAME},           \
    {"model",    "asked or served",                  .kind = CG_FIELD_NAME},           \
    {"decision", NULL,                               .kind = CG_FIELD_NAME, .choices = DECISIONS}, \
    {"reason",   "code of a refusal",                .kind = CG_FIELD_NAME},           \
    {"endpoint", "chat, embeddings, ...",            .kind = CG_FIELD_NAME},           \
    {"finding",  "type of a finding",                .kind = CG_FIELD_NAME},           \
    {"q",        "text in any member; needs a role that may see texts", .kind = CG_FIELD_NAME, .max = 256}

static const cg_field_t PAGE[] = {PAGE_ROWS, END};
#define KEY_FILTER_ROWS                                                        \
    {"state",    NULL,                               .kind = CG_FIELD_NAME, .choices = cg_admin_key_states}, \
    {"team",     NULL,                               .kind = CG_FIELD_NAME},           \
    {"user",     NULL,                               .kind = CG_FIELD_NAME},           \
    {"tag",      NULL,                               .kind = CG_FIELD_NAME},           \
    {"expiring", "ends within this duration, soonest first, e.g. 30d", .kind = CG_FIELD_NAME}, \
    {"q",        "text in id, name, owner, user or team", .kind = CG_FIELD_NAME}
static const cg_field_t KEY_LIST[] = {KEY_FILTER_ROWS, PAGE_ROWS, END};
static const cg_field_t KEY_EXPORT[] = {KEY_FILTER_ROWS, END};
static const cg_field_t PEOPLE[] = {
    {"q",       "text in the name",                  .kind = CG_FIELD_NAME},
    PAGE_ROWS, END};
static const char *const LIMIT_KINDS[] = {"limit", "budget", NULL};
#define LIMIT_ROWS                                                             \
    {"dimension", "key, user, team, organization, model, endpoint, vhost, address, or two of them: team+model", .kind = CG_FIELD_NAME}, \
    {"scope",     "the same, as it was called before", .kind = CG_FIELD_NAME},         \
    {"subject",   "exactly this one",                 .kind = CG_FIELD_NAME, .max = 256}, \
    {"q",         "text in subject, name, limit or source", .kind = CG_FIELD_NAME},    \
    {"organization", "in whose books; none: those of who has none", .kind = CG_FIELD_NAME}
static const cg_field_t LIMITS[] = {
    LIMIT_ROWS,
    {"kind",      "budgets count money, limits all else", .kind = CG_FIELD_NAME, .choices = LIMIT_KINDS},
    PAGE_ROWS, END};
static const cg_field_t LIMIT_EXPORT[] = {LIMIT_ROWS, END};
static const cg_field_t LIMIT_ONE[] = {
    {"organization", "in whose books; none: those of who has none", .kind = CG_FIELD_NAME},
    END};
static const cg_field_t LIMIT_SET[] = {
    {"limits",  "e.g. 100/60s, 10000tokens/day tz=Europe/Berlin, 20concurrent", .kind = CG_FIELD_NAMES, .max = 16},
    {"budgets", "e.g. 500USD/month hard",            .kind = CG_FIELD_NAMES, .max = 16},
    {"reason",  "for the ledger",                    .kind = CG_FIELD_NAME, .max = 256},
    END};
static const cg_field_t TRIAL[] = {
    {"key",      "id of the key that would ask; or:", .kind = CG_FIELD_TEXT, .is_nullable = true, .max = 15},
    {"user",     NULL,                               .kind = CG_FIELD_TEXT, .is_nullable = true, .max = 256},
    {"team",     NULL,                               .kind = CG_FIELD_TEXT, .is_nullable = true, .max = 256},
    {"organization", NULL,                           .kind = CG_FIELD_TEXT, .is_nullable = true, .max = 128},
    {"model",    NULL,                               .kind = CG_FIELD_NAME, .is_required = true, .max = 256},
    {"endpoint", "chat if not said",                 .kind = CG_FIELD_TEXT, .is_nullable = true, .max = 64},
    {"vhost",    "the console's if not said",        .kind = CG_FIELD_TEXT, .is_nullable = true, .max = 256},
    {"address",  "of the caller",                    .kind = CG_FIELD_TEXT, .is_nullable = true, .max = 64},
    {"path",     "of the API's root; /v1 if not said", .kind = CG_FIELD_TEXT, .is_nullable = true, .max = 256},
    {"text",     "counted, and kept nowhere",        .kind = CG_FIELD_TEXT, .is_nullable = true, .max = 262144},
    {"input_tokens", "in the place of a text",       .kind = CG_FIELD_COUNT, .is_nullable = true, .max = 100000000},
    {"max_output_tokens", "what the caller says; none: what is held then", .kind = CG_FIELD_COUNT, .is_nullable = true, .max = 100000000},
    END};
static const cg_field_t FILTER[] = {FILTER_ROWS, PAGE_ROWS, END};
static const cg_field_t EXPORT[] = {FILTER_ROWS, END};
static const cg_field_t EVENTS[] = {
    RANGE_ROWS,
    {"user",      "the operator",                    .kind = CG_FIELD_NAME},
    {"operation", "operationId",                     .kind = CG_FIELD_NAME},
    {"subject",   "what was changed, e.g. limits/team/red", .kind = CG_FIELD_NAME, .max = 320},
    PAGE_ROWS, END};
static const cg_field_t ALERTS[] = {
    RANGE_ROWS,
    {"kind",         NULL,                           .kind = CG_FIELD_NAME, .choices = cg_admin_alert_kinds},
    {"subject",      "one key id, user or team",     .kind = CG_FIELD_NAME},
    {"acknowledged", "has somebody seen it?",        .kind = CG_FIELD_NAME, .choices = YES_NO},
    {"delivery",     "some way has this state",      .kind = CG_FIELD_NAME, .choices = cg_admin_deliveries},
    PAGE_ROWS, END};
static const cg_field_t STATS[] = {
    RANGE_ROWS,
    {"step", "kept 3 days by the minute, 100 days by the hour", .kind = CG_FIELD_NAME, .choices = cg_admin_steps},
    END};

#define KEY_ROWS                                                               \
    {"owner",  NULL, .kind = CG_FIELD_TEXT, .is_nullable = true, .max = 63},           \
    {"user",   NULL, .kind = CG_FIELD_TEXT, .is_nullable = true, .max = 63},           \
    {"team",   NULL, .kind = CG_FIELD_TEXT, .is_nullable = true, .max = 63},           \
    {"models", "names, * stands for any characters; empty: all", .kind = CG_FIELD_NAMES, .max = 64}, \
    {"redact", "e.g. EMAIL_ADDRESS=block,SECRET_*=block:request,+cn", .kind = CG_FIELD_TEXT, .is_nullable = true, .max = 255}, \
    {"tags",      "words to find it by", .kind = CG_FIELD_NAMES, .max = 16},           \
    {"endpoints", "chat, embeddings, ...; empty: all", .kind = CG_FIELD_NAMES, .max = 32}, \
    {"addresses", "of callers, IPv4 or IPv6, e.g. 10.0.0.0/8; empty: all", .kind = CG_FIELD_NAMES, .max = 64}, \
    {"vhosts",    "of httpd, * stands for any characters; empty: all", .kind = CG_FIELD_NAMES, .max = 32}, \
    {"hours",     "e.g. mon-fri 08:00-18:00 Europe/Berlin; empty: always", .kind = CG_FIELD_TEXT, .is_nullable = true, .max = 127}, \
    {"limits", "e.g. 100/60s, 10000tokens/60s", .kind = CG_FIELD_LIMITS, .max = 8},    \
    {"budget", "e.g. 5USD/month", .kind = CG_FIELD_BUDGET, .is_nullable = true},       \
    {"expires_at", "null: never", .kind = CG_FIELD_TIME, .is_nullable = true}
static const cg_field_t KEY_NEW[] = {
    {"name",   "what people call it", .kind = CG_FIELD_NAME, .is_required = true, .max = 63},
    KEY_ROWS, END};
static const cg_field_t KEY_CHANGE[] = {
    {"name",   "what people call it", .kind = CG_FIELD_NAME, .max = 63},
    KEY_ROWS,
    {"state",  "a revoked key stays so", .kind = CG_FIELD_NAME, .choices = STATES},
    END};
static const char *const ALGORITHMS[] = {"ed25519", "ecdsa-p256-sha256",
                                         "rsa-pss-sha512", "hmac-sha256", NULL};
#define SIGNING_ROWS                                                           \
    {"key",    "id of the API key it belongs to", .kind = CG_FIELD_TEXT, .is_nullable = true, .max = 15}, \
    {"user",   "or who it belongs to, of callers without a key", .kind = CG_FIELD_TEXT, .is_nullable = true, .max = 63}, \
    {"team",   NULL, .kind = CG_FIELD_TEXT, .is_nullable = true, .max = 63},           \
    {"expires_at", "null: never", .kind = CG_FIELD_TIME, .is_nullable = true}
static const cg_field_t SIGNING_NEW[] = {
    {"name",       "what people call it", .kind = CG_FIELD_NAME, .is_required = true, .max = 63},
    {"algorithm",  NULL, .kind = CG_FIELD_NAME, .is_required = true, .choices = ALGORITHMS},
    {"id",         "keyid of its signatures; one is made if not given", .kind = CG_FIELD_NAME, .max = 64},
    {"public_key", "PEM; of hmac-sha256 none", .kind = CG_FIELD_TEXT, .is_nullable = true, .max = 4096},
    {"secret",     "of hmac-sha256, in base64; one is made if not given", .kind = CG_FIELD_TEXT, .is_nullable = true, .max = 700},
    SIGNING_ROWS, END};
static const cg_field_t SIGNING_CHANGE[] = {
    {"name",   "what people call it", .kind = CG_FIELD_NAME, .max = 63},
    SIGNING_ROWS,
    {"state",  "a revoked one stays so", .kind = CG_FIELD_NAME, .choices = STATES},
    END};
static const cg_field_t REASON[] = {
    {"reason", "for the ledger", .kind = CG_FIELD_NAME, .max = 256},
    END};
static const cg_field_t ROTATE[] = {
    {"grace",  "how long the old secret still works: 24h if not said, 0s: no more", .kind = CG_FIELD_NAME},
    {"keep",   "which of two secrets goes on; previous: the new one was lost, its grace stays", .kind = CG_FIELD_NAME, .choices = KEPT},
    {"reason", "for the ledger", .kind = CG_FIELD_NAME, .max = 256},
    END};
static const cg_field_t IMPORT[] = {
    {"csv",     "a first line of column names, then a key a line", .kind = CG_FIELD_TEXT, .is_required = true, .max = 4194304},
    {"dry_run", "only say what would be done", .kind = CG_FIELD_BOOL},
    END};
static const cg_field_t TEXT[] = {
    {"text",   "kept nowhere", .kind = CG_FIELD_TEXT, .is_required = true, .max = 262144},
    {"document", "a policy to try, in the place of the published one", .kind = CG_FIELD_OBJECT, .of = "PolicyDocument"},
    END};
static const cg_field_t TOKEN[] = {
    {"token",  "kept nowhere", .kind = CG_FIELD_TEXT, .is_required = true, .max = 65536},
    END};
#define DOCUMENT_ROW                                                           \
    {"document", NULL, .kind = CG_FIELD_OBJECT, .is_required = true, .of = "PolicyDocument"}
static const cg_field_t DOCUMENT[] = {DOCUMENT_ROW, END};
static const cg_field_t VERSION_NEW[] = {
    DOCUMENT_ROW,
    {"note",   "why, for those who read the versions", .kind = CG_FIELD_TEXT, .max = 500},
    {"base_version", "the version it was made from; 0 or null: none", .kind = CG_FIELD_COUNT,
     .is_required = true, .is_nullable = true, .max = INT64_MAX},
    END};
static const cg_field_t ALERT_TEST[] = {
    {"note",   "stands in the alert", .kind = CG_FIELD_TEXT, .max = 200},
    {"way",    "one name of ChatGPTAlertTo; else all of them", .kind = CG_FIELD_NAME, .max = 32},
    END};
static const cg_field_t NOTE[] = {
    {"note",   "why", .kind = CG_FIELD_TEXT, .max = 500},
    END};

/* ---- the table ---------------------------------------------------------- */

const cg_admin_endpoint_t cg_admin_endpoints[] = {
/*   method   path                operation          roles    handler                  summary                                      params  body        answer        status flags */
    {"GET",   "/session",         "session.get",     NUMBERS, cg_admin_session_get,    "Who am I, and what may I do?",              NULL,   NULL,       "Session",    200, 0},
    {"GET",   "/keys",            "keys.list",       NUMBERS, cg_admin_keys_list,      "API keys, newest first",                    KEY_LIST, NULL,       "Key",        200, CG_ADMIN_IS_LIST},
    {"POST",  "/keys",            "keys.create",     KEYS,    cg_admin_keys_create,    "Issue a key; its secret is shown this once", NULL,  KEY_NEW,    "KeyIssued",  201, CG_ADMIN_ONCE},
    {"GET",   "/keys/{id}",       "keys.get",        NUMBERS, cg_admin_keys_get,       "One key",                                   NULL,   NULL,       "Key",        200, 0},
    {"PATCH", "/keys/{id}",       "keys.update",     KEYS,    cg_admin_keys_update,    "Change what a key may do",                  NULL,   KEY_CHANGE, "KeyChanged", 200, CG_ADMIN_NEEDS_IF_MATCH},
    {"POST",  "/keys/{id}/rotate", "keys.rotate",    KEYS,    cg_admin_keys_rotate,    "A new secret; the old one works for a while", NULL, ROTATE,     "KeyIssued",  200, CG_ADMIN_ONCE},
    {"POST",  "/keys/{id}/end-grace", "keys.end-grace", KEYS, cg_admin_keys_end_grace, "End the secret before the last rotation now", NULL, REASON,    "KeyChanged", 200, CG_ADMIN_ONCE},
    {"GET",   "/keys-export",     "keys.export",     NUMBERS, cg_admin_keys_export,    "Keys without secrets, as CSV",              KEY_EXPORT, NULL,   NULL,         200, CG_ADMIN_IS_STREAM},
    {"POST",  "/keys-import",     "keys.import",     KEYS,    cg_admin_keys_import,    "Issue and change keys by CSV; secrets are shown this once", NULL, IMPORT, "KeyImport", 200, CG_ADMIN_ONCE | CG_ADMIN_HAS_DOCUMENT},
    {"POST",  "/keys/{id}/revoke", "keys.revoke",    KEYS,    cg_admin_keys_revoke,    "End a key for good",                        NULL,   REASON,     "KeyChanged", 200, CG_ADMIN_ONCE},
    {"GET",   "/signing-keys",    "signing-keys.list", NUMBERS, cg_admin_signing_keys_list, "Keys that sign requests, newest first",  PAGE,   NULL,       "SigningKey", 200, CG_ADMIN_IS_LIST},
    {"POST",  "/signing-keys",    "signing-keys.create", KEYS, cg_admin_signing_keys_create, "A new signing key; a shared secret is shown this once", NULL, SIGNING_NEW, "SigningKeyIssued", 201, CG_ADMIN_ONCE},
    {"GET",   "/signing-keys/{id}", "signing-keys.get", NUMBERS, cg_admin_signing_keys_get, "One signing key",                        NULL,   NULL,       "SigningKey", 200, 0},
    {"PATCH", "/signing-keys/{id}", "signing-keys.update", KEYS, cg_admin_signing_keys_update, "Change whose it is, its name, its end or its state", NULL, SIGNING_CHANGE, "SigningKeyChanged", 200, CG_ADMIN_NEEDS_IF_MATCH},
    {"POST",  "/signing-keys/{id}/revoke", "signing-keys.revoke", KEYS, cg_admin_signing_keys_revoke, "End a signing key for good",  NULL,   REASON,     "SigningKeyChanged", 200, CG_ADMIN_ONCE},
    {"GET",   "/people",          "people.list",     NUMBERS, cg_admin_people_list,    "Who has keys or calls, by name",            PEOPLE, NULL,       "People",     200, 0},
    {"GET",   "/teams",           "teams.list",      NUMBERS, cg_admin_teams_list,     "Teams that have keys or call, by name",     PEOPLE, NULL,       "Teams",      200, 0},
    {"GET",   "/limits",          "limits.list",     NUMBERS, cg_admin_limits_list,    "Limits and budgets in force, and their use", LIMITS, NULL,    "Limit",      200, CG_ADMIN_IS_LIST},
    {"GET",   "/limits/{dimension}/{subject}", "limits.get", NUMBERS, cg_admin_limits_get, "One object's limits, their use and forecast", LIMIT_ONE, NULL, "LimitObject", 200, 0},
    {"PUT",   "/limits/{dimension}/{subject}", "limits.update", KEYS, cg_admin_limits_put, "Set an object's limits",             NULL,   LIMIT_SET,  "LimitObjectChanged", 200, CG_ADMIN_NEEDS_IF_MATCH},
    {"DELETE", "/limits/{dimension}/{subject}", "limits.delete", KEYS, cg_admin_limits_delete, "Take away what the console says of an object's limits", NULL, REASON, "LimitObjectChanged", 200, CG_ADMIN_NEEDS_IF_MATCH},
    {"GET",   "/limits-export",   "limits.export",   NUMBERS, cg_admin_limits_export,  "Limits of single objects, as CSV",          LIMIT_EXPORT, NULL, NULL,         200, CG_ADMIN_IS_STREAM},
    {"POST",  "/limits-import",   "limits.import",   KEYS,    cg_admin_limits_import,  "Set limits of single objects by CSV",       NULL,   IMPORT,     "LimitImport", 200, CG_ADMIN_ONCE | CG_ADMIN_HAS_DOCUMENT},
    {"POST",  "/limit-simulations", "limit-simulations.create", TRIERS, cg_admin_limits_try, "Would a request pass, and which limit decides?", NULL, TRIAL, "LimitSimulation", 200, 0},
    {"GET",   "/budgets",         "budgets.list",    NUMBERS, cg_admin_budgets_list,   "Budgets in force, and their use",       LIMITS, NULL,       "Budget",     200, CG_ADMIN_IS_LIST},
    {"GET",   "/requests",        "requests.list",   NUMBERS, cg_admin_requests_list,  "Audit records, newest first",               FILTER, NULL,       "Request",    200, CG_ADMIN_IS_LIST},
    {"GET",   "/requests/{id}",   "requests.get",    NUMBERS, cg_admin_requests_get,   "One audit record",                          NULL,   NULL,       "Request",    200, 0},
    {"GET",   "/exports",         "exports.get",     TEXTS,   cg_admin_exports_get,    "All audit records that match, oldest first, as JSON lines", EXPORT, NULL, "Request", 200, CG_ADMIN_IS_STREAM},
    {"GET",   "/stats",           "stats.get",       NUMBERS, cg_admin_stats_get,      "Sums over time, for charts",                STATS,  NULL,       "Stats",      200, 0},
    {"POST",  "/scan",            "scan.text",       TEXTS,   cg_admin_scan_text,      "What would be found in a text?",            NULL,   TEXT,       "Scan",       200, CG_ADMIN_HAS_DOCUMENT},
    {"GET",   "/policy-catalogue", "policy-catalogue.get", NUMBERS, cg_admin_policy_catalogue_get, "What a policy may speak of",    NULL,   NULL,       "PolicyCatalogue", 200, 0},
    {"GET",   "/policy-versions", "policy-versions.list", NUMBERS, cg_admin_policy_versions_list, "Versions of the published policy, newest first", PAGE, NULL, "PolicyVersion", 200, CG_ADMIN_IS_LIST},
    {"GET",   "/policy-versions/current", "policy-versions.current", NUMBERS, cg_admin_policy_versions_current, "The published policy", NULL, NULL,  "PolicyVersionWhole", 200, 0},
    {"GET",   "/policy-versions/{id}", "policy-versions.get", NUMBERS, cg_admin_policy_versions_get, "One version with its document", NULL, NULL,  "PolicyVersionWhole", 200, 0},
    {"POST",  "/policy-checks",   "policy-checks.create", POLICY, cg_admin_policy_checks_create, "Could a policy be published, and what would it change?", NULL, DOCUMENT, "PolicyCheck", 200, CG_ADMIN_HAS_DOCUMENT},
    {"POST",  "/policy-versions", "policy-versions.create", POLICY, cg_admin_policy_versions_create, "Publish a policy, or propose it",   NULL, VERSION_NEW, "PolicyVersionChanged", 201, CG_ADMIN_ONCE | CG_ADMIN_HAS_DOCUMENT},
    {"POST",  "/policy-versions/{id}/approve", "policy-versions.approve", DECIDE, cg_admin_policy_versions_approve, "Publish what another proposed", NULL, NOTE, "PolicyVersionChanged", 200, CG_ADMIN_ONCE},
    {"POST",  "/policy-versions/{id}/reject", "policy-versions.reject", DECIDE, cg_admin_policy_versions_reject, "End what another proposed", NULL, NOTE, "PolicyVersionChanged", 200, CG_ADMIN_ONCE},
    {"POST",  "/policy-versions/{id}/withdraw", "policy-versions.withdraw", POLICY, cg_admin_policy_versions_withdraw, "End what one proposed", NULL, NOTE, "PolicyVersionChanged", 200, CG_ADMIN_ONCE},
    {"POST",  "/policy-versions/{id}/restore", "policy-versions.restore", POLICY, cg_admin_policy_versions_restore, "Roll back: an older document as a new version", NULL, NOTE, "PolicyVersionChanged", 201, CG_ADMIN_ONCE},
    {"GET",   "/alerts",          "alerts.list",     NUMBERS, cg_admin_alerts_list,    "Alerts, newest first",                      ALERTS, NULL,       "Alert",      200, CG_ADMIN_IS_LIST},
    {"GET",   "/alerts/{id}",     "alerts.get",      NUMBERS, cg_admin_alerts_get,     "One alert",                                 NULL,   NULL,       "Alert",      200, 0},
    {"POST",  "/alerts/{id}/acknowledge", "alerts.acknowledge", SEEN, cg_admin_alerts_acknowledge, "Say that an alert was seen",  NULL,   NOTE,       "AlertChanged", 200, CG_ADMIN_ONCE},
    {"POST",  "/alerts/{id}/resend", "alerts.resend", SEEN,   cg_admin_alerts_resend,  "Send again what could not be sent",         NULL,   NULL,       "AlertChanged", 202, CG_ADMIN_ONCE},
    {"GET",   "/alert-ways",      "alert-ways.list", NUMBERS, cg_admin_alert_ways_list, "How alerts are sent",                      PAGE,   NULL,       "AlertWay",   200, CG_ADMIN_IS_LIST},
    {"POST",  "/alert-tests",     "alert-tests.create", KEYS, cg_admin_alert_tests_create, "Send a test alert",                     NULL,   ALERT_TEST, "AlertChanged", 202, CG_ADMIN_ONCE},
    {"GET",   "/accounts",        "accounts.list",   NUMBERS, cg_admin_accounts_list,  "Upstream accounts and how they do",         PAGE,   NULL,       "Account",    200, CG_ADMIN_IS_LIST},
    {"GET",   "/credentials",     "credentials.list", NUMBERS, cg_admin_credentials_list, "Credentials of upstreams that are stored, sealed", PAGE, NULL,   "Credential", 200, CG_ADMIN_IS_LIST},
    {"GET",   "/issuers",         "issuers.list",    NUMBERS, cg_admin_issuers_list,   "Issuers of tokens, and how their keys do",  PAGE,   NULL,       "Issuer",     200, CG_ADMIN_IS_LIST},
    {"POST",  "/issuers/{id}/refresh", "issuers.refresh", KEYS, cg_admin_issuers_refresh, "Fetch the keys of an issuer now",        NULL,   REASON,     "Issuer",     202, 0},
    {"POST",  "/token-checks",    "token-checks.create", KEYS, cg_admin_token_checks_create, "Would a token be accepted, and if not, why?", NULL, TOKEN, "TokenCheck", 200, 0},
    {"GET",   "/policies",        "policies.list",   NUMBERS, cg_admin_policies_list,  "Directives in force",                       PAGE,   NULL,       "Policy",     200, CG_ADMIN_IS_LIST},
    {"GET",   "/admin-events",    "events.list",     TEXTS,   cg_admin_events_list,    "What operators did, newest first",          EVENTS, NULL,       "AdminEvent", 200, CG_ADMIN_IS_LIST},
    {"GET",   "/admin-events/{id}", "events.get",    TEXTS,   cg_admin_events_get,     "One act of an operator",                    NULL,   NULL,       "AdminEvent", 200, 0},
    {"GET",   "/store",           "store.get",       NUMBERS, cg_admin_store_get,      "Is the store there?",                       NULL,   NULL,       "Store",      200, 0},
    {"GET",   "/openapi.json",    "openapi.get",     NUMBERS, cg_admin_openapi_get,    "This document",                             NULL,   NULL,       NULL,         200, 0},
};
// clang-format on
const size_t cg_admin_endpoints_count =
    sizeof cg_admin_endpoints / sizeof cg_admin_endpoints[0];

/* ---- finding the endpoint ----------------------------------------------- */

static size_t segment_len(const char *p)
{
    return strcspn(p, "/");
}

/* What stands in a path for a name in braces. */
typedef struct named_t {
    cg_str_t id;
    cg_str_t dimension;
} named_t;

/* Compares segment by segment. {subject} is all that follows, slashes too: a model
 * may have one, and httpd takes none that is escaped. */
static bool is_path(const char *pattern, const char *path, named_t *out)
{
    while (*pattern == '/' && *path == '/') {
        pattern++;
        path++;
        size_t want = segment_len(pattern);
        size_t have = segment_len(path);
        if (strcmp(pattern, "{subject}") == 0) {
            have = strlen(path);
        }
        if (*pattern == '{' && have > 0) {
            bool is_dimension = strncmp(pattern, "{dimension}", want) == 0;
            *(is_dimension ? &out->dimension : &out->id) =
                (cg_str_t){path, have};
        }
        else if (want != have || strncmp(pattern, path, have) != 0) {
            return false;
        }
        pattern += want;
        path += have;
    }
    return *pattern == '\0' && *path == '\0';
}

/* HEAD is GET whose body the server leaves out. */
static bool is_method(const cg_admin_endpoint_t *row, const char *method)
{
    return strcmp(row->method, method) == 0 ||
           (strcmp(method, "HEAD") == 0 && strcmp(row->method, "GET") == 0);
}

static void refuse_method(cg_ask_t *ask, const char *allowed)
{
    apr_table_setn(ask->reply->headers, "Allow", allowed);
    cg_admin_problem(ask, CG_PROBLEM_METHOD, "it has: %s", allowed);
}

static bool find_endpoint(cg_ask_t *ask, named_t *out)
{
    const char *path = ask->call->path ? ask->call->path : "";
    cg_buf_t allowed;
    cg_buf_init(&allowed, 32, ask->pool);
    for (size_t i = 0; i < cg_admin_endpoints_count; i++) {
        const cg_admin_endpoint_t *row = &cg_admin_endpoints[i];
        named_t named = {CG_STR(""), CG_STR("")};
        if (!is_path(row->path, path, &named)) {
            continue;
        }
        if (is_method(row, ask->call->method)) {
            ask->endpoint = row;
            *out = named;
            return true;
        }
        if (strstr(cg_buf_cstr(&allowed), row->method)) {
            continue; /* of "current" and of "{id}" */
        }
        cg_buf_fmt(&allowed, "%s%s%s", allowed.len ? ", " : "", row->method,
                   strcmp(row->method, "GET") == 0 ? ", HEAD" : "");
    }
    if (allowed.len > 0) {
        refuse_method(ask, cg_buf_cstr(&allowed));
    }
    else {
        cg_admin_problem(ask, CG_PROBLEM_PATH, "see openapi.json for all");
    }
    return false;
}

static bool refuse_name(cg_ask_t *ask, const char *pointer)
{
    cg_admin_fault(ask, "path", pointer, "bad_id", "no id looks like this");
    cg_admin_refuse_faults(ask);
    return false;
}

/* An id is one of ours: short, without blanks and control characters. What is
 * not cannot exist. */
static bool read_id(cg_ask_t *ask, cg_str_t raw)
{
    if (raw.len == 0) {
        return true;
    }
    const char *id = cg_admin_decode(raw, false, ask->pool);
    bool is_sound = id && strlen(id) <= ID_BYTES_MAX;
    for (const char *p = id; is_sound && *p; p++) {
        is_sound = *p > 0x20 && *p < 0x7F;
    }
    ask->id = id;
    return is_sound || refuse_name(ask, "/id");
}

/* A subject is a name that people or callers chose; its handler looks at it. */
static bool read_names(cg_ask_t *ask, const named_t *named)
{
    if (named->dimension.len == 0) {
        return read_id(ask, named->id);
    }
    ask->dimension = cg_admin_decode(named->dimension, false, ask->pool);
    ask->id = cg_admin_decode(named->id, false, ask->pool);
    return (ask->dimension && ask->id) ||
           refuse_name(ask, ask->dimension ? "/subject" : "/dimension");
}

/* ---- the way ------------------------------------------------------------ */

static bool is_write(const cg_ask_t *ask)
{
    return strcmp(ask->endpoint->method, "GET") != 0;
}

/* Who tried to change what they may not is worth a line; that the line could
 * not be written changes nothing about the refusal. */
static void record_denial(cg_ask_t *ask)
{
    cg_admin_reply_t *refusal = ask->reply;
    cg_admin_reply_t ignored;
    cg_admin_reply_init(&ignored, ask->pool);
    ask->reply = &ignored;
    cg_admin_record(ask, "denied", refusal->status, ask->call->path + 1, NULL);
    ask->reply = refusal;
}

/* No change without a record of it. */
static bool can_record(cg_ask_t *ask)
{
    if (ask->admin->journal) {
        return true;
    }
    cg_admin_problem(ask, CG_PROBLEM_SERVICE,
                     "there is no audit journal, so nothing can be changed");
    return false;
}

static bool may_pass(cg_ask_t *ask)
{
    if (!cg_admin_is_allowed(ask)) {
        if (is_write(ask) && ask->admin->journal) {
            record_denial(ask);
        }
        return false;
    }
    return !is_write(ask) || (cg_admin_is_meant(ask) && can_record(ask));
}

static bool is_readable(cg_ask_t *ask, const named_t *named)
{
    if (!read_names(ask, named)) {
        return false;
    }
    cg_admin_read_params(ask);
    cg_admin_read_body(ask);
    if (cg_admin_has_faults(ask)) {
        cg_admin_refuse_faults(ask);
        return false;
    }
    return !(ask->endpoint->flags & CG_ADMIN_NEEDS_IF_MATCH) ||
           cg_admin_has_if_match(ask);
}

static void answer(cg_ask_t *ask)
{
    named_t named = {CG_STR(""), CG_STR("")};
    if (!cg_admin_is_known(ask) || !find_endpoint(ask, &named) ||
        !may_pass(ask) || !is_readable(ask, &named) ||
        !cg_admin_once_begin(ask)) {
        return;
    }
    ask->endpoint->handler(ask);
    cg_admin_once_end(ask);
}

static cg_ask_t new_ask(const cg_admin_t *admin, const cg_admin_call_t *call,
                        cg_admin_reply_t *reply, apr_pool_t *pool)
{
    cg_admin_reply_init(reply, pool);
    return (cg_ask_t){
        .admin = admin,
        .call = call,
        .params = apr_table_make(pool, 8),
        .errors = cg_json_array(pool),
        .reply = reply,
        .pool = pool,
    };
}

void cg_admin_answer(const cg_admin_t *admin, const cg_admin_call_t *call,
                     cg_admin_reply_t *reply, apr_pool_t *pool)
{
    cg_ask_t ask = new_ask(admin, call, reply, pool);
    answer(&ask);
}

size_t cg_admin_body_max(const cg_admin_call_t *call)
{
    for (size_t i = 0; i < cg_admin_endpoints_count; i++) {
        const cg_admin_endpoint_t *row = &cg_admin_endpoints[i];
        named_t ignored;
        if (row->flags & CG_ADMIN_HAS_DOCUMENT &&
            is_path(row->path, call->path ? call->path : "", &ignored) &&
            is_method(row, call->method)) {
            return CG_ADMIN_DOCUMENT_BYTES_MAX;
        }
    }
    return CG_ADMIN_BODY_BYTES_MAX;
}

void cg_admin_refuse_size(const cg_admin_call_t *call, cg_admin_reply_t *reply,
                          apr_pool_t *pool)
{
    cg_ask_t ask = new_ask(NULL, call, reply, pool);
    cg_admin_problem(&ask, CG_PROBLEM_SIZE, "at most %" APR_SIZE_T_FMT " bytes",
                     cg_admin_body_max(call));
}
