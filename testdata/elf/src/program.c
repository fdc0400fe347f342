/* program: prints the answer by way of libdemo.so.1. */
#include <stdio.h>
extern void demo_print(void);
extern int demo_answer(void);
int main(void) { demo_print(); fflush(stdout); return demo_answer() == 42 ? 0 : 1; }
