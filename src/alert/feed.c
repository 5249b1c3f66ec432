/* The feed: alerts in the store, each raised once.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "alert/feed.h"

#include <inttypes.h>
#include <string.h>

#include <apr_strings.h>

#include "alert/alert_int.h"
#include "base/clock.h"
#include "gen/alert_acknowledge_lua.h"
#include "gen/alert_end_lua.h"
#include "gen/alert_raise_lua.h"
#include "gen/alert_take_lua.h"

#define LIFE_SECONDS "34560000" /* 400 days */
#define SCAN 100                /* alerts read in one round trip */
#define SCANS_MOST 40           /* of one call */

cg_alert_feed_t *cg_alert_feed_open(cg_store_t *store, apr_pool_t *pool)
{
    cg_alert_feed_t *feed = apr_pcalloc(pool, sizeof *feed);
    feed->store = store;
    cg_script_init(&feed->raise, "alert_raise", cg_lua_alert_raise);
    cg_script_init(&feed->take, "alert_take", cg_lua_alert_take);
    cg_script_init(&feed->end, "alert_end", cg_lua_alert_end);
    cg_script_init(&feed->acknowledge, "alert_acknowledge",
                   cg_lua_alert_acknowledge);
    return feed;
}

cg_str_t cg_alert_key(cg_keys_id_t id, const char *part, apr_pool_t *pool)
{
    cg_str_t parts[1] = {cg_str(part)};
    return cg_keys_make(id, parts, part ? 1 : 0, pool);
}

apr_status_t cg_alert_run(cg_alert_feed_t *feed, const cg_script_t *script,
                          const cg_str_t *keys, size_t keys_count,
                          const cg_str_t *args, size_t args_count, int64_t *out,
                          cg_error_t *err, apr_pool_t *pool)
{
    cg_reply_t reply;
    apr_status_t rv = cg_store_script(feed->store, script, keys, keys_count,
                                      args, args_count, &reply, err, pool);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (reply.kind != CG_REPLY_INT) {
        cg_error_set(err, "the script %s failed: %.200s", script->name,
                     reply.text.ptr ? reply.text.ptr : "no number came back");
        return APR_EGENERAL;
    }
    *out = reply.number;
    return APR_SUCCESS;
}

const char *cg_alert_burn_name(const cg_limit_t *limit,
                               const char *organization, const char *subject,
                               apr_pool_t *pool)
{
    cg_limit_t any = *limit;
    any.amount = 0; /* what is used is the same, however much there is */
    return apr_psprintf(pool, "%s|%s|%" APR_SIZE_T_FMT "|%s|%s",
                        cg_limit_scope(&any, pool), cg_limit_spell(&any, pool),
                        strlen(organization), organization, subject);
}

/* ---- raising --------------------------------------------------------------- */

static cg_str_t number(int64_t value, apr_pool_t *pool)
{
    return cg_str(apr_psprintf(pool, "%" PRId64, value));
}

/* The ways of an alert, in the places behind queues and names. */
static size_t choose_ways(const cg_alert_rules_t *rules,
                          const cg_alert_t *alert, const char *only,
                          cg_str_t *queues, cg_str_t *names, apr_pool_t *pool)
{
    size_t count = 0;
    for (int i = 0; rules && i < rules->ways_count; i++) {
        const cg_alert_way_t *way = &rules->ways[i];
        if (only ? strcmp(only, way->name) == 0
                 : cg_alert_way_takes(way, alert->kind)) {
            queues[count] = cg_alert_key(CG_KEYS_ALERT_QUEUE, way->name, pool);
            names[count++] = cg_str(way->name);
        }
    }
    return count;
}

apr_status_t cg_alert_raise(cg_alert_feed_t *feed,
                            const cg_alert_rules_t *rules, cg_alert_t *alert,
                            const cg_str_t *marks, size_t count,
                            apr_time_t mark_life, const char *only,
                            bool *out_is_new, cg_error_t *err, apr_pool_t *pool)
{
    cg_str_t keys[2 + CG_ALERT_WAYS_MAX + CG_ALERT_MARKS_MAX];
    cg_str_t args[8 + CG_ALERT_WAYS_MAX];
    cg_buf_t json;
    int64_t answer = 0;
    if (!alert->id[0]) {
        cg_clock_uuid7(alert->at, alert->id);
    }
    cg_buf_init(&json, 512, pool);
    cg_alert_write(alert, &json);
    count = count > CG_ALERT_MARKS_MAX ? CG_ALERT_MARKS_MAX : count;
    keys[0] = cg_alert_key(CG_KEYS_ALERT_FEED, NULL, pool);
    keys[1] = cg_alert_key(CG_KEYS_ALERT, alert->id, pool);
    size_t ways = choose_ways(rules, alert, only, keys + 2, args + 8, pool);
    for (size_t i = 0; i < count; i++) {
        keys[2 + ways + i] =
            cg_keys_make(CG_KEYS_ALERT_ONCE, &marks[i], 1, pool);
    }
    int64_t seconds = apr_time_sec(mark_life);
    args[0] = cg_str(alert->id);
    args[1] = (cg_str_t){json.ptr, json.len};
    args[2] = CG_STR(LIFE_SECONDS);
    args[3] = number(CG_ALERT_FEED_MOST, pool);
    args[4] = number(CG_ALERT_QUEUE_MOST, pool);
    args[5] = cg_alert_key(CG_KEYS_ALERT, "", pool);
    args[6] = number(seconds > 0 ? seconds : 1, pool);
    args[7] = number((int64_t)ways, pool);
    apr_status_t rv = cg_alert_run(feed, &feed->raise, keys, 2 + ways + count,
                                   args, 8 + ways, &answer, err, pool);
    *out_is_new = rv == APR_SUCCESS && answer == 1;
    return rv;
}

