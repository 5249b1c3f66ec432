/* Encryption that tells whether it was tampered with: AES-256-GCM.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Freeing a context of libcrypto wipes the schedule of the key, so nothing of it
 * stays on the heap. A cipher that cannot be had means a broken libcrypto: the
 * process ends rather than go on without.
 */
#include "base/aead.h"

#include <limits.h>
#include <pthread.h>
#include <stdlib.h>

#include <openssl/evp.h>

#include "base/digest.h"

static void must(bool is_done)
{
    if (!is_done) {
        abort();
    }
}

/* Fetching by name for each use costs more than a short secret. */
static pthread_once_t gcm_once = PTHREAD_ONCE_INIT;
static EVP_CIPHER *gcm; /* written once, then only read */

static void fetch_gcm(void)
{
    gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    must(gcm != NULL);
}

static EVP_CIPHER_CTX *begin(const unsigned char *key,
                             const unsigned char *nonce, cg_str_t associated,
                             size_t len, int is_sealing)
{
    int unused = 0;
    must(pthread_once(&gcm_once, fetch_gcm) == 0);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    must(ctx && len <= INT_MAX && associated.len <= INT_MAX);
    must(EVP_CipherInit_ex2(ctx, gcm, key, nonce, is_sealing, NULL) == 1);
    must(EVP_CipherUpdate(ctx, NULL, &unused,
                          (const unsigned char *)associated.ptr,
                          (int)associated.len) == 1);
    return ctx;
}

void cg_aead_seal(const unsigned char key[CG_AEAD_KEY_BYTES],
                  const unsigned char nonce[CG_AEAD_NONCE_BYTES],
                  cg_str_t associated, const void *plain, size_t len,
                  unsigned char *out)
{
    int wrote = 0;
    int more = 0;
    EVP_CIPHER_CTX *ctx = begin(key, nonce, associated, len, 1);
    must(len == 0 || EVP_EncryptUpdate(ctx, out, &wrote, plain, (int)len) == 1);
    must(EVP_EncryptFinal_ex(ctx, out + wrote, &more) == 1);
    must(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, CG_AEAD_TAG_BYTES,
                             out + len) == 1);
    EVP_CIPHER_CTX_free(ctx);
}

bool cg_aead_open(const unsigned char key[CG_AEAD_KEY_BYTES],
                  const unsigned char nonce[CG_AEAD_NONCE_BYTES],
                  cg_str_t associated, const void *sealed, size_t len,
                  unsigned char *out)
{
    int wrote = 0;
    int more = 0;
    unsigned char tag[CG_AEAD_TAG_BYTES];
    const unsigned char *from = sealed;
    if (len < sizeof tag) {
        return false;
    }
    size_t plain = len - sizeof tag;
    for (size_t i = 0; i < sizeof tag; i++) {
        tag[i] = from[plain + i];
    }
    EVP_CIPHER_CTX *ctx = begin(key, nonce, associated, plain, 0);
    must(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, sizeof tag, tag) == 1);
    must(plain == 0 ||
         EVP_DecryptUpdate(ctx, out, &wrote, from, (int)plain) == 1);
    bool is_true = EVP_DecryptFinal_ex(ctx, out + wrote, &more) == 1;
    EVP_CIPHER_CTX_free(ctx);
    if (!is_true) {
        cg_wipe(out, plain);
    }
    return is_true;
}
