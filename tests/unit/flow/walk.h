/* A gateway of a test's own, and a request that walks through it.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Real Redis, a real journal in a temporary folder, prices from a file, two
 * accounts nobody calls. What httpd does between the steps stands in the tests.
 */
#ifndef CG_TESTS_WALK_H
#define CG_TESTS_WALK_H

#include "flow/flow.h"
#include "redis_fixture.h"

/* lives in: the test, between walk_open and walk_close */
typedef struct walk_t {
    apr_pool_t *pool;
    cg_gateway_t gateway;
    cg_policy_t *policy;
    char spelled[CG_KEY_SPELLED_LEN + 1]; /* of key */
    cg_key_t key;
    void *memory[6];
    int memories;
    int troubles; /* what the keeper had to tell */
} walk_t;

/* On the shared Redis, emptied. key_limits: of the key, blanks between; "" none.
 */
void walk_open(walk_t *walk, const char *key_limits);
/* The same without Redis, keys and journal: for what asks nobody. */
void walk_open_dry(walk_t *walk);
void walk_close(walk_t *walk);
/* One directive, as an administrator writes it; fatal when it is refused. */
void walk_say(walk_t *walk, const char *directive, const char *words);

/* A new request of the endpoint, read, not yet authenticated. */
cg_txn_t *walk_request(walk_t *walk, cg_endpoint_t endpoint, const char *body);
/* authenticate, then the steps in their order. */
cg_verdict_t walk_in(walk_t *walk, cg_txn_t *txn);
/* What httpd does when the first byte of an answer comes. */
void walk_answer_begins(cg_txn_t *txn, int status);
/* A stream in pieces of piece bytes (0: in one), to its end; what the caller
 * got. */
cg_str_t walk_stream(cg_txn_t *txn, cg_str_t bytes, size_t piece, bool is_cut);
/* Runs the keeper in a thread until the ledger has records, ten seconds at
 * most. Returns how many there are. */
size_t walk_keep(walk_t *walk, size_t records, cg_buf_t *out_json);
/* Micro-dollars spent and held in this month by the key. */
cg_quota_left_t walk_budget(walk_t *walk, cg_dimension_t dimension,
                            const char *subject, int64_t amount);

/* The text of a member in every event of an SSE answer, joined. member is found
 * at any depth, of choice (-1: any). */
cg_str_t walk_text_of(cg_str_t sse, const char *member, int64_t choice,
                      apr_pool_t *pool);

#endif
