#!python
# Runs the program of this name that lies with its libraries in site-packages.
import os
import sys
import sysconfig

program = os.path.join(sysconfig.get_path("platlib"), "@PROGRAM@")
if not os.path.exists(program):
    for folder in sys.path:
        candidate = os.path.join(folder, "@PROGRAM@")
        if os.path.exists(candidate):
            program = candidate
            break
os.execv(program, [program] + sys.argv[1:])
