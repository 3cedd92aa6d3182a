/* Plans the evaluation by bits of leaves, for models whose trees have at most 64 leaves and columns at most 255 codes.
 *
 * Each leaf of a tree is a bit. A split that a row passes on the right clears the bits of the leaves on its left; the
 * lowest bit that remains is the leaf of the row (QuickScorer: Lucchese et al., SIGIR 2015). Splits are sorted by the
 * byte of the bits that they change, so that one byte of 64 rows stays in registers (RapidScorer: Ye et al., KDD 2018).
 * plan_rows.c plans single rows. */
#include <stdlib.h>
#include <string.h>

#include "compact.h"

enum { MOST_LEAVES = 64, MOST_POINTS = 255, MOST_MASKS = 1 << 23, MOST_TREES = 1 << 20 };

static int fits(const struct compact *model)
{
    for (uint32_t c = 0; c < model->column_count; c++) {
        const struct column *column = &model->columns[c];
        uint32_t last = column->point_count;
        if (column->kind == NUMBER && last && column->points[last - 1] > 1.7976931348623157e308)
            last--; /* no number is past infinity */
        if (column->is_split && last > MOST_POINTS - (column->kind == NUMBER))
            return 0;
    }
    for (uint32_t t = 0; t < model->tree_count; t++)
        if (model->trees[t].leaf_count > MOST_LEAVES)
            return 0;
    return model->leaf_width == 1 && model->tree_count <= MOST_TREES;
}

/* Bits of the leaves on the left of a split. */
static uint64_t left_bits(uint32_t first, uint32_t left)
{
    return ((UINT64_C(1) << left) - 1) << first; /* left < 64: the right branch has a leaf too */
}

/* Write the splits of a tree on numbers, byte by byte; with `splits` NULL count them only. Return their count. */
static uint32_t plan_numbers(const struct compact *model, const struct tree *tree, const uint32_t *firsts,
                             struct block_split *splits, uint32_t *ends, uint32_t count)
{
    for (uint32_t b = 0; b < tree->bytes; b++) {
        for (uint32_t i = tree->nodes; i < tree->nodes + tree->leaf_count - 1; i++) {
            const struct walk_node *node = &model->nodes[i];
            uint8_t bits = (uint8_t)(left_bits(firsts[i], node->left) >> (8 * b));
            if (node->is_category || !bits)
                continue;
            if (splits)
                splits[count] = (struct block_split){node->slot, (uint8_t)node->split, (uint8_t)~bits};
            count++;
        }
        if (ends)
            ends[tree->first_byte + b] = count;
    }
    return count;
}

static uint32_t codes_of_slot(const struct compact *model, uint32_t slot)
{
    for (uint32_t c = 0; c < model->column_count; c++)
        if (model->columns[c].slot == slot)
            return model->columns[c].point_count + 1;
    return 0;
}

static int is_first_on_column(const struct compact *model, const struct tree *tree, uint32_t i)
{
    for (uint32_t j = tree->nodes; j < i; j++)
        if (model->nodes[j].is_category && model->nodes[j].slot == model->nodes[i].slot)
            return 0;
    return 1;
}

/* Number the category columns that a tree splits on, and their masks; return how many masks there are then. */
static size_t plan_categories(struct compact *model, uint32_t t, uint32_t *category_count, size_t masks)
{
    struct tree *tree = &model->trees[t];
    tree->categories = *category_count;
    for (uint32_t i = tree->nodes; i < tree->nodes + tree->leaf_count - 1; i++) {
        uint32_t slot = model->nodes[i].slot;
        if (!model->nodes[i].is_category || !is_first_on_column(model, tree, i))
            continue;
        for (uint32_t w = 0; w < tree->words; w++, masks += codes_of_slot(model, slot)) {
            if (model->categories)
                model->categories[*category_count] = (struct category_split){slot, 2 * t + w, masks};
            *category_count += 1;
        }
    }
    tree->category_count = *category_count - tree->categories;
    return masks;
}

static void fill_masks(const struct compact *model, const struct tree *tree, const uint32_t *firsts)
{
    for (uint32_t i = tree->nodes; i < tree->nodes + tree->leaf_count - 1; i++) {
        const struct walk_node *node = &model->nodes[i];
        const struct category_split *split = model->categories + tree->categories;
        if (!node->is_category)
            continue;
        while (split->slot != node->slot)
            split++;
        uint64_t bits = left_bits(firsts[i], node->left);
        uint32_t codes = codes_of_slot(model, node->slot);
        for (uint32_t w = 0; w < tree->words; w++)
            for (uint32_t code = 0; code < codes; code++)
                if (model->rights[node->split + code / 32] >> code % 32 & 1)
                    model->masks[split[w].masks + code] &= ~(uint32_t)(bits >> (32 * w));
    }
}

int compact_plan(struct compact *model, const uint32_t *firsts)
{
    uint32_t bytes = 0, splits = 0, categories = 0;
    size_t masks = 0;
    if (!fits(model))
        return 0;
    for (uint32_t t = 0; t < model->tree_count; t++) {
        struct tree *tree = &model->trees[t];
        tree->bytes = (tree->leaf_count + 7) / 8;
        tree->words = (tree->bytes + 3) / 4;
        tree->first_byte = bytes;
        bytes += tree->bytes;
        if (tree->words > model->tree_words)
            model->tree_words = tree->words;
        splits = plan_numbers(model, tree, firsts, NULL, NULL, splits);
        masks = plan_categories(model, t, &categories, masks);
    }
    if (masks > MOST_MASKS)
        return 0;
    model->splits = malloc((splits + 1) * sizeof *model->splits);
    model->split_ends = malloc((bytes + 1) * sizeof *model->split_ends);
    model->categories = malloc((categories + 1) * sizeof *model->categories);
    model->masks = malloc((masks + 1) * sizeof *model->masks);
    if (!model->splits || !model->split_ends || !model->categories || !model->masks)
        return -1;
    memset(model->masks, 0xFF, masks * sizeof *model->masks);
    splits = categories = 0, masks = 0;
    for (uint32_t t = 0; t < model->tree_count; t++) {
        struct tree *tree = &model->trees[t];
        splits = plan_numbers(model, tree, firsts, model->splits, model->split_ends, splits);
        masks = plan_categories(model, t, &categories, masks);
        fill_masks(model, tree, firsts);
    }
    model->category_count = categories;
    model->is_planned = 1;
    return compact_plan_rows(model, splits);
}
