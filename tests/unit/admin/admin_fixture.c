/* A gateway to ask: store, keyring, quota, journal and ledger, all real.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "admin_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <CUnit/CUnit.h>
#include <apr_file_io.h>
#include <apr_strings.h>

#include "alert/feed.h"
#include "audit/journal.h"
#include "audit/ledger.h"
#include "auth/apikey.h"
#include "auth/issuers.h"
#include "auth/seal.h"
#include "auth/signkey.h"
#include "base/clock.h"
#include "quota/quota.h"
#include "redact/rules.h"
#include "redis_fixture.h"
#include "store/store.h"

#define USUAL_HEADERS                                                          \
    "X-ChatGPT-Console: 1\nContent-Type: application/json\n"                   \
    "Host: gateway.example\n"

static struct {
    apr_pool_t *pool;
    redis_fixture_t redis;
    pid_t opened_by;
    cg_admin_t admin;
    cg_journal_reader_t *reader;
    cg_ledger_t *ledger;
    cg_actions_t actions;
    char folder[256];
} self;

static const cg_admin_policy_t POLICIES[] = {
    {"ChatGPTBodyLimit", "32M", "<Location /v1>"},
    {"ChatGPTRedact", "CREDIT_CARD mask", "<Location /v1>"},
    {"ChatGPTRetries", "2", "default"},
};
static const char *const MODELS[] = {"gpt-4o", "gpt-4o-mini"};
static cg_admin_limit_t defaults[4];
static const cg_alert_rules_t alert_rules = {
    .ways_count = 1,
    .ways = {{.name = "hook",
              .url = "https://user@alerts.example:8443/path?token=x",
              .kinds = ~0u,
              .total_for = 1000000,
              .tries = 3}}};

static size_t read_accounts(void *baton, cg_account_view_t **out,
                            apr_pool_t *pool)
{
    (void)baton;
    *out = apr_pcalloc(pool, sizeof **out);
    **out = (cg_account_view_t){
        .name = "main",
        .url = "https://api.example",
        .provider = "openai",
        .state = "up",
        .since = NOW,
        .latency_for = 12000,
        .requests = 5,
        .failures = 1,
        .credential = "stored",
        .stored = "main",
    };
    return 1;
}

static void set_default(size_t i, cg_dimension_t dimension, const char *text)
{
    cg_limit_parse(cg_str(text), &defaults[i].limit, NULL);
    defaults[i].limit.dimension = (uint8_t)dimension;
    defaults[i].where = "ChatGPTLimit, httpd.conf:12";
}

static apr_status_t open_journal(cg_error_t *err)
{
    const char *tmp = getenv("TMPDIR");
    apr_snprintf(self.folder, sizeof self.folder, "%s/cg-admin-XXXXXX",
                 tmp && *tmp ? tmp : "/tmp");
    if (!mkdtemp(self.folder)) {
        return APR_EGENERAL;
    }
    void *shared = apr_pcalloc(self.pool, cg_journal_shared_bytes());
    apr_status_t rv = cg_journal_open(&self.admin.journal, self.folder, shared,
                                      1 << 20, err, self.pool);
    if (rv == APR_SUCCESS) {
        rv = cg_journal_reader_open(&self.reader, self.folder, err, self.pool);
    }
    return rv;
}

static apr_status_t open_store(cg_error_t *err)
{
    redis_fixture_start(&self.redis, false);
    cg_store_options_t options = {.url = self.redis.url};
    apr_status_t rv =
        cg_store_open(&self.admin.store, &options, err, self.pool);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    cg_pepper_t *pepper =
        cg_pepper_make("0123456789abcdef0123456789abcdef", 32, err, self.pool);
    self.admin.keyring = cg_keyring_open(self.admin.store, pepper, NULL, 0,
                                         apr_time_from_sec(60), self.pool);
    void *shared = apr_pcalloc(self.pool, cg_quota_shared_bytes());
    self.admin.quota = cg_quota_open(self.admin.store, shared, self.pool);
    self.admin.alerts = cg_alert_feed_open(self.admin.store, self.pool);
    self.admin.alert_rules = &alert_rules;
    char line[CG_SEAL_LINE_LEN + 1];
    cg_sealer_t *sealer = NULL;
    cg_sealer_new_key(line);
    rv = cg_sealer_make(&sealer, cg_str(line), err, self.pool);
    self.admin.sealer = sealer;
    self.admin.signring = cg_signring_open(self.admin.store, sealer, NULL,
                                           apr_time_from_sec(60), self.pool);
    return rv;
}

/* One issuer, with a secret that it shares. */
static void open_issuers(void)
{
    static cg_issuer_t issuer = {.name = "corp",
                                 .issuer = "https://idp.example",
                                 .audiences_count = 1,
                                 .from = "secret",
                                 .is_secret = true};
    static const char *const AUDIENCES[] = {"gateway"};
    static cg_issuer_rows_t rows = {.rows = &issuer, .count = 1};
    cg_error_t err = {""};
    issuer.algs[0] = CG_SIG_HS256;
    issuer.algs[1] = CG_SIG_NONE;
    issuer.audiences = AUDIENCES;
    issuer.fixed = cg_jwk_set_of_secret(
        CG_STR("a secret of the tests, as long as a digest"), issuer.algs, &err,
        self.pool);
    self.admin.issuers = cg_issuers_make(&rows, NULL, NULL, self.pool);
}

