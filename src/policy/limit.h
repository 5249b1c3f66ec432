/* A limit as an administrator writes it: how much, of what, in how long.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   100/60s          requests in a sliding window
 *   10000tokens/60s  tokens in a sliding window
 *   5USD/month       a budget in the calendar month, UTC, in micro-dollars
 *
 * Directives, keys and the admin API all speak this grammar. A limit is a plain
 * value of fixed size, so that it may stand in shared memory.
 */
#ifndef CG_POLICY_LIMIT_H
#define CG_POLICY_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include <apr_pools.h>

#include "base/error.h"
#include "base/text.h"

/* What a limit counts by: name in directives and JSON, what it is in words. To
 * add one: a row here and its subject in flow/admit.c. */
// clang-format off
#define CG_DIMENSIONS(X)                                    \
    X(KEY,      "key",      "one API key")                  \
    X(USER,     "user",     "one user, whatever the key")   \
    X(TEAM,     "team",     "all keys of one team")         \
    X(MODEL,    "model",    "one model, for everyone")      \
    X(ADDRESS,  "address",  "one client address")           \
    X(VHOST,    "vhost",    "one virtual host")
// clang-format on

typedef enum cg_dimension_t {
#define CG_DIMENSION_ENUM(id, name, words) CG_DIMENSION_##id,
    CG_DIMENSIONS(CG_DIMENSION_ENUM)
#undef CG_DIMENSION_ENUM
        CG_DIMENSION_COUNT
} cg_dimension_t;

typedef enum cg_quantity_t {
    CG_QUANTITY_REQUESTS,
    CG_QUANTITY_TOKENS, /* input and output together */
    CG_QUANTITY_MICROS  /* micro-dollars */
} cg_quantity_t;

/* What a limit does when the store is out of reach. */
typedef enum cg_store_down_t {
    CG_STORE_DOWN_UNSET,  /* the quantity's default: local, budgets closed */
    CG_STORE_DOWN_CLOSED, /* refuse with 503 */
    CG_STORE_DOWN_LOCAL,  /* count this server's share in shared memory */
    CG_STORE_DOWN_OPEN    /* serve, and say so */
} cg_store_down_t;

#define CG_WINDOW_MONTH 0 /* window_for of a calendar month */

typedef struct cg_limit_t {
    uint8_t dimension;  /* cg_dimension_t */
    uint8_t quantity;   /* cg_quantity_t */
    uint8_t store_down; /* cg_store_down_t */
    int64_t amount;     /* most in a window; 0 admits nothing */
    int64_t window_for; /* microseconds, or CG_WINDOW_MONTH */
} cg_limit_t;

const char *cg_limit_dimension_name(cg_dimension_t dimension);
bool cg_limit_dimension_find(cg_str_t name, cg_dimension_t *out);
bool cg_limit_store_down_find(cg_str_t name, cg_store_down_t *out);

/* Reads "100/60s"; the dimension is the caller's. Legal: a whole amount > 0,
 * nothing, "tokens" or "USD" after it; windows of 1 s to 31 days for requests
 * and tokens, "month" for USD. On failure err says what is legal. */
bool cg_limit_parse(cg_str_t text, cg_limit_t *out, cg_error_t *err);
/* Writes it back as it would be typed. */
const char *cg_limit_format(const cg_limit_t *limit, apr_pool_t *pool);

#endif
