/* Word lists: a hundred thousand words, chosen lists, strictness, files.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "redact/words.h"

#include "redact/cases.h"
#include "redact/stream.h"

enum { MANY = 100000 };

/* Word number i: Latin, Chinese, or of both; no two are the same. */
static const char *word_of(int i, apr_pool_t *pool)
{
    static const char *const heads[] = {"Projekt ", "内部", "acme-", "计划"};
    char number[16];
    apr_snprintf(number, sizeof number, "%d", i);
    return apr_pstrcat(pool, heads[i % 4], number, i % 3 ? "号" : "x", NULL);
}

static const cg_rules_t *make_many(bool is_caseless, bool is_whole,
                                   apr_pool_t *pool)
{
    cg_str_t *words = apr_palloc(pool, MANY * sizeof *words);
    for (int i = 0; i < MANY; i++) {
        words[i] = cg_str(word_of(i, pool));
    }
    const cg_word_list_t list = {.name = "many",
                                 .words = words,
                                 .count = MANY,
                                 .is_caseless = is_caseless,
                                 .is_whole_word = is_whole};
    const cg_rules_spec_t spec = {.lists = &list, .list_count = 1};
    cg_rules_t *rules = NULL;
    CU_ASSERT_EQUAL_FATAL(cg_rules_create(&spec, &rules, NULL, pool),
                          APR_SUCCESS);
    return rules;
}

static const char *mask_by(const cg_rules_t *rules, const char *text,
                           apr_pool_t *pool)
{
    cg_actions_t actions;
    cg_actions_default(&actions);
    return cg_str_dup(
        masked(rules, &actions, cg_str(text), CG_SCAN_PLAIN, pool), pool);
}

static void a_hundred_thousand_words_are_each_found(void)
{
    apr_pool_t *pool = open_pool();
    apr_pool_t *aside = open_pool();
    const cg_rules_t *rules = make_many(true, true, pool);
    for (int i = 0; i < MANY; i += 37) {
        const char *text =
            apr_pstrcat(aside, "(", word_of(i, aside), ") 与", NULL);
        CU_ASSERT_STRING_EQUAL(mask_by(rules, text, aside), "([KEYWORD]) 与");
        apr_pool_clear(aside);
    }
    CU_ASSERT_STRING_EQUAL(mask_by(rules, "PROJEKT 12X, acme-2号码", aside),
                           "[KEYWORD], [KEYWORD]码");
    CU_ASSERT_STRING_EQUAL(mask_by(rules, "Projekt 12y acme-123456789x", aside),
                           "Projekt 12y acme-123456789x");
    apr_pool_destroy(aside);
    apr_pool_destroy(pool);
}

static void exact_words_of_a_hundred_thousand_keep_their_case(void)
{
    apr_pool_t *pool = open_pool();
    const cg_rules_t *rules = make_many(false, false, pool);
    CU_ASSERT_STRING_EQUAL(
        mask_by(rules, "Projekt 4号 projekt 4号 xacme-2号x", pool),
        "[KEYWORD] projekt 4号 x[KEYWORD]x");
    apr_pool_destroy(pool);
}

