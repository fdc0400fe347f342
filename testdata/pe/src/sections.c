/* As many sections as the headers have room for, so that one more needs larger headers. */
#define SECTION(n) __attribute__((section(".more" #n))) int more_##n = 5;
SECTION(1) SECTION(2) SECTION(3) SECTION(4) SECTION(5) SECTION(6) SECTION(7) SECTION(8) SECTION(9)
#ifdef FILL
SECTION(a) SECTION(b)
#endif
__declspec(dllimport) int dep_value(void);
__declspec(dllexport) int answer(void) { return dep_value() + more_5; }
int start(void *module, unsigned reason, void *reserved) { return 1; }
