/* An upload: a multipart body, inspected and written anew as it arrives.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A form may name its purpose or its model behind the file, so what a file's lines
 * ask for is noted as they pass and judged at the end.
 */
#include "flow/upload.h"

#include <string.h>

#include <apr_strings.h>

#include "auth/keyplace.h"
#include "chat/multipart.h"
#include "flow/flow.h"
#include "flow/passage.h"

/* Bytes of text to one token, as chat/tokens.h estimates ASCII; and of sound and
 * pictures, as seen: speech of 64 kbit/s, a picture of a megabyte. */
#define TEXT_PER_TOKEN 3
#define OPAQUE_PER_TOKEN 512

/* The fields that the gateway reads itself. */
typedef struct field_t {
    const char *name;
    cg_str_t value;
} field_t;

enum { MODEL, PURPOSE, STREAM, COUNT_N, FIELDS };

struct cg_upload_t {
    cg_txn_t *txn;
    cg_multipart_t multipart;
    cg_spill_t spill;
    cg_error_t trouble;
    const char *type; /* what is sent on as Content-Type */
    cg_str_t boundary;
    size_t parts;
    cg_passage_t passage;
    cg_passage_spec_t spec; /* of the part under way */
    char name[CG_PLACEHOLDER_MAX + CG_MULTIPART_NAME_MAX];
    const char *filename;
    apr_pool_t *scratch; /* of a part's head */
    field_t fields[FIELDS];
    /* The file's lines: whether they are requests of a batch. */
    bool has_file;
    bool is_records;
    uint64_t bad_line;    /* that is no JSON object; 0: none */
    uint64_t bad_request; /* that is no line of a batch; 0: none */
    const char *bad_words;
    cg_verdict_t bad_verdict;
    int64_t text_bytes;
    int64_t opaque_bytes;
    cg_buf_t prompt; /* what the record keeps of it */
};

static bool put(cg_upload_t *upload, cg_str_t bytes)
{
    if (cg_spill_add(&upload->spill, bytes, &upload->trouble) == APR_SUCCESS) {
        return true;
    }
    cg_txn_refuse(upload->txn, CG_UPLOAD_STORAGE, NULL, NULL);
    return false;
}

static bool put_words(cg_upload_t *upload, const char *words)
{
    return put(upload, cg_str(words));
}

static bool write_out(void *baton, cg_str_t bytes)
{
    return put(baton, bytes);
}

/* ---- heads -------------------------------------------------------------- */

/* The file's name may stand in either parameter, or in both. */
static bool mask_disposition(cg_upload_t *upload, const cg_part_t *part,
                             cg_str_t *out_name, cg_str_t *out_filename,
                             bool *out_is_masked)
{
    cg_txn_t *txn = upload->txn;
    cg_str_t star;
    cg_str_t plain = part->filename;
    apr_pool_t *pool = upload->scratch;
    if (!cg_passage_words(txn, "", part->name, NULL, out_name, pool) ||
        !cg_passage_words(txn, "", plain, "filename", out_filename, pool) ||
        !cg_passage_words(txn, "", part->filename_star, "filename", &star,
                          pool)) {
        return false;
    }
    *out_is_masked = out_name->ptr != part->name.ptr ||
                     out_filename->ptr != plain.ptr ||
                     star.ptr != part->filename_star.ptr;
    if (star.len > 0) {
        *out_filename = star;
    }
    return true;
}

static bool put_disposition(cg_upload_t *upload, const cg_part_t *part)
{
    cg_str_t name, filename;
    bool is_masked;
    if (!mask_disposition(upload, part, &name, &filename, &is_masked)) {
        return false;
    }
    apr_cpystrn(upload->name, cg_str_dup(name, upload->scratch),
                sizeof upload->name);
    upload->filename =
        part->has_filename ? cg_str_dup(filename, upload->txn->pool) : NULL;
    if (!is_masked) {
        return put(upload, part->disposition) && put_words(upload, "\r\n");
    }
    cg_buf_t line;
    cg_buf_init(&line, 256, upload->scratch);
    cg_buf_fmt(&line, "Content-Disposition: form-data; name=\"%s\"",
               upload->name);
    if (upload->filename) {
        cg_buf_fmt(&line, "; filename=\"%s\"", upload->filename);
    }
    cg_buf_str(&line, "\r\n");
    return put(upload, (cg_str_t){line.ptr, line.len});
}

