/* What the answers look like, row by row.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The OpenAPI document is written from these rows, and the tests hold every
 * answer against them.
 */
#include "admin/admin_int.h"
#include "alert/alert.h"

#define ALWAYS .is_required = true
#define OR_NULL .is_required = true, .is_nullable = true
#define TEXT .kind = CG_FIELD_TEXT
#define COUNT .kind = CG_FIELD_COUNT
#define TIME .kind = CG_FIELD_TIME
#define WORDS(text) .words = (text)
#define END                                                                    \
    {                                                                          \
        .name = NULL                                                           \
    }

const char *const cg_admin_key_states[] = {"active",  "rotating", "suspended",
                                         "revoked", "expired",  NULL};
static const char *const KEY_RESULTS[] = {"created",   "updated", "revoked",
                                          "unchanged", "failed",  NULL};
static const char *const ACCOUNT_STATES[] = {"up", "down", "unknown", NULL};
static const char *const CREDENTIAL_STATES[] = {"ok", "unreadable", "missing",
                                                NULL};
static const char *const ISSUER_STATES[] = {"ok", "stale", "failed", "never",
                                            NULL};
static const char *const STORE_STATES[] = {"up", "down", NULL};
static const char *const QUANTITIES[] = {
#define QUANTITY_NAME(id, unit, name, words) name,
    CG_QUANTITIES(QUANTITY_NAME)
#undef QUANTITY_NAME
        NULL};
static const char *const LIMIT_KINDS[] = {"limit", "budget", NULL};
static const char *const LIMIT_MODES[] = {"hard", "soft", NULL};
static const char *const LIMIT_SETTERS[] = {"directive", "key", "console",
                                            NULL};
static const char *const LIMIT_RESULTS[] = {"created",   "updated", "removed",
                                            "unchanged", "failed",  NULL};
static const char *const ACTIONS[] = {"allow", "log",   "partial", "pseudonym",
                                      "mask",  "block", NULL};
static const char *const DIRECTIONS[] = {"both", "request", "answer", NULL};
static const char *const EFFECTS[] = {"stricter", "looser", "neutral", NULL};
static const char *const FAMILIES[] = {"custom", "general", "identity",
                                       "secret", NULL};
static const char *const APPROVALS[] = {"never", "loosening", "always", NULL};
static const char *const VERSION_STATES[] = {
    "published", "pending", "superseded", "rejected", "withdrawn", NULL};
static const char *const WHYS[] = {"check_digit", "shape",    "context",
                                   "keyword",     "pattern",  "prefix",
                                   "entropy",     "detector", NULL};
const char *const cg_admin_steps[] = {"minute", "hour", NULL};
const char *const cg_admin_alert_kinds[] = {
#define ALERT_KIND(id, name, words) name,
    CG_ALERT_KINDS(ALERT_KIND)
#undef ALERT_KIND
        NULL};
const char *const cg_admin_deliveries[] = {"waiting", "sent", "dead", "dropped",
                                         NULL};

// clang-format off
static const cg_field_t SESSION[] = {
    {"user",          TEXT, ALWAYS, WORDS("as signed in")},
    {"roles",         .kind = CG_FIELD_NAMES, ALWAYS, WORDS("of this operator")},
    {"version",       TEXT, ALWAYS, WORDS("of mod_chatgpt")},
    {"node",          TEXT, ALWAYS, WORDS("this server")},
    {"language_hint", TEXT, ALWAYS, WORDS("en or zh, from Accept-Language")},
    END};

#define KEY_ROWS                                                               \
    {"id",         TEXT, ALWAYS, WORDS("never reused")},                       \
    {"name",       TEXT, ALWAYS, WORDS("what people call it")},                \
    {"owner",      TEXT, ALWAYS, WORDS("who answers for it")},                 \
    {"user",       TEXT, ALWAYS, WORDS("limits of scope user count this")},    \
    {"team",       TEXT, ALWAYS, WORDS("limits of scope team count this")},    \
    {"prefix",     TEXT, ALWAYS, WORDS("how the secret begins")},              \
    {"last4",      TEXT, ALWAYS, WORDS("how the secret ends")},                \
    {"state",      TEXT, ALWAYS, .choices = cg_admin_key_states},                       \
    {"models",     .kind = CG_FIELD_NAMES, ALWAYS, WORDS("names, * stands for any characters; empty: all")}, \
    {"redact",     TEXT, ALWAYS, WORDS("what it demands beyond its place: TYPE=ACTION[:request|:answer], +PACK")}, \
    {"tags",       .kind = CG_FIELD_NAMES, ALWAYS},                             \
    {"endpoints",  .kind = CG_FIELD_NAMES, ALWAYS, WORDS("that it may ask; empty: all")}, \
    {"addresses",  .kind = CG_FIELD_NAMES, ALWAYS, WORDS("it may come from; empty: all")}, \
    {"vhosts",     .kind = CG_FIELD_NAMES, ALWAYS, WORDS("it may come to; empty: all")}, \
    {"hours",      TEXT, ALWAYS, WORDS("when it may come; empty: always")},    \
    {"last_used_at",     TIME, OR_NULL, WORDS("with the secret of now, within about a minute; null: never")}, \
    {"previous_until",   TIME, OR_NULL, WORDS("the secret before the last rotation works until then; null: it does not")}, \
    {"previous_used_at", TIME, OR_NULL, WORDS("when that was used last")},     \
    {"previous_last4",   TEXT, ALWAYS, WORDS("how that ends; empty: there is none")}, \
    {"limits",     .kind = CG_FIELD_LIMITS, ALWAYS, WORDS("in the place of configured ones")}, \
    {"budget",     .kind = CG_FIELD_BUDGET, OR_NULL, WORDS("for a calendar month in UTC")}, \
    {"created_at", TIME, ALWAYS},                                              \
    {"expires_at", TIME, OR_NULL, WORDS("null: never")},                       \
    {"version",    COUNT, ALWAYS, WORDS("also the ETag")}

