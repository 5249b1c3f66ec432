/* chatgptctl seal: the master keys under which secrets stand in the store.
 * SPDX-License-Identifier: Apache-2.0
 *
 * rotate wraps each data key anew under the current master key and touches no
 * secret. It may be broken off and run again, and servers may work meanwhile; they
 * must be able to read the new key before, and the old one until status says that
 * nothing needs it any more.
 */
#include "ctl/ctl.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <apr_hash.h>
#include <apr_strings.h>

#include "auth/sealed.h"
#include "base/digest.h"
#include "base/json.h"
#include "ctl/reach.h"
#include "ctl/say.h"
#include "store/keys.h"

static const char usage[] =
    "usage: chatgptctl seal new-key      a line for a file of master keys\n"
    "       chatgptctl seal status       which master keys are needed\n"
    "       chatgptctl seal rotate       all secrets under the current one\n"
    "options: [--store URL] [--seal-key WORD]...\n" CG_CTL_REACH_USAGE;

/* lives in: main's pool */
typedef struct call_t {
    apr_pool_t *pool;
    const char *command;
    const char *store_url;
    apr_array_header_t *words;
    cg_store_t *store;
    cg_sealer_t *sealer;
    apr_hash_t *by_key; /* id of a master key -> int64_t */
    int64_t records;
    int64_t changed;
    int64_t failed;
} call_t;

static int new_key(void)
{
    char line[CG_SEAL_LINE_LEN + 1];
    cg_sealer_new_key(line);
    puts(line);
    cg_wipe(line, sizeof line);
    return CG_CTL_DONE;
}

/* ---- each record --------------------------------------------------------- */

static void count_record(call_t *call, const cg_sealed_t *one, apr_pool_t *page)
{
    (void)page;
    const char *id = cg_seal_key_id(one->text, call->pool);
    id = id ? id : "none";
    int64_t *count = apr_hash_get(call->by_key, id, APR_HASH_KEY_STRING);
    if (!count) {
        count = apr_pcalloc(call->pool, sizeof *count);
        apr_hash_set(call->by_key, id, APR_HASH_KEY_STRING, count);
    }
    ++*count;
}

static void wrap_record(call_t *call, const cg_sealed_t *one, apr_pool_t *page)
{
    cg_error_t err = {""};
    bool has_changed = false;
    if (cg_sealed_rewrap(call->store, call->sealer, one, &has_changed, &err,
                         page) != APR_SUCCESS) {
        fprintf(stderr, "chatgptctl seal: %s: %s\n", one->key, err.text);
        call->failed++;
    }
    call->changed += has_changed ? 1 : 0;
}

static bool walk(call_t *call,
                 void (*on_record)(call_t *call, const cg_sealed_t *one,
                                   apr_pool_t *page),
                 cg_error_t *err)
{
    const char *cursor = "0";
    do {
        apr_pool_t *page;
        apr_array_header_t *records;
        const char *next;
        apr_pool_create(&page, call->pool);
        if (cg_sealed_page(call->store, cursor, &records, &next, err, page) !=
            APR_SUCCESS) {
            return false;
        }
        for (int i = 0; i < records->nelts; i++) {
            on_record(call, &APR_ARRAY_IDX(records, i, cg_sealed_t), page);
            call->records++;
        }
        cursor = apr_pstrdup(call->pool, next);
        apr_pool_destroy(page);
    } while (strcmp(cursor, "0") != 0);
    return true;
}

/* ---- commands ------------------------------------------------------------ */

static const char *place_of(const call_t *call, const char *id)
{
    for (size_t i = 0; i < cg_sealer_count(call->sealer); i++) {
        if (strcmp(cg_sealer_key_id(call->sealer, i), id) == 0) {
            return i == 0 ? "current" : "old";
        }
    }
    return "missing";
}

static void print_key(const call_t *call, const char *id, int64_t records)
{
    cg_json_t *out = cg_json_object(call->pool);
    cg_json_set_str(out, "key_id", id);
    cg_json_set_str(out, "state", place_of(call, id));
    cg_json_set_int(out, "records", records);
    cg_ctl_print(out, call->pool);
}

