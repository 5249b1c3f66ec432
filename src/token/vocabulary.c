/* A vocabulary of OpenAI's: a file that is mapped once and shared.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "token/vocabulary.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

#include "base/digest.h"
#include "token/token_int.h"

// clang-format off
const cg_encoding_row_t cg_encodings[CG_ENCODING_COUNT] = {
    [CG_ENCODING_CL100K] = { "cl100k_base",
        "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
        100256 },
    [CG_ENCODING_O200K] = { "o200k_base",
        "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
        199998 },
};

static const size_t ELEMENT_BYTES[CG_SECTION_COUNT] = {
    [CG_SECTION_BLOCKS] = 1,      [CG_SECTION_CLASSES] = 1,
    [CG_SECTION_BYTES] = 4,       [CG_SECTION_SHORT_KEYS] = 8,
    [CG_SECTION_SHORT_IDS] = 4,   [CG_SECTION_MEDIUM_KEYS] = 8,
    [CG_SECTION_MEDIUM_IDS] = 4,  [CG_SECTION_NODES] = 4,
    [CG_SECTION_NODE_IDS] = 4,    [CG_SECTION_WIDE] = sizeof(cg_wide_t),
    [CG_SECTION_TWINS] = sizeof(cg_twin_t),
    [CG_SECTION_PARTS] = 8,       [CG_SECTION_SIGNS] = sizeof(cg_sign_t),
    [CG_SECTION_FILTER] = 8,      [CG_SECTION_PAIRS] = 8,
    [CG_SECTION_BYTE_PAIRS] = 4,
};
// clang-format on

cg_encoding_t cg_encoding_find(cg_str_t name)
{
    for (int i = 0; i < CG_ENCODING_COUNT; i++) {
        if (cg_str_is(name, cg_encodings[i].name)) {
            return (cg_encoding_t)i;
        }
    }
    return cg_str_is(name, "o200k_harmony") ? CG_ENCODING_O200K
                                            : CG_ENCODING_NONE;
}

/* ---- mapping ---------------------------------------------------------- */

typedef struct mapping_t {
    void *ptr;
    size_t len;
} mapping_t;

static apr_status_t unmap(void *baton)
{
    mapping_t *mapping = baton;
    munmap(mapping->ptr, mapping->len);
    return APR_SUCCESS;
}

static apr_status_t map_file(const char *path, mapping_t **out,
                             apr_pool_t *pool)
{
    struct stat about;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return APR_FROM_OS_ERROR(errno);
    }
    mapping_t *mapping = apr_pcalloc(pool, sizeof *mapping);
    apr_status_t rv = APR_EGENERAL;
    if (fstat(fd, &about) == 0 && S_ISREG(about.st_mode) &&
        (size_t)about.st_size >= sizeof(cg_token_header_t)) {
        mapping->len = (size_t)about.st_size;
        mapping->ptr = mmap(NULL, mapping->len, PROT_READ, MAP_SHARED, fd, 0);
        rv =
            mapping->ptr == MAP_FAILED ? APR_FROM_OS_ERROR(errno) : APR_SUCCESS;
    }
    close(fd);
    if (rv == APR_SUCCESS) {
        apr_pool_cleanup_register(pool, mapping, unmap, unmap);
        *out = mapping;
    }
    return rv;
}

/* ---- what the header says --------------------------------------------- */

static bool is_within(const cg_token_header_t *header)
{
    for (int i = 0; i < CG_SECTION_COUNT; i++) {
        uint64_t offset = header->sections[i].offset;
        uint64_t count = header->sections[i].count;
        if (offset % CG_TOKEN_ALIGN != 0 || offset > header->bytes ||
            count == 0 || count > (header->bytes - offset) / ELEMENT_BYTES[i]) {
            return false;
        }
    }
    return true;
}

static bool is_power_of_two(uint64_t count)
{
    return count >= 64 && (count & (count - 1)) == 0;
}

static bool is_shaped(const cg_token_header_t *header)
{
#define COUNT(section) (header->sections[CG_SECTION_##section].count)
    return COUNT(SHORT_KEYS) % CG_BUCKET == 0 &&
           COUNT(MEDIUM_IDS) % CG_BUCKET == 0 &&
           is_power_of_two(COUNT(FILTER)) && is_power_of_two(COUNT(PAIRS)) &&
           COUNT(SHORT_KEYS) == COUNT(SHORT_IDS) &&
           COUNT(MEDIUM_KEYS) == 2 * COUNT(MEDIUM_IDS) &&
           COUNT(NODES) == COUNT(NODE_IDS) && COUNT(BYTES) == 256 &&
           COUNT(BYTE_PAIRS) == 65536 && COUNT(WIDE) == CG_WIDE_COUNT &&
           is_power_of_two(COUNT(TWINS)) && COUNT(PARTS) == header->tokens &&
           COUNT(SIGNS) == header->tokens;
#undef COUNT
}

