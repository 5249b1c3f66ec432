/* Which keys end soon, told once a day each.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "auth/keyexpiry.h"

#include <string.h>

#include <apr_strings.h>

#include "auth/apikey_int.h"
#include "auth/keyfind.h"
#include "base/clock.h"
#include "store/keys.h"

#define PAGE 100
#define INDEX_PAGE 500
#define WARNED_SECONDS "172800"
#define ID_AT 21    /* in a member of an index */
#define MADE "made" /* a member of the index that is no key; sorts last */

/* Whose index, and where answers live for a step. */
typedef struct place_t {
    cg_keyring_t *ring;
    apr_pool_t *pool;
} place_t;

static apr_status_t ask(cg_keyring_t *ring, const cg_str_t *argv, size_t argc,
                        cg_reply_t *out, cg_error_t *err, apr_pool_t *pool)
{
    apr_status_t rv = cg_store_call(ring->store, argv, argc, out, err, pool);
    if (rv == APR_SUCCESS && out->kind == CG_REPLY_ERROR) {
        cg_error_set(err, "the index of keys that expire: %.200s",
                     out->text.ptr);
        return APR_EGENERAL;
    }
    return rv;
}

/* ---- the index --------------------------------------------------------------- */

static apr_status_t look_for_index(cg_keyexpiry_t *round, cg_keyring_t *ring,
                                   cg_error_t *err, apr_pool_t *pool)
{
    cg_str_t argv[] = {CG_STR("ZSCORE"),
                       cg_keys_make(CG_KEYS_KEY_EXPIRY, NULL, 0, pool),
                       CG_STR(MADE)};
    cg_reply_t reply;
    apr_status_t rv = ask(ring, argv, 3, &reply, err, pool);
    round->is_index_made = rv == APR_SUCCESS && reply.kind != CG_REPLY_NIL;
    return rv;
}

/* The next members of the index by time of creation, newest first. */
static apr_status_t next_members(const place_t *place, const char *cursor,
                                 cg_reply_t *out, cg_error_t *err)
{
    cg_str_t argv[] = {
        CG_STR("ZREVRANGEBYLEX"),
        cg_keys_make(CG_KEYS_KEY_INDEX, NULL, 0, place->pool),
        cg_str(cursor[0] ? apr_pstrcat(place->pool, "(", cursor, NULL) : "+"),
        CG_STR("-"),
        CG_STR("LIMIT"),
        CG_STR("0"),
        cg_str(apr_itoa(place->pool, INDEX_PAGE))};
    apr_status_t rv = ask(place->ring, argv, 7, out, err, place->pool);
    if (rv == APR_SUCCESS && out->kind != CG_REPLY_ARRAY) {
        cg_error_set(err, "the index of keys cannot be read");
        return APR_EGENERAL;
    }
    return rv;
}

/* Of each member the two fields that count: a whole record would cost six times as
 * much. */
static apr_status_t read_ends(const place_t *place, const cg_reply_t *members,
                              cg_reply_t *replies, cg_error_t *err)
{
    cg_store_command_t *commands =
        apr_pcalloc(place->pool, (members->count + 1) * sizeof *commands);
    for (size_t i = 0; i < members->count; i++) {
        const char *member = members->items[i].text.ptr;
        cg_str_t id =
            cg_keyring_is_member(member) ? cg_str(member + ID_AT) : CG_STR("");
        cg_str_t *argv = apr_palloc(place->pool, 4 * sizeof *argv);
        argv[0] = CG_STR("HMGET");
        argv[1] = cg_keys_make(CG_KEYS_KEY, &id, 1, place->pool);
        argv[2] = CG_STR("expires_at");
        argv[3] = CG_STR("state");
        commands[i] = (cg_store_command_t){argv, 4};
    }
    return members->count
               ? cg_store_pipeline(place->ring->store, commands, members->count,
                                   replies, err, place->pool)
               : APR_SUCCESS;
}

/* When does it end, as the store answers? 0: never, or it is over for good. */
static apr_time_t end_of(const cg_reply_t *reply)
{
    apr_time_t at = 0;
    if (reply->kind != CG_REPLY_ARRAY || reply->count != 2 ||
        reply->items[0].kind != CG_REPLY_TEXT ||
        reply->items[1].kind != CG_REPLY_TEXT ||
        cg_str_is(reply->items[1].text,
                  cg_key_state_name(CG_KEY_STATE_REVOKED))) {
        return 0;
    }
    return cg_clock_parse_rfc3339(reply->items[0].text, &at) ? at : 0;
}

/* Puts the keys of a page into the index; after the last one the mark that the
 * index is whole. */
static apr_status_t add_page(const place_t *place, const cg_reply_t *members,
                             const cg_reply_t *replies, bool is_last,
                             cg_error_t *err)
{
    cg_str_t *argv =
        apr_palloc(place->pool, (members->count * 2 + 4) * sizeof *argv);
    size_t argc = 2;
    cg_reply_t reply;
    argv[0] = CG_STR("ZADD");
    argv[1] = cg_keys_make(CG_KEYS_KEY_EXPIRY, NULL, 0, place->pool);
    for (size_t i = 0; i < members->count; i++) {
        apr_time_t at = end_of(&replies[i]);
        if (at) {
            argv[argc++] = CG_STR("0");
            argv[argc++] = cg_keyring_member(
                at, members->items[i].text.ptr + ID_AT, place->pool);
        }
    }
    if (is_last) {
        argv[argc++] = CG_STR("0");
        argv[argc++] = CG_STR(MADE);
    }
    return argc > 2 ? ask(place->ring, argv, argc, &reply, err, place->pool)
                    : APR_SUCCESS;
}

