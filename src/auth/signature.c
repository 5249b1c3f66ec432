/* Signed requests: reading a signature and judging it by the profile.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "auth/signature.h"

#include <string.h>

#include "auth/signature_int.h"
#include "auth/signfield.h"
#include "base/digest.h"

#define WINDOW CG_SIGNATURE_WINDOW_SECONDS

/* ---- fields ----------------------------------------------------------------- */

static cg_str_t trim(const char *text)
{
    size_t len = strlen(text);
    while (len > 0 && (*text == ' ' || *text == '\t')) {
        text++;
        len--;
    }
    while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\t')) {
        len--;
    }
    return (cg_str_t){text, len};
}

bool cg_signature_field(const cg_message_t *message, cg_str_t name,
                        cg_buf_t *out)
{
    const apr_array_header_t *lines = apr_table_elts(message->headers);
    bool is_there = false;
    for (int i = 0; i < lines->nelts; i++) {
        const apr_table_entry_t *line =
            &APR_ARRAY_IDX(lines, i, apr_table_entry_t);
        if (!line->key || !line->val || !cg_str_is_nocase(name, line->key)) {
            continue;
        }
        cg_str_t value = trim(line->val);
        if (is_there) {
            cg_buf_str(out, ", ");
        }
        cg_buf_add(out, value.ptr, value.len);
        is_there = true;
    }
    return is_there;
}

static bool read_field(const cg_message_t *message, const char *name,
                       cg_sfv_dictionary_t *out, apr_pool_t *pool)
{
    cg_buf_t text;
    cg_buf_init(&text, 256, pool);
    return cg_signature_field(message, cg_str(name), &text) &&
           cg_sfv_read((cg_str_t){text.ptr, text.len}, out, pool) &&
           out->count > 0;
}

bool cg_signature_is_there(const cg_message_t *message)
{
    return apr_table_get(message->headers, "Signature-Input") != NULL ||
           apr_table_get(message->headers, "Signature") != NULL;
}

/* ---- reading ---------------------------------------------------------------- */

/* The parameters that a signature may have, and where each goes. To know another:
 * a row. */
static const struct {
    const char *name;
    cg_sfv_kind_t kind;
    size_t offset;
} parameters[] = {
    {"created", CG_SFV_INTEGER, offsetof(cg_signature_t, created)},
    {"expires", CG_SFV_INTEGER, offsetof(cg_signature_t, expires)},
    {"keyid", CG_SFV_STRING, offsetof(cg_signature_t, key_id)},
    {"nonce", CG_SFV_STRING, offsetof(cg_signature_t, nonce)},
    {"alg", CG_SFV_STRING, offsetof(cg_signature_t, alg)},
    {"tag", CG_SFV_STRING, SIZE_MAX}, /* says something to others only */
};
enum { PARAMETERS = sizeof parameters / sizeof parameters[0] };

static bool read_parameter(const cg_sfv_parameter_t *row, cg_signature_t *out)
{
    for (int i = 0; i < PARAMETERS; i++) {
        if (!cg_str_is(row->name, parameters[i].name)) {
            continue;
        }
        if (row->value.kind != parameters[i].kind) {
            return false;
        }
        if (parameters[i].offset == SIZE_MAX) {
            return true;
        }
        char *place = (char *)out + parameters[i].offset;
        if (row->value.kind == CG_SFV_INTEGER) {
            memcpy(place, &row->value.number, sizeof row->value.number);
            return row->value.number >= 0;
        }
        memcpy(place, &row->value.text, sizeof row->value.text);
        return row->value.text.len > 0;
    }
    return false;
}

static const char *read_input(const cg_sfv_member_t *input, cg_signature_t *out)
{
    if (!input->is_list) {
        return "Signature-Input names no list of components";
    }
    for (size_t i = 0; i < input->parameters.count; i++) {
        if (!read_parameter(&input->parameters.rows[i], out)) {
            return "a parameter in Signature-Input is unknown or has no value "
                   "that it may have";
        }
    }
    out->input = input;
    return NULL;
}

const char *cg_signature_read(const cg_message_t *message, cg_signature_t *out,
                              apr_pool_t *pool)
{
    cg_sfv_dictionary_t inputs, signatures;
    *out = (cg_signature_t){.created = -1,
                            .expires = -1,
                            .bytes = {"", 0},
                            .key_id = {"", 0},
                            .nonce = {"", 0},
                            .alg = {"", 0}};
    if (!read_field(message, "Signature-Input", &inputs, pool)) {
        return "Signature-Input is missing or is no dictionary of RFC 9651";
    }
    if (!read_field(message, "Signature", &signatures, pool)) {
        return "Signature is missing or is no dictionary of RFC 9651";
    }
    if (inputs.has_repeated || signatures.has_repeated) {
        return "a member or a parameter of Signature-Input or Signature stands "
               "twice";
    }
    const cg_sfv_member_t *input = &inputs.members[0];
    const cg_sfv_member_t *signature = &signatures.members[0];
    if (inputs.count != 1 || signatures.count != 1 ||
        !cg_str_equal(input->name, signature->name)) {
        return "Signature-Input and Signature must have one member each, of "
               "the same label";
    }
    if (signature->is_list || signature->value.kind != CG_SFV_BYTES ||
        signature->parameters.count > 0 || signature->value.text.len == 0 ||
        signature->value.text.len > CG_SIGNATURE_BYTES_MAX) {
        return "Signature is no sequence of bytes";
    }
    out->bytes = signature->value.text;
    return read_input(input, out);
}

