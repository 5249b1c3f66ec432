/* Where, when and for what a key may be used.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "auth/keyplace.h"

#include <stdio.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include <apr_strings.h>

#include "base/clock.h"

static void addresses_are_matched_by_network(void)
{
    static const struct {
        const char *list, *address;
        bool may;
    } cases[] = {
        {"", "192.0.2.7", true},
        {"  ", NULL, true},
        {"192.0.2.7", "192.0.2.7", true},
        {"192.0.2.7", "192.0.2.8", false},
        {"192.0.2.7", "192.0.2.70", false},
        {"10.0.0.0/8", "10.255.255.255", true},
        {"10.0.0.0/8", "11.0.0.0", false},
        {"10.0.0.0/9", "10.127.255.255", true},
        {"10.0.0.0/9", "10.128.0.0", false},
        {"192.0.2.128/25", "192.0.2.127", false},
        {"192.0.2.128/25", "192.0.2.128", true},
        {"0.0.0.0/0", "203.0.113.9", true},
        {"0.0.0.0/0", "2001:db8::1", false},
        {"::/0", "2001:db8::1", true},
        {"::/0", "203.0.113.9", false},
        {"2001:db8::/32", "2001:db8:ffff::1", true},
        {"2001:db8::/32", "2001:db9::1", false},
        {"2001:db8::/33", "2001:db8:8000::", false},
        {"10.0.0.0/8, 2001:db8::/32", "2001:DB8::1", true},
        {"10.0.0.0/8", "::ffff:10.1.2.3", true},
        {"::ffff:10.0.0.0/104", "10.1.2.3", true},
        {"10.0.0.0/8", "::10.1.2.3", false},
        {"fe80::/10", "fe80::1%eth0", true},
        {"10.0.0.0/8", NULL, false},
        {"10.0.0.0/8", "", false},
        {"10.0.0.0/8", "10.1.2", false},
        {"10.0.0.0/8", "10.1.2.3.4", false},
        {"10.0.0.0/8", "010.1.2.3", false},
        {"10.0.0.0/8", "host.example", false},
        {"nonsense", "10.1.2.3", false},
        {"nonsense,10.0.0.0/8", "10.1.2.3", true},
        {"10.0.0.0/33", "10.1.2.3", false},
        {"10.0.0.0/", "10.1.2.3", false},
        {"10.0.0.0/-1", "10.1.2.3", false},
        {",", "10.1.2.3", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cg_key_t key = {.id = "x"};
        apr_cpystrn(key.addresses, cases[i].list, sizeof key.addresses);
        bool may = cg_key_may_come(&key, cases[i].address, "h",
                                   CG_ENDPOINT_CHAT, 0) == CG_KEY_PLACE_RIGHT;
        if (may != cases[i].may) {
            fprintf(stderr, "\n    \"%s\" of \"%s\"\n",
                    cases[i].address ? cases[i].address : "-", cases[i].list);
        }
        CU_ASSERT_EQUAL(may, cases[i].may);
    }
}

static void only_sound_networks_are_accepted(void)
{
    static const char *const good[] = {
        "",     "10.0.0.0/8", "192.0.2.7, 2001:db8::/32",
        "::/0", "0.0.0.0/0",  "2001:db8::1/128"};
    static const char *const bad[] = {
        "10.1.2.3/8",  "10.0.0.0/33", "2001:db8::1/32", "::/129",
        "10.0.0",      "10.0.0.0/8,", "a.example",      "10.0.0.0/08x",
        "10.0.0.0/ 8", "fe80::1%eth0"};
    cg_error_t err = {""};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        CU_ASSERT(cg_key_addresses_check(good[i], &err));
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        err.text[0] = '\0';
        CU_ASSERT_FALSE(cg_key_addresses_check(bad[i], &err));
        CU_ASSERT(strlen(err.text) > 20);
    }
}

static void hosts_are_names_in_any_case_or_patterns(void)
{
    static const struct {
        const char *list, *vhost;
        bool may;
    } cases[] = {
        {"", "anything", true},
        {"api.example.com", "API.example.com", true},
        {"api.example.com", "api.example.com.evil.test", false},
        {"*.example.com", "a.example.com", true},
        {"*.example.com", "example.com", false},
        {"a.test, *.b.test", "x.b.test", true},
        {"a.test", "", false},
        {"a.test", NULL, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cg_key_t key = {.id = "x"};
        apr_cpystrn(key.vhosts, cases[i].list, sizeof key.vhosts);
        cg_key_place_t place = cg_key_may_come(
            &key, "192.0.2.1", cases[i].vhost, CG_ENDPOINT_CHAT, 0);
        CU_ASSERT_EQUAL(place,
                        cases[i].may ? CG_KEY_PLACE_RIGHT : CG_KEY_PLACE_VHOST);
    }
    cg_error_t err = {""};
    CU_ASSERT(cg_key_vhosts_check("api.example.com,*.test", &err));
    CU_ASSERT_FALSE(cg_key_vhosts_check("api example", &err));
    CU_ASSERT(cg_key_vhosts_check("[2001:db8::1]", &err));
    CU_ASSERT_FALSE(cg_key_vhosts_check("api.example.com:8443", &err));
    CU_ASSERT_FALSE(cg_key_vhosts_check("a,,b", &err));
    CU_ASSERT_FALSE(cg_key_vhosts_check("https://a", &err));
}

static void endpoints_are_those_of_the_api(void)
{
    cg_key_t key = {.id = "x", .endpoints = "chat,image*"};
    cg_error_t err = {""};
    CU_ASSERT(cg_key_may_ask(&key, CG_ENDPOINT_CHAT));
    CU_ASSERT(cg_key_may_ask(&key, CG_ENDPOINT_IMAGE_EDITS));
    CU_ASSERT_FALSE(cg_key_may_ask(&key, CG_ENDPOINT_EMBEDDINGS));
    CU_ASSERT_EQUAL(
        cg_key_may_come(&key, "192.0.2.1", "h", CG_ENDPOINT_FILES, 0),
        CG_KEY_PLACE_ENDPOINT);
    /* Nobody's: the gate answers 404. */
    CU_ASSERT(cg_key_may_ask(&key, CG_ENDPOINT_NONE));
    CU_ASSERT(cg_key_endpoints_check("chat,file*", &err));
    CU_ASSERT_FALSE(cg_key_endpoints_check("chats", &err));
    CU_ASSERT_FALSE(cg_key_endpoints_check("chat,", &err));
}

