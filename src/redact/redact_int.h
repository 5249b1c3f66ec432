/* What the files of this room share; nobody outside includes it.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The engine moves over the text in windows. A window holds a normalised
 * stretch of text with up to CG_LEFT_BYTES of what went before it:
 *
 *      left context        may start a finding          | not here yet
 *   |--------------------|------------------------------|
 *   0                   base                            n
 *
 * Whether the text reaches the scan at once or in pieces must make no
 * difference. So every scanner works on behalf of one start s and reads the
 * text only through cg_at(), which remembers how far it looked. A scanner that
 * wanted to look past n has not been able to decide: the start is open, and
 * everything from there is looked at again when more text is here. So that
 * nothing stays open for ever, a scanner for s never sees beyond the source
 * offset of s + span (208 bytes in a stream): there the text ends for it, in
 * whatever pieces it came.
 */
#ifndef CG_REDACT_INT_H
#define CG_REDACT_INT_H

#include "base/text.h"
#include "redact/rules.h"
#include "redact/scan.h"

#define CG_LEFT_BYTES 152 /* normalised text kept before a window */
#define CG_SPAN_PLAIN 208 /* source bytes a scanner may see from its start */
#define CG_SPAN_DEEP 2400
#define CG_TOKEN_BACK 128  /* source bytes a scanner may look to the left */
#define CG_CONTEXT_BACK 96 /* bytes before a value in which a word speaks */

/* ---- fold.c ---- */

#define CG_FOLD_KEEP (-1)
#define CG_FOLD_REMOVE (-2)

/* What a character stands for: the ASCII character `to`, wherever it is … */
#define CG_FOLD_TO 1
#define CG_FOLD_GOES 2 /* nothing, wherever it is */
/* … or in company only: */
#define CG_FOLD_FOREIGN 4 /* of a script that has look-alikes; to: its own */
#define CG_FOLD_NUMERAL 8
#define CG_FOLD_HIDDEN 16 /* a tag, a variation selector */
#define CG_FOLD_INNER 32  /* a sign in the middle of a value */
#define CG_FOLD_MARK 64   /* put on the character before */
#define CG_FOLD_WIDE 128  /* (beside TO) a full-width letter or digit */

typedef struct cg_sign_t {
    unsigned char to; /* 0: nothing */
    uint8_t kind;     /* bits of the above; 0: it stays */
} cg_sign_t;

#define CG_FOLD_PAGES 120

/* A page for each 256 characters that have rows at all; page 0 has none. */
typedef struct cg_fold_table_t {
    uint8_t page_of[0x110000 >> 8];
    cg_sign_t pages[CG_FOLD_PAGES][256];
} cg_fold_table_t;

/* Built at the first call, the same for all. */
const cg_fold_table_t *cg_fold_table(void);

/* cp: at most U+10FFFF */
static inline cg_sign_t cg_fold_sign(const cg_fold_table_t *table, uint32_t cp)
{
    return table->pages[table->page_of[cp >> 8]][cp & 255];
}

/* The ASCII character that sign stands for wherever it is, or one of KEEP and
 * REMOVE; last is the normalised byte before it, which a mark only disguises. */
static inline int cg_fold(cg_sign_t sign, unsigned char last)
{
    if (sign.kind & CG_FOLD_TO) {
        return sign.to;
    }
    bool goes = (sign.kind & CG_FOLD_GOES) ||
                ((sign.kind & CG_FOLD_MARK) && last > ' ' && last < 0x7f);
    return goes ? CG_FOLD_REMOVE : CG_FOLD_KEEP;
}

/* ---- normalise.c ---- */

/* From this normalised offset on, source = src + (offset - norm). */
typedef struct cg_break_t {
    uint16_t norm;
    uint16_t src;
} cg_break_t;

