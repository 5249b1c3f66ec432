/* The keeper of letters: sends the alerts that wait, by webhook and mail.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A letter is lent by the store and stays there until its end is said: whoever dies
 * in between, it is sent again, with the same id. A way that fails rests, longer each
 * time, so that a receiver that is silent holds up the others for one call in a while.
 */
#include "flow/keeper.h"

#include "alert/mail.h"
#include "alert/webhook.h"
#include "base/clock.h"

#define LETTERS_MOST 16 /* of one way in a turn */
#define REST_LEAST (1 * CG_SECOND)
#define REST_MOST (30 * CG_SECOND)

/* How a way does. */
typedef struct rest_t {
    int failures;     /* in a row */
    apr_time_t until; /* monotonic */
} rest_t;

typedef struct postman_t {
    const cg_gateway_t *gateway;
    const cg_keeper_watch_t *watch;
    const volatile int *stop;
    apr_pool_t *scratch; /* cleared for each letter */
    rest_t rests[CG_ALERT_WAYS_MAX];
} postman_t;

static apr_status_t send_letter(const postman_t *postman,
                                const cg_alert_way_t *way,
                                const cg_alert_letter_t *letter,
                                bool *out_is_final, cg_error_t *err)
{
    cg_alert_t alert;
    apr_time_t now = cg_clock_now();
    *out_is_final = false;
    if (!cg_alert_read(letter->json, &alert, postman->scratch)) {
        cg_error_set(err, "it cannot be read");
        *out_is_final = true;
        return APR_EINVAL;
    }
    return way->is_mail
               ? cg_mail_send(way, &alert, now, postman->stop, err,
                              postman->scratch)
               : cg_webhook_send(way, &alert, letter->json, now, postman->stop,
                                 out_is_final, err, postman->scratch);
}

/* Also when nothing came of it: the end of a letter is said at once, or else it is
 * sent once more when its lease ends. */
static void end_letter(postman_t *postman, size_t index,
                       const cg_alert_letter_t *letter, apr_status_t rv,
                       bool is_final, const char *words)
{
    const cg_gateway_t *gateway = postman->gateway;
    const cg_alert_way_t *way = &gateway->alert_rules->ways[index];
    rest_t *rest = &postman->rests[index];
    cg_error_t err;
    bool is_dead = false;
    if (rv == APR_SUCCESS) {
        rest->failures = 0;
        cg_meter_alert_sent(gateway->meter, "ok");
        cg_alert_sent(gateway->alerts, way, letter->id, cg_clock_now(), &err,
                      postman->scratch);
        return;
    }
    apr_time_t pause = REST_LEAST << (rest->failures < 5 ? rest->failures : 5);
    rest->until =
        cg_clock_monotonic() + (pause < REST_MOST ? pause : REST_MOST);
    rest->failures++;
    cg_alert_failed(gateway->alerts, way, letter, is_final, words, &is_dead,
                    &err, postman->scratch);
    cg_meter_alert_sent(gateway->meter, is_dead ? "error" : "retried");
    if (is_dead && postman->watch->on_alert_lost) {
        postman->watch->on_alert_lost(postman->watch->baton, letter->id,
                                      way->name, words);
    }
}

/* False: the way has no more letters, or rests now. */
static bool send_next(postman_t *postman, size_t index)
{
    const cg_gateway_t *gateway = postman->gateway;
    const cg_alert_way_t *way = &gateway->alert_rules->ways[index];
    cg_alert_letter_t letter;
    cg_error_t err = {""};
    size_t count = 0;
    bool is_final;
    apr_pool_clear(postman->scratch);
    if (cg_alert_take(gateway->alerts, way, &letter, 1, &count, &err,
                      postman->scratch) != APR_SUCCESS ||
        count == 0) {
        return false;
    }
    apr_status_t rv = send_letter(postman, way, &letter, &is_final, &err);
    end_letter(postman, index, &letter, rv, is_final, err.text);
    return rv == APR_SUCCESS;
}

static void go_round(postman_t *postman)
{
    int ways = postman->gateway->alert_rules->ways_count;
    for (int i = 0; i < ways; i++) {
        int sent = 0;
        bool rests = cg_clock_monotonic() < postman->rests[i].until;
        while (!rests && !*postman->stop && sent < LETTERS_MOST &&
               !cg_store_is_away(postman->gateway->store) &&
               send_next(postman, (size_t)i)) {
            sent++;
        }
    }
}

void cg_keeper_letters(const cg_gateway_t *gateway,
                       const cg_keeper_watch_t *watch, const volatile int *stop)
{
    postman_t postman = {.gateway = gateway, .watch = watch, .stop = stop};
    if (!gateway->alert_rules || !gateway->alerts || !gateway->journal ||
        gateway->alert_rules->ways_count == 0) {
        return;
    }
    apr_pool_create(&postman.scratch, NULL);
    while (!*stop) {
        if (watch->may_work(watch->baton) &&
            cg_journal_leads(gateway->journal)) {
            go_round(&postman);
        }
        apr_sleep(CG_KEEPER_LETTERS_EACH);
    }
    apr_pool_destroy(postman.scratch);
}
