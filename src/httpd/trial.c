/* A request that is only thought of, put to the limits of the place it would come to.
 * SPDX-License-Identifier: Apache-2.0
 *
 * What a place says is httpd's to bring together: the virtual host and its <Location>
 * sections are walked as for a request, without a hook of any module being run. What
 * hangs on files (<Directory>, .htaccess) and on the rest of a request (<If>) is not
 * seen.
 */
#include "httpd/httpd_int.h"

#include <string.h>

#include <apr_strings.h>
#include <http_main.h>

#include "admin/api.h"
#include "base/json.h"
#include "flow/trial.h"

#define ROOT "/v1"
#define NOTES_MAX 64 /* of the core and of modules; there are about six */

/* ---- the place -------------------------------------------------------------------- */

static server_rec *find_server(request_rec *r, const char *vhost)
{
    if (!vhost || !*vhost) {
        return r->server;
    }
    for (server_rec *s = ap_server_conf; s; s = s->next) {
        if (s->server_hostname && strcasecmp(s->server_hostname, vhost) == 0) {
            return s;
        }
    }
    return NULL;
}

/* What the core keeps of a request while it walks. */
static ap_conf_vector_t *fresh_notes(apr_pool_t *pool)
{
    ap_conf_vector_t *config = ap_create_request_config(pool);
    core_request_config *core = apr_pcalloc(pool, sizeof *core);
    core->notes = apr_pcalloc(pool, NOTES_MAX * sizeof(void *));
    ap_set_core_module_config(config, core);
    return config;
}

static const cg_policy_t *policy_at(request_rec *r, server_rec *s,
                                    const char *uri)
{
    request_rec *thought = apr_pmemdup(r->pool, r, sizeof *r);
    thought->server = s;
    thought->per_dir_config = s->lookup_defaults;
    thought->request_config = fresh_notes(r->pool);
    thought->uri = apr_pstrdup(r->pool, uri);
    thought->method = "POST";
    thought->method_number = M_POST;
    return ap_location_walk(thought) == OK ? cg_config_policy(thought) : NULL;
}

/* ---- the request ------------------------------------------------------------------ */

static cg_endpoint_t find_endpoint(const char *name)
{
    for (int i = 0; i < CG_ENDPOINT_COUNT; i++) {
        if (strcmp(cg_endpoints[i].name, name) == 0) {
            return (cg_endpoint_t)i;
        }
    }
    return CG_ENDPOINT_NONE;
}

/* Its body: what the text is called, and what bounds the answer. */
static const struct shape_t {
    cg_endpoint_t endpoint;
    const char *text;
    const char *cap;
} shapes[] = {
    {CG_ENDPOINT_CHAT, "messages", "max_completion_tokens"},
    {CG_ENDPOINT_COMPLETIONS, "prompt", "max_tokens"},
    {CG_ENDPOINT_RESPONSES, "input", "max_output_tokens"},
    {CG_ENDPOINT_EMBEDDINGS, "input", NULL},
    {CG_ENDPOINT_MODERATIONS, "input", NULL},
};

static const struct shape_t *shape_of(cg_endpoint_t endpoint)
{
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        if (shapes[i].endpoint == endpoint) {
            return &shapes[i];
        }
    }
    return NULL;
}

static cg_str_t body_of(const cg_trial_ask_t *ask, const struct shape_t *shape,
                        apr_pool_t *pool)
{
    size_t len;
    const char *text = ask->text ? ask->text : "";
    cg_json_t *body = cg_json_object(pool);
    cg_json_set_str(body, "model", ask->model);
    if (shape->endpoint == CG_ENDPOINT_CHAT) {
        cg_json_t *message = cg_json_object(pool);
        cg_json_t *messages = cg_json_array(pool);
        cg_json_set_str(message, "role", "user");
        cg_json_set_str(message, "content", text);
        cg_json_add(messages, message);
        cg_json_set(body, shape->text, messages);
    }
    else {
        cg_json_set_str(body, shape->text, text);
    }
    if (shape->cap && ask->output_tokens > 0) {
        cg_json_set_int(body, shape->cap, ask->output_tokens);
    }
    const char *json = cg_json_dump(body, &len, pool);
    return (cg_str_t){json, len};
}

static void fill_who(cg_txn_t *txn, const cg_trial_ask_t *ask)
{
    txn->who.is_known = true;
    txn->who.user = ask->user;
    txn->who.team = ask->team;
    txn->who.organization = ask->organization;
    txn->who.source = "httpd";
    if (ask->key) {
        const cg_key_t *key = ask->key;
        txn->who.key = *key;
        txn->who.source = "key";
        txn->who.user = key->user[0] ? key->user : key->id;
        txn->who.team = key->team;
    }
}

static bool fault(cg_trial_view_t *out, const char *member, const char *detail)
{
    out->fault = member;
    out->detail = detail;
    return false;
}

