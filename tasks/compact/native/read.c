/* Reads a compact model: every count, index and number is checked before it is used, and nothing is followed that a
 * check has not bounded. Trees are numbered so that a damaged one cannot loop: each step leaves fewer leaves. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compact.h"

#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "compact models are read on little-endian machines only"
#endif

enum { HEADER = 64, UNROUNDED_PROTOCOL = 1, PROTOCOL = 2, MOST_COLUMNS = 32767, MOST_OUTPUTS = 4096 };
enum { MISSING_LEFT = 0x8000, MOST_ITEMS = 1 << 28 };
static const char MAGIC[8] = {'L', 'E', 'E', 'W', 'A', 'Y', 'C', 'F'};

/* The sections of a file of trees, as they follow each other. */
struct sections {
    uint8_t split_bytes, left_bytes;
    uint32_t node_count, leaf_count, point_count, set_words;
    const uint32_t *point_ends, *set_ends, *tree_leaves, *sets;
    const uint16_t *node_columns;
    const uint8_t *splits, *lefts, *kinds;
};

struct reader {
    const uint8_t *bytes;
    uint64_t size, at;
};

/* Return the next section, of `count` items, or NULL if the file ends before; sections are padded to 8 bytes. */
static const void *section(struct reader *reader, uint64_t count, uint64_t item_bytes)
{
    uint64_t wanted = (count * item_bytes + 7) / 8 * 8, begin = reader->at;
    if (wanted > reader->size - begin)
        return NULL;
    for (uint64_t i = count * item_bytes; i < wanted; i++)
        if (reader->bytes[begin + i])
            return NULL;
    reader->at += wanted;
    return reader->bytes + begin;
}

static uint32_t word(const uint8_t *bytes, size_t at)
{
    uint32_t value;
    memcpy(&value, bytes + at, sizeof value);
    return value;
}

/* Return an unsigned number of 1, 2 or 4 bytes. */
static uint32_t narrow(const uint8_t *numbers, uint64_t index, uint8_t bytes)
{
    uint32_t value = 0;
    memcpy(&value, numbers + index * bytes, bytes);
    return value;
}

static int are_finite(const double *values, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        if (!isfinite(values[i]))
            return 0;
    return 1;
}

static int is_width(uint8_t bytes)
{
    return bytes == 1 || bytes == 2 || bytes == 4;
}

static const char *read_header(struct compact *model, struct sections *s, size_t size)
{
    const uint8_t *bytes = model->file;
    if (size < HEADER || memcmp(bytes, MAGIC, sizeof MAGIC))
        return "it does not begin as a compact model";
    if (word(bytes, 8) != UNROUNDED_PROTOCOL && word(bytes, 8) != PROTOCOL)
        return "its protocol is unknown; install the version of Leeway that wrote it";
    model->kind = bytes[12], model->finish = bytes[13];
    s->split_bytes = bytes[14], s->left_bytes = bytes[15];
    model->column_count = word(bytes, 16), model->output_count = word(bytes, 20);
    model->tree_count = word(bytes, 24), s->node_count = word(bytes, 28);
    s->leaf_count = word(bytes, 32), model->leaf_width = word(bytes, 36);
    s->point_count = word(bytes, 40), s->set_words = word(bytes, 44);
    model->is_single = bytes[48];
    for (size_t i = 49; i < HEADER; i++)
        if (bytes[i])
            return "the reserved part of its header is used";
    if (model->is_single > (word(bytes, 8) == PROTOCOL))
        return "how it rounds its sums is unknown";
    if ((model->kind != TREES && model->kind != LINEAR) || model->finish > EXP)
        return "its kind is unknown";
    if (model->column_count < 1 || model->column_count > MOST_COLUMNS)
        return "it has too few or too many columns";
    if (model->output_count < 1 || model->output_count > MOST_OUTPUTS)
        return "it has too few or too many outputs";
    if (model->tree_count > MOST_ITEMS || s->leaf_count > MOST_ITEMS || s->set_words > MOST_ITEMS)
        return "it is too large";
    return NULL;
}

static const char *read_linear(struct compact *model, const struct sections *s, struct reader *reader)
{
    uint64_t weights = (uint64_t)model->column_count * model->output_count;
    if (model->tree_count || s->node_count || s->leaf_count || model->leaf_width || s->point_count || s->set_words
        || s->split_bytes || s->left_bytes || model->is_single || model->finish == MEAN)
        return "a linear model has no trees";
    model->start = section(reader, model->output_count, sizeof(double));
    model->weights = section(reader, weights, sizeof(double));
    if (!model->start || !model->weights || reader->at != reader->size)
        return "its size is not what its header says";
    if (!are_finite(model->start, model->output_count) || !are_finite(model->weights, weights))
        return "a weight is not finite";
    return NULL;
}

