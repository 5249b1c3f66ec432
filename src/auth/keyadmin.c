/* API keys, for an operator: create, list, change, rotate, revoke.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A change is one script: it compares the version, writes the fields and
 * publishes the id. Each change carries a random mark, so that the same change
 * sent twice (an answer was lost) is done once. The index by time is a key of
 * its own, in another slot of a cluster: it is written before the hash, and an
 * entry without a hash is passed over by list.
 */
#include <string.h>

#include <apr_strings.h>

#include "auth/apikey.h"
#include "auth/apikey_int.h"
#include "auth/keyrecord.h"
#include "auth/keyspell.h"
#include "base/digest.h"
#include "store/keys.h"

#define TRIES 5
#define LIST_MAX 500
#define PREFIX_LEN 11 /* vk_ and the id */

enum { SAVED = 1, NOT_THERE = 0, ALREADY_THERE = -1, OTHER_VERSION = -2 };

/* KEYS: the hash. ARGV: id, version before (0: must not exist), mark, channel,
 * then fields and values. */
const char cg_keyadmin_save[] =
    "local have = redis.call('HGET', KEYS[1], 'version')\n"
    "if redis.call('HGET', KEYS[1], 'mark') == ARGV[3] then return 1 end\n"
    "if ARGV[2] == '0' and have then return -1 end\n"
    "if ARGV[2] ~= '0' and not have then return 0 end\n"
    "if have and have ~= ARGV[2] then return -2 end\n"
    "redis.call('HSET', KEYS[1], 'mark', ARGV[3], unpack(ARGV, 5))\n"
    "redis.call('PUBLISH', ARGV[4], ARGV[1])\n"
    "return 1\n";

static apr_status_t status_of(int64_t answer, const char *id, cg_error_t *err)
{
    if (answer == SAVED) {
        return APR_SUCCESS;
    }
    if (answer == NOT_THERE) {
        cg_error_set(err, "there is no key with the id %.16s", id);
        return APR_NOTFOUND;
    }
    if (answer == OTHER_VERSION) {
        cg_error_set(err, "the key %.16s was changed meanwhile; read it again",
                     id);
        return APR_EMISMATCH;
    }
    return APR_EEXIST;
}

/* Writes key in place of version before; key->version becomes the next. */
static apr_status_t save(cg_keyring_t *ring, cg_key_t *key, int64_t before,
                         cg_error_t *err, apr_pool_t *pool)
{
    cg_str_t args[4 + 2 * CG_KEYRECORD_FIELDS];
    unsigned char dice[12];
    char mark[2 * sizeof dice + 1];
    cg_str_t id = cg_str(key->id);
    cg_str_t hash = cg_keys_make(CG_KEYS_KEY, &id, 1, pool);
    cg_reply_t reply;
    cg_random(dice, sizeof dice);
    cg_hex_encode(dice, sizeof dice, mark);
    key->version = before + 1;
    args[0] = id;
    args[1] = cg_str(apr_psprintf(pool, "%" APR_INT64_T_FMT, before));
    args[2] = cg_str(mark);
    args[3] = CG_STR(CG_KEY_CHANNEL);
    size_t count = 4 + cg_keyrecord_write(key, args + 4, pool);
    apr_status_t rv = cg_store_script(ring->store, &ring->save, &hash, 1, args,
                                      count, &reply, err, pool);
    cg_keyring_forget(ring, key->id);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (reply.kind != CG_REPLY_INT) {
        cg_error_set(err, "the script that saves a key failed: %.200s",
                     reply.text.ptr ? reply.text.ptr : "no number came back");
        return APR_EGENERAL;
    }
    return status_of(reply.number, key->id, err);
}

/* Members of the index sort by time, then id: "00001764024511042000:k3n7w2px".
 */
static const char *index_member(const cg_key_t *key, apr_pool_t *pool)
{
    return apr_psprintf(pool, "%020" APR_INT64_T_FMT ":%s", key->created_at,
                        key->id);
}

static apr_status_t add_to_index(cg_keyring_t *ring, const cg_key_t *key,
                                 cg_error_t *err, apr_pool_t *pool)
{
    cg_str_t argv[] = {CG_STR("ZADD"),
                       cg_keys_make(CG_KEYS_KEY_INDEX, NULL, 0, pool),
                       CG_STR("0"), cg_str(index_member(key, pool))};
    cg_reply_t reply;
    apr_status_t rv = cg_store_call(ring->store, argv, 4, &reply, err, pool);
    if (rv == APR_SUCCESS && reply.kind == CG_REPLY_ERROR) {
        cg_error_set(err, "the index of keys cannot be written: %.200s",
                     reply.text.ptr);
        return APR_EGENERAL;
    }
    return rv;
}

