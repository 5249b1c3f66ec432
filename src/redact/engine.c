/* One window of text: normalise, look for marks, measure, decide.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "redact/redact_int.h"
#include "redact/rules_int.h"

#define LATE_BYTES 600    /* what is undecided is seldom more */
#define TOKEN_BACK_MAX 64 /* characters a scanner looks to the left */

void cg_engine_init(cg_engine_t *engine, const cg_rules_t *rules, bool is_deep)
{
    memset(engine, 0, sizeof *engine);
    engine->rules = rules;
    engine->is_deep = is_deep;
}

void cg_engine_name(cg_engine_t *engine, cg_str_t name)
{
    if (name.len == 0 || name.len > CG_LEFT_BYTES - 2) {
        return;
    }
    memcpy(engine->left, name.ptr, name.len);
    memcpy(engine->left + name.len, ": ", 2);
    engine->left_len = (uint32_t)name.len + 2;
    engine->norm.last = ' ';
}

typedef struct word_t {
    uint32_t start;
    uint32_t end;
    unsigned digits;
    unsigned letters;
    unsigned uppers; /* of the letters */
} word_t;

static void run(cg_window_t *w, void (*scan)(cg_window_t *, uint32_t),
                uint32_t start)
{
    cg_begin(w, start);
    scan(w, start);
    cg_end(w, start);
}

static unsigned peek(const cg_window_t *w, uint32_t i)
{
    return i < w->n ? w->text[i] : 0;
}

/* Can an identifier begin with this word? It has letters and digits, or goes
 * on after a separator. */
static bool may_be_alnum(const cg_window_t *w, const word_t *word)
{
    uint32_t len = word->end - word->start;
    const unsigned char *p = w->text + word->start;
    if (word->digits && word->letters) {
        /* longer than 18: an account, or nothing */
        return len <= 18 ||
               (cg_is(p[0], CG_C_ALPHA) && cg_is(p[1], CG_C_ALPHA) &&
                cg_is(p[2], CG_C_DIGIT) && cg_is(p[3], CG_C_DIGIT));
    }
    unsigned next = peek(w, word->end);
    if (word->digits) {
        bool is_tied = next == '-' || next == '+' || next == '.';
        return len == 18 || (len == 6 && is_tied) ||
               (len == 8 && is_tied && word->end + 2 >= w->n) ||
               (len == 8 && is_tied && !cg_is(p[10], CG_C_ALNUM));
    }
    return (len <= 2 || len == 6) &&
           (next == ' ' || next == '-' || next == '.' || next == 0) &&
           (word->end + 1 >= w->n || cg_is(w->text[word->end + 1], CG_C_DIGIT));
}

static bool may_be_ip4(const cg_window_t *w, const word_t *word)
{
    return word->end - word->start <= 3 &&
           (peek(w, word->end) == '.' || word->end == w->n);
}

/* Is the word followed by what makes it part of a hardware or IPv6 address? */
static bool may_have_colons(const cg_window_t *w, const word_t *word)
{
    uint32_t len = word->end - word->start;
    unsigned next = peek(w, word->end);
    if (len > 4 || !cg_is(w->text[word->start], CG_C_HEX)) {
        return false;
    }
    return next == ':' || next == 0 || (len == 2 && next == '-') ||
           (len == 4 && next == '.');
}

/* Does something stand before that may separate a label from its value? */
static bool may_be_labelled(const cg_window_t *w, const word_t *word)
{
    static const uint8_t is_separator[128] = {
        [':'] = 1, ['='] = 1, ['"'] = 1, ['\''] = 1, ['`'] = 1,
        ['>'] = 1, ['|'] = 1, ['*'] = 1, ['\n'] = 1, ['\t'] = 1};
    uint32_t i = word->start;
    unsigned before = cg_before(w, i);
    while (i > 1 && word->start - i < 3 && w->text[i - 1] == ' ' &&
           w->text[i - 2] == ' ') {
        i--;
    }
    if (before == ' ' && i > 1) {
        before = w->text[i - 2];
        if (before == 's') {
            return i > 4 && w->text[i - 3] == 'i' && w->text[i - 4] == ' ';
        }
        /* "password x", "Bearer x", "Basic x" */
        if ((before | 0x20) == 'd' || (before | 0x20) == 'r' ||
            (before | 0x20) == 'c') {
            return word->digits > 0 || word->uppers > 1;
        }
    }
    return before >= 0x80 || is_separator[before];
}

