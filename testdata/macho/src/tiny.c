/* libtiny.dylib: as small as a library can be. */
int tiny(void) { return 1; }
