/* What one file holds, on its way through: looked at as it arrives.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Fields and files of an upload, and answers that are files. The bytes decide what
 * it is, not its name:
 *
 *   binary       passed as it is, counted; refused where ChatGPTOpaque says deny
 *   lines        JSON, one object a line: each is sifted as a document by itself
 *   short text   up to 1 MiB: held, and sifted whole, as the texts of a request
 *   long text    masked as it comes, as an answer that streams; then once more in
 *                blocks, for what a stream does not look into (base64)
 *
 * Text in UTF-16 or GB18030 is read as UTF-8 and written back (base/coding.h). What
 * begins as text and turns out not to be is counted as binary is, but goes on being
 * masked: a NUL must not open a file. Memory: the text that is held, a line of
 * JSON, or a block; nothing grows with the size of the file.
 */
#ifndef CG_FLOW_PASSAGE_H
#define CG_FLOW_PASSAGE_H

#include "base/coding.h"
#include "chat/jsonl.h"
#include "flow/observe_text.h"
#include "flow/plain.h"
#include "flow/txn.h"

#define CG_PASSAGE_SNIFF_BYTES 4096 /* looked at to tell text from binary */
#define CG_PASSAGE_HELD_BYTES ((size_t)1 << 20)

/* lives in: the caller, who keeps what it names */
typedef struct cg_passage_spec_t {
    cg_txn_t *txn;
    bool is_answer;
    bool is_field;       /* of a form: its name is a label, its value short */
    const char *name;    /* of the part, for the caller's error; NULL none */
    cg_str_t media_type; /* empty: none was said */
    size_t most;         /* bytes of a line of JSON */
    /* What leaves. False stops, with the verdict set. */
    bool (*write)(void *baton, cg_str_t bytes);
    /* Told of each line of JSON before it leaves; walk NULL: it is none, and no
     * lines follow. May be NULL. */
    bool (*on_record)(void *baton, uint64_t number, const cg_walk_t *walk,
                      apr_pool_t *scratch);
    void *baton;
} cg_passage_spec_t;

/* lives in: the caller; may be opened again for the next file */
typedef struct cg_passage_t {
    const cg_passage_spec_t *spec;
    /* results */
    bool is_opaque;  /* it could not be read, or not to the end */
    bool is_records; /* it is lines of JSON, so far */
    uint64_t bytes;
    cg_str_t value; /* a field: as it left, until the next open */
    /* private */
    int state;
    bool is_no_records;
    bool is_cues;    /* subtitles */
    bool is_cut;     /* what is looked at ends inside of base64 ... */
    bool is_resumed; /* ... and begins there */
    cg_plain_t plain;
    cg_coding_t coding;
    cg_buf_t read;    /* a piece, read as UTF-8 ... */
    cg_buf_t written; /* ... and what leaves of it */
    cg_buf_t held; /* bytes not decided on, or a block to be looked at again */
    cg_jsonl_t jsonl;
    cg_running_t running;
    apr_pool_t *pool;    /* of this file */
    apr_pool_t *scratch; /* of a line, a block or a piece */
} cg_passage_t;

/* Once, before the first open. */
void cg_passage_init(cg_passage_t *passage, apr_pool_t *pool);
/* Keeps spec. */
void cg_passage_open(cg_passage_t *passage, const cg_passage_spec_t *spec);
/* False: it must not go on, the verdict says why. */
bool cg_passage_feed(cg_passage_t *passage, cg_str_t piece);
bool cg_passage_finish(cg_passage_t *passage);

/* Masks a short text that is no document, a file's name: text itself if nothing
 * has to be masked. False: as above. */
bool cg_passage_words(cg_txn_t *txn, const char *label, cg_str_t text,
                      const char *param, cg_str_t *out, apr_pool_t *pool);

#endif
