/* Does a label speak for a number?
 * SPDX-License-Identifier: Apache-2.0
 */
#include "redact/number_int.h"

#define ODD_LABEL_BACK 40 /* bytes */

/* Is this the first number behind a label of any type? Only then can it be
 * grouped in any way. */
bool cg_is_first_labelled(cg_window_t *w, uint32_t start)
{
    if (!cg_has_label(w, start)) {
        return false;
    }
    uint32_t end = w->label_last - 1;
    unsigned digits = 0;
    for (uint32_t i = end; i < start && digits < 4; i++) {
        digits += cg_is(w->text[i], CG_C_DIGIT);
    }
    return start - end <= ODD_LABEL_BACK && digits < 4;
}

/* Does a label speak for a number that is not sure by itself? Grouped oddly, it
 * must be near and the first number after the label. */
bool cg_is_labelled(cg_window_t *w, int type, uint32_t start, bool is_odd)
{
    int distance = cg_label_distance(w, type, start);
    if (distance < 0 && is_odd) {
        distance = cg_label_distance(w, CG_LABEL_NUMBER, start);
    }
    if (distance < 0 || !is_odd) {
        return distance >= 0;
    }
    if (distance > ODD_LABEL_BACK) {
        return false;
    }
    int digits = 0;
    for (uint32_t i = start - (uint32_t)distance; i < start; i++) {
        digits += cg_is(w->text[i], CG_C_DIGIT);
    }
    return digits < 4;
}
