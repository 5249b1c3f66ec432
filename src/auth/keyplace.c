/* Where, when and for what may a key be used?
 * SPDX-License-Identifier: Apache-2.0
 */
#include "auth/keyplace.h"

#include <arpa/inet.h>
#include <string.h>

#include <apr_lib.h>

#include "auth/keyhours.h"
#include "auth/keylist.h"

#define ADDRESS_TEXT 64 /* an address and its prefix */
#define TAG_MAX 32

/* ---- addresses ----------------------------------------------------------- */

typedef struct address_t {
    unsigned char bytes[16];
    int bits; /* 32 or 128 */
} address_t;

/* An IPv4 address that came as ::ffff:192.0.2.1 is one of IPv4. */
static void unmap(address_t *address, int *prefix)
{
    static const unsigned char mapped[12] = {0, 0, 0, 0, 0,    0,
                                             0, 0, 0, 0, 0xFF, 0xFF};
    if (address->bits == 128 && *prefix >= 96 &&
        memcmp(address->bytes, mapped, sizeof mapped) == 0) {
        memmove(address->bytes, address->bytes + 12, 4);
        address->bits = 32;
        *prefix -= 96;
    }
}

/* "fe80::1%eth0" is read without its interface. */
static bool read_address(cg_str_t text, address_t *out)
{
    char buf[ADDRESS_TEXT];
    const char *percent = memchr(text.ptr, '%', text.len);
    size_t len = percent ? (size_t)(percent - text.ptr) : text.len;
    if (len == 0 || len >= sizeof buf) {
        return false;
    }
    memcpy(buf, text.ptr, len);
    buf[len] = '\0';
    bool is_6 = memchr(buf, ':', len) != NULL;
    memset(out, 0, sizeof *out);
    out->bits = is_6 ? 128 : 32;
    return inet_pton(is_6 ? AF_INET6 : AF_INET, buf, out->bytes) == 1;
}

/* "10.0.0.0/8"; without a prefix all bits count. */
static bool read_net(cg_str_t text, address_t *out, int *out_prefix)
{
    const char *slash = text.len ? memchr(text.ptr, '/', text.len) : NULL;
    size_t len = slash ? (size_t)(slash - text.ptr) : text.len;
    int64_t prefix = 0;
    if (len == 0 || memchr(text.ptr, '%', len) ||
        !read_address((cg_str_t){text.ptr, len}, out)) {
        return false;
    }
    cg_str_t digits = {slash ? slash + 1 : "", slash ? text.len - len - 1 : 0};
    if (slash && (digits.len > 3 || !cg_parse_count(digits, &prefix) ||
                  prefix > out->bits)) {
        return false;
    }
    *out_prefix = slash ? (int)prefix : out->bits;
    unmap(out, out_prefix);
    return true;
}

static bool is_in_net(const address_t *net, int prefix,
                      const address_t *address)
{
    if (net->bits != address->bits ||
        memcmp(net->bytes, address->bytes, (size_t)prefix / 8) != 0) {
        return false;
    }
    int rest = prefix % 8;
    return rest == 0 || (net->bytes[prefix / 8] ^ address->bytes[prefix / 8]) >>
                                (8 - rest) ==
                            0;
}

static bool may_come_from(const cg_key_t *key, const char *text)
{
    address_t address, net;
    int all = 128, prefix;
    cg_str_t rest = cg_str(key->addresses), entry;
    if (cg_keylist_is_empty(key->addresses)) {
        return true;
    }
    if (!text || !read_address(cg_str(text), &address)) {
        return false;
    }
    unmap(&address, &all);
    while (cg_keylist_next(&rest, &entry)) {
        if (read_net(entry, &net, &prefix) &&
            is_in_net(&net, prefix, &address)) {
            return true;
        }
    }
    return false;
}

/* Bits behind the prefix are a slip of the pen: 10.1.2.3/8 may mean either. */
static bool has_loose_bits(const address_t *net, int prefix)
{
    for (int bit = prefix; bit < net->bits; bit++) {
        if (net->bytes[bit / 8] >> (7 - bit % 8) & 1) {
            return true;
        }
    }
    return false;
}

bool cg_key_addresses_check(const char *text, cg_error_t *err)
{
    cg_str_t rest = cg_str(text), entry;
    address_t net;
    int prefix;
    if (cg_keylist_is_empty(text)) {
        return true;
    }
    while (cg_keylist_next(&rest, &entry)) {
        if (!read_net(entry, &net, &prefix)) {
            cg_error_set(err, "addresses are of IPv4 or IPv6, alone or with a "
                              "prefix: 192.0.2.7, 10.0.0.0/8, 2001:db8::/32");
            return false;
        }
        if (has_loose_bits(&net, prefix)) {
            cg_error_set(err,
                         "%.*s in addresses has bits behind its prefix; write "
                         "the network alone, as 10.0.0.0/8",
                         (int)entry.len, entry.ptr);
            return false;
        }
    }
    return true;
}

/* ---- endpoints, vhosts, tags ---------------------------------------------- */

bool cg_key_may_ask(const cg_key_t *key, cg_endpoint_t endpoint)
{
    return endpoint == CG_ENDPOINT_NONE ||
           cg_keylist_is_empty(key->endpoints) ||
           cg_keylist_has(key->endpoints, cg_str(cg_endpoints[endpoint].name),
                          true);
}

/* A pattern must fit one at least. */
static bool is_endpoint(cg_str_t entry)
{
    for (int i = 0; i < CG_ENDPOINT_COUNT; i++) {
        if (entry.len &&
            cg_keylist_fits(entry, cg_str(cg_endpoints[i].name), true)) {
            return true;
        }
    }
    return false;
}

