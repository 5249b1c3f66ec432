/* Members of a JSON object that are plain fields of a record, both ways.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef CG_ADMIN_MEMBERS_H
#define CG_ADMIN_MEMBERS_H

#include <stddef.h>

#include "admin/admin_int.h"

/* A member of plain words: an array of characters in the record. */
typedef struct cg_admin_word_t {
    const char *name;
    size_t offset;
    size_t size; /* with the NUL */
} cg_admin_word_t;

#define CG_ADMIN_WORD(type, member)                                            \
    {                                                                          \
#member, offsetof(type, member), sizeof((type *)0)->member             \
    }

void cg_admin_set_words(cg_json_t *object, const void *record,
                        const cg_admin_word_t *words, size_t count);
/* Those that the body gives are written over; null is "". Too long: a fault. */
void cg_admin_take_words(cg_ask_t *ask, void *record,
                         const cg_admin_word_t *words, size_t count);
/* expires_at of the body, if it gives one: null is 0, the past a fault. */
void cg_admin_take_expiry(cg_ask_t *ask, apr_time_t *at);

/* Has the text of member csv at most so many lines below its first? Else a fault;
 * else_words says what else there is, or is "". */
bool cg_admin_csv_fits(cg_ask_t *ask, cg_str_t text, size_t most,
                       const char *else_words);

#endif
