//! `truewheel check --fix`: what can be mended without a guess is, once.

use std::path::Path;

use truewheel::wheel::Wheel;

use super::check_rules::{check, codes, errors};
use crate::support::elf::{ElfSpec, SymbolSpec};
use crate::support::wheel::{Entry, RecordText, WheelBuilder};
use crate::support::zip::demo_wheel;

#[test]
fn what_can_be_mended_is_mended() {
    let folder = tempfile::tempdir().unwrap();
    let mut builder = WheelBuilder::new("py3-none-any")
        .entry(Entry { mode: 0o100_666, ..Entry::new("demo/__init__.py", b"x = 1\n") })
        .file("demo-1.0.dist-info/INSTALLER", b"pip\n");
    builder.comment = b"made by hand".to_vec();
    builder.record = RecordText::Text("demo/gone.py,sha256=AAAA,1\ndemo/__init__.py,md5=abc,7\n".to_owned());
    builder.wheel_file = Some("Wheel-Version: 1.0\nRoot-Is-Purelib: true\nBuild: 2\nTag: py3-none-any\n".to_owned());
    builder.write(folder.path());
    let wheel = builder.file_name();
    let before = errors(folder.path(), &wheel, &[]);
    assert!(before.contains(&"TW607".to_owned()), "{before:?}");
    assert_eq!(errors(folder.path(), &wheel, &["--profile=strict", "--fix", "-w", "out"]), [""; 0]);
    // A second time there is nothing to mend: the same bytes.
    let first = folder.path().join("out").join(&wheel);
    let bytes = std::fs::read(&first).unwrap();
    let again = check(folder.path(), first.to_str().unwrap(), &["--fix", "-w", "again"]);
    assert_eq!(again.status, Some(0), "{again:#?}");
    assert_eq!(std::fs::read(folder.path().join("again").join(&wheel)).unwrap(), bytes);
}

#[test]
fn a_sound_wheel_is_copied_and_a_hopeless_one_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let builder = WheelBuilder::new("py3-none-any").file("demo/__init__.py", b"");
    let path = builder.write(folder.path());
    assert_eq!(errors(folder.path(), &builder.file_name(), &["--fix", "-w", "out"]), [""; 0]);
    let copy = folder.path().join("out").join(builder.file_name());
    assert_eq!(std::fs::read(copy).unwrap(), std::fs::read(path).unwrap());
    let bad = builder.file("../x.py", b"");
    bad.write(folder.path());
    let found = errors(folder.path(), &bad.file_name(), &["--fix", "-w", "bad"]);
    assert!(found.contains(&"TW104".to_owned()), "{found:?}");
    assert!(!folder.path().join("bad").join(bad.file_name()).exists());
    let ran = check(folder.path(), &bad.file_name(), &["--fix"]);
    assert_eq!(ran.status, Some(2), "{ran:#?}");
}

/// Mends a wheel, checks that mending it again changes nothing, and returns the result and what `check` says of it.
fn mended(folder: &Path, builder: &WheelBuilder) -> (Wheel, Vec<String>) {
    builder.write(folder);
    let ran = check(folder, &builder.file_name(), &["--fix", "-w", "out", "--format=json"]);
    let report: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran:#?}"));
    let output = report["outputs"][0].as_str().unwrap_or_else(|| panic!("{ran:#?}"));
    let result = folder.join(output);
    let again = check(folder, output, &["--fix", "-w", "again"]);
    assert!(again.status.is_some_and(|status| status < 2), "{again:#?}");
    let twice = folder.join("again").join(result.file_name().unwrap());
    assert_eq!(std::fs::read(twice).unwrap(), std::fs::read(&result).unwrap(), "a second time");
    let findings = report["diagnostics"].as_array().unwrap().iter();
    let codes = findings.map(|finding| finding["code"].as_str().unwrap().to_owned()).collect();
    (Wheel::open(&result).unwrap(), codes)
}

fn demo() -> WheelBuilder {
    WheelBuilder::new("py3-none-any").file("demo/__init__.py", b"x = 1\n")
}

