/* The console's handlers: the admin API, the metrics page, lines in mod_status.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The files of admin-ui are served by httpd itself. Who an operator is says
 * httpd's own authentication; what they may, ChatGPTRole.
 */
#include "httpd/httpd_int.h"

#include <string.h>

#include <apr_strings.h>
#include <http_main.h>
#include <mod_status.h>

#include "admin/api.h"
#include "base/clock.h"
#include "base/share.h"
#include "flow/keysets.h"
#include "meter/expose.h"
#include "redact/document.h"
#include "redact/rules.h"

#define API_ROOT "/api/v1"
#define BODY_FOR (20 * CG_SECOND)

static const char *header_of(void *baton, const char *name)
{
    request_rec *r = baton;
    return apr_table_get(r->headers_in, name);
}

/* Where "Header always set" of mod_headers finds it and does not add a second. */
static int copy_header(void *baton, const char *name, const char *value)
{
    request_rec *r = baton;
    apr_table_setn(r->err_headers_out, name, value);
    return 1;
}

static void send_head(request_rec *r, const cg_admin_reply_t *reply)
{
    r->status = reply->status;
    apr_table_do(copy_header, r, reply->headers, NULL);
    if (reply->content_type) {
        ap_set_content_type(r, apr_pstrdup(r->pool, reply->content_type));
    }
}

/* One call under way, for exports that go out piece by piece. */
typedef struct speaking_t {
    request_rec *r;
    const cg_admin_reply_t *reply;
    bool has_begun;
} speaking_t;

static apr_status_t on_piece(void *baton, cg_str_t piece)
{
    speaking_t *speaking = baton;
    request_rec *r = speaking->r;
    if (!speaking->has_begun) {
        send_head(r, speaking->reply);
        speaking->has_begun = true;
    }
    ap_rwrite(piece.ptr, (int)piece.len, r);
    return r->connection->aborted ? APR_ECONNABORTED : APR_SUCCESS;
}

static apr_int64_t version_in_force(const cg_account_t *account,
                                    const cg_credentials_t *stored)
{
    for (size_t i = 0; account->stored && stored && i < stored->count; i++) {
        if (strcmp(stored->rows[i].name, account->stored) == 0) {
            return stored->rows[i].version;
        }
    }
    return 0;
}

static size_t read_accounts(void *baton, cg_account_view_t **out,
                            apr_pool_t *pool)
{
    const cg_gateway_t *gateway = baton;
    const cg_accounts_t *accounts = gateway->accounts;
    const cg_credentials_t *stored = cg_gateway_take_credentials(gateway, pool);
    *out = apr_pcalloc(pool, (accounts->count + 1) * sizeof **out);
    for (size_t i = 0; i < accounts->count; i++) {
        const cg_account_t *account = &accounts->rows[i];
        const cg_health_row_t *row = &gateway->health->rows[i];
        int64_t latency = cg_atomic_get(&row->latency_for);
        (*out)[i] = (cg_account_view_t){
            .name = account->name,
            .url = account->base,
            .provider = account->provider,
            .state = cg_health_state(gateway->health, account->index),
            .since = cg_atomic_get(&row->state_since),
            .last_probe_at = cg_atomic_get(&row->probed_at),
            .latency_for = latency ? latency : -1,
            .requests = cg_atomic_get(&row->requests),
            .failures = cg_atomic_get(&row->failures),
            .credential = account->credential_from,
            .stored = account->stored,
            .stored_version = version_in_force(account, stored),
            .region = account->region};
    }
    return accounts->count;
}

static void read_issuer(void *baton, const cg_issuer_t *issuer,
                        cg_issuer_view_t *out, apr_pool_t *pool)
{
    cg_keyset_state_t state;
    cg_keysets_state(baton, issuer, &state, pool);
    *out = (cg_issuer_view_t){state.fetched_at, state.tried_at, state.error};
}

