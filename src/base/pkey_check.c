/* Keys that sign and verify: which are weak, and so are none.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/pkey_int.h"

#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>

#define RSA_BITS_MIN 2048

/* ---- ROCA ------------------------------------------------------------- */

/* Primes of the weak generator are k*M + (65537^a mod M), M the product of small
 * primes; so a modulus is, for each of these, a power of 65537. A sound one is so
 * for all of them once in 2^27. */
static const unsigned char roca_primes[] = {
    3,   5,   7,   11,  13,  17,  19,  23,  29,  31,  37,  41,  43,
    47,  53,  59,  61,  67,  71,  73,  79,  83,  89,  97,  101, 103,
    107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167};

static bool is_power_of_65537(unsigned rest, unsigned prime)
{
    unsigned power = 1;
    for (unsigned i = 0; i < prime; i++) {
        if (power == rest) {
            return true;
        }
        power = power * (65537 % prime) % prime;
    }
    return false;
}

static bool is_roca(const BIGNUM *n)
{
    for (size_t i = 0; i < sizeof roca_primes; i++) {
        BN_ULONG rest = BN_mod_word(n, roca_primes[i]);
        if (!is_power_of_65537((unsigned)rest, roca_primes[i])) {
            return false;
        }
    }
    return true;
}

/* ---- RSA and EC -------------------------------------------------------- */

/* NULL: nothing is wrong with it. */
static const char *rsa_fault(const EVP_PKEY *evp)
{
    BIGNUM *n = NULL;
    BIGNUM *e = NULL;
    const char *fault = "the key has no modulus or exponent";
    if (EVP_PKEY_get_bn_param(evp, OSSL_PKEY_PARAM_RSA_N, &n) == 1 &&
        EVP_PKEY_get_bn_param(evp, OSSL_PKEY_PARAM_RSA_E, &e) == 1) {
        fault = BN_num_bits(n) < RSA_BITS_MIN
                    ? "an RSA key of less than 2048 bits"
                : BN_num_bits(n) > CG_PKEY_RSA_BITS_MAX
                    ? "an RSA key of more than 8192 bits"
                : !BN_is_odd(n) ? "an even RSA modulus"
                : !BN_is_odd(e) ? "an even RSA exponent"
                : BN_is_one(e)  ? "an RSA exponent of 1"
                : BN_num_bytes(e) > CG_PKEY_RSA_E_BYTES_MAX
                    ? "an RSA exponent of more than 64 bits"
                : is_roca(n) ? "an RSA modulus of a weak generator (ROCA)"
                             : NULL;
    }
    BN_free(n);
    BN_free(e);
    return fault;
}

/* On its curve and in range, as libcrypto itself checks it. */
static const char *point_fault(EVP_PKEY *evp)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, evp, NULL);
    bool is_sound = ctx && EVP_PKEY_public_check(ctx) == 1;
    EVP_PKEY_CTX_free(ctx);
    return is_sound ? NULL : "a public key that is not on its curve";
}

/* ---- Ed25519 ----------------------------------------------------------- */

/* A public key of 32 bytes is y, the lowest byte first, and one bit of x; the
 * curve is -x^2 + y^2 = 1 + d*x^2*y^2 modulo p = 2^255 - 19 (RFC 8032 section 5.1).
 * libcrypto looks at none of this before it verifies. With a key of small order
 * anybody makes a signature that holds for most any text. */
static const char ed_p[] =
    "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffed";
static const char ed_d[] =
    "52036cee2b6ffe738cc740797779e89800700a4d4141d8ab75eb4dca135978a3";

/* lives in: the stack of ed_fault; its numbers are its context's */
typedef struct ed_t {
    BN_CTX *ctx;
    BIGNUM *p, *d, *y, *yy, *u, *v, *w;
} ed_t;

static bool ed_open(ed_t *ed)
{
    ed->ctx = BN_CTX_new();
    if (!ed->ctx) {
        return false;
    }
    BN_CTX_start(ed->ctx);
    BIGNUM **all[] = {&ed->p, &ed->d, &ed->y, &ed->yy, &ed->u, &ed->v, &ed->w};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        *all[i] = BN_CTX_get(ed->ctx);
    }
    return ed->w && BN_hex2bn(&ed->p, ed_p) && BN_hex2bn(&ed->d, ed_d);
}

