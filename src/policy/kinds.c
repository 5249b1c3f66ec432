/* The kinds of value a directive can have: how each is read and merged.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "policy/kinds.h"

#include <string.h>

#include <apr_fnmatch.h>
#include <apr_strings.h>

static bool refuse(const cg_kind_ask_t *ask, const char *value,
                   const char *legal, cg_error_t *err)
{
    cg_error_set(err, "%s: \"%s\" is not legal; legal: %s", ask->directive,
                 value, legal);
    return false;
}

static bool read_flag(void *value, int argc, char *const argv[],
                      const cg_kind_ask_t *ask, cg_error_t *err,
                      apr_pool_t *pool)
{
    (void)argc;
    (void)pool;
    bool *out = value;
    cg_str_t word = cg_str(argv[0]);
    if (cg_str_is_nocase(word, "on")) {
        *out = true;
        return true;
    }
    if (cg_str_is_nocase(word, "off")) {
        *out = false;
        return true;
    }
    return refuse(ask, argv[0], "on, off", err);
}

static void merge_flag(void *merged, const void *inner, cg_stricter_t stricter,
                       apr_pool_t *pool)
{
    (void)pool;
    bool *out = merged;
    bool flag = *(const bool *)inner;
    if (stricter == CG_STRICTER_NONE ||
        flag == (stricter == CG_STRICTER_MORE)) {
        *out = flag;
    }
}

static bool loosens_flag(const void *outer, const void *inner,
                         cg_stricter_t stricter, int *out_part)
{
    bool flag = *(const bool *)inner;
    *out_part = 0;
    return flag != *(const bool *)outer &&
           flag != (stricter == CG_STRICTER_MORE);
}

static bool within(int64_t number, const char *word, const cg_kind_ask_t *ask,
                   const char *form, cg_error_t *err)
{
    if (number >= ask->least && number <= ask->most) {
        return true;
    }
    cg_error_set(err,
                 "%s: \"%s\" is out of range; legal: %s from %" APR_INT64_T_FMT
                 " to %" APR_INT64_T_FMT,
                 ask->directive, word, form, ask->least, ask->most);
    return false;
}

static bool read_count(void *value, int argc, char *const argv[],
                       const cg_kind_ask_t *ask, cg_error_t *err,
                       apr_pool_t *pool)
{
    (void)argc;
    (void)pool;
    int64_t number;
    if (!cg_parse_count(cg_str(argv[0]), &number)) {
        return refuse(ask, argv[0], "a whole number", err);
    }
    *(int64_t *)value = number;
    return within(number, argv[0], ask, "a whole number", err);
}

static bool read_size(void *value, int argc, char *const argv[],
                      const cg_kind_ask_t *ask, cg_error_t *err,
                      apr_pool_t *pool)
{
    (void)argc;
    (void)pool;
    int64_t bytes;
    if (!cg_parse_size(cg_str(argv[0]), &bytes)) {
        return refuse(ask, argv[0], "a size in bytes such as 512K, 32M, 1G",
                      err);
    }
    *(int64_t *)value = bytes;
    return within(bytes, argv[0], ask, "bytes", err);
}

static bool read_duration(void *value, int argc, char *const argv[],
                          const cg_kind_ask_t *ask, cg_error_t *err,
                          apr_pool_t *pool)
{
    (void)argc;
    (void)pool;
    int64_t micros;
    if (!cg_parse_duration(cg_str(argv[0]), &micros)) {
        return refuse(ask, argv[0],
                      "a duration such as 100ms, 30s, 15min, 2h, 1d", err);
    }
    *(apr_time_t *)value = micros;
    return within(micros, argv[0], ask, "microseconds", err);
}

static bool is_laxer(int64_t number, int64_t than, cg_stricter_t stricter)
{
    return stricter == CG_STRICTER_MORE ? number < than : number > than;
}

static void merge_number(void *merged, const void *inner,
                         cg_stricter_t stricter, apr_pool_t *pool)
{
    (void)pool;
    int64_t *out = merged;
    int64_t number = *(const int64_t *)inner;
    if (stricter == CG_STRICTER_NONE || !is_laxer(number, *out, stricter)) {
        *out = number;
    }
}

static bool loosens_number(const void *outer, const void *inner,
                           cg_stricter_t stricter, int *out_part)
{
    *out_part = 0;
    return is_laxer(*(const int64_t *)inner, *(const int64_t *)outer, stricter);
}

static bool read_text(void *value, int argc, char *const argv[],
                      const cg_kind_ask_t *ask, cg_error_t *err,
                      apr_pool_t *pool)
{
    (void)argc;
    if (!argv[0][0]) {
        return refuse(ask, argv[0], "a text that is not empty", err);
    }
    *(const char **)value = apr_pstrdup(pool, argv[0]);
    return true;
}

static void merge_text(void *merged, const void *inner, cg_stricter_t stricter,
                       apr_pool_t *pool)
{
    (void)pool;
    const char **out = merged;
    if (stricter == CG_STRICTER_NONE || !*out) {
        memcpy(merged, inner, sizeof(const char *));
    }
}

static bool loosens_text(const void *outer, const void *inner,
                         cg_stricter_t stricter, int *out_part)
{
    (void)stricter;
    const char *text = *(const char *const *)outer;
    *out_part = 0;
    return text && !cg_str_is_nocase(cg_str(text), *(const char *const *)inner);
}

static bool read_choice(void *value, int argc, char *const argv[],
                        const cg_kind_ask_t *ask, cg_error_t *err,
                        apr_pool_t *pool)
{
    (void)argc;
    char *words = apr_pstrdup(pool, ask->choices);
    char *last;
    int index = 0;
    for (char *word = apr_strtok(words, "|", &last); word;
         word = apr_strtok(NULL, "|", &last)) {
        if (cg_str_is_nocase(cg_str(argv[0]), word)) {
            *(int *)value = index;
            return true;
        }
        index++;
    }
    return refuse(ask, argv[0], ask->choices, err);
}

/* Choices are listed from lax to strict. */
static bool loosens_choice(const void *outer, const void *inner,
                           cg_stricter_t stricter, int *out_part)
{
    *out_part = 0;
    return is_laxer(*(const int *)inner, *(const int *)outer, stricter);
}