static void try_draft(void *baton, const cg_document_t *document,
                      const cg_rules_t **rules, cg_actions_t *out,
                      apr_pool_t *pool)
{
    cg_published_t draft = {.version = 1,
                            .is_locked = document->is_locked,
                            .has_packs = document->has_packs,
                            .packs = document->packs};
    memcpy(draft.said_request, document->said_request,
           sizeof draft.said_request);
    memcpy(draft.said_answer, document->said_answer, sizeof draft.said_answer);
    *rules = cg_flow_rules_of(*rules, baton, &draft, out, pool);
}

/* What a text that is tried goes by, beside the published policy. */
static bool is_tried(const cg_kind_t *kind)
{
    return kind == &cg_kind_ACTIONS || kind == &cg_kind_PACKS ||
           kind == &cg_kind_VALUES;
}

/* The published policy means less below a lock: a text that is tried stands
 * below one if there is one. */
static void note_lock(cg_policy_t *all, const cg_written_t *line,
                      apr_pool_t *pool)
{
    bool is_lock = line->row == &cg_policy_rows[CG_ROW_redact_lock];
    if (!is_lock || strcasecmp(line->words, "on") != 0) {
        return;
    }
    cg_policy_line_t *lock = apr_pcalloc(pool, sizeof *lock);
    lock->row = CG_ROW_redact_lock;
    lock->words = line->words;
    lock->where = line->where;
    all->lock = lock;
}

/* The path and query of a webhook may be as good as a password. */
static const char *shown(const cg_written_t *line, apr_pool_t *pool)
{
    bool is_way = line->row == &cg_policy_rows[CG_ROW_alert_ways];
    const char *host = is_way ? strstr(line->words, "://") : NULL;
    if (!host) {
        return line->words;
    }
    const char *path = host + 3 + strcspn(host + 3, "/?# ");
    const char *rest = path + strcspn(path, " ");
    return apr_psprintf(pool, "%.*s%s%s", (int)(path - line->words),
                        line->words, path < rest ? "/..." : "", rest);
}

/* What the configuration says, for the pages that show it; wherever it stands. */
static void fill_written(cg_admin_t *admin, const cg_published_t *published,
                         apr_pool_t *pool)
{
    const apr_array_header_t *written = cg_config_written();
    size_t most = (size_t)written->nelts + 1;
    cg_admin_policy_t *policies = apr_pcalloc(pool, most * sizeof *policies);
    cg_admin_limit_t *limits = apr_pcalloc(pool, most * sizeof *limits);
    cg_actions_t *actions = apr_palloc(pool, sizeof *actions);
    cg_policy_t *all = cg_policy_create(pool);
    for (int i = 0; i < written->nelts; i++) {
        const cg_written_t *line = &APR_ARRAY_IDX(written, i, cg_written_t);
        bool is_limit = line->row->kind == &cg_kind_LIMITS;
        bool is_budget = line->row->kind == &cg_kind_BUDGETS;
        policies[admin->policies_count++] =
            (cg_admin_policy_t){line->row->directive, shown(line, pool),
                                line->where};
        if (is_tried(line->row->kind)) {
            cg_config_reread(line, all, pool);
        }
        note_lock(all, line, pool);
        if (!is_limit && !is_budget) {
            continue;
        }
        cg_policy_t *own = cg_policy_create(pool);
        const cg_kind_LIMITS_t *said = is_limit ? &own->limits : &own->budgets;
        if (cg_config_reread(line, own, pool) && said->count) {
            limits[admin->default_limits_count++] =
                (cg_admin_limit_t){said->items[0], line->where};
        }
    }
    admin->rules =
        cg_flow_rules_of(admin->rules, all, published, actions, pool);
    admin->policies = policies;
    admin->default_limits = limits;
    admin->request_actions = actions;
    admin->try_draft = try_draft;
    admin->draft_baton = all;
}

static void fill_models(cg_admin_t *admin, const cg_gateway_t *gateway,
                        apr_pool_t *pool)
{
    size_t count = cg_prices_count(gateway->prices);
    const char **models = apr_pcalloc(pool, (count + 1) * sizeof(char *));
    for (size_t i = 0; i < count; i++) {
        models[i] = cg_prices_at(gateway->prices, i)->id;
    }
    admin->models = models;
    admin->models_count = count;
}

