/* The gateway of one child process: what outlives a request.
 * SPDX-License-Identifier: Apache-2.0
 *
 * lives in: child pool · written by: httpd/life.c once · read by: every step
 *
 * What the console published changes while requests are under way. So it stands
 * apart, as a set that is swapped whole: a request takes the set that is in force
 * when it begins and keeps it to its end, however long its stream runs; a set is
 * freed when the last request that took it has ended.
 */
#ifndef CG_FLOW_GATEWAY_H
#define CG_FLOW_GATEWAY_H

#include "alert/feed.h"
#include "alert/use.h"
#include "alert/watch.h"
#include "audit/journal.h"
#include "auth/apikey.h"
#include "auth/attempts.h"
#include "auth/issuers.h"
#include "auth/signkey.h"
#include "flow/memo.h"
#include "meter/metrics.h"
#include "policy/policy.h"
#include "quota/overrides.h"
#include "quota/prices.h"
#include "quota/quota.h"
#include "redact/pseudonym.h"
#include "redact/rules.h"
#include "route/accounts.h"
#include "route/health.h"
#include "store/store.h"
#include "token/vocabulary.h"

/* What is in force: the rules of the configuration and of the document that the
 * console published last, compiled together. lives in: a pool of its own ·
 * const once cg_gateway_swap has it */
typedef struct cg_published_t {
    int64_t version; /* of the document; 0: none was published */
    apr_time_t published_at;
    char
        digest[65]; /* SHA-256 of the document in hex; "" when none is loaded */
    int64_t serial; /* gateway->policy_serial when it was loaded */
    const cg_rules_t *rules; /* never NULL */
    bool is_unloaded; /* a document was published but cannot be loaded: nothing
                         may pass, since it may be stricter than what is here */
    bool is_locked;   /* its actions are the least; they cannot be loosened */
    bool has_packs;   /* packs counts; else those of the configuration do */
    uint64_t packs;   /* bit by number of the pack */
    /* By type: 0 not said, else 1 + action, as ChatGPTRedact's. */
    uint8_t said_request[CG_POLICY_TYPES_MAX];
    uint8_t said_answer[CG_POLICY_TYPES_MAX];
} cg_published_t;

typedef struct cg_swap_t cg_swap_t;

typedef struct cg_gateway_t {
    apr_pool_t *pool;
    cg_store_t *store;
    cg_store_t *documents; /* the same, with the patience that documents of
                              some MiB need; NULL: store */
    cg_keyring_t *keyring;
    cg_signring_t *signring; /* keys that sign requests */
    cg_attempts_t
        *attempts; /* shared by all children; NULL: none are counted */
    cg_quota_t *quota;
    struct cg_live_t *live; /* requests under way; NULL: not kept (tests) */
    const cg_pseudonym_keys_t
        *pseudonym_keys;   /* NULL: PSEUDONYM acts as MASK */
    cg_journal_t *journal; /* NULL: its folder could not be opened */
    cg_meter_t *meter;
    const cg_rules_t *rules;     /* of the configuration; see cg_gateway_take */
    const cg_rules_spec_t *spec; /* what they were made from; may be NULL */
    cg_swap_t *swap;             /* NULL: nothing is ever published (tests) */
    int policy_approval; /* ChatGPTPolicyApproval: 0 never, 1, 2 always */
    volatile int64_t *policy_serial; /* shared · atomic · moves when another
                                        document stands in the folder */
    cg_memo_t *memo;                 /* of scanned texts; NULL: off; shared */
    cg_breaker_t *detectors;         /* of external detectors; shared */
    const cg_prices_t *prices;
    const cg_vocabularies_t *vocabularies; /* NULL: tokens are estimated */
    const cg_accounts_t *accounts;
    const struct cg_sealer_t *sealer; /* NULL: no ChatGPTSealKey was said */
    cg_swap_t *credentials;           /* NULL: no account has a stored one */
    volatile int64_t *credentials_serial; /* shared · atomic · moves when others
                                             stand in the folder */
    cg_swap_t *overrides; /* limits of single objects; NULL: none (tests) */
    volatile int64_t *overrides_serial; /* shared · atomic · likewise */
    const cg_issuer_rows_t *issuer_rows; /* NULL: tokens are not accepted */
    cg_issuer_shared_t *issuers_shared;  /* by row; shared by all children */
    cg_cache_t *verified_tokens;         /* likewise */
    cg_swap_t *issuers;                  /* NULL: no issuer is configured */
    cg_health_t *health;                 /* shared by all children */
    cg_breaker_t *breaker;               /* likewise; the store's */
    volatile int64_t *servers; /* shared · atomic · how many share the limits */
    const cg_alert_rules_t *alert_rules; /* NULL: nobody is told (tests) */
    cg_alert_feed_t *alerts;             /* likewise */
    cg_watch_t *watch;   /* of limits; shared by all children; NULL: none */
    cg_use_table_t *use; /* of keys and teams; likewise */
    const char *node;
    const char *upload_folder; /* NULL: the system's for temporary files */
    int64_t audit_keep;        /* records a node's stream keeps, about */
} cg_gateway_t;

/* Makes gateway->swap; in force are the rules of the configuration. */
apr_status_t cg_gateway_open(cg_gateway_t *gateway);
/* What is in force now. It stays as it is until pool is destroyed, whatever is
 * published meanwhile. Never NULL; any thread. */
const cg_published_t *cg_gateway_take(const cg_gateway_t *gateway,
                                      apr_pool_t *pool);
/* Puts next in force for all who come from now on. own holds next and all it
 * points to; it is destroyed with the last request that took next. own must have
 * no parent (apr_pool_create_unmanaged_ex); NULL: next lives as long as the
 * process. One thread at a time. */
void cg_gateway_swap(const cg_gateway_t *gateway, const cg_published_t *next,
                     apr_pool_t *own);

/* The same for the stored credentials of accounts. Makes gateway->credentials,
 * with none in it, when an account has a stored one. */
apr_status_t cg_gateway_open_credentials(cg_gateway_t *gateway);
/* NULL when no account has a stored one. */
const cg_credentials_t *cg_gateway_take_credentials(const cg_gateway_t *gateway,
                                                    apr_pool_t *pool);
void cg_gateway_swap_credentials(const cg_gateway_t *gateway,
                                 const cg_credentials_t *next, apr_pool_t *own);

/* The same for the issuers of tokens and their keys. Makes gateway->issuers, with
 * the keys of files in it, when an issuer is configured. */
apr_status_t cg_gateway_open_issuers(cg_gateway_t *gateway);
/* NULL when no issuer is configured. */
const cg_issuers_t *cg_gateway_take_issuers(const cg_gateway_t *gateway,
                                            apr_pool_t *pool);
void cg_gateway_swap_issuers(const cg_gateway_t *gateway,
                             const cg_issuers_t *next, apr_pool_t *own);

/* The same for the console's limits of single objects. Makes gateway->overrides,
 * with none in it. */
apr_status_t cg_gateway_open_overrides(cg_gateway_t *gateway);
/* NULL when there are none. */
const cg_overrides_t *cg_gateway_take_overrides(const cg_gateway_t *gateway,
                                                apr_pool_t *pool);
void cg_gateway_swap_overrides(const cg_gateway_t *gateway,
                               const cg_overrides_t *next, apr_pool_t *own);

#endif
