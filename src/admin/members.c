/* Members of a JSON object that are plain fields of a record, both ways.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "admin/members.h"

#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"

void cg_admin_set_words(cg_json_t *object, const void *record,
                        const cg_admin_word_t *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        cg_json_set_str(object, words[i].name,
                        (const char *)record + words[i].offset);
    }
}

void cg_admin_take_words(cg_ask_t *ask, void *record,
                         const cg_admin_word_t *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const cg_json_t *value = cg_json_get(ask->body, words[i].name);
        if (!value) {
            continue;
        }
        const char *text = cg_json_text(value); /* null is "" */
        char *place = (char *)record + words[i].offset;
        if (strlen(text) >= words[i].size) {
            cg_admin_fault(
                ask, "body", apr_pstrcat(ask->pool, "/", words[i].name, NULL),
                "too_long",
                apr_psprintf(ask->pool, "at most %" APR_SIZE_T_FMT " bytes",
                             words[i].size - 1));
        }
        else {
            memset(place, 0, words[i].size);
            apr_cpystrn(place, text, words[i].size);
        }
    }
}

void cg_admin_take_expiry(cg_ask_t *ask, apr_time_t *at)
{
    const cg_json_t *value = cg_json_get(ask->body, "expires_at");
    if (!value) {
        return;
    }
    *at = 0;
    apr_time_t said = 0;
    if (cg_json_is_string(value) &&
        cg_clock_parse_rfc3339(cg_str(cg_json_text(value)), &said)) {
        *at = said;
        if (said <= ask->call->now) {
            cg_admin_fault(ask, "body", "/expires_at", "in_the_past",
                           "must lie in the future");
        }
    }
}

bool cg_admin_csv_fits(cg_ask_t *ask, cg_str_t text, size_t most,
                       const char *else_words)
{
    size_t lines = 0;
    for (size_t i = 0; i < text.len; i++) {
        bool is_pair = i + 1 < text.len && text.ptr[i + 1] == '\n';
        lines += text.ptr[i] == '\n' || (text.ptr[i] == '\r' && !is_pair);
    }
    if (lines <= most + 1) { /* the first has the names */
        return true;
    }
    cg_admin_fault(ask, "body", "/csv", "too_many",
                   apr_psprintf(ask->pool,
                                "at most %" APR_SIZE_T_FMT " lines at once%s",
                                most, else_words));
    return false;
}
