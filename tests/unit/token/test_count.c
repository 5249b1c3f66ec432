/* Counting: the tokens are those of OpenAI's tiktoken.
 * SPDX-License-Identifier: Apache-2.0
 *
 * tests/data/token/texts.jsonl was made with npm tiktoken 1.0.22 (encode_ordinary)
 * of texts that are hard to cut; the public corpora are used where they are.
 */
#include "token/count.h"

#include "base/digest.h"
#include "token/merge.h"
#include "token/stream.h"

#include "token_fixture.h"

static const cg_vocabulary_t *vocabulary; /* of the case under way */
static int faults;
static int compared;

/* ---- one text --------------------------------------------------------- */

static bool is_digest(const uint32_t *ids, size_t count, cg_str_t expected,
                      apr_pool_t *pool)
{
    cg_buf_t list;
    unsigned char digest[CG_SHA256_BYTES];
    char hex[2 * CG_SHA256_BYTES + 1];
    cg_buf_init(&list, count * 7, pool);
    for (size_t i = 0; i < count; i++) {
        cg_buf_str(&list, i > 0 ? "," : "");
        cg_buf_int(&list, (int64_t)ids[i]);
    }
    cg_sha256(list.ptr ? list.ptr : "", list.len, digest);
    cg_hex_encode(digest, sizeof digest, hex);
    return cg_str_is(expected, hex);
}

/* In pieces of 1 to 40 bytes, which may cut characters. */
static int64_t count_in_pieces(cg_str_t text, uint64_t *state, apr_pool_t *pool)
{
    cg_token_stream_t stream;
    cg_token_stream_init(&stream, vocabulary, pool);
    for (size_t at = 0; at < text.len;) {
        size_t piece = 1 + draw(state, 40);
        piece = piece < text.len - at ? piece : text.len - at;
        cg_token_stream_feed(&stream, (cg_str_t){text.ptr + at, piece});
        at += piece;
    }
    return cg_token_stream_count(&stream);
}

static void check_text(const cg_walk_t *row, cg_str_t text, int64_t count,
                       cg_str_t digest, apr_pool_t *pool)
{
    static uint64_t state = 1;
    uint32_t *ids = apr_palloc(pool, (text.len + 1) * sizeof *ids);
    size_t found = cg_token_encode(vocabulary, text, ids);
    bool is_right = (int64_t)found == count &&
                    is_digest(ids, found, digest, pool) &&
                    cg_token_count(vocabulary, text) == count &&
                    count_in_pieces(text, &state, pool) == count;
    compared++;
    if (!is_right) {
        cg_str_t id = cg_walk_raw(row, cg_walk_member(row, 0, "id"));
        printf("\n    %.*s: %zu tokens, not %lld\n", (int)id.len, id.ptr, found,
               (long long)count);
        faults++;
    }
}

static cg_str_t string_in(const cg_walk_t *row, uint32_t object,
                          const char *name, apr_pool_t *pool)
{
    uint32_t node = cg_walk_member(row, object, name);
    return node == CG_NODE_NONE ? (cg_str_t){NULL, 0}
                                : cg_walk_string(row, node, pool);
}

static cg_str_t from_base64(cg_str_t in, apr_pool_t *pool)
{
    unsigned char *out = apr_palloc(pool, in.len + 1);
    char *url = apr_pstrmemdup(pool, in.ptr, in.len);
    size_t len = in.len;
    for (size_t i = 0; i < in.len; i++) {
        url[i] = url[i] == '+' ? '-' : url[i] == '/' ? '_' : url[i];
    }
    while (len > 0 && url[len - 1] == '=') {
        len--;
    }
    size_t count = 0;
    CU_ASSERT_TRUE(cg_b64url_decode(url, len, out, &count));
    return (cg_str_t){(const char *)out, count};
}

static cg_str_t repeated(const cg_walk_t *row, uint32_t node, apr_pool_t *pool)
{
    cg_str_t unit = string_in(row, node, "unit", pool);
    int64_t times = 0;
    cg_buf_t out;
    cg_walk_int(row, cg_walk_member(row, node, "times"), &times);
    cg_buf_init(&out, unit.len * (size_t)times, pool);
    for (int64_t i = 0; i < times; i++) {
        cg_buf_add(&out, unit.ptr, unit.len);
    }
    return (cg_str_t){out.ptr, out.len};
}