/* u = y^2 - 1 and v = d*y^2 + 1, so that x^2 = u/v; w = u*v, a square as u/v is. */
static bool ed_solve(ed_t *ed)
{
    return BN_mod_sqr(ed->yy, ed->y, ed->p, ed->ctx) &&
           BN_mod_sub(ed->u, ed->yy, BN_value_one(), ed->p, ed->ctx) &&
           BN_mod_mul(ed->v, ed->d, ed->yy, ed->p, ed->ctx) &&
           BN_mod_add(ed->v, ed->v, BN_value_one(), ed->p, ed->ctx) &&
           BN_mod_mul(ed->w, ed->u, ed->v, ed->p, ed->ctx);
}

/* Orders 1 and 2 have x = 0, order 4 has y = 0; twice a point of order 8 has
 * y = 0, which is x^2 = -y^2, so that y^2 * (v + 1) = 1. */
static bool ed_is_small(ed_t *ed)
{
    return BN_is_zero(ed->u) || BN_is_zero(ed->y) ||
           (BN_mod_add(ed->w, ed->v, BN_value_one(), ed->p, ed->ctx) &&
            BN_mod_mul(ed->w, ed->w, ed->yy, ed->p, ed->ctx) &&
            BN_is_one(ed->w));
}

static const char *ed_fault(const EVP_PKEY *evp)
{
    unsigned char raw[32];
    size_t len = sizeof raw;
    ed_t ed = {NULL};
    const char *fault = "an Ed25519 key that cannot be read";
    if (EVP_PKEY_get_raw_public_key(evp, raw, &len) == 1 && ed_open(&ed)) {
        raw[31] &= 0x7F; /* the bit of x */
        bool is_read = BN_lebin2bn(raw, sizeof raw, ed.y) && ed_solve(&ed);
        fault = !is_read ? fault
                : BN_cmp(ed.y, ed.p) >= 0
                    ? "an Ed25519 key that is not written the only way"
                : BN_kronecker(ed.w, ed.p, ed.ctx) < 0
                    ? "a public key that is not on its curve"
                : ed_is_small(&ed) ? "an Ed25519 key of small order"
                                   : NULL;
    }
    if (ed.ctx) {
        BN_CTX_end(ed.ctx);
    }
    BN_CTX_free(ed.ctx);
    return fault;
}

/* ---- all kinds ---------------------------------------------------------- */

static bool find_curve(const EVP_PKEY *evp, cg_pkey_kind_t *out)
{
    static const struct {
        const char *name;
        cg_pkey_kind_t kind;
    } curves[] = {{"prime256v1", CG_PKEY_P256},
                  {"secp384r1", CG_PKEY_P384},
                  {"secp521r1", CG_PKEY_P521}};
    char name[40] = "";
    EVP_PKEY_get_utf8_string_param(evp, OSSL_PKEY_PARAM_GROUP_NAME, name,
                                   sizeof name, NULL);
    for (size_t i = 0; i < sizeof curves / sizeof *curves; i++) {
        if (strcmp(name, curves[i].name) == 0) {
            *out = curves[i].kind;
            return true;
        }
    }
    return false;
}

static bool find_kind(const EVP_PKEY *evp, cg_pkey_kind_t *out)
{
    if (EVP_PKEY_is_a(evp, "EC")) {
        return find_curve(evp, out);
    }
    *out = EVP_PKEY_is_a(evp, "RSA")       ? CG_PKEY_RSA
           : EVP_PKEY_is_a(evp, "RSA-PSS") ? CG_PKEY_RSA_PSS
                                           : CG_PKEY_ED25519;
    return *out != CG_PKEY_ED25519 || EVP_PKEY_is_a(evp, "ED25519");
}

const char *cg_pkey_fault(EVP_PKEY *evp, cg_pkey_kind_t *out_kind)
{
    if (!find_kind(evp, out_kind)) {
        return "a key of a kind that is not used here";
    }
    return *out_kind == CG_PKEY_RSA || *out_kind == CG_PKEY_RSA_PSS
               ? rsa_fault(evp)
           : *out_kind == CG_PKEY_ED25519 ? ed_fault(evp)
                                          : point_fault(evp);
}
