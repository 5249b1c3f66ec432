/* Life: what is made when the server starts, and in each child.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Everything that an administrator can get wrong is found in check_config, which
 * runs for configtest too; post_config does not, and a module that fails there at
 * a graceful restart ends the whole server. So post_config only logs: Redis, the
 * disk or DNS may be away when httpd reloads.
 *
 * Shared memory is kept over restarts (its layout has a version word): counters
 * go on, and children of the old and the new generation see the same keys.
 */
#include "httpd/httpd_int.h"

#include <string.h>

#include <ap_mpm.h>
#include <apr_lib.h>
#include <apr_strings.h>
#include <apr_thread_proc.h>
#include <unixd.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/share.h"
#include "flow/credentials.h"
#include "flow/overrides.h"
#include "flow/external.h"
#include "flow/keeper.h"
#include "flow/keysets.h"
#include "flow/published.h"
#include "quota/live.h"

#define RETAINED "mod_chatgpt"
#define LAYOUT_VERSION 12
#define DOCUMENT_FOR (2 * CG_SECOND) /* to move some MiB */
#define DOCUMENT_CONNECTIONS 8
#define TOKENS_ROOM 16384 /* verified tokens that are remembered */
#define MODELS_ROOM 256 /* metrics keep room for models that are added later */

/* lives in: memory retained over restarts */
typedef struct shared_t {
    int version;
    int64_t key_cache;
    int64_t redact_cache;
    cg_share_t *share;
    cg_breaker_t *breaker;
    cg_breaker_t *detectors;
    cg_health_t *health;
    volatile int64_t *servers;
    volatile int64_t *policy_serial;
    volatile int64_t *credentials_serial;
    volatile int64_t *overrides_serial;
    void *journal;
    void *quota;
    void *watch;
    void *use;
    void *live;
    size_t live_slots; /* does not change while the server is up */
    void *cache;
    void *attempts;
    cg_issuer_shared_t *issuers;
    void *tokens;
    void *signkeys;
    void *memo;
    void *meter;
} shared_t;

/* What the configuration says, made ready; read by the children. */
typedef struct plan_t {
    const cg_policy_t *policy;
    const cg_policy_t *place; /* of the main server */
    const cg_rules_t *rules;  /* the packs of the rules folder are chosen */
    cg_rules_spec_t spec; /* of rules: a published policy is compiled with it */
    cg_prices_t *prices;
    cg_vocabularies_t vocabularies;
    cg_accounts_t accounts;
    cg_issuer_rows_t issuers;
    cg_alert_rules_t alerts;
    cg_pepper_t *pepper;
    cg_sealer_t *sealer; /* NULL: secrets cannot be stored */
    apr_pool_t *secrets; /* of this configuration: each child locks them anew */
    cg_pseudonym_keys_t *pseudonym_keys;
    const cg_store_access_t *access; /* to the store */
    const cg_secret_t *password;
    shared_t *shared;
    uint64_t memo_secret[2]; /* of this configuration; never in shared memory */
    server_rec *server;
} plan_t;

static plan_t *plan;             /* of this configuration */
static cg_gateway_t *gateway;    /* of this child */
static volatile int is_stopping; /* tells the child's threads to end */

const cg_gateway_t *cg_life_gateway(void)
{
    return gateway;
}

static bool is_served(const server_rec *s)
{
    for (; s; s = s->next) {
        if (cg_config_server(s)->serves) {
            return true;
        }
    }
    return false;
}

/* -- checking and reading ---------------------------------------------------- */

static bool need(const char *value, const char *directive, const char *what,
                 cg_error_t *err)
{
    if (!value) {
        cg_error_set(err, "%s is missing; it names %s", directive, what);
    }
    return value != NULL;
}

static const char *path_of(const char *path, apr_pool_t *pool)
{
    return path ? ap_server_root_relative(pool, path) : NULL;
}

/* Without a file the key comes from the pepper, so that servers which share it
 * give the same value the same token. */
