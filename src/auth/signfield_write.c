/* Structured Fields (RFC 9651): each value in the one spelling that it has.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "auth/signfield.h"

void cg_sfv_write_base64(cg_buf_t *out, cg_str_t bytes)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "abcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t left = bytes.len - i;
        uint32_t word = (uint32_t)(unsigned char)bytes.ptr[i] << 16;
        word |= left > 1 ? (uint32_t)(unsigned char)bytes.ptr[i + 1] << 8 : 0;
        word |= left > 2 ? (uint32_t)(unsigned char)bytes.ptr[i + 2] : 0;
        cg_buf_char(out, letters[word >> 18]);
        cg_buf_char(out, letters[word >> 12 & 63]);
        cg_buf_char(out, left > 1 ? letters[word >> 6 & 63] : '=');
        cg_buf_char(out, left > 2 ? letters[word & 63] : '=');
    }
}

static void write_string(cg_buf_t *out, cg_str_t text)
{
    cg_buf_char(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '"' || text.ptr[i] == '\\') {
            cg_buf_char(out, '\\');
        }
        cg_buf_char(out, text.ptr[i]);
    }
    cg_buf_char(out, '"');
}

static void write_display(cg_buf_t *out, cg_str_t text)
{
    cg_buf_str(out, "%\"");
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c < 0x20 || c > 0x7E || c == '%' || c == '"') {
            cg_buf_fmt(out, "%%%02x", (unsigned char)c);
        }
        else {
            cg_buf_char(out, c);
        }
    }
    cg_buf_char(out, '"');
}

static void write_decimal(cg_buf_t *out, int64_t thousandths)
{
    int64_t size = thousandths < 0 ? -thousandths : thousandths;
    int part = (int)(size % 1000);
    int places = part % 100 == 0 ? 1 : part % 10 == 0 ? 2 : 3;
    for (int i = places; i < 3; i++) {
        part /= 10;
    }
    cg_buf_str(out, thousandths < 0 ? "-" : "");
    cg_buf_int(out, size / 1000);
    cg_buf_fmt(out, ".%0*d", places, part);
}

static void write_value(cg_buf_t *out, const cg_sfv_value_t *value)
{
    switch (value->kind) {
    case CG_SFV_INTEGER:
        cg_buf_int(out, value->number);
        break;
    case CG_SFV_DECIMAL:
        write_decimal(out, value->number);
        break;
    case CG_SFV_STRING:
        write_string(out, value->text);
        break;
    case CG_SFV_TOKEN:
        cg_buf_add(out, value->text.ptr, value->text.len);
        break;
    case CG_SFV_BYTES:
        cg_buf_char(out, ':');
        cg_sfv_write_base64(out, value->text);
        cg_buf_char(out, ':');
        break;
    case CG_SFV_BOOLEAN:
        cg_buf_str(out, value->number ? "?1" : "?0");
        break;
    case CG_SFV_DATE:
        cg_buf_char(out, '@');
        cg_buf_int(out, value->number);
        break;
    case CG_SFV_DISPLAY:
        write_display(out, value->text);
        break;
    }
}

static void write_parameters(cg_buf_t *out,
                             const cg_sfv_parameters_t *parameters)
{
    for (size_t i = 0; i < parameters->count; i++) {
        const cg_sfv_parameter_t *row = &parameters->rows[i];
        cg_buf_char(out, ';');
        cg_buf_add(out, row->name.ptr, row->name.len);
        if (row->value.kind != CG_SFV_BOOLEAN || row->value.number == 0) {
            cg_buf_char(out, '=');
            write_value(out, &row->value);
        }
    }
}

void cg_sfv_write_item(cg_buf_t *out, const cg_sfv_item_t *item)
{
    write_value(out, &item->value);
    write_parameters(out, &item->parameters);
}

void cg_sfv_write_list(cg_buf_t *out, const cg_sfv_member_t *member)
{
    cg_buf_char(out, '(');
    for (size_t i = 0; i < member->count; i++) {
        if (i > 0) {
            cg_buf_char(out, ' ');
        }
        cg_sfv_write_item(out, &member->items[i]);
    }
    cg_buf_char(out, ')');
    write_parameters(out, &member->parameters);
}