static const char *read_sections(struct compact *model, struct sections *s, struct reader *reader)
{
    if (!is_width(s->split_bytes) || !is_width(s->left_bytes))
        return "the width of its indices is unknown";
    if (model->leaf_width != 1 && model->leaf_width != model->output_count)
        return "its leaves do not fit its outputs";
    if (model->tree_count < 1 || s->leaf_count < model->tree_count
        || s->node_count != s->leaf_count - model->tree_count)
        return "its counts of trees, splits and leaves contradict each other";
    if (!(model->start = section(reader, model->output_count, sizeof(double)))
        || !(s->point_count <= MOST_ITEMS)
        || !(model->columns[0].points = section(reader, s->point_count, sizeof(double)))
        || !(model->leaves = section(reader, (uint64_t)s->leaf_count * model->leaf_width, sizeof(double)))
        || !(s->point_ends = section(reader, model->column_count, sizeof(uint32_t)))
        || !(s->set_ends = section(reader, model->column_count, sizeof(uint32_t)))
        || !(s->tree_leaves = section(reader, model->tree_count, sizeof(uint32_t)))
        || !(s->sets = section(reader, s->set_words, sizeof(uint32_t)))
        || !(s->node_columns = section(reader, s->node_count, sizeof(uint16_t)))
        || !(s->splits = section(reader, s->node_count, s->split_bytes))
        || !(s->lefts = section(reader, s->node_count, s->left_bytes))
        || !(s->kinds = section(reader, model->column_count, 1)) || reader->at != reader->size)
        return "its size is not what its header says";
    if (!are_finite(model->start, model->output_count)
        || !are_finite(model->leaves, (uint64_t)s->leaf_count * model->leaf_width))
        return "a leaf is not finite";
    return NULL;
}

/* Words of one set of a column with so many known codes. */
static uint32_t words_of(uint32_t codes)
{
    return (codes + 31) / 32;
}

static const char *read_columns(struct compact *model, const struct sections *s)
{
    const double *points = model->columns[0].points;
    uint32_t point = 0, set_word = 0;
    for (uint32_t c = 0; c < model->column_count; c++) {
        struct column *column = &model->columns[c];
        uint32_t end = s->point_ends[c], set_end = s->set_ends[c];
        if (s->kinds[c] > CATEGORY)
            return "the kind of a column is unknown";
        if (end < point || end > s->point_count || set_end < set_word || set_end > s->set_words)
            return "the tables of its columns overlap";
        *column = (struct column){points + point, end - point, s->kinds[c], 0, NO_SLOT, NO_SLOT};
        for (uint32_t i = point; i < end; i++) {
            if (!(points[i] > -INFINITY) || (i > point && !(points[i] > points[i - 1])))
                return "the points of a column do not ascend";
            if (column->kind == CATEGORY && !isfinite(points[i]))
                return "a code is not finite";
        }
        uint32_t words = column->kind == NUMBER ? 0 : words_of(column->point_count);
        if (words ? (set_end - set_word) % words : set_end != set_word)
            return "the sets of a column do not fit its codes";
        point = end, set_word = set_end;
    }
    if (point != s->point_count || set_word != s->set_words)
        return "some of its tables belong to no column";
    return NULL;
}

/* Give each column the codes that its splits need. */
static const char *assign_slots(struct compact *model, const struct sections *s)
{
    for (uint32_t i = 0; i < s->node_count; i++) {
        uint32_t number = s->node_columns[i] & (MISSING_LEFT - 1);
        if (number >= model->column_count)
            return "a split is on a column that it does not have";
        struct column *column = &model->columns[number];
        int second = column->kind == NUMBER && s->node_columns[i] & MISSING_LEFT;
        uint32_t *slot = second ? &column->slot_missing_left : &column->slot;
        if (*slot == NO_SLOT)
            *slot = model->slot_count++;
        column->is_split = 1;
    }
    return NULL;
}

/* Copy a set of codes that go left, as the codes that go right; the last bit is that of a missing or unknown code. */
static void copy_set(uint32_t *rights, const uint32_t *lefts, uint32_t codes, int missing_left)
{
    for (uint32_t w = 0; w < codes / 32 + 1; w++)
        rights[w] = w < words_of(codes) ? ~lefts[w] : 0;
    uint32_t bit = (uint32_t)1 << codes % 32;
    rights[codes / 32] &= bit - 1;
    if (!missing_left)
        rights[codes / 32] |= bit;
}

