/* The published policy on disk, and how it gets there.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "flow/published.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CUnit/CUnit.h>
#include <apr_strings.h>
#include <apr_thread_proc.h>

#include "base/clock.h"
#include "base/digest.h"
#include "flow/keeper.h"
#include "flow/walk.h"
#include "redact/scan.h"

extern CU_TestInfo test_flow_published[];

#define FALCON                                                                 \
    "{\"lists\":[{\"name\":\"clients\",\"words\":[\"Falcon\"],\"action\":"     \
    "\"block\"}],\"types\":[{\"type\":\"US_SSN\",\"action\":\"block\"}],"      \
    "\"locked\":true}"
#define HERON "{\"lists\":[{\"name\":\"clients\",\"words\":[\"Heron\"]}]}"

static int64_t serial; /* of the folder */

static void open_gateway(walk_t *walk)
{
    walk_open(walk, "");
    serial = 0;
    walk->gateway.policy_serial = &serial;
    CU_ASSERT_EQUAL_FATAL(cg_gateway_open(&walk->gateway), APR_SUCCESS);
}

/* Another child of the same server. */
static cg_gateway_t *sibling(walk_t *walk)
{
    cg_gateway_t *other =
        apr_pmemdup(walk->pool, &walk->gateway, sizeof *other);
    CU_ASSERT_EQUAL_FATAL(cg_gateway_open(other), APR_SUCCESS);
    return other;
}

static apr_status_t install(walk_t *walk, int64_t version, const char *document)
{
    cg_error_t err = {""};
    apr_status_t rv = cg_published_install(&walk->gateway, version, 1000,
                                           cg_str(document), &err, walk->pool);
    CU_ASSERT(rv == APR_SUCCESS || *err.text);
    return rv;
}

static apr_status_t refresh(const cg_gateway_t *gateway)
{
    cg_error_t err = {""};
    apr_status_t rv = cg_published_refresh(gateway, &err);
    CU_ASSERT(rv == APR_SUCCESS || *err.text);
    return rv;
}

static size_t found_in(const cg_published_t *set, const char *text,
                       apr_pool_t *pool)
{
    cg_findings_t findings;
    cg_findings_init(&findings, pool);
    CU_ASSERT_EQUAL(
        cg_redact_scan(set->rules, cg_str(text), CG_SCAN_DEEP, &findings),
        APR_SUCCESS);
    return findings.count;
}

static const char *file_of(walk_t *walk, const char *name)
{
    return apr_pstrcat(walk->pool, cg_journal_folder(walk->gateway.journal),
                       "/", name, NULL);
}

/* The one image of the folder; NULL: none. */
static const char *image_of(walk_t *walk)
{
    apr_dir_t *dir;
    apr_finfo_t entry;
    const char *found = NULL;
    apr_dir_open(&dir, cg_journal_folder(walk->gateway.journal), walk->pool);
    while (apr_dir_read(&entry, APR_FINFO_NAME, dir) == APR_SUCCESS) {
        if (strncmp(entry.name, "policy-", 7) == 0) {
            found = file_of(walk, entry.name);
        }
    }
    apr_dir_close(dir);
    return found;
}

static void spoil(const char *path)
{
    FILE *file = fopen(path, "r+b");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fseek(file, 40, SEEK_SET);
    fputs("spoiled spoiled spoiled", file);
    fclose(file);
}

static const cg_published_t *now(walk_t *walk)
{
    return cg_gateway_take(&walk->gateway, walk->pool);
}

/* ---- the folder ----------------------------------------------------------- */

static void nothing_is_published_at_first(void)
{
    walk_t walk;
    open_gateway(&walk);
    CU_ASSERT_EQUAL(refresh(&walk.gateway), APR_SUCCESS);
    CU_ASSERT_EQUAL(now(&walk)->version, 0);
    CU_ASSERT_FALSE(now(&walk)->is_unloaded);
    walk_close(&walk);
}