/* A type in which something is found is no type. */
static bool put_type(cg_upload_t *upload, const cg_part_t *part)
{
    cg_str_t type;
    if (!cg_passage_words(upload->txn, "", part->type, "file", &type,
                          upload->scratch)) {
        return false;
    }
    if (type.len == 0) {
        return true;
    }
    return type.ptr == part->type.ptr
               ? put(upload, type) && put_words(upload, "\r\n")
               : put_words(upload,
                           "Content-Type: application/octet-stream\r\n");
}

static bool put_head(cg_upload_t *upload, const cg_part_t *part)
{
    bool is_type_first =
        part->type.len > 0 && part->type.ptr < part->disposition.ptr;
    if (!put_words(upload, upload->parts++ ? "\r\n--" : "--") ||
        !put(upload, upload->boundary) || !put_words(upload, "\r\n")) {
        return false;
    }
    bool is_put = is_type_first
                      ? put_type(upload, part) && put_disposition(upload, part)
                      : put_disposition(upload, part) && put_type(upload, part);
    return is_put && put_words(upload, "\r\n");
}

/* ---- lines of a batch --------------------------------------------------- */

/* As the laxest reader may take it: blanks around it and capitals do not count. */
static bool is_for(const cg_upload_t *upload, const char *purpose)
{
    cg_str_t said = upload->fields[PURPOSE].value;
    while (said.len > 0 && (unsigned char)said.ptr[0] <= ' ') {
        said = (cg_str_t){said.ptr + 1, said.len - 1};
    }
    while (said.len > 0 && (unsigned char)said.ptr[said.len - 1] <= ' ') {
        said.len--;
    }
    return cg_str_is_nocase(said, purpose);
}

static bool is_batch(const cg_upload_t *upload)
{
    return is_for(upload, "batch");
}

/* What a purpose needs: lines of JSON, and for a batch lines that are requests. */
static bool needs_lines(const cg_upload_t *upload)
{
    return is_batch(upload) || is_for(upload, "fine-tune");
}

static bool refuse_line(cg_upload_t *upload, uint64_t number,
                        cg_verdict_t verdict, const char *words)
{
    cg_txn_refuse(upload->txn, verdict,
                  apr_psprintf(upload->txn->pool,
                               "Line %" APR_UINT64_T_FMT " of the file: %s.",
                               number, words),
                  "file");
    return false;
}

static bool judge_lines(cg_upload_t *upload)
{
    if (!upload->has_file || !needs_lines(upload)) {
        return true;
    }
    if (upload->bad_line) {
        return refuse_line(upload, upload->bad_line, CG_INVALID_JSONL,
                           "it is not a JSON object, or has a member twice");
    }
    if (upload->bad_request && is_batch(upload)) {
        return refuse_line(upload, upload->bad_request, upload->bad_verdict,
                           upload->bad_words);
    }
    return true;
}

static bool on_record(void *baton, uint64_t number, const cg_walk_t *walk,
                      apr_pool_t *scratch)
{
    cg_upload_t *upload = baton;
    cg_str_t model;
    cg_endpoint_t endpoint;
    if (!walk) {
        upload->bad_line = upload->bad_line ? upload->bad_line : number;
        return judge_lines(upload);
    }
    if (upload->bad_request) {
        return true;
    }
    const char *words = cg_jsonl_batch_line(walk, &model, &endpoint, scratch);
    cg_verdict_t verdict = CG_INVALID_JSONL;
    if (!words) {
        verdict = cg_flow_may_ask(upload->txn, model);
        words = verdict == CG_PASS ? NULL : "its model may not be used here";
    }
    if (!words && !cg_key_may_ask(&upload->txn->who.key, endpoint)) {
        verdict = CG_KEY_PLACE;
        words = "its endpoint may not be used with this key";
    }
    if (words) {
        upload->bad_request = number;
        upload->bad_words = words;
        upload->bad_verdict = verdict;
    }
    return judge_lines(upload);
}

/* ---- parts -------------------------------------------------------------- */

