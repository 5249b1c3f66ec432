/* The issuers' keys on this server's disk, from where every child takes them.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "flow/keysets.h"

#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/fetch.h"
#include "base/file.h"
#include "base/json.h"
#include "base/share.h"

#define HEAD_BYTES_MAX 4096
#define FILE_BYTES_MAX (CG_JWK_SET_BYTES_MAX + HEAD_BYTES_MAX)

static const char *path_of(const cg_gateway_t *gateway,
                           const cg_issuer_t *issuer, const char *end,
                           apr_pool_t *pool)
{
    return apr_pstrcat(pool, cg_journal_folder(gateway->journal), "/issuer-",
                       issuer->name, end, NULL);
}

/* ---- files --------------------------------------------------------------- */

/* Empty when there is no such file, or none that can be read. */
static cg_str_t read_file(const char *path, apr_pool_t *pool)
{
    cg_error_t unused;
    cg_str_t all;
    return cg_file_read(path, FILE_BYTES_MAX, &all, &unused, pool) ==
                   APR_SUCCESS
               ? all
               : (cg_str_t){"", 0};
}

/* ---- the set --------------------------------------------------------------- */

/* What stands in the file of a set. lives in: the pool of who reads it */
typedef struct stored_t {
    apr_time_t fetched_at; /* 0: there is nothing that counts */
    cg_str_t text;
} stored_t;

static stored_t read_stored(const cg_gateway_t *gateway,
                            const cg_issuer_t *issuer, apr_pool_t *pool)
{
    stored_t none = {0, {"", 0}};
    cg_str_t all = read_file(path_of(gateway, issuer, ".jwks", pool), pool);
    const char *end = all.len ? memchr(all.ptr, '\n', all.len) : NULL;
    const cg_json_t *head =
        end ? cg_json_parse(all.ptr, (size_t)(end - all.ptr), NULL, pool)
            : NULL;
    if (!head || strcmp(cg_json_get_str(head, "url", ""), issuer->from) != 0) {
        return none;
    }
    size_t len = (size_t)(end - all.ptr) + 1;
    return (stored_t){cg_json_get_int(head, "fetched_at", 0),
                      {all.ptr + len, all.len - len}};
}

static apr_status_t store(const cg_gateway_t *gateway,
                          const cg_issuer_t *issuer, cg_str_t set,
                          cg_error_t *err, apr_pool_t *pool)
{
    cg_buf_t all;
    size_t len;
    cg_json_t *head = cg_json_object(pool);
    cg_json_set_str(head, "url", issuer->from);
    cg_json_set_int(head, "fetched_at", cg_clock_now());
    const char *line = cg_json_dump(head, &len, pool);
    cg_buf_init(&all, len + set.len + 1, pool);
    cg_buf_add(&all, line, len);
    cg_buf_char(&all, '\n');
    cg_buf_add(&all, set.ptr, set.len);
    return cg_file_replace(path_of(gateway, issuer, ".jwks", pool),
                           (cg_str_t){all.ptr, all.len}, err, pool);
}

static apr_status_t ask(const cg_issuer_t *issuer, const volatile int *stop,
                        cg_str_t *out, cg_error_t *err, apr_pool_t *pool)
{
    apr_array_header_t *headers = apr_array_make(pool, 1, sizeof(char *));
    APR_ARRAY_PUSH(headers, const char *) =
        "Accept: application/jwk-set+json, application/json";
    cg_fetch_t call = {.url = issuer->from,
                       .headers = headers,
                       .total_for = CG_KEYSETS_FETCH_FOR,
                       .answer_max = CG_JWK_SET_BYTES_MAX,
                       .stop = stop};
    cg_fetched_t answer;
    apr_status_t rv = cg_fetch(&call, &answer, err, pool);
    if (rv == APR_SUCCESS && answer.status != 200) {
        cg_error_set(err, "the answer has status %d", answer.status);
        rv = APR_EGENERAL;
    }
    *out = answer.body;
    return rv;
}

static void note(const cg_gateway_t *gateway, const cg_issuer_t *issuer,
                 const char *error, apr_pool_t *pool)
{
    size_t len;
    cg_error_t unused;
    cg_json_t *state = cg_json_object(pool);
    cg_json_set_int(state, "tried_at", cg_clock_now());
    cg_json_set_str(state, "error", error);
    const char *text = cg_json_dump(state, &len, pool);
    cg_file_replace(path_of(gateway, issuer, ".state", pool),
                    (cg_str_t){text, len}, &unused, pool);
}

/* A set without a key that can be used takes back all there were: that is an
 * error to tell, but not one that leaves a key in force that was removed. */
