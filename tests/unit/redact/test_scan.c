/* Whole texts: context, overlaps, escapes, masks; the corpora's scores.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "redact/scan.h"

#include <hs.h>

#include "redact/cases.h"
#include "redact/stream.h"

static void what_is_found_is_replaced_by_its_type(void)
{
    apr_pool_t *pool = open_pool();
    static const char *const pairs[][2] = {
        {"nothing to see, 42 times", "nothing to see, 42 times"},
        {"", ""},
        {"身份证号11010519491231002X,手机13800138000",
         "身份证号[CN_RESIDENT_ID],手机[PHONE_NUMBER]"},
        {"card 4539148803436467; mail a@example.com.",
         "card [CREDIT_CARD]; mail [EMAIL_ADDRESS]."},
        {"４５３９１４８８０３４３６４６７", "[CREDIT_CARD]"},
        {"4\u200b539 1488 0343 6467", "[CREDIT_CARD]"},
        {"two: 4539148803436467 4012888888881881",
         "two: [CREDIT_CARD] [CREDIT_CARD]"},
        {"(212) 555-0123 x12 or +44 20 7946 0958",
         "[PHONE_NUMBER] or [PHONE_NUMBER]"},
        {"from 203.0.113.77:443", "from [IP_ADDRESS]:443"},
        {"see 2001:db8::7043已", "see [IP_ADDRESS]已"},
        {"a [at] example [dot] org", "[EMAIL_ADDRESS]"},
        {"password: Tr0ub4dor&3", "password: [SECRET_PASSWORD]"},
        {"password = os.environ[\"DB_PASSWORD\"]",
         "password = os.environ[\"DB_PASSWORD\"]"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        CU_ASSERT_STRING_EQUAL(mask(pairs[i][0], pool), pairs[i][1]);
    }
    apr_pool_destroy(pool);
}

static void a_label_decides_between_types(void)
{
    apr_pool_t *pool = open_pool();
    static const char *const pairs[][2] = {
        {"Thai ID 1234567890121", "Thai ID [TH_TNIN]"},
        {"TFN 865414088", "TFN [AU_TFN]"},
        {"865414088", "865414088"},
        {"SSN 078051120", "SSN [US_SSN]"},
        {"SSN078051120", "SSN[US_SSN]"},
        {"NHS 943 476 5919", "NHS [UK_NHS]"},
        {"order number 4329177926107915", "order number 4329177926107915"},
        {"order 7, card 4329177926107915", "order 7, card [CREDIT_CARD]"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        CU_ASSERT_STRING_EQUAL(mask(pairs[i][0], pool), pairs[i][1]);
    }
    apr_pool_destroy(pool);
}

/* A resident's number has so much in it that no grouping hides it; another
 * check digit, and it is none. */
static void a_residents_number_is_found_in_any_grouping(void)
{
    apr_pool_t *pool = open_pool();
    static const char digits[] = "310101197705284995";
    uint32_t state = 7;
    for (int round = 0; round < 400; round++) {
        char text[64];
        size_t len = 0;
        for (int i = 0; i < 18; i++) {
            state = state * 1103515245 + 12345;
            if (i > 0 && (state >> 16) % 3 == 0) {
                text[len++] = " -"[(state >> 20) % 2];
            }
            text[len++] = digits[i];
        }
        text[len] = 0;
        CU_ASSERT_STRING_EQUAL(mask(text, pool), "[CN_RESIDENT_ID]");
        text[len - 1] = '6';
        CU_ASSERT_PTR_NULL(strstr(mask(text, pool), "RESIDENT"));
    }
    apr_pool_destroy(pool);
}

static void a_name_counts_as_a_label(void)
{
    apr_pool_t *pool = open_pool();
    cg_findings_t findings;
    cg_findings_init(&findings, pool);
    CU_ASSERT_EQUAL(
        cg_redact_scan_named(cg_rules_builtin(), CG_STR("tax_file_number"),
                             CG_STR("865414088"), CG_SCAN_DEEP, &findings),
        APR_SUCCESS);
    CU_ASSERT_EQUAL_FATAL(findings.count, 1);
    CU_ASSERT_EQUAL(findings.items[0].type, CG_TYPE_AU_TFN);
    CU_ASSERT_EQUAL(findings.items[0].start, 0);
    CU_ASSERT_EQUAL(findings.items[0].end, 9);
    apr_pool_destroy(pool);
}

static void encoded_text_is_looked_into_when_deep(void)
{
    apr_pool_t *pool = open_pool();
    cg_actions_t actions;
    cg_actions_default(&actions);
    cg_str_t text = CG_STR("x Y2FyZCA0NTM5MTQ4ODAzNDM2NDY3 y"); /* card … */
    CU_ASSERT_TRUE(cg_str_is(
        masked(cg_rules_builtin(), &actions, text, CG_SCAN_DEEP, pool),
        "x [CREDIT_CARD] y"));
    CU_ASSERT_TRUE(cg_str_equal(
        masked(cg_rules_builtin(), &actions, text, CG_SCAN_PLAIN, pool), text));
    apr_pool_destroy(pool);
}

