//! The public API as an embedder meets it: no command line, nothing printed, no process, no environment.

use std::path::{Path, PathBuf};

use truewheel::diagnostic::Code;
use truewheel::format::{self, Edit, EditSet};
use truewheel::policy::PolicySet;
use truewheel::repair::{Options, Patterns, Step};
use truewheel::report::Report;
use truewheel::tag::PlatformTag;
use truewheel::wheel::Wheel;
use truewheel::{Arch, AuditOptions, Depth, ErrorKind};

fn demo(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/demo").join(name)
}

fn wheel() -> PathBuf {
    demo("demo-1.0-cp38-abi3-linux_x86_64.whl")
}

fn options() -> Options {
    let mut options = Options::default();
    options.search.folders.push(demo("lib"));
    options
}

fn audited(path: &Path) -> Report {
    truewheel::audit(path, &AuditOptions::default(), Depth::Everything).unwrap()
}

#[test]
fn a_wheel_is_read_without_unpacking_it() {
    let wheel = Wheel::open(&wheel()).unwrap();
    assert!(wheel.faults().is_empty());
    assert_eq!(wheel.filename().unwrap().distribution, "demo");
    let member = wheel.member("demo/_greet.abi3.so").unwrap();
    let bytes = wheel.read(member).unwrap();
    let images = format::inspect(&bytes).unwrap();
    assert_eq!(images.len(), 1);
    assert_eq!(images[0].arch, Arch::X86_64);
    assert!(images[0].imports.iter().any(|import| import.name == "libgreet.so.1"));
    let symbols = format::symbols(&bytes, &images[0]).unwrap();
    assert!(symbols.exports.contains("PyInit__greet"));
    assert_eq!(symbols.python_exports, ["PyInit__greet"]);
    assert!(symbols.undefined.iter().any(|symbol| &*symbol.name == "greet"));
}

#[test]
fn binaries_are_inspected_whatever_record_says() {
    let inventory = truewheel::inspect(&wheel()).unwrap();
    let members: Vec<_> = inventory.binaries.iter().map(|binary| binary.member.as_str()).collect();
    assert_eq!(members, ["demo/_greet.abi3.so"]);
    assert!(inventory.unreadable.is_empty());
}

#[test]
fn a_report_is_a_value() {
    let report = audited(&wheel());
    assert_eq!(report.tags.claimed, ["cp38-abi3-linux_x86_64"]);
    assert_eq!(report.tags.earned, ["linux_x86_64"]);
    assert!(report.diagnostics.iter().any(|finding| finding.diagnostic.code == Code::TW301));
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["schema"], 1);
    assert_eq!(json["verdict"], "ok");
}

#[test]
fn a_plan_is_made_without_writing() {
    let outcome = truewheel::plan(&wheel(), &options()).unwrap();
    let plan = outcome.plan.unwrap();
    let vendored: Vec<&str> = plan.vendored.iter().filter_map(|library| library.source.identity.as_deref()).collect();
    assert_eq!(vendored, ["libgreet.so.1", "libwords.so.1"]);
    assert!(plan.steps().iter().any(|step| matches!(step, Step::Vendor { .. })));
}

#[test]
fn a_repair_has_no_name_until_it_is_published() {
    let out = tempfile::tempdir().unwrap();
    let wheels = || {
        let names = std::fs::read_dir(out.path()).unwrap().map(|entry| entry.unwrap().file_name());
        names.filter(|name| name.to_str().unwrap().ends_with(".whl")).count()
    };
    let dropped = truewheel::apply(&wheel(), &options(), out.path()).unwrap();
    drop(dropped);
    assert_eq!(std::fs::read_dir(out.path()).unwrap().count(), 0);
    let mut outcome = truewheel::apply(&wheel(), &options(), out.path()).unwrap();
    assert_eq!(wheels(), 0);
    assert!(!outcome.is_refused(&[]));
    let written = outcome.publish(&[]).unwrap().unwrap();
    assert_eq!(wheels(), 1);
    let report = audited(&written);
    assert!(report.tags.earned.contains(&"manylinux_2_17_x86_64".to_owned()));
    assert!(report.diagnostics.is_empty(), "{:?}", report.diagnostics);
}

#[test]
fn options_that_make_no_sense_are_errors_of_a_kind() {
    assert_eq!(Patterns::new(["lib[foo"]).unwrap_err().kind(), ErrorKind::Usage);
    assert_eq!(Wheel::open(Path::new("absent.whl")).unwrap_err().kind(), ErrorKind::Io);
    let mut options = options();
    options.plat = vec!["manylinux_2_17_aarch64".parse::<PlatformTag>().unwrap()];
    let refused = match truewheel::plan(&wheel(), &options) {
        Ok(outcome) => outcome.is_refused(&[]),
        Err(error) => matches!(error.kind(), ErrorKind::Refused | ErrorKind::Usage),
    };
    assert!(refused);
}

#[test]
fn a_binary_is_edited_in_memory() {
    let bytes = std::fs::read(demo("lib/libgreet.so.1")).unwrap();
    let nothing = truewheel::edit(&bytes, &EditSet::new(Vec::new()).unwrap()).unwrap();
    assert!(nothing.bytes == bytes);
    let edits = vec![
        Edit::SetIdentity("libhello.so.2".to_owned()),
        Edit::ReplaceImport { from: "libwords.so.1".to_owned(), to: "libwords-long-name.so.1".to_owned() },
    ];
    let edited = truewheel::edit(&bytes, &EditSet::new(edits).unwrap()).unwrap();
    let image = format::inspect(&edited.bytes).unwrap().remove(0);
    assert_eq!(image.identity.as_deref(), Some("libhello.so.2"));
    assert!(image.imports.iter().any(|import| import.name == "libwords-long-name.so.1"));
    let contradiction = vec![Edit::SetIdentity("a".to_owned()), Edit::SetIdentity("b".to_owned())];
    assert!(EditSet::new(contradiction).is_err());
}

#[test]
fn policies_are_data_that_can_be_asked() {
    let policies = PolicySet::embedded();
    assert!(policies.all().count() > 50);
}
