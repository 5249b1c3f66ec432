/* Limits in force: gathered, with what is used of them, and as JSON.
 * SPDX-License-Identifier: Apache-2.0
 *
 * For the files of admin that handle limits.
 */
#ifndef CG_ADMIN_LIMITS_H
#define CG_ADMIN_LIMITS_H

#include "admin/admin_int.h"
#include "quota/overrides.h"
#include "quota/quota.h"

typedef enum cg_limit_by_t {
    CG_LIMIT_BY_DIRECTIVE,
    CG_LIMIT_BY_KEY,
    CG_LIMIT_BY_CONSOLE,
    CG_LIMIT_BY_COUNT
} cg_limit_by_t;

typedef enum cg_limit_kind_t {
    CG_LIMIT_KIND_ANY,
    CG_LIMIT_KIND_LIMIT,
    CG_LIMIT_KIND_BUDGET
} cg_limit_kind_t;

/* Which rows are wanted; zeroed: all. */
typedef struct cg_limit_wish_t {
    bool has_scope;
    cg_limit_t scope; /* dimension and with */
    const char *subject;
    const char *q;            /* text in subject, label, limit or source */
    const char *organization; /* whose counters */
    cg_limit_kind_t kind;
    bool with_replaced; /* also what an override stands in the place of */
} cg_limit_wish_t;

/* lives in: the call's pool */
typedef struct cg_limit_row_t {
    cg_limit_t limit;
    const char *subject;
    const char *label; /* for people: a key's name */
    const char *organization;
    const char *source; /* the configuration line, the key, or "console" */
    cg_limit_by_t by;
    bool is_replaced;  /* an override stands in its place */
    const char *place; /* sorts */
} cg_limit_row_t;

const char *cg_admin_limit_by_name(cg_limit_by_t by);
/* From the parameters of the query; false: the faults are answered. */
bool cg_admin_limits_wish(cg_ask_t *ask, cg_limit_wish_t *out);
/* Sorted, each once. NULL: the problem is answered. */
apr_array_header_t *cg_admin_limits_gather(cg_ask_t *ask,
                                           const cg_limit_wish_t *wish);
/* Of rows from the first on; NULL: the problem is answered. */
cg_quota_left_t *
cg_admin_limits_usage(cg_ask_t *ask, const cg_limit_row_t *rows, size_t count);
cg_json_t *cg_admin_limit_json(const cg_ask_t *ask, const cg_limit_row_t *row,
                               const cg_quota_left_t *left);
/* {"limit", "quantity", "window", ...}: what a limit is, without its use. */
void cg_admin_limit_facts(const cg_ask_t *ask, cg_json_t *object,
                          const cg_limit_t *limit);
/* False: limits are not configured, which is answered. */
bool cg_admin_has_quota(cg_ask_t *ask);

/* ---- overrides (limits_set.c) ---------------------------------------------- */

/* All of the store's, or those of this child where they are many. NULL: answered. */
const cg_overrides_t *cg_admin_overrides(cg_ask_t *ask);
/* What the store has of one; count 0 and version 0: nothing. False: answered. */
bool cg_admin_override_read(cg_ask_t *ask, const cg_limit_t *scope,
                            const char *subject, cg_override_t *out);
/* The limits of one kind, as JSON. */
cg_json_t *cg_admin_override_list(const cg_override_t *row, bool is_money,
                                  apr_pool_t *pool);
/* Puts the row in the place of before, and records it; taken back when it cannot be
 * recorded. wanted: as cg_override_put. NULL: the problem is answered. */
const char *cg_admin_override_set(cg_ask_t *ask, const cg_override_t *before,
                                  cg_override_t *row, int64_t wanted);
/* Do both say the same? */
bool cg_admin_override_is_same(const cg_override_t *a, const cg_override_t *b,
                               apr_pool_t *pool);
/* A subject can be one: 1 to 256 bytes of UTF-8 in one line; of a pair two. */
bool cg_admin_subject_is_sound(const cg_limit_t *scope, const char *subject);

/* ---- burn-down (limits_history.c, limits_burn.c) ---------------------------- */

typedef struct cg_limit_use_t {
    apr_time_t at;
    int64_t input_tokens;
    int64_t output_tokens;
    int64_t micros;
} cg_limit_use_t;

/* What one object has used, by the records. lives in: the call's pool */
typedef struct cg_limit_history_t {
    cg_ask_t *ask;
    cg_limit_t scope;
    const char *first;  /* the subject, or of a pair its half; NULL: not told */
    const char *second; /* of a pair */
    apr_time_t from;    /* the beginning of the longest period */
    bool was_tried;
    bool is_read;
    bool is_cut;              /* there are more than were read */
    apr_time_t known_from;    /* the oldest record that was looked at */
    apr_array_header_t *uses; /* of cg_limit_use_t, newest first */
} cg_limit_history_t;

/* rows: of one object. Reads nothing yet. */
cg_limit_history_t *
cg_admin_limit_history(cg_ask_t *ask, const cg_limit_row_t *rows, size_t count);
/* Reads it, the first time. False: records do not tell, or cannot be read. */
bool cg_admin_limit_history_read(cg_limit_history_t *history);
/* What was used of a limit over its period, and when it will be used up; JSON null for
 * windows shorter than a day, and where nothing is known. */
cg_json_t *cg_admin_limit_burn(cg_limit_history_t *history,
                               const cg_limit_row_t *row,
                               const cg_quota_left_t *left);

#endif
