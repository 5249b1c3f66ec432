/* The published policy: checks, versions, a second person, races, roll-back.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <CUnit/CUnit.h>
#include <apr_strings.h>
#include <apr_thread_proc.h>

#include "admin_fixture.h"
#include "redact/document.h"
#include "store/keys.h"
#include "store/store.h"

extern CU_TestInfo test_admin_policy[];

#define RACERS 20

/* Stricter than nothing, looser than nothing, and their likes. */
#define STRICT "{\"types\":[{\"type\":\"US_SSN\",\"action\":\"block\"}]}"
#define STRICTER                                                               \
    "{\"locked\":true,\"types\":[{\"type\":\"US_SSN\",\"action\":\"block\"}]}"
#define LOOSE "{\"types\":[{\"type\":\"US_SSN\",\"action\":\"log\"}]}"

/* ---- helpers -------------------------------------------------------------- */

static void call_words(const char *a, const char *b)
{
    cg_reply_t ignored = {0};
    const cg_str_t argv[] = {cg_str(a), cg_str(b)};
    cg_store_call(admin_fixture()->store, argv, 2, &ignored, NULL,
                  admin_pool());
}

/* No versions; the switch as it is by default. */
static void begin_anew(void)
{
    cg_reply_t reply = {0};
    const cg_str_t keys[] = {CG_STR("KEYS"), CG_STR("cg:{policy}:*")};
    cg_store_call(admin_fixture()->store, keys, 2, &reply, NULL, admin_pool());
    for (size_t i = 0; i < reply.count; i++) {
        call_words("DEL", reply.items[i].text.ptr);
    }
    admin_fixture()->policy_approval = 1;
}

static const char *body_of(const char *document, int base)
{
    return apr_psprintf(admin_pool(),
                        "{\"document\":%s,\"note\":\"n\",\"base_version\":%d}",
                        document, base);
}

static got_t publish(const char *document, int base, const char *user)
{
    return admin_ask((asked_t){.path = "/policy-versions",
                               .body = body_of(document, base),
                               .user = user,
                               .roles = CG_ROLE_COMPLIANCE});
}

static got_t deed(int version, const char *name, const char *user,
                  unsigned roles)
{
    return admin_ask(
        (asked_t){.path = apr_psprintf(admin_pool(), "/policy-versions/%d/%s",
                                       version, name),
                  .body = "{}",
                  .user = user,
                  .roles = roles});
}

static got_t version_of(int number)
{
    return admin_ask((asked_t){
        .path = apr_psprintf(admin_pool(), "/policy-versions/%d", number)});
}

static int current(void)
{
    got_t got = admin_ask((asked_t){.path = "/policy-versions/current"});
    return got.status == 200 ? (int)cg_json_get_int(got.json, "version", -1)
                             : 0;
}

static void check_state(int version, const char *state)
{
    got_t got = version_of(version);
    CU_ASSERT_STRING_EQUAL(answer_str(&got, "state"), state);
}

static void expect(const got_t *got, int status, const char *problem)
{
    const char *type = cg_json_get_str(got->json, "type", "");
    const char *slash = strrchr(type, '/');
    bool is_right = got->status == status &&
                    (!*problem || (slash && strcmp(slash + 1, problem) == 0));
    CU_ASSERT(is_right);
    if (!is_right) {
        fprintf(stderr, "\n    %d %s wanted, got %d %.300s\n", status, problem,
                got->status, got->text);
    }
}

/* ---- publishing ----------------------------------------------------------- */

static void no_policy_is_published_at_first(void)
{
    begin_anew();
    got_t got = admin_ask((asked_t){.path = "/policy-versions/current"});
    expect(&got, 404, "not-found");
    got = admin_ask((asked_t){.path = "/policy-versions"});
    expect(&got, 200, "");
    CU_ASSERT_EQUAL(cg_json_size(cg_json_get(got.json, "items")), 0);
}

