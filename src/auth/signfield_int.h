/* What signfield.c and signfield_value.c share: the reader.
 * SPDX-License-Identifier: Apache-2.0
 *
 * For these two files only.
 */
#ifndef CG_AUTH_SIGNFIELD_INT_H
#define CG_AUTH_SIGNFIELD_INT_H

#include <string.h>

#include "auth/signfield.h"

/* What is left of the field, and where it goes. */
typedef struct cg_sfv_reader_t {
    const char *at;
    const char *end;
    bool has_repeated;
    apr_pool_t *pool;
} cg_sfv_reader_t;

static inline bool cg_sfv_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline bool cg_sfv_is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static inline bool cg_sfv_is_among(char c, const char *set)
{
    return c != '\0' && strchr(set, c) != NULL;
}

/* The next character; NUL at the end. */
static inline char cg_sfv_peek(const cg_sfv_reader_t *in)
{
    return in->at < in->end ? *in->at : '\0';
}

static inline bool cg_sfv_take(cg_sfv_reader_t *in, char c)
{
    if (in->at < in->end && *in->at == c) {
        in->at++;
        return true;
    }
    return false;
}

/* A bare item (RFC 9651 section 4.2.3.1). */
bool cg_sfv_read_value(cg_sfv_reader_t *in, cg_sfv_value_t *out);

#endif
