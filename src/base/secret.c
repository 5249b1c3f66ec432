/* A value that must not be shown: a type that no format string takes.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/secret.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <apr_file_io.h>

#include "base/digest.h"

#define LIST "mod_chatgpt secrets" /* of a pool, under this name in it */

/* lives in: the pool it was made in */
struct cg_secret_t {
    char *ptr;
    size_t len;
    size_t mapped;
    cg_secret_t *next; /* made before it in the same pool */
};

static apr_status_t forget(void *data)
{
    cg_secret_t *secret = data;
    cg_wipe(secret->ptr, secret->mapped);
    munmap(secret->ptr, secret->mapped);
    return APR_SUCCESS;
}

static bool lock(const cg_secret_t *secret)
{
    return mlock(secret->ptr, secret->mapped) == 0;
}

static cg_secret_t *list_of(apr_pool_t *pool)
{
    void *list = NULL;
    apr_pool_userdata_get(&list, LIST, pool);
    return list;
}

cg_secret_t *cg_secret_room(size_t len, char **out_room, apr_pool_t *pool)
{
    cg_secret_t *secret = apr_pcalloc(pool, sizeof *secret);
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    secret->len = len;
    secret->mapped = (len / page + 1) * page;
    secret->ptr = mmap(NULL, secret->mapped, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (secret->ptr == MAP_FAILED) {
        abort();
    }
#ifdef MADV_DONTDUMP
    madvise(secret->ptr, secret->mapped, MADV_DONTDUMP);
#endif
    lock(secret); /* cg_secrets_lock tells who could not */
    secret->next = list_of(pool);
    apr_pool_userdata_setn(secret, LIST, NULL, pool);
    apr_pool_cleanup_register(pool, secret, forget, apr_pool_cleanup_null);
    *out_room = secret->ptr;
    return secret;
}

cg_secret_t *cg_secret_make(cg_str_t value, apr_pool_t *pool)
{
    char *room;
    cg_secret_t *secret = cg_secret_room(value.len, &room, pool);
    memcpy(room, value.ptr, value.len);
    return secret;
}

cg_secret_t *cg_secret_copy(const cg_secret_t *secret, apr_pool_t *pool)
{
    return cg_secret_make(cg_secret_open(secret), pool);
}

apr_status_t cg_secret_read(apr_file_t *file, const char *path,
                            cg_secret_t **out, cg_error_t *err,
                            apr_pool_t *pool)
{
    char bytes[65536 + 1]; /* one more tells what is too large */
    char why[120];
    apr_size_t len = sizeof bytes;
    apr_status_t rv = apr_file_read_full(file, bytes, sizeof bytes, &len);
    if (rv != APR_SUCCESS && rv != APR_EOF) {
        cg_error_set(err, "cannot read %s: %s", path,
                     apr_strerror(rv, why, sizeof why));
        return rv;
    }
    if (len == sizeof bytes) {
        cg_wipe(bytes, sizeof bytes);
        cg_error_set(err, "%s is larger than 64 KiB", path);
        return APR_EINVAL;
    }
    if (len && bytes[len - 1] == '\n') {
        len--;
    }
    *out = cg_secret_make((cg_str_t){bytes, len}, pool);
    cg_wipe(bytes, sizeof bytes);
    return APR_SUCCESS;
}

apr_status_t cg_secret_load(const char *path, cg_secret_t **out,
                            cg_error_t *err, apr_pool_t *pool)
{
    char why[120];
    apr_file_t *file;
    apr_status_t rv =
        apr_file_open(&file, path, APR_FOPEN_READ, APR_FPROT_OS_DEFAULT, pool);
    if (rv != APR_SUCCESS) {
        cg_error_set(err, "cannot read %s: %s", path,
                     apr_strerror(rv, why, sizeof why));
        return rv;
    }
    rv = cg_secret_read(file, path, out, err, pool);
    apr_file_close(file);
    return rv;
}

apr_status_t cg_secret_from_env(const char *name, cg_secret_t **out,
                                cg_error_t *err, apr_pool_t *pool)
{
    const char *value = getenv(name);
    if (!value || !value[0]) {
        cg_error_set(err, "the environment has no %s", name);
        return APR_ENOENT;
    }
    *out = cg_secret_make(cg_str(value), pool);
    return APR_SUCCESS;
}

cg_str_t cg_secret_open(const cg_secret_t *secret)
{
    return (cg_str_t){secret->ptr, secret->len};
}

bool cg_secrets_lock(apr_pool_t *pool)
{
    bool are_locked = true;
    for (const cg_secret_t *secret = list_of(pool); secret;
         secret = secret->next) {
        are_locked = lock(secret) && are_locked;
    }
    return are_locked;
}
