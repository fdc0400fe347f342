//! The forms of a report, by what reads them: JSON by our schema, SARIF by the standard's own, JUnit by a reader from PyPI; and the
//! exit status, which is the same in all of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use cargo_metadata::MetadataCommand;
use serde_json::Value;

use crate::support::elf::{ElfSpec, SymbolSpec};
use crate::support::macho::{ARM64, MachoSpec, X86_64};
use crate::support::program::{status, stderr, stdout, truewheel};
use crate::support::wheel::{RecordText, WheelBuilder};
use crate::support::{fixture, skip};

const FORMATS: &[&str] = &["human", "json", "github", "sarif", "junit"];

/// Each command that prints a report, over one file each or over two.
const RUNS: &[(&[&str], i32)] = &[
    (&["show", "sound*.whl"], 0),
    (&["show", "*.whl"], 2),
    (&["show", "lib.so"], 0),
    (&["check", "sound*.whl"], 0),
    (&["check", "*.whl", "lib.so", "*.dylib"], 1),
    (&["check", "*.whl", "absent.whl"], 2),
    (&["check", "needy*.whl", "--plat", "manylinux_2_17_x86_64"], 1),
    (&["repair", "needy*.whl", "--no-host-libs", "--lib-path", "lib", "-w", "out"], 0),
    (&["repair", "needy*.whl", "--no-host-libs", "-w", "out"], 1),
    (&["repair", "needy*.whl", "cut*.whl", "--no-host-libs", "--lib-path", "lib", "-w", "out"], 1),
    (&["repair", "needy*.whl", "--plat", "manylinux_9_9_x86_64", "-w", "out"], 2),
    (&["retag", "sound*.whl", "--python-tag", "py3", "-w", "out"], 0),
    (&["retag", "needy*.whl", "--python-tag", "cp3", "-w", "out"], 1),
    (&["retag", "absent.whl", "--python-tag", "py3", "-w", "out"], 2),
    (&["merge", "thin-1.0-*.whl", "-w", "out"], 0),
    (&["merge", "thin-1.0-*_arm64.whl", "thin-2.0-*.whl", "-w", "out"], 1),
    (&["merge", "sound*.whl", "-w", "out"], 2),
];

/// A folder with wheels of all sorts, sound and not, and bare binaries.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let named = |name: &str, version: &str, tags: &str| WheelBuilder {
        name: name.to_owned(),
        version: version.to_owned(),
        metadata: Some(format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")),
        ..WheelBuilder::new(tags)
    };
    let sound = named("sound", "1.0", "py2.py3-none-any").file("sound.py", b"").write(path);
    let whole = std::fs::read(sound).unwrap();
    std::fs::write(path.join("cut-1.0-py3-none-any.whl"), &whole[..whole.len() / 2]).unwrap();
    // Names that a careless writer would let through.
    let odd = named("odd", "1.0", "py3-none-any").file("odd/<a> & \"b\" 'c', 100%,\u{1b}[31m\u{7}\u{fffe}.py", b"");
    WheelBuilder { record: RecordText::Absent, ..odd }.write(path);
    let library = ElfSpec {
        soname: Some(b"libfoo.so.1"),
        needed: vec![b"libc.so.6"],
        symbols: vec![SymbolSpec::defined(b"foo", 1)],
        ..ElfSpec::default()
    };
    std::fs::create_dir(path.join("lib")).unwrap();
    for file in ["lib.so", "lib/libfoo.so.1"] {
        std::fs::write(path.join(file), library.build()).unwrap();
    }
    let extension = ElfSpec {
        needed: vec![b"libfoo.so.1"],
        symbols: vec![SymbolSpec::defined(b"PyInit__core", 1)],
        ..ElfSpec::default()
    };
    let member = "needy/_core.cpython-311-x86_64-linux-gnu.so";
    named("needy", "1.0", "cp311-cp311-linux_x86_64").file(member, &extension.build()).write(path);
    let windows = fixture("pe/x86_64/demo.dll");
    named("window", "1.0", "cp311-cp311-win_amd64").file("w/_core.cp311-win_amd64.pyd", &windows).write(path);
    for (version, tag, cpu) in [
        ("1.0", "macosx_11_0_x86_64", X86_64),
        ("1.0", "macosx_11_0_arm64", ARM64),
        ("2.0", "macosx_11_0_x86_64", X86_64),
    ] {
        let extension = MachoSpec { cpu, ..MachoSpec::default() }.build();
        let wheel = named("thin", version, &format!("cp311-cp311-{tag}"));
        wheel.file("thin/_core.cpython-311-darwin.so", &extension).write(path);
    }
    std::fs::write(path.join("universal.dylib"), fixture("macho/universal2/libtiny.dylib")).unwrap();
    folder
}

