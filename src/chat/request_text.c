/* Which strings of a document are text of a person?
 * SPDX-License-Identifier: Apache-2.0
 *
 * All, unless the member they belong to is one of a short list and the value
 * looks like what that member is for. Rather a string too many is scanned than
 * one that should have been: a role of nine digits is no role, so it is text.
 *
 * Elements of an array belong to the member that holds the array. Below members
 * whose content is the caller's own (metadata, variables of a prompt, ...) the
 * list does not hold: there "id" is as free as any other word.
 */
#include <string.h>

#include "chat/request.h"

typedef enum opaque_t {
    OPAQUE_NONE,
    OPAQUE_WORD,    /* an enumeration of the API: lower case */
    OPAQUE_ROLE,    /* one of ROLES */
    OPAQUE_ID,      /* made by the API */
    OPAQUE_MODEL,   /* of the request or the answer as a whole */
    OPAQUE_MEDIA,   /* base64 or a data: URL with pictures, sound, files */
    OPAQUE_URL,     /* a data: URL; any other URL is text */
    OPAQUE_SEALED,  /* base64 or base64url that only the provider can open */
    OPAQUE_PADDING, /* random letters that hide the length of an event */
    OPAQUE_FREE     /* nothing below is opaque */
} opaque_t;

typedef struct member_t {
    const char *name;
    opaque_t kind;
} member_t;

#define NAME_MAX_LEN 22
#define NAMES_OF_LEN 8

// clang-format off
/* By length, so that a name is compared with few; ends at the first NULL. */
static const member_t MEMBERS[NAME_MAX_LEN + 1][NAMES_OF_LEN] = {
    [2]  = { { "id", OPAQUE_ID } },
    [3]  = { { "url", OPAQUE_URL } },
    [4]  = { { "type", OPAQUE_WORD }, { "role", OPAQUE_ROLE },
             { "data", OPAQUE_MEDIA }, { "size", OPAQUE_WORD },
             { "enum", OPAQUE_FREE } },
    [5]  = { { "model", OPAQUE_MODEL }, { "voice", OPAQUE_WORD },
             { "audio", OPAQUE_MEDIA },
             { "const", OPAQUE_FREE } },
    [6]  = { { "object", OPAQUE_WORD }, { "status", OPAQUE_WORD },
             { "detail", OPAQUE_WORD }, { "format", OPAQUE_WORD },
             { "effort", OPAQUE_WORD }, { "syntax", OPAQUE_WORD },
             { "result", OPAQUE_MEDIA } },
    [7]  = { { "user_id", OPAQUE_NONE }, { "include", OPAQUE_WORD },
             { "quality", OPAQUE_WORD }, { "default", OPAQUE_FREE },
             { "example", OPAQUE_FREE }, { "headers", OPAQUE_FREE } },
    [8]  = { { "b64_json", OPAQUE_MEDIA }, { "file_url", OPAQUE_URL },
             { "metadata", OPAQUE_FREE }, { "examples", OPAQUE_FREE } },
    [9]  = { { "image_url", OPAQUE_URL }, { "file_data", OPAQUE_MEDIA },
             { "verbosity", OPAQUE_WORD }, { "embedding", OPAQUE_MEDIA },
             { "signature", OPAQUE_SEALED }, { "variables", OPAQUE_FREE },
             { "arguments", OPAQUE_FREE } },
    [10] = { { "modalities", OPAQUE_WORD }, { "truncation", OPAQUE_WORD },
             { "moderation", OPAQUE_WORD }, { "background", OPAQUE_WORD },
             { "attributes", OPAQUE_FREE } },
    [11] = { { "tool_choice", OPAQUE_WORD },
             { "obfuscation", OPAQUE_PADDING } },
    [12] = { { "service_tier", OPAQUE_WORD } },
    [13] = { { "finish_reason", OPAQUE_WORD },
             { "output_format", OPAQUE_WORD } },
    [15] = { { "encoding_format", OPAQUE_WORD } },
    [16] = { { "reasoning_effort", OPAQUE_WORD } },
    [17] = { { "encrypted_content", OPAQUE_SEALED },
             { "output_modalities", OPAQUE_WORD },
             { "partial_image_b64", OPAQUE_MEDIA } },
    [18] = { { "system_fingerprint", OPAQUE_WORD } },
    [19] = { { "search_context_size", OPAQUE_WORD } },
    [22] = { { "prompt_cache_retention", OPAQUE_WORD } },
};

static const char *const ROLES[] = {
    "user", "assistant", "system", "developer", "tool", "function",
    "critic", "discriminator", "unknown", NULL
};

