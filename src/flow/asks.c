/* Which limits a request meets, and what it costs each of them at worst.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Limits come from the caller's key, from the console (overrides) and from the
 * configuration, in this order of right; all that apply are asked at once.
 */
#include "flow/asks.h"

#include <apr_strings.h>

#include "chat/tokens.h"

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

void cg_asks_estimate(cg_txn_t *txn)
{
    const cg_endpoint_row_t *row = &cg_endpoints[txn->in.endpoint];
    if (!row->has_tokens) {
        return;
    }
    const cg_request_t *request = &txn->in.request;
    txn->grant.input_tokens =
        row->is_upload
            ? txn->in.upload_tokens
            : cg_chat_tokens_of_request(request, txn->gateway->vocabularies,
                                        &txn->grant.is_exact, txn->pool);
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

cg_str_t cg_asks_organization(const cg_txn_t *txn)
{
    const char *name = txn->who.organization;
    return cg_str(name && name[0] ? name : txn->policy->organization);
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
static cg_str_t who_in(const cg_txn_t *txn, cg_dimension_t dimension)
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
    case CG_DIMENSION_ORGANIZATION:
        return cg_asks_organization(txn).len ? cg_asks_organization(txn)
                                             : CG_STR("default");
    case CG_DIMENSION_ENDPOINT:
        return cg_str(cg_endpoints[txn->in.endpoint].name);
    case CG_DIMENSION_COUNT:
        break;
    }
    return (cg_str_t){"", 0};
}

static cg_str_t subject_of(const cg_txn_t *txn, const cg_limit_t *limit)
{
    cg_str_t first = who_in(txn, (cg_dimension_t)limit->dimension);
    if (!limit->with || first.len == 0) {
        return first;
    }
    cg_str_t second = who_in(txn, (cg_dimension_t)(limit->with - 1));
    return second.len ? cg_quota_pair(first, second, txn->pool) : second;
}

/* Answers without tokens are only counted, by the request and while under way. */
bool cg_asks_is_of_tokens(cg_quantity_t quantity)
{
    return quantity != CG_QUANTITY_REQUESTS &&
           quantity != CG_QUANTITY_CONCURRENT;
}

/* The worst case, and what is sure to be used of it. */
static void fill_cost(const cg_txn_t *txn, cg_quantity_t quantity,
                      cg_quota_ask_t *ask)
{
    const cg_price_t *price = txn->grant.price;
    int64_t input = txn->grant.input_tokens;
    int64_t output = txn->grant.output_tokens;
    ask->cost = 1;
    switch (quantity) {
    case CG_QUANTITY_TOKENS:
        ask->floor = input;
        ask->cost = add_up(input, output);
        break;
    case CG_QUANTITY_INPUT_TOKENS:
        ask->floor = input;
        ask->cost = input;
        break;
    case CG_QUANTITY_OUTPUT_TOKENS:
        ask->cost = output;
        break;
    case CG_QUANTITY_MICROS:
        if (price) {
            ask->floor = cg_price_micros(price, input, 0, 0);
            ask->cost = cg_price_micros(price, input, 0, output);
        }
        break;
    default:
        break;
    }
}

/* False when there is no room for it: what is not counted must not pass. */
static bool add_ask(cg_txn_t *txn, const cg_limit_t *limit, cg_str_t subject)
{
    cg_quantity_t quantity = (cg_quantity_t)limit->quantity;
    bool is_free = !cg_endpoints[txn->in.endpoint].has_tokens;
    if (subject.len == 0 || (is_free && cg_asks_is_of_tokens(quantity))) {
        return true;
    }
    if (txn->grant.count == CG_ASKS_MAX) {
        return false;
    }
    cg_limit_t *kept = &txn->grant.limits[txn->grant.count];
    *kept = *limit;
    if (kept->store_down == CG_STORE_DOWN_UNSET) {
        kept->store_down = txn->policy->store_down.mode[quantity];
    }
    cg_quota_ask_t *ask = &txn->grant.asks[txn->grant.count];
    *ask = (cg_quota_ask_t){.limit = kept,
                            .subject = subject,
                            .organization = cg_asks_organization(txn)};
    fill_cost(txn, quantity, ask);
    txn->grant.has_hold =
        txn->grant.has_hold || quantity != CG_QUANTITY_REQUESTS;
    txn->grant.is_bounded =
        txn->grant.is_bounded || cg_asks_is_of_tokens(quantity);
    txn->grant.count++;
    return true;
}

static bool is_same_kind(const cg_limit_t *a, const cg_limit_t *b)
{
    return a->dimension == b->dimension && a->with == b->with &&
           a->quantity == b->quantity;
}

static bool has_kind(const cg_limit_t *limits, size_t count,
                     const cg_limit_t *limit)
{
    for (size_t i = 0; i < count; i++) {
        if (is_same_kind(&limits[i], limit)) {
            return true;
        }
    }
    return false;
}

/* What the console says of this subject; NULL: nothing. */
static const cg_override_t *
override_of(const cg_txn_t *txn, const cg_limit_t *scope, cg_str_t subject)
{
    return subject.len ? cg_overrides_find(txn->grant.overrides, scope, subject)
                       : NULL;
}

/* A caller's own limit stands in the place of the configured one for its kind,
 * and what the console says of its subject in the place of both. */
static bool add_unless(cg_txn_t *txn, const cg_limit_t *limit, bool is_own)
{
    const cg_key_t *key = &txn->who.key;
    cg_str_t subject = subject_of(txn, limit);
    const cg_override_t *override = override_of(txn, limit, subject);
    bool is_overridden =
        override && has_kind(override->limits, override->count, limit);
    bool is_replaced =
        !is_own && has_kind(key->limits, key->limits_count, limit);
    return is_overridden || is_replaced || add_ask(txn, limit, subject);
}

static bool add_configured(cg_txn_t *txn, const cg_kind_LIMITS_t *limits)
{
    bool has_room = !limits->is_full;
    for (int i = 0; i < limits->count && has_room; i++) {
        has_room = add_unless(txn, &limits->items[i], false);
    }
    return has_room;
}

/* Whatever the console limits, also where nothing is configured. */
static bool add_overrides(cg_txn_t *txn)
{
    bool has_room = true;
    uint64_t scopes = cg_overrides_scopes(txn->grant.overrides);
    for (int i = 0; i < CG_SCOPES && scopes >> i && has_room; i++) {
        cg_limit_t scope;
        if (!(scopes >> i & 1) || !cg_limit_scope_at(i, &scope)) {
            continue;
        }
        cg_str_t subject = subject_of(txn, &scope);
        const cg_override_t *override = override_of(txn, &scope, subject);
        for (size_t n = 0; override && n < override->count && has_room; n++) {
            has_room = add_ask(txn, &override->limits[n], subject);
        }
    }
    return has_room;
}

bool cg_asks_fill(cg_txn_t *txn)
{
    bool has_room = true;
    txn->grant.count = 0;
    txn->grant.overrides = cg_gateway_take_overrides(txn->gateway, txn->pool);
    for (int i = 0; i < txn->who.key.limits_count && has_room; i++) {
        has_room = add_unless(txn, &txn->who.key.limits[i], true);
    }
    return has_room && add_overrides(txn) &&
           add_configured(txn, &txn->policy->limits) &&
           add_configured(txn, &txn->policy->budgets);
}