static bool on_part(void *baton, const cg_part_t *part)
{
    cg_upload_t *upload = baton;
    apr_pool_clear(upload->scratch);
    if (!put_head(upload, part)) {
        return false;
    }
    bool is_file = part->has_filename;
    bool has_records =
        is_file && upload->txn->in.endpoint == CG_ENDPOINT_FILE_UPLOAD;
    upload->spec = (cg_passage_spec_t){
        .txn = upload->txn,
        .is_field = !is_file,
        .name = apr_pstrdup(upload->txn->pool, upload->name),
        .media_type = {apr_pstrmemdup(upload->txn->pool, part->media_type.ptr,
                                      part->media_type.len),
                       part->media_type.len},
        .most = (size_t)upload->txn->policy->body_max,
        .write = write_out,
        .on_record = has_records ? on_record : NULL,
        .baton = upload};
    cg_passage_open(&upload->passage, &upload->spec);
    return true;
}

static bool on_data(void *baton, cg_str_t data)
{
    cg_upload_t *upload = baton;
    return cg_passage_feed(&upload->passage, data);
}

static void note_field(cg_upload_t *upload)
{
    cg_str_t value = upload->passage.value;
    for (int i = 0; i < FIELDS; i++) {
        if (strcmp(upload->fields[i].name, upload->name) == 0) {
            upload->fields[i].value =
                (cg_str_t){cg_str_dup(value, upload->txn->pool), value.len};
        }
    }
}

/* Fields as they leave, files by their names. */
static void keep_prompt(cg_upload_t *upload)
{
    const cg_txn_t *txn = upload->txn;
    size_t most = (size_t)txn->policy->audit_text_max;
    if (!txn->policy->audit_text || upload->prompt.len > most) {
        return;
    }
    cg_buf_fmt(&upload->prompt, "%s%s: ", upload->prompt.len ? "\n" : "",
               upload->name);
    if (upload->filename) {
        cg_buf_fmt(&upload->prompt, "%s (%" APR_UINT64_T_FMT " bytes)",
                   upload->filename, upload->passage.bytes);
        return;
    }
    cg_str_t value = upload->passage.value;
    cg_buf_add(&upload->prompt, value.ptr, value.len);
}

static bool on_end(void *baton)
{
    cg_upload_t *upload = baton;
    cg_passage_t *passage = &upload->passage;
    if (!cg_passage_finish(passage)) {
        return false;
    }
    *(passage->is_opaque ? &upload->opaque_bytes : &upload->text_bytes) +=
        (int64_t)passage->bytes;
    keep_prompt(upload);
    if (!upload->filename) {
        note_field(upload);
        return judge_lines(upload);
    }
    upload->has_file = true;
    if (!passage->is_records && !upload->bad_line) {
        upload->bad_line = 1;
    }
    return judge_lines(upload);
}

/* ---- the whole ---------------------------------------------------------- */

static const cg_multipart_on_t on = {on_part, on_data, on_end};

/* As it came, in the one spelling that says it plainly. */
static const char *type_of(cg_str_t boundary, apr_pool_t *pool)
{
    bool is_plain = true;
    for (size_t i = 0; i < boundary.len; i++) {
        is_plain = is_plain && !strchr("()<>@,;:\\\"/[]?= ", boundary.ptr[i]);
    }
    return apr_psprintf(pool, "multipart/form-data; boundary=%s%.*s%s",
                        is_plain ? "" : "\"", (int)boundary.len, boundary.ptr,
                        is_plain ? "" : "\"");
}

static cg_verdict_t refuse_form(cg_txn_t *txn, const char *fault)
{
    return cg_txn_refuse(
        txn, CG_INVALID_MULTIPART,
        apr_psprintf(txn->pool,
                     "We could not parse the multipart body of your request: "
                     "%s.",
                     fault),
        NULL);
}

cg_upload_t *cg_flow_upload_open(cg_txn_t *txn, const char *content_type,
                                 const char *folder)
{
    static const char *const names[FIELDS] = {"model", "purpose", "stream",
                                              "n"};
    const char *fault;
    cg_str_t boundary;
    if (cg_flow_actions(txn) != CG_PASS) {
        return NULL;
    }
    if (!cg_multipart_boundary(cg_str(content_type), &boundary, &fault)) {
        refuse_form(txn, fault);
        return NULL;
    }
    cg_upload_t *upload = apr_pcalloc(txn->pool, sizeof *upload);
    upload->txn = txn;
    upload->boundary =
        (cg_str_t){cg_str_dup(boundary, txn->pool), boundary.len};
    upload->type = type_of(boundary, txn->pool);
    for (int i = 0; i < FIELDS; i++) {
        upload->fields[i] = (field_t){names[i], {"", 0}};
    }
    apr_pool_create(&upload->scratch, txn->pool);
    cg_buf_init(&upload->prompt, 256, txn->pool);
    cg_passage_init(&upload->passage, txn->pool);
    cg_spill_open(&upload->spill, folder, txn->pool);
    cg_multipart_open(&upload->multipart, boundary, &on, upload);
    return upload;
}

