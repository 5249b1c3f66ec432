/* A main for fuzz targets: runs them over files without libFuzzer.
 * SPDX-License-Identifier: Apache-2.0
 *
 * With -DCG_FUZZ_REPLAY each argument is a file, or a folder whose files are
 * run one after the other (not its folders). The exit status is 1 when there
 * was nothing to run: a check that finds no input has checked nothing.
 */
#ifndef CG_TESTS_FUZZ_REPLAY_H
#define CG_TESTS_FUZZ_REPLAY_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* What a target holds to be true of every input. */
#define MUST(condition)                                                        \
    do {                                                                       \
        if (!(condition)) {                                                    \
            abort();                                                           \
        }                                                                      \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#ifdef CG_FUZZ_REPLAY

#include <dirent.h>
#include <stdio.h>

/* The input stands in memory of exactly its size, so that ASan sees a read
 * beyond. */
static int replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) != 0) {
        fprintf(stderr, "cannot read %s\n", path);
        exit(1);
    }
    long size = ftell(file);
    rewind(file);
    uint8_t *data = malloc(size > 0 ? (size_t)size : 1);
    if (!data || fread(data, 1, (size_t)size, file) != (size_t)size) {
        fprintf(stderr, "cannot read %s\n", path);
        exit(1);
    }
    fclose(file);
    LLVMFuzzerTestOneInput(data, (size_t)size);
    free(data);
    return 1;
}

static int replay_folder(DIR *folder, const char *path)
{
    int count = 0;
    const struct dirent *entry = readdir(folder);
    for (; entry; entry = readdir(folder)) {
        if (entry->d_name[0] != '.') {
            char name[4096];
            snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
            count += replay_file(name);
        }
    }
    closedir(folder);
    return count;
}

int main(int argc, char **argv)
{
    int count = 0;
    for (int i = 1; i < argc; i++) {
        DIR *folder = opendir(argv[i]);
        count += folder ? replay_folder(folder, argv[i]) : replay_file(argv[i]);
    }
    printf("%d inputs replayed\n", count);
    return count > 0 ? 0 : 1;
}

#endif
#endif