static void what_loosens_nothing_is_published_at_once(void)
{
    begin_anew();
    got_t got = publish(STRICT, 0, "ann");
    expect(&got, 201, "");
    CU_ASSERT_STRING_EQUAL(answer_str(&got, "state"), "published");
    CU_ASSERT_STRING_EQUAL(answer_header(&got, "Location"),
                           "/console/api/v1/policy-versions/1");
    CU_ASSERT_EQUAL(cg_json_get_int(got.json, "version", 0), 1);
    CU_ASSERT_FALSE(cg_json_get_bool(got.json, "loosens", true));
    CU_ASSERT_PTR_NULL(cg_json_get(got.json, "document"));
    const char *etag = answer_header(&got, "ETag");
    got_t read = admin_ask((asked_t){.path = "/policy-versions/current"});
    CU_ASSERT_STRING_EQUAL(answer_header(&read, "ETag"), etag);
    CU_ASSERT_STRING_EQUAL(answer_str(&read, "author"), "ann");
    CU_ASSERT_STRING_EQUAL(
        cg_json_dump(cg_json_get(read.json, "document"), NULL, admin_pool()),
        STRICT);
    CU_ASSERT_EQUAL(cg_json_size(cg_json_get(read.json, "changes")), 1);
    CU_ASSERT_TRUE(cg_json_is_null(cg_json_get(read.json, "approved_by")));
    CU_ASSERT_TRUE(cg_json_is_null(cg_json_get(read.json, "base_version")));
}

static void a_version_is_made_from_the_published_one(void)
{
    begin_anew();
    got_t got = publish(STRICT, 3, "ann");
    expect(&got, 412, "changed-meanwhile");
    publish(STRICT, 0, "ann");
    got = publish(STRICTER, 0, "bob");
    expect(&got, 412, "changed-meanwhile");
    CU_ASSERT_STRING_EQUAL(answer_header(&got, "ETag"), "\"1\"");
    got = admin_ask((asked_t){.path = "/policy-versions",
                              .body = body_of(STRICTER, 1),
                              .more = "If-Match: \"7\"\n"});
    expect(&got, 412, "changed-meanwhile");
    got = publish(STRICTER, 1, "bob");
    expect(&got, 201, "");
    CU_ASSERT_EQUAL(current(), 2);
    check_state(1, "superseded");
    got = admin_ask((asked_t){.path = "/policy-versions"});
    const cg_json_t *items = cg_json_get(got.json, "items");
    CU_ASSERT_EQUAL(cg_json_size(items), 2);
    CU_ASSERT_EQUAL(cg_json_get_int(cg_json_at(items, 0), "version", 0), 2);
    CU_ASSERT_EQUAL(cg_json_get_int(cg_json_at(items, 0), "base_version", 0),
                    1);
}

static void what_says_the_same_is_refused(void)
{
    begin_anew();
    publish(STRICT, 0, "ann");
    got_t got = publish(STRICT, 1, "ann");
    expect(&got, 400, "invalid-request");
    CU_ASSERT(answer_fault(&got, "/document", "unchanged"));
}

static void a_faulty_document_is_refused_with_pointers(void)
{
    begin_anew();
    got_t got = publish("{\"types\":[{\"type\":\"SSN\",\"action\":\"mask\"}],"
                        "\"patterns\":[{\"name\":\"p\",\"regex\":\"x\","
                        "\"case\":true}]}",
                        0, "ann");
    expect(&got, 400, "invalid-request");
    CU_ASSERT(answer_fault(&got, "/document/types/0/type", "unknown_type"));
    CU_ASSERT(
        answer_fault(&got, "/document/patterns/0/case", "unknown_member"));
    got =
        publish("{\"patterns\":[{\"name\":\"p\",\"regex\":\"(x\"}]}", 0, "ann");
    CU_ASSERT(answer_fault(&got, "/document/patterns/0/regex", "bad_regex"));
    CU_ASSERT_EQUAL(current(), 0);
    got = admin_ask((asked_t){
        .path = "/policy-versions",
        .body = "{\"document\":{},\"note\":\"n\",\"base_version\":-1}"});
    CU_ASSERT(answer_fault(&got, "/base_version", "out_of_range"));
    got = admin_ask((asked_t){
        .path = "/policy-versions",
        .body = "{\"document\":[],\"note\":\"n\",\"base_version\":\"1\"}"});
    CU_ASSERT(answer_fault(&got, "/document", "wrong_type"));
    CU_ASSERT(answer_fault(&got, "/base_version", "wrong_type"));
}