/* How ids of the API begin. A long id of another kind is scanned: it might be
 * a key somebody put there. */
static const char *const ID_PREFIXES[] = {
    "call_", "chatcmpl-", "cmpl-", "msg_", "resp_", "rs_", "fc_", "ctc_", "ws_",
    "fs_", "ci_", "cu_", "ig_", "mcp_", "mcpl_", "mcpr_", "file-", "file_",
    "conv_", "vs_", "req_", "item_", "asst_", "run_", "batch_", "pmpt_",
    "toolu_", "gen-", "audio_", "cntr_", "lsh_", NULL
};

/* What the payload of a data: URL may be without holding text. */
static const char *const MEDIA_TYPES[] = {
    "image/png", "image/jpeg", "image/jpg", "image/gif", "image/webp",
    "image/heic", "image/heif", "image/bmp", "image/tiff", "image/avif",
    "audio/", "video/", "application/pdf", "application/octet-stream",
    "application/zip", "application/msword", "application/vnd.", NULL
};
// clang-format on

#define WORD_MAX 64
#define ID_MAX 128
#define MODEL_MAX 256
#define ID_SHORT 19    /* too short for a key of any provider */
#define DIGITS_TOLD 9  /* from here digits in a row can be somebody's number */
#define BASE64_MIN 64  /* shorter ones cost nothing to scan */
#define MEDIA_HEAD 128 /* bytes of "data:type;parameters;base64," looked at */

static bool begins_with_any(cg_str_t value, const char *const *list)
{
    for (; *list != NULL; list++) {
        if (cg_str_has_prefix(value, *list)) {
            return true;
        }
    }
    return false;
}

static bool is_any(cg_str_t value, const char *const *list)
{
    for (; *list != NULL; list++) {
        if (cg_str_is(value, *list)) {
            return true;
        }
    }
    return false;
}

/* ---- bytes ------------------------------------------------------------ */

// clang-format off
#define BYTE_LOWER  0x01
#define BYTE_UPPER  0x02
#define BYTE_DIGIT  0x04
#define BYTE_JOINT  0x08 /* . _ : / - : may stand between digits of a number */
#define BYTE_BASE64 0x10 /* RFC 4648 section 4 */
#define BYTE_SAFE64 0x20 /* RFC 4648 section 5 */
// clang-format on
#define BYTE_ANY64 (BYTE_BASE64 | BYTE_SAFE64)

#define L (BYTE_LOWER | BYTE_ANY64)
#define U (BYTE_UPPER | BYTE_ANY64)
#define D (BYTE_DIGIT | BYTE_ANY64)
#define J BYTE_JOINT                 /* . : */
#define S (BYTE_JOINT | BYTE_SAFE64) /* - _ */
#define C (BYTE_JOINT | BYTE_BASE64) /* the slash */
#define P BYTE_BASE64                /* the plus */
#define E BYTE_ANY64                 /* = */

// clang-format off
static const uint8_t BYTES[256] = { /* sixteen a row, from the blank on */
    [0x20] = 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, P, 0, S, J, C,
    [0x30] = D, D, D, D, D, D, D, D, D, D, J, 0, 0, E, 0, 0,
    [0x40] = 0, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U,
    [0x50] = U, U, U, U, U, U, U, U, U, U, U, 0, 0, 0, 0, S,
    [0x60] = 0, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L,
    [0x70] = L, L, L, L, L, L, L, L, L, L, L, 0, 0, 0, 0, 0,
};
// clang-format on

#undef L
#undef U
#undef D
#undef J
#undef S
#undef C
#undef P
#undef E

static uint8_t byte_of(char c)
{
    return BYTES[(unsigned char)c];
}

/* A name as machines make them: only these bytes, a letter among them, and no
 * digits in a row that could be the number of a card or a person. */
static bool is_name(cg_str_t value, size_t most, uint8_t allowed)
{
    if (value.len == 0 || value.len > most) {
        return false;
    }
    int digits = 0;
    bool has_letter = false;
    for (size_t i = 0; i < value.len; i++) {
        uint8_t byte = byte_of(value.ptr[i]);
        if ((byte & allowed) == 0) {
            return false;
        }
        bool is_letter = (byte & (BYTE_LOWER | BYTE_UPPER)) != 0;
        has_letter = has_letter || is_letter;
        digits = is_letter ? 0 : digits + ((byte & BYTE_DIGIT) != 0);
        if (digits >= DIGITS_TOLD) {
            return false;
        }
    }
    return has_letter;
}

