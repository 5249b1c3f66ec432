/* Idempotency-Key: a change asked twice happens once.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   first    SET cg:admin:once:<hash> NX "pending", 60 s; do it; keep the answer
 *            for 24 h
 *   again    the kept answer, without the secret, with Idempotency-Replayed
 *   meanwhile 409 (it is being done) · another body under the same key: 422
 *
 * The hash covers the operator's name, so nobody meets another's answers. After
 * draft-ietf-httpapi-idempotency-key-header. An answer that was no success is
 * not kept: what was refused may be tried again.
 */
#include <string.h>

#include <apr_strings.h>

#include "admin/admin_int.h"
#include "base/digest.h"
#include "store/keys.h"
#include "store/store.h"

#define KEPT_SECONDS "86400"
#define PENDING_SECONDS "60" /* more than any change takes */
#define KEY_BYTES_MAX 128

static const char *hex_sha256(cg_str_t text, apr_pool_t *pool)
{
    unsigned char digest[CG_SHA256_BYTES];
    char *hex = apr_palloc(pool, 2 * sizeof digest + 1);
    cg_sha256(text.ptr, text.len, digest);
    cg_hex_encode(digest, sizeof digest, hex);
    return hex;
}

static bool is_sound(const char *key)
{
    size_t len = strlen(key);
    for (size_t i = 0; i < len; i++) {
        if (key[i] < 0x20 || key[i] > 0x7E) {
            return false;
        }
    }
    return len > 0 && len <= KEY_BYTES_MAX;
}

/* The parts are told apart by NUL, which none of them holds. */
static cg_str_t store_key(const cg_ask_t *ask, const char *key)
{
    cg_buf_t buf;
    cg_buf_init(&buf, 256, ask->pool);
    const char *const parts[] = {ask->call->operator.name, ask->call->method,
                                 ask->call->path, key};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        cg_buf_str(&buf, parts[i]);
        cg_buf_char(&buf, '\0');
    }
    cg_str_t hash = cg_str(hex_sha256((cg_str_t){buf.ptr, buf.len}, ask->pool));
    return cg_keys_make(CG_KEYS_ADMIN_ONCE, &hash, 1, ask->pool);
}

static bool call_store(cg_ask_t *ask, const cg_str_t *argv, size_t argc,
                       cg_reply_t *out)
{
    if (!ask->admin->store) {
        cg_admin_problem(ask, CG_PROBLEM_SERVICE, "there is no store");
        return false;
    }
    cg_error_t err = {""};
    apr_status_t rv =
        cg_store_call(ask->admin->store, argv, argc, out, &err, ask->pool);
    if (rv == APR_SUCCESS && out->kind != CG_REPLY_ERROR) {
        return true;
    }
    cg_admin_store_away(ask, err.text);
    return false;
}

/* ---- an earlier call ---------------------------------------------------- */

static void replay(cg_ask_t *ask, const cg_json_t *kept)
{
    static const char *const HEADERS[] = {"ETag", "Location"};
    for (size_t i = 0; i < sizeof HEADERS / sizeof HEADERS[0]; i++) {
        const char *value = cg_json_get_str(kept, HEADERS[i], NULL);
        if (value) {
            apr_table_set(ask->reply->headers, HEADERS[i], value);
        }
    }
    apr_table_setn(ask->reply->headers, "Idempotency-Replayed", "true");
    cg_admin_json(ask, (int)cg_json_get_int(kept, "status", 200),
                  cg_json_get(kept, "body"));
}

static void answer_again(cg_ask_t *ask, cg_str_t text, const char *fingerprint)
{
    const cg_json_t *kept = cg_json_parse(text.ptr, text.len, NULL, ask->pool);
    if (strcmp(cg_json_get_str(kept, "fingerprint", ""), fingerprint) != 0) {
        cg_admin_fault(ask, "header", "/Idempotency-Key", "reused",
                       "stood for another body within 24 h");
        cg_admin_problem(ask, CG_PROBLEM_REUSED,
                         "take a new Idempotency-Key for a new request");
    }
    else if (!cg_json_get(kept, "body")) {
        apr_table_setn(ask->reply->headers, "Retry-After", "1");
        cg_admin_problem(ask, CG_PROBLEM_BUSY, "ask again in a second");
    }
    else {
        replay(ask, kept);
    }
}

