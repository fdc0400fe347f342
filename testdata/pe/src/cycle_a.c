/* Needs cycle_b.dll, which needs this; 45. */
__declspec(dllimport) int b_value(void);
__declspec(dllexport) int a_value(void) { return 20; }
__declspec(dllexport) int answer(void) { return b_value(); }
int start(void *module, unsigned reason, void *reserved) { return 1; }
