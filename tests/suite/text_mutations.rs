//! Mutated text members and configurations through every command: an answer or an error, never a panic, and in time.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use truewheel::audit::{AuditOptions, Depth, audit};
use truewheel::compose::retag::{RetagOptions, retag};
use truewheel::diagnostic::Code;
use truewheel::repair::{self, Options};
use truewheel::wheel::Wheel;

use crate::support::elf::{ElfSpec, SymbolSpec};
use crate::support::random::Random;
use crate::support::wheel::{RecordText, WheelBuilder, row};
use crate::support::world::run;

/// The mutations of each text. Every one goes through five commands, three of which write a file.
const ROUNDS: usize = 25;
/// What the product page allows a small file.
const BOUND: Duration = Duration::from_secs(10);

const METADATA: &str = "Metadata-Version: 2.4\nName: demo\nVersion: 1.0\nSummary: A demo\nAuthor-email: J <j@example.org>\n\
    Project-URL: Source, https://example.org\nClassifier: Typing :: Typed\nLicense-Expression: MIT OR Apache-2.0\n\
    License-File: LICENSE\nRequires-Python: >=3.8,<4\nRequires-Dist: cffi[x]>=1.0; extra == 'y'\nProvides-Extra: y\n\
    Dynamic: Keywords\nDescription-Content-Type: text/markdown; charset=UTF-8\n\n# A demo\n";
const ENTRY_POINTS: &str = "[console_scripts]\ndemo = demo.cli:main [y]\n\n[demo.plugins]\none = demo:One\n  # more\n";
const RECORDED: &str = r#"{"schema": 1, "excluded": ["libcuda.so.1"], "only_plat": true}"#;

/// A wheel with one extension and every text member; `change` puts other bytes in the place of one of them.
fn wheel(change: Option<(&str, &[u8])>) -> WheelBuilder {
    let symbols = vec![SymbolSpec::defined(b"PyInit__core", 1)];
    let extension = ElfSpec { needed: vec![b"libc.so.6"], symbols, ..ElfSpec::default() }.build();
    let mut builder = WheelBuilder::new("cp311-cp311-linux_x86_64").file("demo/_core.so", &extension);
    let wheel_file = builder.wheel_file.take().unwrap_or_default();
    builder.metadata = None;
    for (name, text) in texts(&wheel_file) {
        let bytes = change.filter(|(changed, _)| *changed == name).map_or(text.as_bytes(), |(_, bytes)| bytes);
        builder = builder.file(&format!("demo-1.0.dist-info/{name}"), bytes);
    }
    builder
}

fn texts(wheel_file: &str) -> [(&'static str, &str); 4] {
    [("WHEEL", wheel_file), ("METADATA", METADATA), ("entry_points.txt", ENTRY_POINTS), ("truewheel.json", RECORDED)]
}

/// Sends a wheel through everything that reads or writes one; returns whether it could be mended.
fn through_every_command(builder: &WheelBuilder, folder: &Path) -> bool {
    let start = Instant::now();
    let path = builder.write(folder);
    let mut options = AuditOptions::default();
    options.now = Some(1_800_000_000);
    for depth in [Depth::Facts, Depth::Everything] {
        let report = audit(&path, &options, depth).unwrap();
        assert!(report.diagnostics.iter().all(|finding| finding.diagnostic.code != Code::TW902), "{report:#?}");
    }
    let out = folder.join("out");
    let mut build = RetagOptions::default();
    build.build = Some("7".to_owned());
    let _ = retag(&path, &build, Some(&out)).and_then(|mut made| made.publish(&[]));
    let _ = repair::repair(&path, &Options::default(), Some(&out)).and_then(|mut made| made.publish(&[]));
    let mut mends = RetagOptions::default();
    (mends.mends, mends.now) = (true, options.now);
    let mended = retag(&path, &mends, Some(&out)).and_then(|mut made| made.publish(&[]));
    assert!(start.elapsed() < BOUND, "{:?}", start.elapsed());
    let Ok(Some(result)) = mended else { return false };
    // RECORD is written anew: nothing of it is wrong any more.
    let report = audit(&result, &options, Depth::Everything).unwrap();
    let about_record = [Code::TW604, Code::TW605, Code::TW606, Code::TW607];
    let left = report.diagnostics.iter().find(|finding| about_record.contains(&finding.diagnostic.code));
    assert_eq!(left, None);
    // A second time there is nothing to mend.
    let bytes = std::fs::read(&result).unwrap();
    retag(&result, &mends, Some(&folder.join("again"))).unwrap().publish(&[]).unwrap();
    let again = folder.join("again").join(result.file_name().unwrap());
    assert_eq!(std::fs::read(again).unwrap(), bytes);
    true
}

#[test]
fn mutated_members_of_dist_info_are_answered_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut random = Random::new(11);
    let sound = wheel(None);
    assert!(through_every_command(&sound, folder.path()));
    let wheel_file = WheelBuilder::new(&sound.tags).wheel_file.unwrap();
    for (name, text) in texts(&wheel_file) {
        let mut mended = 0;
        for _ in 0..ROUNDS {
            let mut bytes = text.as_bytes().to_vec();
            random.mutate(&mut bytes, &[]);
            mended += usize::from(through_every_command(&wheel(Some((name, &bytes))), folder.path()));
        }
        // Some hit what mending does not need; of JSON little is left that can be read.
        assert!(mended > 0, "{name}");
    }
}

