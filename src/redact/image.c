/* Compiled rules as a file that every process maps.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   head      what it is, for whom, how long, and the sum of all that follows
 *   facts     names, packs, actions, allowed values: read into memory
 *   words     words.c's block      } used where they lie, so that all processes
 *   patterns  pattern.c's block    } share the pages
 *
 * It is written beside its name and moved over it, so who maps it finds all of it
 * or nothing, and who has mapped the old one keeps that. It is no format for
 * carrying from one machine to another: another version of this library, another
 * processor, and the file is refused.
 */
#include <string.h>

#include <apr_file_io.h>
#include <apr_mmap.h>
#include <apr_strings.h>

#include "base/digest.h"
#include "redact/rules_int.h"

#define LAYOUT 2
#define ALIGN 64
#define ORDER UINT32_C(0x01020304) /* of bytes in a number */
#define COUNT_MAX 1000000

static const char magic[8] = {'C', 'G', 'R', 'U', 'L', 'E', 'S', '\n'};

typedef struct part_t {
    uint64_t at;
    uint64_t len; /* 0: there is none */
} part_t;

typedef struct head_t {
    char magic[8];
    uint32_t layout;
    uint32_t order;
    uint64_t library; /* the types and structures that numbers stand for */
    uint64_t len;     /* of the file */
    uint64_t sum;     /* of all behind the head */
    part_t facts;
    part_t words;
    part_t patterns;
} head_t;

/* ---- what it depends on, and its sum ---- */

static uint64_t library_id(void)
{
    const uint64_t sizes[] = {CG_TYPE_COUNT, CG_DETECTORS_MAX,
                              sizeof(cg_pack_t), CG_ACTION_BLOCK};
    uint64_t id = cg_hash64(LAYOUT, sizes, sizeof sizes);
    for (int i = 0; i < CG_TYPE_COUNT; i++) {
        const char *name = cg_detectors[i].name;
        id = cg_hash64(id, name, strlen(name));
    }
    return id;
}

/* Four sums that do not wait for each other, then one: some gigabytes a second.
 * It tells damage, not malice: the folder belongs to the server. */
static uint64_t sum_of(const unsigned char *data, size_t len)
{
    uint64_t lanes[4] = {1, 2, 3, 4};
    size_t i = 0;
    for (; i + 32 <= len; i += 32) {
        for (size_t k = 0; k < 4; k++) {
            uint64_t word;
            memcpy(&word, data + i + k * 8, 8);
            lanes[k] = (lanes[k] ^ word) * UINT64_C(0x9E3779B97F4A7C15);
            lanes[k] ^= lanes[k] >> 29;
        }
    }
    uint64_t sum = cg_hash64(len, lanes, sizeof lanes);
    return cg_hash64(sum, data + i, len - i);
}

/* ---- writing ---- */

static void put_number(cg_buf_t *out, uint64_t number)
{
    cg_buf_add(out, (const char *)&number, sizeof number);
}

static void put_text(cg_buf_t *out, const char *text, size_t len)
{
    put_number(out, text ? len + 1 : 0);
    cg_buf_add(out, text ? text : "", text ? len : 0);
}

static void put_name(cg_buf_t *out, const char *name)
{
    put_text(out, name, name ? strlen(name) : 0);
}

static void put_rules(cg_buf_t *out, const cg_rule_t *rules, size_t count)
{
    put_number(out, count);
    for (size_t i = 0; i < count; i++) {
        put_name(out, rules[i].name);
        put_number(out, rules[i].packs);
        put_number(out, rules[i].action);
    }
}

static void put_pack(cg_buf_t *out, const cg_pack_t *pack)
{
    put_name(out, pack->name);
    put_name(out, pack->title);
    put_name(out, pack->path);
    put_name(out, pack->region);
    put_text(out, (const char *)pack->action, sizeof pack->action);
    put_number(out, pack->has_types);
    put_number(out, (uint64_t)pack->keep_for);
    put_number(out, pack->label);
    put_number(out, pack->upstream_count);
    for (size_t i = 0; i < pack->upstream_count; i++) {
        put_name(out, pack->upstreams[i]);
    }
    put_number(out, pack->label_count);
    for (size_t i = 0; i < pack->label_count; i++) {
        put_name(out, pack->labels[i].language);
        put_name(out, pack->labels[i].text);
    }
}

