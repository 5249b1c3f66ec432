/* The lists of a key: texts with commas between, and patterns with stars.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "auth/keylist.h"

#include <string.h>

#include <apr_lib.h>

static cg_str_t trim(cg_str_t text)
{
    while (text.len && text.ptr[0] == ' ') {
        text.ptr++;
        text.len--;
    }
    while (text.len && text.ptr[text.len - 1] == ' ') {
        text.len--;
    }
    return text;
}

bool cg_keylist_next(cg_str_t *rest, cg_str_t *out)
{
    if (!rest->ptr) {
        return false;
    }
    const char *comma = rest->len ? memchr(rest->ptr, ',', rest->len) : NULL;
    if (!comma) {
        *out = trim(*rest);
        *rest = (cg_str_t){NULL, 0};
        return true;
    }
    size_t len = (size_t)(comma - rest->ptr);
    *out = trim((cg_str_t){rest->ptr, len});
    *rest = (cg_str_t){comma + 1, rest->len - len - 1};
    return true;
}

bool cg_keylist_is_empty(const char *list)
{
    return trim(cg_str(list)).len == 0;
}

static bool is_same(char a, char b, bool is_case_kept)
{
    return is_case_kept ? a == b : apr_tolower(a) == apr_tolower(b);
}

/* Only the last star needs to be gone back to, so the time is bounded by the
 * product of the lengths. */
bool cg_keylist_fits(cg_str_t pattern, cg_str_t text, bool is_case_kept)
{
    size_t p = 0, t = 0;
    size_t star = SIZE_MAX, star_text = 0;
    while (t < text.len) {
        if (p < pattern.len && pattern.ptr[p] == '*') {
            star = p++;
            star_text = t;
        }
        else if (p < pattern.len &&
                 is_same(pattern.ptr[p], text.ptr[t], is_case_kept)) {
            p++;
            t++;
        }
        else if (star != SIZE_MAX) {
            p = star + 1;
            t = ++star_text;
        }
        else {
            return false;
        }
    }
    while (p < pattern.len && pattern.ptr[p] == '*') {
        p++;
    }
    return p == pattern.len;
}

bool cg_keylist_has(const char *list, cg_str_t text, bool is_case_kept)
{
    cg_str_t rest = cg_str(list);
    cg_str_t entry;
    while (cg_keylist_next(&rest, &entry)) {
        if (entry.len && cg_keylist_fits(entry, text, is_case_kept)) {
            return true;
        }
    }
    return false;
}
