/* What the files of chatgptctl key share.
 * SPDX-License-Identifier: Apache-2.0
 *
 * For these files only.
 */
#ifndef CG_CTL_KEY_H
#define CG_CTL_KEY_H

#include "auth/apikey.h"
#include "auth/keyfind.h"
#include "base/json.h"
#include "ctl/ctl.h"
#include "ctl/say.h"

/* lives in: main's pool · written by: key_options.c · read by: the commands */
typedef struct cg_ctl_key_t {
    apr_pool_t *pool;
    int argc;
    char **argv;
    const char *command;
    const char *word; /* the id or the file behind it; NULL: none */
    const char *store_url;
    const char *pepper_path;
    apr_time_t now;
    cg_key_t key; /* what is wanted of it */
    bool has_limits;
    bool has_budget;
    bool is_dry;
    const char *keep; /* "current", "previous"; NULL: current */
    apr_time_t grace_for;
    cg_key_filter_t filter;
    cg_keyring_t *ring;
} cg_ctl_key_t;

/* Reads all words behind "key". False and words on wrong use. Options write over
 * call->key, so that they can be read once more over a key of the store. */
bool cg_ctl_key_options(cg_ctl_key_t *call, int argc, char **argv,
                        cg_error_t *err);

int cg_ctl_key_export(cg_ctl_key_t *call, cg_error_t *err);
int cg_ctl_key_import(cg_ctl_key_t *call, cg_error_t *err);

#endif
