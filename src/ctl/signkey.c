/* chatgptctl signkey: keys that sign requests, from the command line.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Speaks to the store directly. A secret that is made is printed once, on standard
 * output; one that others have already comes on standard input, never on the
 * command line, which all of the machine can read.
 */
#include "ctl/ctl.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <apr_strings.h>

#include "auth/signkey.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/secret.h"
#include "ctl/reach.h"
#include "ctl/say.h"

#define PAGE 200
#define MATERIAL_MAX 4096

static const char usage[] =
    "usage: chatgptctl signkey create --name N --alg ALG [--id KEYID]\n"
    "                  [--key ID | --user U | --team T] [--expires TIME]\n"
    "                  [--stdin] < FILE\n"
    "       chatgptctl signkey list\n"
    "       chatgptctl signkey suspend|resume|revoke KEYID\n"
    "options of all: [--store URL] [--seal-key WORD]...\n"
    "ALG is ed25519, ecdsa-p256-sha256, rsa-pss-sha512: the public key comes "
    "on "
    "standard\n"
    "input, as PEM; or hmac-sha256: a secret is made and told once, or with "
    "--stdin read\n"
    "from standard input, in base64. It belongs to an API key, a user or a "
    "team.\n"
    "TIME is 2026-12-31T00:00:00Z, or a duration from now: 90d, "
    "12h\n" CG_CTL_REACH_USAGE;

/* lives in: main's pool · written by: parse · read by: the commands */
typedef struct call_t {
    apr_pool_t *pool;
    const char *command;
    const char *id;
    const char *store_url;
    apr_array_header_t *words; /* of --seal-key */
    apr_time_t now;
    bool reads_secret;
    cg_signkey_t key;
    cg_signring_t *ring;
} call_t;

/* ---- options ----------------------------------------------------------------------- */

static bool set_expiry(call_t *call, const char *value, cg_error_t *err)
{
    int64_t span;
    if (cg_clock_parse_rfc3339(cg_str(value), &call->key.expires_at)) {
        return true;
    }
    if (cg_parse_duration(cg_str(value), &span) && span > 0) {
        call->key.expires_at = call->now + span;
        return true;
    }
    cg_error_set(err, "--expires takes a time as 2026-12-31T00:00:00Z or a "
                      "duration as 90d");
    return false;
}

static bool set_alg(call_t *call, const char *value, cg_error_t *err)
{
    if (cg_signkey_alg_find(cg_str(value), &call->key.alg)) {
        return true;
    }
    cg_error_set(err, "--alg takes ed25519, ecdsa-p256-sha256, rsa-pss-sha512 "
                      "or hmac-sha256");
    return false;
}

static bool set_option(call_t *call, const char *name, const char *value,
                       cg_error_t *err)
{
    cg_signkey_t *key = &call->key;
    const struct {
        const char *name;
        char *to;
        size_t room;
    } texts[] = {
        {"--name", key->name, sizeof key->name},
        {"--id", key->id, sizeof key->id},
        {"--key", key->key, sizeof key->key},
        {"--user", key->user, sizeof key->user},
        {"--team", key->team, sizeof key->team},
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (strcmp(name, texts[i].name) != 0) {
            continue;
        }
        if (strlen(value) >= texts[i].room) {
            cg_error_set(err, "%s takes at most %d bytes", name,
                         (int)texts[i].room - 1);
            return false;
        }
        apr_cpystrn(texts[i].to, value, texts[i].room);
        return true;
    }
    if (strcmp(name, "--store") == 0) {
        call->store_url = value;
        return true;
    }
    if (strcmp(name, "--seal-key") == 0) {
        APR_ARRAY_PUSH(call->words, const char *) = value;
        return true;
    }
    if (strcmp(name, "--alg") == 0) {
        return set_alg(call, value, err);
    }
    if (strcmp(name, "--expires") == 0) {
        return set_expiry(call, value, err);
    }
    cg_error_set(err, "there is no option %.40s", name);
    return false;
}

