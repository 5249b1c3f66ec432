/* One spelling for all the ways a character can be written.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Invisible characters go; full-width, mathematical, circled and foreign
 * digits and letters become ASCII; dashes become '-', blanks ' ' (fold.c);
 * \u0041, &#65;, %41 become the character they stand for (escape.c). Letters
 * that look like ASCII ones become them only within a token that has an ASCII
 * letter or '@', or Russian text would turn into nonsense. Numerals become
 * digits in runs of seven or more, among ASCII digits of fewer. Tags and
 * variation selectors go, unless a dozen of them spell a text that nobody sees.
 * Chinese punctuation stays, for a full-width colon separates a label from its
 * value and a full stop two numbers, but becomes ASCII within a value.
 *
 * The result is only looked at, never sent. Breaks lead back to the source;
 * plain ASCII and Chinese text needs none.
 */
#include "redact/redact_int.h"

#include <string.h>

#define KEEP CG_FOLD_KEEP
#define REMOVE CG_FOLD_REMOVE

#define NUMERAL_RUN_MIN 7
#define MIXED_RUN_MIN 3     /* numerals among ASCII digits */
#define NUMERAL_LOOK_MAX 21 /* code points looked at for a run */
#define HIDDEN_RUN_MIN 12
#define FOLD_TOKEN_MAX 72 /* bytes looked at for look-alikes */
#define FOLD_RUN_MAX 3    /* so many together may stand among ASCII letters */
#define PLATE_MAX 4       /* so many capitals may stand before digits */
#define PLATE_DIGITS_MIN 4

/* Decodes at p; cut says that more bytes could complete the sequence. */
static int decode(const unsigned char *p, const unsigned char *end,
                  uint32_t *cp, bool *cut)
{
    *cut = false;
    if (*p >= 0xC2 && *p < 0xE0 && p + 1 < end && (p[1] & 0xC0) == 0x80) {
        *cp = (*p & 31U) << 6 | (p[1] & 63U);
        return 2; /* the usual case here: Chinese goes by is_plain_wide */
    }
    int len = cg_utf8_decode((const char *)p, (const char *)end, cp);
    if (len == 0) {
        int need = *p >= 0xF0 && *p < 0xF5 ? 4 : *p >= 0xE0 ? 3 : 2;
        int have = 1;
        if (*p < 0xC2 || *p > 0xF4) {
            return 0;
        }
        while (have < need && p + have < end && (p[have] & 0xC0) == 0x80) {
            have++;
        }
        *cut = p + have == end && have < need;
    }
    return len;
}

typedef struct pass_t {
    cg_norm_state_t *state;
    const unsigned char *src;
    uint32_t len;
    uint32_t at;
    bool is_final;
    cg_norm_t *norm;
    const cg_fold_table_t *table;
    uint32_t bare_to[2]; /* see look_ahead: for long runs, for short ones */
} pass_t;

static cg_sign_t sign_of(const pass_t *pass, uint32_t cp)
{
    return cg_fold_sign(pass->table, cp);
}

/* From the next normalised byte on the source is at offset src. */
static void mark(pass_t *pass, uint32_t src)
{
    cg_norm_t *norm = pass->norm;
    if (norm->break_count > 0) {
        cg_break_t *last = &norm->breaks[norm->break_count - 1];
        if (last->norm == norm->len) {
            last->src = (uint16_t)src;
            return;
        }
        if (last->src + (norm->len - last->norm) == src) {
            return;
        }
    }
    norm->breaks[norm->break_count].norm = (uint16_t)norm->len;
    norm->breaks[norm->break_count].src = (uint16_t)src;
    norm->break_count++;
}

static bool is_token(unsigned c)
{
    return cg_is(c, CG_C_LOCAL) || c == '@';
}

static bool is_telling(unsigned c)
{
    return cg_is(c, CG_C_ALPHA) || c == '@';
}

