/* Fuzz target: signatures of requests, and the structured fields they stand in.
 * SPDX-License-Identifier: Apache-2.0
 *
 * An input is lines: method, target, host, then "name: value" of headers; what
 * follows an empty line is the body. Held to be true: what was read is written in a
 * spelling that reads as itself; the signature base has one line for each covered
 * component and one for the parameters, whatever stands in the message; a body
 * without a Content-Digest of its own matches none.
 */
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "auth/signature.h"
#include "auth/signfield.h"

#include "replay.h"

#define NOW apr_time_from_sec(1700000000)

static cg_str_t next_line(cg_str_t *rest)
{
    const char *end = rest->len ? memchr(rest->ptr, '\n', rest->len) : NULL;
    cg_str_t line = {rest->ptr, end ? (size_t)(end - rest->ptr) : rest->len};
    size_t used = line.len + (end ? 1 : 0);
    *rest = (cg_str_t){rest->ptr + used, rest->len - used};
    return line;
}

static void write_all(const cg_sfv_dictionary_t *read, cg_buf_t *out)
{
    for (size_t i = 0; i < read->count; i++) {
        const cg_sfv_member_t *member = &read->members[i];
        cg_sfv_item_t item = {member->value, member->parameters};
        cg_buf_str(out, i ? ", " : "");
        cg_buf_add(out, member->name.ptr, member->name.len);
        cg_buf_char(out, '=');
        if (member->is_list) {
            cg_sfv_write_list(out, member);
        }
        else {
            cg_sfv_write_item(out, &item);
        }
    }
}

static void check_field(cg_str_t field, apr_pool_t *pool)
{
    cg_sfv_dictionary_t first, second;
    cg_buf_t once, twice;
    cg_str_t bytes;
    cg_buf_init(&once, 64, pool);
    cg_buf_init(&twice, 64, pool);
    if (cg_sfv_read(field, &first, pool)) {
        write_all(&first, &once);
        cg_str_t written = {once.ptr, once.len};
        MUST(written.len > CG_SFV_BYTES_MAX ||
             (cg_sfv_read(written, &second, pool) && !second.has_repeated));
        if (written.len <= CG_SFV_BYTES_MAX) {
            write_all(&second, &twice);
            MUST(cg_str_equal(written, (cg_str_t){twice.ptr, twice.len}));
        }
    }
    if (cg_sfv_base64(field, &bytes, pool)) {
        cg_buf_t again;
        cg_buf_init(&again, 64, pool);
        cg_sfv_write_base64(&again, bytes);
        MUST(cg_str_equal(field, (cg_str_t){again.ptr, again.len}));
    }
}

static size_t lines_of(const cg_buf_t *text)
{
    size_t count = 0;
    for (size_t i = 0; i < text->len; i++) {
        count += text->ptr[i] == '\n';
    }
    return count;
}

static void check_message(const cg_message_t *message, cg_str_t body,
                          apr_pool_t *pool)
{
    cg_signature_t signature;
    cg_signed_body_t *digest = NULL;
    cg_buf_t base;
    cg_buf_init(&base, 256, pool);
    cg_signature_is_there(message);
    if (!cg_signed_body_open(message, &digest, pool)) {
        cg_signed_body_feed(digest, body.ptr, body.len);
        MUST(apr_table_get(message->headers, "Content-Digest") ||
             !cg_signed_body_matches(digest));
    }
    if (cg_signature_read(message, &signature, pool)) {
        return;
    }
    const char *fault = cg_signature_judge(message, &signature, true, NOW);
    MUST(fault || (signature.created >= 0 && signature.nonce.len > 0 &&
                   signature.key_id.len > 0 && signature.input));
    if (!cg_signature_base(message, &signature, &base)) {
        MUST(lines_of(&base) == signature.input->count);
    }
}

static void run(cg_str_t rest, apr_pool_t *pool)
{
    apr_table_t *headers = apr_table_make(pool, 8);
    cg_message_t message = {.scheme = CG_STR("https"), .headers = headers};
    message.method = next_line(&rest);
    message.target = next_line(&rest);
    message.authority = next_line(&rest);
    for (;;) {
        cg_str_t line = next_line(&rest);
        const char *colon = line.len ? memchr(line.ptr, ':', line.len) : NULL;
        if (!colon) {
            break;
        }
        size_t len = (size_t)(colon - line.ptr);
        cg_str_t value = {colon + 1, line.len - len - 1};
        check_field(value, pool);
        apr_table_addn(headers, apr_pstrmemdup(pool, line.ptr, len),
                       cg_str_dup(value, pool));
    }
    check_message(&message, rest, pool);
}

/* httpd lets no line of its own stand in the request line or a header. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 32768) {
        return 0;
    }
    apr_pool_t *pool = NULL;
    apr_initialize();
    apr_pool_create(&pool, NULL);
    run((cg_str_t){(const char *)data, size}, pool);
    apr_pool_destroy(pool);
    return 0;
}
