/* load.exe FLAGS PATH [FOLDER...]: tells the loader of the folders, loads a library as Python does (FLAGS in hexadecimal:
   1100), and exits with what `answer` returns. */
typedef unsigned short wide;
__declspec(dllimport) wide *__stdcall GetCommandLineW(void);
__declspec(dllimport) void *__stdcall LoadLibraryExW(const wide *path, void *file, unsigned flags);
__declspec(dllimport) void *__stdcall AddDllDirectory(const wide *path);
__declspec(dllimport) void *__stdcall GetProcAddress(void *module, const char *name);
__declspec(dllimport) void __stdcall ExitProcess(unsigned status);

static wide *next(wide *text) {
    wide quote = *text == '"' ? '"' : ' ';
    for (text += quote == '"'; *text && *text != quote; text++) {}
    for (text += *text == '"'; *text == ' '; text++) *text = 0;
    return text;
}
static wide *bare(wide *text) {
    if (*text == '"') text++;
    for (wide *end = text; *end; end++) if (*end == '"' || *end == '\r' || *end == '\n') *end = 0;
    return text;
}
void start(void) {
    wide *text = next(GetCommandLineW()), *path = next(text), *folder = next(path);
    unsigned flags = 0;
    for (; *text; text++) flags = flags * 16 + *text - '0';
    while (*folder) {
        wide *rest = next(folder);
        AddDllDirectory(bare(folder));
        folder = rest;
    }
    path = bare(path);
    void *module = LoadLibraryExW(path, 0, flags);
    int (*answer)(void) = module ? (int (*)(void))GetProcAddress(module, "answer") : 0;
    ExitProcess(answer ? answer() : 1);
}
