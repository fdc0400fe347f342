/* libdep.so.1: two versions of one function. */
int dep_old(void) { return 1; }
int dep_new(void) { return 2; }
__asm__(".symver dep_old, dep_value@DEP_1.0");
__asm__(".symver dep_new, dep_value@@DEP_2.0");
int dep_data = 40;
