/* demo._greet: an extension module for the stable ABI of Python 3.8 that needs libgreet.so.1. */
#define Py_LIMITED_API 0x03080000
#include <Python.h>

extern void greet(char *out);

static PyObject *hello(PyObject *self, PyObject *unused) {
    char text[32];
    (void)self, (void)unused;
    greet(text);
    return PyUnicode_FromString(text);
}

static PyMethodDef methods[] = { { "hello", hello, METH_NOARGS, "Return a greeting." }, { NULL, NULL, 0, NULL } };

static struct PyModuleDef definition = { PyModuleDef_HEAD_INIT, "_greet", NULL, -1, methods, NULL, NULL, NULL, NULL };

PyMODINIT_FUNC PyInit__greet(void) { return PyModule_Create(&definition); }
