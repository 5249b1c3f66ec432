/* The queues of alerts: what is due is lent to who sends it.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "alert/feed.h"

#include <inttypes.h>

#include <apr_strings.h>

#include "alert/alert_int.h"
#include "base/clock.h"
#include "base/digest.h"

#define PAUSE_LEAST apr_time_from_sec(1)
#define PAUSE_MOST apr_time_from_sec(3600)
#define WORDS_MOST 300 /* bytes of an error that are kept */

static cg_str_t number(int64_t value, apr_pool_t *pool)
{
    return cg_str(apr_psprintf(pool, "%" PRId64, value));
}

apr_status_t cg_alert_take(cg_alert_feed_t *feed, const cg_alert_way_t *way,
                           cg_alert_letter_t *out, size_t most,
                           size_t *out_count, cg_error_t *err, apr_pool_t *pool)
{
    cg_reply_t reply;
    cg_str_t key = cg_alert_key(CG_KEYS_ALERT_QUEUE, way->name, pool);
    cg_str_t args[] = {cg_str(way->name), number((int64_t)most, pool),
                       number(apr_time_as_msec(CG_ALERT_LEASE_FOR(way)), pool),
                       cg_alert_key(CG_KEYS_ALERT, "", pool)};
    *out_count = 0;
    apr_status_t rv = cg_store_script(feed->store, &feed->take, &key, 1, args,
                                      4, &reply, err, pool);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (reply.kind != CG_REPLY_ARRAY) {
        cg_error_set(err, "the script alert_take failed: %.200s",
                     reply.text.ptr ? reply.text.ptr : "no array came back");
        return APR_EGENERAL;
    }
    for (size_t i = 0; i + 2 < reply.count && *out_count < most; i += 3) {
        out[(*out_count)++] =
            (cg_alert_letter_t){.id = cg_str_dup(reply.items[i].text, pool),
                                .tries = reply.items[i + 1].number,
                                .json = reply.items[i + 2].text};
    }
    return APR_SUCCESS;
}

static apr_status_t end(cg_alert_feed_t *feed, const cg_alert_way_t *way,
                        const char *id, const char *how, apr_time_t pause,
                        const char *words, const char *at, cg_error_t *err,
                        apr_pool_t *pool)
{
    int64_t answer;
    cg_str_t keys[] = {cg_alert_key(CG_KEYS_ALERT_QUEUE, way->name, pool),
                       cg_alert_key(CG_KEYS_ALERT, id, pool),
                       cg_alert_key(CG_KEYS_ALERT_DEAD, NULL, pool)};
    cg_str_t said = cg_str(words);
    if (said.len > WORDS_MOST) {
        said.len = cg_utf8_whole(said.ptr, WORDS_MOST);
    }
    cg_str_t args[] = {cg_str(id),
                       cg_str(way->name),
                       cg_str(how),
                       number(apr_time_as_msec(pause), pool),
                       said,
                       cg_str(at),
                       number(CG_ALERT_DEAD_MOST, pool)};
    return cg_alert_run(feed, &feed->end, keys, 3, args, 7, &answer, err, pool);
}

apr_status_t cg_alert_sent(cg_alert_feed_t *feed, const cg_alert_way_t *way,
                           const char *id, apr_time_t now, cg_error_t *err,
                           apr_pool_t *pool)
{
    char at[25];
    cg_clock_rfc3339(now, at);
    return end(feed, way, id, "sent", 0, "", at, err, pool);
}

apr_time_t cg_alert_pause(int64_t tries, double random)
{
    apr_time_t pause = PAUSE_LEAST;
    for (int64_t i = 1; i < tries && pause < PAUSE_MOST; i++) {
        pause *= 2;
    }
    pause = pause > PAUSE_MOST ? PAUSE_MOST : pause;
    return (apr_time_t)((double)pause * (0.5 + random));
}

apr_status_t cg_alert_failed(cg_alert_feed_t *feed, const cg_alert_way_t *way,
                             const cg_alert_letter_t *letter, bool is_final,
                             const char *words, bool *out_is_dead,
                             cg_error_t *err, apr_pool_t *pool)
{
    uint32_t drawn;
    cg_random_id(&drawn, sizeof drawn);
    *out_is_dead = is_final || letter->tries >= way->tries;
    return end(feed, way, letter->id, *out_is_dead ? "dead" : "retry",
               cg_alert_pause(letter->tries, (double)drawn / UINT32_MAX), words,
               "", err, pool);
}

apr_status_t cg_alert_resend(cg_alert_feed_t *feed, const char *way,
                             const char *id, apr_time_t now, cg_error_t *err,
                             apr_pool_t *pool)
{
    cg_str_t alert = cg_alert_key(CG_KEYS_ALERT, id, pool);
    cg_str_t state[] = {CG_STR("HSET"), alert,
                        cg_str(apr_pstrcat(pool, "state:", way, NULL)),
                        CG_STR("waiting")};
    cg_str_t anew[] = {CG_STR("HDEL"), alert,
                       cg_str(apr_pstrcat(pool, "tries:", way, NULL)),
                       cg_str(apr_pstrcat(pool, "error:", way, NULL))};
    cg_str_t alive[] = {CG_STR("ZREM"),
                        cg_alert_key(CG_KEYS_ALERT_DEAD, NULL, pool),
                        cg_str(apr_pstrcat(pool, way, " ", id, NULL))};
    cg_str_t queue[] = {
        CG_STR("ZADD"), cg_alert_key(CG_KEYS_ALERT_QUEUE, way, pool),
        CG_STR("NX"), number(apr_time_as_msec(now), pool), cg_str(id)};
    const cg_store_command_t commands[] = {
        {state, 4}, {anew, 4}, {alive, 3}, {queue, 5}};
    cg_reply_t replies[4];
    return cg_store_pipeline(feed->store, commands, 4, replies, err, pool);
}

apr_status_t cg_alert_depth(cg_alert_feed_t *feed,
                            const cg_alert_rules_t *rules, int64_t *out_waiting,
                            int64_t *out_dead, cg_error_t *err,
                            apr_pool_t *pool)
{
    cg_str_t argv[CG_ALERT_WAYS_MAX + 1][2];
    cg_store_command_t commands[CG_ALERT_WAYS_MAX + 1] = {{NULL, 0}};
    cg_reply_t replies[CG_ALERT_WAYS_MAX + 1];
    size_t count = (size_t)rules->ways_count + 1;
    for (size_t i = 0; i < count; i++) {
        argv[i][0] = CG_STR("ZCARD");
        argv[i][1] = i == 0 ? cg_alert_key(CG_KEYS_ALERT_DEAD, NULL, pool)
                            : cg_alert_key(CG_KEYS_ALERT_QUEUE,
                                           rules->ways[i - 1].name, pool);
        commands[i] = (cg_store_command_t){argv[i], 2};
    }
    *out_waiting = 0;
    *out_dead = 0;
    apr_status_t rv =
        cg_store_pipeline(feed->store, commands, count, replies, err, pool);
    for (size_t i = 0; i < count && rv == APR_SUCCESS; i++) {
        *(i ? out_waiting : out_dead) += replies[i].number;
    }
    return rv;
}
