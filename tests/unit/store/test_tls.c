/* TLS to the store: tests with a real server and certificates made for them.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <CUnit/CUnit.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "fleet_fixture.h"
#include "store/store.h"

#define MS APR_TIME_C(1000)

/* Two authorities; a server of the first for redis.test and 127.0.0.1; a client
 * of the first. */
static const char recipe[] =
    "set -e; cd '%s'\n"
    "new='openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes'\n"
    "for ca in ca other; do\n"
    "  $new -x509 -keyout $ca.key -out $ca.crt -subj /CN=$ca -days 2\n"
    "done\n"
    "echo 'subjectAltName=DNS:redis.test,IP:127.0.0.1' > server.ext\n"
    "echo 'extendedKeyUsage=clientAuth' > client.ext\n"
    "for who in server client; do\n"
    "  $new -keyout $who.key -out $who.csr -subj /CN=$who\n"
    "  openssl x509 -req -in $who.csr -CA ca.crt -CAkey ca.key -days 2 \\\n"
    "    -CAcreateserial -extfile $who.ext -out $who.crt\n"
    "done\n";

static char dir[64];

static void make_certificates(void)
{
    char script[2000], command[2200];
    snprintf(dir, sizeof dir, "/tmp/cg-tls-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
    snprintf(script, sizeof script, recipe, dir);
    snprintf(command, sizeof command, "{ %s } > /dev/null 2>&1", script);
    CU_ASSERT_EQUAL_FATAL(system(command), 0);
}

static int remove_one(const char *path, const struct stat *info, int flag,
                      struct FTW *walk)
{
    (void)info;
    (void)flag;
    (void)walk;
    return remove(path);
}

static void remove_certificates(void)
{
    nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void start(fleet_t *fleet, bool wants_client, bool is_plain)
{
    char options[500];
    int port = fleet_free_port();
    snprintf(options, sizeof options,
             "--tls-port %d --tls-cert-file %s/server.crt --tls-key-file "
             "%s/server.key --tls-ca-cert-file %s/ca.crt --tls-auth-clients %s",
             port, dir, dir, dir, wants_client ? "yes" : "no");
    fleet_start_one_at(fleet, is_plain ? "" : options, port);
}

/* PING over words; "" when it was answered, else the error. */
static const char *ping(const char *words, apr_pool_t *pool)
{
    cg_store_t *store;
    cg_store_options_t options = {.operation_for = 500 * MS};
    cg_error_t *err = apr_pcalloc(pool, sizeof *err);
    cg_str_t argv = CG_STR("PING");
    cg_reply_t r;
    char **list;
    apr_array_header_t *array = apr_array_make(pool, 8, sizeof(char *));
    apr_tokenize_to_argv(words, &list, pool);
    for (int i = 0; list[i]; i++) {
        APR_ARRAY_PUSH(array, const char *) = list[i];
    }
    if (cg_store_access_read(&options.access, array, NULL, err, pool) !=
            APR_SUCCESS ||
        cg_store_open(&store, &options, err, pool) != APR_SUCCESS ||
        cg_store_call(store, &argv, 1, &r, err, pool) != APR_SUCCESS) {
        return err->text[0] ? err->text : "no words";
    }
    return "";
}

static void server_has_to_prove_who_it_is(void)
{
    apr_pool_t *pool;
    fleet_t fleet;
    apr_pool_create(&pool, NULL);
    make_certificates();
    start(&fleet, false, false);
    int port = fleet.all[0].port;
#define WORDS(...) apr_psprintf(pool, "rediss://" __VA_ARGS__)
    CU_ASSERT_STRING_EQUAL(
        ping(WORDS("127.0.0.1:%d ca=%s/ca.crt", port, dir), pool), "");
    CU_ASSERT_STRING_EQUAL(ping(WORDS("localhost:%d ca=%s/ca.crt "
                                      "server-name=redis.test",
                                      port, dir),
                                pool),
                           "");
    CU_ASSERT_PTR_NOT_NULL(
        strstr(ping(WORDS("127.0.0.1:%d ca=%s/other.crt", port, dir), pool),
               "certificate"));
    CU_ASSERT_PTR_NOT_NULL(
        strstr(ping(WORDS("127.0.0.1:%d", port), pool), "certificate"));
    CU_ASSERT_PTR_NOT_NULL(
        strstr(ping(WORDS("localhost:%d ca=%s/ca.crt", port, dir), pool),
               "ostname mismatch"));
    CU_ASSERT_PTR_NOT_NULL(strstr(ping(WORDS("127.0.0.1:%d ca=%s/ca.crt "
                                             "server-name=redis.example",
                                             port, dir),
                                       pool),
                                  "ostname mismatch"));
    fleet_stop(&fleet);
    start(&fleet, false, true);
    apr_time_t began = cg_clock_monotonic();
    CU_ASSERT_STRING_NOT_EQUAL(
        ping(WORDS("127.0.0.1:%d ca=%s/ca.crt", fleet.all[0].port, dir), pool),
        "");
    CU_ASSERT(cg_clock_monotonic() - began < 2000 * MS);
    fleet_stop(&fleet);
    remove_certificates();
    apr_pool_destroy(pool);
}

static void client_proves_who_it_is_where_the_server_wants_it(void)
{
    apr_pool_t *pool;
    fleet_t fleet;
    apr_pool_create(&pool, NULL);
    make_certificates();
    start(&fleet, true, false);
    int port = fleet.all[0].port;
    CU_ASSERT_STRING_EQUAL(ping(WORDS("127.0.0.1:%d ca=%s/ca.crt "
                                      "certificate=%s/client.crt "
                                      "key=%s/client.key",
                                      port, dir, dir, dir),
                                pool),
                           "");
    CU_ASSERT_STRING_NOT_EQUAL(
        ping(WORDS("127.0.0.1:%d ca=%s/ca.crt", port, dir), pool), "");
    CU_ASSERT_PTR_NOT_NULL(strstr(ping(WORDS("127.0.0.1:%d ca=%s/ca.crt "
                                             "certificate=%s/client.crt "
                                             "key=%s/server.key",
                                             port, dir, dir, dir),
                                       pool),
                                  "server.key"));
    fleet_stop(&fleet);
    remove_certificates();
    apr_pool_destroy(pool);
}

static void count_message(void *baton, cg_str_t message)
{
    *(int *)baton += message.len == 300000 || cg_str_is(message, "hello");
}

static void all_verbs_work_over_tls_with_large_values(void)
{
    enum { COUNT = 40, LARGE = 300000 };
    apr_pool_t *pool;
    fleet_t fleet;
    cg_store_t *store;
    cg_listener_t *listener;
    cg_error_t err = {.text = ""};
    int heard = 0;
    apr_pool_create(&pool, NULL);
    make_certificates();
    start(&fleet, false, false);
    apr_array_header_t *words = apr_array_make(pool, 2, sizeof(char *));
    APR_ARRAY_PUSH(words, const char *) =
        apr_psprintf(pool, "rediss://127.0.0.1:%d/3", fleet.all[0].port);
    APR_ARRAY_PUSH(words, const char *) =
        apr_psprintf(pool, "ca=%s/ca.crt", dir);
    cg_store_options_t options = {.operation_for = 5000 * MS};
    CU_ASSERT_EQUAL_FATAL(
        cg_store_access_read(&options.access, words, NULL, &err, pool),
        APR_SUCCESS);
    CU_ASSERT_EQUAL_FATAL(cg_store_open(&store, &options, &err, pool),
                          APR_SUCCESS);
    char *large = apr_palloc(pool, LARGE + 1);
    memset(large, 'x', LARGE);
    large[LARGE] = '\0';
    cg_store_command_t commands[COUNT];
    cg_reply_t replies[COUNT];
    cg_str_t set[] = {CG_STR("SET"), CG_STR("cg:l"), {large, LARGE}};
    cg_str_t get[] = {CG_STR("GET"), CG_STR("cg:l")};
    for (int i = 0; i < COUNT; i++) {
        commands[i] =
            i % 2 ? (cg_store_command_t){get, 2} : (cg_store_command_t){set, 3};
    }
    CU_ASSERT_EQUAL(
        cg_store_pipeline(store, commands, COUNT, replies, &err, pool),
        APR_SUCCESS);
    CU_ASSERT_EQUAL(replies[COUNT - 1].text.len, LARGE);
    CU_ASSERT_EQUAL_FATAL(
        cg_store_subscribe(store, "cg:test", &listener, &err, pool),
        APR_SUCCESS);
    cg_str_t say[] = {CG_STR("PUBLISH"), CG_STR("cg:test"), {large, LARGE}};
    for (int i = 0; i < 6; i++) {
        say[2] = i % 2 ? CG_STR("hello") : (cg_str_t){large, LARGE};
        cg_store_call(store, say, 3, &replies[0], &err, pool);
        CU_ASSERT_EQUAL(replies[0].number, 1);
    }
    CU_ASSERT_EQUAL(cg_store_listen(listener, 500 * MS, count_message, &heard),
                    APR_SUCCESS);
    CU_ASSERT_EQUAL(heard, 6);
    fleet_kill(&fleet, 0);
    CU_ASSERT_NOT_EQUAL(
        cg_store_listen(listener, 1000 * MS, count_message, &heard),
        APR_SUCCESS);
    CU_ASSERT_NOT_EQUAL(cg_store_call(store, get, 2, &replies[0], &err, pool),
                        APR_SUCCESS);
    fleet_restart(&fleet, 0);
    CU_ASSERT_EQUAL(cg_store_call(store, get, 2, &replies[0], &err, pool),
                    APR_SUCCESS);
    CU_ASSERT_EQUAL(replies[0].kind, CG_REPLY_NIL);
    CU_ASSERT_EQUAL(cg_store_generation(store), 2);
    fleet_stop(&fleet);
    remove_certificates();
    apr_pool_destroy(pool);
}

CU_TestInfo test_store_tls[] = {
    {"server_has_to_prove_who_it_is", server_has_to_prove_who_it_is},
    {"client_proves_who_it_is_where_the_server_wants_it",
     client_proves_who_it_is_where_the_server_wants_it},
    {"all_verbs_work_over_tls_with_large_values",
     all_verbs_work_over_tls_with_large_values},
    CU_TEST_INFO_NULL,
};
