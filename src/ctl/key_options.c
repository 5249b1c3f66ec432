/* chatgptctl key: its options.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ctl/key.h"

#include <string.h>

#include <apr_strings.h>

#include "base/clock.h"

static bool set_text(char *to, size_t room, const char *value,
                     const char *option, cg_error_t *err)
{
    if (strlen(value) >= room) {
        cg_error_set(err, "%s takes at most %d bytes", option, (int)room - 1);
        return false;
    }
    apr_cpystrn(to, value, room);
    return true;
}

/* The first of its kind takes the place of what the key had. */
static void drop_limits(cg_ctl_key_t *call, bool is_budget)
{
    bool *is_given = is_budget ? &call->has_budget : &call->has_limits;
    uint8_t kept = 0;
    for (uint8_t i = 0; i < call->key.limits_count && !*is_given; i++) {
        bool is_money = call->key.limits[i].quantity == CG_QUANTITY_MICROS;
        if (is_money != is_budget) {
            call->key.limits[kept++] = call->key.limits[i];
        }
    }
    call->key.limits_count = *is_given ? call->key.limits_count : kept;
    *is_given = true;
}

static bool set_limit(cg_ctl_key_t *call, const char *value, bool is_budget,
                      cg_error_t *err)
{
    drop_limits(call, is_budget);
    if (strcmp(value, "none") == 0) {
        return true;
    }
    if (!cg_key_add_limit(&call->key, cg_str(value), err)) {
        return false;
    }
    const cg_limit_t *limit = &call->key.limits[call->key.limits_count - 1];
    if ((limit->quantity == CG_QUANTITY_MICROS) != is_budget) {
        cg_error_set(err, is_budget ? "--budget takes money, as 5USD/month"
                                    : "--limit takes requests or tokens; write "
                                      "money as --budget 5USD/month");
        return false;
    }
    return true;
}

static bool set_expiry(cg_ctl_key_t *call, const char *value, cg_error_t *err)
{
    int64_t span;
    if (strcmp(value, "never") == 0) {
        call->key.expires_at = 0;
        return true;
    }
    if (cg_clock_parse_rfc3339(cg_str(value), &call->key.expires_at)) {
        return true;
    }
    if (cg_parse_duration(cg_str(value), &span) && span > 0) {
        call->key.expires_at = call->now + span;
        return true;
    }
    cg_error_set(err,
                 "--expires takes a time as 2026-12-31T00:00:00Z or a duration "
                 "as 90d");
    return false;
}

static bool set_grace(cg_ctl_key_t *call, const char *value, cg_error_t *err)
{
    int64_t span;
    if (!cg_parse_duration(cg_str(value), &span) || span > CG_KEY_GRACE_MAX) {
        cg_error_set(err, "--grace takes a duration of up to 90 days, as 24h; "
                          "0s: none");
        return false;
    }
    call->grace_for = span;
    return true;
}

static bool set_expiring(cg_ctl_key_t *call, const char *value, cg_error_t *err)
{
    int64_t span;
    if (!cg_parse_duration(cg_str(value), &span) || span <= 0 ||
        span > INT64_MAX - call->now) {
        cg_error_set(err, "--expiring takes a duration, as 30d");
        return false;
    }
    call->filter.expires_before = call->now + span;
    return true;
}

/* True, and *out_is_sound, if name is a text of the key. */
static bool is_text(cg_ctl_key_t *call, const char *name, const char *value,
                    bool *out_is_sound, cg_error_t *err)
{
    cg_key_t *key = &call->key;
    const struct {
        const char *name;
        char *to;
        size_t room;
    } texts[] = {
        {"--name", key->name, sizeof key->name},
        {"--owner", key->owner, sizeof key->owner},
        {"--user", key->user, sizeof key->user},
        {"--team", key->team, sizeof key->team},
        {"--models", key->models, sizeof key->models},
        {"--redact", key->redact, sizeof key->redact},
        {"--tags", key->tags, sizeof key->tags},
        {"--endpoints", key->endpoints, sizeof key->endpoints},
        {"--addresses", key->addresses, sizeof key->addresses},
        {"--vhosts", key->vhosts, sizeof key->vhosts},
        {"--hours", key->hours, sizeof key->hours},
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (strcmp(name, texts[i].name) == 0) {
            *out_is_sound =
                set_text(texts[i].to, texts[i].room, value, name, err);
            return true;
        }
    }
    return false;
}