static apr_status_t take(const cg_gateway_t *gateway, const cg_issuer_t *issuer,
                         cg_str_t text, cg_error_t *err, apr_pool_t *pool)
{
    cg_error_t unwritten;
    bool has_keys =
        cg_jwk_set_read(text, CG_JWK_PUBLIC, issuer->algs, err, pool) != NULL;
    if (!has_keys && !cg_jwk_is_set(text, pool)) {
        return APR_EINVAL;
    }
    apr_status_t rv =
        store(gateway, issuer, text, has_keys ? err : &unwritten, pool);
    if (rv == APR_SUCCESS) {
        cg_atomic_add(&gateway->issuers_shared[issuer->index].serial, 1);
    }
    return has_keys ? rv : APR_EINVAL;
}

apr_status_t cg_keysets_fetch(const cg_gateway_t *gateway,
                              const cg_issuer_t *issuer,
                              const volatile int *stop, cg_error_t *err,
                              apr_pool_t *pool)
{
    cg_str_t text;
    apr_status_t rv = ask(issuer, stop, &text, err, pool);
    if (rv == APR_EINTR) {
        return rv; /* not the issuer's fault */
    }
    if (rv == APR_SUCCESS) {
        rv = take(gateway, issuer, text, err, pool);
    }
    note(gateway, issuer, rv == APR_SUCCESS ? "" : err->text, pool);
    return rv;
}

void cg_keysets_state(const cg_gateway_t *gateway, const cg_issuer_t *issuer,
                      cg_keyset_state_t *out, apr_pool_t *pool)
{
    *out = (cg_keyset_state_t){.error = ""};
    if (!gateway->journal || !issuer->is_fetched) {
        return;
    }
    cg_str_t text = read_file(path_of(gateway, issuer, ".state", pool), pool);
    const cg_json_t *state = cg_json_parse(text.ptr, text.len, NULL, pool);
    out->fetched_at = read_stored(gateway, issuer, pool).fetched_at;
    out->tried_at = cg_json_get_int(state, "tried_at", 0);
    out->error = cg_json_get_str(state, "error", "");
}

/* ---- in force ---------------------------------------------------------------- */

bool cg_keysets_are_old(const cg_gateway_t *gateway, apr_pool_t *pool)
{
    const cg_issuers_t *now = cg_gateway_take_issuers(gateway, pool);
    for (size_t i = 0; now && i < now->of->count; i++) {
        if (now->serials[i] !=
            cg_atomic_get(&gateway->issuers_shared[i].serial)) {
            return true;
        }
    }
    return false;
}

/* The mark follows from what is in force, not from how it came: children with the
 * same keys know each other's tokens, and so does the next start. */
static void put_mark(cg_issuers_t *issuers, const cg_buf_t *digests)
{
    unsigned char digest[CG_SHA256_BYTES];
    cg_sha256(digests->ptr, digests->len, digest);
    memcpy(&issuers->mark, digest, sizeof issuers->mark);
}

static void add_set(const cg_gateway_t *gateway, cg_issuers_t *to, size_t index,
                    cg_buf_t *digests, apr_pool_t *temp, apr_pool_t *own)
{
    const cg_issuer_t *issuer = &to->of->rows[index];
    unsigned char digest[CG_SHA256_BYTES] = {0};
    cg_error_t unused;
    /* First the serial: a set that comes meanwhile is then read once more. */
    to->serials[index] = cg_atomic_get(&gateway->issuers_shared[index].serial);
    stored_t stored = {0, {"", 0}};
    if (issuer->is_fetched && gateway->journal) {
        stored = read_stored(gateway, issuer, temp);
    }
    if (stored.fetched_at) {
        cg_sha256(stored.text.ptr, stored.text.len, digest);
        to->sets[index] = cg_jwk_set_read(stored.text, CG_JWK_PUBLIC,
                                          issuer->algs, &unused, own);
    }
    cg_buf_add(digests, (const char *)digest, sizeof digest);
}

void cg_keysets_refresh(const cg_gateway_t *gateway)
{
    const cg_issuer_rows_t *rows = gateway->issuer_rows;
    apr_pool_t *temp;
    apr_pool_t *own;
    cg_buf_t digests;
    if (!gateway->issuers) {
        return;
    }
    apr_pool_create(&temp, NULL);
    apr_pool_create_unmanaged_ex(&own, NULL, NULL);
    cg_issuers_t *next = cg_issuers_make(rows, gateway->issuers_shared,
                                         gateway->verified_tokens, own);
    cg_buf_init(&digests, (rows->count + 1) * CG_SHA256_BYTES, temp);
    cg_buf_add(&digests, (const char *)rows->digest, sizeof rows->digest);
    for (size_t i = 0; i < rows->count; i++) {
        add_set(gateway, next, i, &digests, temp, own);
    }
    put_mark(next, &digests);
    cg_gateway_swap_issuers(gateway, next, own);
    apr_pool_destroy(temp);
}