/* False: out says which member cannot be. */
static bool fill_txn(request_rec *r, const cg_trial_ask_t *ask, cg_txn_t *txn,
                     cg_trial_view_t *out)
{
    server_rec *s = find_server(r, ask->vhost);
    txn->in.endpoint = find_endpoint(ask->endpoint);
    if (!s) {
        return fault(out, "vhost", "no virtual host has this name");
    }
    if (txn->in.endpoint == CG_ENDPOINT_NONE) {
        return fault(out, "endpoint",
                     "chat, completions, responses, embeddings …");
    }
    const char *root = ask->path && *ask->path ? ask->path : ROOT;
    const char *uri =
        apr_pstrcat(r->pool, root, cg_endpoints[txn->in.endpoint].path, NULL);
    txn->policy = policy_at(r, s, uri);
    if (!txn->policy || !txn->policy->is_on) {
        return fault(out, "path", "the gateway serves nothing at this place");
    }
    const struct shape_t *shape = shape_of(txn->in.endpoint);
    txn->in.vhost = s->server_hostname ? s->server_hostname : "";
    out->place = apr_pstrcat(r->pool, txn->in.vhost, " ", uri, NULL);
    txn->in.model = cg_str(ask->model ? ask->model : "");
    if (shape && cg_txn_body(txn, body_of(ask, shape, r->pool)) != CG_PASS) {
        return fault(out,
                     txn->param && strcmp(txn->param, "model") == 0 ? "model"
                                                                    : "text",
                     txn->words ? txn->words : "it is no request");
    }
    return true;
}

/* ---- the answer ------------------------------------------------------------------- */

static void tell_limits(const cg_txn_t *txn, const cg_trial_t *trial,
                        cg_trial_view_t *out)
{
    static const char *const names[] = {[CG_TRIAL_BY_DIRECTIVE] = "directive",
                                        [CG_TRIAL_BY_KEY] = "key",
                                        [CG_TRIAL_BY_CONSOLE] = "console"};
    out->count = txn->grant.count;
    out->limits =
        apr_pcalloc(txn->pool, (out->count + 1) * sizeof *out->limits);
    for (size_t i = 0; i < out->count; i++) {
        const cg_quota_ask_t *ask = &txn->grant.asks[i];
        const cg_quota_left_t *left = &trial->left[i];
        bool is_never = ask->cost > ask->limit->amount;
        out->limits[i] = (cg_trial_limit_t){
            .limit = *ask->limit,
            .subject = cg_str_dup(ask->subject, txn->pool),
            .set_by = names[trial->by[i]],
            .cost = ask->cost,
            .amount = left->limit ? left->limit : ask->limit->amount,
            .remaining = left->remaining,
            .held = left->held,
            .fits = trial->fits[i],
            .reset_for = left->reset_for,
            .wait_for = is_never ? CG_TRIAL_NEVER : left->wait_for};
    }
}

static void tell(const cg_txn_t *txn, const cg_trial_t *trial,
                 cg_trial_view_t *out)
{
    const cg_price_t *price = txn->grant.price;
    const cg_reason_t *reason =
        txn->verdict ? cg_reason_find(txn->verdict) : NULL;
    out->passes = trial->passes;
    out->decided_by = trial->decided_by;
    out->wait_for = trial->wait_for;
    out->status = reason ? reason->status : 200;
    out->reason = reason ? reason->code : "";
    out->words = !reason ? "" : txn->words ? txn->words : reason->words;
    out->input_tokens = txn->grant.input_tokens;
    out->is_exact = txn->grant.is_exact;
    out->output_tokens = txn->grant.output_tokens;
    out->clamped_tokens = trial->passes ? trial->clamped_tokens : -1;
    out->micros =
        price && price->is_priced
            ? cg_price_micros(price, out->input_tokens, 0, out->output_tokens)
            : -1;
    tell_limits(txn, trial, out);
}

void cg_trial_try(void *baton, const cg_trial_ask_t *ask, cg_trial_view_t *out,
                  apr_pool_t *pool)
{
    request_rec *r = baton;
    cg_error_t err = {""};
    cg_txn_t *txn = apr_pcalloc(pool, sizeof *txn);
    cg_trial_t *trial = apr_palloc(pool, sizeof *trial);
    *out = (cg_trial_view_t){.decided_by = -1, .clamped_tokens = -1};
    txn->pool = pool;
    txn->gateway = cg_life_gateway();
    txn->published = cg_gateway_take(txn->gateway, pool);
    txn->rules = txn->published->rules;
    txn->in.at = r->request_time;
    txn->in.address = ask->address && *ask->address ? ask->address : "";
    fill_who(txn, ask);
    if (!fill_txn(r, ask, txn, out)) {
        return;
    }
    if (cg_flow_trial(txn, ask->input_tokens, trial, &err) != APR_SUCCESS) {
        out->is_store_away = true;
        out->detail = apr_pstrdup(pool, err.text);
        return;
    }
    tell(txn, trial, out);
}
