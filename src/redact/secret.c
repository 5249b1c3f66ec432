/* Keys and tokens that their issuers made recognisable; private keys; JWT.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A prefix, so many characters of an alphabet, and enough disorder that it is
 * no placeholder. What may be long is only begun here: the finding starts, and
 * cg_swallow takes the rest as it comes, so a key of 4 KB needs no more memory
 * than one of 40 bytes.
 */
#include "redact/redact_int.h"

#include <string.h>

enum alphabet_t { ALNUM, B64URL, HEX, UPPER_DIGIT, LOWER_DIGIT, WORD };

typedef struct issued_t {
    const char *prefix;
    uint8_t type;
    uint8_t alphabet;
    uint8_t min;   /* characters after the prefix */
    uint8_t exact; /* so many and no more; 0: all that follow */
} issued_t;

// clang-format off
/* Sorted by their first two characters; longer prefixes before their beginnings. */
static const issued_t keys[] = {
    {"A3T", CG_TYPE_SECRET_AWS_KEY_ID, UPPER_DIGIT, 17, 17},
    {"ABIA", CG_TYPE_SECRET_AWS_KEY_ID, UPPER_DIGIT, 16, 16},
    {"ACCA", CG_TYPE_SECRET_AWS_KEY_ID, UPPER_DIGIT, 16, 16},
    {"AGE-SECRET-KEY-1", CG_TYPE_SECRET_API_KEY, UPPER_DIGIT, 50, 0},
    {"AIza", CG_TYPE_SECRET_GCP_KEY, B64URL, 35, 35},
    {"AKCp", CG_TYPE_SECRET_API_KEY, ALNUM, 60, 0},
    {"AKIA", CG_TYPE_SECRET_AWS_KEY_ID, UPPER_DIGIT, 16, 16},
    {"AKID", CG_TYPE_SECRET_TENCENT_KEY_ID, ALNUM, 32, 32},
    {"ASIA", CG_TYPE_SECRET_AWS_KEY_ID, UPPER_DIGIT, 16, 16},
    {"ATATT3", CG_TYPE_SECRET_API_KEY, B64URL, 50, 0},
    {"ATCTT3", CG_TYPE_SECRET_API_KEY, B64URL, 50, 0},
    {"ATBB", CG_TYPE_SECRET_API_KEY, ALNUM, 32, 32},
    {"CFPAT-", CG_TYPE_SECRET_API_KEY, B64URL, 40, 0},
    {"CLOJARS_", CG_TYPE_SECRET_API_KEY, ALNUM, 60, 0},
    {"EAAA", CG_TYPE_SECRET_API_KEY, B64URL, 60, 60},
    {"EZAK", CG_TYPE_SECRET_API_KEY, ALNUM, 54, 54},
    {"EZTK", CG_TYPE_SECRET_API_KEY, ALNUM, 54, 54},
    {"FLWSECK_TEST-", CG_TYPE_SECRET_API_KEY, ALNUM, 12, 0},
    {"FLWSECK-", CG_TYPE_SECRET_API_KEY, ALNUM, 32, 0},
    {"FlyV1", CG_TYPE_SECRET_API_KEY, B64URL, 60, 0},
    {"GOCSPX-", CG_TYPE_SECRET_GCP_KEY, B64URL, 28, 28},
    {"GR1348941", CG_TYPE_SECRET_GITLAB_TOKEN, B64URL, 20, 20},
    {"HRKU-", CG_TYPE_SECRET_API_KEY, B64URL, 36, 0},
    {"LTAI", CG_TYPE_SECRET_ALIBABA_KEY_ID, ALNUM, 20, 20},
    {"LTAI", CG_TYPE_SECRET_ALIBABA_KEY_ID, ALNUM, 16, 16},
    {"NRAK-", CG_TYPE_SECRET_API_KEY, UPPER_DIGIT, 27, 27},
    {"NRII-", CG_TYPE_SECRET_API_KEY, B64URL, 32, 32},
    {"NRJS-", CG_TYPE_SECRET_API_KEY, HEX, 19, 19},
    {"PMAK-", CG_TYPE_SECRET_API_KEY, B64URL, 50, 0},
    {"SCW", CG_TYPE_SECRET_API_KEY, UPPER_DIGIT, 17, 17},
    {"SG.", CG_TYPE_SECRET_SENDGRID_KEY, B64URL, 22, 22},
    {"api_org_", CG_TYPE_SECRET_HF_TOKEN, ALNUM, 34, 34},
    {"bce-v3/ALTAK-", CG_TYPE_SECRET_API_KEY, ALNUM, 21, 21},
    {"cio", CG_TYPE_SECRET_API_KEY, ALNUM, 32, 32},
    {"csk-", CG_TYPE_SECRET_API_KEY, ALNUM, 40, 0},
    {"dapi", CG_TYPE_SECRET_API_KEY, HEX, 32, 32},
    {"dckr_oat_", CG_TYPE_SECRET_API_KEY, B64URL, 27, 0},
    {"dckr_pat_", CG_TYPE_SECRET_API_KEY, B64URL, 27, 0},
    {"doo_v1_", CG_TYPE_SECRET_API_KEY, HEX, 64, 64},
    {"dop_v1_", CG_TYPE_SECRET_API_KEY, HEX, 64, 64},
    {"dor_v1_", CG_TYPE_SECRET_API_KEY, HEX, 64, 64},
    {"dp.pt.", CG_TYPE_SECRET_API_KEY, ALNUM, 40, 0},
    {"dp.st.", CG_TYPE_SECRET_API_KEY, B64URL, 40, 0},
    {"dt0c01.", CG_TYPE_SECRET_API_KEY, UPPER_DIGIT, 24, 24},
    {"duffel_live_", CG_TYPE_SECRET_API_KEY, B64URL, 40, 0},
    {"duffel_test_", CG_TYPE_SECRET_API_KEY, B64URL, 40, 0},
    {"esecret_", CG_TYPE_SECRET_API_KEY, ALNUM, 24, 0},
    {"fc-", CG_TYPE_SECRET_API_KEY, HEX, 32, 32},
    {"fio-u-", CG_TYPE_SECRET_API_KEY, B64URL, 60, 0},
    {"figd_", CG_TYPE_SECRET_API_KEY, B64URL, 40, 0},
    {"fm2_", CG_TYPE_SECRET_API_KEY, B64URL, 60, 0},
    {"fo1_", CG_TYPE_SECRET_API_KEY, B64URL, 40, 0},
    {"fw_", CG_TYPE_SECRET_API_KEY, ALNUM, 22, 0},
    {"gho_", CG_TYPE_SECRET_GITHUB_TOKEN, ALNUM, 36, 0},
    {"ghp_", CG_TYPE_SECRET_GITHUB_TOKEN, ALNUM, 36, 0},
    {"ghr_", CG_TYPE_SECRET_GITHUB_TOKEN, ALNUM, 36, 0},
    {"ghs_", CG_TYPE_SECRET_GITHUB_TOKEN, ALNUM, 36, 0},
    {"ghu_", CG_TYPE_SECRET_GITHUB_TOKEN, ALNUM, 36, 0},
    {"github_pat_", CG_TYPE_SECRET_GITHUB_TOKEN, WORD, 36, 0},
    {"glagent-", CG_TYPE_SECRET_GITLAB_TOKEN, B64URL, 50, 0},
    {"glffct-", CG_TYPE_SECRET_GITLAB_TOKEN, B64URL, 20, 0},
    {"glsoat-", CG_TYPE_SECRET_GITLAB_TOKEN, B64URL, 20, 0},
    {"glcbt-", CG_TYPE_SECRET_GITLAB_TOKEN, B64URL, 20, 0},
    {"glimt-", CG_TYPE_SECRET_GITLAB_TOKEN, B64URL, 25, 0},
    {"gloas-", CG_TYPE_SECRET_GITLAB_TOKEN, B64URL, 64, 0},
    {"glpat-", CG_TYPE_SECRET_GITLAB_TOKEN, B64URL, 20, 0},
    {"glptt-", CG_TYPE_SECRET_GITLAB_TOKEN, HEX, 40, 40},
    {"gldt-", CG_TYPE_SECRET_GITLAB_TOKEN, B64URL, 20, 0},
    {"glft-", CG_TYPE_SECRET_GITLAB_TOKEN, B64URL, 20, 0},
    {"glrt-", CG_TYPE_SECRET_GITLAB_TOKEN, B64URL, 20, 0},
    {"glsa_", CG_TYPE_SECRET_API_KEY, WORD, 32, 0},
    {"glc_", CG_TYPE_SECRET_API_KEY, B64URL, 32, 0},
    {"gsk_", CG_TYPE_SECRET_API_KEY, ALNUM, 40, 0},
    {"hf_", CG_TYPE_SECRET_HF_TOKEN, ALNUM, 34, 34},
    {"hvb.", CG_TYPE_SECRET_API_KEY, B64URL, 24, 0},
    {"hvs.", CG_TYPE_SECRET_API_KEY, B64URL, 24, 0},
    {"jina_", CG_TYPE_SECRET_API_KEY, ALNUM, 50, 0},
    {"key-", CG_TYPE_SECRET_API_KEY, HEX, 32, 32},
    {"lin_oauth_", CG_TYPE_SECRET_API_KEY, HEX, 60, 0},
    {"lin_api_", CG_TYPE_SECRET_API_KEY, ALNUM, 32, 0},
    {"live_", CG_TYPE_SECRET_API_KEY, HEX, 35, 35},
    {"llx-", CG_TYPE_SECRET_API_KEY, ALNUM, 40, 0},
    {"lsv2_pt_", CG_TYPE_SECRET_API_KEY, WORD, 40, 0},
    {"lsv2_sk_", CG_TYPE_SECRET_API_KEY, WORD, 40, 0},
    {"mdb_sa_sk_", CG_TYPE_SECRET_API_KEY, B64URL, 30, 0},
    {"napi_", CG_TYPE_SECRET_API_KEY, ALNUM, 40, 0},
    {"nfp_", CG_TYPE_SECRET_API_KEY, ALNUM, 36, 0},
    {"npm_", CG_TYPE_SECRET_NPM_TOKEN, ALNUM, 36, 36},
    {"ntn_", CG_TYPE_SECRET_API_KEY, ALNUM, 40, 0},
    {"nvapi-", CG_TYPE_SECRET_API_KEY, B64URL, 40, 0},
    {"ops_eyJ", CG_TYPE_SECRET_API_KEY, B64URL, 60, 0},
    {"oy2", CG_TYPE_SECRET_API_KEY, LOWER_DIGIT, 43, 43},
    {"pat-eu1-", CG_TYPE_SECRET_API_KEY, B64URL, 36, 36},
    {"pat-na1-", CG_TYPE_SECRET_API_KEY, B64URL, 36, 36},
    {"pcsk_", CG_TYPE_SECRET_API_KEY, WORD, 40, 0},
    {"phc_", CG_TYPE_SECRET_API_KEY, ALNUM, 40, 0},
    {"phx_", CG_TYPE_SECRET_API_KEY, ALNUM, 40, 0},
    {"pnu_", CG_TYPE_SECRET_API_KEY, ALNUM, 36, 36},
    {"pplx-", CG_TYPE_SECRET_API_KEY, ALNUM, 40, 0},
    {"pscale_oauth_", CG_TYPE_SECRET_API_KEY, B64URL, 32, 0},
    {"pscale_tkn_", CG_TYPE_SECRET_API_KEY, B64URL, 32, 0},
    {"pscale_pw_", CG_TYPE_SECRET_API_KEY, B64URL, 32, 0},
    {"pul-", CG_TYPE_SECRET_API_KEY, HEX, 40, 40},
    {"pypi-AgE", CG_TYPE_SECRET_PYPI_TOKEN, B64URL, 50, 0},
    {"r8_", CG_TYPE_SECRET_API_KEY, ALNUM, 37, 37},
    {"rdme_", CG_TYPE_SECRET_API_KEY, LOWER_DIGIT, 64, 0},
    {"rk_live_", CG_TYPE_SECRET_STRIPE_KEY, ALNUM, 16, 0},
    {"rk_test_", CG_TYPE_SECRET_STRIPE_KEY, ALNUM, 16, 0},
    {"rnd_", CG_TYPE_SECRET_API_KEY, ALNUM, 32, 0},
    {"rpa_", CG_TYPE_SECRET_API_KEY, ALNUM, 40, 0},
    {"rubygems_", CG_TYPE_SECRET_API_KEY, HEX, 48, 48},
    {"rzp_live_", CG_TYPE_SECRET_API_KEY, ALNUM, 14, 0},
    {"rzp_test_", CG_TYPE_SECRET_API_KEY, ALNUM, 14, 0},
    {"sb_secret_", CG_TYPE_SECRET_API_KEY, B64URL, 20, 0},
    {"sbp_", CG_TYPE_SECRET_API_KEY, HEX, 40, 40},
    {"secret_", CG_TYPE_SECRET_API_KEY, ALNUM, 43, 43},
    {"sess-", CG_TYPE_SECRET_OPENAI_KEY, ALNUM, 40, 40},
    {"sgp_", CG_TYPE_SECRET_API_KEY, HEX, 40, 0},
    {"shippo_live_", CG_TYPE_SECRET_API_KEY, HEX, 40, 40},
    {"shippo_test_", CG_TYPE_SECRET_API_KEY, HEX, 40, 40},
    {"shpat_", CG_TYPE_SECRET_API_KEY, HEX, 32, 32},
    {"shpca_", CG_TYPE_SECRET_API_KEY, HEX, 32, 32},
    {"shppa_", CG_TYPE_SECRET_API_KEY, HEX, 32, 32},
    {"shpss_", CG_TYPE_SECRET_API_KEY, HEX, 32, 32},
    {"sk-svcacct-", CG_TYPE_SECRET_OPENAI_KEY, B64URL, 20, 0},
    {"sk-admin-", CG_TYPE_SECRET_OPENAI_KEY, B64URL, 20, 0},
    {"sk-or-v1-", CG_TYPE_SECRET_API_KEY, HEX, 32, 0},
    {"sk-None-", CG_TYPE_SECRET_OPENAI_KEY, B64URL, 20, 0},
    {"sk-kimi-", CG_TYPE_SECRET_API_KEY, ALNUM, 40, 0},
    {"sk-proj-", CG_TYPE_SECRET_OPENAI_KEY, B64URL, 20, 0},
    {"sk_live_", CG_TYPE_SECRET_STRIPE_KEY, ALNUM, 16, 0},
    {"sk_test_", CG_TYPE_SECRET_STRIPE_KEY, ALNUM, 16, 0},
    {"sk-ant-", CG_TYPE_SECRET_ANTHROPIC_KEY, B64URL, 24, 0},
    {"sk-lf-", CG_TYPE_SECRET_API_KEY, B64URL, 36, 36},
    {"sk-", CG_TYPE_SECRET_OPENAI_KEY, ALNUM, 20, 0},
    {"sk_", CG_TYPE_SECRET_API_KEY, HEX, 48, 48},
    {"sntrys_", CG_TYPE_SECRET_API_KEY, B64URL, 40, 0},
    {"sntryu_", CG_TYPE_SECRET_API_KEY, HEX, 64, 64},
    {"sq0atp-", CG_TYPE_SECRET_API_KEY, B64URL, 22, 22},
    {"sq0csp-", CG_TYPE_SECRET_API_KEY, B64URL, 43, 43},
    {"tfp_", CG_TYPE_SECRET_API_KEY, B64URL, 40, 0},
    {"tgp_v1_", CG_TYPE_SECRET_API_KEY, B64URL, 40, 0},
    {"tskey-", CG_TYPE_SECRET_API_KEY, B64URL, 24, 0},
    {"tvly-", CG_TYPE_SECRET_API_KEY, B64URL, 28, 0},
    {"vck_", CG_TYPE_SECRET_API_KEY, ALNUM, 40, 0},
    {"vcp_", CG_TYPE_SECRET_API_KEY, ALNUM, 40, 0},
    {"wandb_v1_", CG_TYPE_SECRET_API_KEY, WORD, 40, 0},
    {"whsec_", CG_TYPE_SECRET_STRIPE_KEY, ALNUM, 24, 0},
    {"xapp-", CG_TYPE_SECRET_SLACK_TOKEN, B64URL, 24, 0},
    {"xai-", CG_TYPE_SECRET_API_KEY, ALNUM, 60, 0},
    {"xkeysib-", CG_TYPE_SECRET_API_KEY, HEX, 64, 0},
    {"xoxa-", CG_TYPE_SECRET_SLACK_TOKEN, B64URL, 20, 0},
    {"xoxb-", CG_TYPE_SECRET_SLACK_TOKEN, B64URL, 20, 0},
    {"xoxc-", CG_TYPE_SECRET_SLACK_TOKEN, B64URL, 20, 0},
    {"xoxd-", CG_TYPE_SECRET_SLACK_TOKEN, B64URL, 20, 0},
    {"xoxe-", CG_TYPE_SECRET_SLACK_TOKEN, B64URL, 20, 0},
    {"xoxo-", CG_TYPE_SECRET_SLACK_TOKEN, B64URL, 20, 0},
    {"xoxp-", CG_TYPE_SECRET_SLACK_TOKEN, B64URL, 20, 0},
    {"xoxr-", CG_TYPE_SECRET_SLACK_TOKEN, B64URL, 20, 0},
    {"xoxs-", CG_TYPE_SECRET_SLACK_TOKEN, B64URL, 20, 0},
    {"ya29.", CG_TYPE_SECRET_GCP_KEY, B64URL, 30, 0},
};
// clang-format on
#define KEYS (sizeof keys / sizeof keys[0])

