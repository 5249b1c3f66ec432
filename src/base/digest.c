/* Digests, keyed digests, randomness, comparison in constant time.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A digest that cannot be computed, or randomness that cannot be had, means a
 * broken libcrypto: the process ends rather than go on with a wrong value.
 */
#include "base/digest.h"

#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#define BLOCK_BYTES 64 /* of SHA-256, FIPS 180-4 */

static void must(bool is_done)
{
    if (!is_done) {
        abort();
    }
}

/* ---- SHA-256 and HMAC ------------------------------------------------- */

static pthread_once_t sha256_once = PTHREAD_ONCE_INIT;
static EVP_MD *sha256; /* written once, then only read */

static void fetch_sha256(void)
{
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    must(sha256 != NULL);
}

static EVP_MD_CTX *open_ctx(void)
{
    must(pthread_once(&sha256_once, fetch_sha256) == 0);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    must(ctx != NULL);
    return ctx;
}

/* The digest of two pieces in a row; ctx may be used again after. */
static void digest_two(EVP_MD_CTX *ctx, const void *a, size_t a_len,
                       const void *b, size_t b_len, unsigned char out[32])
{
    must(EVP_DigestInit_ex2(ctx, sha256, NULL) == 1);
    must(EVP_DigestUpdate(ctx, a, a_len) == 1);
    must(b_len == 0 || EVP_DigestUpdate(ctx, b, b_len) == 1);
    must(EVP_DigestFinal_ex(ctx, out, NULL) == 1);
}

void cg_sha256(const void *data, size_t len, unsigned char out[32])
{
    EVP_MD_CTX *ctx = open_ctx();
    digest_two(ctx, data, len, NULL, 0, out);
    EVP_MD_CTX_free(ctx);
}

/* RFC 2104 over SHA-256. Written out because EVP_MAC allocates and looks up
 * parameters by name at each use, which costs more than the hashing of a key.
 */
void cg_hmac_sha256(const void *key, size_t key_len, const void *data,
                    size_t len, unsigned char out[32])
{
    unsigned char pad[BLOCK_BYTES] = {0};
    unsigned char inner[CG_SHA256_BYTES];
    EVP_MD_CTX *ctx = open_ctx();
    if (key_len > BLOCK_BYTES) {
        digest_two(ctx, key, key_len, NULL, 0, pad);
    }
    else if (key_len) {
        memcpy(pad, key, key_len);
    }
    for (int i = 0; i < BLOCK_BYTES; i++) {
        pad[i] ^= 0x36;
    }
    digest_two(ctx, pad, sizeof pad, data, len, inner);
    for (int i = 0; i < BLOCK_BYTES; i++) {
        pad[i] ^= 0x36 ^ 0x5C;
    }
    digest_two(ctx, pad, sizeof pad, inner, sizeof inner, out);
    EVP_MD_CTX_free(ctx);
    cg_wipe(pad, sizeof pad);
    cg_wipe(inner, sizeof inner);
}

struct cg_digester_t {
    EVP_MD_CTX *ctx; /* NULL once closed */
};

static apr_status_t free_digester(void *data)
{
    cg_digester_t *digester = data;
    EVP_MD_CTX_free(digester->ctx);
    digester->ctx = NULL;
    return APR_SUCCESS;
}

cg_digester_t *cg_digester_open(bool is_sha512, apr_pool_t *pool)
{
    cg_digester_t *digester = apr_pcalloc(pool, sizeof *digester);
    digester->ctx = open_ctx();
    must(EVP_DigestInit_ex2(digester->ctx, is_sha512 ? EVP_sha512() : sha256,
                            NULL) == 1);
    apr_pool_cleanup_register(pool, digester, free_digester,
                              apr_pool_cleanup_null);
    return digester;
}

void cg_digester_feed(cg_digester_t *digester, const void *data, size_t len)
{
    must(len == 0 || EVP_DigestUpdate(digester->ctx, data, len) == 1);
}

