//! Every diagnostic: the example on its page is what a wheel made for it gives. `UPDATE=1 cargo test` writes the pages.

use std::path::Path;

use truewheel::audit::{self, AuditOptions, Depth};
use truewheel::diagnostic::{Code, Diagnostic};
use truewheel::repair::{Action, Decision, Options, Patterns, PlanFile};
use truewheel::report::human::{Palette, finding};
use truewheel::report::{Finding, Report};
use truewheel::{Error, ErrorKind};

use crate::support::elf::{ElfSpec, SymbolSpec};
use crate::support::macho::{self, MachoSpec};
use crate::support::wheel::{Entry, RecordText, WheelBuilder};

const GLIBC: &str = "cp311-cp311-manylinux_2_17_x86_64";
const EXTENSION: &str = "demo/_core.cpython-311-x86_64-linux-gnu.so";

/// An extension module that needs the C library alone.
fn extension() -> ElfSpec {
    ElfSpec { needed: vec![b"libc.so.6"], symbols: vec![SymbolSpec::defined(b"PyInit__core", 1)], ..ElfSpec::default() }
}

/// A wheel with this extension module.
fn with(spec: &ElfSpec) -> WheelBuilder {
    with_tags(GLIBC, spec)
}

fn with_tags(tags: &str, spec: &ElfSpec) -> WheelBuilder {
    WheelBuilder::new(tags).file(EXTENSION, &spec.build())
}

/// A wheel with one binary under these python and ABI tags.
fn stable(tags: &str, member: &str, spec: &ElfSpec) -> WheelBuilder {
    WheelBuilder::new(&format!("{tags}-manylinux_2_17_x86_64")).file(member, &spec.build())
}

fn sound() -> WheelBuilder {
    WheelBuilder::new("py3-none-any").file("demo/__init__.py", b"")
}

/// Bytes that do not get smaller.
fn noise(count: usize) -> Vec<u8> {
    let mut random = crate::support::random::Random::new(1);
    (0..count / 8).flat_map(|_| random.next().to_le_bytes()).collect()
}

/// A sound wheel with an odd member.
fn odd(change: impl Fn(&mut Entry)) -> WheelBuilder {
    let mut entry = Entry::new("demo/data.txt", b"some text\n");
    change(&mut entry);
    sound().entry(entry)
}

