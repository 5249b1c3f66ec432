/* The label: in which language does its reader read?
 * SPDX-License-Identifier: Apache-2.0
 *
 * Accept-Language says it, or else the script of what was asked; else it is the
 * first of the pack's languages.
 */
#include <string.h>

#include "flow/label.h"

#define LOOKED_AT_MAX 4096 /* bytes of the conversation's end */
#define RANGES_MAX 32      /* of Accept-Language */

static const char *words_of(const cg_pack_t *pack, cg_str_t language)
{
    for (size_t i = 0; i < pack->label_count; i++) {
        if (cg_str_is_nocase(language, pack->labels[i].language)) {
            return pack->labels[i].text;
        }
    }
    return NULL;
}

/* -- Accept-Language ---------------------------------------------------------- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static cg_str_t trim(cg_str_t text)
{
    while (text.len && is_blank(text.ptr[0])) {
        text = (cg_str_t){text.ptr + 1, text.len - 1};
    }
    while (text.len && is_blank(text.ptr[text.len - 1])) {
        text.len--;
    }
    return text;
}

/* The piece before the first stop; text moves on behind it. */
static cg_str_t cut(cg_str_t *text, char stop)
{
    const char *at = text->len ? memchr(text->ptr, stop, text->len) : NULL;
    cg_str_t piece = *text;
    if (!at) {
        text->len = 0;
        return trim(piece);
    }
    piece.len = (size_t)(at - text->ptr);
    *text = (cg_str_t){at + 1, text->len - piece.len - 1};
    return trim(piece);
}

/* "q=0.8" in thousandths; 1000 for anything else. */
static int weight_of(cg_str_t text)
{
    if (!cg_str_has_prefix(text, "q=") || text.len < 3) {
        return 1000;
    }
    int weight = text.ptr[2] == '1' ? 1000 : 0;
    int place = 100;
    for (size_t i = 4; i < text.len && i < 7 && place; i++, place /= 10) {
        bool is_digit = text.ptr[i] >= '0' && text.ptr[i] <= '9';
        weight += is_digit && weight < 1000 ? (text.ptr[i] - '0') * place : 0;
    }
    return weight;
}

static const char *words_spoken(const cg_pack_t *pack, const char *header)
{
    cg_str_t rest = cg_str(header ? header : "");
    const char *best = NULL;
    int most = 0;
    for (int i = 0; rest.len && i < RANGES_MAX; i++) {
        cg_str_t range = cut(&rest, ',');
        cg_str_t tag = cut(&range, ';');
        int weight = weight_of(trim(range));
        const char *words = words_of(pack, tag);
        words = words ? words : words_of(pack, cut(&tag, '-'));
        if (words && weight > most) {
            best = words;
            most = weight;
        }
    }
    return best;
}

/* -- the script of the conversation ------------------------------------------ */

typedef enum script_t { LATIN, HAN, KANA, HANGUL, CYRILLIC, SCRIPTS } script_t;

static const struct range_t {
    uint32_t from, to;
    script_t script;
} ranges[] = {
    {'A', 'Z', LATIN},        {'a', 'z', LATIN},
    {0xC0, 0x24F, LATIN},     {0x400, 0x52F, CYRILLIC},
    {0x1100, 0x11FF, HANGUL}, {0x3040, 0x30FF, KANA},
    {0x3400, 0x4DBF, HAN},    {0x4E00, 0x9FFF, HAN},
    {0xAC00, 0xD7A3, HANGUL}, {0xF900, 0xFAFF, HAN},
    {0x20000, 0x3134F, HAN},
};