/* ---- begin and end ------------------------------------------------------ */

/* Secrets are told once, by whoever is answered first. Of a signing key "key" is the
 * id of an API key; lines of an import have one each. */
static void drop_secrets(cg_json_t *body)
{
    const char *member =
        cg_json_get(body, "secret") ? "secret" : CG_ADMIN_SECRET_MEMBER;
    if (cg_json_get(body, member)) {
        cg_json_set_null(body, member);
    }
    const cg_json_t *items = cg_json_get(body, "items");
    for (size_t i = 0; items && i < cg_json_size(items); i++) {
        cg_json_t *item = cg_json_at(items, i);
        if (cg_json_get(item, CG_ADMIN_SECRET_MEMBER)) {
            cg_json_set_null(item, CG_ADMIN_SECRET_MEMBER);
        }
    }
}

static const char *note_of(const cg_ask_t *ask, bool is_done)
{
    cg_json_t *note = cg_json_object(ask->pool);
    cg_json_set_str(note, "fingerprint",
                    hex_sha256(ask->call->body, ask->pool));
    if (!is_done) {
        return cg_json_dump(note, NULL, ask->pool);
    }
    cg_admin_reply_t *reply = ask->reply;
    cg_json_t *body =
        cg_json_parse(reply->body.ptr, reply->body.len, NULL, ask->pool);
    drop_secrets(body);
    cg_json_set(note, "body", body);
    cg_json_set_int(note, "status", reply->status);
    cg_json_set_str(note, "ETag", apr_table_get(reply->headers, "ETag"));
    cg_json_set_str(note, "Location",
                    apr_table_get(reply->headers, "Location"));
    return cg_json_dump(note, NULL, ask->pool);
}

bool cg_admin_once_begin(cg_ask_t *ask)
{
    const char *key = cg_admin_header(ask, "Idempotency-Key");
    if (!key || !(ask->endpoint->flags & CG_ADMIN_ONCE)) {
        return true;
    }
    if (!is_sound(key)) {
        cg_admin_fault(ask, "header", "/Idempotency-Key", "bad_key",
                       "1 to 128 printable ASCII characters");
        cg_admin_refuse_faults(ask);
        return false;
    }
    cg_str_t name = store_key(ask, key);
    const cg_str_t set[] = {
        CG_STR("SET"), name,         cg_str(note_of(ask, false)),
        CG_STR("NX"),  CG_STR("EX"), CG_STR(PENDING_SECONDS)};
    cg_reply_t answer = {0};
    if (!call_store(ask, set, 6, &answer)) {
        return false;
    }
    if (answer.kind != CG_REPLY_NIL) {
        ask->once = name;
        return true;
    }
    const cg_str_t get[] = {CG_STR("GET"), name};
    if (call_store(ask, get, 2, &answer)) {
        answer_again(ask, answer.text, hex_sha256(ask->call->body, ask->pool));
    }
    return false;
}

void cg_admin_once_end(cg_ask_t *ask)
{
    if (ask->once.len == 0) {
        return;
    }
    cg_reply_t ignored = {0};
    if (ask->reply->status >= 300) {
        const cg_str_t del[] = {CG_STR("DEL"), ask->once};
        cg_store_call(ask->admin->store, del, 2, &ignored, NULL, ask->pool);
        return;
    }
    const cg_str_t set[] = {CG_STR("SET"), ask->once,
                            cg_str(note_of(ask, true)), CG_STR("EX"),
                            CG_STR(KEPT_SECONDS)};
    cg_store_call(ask->admin->store, set, 5, &ignored, NULL, ask->pool);
}