static bool read_pseudonym_keys(plan_t *to, cg_error_t *err, apr_pool_t *pool)
{
    const char *path = to->policy->pseudonym_keys;
    unsigned char derived[32];
    cg_error_t why;
    if (path) {
        if (cg_pseudonym_keys_load(path_of(path, pool), &to->pseudonym_keys,
                                   &why, pool) != APR_SUCCESS) {
            cg_error_set(err, "ChatGPTPseudonymKeyFile: %s", why.text);
            return false;
        }
        return true;
    }
    cg_pepper_derive(to->pepper, "mod_chatgpt pseudonyms 1", derived);
    to->pseudonym_keys = cg_pseudonym_keys_make(
        (cg_str_t){(const char *)derived, sizeof derived}, &why, pool);
    cg_wipe(derived, sizeof derived);
    return true;
}

static bool read_secrets(plan_t *to, cg_error_t *err, apr_pool_t *pool)
{
    const cg_policy_t *policy = to->policy;
    cg_error_t why;
    to->pepper = cg_pepper_load(path_of(policy->pepper_file, pool), &why, pool);
    if (!to->pepper) {
        cg_error_set(err, "ChatGPTPepperFile: %s", why.text);
        return false;
    }
    if (cg_sealer_open(&to->sealer, policy->seal_keys, &why, pool) !=
        APR_SUCCESS) {
        cg_error_set(err, "ChatGPTSealKey: %s", why.text);
        return false;
    }
    if (!read_pseudonym_keys(to, err, pool)) {
        return false;
    }
    cg_secret_t *password = NULL;
    if (policy->store_password &&
        cg_secret_load(path_of(policy->store_password, pool), &password, &why,
                       pool) != APR_SUCCESS) {
        cg_error_set(err, "ChatGPTStorePasswordFile: %s", why.text);
        return false;
    }
    to->password = password;
    return true;
}

static bool check_upload_folder(const cg_policy_t *policy, cg_error_t *err,
                                apr_pool_t *temp)
{
    apr_finfo_t what;
    const char *path = path_of(policy->upload_folder, temp);
    if (path && (apr_stat(&what, path, APR_FINFO_TYPE, temp) != APR_SUCCESS ||
                 what.filetype != APR_DIR)) {
        cg_error_set(err, "ChatGPTUploadFolder: %s is no folder", path);
        return false;
    }
    return true;
}

/* How Redis is reached; its secrets and keys are read here, by who may. */
static bool read_store(plan_t *to, cg_error_t *err, apr_pool_t *pool)
{
    cg_error_t why;
    const apr_array_header_t *words = to->policy->store;
    if (!words) {
        apr_array_header_t *usual = apr_array_make(pool, 1, sizeof(char *));
        APR_ARRAY_PUSH(usual, const char *) = CG_STORE_USUAL;
        words = usual;
    }
    if (cg_store_access_read(&to->access, words, path_of, &why, pool) !=
        APR_SUCCESS) {
        cg_error_set(err, "ChatGPTStore: %s", why.text);
        return false;
    }
    return true;
}

/* Is there a line that counts tokens or money? */
static bool needs_tokens(void)
{
    const apr_array_header_t *written = cg_config_written();
    for (int i = 0; i < written->nelts; i++) {
        const cg_written_t *line = &APR_ARRAY_IDX(written, i, cg_written_t);
        bool is_budget = strcmp(line->row->directive, "ChatGPTBudget") == 0;
        bool is_limit = strcmp(line->row->directive, "ChatGPTLimit") == 0;
        if (is_budget || (is_limit && strstr(line->words, "token"))) {
            return true;
        }
    }
    return false;
}

/* Mapped once, before the children are made, which share it. Without a vocabulary
 * no quota of tokens can be kept; where there is none, counts are bounds. */
static bool read_vocabularies(plan_t *to, cg_error_t *err, apr_pool_t *pool)
{
    const char *folder = path_of(to->policy->tokens_folder, pool);
    cg_error_t why = {""};
    const char *words = NULL;
    for (int i = 0; i < CG_ENCODING_COUNT && !words; i++) {
        const cg_vocabulary_t *made;
        if (cg_vocabulary_open(folder, (cg_encoding_t)i, &made, &why, pool) !=
            APR_SUCCESS) {
            words = why.text;
        }
        else if (!cg_vocabulary_is_sound(made)) {
            words = apr_psprintf(pool, "the vocabulary %s in %s is damaged: "
                                 "install it again", cg_encodings[i].name,
                                 folder);
        }
        else {
            to->vocabularies.of[i] = made;
        }
    }
    if (!words) {
        return true;
    }
    if (needs_tokens()) {
        cg_error_set(err, "ChatGPTTokens: %s; limits of tokens and budgets need "
                          "it", words);
        return false;
    }
    ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_WARNING, 0, to->server,
                 "CG9016 ChatGPTTokens: %s; tokens are not counted, records say "
                 "the most they can be", words);
    return true;
}

