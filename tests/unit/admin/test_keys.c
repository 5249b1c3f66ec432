/* API keys through the admin API: a key's whole life.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <CUnit/CUnit.h>
#include <apr_strings.h>

#include "admin_fixture.h"
#include "auth/apikey.h"
#include "store/keys.h"
#include "store/store.h"

extern CU_TestInfo test_admin_keys[];

/* Each a second after the one before, as lists are in this order. */
static got_t create(const char *body)
{
    static apr_time_t now = NOW;
    now += apr_time_from_sec(1);
    return admin_ask((asked_t){.path = "/keys", .body = body, .now = now});
}

static const char *path_of(const got_t *created, const char *tail)
{
    return apr_pstrcat(admin_pool(), "/keys/", answer_str(created, "id"), tail,
                       NULL);
}

static bool verifies(const char *spelled, cg_key_verdict_t expected)
{
    cg_key_t key;
    cg_error_t err = {""};
    return cg_apikey_verify(admin_fixture()->keyring, cg_str(spelled), NOW,
                            &key, &err, admin_pool()) == expected;
}

static got_t patch(const char *path, const char *body, const char *etag)
{
    return admin_ask((asked_t){
        .method = "PATCH",
        .path = path,
        .body = body,
        .more = etag ? apr_pstrcat(admin_pool(), "If-Match: ", etag, "\n", NULL)
                     : NULL});
}

/* The operator's record that this answer names. */
static cg_json_t *event_of(const got_t *got)
{
    admin_ship();
    got_t event = admin_ask(
        (asked_t){.path = apr_pstrcat(admin_pool(), "/admin-events/",
                                      answer_str(got, "audit_id"), NULL)});
    CU_ASSERT_EQUAL(event.status, 200);
    return event.json;
}

/* ---- create ------------------------------------------------------------- */

static void a_created_key_has_all_that_was_asked_and_works(void)
{
    got_t got = create(
        "{\"name\":\"billing bot\",\"owner\":\"ann\",\"user\":\"svc\","
        "\"team\":\"red\",\"models\":[\"gpt-4o*\",\"o3\"],"
        "\"limits\":[\"100/60s\",\"10000tokens/60s\"],"
        "\"budget\":\"5USD/month\",\"expires_at\":\"2030-01-01T00:00:00Z\"}");
    CU_ASSERT_EQUAL_FATAL(got.status, 201);
    CU_ASSERT_STRING_EQUAL(answer_str(&got, "name"), "billing bot");
    CU_ASSERT_STRING_EQUAL(answer_str(&got, "team"), "red");
    CU_ASSERT_STRING_EQUAL(answer_str(&got, "state"), "active");
    CU_ASSERT_STRING_EQUAL(answer_str(&got, "budget"), "5USD/month");
    CU_ASSERT_STRING_EQUAL(answer_str(&got, "expires_at"),
                           "2030-01-01T00:00:00.000Z");
    const cg_json_t *limits = cg_json_get(got.json, "limits");
    CU_ASSERT_EQUAL(cg_json_size(limits), 2);
    CU_ASSERT_STRING_EQUAL(cg_json_text(cg_json_at(limits, 0)), "100/60s");
    CU_ASSERT_EQUAL(cg_json_size(cg_json_get(got.json, "models")), 2);
    CU_ASSERT_STRING_EQUAL(
        answer_header(&got, "Location"),
        apr_pstrcat(admin_pool(), "/console/api/v1", path_of(&got, ""), NULL));
    CU_ASSERT_STRING_EQUAL(answer_header(&got, "ETag"), "\"1\"");
    CU_ASSERT(verifies(answer_str(&got, "key"), CG_KEY_OK));
}