/* What an operator may say about a key. */
static void copy_wanted(cg_key_t *to, const cg_key_t *from)
{
    memcpy(to->name, from->name, sizeof to->name);
    memcpy(to->owner, from->owner, sizeof to->owner);
    memcpy(to->user, from->user, sizeof to->user);
    memcpy(to->team, from->team, sizeof to->team);
    memcpy(to->models, from->models, sizeof to->models);
    memcpy(to->redact, from->redact, sizeof to->redact);
    memcpy(to->limits, from->limits, sizeof to->limits);
    to->limits_count = from->limits_count;
    to->state = from->state;
    to->expires_at = from->expires_at;
}

/* Gives key a new secret, and an id if it has none. */
static void issue(cg_keyring_t *ring, cg_key_t *key,
                  char out_spelled[CG_KEY_SPELLED_LEN + 1])
{
    cg_key_parts_t parts = {.id = ""};
    memcpy(parts.id, key->id, sizeof parts.id);
    cg_keyspell_make(&parts);
    cg_keyspell_write(&parts, out_spelled);
    cg_pepper_digest(ring->pepper, parts.secret, sizeof parts.secret,
                     key->digest);
    cg_wipe(&parts, sizeof parts);
    memcpy(key->id, out_spelled + 3, CG_KEY_ID_LEN);
    apr_cpystrn(key->prefix, out_spelled, PREFIX_LEN + 1);
    apr_cpystrn(key->last4, out_spelled + CG_KEY_SPELLED_LEN - 4, 5);
}

apr_status_t cg_apikey_create(cg_keyring_t *ring, const cg_key_t *wanted,
                              apr_time_t now, cg_key_t *out,
                              char out_spelled[CG_KEY_SPELLED_LEN + 1],
                              cg_error_t *err, apr_pool_t *pool)
{
    apr_status_t rv = APR_EEXIST;
    if (!cg_key_check(wanted, err)) {
        return APR_EINVAL;
    }
    for (int i = 0; i < TRIES && rv == APR_EEXIST; i++) {
        memset(out, 0, sizeof *out);
        copy_wanted(out, wanted);
        out->created_at = now - now % 1000; /* as it is written */
        issue(ring, out, out_spelled);
        rv = add_to_index(ring, out, err, pool);
        if (rv == APR_SUCCESS) {
            rv = save(ring, out, 0, err, pool);
        }
    }
    if (rv != APR_SUCCESS) {
        cg_wipe(out_spelled, CG_KEY_SPELLED_LEN + 1);
    }
    return rv;
}

apr_status_t cg_apikey_get(cg_keyring_t *ring, const char *id, cg_key_t *out,
                           cg_error_t *err, apr_pool_t *pool)
{
    if (!cg_keyspell_is_id(cg_str(id))) {
        cg_error_set(err, "an id of a key has %d characters", CG_KEY_ID_LEN);
        return APR_NOTFOUND;
    }
    return cg_keyring_fetch(ring, id, out, err, pool);
}

apr_status_t cg_apikey_update(cg_keyring_t *ring, const cg_key_t *wanted,
                              cg_key_t *out, cg_error_t *err, apr_pool_t *pool)
{
    cg_key_t given = *wanted; /* wanted and out may be the same */
    if (!cg_key_check(&given, err)) {
        return APR_EINVAL;
    }
    apr_status_t rv = cg_apikey_get(ring, given.id, out, err, pool);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (out->version != given.version) {
        return status_of(OTHER_VERSION, out->id, err);
    }
    if (out->state == CG_KEY_STATE_REVOKED) {
        cg_error_set(err, "the key %.16s is revoked for good; create another",
                     out->id);
        return APR_EINVAL;
    }
    copy_wanted(out, &given);
    return save(ring, out, given.version, err, pool);
}

/* Reads, changes and saves; anew when somebody was faster. */
static apr_status_t change(cg_keyring_t *ring, const char *id,
                           bool (*apply)(cg_keyring_t *ring, cg_key_t *key,
                                         char *out_spelled, cg_error_t *err),
                           cg_key_t *out, char *out_spelled, cg_error_t *err,
                           apr_pool_t *pool)
{
    apr_status_t rv = APR_EMISMATCH;
    id = apr_pstrdup(pool, id); /* it may be out's own */
    for (int i = 0; i < TRIES && rv == APR_EMISMATCH; i++) {
        rv = cg_apikey_get(ring, id, out, err, pool);
        if (rv != APR_SUCCESS) {
            return rv;
        }
        if (!apply(ring, out, out_spelled, err)) {
            return APR_EINVAL;
        }
        rv = save(ring, out, out->version, err, pool);
    }
    return rv;
}