static const cg_field_t KEY[] = {KEY_ROWS, END};
static const cg_field_t KEY_CHANGED[] = {
    KEY_ROWS,
    {"audit_id",   TEXT, ALWAYS, WORDS("of the change in the ledger")},
    END};
static const cg_field_t KEY_IMPORT_LINE[] = {
    {"line",       COUNT, ALWAYS, WORDS("of the CSV, from 1; the names are line 1")},
    {"result",     TEXT, ALWAYS, .choices = KEY_RESULTS},
    {"id",         TEXT, OR_NULL, WORDS("null: none was made")},
    {"name",       TEXT, ALWAYS},
    {"key",        TEXT, OR_NULL, WORDS("the secret of a key that was made, this once")},
    {"detail",     TEXT, ALWAYS, WORDS("of a failure")},
    {"audit_id",   TEXT, OR_NULL, WORDS("of the change in the ledger")},
    END};
static const cg_field_t KEY_IMPORT[] = {
    {"items",      .kind = CG_FIELD_ITEMS, ALWAYS, .of = "KeyImportLine"},
    {"dry_run",    .kind = CG_FIELD_BOOL, ALWAYS, WORDS("nothing was done")},
    {"created",    COUNT, ALWAYS},
    {"updated",    COUNT, ALWAYS},
    {"revoked",    COUNT, ALWAYS},
    {"unchanged",  COUNT, ALWAYS},
    {"failed",     COUNT, ALWAYS},
    END};
static const cg_field_t KEY_ISSUED[] = {
    KEY_ROWS,
    {"key",        TEXT, OR_NULL, WORDS("the secret, this once; null in a replay")},
    {"audit_id",   TEXT, ALWAYS, WORDS("of the change in the ledger")},
    END};

static const char *const SIGNING_STATES[] = {"active", "suspended", "revoked",
                                             "expired", NULL};
#define SIGNING_ROWS                                                           \
    {"id",           TEXT, ALWAYS, WORDS("keyid of its signatures; never reused")}, \
    {"name",         TEXT, ALWAYS, WORDS("what people call it")},              \
    {"key",          TEXT, ALWAYS, WORDS("id of the API key it belongs to; empty: of none")}, \
    {"user",         TEXT, ALWAYS, WORDS("who it belongs to; empty: of nobody in particular")}, \
    {"team",         TEXT, ALWAYS},                                            \
    {"algorithm",    TEXT, ALWAYS, WORDS("as in signatures: hmac-sha256, ed25519, ...")}, \
    {"public_key",   TEXT, OR_NULL, WORDS("PEM; null: it has a shared secret")}, \
    {"state",        TEXT, ALWAYS, .choices = SIGNING_STATES},                 \
    {"created_at",   TIME, ALWAYS},                                            \
    {"expires_at",   TIME, OR_NULL, WORDS("null: never")},                     \
    {"last_used_at", TIME, OR_NULL, WORDS("null: never")},                     \
    {"version",      COUNT, ALWAYS, WORDS("also the ETag")}
static const cg_field_t SIGNING[] = {SIGNING_ROWS, END};
static const cg_field_t SIGNING_CHANGED[] = {
    SIGNING_ROWS,
    {"audit_id",     TEXT, ALWAYS, WORDS("of the change in the ledger")},
    END};
static const cg_field_t SIGNING_ISSUED[] = {
    SIGNING_ROWS,
    {"secret",       TEXT, OR_NULL, WORDS("in base64, this once; null: none was made, or a replay")},
    {"audit_id",     TEXT, ALWAYS, WORDS("of the change in the ledger")},
    END};

#define GROUP_ROWS                                                             \
    {"keys",         COUNT, ALWAYS, WORDS("that stand for it")},               \
    {"active_keys",  COUNT, ALWAYS, WORDS("of these")},                        \
    {"requests",     COUNT, ALWAYS, WORDS("among the records read")},          \
    {"cost_micros",  COUNT, ALWAYS, WORDS("of these, in millionths of a US dollar")}, \
    {"last_used_at", TIME, OR_NULL, WORDS("its keys, or its newest record")},  \
    {"expires_at",   TIME, OR_NULL, WORDS("the next of its active keys")}
#define GATHERED_ROWS                                                          \
    {"next_cursor",  .kind = CG_FIELD_CURSOR, OR_NULL, WORDS("null: this was the last page")}, \
    {"keys_read",    COUNT, ALWAYS, WORDS("20000 at most, newest first")},     \
    {"records_read", COUNT, ALWAYS, WORDS("5000 at most, newest first, of 30 days")}, \
    {"since",        TIME, OR_NULL, WORDS("the oldest record read")},          \
    {"is_cut",       .kind = CG_FIELD_BOOL, ALWAYS, WORDS("there was more than was read")}
static const cg_field_t PERSON[] = {
    {"name",         TEXT, ALWAYS},
    {"teams",        .kind = CG_FIELD_NAMES, ALWAYS, WORDS("20 at most")},
    {"owned_keys",   COUNT, ALWAYS, WORDS("that name it as owner")},
    GROUP_ROWS, END};
static const cg_field_t PEOPLE[] = {
    {"items",        .kind = CG_FIELD_ITEMS, ALWAYS, .of = "Person"},
    GATHERED_ROWS, END};
static const cg_field_t TEAM[] = {
    {"name",         TEXT, ALWAYS},
    {"people",       COUNT, ALWAYS},
    GROUP_ROWS, END};
static const cg_field_t TEAMS[] = {
    {"items",        .kind = CG_FIELD_ITEMS, ALWAYS, .of = "Team"},
    GATHERED_ROWS, END};