static bool read_plan(plan_t *to, cg_error_t *err, apr_pool_t *pool,
                      apr_pool_t *temp)
{
    const cg_policy_t *policy = to->policy;
    cg_error_t why;
    if (!read_store(to, err, pool)) {
        return false;
    }
    if (!need(policy->pepper_file, "ChatGPTPepperFile",
              "a file of at least 32 random bytes", err) ||
        !need(policy->journal_folder, "ChatGPTJournal",
              "a folder on local disk for the audit journal", err) ||
        !need(policy->models_file, "ChatGPTModels",
              "the file of models and prices, such as models.json", err) ||
        !need(policy->upstreams ? "" : NULL, "ChatGPTUpstream",
              "an OpenAI-compatible API", err)) {
        return false;
    }
    if (cg_prices_load(path_of(policy->models_file, pool), &to->prices, &why,
                       pool) != APR_SUCCESS) {
        cg_error_set(err, "ChatGPTModels: %s", why.text);
        return false;
    }
    return check_upload_folder(policy, err, temp) &&
           read_vocabularies(to, err, pool) &&
           read_secrets(to, err, pool) &&
           cg_rulebook_read(policy, &to->spec, &to->rules, err, pool) &&
           cg_accounts_read(policy->upstreams, true, &to->accounts, err,
                            pool) &&
           cg_issuers_read(policy->issuers, path_of, &to->issuers, err, pool) &&
           cg_alert_rules_read(policy->alerts, policy->alert_ways,
                               policy->unusual, path_of, &to->alerts, err,
                               pool) &&
           cg_config_roles_check(policy, err, pool, temp);
}

static bool check_stored(const plan_t *of, cg_error_t *err)
{
    if (!of->sealer && cg_accounts_unready(&of->accounts, NULL)) {
        cg_error_set(err, "ChatGPTSealKey is missing; a credential that is "
                          "stored: is sealed under a master key");
        return false;
    }
    return true;
}

static bool check_routes(const server_rec *s, const plan_t *of, cg_error_t *err)
{
    (void)s;
    const apr_array_header_t *written = cg_config_written();
    for (int i = 0; i < written->nelts; i++) {
        const cg_written_t *line = &APR_ARRAY_IDX(written, i, cg_written_t);
        if (strcmp(line->row->directive, "ChatGPTRoute") != 0) {
            continue;
        }
        char *words = apr_pstrdup(written->pool, line->words);
        char *last;
        for (char *name = apr_strtok(words, " ", &last); name;
             name = apr_strtok(NULL, " ", &last)) {
            if (!cg_accounts_find(&of->accounts, name)) {
                cg_error_set(err,
                             "ChatGPTRoute: \"%s\" is not the name of a "
                             "ChatGPTUpstream (%s)",
                             name, line->where);
                return false;
            }
        }
    }
    return true;
}

static bool check_detectors(cg_error_t *err, apr_pool_t *temp)
{
    const apr_array_header_t *written = cg_config_written();
    for (int i = 0; i < written->nelts; i++) {
        const cg_written_t *line = &APR_ARRAY_IDX(written, i, cg_written_t);
        if (strcmp(line->row->directive, "ChatGPTDetector") != 0) {
            continue;
        }
        cg_external_spec_t unused;
        cg_error_t why;
        char *last;
        char *words = apr_pstrdup(temp, line->words);
        apr_array_header_t *list = apr_array_make(temp, 4, sizeof(char *));
        for (char *word = apr_strtok(words, " ", &last); word;
             word = apr_strtok(NULL, " ", &last)) {
            APR_ARRAY_PUSH(list, const char *) = word;
        }
        if (!cg_external_read(list, &unused, &why, temp)) {
            cg_error_set(err, "%s (%s)", why.text, line->where);
            return false;
        }
    }
    return true;
}

