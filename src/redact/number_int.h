/* What the files about numbers share: number.c reads them, gap.c what stands
 * between their groups, number_rows.c and phone.c say what they are.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef CG_REDACT_NUMBER_INT_H
#define CG_REDACT_NUMBER_INT_H

#include "redact/redact_int.h"

#define CG_DIGITS_MAX 20
#define CG_GROUP_DIGITS_MAX 15 /* in a grouping that is known */
#define CG_SCORE_ODD 25        /* grouped in no usual way */

/* Kinds of gaps; what cg_read_gap() returns. */
enum {
    CG_GAP_SPACE = 1,
    CG_GAP_DASH = 2,
    CG_GAP_DOT = 4,
    CG_GAP_SLASH = 8,
    CG_GAP_UNDER = 16,
    CG_GAP_PAREN = 32,
    CG_GAP_LINE = 64,
    CG_GAP_MARK = 128, /* **, `, <b> */
    CG_GAP_ODD = 256,  /* anything else: only beside a label */
    CG_GAP_TIGHT = CG_GAP_SPACE | CG_GAP_DASH | CG_GAP_DOT
};

/* ---- groupings (number_rows.c) ---- */

/* What begins with groups of these sizes: a node of the tree of all groupings
 * that are known. Node 0 knows nothing, and nothing follows from it. */
typedef struct cg_grouping_t {
    uint8_t next[CG_GROUP_DIGITS_MAX + 1]; /* by the size of the next group */
    bool is_sure;   /* it says something without a label */
    uint16_t phone; /* forms of telephones (CG_PHONE_…) it is */
    uint32_t rows;  /* rows of numbers it is usual for, a bit each */
} cg_grouping_t;

#define CG_GROUPINGS_MAX 256
#define CG_GROUPING_ROOT 1

/* Built at the first call, the same for all. */
const cg_grouping_t *cg_groupings(void);

/* ---- a number ---- */

typedef struct cg_group_t {
    uint32_t end; /* after its last digit */
    uint16_t gap; /* kind of the gap before it */
    uint8_t len;
    uint8_t total;    /* digits up to its end */
    uint8_t grouping; /* of the groups up to it */
} cg_group_t;

typedef struct cg_number_t {
    const cg_grouping_t *known; /* all groupings */
    uint32_t start;
    char d[CG_DIGITS_MAX + 2];
    cg_group_t group[CG_DIGITS_MAX + 1];
    int groups;
    bool has_x; /* the last of 18 is X */
} cg_number_t;

/* The first groups of a number. */
typedef struct cg_prefix_t {
    int groups;
    int total;
    const cg_grouping_t *grouping;
    uint32_t end;
    int gaps;        /* kinds of gaps within */
    bool is_one_gap; /* all of one kind */
    bool is_uniform; /* groups of one size, the last may be shorter */
    bool is_maximal; /* the row of digits begins and ends with it */
    bool is_free;    /* its end is an edge */
} cg_prefix_t;

/* Reads groups from start on until CG_DIGITS_MAX digits, something else, or
 * where nothing can come of more. */
void cg_number_read(cg_window_t *w, uint32_t start, bool is_international,
                    cg_number_t *number);

/* ---- gap.c ---- */

/* Reads a gap at i. Returns where the next digit, or X, stands, or 0. */
uint32_t cg_gap_after(cg_window_t *w, uint32_t i, bool may_be_x, int *gap);
/* Where digits before start end, if nothing but what may be a gap stands
 * between; or 0. */
uint32_t cg_digits_before(const cg_window_t *w, uint32_t start);
/* The kind of the gap from end to start; 0: none. */
int cg_gap_between(cg_window_t *w, uint32_t end, uint32_t start);

/* ---- number_label.c ---- */

/* Is this the first number behind a label of any type? Only then can it be
 * grouped in any way. */
bool cg_is_first_labelled(cg_window_t *w, uint32_t start);
/* Does a label speak for a number that is not sure by itself? Grouped oddly, it
 * must be near and the first number after the label. */
bool cg_is_labelled(cg_window_t *w, int type, uint32_t start, bool is_odd);

/* ---- number_rows.c ---- */

bool cg_is_year(const char *d);
void cg_try_rows(cg_window_t *w, const cg_number_t *number,
                 const cg_prefix_t *prefix);

/* ---- phone.c ---- */

/* Forms of telephones, by how their digits are grouped. */
enum {
    CG_PHONE_CHINA = 1,  /* a mobile number, 86 or 0086 before it or not */
    CG_PHONE_NANP = 2,   /* 212 555 0123 */
    CG_PHONE_NANP_1 = 4, /* 1 212 555 0123 */
    CG_PHONE_NANP_001 = 8,
    CG_PHONE_BARE = 16,    /* 532 123 45 67 */
    CG_PHONE_DOTS = 32,    /* 01.23.45.67.89 */
    CG_PHONE_TRUNK = 64,   /* 0 532 123 45 67 */
    CG_PHONE_CALLED = 128, /* 655 437 108 mobile */
    CG_PHONE_NOT = 256,    /* what begins with a zero, and is none */
    CG_PHONE_SURE = CG_PHONE_CHINA | CG_PHONE_NANP | CG_PHONE_NANP_1 |
                    CG_PHONE_NANP_001 | CG_PHONE_BARE | CG_PHONE_CALLED
};

/* Sizes of groups, one hexadecimal digit each, and forms; ends with 0. */
typedef struct cg_phone_shape_t {
    uint32_t shape;
    uint16_t forms;
} cg_phone_shape_t;
extern const cg_phone_shape_t cg_phone_shapes[];

void cg_try_phone(cg_window_t *w, const cg_number_t *number, uint32_t start,
                  const cg_prefix_t *prefix);
void cg_try_international(cg_window_t *w, uint32_t start, uint32_t digits);

#endif
