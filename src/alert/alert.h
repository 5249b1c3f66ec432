/* An alert: what somebody should know, as a value and as JSON.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Its JSON is written once, when it is raised, and is what the console shows, what
 * a webhook gets and what a mail is made from. It holds names of keys, users and
 * teams, and numbers; never a text of a request.
 */
#ifndef CG_ALERT_ALERT_H
#define CG_ALERT_ALERT_H

#include <stdbool.h>
#include <stdint.h>

#include <apr_pools.h>
#include <apr_time.h>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"

/* id, name in JSON and directives, what it says. To add one: a row here, its words
 * in words.c and its paragraph in docs/manual/alerts.md. */
// clang-format off
#define CG_ALERT_KINDS(X)                                                     \
    X(THRESHOLD, "threshold", "a part of a limit is used")                    \
    X(FORECAST,  "forecast",  "a limit will be used up before its period ends") \
    X(SOFT,      "soft",      "a soft limit is passed, and requests go on")   \
    X(UNUSUAL,   "unusual",   "a key or team does what it never did")         \
    X(TEST,      "test",      "an operator tries the way of alerts")

/* What was unusual: id, name, words. */
#define CG_ALERT_PATTERNS(X)                                                  \
    X(HOUR,     "hour",     "in one hour")                                    \
    X(QUIET,    "quiet",    "in hours that are usually quiet")                \
    X(DAY,      "day",      "in 24 hours")                                    \
    X(WEEK,     "week",     "in seven days")                                  \
    X(ERRORS,   "errors",   "requests that failed")                           \
    X(REFUSALS, "refusals", "requests that were refused")
// clang-format on

typedef enum cg_alert_kind_t {
#define CG_ALERT_ENUM(id, name, words) CG_ALERT_##id,
    CG_ALERT_KINDS(CG_ALERT_ENUM)
#undef CG_ALERT_ENUM
        CG_ALERT_KIND_COUNT
} cg_alert_kind_t;

typedef enum cg_pattern_t {
#define CG_PATTERN_ENUM(id, name, words) CG_PATTERN_##id,
    CG_ALERT_PATTERNS(CG_PATTERN_ENUM)
#undef CG_PATTERN_ENUM
        CG_PATTERN_COUNT
} cg_pattern_t;

#define CG_ALERT_ID_LEN 36

/* lives in: whoever raises it or reads it; texts are borrowed, NULL is "". What a
 * kind has no use for is 0. */
typedef struct cg_alert_t {
    char id[CG_ALERT_ID_LEN + 1]; /* UUIDv7 */
    apr_time_t at;
    cg_alert_kind_t kind;
    const char *node;         /* who raised it */
    const char *organization; /* "": the default one */
    const char *dimension;    /* "team", "team+model" */
    const char *subject;      /* key id, user, team */
    const char *subject_name; /* what people call a key */
    const char *quantity;     /* "micros", "tokens"; see CG_QUANTITIES */
    const char *limit;        /* as it would be typed: "500USD/month" */
    const char *period;       /* "2026-11"; "" of windows */
    int64_t amount; /* of the limit; of unusual use: the most there was */
    int64_t used;
    int64_t held;
    int percent; /* that was reached */
    apr_time_t period_ends_at;
    apr_time_t exhausted_at; /* forecast */
    const char *pattern;     /* of unusual use */
    int64_t usual;           /* unusual: what is usual there */
    bool is_suspended;       /* the key was */
    const char *note;        /* of a test: what the operator wrote */
} cg_alert_t;

const char *cg_alert_kind_name(cg_alert_kind_t kind);
bool cg_alert_kind_find(cg_str_t name, cg_alert_kind_t *out);
const char *cg_pattern_name(cg_pattern_t pattern);

/* Appends the JSON object, with its words in English as "summary". */
void cg_alert_write(const cg_alert_t *alert, cg_buf_t *out);
/* Reads what write wrote; texts live in pool. */
bool cg_alert_read(cg_str_t json, cg_alert_t *out, apr_pool_t *pool);

/* ---- words (words.c) ------------------------------------------------------ */

typedef enum cg_language_t { CG_LANGUAGE_EN, CG_LANGUAGE_ZH } cg_language_t;

/* One line, for a subject or a list: "team search used 80 % of 500USD/month". */
const char *cg_alert_line(const cg_alert_t *alert, cg_language_t language,
                          apr_pool_t *pool);
/* Some lines with all there is to say; LF at each end. */
const char *cg_alert_text(const cg_alert_t *alert, cg_language_t language,
                          apr_pool_t *pool);

#endif