static void merge_choice(void *merged, const void *inner,
                         cg_stricter_t stricter, apr_pool_t *pool)
{
    (void)pool;
    int part;
    if (stricter == CG_STRICTER_NONE ||
        !loosens_choice(merged, inner, stricter, &part)) {
        *(int *)merged = *(const int *)inner;
    }
}

static bool read_scope(const char *word, const cg_kind_ask_t *ask,
                       cg_limit_t *out, cg_error_t *err, apr_pool_t *pool)
{
    if (cg_limit_scope_read(cg_str(word), out)) {
        return true;
    }
    const char *legal = "";
    for (int d = 0; d < CG_DIMENSION_COUNT; d++) {
        legal =
            apr_pstrcat(pool, legal, cg_limit_dimension_name((cg_dimension_t)d),
                        ", ", NULL);
    }
    return refuse(ask, word,
                  apr_pstrcat(pool, legal,
                              "or two of them, as "
                              "team+model",
                              NULL),
                  err);
}

static uint64_t bit_of(const cg_limit_t *limit)
{
    return UINT64_C(1) << cg_limit_scope_index(limit);
}

static void drop_scope(cg_kind_LIMITS_t *limits, const cg_limit_t *scope)
{
    int kept = 0;
    for (int i = 0; i < limits->count; i++) {
        if (bit_of(&limits->items[i]) != bit_of(scope)) {
            limits->items[kept++] = limits->items[i];
        }
    }
    limits->count = (uint8_t)kept;
}