static void put_facts(cg_buf_t *out, const cg_rule_set_t *set)
{
    put_number(out, set->version);
    put_rules(out, set->lists, set->list_count);
    put_rules(out, set->regexes, set->regex_count);
    put_number(out, set->allowed_count);
    for (size_t i = 0; i < set->allowed_count; i++) {
        put_text(out, set->allowed[i].ptr, set->allowed[i].len);
        put_number(out, set->allowed_packs[i]);
    }
    put_number(out, set->pack_count);
    for (size_t i = 0; i < set->pack_count; i++) {
        put_pack(out, &set->packs[i]);
    }
}

static part_t put_part(cg_buf_t *out, const void *data, size_t len)
{
    static const char zeros[ALIGN];
    cg_buf_add(out, zeros, (ALIGN - out->len % ALIGN) % ALIGN);
    part_t part = {out->len, len};
    cg_buf_add(out, data, len);
    return part;
}

/* All of the file. False: there was no memory for it. */
static bool put_image(cg_buf_t *out, const cg_rule_set_t *set, apr_pool_t *pool)
{
    head_t head = {.layout = LAYOUT, .order = ORDER, .library = library_id()};
    cg_buf_t facts;
    memcpy(head.magic, magic, sizeof magic);
    cg_buf_init(&facts, 4096, pool);
    put_facts(&facts, set);
    cg_buf_add(out, (const char *)&head, sizeof head);
    head.facts = put_part(out, facts.ptr, facts.len);
    if (set->words) {
        const void *block;
        size_t len = cg_words_bytes(set->words, &block);
        head.words = put_part(out, block, len);
    }
    if (set->patterns) {
        size_t len = 0;
        const void *block = cg_patterns_image(set->patterns, &len, pool);
        if (!block) {
            return false;
        }
        head.patterns = put_part(out, block, len);
    }
    head.len = out->len;
    head.sum = sum_of((const unsigned char *)out->ptr + sizeof head,
                      out->len - sizeof head);
    memcpy(out->ptr, &head, sizeof head);
    return true;
}

static apr_status_t write_file(const char *path, const cg_buf_t *image,
                               apr_pool_t *pool)
{
    apr_file_t *file;
    char *beside = apr_pstrcat(pool, path, ".XXXXXX", NULL);
    apr_status_t status = apr_file_mktemp(
        &file, beside, APR_CREATE | APR_WRITE | APR_EXCL | APR_BINARY, pool);
    if (status != APR_SUCCESS) {
        return status;
    }
    status = apr_file_write_full(file, image->ptr, image->len, NULL);
    if (status == APR_SUCCESS) {
        status = apr_file_datasync(file);
    }
    apr_status_t closed = apr_file_close(file);
    status = status == APR_SUCCESS ? closed : status;
    if (status == APR_SUCCESS) {
        status = apr_file_rename(beside, path, pool);
    }
    if (status != APR_SUCCESS) {
        apr_file_remove(beside, pool);
    }
    return status;
}

apr_status_t cg_rules_save(const cg_rules_t *rules, const char *path,
                           cg_error_t *err, apr_pool_t *pool)
{
    apr_pool_t *aside;
    cg_buf_t image;
    char reason[120];
    apr_status_t status = apr_pool_create(&aside, pool);
    if (status != APR_SUCCESS) {
        return status;
    }
    cg_buf_init(&image, 1 << 20, aside);
    status = put_image(&image, rules->set, aside)
                 ? write_file(path, &image, aside)
                 : APR_ENOMEM;
    apr_pool_destroy(aside);
    if (status != APR_SUCCESS) {
        cg_error_set(err, "%s: cannot be written: %s", path,
                     apr_strerror(status, reason, sizeof reason));
    }
    return status;
}

/* ---- reading ---- */

/* lives in: the stack of one reading */
typedef struct reader_t {
    const char *at;
    size_t left;
    bool has_failed;
    apr_pool_t *pool;
} reader_t;

