/* Would this request pass, and which limit decides?
 * SPDX-License-Identifier: Apache-2.0
 *
 * The gateway itself is asked (cg_admin_t.try_request), by the way of admission, so
 * that the answer cannot differ from what a request would get. Nothing is charged,
 * kept or recorded.
 */
#include <apr_strings.h>

#include "admin/limits.h"
#include "auth/apikey.h"

/* ---- the question ---------------------------------------------------------------- */

static const char *said(const cg_ask_t *ask, const char *name)
{
    const char *text = cg_json_get_str(ask->body, name, NULL);
    return text && *text ? text : NULL;
}

static bool fault(cg_ask_t *ask, const char *pointer, const char *code,
                  const char *detail)
{
    cg_admin_fault(ask, "body", pointer, code, detail);
    cg_admin_refuse_faults(ask);
    return false;
}

/* False: answered. */
static bool take_key(cg_ask_t *ask, cg_key_t *key, cg_trial_ask_t *out)
{
    cg_error_t err = {""};
    const char *id = said(ask, "key");
    if (!id) {
        return true;
    }
    if (out->user || out->team) {
        return fault(ask, "/key", "conflict",
                     "a key has a user and a team of its own");
    }
    apr_status_t rv =
        ask->admin->keyring
            ? cg_apikey_get(ask->admin->keyring, id, key, &err, ask->pool)
            : APR_NOTFOUND;
    if (APR_STATUS_IS_NOTFOUND(rv)) {
        return fault(ask, "/key", "unknown", "there is no such key");
    }
    if (rv != APR_SUCCESS) {
        cg_admin_store_away(ask, err.text);
        return false;
    }
    out->key = key;
    return true;
}

static bool take_question(cg_ask_t *ask, cg_key_t *key, cg_trial_ask_t *out)
{
    bool has_tokens = cg_json_is_int(cg_json_get(ask->body, "input_tokens"));
    const char *endpoint = said(ask, "endpoint");
    *out = (cg_trial_ask_t){
        .user = said(ask, "user"),
        .team = said(ask, "team"),
        .organization = said(ask, "organization"),
        .model = said(ask, "model"),
        .endpoint = endpoint ? endpoint : "chat",
        .vhost = said(ask, "vhost"),
        .address = said(ask, "address"),
        .path = said(ask, "path"),
        .text = said(ask, "text"),
        .input_tokens =
            has_tokens ? cg_json_get_int(ask->body, "input_tokens", -1) : -1,
        .output_tokens = cg_json_get_int(ask->body, "max_output_tokens", -1),
    };
    if (has_tokens && out->text) {
        return fault(ask, "/input_tokens", "conflict",
                     "either a text or its number of tokens");
    }
    return take_key(ask, key, out);
}

/* ---- the answer ------------------------------------------------------------------ */

/* null: never. */
static void set_wait(const cg_ask_t *ask, cg_json_t *object, const char *name,
                     apr_time_t wait_for)
{
    cg_admin_set_time(object, name,
                      wait_for < 0 ? 0 : ask->call->now + wait_for);
}

static cg_json_t *limit_json(const cg_ask_t *ask, const cg_trial_limit_t *row)
{
    cg_json_t *object = cg_json_object(ask->pool);
    cg_json_set_str(object, "dimension",
                    cg_limit_scope(&row->limit, ask->pool));
    cg_json_set_str(object, "subject", row->subject);
    cg_admin_limit_facts(ask, object, &row->limit);
    cg_json_set_str(object, "set_by", row->set_by);
    cg_json_set_int(object, "amount", row->amount);
    cg_json_set_int(object, "used", row->amount - row->remaining);
    cg_json_set_int(object, "held", row->held);
    cg_json_set_int(object, "remaining", row->remaining);
    cg_json_set_int(object, "cost", row->cost);
    cg_json_set_bool(object, "fits", row->fits);
    set_wait(ask, object, "fits_at", row->wait_for);
    return object;
}

static void reply(cg_ask_t *ask, const cg_trial_view_t *view)
{
    cg_json_t *object = cg_json_object(ask->pool);
    cg_json_t *limits = cg_json_array(ask->pool);
    for (size_t i = 0; i < view->count; i++) {
        cg_json_add(limits, limit_json(ask, &view->limits[i]));
    }
    cg_json_set_bool(object, "passes", view->passes);
    cg_json_set_int(object, "status", view->status);
    cg_json_set_str(object, "reason", view->reason);
    cg_json_set_str(object, "detail", view->words);
    cg_json_set(object, "decided_by",
                view->decided_by < 0
                    ? NULL
                    : limit_json(ask, &view->limits[view->decided_by]));
    set_wait(ask, object, "passes_at", view->wait_for);
    cg_json_set_int(object, "input_tokens", view->input_tokens);
    cg_json_set_bool(object, "tokens_exact", view->is_exact);
    cg_json_set_int(object, "output_tokens", view->output_tokens);
    if (view->clamped_tokens >= 0) {
        cg_json_set_int(object, "clamped_to", view->clamped_tokens);
    }
    else {
        cg_json_set_null(object, "clamped_to");
    }
    if (view->micros >= 0) {
        cg_json_set_int(object, "cost_micros", view->micros);
    }
    else {
        cg_json_set_null(object, "cost_micros");
    }
    cg_json_set_str(object, "place", view->place ? view->place : "");
    cg_json_set(object, "limits", limits);
    cg_admin_json(ask, 200, object);
}

void cg_admin_limits_try(cg_ask_t *ask)
{
    cg_trial_ask_t question;
    cg_trial_view_t view = {.decided_by = -1};
    cg_key_t *key = apr_pcalloc(ask->pool, sizeof *key);
    if (!ask->admin->try_request || !cg_admin_has_quota(ask)) {
        cg_admin_problem(ask, CG_PROBLEM_SERVICE, "limits are not configured");
        return;
    }
    if (!take_question(ask, key, &question)) {
        return;
    }
    ask->admin->try_request(ask->admin->try_baton, &question, &view, ask->pool);
    if (view.is_store_away) {
        cg_admin_store_away(ask, view.detail);
    }
    else if (view.fault) {
        fault(ask, apr_pstrcat(ask->pool, "/", view.fault, NULL), "unknown",
              view.detail);
    }
    else {
        reply(ask, &view);
    }
}
