/* Stored credentials: the folder, what is in force, and whom it is shown to.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "flow/credentials.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <CUnit/CUnit.h>
#include <apr_strings.h>
#include <apr_thread_proc.h>

#include "base/clock.h"
#include "flow/keeper.h"
#include "flow/walk.h"

#define KEY_A "4141414141414141414141414141414141414141414141414141414141414141"
#define KEY_B "4242424242424242424242424242424242424242424242424242424242424242"

static int64_t serial; /* of the folder */

static void set_sealer(walk_t *walk, const char *lines)
{
    cg_sealer_t *sealer;
    cg_error_t err = {""};
    CU_ASSERT_EQUAL_FATAL(
        cg_sealer_make(&sealer, cg_str(lines), &err, walk->pool), APR_SUCCESS);
    walk->gateway.sealer = sealer;
}

static const cg_accounts_t *accounts_of(const char *const rows[], size_t count,
                                        apr_pool_t *pool)
{
    cg_accounts_t *accounts = apr_palloc(pool, sizeof *accounts);
    apr_array_header_t *all = apr_array_make(pool, 4, sizeof(void *));
    cg_error_t err = {""};
    for (size_t i = 0; i < count; i++) {
        apr_array_header_t *words = apr_array_make(pool, 3, sizeof(char *));
        char *last;
        for (char *word = apr_strtok(apr_pstrdup(pool, rows[i]), " ", &last);
             word; word = apr_strtok(NULL, " ", &last)) {
            APR_ARRAY_PUSH(words, const char *) = word;
        }
        APR_ARRAY_PUSH(all, apr_array_header_t *) = words;
    }
    CU_ASSERT_FATAL(cg_accounts_read(all, true, accounts, &err, pool));
    return accounts;
}

static void open_gateway(walk_t *walk)
{
    static const char *const rows[] = {
        "first http://127.0.0.1:9/v1 stored:main",
        "second http://127.0.0.1:9/v1 stored:eu",
        "third http://127.0.0.1:9/v1 stored:main",
        "open http://127.0.0.1:9/v1"};
    walk_open(walk, "");
    serial = 0;
    walk->gateway.accounts = accounts_of(rows, 4, walk->pool);
    walk->gateway.credentials_serial = &serial;
    set_sealer(walk, KEY_A);
    CU_ASSERT_EQUAL_FATAL(cg_gateway_open_credentials(&walk->gateway),
                          APR_SUCCESS);
}

static cg_credential_t set(walk_t *walk, const char *name, const char *value)
{
    cg_credential_t made;
    cg_error_t err = {""};
    CU_ASSERT_EQUAL_FATAL(cg_credential_set(walk->gateway.store,
                                            walk->gateway.sealer, name,
                                            cg_str(value), cg_clock_now(),
                                            &made, &err, walk->pool),
                          APR_SUCCESS);
    return made;
}

static bool install(walk_t *walk, const cg_credential_t *said, size_t count)
{
    bool has_changed = false;
    cg_error_t err = {""};
    CU_ASSERT_EQUAL(cg_credentials_install(&walk->gateway, said, count,
                                           &has_changed, &err, walk->pool),
                    APR_SUCCESS);
    CU_ASSERT_EQUAL(cg_credentials_refresh(&walk->gateway, &err), APR_SUCCESS);
    return has_changed;
}

/* What account is shown now; "" when it has nothing. */
static const char *shown(walk_t *walk, const char *account)
{
    const cg_secret_t *secret = cg_account_credential(
        cg_accounts_find(walk->gateway.accounts, account),
        cg_gateway_take_credentials(&walk->gateway, walk->pool));
    return secret ? cg_str_dup(cg_secret_open(secret), walk->pool) : "";
}

static uint32_t unready(walk_t *walk)
{
    return cg_accounts_unready(
        walk->gateway.accounts,
        cg_gateway_take_credentials(&walk->gateway, walk->pool));
}

static void accounts_ask_for_each_name_once(void)
{
    walk_t walk;
    const char *names[CG_ACCOUNTS_MAX];
    open_gateway(&walk);
    CU_ASSERT_EQUAL_FATAL(cg_credentials_names(&walk.gateway, names), 2);
    CU_ASSERT_STRING_EQUAL(names[0], "main");
    CU_ASSERT_STRING_EQUAL(names[1], "eu");
    walk_close(&walk);
}

static void gateway_without_stored_credentials_has_no_set_of_them(void)
{
    walk_t walk;
    walk_open(&walk, "");
    CU_ASSERT_EQUAL(cg_gateway_open_credentials(&walk.gateway), APR_SUCCESS);
    CU_ASSERT_PTR_NULL(cg_gateway_take_credentials(&walk.gateway, walk.pool));
    walk_close(&walk);
}

