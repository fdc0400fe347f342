/* libwords.so.1: what a greeting is made of. */
#include <string.h>

static const char *const words[] = { "hello", "wheel" };

/* Returns the length of word `at`, and copies it to `out`. */
int words_copy(int at, char *out) {
    strcpy(out, words[at]);
    return (int)strlen(words[at]);
}
