/* The keeper's ear for the published policy.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The store says which version is published; the channel says when to look. What
 * was said while nobody listened is not heard, so the store is also asked after
 * each new subscription and every ASK_EACH. While the store is away what was
 * published last stays in force.
 */
#include "flow/keeper.h"

#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/share.h"
#include "flow/published.h"
#include "store/keys.h"

#define ASK_EACH (5 * CG_SECOND)
#define REFUSED_FOR                                                            \
    (30 * CG_SECOND) /* until the same document is tried again */
#define REFRESH_EACH (1 * CG_SECOND) /* when it failed */
#define READ_TRIES 2

typedef struct ear_t {
    const cg_gateway_t *gateway;
    const cg_keeper_watch_t *watch;
    apr_pool_t *scratch; /* cleared for each round */
    apr_pool_t *listening;
    cg_listener_t *listener;
    bool is_called;       /* a message came */
    apr_time_t asked_at;  /* monotonic */
    apr_time_t failed_at; /* of a refresh; 0: it did not fail */
    char refused[65];     /* digest of the document that cannot be used */
    apr_time_t refused_at;
} ear_t;

/* What the store says is published. lives in: scratch */
typedef struct head_t {
    bool has_history; /* some version was made, once */
    int64_t version;  /* 0: none is published */
    const char *digest;
    int64_t published_at;
} head_t;

static void tell(const ear_t *ear, int64_t version, const char *words)
{
    if (ear->watch->on_policy) {
        ear->watch->on_policy(ear->watch->baton, version, words);
    }
}

/* ---- every child ---------------------------------------------------------- */

static void refresh(ear_t *ear)
{
    const cg_gateway_t *gateway = ear->gateway;
    const cg_published_t *now = cg_gateway_take(gateway, ear->scratch);
    apr_time_t at = cg_clock_monotonic();
    if (now->serial == cg_atomic_get(gateway->policy_serial) ||
        (ear->failed_at && at - ear->failed_at < REFRESH_EACH)) {
        return;
    }
    cg_error_t err = {""};
    if (cg_published_refresh(gateway, &err) == APR_SUCCESS) {
        now = cg_gateway_take(gateway, ear->scratch);
        cg_meter_policy(gateway->meter, now->version, now->published_at);
        ear->failed_at = 0;
        return;
    }
    if (!ear->failed_at) {
        tell(ear, now->version, err.text);
    }
    ear->failed_at = at;
}

/* ---- the one that leads ---------------------------------------------------- */

static int64_t number_of(const cg_reply_t *reply)
{
    int64_t number = 0;
    return reply->kind == CG_REPLY_TEXT && cg_parse_count(reply->text, &number)
               ? number
               : 0;
}

static bool read_head(ear_t *ear, head_t *out)
{
    cg_str_t argv[] = {CG_STR("HMGET"),
                       cg_keys_make(CG_KEYS_POLICY_HEAD, NULL, 0, ear->scratch),
                       CG_STR("last"),
                       CG_STR("current"),
                       CG_STR("digest"),
                       CG_STR("published_at")};
    cg_reply_t reply = {0};
    cg_error_t err;
    if (cg_store_call(ear->gateway->store, argv, 6, &reply, &err,
                      ear->scratch) != APR_SUCCESS ||
        reply.kind != CG_REPLY_ARRAY || reply.count != 4) {
        return false;
    }
    const cg_reply_t *at = reply.items;
    *out = (head_t){number_of(&at[0]) > 0, number_of(&at[1]),
                    at[2].kind == CG_REPLY_TEXT ? at[2].text.ptr : "",
                    number_of(&at[3])};
    return true;
}

