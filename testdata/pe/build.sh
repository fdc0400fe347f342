#!/bin/bash
# Builds every fixture of this folder from src/ with zig 0.15 (ZIG, default `zig`; from PyPI: ziglang), then writes
# SHA256SUMS. No C library: small files that load anywhere. Tests use the committed files.
set -eu
cd "$(dirname "$0")"
ZIG=${ZIG:-zig}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

compile() { # TARGET SOURCE FLAGS...
    local target=$1 name=$2; shift 2
    "$ZIG" cc -target "$target" -Os -fno-sanitize=all -fno-stack-protector -fno-asynchronous-unwind-tables \
        -fno-ident -c -o "$tmp/$name.o" "$@" "src/$name.c"
}
link() { # FOLDER OUTPUT OBJECT FLAGS...
    local folder=$1 output=$2 object=$3; shift 3
    "$ZIG" lld-link /nologo /nodefaultlib /Brepro "/entry:$start" "/out:$folder/$output" "/implib:$tmp/${output%.*}.lib" \
        "$tmp/$object.o" "$@"
}
library() { # FOLDER NAME FLAGS...
    local folder=$1 name=$2; shift 2
    compile "$target" "$name"
    link "$folder" "$name.dll" "$name" /dll "$@"
}

for machine in x86_64 x86 aarch64; do
    # GNU objects for x86 export names in a way that only GNU linkers understand.
    target=$machine-windows-gnu start=start
    kernel=src/kernel32.def
    case $machine in
        x86_64) kind=i386:x86-64 ;;
        x86) kind=i386 kernel=src/kernel32-x86.def target=x86-windows-msvc ;;
        aarch64) kind=arm64 ;;
    esac
    mkdir -p $machine
    "$ZIG" dlltool -m $kind -k -d $kernel -l "$tmp/kernel32.lib"
    "$ZIG" dlltool -m $kind -d src/ordinal.def -l "$tmp/ordinal.lib"
    "$ZIG" rc /:target ${machine/86_64/64} /fo "$tmp/version.res" src/version.rc >/dev/null 2>&1 ||
        "$ZIG" rc /fo "$tmp/version.res" src/version.rc
    library $machine dep "$tmp/version.res"
    library $machine demo "$tmp/dep.lib" "$tmp/kernel32.lib"
    library $machine ordinal "$tmp/ordinal.lib"
    library $machine forward /export:fwd_value=dep.dep_value /export:fwd_data=dep.dep_data,data
    library $machine user "$tmp/forward.lib"
    library $machine config "$tmp/dep.lib"
    compile $target cycle_b
    "$ZIG" dlltool -m $kind -d /dev/stdin -l "$tmp/b.lib" <<< "$(printf 'LIBRARY cycle_b.dll\nEXPORTS\nb_value\n')"
    library $machine cycle_a "$tmp/b.lib"
    library $machine cycle_b "$tmp/cycle_a.lib"
    if [ "$machine" = x86_64 ]; then
        library $machine delay "$tmp/dep.lib" "$tmp/kernel32.lib" /delayload:dep.dll
        library $machine sections "$tmp/dep.lib"
        compile $target demo -g
        link $machine symbols.dll demo /dll /debug:dwarf,symtab "$tmp/dep.lib" "$tmp/kernel32.lib"
        link $machine pdb.dll demo /dll /debug /pdb:"$tmp/pdb.pdb" /pdbaltpath:pdb.pdb "$tmp/dep.lib" "$tmp/kernel32.lib"
    fi
    compile $target load
    link $machine load.exe load /subsystem:console "$tmp/kernel32.lib"
done
# A 16-bit DOS program: no PE file.
{ printf 'MZ\x64\0\x01\0\0\0\x02\0\0\0\xff\xff\0\0\0\0\0\0\0\0\0\0\x1c\0\0\0\xb4\x4c\xcd\x21'
  printf 'a DOS program, whose bytes at 0x3c are its own\nand mean nothing\n$'; } > dos.exe
sha256sum ./*.exe */*.dll */*.exe > SHA256SUMS
