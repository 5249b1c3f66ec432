/* What httpd's own log must not show: the headers that carry secrets.
 * SPDX-License-Identifier: Apache-2.0
 *
 * At LogLevel trace4 httpd writes every header of a request to the error log, an
 * API key or a token among them. It does so between two hooks: after
 * post_read_request and before quick_handler. For that time, and only when it is
 * about to write, the request has a table of headers in which these are hidden.
 */
#include "httpd/httpd_int.h"

#include <apr_strings.h>

#define HIDDEN "[hidden by mod_chatgpt]"
#define SAVED "mod_chatgpt headers" /* of a request, in its pool */

static const char *const secret[] = {"Authorization", "Proxy-Authorization",
                                     "Cookie", "X-Api-Key", "Api-Key"};

static int level_of(const request_rec *r)
{
    static const char name[] = "http_core.c";
    const module *http = ap_find_linked_module(name);
    return http ? ap_get_request_module_loglevel(r, http->module_index)
                : APLOG_TRACE8;
}

static int hide(request_rec *r)
{
    if (!cg_life_gateway() || level_of(r) < APLOG_TRACE4) {
        return DECLINED;
    }
    apr_table_t *shown = apr_table_copy(r->pool, r->headers_in);
    for (size_t i = 0; i < sizeof secret / sizeof secret[0]; i++) {
        if (apr_table_get(shown, secret[i])) {
            apr_table_setn(shown, secret[i], HIDDEN);
        }
    }
    apr_pool_userdata_setn(r->headers_in, SAVED, NULL, r->pool);
    r->headers_in = shown;
    return DECLINED;
}

static int show(request_rec *r, int is_lookup)
{
    void *saved = NULL;
    (void)is_lookup;
    apr_pool_userdata_get(&saved, SAVED, r->pool);
    if (saved) {
        r->headers_in = saved;
        apr_pool_userdata_setn(NULL, SAVED, NULL, r->pool);
    }
    return DECLINED;
}

/* mod_http2 writes headers from trace2 on, before any hook sees a request. */
void cg_hush_quiet(apr_pool_t *pool, server_rec *main)
{
    static const char name[] = "mod_http2.c";
    const module *http2 = ap_find_linked_module(name);
    bool is_told = false;
    for (server_rec *s = main; http2 && s; s = s->next) {
        int level = ap_get_server_module_loglevel(s, http2->module_index);
        if (level < APLOG_TRACE2) {
            continue;
        }
        ap_set_module_loglevel(pool, &s->log, http2->module_index,
                               APLOG_TRACE1);
        if (!is_told) {
            ap_log_error(
                APLOG_MARK, APLOG_NOTICE, 0, s,
                "CG9045 LogLevel of http2 stays at trace1: from trace2 "
                "on it would write API keys to this log");
        }
        is_told = true;
    }
}

void cg_hush_hooks(void)
{
    ap_hook_post_read_request(hide, NULL, NULL, APR_HOOK_REALLY_LAST);
    ap_hook_quick_handler(show, NULL, NULL, APR_HOOK_REALLY_FIRST);
}
