/* Pseudonyms: tokens that stand for values, [[EMAIL_k7q2x]].
 * SPDX-License-Identifier: Apache-2.0
 */
#include "redact/pseudonym.h"

#include <string.h>

#include <apr_hash.h>
#include <apr_strings.h>
#include <apr_tables.h>

#include "base/digest.h"
#include "redact/redact_int.h"
#include "redact/spelling.h"

#define STAND_INS_MAX 65279u /* code points of plane 16, below U+10FF00 */
#define CANONICAL_BYTES 4096 /* longer values are taken as they are */
#define ENCODED_BYTES_MIN 24 /* a run of base64 is no shorter */
#define INSIDE_MAX (CG_PSEUDONYM_NAME_MAX + 1 + CG_PSEUDONYM_CODE_MAX)
#define VALUES_MAX 65536 /* of a request; further ones are masked */
#define CODES_MAX 65536  /* typed; where there are more all is masked */
#define TYPED_MAX 64     /* characters of what looks like a token */

struct cg_pseudonym_keys_t {
    int count;
    const cg_secret_t *items[CG_PSEUDONYM_KEYS_MAX];
};

/* lives in: the request's pool */
struct cg_pseudonyms_t {
    apr_pool_t *pool;
    const cg_pseudonym_keys_t *keys;
    apr_hash_t *by_value;  /* type and canonical value: cg_pseudonym_t * */
    apr_hash_t *by_inside; /* "email_k7q2x": claim_t * */
    apr_hash_t *typed;     /* codes that the caller has typed */
    apr_hash_t *halves;    /* ... and beginnings of codes */
    apr_hash_t *literals;
    apr_array_header_t *names;     /* of cg_str_t, "email": issued ones */
    apr_array_header_t *stand_ins; /* of cg_pseudonym_t * */
    cg_buf_t work;                 /* of the value under way */
    uint32_t values;               /* that have, or were to have, a token */
    bool has_any;
    bool is_answering;
};

/* Who has a token. Those of old keys give way to those of the current one. */
typedef struct claim_t {
    cg_pseudonym_t *owner; /* NULL: two values have it, so nobody */
    bool is_old;
} claim_t;

/* ---- keys ---- */

static bool add_key(cg_pseudonym_keys_t *keys, cg_str_t key, cg_error_t *err,
                    apr_pool_t *pool)
{
    if (key.len < CG_PSEUDONYM_KEY_BYTES_MIN) {
        cg_error_set(err, "a key has %u bytes; at least %u are needed",
                     (unsigned)key.len, (unsigned)CG_PSEUDONYM_KEY_BYTES_MIN);
        return false;
    }
    if (keys->count == CG_PSEUDONYM_KEYS_MAX) {
        cg_error_set(err, "more than %d keys", CG_PSEUDONYM_KEYS_MAX);
        return false;
    }
    keys->items[keys->count++] = cg_secret_make(key, pool);
    return true;
}

cg_pseudonym_keys_t *cg_pseudonym_keys_make(cg_str_t key, cg_error_t *err,
                                            apr_pool_t *pool)
{
    cg_pseudonym_keys_t *keys = apr_pcalloc(pool, sizeof *keys);
    return add_key(keys, key, err, pool) ? keys : NULL;
}

static cg_str_t trimmed(cg_str_t line)
{
    while (line.len > 0 && strchr(" \t\r", line.ptr[line.len - 1])) {
        line.len--;
    }
    while (line.len > 0 && strchr(" \t", line.ptr[0])) {
        line.ptr++;
        line.len--;
    }
    return line;
}

static bool read_lines(cg_pseudonym_keys_t *keys, cg_str_t text,
                       cg_error_t *err, apr_pool_t *pool)
{
    size_t at = 0;
    while (at < text.len) {
        const char *end = memchr(text.ptr + at, '\n', text.len - at);
        size_t len = end ? (size_t)(end - text.ptr) - at : text.len - at;
        cg_str_t line = trimmed((cg_str_t){text.ptr + at, len});
        if (line.len > 0 && !add_key(keys, line, err, pool)) {
            return false;
        }
        at += len + 1;
    }
    if (keys->count == 0) {
        cg_error_set(err, "there is no key in it");
    }
    return keys->count > 0;
}

