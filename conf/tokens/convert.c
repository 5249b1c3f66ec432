/* Makes the file of a vocabulary when the module is built: convert NAME JSON FILE.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <stdlib.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "token/compile.h"

static bool read_all(const char *path, cg_buf_t *out)
{
    char piece[65536];
    FILE *file = fopen(path, "rb");
    if (!file) {
        return false;
    }
    size_t len = fread(piece, 1, sizeof piece, file);
    while (len > 0) {
        cg_buf_add(out, piece, len);
        len = fread(piece, 1, sizeof piece, file);
    }
    bool is_read = ferror(file) == 0;
    fclose(file);
    return is_read;
}

/* Beside its place first: who reads the old file goes on doing so. */
static bool write_all(const char *path, const cg_buf_t *bytes, apr_pool_t *pool)
{
    const char *beside = apr_pstrcat(pool, path, ".new", NULL);
    FILE *file = fopen(beside, "wb");
    if (!file) {
        return false;
    }
    bool is_written = fwrite(bytes->ptr, 1, bytes->len, file) == bytes->len;
    is_written = fclose(file) == 0 && is_written;
    return is_written && rename(beside, path) == 0;
}

static int run(char **argv, apr_pool_t *pool)
{
    cg_error_t err = {""};
    cg_buf_t json;
    cg_buf_t bytes;
    cg_encoding_t encoding = cg_encoding_find(cg_str(argv[1]));
    cg_buf_init(&json, 4 << 20, pool);
    cg_buf_init(&bytes, 16 << 20, pool);
    if (encoding == CG_ENCODING_NONE) {
        fprintf(stderr, "convert: there is no encoding %s\n", argv[1]);
        return EXIT_FAILURE;
    }
    if (!read_all(argv[2], &json)) {
        fprintf(stderr, "convert: %s cannot be read\n", argv[2]);
        return EXIT_FAILURE;
    }
    if (cg_vocabulary_compile(encoding, (cg_str_t){json.ptr, json.len}, &bytes,
                              &err, pool) != APR_SUCCESS) {
        fprintf(stderr, "convert: %s: %s\n", argv[2], err.text);
        return EXIT_FAILURE;
    }
    if (!write_all(argv[3], &bytes, pool)) {
        fprintf(stderr, "convert: %s cannot be written\n", argv[3]);
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    apr_pool_t *pool;
    if (argc != 4) {
        fputs("usage: convert NAME JSON FILE\n", stderr);
        return 2;
    }
    apr_initialize();
    apr_pool_create(&pool, NULL);
    int status = run(argv, pool);
    apr_pool_destroy(pool);
    apr_terminate();
    return status;
}
