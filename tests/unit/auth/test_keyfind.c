/* Finding keys by filter, page by page.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "auth/keyfind.h"

#include <stdio.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include <apr_strings.h>

#include "auth/keyimport.h"
#include "key_fixture.h"

#define SECOND APR_TIME_C(1000000)
#define DAY (86400 * SECOND)

static void create(key_fixture_t *f, cg_key_t wanted)
{
    cg_key_t key;
    char spelled[CG_KEY_SPELLED_LEN + 1];
    cg_error_t err = {""};
    f->now += 1000;
    CU_ASSERT_EQUAL_FATAL(cg_apikey_create(f->ring, &wanted, f->now, &key,
                                           spelled, &err, f->pool),
                          APR_SUCCESS);
}

/* Names of all pages, with blanks between. */
static const char *names_of(key_fixture_t *f, cg_key_filter_t filter, int limit)
{
    const char *cursor = NULL;
    const char *names = "";
    cg_error_t err = {""};
    for (int pages = 0; pages < 300; pages++) {
        apr_array_header_t *keys;
        CU_ASSERT_EQUAL_FATAL(cg_apikey_find(f->ring, &filter, f->now, cursor,
                                             limit, &keys, &cursor, &err,
                                             f->pool),
                              APR_SUCCESS);
        CU_ASSERT(keys->nelts <= limit);
        for (int i = 0; i < keys->nelts; i++) {
            names = apr_pstrcat(f->pool, names, names[0] ? " " : "",
                                APR_ARRAY_IDX(keys, i, cg_key_t).name, NULL);
        }
        if (!cursor) {
            return names;
        }
    }
    CU_FAIL("the pages do not end");
    return names;
}

static void filters_let_through_what_they_name(void)
{
    key_fixture_t f;
    redis_fixture_t redis;
    redis_fixture_start(&redis, false);
    key_fixture_open(&f, &redis, 0, SECOND);
    create(&f, (cg_key_t){.name = "a", .team = "red", .tags = "prod,eu"});
    create(&f, (cg_key_t){.name = "b", .team = "blue", .tags = "prod"});
    create(&f, (cg_key_t){.name = "c", .team = "red", .user = "Ann",
                          .state = CG_KEY_STATE_SUSPENDED});
    create(&f, (cg_key_t){.name = "d", .expires_at = f.now + 3 * DAY});
    create(&f, (cg_key_t){.name = "e", .expires_at = f.now + 2 * DAY});
    create(&f, (cg_key_t){.name = "f", .expires_at = f.now + 99 * DAY});
    static const struct {
        cg_key_filter_t filter;
        const char *names;
    } cases[] = {
        {{.state = NULL}, "f e d c b a"},
        {{.team = "red"}, "c a"},
        {{.team = ""}, "f e d"},
        {{.tag = "prod"}, "b a"},
        {{.tag = "pro"}, ""},
        {{.state = "suspended"}, "c"},
        {{.state = "active"}, "f e d b a"},
        {{.user = "Ann"}, "c"},
        {{.q = "aNN"}, "c"},
        {{.q = "re", .tag = "eu"}, "a"},
        {{.q = "nothing of the kind"}, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (int limit = 1; limit <= 7; limit += 3) {
            const char *names = names_of(&f, cases[i].filter, limit);
            if (strcmp(names, cases[i].names) != 0) {
                fprintf(stderr, "\n    %d: \"%s\"\n", (int)i, names);
            }
            CU_ASSERT_STRING_EQUAL(names, cases[i].names);
        }
    }
    cg_key_filter_t soon = {.expires_before = f.now + 30 * DAY};
    CU_ASSERT_STRING_EQUAL(names_of(&f, soon, 1), "e d");
    CU_ASSERT_STRING_EQUAL(names_of(&f, soon, 10), "e d");
    f.now += 3 * DAY;
    soon.expires_before = f.now + 100 * DAY;
    CU_ASSERT_STRING_EQUAL(names_of(&f, soon, 10), "f");
    CU_ASSERT_STRING_EQUAL(
        names_of(&f, (cg_key_filter_t){.state = "expired"}, 10), "e d");
    key_fixture_close(&f);
    redis_fixture_stop(&redis);
}

static int count_words(const char *text)
{
    int count = text[0] != '\0';
    for (; *text; text++) {
        count += *text == ' ';
    }
    return count;
}

/* Many keys of one moment, and of one expiry: the pages neither lose nor repeat
 * any; what few of them have is found among all. */
static void pages_of_many_keys_are_whole(void)
{
    key_fixture_t f;
    redis_fixture_t redis;
    static cg_key_t wanted[200], made[200];
    static char spelled[200][CG_KEY_SPELLED_LEN + 1];
    cg_error_t err = {""};
    redis_fixture_start(&redis, false);
    key_fixture_open(&f, &redis, 0, SECOND);
    for (int round = 0; round < 6; round++) {
        for (int i = 0; i < 200; i++) {
            wanted[i] = (cg_key_t){.name = "k", .expires_at = f.now + DAY};
            apr_snprintf(wanted[i].tags, sizeof wanted[i].tags, "t%d",
                         (round * 200 + i) % 600);
        }
        CU_ASSERT_EQUAL_FATAL(cg_apikey_create_many(f.ring, wanted, 200, f.now,
                                                    made, spelled, &err,
                                                    f.pool),
                              APR_SUCCESS);
    }
    CU_ASSERT_EQUAL(
        count_words(names_of(&f, (cg_key_filter_t){.state = NULL}, 77)), 1200);
    cg_key_filter_t soon = {.expires_before = f.now + 2 * DAY};
    CU_ASSERT_EQUAL(count_words(names_of(&f, soon, 77)), 1200);
    CU_ASSERT_EQUAL(
        count_words(names_of(&f, (cg_key_filter_t){.tag = "t5"}, 50)), 2);
    CU_ASSERT_EQUAL(key_fixture_verify(&f, spelled[7], NULL), CG_KEY_OK);
    key_fixture_close(&f);
    redis_fixture_stop(&redis);
}

static void a_cursor_of_the_other_index_is_none(void)
{
    key_fixture_t f;
    apr_array_header_t *keys;
    const char *next;
    cg_error_t err = {""};
    cg_key_filter_t all = {.state = NULL};
    cg_key_filter_t soon = {.expires_before = APR_TIME_C(1) << 60};
    key_fixture_open(&f, redis_fixture_shared(), 0, SECOND);
    static const char *const bad[] = {
        "", "e", "e12", "ex:k3n7w2px", "e12:k3n7w2p", "k3n7w2px",
        "e0000176402451104200:k3n7w2px"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CU_ASSERT_EQUAL(cg_apikey_find(f.ring, &all, f.now, bad[i], 10, &keys,
                                       &next, &err, f.pool),
                        APR_EINVAL);
        CU_ASSERT_EQUAL(cg_apikey_find(f.ring, &soon, f.now, bad[i], 10, &keys,
                                       &next, &err, f.pool),
                        APR_EINVAL);
    }
    CU_ASSERT_EQUAL(cg_apikey_find(f.ring, &all, f.now, "e00001764024511042000:k3n7w2px",
                                   10, &keys, &next, &err, f.pool),
                    APR_EINVAL);
    key_fixture_close(&f);
}

CU_TestInfo test_auth_keyfind[] = {
    {"filters_let_through_what_they_name", filters_let_through_what_they_name},
    {"pages_of_many_keys_are_whole", pages_of_many_keys_are_whole},
    {"a_cursor_of_the_other_index_is_none",
     a_cursor_of_the_other_index_is_none},
    CU_TEST_INFO_NULL,
};
