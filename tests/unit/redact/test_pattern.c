/* Regexes of administrators: what is compiled, refused, found, cut and held.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "redact/pattern.h"

#include <time.h>

#include "redact/cases.h"
#include "redact/stream.h"

static const cg_rules_t *make(const char *regex, bool is_caseless,
                              apr_pool_t *pool)
{
    const cg_regex_t one = {
        .name = "x", .regex = regex, .is_caseless = is_caseless};
    const cg_rules_spec_t spec = {.regexes = &one, .regex_count = 1};
    cg_rules_t *rules = NULL;
    cg_error_t err = {{0}};
    if (cg_rules_create(&spec, &rules, &err, pool) != APR_SUCCESS) {
        fprintf(stderr, "%s\n", err.text);
        CU_FAIL_FATAL("a regex that should compile");
    }
    return rules;
}

static cg_str_t mask_whole(const cg_rules_t *rules, const char *text,
                           apr_pool_t *pool)
{
    cg_actions_t actions;
    cg_actions_default(&actions);
    return masked(rules, &actions, cg_str(text), CG_SCAN_PLAIN, pool);
}

/* Regex, caseless, text, what is left of it. */
static const struct {
    const char *regex;
    bool is_caseless;
    const char *text;
    const char *want;
} found[] = {
    {"CASE-\\d+", false, "see CASE-12345.", "see [CUSTOM:x]."},
    {"机密?文件", false, "机文件 机密文件 机密密文件",
     "[CUSTOM:x] [CUSTOM:x] 机密密文件"},
    {"[甲乙]A\\d{3}", false, "见甲A123，丙A123", "见[CUSTOM:x]，丙A123"},
    {"合同.{2,4}号", false, "合同第三号 合同一号 合同一二三四五号",
     "[CUSTOM:x] 合同一号 合同一二三四五号"},
    {"[^，。]{3}公司", false, "是，大华公司。甲乙丙公司",
     "是，大华公司。[CUSTOM:x]"},
    {"\\p{Han}{2}路\\d+号", false, "在南京路88号门口", "在[CUSTOM:x]门口"},
    {"(?i)projekt-\\w+", false, "PROJEKT-Adler", "[CUSTOM:x]"},
    {"straße \\d", true, "STRASSE 1 Straße 2", "STRASSE 1 [CUSTOM:x]"},
    {"\\bEMP\\d{3}\\b", false, "EMP123 XEMP123 EMP1234 员EMP123工",
     "[CUSTOM:x] XEMP123 EMP1234 员[CUSTOM:x]工"},
    {"^ab$", false, "ab", "[CUSTOM:x]"},
    {"^ab$", false, "ab c", "ab c"},
    {"id[:=]\\s*[a-f0-9]{8}", false, "ID=1 id: 0a1b2c3d", "ID=1 [CUSTOM:x]"},
    {"wiki/[^\\s\"]{1,60}", false, "see wiki/页面/数据 and wiki/a?b=c\"",
     "see [CUSTOM:x] and [CUSTOM:x]\""},
    {"x.{0,40}y.{0,40}z", false, "ax中文y中文z, x1y1z", "a[CUSTOM:x]"},
    {"ACME-\\d{4}", false, "ＡＣＭＥ－１２３４", "[CUSTOM:x]"},
};

static void matches_are_characters_not_bytes(void)
{
    apr_pool_t *pool = open_pool();
    for (size_t i = 0; i < sizeof found / sizeof found[0]; i++) {
        const cg_rules_t *rules =
            make(found[i].regex, found[i].is_caseless, pool);
        cg_str_t got = mask_whole(rules, found[i].text, pool);
        if (!cg_str_is(got, found[i].want)) {
            fprintf(stderr, "%s: %.*s\n", found[i].regex, (int)got.len,
                    got.ptr);
            CU_FAIL("a match that should be found");
        }
    }
    apr_pool_destroy(pool);
}

static cg_str_t mask_cut(const cg_rules_t *rules, cg_str_t text, size_t piece,
                         apr_pool_t *pool)
{
    cg_actions_t actions;
    cg_buf_t out;
    cg_actions_default(&actions);
    cg_stream_t *stream = cg_stream_open(rules, &actions, NULL, pool);
    cg_buf_init(&out, text.len + 16, pool);
    for (size_t at = 0; at < text.len; at += piece) {
        size_t len = text.len - at < piece ? text.len - at : piece;
        cg_stream_feed(stream, (cg_str_t){text.ptr + at, len}, &out);
    }
    cg_stream_finish(stream, &out);
    return (cg_str_t){out.ptr, out.len};
}

