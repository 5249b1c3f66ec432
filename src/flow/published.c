/* The published policy on this server's disk, from where every child takes it.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "flow/published.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/share.h"
#include "redact/document.h"

#define DOCUMENT_FILE "policy.published"
#define LOCK_FILE "policy.lock"
#define IMAGE_BEGIN "policy-"
#define IMAGE_END ".rules"
#define FILE_BYTES_MAX (CG_DOCUMENT_BYTES_MAX + 4096)
#define OLD_IMAGE_FOR                                                          \
    600 /* seconds: children of another configuration may map it */

/* A document as it stands in the file. lives in: the pool given to read_stored */
typedef struct stored_t {
    int64_t version;
    apr_time_t published_at;
    const char *digest;
    cg_str_t text;
} stored_t;

static const char *path_to(const cg_gateway_t *gateway, const char *name,
                           apr_pool_t *pool)
{
    return apr_pstrcat(pool, cg_journal_folder(gateway->journal), "/", name,
                       NULL);
}

static const char *hex_of(const void *bytes, size_t len, apr_pool_t *pool)
{
    unsigned char digest[CG_SHA256_BYTES];
    char *hex = apr_palloc(pool, 2 * sizeof digest + 1);
    cg_sha256(bytes, len, digest);
    cg_hex_encode(digest, sizeof digest, hex);
    return hex;
}

/* ---- the stored document --------------------------------------------------- */

static apr_status_t damaged(cg_error_t *err, const char *path)
{
    cg_error_set(err,
                 "%s is damaged; it is fetched from the store again, or remove "
                 "it to do without the published policy",
                 path);
    return APR_EINVAL;
}

static apr_status_t read_stored(const cg_gateway_t *gateway, stored_t *out,
                                cg_error_t *err, apr_pool_t *pool)
{
    cg_str_t bytes = CG_STR("");
    const char *path = path_to(gateway, DOCUMENT_FILE, pool);
    apr_status_t rv = cg_file_read(path, FILE_BYTES_MAX, &bytes, err, pool);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    const char *end = memchr(bytes.ptr, '\n', bytes.len);
    if (!end) {
        return damaged(err, path);
    }
    cg_json_t *head =
        cg_json_parse(bytes.ptr, (size_t)(end - bytes.ptr), NULL, pool);
    *out = (stored_t){
        .version = cg_json_get_int(head, "version", 0),
        .published_at = cg_json_get_int(head, "published_at", 0),
        .text = {end + 1, bytes.len - (size_t)(end + 1 - bytes.ptr)}};
    out->digest = hex_of(out->text.ptr, out->text.len, pool);
    if (out->version <= 0 ||
        strcmp(cg_json_get_str(head, "digest", ""), out->digest) != 0) {
        return damaged(err, path);
    }
    return APR_SUCCESS;
}

static apr_status_t write_stored(const cg_gateway_t *gateway,
                                 const stored_t *stored, cg_error_t *err,
                                 apr_pool_t *pool)
{
    cg_buf_t buf;
    cg_buf_init(&buf, stored->text.len + 256, pool);
    cg_buf_fmt(&buf,
               "{\"version\":%" APR_INT64_T_FMT
               ",\"published_at\":%" APR_INT64_T_FMT ",\"digest\":\"%s\"}\n",
               stored->version, stored->published_at, stored->digest);
    cg_buf_add(&buf, stored->text.ptr, stored->text.len);
    return cg_file_replace(path_to(gateway, DOCUMENT_FILE, pool),
                           (cg_str_t){buf.ptr, buf.len}, err, pool);
}

static apr_status_t read_document(const cg_gateway_t *gateway,
                                  const stored_t *stored, cg_document_t *out,
                                  cg_error_t *err, apr_pool_t *pool)
{
    cg_json_t *json =
        cg_json_parse(stored->text.ptr, stored->text.len, err, pool);
    apr_array_header_t *faults =
        apr_array_make(pool, 4, sizeof(cg_document_fault_t));
    if (!json) {
        return APR_EINVAL;
    }
    if (!cg_document_read(json, gateway->rules, out, faults, pool)) {
        const cg_document_fault_t *first =
            &APR_ARRAY_IDX(faults, 0, cg_document_fault_t);
        cg_error_set(err, "%.200s: %.150s", first->pointer, first->detail);
        return APR_EINVAL;
    }
    return APR_SUCCESS;
}