/* What the normaliser must know about the text before; zero at its start. */
typedef struct cg_norm_state_t {
    unsigned char last;  /* last normalised byte */
    bool is_numeral_run; /* inside a run of Chinese numerals */
    bool is_wide;        /* the last was a full-width letter or digit */
    bool in_run;         /* inside a run of Cyrillic, Greek … letters */
    bool is_folding;     /* ... that are taken for ASCII ones */
    bool has_alpha;      /* the token has had an ASCII letter or @ */
    bool is_hidden_run;  /* inside a text spelled by hidden characters */
    uint8_t no_numerals; /* so many numerals that follow are words */
    uint8_t no_hidden;   /* so many hidden characters that follow are noise */
    unsigned char row;   /* the sign of the escape just before, or 0 */
} cg_norm_state_t;

typedef struct cg_norm_t {
    unsigned char *text; /* normalised bytes; never more than source bytes */
    uint32_t len;
    cg_break_t *breaks;
    uint32_t break_count;
    uint32_t break_cap;   /* at least the source bytes, plus one */
    uint32_t used;        /* source bytes consumed */
    uint32_t hint;        /* the break that answered the last question … */
    uint32_t hint_source; /* … that was put by source offset */
} cg_norm_t;

/* Normalises src from norm->used up to stop; what follows up to len is looked at
 * only. Unless is_final, an undecided end (cut UTF-8, half an escape) is left unused.
 * Appends to norm->text at norm->len. */
void cg_normalise(cg_norm_state_t *state, const unsigned char *src,
                  uint32_t len, uint32_t stop, bool is_final, cg_norm_t *norm);
/* escape.c: an escape at p. Returns its length and what it stands for, 0: none,
 * -1: the end cuts what may be one (is_final: and that is the end). */
int cg_escape(const unsigned char *p, const unsigned char *end, bool is_final,
              const cg_norm_state_t *state, uint32_t *cp);
/* Source offset of a normalised offset, and back (the first normalised byte
 * that begins at or after it). */
uint32_t cg_norm_source(cg_norm_t *norm, uint32_t at);
uint32_t cg_norm_find(cg_norm_t *norm, uint32_t src);

/* ---- window ---- */

typedef struct cg_candidate_t {
    uint16_t start; /* normalised offsets in the window */
    uint16_t end;
    uint16_t reach; /* one past the furthest byte looked at */
    uint8_t type;
    uint8_t score;
    uint16_t rank; /* score, and more where a label speaks for it */
    int16_t rule;
    uint8_t swallow; /* cg_swallow_t: goes on past end */
} cg_candidate_t;

/* What swallows text after a finding, for bodies of any length. */
typedef enum cg_swallow_t {
    CG_SWALLOW_NONE,
    CG_SWALLOW_PEM,  /* up to and with -----END …----- */
    CG_SWALLOW_TOKEN /* letters, digits, - _ (JWT: and .) */
} cg_swallow_t;

#define CG_GAPS_KEPT 16

/* A gap between digits that was read (gap.c). */
typedef struct cg_gap_t {
    uint32_t at;    /* +1 */
    uint32_t next;  /* the digit behind it */
    uint32_t reach; /* so far was looked */
    uint16_t kind;
} cg_gap_t;

typedef struct cg_window_t {
    const unsigned char *text;
    const uint16_t *left_back; /* of the bytes before the window */
    uint32_t left_len;
    uint32_t base;
    uint32_t n;
    bool is_final;
    bool is_deep;
    cg_norm_t *norm;
    const cg_rules_t *rules;
    uint32_t span;
    /* the scanner at work */
    uint32_t limit; /* it sees nothing at or beyond */
    uint32_t reach;
    uint32_t begun;       /* start of the last that began, +1 … */
    uint32_t begun_limit; /* … and its limit */
    /* results */
    uint32_t open; /* first start that could not be decided; n if none */
    cg_candidate_t *found;
    uint32_t found_count;
    uint32_t found_cap;
    cg_gap_t gaps[CG_GAPS_KEPT];
    /* labels seen, up to label_at (context.c) */
    uint32_t label_at;
    uint32_t label_last; /* end of the last label of any type, +1 */
    uint32_t label_end[CG_DETECTORS_MAX]; /* where a label of it ended, +1 */
} cg_window_t;

