/* Rule files: the grammar, the packs that come with the product, their joining.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "redact/rules.h"

#include "redact/cases.h"

static void read_text(const char *path, const char *text, cg_rules_spec_t *out,
                      apr_pool_t *pool)
{
    cg_error_t err = {{0}};
    if (cg_rules_parse(path, cg_str(text), out, &err, pool) != APR_SUCCESS) {
        fprintf(stderr, "%s\n", err.text);
        CU_FAIL_FATAL("a rule file that should be read");
    }
}

static const cg_rules_t *compile(const cg_rules_spec_t *spec, apr_pool_t *pool)
{
    cg_rules_t *rules = NULL;
    cg_error_t err = {{0}};
    if (cg_rules_create(spec, &rules, &err, pool) != APR_SUCCESS) {
        fprintf(stderr, "%s\n", err.text);
        CU_FAIL_FATAL("rules that should compile");
    }
    return rules;
}

static const char whole_pack[] =
    "\xEF\xBB\xBF# A pack of everything.\r\n"
    "pack ours \"Our own 我们的\"\r\n"
    "\n"
    "type US_SSN\n"
    "type SECRET_* block\n"
    "type EMAIL_ADDRESS log\n"
    "action IP_ADDRESS partial\n"
    "region cn upstreams cn, hk\n"
    "keep 180d\n"
    "label required\n"
    "label-text en \"Written by AI\"\n"
    "label-text zh 由人工智能生成\n"
    "label-text en \"By AI\"\n"
    "list projects exact whole-word action=block\n"
    "    Falcon\n"
    "\n"
    "    # not a word\n"
    "\tProject Titan\n"
    "list others\n"
    "    计划\n"
    "regex case caseless action=pseudonym CASE-\\d+ [a-z]\n"
    "allow @example.com\n"
    "allow 4111 1111 1111 1111\n";

static void a_pack_says_all_it_has_to_say(void)
{
    apr_pool_t *pool = open_pool();
    cg_rules_spec_t spec;
    read_text("/etc/x/file.rules", whole_pack, &spec, pool);
    const cg_pack_t *pack = spec.packs;
    CU_ASSERT_EQUAL(spec.pack_count, 1);
    CU_ASSERT_STRING_EQUAL(pack->name, "ours");
    CU_ASSERT_STRING_EQUAL(pack->title, "Our own 我们的");
    CU_ASSERT_STRING_EQUAL(pack->path, "/etc/x/file.rules");
    CU_ASSERT_TRUE(pack->has_types);
    CU_ASSERT_EQUAL(pack->action[CG_TYPE_US_SSN], 1 + CG_ACTION_MASK);
    CU_ASSERT_EQUAL(pack->action[CG_TYPE_SECRET_JWT], 1 + CG_ACTION_BLOCK);
    CU_ASSERT_EQUAL(pack->action[CG_TYPE_EMAIL_ADDRESS], 1 + CG_ACTION_LOG);
    CU_ASSERT_EQUAL(pack->action[CG_TYPE_IP_ADDRESS], 1 + CG_ACTION_PARTIAL);
    CU_ASSERT_EQUAL(pack->action[CG_TYPE_CREDIT_CARD], 0);
    CU_ASSERT_STRING_EQUAL(pack->region, "cn");
    CU_ASSERT_EQUAL(pack->upstream_count, 2);
    CU_ASSERT_STRING_EQUAL(pack->upstreams[1], "hk");
    CU_ASSERT_EQUAL(pack->keep_for, INT64_C(180) * 86400 * 1000000);
    CU_ASSERT_EQUAL(pack->label, CG_LABEL_REQUIRED);
    CU_ASSERT_EQUAL(pack->label_count, 2);
    CU_ASSERT_STRING_EQUAL(pack->labels[0].text, "By AI");
    CU_ASSERT_STRING_EQUAL(pack->labels[1].text, "由人工智能生成");
    CU_ASSERT_EQUAL(spec.list_count, 2);
    CU_ASSERT_EQUAL(spec.lists[0].count, 2);
    CU_ASSERT_FALSE(spec.lists[0].is_caseless);
    CU_ASSERT_TRUE(spec.lists[0].is_whole_word);
    CU_ASSERT_EQUAL(spec.lists[0].action, 1 + CG_ACTION_BLOCK);
    CU_ASSERT_TRUE(spec.lists[1].is_caseless);
    CU_ASSERT_EQUAL(spec.lists[1].action, 0);
    CU_ASSERT_EQUAL(spec.regex_count, 1);
    CU_ASSERT_STRING_EQUAL(spec.regexes[0].regex, "CASE-\\d+ [a-z]");
    CU_ASSERT_EQUAL(spec.regexes[0].action, 1 + CG_ACTION_PSEUDONYM);
    CU_ASSERT_EQUAL(spec.allowed_count, 2);
    apr_pool_destroy(pool);
}

static void a_pack_is_called_as_its_file_until_it_says_otherwise(void)
{
    apr_pool_t *pool = open_pool();
    cg_rules_spec_t spec;
    read_text("/etc/x/team-a.rules", "allow x\n", &spec, pool);
    CU_ASSERT_STRING_EQUAL(spec.packs->name, "team-a");
    CU_ASSERT_STRING_EQUAL(spec.packs->title, "team-a");
    CU_ASSERT_FALSE(spec.packs->has_types);
    read_text("words.txt", "", &spec, pool);
    CU_ASSERT_STRING_EQUAL(spec.packs->name, "words.txt");
    apr_pool_destroy(pool);
}

/* The third line of each is faulty; the error says so, and names what it wants. */
static const struct {
    const char *line;
    const char *words;
} faults[] = {
    {"pack", "name"},
    {"pack a/b", "name"},
    {"pack a \"half", "quotes"},
    {"label-text en \"half", "text"},
    {"type", "type is missing"},
    {"type US_SSM", "US_SSM"},
    {"type US_SSN shred", "allow, log, partial, pseudonym, mask, block"},
    {"type US_SSN mask always", "too many"},
    {"action US_SSN", "allow, log"},
    {"region", "name"},
    {"region cn upstream cn", "upstreams"},
    {"region cn upstreams", "cn,hk"},
    {"region cn upstreams c/n", "cn,hk"},
    {"keep", "180d"},
    {"keep forever", "180d"},
    {"keep 0", "180d"},
    {"label maybe", "required"},
    {"label-text", "language"},
    {"label-text en", "text"},
    {"list", "name"},
    {"list a b", "exact"},
    {"list a action=shred", "allow, log"},
    {"words a", "file"},
    {"words a /nonexistent/words", "/nonexistent/words"},
    {"regex a", "expression"},
    {"regex a action=blok x", "allow, log"},
    {"regex a (", "arenthes"},
    {"regex a/b x1", "name"},
    {"regex a .+", "any text"},
    {"allow", "value"},
    {"allow 10.0.0.0/99", "range"},
    {"nonsense", "expected pack"},
    {"  indented", "outside a list"},
    {"\xFF", "UTF-8"},
};

