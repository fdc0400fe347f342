//! Written wheels: the same members, read by other libraries, the same bytes wherever and however often.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

use truewheel::wheel::write::{Content, DEFAULT_LEVEL, Differences, Output, OutputMember, Payload, copy_whole};
use truewheel::wheel::{DosTime, Method, Wheel};

use crate::support::skip;
use crate::support::zip::{Archive, Entry, demo_wheel};

const NAME: &str = "demo-1.0-py3-none-any.whl";

fn written_into(folder: &Path, bytes: Vec<u8>) -> PathBuf {
    let path = folder.join(NAME);
    std::fs::write(&path, bytes).unwrap();
    path
}

fn raw(wheel: &Wheel) -> Vec<OutputMember<'_>> {
    let content = |member: &truewheel::wheel::Member| Content::Raw {
        packed: wheel.packed(member).unwrap(),
        method: member.method(),
        crc32: member.crc32(),
        size: member.size(),
    };
    wheel.members().iter().map(|it| OutputMember::new(it.name(), content(it), it.mode(), it.time())).collect()
}

/// Rewrites a wheel with one member changed.
fn rewrite(source: &Path, folder: &Path, time: Option<DosTime>) -> PathBuf {
    let wheel = Wheel::open(source).unwrap();
    let mut members = raw(&wheel);
    let text: String = (0..200_000_u64).map(|number| format!("line {}\n", number * number % 1013)).collect();
    let payload = Payload::pack(text.as_bytes(), 6, folder).unwrap();
    members[1] = OutputMember::new("demo/new, \"é\".py", Content::New(payload), 0, DosTime::EPOCH);
    let output = Output::write(&folder.join(NAME), &mut members, time).unwrap();
    assert!(!folder.join(NAME).exists());
    output.publish().unwrap()
}

#[test]
fn a_raw_copy_has_the_same_members_and_sound_framing() {
    let folder = tempfile::tempdir().unwrap();
    // Everything that only headers say is written anew.
    let mut archive = demo_wheel();
    archive.entries.push(Entry::deflated("late.py", b"late late").described(true, false, |_| {}));
    let source = written_into(folder.path(), archive.build_with(|end| end.comment(b"bye")));
    let wheel = Wheel::open(&source).unwrap();
    assert_eq!(wheel.faults().len(), 2);
    let destination = folder.path().join("out").join(NAME);
    Output::write(&destination, &mut raw(&wheel), None).unwrap().publish().unwrap();
    let copy = Wheel::open(&destination).unwrap();
    assert_eq!(copy.faults(), []);
    assert_eq!(copy.members().len(), wheel.members().len());
    for (left, right) in copy.members().iter().zip(wheel.members()) {
        assert_eq!(left.name(), right.name());
        assert_eq!((left.time(), left.mode(), left.method()), (right.time(), right.mode(), right.method()));
        assert_eq!(*copy.read(left).unwrap(), *wheel.read(right).unwrap());
    }
}

#[test]
fn the_same_members_are_the_same_bytes_in_every_folder_and_with_any_number_of_threads() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let source = written_into(one.path(), demo_wheel().build());
    let deep = two.path().join("a/b");
    std::fs::create_dir_all(&deep).unwrap();
    let mut results = Vec::new();
    for (folder, threads) in [(one.path().join("x"), 1), (deep, 1), (two.path().to_owned(), 4)] {
        std::fs::create_dir_all(&folder).unwrap();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        results.push(std::fs::read(pool.install(|| rewrite(&source, &folder, None))).unwrap());
    }
    assert!(results.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn a_given_time_is_every_member_s() {
    let folder = tempfile::tempdir().unwrap();
    let source = written_into(folder.path(), demo_wheel().build());
    let time = DosTime::from_unix(1_700_000_001);
    let out = folder.path().join("out");
    std::fs::create_dir(&out).unwrap();
    let wheel = Wheel::open(&rewrite(&source, &out, Some(time))).unwrap();
    assert!(wheel.members().iter().all(|member| member.time() == time));
}

#[test]
fn the_input_may_be_the_output() {
    let folder = tempfile::tempdir().unwrap();
    let source = written_into(folder.path(), demo_wheel().build());
    let wheel = Wheel::open(&source).unwrap();
    let mut members = raw(&wheel);
    members.pop();
    let output = Output::write(&source, &mut members, None).unwrap();
    assert_eq!(Wheel::open(&source).unwrap().members().len(), 5);
    assert_eq!(Wheel::open(&output.publish().unwrap()).unwrap().members().len(), 4);
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|it| it.unwrap().file_name()).collect();
    assert_eq!(left, [NAME]);
}

#[test]
fn a_copy_is_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = demo_wheel().build_with(|end| end.comment(b"kept"));
    let source = written_into(folder.path(), bytes.clone());
    let copy = copy_whole(&source, &folder.path().join("out").join(NAME)).unwrap().unwrap();
    assert_eq!(std::fs::read(copy.publish().unwrap()).unwrap(), bytes);
}

