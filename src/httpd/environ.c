/* Secrets that the environment gave: taken out of it once the server has started.
 * SPDX-License-Identifier: Apache-2.0
 *
 * What stands in the environment is shown by /proc/<pid>/environ for as long as a
 * process lives, to all that run as its user and to each program it starts. So
 * before the first child is made, every variable that a directive names by env: is
 * copied to memory that is locked and left out of core dumps, and overwritten
 * where it stood. A graceful restart reads the configuration again: for the time of
 * reading the variables are lent back.
 *
 * The copies outlive the module, which httpd unloads between two readings; so they
 * are no cg_secret_t, whose clean-up would be code that has gone.
 */
#include "httpd/httpd_int.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <apr_env.h>
#include <apr_strings.h>

#include "base/digest.h"

#define RETAINED "mod_chatgpt environment"
#define NAMES_MAX 64
#define NAME_MAX_BYTES 128

/* One variable. lives in: memory retained over restarts */
typedef struct taken_t {
    char name[NAME_MAX_BYTES];
    char *value; /* a mapping of its own */
    size_t mapped;
    bool is_lent;
} taken_t;

typedef struct vault_t {
    int count;
    taken_t taken[NAMES_MAX];
} vault_t;

static vault_t *vault_of(bool makes)
{
    vault_t *vault = ap_retained_data_get(RETAINED);
    return vault || !makes ? vault
                           : ap_retained_data_create(RETAINED, sizeof *vault);
}

static taken_t *find(vault_t *vault, const char *name)
{
    for (int i = 0; i < vault->count; i++) {
        if (strcmp(vault->taken[i].name, name) == 0) {
            return &vault->taken[i];
        }
    }
    return NULL;
}

/* A page of its own, so that it can be locked and kept from dumps. */
static bool keep(taken_t *to, const char *value)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t len = strlen(value);
    size_t mapped = (len / page + 1) * page;
    char *copy = mmap(NULL, mapped, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (copy == MAP_FAILED) {
        return false;
    }
    madvise(copy, mapped, MADV_DONTDUMP);
    madvise(copy, mapped, MADV_DONTFORK); /* children read no configuration */
    mlock(copy, mapped);
    memcpy(copy, value, len + 1);
    if (to->value) {
        cg_wipe(to->value, to->mapped);
        munmap(to->value, to->mapped);
    }
    to->value = copy;
    to->mapped = mapped;
    return true;
}

/* getenv tells where the value itself stands: on the stack that the kernel filled,
 * which /proc shows, or where lending put it. */
static void wipe_variable(const char *name)
{
    char *value = getenv(name);
    if (value) {
        cg_wipe(value, strlen(value));
        unsetenv(name);
    }
}

static void take(vault_t *vault, const char *name)
{
    const char *value = getenv(name);
    taken_t *one = find(vault, name);
    if (!value || !value[0] || strlen(name) >= NAME_MAX_BYTES) {
        return;
    }
    if (!one && vault->count < NAMES_MAX) {
        one = &vault->taken[vault->count++];
        apr_cpystrn(one->name, name, sizeof one->name);
    }
    if (one && (one->is_lent || keep(one, value))) {
        one->is_lent = false;
        wipe_variable(name);
    }
}

void cg_environ_lend(apr_pool_t *temp)
{
    vault_t *vault = vault_of(false);
    for (int i = 0; vault && i < vault->count; i++) {
        taken_t *one = &vault->taken[i];
        if (!one->is_lent &&
            apr_env_set(one->name, one->value, temp) == APR_SUCCESS) {
            one->is_lent = true;
        }
    }
}

/* What was lent and is not named any more goes back all the same. */
static void take_back(vault_t *vault)
{
    for (int i = 0; i < vault->count; i++) {
        if (vault->taken[i].is_lent) {
            wipe_variable(vault->taken[i].name);
            vault->taken[i].is_lent = false;
        }
    }
}

static void take_word(const char *word)
{
    if (strncmp(word, "env:", 4) == 0 && word[4]) {
        take(vault_of(true), word + 4);
    }
}

void cg_environ_take(const cg_policy_t *policy)
{
    for (int i = 0; policy->upstreams && i < policy->upstreams->nelts; i++) {
        const apr_array_header_t *words =
            APR_ARRAY_IDX(policy->upstreams, i, const apr_array_header_t *);
        for (int j = 2; j < words->nelts; j++) {
            take_word(APR_ARRAY_IDX(words, j, const char *));
        }
    }
    for (int i = 0; policy->seal_keys && i < policy->seal_keys->nelts; i++) {
        take_word(APR_ARRAY_IDX(policy->seal_keys, i, const char *));
    }
    for (int i = 1; policy->store && i < policy->store->nelts; i++) {
        const char *word = APR_ARRAY_IDX(policy->store, i, const char *);
        const char *value = strchr(word, '=');
        take_word(value ? value + 1 : word);
    }
    vault_t *vault = vault_of(false);
    if (vault) {
        take_back(vault);
    }
}
