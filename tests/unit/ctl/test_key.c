/* chatgptctl key: what scripts rely on.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <CUnit/CUnit.h>

#include <apr_strings.h>

#include "auth/apikey.h"
#include "base/clock.h"
#include "base/json.h"
#include "ctl/ctl.h"
#include "redis_fixture.h"

#define WORDS_MAX 20
#define LINES_MAX 8

static const char pepper_text[] = "0123456789abcdef0123456789abcdef";

typedef struct tool_t {
    apr_pool_t *pool;
    redis_fixture_t *redis;
    char pepper_path[64];
    int status;
    cg_json_t *lines[LINES_MAX];
    int count;
} tool_t;

static void tool_open(tool_t *tool)
{
    memset(tool, 0, sizeof *tool);
    apr_pool_create(&tool->pool, NULL);
    tool->redis = redis_fixture_shared();
    apr_cpystrn(tool->pepper_path, "/tmp/cg-pepper-XXXXXX",
                sizeof tool->pepper_path);
    int fd = mkstemp(tool->pepper_path);
    CU_ASSERT_EQUAL_FATAL(write(fd, pepper_text, 32), 32);
    close(fd);
}

static void tool_close(tool_t *tool)
{
    unlink(tool->pepper_path);
    apr_pool_destroy(tool->pool);
}

static void read_lines(tool_t *tool, FILE *from)
{
    char line[4096];
    rewind(from);
    tool->count = 0;
    while (tool->count < LINES_MAX && fgets(line, sizeof line, from)) {
        tool->lines[tool->count++] =
            cg_json_parse(line, strlen(line), NULL, tool->pool);
        CU_ASSERT_PTR_NOT_NULL_FATAL(tool->lines[tool->count - 1]);
    }
}

/* Runs "key", the words up to NULL, and the options that lead to the test's
 * store; reads what it printed. */
static void run(tool_t *tool, const char *const *words)
{
    const char *argv[WORDS_MAX + 6] = {"key"};
    int argc = 1;
    while (argc < WORDS_MAX && words[argc - 1]) {
        argv[argc] = words[argc - 1];
        argc++;
    }
    argv[argc++] = "--store";
    argv[argc++] = tool->redis->url;
    argv[argc++] = "--pepper";
    argv[argc++] = tool->pepper_path;
    char *copies[WORDS_MAX + 6];
    for (int i = 0; i < argc; i++) {
        copies[i] = apr_pstrdup(tool->pool, argv[i]);
    }
    FILE *out = tmpfile();
    FILE *noise = tmpfile();
    fflush(stdout);
    int was_out = dup(1), was_err = dup(2);
    dup2(fileno(out), 1);
    dup2(fileno(noise), 2);
    tool->status = cg_ctl_key(argc, copies);
    fflush(stdout);
    dup2(was_out, 1);
    dup2(was_err, 2);
    close(was_out);
    close(was_err);
    read_lines(tool, out);
    fclose(out);
    fclose(noise);
}

#define RUN(tool, ...) run(tool, (const char *const[]){__VA_ARGS__, NULL})

static cg_key_verdict_t verify(tool_t *tool, const char *spelled, cg_key_t *out)
{
    cg_store_t *store = redis_fixture_store(tool->redis, tool->pool);
    cg_pepper_t *pepper = cg_pepper_make(pepper_text, 32, NULL, tool->pool);
    cg_keyring_t *ring = cg_keyring_open(store, pepper, NULL, 0, 0, tool->pool);
    return cg_apikey_verify(ring, cg_str(spelled), cg_clock_now(), out, NULL,
                            tool->pool);
}

static void create_prints_id_and_key_and_the_key_is_valid(void)
{
    tool_t tool;
    cg_key_t key;
    tool_open(&tool);
    RUN(&tool, "create", "--name", "app", "--user", "ann", "--team", "red",
        "--models", "gpt-4o,o3*", "--limit", "100/60s", "--limit",
        "10000tokens/60s", "--budget", "5USD/month", "--expires", "90d");
    CU_ASSERT_EQUAL(tool.status, 0);
    CU_ASSERT_EQUAL_FATAL(tool.count, 1);
    const char *spelled = cg_json_get_str(tool.lines[0], "key", "");
    CU_ASSERT_EQUAL(verify(&tool, spelled, &key), CG_KEY_OK);
    CU_ASSERT_STRING_EQUAL(key.id, cg_json_get_str(tool.lines[0], "id", ""));
    CU_ASSERT_STRING_EQUAL(key.team, "red");
    CU_ASSERT_EQUAL(key.limits_count, 3);
    CU_ASSERT(key.expires_at > key.created_at + apr_time_from_sec(89 * 86400));
    tool_close(&tool);
}