#define FACT_ROWS                                                              \
    {"limit",          TEXT, ALWAYS, WORDS("as written, e.g. 100/60s")},       \
    {"kind",           TEXT, ALWAYS, .choices = LIMIT_KINDS},                  \
    {"quantity",       TEXT, ALWAYS, .choices = QUANTITIES},                   \
    {"window",         TEXT, ALWAYS, WORDS("60s, month; of requests at once empty")}, \
    {"window_seconds", COUNT, OR_NULL, WORDS("null: a calendar period, or none")}, \
    {"algorithm",      TEXT, OR_NULL, WORDS("sliding, smooth or exact; null: no window slides")}, \
    {"mode",           TEXT, ALWAYS, .choices = LIMIT_MODES},                  \
    {"leased",         .kind = CG_FIELD_BOOL, ALWAYS},                         \
    {"store_down",     TEXT, OR_NULL, WORDS("closed, local or open; null: as its place says")}
#define LIMIT_ROWS                                                             \
    {"dimension",      TEXT, ALWAYS, WORDS("key, team, ... or two of them: team+model")}, \
    {"scope",          TEXT, ALWAYS, WORDS("the same, as it was called before")}, \
    {"subject",        TEXT, ALWAYS, WORDS("whose use is counted")},           \
    {"label",          TEXT, ALWAYS, WORDS("the subject for people: a key's name")}, \
    {"organization",   TEXT, ALWAYS, WORDS("in whose books; empty: of none")}, \
    FACT_ROWS,                                                                 \
    {"amount",         COUNT, ALWAYS, WORDS("money in millionths of a US dollar")}, \
    {"used",           COUNT, ALWAYS, WORDS("with what is held")},             \
    {"held",           COUNT, ALWAYS, WORDS("part of used that running requests may still give back")}, \
    {"remaining",      COUNT, ALWAYS},                                         \
    {"reset_seconds",  COUNT, ALWAYS, WORDS("until all is free again")},       \
    {"resets_at",      TIME, OR_NULL, WORDS("null: all is free")},             \
    {"period_from",    TIME, OR_NULL, WORDS("of a calendar period")},          \
    {"period_to",      TIME, OR_NULL},                                         \
    {"set_by",         TEXT, ALWAYS, .choices = LIMIT_SETTERS},                \
    {"source",         TEXT, ALWAYS, WORDS("the configuration line, the key, or console")}
static const cg_field_t LIMIT[] = {LIMIT_ROWS, END};
static const cg_field_t LIMIT_BURN[] = {
    {"from",           TIME, ALWAYS, WORDS("of the period, or of the window that ends now")},
    {"to",             TIME, ALWAYS},
    {"step_seconds",   COUNT, ALWAYS},
    {"at",             .kind = CG_FIELD_TIMES, ALWAYS, WORDS("beginnings of the steps up to now")},
    {"amounts",        .kind = CG_FIELD_COUNTS, ALWAYS, WORDS("used in each, by the audit records")},
    {"is_cut",         .kind = CG_FIELD_BOOL, ALWAYS, WORDS("there were more records than were read")},
    {"rate_per_day",   COUNT, ALWAYS, WORDS("of the last days; bursts count with three medians at most")},
    {"projected",      COUNT, ALWAYS, WORDS("used at the end of the period at this rate")},
    {"exhausted_at",   TIME, OR_NULL, WORDS("null: not before the period ends")},
    END};
static const cg_field_t LIMIT_FORECAST[] = {
    LIMIT_ROWS,
    {"burn",           .kind = CG_FIELD_ANY, OR_NULL, .of = "LimitBurn", WORDS("null: of short windows, and where records do not tell")},
    END};
static const cg_field_t LIMIT_REPLACED[] = {
    FACT_ROWS,
    {"set_by",         TEXT, ALWAYS, .choices = LIMIT_SETTERS},
    {"source",         TEXT, ALWAYS},
    END};
#define LIMIT_OBJECT_ROWS                                                      \
    {"dimension",      TEXT, ALWAYS},                                          \
    {"subject",        TEXT, ALWAYS},                                          \
    {"limits",         .kind = CG_FIELD_NAMES, ALWAYS, WORDS("that the console says of it")}, \
    {"budgets",        .kind = CG_FIELD_NAMES, ALWAYS},                        \
    {"version",        COUNT, ALWAYS, WORDS("also the ETag; 0: the console says nothing of it")}, \
    {"changed_at",     TIME, OR_NULL},                                         \
    {"changed_by",     TEXT, ALWAYS}
static const cg_field_t LIMIT_OBJECT[] = {
    LIMIT_OBJECT_ROWS,
    {"label",          TEXT, ALWAYS},
    {"organization",   TEXT, ALWAYS},
    {"items",          .kind = CG_FIELD_ITEMS, ALWAYS, .of = "LimitForecast"},
    {"replaced",       .kind = CG_FIELD_ITEMS, ALWAYS, .of = "LimitReplaced", WORDS("what would hold without the console's")},
    END};
static const cg_field_t LIMIT_OBJECT_CHANGED[] = {
    LIMIT_OBJECT_ROWS,
    {"audit_id",       TEXT, ALWAYS, WORDS("of the change in the ledger")},
    END};
static const cg_field_t LIMIT_TRIED[] = {
    {"dimension",      TEXT, ALWAYS},
    {"subject",        TEXT, ALWAYS},
    FACT_ROWS,
    {"set_by",         TEXT, ALWAYS, .choices = LIMIT_SETTERS},
    {"amount",         COUNT, ALWAYS},
    {"used",           COUNT, ALWAYS},
    {"held",           COUNT, ALWAYS},
    {"remaining",      COUNT, ALWAYS},
    {"cost",           COUNT, ALWAYS, WORDS("worst case of this request")},
    {"fits",           .kind = CG_FIELD_BOOL, ALWAYS},
    {"fits_at",        TIME, OR_NULL, WORDS("if nothing else comes; null: never")},
    END};