static int check_config(apr_pool_t *pool, apr_pool_t *log, apr_pool_t *temp,
                        server_rec *s)
{
    (void)log;
    cg_error_t err = {""};
    plan = NULL;
    if (!is_served(s)) {
        return OK;
    }
    plan_t *made = apr_pcalloc(pool, sizeof *made);
    made->policy = cg_config_server(s)->policy;
    made->server = s;
    made->secrets = pool;
    bool is_right = true;
    if (!ap_find_linked_module("mod_proxy_http.c")) {
        cg_error_set(&err, "ChatGPTEngine: mod_proxy_http is needed; load "
                           "proxy_module and proxy_http_module first");
        is_right = false;
    }
    is_right = is_right && cg_confsecrets_check(s, &err) &&
               read_plan(made, &err, pool, temp) && check_stored(made, &err) &&
               check_routes(s, made, &err) && check_detectors(&err, temp) &&
               cg_places_check(s, made->rules, &made->accounts, &err, temp);
    if (!is_right) {
        ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_ERR, 0, s, "CG9010 %s",
                     err.text);
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    plan = made;
    return OK;
}

/* -- shared memory ----------------------------------------------------------- */

static size_t rounded(size_t bytes)
{
    return (bytes + 127) & ~(size_t)63;
}

/* Places for requests under way: twice as many as can be served at once, for some
 * of what is over is kept. Servers and threads are bounded by what httpd was
 * started with, so a graceful restart does not change it. */
static size_t live_slots(void)
{
    int daemons = 0, threads = 0;
    ap_mpm_query(AP_MPMQ_HARD_LIMIT_DAEMONS, &daemons);
    ap_mpm_query(AP_MPMQ_HARD_LIMIT_THREADS, &threads);
    size_t most = 2 * (size_t)(daemons > 0 ? daemons : 1) *
                  (size_t)(threads > 0 ? threads : 1);
    most = most < CG_LIVE_SLOTS_MIN ? CG_LIVE_SLOTS_MIN : most;
    return most < CG_LIVE_SLOTS_MAX ? most : CG_LIVE_SLOTS_MAX;
}

static bool carve(shared_t *shared, int64_t key_cache, int64_t redact_cache)
{
    size_t cache = cg_keyring_shared_bytes((size_t)key_cache);
    size_t memo = cg_memo_bytes((size_t)redact_cache);
    size_t detectors = CG_EXTERNAL_BREAKERS * sizeof(cg_breaker_t);
    size_t meter = cg_meter_bytes(MODELS_ROOM);
    size_t attempts = cg_attempts_shared_bytes();
    size_t issuers = CG_ISSUERS_MAX * sizeof(cg_issuer_shared_t);
    size_t tokens = cg_cache_bytes(TOKENS_ROOM, cg_issuers_value_bytes());
    size_t signkeys =
        cg_cache_bytes(CG_SIGNKEY_CACHE, cg_signring_value_bytes());
    size_t slots = live_slots();
    size_t total = rounded(cg_live_bytes(slots)) + rounded(attempts) + rounded(signkeys) + rounded(issuers) +
                   rounded(tokens) + rounded(sizeof(cg_breaker_t)) +
                   rounded(sizeof(cg_health_t)) + 4 * rounded(sizeof(int64_t)) +
                   rounded(cg_journal_shared_bytes()) +
                   rounded(cg_quota_shared_bytes()) + rounded(cg_watch_bytes()) +
        rounded(cg_use_bytes()) + rounded(cache) +
                   rounded(memo) + rounded(detectors) + rounded(meter);
    /* A pool that nobody destroys: the mapping outlives every configuration, and
     * no clean-up may point into a module that has been unloaded. */
    apr_pool_t *forever;
    if (apr_pool_create_unmanaged_ex(&forever, NULL, NULL) != APR_SUCCESS ||
        cg_share_create(&shared->share, total, forever) != APR_SUCCESS) {
        return false;
    }
    shared->breaker = cg_share_carve(shared->share, sizeof(cg_breaker_t));
    shared->health = cg_share_carve(shared->share, sizeof(cg_health_t));
    shared->servers = cg_share_carve(shared->share, sizeof(int64_t));
    shared->policy_serial = cg_share_carve(shared->share, sizeof(int64_t));
    shared->credentials_serial = cg_share_carve(shared->share, sizeof(int64_t));
    shared->overrides_serial = cg_share_carve(shared->share, sizeof(int64_t));
    shared->journal = cg_share_carve(shared->share, cg_journal_shared_bytes());
    shared->quota = cg_share_carve(shared->share, cg_quota_shared_bytes());
    shared->watch = cg_share_carve(shared->share, cg_watch_bytes());
    shared->use = cg_share_carve(shared->share, cg_use_bytes());
    shared->live = cg_share_carve(shared->share, cg_live_bytes(slots));
    shared->live_slots = slots;
    shared->cache = cg_share_carve(shared->share, cache);
    shared->attempts = cg_share_carve(shared->share, attempts);
    shared->issuers = cg_share_carve(shared->share, issuers);
    shared->tokens = cg_share_carve(shared->share, tokens);
    shared->signkeys = cg_share_carve(shared->share, signkeys);
    shared->memo = cg_share_carve(shared->share, memo);
    shared->detectors = cg_share_carve(shared->share, detectors);
    shared->meter = cg_share_carve(shared->share, meter);
    shared->version = LAYOUT_VERSION;
    shared->key_cache = key_cache;
    shared->redact_cache = redact_cache;
    cg_atomic_set(shared->servers, 1);
    return shared->meter != NULL;
}