static void fill_vhosts(cg_admin_t *admin, apr_pool_t *pool)
{
    size_t count = 0;
    for (server_rec *s = ap_server_conf; s; s = s->next) {
        count++;
    }
    const char **vhosts = apr_pcalloc(pool, (count + 1) * sizeof(char *));
    for (server_rec *s = ap_server_conf; s; s = s->next) {
        if (s->server_hostname) {
            vhosts[admin->vhosts_count++] = s->server_hostname;
        }
    }
    admin->vhosts = vhosts;
}

static void fill(cg_admin_t *admin, const cg_gateway_t *gateway,
                 apr_pool_t *pool)
{
    static const char unknown[] = "";
    const cg_published_t *published = cg_gateway_take(gateway, pool);
    *admin = (cg_admin_t){.store = gateway->store,
                          .documents = gateway->documents,
                          .keyring = gateway->keyring,
                          .sealer = gateway->sealer,
                          .signring = gateway->signring,
                          .quota = gateway->quota,
                          .breaker = gateway->breaker,
                          .journal = gateway->journal,
                          .meter = gateway->meter,
                          .alerts = gateway->alerts,
                          .alert_rules = gateway->alert_rules,
                          .rules = published->rules,
                          .configured_rules = gateway->rules,
                          .configured = gateway->spec,
                          .policy_in_force = published->version,
                          .policy_approval = gateway->policy_approval,
                          .read_accounts = read_accounts,
                          .accounts_baton = (void *)(uintptr_t)gateway,
                          .issuers = cg_gateway_take_issuers(gateway, pool),
                          .read_issuer = read_issuer,
                          .issuers_baton = (void *)(uintptr_t)gateway,
                          .node = gateway->node ? gateway->node : unknown,
                          .version = CG_VERSION};
    admin->overrides = cg_gateway_take_overrides(gateway, pool);
    fill_models(admin, gateway, pool);
    fill_vhosts(admin, pool);
    fill_written(admin, published, pool);
}

/* The path as it was sent, still escaped, from the API's root on. */
static const char *api_path(request_rec *r, const char **out_base)
{
    const char *uri = r->unparsed_uri;
    const char *end = uri + strcspn(uri, "?#");
    const char *at = strstr(uri, API_ROOT);
    const char *path = at ? at + strlen(API_ROOT) : NULL;
    if (!path || path > end || (path < end && *path != '/')) {
        return NULL;
    }
    *out_base = apr_pstrmemdup(r->pool, uri, (apr_size_t)(path - uri));
    return apr_pstrmemdup(r->pool, path, (apr_size_t)(end - path));
}

/* Their name is what ChatGPTIdentity makes of them, if it says anything. */
static cg_operator_t operator_of(request_rec *r)
{
    const cg_walk_in_t *in = cg_gate_find_or_make(r);
    unsigned roles = cg_config_roles(r);
    return (cg_operator_t){in->txn.who.is_known ? in->txn.who.user : r->user,
                           roles, r->useragent_ip};
}

static void make_call(request_rec *r, cg_admin_call_t *call)
{
    char *id = apr_palloc(r->pool, 37);
    cg_clock_uuid7(r->request_time, id);
    *call = (cg_admin_call_t){.method = r->method,
                              .query = r->args,
                              .header = header_of,
                              .header_baton = r,
                              .body = {"", 0},
                              .operator= operator_of(r),
                              .request_id = id,
                              .now = cg_clock_now()};
    call->path = api_path(r, &call->base);
    apr_table_setn(r->err_headers_out, "X-Request-Id", id);
}

static void speak(request_rec *r, const cg_admin_reply_t *reply)
{
    if (reply
            ->is_cut) { /* no last chunk: nobody takes the part for the whole */
        r->connection->keepalive = AP_CONN_CLOSE;
        r->connection->aborted = 1;
    }
    if (!reply->was_streamed) {
        send_head(r, reply);
        ap_set_content_length(r, (apr_off_t)reply->body.len);
        ap_rwrite(reply->body.ptr, (int)reply->body.len, r);
    }
}

