//! Wheels for macOS and iOS: the tags that they earn, and what is said of their binaries.

use truewheel::audit::{AuditOptions, Depth, audit};
use truewheel::load::{Binary, inspect_bytes};
use truewheel::policy::apple::{RequiredArchs, missing_archs};
use truewheel::report::Report;
use truewheel::wheel::install::{InstallScheme, Installed};

use crate::support::macho::{
    ARM64, BUNDLE, DYLIB, IOS, IOS_SIMULATOR, LOAD, MachoSpec, OBJECT, PROGRAM, WEAK, X86_64, both, universal,
};
use crate::support::wheel::WheelBuilder;

const EXTENSION: &str = "demo/_core.cpython-311-darwin.so";
const LIBRARY: &str = "demo/.dylibs/libfoo.dylib";

fn report(tag: &str, members: &[(&str, Vec<u8>)]) -> Report {
    asked(tag, members, &[])
}

fn asked(tag: &str, members: &[(&str, Vec<u8>)], plat: &[&str]) -> Report {
    let folder = tempfile::tempdir().unwrap();
    let python = if tag.starts_with("ios") { "cp313-cp313" } else { "cp311-cp311" };
    let builder = members
        .iter()
        .fold(WheelBuilder::new(&format!("{python}-{tag}")), |builder, (name, bytes)| builder.file(name, bytes));
    let mut options = AuditOptions::default();
    options.plat = plat.iter().map(|tag| tag.parse().unwrap()).collect();
    audit(&builder.write(folder.path()), &options, Depth::Everything).unwrap()
}

/// `CODE level member: message`, each finding.
fn findings(report: &Report) -> Vec<String> {
    let line = |found: &truewheel::diagnostic::Diagnostic| {
        let member = found.member.as_deref().unwrap_or("-");
        format!("{} {} {member}: {}", found.code, found.severity, found.message)
    };
    report.diagnostics.iter().map(|found| line(&found.diagnostic)).collect()
}

/// The findings of one code, `member: message`.
fn of(report: &Report, code: &str) -> Vec<String> {
    let prefix = format!("{code} ");
    findings(report).iter().filter_map(|line| line.strip_prefix(&prefix).map(str::to_owned)).collect()
}

fn extension() -> MachoSpec {
    MachoSpec::default()
}

fn x86_64(min_os: (u32, u32)) -> MachoSpec {
    MachoSpec { cpu: X86_64, min_os, ..extension() }
}

fn fat(intel: (u32, u32), arm: (u32, u32)) -> Vec<u8> {
    let arm = MachoSpec { min_os: arm, ..extension() };
    universal(&[(X86_64, x86_64(intel).build()), (ARM64, arm.build())])
}

/// The facts of a file under a name.
fn read(member: &str, bytes: &[u8]) -> Vec<Binary> {
    inspect_bytes(bytes, member, &Installed::new(InstallScheme::Platlib, member)).unwrap()
}

#[test]
fn a_sound_wheel_earns_its_tag_and_gives_no_finding() {
    let report = report("macosx_11_0_arm64", &[(EXTENSION, extension().build())]);
    assert_eq!(report.tags.earned, ["macosx_11_0_arm64"]);
    assert_eq!(findings(&report), Vec::<String>::new());
    assert_eq!(report.binaries[0].arch, "arm64");
}

#[test]
fn universal2_says_what_the_intel_code_needs_where_arm64_needs_nothing_beyond_its_first_system() {
    let earned = |intel, arm| report("any", &[(EXTENSION, fat(intel, arm))]).tags.earned;
    assert_eq!(earned((10, 9), (11, 0)), ["macosx_10_9_universal2", "macosx_10_9_x86_64", "macosx_11_0_arm64"]);
    assert_eq!(earned((13, 0), (13, 0)), ["macosx_13_0_universal2", "macosx_13_0_x86_64", "macosx_13_0_arm64"]);
    assert_eq!(earned((12, 0), (11, 0)), ["macosx_12_0_universal2", "macosx_12_0_x86_64", "macosx_11_0_arm64"]);
    assert_eq!(earned((10, 13), (12, 0)), ["macosx_10_13_x86_64", "macosx_12_0_arm64"]);
}

