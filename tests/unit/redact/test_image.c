/* Compiled rules as a file: the same findings, in any process; damage refused.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "redact/rules.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "redact/cases.h"

static const char text[] =
    "Project Falcon, CASE-123456 for a@example.com and b@example.org; 机密件 4 "
    "TITAN Titan wiki/page?x=1 内部资料";
static const char masked_text[] =
    "[KEYWORD], [CUSTOM:case] for a@example.com and [EMAIL_ADDRESS]; "
    "[CUSTOM:zh] TITAN [KEYWORD] [CUSTOM:wiki] [KEYWORD]";

static cg_rules_t *make(apr_pool_t *pool)
{
    static const cg_str_t words[] = {{"project falcon", 14},
                                     {"\xe5\x86\x85\xe9\x83\xa8\xe8\xb5\x84"
                                      "\xe6\x96\x99",
                                      12}};
    static const cg_str_t exact[] = {{"Titan", 5}};
    static const cg_word_list_t lists[] = {
        {"loose", words, 2, true, true, 1, 0},
        {"strict", exact, 1, false, true, 0, 1 + CG_ACTION_MASK}};
    static const cg_regex_t regexes[] = {
        {"case", "CASE-[0-9]{4,6}", true, 0, 0, 0},
        {"zh", "机密. \\d", false, 1, 1 + CG_ACTION_MASK, 0},
        {"wiki", "wiki/[^\\s\"]{1,60}", false, 0, 0, 0}};
    static const cg_str_t allowed[] = {{"@example.com", 12}};
    static const uint64_t allowed_packs[] = {1};
    static const char *const upstreams[] = {"cn", "hk"};
    static const cg_pack_t packs[] = {
        {.name = "ours",
         .title = "Ours 我们的",
         .path = "ours.rules",
         .action = {[CG_TYPE_US_SSN] = 1 + CG_ACTION_BLOCK},
         .has_types = false,
         .region = "cn",
         .upstreams = upstreams,
         .upstream_count = 2,
         .keep_for = 1000,
         .label = CG_LABEL_REQUIRED,
         .label_count = 1,
         .labels = {{"en", "by AI"}}}};
    static const cg_rules_spec_t spec = {.lists = lists,
                                         .list_count = 2,
                                         .regexes = regexes,
                                         .regex_count = 3,
                                         .allowed = allowed,
                                         .allowed_count = 1,
                                         .allowed_packs = allowed_packs,
                                         .packs = packs,
                                         .pack_count = 1};
    cg_rules_t *rules = NULL;
    CU_ASSERT_EQUAL_FATAL(cg_rules_create(&spec, &rules, NULL, pool),
                          APR_SUCCESS);
    return rules;
}

static cg_str_t mask_by(const cg_rules_t *rules, apr_pool_t *pool)
{
    cg_actions_t actions;
    cg_actions_default(&actions);
    return masked(rules, &actions, cg_str(text), CG_SCAN_PLAIN, pool);
}

static const char *image_path(apr_pool_t *pool)
{
    char *path = apr_pstrdup(pool, "/tmp/cg-image-XXXXXX");
    close(mkstemp(path));
    return path;
}

static const char *saved(apr_pool_t *pool)
{
    const char *path = image_path(pool);
    cg_error_t err = {{0}};
    CU_ASSERT_EQUAL_FATAL(cg_rules_save(make(pool), path, &err, pool),
                          APR_SUCCESS);
    return path;
}

static void mapped_rules_find_what_the_compiled_ones_find(void)
{
    apr_pool_t *pool = open_pool();
    cg_rules_t *made = make(pool);
    const char *path = saved(pool);
    const cg_rules_t *rules = NULL;
    cg_error_t err = {{0}};
    struct stat info;
    CU_ASSERT_EQUAL(stat(path, &info), 0);
    CU_ASSERT_EQUAL(info.st_mode & 0777, 0600);
    CU_ASSERT_EQUAL_FATAL(cg_rules_map(path, &rules, &err, pool), APR_SUCCESS);
    CU_ASSERT_TRUE(cg_str_is(mask_by(made, pool), masked_text));
    CU_ASSERT_TRUE(cg_str_is(mask_by(rules, pool), masked_text));
    CU_ASSERT_EQUAL(cg_rules_version(rules), cg_rules_version(made));
    const cg_rules_t *none = cg_rules_select(rules, 0, pool);
    CU_ASSERT_EQUAL(cg_rules_version(none),
                    cg_rules_version(cg_rules_select(made, 0, pool)));
    CU_ASSERT_NOT_EQUAL(cg_rules_version(none), cg_rules_version(rules));
    CU_ASSERT_TRUE(cg_str_is(
        mask_by(none, pool),
        "Project Falcon, [CUSTOM:case] for [EMAIL_ADDRESS] and "
        "[EMAIL_ADDRESS]; 机密件 4 TITAN [KEYWORD] [CUSTOM:wiki] 内部资料"));
    remove(path);
    apr_pool_destroy(pool);
}

static void packs_come_back_as_they_were(void)
{
    apr_pool_t *pool = open_pool();
    const char *path = saved(pool);
    const cg_rules_t *rules = NULL;
    CU_ASSERT_EQUAL_FATAL(cg_rules_map(path, &rules, NULL, pool), APR_SUCCESS);
    CU_ASSERT_EQUAL(cg_rules_pack_count(rules), 1);
    CU_ASSERT_EQUAL(cg_rules_pack_find(rules, "ours"), 0);
    CU_ASSERT_EQUAL(cg_rules_pack_find(rules, "ours.rules"), 0);
    CU_ASSERT_EQUAL(cg_rules_pack_find(rules, "theirs"), -1);
    const cg_pack_t *pack = cg_rules_pack(rules, 0);
    CU_ASSERT_STRING_EQUAL(pack->title, "Ours 我们的");
    CU_ASSERT_STRING_EQUAL(pack->region, "cn");
    CU_ASSERT_STRING_EQUAL(pack->upstreams[1], "hk");
    CU_ASSERT_EQUAL(pack->keep_for, 1000);
    CU_ASSERT_EQUAL(pack->label, CG_LABEL_REQUIRED);
    CU_ASSERT_STRING_EQUAL(pack->labels[0].text, "by AI");
    CU_ASSERT_EQUAL(pack->action[CG_TYPE_US_SSN], 1 + CG_ACTION_BLOCK);
    cg_actions_t actions;
    cg_rules_pack_actions(rules, &actions);
    CU_ASSERT_EQUAL(actions.by_type[CG_TYPE_US_SSN], CG_ACTION_BLOCK);
    cg_actions_all(&actions, CG_ACTION_LOG);
    CU_ASSERT_EQUAL(cg_rules_action(rules, &actions, CG_TYPE_CUSTOM, 0),
                    CG_ACTION_LOG);
    CU_ASSERT_EQUAL(cg_rules_action(rules, &actions, CG_TYPE_CUSTOM, 1),
                    CG_ACTION_MASK);
    actions.least_custom = CG_ACTION_BLOCK;
    CU_ASSERT_EQUAL(cg_rules_action(rules, &actions, CG_TYPE_CUSTOM, 1),
                    CG_ACTION_BLOCK);
    remove(path);
    apr_pool_destroy(pool);
}

/* Each child maps at another address, and all scan at once. */
static void many_processes_map_one_file(void)
{
    enum { CHILDREN = 4 };
    apr_pool_t *pool = open_pool();
    const char *path = saved(pool);
    pid_t children[CHILDREN];
    for (int i = 0; i < CHILDREN; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            const cg_rules_t *rules = NULL;
            apr_palloc(pool, (apr_size_t)(i + 1) * 300000);
            bool is_right =
                cg_rules_map(path, &rules, NULL, pool) == APR_SUCCESS;
            for (int k = 0; is_right && k < 50; k++) {
                is_right = cg_str_is(mask_by(rules, pool), masked_text);
            }
            _exit(is_right ? 0 : 1);
        }
    }
    for (int i = 0; i < CHILDREN; i++) {
        int status = -1;
        waitpid(children[i], &status, 0);
        CU_ASSERT_EQUAL(status, 0);
    }
    remove(path);
    apr_pool_destroy(pool);
}

