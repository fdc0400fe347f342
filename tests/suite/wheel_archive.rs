//! Archives that PyPI and installers take or refuse, each class rebuilt record by record.

use std::path::Path;

use truewheel::wheel::{FaultKind, FaultLevel, Wheel};

use crate::support::zip::{Archive, Entry, demo_wheel, extra, unicode_path, zip64};

fn open(bytes: Vec<u8>) -> Wheel {
    Wheel::from_bytes(Path::new("demo-1.0-py3-none-any.whl"), bytes).unwrap()
}

fn errors(bytes: Vec<u8>) -> Vec<FaultKind> {
    let wheel = open(bytes);
    // Whatever is wrong, what is called a member can be asked for without harm.
    for member in wheel.members() {
        let _ = wheel.read(member);
        let _ = wheel.digest(member);
        let _ = wheel.read_prefix(member, 16);
    }
    wheel.faults().iter().filter(|fault| fault.level == FaultLevel::Error).map(|fault| fault.kind).collect()
}

fn two() -> Vec<Entry> {
    vec![Entry::stored("one", b"first"), Entry::deflated("two", b"second second")]
}

fn one() -> Entry {
    Entry::deflated("fixme", b"hello")
}

#[test]
fn what_pypi_accepts_has_no_error() {
    let archive = Archive::new(two());
    let accepted: Vec<(&str, Vec<u8>)> = vec![
        ("a comment", archive.build_with(|end| end.comment(b"hello"))),
        ("deflated and stored", archive.build()),
        ("empty", Archive::default().build()),
        (
            "a subdirectory",
            Archive::new(vec![Entry::stored("foo/", b"").mode(0o40_755), Entry::stored("foo/bar", b"x")]).build(),
        ),
        ("no subdirectory", Archive::new(vec![Entry::stored("foo/bar", b"x")]).build()),
        ("a size shorter than the data", Archive::new(vec![one().both(|header| header.size = 2)]).build()),
        (
            "a size shorter than the zip64 field's",
            Archive::new(vec![Entry::stored("file", &[b'a'; 51]).both(|header| {
                header.size = 9;
                header.extra = zip64(&[51, 51]);
            })])
            .build(),
        ),
        (
            "zip64 end records",
            archive.build_with(|end| {
                end.zip64();
            }),
        ),
        (
            "a zip64 field that the local header defers to",
            Archive::new(vec![one().with(|entry| {
                entry.local.extra = zip64(&[entry.local.size.into(), entry.local.packed.into()]);
                entry.local.size = u32::MAX;
                entry.local.packed = u32::MAX;
            })])
            .build(),
        ),
        (
            "other extra fields",
            Archive::new(vec![one().both(|header| header.extra = extra(0x5455, &[1, 0, 0, 0, 0]))]).build(),
        ),
        (
            "a Unicode path that says the same",
            Archive::new(vec![one().both(|header| header.extra = unicode_path(b"fixme", b"fixme"))]).build(),
        ),
        ("a UTF-8 name", Archive::new(vec![Entry::stored("é", b"x")]).build()),
        ("no mode", Archive::new(vec![one().mode(0)]).build()),
        ("effort flags in one header", Archive::new(vec![one().with(|entry| entry.local.flags |= 2)]).build()),
        ("a wheel", demo_wheel().build()),
    ];
    for (what, bytes) in accepted {
        assert_eq!(errors(bytes), [], "{what}");
    }
}

