/* The keeper: what one thread of one process does for the whole server.
 * SPDX-License-Identifier: Apache-2.0
 *
 * It moves records from the journal to the ledger and settles their holds, hears
 * which keys have changed, says that this server is there, and keeps the gauges.
 * Every child has one; the one that holds the journal's lock works, the others
 * stand by and take over within CG_KEEPER_STANDBY_FOR of its death.
 */
#ifndef CG_FLOW_KEEPER_H
#define CG_FLOW_KEEPER_H

#include "flow/gateway.h"

#define CG_KEEPER_STANDBY_FOR (200 * CG_MS)

typedef struct cg_keeper_watch_t {
    /* Shall this process (still) work? False once it is to end. */
    bool (*may_work)(void *baton);
    /* The store was lost (is_up false) or is back. */
    void (*on_store)(void *baton, bool is_up, const char *words);
    /* Records cannot be shipped for a reason that needs a person. */
    void (*on_trouble)(void *baton, const char *words);
    /* A published policy is in force on this server; or, words not NULL, it
     * cannot be used, and which version (0: none) still is. May be NULL. */
    void (*on_policy)(void *baton, int64_t version, const char *words);
    void *baton;
    /* A stored credential: version is in force; or, words not NULL, it cannot be
     * had, and what is in force (0: nothing) stays. May be NULL. */
    void (*on_credential)(void *baton, const char *name, int64_t version,
                          const char *words);
    /* A key ends within CG_KEY_EXPIRES_SOON; once a day for each. May be NULL. */
    void (*on_key)(void *baton, const cg_key_t *key);
    /* The keys of an issuer cannot be fetched; or, words NULL, they can again. May
     * be NULL. */
    void (*on_issuer)(void *baton, const char *name, const char *words);
    /* This server has raised an alert. May be NULL. */
    void (*on_alert)(void *baton, const char *id, const char *words);
    /* An alert was given up: it cannot be sent this way. May be NULL. */
    void (*on_alert_lost)(void *baton, const char *id, const char *way,
                          const char *words);
} cg_keeper_watch_t;

/* Runs until *stop is set (by another thread). */
void cg_keeper_run(const cg_gateway_t *gateway, const cg_keeper_watch_t *watch,
                   const volatile int *stop);

/* What may take long, in a thread of its own: asks each account now and then
 * whether it is there, and forces the journal to the disk each second. */
void cg_keeper_probe(const cg_gateway_t *gateway,
                     const cg_keeper_watch_t *watch, const volatile int *stop);

/* The published policy, in a thread of its own, for to compile may take seconds:
 * every child takes what stands in the folder within CG_KEEPER_POLICY_EACH; the
 * one that leads hears what was published and puts it there. */
void cg_keeper_policy(const cg_gateway_t *gateway,
                      const cg_keeper_watch_t *watch, const volatile int *stop);
#define CG_KEEPER_POLICY_EACH (100 * CG_MS)

/* The stored credentials of upstreams, likewise. Returns at once when no account
 * has one. */
void cg_keeper_credentials(const cg_gateway_t *gateway,
                           const cg_keeper_watch_t *watch,
                           const volatile int *stop);
#define CG_KEEPER_CREDENTIALS_EACH (100 * CG_MS)

/* The keys of issuers: the one that leads fetches them, every child takes what it
 * put into the folder. Returns at once when no issuer is configured. */
void cg_keeper_issuers(const cg_gateway_t *gateway,
                       const cg_keeper_watch_t *watch,
                       const volatile int *stop);
#define CG_KEEPER_ISSUERS_EACH (100 * CG_MS)

/* The console's limits of single objects, likewise. */
void cg_keeper_overrides(const cg_gateway_t *gateway,
                         const cg_keeper_watch_t *watch,
                         const volatile int *stop);

/* Alerts, in a thread of its own: the one that leads looks which limits have come to
 * a part that somebody wants to hear of, or will be used up, and which keys and teams
 * do what they never did (keeper_unusual.c). Returns at once when nobody is told. */
void cg_keeper_alerts(const cg_gateway_t *gateway,
                      const cg_keeper_watch_t *watch, const volatile int *stop);
#define CG_KEEPER_ALERTS_EACH (500 * CG_MS)

/* Sends what waits, in a thread of its own, for a receiver may be slow. Returns at
 * once when there is no way to send. */
void cg_keeper_letters(const cg_gateway_t *gateway,
                       const cg_keeper_watch_t *watch,
                       const volatile int *stop);
#define CG_KEEPER_LETTERS_EACH (300 * CG_MS)

#endif