static void a_fault_is_told_with_its_line_and_what_is_legal(void)
{
    apr_pool_t *pool = open_pool();
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        cg_rules_spec_t spec;
        cg_error_t err = {{0}};
        const char *text =
            apr_pstrcat(pool, "# one\n\n", faults[i].line, "\nallow x\n", NULL);
        apr_status_t status =
            cg_rules_parse("a.rules", cg_str(text), &spec, &err, pool);
        if (status == APR_SUCCESS ||
            strncmp(err.text, "a.rules:3: ", 11) != 0 ||
            !strstr(err.text, faults[i].words)) {
            fprintf(stderr, "%s -> %s\n", faults[i].line, err.text);
            CU_FAIL("a fault that should be told");
        }
    }
    apr_pool_destroy(pool);
}

/* The third line does not go with the first two. */
static void a_line_is_refused_for_what_stands_before_it(void)
{
    const struct {
        cg_str_t text;
        const char *words;
    } cases[] = {
        {CG_STR("list x\n  fine\n  q\n"), "2 to 160 bytes"},
        {CG_STR("list x\n  fine\n  no\0no\n"), "NUL"},
        {CG_STR("list x\n  fine\nlist x exact\n"), "this name"},
        {CG_STR("list x\n  fine\nwords x /nonexistent\n"), "this name"},
        {CG_STR("regex x ab\nregex y ab\nregex x cd\n"), "this name"},
        {CG_STR("pack x\n\npack y\n"), "already"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        apr_pool_t *pool = open_pool();
        cg_rules_spec_t spec;
        cg_error_t err = {{0}};
        CU_ASSERT_NOT_EQUAL(
            cg_rules_parse("a", cases[i].text, &spec, &err, pool), APR_SUCCESS);
        CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "a:3: "));
        CU_ASSERT_PTR_NOT_NULL(strstr(err.text, cases[i].words));
        apr_pool_destroy(pool);
    }
}

