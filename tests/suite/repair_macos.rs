//! Repair of wheels for macOS and iOS: dylibs vendored, imports and names rewritten, signatures renewed, from any host.

use std::path::{Path, PathBuf};

use truewheel::audit::{AuditOptions, Depth, audit};
use truewheel::diagnostic::Severity;
use truewheel::load::Binary;
use truewheel::repair::{Options, Outcome, Patterns, repair};
use truewheel::wheel::Wheel;

use crate::support::macho::{ARM64, DYLIB, IOS, IOS_SIMULATOR, LOAD, MachoSpec, WEAK, X86_64, both, universal};
use crate::support::wheel::WheelBuilder;

const EXTENSION: &str = "demo/_core.cpython-311-darwin.so";
const SYSTEM: (u32, &str) = (LOAD, "/usr/lib/libSystem.B.dylib");

/// A wheel, folders of libraries, and somewhere to write.
struct Bench {
    folder: tempfile::TempDir,
    options: Options,
}

impl Bench {
    fn new(libraries: &[(&str, Vec<u8>)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in libraries {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
        let mut options = Options::default();
        options.search.folders = vec![folder.path().join("lib")];
        options.search.host = false;
        Self { folder, options }
    }

    fn wheel(&self, tag: &str, members: &[(&str, Vec<u8>)]) -> PathBuf {
        let builder = WheelBuilder::new(&format!("cp311-cp311-{tag}")).file("demo/__init__.py", b"");
        members.iter().fold(builder, |builder, (name, bytes)| builder.file(name, bytes)).write(self.folder.path())
    }

    fn try_repair(&self, wheel: &Path) -> truewheel::Result<Outcome> {
        let folder = self.folder.path().join("out");
        std::fs::create_dir_all(&folder).unwrap();
        repair(wheel, &self.options, Some(&folder))
    }

    /// Repairs the wheel; a second repair must give the same bytes, and `check` must find nothing wrong.
    fn repair(&self, wheel: &Path) -> Outcome {
        let mut outcome = self.try_repair(wheel).unwrap();
        let found: Vec<String> = outcome.diagnostics.iter().map(|found| found.message.clone()).collect();
        let path = outcome.publish(&[]).unwrap_or_else(|error| panic!("{error}: {found:#?}")).unwrap();
        let again = self.folder.path().join("again");
        std::fs::create_dir_all(&again).unwrap();
        let second = repair(&path, &self.options, Some(&again)).unwrap().publish(&[]).unwrap().unwrap();
        assert!(std::fs::read(&path).unwrap() == std::fs::read(second).unwrap(), "a second repair changes something");
        let report = audit(&path, &AuditOptions::default(), Depth::Everything).unwrap();
        let errors: Vec<_> =
            report.diagnostics.iter().filter(|found| found.diagnostic.severity == Severity::Error).collect();
        assert!(errors.is_empty(), "{errors:#?}");
        outcome
    }
}

fn extension(imports: &[(u32, &'static str)]) -> MachoSpec {
    MachoSpec { imports: imports.iter().copied().chain([SYSTEM]).collect(), ..MachoSpec::default() }
}

fn library(id: &'static str, imports: &[(u32, &'static str)]) -> MachoSpec {
    MachoSpec { imports: imports.iter().copied().chain([SYSTEM]).collect(), ..MachoSpec::library(id) }
}

/// `imports of member`, the system's library left out, for each slice.
fn imports(outcome: &Outcome, member: &str) -> Vec<String> {
    let slices = outcome.binaries.iter().filter(|binary| binary.member == member);
    let names = slices.flat_map(|binary| binary.image.imports.iter().map(|import| import.name.clone()));
    names.filter(|name| !name.starts_with("/usr/lib/")).collect()
}

fn binary<'a>(outcome: &'a Outcome, member: &str) -> &'a Binary {
    let found = outcome.binaries.iter().find(|binary| binary.member == member);
    found.unwrap_or_else(|| panic!("no {member}: {:?}", members(outcome)))
}

fn members(outcome: &Outcome) -> Vec<&str> {
    outcome.binaries.iter().map(|binary| binary.member.as_str()).collect()
}