static void actions_decide_what_becomes_of_a_finding(void)
{
    apr_pool_t *pool = open_pool();
    cg_findings_t findings;
    cg_actions_t actions;
    cg_tally_t tally = {{0}};
    cg_buf_t out;
    cg_str_t text = CG_STR("512-12-1692 a@example.com");
    cg_findings_init(&findings, pool);
    cg_buf_init(&out, 0, pool);
    cg_redact_scan(cg_rules_builtin(), text, CG_SCAN_DEEP, &findings);
    CU_ASSERT_EQUAL(findings.count, 2);
    cg_actions_all(&actions, CG_ACTION_ALLOW);
    actions.by_type[CG_TYPE_EMAIL_ADDRESS] = CG_ACTION_LOG;
    cg_mask_result_t result = cg_redact_mask(cg_rules_builtin(), text,
                                             &findings, &actions, NULL, &tally,
                                             &out);
    CU_ASSERT_FALSE(result.is_changed || result.is_blocked);
    CU_ASSERT_EQUAL(cg_tally_total(&tally), 1);
    actions.by_type[CG_TYPE_US_SSN] = CG_ACTION_BLOCK;
    result = cg_redact_mask(cg_rules_builtin(), text, &findings, &actions,
                            NULL, &tally, &out);
    CU_ASSERT_TRUE(result.is_blocked);
    CU_ASSERT_EQUAL(result.blocked_by, CG_TYPE_US_SSN);
    CU_ASSERT_EQUAL(out.len, 0);
    cg_tally_write(&tally, &out);
    CU_ASSERT_STRING_EQUAL(cg_buf_cstr(&out), "EMAIL_ADDRESS=2,US_SSN=1");
    apr_pool_destroy(pool);
}

static void bytes_that_are_no_utf8_do_no_harm(void)
{
    apr_pool_t *pool = open_pool();
    CU_ASSERT_STRING_EQUAL(mask("\xff\xfe\x80 4539148803436467\xE4\xB8", pool),
                           "\xff\xfe\x80 [CREDIT_CARD]\xE4\xB8");
    apr_pool_destroy(pool);
}

static void a_text_over_the_limit_is_refused(void)
{
    apr_pool_t *pool = open_pool();
    cg_findings_t findings;
    cg_str_t endless = {"x", CG_SCAN_TEXT_MAX + 1}; /* never read */
    cg_findings_init(&findings, pool);
    CU_ASSERT_EQUAL(cg_redact_scan(cg_rules_builtin(), endless, CG_SCAN_PLAIN,
                                   &findings),
                    APR_EINVAL);
    CU_ASSERT_EQUAL(findings.count, 0);
    apr_pool_destroy(pool);
}

static void *no_memory(size_t bytes)
{
    (void)bytes;
    return NULL;
}

/* The engine of regular expressions takes its memory at the first scan. */
static void where_the_engine_fails_nothing_passes(void)
{
    apr_pool_t *pool = open_pool();
    cg_regex_t regex = {.name = "case", .regex = "CASE-[0-9]{4}"};
    cg_rules_spec_t spec = {.regexes = &regex, .regex_count = 1};
    cg_rules_t *rules = NULL;
    cg_error_t err = {0};
    cg_actions_t actions;
    cg_findings_t findings;
    cg_buf_t out;
    CU_ASSERT_EQUAL(cg_rules_create(&spec, &rules, &err, pool), APR_SUCCESS);
    cg_actions_default(&actions);
    cg_findings_init(&findings, pool);
    cg_buf_init(&out, 64, pool);
    cg_stream_t *stream = cg_stream_open(rules, &actions, NULL, pool);
    hs_set_scratch_allocator(no_memory, free);
    CU_ASSERT_EQUAL(cg_redact_scan(rules, CG_STR("harmless"), CG_SCAN_DEEP,
                                   &findings),
                    APR_EGENERAL);
    cg_stream_feed(stream, CG_STR("harmless words "), &out);
    cg_stream_finish(stream, &out);
    CU_ASSERT_TRUE(cg_stream_is_blocked(stream, NULL));
    CU_ASSERT_EQUAL(out.len, 0);
    hs_set_scratch_allocator(NULL, NULL);
    CU_ASSERT_EQUAL(cg_redact_scan(rules, CG_STR("CASE-1234"), CG_SCAN_DEEP,
                                   &findings),
                    APR_SUCCESS);
    CU_ASSERT_EQUAL(findings.count, 1);
    apr_pool_destroy(pool);
}

static void findings_far_apart_in_a_long_text_are_all_found(void)
{
    apr_pool_t *pool = open_pool();
    cg_buf_t text;
    cg_findings_t findings;
    cg_buf_init(&text, 300000, pool);
    for (int i = 0; i < 200; i++) {
        for (int k = 0; k < i % 37; k++) {
            cg_buf_str(&text, "harmless words, 中文, and so on; ");
        }
        cg_buf_str(&text, "4539148803436467, ");
    }
    cg_findings_init(&findings, pool);
    cg_redact_scan(cg_rules_builtin(), (cg_str_t){text.ptr, text.len},
                   CG_SCAN_DEEP, &findings);
    CU_ASSERT_EQUAL(findings.count, 200);
    apr_pool_destroy(pool);
}