#[test]
fn what_pypi_refuses_is_an_error() {
    use FaultKind::{DataDescriptor, Duplicate, Framing, Zip64};
    let archive = Archive::new(two());
    let same = |_: &mut [u64; 3]| {};
    let single = |entry: Entry| Archive::new(vec![entry]).build();
    let inner = archive.build();
    let refused: Vec<(&str, Vec<u8>, FaultKind)> = vec![
        ("an archive in the comment", archive.build_with(|end| end.comment(&inner)), Framing),
        ("a comment of an entry", single(one().with(|entry| entry.comment = b"hi".to_vec())), Framing),
        (
            "a central entry too many",
            Archive::new(vec![one(), one().with(|entry| entry.without_local = true)]).build(),
            Duplicate,
        ),
        (
            "a central entry missing",
            Archive::new(vec![one(), Entry::stored("two", b"x").with(|entry| entry.without_central = true)]).build(),
            Framing,
        ),
        (
            "the first central entry missing",
            Archive::new(vec![Entry::stored("two", b"x").with(|entry| entry.without_central = true), one()]).build(),
            Framing,
        ),
        ("a data descriptor", single(one().described(true, false, same)), DataDescriptor),
        ("a data descriptor without signature", single(one().described(false, false, same)), DataDescriptor),
        ("a zip64 data descriptor", single(one().described(true, true, same)), DataDescriptor),
        (
            "a data descriptor with a wrong checksum",
            single(one().described(true, false, |values| values[0] = 0)),
            DataDescriptor,
        ),
        (
            "a data descriptor with a wrong packed size",
            single(one().described(true, false, |values| values[1] = 1)),
            Framing,
        ),
        ("a data descriptor with a wrong size", single(one().described(false, true, |values| values[2] = 1)), Framing),
        (
            "a data descriptor flag in the local header alone",
            single(one().described(true, false, same).with(|entry| entry.central.flags = 0)),
            DataDescriptor,
        ),
        (
            "two end records",
            Archive {
                after: archive.build_with(|end| {
                    end.has_end = true;
                })[inner.len() - 22..]
                    .to_vec(),
                ..archive.clone()
            }
            .build(),
            Framing,
        ),
        ("a zip64 locator that points elsewhere", archive.build_with(|end| end.zip64().locator = 1), Zip64),
        ("a zip64 locator that points nowhere", archive.build_with(|end| end.zip64().locator = u64::MAX), Zip64),
        (
            "a zip64 end record without locator",
            archive.build_with(|end| {
                end.zip64().has_locator = false;
            }),
            Framing,
        ),
        (
            "a zip64 locator without end record",
            archive.build_with(|end| {
                end.zip64().has_record64 = false;
            }),
            Zip64,
        ),
        ("an extra field cut short", single(one().with(|entry| entry.local.extra = vec![1, 0, 9])), Framing),
        (
            "an extra field cut short in the central directory",
            single(one().with(|entry| entry.central.extra = vec![1, 0, 9, 0, 1])),
            Framing,
        ),
        ("a local entry missing", single(one().with(|entry| entry.without_local = true)), Framing),
        ("a name that is not UTF-8", single(one().both(|header| header.name = b"fixm\xe9".to_vec())), Framing),
        (
            "a name that is not marked as UTF-8",
            single(Entry::stored("é", b"x").both(|header| header.flags = 0)),
            Framing,
        ),
        ("bytes before", Archive { before: b"#!x\n".to_vec(), ..archive.clone() }.build(), Framing),
        ("bytes after", Archive { after: b"abcd".to_vec(), ..archive.clone() }.build(), Framing),
        ("bytes between", Archive { between: b"abcd".to_vec(), ..archive.clone() }.build(), Framing),
        ("bytes after an entry", single(one().with(|entry| entry.after = vec![0; 3])), Framing),
        (
            "a Unicode path twice",
            single(
                one().both(|header| {
                    header.extra = [unicode_path(b"fixme", b"a"), unicode_path(b"fixme", b"b")].concat()
                }),
            ),
            Framing,
        ),
        (
            "a Unicode path that names another",
            single(one().both(|header| header.extra = unicode_path(b"fixme", b"other"))),
            Framing,
        ),
        (
            "a Unicode path with a control character",
            single(one().both(|header| header.extra = unicode_path(b"fixme", b"a\n"))),
            Framing,
        ),
        ("a name twice", Archive::new(vec![one(), one()]).build(), Duplicate),
        (
            "a directory twice",
            Archive::new(vec![Entry::stored("a/", b""), Entry::stored("a/", b"")]).build(),
            Duplicate,
        ),
        (
            "extensible data",
            archive.build_with(|end| {
                end.zip64();
                end.size64 = 48;
                end.extensible = vec![0; 4];
            }),
            Zip64,
        ),
        (
            "two sets of end values",
            {
                let mut bytes = archive.build_with(|end| {
                    end.zip64();
                });
                let at = bytes.len() - 22 + 12;
                bytes[at] ^= 1;
                bytes
            },
            Zip64,
        ),
        (
            "a zip64 field without packed size",
            single(one().with(|entry| {
                entry.local.extra = zip64(&[5]);
                entry.local.size = u32::MAX;
            })),
            Zip64,
        ),
        (
            "a zip64 field that lies about the packed size",
            single(one().with(|entry| entry.local.extra = zip64(&[5, 6]))),
            Framing,
        ),
        ("a zip64 field of a wrong length", single(one().both(|header| header.extra = extra(1, &[0; 12]))), Zip64),
        (
            "a zip64 field twice",
            single(one().with(|entry| entry.local.extra = [zip64(&[]), zip64(&[])].concat())),
            Zip64,
        ),
        (
            "a zip64 field that ends early",
            single(one().with(|entry| {
                entry.central.packed = u32::MAX;
                entry.central.extra = zip64(&[]);
            })),
            Zip64,
        ),
        ("another local name", single(one().with(|entry| entry.local.name = b"other".to_vec())), Framing),
        ("another local size", single(one().with(|entry| entry.local.size = 4)), Framing),
        ("another local packed size", single(one().with(|entry| entry.local.packed = 6)), Framing),
        ("another local checksum", single(one().with(|entry| entry.local.crc32 = 0)), Framing),
        ("another local method", single(one().with(|entry| entry.local.method = 0)), Framing),
        (
            "an offset into another entry",
            Archive::new(vec![one(), Entry::stored("two", b"x").with(|entry| entry.offset = -1)]).build(),
            Framing,
        ),
        ("two counts", archive.build_with(|end| end.counts[0] = 1), Framing),
        ("a wrong count", archive.build_with(|end| end.counts = [3; 2]), Framing),
        ("a wrong directory size", archive.build_with(|end| end.size -= 1), Framing),
        ("a directory size past the start", archive.build_with(|end| end.size = 1 << 20), Framing),
        ("a wrong directory offset", archive.build_with(|end| end.offset += 1), Framing),
        ("another disk", archive.build_with(|end| end.disk = 1), Framing),
        ("a comment that runs past the end", archive.build_with(|end| end.comment_length = 9), Framing),
        ("a version from the future", single(one().with(|entry| entry.central.version = 99)), Framing),
    ];
    for (what, bytes, kind) in refused {
        let found = errors(bytes);
        assert!(found.contains(&kind), "{what}: {found:?}");
    }
}

