/* Putting back what tokens stand for, in a text that arrives in pieces.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "redact/restore.h"

#include <string.h>

#include "redact/spelling.h"

#define PLANE_16 0x100000u
#define WINDOW_BYTES 1024
#define INSIDE_MAX (CG_PSEUDONYM_NAME_MAX + 1 + CG_PSEUDONYM_CODE_MAX)

typedef enum match_t { MATCH_NO, MATCH_OPEN, MATCH_YES } match_t;

/* A token being read. */
typedef struct reader_t {
    cg_str_t text;
    size_t at;
    bool is_cut; /* the text ended within it */
} reader_t;

static int next(reader_t *reader)
{
    int c = CG_SPELLING_OTHER;
    if (reader->at >= reader->text.len) {
        reader->is_cut = true;
        return CG_SPELLING_OTHER;
    }
    size_t used = cg_spelling_read((cg_str_t){reader->text.ptr + reader->at,
                                              reader->text.len - reader->at},
                                   &c);
    reader->is_cut = used == 0;
    reader->at += used;
    return used == 0 ? CG_SPELLING_OTHER : c;
}

/* Reads NAME_code and the bracket behind it. Returns its length; 0: it is none,
 * or is cut. */
static size_t read_inside(const cg_pseudonyms_t *pseudonyms, reader_t *reader,
                          char inside[INSIDE_MAX])
{
    size_t len = 0;
    for (int c = next(reader); c != ']'; c = next(reader)) {
        bool is_upper = c >= 'A' && c <= 'Z';
        bool is_inside = is_upper || (c >= 'a' && c <= 'z') ||
                         (c >= '0' && c <= '9') || c == '_';
        if (!is_inside || len == INSIDE_MAX) {
            return 0;
        }
        inside[len++] = (char)(is_upper ? c + 32 : c);
        if (!cg_pseudonyms_may_be(pseudonyms, (cg_str_t){inside, len})) {
            return 0;
        }
    }
    return len;
}

static match_t match(cg_pseudonyms_t *pseudonyms, cg_str_t text, bool is_end,
                     cg_pseudonym_t **out, size_t *out_used)
{
    char inside[INSIDE_MAX];
    bool is_whole = is_end || text.len >= CG_RESTORE_HELD_MAX;
    reader_t reader = {.text = text};
    if (text.len > CG_RESTORE_HELD_MAX) {
        reader.text.len = CG_RESTORE_HELD_MAX;
    }
    size_t len = next(&reader) == '[' && next(&reader) == '['
                     ? read_inside(pseudonyms, &reader, inside)
                     : 0;
    bool is_closed = len > 0 && next(&reader) == ']';
    if (reader.is_cut) {
        return is_whole ? MATCH_NO : MATCH_OPEN;
    }
    *out = is_closed ? cg_pseudonyms_find(pseudonyms, (cg_str_t){inside, len})
                     : NULL;
    *out_used = reader.at;
    return *out && cg_pseudonyms_take_stand_in(pseudonyms, *out) ? MATCH_YES
                                                                 : MATCH_NO;
}

static bool is_plane_16(const char *ptr)
{
    return (unsigned char)ptr[0] == CG_STAND_IN_MARK;
}

/* A character of plane 16 that the model wrote. */
static match_t match_own(cg_pseudonyms_t *pseudonyms, cg_str_t text,
                         bool is_end, cg_pseudonym_t **out, size_t *out_used)
{
    uint32_t cp;
    int len = cg_utf8_decode(text.ptr, text.ptr + text.len, &cp);
    if (len == 0) {
        return !is_end && text.len < CG_STAND_IN_BYTES ? MATCH_OPEN : MATCH_NO;
    }
    *out = cg_pseudonyms_literal(pseudonyms, (cg_str_t){text.ptr, (size_t)len});
    *out_used = (size_t)len;
    return MATCH_YES;
}

static void put_stand_in(const cg_pseudonym_t *what, cg_buf_t *out)
{
    char bytes[4];
    uint32_t cp = what ? PLANE_16 + what->stand_in : 0xFFFD;
    cg_buf_add(out, bytes, (size_t)cg_utf8_encode(cp, bytes));
}

/* The next thing of interest at or after *at. Returns how it is with it. */
static match_t find_next(cg_pseudonyms_t *pseudonyms, cg_str_t text,
                         bool is_end, size_t *at, cg_pseudonym_t **out,
                         size_t *out_used)
{
    for (; *at < text.len; (*at)++) {
        const char *ptr = text.ptr + *at;
        cg_str_t rest = {ptr, text.len - *at};
        match_t found = MATCH_NO;
        if (is_plane_16(ptr)) {
            found = match_own(pseudonyms, rest, is_end, out, out_used);
        }
        else if (cg_spelling_may_bracket(*ptr)) {
            found = match(pseudonyms, rest, is_end, out, out_used);
        }
        if (found != MATCH_NO) {
            return found;
        }
    }
    return MATCH_NO;
}

