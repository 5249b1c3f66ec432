/* chatgptctl rules check: is there a fault in a rule file?
 * SPDX-License-Identifier: Apache-2.0
 *
 * Says what httpd's configtest would say of the file, and goes on behind the
 * first fault. A sound file says nothing.
 */
#include "ctl/ctl.h"

#include <stdio.h>
#include <string.h>

#include <apr_pools.h>

#include "redact/rules.h"

static const char usage[] =
    "usage: chatgptctl rules check FILE...\n"
    "prints \"file:line: what is wrong\" for each fault\n";

static void on_fault(void *baton, const char *words)
{
    (void)baton;
    printf("%s\n", words);
}

/* Each line may be sound, and all of them together too large. */
static bool is_whole(const char *path, apr_pool_t *pool)
{
    cg_rules_spec_t spec;
    cg_rules_t *rules;
    cg_error_t err;
    if (cg_rules_read(path, &spec, &err, pool) != APR_SUCCESS) {
        printf("%s\n", err.text);
        return false;
    }
    if (cg_rules_create(&spec, &rules, &err, pool) != APR_SUCCESS) {
        printf("%s: %s\n", path, err.text);
        return false;
    }
    return true;
}

static bool check(const char *path)
{
    apr_pool_t *pool;
    apr_pool_create(&pool, NULL);
    bool is_sound =
        cg_rules_check(path, on_fault, NULL, pool) == 0 && is_whole(path, pool);
    apr_pool_destroy(pool);
    return is_sound;
}

int cg_ctl_rules(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[argc - 1], "--help") == 0) {
        fputs(usage, stdout);
        return CG_CTL_DONE;
    }
    if (argc < 3 || strcmp(argv[1], "check") != 0 || argv[2][0] == '-') {
        fputs(usage, stderr);
        return CG_CTL_USAGE;
    }
    bool are_sound = true;
    for (int i = 2; i < argc; i++) {
        are_sound = check(argv[i]) && are_sound;
    }
    return are_sound ? CG_CTL_DONE : CG_CTL_NO;
}
