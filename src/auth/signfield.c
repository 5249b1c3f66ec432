/* Structured Fields (RFC 9651): the reader goes through the field once.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The functions follow the algorithms of RFC 9651 section 4.2, by name where that
 * was possible.
 */
#include "auth/signfield_int.h"

#include <apr_strings.h>

#define PARAMETERS_FIRST 4 /* rows at first, a power of two */

static void skip(cg_sfv_reader_t *in, const char *set)
{
    while (in->at < in->end && cg_sfv_is_among(*in->at, set)) {
        in->at++;
    }
}

/* ---- items, lists, members -------------------------------------------------- */

static bool read_name(cg_sfv_reader_t *in, cg_str_t *out)
{
    const char *from = in->at;
    if (!cg_sfv_is_lower(cg_sfv_peek(in)) && cg_sfv_peek(in) != '*') {
        return false;
    }
    while (cg_sfv_is_lower(cg_sfv_peek(in)) ||
           cg_sfv_is_digit(cg_sfv_peek(in)) ||
           cg_sfv_is_among(cg_sfv_peek(in), "_-.*")) {
        in->at++;
    }
    *out = (cg_str_t){from, (size_t)(in->at - from)};
    return true;
}

/* Twice as many whenever they are full: few items have more than a few, and a field
 * may have thousands of items. */
static void make_room(cg_sfv_parameters_t *to, apr_pool_t *pool)
{
    bool is_full = to->count == 0 || (to->count >= PARAMETERS_FIRST &&
                                      (to->count & (to->count - 1)) == 0);
    if (!is_full) {
        return;
    }
    size_t room = to->count ? 2 * to->count : PARAMETERS_FIRST;
    cg_sfv_parameter_t *rows = apr_palloc(pool, room * sizeof *rows);
    if (to->count) {
        memcpy(rows, to->rows, to->count * sizeof *rows);
    }
    to->rows = rows;
}

/* The row of a name that is there already, else the next one; NULL: no room. */
static cg_sfv_parameter_t *place_of(cg_sfv_reader_t *in,
                                    cg_sfv_parameters_t *to, cg_str_t name)
{
    for (size_t i = 0; i < to->count; i++) {
        if (cg_str_equal(to->rows[i].name, name)) {
            in->has_repeated = true;
            return &to->rows[i];
        }
    }
    if (to->count == CG_SFV_PARAMETERS_MAX) {
        return NULL;
    }
    make_room(to, in->pool);
    to->count++;
    return &to->rows[to->count - 1];
}

static bool read_parameters(cg_sfv_reader_t *in, cg_sfv_parameters_t *out)
{
    *out = (cg_sfv_parameters_t){NULL, 0};
    while (cg_sfv_take(in, ';')) {
        cg_sfv_parameter_t row = {
            .value = {.kind = CG_SFV_BOOLEAN, .number = 1, .text = {"", 0}}};
        skip(in, " ");
        if (!read_name(in, &row.name) ||
            (cg_sfv_take(in, '=') && !cg_sfv_read_value(in, &row.value))) {
            return false;
        }
        cg_sfv_parameter_t *place = place_of(in, out, row.name);
        if (!place) {
            return false;
        }
        *place = row;
    }
    return true;
}

static bool read_list(cg_sfv_reader_t *in, cg_sfv_member_t *out)
{
    cg_sfv_item_t items[CG_SFV_MEMBERS_MAX];
    in->at++;
    out->is_list = true;
    for (;;) {
        skip(in, " ");
        if (cg_sfv_take(in, ')')) {
            break;
        }
        if (out->count == CG_SFV_MEMBERS_MAX ||
            !cg_sfv_read_value(in, &items[out->count].value) ||
            !read_parameters(in, &items[out->count].parameters)) {
            return false;
        }
        out->count++;
        if (cg_sfv_peek(in) != ' ' && cg_sfv_peek(in) != ')') {
            return false;
        }
    }
    if (out->count) {
        out->items = apr_pmemdup(in->pool, items, out->count * sizeof items[0]);
    }
    return true;
}

static bool read_member(cg_sfv_reader_t *in, cg_sfv_member_t *out)
{
    *out = (cg_sfv_member_t){
        .value = {.kind = CG_SFV_BOOLEAN, .number = 1, .text = {"", 0}}};
    if (!read_name(in, &out->name)) {
        return false;
    }
    if (cg_sfv_take(in, '=')) {
        bool is_read = cg_sfv_peek(in) == '('
                           ? read_list(in, out)
                           : cg_sfv_read_value(in, &out->value);
        if (!is_read) {
            return false;
        }
    }
    return read_parameters(in, &out->parameters);
}

static bool put_member(cg_sfv_reader_t *in, cg_sfv_dictionary_t *to,
                       const cg_sfv_member_t *member)
{
    for (size_t i = 0; i < to->count; i++) {
        if (cg_str_equal(to->members[i].name, member->name)) {
            in->has_repeated = true;
            to->members[i] = *member;
            return true;
        }
    }
    if (to->count == CG_SFV_MEMBERS_MAX) {
        return false;
    }
    to->members[to->count] = *member;
    to->count++;
    return true;
}

static bool read_members(cg_sfv_reader_t *in, cg_sfv_dictionary_t *out)
{
    skip(in, " ");
    while (in->at < in->end) {
        cg_sfv_member_t member;
        if (!read_member(in, &member) || !put_member(in, out, &member)) {
            return false;
        }
        skip(in, " \t");
        if (in->at == in->end) {
            return true;
        }
        if (!cg_sfv_take(in, ',')) {
            return false;
        }
        skip(in, " \t");
        if (in->at == in->end) {
            return false; /* a comma with nothing after it */
        }
    }
    return true;
}

bool cg_sfv_read(cg_str_t text, cg_sfv_dictionary_t *out, apr_pool_t *pool)
{
    cg_sfv_reader_t in = {
        .at = text.ptr, .end = text.ptr + text.len, .pool = pool};
    *out = (cg_sfv_dictionary_t){NULL, 0, false};
    if (text.len > CG_SFV_BYTES_MAX) {
        return false;
    }
    out->members = apr_palloc(pool, CG_SFV_MEMBERS_MAX * sizeof *out->members);
    bool is_read = read_members(&in, out);
    out->has_repeated = in.has_repeated;
    return is_read;
}

const cg_sfv_member_t *cg_sfv_find(const cg_sfv_dictionary_t *dictionary,
                                   const char *name)
{
    for (size_t i = 0; i < dictionary->count; i++) {
        if (cg_str_is(dictionary->members[i].name, name)) {
            return &dictionary->members[i];
        }
    }
    return NULL;
}

const cg_sfv_value_t *cg_sfv_parameter(const cg_sfv_parameters_t *parameters,
                                       const char *name)
{
    for (size_t i = 0; i < parameters->count; i++) {
        if (cg_str_is(parameters->rows[i].name, name)) {
            return &parameters->rows[i].value;
        }
    }
    return NULL;
}
