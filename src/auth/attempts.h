/* Failed authentications: counted by address and by key id, on this server alone.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Who was wrong too often in a while is answered before anything is looked up, so
 * that guessing costs the guesser more than it costs the server, and the store
 * being away changes nothing. Successes are not counted.
 *
 * An id is public and an address may be a whole company's, so neither may be a
 * means to lock others out: who sends the very credential that was right from the
 * same address within a day passes, however often others were wrong. That tells a
 * guesser nothing, who would have to send it to learn that it is known.
 *
 * Nothing but keyed hashes stands in the memory, which all children share.
 */
#ifndef CG_AUTH_ATTEMPTS_H
#define CG_AUTH_ATTEMPTS_H

#include <stdbool.h>
#include <stddef.h>

#include <apr_pools.h>
#include <apr_time.h>

#include "base/text.h"
#include "policy/kinds.h"

typedef struct cg_attempts_t cg_attempts_t;

/* What somebody sends to be known by. */
typedef struct cg_try_t {
    const char *address; /* as text; of IPv6 the first 64 bits count */
    cg_str_t id;         /* of the key it claims to be; empty: it names none */
    cg_str_t credential; /* all of it; empty: it is never the same twice */
} cg_try_t;

/* Of a caller's key or token as it was sent; only a key without a typing error
 * names an id. */
cg_try_t cg_try_make(const char *address, cg_str_t credential);

size_t cg_attempts_shared_bytes(void);
/* Once per mapping, before anybody forks: zeroed or earlier prepared memory. */
void cg_attempts_prepare(void *memory);
cg_attempts_t *cg_attempts_open(void *memory, apr_pool_t *pool);

/* May it be looked at? If not, out_wait_for says when there is room again. attempts
 * NULL, or a rule of amount 0: always. now is the wall clock, as it is now: of the
 * moment a request began, its sender could choose how long ago that was. */
bool cg_attempts_may(cg_attempts_t *attempts, const cg_kind_ATTEMPTS_t *rule,
                     const cg_try_t *attempt, apr_time_t now,
                     apr_time_t *out_wait_for);
/* It was wrong; and if it was right once, that no longer counts. false: others were
 * wrong meanwhile and left no room; the caller hears what they would have heard had
 * it not been looked at. */
bool cg_attempts_failed(cg_attempts_t *attempts, const cg_kind_ATTEMPTS_t *rule,
                        const cg_try_t *attempt, apr_time_t now,
                        apr_time_t *out_wait_for);
/* It was right. false: as above, else a crowd of guesses would be told which of
 * them was. */
bool cg_attempts_succeeded(cg_attempts_t *attempts,
                           const cg_kind_ATTEMPTS_t *rule,
                           const cg_try_t *attempt, apr_time_t now,
                           apr_time_t *out_wait_for);

#endif
