/* Policy documents: what is wrong with one, and what differs between two.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Both are tested by data, tests/data/policy: a document and its faults; two
 * documents and their changes, each "pointer what effect".
 */
#include "redact/document.h"

#include "redact/cases.h"

extern CU_TestInfo test_redact_document[];

/* Two packs: one masks, one blocks. */
static const cg_rules_t *known_rules(apr_pool_t *pool)
{
    static cg_pack_t packs[2];
    cg_rules_t *rules = NULL;
    cg_error_t err = {""};
    packs[0] = (cg_pack_t){.name = "cn", .title = "China", .has_types = true};
    packs[0].action[CG_TYPE_CN_RESIDENT_ID] = 1 + CG_ACTION_BLOCK;
    packs[0].action[CG_TYPE_EMAIL_ADDRESS] = 1 + CG_ACTION_MASK;
    packs[1] = (cg_pack_t){.name = "us", .title = "USA", .has_types = true};
    packs[1].action[CG_TYPE_US_SSN] = 1 + CG_ACTION_MASK;
    packs[1].action[CG_TYPE_CREDIT_CARD] = 1 + CG_ACTION_MASK;
    packs[1].action[CG_TYPE_EMAIL_ADDRESS] = 1 + CG_ACTION_MASK;
    for (int i = 0; i < 2; i++) {
        packs[i].action[CG_TYPE_KEYWORD] = 1 + CG_ACTION_MASK;
        packs[i].action[CG_TYPE_CUSTOM] = 1 + CG_ACTION_MASK;
    }
    const cg_rules_spec_t spec = {.packs = packs, .pack_count = 2};
    if (cg_rules_create(&spec, &rules, &err, pool) != APR_SUCCESS) {
        fprintf(stderr, "%s\n", err.text);
        CU_FAIL_FATAL("packs that should compile");
    }
    return rules;
}

static apr_array_header_t *no_faults(apr_pool_t *pool)
{
    return apr_array_make(pool, 4, sizeof(cg_document_fault_t));
}

/* Each line of a file as JSON values; a file that is not there fails. */
static int each_json(const char *name,
                     void (*on_case)(cg_json_t *, apr_pool_t *))
{
    apr_pool_t *pool = open_pool();
    FILE *file = fopen(data_path(name, pool), "rb");
    char *line = NULL;
    size_t cap = 0;
    int count = 0;
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    for (ssize_t len = getline(&line, &cap, file); len > 0;
         len = getline(&line, &cap, file)) {
        apr_pool_t *scratch;
        apr_pool_create(&scratch, pool);
        cg_error_t err = {""};
        cg_json_t *json = cg_json_parse(line, (size_t)len, &err, scratch);
        if (!json) {
            fprintf(stderr, "%s: %s\n", name, err.text);
        }
        CU_ASSERT_PTR_NOT_NULL_FATAL(json);
        on_case(json, scratch);
        count++;
        apr_pool_destroy(scratch);
    }
    free(line);
    fclose(file);
    apr_pool_destroy(pool);
    return count;
}

static bool has_text(const cg_json_t *array, const char *text)
{
    for (size_t i = 0; i < cg_json_size(array); i++) {
        if (strcmp(cg_json_text(cg_json_at(array, i)), text) == 0) {
            return true;
        }
    }
    return false;
}

/* ---- faults -------------------------------------------------------------- */

static void check_faults(cg_json_t *row, apr_pool_t *pool)
{
    const cg_json_t *expected = cg_json_get(row, "faults");
    apr_array_header_t *faults = no_faults(pool);
    cg_document_t document;
    bool is_sound =
        cg_document_read(cg_json_get(row, "document"), known_rules(pool),
                         &document, faults, pool) &&
        cg_document_prove(&document, apr_time_from_sec(20), faults, pool);
    bool is_right = is_sound == (cg_json_size(expected) == 0) &&
                    (size_t)faults->nelts == cg_json_size(expected);
    for (int i = 0; i < faults->nelts; i++) {
        const cg_document_fault_t *one =
            &APR_ARRAY_IDX(faults, i, cg_document_fault_t);
        const char *told =
            apr_pstrcat(pool, one->pointer, " ", one->code, NULL);
        is_right = is_right && has_text(expected, told) && *one->detail;
        if (!has_text(expected, told)) {
            fprintf(stderr, "\n    %s: unexpected %s (%s)\n",
                    cg_json_get_str(row, "name", "?"), told, one->detail);
        }
    }
    CU_ASSERT(is_right);
    if (!is_right) {
        fprintf(stderr, "\n    faults of: %s (%d)\n",
                cg_json_get_str(row, "name", "?"), faults->nelts);
    }
}

