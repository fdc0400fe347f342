/* libgreet.so.1: needs libwords.so.1. */
extern int words_copy(int at, char *out);

/* Writes "hello, wheel" to `out`, which has room for 32 bytes. */
void greet(char *out) {
    out += words_copy(0, out);
    *out++ = ',';
    *out++ = ' ';
    words_copy(1, out);
}