/* Second characters of the prefixes, by the first: most words end here. */
static const char *const seconds[128] = {
    ['A'] = "3BCGIKST", ['C'] = "FL",      ['E'] = "AZ",      ['F'] = "Ll",
    ['G'] = "OR",       ['H'] = "R",       ['L'] = "T",       ['N'] = "R",
    ['P'] = "M",        ['S'] = "CG",      ['a'] = "p",       ['b'] = "c",
    ['c'] = "is",       ['d'] = "acoptu",  ['e'] = "sy",      ['f'] = "cimow",
    ['g'] = "hils",     ['h'] = "fv",      ['j'] = "i",       ['k'] = "e",
    ['l'] = "ils",      ['m'] = "d",       ['n'] = "afptv",   ['o'] = "py",
    ['p'] = "achnpsuy", ['r'] = "8dknpuz", ['s'] = "beghknq", ['t'] = "fgsv",
    ['v'] = "c",        ['w'] = "ah",      ['x'] = "ako",     ['y'] = "a",
};

bool cg_may_be_key(unsigned first, unsigned second)
{
    const char *list = first < 128 ? seconds[first] : NULL;
    while (list && *list && (unsigned char)*list != second) {
        list++;
    }
    return list && *list;
}

static bool is_of(unsigned c, int alphabet)
{
    switch (alphabet) {
    case ALNUM:
        return cg_is(c, CG_C_ALNUM);
    case B64URL:
        return cg_is(c, CG_C_B64URL);
    case HEX:
        return cg_is(c, CG_C_HEX);
    case UPPER_DIGIT:
        return cg_is(c, CG_C_UPPER | CG_C_DIGIT);
    case LOWER_DIGIT:
        return cg_is(c, CG_C_LOWER | CG_C_DIGIT);
    default:
        return cg_is(c, CG_C_ALNUM) || c == '_';
    }
}

