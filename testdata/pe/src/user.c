/* Needs what forward.dll forwards to dep.dll; 44. */
__declspec(dllimport) int fwd_value(void);
__declspec(dllexport) int answer(void) { return fwd_value() + 2; }
int start(void *module, unsigned reason, void *reserved) { return 1; }
