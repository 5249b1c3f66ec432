/* How an API key is spelled, by fixed widths.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   v k _ i i i i i i i i _ s s ... s _ c c c c c c
 *   0     3               11 12      55 56          62
 */
#include "auth/keyspell.h"

#include <string.h>

#include "base/digest.h"

#define ID_AT 3
#define SECRET_AT 12
#define SECRET_LEN 43
#define CHECK_AT 56
#define CHECK_LEN 6

/* Digits and lower-case letters without i, l, o, u: nobody misreads an id. */
static const char id_letters[] = "0123456789abcdefghjkmnpqrstvwxyz";
static const char check_letters[] =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

static void write_check(const char *text, char out[CHECK_LEN])
{
    uint32_t rest = cg_crc32(0, text, CHECK_AT);
    for (int i = CHECK_LEN - 1; i >= 0; i--) {
        out[i] = check_letters[rest % 62];
        rest /= 62;
    }
}

bool cg_keyspell_is_id(cg_str_t text)
{
    if (text.len != CG_KEY_ID_LEN) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (!text.ptr[i] || !strchr(id_letters, text.ptr[i])) {
            return false;
        }
    }
    return true;
}

bool cg_keyspell_parse(cg_str_t text, cg_key_parts_t *out)
{
    char check[CHECK_LEN];
    size_t len = 0;
    if (text.len != CG_KEY_SPELLED_LEN || !cg_str_has_prefix(text, "vk_") ||
        text.ptr[SECRET_AT - 1] != '_' || text.ptr[CHECK_AT - 1] != '_') {
        return false;
    }
    if (!cg_keyspell_is_id((cg_str_t){text.ptr + ID_AT, CG_KEY_ID_LEN})) {
        return false;
    }
    write_check(text.ptr, check);
    if (memcmp(check, text.ptr + CHECK_AT, CHECK_LEN) != 0) {
        return false;
    }
    memcpy(out->id, text.ptr + ID_AT, CG_KEY_ID_LEN);
    out->id[CG_KEY_ID_LEN] = '\0';
    return cg_b64url_decode(text.ptr + SECRET_AT, SECRET_LEN, out->secret,
                            &len) &&
           len == CG_KEY_SECRET_BYTES;
}

void cg_keyspell_write(const cg_key_parts_t *parts,
                       char out[CG_KEY_SPELLED_LEN + 1])
{
    memcpy(out, "vk_", ID_AT);
    memcpy(out + ID_AT, parts->id, CG_KEY_ID_LEN);
    out[SECRET_AT - 1] = '_';
    cg_b64url_encode(parts->secret, CG_KEY_SECRET_BYTES, out + SECRET_AT);
    out[CHECK_AT - 1] = '_';
    write_check(out, out + CHECK_AT);
    out[CG_KEY_SPELLED_LEN] = '\0';
}

void cg_keyspell_make(cg_key_parts_t *parts)
{
    unsigned char dice[CG_KEY_ID_LEN];
    cg_random(parts->secret, sizeof parts->secret);
    if (parts->id[0]) {
        return;
    }
    cg_random(dice, sizeof dice);
    for (int i = 0; i < CG_KEY_ID_LEN; i++) {
        parts->id[i] = id_letters[dice[i] % 32];
    }
    parts->id[CG_KEY_ID_LEN] = '\0';
}

bool cg_apikey_is_spelled(cg_str_t text)
{
    cg_key_parts_t parts;
    bool is_key = cg_keyspell_parse(text, &parts);
    cg_wipe(&parts, sizeof parts);
    return is_key;
}
