/* Keys that sign and verify: as PEM, read, written and made anew.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/pkey_int.h"

#include <string.h>

#include <apr_strings.h>
#include <openssl/bio.h>
#include <openssl/decoder.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "base/digest.h"

#define PEM_BYTES_MAX 65536
#define RSA_BITS_NEW 2048

static EVP_PKEY *decode_pem(cg_str_t pem, int selection)
{
    EVP_PKEY *evp = NULL;
    const unsigned char *at = (const unsigned char *)pem.ptr;
    size_t left = pem.len;
    OSSL_DECODER_CTX *ctx = OSSL_DECODER_CTX_new_for_pkey(
        &evp, "PEM", NULL, NULL, selection, NULL, NULL);
    if (!ctx || OSSL_DECODER_from_data(ctx, &at, &left) != 1) {
        EVP_PKEY_free(evp);
        evp = NULL;
    }
    OSSL_DECODER_CTX_free(ctx);
    ERR_clear_error();
    return evp;
}

static size_t count_blocks(cg_str_t pem)
{
    static const char mark[] = "-----BEGIN ";
    size_t blocks = 0;
    const char *end = pem.ptr + pem.len;
    const char *at = pem.ptr;
    while (at && at < end) {
        at = memmem(at, (size_t)(end - at), mark, sizeof mark - 1);
        if (at) {
            blocks++;
            at += sizeof mark - 1;
        }
    }
    return blocks;
}

cg_pkey_t *cg_pkey_from_pem(cg_str_t pem, cg_error_t *err, apr_pool_t *pool)
{
    if (pem.len > PEM_BYTES_MAX || count_blocks(pem) != 1) {
        cg_error_set(err, "a key must be one PEM block of at most 64 KiB");
        return NULL;
    }
    EVP_PKEY *evp = decode_pem(pem, EVP_PKEY_KEYPAIR);
    bool is_private = evp != NULL;
    if (!evp) {
        evp = decode_pem(pem, EVP_PKEY_PUBLIC_KEY);
    }
    if (!evp) {
        cg_error_set(err, "the PEM holds no key that can be read (an encrypted "
                          "one cannot)");
        return NULL;
    }
    return cg_pkey_adopt(evp, is_private, err, pool);
}

static apr_status_t forget_pem(void *data)
{
    cg_str_t *pem = data;
    cg_wipe((void *)(uintptr_t)pem->ptr, pem->len);
    return APR_SUCCESS;
}

/* The content of bio as text of the pool, wiped with it if it is secret. */
static cg_str_t take_text(BIO *bio, bool is_secret, apr_pool_t *pool)
{
    char *bytes;
    long len = BIO_get_mem_data(bio, &bytes);
    cg_str_t *kept = apr_palloc(pool, sizeof *kept);
    *kept = (cg_str_t){apr_pstrmemdup(pool, bytes, (size_t)len), (size_t)len};
    if (is_secret) {
        cg_wipe(bytes, (size_t)len);
        apr_pool_cleanup_register(pool, kept, forget_pem,
                                  apr_pool_cleanup_null);
    }
    return *kept;
}

apr_status_t cg_pkey_public_pem(const cg_pkey_t *key, cg_str_t *out,
                                apr_pool_t *pool)
{
    if (!key->evp) {
        return APR_EINVAL;
    }
    BIO *bio = BIO_new(BIO_s_mem());
    bool is_written = bio && PEM_write_bio_PUBKEY(bio, key->evp) == 1;
    if (is_written) {
        *out = take_text(bio, false, pool);
    }
    BIO_free(bio);
    return is_written ? APR_SUCCESS : APR_EGENERAL;
}

static EVP_PKEY *generate(cg_sig_alg_t alg)
{
    switch (alg) {
    case CG_SIG_ES256:
        return EVP_EC_gen("P-256");
    case CG_SIG_ES384:
        return EVP_EC_gen("P-384");
    case CG_SIG_ES512:
        return EVP_EC_gen("P-521");
    case CG_SIG_EDDSA:
        return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    default:
        return EVP_RSA_gen(RSA_BITS_NEW);
    }
}

apr_status_t cg_pkey_generate(cg_sig_alg_t alg, cg_str_t *out_private,
                              cg_str_t *out_public, cg_error_t *err,
                              apr_pool_t *pool)
{
    if (alg == CG_SIG_NONE || alg >= CG_SIG_COUNT || cg_sig_alg_is_hmac(alg)) {
        cg_error_set(err, "no pair of keys is made for this algorithm");
        return APR_EINVAL;
    }
    EVP_PKEY *evp = generate(alg);
    cg_pkey_t *key = evp ? cg_pkey_adopt(evp, true, err, pool) : NULL;
    BIO *bio = BIO_new(BIO_s_mem());
    bool is_written = key && bio &&
                      PEM_write_bio_PKCS8PrivateKey(bio, key->evp, NULL, NULL,
                                                    0, NULL, NULL) == 1;
    if (is_written) {
        *out_private = take_text(bio, true, pool);
    }
    BIO_free(bio);
    return is_written ? cg_pkey_public_pem(key, out_public, pool)
                      : APR_EGENERAL;
}