static void count_scripts(cg_str_t text, size_t counts[SCRIPTS])
{
    for (size_t i = 0; i < text.len;) {
        unsigned char lead = (unsigned char)text.ptr[i];
        size_t size = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
        uint32_t point = lead < 0x80   ? lead
                         : lead < 0xE0 ? lead & 0x1F
                         : lead < 0xF0 ? lead & 0x0F
                                       : lead & 0x07;
        for (size_t b = 1; b < size && i + b < text.len; b++) {
            point = point << 6 | ((unsigned char)text.ptr[i + b] & 0x3F);
        }
        i += size;
        for (size_t r = 0; r < sizeof ranges / sizeof ranges[0]; r++) {
            if (point >= ranges[r].from && point <= ranges[r].to) {
                counts[ranges[r].script]++;
            }
        }
    }
}

/* A Latin word is some five letters, a Chinese one two: code and names in a
 * Chinese question do not make it English. */
static const char *language_of(const size_t counts[SCRIPTS])
{
    size_t latin = counts[LATIN] / 4;
    if (counts[KANA] && counts[KANA] * 4 > counts[HAN]) {
        return "ja";
    }
    if (counts[HAN] && counts[HAN] >= latin) {
        return "zh";
    }
    if (counts[HANGUL] && counts[HANGUL] >= latin) {
        return "ko";
    }
    if (counts[CYRILLIC] > counts[LATIN]) {
        return "ru";
    }
    return counts[LATIN] ? "en" : "";
}

static bool is_conversation(const cg_walk_t *walk, uint32_t node)
{
    while (walk->nodes[node].depth > 1) {
        node = walk->nodes[node].parent;
    }
    return walk->nodes[node].depth == 1 &&
           (cg_walk_key_is(walk, node, "messages") ||
            cg_walk_key_is(walk, node, "input") ||
            cg_walk_key_is(walk, node, "prompt"));
}

/* From its end on: what was asked last is what the reader reads. */
static const char *words_asked(const cg_txn_t *txn, const cg_pack_t *pack)
{
    const cg_walk_t *walk = &txn->in.request.walk;
    size_t counts[SCRIPTS] = {0};
    size_t seen = 0;
    for (uint32_t n = walk->count; n > 0 && seen < LOOKED_AT_MAX; n--) {
        const cg_node_t *node = &walk->nodes[n - 1];
        if (node->kind != CG_NODE_STRING || !is_conversation(walk, n - 1) ||
            !cg_chat_is_text(walk, n - 1)) {
            continue;
        }
        cg_str_t text = cg_walk_string(walk, n - 1, txn->pool);
        size_t room = LOOKED_AT_MAX - seen;
        size_t len = text.len > room ? cg_utf8_whole(text.ptr, room) : text.len;
        count_scripts((cg_str_t){text.ptr, len}, counts);
        seen += len;
    }
    return words_of(pack, cg_str(language_of(counts)));
}

const char *cg_label_words(const cg_txn_t *txn)
{
    const cg_pack_t *pack = txn->region.rules.label;
    const char *words = words_spoken(pack, txn->region.spoken);
    if (!words) {
        words = words_asked(txn, pack);
    }
    return words || pack->label_count == 0 ? words : pack->labels[0].text;
}

static bool is_json(const cg_walk_t *walk, uint32_t format)
{
    uint32_t type =
        format != CG_NODE_NONE && walk->nodes[format].kind == CG_NODE_OBJECT
            ? cg_walk_member(walk, format, "type")
            : CG_NODE_NONE;
    return type != CG_NODE_NONE &&
           cg_str_has_prefix(cg_walk_raw(walk, type), "json");
}

bool cg_label_is_hidden(const cg_txn_t *txn)
{
    const cg_walk_t *walk = &txn->in.request.walk;
    if (walk->count == 0 || walk->nodes[0].kind != CG_NODE_OBJECT) {
        return true;
    }
    uint32_t text = cg_walk_member(walk, 0, "text");
    bool is_object =
        text != CG_NODE_NONE && walk->nodes[text].kind == CG_NODE_OBJECT;
    return is_json(walk, cg_walk_member(walk, 0, "response_format")) ||
           (is_object && is_json(walk, cg_walk_member(walk, text, "format")));
}