/* Hides what is certain; returns how many bytes are. */
static size_t hide(cg_pseudonyms_t *pseudonyms, cg_str_t text, bool is_end,
                   cg_buf_t *out)
{
    size_t at = 0;
    size_t from = 0;
    for (;;) {
        cg_pseudonym_t *what = NULL;
        size_t used = 0;
        match_t found = find_next(pseudonyms, text, is_end, &at, &what, &used);
        cg_buf_add(out, text.ptr + from, at - from);
        if (found != MATCH_YES) {
            return at;
        }
        put_stand_in(what, out);
        at += used;
        from = at;
    }
}

void cg_restore_hide(cg_restore_t *restore, cg_str_t delta, cg_buf_t *out)
{
    char window[WINDOW_BYTES];
    while (delta.len > 0) {
        size_t len = restore->held_len;
        size_t piece = sizeof window - len;
        piece = delta.len < piece ? delta.len : piece;
        memcpy(window, restore->held, len);
        memcpy(window + len, delta.ptr, piece);
        len += piece;
        delta.ptr += piece;
        delta.len -= piece;
        size_t done =
            hide(restore->pseudonyms, (cg_str_t){window, len}, false, out);
        restore->held_len = (uint32_t)(len - done);
        memcpy(restore->held, window + done, restore->held_len);
    }
}

void cg_restore_end(cg_restore_t *restore, cg_buf_t *out)
{
    hide(restore->pseudonyms, (cg_str_t){restore->held, restore->held_len},
         true, out);
    restore->held_len = 0;
}

cg_str_t cg_restore_hide_all(cg_pseudonyms_t *pseudonyms, cg_str_t text,
                             apr_array_header_t **out, apr_pool_t *pool)
{
    cg_buf_t hidden = {0};
    size_t at = 0;
    size_t from = 0;
    *out = NULL;
    for (;;) {
        cg_pseudonym_t *what = NULL;
        size_t used = 0;
        if (find_next(pseudonyms, text, true, &at, &what, &used) != MATCH_YES) {
            break;
        }
        if (!*out) {
            *out = apr_array_make(pool, 4, sizeof(cg_hidden_t));
            cg_buf_init(&hidden, text.len, pool);
        }
        cg_buf_add(&hidden, text.ptr + from, at - from);
        APR_ARRAY_PUSH(*out, cg_hidden_t) =
            (cg_hidden_t){.start = (uint32_t)at,
                          .end = (uint32_t)(at + used),
                          .at = (uint32_t)hidden.len,
                          .what = what};
        put_stand_in(what, &hidden);
        at += used;
        from = at;
    }
    if (!*out) {
        return text;
    }
    cg_buf_add(&hidden, text.ptr + from, text.len - from);
    return (cg_str_t){hidden.ptr, hidden.len};
}

uint32_t cg_restore_source(const apr_array_header_t *hidden, uint32_t at)
{
    const cg_hidden_t *all = (const cg_hidden_t *)hidden->elts;
    int low = 0; /* the first that does not begin before at */
    int high = hidden->nelts;
    while (low < high) {
        int middle = low + (high - low) / 2;
        if (all[middle].at < at) {
            low = middle + 1;
        }
        else {
            high = middle;
        }
    }
    if (low == 0) {
        return at;
    }
    const cg_hidden_t *one = &all[low - 1];
    uint32_t len = one->what ? CG_STAND_IN_BYTES : 3;
    return at < one->at + len ? one->end : one->end + (at - one->at - len);
}

const cg_pseudonym_t *cg_restore_at(const cg_pseudonyms_t *pseudonyms,
                                    cg_str_t text)
{
    uint32_t cp;
    if (text.len < CG_STAND_IN_BYTES || !is_plane_16(text.ptr) ||
        cg_utf8_decode(text.ptr, text.ptr + text.len, &cp) == 0) {
        return NULL;
    }
    return cg_pseudonyms_stand_in(pseudonyms, cp - PLANE_16);
}

void cg_restore_show(const cg_pseudonyms_t *pseudonyms, cg_str_t text,
                     cg_buf_t *out)
{
    size_t at = 0;
    while (at < text.len) {
        cg_str_t rest = {text.ptr + at, text.len - at};
        const char *mark = memchr(rest.ptr, CG_STAND_IN_MARK, rest.len);
        size_t plain = mark ? (size_t)(mark - rest.ptr) : rest.len;
        cg_buf_add(out, rest.ptr, plain);
        at += plain;
        if (at == text.len) {
            return;
        }
        rest = (cg_str_t){text.ptr + at, text.len - at};
        const cg_pseudonym_t *what = cg_restore_at(pseudonyms, rest);
        cg_str_t with = what ? what->value : (cg_str_t){rest.ptr, 1};
        cg_buf_add(out, with.ptr, with.len);
        at += what ? CG_STAND_IN_BYTES : 1;
    }
}