static void a_file_that_never_ends_is_not_read(void)
{
    apr_pool_t *pool = open_pool();
    cg_rules_spec_t spec;
    cg_error_t err = {{0}};
    CU_ASSERT_NOT_EQUAL(cg_rules_read("/dev/zero", &spec, &err, pool),
                        APR_SUCCESS);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "/dev/zero"));
    apr_pool_destroy(pool);
}

/* ---- the packs that come with the product ---- */

static const char *const shipped[] = {"cn", "eu", "global", "secrets", "us"};
#define SHIPPED (sizeof shipped / sizeof shipped[0])

static const cg_rules_t *read_shipped(apr_pool_t *pool)
{
    const char *root = getenv("CG_ROOT");
    cg_rules_spec_t all = {0};
    for (size_t i = 0; i < SHIPPED; i++) {
        cg_rules_spec_t one;
        cg_error_t err = {{0}};
        const char *path = apr_pstrcat(pool, root ? root : ".", "/conf/rules/",
                                       shipped[i], ".rules", NULL);
        if (cg_rules_read(path, &one, &err, pool) != APR_SUCCESS) {
            fprintf(stderr, "%s\n", err.text);
            CU_FAIL_FATAL("a pack of the product");
        }
        CU_ASSERT_EQUAL(cg_rules_spec_add(&all, &one, &err, pool), APR_SUCCESS);
    }
    return compile(&all, pool);
}

static void every_type_is_masked_by_some_pack_of_the_product(void)
{
    apr_pool_t *pool = open_pool();
    const cg_rules_t *rules = read_shipped(pool);
    cg_actions_t actions;
    cg_rules_pack_actions(rules, &actions);
    for (int t = 0; t < CG_TYPE_COUNT; t++) {
        if (actions.by_type[t] != CG_ACTION_MASK) {
            fprintf(stderr, "%s\n", cg_detector_name(t));
            CU_FAIL("a type that no pack has");
        }
    }
    for (size_t i = 0; i < SHIPPED; i++) {
        const cg_pack_t *pack = cg_rules_pack(rules, (int)i);
        CU_ASSERT_STRING_EQUAL(pack->name, shipped[i]);
        CU_ASSERT_TRUE(pack->has_types);
        CU_ASSERT_TRUE(strlen(pack->title) > 0);
    }
    apr_pool_destroy(pool);
}

static const cg_pack_t *pack_of(const cg_rules_t *rules, const char *name)
{
    int number = cg_rules_pack_find(rules, name);
    CU_ASSERT_TRUE_FATAL(number >= 0);
    return cg_rules_pack(rules, number);
}

static void regions_say_where_data_may_go_and_what_answers_must_carry(void)
{
    apr_pool_t *pool = open_pool();
    const cg_rules_t *rules = read_shipped(pool);
    const cg_pack_t *cn = pack_of(rules, "cn");
    CU_ASSERT_STRING_EQUAL(cn->region, "cn");
    CU_ASSERT_EQUAL(cn->upstream_count, 1);
    CU_ASSERT_EQUAL(cn->label, CG_LABEL_REQUIRED);
    CU_ASSERT_STRING_EQUAL(cn->labels[0].language, "zh");
    CU_ASSERT_TRUE(cn->keep_for > 0);
    const cg_pack_t *eu = pack_of(rules, "eu");
    CU_ASSERT_EQUAL(eu->label, CG_LABEL_REQUIRED);
    CU_ASSERT_TRUE(eu->label_count >= 5);
    CU_ASSERT_EQUAL(pack_of(rules, "us")->label, CG_LABEL_NONE);
    CU_ASSERT_PTR_NULL(pack_of(rules, "global")->region);
    apr_pool_destroy(pool);
}