/* An escape that means nothing for base64: JSON lets a writer escape the slash,
 * and some break lines. Its length, or 0. */
static size_t idle_escape(cg_str_t value, size_t at)
{
    if (value.len - at < 2 || value.ptr[at] != '\\') {
        return 0;
    }
    char c = value.ptr[at + 1];
    return c == '/' || c == 'n' || c == 'r' ? 2 : 0;
}

static size_t base64_step(cg_str_t value, size_t at, uint8_t alphabet)
{
    bool is_letter = (byte_of(value.ptr[at]) & alphabet) != 0;
    return is_letter ? 1 : idle_escape(value, at);
}

#define STRIDE 8

/* What all of eight bytes are. */
static uint8_t all_of(const char *p)
{
    uint8_t all = 0xFF;
    for (int i = 0; i < STRIDE; i++) {
        all &= byte_of(p[i]);
    }
    return all;
}

/* Long, of one alphabet, and not a row of digits. Eight bytes a step: pictures
 * are the largest strings there are. */
static bool is_base64(cg_str_t value, uint8_t alphabet)
{
    if (value.len < BASE64_MIN) {
        return false;
    }
    for (size_t at = 0; at < value.len;) {
        uint8_t all = value.len - at >= STRIDE ? all_of(value.ptr + at) : 0;
        if ((all & BYTE_DIGIT) != 0) {
            return false;
        }
        size_t step =
            (all & alphabet) != 0 ? STRIDE : base64_step(value, at, alphabet);
        if (step == 0) {
            return false;
        }
        at += step;
    }
    return true;
}

/* A data: URL (RFC 2397) whose payload is base64 and whose type is not text. */
static bool is_media_url(cg_str_t value)
{
    char head[MEDIA_HEAD];
    size_t len = 0;
    size_t at = 0;
    while (at < value.len && len < sizeof head && value.ptr[at] != ',') {
        if (idle_escape(value, at) != 0) {
            at++;
        }
        head[len++] = value.ptr[at++];
    }
    static const char scheme[] = "data:";
    static const char coding[] = ";base64";
    size_t least = sizeof scheme - 1 + sizeof coding - 1;
    if (at == value.len || value.ptr[at] != ',' || len < least ||
        memcmp(head, scheme, sizeof scheme - 1) != 0 ||
        memcmp(head + len - (sizeof coding - 1), coding, sizeof coding - 1) !=
            0) {
        return false;
    }
    cg_str_t type = {head + sizeof scheme - 1, len - least};
    cg_str_t payload = {value.ptr + at + 1, value.len - at - 1};
    return begins_with_any(type, MEDIA_TYPES) &&
           is_base64(payload, BYTE_BASE64);
}

/* ---- places ----------------------------------------------------------- */

static bool is_in(const cg_walk_t *walk, uint32_t node, cg_node_kind_t kind)
{
    uint32_t parent = walk->nodes[node].parent;
    return parent != CG_NODE_NONE && walk->nodes[parent].kind == kind;
}

/* The member a node belongs to: itself, or the array that holds it. */
static uint32_t member_of(const cg_walk_t *walk, uint32_t node)
{
    while (is_in(walk, node, CG_NODE_ARRAY)) {
        node = walk->nodes[node].parent;
    }
    return node;
}

static bool is_id_name(cg_str_t name)
{
    return (name.len > 3 && memcmp(name.ptr + name.len - 3, "_id", 3) == 0) ||
           (name.len > 4 && memcmp(name.ptr + name.len - 4, "_ids", 4) == 0);
}

static opaque_t kind_of(const cg_walk_t *walk, uint32_t node)
{
    const cg_node_t *member = &walk->nodes[node];
    if (member->key_is_escaped || !is_in(walk, node, CG_NODE_OBJECT)) {
        return OPAQUE_NONE;
    }
    cg_str_t name = {walk->text + member->key_start, member->key_len};
    const member_t *row = name.len <= NAME_MAX_LEN ? MEMBERS[name.len] : NULL;
    for (int i = 0; row != NULL && i < NAMES_OF_LEN; i++, row++) {
        if (row->name == NULL) {
            break;
        }
        if (memcmp(row->name, name.ptr, name.len) == 0) {
            return row->kind;
        }
    }
    return is_id_name(name) ? OPAQUE_ID : OPAQUE_NONE;
}

