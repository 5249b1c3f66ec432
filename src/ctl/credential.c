/* chatgptctl credential: credentials of upstreams, kept in the store, sealed.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The secret comes on standard input, never on the command line, which all of the
 * machine can read; it leaves this process only sealed. Servers take it within a
 * second.
 */
#include "ctl/ctl.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include <apr_strings.h>

#include "auth/credential.h"
#include "base/clock.h"
#include "base/json.h"
#include "ctl/reach.h"
#include "ctl/say.h"

static const char usage[] =
    "usage: chatgptctl credential set NAME < FILE     the secret, one line\n"
    "       chatgptctl credential list\n"
    "       chatgptctl credential delete NAME\n"
    "options: [--store URL] [--seal-key WORD]...\n"
    "An upstream uses it by ChatGPTUpstream ... "
    "stored:NAME\n" CG_CTL_REACH_USAGE;

/* lives in: main's pool */
typedef struct call_t {
    apr_pool_t *pool;
    const char *command;
    const char *name;
    const char *store_url;
    apr_array_header_t *words;
    cg_store_t *store;
    apr_time_t now;
} call_t;

/* ---- what is said -------------------------------------------------------- */

static int print_credential(const cg_credential_t *one, apr_pool_t *pool)
{
    cg_json_t *out = cg_json_object(pool);
    cg_json_set_str(out, "name", one->name);
    cg_json_set_int(out, "version", one->version);
    cg_ctl_set_time(out, "created_at", one->created_at);
    cg_ctl_set_time(out, "changed_at", one->changed_at);
    if (one->key_id) {
        cg_json_set_str(out, "kek_id", one->key_id);
    }
    cg_ctl_print(out, pool);
    return CG_CTL_DONE;
}

/* ---- the secret ---------------------------------------------------------- */

/* Of a terminal: nobody looks over a shoulder. */
static bool hide_typing(struct termios *before)
{
    if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, before) != 0) {
        return false;
    }
    struct termios hidden = *before;
    hidden.c_lflag &= ~(tcflag_t)ECHO;
    fputs("secret: ", stderr);
    return tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden) == 0;
}

/* One line; what follows a line of a terminal is not waited for. */
static size_t read_secret(char *bytes, size_t room)
{
    struct termios before;
    size_t len = 0;
    bool is_hidden = hide_typing(&before);
    for (;;) {
        ssize_t got =
            len < room ? read(STDIN_FILENO, bytes + len, room - len) : 0;
        len += got > 0 ? (size_t)got : 0;
        if (got <= 0 || (is_hidden && bytes[len - 1] == '\n')) {
            break;
        }
    }
    if (is_hidden) {
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
        fputc('\n', stderr);
    }
    return len && bytes[len - 1] == '\n' ? len - 1 : len;
}

/* ---- commands ------------------------------------------------------------ */

static int set(call_t *call, cg_error_t *err)
{
    char *room;
    cg_sealer_t *sealer;
    cg_credential_t made;
    if (!cg_ctl_sealer(call->words, &sealer, err, call->pool)) {
        return cg_ctl_complain("credential", CG_CTL_NO, err);
    }
    /* Memory that is locked, and wiped with the pool. */
    cg_secret_room(CG_SEAL_PLAIN_MAX + 2, &room, call->pool);
    cg_str_t value = {room, read_secret(room, CG_SEAL_PLAIN_MAX + 2)};
    apr_status_t rv = cg_credential_set(call->store, sealer, call->name, value,
                                        call->now, &made, err, call->pool);
    if (rv != APR_SUCCESS) {
        return cg_ctl_complain(
            "credential", rv == APR_EINVAL ? CG_CTL_USAGE : CG_CTL_NO, err);
    }
    return print_credential(&made, call->pool);
}

static int list(call_t *call, cg_error_t *err)
{
    apr_array_header_t *all;
    if (cg_credential_list(call->store, &all, err, call->pool) != APR_SUCCESS) {
        return cg_ctl_complain("credential", CG_CTL_NO, err);
    }
    for (int i = 0; i < all->nelts; i++) {
        print_credential(&APR_ARRAY_IDX(all, i, cg_credential_t), call->pool);
    }
    return CG_CTL_DONE;
}

static int drop(call_t *call, cg_error_t *err)
{
    cg_credential_t gone;
    if (cg_credential_delete(call->store, call->name, call->now, &gone, err,
                             call->pool) != APR_SUCCESS) {
        return cg_ctl_complain("credential", CG_CTL_NO, err);
    }
    return print_credential(&gone, call->pool);
}

static const struct command_t {
    const char *name;
    bool has_name;
    int (*run)(call_t *call, cg_error_t *err);
} commands[] = {
    {"set", true, set},
    {"list", false, list},
    {"delete", true, drop},
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

static bool parse(call_t *call, int argc, char **argv, cg_error_t *err)
{
    for (int i = 1; i < argc; i++) {
        const char **place = call->command ? &call->name : &call->command;
        bool is_option = strncmp(argv[i], "--", 2) == 0;
        if (!is_option && !*place) {
            *place = argv[i];
            continue;
        }
        /* What is one word too many may be the secret. */
        if (!is_option || i + 1 >= argc) {
            cg_error_set(err, "word %d is not understood", i);
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
        cg_ctl_complain("credential", CG_CTL_USAGE, &err);
        fputs(usage, stderr);
        return CG_CTL_USAGE;
    }
    const struct command_t *command = find_command(call);
    if (!command || command->has_name != (call->name != NULL)) {
        fputs(usage, stderr);
        return CG_CTL_USAGE;
    }
    if (!cg_ctl_store(call->store_url, &call->store, &err, call->pool)) {
        return cg_ctl_complain("credential", CG_CTL_NO, &err);
    }
    return command->run(call, &err);
}

int cg_ctl_credential(int argc, char **argv)
{
    apr_pool_t *pool;
    if (apr_pool_create(&pool, NULL) != APR_SUCCESS) {
        return CG_CTL_NO;
    }
    call_t call = {.pool = pool,
                   .words = apr_array_make(pool, 2, sizeof(char *)),
                   .now = cg_clock_now()};
    int status = run(&call, argc, argv);
    apr_pool_destroy(pool);
    return status;
}
