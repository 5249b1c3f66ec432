/* Why was this found? In words a person can check against the text.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The scan keeps no reasons: it would cost every request what only a try-out
 * shows. What a type is known by is the same for all its findings; the label that
 * speaks for one is looked for again here, in the text before it and shortly
 * after it.
 */
#include "admin/why.h"

#include <ctype.h>
#include <string.h>

#include <apr_strings.h>

#define BEFORE_BYTES 120
#define AFTER_BYTES 40

/* What one of a type must pass beside its shape. Types that are in no row are
 * known by their shape. */
static const uint8_t checked[] = {
    CG_TYPE_CREDIT_CARD,
    CG_TYPE_IBAN_CODE,
    CG_TYPE_CRYPTO,
    CG_TYPE_CN_RESIDENT_ID,
    CG_TYPE_CN_USCC,
    CG_TYPE_HK_ID,
    CG_TYPE_KR_RRN,
    CG_TYPE_SG_NRIC_FIN,
    CG_TYPE_FR_NIR,
    CG_TYPE_ES_NIF,
    CG_TYPE_ES_NIE,
    CG_TYPE_IT_FISCAL_CODE,
    CG_TYPE_FI_PERSONAL_IDENTITY_CODE,
    CG_TYPE_BR_CPF,
    CG_TYPE_BR_CNPJ,
    CG_TYPE_IN_GSTIN,
};
/* Nothing but how random it looks, beside a name that says what it is. */
static const uint8_t random_looking[] = {CG_TYPE_SECRET_AWS_SECRET_KEY,
                                         CG_TYPE_SECRET_PASSWORD,
                                         CG_TYPE_SECRET_URL_CREDENTIAL};
static const uint8_t shaped_secrets[] = {CG_TYPE_SECRET_PRIVATE_KEY,
                                         CG_TYPE_SECRET_JWT};

static bool is_in(const uint8_t *types, size_t count, int type)
{
    return memchr(types, type, count) != NULL;
}

#define IS_IN(types, type) is_in(types, sizeof(types), type)

const char *cg_admin_why(int type)
{
    if (type == CG_TYPE_KEYWORD) {
        return "keyword";
    }
    if (type == CG_TYPE_CUSTOM) {
        return "pattern";
    }
    if (cg_detector_is_external(type)) {
        return "detector";
    }
    if (IS_IN(random_looking, type)) {
        return "entropy";
    }
    if (cg_detector_is_secret(type) && !IS_IN(shaped_secrets, type)) {
        return "prefix";
    }
    if (cg_detectors[type].needs_context) {
        return "context";
    }
    return IS_IN(checked, type) ? "check_digit" : "shape";
}

/* ---- the label ------------------------------------------------------------ */

/* How many bytes of text at p spell the label; 0: none. '_' stands for a blank,
 * a dash, an underscore or nothing. */
static size_t spelled(const char *p, const char *end, cg_str_t label)
{
    const char *from = p;
    for (size_t i = 0; i < label.len; i++) {
        if (label.ptr[i] == '_') {
            p += p < end && (*p == ' ' || *p == '-' || *p == '_');
            continue;
        }
        if (p >= end || tolower((unsigned char)*p) !=
                            tolower((unsigned char)label.ptr[i])) {
            return 0;
        }
        p++;
    }
    return (size_t)(p - from);
}

/* A label of letters stands as a word; a Chinese one anywhere. */
static bool is_word(cg_str_t text, size_t at, size_t len)
{
    bool is_ascii = isalnum((unsigned char)text.ptr[at]);
    bool joins_before = at > 0 && isalnum((unsigned char)text.ptr[at - 1]);
    bool joins_after =
        at + len < text.len && isalpha((unsigned char)text.ptr[at + len]);
    return !is_ascii || (!joins_before && !joins_after);
}

/* The longest label that stands at this place. */
static size_t label_at(cg_str_t text, size_t at, size_t end, const char *labels)
{
    size_t longest = 0;
    for (const char *p = labels; *p;) {
        size_t len = strcspn(p, " ");
        size_t found =
            len ? spelled(text.ptr + at, text.ptr + end, (cg_str_t){p, len})
                : 0;
        if (found > longest && is_word(text, at, found)) {
            longest = found;
        }
        p += len + (p[len] == ' ');
    }
    return longest;
}

/* The label nearest to the finding: before it, else after it. The value itself
 * is passed over. */
const char *cg_admin_why_label(cg_str_t text, const cg_finding_t *found,
                               apr_pool_t *pool)
{
    const char *labels = cg_detectors[found->type].contexts;
    if (!labels) {
        return NULL;
    }
    size_t from = found->start > BEFORE_BYTES ? found->start - BEFORE_BYTES : 0;
    size_t to = found->end + AFTER_BYTES < text.len ? found->end + AFTER_BYTES
                                                    : text.len;
    for (size_t at = found->start; at > from; at--) {
        size_t len = label_at(text, at - 1, found->start, labels);
        /* A longer one that begins before and ends here is meant. */
        for (size_t back = at - 1; len && back > from; back--) {
            size_t longer = label_at(text, back - 1, found->start, labels);
            if (longer && back - 1 + longer >= at - 1 + len) {
                at = back;
                len = longer;
            }
        }
        if (len) {
            return apr_pstrmemdup(pool, text.ptr + at - 1, len);
        }
    }
    for (size_t at = found->end; at < to; at++) {
        size_t len = label_at(text, at, to, labels);
        if (len) {
            return apr_pstrmemdup(pool, text.ptr + at, len);
        }
    }
    return NULL;
}
