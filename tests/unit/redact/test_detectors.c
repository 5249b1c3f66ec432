/* The table of detectors, and lines that must and must not match.
 * SPDX-License-Identifier: Apache-2.0
 *
 * tests/data/detectors/<name>.txt: "+ text" holds a value of that type, "- text"
 * does not. \n is a line end; \x{} joins the halves of a value that is written
 * in two, so that no scanner of repositories takes it for a real one.
 */
#include "redact/detectors.h"

#include <ctype.h>

#include "redact/cases.h"

/* Undoes \n and \x{}, in place. */
static void unfold(char *line)
{
    char *to = line;
    for (const char *from = line; *from; from++) {
        if (strncmp(from, "\\x{}", 4) == 0) {
            from += 3;
        }
        else if (from[0] == '\\' && from[1] == 'n') {
            *to++ = '\n';
            from++;
        }
        else {
            *to++ = *from;
        }
    }
    *to = 0;
}

static bool holds(const char *text, int type, apr_pool_t *pool)
{
    cg_findings_t findings;
    cg_findings_init(&findings, pool);
    if (cg_redact_scan(cg_rules_builtin(), cg_str(text), CG_SCAN_DEEP,
                       &findings) != APR_SUCCESS) {
        return false;
    }
    for (size_t i = 0; i < findings.count; i++) {
        if (findings.items[i].type == type) {
            return true;
        }
    }
    return false;
}

/* How many lines with + the file of a type has. */
static int check_file(FILE *file, int type, apr_pool_t *pool)
{
    char line[8192];
    int positive = 0;
    while (fgets(line, (int)sizeof line, file)) {
        line[strcspn(line, "\n")] = 0;
        if (line[0] != '+' && line[0] != '-') {
            continue;
        }
        unfold(line);
        bool must = line[0] == '+';
        if (holds(line + 2, type, pool) != must) {
            fprintf(stderr, "%s: %s\n", cg_detector_name(type), line);
            CU_FAIL("a line of tests/data/detectors");
        }
        positive += must;
        apr_pool_clear(pool);
    }
    return positive;
}

static const char *file_of(int type, apr_pool_t *pool)
{
    char *name = apr_pstrdup(pool, cg_detector_name(type));
    for (char *c = name; *c; c++) {
        *c = (char)tolower((unsigned char)*c);
    }
    return data_path(apr_pstrcat(pool, "detectors/", name, ".txt", NULL), pool);
}

static void each_type_finds_what_its_file_says_and_nothing_else(void)
{
    apr_pool_t *pool = open_pool();
    apr_pool_t *paths = open_pool();
    for (int type = CG_TYPE_CREDIT_CARD; type < CG_TYPE_COUNT; type++) {
        if (cg_detector_is_external(type)) {
            continue;
        }
        const char *path = file_of(type, paths);
        FILE *file = fopen(path, "rb");
        if (!file) {
            fprintf(stderr, "%s is missing\n", path);
            CU_FAIL("a file of tests/data/detectors");
            continue;
        }
        CU_ASSERT_TRUE(check_file(file, type, pool) > 0);
        fclose(file);
    }
    apr_pool_destroy(paths);
    apr_pool_destroy(pool);
}

static void names_lead_to_numbers_and_back(void)
{
    for (int type = 0; type < CG_TYPE_COUNT; type++) {
        CU_ASSERT_PTR_NOT_NULL(cg_detectors[type].name);
        CU_ASSERT_PTR_NOT_NULL(cg_detectors[type].what);
        CU_ASSERT_EQUAL(cg_detector_find(cg_detector_name(type)), type);
    }
    CU_ASSERT_EQUAL(cg_detector_find("CREDIT"), -1);
    CU_ASSERT_EQUAL(cg_detector_find("CUSTOM:case"), CG_TYPE_CUSTOM);
    CU_ASSERT_STRING_EQUAL(cg_detector_name(-1), "UNKNOWN");
    CU_ASSERT_STRING_EQUAL(cg_detector_name(CG_TYPE_COUNT), "UNKNOWN");
    CU_ASSERT_TRUE(CG_TYPE_COUNT <= CG_DETECTORS_MAX);
}

static void secrets_are_a_family(void)
{
    for (int type = 0; type < CG_TYPE_COUNT; type++) {
        bool is_named = strncmp(cg_detector_name(type), "SECRET_", 7) == 0;
        CU_ASSERT_EQUAL(cg_detector_is_secret(type), is_named);
    }
}

/* context.c relies on it: a label never reaches into a number. */
static void labels_have_no_digits(void)
{
    for (int type = 0; type < CG_TYPE_COUNT; type++) {
        const char *labels = cg_detectors[type].contexts;
        CU_ASSERT_TRUE(!labels || !labels[strcspn(labels, "0123456789")]);
        CU_ASSERT_TRUE(labels || !cg_detectors[type].needs_context ||
                       type == CG_TYPE_SECRET_PASSWORD);
    }
}

CU_TestInfo test_redact_detectors[] = {
    {"labels_have_no_digits", labels_have_no_digits},
    {"each_type_finds_what_its_file_says_and_nothing_else",
     each_type_finds_what_its_file_says_and_nothing_else},
    {"names_lead_to_numbers_and_back", names_lead_to_numbers_and_back},
    {"secrets_are_a_family", secrets_are_a_family},
    CU_TEST_INFO_NULL,
};
