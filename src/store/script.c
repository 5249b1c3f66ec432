/* Scripts of store.h: run by digest, sent whole when the store does not know them.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The digest is computed here and not asked from the store, so that a script is
 * constant once made and threads may share it. SHA-1 is what EVALSHA wants; no
 * security hangs on it.
 */
#include "store/store.h"

#include <string.h>

#include <apr_sha1.h>
#include <apr_strings.h>

void cg_script_init(cg_script_t *script, const char *name, const char *source)
{
    unsigned char digest[APR_SHA1_DIGESTSIZE];
    apr_sha1_ctx_t ctx;
    apr_sha1_init(&ctx);
    apr_sha1_update_binary(&ctx, (const unsigned char *)source,
                           (unsigned)strlen(source));
    apr_sha1_final(digest, &ctx);
    script->name = name;
    script->source = source;
    cg_hex_encode(digest, sizeof digest, script->sha1);
}

static bool is_unknown(const cg_reply_t *reply)
{
    return reply->kind == CG_REPLY_ERROR &&
           cg_str_has_prefix(reply->text, "NOSCRIPT");
}

apr_status_t cg_store_script(cg_store_t *store, const cg_script_t *script,
                             const cg_str_t *keys, size_t keys_count,
                             const cg_str_t *args, size_t args_count,
                             cg_reply_t *out, cg_error_t *err, apr_pool_t *pool)
{
    size_t argc = 3 + keys_count + args_count;
    cg_str_t *argv = apr_palloc(pool, sizeof *argv * argc);
    argv[0] = CG_STR("EVALSHA");
    argv[1] = (cg_str_t){script->sha1, 40};
    argv[2] = cg_str(apr_itoa(pool, (int)keys_count));
    for (size_t i = 0; i < keys_count; i++) {
        argv[3 + i] = keys[i];
    }
    for (size_t i = 0; i < args_count; i++) {
        argv[3 + keys_count + i] = args[i];
    }
    apr_status_t rv = cg_store_call(store, argv, argc, out, err, pool);
    if (rv == APR_SUCCESS && is_unknown(out)) {
        argv[0] = CG_STR("EVAL");
        argv[1] = cg_str(script->source);
        rv = cg_store_call(store, argv, argc, out, err, pool);
    }
    return rv;
}