#[test]
fn each_fault_that_can_be_mended_is() {
    let extension = ElfSpec {
        needed: vec![b"libc.so.6"],
        symbols: vec![SymbolSpec::defined(b"PyInit__core", 1)],
        ..ElfSpec::default()
    };
    let native = || WheelBuilder::new("cp311-cp311-manylinux_2_17_x86_64").file("demo/_core.so", &extension.build());
    let odd = |change: &dyn Fn(&mut Entry)| {
        let mut entry = Entry::new("demo/data.txt", b"some text\n");
        change(&mut entry);
        demo().entry(entry)
    };
    let wheel_file =
        |change: &dyn Fn(String) -> String| WheelBuilder { wheel_file: demo().wheel_file.map(change), ..demo() };
    let own = "demo-1.0.dist-info/RECORD,sha256=AAAA,7\n".to_owned();
    let cases: Vec<(&str, WheelBuilder)> = vec![
        (
            "TW107",
            odd(&|entry| {
                entry.method = 12;
                (entry.crc, entry.size) = (Some(crc32fast::hash(&b"hello ".repeat(100))), Some(600));
                entry.bytes = crate::support::fixture("archive/hello.bz2");
            }),
        ),
        ("TW112", WheelBuilder { comment: b"made by hand".to_vec(), ..demo() }),
        ("TW114", odd(&|entry| entry.mode = 0o104_666)),
        ("TW114", demo().file("demo-1.0.data/scripts/demo", b"#!python\n")),
        ("TW116", odd(&|entry| entry.date = 0)),
        ("TW116", odd(&|entry| entry.date = 0xff9f)),
        ("TW117", demo().file("demo-1.0.dist-info/licenses/LICENSE", b"").file("demo/late.py", b"")),
        ("TW602", wheel_file(&|text| text.replace("py3", "py2"))),
        ("TW604", WheelBuilder { record: RecordText::Text("demo-1.0.dist-info/RECORD,,\n".to_owned()), ..demo() }),
        ("TW605", WheelBuilder { record: RecordText::Text("demo/gone.py,,\n".to_owned()), ..demo() }),
        ("TW606", WheelBuilder { record: RecordText::Text("demo/__init__.py,,9\n".to_owned()), ..demo() }),
        ("TW607", WheelBuilder { record: RecordText::Text("a,b,c,d\n".to_owned()), ..demo() }),
        ("TW607", WheelBuilder { record: RecordText::Text(own), ..demo() }),
        ("TW603", WheelBuilder { record: RecordText::Absent, ..demo() }),
        ("TW608", WheelBuilder { name: "Demo".to_owned(), version: "1.0.RC1".to_owned(), ..demo() }),
        ("TW609", wheel_file(&|text| text.trim_end().to_owned())),
        ("TW609", wheel_file(&|text| text.replace("Root-Is-Purelib: false\n", ""))),
        ("TW609", wheel_file(&|text| text + "Build: 3\n")),
        ("TW609", wheel_file(&|text| text.replace("Tag: py3-none-any\n", ""))),
        (
            "TW611",
            WheelBuilder { wheel_file: native().wheel_file.map(|text| text.replace("false", "true")), ..native() },
        ),
        ("TW631", demo().file("demo-1.0.dist-info/INSTALLER", b"pip\n")),
        ("TW631", demo().file("demo-1.0.dist-info/RECORD.jws", b"{}")),
        ("TW643", WheelBuilder::new("py3.py2-none-any").file("demo/__init__.py", b"")),
    ];
    for (code, builder) in cases {
        let folder = tempfile::tempdir().unwrap();
        let before = codes(folder.path(), &builder);
        assert!(before.iter().any(|found| found == code), "{code}: {before:?}");
        let (_, after) = mended(folder.path(), &builder);
        assert!(!after.iter().any(|found| found == code), "{code}: {after:?}");
    }
}

