/* How many tokens is a request? A quick estimate until the exact counter.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The vocabularies of OpenAI cut text at words, then words into pieces that
 * were frequent when they were made. What can be said without them:
 *
 *   letters   a word is a piece; from its fourth letter on they add up slowly
 *   capitals  begin a word; a row of them falls into short pieces
 *   digits    pieces of up to three, shorter among letters
 *   marks     nearly one each; blanks go with the word behind them
 *   others    by the first byte of the character, which tells its script, as
 *             the older vocabulary (cl100k) cuts it: it is the coarser of both
 *
 * The weights are in sixteenths of a token, fitted on labelled text of both
 * vocabularies so that 19 of 20 natural texts are not underestimated (English
 * then comes out two thirds too high). tests/unit/chat/test_tokens.c measures.
 */
#include "chat/tokens.h"

#include <string.h>

/* ---- text ------------------------------------------------------------- */

#define SIXTEENTHS 16
#define WORD 17        /* its first letter */
#define LETTERS_FREE 3 /* covered by the first */
#define LETTER 6       /* each further one */
#define CAPITAL 12     /* after another capital */
#define DIGIT_FIRST 16
#define DIGIT 8
#define BLANK 2
#define BREAK 5 /* a line break or tab */
#define MARK 16
#define MARK_AGAIN 13
#define EMOJI 50 /* F0 9F */

typedef enum class_t {
    L, /* lower case */
    U, /* upper case */
    D, /* digit */
    B, /* blank */
    K, /* line break, tab */
    M, /* mark, control */
    S, /* backslash: may begin an escape */
    W, /* the first byte of a longer character */
    T  /* its other bytes */
} class_t;

// clang-format off
static const uint8_t CLASSES[256] = { /* sixteen a row */
    M, M, M, M, M, M, M, M, M, K, K, K, K, K, M, M,
    M, M, M, M, M, M, M, M, M, M, M, M, M, M, M, M,
    B, M, M, M, M, M, M, M, M, M, M, M, M, M, M, M,
    D, D, D, D, D, D, D, D, D, D, M, M, M, M, M, M,
    M, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U,
    U, U, U, U, U, U, U, U, U, U, U, M, S, M, M, M,
    M, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L,
    L, L, L, L, L, L, L, L, L, L, L, M, M, M, M, M,
    T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T,
    T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T,
    T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T,
    T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T,
    W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W,
    W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W,
    W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W,
    W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W,
};

/* A character of more than one byte, by its first byte from C0 on. */
static const uint8_t WIDE[64] = {
    /* C0: Latin, more of it from C4; CC: combining marks, Greek */
    20, 20, 20, 20, 28, 28, 28, 28, 28, 28, 28, 28, 30, 30, 18, 18,
    /* D0: Cyrillic; D5: Armenian, Hebrew; D8: Arabic */
    14, 14, 14, 14, 14, 36, 36, 36, 22, 22, 22, 22, 22, 22, 22, 22,
    /* E0: Indic, Thai; Georgian; symbols; Han; EA: Hangul; EE: rare forms */
    40, 48, 40, 24, 24, 24, 24, 24, 24, 24, 28, 28, 28, 28, 46, 46,
    /* F0: the planes beyond */
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
};
// clang-format on

#define FIRST_OF_THREE 0xE0

static class_t class_of(char c)
{
    return (class_t)CLASSES[(unsigned char)c];
}

/* Adds up a text; last is the class of the byte before. */
typedef struct tally_t {
    int64_t sum;
    const char *end;
    class_t last;
} tally_t;

static const char *take_lower(tally_t *tally, const char *p)
{
    const char *start = p;
    while (p < tally->end && class_of(*p) == L) {
        p++;
    }
    int64_t letters = p - start;
    bool begins = tally->last != L && tally->last != U;
    int64_t more = letters - (begins ? LETTERS_FREE : LETTERS_FREE - 1);
    tally->sum += (begins ? WORD : 0) + (more > 0 ? more * LETTER : 0);
    tally->last = L;
    return p;
}

static int64_t ascii_cost(class_t last, class_t class)
{
    switch (class) {
    case U:
        return last == U ? CAPITAL : WORD;
    case D:
        return last == D ? DIGIT : DIGIT_FIRST;
    case B:
        return BLANK;
    case K:
        return BREAK;
    default:
        return last == M ? MARK_AGAIN : MARK;
    }
}

static int64_t wide_cost(unsigned first, unsigned second)
{
    bool is_emoji = first == 0xF0 && second == 0x9F;
    return is_emoji ? EMOJI : WIDE[first % 64];
}

/* Latin with marks goes on with the word it stands in. */
static const char *take_wide(tally_t *tally, const char *p)
{
    unsigned first = (unsigned char)p[0];
    unsigned second = tally->end - p > 1 ? (unsigned char)p[1] : 0;
    tally->sum += wide_cost(first, second);
    tally->last = first < FIRST_OF_THREE ? L : W;
    for (p++; p < tally->end && class_of(*p) == T;) {
        p++;
    }
    return p;
}

