/* Delay-loads dep.dll with the helper of Visual C++, shortened: LoadLibraryA with a bare name; 46. */
__declspec(dllimport) int dep_value(void);
__declspec(dllimport) void *__stdcall LoadLibraryA(const char *name);
__declspec(dllimport) void *__stdcall GetProcAddress(void *module, const char *name);
__declspec(dllimport) void __stdcall ExitProcess(unsigned status);
extern char __ImageBase[];
typedef struct { unsigned attributes, name, module, table, names, bound, unload, time; } Descriptor;

void *__stdcall __delayLoadHelper2(const Descriptor *descriptor, void **slot) {
    void *module = LoadLibraryA(__ImageBase + descriptor->name);
    void **table = (void **)(__ImageBase + descriptor->table);
    void **names = (void **)(__ImageBase + descriptor->names);
    if (!module) ExitProcess(126);
    *slot = GetProcAddress(module, __ImageBase + (unsigned long long)names[slot - table] + 2);
    return *slot;
}
__declspec(dllexport) int answer(void) { return dep_value() + 4; }
int start(void *module, unsigned reason, void *reserved) { return 1; }
