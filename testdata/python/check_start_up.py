"""Reads pairs of files from standard input (JSON, Latin-1 text) and checks what the second one means to Python.

The second is the first with start-up code put in: it compiles, has the same docstring and future statements, and
without the code it is the same program. Then it is run, with folders in the places of the DLLs.
"""

import ast
import json
import os
import sys
import tempfile


def split(tree):
    """Returns the statements that are not start-up code, and how many are."""
    rest, ours = [], 0
    for node in tree.body:
        named = (
            (isinstance(node, ast.FunctionDef) and node.name == "_truewheel_start_up")
            or (isinstance(node, ast.Expr) and "_truewheel_start_up" in ast.dump(node))
            or (isinstance(node, ast.Delete) and "_truewheel_start_up" in ast.dump(node))
        )
        if named:
            ours += 1
        else:
            rest.append(ast.dump(node))
    return rest, ours


def future(tree):
    return [ast.dump(n) for n in tree.body if isinstance(n, ast.ImportFrom) and n.module == "__future__"]


def check(name, before, after, folders, runs):
    try:
        old = ast.parse(before)
        compile(before, name, "exec")
    except SyntaxError:
        # Nothing to compare with: a future statement after what is no docstring.
        return None
    try:
        new = ast.parse(after)
        code = compile(after, name, "exec")
    except SyntaxError as error:
        return ["%s: %s" % (name, error)]
    wrong = []
    rest, ours = split(new)
    if ours != 3:
        wrong.append("%s: %d statements of start-up code" % (name, ours))
    if rest != split(old)[0]:
        wrong.append("%s: another program" % name)
    if ast.get_docstring(old, clean=False) != ast.get_docstring(new, clean=False):
        wrong.append("%s: another docstring" % name)
    if future(old) != future(new):
        wrong.append("%s: other future statements" % name)
    if runs:
        with tempfile.TemporaryDirectory() as root:
            os.makedirs(os.path.join(root, "pkg"))
            for folder in folders:
                os.makedirs(os.path.join(root, folder))
            added = []
            os.add_dll_directory = added.append
            names = {"__file__": os.path.join(root, "pkg", "__init__.py"), "__name__": "pkg"}
            exec(code, names)
            if added != [os.path.normpath(os.path.join(os.path.abspath(root), folder)) for folder in folders]:
                wrong.append("%s: added %r" % (name, added))
            if [key for key in names if "truewheel" in key]:
                wrong.append("%s: leaves names behind" % name)
    return wrong


def preload(after):
    """Runs the code as conda's 3.8 and 3.9 do, and returns what is loaded."""
    import ctypes

    loaded = []

    class Kernel:
        class LoadLibraryExW:
            def __new__(cls, path, file, flags):
                loaded.append((os.path.basename(path), file, flags))
                return 1

    ctypes.WinDLL = lambda name, use_last_error: Kernel
    with tempfile.TemporaryDirectory() as root:
        for path in ["demo.libs/b.dll", "pkg/bin/a.dll", "conda-meta/history"]:
            path = os.path.join(root, path)
            os.makedirs(os.path.dirname(path))
            open(path, "w").close()
        sys.base_prefix = root
        version, sys.version_info = sys.version_info, (3, 9, 1)
        exec(compile(after, "conda", "exec"), {"__file__": os.path.join(root, "pkg", "__init__.py")})
        sys.version_info = version
    return loaded


def main():
    task = json.load(sys.stdin)
    wrong, compared = [], 0
    for name, before, after, runs in task["cases"]:
        found = check(name, before.encode("latin-1"), after.encode("latin-1"), task["folders"], runs)
        if found is not None:
            wrong += found
            compared += 1
    loaded = preload(task["conda"].encode("latin-1"))
    if loaded != [("b.dll", None, 8), ("a.dll", None, 8)]:
        wrong.append("conda: %r" % loaded)
    print(json.dumps({"compared": compared, "wrong": wrong}))
    return 0


sys.exit(main())