/// Runs each command in this format and returns what it printed: nothing, where what was asked for has no sense.
fn reports(format: &str) -> Vec<(&'static [&'static str], String)> {
    let folder = folder();
    let one = |(arguments, wanted): &(&'static [&'static str], i32)| {
        let output = truewheel(folder.path()).args(*arguments).args(["--format", format]).output().unwrap();
        assert_eq!(status(&output), *wanted, "{arguments:?} {format}: {}", stderr(&output));
        (*arguments, stdout(&output).to_owned())
    };
    RUNS.iter().map(one).collect()
}

/// The reports in a format that makes one document of a run.
fn documents(format: &str) -> Vec<(&'static [&'static str], String)> {
    let documents: Vec<_> = reports(format).into_iter().filter(|(_, text)| !text.is_empty()).collect();
    assert!(documents.len() >= RUNS.len() - 2, "{} documents", documents.len());
    documents
}

fn complaints(schema: &Value, value: &Value) -> Vec<String> {
    let validator = jsonschema::validator_for(schema).unwrap();
    validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path)).collect()
}

#[test]
fn the_exit_status_is_the_same_in_every_format() {
    for format in FORMATS {
        assert_eq!(reports(format).len(), RUNS.len());
    }
}

#[test]
fn every_line_of_json_is_valid_by_the_published_schema() {
    let schema = serde_json::from_str(include_str!("../../docs/reference/report.schema.json")).unwrap();
    let mut lines = 0;
    for (arguments, text) in reports("json") {
        for line in text.lines() {
            let found = complaints(&schema, &serde_json::from_str(line).unwrap());
            assert!(found.is_empty(), "{arguments:?}: {found:#?}");
            lines += 1;
        }
    }
    assert!(lines > 20, "{lines} reports");
}

/// Returns the JSON Schema of the SARIF standard, as the crate `serde-sarif` carries it.
fn standard() -> Value {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let metadata =
        MetadataCommand::new().manifest_path(manifest).other_options(["--locked".to_owned()]).exec().unwrap();
    let package = metadata.packages.iter().find(|package| package.name.as_str() == "serde-sarif").unwrap();
    let path = package.manifest_path.with_file_name("src/schema.json");
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!(schema["title"], "Static Analysis Results Format (SARIF) Version 2.1.0 JSON Schema");
    schema
}

#[test]
fn every_sarif_log_is_valid_by_the_standard_s_schema_and_read_by_its_types() {
    let schema = standard();
    let mut results = 0;
    for (arguments, text) in documents("sarif") {
        let log: Value = serde_json::from_str(&text).unwrap();
        let found = complaints(&schema, &log);
        assert!(found.is_empty(), "{arguments:?}: {found:#?}");
        let read: serde_sarif::sarif::Sarif = serde_json::from_str(&text).unwrap();
        results += read.runs[0].results.as_ref().map_or(0, Vec::len);
    }
    assert!(results > 20, "{results} results");
    // The schema is one that says no.
    let broken = serde_json::json!({"version": "2.1.0", "runs": [{"tool": {"driver": {}}}]});
    assert!(!complaints(&schema, &broken).is_empty());
}

/// Returns the Python of the environment in which `.ci/run` puts what `.ci/tools.txt` names, or says that there is none.
fn tools() -> Option<PathBuf> {
    let python = std::env::var_os("TRUEWHEEL_TOOLS").map(|folder| Path::new(&folder).join("bin/python"));
    if python.is_none() {
        skip("TRUEWHEEL_TOOLS names no environment with .ci/tools.txt");
    }
    python
}

#[test]
fn junitparser_reads_as_many_failures_as_the_reports_have_errors() {
    let Some(python) = tools() else { return };
    let folder = tempfile::tempdir().unwrap();
    let program = "import sys; from junitparser import JUnitXml; suites = JUnitXml.fromfile(sys.argv[1]); \
                   print(suites.tests, suites.failures, sum(suite.tests for suite in suites), \
                   sum(any(r.__class__.__name__ == 'Failure' for r in case.result) for suite in suites for case in suite))";
    let json: BTreeMap<_, _> = reports("json").into_iter().collect();
    for (arguments, xml) in documents("junit") {
        let path = folder.path().join("report.xml");
        std::fs::write(&path, xml).unwrap();
        let output = Command::new(&python).args(["-I", "-c", program]).arg(&path).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", stderr(&output));
        let errors = |line: &str| {
            let report: Value = serde_json::from_str(line).unwrap();
            let all = report["diagnostics"].as_array().unwrap().clone();
            (all.len().max(1), all.iter().filter(|found| found["severity"] == "error").count())
        };
        let (tests, failures) =
            json[arguments].lines().map(errors).fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        assert_eq!(stdout(&output).trim(), format!("{tests} {failures} {tests} {failures}"), "{arguments:?}");
    }
}