/* In one place a limit said again for the same window replaces the first. */
static cg_limit_t *place_for(cg_kind_LIMITS_t *limits, const cg_limit_t *limit)
{
    for (int i = 0; i < limits->count; i++) {
        if (cg_limit_is_same(&limits->items[i], limit)) {
            return &limits->items[i];
        }
    }
    if (limits->count == CG_POLICY_LIMITS_MAX) {
        return NULL;
    }
    return &limits->items[limits->count++];
}

static bool parse_limit(int argc, char *const argv[], const cg_kind_ask_t *ask,
                        bool is_money, cg_limit_t *out, cg_error_t *err,
                        apr_pool_t *pool)
{
    const char *text = argv[0];
    cg_error_t why;
    for (int i = 1; i < argc; i++) {
        text = apr_pstrcat(pool, text, " ", argv[i], NULL);
    }
    if (!cg_limit_parse(cg_str(text), out, &why)) {
        cg_error_set(err, "%s: %s", ask->directive, why.text);
        return false;
    }
    if ((out->quantity == CG_QUANTITY_MICROS) != is_money) {
        return refuse(ask, argv[0],
                      is_money ? "an amount of money such as 5USD/month"
                               : "requests or tokens such as 100/60s, "
                                 "10000tokens/60s",
                      err);
    }
    return true;
}

static bool add_limit(cg_kind_LIMITS_t *limits, int argc, char *const argv[],
                      const cg_kind_ask_t *ask, bool is_money, cg_error_t *err,
                      apr_pool_t *pool)
{
    cg_limit_t limit = {0};
    if (!read_scope(argv[0], ask, &limit, err, pool)) {
        return false;
    }
    if (cg_str_is_nocase(cg_str(argv[1]), "none")) {
        if (ask->is_tightening) {
            return refuse(ask, "none", "a further limit (in .htaccess)", err);
        }
        if (argc > 2) {
            return refuse(ask, argv[2], "nothing behind none", err);
        }
        limits->none |= bit_of(&limit);
        drop_scope(limits, &limit);
        return true;
    }
    if (!parse_limit(argc - 1, argv + 1, ask, is_money, &limit, err, pool)) {
        return false;
    }
    cg_limit_t *place = place_for(limits, &limit);
    if (!place) {
        cg_error_set(err, "%s: more than %d limits in one place",
                     ask->directive, CG_POLICY_LIMITS_MAX);
        return false;
    }
    *place = limit;
    return true;
}

static bool read_limits(void *value, int argc, char *const argv[],
                        const cg_kind_ask_t *ask, cg_error_t *err,
                        apr_pool_t *pool)
{
    return add_limit(value, argc, argv, ask, false, err, pool);
}

static bool read_budgets(void *value, int argc, char *const argv[],
                         const cg_kind_ask_t *ask, cg_error_t *err,
                         apr_pool_t *pool)
{
    return add_limit(value, argc, argv, ask, true, err, pool);
}

static bool is_replaced(const cg_limit_t *outer, const cg_kind_LIMITS_t *inner)
{
    if (inner->none & bit_of(outer)) {
        return true;
    }
    for (int i = 0; i < inner->count; i++) {
        if (bit_of(&inner->items[i]) == bit_of(outer) &&
            inner->items[i].quantity == outer->quantity) {
            return true;
        }
    }
    return false;
}

/* Both hold: the smaller amount, and the stricter way without the store. */
static void tighten_limit(cg_limit_t *to, const cg_limit_t *limit)
{
    if (limit->amount < to->amount) {
        to->amount = limit->amount;
    }
    to->is_soft = to->is_soft && limit->is_soft;
    bool is_stricter = limit->store_down != CG_STORE_DOWN_UNSET &&
                       limit->store_down < to->store_down;
    if (is_stricter || limit->store_down == CG_STORE_DOWN_CLOSED) {
        to->store_down = limit->store_down;
    }
}

static void tighten_limits(cg_kind_LIMITS_t *out, const cg_kind_LIMITS_t *inner)
{
    for (int i = 0; i < inner->count; i++) {
        int count = out->count;
        cg_limit_t *place = place_for(out, &inner->items[i]);
        if (!place) {
            out->is_full = true;
        }
        else if (out->count > count) {
            *place = inner->items[i];
        }
        else {
            tighten_limit(place, &inner->items[i]);
        }
    }
}

