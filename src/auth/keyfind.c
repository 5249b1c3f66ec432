/* Finding keys: pages of all, or of those that a filter lets through.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Two indexes lead to the keys, by time of creation and by expiry; the members
 * of both sort by themselves ("00001764024511042000:k3n7w2px"). A cursor is the
 * member where the page before ended, of the second with an "e" before it. A
 * million keys are looked through in steps: one call reads at most SCANNED_MAX.
 */
#include "auth/keyfind.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "auth/apikey_int.h"
#include "auth/keyplace.h"
#include "auth/keyrecord.h"
#include "auth/keyspell.h"
#include "store/keys.h"

#define LIST_MAX 500
#define CHUNK 500
#define SCANNED_MAX 5000

bool cg_keyring_is_member(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    return digits == 20 && text[20] == ':' &&
           cg_keyspell_is_id(cg_str(text + 21));
}

/* ---- reading keys ----------------------------------------------------------- */

apr_status_t cg_keyring_fetch_all(cg_keyring_t *ring, const char *const *ids,
                                  size_t count, apr_array_header_t *out,
                                  cg_error_t *err, apr_pool_t *pool)
{
    cg_store_command_t *commands =
        apr_pcalloc(pool, sizeof *commands * (count + 1));
    cg_reply_t *replies = apr_pcalloc(pool, sizeof *replies * (count + 1));
    for (size_t i = 0; i < count; i++) {
        cg_str_t id = cg_str(ids[i]);
        cg_str_t *argv = apr_palloc(pool, 2 * sizeof *argv);
        argv[0] = CG_STR("HGETALL");
        argv[1] = cg_keys_make(CG_KEYS_KEY, &id, 1, pool);
        commands[i] = (cg_store_command_t){argv, 2};
    }
    apr_status_t rv =
        cg_store_pipeline(ring->store, commands, count, replies, err, pool);
    for (size_t i = 0; i < count && rv == APR_SUCCESS; i++) {
        cg_key_t key;
        if (cg_keyrecord_read(&replies[i], ids[i], &key, NULL) == APR_SUCCESS) {
            APR_ARRAY_PUSH(out, cg_key_t) = key;
        }
    }
    return rv;
}

/* ---- the filter --------------------------------------------------------------- */

static bool holds(const char *text, const char *part)
{
    size_t len = strlen(part);
    for (; *text; text++) {
        size_t i = 0;
        while (i < len && text[i] &&
               apr_tolower(text[i]) == apr_tolower(part[i])) {
            i++;
        }
        if (i == len) {
            return true;
        }
    }
    return len == 0;
}

static bool is_wanted(const cg_key_t *key, const cg_key_filter_t *filter,
                      apr_time_t now)
{
    const char *q = filter->q;
    if (filter->state &&
        strcmp(filter->state, cg_key_state_at(key, now)) != 0) {
        return false;
    }
    if ((filter->team && strcmp(filter->team, key->team) != 0) ||
        (filter->user && strcmp(filter->user, key->user) != 0) ||
        (filter->tag && !cg_key_has_tag(key, cg_str(filter->tag)))) {
        return false;
    }
    if (filter->expires_before &&
        (key->state == CG_KEY_STATE_REVOKED || key->expires_at <= now ||
         key->expires_at >= filter->expires_before)) {
        return false;
    }
    return !q || holds(key->id, q) || holds(key->name, q) ||
           holds(key->owner, q) || holds(key->user, q) || holds(key->team, q) ||
           holds(key->prefix, q);
}

/* ---- the indexes --------------------------------------------------------------- */

/* One walk through an index. lives in: the call's pool */
typedef struct walk_t {
    cg_keyring_t *ring;
    const cg_key_filter_t *filter;
    apr_time_t now;
    const char *cursor; /* of what was looked at last; NULL: nothing yet */
    bool is_at_end;
    apr_pool_t *pool;
} walk_t;

static bool is_cursor(const char *cursor, const cg_key_filter_t *filter)
{
    return filter->expires_before
               ? cursor[0] == 'e' && cg_keyring_is_member(cursor + 1)
               : cg_keyring_is_member(cursor);
}

static apr_status_t ask_index(walk_t *walk, const cg_str_t *argv, size_t argc,
                              cg_reply_t *out, cg_error_t *err)
{
    apr_status_t rv =
        cg_store_call(walk->ring->store, argv, argc, out, err, walk->pool);
    if (rv == APR_SUCCESS && out->kind != CG_REPLY_ARRAY) {
        cg_error_set(err, "the index of keys cannot be read: %.200s",
                     out->text.ptr ? out->text.ptr : "no list came back");
        return APR_EGENERAL;
    }
    return rv;
}

