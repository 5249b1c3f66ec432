/* All families of keys: the table and the building of a key from its pattern.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "store/keys.h"

#include <string.h>

#include "base/digest.h"

#define PART_MAX 128

static const cg_keys_family_t families[] = {
#define CG_KEYS_ROW(id, pattern, life, room, person)                           \
    [CG_KEYS_##id] = {pattern, life, room, person},
    CG_KEYS(CG_KEYS_ROW)
#undef CG_KEYS_ROW
};

const cg_keys_family_t *cg_keys_family(cg_keys_id_t id)
{
    return (unsigned)id < CG_KEYS_COUNT ? &families[id] : NULL;
}

static bool is_plain(cg_str_t part)
{
    /* '#' opens the spelling of a digest: no name may look like one. */
    if (part.len > PART_MAX || (part.len && part.ptr[0] == '#')) {
        return false;
    }
    for (size_t i = 0; i < part.len; i++) {
        unsigned char c = (unsigned char)part.ptr[i];
        if (c < 0x20 || c == 0x7f) {
            return false;
        }
    }
    return true;
}

static void add_part(cg_buf_t *buf, cg_str_t part)
{
    if (is_plain(part)) {
        cg_buf_add(buf, part.ptr, part.len);
        return;
    }
    unsigned char digest[CG_SHA256_BYTES];
    char hex[2 * CG_SHA256_BYTES + 1];
    cg_sha256(part.ptr, part.len, digest);
    cg_hex_encode(digest, sizeof digest, hex);
    cg_buf_char(buf, '#');
    cg_buf_str(buf, hex);
}

cg_str_t cg_keys_make(cg_keys_id_t id, const cg_str_t *parts, size_t count,
                      apr_pool_t *pool)
{
    const char *p = families[id].pattern;
    size_t used = 0;
    cg_buf_t buf;
    cg_buf_init(&buf, 128, pool);
    while (*p) {
        size_t run = strcspn(p, "<");
        cg_buf_add(&buf, p, run);
        p += run;
        if (*p == '<') {
            if (used < count) {
                add_part(&buf, parts[used++]);
            }
            p += strcspn(p, ">") + 1;
        }
    }
    return (cg_str_t){cg_buf_cstr(&buf), buf.len};
}
