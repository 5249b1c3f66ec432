/* E-mail addresses, as written and spelled out.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The @ gives them away, or what is written for it: (at), " at ", 艾特. The
 * local part is read to the left, the domain to the right. A domain needs a dot
 * and a last label of letters. Where @ or the dot is a word that prose has too,
 * both must be words, and the last label one in wide use.
 */
#include "redact/redact_int.h"

#include <string.h>

#define LOCAL_MAX 64 /* RFC 5321 section 4.5.3.1.1 */
#define LABEL_MAX 63
#define LABELS_MAX 12

/* How the at sign and the dots are written. */
typedef enum style_t {
    PLAIN,   /* @ . */
    SPELLED, /* (at) [dot] 点 */
    WORDS,   /* " at " " dot " */
    LOOSE    /* " @ ": only beside a label */
} style_t;

/* How far to the left of end, but not of low, a scanner may look. */
static uint32_t furthest(const cg_window_t *w, uint32_t low, uint32_t end)
{
    uint32_t high = end;
    while (low < high) {
        uint32_t mid = (low + high) / 2;
        if (cg_source_length(w, mid, end) <= CG_TOKEN_BACK) {
            high = mid;
        }
        else {
            low = mid + 1;
        }
    }
    return low;
}

/* Where the local part that ends before end begins; end if there is none. */
static uint32_t local_start(const cg_window_t *w, uint32_t end)
{
    uint32_t i = end;
    while (i > 0 && end - i < LOCAL_MAX && cg_is(w->text[i - 1], CG_C_LOCAL)) {
        i--;
    }
    if (i < end && cg_source_length(w, i, end) > CG_TOKEN_BACK) {
        i = furthest(w, i, end);
    }
    while (i < end && !cg_is(w->text[i], CG_C_ALNUM) && w->text[i] != '_') {
        i++;
    }
    return i;
}

static bool is_opening(unsigned c)
{
    return c == '(' || c == '[' || c == '{' || c == '<' || c == '*';
}

static bool is_closing(unsigned c)
{
    return c == ')' || c == ']' || c == '}' || c == '>' || c == '*';
}

/* Words, in lower case; returns where the word ends, or 0. */
static uint32_t read_word(cg_window_t *w, uint32_t i, const char *const *words)
{
    for (; *words; words++) {
        const unsigned char *p = (const unsigned char *)*words;
        uint32_t at = i;
        while (*p && (*p < 0x80 ? (cg_at(w, at) | 0x20) : cg_at(w, at)) == *p) {
            p++;
            at++;
        }
        if (*p == 0) {
            return at;
        }
    }
    return 0;
}

static const char *const dot_words[] = {
    "dot", "点", "點", "punto", "punkt", "point", "ponto", "ドット", NULL};
static const char *const at_words[] = {"at",     "arroba",       "艾特",
                                       "小老鼠", "アットマーク", NULL};

/* "[dot]", " (.) ": returns where the next label begins, or 0. */
static uint32_t read_bracket_dot(cg_window_t *w, uint32_t i)
{
    i += cg_at(w, i) == ' ';
    if (!is_opening(cg_at(w, i))) {
        return 0;
    }
    i++;
    i += cg_at(w, i) == ' ';
    uint32_t after = read_word(w, i, dot_words);
    after = after == 0 && cg_at(w, i) == '.' ? i + 1 : after;
    if (after == 0) {
        return 0;
    }
    after += cg_at(w, after) == ' ';
    if (!is_closing(cg_at(w, after))) {
        return 0;
    }
    after++;
    return after + (cg_at(w, after) == ' ');
}

static bool is_tie(unsigned c)
{
    return c == ' ' || c == '_' || c == '-';
}

/* A dot between labels, as the style allows. Returns where the next begins, or
 * 0; is_word: it was one. */
static uint32_t read_dot(cg_window_t *w, uint32_t i, style_t style,
                         bool *is_word)
{
    if (cg_at(w, i) == '.') {
        i++;
        return i + (style == LOOSE && cg_at(w, i) == ' ');
    }
    uint32_t after = read_bracket_dot(w, i);
    if (after) {
        return after;
    }
    unsigned tie = cg_at(w, i);
    if (style == LOOSE && tie == ' ' && cg_at(w, i + 1) == '.') {
        i += 2;
        return i + (cg_at(w, i) == ' ');
    }
    bool is_wide = tie >= 0x80;
    if (!is_wide && !is_tie(tie)) {
        return 0;
    }
    i += !is_wide;
    after = read_word(w, i, dot_words);
    if (after == 0 ||
        (!is_wide && cg_at(w, i) < 0x80 && cg_at(w, after) != tie)) {
        return 0;
    }
    *is_word = true;
    return after + is_tie(cg_at(w, after));
}