/* Words people write where a key should stand; in one case, for among random
 * letters of both cases they come about by chance. */
static bool has_stop_word(const char *body, int len)
{
    static const char *const words[32] = {
        ['e' & 31] = "example",  ['y' & 31] = "your",
        ['x' & 31] = "xxxx",     ['p' & 31] = "placeholder",
        ['c' & 31] = "changeme", ['s' & 31] = "sample",
        ['d' & 31] = "dummy",    ['r' & 31] = "redacted",
        ['i' & 31] = "insert",   ['f' & 31] = "fake"};
    for (int i = 0; i + 4 <= len; i++) {
        const char *word = words[body[i] & 31];
        bool is_inside = i > 0 && cg_is((unsigned char)body[i - 1], CG_C_ALNUM);
        if (!word || (is_inside && (word[0] == 'y' || word[0] == 'f'))) {
            continue; /* four letters come about by chance */
        }
        int change = body[i] ^ word[0]; /* 0: small letters, 32: capitals */
        int k = 0;
        while (i + k < len && word[k] && (body[i + k] ^ word[k]) == change) {
            k++;
        }
        if (word[k] == 0 && (change == 0 || change == 32)) {
            return true;
        }
    }
    return false;
}

bool cg_is_random(const char *body, int len, bool is_hex)
{
    uint64_t seen[2] = {0};
    int run = 1;
    int longest = 1;
    int ups = 0; /* characters that follow their alphabetic neighbour */
    unsigned classes = 0;
    int before = -1;
    for (int i = 0; i < len; i++) {
        int c = body[i];
        seen[c >> 6 & 1] |= UINT64_C(1) << (c & 63);
        classes |= cg_class[c & 127];
        run = c == before ? run + 1 : 1;
        longest = run > longest ? run : longest;
        ups += c == before + 1 && i > 0;
        before = c;
    }
    int distinct =
        __builtin_popcountll(seen[0]) + __builtin_popcountll(seen[1]);
    bool has_digit = classes & CG_C_DIGIT;
    bool has_upper = classes & CG_C_UPPER;
    bool has_lower = classes & CG_C_LOWER;
    bool is_mixed = has_digit ? has_upper || has_lower : has_upper && has_lower;
    return is_mixed && distinct >= (len >= 20 ? 8 : 6) &&
           longest < (is_hex || len > 40 ? 7 : 5) && ups * 2 < len &&
           !has_stop_word(body, len);
}