static void a_file_that_is_replaced_stays_mapped(void)
{
    apr_pool_t *pool = open_pool();
    const char *path = saved(pool);
    const cg_rules_t *rules = NULL;
    const cg_rules_t *next = NULL;
    CU_ASSERT_EQUAL_FATAL(cg_rules_map(path, &rules, NULL, pool), APR_SUCCESS);
    CU_ASSERT_EQUAL(cg_rules_save(cg_rules_builtin(), path, NULL, pool),
                    APR_SUCCESS);
    CU_ASSERT_EQUAL_FATAL(cg_rules_map(path, &next, NULL, pool), APR_SUCCESS);
    CU_ASSERT_TRUE(cg_str_is(mask_by(rules, pool), masked_text));
    CU_ASSERT_FALSE(cg_str_is(mask_by(next, pool), masked_text));
    remove(path);
    apr_pool_destroy(pool);
}

static size_t load(const char *path, char **out, apr_pool_t *pool)
{
    FILE *file = fopen(path, "rb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fseek(file, 0, SEEK_END);
    size_t len = (size_t)ftell(file);
    rewind(file);
    *out = apr_palloc(pool, len);
    CU_ASSERT_EQUAL(fread(*out, 1, len, file), len);
    fclose(file);
    return len;
}

static bool is_refused(const char *path, const char *bytes, size_t len,
                       apr_pool_t *pool)
{
    const cg_rules_t *rules = NULL;
    cg_error_t err = {{0}};
    apr_pool_t *aside = open_pool();
    FILE *file = fopen(path, "wb");
    fwrite(bytes, 1, len, file);
    fclose(file);
    apr_status_t status = cg_rules_map(path, &rules, &err, aside);
    bool is_no =
        status != APR_SUCCESS && !rules && strstr(err.text, path) != NULL;
    (void)pool;
    apr_pool_destroy(aside);
    return is_no;
}

static void a_damaged_file_is_refused(void)
{
    apr_pool_t *pool = open_pool();
    const char *path = saved(pool);
    char *bytes;
    size_t len = load(path, &bytes, pool);
    CU_ASSERT_FALSE(is_refused(path, bytes, len, pool));
    for (size_t at = 0; at < len; at += at < 200 ? 1 : len / 97) {
        bytes[at] ^= 0x10;
        CU_ASSERT_TRUE(is_refused(path, bytes, len, pool));
        bytes[at] ^= 0x10;
    }
    for (size_t cut = 0; cut < len; cut += cut < 300 ? 17 : len / 41) {
        CU_ASSERT_TRUE(is_refused(path, bytes, cut, pool));
    }
    remove(path);
    const cg_rules_t *rules = NULL;
    CU_ASSERT_NOT_EQUAL(cg_rules_map(path, &rules, NULL, pool), APR_SUCCESS);
    apr_pool_destroy(pool);
}

static void a_folder_that_is_not_there_is_told(void)
{
    apr_pool_t *pool = open_pool();
    cg_error_t err = {{0}};
    CU_ASSERT_NOT_EQUAL(
        cg_rules_save(make(pool), "/nonexistent/x.image", &err, pool),
        APR_SUCCESS);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "/nonexistent/x.image"));
    apr_pool_destroy(pool);
}

CU_TestInfo test_redact_image[] = {
    {"mapped_rules_find_what_the_compiled_ones_find",
     mapped_rules_find_what_the_compiled_ones_find},
    {"packs_come_back_as_they_were", packs_come_back_as_they_were},
    {"many_processes_map_one_file", many_processes_map_one_file},
    {"a_file_that_is_replaced_stays_mapped",
     a_file_that_is_replaced_stays_mapped},
    {"a_damaged_file_is_refused", a_damaged_file_is_refused},
    {"a_folder_that_is_not_there_is_told", a_folder_that_is_not_there_is_told},
    CU_TEST_INFO_NULL,
};
