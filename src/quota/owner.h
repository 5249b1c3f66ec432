/* A process, told from a later one of the same id.
 * SPDX-License-Identifier: Apache-2.0
 *
 * For quota's own files. In 54 bits: the id, which Linux keeps below 2^22, and above
 * it when the process began, in clock ticks since the machine did, as /proc says it.
 * Where there is no /proc that is 0, and the id alone is asked.
 */
#ifndef CG_QUOTA_OWNER_H
#define CG_QUOTA_OWNER_H

#include <stdbool.h>
#include <stdint.h>

uint64_t cg_owner_of(int pid);
/* Has it ended? One that was killed and is not yet buried by its parent has. */
bool cg_owner_is_gone(uint64_t owner);

#endif