#[cfg(unix)]
#[test]
fn the_result_has_the_permissions_of_any_new_file() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let source = written_into(folder.path(), demo_wheel().build());
    let out = folder.path().join("out");
    std::fs::create_dir(&out).unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(&rewrite(&source, &out, None)), mode(&source));
}

#[test]
fn more_members_than_plain_zip_counts_are_read_by_another_library() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(NAME);
    let content = || Content::Raw { packed: b"x", method: Method::Stored, crc32: crc32fast::hash(b"x"), size: 1 };
    let mut members: Vec<_> =
        (0..65_536).map(|number| OutputMember::new(format!("d/{number}"), content(), 0, DosTime::EPOCH)).collect();
    Output::write(&path, &mut members, None).unwrap().publish().unwrap();
    let mut archive = zip::ZipArchive::new(std::fs::File::open(&path).unwrap()).unwrap();
    assert_eq!(archive.len(), 65_536);
    let mut text = String::new();
    archive.by_name("d/65535").unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text, "x");
    let wheel = Wheel::open(&path).unwrap();
    assert_eq!((wheel.members().len(), wheel.faults()), (65_536, &[][..]));
}

/// Returns whether Python could run; says so where it could not.
fn python(test: &str, arguments: &[&str]) -> bool {
    match Command::new("python3").args(arguments).output() {
        Err(error) => {
            skip(&format!("{test}: python3: {error}"));
            false
        }
        Ok(output) => {
            let told = String::from_utf8_lossy(&output.stderr).into_owned();
            if told.contains("No module named pip") {
                skip(&format!("{test}: python3 has no pip"));
                return false;
            }
            assert!(output.status.success(), "{arguments:?}: {told}");
            true
        }
    }
}

#[test]
fn python_s_zipfile_reads_what_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let source = written_into(folder.path(), demo_wheel().build());
    let out = folder.path().join("out");
    std::fs::create_dir(&out).unwrap();
    let path = rewrite(&source, &out, None);
    python("python_s_zipfile_reads_what_is_written", &["-m", "zipfile", "-t", path.to_str().unwrap()]);
}

#[test]
fn python_s_zipfile_reads_members_of_which_most_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let mut state = 7_u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    };
    let mut archive = demo_wheel();
    let mut changed = Vec::new();
    for number in 0..12 {
        let length = 300_000 + random(300_000);
        let old: Vec<u8> = (0..length).map(|_| b"abcdefgh"[random(8) & random(8)]).collect();
        let name = format!("demo/{number}.so");
        archive.entries.push(Entry::deflated(&name, &old));
        let mut new = old;
        for _ in 0..=random(3) {
            let at = random(length);
            new[at] ^= 0x80;
        }
        new.resize(length + random(3) * random(5000), b'z');
        changed.push((name, new));
    }
    let source = written_into(folder.path(), archive.build());
    let wheel = Wheel::open(&source).unwrap();
    let mut members = raw(&wheel);
    let mut kept = 0;
    for (name, new) in &changed {
        let member = wheel.member(name).unwrap();
        let differences = Differences::between(&wheel.read(member).unwrap(), new);
        let packed = wheel.packed(member).unwrap();
        let payload = Payload::pack_changed(new, packed, &differences, DEFAULT_LEVEL, folder.path()).unwrap();
        let whole = Payload::pack(new, DEFAULT_LEVEL, folder.path()).unwrap();
        assert_eq!((payload.digest(), payload.crc32()), (whole.digest(), whole.crc32()));
        kept += usize::from(payload.packed_size() != whole.packed_size());
        let place = members.iter_mut().find(|other| other.name == *name).unwrap();
        place.content = Content::New(payload);
    }
    assert!(kept > 6, "{kept}");
    let path = folder.path().join("out").join(NAME);
    Output::write(&path, &mut members, None).unwrap().publish().unwrap();
    let written = Wheel::open(&path).unwrap();
    for (name, new) in &changed {
        assert!(*written.read(written.member(name).unwrap()).unwrap() == **new, "{name}");
    }
    python("python_s_zipfile_reads_members_of_which_most_is_kept", &["-m", "zipfile", "-t", path.to_str().unwrap()]);
}

#[test]
fn pip_installs_what_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let source = written_into(folder.path(), demo_wheel().build());
    let wheel = Wheel::open(&source).unwrap();
    let path = folder.path().join("out").join(NAME);
    Output::write(&path, &mut raw(&wheel), None).unwrap().publish().unwrap();
    let target = folder.path().join("site");
    let arguments =
        ["-m", "pip", "install", "-q", "--no-index", "--no-deps", "--disable-pip-version-check", "--target"];
    let arguments: Vec<&str> =
        arguments.into_iter().chain([target.to_str().unwrap(), path.to_str().unwrap()]).collect();
    if python("pip_installs_what_is_written", &arguments) {
        assert_eq!(std::fs::read(target.join("demo/__init__.py")).unwrap(), b"print('hello')\n");
    }
}

#[test]
fn an_empty_archive_can_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(NAME);
    Output::write(&path, &mut [], None).unwrap().publish().unwrap();
    assert_eq!(std::fs::read(path).unwrap(), Archive::default().build());
}