apr_status_t cg_pseudonym_keys_load(const char *path, cg_pseudonym_keys_t **out,
                                    cg_error_t *err, apr_pool_t *pool)
{
    cg_secret_t *file;
    cg_error_t why = {""};
    apr_pool_t *own;
    *out = NULL;
    apr_pool_create(&own, pool);
    apr_status_t rv = cg_secret_load(path, &file, err, own);
    if (rv == APR_SUCCESS) {
        cg_pseudonym_keys_t *keys = apr_pcalloc(pool, sizeof *keys);
        if (read_lines(keys, cg_secret_open(file), &why, pool)) {
            *out = keys;
        }
        else {
            cg_error_set(err, "%s: %s", path, why.text);
            rv = APR_EINVAL;
        }
    }
    apr_pool_destroy(own); /* the file's copy is wiped */
    return rv;
}

/* ---- the canonical form of a value ---- */

typedef enum form_t {
    FORM_EXACT,
    FORM_CASELESS, /* a to z for A to Z */
    FORM_ALNUM /* ... and only letters and digits of ASCII, and all others */
} form_t;

typedef struct shape_t {
    const char *name; /* NULL: the type's, without SECRET_ */
    int type;
    form_t form;
} shape_t;

/* Types that are not shown by their own name, or not compared as FORM_ALNUM. */
static const shape_t SHAPES[] = {
    {NULL, CG_TYPE_KEYWORD, FORM_CASELESS},
    {NULL, CG_TYPE_CUSTOM, FORM_EXACT},
    {"EMAIL", CG_TYPE_EMAIL_ADDRESS, FORM_CASELESS},
    {"PHONE", CG_TYPE_PHONE_NUMBER, FORM_ALNUM},
    {"IP", CG_TYPE_IP_ADDRESS, FORM_CASELESS},
    {"MAC", CG_TYPE_MAC_ADDRESS, FORM_ALNUM},
    {"IBAN", CG_TYPE_IBAN_CODE, FORM_ALNUM},
    {NULL, CG_TYPE_CRYPTO, FORM_EXACT},
    {"CN_PLATE", CG_TYPE_CN_LICENSE_PLATE, FORM_ALNUM},
    {"FI_HETU", CG_TYPE_FI_PERSONAL_IDENTITY_CODE, FORM_ALNUM},
    {"ABA_ROUTING", CG_TYPE_ABA_ROUTING_NUMBER, FORM_ALNUM},
};

static shape_t shape_of(int type)
{
    for (size_t i = 0; i < sizeof SHAPES / sizeof SHAPES[0]; i++) {
        if (SHAPES[i].type == type) {
            return SHAPES[i];
        }
    }
    return (shape_t){NULL, type,
                     cg_detector_is_secret(type) ? FORM_EXACT : FORM_ALNUM};
}

/* The name in a token. Returns its length. */
static size_t put_name(const shape_t *shape, char out[CG_PSEUDONYM_NAME_MAX])
{
    const char *name =
        shape->name ? shape->name : cg_detector_name(shape->type);
    if (!shape->name && cg_detector_is_secret(shape->type)) {
        name += strlen("SECRET_");
    }
    size_t len = strlen(name);
    len = len < CG_PSEUDONYM_NAME_MAX ? len : CG_PSEUDONYM_NAME_MAX;
    memcpy(out, name, len);
    while (out[len - 1] == '_') {
        len--;
    }
    return len;
}

int cg_pseudonym_type(cg_str_t name)
{
    for (int type = 0; type < CG_TYPE_COUNT; type++) {
        char known[CG_PSEUDONYM_NAME_MAX];
        shape_t shape = shape_of(type);
        size_t len = put_name(&shape, known);
        if (cg_str_equal(name, (cg_str_t){known, len})) {
            return type;
        }
    }
    return -1;
}

/* Could it be base64, where the case of a letter makes another value? */
static bool may_be_encoded(cg_str_t value)
{
    bool has_lower = false;
    bool has_upper = false;
    for (size_t i = 0; i < value.len; i++) {
        unsigned c = (unsigned char)value.ptr[i];
        has_lower = has_lower || cg_is(c, CG_C_LOWER);
        has_upper = has_upper || cg_is(c, CG_C_UPPER);
        if (!cg_is(c, CG_C_B64URL) && c != '+' && c != '/' && c != '=') {
            return false;
        }
    }
    return value.len >= ENCODED_BYTES_MIN && has_lower && has_upper;
}