static shared_t *share(int64_t key_cache, int64_t redact_cache)
{
    shared_t *shared = ap_retained_data_get(RETAINED);
    if (!shared) {
        shared = ap_retained_data_create(RETAINED, sizeof *shared);
    }
    if (shared->version == LAYOUT_VERSION && shared->key_cache == key_cache &&
        shared->redact_cache == redact_cache) {
        return shared;
    }
    return carve(shared, key_cache, redact_cache) ? shared : NULL;
}

static cg_meter_t *attach_meter(const plan_t *of, apr_pool_t *pool)
{
    static const char *const operations[] = {"admit", "key", "ship", "alert"};
    const char **endpoints =
        apr_pcalloc(pool, CG_ENDPOINT_COUNT * sizeof(char *));
    size_t models = cg_prices_count(of->prices);
    const char **ids = apr_pcalloc(pool, (models + 1) * sizeof(char *));
    const char **codes =
        apr_pcalloc(pool, (cg_reasons_count() + 1) * sizeof(char *));
    const char **types = apr_pcalloc(pool, CG_TYPE_COUNT * sizeof(char *));
    const char **names =
        apr_pcalloc(pool, (of->accounts.count + 1) * sizeof(char *));
    for (int i = 0; i < CG_ENDPOINT_COUNT; i++) {
        endpoints[i] = cg_endpoints[i].name;
    }
    for (size_t i = 0; i < models; i++) {
        ids[i] = cg_prices_at(of->prices, i)->id;
    }
    for (size_t i = 0; i < cg_reasons_count(); i++) {
        codes[i] = cg_reason_at(i)->code;
    }
    for (int i = 0; i < CG_TYPE_COUNT; i++) {
        types[i] = cg_detector_name(i);
    }
    for (size_t i = 0; i < of->accounts.count; i++) {
        names[i] = of->accounts.rows[i].name;
    }
    cg_meter_names_t sets = {.endpoints = endpoints,
                             .endpoints_count = CG_ENDPOINT_COUNT,
                             .models = ids,
                             .models_count = models,
                             .reasons = codes,
                             .reasons_count = cg_reasons_count(),
                             .findings = types,
                             .findings_count = CG_TYPE_COUNT,
                             .upstreams = names,
                             .upstreams_count = of->accounts.count,
                             .operations = operations,
                             .operations_count = 4};
    return cg_meter_attach(of->shared->meter, MODELS_ROOM, &sets, pool);
}

static cg_meter_t *meter;

static int post_config(apr_pool_t *pool, apr_pool_t *log, apr_pool_t *temp,
                       server_rec *s)
{
    (void)log;
    (void)temp;
    cg_error_t err;
    if (ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG) {
        return OK;
    }
    cg_environ_take(cg_config_server(s)->policy);
    if (!plan) {
        return OK;
    }
    cg_hush_quiet(pool, s);
    plan->place = ap_get_module_config(s->lookup_defaults, &chatgpt_module);
    cg_random(plan->memo_secret, sizeof plan->memo_secret);
    plan->shared = share(plan->policy->key_cache, plan->policy->redact_cache);
    if (!plan->shared) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, 0, s,
                     "CG9011 no shared memory; the API is not served");
        plan = NULL;
        return OK;
    }
    if (cg_journal_prepare(path_of(plan->policy->journal_folder, pool),
                           ap_unixd_config.user_id, ap_unixd_config.group_id,
                           &err, pool) != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, s, "CG8010 ChatGPTJournal: %s",
                     err.text);
    }
    cg_attempts_prepare(plan->shared->attempts);
    meter = attach_meter(plan, pool);
    cg_meter_store_up(meter, true);
    ap_add_version_component(pool, "mod_chatgpt/" CG_VERSION);
    return OK;
}

