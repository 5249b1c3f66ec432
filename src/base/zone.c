/* Time zones by name: how far ahead of UTC is Berlin at this moment?
 * SPDX-License-Identifier: Apache-2.0
 *
 * A compiled zone: a header, the changes with 32 bits, and from version 2 on the
 * same once more with 64 bits, then a line with the rule for all that comes
 * after. Only the second part is read; version 1 alone has not been written for
 * many years.
 */
#include "base/zone_int.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <apr_lib.h>

#define FOLDER "/usr/share/zoneinfo"
#define NAME_MAX_BYTES 64
#define FILE_MAX_BYTES (16 * 1024) /* the largest has 4 KB */
#define HEAD_BYTES 44
#define TYPE_BYTES 6

/* ---- a compiled zone ---------------------------------------------------- */

/* The numbers of a header, and where its parts begin. */
typedef struct block_t {
    const unsigned char *times;
    const unsigned char *indexes;
    const unsigned char *types;
    size_t times_count;
    size_t types_count;
    size_t bytes; /* of the whole block, its header included */
} block_t;

static uint32_t read_32(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 |
           p[3];
}

static int64_t read_64(const unsigned char *p)
{
    return (int64_t)((uint64_t)read_32(p) << 32 | read_32(p + 4));
}

static bool read_block(const unsigned char *bytes, size_t len,
                       size_t time_bytes, block_t *out)
{
    size_t counts[6]; /* isut, isstd, leap, time, type, char */
    if (len < HEAD_BYTES || memcmp(bytes, "TZif", 4) != 0 || bytes[4] < '2') {
        return false;
    }
    for (size_t i = 0; i < 6; i++) {
        counts[i] = read_32(bytes + 20 + 4 * i);
        if (counts[i] > FILE_MAX_BYTES) {
            return false;
        }
    }
    out->times_count = counts[3];
    out->types_count = counts[4];
    out->times = bytes + HEAD_BYTES;
    out->indexes = out->times + counts[3] * time_bytes;
    out->types = out->indexes + counts[3];
    out->bytes = HEAD_BYTES + counts[3] * (time_bytes + 1) +
                 counts[4] * TYPE_BYTES + counts[5] +
                 counts[2] * (time_bytes + 4) + counts[1] + counts[0];
    return out->bytes <= len && out->types_count > 0;
}

/* False for an index that no type has. */
static bool ahead_after(const block_t *block, size_t change, int32_t *out)
{
    size_t type = block->indexes[change];
    if (type >= block->types_count) {
        return false;
    }
    *out = (int32_t)read_32(block->types + type * TYPE_BYTES);
    return true;
}

/* The first change that lies after seconds. */
static size_t change_after(const block_t *block, int64_t seconds)
{
    size_t low = 0, high = block->times_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (read_64(block->times + 8 * middle) <= seconds) {
            low = middle + 1;
        }
        else {
            high = middle;
        }
    }
    return low;
}

bool cg_zone_read(const unsigned char *bytes, size_t len, apr_time_t at,
                  cg_zone_span_t *out)
{
    block_t first, block;
    int64_t seconds = at / APR_USEC_PER_SEC;
    memset(out, 0, sizeof *out);
    if (!read_block(bytes, len, 4, &first) ||
        !read_block(bytes + first.bytes, len - first.bytes, 8, &block)) {
        return false;
    }
    size_t next = change_after(&block, seconds);
    if (next == block.times_count) {
        const char *rule = (const char *)bytes + first.bytes + block.bytes;
        size_t left = len - first.bytes - block.bytes;
        const char *end = left > 1 ? memchr(rule + 1, '\n', left - 1) : NULL;
        return end && rule[0] == '\n' &&
               cg_zone_rule((cg_str_t){rule + 1, (size_t)(end - rule - 1)},
                            seconds, out);
    }
    out->ahead_seconds = (int32_t)read_32(block.types);
    if ((next > 0 && !ahead_after(&block, next - 1, &out->ahead_seconds)) ||
        !ahead_after(&block, next, &out->then_seconds)) {
        return false;
    }
    int64_t change = read_64(block.times + 8 * next);
    out->changes_at = change < INT64_MAX / APR_USEC_PER_SEC
                          ? apr_time_from_sec(change)
                          : INT64_MAX;
    out->is_known = true;
    return true;
}

/* ---- names --------------------------------------------------------------- */

/* "+02:00", "-0530". */
static bool read_offset(cg_str_t name, int32_t *out)
{
    char digits[4];
    size_t count = 0;
    bool has_colon = name.len == 6 && name.ptr[3] == ':';
    if ((name.len != 5 && !has_colon) ||
        (name.ptr[0] != '+' && name.ptr[0] != '-')) {
        return false;
    }
    for (size_t i = 1; i < name.len; i++) {
        if (has_colon && i == 3) {
            continue;
        }
        if (!apr_isdigit(name.ptr[i])) {
            return false;
        }
        digits[count++] = (char)(name.ptr[i] - '0');
    }
    int32_t hours = digits[0] * 10 + digits[1];
    int32_t minutes = digits[2] * 10 + digits[3];
    *out = (hours * 60 + minutes) * 60;
    *out = name.ptr[0] == '-' ? -*out : *out;
    return hours <= 14 && minutes <= 59;
}

/* Words of letters, digits, '_', '-' and '+' with '/' between: no path leads out
 * of the folder. */
static bool is_name(cg_str_t name)
{
    if (name.len == 0 || name.len > NAME_MAX_BYTES ||
        !apr_isalpha(name.ptr[0])) {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (c == '/' && name.ptr[i - 1] == '/') {
            return false;
        }
        if (!apr_isalnum(c) && c != '_' && c != '-' && c != '+' && c != '/') {
            return false;
        }
    }
    return name.ptr[name.len - 1] != '/';
}

static size_t load(cg_str_t name, unsigned char bytes[FILE_MAX_BYTES])
{
    char path[sizeof FOLDER + NAME_MAX_BYTES + 2];
    snprintf(path, sizeof path, "%s/%.*s", FOLDER, (int)name.len, name.ptr);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t len = 0;
    ssize_t got = 1;
    while (fd >= 0 && got > 0 && len < FILE_MAX_BYTES) {
        got = read(fd, bytes + len, FILE_MAX_BYTES - len);
        len += got > 0 ? (size_t)got : 0;
    }
    if (fd >= 0) {
        close(fd);
    }
    return len;
}

bool cg_zone_find(cg_str_t name, apr_time_t at, cg_zone_span_t *out)
{
    unsigned char bytes[FILE_MAX_BYTES];
    int32_t ahead = 0;
    memset(out, 0, sizeof *out);
    if (cg_str_is(name, "UTC") || cg_str_is(name, "Z") ||
        read_offset(name, &ahead)) {
        *out = (cg_zone_span_t){true, ahead, ahead, INT64_MAX};
        return true;
    }
    return is_name(name) && cg_zone_read(bytes, load(name, bytes), at, out);
}

int32_t cg_zone_ahead(const cg_zone_span_t *span, apr_time_t at)
{
    return at < span->changes_at ? span->ahead_seconds : span->then_seconds;
}
