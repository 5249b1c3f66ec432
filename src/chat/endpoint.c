/* The endpoints of the API that the gateway understands: the table.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "chat/endpoint.h"

#include <string.h>

// clang-format off
const cg_endpoint_row_t cg_endpoints[CG_ENDPOINT_COUNT] = {
    [CG_ENDPOINT_CHAT] = {
        .name = "chat", .path = "/chat/completions", .method = "POST",
        .operation = "chat", .has_body = true, .can_stream = true,
        .has_model = true, .has_tokens = true, .can_batch = true },
    [CG_ENDPOINT_COMPLETIONS] = {
        .name = "completions", .path = "/completions", .method = "POST",
        .operation = "text_completion", .has_body = true, .can_stream = true,
        .has_model = true, .has_tokens = true, .can_batch = true },
    [CG_ENDPOINT_RESPONSES] = {
        .name = "responses", .path = "/responses", .method = "POST",
        .operation = "chat", .has_body = true, .can_stream = true,
        .has_model = true, .has_tokens = true, .can_batch = true },
    [CG_ENDPOINT_EMBEDDINGS] = {
        .name = "embeddings", .path = "/embeddings", .method = "POST",
        .operation = "embeddings", .has_body = true,
        .has_model = true, .has_tokens = true, .can_batch = true },
    [CG_ENDPOINT_MODELS] = {
        .name = "models", .path = "/models", .method = "GET",
        .operation = "list_models" },
    [CG_ENDPOINT_MODEL] = {
        .name = "model", .path = "/models/", .method = "GET",
        .operation = "get_model", .has_tail = true, .has_model = true },
    [CG_ENDPOINT_MODERATIONS] = {
        .name = "moderations", .path = "/moderations", .method = "POST",
        .operation = "moderation", .has_body = true, .has_model = true,
        .model = "omni-moderation-latest", .has_tokens = true,
        .can_batch = true },
    [CG_ENDPOINT_SPEECH] = {
        .name = "speech", .path = "/audio/speech", .method = "POST",
        .operation = "speech", .has_body = true, .has_model = true,
        .has_tokens = true, .may_be_file = true },
    [CG_ENDPOINT_TRANSCRIPTIONS] = {
        .name = "transcriptions", .path = "/audio/transcriptions",
        .method = "POST", .operation = "transcription", .has_body = true,
        .is_upload = true, .can_stream = true, .has_model = true,
        .has_tokens = true, .may_be_file = true },
    [CG_ENDPOINT_TRANSLATIONS] = {
        .name = "translations", .path = "/audio/translations",
        .method = "POST", .operation = "translation", .has_body = true,
        .is_upload = true, .has_model = true, .has_tokens = true,
        .may_be_file = true },
    [CG_ENDPOINT_IMAGES] = {
        .name = "images", .path = "/images/generations", .method = "POST",
        .operation = "generate_image", .has_body = true, .can_stream = true,
        .has_model = true, .model = "dall-e-2", .has_tokens = true,
        .can_batch = true },
    [CG_ENDPOINT_IMAGE_EDITS] = {
        .name = "image_edits", .path = "/images/edits", .method = "POST",
        .operation = "edit_image", .has_body = true, .is_upload = true,
        .can_stream = true, .has_model = true, .model = "dall-e-2",
        .has_tokens = true },
    [CG_ENDPOINT_IMAGE_VARIATIONS] = {
        .name = "image_variations", .path = "/images/variations",
        .method = "POST", .operation = "vary_image", .has_body = true,
        .is_upload = true, .has_model = true, .model = "dall-e-2",
        .has_tokens = true },
    [CG_ENDPOINT_FILE_UPLOAD] = {
        .name = "file_upload", .path = "/files", .method = "POST",
        .operation = "upload_file", .has_body = true, .is_upload = true },
    [CG_ENDPOINT_FILES] = {
        .name = "files", .path = "/files", .method = "GET",
        .operation = "list_files", .query = "purpose|limit|order|after" },
    [CG_ENDPOINT_FILE] = {
        .name = "file", .path = "/files/", .method = "GET",
        .operation = "get_file", .has_tail = true },
    [CG_ENDPOINT_FILE_DELETE] = {
        .name = "file_delete", .path = "/files/", .method = "DELETE",
        .operation = "delete_file", .has_tail = true },
    [CG_ENDPOINT_FILE_CONTENT] = {
        .name = "file_content", .path = "/files/", .method = "GET",
        .operation = "get_file_content", .has_tail = true,
        .suffix = "/content", .may_be_file = true },
    [CG_ENDPOINT_BATCH_CREATE] = {
        .name = "batch_create", .path = "/batches", .method = "POST",
        .operation = "create_batch", .has_body = true, .has_tokens = true },
    [CG_ENDPOINT_BATCHES] = {
        .name = "batches", .path = "/batches", .method = "GET",
        .operation = "list_batches", .query = "limit|after" },
    [CG_ENDPOINT_BATCH] = {
        .name = "batch", .path = "/batches/", .method = "GET",
        .operation = "get_batch", .has_tail = true },
    [CG_ENDPOINT_BATCH_CANCEL] = {
        .name = "batch_cancel", .path = "/batches/", .method = "POST",
        .operation = "cancel_batch", .has_tail = true, .suffix = "/cancel" },
};
// clang-format on

#define TAIL_MAX 768 /* a model name of 256 bytes, each percent-encoded */
#define ID_MAX 128