static void add_normalised(cg_buf_t *out, cg_str_t value, form_t form)
{
    unsigned char text[CANONICAL_BYTES];
    cg_break_t breaks[CANONICAL_BYTES + 2];
    cg_norm_state_t state = {0};
    cg_norm_t norm = {
        .text = text, .breaks = breaks, .break_cap = CANONICAL_BYTES + 2};
    cg_normalise(&state, (const unsigned char *)value.ptr, (uint32_t)value.len,
                 (uint32_t)value.len, true, &norm);
    for (uint32_t i = 0; i < norm.len; i++) {
        unsigned c = text[i];
        if (form == FORM_ALNUM && c < 0x80 && !cg_is(c, CG_C_ALNUM)) {
            continue;
        }
        cg_buf_char(out, (char)(cg_is(c, CG_C_UPPER) ? c + 32 : c));
    }
}

/* Puts "TYPE|canonical value" into work. */
static void write_canonical(cg_buf_t *work, const shape_t *shape,
                            cg_str_t value)
{
    work->len = 0;
    cg_buf_str(work, cg_detector_name(shape->type));
    cg_buf_char(work, '|');
    size_t before = work->len;
    bool is_exact = shape->form == FORM_EXACT || value.len > CANONICAL_BYTES ||
                    may_be_encoded(value);
    if (!is_exact) {
        add_normalised(work, value, shape->form);
    }
    if (work->len == before) {
        cg_buf_add(work, value.ptr, value.len);
    }
}

/* ---- what the caller has typed ---- */

cg_pseudonyms_t *cg_pseudonyms_open(const cg_pseudonym_keys_t *keys,
                                    apr_pool_t *pool)
{
    cg_pseudonyms_t *all = apr_pcalloc(pool, sizeof *all);
    all->pool = pool;
    all->keys = keys;
    all->by_value = apr_hash_make(pool);
    all->by_inside = apr_hash_make(pool);
    all->typed = apr_hash_make(pool);
    all->halves = apr_hash_make(pool);
    all->literals = apr_hash_make(pool);
    all->names = apr_array_make(pool, 4, sizeof(cg_str_t));
    all->stand_ins = apr_array_make(pool, 4, sizeof(cg_pseudonym_t *));
    cg_buf_init(&all->work, 128, pool);
    return all;
}

/* A code that was given before it was seen to be typed: what has it is not put
 * back any more. */
static void take_back(cg_pseudonyms_t *all, const char *code, size_t len)
{
    char inside[INSIDE_MAX];
    for (int i = 0; i < all->names->nelts; i++) {
        cg_str_t name = APR_ARRAY_IDX(all->names, i, cg_str_t);
        memcpy(inside, name.ptr, name.len);
        inside[name.len] = '_';
        memcpy(inside + name.len + 1, code, len);
        claim_t *claim = apr_hash_get(all->by_inside, inside,
                                      (apr_ssize_t)(name.len + 1 + len));
        if (claim) {
            *claim = (claim_t){NULL, false};
        }
    }
}

/* Every beginning of a code that could be a code itself: what follows it may be
 * the next word. */
static void note_code(cg_pseudonyms_t *all, const char *code, size_t len)
{
    for (size_t n = CG_PSEUDONYM_CODE_MIN;
         n <= len && n <= CG_PSEUDONYM_CODE_MAX; n++) {
        if (apr_hash_count(all->typed) <= CODES_MAX &&
            !apr_hash_get(all->typed, code, (apr_ssize_t)n)) {
            const char *own = apr_pmemdup(all->pool, code, n);
            apr_hash_set(all->typed, own, (apr_ssize_t)n, own);
            take_back(all, own, n);
        }
    }
}

/* The beginning of a code, where the text ends in it: the next one may have the
 * rest. No code that begins so is given. */
static void note_half(cg_pseudonyms_t *all, const char *code, size_t len)
{
    if (len > 0 && len < CG_PSEUDONYM_CODE_MIN) {
        const char *own = apr_pmemdup(all->pool, code, len);
        apr_hash_set(all->halves, own, (apr_ssize_t)len, own);
    }
}

