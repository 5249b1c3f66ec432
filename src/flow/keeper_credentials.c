/* The keeper's ear for stored credentials.
 * SPDX-License-Identifier: Apache-2.0
 *
 * As for the published policy: the channel says when to look, the store what is
 * there. What was said while nobody listened is not heard, so the store is also
 * asked after each new subscription and every ASK_EACH. While it is away what was
 * in force stays.
 */
#include "flow/keeper.h"

#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/share.h"
#include "flow/credentials.h"
#include "meter/metrics.h"
#include "store/keys.h"

#define ASK_EACH (5 * CG_SECOND)
#define RETRY_EACH (1 * CG_SECOND)

/* What was last said of a name, so that nothing is said twice. */
typedef struct told_t {
    char digest[2 * CG_SHA256_BYTES + 1];
} told_t;

typedef struct ear_t {
    const cg_gateway_t *gateway;
    const cg_keeper_watch_t *watch;
    apr_pool_t *scratch; /* cleared for each round */
    apr_pool_t *listening;
    cg_listener_t *listener;
    bool is_called;       /* a message came */
    apr_time_t asked_at;  /* monotonic */
    apr_time_t failed_at; /* of a refresh; 0: it did not fail */
    size_t count;
    const char *names[CG_ACCOUNTS_MAX];
    told_t told[CG_ACCOUNTS_MAX];
} ear_t;

/* ---- every child --------------------------------------------------------- */

static void refresh(ear_t *ear)
{
    int64_t serial =
        cg_gateway_take_credentials(ear->gateway, ear->scratch)->serial;
    apr_time_t now = cg_clock_monotonic();
    cg_error_t err;
    if (serial == cg_atomic_get(ear->gateway->credentials_serial) ||
        (ear->failed_at && now - ear->failed_at < RETRY_EACH)) {
        return;
    }
    bool is_done = cg_credentials_refresh(ear->gateway, &err) == APR_SUCCESS;
    ear->failed_at = is_done ? 0 : now;
}

/* ---- the one that leads -------------------------------------------------- */

static int64_t in_force(const ear_t *ear, const char *name)
{
    const cg_credentials_t *now =
        cg_gateway_take_credentials(ear->gateway, ear->scratch);
    for (size_t i = 0; i < now->count; i++) {
        if (strcmp(now->rows[i].name, name) == 0) {
            return now->rows[i].version;
        }
    }
    return 0;
}

static const char *trouble_of(const ear_t *ear, const cg_credential_t *said)
{
    cg_error_t err = {""};
    cg_secret_t *unused;
    if (said->version == 0) {
        return "the store has none; say chatgptctl credential set";
    }
    if (!said->sealed[0]) {
        return "it was deleted";
    }
    if (cg_credential_unseal(ear->gateway->sealer, said, &unused, &err,
                             ear->scratch) == APR_SUCCESS) {
        return NULL;
    }
    return apr_pstrdup(ear->scratch, err.text);
}

static void tell(ear_t *ear, size_t index, const cg_credential_t *said,
                 const char *trouble)
{
    unsigned char digest[CG_SHA256_BYTES];
    char hex[2 * CG_SHA256_BYTES + 1];
    const char *whole = apr_psprintf(ear->scratch, "%" APR_INT64_T_FMT " %s",
                                     said->version, said->sealed);
    cg_sha256(whole, strlen(whole), digest);
    cg_hex_encode(digest, sizeof digest, hex);
    if (strcmp(hex, ear->told[index].digest) == 0) {
        return;
    }
    memcpy(ear->told[index].digest, hex, sizeof hex);
    if (ear->watch->on_credential) {
        ear->watch->on_credential(ear->watch->baton, said->name,
                                  in_force(ear, said->name), trouble);
    }
}

static void ask(ear_t *ear)
{
    cg_credential_t *said =
        apr_pcalloc(ear->scratch, (ear->count + 1) * sizeof *said);
    cg_error_t err = {""};
    bool has_changed = false;
    cg_store_t *store =
        ear->gateway->documents ? ear->gateway->documents : ear->gateway->store;
    ear->asked_at = cg_clock_monotonic();
    ear->is_called = cg_credential_fetch(store, ear->names, ear->count, said,
                                         &err, ear->scratch) != APR_SUCCESS;
    if (ear->is_called) {
        return; /* the store has just gone: again, at once */
    }
    if (cg_credentials_install(ear->gateway, said, ear->count, &has_changed,
                               &err, ear->scratch) != APR_SUCCESS) {
        if (ear->watch->on_credential) {
            ear->watch->on_credential(ear->watch->baton, "of upstreams", 0,
                                      err.text);
        }
        return;
    }
    refresh(ear);
    int64_t troubled = 0;
    for (size_t i = 0; i < ear->count; i++) {
        const char *trouble = trouble_of(ear, &said[i]);
        tell(ear, i, &said[i], trouble);
        troubled += trouble != NULL;
    }
    cg_meter_credentials(ear->gateway->meter, troubled);
}

static void on_message(void *baton, cg_str_t message)
{
    (void)message;
    ((ear_t *)baton)->is_called = true;
}

static void unlisten(ear_t *ear)
{
    ear->listener = NULL;
    apr_pool_clear(ear->listening);
}

static void listen_for(ear_t *ear, apr_time_t wait_for)
{
    cg_error_t err;
    if (!ear->listener) {
        cg_str_t channel =
            cg_keys_make(CG_KEYS_CREDENTIAL_CHANNEL, NULL, 0, ear->scratch);
        unlisten(ear);
        if (cg_store_subscribe(ear->gateway->store, channel.ptr, &ear->listener,
                               &err, ear->listening) != APR_SUCCESS) {
            ear->listener = NULL;
            apr_sleep(wait_for);
            return;
        }
        ear->is_called = true;
    }
    if (cg_store_listen(ear->listener, wait_for, on_message, ear) !=
        APR_SUCCESS) {
        unlisten(ear);
    }
}

static void lead(ear_t *ear)
{
    bool is_due = cg_clock_monotonic() - ear->asked_at > ASK_EACH;
    /* Who can listen can ask, also while the breaker still holds others back. */
    if ((ear->is_called || is_due) && ear->listener) {
        ask(ear);
    }
    listen_for(ear, CG_KEEPER_CREDENTIALS_EACH);
}

void cg_keeper_credentials(const cg_gateway_t *gateway,
                           const cg_keeper_watch_t *watch,
                           const volatile int *stop)
{
    apr_pool_t *own;
    if (!gateway->credentials || !gateway->journal) {
        return;
    }
    apr_pool_create(&own, NULL);
    ear_t *ear = apr_pcalloc(own, sizeof *ear);
    ear->gateway = gateway;
    ear->watch = watch;
    ear->count = cg_credentials_names(gateway, ear->names);
    apr_pool_create(&ear->scratch, own);
    apr_pool_create(&ear->listening, own);
    while (!*stop) {
        apr_pool_clear(ear->scratch);
        refresh(ear);
        if (watch->may_work(watch->baton) &&
            cg_journal_leads(gateway->journal)) {
            lead(ear);
        }
        else {
            unlisten(ear);
            apr_sleep(CG_KEEPER_CREDENTIALS_EACH);
        }
    }
    unlisten(ear);
    apr_pool_destroy(own);
}
