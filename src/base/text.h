/* Bytes with a length, a buffer that grows, UTF-8, and spellings of bytes.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A cg_str_t borrows: it never owns its bytes and is not NUL-terminated.
 * A cg_buf_t grows by doubling in its pool; its bytes live as long as the pool.
 */
#ifndef CG_BASE_TEXT_H
#define CG_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <apr_pools.h>

typedef struct cg_str_t {
    const char *ptr;
    size_t len;
} cg_str_t;

#define CG_STR(literal) ((cg_str_t){(literal), sizeof(literal) - 1})

cg_str_t cg_str(const char *cstr); /* NULL gives the empty string */
bool cg_str_equal(cg_str_t a, cg_str_t b);
bool cg_str_is(cg_str_t a, const char *cstr);
bool cg_str_is_nocase(cg_str_t a, const char *cstr); /* ASCII case only */
bool cg_str_has_prefix(cg_str_t a, const char *prefix);
char *cg_str_dup(cg_str_t a, apr_pool_t *pool); /* NUL-terminated copy */

typedef struct cg_buf_t {
    char *ptr;
    size_t len;
    size_t cap;
    apr_pool_t *pool;
} cg_buf_t;

/* cap is a first guess in bytes; 0 allocates nothing until the first append. */
void cg_buf_init(cg_buf_t *buf, size_t cap, apr_pool_t *pool);
void cg_buf_add(cg_buf_t *buf, const char *ptr, size_t len);
void cg_buf_str(cg_buf_t *buf, const char *cstr);
void cg_buf_char(cg_buf_t *buf, char c);
void cg_buf_int(cg_buf_t *buf, int64_t number); /* in decimal */
void cg_buf_fmt(cg_buf_t *buf, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Appends text as a JSON string with its quotes: escapes ", \, controls; other
 * bytes (UTF-8) as they are; invalid UTF-8 becomes U+FFFD. */
void cg_buf_json_string(cg_buf_t *buf, const char *ptr, size_t len);
/* The same without the quotes. */
void cg_buf_json_escape(cg_buf_t *buf, const char *ptr, size_t len);
char *cg_buf_cstr(cg_buf_t *buf); /* NUL-terminates (not counted in len) */

/* Decodes one code point at p < end; returns its length in bytes (1-4) and the
 * code point, or 0 for invalid UTF-8 (overlong, surrogate, > U+10FFFF, cut). */
int cg_utf8_decode(const char *p, const char *end, uint32_t *out_cp);
int cg_utf8_encode(uint32_t cp, char out[4]);    /* length 1-4 */
bool cg_utf8_valid(const char *ptr, size_t len); /* ASCII runs 8 bytes a step */
/* How many of the first len bytes end on a whole code point. */
size_t cg_utf8_whole(const char *ptr, size_t len);

/* Spellings. out must hold the stated size; results are NUL-terminated. */
void cg_hex_encode(const unsigned char *in, size_t len,
                   char *out); /* 2*len+1 */
bool cg_hex_decode(const char *in, size_t len, unsigned char *out); /* len/2 */
/* Base64url without padding, RFC 4648 section 5; (len*4+2)/3+1 bytes. */
size_t cg_b64url_encode(const unsigned char *in, size_t len, char *out);
/* Strict: no padding, no foreign character, no stray bits; false if not so. */
bool cg_b64url_decode(const char *in, size_t len, unsigned char *out,
                      size_t *out_len);

/* Whole decimal number without sign or blanks; false on anything else or on
 * overflow of int64. */
bool cg_parse_count(cg_str_t text, int64_t *out);
/* "10ms" "60s" "15min" "2h" "1d"; a bare number is seconds. Microseconds. */
bool cg_parse_duration(cg_str_t text, int64_t *out_micros);
/* "1024" "16K" "32M" "1G": bytes, powers of 1024. */
bool cg_parse_size(cg_str_t text, int64_t *out_bytes);
/* "5USD", "0.25USD", "5": micro-dollars (at most six decimals). */
bool cg_parse_money(cg_str_t text, int64_t *out_micros);

#endif
