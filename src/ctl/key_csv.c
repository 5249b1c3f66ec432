/* chatgptctl key: many keys at once, as CSV.
 * SPDX-License-Identifier: Apache-2.0
 *
 * An import of new keys goes in batches: a million lines take half a minute.
 */
#include <stdio.h>
#include <string.h>

#include <apr_file_io.h>
#include <apr_strings.h>

#include "auth/keyimport.h"
#include "base/digest.h"
#include "ctl/key.h"

#define PAGE 200
#define PIECE_BYTES ((size_t)64 * 1024)

/* ---- export ------------------------------------------------------------------ */

int cg_ctl_key_export(cg_ctl_key_t *call, cg_error_t *err)
{
    const char *cursor = NULL;
    apr_pool_t *page;
    cg_buf_t text;
    apr_pool_create(&page, call->pool);
    cg_buf_init(&text, 512, call->pool);
    cg_keycsv_head(&text);
    do {
        apr_array_header_t *keys;
        const char *next;
        if (cg_apikey_find(call->ring, &call->filter, call->now, cursor, PAGE,
                           &keys, &next, err, page) != APR_SUCCESS) {
            return cg_ctl_complain("key", CG_CTL_NO, err);
        }
        for (int i = 0; i < keys->nelts; i++) {
            cg_keycsv_write(&APR_ARRAY_IDX(keys, i, cg_key_t), call->now, &text,
                            page);
        }
        fwrite(text.ptr, 1, text.len, stdout);
        text.len = 0;
        cursor = next ? apr_pstrdup(call->pool, next) : NULL;
        apr_pool_clear(page);
    } while (cursor);
    return CG_CTL_DONE;
}

/* ---- import ------------------------------------------------------------------ */

/* lives in: main's pool */
typedef struct batch_t {
    cg_ctl_key_t *call;
    apr_pool_t *pool; /* cleared after each batch */
    size_t count;
    int64_t lines[CG_KEY_BULK_MAX];
    cg_key_t wanted[CG_KEY_BULK_MAX];
    cg_key_t made[CG_KEY_BULK_MAX];
    char spelled[CG_KEY_BULK_MAX][CG_KEY_SPELLED_LEN + 1];
    bool has_failed;
} batch_t;

static bool read_all(cg_ctl_key_t *call, cg_str_t *out, cg_error_t *err)
{
    apr_file_t *file;
    cg_buf_t text;
    apr_status_t rv = strcmp(call->word, "-") == 0
                          ? apr_file_open_stdin(&file, call->pool)
                          : apr_file_open(&file, call->word, APR_READ,
                                          APR_OS_DEFAULT, call->pool);
    char *piece = apr_palloc(call->pool, PIECE_BYTES);
    cg_buf_init(&text, PIECE_BYTES, call->pool);
    while (rv == APR_SUCCESS) {
        apr_size_t len = PIECE_BYTES;
        rv = apr_file_read(file, piece, &len);
        if (rv == APR_SUCCESS) {
            cg_buf_add(&text, piece, len);
        }
    }
    if (!APR_STATUS_IS_EOF(rv)) {
        char words[120];
        cg_error_set(err, "%.200s cannot be read: %s", call->word,
                     apr_strerror(rv, words, sizeof words));
        return false;
    }
    *out = (cg_str_t){text.ptr, text.len};
    return true;
}

static void print_line(batch_t *batch, int64_t line, cg_key_result_t result,
                       const cg_key_t *key, const char *spelled,
                       const char *detail)
{
    cg_json_t *out = cg_json_object(batch->pool);
    bool has_failed = result == CG_KEY_FAILED;
    cg_json_set_int(out, "line", line);
    cg_json_set_str(out, "result", cg_key_result_name(result));
    cg_json_set_str(out, "name", key->name);
    if (key->id[0]) {
        cg_json_set_str(out, "id", key->id);
    }
    if (spelled && spelled[0]) {
        cg_json_set_str(out, "key", spelled);
    }
    if (has_failed) {
        cg_json_set_str(out, "detail", detail);
    }
    batch->has_failed = batch->has_failed || has_failed;
    cg_ctl_print(out, batch->pool);
}

static void make_all(batch_t *batch, cg_error_t *err)
{
    cg_ctl_key_t *call = batch->call;
    apr_status_t rv =
        batch->count && !call->is_dry
            ? cg_apikey_create_many(call->ring, batch->wanted, batch->count,
                                    call->now, batch->made, batch->spelled, err,
                                    batch->pool)
            : APR_SUCCESS;
    for (size_t i = 0; i < batch->count; i++) {
        bool is_made = rv == APR_SUCCESS && !call->is_dry;
        print_line(batch, batch->lines[i],
                   rv == APR_SUCCESS ? CG_KEY_CREATED : CG_KEY_FAILED,
                   is_made ? &batch->made[i] : &batch->wanted[i],
                   is_made ? batch->spelled[i] : NULL, err->text);
    }
    cg_wipe(batch->spelled, sizeof batch->spelled);
    batch->count = 0;
    apr_pool_clear(batch->pool);
}

static void take_row(batch_t *batch, const cg_keycsv_t *csv,
                     const cg_keycsv_row_t *row, cg_key_import_t *plan,
                     cg_error_t *err)
{
    cg_ctl_key_t *call = batch->call;
    cg_keyimport_plan(call->ring, csv, row, call->now, plan, batch->pool);
    if (plan->result == CG_KEY_CREATED) {
        batch->lines[batch->count] = row->line;
        batch->wanted[batch->count++] = plan->after;
        if (batch->count == CG_KEY_BULK_MAX) {
            make_all(batch, err);
        }
        return;
    }
    if (!call->is_dry) {
        cg_keyimport_do(call->ring, call->now, plan, batch->pool);
    }
    print_line(batch, row->line, plan->result, &plan->after, NULL,
               plan->err.text);
}

int cg_ctl_key_import(cg_ctl_key_t *call, cg_error_t *err)
{
    cg_str_t text;
    cg_keycsv_row_t row;
    if (!read_all(call, &text, err)) {
        return cg_ctl_complain("key", CG_CTL_NO, err);
    }
    cg_keycsv_t *csv = cg_keycsv_open(text, err, call->pool);
    if (!csv) {
        return cg_ctl_complain("key", CG_CTL_NO, err);
    }
    batch_t *batch = apr_pcalloc(call->pool, sizeof *batch);
    cg_key_import_t *plan = apr_palloc(call->pool, sizeof *plan);
    batch->call = call;
    apr_pool_create(&batch->pool, call->pool);
    while (cg_keycsv_next(csv, &row, batch->pool)) {
        take_row(batch, csv, &row, plan, err);
    }
    make_all(batch, err);
    return batch->has_failed ? CG_CTL_NO : CG_CTL_DONE;
}