static void every_fault_of_a_document_has_a_pointer(void)
{
    CU_ASSERT(each_json("policy/faults.jsonl", check_faults) > 15);
}

static cg_json_t *parse(const char *text, apr_pool_t *pool)
{
    return cg_json_parse(text, strlen(text), NULL, pool);
}

static void faults_are_told_up_to_a_bound(void)
{
    apr_pool_t *pool = open_pool();
    cg_json_t *json = cg_json_object(pool);
    cg_json_t *allowed = cg_json_array(pool);
    for (int i = 0; i < 1000; i++) {
        cg_json_add_int(allowed, i);
    }
    cg_json_set(json, "allowed", allowed);
    apr_array_header_t *faults = no_faults(pool);
    cg_document_t document;
    CU_ASSERT_FALSE(
        cg_document_read(json, known_rules(pool), &document, faults, pool));
    CU_ASSERT_EQUAL(faults->nelts, CG_DOCUMENT_FAULTS_MAX);
    apr_pool_destroy(pool);
}

static void sizes_are_bounded(void)
{
    apr_pool_t *pool = open_pool();
    cg_json_t *json =
        parse("{\"lists\":[{\"name\":\"a\",\"words\":[]}]}", pool);
    cg_json_t *words =
        cg_json_get(cg_json_at(cg_json_get(json, "lists"), 0), "words");
    for (int i = 0; i <= CG_DOCUMENT_WORDS_MAX; i++) {
        cg_json_add_str(words, "same");
    }
    char regex[CG_DOCUMENT_REGEX_BYTES_MAX + 2];
    memset(regex, 'a', sizeof regex - 1);
    regex[sizeof regex - 1] = '\0';
    cg_json_t *pattern = parse("[{\"name\":\"p\",\"regex\":\"\"}]", pool);
    cg_json_set_str(cg_json_at(pattern, 0), "regex", regex);
    cg_json_set(json, "patterns", pattern);
    apr_array_header_t *faults = no_faults(pool);
    cg_document_t document;
    CU_ASSERT_FALSE(
        cg_document_read(json, known_rules(pool), &document, faults, pool));
    CU_ASSERT_EQUAL_FATAL(faults->nelts, 2);
    CU_ASSERT_STRING_EQUAL(APR_ARRAY_IDX(faults, 0, cg_document_fault_t).code,
                           "too_many");
    CU_ASSERT_STRING_EQUAL(APR_ARRAY_IDX(faults, 1, cg_document_fault_t).code,
                           "bad_length");
    apr_pool_destroy(pool);
}

static void compiling_ends_at_its_time(void)
{
    apr_pool_t *pool = open_pool();
    cg_json_t *json = parse("{\"patterns\":[{\"name\":\"a\",\"regex\":\"one\"},"
                            "{\"name\":\"b\",\"regex\":\"two\"}]}",
                            pool);
    apr_array_header_t *faults = no_faults(pool);
    cg_document_t document;
    CU_ASSERT_TRUE(
        cg_document_read(json, known_rules(pool), &document, faults, pool));
    CU_ASSERT_FALSE(cg_document_prove(&document, -1, faults, pool));
    CU_ASSERT_EQUAL_FATAL(faults->nelts, 1);
    CU_ASSERT_STRING_EQUAL(APR_ARRAY_IDX(faults, 0, cg_document_fault_t).code,
                           "too_costly");
    apr_pool_destroy(pool);
}

/* ---- differences --------------------------------------------------------- */

static void read_sound(cg_json_t *json, const cg_rules_t *known,
                       cg_document_t *out, apr_pool_t *pool)
{
    apr_array_header_t *faults = no_faults(pool);
    CU_ASSERT_TRUE_FATAL(cg_document_read(json, known, out, faults, pool));
}