static void note_codes(cg_pseudonyms_t *all, const char *text, size_t len,
                       bool is_cut)
{
    for (size_t i = 0; i < len; i++) {
        size_t end = i + 1;
        while (text[i] == '_' && end < len && cg_spelling_is_code(text[end])) {
            end++;
        }
        note_code(all, text + i + 1, end - i - 1);
        if (is_cut && end == len) {
            note_half(all, text + i + 1, end - i - 1);
        }
    }
}

/* Does the text end at or behind this bracket, or another one follow? */
static bool closes_token(cg_str_t source, size_t at)
{
    return at + 1 >= source.len || strchr("]\"\\&%", source.ptr[at + 1]);
}

/* The word before a bracket that closes at at may be the code of a token that
 * began in the text before. */
static void note_rest(cg_pseudonyms_t *all, cg_str_t source, size_t at)
{
    char code[CG_PSEUDONYM_CODE_MAX] = {0};
    size_t len = 0;
    while (len < at &&
           cg_is((unsigned char)source.ptr[at - 1 - len], CG_C_ALNUM)) {
        len++;
        if (len > sizeof code) {
            return;
        }
    }
    for (size_t i = 0; i < len; i++) {
        unsigned c = (unsigned char)source.ptr[at - len + i];
        code[i] = (char)(cg_is(c, CG_C_UPPER) ? c + 32 : c);
    }
    note_code(all, code, len);
    if (len < at && len > 0 && source.ptr[at - len - 1] == '\\') {
        note_code(all, code + 1, len - 1); /* behind \n */
    }
}

/* Reads what follows a bracket, as far as it could be a token. */
static size_t note_one(cg_pseudonyms_t *all, cg_str_t rest)
{
    char text[TYPED_MAX];
    size_t len = 0;
    size_t at = 0;
    while (at < rest.len && len < sizeof text) {
        int c;
        size_t used =
            cg_spelling_read_deep((cg_str_t){rest.ptr + at, rest.len - at}, &c);
        bool is_inside = c == '_' || c == '[' ||
                         (c >= 0 && c < 0x80 && cg_is((unsigned)c, CG_C_ALNUM));
        if (c != CG_SPELLING_NOTHING && !is_inside) {
            break;
        }
        if (c != CG_SPELLING_NOTHING && c != '[') {
            text[len++] = (char)(cg_is((unsigned)c, CG_C_UPPER) ? c + 32 : c);
        }
        at += used;
    }
    bool is_cut = at == rest.len || rest.ptr[at] == '"' || rest.ptr[at] == '\\';
    note_codes(all, text, len, is_cut);
    return at;
}

void cg_pseudonyms_note_typed(cg_pseudonyms_t *all, cg_str_t source)
{
    size_t at = 0;
    while (at < source.len) {
        int c;
        cg_str_t rest = {source.ptr + at, source.len - at};
        if (source.ptr[at] == ']' && closes_token(source, at)) {
            note_rest(all, source, at);
        }
        if (!cg_spelling_may_bracket(source.ptr[at])) {
            at++;
            continue;
        }
        size_t used = cg_spelling_read_deep(rest, &c);
        if (c == '[') {
            rest = (cg_str_t){rest.ptr + used, rest.len - used};
            used += note_one(all, rest);
        }
        else if (c == ']') {
            note_rest(all, source, at);
        }
        at += c == '[' ? used : 1;
    }
}

void cg_pseudonyms_end_request(cg_pseudonyms_t *all)
{
    all->is_answering = true;
}

/* ---- tokens ---- */

static void digest_value(const cg_pseudonyms_t *all, int key,
                         unsigned char out[CG_SHA256_BYTES])
{
    cg_str_t secret = cg_secret_open(all->keys->items[key]);
    cg_hmac_sha256(secret.ptr, secret.len, all->work.ptr, all->work.len, out);
}

static void write_code(const unsigned char *digest,
                       char out[CG_PSEUDONYM_CODE_MAX])
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";
    uint64_t bits = 0;
    for (int i = 0; i < 8; i++) {
        bits = bits << 8 | digest[i];
    }
    for (int i = 0; i < CG_PSEUDONYM_CODE_MAX; i++) {
        out[i] = letters[bits >> (59 - 5 * i) & 31];
    }
}