static bool may_come_at(const char *hours, const char *at)
{
    apr_time_t moment = 0;
    cg_key_t key = {.id = "x"};
    apr_cpystrn(key.hours, hours, sizeof key.hours);
    CU_ASSERT(cg_clock_parse_rfc3339(cg_str(at), &moment));
    cg_key_hours_prepare(&key, moment);
    return cg_key_may_come(&key, "192.0.2.1", "h", CG_ENDPOINT_CHAT, moment) ==
           CG_KEY_PLACE_RIGHT;
}

/* 2026-11-23 is a Monday. */
static void hours_are_judged_in_their_zone(void)
{
    static const struct {
        const char *hours, *at;
        bool may;
    } cases[] = {
        {"", "2026-11-22T03:00:00Z", true},
        {"08:00-18:00", "2026-11-22T08:00:00Z", true},
        {"08:00-18:00", "2026-11-22T07:59:59Z", false},
        {"08:00-18:00", "2026-11-22T17:59:59Z", true},
        {"08:00-18:00", "2026-11-22T18:00:00Z", false},
        {"mon-fri 08:00-18:00", "2026-11-22T12:00:00Z", false},
        {"mon-fri 08:00-18:00", "2026-11-23T12:00:00Z", true},
        {"MON-FRI 08:00-18:00 UTC", "2026-11-27T12:00:00Z", true},
        {"mon-fri 08:00-18:00 Europe/Berlin", "2026-11-23T07:00:00Z", true},
        {"mon-fri 08:00-18:00 Europe/Berlin", "2026-11-23T17:00:00Z", false},
        {"mon-fri 08:00-18:00 Europe/Berlin", "2026-07-06T06:00:00Z", true},
        {"mon-fri 08:00-18:00 Europe/Berlin", "2026-07-06T16:00:00Z", false},
        {"mon 00:00-24:00 +14:00", "2026-11-22T10:00:00Z", true},
        {"mon 00:00-24:00 -12:00", "2026-11-23T11:59:59Z", false},
        {"fri 22:00-06:00", "2026-11-28T05:59:00Z", true},
        {"fri 22:00-06:00", "2026-11-27T05:59:00Z", false},
        {"fri 22:00-06:00", "2026-11-27T22:00:00Z", true},
        {"sat-mon 10:00-11:00", "2026-11-23T10:30:00Z", true},
        {"sat-mon 10:00-11:00", "2026-11-24T10:30:00Z", false},
        {"mon,wed 10:00-11:00; sun 12:00-13:00", "2026-11-22T12:30:00Z", true},
        {"mon,wed 10:00-11:00; sun 12:00-13:00", "2026-11-25T10:30:00Z", true},
        {"mon,wed 10:00-11:00; sun 12:00-13:00", "2026-11-24T10:30:00Z", false},
        /* Edited by hand: nothing may be concluded. */
        {"always", "2026-11-23T12:00:00Z", false},
        {"08:00-18:00 Nowhere/Land", "2026-11-23T12:00:00Z", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool may = may_come_at(cases[i].hours, cases[i].at);
        if (may != cases[i].may) {
            fprintf(stderr, "\n    %s at %s\n", cases[i].hours, cases[i].at);
        }
        CU_ASSERT_EQUAL(may, cases[i].may);
    }
}

static void a_zone_that_was_not_looked_up_allows_nothing(void)
{
    cg_key_t key = {.id = "x", .hours = "00:00-24:00"};
    CU_ASSERT_EQUAL(cg_key_may_come(&key, "192.0.2.1", "h", CG_ENDPOINT_CHAT,
                                    apr_time_from_sec(1767225600)),
                    CG_KEY_PLACE_HOURS);
    CU_ASSERT_PTR_NOT_NULL(cg_key_place_words(CG_KEY_PLACE_HOURS));
    CU_ASSERT_PTR_NULL(cg_key_place_words(CG_KEY_PLACE_RIGHT));
}

static void only_sound_hours_are_accepted(void)
{
    static const char *const good[] = {
        "", "08:00-18:00", "mon-fri 08:00-18:00 Europe/Berlin",
        "sat,sun 10:00-12:00; mon 22:00-06:00 -03:00", "00:00-24:00 UTC"};
    static const char *const bad[] = {
        "mon-fri",
        "8-18",
        "08:00-08:00",
        "24:00-01:00",
        "08:00-25:00",
        "08:60-09:00",
        "mon-fry 08:00-18:00",
        "mon tue 08:00-18:00",
        "08:00-18:00 Nowhere/Land",
        "08:00-18:00 Europe/Berlin mon",
        "Europe/Berlin 08:00-18:00",
        "08:00-18:00 ../../etc/passwd",
        "1:00-2:00",
        "01:00-02:00;01:00-02:00;01:00-02:00;01:00-02:00;01:00-02:00;"
        "01:00-02:00;01:00-02:00;01:00-02:00;01:00-02:00"};
    cg_error_t err = {""};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        CU_ASSERT(cg_key_hours_check(good[i], &err));
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        err.text[0] = '\0';
        CU_ASSERT_FALSE(cg_key_hours_check(bad[i], &err));
        CU_ASSERT(strlen(err.text) > 10);
    }
}