#[test]
fn what_states_a_system_older_than_its_processor_counts_as_the_first_one() {
    let report = report("macosx_10_9_universal2", &[(EXTENSION, fat((10, 9), (10, 9)))]);
    assert_eq!(report.tags.earned, ["macosx_10_9_universal2", "macosx_10_9_x86_64", "macosx_11_0_arm64"]);
    // Linkers of long ago wrote no version.
    let silent = MachoSpec { cpu: X86_64, platform: None, ..extension() };
    assert_eq!(self::report("any", &[(EXTENSION, silent.build())]).tags.earned, ["macosx_10_4_x86_64"]);
    let compatible = x86_64((10, 16)).build();
    assert_eq!(self::report("any", &[(EXTENSION, compatible)]).tags.earned, ["macosx_11_0_x86_64"]);
}

#[test]
fn a_claim_that_promises_less_than_the_bytes_holds() {
    let report = asked(
        "macosx_12_0_arm64",
        &[(EXTENSION, extension().build())],
        &["macosx_14_0_arm64", "macosx_13_0_universal2"],
    );
    assert_eq!(report.tags.earned, ["macosx_11_0_arm64", "macosx_12_0_arm64"]);
    assert_eq!(
        findings(&report),
        [
            "TW412 error -: no binary has code for x86_64, which the tag names",
            "TW601 error -: `macosx_13_0_universal2` was asked for, and the bytes do not earn it",
        ]
    );
}

#[test]
fn the_whole_chain_to_the_binary_that_needs_a_newer_system_is_told() {
    let extension = MachoSpec { imports: vec![(LOAD, "@loader_path/.dylibs/libfoo.dylib")], ..extension() };
    let library =
        MachoSpec { imports: vec![(LOAD, "@loader_path/libbar.dylib")], ..MachoSpec::library("/DLC/libfoo.dylib") };
    let deep = MachoSpec { min_os: (13, 0), ..MachoSpec::library("/DLC/libbar.dylib") };
    let report = report(
        "macosx_11_0_arm64",
        &[(EXTENSION, extension.build()), (LIBRARY, library.build()), ("demo/.dylibs/libbar.dylib", deep.build())],
    );
    assert_eq!(report.tags.earned, ["macosx_13_0_arm64"]);
    let found = report.diagnostics.iter().find(|found| found.diagnostic.code.name() == "TW411").unwrap();
    assert_eq!(found.diagnostic.chain, [EXTENSION, LIBRARY, "demo/.dylibs/libbar.dylib"]);
    assert_eq!(found.diagnostic.message, "needs macOS 13.0 (arm64); the tag promises 11.0");
    assert_eq!(of(&report, "TW601").len(), 1);
    let next = &report.next_tags[0];
    assert_eq!((next.tag.as_str(), next.blockers.len()), ("macosx_11_0_arm64", 1));
}

#[test]
fn each_architecture_has_its_own_system() {
    let raised = MachoSpec { min_os: (12, 0), ..MachoSpec::library("/DLC/libfoo.dylib") };
    let library = universal(&[
        (X86_64, MachoSpec { cpu: X86_64, min_os: (10, 9), ..raised.clone() }.build()),
        (ARM64, raised.build()),
    ]);
    let members = [(EXTENSION, fat((10, 9), (11, 0))), (LIBRARY, library)];
    let report = report("macosx_10_9_universal2", &members);
    assert_eq!(report.tags.earned, ["macosx_10_9_x86_64", "macosx_12_0_arm64"]);
    assert_eq!(
        of(&report, "TW411"),
        ["error demo/.dylibs/libfoo.dylib: needs macOS 12.0 (arm64); the tag promises 10.9"]
    );
}