static bool apply_revoke(cg_keyring_t *ring, cg_key_t *key, char *out_spelled,
                         cg_error_t *err)
{
    (void)ring;
    (void)out_spelled;
    (void)err;
    key->state = CG_KEY_STATE_REVOKED;
    return true;
}

static bool apply_rotate(cg_keyring_t *ring, cg_key_t *key, char *out_spelled,
                         cg_error_t *err)
{
    if (key->state == CG_KEY_STATE_REVOKED) {
        cg_error_set(err, "the key %.16s is revoked for good; create another",
                     key->id);
        return false;
    }
    issue(ring, key, out_spelled);
    return true;
}

apr_status_t cg_apikey_revoke(cg_keyring_t *ring, const char *id, cg_key_t *out,
                              cg_error_t *err, apr_pool_t *pool)
{
    return change(ring, id, apply_revoke, out, NULL, err, pool);
}

apr_status_t cg_apikey_rotate(cg_keyring_t *ring, const char *id, cg_key_t *out,
                              char out_spelled[CG_KEY_SPELLED_LEN + 1],
                              cg_error_t *err, apr_pool_t *pool)
{
    return change(ring, id, apply_rotate, out, out_spelled, err, pool);
}

/* ---- listing ----------------------------------------------------------- */

static bool is_cursor(const char *cursor)
{
    size_t digits = strspn(cursor, "0123456789");
    return digits == 20 && cursor[20] == ':' &&
           cg_keyspell_is_id(cg_str(cursor + 21));
}

static apr_status_t list_members(cg_keyring_t *ring, const char *cursor,
                                 int limit, cg_reply_t *out, cg_error_t *err,
                                 apr_pool_t *pool)
{
    cg_str_t argv[] = {
        CG_STR("ZREVRANGEBYLEX"),
        cg_keys_make(CG_KEYS_KEY_INDEX, NULL, 0, pool),
        cg_str(cursor ? apr_pstrcat(pool, "(", cursor, NULL) : "+"),
        CG_STR("-"),
        CG_STR("LIMIT"),
        CG_STR("0"),
        cg_str(apr_itoa(pool, limit))};
    apr_status_t rv = cg_store_call(ring->store, argv, 7, out, err, pool);
    if (rv == APR_SUCCESS && out->kind != CG_REPLY_ARRAY) {
        cg_error_set(err, "the index of keys cannot be read: %.200s",
                     out->text.ptr ? out->text.ptr : "no list came back");
        return APR_EGENERAL;
    }
    return rv;
}

static apr_status_t fetch_members(cg_keyring_t *ring, const cg_reply_t *members,
                                  apr_array_header_t *keys, cg_error_t *err,
                                  apr_pool_t *pool)
{
    size_t count = members->count;
    cg_store_command_t *commands =
        apr_pcalloc(pool, sizeof *commands * (count + 1));
    cg_reply_t *replies = apr_pcalloc(pool, sizeof *replies * (count + 1));
    for (size_t i = 0; i < count; i++) {
        const char *member = members->items[i].text.ptr;
        cg_str_t id = cg_str(is_cursor(member) ? member + 21 : "");
        cg_str_t *argv = apr_palloc(pool, 2 * sizeof *argv);
        argv[0] = CG_STR("HGETALL");
        argv[1] = cg_keys_make(CG_KEYS_KEY, &id, 1, pool);
        commands[i] = (cg_store_command_t){argv, 2};
    }
    apr_status_t rv =
        cg_store_pipeline(ring->store, commands, count, replies, err, pool);
    for (size_t i = 0; i < count && rv == APR_SUCCESS; i++) {
        cg_key_t key;
        const char *member = members->items[i].text.ptr;
        if (is_cursor(member) && cg_keyrecord_read(&replies[i], member + 21,
                                                   &key, NULL) == APR_SUCCESS) {
            APR_ARRAY_PUSH(keys, cg_key_t) = key;
        }
    }
    return rv;
}

apr_status_t cg_apikey_list(cg_keyring_t *ring, const char *cursor, int limit,
                            apr_array_header_t **out, const char **out_next,
                            cg_error_t *err, apr_pool_t *pool)
{
    cg_reply_t members;
    if (limit < 1 || limit > LIST_MAX || (cursor && !is_cursor(cursor))) {
        cg_error_set(err,
                     "a page has 1 to %d keys, and a cursor is what the page "
                     "before gave",
                     LIST_MAX);
        return APR_EINVAL;
    }
    *out = apr_array_make(pool, limit, sizeof(cg_key_t));
    *out_next = NULL;
    apr_status_t rv =
        list_members(ring, cursor, limit + 1, &members, err, pool);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (members.count > (size_t)limit) {
        members.count = (size_t)limit;
        *out_next = members.items[limit - 1].text.ptr;
    }
    return fetch_members(ring, &members, *out, err, pool);
}