#[test]
fn members_that_no_wheel_may_hold_are_errors_and_not_members() {
    let cases: Vec<(Entry, FaultKind)> = vec![
        (Entry::stored("../evil.py", b"x"), FaultKind::UnsafePath),
        (Entry::stored("a/../../evil.py", b"x"), FaultKind::UnsafePath),
        (Entry::stored("/etc/passwd", b"x"), FaultKind::UnsafePath),
        (Entry::stored("C:/evil.py", b"x"), FaultKind::UnsafePath),
        (Entry::stored("a\\b.py", b"x"), FaultKind::UnsafePath),
        (Entry::stored("a\0b.py", b"x"), FaultKind::UnsafePath),
        (Entry::stored("a//b.py", b"x"), FaultKind::UnsafePath),
        (Entry::stored("", b"x"), FaultKind::UnsafePath),
        (Entry::stored("\u{202e}yp.py", b"x"), FaultKind::UnsafePath),
        (Entry::stored("link", b"/etc/passwd").mode(0o120_777), FaultKind::Symlink),
    ];
    for (entry, kind) in cases {
        let name = String::from_utf8_lossy(&entry.central.name).into_owned();
        let bytes = Archive::new(vec![entry]).build();
        assert!(open(bytes.clone()).members().is_empty(), "{name}");
        assert!(errors(bytes).contains(&kind), "{name}");
    }
}

#[test]
fn odd_members_are_told() {
    let kinds = |entries: Vec<Entry>| errors(Archive::new(entries).build());
    assert_eq!(kinds(vec![one().both(|header| header.flags |= 1)]), [FaultKind::Encrypted]);
    assert_eq!(kinds(vec![one().both(|header| header.method = 12)]), [FaultKind::Method]);
    assert_eq!(kinds(vec![one().both(|header| header.method = 99)]), [FaultKind::Method]);
    assert_eq!(kinds(vec![Entry::stored("a/B", b"1"), Entry::stored("A/b", b"2")]), [FaultKind::Collision]);
    assert_eq!(kinds(vec![Entry::stored("nul.txt", b"1")]), [FaultKind::UnsafePath]);
    assert_eq!(kinds(vec![Entry::stored("a", b"1"), Entry::stored("a/b", b"2")]), [FaultKind::UnsafePath]);
    assert_eq!(kinds(vec![Entry::stored("a", b"1"), Entry::stored("a/", b"")]), [FaultKind::UnsafePath]);
}

