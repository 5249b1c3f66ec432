/* JSON as values, for configuration and the admin API.
 * SPDX-License-Identifier: Apache-2.0
 *
 * jansson never writes what it read into our words: its own messages quote the
 * document, and a document may hold a key.
 */
#include "base/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <apr_file_io.h>
#include <apr_strings.h>
#include <jansson.h>

#define FILE_BYTES_MAX INT64_C(67108864)

/* ---- making values ---------------------------------------------------- */

static apr_status_t release(void *data)
{
    json_decref(data);
    return APR_SUCCESS;
}

/* Binds a new value to the pool. jansson gives NULL only when memory is out,
 * which ends the process, as in a pool. */
static cg_json_t *own(json_t *value, apr_pool_t *pool)
{
    if (!value) {
        abort();
    }
    apr_pool_cleanup_register(pool, value, release, apr_pool_cleanup_null);
    return value;
}

cg_json_t *cg_json_object(apr_pool_t *pool)
{
    return own(json_object(), pool);
}

cg_json_t *cg_json_array(apr_pool_t *pool)
{
    return own(json_array(), pool);
}

/* jansson refuses invalid UTF-8; a name out of a request may hold it, and a
 * missing member would be worse than a replacement character. */
static json_t *repaired_string(cg_str_t text)
{
    if (text.len > SIZE_MAX / 3 - 1) {
        abort();
    }
    char *fixed = malloc(text.len * 3 + 1);
    if (!fixed) {
        abort();
    }
    size_t len = 0;
    const char *end = text.ptr + text.len;
    for (const char *p = text.ptr; p < end;) {
        uint32_t cp = 0xFFFD;
        int step = cg_utf8_decode(p, end, &cp);
        char out[4];
        int size = cg_utf8_encode(cp, out);
        memcpy(fixed + len, out, (size_t)size);
        len += (size_t)size;
        p += step ? step : 1;
    }
    json_t *value = json_stringn(fixed, len);
    free(fixed);
    return value;
}

static json_t *new_string(cg_str_t text)
{
    json_t *value = json_stringn(text.ptr ? text.ptr : "", text.len);
    return value ? value : repaired_string(text);
}

/* ---- reading documents ------------------------------------------------ */

static const char *reason_of(const json_error_t *error)
{
    static const struct {
        enum json_error_code code;
        const char *words;
    } REASONS[] = {
        {json_error_stack_overflow, "nested too deeply"},
        {json_error_invalid_utf8, "invalid UTF-8"},
        {json_error_premature_end_of_input, "ends too early"},
        {json_error_end_of_input_expected, "more text after the end"},
        {json_error_null_character, "a NUL character in a string"},
        {json_error_null_byte_in_key, "a NUL character in a member name"},
        {json_error_duplicate_key, "a member name stands twice"},
        {json_error_numeric_overflow, "a number is out of range"},
    };
    enum json_error_code code = json_error_code(error);
    for (size_t i = 0; i < sizeof REASONS / sizeof REASONS[0]; i++) {
        if (REASONS[i].code == code) {
            return REASONS[i].words;
        }
    }
    return "not valid JSON";
}

cg_json_t *cg_json_parse(const char *text, size_t len, cg_error_t *err,
                         apr_pool_t *pool)
{
    json_error_t error;
    json_t *value =
        json_loadb(text ? text : "", len,
                   JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (!value) {
        cg_error_set(err, "line %d, column %d: %s", error.line, error.column,
                     reason_of(&error));
        return NULL;
    }
    return own(value, pool);
}

static apr_status_t read_file(const char *path, cg_str_t *out, apr_pool_t *pool)
{
    apr_file_t *file = NULL;
    apr_status_t rv =
        apr_file_open(&file, path, APR_FOPEN_READ, APR_FPROT_OS_DEFAULT, pool);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    apr_finfo_t info = {0};
    rv = apr_file_info_get(&info, APR_FINFO_SIZE | APR_FINFO_TYPE, file);
    if (rv == APR_SUCCESS && info.filetype == APR_DIR) {
        rv = APR_FROM_OS_ERROR(EISDIR);
    }
    if (rv == APR_SUCCESS && info.size > FILE_BYTES_MAX) {
        rv = APR_FROM_OS_ERROR(EFBIG);
    }
    if (rv == APR_SUCCESS) {
        char *bytes = apr_palloc(pool, (size_t)info.size + 1);
        rv = apr_file_read_full(file, bytes, (size_t)info.size, &out->len);
        out->ptr = bytes;
    }
    apr_file_close(file);
    return rv == APR_EOF ? APR_SUCCESS : rv;
}

cg_json_t *cg_json_load(const char *path, cg_error_t *err, apr_pool_t *pool)
{
    apr_pool_t *scratch = NULL;
    if (apr_pool_create(&scratch, pool) != APR_SUCCESS) {
        abort();
    }
    cg_str_t text = CG_STR("");
    cg_error_t cause = {""};
    cg_json_t *value = NULL;
    apr_status_t rv = read_file(path, &text, scratch);
    if (rv != APR_SUCCESS) {
        apr_strerror(rv, cause.text, sizeof cause.text);
    }
    else {
        value = cg_json_parse(text.ptr, text.len, &cause, pool);
    }
    if (!value) {
        cg_error_set(err, "%s: %s", path, cause.text);
    }
    apr_pool_destroy(scratch);
    return value;
}

static int on_dump(const char *piece, size_t size, void *data)
{
    cg_buf_add(data, piece, size);
    return 0;
}

/* Fifteen digits: every decimal of up to fifteen comes back as it was written
 * (0.1, not 0.10000000000000001). */
const char *cg_json_dump(const cg_json_t *value, size_t *out_len,
                         apr_pool_t *pool)
{
    cg_buf_t buf;
    cg_buf_init(&buf, 512, pool);
    if (!value) {
        cg_buf_str(&buf, "null");
    }
    else {
        size_t flags = JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15);
        json_dump_callback(value, on_dump, &buf, flags);
    }
    if (out_len) {
        *out_len = buf.len;
    }
    return cg_buf_cstr(&buf);
}

