/* One object's limits: read, set in the console, and taken away again.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Any dimension and subject can be asked for: nobody keeps a list of all users and
 * addresses, and one that was never seen may be limited before it comes.
 */
#include <string.h>

#include <apr_strings.h>

#include "admin/limits.h"

/* ---- which object ------------------------------------------------------------ */

static bool take_object(cg_ask_t *ask, cg_limit_t *scope)
{
    *scope = (cg_limit_t){0};
    if (!cg_admin_has_quota(ask)) {
        return false;
    }
    if (!cg_limit_scope_read(cg_str(ask->dimension), scope)) {
        cg_admin_fault(ask, "path", "/dimension", "not_a_choice",
                       "key, user, team, organization, model, endpoint, vhost "
                       "or address, or two of them: team+model");
    }
    else if (!cg_admin_subject_is_sound(scope, ask->id)) {
        cg_admin_fault(ask, "path", "/subject", "bad_subject",
                       "1 to 256 bytes of UTF-8 in one line; of two dimensions "
                       "two subjects with + between them (%2B and %25 for a + "
                       "and a % in one)");
    }
    if (cg_admin_has_faults(ask)) {
        cg_admin_refuse_faults(ask);
        return false;
    }
    return true;
}

/* ---- the limits of a body ------------------------------------------------------ */

static void take_limit(cg_ask_t *ask, const char *member, size_t index,
                       cg_override_t *out)
{
    bool is_money = strcmp(member, "budgets") == 0;
    const cg_json_t *list = cg_json_get(ask->body, member);
    const char *text = cg_json_text(cg_json_at(list, index));
    const char *pointer =
        apr_psprintf(ask->pool, "/%s/%" APR_SIZE_T_FMT, member, index);
    cg_error_t err = {""};
    cg_limit_t limit = out->scope;
    if (!cg_limit_parse(cg_str(text), &limit, &err)) {
        cg_admin_fault(ask, "body", pointer, "bad_limit",
                       apr_pstrdup(ask->pool, err.text));
        return;
    }
    if ((limit.quantity == CG_QUANTITY_MICROS) != is_money) {
        cg_admin_fault(ask, "body", pointer, "bad_limit",
                       apr_psprintf(ask->pool, "'%.60s': %s", text,
                                    is_money ? "a budget counts USD, as "
                                               "500USD/month"
                                             : "USD belongs into budgets"));
        return;
    }
    for (size_t i = 0; i < out->count; i++) {
        if (cg_limit_is_same(&out->limits[i], &limit)) {
            cg_admin_fault(ask, "body", pointer, "duplicate",
                           apr_psprintf(ask->pool,
                                        "'%.60s': a limit of the same quantity "
                                        "and window stands here already",
                                        text));
            return;
        }
    }
    out->limits[out->count++] = limit;
}

static bool take_limits(cg_ask_t *ask, cg_override_t *out)
{
    static const char *const members[] = {"limits", "budgets"};
    out->limits =
        apr_pcalloc(ask->pool, 2 * CG_OVERRIDE_LIMITS_MAX * sizeof(cg_limit_t));
    for (size_t m = 0; m < 2; m++) {
        size_t count = cg_json_size(cg_json_get(ask->body, members[m]));
        for (size_t i = 0; i < count; i++) {
            take_limit(ask, members[m], i, out);
        }
    }
    if (!cg_admin_has_faults(ask) && out->count == 0) {
        cg_admin_fault(ask, "body", "/limits", "required",
                       "at least one limit or budget; DELETE takes them away");
    }
    if (out->count > CG_OVERRIDE_LIMITS_MAX) {
        cg_admin_fault(ask, "body", "/limits", "too_many",
                       apr_psprintf(ask->pool, "at most %d in all",
                                    CG_OVERRIDE_LIMITS_MAX));
    }
    if (cg_admin_has_faults(ask)) {
        cg_admin_refuse_faults(ask);
        return false;
    }
    return true;
}

/* ---- answers --------------------------------------------------------------------- */

static cg_json_t *object_json(const cg_ask_t *ask, const cg_override_t *row)
{
    cg_json_t *object = cg_json_object(ask->pool);
    cg_json_set_str(object, "dimension",
                    cg_limit_scope(&row->scope, ask->pool));
    cg_json_set_str(object, "subject", row->subject);
    cg_json_set(object, "limits",
                cg_admin_override_list(row, false, ask->pool));
    cg_json_set(object, "budgets",
                cg_admin_override_list(row, true, ask->pool));
    cg_json_set_int(object, "version", row->count ? row->version : 0);
    cg_admin_set_time(object, "changed_at", row->count ? row->changed_at : 0);
    cg_json_set_str(object, "changed_by",
                    row->count && row->changed_by ? row->changed_by : "");
    return object;
}

