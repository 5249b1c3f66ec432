/* Bytes put aside: in memory, in a file, and where there is no room.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/spill.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CUnit/CUnit.h>
#include <apr_general.h>
#include <apr_portable.h>
#include <apr_strings.h>

static apr_pool_t *open_pool(void)
{
    apr_pool_t *pool = NULL;
    apr_pool_create(&pool, NULL);
    return pool;
}

/* A folder of the test's own, with no file left in it at the end. */
static char *open_folder(apr_pool_t *pool)
{
    char *folder = apr_pstrdup(pool, "/tmp/cg-spill-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    return folder;
}

static apr_status_t add(cg_spill_t *spill, size_t bytes, cg_error_t *err)
{
    char block[10007];
    apr_status_t rv = APR_SUCCESS;
    for (size_t i = 0; i < sizeof block; i++) {
        block[i] = (char)(i * 7);
    }
    while (bytes > 0 && rv == APR_SUCCESS) {
        size_t len = bytes < sizeof block ? bytes : sizeof block;
        rv = cg_spill_add(spill, (cg_str_t){block, len}, err);
        bytes -= len;
    }
    return rv;
}

static void what_is_little_stays_in_memory(void)
{
    apr_pool_t *pool = open_pool();
    cg_spill_t spill;
    cg_error_t err;
    cg_spill_open(&spill, "/nonexistent", pool);
    CU_ASSERT_EQUAL(add(&spill, CG_SPILL_MEMORY_BYTES, &err), APR_SUCCESS);
    CU_ASSERT_EQUAL(cg_spill_close(&spill, &err), APR_SUCCESS);
    CU_ASSERT_PTR_NULL(spill.file);
    CU_ASSERT_EQUAL(spill.memory.len, CG_SPILL_MEMORY_BYTES);
    CU_ASSERT_EQUAL(spill.len, CG_SPILL_MEMORY_BYTES);
    apr_pool_destroy(pool);
}

static void nothing_is_the_empty_text(void)
{
    apr_pool_t *pool = open_pool();
    cg_spill_t spill;
    cg_error_t err;
    cg_spill_open(&spill, NULL, pool);
    CU_ASSERT_EQUAL(cg_spill_close(&spill, &err), APR_SUCCESS);
    CU_ASSERT_PTR_NOT_NULL(spill.memory.ptr);
    CU_ASSERT_EQUAL(spill.memory.len, 0);
    apr_pool_destroy(pool);
}

static void what_is_more_is_a_file_without_a_name_that_nobody_can_read(void)
{
    apr_pool_t *pool = open_pool();
    char *folder = open_folder(pool);
    cg_spill_t spill;
    cg_error_t err;
    struct stat what;
    int fd;
    size_t bytes = 3 * CG_SPILL_MEMORY_BYTES + 12345;
    cg_spill_open(&spill, folder, pool);
    CU_ASSERT_EQUAL(add(&spill, bytes, &err), APR_SUCCESS);
    CU_ASSERT_PTR_NOT_NULL_FATAL(spill.file);
    CU_ASSERT_EQUAL(rmdir(folder), 0); /* it is empty already */
    CU_ASSERT_EQUAL(cg_spill_close(&spill, &err), APR_SUCCESS);
    CU_ASSERT_EQUAL(spill.len, (apr_off_t)bytes);
    apr_os_file_get(&fd, spill.file);
    CU_ASSERT_EQUAL(fstat(fd, &what), 0);
    CU_ASSERT_EQUAL(what.st_size, (off_t)bytes);
    CU_ASSERT_EQUAL(what.st_nlink, 0);
    CU_ASSERT_EQUAL(what.st_mode & 0777, 0600);
    char at[2];
    CU_ASSERT_EQUAL(pread(fd, at, 2, 10007 + 5), 2);
    CU_ASSERT_EQUAL(at[1], (char)42);
    apr_pool_destroy(pool);
}

static void a_folder_that_is_not_there_is_said(void)
{
    apr_pool_t *pool = open_pool();
    cg_spill_t spill;
    cg_error_t err = {""};
    cg_spill_open(&spill, "/nonexistent/x", pool);
    CU_ASSERT_NOT_EQUAL(add(&spill, 2 * CG_SPILL_MEMORY_BYTES, &err),
                        APR_SUCCESS);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "/nonexistent/x"));
    apr_pool_destroy(pool);
}

/* A limit of the process stands in for a disk that is full. */
static void a_disk_that_is_full_is_said(void)
{
    apr_pool_t *pool = open_pool();
    char *folder = open_folder(pool);
    struct rlimit usual;
    cg_spill_t spill;
    cg_error_t err = {""};
    void (*before)(int) = signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &usual);
    struct rlimit small = {2 * CG_SPILL_MEMORY_BYTES, usual.rlim_max};
    CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_FSIZE, &small), 0);
    cg_spill_open(&spill, folder, pool);
    apr_status_t rv = add(&spill, 8 * CG_SPILL_MEMORY_BYTES, &err);
    setrlimit(RLIMIT_FSIZE, &usual);
    signal(SIGXFSZ, before);
    CU_ASSERT_NOT_EQUAL(rv, APR_SUCCESS);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "cannot keep an upload"));
    CU_ASSERT_EQUAL(rmdir(folder), 0);
    apr_pool_destroy(pool);
}

CU_TestInfo test_base_spill[] = {
    {"what_is_little_stays_in_memory", what_is_little_stays_in_memory},
    {"nothing_is_the_empty_text", nothing_is_the_empty_text},
    {"what_is_more_is_a_file_without_a_name_that_nobody_can_read",
     what_is_more_is_a_file_without_a_name_that_nobody_can_read},
    {"a_folder_that_is_not_there_is_said", a_folder_that_is_not_there_is_said},
    {"a_disk_that_is_full_is_said", a_disk_that_is_full_is_said},
    CU_TEST_INFO_NULL,
};