static void put(pass_t *pass, unsigned char c)
{
    cg_norm_state_t *state = pass->state;
    pass->norm->text[pass->norm->len++] = c;
    state->last = c;
    state->has_alpha = is_token(c) && (state->has_alpha || is_telling(c));
}

/* Puts c for the source bytes [at, at+used). */
static void put_folded(pass_t *pass, int c, uint32_t used)
{
    put(pass, (unsigned char)c);
    pass->at += used;
    mark(pass, pass->at);
}

static void put_removed(pass_t *pass, uint32_t used)
{
    pass->at += used;
    mark(pass, pass->at);
}

/* Does the token that ends the bytes [from, to) have an ASCII letter? */
static bool ends_with_alpha(const pass_t *pass, uint32_t from, uint32_t to)
{
    while (to > from && is_token(pass->src[to - 1])) {
        if (is_telling(pass->src[to - 1])) {
            return true;
        }
        to--;
    }
    return to == from && pass->state->has_alpha;
}

static void put_kept(pass_t *pass, uint32_t used)
{
    unsigned char *to = pass->norm->text + pass->norm->len;
    const unsigned char *from = pass->src + pass->at;
    if (used > 4) {
        memcpy(to, from, used);
    }
    for (uint32_t i = 0; used <= 4 && i < used; i++) {
        to[i] = from[i]; /* one character: no call */
    }
    pass->norm->len += used;
    pass->state->last = pass->src[pass->at + used - 1];
    if (!pass->state->in_run) {
        pass->state->has_alpha =
            ends_with_alpha(pass, pass->at, pass->at + used);
    }
    pass->at += used;
}

static bool is_plain(unsigned char c)
{
    return c < 0x80 && c != '\\' && c != '&' && c != '%' && c != '=';
}

/* The character at p, which may be escaped, for a look ahead. Returns its
 * length, 0: the text ends, -1: not known yet. */
static int peek(const pass_t *pass, const unsigned char *p, uint32_t *cp)
{
    const unsigned char *end = pass->src + pass->len;
    bool cut = true;
    int len = 0;
    if (p < end && *p < 0x80) {
        bool is_escape = *p == '\\' || *p == '&' ||
                         (*p == '%' && (p + 1 >= end || cg_is(p[1], CG_C_HEX) ||
                                        p[1] == 'u'));
        len =
            is_escape ? cg_escape(p, end, pass->is_final, pass->state, cp) : 0;
        cut = len < 0;
        if (len == 0) {
            *cp = *p;
            return 1;
        }
    }
    else if (p < end) {
        len = decode(p, end, cp, &cut);
    }
    if (len > 0) {
        return len;
    }
    return cut && !pass->is_final ? -1 : 0;
}

typedef struct token_t {
    int run;      /* foreign letters at its beginning */
    int capitals; /* of them */
    int digits;   /* ASCII, behind the run and before another one */
    bool is_pure; /* they all look like ASCII letters */
    bool has_alpha;
    bool has_at;
    bool is_cut; /* by the end of the text */
} token_t;

/* Takes one code point behind the run into account. False: the token ends. */
static bool weigh(token_t *token, uint32_t cp, cg_sign_t sign)
{
    unsigned c = cp;
    if (cp >= 0x80) {
        if (sign.kind & (CG_FOLD_FOREIGN | CG_FOLD_GOES)) {
            return true;
        }
        if (!(sign.kind & CG_FOLD_TO)) {
            return false;
        }
        c = sign.to;
    }
    token->has_alpha = token->has_alpha || cg_is(c, CG_C_ALPHA);
    token->has_at = token->has_at || c == '@';
    token->digits += cp < 0x80 && cg_is(c, CG_C_DIGIT);
    return is_token(c);
}

typedef struct seen_t {
    int len; /* as peek has it */
    uint32_t cp;
    cg_sign_t sign;
    bool is_fixed; /* what it is depends on nothing before it, as an octal
                      escape does, which goes by the row it stands in */
} seen_t;

