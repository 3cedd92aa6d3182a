/* The evaluator for CPython (stable ABI of 3.11): tasks.compact._native. */
#define Py_LIMITED_API 0x030B0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "compact.h"

typedef struct {
    PyObject_HEAD
    struct compact *model;
} Evaluator;

static PyObject *evaluator_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    Py_buffer file;
    const char *fault = NULL;
    if (kwargs != NULL && PyDict_Size(kwargs) > 0) {
        PyErr_SetString(PyExc_TypeError, "Evaluator takes no keywords");
        return NULL;
    }
    if (!PyArg_ParseTuple(args, "y*", &file))
        return NULL;
    struct compact *model = compact_open(file.buf, (size_t)file.len, &fault);
    PyBuffer_Release(&file);
    if (model == NULL) {
        PyErr_SetString(PyExc_ValueError, fault);
        return NULL;
    }
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    Evaluator *self = (Evaluator *)allocate(type, 0);
    if (self == NULL)
        compact_close(model);
    else
        self->model = model;
    return (PyObject *)self;
}

static void evaluator_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    if (((Evaluator *)object)->model != NULL)
        compact_close(((Evaluator *)object)->model);
    release(object);
    Py_DECREF(type);
}

static int is_matrix(const Py_buffer *view, Py_ssize_t rows, uint32_t columns)
{
    return view->ndim == 2 && view->itemsize == sizeof(double) && view->format[0] == 'd' && view->format[1] == 0
           && view->shape[0] == rows && view->shape[1] == (Py_ssize_t)columns;
}

static PyObject *score(const struct compact *model, const Py_buffer *rows, const Py_buffer *scores)
{
    int failed;
    Py_ssize_t n = scores->ndim == 2 ? scores->shape[0] : 0;
    if (!is_matrix(rows, n, model->column_count) || !is_matrix(scores, n, model->output_count)) {
        PyErr_Format(PyExc_ValueError, "expected doubles of the shapes (n, %u) and (n, %u)", model->column_count,
                     model->output_count);
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS
    failed = compact_score(model, rows->buf, (size_t)n, scores->buf);
    Py_END_ALLOW_THREADS
    if (failed)
        return PyErr_NoMemory();
    Py_RETURN_NONE;
}

static PyObject *evaluator_score(PyObject *object, PyObject *args)
{
    PyObject *rows_object, *scores_object, *done = NULL;
    Py_buffer rows, scores;
    if (!PyArg_ParseTuple(args, "OO", &rows_object, &scores_object))
        return NULL;
    if (PyObject_GetBuffer(rows_object, &rows, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT))
        return NULL;
    if (!PyObject_GetBuffer(scores_object, &scores, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT | PyBUF_WRITABLE)) {
        done = score(((Evaluator *)object)->model, &rows, &scores);
        PyBuffer_Release(&scores);
    }
    PyBuffer_Release(&rows);
    return done;
}

static PyObject *evaluator_columns(PyObject *object, void *unused)
{
    (void)unused;
    return PyLong_FromUnsignedLong(((Evaluator *)object)->model->column_count);
}

static PyObject *evaluator_outputs(PyObject *object, void *unused)
{
    (void)unused;
    return PyLong_FromUnsignedLong(((Evaluator *)object)->model->output_count);
}

static PyObject *evaluator_is_exponential(PyObject *object, void *unused)
{
    (void)unused;
    return PyBool_FromLong(((Evaluator *)object)->model->finish == EXP);
}

static PyMethodDef methods[] = {
    {"score", evaluator_score, METH_VARARGS, "score(rows, scores): write the scores (n, outputs) of rows (n, columns)."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef properties[] = {
    {"columns", evaluator_columns, NULL, "Columns of a row.", NULL},
    {"outputs", evaluator_outputs, NULL, "Scores of a row.", NULL},
    {"is_exponential", evaluator_is_exponential, NULL, "Whether the caller takes exp of the scores.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "Evaluator(file): a compact model; ValueError says what is damaged."},
    {Py_tp_new, evaluator_new},
    {Py_tp_dealloc, evaluator_dealloc},
    {Py_tp_methods, methods},
    {Py_tp_getset, properties},
    {0, NULL},
};

static PyType_Spec spec = {"tasks.compact._native.Evaluator", sizeof(Evaluator), 0, Py_TPFLAGS_DEFAULT, slots};

static int module_exec(PyObject *module)
{
    PyObject *type = PyType_FromSpec(&spec);
    if (type == NULL)
        return -1;
    int failed = PyModule_AddObjectRef(module, "Evaluator", type);
    Py_DECREF(type);
    return failed;
}

static PyModuleDef_Slot module_slots[] = {{Py_mod_exec, module_exec}, {0, NULL}};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_native", "Compact models, evaluated in C.", 0, NULL, module_slots, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__native(void)
{
    return PyModuleDef_Init(&definition);
}