/* Forty characters of base64 may begin here: a long word, or one that goes on
 * after a sign. */
static bool may_be_aws(const cg_window_t *w, const word_t *word)
{
    unsigned next = peek(w, word->end);
    uint32_t len = word->end - word->start;
    return len <= 40 && (len >= 39 || next == '/' || next == '+' || next == 0);
}

/* 68 or 0x68, and something behind it that may part two such. */
static bool may_be_pair(const cg_window_t *w, const word_t *word)
{
    uint32_t len = word->end - word->start;
    unsigned next = peek(w, word->end);
    return (len == 2 || (len == 4 && w->text[word->start] == '0')) &&
           cg_is(w->text[word->start], CG_C_HEX) &&
           (next == ' ' || next == ':' || next == '-' || next == ',');
}

/* Can a row of spoken digits begin with this word? Most words are longer, or
 * begin otherwise. */
static bool may_be_spoken(const cg_window_t *w, const word_t *word)
{
    static const char firsts[] = "zotfsend";
    uint32_t len = word->end - word->start;
    unsigned first = w->text[word->start] | 0x20;
    if (len > 6 || word->digits || (len < 3 && word->end < w->n && len != 2)) {
        return false;
    }
    const char *p = firsts;
    while (*p && (unsigned char)*p != first) {
        p++;
    }
    return *p != 0;
}

/* "at" or "arroba", or their beginning. */
static bool may_be_at_word(const cg_window_t *w, const word_t *word)
{
    uint32_t len = word->end - word->start;
    if (len == 1) {
        return word->end == w->n;
    }
    unsigned second = w->text[word->start + 1] | 0x20;
    return (len == 2 && second == 't') ||
           (second == 'r' && (len == 6 || (len < 6 && word->end == w->n)));
}

static void scan_word(cg_window_t *w, const word_t *word)
{
    unsigned first = w->text[word->start];
    uint32_t len = word->end - word->start;
    if (cg_is(first, CG_C_DIGIT)) {
        run(w, cg_scan_number, word->start);
        if (may_be_ip4(w, word)) {
            run(w, cg_scan_ip4, word->start);
        }
    }
    else if (word->start + 1 >= w->n ||
             cg_may_be_key(first, w->text[word->start + 1])) {
        run(w, cg_scan_key, word->start);
    }
    if (may_be_alnum(w, word)) {
        run(w, cg_scan_alnum, word->start);
    }
    if (may_have_colons(w, word)) {
        run(w, cg_scan_colons, word->start);
    }
    if (len >= 26 && (first == '1' || first == '3' || (first | 0x20) == 'b' ||
                      first == '0')) {
        run(w, cg_scan_crypto, word->start);
    }
    if ((first | 0x20) == 'a' && may_be_at_word(w, word)) {
        cg_scan_mail_words(w, word->start);
    }
    if (may_be_spoken(w, word)) {
        run(w, cg_scan_spoken, word->start);
    }
    if (may_be_labelled(w, word)) {
        run(w, cg_scan_labelled, word->start);
    }
    if (may_be_aws(w, word)) {
        /* One in thirty begins with a sign of base64. */
        unsigned sign = cg_before(w, word->start);
        bool has_sign = (sign == '/' || sign == '+') && word->start > w->base;
        run(w, cg_scan_aws_secret, word->start - has_sign);
    }
    if (w->is_deep && len >= 6 && (word->digits || word->uppers)) {
        run(w, cg_scan_encoded, word->start);
    }
    if (w->is_deep && len <= 4 && may_be_pair(w, word)) {
        run(w, cg_scan_pairs, word->start);
    }
}

/* SSN123456789: where a word of letters goes over into digits, a value begins
 * if the letters are its label. */
static bool is_tail(const cg_window_t *w, uint32_t i)
{
    uint32_t letters = 0;
    while (letters < i && letters < 24 &&
           cg_is(w->text[i - letters - 1], CG_C_ALPHA)) {
        letters++;
    }
    return letters >= 2 && letters < 24 &&
           !cg_is(cg_before(w, i - letters), CG_C_DIGIT);
}

