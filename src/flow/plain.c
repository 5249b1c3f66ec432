/* Is what arrives in pieces text?
 * SPDX-License-Identifier: Apache-2.0
 */
#include "flow/plain.h"

#include <string.h>

/* Bytes of the sequence that this one begins; 0: it begins none. */
static size_t length_of(char lead)
{
    unsigned char c = (unsigned char)lead;
    if (c < 0x80) {
        return 1;
    }
    if (c < 0xC2 || c > 0xF4) {
        return 0;
    }
    return c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
}

/* Bytes at the end that are the beginning of a sequence. */
static size_t cut_of(cg_str_t piece)
{
    for (size_t back = 1; back <= 3 && back <= piece.len; back++) {
        char c = piece.ptr[piece.len - back];
        if (((unsigned char)c & 0xC0) != 0x80) {
            return length_of(c) > back ? back : 0;
        }
    }
    return 0;
}

/* Completes the sequence that was cut. Returns how many bytes that took. */
static size_t complete(cg_plain_t *plain, cg_str_t piece)
{
    size_t need = length_of(plain->cut[0]) - plain->cut_len;
    size_t take = piece.len < need ? piece.len : need;
    memcpy(plain->cut + plain->cut_len, piece.ptr, take);
    plain->cut_len += take;
    if (take == need) {
        plain->is_odd =
            plain->is_odd || !cg_utf8_valid(plain->cut, plain->cut_len);
        plain->cut_len = 0;
    }
    return take;
}

void cg_plain_feed(cg_plain_t *plain, cg_str_t piece)
{
    plain->is_binary = plain->is_binary || !cg_opaque_is_text(piece);
    plain->is_odd = plain->is_odd || plain->is_binary;
    if (plain->is_odd || piece.len == 0) {
        return;
    }
    if (plain->cut_len > 0) {
        size_t used = complete(plain, piece);
        piece = (cg_str_t){piece.ptr + used, piece.len - used};
    }
    if (piece.len == 0 || plain->cut_len > 0) {
        return;
    }
    size_t cut = cut_of(piece);
    plain->is_odd = plain->is_odd || !cg_utf8_valid(piece.ptr, piece.len - cut);
    memcpy(plain->cut, piece.ptr + piece.len - cut, cut);
    plain->cut_len = cut;
}

void cg_plain_finish(cg_plain_t *plain)
{
    plain->is_odd = plain->is_odd || plain->cut_len > 0;
}

/* Numbers and lengths of a format: more of them than a text has by mishap, fewer
 * than compressed bytes have (one of ten). */
#define CONTROLS_OF_UTF8 8 /* one byte in so many ... */
#define CONTROLS_OF_ODD 16

bool cg_plain_is_binary(cg_str_t head)
{
    size_t controls = 0;
    if (cg_opaque_is_text(head)) {
        return cg_opaque_is_document(head) &&
               memmem(head.ptr, head.len, " obj", 4) != NULL;
    }
    for (size_t i = 0; i < head.len; i++) {
        controls += !cg_opaque_is_text((cg_str_t){head.ptr + i, 1});
    }
    size_t whole = head.len - cut_of(head);
    size_t most =
        cg_utf8_valid(head.ptr, whole) ? CONTROLS_OF_UTF8 : CONTROLS_OF_ODD;
    return cg_opaque_is_known(head) || controls > head.len / most;
}
