/* A keeper's ear: what the store says on a channel, for the process that leads.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A channel says when to look, the store what is there. What was said while nobody
 * listened is not heard: each new subscription counts as a call, and whoever listens
 * asks now and then as well.
 */
#ifndef CG_FLOW_EAR_H
#define CG_FLOW_EAR_H

#include "flow/keeper.h"
#include "store/keys.h"

/* lives in: the keeper's thread */
typedef struct cg_ear_t {
    const cg_gateway_t *gateway;
    const cg_keeper_watch_t *watch;
    apr_pool_t *scratch;     /* cleared for each round */
    apr_pool_t *listening;   /* ear.c's own */
    cg_listener_t *listener; /* NULL: nobody listens now */
    bool is_called;          /* look: a message came, or may have been missed */
    apr_time_t asked_at;     /* of whoever looks; monotonic */
} cg_ear_t;

typedef struct cg_ear_work_t {
    cg_keys_id_t channel;
    apr_time_t each;            /* the most a round waits */
    void (*every)(void *baton); /* each round, in every child */
    void (*lead)(
        void *baton); /* then, in the one that leads: looks if it is time */
} cg_ear_work_t;

/* Goes round until *stop is set. ear has its gateway and watch; the rest is made
 * here, and gone when it returns. */
void cg_ear_run(cg_ear_t *ear, const cg_ear_work_t *work, void *baton,
                const volatile int *stop);
/* Where documents are read from: a connection that waits longer, if there is one. */
cg_store_t *cg_ear_documents(const cg_ear_t *ear);

#endif
