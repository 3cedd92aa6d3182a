/* Answers rows with a model of Leeway: C99, no memory of its own but the stack, no files, no threads.
 * Sums are added in the order of the nightly batch, so that every bit is the same: compile without -ffast-math, and with
 * -std=c99 or -ffp-contract=off, so that no product is fused with a sum. */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "model.h"

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

/* A typed value: a number, 0 or 1, microseconds of the wall clock after 1970, or a text. */
struct cell {
    int present;
    double number;
    const char *text;
    size_t length;
};

@tables@
static int refuse(struct leeway_answer *answer, const char *reason, const char *column)
{
    answer->reason = reason;
    answer->column = column;
    return 1;
}

// if number
/* Read a number; return why it cannot be read. */
static const char *read_number(double value, struct cell *cell)
{
    cell->present = value == value;
    cell->number = value;
    return isinf(value) ? "not_finite" : NULL;
}

// end
// if boolean
static const char *read_boolean(int value, struct cell *cell)
{
    cell->present = value >= 0;
    cell->number = value;
    return value > 1 ? "not_a_boolean" : NULL;
}

// end
// if texts
/* Return the bytes of the blank that a text begins with, as str.strip of Python removes; 0 if none. */
static size_t blank(const unsigned char *at, size_t length)
{
    if (length && ((*at >= 9 && *at <= 13) || (*at >= 28 && *at <= 32)))
        return 1;
    if (length >= 2 && at[0] == 0xC2 && (at[1] == 0x85 || at[1] == 0xA0))
        return 2;
    if (length < 3)
        return 0;
    if (at[0] == 0xE2 && at[1] == 0x80)
        return at[2] <= 0x8A || at[2] == 0xA8 || at[2] == 0xA9 || at[2] == 0xAF ? 3 : 0;
    return (at[0] == 0xE2 && at[1] == 0x81 && at[2] == 0x9F) || (at[0] == 0xE1 && at[1] == 0x9A && at[2] == 0x80) ||
                   (at[0] == 0xE3 && at[1] == 0x80 && at[2] == 0x80)
               ? 3
               : 0;
}

static size_t characters(const char *text, size_t length)
{
    size_t count = 0;
    for (size_t i = 0; i < length; i++)
        count += ((unsigned char)text[i] & 0xC0) != 0x80;
    return count;
}

static int is_text(const struct cell *cell, const char *text, size_t length)
{
    return cell->length == length && memcmp(cell->text, text, length) == 0;
}

/* Read a text in UTF-8 without outer blanks. */
static const char *read_text(const char *text, struct cell *cell)
{
    const unsigned char *at = (const unsigned char *)text;
    size_t length = 0, width;
    cell->present = 0;
    if (!text)
        return NULL;
    while (length <= 4 * LONGEST && text[length])
        length++;
    if (length > 4 * LONGEST || characters(text, length) > LONGEST)
        return "too_long";
    while ((width = blank(at, length)) > 0)
        at += width, length -= width;
    for (width = 1; width <= 3 && length >= width;)
        if (blank(at + length - width, width) == width)
            length -= width, width = 1;
        else
            width++;
    cell->text = (const char *)at;
    cell->length = length;
    cell->present = length > 0 && !is_text(cell, "\\N", 2);
    return NULL;
}

// end
// if category
static const char *read_category(const char *text, struct cell *cell)
{
    return read_text(text, cell);
}

// end
// if places
/* Return the number of a text in a table, or -1. */
static int place_of(const struct cell *cell, const struct entry *table, int count)
{
    for (int i = 0; i < count; i++)
        if (is_text(cell, table[i].text, table[i].length))
            return i;
    return -1;
}

// end
// if pattern
/* Return the character of UTF-8 at a place, and how many bytes it has. */
static uint32_t character_at(const unsigned char *at, size_t length, size_t *width)
{
    size_t wanted = *at < 0xC0 ? 1 : *at < 0xE0 ? 2 : *at < 0xF0 ? 3 : 4;
    uint32_t value = wanted == 1 ? *at : *at & (0xFFu >> (wanted + 1));
    for (*width = 1; *width < wanted && *width < length; ++*width)
        value = value << 6 | (at[*width] & 0x3Fu);
    return value;
}

static int is_in(uint32_t character, const uint32_t *ranges, int count)
{
    for (int i = 0; i < count; i++)
        if (ranges[2 * i] <= character && character <= ranges[2 * i + 1])
            return 1;
    return 0;
}

/* Add the states that a state leads to without a character. */
static void follow(const struct step *steps, int count, int begins, int ends, unsigned char *states)
{
    for (int changed = 1; changed;) {
        changed = 0;
        for (int i = 0; i < count; i++) {
            int one = -1, other = -1;
            if (!states[i])
                continue;
            if (steps[i].kind == SPLIT || steps[i].kind == JUMP)
                one = steps[i].a;
            if (steps[i].kind == SPLIT)
                other = steps[i].b;
            if ((steps[i].kind == BEGIN && begins) || (steps[i].kind == END && ends))
                one = i + 1;
            changed |= (one >= 0 && !states[one]) || (other >= 0 && !states[other]);
            if (one >= 0)
                states[one] = 1;
            if (other >= 0)
                states[other] = 1;
        }
    }
}

