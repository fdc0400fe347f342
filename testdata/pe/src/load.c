/* load.exe FLAGS PATH: loads a library as Python does (FLAGS in hexadecimal: 1100); exits with what `answer` returns. */
typedef unsigned short wide;
__declspec(dllimport) wide *__stdcall GetCommandLineW(void);
__declspec(dllimport) void *__stdcall LoadLibraryExW(const wide *path, void *file, unsigned flags);
__declspec(dllimport) void *__stdcall GetProcAddress(void *module, const char *name);
__declspec(dllimport) void __stdcall ExitProcess(unsigned status);

static wide *next(wide *text) {
    wide quote = *text == '"' ? '"' : ' ';
    for (text += quote == '"'; *text && *text != quote; text++) {}
    for (text += *text == '"'; *text == ' '; text++) *text = 0;
    return text;
}
void start(void) {
    wide *text = next(GetCommandLineW()), *path = next(text);
    unsigned flags = 0;
    for (; *text; text++) flags = flags * 16 + *text - '0';
    if (*path == '"') path++;
    for (wide *end = path; *end; end++) if (*end == '"' || *end == '\r' || *end == '\n') *end = 0;
    void *module = LoadLibraryExW(path, 0, flags);
    int (*answer)(void) = module ? (int (*)(void))GetProcAddress(module, "answer") : 0;
    ExitProcess(answer ? answer() : 1);
}