/* Capital letters alone may be a key too, if they are many different ones. */
static bool has_many_letters(const char *body, int len)
{
    uint32_t seen = 0;
    int distinct = 0;
    for (int i = 0; i < len; i++) {
        uint32_t bit = 1u << (body[i] & 31);
        distinct += !(seen & bit);
        seen |= bit;
    }
    return distinct >= 9 && !has_stop_word(body, len);
}

#define BODY_MAX 64 /* characters looked at for disorder */

static int read_body(cg_window_t *w, uint32_t at, int alphabet, int most,
                     char *body)
{
    int len = 0;
    while (len < most && is_of(cg_at(w, at + (uint32_t)len), alphabet)) {
        body[len] = (char)cg_at(w, at + (uint32_t)len);
        len++;
    }
    return len;
}

/* SG.<22>.<43> */
static uint32_t read_sendgrid(cg_window_t *w, uint32_t at)
{
    char body[BODY_MAX];
    if (cg_at(w, at) != '.') {
        return 0;
    }
    int len = read_body(w, at + 1, B64URL, 43, body);
    return len == 43 && cg_is_random(body, len, false) ? at + 44 : 0;
}

static bool try_key(cg_window_t *w, uint32_t start, const issued_t *key)
{
    char body[BODY_MAX];
    uint32_t at = start;
    for (const char *p = key->prefix; *p; p++, at++) {
        if (cg_at(w, at) != (unsigned char)*p) {
            return false;
        }
    }
    int most = key->exact ? key->exact : BODY_MAX;
    int len = read_body(w, at, key->alphabet, most, body);
    if (len < key->min) {
        return false;
    }
    uint32_t end = at + key->min;
    bool is_italic = cg_at(w, end) == '_' && cg_before(w, start) == '_' &&
                     !cg_is(cg_at(w, end + 1), CG_C_B64URL);
    if (key->exact && is_of(cg_at(w, end), key->alphabet) && !is_italic) {
        return false;
    }
    if (!cg_is_random(body, len, key->alphabet == HEX) &&
        !(key->alphabet == UPPER_DIGIT && has_many_letters(body, len))) {
        return false;
    }
    if (key->type == CG_TYPE_SECRET_SENDGRID_KEY) {
        end = read_sendgrid(w, end);
        if (end == 0) {
            return false;
        }
    }
    cg_candidate_plain(w, start, end, key->type, 100, -1,
                       key->exact ? CG_SWALLOW_NONE : CG_SWALLOW_TOKEN);
    return true;
}

