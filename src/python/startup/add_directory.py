def _truewheel_start_up():  # by truewheel: this package's DLLs
    import os

    here = os.path.dirname(__file__)
    for folder in [
        "@FOLDER@",
    ]:
        folder = os.path.abspath(os.path.join(here, folder))
        if os.path.isdir(folder):
            os.add_dll_directory(folder)


_truewheel_start_up()
del _truewheel_start_up  # end of what truewheel added
