/* Models: which are known, how large they are, what they cost.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Read from a JSON file (conf/models.json) when the server starts:
 *
 *   {"models": [{"id": "gpt-4o", "input": 2.5, "cached_input": 1.25,
 *                "output": 10, "max_output": 16384}, ...]}
 *
 * Prices are US dollars for a million tokens, the unit of the providers' price
 * lists; kept as nano-dollars a token, so that money is integers throughout. A
 * dated model ("gpt-4o-2024-08-06") is its family's row; a row with a longer id
 * wins.
 */
#ifndef CG_QUOTA_PRICES_H
#define CG_QUOTA_PRICES_H

#include <stdbool.h>
#include <stdint.h>

#include <apr_pools.h>

#include "base/error.h"
#include "base/text.h"

typedef struct cg_price_t {
    const char *id;
    int index; /* row number, for metrics */
    int64_t input_nanos;
    int64_t cached_nanos;
    int64_t output_nanos;
    int64_t max_output_tokens; /* 0: not said */
    bool is_priced;
} cg_price_t;

typedef struct cg_prices_t cg_prices_t;

apr_status_t cg_prices_load(const char *path, cg_prices_t **out,
                            cg_error_t *err, apr_pool_t *pool);
/* NULL: not known. */
const cg_price_t *cg_prices_find(const cg_prices_t *prices, cg_str_t model);
size_t cg_prices_count(const cg_prices_t *prices);
const cg_price_t *cg_prices_at(const cg_prices_t *prices, size_t index);

/* Micro-dollars, rounded up; saturates at INT64_MAX. cached is part of input. */
/* The other way: the most output tokens that micros pay for beside the input; of a
 * model whose output is free INT64_MAX, below zero never. */
int64_t cg_price_output(const cg_price_t *price, int64_t input_tokens,
                        int64_t micros);
int64_t cg_price_micros(const cg_price_t *price, int64_t input_tokens,
                        int64_t cached_tokens, int64_t output_tokens);

#endif
