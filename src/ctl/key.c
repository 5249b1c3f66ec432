/* chatgptctl key: API keys from the command line.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Speaks to the store directly, so it works while httpd is down. The secret of
 * a new key is printed once, on standard output, and is nowhere else.
 */
#include "ctl/key.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/digest.h"
#include "ctl/ctl.h"
#include "ctl/reach.h"

#define PAGE 200

static const char usage[] =
    "usage: chatgptctl key create --name N [--owner O] [--user U] [--team T]\n"
    "                  [--models a,b*] [--limit 100/60s]... [--limit "
    "10000tokens/60s]\n"
    "                  [--budget 5USD/month] [--expires TIME]\n"
    "                  [--redact EMAIL_ADDRESS=block,SECRET_*=block:request]\n"
    "                  [--tags a,b] [--endpoints chat,embeddings]\n"
    "                  [--addresses 10.0.0.0/8,2001:db8::/32] [--vhosts "
    "api.example]\n"
    "                  [--hours \"mon-fri 08:00-18:00 Europe/Berlin\"]\n"
    "       chatgptctl key change ID [options of create]   (--expires never, "
    "--limit none)\n"
    "       chatgptctl key list|export [--state S] [--team T] [--user U] "
    "[--tag T]\n"
    "                  [--expiring 30d] [--q TEXT]\n"
    "       chatgptctl key show|suspend|resume ID\n"
    "       chatgptctl key rotate ID [--grace 24h]   (0s: the old secret ends "
    "now)\n"
    "       chatgptctl key rotate ID --keep previous   (the new secret was "
    "lost)\n"
    "       chatgptctl key end-grace ID\n"
    "       chatgptctl key revoke ID\n"
    "       chatgptctl key import FILE|- [--dry-run]\n"
    "options of all: [--store URL] [--pepper FILE]\n"
    "TIME is 2026-12-31T00:00:00Z, or a duration from now: 90d, 12h\n"
    "URL defaults to $CHATGPT_STORE, else to \"redis\" in "
    "$RUN_DIR/ready.json;\n"
    "FILE to $CHATGPT_PEPPER_FILE, else $RUN_DIR/pepper; RUN_DIR to "
    "build/run\n";

static const char *find_pepper(const cg_ctl_key_t *call)
{
    const char *path = getenv("CHATGPT_PEPPER_FILE");
    if (call->pepper_path) {
        return call->pepper_path;
    }
    return path && path[0] ? path : cg_ctl_in_run_dir("pepper", call->pool);
}

static bool open_ring(cg_ctl_key_t *call, cg_error_t *err)
{
    cg_store_t *store;
    if (!cg_ctl_store(call->store_url, &store, err, call->pool)) {
        return false;
    }
    cg_pepper_t *pepper = cg_pepper_load(find_pepper(call), err, call->pool);
    if (!pepper) {
        return false;
    }
    call->ring = cg_keyring_open(store, pepper, NULL, 0, 0, call->pool);
    return true;
}

/* ---- commands ---------------------------------------------------------- */

static int print_secret(const cg_key_t *key, const char *spelled,
                        bool is_rotated, apr_pool_t *pool)
{
    cg_json_t *out = cg_json_object(pool);
    cg_json_set_str(out, "id", key->id);
    cg_json_set_str(out, "key", spelled);
    if (is_rotated) {
        cg_ctl_set_time(out, "previous_until", key->previous_until);
    }
    cg_ctl_print(out, pool);
    return CG_CTL_DONE;
}

static int create_key(cg_ctl_key_t *call, cg_error_t *err)
{
    char spelled[CG_KEY_SPELLED_LEN + 1];
    cg_key_t key;
    apr_status_t rv = cg_apikey_create(call->ring, &call->key, call->now, &key,
                                       spelled, err, call->pool);
    if (rv != APR_SUCCESS) {
        return cg_ctl_complain(
            "key", rv == APR_EINVAL ? CG_CTL_USAGE : CG_CTL_NO, err);
    }
    int status = print_secret(&key, spelled, false, call->pool);
    cg_wipe(spelled, sizeof spelled);
    return status;
}

