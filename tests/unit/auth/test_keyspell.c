/* The spelling of API keys: tests.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include <CUnit/CUnit.h>

#include "auth/keyspell.h"

static void spelling_comes_back_as_its_parts(void)
{
    for (int i = 0; i < 200; i++) {
        cg_key_parts_t parts = {.id = ""}, back;
        char spelled[CG_KEY_SPELLED_LEN + 1];
        cg_keyspell_make(&parts);
        cg_keyspell_write(&parts, spelled);
        CU_ASSERT_EQUAL(strlen(spelled), CG_KEY_SPELLED_LEN);
        CU_ASSERT(cg_apikey_is_spelled(cg_str(spelled)));
        CU_ASSERT_FATAL(cg_keyspell_parse(cg_str(spelled), &back));
        CU_ASSERT_STRING_EQUAL(back.id, parts.id);
        CU_ASSERT(memcmp(back.secret, parts.secret, 32) == 0);
    }
}

static void spelling_with_one_wrong_character_is_refused(void)
{
    cg_key_parts_t parts = {.id = ""};
    char spelled[CG_KEY_SPELLED_LEN + 1];
    cg_keyspell_make(&parts);
    cg_keyspell_write(&parts, spelled);
    for (int i = 0; i < CG_KEY_SPELLED_LEN; i++) {
        char was = spelled[i];
        for (int c = 0; c < 256; c++) {
            if ((char)c == was) {
                continue;
            }
            spelled[i] = (char)c;
            cg_str_t text = {spelled, CG_KEY_SPELLED_LEN};
            CU_ASSERT_FALSE(cg_apikey_is_spelled(text));
        }
        spelled[i] = was;
    }
    CU_ASSERT(cg_apikey_is_spelled(cg_str(spelled)));
}

static void spelling_of_other_length_or_shape_is_refused(void)
{
    cg_key_parts_t parts = {.id = ""};
    char spelled[CG_KEY_SPELLED_LEN + 3] = "";
    cg_keyspell_make(&parts);
    cg_keyspell_write(&parts, spelled);
    for (size_t len = 0; len < CG_KEY_SPELLED_LEN; len++) {
        CU_ASSERT_FALSE(cg_apikey_is_spelled((cg_str_t){spelled, len}));
    }
    strcat(spelled, "x");
    CU_ASSERT_FALSE(cg_apikey_is_spelled(cg_str(spelled)));
    CU_ASSERT_FALSE(cg_apikey_is_spelled(CG_STR("sk-abc")));
    CU_ASSERT_FALSE(cg_apikey_is_spelled((cg_str_t){NULL, 0}));
}

static void spelling_is_fixed_for_ever(void)
{
    /* Keys live for years: these must be read by every later version. */
    cg_key_parts_t parts = {.id = "0a1b2c3d"};
    char spelled[CG_KEY_SPELLED_LEN + 1];
    for (int i = 0; i < CG_KEY_SECRET_BYTES; i++) {
        parts.secret[i] = (unsigned char)(i * 7);
    }
    cg_keyspell_write(&parts, spelled);
    CU_ASSERT_STRING_EQUAL(
        spelled,
        "vk_0a1b2c3d_AAcOFRwjKjE4P0ZNVFtiaXB3foWMk5qhqK-2vcTL0tk_2WCYjA");
}

static void ids_are_eight_plain_letters(void)
{
    CU_ASSERT(cg_keyspell_is_id(CG_STR("0a1b2c3d")));
    CU_ASSERT_FALSE(cg_keyspell_is_id(CG_STR("0a1b2c3")));
    CU_ASSERT_FALSE(cg_keyspell_is_id(CG_STR("0a1b2c3l")));
    CU_ASSERT_FALSE(cg_keyspell_is_id(CG_STR("0a1b2c3D")));
    CU_ASSERT_FALSE(cg_keyspell_is_id((cg_str_t){"0a1b2c3\0", 8}));
}

CU_TestInfo test_auth_keyspell[] = {
    {"spelling_comes_back_as_its_parts", spelling_comes_back_as_its_parts},
    {"spelling_with_one_wrong_character_is_refused",
     spelling_with_one_wrong_character_is_refused},
    {"spelling_of_other_length_or_shape_is_refused",
     spelling_of_other_length_or_shape_is_refused},
    {"spelling_is_fixed_for_ever", spelling_is_fixed_for_ever},
    {"ids_are_eight_plain_letters", ids_are_eight_plain_letters},
    CU_TEST_INFO_NULL,
};
