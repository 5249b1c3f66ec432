/* Check digits: of each kind one that is right and one that is not.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The corpora's own-validators and pub-validators are run where present, for
 * the types that have a check function.
 */
#include "redact/check.h"

#include "redact/cases.h"
#include "redact/detectors.h"

static const struct {
    int type;
    const char *right;
    const char *wrong;
} values[] = {
    {CG_TYPE_CREDIT_CARD, "4539 1488 0343 6467", "4539 1488 0343 6468"},
    {CG_TYPE_IBAN_CODE, "DE89 3704 0044 0532 0130 00",
     "DE89370400440532013001"},
    {CG_TYPE_CN_RESIDENT_ID, "11010519491231002X", "110105194912310021"},
    {CG_TYPE_US_SSN, "512-12-1692", "000-12-3456"},
    {CG_TYPE_US_ITIN, "911-70-1234", "911-89-1234"},
    {CG_TYPE_UK_NINO, "AA 12 34 56 B", "BG 12 36 12 A"},
    {CG_TYPE_ES_NIF, "12345678Z", "12345678A"},
    {CG_TYPE_ES_NIE, "X9613851N", "Y8063915Q"},
    {CG_TYPE_BR_CPF, "494.004.432-77", "494.004.432-78"},
    {CG_TYPE_AU_TFN, "865 414 088", "865 414 089"},
    {CG_TYPE_AU_ABN, "51 824 753 556", "52 824 753 556"},
    {CG_TYPE_CA_SIN, "130 692 544", "130 692 545"},
    {CG_TYPE_US_NPI, "1234567893", "1234567890"},
    {CG_TYPE_UK_NHS, "943 476 5919", "943 476 5918"},
    {CG_TYPE_PL_PESEL, "44051401458", "44051401459"},
    {CG_TYPE_NL_BSN, "111222333", "111222334"},
    {CG_TYPE_TR_NATIONAL_ID, "10000000146", "12345678900"},
    {CG_TYPE_ZA_ID_NUMBER, "8001015009087", "8001015009086"},
    {CG_TYPE_FI_PERSONAL_IDENTITY_CODE, "131052-308T", "131052-308U"},
    {CG_TYPE_FI_PERSONAL_IDENTITY_CODE, "030594W903B", "131052/308T"},
    {CG_TYPE_ABA_ROUTING_NUMBER, "121042882", "421042111"},
};

static void check_digits_tell_right_from_wrong(void)
{
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        CU_ASSERT_TRUE(cg_check_value(values[i].type, cg_str(values[i].right)));
        CU_ASSERT_FALSE(
            cg_check_value(values[i].type, cg_str(values[i].wrong)));
    }
}

static void one_changed_digit_is_always_noticed(void)
{
    const char card[] = "4539148803436467";
    for (int at = 0; at < 16; at++) {
        for (char c = '0'; c <= '9'; c++) {
            char changed[17];
            memcpy(changed, card, 17);
            changed[at] = c;
            CU_ASSERT_EQUAL(cg_check_luhn(changed, 16), c == card[at]);
        }
    }
}

static void addresses_of_coins_are_checked_by_their_sums(void)
{
    CU_ASSERT_TRUE(cg_check_base58("16Yeky6GMjeNkAiNcBY7ZhrLoMSgg1BoyZ", 34));
    CU_ASSERT_FALSE(cg_check_base58("16Yeky6GMjeNkAiNcBY7ZhrLoMSgg1BoyY", 34));
    CU_ASSERT_TRUE(
        cg_check_bech32("bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq", 42));
    CU_ASSERT_FALSE(
        cg_check_bech32("bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mda", 42));
}

static void run_validator(const cg_walk_t *row, apr_pool_t *pool)
{
    int type =
        cg_detector_find(cg_str_dup(member_str(row, "type", pool), pool));
    cg_str_t value = member_str(row, "value", pool);
    bool is_valid = cg_walk_is_true(row, cg_walk_member(row, 0, "valid"));
    if (type < 0) {
        return;
    }
    if (cg_check_value(type, value) != is_valid) {
        fprintf(stderr, "%s %.*s\n", cg_detector_name(type), (int)value.len,
                value.ptr);
        CU_FAIL("a validator of the corpora");
    }
}

static void validators_of_the_corpora_agree(void)
{
    each_of_corpus("own-validators.jsonl", run_validator);
    each_of_corpus("pub-validators.jsonl", run_validator);
}

static void odd_lengths_and_letters_are_refused_not_read_beyond(void)
{
    for (int type = 0; type < CG_TYPE_COUNT; type++) {
        CU_ASSERT_FALSE(cg_check_value(type, CG_STR("")));
        CU_ASSERT_FALSE(cg_check_value(type, CG_STR("1")));
        CU_ASSERT_FALSE(cg_check_value(
            type, CG_STR("99999999999999999999999999999999999999999999999")));
    }
}

CU_TestInfo test_redact_check[] = {
    {"check_digits_tell_right_from_wrong", check_digits_tell_right_from_wrong},
    {"one_changed_digit_is_always_noticed",
     one_changed_digit_is_always_noticed},
    {"addresses_of_coins_are_checked_by_their_sums",
     addresses_of_coins_are_checked_by_their_sums},
    {"validators_of_the_corpora_agree", validators_of_the_corpora_agree},
    {"odd_lengths_and_letters_are_refused_not_read_beyond",
     odd_lengths_and_letters_are_refused_not_read_beyond},
    CU_TEST_INFO_NULL,
};