static void a_check_tells_faults_and_changes_and_keeps_nothing(void)
{
    begin_anew();
    publish(STRICT, 0, "ann");
    got_t got = admin_ask((asked_t){.path = "/policy-checks",
                                    .body = "{\"document\":" LOOSE "}"});
    expect(&got, 200, "");
    CU_ASSERT_TRUE(cg_json_get_bool(got.json, "loosens", false));
    CU_ASSERT_EQUAL(cg_json_size(cg_json_get(got.json, "faults")), 0);
    CU_ASSERT_STRING_EQUAL(
        cg_json_dump(cg_json_get(got.json, "changes"), NULL, admin_pool()),
        "[{\"pointer\":\"/types/0\",\"what\":\"US_SSN\",\"before\":\"block\","
        "\"after\":\"log\",\"effect\":\"looser\",\"direction\":\"both\"}]");
    got = admin_ask((asked_t){
        .path = "/policy-checks",
        .body = "{\"document\":{\"locked\":1,\"patterns\":[{\"name\":\"p\","
                "\"regex\":\"(\"}]}}"});
    expect(&got, 200, "");
    CU_ASSERT_EQUAL(cg_json_size(cg_json_get(got.json, "faults")), 1);
    CU_ASSERT_EQUAL(current(), 1);
}

/* ---- a second person ------------------------------------------------------- */

static void what_loosens_waits_for_a_second_person(void)
{
    begin_anew();
    publish(STRICT, 0, "ann");
    got_t got = publish(LOOSE, 1, "ann");
    expect(&got, 201, "");
    CU_ASSERT_STRING_EQUAL(answer_str(&got, "state"), "pending");
    CU_ASSERT_EQUAL(current(), 1);
    got = deed(2, "approve", "ann", CG_ROLE_ADMIN);
    expect(&got, 403, "second-person-required");
    CU_ASSERT_EQUAL(current(), 1);
    got = deed(2, "approve", "eve", CG_ROLE_APPROVER);
    expect(&got, 200, "");
    CU_ASSERT_STRING_EQUAL(answer_str(&got, "state"), "published");
    CU_ASSERT_STRING_EQUAL(answer_str(&got, "approved_by"), "eve");
    CU_ASSERT_EQUAL(current(), 2);
    check_state(1, "superseded");
    got = version_of(2);
    CU_ASSERT_STRING_EQUAL(answer_str(&got, "approved_by"), "eve");
    got = deed(2, "approve", "eve", CG_ROLE_APPROVER);
    expect(&got, 409, "conflict");
}

static void the_switch_says_what_needs_a_second_person(void)
{
    static const char *const documents[] = {STRICT, STRICTER, LOOSE};
    static const char *const states[3][3] = {
        {"published", "published", "published"},
        {"published", "published", "pending"},
        {"pending", "pending", "pending"}};
    for (int approval = 0; approval < 3; approval++) {
        begin_anew();
        admin_fixture()->policy_approval = approval;
        for (int i = 0; i < 3; i++) {
            got_t got = publish(documents[i], current(), "ann");
            CU_ASSERT_STRING_EQUAL(answer_str(&got, "state"),
                                   states[approval][i]);
        }
    }
    begin_anew();
}

static void what_was_made_from_another_version_is_not_approved(void)
{
    begin_anew();
    publish(STRICT, 0, "ann");
    publish(LOOSE, 1, "ann");
    publish(STRICTER, 1, "bob");
    CU_ASSERT_EQUAL(current(), 3);
    got_t got = deed(2, "approve", "eve", CG_ROLE_APPROVER);
    expect(&got, 409, "conflict");
    CU_ASSERT_EQUAL(current(), 3);
    check_state(2, "pending");
}