static void the_secret_is_shown_once_and_recorded_nowhere(void)
{
    got_t got = create("{\"name\":\"once\"}");
    const char *secret = answer_str(&got, "key");
    CU_ASSERT_EQUAL_FATAL(strlen(secret), CG_KEY_SPELLED_LEN);
    got_t read = admin_ask((asked_t){.path = path_of(&got, "")});
    CU_ASSERT_PTR_NULL(cg_json_get(read.json, "key"));
    got_t list = admin_ask((asked_t){.path = "/keys"});
    const cg_json_t *event = event_of(&got);
    got_t export = admin_ask((asked_t){.path = "/exports"});
    const char *texts[] = {read.text, list.text, export.text,
                           cg_json_dump(event, NULL, admin_pool())};
    const char *middle = apr_pstrmemdup(admin_pool(), secret + 16, 30);
    for (size_t i = 0; i < 4; i++) {
        CU_ASSERT_PTR_NULL(strstr(texts[i], middle));
    }
    CU_ASSERT_STRING_EQUAL(cg_json_get_str(event, "operation", ""),
                           "keys.create");
    CU_ASSERT_STRING_EQUAL(cg_json_get_str(event, "user", ""), "root");
    CU_ASSERT_STRING_EQUAL(cg_json_get_str(event, "request_id", ""), "req-1");
    const cg_json_t *name = cg_json_get(cg_json_get(event, "change"), "name");
    CU_ASSERT(cg_json_is_null(cg_json_get(name, "before")));
    CU_ASSERT_STRING_EQUAL(cg_json_get_str(name, "after", ""), "once");
}

static const struct {
    const char *body;
    const char *pointer;
    const char *code;
} BAD[] = {
    {"{}", "/name", "required"},
    {"{\"name\":\"   \"}", "/name", "empty"},
    {"{\"name\":\"a\\tb\"}", "/name", "control_character"},
    {"{\"name\":\"a\\u202eb\"}", "/name", "control_character"},
    {"{\"name\":null}", "/name", "wrong_type"},
    {"{\"name\":\"0123456789012345678901234567890123456789012345678901234567890"
     "123\"}",
     "/name", "too_long"},
    /* 22 characters, 66 bytes */
    {"{\"name\":\"一二三四五六七八九十一二三四五六七八九十一二\"}", "/name",
     "too_long"},
    {"{\"name\":\"a\",\"limits\":[\"0/60s\"]}", "/limits/0", "bad_limit"},
    {"{\"name\":\"a\",\"limits\":[\"5USD/month\"]}", "/limits/0", "bad_limit"},
    {"{\"name\":\"a\",\"limits\":[\"1/1s\",\"1/2s\",\"1/3s\",\"1/4s\",\"1/5s\","
     "\"1/6s\",\"1/7s\",\"1/8s\",\"1/9s\"]}",
     "/limits", "too_many"},
    {"{\"name\":\"a\",\"models\":[\"a,b\"]}", "/models/0", "bad_model"},
    {"{\"name\":\"a\",\"models\":[\"\"]}", "/models/0", "empty"},
    {"{\"name\":\"a\",\"budget\":\"100/60s\"}", "/budget", "bad_limit"},
    {"{\"name\":\"a\",\"expires_at\":\"2020-01-01T00:00:00Z\"}", "/expires_at",
     "in_the_past"},
    {"{\"name\":\"a\",\"id\":\"mine\"}", "/id", "unknown_member"},
    {"{\"name\":\"a\",\"state\":\"active\"}", "/state", "unknown_member"},
};

static void a_bad_key_is_refused_and_not_made(void)
{
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        got_t got = create(BAD[i].body);
        bool is_right = got.status == 400 &&
                        answer_fault(&got, BAD[i].pointer, BAD[i].code);
        CU_ASSERT(is_right);
        if (!is_right) {
            fprintf(stderr, "\n    %s: %s\n", BAD[i].body, got.text);
        }
    }
}

/* ---- change ------------------------------------------------------------- */

static void a_patch_changes_what_it_names_and_nothing_else(void)
{
    got_t made = create("{\"name\":\"a\",\"team\":\"red\","
                        "\"limits\":[\"7/60s\"],\"budget\":\"5USD/month\"}");
    got_t got = patch(path_of(&made, ""),
                      "{\"team\":null,\"budget\":\"6USD/month\"}", "\"1\"");
    CU_ASSERT_EQUAL_FATAL(got.status, 200);
    CU_ASSERT_STRING_EQUAL(answer_str(&got, "name"), "a");
    CU_ASSERT_STRING_EQUAL(answer_str(&got, "team"), "");
    CU_ASSERT_STRING_EQUAL(answer_str(&got, "budget"), "6USD/month");
    CU_ASSERT_EQUAL(cg_json_size(cg_json_get(got.json, "limits")), 1);
    CU_ASSERT_STRING_EQUAL(answer_header(&got, "ETag"), "\"2\"");
    CU_ASSERT(verifies(answer_str(&made, "key"), CG_KEY_OK));
    const cg_json_t *change = cg_json_get(event_of(&got), "change");
    CU_ASSERT_STRING_EQUAL(
        cg_json_get_str(cg_json_get(change, "budget"), "before", ""),
        "5USD/month");
    CU_ASSERT_PTR_NULL(cg_json_get(change, "name"));
    got = patch(path_of(&made, ""),
                "{\"limits\":[],\"budget\":null,\"expires_at\":null}", "*");
    CU_ASSERT_EQUAL(cg_json_size(cg_json_get(got.json, "limits")), 0);
    CU_ASSERT(cg_json_is_null(cg_json_get(got.json, "budget")));
}

