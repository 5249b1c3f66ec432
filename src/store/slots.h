/* Slots of a cluster: where a key lies, and which word of a command is its key.
 * SPDX-License-Identifier: Apache-2.0
 *
 * For the store's own files. Pure: no connection, no lock.
 */
#ifndef CG_STORE_SLOTS_H
#define CG_STORE_SLOTS_H

#include "store/store.h"

#define CG_SLOTS 16384

/* CRC16-XMODEM of the key modulo 16384; of what stands between the first "{" and
 * the next "}" alone, unless that is nothing. */
int cg_slots_of(cg_str_t key);

typedef enum cg_slots_target_t {
    CG_SLOTS_KEY,   /* who has the slot of its key */
    CG_SLOTS_ANY,   /* any primary can answer */
    CG_SLOTS_EVERY, /* all primaries have to be asked */
    CG_SLOTS_NONE   /* cannot be asked of a cluster */
} cg_slots_target_t;

/* Who has to be asked; *out_slot is of the first key, or 0. The other keys lie
 * in the same slot, or the server says CROSSSLOT. */
cg_slots_target_t cg_slots_target(const cg_store_command_t *command,
                                  int *out_slot);

#endif
