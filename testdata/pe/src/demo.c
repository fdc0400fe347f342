/* An extension module that needs dep.dll and the system; 43 if both are there. */
__declspec(dllimport) int dep_value(void);
__declspec(dllimport) unsigned long __stdcall GetCurrentProcessId(void);
__declspec(dllexport) int answer(void) { return GetCurrentProcessId() ? dep_value() + 1 : 0; }
__declspec(dllexport) void *PyInit__demo(void) { return 0; }
int start(void *module, unsigned reason, void *reserved) { return 1; }