static void a_pending_version_is_rejected_or_withdrawn(void)
{
    begin_anew();
    publish(LOOSE, 0, "ann");
    publish(LOOSE, 0, "ann");
    got_t got = deed(1, "reject", "eve", CG_ROLE_APPROVER);
    expect(&got, 200, "");
    CU_ASSERT_STRING_EQUAL(answer_str(&got, "decided_by"), "eve");
    CU_ASSERT_TRUE(cg_json_is_null(cg_json_get(got.json, "approved_by")));
    check_state(1, "rejected");
    got = deed(2, "withdraw", "bob", CG_ROLE_COMPLIANCE);
    expect(&got, 409, "conflict");
    got = deed(2, "withdraw", "ann", CG_ROLE_COMPLIANCE);
    expect(&got, 200, "");
    check_state(2, "withdrawn");
    got = deed(2, "approve", "eve", CG_ROLE_APPROVER);
    expect(&got, 409, "conflict");
    got = deed(7, "approve", "eve", CG_ROLE_APPROVER);
    expect(&got, 404, "not-found");
    CU_ASSERT_EQUAL(current(), 0);
}

static void waiting_versions_are_bounded(void)
{
    begin_anew();
    for (int i = 0; i < 50; i++) {
        got_t got = publish(LOOSE, 0, "ann");
        CU_ASSERT_EQUAL(got.status, 201);
    }
    got_t got = publish(LOOSE, 0, "ann");
    expect(&got, 409, "conflict");
    got = publish(STRICT, 0, "ann");
    expect(&got, 201, "");
    deed(1, "withdraw", "ann", CG_ROLE_COMPLIANCE);
    got = publish(LOOSE, current(), "ann");
    expect(&got, 201, "");
}

/* ---- roll-back ------------------------------------------------------------- */

static void roll_back_is_a_new_version(void)
{
    begin_anew();
    publish(STRICTER, 0, "ann");
    publish(STRICT, 1, "bob");
    deed(2, "approve", "eve", CG_ROLE_APPROVER);
    got_t got = deed(2, "restore", "ann", CG_ROLE_COMPLIANCE);
    expect(&got, 409, "conflict");
    got = deed(1, "restore", "ann", CG_ROLE_COMPLIANCE);
    expect(&got, 201, "");
    CU_ASSERT_EQUAL(cg_json_get_int(got.json, "version", 0), 3);
    CU_ASSERT_EQUAL(cg_json_get_int(got.json, "restores", 0), 1);
    CU_ASSERT_EQUAL(current(), 3);
    got = version_of(3);
    CU_ASSERT_STRING_EQUAL(
        cg_json_dump(cg_json_get(got.json, "document"), NULL, admin_pool()),
        STRICTER);
    CU_ASSERT_STRING_EQUAL(answer_str(&got, "note"), "Version 1 again");
    got = deed(2, "restore", "ann", CG_ROLE_COMPLIANCE);
    CU_ASSERT_STRING_EQUAL(answer_str(&got, "state"), "pending");
}

/* ---- races ----------------------------------------------------------------- */

typedef struct racer_t {
    const char *path;
    const char *body;
    char user[16];
    int status;
} racer_t;

static const char *race_header(void *baton, const char *name)
{
    (void)baton;
    return strcmp(name, "X-ChatGPT-Console") == 0 ? "1"
           : strcmp(name, "Content-Type") == 0    ? "application/json"
                                                  : NULL;
}

static void *APR_THREAD_FUNC run_race(apr_thread_t *thread, void *data)
{
    racer_t *racer = data;
    apr_pool_t *pool;
    (void)thread;
    apr_pool_create(&pool, NULL);
    cg_admin_call_t call = {.method = "POST",
                            .path = racer->path,
                            .header = race_header,
                            .body = cg_str(racer->body),
                            .operator= {racer->user, CG_ROLE_ADMIN, "::1"},
                            .base = "",
                            .request_id = "r",
                            .now = NOW};
    cg_admin_reply_t reply = {0};
    cg_admin_answer(admin_fixture(), &call, &reply, pool);
    racer->status = reply.status;
    apr_pool_destroy(pool);
    return NULL;
}