static const cg_field_t SIMULATION[] = {
    {"passes",         .kind = CG_FIELD_BOOL, ALWAYS},
    {"status",         COUNT, ALWAYS, WORDS("200, or of the refusal")},
    {"reason",         TEXT, ALWAYS, WORDS("code of the refusal; empty: it passes")},
    {"detail",         TEXT, ALWAYS, WORDS("what the caller would read")},
    {"decided_by",     .kind = CG_FIELD_ANY, OR_NULL, .of = "LimitTried", WORDS("the limit that keeps it out longest; null: none does")},
    {"passes_at",      TIME, OR_NULL, WORDS("if nothing else comes; null: never")},
    {"input_tokens",   COUNT, ALWAYS},
    {"tokens_exact",   .kind = CG_FIELD_BOOL, ALWAYS, WORDS("the provider should count the same")},
    {"output_tokens",  COUNT, ALWAYS, WORDS("the most that is held")},
    {"clamped_to",     COUNT, OR_NULL, WORDS("what the limits leave; null: it is not shortened")},
    {"cost_micros",    COUNT, OR_NULL, WORDS("worst case; null: the model has no price")},
    {"place",          TEXT, ALWAYS, WORDS("virtual host and path")},
    {"limits",         .kind = CG_FIELD_ITEMS, ALWAYS, .of = "LimitTried"},
    END};
static const cg_field_t LIMIT_IMPORT_LINE[] = {
    {"line",           COUNT, ALWAYS, WORDS("of the CSV, from 1; the names are line 1")},
    {"result",         TEXT, ALWAYS, .choices = LIMIT_RESULTS},
    {"dimension",      TEXT, ALWAYS},
    {"subject",        TEXT, ALWAYS},
    {"detail",         TEXT, ALWAYS, WORDS("of a failure")},
    {"audit_id",       TEXT, OR_NULL, WORDS("of the change in the ledger")},
    END};
static const cg_field_t LIMIT_IMPORT[] = {
    {"items",          .kind = CG_FIELD_ITEMS, ALWAYS, .of = "LimitImportLine"},
    {"dry_run",        .kind = CG_FIELD_BOOL, ALWAYS, WORDS("nothing was done")},
    {"created",        COUNT, ALWAYS},
    {"updated",        COUNT, ALWAYS},
    {"removed",        COUNT, ALWAYS},
    {"unchanged",      COUNT, ALWAYS},
    {"failed",         COUNT, ALWAYS},
    END};
static const cg_field_t BUDGET[] = {
    {"scope",            TEXT, ALWAYS},
    {"subject",          TEXT, ALWAYS, WORDS("whose use is counted")},
    {"label",            TEXT, ALWAYS, WORDS("the subject for people")},
    {"limit",            TEXT, ALWAYS, WORDS("as written, e.g. 5USD/month")},
    {"period",           TEXT, ALWAYS, WORDS("e.g. 2026-11; of windows empty")},
    {"amount_micros",    COUNT, ALWAYS, WORDS("millionths of a US dollar")},
    {"used_micros",      COUNT, ALWAYS, WORDS("spent and held")},
    {"held_micros",      COUNT, ALWAYS, WORDS("part of used that running requests may still give back")},
    {"remaining_micros", COUNT, ALWAYS},
    {"reset_seconds",    COUNT, ALWAYS},
    {"source",           TEXT, ALWAYS},
    END};

static const cg_field_t FINDING[] = {
    {"type",      TEXT, ALWAYS, WORDS("e.g. CREDIT_CARD")},
    {"direction", TEXT, ALWAYS, WORDS("request or answer")},
    {"count",     COUNT, ALWAYS},
    {"action",    TEXT, ALWAYS, WORDS("mask, block or log")},
    END};
static const cg_field_t REQUEST[] = {
    {"id",                  TEXT, ALWAYS, WORDS("x-request-id of the answer")},
    {"at",                  TIME, ALWAYS},
    {"key_id",              TEXT, ALWAYS},
    {"key_name",            TEXT, ALWAYS},
    {"team",                TEXT, ALWAYS},
    {"user",                TEXT, ALWAYS},
    {"address",             TEXT, ALWAYS},
    {"vhost",               TEXT, ALWAYS},
    {"endpoint",            TEXT, ALWAYS},
    {"model_asked",         TEXT, ALWAYS},
    {"model_served",        TEXT, ALWAYS},
    {"decision",            TEXT, ALWAYS, WORDS("served, refused, failed or aborted")},
    {"reason",              TEXT, ALWAYS, WORDS("code of the refusal")},
    {"status",              COUNT, ALWAYS},
    {"findings",            .kind = CG_FIELD_ITEMS, ALWAYS, .of = "Finding"},
    {"opaque",              TEXT, WORDS("files that could not be read, by kind: image=2,audio=1")},
    {"prompt",              TEXT, OR_NULL, WORDS("masked; null when not kept, or not for this role")},
    {"prompt_cut",          .kind = CG_FIELD_BOOL, ALWAYS},
    {"answer",              TEXT, OR_NULL, WORDS("likewise")},
    {"answer_cut",          .kind = CG_FIELD_BOOL, ALWAYS},
    {"input_tokens",        COUNT, ALWAYS},
    {"output_tokens",       COUNT, ALWAYS},
    {"tokens_from",         TEXT, ALWAYS, WORDS("provider, counted, estimate or none")},
    {"clamped_output_tokens", COUNT, WORDS("what limits left of the output that was asked for; absent: all of it")},
    {"soft_limits_passed",  TEXT, WORDS("soft limits that had no room for it, as key 5/1h, team 2USD/day; absent: none")},
    {"cost_micros",         COUNT, ALWAYS},
    {"took_micros",         COUNT, ALWAYS},
    {"first_byte_micros",   COUNT, ALWAYS},
    {"attempts",            COUNT, ALWAYS},
    {"upstream",            TEXT, ALWAYS},
    {"upstream_request_id", TEXT, ALWAYS},
    {"stream",              .kind = CG_FIELD_BOOL, ALWAYS},
    {"policy_version",      COUNT, WORDS("of the published policy; 0: none")},
    {"signing_key",         TEXT, WORDS("id of the key that signed the request; empty: it was not signed")},
    {"region",              TEXT, WORDS("whose rules held; empty: none")},
    {"upstream_region",     TEXT, WORDS("where the upstream stands; empty: not said")},
    {"label",               .kind = CG_FIELD_BOOL, WORDS("the answer said that a machine wrote it")},
    {"keep_until",          TIME, .is_nullable = true, WORDS("null: as long as ChatGPTAuditKeep has room")},
    {"position",            TEXT, WORDS("names the record for good; not in exports")},
    END};