/* Does a JOSE header begin here? Its first members are few (RFC 7515 4.1). */
static bool is_jose(const char *b64, int len)
{
    static const char members[] = "alg typ kid enc cty x5t x5c jku jwk zip ";
    char text[49];
    int out = 0;
    for (int i = 0; i + 3 < len && out < 46; i += 4) {
        uint32_t bits = 0;
        for (int k = 0; k < 4; k++) {
            bits =
                bits << 6 | (uint32_t)cg_b64_value((unsigned char)b64[i + k]);
        }
        text[out++] = (char)(bits >> 16 & 127);
        text[out++] = (char)(bits >> 8 & 127);
        text[out++] = (char)(bits & 127);
    }
    for (int i = 0; i + 4 < out; i++) {
        if (text[i] != '"' || text[i + 4] != '"') {
            continue;
        }
        for (const char *p = members; *p; p += 4) {
            if (memcmp(p, text + i + 1, 3) == 0) {
                return true;
            }
        }
    }
    return false;
}

#define JWT_HEAD 36 /* characters that show a JOSE header */

static void try_jwt(cg_window_t *w, uint32_t start)
{
    char body[BODY_MAX];
    int len = read_body(w, start, B64URL, JWT_HEAD, body);
    if (len < 16) {
        return;
    }
    uint32_t end = start + (uint32_t)len;
    if (len < JWT_HEAD &&
        (cg_at(w, end) != '.' || !cg_is(cg_at(w, end + 1), CG_C_B64URL))) {
        return;
    }
    if (is_jose(body, len)) {
        cg_candidate_plain(w, start, end, CG_TYPE_SECRET_JWT, 100, -1,
                           CG_SWALLOW_TOKEN);
    }
}

