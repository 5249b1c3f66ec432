/* Where the store is: unix:/path[?db=N] or
 * redis://[user[:password]@]host[:port][/db].
 * SPDX-License-Identifier: Apache-2.0
 *
 * In front of "@" a single word is the user only if a colon follows; redis://
 * :secret@host has no user. User and password may hold %XX (RFC 3986 section
 * 2.1). An address of IPv6 stands in brackets.
 */
#include "store/url.h"

#include <string.h>
#include <sys/un.h>

#include <apr_strings.h>

#include "base/text.h"

#define LEGAL                                                                  \
    "legal is unix:/path/of/socket[?db=N] or "                                 \
    "redis://[user[:password]@]host[:port][/db]"
#define PORT_DEFAULT 6379
#define DB_MAX 16383

static bool refuse(cg_error_t *err, const char *why)
{
    cg_error_set(err, "the store's url is wrong: %s; " LEGAL, why);
    return false;
}

static bool parse_number(cg_str_t text, int64_t most, int *out)
{
    int64_t number;
    if (!cg_parse_count(text, &number) || number > most) {
        return false;
    }
    *out = (int)number;
    return true;
}

static cg_str_t between(const char *from, const char *to)
{
    return (cg_str_t){from, (size_t)(to - from)};
}

/* Decodes %XX; NULL for a bad one or a NUL. */
static char *decode(cg_str_t text, apr_pool_t *pool)
{
    char *out = apr_palloc(pool, text.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c == '%') {
            if (i + 2 >= text.len || !cg_hex_decode(text.ptr + i + 1, 2, &c)) {
                return NULL;
            }
            i += 2;
        }
        if (c == '\0') {
            return NULL;
        }
        out[len++] = (char)c;
    }
    out[len] = '\0';
    return out;
}

static bool parse_unix(const char *rest, cg_store_url_t *out, cg_error_t *err,
                       apr_pool_t *pool)
{
    const char *query = strchr(rest, '?');
    const char *end = query ? query : rest + strlen(rest);
    out->path = cg_str_dup(between(rest, end), pool);
    if (out->path[0] != '/') {
        return refuse(err, "the path must begin with /");
    }
    if (strlen(out->path) >= sizeof((struct sockaddr_un *)0)->sun_path) {
        return refuse(err, "the path is too long for a Unix socket");
    }
    if (query && (strncmp(query, "?db=", 4) != 0 ||
                  !parse_number(cg_str(query + 4), DB_MAX, &out->db))) {
        return refuse(err, "after the path only ?db=N may follow");
    }
    out->where = apr_psprintf(pool, "unix:%s?db=%d", out->path, out->db);
    if (out->db == 0) {
        out->where = apr_pstrcat(pool, "unix:", out->path, NULL);
    }
    return true;
}

static bool parse_login(cg_str_t login, cg_store_url_t *out, cg_error_t *err,
                        apr_pool_t *pool)
{
    const char *colon = memchr(login.ptr, ':', login.len);
    const char *end = login.ptr + login.len;
    char *user = decode(between(login.ptr, colon ? colon : end), pool);
    char *password = colon ? decode(between(colon + 1, end), pool) : NULL;
    if (!user || (colon && !password)) {
        return refuse(err, "user or password holds a bad %XX");
    }
    out->user = user[0] ? user : NULL;
    if (password && password[0]) {
        out->password = cg_secret_make(cg_str(password), pool);
        memset(password, 0, strlen(password));
    }
    return true;
}

static bool parse_host(cg_str_t host, cg_store_url_t *out, cg_error_t *err,
                       apr_pool_t *pool)
{
    const char *end = host.ptr + host.len;
    const char *name = host.ptr;
    const char *name_end;
    if (host.len && *name == '[') {
        name++;
        name_end = memchr(name, ']', (size_t)(end - name));
        if (!name_end) {
            return refuse(err, "a bracket is not closed");
        }
        host.ptr = name_end + 1;
    }
    else {
        name_end = memchr(name, ':', host.len);
        name_end = name_end ? name_end : end;
        host.ptr = name_end;
    }
    out->host = cg_str_dup(between(name, name_end), pool);
    out->port = PORT_DEFAULT;
    if (out->host[0] == '\0') {
        return refuse(err, "it names no host");
    }
    if (host.ptr == end) {
        return true;
    }
    if (*host.ptr != ':' ||
        !parse_number(between(host.ptr + 1, end), 65535, &out->port) ||
        out->port == 0) {
        return refuse(err, "the port must be 1 to 65535");
    }
    return true;
}

static bool parse_redis(const char *rest, cg_store_url_t *out, cg_error_t *err,
                        apr_pool_t *pool)
{
    const char *slash = strrchr(rest, '/');
    const char *at = strrchr(rest, '@');
    if (slash && at && slash < at) {
        slash = NULL;
    }
    const char *end = slash ? slash : rest + strlen(rest);
    if (at && !parse_login(between(rest, at), out, err, pool)) {
        return false;
    }
    if (!parse_host(between(at ? at + 1 : rest, end), out, err, pool)) {
        return false;
    }
    if (slash && slash[1] &&
        !parse_number(cg_str(slash + 1), DB_MAX, &out->db)) {
        return refuse(err, "after the host only /db may follow, a number");
    }
    bool is_ipv6 = strchr(out->host, ':') != NULL;
    out->where =
        apr_psprintf(pool, is_ipv6 ? "redis://[%s]:%d/%d" : "redis://%s:%d/%d",
                     out->host, out->port, out->db);
    return true;
}

bool cg_store_url_parse(const char *url, cg_store_url_t *out, cg_error_t *err,
                        apr_pool_t *pool)
{
    *out = (cg_store_url_t){0};
    cg_str_t text = cg_str(url);
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.ptr[i] <= ' ') {
            return refuse(err, "it holds a blank or a control character");
        }
    }
    if (cg_str_has_prefix(text, "unix:")) {
        return parse_unix(url + 5, out, err, pool);
    }
    if (cg_str_has_prefix(text, "redis://")) {
        return parse_redis(url + 8, out, err, pool);
    }
    return refuse(err, "it begins neither with unix: nor with redis://");
}