static const cg_field_t SERIES[] = {
    {"at",            .kind = CG_FIELD_TIMES, ALWAYS, WORDS("beginning of each step")},
    {"requests",      .kind = CG_FIELD_COUNTS, ALWAYS},
    {"served",        .kind = CG_FIELD_COUNTS, ALWAYS},
    {"refused",       .kind = CG_FIELD_COUNTS, ALWAYS},
    {"failed",        .kind = CG_FIELD_COUNTS, ALWAYS},
    {"aborted",       .kind = CG_FIELD_COUNTS, ALWAYS},
    {"input_tokens",  .kind = CG_FIELD_COUNTS, ALWAYS},
    {"output_tokens", .kind = CG_FIELD_COUNTS, ALWAYS},
    {"cost_micros",   .kind = CG_FIELD_COUNTS, ALWAYS},
    {"findings",      .kind = CG_FIELD_COUNTS, ALWAYS},
    END};
static const cg_field_t TOTALS[] = {
    {"requests",      COUNT, ALWAYS},
    {"served",        COUNT, ALWAYS},
    {"refused",       COUNT, ALWAYS},
    {"failed",        COUNT, ALWAYS},
    {"aborted",       COUNT, ALWAYS},
    {"input_tokens",  COUNT, ALWAYS},
    {"output_tokens", COUNT, ALWAYS},
    {"cost_micros",   COUNT, ALWAYS},
    {"findings",      COUNT, ALWAYS},
    END};
static const cg_field_t STATS[] = {
    {"step",   TEXT, ALWAYS, .choices = cg_admin_steps},
    {"series", .kind = CG_FIELD_OBJECT, ALWAYS, .of = "Series"},
    {"totals", .kind = CG_FIELD_OBJECT, ALWAYS, .of = "Totals"},
    END};

static const cg_field_t ENTITY[] = {
    {"type",   TEXT, ALWAYS},
    {"start",  COUNT, ALWAYS, WORDS("in code points")},
    {"end",    COUNT, ALWAYS, WORDS("after the last code point")},
    {"score",  .kind = CG_FIELD_REAL, ALWAYS, WORDS("0 to 1")},
    {"rule",   TEXT, ALWAYS, WORDS("built-in, or the name of a list or pattern")},
    {"action", TEXT, ALWAYS},
    {"why",    .kind = CG_FIELD_OBJECT, ALWAYS, .of = "Why"},
    END};
static const cg_field_t SCAN[] = {
    {"entities",   .kind = CG_FIELD_ITEMS, ALWAYS, .of = "Entity"},
    {"masked",     TEXT, ALWAYS, WORDS("what a provider would see")},
    {"blocked_by", TEXT, OR_NULL, WORDS("the type for which the whole would be refused")},
    {"audit_id",   TEXT, ALWAYS},
    END};

static const cg_field_t ALERT_SENT[] = {
    {"way",     TEXT, ALWAYS, WORDS("name of a ChatGPTAlertTo")},
    {"state",   TEXT, ALWAYS, .choices = cg_admin_deliveries},
    {"tries",   COUNT, ALWAYS},
    {"error",   TEXT, ALWAYS, WORDS("of the last try; empty: none")},
    {"sent_at", TIME, OR_NULL},
    END};
#define ALERT_ROWS                                                             \
    {"id",             TEXT, ALWAYS, WORDS("also webhook-id")},                \
    {"at",             TIME, ALWAYS},                                          \
    {"kind",           TEXT, ALWAYS, .choices = cg_admin_alert_kinds},                  \
    {"node",           TEXT, ALWAYS, WORDS("the server that raised it")},      \
    {"organization",   TEXT, ALWAYS, WORDS("empty: the default one")},         \
    {"dimension",      TEXT, ALWAYS, WORDS("key, team, team+model, ...; empty of a test")}, \
    {"subject",        TEXT, ALWAYS, WORDS("key id, user, team")},             \
    {"subject_name",   TEXT, ALWAYS, WORDS("what people call a key")},         \
    {"quantity",       TEXT, ALWAYS, WORDS("micros are millionths of a dollar")}, \
    {"limit",          TEXT, ALWAYS, WORDS("as it would be typed")},           \
    {"period",         TEXT, ALWAYS, WORDS("2026-11; empty of windows")},      \
    {"pattern",        TEXT, ALWAYS, WORDS("of unusual use: hour, quiet, day, week, errors, refusals")}, \
    {"note",           TEXT, ALWAYS, WORDS("of a test")},                      \
    {"amount",         COUNT, ALWAYS, WORDS("of the limit")},                  \
    {"used",           COUNT, ALWAYS},                                         \
    {"held",           COUNT, ALWAYS, WORDS("by requests under way")},         \
    {"usual",          COUNT, ALWAYS, WORDS("of unusual use: the most there was")}, \
    {"percent",        COUNT, ALWAYS, WORDS("that was reached")},              \
    {"period_ends_at", TIME, OR_NULL},                                         \
    {"exhausted_at",   TIME, OR_NULL, WORDS("as foreseen")},                   \
    {"suspended",      .kind = CG_FIELD_BOOL, ALWAYS, WORDS("the key was")},   \
    {"summary",        TEXT, ALWAYS, WORDS("one line in English")},            \
    {"summary_zh",     TEXT, ALWAYS, WORDS("one line in Chinese")},            \
    {"acknowledged_at", TIME, OR_NULL},                                        \
    {"acknowledged_by", TEXT, ALWAYS},                                         \
    {"acknowledged_note", TEXT, ALWAYS},                                       \
    {"deliveries",     .kind = CG_FIELD_ITEMS, ALWAYS, .of = "AlertDelivery"}