/* What the configuration and the key say where an override holds instead. */
static cg_json_t *replaced_json(const cg_ask_t *ask,
                                const apr_array_header_t *rows)
{
    cg_json_t *list = cg_json_array(ask->pool);
    for (int i = 0; i < rows->nelts; i++) {
        const cg_limit_row_t *row = &APR_ARRAY_IDX(rows, i, cg_limit_row_t);
        if (!row->is_replaced) {
            continue;
        }
        cg_json_t *object = cg_json_object(ask->pool);
        cg_admin_limit_facts(ask, object, &row->limit);
        cg_json_set_str(object, "set_by", cg_admin_limit_by_name(row->by));
        cg_json_set_str(object, "source", row->source);
        cg_json_add(list, object);
    }
    return list;
}

static cg_json_t *items_json(cg_ask_t *ask, const apr_array_header_t *rows,
                             const cg_quota_left_t *left)
{
    cg_json_t *items = cg_json_array(ask->pool);
    cg_limit_history_t *history = cg_admin_limit_history(
        ask, (const cg_limit_row_t *)(const void *)rows->elts,
        (size_t)rows->nelts);
    for (int i = 0; i < rows->nelts; i++) {
        const cg_limit_row_t *row = &APR_ARRAY_IDX(rows, i, cg_limit_row_t);
        if (!row->is_replaced) {
            cg_json_t *item = cg_admin_limit_json(ask, row, &left[i]);
            cg_json_set(item, "burn",
                        cg_admin_limit_burn(history, row, &left[i]));
            cg_json_add(items, item);
        }
    }
    return items;
}

static void reply(cg_ask_t *ask, const cg_override_t *row, const char *audit_id)
{
    cg_json_t *object = object_json(ask, row);
    cg_json_set_str(object, "audit_id", audit_id);
    cg_admin_etag(ask, row->count ? row->version : 0);
    cg_admin_json(ask, 200, object);
}

/* ---- the endpoints ----------------------------------------------------------------- */

void cg_admin_limits_get(cg_ask_t *ask)
{
    cg_override_t row;
    cg_limit_wish_t wish = {.has_scope = true,
                            .organization = cg_admin_param(ask, "organization"),
                            .with_replaced = true};
    if (!take_object(ask, &wish.scope) ||
        !cg_admin_override_read(ask, &wish.scope, ask->id, &row)) {
        return;
    }
    wish.subject = ask->id;
    apr_array_header_t *rows = cg_admin_limits_gather(ask, &wish);
    const cg_quota_left_t *left =
        rows ? cg_admin_limits_usage(
                   ask, (const cg_limit_row_t *)(const void *)rows->elts,
                   (size_t)rows->nelts)
             : NULL;
    if (!left) {
        return;
    }
    const char *label =
        rows->nelts ? APR_ARRAY_IDX(rows, 0, cg_limit_row_t).label : ask->id;
    cg_json_t *object = object_json(ask, &row);
    cg_json_set_str(object, "label", label);
    cg_json_set_str(object, "organization",
                    wish.organization ? wish.organization : "");
    cg_json_set(object, "items", items_json(ask, rows, left));
    cg_json_set(object, "replaced", replaced_json(ask, rows));
    cg_admin_etag(ask, row.count ? row.version : 0);
    cg_admin_json(ask, 200, object);
}

/* The version of If-Match, so that the store decides it at the moment of the change:
 * -1 for "*". */
static int64_t wanted_of(const cg_ask_t *ask, const cg_override_t *before)
{
    const char *tags = cg_admin_header(ask, "If-Match");
    bool is_any = tags && strcmp(tags, "*") == 0;
    return is_any ? -1 : before->count ? before->version : 0;
}

void cg_admin_limits_put(cg_ask_t *ask)
{
    cg_override_t before;
    cg_limit_t scope;
    if (!take_object(ask, &scope)) {
        return;
    }
    cg_override_t row = {.scope = scope, .subject = ask->id};
    if (!take_limits(ask, &row) ||
        !cg_admin_override_read(ask, &scope, ask->id, &before) ||
        !cg_admin_is_current(ask, before.count ? before.version : 0)) {
        return;
    }
    const char *audit_id =
        cg_admin_override_set(ask, &before, &row, wanted_of(ask, &before));
    if (audit_id) {
        reply(ask, &row, audit_id);
    }
}

void cg_admin_limits_delete(cg_ask_t *ask)
{
    cg_override_t before;
    cg_limit_t scope;
    if (!take_object(ask, &scope) ||
        !cg_admin_override_read(ask, &scope, ask->id, &before)) {
        return;
    }
    if (before.count == 0) {
        cg_admin_problem(ask, CG_PROBLEM_ABSENT,
                         "the console has set no limits of it");
        return;
    }
    if (!cg_admin_is_current(ask, before.version)) {
        return;
    }
    cg_override_t row = {.scope = scope, .subject = ask->id};
    const char *audit_id =
        cg_admin_override_set(ask, &before, &row, wanted_of(ask, &before));
    if (audit_id) {
        reply(ask, &row, audit_id);
    }
}
