/* Runs the unit tests: all suites, or those named as arguments.
 * SPDX-License-Identifier: Apache-2.0
 *
 * suites.h is made by the Makefile from the tables that tests/unit/<room>/
 * test_<file>.c define, one CG_SUITE(room, file) each. A name is a suite's
 * ("base_text") or a room's ("base"). --list names all suites (tests/unit/run.sh
 * runs them side by side).
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <CUnit/Basic.h>
#include <CUnit/CUnit.h>
#include <apr_general.h>

#define CG_SUITE(room, file) extern CU_TestInfo test_##room##_##file[];
#include "gen/suites.h"
#undef CG_SUITE

static const struct suite_t {
    const char *room;
    const char *name;
    CU_TestInfo *tests;
} suites[] = {
#define CG_SUITE(room, file) {#room, #room "_" #file, test_##room##_##file},
#include "gen/suites.h"
#undef CG_SUITE
};
enum { SUITES = sizeof suites / sizeof suites[0] };

static bool is_named(const struct suite_t *suite, const char *name)
{
    return strcmp(name, suite->name) == 0 || strcmp(name, suite->room) == 0;
}

static bool is_wanted(const struct suite_t *suite, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (is_named(suite, argv[i])) {
            return true;
        }
    }
    return argc < 2;
}

/* A name that is no suite's would pass by running nothing. */
static bool has_suite(const char *name)
{
    for (int i = 0; i < SUITES; i++) {
        if (is_named(&suites[i], name)) {
            return true;
        }
    }
    fprintf(stderr, "unit: there is no suite %s\n", name);
    return false;
}

static void add_suites(int argc, char **argv)
{
    for (int i = 0; i < SUITES; i++) {
        if (is_wanted(&suites[i], argc, argv)) {
            CU_SuiteInfo info[] = {{suites[i].name, NULL, NULL, NULL, NULL,
                                    suites[i].tests},
                                   CU_SUITE_INFO_NULL};
            if (CU_register_suites(info) != CUE_SUCCESS) {
                fprintf(stderr, "unit: %s: %s\n", suites[i].name,
                        CU_get_error_msg());
                exit(1);
            }
        }
    }
}

static bool run(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (!has_suite(argv[i])) {
            return false;
        }
    }
    CU_initialize_registry();
    add_suites(argc, argv);
    CU_basic_set_mode(CU_BRM_NORMAL);
    CU_basic_run_tests();
    CU_basic_show_failures(CU_get_failure_list());
    unsigned failed = CU_get_number_of_tests_failed();
    unsigned passed = CU_get_number_of_tests_run() - failed;
    printf("\nunit: %u passed, %u failed\n", passed, failed);
    CU_cleanup_registry();
    return passed > 0 && failed == 0;
}

static bool list(void)
{
    for (int i = 0; i < SUITES; i++) {
        puts(suites[i].name);
    }
    return true;
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0); /* in step with what the tests say */
    if (apr_initialize() != APR_SUCCESS) {
        return 1;
    }
    atexit(apr_terminate); /* after what fixtures undo at the end */
    bool is_list = argc == 2 && strcmp(argv[1], "--list") == 0;
    return (is_list ? list() : run(argc, argv)) ? 0 : 1;
}
