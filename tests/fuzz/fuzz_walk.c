/* The walker and all it says of a document, fed with arbitrary bytes.
 * SPDX-License-Identifier: Apache-2.0
 *
 * As a fuzzer: clang -fsanitize=fuzzer,address,undefined. With CG_FUZZ_REPLAY
 * defined it has a main that runs each file, or each file of each folder, named
 * as an argument.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>

#include "base/walk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

/* Decoding must give sound UTF-8 and a map that never goes back. */
static void check_string(const cg_walk_t *walk, uint32_t i, apr_pool_t *pool)
{
    cg_str_t raw = cg_walk_raw(walk, i);
    cg_str_t text = cg_walk_string(walk, i, pool);
    char *out = apr_palloc(pool, raw.len + 1);
    uint32_t *map = apr_palloc(pool, (raw.len + 1) * sizeof *map);
    size_t len = cg_walk_unescape(raw, out, map);
    must(cg_str_equal((cg_str_t){out, len}, text));
    must(cg_utf8_valid(out, len));
    must(map[len] == raw.len);
    for (size_t k = 0; k < len; k++) {
        must(map[k] <= map[k + 1]);
    }
}

static void check_place(const cg_walk_t *walk, uint32_t i, apr_pool_t *pool)
{
    const cg_node_t *node = &walk->nodes[i];
    must(node->start <= node->end && node->end <= walk->len);
    must(node->depth <= CG_WALK_DEPTH_MAX);
    must(node->next == CG_NODE_NONE || node->next > i);
    must(node->child == CG_NODE_NONE || node->child == i + 1);
    must((node->parent == CG_NODE_NONE) == (i == 0));
    must(*cg_walk_pointer(walk, i, pool) == (i ? '/' : '\0'));
    if (i == 0) {
        return;
    }
    const cg_node_t *parent = &walk->nodes[node->parent];
    must(node->parent < i && parent->depth + 1 == node->depth);
    must(parent->start < node->start && node->end < parent->end);
    must(parent->kind == CG_NODE_OBJECT || parent->kind == CG_NODE_ARRAY);
    must(parent->kind == CG_NODE_OBJECT || node->key_start < parent->length);
}

/* Each name, decoded, finds its own member: no earlier one has it. */
static void check_name(const cg_walk_t *walk, uint32_t i, apr_pool_t *pool)
{
    const cg_node_t *node = &walk->nodes[i];
    if (i == 0 || walk->nodes[node->parent].kind != CG_NODE_OBJECT) {
        return;
    }
    cg_str_t raw = {walk->text + node->key_start, node->key_len};
    char *name = apr_palloc(pool, raw.len + 1);
    name[cg_walk_unescape(raw, name, NULL)] = '\0';
    must(cg_walk_key_is(walk, i, name));
    if (walk->nodes[node->parent].length < 100) {
        must(cg_walk_member(walk, node->parent, name) == i);
    }
}

static void check_sound(const cg_walk_t *walk, apr_pool_t *pool)
{
    cg_buf_t copy;
    cg_buf_init(&copy, 0, pool);
    cg_splice_t same = {0, (uint32_t)walk->len, {walk->text, walk->len}};
    cg_walk_splice((cg_str_t){walk->text, walk->len}, &same, 1, &copy);
    must(copy.len == walk->len);
    for (uint32_t i = 0; i < walk->count; i++) {
        int64_t value = 0;
        check_place(walk, i, pool);
        check_name(walk, i, pool);
        if (walk->nodes[i].kind == CG_NODE_STRING) {
            check_string(walk, i, pool);
        }
        must(!cg_walk_int(walk, i, &value) ||
             walk->nodes[i].kind == CG_NODE_NUMBER);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool is_ready;
    if (!is_ready) {
        apr_initialize();
        is_ready = true;
    }
    apr_pool_t *pool = NULL;
    apr_pool_create(&pool, NULL);
    cg_walk_t walk;
    cg_error_t err = {""};
    cg_walk_status_t status =
        cg_walk((const char *)data, size, &walk, &err, pool);
    if (status == CG_WALK_OK) {
        must(walk.count > 0);
        check_sound(&walk, pool);
    } else {
        must(walk.count == 0 && *err.text);
    }
    apr_pool_destroy(pool);
    return 0;
}

#if defined(CG_FUZZ_REPLAY)
#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>

static int replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        exit(1);
    }
    struct stat info;
    must(fstat(fileno(file), &info) == 0);
    size_t size = (size_t)info.st_size;
    uint8_t *bytes = malloc(size ? size : 1);
    must(fread(bytes, 1, size, file) == size);
    fclose(file);
    LLVMFuzzerTestOneInput(bytes, size);
    free(bytes);
    return 1;
}

static int replay(const char *path)
{
    DIR *folder = opendir(path);
    if (!folder) {
        return replay_file(path);
    }
    int count = 0;
    for (struct dirent *entry = readdir(folder); entry;
         entry = readdir(folder)) {
        char file[4096];
        snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
        if (entry->d_name[0] != '.') {
            count += replay_file(file);
        }
    }
    closedir(folder);
    return count;
}

int main(int argc, char **argv)
{
    int count = 0;
    for (int i = 1; i < argc; i++) {
        count += replay(argv[i]);
    }
    printf("walk: %d files\n", count);
    return count ? 0 : 1;
}
#endif
