/* Signing keys, for an operator: one, or page by page, and when each was used last.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include <apr_strings.h>

#include "auth/signkey_int.h"
#include "store/keys.h"

#define TIME_DIGITS 20 /* in front of an id in the index: signkey_admin.c */

static apr_time_t used_at(const cg_reply_t *reply)
{
    int64_t micros = 0;
    bool is_known =
        reply->kind == CG_REPLY_TEXT && cg_parse_count(reply->text, &micros);
    return is_known ? micros : 0;
}

/* Records and when each was used last, in one round trip; what is no record is
 * left out. */
static apr_status_t fetch_all(cg_signring_t *ring, const char *const *ids,
                              size_t count, apr_array_header_t *out,
                              cg_error_t *err, apr_pool_t *pool)
{
    cg_store_command_t *commands =
        apr_pcalloc(pool, (2 * count + 1) * sizeof *commands);
    cg_reply_t *replies = apr_pcalloc(pool, (2 * count + 1) * sizeof *replies);
    for (size_t i = 0; i < count; i++) {
        cg_str_t id = cg_str(ids[i]);
        cg_str_t *argv = apr_palloc(pool, 4 * sizeof *argv);
        argv[0] = CG_STR("HGETALL");
        argv[1] = cg_keys_make(CG_KEYS_SIGNKEY, &id, 1, pool);
        argv[2] = CG_STR("GET");
        argv[3] = cg_keys_make(CG_KEYS_SIGNED, &id, 1, pool);
        commands[2 * i] = (cg_store_command_t){argv, 2};
        commands[2 * i + 1] = (cg_store_command_t){argv + 2, 2};
    }
    apr_status_t rv =
        cg_store_pipeline(ring->store, commands, 2 * count, replies, err, pool);
    for (size_t i = 0; i < count && rv == APR_SUCCESS; i++) {
        cg_signkey_t key;
        if (cg_signkey_read(&replies[2 * i], ids[i], &key, NULL) ==
            APR_SUCCESS) {
            key.last_used_at = used_at(&replies[2 * i + 1]);
            APR_ARRAY_PUSH(out, cg_signkey_t) = key;
        }
    }
    return rv;
}

static bool is_cursor(const char *cursor)
{
    return strspn(cursor, "0123456789") == TIME_DIGITS &&
           cursor[TIME_DIGITS] == ':' &&
           cg_signkey_is_id(cg_str(cursor + TIME_DIGITS + 1));
}

apr_status_t cg_signkey_list(cg_signring_t *ring, const char *cursor, int limit,
                             apr_array_header_t **out, const char **out_next,
                             cg_error_t *err, apr_pool_t *pool)
{
    *out = apr_array_make(pool, 16, sizeof(cg_signkey_t));
    *out_next = NULL;
    if (limit < 1 || limit > CG_SIGNKEY_LIST_MAX ||
        (cursor && !is_cursor(cursor))) {
        cg_error_set(err,
                     "a page has 1 to %d signing keys, and a cursor is what "
                     "the page before gave",
                     CG_SIGNKEY_LIST_MAX);
        return APR_EINVAL;
    }
    cg_str_t argv[] = {
        CG_STR("ZREVRANGEBYLEX"),
        cg_keys_make(CG_KEYS_SIGNKEY_INDEX, NULL, 0, pool),
        cg_str(cursor ? apr_pstrcat(pool, "(", cursor, NULL) : "+"),
        CG_STR("-"),
        CG_STR("LIMIT"),
        CG_STR("0"),
        cg_str(apr_itoa(pool, limit + 1))};
    cg_reply_t members;
    apr_status_t rv = cg_store_call(ring->store, argv, 7, &members, err, pool);
    if (rv != APR_SUCCESS || members.kind != CG_REPLY_ARRAY) {
        return rv != APR_SUCCESS ? rv : APR_EGENERAL;
    }
    if (members.count > (size_t)limit) {
        members.count = (size_t)limit;
        *out_next = members.items[limit - 1].text.ptr;
    }
    const char **ids = apr_palloc(pool, (members.count + 1) * sizeof *ids);
    size_t count = 0;
    for (size_t i = 0; i < members.count; i++) {
        if (is_cursor(members.items[i].text.ptr)) {
            ids[count] = members.items[i].text.ptr + TIME_DIGITS + 1;
            count++;
        }
    }
    return fetch_all(ring, ids, count, *out, err, pool);
}

apr_status_t cg_signkey_get(cg_signring_t *ring, const char *id,
                            cg_signkey_t *out, cg_error_t *err,
                            apr_pool_t *pool)
{
    apr_array_header_t *found = apr_array_make(pool, 1, sizeof(cg_signkey_t));
    apr_status_t rv = fetch_all(ring, &id, 1, found, err, pool);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (found->nelts == 0) {
        cg_error_set(err, "there is no signing key with this id");
        return APR_NOTFOUND;
    }
    *out = APR_ARRAY_IDX(found, 0, cg_signkey_t);
    return APR_SUCCESS;
}