static void what_is_installed_is_in_force_in_every_child(void)
{
    walk_t walk;
    open_gateway(&walk);
    cg_gateway_t *other = sibling(&walk);
    CU_ASSERT_EQUAL(install(&walk, 3, FALCON), APR_SUCCESS);
    CU_ASSERT_EQUAL(serial, 1);
    CU_ASSERT_EQUAL(refresh(&walk.gateway), APR_SUCCESS);
    CU_ASSERT_EQUAL(refresh(other), APR_SUCCESS);
    const cg_gateway_t *const children[] = {&walk.gateway, other};
    for (int i = 0; i < 2; i++) {
        const cg_published_t *set = cg_gateway_take(children[i], walk.pool);
        CU_ASSERT_EQUAL(set->version, 3);
        CU_ASSERT_EQUAL(set->published_at, 1000);
        CU_ASSERT_EQUAL(set->serial, 1);
        CU_ASSERT_TRUE(set->is_locked);
        CU_ASSERT_FALSE(set->has_packs);
        CU_ASSERT_EQUAL(set->said_request[CG_TYPE_US_SSN], 1 + CG_ACTION_BLOCK);
        CU_ASSERT_EQUAL(set->said_answer[CG_TYPE_US_SSN], 1 + CG_ACTION_BLOCK);
        CU_ASSERT_EQUAL(set->said_request[CG_TYPE_CREDIT_CARD], 0);
        CU_ASSERT_EQUAL(found_in(set, "the falcon flies", walk.pool), 1);
    }
    struct stat about;
    CU_ASSERT_EQUAL(stat(file_of(&walk, "policy.published"), &about), 0);
    CU_ASSERT_EQUAL(about.st_mode & 0777, 0600);
    CU_ASSERT_EQUAL_FATAL(stat(image_of(&walk), &about), 0);
    CU_ASSERT_EQUAL(about.st_mode & 0777, 0600);
    walk_close(&walk);
}

static void a_later_one_takes_the_place_of_an_earlier_one(void)
{
    walk_t walk;
    open_gateway(&walk);
    install(&walk, 1, FALCON);
    refresh(&walk.gateway);
    const cg_published_t *old = now(&walk);
    install(&walk, 2, HERON);
    refresh(&walk.gateway);
    const cg_published_t *young = now(&walk);
    CU_ASSERT_EQUAL(found_in(young, "falcon heron heron", walk.pool), 2);
    CU_ASSERT_EQUAL(found_in(old, "falcon heron heron", walk.pool), 1);
    CU_ASSERT_FALSE(young->is_locked);
    walk_close(&walk);
}

static void a_document_that_cannot_be_used_changes_nothing(void)
{
    walk_t walk;
    open_gateway(&walk);
    install(&walk, 1, FALCON);
    refresh(&walk.gateway);
    static const char *const BAD[] = {
        "", "[]", "{\"packs\":[\"mars\"]}", "{\"locked\":1}",
        "{\"patterns\":[{\"name\":\"p\",\"regex\":\"(\"}]}"};
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        CU_ASSERT_EQUAL(install(&walk, 2, BAD[i]), APR_EINVAL);
    }
    CU_ASSERT_EQUAL(serial, 1);
    CU_ASSERT_EQUAL(refresh(&walk.gateway), APR_SUCCESS);
    CU_ASSERT_EQUAL(now(&walk)->version, 1);
    walk_close(&walk);
}

static void a_lost_or_damaged_image_is_compiled_again(void)
{
    walk_t walk;
    open_gateway(&walk);
    install(&walk, 1, FALCON);
    for (int i = 0; i < 2; i++) {
        if (i) {
            spoil(image_of(&walk));
        }
        else {
            unlink(image_of(&walk));
        }
        cg_gateway_t *other = sibling(&walk);
        CU_ASSERT_EQUAL(refresh(other), APR_SUCCESS);
        const cg_published_t *set = cg_gateway_take(other, walk.pool);
        CU_ASSERT_EQUAL(set->version, 1);
        CU_ASSERT_EQUAL(found_in(set, "the falcon flies", walk.pool), 1);
        CU_ASSERT_PTR_NOT_NULL(image_of(&walk));
    }
    walk_close(&walk);
}

static void a_damaged_document_stops_who_has_nothing_else(void)
{
    walk_t walk;
    open_gateway(&walk);
    install(&walk, 1, FALCON);
    refresh(&walk.gateway);
    spoil(file_of(&walk, "policy.published"));
    CU_ASSERT_NOT_EQUAL(refresh(&walk.gateway), APR_SUCCESS);
    CU_ASSERT_EQUAL(now(&walk)->version, 1);
    CU_ASSERT_FALSE(now(&walk)->is_unloaded);
    cg_gateway_t *fresh = sibling(&walk);
    CU_ASSERT_NOT_EQUAL(refresh(fresh), APR_SUCCESS);
    CU_ASSERT_TRUE(cg_gateway_take(fresh, walk.pool)->is_unloaded);
    install(&walk, 2, HERON);
    CU_ASSERT_EQUAL(refresh(fresh), APR_SUCCESS);
    const cg_published_t *set = cg_gateway_take(fresh, walk.pool);
    CU_ASSERT_FALSE(set->is_unloaded);
    CU_ASSERT_EQUAL(set->version, 2);
    walk_close(&walk);
}

