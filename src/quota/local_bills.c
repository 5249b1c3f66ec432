/* Bills on their way to the store, admissions that were lost, and tenants met.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "quota/local_int.h"

#include <string.h>

#include "base/share.h"

#define LOOKED_AT 64 /* places of the queue seen for one admission */

/* ---- bills ------------------------------------------------------------------ */

/* What stands behind the @ of an id. */
static cg_str_t tenant_of(const char *id)
{
    const char *at = strchr(id, '@');
    return cg_str(at ? at + 1 : "");
}

void cg_local_wait(cg_local_t *local, const cg_quota_bill_t *bill)
{
    int64_t ticket;
    if (strlen(bill->id) > CG_QUOTA_ID_MAX ||
        !cg_latch_take(&local->latch, &ticket)) {
        return;
    }
    cg_waiting_t *place = &local->bills[local->bills_tail % CG_BILLS];
    if (!place->is_used) {
        place->is_used = true;
        place->bill = *bill;
        memcpy(place->id, bill->id, strlen(bill->id) + 1);
        local->bills_tail++;
        cg_atomic_add(&local->bills_count, 1);
    }
    cg_latch_give(&local->latch, ticket);
}

/* The head goes past places that were taken out of order. */
static void move_head(cg_local_t *local)
{
    while (local->bills_head < local->bills_tail &&
           !local->bills[local->bills_head % CG_BILLS].is_used) {
        local->bills_head++;
    }
}

size_t cg_local_waiting(cg_local_t *local, cg_str_t tenant,
                        cg_quota_bill_t *out, char (*ids)[CG_QUOTA_ID_MAX + 1],
                        size_t most)
{
    int64_t ticket;
    size_t count = 0;
    if (cg_atomic_get(&local->bills_count) == 0 ||
        !cg_latch_take(&local->latch, &ticket)) {
        return 0;
    }
    uint64_t stop = local->bills_head + LOOKED_AT;
    stop = stop > local->bills_tail ? local->bills_tail : stop;
    for (uint64_t i = local->bills_head; i < stop && count < most; i++) {
        cg_waiting_t *place = &local->bills[i % CG_BILLS];
        if (place->is_used && cg_str_equal(tenant_of(place->id), tenant)) {
            memcpy(ids[count], place->id, sizeof place->id);
            out[count] = place->bill;
            out[count].id = ids[count];
            count++;
            place->is_used = false;
            cg_atomic_add(&local->bills_count, -1);
        }
    }
    move_head(local);
    cg_latch_give(&local->latch, ticket);
    return count;
}

bool cg_local_next_tenant(cg_local_t *local, char out[CG_QUOTA_ID_MAX + 1])
{
    int64_t ticket;
    bool has_one = false;
    if (cg_atomic_get(&local->bills_count) == 0 ||
        !cg_latch_take(&local->latch, &ticket)) {
        return false;
    }
    move_head(local);
    if (local->bills_head < local->bills_tail) {
        cg_str_t tenant =
            tenant_of(local->bills[local->bills_head % CG_BILLS].id);
        memcpy(out, tenant.ptr, tenant.len + 1);
        has_one = true;
    }
    cg_latch_give(&local->latch, ticket);
    return has_one;
}

/* ---- lost admissions --------------------------------------------------------- */

void cg_local_lose(cg_local_t *local, const char *id)
{
    int64_t ticket;
    if (strlen(id) > CG_QUOTA_ID_MAX ||
        !cg_latch_take(&local->latch, &ticket)) {
        return;
    }
    char *place = local->lost[local->lost_next % CG_LOST];
    memcpy(place, id, strlen(id) + 1);
    local->lost_next = (local->lost_next + 1) % CG_LOST;
    if (local->lost_count < CG_LOST) {
        local->lost_count++;
    }
    cg_latch_give(&local->latch, ticket);
}

size_t cg_local_find_lost(cg_local_t *local, char (*out)[CG_QUOTA_ID_MAX + 1],
                          size_t most)
{
    int64_t ticket;
    size_t count = 0;
    if (!cg_latch_take(&local->latch, &ticket)) {
        return 0;
    }
    while (count < most && local->lost_count > 0) {
        local->lost_next = (local->lost_next + CG_LOST - 1) % CG_LOST;
        memcpy(out[count++], local->lost[local->lost_next],
               CG_QUOTA_ID_MAX + 1);
        local->lost_count--;
    }
    cg_latch_give(&local->latch, ticket);
    return count;
}

/* ---- tenants ------------------------------------------------------------------ */

bool cg_local_knows(const cg_local_t *local, cg_str_t tenant)
{
    cg_tag_t tag = cg_local_tag(tenant);
    int64_t count = cg_atomic_get(&local->tenants_count);
    for (int64_t i = 0; i < count; i++) {
        if (cg_local_is_tag(&local->tenants[i], &tag)) {
            return true;
        }
    }
    return false;
}

void cg_local_meet(cg_local_t *local, cg_str_t tenant)
{
    int64_t ticket;
    if (!cg_latch_take(&local->latch, &ticket)) {
        return;
    }
    if (local->tenants_count < CG_TENANTS) {
        local->tenants[local->tenants_count] = cg_local_tag(tenant);
        cg_atomic_set(&local->tenants_count, local->tenants_count + 1);
    }
    cg_latch_give(&local->latch, ticket);
}
