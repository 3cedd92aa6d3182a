/* The compact form of a model: read from a file, checked, and evaluated. C99, little-endian.
 *
 * The format is described in tasks/compact/compact_file.py. Nothing here knows Python: module.c does.
 */
#ifndef LEEWAY_COMPACT_H
#define LEEWAY_COMPACT_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__)
#define FOR_EACH_PROCESSOR __attribute__((target_clones("avx2", "default")))
#else
#define FOR_EACH_PROCESSOR
#endif

enum { TREES = 1, LINEAR = 2 };         /* kinds of models */
enum { AS_IS = 0, MEAN = 1, EXP = 2 };  /* what follows the sum; EXP is left to the caller */
enum { NUMBER = 0, CATEGORY = 1 };      /* kinds of columns */
enum { LANES = 64, CODES = 256, MISSING_IN_BLOCK = 255 }; /* rows of a block, codes of a column */

/* A split for walking: the code of a row goes right past `split`, or where its bit is set in the set at `split`. */
struct walk_node {
    uint32_t split;
    uint32_t slot : 31, is_category : 1;
    uint32_t left; /* leaves of the left branch */
};

/* A split for a block of rows: a code past `split` leaves only the bits `keep` of one byte of the leaves. */
struct block_split {
    uint32_t slot;
    uint8_t split, keep;
};

/* The splits of one tree on one category column: for each code what remains of one of the two words of its leaves. */
struct category_split {
    uint32_t slot, word;
    size_t masks; /* that of code 0; the words of all trees are numbered, 2 a tree */
};

/* A column for single rows: `block_count` blocks of words, from number `blocks` on. */
struct row_column {
    uint32_t column, block_count;
    size_t blocks;
};

struct tree {
    uint32_t nodes, leaves;          /* first node and first leaf */
    uint32_t leaf_count;
    uint32_t bytes, words;           /* of its bits of leaves; the splits of byte b end at split_ends[first_byte + b] */
    uint32_t first_byte;
    uint32_t categories, category_count;
};

/* A column with its one or two codes for each row; a missing number is past all splits in one, before all in the other. */
struct column {
    const double *points;
    uint32_t point_count;
    uint8_t kind, is_split;
    uint32_t slot, slot_missing_left; /* NO_SLOT if no split needs it */
};

struct compact {
    uint8_t kind, finish, is_single; /* is_single: sums are floats, of 4 bytes */
    uint32_t column_count, output_count, tree_count, leaf_width, slot_count;
    const double *start, *leaves, *weights;
    struct column *columns;
    struct tree *trees;
    struct walk_node *nodes;
    uint32_t *rights;                /* sets of codes that go right, one bit each */
    int is_planned;                  /* whether trees and columns are small enough for the bits of leaves */
    struct block_split *splits;
    uint32_t *split_ends;
    struct category_split *categories;
    uint32_t category_count;
    uint32_t *masks;
    uint32_t tree_words, row_width;  /* words of each tree and of all of them, for single rows */
    struct row_column *row_columns;
    uint32_t row_column_count;
    uint32_t row_shift;              /* there is a checkpoint every 1 << row_shift codes */
    int has_row_categories;          /* whether categories are among the columns of rows */
    uint32_t *row_splits;            /* byte x 256 + keep, bytes counted over the words; by column and split */
    uint32_t *row_ends;              /* [column of rows][code]: the splits below a code are passed on the right */
    uint32_t *row_kept;              /* [block]: what splits leave of the words of all trees */
    uint8_t *file;
};

#define NO_SLOT UINT32_MAX

/* Return a model, or NULL with the reason in `fault`. The bytes are copied. */
struct compact *compact_open(const uint8_t *bytes, size_t size, const char **fault);
void compact_close(struct compact *model);

/* Write the scores (n, outputs) of rows (n, columns); return 0, or -1 without memory. */
int compact_score(const struct compact *model, const double *rows, size_t n, double *scores);

/* Return the number of the known code with such a rank, or that of a missing or unknown one. */
static inline uint32_t category(const struct column *column, double value, uint32_t found)
{
    return found < column->point_count && column->points[found] == value ? found : column->point_count;
}

/* Return the sum as the model has it. The sum of two floats as a double, rounded to a float, is their sum as a float:
 * a double has more than twice its bits (Figueroa, SIGNUM Newsletter 30, 1995). */
static inline double rounded(const struct compact *model, double sum)
{
    return model->is_single ? (double)(float)sum : sum;
}

/* Write the codes of one row, by slots. */
void compact_encode_row(const struct compact *model, const double *row, uint32_t *codes, uint32_t missing);

/* Add the leaves of one row to its scores; there are `row_width` words. */
void compact_score_row(const struct compact *model, const double *row, double *scores, uint32_t *codes, uint32_t *words);

/* Return the word of a row that the splits of a tree on a category change. */
static inline size_t row_word(const struct compact *model, const struct category_split *split)
{
    return (size_t)(split->word / 2) * model->tree_words + split->word % 2;
}

/* Build the blocks and the sorted splits of single rows; return 0, or -1 without memory. */
int compact_plan_rows(struct compact *model, uint32_t split_count);

/* Build the splits by bits of leaves, if the model is small enough; return 0, or -1 without memory. */
int compact_plan(struct compact *model, const uint32_t *first_leaves);

#endif