static void look(const pass_t *pass, const unsigned char *p, seen_t *seen)
{
    const unsigned char *end = pass->src + pass->len;
    *seen = (seen_t){.is_fixed = p < end};
    if (p < end && is_plain(*p)) {
        seen->cp = *p;
        seen->len = 1;
        return;
    }
    seen->len = peek(pass, p, &seen->cp);
    if (seen->len <= 0) {
        return;
    }
    seen->sign = sign_of(pass, seen->cp);
    if (*p == '\\') {
        const unsigned char *at = p;
        while (at < end && *at == '\\') {
            at++;
        }
        seen->is_fixed = at < end && !cg_is(*at, CG_C_DIGIT);
    }
}

/* The run of foreign letters at p, which is moved to its end. Returns what is
 * seen there. */
static seen_t look_at_run(const pass_t *pass, token_t *token,
                          const unsigned char **p, const unsigned char *limit)
{
    seen_t seen;
    look(pass, *p, &seen);
    while (*p < limit && (seen.sign.kind & CG_FOLD_FOREIGN)) {
        token->run++;
        token->is_pure = token->is_pure && seen.sign.to != 0;
        token->capitals += seen.sign.to != 0 && seen.sign.to <= 'Z';
        if (!token->is_pure) {
            break;
        }
        *p += seen.len;
        look(pass, *p, &seen);
    }
    token->is_cut = token->is_pure && *p < limit && seen.len < 0;
    return seen;
}

/* Goes on behind the run, where seen stands. What was seen to be no letter, sign
 * of an address or end of the token is not looked at for the next run again, or
 * single letters among digits would be slow. */
static void look_behind(pass_t *pass, token_t *token, seen_t seen,
                        const unsigned char *p, const unsigned char *limit)
{
    bool is_short = token->run <= FOLD_RUN_MAX;
    bool is_counting = token->capitals == token->run && token->run <= PLATE_MAX;
    bool is_bare = true; /* and the same whoever looks, up to p */
    uint32_t *bare_to = &pass->bare_to[is_short];
    while (p < limit) {
        if (!is_counting && is_bare && p < pass->src + *bare_to) {
            p = pass->src + *bare_to;
            seen.len = 0;
            continue;
        }
        if (seen.len == 0) {
            look(pass, p, &seen);
        }
        if (seen.len <= 0) {
            token->is_cut = seen.len < 0;
            return;
        }
        is_counting = is_counting && !(seen.sign.kind & CG_FOLD_FOREIGN);
        int digits = token->digits;
        bool is_in = weigh(token, seen.cp, seen.sign);
        token->digits = is_counting ? token->digits : digits;
        if (!is_in || token->has_at || (token->has_alpha && is_short)) {
            return; /* a long run asks for an address only */
        }
        p += seen.len;
        seen.len = 0;
        is_bare = is_bare && seen.is_fixed;
        if (is_bare && p > pass->src + *bare_to) {
            *bare_to = (uint32_t)(p - pass->src);
        }
    }
}

/* Looks at the token that begins with a run of foreign letters. */
static token_t look_ahead(pass_t *pass)
{
    const cg_norm_state_t *state = pass->state;
    const unsigned char *p = pass->src + pass->at;
    const unsigned char *limit = p + FOLD_TOKEN_MAX;
    token_t token = {.is_pure = true};
    seen_t seen = look_at_run(pass, &token, &p, limit);
    bool is_known =
        token.run <= FOLD_RUN_MAX && (state->last == '@' || state->has_alpha);
    if (token.is_pure && !token.is_cut && !is_known) {
        look_behind(pass, &token, seen, p, limit);
    }
    return token;
}

/* Decides at the first of a run of foreign letters whether they stand for
 * ASCII ones: few of them among ASCII letters do, or any number in an e-mail
 * address, or a few capitals before digits (an account, a plate). A whole
 * foreign word before an ASCII token does not. False: not known yet. */