/* NINOAB123456C: the same where the value begins with letters itself. */
static void scan_inner(cg_window_t *w, const word_t *word)
{
    uint32_t letters = 0;
    uint32_t len = word->end - word->start;
    while (letters < len && cg_is(w->text[word->start + letters], CG_C_UPPER)) {
        letters++;
    }
    if (letters < 3 || letters > 9 || word->digits < 5 || len < letters + 4) {
        return;
    }
    for (uint32_t i = word->start + 2; i < word->start + letters; i++) {
        if (cg_label_touches(w, i)) {
            run(w, cg_scan_alnum, i);
        }
    }
}

static void scan_tail(cg_window_t *w, const word_t *word)
{
    word_t tail = *word;
    uint32_t i = word->start;
    while (i < word->end && cg_is(w->text[i], CG_C_ALPHA)) {
        i++;
    }
    if (i == word->end || !is_tail(w, i) || !cg_label_touches(w, i)) {
        return;
    }
    tail.letters -= i - word->start;
    tail.start = i;
    run(w, cg_scan_number, i);
    if (may_be_alnum(w, &tail)) {
        run(w, cg_scan_alnum, i);
    }
    if (may_be_ip4(w, &tail)) {
        run(w, cg_scan_ip4, i);
    }
    if (may_have_colons(w, &tail)) {
        run(w, cg_scan_colons, i);
    }
}

/* Reads the word at i; words that began before the window are passed over. */
static uint32_t read_word(cg_window_t *w, uint32_t i)
{
    word_t word = {.start = i};
    bool has_begun = cg_is(cg_before(w, i), CG_C_ALNUM);
    const unsigned char *text = w->text;
    uint32_t n = w->n;
    for (; i < n && cg_is(text[i], CG_C_ALNUM); i++) {
        word.digits += (cg_class[text[i]] & CG_C_DIGIT) != 0;
        word.uppers += (cg_class[text[i]] & CG_C_UPPER) != 0;
    }
    word.letters = i - word.start - word.digits;
    word.end = i;
    if (!has_begun) {
        scan_word(w, &word);
    }
    if (!has_begun && word.uppers > 2 && word.digits > 4) {
        scan_inner(w, &word);
    }
    if (word.digits > 0 && (word.letters > 1 || has_begun)) {
        scan_tail(w, &word);
    }
    return i;
}

/* A sign that may begin a value, or stand in the middle of one. */
static void scan_sign(cg_window_t *w, uint32_t i)
{
    unsigned next = peek(w, i + 1);
    bool is_last = i + 1 >= w->n;
    switch (w->text[i]) {
    case '@':
        cg_scan_mail(w, i);
        break;
    case ':':
        if (next == '/' || is_last) {
            cg_scan_url(w, i);
        }
        if ((next == ':' || is_last) && !cg_is(cg_before(w, i), CG_C_ALNUM)) {
            run(w, cg_scan_colons, i);
        }
        break;
    case '(':
        if (is_last || next == '+' || cg_is(next, CG_C_DIGIT)) {
            run(w, cg_scan_number, i);
        }
        if (is_last || !cg_is(next, CG_C_DIGIT)) {
            cg_scan_mail_spelled(w, i);
        }
        break;
    case '[':
    case '{':
    case '<':
    case '*':
        if (is_last || next == '@' || next == ' ' || (next | 0x20) == 'a' ||
            next >= 0x80) {
            cg_scan_mail_spelled(w, i);
        }
        break;
    case '=':
        if (is_last || next == '4') {
            cg_scan_mail_quoted(w, i);
        }
        break;
    case '+':
        if (is_last || cg_is(next, CG_C_DIGIT)) {
            run(w, cg_scan_number, i);
        }
        break;
    case '-':
        if (is_last || next == '-') {
            run(w, cg_scan_pem, i);
        }
        break;
    default:
        break;
    }
}

/* 艾特, 小老鼠, アットマーク: words for @. */
static bool may_be_at(const unsigned char *p)
{
    return memcmp(p, "艾", 3) == 0 || memcmp(p, "小", 3) == 0;
}

/* A letter after a Chinese character may make it a plate's province. */
static void scan_wide(cg_window_t *w, uint32_t i)
{
    uint32_t next = i + 3;
    if (i > 0 && w->n - i >= 3 && w->text[i - 1] < 0x80 &&
        may_be_at(w->text + i)) {
        cg_scan_mail_words(w, i);
    }
    if (w->text[i] >= 0xE4 && w->text[i] <= 0xE9 &&
        (next >= w->n || cg_is(w->text[next], CG_C_UPPER) ||
         w->text[next] == ' ')) {
        run(w, cg_scan_plate, i);
    }
}

