// The library that the wheel must carry.
int answer(void) { return 42; }
