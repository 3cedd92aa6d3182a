/* Plans the evaluation of single rows by bits of leaves.
 *
 * What the splits on one column leave of the bits of all trees depends on the code of the row alone. It is written down
 * for each category, for a missing number, and for numbers at a checkpoint every few codes: the splits between it and the
 * code of the row follow one by one. */
#include <stdlib.h>
#include <string.h>

#include "compact.h"

enum { LEAST_SHIFT = 4, MOST_SHIFT = 8, MOST_KEPT = 1 << 17 }; /* words of all blocks: half a megabyte, near the processor */

/* Number the columns and their blocks of words; return how many blocks there are. */
static size_t plan_blocks(struct compact *model, uint32_t shift, int with_categories)
{
    size_t blocks = 0;
    model->row_shift = shift;
    model->row_column_count = 0;
    for (uint32_t c = 0; c < model->column_count; c++) {
        const struct column *column = &model->columns[c];
        if (!column->is_split || (column->kind == CATEGORY && !with_categories))
            continue;
        uint32_t count = column->kind == CATEGORY ? column->point_count + 1 : (column->point_count >> shift) + 2;
        model->row_columns[model->row_column_count++] = (struct row_column){c, count, blocks};
        blocks += count;
    }
    return blocks;
}

/* Choose the distance of checkpoints so that the blocks are few; without those of categories if there are too many. */
static size_t fitting_blocks(struct compact *model)
{
    for (int with_categories = 1; with_categories >= 0; with_categories--) {
        model->has_row_categories = with_categories;
        for (uint32_t shift = LEAST_SHIFT; shift <= MOST_SHIFT; shift++) {
            size_t blocks = plan_blocks(model, shift, with_categories);
            if (blocks * model->row_width <= MOST_KEPT || (!with_categories && shift == MOST_SHIFT))
                return blocks;
        }
    }
    return 0;
}

/* Write, for each slot, which of the columns of rows has it. */
static void number_slots(const struct compact *model, uint32_t *row_columns)
{
    for (uint32_t j = 0; j < model->row_column_count; j++) {
        const struct column *column = &model->columns[model->row_columns[j].column];
        if (column->slot != NO_SLOT)
            row_columns[column->slot] = j;
        if (column->slot_missing_left != NO_SLOT)
            row_columns[column->slot_missing_left] = j;
    }
}

/* Sort the splits of all trees on numbers by column and split. */
static void sort_splits(struct compact *model, uint32_t split_count, const uint32_t *columns, uint32_t *next)
{
    size_t cells = (size_t)model->row_column_count * CODES;
    uint32_t i = 0;
    for (uint32_t s = 0; s < split_count; s++)
        model->row_ends[(size_t)columns[model->splits[s].slot] * CODES + model->splits[s].split + 1]++;
    for (size_t c = 1; c <= cells; c++)
        model->row_ends[c] += model->row_ends[c - 1];
    memcpy(next, model->row_ends, (cells + 1) * sizeof *next);
    for (uint32_t t = 0; t < model->tree_count; t++)
        for (uint32_t b = 0; b < model->trees[t].bytes; b++)
            for (; i < model->split_ends[model->trees[t].first_byte + b]; i++) {
                const struct block_split *split = &model->splits[i];
                uint32_t place = next[(size_t)columns[split->slot] * CODES + split->split]++;
                model->row_splits[place] = (4 * model->tree_words * t + b) << 8 | split->keep;
            }
}

/* Write the blocks of a column of numbers: what the splits below each checkpoint leave; the last is for a missing one. */
static void keep_numbers(struct compact *model, uint32_t j)
{
    const struct row_column *at = &model->row_columns[j];
    const uint32_t *ends = model->row_ends + (size_t)j * CODES;
    size_t width = model->row_width;
    uint32_t *kept = model->row_kept + at->blocks * width;
    for (uint32_t k = 1; k + 1 < at->block_count; k++) {
        kept += width;
        memcpy(kept, kept - width, width * sizeof *kept);
        for (uint32_t i = ends[(k - 1) << model->row_shift]; i < ends[k << model->row_shift]; i++)
            ((uint8_t *)kept)[model->row_splits[i] >> 8] &= (uint8_t)model->row_splits[i];
    }
    kept += width;
    for (uint32_t t = 0, i = 0; t < model->tree_count; t++)
        for (uint32_t b = 0; b < model->trees[t].bytes; b++)
            for (; i < model->split_ends[model->trees[t].first_byte + b]; i++)
                if (model->splits[i].slot == model->columns[at->column].slot)
                    ((uint8_t *)kept)[4 * model->tree_words * t + b] &= model->splits[i].keep;
}

/* Write the blocks of a column of categories: what is left for each code. */
static void keep_categories(struct compact *model, uint32_t j)
{
    const struct row_column *at = &model->row_columns[j];
    const struct column *column = &model->columns[at->column];
    uint32_t *kept = model->row_kept + at->blocks * model->row_width;
    for (uint32_t k = 0; k < model->category_count; k++) {
        const struct category_split *split = &model->categories[k];
        if (split->slot == column->slot)
            for (uint32_t code = 0; code <= column->point_count; code++)
                kept[(size_t)code * model->row_width + row_word(model, split)] = model->masks[split->masks + code];
    }
}

int compact_plan_rows(struct compact *model, uint32_t split_count)
{
    model->row_width = model->tree_words * model->tree_count;
    model->row_columns = malloc((model->column_count + 1) * sizeof *model->row_columns);
    if (!model->row_columns)
        return -1;
    size_t words = fitting_blocks(model) * model->row_width, cells = (size_t)model->row_column_count * CODES + 1;
    uint32_t *next = malloc(cells * sizeof *next), *columns = calloc(model->slot_count + 1, sizeof *columns);
    model->row_ends = calloc(cells, sizeof *model->row_ends);
    model->row_splits = malloc((split_count + 1) * sizeof *model->row_splits);
    model->row_kept = malloc((words + 1) * sizeof *model->row_kept);
    int failed = !next || !columns || !model->row_ends || !model->row_splits || !model->row_kept;
    if (!failed) {
        memset(model->row_kept, 0xFF, words * sizeof *model->row_kept);
        number_slots(model, columns);
        sort_splits(model, split_count, columns, next);
        for (uint32_t j = 0; j < model->row_column_count; j++)
            (model->columns[model->row_columns[j].column].kind == CATEGORY ? keep_categories : keep_numbers)(model, j);
    }
    free(next);
    free(columns);
    return failed ? -1 : 0;
}
