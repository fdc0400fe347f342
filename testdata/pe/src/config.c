/* With a load configuration whose DependentLoadFlags (0x800) keep the loader out of the file's own directory. */
__declspec(dllimport) int dep_value(void);
__declspec(dllexport) int answer(void) { return dep_value() + 6; }
int start(void *module, unsigned reason, void *reserved) { return 1; }
#ifdef __i386__
#define BEFORE 50
#else
#define BEFORE 74
#endif
__attribute__((aligned(8))) struct {
    unsigned size;
    char before[BEFORE];
    unsigned short flags;
    unsigned char after[136];
} _load_config_used = { sizeof(_load_config_used), {0}, 0x800, {0} };
