/* How many tokens is a picture?
 * SPDX-License-Identifier: Apache-2.0
 *
 * Two rules. Tiles: the picture is made to fit 2048 by 2048, then its shorter side
 * is brought down to 768; it costs a base and so much for each square of 512. Patches:
 * squares of 32, at most 1,536 of them, to which a larger picture is shrunk; they
 * cost a factor. The numbers are OpenAI's, and dated: usage corrects them.
 */
#include "chat/picture.h"

#include <math.h>
#include <string.h>

#define FIT 2048.0
#define SHORT_SIDE 768.0
#define TILE 512.0
#define TILES_MAX 8
#define PATCH 32.0
#define PATCHES_MAX 1536

typedef struct rule_t {
    const char *model;
    int64_t base;     /* of tiles ... */
    int64_t per_tile; /* ... 0: patches */
    int64_t percent;  /* of a token for each patch */
} rule_t;

// clang-format off
static const rule_t RULES[] = { /* the first that fits */
    { "gpt-4o-mini",          2833, 5667, 0 },
    { "gpt-4.1-mini",         0, 0, 162 },
    { "gpt-4.1-nano",         0, 0, 246 },
    { "gpt-5-mini",           0, 0, 162 },
    { "gpt-5-nano",           0, 0, 246 },
    { "o4-mini",              0, 0, 172 },
    { "gpt-5",                70, 140, 0 },
    { "o1",                   75, 150, 0 },
    { "o3",                   75, 150, 0 },
    { "computer-use-preview", 65, 129, 0 },
    { "",                     85, 170, 0 },
};
// clang-format on

static const rule_t *rule_of(cg_str_t model)
{
    const rule_t *rule = RULES;
    while (!cg_str_has_prefix(model, rule->model)) {
        rule++;
    }
    return rule;
}

static double least(double a, double b)
{
    return a < b ? a : b;
}

static int64_t tiles(double width, double height)
{
    double fit = least(1.0, FIT / (width > height ? width : height));
    width *= fit;
    height *= fit;
    double shrink = least(1.0, SHORT_SIDE / least(width, height));
    return (int64_t)(ceil(width * shrink / TILE) *
                     ceil(height * shrink / TILE));
}

/* Made to fit as well; over the bound it is shrunk so that the area is right, then a
 * little more, until one side is a whole number of patches. */
static int64_t patches(double width, double height)
{
    double longer = width > height ? width : height;
    if (longer > FIT) {
        width = fmax(round(width * FIT / longer), 1.0);
        height = fmax(round(height * FIT / longer), 1.0);
    }
    double count = ceil(width / PATCH) * ceil(height / PATCH);
    if (count <= PATCHES_MAX) {
        return (int64_t)count;
    }
    double shrink = sqrt(PATCH * PATCH * PATCHES_MAX / (width * height));
    double across = width * shrink / PATCH;
    double down = height * shrink / PATCH;
    shrink *= least(floor(across) / across, floor(down) / down);
    /* A whole number that came out a hair above itself is that number. */
    count = ceil(width * shrink / PATCH - 1e-9) *
            ceil(height * shrink / PATCH - 1e-9);
    return (int64_t)least(count, PATCHES_MAX);
}

int64_t cg_chat_picture_tokens(cg_str_t model, uint32_t width, uint32_t height,
                               bool is_low)
{
    const rule_t *rule = rule_of(model);
    bool is_unknown = width == 0 || height == 0;
    if (rule->per_tile == 0) {
        int64_t count = is_unknown ? PATCHES_MAX : patches(width, height);
        return (count * rule->percent + 99) / 100;
    }
    if (is_low) {
        return rule->base;
    }
    int64_t count = is_unknown ? TILES_MAX : tiles(width, height);
    return rule->base + rule->per_tile * count;
}