static void on_row(const cg_walk_t *row, apr_pool_t *pool)
{
    int64_t count = -1;
    uint32_t repeat = cg_walk_member(row, 0, "repeat");
    cg_str_t text = string_in(row, 0, "text", pool);
    cg_str_t raw = string_in(row, 0, "bytes_b64", pool);
    cg_str_t utf8 = string_in(row, 0, "utf8_b64", pool);
    cg_walk_int(row, cg_walk_member(row, 0, "count"), &count);
    if (repeat != CG_NODE_NONE) {
        text = repeated(row, repeat, pool);
    }
    else if (raw.ptr || utf8.ptr) {
        text = cg_token_repair(from_base64(raw.ptr ? raw : utf8, pool), pool);
    }
    check_text(row, text, count, string_in(row, 0, "ids_sha256", pool), pool);
}

/* ---- files of texts --------------------------------------------------- */

static cg_encoding_t wanted;

static void on_own_row(const cg_walk_t *row, apr_pool_t *pool)
{
    cg_str_t name = string_in(row, 0, "encoding", pool);
    if (cg_encoding_find(name) == wanted) {
        on_row(row, pool);
    }
}

static int run_file(FILE *file, cg_encoding_t encoding, on_case_t *on_case)
{
    apr_pool_t *pool = open_pool();
    vocabulary = open_vocabulary(encoding, pool);
    wanted = encoding;
    faults = compared = 0;
    each_row(file, on_case);
    fclose(file);
    apr_pool_destroy(pool);
    CU_ASSERT_EQUAL(faults, 0);
    return compared;
}

static void run_own(cg_encoding_t encoding)
{
    apr_pool_t *pool = open_pool();
    FILE *file = fopen(data_path("token/texts.jsonl", pool), "r");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    CU_ASSERT_TRUE(run_file(file, encoding, on_own_row) >= 100);
    apr_pool_destroy(pool);
}

static void hard_texts_have_the_tokens_of_tiktoken_in_cl100k(void)
{
    run_own(CG_ENCODING_CL100K);
}

static void hard_texts_have_the_tokens_of_tiktoken_in_o200k(void)
{
    run_own(CG_ENCODING_O200K);
}

/* Some rows hold what the walker refuses, a NUL or half a pair. */
static void run_corpus(const char *name, cg_encoding_t encoding)
{
    const char *folder = getenv("CG_CORPORA");
    char path[1000];
    snprintf(path, sizeof path, "%s/%s", folder ? folder : "", name);
    FILE *file = folder ? fopen(path, "r") : NULL;
    if (!file) {
        printf(" (left out: CG_CORPORA names no corpus) ");
        return;
    }
    CU_ASSERT_TRUE(run_file(file, encoding, on_row) >= 300);
}

static void the_corpus_is_counted_as_tiktoken_does_in_cl100k(void)
{
    run_corpus("tokens/cl100k.jsonl", CG_ENCODING_CL100K);
}

static void the_corpus_is_counted_as_tiktoken_does_in_o200k(void)
{
    run_corpus("tokens/o200k.jsonl", CG_ENCODING_O200K);
}

/* ---- single cases ----------------------------------------------------- */

typedef struct single_t {
    cg_str_t bytes;
    int64_t cl100k;
    int64_t o200k;
} single_t;

#define BYTES(literal) {(literal), sizeof(literal) - 1}

static void what_json_cannot_say_is_counted_too(void)
{
    static const single_t cases[] = {
        {BYTES(""), 0, 0},
        {BYTES("\0"), 1, 1},
        {BYTES("a\0b"), 3, 3},
        {BYTES("\0\0\0\0"), 4, 2},
        {BYTES("<|endoftext|>"), 7, 7},
    };
    apr_pool_t *pool = open_pool();
    const cg_vocabulary_t *old = open_vocabulary(CG_ENCODING_CL100K, pool);
    const cg_vocabulary_t *new = open_vocabulary(CG_ENCODING_O200K, pool);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CU_ASSERT_EQUAL(cg_token_count(old, cases[i].bytes), cases[i].cl100k);
        CU_ASSERT_EQUAL(cg_token_count(new, cases[i].bytes), cases[i].o200k);
    }
    apr_pool_destroy(pool);
}

