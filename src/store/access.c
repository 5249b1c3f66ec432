/* The words of ChatGPTStore: a url, then name=value.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   sentinel://a,b,c/main user=gateway password=file:/etc/chatgpt/redis.password
 *   tls=on ca=/etc/chatgpt/redis-ca.pem
 *
 * Where several urls stand in a row, of several lines of a configuration, the last
 * one counts, with the words behind it.
 *
 * Secrets are named, never written: file:, env: and exec: of base/source.h.
 */
#include "store/access.h"

#include <string.h>

#include <apr_strings.h>

#include "base/source.h"

#define OPTIONS                                                                \
    "user=, password=, sentinel-user=, sentinel-password=, tls=on, ca=, "      \
    "certificate=, key=, server-name="

typedef struct reading_t {
    cg_store_access_t *to;
    cg_tls_files_t files;
    bool is_tls;
    const char *(*path_of)(const char *path, apr_pool_t *pool);
    cg_error_t *err;
    apr_pool_t *pool;
} reading_t;

static bool read_secret(reading_t *r, const char *name, const char *value,
                        const cg_secret_t **out)
{
    cg_error_t why;
    cg_secret_t *secret = NULL;
    if (!cg_source_check(value, &why) ||
        cg_source_read(value, &secret, &why, r->pool) != APR_SUCCESS) {
        cg_error_set(r->err, "%s=: %.300s", name, why.text);
        return false;
    }
    *out = secret;
    return true;
}

static bool on_user(reading_t *r, const char *value)
{
    r->to->url.user = value;
    return true;
}

static bool on_password(reading_t *r, const char *value)
{
    return read_secret(r, "password", value, &r->to->url.password);
}

static bool on_sentinel_user(reading_t *r, const char *value)
{
    r->to->sentinel_user = value;
    return true;
}

static bool on_sentinel_password(reading_t *r, const char *value)
{
    return read_secret(r, "sentinel-password", value,
                       &r->to->sentinel_password);
}

static bool on_tls(reading_t *r, const char *value)
{
    bool is_right = strcmp(value, "on") == 0 || strcmp(value, "off") == 0;
    r->is_tls = strcmp(value, "on") == 0;
    if (!is_right || (!r->is_tls && r->to->url.is_tls)) {
        cg_error_set(r->err, is_right ? "tls=off contradicts rediss://"
                                      : "tls= is on or off");
        return false;
    }
    return true;
}

static const char *whole(const reading_t *r, const char *path)
{
    return r->path_of ? r->path_of(path, r->pool) : path;
}

static bool on_ca(reading_t *r, const char *value)
{
    r->files.ca = whole(r, value);
    return true;
}

static bool on_certificate(reading_t *r, const char *value)
{
    r->files.certificate = whole(r, value);
    return true;
}

static bool on_key(reading_t *r, const char *value)
{
    r->files.key = whole(r, value);
    return true;
}

static bool on_server_name(reading_t *r, const char *value)
{
    r->files.server_name = value;
    return true;
}

// clang-format off
static const struct {
    const char *name;
    bool (*on_value)(reading_t *r, const char *value);
} options[] = {
    {"user=",              on_user},
    {"password=",          on_password},
    {"sentinel-user=",     on_sentinel_user},
    {"sentinel-password=", on_sentinel_password},
    {"tls=",               on_tls},
    {"ca=",                on_ca},
    {"certificate=",       on_certificate},
    {"key=",               on_key},
    {"server-name=",       on_server_name},
};
// clang-format on

static bool read_option(reading_t *r, const char *word)
{
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        size_t len = strlen(options[i].name);
        if (strncmp(word, options[i].name, len) != 0) {
            continue;
        }
        if (!word[len]) {
            cg_error_set(r->err, "%s has no value", options[i].name);
            return false;
        }
        return options[i].on_value(r, apr_pstrdup(r->pool, word + len));
    }
    /* The word is not repeated: it may be a secret in the wrong place. */
    cg_error_set(r->err, "a word behind the url is none of " OPTIONS);
    return false;
}

static bool check(const reading_t *r)
{
    const cg_tls_files_t *files = &r->files;
    bool has_files =
        files->ca || files->certificate || files->key || files->server_name;
    bool is_of_sentinels = r->to->sentinel_user || r->to->sentinel_password;
    const char *why = NULL;
    if (has_files && !r->is_tls) {
        why = "ca=, certificate=, key= and server-name= need rediss:// or "
              "tls=on";
    }
    else if (r->is_tls && r->to->url.seeds[0].path) {
        why = "there is no TLS over a Unix socket";
    }
    else if (files->key && !files->certificate) {
        why = "key= needs certificate=";
    }
    else if (is_of_sentinels && r->to->url.kind != CG_STORE_SENTINEL) {
        why = "sentinel-user= and sentinel-password= need sentinel://";
    }
    else if (r->to->sentinel_user && !r->to->sentinel_password) {
        why = "sentinel-user= needs sentinel-password=";
    }
    if (why) {
        cg_error_set(r->err, "%s", why);
    }
    return !why;
}

static apr_status_t read_tls(reading_t *r)
{
    cg_tls_t *tls = NULL;
    apr_status_t rv = APR_SUCCESS;
    if (r->is_tls) {
        rv = cg_tls_open(&tls, &r->files, r->err, r->pool);
        r->to->tls = tls;
    }
    return rv;
}

/* A url, and not an option whose value holds one. */
static bool is_url(const char *word)
{
    const char *scheme = strstr(word, "://");
    const char *equals = strchr(word, '=');
    return strncmp(word, "unix:", 5) == 0 ||
           (scheme && (!equals || equals > scheme));
}

apr_status_t cg_store_access_read(const cg_store_access_t **out,
                                  const apr_array_header_t *words,
                                  const char *(*path_of)(const char *path,
                                                         apr_pool_t *pool),
                                  cg_error_t *err, apr_pool_t *pool)
{
    cg_store_access_t *access = apr_pcalloc(pool, sizeof *access);
    if (!words || words->nelts == 0) {
        cg_error_set(err, "there is no url");
        return APR_EINVAL;
    }
    int first = 0;
    for (int i = 1; i < words->nelts; i++) {
        first = is_url(APR_ARRAY_IDX(words, i, const char *)) ? i : first;
    }
    if (!cg_store_url_parse(APR_ARRAY_IDX(words, first, const char *),
                            &access->url, err, pool)) {
        return APR_EINVAL;
    }
    reading_t r = {.to = access,
                   .is_tls = access->url.is_tls,
                   .path_of = path_of,
                   .err = err,
                   .pool = pool};
    for (int i = first + 1; i < words->nelts; i++) {
        if (!read_option(&r, APR_ARRAY_IDX(words, i, const char *))) {
            return APR_EINVAL;
        }
    }
    if (!check(&r)) {
        return APR_EINVAL;
    }
    *out = access;
    return read_tls(&r);
}

bool cg_store_url_check(const char *url, cg_error_t *err)
{
    apr_pool_t *pool;
    cg_store_url_t parsed;
    if (apr_pool_create(&pool, NULL) != APR_SUCCESS) {
        return false;
    }
    bool is_right = cg_store_url_parse(url, &parsed, err, pool);
    apr_pool_destroy(pool);
    return is_right;
}
