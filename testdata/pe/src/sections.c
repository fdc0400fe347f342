/* Sixteen section headers end at 0x400, where the sections begin if the headers are no larger than they need be. */
#define SECTION(n) __attribute__((section(".more" #n))) int more_##n = 5;
SECTION(1) SECTION(2) SECTION(3) SECTION(4) SECTION(5) SECTION(6) SECTION(7) SECTION(8) SECTION(9)
SECTION(a) SECTION(b) SECTION(c) SECTION(d)
__declspec(dllimport) int dep_value(void);
__declspec(dllexport) int answer(void) { return dep_value() + more_5; }
int start(void *module, unsigned reason, void *reserved) { return 1; }