/* True if name says where to look, or which keys to show. */
static bool is_place(cg_ctl_key_t *call, const char *name, const char *value)
{
    const struct {
        const char *name;
        const char **to;
    } places[] = {
        {"--store", &call->store_url},    {"--pepper", &call->pepper_path},
        {"--state", &call->filter.state}, {"--tag", &call->filter.tag},
        {"--q", &call->filter.q},         {"--keep", &call->keep},
    };
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        if (strcmp(name, places[i].name) == 0) {
            *places[i].to = value;
            return true;
        }
    }
    return false;
}

static bool set_option(cg_ctl_key_t *call, const char *name, const char *value,
                       cg_error_t *err)
{
    bool is_sound = true;
    if (is_text(call, name, value, &is_sound, err)) {
        return is_sound;
    }
    if (is_place(call, name, value)) {
        return true;
    }
    if (strcmp(name, "--limit") == 0) {
        return set_limit(call, value, false, err);
    }
    if (strcmp(name, "--budget") == 0) {
        return set_limit(call, value, true, err);
    }
    if (strcmp(name, "--expires") == 0) {
        return set_expiry(call, value, err);
    }
    if (strcmp(name, "--grace") == 0) {
        return set_grace(call, value, err);
    }
    if (strcmp(name, "--expiring") == 0) {
        return set_expiring(call, value, err);
    }
    cg_error_set(err, "there is no option %.40s", name);
    return false;
}

static bool check_keep(const char *keep, cg_error_t *err)
{
    if (!keep || strcmp(keep, "current") == 0 ||
        strcmp(keep, "previous") == 0) {
        return true;
    }
    cg_error_set(err, "--keep takes current or previous");
    return false;
}

static bool check_state(const char *state, cg_error_t *err)
{
    static const char *const states[] = {"active", "rotating", "suspended",
                                         "expired", "revoked"};
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        if (!state || strcmp(state, states[i]) == 0) {
            return true;
        }
    }
    cg_error_set(err, "--state takes active, rotating, suspended, expired or "
                      "revoked");
    return false;
}

/* A list shows the keys of the team or the user that is named. */
static void finish_filter(cg_ctl_key_t *call, const char *name,
                          const char *value)
{
    if (strcmp(name, "--team") == 0) {
        call->filter.team = value;
    }
    if (strcmp(name, "--user") == 0) {
        call->filter.user = value;
    }
}

bool cg_ctl_key_options(cg_ctl_key_t *call, int argc, char **argv,
                        cg_error_t *err)
{
    call->has_limits = call->has_budget = false;
    call->command = call->word = NULL;
    for (int i = 1; i < argc; i++) {
        bool is_option = strncmp(argv[i], "--", 2) == 0;
        if (!is_option) {
            const char **place = call->command ? &call->word : &call->command;
            if (*place) {
                cg_error_set(err, "'%.40s' is one word too many", argv[i]);
                return false;
            }
            *place = argv[i];
            continue;
        }
        if (strcmp(argv[i], "--dry-run") == 0) {
            call->is_dry = true;
            continue;
        }
        if (i + 1 >= argc) {
            cg_error_set(err, "%.40s wants a value", argv[i]);
            return false;
        }
        if (!set_option(call, argv[i], argv[i + 1], err)) {
            return false;
        }
        finish_filter(call, argv[i], argv[i + 1]);
        i++;
    }
    return check_keep(call->keep, err) && check_state(call->filter.state, err);
}