static int answer_api(request_rec *r)
{
    if (strcmp(r->handler, CG_CONSOLE_HANDLER) != 0) {
        return DECLINED;
    }
    const cg_gateway_t *gateway = cg_life_gateway();
    cg_admin_call_t call;
    if (!gateway) {
        return HTTP_SERVICE_UNAVAILABLE;
    }
    make_call(r, &call);
    if (!call.path) {
        return HTTP_NOT_FOUND;
    }
    cg_admin_t *admin = apr_palloc(r->pool, sizeof *admin);
    cg_admin_reply_t reply = {0};
    speaking_t speaking = {.r = r, .reply = &reply};
    fill(admin, gateway, r->pool);
    admin->try_request = cg_trial_try;
    admin->try_baton = r;
    call.on_piece = on_piece;
    call.piece_baton = &speaking;
    apr_status_t rv = cg_body_read(r, (apr_off_t)cg_admin_body_max(&call),
                                   BODY_FOR, &call.body);
    if (rv == APR_ENOSPC) {
        cg_admin_refuse_size(&call, &reply, r->pool);
    }
    else if (rv != APR_SUCCESS) {
        return HTTP_BAD_REQUEST;
    }
    else {
        cg_admin_answer(admin, &call, &reply, r->pool);
    }
    speak(r, &reply);
    return OK;
}

static int answer_metrics(request_rec *r)
{
    if (strcmp(r->handler, "chatgpt-metrics") != 0) {
        return DECLINED;
    }
    const cg_gateway_t *gateway = cg_life_gateway();
    if (!gateway) {
        return HTTP_SERVICE_UNAVAILABLE;
    }
    if (r->method_number != M_GET) {
        r->allowed = AP_METHOD_BIT << M_GET;
        return HTTP_METHOD_NOT_ALLOWED;
    }
    cg_buf_t page;
    cg_buf_init(&page, 16384, r->pool);
    cg_meter_expose(gateway->meter, &page);
    ap_set_content_type(r, CG_METER_CONTENT_TYPE);
    ap_set_content_length(r, (apr_off_t)page.len);
    apr_table_setn(r->headers_out, "Cache-Control", "no-store");
    ap_rwrite(page.ptr, (int)page.len, r);
    return OK;
}

static void say(request_rec *r, bool is_short, const char *name, int64_t value)
{
    ap_rprintf(r,
               is_short ? "ChatGPT%s: %" APR_INT64_T_FMT "\n"
                        : "<dt>mod_chatgpt %s: %" APR_INT64_T_FMT "</dt>\n",
               name, value);
}

static int add_status(request_rec *r, int flags)
{
    const cg_gateway_t *gateway = cg_life_gateway();
    if (!gateway) {
        return OK;
    }
    bool is_short = (flags & AP_STATUS_SHORT) != 0;
    cg_meter_summary_t sum;
    cg_meter_summary(gateway->meter, &sum);
    if (!is_short) {
        ap_rputs("<hr />\n<dl>\n", r);
    }
    say(r, is_short, "Requests", sum.requests);
    say(r, is_short, "Refused", sum.refused);
    say(r, is_short, "Failed", sum.failed);
    say(r, is_short, "Findings", sum.findings);
    say(r, is_short, "InputTokens", sum.input_tokens);
    say(r, is_short, "OutputTokens", sum.output_tokens);
    say(r, is_short, "CostMicros", sum.cost_micros);
    say(r, is_short, "StreamsOpen", sum.streams_open);
    say(r, is_short, "StoreUp", sum.is_store_up);
    say(r, is_short, "JournalBacklogRecords", sum.journal_backlog_records);
    if (!is_short) {
        ap_rputs("</dl>\n", r);
    }
    return OK;
}

void cg_console_hooks(apr_pool_t *pool)
{
    (void)pool;
    ap_hook_handler(answer_api, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_handler(answer_metrics, NULL, NULL, APR_HOOK_MIDDLE);
    APR_OPTIONAL_HOOK(ap, status_hook, add_status, NULL, NULL, APR_HOOK_MIDDLE);
}
