"""Runs the commands of docs/guides/cibuildwheel.md for the platforms that cibuildwheel cannot build on Linux.

    python other_platforms.py GUIDE FOLDER

The options are read, the placeholders filled in and the audit made by cibuildwheel's own functions (this is run by the Python that
has cibuildwheel); the wheels are made of the fixtures of `testdata`, in place of a build. `truewheel` must be on the path, and
where uv or pip finds it.
"""

import base64
import hashlib
import os
import re
import shlex
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

from cibuildwheel.audit import run_audit
from cibuildwheel.options import CommandLineArguments, compute_options
from cibuildwheel.util.cmd import shell
from cibuildwheel.util.helpers import prepare_command

TESTDATA = Path(__file__).resolve().parent.parent


def wheel(folder: Path, tags: str, members: dict[str, bytes]) -> Path:
    """Writes a wheel of a package `answer` with these members."""
    info = "answer-1.0.dist-info"
    members = members | {
        "answer/__init__.py": b"",
        f"{info}/METADATA": b"Metadata-Version: 2.1\nName: answer\nVersion: 1.0\n",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: false\nTag: {tags}\n".encode(),
    }
    record = ""
    for name, data in members.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        record += f"{name},sha256={digest},{len(data)}\n"
    members[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    folder.mkdir(parents=True)
    path = folder / f"answer-1.0-{tags}.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def android_library(folder: Path) -> bytes:
    """Compiles an extension module for Android that needs `libanswer.so` beside it; nothing of this machine's libc is in it."""
    folder.mkdir(parents=True)
    source = TESTDATA / "cibuildwheel/project/src"
    flags = ["gcc", "-shared", "-nostdlib", "-fPIC", "-Os", "-s", "-Wl,-z,max-page-size=16384"]
    subprocess.run([*flags, "-Wl,-soname,libanswer.so", "-o", folder / "libanswer.so", source / "libanswer.c"], check=True)
    include = subprocess.check_output(["python3-config", "--includes"], text=True).split()
    module = folder / "_answer.so"
    subprocess.run([*flags, *include, "-o", module, source / "_answer.c", f"-L{folder}", "-lanswer"], check=True)
    data = module.read_bytes()
    module.unlink()
    return data


def ios_library(folder: Path) -> bytes:
    """Makes the macOS fixture one for iOS 13: another system in LC_BUILD_VERSION (0x32), and signed anew."""
    folder.mkdir(parents=True)
    data = bytearray((TESTDATA / "macho/arm64/libdep.dylib").read_bytes())
    at = 32
    while int.from_bytes(data[at : at + 4], "little") != 0x32:
        at += int.from_bytes(data[at + 4 : at + 8], "little")
    data[at + 8 : at + 16] = struct.pack("<II", 2, 13 << 16)
    library = folder / "libdep.dylib"
    library.write_bytes(data)
    subprocess.run(["truewheel", "edit", "--sign", "--in-place", library], check=True)
    return library.read_bytes()


def main(guide: Path, folder: Path) -> None:
    project = folder / "project"
    project.mkdir(parents=True)
    # The guide's first block, with the folder in which its Windows libraries lie.
    block = re.search(r"```toml\n(.*?)```", guide.read_text(), re.DOTALL)[1]
    pyproject = block.replace("C:/libs/bin", shlex.quote(str(TESTDATA / "pe/x86_64")))
    (project / "pyproject.toml").write_text(f'{pyproject}\n[tool.cibuildwheel.linux]\nbuild-frontend = "build[uv]"\n')
    os.chdir(project)

    libraries = folder / "android"
    android = android_library(libraries)
    mac = {"delocate_archs": "arm64"}
    macho = (TESTDATA / "macho/arm64/libdep.dylib").read_bytes()
    pe = (TESTDATA / "pe/x86_64/demo.dll").read_bytes()
    for platform, identifier, tags, members, more in [
        ("macos", "cp312-macosx_arm64", "cp312-cp312-macosx_11_0_arm64", {"answer/libdep.dylib": macho}, mac),
        ("windows", "cp312-win_amd64", "cp312-cp312-win_amd64", {"answer/_demo.cp312-win_amd64.pyd": pe}, {}),
        ("android", "cp313-android_x86_64", "cp313-cp313-android_21_x86_64",
         {"answer/_answer.cpython-313-x86_64-linux-android.so": android}, {"ldpaths": str(libraries)}),
        ("ios", "cp313-ios_arm64_iphoneos", "cp313-cp313-ios_13_0_arm64_iphoneos",
         {"answer/libdep.dylib": ios_library(folder / "ios-library")}, {}),
    ]:
        options = compute_options(platform, CommandLineArguments.defaults(), {"CIBW_BUILD_FRONTEND": "build[uv]"})
        build = options.build_options(identifier)
        # Where pip answers for the device, truewheel comes from the machine.
        crossed = platform in ("android", "ios")
        assert build.before_build == ("" if crossed else "pip install truewheel"), build.before_build
        assert (build.xbuild_tools == ["truewheel"]) == (platform == "ios"), build.xbuild_tools
        built, repaired = (folder / platform / step for step in ("built", "repaired"))
        repaired.mkdir(parents=True)
        command = prepare_command(
            build.repair_command, wheel=wheel(built, tags, members), dest_dir=repaired, package=".", project=".", **more
        )
        shell(command, env=dict(os.environ))
        [result] = repaired.glob("*.whl")
        print(f"{platform}: {result.name}")
        run_audit(tmp_dir=folder / platform, build_options=build, wheel=result)


main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve())