#[test]
fn an_architecture_that_one_binary_lacks_is_not_earned() {
    // The wheel of delocate's own tests: a thin extension beside a universal library.
    let library = both(&MachoSpec::library("/DLC/libfoo.dylib"));
    let report = report("macosx_11_0_universal2", &[(EXTENSION, x86_64((11, 0)).build()), (LIBRARY, library)]);
    assert_eq!(report.tags.earned, ["macosx_11_0_x86_64"]);
    assert_eq!(
        of(&report, "TW412"),
        ["error demo/_core.cpython-311-darwin.so: has code for x86_64, and none for arm64, which the tag names"]
    );
}

#[test]
fn a_thin_wheel_is_not_universal_because_nothing_was_vendored() {
    let bytes = x86_64((11, 0)).build();
    let report = report("macosx_11_0_universal2", &[(EXTENSION, bytes.clone())]);
    assert_eq!(of(&report, "TW601").len(), 1);
    let found = |member: &str, bytes: &[u8], wanted: &str| {
        let binaries = read(member, bytes);
        let images = binaries.iter().map(|binary| (binary.member.as_str(), &*binary.image));
        missing_archs(images, &wanted.parse::<RequiredArchs>().unwrap().archs(&[]))
    };
    let lacking = found(EXTENSION, &bytes, "universal2");
    assert_eq!(lacking[0].message, "has code for x86_64, and none for arm64, which `--require-archs` asks for");
    assert!(found(EXTENSION, &bytes, "x86_64").is_empty());
    assert!(found("demo/attach_x86_64.dylib", &bytes, "universal2").is_empty());
    assert!(found(EXTENSION, &both(&extension()), "universal2").is_empty());
}

#[test]
fn code_for_newer_processors_alone_is_none_for_the_tag() {
    const ARM64E: (u32, u32) = (0x0100_000c, 0x8000_0002);
    const X86_64H: (u32, u32) = (0x0100_0007, 8);
    for (plain, newer, [tag, named, own]) in [
        (ARM64, ARM64E, ["macosx_11_0_arm64", "arm64", "arm64e"]),
        (X86_64, X86_64H, ["macosx_11_0_x86_64", "x86_64", "x86_64h"]),
    ] {
        let slice = |cpu| MachoSpec { cpu, min_os: (11, 0), ..extension() }.build();
        let both = report(tag, &[(EXTENSION, universal(&[(plain, slice(plain)), (newer, slice(newer))]))]);
        assert_eq!((both.tags.earned.as_slice(), findings(&both)), ([tag.to_owned()].as_slice(), vec![]));
        let alone = report(tag, &[(EXTENSION, slice(newer))]);
        assert_eq!(alone.tags.earned, Vec::<String>::new());
        let lacks = format!("has code for {own}, and none for {named}, which the tag names");
        assert_eq!(of(&alone, "TW412"), [format!("error {EXTENSION}: {lacks}")]);
    }
}

#[test]
fn a_file_that_is_named_for_one_processor_and_what_no_loader_loads_take_no_tag_away() {
    let helper = MachoSpec { cpu: X86_64, ..MachoSpec::library("attach_x86_64.dylib") };
    let object = MachoSpec { cpu: X86_64, min_os: (15, 0), file_type: OBJECT, signed: false, ..extension() };
    let members = [
        (EXTENSION, both(&extension())),
        ("demo/attach_x86_64.dylib", helper.build()),
        ("demo/static.o", object.build()),
    ];
    let report = report("macosx_11_0_universal2", &members);
    assert_eq!(report.tags.earned, ["macosx_11_0_universal2", "macosx_11_0_x86_64", "macosx_11_0_arm64"]);
    // That the object is of no use in a wheel is a note of its own.
    let others: Vec<String> = findings(&report).into_iter().filter(|finding| !finding.starts_with("TW646")).collect();
    assert_eq!(others, Vec::<String>::new());
}

#[test]
fn a_program_for_intel_runs_on_apple_silicon_with_a_warning() {
    let program = MachoSpec { file_type: PROGRAM, exports: vec![], ..x86_64((11, 0)) };
    let members = [(EXTENSION, both(&extension())), ("demo/bin/tool", program.build())];
    let report = report("macosx_11_0_universal2", &members);
    assert_eq!(
        of(&report, "TW412"),
        ["warning demo/bin/tool: has code for x86_64 only; on arm64 it runs by translation (Rosetta)"]
    );
    assert_eq!(report.tags.earned.len(), 3);
}

