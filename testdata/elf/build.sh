#!/bin/bash
# Builds every fixture of this folder from src/, with Debian 12's cross compilers
#   apt-get install elfutils gcc gcc-{aarch64,powerpc64,powerpc64le,s390x,riscv64,i686}-linux-gnu gcc-arm-linux-gnueabihf
# and zig 0.15 (ZIG, default `zig`; from PyPI: ziglang), then writes SHA256SUMS. Tests use the committed files.
set -eu
cd "$(dirname "$0")"
ZIG=${ZIG:-zig}
# Compact files: common-page-size only packs the output; max-page-size stays the machine's own.
FLAGS="-Os -fPIC -ffile-prefix-map=$PWD=. -Wl,-z,common-page-size=0x1000 -Wl,--build-id=sha1"

# Two libraries, a program and an extension module that needs one of them.
trio() { # FOLDER COMPILER...
    local out=$1; shift
    local indirect="-Wl,-rpath-link,$out"
    case "$*" in *zig*) indirect="-Wl,--allow-shlib-undefined" ;; esac
    mkdir -p "$out"
    "$@" $FLAGS -shared -o "$out/libdep.so.1" src/dep.c -Wl,-soname,libdep.so.1 -Wl,--version-script,src/dep.map -s
    "$@" $FLAGS -shared -o "$out/libdemo.so.1" src/demo.c "$out/libdep.so.1" -Wl,-soname,libdemo.so.1 \
        -Wl,--version-script,src/demo.map -Wl,-rpath,'$ORIGIN:$ORIGIN/../lib' -s
    "$@" $FLAGS -fPIE -pie -o "$out/program" src/program.c "$out/libdemo.so.1" -Wl,-rpath,'$ORIGIN' \
        $indirect -Wl,--disable-new-dtags -s
    "$@" $FLAGS -shared -o "$out/_demo.so" src/extension.c "$out/libdemo.so.1" $indirect \
        -Wl,--disable-new-dtags -Wl,-rpath,'$ORIGIN/..'
}

trio x86_64 x86_64-linux-gnu-gcc
trio i686 i686-linux-gnu-gcc
trio armv7l arm-linux-gnueabihf-gcc
# bfd pads RELRO to the 64 KiB pages of these machines.
trio aarch64 aarch64-linux-gnu-gcc -Wl,-z,norelro
trio ppc64le powerpc64le-linux-gnu-gcc -Wl,-z,norelro
trio ppc64 powerpc64-linux-gnu-gcc -Wl,-z,norelro
trio s390x s390x-linux-gnu-gcc
trio riscv64 riscv64-linux-gnu-gcc

# zig links with lld, which leaves no spare dynamic entry.
lld() { # FOLDER TARGET
    trio "$1" "$ZIG" cc -target "$2" -fno-sanitize=all
}
lld loongarch64 loongarch64-linux-gnu.2.36
lld x86_64-lld x86_64-linux-gnu.2.17
lld x86_64-musl x86_64-linux-musl
lld aarch64-lld aarch64-linux-gnu.2.17
lld arm-soft arm-linux-gnueabi.2.17

# Oddities, all x86_64 unless named.
odd=odd
mkdir -p $odd
CC=x86_64-linux-gnu-gcc
$CC $FLAGS -c -o $odd/object.o src/demo.c
$CC $FLAGS -no-pie -static -nostdlib -o $odd/static src/start.c -s
$CC $FLAGS -static-pie -nostdlib -o $odd/static-pie src/start.c -s
$CC $FLAGS -fno-pie -no-pie -o $odd/program-fixed src/program.c x86_64/libdemo.so.1 -Wl,-rpath-link,x86_64 -s
$CC $FLAGS -g -shared -o $odd/debug.so src/demo.c x86_64/libdep.so.1 -Wl,-soname,debug.so
objcopy --only-keep-debug $odd/debug.so $odd/companion.debug
# elfutils keeps the program headers of the file it was taken from.
eu-strip -f $odd/companion-eu.debug -o $odd/debug.stripped $odd/debug.so
rm $odd/debug.stripped
$CC $FLAGS -shared -o $odd/execstack.so src/dep.c -Wl,-z,execstack -Wl,--version-script,src/dep.map -s
$CC $FLAGS -shared -o $odd/sysv-hash.so src/demo.c x86_64/libdep.so.1 -Wl,--hash-style=sysv -s
$CC $FLAGS -shared -o $odd/exports-nothing.so src/demo.c x86_64/libdep.so.1 -fvisibility=hidden -Wl,-z,now -s
$CC $FLAGS -shared -march=x86-64-v3 -o $odd/isa-v3.so src/start.c -nostdlib -Wl,-z,x86-64-v3 -fcf-protection -Wl,-z,shstk -s
$CC $FLAGS -shared -nostdlib -o $odd/filter.so src/start.c -Wl,-F,libfiltered.so.1 -Wl,-f,libextra.so.1 \
    -Wl,--audit,libaudit.so.1 -Wl,--depaudit,libdepaudit.so.1 -s
i686-linux-gnu-gcc $FLAGS -fno-pic -shared -nostdlib -o $odd/i686-textrel.so src/start.c -Wl,-z,notext -s
aarch64-linux-gnu-gcc $FLAGS -mbranch-protection=standard -Wl,-z,norelro -shared -nostdlib -o $odd/aarch64-bti.so src/start.c -Wl,-z,force-bti -s

find . -type f ! -path './src/*' ! -name build.sh ! -name SHA256SUMS | sort | xargs sha256sum > SHA256SUMS