/* ---- the image ------------------------------------------------------------- */

static const char *image_name(const cg_gateway_t *gateway,
                              const stored_t *stored, apr_pool_t *pool)
{
    const char *whole =
        apr_psprintf(pool, "%016" APR_UINT64_T_HEX_FMT " %s",
                     cg_rules_version(gateway->rules), stored->digest);
    const char *hex = hex_of(whole, strlen(whole), pool);
    return apr_pstrcat(pool, IMAGE_BEGIN, apr_pstrndup(pool, hex, 16),
                       IMAGE_END, NULL);
}

/* Held until the descriptor is closed; -1: go on without, nothing breaks. */
static int lock_folder(const cg_gateway_t *gateway, apr_pool_t *pool)
{
    int fd = open(path_to(gateway, LOCK_FILE, pool),
                  O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    while (fd >= 0 && flock(fd, LOCK_EX) != 0 && errno == EINTR) {
    }
    return fd;
}

static void unlock_folder(int fd)
{
    if (fd >= 0) {
        close(fd);
    }
}

static apr_pool_t *new_own(void)
{
    apr_pool_t *own;
    apr_pool_create_unmanaged_ex(&own, NULL, NULL);
    return own;
}

/* Compiles, saves, and gives the mapped image: its pages are shared by all
 * children. An image that cannot be saved or mapped costs memory, no more. */
static apr_status_t compile(const cg_gateway_t *gateway, const char *path,
                            const cg_document_t *document,
                            const cg_rules_t **out, apr_pool_t **own,
                            cg_error_t *err)
{
    cg_rules_t *made = NULL;
    cg_error_t ignored;
    apr_status_t rv =
        cg_document_compile(document, gateway->spec, &made, err, *own);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    *out = made;
    apr_pool_t *mapped = new_own();
    const cg_rules_t *shared = NULL;
    if (cg_rules_save(made, path, &ignored, mapped) == APR_SUCCESS &&
        cg_rules_map(path, &shared, &ignored, mapped) == APR_SUCCESS) {
        apr_pool_destroy(*own);
        *own = mapped;
        *out = shared;
        return APR_SUCCESS;
    }
    apr_pool_destroy(mapped);
    return APR_SUCCESS;
}

/* Maps the image of a document; compiles it first when it is not there. *own may
 * be exchanged. */
static apr_status_t take_image(const cg_gateway_t *gateway,
                               const stored_t *stored,
                               const cg_document_t *document,
                               const cg_rules_t **out, apr_pool_t **own,
                               cg_error_t *err, apr_pool_t *pool)
{
    const char *path =
        path_to(gateway, image_name(gateway, stored, pool), pool);
    if (cg_rules_map(path, out, err, *own) == APR_SUCCESS) {
        return APR_SUCCESS;
    }
    int lock = lock_folder(gateway, pool);
    apr_status_t rv = cg_rules_map(path, out, err, *own);
    if (rv != APR_SUCCESS) {
        rv = compile(gateway, path, document, out, own, err);
    }
    unlock_folder(lock);
    return rv;
}

static bool is_image(const char *name)
{
    size_t len = strlen(name);
    size_t end = sizeof IMAGE_END - 1;
    return strncmp(name, IMAGE_BEGIN, sizeof IMAGE_BEGIN - 1) == 0 &&
           len > end && strcmp(name + len - end, IMAGE_END) == 0;
}

static void drop_old_images(const cg_gateway_t *gateway, const char *keep,
                            apr_pool_t *pool)
{
    DIR *dir = opendir(cg_journal_folder(gateway->journal));
    apr_time_t now = cg_clock_now();
    for (struct dirent *file = dir ? readdir(dir) : NULL; file;
         file = readdir(dir)) {
        struct stat about;
        if (!is_image(file->d_name) || strcmp(file->d_name, keep) == 0) {
            continue;
        }
        const char *path = path_to(gateway, file->d_name, pool);
        if (stat(path, &about) == 0 &&
            apr_time_sec(now) - about.st_mtime > OLD_IMAGE_FOR) {
            unlink(path);
        }
    }
    if (dir) {
        closedir(dir);
    }
}

/* ---- in force -------------------------------------------------------------- */

static cg_published_t *make_set(const cg_gateway_t *gateway,
                                const stored_t *stored,
                                const cg_document_t *document,
                                const cg_rules_t *rules, int64_t serial,
                                apr_pool_t *own)
{
    cg_published_t *set = apr_pcalloc(own, sizeof *set);
    set->version = stored->version;
    set->published_at = stored->published_at;
    apr_cpystrn(set->digest, stored->digest, sizeof set->digest);
    set->serial = serial;
    set->is_locked = document->is_locked;
    set->has_packs = document->has_packs;
    set->packs = document->packs;
    /* The packs of the configuration: what those of the document come to at a
     * place is decided with the place's own (actions.c). */
    set->rules = cg_rules_select(
        rules, cg_rules_packs(gateway->rules) | CG_PACK_PUBLISHED, own);
    memcpy(set->said_request, document->said_request,
           sizeof document->said_request);
    memcpy(set->said_answer, document->said_answer,
           sizeof document->said_answer);
    return set;
}

static apr_status_t load(const cg_gateway_t *gateway, int64_t serial,
                         cg_error_t *err, apr_pool_t *pool)
{
    stored_t stored;
    cg_document_t document;
    const cg_rules_t *rules = NULL;
    apr_status_t rv = read_stored(gateway, &stored, err, pool);
    if (rv == APR_SUCCESS) {
        rv = read_document(gateway, &stored, &document, err, pool);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    apr_pool_t *own = new_own();
    rv = take_image(gateway, &stored, &document, &rules, &own, err, pool);
    if (rv != APR_SUCCESS) {
        apr_pool_destroy(own);
        return rv;
    }
    cg_gateway_swap(gateway,
                    make_set(gateway, &stored, &document, rules, serial, own),
                    own);
    return APR_SUCCESS;
}

/* The rules of the configuration alone. */
static void fall_back(const cg_gateway_t *gateway, int64_t serial,
                      bool is_unloaded)
{
    apr_pool_t *own = new_own();
    cg_published_t *set = apr_pcalloc(own, sizeof *set);
    set->rules = gateway->rules;
    set->serial = serial;
    set->is_unloaded = is_unloaded;
    cg_gateway_swap(gateway, set, own);
}

apr_status_t cg_published_refresh(const cg_gateway_t *gateway, cg_error_t *err)
{
    apr_pool_t *pool;
    apr_pool_create(&pool, NULL);
    int64_t serial = cg_atomic_get(gateway->policy_serial);
    const cg_published_t *now = cg_gateway_take(gateway, pool);
    apr_status_t rv = load(gateway, serial, err, pool);
    if (APR_STATUS_IS_ENOENT(rv)) {
        fall_back(gateway, serial, false);
        rv = APR_SUCCESS;
    }
    else if (rv != APR_SUCCESS && now->version == 0) {
        fall_back(gateway, serial, true);
    }
    apr_pool_destroy(pool);
    return rv;
}

apr_status_t cg_published_install(const cg_gateway_t *gateway, int64_t version,
                                  apr_time_t published_at, cg_str_t document,
                                  cg_error_t *err, apr_pool_t *pool)
{
    stored_t stored = {.version = version,
                       .published_at = published_at,
                       .digest = hex_of(document.ptr, document.len, pool),
                       .text = document};
    cg_document_t read;
    const cg_rules_t *ignored = NULL;
    apr_status_t rv = read_document(gateway, &stored, &read, err, pool);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    apr_pool_t *own = new_own();
    rv = take_image(gateway, &stored, &read, &ignored, &own, err, pool);
    apr_pool_destroy(own);
    if (rv == APR_SUCCESS) {
        rv = write_stored(gateway, &stored, err, pool);
    }
    if (rv == APR_SUCCESS) {
        drop_old_images(gateway, image_name(gateway, &stored, pool), pool);
        cg_atomic_add(gateway->policy_serial, 1);
    }
    return rv;
}

void cg_published_remove(const cg_gateway_t *gateway, apr_pool_t *pool)
{
    unlink(path_to(gateway, DOCUMENT_FILE, pool));
    cg_atomic_add(gateway->policy_serial, 1);
}