/* -- children ----------------------------------------------------------------- */

static bool may_work(void *baton)
{
    (void)baton;
    int state = AP_MPMQ_RUNNING;
    ap_mpm_query(AP_MPMQ_MPM_STATE, &state);
    return state != AP_MPMQ_STOPPING;
}

static void on_store(void *baton, bool is_up, const char *where)
{
    server_rec *s = baton;
    if (is_up) {
        ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, s,
                     "CG9021 the store at %s is back", where);
        return;
    }
    ap_log_error(APLOG_MARK, APLOG_ERR, 0, s,
                 "CG9020 the store at %s does not answer; limits do what "
                 "ChatGPTStoreDown says, records wait in the journal",
                 where);
}

static void on_trouble(void *baton, const char *words)
{
    ap_log_error(APLOG_MARK, APLOG_ERR, 0, (server_rec *)baton,
                 "CG8012 records are not shipped: %s", words);
}

static void on_policy(void *baton, int64_t version, const char *words)
{
    server_rec *s = baton;
    if (!words) {
        ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, s,
                     "CG9030 policy version %" APR_INT64_T_FMT " is in force",
                     version);
        return;
    }
    ap_log_error(APLOG_MARK, APLOG_ERR, 0, s,
                 "CG9031 the published policy cannot be used, version "
                 "%" APR_INT64_T_FMT " stays in force: %s",
                 version, words);
}

static void on_credential(void *baton, const char *name, int64_t version,
                          const char *words)
{
    server_rec *s = baton;
    if (!words) {
        ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, s,
                     "CG9040 credential %s, version %" APR_INT64_T_FMT
                     ", is in force",
                     name, version);
        return;
    }
    ap_log_error(APLOG_MARK, APLOG_ERR, 0, s,
                 "CG9041 credential %s cannot be had, version "
                 "%" APR_INT64_T_FMT " (0: none) stays in force: %s",
                 name, version, words);
}

static void on_key(void *baton, const cg_key_t *key)
{
    char until[25];
    cg_clock_rfc3339(key->expires_at, until);
    ap_log_error(APLOG_MARK, APLOG_WARNING, 0, (server_rec *)baton,
                 "CG1027 the API key %s (%s) expires at %s; extend it or give "
                 "its holders another",
                 key->id, key->name, until);
}

static void on_issuer(void *baton, const char *name, const char *words)
{
    server_rec *s = baton;
    if (!words) {
        ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, s,
                     "CG1031 the keys of issuer %s can be fetched again", name);
        return;
    }
    ap_log_error(APLOG_MARK, APLOG_ERR, 0, s,
                 "CG1030 the keys of issuer %s cannot be fetched; those it had "
                 "stay in force: %s",
                 name, words);
}

static void on_alert(void *baton, const char *id, const char *words)
{
    ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, (server_rec *)baton,
                 "CG9050 alert %s: %s", id, words);
}

static void on_alert_lost(void *baton, const char *id, const char *way,
                          const char *words)
{
    ap_log_error(APLOG_MARK, APLOG_ERR, 0, (server_rec *)baton,
                 "CG9051 alert %s was given up, it cannot be sent to %s: %s", id,
                 way, words);
}

typedef void (*thread_work_t)(const cg_gateway_t *, const cg_keeper_watch_t *,
                              const volatile int *);

/* lives in: child pool */
typedef struct worker_t {
    apr_thread_t *thread;
    cg_keeper_watch_t watch;
    thread_work_t run;
} worker_t;

static void *APR_THREAD_FUNC run_worker(apr_thread_t *thread, void *data)
{
    worker_t *worker = data;
    worker->run(gateway, &worker->watch, &is_stopping);
    apr_thread_exit(thread, APR_SUCCESS);
    return NULL;
}

static apr_status_t stop_worker(void *data)
{
    worker_t *worker = data;
    apr_status_t rv;
    is_stopping = 1;
    apr_thread_join(&rv, worker->thread);
    return APR_SUCCESS;
}