static void what_the_folder_holds_is_in_force_and_nothing_else(void)
{
    walk_t walk;
    open_gateway(&walk);
    CU_ASSERT_EQUAL(unready(&walk), 7);
    cg_credential_t main = set(&walk, "main", "key-of-main");
    CU_ASSERT(install(&walk, &main, 1));
    CU_ASSERT_EQUAL(serial, 1);
    CU_ASSERT_STRING_EQUAL(shown(&walk, "first"), "key-of-main");
    CU_ASSERT_STRING_EQUAL(shown(&walk, "third"), "key-of-main");
    CU_ASSERT_STRING_EQUAL(shown(&walk, "second"), "");
    CU_ASSERT_EQUAL(unready(&walk), 2);
    CU_ASSERT_FALSE(install(&walk, &main, 1));
    CU_ASSERT_EQUAL(serial, 1);
    const char *path =
        apr_pstrcat(walk.pool, cg_journal_folder(walk.gateway.journal),
                    "/credentials.sealed", NULL);
    struct stat about;
    CU_ASSERT_EQUAL_FATAL(stat(path, &about), 0);
    CU_ASSERT_EQUAL(about.st_mode & 0777, 0600);
    walk_close(&walk);
}

static void request_keeps_the_credential_it_began_with(void)
{
    walk_t walk;
    apr_pool_t *request;
    open_gateway(&walk);
    cg_credential_t main = set(&walk, "main", "old");
    install(&walk, &main, 1);
    apr_pool_create(&request, NULL);
    const cg_secret_t *held = cg_account_credential(
        &walk.gateway.accounts->rows[0],
        cg_gateway_take_credentials(&walk.gateway, request));
    main = set(&walk, "main", "new");
    install(&walk, &main, 1);
    CU_ASSERT_STRING_EQUAL(shown(&walk, "first"), "new");
    CU_ASSERT(cg_str_is(cg_secret_open(held), "old"));
    apr_pool_destroy(request);
    walk_close(&walk);
}

static void
a_store_that_lost_its_data_takes_nothing_away_but_a_deletion_does(void)
{
    walk_t walk;
    cg_error_t err = {""};
    open_gateway(&walk);
    cg_credential_t said[2] = {set(&walk, "main", "m"), set(&walk, "eu", "e")};
    install(&walk, said, 2);
    const cg_credential_t lost[2] = {{.name = "main", .sealed = ""},
                                     {.name = "eu", .sealed = ""}};
    CU_ASSERT_FALSE(install(&walk, lost, 2));
    CU_ASSERT_EQUAL(unready(&walk), 0);
    CU_ASSERT_EQUAL(cg_credential_delete(walk.gateway.store, "main",
                                         cg_clock_now(), &said[0], &err,
                                         walk.pool),
                    APR_SUCCESS);
    CU_ASSERT(install(&walk, said, 2));
    CU_ASSERT_EQUAL(unready(&walk), 5);
    CU_ASSERT_STRING_EQUAL(shown(&walk, "second"), "e");
    walk_close(&walk);
}

static void
text_that_does_not_open_leaves_what_was_and_gives_nothing_to_others(void)
{
    walk_t walk;
    open_gateway(&walk);
    cg_credential_t main = set(&walk, "main", "key-of-main");
    cg_credential_t eu = set(&walk, "eu", "key-of-eu");
    cg_credential_t swapped[2] = {main, eu};
    install(&walk, &main, 1);
    swapped[0].sealed = eu.sealed;
    swapped[1].sealed = main.sealed;
    install(&walk, swapped, 2);
    CU_ASSERT_STRING_EQUAL(shown(&walk, "first"), "key-of-main");
    CU_ASSERT_STRING_EQUAL(shown(&walk, "second"), "");
    set_sealer(&walk, KEY_B); /* the right text, but its master key is gone */
    install(&walk, &main, 1);
    CU_ASSERT_STRING_EQUAL(shown(&walk, "first"), "key-of-main");
    set_sealer(&walk, KEY_B "\n" KEY_A);
    cg_credential_t both[2] = {main, eu};
    install(&walk, both, 2);
    CU_ASSERT_STRING_EQUAL(shown(&walk, "second"), "key-of-eu");
    walk_close(&walk);
}

/* The folder keeps what opened last, so a restart is no other than the time before
 * it. */
