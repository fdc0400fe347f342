__declspec(dllimport) int a_value(void);
__declspec(dllexport) int b_value(void) { return a_value() + 25; }
int start(void *module, unsigned reason, void *reserved) { return 1; }