static void start_worker(apr_pool_t *child, server_rec *s, thread_work_t run)
{
    worker_t *worker = apr_pcalloc(child, sizeof *worker);
    worker->run = run;
    worker->watch =
        (cg_keeper_watch_t){may_work, on_store,      on_trouble, on_policy,
                            s,        on_credential, on_key,     on_issuer,
                            on_alert, on_alert_lost};
    apr_status_t rv =
        apr_thread_create(&worker->thread, NULL, run_worker, worker, child);
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, rv, s,
                     "CG9012 a thread of the gateway could not be started");
        return;
    }
    /* Before the pools below it go: threads end before what they use. */
    apr_pool_pre_cleanup_register(child, worker, stop_worker);
}

static bool open_store(cg_gateway_t *to, cg_error_t *err)
{
    const cg_policy_t *policy = plan->policy;
    cg_store_options_t options = {.access = plan->access,
                                  .operation_for = policy->store_for,
                                  .connections_max = (int)policy->store_pool,
                                  .breaker = plan->shared->breaker};
    if (plan->password) {
        options.password = cg_str_dup(cg_secret_open(plan->password), to->pool);
    }
    if (cg_store_open(&to->store, &options, err, to->pool) != APR_SUCCESS) {
        return false;
    }
    /* Slow documents must not count as a store that is away. */
    options.breaker = NULL;
    options.connections_max = DOCUMENT_CONNECTIONS;
    if (options.operation_for < DOCUMENT_FOR) {
        options.operation_for = DOCUMENT_FOR;
    }
    return cg_store_open(&to->documents, &options, err, to->pool) ==
           APR_SUCCESS;
}

static void open_journal(cg_gateway_t *to, server_rec *s)
{
    cg_error_t err;
    if (cg_journal_open(&to->journal,
                        path_of(plan->policy->journal_folder, to->pool),
                        plan->shared->journal, CG_JOURNAL_SEGMENT_MAX, &err,
                        to->pool) != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, s, "CG8011 ChatGPTJournal: %s",
                     err.text);
        to->journal = NULL;
        return;
    }
    to->node = cg_journal_node(to->journal);
}

/* Before the first request: what was published last is in force at once, also
 * while the store is away. */
static bool open_policy(cg_gateway_t *to, server_rec *s)
{
    cg_error_t err = {""};
    apr_pool_t *temp;
    if (cg_gateway_open(to) != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, 0, s,
                     "CG9014 no mutex; the API is not served");
        return false;
    }
    if (!to->journal) {
        return true;
    }
    if (cg_published_refresh(to, &err) != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, s,
                     "CG9032 the published policy cannot be loaded, requests "
                     "are refused: %s",
                     err.text);
    }
    apr_pool_create(&temp, to->pool);
    const cg_published_t *now = cg_gateway_take(to, temp);
    cg_meter_policy(to->meter, now->version, now->published_at);
    apr_pool_destroy(temp);
    return true;
}

/* Before the first request, as the policy. */
static bool open_credentials(cg_gateway_t *to, server_rec *s)
{
    cg_error_t err = {""};
    if (cg_gateway_open_credentials(to) != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, 0, s,
                     "CG9042 no mutex; the API is not served");
        return false;
    }
    if (to->credentials && to->journal &&
        cg_credentials_begin(to, &err) != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, s,
                     "CG9043 the stored credentials cannot be read: %s",
                     err.text);
    }
    return true;
}

/* Likewise. */
static bool open_overrides(cg_gateway_t *to, server_rec *s)
{
    cg_error_t err = {""};
    if (cg_gateway_open_overrides(to) != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, 0, s,
                     "CG2020 no mutex; the API is not served");
        return false;
    }
    if (to->journal && cg_flow_overrides_refresh(to, &err) != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, s,
                     "CG2021 the limits of single objects cannot be read: %s",
                     err.text);
    }
    return true;
}

/* Before the first request: keys that were fetched by an earlier process are in
 * force at once, also while the issuer is away. */
static bool open_issuers(cg_gateway_t *to, server_rec *s)
{
    to->issuer_rows = &plan->issuers;
    to->issuers_shared = plan->shared->issuers;
    to->verified_tokens = cg_cache_attach(plan->shared->tokens, TOKENS_ROOM,
                                          cg_issuers_value_bytes(), to->pool);
    if (cg_gateway_open_issuers(to) != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, 0, s,
                     "CG1032 no mutex; the API is not served");
        return false;
    }
    cg_keysets_refresh(to);
    return true;
}

