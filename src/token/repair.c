/* Text as a decoder of the WHATWG reads bytes.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "token/count.h"

#define REPLACEMENT "\xEF\xBF\xBD"

static bool is_in(unsigned char byte, unsigned char low, unsigned char high)
{
    return byte >= low && byte <= high;
}

/* How many bytes of what is no character could have begun one: of E2 82 41 the
 * first two, of C0 or ED A0 the first. At least 1. */
static size_t broken_bytes(const unsigned char *p, size_t len)
{
    size_t want = is_in(p[0], 0xC2, 0xDF)   ? 2
                  : is_in(p[0], 0xE0, 0xEF) ? 3
                  : is_in(p[0], 0xF0, 0xF4) ? 4
                                            : 1;
    unsigned char low = p[0] == 0xE0 ? 0xA0 : p[0] == 0xF0 ? 0x90 : 0x80;
    unsigned char high = p[0] == 0xED ? 0x9F : p[0] == 0xF4 ? 0x8F : 0xBF;
    size_t count = 1;
    while (count < want && count < len && is_in(p[count], low, high)) {
        low = 0x80;
        high = 0xBF;
        count++;
    }
    return count;
}

cg_str_t cg_token_repair(cg_str_t bytes, apr_pool_t *pool)
{
    if (cg_utf8_valid(bytes.ptr, bytes.len)) {
        return bytes;
    }
    cg_buf_t out;
    cg_buf_init(&out, bytes.len + bytes.len / 2, pool);
    const char *p = bytes.ptr;
    const char *end = p + bytes.len;
    while (p < end) {
        uint32_t code_point;
        int len = cg_utf8_decode(p, end, &code_point);
        if (len > 0) {
            cg_buf_add(&out, p, (size_t)len);
            p += len;
            continue;
        }
        cg_buf_str(&out, REPLACEMENT);
        p += broken_bytes((const unsigned char *)p, (size_t)(end - p));
    }
    return (cg_str_t){out.ptr, out.len};
}
