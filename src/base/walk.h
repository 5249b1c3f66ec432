/* One pass over a JSON document: spans, not values.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The hot path never builds values: it needs to know where strings stand, what
 * member they belong to, and that the document is sound. One pass checks the
 * grammar of RFC 8259 strictly and leaves a tape of nodes that point into the
 * source. Nothing recurses; depth and the number of nodes are bounded, so a
 * hostile document costs no more than its bytes.
 *
 *   {"model":"m","messages":[{"role":"user","content":"hi"}]}
 *    0 OBJECT
 *    1   STRING key "model"    2 ARRAY key "messages"   3 OBJECT [0]  4 ...
 *
 * Refused, because two readers could disagree on them: duplicate member names
 * (compared after unescaping), \u0000, unpaired surrogates, invalid UTF-8,
 * control characters in strings, bytes after the document, a byte order mark.
 *
 * Numbers, true, false, null that are elements of an array take no node (a
 * million token ids of an embeddings request cost nothing); as members of an
 * object they do.
 */
#ifndef CG_BASE_WALK_H
#define CG_BASE_WALK_H

#include "base/error.h"
#include "base/text.h"

typedef enum cg_node_kind_t {
    CG_NODE_OBJECT,
    CG_NODE_ARRAY,
    CG_NODE_STRING,
    CG_NODE_NUMBER,
    CG_NODE_TRUE,
    CG_NODE_FALSE,
    CG_NODE_NULL
} cg_node_kind_t;

#define CG_NODE_NONE UINT32_MAX

typedef struct cg_node_t {
    uint8_t kind;
    bool is_escaped;     /* string holds a backslash */
    bool key_is_escaped; /* its member name does */
    uint8_t depth;       /* 0 for the document */
    uint32_t start;      /* string: after the opening quote; else first byte */
    uint32_t end;        /* string: the closing quote; else after last byte */
    uint32_t parent;     /* node, or CG_NODE_NONE */
    uint32_t next;       /* next sibling, or CG_NODE_NONE */
    uint32_t child;      /* first child, or CG_NODE_NONE */
    uint32_t key_start;  /* member name between its quotes (in an object) ... */
    uint32_t key_len;    /* ... or key_start = element number, key_len = 0 */
    uint32_t length;     /* members or elements, those without a node too */
} cg_node_t;

typedef struct cg_walk_t {
    const char *text; /* borrowed; must outlive the walk */
    size_t len;
    cg_node_t *nodes;
    uint32_t count;
} cg_walk_t;

#define CG_WALK_DEPTH_MAX 64
#define CG_WALK_NODES_MAX 500000

typedef enum cg_walk_status_t {
    CG_WALK_OK,
    CG_WALK_SYNTAX,    /* not JSON, or cut short */
    CG_WALK_TOO_DEEP,  /* deeper than CG_WALK_DEPTH_MAX */
    CG_WALK_TOO_MANY,  /* more nodes than CG_WALK_NODES_MAX */
    CG_WALK_DUPLICATE, /* a member name twice in one object */
    CG_WALK_ENCODING   /* invalid UTF-8, NUL, unpaired surrogate */
} cg_walk_status_t;

/* Walks len bytes (< 4 GiB). On failure err names the byte offset and what is
 * wrong there, without quoting the document. Nodes live in pool. */
cg_walk_status_t cg_walk(const char *text, size_t len, cg_walk_t *out,
                         cg_error_t *err, apr_pool_t *pool);

/* The member of an object by its (unescaped) name, or CG_NODE_NONE. */
uint32_t cg_walk_member(const cg_walk_t *walk, uint32_t object,
                        const char *name);
/* Number of elements of an array, numbers and literals included. */
size_t cg_walk_length(const cg_walk_t *walk, uint32_t array);

/* Source bytes of a node: a string without its quotes, still escaped. */
cg_str_t cg_walk_raw(const cg_walk_t *walk, uint32_t node);
bool cg_walk_key_is(const cg_walk_t *walk, uint32_t node, const char *name);
/* Decoded string of a node: points into the source when nothing was escaped,
 * else a copy in pool. Empty for other kinds. */
cg_str_t cg_walk_string(const cg_walk_t *walk, uint32_t node, apr_pool_t *pool);
/* A number node that is a whole number within int64; false otherwise. */
bool cg_walk_int(const cg_walk_t *walk, uint32_t node, int64_t *out);
bool cg_walk_is_true(const cg_walk_t *walk, uint32_t node);
/* RFC 6901 pointer of a node, e.g. "/messages/3/content". */
const char *cg_walk_pointer(const cg_walk_t *walk, uint32_t node,
                            apr_pool_t *pool);

/* Decodes the inside of a sound JSON string. When map is not NULL it gets, for
 * each decoded byte, the offset in raw of the source of that byte, and one more
 * entry (raw.len) at the end: raw.len+1 entries suffice. Returns the decoded
 * length; out must hold raw.len bytes. */
size_t cg_walk_unescape(cg_str_t raw, char *out, uint32_t *map);

/* Editing in place: a list of replacements, ascending and not overlapping, is
 * spliced into the source; every byte outside them is copied as it stands. Of two
 * that do overlap the first counts, and the bytes of both go. */
typedef struct cg_splice_t {
    uint32_t start; /* bytes of the source */
    uint32_t end;
    cg_str_t with; /* raw bytes to put there */
} cg_splice_t;

void cg_walk_splice(cg_str_t source, const cg_splice_t *splices, size_t count,
                    cg_buf_t *out);

#endif
