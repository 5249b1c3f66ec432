/* Issuers: whose tokens are accepted, for whom, and with which keys.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "auth/issuers.h"

#include <string.h>

#include <apr_file_io.h>
#include <apr_strings.h>
#include <apr_uri.h>

#include "base/digest.h"
#include "base/secret.h"

#define LEGAL                                                                  \
    "legal: NAME issuer=URL audience=NAME... jwks=https://URL|file:PATH or "   \
    "secret=file:PATH, [algorithms=RS256,...] [leeway=60s]"
#define AUDIENCES_MAX 16
#define TEXT_MAX 512

/* What an issuer may use when its row does not say, the preferred first: an RSA
 * key without an "alg" of its own is for RS256. */
static const cg_sig_alg_t public_algs[] = {
    CG_SIG_RS256, CG_SIG_ES256, CG_SIG_EDDSA, CG_SIG_PS256,
    CG_SIG_ES384, CG_SIG_ES512, CG_SIG_RS384, CG_SIG_RS512,
    CG_SIG_PS384, CG_SIG_PS512, CG_SIG_NONE};
static const cg_sig_alg_t secret_algs[] = {CG_SIG_HS256, CG_SIG_HS384,
                                           CG_SIG_HS512, CG_SIG_NONE};

/* A row that is being read. lives in: the stack of read_row */
typedef struct reading_t {
    cg_issuer_t *row;
    const char **audiences;
    const char *algorithms; /* as written; NULL: not said */
    const char *source;     /* behind jwks= or secret= */
    const char *(*root_of)(const char *, apr_pool_t *);
    cg_error_t *err;
    apr_pool_t *pool;
} reading_t;

static bool is_name(const char *name)
{
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUV"
                              "WXYZ0123456789-_");
    return len > 0 && len <= 64 && !name[len];
}

static bool is_text(const char *text)
{
    size_t len = strlen(text);
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7F) {
            return false;
        }
    }
    return len > 0 && len <= TEXT_MAX;
}

/* ---- words --------------------------------------------------------------- */

static bool read_issuer(reading_t *in, const char *value)
{
    in->row->issuer = value;
    return is_text(value);
}

static bool read_audience(reading_t *in, const char *value)
{
    if (in->row->audiences_count == AUDIENCES_MAX) {
        return false;
    }
    in->audiences[in->row->audiences_count++] = value;
    return is_text(value);
}

static bool read_jwks(reading_t *in, const char *value)
{
    bool is_first = !in->source;
    in->source = value;
    in->row->is_fetched = strncmp(value, "file:", 5) != 0;
    return is_first && is_text(value);
}

static bool read_secret(reading_t *in, const char *value)
{
    bool is_first = !in->source;
    in->source = value;
    in->row->is_secret = true;
    return is_first && strncmp(value, "file:", 5) == 0;
}

static bool read_algorithms(reading_t *in, const char *value)
{
    in->algorithms = value;
    return true; /* choose_algs reads them, once it knows of which kind */
}

static bool read_leeway(reading_t *in, const char *value)
{
    int64_t leeway;
    if (!cg_parse_duration(cg_str(value), &leeway) ||
        leeway > CG_ISSUER_LEEWAY_MAX) {
        return false;
    }
    in->row->leeway = leeway;
    return true;
}

static bool read_word(reading_t *in, const char *word)
{
    static const struct {
        const char *name;
        bool (*read)(reading_t *, const char *);
    } words[] = {{"issuer=", read_issuer},
                 {"audience=", read_audience},
                 {"jwks=", read_jwks},
                 {"secret=", read_secret},
                 {"algorithms=", read_algorithms},
                 {"leeway=", read_leeway}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t len = strlen(words[i].name);
        if (strncmp(word, words[i].name, len) == 0) {
            if (words[i].read(in, word + len)) {
                return true;
            }
            cg_error_set(in->err,
                         "what stands behind %s of %s is not legal; " LEGAL,
                         words[i].name, in->row->name);
            return false;
        }
    }
    cg_error_set(in->err, "a word of %s is not legal; " LEGAL, in->row->name);
    return false;
}

/* ---- algorithms ------------------------------------------------------------ */

static bool add_alg(reading_t *in, const char *name)
{
    cg_issuer_t *row = in->row;
    cg_sig_alg_t alg;
    size_t count = 0;
    if (!cg_sig_alg_find(cg_str(name), &alg) ||
        cg_sig_alg_is_hmac(alg) != row->is_secret) {
        cg_error_set(in->err,
                     "the algorithms of %s are not legal; legal with %s",
                     row->name,
                     row->is_secret ? "secret=: HS256,HS384,HS512"
                                    : "jwks=: RS, PS and ES with 256, 384 or "
                                      "512, EdDSA");
        return false;
    }
    while (row->algs[count] != CG_SIG_NONE) {
        if (row->algs[count++] == alg) {
            return true;
        }
    }
    row->algs[count] = alg; /* each stands once, so there is room */
    return true;
}

