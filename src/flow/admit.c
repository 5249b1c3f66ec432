/* Step 2, admit: may they, now?
 * SPDX-License-Identifier: Apache-2.0
 *
 * Which model is asked for is decided first, without asking anyone; then every
 * limit that applies is put to the store in one round trip, all or nothing, with
 * the worst case this request can cost.
 */
#include <string.h>

#include <apr_fnmatch.h>
#include <apr_strings.h>

#include "auth/keyplace.h"
#include "base/clock.h"
#include "chat/tokens.h"
#include "flow/flow.h"

/* Longer than any answer may take, so that a hold cannot lapse under it. */
#define HOLD_MARGIN (60 * CG_SECOND)

static bool is_listed(const apr_array_header_t *names, cg_str_t model,
                      apr_pool_t *pool)
{
    const char *text = cg_str_dup(model, pool);
    for (int i = 0; i < names->nelts; i++) {
        const char *pattern = APR_ARRAY_IDX(names, i, const char *);
        if (apr_fnmatch(pattern, text, 0) == APR_SUCCESS) {
            return true;
        }
    }
    return false;
}

static bool may_use(const cg_txn_t *txn, cg_str_t model)
{
    const apr_array_header_t *allowed = txn->policy->models_allowed;
    if (allowed && !is_listed(allowed, model, txn->pool)) {
        return false;
    }
    return cg_key_may_use(&txn->who.key, model);
}

bool cg_flow_may_list(const cg_txn_t *txn, cg_str_t model)
{
    bool is_known = txn->policy->unknown_model == 0 ||
                    cg_prices_find(txn->gateway->prices, model) != NULL;
    return is_known && may_use(txn, model);
}

cg_verdict_t cg_flow_may_ask(const cg_txn_t *txn, cg_str_t model)
{
    bool is_known = txn->policy->unknown_model == 0 ||
                    cg_prices_find(txn->gateway->prices, model) != NULL;
    if (!is_known) {
        return CG_MODEL_NOT_FOUND;
    }
    return may_use(txn, model) ? CG_PASS : CG_MODEL_NOT_ALLOWED;
}

static cg_verdict_t check_model(cg_txn_t *txn)
{
    if (!cg_endpoints[txn->in.endpoint].has_model) {
        return CG_PASS;
    }
    cg_str_t model = txn->in.model;
    txn->grant.price = cg_prices_find(txn->gateway->prices, model);
    bool is_denied = !txn->grant.price && txn->policy->unknown_model != 0;
    bool is_looking = txn->in.endpoint == CG_ENDPOINT_MODEL;
    if (is_denied || (is_looking && !may_use(txn, model))) {
        return cg_txn_refuse(txn, CG_MODEL_NOT_FOUND, NULL,
                             is_looking ? NULL : "model");
    }
    if (!may_use(txn, model)) {
        return cg_txn_refuse(txn, CG_MODEL_NOT_ALLOWED, NULL, "model");
    }
    return CG_PASS;
}

/* A batch asks for an endpoint in the name of whoever starts it. */
static cg_verdict_t check_batch(cg_txn_t *txn)
{
    const cg_walk_t *walk = &txn->in.request.walk;
    if (txn->in.endpoint != CG_ENDPOINT_BATCH_CREATE) {
        return CG_PASS;
    }
    uint32_t node = cg_walk_member(walk, 0, "endpoint");
    cg_endpoint_t asked =
        node == CG_NODE_NONE
            ? CG_ENDPOINT_NONE
            : cg_chat_endpoint_of_batch(cg_walk_string(walk, node, txn->pool));
    if (cg_key_may_ask(&txn->who.key, asked)) {
        return CG_PASS;
    }
    return cg_txn_refuse(txn, CG_KEY_PLACE,
                         cg_key_place_words(CG_KEY_PLACE_ENDPOINT), "endpoint");
}

