/* Structured Fields (RFC 9651, once 8941): dictionaries, read and written strictly.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   sig1=("@method" "@path";req);created=1700000000, other=:AAECAw==:
 *    |            items            parameters          |
 *    member: a list                                    member: an item
 *
 * What the RFC lets a reader be lax about is refused: base64 without its padding
 * or with stray bits. What repeats is kept once, the last, as the RFC wants it,
 * and told of: who protects something refuses it. Written is the one spelling
 * that each value has (RFC 9651 section 4.1).
 *
 * For auth's own files and their tests.
 */
#ifndef CG_AUTH_SIGNFIELD_H
#define CG_AUTH_SIGNFIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <apr_pools.h>

#include "base/text.h"

#define CG_SFV_BYTES_MAX 16384   /* of a field */
#define CG_SFV_MEMBERS_MAX 64    /* of a dictionary, of a list */
#define CG_SFV_PARAMETERS_MAX 32 /* of one item */

typedef enum cg_sfv_kind_t {
    CG_SFV_INTEGER,
    CG_SFV_DECIMAL, /* number is in thousandths */
    CG_SFV_STRING,
    CG_SFV_TOKEN,
    CG_SFV_BYTES,
    CG_SFV_BOOLEAN, /* number is 0 or 1 */
    CG_SFV_DATE,    /* number is seconds since 1970 */
    CG_SFV_DISPLAY  /* a string of Unicode, text is UTF-8 */
} cg_sfv_kind_t;

/* text is decoded: of a string without its backslashes. */
typedef struct cg_sfv_value_t {
    cg_sfv_kind_t kind;
    int64_t number;
    cg_str_t text;
} cg_sfv_value_t;

typedef struct cg_sfv_parameter_t {
    cg_str_t name;
    cg_sfv_value_t value;
} cg_sfv_parameter_t;

typedef struct cg_sfv_parameters_t {
    cg_sfv_parameter_t *rows;
    size_t count;
} cg_sfv_parameters_t;

typedef struct cg_sfv_item_t {
    cg_sfv_value_t value;
    cg_sfv_parameters_t parameters;
} cg_sfv_item_t;

typedef struct cg_sfv_member_t {
    cg_str_t name;
    bool is_list; /* else value is what it is */
    cg_sfv_value_t value;
    cg_sfv_item_t *items;
    size_t count;
    cg_sfv_parameters_t parameters;
} cg_sfv_member_t;

/* lives in: the pool it was read into; texts may point into what was read */
typedef struct cg_sfv_dictionary_t {
    cg_sfv_member_t *members;
    size_t count;
    bool has_repeated; /* a member or a parameter stood twice */
} cg_sfv_dictionary_t;

/* False: text is no dictionary, or a larger one than is looked at. */
bool cg_sfv_read(cg_str_t text, cg_sfv_dictionary_t *out, apr_pool_t *pool);
const cg_sfv_member_t *cg_sfv_find(const cg_sfv_dictionary_t *dictionary,
                                   const char *name);
const cg_sfv_value_t *cg_sfv_parameter(const cg_sfv_parameters_t *parameters,
                                       const char *name);

void cg_sfv_write_item(cg_buf_t *out, const cg_sfv_item_t *item);
/* A member that is a list, with its parameters, without its name. */
void cg_sfv_write_list(cg_buf_t *out, const cg_sfv_member_t *member);

/* Base64 with its padding (RFC 4648 section 4), nothing else. The bytes live in
 * pool. */
bool cg_sfv_base64(cg_str_t text, cg_str_t *out, apr_pool_t *pool);
void cg_sfv_write_base64(cg_buf_t *out, cg_str_t bytes);

#endif
