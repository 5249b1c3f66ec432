/* A limit as an administrator writes it: how much, of what, in how long.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   100/60s                        requests in a sliding window
 *   10000tokens/60s                tokens, input and output together
 *   5000output_tokens/1h smooth    evenly, never more than a part at once
 *   1000000tokens/day              a calendar day
 *   5USD/month tz=Europe/Berlin    a budget in the calendar month there
 *   500USD/year start=04-01        a fiscal year
 *   20concurrent                   requests under way at once
 *
 * AMOUNT[UNIT][/WINDOW], then words, with blanks or semicolons between:
 *   sliding | smooth | exact   how a window is counted (quota/ring.lua)
 *   strict | leased            each request asks the store, or one in many
 *   hard | soft                refuses, or only says so
 *   closed | local | open      without the store
 *   tz=ZONE, start=WHEN        where and when a calendar period begins
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
 * add one: a row here and its subject in flow/asks.c. A pair of them, written
 * "team+model", counts each meeting of the two by itself. */
// clang-format off
#define CG_DIMENSIONS(X)                                            \
    X(KEY,          "key",          "one API key")                  \
    X(USER,         "user",         "one user, whatever the key")   \
    X(TEAM,         "team",         "all keys of one team")         \
    X(MODEL,        "model",        "one model, for everyone")      \
    X(ADDRESS,      "address",      "one client address")           \
    X(VHOST,        "vhost",        "one virtual host")             \
    X(ORGANIZATION, "organization", "all of one organization")      \
    X(ENDPOINT,     "endpoint",     "one endpoint, for everyone")

/* What is counted: unit in directives, name in keys and JSON, words. */
#define CG_QUANTITIES(X)                                                   \
    X(REQUESTS,      "",              "requests",      "requests")         \
    X(TOKENS,        "tokens",        "tokens",        "tokens")           \
    X(MICROS,        "USD",           "micros",        "micro-dollars")    \
    X(INPUT_TOKENS,  "input_tokens",  "input_tokens",  "input tokens")     \
    X(OUTPUT_TOKENS, "output_tokens", "output_tokens", "output tokens")    \
    X(CONCURRENT,    "concurrent",    "concurrent",    "requests at once")
// clang-format on

typedef enum cg_dimension_t {
#define CG_DIMENSION_ENUM(id, name, words) CG_DIMENSION_##id,
    CG_DIMENSIONS(CG_DIMENSION_ENUM)
#undef CG_DIMENSION_ENUM
        CG_DIMENSION_COUNT
} cg_dimension_t;

typedef enum cg_quantity_t {
#define CG_QUANTITY_ENUM(id, unit, name, words) CG_QUANTITY_##id,
    CG_QUANTITIES(CG_QUANTITY_ENUM)
#undef CG_QUANTITY_ENUM
        CG_QUANTITY_COUNT
} cg_quantity_t;

#define CG_LIMIT_PACED_PART 20 /* of the amount passes at once (smooth.lua) */

/* How a window is counted. */
typedef enum cg_algorithm_t {
    CG_ALGORITHM_SLIDING, /* a ring of 60 parts, O(1) */
    CG_ALGORITHM_SMOOTH,  /* paced, O(1): a twentieth at once */
    CG_ALGORITHM_EXACT    /* a log of moments */
} cg_algorithm_t;

/* What a limit does when the store is out of reach. */
typedef enum cg_store_down_t {
    CG_STORE_DOWN_UNSET,  /* the quantity's default: local, budgets closed */
    CG_STORE_DOWN_CLOSED, /* refuse with 503 */
    CG_STORE_DOWN_LOCAL,  /* count this server's share in shared memory */
    CG_STORE_DOWN_OPEN    /* serve, and say so */
} cg_store_down_t;

/* window_for of what is no window: calendar periods, and none at all. */
#define CG_WINDOW_MONTH 0
#define CG_WINDOW_DAY (-1)
#define CG_WINDOW_WEEK (-2)
#define CG_WINDOW_YEAR (-3)
#define CG_WINDOW_NONE (-4) /* of CG_QUANTITY_CONCURRENT */

#define CG_LIMIT_ZONE_MAX 36 /* with its NUL; the longest name has 32 bytes */

typedef struct cg_limit_t {
    uint8_t dimension;   /* cg_dimension_t */
    uint8_t with;        /* of a pair 1 + the second cg_dimension_t; else 0 */
    uint8_t quantity;    /* cg_quantity_t */
    uint8_t store_down;  /* cg_store_down_t */
    uint8_t algorithm;   /* cg_algorithm_t; of windows */
    bool is_leased;      /* servers take slices of it in advance */
    bool is_soft;        /* passing it refuses nobody */
    uint8_t start_month; /* of a year 1 to 12; 0: January */
    uint8_t start_day;   /* day of the month, or of the week 1 (Monday) to 7;
                            0: the first */
    char zone[CG_LIMIT_ZONE_MAX]; /* of a calendar period; "": UTC */
    int64_t amount;               /* most in a window; 0 admits nothing */
    int64_t window_for;           /* microseconds, or CG_WINDOW_… */
} cg_limit_t;

const char *cg_limit_dimension_name(cg_dimension_t dimension);
bool cg_limit_dimension_find(cg_str_t name, cg_dimension_t *out);
const char *cg_limit_quantity_name(cg_quantity_t quantity);
bool cg_limit_store_down_find(cg_str_t name, cg_store_down_t *out);

/* Reads "team" or "team+model" (in either order, "organisation" too) into
 * dimension and with; touches nothing else. */
bool cg_limit_scope_read(cg_str_t text, cg_limit_t *out);
const char *cg_limit_scope(const cg_limit_t *limit, apr_pool_t *pool);
/* All scopes have numbers below CG_SCOPES, for sets of them. */
#define CG_SCOPES 64
int cg_limit_scope_index(const cg_limit_t *limit);
/* The other way: dimension and with of a number; false: no scope has it. */
bool cg_limit_scope_at(int index, cg_limit_t *out);

bool cg_limit_is_calendar(const cg_limit_t *limit);
/* The same thing counted: scope, quantity and window. */
bool cg_limit_is_same(const cg_limit_t *a, const cg_limit_t *b);

/* Reads "100/60s" and the words after it; dimension and with are the caller's,
 * and so is store_down where no word says it. On failure err says what is
 * legal and out is untouched. */
bool cg_limit_parse(cg_str_t text, cg_limit_t *out, cg_error_t *err);
/* Writes it back as it would be typed, without its scope. */
const char *cg_limit_format(const cg_limit_t *limit, apr_pool_t *pool);
/* The same in one word, with semicolons for blanks: for lists in one text. */
const char *cg_limit_spell(const cg_limit_t *limit, apr_pool_t *pool);
/* Only amount and window, for messages. */
const char *cg_limit_brief(const cg_limit_t *limit, apr_pool_t *pool);

#endif