static void a_type_outside_the_chosen_packs_is_let_pass(void)
{
    apr_pool_t *pool = open_pool();
    const cg_rules_t *all = read_shipped(pool);
    cg_actions_t actions;
    int cn = cg_rules_pack_find(all, "cn");
    const cg_rules_t *rules = cg_rules_select(all, UINT64_C(1) << cn, pool);
    CU_ASSERT_EQUAL(cg_rules_packs(rules), UINT64_C(1) << cn);
    cg_rules_pack_actions(rules, &actions);
    CU_ASSERT_EQUAL(actions.by_type[CG_TYPE_CN_RESIDENT_ID], CG_ACTION_MASK);
    CU_ASSERT_EQUAL(actions.by_type[CG_TYPE_US_SSN], CG_ACTION_ALLOW);
    CU_ASSERT_EQUAL(actions.by_type[CG_TYPE_SECRET_JWT], CG_ACTION_ALLOW);
    CU_ASSERT_EQUAL(actions.by_type[CG_TYPE_KEYWORD], CG_ACTION_MASK);
    apr_pool_destroy(pool);
}

/* ---- joining ---- */

static void of_several_packs_the_strictest_action_holds(void)
{
    apr_pool_t *pool = open_pool();
    cg_rules_spec_t all;
    cg_rules_spec_t more;
    cg_rules_spec_t plain;
    cg_actions_t actions;
    read_text("a.rules", "type US_SSN log\ntype IP_ADDRESS block\n", &all,
              pool);
    read_text("b.rules", "type US_SSN mask\ntype IP_ADDRESS log\n", &more,
              pool);
    read_text("c.rules", "list x\n  word\n", &plain, pool);
    CU_ASSERT_EQUAL(cg_rules_spec_add(&all, &more, NULL, pool), APR_SUCCESS);
    CU_ASSERT_EQUAL(cg_rules_spec_add(&all, &plain, NULL, pool), APR_SUCCESS);
    const cg_rules_t *rules = compile(&all, pool);
    cg_rules_pack_actions(rules, &actions);
    CU_ASSERT_EQUAL(actions.by_type[CG_TYPE_US_SSN], CG_ACTION_MASK);
    CU_ASSERT_EQUAL(actions.by_type[CG_TYPE_IP_ADDRESS], CG_ACTION_BLOCK);
    CU_ASSERT_EQUAL(actions.by_type[CG_TYPE_CREDIT_CARD], CG_ACTION_ALLOW);
    cg_rules_pack_actions(cg_rules_select(rules, 2, pool), &actions);
    CU_ASSERT_EQUAL(actions.by_type[CG_TYPE_IP_ADDRESS], CG_ACTION_LOG);
    /* A file of words alone takes no type away. */
    cg_rules_pack_actions(cg_rules_select(rules, 4, pool), &actions);
    CU_ASSERT_EQUAL(actions.by_type[CG_TYPE_CREDIT_CARD], CG_ACTION_MASK);
    apr_pool_destroy(pool);
}

static void lists_regexes_and_values_count_where_their_pack_is_chosen(void)
{
    apr_pool_t *pool = open_pool();
    cg_rules_spec_t all = {0};
    cg_rules_spec_t one;
    cg_rules_spec_t two;
    static const cg_regex_t own[] = {{.name = "own", .regex = "own-\\d"}};
    static const cg_rules_spec_t directives = {.regexes = own,
                                               .regex_count = 1};
    read_text("a.rules", "list w\n  falcon\nregex r A-\\d\nallow a@x.example\n",
              &one, pool);
    read_text("b.rules", "list w\n  titan\nregex r B-\\d\nallow b@x.example\n",
              &two, pool);
    cg_rules_spec_add(&all, &directives, NULL, pool);
    cg_rules_spec_add(&all, &one, NULL, pool);
    cg_rules_spec_add(&all, &two, NULL, pool);
    const cg_rules_t *rules = compile(&all, pool);
    static const char *const want[] = {
        "falcon titan A-1 B-1 [CUSTOM:own] [EMAIL_ADDRESS] [EMAIL_ADDRESS]",
        "[KEYWORD] titan [CUSTOM:r] B-1 [CUSTOM:own] a@x.example "
        "[EMAIL_ADDRESS]",
        "falcon [KEYWORD] A-1 [CUSTOM:r] [CUSTOM:own] [EMAIL_ADDRESS] "
        "b@x.example",
        "[KEYWORD] [KEYWORD] [CUSTOM:r] [CUSTOM:r] [CUSTOM:own] a@x.example "
        "b@x.example"};
    cg_actions_t actions;
    cg_actions_default(&actions);
    uint64_t versions[4];
    for (uint64_t packs = 0; packs < 4; packs++) {
        const cg_rules_t *view = cg_rules_select(rules, packs, pool);
        cg_str_t got =
            masked(view, &actions,
                   CG_STR("falcon titan A-1 B-1 own-1 a@x.example b@x.example"),
                   CG_SCAN_PLAIN, pool);
        CU_ASSERT_TRUE(cg_str_is(got, want[packs]));
        versions[packs] = cg_rules_version(view);
        for (uint64_t i = 0; i < packs; i++) {
            CU_ASSERT_NOT_EQUAL(versions[i], versions[packs]);
        }
    }
    const cg_str_t more[] = {CG_STR("b@x.example")};
    const cg_rules_t *view =
        cg_rules_allow_more(cg_rules_select(rules, 1, pool), more, 1, pool);
    CU_ASSERT_NOT_EQUAL(cg_rules_version(view), versions[1]);
    CU_ASSERT_TRUE(cg_str_is(
        masked(view, &actions, CG_STR("a@x.example b@x.example c@x.example"),
               CG_SCAN_PLAIN, pool),
        "a@x.example b@x.example [EMAIL_ADDRESS]"));
    apr_pool_destroy(pool);
}