static bool parse(call_t *call, int argc, char **argv, cg_error_t *err)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--stdin") == 0) {
            call->reads_secret = true;
            continue;
        }
        if (strncmp(argv[i], "--", 2) != 0) {
            const char **place = call->command ? &call->id : &call->command;
            if (*place) {
                cg_error_set(err, "'%.40s' is one word too many", argv[i]);
                return false;
            }
            *place = argv[i];
            continue;
        }
        if (i + 1 >= argc) {
            cg_error_set(err, "%.40s wants a value", argv[i]);
            return false;
        }
        if (!set_option(call, argv[i], argv[i + 1], err)) {
            return false;
        }
        i++;
    }
    return true;
}

static bool open_ring(call_t *call, cg_error_t *err)
{
    cg_store_t *store;
    cg_sealer_t *sealer = NULL;
    bool is_sealing = strcmp(call->command, "create") == 0 &&
                      cg_sig_alg_is_hmac((cg_sig_alg_t)call->key.alg);
    if (!cg_ctl_store(call->store_url, &store, err, call->pool) ||
        (is_sealing && !cg_ctl_sealer(call->words, &sealer, err, call->pool))) {
        return false;
    }
    call->ring = cg_signring_open(store, sealer, NULL, 0, call->pool);
    return true;
}

/* ---- commands ---------------------------------------------------------------------- */

static cg_json_t *line_of(const cg_signkey_t *key, apr_pool_t *pool)
{
    cg_json_t *out = cg_json_object(pool);
    cg_json_set_str(out, "id", key->id);
    cg_json_set_str(out, "name", key->name);
    cg_json_set_str(out, "algorithm", cg_signkey_alg_name(key->alg));
    cg_json_set_str(out, "key", key->key);
    cg_json_set_str(out, "user", key->user);
    cg_json_set_str(out, "team", key->team);
    cg_json_set_str(out, "state", cg_signkey_state_name(key->state));
    cg_ctl_set_time(out, "created_at", key->created_at);
    cg_ctl_set_time(out, "expires_at", key->expires_at);
    cg_ctl_set_time(out, "last_used_at", key->last_used_at);
    return out;
}

/* Into memory that is locked, and wiped with the pool. */
static cg_str_t read_material(call_t *call)
{
    char *room;
    cg_secret_room(MATERIAL_MAX, &room, call->pool);
    size_t len = fread(room, 1, MATERIAL_MAX, stdin);
    bool is_secret = cg_sig_alg_is_hmac((cg_sig_alg_t)call->key.alg);
    while (is_secret && len && strchr(" \r\n", room[len - 1])) {
        len--;
    }
    return (cg_str_t){room, len};
}

static int create(call_t *call, cg_error_t *err)
{
    cg_signkey_t made;
    const char *secret = NULL;
    cg_str_t material = {"", 0};
    bool is_shared = cg_sig_alg_is_hmac((cg_sig_alg_t)call->key.alg);
    if (call->key.alg == CG_SIG_NONE) {
        cg_error_set(err, "--alg is missing");
        return cg_ctl_complain("signkey", CG_CTL_USAGE, err);
    }
    if (!is_shared || call->reads_secret) {
        material = read_material(call);
    }
    if (call->reads_secret && material.len == 0) {
        cg_error_set(err, "nothing came on standard input");
        return cg_ctl_complain("signkey", CG_CTL_USAGE, err);
    }
    apr_status_t rv =
        cg_signkey_create(call->ring, &call->key, material, call->now, &made,
                          &secret, err, call->pool);
    if (rv != APR_SUCCESS) {
        return cg_ctl_complain(
            "signkey", rv == APR_EINVAL ? CG_CTL_USAGE : CG_CTL_NO, err);
    }
    cg_json_t *out = line_of(&made, call->pool);
    if (secret) {
        cg_json_set_str(out, "secret", secret);
    }
    cg_ctl_print(out, call->pool);
    return CG_CTL_DONE;
}