static void merge_limits(void *merged, const void *inner_value,
                         cg_stricter_t stricter, apr_pool_t *pool)
{
    (void)pool;
    cg_kind_LIMITS_t *out = merged;
    const cg_kind_LIMITS_t *inner = inner_value;
    if (stricter != CG_STRICTER_NONE) {
        tighten_limits(out, inner);
        out->is_full = out->is_full || inner->is_full;
        return;
    }
    cg_kind_LIMITS_t outer = *out;
    *out = *inner;
    out->is_full = outer.is_full || inner->is_full;
    for (int i = 0; i < outer.count; i++) {
        if (is_replaced(&outer.items[i], inner)) {
            continue;
        }
        if (out->count == CG_POLICY_LIMITS_MAX) {
            out->is_full = true;
            return;
        }
        out->items[out->count++] = outer.items[i];
    }
}

/* What ChatGPTStoreDown calls a quantity. */
static const char *const store_down_words[CG_QUANTITY_COUNT] = {
    [CG_QUANTITY_REQUESTS] = "requests",
    [CG_QUANTITY_TOKENS] = "tokens",
    [CG_QUANTITY_MICROS] = "budget",
    [CG_QUANTITY_INPUT_TOKENS] = "tokens",
    [CG_QUANTITY_OUTPUT_TOKENS] = "tokens",
    [CG_QUANTITY_CONCURRENT] = "concurrent",
};

static bool read_store_down(void *value, int argc, char *const argv[],
                            const cg_kind_ask_t *ask, cg_error_t *err,
                            apr_pool_t *pool)
{
    (void)pool;
    cg_kind_STOREDOWN_t *out = value;
    cg_store_down_t mode;
    const char *word = argv[argc - 1];
    bool is_known = argc == 1;
    if (!cg_limit_store_down_find(cg_str(word), &mode)) {
        return refuse(ask, word, "closed, local, open", err);
    }
    for (int q = 0; q < CG_QUANTITY_COUNT; q++) {
        if (argc == 1 ||
            cg_str_is_nocase(cg_str(argv[0]), store_down_words[q])) {
            out->mode[q] = (uint8_t)mode;
            is_known = true;
        }
    }
    return is_known ||
           refuse(ask, argv[0], "requests, tokens, budget, concurrent", err);
}

static void merge_store_down(void *merged, const void *inner_value,
                             cg_stricter_t stricter, apr_pool_t *pool)
{
    (void)stricter;
    (void)pool;
    cg_kind_STOREDOWN_t *out = merged;
    const cg_kind_STOREDOWN_t *inner = inner_value;
    for (int q = 0; q < CG_QUANTITY_COUNT; q++) {
        if (inner->mode[q] != CG_STORE_DOWN_UNSET) {
            out->mode[q] = inner->mode[q];
        }
    }
}

static bool read_actions(void *value, int argc, char *const argv[],
                         const cg_kind_ask_t *ask, cg_error_t *err,
                         apr_pool_t *pool)
{
    (void)pool;
    cg_kind_ACTIONS_t *out = value;
    int action = ask->find_action(argv[1]);
    if (action < 0) {
        return refuse(ask, argv[1],
                      "allow, log, partial, pseudonym, mask, block", err);
    }
    const char *direction = argc > 2 ? argv[2] : "both";
    bool is_request = cg_str_is_nocase(cg_str(direction), "request");
    bool is_answer = cg_str_is_nocase(cg_str(direction), "answer");
    bool is_both = cg_str_is_nocase(cg_str(direction), "both");
    if (!is_request && !is_answer && !is_both) {
        return refuse(ask, direction, "request, answer, both", err);
    }
    bool is_type = true;
    if (is_request || is_both) {
        is_type = ask->set_types(out->request, argv[0], action + 1);
    }
    if (is_type && (is_answer || is_both)) {
        is_type = ask->set_types(out->answer, argv[0], action + 1);
    }
    return is_type ||
           refuse(ask, argv[0],
                  "*, SECRET_* or an entity type of the manual, such as "
                  "CREDIT_CARD",
                  err);
}