/* Pictures for dense screens are named icon@2x.png. */
static bool is_picture(cg_window_t *w, uint32_t domain, uint32_t end)
{
    uint32_t i = domain;
    while (cg_is(cg_at(w, i), CG_C_DIGIT)) {
        i++;
    }
    return i > domain && (cg_at(w, i) | 0x20) == 'x' &&
           cg_at(w, i + 1) == '.' && end - i <= 6;
}

static bool is_common_end(cg_window_t *w, uint32_t from, uint32_t end)
{
    static const char list[] =
        " com org net edu gov mil int info biz io co ai app dev me tv cc name "
        "cn hk tw jp kr sg my th vn ph in uk de fr it es nl be ch at se no dk "
        "fi pl pt ie gr cz hu ro ru ua tr il sa ae za br mx ar cl ca us au nz "
        "eu asia museum xyz top online site tech cloud shop vip ";
    char label[12];
    size_t len = end - from;
    if (len < 2 || len > 9) {
        return false;
    }
    label[0] = ' ';
    for (size_t k = 0; k < len; k++) {
        label[k + 1] = (char)(cg_at(w, from + (uint32_t)k) | 0x20);
    }
    label[len + 1] = ' ';
    label[len + 2] = 0;
    return strstr(list, label) != NULL;
}

typedef struct domain_t {
    uint32_t end;  /* 0: none */
    uint32_t last; /* where its last label begins */
    bool has_word; /* a dot is a word */
} domain_t;

/* Reads a label at i; returns its end, or i. */
static uint32_t read_label(cg_window_t *w, uint32_t i, bool *has_letters_only)
{
    uint32_t from = i;
    bool is_idn = cg_at(w, i) == 'x' && cg_at(w, i + 1) == 'n' &&
                  cg_at(w, i + 2) == '-' && cg_at(w, i + 3) == '-';
    *has_letters_only = true;
    while (i - from <= LABEL_MAX &&
           (cg_is(cg_at(w, i), CG_C_ALNUM) || cg_at(w, i) == '-')) {
        *has_letters_only = *has_letters_only && cg_is(cg_at(w, i), CG_C_ALPHA);
        /* "-dot-" is no part of a label */
        if (cg_at(w, i) == '-' && i > from &&
            read_word(w, i + 1, (const char *const[]){"dot-", NULL})) {
            break;
        }
        i++;
    }
    while (i > from && cg_at(w, i - 1) == '-') {
        i--;
    }
    *has_letters_only = i > from + 1 && (*has_letters_only || is_idn);
    return i - from > LABEL_MAX ? from : i;
}

/* Where the letters end before the first dash of a label: in ".com-----BEGIN" the
 * address ends there. */
static uint32_t letters_end(cg_window_t *w, uint32_t i)
{
    while (cg_is(cg_at(w, i), CG_C_ALPHA)) {
        i++;
    }
    return cg_at(w, i) == '-' ? i : UINT32_MAX;
}

/* Reads a domain at i. */
static domain_t read_domain(cg_window_t *w, uint32_t i, style_t style)
{
    domain_t found = {0};
    uint32_t domain = i;
    bool has_word = false;
    for (uint32_t labels = 1; i && labels <= LABELS_MAX; labels++) {
        bool has_letters_only;
        uint32_t from = i;
        i = read_label(w, i, &has_letters_only);
        if (i == from) {
            break;
        }
        bool is_end = labels >= 2 && has_letters_only &&
                      (!has_word || is_common_end(w, from, i));
        if (is_end) {
            found = (domain_t){i, from, has_word};
        }
        else if (labels >= 2 && letters_end(w, from) < i &&
                 is_common_end(w, from, letters_end(w, from))) {
            found = (domain_t){letters_end(w, from), from, has_word};
        }
        i = read_dot(w, i, style, &has_word);
    }
    if (found.end && is_picture(w, domain, found.end)) {
        found.end = 0;
    }
    return found;
}

static bool is_labelled(cg_window_t *w, uint32_t start)
{
    return cg_label_distance(w, CG_TYPE_EMAIL_ADDRESS, start) >= 0;
}

static void try_mail(cg_window_t *w, uint32_t start, uint32_t domain,
                     style_t style)
{
    domain_t found = read_domain(w, domain, style);
    if (found.end == 0 || (style == WORDS && !found.has_word) ||
        (style == LOOSE &&
         !(is_common_end(w, found.last, found.end) && is_labelled(w, start)))) {
        return;
    }
    cg_candidate(w, start, found.end, CG_TYPE_EMAIL_ADDRESS,
                 style == PLAIN ? 100 : 70);
}

