/* What cannot be read: pictures, sound, archives, and what else is no text.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "flow/opaque.h"

#include <string.h>

static const char *const NAMES[CG_OPAQUE_KINDS] = {
    [CG_OPAQUE_IMAGE] = "image",     [CG_OPAQUE_AUDIO] = "audio",
    [CG_OPAQUE_VIDEO] = "video",     [CG_OPAQUE_DOCUMENT] = "document",
    [CG_OPAQUE_ARCHIVE] = "archive", [CG_OPAQUE_SEALED] = "sealed",
    [CG_OPAQUE_OTHER] = "other",
};

typedef struct magic_t {
    size_t at;
    size_t len;
    const char *bytes;
    cg_opaque_kind_t kind;
} magic_t;

// clang-format off
static const magic_t MAGICS[] = {
    {0, 4, "\x89PNG",         CG_OPAQUE_IMAGE},
    {0, 3, "\xFF\xD8\xFF",    CG_OPAQUE_IMAGE},
    {0, 4, "GIF8",            CG_OPAQUE_IMAGE},
    {8, 4, "WEBP",            CG_OPAQUE_IMAGE},
    {0, 4, "II*\0",           CG_OPAQUE_IMAGE},
    {0, 4, "MM\0*",           CG_OPAQUE_IMAGE},
    {8, 4, "WAVE",            CG_OPAQUE_AUDIO},
    {0, 3, "ID3",             CG_OPAQUE_AUDIO},
    {0, 2, "\xFF\xFB",        CG_OPAQUE_AUDIO},
    {0, 4, "OggS",            CG_OPAQUE_AUDIO},
    {0, 4, "fLaC",            CG_OPAQUE_AUDIO},
    {4, 4, "ftyp",            CG_OPAQUE_VIDEO},
    {0, 4, "\x1A\x45\xDF\xA3", CG_OPAQUE_VIDEO},
    {0, 4, "%PDF",            CG_OPAQUE_DOCUMENT},
    {0, 8, "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", CG_OPAQUE_DOCUMENT},
    {0, 4, "PK\x03\x04",      CG_OPAQUE_ARCHIVE},
    {0, 2, "\x1F\x8B",        CG_OPAQUE_ARCHIVE},
    {0, 3, "BZh",             CG_OPAQUE_ARCHIVE},
    {0, 5, "\xFD""7zXZ",      CG_OPAQUE_ARCHIVE},
    {0, 4, "7z\xBC\xAF",      CG_OPAQUE_ARCHIVE},
    {0, 4, "Rar!",            CG_OPAQUE_ARCHIVE},
    {0, 4, "\x28\xB5\x2F\xFD", CG_OPAQUE_ARCHIVE},
};

static const struct media_t {
    const char *prefix;
    cg_opaque_kind_t kind;
} MEDIA[] = {
    {"image/",                 CG_OPAQUE_IMAGE},
    {"audio/",                 CG_OPAQUE_AUDIO},
    {"video/",                 CG_OPAQUE_VIDEO},
    {"application/pdf",        CG_OPAQUE_DOCUMENT},
    {"application/msword",     CG_OPAQUE_DOCUMENT},
    {"application/vnd.",       CG_OPAQUE_DOCUMENT},
    {"application/zip",        CG_OPAQUE_ARCHIVE},
    {"application/gzip",       CG_OPAQUE_ARCHIVE},
    {"application/x-tar",      CG_OPAQUE_ARCHIVE},
    {"application/x-7z",       CG_OPAQUE_ARCHIVE},
};
// clang-format on

static bool is_control(unsigned char c)
{
    return c < 0x20 && c != '\t' && c != '\n' && c != '\r' && c != '\f' &&
           c != '\b' && c != 0x1B; /* the escape of terminals, ISO 2022 */
}

/* Eight bytes at a time where none is below the blank. */
static bool is_all_above(const char *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof word);
    uint64_t below = (word - UINT64_C(0x2020202020202020)) & ~word;
    return (below & UINT64_C(0x8080808080808080)) == 0;
}

bool cg_opaque_is_text(cg_str_t content)
{
    for (size_t i = 0; i < content.len;) {
        if (content.len - i >= 8 && is_all_above(content.ptr + i)) {
            i += 8;
            continue;
        }
        if (is_control((unsigned char)content.ptr[i])) {
            return false;
        }
        i++;
    }
    return true;
}

static const magic_t *magic_of(cg_str_t content)
{
    for (size_t i = 0; i < sizeof MAGICS / sizeof MAGICS[0]; i++) {
        const magic_t *magic = &MAGICS[i];
        if (content.len >= magic->at + magic->len &&
            memcmp(content.ptr + magic->at, magic->bytes, magic->len) == 0) {
            return magic;
        }
    }
    return NULL;
}

bool cg_opaque_is_document(cg_str_t content)
{
    return content.len >= 4 && memcmp(content.ptr, "%PDF", 4) == 0;
}

bool cg_opaque_is_known(cg_str_t content)
{
    return magic_of(content) != NULL;
}

cg_opaque_kind_t cg_opaque_kind(cg_str_t content, cg_str_t media_type)
{
    const magic_t *magic = magic_of(content);
    if (magic && magic->kind != CG_OPAQUE_ARCHIVE) {
        return magic->kind;
    }
    for (size_t i = 0; i < sizeof MEDIA / sizeof MEDIA[0]; i++) {
        if (cg_str_has_prefix(media_type, MEDIA[i].prefix)) {
            return MEDIA[i].kind; /* office files are archives by their bytes */
        }
    }
    return magic ? magic->kind : CG_OPAQUE_OTHER;
}

const char *cg_opaque_name(cg_opaque_kind_t kind)
{
    return NAMES[kind];
}

uint32_t cg_opaque_total(const cg_opaque_t *opaque)
{
    uint32_t total = 0;
    for (int i = 0; i < CG_OPAQUE_KINDS; i++) {
        total += opaque->by_kind[i];
    }
    return total;
}

void cg_opaque_write(const cg_opaque_t *opaque, cg_buf_t *out)
{
    const char *between = "";
    for (int i = 0; i < CG_OPAQUE_KINDS; i++) {
        if (opaque->by_kind[i]) {
            cg_buf_fmt(out, "%s%s=%u", between, NAMES[i], opaque->by_kind[i]);
            between = ",";
        }
    }
}