#[test]
fn the_archive_is_put_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let builder = WheelBuilder::new("py3.py2-none-any")
        .file("demo-1.0.dist-info/licenses/LICENSE", b"")
        .entry(Entry { date: 0, ..Entry::new("demo-1.0.data/scripts/demo", b"#!python\n") })
        .file("demo/__init__.py", b"");
    let (wheel, found) = mended(folder.path(), &builder);
    assert_eq!(found, [""; 0]);
    assert_eq!(wheel.path().file_name().unwrap(), "demo-1.0-py2.py3-none-any.whl");
    let names: Vec<&str> = wheel.members().iter().map(|member| member.name()).collect();
    assert_eq!(names[..2], ["demo-1.0.data/scripts/demo", "demo/__init__.py"]);
    assert_eq!(names.last(), Some(&"demo-1.0.dist-info/RECORD"));
    let script = wheel.member("demo-1.0.data/scripts/demo").unwrap();
    assert_eq!((script.mode(), script.time().to_string().as_str()), (0o100_755, "1980-01-01"));
}

#[test]
fn a_name_in_its_normal_form_takes_its_folders_along() {
    let folder = tempfile::tempdir().unwrap();
    let mut builder = WheelBuilder { name: "De.Mo".to_owned(), version: "1.0.RC1".to_owned(), ..demo() };
    builder.metadata = Some("Metadata-Version: 2.1\nName: De.Mo\nVersion: 1.0.RC1\n".to_owned());
    let builder = builder.file("De.Mo-1.0.RC1.data/scripts/demo", b"#!python\n");
    let (wheel, found) = mended(folder.path(), &builder);
    assert_eq!(found, [""; 0]);
    assert_eq!(wheel.path().file_name().unwrap(), "de_mo-1.0rc1-py3-none-any.whl");
    assert!(wheel.member("de_mo-1.0rc1.dist-info/METADATA").is_some());
    assert!(wheel.member("de_mo-1.0rc1.data/scripts/demo").is_some());
}

#[test]
fn source_date_epoch_is_the_time_of_what_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let builder = demo().entry(Entry { date: 0, ..Entry::new("demo/data.txt", b"") });
    builder.write(folder.path());
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_truewheel"));
    command.current_dir(folder.path()).env_clear().env("SOURCE_DATE_EPOCH", "1614834367");
    let ran = crate::support::world::run(command.args(["check", "--fix", "-w", "out"]).arg(builder.file_name()));
    assert_eq!(ran.status, Some(0), "{ran:#?}");
    let wheel = Wheel::open(&folder.path().join("out").join(builder.file_name())).unwrap();
    assert!(wheel.members().iter().all(|member| member.time().to_string() == "2021-03-04"));
}

#[test]
fn sizes_that_follow_the_data_are_put_before_them() {
    let folder = tempfile::tempdir().unwrap();
    let mut archive = demo_wheel();
    for entry in &mut archive.entries {
        *entry = std::mem::take(entry).described(true, false, |_| {});
    }
    let name = "demo-1.0-py3-none-any.whl";
    std::fs::write(folder.path().join(name), archive.build()).unwrap();
    assert_eq!(errors(folder.path(), name, &[]), ["TW109"]);
    assert_eq!(errors(folder.path(), name, &["--fix", "-w", "out"]), [""; 0]);
}

#[test]
fn a_wheel_with_nothing_but_an_untrue_tag_is_not_mended() {
    let folder = tempfile::tempdir().unwrap();
    let needs = vec![(&b"libc.so.6"[..], vec![(&b"GLIBC_2.99"[..], 0)])];
    let symbols = vec![SymbolSpec::undefined(b"frobnicate", 2), SymbolSpec::defined(b"PyInit__core", 1)];
    let extension = ElfSpec { needed: vec![b"libc.so.6"], symbols, needs, ..ElfSpec::default() };
    let builder = WheelBuilder::new("cp311-cp311-manylinux_2_17_x86_64").file("demo/_core.so", &extension.build());
    let path = builder.write(folder.path());
    let (wheel, found) = mended(folder.path(), &builder);
    assert!(found.contains(&"TW601".to_owned()), "{found:?}");
    assert_eq!(std::fs::read(wheel.path()).unwrap(), std::fs::read(path).unwrap());
}
