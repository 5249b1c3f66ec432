/* Rules: actions, word lists, regexes, allowed values, rule files.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "redact/rules.h"

#include "redact/cases.h"

static cg_rules_t *make(const cg_rules_spec_t *spec, apr_pool_t *pool)
{
    cg_rules_t *rules = NULL;
    cg_error_t err = {{0}};
    if (cg_rules_create(spec, &rules, &err, pool) != APR_SUCCESS) {
        fprintf(stderr, "%s\n", err.text);
        CU_FAIL_FATAL("rules that should compile");
    }
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

static void actions_are_set_by_type_family_and_all(void)
{
    cg_actions_t actions;
    cg_action_t action;
    cg_actions_default(&actions);
    CU_ASSERT_EQUAL(actions.by_type[CG_TYPE_IP_ADDRESS], CG_ACTION_MASK);
    CU_ASSERT_TRUE(cg_actions_set(&actions, "SECRET_*", CG_ACTION_BLOCK));
    CU_ASSERT_EQUAL(actions.by_type[CG_TYPE_SECRET_JWT], CG_ACTION_BLOCK);
    CU_ASSERT_EQUAL(actions.by_type[CG_TYPE_US_SSN], CG_ACTION_MASK);
    CU_ASSERT_TRUE(cg_actions_set(&actions, "US_SSN", CG_ACTION_LOG));
    CU_ASSERT_EQUAL(actions.by_type[CG_TYPE_US_SSN], CG_ACTION_LOG);
    CU_ASSERT_TRUE(cg_actions_set(&actions, "*", CG_ACTION_ALLOW));
    CU_ASSERT_EQUAL(actions.by_type[CG_TYPE_SECRET_JWT], CG_ACTION_ALLOW);
    CU_ASSERT_FALSE(cg_actions_set(&actions, "SSN", CG_ACTION_LOG));
    CU_ASSERT_TRUE(cg_action_parse("Block", &action));
    CU_ASSERT_EQUAL(action, CG_ACTION_BLOCK);
    CU_ASSERT_FALSE(cg_action_parse("drop", &action));
    CU_ASSERT_STRING_EQUAL(cg_action_name(CG_ACTION_PSEUDONYM), "pseudonym");
}

static void words_are_found_in_every_spelling(void)
{
    apr_pool_t *pool = open_pool();
    const cg_str_t words[] = {CG_STR("Project Falcon"), CG_STR("falcon"),
                              CG_STR("内部资料"),       CG_STR("Ä-Plan"),
                              CG_STR("ACME-42"),        CG_STR("секрет")};
    const cg_word_list_t list = {"list", words, 6, true, true, 0, 0};
    const cg_rules_spec_t spec = {.lists = &list, .list_count = 1};
    cg_rules_t *rules = make(&spec, pool);
    static const char *const pairs[][2] = {
        {"the project  FALCON\nends", "the [KEYWORD]\nends"},
        {"project\nfalcon", "[KEYWORD]"},
        {"falcons and falcon", "falcons and [KEYWORD]"},
        {"内 部 资 料请勿外传", "[KEYWORD]请勿外传"},
        {"看内部资料", "看[KEYWORD]"},
        {"der ä-plan", "der [KEYWORD]"},
        {"ａｃｍｅ－４２ is", "[KEYWORD] is"},
        {"ACME-421", "ACME-421"},
        {"СЕКРЕТ!", "[KEYWORD]!"},
        {"内部", "内部"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        CU_ASSERT_STRING_EQUAL(mask_by(rules, pairs[i][0], pool), pairs[i][1]);
    }
    apr_pool_destroy(pool);
}

static void exact_lists_keep_the_case(void)
{
    apr_pool_t *pool = open_pool();
    const cg_str_t words[] = {CG_STR("Titan")};
    const cg_word_list_t list = {"list", words, 1, false, false, 0, 0};
    const cg_rules_spec_t spec = {.lists = &list, .list_count = 1};
    cg_rules_t *rules = make(&spec, pool);
    CU_ASSERT_STRING_EQUAL(mask_by(rules, "titan TITAN xTitanx", pool),
                           "titan TITAN x[KEYWORD]x");
    apr_pool_destroy(pool);
}

static void ten_thousand_words_are_all_found(void)
{
    apr_pool_t *pool = open_pool();
    cg_str_t *words = apr_palloc(pool, 10000 * sizeof *words);
    for (int i = 0; i < 10000; i++) {
        char *word = apr_psprintf(pool, "w%dq%s", i * 7919 % 10007,
                                  i % 2 ? "计划" : "plan");
        words[i] = cg_str(word);
    }
    const cg_word_list_t list = {"many", words, 10000, true, true, 0, 0};
    const cg_rules_spec_t spec = {.lists = &list, .list_count = 1};
    cg_rules_t *rules = make(&spec, pool);
    apr_pool_t *scratch = open_pool();
    for (int i = 0; i < 10000; i += 7) {
        const char *text =
            apr_psprintf(scratch, "a %.*s b", (int)words[i].len, words[i].ptr);
        CU_ASSERT_STRING_EQUAL(mask_by(rules, text, scratch), "a [KEYWORD] b");
        apr_pool_clear(scratch);
    }
    apr_pool_destroy(scratch);
    apr_pool_destroy(pool);
}

static void regexes_find_their_longest_match(void)
{
    apr_pool_t *pool = open_pool();
    const cg_regex_t regexes[] = {{"case", "CASE-[0-9]+", false, 0, 0, 0},
                                  {"staff", "emp[0-9]{4}", true, 0, 0, 0}};
    const cg_rules_spec_t spec = {.regexes = regexes, .regex_count = 2};
    cg_rules_t *rules = make(&spec, pool);
    CU_ASSERT_STRING_EQUAL(mask_by(rules, "CASE-12345, EMP0042 case-1", pool),
                           "[CUSTOM:case], [CUSTOM:staff] case-1");
    CU_ASSERT_STRING_EQUAL(cg_rules_name(rules, CG_TYPE_CUSTOM, 1), "staff");
    CU_ASSERT_STRING_EQUAL(cg_rules_name(rules, CG_TYPE_CUSTOM, 2), "");
    apr_pool_destroy(pool);
}

static void a_faulty_regex_is_named(void)
{
    apr_pool_t *pool = open_pool();
    static const cg_regex_t faulty[] = {{"open", "a(b", false, 0, 0, 0},
                                        {"empty", "a*", false, 0, 0, 0},
                                        {"back", "(a)\\1", false, 0, 0, 0},
                                        {"a name", "a", false, 0, 0, 0}};
    for (size_t i = 0; i < sizeof faulty / sizeof faulty[0]; i++) {
        const cg_regex_t regexes[] = {{"good", "x+", false, 0, 0, 0}, faulty[i]};
        const cg_rules_spec_t spec = {.regexes = regexes, .regex_count = 2};
        cg_rules_t *rules = NULL;
        cg_error_t err = {{0}};
        CU_ASSERT_NOT_EQUAL(cg_rules_create(&spec, &rules, &err, pool),
                            APR_SUCCESS);
        CU_ASSERT_PTR_NULL(rules);
        CU_ASSERT_PTR_NOT_NULL(strstr(err.text, faulty[i].name));
    }
    apr_pool_destroy(pool);
}

static void allowed_values_are_never_found(void)
{
    apr_pool_t *pool = open_pool();
    const cg_str_t allowed[] = {CG_STR("@example.com"),
                                CG_STR("4111111111111111")};
    const cg_rules_spec_t spec = {.allowed = allowed, .allowed_count = 2};
    cg_rules_t *rules = make(&spec, pool);
    CU_ASSERT_STRING_EQUAL(
        mask_by(rules,
                "a@example.com b@notexample.com 4111111111111111 "
                "4012888888881881",
                pool),
        "a@example.com [EMAIL_ADDRESS] 4111111111111111 [CREDIT_CARD]");
    apr_pool_destroy(pool);
}

static void a_word_within_a_value_that_is_let_pass_is_found(void)
{
    apr_pool_t *pool = open_pool();
    const cg_str_t words[] = {CG_STR("falcon"), CG_STR("net 203.0.115.7 x")};
    const cg_word_list_t list = {"list", words, 2, true, true, 0, 0};
    const cg_rules_spec_t spec = {.lists = &list, .list_count = 1};
    const cg_str_t text =
        CG_STR("to falcon@example.org of net 203.0.115.7 x and a@b.example");
    cg_rules_t *all = make(&spec, pool);
    cg_actions_t actions;
    cg_actions_default(&actions);
    const cg_rules_t *rules = cg_rules_look_for(all, &actions, pool);
    CU_ASSERT_TRUE(cg_str_is(
        masked(rules, &actions, text, CG_SCAN_PLAIN, pool),
        "to [EMAIL_ADDRESS] of [KEYWORD] and [EMAIL_ADDRESS]"));
    cg_actions_set(&actions, "EMAIL_ADDRESS", CG_ACTION_ALLOW);
    cg_actions_set(&actions, "IP_ADDRESS", CG_ACTION_ALLOW);
    rules = cg_rules_look_for(all, &actions, pool);
    uint64_t version = cg_rules_version(rules);
    CU_ASSERT_NOT_EQUAL(version, cg_rules_version(all));
    CU_ASSERT_TRUE(cg_str_is(
        masked(rules, &actions, text, CG_SCAN_PLAIN, pool),
        "to [KEYWORD]@example.org of [KEYWORD] and a@b.example"));
    cg_actions_set(&actions, "EMAIL_ADDRESS", CG_ACTION_LOG);
    rules = cg_rules_look_for(all, &actions, pool);
    CU_ASSERT_NOT_EQUAL(version, cg_rules_version(rules));
    CU_ASSERT_TRUE(cg_str_is(
        masked(rules, &actions, text, CG_SCAN_PLAIN, pool),
        "to [KEYWORD]@example.org of [KEYWORD] and a@b.example"));
    apr_pool_destroy(pool);
}

static void of_findings_that_overlap_the_stricter_counts(void)
{
    static const struct {
        cg_action_t mail;
        uint8_t word;  /* 1 + action of the list */
        uint8_t regex; /* ... of the regex around the address */
        const char *expected;
    } cases[] = {
        {CG_ACTION_LOG, 1 + CG_ACTION_MASK, 1 + CG_ACTION_LOG,
         "from ann@[KEYWORD].example on"},
        {CG_ACTION_MASK, 1 + CG_ACTION_LOG, 1 + CG_ACTION_LOG,
         "from [EMAIL_ADDRESS] on"},
        {CG_ACTION_MASK, 1 + CG_ACTION_ALLOW, 1 + CG_ACTION_ALLOW,
         "from [EMAIL_ADDRESS] on"},
        {CG_ACTION_PARTIAL, 1 + CG_ACTION_MASK, 1 + CG_ACTION_LOG,
         "from [KEYWORD] on"},
        {CG_ACTION_PARTIAL, 1 + CG_ACTION_LOG, 1 + CG_ACTION_ALLOW,
         "from a**@falcon.example on"},
        {CG_ACTION_LOG, 1 + CG_ACTION_LOG, 1 + CG_ACTION_MASK,
         "[CUSTOM:sender] on"},
        {CG_ACTION_BLOCK, 1 + CG_ACTION_MASK, 1 + CG_ACTION_MASK, NULL},
        {CG_ACTION_MASK, 1 + CG_ACTION_BLOCK, 1 + CG_ACTION_LOG, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        apr_pool_t *pool = open_pool();
        const cg_str_t word = CG_STR("falcon");
        const cg_word_list_t list = {"list", &word, 1, true, true, 0,
                                     cases[i].word};
        const cg_regex_t regex = {.name = "sender",
                                  .regex = "from [a-z]+@[a-z.]+",
                                  .action = cases[i].regex};
        const cg_rules_spec_t spec = {.lists = &list,
                                      .list_count = 1,
                                      .regexes = &regex,
                                      .regex_count = 1};
        const cg_str_t text = CG_STR("from ann@falcon.example on");
        cg_actions_t actions;
        cg_actions_default(&actions);
        cg_actions_set(&actions, "EMAIL_ADDRESS", cases[i].mail);
        const cg_rules_t *rules =
            cg_rules_look_for(make(&spec, pool), &actions, pool);
        for (int depth = CG_SCAN_PLAIN; depth <= CG_SCAN_DEEP; depth++) {
            cg_findings_t found;
            cg_findings_init(&found, pool);
            CU_ASSERT_EQUAL(
                cg_redact_scan(rules, text, (cg_scan_depth_t)depth, &found),
                APR_SUCCESS);
            bool is_blocked = false;
            for (size_t n = 0; n < found.count; n++) {
                is_blocked |= cg_rules_action(rules, &actions,
                                              found.items[n].type,
                                              found.items[n].rule) ==
                              CG_ACTION_BLOCK;
            }
            CU_ASSERT_EQUAL(is_blocked, cases[i].expected == NULL);
            CU_ASSERT_TRUE(is_blocked ||
                           cg_str_is(masked(rules, &actions, text,
                                            (cg_scan_depth_t)depth, pool),
                                     cases[i].expected));
        }
        apr_pool_destroy(pool);
    }
}

