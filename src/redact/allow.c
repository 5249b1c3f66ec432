/* Values that are never found: own domains, test cards, the office's network.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Every value is an entry with a key, and the entries stand sorted by it: a
 * value that was found is looked up under the keys it may be allowed by.
 */
#include "redact/allow.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <apr_strings.h>
#include <arpa/inet.h>

#include "redact/redact_int.h"

#define VALUE_BYTES_MAX 512

typedef struct entry_t {
    cg_str_t key;   /* squeezed, or "@example.com" */
    cg_str_t exact; /* normalised, case kept */
    uint64_t packs;
} entry_t;

typedef struct range_t {
    unsigned char address[16]; /* IPv4 as ::ffff:a.b.c.d */
    unsigned bits;
    uint64_t packs;
} range_t;

struct cg_allow_t {
    entry_t *entries;
    size_t count;
    range_t *ranges;
    size_t range_count;
};

/* ---- spellings ---- */

static bool parse_address(const char *text, unsigned char out[16])
{
    struct in_addr four;
    if (inet_pton(AF_INET, text, &four) == 1) {
        memset(out, 0, 10);
        memset(out + 10, 0xFF, 2);
        memcpy(out + 12, &four, 4);
        return true;
    }
    return inet_pton(AF_INET6, text, out) == 1;
}

/* "10.0.0.0/8", or one address. */
static bool parse_range(cg_str_t value, range_t *out)
{
    char text[64];
    char *slash;
    int64_t bits = -1;
    if (value.len >= sizeof text) {
        return false;
    }
    memcpy(text, value.ptr, value.len);
    text[value.len] = '\0';
    slash = strchr(text, '/');
    if (slash) {
        *slash = '\0';
        if (!cg_parse_count(cg_str(slash + 1), &bits)) {
            return false;
        }
    }
    if (!parse_address(text, out->address)) {
        return false;
    }
    int64_t most = strchr(text, ':') ? 128 : 32;
    bits = slash ? bits : most;
    out->bits = (unsigned)(bits + 128 - most);
    return bits >= 0 && bits <= most;
}

/* What is written as addresses are, with a length behind it. */
static bool looks_like_range(cg_str_t value)
{
    const char *slash = memchr(value.ptr, '/', value.len);
    size_t len = slash ? (size_t)(slash - value.ptr) : 0;
    bool has_sign = false;
    for (size_t i = 0; i < len; i++) {
        char c = value.ptr[i];
        has_sign = has_sign || c == '.' || c == ':';
        if (!cg_is((unsigned char)c, CG_C_HEX) && c != '.' && c != ':') {
            return false;
        }
    }
    size_t tail = value.len - len - 1;
    if (!slash || !has_sign || tail == 0 || tail > 3) {
        return false;
    }
    for (size_t i = len + 1; i < value.len; i++) {
        if (!cg_is((unsigned char)value.ptr[i], CG_C_DIGIT)) {
            return false;
        }
    }
    return true;
}

static cg_str_t normalised(cg_str_t value, apr_pool_t *pool)
{
    size_t cap = value.len < VALUE_BYTES_MAX ? value.len : VALUE_BYTES_MAX;
    cg_norm_state_t state = {0};
    cg_norm_t norm = {.text = apr_palloc(pool, cap + 1),
                      .breaks =
                          apr_palloc(pool, (cap + 2) * sizeof(cg_break_t)),
                      .break_cap = (uint32_t)cap + 2};
    cg_normalise(&state, (const unsigned char *)value.ptr, (uint32_t)cap,
                 (uint32_t)cap, true, &norm);
    return (cg_str_t){(const char *)norm.text, norm.len};
}

static bool is_between_groups(unsigned char c)
{
    return c <= ' ' || strchr("-./()_", c);
}

/* Small letters, and nothing between groups. Returns the length. */
static size_t squeeze(cg_str_t value, char *out)
{
    size_t len = 0;
    for (size_t i = 0; i < value.len && len < VALUE_BYTES_MAX; i++) {
        unsigned char c = (unsigned char)value.ptr[i];
        if (!is_between_groups(c)) {
            out[len++] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
        }
    }
    return len;
}

/* Small letters alone. */
static size_t lower(cg_str_t value, char *out)
{
    size_t len = value.len < VALUE_BYTES_MAX ? value.len : VALUE_BYTES_MAX;
    for (size_t i = 0; i < len; i++) {
        char c = value.ptr[i];
        out[i] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
    }
    return len;
}

/* ---- making ---- */

bool cg_allow_check(cg_str_t value, cg_error_t *err)
{
    char key[VALUE_BYTES_MAX];
    range_t range;
    if (value.len == 0 || value.len > VALUE_BYTES_MAX ||
        squeeze(value, key) == 0) {
        cg_error_set(err, "an allowed value must have 1 to %d bytes",
                     VALUE_BYTES_MAX);
        return false;
    }
    if (looks_like_range(value) && !parse_range(value, &range)) {
        cg_error_set(err, "%.*s is no range of addresses, such as 10.0.0.0/8",
                     (int)value.len, value.ptr);
        return false;
    }
    return true;
}

static int by_key(const void *a, const void *b)
{
    const entry_t *x = a;
    const entry_t *y = b;
    size_t len = x->key.len < y->key.len ? x->key.len : y->key.len;
    int order = memcmp(x->key.ptr, y->key.ptr, len);
    return order ? order
                 : (x->key.len > y->key.len) - (x->key.len < y->key.len);
}

