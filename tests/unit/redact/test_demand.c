/* What a key demands beyond its place: tests.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include "redact/demand.h"

static int of(const cg_actions_t *actions, cg_type_t type)
{
    return actions->by_type[type];
}

static void demand_reads_types_families_directions_and_packs(void)
{
    cg_demand_t demand;
    cg_error_t err = {""};
    CU_ASSERT(cg_demand_read(CG_STR("EMAIL_ADDRESS=block,SECRET_*=mask:answer "
                                    "US_SSN=Log:request, +cn +own-words"),
                             &demand, &err));
    CU_ASSERT_EQUAL(of(&demand.request, CG_TYPE_EMAIL_ADDRESS),
                    CG_ACTION_BLOCK);
    CU_ASSERT_EQUAL(of(&demand.answer, CG_TYPE_EMAIL_ADDRESS), CG_ACTION_BLOCK);
    CU_ASSERT_EQUAL(of(&demand.request, CG_TYPE_SECRET_JWT), CG_ACTION_ALLOW);
    CU_ASSERT_EQUAL(of(&demand.answer, CG_TYPE_SECRET_JWT), CG_ACTION_MASK);
    CU_ASSERT_EQUAL(of(&demand.request, CG_TYPE_US_SSN), CG_ACTION_LOG);
    CU_ASSERT_EQUAL(of(&demand.answer, CG_TYPE_US_SSN), CG_ACTION_ALLOW);
    CU_ASSERT_EQUAL_FATAL(demand.packs_count, 2);
    CU_ASSERT(cg_str_is(demand.packs[0], "cn"));
    CU_ASSERT(cg_str_is(demand.packs[1], "own-words"));
}

static void demand_adds_up_in_any_order(void)
{
    cg_demand_t one, other;
    CU_ASSERT(cg_demand_read(CG_STR("*=log,KEYWORD=block"), &one, NULL));
    CU_ASSERT(cg_demand_read(CG_STR("KEYWORD=block,*=log"), &other, NULL));
    CU_ASSERT_EQUAL(memcmp(&one, &other, sizeof one), 0);
    CU_ASSERT_EQUAL(of(&one.request, CG_TYPE_KEYWORD), CG_ACTION_BLOCK);
}

static void demand_of_nothing_is_nothing(void)
{
    static const char *const empty[] = {"", " ", ",", " , ,\t"};
    for (size_t i = 0; i < sizeof empty / sizeof empty[0]; i++) {
        cg_demand_t demand;
        CU_ASSERT(cg_demand_read(cg_str(empty[i]), &demand, NULL));
        CU_ASSERT_EQUAL(demand.packs_count, 0);
        for (int t = 0; t < CG_DETECTORS_MAX; t++) {
            CU_ASSERT_EQUAL(demand.request.by_type[t], CG_ACTION_ALLOW);
        }
    }
}

static void demand_refuses_what_is_not_legal_and_says_what_is(void)
{
    static const char *const wrong[] = {
        "EMAIL_ADDRESS",
        "EMAIL_ADDRESS=",
        "=block",
        "EMAIL_ADDRESS=block:",
        "EMAIL_ADDRESS=block:sideways",
        "EMAIL_ADDRESS=shred",
        "NO_SUCH_TYPE=block",
        "US_SSN=mask,EMAIL_ADDRESS block",
        "+",
        "+a/b",
        "+a +b +c +d +e +f +g +h +i",
        "EMAIL_ADDRESS=block;US_SSN=mask",
        "XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX"
        "XXXXXXXXXXXXXXXXXXXXXXXXXXXX=block"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        cg_demand_t demand;
        cg_error_t err = {""};
        if (cg_demand_read(cg_str(wrong[i]), &demand, &err)) {
            CU_FAIL("a wrong demand was taken");
            fprintf(stderr, "taken: %s\n", wrong[i]);
        }
        CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "legal: TYPE=ACTION"));
    }
}

CU_TestInfo test_redact_demand[] = {
    {"demand_reads_types_families_directions_and_packs",
     demand_reads_types_families_directions_and_packs},
    {"demand_adds_up_in_any_order", demand_adds_up_in_any_order},
    {"demand_of_nothing_is_nothing", demand_of_nothing_is_nothing},
    {"demand_refuses_what_is_not_legal_and_says_what_is",
     demand_refuses_what_is_not_legal_and_says_what_is},
    CU_TEST_INFO_NULL,
};
