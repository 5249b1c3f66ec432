/* chatgptctl key: API keys from the command line.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Speaks to the store directly, so it works while httpd is down. The secret of
 * a new key is printed once, on standard output, and is nowhere else.
 */
#include "ctl/ctl.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "auth/apikey.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/json.h"

#define OPERATION_FOR APR_TIME_C(2000000)
#define PAGE 200

enum { EXIT_DONE = 0, EXIT_NO = 1, EXIT_USAGE = 2 };

static const char usage[] =
    "usage: chatgptctl key create --name N [--owner O] [--user U] [--team T]\n"
    "                  [--models a,b*] [--limit 100/60s]... [--limit "
    "10000tokens/60s]\n"
    "                  [--budget 5USD/month] [--expires TIME]\n"
    "                  [--redact EMAIL_ADDRESS=block,SECRET_*=block:request]\n"
    "       chatgptctl key list\n"
    "       chatgptctl key rotate|revoke ID\n"
    "options of all: [--store URL] [--pepper FILE]\n"
    "TIME is 2026-12-31T00:00:00Z, or a duration from now: 90d, 12h\n"
    "URL defaults to $CHATGPT_STORE, else to \"redis\" in "
    "$RUN_DIR/ready.json;\n"
    "FILE to $CHATGPT_PEPPER_FILE, else $RUN_DIR/pepper; RUN_DIR to "
    "build/run\n";

/* lives in: main's pool · written by: parse · read by: the commands */
typedef struct call_t {
    apr_pool_t *pool;
    const char *command;
    const char *id;
    const char *store_url;
    const char *pepper_path;
    apr_time_t now;
    cg_key_t key;
    cg_keyring_t *ring;
} call_t;

static int complain(int status, const cg_error_t *err)
{
    fprintf(stderr, "chatgptctl key: %s\n", err->text);
    return status;
}

/* ---- options ----------------------------------------------------------- */

static bool set_text(char *to, size_t room, const char *value,
                     const char *option, cg_error_t *err)
{
    if (strlen(value) >= room) {
        cg_error_set(err, "%s takes at most %d bytes", option, (int)room - 1);
        return false;
    }
    apr_cpystrn(to, value, room);
    return true;
}

static bool set_limit(call_t *call, const char *value, bool is_budget,
                      cg_error_t *err)
{
    if (!cg_key_add_limit(&call->key, cg_str(value), err)) {
        return false;
    }
    const cg_limit_t *limit = &call->key.limits[call->key.limits_count - 1];
    if ((limit->quantity == CG_QUANTITY_MICROS) != is_budget) {
        cg_error_set(err, is_budget ? "--budget takes money, as 5USD/month"
                                    : "--limit takes requests or tokens; write "
                                      "money as --budget 5USD/month");
        return false;
    }
    return true;
}

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
    cg_error_set(err,
                 "--expires takes a time as 2026-12-31T00:00:00Z or a duration "
                 "as 90d");
    return false;
}

