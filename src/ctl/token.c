/* chatgptctl token: tokens (JWT) made and tried without an issuer at hand.
 * SPDX-License-Identifier: Apache-2.0
 *
 * For tests of a configuration, and for programs that have no issuer of their own:
 * new-key makes a pair, mint signs with it, check says what the gateway would. The
 * only file that knows libjwt, of which version 1 signs what it knows (HS, RS, ES);
 * PS and EdDSA, and all with a later libjwt, whose calls are others, are signed by
 * pkey.h. Nothing is ever verified by libjwt (see auth/jwt.h).
 */
#include "ctl/ctl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <apr_strings.h>
#if CG_LIBJWT < 2
#include <jwt.h>
#endif

#include "auth/jwt.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/secret.h"

static const char usage[] =
    "usage: chatgptctl token new-key --alg ALG FILE\n"
    "         writes a private key to FILE and the public one to FILE.pub\n"
    "       chatgptctl token mint --alg ALG --key FILE --iss URL --aud NAME\n"
    "         --sub WHO [--for 1h] [--kid ID] [--typ TYPE] [--claim "
    "NAME=JSON]...\n"
    "         prints a token\n"
    "       chatgptctl token check NAME issuer=URL audience=NAME "
    "jwks=file:PATH...\n"
    "         the words of a ChatGPTIssuer; the token is read from standard "
    "input\n"
    "ALG: HS, RS, PS or ES with 256, 384 or 512, or EdDSA. With HS, FILE of "
    "mint\n"
    "holds the secret.\n";

#define VALID_FOR (3600 * APR_USEC_PER_SEC)
#define VALID_MOST (366 * 86400 * APR_USEC_PER_SEC)

/* lives in: main's pool */
typedef struct call_t {
    apr_pool_t *pool;
    cg_sig_alg_t alg;
    const char *path; /* of the key */
    const char *kid, *typ;
    apr_time_t valid_for;
    cg_json_t *claims;
} call_t;

static int complain(int status, const char *words)
{
    fprintf(stderr, "chatgptctl token: %s\n", words);
    return status;
}

static int misused(const char *words)
{
    complain(CG_CTL_USAGE, words);
    fputs(usage, stderr);
    return CG_CTL_USAGE;
}

/* ---- new-key ---------------------------------------------------------------- */

static bool write_new(const char *path, cg_str_t text, int mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    bool is_done =
        fd >= 0 && write(fd, text.ptr, text.len) == (ssize_t)text.len;
    if (fd >= 0) {
        is_done = close(fd) == 0 && is_done;
    }
    if (!is_done) {
        char why[120];
        apr_strerror(errno, why, sizeof why);
        fprintf(stderr, "chatgptctl token: cannot write %s: %s\n", path, why);
    }
    return is_done;
}

static int new_key(call_t *call)
{
    cg_error_t err = {""};
    cg_str_t secret, shown;
    if (!call->path || call->alg == CG_SIG_NONE) {
        return misused("new-key needs --alg and a FILE");
    }
    if (cg_pkey_generate(call->alg, &secret, &shown, &err, call->pool) !=
        APR_SUCCESS) {
        return complain(CG_CTL_USAGE, err.text);
    }
    const char *beside = apr_pstrcat(call->pool, call->path, ".pub", NULL);
    return write_new(call->path, secret, 0600) && write_new(beside, shown, 0644)
               ? CG_CTL_DONE
               : CG_CTL_NO;
}

/* ---- mint ------------------------------------------------------------------- */

/* NULL: libjwt cannot. Whatever typ it is given, it writes JWT. */
#if CG_LIBJWT < 2
static const char *mint_by_libjwt(const call_t *call, cg_str_t key,
                                  const char *claims)
{
    jwt_t *jwt = NULL;
    char *made = NULL;
    const char *token = NULL;
    jwt_alg_t alg = jwt_str_alg(cg_sig_alg_name(call->alg));
    if (alg == JWT_ALG_INVAL || call->typ || jwt_new(&jwt) != 0) {
        return NULL;
    }
    if (jwt_add_grants_json(jwt, claims) == 0 &&
        (!call->kid || jwt_add_header(jwt, "kid", call->kid) == 0) &&
        jwt_set_alg(jwt, alg, (const unsigned char *)key.ptr, (int)key.len) ==
            0) {
        made = jwt_encode_str(jwt);
    }
    if (made) {
        token = apr_pstrdup(call->pool, made);
        free(made);
    }
    jwt_free(jwt);
    return token;
}
#else
static const char *mint_by_libjwt(const call_t *call, cg_str_t key,
                                  const char *claims)
{
    (void)call;
    (void)key;
    (void)claims;
    return NULL;
}
#endif