/* ---- the profile -------------------------------------------------------------- */

static bool covers(const cg_signature_t *signature, const char *name)
{
    for (size_t i = 0; i < signature->input->count; i++) {
        const cg_sfv_item_t *item = &signature->input->items[i];
        if (item->value.kind == CG_SFV_STRING && item->parameters.count == 0 &&
            cg_str_is(item->value.text, name)) {
            return true;
        }
    }
    return false;
}

static bool covers_target(const cg_message_t *message,
                          const cg_signature_t *signature)
{
    bool has_query =
        memchr(message->target.ptr, '?', message->target.len) != NULL;
    return covers(signature, "@target-uri") ||
           (covers(signature, "@authority") && covers(signature, "@path") &&
            (!has_query || covers(signature, "@query")));
}

static const char *judge_coverage(const cg_message_t *message,
                                  const cg_signature_t *signature,
                                  bool has_credential)
{
    if (!covers(signature, "@method")) {
        return "it does not cover @method";
    }
    if (message->target.len == 0 || !covers_target(message, signature)) {
        return "it covers neither @target-uri nor @authority, @path and @query";
    }
    if (!covers(signature, "content-digest")) {
        return "it does not cover content-digest";
    }
    bool needs_credential =
        has_credential || apr_table_get(message->headers, "Authorization");
    if (needs_credential && !covers(signature, "authorization")) {
        return "it does not cover authorization";
    }
    return NULL;
}

static const char *judge_time(const cg_signature_t *signature, apr_time_t now)
{
    int64_t seconds = apr_time_sec(now);
    int64_t created = signature->created;
    if (created < 0) {
        return "the parameter created is missing";
    }
    if (created < seconds - WINDOW || created > seconds + WINDOW) {
        return "created is more than 300 seconds away from the server's clock";
    }
    if (signature->expires >= 0 &&
        (signature->expires <= seconds || signature->expires < created)) {
        return "it has expired";
    }
    return NULL;
}

const char *cg_signature_judge(const cg_message_t *message,
                               const cg_signature_t *signature,
                               bool has_credential, apr_time_t now)
{
    const char *fault = judge_coverage(message, signature, has_credential);
    if (fault) {
        return fault;
    }
    if (signature->key_id.len == 0 ||
        signature->key_id.len > CG_SIGNATURE_KEY_ID_MAX) {
        return "the parameter keyid is missing or too long";
    }
    if (signature->nonce.len == 0 ||
        signature->nonce.len > CG_SIGNATURE_NONCE_MAX) {
        return "the parameter nonce is missing or too long";
    }
    return judge_time(signature, now);
}

/* ---- Content-Digest -------------------------------------------------------------- */

/* RFC 9530 section 5: those that are good for this. What else is said is neither
 * enough nor in the way. */
static const struct {
    const char *name;
    bool is_sha512;
    size_t bytes;
} digests[] = {
    {"sha-256", false, CG_SHA256_BYTES},
    {"sha-512", true, CG_SHA512_BYTES},
};
enum { DIGESTS = sizeof digests / sizeof digests[0] };

/* lives in: the request's pool */
struct cg_signed_body_t {
    cg_digester_t *digesters[DIGESTS]; /* NULL: not said */
    cg_str_t said[DIGESTS];
};

const char *cg_signed_body_open(const cg_message_t *message,
                                cg_signed_body_t **out, apr_pool_t *pool)
{
    cg_sfv_dictionary_t field;
    cg_signed_body_t *content = apr_pcalloc(pool, sizeof *content);
    bool is_any = false;
    *out = NULL;
    if (!read_field(message, "Content-Digest", &field, pool) ||
        field.has_repeated) {
        return "Content-Digest is missing or is no dictionary of RFC 9651";
    }
    for (int i = 0; i < DIGESTS; i++) {
        const cg_sfv_member_t *member = cg_sfv_find(&field, digests[i].name);
        if (!member) {
            continue;
        }
        if (member->is_list || member->value.kind != CG_SFV_BYTES ||
            member->value.text.len != digests[i].bytes) {
            return "a digest in Content-Digest has not the length that its "
                   "algorithm gives";
        }
        content->said[i] = member->value.text;
        content->digesters[i] = cg_digester_open(digests[i].is_sha512, pool);
        is_any = true;
    }
    if (!is_any) {
        return "Content-Digest has neither sha-256 nor sha-512";
    }
    *out = content;
    return NULL;
}

void cg_signed_body_feed(cg_signed_body_t *content, const void *data,
                         size_t len)
{
    for (int i = 0; i < DIGESTS; i++) {
        if (content->digesters[i]) {
            cg_digester_feed(content->digesters[i], data, len);
        }
    }
}

bool cg_signed_body_matches(cg_signed_body_t *content)
{
    bool is_right = true;
    for (int i = 0; i < DIGESTS; i++) {
        unsigned char made[CG_SHA512_BYTES];
        if (content->digesters[i]) {
            size_t len = cg_digester_close(content->digesters[i], made);
            is_right =
                cg_is_equal_secret(made, content->said[i].ptr, len) && is_right;
        }
    }
    return is_right;
}