/* The inside of tokens of one value: name, '_', code; in lower case. */
typedef struct inside_t {
    char text[INSIDE_MAX];
    size_t name_len;
} inside_t;

static void write_inside(inside_t *to, const shape_t *shape,
                         const unsigned char *digest)
{
    to->name_len = put_name(shape, to->text);
    for (size_t i = 0; i < to->name_len; i++) {
        unsigned c = (unsigned char)to->text[i];
        to->text[i] = (char)(cg_is(c, CG_C_UPPER) ? c + 32 : c);
    }
    to->text[to->name_len] = '_';
    write_code(digest, to->text + to->name_len + 1);
}

static bool is_typed(const cg_pseudonyms_t *all, const inside_t *inside,
                     size_t code_len)
{
    const char *code = inside->text + inside->name_len + 1;
    bool is = apr_hash_get(all->typed, code, (apr_ssize_t)code_len) != NULL;
    for (size_t n = 1; n < CG_PSEUDONYM_CODE_MIN; n++) {
        is = is || (apr_hash_count(all->halves) > 0 &&
                    apr_hash_get(all->halves, code, (apr_ssize_t)n) != NULL);
    }
    return is;
}

static void set_claim(cg_pseudonyms_t *all, const inside_t *inside, size_t len,
                      cg_pseudonym_t *owner, bool is_old)
{
    claim_t *claim = apr_palloc(all->pool, sizeof *claim);
    *claim = (claim_t){owner, is_old};
    apr_hash_set(all->by_inside, apr_pmemdup(all->pool, inside->text, len),
                 (apr_ssize_t)len, claim);
}

/* Gives the value the shortest token that is free. */
static bool claim_token(cg_pseudonyms_t *all, const shape_t *shape,
                        const inside_t *inside, cg_pseudonym_t *owner)
{
    for (size_t n = CG_PSEUDONYM_CODE_MIN; n <= CG_PSEUDONYM_CODE_MAX; n++) {
        size_t len = inside->name_len + 1 + n;
        const claim_t *taken =
            apr_hash_get(all->by_inside, inside->text, (apr_ssize_t)len);
        bool is_taken = taken && (!taken->is_old || all->is_answering);
        if (is_typed(all, inside, n) || is_taken) {
            continue;
        }
        char name[CG_PSEUDONYM_NAME_MAX];
        size_t name_len = put_name(shape, name);
        set_claim(all, inside, len, owner, false);
        owner->token.ptr =
            apr_psprintf(all->pool, "[[%.*s_%.*s]]", (int)name_len, name,
                         (int)n, inside->text + inside->name_len + 1);
        owner->token.len = len + 4;
        return true;
    }
    return false;
}

/* What the value was called under the old keys, which a conversation that the
 * provider keeps may still know. */
static void claim_old(cg_pseudonyms_t *all, const shape_t *shape,
                      cg_pseudonym_t *owner)
{
    for (int key = 1; key < all->keys->count; key++) {
        unsigned char digest[CG_SHA256_BYTES];
        inside_t inside;
        digest_value(all, key, digest);
        write_inside(&inside, shape, digest);
        size_t len = inside.name_len + 1 + CG_PSEUDONYM_CODE_MIN;
        claim_t *taken =
            apr_hash_get(all->by_inside, inside.text, (apr_ssize_t)len);
        if (taken && taken->is_old && taken->owner != owner) {
            taken->owner = NULL;
        }
        if (!taken && !is_typed(all, &inside, CG_PSEUDONYM_CODE_MIN)) {
            set_claim(all, &inside, len, owner, true);
        }
    }
}

static void note_name(cg_pseudonyms_t *all, const inside_t *inside)
{
    cg_str_t name = {inside->text, inside->name_len};
    for (int i = 0; i < all->names->nelts; i++) {
        if (cg_str_equal(APR_ARRAY_IDX(all->names, i, cg_str_t), name)) {
            return;
        }
    }
    APR_ARRAY_PUSH(all->names, cg_str_t) =
        (cg_str_t){cg_str_dup(name, all->pool), name.len};
}