apr_status_t cg_alert_forget(cg_alert_feed_t *feed, const cg_str_t *marks,
                             size_t count, cg_error_t *err, apr_pool_t *pool)
{
    cg_str_t argv[1 + CG_ALERT_MARKS_MAX];
    cg_reply_t reply;
    count = count > CG_ALERT_MARKS_MAX ? CG_ALERT_MARKS_MAX : count;
    argv[0] = CG_STR("DEL");
    for (size_t i = 0; i < count; i++) {
        argv[1 + i] = cg_keys_make(CG_KEYS_ALERT_ONCE, &marks[i], 1, pool);
    }
    return cg_store_call(feed->store, argv, 1 + count, &reply, err, pool);
}

/* ---- reading --------------------------------------------------------------- */

static cg_str_t field_of(const cg_reply_t *hash, const char *name)
{
    for (size_t i = 0; i + 1 < hash->count; i += 2) {
        if (cg_str_is(hash->items[i].text, name)) {
            return hash->items[i + 1].text;
        }
    }
    return CG_STR("");
}

static const char *text_of(const cg_reply_t *hash, const char *prefix,
                           const char *way, apr_pool_t *pool)
{
    return cg_str_dup(field_of(hash, apr_pstrcat(pool, prefix, way, NULL)),
                      pool);
}

static const apr_array_header_t *sent_of(const cg_reply_t *hash,
                                         apr_pool_t *pool)
{
    apr_array_header_t *sent = apr_array_make(pool, 4, sizeof(cg_alert_sent_t));
    for (size_t i = 0; i + 1 < hash->count; i += 2) {
        const char *name = cg_str_dup(hash->items[i].text, pool);
        if (strncmp(name, "state:", 6) != 0) {
            continue;
        }
        const char *way = name + 6;
        cg_alert_sent_t *one = apr_array_push(sent);
        *one = (cg_alert_sent_t){
            .way = way,
            .state = cg_str_dup(hash->items[i + 1].text, pool),
            .error = text_of(hash, "error:", way, pool),
            .sent_at = text_of(hash, "sent_at:", way, pool)};
        cg_parse_count(cg_str(text_of(hash, "tries:", way, pool)), &one->tries);
    }
    return sent;
}

static bool read_entry(const cg_reply_t *hash, cg_alert_entry_t *out,
                       apr_pool_t *pool)
{
    cg_error_t err;
    cg_str_t json = field_of(hash, "json");
    if (hash->kind != CG_REPLY_ARRAY || json.len == 0 ||
        !cg_alert_read(json, &out->alert, pool)) {
        return false;
    }
    out->json = cg_json_parse(json.ptr, json.len, &err, pool);
    out->acknowledged_at = 0;
    cg_clock_parse_rfc3339(field_of(hash, "acknowledged_at"),
                           &out->acknowledged_at);
    out->acknowledged_by = text_of(hash, "acknowledged_by", "", pool);
    out->acknowledged_note = text_of(hash, "acknowledged_note", "", pool);
    out->sent = sent_of(hash, pool);
    return true;
}

static bool has_delivery(const cg_alert_entry_t *entry, const char *state)
{
    for (int i = 0; i < entry->sent->nelts; i++) {
        if (strcmp(APR_ARRAY_IDX(entry->sent, i, cg_alert_sent_t).state,
                   state) == 0) {
            return true;
        }
    }
    return false;
}

static bool fits(const cg_alert_filter_t *filter, const cg_alert_entry_t *entry)
{
    const cg_alert_t *alert = &entry->alert;
    bool is_seen = entry->acknowledged_at != 0;
    return (!filter->kind ||
            strcmp(filter->kind, cg_alert_kind_name(alert->kind)) == 0) &&
           (!filter->subject || strcmp(filter->subject, alert->subject) == 0) &&
           (!filter->delivery || has_delivery(entry, filter->delivery)) &&
           (filter->acknowledged < 0 ||
            is_seen == (filter->acknowledged == 1)) &&
           (!filter->from || alert->at >= filter->from) &&
           (!filter->to || alert->at < filter->to);
}

