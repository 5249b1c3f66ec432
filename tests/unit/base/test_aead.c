/* AES-256-GCM against published vectors, and against tampering.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include <CUnit/CUnit.h>

#include "base/aead.h"

typedef struct vector_t {
    const char *key, *nonce, *associated, *plain, *sealed; /* in hex */
} vector_t;

/* McGrew and Viega, The Galois/Counter Mode of Operation, test cases 13, 14, 16. */
static const vector_t vectors[] = {
    {"0000000000000000000000000000000000000000000000000000000000000000",
     "000000000000000000000000", "", "", "530f8afbc74536b9a963b4f1c4cb738b"},
    {"0000000000000000000000000000000000000000000000000000000000000000",
     "000000000000000000000000", "", "00000000000000000000000000000000",
     "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"},
    {"feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
     "cafebabefacedbaddecaf888", "feedfacedeadbeeffeedfacedeadbeefabaddad2",
     "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
     "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
     "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
     "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
     "76fc6ece0f4e1768cddf8853bb2d551b"},
};

static size_t bytes_of(const char *hex, unsigned char *out)
{
    size_t len = strlen(hex);
    CU_ASSERT_FATAL(len == 0 || cg_hex_decode(hex, len, out));
    return len / 2;
}

static void aead_gives_what_the_published_vectors_say(void)
{
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        unsigned char key[32], nonce[12], associated[64], plain[128],
            sealed[128], out[128];
        bytes_of(vectors[i].key, key);
        bytes_of(vectors[i].nonce, nonce);
        cg_str_t bound = {(const char *)associated,
                          bytes_of(vectors[i].associated, associated)};
        size_t len = bytes_of(vectors[i].plain, plain);
        size_t sealed_len = bytes_of(vectors[i].sealed, sealed);
        CU_ASSERT_EQUAL_FATAL(sealed_len, len + CG_AEAD_TAG_BYTES);
        cg_aead_seal(key, nonce, bound, plain, len, out);
        CU_ASSERT_EQUAL(memcmp(out, sealed, sealed_len), 0);
        CU_ASSERT(cg_aead_open(key, nonce, bound, sealed, sealed_len, out));
        CU_ASSERT_EQUAL(memcmp(out, plain, len), 0);
    }
}

static void aead_opens_nothing_of_which_one_bit_is_changed(void)
{
    unsigned char key[32] = {1}, nonce[12] = {2}, sealed[21], out[21];
    cg_str_t bound = CG_STR("whose");
    cg_aead_seal(key, nonce, bound, "value", 5, sealed);
    for (size_t bit = 0; bit < 8 * sizeof sealed; bit++) {
        unsigned char flip = (unsigned char)(1 << bit % 8);
        sealed[bit / 8] ^= flip;
        memset(out, 'x', sizeof out);
        CU_ASSERT_FALSE(
            cg_aead_open(key, nonce, bound, sealed, sizeof sealed, out));
        CU_ASSERT_EQUAL(memcmp(out, "\0\0\0\0\0x", 6), 0);
        sealed[bit / 8] ^= flip;
    }
    CU_ASSERT(cg_aead_open(key, nonce, bound, sealed, sizeof sealed, out));
    CU_ASSERT_FALSE(
        cg_aead_open(key, nonce, CG_STR("whosf"), sealed, sizeof sealed, out));
    CU_ASSERT_FALSE(
        cg_aead_open(key, nonce, CG_STR(""), sealed, sizeof sealed, out));
    for (size_t len = 0; len < sizeof sealed; len++) {
        CU_ASSERT_FALSE(cg_aead_open(key, nonce, bound, sealed, len, out));
    }
    nonce[11] ^= 1;
    CU_ASSERT_FALSE(
        cg_aead_open(key, nonce, bound, sealed, sizeof sealed, out));
    nonce[11] ^= 1;
    key[31] ^= 0x80;
    CU_ASSERT_FALSE(
        cg_aead_open(key, nonce, bound, sealed, sizeof sealed, out));
}

CU_TestInfo test_base_aead[] = {
    {"aead_gives_what_the_published_vectors_say",
     aead_gives_what_the_published_vectors_say},
    {"aead_opens_nothing_of_which_one_bit_is_changed",
     aead_opens_nothing_of_which_one_bit_is_changed},
    CU_TEST_INFO_NULL,
};