static void only_chosen_lists_count(void)
{
    apr_pool_t *pool = open_pool();
    const cg_str_t first[] = {CG_STR("falcon"), CG_STR("shared")};
    const cg_str_t second[] = {CG_STR("project falcon"), CG_STR("shared")};
    const cg_str_t third[] = {CG_STR("everywhere")};
    const cg_word_list_t lists[] = {
        {"first", first, 2, true, true, 1, 1 + CG_ACTION_LOG},
        {"second", second, 2, true, true, 2, 1 + CG_ACTION_BLOCK},
        {"third", third, 1, true, true, 0, 0}};
    const cg_pack_t packs[] = {{.name = "a", .title = "a", .path = "a"},
                               {.name = "b", .title = "b", .path = "b"}};
    const cg_rules_spec_t spec = {
        .lists = lists, .list_count = 3, .packs = packs, .pack_count = 2};
    cg_rules_t *all = NULL;
    CU_ASSERT_EQUAL_FATAL(cg_rules_create(&spec, &all, NULL, pool),
                          APR_SUCCESS);
    static const struct {
        uint64_t packs;
        const char *want; /* names of the lists that find, in order */
    } chosen[] = {{1, "first first third "},
                  {2, "second second third "},
                  {3, "second second third "}, /* the stricter, the longer */
                  {0, "third "}};
    const cg_str_t text = CG_STR("project falcon, shared, everywhere");
    for (size_t i = 0; i < sizeof chosen / sizeof chosen[0]; i++) {
        const cg_rules_t *rules = cg_rules_select(all, chosen[i].packs, pool);
        cg_findings_t findings;
        const char *names = "";
        cg_findings_init(&findings, pool);
        cg_redact_scan(rules, text, CG_SCAN_PLAIN, &findings);
        for (size_t k = 0; k < findings.count; k++) {
            names = apr_pstrcat(pool, names,
                                cg_rules_name(rules, findings.items[k].type,
                                              findings.items[k].rule),
                                " ", NULL);
        }
        CU_ASSERT_STRING_EQUAL(names, chosen[i].want);
    }
    apr_pool_destroy(pool);
}

static void words_that_cannot_be_looked_for_are_refused_with_their_line(void)
{
    static const struct {
        const char *text;
        const char *where;
    } files[] = {{"ok\n# x\n\nq\n", ":4: "},
                 {"falcon\nbad\xFF\n", ":2: "},
                 {"\xEF\xBB\xBF"
                  "ok\nＡ\n",
                  ":2: "}};
    apr_pool_t *pool = open_pool();
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        cg_str_t *words;
        size_t count;
        cg_error_t err = {{0}};
        char *path = apr_pstrdup(pool, "/tmp/cg-words-XXXXXX");
        FILE *file = fdopen(mkstemp(path), "wb");
        CU_ASSERT_PTR_NOT_NULL_FATAL(file);
        fputs(files[i].text, file);
        fclose(file);
        CU_ASSERT_NOT_EQUAL(cg_words_read(path, &words, &count, &err, pool),
                            APR_SUCCESS);
        CU_ASSERT_PTR_NOT_NULL(
            strstr(err.text, apr_pstrcat(pool, path, files[i].where, NULL)));
        remove(path);
    }
    apr_pool_destroy(pool);
}

static void a_stream_of_words_is_the_same_however_it_is_cut(void)
{
    apr_pool_t *pool = open_pool();
    const cg_rules_t *rules = make_many(true, true, pool);
    const char *text = "看 Projekt  12x、內部 5 号和内部5号。ACME-2号 acme-2 "
                       "计划7号码，Projekt\n4号 projekt 12";
    const char *whole = mask_by(rules, text, pool);
    CU_ASSERT_PTR_NOT_NULL(strstr(whole, "[KEYWORD]、"));
    for (size_t piece = 1; piece < 40; piece++) {
        cg_actions_t actions;
        cg_buf_t out;
        cg_actions_default(&actions);
        cg_stream_t *stream = cg_stream_open(rules, &actions, NULL, pool);
        cg_buf_init(&out, 200, pool);
        for (size_t at = 0, len = strlen(text); at < len; at += piece) {
            size_t n = len - at < piece ? len - at : piece;
            cg_stream_feed(stream, (cg_str_t){text + at, n}, &out);
        }
        cg_stream_finish(stream, &out);
        CU_ASSERT_STRING_EQUAL(cg_buf_cstr(&out), whole);
    }
    apr_pool_destroy(pool);
}

CU_TestInfo test_redact_words[] = {
    {"a_hundred_thousand_words_are_each_found",
     a_hundred_thousand_words_are_each_found},
    {"exact_words_of_a_hundred_thousand_keep_their_case",
     exact_words_of_a_hundred_thousand_keep_their_case},
    {"only_chosen_lists_count", only_chosen_lists_count},
    {"words_that_cannot_be_looked_for_are_refused_with_their_line",
     words_that_cannot_be_looked_for_are_refused_with_their_line},
    {"a_stream_of_words_is_the_same_however_it_is_cut",
     a_stream_of_words_is_the_same_however_it_is_cut},
    CU_TEST_INFO_NULL,
};