static void a_patch_needs_the_version_it_starts_from(void)
{
    got_t made = create("{\"name\":\"a\"}");
    const char *path = path_of(&made, "");
    CU_ASSERT_EQUAL(patch(path, "{\"name\":\"b\"}", NULL).status, 428);
    CU_ASSERT_EQUAL(patch(path, "{\"name\":\"b\"}", "\"7\"").status, 412);
    CU_ASSERT_EQUAL(patch(path, "{\"name\":\"b\"}", "W/\"1\"").status, 412);
    CU_ASSERT_EQUAL(patch(path, "{\"name\":\"b\"}", "1").status, 412);
    CU_ASSERT_EQUAL(patch(path, "{\"name\":\"b\"}", "\"9\", \"1\"").status,
                    200);
    got_t stale = patch(path, "{\"name\":\"c\"}", "\"1\"");
    CU_ASSERT_EQUAL(stale.status, 412);
    CU_ASSERT_STRING_EQUAL(answer_header(&stale, "ETag"), "\"2\"");
    CU_ASSERT_EQUAL(patch("/keys/zzzzzzzz", "{}", "\"1\"").status, 404);
}

static void a_suspended_key_does_not_work_until_it_is_active_again(void)
{
    got_t made = create("{\"name\":\"a\"}");
    const char *path = path_of(&made, "");
    got_t got = patch(path, "{\"state\":\"suspended\"}", "\"1\"");
    CU_ASSERT_STRING_EQUAL(answer_str(&got, "state"), "suspended");
    CU_ASSERT(verifies(answer_str(&made, "key"), CG_KEY_SUSPENDED));
    patch(path, "{\"state\":\"active\"}", "\"2\"");
    CU_ASSERT(verifies(answer_str(&made, "key"), CG_KEY_OK));
    got = patch(path, "{\"state\":\"revoked\"}", "\"3\"");
    CU_ASSERT(answer_fault(&got, "/state", "not_a_choice"));
}

static void an_expired_key_says_so(void)
{
    got_t made =
        create("{\"name\":\"a\",\"expires_at\":\"2026-01-01T00:00:00Z\"}");
    got_t got =
        admin_ask((asked_t){.path = path_of(&made, ""),
                            .now = NOW + apr_time_from_sec(86400 * 60)});
    CU_ASSERT_STRING_EQUAL(answer_str(&got, "state"), "expired");
}

static void a_rotated_key_has_a_new_secret_and_the_old_one_ends(void)
{
    got_t made = create("{\"name\":\"a\"}");
    got_t got =
        admin_ask((asked_t){.path = path_of(&made, "/rotate"),
                            .body = "{\"reason\":\"leaked\",\"grace\":\"0s\"}"});
    CU_ASSERT_EQUAL_FATAL(got.status, 200);
    CU_ASSERT_STRING_EQUAL(answer_str(&got, "id"), answer_str(&made, "id"));
    CU_ASSERT(verifies(answer_str(&got, "key"), CG_KEY_OK));
    CU_ASSERT(verifies(answer_str(&made, "key"), CG_KEY_WRONG_SECRET));
    const cg_json_t *change = cg_json_get(event_of(&got), "change");
    CU_ASSERT_STRING_EQUAL(
        cg_json_get_str(cg_json_get(change, "reason"), "after", ""), "leaked");
}