static apr_status_t make_index(cg_keyexpiry_t *round, cg_keyring_t *ring,
                               cg_error_t *err, apr_pool_t *pool)
{
    place_t place = {ring, pool};
    cg_reply_t members;
    apr_status_t rv = next_members(&place, round->cursor, &members, err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    bool is_last = members.count < INDEX_PAGE;
    cg_reply_t *replies =
        apr_pcalloc(pool, (members.count + 1) * sizeof *replies);
    rv = read_ends(&place, &members, replies, err);
    if (rv == APR_SUCCESS) {
        rv = add_page(&place, &members, replies, is_last, err);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    apr_cpystrn(round->cursor,
                is_last ? "" : members.items[members.count - 1].text.ptr,
                sizeof round->cursor);
    round->is_index_made = is_last;
    return APR_SUCCESS;
}

/* ---- telling ------------------------------------------------------------------- */

/* Asks for the first place among those who tell; the answers are in order. */
static apr_status_t take_turns(cg_keyring_t *ring,
                               const apr_array_header_t *keys, apr_time_t now,
                               cg_reply_t *replies, cg_error_t *err,
                               apr_pool_t *pool)
{
    char day[25];
    cg_clock_rfc3339(now, day);
    cg_str_t part = {day, 10};
    cg_str_t set = cg_keys_make(CG_KEYS_KEY_WARNED, &part, 1, pool);
    size_t count = (size_t)keys->nelts;
    cg_store_command_t *commands =
        apr_pcalloc(pool, (count + 1) * sizeof *commands);
    for (size_t i = 0; i < count; i++) {
        cg_str_t *argv = apr_palloc(pool, 3 * sizeof *argv);
        argv[0] = CG_STR("SADD");
        argv[1] = set;
        argv[2] = cg_str(APR_ARRAY_IDX(keys, (int)i, cg_key_t).id);
        commands[i] = (cg_store_command_t){argv, 3};
    }
    cg_str_t expire[] = {CG_STR("EXPIRE"), set, CG_STR(WARNED_SECONDS)};
    commands[count] = (cg_store_command_t){expire, 3};
    return cg_store_pipeline(ring->store, commands, count + 1, replies, err,
                             pool);
}

static apr_status_t tell_page(cg_keyexpiry_t *round, cg_keyring_t *ring,
                              apr_time_t now,
                              void (*on_key)(void *baton, const cg_key_t *key),
                              void *baton, cg_error_t *err, apr_pool_t *pool)
{
    apr_array_header_t *keys;
    const char *next;
    cg_key_filter_t soon = {.expires_before = now + CG_KEY_EXPIRES_SOON};
    apr_status_t rv = cg_apikey_find(ring, &soon, now,
                                     round->cursor[0] ? round->cursor : NULL,
                                     PAGE, &keys, &next, err, pool);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    cg_reply_t *replies =
        apr_pcalloc(pool, ((size_t)keys->nelts + 1) * sizeof *replies);
    rv = keys->nelts ? take_turns(ring, keys, now, replies, err, pool)
                     : APR_SUCCESS;
    if (rv != APR_SUCCESS) {
        return rv;
    }
    for (int i = 0; i < keys->nelts; i++) {
        if (replies[i].kind == CG_REPLY_INT && replies[i].number == 1) {
            on_key(baton, &APR_ARRAY_IDX(keys, i, cg_key_t));
        }
    }
    round->seen += keys->nelts;
    apr_cpystrn(round->cursor, next ? next : "", sizeof round->cursor);
    return APR_SUCCESS;
}

apr_status_t cg_keyexpiry_step(cg_keyexpiry_t *round, cg_keyring_t *ring,
                               apr_time_t now,
                               void (*on_key)(void *baton, const cg_key_t *key),
                               void *baton, int64_t *out_count, cg_error_t *err,
                               apr_pool_t *pool)
{
    *out_count = -1;
    if (!round->is_going && now < round->next_at) {
        return APR_SUCCESS;
    }
    if (!round->is_going) {
        round->is_going = true;
        round->next_at = now + CG_KEYEXPIRY_EACH;
        round->seen = 0;
        round->cursor[0] = '\0';
        apr_status_t rv = look_for_index(round, ring, err, pool);
        if (rv != APR_SUCCESS) {
            round->is_going = false;
            return rv;
        }
    }
    if (!round->is_index_made) {
        return make_index(round, ring, err, pool);
    }
    apr_status_t rv = tell_page(round, ring, now, on_key, baton, err, pool);
    round->is_going = rv == APR_SUCCESS && round->cursor[0];
    if (rv == APR_SUCCESS && !round->is_going) {
        *out_count = round->seen;
    }
    return rv;
}