/* Where the prefixes with this first character begin. */
static size_t first_with(unsigned first)
{
    size_t low = 0;
    size_t high = KEYS;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if ((unsigned char)keys[mid].prefix[0] < first) {
            low = mid + 1;
        }
        else {
            high = mid;
        }
    }
    return low;
}

void cg_scan_key(cg_window_t *w, uint32_t start)
{
    unsigned first = cg_at(w, start);
    if (cg_is(cg_before(w, start), CG_C_ALNUM)) {
        return;
    }
    if (first == 'e' && cg_at(w, start + 1) == 'y' &&
        cg_at(w, start + 2) == 'J') {
        try_jwt(w, start);
        return;
    }
    unsigned second = cg_at(w, start + 1);
    for (size_t i = first_with(first);
         i < KEYS && (unsigned char)keys[i].prefix[0] == first; i++) {
        if ((unsigned char)keys[i].prefix[1] == second &&
            try_key(w, start, &keys[i])) {
            return;
        }
    }
}

/* ---- private keys ---- */

static bool is_b64(unsigned c)
{
    return cg_is(c, CG_C_ALNUM) || c == '+' || c == '/' || c == '=';
}

/* Blanks, line ends, also written \n, and the quotes of source code. */
static uint32_t skip_between(cg_window_t *w, uint32_t i, uint32_t most)
{
    uint32_t stop = i + most;
    while (i < stop) {
        unsigned c = cg_at(w, i);
        if (c == '\\' && strchr("nrt\\\"", (int)cg_at(w, i + 1)) &&
            cg_at(w, i + 1)) {
            i += 2;
            continue;
        }
        if (c == 0 || !strchr(" \t\r\n\"',>|", (int)c)) {
            break;
        }
        i++;
    }
    return i;
}