static void list_shows_keys_and_no_secret(void)
{
    tool_t tool;
    tool_open(&tool);
    RUN(&tool, "create", "--name", "one");
    RUN(&tool, "create", "--name", "two");
    const char *spelled = cg_json_get_str(tool.lines[0], "key", "");
    RUN(&tool, "list");
    CU_ASSERT_EQUAL(tool.status, 0);
    CU_ASSERT_EQUAL_FATAL(tool.count, 2);
    for (int i = 0; i < 2; i++) {
        size_t len;
        const char *text = cg_json_dump(tool.lines[i], &len, tool.pool);
        CU_ASSERT_PTR_NULL(strstr(text, spelled + 12));
        CU_ASSERT_STRING_EQUAL(cg_json_get_str(tool.lines[i], "state", ""),
                               "active");
    }
    tool_close(&tool);
}

static void rotate_and_revoke_end_the_old_secret(void)
{
    tool_t tool;
    cg_key_t key;
    tool_open(&tool);
    RUN(&tool, "create", "--name", "app");
    const char *first = cg_json_get_str(tool.lines[0], "key", "");
    const char *id = cg_json_get_str(tool.lines[0], "id", "");
    RUN(&tool, "rotate", id, "--grace", "0s");
    CU_ASSERT_EQUAL_FATAL(tool.count, 1);
    const char *second = cg_json_get_str(tool.lines[0], "key", "");
    CU_ASSERT_EQUAL(verify(&tool, first, &key), CG_KEY_WRONG_SECRET);
    CU_ASSERT_EQUAL(verify(&tool, second, &key), CG_KEY_OK);
    RUN(&tool, "revoke", id);
    CU_ASSERT_EQUAL(tool.status, 0);
    CU_ASSERT_EQUAL(verify(&tool, second, &key), CG_KEY_REVOKED);
    RUN(&tool, "rotate", id);
    CU_ASSERT_EQUAL(tool.status, 1);
    tool_close(&tool);
}

static const char *said(const tool_t *tool, const char *name)
{
    return cg_json_get_str(tool->lines[0], name, "-");
}

static void rotate_leaves_both_secrets_for_a_day_or_until_end_grace(void)
{
    tool_t tool;
    cg_key_t key;
    tool_open(&tool);
    RUN(&tool, "create", "--name", "app");
    const char *first = said(&tool, "key");
    const char *id = said(&tool, "id");
    RUN(&tool, "rotate", id);
    const char *second = said(&tool, "key");
    CU_ASSERT_STRING_EQUAL(said(&tool, "id"), id);
    CU_ASSERT_EQUAL(verify(&tool, first, &key), CG_KEY_OK);
    CU_ASSERT(key.previous_until > cg_clock_now() + apr_time_from_sec(86000));
    CU_ASSERT(key.previous_until < cg_clock_now() + apr_time_from_sec(86401));
    CU_ASSERT_EQUAL(verify(&tool, second, &key), CG_KEY_OK);
    RUN(&tool, "show", id);
    CU_ASSERT_STRING_EQUAL(said(&tool, "state"), "rotating");
    CU_ASSERT_STRING_EQUAL(said(&tool, "previous_last4"),
                           first + CG_KEY_SPELLED_LEN - 4);
    RUN(&tool, "end-grace", id);
    CU_ASSERT_EQUAL(tool.status, 0);
    CU_ASSERT_STRING_EQUAL(said(&tool, "state"), "active");
    CU_ASSERT_EQUAL(verify(&tool, first, &key), CG_KEY_WRONG_SECRET);
    CU_ASSERT_EQUAL(verify(&tool, second, &key), CG_KEY_OK);
    RUN(&tool, "end-grace", id);
    CU_ASSERT_EQUAL(tool.status, 1);
    RUN(&tool, "rotate", id, "--grace", "91d");
    CU_ASSERT_EQUAL(tool.status, 2);
    tool_close(&tool);
}

