/* One connection to Redis, as the pools, the sentinels and the listener use it.
 * SPDX-License-Identifier: Apache-2.0
 *
 * For the store's own files. redis.c makes it of hiredis and nobody else knows.
 * After any status but APR_SUCCESS the connection is good for nothing but to be
 * closed: a late answer must not be read as the answer to the next command.
 */
#ifndef CG_STORE_CONNECTION_H
#define CG_STORE_CONNECTION_H

#include "store/store.h"
#include "store/tls.h"
#include "store/url.h"

#define CG_RUN_ID_LEN 40

/* context NULL: not open. Zeroed memory is a connection that is not open. */
typedef struct cg_connection_t {
    struct redisContext *context;
    cg_tls_session_t *tls; /* NULL: plain */
} cg_connection_t;

/* Whom to reach, and how. */
typedef struct cg_dial_t {
    const cg_store_address_t *address;
    const char *where;           /* for messages: never holds a password */
    const char *user;            /* NULL: the default user */
    const cg_secret_t *password; /* NULL: none */
    int db;
    const cg_tls_t *tls; /* NULL: plain */
    bool is_sentinel;    /* may have no password although one is given */
    bool needs_primary;  /* refuses who does not say so by ROLE */
    apr_time_t within;   /* each step, and later each read and write */
} cg_dial_t;

/* Connects, signs in, chooses the database. out_run_id is the name of the
 * server's run, which a restart changes; empty where the user may not know. */
apr_status_t cg_connection_open(const cg_dial_t *dial, cg_connection_t *out,
                                char out_run_id[CG_RUN_ID_LEN + 1],
                                cg_error_t *err);
/* Of one that is not open: nothing. */
void cg_connection_close(cg_connection_t *connection);
/* Of an idle connection: has the other side closed, or said something that
 * nobody asked for? Costs one system call. */
bool cg_connection_is_dead(const cg_connection_t *connection);

/* Puts a command into the buffer; the next read, or flush, sends it. */
void cg_connection_add(cg_connection_t *connection,
                       const cg_store_command_t *command, apr_pool_t *pool);
/* Sends what is buffered and waits for one reply. APR_TIMEUP: no answer in
 * time. APR_ECONNRESET: anything else. In both cases the command may be carried
 * out. */
apr_status_t cg_connection_read(cg_connection_t *connection, cg_reply_t *out,
                                const char *where, cg_error_t *err,
                                apr_pool_t *pool);

/* For who waits in poll. */
int cg_connection_fd(const cg_connection_t *connection);
apr_status_t cg_connection_flush(cg_connection_t *connection);
/* Reads what has arrived; blocks if nothing has. */
apr_status_t cg_connection_receive(cg_connection_t *connection);
/* The next whole reply of what was received; *out_has_one is false if there is
 * none yet. */
apr_status_t cg_connection_next(cg_connection_t *connection, cg_reply_t *out,
                                bool *out_has_one, apr_pool_t *pool);

#endif
