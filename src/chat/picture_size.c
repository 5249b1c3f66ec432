/* How large is a picture that stands in a data: URL?
 * SPDX-License-Identifier: Apache-2.0
 *
 * Base64 is read where it is needed, byte by byte, and never decoded whole: the size
 * stands at the beginning, or behind some segments that can be stepped over.
 */
#include <string.h>

#include "chat/picture.h"

#define SEGMENTS_MAX 1000 /* of a JPEG, before its size */

typedef struct reader_t {
    const char *ptr; /* base64 */
    size_t len;
} reader_t;

static int digit_of(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

/* The byte at a place, or -1. */
static int byte_at(const reader_t *reader, size_t at)
{
    size_t digit = at / 3 * 4 + at % 3;
    if (digit + 1 >= reader->len) {
        return -1;
    }
    int high = digit_of(reader->ptr[digit]);
    int low = digit_of(reader->ptr[digit + 1]);
    if (high < 0 || low < 0) {
        return -1;
    }
    unsigned both = (unsigned)high << 6 | (unsigned)low;
    return (int)(both >> (4 - 2 * (at % 3)) & 0xFF);
}

static bool begins(const reader_t *reader, size_t at, cg_str_t bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        if (byte_at(reader, at + i) != (unsigned char)bytes.ptr[i]) {
            return false;
        }
    }
    return true;
}

/* count bytes as a number; -1 when they are not there. */
static int64_t big(const reader_t *reader, size_t at, size_t count)
{
    int64_t number = 0;
    for (size_t i = 0; i < count; i++) {
        int byte = byte_at(reader, at + i);
        if (byte < 0) {
            return -1;
        }
        number = number << 8 | byte;
    }
    return number;
}

static int64_t little(const reader_t *reader, size_t at, size_t count)
{
    int64_t number = 0;
    for (size_t i = count; i > 0; i--) {
        int byte = byte_at(reader, at + i - 1);
        if (byte < 0) {
            return -1;
        }
        number = number << 8 | byte;
    }
    return number;
}

typedef struct size_pair_t {
    int64_t width;
    int64_t height;
} size_pair_t;

static const size_pair_t NO_SIZE = {-1, -1};

static size_pair_t png_size(const reader_t *reader)
{
    return (size_pair_t){big(reader, 16, 4), big(reader, 20, 4)};
}

static size_pair_t gif_size(const reader_t *reader)
{
    return (size_pair_t){little(reader, 6, 2), little(reader, 8, 2)};
}

static size_pair_t webp_size(const reader_t *reader)
{
    if (begins(reader, 12, CG_STR("VP8X"))) {
        int64_t width = little(reader, 24, 3);
        int64_t height = little(reader, 27, 3);
        return height < 0 ? NO_SIZE : (size_pair_t){width + 1, height + 1};
    }
    if (begins(reader, 12, CG_STR("VP8L"))) {
        int64_t bits = little(reader, 21, 4);
        return bits < 0 ? NO_SIZE
                        : (size_pair_t){(bits & 0x3FFF) + 1,
                                        (bits >> 14 & 0x3FFF) + 1};
    }
    if (begins(reader, 12, CG_STR("VP8 "))) {
        int64_t width = little(reader, 26, 2);
        int64_t height = little(reader, 28, 2);
        return height < 0 ? NO_SIZE
                          : (size_pair_t){width & 0x3FFF, height & 0x3FFF};
    }
    return NO_SIZE;
}

/* The segments that hold a size are C0 to CF, but for three of other use. */
static bool is_frame(int marker)
{
    return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 &&
           marker != 0xC8 && marker != 0xCC;
}

static size_pair_t jpeg_size(const reader_t *reader)
{
    size_t at = 2;
    for (int i = 0; i < SEGMENTS_MAX; i++) {
        while (byte_at(reader, at) == 0xFF && byte_at(reader, at + 1) == 0xFF) {
            at++; /* padding */
        }
        int marker = byte_at(reader, at + 1);
        int64_t len = big(reader, at + 2, 2);
        if (byte_at(reader, at) != 0xFF || len < 2) {
            return NO_SIZE;
        }
        if (is_frame(marker)) {
            return (size_pair_t){big(reader, at + 7, 2),
                                 big(reader, at + 5, 2)};
        }
        at += 2 + (size_t)len;
    }
    return NO_SIZE;
}

static const struct format_t {
    cg_str_t magic;
    size_pair_t (*size)(const reader_t *reader);
} FORMATS[] = {
    {{"\x89PNG\r\n\x1A\n", 8}, png_size},
    {{"\xFF\xD8", 2}, jpeg_size},
    {{"GIF8", 4}, gif_size},
    {{"RIFF", 4}, webp_size},
};

bool cg_chat_picture_size(cg_str_t url, uint32_t *out_width,
                          uint32_t *out_height)
{
    const char *comma = url.len > 0 ? memchr(url.ptr, ',', url.len) : NULL;
    if (!cg_str_has_prefix(url, "data:") || !comma) {
        return false;
    }
    reader_t reader = {comma + 1, (size_t)(url.ptr + url.len - comma - 1)};
    size_pair_t size = NO_SIZE;
    for (size_t i = 0; i < sizeof FORMATS / sizeof FORMATS[0]; i++) {
        if (begins(&reader, 0, FORMATS[i].magic)) {
            size = FORMATS[i].size(&reader);
        }
    }
    if (size.width <= 0 || size.height <= 0 || size.width > UINT32_MAX ||
        size.height > UINT32_MAX) {
        return false;
    }
    *out_width = (uint32_t)size.width;
    *out_height = (uint32_t)size.height;
    return true;
}
