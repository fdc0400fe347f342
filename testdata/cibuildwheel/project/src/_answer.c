// An extension module of the stable ABI whose only function is another library's.
#define Py_LIMITED_API 0x03080000
#include <Python.h>

extern int answer(void);

static PyObject *call(PyObject *self, PyObject *unused) { return PyLong_FromLong(answer()); }

static PyMethodDef methods[] = {{"answer", call, METH_NOARGS, 0}, {0}};
static PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_answer", 0, 0, methods};

PyMODINIT_FUNC PyInit__answer(void) { return PyModuleDef_Init(&definition); }
