/* Versions of the published policy in Redis. What is decided is decided in
 * policy.lua, in one step; here it is asked for, and its answers are told.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Each call that changes something carries a token, and is repeated with the same
 * one when no answer came in time: done once, whatever was lost on the way.
 */
#include "admin/policy.h"

#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/digest.h"
#include "gen/policy_lua.h"
#include "store/keys.h"
#include "store/store.h"

#define TRIES 2
#define PENDING_MAX "50"
#define VERSIONS_MAX "500"
#define DOCUMENTS_BYTES_MAX "268435456"

/* As in policy.lua. */
enum { DONE, STALE, MANY, ABSENT, DECIDED, SAME, OTHER };

static const char *const META[] = {
    "state",    "author",       "note",       "base",
    "restores", "loosens",      "created_at", "decided_at",
    "revision", "published_at", "decided_by", "decision_note"};
#define META_COUNT (sizeof META / sizeof META[0])

/* ---- asking the store ---------------------------------------------------- */

static bool has_store(cg_ask_t *ask)
{
    if (ask->admin->store) {
        return true;
    }
    cg_admin_problem(ask, CG_PROBLEM_SERVICE, "there is no store");
    return false;
}

static cg_store_t *store_of(const cg_ask_t *ask)
{
    return ask->admin->documents ? ask->admin->documents : ask->admin->store;
}

static cg_str_t key_of(const cg_ask_t *ask, int64_t version)
{
    cg_str_t number = cg_str(
        version ? apr_psprintf(ask->pool, "%" APR_INT64_T_FMT, version) : "");
    return cg_keys_make(CG_KEYS_POLICY_VERSION, &number, 1, ask->pool);
}

static bool call(cg_ask_t *ask, const cg_str_t *argv, size_t argc,
                 cg_reply_t *out)
{
    cg_error_t err = {""};
    if (!has_store(ask)) {
        return false;
    }
    apr_status_t rv = APR_TIMEUP;
    for (int i = 0; i < TRIES && APR_STATUS_IS_TIMEUP(rv); i++) {
        rv = cg_store_call(store_of(ask), argv, argc, out, &err, ask->pool);
    }
    if (rv != APR_SUCCESS || out->kind == CG_REPLY_ERROR) {
        cg_admin_store_away(ask, err.text);
        return false;
    }
    return true;
}

static int64_t number_of(const cg_reply_t *reply)
{
    int64_t number = 0;
    if (reply->kind == CG_REPLY_INT) {
        return reply->number;
    }
    return reply->kind == CG_REPLY_TEXT && cg_parse_count(reply->text, &number)
               ? number
               : 0;
}

static const char *text_of(const cg_reply_t *reply)
{
    return reply->kind == CG_REPLY_TEXT ? reply->text.ptr : "";
}

bool cg_admin_policy_current(cg_ask_t *ask, int64_t *out_version)
{
    cg_str_t argv[] = {CG_STR("HGET"),
                       cg_keys_make(CG_KEYS_POLICY_HEAD, NULL, 0, ask->pool),
                       CG_STR("current")};
    cg_reply_t reply = {0};
    if (!call(ask, argv, 3, &reply)) {
        return false;
    }
    *out_version = number_of(&reply);
    return true;
}

/* ---- reading ------------------------------------------------------------- */

static bool read_meta(const cg_reply_t *reply, int64_t version,
                      cg_version_t *out)
{
    if (reply->kind != CG_REPLY_ARRAY || reply->count < META_COUNT ||
        reply->items[0].kind != CG_REPLY_TEXT) {
        return false;
    }
    const cg_reply_t *at = reply->items;
    *out = (cg_version_t){.version = version,
                          .state = text_of(&at[0]),
                          .author = text_of(&at[1]),
                          .note = text_of(&at[2]),
                          .base_version = number_of(&at[3]),
                          .restores = number_of(&at[4]),
                          .loosens = number_of(&at[5]) != 0,
                          .created_at = number_of(&at[6]),
                          .decided_at = number_of(&at[7]),
                          .revision = number_of(&at[8]),
                          .published_at = number_of(&at[9]),
                          .decided_by = text_of(&at[10]),
                          .decision_note = text_of(&at[11])};
    return true;
}

/* HMGET of a version; argv has room for META_COUNT + 4. */
static size_t ask_for(const cg_ask_t *ask, int64_t version, bool is_whole,
                      cg_str_t *argv)
{
    size_t argc = 0;
    argv[argc++] = CG_STR("HMGET");
    argv[argc++] = key_of(ask, version);
    for (size_t i = 0; i < META_COUNT; i++) {
        argv[argc++] = cg_str(META[i]);
    }
    if (is_whole) {
        argv[argc++] = CG_STR("document");
        argv[argc++] = CG_STR("changes");
    }
    return argc;
}

