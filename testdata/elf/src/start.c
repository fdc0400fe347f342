/* A program without C library. */
volatile int number = 5;
void _start(void) { for (;;) number++; }
