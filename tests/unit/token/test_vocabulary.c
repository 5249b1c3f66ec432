/* Vocabularies: what is opened, and what is not.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "token/vocabulary.h"

#include <unistd.h>

#include <apr_file_io.h>

#include "token/compile.h"
#include "token/token_int.h"

#include "token_fixture.h"

static void encodings_are_found_by_name(void)
{
    CU_ASSERT_EQUAL(cg_encoding_find(CG_STR("cl100k_base")),
                    CG_ENCODING_CL100K);
    CU_ASSERT_EQUAL(cg_encoding_find(CG_STR("o200k_base")), CG_ENCODING_O200K);
    CU_ASSERT_EQUAL(cg_encoding_find(CG_STR("o200k_harmony")),
                    CG_ENCODING_O200K);
    CU_ASSERT_EQUAL(cg_encoding_find(CG_STR("o200k")), CG_ENCODING_NONE);
    CU_ASSERT_EQUAL(cg_encoding_find(CG_STR("")), CG_ENCODING_NONE);
}

static void what_the_build_has_made_is_sound(void)
{
    apr_pool_t *pool = open_pool();
    for (int i = 0; i < CG_ENCODING_COUNT; i++) {
        const cg_vocabulary_t *vocabulary =
            open_vocabulary((cg_encoding_t)i, pool);
        CU_ASSERT_TRUE(cg_vocabulary_is_sound(vocabulary));
        CU_ASSERT_EQUAL(cg_vocabulary_encoding(vocabulary), i);
    }
    apr_pool_destroy(pool);
}

static void a_missing_vocabulary_is_named(void)
{
    apr_pool_t *pool = open_pool();
    const cg_vocabulary_t *vocabulary = NULL;
    cg_error_t err = {""};
    CU_ASSERT_NOT_EQUAL(cg_vocabulary_open("/nowhere", CG_ENCODING_O200K,
                                           &vocabulary, &err, pool),
                        APR_SUCCESS);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "/nowhere/o200k_base.tokens"));
    apr_pool_destroy(pool);
}

/* A copy of a vocabulary, changed at a place or cut. */
typedef struct copy_t {
    const char *folder;
    const char *path;
    char *bytes;
    size_t len;
} copy_t;