static void two_packs_of_one_name_are_refused(void)
{
    apr_pool_t *pool = open_pool();
    cg_rules_spec_t one;
    cg_rules_spec_t two;
    cg_error_t err = {{0}};
    read_text("a.rules", "", &one, pool);
    read_text("other.rules", "pack a\n", &two, pool);
    CU_ASSERT_NOT_EQUAL(cg_rules_spec_add(&one, &two, &err, pool), APR_SUCCESS);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "other.rules"));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "a.rules"));
    apr_pool_destroy(pool);
}

static void the_same_files_give_the_same_version(void)
{
    apr_pool_t *pool = open_pool();
    cg_rules_spec_t one;
    cg_rules_spec_t two;
    read_text("a.rules", whole_pack, &one, pool);
    read_text("a.rules", whole_pack, &two, pool);
    uint64_t version = cg_rules_version(compile(&one, pool));
    CU_ASSERT_EQUAL(version, cg_rules_version(compile(&two, pool)));
    static const char *const changes[] = {"list further\n  计划二\n",
                                          "regex second CASE-\\d\n",
                                          "allow y\n",
                                          "type US_ITIN\n",
                                          "keep 1d\n",
                                          "label none\n"};
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        read_text("a.rules", apr_pstrcat(pool, whole_pack, changes[i], NULL),
                  &two, pool);
        CU_ASSERT_NOT_EQUAL(version, cg_rules_version(compile(&two, pool)));
    }
    apr_pool_destroy(pool);
}

CU_TestInfo test_redact_rulefile[] = {
    {"a_pack_says_all_it_has_to_say", a_pack_says_all_it_has_to_say},
    {"a_pack_is_called_as_its_file_until_it_says_otherwise",
     a_pack_is_called_as_its_file_until_it_says_otherwise},
    {"a_fault_is_told_with_its_line_and_what_is_legal",
     a_fault_is_told_with_its_line_and_what_is_legal},
    {"a_line_is_refused_for_what_stands_before_it",
     a_line_is_refused_for_what_stands_before_it},
    {"a_file_that_never_ends_is_not_read", a_file_that_never_ends_is_not_read},
    {"every_type_is_masked_by_some_pack_of_the_product",
     every_type_is_masked_by_some_pack_of_the_product},
    {"regions_say_where_data_may_go_and_what_answers_must_carry",
     regions_say_where_data_may_go_and_what_answers_must_carry},
    {"a_type_outside_the_chosen_packs_is_let_pass",
     a_type_outside_the_chosen_packs_is_let_pass},
    {"of_several_packs_the_strictest_action_holds",
     of_several_packs_the_strictest_action_holds},
    {"lists_regexes_and_values_count_where_their_pack_is_chosen",
     lists_regexes_and_values_count_where_their_pack_is_chosen},
    {"two_packs_of_one_name_are_refused", two_packs_of_one_name_are_refused},
    {"the_same_files_give_the_same_version",
     the_same_files_give_the_same_version},
    CU_TEST_INFO_NULL,
};
