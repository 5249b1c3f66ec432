/* What the journal's own files share: frames and the folder. For the
 * files journal*.c only.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef CG_AUDIT_JOURNAL_INT_H
#define CG_AUDIT_JOURNAL_INT_H

#include "audit/journal.h"

#define CG_FRAME_HEAD 16    /* mark, length, two checks */
#define CG_FRAME_FIXED 60   /* numbers at the start of the payload */
#define CG_FRAME_FIXED_1 52 /* likewise, of version 1 */
#define CG_FRAME_FRONT_MAX (CG_FRAME_HEAD + CG_FRAME_FIXED + CG_JOURNAL_ID_MAX)
#define CG_FRAME_MAX (CG_FRAME_FRONT_MAX + CG_JOURNAL_JSON_MAX)

#define CG_JOURNAL_PATH_MAX 4096

/* Writes everything of a frame that stands before its JSON; returns how many
 * bytes that is. The entry's sizes are checked by the caller. */
size_t cg_frame_front(const cg_journal_entry_t *entry,
                      unsigned char out[CG_FRAME_FRONT_MAX]);

typedef enum cg_frame_search_t {
    CG_FRAME_FOUND, /* offset, next and entry are set */
    CG_FRAME_NONE,  /* offset: all before it is settled */
    CG_FRAME_NEED   /* offset: a frame begins; next: where it would end */
} cg_frame_search_t;

/* Searches bytes from *offset. is_end: the file ends with these bytes, so an
 * unfinished frame is passed over if a sound one follows it. */
cg_frame_search_t cg_frame_find(cg_str_t bytes, bool is_end, size_t *offset,
                                size_t *out_next, cg_journal_entry_t *out);

/* Sets words for errno and returns it. */
apr_status_t cg_journal_fail(cg_error_t *err, const char *folder,
                             const char *what);
apr_status_t cg_journal_make_folder(const char *folder, cg_error_t *err);
/* Reads the name of this server's stream, or makes one. */
apr_status_t cg_journal_learn_node(const char *folder,
                                   char out[CG_JOURNAL_NODE_LEN + 1],
                                   cg_error_t *err, apr_pool_t *pool);

/* Path of a segment. False when the folder's name is too long. */
bool cg_journal_segment_path(const char *folder, int64_t segment,
                             char out[CG_JOURNAL_PATH_MAX]);
/* The lowest segment number above `above` and the highest of all; 0 for none.
 */
apr_status_t cg_journal_scan(const char *folder, int64_t above,
                             int64_t *out_next, int64_t *out_newest);
/* The highest segment number; 0 when there is none. */
int64_t cg_journal_newest(const char *folder);

#endif