static bool decide_folding(pass_t *pass)
{
    token_t token = look_ahead(pass);
    bool has_alpha = token.has_alpha || pass->state->has_alpha;
    if (token.is_cut && token.is_pure) {
        return false;
    }
    pass->state->is_folding =
        token.is_pure &&
        ((has_alpha && token.run <= FOLD_RUN_MAX) || token.has_at ||
         pass->state->last == '@' ||
         (token.digits >= PLATE_DIGITS_MIN && token.run <= PLATE_MAX &&
          token.capitals == token.run));
    return true;
}

/* Do numerals here make a number: seven in a row, or three of them among ASCII
 * digits, or four behind one? A blank, dash or dot may stand between two. 1, 0
 * or -1: not known yet; refused gets how many numerals are none. */
static int judge_numerals(const pass_t *pass, uint8_t *refused)
{
    const unsigned char *p = pass->src + pass->at;
    bool is_behind =
        cg_is(pass->state->last, CG_C_DIGIT) || pass->state->last == '-';
    bool is_gap = false;
    int own = 0;
    int total = 0;
    int count = 0;
    for (; count < NUMERAL_LOOK_MAX; count++) {
        uint32_t cp;
        int len = peek(pass, p, &cp);
        if (len < 0) {
            return -1;
        }
        if (len == 0) {
            break;
        }
        cg_sign_t sign = sign_of(pass, cp);
        bool is_numeral = sign.kind & CG_FOLD_NUMERAL;
        int to = is_numeral  ? sign.to
                 : cp < 0x80 ? (int)cp
                             : cg_fold(sign, '0');
        own += is_numeral;
        if (to >= '0' && to <= '9') {
            total++;
            is_gap = false;
        }
        else if (to != REMOVE) {
            if (is_gap || (to != ' ' && to != '-' && to != '.')) {
                break;
            }
            is_gap = true;
        }
        if (own >= NUMERAL_RUN_MIN || (is_behind && own > MIXED_RUN_MIN) ||
            (own >= MIXED_RUN_MIN && total >= NUMERAL_RUN_MIN)) {
            return 1;
        }
        p += len;
    }
    *refused = (uint8_t)(count == NUMERAL_LOOK_MAX ? 1 : own);
    return 0;
}

/* Do characters that hide a text make a long run here? As above. */
static int judge_hidden(const pass_t *pass, uint8_t *refused)
{
    const unsigned char *p = pass->src + pass->at;
    for (int count = 0; count < HIDDEN_RUN_MIN; count++) {
        uint32_t cp;
        int len = peek(pass, p, &cp);
        if (len < 0) {
            return -1;
        }
        if (len == 0 || !(sign_of(pass, cp).kind & CG_FOLD_HIDDEN)) {
            *refused = (uint8_t)count;
            return 0;
        }
        p += len;
    }
    return 1;
}

/* A numeral, or a hidden character: what it stands for here. False: wait. */
static bool take_run(pass_t *pass, int (*judge)(const pass_t *, uint8_t *),
                     bool *in_run, uint8_t *refused, int *to, int otherwise)
{
    if (!*in_run && *refused > 0) {
        --*refused;
        *to = otherwise;
        return true;
    }
    int verdict = *in_run ? 1 : judge(pass, refused);
    if (verdict < 0) {
        return false;
    }
    *in_run = verdict > 0;
    if (verdict == 0) {
        *refused = (uint8_t)(*refused > 0 ? *refused - 1 : 0);
        *to = otherwise;
    }
    return true;
}

/* Between digits and capitals: a separator, but no dot, for a sentence may end
 * there. A colon between full-width letters and digits, or before another such colon
 * (in an IPv6 address); a full stop between letters. */
