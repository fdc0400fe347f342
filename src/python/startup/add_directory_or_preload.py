# truewheel: start-up code begins. The loader finds the DLLs of this package by it.
def _truewheel_start_up():
    import os
    import sys

    folder = os.path.abspath(os.path.join(os.path.dirname(__file__), "@FOLDER@"))
    if not os.path.isdir(folder):
        return
    if sys.version_info >= (3, 10) or not os.path.isdir(os.path.join(sys.base_prefix, "conda-meta")):
        os.add_dll_directory(folder)
        return
    # The 3.8 and 3.9 of conda look only in folders of their own: the DLLs are loaded before they are asked for.
    import ctypes

    load = ctypes.WinDLL("kernel32", use_last_error=True).LoadLibraryExW
    load.argtypes = [ctypes.c_wchar_p, ctypes.c_void_p, ctypes.c_uint32]
    load.restype = ctypes.c_void_p
    for name in [
        "@LIBRARY@",
    ]:
        # LOAD_WITH_ALTERED_SEARCH_PATH (8): what a DLL imports is looked for in its own folder.
        if not load(os.path.join(folder, name), None, 8):
            raise ctypes.WinError(ctypes.get_last_error())


_truewheel_start_up()
del _truewheel_start_up
# truewheel: start-up code ends.