static int rotate_key(cg_ctl_key_t *call, cg_error_t *err)
{
    char spelled[CG_KEY_SPELLED_LEN + 1];
    cg_key_t key;
    bool keeps_previous = call->keep && strcmp(call->keep, "previous") == 0;
    apr_status_t rv =
        keeps_previous
            ? cg_apikey_replace(call->ring, call->word, 0, call->now, &key,
                                spelled, err, call->pool)
            : cg_apikey_rotate(call->ring, call->word, 0, call->now,
                               call->grace_for, &key, spelled, err, call->pool);
    if (rv != APR_SUCCESS) {
        return cg_ctl_complain("key", CG_CTL_NO, err);
    }
    int status = print_secret(&key, spelled, true, call->pool);
    cg_wipe(spelled, sizeof spelled);
    return status;
}

static int revoke_key(cg_ctl_key_t *call, cg_error_t *err)
{
    cg_key_t key;
    if (cg_apikey_revoke(call->ring, call->word, &key, err, call->pool) !=
        APR_SUCCESS) {
        return cg_ctl_complain("key", CG_CTL_NO, err);
    }
    cg_json_t *out = cg_json_object(call->pool);
    cg_json_set_str(out, "id", key.id);
    cg_json_set_str(out, "state", cg_key_state_name(key.state));
    cg_ctl_print(out, call->pool);
    return CG_CTL_DONE;
}

static void print_uses(cg_json_t *out, const cg_key_t *key, apr_time_t now)
{
    bool has_previous = now < key->previous_until;
    cg_ctl_set_time(out, "last_used_at", key->last_used_at);
    cg_ctl_set_time(out, "previous_until",
                    has_previous ? key->previous_until : 0);
    cg_ctl_set_time(out, "previous_used_at",
                    has_previous ? key->previous_used_at : 0);
    cg_json_set_str(out, "previous_last4",
                    has_previous ? key->previous_last4 : "");
    cg_json_set_int(out, "version", key->version);
}

static void print_key(const cg_key_t *key, apr_time_t now, apr_pool_t *pool)
{
    cg_json_t *out = cg_json_object(pool);
    cg_json_t *limits = cg_json_array(pool);
    cg_json_set_str(out, "id", key->id);
    cg_json_set_str(out, "name", key->name);
    cg_json_set_str(out, "owner", key->owner);
    cg_json_set_str(out, "user", key->user);
    cg_json_set_str(out, "team", key->team);
    cg_json_set_str(out, "state", cg_key_state_at(key, now));
    cg_json_set_str(out, "prefix", key->prefix);
    cg_json_set_str(out, "last4", key->last4);
    cg_json_set_str(out, "models", key->models);
    cg_json_set_str(out, "redact", key->redact);
    cg_json_set_str(out, "tags", key->tags);
    cg_json_set_str(out, "endpoints", key->endpoints);
    cg_json_set_str(out, "addresses", key->addresses);
    cg_json_set_str(out, "vhosts", key->vhosts);
    cg_json_set_str(out, "hours", key->hours);
    for (int i = 0; i < key->limits_count; i++) {
        cg_json_add_str(limits, cg_limit_format(&key->limits[i], pool));
    }
    cg_json_set(out, "limits", limits);
    cg_ctl_set_time(out, "created_at", key->created_at);
    cg_ctl_set_time(out, "expires_at", key->expires_at);
    print_uses(out, key, now);
    cg_ctl_print(out, pool);
}

static int list_keys(cg_ctl_key_t *call, cg_error_t *err)
{
    const char *cursor = NULL;
    do {
        apr_pool_t *page;
        apr_array_header_t *keys;
        const char *next;
        apr_pool_create(&page, call->pool);
        if (cg_apikey_find(call->ring, &call->filter, call->now, cursor, PAGE,
                           &keys, &next, err, page) != APR_SUCCESS) {
            return cg_ctl_complain("key", CG_CTL_NO, err);
        }
        for (int i = 0; i < keys->nelts; i++) {
            print_key(&APR_ARRAY_IDX(keys, i, cg_key_t), call->now, page);
        }
        cursor = next ? apr_pstrdup(call->pool, next) : NULL;
        apr_pool_destroy(page);
    } while (cursor);
    return CG_CTL_DONE;
}

static int show_key(cg_ctl_key_t *call, cg_error_t *err)
{
    cg_key_t key;
    if (cg_apikey_get(call->ring, call->word, &key, err, call->pool) !=
        APR_SUCCESS) {
        return cg_ctl_complain("key", CG_CTL_NO, err);
    }
    print_key(&key, call->now, call->pool);
    return CG_CTL_DONE;
}