#[test]
fn names_that_only_windows_and_macos_refuse_are_warnings_for_linux() {
    let bytes =
        Archive::new(vec![Entry::stored("a/B", b"1"), Entry::stored("A/b", b"2"), Entry::stored("aux", b"3")]).build();
    let wheel = Wheel::from_bytes(Path::new("demo-1.0-py3-none-linux_x86_64.whl"), bytes).unwrap();
    let found: Vec<_> = wheel.faults().iter().map(|fault| (fault.kind, fault.level)).collect();
    assert_eq!(found, [(FaultKind::UnsafePath, FaultLevel::Warning), (FaultKind::Collision, FaultLevel::Warning)]);
    assert_eq!(wheel.members().len(), 3);
}

#[test]
fn odd_modes_are_one_warning_each() {
    let entries = (0..100).map(|number| Entry::stored(&format!("f{number}"), b"x").mode(0o104_666)).collect();
    let wheel = open(Archive::new(entries).build());
    let told: Vec<_> = wheel.faults().iter().map(|fault| (fault.kind, fault.message.as_str())).collect();
    assert_eq!(
        told,
        [
            (FaultKind::Mode, "mode `4666` sets a special bit; so do those of 99 more members"),
            (FaultKind::Mode, "mode `4666` lets everybody write; so do those of 99 more members"),
        ]
    );
}

#[test]
fn a_bomb_is_refused_before_anything_is_unpacked() {
    let zeros = vec![0; 70 << 20];
    let wheel = open(Archive::new(vec![Entry::deflated("zeros", &zeros)]).build());
    assert_eq!(wheel.faults()[0].kind, FaultKind::Bomb);
    let member = &wheel.members()[0];
    assert!(wheel.read(member).is_err() && wheel.digest(member).is_err() && wheel.read_prefix(member, 1).is_err());
}

#[test]
fn sizes_that_deflate_cannot_reach_are_refused_without_room_for_them() {
    // Stored bytes let the sum pass PyPI's ratio.
    let filler = Entry::stored("filler", &vec![1; 3 << 20]);
    let liar = one().both(|header| header.size = 140 << 20);
    let wheel = open(Archive::new(vec![filler, liar]).build());
    assert_eq!(wheel.faults(), []);
    let error = wheel.read(wheel.member("fixme").unwrap()).unwrap_err();
    assert_eq!(error.to_string(), "`fixme`: the data do not unpack to 146800640 bytes as declared");
}

#[test]
fn absurd_counts_are_refused() {
    let mut archive = Archive::default();
    archive.entries.push(Entry::stored("x", b""));
    let bytes = archive.build();
    // One entry of the central directory, repeated.
    let central = bytes.windows(4).position(|window| window == b"PK\x01\x02").unwrap();
    let entry = bytes[central..bytes.len() - 22].to_vec();
    let mut many = bytes[..central].to_vec();
    for _ in 0..250_000 {
        many.extend(&entry);
    }
    let size = u32::try_from(entry.len() * 250_000).unwrap();
    many.extend(b"PK\x05\x06\0\0\0\0\xff\xff\xff\xff");
    many.extend(size.to_le_bytes());
    many.extend(u32::try_from(central).unwrap().to_le_bytes());
    many.extend([0; 2]);
    let wheel = open(many);
    assert!(wheel.members().is_empty());
    assert!(wheel.faults().iter().any(|fault| fault.kind == FaultKind::Bomb));
}

#[test]
fn what_is_no_archive_is_malformed() {
    let whole = demo_wheel().build();
    for bytes in [&b""[..], b"hello", &[0; 1000], &whole[..whole.len() - 1], &whole[..100]] {
        let error = Wheel::from_bytes(Path::new("demo-1.0-py3-none-any.whl"), bytes.to_vec()).unwrap_err();
        assert_eq!(error.kind(), truewheel::ErrorKind::Malformed);
    }
    let absent = Wheel::open(Path::new("absent/demo-1.0-py3-none-any.whl")).unwrap_err();
    assert_eq!(absent.kind(), truewheel::ErrorKind::Io);
    let folder = Wheel::open(Path::new(".")).unwrap_err();
    assert_eq!(folder.kind(), truewheel::ErrorKind::Io);
}

