#!/bin/bash
# Builds lib/ and the unrepaired wheel of this folder from src/, then writes SHA256SUMS; tests and the README use the
# committed files. Debian 12:
#   apt-get install gcc python3-dev
set -eu
cd "$(dirname "$0")"
FLAGS="-Os -Wall -fPIC -shared -Wl,--no-as-needed -ffile-prefix-map=$PWD=. -Wl,--build-id=sha1 -s"
mkdir -p lib
gcc $FLAGS -o lib/libwords.so.1 src/words.c -Wl,-soname,libwords.so.1
gcc $FLAGS -o lib/libgreet.so.1 src/greet.c lib/libwords.so.1 -Wl,-soname,libgreet.so.1
tree=$(mktemp -d)
trap 'rm -r "$tree"' EXIT
cp -r src/demo "$tree/demo"
gcc $FLAGS -I/usr/include/python3.11 -o "$tree/demo/_greet.abi3.so" src/_greet.c lib/libgreet.so.1 -Wl,-rpath-link,lib
python3 - "$tree" <<'PYTHON'
import base64, hashlib, pathlib, sys, zipfile

tree = pathlib.Path(sys.argv[1])
info = tree / "demo-1.0.dist-info"
info.mkdir()
(info / "METADATA").write_text("Metadata-Version: 2.1\nName: demo\nVersion: 1.0\nRequires-Python: >=3.8\n")
(info / "WHEEL").write_text(
    "Wheel-Version: 1.0\nGenerator: build.sh\nRoot-Is-Purelib: false\nTag: cp38-abi3-linux_x86_64\n"
)
rows, record = [], "demo-1.0.dist-info/RECORD"
with zipfile.ZipFile("demo-1.0-cp38-abi3-linux_x86_64.whl", "w", zipfile.ZIP_DEFLATED) as wheel:

    def add(name, data):
        member = zipfile.ZipInfo(name, (2024, 1, 1, 0, 0, 0))
        member.external_attr = (0o100755 if name.endswith(".so") else 0o100644) << 16
        member.compress_type = zipfile.ZIP_DEFLATED
        wheel.writestr(member, data)

    for path in sorted(path for path in tree.rglob("*") if path.is_file()):
        name, data = path.relative_to(tree).as_posix(), path.read_bytes()
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        rows.append(f"{name},sha256={digest},{len(data)}\n")
        add(name, data)
    add(record, "".join(rows) + f"{record},,\n")
PYTHON
sha256sum lib/* ./*.whl > SHA256SUMS