/* All at the same moment; how many got each of the two. */
static void race(const char *path, const char *body, int won, int lost,
                 int *out_won, int *out_lost)
{
    racer_t racers[RACERS];
    apr_thread_t *threads[RACERS];
    *out_won = 0;
    *out_lost = 0;
    for (int i = 0; i < RACERS; i++) {
        racers[i] = (racer_t){.path = path, .body = body};
        apr_snprintf(racers[i].user, sizeof racers[i].user, "racer%d", i);
        CU_ASSERT_EQUAL_FATAL(apr_thread_create(&threads[i], NULL, run_race,
                                                &racers[i], admin_pool()),
                              APR_SUCCESS);
    }
    for (int i = 0; i < RACERS; i++) {
        apr_status_t rv;
        apr_thread_join(&rv, threads[i]);
        *out_won += racers[i].status == won;
        *out_lost += racers[i].status == lost;
    }
}

static void of_twenty_who_publish_at_once_one_wins(void)
{
    int won, lost;
    begin_anew();
    race("/policy-versions", body_of(STRICT, 0), 201, 412, &won, &lost);
    CU_ASSERT_EQUAL(won, 1);
    CU_ASSERT_EQUAL(lost, RACERS - 1);
    CU_ASSERT_EQUAL(current(), 1);
    got_t got = admin_ask((asked_t){.path = "/policy-versions"});
    CU_ASSERT_EQUAL(cg_json_size(cg_json_get(got.json, "items")), 1);
}

static void of_twenty_who_approve_at_once_one_wins(void)
{
    int won, lost;
    begin_anew();
    publish(LOOSE, 0, "ann");
    race("/policy-versions/1/approve", "{}", 200, 409, &won, &lost);
    CU_ASSERT_EQUAL(won, 1);
    CU_ASSERT_EQUAL(lost, RACERS - 1);
    CU_ASSERT_EQUAL(current(), 1);
}

/* ---- the record, the store, the bound -------------------------------------- */

static void a_deed_is_recorded_without_words_and_patterns(void)
{
    begin_anew();
    got_t got = publish("{\"lists\":[{\"name\":\"clients\",\"words\":"
                        "[\"Falconry\"]}],\"patterns\":[{\"name\":\"ticket\","
                        "\"regex\":\"QQ-[0-9]{4}\"}]}",
                        0, "ann");
    admin_ship();
    got_t event = admin_ask(
        (asked_t){.path = apr_pstrcat(admin_pool(), "/admin-events/",
                                      answer_str(&got, "audit_id"), NULL)});
    expect(&event, 200, "");
    CU_ASSERT_STRING_EQUAL(answer_str(&event, "user"), "ann");
    CU_ASSERT_STRING_EQUAL(answer_str(&event, "subject"), "policy-versions/1");
    CU_ASSERT_STRING_EQUAL(answer_str(&event, "operation"),
                           "policy-versions.create");
    CU_ASSERT_PTR_NOT_NULL(strstr(event.text, "clients, stricter"));
    CU_ASSERT_PTR_NOT_NULL(strstr(event.text, "\"note\""));
    CU_ASSERT_PTR_NULL(strstr(event.text, "Falconry"));
    CU_ASSERT_PTR_NULL(strstr(event.text, "QQ-"));
}

/* Writing to files is forbidden, so the journal fails. */
static void forbid_writing(bool is_forbidden)
{
    static struct rlimit before;
    if (!is_forbidden) {
        setrlimit(RLIMIT_FSIZE, &before);
        signal(SIGXFSZ, SIG_DFL);
        return;
    }
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before);
    struct rlimit none = {0, before.rlim_max};
    setrlimit(RLIMIT_FSIZE, &none);
}