static void a_stream_finds_the_same_however_it_is_cut(void)
{
    apr_pool_t *pool = open_pool();
    apr_pool_t *aside = open_pool();
    for (size_t i = 0; i < sizeof found / sizeof found[0]; i++) {
        const cg_rules_t *rules =
            make(found[i].regex, found[i].is_caseless, pool);
        cg_str_t text = cg_str(
            apr_pstrcat(pool, found[i].text, "\nund ", found[i].text, NULL));
        cg_str_t whole = mask_whole(rules, text.ptr, pool);
        for (size_t piece = 1; piece < 24; piece++) {
            cg_str_t got = mask_cut(rules, text, piece, aside);
            if (!cg_str_equal(got, whole)) {
                fprintf(stderr, "%s by %zu: %.*s\n", found[i].regex, piece,
                        (int)got.len, got.ptr);
                CU_FAIL("a stream that differs");
            }
            apr_pool_clear(aside);
        }
    }
    apr_pool_destroy(aside);
    apr_pool_destroy(pool);
}

static void a_match_that_is_too_long_takes_its_whole_run_with_it(void)
{
    apr_pool_t *pool = open_pool();
    const cg_rules_t *rules = make("tok_[A-Za-z0-9]+", false, pool);
    char run[501];
    memset(run, 'q', 500);
    run[500] = '\0';
    for (size_t len = 150; len <= 500; len += 7) {
        cg_str_t text =
            cg_str(apr_psprintf(pool, "a tok_%.*s, b", (int)len, run));
        CU_ASSERT_TRUE(
            cg_str_is(mask_whole(rules, text.ptr, pool), "a [CUSTOM:x], b"));
        CU_ASSERT_TRUE(
            cg_str_is(mask_cut(rules, text, 5, pool), "a [CUSTOM:x], b"));
        CU_ASSERT_TRUE(
            cg_str_is(mask_cut(rules, text, 64, pool), "a [CUSTOM:x], b"));
    }
    apr_pool_destroy(pool);
}

static void text_that_is_no_utf8_does_no_harm(void)
{
    apr_pool_t *pool = open_pool();
    const cg_rules_t *rules = make("CASE-\\d{3}|机密.", false, pool);
    CU_ASSERT_TRUE(cg_str_is(
        mask_whole(rules, "\xFF\xE6 CASE-123\xC0 \x80机密件\xE6\x9C", pool),
        "\xFF\xE6 [CUSTOM:x]\xC0 \x80[CUSTOM:x]\xE6\x9C"));
    apr_pool_destroy(pool);
}

static void a_regex_that_cannot_be_meant_is_refused_and_told_why(void)
{
    static const struct {
        const char *regex;
        const char *why;
    } refused[] = {
        {"a(b", "parenthes"},
        {"a*", "empty"},
        {"(a|b?)", "empty"},
        {"(a)\\1", ""},
        {"(?=a)b", ""},
        {"(?<!a)b", ""},
        {"(?>a)b", ""},
        {"a++b", ""},
        {".", "any text"},
        {".+", "any text"},
        {"[\\s\\S]{3}", "any text"},
        {"\\w+", "any text"},
        {"[a-z ]+", "any text"},
        {"\\p{Han}+", "any text"},
        {"[\\x{4e00}-\\x{9fa5}]", "any text"},
        {"a{200}", "192"},
        {"((a{1,100}){1,100}){1,100}", "too large"},
        {"(\\p{L}{1,30} ){1,30}", "scripts"},
        {"(*UCP)\\w\\d", "scripts"},
        {"((((((((((((((a+b)+c)+d)+e)+f)+g)+h)+i)+j)+k)+l)+m)+n)+o)+",
         "too large"},
        {"\xE6\x9C", "UTF-8"},
    };
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        cg_error_t err = {{0}};
        cg_regex_t one = {.name = "named", .regex = refused[i].regex};
        if (cg_regex_check(&one, &err) == APR_SUCCESS ||
            !strstr(err.text, "regex named: ") ||
            !strstr(err.text, refused[i].why)) {
            fprintf(stderr, "%s: %s\n", refused[i].regex, err.text);
            CU_FAIL("a regex that should be refused");
        }
    }
}

