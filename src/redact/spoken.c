/* Digits as they are spoken: "one three eight, double zero …".
 * SPDX-License-Identifier: Apache-2.0
 *
 * From the first of a row of such words all are read and tried as one number
 * without gaps.
 */
#include "redact/redact_int.h"

#define DIGITS_MAX 20

typedef struct spoken_t {
    const char *word;
    char digit; /* 2, 3: what "double" and "triple" do to the next */
    uint8_t times;
} spoken_t;

static const spoken_t words[] = {
    {"zero", '0', 1},  {"one", '1', 1},  {"two", '2', 1},  {"three", '3', 1},
    {"four", '4', 1},  {"five", '5', 1}, {"six", '6', 1},  {"seven", '7', 1},
    {"eight", '8', 1}, {"nine", '9', 1}, {"oh", '0', 1},   {"nought", '0', 1},
    {"double", 0, 2},  {"triple", 0, 3}, {"treble", 0, 3},
};

/* The word at i, or NULL; *end gets where it ends. */
static const spoken_t *read_word(cg_window_t *w, uint32_t i, uint32_t *end)
{
    unsigned first = cg_at(w, i) | 0x20;
    for (size_t k = 0; k < sizeof words / sizeof words[0]; k++) {
        const char *p = words[k].word;
        uint32_t at = i;
        if ((unsigned char)*p != first) {
            continue;
        }
        while (*p && (cg_at(w, at) | 0x20) == (unsigned char)*p) {
            p++;
            at++;
        }
        if (*p == 0 && !cg_is(cg_at(w, at), CG_C_ALPHA)) {
            *end = at;
            return &words[k];
        }
    }
    return NULL;
}

/* Blanks, a comma, a dash, a dot. */
static uint32_t skip_between(cg_window_t *w, uint32_t i)
{
    for (int count = 0; count < 3; count++) {
        unsigned c = cg_at(w, i);
        if (c != ' ' && c != ',' && c != '-' && c != '.' && c != '\n') {
            break;
        }
        i++;
    }
    return i;
}

/* Does such a word end just before start? Then this is the middle of a row. */
static bool is_inside_row(const cg_window_t *w, uint32_t start)
{
    uint32_t i = start;
    uint32_t letters = 0;
    while (i > 0 && start - i < 3 && w->text[i - 1] < 0x80 &&
           !cg_is(w->text[i - 1], CG_C_ALNUM)) {
        i--;
    }
    while (i > letters && letters < 7 &&
           cg_is(w->text[i - letters - 1], CG_C_ALPHA)) {
        letters++;
    }
    for (size_t k = 0; i < start && k < sizeof words / sizeof words[0]; k++) {
        uint32_t n = 0;
        const char *p = words[k].word;
        while (p[n] && n < letters &&
               (w->text[i - letters + n] | 0x20) == (unsigned char)p[n]) {
            n++;
        }
        if (p[n] == 0 && n == letters) {
            return true;
        }
    }
    return false;
}

void cg_scan_spoken(cg_window_t *w, uint32_t start)
{
    char digits[DIGITS_MAX + 1];
    int total = 0;
    int times = 1;
    uint32_t end = start;
    uint32_t i = start;
    const spoken_t *word = read_word(w, i, &i);
    if (!word || is_inside_row(w, start)) {
        return;
    }
    while (word) {
        for (int k = 0; word->digit && k < times; k++) {
            if (total > DIGITS_MAX) {
                return;
            }
            digits[total++] = word->digit;
        }
        end = word->digit ? i : end;
        times = word->digit ? 1 : word->times;
        i = skip_between(w, i);
        word = read_word(w, i, &i);
    }
    cg_scan_digits(w, start, end, digits, total);
}