/* ---- scores over the corpora ------------------------------------------- */

static int labels_seen;
static int labels_missed;
static int false_alarms;

static size_t byte_of(cg_str_t text, int64_t code_point)
{
    size_t at = 0;
    while (at < text.len) {
        if (((unsigned char)text.ptr[at] & 0xC0) != 0x80 && code_point-- == 0) {
            break;
        }
        at++;
    }
    return at;
}

static bool overlaps(const cg_walk_t *row, const char *member, cg_str_t text,
                     const cg_finding_t *finding)
{
    uint32_t list = cg_walk_member(row, 0, member);
    for (uint32_t at = list == CG_NODE_NONE ? CG_NODE_NONE
                                            : row->nodes[list].child;
         at != CG_NODE_NONE; at = row->nodes[at].next) {
        int64_t start = 0;
        int64_t stop = 0;
        cg_walk_int(row, cg_walk_member(row, at, "start"), &start);
        cg_walk_int(row, cg_walk_member(row, at, "end"), &stop);
        if (finding->start < byte_of(text, stop) &&
            finding->end > byte_of(text, start)) {
            return true;
        }
    }
    return false;
}

static bool is_found(const cg_walk_t *row, uint32_t label, cg_str_t text,
                     const cg_findings_t *findings, apr_pool_t *pool)
{
    int64_t start = 0;
    int64_t stop = 0;
    cg_walk_int(row, cg_walk_member(row, label, "start"), &start);
    cg_walk_int(row, cg_walk_member(row, label, "end"), &stop);
    int type = cg_detector_find(cg_str_dup(
        cg_walk_string(row, cg_walk_member(row, label, "type"), pool), pool));
    for (size_t i = 0; i < findings->count; i++) {
        const cg_finding_t *finding = &findings->items[i];
        bool is_same =
            finding->type == type || (cg_detector_is_secret(type) &&
                                      cg_detector_is_secret(finding->type));
        if (is_same && finding->start <= byte_of(text, start) &&
            finding->end >= byte_of(text, stop)) {
            return true;
        }
    }
    return false;
}

static void score(const cg_walk_t *row, apr_pool_t *pool)
{
    int64_t tier = 1;
    cg_findings_t findings;
    cg_str_t text = member_str(row, "text", pool);
    uint32_t labels = cg_walk_member(row, 0, "entities");
    uint32_t tiers = cg_walk_member(row, 0, "tier");
    if (tiers != CG_NODE_NONE) {
        cg_walk_int(row, tiers, &tier);
    }
    if (tier > 2) {
        return;
    }
    cg_findings_init(&findings, pool);
    cg_redact_scan(cg_rules_builtin(), text, CG_SCAN_DEEP, &findings);
    for (uint32_t at = row->nodes[labels].child; at != CG_NODE_NONE;
         at = row->nodes[at].next) {
        labels_seen++;
        labels_missed += !is_found(row, at, text, &findings, pool);
    }
    for (size_t i = 0; i < findings.count; i++) {
        false_alarms += !overlaps(row, "entities", text, &findings.items[i]) &&
                        !overlaps(row, "weak", text, &findings.items[i]);
    }
}

static void the_corpora_are_found_without_false_alarm(void)
{
    labels_seen = labels_missed = false_alarms = 0;
    each_of_corpus("own-core.jsonl", score);
    each_of_corpus("own-negatives.jsonl", score);
    each_of_corpus("own-adversarial.jsonl", score);
    CU_ASSERT_TRUE(labels_missed * 100 <= labels_seen);
    CU_ASSERT_EQUAL(false_alarms, 0);
}

CU_TestInfo test_redact_scan[] = {
    {"what_is_found_is_replaced_by_its_type",
     what_is_found_is_replaced_by_its_type},
    {"a_label_decides_between_types", a_label_decides_between_types},
    {"a_residents_number_is_found_in_any_grouping",
     a_residents_number_is_found_in_any_grouping},
    {"a_name_counts_as_a_label", a_name_counts_as_a_label},
    {"encoded_text_is_looked_into_when_deep",
     encoded_text_is_looked_into_when_deep},
    {"actions_decide_what_becomes_of_a_finding",
     actions_decide_what_becomes_of_a_finding},
    {"bytes_that_are_no_utf8_do_no_harm", bytes_that_are_no_utf8_do_no_harm},
    {"a_text_over_the_limit_is_refused", a_text_over_the_limit_is_refused},
    {"where_the_engine_fails_nothing_passes",
     where_the_engine_fails_nothing_passes},
    {"findings_far_apart_in_a_long_text_are_all_found",
     findings_far_apart_in_a_long_text_are_all_found},
    {"the_corpora_are_found_without_false_alarm",
     the_corpora_are_found_without_false_alarm},
    CU_TEST_INFO_NULL,
};
