/* Cells of CSV: read line by line, whatever a spreadsheet made of them.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "auth/keycells.h"

#include <string.h>

static bool is_line_end(char c)
{
    return c == '\n' || c == '\r';
}

static void pass_line_end(cg_cells_t *cells)
{
    bool is_pair = cells->rest.len > 1 && cells->rest.ptr[0] == '\r' &&
                   cells->rest.ptr[1] == '\n';
    cells->rest.ptr += 1 + is_pair;
    cells->rest.len -= 1 + (size_t)is_pair;
    cells->line++;
}

/* A spreadsheet computes what begins so; some also the wide forms that East Asian
 * keyboards write (U+FF0B, U+FF0D, U+FF1D, U+FF20). */
static bool is_formula(const char *cell)
{
    static const char *const wide[] = {"\xEF\xBC\x8B", "\xEF\xBC\x8D",
                                       "\xEF\xBC\x9D", "\xEF\xBC\xA0"};
    for (size_t i = 0; i < sizeof wide / sizeof wide[0]; i++) {
        if (strncmp(cell, wide[i], 3) == 0) {
            return true;
        }
    }
    return cell[0] && strchr("=+-@\t", cell[0]);
}

/* A cell that has marks of its own before a formula takes one more, so that taking
 * one away gives back what it was. */
bool cg_cells_needs_mark(const char *cell)
{
    return is_formula(cell + strspn(cell, "'"));
}

/* What a spreadsheet shows of '=1 is =1. */
static const char *without_mark(const char *cell)
{
    return cell[0] == '\'' && cg_cells_needs_mark(cell) ? cell + 1 : cell;
}

/* A quoted cell: "" stands for a quote, anything else for itself. False when it
 * does not end, or something follows its end. */
static bool read_quoted(cg_cells_t *cells, cg_buf_t *out)
{
    size_t i = 1;
    for (; i < cells->rest.len; i++) {
        char c = cells->rest.ptr[i];
        cells->line += c == '\n';
        if (c == '"' && i + 1 < cells->rest.len &&
            cells->rest.ptr[i + 1] == '"') {
            i++;
        }
        else if (c == '"') {
            break;
        }
        cg_buf_char(out, c);
    }
    if (i == cells->rest.len) {
        cells->rest.len = 0;
        return false;
    }
    cells->rest.ptr += i + 1;
    cells->rest.len -= i + 1;
    return cells->rest.len == 0 || cells->rest.ptr[0] == cells->comma ||
           is_line_end(cells->rest.ptr[0]);
}

static bool read_cell(cg_cells_t *cells, const char **out, apr_pool_t *pool)
{
    cg_buf_t cell;
    bool is_sound = true;
    cg_buf_init(&cell, 32, pool);
    if (cells->rest.len && cells->rest.ptr[0] == '"') {
        is_sound = read_quoted(cells, &cell);
    }
    size_t len = 0;
    while (len < cells->rest.len && cells->rest.ptr[len] != cells->comma &&
           !is_line_end(cells->rest.ptr[len])) {
        len++;
    }
    cg_buf_add(&cell, cells->rest.ptr, len);
    cells->rest.ptr += len;
    cells->rest.len -= len;
    *out = without_mark(cg_buf_cstr(&cell));
    return is_sound && !memchr(cell.ptr, '\0', cell.len);
}

static bool find_comma(cg_str_t line, char comma)
{
    size_t len = 0;
    while (len < line.len && !is_line_end(line.ptr[len])) {
        len++;
    }
    return len && memchr(line.ptr, comma, len);
}

void cg_cells_open(cg_cells_t *cells, cg_str_t text)
{
    *cells = (cg_cells_t){.rest = text, .line = 1};
    if (cg_str_has_prefix(text, "\xEF\xBB\xBF")) {
        cells->rest = (cg_str_t){text.ptr + 3, text.len - 3};
    }
    cg_cells_more(cells);
    bool is_semicolon =
        !find_comma(cells->rest, ',') && find_comma(cells->rest, ';');
    cells->comma = is_semicolon ? ';' : ',';
}

bool cg_cells_more(cg_cells_t *cells)
{
    while (cells->rest.len && is_line_end(cells->rest.ptr[0])) {
        pass_line_end(cells);
    }
    return cells->rest.len > 0;
}

int cg_cells_next(cg_cells_t *cells, const char **out, int most,
                  apr_pool_t *pool)
{
    int count = 0;
    bool is_sound = true;
    for (;;) {
        const char *cell;
        is_sound = read_cell(cells, &cell, pool) && is_sound;
        if (count < most) {
            out[count] = cell;
        }
        count++;
        if (cells->rest.len == 0 || is_line_end(cells->rest.ptr[0])) {
            break;
        }
        cells->rest.ptr++; /* the comma */
        cells->rest.len--;
    }
    if (cells->rest.len) {
        pass_line_end(cells);
    }
    return is_sound ? count : -1;
}
