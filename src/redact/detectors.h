/* What is a secret or a personal datum? One row for each type.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A type is known by its number (a stable index into arrays of
 * CG_DETECTORS_MAX), written by its name: "CREDIT_CARD", "SECRET_AWS_KEY_ID".
 * Names are those of Microsoft Presidio where it has one. To add a type: one
 * value at the end of the list here, one row in detectors.c, a check function
 * in check.c if it has a check digit, tests/data/detectors/<name>.txt.
 */
#ifndef CG_REDACT_DETECTORS_H
#define CG_REDACT_DETECTORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Upper bound of type numbers; arrays by type have this many places. */
#define CG_DETECTORS_MAX 128

/* Numbers are stable within a process, not across versions: keep names. */
typedef enum cg_type_t {
    /* words and patterns of administrators */
    CG_TYPE_KEYWORD,
    CG_TYPE_CUSTOM, /* written CUSTOM:<name of the pattern> */
    /* found everywhere */
    CG_TYPE_CREDIT_CARD,
    CG_TYPE_IBAN_CODE,
    CG_TYPE_EMAIL_ADDRESS,
    CG_TYPE_PHONE_NUMBER,
    CG_TYPE_IP_ADDRESS,
    CG_TYPE_MAC_ADDRESS,
    CG_TYPE_CRYPTO,
    CG_TYPE_CN_RESIDENT_ID,
    CG_TYPE_CN_USCC,
    CG_TYPE_CN_LICENSE_PLATE,
    CG_TYPE_HK_ID,
    CG_TYPE_US_SSN,
    CG_TYPE_US_ITIN,
    CG_TYPE_UK_NINO,
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
    /* found where a context word stands near: any digits pass such checks
     * once in ten or eleven times */
    CG_TYPE_CN_PASSPORT,
    CG_TYPE_TW_ID,
    CG_TYPE_UK_NHS,
    CG_TYPE_AU_TFN,
    CG_TYPE_AU_ABN,
    CG_TYPE_AU_MEDICARE,
    CG_TYPE_CA_SIN,
    CG_TYPE_US_NPI,
    CG_TYPE_US_MBI,
    CG_TYPE_MEDICAL_LICENSE,
    CG_TYPE_ABA_ROUTING_NUMBER,
    CG_TYPE_IN_AADHAAR,
    CG_TYPE_IN_PAN,
    CG_TYPE_JP_MY_NUMBER,
    CG_TYPE_PL_PESEL,
    CG_TYPE_NL_BSN,
    CG_TYPE_TR_NATIONAL_ID,
    CG_TYPE_TH_TNIN,
    CG_TYPE_DE_TAX_ID,
    CG_TYPE_ZA_ID_NUMBER,
    CG_TYPE_SE_PERSONNUMMER,
    CG_TYPE_KR_BRN,
    /* secrets */
    CG_TYPE_SECRET_PRIVATE_KEY,
    CG_TYPE_SECRET_JWT,
    CG_TYPE_SECRET_OPENAI_KEY,
    CG_TYPE_SECRET_ANTHROPIC_KEY,
    CG_TYPE_SECRET_AWS_KEY_ID,
    CG_TYPE_SECRET_AWS_SECRET_KEY,
    CG_TYPE_SECRET_GITHUB_TOKEN,
    CG_TYPE_SECRET_GITLAB_TOKEN,
    CG_TYPE_SECRET_SLACK_TOKEN,
    CG_TYPE_SECRET_SLACK_WEBHOOK,
    CG_TYPE_SECRET_GCP_KEY,
    CG_TYPE_SECRET_HF_TOKEN,
    CG_TYPE_SECRET_NPM_TOKEN,
    CG_TYPE_SECRET_PYPI_TOKEN,
    CG_TYPE_SECRET_SENDGRID_KEY,
    CG_TYPE_SECRET_STRIPE_KEY,
    CG_TYPE_SECRET_ALIBABA_KEY_ID,
    CG_TYPE_SECRET_TENCENT_KEY_ID,
    CG_TYPE_SECRET_URL_CREDENTIAL,
    CG_TYPE_SECRET_API_KEY, /* another issuer's, known by its prefix */
    CG_TYPE_SECRET_PASSWORD,
    /* found by an external detector alone (ChatGPTDetector) */
    CG_TYPE_PERSON,
    CG_TYPE_LOCATION,
    CG_TYPE_ORGANIZATION,
    CG_TYPE_COUNT
} cg_type_t;

/* How sure is a finding of its shape alone? Below CG_SCORE_FOUND it is only
 * found when a context word lifts it. Scores run from 0 to 100. */
enum {
    CG_SCORE_WEAK = 30,   /* digits and a check digit, nothing else */
    CG_SCORE_FOUND = 50,  /* the bar */
    CG_SCORE_MEDIUM = 70, /* shape */
    CG_SCORE_STRONG = 100 /* shape and check digit */
};

typedef struct cg_detector_t {
    const char *name;
    const char *what;     /* for people: "Payment card number" */
    const char *contexts; /* words that speak for it, space-separated, lower
                             case; '_' stands for a space; NULL: needs none */
    bool needs_context;   /* not found without one of them near */
} cg_detector_t;

/* Rows 0 .. CG_TYPE_COUNT-1 by type number. */
extern const cg_detector_t cg_detectors[CG_TYPE_COUNT];

/* Type number of a name, or -1. "CUSTOM:<anything>" is CG_TYPE_CUSTOM. */
int cg_detector_find(const char *name);
/* Name of a type number; "UNKNOWN" when there is none. */
const char *cg_detector_name(int type);
/* Is it a member of the family SECRET_*? */
bool cg_detector_is_secret(int type);
/* Does no scan of ours find it, but an external detector? */
bool cg_detector_is_external(int type);

#endif
