/* libdemo.so.1: needs libdep.so.1 and the C library, each with versions. */
#include <stdio.h>
#include <stdlib.h>
extern int dep_value(void);
extern int dep_data;
extern int optional_hook(void) __attribute__((weak));
__thread int demo_thread = 7;
static int table[64] = { 3, 1, 2 };
char demo_space[300];
int demo_answer(void) {
    int sum = dep_value() + dep_data;
    if (optional_hook) sum += optional_hook();
    return sum + table[demo_space[0]] - 3;
}
void demo_print(void) { printf("answer %d\n", demo_answer()); if (getenv("DEMO_ABORT")) abort(); }