static const char *write_file(const char *text, apr_pool_t *pool)
{
    char *path = apr_pstrdup(pool, "/tmp/cg-rules-XXXXXX");
    int fd = mkstemp(path);
    FILE *file = fd >= 0 ? fdopen(fd, "wb") : NULL;
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fputs(text, file);
    fclose(file);
    return path;
}

static void a_rule_file_is_read_line_by_line(void)
{
    apr_pool_t *pool = open_pool();
    cg_rules_spec_t spec;
    cg_actions_t actions;
    cg_error_t err;
    const char *path = write_file("# ours\n"
                                  "list projects whole-word\n"
                                  "  project falcon\n"
                                  "\t内部资料\n"
                                  "regex case caseless case-[0-9]{3}\n"
                                  "allow @example.com\n"
                                  "action US_SSN block\n",
                                  pool);
    CU_ASSERT_EQUAL(cg_rules_read(path, &spec, &err, pool),
                    APR_SUCCESS);
    CU_ASSERT_EQUAL(spec.list_count, 1);
    CU_ASSERT_EQUAL(spec.lists[0].count, 2);
    CU_ASSERT_TRUE(spec.lists[0].is_whole_word && spec.lists[0].is_caseless);
    cg_rules_pack_actions(make(&spec, pool), &actions);
    CU_ASSERT_EQUAL(actions.by_type[CG_TYPE_US_SSN], CG_ACTION_BLOCK);
    CU_ASSERT_EQUAL(actions.by_type[CG_TYPE_US_ITIN], CG_ACTION_MASK);
    CU_ASSERT_STRING_EQUAL(mask_by(make(&spec, pool),
                                   "Project Falcon CASE-123 a@example.com",
                                   pool),
                           "[KEYWORD] [CUSTOM:case] a@example.com");
    remove(path);
    apr_pool_destroy(pool);
}

