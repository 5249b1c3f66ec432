/* Kinds of value that say who a caller is, and how often one may be wrong.
 * SPDX-License-Identifier: Apache-2.0
 *
 * An expression is httpd's to read; this room only keeps what it is given back.
 */
#include <string.h>

#include <apr_strings.h>

#include "policy/kinds.h"

#define CONDITION "expr="

static const char *const traits[CG_TRAIT_COUNT] = {
#define CG_TRAIT_NAME(id, name, words) name,
    CG_TRAITS(CG_TRAIT_NAME)
#undef CG_TRAIT_NAME
};

const char *cg_trait_name(cg_trait_t trait)
{
    return traits[trait];
}

static bool find_trait(const char *name, cg_trait_t *out)
{
    for (int i = 0; i < CG_TRAIT_COUNT; i++) {
        if (cg_str_is_nocase(cg_str(name), traits[i])) {
            *out = (cg_trait_t)i;
            return true;
        }
    }
    return false;
}

static bool parse(const char *text, bool is_condition, const void **out,
                  const cg_kind_ask_t *ask, cg_error_t *err)
{
    cg_error_t why;
    *out = NULL;
    if (!ask->parse_expression) {
        return true;
    }
    *out = ask->parse_expression(ask->baton, text, is_condition, &why);
    if (!*out) {
        cg_error_set(err, "%s: %s", ask->directive, why.text);
    }
    return *out != NULL;
}

static bool read_identity(void *value, int argc, char *const argv[],
                          const cg_kind_ask_t *ask, cg_error_t *err,
                          apr_pool_t *pool)
{
    cg_kind_IDENTITY_t *out = value;
    cg_identity_line_t line = {.words = apr_pstrdup(pool, argv[1])};
    bool has_condition = argc > 2;
    size_t sign = sizeof CONDITION - 1;
    if (!find_trait(argv[0], &line.trait)) {
        cg_error_set(err,
                     "%s: \"%s\" is not legal; legal: user, team, role, scope, "
                     "model, limit, organization",
                     ask->directive, argv[0]);
        return false;
    }
    if (has_condition && strncmp(argv[2], CONDITION, sign) != 0) {
        cg_error_set(err, "%s: a condition begins with " CONDITION,
                     ask->directive);
        return false;
    }
    if (!parse(argv[1], false, &line.expression, ask, err) ||
        (has_condition &&
         !parse(argv[2] + sign, true, &line.condition, ask, err))) {
        return false;
    }
    if (!*out) {
        *out = apr_array_make(pool, 4, sizeof(cg_identity_line_t));
    }
    APR_ARRAY_PUSH(*out, cg_identity_line_t) = line;
    return true;
}

/* Lines of a place further in stand in the place of all outer ones. */
static void merge_identity(void *merged, const void *inner,
                           cg_stricter_t stricter, apr_pool_t *pool)
{
    (void)stricter;
    (void)pool;
    memcpy(merged, inner, sizeof(cg_kind_IDENTITY_t));
}

static bool read_attempts(void *value, int argc, char *const argv[],
                          const cg_kind_ask_t *ask, cg_error_t *err,
                          apr_pool_t *pool)
{
    (void)argc;
    (void)pool;
    cg_kind_ATTEMPTS_t *out = value;
    cg_limit_t limit;
    cg_error_t ignored;
    if (cg_str_is_nocase(cg_str(argv[0]), "off")) {
        *out = (cg_kind_ATTEMPTS_t){0, 0};
        return true;
    }
    if (!cg_limit_parse(cg_str(argv[0]), &limit, &ignored) ||
        limit.quantity != CG_QUANTITY_REQUESTS || limit.window_for <= 0) {
        cg_error_set(err,
                     "%s: \"%s\" is not legal; legal: failures in a time, such "
                     "as 10/60s, or off",
                     ask->directive, argv[0]);
        return false;
    }
    *out = (cg_kind_ATTEMPTS_t){limit.amount, limit.window_for};
    return true;
}

static void merge_attempts(void *merged, const void *inner,
                           cg_stricter_t stricter, apr_pool_t *pool)
{
    (void)stricter;
    (void)pool;
    memcpy(merged, inner, sizeof(cg_kind_ATTEMPTS_t));
}

const cg_kind_t cg_kind_IDENTITY = {.name = "IDENTITY",
                                    .args_min = 2,
                                    .args_max = 3,
                                    .read = read_identity,
                                    .merge = merge_identity,
                                    .size = sizeof(cg_kind_IDENTITY_t)};
const cg_kind_t cg_kind_ATTEMPTS = {.name = "ATTEMPTS",
                                    .args_min = 1,
                                    .args_max = 1,
                                    .read = read_attempts,
                                    .merge = merge_attempts,
                                    .size = sizeof(cg_kind_ATTEMPTS_t)};