static const uint8_t is_sign[256] = {
    ['@'] = 1, [':'] = 1, ['('] = 1, ['['] = 1, ['{'] = 1,
    ['+'] = 1, ['-'] = 1, ['<'] = 1, ['*'] = 1, ['='] = 1};

static void scan_marks(cg_window_t *w)
{
    uint32_t i = w->base;
    while (i < w->n) {
        unsigned c = w->text[i];
        if (cg_is(c, CG_C_ALNUM)) {
            i = read_word(w, i);
            continue;
        }
        if (c >= 0xE4) {
            scan_wide(w, i);
        }
        else if (is_sign[c]) {
            scan_sign(w, i);
        }
        i++;
    }
}

/* The token that ends the window may become the beginning of a value that is
 * known by what comes later: an address, a URL. One blank may follow it. */
static void hold_token(cg_window_t *w)
{
    uint32_t i = w->n;
    uint32_t edge = cg_norm_source(w->norm, i);
    if (i > w->base && w->text[i - 1] == ' ') {
        i--;
    }
    uint32_t end = i;
    while (i > w->base && end - i < TOKEN_BACK_MAX &&
           cg_is(w->text[i - 1], CG_C_TOKEN) &&
           edge - cg_norm_source(w->norm, i - 1) <= CG_TOKEN_BACK) {
        i--;
    }
    /* A word's first letters decide what it may be. */
    if (i < w->n && i < w->open) {
        w->open = i;
    }
}

static int by_start(const cg_candidate_t *a, const cg_candidate_t *b)
{
    if (a->start != b->start) {
        return a->start < b->start ? -1 : 1;
    }
    if (a->end != b->end) {
        return a->end > b->end ? -1 : 1;
    }
    return (int)b->rank - (int)a->rank;
}

/* Insertion: the scanners leave them nearly sorted. */
static void sort(cg_candidate_t *found, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        cg_candidate_t moved = found[i];
        uint32_t k = i;
        while (k > 0 && by_start(&moved, &found[k - 1]) < 0) {
            found[k] = found[k - 1];
            k--;
        }
        found[k] = moved;
    }
}

/* Does other, which overlaps one and does not begin before it, win? */
static bool beats(const cg_candidate_t *other, const cg_candidate_t *one)
{
    if (other->start == one->start && other->end == one->end) {
        return other->rank > one->rank;
    }
    if (other->start == one->start && other->end > one->end) {
        return other->rank + 20 >= one->rank;
    }
    if (other->end <= one->end) {
        return other->rank > one->rank + 20 && other->start == one->start;
    }
    return other->rank > one->rank;
}

typedef struct pass_t {
    cg_engine_t *engine;
    cg_window_t *w;
    cg_norm_t *norm;
    uint32_t source_len;
    cg_norm_state_t late; /* the normaliser's near the end of the window */
    uint32_t late_at;     /* there */
    cg_on_finding_t on_finding;
    void *ctx;
} pass_t;

/* Could something that is still open win over this candidate? Not when all
 * that the candidate's start may see is here. */
static bool is_decidable(const pass_t *pass, const cg_candidate_t *one)
{
    const cg_window_t *w = pass->w;
    if (w->is_final || w->open >= one->end) {
        return true;
    }
    uint32_t start = cg_norm_source(w->norm, one->start);
    return cg_norm_source(w->norm, w->n) > start + w->span;
}

static uint32_t limit_of(const cg_window_t *w, uint32_t start)
{
    if (w->norm->break_count <= 1) {
        return start + w->span;
    }
    return cg_norm_find(w->norm, cg_norm_source(w->norm, start) + w->span);
}

/* Where a list or regex found one of them, the stricter counts. One of which a
 * part would be left to see is hidden whole, in the name of the other. */