static void what_is_merely_broad_is_not_refused(void)
{
    static const char *const regexes[] = {
        "\\d+",
        "\\d{6,}",
        "[A-Z]{3}-\\d+",
        "第.{1,12}号",
        "项目.*计划",
        "(foo|bar|baz|qux){1,8}",
        "[a-z]{3}\\d",
        "\\p{Han}{2,4}公司",
        "\\b[A-Z]{2}\\d{6}[A-Z]?\\b",
        "https?://wiki\\.corp\\.example/[^\\s\"]{1,60}"};
    for (size_t i = 0; i < sizeof regexes / sizeof regexes[0]; i++) {
        cg_error_t err = {{0}};
        cg_regex_t one = {.name = "x", .regex = regexes[i]};
        if (cg_regex_check(&one, &err) != APR_SUCCESS) {
            fprintf(stderr, "%s\n", err.text);
            CU_FAIL("a regex that should compile");
        }
    }
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* Each of these keeps the compiler busy from ten seconds to for ever. */
static void a_bomb_is_refused_before_it_is_compiled(void)
{
    apr_pool_t *pool = open_pool();
    cg_buf_t nested;
    cg_buf_t choice;
    cg_buf_init(&nested, 1024, pool);
    cg_buf_init(&choice, 1024, pool);
    for (int i = 0; i < 200; i++) {
        cg_buf_char(&nested, '(');
    }
    cg_buf_char(&nested, 'a');
    for (int i = 0; i < 200; i++) {
        cg_buf_str(&nested, "+)*b");
    }
    cg_buf_char(&choice, '(');
    for (int i = 0; i < 1500; i++) {
        cg_buf_fmt(&choice, "%s%dq%d", i ? "|" : "", i * 7919 % 10007, i);
    }
    cg_buf_str(&choice, ")x?[0-9]{1,30}");
    const char *const bombs[] = {"(\\p{L}{1,30} ){1,30}",
                                 "\\w(..+|(\\d\\p{L}+).{1,12})+a(中)x",
                                 "((.{1,200}a){1,200}b){1,200}",
                                 cg_buf_cstr(&nested), cg_buf_cstr(&choice)};
    double begun = seconds();
    for (size_t i = 0; i < sizeof bombs / sizeof bombs[0]; i++) {
        cg_error_t err = {{0}};
        cg_regex_t one = {.name = "x", .regex = bombs[i]};
        CU_ASSERT_NOT_EQUAL(cg_regex_check(&one, &err), APR_SUCCESS);
    }
    CU_ASSERT_TRUE(seconds() - begun < 1.0);
    apr_pool_destroy(pool);
}

/* Every byte ends a match, and begins a longer one. */
static void a_match_at_every_byte_stays_linear(void)
{
    apr_pool_t *pool = open_pool();
    const cg_rules_t *rules = make("[ab]{1,60}c|b[ab]{1,40}", false, pool);
    size_t len = 400000;
    char *text = apr_palloc(pool, len + 1);
    memset(text, 'b', len);
    text[len] = '\0';
    cg_findings_t findings;
    cg_findings_init(&findings, pool);
    double begun = seconds();
    CU_ASSERT_EQUAL(
        cg_redact_scan(rules, (cg_str_t){text, len}, CG_SCAN_PLAIN, &findings),
        APR_SUCCESS);
    CU_ASSERT_TRUE(findings.count > 0);
    CU_ASSERT_TRUE(seconds() - begun < 8.0); /* under sanitizers */
    apr_pool_destroy(pool);
}

CU_TestInfo test_redact_pattern[] = {
    {"matches_are_characters_not_bytes", matches_are_characters_not_bytes},
    {"a_stream_finds_the_same_however_it_is_cut",
     a_stream_finds_the_same_however_it_is_cut},
    {"a_match_that_is_too_long_takes_its_whole_run_with_it",
     a_match_that_is_too_long_takes_its_whole_run_with_it},
    {"text_that_is_no_utf8_does_no_harm", text_that_is_no_utf8_does_no_harm},
    {"a_regex_that_cannot_be_meant_is_refused_and_told_why",
     a_regex_that_cannot_be_meant_is_refused_and_told_why},
    {"what_is_merely_broad_is_not_refused",
     what_is_merely_broad_is_not_refused},
    {"a_bomb_is_refused_before_it_is_compiled",
     a_bomb_is_refused_before_it_is_compiled},
    {"a_match_at_every_byte_stays_linear", a_match_at_every_byte_stays_linear},
    CU_TEST_INFO_NULL,
};
