/* make bench: how fast are tokens counted, at best, at worst and at length?
 * SPDX-License-Identifier: Apache-2.0
 *
 *   counts FOLDER speed FILE...   each file by each vocabulary, the best of rounds
 *   counts FOLDER runs            one character a hundred thousand and a million times
 *   counts FOLDER worst SECONDS   the slowest text that a search finds
 *
 * CPU time of one thread; a JSON line for each figure, which counts.mjs puts beside
 * those of npm tiktoken.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <apr_general.h>

#include "token/count.h"

#define ROUNDS 15
#define RUN_LONG 1000000
#define RUN_SHORT 100000
#define SEARCHED 16384

static cg_vocabularies_t vocabularies;

static double now_nanos(void)
{
    struct timespec at;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at);
    return (double)at.tv_sec * 1e9 + (double)at.tv_nsec;
}

static void give_up(const char *words)
{
    fprintf(stderr, "counts: %s\n", words);
    exit(1);
}

static double best_of(int encoding, cg_str_t text, int rounds, int64_t *out_count)
{
    double best = 1e18;
    for (int i = 0; i < rounds; i++) {
        double before = now_nanos();
        *out_count = cg_token_count(vocabularies.of[encoding], text);
        double took = now_nanos() - before;
        best = took < best ? took : best;
    }
    return best;
}

/* -- texts ------------------------------------------------------------------- */

static void speed(const char *path)
{
    static char bytes[8 << 20];
    FILE *file = fopen(path, "rb");
    if (!file)
        give_up(path);
    cg_str_t text = {bytes, fread(bytes, 1, sizeof bytes, file)};
    fclose(file);
    for (int i = 0; i < CG_ENCODING_COUNT; i++) {
        int64_t count;
        double took = best_of(i, text, ROUNDS, &count);
        printf("{\"file\":\"%s\",\"encoding\":\"%s\",\"bytes\":%zu,\"count\":%lld,\"nanos\":%.0f}\n", path,
               cg_encodings[i].name, text.len, (long long)count, took);
    }
}

/* -- one character ----------------------------------------------------------- */

static void runs(void)
{
    static const char *const units[] = {"a", " ", "\n", "-", "/", "=", "\xE4\xB8\xAD"};
    static const char *const names[] = {"a", "blank", "line break", "-", "/", "=", "zhong"};
    char *bytes = malloc(3 * RUN_LONG);
    for (size_t u = 0; bytes && u < sizeof units / sizeof units[0]; u++) {
        size_t len = strlen(units[u]);
        for (size_t i = 0; i < RUN_LONG; i++)
            memcpy(bytes + i * len, units[u], len);
        for (int e = 0; e < CG_ENCODING_COUNT; e++) {
            int64_t count;
            double brief = best_of(e, (cg_str_t){bytes, RUN_SHORT * len}, 5, &count);
            double whole = best_of(e, (cg_str_t){bytes, RUN_LONG * len}, 3, &count);
            printf("{\"run\":\"%s\",\"encoding\":\"%s\",\"bytes\":%zu,\"nanos\":%.0f,\"ratio\":%.2f}\n", names[u],
                   cg_encodings[e].name, RUN_LONG * len, whole, whole / brief);
        }
    }
    free(bytes);
}

/* -- the worst --------------------------------------------------------------- */

static uint64_t state = 88172645463325252u;

static uint32_t draw(uint32_t below)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 11) % below;
}

static const char LETTERS[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                              "-=*/_.#+~ \n\t'\",:;(){}[]<>!?0123456789";

/* Periods of few letters, few letters at random, and changes of the worst so far. */
static void invent(char *text, const char *worst)
{
    uint32_t period = 1 + draw(12);
    uint32_t kinds = 1 + draw(5);
    uint32_t first = draw(sizeof LETTERS - 1);
    uint32_t kind = draw(3);
    for (size_t i = 0; i < SEARCHED; i++) {
        bool is_again = kind == 0 && i >= period;
        text[i] = is_again ? text[i - period] : LETTERS[(first + draw(kinds)) % (sizeof LETTERS - 1)];
    }
    if (kind == 2) {
        memcpy(text, worst, SEARCHED);
        for (uint32_t n = draw(20); n > 0; n--) {
            uint32_t len = 1 + draw(64);
            memmove(text + draw(SEARCHED - 64), text + draw(SEARCHED - 64), len);
        }
    }
}

static void search(double seconds)
{
    static char text[SEARCHED], kept[CG_ENCODING_COUNT][SEARCHED];
    double worst[CG_ENCODING_COUNT] = {0};
    int64_t count;
    memset(kept, '-', sizeof kept);
    for (double before = now_nanos(); now_nanos() - before < seconds * 1e9;) {
        int e = (int)draw(CG_ENCODING_COUNT);
        invent(text, kept[e]);
        cg_str_t all = {text, SEARCHED};
        if (best_of(e, all, 1, &count) <= worst[e] * SEARCHED)
            continue;
        double took = best_of(e, all, 3, &count) / SEARCHED;
        if (took > worst[e]) {
            worst[e] = took;
            memcpy(kept[e], text, SEARCHED);
        }
    }
    for (int e = 0; e < CG_ENCODING_COUNT; e++)
        printf("{\"worst\":%.1f,\"encoding\":\"%s\"}\n", worst[e], cg_encodings[e].name);
}

int main(int argc, char **argv)
{
    apr_pool_t *pool;
    cg_error_t err = {""};
    if (argc < 3)
        give_up("counts FOLDER speed FILE... | runs | worst SECONDS");
    apr_initialize();
    apr_pool_create(&pool, NULL);
    double before = now_nanos();
    for (int i = 0; i < CG_ENCODING_COUNT; i++)
        if (cg_vocabulary_open(argv[1], (cg_encoding_t)i, &vocabularies.of[i], &err, pool) != APR_SUCCESS)
            give_up(err.text);
    printf("{\"open_nanos\":%.0f}\n", now_nanos() - before);
    for (int i = 3; i < argc && strcmp(argv[2], "speed") == 0; i++)
        speed(argv[i]);
    if (strcmp(argv[2], "runs") == 0)
        runs();
    if (strcmp(argv[2], "worst") == 0)
        search(argc > 3 ? atof(argv[3]) : 5);
    apr_pool_destroy(pool);
    apr_terminate();
    return 0;
}
