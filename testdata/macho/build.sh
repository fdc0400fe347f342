#!/bin/bash
# Builds every fixture of this folder from src/, then writes SHA256SUMS. Tests use the committed files.
#   ZIG   zig 0.15 (default `zig`; from PyPI: ziglang): compiles, links the zig- folders, and knows the system's symbols
#   LLD   LLVM 19's linker (default `ld64.lld-19`; Debian: lld-19): links the others, with chained fixups
#   LIPO  LLVM 19's lipo (default `llvm-lipo-19`; Debian: llvm-19)
set -eu
cd "$(dirname "$0")"
ZIG=${ZIG:-zig} LLD=${LLD:-ld64.lld-19} LIPO=${LIPO:-llvm-lipo-19}
SYSTEM=$(dirname "$(readlink -f "$(command -v "$ZIG")")")/lib/libc/darwin
FLAGS="-Os -fno-sanitize=all -ffile-prefix-map=$PWD=. -fno-stack-protector -fno-unwind-tables -fno-asynchronous-unwind-tables"
objects=$(mktemp -d)
trap 'rm -r "$objects"' EXIT

# Two libraries, a program and an extension module that needs one of them.
quartet() { # FOLDER ARCH MACOS SDK LLD-FLAGS...
    local out=$1 arch=$2 macos=$3 sdk=$4; shift 4
    local target=${arch/arm64/aarch64}-macos.$macos
    mkdir -p "$out"
    for source in dep demo extension program; do
        "$ZIG" cc -target "$target" $FLAGS -c -o "$objects/$source.o" "src/$source.c"
    done
    local ld="$LLD -arch $arch -platform_version macos $macos $sdk -syslibroot $SYSTEM $*"
    local system=$SYSTEM/libSystem.tbd
    $ld -dylib -o "$out/libdep.dylib" "$objects/dep.o" "$system" -install_name @rpath/libdep.dylib -x
    $ld -dylib -o "$out/libdemo.dylib" "$objects/demo.o" "$out/libdep.dylib" "$system" -install_name /opt/demo/lib/libdemo.dylib \
        -undefined dynamic_lookup -rpath @loader_path -rpath /opt/demo/lib -x
    $ld -bundle -o "$out/_demo.so" "$objects/extension.o" "$out/libdemo.dylib" "$system" -undefined dynamic_lookup -x
    $ld -o "$out/program" "$objects/program.o" "$out/libdemo.dylib" "$out/libdep.dylib" "$system" -rpath @executable_path/../lib -x
}
quartet x86_64 x86_64 10.13 11.0
quartet arm64 arm64 11.0 15.4 -fixup_chains -headerpad_max_install_names

# zig's own linker: other tables in another order, and always signed by its linker's rules.
for target in x86_64-macos.10.13 aarch64-macos.11.0; do
    out=zig-${target%%-*}; out=${out/aarch64/arm64}
    mkdir -p "$out"
    cc="$ZIG cc -target $target $FLAGS -s"
    $cc -dynamiclib -o "$out/libdep.dylib" src/dep.c -install_name @rpath/libdep.dylib
    $cc -dynamiclib -o "$out/libdemo.dylib" src/demo.c "$out/libdep.dylib" -install_name /opt/demo/lib/libdemo.dylib \
        -Wl,-undefined,dynamic_lookup -Wl,-rpath,@loader_path
done

# A universal library, and one with 64-bit places.
mkdir -p universal2
for arch in x86_64 arm64; do
    "$ZIG" cc -target "${arch/arm64/aarch64}-macos.11.0" $FLAGS -c -o "$objects/tiny.o" src/tiny.c
    $LLD -arch $arch -platform_version macos 11.0 11.0 -dylib -o "$objects/$arch.dylib" "$objects/tiny.o" \
        "$SYSTEM/libSystem.tbd" -install_name @rpath/libtiny.dylib -rpath "/opt/$arch/lib" -x
done
$LIPO -create "$objects/x86_64.dylib" "$objects/arm64.dylib" -output universal2/libtiny.dylib
$LIPO -create -fat64 "$objects/x86_64.dylib" "$objects/arm64.dylib" -output universal2/libtiny64.dylib

# What no loader loads: an object, and a universal file of static archives.
mkdir -p odd
"$ZIG" cc -target aarch64-macos.11.0 $FLAGS -c -o odd/object.o src/tiny.c
find . -type f ! -path './src/*' ! -name build.sh ! -name SHA256SUMS | sort | xargs sha256sum > SHA256SUMS
