/* The keeper's ear for stored credentials.
 * SPDX-License-Identifier: Apache-2.0
 *
 * As for the published policy: the channel says when to look, the store what is
 * there. What was said while nobody listened is not heard, so the store is also
 * asked after each new subscription and every ASK_EACH. While it is away what was
 * in force stays.
 */
#include "flow/ear.h"

#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/share.h"
#include "flow/credentials.h"
#include "meter/metrics.h"

#define ASK_EACH (5 * CG_SECOND)
#define RETRY_EACH (1 * CG_SECOND)

/* What was last said of a name, so that nothing is said twice. */
typedef struct told_t {
    char digest[2 * CG_SHA256_BYTES + 1];
} told_t;

typedef struct hearing_t {
    cg_ear_t ear;
    apr_time_t failed_at; /* of a refresh; 0: it did not fail; monotonic */
    size_t count;
    const char *names[CG_ACCOUNTS_MAX];
    told_t told[CG_ACCOUNTS_MAX];
} hearing_t;

/* ---- every child --------------------------------------------------------- */

static void refresh(void *baton)
{
    hearing_t *hearing = baton;
    int64_t serial =
        cg_gateway_take_credentials(hearing->ear.gateway, hearing->ear.scratch)
            ->serial;
    apr_time_t now = cg_clock_monotonic();
    cg_error_t err;
    if (serial == cg_atomic_get(hearing->ear.gateway->credentials_serial) ||
        (hearing->failed_at && now - hearing->failed_at < RETRY_EACH)) {
        return;
    }
    bool is_done =
        cg_credentials_refresh(hearing->ear.gateway, &err) == APR_SUCCESS;
    hearing->failed_at = is_done ? 0 : now;
}

/* ---- the one that leads -------------------------------------------------- */

static int64_t in_force(const hearing_t *hearing, const char *name)
{
    const cg_credentials_t *now =
        cg_gateway_take_credentials(hearing->ear.gateway, hearing->ear.scratch);
    for (size_t i = 0; i < now->count; i++) {
        if (strcmp(now->rows[i].name, name) == 0) {
            return now->rows[i].version;
        }
    }
    return 0;
}

static const char *trouble_of(const hearing_t *hearing,
                              const cg_credential_t *said)
{
    cg_error_t err = {""};
    cg_secret_t *unused;
    if (said->version == 0) {
        return "the store has none; say chatgptctl credential set";
    }
    if (!said->sealed[0]) {
        return "it was deleted";
    }
    if (cg_credential_unseal(hearing->ear.gateway->sealer, said, &unused, &err,
                             hearing->ear.scratch) == APR_SUCCESS) {
        return NULL;
    }
    return apr_pstrdup(hearing->ear.scratch, err.text);
}

static void tell(hearing_t *hearing, size_t index, const cg_credential_t *said,
                 const char *trouble)
{
    unsigned char digest[CG_SHA256_BYTES];
    char hex[2 * CG_SHA256_BYTES + 1];
    const char *whole =
        apr_psprintf(hearing->ear.scratch, "%" APR_INT64_T_FMT " %s",
                     said->version, said->sealed);
    cg_sha256(whole, strlen(whole), digest);
    cg_hex_encode(digest, sizeof digest, hex);
    if (strcmp(hex, hearing->told[index].digest) == 0) {
        return;
    }
    memcpy(hearing->told[index].digest, hex, sizeof hex);
    if (hearing->ear.watch->on_credential) {
        hearing->ear.watch->on_credential(hearing->ear.watch->baton, said->name,
                                          in_force(hearing, said->name),
                                          trouble);
    }
}

static void ask(hearing_t *hearing)
{
    cg_credential_t *said =
        apr_pcalloc(hearing->ear.scratch, (hearing->count + 1) * sizeof *said);
    cg_error_t err = {""};
    bool has_changed = false;
    cg_store_t *store = cg_ear_documents(&hearing->ear);
    hearing->ear.asked_at = cg_clock_monotonic();
    hearing->ear.is_called =
        cg_credential_fetch(store, hearing->names, hearing->count, said, &err,
                            hearing->ear.scratch) != APR_SUCCESS;
    if (hearing->ear.is_called) {
        return; /* the store has just gone: again, at once */
    }
    if (cg_credentials_install(hearing->ear.gateway, said, hearing->count,
                               &has_changed, &err,
                               hearing->ear.scratch) != APR_SUCCESS) {
        if (hearing->ear.watch->on_credential) {
            hearing->ear.watch->on_credential(hearing->ear.watch->baton,
                                              "of upstreams", 0, err.text);
        }
        return;
    }
    refresh(hearing);
    int64_t troubled = 0;
    for (size_t i = 0; i < hearing->count; i++) {
        const char *trouble = trouble_of(hearing, &said[i]);
        tell(hearing, i, &said[i], trouble);
        troubled += trouble != NULL;
    }
    cg_meter_credentials(hearing->ear.gateway->meter, troubled);
}

static void lead(void *baton)
{
    hearing_t *hearing = baton;
    bool is_due = cg_clock_monotonic() - hearing->ear.asked_at > ASK_EACH;
    /* Who can listen can ask, also while the breaker still holds others back. */
    if ((hearing->ear.is_called || is_due) && hearing->ear.listener) {
        ask(hearing);
    }
}

void cg_keeper_credentials(const cg_gateway_t *gateway,
                           const cg_keeper_watch_t *watch,
                           const volatile int *stop)
{
    static const cg_ear_work_t work = {
        CG_KEYS_CREDENTIAL_CHANNEL, CG_KEEPER_CREDENTIALS_EACH, refresh, lead};
    hearing_t hearing = {.ear = {.gateway = gateway, .watch = watch}};
    if (!gateway->credentials || !gateway->journal) {
        return;
    }
    hearing.count = cg_credentials_names(gateway, hearing.names);
    cg_ear_run(&hearing.ear, &work, &hearing, stop);
}