bool cg_key_endpoints_check(const char *text, cg_error_t *err)
{
    cg_str_t rest = cg_str(text), entry;
    if (cg_keylist_is_empty(text)) {
        return true;
    }
    while (cg_keylist_next(&rest, &entry)) {
        if (!is_endpoint(entry)) {
            cg_error_set(err,
                         "\"%.*s\" in endpoints is none; there are chat, "
                         "completions, responses, embeddings, models, model, "
                         "files and others (docs/manual/gateway.md)",
                         (int)(entry.len < 40 ? entry.len : 40), entry.ptr);
            return false;
        }
    }
    return true;
}

bool cg_key_vhosts_check(const char *text, cg_error_t *err)
{
    cg_str_t rest = cg_str(text), entry;
    if (cg_keylist_is_empty(text)) {
        return true;
    }
    while (cg_keylist_next(&rest, &entry)) {
        bool is_name = entry.len > 0;
        for (size_t i = 0; i < entry.len && is_name; i++) {
            is_name = apr_isalnum(entry.ptr[i]) ||
                      strchr(".-_*:[]", entry.ptr[i]) != NULL;
        }
        if (is_name && memchr(entry.ptr, ':', entry.len) &&
            entry.ptr[0] != '[') {
            cg_error_set(err,
                         "%.*s in vhosts has a port; write the name of the "
                         "server alone, as in ServerName",
                         (int)entry.len, entry.ptr);
            return false;
        }
        if (!is_name) {
            cg_error_set(err, "vhosts are names of servers with commas "
                              "between: api.example.com, *.example.com");
            return false;
        }
    }
    return true;
}

bool cg_key_tags_check(const char *text, cg_error_t *err)
{
    cg_str_t rest = cg_str(text), entry;
    if (cg_keylist_is_empty(text)) {
        return true;
    }
    while (cg_keylist_next(&rest, &entry)) {
        if (entry.len == 0 || entry.len > TAG_MAX) {
            cg_error_set(err,
                         "tags are words of 1 to %d bytes with commas "
                         "between",
                         TAG_MAX);
            return false;
        }
    }
    return true;
}

bool cg_key_has_tag(const cg_key_t *key, cg_str_t tag)
{
    cg_str_t rest = cg_str(key->tags), entry;
    while (cg_keylist_next(&rest, &entry)) {
        if (entry.len && cg_str_equal(entry, tag)) {
            return true;
        }
    }
    return false;
}

bool cg_key_may_use(const cg_key_t *key, cg_str_t model)
{
    return cg_keylist_is_empty(key->models) ||
           cg_keylist_has(key->models, model, true);
}

/* ---- hours ---------------------------------------------------------------- */

bool cg_key_hours_check(const char *text, cg_error_t *err)
{
    cg_keyhours_t hours;
    cg_zone_span_t span;
    if (cg_keylist_is_empty(text)) {
        return true;
    }
    if (!cg_keyhours_read(cg_str(text), &hours, err)) {
        return false;
    }
    if (!cg_zone_find(hours.zone, 0, &span)) {
        cg_error_set(err,
                     "\"%.*s\" in hours is no time zone that this machine "
                     "knows; write Europe/Berlin, UTC or +02:00",
                     (int)(hours.zone.len < 40 ? hours.zone.len : 40),
                     hours.zone.ptr);
        return false;
    }
    return true;
}

void cg_key_hours_prepare(cg_key_t *key, apr_time_t now)
{
    cg_keyhours_t hours;
    memset(&key->zone, 0, sizeof key->zone);
    if (!cg_keylist_is_empty(key->hours) &&
        cg_keyhours_read(cg_str(key->hours), &hours, NULL)) {
        cg_zone_find(hours.zone, now, &key->zone);
    }
}

static bool may_come_at(const cg_key_t *key, apr_time_t at)
{
    cg_keyhours_t hours;
    if (cg_keylist_is_empty(key->hours)) {
        return true;
    }
    return key->zone.is_known &&
           cg_keyhours_read(cg_str(key->hours), &hours, NULL) &&
           cg_keyhours_has(&hours, at / APR_USEC_PER_SEC +
                                       cg_zone_ahead(&key->zone, at));
}

/* ---- all together ----------------------------------------------------------- */

cg_key_place_t cg_key_may_come(const cg_key_t *key, const char *address,
                               const char *vhost, cg_endpoint_t endpoint,
                               apr_time_t at)
{
    if (!may_come_from(key, address)) {
        return CG_KEY_PLACE_ADDRESS;
    }
    if (!cg_keylist_is_empty(key->vhosts) &&
        !cg_keylist_has(key->vhosts, cg_str(vhost), false)) {
        return CG_KEY_PLACE_VHOST;
    }
    if (!cg_key_may_ask(key, endpoint)) {
        return CG_KEY_PLACE_ENDPOINT;
    }
    return may_come_at(key, at) ? CG_KEY_PLACE_RIGHT : CG_KEY_PLACE_HOURS;
}

const char *cg_key_place_words(cg_key_place_t place)
{
    static const char *const words[] = {
        [CG_KEY_PLACE_ADDRESS] =
            "This API key may not be used from this address.",
        [CG_KEY_PLACE_VHOST] = "This API key may not be used at this host.",
        [CG_KEY_PLACE_ENDPOINT] =
            "This API key may not be used for this endpoint.",
        [CG_KEY_PLACE_HOURS] = "This API key may not be used at this hour.",
    };
    return words[place];
}