static bool is_text_at(cg_window_t *w, uint32_t i, const char *text)
{
    for (; *text; text++, i++) {
        if (cg_at(w, i) != (unsigned char)*text) {
            return false;
        }
    }
    return true;
}

/* A header line of an encrypted or PGP key: "Proc-Type: 4,ENCRYPTED". */
static bool is_pem_header(cg_window_t *w, uint32_t i)
{
    return is_text_at(w, i, "Proc-Type:") || is_text_at(w, i, "DEK-Info:") ||
           is_text_at(w, i, "Version:") || is_text_at(w, i, "Comment:") ||
           is_text_at(w, i, "Hash:");
}

#define PEM_TOKEN_MIN 16

void cg_scan_pem(cg_window_t *w, uint32_t start)
{
    uint32_t i = start;
    if (cg_before(w, start) == '-' || !is_text_at(w, i, "-----BEGIN ")) {
        return;
    }
    i += 11;
    uint32_t name = i;
    while (i < name + 40 && (cg_is(cg_at(w, i), CG_C_UPPER | CG_C_DIGIT) ||
                             cg_at(w, i) == ' ')) {
        i++;
    }
    static const char suffix[] = "PRIVATE KEY";
    static const char block[] = "PRIVATE KEY BLOCK";
    bool is_key = (i >= name + 11 && is_text_at(w, i - 11, suffix)) ||
                  (i >= name + 17 && is_text_at(w, i - 17, block));
    if (!is_key || !is_text_at(w, i, "-----")) {
        return;
    }
    i = skip_between(w, i + 5, 24);
    uint32_t body = i;
    while (i < body + PEM_TOKEN_MIN && is_b64(cg_at(w, i))) {
        i++;
    }
    if (i < body + PEM_TOKEN_MIN && !is_pem_header(w, body)) {
        return;
    }
    cg_candidate_plain(w, start, body, CG_TYPE_SECRET_PRIVATE_KEY, 100, -1,
                       CG_SWALLOW_PEM);
}