static bool choose_algs(reading_t *in)
{
    cg_issuer_t *row = in->row;
    if (!in->algorithms) {
        memcpy(row->algs, row->is_secret ? secret_algs : public_algs,
               row->is_secret ? sizeof secret_algs : sizeof public_algs);
        return true;
    }
    char *last;
    char *list = apr_pstrdup(in->pool, in->algorithms);
    for (char *name = apr_strtok(list, ",", &last); name;
         name = apr_strtok(NULL, ",", &last)) {
        if (!add_alg(in, name)) {
            return false;
        }
    }
    return row->algs[0] != CG_SIG_NONE || add_alg(in, "");
}

/* ---- where keys come from ---------------------------------------------------- */

static bool is_this_machine(const char *host)
{
    return strcmp(host, "127.0.0.1") == 0 || strcmp(host, "::1") == 0 ||
           strcmp(host, "localhost") == 0;
}

/* Who can change an answer on its way could sign any token. */
static bool check_url(reading_t *in)
{
    apr_uri_t uri;
    bool is_url = apr_uri_parse(in->pool, in->source, &uri) == APR_SUCCESS &&
                  uri.scheme && uri.hostname && uri.hostname[0] && !uri.user &&
                  !uri.fragment && !strchr(in->source, ' ');
    bool is_safe =
        is_url &&
        (strcmp(uri.scheme, "https") == 0 ||
         (strcmp(uri.scheme, "http") == 0 && is_this_machine(uri.hostname)));
    if (!is_safe) {
        cg_error_set(in->err,
                     "jwks= of %s is not legal; legal: https://host/path "
                     "without user or fragment (http:// only to this machine), "
                     "or file:PATH",
                     in->row->name);
    }
    return is_safe;
}

static bool read_whole(const char *path, cg_str_t *out, cg_error_t *err,
                       apr_pool_t *pool)
{
    char why[120];
    apr_file_t *file;
    char *bytes = apr_palloc(pool, CG_JWK_SET_BYTES_MAX + 1);
    apr_size_t len = CG_JWK_SET_BYTES_MAX + 1; /* one more tells too large */
    apr_status_t rv =
        apr_file_open(&file, path, APR_READ, APR_OS_DEFAULT, pool);
    if (rv == APR_SUCCESS) {
        rv = apr_file_read_full(file, bytes, len, &len);
        apr_file_close(file);
    }
    if (rv != APR_SUCCESS && rv != APR_EOF) {
        cg_error_set(err, "cannot read %s: %s", path,
                     apr_strerror(rv, why, sizeof why));
        return false;
    }
    *out = (cg_str_t){bytes, len};
    return true;
}

/* A file that begins as JSON holds keys with names; any other is the secret. */
static cg_jwk_set_t *set_of_secret(const reading_t *in, const char *path,
                                   unsigned char digest[32], cg_error_t *err)
{
    cg_secret_t *secret;
    if (cg_secret_load(path, &secret, err, in->pool) != APR_SUCCESS) {
        return NULL;
    }
    cg_str_t bytes = cg_secret_open(secret);
    cg_sha256(bytes.ptr, bytes.len, digest);
    return cg_str_has_prefix(bytes, "{")
               ? cg_jwk_set_read(bytes, CG_JWK_SECRET, in->row->algs, err,
                                 in->pool)
               : cg_jwk_set_of_secret(bytes, in->row->algs, err, in->pool);
}

static cg_jwk_set_t *set_of_file(const reading_t *in, const char *path,
                                 unsigned char digest[32], cg_error_t *err)
{
    cg_str_t text;
    if (!read_whole(path, &text, err, in->pool)) {
        return NULL;
    }
    cg_sha256(text.ptr, text.len, digest);
    return cg_jwk_set_read(text, CG_JWK_PUBLIC, in->row->algs, err, in->pool);
}

static bool read_source(reading_t *in, unsigned char digest[32])
{
    cg_error_t why;
    in->row->from = in->source;
    if (in->row->is_fetched) {
        return check_url(in);
    }
    const char *path = in->root_of(in->source + 5, in->pool);
    if (!path) {
        cg_error_set(in->err, "the path of %s is not legal", in->row->name);
        return false;
    }
    in->row->fixed = in->row->is_secret ? set_of_secret(in, path, digest, &why)
                                        : set_of_file(in, path, digest, &why);
    if (!in->row->fixed) {
        cg_error_set(in->err, "the keys of %s: %s", in->row->name, why.text);
    }
    return in->row->fixed != NULL;
}