/* What may only tighten never takes the place of what was said: it is the least
 * that must be done. These loops run with each request: without branches, the
 * compiler takes sixteen types at a time. */
static void raise_row(uint8_t *restrict least, const uint8_t *restrict inner)
{
    for (int t = 0; t < CG_POLICY_TYPES_MAX; t++) {
        least[t] = inner[t] > least[t] ? inner[t] : least[t];
    }
}

static void replace_row(uint8_t *restrict said, const uint8_t *restrict inner)
{
    for (int t = 0; t < CG_POLICY_TYPES_MAX; t++) {
        said[t] = inner[t] ? inner[t] : said[t];
    }
}

static void merge_actions(void *merged, const void *inner_value,
                          cg_stricter_t stricter, apr_pool_t *pool)
{
    (void)pool;
    cg_kind_ACTIONS_t *out = merged;
    const cg_kind_ACTIONS_t *inner = inner_value;
    if (stricter != CG_STRICTER_NONE) {
        raise_row(out->least_request, inner->request);
        raise_row(out->least_answer, inner->answer);
        return;
    }
    replace_row(out->request, inner->request);
    replace_row(out->answer, inner->answer);
}

/* The first type that inner treats more lightly than outer says; -1 none. A type
 * of which outer says nothing is for those to judge who know the packs. */
static int find_lighter(const uint8_t *said, const uint8_t *least,
                        const uint8_t *inner)
{
    uint8_t lighter[CG_POLICY_TYPES_MAX];
    for (int t = 0; t < CG_POLICY_TYPES_MAX; t++) {
        uint8_t floor = said[t] > least[t] ? said[t] : least[t];
        lighter[t] = (inner[t] != 0) & (inner[t] < floor);
    }
    const uint8_t *first = memchr(lighter, 1, sizeof lighter);
    return first ? (int)(first - lighter) : -1;
}

static bool loosens_actions(const void *outer_value, const void *inner_value,
                            cg_stricter_t stricter, int *out_part)
{
    (void)stricter;
    const cg_kind_ACTIONS_t *outer = outer_value;
    const cg_kind_ACTIONS_t *inner = inner_value;
    *out_part =
        find_lighter(outer->request, outer->least_request, inner->request);
    if (*out_part >= 0) {
        return true;
    }
    *out_part = find_lighter(outer->answer, outer->least_answer, inner->answer);
    bool is_lighter = *out_part >= 0;
    *out_part += CG_POLICY_TYPES_MAX;
    return is_lighter;
}

static apr_array_header_t *words_of(int argc, char *const argv[],
                                    apr_pool_t *pool)
{
    apr_array_header_t *words = apr_array_make(pool, argc, sizeof(char *));
    for (int i = 0; i < argc; i++) {
        *(const char **)apr_array_push(words) = apr_pstrdup(pool, argv[i]);
    }
    return words;
}

static bool read_list(void *value, int argc, char *const argv[],
                      const cg_kind_ask_t *ask, cg_error_t *err,
                      apr_pool_t *pool)
{
    (void)ask;
    (void)err;
    const apr_array_header_t **out = value;
    apr_array_header_t *words = words_of(argc, argv, pool);
    *out = *out ? apr_array_append(pool, *out, words) : words;
    return true;
}

/* Does outer stand for all that inner stands for? Both may be patterns of
 * apr_fnmatch; where it would take more than a look to tell, the answer is no. */
static bool is_within(const char *inner, const char *outer)
{
    bool is_plain = !strpbrk(inner, "*?[\\");
    bool is_stars = !strpbrk(inner, "?[\\") && !strpbrk(outer, "?[\\");
    return strcmp(inner, outer) == 0 ||
           ((is_plain || is_stars) &&
            apr_fnmatch(outer, inner, 0) == APR_SUCCESS);
}