fn rpaths(outcome: &Outcome, member: &str) -> Vec<String> {
    binary(outcome, member).image.search_paths.iter().map(|search| search.path.clone()).collect()
}

#[test]
fn a_chain_of_libraries_is_vendored_and_every_import_is_the_way_to_it() {
    let one = library("/opt/x/lib/libone.1.dylib", &[(LOAD, "@rpath/libtwo.dylib")]);
    let one = MachoSpec { rpaths: vec!["/opt/x/lib"], ..one };
    let bench = Bench::new(&[
        ("lib/libone.1.dylib", one.build()),
        ("lib/libtwo.dylib", library("@rpath/libtwo.dylib", &[]).build()),
    ]);
    let core = MachoSpec {
        rpaths: vec!["/Users/me/build/lib", "@loader_path"],
        ..extension(&[(LOAD, "/opt/x/lib/libone.1.dylib")])
    };
    let sub = extension(&[(LOAD, "@rpath/libtwo.dylib")]);
    let wheel = bench.wheel(
        "macosx_11_0_arm64",
        &[(EXTENSION, core.build()), ("demo/sub/_deep.cpython-311-darwin.so", sub.build())],
    );
    let outcome = bench.repair(&wheel);
    assert_eq!(imports(&outcome, EXTENSION), ["@loader_path/.dylibs/libone.1.dylib"]);
    assert_eq!(rpaths(&outcome, EXTENSION), ["@loader_path"]);
    assert_eq!(imports(&outcome, "demo/sub/_deep.cpython-311-darwin.so"), ["@loader_path/../.dylibs/libtwo.dylib"]);
    assert_eq!(imports(&outcome, "demo/.dylibs/libone.1.dylib"), ["@loader_path/libtwo.dylib"]);
    assert!(rpaths(&outcome, "demo/.dylibs/libone.1.dylib").is_empty());
    let identity = |member: &str| binary(&outcome, member).image.identity.clone().unwrap();
    assert_eq!(identity("demo/.dylibs/libone.1.dylib"), "/DLC/demo/.dylibs/libone.1.dylib");
    assert_eq!(identity("demo/.dylibs/libtwo.dylib"), "/DLC/demo/.dylibs/libtwo.dylib");
}

#[test]
fn a_wheel_without_package_keeps_its_libraries_at_the_top() {
    let bench = Bench::new(&[("lib/liba.dylib", library("/o/liba.dylib", &[]).build())]);
    let core = extension(&[(LOAD, "/o/liba.dylib")]).build();
    let builder = WheelBuilder::new("cp311-cp311-macosx_11_0_arm64").file("_core.cpython-311-darwin.so", &core);
    let outcome = bench.repair(&builder.write(bench.folder.path()));
    assert_eq!(imports(&outcome, "_core.cpython-311-darwin.so"), ["@loader_path/demo.dylibs/liba.dylib"]);
}

#[test]
fn members_under_data_are_wired_as_they_will_be_installed() {
    let bench = Bench::new(&[("lib/liba.dylib", library("/o/liba.dylib", &[]).build())]);
    let member = "demo-1.0.data/platlib/demo/sub/_core.cpython-311-darwin.so";
    let wheel = bench.wheel("macosx_11_0_arm64", &[(member, extension(&[(LOAD, "/o/liba.dylib")]).build())]);
    let outcome = bench.repair(&wheel);
    assert_eq!(imports(&outcome, member), ["@loader_path/../.dylibs/liba.dylib"]);
    assert!(members(&outcome).contains(&"demo/.dylibs/liba.dylib"));
}

#[test]
fn each_slice_of_a_universal_file_is_wired_and_signed() {
    let intel = MachoSpec { cpu: X86_64, min_os: (10, 9), ..extension(&[(LOAD, "/intel/liba.dylib")]) };
    let arm = extension(&[(LOAD, "/arm/liba.dylib")]);
    let fat = universal(&[(X86_64, intel.build()), (ARM64, arm.build())]);
    let lib = MachoSpec { min_os: (10, 9), ..library("/o/liba.dylib", &[]) };
    let bench = Bench::new(&[("lib/liba.dylib", both(&lib))]);
    let outcome = bench.repair(&bench.wheel("macosx_10_9_universal2", &[(EXTENSION, fat)]));
    assert_eq!(imports(&outcome, EXTENSION), ["@loader_path/.dylibs/liba.dylib"; 2]);
    assert_eq!(outcome.name.tags.platform.to_string(), "macosx_10_9_universal2");
}

