/* The issuers' keys on the disk: what stands there is in force, and nothing else.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "flow/keysets.h"

#include <sys/stat.h>
#include <unistd.h>

#include <apr_file_io.h>

#include "rows.h"

#define URL "http://127.0.0.1:1/keys"
#define KEY(kid)                                                               \
    "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"" kid "\","                \
    "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}"
#define FILE_OF(url, kid)                                                      \
    "{\"url\":\"" url                                                          \
    "\",\"fetched_at\":1700000000000000}\n{\"keys\":[" KEY(kid) "]}"

/* lives in: its own pool */
typedef struct stage_t {
    apr_pool_t *pool;
    cg_gateway_t gateway;
    cg_issuer_t row;
    cg_issuer_rows_t rows;
    cg_issuer_shared_t shared[CG_ISSUERS_MAX];
    char folder[64];
} stage_t;

static const char *const audiences[] = {"gateway"};

static void open_stage(stage_t *stage)
{
    cg_error_t err;
    *stage = (stage_t){.pool = open_pool(), .folder = "/tmp/cg-keysets-XXXXXX"};
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(stage->folder));
    stage->row = (cg_issuer_t){.name = "corp",
                               .issuer = "https://idp.test",
                               .audiences = audiences,
                               .audiences_count = 1,
                               .algs = {CG_SIG_EDDSA, CG_SIG_NONE},
                               .from = URL,
                               .is_fetched = true};
    stage->rows = (cg_issuer_rows_t){.rows = &stage->row, .count = 1};
    cg_gateway_t *gateway = &stage->gateway;
    gateway->pool = stage->pool;
    gateway->issuer_rows = &stage->rows;
    gateway->issuers_shared = stage->shared;
    void *words = apr_pcalloc(stage->pool, cg_journal_shared_bytes());
    CU_ASSERT_EQUAL_FATAL(cg_journal_open(&gateway->journal, stage->folder,
                                          words, 1 << 20, &err, stage->pool),
                          APR_SUCCESS);
    CU_ASSERT_EQUAL_FATAL(cg_gateway_open_issuers(gateway), APR_SUCCESS);
}

static void close_stage(stage_t *stage)
{
    const char *folder = apr_pstrdup(stage->pool, stage->folder);
    apr_pool_t *temp = open_pool();
    apr_dir_t *dir;
    apr_finfo_t entry;
    folder = apr_pstrdup(temp, folder);
    apr_pool_destroy(stage->pool);
    CU_ASSERT_EQUAL_FATAL(apr_dir_open(&dir, folder, temp), APR_SUCCESS);
    while (apr_dir_read(&entry, APR_FINFO_NAME, dir) == APR_SUCCESS) {
        unlink(apr_pstrcat(temp, folder, "/", entry.name, NULL));
    }
    apr_dir_close(dir);
    CU_ASSERT_EQUAL(rmdir(folder), 0);
    apr_pool_destroy(temp);
}

static void put(const stage_t *stage, const char *text)
{
    const char *path =
        apr_pstrcat(stage->pool, stage->folder, "/issuer-corp.jwks", NULL);
    FILE *file = fopen(path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fputs(text, file);
    fclose(file);
}

/* The name of the one key in force; "" for none. */
static const char *key_in_force(stage_t *stage, uint64_t *out_mark)
{
    cg_keysets_refresh(&stage->gateway);
    const cg_issuers_t *now =
        cg_gateway_take_issuers(&stage->gateway, stage->pool);
    const cg_jwk_set_t *set = now->sets[0];
    *out_mark = now->mark;
    return set ? set->keys[0].kid.ptr : "";
}

static void keysets_take_what_stands_in_the_folder(void)
{
    stage_t stage;
    uint64_t none, first, again, second;
    open_stage(&stage);
    CU_ASSERT_STRING_EQUAL(key_in_force(&stage, &none), "");
    put(&stage, FILE_OF(URL, "a"));
    CU_ASSERT_STRING_EQUAL(key_in_force(&stage, &first), "a");
    CU_ASSERT_STRING_EQUAL(key_in_force(&stage, &again), "a");
    put(&stage, FILE_OF(URL, "b"));
    CU_ASSERT_STRING_EQUAL(key_in_force(&stage, &second), "b");
    /* Tokens that were verified are known as long as the keys are the same. */
    CU_ASSERT_EQUAL(first, again);
    CU_ASSERT_NOT_EQUAL(first, none);
    CU_ASSERT_NOT_EQUAL(first, second);
    close_stage(&stage);
}

static void keysets_of_another_url_or_damaged_do_not_count(void)
{
    static const char *const wrong[] = {
        "",
        "\n",
        "x",
        FILE_OF("http://127.0.0.1:1/other", "a"),
        KEY("a"),
        "{\"url\":\"" URL "\",\"fetched_at\":0}\n" KEY("a"),
        "{\"url\":\"" URL "\",\"fetched_at\":1}\n{\"keys\":[",
        "{\"url\":\"" URL "\",\"fetched_at\":1}"};
    stage_t stage;
    uint64_t mark;
    open_stage(&stage);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        put(&stage, wrong[i]);
        CU_ASSERT_STRING_EQUAL(key_in_force(&stage, &mark), "");
    }
    close_stage(&stage);
}

static void keysets_are_old_when_another_process_put_some_there(void)
{
    stage_t stage;
    uint64_t mark;
    open_stage(&stage);
    key_in_force(&stage, &mark);
    CU_ASSERT_FALSE(cg_keysets_are_old(&stage.gateway, stage.pool));
    cg_atomic_add(&stage.shared[0].serial, 1);
    CU_ASSERT_TRUE(cg_keysets_are_old(&stage.gateway, stage.pool));
    key_in_force(&stage, &mark);
    CU_ASSERT_FALSE(cg_keysets_are_old(&stage.gateway, stage.pool));
    close_stage(&stage);
}

static void keysets_stay_when_the_issuer_does_not_answer(void)
{
    stage_t stage;
    uint64_t mark;
    cg_error_t err = {""};
    cg_keyset_state_t state;
    open_stage(&stage);
    put(&stage, FILE_OF(URL, "a"));
    CU_ASSERT_NOT_EQUAL(
        cg_keysets_fetch(&stage.gateway, &stage.row, NULL, &err, stage.pool),
        APR_SUCCESS);
    CU_ASSERT_STRING_NOT_EQUAL(err.text, "");
    CU_ASSERT_EQUAL(stage.shared[0].serial, 0);
    CU_ASSERT_STRING_EQUAL(key_in_force(&stage, &mark), "a");
    cg_keysets_state(&stage.gateway, &stage.row, &state, stage.pool);
    CU_ASSERT_EQUAL(state.fetched_at, INT64_C(1700000000000000));
    CU_ASSERT_TRUE(state.tried_at > state.fetched_at);
    CU_ASSERT_STRING_EQUAL(state.error, err.text);
    close_stage(&stage);
}

CU_TestInfo test_flow_keysets[] = {
    {"keysets take what stands in the folder",
     keysets_take_what_stands_in_the_folder},
    {"keysets of another URL, or damaged, do not count",
     keysets_of_another_url_or_damaged_do_not_count},
    {"keysets are old when another process put some there",
     keysets_are_old_when_another_process_put_some_there},
    {"keysets stay when the issuer does not answer",
     keysets_stay_when_the_issuer_does_not_answer},
    CU_TEST_INFO_NULL};