static bool wins(const cg_rules_t *rules, const cg_candidate_t *other,
                 cg_candidate_t *one)
{
    if (!rules->is_weighed || (other->rule < 0 && one->rule < 0)) {
        return beats(other, one);
    }
    cg_weight_t mine = cg_rules_weight(rules, one->type, one->rule);
    cg_weight_t its = cg_rules_weight(rules, other->type, other->rule);
    if (mine == its) {
        return beats(other, one);
    }
    if (mine != CG_WEIGHT_PARTIAL || its != CG_WEIGHT_HIDDEN) {
        return its > mine;
    }
    one->type = other->type;
    one->rule = other->rule;
    one->score = other->score;
    one->end = one->end > other->end ? one->end : other->end;
    return false;
}

static bool is_beaten(const pass_t *pass, uint32_t at)
{
    const cg_window_t *w = pass->w;
    cg_candidate_t *one = &w->found[at];
    uint32_t limit = limit_of(w, one->start);
    uint32_t end = one->end;
    for (uint32_t i = at + 1; i < w->found_count && w->found[i].start < end;
         i++) {
        if (w->found[i].reach <= limit && wins(w->rules, &w->found[i], one)) {
            return true;
        }
    }
    return false;
}

static bool is_allowed(const pass_t *pass, const cg_candidate_t *one)
{
    const cg_window_t *w = pass->w;
    if (w->rules->allowed_count == 0) {
        return false;
    }
    cg_str_t value = {(const char *)w->text + one->start,
                      (size_t)(one->end - one->start)};
    return cg_rules_allow(w->rules, one->type, value);
}

static void drop_allowed(const pass_t *pass)
{
    cg_window_t *w = pass->w;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < w->found_count; i++) {
        if (w->found[i].start >= w->base && !is_allowed(pass, &w->found[i])) {
            w->found[kept++] = w->found[i];
        }
    }
    w->found_count = kept;
}

/* Goes on with what a finding swallows, from at. Returns where it ends so far;
 * the engine remembers if it goes on in the next window. */
static uint32_t swallow(const pass_t *pass, uint32_t at, bool *is_over)
{
    cg_engine_t *engine = pass->engine;
    at = cg_swallow(pass->w, (cg_swallow_t)engine->swallow, at,
                    &engine->swallow_state, is_over);
    if (*is_over) {
        engine->swallow = CG_SWALLOW_NONE;
        engine->swallow_state = 0;
    }
    return at;
}

/* Takes candidates from left to right. Returns the normalised offset up to
 * which everything is decided. */
static uint32_t decide(const pass_t *pass, uint32_t from)
{
    cg_window_t *w = pass->w;
    uint32_t done = from;
    for (uint32_t i = 0; i < w->found_count; i++) {
        const cg_candidate_t *one = &w->found[i];
        if (one->start < done) {
            continue;
        }
        if (one->start >= w->open) {
            break;
        }
        if (!is_decidable(pass, one)) {
            return one->start;
        }
        if (is_beaten(pass, i)) {
            continue;
        }
        done = one->end;
        bool is_over = true;
        if (one->swallow) {
            pass->engine->swallow = (cg_swallow_t)one->swallow;
            pass->engine->swallow_state = 0;
            done = swallow(pass, done, &is_over);
        }
        pass->on_finding(pass->ctx, cg_norm_source(w->norm, one->start),
                         cg_norm_source(w->norm, done), one, false);
        if (!is_over) {
            return done;
        }
    }
    uint32_t open = w->open < w->n ? w->open : w->n;
    return done > open ? done : open;
}

/* Source bytes from each of the len characters before at to at. */
static void measure_left(const cg_window_t *w, uint32_t at, uint32_t len,
                         uint16_t *back)
{
    uint32_t first = at - len;
    uint32_t old = first < w->left_len ? w->left_len - first : 0;
    uint32_t grown = cg_norm_source(w->norm, at);
    bool is_plain = w->norm->break_count <= 1;
    for (uint32_t i = 0; i < old; i++) {
        uint32_t length = w->left_back[first + i] + grown;
        back[i] = (uint16_t)(length < UINT16_MAX ? length : UINT16_MAX);
    }
    for (uint32_t i = old; i < len; i++) {
        back[i] =
            (uint16_t)(is_plain ? len - i : cg_source_length(w, first + i, at));
    }
}