static void change_changes_what_is_named_and_nothing_else(void)
{
    tool_t tool;
    cg_key_t key;
    tool_open(&tool);
    RUN(&tool, "create", "--name", "app", "--team", "red", "--limit", "7/60s",
        "--budget", "5USD/month", "--addresses", "10.0.0.0/8", "--expires",
        "9d");
    const char *spelled = said(&tool, "key");
    const char *id = said(&tool, "id");
    RUN(&tool, "change", id, "--team", "blue", "--budget", "6USD/month",
        "--expires", "never", "--tags", "a,b", "--hours", "mon 08:00-09:00");
    CU_ASSERT_EQUAL(tool.status, 0);
    CU_ASSERT_EQUAL(verify(&tool, spelled, &key), CG_KEY_OK);
    CU_ASSERT_STRING_EQUAL(key.name, "app");
    CU_ASSERT_STRING_EQUAL(key.team, "blue");
    CU_ASSERT_STRING_EQUAL(key.addresses, "10.0.0.0/8");
    CU_ASSERT_STRING_EQUAL(key.tags, "a,b");
    CU_ASSERT_EQUAL(key.expires_at, 0);
    CU_ASSERT_EQUAL_FATAL(key.limits_count, 2);
    CU_ASSERT_EQUAL(key.limits[0].amount, 7);
    CU_ASSERT_EQUAL(key.limits[1].amount, 6000000);
    RUN(&tool, "change", id, "--limit", "none", "--addresses", "");
    CU_ASSERT_EQUAL(verify(&tool, spelled, &key), CG_KEY_OK);
    CU_ASSERT_EQUAL(key.limits_count, 1);
    CU_ASSERT_STRING_EQUAL(key.addresses, "");
    RUN(&tool, "change", id, "--addresses", "10.1.0.0/8");
    CU_ASSERT_EQUAL(tool.status, 2);
    RUN(&tool, "suspend", id);
    CU_ASSERT_EQUAL(verify(&tool, spelled, &key), CG_KEY_SUSPENDED);
    RUN(&tool, "resume", id);
    CU_ASSERT_EQUAL(verify(&tool, spelled, &key), CG_KEY_OK);
    RUN(&tool, "revoke", id);
    RUN(&tool, "resume", id);
    CU_ASSERT_EQUAL(tool.status, 1);
    tool_close(&tool);
}

static void list_shows_what_a_filter_lets_through(void)
{
    tool_t tool;
    tool_open(&tool);
    RUN(&tool, "create", "--name", "one", "--tags", "lt-x", "--expires", "9d");
    RUN(&tool, "create", "--name", "two", "--tags", "lt-x", "--team", "lt-t");
    RUN(&tool, "list", "--tag", "lt-x");
    CU_ASSERT_EQUAL(tool.count, 2);
    RUN(&tool, "list", "--tag", "lt-x", "--team", "lt-t");
    CU_ASSERT_EQUAL_FATAL(tool.count, 1);
    CU_ASSERT_STRING_EQUAL(said(&tool, "name"), "two");
    RUN(&tool, "list", "--tag", "lt-x", "--expiring", "10d");
    CU_ASSERT_EQUAL_FATAL(tool.count, 1);
    CU_ASSERT_STRING_EQUAL(said(&tool, "name"), "one");
    RUN(&tool, "list", "--tag", "lt-x", "--state", "suspended");
    CU_ASSERT_EQUAL(tool.count, 0);
    RUN(&tool, "list", "--state", "happy");
    CU_ASSERT_EQUAL(tool.status, 2);
    tool_close(&tool);
}

