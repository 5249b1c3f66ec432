/* What is to be told, of which limits, and to whom: the lines of ChatGPTAlert,
 * ChatGPTAlertTo and ChatGPTUnusual, made ready.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef CG_ALERT_RULES_H
#define CG_ALERT_RULES_H

#include <apr_tables.h>

#include "alert/alert.h"
#include "base/secret.h"
#include "policy/limit.h"

#define CG_ALERT_PERCENTS_MAX 8
#define CG_ALERT_RULES_MAX 32
#define CG_ALERT_WAYS_MAX 16
#define CG_ALERT_TO_MAX 16 /* addresses of one mail */
#define CG_ALERT_NAME_MAX 32

/* One line of ChatGPTAlert: of which limits, at which parts. */
typedef struct cg_alert_rule_t {
    bool is_any_scope;
    bool is_any_quantity;
    cg_limit_t scope; /* dimension and with */
    cg_quantity_t quantity;
    apr_time_t window_least; /* shorter windows are not watched */
    bool has_forecast;
    int count;
    int percents[CG_ALERT_PERCENTS_MAX]; /* ascending */
} cg_alert_rule_t;

/* One line of ChatGPTAlertTo: a webhook or mail. */
typedef struct cg_alert_way_t {
    const char *name;
    const char *url;
    bool is_mail;
    uint32_t kinds;            /* bit per cg_alert_kind_t; tests always pass */
    const cg_secret_t *secret; /* webhook: of its signature; NULL: unsigned */
    const char *authority;     /* file of certificates; NULL: the system's */
    const char *from;
    const apr_array_header_t *to; /* of const char * */
    const char *user;
    const cg_secret_t *password;
    cg_language_t language;
    apr_time_t total_for;
    int tries;
} cg_alert_way_t;

/* ChatGPTUnusual. */
typedef enum cg_unusual_mode_t {
    CG_UNUSUAL_OFF,
    CG_UNUSUAL_ALERT,
    CG_UNUSUAL_SUSPEND /* the key too */
} cg_unusual_mode_t;

typedef struct cg_unusual_rule_t {
    cg_unusual_mode_t mode;
    double factor;        /* how far is far; 2.5 */
    int64_t tokens_least; /* less than this is never unusual */
    int64_t micros_least;
    int64_t requests_least; /* of errors and refusals */
} cg_unusual_rule_t;

/* lives in: the configuration's pool · const once read */
typedef struct cg_alert_rules_t {
    int rules_count;
    cg_alert_rule_t rules[CG_ALERT_RULES_MAX];
    int ways_count;
    cg_alert_way_t ways[CG_ALERT_WAYS_MAX];
    cg_unusual_rule_t unusual;
} cg_alert_rules_t;

/* alerts, ways: arrays of rows of words, NULL for none; unusual: words or NULL.
 * Reads the secrets and files they name, so it is for who may (the parent). path_of
 * makes a relative path whole; NULL: as they are. err repeats no secret. */
bool cg_alert_rules_read(
    const apr_array_header_t *alerts, const apr_array_header_t *ways,
    const apr_array_header_t *unusual,
    const char *(*path_of)(const char *path, apr_pool_t *pool),
    cg_alert_rules_t *out, cg_error_t *err, apr_pool_t *pool);

/* The rule that counts for a limit: the last that fits. NULL: it is not watched. */
const cg_alert_rule_t *cg_alert_rules_find(const cg_alert_rules_t *rules,
                                           const cg_limit_t *limit);
const cg_alert_way_t *cg_alert_rules_way(const cg_alert_rules_t *rules,
                                         cg_str_t name);
/* Is an alert of this kind sent this way? */
bool cg_alert_way_takes(const cg_alert_way_t *way, cg_alert_kind_t kind);

#endif
