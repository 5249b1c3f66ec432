/* A keeper's ear: what the store says on a channel, for the process that leads.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "flow/ear.h"

static void on_message(void *baton, cg_str_t message)
{
    (void)message;
    ((cg_ear_t *)baton)->is_called = true;
}

static void unlisten(cg_ear_t *ear)
{
    ear->listener = NULL;
    apr_pool_clear(ear->listening);
}

static void listen_for(cg_ear_t *ear, const cg_ear_work_t *work)
{
    cg_error_t err;
    if (!ear->listener) {
        cg_str_t channel = cg_keys_make(work->channel, NULL, 0, ear->scratch);
        unlisten(ear);
        if (cg_store_subscribe(ear->gateway->store, channel.ptr, &ear->listener,
                               &err, ear->listening) != APR_SUCCESS) {
            ear->listener = NULL;
            apr_sleep(work->each);
            return;
        }
        ear->is_called = true;
    }
    if (cg_store_listen(ear->listener, work->each, on_message, ear) !=
        APR_SUCCESS) {
        unlisten(ear);
    }
}

void cg_ear_run(cg_ear_t *ear, const cg_ear_work_t *work, void *baton,
                const volatile int *stop)
{
    apr_pool_t *own;
    apr_pool_create(&own, NULL);
    apr_pool_create(&ear->scratch, own);
    apr_pool_create(&ear->listening, own);
    while (!*stop) {
        apr_pool_clear(ear->scratch);
        work->every(baton);
        if (ear->watch->may_work(ear->watch->baton) &&
            cg_journal_leads(ear->gateway->journal)) {
            work->lead(baton);
            listen_for(ear, work);
        }
        else {
            unlisten(ear);
            apr_sleep(work->each);
        }
    }
    apr_pool_destroy(own);
}

cg_store_t *cg_ear_documents(const cg_ear_t *ear)
{
    return ear->gateway->documents ? ear->gateway->documents
                                   : ear->gateway->store;
}
