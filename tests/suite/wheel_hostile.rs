//! Mutated archives and text members: an error or an answer, never a panic, and never two readings of one file.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};
use std::path::Path;

use truewheel::tag::{TagSet, WheelFilename};
use truewheel::wheel::metadata::Metadata;
use truewheel::wheel::record::Record;
use truewheel::wheel::wheel_file::WheelFile;
use truewheel::wheel::{FaultLevel, Wheel};

use crate::support::random::Random;
use crate::support::zip::{Archive, Entry, demo_wheel, zip64};

/// Archives of every form that a mutation can start from.
fn seeds() -> Vec<Vec<u8>> {
    let descriptors = Archive::new(vec![
        Entry::deflated("a.py", b"hello hello").described(true, false, |_| {}),
        Entry::deflated("b.py", b"hello hello").described(false, true, |_| {}),
    ]);
    let wide = Archive::new(vec![Entry::deflated("a.py", b"hello hello").both(|header| {
        header.extra = zip64(&[header.size.into(), header.packed.into()]);
        header.size = u32::MAX;
        header.packed = u32::MAX;
    })]);
    vec![
        demo_wheel().build(),
        demo_wheel().build_with(|end| {
            end.zip64();
        }),
        demo_wheel().build_with(|end| end.comment(b"a comment")),
        Archive::new(vec![Entry::stored("x/", b""), Entry::stored("x/é", b"abc"), Entry::stored("y", b"")]).build(),
        descriptors.build(),
        wide.build(),
        Archive::default().build(),
    ]
}

/// What another library makes of an archive; nothing if it fails at any point.
fn witness(bytes: &[u8]) -> Option<BTreeMap<String, Vec<u8>>> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).ok()?;
    let mut members = BTreeMap::new();
    for index in 0..archive.len() {
        let mut file = archive.by_index(index).ok()?;
        if file.is_dir() {
            continue;
        }
        let mut content = Vec::new();
        file.read_to_end(&mut content).ok()?;
        members.insert(file.name().ok()?.into_owned(), content);
    }
    Some(members)
}

#[test]
fn mutated_archives_are_read_or_refused_and_sound_ones_read_alike() {
    let mut random = Random::new(1);
    let seeds = seeds();
    let (mut sound, mut compared) = (0, 0);
    for _ in 0..12_000 {
        let mut bytes = seeds[random.below(seeds.len())].clone();
        let places: Vec<usize> =
            (0..bytes.len().saturating_sub(1)).filter(|at| bytes[*at..].starts_with(b"PK")).collect();
        random.mutate(&mut bytes, &places);
        let Ok(wheel) = Wheel::from_bytes(Path::new("demo-1.0-py3-none-any.whl"), bytes.clone()) else { continue };
        let mut read = Some(BTreeMap::new());
        for member in wheel.members() {
            let bytes = wheel.read(member).map(|bytes| bytes.to_vec());
            assert_eq!(wheel.digest(member).is_ok(), bytes.is_ok());
            let _ = wheel.read_prefix(member, 8);
            let _ = wheel.packed(member);
            match (bytes, &mut read) {
                (Ok(bytes), Some(read)) => drop(read.insert(member.name().to_owned(), bytes)),
                _ => read = None,
            }
        }
        if wheel.faults().iter().all(|fault| fault.level != FaultLevel::Error) {
            sound += 1;
            if let (Some(ours), Some(theirs)) = (read, witness(&bytes)) {
                compared += 1;
                assert_eq!(ours, theirs);
            }
        }
    }
    assert!(sound > 300 && compared > 200, "{sound} sound, {compared} compared");
}

#[test]
fn mutated_records_are_read_or_refused_and_written_back() {
    let seed = b"a.py,sha256=AAAA,1\n\"b,\"\"c\"\".py\",sha256=_-8,22\nd/e.py,md5=x,3\nx.dist-info/RECORD,,\n";
    let mut random = Random::new(2);
    let mut good = 0;
    for _ in 0..20_000 {
        let mut bytes = seed.to_vec();
        random.mutate(&mut bytes, &[]);
        let Ok(record) = Record::read(&bytes) else { continue };
        good += 1;
        for row in record.rows() {
            let _ = (row.member(), row.parsed_digest());
        }
        let written = record.to_bytes().unwrap();
        assert_eq!(Record::read(&written).unwrap().rows(), record.rows(), "{}", String::from_utf8_lossy(&bytes));
    }
    assert!(good > 1000, "{good}");
}

#[test]
fn mutated_wheel_files_are_read_or_refused_and_edits_touch_nothing_else() {
    let seed =
        b"Wheel-Version: 1.0\r\nGenerator: x\nRoot-Is-Purelib: False\nTag: py3-none-any\nTag: py2-none-any\nBuild: 1\n";
    let mut random = Random::new(3);
    let mut good = 0;
    for _ in 0..20_000 {
        let mut bytes = seed.to_vec();
        random.mutate(&mut bytes, &[]);
        let Ok(file) = WheelFile::read(&bytes) else { continue };
        good += 1;
        assert_eq!(file.to_bytes(), bytes);
        let mut edited = file.clone();
        edited.set_tags(&["cp39-abi3-win32", "cp39-abi3-win_amd64"]);
        edited.set_build(Some("7"));
        edited.set_root_is_purelib(true);
        let back = WheelFile::read(&edited.to_bytes()).unwrap();
        assert_eq!(back.tags(), ["cp39-abi3-win32", "cp39-abi3-win_amd64"]);
        assert_eq!((back.build(), back.root_is_purelib()), (Some("7"), Some(true)));
        assert_eq!(back.values("Generator"), file.values("Generator"));
    }
    assert!(good > 1000, "{good}");
}

#[test]
fn mutated_metadata_is_read_or_refused_and_edits_touch_nothing_else() {
    let seed = b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\nRequires-Dist: a\n  ; extra == 'x'\nLicense: \xc3\xa9\r\n\nbody\n";
    let mut random = Random::new(4);
    let mut good = 0;
    for _ in 0..20_000 {
        let mut bytes = seed.to_vec();
        random.mutate(&mut bytes, &[]);
        let Ok(metadata) = Metadata::read(&bytes) else { continue };
        good += 1;
        assert_eq!(metadata.to_bytes(), bytes);
        let mut edited = metadata.clone();
        edited.add("Requires-Dist", "b").unwrap();
        let mut expected = metadata.values("Requires-Dist");
        expected.push("b");
        assert_eq!(edited.values("Requires-Dist"), expected);
        assert_eq!(edited.values("Name"), metadata.values("Name"));
        assert!(edited.to_bytes().len() <= bytes.len() + "Requires-Dist: b\r\n\r\n".len());
    }
    assert!(good > 1000, "{good}");
}

#[test]
fn mutated_names_and_tags_are_read_or_refused_and_written_back() {
    let seed = "foo_bar-1.0.post1-1a-cp39.cp310-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64-label.whl";
    let mut random = Random::new(5);
    for _ in 0..20_000 {
        let mut bytes = seed.as_bytes().to_vec();
        random.mutate(&mut bytes, &[]);
        let text = String::from_utf8_lossy(&bytes);
        if let Ok(name) = text.parse::<WheelFilename>() {
            assert_eq!(name.to_string(), text);
            let _ = (name.problems(), name.tags.expand().iter().map(|tag| tag.liveness()).collect::<Vec<_>>());
        }
        if let Ok(tags) = text.parse::<TagSet>() {
            assert_eq!(tags.to_string(), text);
        }
    }
}