/* Members behind the walk's cursor. */
static apr_status_t next_members(walk_t *walk, int count,
                                 apr_array_header_t *members, cg_error_t *err)
{
    apr_pool_t *pool = walk->pool;
    bool by_expiry = walk->filter->expires_before != 0;
    const char *start =
        by_expiry ? cg_keyring_member(walk->now, "", pool).ptr : NULL;
    const char *end =
        by_expiry
            ? cg_keyring_member(walk->filter->expires_before, "", pool).ptr
            : NULL;
    const char *first = by_expiry ? apr_pstrcat(pool, "[", start, NULL) : "+";
    cg_reply_t reply;
    cg_str_t argv[] = {
        by_expiry ? CG_STR("ZRANGEBYLEX") : CG_STR("ZREVRANGEBYLEX"),
        cg_keys_make(by_expiry ? CG_KEYS_KEY_EXPIRY : CG_KEYS_KEY_INDEX, NULL,
                     0, pool),
        cg_str(walk->cursor ? apr_pstrcat(pool, "(", walk->cursor, NULL)
                            : first),
        cg_str(by_expiry ? apr_pstrcat(pool, "(", end, NULL) : "-"),
        CG_STR("LIMIT"),
        CG_STR("0"),
        cg_str(apr_itoa(pool, count))};
    apr_status_t rv = ask_index(walk, argv, 7, &reply, err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    walk->is_at_end = reply.count < (size_t)count;
    for (size_t i = 0; i < reply.count; i++) {
        if (cg_keyring_is_member(reply.items[i].text.ptr)) {
            APR_ARRAY_PUSH(members, const char *) = reply.items[i].text.ptr;
        }
    }
    return rv;
}

/* ---- a page ---------------------------------------------------------------------- */

/* Is this the key's place? One that it has left, or that was taken for another
 * key whose id was not free, tells nothing. */
static bool is_its_place(const walk_t *walk, const cg_key_t *key,
                         const char *member)
{
    int64_t at = 0;
    apr_time_t place =
        walk->filter->expires_before ? key->expires_at : key->created_at;
    return cg_parse_count((cg_str_t){member, 20}, &at) && at == place;
}

static apr_status_t fetch_chunk(walk_t *walk, int count,
                                apr_array_header_t *members,
                                apr_array_header_t *keys, cg_error_t *err)
{
    apr_array_header_t *ids = apr_array_make(walk->pool, count, sizeof(char *));
    apr_status_t rv = next_members(walk, count, members, err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    for (int i = 0; i < members->nelts; i++) {
        APR_ARRAY_PUSH(ids, const char *) =
            APR_ARRAY_IDX(members, i, const char *) + 21;
    }
    return cg_keyring_fetch_all(walk->ring, (const char *const *)ids->elts,
                                (size_t)ids->nelts, keys, err, walk->pool);
}

/* Adds what fits of one chunk. */
static apr_status_t take_chunk(walk_t *walk, int count, int limit,
                               apr_array_header_t *out, int *out_looked,
                               cg_error_t *err)
{
    apr_array_header_t *members =
        apr_array_make(walk->pool, count, sizeof(char *));
    apr_array_header_t *keys =
        apr_array_make(walk->pool, count, sizeof(cg_key_t));
    apr_status_t rv = fetch_chunk(walk, count, members, keys, err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    *out_looked = members->nelts;
    /* keys are in the order of members, some left out. */
    for (int i = 0, k = 0; i < members->nelts; i++) {
        const char *member = APR_ARRAY_IDX(members, i, const char *);
        const cg_key_t *key = &APR_ARRAY_IDX(keys, k, cg_key_t);
        bool is_there = k < keys->nelts && strcmp(key->id, member + 21) == 0;
        k += is_there;
        if (is_there && is_its_place(walk, key, member) &&
            is_wanted(key, walk->filter, walk->now)) {
            if (out->nelts == limit) {
                walk->is_at_end = false;
                return APR_SUCCESS;
            }
            APR_ARRAY_PUSH(out, cg_key_t) = *key;
        }
        walk->cursor = member;
    }
    return APR_SUCCESS;
}

static bool has_filter(const cg_key_filter_t *filter)
{
    return filter->state || filter->team || filter->user || filter->tag ||
           filter->q || filter->expires_before;
}

apr_status_t cg_apikey_find(cg_keyring_t *ring, const cg_key_filter_t *filter,
                            apr_time_t now, const char *cursor, int limit,
                            apr_array_header_t **out, const char **out_next,
                            cg_error_t *err, apr_pool_t *pool)
{
    if (limit < 1 || limit > LIST_MAX ||
        (cursor && !is_cursor(cursor, filter))) {
        cg_error_set(err,
                     "a page has 1 to %d keys, and a cursor is what the page "
                     "before gave",
                     LIST_MAX);
        return APR_EINVAL;
    }
    walk_t walk = {.ring = ring,
                   .filter = filter,
                   .now = now,
                   .cursor =
                       cursor && filter->expires_before ? cursor + 1 : cursor,
                   .pool = pool};
    *out = apr_array_make(pool, limit, sizeof(cg_key_t));
    *out_next = NULL;
    /* One more than the page tells whether there is another. */
    int count = has_filter(filter) ? CHUNK : limit + 1;
    bool is_full = false;
    for (int scanned = 0;
         scanned < SCANNED_MAX && !walk.is_at_end && !is_full;) {
        int looked = 0;
        apr_status_t rv = take_chunk(&walk, count, limit, *out, &looked, err);
        if (rv != APR_SUCCESS) {
            return rv;
        }
        scanned += looked > 0 ? looked : 1;
        is_full = (*out)->nelts == limit;
    }
    if (!walk.is_at_end) {
        *out_next = filter->expires_before
                        ? apr_pstrcat(pool, "e", walk.cursor, NULL)
                        : walk.cursor;
    }
    return APR_SUCCESS;
}

apr_status_t cg_apikey_list(cg_keyring_t *ring, const char *cursor, int limit,
                            apr_array_header_t **out, const char **out_next,
                            cg_error_t *err, apr_pool_t *pool)
{
    cg_key_filter_t all = {.state = NULL};
    return cg_apikey_find(ring, &all, 0, cursor, limit, out, out_next, err,
                          pool);
}