static void a_rotation_leaves_both_secrets_until_its_grace_is_ended(void)
{
    got_t made = create("{\"name\":\"a\"}");
    got_t got = admin_ask((asked_t){.path = path_of(&made, "/rotate"),
                                    .body = "{\"grace\":\"3650d\"}"});
    CU_ASSERT(answer_fault(&got, "/grace", "bad_duration"));
    got = admin_ask((asked_t){.path = path_of(&made, "/end-grace"),
                              .body = "{}"});
    CU_ASSERT_EQUAL(got.status, 409);
    got = admin_ask((asked_t){.path = path_of(&made, "/rotate"),
                              .body = "{\"keep\":\"previous\"}"});
    CU_ASSERT_EQUAL(got.status, 409);
    got = admin_ask((asked_t){.path = path_of(&made, "/rotate"), .body = "{}"});
    CU_ASSERT_EQUAL_FATAL(got.status, 200);
    CU_ASSERT_STRING_EQUAL(answer_str(&got, "state"), "rotating");
    CU_ASSERT_STRING_EQUAL(answer_str(&got, "previous_last4"),
                           answer_str(&made, "last4"));
    CU_ASSERT(verifies(answer_str(&got, "key"), CG_KEY_OK));
    CU_ASSERT(verifies(answer_str(&made, "key"), CG_KEY_OK));
    got_t ended = admin_ask((asked_t){.path = path_of(&made, "/end-grace"),
                                      .body = "{\"reason\":\"all moved\"}"});
    CU_ASSERT_EQUAL(ended.status, 200);
    CU_ASSERT_STRING_EQUAL(answer_str(&ended, "state"), "active");
    CU_ASSERT(verifies(answer_str(&made, "key"), CG_KEY_WRONG_SECRET));
    CU_ASSERT(verifies(answer_str(&got, "key"), CG_KEY_OK));
    const cg_json_t *change = cg_json_get(event_of(&ended), "change");
    CU_ASSERT(cg_json_is_null(
        cg_json_get(cg_json_get(change, "previous_until"), "after")));
}

static void a_revoked_key_is_over_for_good(void)
{
    got_t made = create("{\"name\":\"a\"}");
    got_t got = admin_ask(
        (asked_t){.method = "POST", .path = path_of(&made, "/revoke")});
    CU_ASSERT_EQUAL_FATAL(got.status, 200);
    CU_ASSERT_STRING_EQUAL(answer_str(&got, "state"), "revoked");
    CU_ASSERT(verifies(answer_str(&made, "key"), CG_KEY_REVOKED));
    CU_ASSERT_EQUAL(
        patch(path_of(&made, ""), "{\"state\":\"active\"}", "*").status, 409);
    CU_ASSERT_EQUAL(
        admin_ask((asked_t){.path = path_of(&made, "/revoke"), .body = "{}"})
            .status,
        200);
    CU_ASSERT_STRING_EQUAL(cg_json_get_str(event_of(&got), "operation", ""),
                           "keys.revoke");
}

/* ---- twice -------------------------------------------------------------- */

static got_t create_once(const char *body, const char *key, const char *user)
{
    return admin_ask(
        (asked_t){.path = "/keys",
                  .body = body,
                  .user = user,
                  .more = apr_pstrcat(admin_pool(), "Idempotency-Key: ", key,
                                      "\n", NULL)});
}

static void the_same_idempotency_key_makes_one_key(void)
{
    got_t first = create_once("{\"name\":\"twin\"}", "k-1", NULL);
    got_t again = create_once("{\"name\":\"twin\"}", "k-1", NULL);
    CU_ASSERT_EQUAL(first.status, 201);
    CU_ASSERT_EQUAL(again.status, 201);
    CU_ASSERT_STRING_EQUAL(answer_str(&first, "id"), answer_str(&again, "id"));
    CU_ASSERT_STRING_EQUAL(answer_str(&first, "audit_id"),
                           answer_str(&again, "audit_id"));
    CU_ASSERT_STRING_EQUAL(answer_header(&again, "Idempotency-Replayed"),
                           "true");
    CU_ASSERT_STRING_EQUAL(answer_header(&again, "ETag"), "\"1\"");
    CU_ASSERT_STRING_EQUAL(answer_header(&again, "Location"),
                           answer_header(&first, "Location"));
    CU_ASSERT(verifies(answer_str(&first, "key"), CG_KEY_OK));
    CU_ASSERT(cg_json_is_null(cg_json_get(again.json, "key")));
}