static const char *read_node(struct compact *model, const struct sections *s, uint32_t i, uint64_t *right_words)
{
    const struct column *column = &model->columns[s->node_columns[i] & (MISSING_LEFT - 1)];
    int missing_left = (s->node_columns[i] & MISSING_LEFT) != 0;
    uint32_t split = narrow(s->splits, i, s->split_bytes), number = (uint32_t)(column - model->columns);
    struct walk_node *node = &model->nodes[i];
    node->is_category = column->kind == CATEGORY;
    if (column->kind == NUMBER) {
        if (split >= column->point_count)
            return "a split has a threshold that its column does not have";
        node->slot = missing_left ? column->slot_missing_left : column->slot;
        node->split = split;
        return NULL;
    }
    uint32_t first = number ? s->set_ends[number - 1] : 0, words = words_of(column->point_count);
    if (!words || split >= (s->set_ends[number] - first) / words)
        return "a split has a set that its column does not have";
    node->slot = column->slot;
    node->split = (uint32_t)*right_words;
    copy_set(model->rights + *right_words, s->sets + first + split * words, column->point_count, missing_left);
    *right_words += column->point_count / 32 + 1;
    return NULL;
}

/* Words of all sets that `read_node` copies. */
static uint64_t words_of_rights(const struct compact *model, const struct sections *s)
{
    uint64_t words = 0;
    for (uint32_t i = 0; i < s->node_count; i++) {
        const struct column *column = &model->columns[s->node_columns[i] & (MISSING_LEFT - 1)];
        words += column->kind == CATEGORY ? column->point_count / 32 + 1 : 0;
    }
    return words;
}

/* Number the trees: `sizes` and `firsts` are the count and the first of the leaves below each split. */
static const char *read_trees(struct compact *model, const struct sections *s, uint32_t *sizes, uint32_t *firsts)
{
    uint64_t right_words = 0;
    uint32_t node = 0, leaf = 0;
    for (uint32_t t = 0; t < model->tree_count; t++) {
        uint32_t leaves = s->tree_leaves[t];
        if (leaves < 1 || leaves - 1 > s->node_count - node)
            return "a tree has too few or too many leaves";
        model->trees[t] = (struct tree){.nodes = node, .leaves = leaf, .leaf_count = leaves};
        if (leaves > 1)
            sizes[node] = leaves, firsts[node] = 0;
        for (uint32_t end = node + leaves - 1; node < end; node++) {
            uint32_t size = sizes[node], left = narrow(s->lefts, node, s->left_bytes);
            if (left < 1 || left >= size)
                return "a split has too few or too many leaves";
            if (left > 1)
                sizes[node + 1] = left, firsts[node + 1] = firsts[node];
            if (size - left > 1)
                sizes[node + left] = size - left, firsts[node + left] = firsts[node] + left;
            model->nodes[node].left = left;
            const char *fault = read_node(model, s, node, &right_words);
            if (fault)
                return fault;
        }
        leaf += leaves;
    }
    return leaf == s->leaf_count ? NULL : "some of its leaves belong to no tree";
}

static void *zeroed(uint64_t count, size_t bytes)
{
    return calloc(count ? count : 1, bytes);
}

static const char *open_trees(struct compact *model, struct sections *s, struct reader *reader)
{
    static const char no_memory[] = "there is not enough memory for it";
    const char *fault;
    if (!(model->columns = zeroed(model->column_count, sizeof *model->columns)))
        return no_memory;
    if ((fault = read_sections(model, s, reader)) || (fault = read_columns(model, s))
        || (fault = assign_slots(model, s)))
        return fault;
    uint64_t words = words_of_rights(model, s);
    if (words > MOST_ITEMS)
        return "it is too large";
    model->trees = zeroed(model->tree_count, sizeof *model->trees);
    model->nodes = zeroed(s->node_count, sizeof *model->nodes);
    model->rights = zeroed(words, sizeof *model->rights);
    uint32_t *below = zeroed((uint64_t)s->node_count * 2, sizeof *below);
    fault = no_memory;
    if (model->trees && model->nodes && model->rights && below) {
        fault = read_trees(model, s, below, below + s->node_count);
        if (!fault && compact_plan(model, below + s->node_count))
            fault = no_memory;
    }
    free(below);
    return fault;
}

struct compact *compact_open(const uint8_t *bytes, size_t size, const char **fault)
{
    struct sections s = {0};
    struct compact *model = calloc(1, sizeof *model);
    *fault = "there is not enough memory for it";
    if (!model)
        return NULL;
    if ((model->file = malloc(size ? size : 1))) {
        memcpy(model->file, bytes, size);
        struct reader reader = {model->file, size, HEADER};
        if (!(*fault = read_header(model, &s, size)))
            *fault = model->kind == TREES ? open_trees(model, &s, &reader) : read_linear(model, &s, &reader);
    }
    if (!*fault)
        return model;
    compact_close(model);
    return NULL;
}

void compact_close(struct compact *model)
{
    free(model->columns);
    free(model->trees);
    free(model->nodes);
    free(model->rights);
    free(model->splits);
    free(model->split_ends);
    free(model->row_splits);
    free(model->row_ends);
    free(model->row_kept);
    free(model->categories);
    free(model->masks);
    free(model->row_columns);
    free(model->file);
    free(model);
}
