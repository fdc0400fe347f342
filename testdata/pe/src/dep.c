/* A library that others need. */
__declspec(dllexport) int dep_data = 40;
__declspec(dllexport) int dep_value(void) { return dep_data + 2; }
int start(void *module, unsigned reason, void *reserved) { return 1; }