static void a_deed_that_cannot_be_recorded_is_taken_back(void)
{
    begin_anew();
    forbid_writing(true);
    got_t first = publish(STRICT, 0, "ann");
    forbid_writing(false);
    expect(&first, 500, "not-recorded");
    CU_ASSERT_EQUAL(current(), 0);
    publish(STRICTER, 0, "ann");
    got_t loose = publish(LOOSE, current(), "ann");
    int base = current();
    int pending = (int)cg_json_get_int(loose.json, "version", 0);
    forbid_writing(true);
    got_t approved = deed(pending, "approve", "eve", CG_ROLE_APPROVER);
    forbid_writing(false);
    expect(&approved, 500, "not-recorded");
    CU_ASSERT_EQUAL(current(), base);
    check_state(base, "published");
    check_state(pending, "pending");
    approved = deed(pending, "approve", "eve", CG_ROLE_APPROVER);
    expect(&approved, 200, "");
    CU_ASSERT_EQUAL(current(), pending);
}

static void a_deed_asked_twice_happens_once(void)
{
    begin_anew();
    asked_t call = {.path = "/policy-versions",
                    .body = body_of(STRICT, 0),
                    .more = "Idempotency-Key: policy-1\n"};
    got_t first = admin_ask(call);
    got_t second = admin_ask(call);
    expect(&first, 201, "");
    expect(&second, 201, "");
    CU_ASSERT_STRING_EQUAL(answer_header(&second, "Idempotency-Replayed"),
                           "true");
    CU_ASSERT_STRING_EQUAL(first.text, second.text);
    got_t got = admin_ask((asked_t){.path = "/policy-versions"});
    CU_ASSERT_EQUAL(cg_json_size(cg_json_get(got.json, "items")), 1);
}

static void without_the_store_nothing_is_answered_but_503(void)
{
    begin_anew();
    admin_freeze();
    got_t got = publish(STRICT, 0, "ann");
    expect(&got, 503, "store-unavailable");
    got = admin_ask((asked_t){.path = "/policy-versions"});
    expect(&got, 503, "store-unavailable");
    got = admin_ask((asked_t){.path = "/policy-catalogue"});
    expect(&got, 200, "");
    admin_wake();
    apr_sleep(apr_time_from_msec(1500)); /* the breaker closes again */
    for (int i = 0; i < 40; i++) {
        got = admin_ask((asked_t){.path = "/policy-versions"});
        if (got.status == 200) {
            break;
        }
        apr_sleep(apr_time_from_msec(100));
    }
    expect(&got, 200, "");
}

static void old_versions_are_dropped_and_pages_hold(void)
{
    begin_anew();
    admin_fixture()->policy_approval = 0;
    for (int i = 0; i < 506; i++) {
        got_t got = publish(i % 2 ? STRICT : STRICTER, i, "ann");
        CU_ASSERT_EQUAL(got.status, 201);
        if (got.status != 201) {
            fprintf(stderr, "\n    %d: %s\n", i, got.text);
            break;
        }
    }
    got_t got = version_of(6);
    expect(&got, 404, "");
    got = version_of(7);
    expect(&got, 200, "");
    int seen = 0;
    const char *query = "limit=200";
    for (int page = 0; page < 4; page++) {
        got = admin_ask((asked_t){.path = "/policy-versions", .query = query});
        seen += (int)cg_json_size(cg_json_get(got.json, "items"));
        const char *next = cg_json_get_str(got.json, "next_cursor", NULL);
        if (!next) {
            break;
        }
        query = apr_psprintf(admin_pool(), "limit=200&cursor=%s", next);
    }
    CU_ASSERT_EQUAL(seen, 500);
    CU_ASSERT_EQUAL(current(), 506);
    begin_anew();
}

/* ---- the catalogue and the try-out ------------------------------------------ */

