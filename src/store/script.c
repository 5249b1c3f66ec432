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

static cg_store_command_t command_for(const cg_store_run_t *run,
                                      apr_pool_t *pool)
{
    size_t argc = 3 + run->keys_count + run->args_count;
    cg_str_t *argv = apr_palloc(pool, sizeof *argv * argc);
    argv[0] = CG_STR("EVALSHA");
    argv[1] = (cg_str_t){run->script->sha1, 40};
    argv[2] = cg_str(apr_itoa(pool, (int)run->keys_count));
    for (size_t i = 0; i < run->keys_count; i++) {
        argv[3 + i] = run->keys[i];
    }
    for (size_t i = 0; i < run->args_count; i++) {
        argv[3 + run->keys_count + i] = run->args[i];
    }
    return (cg_store_command_t){argv, argc};
}

/* The same command with the script whole in the place of its digest. */
static cg_store_command_t whole(const cg_store_run_t *run,
                                const cg_store_command_t *command,
                                apr_pool_t *pool)
{
    cg_str_t *argv =
        apr_pmemdup(pool, command->argv, sizeof *argv * command->argc);
    argv[0] = CG_STR("EVAL");
    argv[1] = cg_str(run->script->source);
    return (cg_store_command_t){argv, command->argc};
}

/* Sends whole what was not known; the answers go to their places. */
static apr_status_t send_whole(cg_store_t *store, const cg_store_run_t *runs,
                               const cg_store_command_t *commands, size_t count,
                               cg_reply_t *out, cg_error_t *err,
                               apr_pool_t *pool)
{
    cg_store_command_t *again = apr_palloc(pool, sizeof *again * count);
    cg_reply_t *answers = apr_pcalloc(pool, sizeof *answers * count);
    size_t *places = apr_palloc(pool, sizeof *places * count);
    size_t unknown = 0;
    for (size_t i = 0; i < count; i++) {
        if (is_unknown(&out[i])) {
            again[unknown] = whole(&runs[i], &commands[i], pool);
            places[unknown++] = i;
        }
    }
    apr_status_t rv =
        cg_store_pipeline(store, again, unknown, answers, err, pool);
    for (size_t i = 0; i < unknown; i++) {
        out[places[i]] = answers[i];
    }
    return rv;
}

apr_status_t cg_store_scripts(cg_store_t *store, const cg_store_run_t *runs,
                              size_t count, cg_reply_t *out, cg_error_t *err,
                              apr_pool_t *pool)
{
    cg_store_command_t *commands =
        apr_palloc(pool, sizeof *commands * (count + 1));
    for (size_t i = 0; i < count; i++) {
        commands[i] = command_for(&runs[i], pool);
    }
    apr_status_t rv = cg_store_pipeline(store, commands, count, out, err, pool);
    return rv == APR_SUCCESS
               ? send_whole(store, runs, commands, count, out, err, pool)
               : rv;
}

apr_status_t cg_store_script(cg_store_t *store, const cg_script_t *script,
                             const cg_str_t *keys, size_t keys_count,
                             const cg_str_t *args, size_t args_count,
                             cg_reply_t *out, cg_error_t *err, apr_pool_t *pool)
{
    cg_store_run_t run = {script, keys, keys_count, args, args_count};
    return cg_store_scripts(store, &run, 1, out, err, pool);
}