static bool hex(const char *p, unsigned *out)
{
    *out = 0;
    for (int i = 0; i < 4; i++) {
        unsigned c = (unsigned char)p[i] | 0x20;
        bool is_digit = c >= '0' && c <= '9';
        if (!is_digit && (c < 'a' || c > 'f')) {
            return false;
        }
        *out = *out << 4 | (is_digit ? c - '0' : c - 'a' + 10);
    }
    return true;
}

/* The cost of the character that a UTF-16 unit stands for, by the first byte
 * it would have in UTF-8; a pair is paid with its first half. */
static int64_t unit_cost(unsigned unit)
{
    if (unit < 0x80) {
        return MARK;
    }
    if (unit < 0x800) {
        return wide_cost(0xC0 | unit >> 6, 0);
    }
    if (unit >= 0xD800 && unit < 0xE000) {
        bool is_emoji = unit >= 0xD83C && unit <= 0xD83E;
        return unit >= 0xDC00 ? 0 : wide_cost(0xF0, is_emoji ? 0x9F : 0);
    }
    return wide_cost(0xE0 | unit >> 12, 0);
}

/* Text may come as it stands in JSON. A backslash of decoded text is taken for
 * an escape too where it looks like one: it costs about the same. */
static const char *take_slash(tally_t *tally, const char *p)
{
    unsigned unit = 0;
    tally->last = M;
    if (tally->end - p >= 6 && p[1] == 'u' && hex(p + 2, &unit)) {
        tally->sum += unit_cost(unit);
        return p + 6;
    }
    tally->sum += MARK;
    bool is_escape = tally->end - p > 1 && strchr("\"\\/bfnrt", p[1]) != NULL &&
                     p[1] != '\0';
    return p + (is_escape ? 2 : 1);
}

static const char *take(tally_t *tally, const char *p)
{
    class_t class = class_of(*p);
    if (class == L) {
        return take_lower(tally, p);
    }
    if (class == W) {
        return take_wide(tally, p);
    }
    if (class == S) {
        return take_slash(tally, p);
    }
    tally->sum += ascii_cost(tally->last, class);
    tally->last = class;
    return p + 1;
}

int64_t cg_chat_tokens_estimate(cg_str_t text)
{
    tally_t tally = {0, text.ptr + text.len, B};
    for (const char *p = text.ptr; p < tally.end;) {
        p = take(&tally, p);
    }
    return (tally.sum + SIXTEENTHS - 1) / SIXTEENTHS;
}

/* ---- what is no text -------------------------------------------------- */

#define PER_ANSWER 3  /* the answer is primed */
#define PER_MESSAGE 4 /* 3 and its role */
#define PER_NAME 1
#define PER_CALL 3
#define PER_TOOLS 9
#define PER_SCHEMA_MEMBER 1
#define PER_SCHEMA_WORD 1

/* Pictures by model, longest prefix first: the least and the most one can cost.
 * Tile models: base, and eight tiles of 512; patch models: 1,536 patches times
 * the model's factor. The size of a picture is not looked at. */
typedef struct picture_t {
    const char *model;
    int64_t low;
    int64_t high;
} picture_t;

// clang-format off
static const picture_t PICTURES[] = {
    { "gpt-4o-mini", 2833, 2833 + 8 * 5667 },
    { "gpt-4.1-mini", 2489, 2489 },
    { "gpt-4.1-nano", 3779, 3779 },
    { "gpt-5-mini", 2489, 2489 },
    { "gpt-5-nano", 3779, 3779 },
    { "gpt-5", 70, 70 + 8 * 140 },
    { "o4-mini", 2642, 2642 },
    { "o1", 75, 75 + 8 * 150 },
    { "o3", 75, 75 + 8 * 150 },
    { "", 85, 85 + 8 * 170 },
};

/* Payloads: how many bytes of base64 make a token at least. Sound is ten
 * tokens a second; a page of a file is text and a picture. */
typedef struct payload_t {
    const char *name;
    int64_t bytes_per_token;
} payload_t;

static const payload_t PAYLOADS[] = {
    { "data", 512 },
    { "file_data", 32 },
    { "encrypted_content", 6 },
    { NULL, 0 },
};

/* Members of the document that tell the model what it may say: their member
 * names are part of the prompt. */
static const char *const SCHEMAS[] = {
    "tools", "functions", "response_format", "text", "tool_choice", NULL
};
// clang-format on

static bool is_string(const cg_walk_t *walk, uint32_t node, const char *text)
{
    return node != CG_NODE_NONE && walk->nodes[node].kind == CG_NODE_STRING &&
           cg_str_is(cg_walk_raw(walk, node), text);
}