static void a_fault_in_a_rule_file_is_told_with_its_line(void)
{
    static const char *const files[] = {"list x\n  ok\nregex bad a(b\n",
                                        "#\n\nnonsense here\n",
                                        "#\n#\naction US_SSN drop\n",
                                        "#\n#\n  word without a list\n",
                                        "#\n#\nallow\n",
                                        "#\n#\naction NO_TYPE mask\n",
                                        "#\n#\nwords x\n"};
    apr_pool_t *pool = open_pool();
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        cg_rules_spec_t spec;
        cg_error_t err = {{0}};
        const char *path = write_file(files[i], pool);
        CU_ASSERT_NOT_EQUAL(cg_rules_read(path, &spec, &err, pool),
                            APR_SUCCESS);
        CU_ASSERT_PTR_NOT_NULL(
            strstr(err.text, apr_pstrcat(pool, path, ":3: ", NULL)));
        remove(path);
    }
    cg_rules_spec_t spec;
    cg_error_t err = {{0}};
    CU_ASSERT_NOT_EQUAL(
        cg_rules_read("/nonexistent/rules", &spec, &err, pool),
        APR_SUCCESS);
    apr_pool_destroy(pool);
}

/* A dictionary, a text, and where its words stand, in code points. */
static size_t code_points(cg_str_t text, size_t byte)
{
    size_t points = 0;
    for (size_t i = 0; i < byte; i++) {
        points += ((unsigned char)text.ptr[i] & 0xC0) != 0x80;
    }
    return points;
}