static const cg_field_t ALERT[] = {ALERT_ROWS, END};
static const cg_field_t ALERT_CHANGED[] = {
    ALERT_ROWS,
    {"audit_id",       TEXT, ALWAYS, WORDS("of the act in the ledger")},
    END};
static const cg_field_t ALERT_WAY[] = {
    {"name",   TEXT, ALWAYS},
    {"kind",   TEXT, ALWAYS, WORDS("webhook or mail")},
    {"url",    TEXT, ALWAYS, WORDS("without path and query")},
    {"kinds",  .kind = CG_FIELD_NAMES, ALWAYS, WORDS("of alerts that go this way")},
    {"to",     .kind = CG_FIELD_NAMES, ALWAYS, WORDS("addresses of mail")},
    {"signed", .kind = CG_FIELD_BOOL, ALWAYS},
    END};
static const cg_field_t ACCOUNT[] = {
    {"name",          TEXT, ALWAYS},
    {"url",           TEXT, ALWAYS},
    {"provider",      TEXT, ALWAYS},
    {"state",         TEXT, ALWAYS, .choices = ACCOUNT_STATES},
    {"since",         TIME, OR_NULL},
    {"last_probe_at", TIME, OR_NULL},
    {"latency_ms",    COUNT, OR_NULL},
    {"requests",      COUNT, ALWAYS},
    {"failures",      COUNT, ALWAYS},
    {"credential",    TEXT, ALWAYS, WORDS("where it comes from: file, env, stored or none")},
    {"region",        TEXT, ALWAYS, WORDS("as rules call it; empty: not said")},
    END};
static const cg_field_t CREDENTIAL[] = {
    {"name",       TEXT, ALWAYS},
    {"state",      TEXT, ALWAYS, .choices = CREDENTIAL_STATES},
    {"version",    COUNT, ALWAYS, WORDS("counts its changes; 0: missing")},
    {"in_force",   COUNT, ALWAYS, WORDS("the version that goes out; 0: none")},
    {"created_at", TIME, OR_NULL},
    {"changed_at", TIME, OR_NULL},
    {"kek_id",     TEXT, ALWAYS, WORDS("of the master key it is sealed under")},
    {"used_by",    .kind = CG_FIELD_NAMES, ALWAYS, WORDS("upstreams")},
    END};
static const cg_field_t ISSUER_KEY[] = {
    {"kid", TEXT, ALWAYS, WORDS("empty: it has none")},
    {"alg", TEXT, ALWAYS, WORDS("the one algorithm that it verifies")},
    {"kty", TEXT, ALWAYS},
    END};
static const cg_field_t ISSUER[] = {
    {"name",         TEXT, ALWAYS},
    {"issuer",       TEXT, ALWAYS, WORDS("iss of its tokens, to the letter")},
    {"audience",     .kind = CG_FIELD_NAMES, ALWAYS, WORDS("aud holds one of them")},
    {"algorithms",   .kind = CG_FIELD_NAMES, ALWAYS, WORDS("preferred first")},
    {"jwks",         TEXT, ALWAYS, WORDS("where its keys come from: URL, file or secret")},
    {"state",        TEXT, ALWAYS, .choices = ISSUER_STATES},
    {"keys",         .kind = CG_FIELD_ITEMS, ALWAYS, .of = "IssuerKey"},
    {"refreshed_at", TIME, OR_NULL, WORDS("when the keys that are here came; null for a file's")},
    {"tried_at",     TIME, OR_NULL, WORDS("when they were last asked for")},
    {"error",        TEXT, OR_NULL, WORDS("why the last try failed")},
    END};
static const cg_field_t TOKEN_CHECK[] = {
    {"accepted",   .kind = CG_FIELD_BOOL, ALWAYS},
    {"issuer",     TEXT, OR_NULL, WORDS("whose it says it is")},
    {"rule",       TEXT, OR_NULL, WORDS("the rule that refuses it")},
    {"detail",     TEXT, OR_NULL, WORDS("what that rule asks for")},
    {"user",       TEXT, OR_NULL, WORDS("its subject; ChatGPTIdentity may say another one where it is used")},
    {"team",       TEXT, OR_NULL, WORDS("null: ChatGPTIdentity says it where the token is used")},
    {"roles",      .kind = CG_FIELD_NAMES, ALWAYS, WORDS("likewise")},
    {"identity_lines", .kind = CG_FIELD_NAMES, ALWAYS, WORDS("lines of ChatGPTIdentity, and where they stand: there they say user, team and roles anew")},
    {"expires_at", TIME, OR_NULL},
    {"claims",     .kind = CG_FIELD_ANY, OR_NULL, WORDS("of a token that is accepted, as it has them")},
    END};
static const cg_field_t POLICY[] = {
    {"directive", TEXT, ALWAYS},
    {"value",     TEXT, ALWAYS},
    {"where",     TEXT, ALWAYS},
    END};
static const cg_field_t EVENT[] = {
    {"id",         TEXT, ALWAYS, WORDS("the audit_id that the change answered")},
    {"at",         TIME, ALWAYS},
    {"user",       TEXT, ALWAYS},
    {"address",    TEXT, ALWAYS},
    {"operation",  TEXT, ALWAYS, WORDS("operationId")},
    {"decision",   TEXT, ALWAYS, WORDS("changed, read or denied")},
    {"status",     COUNT, ALWAYS},
    {"subject",    TEXT, ALWAYS, WORDS("e.g. keys/k3n7w2px")},
    {"change",     .kind = CG_FIELD_OBJECT, OR_NULL, WORDS("members with before and after")},
    {"request_id", TEXT, ALWAYS},
    END};
