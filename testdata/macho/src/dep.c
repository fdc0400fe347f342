/* libdep.dylib: a function and a datum. */
int dep_value(void) { return 2; }
int dep_data = 40;
