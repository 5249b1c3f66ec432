/* What a key demands beyond its place: reading it.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "redact/demand.h"

#include <string.h>

#define WORD_MAX 80 /* longer than any name of a type, action or direction */

static bool is_between(char c)
{
    return c == ',' || c == ' ' || c == '\t';
}

/* The next item; empty at the end. text moves on behind it. */
static cg_str_t take_item(cg_str_t *text)
{
    size_t from = 0;
    while (from < text->len && is_between(text->ptr[from])) {
        from++;
    }
    size_t to = from;
    while (to < text->len && !is_between(text->ptr[to])) {
        to++;
    }
    cg_str_t item = {text->ptr + from, to - from};
    *text = (cg_str_t){text->ptr + to, text->len - to};
    return item;
}

/* Cuts item at the first sep: what stands before it, as a word of C. False when
 * that does not fit, or there is no sep. */
static bool cut(cg_str_t *item, char sep, char out[WORD_MAX])
{
    const char *at = item->len ? memchr(item->ptr, sep, item->len) : NULL;
    size_t len = at ? (size_t)(at - item->ptr) : 0;
    if (!at || len >= WORD_MAX) {
        return false;
    }
    memcpy(out, item->ptr, len);
    out[len] = '\0';
    *item = (cg_str_t){at + 1, item->len - len - 1};
    return true;
}

static bool copy(cg_str_t word, char out[WORD_MAX])
{
    if (word.len == 0 || word.len >= WORD_MAX) {
        return false;
    }
    memcpy(out, word.ptr, word.len);
    out[word.len] = '\0';
    return true;
}

void cg_actions_raise(cg_actions_t *actions, const cg_actions_t *least)
{
    for (int t = 0; t < CG_DETECTORS_MAX; t++) {
        actions->by_type[t] = actions->by_type[t] > least->by_type[t]
                                  ? actions->by_type[t]
                                  : least->by_type[t];
    }
    uint8_t keyword = least->by_type[CG_TYPE_KEYWORD];
    uint8_t custom = least->by_type[CG_TYPE_CUSTOM];
    actions->least_keyword =
        actions->least_keyword > keyword ? actions->least_keyword : keyword;
    actions->least_custom =
        actions->least_custom > custom ? actions->least_custom : custom;
}

/* TYPE=ACTION[:DIRECTION] */
static bool add_action(cg_str_t item, cg_demand_t *out)
{
    char type[WORD_MAX], action_name[WORD_MAX], direction[WORD_MAX] = "both";
    cg_action_t action;
    if (!cut(&item, '=', type)) {
        return false;
    }
    bool has_direction = cut(&item, ':', action_name);
    if (has_direction ? !copy(item, direction) : !copy(item, action_name)) {
        return false;
    }
    bool is_both = strcmp(direction, "both") == 0;
    bool is_request = is_both || strcmp(direction, "request") == 0;
    bool is_answer = is_both || strcmp(direction, "answer") == 0;
    cg_actions_t one;
    cg_actions_all(&one, CG_ACTION_ALLOW);
    one.least_keyword = one.least_custom = 0;
    if (!cg_action_parse(action_name, &action) || (!is_request && !is_answer) ||
        !cg_actions_set(&one, type, action)) {
        return false;
    }
    if (is_request) {
        cg_actions_raise(&out->request, &one);
    }
    if (is_answer) {
        cg_actions_raise(&out->answer, &one);
    }
    return true;
}

static bool is_pack(cg_str_t name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!is_letter && !(c >= '0' && c <= '9') && !strchr("-_.", c)) {
            return false;
        }
    }
    return name.len > 0 && name.len <= 64;
}

static bool add_pack(cg_str_t name, cg_demand_t *out)
{
    if (!is_pack(name) || out->packs_count == CG_DEMAND_PACKS_MAX) {
        return false;
    }
    out->packs[out->packs_count++] = name;
    return true;
}

bool cg_demand_read(cg_str_t text, cg_demand_t *out, cg_error_t *err)
{
    memset(out, 0, sizeof *out);
    cg_str_t item = take_item(&text);
    for (; item.len; item = take_item(&text)) {
        bool is_added =
            item.ptr[0] == '+'
                ? add_pack((cg_str_t){item.ptr + 1, item.len - 1}, out)
                : add_action(item, out);
        if (!is_added) {
            cg_error_set(err,
                         "\"%.*s\" is not legal; legal: TYPE=ACTION, with "
                         ":request or :answer behind it for one direction "
                         "(EMAIL_ADDRESS=block, SECRET_*=mask:answer; actions: "
                         "allow, log, partial, pseudonym, mask, block), or "
                         "+PACK, at most %d",
                         item.len > 60 ? 60 : (int)item.len, item.ptr,
                         CG_DEMAND_PACKS_MAX);
            return false;
        }
    }
    return true;
}