static int64_t number_at(const cg_walk_t *row, uint32_t node, const char *name)
{
    int64_t number = -1;
    cg_walk_int(row, cg_walk_member(row, node, name), &number);
    return number;
}

static void run_keywords(const cg_walk_t *row, apr_pool_t *pool)
{
    cg_str_t words[16];
    size_t count = 0;
    uint32_t list = cg_walk_member(row, 0, "dictionary");
    for (uint32_t at = row->nodes[list].child; at != CG_NODE_NONE && count < 16;
         at = row->nodes[at].next) {
        words[count++] = cg_walk_string(row, at, pool);
    }
    const cg_word_list_t lists = {"kw", words, count, true, true, 0, 0};
    const cg_rules_spec_t spec = {.lists = &lists, .list_count = 1};
    cg_findings_t findings;
    cg_findings_init(&findings, pool);
    cg_str_t text = member_str(row, "text", pool);
    cg_redact_scan(make(&spec, pool), text, CG_SCAN_PLAIN, &findings);
    uint32_t matches = cg_walk_member(row, 0, "matches");
    bool is_right = findings.count == cg_walk_length(row, matches);
    size_t i = 0;
    for (uint32_t at = row->nodes[matches].child;
         is_right && at != CG_NODE_NONE; at = row->nodes[at].next, i++) {
        const cg_finding_t *found = &findings.items[i];
        is_right = (int64_t)code_points(text, found->start) ==
                       number_at(row, at, "start") &&
                   (int64_t)code_points(text, found->end) ==
                       number_at(row, at, "end");
    }
    if (!is_right) {
        fprintf(stderr, "%.*s\n", (int)text.len, text.ptr);
        CU_FAIL("a dictionary of the corpora");
    }
}

