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