static const cg_field_t DOCUMENT[] = {
    {"packs",    .kind = CG_FIELD_NAMES, .is_nullable = true, WORDS("names; null: those that ChatGPTRules chooses")},
    {"locked",   .kind = CG_FIELD_BOOL, WORDS("true: no directive makes it looser")},
    {"types",    .kind = CG_FIELD_ITEMS, .of = "PolicyType"},
    {"lists",    .kind = CG_FIELD_ITEMS, .of = "PolicyList"},
    {"patterns", .kind = CG_FIELD_ITEMS, .of = "PolicyPattern"},
    {"allowed",  .kind = CG_FIELD_NAMES, WORDS("values never found; @example.com: every address there")},
    END};
static const cg_field_t DOCUMENT_TYPE[] = {
    {"type",      TEXT, ALWAYS, WORDS("a type, SECRET_* or *")},
    {"action",    TEXT, ALWAYS, .choices = ACTIONS},
    {"direction", TEXT, .choices = DIRECTIONS, WORDS("both if not given")},
    END};
static const cg_field_t DOCUMENT_LIST[] = {
    {"name",       TEXT, ALWAYS},
    {"words",      .kind = CG_FIELD_NAMES, ALWAYS},
    {"exact",      .kind = CG_FIELD_BOOL, WORDS("upper and lower case differ")},
    {"whole_word", .kind = CG_FIELD_BOOL, WORDS("not inside a longer one")},
    {"action",     TEXT, .is_nullable = true, .choices = ACTIONS, WORDS("null: that of KEYWORD")},
    END};
static const cg_field_t DOCUMENT_PATTERN[] = {
    {"name",     TEXT, ALWAYS},
    {"regex",    TEXT, ALWAYS, WORDS("PCRE syntax as Hyperscan takes it")},
    {"caseless", .kind = CG_FIELD_BOOL},
    {"action",   TEXT, .is_nullable = true, .choices = ACTIONS, WORDS("null: that of CUSTOM")},
    END};
static const cg_field_t DOCUMENT_FAULT[] = {
    {"pointer", TEXT, ALWAYS, WORDS("RFC 6901, into the document")},
    {"code",    TEXT, ALWAYS},
    {"detail",  TEXT, ALWAYS},
    END};
static const cg_field_t CHANGE[] = {
    {"pointer",   TEXT, ALWAYS, WORDS("RFC 6901, into the document; of what is gone, into its base")},
    {"what",      TEXT, ALWAYS, WORDS("name of the thing, and what of it")},
    {"before",    .kind = CG_FIELD_ANY, OR_NULL},
    {"after",     .kind = CG_FIELD_ANY, OR_NULL},
    {"effect",    TEXT, ALWAYS, .choices = EFFECTS},
    {"direction", TEXT, .choices = DIRECTIONS, WORDS("of a type")},
    {"added",     .kind = CG_FIELD_NAMES, WORDS("of words and values, the first 50")},
    {"removed",   .kind = CG_FIELD_NAMES, WORDS("likewise")},
    END};
static const cg_field_t CHECK[] = {
    {"faults",  .kind = CG_FIELD_ITEMS, ALWAYS, .of = "PolicyFault"},
    {"changes", .kind = CG_FIELD_ITEMS, ALWAYS, .of = "PolicyChange"},
    {"loosens", .kind = CG_FIELD_BOOL, ALWAYS, WORDS("some change is looser")},
    END};
#define VERSION_ROWS                                                           \
    {"version",       COUNT, ALWAYS},                                          \
    {"state",         TEXT, ALWAYS, .choices = VERSION_STATES},                \
    {"author",        TEXT, ALWAYS},                                           \
    {"note",          TEXT, ALWAYS},                                           \
    {"created_at",    TIME, ALWAYS},                                           \
    {"base_version",  COUNT, OR_NULL, WORDS("null: there was none")},          \
    {"loosens",       .kind = CG_FIELD_BOOL, ALWAYS, WORDS("against its base")}, \
    {"approved_by",   TEXT, OR_NULL, WORDS("null: needed nobody, or was not")}, \
    {"decided_by",    TEXT, OR_NULL},                                          \
    {"decided_at",    TIME, OR_NULL},                                          \
    {"decision_note", TEXT, OR_NULL},                                          \
    {"published_at",  TIME, OR_NULL},                                          \
    {"restores",      COUNT, OR_NULL, WORDS("the version whose document it has")}
static const cg_field_t VERSION[] = {VERSION_ROWS, END};
static const cg_field_t VERSION_WHOLE[] = {
    VERSION_ROWS,
    {"document", .kind = CG_FIELD_OBJECT, ALWAYS, .of = "PolicyDocument"},
    {"changes",  .kind = CG_FIELD_ITEMS, ALWAYS, .of = "PolicyChange"},
    END};
static const cg_field_t VERSION_CHANGED[] = {
    VERSION_ROWS,
    {"audit_id", TEXT, ALWAYS, WORDS("of the change in the ledger")},
    END};
static const cg_field_t CATALOGUE_TYPE[] = {
    {"name",          TEXT, ALWAYS},
    {"what",          TEXT, ALWAYS, WORDS("for people")},
    {"family",        TEXT, ALWAYS, .choices = FAMILIES},
    {"needs_context", .kind = CG_FIELD_BOOL, ALWAYS, WORDS("found only with a word near that says what it is")},
    {"needs_pack", .kind = CG_FIELD_BOOL, ALWAYS, WORDS("let pass where none of the chosen packs names it; else masked")},
    END};
