/* Mail: an alert as a message for people.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "alert/mail.h"

#include <string.h>

#include <apr_base64.h>
#include <apr_strings.h>
#include <apr_time.h>

#include "base/fetch.h"

#define CRLF "\r\n"
#define WORD_BYTES 39 /* of text in one encoded word: at most 75 characters */
#define LINE_BYTES 57 /* of body in a line of 76 characters */
#define SUBJECT_BYTES_MAX 200

static const char *const prefix[] = {"[mod_chatgpt] ", "[mod_chatgpt 告警] "};

static void add_base64(cg_buf_t *out, const char *bytes, size_t len)
{
    char spelled[128];
    apr_base64_encode_binary(spelled, (const unsigned char *)bytes, (int)len);
    cg_buf_str(out, spelled);
}

/* A character is never cut in two, and a long subject is folded. */
static void add_subject(cg_buf_t *out, cg_str_t text)
{
    text.len = text.len > SUBJECT_BYTES_MAX
                   ? cg_utf8_whole(text.ptr, SUBJECT_BYTES_MAX)
                   : text.len;
    cg_buf_str(out, "Subject:");
    while (text.len > 0) {
        size_t len = text.len < WORD_BYTES
                         ? text.len
                         : cg_utf8_whole(text.ptr, WORD_BYTES);
        len = len ? len : 1; /* bytes that are no UTF-8 */
        cg_buf_str(out, " =?UTF-8?B?");
        add_base64(out, text.ptr, len);
        cg_buf_str(out, "?=" CRLF);
        text.ptr += len;
        text.len -= len;
    }
}

static void add_body(cg_buf_t *out, cg_str_t text)
{
    for (size_t at = 0; at < text.len; at += LINE_BYTES) {
        size_t left = text.len - at;
        add_base64(out, text.ptr + at, left < LINE_BYTES ? left : LINE_BYTES);
        cg_buf_str(out, CRLF);
    }
}

const char *cg_mail_text(const cg_alert_way_t *way, const cg_alert_t *alert,
                         apr_time_t now, apr_pool_t *pool)
{
    cg_buf_t out;
    char date[APR_RFC822_DATE_LEN];
    const char *domain = strchr(way->from, '@');
    const char *line =
        apr_pstrcat(pool, prefix[way->language],
                    cg_alert_line(alert, way->language, pool), NULL);
    const char *text = cg_alert_text(alert, way->language, pool);
    apr_rfc822_date(date, now);
    cg_buf_init(&out, 2048, pool);
    /* "GMT" is the obsolete spelling of the zone. */
    cg_buf_fmt(&out, "Date: %.*s +0000" CRLF,
               (int)(strlen(date) - sizeof " GMT" + 1), date);
    cg_buf_fmt(&out, "From: <%s>" CRLF, way->from);
    for (int i = 0; i < way->to->nelts; i++) {
        cg_buf_fmt(&out, "%s<%s>%s",
                   i ? " " : "To: ", APR_ARRAY_IDX(way->to, i, const char *),
                   i + 1 < way->to->nelts ? "," CRLF : CRLF);
    }
    add_subject(&out, cg_str(line));
    cg_buf_fmt(&out, "Message-ID: <%s%s>" CRLF, alert->id,
               domain ? domain : "@mod-chatgpt.invalid");
    cg_buf_str(&out,
               "Auto-Submitted: auto-generated" CRLF "MIME-Version: 1.0" CRLF
               "Content-Type: text/plain; charset=UTF-8" CRLF
               "Content-Transfer-Encoding: base64" CRLF CRLF);
    add_body(&out, cg_str(text));
    return cg_buf_cstr(&out);
}

apr_status_t cg_mail_send(const cg_alert_way_t *way, const cg_alert_t *alert,
                          apr_time_t now, const volatile int *stop,
                          cg_error_t *err, apr_pool_t *pool)
{
    int reply;
    cg_mail_t mail = {.url = way->url,
                      .from = way->from,
                      .to = way->to,
                      .text = cg_str(cg_mail_text(way, alert, now, pool)),
                      .user = way->user,
                      .password = way->password,
                      .authority = way->authority,
                      .total_for = way->total_for,
                      .stop = stop};
    return cg_fetch_mail(&mail, &reply, err, pool);
}
