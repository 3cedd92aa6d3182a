/* Evaluates one row by bits of leaves: for each column, what the splits below a checkpoint leave of the bits of all trees
 * is one array, and few splits are between the checkpoint and the code of the row. */
#include <string.h>

#include "compact.h"

/* Return how many points are below a value: 0 for a missing one. */
static uint32_t rank(const double *points, uint32_t count, double value)
{
    uint32_t base = 0;
    if (!count)
        return 0;
    for (uint32_t rest = count; rest > 1;) {
        uint32_t half = rest / 2;
        base += half & -(uint32_t)(points[base + half - 1] < value);
        rest -= half;
    }
    return base + (points[base] < value);
}

/* Write the codes of one row, by slots. */
void compact_encode_row(const struct compact *model, const double *row, uint32_t *codes, uint32_t missing)
{
    for (uint32_t c = 0; c < model->column_count; c++) {
        const struct column *column = &model->columns[c];
        if (!column->is_split)
            continue;
        uint32_t code = rank(column->points, column->point_count, row[c]);
        if (column->kind == CATEGORY)
            codes[column->slot] = category(column, row[c], code);
        else if (column->slot != NO_SLOT)
            codes[column->slot] = row[c] != row[c] ? missing : code;
        if (column->slot_missing_left != NO_SLOT)
            codes[column->slot_missing_left] = code;
    }
}

/* Leave of some words what is in others too. */
FOR_EACH_PROCESSOR
static void keep_words(uint32_t *words, const uint32_t *kept, uint32_t count)
{
    for (uint32_t w = 0; w < count; w++)
        words[w] &= kept[w];
}

/* Clear the bits of leaves that the splits up to the last checkpoint exclude; return the code of a number. */
static uint32_t keep_blocks(const struct compact *model, const struct row_column *at, double value, uint32_t *words)
{
    const struct column *column = &model->columns[at->column];
    uint32_t code = rank(column->points, column->point_count, value), block = code >> model->row_shift;
    int is_number = column->kind == NUMBER && value == value;
    if (column->kind == CATEGORY)
        block = category(column, value, code);
    else if (!is_number)
        block = at->block_count - 1;
    if (block || !is_number)
        keep_words(words, model->row_kept + (at->blocks + block) * model->row_width, model->row_width);
    return is_number ? code : 0;
}

/* Clear those that the splits after it exclude. */
static void split_column(const struct compact *model, uint32_t j, uint32_t code, uint8_t *bits)
{
    const uint32_t *ends = model->row_ends + (size_t)j * CODES;
    for (uint32_t i = ends[code >> model->row_shift << model->row_shift], end = ends[code]; i < end; i++)
        bits[model->row_splits[i] >> 8] &= (uint8_t)model->row_splits[i];
}

/* Clear those that the splits on categories exclude, where there are too many for blocks. */
static void split_categories(const struct compact *model, const double *row, uint32_t *codes, uint32_t *words)
{
    compact_encode_row(model, row, codes, MISSING_IN_BLOCK);
    for (uint32_t k = 0; k < model->category_count; k++) {
        const struct category_split *split = &model->categories[k];
        words[row_word(model, split)] &= model->masks[split->masks + codes[split->slot]];
    }
}

/* Return the leaf of a tree. */
static double leaf_of(const struct compact *model, const uint32_t *words, uint32_t t)
{
    uint64_t bits = model->tree_words == 1 ? words[t] : (uint64_t)words[2 * t + 1] << 32 | words[2 * t];
    return model->leaves[model->trees[t].leaves + (uint32_t)__builtin_ctzll(bits)];
}

void compact_score_row(const struct compact *model, const double *row, double *scores, uint32_t *codes, uint32_t *words)
{
    memset(words, 0xFF, (size_t)model->row_width * sizeof *words);
    for (uint32_t j = 0; j < model->row_column_count; j++)
        codes[j] = keep_blocks(model, &model->row_columns[j], row[model->row_columns[j].column], words);
    for (uint32_t j = 0; j < model->row_column_count; j++) /* bytes last: long words that are read after them wait */
        split_column(model, j, codes[j], (uint8_t *)words);
    if (!model->has_row_categories)
        split_categories(model, row, codes, words);
    if (model->output_count > 1 || model->is_single) {
        for (uint32_t t = 0; t < model->tree_count; t++) {
            double *score = &scores[t % model->output_count];
            *score = rounded(model, *score + leaf_of(model, words, t));
        }
        return;
    }
    double sum = scores[0]; /* in a register: a sum in memory takes three times as long */
    for (uint32_t t = 0; t < model->tree_count; t++)
        sum += leaf_of(model, words, t);
    scores[0] = sum;
}