static uint64_t get_number(reader_t *reader, uint64_t most)
{
    uint64_t number = 0;
    if (reader->left < sizeof number) {
        reader->has_failed = true;
        return 0;
    }
    memcpy(&number, reader->at, sizeof number);
    reader->at += sizeof number;
    reader->left -= sizeof number;
    if (number > most) {
        reader->has_failed = true;
        return 0;
    }
    return number;
}

/* ptr NULL: there was none. */
static cg_str_t get_text(reader_t *reader)
{
    uint64_t len = get_number(reader, reader->left);
    if (len == 0 || len - 1 > reader->left) {
        reader->has_failed = reader->has_failed || len > 0;
        return (cg_str_t){NULL, 0};
    }
    cg_str_t text = {reader->at, (size_t)len - 1};
    reader->at += text.len;
    reader->left -= text.len;
    return (cg_str_t){apr_pstrmemdup(reader->pool, text.ptr, text.len),
                      text.len};
}

/* A name that must be there. */
static const char *get_name(reader_t *reader)
{
    cg_str_t text = get_text(reader);
    reader->has_failed = reader->has_failed || !text.ptr;
    return text.ptr ? text.ptr : "";
}

static const cg_rule_t *get_rules(reader_t *reader, size_t *out_count)
{
    size_t count = (size_t)get_number(reader, INT16_MAX);
    cg_rule_t *rules = apr_pcalloc(reader->pool, (count + 1) * sizeof *rules);
    for (size_t i = 0; i < count && !reader->has_failed; i++) {
        rules[i].name = get_name(reader);
        rules[i].packs = get_number(reader, UINT64_MAX);
        rules[i].action = (uint8_t)get_number(reader, 1 + CG_ACTION_BLOCK);
    }
    *out_count = count;
    return rules;
}

static void get_actions(reader_t *reader, cg_pack_t *pack)
{
    cg_str_t actions = get_text(reader);
    if (actions.len != sizeof pack->action) {
        reader->has_failed = true;
        return;
    }
    memcpy(pack->action, actions.ptr, sizeof pack->action);
    for (size_t i = 0; i < sizeof pack->action; i++) {
        reader->has_failed =
            reader->has_failed || pack->action[i] > 1 + CG_ACTION_BLOCK;
    }
}

static void get_pack(reader_t *reader, cg_pack_t *pack)
{
    pack->name = get_name(reader);
    pack->title = get_name(reader);
    pack->path = get_name(reader);
    pack->region = get_text(reader).ptr;
    get_actions(reader, pack);
    pack->has_types = get_number(reader, 1) != 0;
    pack->keep_for = (int64_t)get_number(reader, INT64_MAX);
    pack->label = (cg_label_t)get_number(reader, CG_LABEL_REQUIRED);
    pack->upstream_count = (size_t)get_number(reader, 1024);
    const char **upstreams =
        apr_pcalloc(reader->pool, (pack->upstream_count + 1) * sizeof(char *));
    for (size_t i = 0; i < pack->upstream_count; i++) {
        upstreams[i] = get_name(reader);
    }
    pack->upstreams = upstreams;
    pack->label_count = (size_t)get_number(reader, CG_PACK_LANGUAGES_MAX);
    for (size_t i = 0; i < pack->label_count; i++) {
        pack->labels[i].language = get_name(reader);
        pack->labels[i].text = get_name(reader);
    }
}

static void get_allowed(reader_t *reader, cg_rule_set_t *set)
{
    size_t count = (size_t)get_number(reader, COUNT_MAX);
    cg_str_t *allowed =
        apr_pcalloc(reader->pool, (count + 1) * sizeof *allowed);
    uint64_t *packs = apr_pcalloc(reader->pool, (count + 1) * sizeof *packs);
    for (size_t i = 0; i < count && !reader->has_failed; i++) {
        allowed[i] = get_text(reader);
        packs[i] = get_number(reader, UINT64_MAX);
    }
    set->allowed = allowed;
    set->allowed_packs = packs;
    set->allowed_count = count;
    if (!reader->has_failed) {
        set->allow = cg_allow_create(allowed, packs, count, reader->pool);
    }
}