static bool read_document(ear_t *ear, int64_t version, cg_str_t *out)
{
    cg_str_t number =
        cg_str(apr_psprintf(ear->scratch, "%" APR_INT64_T_FMT, version));
    cg_str_t argv[] = {
        CG_STR("HGET"),
        cg_keys_make(CG_KEYS_POLICY_VERSION, &number, 1, ear->scratch),
        CG_STR("document")};
    cg_reply_t reply = {0};
    cg_error_t err;
    cg_store_t *store =
        ear->gateway->documents ? ear->gateway->documents : ear->gateway->store;
    for (int i = 0; i < READ_TRIES; i++) {
        if (cg_store_call(store, argv, 3, &reply, &err, ear->scratch) ==
            APR_SUCCESS) {
            *out = reply.text;
            return reply.kind == CG_REPLY_TEXT;
        }
    }
    return false;
}

static void refuse(ear_t *ear, const head_t *head, int64_t in_force,
                   const char *words)
{
    bool is_known = strcmp(ear->refused, head->digest) == 0;
    apr_cpystrn(ear->refused, head->digest, sizeof ear->refused);
    ear->refused_at = cg_clock_monotonic();
    if (!is_known) {
        tell(ear, in_force,
             apr_psprintf(ear->scratch, "version %" APR_INT64_T_FMT ": %s",
                          head->version, words));
    }
}

static bool is_refused(const ear_t *ear, const head_t *head)
{
    return strcmp(ear->refused, head->digest) == 0 &&
           cg_clock_monotonic() - ear->refused_at < REFUSED_FOR;
}

static void install(ear_t *ear, const head_t *head, int64_t in_force)
{
    cg_str_t document;
    cg_error_t err = {""};
    if (!read_document(ear, head->version, &document)) {
        ear->is_called = true; /* the store has just gone */
        return;
    }
    if (cg_published_install(ear->gateway, head->version, head->published_at,
                             document, &err, ear->scratch) != APR_SUCCESS) {
        refuse(ear, head, in_force, err.text);
        return;
    }
    ear->refused[0] = '\0';
    refresh(ear);
    tell(ear, head->version, NULL);
}

/* Another document than the one in force, of whatever number: a store that came
 * back from a copy may give a number twice. */
static void ask(ear_t *ear)
{
    head_t head;
    const cg_published_t *now = cg_gateway_take(ear->gateway, ear->scratch);
    ear->is_called = !read_head(ear, &head); /* else again, at once */
    if (ear->is_called) {
        return;
    }
    ear->asked_at = cg_clock_monotonic();
    if (head.version == 0) {
        /* An emptied store does not lift a policy. */
        if (head.has_history && (now->version || now->is_unloaded)) {
            cg_published_remove(ear->gateway, ear->scratch);
            refresh(ear);
            tell(ear, 0, NULL);
        }
        return;
    }
    bool is_other =
        head.version != now->version || strcmp(head.digest, now->digest) != 0;
    if (is_other && !is_refused(ear, &head)) {
        install(ear, &head, now->version);
    }
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
            cg_keys_make(CG_KEYS_POLICY_CHANNEL, NULL, 0, ear->scratch);
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
    if ((ear->is_called || is_due) && !cg_store_is_away(ear->gateway->store)) {
        ask(ear);
    }
    listen_for(ear, CG_KEEPER_POLICY_EACH);
}

void cg_keeper_policy(const cg_gateway_t *gateway,
                      const cg_keeper_watch_t *watch, const volatile int *stop)
{
    apr_pool_t *own;
    apr_pool_create(&own, NULL);
    ear_t *ear = apr_pcalloc(own, sizeof *ear);
    ear->gateway = gateway;
    ear->watch = watch;
    apr_pool_create(&ear->scratch, own);
    apr_pool_create(&ear->listening, own);
    while (!*stop && gateway->journal) {
        apr_pool_clear(ear->scratch);
        refresh(ear);
        if (watch->may_work(watch->baton) &&
            cg_journal_leads(gateway->journal)) {
            lead(ear);
        }
        else {
            unlisten(ear);
            apr_sleep(CG_KEEPER_POLICY_EACH);
        }
    }
    unlisten(ear);
    apr_pool_destroy(own);
}