static const char *write_file(tool_t *tool, const char *text)
{
    const char *path = apr_pstrcat(tool->pool, tool->pepper_path, ".csv", NULL);
    FILE *file = fopen(path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fputs(text, file);
    fclose(file);
    return path;
}

static void import_makes_changes_and_says_so_line_by_line(void)
{
    tool_t tool;
    cg_key_t key;
    tool_open(&tool);
    RUN(&tool, "create", "--name", "old", "--team", "red");
    const char *id = said(&tool, "id");
    const char *path = write_file(
        &tool, apr_pstrcat(tool.pool,
                           "id,name,team,limits\n"
                           ",new one,blue,\"5/1s, 100tokens/60s\"\n",
                           id, ",old,green,\n", id, ",old,green,\n",
                           ",bad,blue,lots\n", "zzzzzzzz,gone,,\n", NULL));
    RUN(&tool, "import", path, "--dry-run");
    CU_ASSERT_EQUAL(tool.status, 1);
    CU_ASSERT_EQUAL(tool.count, 5);
    RUN(&tool, "import", path);
    CU_ASSERT_EQUAL(tool.status, 1);
    CU_ASSERT_EQUAL_FATAL(tool.count, 5);
    int failed = 0, made = 0;
    for (int i = 0; i < 5; i++) {
        const char *result = cg_json_get_str(tool.lines[i], "result", "");
        const char *spelled = cg_json_get_str(tool.lines[i], "key", NULL);
        failed += strcmp(result, "failed") == 0;
        if (spelled) {
            made++;
            CU_ASSERT_EQUAL(cg_json_get_int(tool.lines[i], "line", 0), 2);
            CU_ASSERT_EQUAL(verify(&tool, spelled, &key), CG_KEY_OK);
            CU_ASSERT_STRING_EQUAL(key.team, "blue");
            CU_ASSERT_EQUAL(key.limits_count, 2);
        }
    }
    CU_ASSERT_EQUAL(failed, 2);
    CU_ASSERT_EQUAL(made, 1);
    RUN(&tool, "show", id);
    CU_ASSERT_STRING_EQUAL(said(&tool, "team"), "green");
    RUN(&tool, "import", "/nonexistent.csv");
    CU_ASSERT_EQUAL(tool.status, 1);
    RUN(&tool, "import", write_file(&tool, "name,colour\nx,red\n"));
    CU_ASSERT_EQUAL(tool.status, 1);
    remove(path);
    tool_close(&tool);
}

static void wrong_use_is_2_and_no_is_1(void)
{
    tool_t tool;
    tool_open(&tool);
    RUN(&tool, "create");
    CU_ASSERT_EQUAL(tool.status, 2);
    RUN(&tool, "create", "--name", "x", "--limit", "lots");
    CU_ASSERT_EQUAL(tool.status, 2);
    RUN(&tool, "create", "--name", "x", "--limit", "5USD/month");
    CU_ASSERT_EQUAL(tool.status, 2);
    RUN(&tool, "create", "--name", "x", "--expires", "soon");
    CU_ASSERT_EQUAL(tool.status, 2);
    RUN(&tool, "create", "--name", "x", "--colour", "red");
    CU_ASSERT_EQUAL(tool.status, 2);
    RUN(&tool, "melt");
    CU_ASSERT_EQUAL(tool.status, 2);
    RUN(&tool, "revoke");
    CU_ASSERT_EQUAL(tool.status, 2);
    RUN(&tool, "list", "zzzzzzzz");
    CU_ASSERT_EQUAL(tool.status, 2);
    RUN(&tool, "revoke", "zzzzzzzz");
    CU_ASSERT_EQUAL(tool.status, 1);
    CU_ASSERT_EQUAL(tool.count, 0);
    RUN(&tool, "list", "--store", "unix:/nonexistent/s");
    CU_ASSERT_EQUAL(tool.status, 0); /* the last --store counts */
    tool_close(&tool);
}

CU_TestInfo test_ctl_key[] = {
    {"create_prints_id_and_key_and_the_key_is_valid",
     create_prints_id_and_key_and_the_key_is_valid},
    {"list_shows_keys_and_no_secret", list_shows_keys_and_no_secret},
    {"rotate_and_revoke_end_the_old_secret",
     rotate_and_revoke_end_the_old_secret},
    {"rotate_leaves_both_secrets_for_a_day_or_until_end_grace",
     rotate_leaves_both_secrets_for_a_day_or_until_end_grace},
    {"change_changes_what_is_named_and_nothing_else",
     change_changes_what_is_named_and_nothing_else},
    {"list_shows_what_a_filter_lets_through",
     list_shows_what_a_filter_lets_through},
    {"import_makes_changes_and_says_so_line_by_line",
     import_makes_changes_and_says_so_line_by_line},
    {"wrong_use_is_2_and_no_is_1", wrong_use_is_2_and_no_is_1},
    CU_TEST_INFO_NULL,
};