static void what_is_removed_leaves_the_configuration(void)
{
    walk_t walk;
    open_gateway(&walk);
    install(&walk, 1, FALCON);
    refresh(&walk.gateway);
    cg_published_remove(&walk.gateway, walk.pool);
    CU_ASSERT_EQUAL(serial, 2);
    CU_ASSERT_EQUAL(refresh(&walk.gateway), APR_SUCCESS);
    CU_ASSERT_EQUAL(now(&walk)->version, 0);
    CU_ASSERT_EQUAL(found_in(now(&walk), "falcon", walk.pool), 0);
    walk_close(&walk);
}

static void words_of_the_configuration_stay_beside_those_published(void)
{
    walk_t walk;
    const cg_str_t words[] = {CG_STR("Osprey")};
    const cg_word_list_t list = {
        .name = "own", .words = words, .count = 1, .is_caseless = true};
    const cg_rules_spec_t spec = {.lists = &list, .list_count = 1};
    cg_rules_t *rules = NULL;
    cg_error_t err = {""};
    open_gateway(&walk);
    CU_ASSERT_EQUAL_FATAL(cg_rules_create(&spec, &rules, &err, walk.pool),
                          APR_SUCCESS);
    walk.gateway.rules = rules;
    walk.gateway.spec = &spec;
    install(&walk, 1, HERON);
    refresh(&walk.gateway);
    CU_ASSERT_EQUAL(found_in(now(&walk), "osprey heron", walk.pool), 2);
    const char *image = image_of(&walk);
    /* Another configuration needs another image of the same document. */
    walk.gateway.rules = cg_rules_builtin();
    walk.gateway.spec = NULL;
    refresh(&walk.gateway);
    CU_ASSERT_EQUAL(found_in(now(&walk), "osprey heron", walk.pool), 1);
    CU_ASSERT_EQUAL(access(image, R_OK), 0);
    walk_close(&walk);
}

/* ---- the keeper ------------------------------------------------------------- */

typedef struct listening_t {
    walk_t *walk;
    cg_keeper_watch_t watch;
    apr_thread_t *thread;
    volatile int stop;
    int told;    /* atomic: in force */
    int refused; /* atomic: cannot be used */
} listening_t;

static bool may_work(void *baton)
{
    (void)baton;
    return true;
}

static void on_policy(void *baton, int64_t version, const char *words)
{
    listening_t *to = baton;
    (void)version;
    __atomic_add_fetch(words ? &to->refused : &to->told, 1, __ATOMIC_RELAXED);
}

static void *APR_THREAD_FUNC listen_thread(apr_thread_t *thread, void *data)
{
    listening_t *to = data;
    (void)thread;
    cg_keeper_policy(&to->walk->gateway, &to->watch, &to->stop);
    return NULL;
}

static void begin_listening(listening_t *to, walk_t *walk)
{
    *to = (listening_t){
        .walk = walk,
        .watch = {.may_work = may_work, .on_policy = on_policy, .baton = to}};
    CU_ASSERT_TRUE_FATAL(cg_journal_lead(walk->gateway.journal));
    CU_ASSERT_EQUAL_FATAL(
        apr_thread_create(&to->thread, NULL, listen_thread, to, walk->pool),
        APR_SUCCESS);
}

static void end_listening(listening_t *to)
{
    apr_status_t rv;
    to->stop = 1;
    apr_thread_join(&rv, to->thread);
}

/* As policy.lua leaves it. */
static void publish(walk_t *walk, const char *version, const char *document,
                    bool is_announced)
{
    cg_store_t *store = walk->gateway.store;
    unsigned char digest[CG_SHA256_BYTES];
    char hex[2 * CG_SHA256_BYTES + 1];
    cg_sha256(document, strlen(document), digest);
    cg_hex_encode(digest, sizeof digest, hex);
    redis_fixture_call(
        store, walk->pool, "HSET",
        apr_pstrcat(walk->pool, "cg:{policy}:version:", version, NULL),
        "document", document, NULL);
    redis_fixture_call(store, walk->pool, "HSET", "cg:{policy}:head", "last",
                       version, "current", version, "digest", hex,
                       "published_at", "5000000", NULL);
    if (is_announced) {
        redis_fixture_call(store, walk->pool, "PUBLISH", "cg:policy", version,
                           NULL);
    }
}

