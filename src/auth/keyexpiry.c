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
#define MADE "made" /* a member of the index that is no key; sorts last */

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

/* Puts the keys of a page into the index; after the last one the mark that the
 * index is whole. */
static apr_status_t add_page(cg_keyring_t *ring, const apr_array_header_t *keys,
                             bool is_last, cg_error_t *err, apr_pool_t *pool)
{
    cg_str_t *argv =
        apr_palloc(pool, (size_t)(keys->nelts * 2 + 4) * sizeof *argv);
    size_t argc = 2;
    cg_reply_t reply;
    argv[0] = CG_STR("ZADD");
    argv[1] = cg_keys_make(CG_KEYS_KEY_EXPIRY, NULL, 0, pool);
    for (int i = 0; i < keys->nelts; i++) {
        const cg_key_t *key = &APR_ARRAY_IDX(keys, i, cg_key_t);
        if (key->expires_at && key->state != CG_KEY_STATE_REVOKED) {
            argv[argc++] = CG_STR("0");
            argv[argc++] = cg_keyring_member(key->expires_at, key->id, pool);
        }
    }
    if (is_last) {
        argv[argc++] = CG_STR("0");
        argv[argc++] = CG_STR(MADE);
    }
    return argc > 2 ? ask(ring, argv, argc, &reply, err, pool) : APR_SUCCESS;
}

static apr_status_t make_index(cg_keyexpiry_t *round, cg_keyring_t *ring,
                               cg_error_t *err, apr_pool_t *pool)
{
    apr_array_header_t *keys;
    const char *next;
    apr_status_t rv =
        cg_apikey_list(ring, round->cursor[0] ? round->cursor : NULL,
                       INDEX_PAGE, &keys, &next, err, pool);
    if (rv == APR_SUCCESS) {
        rv = add_page(ring, keys, !next, err, pool);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    apr_cpystrn(round->cursor, next ? next : "", sizeof round->cursor);
    round->is_index_made = !next;
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