#[test]
fn code_for_another_of_apple_s_systems_earns_no_macos_tag() {
    let bytes = MachoSpec { platform: Some(IOS_SIMULATOR), ..extension() }.build();
    let report = report("macosx_11_0_arm64", &[(EXTENSION, bytes)]);
    assert_eq!(report.tags.earned, Vec::<String>::new());
    assert_eq!(
        of(&report, "TW413"),
        ["error demo/_core.cpython-311-darwin.so: is for iOS simulator (arm64), and the tag for macOS"]
    );
}

#[test]
fn a_point_release_is_a_warning_for_no_tag_can_say_it() {
    let bytes = MachoSpec { min_os: (13, 3), ..extension() }.build();
    let report = report("macosx_13_0_arm64", &[(EXTENSION, bytes)]);
    assert_eq!(report.tags.earned, ["macosx_13_0_arm64"]);
    assert_eq!(
        findings(&report),
        ["TW416 warning demo/_core.cpython-311-darwin.so: needs macOS 13.3 (arm64); installers know only `13_0`"]
    );
}

#[test]
fn a_tag_that_no_installer_asks_for_is_not_earned() {
    let bytes = MachoSpec { min_os: (13, 3), ..extension() }.build();
    let report = report("macosx_13_3_arm64", &[(EXTENSION, bytes)]);
    assert_eq!(
        of(&report, "TW617"),
        ["error -: installers never ask for `macosx_13_3_arm64`: from macOS 11 on the minor number in a tag is 0"]
    );
    assert_eq!(report.tags.earned, ["macosx_13_0_arm64"]);
    let early = self::report("macosx_10_9_arm64", &[(EXTENSION, extension().build())]);
    assert_eq!(of(&early, "TW617").len(), 1);
    let old = self::report("macosx_10_13_x86_64", &[(EXTENSION, x86_64((10, 13)).build())]);
    assert_eq!(findings(&old), Vec::<String>::new());
    // A repair gives the form that they ask for.
    assert_eq!(planned("macosx_10_9_arm64", &extension().build(), |_| ()).1, ["macosx_11_0_arm64"]);
}

#[test]
fn arm64_code_must_be_signed_and_every_signature_true() {
    let unsigned = MachoSpec { signed: false, ..extension() };
    let report = report("macosx_11_0_arm64", &[(EXTENSION, unsigned.build())]);
    assert_eq!(of(&report, "TW210").len(), 1);
    let intel = MachoSpec { cpu: X86_64, ..unsigned };
    assert_eq!(of(&self::report("macosx_11_0_x86_64", &[(EXTENSION, intel.build())]), "TW210").len(), 0);
    let mut changed = extension().build();
    let code = 0x600;
    changed[code] ^= 1;
    let found = self::report("macosx_11_0_arm64", &[(EXTENSION, changed)]);
    assert_eq!(
        of(&found, "TW210"),
        ["error demo/_core.cpython-311-darwin.so: has a code signature that is wrong (arm64): page 0 is not the one \
             that was signed"]
    );
}

#[test]
fn what_dyld_refuses_depends_on_the_sdk() {
    let twice = |sdk| MachoSpec { rpaths: vec!["@loader_path/a", "@loader_path/a"], sdk, ..extension() };
    let level = |sdk| {
        let report = report("macosx_11_0_arm64", &[(EXTENSION, twice(sdk).build())]);
        let found: Vec<String> = of(&report, "TW209");
        assert_eq!(found.len(), 1, "{found:?}");
        found[0].split(' ').next().unwrap().to_owned()
    };
    assert_eq!(level((14, 5)), "warning");
    assert_eq!(level((15, 0)), "error");
    assert_eq!(level((26, 0)), "error");
    let nameless = MachoSpec { uuid: false, sdk: (14, 0), ..extension() };
    assert_eq!(of(&report("macosx_11_0_arm64", &[(EXTENSION, nameless.build())]), "TW209").len(), 1);
}