static const cg_field_t CATALOGUE_PACK[] = {
    {"name",  TEXT, ALWAYS},
    {"title", TEXT, ALWAYS},
    {"types", .kind = CG_FIELD_ITEMS, ALWAYS, .of = "PolicyType"},
    END};
static const cg_field_t CATALOGUE[] = {
    {"types",    .kind = CG_FIELD_ITEMS, ALWAYS, .of = "CatalogueType"},
    {"packs",    .kind = CG_FIELD_ITEMS, ALWAYS, .of = "CataloguePack"},
    {"actions",  .kind = CG_FIELD_NAMES, ALWAYS, WORDS("in the order of strictness")},
    {"approval", TEXT, ALWAYS, .choices = APPROVALS, WORDS("ChatGPTPolicyApproval")},
    {"in_force", COUNT, ALWAYS, WORDS("the version this server works by; 0: none")},
    END};
static const cg_field_t WHY[] = {
    {"reason", TEXT, ALWAYS, .choices = WHYS},
    {"label",  TEXT, OR_NULL, WORDS("the context word")},
    END};
static const cg_field_t STORE[] = {
    {"state",                   TEXT, ALWAYS, .choices = STORE_STATES},
    {"since",                   TIME, OR_NULL, WORDS("when it went down")},
    {"where",                   TEXT, OR_NULL, WORDS("without password")},
    {"journal_backlog_records", COUNT, ALWAYS, WORDS("not yet in the ledger")},
    {"journal_backlog_bytes",   COUNT, ALWAYS},
    END};

const cg_schema_t cg_admin_schemas[] = {
    {"Session",    "who is signed in",                        SESSION},
    {"Key",        "an API key without its secret",           KEY},
    {"KeyChanged", "a key after a change",                    KEY_CHANGED},
    {"KeyIssued",  "a key with its secret",                   KEY_ISSUED},
    {"KeyImport",  "what a CSV did",                          KEY_IMPORT},
    {"KeyImportLine", "what a line did",                      KEY_IMPORT_LINE},
    {"SigningKey", "a key that signs requests, without its secret", SIGNING},
    {"SigningKeyChanged", "a signing key after a change",     SIGNING_CHANGED},
    {"SigningKeyIssued", "a new signing key with its secret", SIGNING_ISSUED},
    {"Person",     "who has keys or calls",                   PERSON},
    {"People",     "a page of them",                          PEOPLE},
    {"Team",       "whose people call together",              TEAM},
    {"Teams",      "a page of them",                          TEAMS},
    {"Limit",      "a limit and what is used of it",          LIMIT},
    {"LimitForecast", "a limit, its use and its forecast",    LIMIT_FORECAST},
    {"LimitBurn",  "what was used over a period",             LIMIT_BURN},
    {"LimitReplaced", "a limit another stands in the place of", LIMIT_REPLACED},
    {"LimitObject", "one object's limits",                    LIMIT_OBJECT},
    {"LimitObjectChanged", "what the console says after a change", LIMIT_OBJECT_CHANGED},
    {"LimitSimulation", "would a request pass?",              SIMULATION},
    {"LimitTried", "a limit that a request would meet",       LIMIT_TRIED},
    {"LimitImport", "what a CSV did",                         LIMIT_IMPORT},
    {"LimitImportLine", "what a line did",                    LIMIT_IMPORT_LINE},
    {"Budget",     "a budget and what is used of it",         BUDGET},
    {"Finding",    "what was found in a request, by type",    FINDING},
    {"Request",    "the audit record of a request",           REQUEST},
    {"Series",     "columns of equal length",                 SERIES},
    {"Totals",     "sums of the columns",                     TOTALS},
    {"Stats",      "sums over time",                          STATS},
    {"Entity",     "a finding in a text",                     ENTITY},
    {"Scan",       "what is found in a text",                 SCAN},
    {"Alert",      "what somebody should know",               ALERT},
    {"AlertChanged", "an alert after an act of an operator",  ALERT_CHANGED},
    {"AlertDelivery", "how an alert went one way",            ALERT_SENT},
    {"AlertWay",   "a webhook or mail",                       ALERT_WAY},
    {"Account",    "an upstream account",                     ACCOUNT},
    {"Credential", "a stored credential, without its value",  CREDENTIAL},
    {"Issuer",     "an issuer of tokens",                     ISSUER},
    {"IssuerKey",  "a key of an issuer, its public half",     ISSUER_KEY},
    {"TokenCheck", "would a token be accepted?",              TOKEN_CHECK},
    {"Policy",     "a directive in force",                    POLICY},
    {"AdminEvent", "what an operator did",                    EVENT},
    {"PolicyDocument", "what is published",                   DOCUMENT},
    {"PolicyType",    "what is done with a type",             DOCUMENT_TYPE},
    {"PolicyList",    "words found as KEYWORD",               DOCUMENT_LIST},
    {"PolicyPattern", "a regex, found as CUSTOM:name",        DOCUMENT_PATTERN},
    {"PolicyFault",   "what is wrong with a document",        DOCUMENT_FAULT},
    {"PolicyChange",  "a difference to the version before",   CHANGE},
    {"PolicyCheck",   "what publishing would do",             CHECK},
    {"PolicyVersion", "a version of the published policy",    VERSION},
    {"PolicyVersionWhole", "a version with its document",     VERSION_WHOLE},
    {"PolicyVersionChanged", "a version after a deed",        VERSION_CHANGED},
    {"CatalogueType", "a type there is",                      CATALOGUE_TYPE},
    {"CataloguePack", "a pack there is",                      CATALOGUE_PACK},
    {"PolicyCatalogue", "what a policy may speak of",         CATALOGUE},
    {"Why",        "why something was found",                 WHY},
    {"Store",      "the store's state",                       STORE},
};
// clang-format on
const size_t cg_admin_schemas_count =
    sizeof cg_admin_schemas / sizeof cg_admin_schemas[0];
