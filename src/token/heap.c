/* Byte-pair encoding by merging, window by window: for pieces that are hard to guess.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A window is merged as tiktoken does it, the pair of the lowest rank first, which
 * a heap tells. Two windows overlap: the second begins where a token of the first
 * does. Both are rows of neighbours that stay apart, so when both have the same
 * token at the same place, the first up to there and the second from there on are
 * such a row as well, and that is the encoding of the whole.
 */
#include "token/heap.h"

#define WINDOW 1024
#define OVERLAP 64 /* bytes, at first */
#define NONE UINT16_MAX

/* lives in: the stack, for one window */
typedef struct window_t {
    const cg_vocabulary_t *vocabulary;
    uint32_t token[WINDOW]; /* that begins at a byte */
    uint32_t made[WINDOW];  /* by it and the one behind it */
    uint16_t next[WINDOW];  /* where that one begins; the length: nowhere */
    uint16_t before[WINDOW];
    size_t len;
    uint32_t heap[3 * WINDOW]; /* rank and place, the least first */
    size_t count;
} window_t;

/* 18 bits of rank and 10 of place; an entry that is out of date is known by the rank
 * that its place makes now. */
#define PLACE_BITS 10
_Static_assert(WINDOW == 1 << PLACE_BITS, "a place has its bits");

static void sink(window_t *window, size_t at, uint32_t entry)
{
    uint32_t *heap = window->heap;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= window->count) {
            break;
        }
        child += child + 1 < window->count && heap[child + 1] < heap[child];
        if (heap[child] >= entry) {
            break;
        }
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = entry;
}

static void push(window_t *window, uint32_t entry)
{
    uint32_t *heap = window->heap;
    size_t at = window->count++;
    while (at > 0 && heap[(at - 1) / 2] > entry) {
        heap[at] = heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap[at] = entry;
}

static uint32_t pop(window_t *window)
{
    uint32_t least = window->heap[0];
    window->count--;
    if (window->count > 0) {
        sink(window, 0, window->heap[window->count]);
    }
    return least;
}

static void open_window(window_t *window, const char *text, size_t len)
{
    const cg_vocabulary_t *vocabulary = window->vocabulary;
    const unsigned char *bytes = (const unsigned char *)text;
    window->len = len;
    window->count = 0;
    for (size_t i = 0; i < len; i++) {
        window->token[i] = vocabulary->bytes[bytes[i]];
        window->next[i] = (uint16_t)(i + 1);
        window->before[i] = i > 0 ? (uint16_t)(i - 1) : NONE;
        window->made[i] =
            i + 1 < len ? vocabulary->byte_pairs[bytes[i] << 8 | bytes[i + 1]]
                        : CG_TOKEN_NONE;
        if (window->made[i] != CG_TOKEN_NONE) {
            window->heap[window->count++] =
                window->made[i] << PLACE_BITS | (uint32_t)i;
        }
    }
    for (size_t i = window->count / 2; i > 0; i--) {
        sink(window, i - 1, window->heap[i - 1]);
    }
}

static void look_at(window_t *window, size_t at)
{
    size_t next = window->next[at];
    window->made[at] = CG_TOKEN_NONE;
    if (next < window->len) {
        window->made[at] = cg_pair_find(window->vocabulary, window->token[at],
                                        window->token[next]);
    }
    if (window->made[at] != CG_TOKEN_NONE) {
        push(window, window->made[at] << PLACE_BITS | (uint32_t)at);
    }
}

static void merge_all(window_t *window)
{
    while (window->count > 0) {
        uint32_t least = pop(window);
        size_t at = least & (WINDOW - 1);
        if (window->made[at] != least >> PLACE_BITS) {
            continue;
        }
        size_t gone = window->next[at];
        window->token[at] = window->made[at];
        window->made[gone] = CG_TOKEN_NONE;
        window->next[at] = window->next[gone];
        if (window->next[at] < window->len) {
            window->before[window->next[at]] = (uint16_t)at;
        }
        look_at(window, at);
        if (window->before[at] != NONE) {
            look_at(window, window->before[at]);
        }
    }
}

/* Where a token begins, the last one that does so at a place or before it. */
static size_t token_at(const window_t *window, size_t place)
{
    size_t at = 0;
    while (window->next[at] <= place) {
        at = window->next[at];
    }
    return at;
}

/* The tokens before a place at which one begins. */
static size_t take(const window_t *window, size_t stop, uint32_t *ids)
{
    size_t count = 0;
    for (size_t at = 0; at < stop; at = window->next[at]) {
        if (ids) {
            ids[count] = window->token[at];
        }
        count++;
    }
    return count;
}

static void merge(window_t *window, const char *text, size_t len)
{
    open_window(window, text, len < WINDOW ? len : WINDOW);
    merge_all(window);
}

/* Finds where the next window may begin: the token there is the same in both. 0:
 * nowhere. It is left in next. */
static size_t join(const window_t *window, window_t *next, const char *text,
                   size_t len)
{
    for (size_t overlap = OVERLAP; overlap < WINDOW; overlap *= 2) {
        size_t at = token_at(window, WINDOW - overlap);
        if (at == 0) {
            return 0;
        }
        merge(next, text + at, len - at);
        if (next->token[0] == window->token[at]) {
            return at;
        }
    }
    return 0;
}

size_t cg_token_merge_windows(const cg_vocabulary_t *vocabulary,
                              const char *piece, size_t len, uint32_t *ids)
{
    window_t windows[2];
    window_t *window = &windows[0];
    window_t *next = &windows[1];
    size_t count = 0;
    window->vocabulary = vocabulary;
    next->vocabulary = vocabulary;
    merge(window, piece, len);
    while (len > WINDOW) {
        size_t at = join(window, next, piece, len);
        if (at == 0) {
            return SIZE_MAX;
        }
        count += take(window, at, ids ? ids + count : NULL);
        piece += at;
        len -= at;
        window_t *done = window;
        window = next;
        next = done;
    }
    return count + take(window, len, ids ? ids + count : NULL);
}
