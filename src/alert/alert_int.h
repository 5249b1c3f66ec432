/* What the files of this room share; nobody else includes it but their tests.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef CG_ALERT_INT_H
#define CG_ALERT_INT_H

#include "alert/feed.h"
#include "alert/rules.h"
#include "store/keys.h"

struct cg_alert_feed_t {
    cg_store_t *store;
    cg_script_t raise;
    cg_script_t take;
    cg_script_t end;
    cg_script_t acknowledge;
};

/* A key of the room with one part, or none (NULL). */
cg_str_t cg_alert_key(cg_keys_id_t id, const char *part, apr_pool_t *pool);
/* A script that must answer with a number. */
apr_status_t cg_alert_run(cg_alert_feed_t *feed, const cg_script_t *script,
                          const cg_str_t *keys, size_t keys_count,
                          const cg_str_t *args, size_t args_count, int64_t *out,
                          cg_error_t *err, apr_pool_t *pool);

/* ---- reading the words of a directive (rules.c, rules_ways.c) --------------- */

/* What the words of one line are read with. */
typedef struct cg_alert_line_t {
    const char *directive;
    const char *(*path_of)(const char *path, apr_pool_t *pool);
    cg_error_t *err;
    apr_pool_t *pool;
} cg_alert_line_t;

const char *cg_alert_word(const apr_array_header_t *words, int i);
/* The value of "name=value"; NULL when the word is of another name. */
const char *cg_alert_value(const char *word, const char *name);
/* Says what is wrong and what is legal; false. */
bool cg_alert_no(const cg_alert_line_t *line, const char *what,
                 const char *legal);
/* One line of ChatGPTAlertTo, added to rules->ways. */
bool cg_alert_read_way(const cg_alert_line_t *line,
                       const apr_array_header_t *words,
                       cg_alert_rules_t *rules);

/* ---- the spans of bounds (baseline.c, _judge.c, _learn.c) ------------------- */

enum { CG_SPAN_HOUR, CG_SPAN_QUIET, CG_SPAN_DAY, CG_SPAN_WEEK, CG_SPANS };

#define CG_SHARE_REQUESTS 20 /* an hour's requests before its share counts */

#endif