void cg_scan_mail(cg_window_t *w, uint32_t at_sign)
{
    uint32_t start = local_start(w, at_sign);
    uint32_t domain = at_sign + 1;
    style_t style = PLAIN;
    if (start == at_sign && at_sign > 0 && w->text[at_sign - 1] == ' ') {
        start = local_start(w, at_sign - 1);
        style = LOOSE;
        at_sign--;
    }
    if (start >= at_sign || start < w->base) {
        return;
    }
    cg_begin(w, start);
    if (style == LOOSE) {
        domain += cg_at(w, domain) == ' ';
    }
    try_mail(w, start, domain, style);
    cg_end(w, start);
}

/* The at sign in brackets: at, @, a. Returns where what follows it begins. */
static uint32_t read_bracket_at(cg_window_t *w, uint32_t i)
{
    i++;
    i += cg_at(w, i) == ' ';
    uint32_t after = read_word(w, i, at_words);
    if (after == 0 && (cg_at(w, i) == '@' || (cg_at(w, i) | 0x20) == 'a')) {
        after = i + 1;
    }
    else if (after == 0 && cg_at(w, i) == 0xC3 && cg_at(w, i + 1) == 0xA6 &&
             (cg_at(w, i + 2) | 0x20) == 't') {
        after = i + 3; /* æt */
    }
    if (after == 0) {
        return 0;
    }
    after += cg_at(w, after) == ' ';
    if (!is_closing(cg_at(w, after))) {
        return 0;
    }
    after++;
    return after + (cg_at(w, after) == ' ');
}

/* name(at)example.org, name [at] example [dot] org */
void cg_scan_mail_spelled(cg_window_t *w, uint32_t bracket)
{
    uint32_t name_end = bracket;
    if (name_end > 0 && w->text[name_end - 1] == ' ') {
        name_end--;
    }
    uint32_t start = local_start(w, name_end);
    if (start == name_end || start < w->base) {
        return;
    }
    cg_begin(w, start);
    uint32_t domain = read_bracket_at(w, bracket);
    if (domain) {
        try_mail(w, start, domain, SPELLED);
    }
    cg_end(w, start);
}

/* A first look at what follows the word for the at sign, so that most of the
 * many that are none cost little: a label, and something like a dot. */
static bool may_be_words(const cg_window_t *w, uint32_t word, unsigned tie)
{
    uint32_t i = word;
    while (i < w->n && cg_is(w->text[i], CG_C_ALPHA)) {
        i++;
    }
    if (i < w->n && w->text[i] != tie) {
        return false;
    }
    i++;
    while (i < w->n && cg_is(w->text[i], CG_C_ALNUM)) {
        i++;
    }
    if (i + 1 >= w->n) {
        return true; /* not here yet */
    }
    unsigned sign = w->text[i];
    unsigned next = w->text[i + 1];
    if (sign != tie) {
        return sign == '.' || sign == '-' || sign >= 0x80 || is_opening(sign);
    }
    return (next | 0x20) == 'd' || (next | 0x20) == 'p' || next >= 0x80 ||
           is_opening(next);
}

/* name at example dot org, name_at_example_dot_org, name艾特example点org: word
 * is where the word for the at sign begins. */
void cg_scan_mail_words(cg_window_t *w, uint32_t word)
{
    unsigned tie = cg_before(w, word);
    bool is_wide = w->text[word] >= 0x80;
    uint32_t name_end = is_tie(tie) ? word - 1 : word;
    if (!is_wide && (!is_tie(tie) || !may_be_words(w, word, tie))) {
        return;
    }
    uint32_t start = local_start(w, name_end);
    if (start == name_end || start < w->base) {
        return;
    }
    cg_begin(w, start);
    uint32_t domain = read_word(w, word, at_words);
    if (domain && (is_wide || cg_at(w, domain) == tie)) {
        try_mail(w, start, domain + is_tie(cg_at(w, domain)),
                 is_wide ? SPELLED : WORDS);
    }
    cg_end(w, start);
}

/* name=40example.org, a line of quoted-printable. */
void cg_scan_mail_quoted(cg_window_t *w, uint32_t equals)
{
    uint32_t start = local_start(w, equals);
    if (start == equals || start < w->base) {
        return;
    }
    cg_begin(w, start);
    if (cg_at(w, equals + 1) == '4' && cg_at(w, equals + 2) == '0') {
        domain_t found = read_domain(w, equals + 3, PLAIN);
        if (found.end && is_common_end(w, found.last, found.end)) {
            cg_candidate(w, start, found.end, CG_TYPE_EMAIL_ADDRESS, 70);
        }
    }
    cg_end(w, start);
}