static int list(call_t *call, cg_error_t *err)
{
    const char *cursor = NULL;
    do {
        apr_pool_t *page;
        apr_array_header_t *keys;
        const char *next;
        apr_pool_create(&page, call->pool);
        if (cg_signkey_list(call->ring, cursor, PAGE, &keys, &next, err,
                            page) != APR_SUCCESS) {
            return cg_ctl_complain("signkey", CG_CTL_NO, err);
        }
        for (int i = 0; i < keys->nelts; i++) {
            cg_ctl_print(line_of(&APR_ARRAY_IDX(keys, i, cg_signkey_t), page),
                         page);
        }
        cursor = next ? apr_pstrdup(call->pool, next) : NULL;
        apr_pool_destroy(page);
    } while (cursor);
    return CG_CTL_DONE;
}

static int turn(call_t *call, cg_signkey_state_t state, cg_error_t *err)
{
    cg_signkey_t key;
    apr_status_t rv =
        cg_signkey_get(call->ring, call->id, &key, err, call->pool);
    if (rv == APR_SUCCESS) {
        key.state = (uint8_t)state;
        rv = cg_signkey_update(call->ring, &key, &key, err, call->pool);
    }
    if (rv != APR_SUCCESS) {
        return cg_ctl_complain("signkey", CG_CTL_NO, err);
    }
    cg_ctl_print(line_of(&key, call->pool), call->pool);
    return CG_CTL_DONE;
}

static int suspend(call_t *call, cg_error_t *err)
{
    return turn(call, CG_SIGNKEY_SUSPENDED, err);
}

static int resume(call_t *call, cg_error_t *err)
{
    return turn(call, CG_SIGNKEY_ACTIVE, err);
}

static int revoke_key(call_t *call, cg_error_t *err)
{
    cg_signkey_t key;
    if (cg_signkey_revoke(call->ring, call->id, &key, err, call->pool) !=
        APR_SUCCESS) {
        return cg_ctl_complain("signkey", CG_CTL_NO, err);
    }
    cg_ctl_print(line_of(&key, call->pool), call->pool);
    return CG_CTL_DONE;
}

static const struct command_t {
    const char *name;
    bool has_id;
    int (*run)(call_t *call, cg_error_t *err);
} commands[] = {
    {"create", false, create},    {"list", false, list},
    {"suspend", true, suspend},   {"resume", true, resume},
    {"revoke", true, revoke_key},
};

static const struct command_t *find_command(const call_t *call)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (call->command && strcmp(call->command, commands[i].name) == 0) {
            return &commands[i];
        }
    }
    return NULL;
}

static int run(call_t *call, int argc, char **argv)
{
    cg_error_t err = {.text = ""};
    if (!parse(call, argc, argv, &err)) {
        cg_ctl_complain("signkey", CG_CTL_USAGE, &err);
        fputs(usage, stderr);
        return CG_CTL_USAGE;
    }
    const struct command_t *command = find_command(call);
    if (!command || command->has_id != (call->id != NULL)) {
        fputs(usage, stderr);
        return CG_CTL_USAGE;
    }
    if (command->run == create && !cg_signkey_check(&call->key, &err)) {
        return cg_ctl_complain("signkey", CG_CTL_USAGE, &err);
    }
    if (!open_ring(call, &err)) {
        return cg_ctl_complain("signkey", CG_CTL_NO, &err);
    }
    return command->run(call, &err);
}

int cg_ctl_signkey(int argc, char **argv)
{
    apr_pool_t *pool;
    if (apr_pool_create(&pool, NULL) != APR_SUCCESS) {
        return CG_CTL_NO;
    }
    call_t *call = apr_pcalloc(pool, sizeof *call);
    call->pool = pool;
    call->now = cg_clock_now();
    call->words = apr_array_make(pool, 2, sizeof(char *));
    int status = run(call, argc, argv);
    apr_pool_destroy(pool);
    return status;
}
