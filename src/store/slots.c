/* Slots of a cluster: the checksum, the hash tag, and the place of the key.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "store/slots.h"

#include <string.h>

/* The polynomial 0x1021 by half bytes. */
static unsigned crc16(const char *bytes, size_t len)
{
    static const unsigned table[16] = {
        0x0000, 0x1021, 0x2042, 0x3063, 0x4084, 0x50a5, 0x60c6, 0x70e7,
        0x8108, 0x9129, 0xa14a, 0xb16b, 0xc18c, 0xd1ad, 0xe1ce, 0xf1ef};
    unsigned crc = 0;
    for (size_t i = 0; i < len; i++) {
        unsigned byte = (unsigned char)bytes[i];
        crc = ((crc << 4) & 0xffff) ^ table[(crc >> 12) ^ (byte >> 4)];
        crc = ((crc << 4) & 0xffff) ^ table[(crc >> 12) ^ (byte & 15)];
    }
    return crc;
}

int cg_slots_of(cg_str_t key)
{
    const char *open = key.len ? memchr(key.ptr, '{', key.len) : NULL;
    if (open) {
        const char *from = open + 1;
        size_t left = (size_t)(key.ptr + key.len - from);
        const char *close = left ? memchr(from, '}', left) : NULL;
        if (close && close > from) {
            key = (cg_str_t){from, (size_t)(close - from)};
        }
    }
    return (int)(crc16(key.ptr, key.len) % CG_SLOTS);
}

/* Where the key stands, if not at once behind the verb. */
enum { ANY = 0, EVERY = -1, NONE = -2, COUNTED = -3, STREAMS = -4 };

// clang-format off
static const struct {
    const char *verb;
    int place;
} verbs[] = {
    {"EVALSHA", COUNTED}, {"EVAL", COUNTED}, {"FCALL", COUNTED},
    {"XINFO", 2}, {"XGROUP", 2}, {"OBJECT", 2}, {"MEMORY", 2},
    {"XREAD", STREAMS}, {"XREADGROUP", STREAMS},
    {"PUBLISH", ANY}, {"PING", ANY}, {"ECHO", ANY}, {"TIME", ANY},
    {"INFO", ANY}, {"ROLE", ANY}, {"CLUSTER", ANY}, {"COMMAND", ANY},
    {"CONFIG", ANY}, {"CLIENT", ANY}, {"ACL", ANY},
    {"SCRIPT", EVERY}, {"FLUSHALL", EVERY}, {"FLUSHDB", EVERY},
    {"DBSIZE", EVERY}, {"KEYS", EVERY},
    {"SCAN", NONE}, {"MULTI", NONE}, {"EXEC", NONE}, {"WATCH", NONE},
    {"SELECT", NONE}, {"MOVE", NONE}, {"SUBSCRIBE", NONE},
    {"PSUBSCRIBE", NONE}, {"WAIT", NONE},
};
// clang-format on

static int place_of(cg_str_t verb)
{
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (cg_str_is_nocase(verb, verbs[i].verb)) {
            return verbs[i].place;
        }
    }
    return 1;
}

static size_t behind_streams(const cg_store_command_t *command)
{
    for (size_t i = 1; i < command->argc; i++) {
        if (cg_str_is_nocase(command->argv[i], "STREAMS")) {
            return i + 1;
        }
    }
    return command->argc;
}

cg_slots_target_t cg_slots_target(const cg_store_command_t *command,
                                  int *out_slot)
{
    int place = place_of(command->argv[0]);
    size_t at = place > 0 ? (size_t)place : command->argc;
    *out_slot = 0;
    if (place == EVERY || place == NONE) {
        return place == EVERY ? CG_SLOTS_EVERY : CG_SLOTS_NONE;
    }
    if (place == COUNTED && command->argc > 3 &&
        !cg_str_is(command->argv[2], "0")) {
        at = 3;
    }
    if (place == STREAMS) {
        at = behind_streams(command);
    }
    if (at >= command->argc) {
        return CG_SLOTS_ANY;
    }
    *out_slot = cg_slots_of(command->argv[at]);
    return CG_SLOTS_KEY;
}