static void the_catalogue_says_what_there_is(void)
{
    got_t got = admin_ask((asked_t){.path = "/policy-catalogue"});
    expect(&got, 200, "");
    CU_ASSERT_STRING_EQUAL(answer_str(&got, "approval"), "loosening");
    CU_ASSERT_STRING_EQUAL(
        cg_json_dump(cg_json_get(got.json, "actions"), NULL, admin_pool()),
        "[\"allow\",\"log\",\"partial\",\"pseudonym\",\"mask\",\"block\"]");
    const cg_json_t *types = cg_json_get(got.json, "types");
    CU_ASSERT(cg_json_size(types) > 60);
    int families[4] = {0};
    static const char *const names[] = {"custom", "general", "identity",
                                        "secret"};
    for (size_t i = 0; i < cg_json_size(types); i++) {
        for (int f = 0; f < 4; f++) {
            families[f] +=
                strcmp(cg_json_get_str(cg_json_at(types, i), "family", ""),
                       names[f]) == 0;
        }
    }
    CU_ASSERT_EQUAL(families[0], 2);
    CU_ASSERT(families[1] > 5 && families[2] > 20 && families[3] > 15);
    CU_ASSERT_EQUAL(families[0] + families[1] + families[2] + families[3],
                    (int)cg_json_size(types));
}

static got_t try_text(const char *text, const char *document)
{
    cg_json_t *body = cg_json_object(admin_pool());
    cg_json_set_str(body, "text", text);
    if (document) {
        cg_json_set(
            body, "document",
            cg_json_parse(document, strlen(document), NULL, admin_pool()));
    }
    return admin_ask((asked_t){.path = "/scan",
                               .body = cg_json_dump(body, NULL, admin_pool()),
                               .roles = CG_ROLE_COMPLIANCE});
}

/* As httpd's side does where no directive says anything. */
static void take_all_of_it(void *baton, const cg_document_t *document,
                           const cg_rules_t **rules, cg_actions_t *out,
                           apr_pool_t *pool)
{
    (void)baton;
    (void)rules;
    (void)pool;
    cg_actions_default(out);
    for (int t = 0; t < CG_DETECTORS_MAX; t++) {
        if (document->said_request[t]) {
            out->by_type[t] = (uint8_t)(document->said_request[t] - 1);
        }
    }
}

static const cg_json_t *why_of(const got_t *got, size_t i)
{
    return cg_json_get(cg_json_at(cg_json_get(got->json, "entities"), i),
                       "why");
}

static void a_draft_is_tried_before_it_is_published(void)
{
    static const char draft[] =
        "{\"lists\":[{\"name\":\"clients\",\"words\":[\"Falcon\"],\"action\":"
        "\"block\"}],\"patterns\":[{\"name\":\"ticket\",\"regex\":"
        "\"TICKET-[0-9]{4}\",\"action\":\"log\"}],\"allowed\":"
        "[\"@example.com\"]}";
    got_t got = try_text("falcon TICKET-1234 joe@example.com", draft);
    expect(&got, 200, "");
    const cg_json_t *entities = cg_json_get(got.json, "entities");
    CU_ASSERT_EQUAL_FATAL(cg_json_size(entities), 2);
    const cg_json_t *first = cg_json_at(entities, 0);
    const cg_json_t *second = cg_json_at(entities, 1);
    CU_ASSERT_STRING_EQUAL(cg_json_get_str(first, "rule", ""), "clients");
    CU_ASSERT_STRING_EQUAL(cg_json_get_str(first, "action", ""), "block");
    CU_ASSERT_STRING_EQUAL(cg_json_get_str(second, "type", ""),
                           "CUSTOM:ticket");
    CU_ASSERT_STRING_EQUAL(cg_json_get_str(second, "action", ""), "log");
    CU_ASSERT_STRING_EQUAL(answer_str(&got, "masked"),
                           "[KEYWORD] TICKET-1234 joe@example.com");
    CU_ASSERT_STRING_EQUAL(answer_str(&got, "blocked_by"), "KEYWORD");
    got = try_text("x", "{\"lists\":[{\"name\":\"a\",\"words\":[7]}]}");
    expect(&got, 400, "invalid-request");
    CU_ASSERT(answer_fault(&got, "/document/lists/0/words/0", "wrong_type"));
}

