/* Digests against the vectors of their standards.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/digest.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CUnit/CUnit.h>

#include "base/text.h"

static bool is_hex(const unsigned char digest[32], const char *hex)
{
    char out[65];
    cg_hex_encode(digest, 32, out);
    return strcmp(out, hex) == 0;
}

/* FIPS 180-4 examples. */
static void sha256_gives_the_standards_examples(void)
{
    unsigned char out[32];
    cg_sha256("", 0, out);
    CU_ASSERT_TRUE(is_hex(out, "e3b0c44298fc1c149afbf4c8996fb924"
                               "27ae41e4649b934ca495991b7852b855"));
    cg_sha256("abc", 3, out);
    CU_ASSERT_TRUE(is_hex(out, "ba7816bf8f01cfea414140de5dae2223"
                               "b00361a396177a9cb410ff61f20015ad"));
    const char *two_blocks =
        "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    cg_sha256(two_blocks, strlen(two_blocks), out);
    CU_ASSERT_TRUE(is_hex(out, "248d6a61d20638b8e5c026930c3e6039"
                               "a33ce45964ff2167f6ecedd419db06c1"));
}

/* RFC 4231 test cases 1, 2 and 6 (a key longer than a block). */
static void hmac_gives_the_vectors_of_the_rfc(void)
{
    unsigned char out[32];
    unsigned char key[131];
    memset(key, 0x0B, 20);
    cg_hmac_sha256(key, 20, "Hi There", 8, out);
    CU_ASSERT_TRUE(is_hex(out, "b0344c61d8db38535ca8afceaf0bf12b"
                               "881dc200c9833da726e9376c2e32cff7"));
    cg_hmac_sha256("Jefe", 4, "what do ya want for nothing?", 28, out);
    CU_ASSERT_TRUE(is_hex(out, "5bdcc146bf60754e6a042426089575c7"
                               "5a003f089d2739839dec58b964ec3843"));
    memset(key, 0xAA, 131);
    const char *data = "Test Using Larger Than Block-Size Key - Hash Key First";
    cg_hmac_sha256(key, 131, data, strlen(data), out);
    CU_ASSERT_TRUE(is_hex(out, "60e431591ee0b67f0d8a26aacbf5b77f"
                               "8e0bc6213728c5140546040f0ee37f54"));
    cg_hmac_sha256("", 0, "", 0, out);
    CU_ASSERT_TRUE(is_hex(out, "b613679a0814d9ec772f95d778c35fc5"
                               "ff1697c493715653c6c712144292c5ad"));
}

/* Vectors of the reference implementation: key and data 00 01 02 … */
static void siphash_gives_the_vectors_of_its_authors(void)
{
    static const struct {
        size_t len;
        const char *hex;
    } vectors[] = {{0, "a3817f04ba25a8e66df67214c7550293"},
                   {1, "da87c1d86b99af44347659119b22fc45"},
                   {2, "8177228da4a45dc7fca38bdef60affe4"},
                   {7, "a1f1ebbed8dbc153c0b84aa61ff08239"},
                   {8, "3b62a9ba6258f5610f83e264f31497b4"},
                   {15, "5493e99933b0a8117e08ec0f97cfc3d9"},
                   {63, "5150d1772f50834a503e069a973fbd7c"}};
    unsigned char bytes[64];
    uint64_t key[2];
    uint64_t out[2];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (unsigned char)i;
    }
    memcpy(key, bytes, sizeof key);
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        char hex[33];
        cg_siphash(key, bytes, vectors[i].len, out);
        cg_hex_encode((unsigned char *)out, sizeof out, hex);
        CU_ASSERT_STRING_EQUAL(hex, vectors[i].hex);
    }
    cg_siphash(key, bytes, 63, out);
    uint64_t before[2] = {out[0], out[1]};
    bytes[62] ^= 1;
    cg_siphash(key, bytes, 63, out);
    CU_ASSERT_TRUE(out[0] != before[0] && out[1] != before[1]);
    memcpy(out, key, sizeof out);
    cg_siphash(out, bytes, 63, out); /* the key may be the result's place */
    bytes[62] ^= 1;
    cg_siphash(key, bytes, 63, before);
    CU_ASSERT_TRUE(out[0] != before[0]);
}

static void crc32_gives_the_check_value_in_one_or_many_pieces(void)
{
    CU_ASSERT_EQUAL(cg_crc32(0, "123456789", 9), 0xCBF43926);
    CU_ASSERT_EQUAL(cg_crc32(0, "", 0), 0);
    unsigned char bytes[1000];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (unsigned char)(i * 31 + 7);
    }
    uint32_t whole = cg_crc32(0, bytes, sizeof bytes);
    for (size_t cut = 0; cut <= 40; cut++) {
        uint32_t first = cg_crc32(0, bytes, cut);
        CU_ASSERT_EQUAL(cg_crc32(first, bytes + cut, sizeof bytes - cut),
                        whole);
    }
}

/* Each flipped bit of input and seed turns about half of the result. */
static void hash_spreads_every_bit(void)
{
    int wrong = 0;
    for (size_t len = 1; len <= 70; len++) {
        unsigned char in[70];
        memset(in, 0x5A, sizeof in);
        uint64_t before = cg_hash64(1, in, len);
        for (size_t bit = 0; bit < len * 8; bit++) {
            in[bit / 8] ^= (unsigned char)(1 << bit % 8);
            int turned = __builtin_popcountll(before ^ cg_hash64(1, in, len));
            wrong += turned < 10 || turned > 54;
            in[bit / 8] ^= (unsigned char)(1 << bit % 8);
        }
        int turned = __builtin_popcountll(before ^ cg_hash64(3, in, len));
        wrong += turned < 10 || turned > 54;
    }
    CU_ASSERT_EQUAL(wrong, 0);
}

