/* Signing keys that a thread has open: read once, used for many signatures.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "auth/signopen.h"

#include <string.h>

#include <apr_strings.h>
#include <apr_thread_proc.h>

#include "auth/signkey_int.h"
#include "base/digest.h"
#include "base/secret.h"

#define ROWS 48        /* their secrets fill no more than a page */
#define BLOCK_BYTES 64 /* of HMAC-SHA-256 */

/* lives in: its thread · written by and read by: its thread */
typedef struct row_t {
    unsigned char digest[CG_SHA256_BYTES];
    uint64_t used;        /* the turn in which it was last used; 0: empty */
    apr_pool_t *pool;     /* of key */
    const cg_pkey_t *key; /* NULL: a shared secret */
    char *secret;         /* its block in the locked page */
    size_t len;
} row_t;

typedef struct table_t {
    apr_pool_t *pool;
    uint64_t turn;
    row_t rows[ROWS];
} table_t;

/* lives in: the ring's pool · const once made */
struct cg_signopen_t {
    apr_threadkey_t *tables; /* a thread's table_t */
};

/* ---- tables ---------------------------------------------------------------------- */

/* The page is wiped with its pool, on any thread's end. */
static void end_table(void *data)
{
    table_t *table = data;
    for (int i = 0; i < ROWS; i++) {
        if (table->rows[i].pool) {
            apr_pool_destroy(table->rows[i].pool);
        }
    }
    apr_pool_destroy(table->pool);
}

/* Of the thread that ends the ring; the others have ended, or end with it. */
static apr_status_t end_open(void *data)
{
    cg_signopen_t *open = data;
    void *table = NULL;
    apr_threadkey_private_get(&table, open->tables);
    if (table) {
        end_table(table);
    }
    return apr_threadkey_private_delete(open->tables);
}

cg_signopen_t *cg_signopen_make(apr_pool_t *pool)
{
    cg_signopen_t *open = apr_pcalloc(pool, sizeof *open);
    if (apr_threadkey_private_create(&open->tables, end_table, pool) !=
        APR_SUCCESS) {
        return NULL;
    }
    apr_pool_cleanup_register(pool, open, end_open, apr_pool_cleanup_null);
    return open;
}

static table_t *table_of(cg_signopen_t *open)
{
    void *have = NULL;
    apr_pool_t *own;
    apr_threadkey_private_get(&have, open->tables);
    if (have) {
        return have;
    }
    if (apr_pool_create_unmanaged_ex(&own, NULL, NULL) != APR_SUCCESS) {
        return NULL;
    }
    table_t *table = apr_pcalloc(own, sizeof *table);
    table->pool = own;
    if (apr_threadkey_private_set(table, open->tables) != APR_SUCCESS) {
        apr_pool_destroy(own);
        return NULL;
    }
    return table;
}

/* ---- rows ------------------------------------------------------------------------ */

static bool is_hmac(const cg_signkey_t *key)
{
    return cg_sig_alg_is_hmac((cg_sig_alg_t)key->alg);
}

static void digest_of(const cg_signkey_t *key,
                      unsigned char out[CG_SHA256_BYTES], apr_pool_t *pool)
{
    cg_str_t text =
        cg_str(apr_pstrcat(pool, key->id, "\n", cg_signkey_alg_name(key->alg),
                           "\n", key->material, NULL));
    cg_sha256(text.ptr, text.len, out);
}

/* That of the digest, else the one that was not used for longest. */
static row_t *find_row(table_t *table,
                       const unsigned char digest[CG_SHA256_BYTES],
                       bool *out_is_there)
{
    row_t *oldest = &table->rows[0];
    for (int i = 0; i < ROWS; i++) {
        row_t *row = &table->rows[i];
        if (row->used && memcmp(row->digest, digest, CG_SHA256_BYTES) == 0) {
            *out_is_there = true;
            return row;
        }
        if (row->used < oldest->used) {
            oldest = row;
        }
    }
    *out_is_there = false;
    return oldest;
}

static void empty(row_t *row)
{
    if (row->pool) {
        apr_pool_destroy(row->pool);
    }
    if (row->secret) {
        cg_wipe(row->secret, BLOCK_BYTES);
    }
    row->used = 0;
    row->pool = NULL;
    row->key = NULL;
    row->len = 0;
}