#[test]
fn a_name_that_other_packages_use_is_told() {
    let import = "@loader_path/.dylibs/libfoo.dylib";
    let members = |id| {
        let library = MachoSpec { exports: vec!["omp"], ..MachoSpec::library(id) };
        vec![
            (EXTENSION, MachoSpec { imports: vec![(LOAD, import)], ..extension() }.build()),
            (LIBRARY, library.build()),
        ]
    };
    assert_eq!(of(&report("macosx_11_0_arm64", &members("@rpath/libomp.dylib")), "TW212").len(), 1);
    assert_eq!(of(&report("macosx_11_0_arm64", &members("/DLC/demo/.dylibs/libfoo.dylib")), "TW212").len(), 0);
}

#[test]
fn little_room_is_told_where_names_may_have_to_change() {
    let tight = |import| MachoSpec { imports: vec![(LOAD, import)], room: 16, ..extension() };
    let found = |import| of(&report("macosx_11_0_arm64", &[(EXTENSION, tight(import).build())]), "TW211");
    let level =
        |import| found(import).iter().map(|text| text.split(' ').next().unwrap().to_owned()).collect::<String>();
    assert_eq!(level("/usr/lib/libSystem.B.dylib"), "");
    assert_eq!(level("/opt/homebrew/lib/libfoo.dylib"), "warning");
    assert_eq!(level("@rpath/libfoo.dylib"), "warning");
    assert_eq!(level("@loader_path/libfoo.dylib"), "note");
}

#[test]
fn a_library_of_homebrew_is_missing_and_a_weak_one_is_a_note() {
    let imports = vec![(LOAD, "/opt/homebrew/lib/libfoo.dylib"), (WEAK, "@rpath/libbar.dylib")];
    let bytes = MachoSpec { imports, ..extension() }.build();
    let report = report("macosx_11_0_arm64", &[(EXTENSION, bytes)]);
    // A missing library takes no tag away.
    assert_eq!(report.tags.earned, ["macosx_11_0_arm64"]);
    assert_eq!(of(&report, "TW305").len() + of(&report, "TW301").len(), 1);
    assert_eq!(
        of(&report, "TW309"),
        [
            "note demo/_core.cpython-311-darwin.so: may use `@rpath/libbar.dylib`, which is nowhere; loading goes on without it"
        ]
    );
}

#[test]
fn a_symbol_newer_than_the_stated_system_is_told_with_the_first_that_has_it() {
    let imports = vec![(LOAD, "/usr/lib/libSystem.B.dylib"), (LOAD, "/usr/lib/libc++.1.dylib")];
    let undefined = vec![("malloc", 1), ("_ZNSt3__122__libcpp_verbose_abortEPKcz", 2)];
    let with = |min_os| {
        let bytes = MachoSpec { imports: imports.clone(), undefined: undefined.clone(), min_os, ..extension() };
        of(&report("macosx_14_0_arm64", &[(EXTENSION, bytes.build())]), "TW414")
    };
    assert_eq!(
        with((11, 0)),
        ["warning demo/_core.cpython-311-darwin.so: needs `__ZNSt3__122__libcpp_verbose_abortEPKcz` of \
             `libc++.1.dylib`, which came with macOS 13.3; it states 11.0 (arm64)"]
    );
    assert_eq!(with((14, 0)), Vec::<String>::new());
}

