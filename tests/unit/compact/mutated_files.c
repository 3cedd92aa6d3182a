/* Opens damaged copies of compact models and evaluates those that are accepted; the sanitizers end it on any fault.
 * Usage: mutated_files COUNT FILE... It prints how many copies were refused and how many accepted. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compact.h"

enum { ROWS = 257, MOST_BYTES = 1 << 20, SECTIONS = 64 };
static uint64_t state = 88172645463325252ULL;

static uint64_t next(uint64_t below)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state % below;
}

/* Damage bytes in place and return their new count. */
static size_t mutate(uint8_t *bytes, size_t size)
{
    static const uint32_t hard[] = {0, 1, 2, 31, 32, 255, 256, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF};
    uint32_t word;
    for (uint64_t times = 1 + next(3); times; times--) {
        size_t at = next(4) ? next(size) : next(SECTIONS); /* the header often */
        switch (next(5)) {
        case 0: bytes[at % size] ^= (uint8_t)(1 << next(8)); break;
        case 1: bytes[at % size] = (uint8_t)next(256); break;
        case 2: memcpy(bytes + at % (size - 4) / 4 * 4, &hard[next(sizeof hard / sizeof *hard)], 4); break;
        case 3:
            memcpy(&word, bytes + at % (size - 4) / 4 * 4, 4);
            word += next(2) ? 1 : UINT32_MAX;
            memcpy(bytes + at % (size - 4) / 4 * 4, &word, 4);
            break;
        default:
            if (!next(6))
                size = SECTIONS + next(size - SECTIONS);
        }
    }
    return size;
}

static double value(void)
{
    static const double hard[] = {NAN, INFINITY, -INFINITY, 0.0, 1.0, -1.0, 3.0, 1e300};
    return next(2) ? hard[next(8)] : (double)next(200) - 20.0;
}

static int evaluate(const struct compact *model)
{
    size_t columns = model->column_count, outputs = model->output_count;
    for (size_t n = 1; n <= ROWS; n += ROWS - 1) {
        double *rows = malloc(n * columns * sizeof *rows), *scores = malloc(n * outputs * sizeof *scores);
        if (!rows || !scores)
            return -1;
        for (size_t i = 0; i < n * columns; i++)
            rows[i] = value();
        if (compact_score(model, rows, n, scores))
            return -1;
        free(rows);
        free(scores);
    }
    return 0;
}

int main(int count, char **arguments)
{
    static uint8_t file[MOST_BYTES];
    unsigned long refused = 0, accepted = 0;
    for (int f = 2; f < count; f++) {
        FILE *input = fopen(arguments[f], "rb");
        size_t size = input ? fread(file, 1, sizeof file, input) : 0;
        if (!size)
            return 2;
        fclose(input);
        for (long times = atol(arguments[1]); times; times--) {
            uint8_t *copy = malloc(size);
            const char *fault;
            if (!copy)
                return 2;
            memcpy(copy, file, size);
            struct compact *model = compact_open(copy, mutate(copy, size), &fault);
            free(copy);
            refused += !model;
            accepted += model != NULL;
            if (model && evaluate(model))
                return 2;
            if (model)
                compact_close(model);
        }
    }
    printf("%lu %lu\n", refused, accepted);
    return 0;
}
