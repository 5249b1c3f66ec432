/* What the files of spread share; nobody else includes it.
 * SPDX-License-Identifier: Apache-2.0
 *
 * spread_words.c   words that tell of pieces, and of numbers that are none
 * spread_piece.c   which stretch of a text is a piece?
 * spread.c         which pieces make a value?
 */
#ifndef CG_REDACT_SPREAD_INT_H
#define CG_REDACT_SPREAD_INT_H

#include "redact/spread.h"

#define CG_SPREAD_SHORT 240 /* in such a text a word may stand anywhere */

enum {
    CG_WORD_PIECE = 1,   /* says that something comes in pieces */
    CG_WORD_GO_ON = 2,   /* the same, from the other side */
    CG_WORD_LABEL = 4,   /* says what a value is */
    CG_WORD_COUNTER = 8, /* says that a number is no value */
    CG_WORD_PLAIN = 16,  /* may stand between a word and its piece */
    CG_WORD_BESIDE = 32  /* as CG_WORD_PIECE, right before the piece alone */
};

/* Kinds of all words that stand between from and to; *out_end: where the last
 * one of the kinds wanted ends, 0 if none does. */
int cg_spread_words(cg_str_t text, size_t from, size_t to, int wanted,
                    size_t *out_end);
/* Length of the longest word at at that says nothing, or what a value is. */
size_t cg_spread_plain_word(cg_str_t text, size_t at);

typedef struct cg_piece_t {
    uint32_t start;
    uint32_t end; /* start: there is none */
} cg_piece_t;

/* A text of the speaker, as far as it matters for what comes. */
typedef struct cg_slot_t {
    uint32_t number;
    cg_piece_t whole; /* what is all of it, or what a word points at */
    cg_piece_t head;  /* what touches its beginning ... */
    cg_piece_t tail;  /* ... and its end */
    bool is_bare;     /* nothing else stands in it */
    bool is_most;     /* little else does */
    bool has_word;    /* CG_WORD_PIECE stands beside it */
    bool has_label;   /* CG_WORD_LABEL does */
    bool goes_on;     /* its beginning touches the text before */
    bool was_asked;   /* somebody said "go on" before it */
    uint32_t gaps;    /* texts without a piece before it */
    uint32_t silent;  /* bare numbers in a row, this one included, no word */
    char *bytes;      /* copies of whole, head, tail */
    size_t whole_len, head_len, tail_len;
} cg_slot_t;

/* Finds the text's piece: whole, head, tail and what stands beside them. False:
 * it has none; head and tail may be there all the same. */
bool cg_spread_read(cg_str_t text, cg_slot_t *slot);
/* Could it be a part of a value even if nothing said so? */
bool cg_spread_looks_like_value(cg_str_t text, cg_piece_t piece);

static inline bool cg_piece_is_empty(cg_piece_t piece)
{
    return piece.start == piece.end;
}

static inline bool cg_is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline bool cg_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline char cg_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

#endif