/* ---- asking ----------------------------------------------------------- */

bool cg_json_is_object(const cg_json_t *value)
{
    return json_is_object(value);
}

bool cg_json_is_array(const cg_json_t *value)
{
    return json_is_array(value);
}

bool cg_json_is_string(const cg_json_t *value)
{
    return json_is_string(value);
}

bool cg_json_is_int(const cg_json_t *value)
{
    return json_is_integer(value);
}

bool cg_json_is_null(const cg_json_t *value)
{
    return json_is_null(value);
}

bool cg_json_is_bool(const cg_json_t *value)
{
    return json_is_boolean(value);
}

cg_json_t *cg_json_get(const cg_json_t *object, const char *name)
{
    return json_object_get(object, name);
}

const char *cg_json_get_str(const cg_json_t *object, const char *name,
                            const char *fallback)
{
    const json_t *value = json_object_get(object, name);
    return json_is_string(value) ? json_string_value(value) : fallback;
}

int64_t cg_json_get_int(const cg_json_t *object, const char *name,
                        int64_t fallback)
{
    const json_t *value = json_object_get(object, name);
    return json_is_integer(value) ? json_integer_value(value) : fallback;
}

double cg_json_get_real(const cg_json_t *object, const char *name,
                        double fallback)
{
    const json_t *value = json_object_get(object, name);
    return json_is_number(value) ? json_number_value(value) : fallback;
}

bool cg_json_get_bool(const cg_json_t *object, const char *name, bool fallback)
{
    const json_t *value = json_object_get(object, name);
    return json_is_boolean(value) ? json_is_true(value) : fallback;
}

size_t cg_json_size(const cg_json_t *value)
{
    return json_is_array(value) ? json_array_size(value)
                                : json_object_size(value);
}

cg_json_t *cg_json_at(const cg_json_t *array, size_t index)
{
    return json_array_get(array, index);
}

const char *cg_json_text(const cg_json_t *string)
{
    const char *text = json_string_value(string);
    return text ? text : "";
}

int64_t cg_json_int(const cg_json_t *number)
{
    return json_integer_value(number);
}

/* jansson's iterators ask for a pointer they may write through, though these
 * two calls only read. */
static json_t *writable(const cg_json_t *value)
{
    return (json_t *)(uintptr_t)value;
}

bool cg_json_each(const cg_json_t *object, void **iter, const char **out_name,
                  cg_json_t **out_value)
{
    json_t *from = writable(object);
    *iter = *iter ? json_object_iter_next(from, *iter) : json_object_iter(from);
    if (!*iter) {
        return false;
    }
    *out_name = json_object_iter_key(*iter);
    *out_value = json_object_iter_value(*iter);
    return true;
}

/* ---- writing ---------------------------------------------------------- */

/* A member name that is not UTF-8 cannot be written and is left out: names are
 * ours, save in a map of names given by callers. */
static void set_new(cg_json_t *object, const char *name, json_t *value)
{
    json_object_set_new(object, name, value ? value : json_null());
}

void cg_json_set(cg_json_t *object, const char *name, cg_json_t *value)
{
    set_new(object, name, json_incref(value));
}

void cg_json_set_str(cg_json_t *object, const char *name, const char *value)
{
    set_new(object, name, value ? new_string(cg_str(value)) : NULL);
}

void cg_json_set_strn(cg_json_t *object, const char *name, cg_str_t value)
{
    set_new(object, name, new_string(value));
}

void cg_json_set_int(cg_json_t *object, const char *name, int64_t value)
{
    set_new(object, name, json_integer(value));
}

void cg_json_set_real(cg_json_t *object, const char *name, double value)
{
    set_new(object, name, json_real(value)); /* NULL, so null, if not finite */
}

void cg_json_set_bool(cg_json_t *object, const char *name, bool value)
{
    set_new(object, name, json_boolean(value));
}

void cg_json_set_null(cg_json_t *object, const char *name)
{
    set_new(object, name, NULL);
}

void cg_json_add(cg_json_t *array, cg_json_t *value)
{
    json_array_append_new(array, value ? json_incref(value) : json_null());
}

void cg_json_add_str(cg_json_t *array, const char *value)
{
    json_array_append_new(array,
                          value ? new_string(cg_str(value)) : json_null());
}

void cg_json_add_int(cg_json_t *array, int64_t value)
{
    json_array_append_new(array, json_integer(value));
}