static void lock_secrets(server_rec *s)
{
    if (!cg_secrets_lock(plan->secrets)) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                     "CG9044 secrets may be swapped to disk: raise "
                     "LimitMEMLOCK of the service");
    }
}

static apr_status_t leave_meter(void *data)
{
    cg_meter_leave(data);
    return APR_SUCCESS;
}

static void child_init(apr_pool_t *child, server_rec *s)
{
    cg_error_t err;
    if (!plan || !plan->shared) {
        return;
    }
    lock_secrets(s);
    cg_gateway_t *made = apr_pcalloc(child, sizeof *made);
    made->pool = child;
    made->node = "";
    if (!open_store(made, &err)) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, 0, s, "CG9013 ChatGPTStore: %s",
                     err.text);
        return;
    }
    made->keyring = cg_keyring_open(
        made->store, plan->pepper, plan->shared->cache,
        (size_t)plan->shared->key_cache, plan->policy->key_cache_for, child);
    made->signring = cg_signring_open(
        made->store, plan->sealer,
        cg_cache_attach(plan->shared->signkeys, CG_SIGNKEY_CACHE,
                        cg_signring_value_bytes(), child),
        plan->policy->key_cache_for, child);
    made->attempts = cg_attempts_open(plan->shared->attempts, child);
    made->quota = cg_quota_open(made->store, plan->shared->quota, child);
    made->alert_rules = &plan->alerts;
    made->alerts = cg_alert_feed_open(made->store, child);
    made->watch = cg_watch_attach(plan->shared->watch, child);
    made->use = cg_use_attach(plan->shared->use, child);
    made->live =
        cg_live_attach(plan->shared->live, plan->shared->live_slots, child);
    cg_quota_live(made->quota, made->live);
    made->meter = meter;
    made->rules = plan->rules;
    made->spec = &plan->spec;
    made->prices = plan->prices;
    made->vocabularies = &plan->vocabularies;
    made->accounts = &plan->accounts;
    made->health = plan->shared->health;
    made->breaker = plan->shared->breaker;
    made->servers = plan->shared->servers;
    made->pseudonym_keys = plan->pseudonym_keys;
    made->audit_keep = plan->policy->audit_keep;
    made->upload_folder = path_of(plan->policy->upload_folder, child);
    open_journal(made, s);
    if (plan->shared->redact_cache > 0) {
        made->memo =
            cg_memo_open(plan->shared->memo, (size_t)plan->shared->redact_cache,
                         plan->memo_secret, child);
    }
    made->detectors = plan->shared->detectors;
    made->policy_serial = plan->shared->policy_serial;
    made->policy_approval = plan->policy->policy_approval;
    made->sealer = plan->sealer;
    made->credentials_serial = plan->shared->credentials_serial;
    made->overrides_serial = plan->shared->overrides_serial;
    if (!open_policy(made, s) || !open_credentials(made, s) ||
        !open_issuers(made, s) || !open_overrides(made, s)) {
        return;
    }
    cg_meter_join(meter);
    apr_pool_cleanup_register(child, meter, leave_meter, apr_pool_cleanup_null);
    cg_upstream_open(child, s, made->accounts, plan->policy->connect_for);
    gateway = made;
    is_stopping = 0;
    start_worker(child, s, cg_keeper_run);
    start_worker(child, s, cg_keeper_probe);
    start_worker(child, s, cg_keeper_policy);
    start_worker(child, s, cg_keeper_credentials);
    start_worker(child, s, cg_keeper_issuers);
    start_worker(child, s, cg_keeper_alerts);
    start_worker(child, s, cg_keeper_letters);
    start_worker(child, s, cg_keeper_overrides);
}

static int pre_config(apr_pool_t *pool, apr_pool_t *log, apr_pool_t *temp)
{
    (void)log;
    plan = NULL;
    cg_environ_lend(temp);
    cg_config_forget(pool);
    return OK;
}

void cg_life_hooks(apr_pool_t *pool)
{
    (void)pool;
    static const char *const after[] = {"mod_proxy.c", "mod_proxy_http.c",
                                        NULL};
    ap_hook_pre_config(pre_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_check_config(check_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_post_config(post_config, after, NULL, APR_HOOK_LAST);
    ap_hook_child_init(child_init, after, NULL, APR_HOOK_LAST);
}
