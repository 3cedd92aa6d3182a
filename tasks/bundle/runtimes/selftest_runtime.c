/* Repeats the reference rows of model.c; with -DLEEWAY_NO_MAIN only leeway_selftest is defined. */
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "model.h"

struct reference {
    struct leeway_row row;
    const char *refused;
    double sums[sizeof((struct leeway_answer *)0)->sums / sizeof(double)];
    double prediction;
    int unsure;
    int decision;
};

static const struct reference references[] = {
@rows@
};

enum { COUNT = sizeof references / sizeof references[0], SUMS = sizeof references[0].sums / sizeof(double) };

static int is_same(double one, double other, double tolerance)
{
    if (one != one || other != other)
        return one != one && other != other;
    return fabs(one - other) <= tolerance * fmax(1.0, fabs(other));
}

static int is_repeated(const struct reference *wanted)
{
    struct leeway_answer answer;
    enum leeway_status status = leeway_answer_row(&wanted->row, @today@L, &answer);
    if (wanted->refused)
        return status == LEEWAY_REFUSED && strcmp(answer.reason, wanted->refused) == 0;
    if (status == LEEWAY_REFUSED || answer.unsure != wanted->unsure || answer.decision != wanted->decision)
        return 0;
    for (int k = 0; k < SUMS; k++)
        if (!is_same(answer.sums[k], wanted->sums[k], 0.0))
            return 0;
    return !(@shown@) || is_same(answer.prediction, wanted->prediction, @tolerance@);
}

int leeway_selftest(void)
{
    if (!leeway_is_whole())
        return -1;
    for (int i = 0; i < COUNT; i++)
        if (!is_repeated(&references[i]))
            return i + 1;
    return 0;
}

#ifndef LEEWAY_NO_MAIN
int main(void)
{
    int fault = leeway_selftest();
    if (fault)
        printf("%s version %d: reference row %d of %d differs\n", LEEWAY_PROJECT, LEEWAY_VERSION, fault, COUNT);
    else
        printf("%s version %d: %d reference rows, every bit the same\n", LEEWAY_PROJECT, LEEWAY_VERSION, COUNT);
    return fault != 0;
}
#endif