static int inner_sign(const pass_t *pass, uint32_t cp, uint32_t used,
                      bool *is_open)
{
    unsigned last = pass->state->last;
    bool is_colon = cp == 0xFF1A && pass->state->is_wide;
    uint32_t next = 0;
    *is_open = false;
    if (!is_colon && !cg_is(last, CG_C_ALNUM)) {
        return KEEP;
    }
    int len = peek(pass, pass->src + pass->at + used, &next);
    *is_open = len < 0;
    if (len <= 0) {
        return KEEP;
    }
    cg_sign_t sign = sign_of(pass, next);
    if (is_colon && ((sign.kind & CG_FOLD_WIDE) || next == 0xFF1A)) {
        return ':';
    }
    int after = next < 0x80 ? (int)next : cg_fold(sign, 0);
    if (after < 0 || !cg_is((unsigned)after, CG_C_ALNUM)) {
        return KEEP;
    }
    unsigned both = cg_class[last] | cg_class[after & 255];
    bool is_stop = cp == 0x3002 || cp == 0xFF61;
    bool is_code = !(both & CG_C_LOWER) && (both & CG_C_DIGIT);
    if (cp == 0xFF1A || cp == 0xFF1B) {
        is_code = !(both & CG_C_ALPHA);
    }
    if (is_code) {
        return cp == 0x30FC || cp == 0xFF70 || cp == 0x3161 || cp == 0x301C
                   ? '-'
                   : ',';
    }
    return is_stop ? '.' : KEEP;
}

static void put_escaped(pass_t *pass, uint32_t cp, uint32_t used)
{
    char bytes[4];
    int len = cg_utf8_encode(cp, bytes);
    for (int i = 0; i < len; i++) {
        put(pass, (unsigned char)bytes[i]);
    }
    pass->at += used;
    mark(pass, pass->at);
}

/* What the code point stands for here, as cg_fold says it. False: wait. */
static bool judge(pass_t *pass, uint32_t cp, cg_sign_t sign, uint32_t used,
                  int *to)
{
    cg_norm_state_t *state = pass->state;
    bool is_open = false;
    if (sign.kind & CG_FOLD_NUMERAL) {
        *to = sign.to;
        return take_run(pass, judge_numerals, &state->is_numeral_run,
                        &state->no_numerals, to, KEEP);
    }
    if (sign.kind & CG_FOLD_INNER) {
        *to = inner_sign(pass, cp, used, &is_open);
        return !is_open;
    }
    if (sign.kind & CG_FOLD_FOREIGN) {
        if (!state->in_run && !decide_folding(pass)) {
            return false;
        }
        state->in_run = true;
        *to = state->is_folding && sign.to != 0 ? sign.to : KEEP;
        return true;
    }
    if (sign.kind & CG_FOLD_HIDDEN) {
        *to = sign.to;
        return take_run(pass, judge_hidden, &state->is_hidden_run,
                        &state->no_hidden, to, REMOVE);
    }
    *to = cg_fold(sign, state->last);
    return true;
}

/* May c stand within a run of numerals? */
static bool is_numeral_part(int c)
{
    return (c >= '0' && c <= '9') || c == ' ' || c == '-' || c == '.';
}

/* Writes the code point cp that used source bytes stand for. False: wait. */
static bool put_code_point(pass_t *pass, uint32_t cp, uint32_t used,
                           bool is_escaped)
{
    cg_norm_state_t *state = pass->state;
    cg_sign_t sign = sign_of(pass, cp);
    int to;
    if (!judge(pass, cp, sign, used, &to)) {
        return false;
    }
    if (to == REMOVE) {
        put_removed(pass, used);
        return true;
    }
    state->is_numeral_run = state->is_numeral_run && is_numeral_part(to);
    state->is_hidden_run = state->is_hidden_run && (sign.kind & CG_FOLD_HIDDEN);
    state->is_wide = (sign.kind & CG_FOLD_WIDE) || (cp == 0xFF1A && to == ':');
    state->in_run = state->in_run && (sign.kind & CG_FOLD_FOREIGN);
    if (to != KEEP) {
        put_folded(pass, to, used);
    }
    else if (is_escaped) {
        put_escaped(pass, cp, used);
    }
    else {
        put_kept(pass, used);
    }
    return true;
}

/* An ASCII character, plain or escaped, ends what is in the middle of a run. */
static void end_runs(pass_t *pass, unsigned c)
{
    cg_norm_state_t *state = pass->state;
    state->in_run = false;
    state->is_wide = false;
    state->is_hidden_run = false;
    state->is_numeral_run = state->is_numeral_run && is_numeral_part((int)c);
}