static copy_t copy_of(cg_encoding_t encoding, apr_pool_t *pool)
{
    const char *name = cg_encodings[encoding].name;
    const char *from = apr_pstrcat(pool, getenv("CG_TOKENS"), "/", name,
                                   ".tokens", NULL);
    char *folder = apr_pstrdup(pool, "/tmp/cg-tokens-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    FILE *file = fopen(from, "rb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    copy_t copy = {.folder = folder};
    copy.bytes = apr_palloc(pool, 20 << 20);
    copy.len = fread(copy.bytes, 1, 20 << 20, file);
    copy.path = apr_pstrcat(pool, folder, "/", name, ".tokens", NULL);
    fclose(file);
    return copy;
}

static void put_copy(const copy_t *copy, size_t len)
{
    FILE *file = fopen(copy->path, "wb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    CU_ASSERT_EQUAL(fwrite(copy->bytes, 1, len, file), len);
    fclose(file);
}

static void remove_copy(const copy_t *copy)
{
    unlink(copy->path);
    rmdir(copy->folder);
}

static bool opens(const copy_t *copy, const char **out_words, apr_pool_t *pool)
{
    const cg_vocabulary_t *vocabulary;
    cg_error_t err = {""};
    apr_status_t rv = cg_vocabulary_open(copy->folder, CG_ENCODING_CL100K,
                                         &vocabulary, &err, pool);
    *out_words = apr_pstrdup(pool, err.text);
    return rv == APR_SUCCESS;
}

static void a_vocabulary_that_was_cut_is_refused(void)
{
    apr_pool_t *pool = open_pool();
    const char *words;
    copy_t copy = copy_of(CG_ENCODING_CL100K, pool);
    size_t lengths[] = {0, 100, sizeof(cg_token_header_t), copy.len - 1};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        put_copy(&copy, lengths[i]);
        CU_ASSERT_FALSE(opens(&copy, &words, pool));
        CU_ASSERT_PTR_NOT_NULL(strstr(words, copy.path));
    }
    put_copy(&copy, copy.len);
    CU_ASSERT_TRUE(opens(&copy, &words, pool));
    remove_copy(&copy);
    apr_pool_destroy(pool);
}

static void other_ranks_than_the_published_are_refused(void)
{
    apr_pool_t *pool = open_pool();
    const char *words;
    copy_t copy = copy_of(CG_ENCODING_CL100K, pool);
    copy.bytes[offsetof(cg_token_header_t, source)] ^= 1;
    put_copy(&copy, copy.len);
    CU_ASSERT_FALSE(opens(&copy, &words, pool));
    CU_ASSERT_PTR_NOT_NULL(strstr(words, "OpenAI publishes"));
    remove_copy(&copy);
    apr_pool_destroy(pool);
}

static void a_section_that_leads_out_of_the_file_is_refused(void)
{
    apr_pool_t *pool = open_pool();
    const char *words;
    copy_t copy = copy_of(CG_ENCODING_CL100K, pool);
    cg_token_header_t *header = (cg_token_header_t *)(void *)copy.bytes;
    header->sections[CG_SECTION_NODES].count += 1u << 24;
    put_copy(&copy, copy.len);
    CU_ASSERT_FALSE(opens(&copy, &words, pool));
    header->sections[CG_SECTION_NODES].count -= 1u << 24;
    header->sections[CG_SECTION_PAIRS].offset = UINT64_MAX - 63;
    put_copy(&copy, copy.len);
    CU_ASSERT_FALSE(opens(&copy, &words, pool));
    remove_copy(&copy);
    apr_pool_destroy(pool);
}

static void a_changed_byte_is_found(void)
{
    apr_pool_t *pool = open_pool();
    const cg_vocabulary_t *vocabulary = NULL;
    cg_error_t err = {""};
    copy_t copy = copy_of(CG_ENCODING_CL100K, pool);
    copy.bytes[copy.len / 2] ^= 1;
    put_copy(&copy, copy.len);
    CU_ASSERT_EQUAL_FATAL(cg_vocabulary_open(copy.folder, CG_ENCODING_CL100K,
                                             &vocabulary, &err, pool),
                          APR_SUCCESS);
    CU_ASSERT_FALSE(cg_vocabulary_is_sound(vocabulary));
    remove_copy(&copy);
    apr_pool_destroy(pool);
}

static void nothing_is_made_of_ranks_that_are_not_the_published(void)
{
    static const char *const documents[] = {
        "{}", "[]", "not JSON", "{\"bpe_ranks\":\"\"}",
        "{\"bpe_ranks\":\"! 0 IQ== Ig==\"}",
        "{\"bpe_ranks\":\"! 1 IQ== Ig==\"}", "{\"bpe_ranks\":\"! 0 *\"}",
        "{\"bpe_ranks\":7}"};
    apr_pool_t *pool = open_pool();
    for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++) {
        cg_buf_t out;
        cg_error_t err = {""};
        cg_buf_init(&out, 0, pool);
        CU_ASSERT_NOT_EQUAL(cg_vocabulary_compile(CG_ENCODING_CL100K,
                                                  cg_str(documents[i]), &out,
                                                  &err, pool),
                            APR_SUCCESS);
        CU_ASSERT_TRUE(err.text[0] != '\0' && out.len == 0);
    }
    apr_pool_destroy(pool);
}

CU_TestInfo test_token_vocabulary[] = {
    {"encodings_are_found_by_name", encodings_are_found_by_name},
    {"what_the_build_has_made_is_sound", what_the_build_has_made_is_sound},
    {"a_missing_vocabulary_is_named", a_missing_vocabulary_is_named},
    {"a_vocabulary_that_was_cut_is_refused",
     a_vocabulary_that_was_cut_is_refused},
    {"other_ranks_than_the_published_are_refused",
     other_ranks_than_the_published_are_refused},
    {"a_section_that_leads_out_of_the_file_is_refused",
     a_section_that_leads_out_of_the_file_is_refused},
    {"a_changed_byte_is_found", a_changed_byte_is_found},
    {"nothing_is_made_of_ranks_that_are_not_the_published",
     nothing_is_made_of_ranks_that_are_not_the_published},
    CU_TEST_INFO_NULL,
};