static void text_that_does_not_open_stands_not_in_the_folder_either(void)
{
    walk_t walk;
    cg_error_t err = {""};
    open_gateway(&walk);
    cg_credential_t main = set(&walk, "main", "key-of-main");
    cg_credential_t eu = set(&walk, "eu", "key-of-eu");
    install(&walk, &main, 1);
    cg_credential_t forged = main;
    forged.sealed = eu.sealed;
    forged.version = main.version + 1;
    CU_ASSERT_FALSE(install(&walk, &forged, 1));
    CU_ASSERT_EQUAL_FATAL(cg_gateway_open_credentials(&walk.gateway),
                          APR_SUCCESS); /* a new child */
    CU_ASSERT_STRING_EQUAL(shown(&walk, "first"), "");
    CU_ASSERT_EQUAL(cg_credentials_begin(&walk.gateway, &err), APR_SUCCESS);
    CU_ASSERT_STRING_EQUAL(shown(&walk, "first"), "key-of-main");
    main = set(&walk, "main", "next");
    CU_ASSERT(install(&walk, &main, 1));
    CU_ASSERT_STRING_EQUAL(shown(&walk, "first"), "next");
    main.sealed = "";
    main.version++;
    CU_ASSERT(install(&walk, &main, 1));
    CU_ASSERT_STRING_EQUAL(shown(&walk, "first"), "");
    walk_close(&walk);
}

