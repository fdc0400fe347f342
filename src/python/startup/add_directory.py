# truewheel: start-up code begins. The loader finds the DLLs of this package by it.
def _truewheel_start_up():
    import os

    folder = os.path.abspath(os.path.join(os.path.dirname(__file__), "@FOLDER@"))
    if os.path.isdir(folder):
        os.add_dll_directory(folder)


_truewheel_start_up()
del _truewheel_start_up
# truewheel: start-up code ends.