static bool get_facts(const char *data, size_t len, cg_rule_set_t *set,
                      apr_pool_t *pool)
{
    reader_t reader = {.at = data, .left = len, .pool = pool};
    set->version = get_number(&reader, UINT64_MAX);
    set->lists = get_rules(&reader, &set->list_count);
    set->regexes = get_rules(&reader, &set->regex_count);
    get_allowed(&reader, set);
    set->pack_count = (size_t)get_number(&reader, CG_PACKS_MAX);
    cg_pack_t *packs = apr_pcalloc(pool, (set->pack_count + 1) * sizeof *packs);
    for (size_t i = 0; i < set->pack_count && !reader.has_failed; i++) {
        get_pack(&reader, &packs[i]);
    }
    set->packs = packs;
    return !reader.has_failed && reader.left == 0;
}

/* ---- mapping ---- */

static bool is_inside(const part_t *part, uint64_t len)
{
    return part->at % ALIGN == 0 && part->at <= len &&
           part->len <= len - part->at;
}

/* NULL, or why the file is refused. */
static const char *judge(const head_t *head, size_t len)
{
    if (len < sizeof *head || memcmp(head->magic, magic, sizeof magic) != 0) {
        return "it is no file of compiled rules";
    }
    if (head->layout != LAYOUT || head->order != ORDER ||
        head->library != library_id()) {
        return "another version has written it";
    }
    if (head->len != len || !is_inside(&head->facts, len) ||
        !is_inside(&head->words, len) || !is_inside(&head->patterns, len) ||
        head->sum !=
            sum_of((const unsigned char *)(head + 1), len - sizeof *head)) {
        return "it is damaged";
    }
    return NULL;
}

static const char *open_parts(const head_t *head, cg_rule_set_t *set,
                              apr_pool_t *pool)
{
    const char *data = (const char *)head;
    if (!get_facts(data + head->facts.at, head->facts.len, set, pool)) {
        return "it is damaged";
    }
    if (head->words.len > 0) {
        set->words = cg_words_open(data + head->words.at, head->words.len,
                                   set->list_count, pool);
        if (!set->words) {
            return "its words are damaged";
        }
    }
    if (head->patterns.len > 0) {
        set->patterns = cg_patterns_open(data + head->patterns.at,
                                         head->patterns.len, pool);
        if (!set->patterns) {
            return "its regexes are for another library or processor";
        }
    }
    return NULL;
}

static apr_status_t map_file(const char *path, const void **out, size_t *len,
                             apr_pool_t *pool)
{
    apr_file_t *file;
    apr_finfo_t info;
    apr_mmap_t *map;
    apr_status_t status =
        apr_file_open(&file, path, APR_READ | APR_BINARY, 0, pool);
    if (status != APR_SUCCESS) {
        return status;
    }
    status = apr_file_info_get(&info, APR_FINFO_SIZE, file);
    if (status == APR_SUCCESS && info.size < (apr_off_t)sizeof(head_t)) {
        status = APR_EINVAL;
    }
    if (status == APR_SUCCESS) {
        status = apr_mmap_create(&map, file, 0, (apr_size_t)info.size,
                                 APR_MMAP_READ, pool);
    }
    if (status == APR_SUCCESS) {
        *out = map->mm;
        *len = map->size;
    }
    apr_file_close(file); /* the mapping stays */
    return status;
}

apr_status_t cg_rules_map(const char *path, const cg_rules_t **out,
                          cg_error_t *err, apr_pool_t *pool)
{
    const void *data = NULL;
    size_t len = 0;
    char reason[120];
    *out = NULL;
    apr_status_t status = map_file(path, &data, &len, pool);
    if (status != APR_SUCCESS) {
        cg_error_set(err, "%s: cannot be read: %s", path,
                     apr_strerror(status, reason, sizeof reason));
        return status;
    }
    cg_rule_set_t *set = apr_pcalloc(pool, sizeof *set);
    const char *fault = judge(data, len);
    fault = fault ? fault : open_parts(data, set, pool);
    if (fault) {
        cg_error_set(err, "%s: %s", path, fault);
        return APR_EINVAL;
    }
    cg_rules_t *view = apr_palloc(pool, sizeof *view);
    cg_rules_view(view, set);
    *out = view;
    return APR_SUCCESS;
}
