def _truewheel_start_up():  # by truewheel: this package's DLLs
    import os
    import sys

    folder = os.path.abspath(os.path.join(os.path.dirname(__file__), "@FOLDER@"))
    if not os.path.isdir(folder):
        return
    is_conda = os.path.isdir(os.path.join(sys.base_prefix, "conda-meta"))
    if sys.version_info >= (3, 10) or not is_conda:
        os.add_dll_directory(folder)
        return
    # conda's 3.8 and 3.9 look only in folders of their own: the DLLs are loaded
    # before they are asked for.
    import ctypes

    load = ctypes.WinDLL("kernel32", use_last_error=True).LoadLibraryExW
    load.argtypes = [ctypes.c_wchar_p, ctypes.c_void_p, ctypes.c_uint32]
    load.restype = ctypes.c_void_p
    for name in [
        "@LIBRARY@",
    ]:
        # LOAD_WITH_ALTERED_SEARCH_PATH: a DLL's own folder serves its imports.
        if not load(os.path.join(folder, name), None, 8):
            raise ctypes.WinError(ctypes.get_last_error())


_truewheel_start_up()
del _truewheel_start_up  # end of what truewheel added
