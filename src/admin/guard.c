/* May this operator ask this, and did they mean to?
 * SPDX-License-Identifier: Apache-2.0
 *
 * Operators sign in by means a browser adds by itself (Basic, cookies of OIDC,
 * certificates), so a page of any other site can make their browser send a
 * request. Three things a foreign page cannot do without the consent of CORS,
 * which this API never gives: set a header of its own, send application/json,
 * or hide where it comes from (Fetch Metadata: Sec-Fetch-Site; older browsers:
 * Origin). All three are asked of every method but GET and HEAD. A program that
 * is no browser sends neither of the last two and only needs the header.
 */
#include <string.h>

#include <apr_strings.h>

#include "admin/admin_int.h"

#define CONSOLE_HEADER "X-ChatGPT-Console"

static const char *header(const cg_ask_t *ask, const char *name)
{
    const cg_admin_call_t *call = ask->call;
    return call->header ? call->header(call->header_baton, name) : NULL;
}

/* ---- who --------------------------------------------------------------- */

bool cg_admin_is_known(cg_ask_t *ask)
{
    const char *name = ask->call->operator.name;
    if (name && *name) {
        return true;
    }
    cg_admin_problem(ask, CG_PROBLEM_NOBODY,
                     "httpd's configuration must authenticate operators");
    return false;
}

bool cg_admin_is_allowed(cg_ask_t *ask)
{
    unsigned wanted = ask->endpoint->roles | CG_ROLE_ADMIN;
    if (ask->call->operator.roles & wanted) {
        return true;
    }
    cg_buf_t names;
    cg_buf_init(&names, 64, ask->pool);
#define ADD_NAME(id, bit, name, words)                                         \
    if (wanted & (bit)) {                                                      \
        cg_buf_fmt(&names, "%s%s", names.len ? ", " : "", name);               \
    }
    CG_ROLES(ADD_NAME)
#undef ADD_NAME
    cg_admin_problem(ask, CG_PROBLEM_ROLE, "one of these roles is needed: %s",
                     cg_buf_cstr(&names));
    return false;
}

unsigned cg_admin_role_find(cg_str_t name)
{
#define FIND_NAME(id, bit, word, words)                                        \
    if (cg_str_is(name, word)) {                                               \
        return bit;                                                            \
    }
    CG_ROLES(FIND_NAME)
#undef FIND_NAME
    return CG_ROLE_NOBODY;
}

/* ---- forged? ----------------------------------------------------------- */

static bool is_json(const char *content_type)
{
    if (!content_type) {
        return false;
    }
    cg_str_t type = {content_type, strcspn(content_type, ";")};
    while (type.len > 0 && strchr(" \t", type.ptr[type.len - 1])) {
        type.len--;
    }
    return cg_str_is_nocase(type, "application/json");
}

/* Is the origin's host and port that of the Host header? The scheme is not
 * compared: TLS may end before httpd. */
static bool is_own_origin(const char *origin, const char *host)
{
    const char *sign = strstr(origin, "://");
    return sign && host && *host && cg_str_is_nocase(cg_str(sign + 3), host);
}

static bool is_from_here(const cg_ask_t *ask)
{
    const char *site = header(ask, "Sec-Fetch-Site");
    if (site) {
        return strcmp(site, "same-origin") == 0;
    }
    const char *origin = header(ask, "Origin");
    return !origin || is_own_origin(origin, header(ask, "Host"));
}

bool cg_admin_is_meant(cg_ask_t *ask)
{
    const char *console = header(ask, CONSOLE_HEADER);
    if (!console || strcmp(console, "1") != 0) {
        cg_admin_problem(ask, CG_PROBLEM_FORGED,
                         "the header " CONSOLE_HEADER ": 1 is missing");
        return false;
    }
    if (!is_from_here(ask)) {
        cg_admin_problem(ask, CG_PROBLEM_FORGED,
                         "Sec-Fetch-Site or Origin names another site");
        return false;
    }
    if (!is_json(header(ask, "Content-Type"))) {
        cg_admin_problem(ask, CG_PROBLEM_MEDIA,
                         "send Content-Type: application/json");
        return false;
    }
    return true;
}

/* ---- If-Match ---------------------------------------------------------- */

/* RFC 9110 section 13.1.1: a list of entity tags or "*". Tags are compared
 * strongly, so W/"3" matches nothing. */
static bool has_tag(const char *list, const char *tag)
{
    size_t len = strlen(tag);
    for (const char *p = list; *p;) {
        p += strspn(p, " \t,");
        size_t item = strcspn(p, " \t,");
        if (item == len && strncmp(p, tag, len) == 0) {
            return true;
        }
        p += item;
    }
    return false;
}

bool cg_admin_has_if_match(cg_ask_t *ask)
{
    const char *tags = header(ask, "If-Match");
    if (tags && *tags) {
        return true;
    }
    cg_admin_problem(ask, CG_PROBLEM_UNCONDITIONAL,
                     "send If-Match with the ETag you read");
    return false;
}

bool cg_admin_is_current(cg_ask_t *ask, apr_int64_t version)
{
    const char *tags = header(ask, "If-Match");
    const char *tag =
        apr_psprintf(ask->pool, "\"%" APR_INT64_T_FMT "\"", version);
    if (!tags || strcmp(tags, "*") == 0 || has_tag(tags, tag)) {
        return true;
    }
    cg_admin_etag(ask, version);
    cg_admin_problem(ask, CG_PROBLEM_STALE,
                     "it has version %" APR_INT64_T_FMT " now; read it again",
                     version);
    return false;
}

const char *cg_admin_header(const cg_ask_t *ask, const char *name)
{
    return header(ask, name);
}