static cg_signkey_verdict_t read_public(row_t *row, const cg_signkey_t *key,
                                        cg_error_t *err)
{
    if (apr_pool_create_unmanaged_ex(&row->pool, NULL, NULL) != APR_SUCCESS) {
        return CG_SIGNKEY_WRONG;
    }
    row->key = cg_pkey_from_pem(cg_str(key->material), err, row->pool);
    return row->key ? CG_SIGNKEY_OK : CG_SIGNKEY_WRONG;
}

static void lay_blocks(table_t *table)
{
    char *room;
    cg_secret_room((size_t)ROWS * BLOCK_BYTES, &room, table->pool);
    for (int i = 0; i < ROWS; i++) {
        table->rows[i].secret = room + (size_t)i * BLOCK_BYTES;
    }
}

/* What is longer than a block counts by its digest (RFC 2104 section 2). */
static void keep_secret(row_t *row, cg_str_t secret)
{
    if (secret.len > BLOCK_BYTES) {
        cg_sha256(secret.ptr, secret.len, (unsigned char *)row->secret);
        row->len = CG_SHA256_BYTES;
        return;
    }
    memcpy(row->secret, secret.ptr, secret.len);
    row->len = secret.len;
}

static cg_signkey_verdict_t unseal(table_t *table, row_t *row,
                                   const cg_sealer_t *sealer,
                                   const cg_signkey_t *key, cg_error_t *err,
                                   apr_pool_t *pool)
{
    cg_secret_t *secret = NULL;
    apr_pool_t *brief; /* for the secret's second home: wiped right away */
    apr_pool_create(&brief, pool);
    apr_status_t rv = cg_unseal(sealer, cg_signkey_owner(key->id, brief),
                                CG_SIGNKEY_SECRET_VERSION,
                                cg_str(key->material), &secret, err, brief);
    bool is_long =
        rv == APR_SUCCESS && cg_secret_open(secret).len >= CG_SHA256_BYTES;
    if (is_long) {
        if (!row->secret) {
            lay_blocks(table);
        }
        keep_secret(row, cg_secret_open(secret));
    }
    apr_pool_destroy(brief);
    if (rv != APR_SUCCESS) {
        return CG_SIGNKEY_SEALED;
    }
    return is_long ? CG_SIGNKEY_OK : CG_SIGNKEY_WRONG;
}

/* ---- judging --------------------------------------------------------------------- */

static bool is_signed(const row_t *row, cg_sig_alg_t alg, cg_str_t base,
                      cg_str_t bytes)
{
    unsigned char made[CG_SHA256_BYTES];
    if (row->key) {
        return cg_pkey_verify(row->key, alg, base, bytes);
    }
    cg_hmac_sha256(row->secret, row->len, base.ptr, base.len, made);
    bool is_right = bytes.len == sizeof made &&
                    cg_is_equal_secret(made, bytes.ptr, sizeof made);
    cg_wipe(made, sizeof made);
    return is_right;
}

cg_signkey_verdict_t cg_signopen_verify(cg_signopen_t *open,
                                        const cg_sealer_t *sealer,
                                        const cg_signkey_t *key, cg_str_t base,
                                        cg_str_t bytes, cg_error_t *err,
                                        apr_pool_t *pool)
{
    unsigned char digest[CG_SHA256_BYTES];
    bool is_there = false;
    table_t *table = open ? table_of(open) : NULL;
    if (!table) {
        return CG_SIGNKEY_WRONG;
    }
    digest_of(key, digest, pool);
    row_t *row = find_row(table, digest, &is_there);
    if (!is_there) {
        empty(row);
        cg_signkey_verdict_t verdict =
            is_hmac(key) ? unseal(table, row, sealer, key, err, pool)
                         : read_public(row, key, err);
        if (verdict != CG_SIGNKEY_OK) {
            empty(row);
            return verdict;
        }
        memcpy(row->digest, digest, sizeof digest);
    }
    table->turn++;
    row->used = table->turn;
    return is_signed(row, (cg_sig_alg_t)key->alg, base, bytes)
               ? CG_SIGNKEY_OK
               : CG_SIGNKEY_WRONG;
}
