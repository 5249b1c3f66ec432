/* Where the store is: reading the five forms of its url.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   unix:/path[?db=N]
 *   redis://[user[:password]@]host[:port][/db]      rediss:// the same over TLS
 *   sentinel://[user[:password]@]host[:port][,host[:port]]/name[/db]
 *   cluster://[user[:password]@]host[:port][,host[:port]]
 *
 * The hosts of sentinel:// are sentinels, but user and password are those of the
 * servers behind them; cluster:// names some nodes, the others they tell.
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
    "legal is unix:/path/of/socket[?db=N], "                                   \
    "redis://[user[:password]@]host[:port][/db], rediss:// likewise, "         \
    "sentinel://host[:port],.../name[/db], cluster://host[:port],..."
#define PORT_REDIS 6379
#define PORT_SENTINEL 26379
#define DB_MAX 16383

// clang-format off
static const struct {
    const char *name;
    cg_store_kind_t kind;
    bool is_tls;
    int port;
} schemes[] = {
    {"redis://",    CG_STORE_ONE,      false, PORT_REDIS},
    {"rediss://",   CG_STORE_ONE,      true,  PORT_REDIS},
    {"sentinel://", CG_STORE_SENTINEL, false, PORT_SENTINEL},
    {"cluster://",  CG_STORE_CLUSTER,  false, PORT_REDIS},
};
// clang-format on

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
    const char *path = cg_str_dup(between(rest, end), pool);
    out->seeds[0].path = path;
    out->seeds_count = 1;
    if (path[0] != '/') {
        return refuse(err, "the path must begin with /");
    }
    if (strlen(path) >= sizeof((struct sockaddr_un *)0)->sun_path) {
        return refuse(err, "the path is too long for a Unix socket");
    }
    if (query && (strncmp(query, "?db=", 4) != 0 ||
                  !parse_number(cg_str(query + 4), DB_MAX, &out->db))) {
        return refuse(err, "after the path only ?db=N may follow");
    }
    out->where = apr_psprintf(pool, "unix:%s?db=%d", path, out->db);
    if (out->db == 0) {
        out->where = apr_pstrcat(pool, "unix:", path, NULL);
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

static bool parse_host(cg_str_t host, int port, cg_store_address_t *out,
                       cg_error_t *err, apr_pool_t *pool)
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
    out->port = port;
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

static bool parse_hosts(cg_str_t hosts, int port, cg_store_url_t *out,
                        cg_error_t *err, apr_pool_t *pool)
{
    const char *end = hosts.ptr + hosts.len;
    const char *at = hosts.ptr;
    for (;;) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        cg_str_t one = between(at, comma ? comma : end);
        if (out->seeds_count == CG_STORE_SEEDS_MAX) {
            return refuse(err, "it names more than 16 hosts");
        }
        if (!parse_host(one, port, &out->seeds[out->seeds_count], err, pool)) {
            return false;
        }
        out->seeds_count++;
        if (!comma) {
            return true;
        }
        at = comma + 1;
    }
}

const char *cg_store_address_text(const cg_store_address_t *address,
                                  apr_pool_t *pool)
{
    if (address->path) {
        return apr_pstrcat(pool, "unix:", address->path, NULL);
    }
    bool is_ipv6 = strchr(address->host, ':') != NULL;
    return apr_psprintf(pool, is_ipv6 ? "[%s]:%d" : "%s:%d", address->host,
                        address->port);
}

/* What stands behind the hosts: /db, /name, /name/db or nothing. */
static bool parse_tail(const char *tail, cg_store_url_t *out, cg_error_t *err,
                       apr_pool_t *pool)
{
    if (out->kind == CG_STORE_CLUSTER) {
        return !tail[0] || refuse(err, "a cluster has one database, 0");
    }
    if (out->kind == CG_STORE_SENTINEL) {
        const char *slash = strchr(tail, '/');
        const char *end = slash ? slash : tail + strlen(tail);
        out->master = cg_str_dup(between(tail, end), pool);
        tail = slash ? slash + 1 : "";
        if (!out->master[0]) {
            return refuse(err, "behind the sentinels stands /name, which is "
                               "what they call the primary");
        }
    }
    if (tail[0] && !parse_number(cg_str(tail), DB_MAX, &out->db)) {
        return refuse(err, "after the host only /db may follow, a number");
    }
    return true;
}

static const char *where_of(const cg_store_url_t *url, const char *scheme,
                            apr_pool_t *pool)
{
    cg_buf_t buf;
    cg_buf_init(&buf, 128, pool);
    cg_buf_str(&buf, scheme);
    for (int i = 0; i < url->seeds_count; i++) {
        cg_buf_str(&buf, i ? "," : "");
        cg_buf_str(&buf, cg_store_address_text(&url->seeds[i], pool));
    }
    if (url->master) {
        cg_buf_fmt(&buf, "/%s", url->master);
    }
    if (url->kind != CG_STORE_CLUSTER) {
        cg_buf_fmt(&buf, "/%d", url->db);
    }
    return cg_buf_cstr(&buf);
}

/* The slash of a host's end, not one of a password. */
static const char *first_slash(const char *from, const char *at)
{
    return strchr(at ? at : from, '/');
}

static bool parse_net(const char *scheme, const char *rest, int port,
                      cg_store_url_t *out, cg_error_t *err, apr_pool_t *pool)
{
    const char *at = strrchr(rest, '@');
    const char *slash = first_slash(rest, at);
    const char *end = slash ? slash : rest + strlen(rest);
    if (at && !parse_login(between(rest, at), out, err, pool)) {
        return false;
    }
    if (!parse_hosts(between(at ? at + 1 : rest, end), port, out, err, pool) ||
        !parse_tail(slash ? slash + 1 : "", out, err, pool)) {
        return false;
    }
    out->where = where_of(out, scheme, pool);
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
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        if (cg_str_has_prefix(text, schemes[i].name)) {
            out->kind = schemes[i].kind;
            out->is_tls = schemes[i].is_tls;
            return parse_net(schemes[i].name, url + strlen(schemes[i].name),
                             schemes[i].port, out, err, pool);
        }
    }
    return refuse(err, "it begins with none of unix:, redis://, rediss://, "
                       "sentinel://, cluster://");
}