bool cg_admin_policy_load(cg_ask_t *ask, int64_t version, bool is_whole,
                          cg_version_t *out, bool *out_found)
{
    cg_str_t argv[META_COUNT + 4];
    size_t argc = ask_for(ask, version, is_whole, argv);
    cg_reply_t reply = {0};
    if (!call(ask, argv, argc, &reply)) {
        return false;
    }
    *out_found = read_meta(&reply, version, out);
    if (*out_found && is_whole) {
        out->document = cg_str(text_of(&reply.items[META_COUNT]));
        out->changes = cg_str(text_of(&reply.items[META_COUNT + 1]));
    }
    return true;
}

/* All in one round trip; one that was dropped meanwhile is left out. */
static bool load_each(cg_ask_t *ask, const cg_reply_t *numbers,
                      cg_version_t *out, size_t *out_count)
{
    size_t count = numbers->count;
    cg_store_command_t *commands =
        apr_pcalloc(ask->pool, (count + 1) * sizeof *commands);
    cg_reply_t *replies = apr_pcalloc(ask->pool, (count + 1) * sizeof *replies);
    for (size_t i = 0; i < count; i++) {
        cg_str_t *argv = apr_palloc(ask->pool, (META_COUNT + 4) * sizeof *argv);
        commands[i].argc =
            ask_for(ask, number_of(&numbers->items[i]), false, argv);
        commands[i].argv = argv;
    }
    cg_error_t err = {""};
    if (count && cg_store_pipeline(store_of(ask), commands, count, replies,
                                   &err, ask->pool) != APR_SUCCESS) {
        cg_admin_store_away(ask, err.text);
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        *out_count += read_meta(&replies[i], number_of(&numbers->items[i]),
                                &out[*out_count]);
    }
    return true;
}

bool cg_admin_policy_list(cg_ask_t *ask, int64_t before, size_t limit,
                          cg_version_t **out, size_t *out_count)
{
    const char *below =
        before ? apr_psprintf(ask->pool, "(%" APR_INT64_T_FMT, before) : "+inf";
    cg_str_t argv[] = {
        CG_STR("ZREVRANGEBYSCORE"),
        cg_keys_make(CG_KEYS_POLICY_INDEX, NULL, 0, ask->pool),
        cg_str(below),
        CG_STR("-inf"),
        CG_STR("LIMIT"),
        CG_STR("0"),
        cg_str(apr_psprintf(ask->pool, "%" APR_SIZE_T_FMT, limit))};
    cg_reply_t reply = {0};
    if (!call(ask, argv, 7, &reply)) {
        return false;
    }
    *out = apr_pcalloc(ask->pool, (reply.count + 1) * sizeof **out);
    *out_count = 0;
    return load_each(ask, &reply, *out, out_count);
}

/* ---- changing ------------------------------------------------------------ */

static void refuse(cg_ask_t *ask, int64_t code, const cg_reply_t *why)
{
    switch (code) {
    case STALE:
        cg_admin_etag(ask, number_of(why));
        cg_admin_problem(
            ask,
            strcmp(ask->endpoint->operation, "policy-versions.approve") == 0
                ? CG_PROBLEM_CONFLICT
                : CG_PROBLEM_STALE,
            "version %" APR_INT64_T_FMT " is published now; begin from it",
            number_of(why));
        return;
    case MANY:
        cg_admin_problem(ask, CG_PROBLEM_CONFLICT,
                         "%" APR_INT64_T_FMT
                         " versions wait to be decided; decide some first",
                         number_of(why));
        return;
    case ABSENT:
        cg_admin_problem(ask, CG_PROBLEM_ABSENT, "there is no such version");
        return;
    case DECIDED:
        cg_admin_problem(ask, CG_PROBLEM_CONFLICT, "it is %s already",
                         text_of(why));
        return;
    case SAME:
        cg_admin_problem(ask, CG_PROBLEM_SECOND,
                         "who wrote it cannot approve it");
        return;
    default:
        cg_admin_problem(ask, CG_PROBLEM_CONFLICT,
                         "only its author can withdraw it; others reject it");
    }
}

