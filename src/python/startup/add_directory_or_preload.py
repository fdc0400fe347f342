def _truewheel_start_up():  # by truewheel: this package's DLLs
    import os
    import sys

    here = os.path.dirname(__file__)
    is_conda = os.path.isdir(os.path.join(sys.base_prefix, "conda-meta"))
    if sys.version_info >= (3, 10) or not is_conda:
        for folder in [
            "@FOLDER@",
        ]:
            folder = os.path.abspath(os.path.join(here, folder))
            if os.path.isdir(folder):
                os.add_dll_directory(folder)
        return
    # conda's 3.8 and 3.9 look only in folders of their own: the DLLs are loaded
    # before they are asked for.
    import ctypes

    load = ctypes.WinDLL("kernel32", use_last_error=True).LoadLibraryExW
    load.argtypes = [ctypes.c_wchar_p, ctypes.c_void_p, ctypes.c_uint32]
    load.restype = ctypes.c_void_p
    for library in [
        "@LIBRARY@",
    ]:
        library = os.path.abspath(os.path.join(here, library))
        # LOAD_WITH_ALTERED_SEARCH_PATH: a DLL's own folder serves its imports.
        if os.path.isfile(library) and not load(library, None, 8):
            raise ctypes.WinError(ctypes.get_last_error())


_truewheel_start_up()
del _truewheel_start_up  # end of what truewheel added