static int64_t picture_cost(const cg_request_t *request, uint32_t part)
{
    const cg_walk_t *walk = &request->walk;
    uint32_t inner = cg_walk_member(walk, part, "image_url");
    bool is_low =
        is_string(walk, cg_walk_member(walk, part, "detail"), "low") ||
        is_string(walk, cg_walk_member(walk, inner, "detail"), "low");
    const picture_t *row = PICTURES;
    while (!cg_str_has_prefix(request->model, row->model)) {
        row++;
    }
    return is_low ? row->low : row->high;
}

/* A string that is_text says is none: its payload, or a picture it announces.
 */
static int64_t opaque_cost(const cg_request_t *request, uint32_t node)
{
    const cg_walk_t *walk = &request->walk;
    if (cg_walk_key_is(walk, node, "type")) {
        bool is_picture = is_string(walk, node, "image_url") ||
                          is_string(walk, node, "input_image");
        return is_picture ? picture_cost(request, walk->nodes[node].parent) : 0;
    }
    for (const payload_t *row = PAYLOADS; row->name != NULL; row++) {
        if (cg_walk_key_is(walk, node, row->name)) {
            int64_t len = (int64_t)cg_walk_raw(walk, node).len;
            return len / row->bytes_per_token + 1;
        }
    }
    return 0;
}

static int64_t string_cost(const cg_request_t *request, uint32_t node)
{
    const cg_walk_t *walk = &request->walk;
    if (!cg_chat_is_text(walk, node)) {
        return opaque_cost(request, node);
    }
    int64_t cost = cg_chat_tokens_estimate(cg_walk_raw(walk, node));
    if (cg_walk_key_is(walk, node, "name")) {
        return cost + PER_NAME;
    }
    return cg_walk_key_is(walk, node, "arguments") ? cost + PER_CALL : cost;
}

static int64_t schema_cost(const cg_request_t *request, uint32_t node)
{
    const cg_node_t *at = &request->walk.nodes[node];
    cg_str_t name = {request->walk.text + at->key_start, at->key_len};
    int64_t cost =
        name.len == 0 ? 0 : cg_chat_tokens_estimate(name) + PER_SCHEMA_MEMBER;
    if (at->kind != CG_NODE_STRING) {
        return cost;
    }
    return cost +
           (cg_chat_is_text(&request->walk, node)
                ? cg_chat_tokens_estimate(cg_walk_raw(&request->walk, node))
                : PER_SCHEMA_WORD);
}

/* Elements without a node are the numbers of a prompt given in tokens. */
static int64_t numbers_in(const cg_walk_t *walk, uint32_t array)
{
    int64_t numbers = (int64_t)cg_walk_length(walk, array);
    uint32_t at = walk->nodes[array].child;
    for (; at != CG_NODE_NONE; at = walk->nodes[at].next) {
        numbers--;
    }
    return numbers;
}

static int64_t content_cost(const cg_request_t *request, uint32_t node)
{
    switch (request->walk.nodes[node].kind) {
    case CG_NODE_STRING:
        return string_cost(request, node);
    case CG_NODE_ARRAY:
        return numbers_in(&request->walk, node);
    default:
        return 0;
    }
}

/* ---- the request ------------------------------------------------------ */

static bool is_schema(const cg_walk_t *walk, uint32_t member)
{
    for (const char *const *name = SCHEMAS; *name != NULL; name++) {
        if (cg_walk_key_is(walk, member, *name)) {
            return true;
        }
    }
    return false;
}

static int64_t member_cost(const cg_request_t *request, uint32_t member)
{
    const cg_walk_t *walk = &request->walk;
    uint32_t next = walk->nodes[member].next;
    uint32_t end = next == CG_NODE_NONE ? walk->count : next;
    bool is_of_schema = is_schema(walk, member);
    int64_t cost = is_of_schema ? PER_TOOLS : 0;
    for (uint32_t node = member; node < end; node++) {
        cost += is_of_schema ? schema_cost(request, node)
                             : content_cost(request, node);
    }
    return cost;
}

/* The turns of a conversation, each of which has a frame around it. */
static int64_t turns_cost(const cg_request_t *request)
{
    const cg_walk_t *walk = &request->walk;
    if (request->endpoint != CG_ENDPOINT_CHAT &&
        request->endpoint != CG_ENDPOINT_RESPONSES) {
        return 0;
    }
    bool is_chat = request->endpoint == CG_ENDPOINT_CHAT;
    uint32_t list = cg_walk_member(walk, 0, is_chat ? "messages" : "input");
    int64_t turns = (int64_t)cg_walk_length(walk, list);
    return PER_ANSWER + PER_MESSAGE * (turns > 0 ? turns : 1);
}

int64_t cg_chat_tokens_of_request(const cg_request_t *request)
{
    const cg_walk_t *walk = &request->walk;
    int64_t cost = turns_cost(request);
    uint32_t member = walk->nodes[0].child;
    for (; member != CG_NODE_NONE; member = walk->nodes[member].next) {
        cost += member_cost(request, member);
    }
    return cost;
}