/* The keys that are given, in order, then those that would be needed. */
static int status(call_t *call, cg_error_t *err)
{
    bool is_missing = false;
    call->by_key = apr_hash_make(call->pool);
    if (!walk(call, count_record, err)) {
        return cg_ctl_complain("seal", CG_CTL_NO, err);
    }
    for (size_t i = 0; i < cg_sealer_count(call->sealer); i++) {
        const char *id = cg_sealer_key_id(call->sealer, i);
        const int64_t *count =
            apr_hash_get(call->by_key, id, APR_HASH_KEY_STRING);
        print_key(call, id, count ? *count : 0);
    }
    for (apr_hash_index_t *at = apr_hash_first(call->pool, call->by_key); at;
         at = apr_hash_next(at)) {
        const char *id = apr_hash_this_key(at);
        if (strcmp(place_of(call, id), "missing") == 0) {
            print_key(call, id, *(const int64_t *)apr_hash_this_val(at));
            is_missing = true;
        }
    }
    return is_missing ? CG_CTL_NO : CG_CTL_DONE;
}

static void publish(call_t *call)
{
    cg_str_t argv[] = {
        CG_STR("PUBLISH"),
        cg_keys_make(CG_KEYS_CREDENTIAL_CHANNEL, NULL, 0, call->pool),
        CG_STR("*")};
    cg_reply_t reply;
    cg_error_t unused; /* servers look by themselves every few seconds */
    cg_store_call(call->store, argv, 3, &reply, &unused, call->pool);
}

static int rotate(call_t *call, cg_error_t *err)
{
    if (!walk(call, wrap_record, err)) {
        return cg_ctl_complain("seal", CG_CTL_NO, err);
    }
    publish(call);
    cg_json_t *out = cg_json_object(call->pool);
    cg_json_set_str(out, "key_id", cg_sealer_key_id(call->sealer, 0));
    cg_json_set_int(out, "records", call->records);
    cg_json_set_int(out, "rewrapped", call->changed);
    cg_json_set_int(out, "failed", call->failed);
    cg_ctl_print(out, call->pool);
    return call->failed ? CG_CTL_NO : CG_CTL_DONE;
}

static bool parse(call_t *call, int argc, char **argv, cg_error_t *err)
{
    for (int i = 1; i < argc; i++) {
        bool is_option = strncmp(argv[i], "--", 2) == 0;
        if (!is_option && !call->command) {
            call->command = argv[i];
            continue;
        }
        if (!is_option || i + 1 >= argc) {
            cg_error_set(err, "%.40s is not understood", argv[i]);
            return false;
        }
        if (strcmp(argv[i], "--store") == 0) {
            call->store_url = argv[++i];
        }
        else if (strcmp(argv[i], "--seal-key") == 0) {
            APR_ARRAY_PUSH(call->words, const char *) = argv[++i];
        }
        else {
            cg_error_set(err, "there is no option %.40s", argv[i]);
            return false;
        }
    }
    return true;
}

static int run(call_t *call, int argc, char **argv)
{
    cg_error_t err = {""};
    if (!parse(call, argc, argv, &err)) {
        cg_ctl_complain("seal", CG_CTL_USAGE, &err);
        fputs(usage, stderr);
        return CG_CTL_USAGE;
    }
    const char *command = call->command ? call->command : "";
    bool is_status = strcmp(command, "status") == 0;
    if (strcmp(command, "new-key") == 0) {
        return new_key();
    }
    if (!is_status && strcmp(command, "rotate") != 0) {
        fputs(usage, stderr);
        return CG_CTL_USAGE;
    }
    if (!cg_ctl_sealer(call->words, &call->sealer, &err, call->pool) ||
        !cg_ctl_store(call->store_url, &call->store, &err, call->pool)) {
        return cg_ctl_complain("seal", CG_CTL_NO, &err);
    }
    return is_status ? status(call, &err) : rotate(call, &err);
}

int cg_ctl_seal(int argc, char **argv)
{
    apr_pool_t *pool;
    if (apr_pool_create(&pool, NULL) != APR_SUCCESS) {
        return CG_CTL_NO;
    }
    call_t call = {.pool = pool,
                   .words = apr_array_make(pool, 2, sizeof(char *))};
    int result = run(&call, argc, argv);
    apr_pool_destroy(pool);
    return result;
}
