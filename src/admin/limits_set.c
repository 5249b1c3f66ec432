/* Limits of single objects: what the store has of one, and how it is changed.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A change is done first and recorded second; when it cannot be recorded it is taken
 * back, so that no limit holds that the ledger does not know.
 */
#include <string.h>

#include <apr_strings.h>

#include "admin/limits.h"
#include "store/keys.h"

/* From then on the store is not asked for all of them at each call: what this child
 * has is at most a second old. */
#define FEW 1000

static cg_store_t *store_of(const cg_ask_t *ask)
{
    return ask->admin->documents ? ask->admin->documents : ask->admin->store;
}

const cg_overrides_t *cg_admin_overrides(cg_ask_t *ask)
{
    cg_overrides_t *set = NULL;
    cg_error_t err = {""};
    const cg_overrides_t *here = ask->admin->overrides;
    if (cg_overrides_count(here) > FEW) {
        return here;
    }
    if (!ask->admin->store) {
        return here ? here : cg_overrides_create(ask->pool);
    }
    apr_status_t rv = cg_overrides_fetch(store_of(ask), &set, &err, ask->pool);
    if (rv != APR_SUCCESS) {
        cg_admin_store_away(ask, err.text);
        return NULL;
    }
    return set;
}

bool cg_admin_override_read(cg_ask_t *ask, const cg_limit_t *scope,
                            const char *subject, cg_override_t *out)
{
    cg_reply_t reply = {0};
    cg_error_t err = {""};
    *out = (cg_override_t){.scope = *scope, .subject = subject};
    cg_str_t field = cg_str(cg_override_field(out, ask->pool));
    cg_str_t argv[] = {CG_STR("HGET"),
                       cg_keys_make(CG_KEYS_OVERRIDES, NULL, 0, ask->pool),
                       field};
    apr_status_t rv =
        cg_store_call(ask->admin->store, argv, 3, &reply, &err, ask->pool);
    if (rv != APR_SUCCESS || reply.kind == CG_REPLY_ERROR) {
        cg_admin_store_away(ask, err.text);
        return false;
    }
    cg_overrides_t *set = cg_overrides_create(ask->pool);
    const cg_override_t *found =
        reply.kind == CG_REPLY_TEXT &&
                cg_overrides_add(set, field, reply.text, &err)
            ? cg_overrides_find(set, scope, cg_str(subject))
            : NULL;
    if (found) {
        *out = *found;
    }
    return true;
}

cg_json_t *cg_admin_override_list(const cg_override_t *row, bool is_money,
                                  apr_pool_t *pool)
{
    cg_json_t *list = cg_json_array(pool);
    for (size_t i = 0; row && i < row->count; i++) {
        if ((row->limits[i].quantity == CG_QUANTITY_MICROS) == is_money) {
            cg_json_add_str(list, cg_limit_format(&row->limits[i], pool));
        }
    }
    return list;
}

bool cg_admin_override_is_same(const cg_override_t *a, const cg_override_t *b,
                               apr_pool_t *pool)
{
    bool is_same = a->count == b->count;
    for (size_t i = 0; is_same && i < a->count; i++) {
        is_same = strcmp(cg_limit_format(&a->limits[i], pool),
                         cg_limit_format(&b->limits[i], pool)) == 0;
    }
    return is_same;
}

bool cg_admin_subject_is_sound(const cg_limit_t *scope, const char *subject)
{
    size_t len = strlen(subject);
    const char *plus = strchr(subject, '+');
    bool is_pair = plus && plus > subject && plus[1] && !strchr(plus + 1, '+');
    bool is_sound = len > 0 && len <= CG_OVERRIDE_SUBJECT_MAX &&
                    cg_utf8_valid(subject, len) && (!scope->with || is_pair);
    for (const char *p = subject; is_sound && *p; p++) {
        is_sound = (unsigned char)*p >= 0x20 && *p != 0x7F;
    }
    return is_sound;
}

/* ---- the change ------------------------------------------------------------- */

/* What of it the ledger compares. */
static cg_json_t *shown(const cg_override_t *row, apr_pool_t *pool)
{
    cg_json_t *object = cg_json_object(pool);
    cg_json_set(object, "limits", cg_admin_override_list(row, false, pool));
    cg_json_set(object, "budgets", cg_admin_override_list(row, true, pool));
    return object;
}

static const char *record(cg_ask_t *ask, const cg_override_t *before,
                          const cg_override_t *after)
{
    const char *subject = apr_pstrcat(ask->pool, "limits/",
                                      cg_limit_scope(&after->scope, ask->pool),
                                      "/", after->subject, NULL);
    return cg_admin_record_change(ask, 200, subject, shown(before, ask->pool),
                                  shown(after, ask->pool));
}

static void put_back(cg_ask_t *ask, const cg_override_t *before)
{
    cg_override_put_t put;
    int64_t version;
    cg_override_put(store_of(ask), before, -1, &put, &version, NULL, ask->pool);
}

const char *cg_admin_override_set(cg_ask_t *ask, const cg_override_t *before,
                                  cg_override_t *row, int64_t wanted)
{
    cg_override_put_t put = CG_OVERRIDE_FULL;
    cg_error_t err = {""};
    row->changed_at = ask->call->now;
    row->changed_by = ask->call->operator.name;
    apr_status_t rv = cg_override_put(store_of(ask), row, wanted, &put,
                                      &row->version, &err, ask->pool);
    if (rv != APR_SUCCESS) {
        cg_admin_store_away(ask, err.text);
        return NULL;
    }
    if (put == CG_OVERRIDE_CONFLICT) {
        cg_admin_etag(ask, row->version);
        cg_admin_problem(ask, CG_PROBLEM_STALE,
                         "it has version %" APR_INT64_T_FMT
                         " now; read it again",
                         (apr_int64_t)row->version);
        return NULL;
    }
    if (put == CG_OVERRIDE_FULL) {
        cg_admin_problem(ask, CG_PROBLEM_CONFLICT,
                         "at most %d objects may have limits of their own",
                         CG_OVERRIDES_MAX);
        return NULL;
    }
    const char *audit_id = record(ask, before, row);
    if (!audit_id) {
        put_back(ask, before);
    }
    return audit_id;
}