size_t cg_digester_close(cg_digester_t *digester,
                         unsigned char out[CG_SHA512_BYTES])
{
    unsigned len = 0;
    must(EVP_DigestFinal_ex(digester->ctx, out, &len) == 1);
    free_digester(digester);
    return len;
}

/* ---- CRC-32 ----------------------------------------------------------- */

/* IEEE 802.3, reflected polynomial EDB88320. Row k of the table answers for a
 * byte k places before the end, so eight bytes go in one step. */
static pthread_once_t crc_once = PTHREAD_ONCE_INIT;
static uint32_t crc_rows[8][256]; /* written once, then only read */

static void fill_crc_rows(void)
{
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;
        for (int bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320U : 0);
        }
        crc_rows[0][byte] = crc;
    }
    for (int row = 1; row < 8; row++) {
        for (int byte = 0; byte < 256; byte++) {
            uint32_t before = crc_rows[row - 1][byte];
            crc_rows[row][byte] = before >> 8 ^ crc_rows[0][before & 255];
        }
    }
}

uint32_t cg_crc32(uint32_t seed, const void *data, size_t len)
{
    must(pthread_once(&crc_once, fill_crc_rows) == 0);
    const unsigned char *p = data;
    uint32_t crc = ~seed;
    for (; len >= 8; len -= 8, p += 8) {
        uint32_t low = (uint32_t)p[0] | (uint32_t)p[1] << 8 |
                       (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
        low ^= crc;
        crc = crc_rows[7][low & 255] ^ crc_rows[6][low >> 8 & 255] ^
              crc_rows[5][low >> 16 & 255] ^ crc_rows[4][low >> 24] ^
              crc_rows[3][p[4]] ^ crc_rows[2][p[5]] ^ crc_rows[1][p[6]] ^
              crc_rows[0][p[7]];
    }
    for (; len; len--, p++) {
        crc = crc >> 8 ^ crc_rows[0][(crc ^ *p) & 255];
    }
    return ~crc;
}

/* ---- the table hash --------------------------------------------------- */

/* Multiplies two words that the seed has made unknown and folds the 128-bit
 * product, 16 bytes a step: each input bit reaches each output bit, and without
 * the seed nobody can choose a word that makes a factor zero. The constants are
 * the fractional bits of the square roots of 2, 3, 5 and 7, made odd. */
__extension__ typedef unsigned __int128 wide_t;

#define ROOT2 UINT64_C(0x6A09E667F3BCC909)
#define ROOT3 UINT64_C(0xBB67AE8584CAA73B)
#define ROOT5 UINT64_C(0x3C6EF372FE94F82B)
#define ROOT7 UINT64_C(0xA54FF53A5F1D36F1)

static uint64_t fold(uint64_t a, uint64_t b)
{
    wide_t product = (wide_t)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t load8(const unsigned char *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

static uint64_t load4(const unsigned char *p)
{
    uint32_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

/* All of up to eight bytes in one word; reads may overlap. */
static uint64_t load_short(const unsigned char *p, size_t len)
{
    if (len >= 4) {
        return load4(p) | load4(p + len - 4) << 32;
    }
    if (len == 0) {
        return 0;
    }
    return (uint64_t)p[0] | (uint64_t)p[len / 2] << 8 |
           (uint64_t)p[len - 1] << 16;
}

uint64_t cg_hash64(uint64_t seed, const void *data, size_t len)
{
    const unsigned char *p = data;
    uint64_t key = fold(seed ^ ROOT2, ROOT3);
    uint64_t sum = key ^ len;
    for (; len > 16; len -= 16, p += 16) {
        sum = fold(load8(p) ^ sum ^ ROOT5, load8(p + 8) ^ key ^ ROOT7) ^
              (sum << 23 | sum >> 41);
    }
    uint64_t a = len > 8 ? load8(p) : load_short(p, len);
    uint64_t b = len > 8 ? load8(p + len - 8) : 0;
    sum = fold(a ^ sum ^ ROOT5, b ^ key ^ ROOT7) ^ sum;
    return fold(sum ^ ROOT2, key ^ ROOT3);
}

/* ---- the keyed hash of texts ------------------------------------------ */

typedef struct sip_t {
    uint64_t v0, v1, v2, v3;
} sip_t;

static uint64_t rotate(uint64_t word, int by)
{
    return word << by | word >> (64 - by);
}

static inline void sip_round(sip_t *s)
{
    s->v0 += s->v1;
    s->v1 = rotate(s->v1, 13) ^ s->v0;
    s->v0 = rotate(s->v0, 32);
    s->v2 += s->v3;
    s->v3 = rotate(s->v3, 16) ^ s->v2;
    s->v0 += s->v3;
    s->v3 = rotate(s->v3, 21) ^ s->v0;
    s->v2 += s->v1;
    s->v1 = rotate(s->v1, 17) ^ s->v2;
    s->v2 = rotate(s->v2, 32);
}

static inline void sip_word(sip_t *s, uint64_t word)
{
    s->v3 ^= word;
    sip_round(s);
    sip_round(s);
    s->v0 ^= word;
}

static uint64_t sip_end(sip_t *s)
{
    for (int i = 0; i < 4; i++) {
        sip_round(s);
    }
    return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

void cg_siphash(const uint64_t key[2], const void *data, size_t len,
                uint64_t out[2])
{
    const unsigned char *p = data;
    sip_t s = {.v0 = key[0] ^ UINT64_C(0x736f6d6570736575),
               .v1 = key[1] ^ UINT64_C(0x646f72616e646f6d) ^ 0xee,
               .v2 = key[0] ^ UINT64_C(0x6c7967656e657261),
               .v3 = key[1] ^ UINT64_C(0x7465646279746573)};
    uint64_t last = (uint64_t)len << 56;
    for (; len >= 8; len -= 8, p += 8) {
        sip_word(&s, load8(p));
    }
    for (size_t i = 0; i < len; i++) {
        last |= (uint64_t)p[i] << (8 * i);
    }
    sip_word(&s, last);
    s.v2 ^= 0xee;
    out[0] = sip_end(&s);
    s.v1 ^= 0xdd;
    out[1] = sip_end(&s);
}

/* ---- secrets and chance ----------------------------------------------- */

bool cg_is_equal_secret(const void *a, const void *b, size_t len)
{
    return len == 0 || CRYPTO_memcmp(a, b, len) == 0;
}

void cg_random(void *out, size_t len)
{
    unsigned char *p = out;
    while (len) {
        int step = len > INT_MAX ? INT_MAX : (int)len;
        must(RAND_bytes(p, step) == 1);
        p += step;
        len -= (size_t)step;
    }
}

/* A call of the generator costs a microsecond however few bytes it gives. A child
 * process must not give what its parent has in reserve: each fork counts. */
#define RESERVE_BYTES 512

static pthread_once_t forks_once = PTHREAD_ONCE_INIT;
static unsigned forks =
    1; /* written in a child before it has a second thread */

static _Thread_local struct {
    unsigned forks; /* 0: never filled */
    size_t left;
    unsigned char bytes[RESERVE_BYTES];
} reserve;

static void count_fork(void)
{
    forks++;
}

static void watch_forks(void)
{
    must(pthread_atfork(NULL, NULL, count_fork) == 0);
}

static void fill_reserve(void)
{
    must(pthread_once(&forks_once, watch_forks) == 0);
    cg_random(reserve.bytes, sizeof reserve.bytes);
    reserve.forks = forks;
    reserve.left = sizeof reserve.bytes;
}

void cg_random_id(void *out, size_t len)
{
    if (reserve.forks != forks || reserve.left < len) {
        fill_reserve();
    }
    reserve.left -= len;
    memcpy(out, reserve.bytes + reserve.left, len);
}

void cg_wipe(void *ptr, size_t len)
{
    if (len) {
        OPENSSL_cleanse(ptr, len);
    }
}