static void damaged_file_holds_nothing_and_is_written_anew(void)
{
    walk_t walk;
    cg_error_t err = {""};
    open_gateway(&walk);
    cg_credential_t main = set(&walk, "main", "m");
    install(&walk, &main, 1);
    const char *path =
        apr_pstrcat(walk.pool, cg_journal_folder(walk.gateway.journal),
                    "/credentials.sealed", NULL);
    FILE *file = fopen(path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fputs("[{\"name\":\"main\",\"version\":1,\"sealed\"", file);
    fclose(file);
    CU_ASSERT_EQUAL(cg_credentials_refresh(&walk.gateway, &err), APR_SUCCESS);
    CU_ASSERT_STRING_EQUAL(shown(&walk, "first"), "");
    CU_ASSERT(install(&walk, &main, 1));
    CU_ASSERT_STRING_EQUAL(shown(&walk, "first"), "m");
    walk_close(&walk);
}

static void route_passes_over_who_has_no_credential(void)
{
    walk_t walk;
    open_gateway(&walk);
    cg_txn_t *txn =
        walk_request(&walk, CG_ENDPOINT_CHAT,
                     "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":"
                     "\"user\",\"content\":\"hi\"}]}");
    CU_ASSERT_EQUAL_FATAL(cg_flow_route(txn), CG_PASS);
    CU_ASSERT_STRING_EQUAL(txn->route.account->name, "open");
    CU_ASSERT_PTR_NULL(txn->route.credential);
    static const char *const rows[] = {
        "only http://127.0.0.1:9/v1 stored:main"};
    walk.gateway.accounts = accounts_of(rows, 1, walk.pool);
    txn->route.tried = 0;
    CU_ASSERT_EQUAL(cg_flow_route(txn), CG_NO_UPSTREAM);
    cg_credential_t main = set(&walk, "main", "m");
    install(&walk, &main, 1);
    txn = walk_request(&walk, CG_ENDPOINT_CHAT, "{\"model\":\"gpt-4o\"}");
    CU_ASSERT_EQUAL_FATAL(cg_flow_route(txn), CG_PASS);
    CU_ASSERT(cg_str_is(cg_secret_open(txn->route.credential), "m"));
    walk_close(&walk);
}

static void child_that_begins_asks_the_store_for_what_does_not_open(void)
{
    walk_t walk;
    cg_error_t err = {""};
    open_gateway(&walk);
    cg_credential_t main = set(&walk, "main", "kept");
    install(&walk, &main, 1); /* under key A */
    /* Wrapped anew, the old key dropped, before the one that leads looked. */
    set_sealer(&walk, KEY_B "\n" KEY_A);
    const char *again;
    CU_ASSERT_EQUAL_FATAL(cg_seal_rewrap(walk.gateway.sealer,
                                         cg_str(main.sealed), &again, &err,
                                         walk.pool),
                          APR_SUCCESS);
    redis_fixture_call(walk.gateway.store, walk.pool, "HSET",
                       "cg:{credential}:by-name:main", "sealed", again, NULL);
    set_sealer(&walk, KEY_B);
    CU_ASSERT_EQUAL_FATAL(cg_gateway_open_credentials(&walk.gateway),
                          APR_SUCCESS); /* another child */
    CU_ASSERT_EQUAL(cg_credentials_refresh(&walk.gateway, &err), APR_SUCCESS);
    CU_ASSERT_STRING_EQUAL(shown(&walk, "first"), "");
    CU_ASSERT_EQUAL(cg_credentials_begin(&walk.gateway, &err), APR_SUCCESS);
    CU_ASSERT_STRING_EQUAL(shown(&walk, "first"), "kept");
    walk_close(&walk);
}

/* ---- the keeper ---------------------------------------------------------- */

typedef struct listening_t {
    walk_t *walk;
    cg_keeper_watch_t watch;
    apr_thread_t *thread;
    volatile int stop;
    int told;    /* atomic: in force */
    int refused; /* atomic: cannot be had */
} listening_t;

static bool may_work(void *baton)
{
    (void)baton;
    return true;
}

static void on_credential(void *baton, const char *name, int64_t version,
                          const char *words)
{
    listening_t *to = baton;
    (void)name;
    (void)version;
    __atomic_add_fetch(words ? &to->refused : &to->told, 1, __ATOMIC_RELAXED);
}

static void *APR_THREAD_FUNC listen_thread(apr_thread_t *thread, void *data)
{
    listening_t *to = data;
    (void)thread;
    cg_keeper_credentials(&to->walk->gateway, &to->watch, &to->stop);
    return NULL;
}

static bool comes_to(walk_t *walk, const char *account, const char *value)
{
    for (int i = 0; i < 200; i++) {
        if (strcmp(shown(walk, account), value) == 0) {
            return true;
        }
        apr_sleep(10000);
    }
    return false;
}

static void keeper_takes_what_is_set_and_lets_go_of_what_is_deleted(void)
{
    walk_t walk;
    apr_status_t rv;
    cg_error_t err = {""};
    cg_credential_t gone;
    open_gateway(&walk);
    listening_t to = {.walk = &walk,
                      .watch = {.may_work = may_work,
                                .on_credential = on_credential,
                                .baton = &to}};
    CU_ASSERT_FATAL(cg_journal_lead(walk.gateway.journal));
    CU_ASSERT_EQUAL_FATAL(
        apr_thread_create(&to.thread, NULL, listen_thread, &to, walk.pool),
        APR_SUCCESS);
    for (int i = 0; i < 300 && __atomic_load_n(&to.refused, __ATOMIC_RELAXED) < 2; i++) {
        apr_sleep(10000);
    }
    set(&walk, "main", "one");
    apr_time_t at = cg_clock_monotonic();
    CU_ASSERT(comes_to(&walk, "first", "one"));
    set(&walk, "main", "two");
    CU_ASSERT(comes_to(&walk, "first", "two"));
    CU_ASSERT(cg_clock_monotonic() - at < 2 * CG_SECOND);
    CU_ASSERT_EQUAL(cg_credential_delete(walk.gateway.store, "main",
                                         cg_clock_now(), &gone, &err,
                                         walk.pool),
                    APR_SUCCESS);
    CU_ASSERT(comes_to(&walk, "first", ""));
    to.stop = 1;
    apr_thread_join(&rv, to.thread);
    CU_ASSERT_EQUAL(to.told, 2);
    CU_ASSERT_EQUAL(to.refused, 3); /* both missing at first, one deleted */
    walk_close(&walk);
}

CU_TestInfo test_flow_credentials[] = {
    {"accounts_ask_for_each_name_once", accounts_ask_for_each_name_once},
    {"gateway_without_stored_credentials_has_no_set_of_them",
     gateway_without_stored_credentials_has_no_set_of_them},
    {"what_the_folder_holds_is_in_force_and_nothing_else",
     what_the_folder_holds_is_in_force_and_nothing_else},
    {"request_keeps_the_credential_it_began_with",
     request_keeps_the_credential_it_began_with},
    {"a_store_that_lost_its_data_takes_nothing_away_but_a_deletion_does",
     a_store_that_lost_its_data_takes_nothing_away_but_a_deletion_does},
    {"text_that_does_not_open_leaves_what_was_and_gives_nothing_to_others",
     text_that_does_not_open_leaves_what_was_and_gives_nothing_to_others},
    {"text_that_does_not_open_stands_not_in_the_folder_either",
     text_that_does_not_open_stands_not_in_the_folder_either},
    {"damaged_file_holds_nothing_and_is_written_anew",
     damaged_file_holds_nothing_and_is_written_anew},
    {"route_passes_over_who_has_no_credential",
     route_passes_over_who_has_no_credential},
    {"child_that_begins_asks_the_store_for_what_does_not_open",
     child_that_begins_asks_the_store_for_what_does_not_open},
    {"keeper_takes_what_is_set_and_lets_go_of_what_is_deleted",
     keeper_takes_what_is_set_and_lets_go_of_what_is_deleted},
    CU_TEST_INFO_NULL,
};