/* Runs the script; the answer's code and what goes with it. */
static bool run(cg_ask_t *ask, cg_str_t version, const cg_str_t *args,
                size_t count, int64_t *out_code, cg_reply_t *out_why)
{
    cg_script_t script;
    cg_error_t err = {""};
    if (!has_store(ask)) {
        return false;
    }
    cg_script_init(&script, "policy", cg_lua_policy);
    cg_str_t keys[] = {cg_keys_make(CG_KEYS_POLICY_HEAD, NULL, 0, ask->pool),
                       cg_keys_make(CG_KEYS_POLICY_INDEX, NULL, 0, ask->pool),
                       version};
    cg_reply_t reply = {0};
    apr_status_t rv = APR_TIMEUP;
    for (int i = 0; i < TRIES && APR_STATUS_IS_TIMEUP(rv); i++) {
        rv = cg_store_script(store_of(ask), &script, keys, 3, args, count,
                             &reply, &err, ask->pool);
    }
    if (rv != APR_SUCCESS || reply.kind != CG_REPLY_ARRAY || reply.count != 2) {
        cg_admin_store_away(ask, reply.kind == CG_REPLY_ERROR ? reply.text.ptr
                                                              : err.text);
        return false;
    }
    *out_code = number_of(&reply.items[0]);
    *out_why = reply.items[1];
    return true;
}

static cg_str_t digits(const cg_ask_t *ask, int64_t number)
{
    return cg_str(apr_psprintf(ask->pool, "%" APR_INT64_T_FMT, number));
}

static const char *new_token(const cg_ask_t *ask)
{
    char *token = apr_palloc(ask->pool, 37);
    cg_clock_uuid7(ask->call->now, token);
    return token;
}

static cg_str_t channel(const cg_ask_t *ask)
{
    return cg_keys_make(CG_KEYS_POLICY_CHANNEL, NULL, 0, ask->pool);
}

static cg_str_t digest_of(cg_str_t document, apr_pool_t *pool)
{
    unsigned char digest[CG_SHA256_BYTES];
    char *hex = apr_palloc(pool, 2 * sizeof digest + 1);
    cg_sha256(document.ptr, document.len, digest);
    cg_hex_encode(digest, sizeof digest, hex);
    return cg_str(hex);
}

bool cg_admin_policy_create(cg_ask_t *ask, cg_version_t *version)
{
    version->token = new_token(ask);
    version->digest = digest_of(version->document, ask->pool);
    const cg_str_t args[] = {CG_STR("create"),
                             channel(ask),
                             cg_str(version->token),
                             digits(ask, version->base_version),
                             cg_str(version->state),
                             digits(ask, ask->call->now),
                             CG_STR(PENDING_MAX),
                             CG_STR(VERSIONS_MAX),
                             CG_STR(DOCUMENTS_BYTES_MAX),
                             version->document,
                             CG_STR("author"),
                             cg_str(version->author),
                             CG_STR("note"),
                             cg_str(version->note),
                             CG_STR("loosens"),
                             digits(ask, version->loosens),
                             CG_STR("restores"),
                             digits(ask, version->restores),
                             CG_STR("digest"),
                             version->digest,
                             CG_STR("changes"),
                             version->changes};
    int64_t code = DONE;
    cg_reply_t why = {0};
    if (!run(ask, key_of(ask, 0), args, sizeof args / sizeof args[0], &code,
             &why)) {
        return false;
    }
    if (code != DONE) {
        refuse(ask, code, &why);
        return false;
    }
    version->version = number_of(&why);
    return true;
}

bool cg_admin_policy_decide(cg_ask_t *ask, cg_version_t *version,
                            const char *decision, const char *note)
{
    version->token = new_token(ask);
    const cg_str_t args[] = {CG_STR("decide"),
                             channel(ask),
                             cg_str(version->token),
                             digits(ask, version->version),
                             cg_str(decision),
                             cg_str(ask->call->operator.name),
                             digits(ask, ask->call->now),
                             cg_str(note)};
    int64_t code = DONE;
    cg_reply_t why = {0};
    if (!run(ask, key_of(ask, version->version), args,
             sizeof args / sizeof args[0], &code, &why)) {
        return false;
    }
    if (code != DONE) {
        refuse(ask, code, &why);
        return false;
    }
    return true;
}

void cg_admin_policy_undo(cg_ask_t *ask, const cg_version_t *version)
{
    const cg_str_t args[] = {
        CG_STR("undo"), channel(ask), cg_str(version->token),
        digits(ask, version->version), digits(ask, ask->call->now)};
    cg_admin_reply_t *reply = ask->reply;
    cg_admin_reply_t ignored;
    cg_admin_reply_init(&ignored, ask->pool);
    ask->reply = &ignored;
    int64_t code = DONE;
    cg_reply_t why = {0};
    run(ask, key_of(ask, version->version), args, sizeof args / sizeof args[0],
        &code, &why);
    ask->reply = reply;
}