/* The byte at i as the scanner at work may see it; 0 where its text ends. */
static inline unsigned cg_at(cg_window_t *w, uint32_t i)
{
    if (i >= w->reach) {
        w->reach = i + 1;
    }
    return i < w->limit ? w->text[i] : 0;
}

/* Source bytes between two normalised offsets, left context included. */
uint32_t cg_source_length(const cg_window_t *w, uint32_t from, uint32_t to);

/* A scanner begins on behalf of start, and has ended: start is open if it
 * looked past what is here. Return false: start is not in this window. */
void cg_begin(cg_window_t *w, uint32_t start);
void cg_end(cg_window_t *w, uint32_t start);

/* The byte before i; 0 at the beginning of the text. */
static inline unsigned cg_before(const cg_window_t *w, uint32_t i)
{
    return i > 0 ? w->text[i - 1] : 0;
}

enum {
    CG_C_DIGIT = 1,
    CG_C_UPPER = 2,
    CG_C_LOWER = 4,
    CG_C_HEX = 8,
    CG_C_B64URL = 16, /* letters, digits, - _ */
    CG_C_LOCAL = 32,  /* local part of an address */
    CG_C_TOKEN = 64   /* may stand inside a value without a blank */
};
extern const uint8_t cg_class[256];
#define CG_C_ALPHA (CG_C_UPPER | CG_C_LOWER)
#define CG_C_ALNUM (CG_C_DIGIT | CG_C_ALPHA)

static inline bool cg_is(unsigned c, unsigned classes)
{
    return (cg_class[c & 255] & classes) != 0;
}

/* Notes a candidate of the scanner at work. Looks for a label; drops it when
 * it is not good enough. */
void cg_candidate(cg_window_t *w, uint32_t start, uint32_t end, int type,
                  int score);
/* The same with nothing looked up: for words, regexes and swallowed bodies. */
void cg_candidate_plain(cg_window_t *w, uint32_t start, uint32_t end, int type,
                        int score, int rule, cg_swallow_t swallow);

/* Is a value that begins (ends) here not part of something longer? A letter or
 * digit beside it, a decimal point, or a dash that ties it to a word with
 * digits (UUID, version, part number) makes it so. */
bool cg_left_is_free(cg_window_t *w, uint32_t start);
bool cg_right_is_free(cg_window_t *w, uint32_t end);

/* gap.c: reads what may stand between two groups at *at, which then is where
 * the next group begins, a character of the classes next. 0: no gap. */
int cg_read_gap(cg_window_t *w, uint32_t *at, unsigned next);
/* number.c: digits that stand for [start, end) in some other way. */
void cg_scan_digits(cg_window_t *w, uint32_t start, uint32_t end,
                    const char *digits, int total);

/* ---- scanners: each tries one start, or one run ---- */
/* Between cg_begin and cg_end, for the start given: */
void cg_scan_number(cg_window_t *w, uint32_t start); /* a digit, + or ( */
void cg_scan_alnum(cg_window_t *w, uint32_t start);  /* a word with a digit */
void cg_scan_crypto(cg_window_t *w, uint32_t start);
void cg_scan_ip4(cg_window_t *w, uint32_t start);
void cg_scan_colons(cg_window_t *w, uint32_t start); /* IPv6, MAC */
void cg_scan_plate(cg_window_t *w, uint32_t start);
void cg_scan_key(cg_window_t *w, uint32_t start); /* keys known by a prefix */
void cg_scan_pem(cg_window_t *w, uint32_t start);
void cg_scan_aws_secret(cg_window_t *w, uint32_t start);
void cg_scan_spoken(cg_window_t *w, uint32_t start); /* one three eight … */
/* These look to the left for their start and begin themselves: */
void cg_scan_mail(cg_window_t *w, uint32_t at_sign);
void cg_scan_mail_spelled(cg_window_t *w, uint32_t bracket);
void cg_scan_mail_words(cg_window_t *w, uint32_t word);
void cg_scan_mail_quoted(cg_window_t *w, uint32_t equals);
void cg_scan_url(cg_window_t *w, uint32_t colon);
void cg_scan_labelled(cg_window_t *w, uint32_t sign); /* password: x */

