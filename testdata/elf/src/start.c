/* A program without C library. */
int number = 5;
void _start(void) { for (;;) number++; }