static void hash_fills_a_table_evenly(void)
{
    enum { SLOTS = 4096, KEYS = 16 * SLOTS };
    static int count[SLOTS];
    memset(count, 0, sizeof count);
    for (int i = 0; i < KEYS; i++) {
        char key[4] = {(char)i, (char)(i >> 8), (char)(i >> 16), 0};
        count[cg_hash64(7, key, sizeof key) % SLOTS]++;
    }
    double chi = 0;
    for (int i = 0; i < SLOTS; i++) {
        chi += (count[i] - 16.0) * (count[i] - 16.0) / 16.0;
    }
    /* Mean 4095, standard deviation 90. */
    CU_ASSERT_TRUE(chi > 3600 && chi < 4600);
}

static void hash_depends_on_length_and_on_zeros(void)
{
    unsigned char zeros[64] = {0};
    for (size_t a = 0; a < sizeof zeros; a++) {
        for (size_t b = a + 1; b <= sizeof zeros; b++) {
            CU_ASSERT_NOT_EQUAL(cg_hash64(0, zeros, a), cg_hash64(0, zeros, b));
        }
    }
}

static void secrets_are_compared_whole(void)
{
    CU_ASSERT_TRUE(cg_is_equal_secret("abcdef", "abcdef", 6));
    CU_ASSERT_FALSE(cg_is_equal_secret("abcdef", "abcdeg", 6));
    CU_ASSERT_FALSE(cg_is_equal_secret("abcdef", "bbcdef", 6));
    CU_ASSERT_TRUE(cg_is_equal_secret(NULL, NULL, 0));
}

static void random_bytes_differ_and_wiped_bytes_are_zero(void)
{
    unsigned char a[32] = {0};
    unsigned char b[32] = {0};
    unsigned char zero[32] = {0};
    cg_random(a, sizeof a);
    cg_random(b, sizeof b);
    CU_ASSERT_NOT_EQUAL(memcmp(a, b, sizeof a), 0);
    cg_wipe(a, sizeof a);
    cg_wipe(NULL, 0);
    CU_ASSERT_EQUAL(memcmp(a, zero, sizeof a), 0);
}

static void random_ids_differ_across_reserves_and_after_a_fork(void)
{
    enum { IDS = 200, LEN = 8 }; /* more than one reserve holds */
    unsigned char ids[IDS][LEN];
    unsigned char child_id[LEN] = {0};
    int ends[2];
    int equal = 0;
    for (int i = 0; i < IDS; i++) {
        cg_random_id(ids[i], LEN);
        for (int k = 0; k < i; k++) {
            equal += memcmp(ids[i], ids[k], LEN) == 0;
        }
    }
    CU_ASSERT_EQUAL(equal, 0);
    CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        cg_random_id(child_id, LEN);
        _exit(write(ends[1], child_id, LEN) == LEN ? 0 : 1);
    }
    CU_ASSERT_EQUAL(read(ends[0], child_id, LEN), LEN);
    waitpid(child, NULL, 0);
    cg_random_id(ids[0], LEN);
    CU_ASSERT_NOT_EQUAL(memcmp(ids[0], child_id, LEN), 0);
    close(ends[0]);
    close(ends[1]);
}

/* "abc" of FIPS 180-4, whole and byte by byte. */
static void a_digest_in_pieces_is_that_of_the_whole(void)
{
    static const char *const expected[] = {
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
        "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"};
    apr_pool_t *pool;
    apr_pool_create(&pool, NULL);
    for (int is_long = 0; is_long < 2; is_long++) {
        unsigned char got[CG_SHA512_BYTES];
        char hex[2 * sizeof got + 1];
        cg_digester_t *digester = cg_digester_open(is_long, pool);
        cg_digester_feed(digester, "a", 1);
        cg_digester_feed(digester, "", 0);
        cg_digester_feed(digester, "bc", 2);
        size_t len = cg_digester_close(digester, got);
        CU_ASSERT_EQUAL(len, is_long ? CG_SHA512_BYTES : CG_SHA256_BYTES);
        cg_hex_encode(got, len, hex);
        CU_ASSERT_STRING_EQUAL(hex, expected[is_long]);
        cg_digester_open(is_long, pool); /* left open: freed with its pool */
    }
    apr_pool_destroy(pool);
}

CU_TestInfo test_base_digest[] = {
    {"a_digest_in_pieces_is_that_of_the_whole",
     a_digest_in_pieces_is_that_of_the_whole},
    {"sha256_gives_the_standards_examples",
     sha256_gives_the_standards_examples},
    {"hmac_gives_the_vectors_of_the_rfc", hmac_gives_the_vectors_of_the_rfc},
    {"siphash_gives_the_vectors_of_its_authors",
     siphash_gives_the_vectors_of_its_authors},
    {"crc32_gives_the_check_value_in_one_or_many_pieces",
     crc32_gives_the_check_value_in_one_or_many_pieces},
    {"hash_spreads_every_bit", hash_spreads_every_bit},
    {"hash_fills_a_table_evenly", hash_fills_a_table_evenly},
    {"hash_depends_on_length_and_on_zeros",
     hash_depends_on_length_and_on_zeros},
    {"secrets_are_compared_whole", secrets_are_compared_whole},
    {"random_bytes_differ_and_wiped_bytes_are_zero",
     random_bytes_differ_and_wiped_bytes_are_zero},
    {"random_ids_differ_across_reserves_and_after_a_fork",
     random_ids_differ_across_reserves_and_after_a_fork},
    CU_TEST_INFO_NULL,
};