static void close_all(void);

static bool open_parts(cg_error_t *err)
{
    return open_store(err) == APR_SUCCESS && open_journal(err) == APR_SUCCESS &&
           cg_ledger_open(&self.ledger, self.admin.store,
                          cg_journal_node(self.admin.journal), 0,
                          self.pool) == APR_SUCCESS;
}

/* At the first use; all tests of this room share it. */
static void open_once(void)
{
    if (self.pool) {
        return;
    }
    cg_error_t err = {""};
    apr_pool_create(&self.pool, NULL);
    if (!open_parts(&err)) {
        fprintf(stderr, "admin fixture: %s\n", err.text);
        CU_FAIL_FATAL("the fixture does not start");
    }
    self.opened_by = getpid();
    atexit(close_all);
    open_issuers();
    set_default(0, CG_DIMENSION_KEY, "100/60s");
    set_default(1, CG_DIMENSION_TEAM, "10000tokens/60s");
    set_default(2, CG_DIMENSION_MODEL, "500/60s");
    set_default(3, CG_DIMENSION_ADDRESS, "100/15min");
    cg_actions_default(&self.actions);
    cg_admin_t *admin = &self.admin;
    admin->rules = cg_rules_builtin();
    admin->request_actions = &self.actions;
    admin->read_accounts = read_accounts;
    admin->policies = POLICIES;
    admin->policies_count = 3;
    admin->default_limits = defaults;
    admin->default_limits_count = 4;
    admin->models = MODELS;
    admin->models_count = 2;
    admin->node = "gw1";
    admin->version = "0.1.0";
    admin->policy_approval = 1;
}

static void remove_folder(void)
{
    apr_dir_t *dir = NULL;
    apr_finfo_t entry;
    if (apr_dir_open(&dir, self.folder, self.pool) != APR_SUCCESS) {
        return;
    }
    while (apr_dir_read(&entry, APR_FINFO_NAME, dir) == APR_SUCCESS) {
        apr_file_remove(
            apr_pstrcat(self.pool, self.folder, "/", entry.name, NULL),
            self.pool);
    }
    apr_dir_close(dir);
    apr_dir_remove(self.folder, self.pool);
}

static void close_all(void)
{
    if (self.opened_by == getpid()) {
        remove_folder();
        redis_fixture_stop(&self.redis);
        apr_pool_destroy(self.pool);
    }
}

cg_admin_t *admin_fixture(void)
{
    open_once();
    return &self.admin;
}

apr_pool_t *admin_pool(void)
{
    open_once();
    return self.pool;
}

/* ---- asking ------------------------------------------------------------- */