static const char *trouble_of(const mapping_t *mapping, cg_encoding_t encoding)
{
    const cg_token_header_t *header = mapping->ptr;
    const cg_encoding_row_t *row = &cg_encodings[encoding];
    char published[65];
    if (memcmp(header->magic, CG_TOKEN_MAGIC, sizeof header->magic) != 0 ||
        header->version != CG_TOKEN_VERSION || header->is_big_endian != 0) {
        return "is no vocabulary of this version";
    }
    cg_hex_encode(header->source, sizeof header->source, published);
    if (header->kind != (uint32_t)encoding || header->tokens != row->tokens ||
        strcmp(published, row->sha256) != 0) {
        return "was not made from the ranks that OpenAI publishes";
    }
    if (header->bytes != mapping->len || !is_within(header) ||
        !is_shaped(header)) {
        return "is cut short or damaged";
    }
    return NULL;
}

static int shift_of(uint64_t count)
{
    return 64 - __builtin_ctzll(count);
}

static const void *section(const cg_token_header_t *header, cg_section_t which)
{
    return (const char *)header + header->sections[which].offset;
}

static void take_sections(cg_vocabulary_t *out, const cg_token_header_t *header)
{
    out->header = header;
    out->kind = (cg_encoding_t)header->kind;
    out->tokens = header->tokens;
    out->blocks = section(header, CG_SECTION_BLOCKS);
    out->classes = section(header, CG_SECTION_CLASSES);
    out->bytes = section(header, CG_SECTION_BYTES);
    out->short_keys = section(header, CG_SECTION_SHORT_KEYS);
    out->short_ids = section(header, CG_SECTION_SHORT_IDS);
    out->medium_keys = section(header, CG_SECTION_MEDIUM_KEYS);
    out->medium_ids = section(header, CG_SECTION_MEDIUM_IDS);
    out->nodes = section(header, CG_SECTION_NODES);
    out->node_ids = section(header, CG_SECTION_NODE_IDS);
    out->wide = section(header, CG_SECTION_WIDE);
    out->twins = section(header, CG_SECTION_TWINS);
    out->parts = section(header, CG_SECTION_PARTS);
    out->signs = section(header, CG_SECTION_SIGNS);
    out->filter = section(header, CG_SECTION_FILTER);
    out->pairs = section(header, CG_SECTION_PAIRS);
    out->byte_pairs = section(header, CG_SECTION_BYTE_PAIRS);
    out->nodes_count = (uint32_t)header->sections[CG_SECTION_NODES].count;
    out->short_buckets =
        (uint32_t)header->sections[CG_SECTION_SHORT_IDS].count / CG_BUCKET;
    out->medium_buckets =
        (uint32_t)header->sections[CG_SECTION_MEDIUM_IDS].count / CG_BUCKET;
    out->filter_shift =
        shift_of(header->sections[CG_SECTION_FILTER].count * 64);
    out->pairs_shift = shift_of(header->sections[CG_SECTION_PAIRS].count);
    out->twins_shift = shift_of(header->sections[CG_SECTION_TWINS].count) - 32;
}

apr_status_t cg_vocabulary_open(const char *folder, cg_encoding_t encoding,
                                const cg_vocabulary_t **out, cg_error_t *err,
                                apr_pool_t *pool)
{
    mapping_t *mapping = NULL;
    const char *path = apr_pstrcat(
        pool, folder, "/", cg_encodings[encoding].name, ".tokens", NULL);
    apr_status_t rv = map_file(path, &mapping, pool);
    if (rv != APR_SUCCESS) {
        char reason[100];
        cg_error_set(err, "the vocabulary %s cannot be read: %s", path,
                     apr_strerror(rv, reason, sizeof reason));
        return rv;
    }
    const char *trouble = trouble_of(mapping, encoding);
    if (trouble) {
        cg_error_set(err, "the vocabulary %s %s: install it again", path,
                     trouble);
        return APR_EGENERAL;
    }
    cg_vocabulary_t *vocabulary = apr_pcalloc(pool, sizeof *vocabulary);
    take_sections(vocabulary, mapping->ptr);
    *out = vocabulary;
    return APR_SUCCESS;
}

bool cg_vocabulary_is_sound(const cg_vocabulary_t *vocabulary)
{
    const cg_token_header_t *header = vocabulary->header;
    unsigned char digest[CG_SHA256_BYTES];
    cg_sha256(header + 1, header->bytes - sizeof *header, digest);
    return memcmp(digest, header->body, sizeof digest) == 0;
}

cg_encoding_t cg_vocabulary_encoding(const cg_vocabulary_t *vocabulary)
{
    return vocabulary->kind;
}