/* Waits until the version is in force; how long it took. */
static apr_time_t wait_for(walk_t *walk, int64_t version)
{
    apr_time_t from = cg_clock_monotonic();
    for (int i = 0; i < 500; i++) {
        apr_pool_t *pool;
        apr_pool_create(&pool, NULL);
        bool is_there =
            cg_gateway_take(&walk->gateway, pool)->version == version;
        apr_pool_destroy(pool);
        if (is_there) {
            break;
        }
        apr_sleep(10000);
    }
    CU_ASSERT_EQUAL(now(walk)->version, version);
    return cg_clock_monotonic() - from;
}

static void what_is_published_is_in_force_within_a_second(void)
{
    walk_t walk;
    listening_t to;
    open_gateway(&walk);
    publish(&walk, "4", FALCON, false);
    begin_listening(&to, &walk);
    wait_for(&walk, 4); /* published before anybody listened */
    publish(&walk, "5", HERON, true);
    CU_ASSERT(wait_for(&walk, 5) < apr_time_from_sec(1));
    apr_sleep(150000);
    end_listening(&to);
    CU_ASSERT_EQUAL(to.told, 2);
    CU_ASSERT_EQUAL(to.refused, 0);
    CU_ASSERT_EQUAL(cg_meter_value(walk.gateway.meter, CG_METRIC_POLICY_VERSION,
                                   NULL, NULL, NULL),
                    5);
    walk_close(&walk);
}

static void what_cannot_be_used_is_told_once_and_the_old_one_stays(void)
{
    walk_t walk;
    listening_t to;
    open_gateway(&walk);
    publish(&walk, "1", FALCON, false);
    begin_listening(&to, &walk);
    wait_for(&walk, 1);
    publish(&walk, "2", "{\"packs\":[\"mars\"]}", true);
    for (int i = 0; i < 200 && !__atomic_load_n(&to.refused, __ATOMIC_RELAXED);
         i++) {
        apr_sleep(10000);
    }
    publish(&walk, "2", "{\"packs\":[\"mars\"]}", true);
    apr_sleep(300000);
    CU_ASSERT_EQUAL(now(&walk)->version, 1);
    end_listening(&to);
    CU_ASSERT_EQUAL(to.refused, 1);
    walk_close(&walk);
}

static void an_emptied_store_does_not_lift_the_policy(void)
{
    walk_t walk;
    listening_t to;
    open_gateway(&walk);
    publish(&walk, "1", FALCON, false);
    begin_listening(&to, &walk);
    wait_for(&walk, 1);
    redis_fixture_call(walk.gateway.store, walk.pool, "DEL", "cg:{policy}:head",
                       NULL);
    redis_fixture_call(walk.gateway.store, walk.pool, "PUBLISH", "cg:policy",
                       "1", NULL);
    apr_sleep(400000);
    CU_ASSERT_EQUAL(now(&walk)->version, 1);
    /* But what was taken back is lifted: there is a history without a current. */
    redis_fixture_call(walk.gateway.store, walk.pool, "HSET",
                       "cg:{policy}:head", "last", "1", NULL);
    redis_fixture_call(walk.gateway.store, walk.pool, "PUBLISH", "cg:policy",
                       "0", NULL);
    wait_for(&walk, 0);
    end_listening(&to);
    walk_close(&walk);
}

CU_TestInfo test_flow_published[] = {
    {"nothing_is_published_at_first", nothing_is_published_at_first},
    {"what_is_installed_is_in_force_in_every_child",
     what_is_installed_is_in_force_in_every_child},
    {"a_later_one_takes_the_place_of_an_earlier_one",
     a_later_one_takes_the_place_of_an_earlier_one},
    {"a_document_that_cannot_be_used_changes_nothing",
     a_document_that_cannot_be_used_changes_nothing},
    {"a_lost_or_damaged_image_is_compiled_again",
     a_lost_or_damaged_image_is_compiled_again},
    {"a_damaged_document_stops_who_has_nothing_else",
     a_damaged_document_stops_who_has_nothing_else},
    {"what_is_removed_leaves_the_configuration",
     what_is_removed_leaves_the_configuration},
    {"words_of_the_configuration_stay_beside_those_published",
     words_of_the_configuration_stay_beside_those_published},
    {"what_is_published_is_in_force_within_a_second",
     what_is_published_is_in_force_within_a_second},
    {"what_cannot_be_used_is_told_once_and_the_old_one_stays",
     what_cannot_be_used_is_told_once_and_the_old_one_stays},
    {"an_emptied_store_does_not_lift_the_policy",
     an_emptied_store_does_not_lift_the_policy},
    CU_TEST_INFO_NULL,
};