static void an_idempotency_key_belongs_to_one_body_and_one_operator(void)
{
    got_t first = create_once("{\"name\":\"one\"}", "k-2", NULL);
    got_t other = create_once("{\"name\":\"two\"}", "k-2", NULL);
    CU_ASSERT_EQUAL(other.status, 422);
    CU_ASSERT(answer_fault(&other, "/Idempotency-Key", "reused"));
    got_t bob = create_once("{\"name\":\"one\"}", "k-2", "bob");
    CU_ASSERT_EQUAL(bob.status, 201);
    CU_ASSERT_STRING_NOT_EQUAL(answer_str(&bob, "id"),
                               answer_str(&first, "id"));
}

static void a_refused_create_may_be_tried_again(void)
{
    CU_ASSERT_EQUAL(create_once("{\"name\":\"\"}", "k-3", NULL).status, 400);
    CU_ASSERT_EQUAL(create_once("{\"name\":\"x\"}", "k-3", NULL).status, 201);
    CU_ASSERT_EQUAL(
        create_once("{\"name\":\"a\",\"models\":[\"a,b\"]}", "k-4", NULL)
            .status,
        400);
    CU_ASSERT_EQUAL(create_once("{\"name\":\"x\"}", "k-4", NULL).status, 201);
}

static void a_strange_idempotency_key_is_refused(void)
{
    got_t got = create_once("{\"name\":\"x\"}", "", NULL);
    CU_ASSERT(answer_fault(&got, "/Idempotency-Key", "bad_key"));
    char long_key[130];
    memset(long_key, 'k', 129);
    long_key[129] = '\0';
    got = create_once("{\"name\":\"x\"}", long_key, NULL);
    CU_ASSERT(answer_fault(&got, "/Idempotency-Key", "bad_key"));
}

/* The only key that is kept. */
static cg_str_t kept_key(void)
{
    cg_reply_t reply = {0};
    const cg_str_t keys[] = {CG_STR("KEYS"), CG_STR("cg:admin:once:*")};
    cg_store_call(admin_fixture()->store, keys, 2, &reply, NULL, admin_pool());
    CU_ASSERT_EQUAL_FATAL(reply.count, 1);
    return reply.items[0].text;
}

static void drop_kept(void)
{
    cg_reply_t reply = {0};
    const cg_str_t keys[] = {CG_STR("KEYS"), CG_STR("cg:admin:once:*")};
    cg_store_call(admin_fixture()->store, keys, 2, &reply, NULL, admin_pool());
    for (size_t i = 0; i < reply.count; i++) {
        cg_reply_t ignored = {0};
        const cg_str_t del[] = {CG_STR("DEL"), reply.items[i].text};
        cg_store_call(admin_fixture()->store, del, 2, &ignored, NULL,
                      admin_pool());
    }
}

static void a_request_that_is_running_is_409(void)
{
    drop_kept();
    create_once("{\"name\":\"slow\"}", "k-6", NULL);
    cg_str_t name = kept_key();
    cg_reply_t note = {0};
    const cg_str_t get[] = {CG_STR("GET"), name};
    cg_store_call(admin_fixture()->store, get, 2, &note, NULL, admin_pool());
    const cg_json_t *kept =
        cg_json_parse(note.text.ptr, note.text.len, NULL, admin_pool());
    const char *pending =
        apr_psprintf(admin_pool(), "{\"fingerprint\":\"%s\"}",
                     cg_json_get_str(kept, "fingerprint", ""));
    const cg_str_t set[] = {CG_STR("SET"), name, cg_str(pending)};
    cg_store_call(admin_fixture()->store, set, 3, &note, NULL, admin_pool());
    got_t got = create_once("{\"name\":\"slow\"}", "k-6", NULL);
    CU_ASSERT_EQUAL(got.status, 409);
    CU_ASSERT(atoi(answer_header(&got, "Retry-After")) > 0);
    got = create_once("{\"name\":\"other\"}", "k-6", NULL);
    CU_ASSERT_EQUAL(got.status, 422);
    drop_kept();
}

static void kept_answers_live_a_day_and_hold_no_secret(void)
{
    got_t got = create_once("{\"name\":\"kept\"}", "k-5", NULL);
    cg_reply_t reply = {0};
    const cg_str_t keys[] = {CG_STR("KEYS"), CG_STR("cg:admin:once:*")};
    cg_store_call(admin_fixture()->store, keys, 2, &reply, NULL, admin_pool());
    CU_ASSERT(reply.count > 0);
    for (size_t i = 0; i < reply.count; i++) {
        cg_reply_t text = {0};
        cg_reply_t ttl = {0};
        const cg_str_t get[] = {CG_STR("GET"), reply.items[i].text};
        const cg_str_t live[] = {CG_STR("TTL"), reply.items[i].text};
        cg_store_call(admin_fixture()->store, get, 2, &text, NULL,
                      admin_pool());
        cg_store_call(admin_fixture()->store, live, 2, &ttl, NULL,
                      admin_pool());
        CU_ASSERT(ttl.number > 86000 && ttl.number <= 86400);
        CU_ASSERT_PTR_NULL(strstr(text.text.ptr, answer_str(&got, "key") + 12));
    }
}

