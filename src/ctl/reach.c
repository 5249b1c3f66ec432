/* What commands reach for: the store, and the master keys that seal secrets.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ctl/reach.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <apr_strings.h>

#include "base/json.h"

#define OPERATION_FOR APR_TIME_C(2000000)

const char *cg_ctl_in_run_dir(const char *name, apr_pool_t *pool)
{
    char here[4096];
    const char *dir = getenv("RUN_DIR");
    dir = dir && dir[0] ? dir : "build/run";
    bool is_whole = dir[0] == '/' || !getcwd(here, sizeof here);
    return is_whole ? apr_pstrcat(pool, dir, "/", name, NULL)
                    : apr_pstrcat(pool, here, "/", dir, "/", name, NULL);
}

static const char *find_store(cg_error_t *err, apr_pool_t *pool)
{
    const char *url = getenv("CHATGPT_STORE");
    if (url && url[0]) {
        return url;
    }
    const char *path = cg_ctl_in_run_dir("ready.json", pool);
    const cg_json_t *ready = cg_json_load(path, err, pool);
    if (!ready) {
        return NULL;
    }
    url = cg_json_get_str(ready, "redis", NULL);
    if (!url) {
        cg_error_set(err, "%s names no \"redis\"; say --store URL", path);
    }
    return url;
}

bool cg_ctl_store(const char *url, cg_store_t **out, cg_error_t *err,
                  apr_pool_t *pool)
{
    cg_store_options_t options = {.operation_for = OPERATION_FOR,
                                  .connections_max = 1};
    /* A store that goes away must be an error, not the end of the tool. */
    signal(SIGPIPE, SIG_IGN);
    const char *text = url ? url : find_store(err, pool);
    char **words;
    if (!text || apr_tokenize_to_argv(text, &words, pool) != APR_SUCCESS) {
        return false;
    }
    apr_array_header_t *list = apr_array_make(pool, 8, sizeof(char *));
    for (size_t i = 0; words[i]; i++) {
        APR_ARRAY_PUSH(list, const char *) = words[i];
    }
    return cg_store_access_read(&options.access, list, NULL, err, pool) ==
               APR_SUCCESS &&
           cg_store_open(out, &options, err, pool) == APR_SUCCESS;
}

bool cg_ctl_sealer(const apr_array_header_t *words, cg_sealer_t **out,
                   cg_error_t *err, apr_pool_t *pool)
{
    if (words && words->nelts) {
        return cg_sealer_open(out, words, err, pool) == APR_SUCCESS;
    }
    const char *word = getenv("CHATGPT_SEAL_KEY");
    apr_array_header_t *one = apr_array_make(pool, 1, sizeof(char *));
    APR_ARRAY_PUSH(one, const char *) =
        word && word[0]
            ? word
            : apr_pstrcat(pool, "file:", cg_ctl_in_run_dir("seal.key", pool),
                          NULL);
    return cg_sealer_open(out, one, err, pool) == APR_SUCCESS;
}
