/* Names: the id of a hold, the tenant it stands in, the subject of a pair.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "quota/quota_int.h"

#include <string.h>

#include <apr_strings.h>

#include "base/digest.h"
#include "store/keys.h"

#define TENANT_MAX 60 /* bytes of an organization's name in an id */

/* Names that may stand between the braces of a key, and in an id. */
static bool is_plain(cg_str_t name)
{
    if (name.len > TENANT_MAX || name.ptr[0] == '#') {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.ptr[i];
        if (c < 0x20 || c == 0x7f || strchr("{}~", c)) {
            return false;
        }
    }
    return true;
}

/* The name, or a digest of one that is long or not plain. */
static void spell_tenant(cg_str_t name, char out[TENANT_MAX + 1])
{
    unsigned char digest[CG_SHA256_BYTES];
    if (is_plain(name)) {
        memcpy(out, name.ptr, name.len);
        out[name.len] = '\0';
        return;
    }
    cg_sha256(name.ptr, name.len, digest);
    out[0] = '#';
    cg_hex_encode(digest, 16, out + 1);
}

void cg_quota_id(char out[CG_QUOTA_ID_MAX + 1], const char *uuid,
                 cg_str_t organization)
{
    char tenant[TENANT_MAX + 1] = "";
    if (organization.len) {
        spell_tenant(organization, tenant);
    }
    apr_snprintf(out, CG_QUOTA_ID_MAX + 1, "%.36s%s%s", uuid,
                 tenant[0] ? "@" : "", tenant);
}

cg_str_t cg_quota_tenant(cg_str_t organization, apr_pool_t *pool)
{
    char tenant[TENANT_MAX + 1];
    if (!organization.len) {
        return (cg_str_t){"", 0};
    }
    spell_tenant(organization, tenant);
    return cg_str(apr_pstrcat(pool, ":", tenant, NULL));
}

cg_str_t cg_quota_tenant_of(const char *id, apr_pool_t *pool)
{
    const char *at = strchr(id, '@');
    size_t len = at ? strcspn(at + 1, "~") : 0; /* ~: the slices of a hold */
    return len ? cg_str(apr_pstrcat(pool, ":",
                                    apr_pstrmemdup(pool, at + 1, len), NULL))
               : (cg_str_t){"", 0};
}

/* Both parts without what could make the sum ambiguous. */
static void add_escaped(cg_buf_t *out, cg_str_t text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '+' || c == '%') {
            cg_buf_str(out, c == '+' ? "%2B" : "%25");
        }
        else {
            cg_buf_char(out, c);
        }
    }
}

cg_str_t cg_quota_pair(cg_str_t first, cg_str_t second, apr_pool_t *pool)
{
    cg_buf_t out;
    cg_buf_init(&out, first.len + second.len + 8, pool);
    add_escaped(&out, first);
    cg_buf_char(&out, '+');
    add_escaped(&out, second);
    return (cg_str_t){cg_buf_cstr(&out), out.len};
}

cg_str_t cg_quota_hold_key(const char *id, apr_pool_t *pool)
{
    cg_str_t parts[] = {cg_quota_tenant_of(id, pool), cg_str(id)};
    return cg_keys_make(CG_KEYS_HOLD, parts, 2, pool);
}

cg_str_t cg_quota_holds_key(cg_str_t tenant, apr_pool_t *pool)
{
    return cg_keys_make(CG_KEYS_HOLD_INDEX, &tenant, 1, pool);
}
