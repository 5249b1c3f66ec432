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
#include "flow/asks.h"
#include "flow/lives.h"
#include "flow/noted.h"
#include "flow/trial.h"

/* Longer than any answer may take, so that a hold cannot lapse under it. */
#define HOLD_MARGIN (60 * CG_SECOND)
#define CLAMPS_MAX 3

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

/* What is said of a limit that has no room. */
static const struct refusal_t {
    cg_verdict_t verdict;
    const char *words;
} refusals[CG_QUANTITY_COUNT] = {
    [CG_QUANTITY_REQUESTS] = {CG_RATE_LIMIT, "Rate limit reached for requests"},
    [CG_QUANTITY_TOKENS] = {CG_TOKEN_LIMIT, "Rate limit reached for tokens"},
    [CG_QUANTITY_MICROS] = {CG_BUDGET, "You exceeded your current budget"},
    [CG_QUANTITY_INPUT_TOKENS] = {CG_TOKEN_LIMIT,
                                  "Rate limit reached for input tokens"},
    [CG_QUANTITY_OUTPUT_TOKENS] = {CG_TOKEN_LIMIT,
                                   "Rate limit reached for output tokens"},
    [CG_QUANTITY_CONCURRENT] = {CG_RATE_LIMIT,
                                "Too many requests are under way at once"},
};

