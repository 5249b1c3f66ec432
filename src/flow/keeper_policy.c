/* The keeper's ear for the published policy.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The store says which version is published; the channel says when to look. What
 * was said while nobody listened is not heard, so the store is also asked after
 * each new subscription and every ASK_EACH. While the store is away what was
 * published last stays in force.
 */
#include "flow/ear.h"

#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/share.h"
#include "flow/published.h"

#define ASK_EACH (5 * CG_SECOND)
#define REFUSED_FOR                                                            \
    (30 * CG_SECOND) /* until the same document is tried again */
#define REFRESH_EACH (1 * CG_SECOND) /* when it failed */
#define READ_TRIES 2

typedef struct hearing_t {
    cg_ear_t ear;
    apr_time_t failed_at; /* of a refresh; 0: it did not fail */
    char refused[65];     /* digest of the document that cannot be used */
    apr_time_t refused_at;
} hearing_t;

/* What the store says is published. lives in: scratch */
typedef struct head_t {
    bool has_history; /* some version was made, once */
    int64_t version;  /* 0: none is published */
    const char *digest;
    int64_t published_at;
} head_t;

static void tell(const hearing_t *hearing, int64_t version, const char *words)
{
    if (hearing->ear.watch->on_policy) {
        hearing->ear.watch->on_policy(hearing->ear.watch->baton, version,
                                      words);
    }
}

/* ---- every child ---------------------------------------------------------- */

static void refresh(void *baton)
{
    hearing_t *hearing = baton;
    const cg_gateway_t *gateway = hearing->ear.gateway;
    const cg_published_t *now = cg_gateway_take(gateway, hearing->ear.scratch);
    apr_time_t at = cg_clock_monotonic();
    if (now->serial == cg_atomic_get(gateway->policy_serial) ||
        (hearing->failed_at && at - hearing->failed_at < REFRESH_EACH)) {
        return;
    }
    cg_error_t err = {""};
    if (cg_published_refresh(gateway, &err) == APR_SUCCESS) {
        now = cg_gateway_take(gateway, hearing->ear.scratch);
        cg_meter_policy(gateway->meter, now->version, now->published_at);
        hearing->failed_at = 0;
        return;
    }
    if (!hearing->failed_at) {
        tell(hearing, now->version, err.text);
    }
    hearing->failed_at = at;
}

/* ---- the one that leads ---------------------------------------------------- */

static int64_t number_of(const cg_reply_t *reply)
{
    int64_t number = 0;
    return reply->kind == CG_REPLY_TEXT && cg_parse_count(reply->text, &number)
               ? number
               : 0;
}

static bool read_head(hearing_t *hearing, head_t *out)
{
    cg_str_t argv[] = {
        CG_STR("HMGET"),
        cg_keys_make(CG_KEYS_POLICY_HEAD, NULL, 0, hearing->ear.scratch),
        CG_STR("last"),
        CG_STR("current"),
        CG_STR("digest"),
        CG_STR("published_at")};
    cg_reply_t reply = {0};
    cg_error_t err;
    if (cg_store_call(hearing->ear.gateway->store, argv, 6, &reply, &err,
                      hearing->ear.scratch) != APR_SUCCESS ||
        reply.kind != CG_REPLY_ARRAY || reply.count != 4) {
        return false;
    }
    const cg_reply_t *at = reply.items;
    *out = (head_t){number_of(&at[0]) > 0, number_of(&at[1]),
                    at[2].kind == CG_REPLY_TEXT ? at[2].text.ptr : "",
                    number_of(&at[3])};
    return true;
}

static bool read_document(hearing_t *hearing, int64_t version, cg_str_t *out)
{
    cg_str_t number = cg_str(
        apr_psprintf(hearing->ear.scratch, "%" APR_INT64_T_FMT, version));
    cg_str_t argv[] = {
        CG_STR("HGET"),
        cg_keys_make(CG_KEYS_POLICY_VERSION, &number, 1, hearing->ear.scratch),
        CG_STR("document")};
    cg_reply_t reply = {0};
    cg_error_t err;
    cg_store_t *store = cg_ear_documents(&hearing->ear);
    for (int i = 0; i < READ_TRIES; i++) {
        if (cg_store_call(store, argv, 3, &reply, &err, hearing->ear.scratch) ==
            APR_SUCCESS) {
            *out = reply.text;
            return reply.kind == CG_REPLY_TEXT;
        }
    }
    return false;
}

static void refuse(hearing_t *hearing, const head_t *head, int64_t in_force,
                   const char *words)
{
    bool is_known = strcmp(hearing->refused, head->digest) == 0;
    apr_cpystrn(hearing->refused, head->digest, sizeof hearing->refused);
    hearing->refused_at = cg_clock_monotonic();
    if (!is_known) {
        tell(hearing, in_force,
             apr_psprintf(hearing->ear.scratch,
                          "version %" APR_INT64_T_FMT ": %s", head->version,
                          words));
    }
}

static bool is_refused(const hearing_t *hearing, const head_t *head)
{
    return strcmp(hearing->refused, head->digest) == 0 &&
           cg_clock_monotonic() - hearing->refused_at < REFUSED_FOR;
}

static void install(hearing_t *hearing, const head_t *head, int64_t in_force)
{
    cg_str_t document;
    cg_error_t err = {""};
    if (!read_document(hearing, head->version, &document)) {
        hearing->ear.is_called = true; /* the store has just gone */
        return;
    }
    if (cg_published_install(hearing->ear.gateway, head->version,
                             head->published_at, document, &err,
                             hearing->ear.scratch) != APR_SUCCESS) {
        refuse(hearing, head, in_force, err.text);
        return;
    }
    hearing->refused[0] = '\0';
    refresh(hearing);
    tell(hearing, head->version, NULL);
}

/* Another document than the one in force, of whatever number: a store that came
 * back from a copy may give a number twice. */
static void ask(hearing_t *hearing)
{
    head_t head;
    const cg_published_t *now =
        cg_gateway_take(hearing->ear.gateway, hearing->ear.scratch);
    hearing->ear.is_called =
        !read_head(hearing, &head); /* else again, at once */
    if (hearing->ear.is_called) {
        return;
    }
    hearing->ear.asked_at = cg_clock_monotonic();
    if (head.version == 0) {
        /* An emptied store does not lift a policy. */
        if (head.has_history && (now->version || now->is_unloaded)) {
            cg_published_remove(hearing->ear.gateway, hearing->ear.scratch);
            refresh(hearing);
            tell(hearing, 0, NULL);
        }
        return;
    }
    bool is_other =
        head.version != now->version || strcmp(head.digest, now->digest) != 0;
    if (is_other && !is_refused(hearing, &head)) {
        install(hearing, &head, now->version);
    }
}

static void lead(void *baton)
{
    hearing_t *hearing = baton;
    bool is_due = cg_clock_monotonic() - hearing->ear.asked_at > ASK_EACH;
    if ((hearing->ear.is_called || is_due) &&
        !cg_store_is_away(hearing->ear.gateway->store)) {
        ask(hearing);
    }
}

void cg_keeper_policy(const cg_gateway_t *gateway,
                      const cg_keeper_watch_t *watch, const volatile int *stop)
{
    static const cg_ear_work_t work = {CG_KEYS_POLICY_CHANNEL,
                                       CG_KEEPER_POLICY_EACH, refresh, lead};
    hearing_t hearing = {.ear = {.gateway = gateway, .watch = watch}};
    if (gateway->journal) {
        cg_ear_run(&hearing.ear, &work, &hearing, stop);
    }
}