/* Return whether a pattern is found anywhere in a text. */
static int is_found(const struct step *steps, int count, const uint32_t *ranges, const struct cell *cell)
{
    unsigned char now[STEPS] = {0}, next[STEPS];
    const unsigned char *text = (const unsigned char *)cell->text;
    for (size_t at = 0, width = 0;; at += width) {
        size_t rest = cell->length - at;
        now[0] = 1;
        follow(steps, count, at == 0, rest == 0 || (rest == 1 && text[at] == '\n'), now);
        if (now[count - 1])
            return 1;
        if (!rest)
            return 0;
        uint32_t character = character_at(text + at, rest, &width);
        memset(next, 0, sizeof next);
        for (int i = 0; i < count; i++)
            if (now[i] && steps[i].kind == CHARACTER && is_in(character, ranges + 2 * steps[i].a, steps[i].b))
                next[i + 1] = 1;
        memcpy(now, next, sizeof now);
    }
}

// end
// if time
/* Return the days from 1970-01-01 to a day of the Gregorian calendar. */
static long days_from_civil(long year, long month, long day)
{
    year -= month <= 2;
    long era = (year >= 0 ? year : year - 399) / 400, of_era = year - era * 400;
    long of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/* Read so many digits; -1 if there are fewer. */
static long digits(const char *text, size_t length, size_t at, size_t count)
{
    long value = 0;
    if (at + count > length)
        return -1;
    for (size_t i = at; i < at + count; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        value = value * 10 + (text[i] - '0');
    }
    return value;
}

/* Read 2026-01-31, 2026-01-31T08:30, 2026-01-31T08:30:00 or 2026-01-31T08:30:00.250: wall clock, without an offset. */
static const char *read_time(const char *text, struct cell *cell)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const char *fault = read_text(text, cell), *t = cell->text;
    long hour = 0, minute = 0, second = 0, micro = 0;
    if (fault || !cell->present)
        return fault;
    size_t n = cell->length, end = 10;
    long year = digits(t, n, 0, 4), month = digits(t, n, 5, 2), day = digits(t, n, 8, 2);
    if (year < 1700 || year > 2200 || month < 1 || month > 12 || t[4] != '-' || t[7] != '-')
        return "not_a_time";
    int leap = month == 2 && (year % 4 == 0 && (year % 100 != 0 || year % 400 == 0));
    if (day < 1 || day > lengths[month - 1] + leap)
        return "not_a_time";
    if (n > 10) {
        hour = digits(t, n, 11, 2), minute = digits(t, n, 14, 2), end = 16;
        if ((t[10] != 'T' && t[10] != ' ') || hour < 0 || hour > 23 || minute < 0 || minute > 59 || t[13] != ':')
            return "not_a_time";
    }
    if (n > 16) {
        second = t[16] == ':' ? digits(t, n, 17, 2) : -1, end = 19;
        if (second < 0 || second > 59)
            return "not_a_time";
    }
    if (n > 19) {
        long scale = 1000000;
        micro = t[19] == '.' && n > 20 && n <= 26 ? digits(t, n, 20, n - 20) : -1, end = n;
        for (size_t i = 20; i < n; i++)
            scale /= 10;
        if (micro < 0)
            return "not_a_time";
        micro *= scale;
    }
    if (n != end)
        return "not_a_time";
    double seconds = (double)days_from_civil(year, month, day) * 86400.0 + (double)(hour * 3600 + minute * 60 + second);
    cell->number = seconds * 1e6 + (double)micro;
    return NULL;
}

// end
// if parts
/* Return a part of a time. */
static double part_of(double microseconds, int part)
{
    double days = floor(microseconds / 86400e6);
    long z = (long)days + 719468, era = (z >= 0 ? z : z - 146096) / 146097, doe = z - era * 146097;
    long yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365, doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    long mp = (5 * doy + 2) / 153, month = mp < 10 ? mp + 3 : mp - 9, year = yoe + era * 400 + (month <= 2);
    if (part == YEAR)
        return (double)year;
    if (part == MONTH)
        return (double)month;
    if (part == DAY_OF_YEAR)
        return (double)((long)days - days_from_civil(year, 1, 1) + 1);
    if (part == WEEKDAY)
        return (double)((((long)days + 3) % 7 + 7) % 7);
    return floor((microseconds - days * 86400e6) / 3600e6);
}

// end
// if between
static int is_within(double value, double low, double high, int strict_low, int strict_high)
{
    return (strict_low ? value > low : value >= low) && (strict_high ? value < high : value <= high);
}

// end
// if number_set
static int is_member(double value, const double *members, int count)
{
    for (int i = 0; i < count; i++)
        if (members[i] == value)
            return 1;
    return 0;
}