static const char *find_header(void *baton, const char *name)
{
    const char *const *lists = baton;
    size_t len = strlen(name);
    for (int i = 0; i < 2; i++) {
        for (const char *p = lists[i] ? lists[i] : ""; *p;) {
            size_t line = strcspn(p, "\n");
            if (strncasecmp(p, name, len) == 0 && p[len] == ':') {
                return apr_pstrmemdup(self.pool, p + len + 2, line - len - 2);
            }
            p += line + (p[line] == '\n');
        }
    }
    return NULL;
}

got_t admin_ask(asked_t asked)
{
    open_once();
    const char *lists[2] = {asked.more,
                            asked.headers ? asked.headers : USUAL_HEADERS};
    const char *method =
        asked.method ? asked.method : (asked.body ? "POST" : "GET");
    cg_admin_call_t call = {
        .method = method,
        .path = asked.path,
        .query = asked.query,
        .header = find_header,
        .header_baton = (void *)lists,
        .body = cg_str(asked.body),
        .operator= {asked.user ? asked.user : "root",
                    asked.roles ? asked.roles & ~NO_ROLES : CG_ROLE_ADMIN,
                    "192.0.2.1"},
        .base = "/console/api/v1",
        .request_id = "req-1",
        .now = asked.now ? asked.now : NOW,
    };
    got_t got = {0};
    cg_admin_answer(&self.admin, &call, &got.reply, self.pool);
    got.status = got.reply.status;
    got.text = cg_buf_cstr(&got.reply.body);
    got.json =
        cg_json_parse(got.reply.body.ptr, got.reply.body.len, NULL, self.pool);
    return got;
}

const char *answer_header(const got_t *got, const char *name)
{
    const char *value = apr_table_get(got->reply.headers, name);
    return value ? value : "";
}

const char *answer_str(const got_t *got, const char *name)
{
    return cg_json_get_str(got->json, name, "");
}

bool answer_fault(const got_t *got, const char *pointer, const char *code)
{
    const cg_json_t *errors = cg_json_get(got->json, "errors");
    for (size_t i = 0; i < cg_json_size(errors); i++) {
        const cg_json_t *fault = cg_json_at(errors, i);
        if (strcmp(cg_json_get_str(fault, "pointer", "?"), pointer) == 0 &&
            strcmp(cg_json_get_str(fault, "code", "?"), code) == 0) {
            return true;
        }
    }
    return false;
}

/* ---- the ledger --------------------------------------------------------- */

void admin_write_request(const char *id, apr_time_t at, const char *decision,
                         const char *prompt)
{
    open_once();
    cg_record_t record = {
        .id = id,
        .at = at,
        .key_id = "k1",
        .key_name = "bot",
        .team = "red",
        .user = "ann",
        .endpoint = "chat",
        .model_asked = CG_STR("gpt-4o"),
        .model_served = CG_STR("gpt-4o"),
        .decision = decision,
        .status = 200,
        .prompt = cg_str(prompt),
        .answer = CG_STR("pong"),
        .input_tokens = 3,
        .output_tokens = 4,
        .cost_micros = 5,
        .tokens_from = "provider",
        .took = 1000,
    };
    cg_buf_t text;
    cg_buf_init(&text, 512, self.pool);
    cg_record_write(&record, &text);
    cg_journal_entry_t entry = {.at = 0};
    cg_journal_entry_make(&record, (cg_str_t){text.ptr, text.len}, &entry);
    cg_journal_append(self.admin.journal, &entry, NULL);
}

void admin_ship(void)
{
    open_once();
    size_t shipped = 1;
    for (int step = 0; shipped > 0 && step < 100; step++) {
        cg_error_t err = {""};
        if (cg_ledger_ship(self.ledger, self.reader, 500, &shipped, NULL, NULL,
                           &err, self.pool) != APR_SUCCESS) {
            fprintf(stderr, "ship: %s\n", err.text);
            return;
        }
    }
}

void admin_freeze(void)
{
    redis_fixture_freeze(&self.redis);
}

void admin_wake(void)
{
    redis_fixture_thaw(&self.redis);
}
