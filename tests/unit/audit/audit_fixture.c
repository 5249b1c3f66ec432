/* What the tests of the audit room share: a folder of one's own, numbered
 * records, children that are killed.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "audit_fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CUnit/CUnit.h>
#include <apr_strings.h>

#include "audit/journal_int.h"

static apr_status_t remove_folder(void *data)
{
    const char *folder = data;
    char path[CG_JOURNAL_PATH_MAX];
    DIR *dir = opendir(folder);
    for (struct dirent *file = dir ? readdir(dir) : NULL; file;
         file = readdir(dir)) {
        snprintf(path, sizeof path, "%s/%s", folder, file->d_name);
        unlink(path);
    }
    if (dir) {
        closedir(dir);
    }
    rmdir(folder);
    return APR_SUCCESS;
}

const char *fixture_folder(apr_pool_t *pool)
{
    const char *base = getenv("TMPDIR");
    char *folder =
        apr_pstrcat(pool, base ? base : P_tmpdir, "/cg-audit-XXXXXX", NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    apr_pool_cleanup_register(pool, folder, remove_folder,
                              apr_pool_cleanup_null);
    return folder;
}

typedef struct mapping_t {
    void *memory;
    size_t bytes;
} mapping_t;

static apr_status_t unmap(void *data)
{
    mapping_t *mapping = data;
    munmap(mapping->memory, mapping->bytes);
    return APR_SUCCESS;
}

void *fixture_shared(size_t bytes, apr_pool_t *pool)
{
    mapping_t *mapping = apr_palloc(pool, sizeof *mapping);
    mapping->bytes = bytes;
    mapping->memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                           MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CU_ASSERT_FATAL(mapping->memory != MAP_FAILED);
    apr_pool_cleanup_register(pool, mapping, unmap, apr_pool_cleanup_null);
    return mapping->memory;
}

void fixture_entry(int writer, int number, size_t size, cg_journal_entry_t *out,
                   apr_pool_t *pool)
{
    cg_buf_t json;
    cg_buf_init(&json, size + 200, pool);
    cg_buf_fmt(&json,
               "{\"id\":\"w%d-%d\",\"writer\":%d,\"number\":%d,\"pad\":\"",
               writer, number, writer, number);
    while (json.len < size) {
        cg_buf_char(&json, (char)('a' + (json.len + (size_t)number) % 26));
    }
    cg_buf_str(&json, "\"}");
    *out = (cg_journal_entry_t){
        .at = APR_TIME_C(1764024511000000) + number * 1000,
        .took = 500,
        .status = 200,
        .decision = (cg_decision_t)(number % CG_DECISION_CHANGED),
        .findings = (uint32_t)(number % 3),
        .input_tokens = number,
        .output_tokens = 2 * (int64_t)number,
        .cost_micros = 3 * (int64_t)number,
        .has_hold = number % 2 == 0,
        .json = {json.ptr, json.len},
    };
    snprintf(out->id, sizeof out->id, "w%d-%d", writer, number);
}

bool fixture_read(const cg_journal_entry_t *entry, int *out_writer,
                  int *out_number)
{
    char json[200];
    int writer = -1;
    int number = -1;
    apr_cpystrn(json, entry->json.ptr,
                entry->json.len < sizeof json ? entry->json.len + 1
                                              : sizeof json);
    if (sscanf(entry->id, "w%d-%d", out_writer, out_number) != 2) {
        return false;
    }
    const char *members = strstr(json, "\"writer\"");
    return members &&
           sscanf(members, "\"writer\":%d,\"number\":%d", &writer, &number) ==
               2 &&
           writer == *out_writer && number == *out_number &&
           entry->input_tokens == number &&
           entry->cost_micros == 3 * (int64_t)number &&
           entry->has_hold == (number % 2 == 0) &&
           (int)entry->decision == number % CG_DECISION_CHANGED &&
           entry->json.ptr[entry->json.len - 1] == '}';
}

cg_journal_t *fixture_journal(const char *folder, void *shared,
                              size_t segment_max, apr_pool_t *pool)
{
    cg_journal_t *journal = NULL;
    cg_error_t err = {""};
    CU_ASSERT_EQUAL_FATAL(
        cg_journal_open(&journal, folder, shared, segment_max, &err, pool),
        APR_SUCCESS);
    return journal;
}

cg_journal_reader_t *fixture_reader(const char *folder, apr_pool_t *pool)
{
    cg_journal_reader_t *reader = NULL;
    cg_error_t err = {""};
    CU_ASSERT_EQUAL_FATAL(cg_journal_reader_open(&reader, folder, &err, pool),
                          APR_SUCCESS);
    return reader;
}

void fixture_append(cg_journal_t *journal, int writer, int number, size_t size)
{
    apr_pool_t *pool = NULL;
    cg_error_t err = {""};
    cg_journal_entry_t entry;
    apr_pool_create(&pool, NULL);
    fixture_entry(writer, number, size, &entry, pool);
    CU_ASSERT_EQUAL(cg_journal_append(journal, &entry, &err), APR_SUCCESS);
    apr_pool_destroy(pool);
}

bool fixture_wait(pid_t child)
{
    int status = 0;
    return waitpid(child, &status, 0) == child && WIFEXITED(status) &&
           WEXITSTATUS(status) == 0;
}

cg_str_t fixture_file(const char *path, apr_pool_t *pool)
{
    struct stat info;
    int fd = open(path, O_RDONLY);
    CU_ASSERT_FATAL(fd >= 0 && fstat(fd, &info) == 0);
    char *bytes = apr_palloc(pool, (size_t)info.st_size + 1);
    CU_ASSERT_EQUAL(read(fd, bytes, (size_t)info.st_size), info.st_size);
    close(fd);
    return (cg_str_t){bytes, (size_t)info.st_size};
}

const char *fixture_newest(const char *folder, apr_pool_t *pool)
{
    int64_t next = 0;
    int64_t newest = 0;
    char *path = apr_palloc(pool, CG_JOURNAL_PATH_MAX);
    cg_journal_scan(folder, 0, &next, &newest);
    CU_ASSERT_FATAL(newest != 0);
    cg_journal_segment_path(folder, newest, path);
    return path;
}

void fixture_add_bytes(const char *path, const char *bytes, size_t len)
{
    int fd = open(path, O_WRONLY | O_APPEND);
    CU_ASSERT_FATAL(fd >= 0);
    CU_ASSERT_EQUAL(write(fd, bytes, len), (ssize_t)len);
    close(fd);
}
