/* Secrets in the configuration: what stands in a directive can be read by many.
 * SPDX-License-Identifier: Apache-2.0
 *
 * mod_info shows every directive with its words, and authorization repeats a Require
 * line in debug lines, an expression with all that it compares. So no directive of
 * ours takes a secret itself, only where it is: file:, env:, stored:. The one secret
 * that people still write down is a caller's API key, to name a caller. It is known
 * for certain by its checksum, and it stops the start: in Require and in directives
 * of ours. In others, which may have to send one, it is a line in the error log. No
 * message repeats it.
 */
#include "httpd/httpd_int.h"

#include <string.h>

#define KEY_BEGINS "vk_"

bool cg_confsecrets_has_key(const char *text)
{
    for (const char *at = strstr(text, KEY_BEGINS); at;
         at = strstr(at + 1, KEY_BEGINS)) {
        size_t left = strnlen(at, CG_KEY_SPELLED_LEN);
        if (left == CG_KEY_SPELLED_LEN &&
            cg_apikey_is_spelled((cg_str_t){at, left})) {
            return true;
        }
    }
    return false;
}

/* scheme://user:password@host */
static bool has_password(const char *text)
{
    for (const char *at = strstr(text, "://"); at; at = strstr(at, "://")) {
        at += 3;
        size_t len = strcspn(at, "@/ \t\"'");
        const char *colon = memchr(at, ':', len);
        if (at[len] == '@' && colon) {
            return true;
        }
    }
    return false;
}

static bool is_ours(const char *directive)
{
    return strncasecmp(directive, "ChatGPT", 7) == 0;
}

static bool is_forbidden(const char *directive)
{
    return strncasecmp(directive, "Require", 7) == 0 || is_ours(directive) ||
           strcasecmp(directive, "<If") == 0 ||
           strcasecmp(directive, "<ElseIf") == 0;
}

/* Sections hold directives: the way through them is down, along, and up again. */
static const ap_directive_t *next_of(const ap_directive_t *at)
{
    if (at->first_child) {
        return at->first_child;
    }
    while (at && !at->next) {
        at = at->parent;
    }
    return at ? at->next : NULL;
}

bool cg_confsecrets_check(server_rec *s, cg_error_t *err)
{
    for (const ap_directive_t *at = ap_conftree; at; at = next_of(at)) {
        if (at->args && is_ours(at->directive) && has_password(at->args)) {
            cg_error_set(err,
                         "%s: its URL holds a password (%s:%d), which mod_info "
                         "would show; write it into a file",
                         at->directive, at->filename, at->line_num);
            return false;
        }
        if (!at->args || !cg_confsecrets_has_key(at->args)) {
            continue;
        }
        if (is_forbidden(at->directive)) {
            cg_error_set(
                err,
                "%s: holds a whole API key (%s:%d), which mod_info and "
                "debug lines would show; write its id, the eight "
                "characters behind " KEY_BEGINS,
                at->directive, at->filename, at->line_num);
            return false;
        }
        ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_WARNING, 0, s,
                     "CG9019 %s holds a whole API key (%s:%d): whoever sees "
                     "mod_info can read it",
                     at->directive, at->filename, at->line_num);
    }
    return true;
}