/* The next byte of a path; %2e and %2f count as what they stand for, because
 * the provider may decode them before it resolves the path. */
static size_t next_byte(cg_str_t path, size_t at, char *out)
{
    *out = path.ptr[at];
    if (path.len - at < 3 || path.ptr[at] != '%' || path.ptr[at + 1] != '2') {
        return at + 1;
    }
    char low = (char)(path.ptr[at + 2] | 0x20);
    if (low != 'e' && low != 'f') {
        return at + 1;
    }
    *out = low == 'e' ? '.' : '/';
    return at + 3;
}

/* A model may hold slashes, encoded or not, but no segment that is empty or only
 * dots: sent on, "/models/../files" would name something else. */
static bool is_model(cg_str_t tail)
{
    if (tail.len == 0 || tail.len > TAIL_MAX) {
        return false;
    }
    bool is_dots = true;
    for (size_t at = 0; at < tail.len;) {
        char c;
        at = next_byte(tail, at, &c);
        if ((unsigned char)c <= ' ' || c == 0x7f || strchr("\\?#", c) != NULL) {
            return false;
        }
        if (c == '/' && is_dots) {
            return false;
        }
        is_dots = c == '/' || (c == '.' && is_dots);
    }
    return !is_dots;
}

/* An id of a file or a batch: one plain word, nothing to be decoded. */
static bool is_id(cg_str_t tail)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
    bool has_letter = false;
    for (size_t i = 0; i < tail.len; i++) {
        if (tail.ptr[i] == '\0' || strchr(letters, tail.ptr[i]) == NULL) {
            return false;
        }
        has_letter = has_letter || tail.ptr[i] != '.';
    }
    return has_letter && tail.len <= ID_MAX;
}

static bool is_of_row(const cg_endpoint_row_t *row, cg_str_t path,
                      cg_str_t *out_tail)
{
    if (!row->has_tail) {
        return cg_str_is(path, row->path);
    }
    size_t len = strlen(row->path);
    size_t end = row->suffix ? strlen(row->suffix) : 0;
    if (!cg_str_has_prefix(path, row->path) || path.len < len + end ||
        (end > 0 && memcmp(path.ptr + path.len - end, row->suffix, end) != 0)) {
        return false;
    }
    *out_tail = (cg_str_t){path.ptr + len, path.len - len - end};
    return row->has_model ? is_model(*out_tail) : is_id(*out_tail);
}

cg_endpoint_t cg_chat_endpoint_find(cg_str_t path, const char *method,
                                    cg_str_t *out_tail)
{
    cg_endpoint_t other = CG_ENDPOINT_NONE;
    *out_tail = (cg_str_t){"", 0};
    for (int i = 0; i < CG_ENDPOINT_COUNT; i++) {
        cg_str_t tail = {"", 0};
        if (!is_of_row(&cg_endpoints[i], path, &tail)) {
            continue;
        }
        *out_tail = tail;
        other = (cg_endpoint_t)i;
        if (strcmp(cg_endpoints[i].method, method) == 0) {
            break;
        }
    }
    return other;
}

bool cg_chat_endpoint_is_beside(cg_endpoint_t a, cg_endpoint_t b)
{
    const char *end = cg_endpoints[a].suffix;
    const char *other = cg_endpoints[b].suffix;
    return strcmp(cg_endpoints[a].path, cg_endpoints[b].path) == 0 &&
           strcmp(end ? end : "", other ? other : "") == 0;
}

cg_endpoint_t cg_chat_endpoint_of_batch(cg_str_t url)
{
    static const char root[] = "/v1";
    cg_str_t path = {url.ptr + sizeof root - 1, url.len - (sizeof root - 1)};
    for (int i = 0; cg_str_has_prefix(url, root) && i < CG_ENDPOINT_COUNT;
         i++) {
        if (cg_endpoints[i].can_batch &&
            cg_str_is(path, cg_endpoints[i].path)) {
            return (cg_endpoint_t)i;
        }
    }
    return CG_ENDPOINT_NONE;
}