/// A library for each processor, in a folder of its own, and a universal extension module.
fn parted_bench(imports: [&'static str; 2]) -> (Bench, PathBuf) {
    let build = |cpu, id, other| MachoSpec { cpu, min_os: (10, 9), ..library(id, &[(LOAD, other)]) }.build();
    let [intel, arm] = [(X86_64, imports[0], "/usr/local/libb.dylib"), (ARM64, imports[1], "/opt/brew/libb.dylib")]
        .map(|(cpu, id, other)| (build(cpu, id, other), build(cpu, other, "/usr/lib/libz.1.dylib")));
    let mut bench = Bench::new(&[
        ("intel/liba.dylib", intel.0),
        ("intel/libb.dylib", intel.1),
        ("arm/liba.dylib", arm.0),
        ("arm/libb.dylib", arm.1),
    ]);
    bench.options.search.folders = ["intel", "arm"].map(|name| bench.folder.path().join(name)).into();
    let slice = |cpu, name| MachoSpec { cpu, min_os: (10, 9), ..extension(&[(LOAD, name)]) }.build();
    let core = universal(&[(X86_64, slice(X86_64, imports[0])), (ARM64, slice(ARM64, imports[1]))]);
    let wheel = bench.wheel("macosx_10_9_universal2", &[(EXTENSION, core)]);
    (bench, wheel)
}

#[test]
fn libraries_for_one_processor_each_are_joined() {
    for names in [["/o/liba.dylib"; 2], ["/usr/local/liba.dylib", "/opt/brew/liba.dylib"]] {
        let (mut bench, wheel) = parted_bench(names);
        let outcome = bench.repair(&wheel);
        assert_eq!(imports(&outcome, EXTENSION), ["@loader_path/.dylibs/liba.dylib"; 2]);
        assert_eq!(imports(&outcome, "demo/.dylibs/liba.dylib"), ["@loader_path/libb.dylib"; 2]);
        let slices = |member: &str| outcome.binaries.iter().filter(|binary| binary.member == member).count();
        assert_eq!(["demo/.dylibs/liba.dylib", "demo/.dylibs/libb.dylib"].map(slices), [2, 2]);
        assert_eq!(outcome.name.tags.platform.to_string(), "macosx_10_9_universal2");
        let plan = outcome.plan.as_ref().unwrap();
        let steps: Vec<String> = plan.steps().iter().map(truewheel::audit::step_phrase).collect();
        assert!(
            steps[0].contains("intel/liba.dylib joined with ") && steps[0].contains("arm/liba.dylib as "),
            "{steps:?}"
        );
        let written = bench.folder.path().join("out").join(outcome.name.to_string());
        let wheel_written = Wheel::open(&written).unwrap();
        let sbom = wheel_written.member("demo-1.0.dist-info/sboms/truewheel.cdx.json").unwrap();
        let sbom = String::from_utf8(wheel_written.read_small(sbom).unwrap().to_vec()).unwrap();
        for library in &plan.vendored {
            let hex = |digest: &[u8; 32]| digest.iter().map(|byte| format!("{byte:02x}")).collect();
            let sums: Vec<String> = library.sources().map(|source| hex(&source.digest)).collect();
            assert!(sums.len() == 2 && sums.iter().all(|sum| sbom.contains(sum)), "{sbom}");
        }
        // Where they are found first says nothing of the bytes.
        let first = std::fs::read(&written).unwrap();
        bench.options.search.folders.reverse();
        bench.repair(&wheel);
        assert!(std::fs::read(&written).unwrap() == first);
    }
}

#[test]
fn an_architecture_that_is_required_must_be_in_what_is_vendored() {
    let arm = MachoSpec { min_os: (10, 9), ..library("/o/liba.dylib", &[]) };
    let slice = |cpu, imports: &[_]| MachoSpec { cpu, min_os: (10, 9), ..extension(imports) }.build();
    let core = universal(&[(X86_64, slice(X86_64, &[])), (ARM64, slice(ARM64, &[(LOAD, "/o/liba.dylib")]))]);
    for (library, is_refused) in [(arm.build(), true), (both(&arm), false)] {
        let mut bench = Bench::new(&[("lib/liba.dylib", library)]);
        let wheel = bench.wheel("macosx_10_9_universal2", &[(EXTENSION, core.clone())]);
        // For Intel nobody loads it.
        bench.repair(&wheel);
        for list in ["universal2", ""] {
            bench.options.require_archs = list.parse().unwrap();
            let outcome = bench.try_repair(&wheel).unwrap();
            let lacking = outcome.diagnostics.iter().find(|found| found.code.name() == "TW412");
            let member = lacking.and_then(|found| found.member.as_deref());
            assert_eq!(member, is_refused.then_some("demo/.dylibs/liba.dylib"), "{list}");
            assert_eq!(outcome.is_refused(&[]), is_refused);
        }
    }
}

#[test]
fn a_library_for_one_processor_and_another_for_both_are_refused_with_the_way_out() {
    let (mut bench, wheel) = parted_bench(["/o/liba.dylib"; 2]);
    let joined = bench.folder.path().join("joined");
    std::fs::create_dir_all(&joined).unwrap();
    let both = both(&MachoSpec { min_os: (10, 9), ..library("/o/liba.dylib", &[]) });
    std::fs::write(joined.join("liba.dylib"), both).unwrap();
    bench.options.search.folders = ["intel", "joined"].map(|name| bench.folder.path().join(name)).into();
    let outcome = bench.try_repair(&wheel).unwrap();
    let errors: Vec<_> = outcome.diagnostics.iter().filter(|found| found.severity == Severity::Error).collect();
    assert_eq!(errors.len(), 1, "{errors:#?}");
    assert_eq!((errors[0].code.name(), errors[0].member.as_deref()), ("TW303", Some(EXTENSION)));
    assert!(errors[0].help.as_ref().is_some_and(|help| help.contains("before the others")), "{errors:#?}");
    bench.options.search.folders.reverse();
    assert_eq!(imports(&bench.repair(&wheel), EXTENSION), ["@loader_path/.dylibs/liba.dylib"; 2]);
}

#[test]
fn a_run_path_that_one_slice_has_twice_is_left_there_once() {
    let intel = MachoSpec { cpu: X86_64, rpaths: vec!["@loader_path/lib", "@loader_path/lib"], ..extension(&[]) };
    let arm = MachoSpec { rpaths: vec!["@loader_path/other", "@loader_path/lib"], ..extension(&[]) };
    let fat = universal(&[(X86_64, intel.build()), (ARM64, arm.build())]);
    let bench = Bench::new(&[]);
    let outcome = bench.repair(&bench.wheel("macosx_11_0_universal2", &[(EXTENSION, fat)]));
    let paths: Vec<Vec<&str>> = outcome
        .binaries
        .iter()
        .map(|slice| slice.image.search_paths.iter().map(|search| search.path.as_str()).collect())
        .collect();
    assert_eq!(paths, [vec!["@loader_path/lib"], vec!["@loader_path/other", "@loader_path/lib"]]);
}

#[test]
fn one_library_by_two_names_is_copied_once_and_stays_two_imports() {
    let bytes = library("/o/libz.1.dylib", &[]).build();
    let bench = Bench::new(&[("lib/libz.1.dylib", bytes.clone())]);
    std::os::unix::fs::symlink("libz.1.dylib", bench.folder.path().join("lib/libz.dylib")).unwrap();
    let core = MachoSpec { sdk: (15, 0), ..extension(&[(LOAD, "/o/libz.dylib"), (LOAD, "/o/libz.1.dylib")]) };
    let outcome = bench.repair(&bench.wheel("macosx_11_0_arm64", &[(EXTENSION, core.build())]));
    assert_eq!(
        imports(&outcome, EXTENSION),
        ["@loader_path/.dylibs/libz.1.dylib", "@loader_path/./.dylibs/libz.1.dylib"]
    );
    assert_eq!(members(&outcome).iter().filter(|name| name.contains(".dylibs/")).count(), 1);
}

#[test]
fn two_libraries_of_one_name_get_names_of_their_own() {
    let bench = Bench::new(&[
        ("first/liba.dylib", library("/first/liba.dylib", &[]).build()),
        ("second/liba.dylib", MachoSpec { exports: vec!["bar"], ..library("/second/liba.dylib", &[]) }.build()),
    ]);
    let mut bench = bench;
    let root = bench.folder.path().display().to_string();
    bench.options.search.folders = vec![];
    bench.options.search.sysroot = Some(root.into());
    let core = extension(&[(LOAD, "/first/liba.dylib"), (LOAD, "/second/liba.dylib")]);
    let outcome = bench.repair(&bench.wheel("macosx_11_0_arm64", &[(EXTENSION, core.build())]));
    let names = imports(&outcome, EXTENSION);
    assert!(
        names[0] != names[1] && names.iter().all(|name| name.starts_with("@loader_path/.dylibs/liba-")),
        "{names:?}"
    );
}

#[test]
fn libraries_that_re_export_each_other_are_copied_once() {
    const REEXPORT: u32 = 0x8000_001f;
    let bench = Bench::new(&[
        ("lib/liba.dylib", library("/o/liba.dylib", &[(REEXPORT, "/o/libb.dylib")]).build()),
        ("lib/libb.dylib", library("/o/libb.dylib", &[(REEXPORT, "/o/liba.dylib")]).build()),
    ]);
    let core = extension(&[(LOAD, "/o/liba.dylib")]);
    let outcome = bench.repair(&bench.wheel("macosx_11_0_arm64", &[(EXTENSION, core.build())]));
    assert_eq!(members(&outcome), ["demo/.dylibs/liba.dylib", "demo/.dylibs/libb.dylib", EXTENSION]);
    assert_eq!(imports(&outcome, "demo/.dylibs/liba.dylib"), ["@loader_path/libb.dylib"]);
    assert_eq!(imports(&outcome, "demo/.dylibs/libb.dylib"), ["@loader_path/liba.dylib"]);
}

#[test]
fn a_run_path_to_what_is_left_to_the_user_s_machine_stays() {
    let mut bench = Bench::new(&[]);
    let paths = vec!["/opt/homebrew/opt/libomp/lib", "/Users/me/build/lib", "@loader_path"];
    let core = |imports: &[_]| MachoSpec { rpaths: paths.clone(), ..extension(imports) }.build();
    for (excluded, expected) in [(true, &paths[..1]), (false, &[])] {
        bench.options.exclude = Patterns::new(if excluded { vec!["libomp.dylib".to_owned()] } else { vec![] }).unwrap();
        bench.options.exclude_as_given = bench.options.exclude.texts().to_vec();
        let imports: &[(u32, &str)] = if excluded { &[(LOAD, "@rpath/libomp.dylib")] } else { &[] };
        let outcome = bench.repair(&bench.wheel("macosx_11_0_arm64", &[(EXTENSION, core(imports))]));
        assert_eq!(rpaths(&outcome, EXTENSION), [expected, &["@loader_path"]].concat());
        let unmatched = outcome.diagnostics.iter().find(|found| found.message.contains("matches no library"));
        assert!(unmatched.is_none(), "{unmatched:?}");
    }
}

#[test]
fn a_weak_import_may_be_missing_and_another_may_not() {
    let bench = Bench::new(&[]);
    let weak = bench.wheel("macosx_11_0_arm64", &[(EXTENSION, extension(&[(WEAK, "/o/liba.dylib")]).build())]);
    let outcome = bench.repair(&weak);
    assert!(outcome.diagnostics.iter().any(|found| found.code.name() == "TW309" && found.severity == Severity::Note));
    let needed = bench.wheel("macosx_11_0_arm64", &[(EXTENSION, extension(&[(LOAD, "/o/liba.dylib")]).build())]);
    let outcome = bench.try_repair(&needed).unwrap();
    assert!(outcome.is_refused(&[]));
}

#[test]
fn a_version_that_the_bytes_do_not_allow_is_raised_and_said_and_one_asked_for_fails() {
    let old = MachoSpec { cpu: X86_64, min_os: (10, 9), ..extension(&[(LOAD, "/o/liba.dylib")]) };
    let new = MachoSpec { cpu: X86_64, min_os: (13, 0), ..library("/o/liba.dylib", &[]) };
    let mut bench = Bench::new(&[("lib/liba.dylib", new.build())]);
    let wheel = bench.wheel("macosx_10_9_x86_64", &[(EXTENSION, old.build())]);
    let outcome = bench.repair(&wheel);
    assert_eq!(outcome.name.tags.platform.to_string(), "macosx_13_0_x86_64");
    assert!(outcome.diagnostics.iter().any(|found| found.code.name() == "TW616"));
    let reason = outcome.diagnostics.iter().find(|found| found.code.name() == "TW411").unwrap();
    assert!(reason.member.as_deref().unwrap().ends_with("liba.dylib"), "{reason:?}");
    bench.options.plat = vec!["macosx_10_9_x86_64".parse().unwrap()];
    assert!(bench.try_repair(&wheel).unwrap().is_refused(&[]));
}

#[test]
fn a_wheel_that_earns_no_tag_at_all_is_refused_with_the_reasons() {
    let bench = Bench::new(&[]);
    let intel = MachoSpec { cpu: X86_64, ..extension(&[]) };
    let wheel =
        bench.wheel("macosx_11_0_universal2", &[(EXTENSION, extension(&[]).build()), ("demo/x.so", intel.build())]);
    let outcome = bench.try_repair(&wheel).unwrap();
    assert!(outcome.is_refused(&[]));
    let codes: Vec<&str> = outcome.diagnostics.iter().map(|found| found.code.name()).collect();
    assert_eq!(codes.iter().filter(|code| **code == "TW409").count(), 1, "{codes:?}");
    let lacking = outcome.diagnostics.iter().filter(|found| found.code.name() == "TW412");
    assert_eq!(lacking.filter_map(|found| found.member.as_deref()).collect::<Vec<_>>(), [EXTENSION, "demo/x.so"]);
    assert_eq!(outcome.name.tags.platform.as_str(), "macosx_11_0_universal2");
}

#[test]
fn the_program_s_folder_is_searched_where_it_is_named() {
    let import = "@executable_path/../lib/liba.dylib";
    let mut bench = Bench::new(&[("app/lib/liba.dylib", library(import, &[]).build())]);
    bench.options.search.folders = vec![];
    let wheel = bench.wheel("macosx_11_0_arm64", &[(EXTENSION, extension(&[(LOAD, import)]).build())]);
    assert!(bench.try_repair(&wheel).unwrap().is_refused(&[]));
    let program = bench.folder.path().join("app/bin");
    std::fs::create_dir(&program).unwrap();
    bench.options.search.executable = Some(program);
    assert_eq!(imports(&bench.repair(&wheel), EXTENSION), ["@loader_path/.dylibs/liba.dylib"]);
}

#[test]
fn a_framework_is_refused_unless_it_is_excluded() {
    let framework = "/Library/Frameworks/SDL2.framework/Versions/A/SDL2";
    let mut bench =
        Bench::new(&[("root/Library/Frameworks/SDL2.framework/Versions/A/SDL2", library(framework, &[]).build())]);
    bench.options.search.folders = vec![];
    bench.options.search.sysroot = Some(bench.folder.path().join("root"));
    let wheel = bench.wheel("macosx_11_0_arm64", &[(EXTENSION, extension(&[(LOAD, framework)]).build())]);
    let outcome = bench.try_repair(&wheel).unwrap();
    assert!(outcome.is_refused(&[]));
    let found = outcome.diagnostics.iter().find(|found| found.code.name() == "TW320").unwrap();
    let help = found.help.clone();
    assert!(help.as_ref().is_some_and(|help| help.contains("--exclude '*/SDL2.framework/*'")), "{found:?}");
    // Where it is nowhere, what to do is the same.
    bench.options.search.sysroot = None;
    let outcome = bench.try_repair(&wheel).unwrap();
    assert_eq!(outcome.diagnostics.iter().find(|found| found.code.name() == "TW301").unwrap().help, help);
    bench.options.exclude = truewheel::repair::Patterns::new(["*/SDL2.framework/*"]).unwrap();
    let outcome = bench.repair(&wheel);
    assert_eq!(imports(&outcome, EXTENSION), [framework]);
}

#[test]
fn python_s_own_library_is_never_vendored() {
    let python = "/Library/Frameworks/Python.framework/Versions/3.11/Python";
    let mut bench = Bench::new(&[(&format!("root{python}"), library("/x", &[]).build())]);
    bench.options.search.sysroot = Some(bench.folder.path().join("root"));
    bench.options.search.folders = vec![];
    let wheel = bench.wheel("macosx_11_0_arm64", &[(EXTENSION, extension(&[(LOAD, python)]).build())]);
    let outcome = bench.try_repair(&wheel).unwrap();
    assert_eq!(members(&outcome), [EXTENSION]);
}

/// Room for what, and how the import and the name of the library are spelled then.
fn crowded(room: usize, imported: &'static str) -> (Vec<String>, Vec<String>, Vec<String>) {
    let bench = Bench::new(&[("lib/libverylongname.1.dylib", library("/o/libverylongname.1.dylib", &[]).build())]);
    let core = MachoSpec { room, ..extension(&[(LOAD, imported)]) };
    let deep = "demo/a/b/c/_core.cpython-311-darwin.so";
    let outcome = bench.repair(&bench.wheel("macosx_11_0_arm64", &[(deep, core.build())]));
    let vendored = members(&outcome).into_iter().filter(|name| name.contains(".dylibs/")).map(str::to_owned).collect();
    (imports(&outcome, deep), rpaths(&outcome, deep), vendored)
}

#[test]
fn spellings_become_shorter_where_a_header_has_no_room() {
    // `@loader_path/../../../.dylibs/libverylongname.1.dylib` takes 24 bytes more than `@rpath/libverylongname.1.dylib`.
    let import = "@rpath/libverylongname.1.dylib";
    let (names, paths, _) = crowded(24, import);
    assert_eq!((names.len(), names[0].as_str()), (1, "@loader_path/../../../.dylibs/libverylongname.1.dylib"));
    assert!(paths.is_empty());
    // A hash alone is shorter.
    let (names, paths, vendored) = crowded(16, import);
    let name = vendored[0].strip_prefix("demo/.dylibs/").unwrap();
    assert!(name.len() == 10 && name.bytes().all(|byte| byte.is_ascii_hexdigit()), "{name}");
    assert_eq!((names, paths.len()), (vec![format!("@loader_path/../../../.dylibs/{name}")], 0));
    let (names, _, _) = crowded(0, "/opt/homebrew/opt/verylongname/lib/libverylongname.1.dylib");
    assert_eq!(names.len(), 1);
}

#[test]
fn many_libraries_are_reached_by_one_run_path_where_there_is_little_room() {
    let ids = ["/o/liba.dylib", "/o/libb.dylib", "/o/libc.dylib", "/o/libd.dylib", "/o/libe.dylib"];
    let libraries: Vec<(String, Vec<u8>)> = ids
        .iter()
        .enumerate()
        .map(|(number, id)| {
            let exports = vec![["a", "b", "c", "d", "e"][number]];
            (id.replace("/o/", "lib/"), MachoSpec { exports, ..library(id, &[]) }.build())
        })
        .collect();
    let libraries: Vec<(&str, Vec<u8>)> =
        libraries.iter().map(|(name, bytes)| (name.as_str(), bytes.clone())).collect();
    let bench = Bench::new(&libraries);
    let wanted: Vec<(u32, &'static str)> = ids.iter().map(|id| (LOAD, *id)).collect();
    let core = MachoSpec { room: 88, ..extension(&wanted) };
    let deep = "demo/a/b/c/_core.cpython-311-darwin.so";
    let outcome = bench.repair(&bench.wheel("macosx_11_0_arm64", &[(deep, core.build())]));
    assert_eq!(rpaths(&outcome, deep), ["@loader_path/../../../.dylibs"]);
    assert!(imports(&outcome, deep).iter().all(|name| name.starts_with("@rpath/")));
}

#[test]
fn no_room_at_all_is_refused_with_the_bytes_and_nothing_is_written() {
    let bench = Bench::new(&[("lib/a.dylib", library("/a.dylib", &[]).build())]);
    let core = MachoSpec { room: 0, ..extension(&[(LOAD, "/a.dylib")]) };
    let wheel = bench.wheel("macosx_11_0_arm64", &[("demo/a/b/c/_core.cpython-311-darwin.so", core.build())]);
    let before = std::fs::read(&wheel).unwrap();
    let error = bench.try_repair(&wheel).unwrap_err();
    assert!(error.message().contains("bytes needed") && error.message().contains("available"), "{error}");
    assert!(error.hints().iter().any(|hint| hint.contains("headerpad_max_install_names")), "{error:?}");
    assert!(before == std::fs::read(&wheel).unwrap());
    assert_eq!(std::fs::read_dir(bench.folder.path().join("out")).unwrap().count(), 0);
}

/// An extension module for iOS, and the tag of its wheel.
fn ios(platform: u32, imports: &[(u32, &'static str)]) -> (&'static str, &'static str, MachoSpec) {
    let python = (LOAD, "@rpath/Python.framework/Python");
    let imports: Vec<_> = imports.iter().copied().chain([python]).collect();
    let spec = MachoSpec {
        file_type: DYLIB,
        platform: Some(platform),
        min_os: (14, 0),
        id: Some("@rpath/_core"),
        rpaths: vec!["/Users/me/build/lib"],
        // A device's code is signed when its app is built.
        signed: platform == IOS_SIMULATOR,
        ..extension(&imports)
    };
    match platform {
        IOS => ("ios_14_0_arm64_iphoneos", "demo/_core.cpython-311-iphoneos.so", spec),
        _ => ("ios_14_0_arm64_iphonesimulator", "demo/_core.cpython-311-iphonesimulator.so", spec),
    }
}

#[test]
fn a_wheel_for_ios_loses_what_tells_of_the_build_machine_and_is_signed_as_it_was() {
    for platform in [IOS, IOS_SIMULATOR] {
        let (tag, module, spec) = ios(platform, &[]);
        let bench = Bench::new(&[]);
        let outcome = bench.repair(&bench.wheel(tag, &[(module, spec.build())]));
        assert!(rpaths(&outcome, module).is_empty());
        let facts = binary(&outcome, module).image.macho().unwrap();
        assert_eq!(facts.signature.is_some(), platform == IOS_SIMULATOR);
        assert_eq!(outcome.name.tags.platform.to_string(), tag);
    }
}

#[test]
fn nothing_is_vendored_for_ios_and_what_to_do_is_said() {
    for platform in [IOS, IOS_SIMULATOR] {
        let (tag, module, spec) = ios(platform, &[(LOAD, "/o/libfoo.dylib")]);
        let library = MachoSpec { platform: Some(platform), ..library("/o/libfoo.dylib", &[]) };
        let mut bench = Bench::new(&[("lib/libfoo.dylib", library.build())]);
        let wheel = bench.wheel(tag, &[(module, spec.build())]);
        let outcome = bench.try_repair(&wheel).unwrap();
        assert!(outcome.is_refused(&[]));
        let found = outcome.diagnostics.iter().find(|found| found.code.name() == "TW415").unwrap();
        assert_eq!(found.member.as_deref(), Some(module));
        assert!(found.message.starts_with("needs `libfoo.dylib`, which would have to be vendored"), "{found:?}");
        assert!(found.help.as_ref().is_some_and(|help| help.starts_with("link the library statically")), "{found:?}");
        drop(outcome);
        assert_eq!(std::fs::read_dir(bench.folder.path().join("out")).unwrap().count(), 0);
        // The way out that the message names.
        bench.options.exclude = truewheel::repair::Patterns::new(["libfoo.dylib"]).unwrap();
        assert_eq!(imports(&bench.repair(&wheel), module), ["/o/libfoo.dylib", "@rpath/Python.framework/Python"]);
    }
}
