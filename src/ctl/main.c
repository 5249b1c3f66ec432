/* chatgptctl: one tool for operators, linked from the same library as the module.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A table of commands and nothing else. Exit status: 0, 2 for wrong use, 1 for
 * "no", as a chain that does not verify or a store that cannot be reached.
 */
#include "ctl/ctl.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>

static const struct command_t {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
} commands[] = {
    {"credential", cg_ctl_credential,
     "set, list and delete credentials of upstreams, sealed in the store"},
    {"key", cg_ctl_key, "create, list, rotate and revoke API keys"},
    {"policy", cg_ctl_policy,
     "what other rules would have found in exported records"},
    {"rules", cg_ctl_rules, "is there a fault in a rule file?"},
    {"scan", cg_ctl_scan,
     "what would be found in a text, and what would leave"},
    {"seal", cg_ctl_seal, "the master keys under which secrets are stored"},
    {"signkey", cg_ctl_signkey,
     "create, list and revoke keys that sign requests"},
    {"token", cg_ctl_token, "make tokens (JWT), and try them"},
    {"tokens", cg_ctl_tokens, "how many tokens is a text, or a request?"},
};
enum { COMMANDS = sizeof commands / sizeof commands[0] };

static void print_help(FILE *to)
{
    fputs("usage: chatgptctl COMMAND [ARGUMENT]...\n\n", to);
    for (int i = 0; i < COMMANDS; i++) {
        fprintf(to, "  %-10s %s\n", commands[i].name, commands[i].help);
    }
    fputs("\nchatgptctl COMMAND --help says more. Exit status: 0 done, 1 no, "
          "2 wrong use.\n",
          to);
}

static const struct command_t *find_command(const char *name)
{
    for (int i = 0; i < COMMANDS; i++) {
        if (strcmp(commands[i].name, name) == 0) {
            return &commands[i];
        }
    }
    return NULL;
}

static bool is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 ||
           strcmp(word, "help") == 0;
}

static int run(int argc, char **argv)
{
    if (argc > 1 && is_help(argv[1])) {
        print_help(stdout);
        return EXIT_SUCCESS;
    }
    const struct command_t *command = argc > 1 ? find_command(argv[1]) : NULL;
    if (!command) {
        if (argc > 1) {
            fprintf(stderr, "chatgptctl: there is no command %.40s\n", argv[1]);
        }
        print_help(stderr);
        return CG_CTL_USAGE;
    }
    return command->run(argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
    if (apr_initialize() != APR_SUCCESS) {
        fputs("chatgptctl: APR does not start\n", stderr);
        return EXIT_FAILURE;
    }
    int status = run(argc, argv);
    bool is_written = fflush(stdout) == 0 && !ferror(stdout);
    apr_terminate();
    if (!is_written) {
        fputs("chatgptctl: the output cannot be written\n", stderr);
        return status ? status : EXIT_FAILURE;
    }
    return status;
}