static bool is_below_free(const cg_walk_t *walk, uint32_t node)
{
    uint32_t at = walk->nodes[node].parent;
    for (; at != CG_NODE_NONE; at = walk->nodes[at].parent) {
        if (kind_of(walk, at) == OPAQUE_FREE) {
            return true;
        }
    }
    return false;
}

/* The document's own model, or that of the response an event carries. */
static bool is_model_place(const cg_walk_t *walk, uint32_t member)
{
    return walk->nodes[member].depth == 1 ||
           (walk->nodes[member].depth == 2 &&
            cg_walk_key_is(walk, walk->nodes[member].parent, "response"));
}

/* Sound arrives in events of its own: delta is base64 only there. */
static bool is_sound_delta(const cg_walk_t *walk, uint32_t node)
{
    if (walk->nodes[node].depth != 1 || !cg_walk_key_is(walk, node, "delta")) {
        return false;
    }
    cg_str_t type = cg_walk_raw(walk, cg_walk_member(walk, 0, "type"));
    return cg_str_is(type, "response.audio.delta") ||
           cg_str_is(type, "response.output_audio.delta");
}

/* ---- the question ----------------------------------------------------- */

#define BYTE_NAME (BYTE_LOWER | BYTE_UPPER | BYTE_DIGIT | BYTE_JOINT)

static bool is_word(cg_str_t value)
{
    return is_name(value, WORD_MAX, BYTE_LOWER | BYTE_DIGIT | BYTE_JOINT);
}

static bool is_role(cg_str_t value)
{
    return is_any(value, ROLES);
}

static bool is_id(cg_str_t value)
{
    bool is_known =
        value.len <= ID_SHORT || begins_with_any(value, ID_PREFIXES);
    return is_known && is_name(value, ID_MAX, BYTE_NAME);
}

static bool is_model(cg_str_t value)
{
    return is_name(value, MODEL_MAX, BYTE_NAME);
}

static bool is_media(cg_str_t value)
{
    return is_base64(value, BYTE_BASE64) || is_media_url(value);
}

static bool is_sealed(cg_str_t value)
{
    return is_base64(value, BYTE_ANY64);
}

static bool is_padding(cg_str_t value)
{
    return is_name(value, WORD_MAX, BYTE_LOWER | BYTE_UPPER | BYTE_DIGIT);
}

typedef struct look_t {
    bool (*is_right)(cg_str_t value);
    bool may_be_escaped;
} look_t;

// clang-format off
static const look_t LOOKS[] = {
    [OPAQUE_WORD]    = { is_word, false },
    [OPAQUE_ROLE]    = { is_role, false },
    [OPAQUE_ID]      = { is_id, false },
    [OPAQUE_MODEL]   = { is_model, false },
    [OPAQUE_MEDIA]   = { is_media, true },
    [OPAQUE_URL]     = { is_media_url, true },
    [OPAQUE_SEALED]  = { is_sealed, true },
    [OPAQUE_PADDING] = { is_padding, false },
};
// clang-format on

// clang-format off
static const cg_content_t CONTENTS[] = {
    [OPAQUE_MEDIA]  = CG_CONTENT_FILE,
    [OPAQUE_URL]    = CG_CONTENT_FILE,
    [OPAQUE_SEALED] = CG_CONTENT_SEALED,
    [OPAQUE_FREE]   = CG_CONTENT_TEXT,
};
// clang-format on

cg_content_t cg_chat_content(const cg_walk_t *walk, uint32_t node)
{
    if (walk->nodes[node].kind != CG_NODE_STRING) {
        return CG_CONTENT_WORD;
    }
    uint32_t member = member_of(walk, node);
    opaque_t kind = kind_of(walk, member);
    if (kind == OPAQUE_NONE && is_sound_delta(walk, node)) {
        kind = OPAQUE_MEDIA;
    }
    if (kind == OPAQUE_NONE || kind == OPAQUE_FREE) {
        return CG_CONTENT_TEXT;
    }
    if (walk->nodes[node].is_escaped && !LOOKS[kind].may_be_escaped) {
        return CG_CONTENT_TEXT;
    }
    if (kind == OPAQUE_MODEL && !is_model_place(walk, member)) {
        return CG_CONTENT_TEXT;
    }
    if (!LOOKS[kind].is_right(cg_walk_raw(walk, node)) ||
        is_below_free(walk, member)) {
        return CG_CONTENT_TEXT;
    }
    return CONTENTS[kind];
}

bool cg_chat_is_text(const cg_walk_t *walk, uint32_t node)
{
    return walk->nodes[node].kind == CG_NODE_STRING &&
           cg_chat_content(walk, node) == CG_CONTENT_TEXT;
}
