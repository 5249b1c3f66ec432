/* Configuration: httpd's directives, made from the rows of policy/policy.h.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "httpd/httpd_int.h"

#include <string.h>

#include <ap_provider.h>
#include <apr_strings.h>
#include <mod_auth.h>

#include "admin/api.h"
#include "redact/allow.h"
#include "redact/rules.h"

/* Everything written, in order; made anew with each reading of the files. */
static apr_array_header_t *written;

/* One row of ChatGPTRole: a role, and the httpd authorization that gives it. */
typedef struct role_t {
    unsigned bit;
    const authz_provider *provider;
    const char *args;
    const void *parsed;
} role_t;

static apr_array_header_t *roles; /* of role_t */

static apr_status_t forget(void *unused)
{
    (void)unused;
    written = NULL;
    roles = NULL;
    return APR_SUCCESS;
}

void cg_config_forget(apr_pool_t *pool)
{
    written = apr_array_make(pool, 32, sizeof(cg_written_t));
    roles = apr_array_make(pool, 8, sizeof(role_t));
    apr_pool_cleanup_register(pool, NULL, forget, apr_pool_cleanup_null);
}

void *cg_config_create_dir(apr_pool_t *pool, char *dir)
{
    (void)dir;
    return cg_policy_create(pool);
}

void *cg_config_merge_dir(apr_pool_t *pool, void *outer, void *inner)
{
    return cg_policy_merge(outer, inner, pool);
}

void *cg_config_create_server(apr_pool_t *pool, server_rec *s)
{
    (void)s;
    cg_server_t *server = apr_pcalloc(pool, sizeof *server);
    server->policy = cg_policy_create(pool);
    return server;
}

void *cg_config_merge_server(apr_pool_t *pool, void *outer_value,
                             void *inner_value)
{
    const cg_server_t *outer = outer_value;
    const cg_server_t *inner = inner_value;
    cg_server_t *server = apr_pcalloc(pool, sizeof *server);
    server->policy = cg_policy_merge(outer->policy, inner->policy, pool);
    server->serves = outer->serves || inner->serves;
    return server;
}

cg_server_t *cg_config_server(const server_rec *s)
{
    return ap_get_module_config(s->module_config, &chatgpt_module);
}

const cg_policy_t *cg_config_policy(const request_rec *r)
{
    return ap_get_module_config(r->per_dir_config, &chatgpt_module);
}

const apr_array_header_t *cg_config_written(void)
{
    return written;
}

static bool set_types(uint8_t *by_type, const char *type, int value)
{
    cg_actions_t actions = {{0}, 0, 0};
    memcpy(actions.by_type, by_type, sizeof actions.by_type);
    if (!cg_actions_set(&actions, type, (cg_action_t)value)) {
        return false;
    }
    memcpy(by_type, actions.by_type, sizeof actions.by_type);
    return true;
}

static int find_action(const char *name)
{
    cg_action_t action;
    return cg_action_parse(name, &action) ? (int)action : -1;
}

static bool is_value(const char *word, cg_error_t *err)
{
    return cg_allow_check(cg_str(word), err);
}

static const char *words_of(int argc, char *const argv[], apr_pool_t *pool)
{
    const char *words = "";
    for (int i = 0; i < argc; i++) {
        words = apr_pstrcat(pool, words, i ? " " : "", argv[i], NULL);
    }
    return words;
}

static const char *where_of(const cmd_parms *cmd)
{
    const char *section =
        cmd->path ? apr_psprintf(cmd->pool, "<%s> ", cmd->path) : "";
    return apr_psprintf(cmd->pool, "%s%s:%d", section, cmd->directive->filename,
                        cmd->directive->line_num);
}

static void note(cmd_parms *cmd, const cg_policy_row_t *row, int argc,
                 char *const argv[])
{
    if (!written || cmd->pool != written->pool) {
        return; /* a .htaccess, which lives for one request */
    }
    cg_written_t *line = apr_array_push(written);
    *line = (cg_written_t){.row = row,
                           .words = words_of(argc, argv, cmd->pool),
                           .where = where_of(cmd)};
}

bool cg_config_reread(const cg_written_t *line, cg_policy_t *policy,
                      apr_pool_t *pool)
{
    char **argv;
    cg_error_t err;
    cg_kind_ask_t ask = {.set_types = set_types, .find_action = find_action};
    if (apr_tokenize_to_argv(line->words, &argv, pool) != APR_SUCCESS) {
        return false;
    }
    int argc = 0;
    while (argv[argc]) {
        argc++;
    }
    return cg_policy_read(policy, line->row, argc, argv, &ask, &err, pool);
}

/* What stands behind the role goes on to a provider as "Require" would give it:
 * one text, with its quotes. */
static int raw_role(const cmd_parms *cmd, char *argv[3])
{
    const char *rest = cmd->directive->args;
    argv[0] = ap_getword_conf(cmd->pool, &rest);
    argv[1] = ap_getword_conf(cmd->pool, &rest);
    argv[2] = apr_pstrdup(cmd->pool, rest);
    return *rest ? 3 : 2;
}