static cg_verdict_t verdict_of(cg_upload_t *upload,
                               cg_multipart_status_t status)
{
    return status == CG_MULTIPART_FAULT
               ? refuse_form(upload->txn, upload->multipart.fault)
               : upload->txn->verdict;
}

cg_verdict_t cg_flow_upload_feed(cg_upload_t *upload, cg_str_t piece)
{
    return verdict_of(upload, cg_multipart_feed(&upload->multipart, piece));
}

static cg_verdict_t read_model(cg_upload_t *upload)
{
    cg_txn_t *txn = upload->txn;
    const cg_endpoint_row_t *row = &cg_endpoints[txn->in.endpoint];
    cg_str_t model = upload->fields[MODEL].value;
    if (!row->has_model) {
        return CG_PASS;
    }
    if (model.len == 0 && row->model) {
        model = cg_str(row->model);
    }
    if (!cg_chat_model_is_sound(model)) {
        return cg_txn_refuse(txn, CG_BAD_MEMBER,
                             "'model' must be a string of 1 to 256 bytes "
                             "without control characters",
                             "model");
    }
    txn->in.model = model;
    return CG_PASS;
}

static cg_verdict_t read_wishes(cg_upload_t *upload)
{
    cg_txn_t *txn = upload->txn;
    int64_t n = 1;
    cg_str_t said = upload->fields[COUNT_N].value;
    if (said.len > 0 && (!cg_parse_count(said, &n) || n < 1 || n > 128)) {
        return cg_txn_refuse(txn, CG_BAD_MEMBER,
                             "'n' must be a whole number from 1 to 128", "n");
    }
    txn->in.request = (cg_request_t){
        .endpoint = txn->in.endpoint,
        .model = txn->in.model,
        .model_node = CG_NODE_NONE,
        .is_stream = cg_endpoints[txn->in.endpoint].can_stream &&
                     cg_str_is_nocase(upload->fields[STREAM].value, "true"),
        .max_output_tokens = -1,
        .choices = n};
    txn->in.upload_tokens = upload->text_bytes / TEXT_PER_TOKEN +
                            upload->opaque_bytes / OPAQUE_PER_TOKEN + 1;
    return CG_PASS;
}

static void end_prompt(cg_upload_t *upload)
{
    cg_txn_t *txn = upload->txn;
    size_t most = (size_t)txn->policy->audit_text_max;
    size_t len = upload->prompt.len;
    txn->out.prompt_cut = len > most;
    len = len > most ? cg_utf8_whole(upload->prompt.ptr, most) : len;
    txn->out.prompt = (cg_str_t){upload->prompt.ptr, len};
}

static bool put_end(cg_upload_t *upload)
{
    return put_words(upload, upload->parts ? "\r\n--" : "--") &&
           put(upload, upload->boundary) && put_words(upload, "--") &&
           (!upload->multipart.has_tail || put_words(upload, "\r\n"));
}

cg_verdict_t cg_flow_upload_finish(cg_upload_t *upload)
{
    cg_txn_t *txn = upload->txn;
    if (verdict_of(upload, cg_multipart_finish(&upload->multipart)) !=
            CG_PASS ||
        !put_end(upload)) {
        return txn->verdict;
    }
    if (cg_spill_close(&upload->spill, &upload->trouble) != APR_SUCCESS) {
        return cg_txn_refuse(txn, CG_UPLOAD_STORAGE, NULL, NULL);
    }
    if (read_model(upload) != CG_PASS || read_wishes(upload) != CG_PASS) {
        return txn->verdict;
    }
    end_prompt(upload);
    return CG_PASS;
}

const cg_spill_t *cg_flow_upload_body(const cg_upload_t *upload)
{
    return &upload->spill;
}

const char *cg_flow_upload_type(const cg_upload_t *upload)
{
    return upload->type;
}

const char *cg_flow_upload_trouble(const cg_upload_t *upload)
{
    return upload->trouble.text;
}