/* One character that is not plain. False: wait for more text. */
static bool step(pass_t *pass)
{
    const unsigned char *p = pass->src + pass->at;
    const unsigned char *end = pass->src + pass->len;
    uint32_t cp = 0;
    bool cut = false;
    if (*p >= 0x80) {
        int len = decode(p, end, &cp, &cut);
        pass->state->row = 0;
        if (len > 0) {
            return put_code_point(pass, cp, (uint32_t)len, false);
        }
        if (cut && !pass->is_final) {
            return false;
        }
        end_runs(pass, 0);
        put_kept(pass, 1);
        return true;
    }
    int len = cg_escape(p, end, pass->is_final, pass->state, &cp);
    if (len < 0 && !pass->is_final) {
        return false;
    }
    pass->state->row = len > 0 ? *p : 0;
    if (len <= 0) {
        end_runs(pass, *p);
        put_kept(pass, 1);
        return true;
    }
    if (cp >= 0x80) {
        return put_code_point(pass, cp, (uint32_t)len, true);
    }
    end_runs(pass, cp);
    put_folded(pass, cp < 0x20 && cp != '\n' ? ' ' : (int)cp, (uint32_t)len);
    return true;
}

#define EACH_BYTE UINT64_C(0x0101010101010101)

/* Is each of eight bytes plain? A byte that is zero in word ^ each has its high
 * bit set by subtracting one; a borrow can only come from such a byte. */
static bool are_plain8(const unsigned char *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof word);
    uint64_t slash = word ^ EACH_BYTE * '\\';
    uint64_t entity = word ^ EACH_BYTE * '&';
    uint64_t percent = word ^ EACH_BYTE * '%';
    uint64_t equals = word ^ EACH_BYTE * '=';
    uint64_t odd = word | ((slash - EACH_BYTE) & ~slash) |
                   ((entity - EACH_BYTE) & ~entity) |
                   ((percent - EACH_BYTE) & ~percent) |
                   ((equals - EACH_BYTE) & ~equals);
    return (odd & EACH_BYTE * 0x80) == 0;
}

/* A Chinese character (U+4000 to U+9FFF) that is no numeral. */
static bool is_plain_wide(const pass_t *pass, const unsigned char *p,
                          const unsigned char *end)
{
    if (*p < 0xE4 || *p > 0xE9 || end - p < 3 || (p[1] & 0xC0) != 0x80 ||
        (p[2] & 0xC0) != 0x80) {
        return false;
    }
    uint32_t cp = (*p & 15U) << 12 | (p[1] & 63U) << 6 | (p[2] & 63U);
    return sign_of(pass, cp).kind == 0;
}

/* Signs of Chinese text that stay what they are; comma, stop and colon do
 * behind anything but a letter or digit. */
static bool is_plain_sign(const unsigned char *p, const unsigned char *end,
                          unsigned last)
{
    if (end - p < 3) {
        return false;
    }
    if (p[0] == 0xEF && p[1] == 0xBC) {
        return p[2] == 0x81 || p[2] == 0x9F || /* exclamation, question */
               ((p[2] == 0x8C || p[2] == 0x9A || p[2] == 0x9B) &&
                !cg_is(last, CG_C_ALNUM));
    }
    if (p[0] == 0xE3 && p[1] == 0x80) {
        return (p[2] >= 0x88 && p[2] <= 0x8F) || /* brackets */
               ((p[2] == 0x81 || p[2] == 0x82) && !cg_is(last, CG_C_ALNUM));
    }
    return p[0] == 0xE2 && p[1] == 0x80 && p[2] >= 0x98 && p[2] <= 0x9F;
}

/* Plain characters end all runs, but digits not one of numerals. */
static void end_plain(pass_t *pass, uint32_t from, uint32_t to)
{
    cg_norm_state_t *state = pass->state;
    state->in_run = false;
    state->is_wide = false;
    state->is_hidden_run = false;
    state->no_numerals = 0;
    state->row = 0;
    for (; state->is_numeral_run && from < to; from++) {
        state->is_numeral_run = is_numeral_part(pass->src[from]);
    }
}