static void check_changes(cg_json_t *row, apr_pool_t *pool)
{
    const cg_rules_t *known = known_rules(pool);
    const cg_json_t *expected = cg_json_get(row, "changes");
    cg_document_t before, after;
    bool loosens = false;
    read_sound(cg_json_get(row, "before"), known, &before, pool);
    read_sound(cg_json_get(row, "after"), known, &after, pool);
    cg_json_t *changes =
        cg_document_compare(&before, &after, known, &loosens, pool);
    bool is_right = loosens == cg_json_get_bool(row, "loosens", false) &&
                    cg_json_size(changes) == cg_json_size(expected);
    for (size_t i = 0; i < cg_json_size(changes); i++) {
        const cg_json_t *one = cg_json_at(changes, i);
        const char *told =
            apr_pstrcat(pool, cg_json_get_str(one, "pointer", "?"), " ",
                        cg_json_get_str(one, "what", "?"), " ",
                        cg_json_get_str(one, "effect", "?"), NULL);
        is_right = is_right && has_text(expected, told);
        if (!has_text(expected, told)) {
            fprintf(stderr, "\n    %s: %s\n", cg_json_get_str(row, "name", "?"),
                    told);
        }
    }
    CU_ASSERT(is_right);
    if (!is_right) {
        fprintf(stderr, "\n    changes of: %s (%d, loosens %d)\n",
                cg_json_get_str(row, "name", "?"), (int)cg_json_size(changes),
                loosens);
    }
}

static void every_change_is_told_with_its_effect(void)
{
    CU_ASSERT(each_json("policy/changes.jsonl", check_changes) > 40);
}

/* The way back of what makes stricter alone is looser: no change is passed over
 * in one direction. */
static void check_way_back(cg_json_t *row, apr_pool_t *pool)
{
    const cg_rules_t *known = known_rules(pool);
    cg_document_t before, after;
    bool loosens = false;
    read_sound(cg_json_get(row, "after"), known, &before, pool);
    read_sound(cg_json_get(row, "before"), known, &after, pool);
    cg_json_t *changes =
        cg_document_compare(&before, &after, known, &loosens, pool);
    const char *told = cg_json_dump(cg_json_get(row, "changes"), NULL, pool);
    bool tightens = strstr(told, "stricter") != NULL;
    CU_ASSERT((cg_json_size(changes) == 0) == (strcmp(told, "[]") == 0));
    CU_ASSERT(!tightens || loosens);
    if (tightens && !loosens) {
        fprintf(stderr, "\n    the way back of: %s\n",
                cg_json_get_str(row, "name", "?"));
    }
}

static void the_way_back_of_a_stricter_change_is_looser(void)
{
    CU_ASSERT(each_json("policy/changes.jsonl", check_way_back) > 40);
}

static void many_changes_are_bounded_but_all_are_weighed(void)
{
    apr_pool_t *pool = open_pool();
    const cg_rules_t *known = known_rules(pool);
    cg_json_t *rows = cg_json_array(pool);
    cg_document_t before, after;
    bool loosens = false;
    for (int i = 0; i < CG_DOCUMENT_PATTERNS_MAX; i++) {
        cg_json_t *row = cg_json_object(pool);
        cg_json_set_str(row, "name", apr_psprintf(pool, "p%d", i));
        cg_json_set_str(row, "regex", "one");
        cg_json_add(rows, row);
    }
    cg_json_t *old = cg_json_object(pool);
    cg_json_set(old, "patterns", rows);
    cg_json_t *types =
        parse("[{\"type\":\"*\",\"action\":\"block\",\"direction\":"
              "\"request\"},{\"type\":\"*\",\"action\":\"mask\","
              "\"direction\":\"answer\"}]",
              pool);
    cg_json_t *new = cg_json_object(pool);
    cg_json_set(new, "types", types);
    read_sound(old, known, &before, pool);
    read_sound(new, known, &after, pool);
    cg_json_t *changes =
        cg_document_compare(&before, &after, known, &loosens, pool);
    CU_ASSERT(cg_json_size(changes) > 300);
    CU_ASSERT(cg_json_size(changes) <= CG_DOCUMENT_CHANGES_MAX);
    CU_ASSERT_TRUE(loosens);
    apr_pool_destroy(pool);
}