static void tags_are_words(void)
{
    cg_key_t key = {.id = "x", .tags = "prod, eu-west"};
    cg_error_t err = {""};
    CU_ASSERT(cg_key_has_tag(&key, CG_STR("eu-west")));
    CU_ASSERT_FALSE(cg_key_has_tag(&key, CG_STR("eu")));
    CU_ASSERT_FALSE(cg_key_has_tag(&key, CG_STR("")));
    CU_ASSERT(cg_key_tags_check("a,b", &err));
    CU_ASSERT_FALSE(cg_key_tags_check("a,,b", &err));
}

CU_TestInfo test_auth_keyplace[] = {
    {"addresses_are_matched_by_network", addresses_are_matched_by_network},
    {"only_sound_networks_are_accepted", only_sound_networks_are_accepted},
    {"hosts_are_names_in_any_case_or_patterns",
     hosts_are_names_in_any_case_or_patterns},
    {"endpoints_are_those_of_the_api", endpoints_are_those_of_the_api},
    {"hours_are_judged_in_their_zone", hours_are_judged_in_their_zone},
    {"a_zone_that_was_not_looked_up_allows_nothing",
     a_zone_that_was_not_looked_up_allows_nothing},
    {"only_sound_hours_are_accepted", only_sound_hours_are_accepted},
    {"tags_are_words", tags_are_words},
    CU_TEST_INFO_NULL,
};