/* Ids below cursor, newest first. */
static apr_status_t read_ids(cg_alert_feed_t *feed, const char *cursor,
                             cg_reply_t *out, cg_error_t *err, apr_pool_t *pool)
{
    cg_str_t argv[] = {
        CG_STR("ZREVRANGEBYLEX"),
        cg_alert_key(CG_KEYS_ALERT_FEED, NULL, pool),
        cg_str(cursor ? apr_pstrcat(pool, "(", cursor, NULL) : "+"),
        CG_STR("-"),
        CG_STR("LIMIT"),
        CG_STR("0"),
        number(SCAN, pool)};
    return cg_store_call(feed->store, argv, 7, out, err, pool);
}

static apr_status_t read_hashes(cg_alert_feed_t *feed, const cg_reply_t *ids,
                                cg_reply_t *out, cg_error_t *err,
                                apr_pool_t *pool)
{
    cg_store_command_t commands[SCAN] = {{NULL, 0}};
    for (size_t i = 0; i < ids->count; i++) {
        cg_str_t *argv = apr_palloc(pool, 2 * sizeof *argv);
        argv[0] = CG_STR("HGETALL");
        argv[1] = cg_keys_make(CG_KEYS_ALERT, &ids->items[i].text, 1, pool);
        commands[i] = (cg_store_command_t){argv, 2};
    }
    return cg_store_pipeline(feed->store, commands, ids->count, out, err, pool);
}

apr_status_t cg_alert_list(cg_alert_feed_t *feed,
                           const cg_alert_filter_t *filter, const char *cursor,
                           size_t limit, apr_array_header_t **out,
                           const char **out_next, cg_error_t *err,
                           apr_pool_t *pool)
{
    cg_reply_t hashes[SCAN];
    *out = apr_array_make(pool, 16, sizeof(cg_alert_entry_t));
    *out_next = NULL;
    for (int scan = 0; scan < SCANS_MOST; scan++) {
        cg_reply_t ids = {.kind = CG_REPLY_NIL};
        apr_status_t rv = read_ids(feed, cursor, &ids, err, pool);
        size_t found = ids.kind == CG_REPLY_ARRAY ? ids.count : 0;
        if (rv == APR_SUCCESS && found > 0) {
            rv = read_hashes(feed, &ids, hashes, err, pool);
        }
        if (rv != APR_SUCCESS || found == 0) {
            *out_next = NULL;
            return rv;
        }
        for (size_t i = 0; i < found; i++) {
            cg_alert_entry_t entry;
            cursor = cg_str_dup(ids.items[i].text, pool);
            if (!read_entry(&hashes[i], &entry, pool) ||
                !fits(filter, &entry)) {
                continue;
            }
            *(cg_alert_entry_t *)apr_array_push(*out) = entry;
            if ((size_t)(*out)->nelts == limit) {
                *out_next = i + 1 < found || found == SCAN ? cursor : NULL;
                return APR_SUCCESS;
            }
        }
        *out_next = cursor;
        if (found < SCAN) {
            *out_next = NULL;
            return APR_SUCCESS;
        }
    }
    return APR_SUCCESS;
}

apr_status_t cg_alert_get(cg_alert_feed_t *feed, const char *id,
                          cg_alert_entry_t *out, cg_error_t *err,
                          apr_pool_t *pool)
{
    cg_reply_t reply;
    cg_str_t argv[] = {CG_STR("HGETALL"),
                       cg_alert_key(CG_KEYS_ALERT, id, pool)};
    apr_status_t rv = cg_store_call(feed->store, argv, 2, &reply, err, pool);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    return read_entry(&reply, out, pool) ? APR_SUCCESS : APR_NOTFOUND;
}

apr_status_t cg_alert_acknowledge(cg_alert_feed_t *feed, const char *id,
                                  apr_time_t at, const char *who,
                                  const char *note, cg_error_t *err,
                                  apr_pool_t *pool)
{
    char spelled[25] = "";
    int64_t answer = 0;
    if (at) {
        cg_clock_rfc3339(at, spelled);
    }
    cg_str_t key = cg_alert_key(CG_KEYS_ALERT, id, pool);
    cg_str_t args[] = {cg_str(spelled), cg_str(who), cg_str(note)};
    apr_status_t rv = cg_alert_run(feed, &feed->acknowledge, &key, 1, args, 3,
                                   &answer, err, pool);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    return answer == 1 ? APR_SUCCESS : answer == 0 ? APR_EEXIST : APR_NOTFOUND;
}