#[test]
fn corrupt_members_are_errors_that_name_them() {
    let fails = |entry: Entry| {
        let wheel = open(Archive::new(vec![entry]).build());
        let member = wheel.members().first().unwrap();
        let read = wheel.read(member).map(|_| ()).unwrap_err();
        let digest = wheel.digest(member).map(|_| ()).unwrap_err();
        assert_eq!(read.to_string(), digest.to_string());
        read.to_string()
    };
    assert_eq!(fails(one().both(|header| header.crc32 ^= 1)), "`fixme`: the checksum is wrong");
    assert_eq!(fails(Entry::stored("a", b"x").both(|header| header.crc32 ^= 1)), "`a`: the checksum is wrong");
    assert_eq!(fails(one().both(|header| header.size = 4)), "`fixme`: the data do not unpack to 4 bytes as declared");
    assert_eq!(fails(one().both(|header| header.size = 6)), "`fixme`: the data do not unpack to 6 bytes as declared");
    assert_eq!(
        fails(Entry::stored("a", b"xy").both(|header| header.size = 1)),
        "`a`: the data do not unpack to 1 bytes as declared"
    );
    assert_eq!(fails(one().with(|entry| entry.data[0] = 0xff)), "`fixme`: the data cannot be unpacked");
    assert!(fails(one().both(|header| header.flags |= 1)).contains("encrypted"));
    // Large enough to be unpacked in pieces.
    let large: Vec<u8> = (0..6_000_000_u32).map(|number| (number >> 5).to_le_bytes()[0]).collect();
    for lie in [5_999_999, 6_000_001] {
        let entry = Entry::deflated("large", &large).both(|header| header.size = lie);
        assert_eq!(fails(entry), format!("`large`: the data do not unpack to {lie} bytes as declared"));
    }
    assert_eq!(
        fails(Entry::deflated("large", &large).both(|header| header.crc32 ^= 1)),
        "`large`: the checksum is wrong"
    );
    assert!(
        fails(Entry::deflated("large", &large).with(|entry| entry.data[5000] ^= 0x55)).starts_with("`large`: the ")
    );
}

#[test]
fn members_are_read_whole_in_pieces_and_from_their_start() {
    use sha2::Digest;
    let large: Vec<u8> = (0..6_000_000_u32).map(|number| (number >> 5).to_le_bytes()[0]).collect();
    let small = b"small".to_vec();
    let wheel = open(
        Archive::new(vec![
            Entry::deflated("large", &large),
            Entry::stored("stored", &large),
            Entry::deflated("small", &small),
            Entry::stored("empty", b""),
            Entry::deflated("nothing", b""),
        ])
        .build(),
    );
    for (name, bytes) in
        [("large", &large), ("stored", &large), ("small", &small), ("empty", &vec![]), ("nothing", &vec![])]
    {
        let member = wheel.member(name).unwrap();
        assert!(*wheel.read(member).unwrap() == **bytes, "{name}");
        assert!(wheel.read(member).unwrap().to_vec() == *bytes, "{name}");
        let digest: [u8; 32] = sha2::Sha256::digest(bytes).into();
        assert_eq!(wheel.digest(member).unwrap(), (digest, bytes.len() as u64), "{name}");
        for count in [0, 1, 16, 5000] {
            assert_eq!(wheel.read_prefix(member, count).unwrap(), bytes[..count.min(bytes.len())], "{name} {count}");
        }
    }
}

#[test]
fn members_of_other_methods_are_faults_that_can_be_read() {
    let hello = b"hello ".repeat(100);
    for (method, file) in [(12, "hello.bz2"), (14, "hello.lzma"), (93, "hello.zst")] {
        let packed = crate::support::fixture(&format!("archive/{file}"));
        let entry = Entry::stored("a", &hello).both(|header| {
            header.method = method;
            header.packed = u32::try_from(packed.len()).unwrap();
        });
        let wheel = open(Archive::new(vec![entry.with(|entry| entry.data = packed)]).build());
        assert_eq!(wheel.faults()[0].kind, FaultKind::Method);
        let member = &wheel.members()[0];
        assert_eq!(*wheel.read(member).unwrap(), *hello);
        assert_eq!(wheel.digest(member).unwrap().1, 600);
        assert_eq!(wheel.read_prefix(member, 5).unwrap(), b"hello");
    }
    let wheel = open(Archive::new(vec![one().both(|header| header.method = 99)]).build());
    let error = wheel.read(&wheel.members()[0]).unwrap_err();
    assert_eq!(error.to_string(), "`fixme`: compression method 99 is not supported");
}

#[test]
fn of_two_members_of_one_name_the_last_counts() {
    let wheel =
        open(Archive::new(vec![Entry::stored("a", b"1"), Entry::stored("b", b""), Entry::stored("a", b"2")]).build());
    assert_eq!(wheel.members().len(), 3);
    assert_eq!(*wheel.read(wheel.member("a").unwrap()).unwrap(), *b"2");
    assert!(wheel.member("c").is_none());
}
