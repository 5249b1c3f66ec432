/* The credentials in the store: which there are, and who uses them. Never a value.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "admin/admin_int.h"
#include "auth/credential.h"

/* Does it open here? What the store holds of it and what the master keys are may
 * both be wrong. */
static const char *state_of(const cg_admin_t *admin, const cg_credential_t *one,
                            apr_pool_t *pool)
{
    cg_secret_t *unused;
    cg_error_t err;
    apr_pool_t *own; /* it is closed again at once */
    apr_pool_create(&own, pool);
    apr_status_t rv =
        cg_credential_unseal(admin->sealer, one, &unused, &err, own);
    apr_pool_destroy(own);
    return rv == APR_SUCCESS ? "ok" : "unreadable";
}

static cg_json_t *users_of(const char *name, const cg_account_view_t *views,
                           size_t count, apr_pool_t *pool)
{
    cg_json_t *users = cg_json_array(pool);
    for (size_t i = 0; i < count; i++) {
        if (views[i].stored && strcmp(views[i].stored, name) == 0) {
            cg_json_add_str(users, views[i].name);
        }
    }
    return users;
}

/* The version that goes out to upstreams from here; 0: none, or nobody asks. */
static apr_int64_t in_force(const char *name, const cg_account_view_t *views,
                            size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (views[i].stored && strcmp(views[i].stored, name) == 0) {
            return views[i].stored_version;
        }
    }
    return 0;
}

static cg_json_t *known(const cg_admin_t *admin, const cg_credential_t *one,
                        const cg_account_view_t *views, size_t count,
                        apr_pool_t *pool)
{
    cg_json_t *json = cg_json_object(pool);
    cg_json_set_str(json, "name", one->name);
    cg_json_set_str(json, "state", state_of(admin, one, pool));
    cg_json_set_int(json, "version", one->version);
    cg_json_set_int(json, "in_force", in_force(one->name, views, count));
    cg_admin_set_time(json, "created_at", one->created_at);
    cg_admin_set_time(json, "changed_at", one->changed_at);
    cg_json_set_str(json, "kek_id", one->key_id ? one->key_id : "");
    cg_json_set(json, "used_by", users_of(one->name, views, count, pool));
    return json;
}

static bool has(const apr_array_header_t *all, const char *name)
{
    for (int i = 0; i < all->nelts; i++) {
        if (strcmp(APR_ARRAY_IDX(all, i, cg_credential_t).name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* What an upstream asks for and the store does not have. */
static cg_json_t *missing(const char *name, const cg_account_view_t *views,
                          size_t count, apr_pool_t *pool)
{
    cg_json_t *json = cg_json_object(pool);
    cg_json_set_str(json, "name", name);
    cg_json_set_str(json, "state", "missing");
    cg_json_set_int(json, "version", 0);
    cg_json_set_int(json, "in_force", in_force(name, views, count));
    cg_admin_set_time(json, "created_at", 0);
    cg_admin_set_time(json, "changed_at", 0);
    cg_json_set_str(json, "kek_id", "");
    cg_json_set(json, "used_by", users_of(name, views, count, pool));
    return json;
}

static bool is_first_to_ask(const cg_account_view_t *views, size_t at)
{
    for (size_t i = 0; i < at; i++) {
        if (views[i].stored && strcmp(views[i].stored, views[at].stored) == 0) {
            return false;
        }
    }
    return true;
}

void cg_admin_credentials_list(cg_ask_t *ask)
{
    const cg_admin_t *admin = ask->admin;
    cg_account_view_t *views = NULL;
    apr_array_header_t *all;
    cg_error_t err;
    if (cg_credential_list(admin->store, &all, &err, ask->pool) !=
        APR_SUCCESS) {
        cg_admin_store_away(ask, err.text);
        return;
    }
    size_t count =
        admin->read_accounts
            ? admin->read_accounts(admin->accounts_baton, &views, ask->pool)
            : 0;
    cg_json_t *items = cg_json_array(ask->pool);
    for (int i = 0; i < all->nelts; i++) {
        cg_json_add(items, known(admin, &APR_ARRAY_IDX(all, i, cg_credential_t),
                                 views, count, ask->pool));
    }
    for (size_t i = 0; i < count; i++) {
        const char *name = views[i].stored;
        if (name && !has(all, name) && is_first_to_ask(views, i)) {
            cg_json_add(items, missing(name, views, count, ask->pool));
        }
    }
    cg_admin_list_whole(ask, items);
}