static int save_key(cg_ctl_key_t *call, const cg_key_t *wanted, cg_error_t *err)
{
    cg_key_t key;
    apr_status_t rv =
        cg_apikey_update(call->ring, wanted, &key, err, call->pool);
    if (rv != APR_SUCCESS) {
        return cg_ctl_complain("key", CG_CTL_NO, err);
    }
    print_key(&key, call->now, call->pool);
    return CG_CTL_DONE;
}

static int set_state(cg_ctl_key_t *call, cg_key_state_t state, cg_error_t *err)
{
    cg_key_t key;
    if (cg_apikey_get(call->ring, call->word, &key, err, call->pool) !=
        APR_SUCCESS) {
        return cg_ctl_complain("key", CG_CTL_NO, err);
    }
    if (key.state != CG_KEY_STATE_REVOKED) { /* else update says why not */
        key.state = (uint8_t)state;
    }
    return save_key(call, &key, err);
}

static int suspend_key(cg_ctl_key_t *call, cg_error_t *err)
{
    return set_state(call, CG_KEY_STATE_SUSPENDED, err);
}

static int resume_key(cg_ctl_key_t *call, cg_error_t *err)
{
    return set_state(call, CG_KEY_STATE_ACTIVE, err);
}

static int end_grace(cg_ctl_key_t *call, cg_error_t *err)
{
    cg_key_t key;
    if (cg_apikey_end_grace(call->ring, call->word, 0, call->now, &key, err,
                            call->pool) != APR_SUCCESS) {
        return cg_ctl_complain("key", CG_CTL_NO, err);
    }
    print_key(&key, call->now, call->pool);
    return CG_CTL_DONE;
}

/* The options are read once more, over the key as it stands in the store. */
static int change_key(cg_ctl_key_t *call, cg_error_t *err)
{
    if (cg_apikey_get(call->ring, call->word, &call->key, err, call->pool) !=
            APR_SUCCESS ||
        !cg_ctl_key_options(call, call->argc, call->argv, err)) {
        return cg_ctl_complain("key", CG_CTL_NO, err);
    }
    return cg_key_check(&call->key, err)
               ? save_key(call, &call->key, err)
               : cg_ctl_complain("key", CG_CTL_USAGE, err);
}

static const struct command_t {
    const char *name;
    bool has_word; /* an id, or a file */
    int (*run)(cg_ctl_key_t *call, cg_error_t *err);
} commands[] = {
    {"create", false, create_key},       {"list", false, list_keys},
    {"rotate", true, rotate_key},        {"revoke", true, revoke_key},
    {"change", true, change_key},        {"show", true, show_key},
    {"suspend", true, suspend_key},      {"resume", true, resume_key},
    {"end-grace", true, end_grace},      {"export", false, cg_ctl_key_export},
    {"import", true, cg_ctl_key_import},
};

static const struct command_t *find_command(const cg_ctl_key_t *call)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (call->command && strcmp(call->command, commands[i].name) == 0) {
            return &commands[i];
        }
    }
    return NULL;
}

static int run(cg_ctl_key_t *call, int argc, char **argv)
{
    cg_error_t err = {.text = ""};
    call->argc = argc;
    call->argv = argv;
    call->grace_for = CG_KEY_GRACE;
    if (!cg_ctl_key_options(call, argc, argv, &err)) {
        cg_ctl_complain("key", CG_CTL_USAGE, &err);
        fputs(usage, stderr);
        return CG_CTL_USAGE;
    }
    const struct command_t *command = find_command(call);
    if (!command || command->has_word != (call->word != NULL)) {
        fputs(usage, stderr);
        return CG_CTL_USAGE;
    }
    if (command->run == create_key && !cg_key_check(&call->key, &err)) {
        return cg_ctl_complain("key", CG_CTL_USAGE, &err);
    }
    if (!open_ring(call, &err)) {
        return cg_ctl_complain("key", CG_CTL_NO, &err);
    }
    return command->run(call, &err);
}

int cg_ctl_key(int argc, char **argv)
{
    apr_pool_t *pool;
    if (apr_pool_create(&pool, NULL) != APR_SUCCESS) {
        return CG_CTL_NO;
    }
    cg_ctl_key_t *call = apr_pcalloc(pool, sizeof *call);
    call->pool = pool;
    call->now = cg_clock_now();
    int status = run(call, argc, argv);
    apr_pool_destroy(pool);
    return status;
}
