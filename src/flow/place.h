/* Where in a running text that may be JSON are we?
 * SPDX-License-Identifier: Apache-2.0
 *
 * A text may be pieces of JSON: the arguments of a tool call are; any other is if
 * it begins as JSON does and has not yet ceased to be. A string in it may in turn
 * hold JSON, level in level, as deep as whole texts are looked into. What is put
 * into the text is escaped once for each string it stands in; what stands in the
 * place of a number, which was no string, gets quotes.
 *
 * Scanners know line breaks and tabs, not their spelling: in {"to":"\nann@…"} the
 * n is no letter. So in strings \n, or \\n one level further in, is read as the
 * character that it means, and written as it was. What stands there as it is, which
 * JSON does not allow, is marked meanwhile.
 *
 *   cg_place_read    of the text as it comes   -> what is scanned
 *   cg_place_pass    what was scanned          -> the text as it came
 *
 * Each has a place of its own; between them masks and values are put in.
 * Only files of this room include it.
 */
#ifndef CG_FLOW_PLACE_H
#define CG_FLOW_PLACE_H

#include "base/text.h"
#include "flow/sift.h"

typedef enum cg_prose_t {
    CG_PROSE_UNKNOWN, /* nothing but blanks so far */
    CG_PROSE,
    CG_PROSE_JSON,
    CG_PROSE_ARGUMENTS /* JSON, whatever it looks like */
} cg_prose_t;

/* The text itself, or what a string of the level before it holds. */
typedef struct cg_level_t {
    uint8_t prose;   /* cg_prose_t */
    uint8_t escape;  /* characters of an escape read so far, behind \ and u */
    bool is_string;  /* inside a string: the next level has its text */
    bool is_word;    /* in a word or number outside strings */
    uint8_t sign;    /* the last of { } [ ] , : and " outside strings */
    uint16_t depth;  /* of brackets */
    uint16_t spoken; /* of \uXXXX, as far as it was read */
} cg_level_t;

/* Bytes of an escape that is read as one character. */
#define CG_PLACE_PENDING 16

/* Of one running text; plain. */
typedef struct cg_place_t {
    cg_level_t levels[CG_SIFT_NESTING_MAX];
    bool is_late;        /* the pending bytes begin within an escape */
    bool is_marked;      /* the next break stands for itself */
    uint8_t pending_len; /* of an escape not yet whole */
    char pending[CG_PLACE_PENDING];
} cg_place_t;

void cg_place_open(cg_place_t *place, bool is_arguments);
/* Appends text to out with its line breaks and tabs read. */
void cg_place_read(cg_place_t *place, cg_str_t text, cg_buf_t *out);
/* The text has ended: what is no whole escape is appended as it is. */
void cg_place_read_end(cg_place_t *place, cg_buf_t *out);

/* Appends text, which was so read, to out as it was. */
void cg_place_pass(cg_place_t *place, cg_str_t text, cg_buf_t *out);

/* How what is put in here must be written. */
typedef struct cg_written_t {
    uint8_t escapes; /* how often it is escaped */
    bool is_quoted;  /* and first becomes a string of its own */
} cg_written_t;

/* What stood where something is put in, if that was no string. */
typedef enum cg_stood_t {
    CG_STOOD_WORDS,  /* what shows that the text is no JSON */
    CG_STOOD_SIGNS,  /* signs and numbers as JSON has them there */
    CG_STOOD_NUMBER, /* one number */
} cg_stood_t;

cg_stood_t cg_place_stood(cg_str_t text);
cg_written_t cg_place_put(cg_place_t *place, cg_stood_t stood);
/* Appends text so written. */
void cg_place_write(cg_written_t how, cg_str_t text, apr_pool_t *scratch,
                    cg_buf_t *out);

#endif
