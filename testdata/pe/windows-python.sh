#!/bin/bash
# Makes a real CPython 3.11 for Windows in FOLDER, which runs under Wine: its DLLs out of a wheel that ships them, the standard
# library of this machine's Python 3.11, and a program of a few lines. Nothing of it is kept here; docs/internals/testing.md says
# what it is for.
#   testdata/pe/windows-python.sh FOLDER        needs pip, python3.11, unzip and zig (ZIG, default `zig`)
set -eu
folder=$1
ZIG=${ZIG:-zig}
PYTHON=${PYTHON:-python3.11}
mkdir -p "$folder/DLLs"
cd "$folder"
$PYTHON -m pip download -q --no-deps --only-binary=:all: --platform win_amd64 --python-version 311 -d . panda3d==1.10.16
unzip -q -o -j panda3d-*.whl 'deploy_libs/*' -d DLLs
mv DLLs/python311.dll DLLs/VCRUNTIME140*.dll .
# Wine has its own; and _wmi is for a Windows that answers.
rm -f DLLs/api-ms-win-*.dll DLLs/_wmi.pyd
cp -r "$($PYTHON -c 'import os; print(os.path.dirname(os.__file__))')" Lib
rm -rf Lib/site-packages Lib/dist-packages Lib/test Lib/lib-dynload
cat > python.c << 'C'
#include <windows.h>
int wmain(int argc, wchar_t **argv) {
    int (*run)(int, wchar_t **) = (void *)GetProcAddress(LoadLibraryW(L"python311.dll"), "Py_Main");
    return run ? run(argc, argv) : 1;
}
C
"$ZIG" cc -target x86_64-windows-gnu -municode -O1 -s -o python.exe python.c
rm -f python.c panda3d-*.whl ./*.pdb