fn undefined(names: &[&'static [u8]]) -> ElfSpec {
    let mut symbols: Vec<SymbolSpec> = names.iter().map(|name| SymbolSpec::undefined(name, 1)).collect();
    symbols.push(SymbolSpec::defined(b"PyInit__core", 1));
    ElfSpec { symbols, ..extension() }
}

/// `.note.gnu.property` that asks for x86-64-v3 (`GNU_PROPERTY_X86_ISA_1_NEEDED`).
fn processor_level() -> Vec<u8> {
    let mut note = Vec::new();
    for word in [0xc000_8002_u32, 4, 4, 0] {
        note.extend(word.to_le_bytes());
    }
    note
}

/// A wheel for macOS or iOS that gives a code; `None` where none does.
fn apple(code: Code) -> Option<WheelBuilder> {
    const MAC: &str = "demo/_core.cpython-311-darwin.so";
    const IPHONE: &str = "demo/_core.cpython-313-iphoneos.so";
    let mac = |tag: &str, spec: &MachoSpec| WheelBuilder::new(tag).file(MAC, &spec.build());
    let arm = |spec: &MachoSpec| mac("cp311-cp311-macosx_11_0_arm64", spec);
    let iphone = |spec: MachoSpec| {
        let spec = MachoSpec { platform: Some(macho::IOS), min_os: (13, 0), ..spec };
        WheelBuilder::new("cp313-cp313-ios_13_0_arm64_iphoneos").file(IPHONE, &spec.build())
    };
    let plain = MachoSpec::default();
    Some(match code {
        Code::TW209 => arm(&MachoSpec { rpaths: vec!["@loader_path/lib", "@loader_path/lib"], sdk: (15, 0), ..plain }),
        Code::TW210 => arm(&MachoSpec { signed: false, ..plain }),
        Code::TW211 => arm(&MachoSpec { imports: vec![(macho::WEAK, "/opt/lib/libfoo.dylib")], room: 32, ..plain }),
        Code::TW212 => arm(&MachoSpec { imports: vec![(macho::LOAD, "@loader_path/libomp.dylib")], ..plain })
            .file("demo/libomp.dylib", &MachoSpec::library("@rpath/libomp.dylib").build()),
        Code::TW213 => iphone(MachoSpec { file_type: macho::DYLIB, id: Some("/Users/build/demo/_core.so"), ..plain }),
        Code::TW309 => arm(&MachoSpec { imports: vec![(macho::WEAK, "@rpath/libfoo.dylib")], ..plain }),
        Code::TW411 => arm(&MachoSpec { min_os: (13, 0), ..plain }),
        Code::TW412 => mac("cp311-cp311-macosx_11_0_universal2", &MachoSpec { cpu: macho::X86_64, ..plain.clone() })
            .file("demo/other.cpython-311-darwin.so", &macho::both(&plain)),
        Code::TW413 => arm(&MachoSpec { platform: Some(macho::IOS_SIMULATOR), ..plain }),
        Code::TW414 => arm(&MachoSpec {
            imports: vec![(macho::LOAD, "/usr/lib/libc++.1.dylib")],
            undefined: vec![("_ZNSt3__122__libcpp_verbose_abortEPKcz", 1)],
            ..plain
        }),
        Code::TW415 => iphone(plain),
        Code::TW416 => mac("cp311-cp311-macosx_13_0_arm64", &MachoSpec { min_os: (13, 3), ..plain }),
        Code::TW617 => mac("cp311-cp311-macosx_13_3_arm64", &MachoSpec { min_os: (13, 3), ..plain }),
        _ => return None,
    })
}

/// The wheel that gives a code; `None` where a wheel alone does not.
fn wheel(code: Code) -> Option<WheelBuilder> {
    if let Some(wheel) = apple(code) {
        return Some(wheel);
    }
    Some(match code {
        Code::TW102 => WheelBuilder { suffix: b"something".to_vec(), ..sound() },
        Code::TW103 => odd(|_| ()).file("demo/data.txt", b"other text\n"),
        Code::TW104 => odd(|entry| entry.name = b"../data.txt".to_vec()),
        Code::TW105 => odd(|entry| entry.mode = 0o120_777),
        Code::TW106 => sound().file("demo/zeros.bin", &vec![0; 70 << 20]),
        Code::TW107 => odd(|entry| entry.method = 12),
        Code::TW108 => odd(|entry| entry.flags = 1),
        Code::TW109 => odd(|entry| entry.flags = 8),
        Code::TW110 => odd(|entry| entry.crc = Some(1)),
        Code::TW111 => odd(|entry| entry.extra = vec![1, 0, 3, 0, 0, 0, 0]),
        Code::TW112 => WheelBuilder { comment: b"made by hand".to_vec(), ..sound() },
        Code::TW113 => odd(|_| ()).file("demo/Data.txt", b""),
        Code::TW114 => odd(|entry| entry.mode = 0o100_666),
        Code::TW115 => sound().file(&format!("demo/{}.txt", "long/".repeat(50)), b""),
        Code::TW116 => odd(|entry| entry.date = 0),
        Code::TW117 => sound().file("demo-1.0.dist-info/licenses/LICENSE", b"").file("demo/data.txt", b""),
        Code::TW118 => sound().entry(Entry { flags: 1 << 11, ..Entry::new("demo/Grüße.txt", b"") }),
        Code::TW630 => {
            sound().file("demo/server.key", b"-----BEGIN PRIVATE KEY-----\nMII\n-----END PRIVATE KEY-----\n")
        }
        Code::TW631 => sound().file("demo/.DS_Store", b""),
        Code::TW632 => sound().file("tests/test_demo.py", b""),
        Code::TW633 => with(&ElfSpec { rpath: Some(b"$ORIGIN:/home/jane/src/demo/lib"), ..extension() }),
        Code::TW634 => sound().entry(Entry { method: 0, ..Entry::new("demo/model.bin", &vec![7; 101 << 20]) }),
        Code::TW635 => {
            let metadata = "Metadata-Version: 2.4\nName: demo\nVersion: 1.0\nLicense-File: LICENSE\n".to_owned();
            WheelBuilder { metadata: Some(metadata), ..sound() }
        }
        Code::TW636 => {
            let metadata = "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\nRequires-Python: >=3.12\n".to_owned();
            WheelBuilder { metadata: Some(metadata), ..with(&extension()) }
        }
        Code::TW637 => sound().file("demo-1.0.dist-info/entry_points.txt", b"[console_scripts]\ndemo = demo.cli\n"),
        Code::TW638 => {
            let metadata = "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\nRequires-Dist: other @ https://example.org/other.whl\n";
            WheelBuilder { metadata: Some(metadata.to_owned()), ..sound() }
        }
        Code::TW641 => with_tags("cp311-cp311-manylinux_2_36_loongarch64", &ElfSpec { machine: 258, ..extension() }),
        Code::TW643 => WheelBuilder::new("py3.py2-none-any").file("demo/__init__.py", b""),
        Code::TW644 => {
            let large = vec![7; 3 << 20];
            let copies = sound().file("demo/libdemo.so.1.bin", &large).file("demo/libdemo.so.bin", &large);
            copies.file("demo/noise.bin", &noise(3 << 20))
        }
        Code::TW645 => with(&extension()).file("demo/_core.pdb", &noise(5 << 20)),
        Code::TW646 => with(&extension()).file("demo/include/demo.h", b"").file("demo/include/more.h", b""),
        Code::TW647 => {
            let metadata = "Metadata-Version: 2.5\nName: demo\nVersion: 1.0\nImport-Name: demonstration\n".to_owned();
            WheelBuilder { metadata: Some(metadata), ..sound() }
        }
        Code::TW648 => with(&extension()).file(
            "demo.libs/libgmp-1a2b3c4d.so.10",
            &ElfSpec { soname: Some(b"libgmp-1a2b3c4d.so.10"), ..ElfSpec::default() }.build(),
        ),
        Code::TW649 => WheelBuilder::new(GLIBC).file("demo/__init__.py", b""),
        Code::TW650 => WheelBuilder::new("py3-none-any"),
        Code::TW651 => sound().file("demo-extra/__init__.py", b""),
        Code::TW652 => sound().file("demo-1.0.dist-info/sboms/README.md", b"what is in here\n"),
        Code::TW653 => sound().file("demo/one.yaml", b"").file("demo/two.yml", b""),
        Code::TW639 => sound().file("demo.pth", b"import demo.start\n"),
        Code::TW640 => sound().file("demo/_lib.py", b"# auto-generated file\nimport _cffi_backend\n"),
        Code::TW201 => WheelBuilder::new(GLIBC).file(EXTENSION, &extension().build()[..200]),
        Code::TW202 => {
            let mut built = extension().build_with_places();
            // `sh_offset` of `.dynamic`: moved by eight bytes.
            let at = usize::try_from(built.section_headers).unwrap();
            let sections = (built.bytes.len() - at) / 64;
            let dynamic = (0..sections).map(|index| at + index * 64).find(|at| built.bytes[at + 4] == 6).unwrap();
            built.bytes[dynamic + 24] = built.bytes[dynamic + 24].wrapping_add(8);
            WheelBuilder::new(GLIBC).file(EXTENSION, &built.bytes)
        }
        Code::TW203 => with(&ElfSpec { stack: Some(7), ..extension() }),
        Code::TW204 => with(&ElfSpec { entries: vec![(22, 0)], ..extension() }),
        Code::TW205 => with(&ElfSpec { rpath: Some(b"/home/build/lib"), ..extension() }),
        Code::TW206 => with(&ElfSpec { needed: vec![b"libc.so.6", b"build/libfoo.so"], ..extension() }),
        Code::TW207 | Code::TW410 => with_tags(
            "cp313-cp313-android_24_arm64_v8a",
            &ElfSpec { machine: 183, needed: vec![b"libc.so"], has_sections: false, ..extension() },
        ),
        Code::TW208 => with(&ElfSpec { soname: Some(b"a.so"), names: vec![(14, b"b.so")], ..extension() }),
        Code::TW301 | Code::TW612 => with_tags(
            "cp311-cp311-linux_x86_64",
            &ElfSpec { needed: vec![b"libfoo.so.1", b"libc.so.6"], ..extension() },
        ),
        Code::TW302 => with(&ElfSpec { needed: vec![b"libfoo.so.1"], rpath: Some(b"$ORIGIN/lib"), ..extension() })
            .file(
                "demo/lib/libfoo.so.1",
                &ElfSpec { machine: 183, soname: Some(b"libfoo.so.1"), ..ElfSpec::default() }.build(),
            ),
        Code::TW303 => {
            let provider = |symbol| ElfSpec {
                soname: Some(b"libfoo.so.1"),
                symbols: vec![SymbolSpec::defined(symbol, 1)],
                ..ElfSpec::default()
            };
            let spec = ElfSpec { needed: vec![b"libfoo.so.1"], rpath: Some(b"$ORIGIN"), ..extension() };
            with(&spec)
                .file("demo/libfoo.so.1", &provider(b"first").build())
                .file("other/_core.cpython-311-x86_64-linux-gnu.so", &spec.build())
                .file("other/libfoo.so.1", &provider(b"second").build())
        }
        Code::TW304 => with(&ElfSpec { needed: vec![b"libcuda.so.1"], ..extension() })
            .file("demo-1.0.dist-info/truewheel.json", br#"{"schema": 1, "excluded": ["libcuda.so.1"]}"#),
        Code::TW305 => with_tags(
            "cp311-cp311-linux_x86_64",
            &ElfSpec { needed: vec![b"libfoo.so.1"], runpath: Some(b"/opt/foo/lib"), ..extension() },
        ),
        Code::TW307 => WheelBuilder::new("cp311-cp311-linux_x86_64").file(
            "demo-1.0.data/data/share/plugin.so",
            &ElfSpec { needed: vec![b"libfoo.so.1"], ..ElfSpec::default() }.build(),
        ),
        Code::TW401 | Code::TW601 => with(&ElfSpec {
            symbols: vec![SymbolSpec::undefined(b"pthread_create", 2), SymbolSpec::defined(b"PyInit__core", 1)],
            needs: vec![(b"libc.so.6", vec![(b"GLIBC_2.34", 0)])],
            ..extension()
        }),
        Code::TW402 => with(&ElfSpec { needed: vec![b"libfoo.so.1", b"libc.so.6"], ..extension() }),
        Code::TW403 => with(&ElfSpec { needed: vec![b"libz.so.1", b"libc.so.6"], ..undefined(&[b"_tr_init"]) }),
        Code::TW404 => with_tags(
            "cp311-cp311-musllinux_1_1_x86_64",
            &ElfSpec { needed: vec![b"libc.musl-x86_64.so.1"], ..undefined(&[b"qsort_r"]) },
        ),
        Code::TW405 => with(&ElfSpec { notes: vec![(b"GNU\0", 5, processor_level())], ..extension() }),
        Code::TW406 => with(&extension()).file("demo/other.so", &ElfSpec { machine: 183, ..extension() }.build()),
        Code::TW407 => with(&ElfSpec { needed: vec![b"libc.musl-x86_64.so.1"], ..extension() }),
        Code::TW408 => with(&undefined(&[b"frobnicate"])),
        Code::TW501 => with(&ElfSpec { needed: vec![b"libpython3.11.so.1.0", b"libc.so.6"], ..extension() }),
        Code::TW502 => with(&ElfSpec {
            symbols: vec![SymbolSpec::defined(b"PyInit__core", 1), SymbolSpec::defined(b"Py_Initialize", 1)],
            ..extension()
        }),
        Code::TW503 => with(&undefined(&[b"PyUnicodeUCS2_AsUTF8String"])),
        Code::TW504 => with(&undefined(&[b"PyFPE_jbuf"])),
        Code::TW505 => stable("cp311-abi3", "demo/_core.abi3.so", &undefined(&[b"PyList_New", b"_PyList_Extend"])),
        Code::TW506 => stable("cp37-abi3", "demo/_core.abi3.so", &undefined(&[b"PyList_New", b"PyType_GetModule"])),
        Code::TW507 => with_tags("cp312-cp312-manylinux_2_17_x86_64", &extension()),
        Code::TW508 => with_tags("py3-none-manylinux_2_17_x86_64", &extension()),
        Code::TW510 => stable("cp315-abi3t", "demo/_core.abi3t.so", &undefined(&[b"PyList_New"])),
        Code::TW511 => stable("cp37-abi3", "demo/_core.abi3.so", &undefined(&[b"PyList_New", b"PyType_Ready"])),
        Code::TW512 => stable("cp311-cp311", "demo/libdemo.so", &ElfSpec { symbols: Vec::new(), ..extension() }),
        Code::TW620 => WheelBuilder::new("py3-abi3-any").file("demo/__init__.py", b""),
        Code::TW602 => {
            let wheel_file = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py2-none-any\n".to_owned();
            WheelBuilder { wheel_file: Some(wheel_file), ..sound() }
        }
        Code::TW603 => WheelBuilder { record: RecordText::Absent, ..sound() },
        Code::TW604 => WheelBuilder { record: RecordText::Text("demo-1.0.dist-info/RECORD,,\n".to_owned()), ..sound() },
        Code::TW605 => WheelBuilder { record: RecordText::Text("demo/gone.py,,\n".to_owned()), ..sound() },
        Code::TW606 => {
            let row = crate::support::wheel::row("demo/__init__.py", b"pass\n");
            WheelBuilder { record: RecordText::Text(row), ..sound() }
        }
        Code::TW607 => WheelBuilder { record: RecordText::Text("demo/__init__.py,md5=abc,0\n".to_owned()), ..sound() },
        Code::TW608 => WheelBuilder { version: "one".to_owned(), ..sound() },
        Code::TW609 => {
            WheelBuilder { wheel_file: Some("Root-Is-Purelib: true\nTag: py3-none-any\n".to_owned()), ..sound() }
        }
        Code::TW610 => {
            let metadata = "Metadata-Version: 2.1\nName: demo\nVersion: 2.0\n".to_owned();
            WheelBuilder { metadata: Some(metadata), ..sound() }
        }
        Code::TW611 => {
            let mut wheel = with(&extension());
            wheel.wheel_file = wheel.wheel_file.map(|text| text.replace("Purelib: false", "Purelib: true"));
            wheel
        }
        Code::TW614 => with_tags("py3-none-any", &extension()),
        Code::TW615 => WheelBuilder::new("py3-none-beos_r5").file("demo/__init__.py", b""),
        _ => return None,
    })
}

/// Examines whatever gives the code.
fn report(code: Code, folder: &Path) -> Option<Report> {
    let options = AuditOptions::default();
    if code == Code::TW101 {
        let path = folder.join("demo-1.0-py3-none-any.whl");
        std::fs::write(&path, b"<!DOCTYPE html>\n").unwrap();
        let mut report = options.report("demo-1.0-py3-none-any.whl");
        report.push(audit::no_archive(&audit::audit(&path, &options, Depth::Everything).unwrap_err()));
        return Some(report);
    }
    if let Some(diagnostic) = by_hand(code) {
        let mut report = options.report("demo-1.0-py3-none-any.whl");
        report.push(diagnostic);
        return Some(report);
    }
    if let Some((wheel, repair_options)) = repair(code, folder) {
        let path = wheel.write(folder);
        let out = folder.join("out");
        std::fs::create_dir_all(&out).unwrap();
        let outcome = truewheel::repair::repair(&path, &repair_options, Some(&out)).unwrap();
        return Some(audit::repaired(&path, &outcome, &options));
    }
    let path = wheel(code)?.write(folder);
    Some(audit::audit(&path, &options, Depth::Everything).unwrap_or_else(|error| panic!("{code}: {error}")))
}

fn first(report: &Report, code: Code) -> Option<&Finding> {
    report.diagnostics.iter().find(|finding| finding.diagnostic.code == code)
}

/// The wheel and the options of a repair that gives a code; `None` where a repair does not.
fn repair(code: Code, folder: &Path) -> Option<(WheelBuilder, Options)> {
    let needing = |name: &'static [u8]| {
        let spec = ElfSpec { needed: vec![name, b"libc.so.6"], ..extension() };
        with_tags("cp311-cp311-linux_x86_64", &spec)
    };
    let mut options = Options::default();
    let wheel = match code {
        Code::TW306 => {
            let driver = ElfSpec { soname: Some(b"libcuda.so.1"), ..ElfSpec::default() };
            std::fs::write(folder.join("libcuda.so.1"), driver.build()).unwrap();
            options.search.folders.push(folder.to_owned());
            needing(b"libcuda.so.1")
        }
        Code::TW409 => with(&ElfSpec {
            symbols: vec![SymbolSpec::undefined(b"frobnicate", 2), SymbolSpec::defined(b"PyInit__core", 1)],
            needs: vec![(b"libc.so.6", vec![(b"GLIBC_2.99", 0)])],
            ..extension()
        }),
        Code::TW613 => needing(b"libc.so.6").file("demo-1.0.dist-info/RECORD.jws", b"{}"),
        Code::TW701 => {
            options.decisions = Some(PlanFile::new(Vec::new()).unwrap());
            needing(b"libfoo.so.1")
        }
        Code::TW702 => {
            let decision = Decision::new("libfoo.so.1", Action::System);
            options.decisions = Some(PlanFile::new(vec![decision]).unwrap());
            needing(b"libfoo.so.1")
        }
        Code::TW703 => {
            options.exclude_as_given = vec!["libbar.so.*".to_owned()];
            options.exclude = Patterns::with_presets(&options.exclude_as_given).unwrap();
            needing(b"libc.so.6")
        }
        _ => return None,
    };
    Some((wheel, options))
}

/// What no input of these tests gives: the wording is that of the room that says it.
fn by_hand(code: Code) -> Option<Diagnostic> {
    Some(match code {
        Code::TW214 => Diagnostic::new(code, "uses `std::mutex` as toolset 14.44 makes it, which crashes if another package has loaded an older `msvcp140.dll` before").member("demo/_core.pyd").help("compile with `_DISABLE_CONSTEXPR_MUTEX_CONSTRUCTOR`, or let `truewheel repair` vendor `msvcp140.dll` 14.40 or newer under a name of its own"),
        Code::TW215 => Diagnostic::new(code, "was linked by toolset 14.44, and `demo/msvcp140.dll` is of 14.29: a runtime may not be older than what needs it").member("demo/_core.pyd").help("vendor the runtime of the newest toolset that was used"),
        Code::TW216 => Diagnostic::new(code, "needs `VCRUNTIME140D.dll`, which only developers' machines have: it is a debug build").member("demo/_core.pyd").help("build it in release mode"),
        Code::TW310 => Diagnostic::new(code, "loads DLLs by code that is not understood; `demo/lib/foo.dll` and others count as found because it names their folder").member("demo/_load.py"),
        Code::TW311 => Diagnostic::new(code, "delays loading `demo/foo.dll`: the helper that does it looks neither beside the extension nor where start-up code points").member("demo/_core.pyd").help("`truewheel repair` makes the import an ordinary one; or link without `/DELAYLOAD`"),
        Code::TW313 => Diagnostic::new(code, "needs `?Replace@RE2@re2@@SA_N` and 2 more functions, which `re2-318443251ebe3503c788dd250a6952bb.dll` does not have").member("re2.cp312-win_amd64.pyd").help("use the build of the DLL that the binary was linked with"),
        Code::TW312 => Diagnostic::new(code, "names `demo/plugin.dll` without importing it: it may load it when it runs").member("demo/_core.pyd"),
        Code::TW417 => Diagnostic::new(code, "needs `d3d12.dll`, which Windows has from Windows 10 on; the wheel's Pythons run on Windows 8.1 too").member("demo/_core.pyd"),
        Code::TW308 => Diagnostic::new(code, "needs `libfoo.so.1`, which is outside the wheel and no policy gives")
            .member(EXTENSION)
            .help("let `truewheel repair` vendor it, or leave it to the user's machine with `--exclude`"),
        Code::TW642 => Diagnostic::new(code, "the ABI tag is `cp311`, and `abi3` is required"),
        Code::TW509 => {
            let message = "links `python312.dll`, and `cp311-abi3` claims CPython from 3.11 on";
            Diagnostic::new(code, message).member("demo/_core.pyd")
        }
        Code::TW320 => {
            let path = "/Library/Frameworks/SDL2.framework/Versions/A/SDL2";
            Diagnostic::new(
                code,
                format!("`SDL2.framework` would have to be vendored, and its resources with it: {path}"),
            )
            .help("link against a library instead of the framework, or leave it to the user's machine with `--exclude '*/SDL2.framework/*'`")
        }
        Code::TW321 => {
            let message = "`foo.dll` is needed in `a` and in `b`, and neither has start-up code that could tell the loader of the other";
            Diagnostic::new(code, message).help("give each folder a copy of its own with `--layout adjacent`, or add an `__init__.py` to the package")
        }
        Code::TW704 => Diagnostic::new(code, "differs between the wheels")
            .member("demo/config.py")
            .help("`--take first` or `--take second` says which wheel's file is taken"),
        Code::TW616 => {
            let message =
                "`macosx_10_9_x86_64` is claimed and not true of the bytes; the wheel becomes `macosx_11_0_x86_64`";
            Diagnostic::new(code, message)
        }
        Code::TW901 => {
            Diagnostic::new(code, "`libfoo-1a2b3c4d.so.1` does not resolve inside the result").member(EXTENSION)
        }
        Code::TW902 => audit::own_fault(&Error::new(ErrorKind::Internal, "a row of RECORD cannot be written")),
        _ => return None,
    })
}

#[test]
fn every_page_shows_what_a_wheel_really_gives() {
    let folder = tempfile::tempdir().unwrap();
    let mut complaints = Vec::new();
    for code in Code::ALL {
        let Some(report) = report(*code, folder.path()) else {
            complaints.push(format!("{code}: no wheel gives it"));
            continue;
        };
        match first(&report, *code) {
            Some(found) => complaints.extend(compare(*code, &finding(found, &Palette::default()))),
            None => {
                let codes: Vec<String> = report
                    .diagnostics
                    .iter()
                    .map(|f| format!("{} {}", f.diagnostic.code, f.diagnostic.message))
                    .collect();
                complaints.push(format!("{code}: its wheel gives {codes:?}"));
            }
        }
    }
    assert!(complaints.is_empty(), "UPDATE=1 writes the pages:\n{}", complaints.join("\n"));
}

/// Compares the example of a page, or writes it.
fn compare(code: Code, rendered: &str) -> Option<String> {
    let wanted = format!("```text\n{rendered}```");
    let page = code.page();
    let (before, rest) = page.split_once("## Example\n")?;
    let (example, after) = rest.split_once("## What to do\n")?;
    if example.trim() == wanted {
        return None;
    }
    if std::env::var_os("UPDATE").is_some() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("docs/diagnostics/{code}.md"));
        std::fs::write(path, format!("{before}## Example\n\n{wanted}\n\n## What to do\n{after}")).unwrap();
        return None;
    }
    Some(format!("{code}: the page says\n{}\nand the wheel gives\n{wanted}", example.trim()))
}

#[test]
fn every_page_has_its_four_sections_in_order() {
    for code in Code::ALL {
        let page = code.page();
        let headings: Vec<&str> = page.lines().filter(|line| line.starts_with('#')).collect();
        let title = format!("# {code}: {}", code.slug());
        assert_eq!(
            headings,
            [&title, "## What it means", "## Why it matters", "## Example", "## What to do"],
            "{code}"
        );
        let sections: Vec<&str> = page.split("\n## ").skip(1).collect();
        for section in sections.iter().filter(|section| !section.starts_with("Example")) {
            let (heading, text) = section.split_once('\n').unwrap();
            assert!(text.trim().len() > 20, "{code}: `{heading}` says nothing");
        }
    }
}