/* After -----END: up to and with the closing dashes. */
static uint32_t read_pem_end(cg_window_t *w, uint32_t i)
{
    uint32_t stop = i + 64;
    for (i += 8; i < stop; i++) {
        unsigned c = cg_at(w, i);
        if (c == '-') {
            while (i < stop && cg_at(w, i) == '-') {
                i++;
            }
            return i;
        }
        if (c != ' ' && !cg_is(c, CG_C_UPPER | CG_C_DIGIT)) {
            return i;
        }
    }
    return i;
}

/* One token of a key's body, or what ends it. Returns where it goes on. */
static uint32_t step_pem(cg_window_t *w, uint32_t at, uint8_t *state,
                         bool *is_over)
{
    uint32_t i = skip_between(w, at, 24);
    if (is_text_at(w, i, "-----END")) {
        *is_over = true;
        return read_pem_end(w, i);
    }
    if (is_pem_header(w, i)) {
        while (cg_at(w, i) && cg_at(w, i) != '\n' && i < at + 96) {
            i++;
        }
        return i;
    }
    uint32_t token = i;
    while (is_b64(cg_at(w, i)) && i < token + PEM_TOKEN_MIN) {
        i++;
    }
    bool is_long = i == token + PEM_TOKEN_MIN;
    if (is_long || (i > token && *state)) {
        *state = is_long;
        return i;
    }
    if (i > token && is_text_at(w, skip_between(w, i, 24), "-----END")) {
        return i;
    }
    *is_over = true;
    return at;
}

/* A token's next character; a dot only between two of them (JWT). */
static uint32_t step_token(cg_window_t *w, uint32_t at, bool *is_over)
{
    unsigned c = cg_at(w, at);
    if (cg_is(c, CG_C_B64URL) ||
        (c == '.' && cg_is(cg_at(w, at + 1), CG_C_B64URL))) {
        return at + 1;
    }
    *is_over = true;
    return at;
}

uint32_t cg_swallow(cg_window_t *w, cg_swallow_t kind, uint32_t at,
                    uint8_t *state, bool *is_over)
{
    *is_over = false;
    while (at < w->n && !*is_over) {
        cg_begin(w, at);
        uint8_t next_state = *state;
        uint32_t next = kind == CG_SWALLOW_PEM
                            ? step_pem(w, at, &next_state, is_over)
                            : step_token(w, at, is_over);
        if (!w->is_final && w->reach > w->n && w->limit == w->n) {
            *is_over = false;
            break;
        }
        *state = next_state;
        at = next;
    }
    if (at >= w->n && w->is_final) {
        *is_over = true;
    }
    return at;
}