/* Remembers the text before at, and the normaliser's state there. */
static void keep_left(const pass_t *pass, const unsigned char *src, uint32_t at,
                      uint32_t decided)
{
    cg_engine_t *engine = pass->engine;
    const cg_window_t *w = pass->w;
    uint32_t len = at < CG_LEFT_BYTES ? at : CG_LEFT_BYTES;
    cg_norm_t unused = {0};
    unsigned char text[CG_LEFT_BYTES];
    uint16_t back[CG_LEFT_BYTES];
    if (decided == 0 && at == w->left_len) {
        return; /* nothing was decided: all is as it was */
    }
    memcpy(text, w->text + at - len, len);
    measure_left(w, at, len, back);
    /* The window's own text is done with: it serves as the place to write. */
    unused.text = (unsigned char *)(uintptr_t)w->text;
    unused.breaks = pass->norm->breaks;
    unused.break_cap = pass->norm->break_cap;
    if (decided >= pass->late_at) {
        engine->norm = pass->late; /* most of the way is known */
        unused.used = pass->late_at;
    }
    cg_normalise(&engine->norm, src, pass->source_len, decided, w->is_final,
                 &unused);
    memcpy(engine->left, text, len);
    memcpy(engine->left_back, back, len * sizeof back[0]);
    engine->left_len = len;
}

/* Normalises the text behind what was kept, and remembers the normaliser's
 * state near the end. */
static void open_window(cg_engine_t *engine, const char *src, uint32_t len,
                        bool is_final, const cg_room_t *room, pass_t *pass)
{
    const unsigned char *bytes = (const unsigned char *)src;
    cg_window_t *w = pass->w;
    cg_norm_state_t state = engine->norm;
    memcpy(room->text, engine->left, engine->left_len);
    cg_normalise(&state, bytes, len, len > LATE_BYTES ? len - LATE_BYTES : 0,
                 is_final, pass->norm);
    pass->late = state;
    pass->late_at = pass->norm->used;
    cg_normalise(&state, bytes, len, len, is_final, pass->norm);
    w->text = room->text;
    w->left_back = engine->left_back;
    w->left_len = engine->left_len;
    w->base = engine->left_len;
    w->n = pass->norm->len;
    w->is_final = is_final;
    w->is_deep = engine->is_deep;
    w->norm = pass->norm;
    w->rules = engine->rules;
    w->span = engine->is_deep ? CG_SPAN_DEEP : CG_SPAN_PLAIN;
    w->limit = w->n;
    w->reach = 0;
    w->begun = 0;
    w->open = w->n;
    w->found = room->found;
    w->found_count = 0;
    w->found_cap = room->found_cap;
    w->label_at = 0;
    memset(w->gaps, 0, sizeof w->gaps);
}

/* All scanners, over the whole window. */
static void scan_window(const pass_t *pass)
{
    cg_window_t *w = pass->w;
    scan_marks(w);
    if (w->rules->words) {
        cg_words_scan(w->rules->words, w);
    }
    if (w->rules->patterns && !cg_patterns_scan(w->rules->patterns, w)) {
        pass->engine->has_failed = true;
    }
    if (!w->is_final) {
        hold_token(w);
    }
    drop_allowed(pass);
    sort(w->found, w->found_count);
}

uint32_t cg_engine_run(cg_engine_t *engine, const char *src, uint32_t len,
                       bool is_final, const cg_room_t *room,
                       cg_on_finding_t on_finding, void *ctx)
{
    const unsigned char *bytes = (const unsigned char *)src;
    cg_norm_t norm = {.text = room->text,
                      .len = engine->left_len,
                      .breaks = room->breaks,
                      .break_cap = room->break_cap};
    cg_window_t w;
    pass_t pass = {.engine = engine,
                   .w = &w,
                   .norm = &norm,
                   .source_len = len,
                   .on_finding = on_finding,
                   .ctx = ctx};
    open_window(engine, src, len, is_final, room, &pass);
    uint32_t done = w.base;
    if (engine->swallow) {
        bool is_over;
        done = swallow(&pass, done, &is_over);
        on_finding(ctx, 0, cg_norm_source(&norm, done), NULL, true);
        if (!is_over) {
            uint32_t decided = cg_norm_source(&norm, done);
            keep_left(&pass, bytes, done, decided);
            return decided;
        }
        w.base = done;
    }
    scan_window(&pass);
    done = decide(&pass, done);
    uint32_t decided = is_final && !engine->swallow && done >= w.n
                           ? len
                           : cg_norm_source(&norm, done);
    if (!is_final || decided < len || engine->swallow) {
        keep_left(&pass, bytes, done, decided); /* else nothing follows */
    }
    return decided;
}