/* ---- rows ------------------------------------------------------------------- */

static bool read_row(reading_t *in, const apr_array_header_t *words,
                     unsigned char digest[32])
{
    cg_issuer_t *row = in->row;
    for (int i = 1; i < words->nelts; i++) {
        if (!read_word(in, APR_ARRAY_IDX(words, i, const char *))) {
            return false;
        }
    }
    row->audiences = in->audiences;
    if (!row->issuer || !row->audiences_count || !in->source) {
        cg_error_set(in->err, "%s lacks issuer=, audience= or jwks=; " LEGAL,
                     row->name);
        return false;
    }
    return choose_algs(in) && read_source(in, digest);
}

/* What was written and what was read, each with its end, so that no two
 * configurations look alike. */
static void add_to_digest(cg_buf_t *all, const apr_array_header_t *words,
                          const unsigned char digest[32])
{
    for (int i = 0; i < words->nelts; i++) {
        const char *word = APR_ARRAY_IDX(words, i, const char *);
        cg_buf_add(all, word, strlen(word) + 1);
    }
    cg_buf_add(all, "\n", 1);
    cg_buf_add(all, (const char *)digest, CG_SHA256_BYTES);
}

static const char *name_of(const apr_array_header_t *words)
{
    return words->nelts ? APR_ARRAY_IDX(words, 0, const char *) : "";
}

bool cg_issuers_read(const apr_array_header_t *rows,
                     const char *(*root_of)(const char *path, apr_pool_t *pool),
                     cg_issuer_rows_t *out, cg_error_t *err, apr_pool_t *pool)
{
    size_t count = rows ? (size_t)rows->nelts : 0;
    cg_issuer_t *made = apr_pcalloc(pool, (count + 1) * sizeof *made);
    cg_buf_t all;
    cg_error_t why;
    cg_buf_init(&all, 1024, pool);
    *out = (cg_issuer_rows_t){.rows = made};
    for (size_t i = 0; i < count; i++) {
        unsigned char digest[32] = {0};
        const apr_array_header_t *words =
            APR_ARRAY_IDX(rows, (int)i, const apr_array_header_t *);
        reading_t in = {
            .row = &made[i], .root_of = root_of, .err = &why, .pool = pool};
        const char *name = name_of(words);
        in.audiences = apr_pcalloc(pool, AUDIENCES_MAX * sizeof(char *));
        made[i] = (cg_issuer_t){
            .index = (int)i, .name = name, .leeway = CG_ISSUER_LEEWAY_DEFAULT};
        if (i == CG_ISSUERS_MAX || !is_name(name) ||
            cg_issuers_find(out, name)) {
            cg_error_set(err,
                         "ChatGPTIssuer: \"%.64s\" is no name, stands twice "
                         "or is one more than %d; " LEGAL,
                         name, CG_ISSUERS_MAX);
            return false;
        }
        if (!read_row(&in, words, digest)) {
            cg_error_set(err, "ChatGPTIssuer: %s", why.text);
            return false;
        }
        add_to_digest(&all, words, digest);
        out->count++;
    }
    cg_sha256(all.ptr, all.len, out->digest);
    return true;
}

const cg_issuer_t *cg_issuers_find(const cg_issuer_rows_t *rows,
                                   const char *name)
{
    for (size_t i = 0; i < rows->count; i++) {
        if (strcmp(rows->rows[i].name, name) == 0) {
            return &rows->rows[i];
        }
    }
    return NULL;
}

/* ---- what is in force --------------------------------------------------------- */

cg_issuers_t *cg_issuers_make(const cg_issuer_rows_t *rows,
                              cg_issuer_shared_t *shared, cg_cache_t *verified,
                              apr_pool_t *pool)
{
    cg_issuers_t *issuers = apr_pcalloc(pool, sizeof *issuers);
    const cg_jwk_set_t **sets =
        apr_pcalloc(pool, (rows->count + 1) * sizeof(cg_jwk_set_t *));
    for (size_t i = 0; i < rows->count; i++) {
        sets[i] = rows->rows[i].fixed;
    }
    issuers->of = rows;
    issuers->sets = sets;
    issuers->shared = shared;
    issuers->verified = verified;
    memcpy(&issuers->mark, rows->digest, sizeof issuers->mark);
    return issuers;
}