static const char *part_of(cg_str_t bytes, apr_pool_t *pool)
{
    char *part = apr_palloc(pool, (bytes.len * 4 + 2) / 3 + 1);
    cg_b64url_encode((const unsigned char *)bytes.ptr, bytes.len, part);
    return part;
}

static const char *mint_by_pkey(const call_t *call, const cg_pkey_t *key,
                                const char *claims)
{
    cg_error_t unused;
    cg_str_t sig;
    cg_json_t *header = cg_json_object(call->pool);
    cg_json_set_str(header, "alg", cg_sig_alg_name(call->alg));
    cg_json_set_str(header, "typ", call->typ ? call->typ : "JWT");
    if (call->kid) {
        cg_json_set_str(header, "kid", call->kid);
    }
    const char *text = cg_json_dump(header, NULL, call->pool);
    const char *covered =
        apr_pstrcat(call->pool, part_of(cg_str(text), call->pool), ".",
                    part_of(cg_str(claims), call->pool), NULL);
    if (cg_pkey_sign(key, call->alg, cg_str(covered), &sig, &unused,
                     call->pool) != APR_SUCCESS) {
        return NULL;
    }
    return apr_pstrcat(call->pool, covered, ".", part_of(sig, call->pool),
                       NULL);
}

static cg_pkey_t *read_key(const call_t *call, cg_str_t *out, cg_error_t *err)
{
    cg_secret_t *file;
    if (cg_secret_load(call->path, &file, err, call->pool) != APR_SUCCESS) {
        return NULL;
    }
    *out = cg_secret_open(file);
    cg_pkey_t *key = cg_sig_alg_is_hmac(call->alg)
                         ? cg_pkey_from_secret(*out, err, call->pool)
                         : cg_pkey_from_pem(*out, err, call->pool);
    if (key && (!cg_pkey_fits(key, call->alg) || !cg_pkey_is_private(key))) {
        cg_error_set(err, "%s does not sign %s", call->path,
                     cg_sig_alg_name(call->alg));
        return NULL;
    }
    return key;
}

static int mint(call_t *call)
{
    static const char *const needed[] = {"iss", "aud", "sub"};
    cg_error_t err = {""};
    cg_str_t bytes;
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
        if (!cg_json_get(call->claims, needed[i])) {
            return misused("mint needs --iss, --aud and --sub");
        }
    }
    if (!call->path || call->alg == CG_SIG_NONE) {
        return misused("mint needs --alg and --key");
    }
    cg_pkey_t *key = read_key(call, &bytes, &err);
    if (!key) {
        return complain(CG_CTL_NO, err.text);
    }
    apr_time_t now = cg_clock_now();
    cg_json_set_int(call->claims, "iat", apr_time_sec(now));
    cg_json_set_int(call->claims, "exp", apr_time_sec(now + call->valid_for));
    const char *claims = cg_json_dump(call->claims, NULL, call->pool);
    const char *token = mint_by_libjwt(call, bytes, claims);
    token = token ? token : mint_by_pkey(call, key, claims);
    if (!token) {
        return complain(CG_CTL_NO, "the token could not be signed");
    }
    puts(token);
    return CG_CTL_DONE;
}

/* ---- check ------------------------------------------------------------------ */

static const char *same_path(const char *path, apr_pool_t *pool)
{
    return apr_pstrdup(pool, path);
}

/* One byte more than a token may have tells that it is too long. */
static cg_str_t read_token(apr_pool_t *pool)
{
    char *bytes = apr_palloc(pool, CG_JWT_BYTES_MAX + 2);
    size_t len = fread(bytes, 1, CG_JWT_BYTES_MAX + 2, stdin);
    while (len && (bytes[len - 1] == '\n' || bytes[len - 1] == '\r')) {
        len--;
    }
    return (cg_str_t){bytes, len};
}

static void print_verdict(const cg_claims_t *claims, const char *rule,
                          const char *issuer, apr_pool_t *pool)
{
    cg_error_t unused;
    cg_json_t *out = cg_json_object(pool);
    cg_json_set_bool(out, "accepted", rule == NULL);
    cg_json_set_str(out, "issuer", issuer);
    if (rule) {
        cg_json_set_str(out, "rule", rule);
        cg_json_set_str(out, "detail", cg_jwt_rule_words(rule));
    }
    else {
        char at[25];
        cg_clock_rfc3339(claims->expires_at, at);
        cg_json_set_str(out, "user", claims->sub);
        cg_json_set_str(out, "expires_at", at);
        cg_json_set(out, "claims",
                    cg_json_parse(claims->payload.ptr, claims->payload.len,
                                  &unused, pool));
    }
    puts(cg_json_dump(out, NULL, pool));
}