static void words_of_a_dictionary_are_found_where_they_stand(void)
{
    apr_pool_t *pool = open_pool();
    CU_ASSERT_EQUAL(
        each_line(data_path("redact/keywords.jsonl", pool), run_keywords), 13);
    apr_pool_destroy(pool);
}

CU_TestInfo test_redact_rules[] = {
    {"actions_are_set_by_type_family_and_all",
     actions_are_set_by_type_family_and_all},
    {"words_are_found_in_every_spelling", words_are_found_in_every_spelling},
    {"exact_lists_keep_the_case", exact_lists_keep_the_case},
    {"ten_thousand_words_are_all_found", ten_thousand_words_are_all_found},
    {"regexes_find_their_longest_match", regexes_find_their_longest_match},
    {"a_faulty_regex_is_named", a_faulty_regex_is_named},
    {"allowed_values_are_never_found", allowed_values_are_never_found},
    {"a_word_within_a_value_that_is_let_pass_is_found",
     a_word_within_a_value_that_is_let_pass_is_found},
    {"of_findings_that_overlap_the_stricter_counts",
     of_findings_that_overlap_the_stricter_counts},
    {"a_rule_file_is_read_line_by_line", a_rule_file_is_read_line_by_line},
    {"a_fault_in_a_rule_file_is_told_with_its_line",
     a_fault_in_a_rule_file_is_told_with_its_line},
    {"words_of_a_dictionary_are_found_where_they_stand",
     words_of_a_dictionary_are_found_where_they_stand},
    CU_TEST_INFO_NULL,
};