/* Of the words those that the outer list allows. */
static apr_array_header_t *both_of(const apr_array_header_t *outer,
                                   const apr_array_header_t *words,
                                   apr_pool_t *pool)
{
    apr_array_header_t *both =
        apr_array_make(pool, words->nelts, sizeof(char *));
    for (int i = 0; i < words->nelts; i++) {
        const char *word = APR_ARRAY_IDX(words, i, const char *);
        for (int j = 0; j < outer->nelts; j++) {
            if (is_within(word, APR_ARRAY_IDX(outer, j, const char *))) {
                *(const char **)apr_array_push(both) = word;
                break;
            }
        }
    }
    return both;
}

static bool has_word(const apr_array_header_t *words, const char *word)
{
    for (int i = 0; i < words->nelts; i++) {
        if (cg_str_is_nocase(cg_str(word),
                             APR_ARRAY_IDX(words, i, const char *))) {
            return true;
        }
    }
    return false;
}

static apr_array_header_t *all_of(const apr_array_header_t *outer,
                                  const apr_array_header_t *words,
                                  apr_pool_t *pool)
{
    apr_array_header_t *all = apr_array_copy(pool, outer);
    for (int i = 0; i < words->nelts; i++) {
        const char *word = APR_ARRAY_IDX(words, i, const char *);
        if (!has_word(all, word)) {
            *(const char **)apr_array_push(all) = word;
        }
    }
    return all;
}

static void merge_list(void *merged, const void *inner, cg_stricter_t stricter,
                       apr_pool_t *pool)
{
    const apr_array_header_t **out = merged;
    const apr_array_header_t *words = *(const apr_array_header_t *const *)inner;
    bool is_adding = stricter == CG_STRICTER_MORE;
    if (stricter == CG_STRICTER_NONE || (!*out && !is_adding)) {
        *out = words;
    }
    else if (*out && is_adding) {
        *out = all_of(*out, words, pool);
    }
    else if (*out) {
        *out = both_of(*out, words, pool);
    }
}

/* Is there a word in some that none of the others stands for? */
static bool has_more(const apr_array_header_t *some,
                     const apr_array_header_t *others, bool is_pattern)
{
    for (int i = 0; i < some->nelts; i++) {
        const char *word = APR_ARRAY_IDX(some, i, const char *);
        bool is_there = !is_pattern && has_word(others, word);
        for (int j = 0; is_pattern && !is_there && j < others->nelts; j++) {
            is_there = is_within(word, APR_ARRAY_IDX(others, j, const char *));
        }
        if (!is_there) {
            return true;
        }
    }
    return false;
}

static bool loosens_list(const void *outer, const void *inner,
                         cg_stricter_t stricter, int *out_part)
{
    const apr_array_header_t *words = *(const apr_array_header_t *const *)inner;
    const apr_array_header_t *all = *(const apr_array_header_t *const *)outer;
    *out_part = 0;
    if (stricter == CG_STRICTER_MORE) {
        return !all || has_more(all, words, false);
    }
    return all && has_more(words, all, true);
}

/* Every word of a list, asked one by one. */
static bool read_asked(void *value, int argc, char *const argv[],
                       const cg_kind_ask_t *ask,
                       bool (*is_fit)(const char *word, cg_error_t *err),
                       cg_error_t *err, apr_pool_t *pool)
{
    cg_error_t why;
    for (int i = 0; is_fit && i < argc; i++) {
        if (!is_fit(argv[i], &why)) {
            cg_error_set(err, "%s: \"%s\" is not legal; %s", ask->directive,
                         argv[i], why.text);
            return false;
        }
    }
    return read_list(value, argc, argv, ask, err, pool);
}

static bool read_packs(void *value, int argc, char *const argv[],
                       const cg_kind_ask_t *ask, cg_error_t *err,
                       apr_pool_t *pool)
{
    return read_asked(value, argc, argv, ask, ask->is_pack, err, pool);
}