#[test]
fn an_ios_wheel_is_judged_by_device_version_and_kind() {
    let name = "demo/_core.cpython-313-iphoneos.so";
    let module = MachoSpec {
        platform: Some(IOS),
        file_type: DYLIB,
        id: Some("@rpath/_core.framework/_core"),
        min_os: (13, 0),
        imports: vec![(LOAD, "/usr/lib/libSystem.B.dylib"), (LOAD, "@rpath/Python.framework/Python")],
        signed: false,
        ..extension()
    };
    let sound = report("ios_13_0_arm64_iphoneos", &[(name, module.build())]);
    assert_eq!(sound.tags.earned, ["ios_13_0_arm64_iphoneos"]);
    assert_eq!(findings(&sound), Vec::<String>::new());
    let simulator = report("ios_13_0_arm64_iphonesimulator", &[(name, module.build())]);
    assert_eq!(of(&simulator, "TW601").len(), 1);
    let bundle = MachoSpec { file_type: BUNDLE, id: None, ..module.clone() };
    let found = report("ios_13_0_arm64_iphoneos", &[(name, bundle.build())]);
    assert_eq!(of(&found, "TW415").len(), 1);
    let leaking = MachoSpec {
        id: Some("/Users/build/demo/_core.so"),
        imports: vec![(LOAD, "/Users/build/lib/libjpeg.62.dylib")],
        ..module
    };
    let found = report("ios_13_0_arm64_iphoneos", &[(name, leaking.build())]);
    assert_eq!((of(&found, "TW415").len(), of(&found, "TW213").len()), (1, 1));
}

#[test]
fn the_simulator_on_apple_silicon_begins_with_ios_14() {
    let name = "demo/_core.cpython-313-iphonesimulator.so";
    let module = MachoSpec {
        platform: Some(IOS_SIMULATOR),
        file_type: DYLIB,
        id: Some("@rpath/_core.framework/_core"),
        min_os: (14, 0),
        ..extension()
    };
    let report = report("ios_13_0_arm64_iphonesimulator", &[(name, module.build())]);
    assert_eq!(report.tags.earned, ["ios_13_0_arm64_iphonesimulator", "ios_14_0_arm64_iphonesimulator"]);
    assert_eq!(of(&report, "TW601").len(), 0);
}

/// What a repair makes of the wheel, nothing written: the findings at error level, and the new platform tags.
fn planned(tag: &str, bytes: &[u8], change: impl Fn(&mut truewheel::repair::Options)) -> (Vec<String>, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let path = WheelBuilder::new(&format!("cp311-cp311-{tag}")).file(EXTENSION, bytes).write(folder.path());
    let mut options = truewheel::repair::Options::default();
    change(&mut options);
    let outcome = truewheel::repair::repair(&path, &options, None).unwrap();
    let errors = outcome.diagnostics.iter().filter(|found| found.severity.name() == "error");
    let line = |found: &truewheel::diagnostic::Diagnostic| format!("{} {}", found.code, found.message);
    let tags = outcome.name.tags.platforms().iter().map(ToString::to_string).collect();
    (errors.map(line).collect(), tags)
}

#[test]
fn the_deployment_target_becomes_the_only_tag_or_fails_with_what_stands_in_its_way() {
    let with = |tag: &str, bytes: &[u8], value: &str| {
        planned(tag, bytes, |options| options.deployment_target = Some(value.to_owned()))
    };
    let none = Vec::<String>::new();
    assert_eq!(
        with("macosx_11_0_arm64", &extension().build(), "13.1"),
        (none.clone(), vec!["macosx_13_0_arm64".to_owned()])
    );
    // arm64 not below 11.0.
    assert_eq!(
        with("macosx_11_0_arm64", &extension().build(), "10.13"),
        (none.clone(), vec!["macosx_11_0_arm64".to_owned()])
    );
    assert_eq!(
        with("macosx_10_9_universal2", &fat((10, 9), (11, 0)), "10.13"),
        (none, vec!["macosx_10_13_universal2".to_owned()])
    );
    let newer = MachoSpec { min_os: (14, 0), ..extension() };
    let (errors, _) = with("macosx_14_0_arm64", &newer.build(), "13.0");
    assert_eq!(errors.len(), 1);
    assert!(errors[0].starts_with("TW411 needs macOS 14.0"), "{errors:?}");
    // Another target is asked for.
    let asked = planned("macosx_11_0_arm64", &extension().build(), |options| {
        options.deployment_target = Some("13.0".to_owned());
        options.plat = vec!["macosx_12_0_arm64".parse().unwrap()];
    });
    assert_eq!(asked.1, ["macosx_11_0_arm64", "macosx_12_0_arm64"]);
}

