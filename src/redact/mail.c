/* E-mail addresses, as written and spelled out.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The @ gives them away: the local part is read to the left, the domain to the
 * right. A domain needs a dot and a last label of letters.
 */
#include "redact/redact_int.h"

#include <string.h>

#define LOCAL_MAX 64 /* RFC 5321 section 4.5.3.1.1 */
#define LABEL_MAX 63

/* Where the local part that ends before end begins; end if there is none. */
static uint32_t local_start(const cg_window_t *w, uint32_t end)
{
    uint32_t i = end;
    while (i > 0 && end - i < LOCAL_MAX && cg_is(w->text[i - 1], CG_C_LOCAL) &&
           cg_source_length(w, i - 1, end) <= CG_TOKEN_BACK) {
        i--;
    }
    while (i < end && !cg_is(w->text[i], CG_C_ALNUM) && w->text[i] != '_') {
        i++;
    }
    return i;
}

/* A dot between labels: ".", or "[dot]" in brackets with blanks around it.
 * Returns where the next label begins, or 0. */
static uint32_t read_dot(cg_window_t *w, uint32_t i)
{
    if (cg_at(w, i) == '.') {
        return i + 1;
    }
    i += cg_at(w, i) == ' ';
    unsigned open = cg_at(w, i);
    if (open != '(' && open != '[' && open != '{') {
        return 0;
    }
    i++;
    i += cg_at(w, i) == ' ';
    if ((cg_at(w, i) | 0x20) == 'd') {
        if ((cg_at(w, i + 1) | 0x20) != 'o' ||
            (cg_at(w, i + 2) | 0x20) != 't') {
            return 0;
        }
        i += 3;
    }
    else if (cg_at(w, i++) != '.') {
        return 0;
    }
    i += cg_at(w, i) == ' ';
    unsigned close = cg_at(w, i);
    if (close != ')' && close != ']' && close != '}') {
        return 0;
    }
    i++;
    return i + (cg_at(w, i) == ' ');
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

/* Reads a domain at i. Returns its end, or 0. */
static uint32_t read_domain(cg_window_t *w, uint32_t i)
{
    uint32_t end = 0;
    uint32_t labels = 0;
    uint32_t domain = i;
    while (i && labels < 12) {
        uint32_t from = i;
        bool has_letter_only = true;
        bool is_idn = cg_at(w, i) == 'x' && cg_at(w, i + 1) == 'n' &&
                      cg_at(w, i + 2) == '-' && cg_at(w, i + 3) == '-';
        while (i - from <= LABEL_MAX &&
               (cg_is(cg_at(w, i), CG_C_ALNUM) || cg_at(w, i) == '-')) {
            has_letter_only = has_letter_only && cg_is(cg_at(w, i), CG_C_ALPHA);
            i++;
        }
        while (i > from && cg_at(w, i - 1) == '-') {
            i--;
        }
        if (i == from || i - from > LABEL_MAX) {
            break;
        }
        labels++;
        if (labels >= 2 && i - from >= 2 && (has_letter_only || is_idn)) {
            end = i;
        }
        i = read_dot(w, i);
    }
    return end && is_picture(w, domain, end) ? 0 : end;
}

static void try_mail(cg_window_t *w, uint32_t start, uint32_t domain)
{
    cg_begin(w, start);
    uint32_t end = read_domain(w, domain);
    if (end) {
        cg_candidate(w, start, end, CG_TYPE_EMAIL_ADDRESS, 100);
    }
    cg_end(w, start);
}

void cg_scan_mail(cg_window_t *w, uint32_t at_sign)
{
    uint32_t start = local_start(w, at_sign);
    if (start < at_sign && start >= w->base) {
        try_mail(w, start, at_sign + 1);
    }
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
    uint32_t i = bracket + 1;
    i += cg_at(w, i) == ' ';
    bool is_at = cg_at(w, i) == '@';
    if (is_at) {
        i++;
    }
    else if ((cg_at(w, i) | 0x20) == 'a' && (cg_at(w, i + 1) | 0x20) == 't') {
        is_at = true;
        i += 2;
    }
    i += is_at && cg_at(w, i) == ' ';
    unsigned close = is_at ? cg_at(w, i) : 0;
    if (close == ')' || close == ']' || close == '}') {
        i++;
        i += cg_at(w, i) == ' ';
        uint32_t end = read_domain(w, i);
        if (end) {
            cg_candidate(w, start, end, CG_TYPE_EMAIL_ADDRESS, 70);
        }
    }
    cg_end(w, start);
}