static void tokens_of_a_try_out_are_nobodys(void)
{
    static const char draft[] =
        "{\"types\":[{\"type\":\"EMAIL_ADDRESS\",\"action\":\"pseudonym\"}]}";
    admin_fixture()->try_draft = take_all_of_it;
    got_t one = try_text("joe@corp.example, joe@corp.example", draft);
    got_t two = try_text("joe@corp.example, joe@corp.example", draft);
    admin_fixture()->try_draft = NULL;
    const char *first = answer_str(&one, "masked");
    CU_ASSERT_EQUAL(strncmp(first, "[[EMAIL", 7), 0);
    size_t len = strcspn(first, ",");
    CU_ASSERT_EQUAL(strncmp(first, first + len + 2, len), 0);
    CU_ASSERT_STRING_NOT_EQUAL(first, answer_str(&two, "masked"));
}

static void each_finding_says_why(void)
{
    got_t got = try_text("my tax file number is 865414088, card "
                         "4111111111111111, mail joe@corp.example, "
                         "身份证号 11010519491231002X",
                         NULL);
    expect(&got, 200, "");
    static const char *const expected[][2] = {{"context", "tax file"},
                                              {"check_digit", "card"},
                                              {"shape", "mail"},
                                              {"check_digit", "身份证"}};
    CU_ASSERT_EQUAL_FATAL(cg_json_size(cg_json_get(got.json, "entities")), 4);
    for (size_t i = 0; i < 4; i++) {
        const cg_json_t *why = why_of(&got, i);
        CU_ASSERT_STRING_EQUAL(cg_json_get_str(why, "reason", ""),
                               expected[i][0]);
        CU_ASSERT_STRING_EQUAL(cg_json_get_str(why, "label", ""),
                               expected[i][1]);
    }
    got = try_text("4111111111111111", NULL);
    CU_ASSERT_TRUE(cg_json_is_null(cg_json_get(why_of(&got, 0), "label")));
}

CU_TestInfo test_admin_policy[] = {
    {"no_policy_is_published_at_first", no_policy_is_published_at_first},
    {"what_loosens_nothing_is_published_at_once",
     what_loosens_nothing_is_published_at_once},
    {"a_version_is_made_from_the_published_one",
     a_version_is_made_from_the_published_one},
    {"what_says_the_same_is_refused", what_says_the_same_is_refused},
    {"a_faulty_document_is_refused_with_pointers",
     a_faulty_document_is_refused_with_pointers},
    {"a_check_tells_faults_and_changes_and_keeps_nothing",
     a_check_tells_faults_and_changes_and_keeps_nothing},
    {"what_loosens_waits_for_a_second_person",
     what_loosens_waits_for_a_second_person},
    {"the_switch_says_what_needs_a_second_person",
     the_switch_says_what_needs_a_second_person},
    {"what_was_made_from_another_version_is_not_approved",
     what_was_made_from_another_version_is_not_approved},
    {"a_pending_version_is_rejected_or_withdrawn",
     a_pending_version_is_rejected_or_withdrawn},
    {"waiting_versions_are_bounded", waiting_versions_are_bounded},
    {"roll_back_is_a_new_version", roll_back_is_a_new_version},
    {"of_twenty_who_publish_at_once_one_wins",
     of_twenty_who_publish_at_once_one_wins},
    {"of_twenty_who_approve_at_once_one_wins",
     of_twenty_who_approve_at_once_one_wins},
    {"a_deed_is_recorded_without_words_and_patterns",
     a_deed_is_recorded_without_words_and_patterns},
    {"a_deed_that_cannot_be_recorded_is_taken_back",
     a_deed_that_cannot_be_recorded_is_taken_back},
    {"a_deed_asked_twice_happens_once", a_deed_asked_twice_happens_once},
    {"without_the_store_nothing_is_answered_but_503",
     without_the_store_nothing_is_answered_but_503},
    {"old_versions_are_dropped_and_pages_hold",
     old_versions_are_dropped_and_pages_hold},
    {"the_catalogue_says_what_there_is", the_catalogue_says_what_there_is},
    {"a_draft_is_tried_before_it_is_published",
     a_draft_is_tried_before_it_is_published},
    {"tokens_of_a_try_out_are_nobodys", tokens_of_a_try_out_are_nobodys},
    {"each_finding_says_why", each_finding_says_why},
    CU_TEST_INFO_NULL,
};