// end
// if below
/* Return how many of some ascending numbers are below a value; with `also`, or equal to it. */
static uint32_t below(const double *points, uint32_t count, double value, int also)
{
    uint32_t low = 0, high = count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (also ? points[middle] <= value : points[middle] < value)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

// end
// if trees
enum { UNKNOWN = -1 };

static int goes_left(const int32_t *codes, uint32_t split)
{
    uint32_t c = tree_column[split] & 0x7FFFu;
    int32_t code = codes[c];
    if (code < 0)
        return tree_column[split] > 0x7FFFu;
    if (!tree_is_category[c])
        return (uint32_t)code <= tree_split[split];
    uint32_t words = (tree_point_end[c + 1] - tree_point_end[c] + 31) / 32;
    return tree_set[tree_set_end[c] + tree_split[split] * words + (uint32_t)code / 32] >> ((uint32_t)code % 32) & 1u;
}

static void sums_of(const double *columns, double *sums)
{
    int32_t codes[COLUMNS];
    uint32_t split = 0, leaf = 0;
    for (int c = 0; c < COLUMNS; c++) {
        const double *points = tree_point + tree_point_end[c];
        uint32_t count = tree_point_end[c + 1] - tree_point_end[c], code = below(points, count, columns[c], 0);
        codes[c] = columns[c] != columns[c] ? UNKNOWN : (int32_t)code;
        if (tree_is_category[c] && (code >= count || points[code] != columns[c]))
            codes[c] = UNKNOWN;
    }
    for (int k = 0; k < OUTPUTS; k++)
        sums[k] = tree_start[k];
    for (uint32_t t = 0; t < TREES; t++) {
        uint32_t node = split, found = leaf;
        for (uint32_t count = tree_leaf_count[t]; count > 1;) {
            uint32_t step = tree_left[node];
            if (goes_left(codes, node))
                node++, count = step;
            else
                node += step, found += step, count -= step;
        }
        for (uint32_t k = 0; k < LEAF_WIDTH; k++)
            sums[LEAF_WIDTH == 1 ? t % OUTPUTS : k] += tree_leaf[found * LEAF_WIDTH + k] * LEAF_STEP;
        // if single
        for (int k = 0; k < OUTPUTS; k++)
            sums[k] = (float)sums[k];
        // end
        split += tree_leaf_count[t] - 1, leaf += tree_leaf_count[t];
    }
    // if mean
    for (int k = 0; k < OUTPUTS; k++)
        sums[k] /= TREES;
    // end
}

// end
// if linear
static void sums_of(const double *columns, double *sums)
{
    for (int k = 0; k < OUTPUTS; k++) {
        double sum = 0.0;
        for (int c = 0; c < COLUMNS; c++)
            sum += columns[c] * linear_weight[k * COLUMNS + c];
        sums[k] = sum + linear_start[k];
    }
}

// end
// if odds
static double clip(double share)
{
    return share < 1e-9 ? 1e-9 : share > 1 - 1e-9 ? 1 - 1e-9 : share;
}

// end
// if log_odds
static double log_odds(double share)
{
    return log(clip(share) / (1 - clip(share)));
}

// end
// if logistic
static double logistic(double score)
{
    return 0.5 * (1.0 + tanh(0.5 * score));
}

// end
// if isotonic
static double interpolated(double score, const double *x, const double *y, uint32_t count)
{
    uint32_t above = below(x, count, score, 1);
    if (score != score)
        return score;
    if (above == 0)
        return y[0];
    if (above == count || x[above - 1] == score)
        return y[above - 1];
    return (y[above] - y[above - 1]) / (x[above] - x[above - 1]) * (score - x[above - 1]) + y[above - 1];
}

// end
@generated@

/* Return the days from 1970-01-01 to a day. */
long leeway_day(int year, int month, int day)
{
    long y = year - (month <= 2), era = (y >= 0 ? y : y - 399) / 400, of_era = y - era * 400;
    long of_year = (153L * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097L + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468L;
}

static uint32_t hashed(uint32_t hash, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        hash = (hash ^ (uint32_t)(value >> (8 * i) & 0xFF)) * 0x01000193u;
    return hash;
}

static uint32_t hashed_numbers(uint32_t hash, const double *numbers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t bits;
        memcpy(&bits, &numbers[i], sizeof bits);
        hash = hashed(hash, bits, 8);
    }
    return hash;
}

/* Return whether no bit of the tables of the model has changed. */
int leeway_is_whole(void)
{
    uint32_t hash = 0x811C9DC5u;
@hashes@
    return hash == TABLE_HASH;
}

enum leeway_status leeway_answer_row(const struct leeway_row *row, long today, struct leeway_answer *answer)
{
    struct cell cells[CELLS];
    double inputs[INPUTS], columns[COLUMNS];
    memset(answer, 0, sizeof *answer);
    answer->prediction = NAN;
    answer->deferred = 1;
    memset(cells, 0, sizeof cells);
    if (read_row(row, cells, answer) || breaks_rule(cells, answer))
        return LEEWAY_REFUSED;
    if (today < MADE_ON - 1 || today >= STALE_ON)
        return LEEWAY_STALE;
    inputs_of(cells, inputs);
    preprocess(inputs, columns);
    sums_of(columns, answer->sums);
    return finish(inputs, answer);
}