static cg_verdict_t refuse_by(cg_txn_t *txn)
{
    const cg_quota_grant_t *quota = &txn->grant.quota;
    if (quota->is_store_down) {
        return cg_txn_refuse(txn, CG_QUOTA_STORE_AWAY, NULL, NULL);
    }
    const cg_limit_t *limit = &txn->grant.limits[quota->refused_by];
    const struct refusal_t *refusal = &refusals[limit->quantity];
    bool is_larger = txn->grant.asks[quota->refused_by].cost > limit->amount;
    const char *words = apr_psprintf(
        txn->pool, "%s (%s, by %s)%s.", refusal->words,
        cg_limit_brief(limit, txn->pool), cg_limit_scope(limit, txn->pool),
        is_larger ? "; this request alone may use more" : "");
    return cg_txn_refuse(txn, refusal->verdict, words, NULL);
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

static cg_verdict_t refuse_crowded(cg_txn_t *txn)
{
    return cg_txn_refuse(txn, CG_NOT_CONFIGURED,
                         "More limits meet here than can be counted.", NULL);
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
    cg_lives_leave(txn);
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

static void make_id(cg_txn_t *txn)
{
    char uuid[37];
    cg_clock_uuid7(txn->in.at, uuid);
    cg_quota_id(txn->grant.hold_id, uuid, cg_asks_organization(txn));
}

/* All limits, and the nonce of a signed request, in one round trip. */
static apr_status_t ask_store(cg_txn_t *txn)
{
    cg_error_t err;
    cg_quota_nonce_t nonce = {.sign_key = cg_str(txn->signature.key_id),
                              .nonce = txn->signature.nonce};
    make_id(txn);
    cg_lives_begin(txn);
    return cg_quota_admit_live(txn->gateway->quota, txn->grant.hold_id,
                               txn->grant.place, has_nonce(txn) ? &nonce : NULL,
                               txn->grant.asks, txn->grant.count,
                               txn->policy->total_for + HOLD_MARGIN, txn->in.at,
                               &txn->grant.quota, &err, txn->pool);
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

/* ---- a shorter answer --------------------------------------------------------- */

/* The most output that the ask has room for; -1: it is not what binds. */
static int64_t room_of(const cg_txn_t *txn, size_t which)
{
    const cg_limit_t *limit = &txn->grant.limits[which];
    int64_t left = txn->grant.quota.left[which].remaining;
    int64_t input = txn->grant.input_tokens;
    if (limit->is_soft) {
        return -1;
    }
    switch (limit->quantity) {
    case CG_QUANTITY_TOKENS:
        return left > input ? left - input : 0;
    case CG_QUANTITY_OUTPUT_TOKENS:
        return left;
    case CG_QUANTITY_MICROS:
        return cg_price_output(txn->grant.price, input, left);
    default:
        return -1;
    }
}

/* Puts the output down to what all limits leave; false if that is nothing, or
 * nothing was won by it. */
static bool clamp(cg_txn_t *txn)
{
    int64_t choices = txn->in.request.choices > 0 ? txn->in.request.choices : 1;
    int64_t most = txn->grant.output_tokens;
    for (size_t i = 0; i < txn->grant.count; i++) {
        int64_t room = room_of(txn, i);
        most = room >= 0 && room < most ? room : most;
    }
    most /= choices;
    if (most < 1 || most * choices >= txn->grant.output_tokens) {
        return false;
    }
    txn->grant.cap_tokens = most;
    txn->grant.output_tokens = most * choices;
    txn->grant.is_clamped = true;
    return cg_asks_fill(txn);
}

/* What is left may shrink between asking and asking again: a few times. rv: how the
 * store was asked first. */
static apr_status_t clamp_refused(cg_txn_t *txn, apr_status_t rv)
{
    for (int i = 0; i < CLAMPS_MAX && rv == APR_SUCCESS; i++) {
        const cg_quota_grant_t *quota = &txn->grant.quota;
        if (quota->is_admitted || quota->is_store_down ||
            (has_nonce(txn) && quota->once != CG_ONCE_FIRST) ||
            !txn->policy->clamp || !clamp(txn)) {
            break;
        }
        bool was_first = has_nonce(txn);
        txn->signature.is_used = txn->signature.is_used || was_first;
        rv = ask_store(txn);
    }
    return rv;
}

/* ---- the step ------------------------------------------------------------------ */

static cg_verdict_t read_answer(cg_txn_t *txn)
{
    const cg_quota_grant_t *quota = &txn->grant.quota;
    count_outage(txn);
    cg_flow_note_limits(txn);
    if (!quota->is_admitted) {
        txn->grant.has_hold = false;
        cg_lives_leave(txn);
        return refuse_by(txn);
    }
    txn->grant.has_hold = txn->grant.has_hold && !quota->is_here;
    return CG_PASS;
}

cg_verdict_t cg_flow_admit(cg_txn_t *txn)
{
    if (check_model(txn) != CG_PASS || check_answer(txn) != CG_PASS ||
        check_batch(txn) != CG_PASS) {
        return txn->verdict;
    }
    cg_asks_estimate(txn);
    if (!cg_asks_fill(txn)) {
        txn->grant.has_hold = false;
        return refuse_crowded(txn);
    }
    if (txn->grant.count == 0 && !has_nonce(txn)) {
        return CG_PASS;
    }
    if (has_budget(txn) && !(txn->grant.price && txn->grant.price->is_priced)) {
        return refuse_unpriced(txn);
    }
    if (clamp_refused(txn, ask_store(txn)) != APR_SUCCESS) {
        txn->grant.has_hold = false;
        cg_lives_leave(txn);
        return cg_txn_refuse(txn, CG_QUOTA_STORE_AWAY, NULL, NULL);
    }
    if (has_nonce(txn) && txn->grant.quota.once != CG_ONCE_FIRST) {
        return refuse_signed(txn);
    }
    return read_answer(txn);
}

/* ---- once more, for more -------------------------------------------------------- */

/* Until the store has answered the request has two places in the live table: whoever
 * is killed meanwhile leaves nothing behind. */
static apr_status_t ask_instead(cg_txn_t *txn, bool has_hold)
{
    cg_error_t err;
    const char *held = apr_pstrdup(txn->pool, txn->grant.hold_id);
    uint32_t place = txn->grant.place;
    txn->grant.place = 0;
    make_id(txn);
    cg_lives_begin(txn);
    apr_status_t rv = cg_quota_admit_instead(
        txn->gateway->quota, held, has_hold, txn->grant.hold_id,
        txn->grant.place, txn->grant.asks, txn->grant.count,
        txn->policy->total_for + HOLD_MARGIN, txn->in.at, &txn->grant.quota,
        &err, txn->pool);
    cg_live_free(txn->gateway->live, place);
    return rv;
}

static bool is_of_input(cg_quantity_t quantity)
{
    return cg_asks_is_of_tokens(quantity) &&
           quantity != CG_QUANTITY_OUTPUT_TOKENS;
}

static bool counts_input(const cg_txn_t *txn)
{
    for (size_t i = 0; i < txn->grant.count; i++) {
        if (is_of_input((cg_quantity_t)txn->grant.limits[i].quantity)) {
            return true;
        }
    }
    return false;
}

cg_verdict_t cg_flow_admit_masked(cg_txn_t *txn, int64_t input_tokens)
{
    bool is_more = input_tokens > txn->grant.input_tokens;
    bool has_hold = txn->grant.has_hold;
    txn->grant.input_tokens = input_tokens;
    if (!is_more || !counts_input(txn)) {
        return CG_PASS;
    }
    /* What counts are the limits as they are now: the console may have changed some
     * meanwhile. If there are none left the hold stays as it is. */
    if (!cg_asks_fill(txn)) {
        txn->grant.has_hold = has_hold;
        return refuse_crowded(txn);
    }
    if (txn->grant.count == 0) {
        return CG_PASS;
    }
    txn->signature.is_used = true;
    if (clamp_refused(txn, ask_instead(txn, has_hold)) != APR_SUCCESS) {
        txn->grant.has_hold = false;
        cg_lives_leave(txn);
        return cg_txn_refuse(txn, CG_QUOTA_STORE_AWAY, NULL, NULL);
    }
    return read_answer(txn);
}

/* ---- for who only asks what would be (trial.h) ---------------------------------- */

cg_verdict_t cg_flow_admit_plan(cg_txn_t *txn, int64_t input_tokens)
{
    if (check_model(txn) != CG_PASS || check_answer(txn) != CG_PASS) {
        return txn->verdict;
    }
    cg_asks_estimate(txn);
    if (input_tokens >= 0) {
        txn->grant.input_tokens = input_tokens;
    }
    if (!cg_asks_fill(txn)) {
        return refuse_crowded(txn);
    }
    bool is_priced = txn->grant.price && txn->grant.price->is_priced;
    return has_budget(txn) && !is_priced ? refuse_unpriced(txn) : CG_PASS;
}

bool cg_flow_admit_clamp(cg_txn_t *txn)
{
    return txn->policy->clamp && clamp(txn);
}

cg_verdict_t cg_flow_admit_refusal(cg_txn_t *txn)
{
    return refuse_by(txn);
}

/* The first limit that has no room for anything; none if the store cannot tell. */
static bool find_full(cg_txn_t *txn, size_t *out_which)
{
    cg_error_t err;
    cg_quota_left_t left[CG_ASKS_MAX];
    if (!cg_asks_fill(txn) || txn->grant.count == 0 ||
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
        make_id(txn);
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