/* ---- list --------------------------------------------------------------- */

static void pages_stay_the_same_while_keys_are_added(void)
{
    for (int i = 0; i < 7; i++) {
        create(apr_psprintf(admin_pool(), "{\"name\":\"page%d\"}", i));
    }
    got_t whole = admin_ask((asked_t){.path = "/keys", .query = "limit=500"});
    const cg_json_t *all = cg_json_get(whole.json, "items");
    size_t at = 0;
    const char *cursor = "";
    for (int page = 0; page < 100 && cursor; page++) {
        got_t got = admin_ask(
            (asked_t){.path = "/keys",
                      .query = apr_pstrcat(admin_pool(),
                                           "limit=3&cursor=", cursor, NULL)});
        const cg_json_t *items = cg_json_get(got.json, "items");
        CU_ASSERT(cg_json_size(items) <= 3);
        for (size_t i = 0; i < cg_json_size(items); i++, at++) {
            CU_ASSERT_STRING_EQUAL(
                cg_json_get_str(cg_json_at(items, i), "id", "a"),
                cg_json_get_str(cg_json_at(all, at), "id", "b"));
        }
        create("{\"name\":\"meanwhile\"}");
        cursor = cg_json_get_str(got.json, "next_cursor", NULL);
    }
    CU_ASSERT_EQUAL(at, cg_json_size(all));
}

/* ---- the journal or the store is away ----------------------------------- */

/* As on a full disk: no file may grow. */
static void forbid_writing(bool is_forbidden)
{
    static struct rlimit before;
    signal(SIGXFSZ, SIG_IGN);
    if (!is_forbidden) {
        setrlimit(RLIMIT_FSIZE, &before);
        return;
    }
    getrlimit(RLIMIT_FSIZE, &before);
    struct rlimit none = {0, before.rlim_max};
    setrlimit(RLIMIT_FSIZE, &none);
}

static void a_change_that_cannot_be_recorded_is_taken_back(void)
{
    got_t made = create("{\"name\":\"before\"}");
    forbid_writing(true);
    got_t got = create("{\"name\":\"unrecorded\"}");
    got_t changed = patch(path_of(&made, ""), "{\"name\":\"after\"}", "\"1\"");
    got_t rotated = admin_ask((asked_t){.path = path_of(&made, "/rotate"),
                                        .body = "{\"grace\":\"0s\"}"});
    got_t imported = admin_ask(
        (asked_t){.path = "/keys-import",
                  .body = "{\"csv\":\"name\\nby file\\nby file\\n\"}"});
    CU_ASSERT(verifies(answer_str(&made, "key"), CG_KEY_OK));
    got_t revoked =
        admin_ask((asked_t){.path = path_of(&made, "/revoke"), .body = "{}"});
    forbid_writing(false);
    CU_ASSERT_EQUAL(rotated.status, 500);
    CU_ASSERT_EQUAL(imported.status, 500);
    CU_ASSERT_PTR_NULL(strstr(imported.text, "vk_"));
    got_t files = admin_ask((asked_t){.path = "/keys", .query = "q=by+file"});
    const cg_json_t *made_by_file = cg_json_get(files.json, "items");
    CU_ASSERT_EQUAL(cg_json_size(made_by_file), 1);
    CU_ASSERT_STRING_EQUAL(
        cg_json_get_str(cg_json_at(made_by_file, 0), "state", ""), "revoked");
    CU_ASSERT_EQUAL(got.status, 500);
    CU_ASSERT_PTR_NULL(cg_json_get(got.json, "key"));
    CU_ASSERT_EQUAL(changed.status, 500);
    CU_ASSERT_EQUAL(revoked.status, 500);
    got_t list = admin_ask((asked_t){.path = "/keys", .query = "q=unrecorded"});
    const cg_json_t *key = cg_json_at(cg_json_get(list.json, "items"), 0);
    CU_ASSERT_STRING_EQUAL(cg_json_get_str(key, "name", ""), "unrecorded");
    CU_ASSERT_STRING_EQUAL(cg_json_get_str(key, "state", ""), "revoked");
    got_t read = admin_ask((asked_t){.path = path_of(&made, "")});
    CU_ASSERT_STRING_EQUAL(answer_str(&read, "name"), "before");
    CU_ASSERT_STRING_EQUAL(answer_str(&read, "state"), "revoked");
}