/* A value that is met for the first time; its canonical form is in work. */
static cg_pseudonym_t *name_value(cg_pseudonyms_t *all, const shape_t *shape,
                                  cg_str_t value)
{
    unsigned char digest[CG_SHA256_BYTES];
    inside_t inside;
    cg_pseudonym_t *made = apr_pcalloc(all->pool, sizeof *made);
    digest_value(all, 0, digest);
    write_inside(&inside, shape, digest);
    made->is_restored = !all->is_answering;
    made->value = (cg_str_t){cg_str_dup(value, all->pool), value.len};
    if (claim_token(all, shape, &inside, made) && made->is_restored) {
        claim_old(all, shape, made);
        note_name(all, &inside);
        all->has_any = true;
    }
    const void *key = apr_pmemdup(all->pool, all->work.ptr, all->work.len);
    apr_hash_set(all->by_value, key, (apr_ssize_t)all->work.len, made);
    return made;
}

bool cg_pseudonyms_issue(cg_pseudonyms_t *all, int type, cg_str_t value,
                         cg_buf_t *out)
{
    shape_t shape = shape_of(type);
    if ((all->is_answering && cg_detector_is_secret(type)) ||
        apr_hash_count(all->typed) > CODES_MAX) {
        return false;
    }
    write_canonical(&all->work, &shape, value);
    const cg_pseudonym_t *known =
        apr_hash_get(all->by_value, all->work.ptr, (apr_ssize_t)all->work.len);
    if (!known && all->values == VALUES_MAX) {
        return false;
    }
    if (!known) {
        known = name_value(all, &shape, value);
        all->values++;
    }
    cg_buf_add(out, known->token.ptr, known->token.len);
    return known->token.len > 0;
}

bool cg_pseudonyms_has_any(const cg_pseudonyms_t *all)
{
    return all && all->has_any;
}

/* ---- for restore.c ---- */

cg_pseudonym_t *cg_pseudonyms_find(const cg_pseudonyms_t *all, cg_str_t inside)
{
    const claim_t *claim =
        apr_hash_get(all->by_inside, inside.ptr, (apr_ssize_t)inside.len);
    return claim && claim->owner && claim->owner->is_restored ? claim->owner
                                                              : NULL;
}

bool cg_pseudonyms_may_be(const cg_pseudonyms_t *all, cg_str_t inside)
{
    for (int i = 0; i < all->names->nelts; i++) {
        cg_str_t name = APR_ARRAY_IDX(all->names, i, cg_str_t);
        size_t len = inside.len < name.len ? inside.len : name.len;
        bool goes_on = inside.len <= name.len || inside.ptr[name.len] == '_';
        if (goes_on && memcmp(name.ptr, inside.ptr, len) == 0) {
            return true;
        }
    }
    return false;
}

const cg_pseudonym_t *cg_pseudonyms_stand_in(const cg_pseudonyms_t *all,
                                             uint32_t n)
{
    return n > 0 && n <= (uint32_t)all->stand_ins->nelts
               ? APR_ARRAY_IDX(all->stand_ins, n - 1, cg_pseudonym_t *)
               : NULL;
}

bool cg_pseudonyms_take_stand_in(cg_pseudonyms_t *all, cg_pseudonym_t *what)
{
    if (what->stand_in == 0 &&
        (uint32_t)all->stand_ins->nelts < STAND_INS_MAX) {
        APR_ARRAY_PUSH(all->stand_ins, cg_pseudonym_t *) = what;
        what->stand_in = (uint32_t)all->stand_ins->nelts;
    }
    return what->stand_in > 0;
}

cg_pseudonym_t *cg_pseudonyms_literal(cg_pseudonyms_t *all, cg_str_t text)
{
    cg_pseudonym_t *known =
        apr_hash_get(all->literals, text.ptr, (apr_ssize_t)text.len);
    if (known) {
        return known;
    }
    cg_pseudonym_t *made = apr_pcalloc(all->pool, sizeof *made);
    made->value = (cg_str_t){cg_str_dup(text, all->pool), text.len};
    made->token = made->value;
    if (!cg_pseudonyms_take_stand_in(all, made)) {
        return NULL;
    }
    apr_hash_set(all->literals, made->value.ptr, (apr_ssize_t)text.len, made);
    return made;
}
