/* Models: which are known, how large they are, what they cost.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "quota/prices.h"

#include <math.h>
#include <string.h>

#include <apr_hash.h>
#include <apr_strings.h>

#include "base/json.h"

struct cg_prices_t {
    cg_price_t *rows;
    size_t count;
    apr_hash_t *by_id; /* id → cg_price_t */
};

#define DOLLARS_MAX 1000000.0 /* for a million tokens */

static bool read_price(const cg_json_t *row, const char *name, int64_t *out,
                       cg_error_t *err)
{
    /* What is there but no number must not read as free. */
    double dollars =
        cg_json_get_real(row, name, cg_json_get(row, name) ? -1 : 0);
    if (!(dollars >= 0 && dollars <= DOLLARS_MAX)) {
        cg_error_set(err,
                     "model %s: %s must be 0 to 1000000 US dollars for a "
                     "million tokens",
                     cg_json_get_str(row, "id", "?"), name);
        return false;
    }
    *out = (int64_t)llround(dollars * 1000);
    return true;
}

static bool read_row(const cg_json_t *row, cg_price_t *out, cg_error_t *err,
                     apr_pool_t *pool)
{
    const char *id = cg_json_get_str(row, "id", "");
    if (!id[0] || strlen(id) > 256) {
        cg_error_set(err, "a model needs an id of 1 to 256 bytes");
        return false;
    }
    out->id = apr_pstrdup(pool, id);
    out->is_priced = cg_json_get(row, "input") != NULL;
    out->max_output_tokens = cg_json_get_int(
        row, "max_output", cg_json_get(row, "max_output") ? -1 : 0);
    if (out->max_output_tokens < 0) {
        cg_error_set(err, "model %s: max_output must not be negative", id);
        return false;
    }
    bool is_read = read_price(row, "input", &out->input_nanos, err) &&
                   read_price(row, "output", &out->output_nanos, err);
    out->cached_nanos = out->input_nanos;
    if (is_read && cg_json_get(row, "cached_input")) {
        is_read = read_price(row, "cached_input", &out->cached_nanos, err);
    }
    return is_read;
}

apr_status_t cg_prices_load(const char *path, cg_prices_t **out,
                            cg_error_t *err, apr_pool_t *pool)
{
    cg_prices_t *prices = apr_pcalloc(pool, sizeof *prices);
    prices->by_id = apr_hash_make(pool);
    *out = prices;
    cg_error_t why;
    cg_json_t *file = cg_json_load(path, &why, pool);
    if (!file) {
        cg_error_set(err, "%s: %s", path, why.text);
        return APR_EINVAL;
    }
    const cg_json_t *rows = cg_json_get(file, "models");
    if (!rows || !cg_json_is_array(rows)) {
        cg_error_set(err, "%s: needs a member \"models\", an array", path);
        return APR_EINVAL;
    }
    prices->rows =
        apr_pcalloc(pool, (cg_json_size(rows) + 1) * sizeof *prices->rows);
    for (size_t i = 0; i < cg_json_size(rows); i++) {
        cg_price_t *row = &prices->rows[prices->count];
        if (!read_row(cg_json_at(rows, i), row, &why, pool)) {
            cg_error_set(err, "%s: %s", path, why.text);
            return APR_EINVAL;
        }
        if (apr_hash_get(prices->by_id, row->id, APR_HASH_KEY_STRING)) {
            cg_error_set(err, "%s: model %s stands twice", path, row->id);
            return APR_EINVAL;
        }
        row->index = (int)prices->count++;
        apr_hash_set(prices->by_id, row->id, APR_HASH_KEY_STRING, row);
    }
    return APR_SUCCESS;
}

static const cg_price_t *find_exact(const cg_prices_t *prices, cg_str_t id)
{
    return apr_hash_get(prices->by_id, id.ptr, (apr_ssize_t)id.len);
}

/* Cuts from the right at each "-<digit>": gpt-4o-2024-08-06 is gpt-4o's. */
static const cg_price_t *find_dated(const cg_prices_t *prices, cg_str_t id)
{
    for (size_t i = id.len; i > 1; i--) {
        bool is_cut = id.ptr[i - 1] == '-' && i < id.len && id.ptr[i] >= '0' &&
                      id.ptr[i] <= '9';
        if (!is_cut) {
            continue;
        }
        const cg_price_t *row = find_exact(prices, (cg_str_t){id.ptr, i - 1});
        if (row) {
            return row;
        }
    }
    return NULL;
}

const cg_price_t *cg_prices_find(const cg_prices_t *prices, cg_str_t model)
{
    if (model.len == 0 || model.len > 256) {
        return NULL;
    }
    const cg_price_t *row = find_exact(prices, model);
    if (row) {
        return row;
    }
    if (cg_str_has_prefix(model, "ft:")) { /* ft:gpt-4o-mini:org:name:id */
        cg_str_t base = {model.ptr + 3, model.len - 3};
        const char *colon = memchr(base.ptr, ':', base.len);
        base.len = colon ? (size_t)(colon - base.ptr) : base.len;
        row = find_exact(prices, base);
        return row ? row : find_dated(prices, base);
    }
    return find_dated(prices, model);
}

size_t cg_prices_count(const cg_prices_t *prices)
{
    return prices->count;
}

const cg_price_t *cg_prices_at(const cg_prices_t *prices, size_t index)
{
    return &prices->rows[index];
}

int64_t cg_price_micros(const cg_price_t *price, int64_t input_tokens,
                        int64_t cached_tokens, int64_t output_tokens)
{
    if (cached_tokens > input_tokens || cached_tokens < 0) {
        cached_tokens = 0;
    }
    int64_t input, cached, output, sum;
    if (__builtin_mul_overflow(input_tokens - cached_tokens, price->input_nanos,
                               &input) ||
        __builtin_mul_overflow(cached_tokens, price->cached_nanos, &cached) ||
        __builtin_mul_overflow(output_tokens, price->output_nanos, &output) ||
        __builtin_add_overflow(input, cached, &sum) ||
        __builtin_add_overflow(sum, output, &sum) || sum > INT64_MAX - 999) {
        return INT64_MAX;
    }
    return (sum + 999) / 1000;
}

int64_t cg_price_output(const cg_price_t *price, int64_t input_tokens,
                        int64_t micros)
{
    int64_t input, left;
    if (!price || micros < 0 ||
        __builtin_mul_overflow(input_tokens, price->input_nanos, &input) ||
        __builtin_mul_overflow(micros, 1000, &left)) {
        return 0;
    }
    if (left < input) {
        return 0;
    }
    return price->output_nanos > 0 ? (left - input) / price->output_nanos
                                   : INT64_MAX;
}
