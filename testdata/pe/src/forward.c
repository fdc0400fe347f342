/* Exports of its own beside forwarders to dep.dll (the linker's /export options). */
__declspec(dllexport) int own_value(void) { return 7; }
int start(void *module, unsigned reason, void *reserved) { return 1; }