static void bytes_that_are_no_utf8_are_read_as_replacements(void)
{
    static const struct {
        cg_str_t bytes;
        const char *expected;
    } cases[] = {
        {BYTES("plain"), "plain"},
        {BYTES("\xFF"), "\xEF\xBF\xBD"},
        {BYTES("\xE2\x82" "A"), "\xEF\xBF\xBD" "A"},
        {BYTES("\xC0\xAF"), "\xEF\xBF\xBD\xEF\xBF\xBD"},
        {BYTES("\xED\xA0\x80"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
        {BYTES("\xF0\x9F\x98"), "\xEF\xBF\xBD"},
        {BYTES("\xF4\x90\x80\x80"),
         "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
        {BYTES("\xE4\xBD\xA0\x80"), "\xE4\xBD\xA0\xEF\xBF\xBD"},
    };
    apr_pool_t *pool = open_pool();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CU_ASSERT_TRUE(cg_str_is(cg_token_repair(cases[i].bytes, pool),
                                 cases[i].expected));
    }
    apr_pool_destroy(pool);
}

static void counting_stops_behind_the_limit(void)
{
    apr_pool_t *pool = open_pool();
    const cg_vocabulary_t *with = open_vocabulary(CG_ENCODING_O200K, pool);
    cg_str_t text = CG_STR("one two three four five");
    CU_ASSERT_EQUAL(cg_token_count_until(with, text, 5), 5);
    CU_ASSERT_EQUAL(cg_token_count_until(with, text, 4), 5);
    CU_ASSERT_EQUAL(cg_token_count_until(with, text, 1), 2);
    CU_ASSERT_EQUAL(cg_token_count_until(with, text, 0), 1);
    CU_ASSERT_EQUAL(cg_token_count_until(with, CG_STR(""), 0), 0);
    CU_ASSERT_EQUAL(cg_token_bound(text), 23);
    apr_pool_destroy(pool);
}

/* ---- both ways of merging --------------------------------------------- */

static void check_both(const char *piece, size_t len, uint32_t *ids)
{
    size_t fast = cg_token_merge(vocabulary, piece, len, ids);
    size_t slow = cg_token_merge_slowly(vocabulary, piece, len, ids + len);
    bool is_same = fast == slow &&
                   memcmp(ids, ids + len, fast * sizeof *ids) == 0 &&
                   cg_token_merge(vocabulary, piece, len, NULL) == fast &&
                   cg_token_merge_slowly(vocabulary, piece, len, NULL) == fast;
    CU_ASSERT_TRUE(is_same);
}

/* Pieces of few different bytes are the ones in which much is taken back. */
static void both_ways_of_merging_agree(void)
{
    apr_pool_t *pool = open_pool();
    uint64_t state = 7;
    char piece[600];
    uint32_t ids[2 * sizeof piece];
    for (int v = 0; v < CG_ENCODING_COUNT; v++) {
        vocabulary = open_vocabulary((cg_encoding_t)v, pool);
        for (int i = 0; i < 300; i++) {
            static const char letters[] = "abeinrst -=*_/.\n0\xE4\xB8\xAD";
            size_t len = 1 + draw(&state, i % 10 == 0 ? sizeof piece : 40);
            uint32_t first = draw(&state, sizeof letters - 1);
            uint32_t kinds = 1 + draw(&state, 5);
            for (size_t at = 0; at < len; at++) {
                uint32_t which = first + draw(&state, kinds);
                piece[at] = letters[which % (sizeof letters - 1)];
            }
            check_both(piece, len, ids);
        }
    }
    apr_pool_destroy(pool);
}

static void a_run_of_one_byte_is_counted_alike_in_both_ways(void)
{
    apr_pool_t *pool = open_pool();
    size_t len = 20000;
    char *piece = apr_palloc(pool, len);
    uint32_t *ids = apr_palloc(pool, 2 * len * sizeof *ids);
    for (int v = 0; v < CG_ENCODING_COUNT; v++) {
        vocabulary = open_vocabulary((cg_encoding_t)v, pool);
        for (const char *c = "a -=\n"; *c; c++) {
            memset(piece, *c, len);
            check_both(piece, len, ids);
        }
    }
    apr_pool_destroy(pool);
}

CU_TestInfo test_token_count[] = {
    {"hard_texts_have_the_tokens_of_tiktoken_in_cl100k",
     hard_texts_have_the_tokens_of_tiktoken_in_cl100k},
    {"hard_texts_have_the_tokens_of_tiktoken_in_o200k",
     hard_texts_have_the_tokens_of_tiktoken_in_o200k},
    {"the_corpus_is_counted_as_tiktoken_does_in_cl100k",
     the_corpus_is_counted_as_tiktoken_does_in_cl100k},
    {"the_corpus_is_counted_as_tiktoken_does_in_o200k",
     the_corpus_is_counted_as_tiktoken_does_in_o200k},
    {"what_json_cannot_say_is_counted_too",
     what_json_cannot_say_is_counted_too},
    {"bytes_that_are_no_utf8_are_read_as_replacements",
     bytes_that_are_no_utf8_are_read_as_replacements},
    {"counting_stops_behind_the_limit", counting_stops_behind_the_limit},
    {"both_ways_of_merging_agree", both_ways_of_merging_agree},
    {"a_run_of_one_byte_is_counted_alike_in_both_ways",
     a_run_of_one_byte_is_counted_alike_in_both_ways},
    CU_TEST_INFO_NULL,
};
