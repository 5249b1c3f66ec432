/* A gateway to ask: store, keyring, quota, journal and ledger, all real.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef CG_TESTS_ADMIN_FIXTURE_H
#define CG_TESTS_ADMIN_FIXTURE_H

#include "admin/admin_int.h"
#include "audit/record.h"

#define NOW APR_TIME_C(1764024511042000) /* 2025-11-24T22:48:31.042Z */

/* One call as a test writes it; NULL members are the usual ones. */
typedef struct asked_t {
    const char *method; /* NULL: GET, or POST with a body */
    const char *path;
    const char *query;
    const char *body;
    const char *user;    /* NULL: "root"; "": nobody */
    unsigned roles;      /* 0: admin; NO_ROLES: none */
    const char *headers; /* "Name: value\n…", in the place of the usual ones */
    const char *more;    /* beside the usual ones */
    apr_time_t now;      /* 0: NOW */
} asked_t;

#define NO_ROLES (1u << 30)

typedef struct got_t {
    int status;
    cg_json_t *json; /* NULL: not JSON */
    const char *text;
    cg_admin_reply_t reply;
} got_t;

/* Everything starts at the first use and ends with the process. */
cg_admin_t *admin_fixture(void);
apr_pool_t *admin_pool(void);
got_t admin_ask(asked_t asked);
/* Of the answer, "" if not there. */
const char *answer_header(const got_t *got, const char *name);
const char *answer_str(const got_t *got, const char *name);
/* Has the problem a fault with this pointer? */
bool answer_fault(const got_t *got, const char *pointer, const char *code);

/* Appends the record of a request to the journal. */
void admin_write_request(const char *id, apr_time_t at, const char *decision,
                         const char *prompt);
/* Moves the journal into the ledger. */
void admin_ship(void);
/* Freezes and wakes the store. */
void admin_freeze(void);
void admin_wake(void);

#endif