static bool set_option(call_t *call, const char *name, const char *value,
                       cg_error_t *err)
{
    cg_key_t *key = &call->key;
    const struct {
        const char *name;
        char *to;
        size_t room;
    } texts[] = {
        {"--name", key->name, sizeof key->name},
        {"--owner", key->owner, sizeof key->owner},
        {"--user", key->user, sizeof key->user},
        {"--team", key->team, sizeof key->team},
        {"--models", key->models, sizeof key->models},
        {"--redact", key->redact, sizeof key->redact},
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (strcmp(name, texts[i].name) == 0) {
            return set_text(texts[i].to, texts[i].room, value, name, err);
        }
    }
    if (strcmp(name, "--store") == 0) {
        call->store_url = value;
        return true;
    }
    if (strcmp(name, "--pepper") == 0) {
        call->pepper_path = value;
        return true;
    }
    if (strcmp(name, "--limit") == 0) {
        return set_limit(call, value, false, err);
    }
    if (strcmp(name, "--budget") == 0) {
        return set_limit(call, value, true, err);
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

/* ---- what the environment says ------------------------------------------ */

static const char *in_run_dir(const call_t *call, const char *name)
{
    const char *dir = getenv("RUN_DIR");
    return apr_pstrcat(call->pool, dir && dir[0] ? dir : "build/run", "/", name,
                       NULL);
}

static const char *find_store(const call_t *call, cg_error_t *err)
{
    const char *url = getenv("CHATGPT_STORE");
    if (call->store_url) {
        return call->store_url;
    }
    if (url && url[0]) {
        return url;
    }
    const char *path = in_run_dir(call, "ready.json");
    cg_json_t *ready = cg_json_load(path, err, call->pool);
    if (!ready) {
        return NULL;
    }
    url = cg_json_get_str(ready, "redis", NULL);
    if (!url) {
        cg_error_set(err, "%s names no \"redis\"; say --store URL", path);
    }
    return url;
}

static const char *find_pepper(const call_t *call)
{
    const char *path = getenv("CHATGPT_PEPPER_FILE");
    if (call->pepper_path) {
        return call->pepper_path;
    }
    return path && path[0] ? path : in_run_dir(call, "pepper");
}

static bool open_ring(call_t *call, cg_error_t *err)
{
    cg_store_t *store;
    cg_store_options_t options = {.url = find_store(call, err),
                                  .operation_for = OPERATION_FOR,
                                  .connections_max = 1};
    if (!options.url ||
        cg_store_open(&store, &options, err, call->pool) != APR_SUCCESS) {
        return false;
    }
    cg_pepper_t *pepper = cg_pepper_load(find_pepper(call), err, call->pool);
    if (!pepper) {
        return false;
    }
    call->ring = cg_keyring_open(store, pepper, NULL, 0, call->pool);
    return true;
}

/* ---- commands ---------------------------------------------------------- */

static void print_line(const cg_json_t *object, apr_pool_t *pool)
{
    size_t len;
    const char *text = cg_json_dump(object, &len, pool);
    fwrite(text, 1, len, stdout);
    fputc('\n', stdout);
}

static int print_secret(const cg_key_t *key, const char *spelled,
                        apr_pool_t *pool)
{
    cg_json_t *out = cg_json_object(pool);
    cg_json_set_str(out, "id", key->id);
    cg_json_set_str(out, "key", spelled);
    print_line(out, pool);
    return EXIT_DONE;
}

static int create_key(call_t *call, cg_error_t *err)
{
    char spelled[CG_KEY_SPELLED_LEN + 1];
    cg_key_t key;
    apr_status_t rv = cg_apikey_create(call->ring, &call->key, call->now, &key,
                                       spelled, err, call->pool);
    if (rv != APR_SUCCESS) {
        return complain(rv == APR_EINVAL ? EXIT_USAGE : EXIT_NO, err);
    }
    int status = print_secret(&key, spelled, call->pool);
    cg_wipe(spelled, sizeof spelled);
    return status;
}

static int rotate_key(call_t *call, cg_error_t *err)
{
    char spelled[CG_KEY_SPELLED_LEN + 1];
    cg_key_t key;
    if (cg_apikey_rotate(call->ring, call->id, &key, spelled, err,
                         call->pool) != APR_SUCCESS) {
        return complain(EXIT_NO, err);
    }
    int status = print_secret(&key, spelled, call->pool);
    cg_wipe(spelled, sizeof spelled);
    return status;
}

static int revoke_key(call_t *call, cg_error_t *err)
{
    cg_key_t key;
    if (cg_apikey_revoke(call->ring, call->id, &key, err, call->pool) !=
        APR_SUCCESS) {
        return complain(EXIT_NO, err);
    }
    cg_json_t *out = cg_json_object(call->pool);
    cg_json_set_str(out, "id", key.id);
    cg_json_set_str(out, "state", cg_key_state_name(key.state));
    print_line(out, call->pool);
    return EXIT_DONE;
}

static void set_time(cg_json_t *object, const char *name, apr_time_t at)
{
    char text[25];
    if (!at) {
        cg_json_set_null(object, name);
        return;
    }
    cg_clock_rfc3339(at, text);
    cg_json_set_str(object, name, text);
}

static void print_key(const cg_key_t *key, apr_pool_t *pool)
{
    cg_json_t *out = cg_json_object(pool);
    cg_json_t *limits = cg_json_array(pool);
    cg_json_set_str(out, "id", key->id);
    cg_json_set_str(out, "name", key->name);
    cg_json_set_str(out, "owner", key->owner);
    cg_json_set_str(out, "user", key->user);
    cg_json_set_str(out, "team", key->team);
    cg_json_set_str(out, "state", cg_key_state_name(key->state));
    cg_json_set_str(out, "prefix", key->prefix);
    cg_json_set_str(out, "last4", key->last4);
    cg_json_set_str(out, "models", key->models);
    cg_json_set_str(out, "redact", key->redact);
    for (int i = 0; i < key->limits_count; i++) {
        cg_json_add_str(limits, cg_limit_format(&key->limits[i], pool));
    }
    cg_json_set(out, "limits", limits);
    set_time(out, "created_at", key->created_at);
    set_time(out, "expires_at", key->expires_at);
    print_line(out, pool);
}

static int list_keys(call_t *call, cg_error_t *err)
{
    const char *cursor = NULL;
    do {
        apr_pool_t *page;
        apr_array_header_t *keys;
        const char *next;
        apr_pool_create(&page, call->pool);
        if (cg_apikey_list(call->ring, cursor, PAGE, &keys, &next, err, page) !=
            APR_SUCCESS) {
            return complain(EXIT_NO, err);
        }
        for (int i = 0; i < keys->nelts; i++) {
            print_key(&APR_ARRAY_IDX(keys, i, cg_key_t), page);
        }
        cursor = next ? apr_pstrdup(call->pool, next) : NULL;
        apr_pool_destroy(page);
    } while (cursor);
    return EXIT_DONE;
}

static const struct command_t {
    const char *name;
    bool has_id;
    int (*run)(call_t *call, cg_error_t *err);
} commands[] = {
    {"create", false, create_key},
    {"list", false, list_keys},
    {"rotate", true, rotate_key},
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
        complain(EXIT_USAGE, &err);
        fputs(usage, stderr);
        return EXIT_USAGE;
    }
    const struct command_t *command = find_command(call);
    if (!command || command->has_id != (call->id != NULL)) {
        fputs(usage, stderr);
        return EXIT_USAGE;
    }
    if (command->run == create_key && !cg_key_check(&call->key, &err)) {
        return complain(EXIT_USAGE, &err);
    }
    if (!open_ring(call, &err)) {
        return complain(EXIT_NO, &err);
    }
    return command->run(call, &err);
}

int cg_ctl_key(int argc, char **argv)
{
    apr_pool_t *pool;
    /* A store that goes away must be an error, not the end of the tool. */
    signal(SIGPIPE, SIG_IGN);
    if (apr_pool_create(&pool, NULL) != APR_SUCCESS) {
        return EXIT_NO;
    }
    call_t *call = apr_pcalloc(pool, sizeof *call);
    call->pool = pool;
    call->now = cg_clock_now();
    int status = run(call, argc, argv);
    apr_pool_destroy(pool);
    return status;
}