static void a_frozen_store_is_503_and_says_when_to_come_back(void)
{
    admin_freeze();
    static const char *const PATHS[] = {
        "/keys",       "/keys/abcdefgh", "/limits",       "/requests",
        "/requests/x", "/stats",         "/admin-events", "/exports"};
    for (size_t i = 0; i < sizeof PATHS / sizeof PATHS[0]; i++) {
        got_t got = admin_ask((asked_t){.path = PATHS[i]});
        CU_ASSERT_EQUAL(got.status, 503);
        CU_ASSERT(atoi(answer_header(&got, "Retry-After")) > 0);
    }
    CU_ASSERT_EQUAL(create_once("{\"name\":\"x\"}", "k-9", NULL).status, 503);
    CU_ASSERT_EQUAL(create("{\"name\":\"x\"}").status, 503);
    got_t store = admin_ask((asked_t){.path = "/store"});
    CU_ASSERT_STRING_EQUAL(answer_str(&store, "state"), "down");
    CU_ASSERT_EQUAL(admin_ask((asked_t){.path = "/session"}).status, 200);
    CU_ASSERT_EQUAL(admin_ask((asked_t){.path = "/accounts"}).status, 200);
    admin_wake();
    apr_sleep(600000); /* the breaker's probe */
    store = admin_ask((asked_t){.path = "/store"});
    CU_ASSERT_STRING_EQUAL(answer_str(&store, "state"), "up");
    CU_ASSERT_EQUAL(admin_ask((asked_t){.path = "/keys"}).status, 200);
}

CU_TestInfo test_admin_keys[] = {
    {"a_created_key_has_all_that_was_asked_and_works",
     a_created_key_has_all_that_was_asked_and_works},
    {"the_secret_is_shown_once_and_recorded_nowhere",
     the_secret_is_shown_once_and_recorded_nowhere},
    {"a_bad_key_is_refused_and_not_made", a_bad_key_is_refused_and_not_made},
    {"a_patch_changes_what_it_names_and_nothing_else",
     a_patch_changes_what_it_names_and_nothing_else},
    {"a_patch_needs_the_version_it_starts_from",
     a_patch_needs_the_version_it_starts_from},
    {"a_suspended_key_does_not_work_until_it_is_active_again",
     a_suspended_key_does_not_work_until_it_is_active_again},
    {"an_expired_key_says_so", an_expired_key_says_so},
    {"a_rotated_key_has_a_new_secret_and_the_old_one_ends",
     a_rotated_key_has_a_new_secret_and_the_old_one_ends},
    {"a_rotation_leaves_both_secrets_until_its_grace_is_ended",
     a_rotation_leaves_both_secrets_until_its_grace_is_ended},
    {"a_revoked_key_is_over_for_good", a_revoked_key_is_over_for_good},
    {"the_same_idempotency_key_makes_one_key",
     the_same_idempotency_key_makes_one_key},
    {"an_idempotency_key_belongs_to_one_body_and_one_operator",
     an_idempotency_key_belongs_to_one_body_and_one_operator},
    {"a_refused_create_may_be_tried_again",
     a_refused_create_may_be_tried_again},
    {"a_strange_idempotency_key_is_refused",
     a_strange_idempotency_key_is_refused},
    {"a_request_that_is_running_is_409", a_request_that_is_running_is_409},
    {"kept_answers_live_a_day_and_hold_no_secret",
     kept_answers_live_a_day_and_hold_no_secret},
    {"pages_stay_the_same_while_keys_are_added",
     pages_stay_the_same_while_keys_are_added},
    {"a_change_that_cannot_be_recorded_is_taken_back",
     a_change_that_cannot_be_recorded_is_taken_back},
    {"a_frozen_store_is_503_and_says_when_to_come_back",
     a_frozen_store_is_503_and_says_when_to_come_back},
    CU_TEST_INFO_NULL,
};
