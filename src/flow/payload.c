/* A file inside a string: a data: URL, or base64 alone.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "flow/payload.h"

#include <string.h>
#include <strings.h>

#define HEAD_BYTES 512 /* decoded, to tell text from pictures */
#define URL_HEAD 256   /* "data:type;parameters;base64," */

enum { VALUE_NONE = 64, VALUE_IDLE = 65 }; /* idle: padding and white space */

static uint8_t value_of(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return (uint8_t)(c - 'A');
    }
    if (c >= 'a' && c <= 'z') {
        return (uint8_t)(c - 'a' + 26);
    }
    if (c >= '0' && c <= '9') {
        return (uint8_t)(c - '0' + 52);
    }
    if (c == '+' || c == '-') {
        return 62;
    }
    if (c == '/' || c == '_') {
        return 63;
    }
    bool is_idle = c == '=' || c == '\n' || c == '\r' || c == ' ' || c == '\t';
    return is_idle ? VALUE_IDLE : VALUE_NONE;
}

/* Where the base64 of a data: URL begins; 0: it is none. */
static size_t url_payload(cg_str_t string, cg_payload_t *out)
{
    static const char scheme[] = "data:";
    static const char coding[] = ";base64";
    size_t most = string.len < URL_HEAD ? string.len : URL_HEAD;
    if (most < sizeof scheme - 1 ||
        strncasecmp(string.ptr, scheme, sizeof scheme - 1) != 0) {
        return 0;
    }
    const char *comma = memchr(string.ptr, ',', most);
    size_t head = comma ? (size_t)(comma - string.ptr) : 0;
    if (head < sizeof scheme - 1 + sizeof coding - 1 ||
        strncasecmp(comma - (sizeof coding - 1), coding, sizeof coding - 1) !=
            0) {
        return 0;
    }
    const char *type = string.ptr + sizeof scheme - 1;
    const char *end = memchr(type, ';', (size_t)(comma - type));
    out->media_type = (cg_str_t){type, (size_t)(end - type)};
    return head + 1;
}

/* Nothing but base64 from start on? Notes its alphabet. Words and blanks are not
 * taken for it: only behind "data:" may a blank stand. */
static bool is_base64(cg_str_t string, cg_payload_t *out)
{
    size_t letters = 0;
    bool may_blank = out->start > 0;
    out->is_padded = false;
    out->is_url_safe = false;
    for (size_t i = out->start; i < string.len; i++) {
        char c = string.ptr[i];
        uint8_t value = value_of(c);
        bool is_blank = c == ' ' || c == '\t';
        if (value == VALUE_NONE || (is_blank && !may_blank)) {
            return false;
        }
        letters += value < VALUE_NONE;
        out->is_padded = out->is_padded || c == '=';
        out->is_url_safe = out->is_url_safe || c == '-' || c == '_';
    }
    out->is_padded = out->is_padded || letters % 4 == 0;
    return letters >= CG_PAYLOAD_MIN;
}

bool cg_payload_find(cg_str_t string, cg_payload_t *out)
{
    *out = (cg_payload_t){.media_type = CG_STR(""), .end = string.len};
    out->start = url_payload(string, out);
    if (out->start == 0 && string.len < CG_PAYLOAD_MIN) {
        return false;
    }
    return is_base64(string, out);
}

static cg_str_t decode(cg_str_t base64, size_t most, apr_pool_t *pool)
{
    size_t room = base64.len / 4 * 3 + 3;
    unsigned char *out = apr_palloc(pool, room < most ? room : most + 3);
    size_t len = 0;
    uint32_t bits = 0;
    int count = 0;
    for (size_t i = 0; i < base64.len && len < most; i++) {
        uint8_t value = value_of(base64.ptr[i]);
        if (base64.ptr[i] == '=') {
            count = 0; /* another run may follow: each is decoded by itself */
        }
        if (value >= VALUE_NONE) {
            continue;
        }
        bits = bits << 6 | value;
        count += 6;
        if (count >= 8) {
            count -= 8;
            out[len++] = (unsigned char)(bits >> count);
        }
    }
    return (cg_str_t){(const char *)out, len};
}

cg_str_t cg_payload_decode(cg_str_t string, const cg_payload_t *payload,
                           apr_pool_t *pool)
{
    cg_str_t base64 = {string.ptr + payload->start,
                       payload->end - payload->start};
    return decode(base64, SIZE_MAX - 3, pool);
}

cg_str_t cg_payload_head(cg_str_t string, const cg_payload_t *payload,
                         apr_pool_t *pool)
{
    cg_str_t base64 = {string.ptr + payload->start,
                       payload->end - payload->start};
    return decode(base64, HEAD_BYTES, pool);
}

cg_str_t cg_payload_encode(cg_str_t bytes, const cg_payload_t *payload,
                           apr_pool_t *pool)
{
    char *out = apr_palloc(pool, (bytes.len + 2) / 3 * 4 + 1);
    size_t len =
        cg_b64url_encode((const unsigned char *)bytes.ptr, bytes.len, out);
    for (size_t i = 0; !payload->is_url_safe && i < len; i++) {
        out[i] = (char)(out[i] == '-' ? '+' : out[i] == '_' ? '/' : out[i]);
    }
    while (payload->is_padded && len % 4 != 0) {
        out[len++] = '=';
    }
    return (cg_str_t){out, len};
}
