/* The store: commands to Redis over bounded pools of connections, scripts, and a
 * listener. What a caller must know when the store is away is said here.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Redis is one server, the primary that sentinels name, or a cluster; callers do
 * not see which. One cg_store_t per child (or tool), used by all its threads.
 * Opening it opens no connection: configuration must not fail because Redis is
 * down.
 *
 * Every call is bounded: it ends within about operation_for, twice that when a
 * connection has to be made, a few times that when another server has to be
 * found (sentinels asked, slots moved). A call that returns APR_SUCCESS has a reply, which
 * may still be CG_REPLY_ERROR (the store answered "no", e.g. WRONGTYPE). Any
 * other status means that the store is away:
 *   APR_EAGAIN      the breaker is open, nothing was sent
 *   APR_TIMEUP      no answer in time: the command may still be carried out
 *   APR_ECONNRESET  cut under the command: it may have been carried out
 *   other           it was not: no connection (APR_EBUSY: none free), or a store
 *                   that says it cannot serve (LOADING, READONLY, MASTERDOWN,
 *                   CLUSTERDOWN, OOM, MISCONF, BUSY)
 *
 * A connection found dead before a command was sent is replaced unseen. One
 * that dies under a command is replaced once, and the command repeated, only if
 * repeating does no harm: reads, sets, deletions, and scripts, which in this
 * house carry the id of what they do. A command that was refused because the
 * server is a replica now, or has given the slot away, is asked of who serves.
 *
 * In a cluster all keys of one command, or script, must lie in one slot: they
 * share a hash tag (store/keys.h). Commands of one pipeline need not; those of
 * one slot keep their order. KEYS, DBSIZE, FLUSHALL and SCRIPT are asked of all
 * primaries and their answers joined; SCAN and transactions are refused.
 *
 * The process must ignore SIGPIPE (httpd does; a tool must see to it).
 * Only store/redis.c knows hiredis (0.14, or 1.0 and later).
 */
#ifndef CG_STORE_STORE_H
#define CG_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <apr_pools.h>
#include <apr_tables.h>
#include <apr_time.h>

#include "base/error.h"
#include "base/text.h"
#include "store/breaker.h"

typedef struct cg_store_t cg_store_t;
typedef struct cg_listener_t cg_listener_t;
typedef struct cg_store_access_t cg_store_access_t;

typedef struct cg_store_options_t {
    const char *url;                 /* one of the forms of store/url.c */
    const cg_store_access_t *access; /* in its place, with all its words; must
                                        live as long as the store */
    const char *password; /* from a file; wins over the others; NULL: none */
    apr_time_t operation_for; /* 0: 100 ms */
    int connections_max;   /* to one server; 0: 64; one per thread is enough */
    cg_breaker_t *breaker; /* in shared memory; NULL: a private one */
} cg_store_options_t;

#define CG_STORE_USUAL "redis://127.0.0.1:6379/0"

/* For configuration time: err says which forms are legal. Connects nowhere. */
bool cg_store_url_check(const char *url, cg_error_t *err);
/* The words of ChatGPTStore, or of a tool's --store: a url, then name=value; of
 * several urls the last counts, with what stands behind it. Reads
 * the secrets and files they name, so it is for who may (the parent process).
 * path_of makes a relative path whole; NULL: they are as they are. err says what
 * is wrong and repeats no secret. Lives as long as pool. */
apr_status_t cg_store_access_read(const cg_store_access_t **out,
                                  const apr_array_header_t *words,
                                  const char *(*path_of)(const char *path,
                                                         apr_pool_t *pool),
                                  cg_error_t *err, apr_pool_t *pool);
/* Keeps options->breaker and access; copies the rest. Lives as long as pool. */
apr_status_t cg_store_open(cg_store_t **out, const cg_store_options_t *options,
                           cg_error_t *err, apr_pool_t *pool);
/* Where it connects, for people: never holds a password. */
const char *cg_store_where(const cg_store_t *store);
/* Is the breaker open now? */
bool cg_store_is_away(const cg_store_t *store);
/* Grows whenever another server, or another run of the same, was found to serve:
 * what was answered before may be lost there, for Redis replicates and saves
 * behind its answers. 0: none was met yet. */
int64_t cg_store_generation(const cg_store_t *store);

typedef enum cg_reply_kind_t {
    CG_REPLY_NIL,
    CG_REPLY_INT,  /* number */
    CG_REPLY_TEXT, /* text; also status replies such as OK */
    CG_REPLY_ARRAY,
    CG_REPLY_ERROR /* text: the store's words, which begin with a code */
} cg_reply_kind_t;

/* Copied into the caller's pool; text is NUL-terminated beyond its length. */
typedef struct cg_reply_t {
    cg_reply_kind_t kind;
    int64_t number;
    cg_str_t text;
    struct cg_reply_t *items;
    size_t count;
} cg_reply_t;

apr_status_t cg_store_call(cg_store_t *store, const cg_str_t *argv, size_t argc,
                           cg_reply_t *out, cg_error_t *err, apr_pool_t *pool);

typedef struct cg_store_command_t {
    const cg_str_t *argv;
    size_t argc;
} cg_store_command_t;

/* All commands in one round trip; out has room for count replies. */
apr_status_t cg_store_pipeline(cg_store_t *store,
                               const cg_store_command_t *commands, size_t count,
                               cg_reply_t *out, cg_error_t *err,
                               apr_pool_t *pool);

/* A script; make it with cg_script_init, then only read: threads share it. */
typedef struct cg_script_t {
    const char *name; /* for messages */
    const char *source;
    char sha1[41];
} cg_script_t;

/* Keeps name and source. */
void cg_script_init(cg_script_t *script, const char *name, const char *source);
/* EVALSHA, and EVAL when the store does not have it (any more). A script must
 * bear being run twice with the same arguments. An error inside the script is
 * a CG_REPLY_ERROR. */
apr_status_t cg_store_script(cg_store_t *store, const cg_script_t *script,
                             const cg_str_t *keys, size_t keys_count,
                             const cg_str_t *args, size_t args_count,
                             cg_reply_t *out, cg_error_t *err,
                             apr_pool_t *pool);

/* One script of several. */
typedef struct cg_store_run_t {
    const cg_script_t *script;
    const cg_str_t *keys;
    size_t keys_count;
    const cg_str_t *args;
    size_t args_count;
} cg_store_run_t;

/* All in one round trip, in their order; those that the store does not know (any
 * more) are sent whole in a second one. out has room for count replies. */
apr_status_t cg_store_scripts(cg_store_t *store, const cg_store_run_t *runs,
                              size_t count, cg_reply_t *out, cg_error_t *err,
                              apr_pool_t *pool);

/* Opens a connection of its own and subscribes. One thread listens; pool must
 * not be shared with others meanwhile. Destroying pool closes it. */
apr_status_t cg_store_subscribe(cg_store_t *store, const char *channel,
                                cg_listener_t **out, cg_error_t *err,
                                apr_pool_t *pool);
/* Waits up to wait_for and hands each message to on_message, whose text is
 * valid during the call. APR_SUCCESS also when nothing came; anything else: the
 * connection is gone, what was published since may be lost, subscribe anew. A
 * server that is silent is asked with PING and given up after about 500 ms; so is
 * one that is found not to be the primary any more. */
apr_status_t cg_store_listen(cg_listener_t *listener, apr_time_t wait_for,
                             void (*on_message)(void *baton, cg_str_t message),
                             void *baton);

#endif