/* Callers choose the numbers: no sum of theirs may wrap around. */
static int64_t add_up(int64_t a, int64_t b)
{
    int64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

/* These are answered without a token that is billed, or not by this request. */
static bool has_no_output(cg_endpoint_t endpoint)
{
    return endpoint == CG_ENDPOINT_EMBEDDINGS ||
           endpoint == CG_ENDPOINT_MODERATIONS ||
           endpoint == CG_ENDPOINT_BATCH_CREATE;
}

static void estimate(cg_txn_t *txn)
{
    const cg_endpoint_row_t *row = &cg_endpoints[txn->in.endpoint];
    if (!row->has_tokens) {
        return;
    }
    const cg_request_t *request = &txn->in.request;
    txn->grant.input_tokens = row->is_upload
                                  ? txn->in.upload_tokens
                                  : cg_chat_tokens_of_request(request);
    if (has_no_output(txn->in.endpoint)) {
        return;
    }
    int64_t most = request->max_output_tokens;
    if (most < 0) {
        const cg_price_t *price = txn->grant.price;
        most = txn->policy->output_default;
        if (price && price->max_output_tokens > 0 &&
            price->max_output_tokens < most) {
            most = price->max_output_tokens;
        }
        txn->grant.cap_tokens = most;
    }
    if (__builtin_mul_overflow(most, request->choices,
                               &txn->grant.output_tokens)) {
        txn->grant.output_tokens = INT64_MAX;
    }
}

/* Who has no key, by a token or httpd's own means, is counted by name: a limit per
 * key must not be none for them. No id of a key has a colon. */
static cg_str_t key_subject(const cg_txn_t *txn)
{
    if (txn->who.key.id[0] || !txn->who.user || !txn->who.user[0]) {
        return cg_str(txn->who.key.id);
    }
    return cg_str(apr_pstrcat(txn->pool, "user:", txn->who.user, NULL));
}

/* Who a limit of this dimension counts; empty: it does not apply. */
static cg_str_t subject_of(const cg_txn_t *txn, cg_dimension_t dimension)
{
    switch (dimension) {
    case CG_DIMENSION_KEY:
        return key_subject(txn);
    case CG_DIMENSION_USER:
        return cg_str(txn->who.user);
    case CG_DIMENSION_TEAM:
        return cg_str(txn->who.team);
    case CG_DIMENSION_MODEL:
        return txn->grant.price ? cg_str(txn->grant.price->id) : txn->in.model;
    case CG_DIMENSION_ADDRESS:
        return cg_str(txn->in.address);
    case CG_DIMENSION_VHOST:
        return cg_str(txn->in.vhost);
    case CG_DIMENSION_COUNT:
        break;
    }
    return (cg_str_t){"", 0};
}

/* False when there is no room for it: what is not counted must not pass. */
static bool add_ask(cg_txn_t *txn, const cg_limit_t *limit)
{
    cg_str_t subject = subject_of(txn, (cg_dimension_t)limit->dimension);
    bool is_free = !cg_endpoints[txn->in.endpoint].has_tokens;
    if (subject.len == 0 ||
        (is_free && limit->quantity != CG_QUANTITY_REQUESTS)) {
        return true;
    }
    if (txn->grant.count == CG_ASKS_MAX) {
        return false;
    }
    cg_limit_t *kept = &txn->grant.limits[txn->grant.count];
    *kept = *limit;
    if (kept->store_down == CG_STORE_DOWN_UNSET) {
        kept->store_down = txn->policy->store_down.mode[limit->quantity];
    }
    cg_quota_ask_t *ask = &txn->grant.asks[txn->grant.count];
    *ask = (cg_quota_ask_t){.limit = kept, .subject = subject, .cost = 1};
    if (limit->quantity == CG_QUANTITY_TOKENS) {
        ask->floor = txn->grant.input_tokens;
        ask->cost = add_up(txn->grant.input_tokens, txn->grant.output_tokens);
    }
    if (limit->quantity == CG_QUANTITY_MICROS && txn->grant.price) {
        ask->floor =
            cg_price_micros(txn->grant.price, txn->grant.input_tokens, 0, 0);
        ask->cost = cg_price_micros(txn->grant.price, txn->grant.input_tokens,
                                    0, txn->grant.output_tokens);
    }
    txn->grant.has_hold =
        txn->grant.has_hold || limit->quantity != CG_QUANTITY_REQUESTS;
    txn->grant.count++;
    return true;
}

/* A caller's own limit stands in the place of the configured one for its kind. */
static bool has_own(const cg_key_t *key, const cg_limit_t *configured)
{
    for (int i = 0; i < key->limits_count; i++) {
        if (configured->dimension == key->limits[i].dimension &&
            key->limits[i].quantity == configured->quantity) {
            return true;
        }
    }
    return false;
}

static bool add_configured(cg_txn_t *txn, const cg_kind_LIMITS_t *limits)
{
    bool has_room = !limits->is_full;
    for (int i = 0; i < limits->count && has_room; i++) {
        has_room = has_own(&txn->who.key, &limits->items[i]) ||
                   add_ask(txn, &limits->items[i]);
    }
    return has_room;
}

static bool add_all(cg_txn_t *txn)
{
    bool has_room = true;
    for (int i = 0; i < txn->who.key.limits_count && has_room; i++) {
        has_room = add_ask(txn, &txn->who.key.limits[i]);
    }
    return has_room && add_configured(txn, &txn->policy->limits) &&
           add_configured(txn, &txn->policy->budgets);
}

static cg_verdict_t refuse_by(cg_txn_t *txn)
{
    const cg_quota_grant_t *quota = &txn->grant.quota;
    if (quota->is_store_down) {
        return cg_txn_refuse(txn, CG_QUOTA_STORE_AWAY, NULL, NULL);
    }
    const cg_limit_t *limit = &txn->grant.limits[quota->refused_by];
    const char *words =
        apr_psprintf(txn->pool, "%s (%s, by %s).",
                     limit->quantity == CG_QUANTITY_MICROS
                         ? "You exceeded your current budget"
                     : limit->quantity == CG_QUANTITY_TOKENS
                         ? "Rate limit reached for tokens"
                         : "Rate limit reached for requests",
                     cg_limit_format(limit, txn->pool),
                     cg_limit_dimension_name((cg_dimension_t)limit->dimension));
    cg_verdict_t verdict = limit->quantity == CG_QUANTITY_MICROS ? CG_BUDGET
                           : limit->quantity == CG_QUANTITY_TOKENS
                               ? CG_TOKEN_LIMIT
                               : CG_RATE_LIMIT;
    return cg_txn_refuse(txn, verdict, words, NULL);
}

static bool has_budget(const cg_txn_t *txn)
{
    for (size_t i = 0; i < txn->grant.count; i++) {
        if (txn->grant.limits[i].quantity == CG_QUANTITY_MICROS) {
            return true;
        }
    }
    return false;
}

static void count_outage(cg_txn_t *txn)
{
    const cg_quota_grant_t *quota = &txn->grant.quota;
    if (quota->is_local || quota->is_open || quota->is_store_down) {
        cg_meter_store_error(txn->gateway->meter, "admit");
        cg_meter_limit_local(txn->gateway->meter, quota->is_store_down
                                                      ? "closed"
                                                  : quota->is_local ? "local"
                                                                    : "open");
    }
}

/* What is bound to be refused is better refused before it is paid for. */
static cg_verdict_t check_answer(cg_txn_t *txn)
{
    bool is_sound = txn->in.endpoint == CG_ENDPOINT_SPEECH;
    if (is_sound && txn->policy->opaque == CG_OPAQUE_DENY) {
        return cg_txn_refuse(txn, CG_OPAQUE,
                             "Speech cannot be read by the gateway, and such "
                             "answers may not be passed on.",
                             NULL);
    }
    return CG_PASS;
}

static cg_verdict_t refuse_unpriced(cg_txn_t *txn)
{
    txn->grant.has_hold = false;
    return cg_endpoints[txn->in.endpoint].has_model
               ? cg_txn_refuse(txn, CG_MODEL_UNPRICED, NULL, "model")
               : cg_txn_refuse(txn, CG_MODEL_UNPRICED,
                               "What a batch costs is not known beforehand, "
                               "and a budget applies.",
                               NULL);
}

static cg_verdict_t refuse_signed(cg_txn_t *txn)
{
    txn->grant.has_hold = false;
    switch (txn->grant.quota.once) {
    case CG_ONCE_REPLAYED:
        return cg_txn_refuse(txn, CG_SIGNATURE_REPLAYED, NULL, NULL);
    case CG_ONCE_CROWDED:
        return cg_txn_refuse(txn, CG_RATE_LIMIT,
                             "More requests were signed with this key than can "
                             "be remembered.",
                             NULL);
    default:
        cg_meter_store_error(txn->gateway->meter, "admit");
        return cg_txn_refuse(txn, CG_SIGNATURE_UNCHECKED, NULL, NULL);
    }
}

static bool has_nonce(const cg_txn_t *txn)
{
    return txn->signature.key_id && !txn->signature.is_used;
}

/* All limits, and the nonce of a signed request, in one round trip. */
static apr_status_t ask_store(cg_txn_t *txn)
{
    cg_error_t err;
    cg_quota_nonce_t nonce = {.sign_key = cg_str(txn->signature.key_id),
                              .nonce = txn->signature.nonce};
    cg_clock_uuid7(txn->in.at, txn->grant.hold_id);
    return cg_quota_admit_once(
        txn->gateway->quota, txn->grant.hold_id, has_nonce(txn) ? &nonce : NULL,
        txn->grant.asks, txn->grant.count, txn->policy->total_for + HOLD_MARGIN,
        txn->in.at, &txn->grant.quota, &err, txn->pool);
}

cg_verdict_t cg_flow_signed_use(cg_txn_t *txn)
{
    if (!has_nonce(txn)) {
        return CG_PASS;
    }
    bool is_asked = ask_store(txn) == APR_SUCCESS;
    if (!is_asked || txn->grant.quota.once != CG_ONCE_FIRST) {
        return refuse_signed(txn);
    }
    txn->signature.is_used = true;
    memset(&txn->grant, 0, sizeof txn->grant);
    return CG_PASS;
}

cg_verdict_t cg_flow_admit(cg_txn_t *txn)
{
    if (check_model(txn) != CG_PASS || check_answer(txn) != CG_PASS ||
        check_batch(txn) != CG_PASS) {
        return txn->verdict;
    }
    estimate(txn);
    if (!add_all(txn)) {
        txn->grant.has_hold = false;
        return cg_txn_refuse(txn, CG_NOT_CONFIGURED,
                             "More limits meet here than can be counted.",
                             NULL);
    }
    if (txn->grant.count == 0 && !has_nonce(txn)) {
        return CG_PASS;
    }
    if (has_budget(txn) && !(txn->grant.price && txn->grant.price->is_priced)) {
        return refuse_unpriced(txn);
    }
    if (ask_store(txn) != APR_SUCCESS) {
        txn->grant.has_hold = false;
        return cg_txn_refuse(txn, CG_QUOTA_STORE_AWAY, NULL, NULL);
    }
    if (has_nonce(txn) && txn->grant.quota.once != CG_ONCE_FIRST) {
        return refuse_signed(txn);
    }
    count_outage(txn);
    if (!txn->grant.quota.is_admitted) {
        txn->grant.has_hold = false;
        return refuse_by(txn);
    }
    return CG_PASS;
}

/* The first limit that has no room for anything; none if the store cannot tell. */
static bool find_full(cg_txn_t *txn, size_t *out_which)
{
    cg_error_t err;
    cg_quota_left_t left[CG_ASKS_MAX];
    if (!add_all(txn) || txn->grant.count == 0 ||
        cg_quota_usage(txn->gateway->quota, txn->grant.asks, txn->grant.count,
                       txn->in.at, left, &err, txn->pool) != APR_SUCCESS) {
        return false;
    }
    for (size_t i = 0; i < txn->grant.count; i++) {
        if (left[i].remaining <= 0) {
            *out_which = i;
            return true;
        }
    }
    return false;
}

/* That limit is asked by itself: it says no, and when it may be tried again. In the
 * one case in many that room was made meanwhile the upload goes on, counted once
 * more than it came. */
cg_verdict_t cg_flow_admit_early(cg_txn_t *txn)
{
    cg_error_t err;
    size_t which;
    bool is_refused = false;
    if (find_full(txn, &which)) {
        cg_quota_ask_t ask = txn->grant.asks[which];
        txn->grant.limits[0] = *ask.limit;
        ask.limit = &txn->grant.limits[0];
        ask.cost = 1;
        ask.floor = 0;
        txn->grant.asks[0] = ask;
        txn->grant.count = 1;
        cg_clock_uuid7(txn->in.at, txn->grant.hold_id);
        is_refused =
            cg_quota_admit(txn->gateway->quota, txn->grant.hold_id, &ask, 1,
                           HOLD_MARGIN, txn->in.at, &txn->grant.quota, &err,
                           txn->pool) == APR_SUCCESS &&
            !txn->grant.quota.is_admitted && !txn->grant.quota.is_store_down;
    }
    txn->grant.has_hold = false;
    if (is_refused) {
        return refuse_by(txn);
    }
    memset(&txn->grant, 0, sizeof txn->grant);
    return CG_PASS;
}
