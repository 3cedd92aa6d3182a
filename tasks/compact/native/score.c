/* Evaluates a compact model. Sums are in the order of scikit-learn (the start, then tree by tree), so that every bit is
 * the same in a batch of any size, on any number of threads. */
#include <stdlib.h>
#include <string.h>

#include "compact.h"

enum { FEW_ROWS = 8, ROWS_AT_ONCE = 4 * LANES };
typedef uint8_t lanes __attribute__((vector_size(32)));
typedef uint8_t stored_lanes __attribute__((vector_size(32), aligned(1), may_alias));

/* Return the leaf of a row in a tree, counted in the tree. */
static uint32_t walk(const struct compact *model, const struct tree *tree, const uint32_t *codes)
{
    const struct walk_node *node = model->nodes + tree->nodes;
    uint32_t first = 0;
    for (uint32_t size = tree->leaf_count; size > 1;) {
        uint32_t code = codes[node->slot], left = node->left, right;
        if (node->is_category)
            right = model->rights[node->split + code / 32] >> code % 32 & 1;
        else
            right = code > node->split;
        first += right ? left : 0;
        node += right ? left : 1;
        size = right ? size - left : left;
    }
    return first;
}

static void add_leaf(const struct compact *model, uint32_t t, uint32_t leaf, double *scores)
{
    if (model->leaf_width == 1) {
        double *score = scores + t % model->output_count;
        *score = rounded(model, *score + model->leaves[leaf]);
        return;
    }
    for (uint32_t k = 0; k < model->leaf_width; k++)
        scores[k] = rounded(model, scores[k] + model->leaves[(size_t)leaf * model->leaf_width + k]);
}

static void walk_rows(const struct compact *model, const double *rows, size_t n, double *scores, uint32_t *codes)
{
    for (size_t r = 0; r < n; r++)
        compact_encode_row(model, rows + r * model->column_count, codes + r * model->slot_count, UINT32_MAX);
    for (uint32_t t = 0; t < model->tree_count; t++) {
        const struct tree *tree = &model->trees[t];
        for (size_t r = 0; r < n; r++) {
            uint32_t leaf = walk(model, tree, codes + r * model->slot_count);
            add_leaf(model, t, tree->leaves + leaf, scores + r * model->output_count);
        }
    }
}

/* Write the rank of each value of a block, as `rank` returns it; the steps of several searches overlap. */
FOR_EACH_PROCESSOR
static void rank_block(const struct column *column, const double *values, uint32_t *ranks)
{
    uint32_t count = column->point_count;
    const double *points = column->points;
    for (size_t r = 0; r < LANES; r++)
        ranks[r] = 0;
    for (uint32_t rest = count; rest > 1;) {
        uint32_t half = rest / 2;
        for (size_t r = 0; r < LANES; r++)
            ranks[r] += half & -(uint32_t)(points[ranks[r] + half - 1] < values[r]);
        rest -= half;
    }
    for (size_t r = 0; r < LANES && count; r++)
        ranks[r] += points[ranks[r]] < values[r];
}

static uint8_t block_code(const struct column *column, double value, uint32_t found)
{
    if (column->kind == CATEGORY)
        return (uint8_t)category(column, value, found);
    return value != value ? MISSING_IN_BLOCK : (uint8_t)found;
}

/* Write the codes of a block of rows: LANES bytes for each slot. */
static void encode_block(const struct compact *model, const double *rows, size_t n, uint8_t *codes)
{
    double values[LANES] = {0};
    uint32_t ranks[LANES];
    for (uint32_t c = 0; c < model->column_count; c++) {
        const struct column *column = &model->columns[c];
        if (!column->is_split)
            continue;
        for (size_t r = 0; r < n; r++)
            values[r] = rows[r * model->column_count + c];
        rank_block(column, values, ranks);
        if (column->slot != NO_SLOT)
            for (size_t r = 0; r < n; r++)
                codes[(size_t)column->slot * LANES + r] = block_code(column, values[r], ranks[r]);
        if (column->slot_missing_left != NO_SLOT)
            for (size_t r = 0; r < n; r++)
                codes[(size_t)column->slot_missing_left * LANES + r] = (uint8_t)ranks[r];
    }
}

/* Write the bits of the leaves of one tree that remain for each row, after its splits on numbers: LANES a byte. */
FOR_EACH_PROCESSOR
static void split_block(const struct compact *model, const struct tree *tree, const uint8_t *codes, uint8_t *bits)
{
    uint32_t i = tree->first_byte ? model->split_ends[tree->first_byte - 1] : 0;
    for (uint32_t b = 0; b < tree->bytes; b++) {
        lanes low = ~(lanes){0}, high = low;
        for (uint32_t end = model->split_ends[tree->first_byte + b]; i < end; i++) {
            const struct block_split *split = &model->splits[i];
            lanes limit = (lanes){0} + split->split, keep = (lanes){0} + split->keep;
            const stored_lanes *code = (const stored_lanes *)(codes + (size_t)split->slot * LANES);
            low &= keep | (lanes)(code[0] <= limit);
            high &= keep | (lanes)(code[1] <= limit);
        }
        stored_lanes *left = (stored_lanes *)(bits + b * LANES);
        left[0] = low, left[1] = high;
    }
}

