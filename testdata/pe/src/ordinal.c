/* Imports dep.dll's first export by number. */
__declspec(dllimport) int dep_first(void);
__declspec(dllexport) int answer(void) { return dep_first() + 2; }
int start(void *module, unsigned reason, void *reserved) { return 1; }
