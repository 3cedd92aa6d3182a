/* The compact form of a model: read from a file, checked, and evaluated. C99, little-endian.
 *
 * The format is described in tasks/compact/compact_file.py. Nothing here knows Python: module.c does.
 */
#ifndef LEEWAY_COMPACT_H
#define LEEWAY_COMPACT_H

#include <stddef.h>
#include <stdint.h>

enum { TREES = 1, LINEAR = 2 };         /* kinds of models */
enum { AS_IS = 0, MEAN = 1, EXP = 2 };  /* what follows the sum; EXP is left to the caller */
enum { NUMBER = 0, CATEGORY = 1 };      /* kinds of columns */
enum { LANES = 64, CODES = 256 };            /* rows of a block, codes of a column */

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

/* The same splits for one row: all those on one column, so that the masks of a code follow each other. */
struct category_column {
    uint32_t slot, count;
    size_t words, masks; /* the first of `count` words, and of (codes x count) masks */
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
    uint32_t *row_splits;            /* byte x 256 + keep, bytes counted over all trees, 8 a tree; by slot and split */
    uint32_t *row_ends;              /* [slot][code]: the splits below a code are passed on the right */
    struct category_split *categories;
    uint32_t category_count;
    uint32_t *masks;
    struct category_column *category_columns;
    uint32_t category_column_count;
    uint32_t *row_words, *row_masks;
    uint8_t *file;
};

#define NO_SLOT UINT32_MAX

/* Return a model, or NULL with the reason in `fault`. The bytes are copied. */
struct compact *compact_open(const uint8_t *bytes, size_t size, const char **fault);
void compact_close(struct compact *model);

/* Write the scores (n, outputs) of rows (n, columns); return 0, or -1 without memory. */
int compact_score(const struct compact *model, const double *rows, size_t n, double *scores);

/* Build the splits by bits of leaves, if the model is small enough; return 0, or -1 without memory. */
int compact_plan(struct compact *model, const uint32_t *first_leaves);

#endif
