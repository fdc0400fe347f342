#!/usr/bin/env python3
"""Compare truewheel with repairwheel and delvewheel (from PyPI) on wheels of releases: the same machine, the same run.

    cargo build --release && python3 benches/releases.py

The wheels of a release, one for each Python, come from PyPI (some 900 MB in all). Their vendored libraries are moved out,
so that they need a repair again: that is not measured. Then each tool repairs one wheel of each release, and all of
them in one command, in turn; the least CPU time of the rounds is printed (user + system, children included), and ratios.
Names on the command line pick releases: `av-macos`.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.request
import zipfile

import compare

TOOLS = ["repairwheel==0.8.0", "delvewheel==1.13.2"]
RELEASES = {
    "macos": ["av 14.2.0", "fiona 1.10.1", "netCDF4 1.7.2", "pikepdf 9.5.2", "pyproj 3.7.1", "scikit_learn 1.5.2"],
    "windows": ["av 14.2.0", "cvxopt 1.3.2", "fiona 1.10.1", "netCDF4 1.7.2", "pyproj 3.7.1", "scikit_learn 1.5.2"],
}
# What a release needs and does not bring.
EXCLUDED = {"fiona-windows": "concrt140.dll"}
PLATFORM = {"macos": re.compile(r"macosx_\d+_\d+_arm64"), "windows": re.compile("win_amd64")}
# What delvewheel 1.x writes into `__init__.py`.
START_UP = re.compile(rb'(?:"""""")?[ \t]*# start delvewheel patch\r?\n.*?# end delvewheel patch\r?\n', re.DOTALL)
VENDORED = re.compile(r"\.(?:dylibs|libs)/([^/]+)$")
# Where the libraries were when the wheels were built.
BUILT_IN = "/opt/build/lib"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--truewheel", type=pathlib.Path, default=compare.ROOT / "target/release/truewheel")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--wheels", type=pathlib.Path, default=compare.ROOT / "target/benches-wheels")
    parser.add_argument("--json", type=pathlib.Path, help="write the figures to a file, too")
    parser.add_argument("release", nargs="*")
    arguments = parser.parse_args()
    peers = compare.install_peer(compare.ROOT / "target" / "benches-releases", TOOLS).parent
    figures = {}
    for system, releases in RELEASES.items():
        for release in releases:
            name = f"{release.split()[0]}-{system}"
            if arguments.release and name not in arguments.release:
                continue
            with tempfile.TemporaryDirectory() as folder:
                folder = pathlib.Path(folder)
                wheels = [undone(path, folder, arguments) for path in published(release, system, arguments.wheels)]
                tools = commands(arguments.truewheel.resolve(), peers, folder, name)
                for number, some in {1: wheels[-1:], len(wheels): wheels}.items():
                    measured = measure(tools, some, folder / "out", arguments.rounds)
                    figures[f"{name}, {number} of {len(wheels)}"] = measured
                    report(f"{name}, {number}", measured)
    report_sums(figures)
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1) + "\n")


def published(release, system, folder):
    """Return the wheels of a release, downloaded once."""
    project, version = release.split()
    request = urllib.request.Request(
        f"https://pypi.org/simple/{project.lower().replace('_', '-')}/",
        headers={"Accept": "application/vnd.pypi.simple.v1+json"},
    )
    with urllib.request.urlopen(request) as answer:
        files = json.load(answer)["files"]
    folder.mkdir(parents=True, exist_ok=True)
    wheels = []
    for file in files:
        name = file["filename"]
        tag = re.fullmatch(rf"{project}-{re.escape(version)}-cp3(\d+)-cp3\1-(\w+)\.whl", name)
        if tag and PLATFORM[system].fullmatch(tag[2]):
            if not (folder / name).exists():
                part = folder / f"{name}.part"
                urllib.request.urlretrieve(file["url"], part)
                part.rename(folder / name)
            wheels.append((int(tag[1]), folder / name))
    # Of several minimum systems that a release was built for, the most frequent.
    platforms = [path.stem.rsplit("-", 1)[1] for _, path in wheels]
    usual = max(sorted(set(platforms)), key=platforms.count)
    return [path for _, path in sorted(wheels) if path.stem.endswith(f"-{usual}")]


def undone(path, folder, arguments):
    """Write the wheel without what was vendored, its libraries into `lib`, and return it."""
    libraries, result = folder / "lib", folder / "wheels" / path.name
    libraries.mkdir(exist_ok=True)
    result.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(path) as before, zipfile.ZipFile(result, "w", zipfile.ZIP_DEFLATED) as after:
        for member in before.infolist():
            data = before.read(member)
            if vendored := VENDORED.search(member.filename):
                if vendored[1].endswith((".dylib", ".dll")) and not (libraries / vendored[1]).exists():
                    (libraries / vendored[1]).write_bytes(built(data, folder, arguments))
            elif member.filename.endswith(".dist-info/RECORD"):
                rows = data.decode().splitlines(keepends=True)
                after.writestr(member, "".join(row for row in rows if not VENDORED.search(row.split(",")[0])))
            elif member.filename.endswith("/__init__.py"):
                after.writestr(member, START_UP.sub(b"", data))
            elif not member.filename.endswith((".dist-info/DELVEWHEEL", "/")):
                after.writestr(member, built(data, folder, arguments))
    return result


def built(data, folder, arguments):
    """Return a Mach-O file with its libraries where they were at build time, anything else as it is."""
    if data[:4] not in (b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe"):
        return data
    file = folder / "binary"
    file.write_bytes(data)
    run = [arguments.truewheel.resolve(), "--no-config"]
    shown = subprocess.run([*run, "tree", "--format", "json", file], capture_output=True, text=True)
    names = set(re.findall(r'"(@loader_path/[^"]*dylibs/[^"]+)"', shown.stdout))
    edits = [f"--replace-import={name}={BUILT_IN}/{name.rsplit('/', 1)[1]}" for name in sorted(names)]
    if edits:
        subprocess.run([*run, "-q", "edit", "--in-place", *edits, file], check=True)
    return file.read_bytes()


def commands(truewheel, peers, folder, name):
    """Return each tool's command, but for its output folder and wheels."""
    libraries = folder / "lib"
    exclude = ["--exclude", EXCLUDED[name]] if name in EXCLUDED else []
    tools = {
        "truewheel": [truewheel, "--no-config", "repair", "--no-host-libs", "--lib-path", libraries, *exclude, "-w"],
        "repairwheel": [peers / "repairwheel", "-l", libraries, *exclude, "-o"],
    }
    if name.endswith("-windows"):
        tools["delvewheel"] = [peers / "delvewheel", "repair", "--add-path", libraries, *exclude, "-w"]
    return tools


