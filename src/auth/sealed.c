/* The records that hold a sealed text: which they are, and how they are wrapped
 * anew when the master key changes.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "auth/sealed.h"

#include <string.h>

#include "store/keys.h"

#define PAGE CG_STR("200")

/* KEYS: the hash. ARGV: the text as it was, and as it shall be. Twice is once. */
static const char exchange[] =
    "local have = redis.call('HGET', KEYS[1], '" CG_SEALED_FIELD "')\n"
    "if have == ARGV[2] then return 1 end\n"
    "if have ~= ARGV[1] then return 0 end\n"
    "redis.call('HSET', KEYS[1], '" CG_SEALED_FIELD "', ARGV[2])\n"
    "return 1\n";

static apr_status_t odd(const cg_reply_t *reply, const char *what,
                        cg_error_t *err)
{
    cg_error_set(err, "%s: %.200s", what,
                 reply->kind == CG_REPLY_ERROR ? reply->text.ptr
                                               : "an odd answer came back");
    return APR_EGENERAL;
}

apr_status_t cg_sealed_note(cg_store_t *store, cg_str_t key, cg_error_t *err,
                            apr_pool_t *pool)
{
    cg_str_t argv[] = {CG_STR("SADD"),
                       cg_keys_make(CG_KEYS_SEALED, NULL, 0, pool), key};
    cg_reply_t reply;
    apr_status_t rv = cg_store_call(store, argv, 3, &reply, err, pool);
    if (rv == APR_SUCCESS && reply.kind != CG_REPLY_INT) {
        return odd(&reply, "the list of sealed records cannot be written", err);
    }
    return rv;
}

static apr_status_t scan(cg_store_t *store, const char *cursor, cg_reply_t *out,
                         cg_error_t *err, apr_pool_t *pool)
{
    cg_str_t argv[] = {CG_STR("SSCAN"),
                       cg_keys_make(CG_KEYS_SEALED, NULL, 0, pool),
                       cg_str(cursor), CG_STR("COUNT"), PAGE};
    apr_status_t rv = cg_store_call(store, argv, 5, out, err, pool);
    if (rv == APR_SUCCESS && (out->kind != CG_REPLY_ARRAY || out->count != 2 ||
                              out->items[0].kind != CG_REPLY_TEXT ||
                              out->items[1].kind != CG_REPLY_ARRAY)) {
        return odd(out, "the list of sealed records cannot be read", err);
    }
    return rv;
}

static apr_status_t fetch(cg_store_t *store, const cg_reply_t *names,
                          apr_array_header_t *to, cg_error_t *err,
                          apr_pool_t *pool)
{
    cg_store_command_t *commands =
        apr_pcalloc(pool, (names->count + 1) * sizeof *commands);
    cg_reply_t *replies =
        apr_pcalloc(pool, (names->count + 1) * sizeof *replies);
    for (size_t i = 0; i < names->count; i++) {
        cg_str_t *argv = apr_palloc(pool, 3 * sizeof *argv);
        argv[0] = CG_STR("HGET");
        argv[1] = names->items[i].text;
        argv[2] = CG_STR(CG_SEALED_FIELD);
        commands[i] = (cg_store_command_t){argv, 3};
    }
    apr_status_t rv =
        cg_store_pipeline(store, commands, names->count, replies, err, pool);
    for (size_t i = 0; i < names->count && rv == APR_SUCCESS; i++) {
        if (replies[i].kind == CG_REPLY_TEXT && replies[i].text.len > 0) {
            APR_ARRAY_PUSH(to, cg_sealed_t) =
                (cg_sealed_t){names->items[i].text.ptr, replies[i].text};
        }
    }
    return rv;
}

apr_status_t cg_sealed_page(cg_store_t *store, const char *cursor,
                            apr_array_header_t **out, const char **out_next,
                            cg_error_t *err, apr_pool_t *pool)
{
    cg_reply_t page;
    *out = apr_array_make(pool, 64, sizeof(cg_sealed_t));
    *out_next = "0";
    apr_status_t rv = scan(store, cursor, &page, err, pool);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    *out_next = page.items[0].text.ptr;
    return page.items[1].count ? fetch(store, &page.items[1], *out, err, pool)
                               : APR_SUCCESS;
}

apr_status_t cg_sealed_rewrap(cg_store_t *store, const cg_sealer_t *sealer,
                              const cg_sealed_t *one, bool *out_changed,
                              cg_error_t *err, apr_pool_t *pool)
{
    const char *fresh;
    cg_script_t script;
    cg_reply_t reply;
    *out_changed = false;
    apr_status_t rv = cg_seal_rewrap(sealer, one->text, &fresh, err, pool);
    if (rv != APR_SUCCESS || cg_str_is(one->text, fresh)) {
        return rv;
    }
    cg_script_init(&script, "wrap a secret anew", exchange);
    cg_str_t key = cg_str(one->key);
    cg_str_t args[] = {one->text, cg_str(fresh)};
    rv = cg_store_script(store, &script, &key, 1, args, 2, &reply, err, pool);
    if (rv == APR_SUCCESS && reply.kind != CG_REPLY_INT) {
        return odd(&reply, "a sealed text cannot be exchanged", err);
    }
    *out_changed = rv == APR_SUCCESS && reply.number == 1;
    return rv;
}