static const char *read_row(cmd_parms *cmd, void *dir, int argc,
                            char *const argv[])
{
    char *raw[3];
    const cg_policy_row_t *row = cmd->info;
    cg_server_t *server = cg_config_server(cmd->server);
    cg_policy_t *policy = dir;
    if (row->where == CG_WHERE_SERVER) {
        const char *no = ap_check_cmd_context(cmd, GLOBAL_ONLY);
        if (no) {
            return no;
        }
        policy = server->policy;
    }
    cg_error_t err;
    cg_kind_ask_t ask = {.set_types = set_types,
                         .find_action = find_action,
                         .is_pack = cg_rulebook_has,
                         .is_value = is_value,
                         .parse_expression = cg_expression_parse,
                         .baton = cmd};
    ask.where = apr_psprintf(cmd->temp_pool, "%s:%d", cmd->directive->filename,
                             cmd->directive->line_num);
    ask.is_tightening = ap_check_cmd_context(cmd, NOT_IN_HTACCESS) != NULL;
    bool is_role = row == &cg_policy_rows[CG_ROW_roles] && argc > 2;
    int count = is_role ? raw_role(cmd, raw) : argc;
    if (!cg_policy_read(policy, row, count, is_role ? raw : argv, &ask, &err,
                        cmd->pool)) {
        return apr_pstrdup(cmd->pool, err.text);
    }
    note(cmd, row, argc, argv);
    server->serves = server->serves || policy->is_on;
    return NULL;
}

// clang-format off
#define CG_IN_SERVER  RSRC_CONF
#define CG_IN_PLACE   (RSRC_CONF | ACCESS_CONF)
#define CG_IN_TIGHTEN (RSRC_CONF | ACCESS_CONF | OR_AUTHCFG)

/* httpd's command table wants the row as void *; nobody writes through it. */
#define CG_COMMAND(member, kind, directive, where, default_, least, most, choices, help) \
    AP_INIT_TAKE_ARGV(directive, read_row,                                               \
                      (void *)(uintptr_t)&cg_policy_rows[CG_ROW_##member],               \
                      CG_IN_##where, help),

const command_rec cg_config_commands[] = {
    CG_POLICY_ROWS(CG_COMMAND)
    {NULL, {NULL}, NULL, 0, NO_ARGS, NULL},
};
// clang-format on

/* -- roles of the console --------------------------------------------------- */

static bool add_role(const apr_array_header_t *words, cg_error_t *err,
                     apr_pool_t *pool, apr_pool_t *temp)
{
    const char *name = APR_ARRAY_IDX(words, 0, const char *);
    role_t role = {.bit = cg_admin_role_find(cg_str(name)), .args = ""};
    const char *by =
        words->nelts > 1 ? APR_ARRAY_IDX(words, 1, const char *) : "";
    role.provider =
        ap_lookup_provider(AUTHZ_PROVIDER_GROUP, by, AUTHZ_PROVIDER_VERSION);
    if (!role.bit || !role.provider) {
        cg_error_set(err,
                     "ChatGPTRole: \"%s %s\" is not legal; legal: "
                     "viewer|compliance|approver|operator|admin, then what "
                     "Require takes, such as: group NAME, user NAME",
                     name, by);
        return false;
    }
    for (int i = 2; i < words->nelts; i++) {
        role.args = apr_pstrcat(pool, role.args, i > 2 ? " " : "",
                                APR_ARRAY_IDX(words, i, const char *), NULL);
    }
    if (role.provider->parse_require_line) {
        ap_directive_t directive = {.directive = "ChatGPTRole",
                                    .args = role.args,
                                    .filename = "ChatGPTRole"};
        cmd_parms cmd = {.pool = pool,
                         .temp_pool = temp,
                         .directive = &directive,
                         .info = NULL,
                         .override = RSRC_CONF | ACCESS_CONF | OR_ALL};
        const char *no =
            role.provider->parse_require_line(&cmd, role.args, &role.parsed);
        if (no) {
            cg_error_set(err, "ChatGPTRole: %s", no);
            return false;
        }
    }
    APR_ARRAY_PUSH(roles, role_t) = role;
    return true;
}

bool cg_config_roles_check(const cg_policy_t *policy, cg_error_t *err,
                           apr_pool_t *pool, apr_pool_t *temp)
{
    apr_array_clear(roles);
    for (int i = 0; policy->roles && i < policy->roles->nelts; i++) {
        if (!add_role(APR_ARRAY_IDX(policy->roles, i, apr_array_header_t *),
                      err, pool, temp)) {
            return false;
        }
    }
    return true;
}

/* An API key is a program's and passes "valid-user": it never opens the console. */
static bool is_key(const cg_txn_t *txn)
{
    return txn->who.source && strcmp(txn->who.source, "key") == 0;
}

static unsigned find_roles(request_rec *r, cg_walk_in_t *in)
{
    unsigned bits = CG_ROLE_NOBODY;
    bool is_known = cg_identity_find(r, in) || r->user;
    is_known = is_known && in->txn.verdict == CG_PASS && !is_key(&in->txn);
    for (int i = 0; is_known && roles && r->user && i < roles->nelts; i++) {
        const role_t *role = &APR_ARRAY_IDX(roles, i, role_t);
        if (role->provider->check_authorization(r, role->args, role->parsed) ==
            AUTHZ_GRANTED) {
            bits |= role->bit;
        }
    }
    return bits;
}

unsigned cg_config_roles(request_rec *r)
{
    cg_walk_in_t *in = cg_gate_find_or_make(r);
    if (!in->has_roles) {
        in->roles = find_roles(r, in);
        in->has_roles = true;
    }
    return in->roles;
}