/* Copies plain characters. */
static void run_plain(pass_t *pass, uint32_t stop)
{
    uint32_t from = pass->at;
    uint32_t at = from;
    const unsigned char *src = pass->src;
    for (;;) {
        while (stop - at >= 8 && are_plain8(src + at)) {
            at += 8;
        }
        while (at < stop && is_plain(src[at])) {
            at++;
        }
        if (at + 3 > stop) {
            break;
        }
        unsigned last = at > from ? src[at - 1] : pass->state->last;
        bool is_inside = at == from && pass->state->is_wide;
        if (!is_plain_wide(pass, src + at, src + stop) &&
            (is_inside || !is_plain_sign(src + at, src + stop, last))) {
            break;
        }
        at += 3;
    }
    if (at == from) {
        return;
    }
    end_plain(pass, from, at);
    put_kept(pass, at - from);
}

void cg_normalise(cg_norm_state_t *state, const unsigned char *src,
                  uint32_t len, uint32_t stop, bool is_final, cg_norm_t *norm)
{
    pass_t pass = {.state = state,
                   .src = src,
                   .len = len,
                   .at = norm->used,
                   .is_final = is_final,
                   .norm = norm,
                   .table = cg_fold_table()};
    if (norm->break_count == 0) {
        mark(&pass, pass.at);
    }
    while (pass.at < stop) {
        run_plain(&pass, stop);
        if (pass.at >= stop || !step(&pass)) {
            break;
        }
    }
    norm->used = pass.at;
}

#define HINT_STEPS 6

static uint32_t place_of(const cg_break_t *at, bool is_source)
{
    return is_source ? at->src : at->norm;
}

/* The last break that does not lie beyond at, by its normalised or its source
 * offset; break_count if all do. Questions are near one another: from the last
 * answer it is mostly a few steps. */
static uint32_t break_before(cg_norm_t *norm, uint32_t at, bool is_source)
{
    const cg_break_t *breaks = norm->breaks;
    uint32_t count = norm->break_count;
    uint32_t *hint = is_source ? &norm->hint_source : &norm->hint;
    uint32_t i = *hint < count ? *hint : 0;
    uint32_t low = 0;
    uint32_t high = count;
    for (int step = 0; step < HINT_STEPS; step++) {
        if (place_of(&breaks[i], is_source) > at) {
            if (i == 0) {
                return count;
            }
            i--;
            continue;
        }
        if (i + 1 == count || place_of(&breaks[i + 1], is_source) > at) {
            *hint = i;
            return i;
        }
        i++;
    }
    while (low < high) {
        uint32_t mid = (low + high) / 2;
        if (place_of(&breaks[mid], is_source) <= at) {
            low = mid + 1;
        }
        else {
            high = mid;
        }
    }
    *hint = low > 0 ? low - 1 : 0;
    return low > 0 ? low - 1 : count;
}

uint32_t cg_norm_source(cg_norm_t *norm, uint32_t at)
{
    if (norm->break_count == 1) { /* plain text: the usual case */
        const cg_break_t *only = &norm->breaks[0];
        return at < only->norm ? 0 : only->src + (at - only->norm);
    }
    uint32_t i = break_before(norm, at, false);
    if (i == norm->break_count) {
        return 0;
    }
    return norm->breaks[i].src + (at - norm->breaks[i].norm);
}

uint32_t cg_norm_find(cg_norm_t *norm, uint32_t src)
{
    uint32_t i = break_before(norm, src, true);
    if (i == norm->break_count) {
        return 0;
    }
    const cg_break_t *found = &norm->breaks[i];
    uint32_t at = found->norm + (src - found->src);
    uint32_t next =
        i + 1 < norm->break_count ? norm->breaks[i + 1].norm : norm->len;
    return at < next ? at : next;
}