static int check(call_t *call, int argc, char **argv)
{
    cg_error_t err = {""};
    cg_issuer_rows_t rows;
    cg_claims_t claims;
    const char *rule;
    const char *issuer;
    apr_array_header_t *words = apr_array_make(call->pool, 8, sizeof(char *));
    apr_array_header_t *lines =
        apr_array_make(call->pool, 1, sizeof(apr_array_header_t *));
    for (int i = 0; i < argc; i++) {
        APR_ARRAY_PUSH(words, const char *) = argv[i];
    }
    APR_ARRAY_PUSH(lines, const apr_array_header_t *) = words;
    if (!cg_issuers_read(lines, same_path, &rows, &err, call->pool)) {
        return complain(CG_CTL_USAGE, err.text);
    }
    if (rows.rows[0].is_fetched) {
        return complain(CG_CTL_USAGE,
                        "check fetches nothing; say jwks=file:PATH");
    }
    cg_issuers_t *issuers = cg_issuers_make(&rows, NULL, NULL, call->pool);
    cg_jwt_verdict_t verdict =
        cg_jwt_try(issuers, read_token(call->pool), cg_clock_now(), &claims,
                   &rule, &issuer, call->pool);
    print_verdict(&claims, rule, issuer, call->pool);
    return verdict == CG_JWT_OK ? CG_CTL_DONE : CG_CTL_NO;
}

/* ---- options ----------------------------------------------------------------- */

/* NAME=JSON; what is no JSON is a string. */
static bool add_claim(call_t *call, const char *text)
{
    const char *equals = strchr(text, '=');
    if (!equals || equals == text) {
        return false;
    }
    const char *name =
        apr_pstrmemdup(call->pool, text, (apr_size_t)(equals - text));
    const char *wrapped = apr_pstrcat(call->pool, "[", equals + 1, "]", NULL);
    const cg_json_t *value =
        cg_json_parse(wrapped, strlen(wrapped), NULL, call->pool);
    if (value && cg_json_size(value) == 1) {
        cg_json_set(call->claims, name, cg_json_at(value, 0));
    }
    else {
        cg_json_set_str(call->claims, name, equals + 1);
    }
    return true;
}

static bool read_option(call_t *call, const char *name, const char *value)
{
    static const char *const claims[] = {"--iss", "--aud", "--sub"};
    for (size_t i = 0; i < sizeof claims / sizeof *claims; i++) {
        if (strcmp(name, claims[i]) == 0) {
            cg_json_set_str(call->claims, name + 2, value);
            return true;
        }
    }
    if (strcmp(name, "--alg") == 0) {
        return cg_sig_alg_find(cg_str(value), &call->alg);
    }
    if (strcmp(name, "--for") == 0) {
        return cg_parse_duration(cg_str(value), &call->valid_for) &&
               call->valid_for > 0 && call->valid_for <= VALID_MOST;
    }
    if (strcmp(name, "--claim") == 0) {
        return add_claim(call, value);
    }
    const char **text = strcmp(name, "--key") == 0   ? &call->path
                        : strcmp(name, "--kid") == 0 ? &call->kid
                        : strcmp(name, "--typ") == 0 ? &call->typ
                                                     : NULL;
    if (text) {
        *text = value;
    }
    return text != NULL;
}

static bool parse(call_t *call, int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        if (strncmp(argv[i], "--", 2) != 0) {
            call->path = argv[i];
        }
        else if (i + 1 >= argc || !read_option(call, argv[i], argv[i + 1])) {
            return false;
        }
        else {
            i++;
        }
    }
    return true;
}

static int run(call_t *call, int argc, char **argv)
{
    const char *command = argc > 1 ? argv[1] : "";
    if (strcmp(command, "--help") == 0 || strcmp(command, "-h") == 0) {
        fputs(usage, stdout);
        return CG_CTL_DONE;
    }
    if (strcmp(command, "check") == 0) {
        return check(call, argc - 2, argv + 2);
    }
    bool is_mint = strcmp(command, "mint") == 0;
    if (!is_mint && strcmp(command, "new-key") != 0) {
        return misused("there is mint, check and new-key");
    }
    if (!parse(call, argc - 2, argv + 2)) {
        return misused("an option is not understood");
    }
    return is_mint ? mint(call) : new_key(call);
}

int cg_ctl_token(int argc, char **argv)
{
    call_t call = {.valid_for = VALID_FOR};
    apr_pool_create(&call.pool, NULL);
    call.claims = cg_json_object(call.pool);
    int status = run(&call, argc, argv);
    apr_pool_destroy(call.pool);
    return status;
}