#[test]
fn a_mutated_record_is_written_anew() {
    let folder = tempfile::tempdir().unwrap();
    let mut random = Random::new(12);
    let sound = wheel(None);
    let rows: String =
        sound.entries.iter().map(|entry| row(&String::from_utf8_lossy(&entry.name), &entry.bytes)).collect();
    let record = rows + "demo-1.0.dist-info/RECORD,,\n";
    for _ in 0..ROUNDS {
        let mut bytes = record.clone().into_bytes();
        random.mutate(&mut bytes, &[]);
        // RECORD as a member like any other, so that it need not be text.
        let builder = WheelBuilder { record: RecordText::Absent, ..wheel(None) };
        let builder = builder.file("demo-1.0.dist-info/RECORD", &bytes);
        assert!(through_every_command(&builder, folder.path()), "{}", String::from_utf8_lossy(&bytes));
    }
}

#[test]
fn text_members_without_end_are_answered_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let large = |line: &str| line.repeat((4 << 20) / line.len()).into_bytes();
    let numbered = |line: &str| (0..200_000).map(|number| line.replace('#', &number.to_string())).collect::<String>();
    let head = "Metadata-Version: 2.4\nName: demo\nVersion: 1.0\n".to_owned();
    for (name, bytes) in [
        ("WHEEL", large("X-Own: 1\n")),
        ("WHEEL", numbered("X-#: 1\n").into_bytes()),
        ("METADATA", (head.clone() + &numbered("X-#: 1\n")).into_bytes()),
        ("METADATA", (head.clone() + &numbered("Project-URL: #, x\n")).into_bytes()),
        ("METADATA", (head.clone() + &numbered("Requires-Dist: -#\n")).into_bytes()),
        ("METADATA", (head.clone() + &numbered("Classifier: #\n")).into_bytes()),
        ("METADATA", (head + &numbered("Import-Name: x#\n")).into_bytes()),
        ("entry_points.txt", numbered("[#]\nx\n").into_bytes()),
        ("entry_points.txt", numbered("[x]\na#=b:c\n").into_bytes()),
        ("truewheel.json", large("[")),
    ] {
        let path = wheel(Some((name, &bytes))).write(folder.path());
        let start = Instant::now();
        let report = audit(&path, &AuditOptions::default(), Depth::Everything).unwrap();
        assert!(start.elapsed() < BOUND, "{name}: {:?}", start.elapsed());
        assert!(report.diagnostics.len() < 200, "{name}: {}", report.diagnostics.len());
    }
    assert!(Wheel::open(&wheel(None).write(folder.path())).is_ok());
}

#[test]
fn mutated_configurations_are_answered_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = WheelBuilder::new("py3-none-any").file("demo/__init__.py", b"").write(folder.path());
    let seed = b"deny = [\"TW205\", \"executable-stack\"]\nquiet = true\n\n[check]\nprofile = \"strict\"\n\n\
        [[allow]]\ncode = \"TW6xx\"\nmember = \"demo/*.so\"\nwheel = \"demo-*\"\nreason = \"why\"\n";
    // What a mutation of a comment does matters too.
    let seed = [&b"# what this project allows, and why\n".repeat(12)[..], &seed[..]].concat();
    let mut random = Random::new(13);
    let (mut taken, mut refused) = (0, 0);
    for _ in 0..120 {
        let mut bytes = seed.clone();
        random.mutate(&mut bytes, &[]);
        std::fs::write(folder.path().join("truewheel.toml"), &bytes).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_truewheel"));
        command.current_dir(folder.path()).env_clear().arg("check").arg(&path);
        let start = Instant::now();
        let ran = run(&mut command);
        let text = String::from_utf8_lossy(&bytes);
        assert!(start.elapsed() < BOUND, "{text}");
        match ran.status {
            Some(0 | 1) => taken += 1,
            // What cannot be read is said on one line.
            Some(2) if ran.stderr.starts_with("error: ") && !ran.stderr.contains("panicked") => refused += 1,
            _ => panic!("{text}\n{ran:#?}"),
        }
    }
    assert!(taken > 10 && refused > 10, "{taken} taken, {refused} refused");
}
