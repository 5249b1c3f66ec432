/* The page that Prometheus reads.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Prometheus text exposition format 0.0.4; the content type to send with it is
 * CG_METER_CONTENT_TYPE.
 */
#ifndef CG_METER_EXPOSE_H
#define CG_METER_EXPOSE_H

#include "base/text.h"
#include "meter/metrics.h"

#define CG_METER_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* Appends every family with its help and type. Series that were never counted
 * are left out when their family has labels; families without labels are always
 * there. The numbers of one page are read one after the other, not at one
 * instant. */
void cg_meter_expose(const cg_meter_t *meter, cg_buf_t *out);

#endif
