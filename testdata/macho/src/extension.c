/* _demo: an extension module's entry point, without Python's headers. */
extern void *PyModule_Create2(void *, int);
extern int demo_answer(void);
static long definition[16];
void *PyInit__demo(void) { definition[0] = demo_answer(); return PyModule_Create2(definition, 1013); }