#[test]
fn required_architectures_are_an_error_of_repair_too() {
    let with = |bytes: &[u8], list: &str| {
        planned("macosx_11_0_x86_64", bytes, |options| options.require_archs = list.parse().unwrap()).0
    };
    let thin = x86_64((11, 0)).build();
    assert_eq!(with(&thin, "x86_64"), Vec::<String>::new());
    assert_eq!(with(&thin, "").len(), 0);
    assert_eq!(
        with(&thin, "x86_64,arm64"),
        ["TW412 has code for x86_64, and none for arm64, which `--require-archs` asks for"]
    );
    assert_eq!(with(&fat((11, 0), (11, 0)), "universal2"), Vec::<String>::new());
}

#[test]
fn show_says_of_each_slice_for_which_system_it_is_and_who_signed_it() {
    let report = report("macosx_10_13_universal2", &[(EXTENSION, fat((10, 13), (11, 0)))]);
    let facts: Vec<_> = report
        .binaries
        .iter()
        .map(|entry| (entry.arch.as_str(), entry.min_os.as_deref(), entry.sdk.as_deref(), entry.signature))
        .collect();
    assert_eq!(
        facts,
        [
            ("x86_64", Some("macOS 10.13"), Some("14.0"), Some("linker")),
            ("arm64", Some("macOS 11.0"), Some("14.0"), Some("linker")),
        ]
    );
}

#[test]
fn slices_that_load_the_same_are_one_tree() {
    let folder = tempfile::tempdir().unwrap();
    let wheel = WheelBuilder::new("cp311-cp311-macosx_11_0_universal2").file(EXTENSION, &both(&extension()));
    let path = wheel.write(folder.path());
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_truewheel")).arg("tree").arg(&path).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> = text.lines().skip(1).map(str::trim).collect();
    assert_eq!(
        lines,
        [
            "demo/_core.cpython-311-darwin.so (extension, x86_64 and arm64)",
            "`-- /usr/lib/libSystem.B.dylib: given by the platform"
        ]
    );
}

#[test]
fn check_takes_macos_tags_and_required_architectures_from_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let wheel = WheelBuilder::new("cp311-cp311-macosx_11_0_arm64").file(EXTENSION, &extension().build());
    let path = wheel.write(folder.path());
    let status = |words: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_truewheel"));
        command.arg("check").arg(&path).args(words).output().unwrap().status.code().unwrap()
    };
    assert_eq!(status(&["--plat", "macosx_12_0_arm64"]), 0);
    assert_eq!(status(&["--plat", "macosx_11_0_universal2"]), 1);
    assert_eq!(status(&["--plat", "ios_13_0_arm64_iphoneos"]), 1);
    assert_eq!(status(&["--require-archs", "arm64"]), 0);
    assert_eq!(status(&["--require-archs", "universal2"]), 1);
    assert_eq!(status(&["--require-archs", "arm65"]), 2);
    assert_eq!(status(&["--plat", "beos_r5"]), 2);
}

#[test]
fn policies_prints_the_rules_of_macos_and_ios() {
    let run = |words: &[&str]| {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_truewheel")).arg("policies").args(words).output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    };
    let text = run(&["macos"]);
    for line in [
        "arm64: from macOS 11.0, signed code only",
        "dyld refuses duplicate-rpath: from SDK 15.0 by 15.0, SDK 15.4 by 15.4, SDK 26.0 by 26.0",
        "dyld refuses linkedit-overlap: always",
        "libc++ has LLVM 15 from 13.3",
    ] {
        assert!(text.contains(line), "{text}");
    }
    assert!(run(&[]).lines().any(|line| line.starts_with("ios: arm64_iphoneos from 12.0")));
    let value: serde_json::Value = serde_json::from_str(run(&["--format", "json", "ios"]).trim()).unwrap();
    assert_eq!(value["architectures"]["arm64_iphonesimulator"]["first"], "14.0");
}