static void add_value(cg_allow_t *allow, cg_str_t value, uint64_t packs,
                      apr_pool_t *pool)
{
    char key[VALUE_BYTES_MAX];
    range_t range;
    if (parse_range(value, &range)) {
        range.packs = packs;
        allow->ranges[allow->range_count++] = range;
        return;
    }
    if (!cg_allow_check(value, NULL)) {
        return;
    }
    entry_t *entry = &allow->entries[allow->count++];
    entry->exact = normalised(value, pool);
    entry->packs = packs;
    size_t len = *value.ptr == '@' ? lower(entry->exact, key)
                                   : squeeze(entry->exact, key);
    entry->key = (cg_str_t){apr_pmemdup(pool, key, len), len};
}

cg_allow_t *cg_allow_create(const cg_str_t *values, const uint64_t *packs,
                            size_t count, apr_pool_t *pool)
{
    if (count == 0) {
        return NULL;
    }
    cg_allow_t *allow = apr_pcalloc(pool, sizeof *allow);
    allow->entries = apr_palloc(pool, count * sizeof *allow->entries);
    allow->ranges = apr_palloc(pool, count * sizeof *allow->ranges);
    for (size_t i = 0; i < count; i++) {
        add_value(allow, values[i], packs ? packs[i] : UINT64_C(1) << 63, pool);
    }
    qsort(allow->entries, allow->count, sizeof *allow->entries, by_key);
    return allow;
}

/* ---- asking ---- */

/* The first entry of a key; count if there is none. */
static size_t first_of(const cg_allow_t *allow, cg_str_t key)
{
    entry_t wanted = {.key = key};
    size_t low = 0;
    size_t high = allow->count;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (by_key(&allow->entries[mid], &wanted) < 0) {
            low = mid + 1;
        }
        else {
            high = mid;
        }
    }
    return low;
}

/* How a type's values are compared. */
typedef enum likeness_t {
    LIKE_GROUPS, /* without what stands between groups */
    LIKE_LETTERS,
    LIKE_BYTES
} likeness_t;

static likeness_t likeness_of(int type)
{
    if (cg_detector_is_secret(type)) {
        return LIKE_BYTES;
    }
    return type == CG_TYPE_EMAIL_ADDRESS || type == CG_TYPE_KEYWORD ||
                   type == CG_TYPE_CUSTOM || type == CG_TYPE_IP_ADDRESS
               ? LIKE_LETTERS
               : LIKE_GROUPS;
}

static bool is_like(cg_str_t a, cg_str_t b, likeness_t likeness)
{
    if (likeness == LIKE_GROUPS) {
        return true; /* their keys are the same */
    }
    return a.len == b.len &&
           (likeness == LIKE_BYTES ? memcmp(a.ptr, b.ptr, a.len) == 0
                                   : strncasecmp(a.ptr, b.ptr, a.len) == 0);
}

static bool has_key(const cg_allow_t *allow, uint64_t packs, cg_str_t key,
                    cg_str_t value, likeness_t likeness)
{
    for (size_t i = first_of(allow, key);
         i < allow->count && cg_str_equal(allow->entries[i].key, key); i++) {
        const entry_t *entry = &allow->entries[i];
        if ((entry->packs & packs) && is_like(entry->exact, value, likeness)) {
            return true;
        }
    }
    return false;
}

/* "@example.com" for bob@example.com; "@*.example.com" for bob@a.example.com. */
static bool has_domain(const cg_allow_t *allow, uint64_t packs, cg_str_t value)
{
    char key[VALUE_BYTES_MAX + 2];
    const char *at = memchr(value.ptr, '@', value.len);
    if (!at) {
        return false;
    }
    cg_str_t domain = {at, value.len - (size_t)(at - value.ptr)};
    domain.len = lower(domain, key);
    if (has_key(allow, packs, (cg_str_t){key, domain.len}, domain,
                LIKE_GROUPS)) {
        return true;
    }
    for (size_t i = 1; i + 1 < domain.len; i++) {
        if (key[i] != '.') {
            continue;
        }
        char above[VALUE_BYTES_MAX + 2] = {'@', '*'};
        size_t len = domain.len - i;
        memcpy(above + 2, key + i, len);
        if (has_key(allow, packs, (cg_str_t){above, len + 2}, domain,
                    LIKE_GROUPS)) {
            return true;
        }
    }
    return false;
}

static bool is_in_range(const range_t *range, const unsigned char address[16])
{
    unsigned whole = range->bits / 8;
    unsigned rest = range->bits % 8;
    return memcmp(range->address, address, whole) == 0 &&
           (rest == 0 ||
            (range->address[whole] ^ address[whole]) >> (8 - rest) == 0);
}

static bool has_address(const cg_allow_t *allow, uint64_t packs, cg_str_t value)
{
    range_t asked;
    if (allow->range_count == 0 || !parse_range(value, &asked)) {
        return false;
    }
    for (size_t i = 0; i < allow->range_count; i++) {
        const range_t *range = &allow->ranges[i];
        if ((range->packs & packs) && range->bits <= asked.bits &&
            is_in_range(range, asked.address)) {
            return true;
        }
    }
    return false;
}

bool cg_allow_has(const cg_allow_t *allow, uint64_t packs, int type,
                  cg_str_t value)
{
    char key[VALUE_BYTES_MAX];
    if (value.len == 0 || value.len > VALUE_BYTES_MAX) {
        return false;
    }
    if (type == CG_TYPE_IP_ADDRESS && has_address(allow, packs, value)) {
        return true;
    }
    if (type == CG_TYPE_EMAIL_ADDRESS && has_domain(allow, packs, value)) {
        return true;
    }
    size_t len = squeeze(value, key);
    return has_key(allow, packs, (cg_str_t){key, len}, value,
                   likeness_of(type));
}