/* Join four bytes of each row to a word. */
FOR_EACH_PROCESSOR
static void join_bytes(const uint8_t *bits, uint32_t bytes, uint32_t *words)
{
    for (size_t r = 0; r < LANES; r++)
        words[r] = bits[r];
    for (uint32_t b = 1; b < bytes; b++)
        for (size_t r = 0; r < LANES; r++)
            words[r] |= (uint32_t)bits[b * LANES + r] << (8 * b);
}

/* Add the leaves of one tree to the scores of a block of rows. */
static void add_tree(const struct compact *model, uint32_t t, size_t n, double *scores, const uint8_t *codes)
{
    uint8_t bits[8 * LANES];
    uint32_t words[2][LANES];
    const struct tree *tree = &model->trees[t];
    const double *leaves = model->leaves + tree->leaves;
    double *output = scores + t % model->output_count;
    split_block(model, tree, codes, bits);
    for (uint32_t w = 0; w < tree->words; w++)
        join_bytes(bits + 4 * w * LANES, tree->bytes - 4 * w < 4 ? tree->bytes - 4 * w : 4, words[w]);
    for (uint32_t k = tree->categories; k < tree->categories + tree->category_count; k++) {
        const struct category_split *split = &model->categories[k];
        const uint32_t *masks = model->masks + split->masks;
        const uint8_t *code = codes + (size_t)split->slot * LANES;
        for (size_t r = 0; r < n; r++)
            words[split->word % 2][r] &= masks[code[r]];
    }
    if (tree->words == 1)
        for (size_t r = 0; r < n; r++)
            output[r * model->output_count] += leaves[__builtin_ctz(words[0][r])];
    else
        for (size_t r = 0; r < n; r++)
            output[r * model->output_count] += leaves[__builtin_ctzll((uint64_t)words[1][r] << 32 | words[0][r])];
    for (size_t r = 0; model->is_single && r < n; r++)
        output[r * model->output_count] = rounded(model, output[r * model->output_count]);
}

static void score_blocks(const struct compact *model, const double *rows, size_t n, double *scores, uint8_t *codes)
{
    size_t bytes = (size_t)model->slot_count * LANES;
    for (size_t r = 0; r < n; r += LANES)
        encode_block(model, rows + r * model->column_count, n - r < LANES ? n - r : LANES, codes + r / LANES * bytes);
    for (uint32_t t = 0; t < model->tree_count; t++)
        for (size_t r = 0; r < n; r += LANES)
            add_tree(model, t, n - r < LANES ? n - r : LANES, scores + r * model->output_count,
                     codes + r / LANES * bytes);
}

static void score_linear(const struct compact *model, const double *rows, size_t n, double *scores)
{
    for (size_t r = 0; r < n; r++)
        for (uint32_t k = 0; k < model->output_count; k++) {
            const double *row = rows + r * model->column_count, *weights = model->weights + (size_t)k * model->column_count;
            double sum = 0.0;
            for (uint32_t c = 0; c < model->column_count; c++)
                sum += row[c] * weights[c];
            scores[r * model->output_count + k] = sum + model->start[k];
        }
}

static void score_some(const struct compact *model, const double *rows, size_t n, double *scores, void *scratch)
{
    uint32_t *codes = scratch;
    if (!model->is_planned)
        walk_rows(model, rows, n, scores, codes);
    else if (n > FEW_ROWS)
        score_blocks(model, rows, n, scores, scratch);
    else
        for (size_t r = 0; r < n; r++)
            compact_score_row(model, rows + r * model->column_count, scores + r * model->output_count, codes,
                              codes + model->slot_count);
}

static int score_trees(const struct compact *model, const double *rows, size_t n, double *scores)
{
    size_t most = n < ROWS_AT_ONCE ? n : ROWS_AT_ONCE, slots = model->slot_count;
    size_t walked = slots * most * 4, by_row = slots * 4 + model->row_width * 4, by_block = slots * (most + LANES);
    size_t by_bits = by_row + (n > FEW_ROWS ? by_block : 0); /* after the blocks there may be few rows */
    void *scratch = calloc((model->is_planned ? by_bits : walked) + 1, 1);
    if (!scratch)
        return -1;
    for (size_t r = 0; r < n; r++)
        memcpy(scores + r * model->output_count, model->start, model->output_count * sizeof *scores);
    for (size_t r = 0; r < n; r += ROWS_AT_ONCE)
        score_some(model, rows + r * model->column_count, n - r < ROWS_AT_ONCE ? n - r : ROWS_AT_ONCE,
                   scores + r * model->output_count, scratch);
    if (model->finish == MEAN)
        for (size_t i = 0; i < n * model->output_count; i++)
            scores[i] /= model->tree_count;
    free(scratch);
    return 0;
}

int compact_score(const struct compact *model, const double *rows, size_t n, double *scores)
{
    if (model->kind == TREES)
        return score_trees(model, rows, n, scores);
    score_linear(model, rows, n, scores);
    return 0;
}
