/* libdemo.dylib: needs libdep.dylib, and exports a thread-local datum and a weak reference. */
extern int dep_value(void);
extern int dep_data;
extern int optional_hook(void) __attribute__((weak_import));
__thread int demo_thread = 7;
int demo_answer(void) { return dep_value() + dep_data + (optional_hook ? optional_hook() : 0); }