static void merge_packs(void *merged, const void *inner, cg_stricter_t stricter,
                        apr_pool_t *pool)
{
    const apr_array_header_t **out = merged;
    const apr_array_header_t *words = *(const apr_array_header_t *const *)inner;
    if (stricter == CG_STRICTER_NONE) {
        *out = words;
        return;
    }
    apr_array_header_t *unsaid = apr_array_make(pool, 1, sizeof(char *));
    *(const char **)apr_array_push(unsaid) = "*";
    *out = all_of(*out ? *out : unsaid, words, pool);
}

/* Where it may only tighten, it only adds. */
static bool loosens_packs(const void *outer, const void *inner,
                          cg_stricter_t stricter, int *out_part)
{
    (void)outer;
    (void)inner;
    (void)stricter;
    *out_part = 0;
    return false;
}

static bool read_values(void *value, int argc, char *const argv[],
                        const cg_kind_ask_t *ask, cg_error_t *err,
                        apr_pool_t *pool)
{
    return read_asked(value, argc, argv, ask, ask->is_value, err, pool);
}

static void merge_values(void *merged, const void *inner,
                         cg_stricter_t stricter, apr_pool_t *pool)
{
    const apr_array_header_t **out = merged;
    const apr_array_header_t *words = *(const apr_array_header_t *const *)inner;
    if (stricter == CG_STRICTER_NONE) {
        *out = *out ? all_of(*out, words, pool) : words;
    }
}

static bool loosens_values(const void *outer, const void *inner,
                           cg_stricter_t stricter, int *out_part)
{
    const apr_array_header_t *words = *(const apr_array_header_t *const *)inner;
    const apr_array_header_t *known = *(const apr_array_header_t *const *)outer;
    (void)stricter;
    *out_part = 0;
    return !known || has_more(words, known, false);
}

static bool read_rows(void *value, int argc, char *const argv[],
                      const cg_kind_ask_t *ask, cg_error_t *err,
                      apr_pool_t *pool)
{
    (void)ask;
    (void)err;
    apr_array_header_t **out = value;
    if (!*out) {
        *out = apr_array_make(pool, 4, sizeof(apr_array_header_t *));
    }
    *(apr_array_header_t **)apr_array_push(*out) = words_of(argc, argv, pool);
    return true;
}

// clang-format off
#define KIND(NAME, least, most, reader, merger, judge, way)               \
    const cg_kind_t cg_kind_##NAME = {                                    \
        .name = #NAME, .args_min = (least), .args_max = (most),           \
        .read = (reader), .merge = (merger), .loosens = (judge),          \
        .size = sizeof(cg_kind_##NAME##_t), .stricter = CG_STRICTER_##way}

KIND(FLAG,      1,  1, read_flag,       merge_flag,       loosens_flag,    MORE);
KIND(COUNT,     1,  1, read_count,      merge_number,     loosens_number,  LESS);
KIND(SIZE,      1,  1, read_size,       merge_number,     loosens_number,  LESS);
KIND(DURATION,  1,  1, read_duration,   merge_number,     loosens_number,  LESS);
KIND(TEXT,      1,  1, read_text,       merge_text,       loosens_text,    ONCE);
KIND(CHOICE,    1,  1, read_choice,     merge_choice,     loosens_choice,  MORE);
KIND(LIMITS,    2, 10, read_limits,     merge_limits,     NULL,            MORE);
KIND(BUDGETS,   2, 10, read_budgets,    merge_limits,     NULL,            MORE);
KIND(STOREDOWN, 1,  2, read_store_down, merge_store_down, NULL,            NONE);
KIND(ACTIONS,   2,  3, read_actions,    merge_actions,    loosens_actions, MORE);
KIND(LIST,      1, 64, read_list,       merge_list,       loosens_list,    LESS);
KIND(PACKS,     1, 64, read_packs,      merge_packs,      loosens_packs,   MORE);
KIND(VALUES,    1, 64, read_values,     merge_values,     loosens_values,  LESS);
KIND(ROWS,      1, 16, read_rows,       merge_text,       NULL,            NONE);
// clang-format on