static void changed_words_are_told_with_examples(void)
{
    apr_pool_t *pool = open_pool();
    const cg_rules_t *known = known_rules(pool);
    cg_document_t before, after;
    bool loosens = false;
    read_sound(
        parse("{\"lists\":[{\"name\":\"a\",\"words\":[\"one\",\"two\"]}]}",
              pool),
        known, &before, pool);
    read_sound(parse("{\"lists\":[{\"name\":\"a\",\"words\":[\"two\",\"six\","
                     "\"ten\"]}]}",
                     pool),
               known, &after, pool);
    cg_json_t *changes =
        cg_document_compare(&before, &after, known, &loosens, pool);
    CU_ASSERT_EQUAL_FATAL(cg_json_size(changes), 1);
    const cg_json_t *one = cg_json_at(changes, 0);
    CU_ASSERT_EQUAL(cg_json_get_int(one, "before", 0), 2);
    CU_ASSERT_EQUAL(cg_json_get_int(one, "after", 0), 3);
    CU_ASSERT_STRING_EQUAL(cg_json_dump(cg_json_get(one, "added"), NULL, pool),
                           "[\"six\",\"ten\"]");
    CU_ASSERT_STRING_EQUAL(
        cg_json_dump(cg_json_get(one, "removed"), NULL, pool), "[\"one\"]");
    apr_pool_destroy(pool);
}

/* ---- compiling ----------------------------------------------------------- */

static void a_document_adds_to_the_rules_of_the_configuration(void)
{
    apr_pool_t *pool = open_pool();
    const cg_str_t words[] = {CG_STR("Heron")};
    const cg_word_list_t list = {
        .name = "own", .words = words, .count = 1, .is_caseless = true};
    const cg_rules_spec_t configured = {.lists = &list, .list_count = 1};
    cg_document_t document;
    cg_rules_t *rules = NULL;
    cg_error_t err = {""};
    read_sound(
        parse("{\"lists\":[{\"name\":\"clients\",\"words\":[\"Falcon\"]}],"
              "\"patterns\":[{\"name\":\"ticket\",\"regex\":\"TICKET-[0-9]"
              "{4}\"}],\"allowed\":[\"@example.com\"]}",
              pool),
        cg_rules_builtin(), &document, pool);
    CU_ASSERT_EQUAL_FATAL(
        cg_document_compile(&document, &configured, &rules, &err, pool),
        APR_SUCCESS);
    cg_findings_t findings;
    cg_findings_init(&findings, pool);
    CU_ASSERT_EQUAL(
        cg_redact_scan(rules,
                       CG_STR("heron falcon TICKET-1234 joe@example.com"),
                       CG_SCAN_DEEP, &findings),
        APR_SUCCESS);
    CU_ASSERT_EQUAL_FATAL(findings.count, 3);
    CU_ASSERT_STRING_EQUAL(
        cg_rules_name(rules, findings.items[0].type, findings.items[0].rule),
        "own");
    CU_ASSERT_STRING_EQUAL(
        cg_rules_name(rules, findings.items[1].type, findings.items[1].rule),
        "clients");
    CU_ASSERT_STRING_EQUAL(
        cg_rules_name(rules, findings.items[2].type, findings.items[2].rule),
        "ticket");
    apr_pool_destroy(pool);
}

CU_TestInfo test_redact_document[] = {
    {"every_fault_of_a_document_has_a_pointer",
     every_fault_of_a_document_has_a_pointer},
    {"faults_are_told_up_to_a_bound", faults_are_told_up_to_a_bound},
    {"sizes_are_bounded", sizes_are_bounded},
    {"compiling_ends_at_its_time", compiling_ends_at_its_time},
    {"every_change_is_told_with_its_effect",
     every_change_is_told_with_its_effect},
    {"the_way_back_of_a_stricter_change_is_looser",
     the_way_back_of_a_stricter_change_is_looser},
    {"many_changes_are_bounded_but_all_are_weighed",
     many_changes_are_bounded_but_all_are_weighed},
    {"changed_words_are_told_with_examples",
     changed_words_are_told_with_examples},
    {"a_document_adds_to_the_rules_of_the_configuration",
     a_document_adds_to_the_rules_of_the_configuration},
    CU_TEST_INFO_NULL,
};