def measure(tools, wheels, out, rounds):
    """Return the least CPU time of each tool, in seconds; every one must write a wheel for each."""
    figures = {}
    for _ in range(rounds):
        for tool, line in tools.items():
            shutil.rmtree(out, ignore_errors=True)
            out.mkdir()
            used = compare.timed([*line, out, *wheels])["cpu"]
            if len(list(out.glob("*.whl"))) != len(wheels):
                sys.exit(f"{tool}: not {len(wheels)} wheels in {sorted(os.listdir(out))}")
            figures[tool] = min(used, figures.get(tool, used))
    return figures


def report(name, figures):
    ours = figures["truewheel"]
    others = "".join(f"{tool:>14} {used:7.2f} {used / ours:6.1f}" for tool, used in figures.items() if tool != "truewheel")
    print(f"{name:26} truewheel {ours:7.3f}{others}", flush=True)


def report_sums(figures):
    """Print the sums by system, of single wheels and of whole releases."""
    sums = {}
    for name, tools in figures.items():
        release, number = name.split(", ")
        kind = "one wheel each" if number.startswith("1 ") else "whole releases"
        total = sums.setdefault(f"{release.rsplit('-', 1)[1]}: {kind}", {})
        for tool, used in tools.items():
            total[tool] = total.get(tool, 0) + used
    for name, total in sums.items():
        report(name, total)


if __name__ == "__main__":
    main()
