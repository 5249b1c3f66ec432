/* Fuzz target: sealed texts, as the store may hold them, and files of master keys.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Nothing that was not sealed opens. Input: its first line is a file of one master
 * key, the rest a sealed text. What opens all the same was sealed by who wrote the
 * corpus: it then opens for no other owner or version, and not with a bit changed.
 */
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "auth/seal.h"

#include "replay.h"

#define OWNER "credential:fuzz"

static bool opens(const cg_sealer_t *sealer, const char *owner, int64_t version,
                  cg_str_t text, apr_pool_t *pool)
{
    cg_secret_t *secret = NULL;
    cg_error_t err = {{0}};
    apr_status_t rv =
        cg_unseal(sealer, owner, version, text, &secret, &err, pool);
    MUST((rv == APR_SUCCESS) == (secret != NULL));
    MUST(rv == APR_SUCCESS || err.text[0]);
    return rv == APR_SUCCESS;
}

static void check_opened(const cg_sealer_t *sealer, cg_str_t text,
                         apr_pool_t *pool)
{
    const char *again = NULL;
    cg_error_t err = {{0}};
    MUST(!opens(sealer, OWNER "2", 1, text, pool));
    MUST(!opens(sealer, OWNER, 2, text, pool));
    MUST(cg_seal_rewrap(sealer, text, &again, &err, pool) == APR_SUCCESS);
    MUST(cg_str_is(text, again));
    char *changed = cg_str_dup(text, pool);
    changed[text.len / 2] ^= 1;
    MUST(!opens(sealer, OWNER, 1, cg_str(changed), pool));
}

static void try_text(const cg_sealer_t *sealer, cg_str_t text, apr_pool_t *pool)
{
    const char *again = NULL;
    cg_error_t err = {{0}};
    const char *id = cg_seal_key_id(text, pool);
    MUST(!id || strlen(id) == CG_SEAL_KEY_ID_LEN);
    if (opens(sealer, OWNER, 1, text, pool)) {
        check_opened(sealer, text, pool);
    }
    else {
        cg_seal_rewrap(sealer, text, &again, &err, pool);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool is_ready;
    apr_pool_t *pool = NULL;
    cg_sealer_t *sealer = NULL;
    cg_error_t err = {{0}};
    if (!is_ready) {
        apr_initialize();
        atexit(apr_terminate);
        is_ready = true;
    }
    apr_pool_create(&pool, NULL);
    const uint8_t *end = size ? memchr(data, '\n', size) : NULL;
    size_t head = end ? (size_t)(end - data) : size;
    cg_str_t rest = {(const char *)data + head, size - head};
    if (rest.len) {
        rest.ptr++;
        rest.len--;
    }
    cg_str_t lines = {(const char *)data, head};
    if (cg_sealer_make(&sealer, lines, &err, pool) != APR_SUCCESS) {
        MUST(err.text[0] && !sealer);
    }
    try_text(sealer, rest, pool); /* NULL says no */
    apr_pool_destroy(pool);
    return 0;
}