/* decode.c: base64 or hexadecimal text at start, decoded once and scanned;
 * hexadecimal pairs set apart. */
void cg_scan_encoded(cg_window_t *w, uint32_t start);
void cg_scan_pairs(cg_window_t *w, uint32_t start);
/* decode.c: value of a base64 digit, of either alphabet; -1: it is none. */
extern const uint8_t cg_b64_digits[256]; /* 1 more; 0: none */
static inline int cg_b64_value(unsigned c)
{
    return cg_b64_digits[c & 255] - 1;
}
/* secret.c: can a key begin with these two characters? */
bool cg_may_be_key(unsigned first, unsigned second);
/* secret.c: characters without order: no word, no placeholder. */
bool cg_is_random(const char *body, int len, bool is_hex);
/* secret.c: how far a swallowed body goes from at on; *is_over: it ends
 * there. What is not decided stays. */
uint32_t cg_swallow(cg_window_t *w, cg_swallow_t kind, uint32_t at,
                    uint8_t *state, bool *is_over);

/* ---- context.c ---- */
/* Distance in bytes from the end of the nearest label of a type before start,
 * or -1 if there is none near. */
int cg_label_distance(cg_window_t *w, int type, uint32_t start);
/* Does a label of any type stand near before start? */
bool cg_has_label(cg_window_t *w, uint32_t start);
/* Does a label end exactly at start: "SSN123456789"? */
bool cg_label_touches(cg_window_t *w, uint32_t start);
/* Pseudo types in the table of labels. */
enum {
    CG_LABEL_COUNTER = CG_TYPE_COUNT, /* order, 订单: not a card */
    CG_LABEL_NUMBER,                  /* number, 号码: any number */
    CG_LABEL_MAX
};

/* ---- engine.c ---- */

typedef struct cg_engine_t {
    const cg_rules_t *rules;
    bool is_deep;
    /* the text before the window */
    unsigned char left[CG_LEFT_BYTES];
    uint16_t left_back[CG_LEFT_BYTES]; /* source bytes from it to the window */
    uint32_t left_len;
    cg_norm_state_t norm;
    cg_swallow_t swallow; /* of the last finding */
    uint8_t swallow_state;
    bool has_failed; /* a window could not be scanned: nothing may pass */
} cg_engine_t;

/* Room for one window; the arrays belong to the caller. */
typedef struct cg_room_t {
    unsigned char *text; /* CG_LEFT_BYTES + source bytes */
    cg_break_t *breaks;
    uint32_t break_cap;
    cg_candidate_t *found;
    uint32_t found_cap;
} cg_room_t;

/* A decided stretch: source bytes [start, end) of the window. continues: it is
 * the next piece of the finding before it. */
typedef void (*cg_on_finding_t)(void *ctx, uint32_t start, uint32_t end,
                                const cg_candidate_t *what, bool continues);

void cg_engine_init(cg_engine_t *engine, const cg_rules_t *rules, bool is_deep);
/* Lets a name stand before the text, as a label. */
void cg_engine_name(cg_engine_t *engine, cg_str_t name);
/* Scans src; returns how many of its bytes are decided. The next call must
 * begin there. With is_final everything is decided. */
uint32_t cg_engine_run(cg_engine_t *engine, const char *src, uint32_t len,
                       bool is_final, const cg_room_t *room,
                       cg_on_finding_t on_finding, void *ctx);

#endif
