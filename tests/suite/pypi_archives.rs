//! The classes of PyPI's own archive tests (warehouse, `tests/unit/utils`), rebuilt record by record under the names they
//! have there: what PyPI takes has no error about the archive, what it refuses has one.

use std::path::Path;

use truewheel::audit::{AuditOptions, Depth, audit_wheel, no_archive};
use truewheel::diagnostic::{Family, Severity};
use truewheel::report::Report;
use truewheel::wheel::Wheel;

use crate::support::wheel::{RecordText, WheelBuilder, row};
use crate::support::zip::{Archive, Entry, demo_wheel, extra, unicode_path, zip64};

/// What `check` reports on these bytes.
fn report(name: &str, bytes: Vec<u8>) -> Report {
    let options = AuditOptions::default();
    match Wheel::from_bytes(Path::new(name), bytes) {
        Ok(wheel) => audit_wheel(&wheel, &options, Depth::Everything).unwrap(),
        Err(error) => {
            let mut report = options.report(name);
            report.push(no_archive(&error));
            report
        }
    }
}

/// The errors about the archive, as text.
fn archive_errors(bytes: Vec<u8>) -> Vec<String> {
    let report = report("demo-1.0-py3-none-any.whl", bytes);
    let findings = report.diagnostics.iter().map(|finding| &finding.diagnostic);
    let errors = findings.filter(|it| it.severity == Severity::Error && it.code.family() == Family::Archive);
    errors.map(|error| format!("{} {}", error.code, error.message)).collect()
}

fn stored() -> Entry {
    Entry::stored("foo", b"abcdefgh")
}

fn greeting() -> Entry {
    Entry::deflated("greeting", b"hello")
}

fn single(entry: Entry) -> Vec<u8> {
    Archive::new(vec![entry]).build()
}

/// Fills counts, size and offset of the end record, which defers to the zip64 record then.
fn deferring(mut bytes: Vec<u8>) -> Vec<u8> {
    let at = bytes.len() - 22 + 8;
    bytes[at..at + 12].fill(0xff);
    bytes
}

/// A zip64 locator that points to the start of the file.
fn locator() -> Vec<u8> {
    let mut bytes = b"PK\x06\x07".to_vec();
    bytes.extend([0; 12]);
    bytes.extend(1_u32.to_le_bytes());
    bytes
}

/// The zip64 end record of an archive without entries.
fn empty_record64() -> Vec<u8> {
    let whole = Archive::default().build_with(|end| {
        end.zip64();
    });
    whole[..56].to_vec()
}

/// A deflated entry whose sizes follow its data, as its local header alone says.
fn described(wide: bool, lie: impl FnOnce(&mut [u64; 3])) -> Entry {
    described_with(true, wide, lie)
}

fn described_with(signed: bool, wide: bool, lie: impl FnOnce(&mut [u64; 3])) -> Entry {
    greeting().described(signed, wide, lie).with(|entry| {
        entry.central.flags = 0;
        if wide {
            entry.local.extra = zip64(&[]);
        }
    })
}

fn accepted() -> Vec<(&'static str, Vec<u8>)> {
    // The data go on behind what their size and checksum are of.
    let text = b"# benign\nprint('and what follows when the size is not looked at')\n";
    let cut = |entry: Entry| {
        entry.both(|header| {
            header.size = 9;
            header.crc32 = crc32fast::hash(&text[..9]);
        })
    };
    let whole = text.len() as u64;
    vec![
        ("comment", Archive::new(vec![stored()]).build_with(|end| end.comment(b"hello"))),
        ("deflate", single(Entry::deflated("foo", b"abcdefgh"))),
        ("empty", Archive::default().build()),
        ("normal_deflate", single(greeting().mode(0))),
        ("nosubdir", single(Entry::stored("foo/bar", b"abcdefgh"))),
        ("short_usize", single(cut(Entry::deflated("file", text)))),
        (
            "short_usize_zip64",
            single(cut(Entry::stored("file", text)).both(|header| header.extra = zip64(&[whole, whole]))),
        ),
        ("store", single(stored())),
        (
            "subdir",
            Archive::new(vec![
                Entry::stored("foo/", b"").mode(0o40_777),
                Entry::stored("foo/bar", b"abcdefgh").mode(0o600),
            ])
            .build(),
        ),
        (
            "zip64_eocd",
            deferring(Archive::new(vec![greeting()]).build_with(|end| {
                end.zip64();
            })),
        ),
        // Those of the tests' own making.
        ("zip64 STORE with a size below the sentinel", {
            let entry = stored().with(|entry| {
                entry.local.packed = u32::MAX;
                entry.local.extra = zip64(&[8]);
            });
            single(entry)
        }),
        ("zip64 STORE with the size alone", {
            let entry = stored().with(|entry| {
                (entry.local.packed, entry.local.size) = (u32::MAX, u32::MAX);
                entry.local.extra = zip64(&[8]);
            });
            single(entry)
        }),
        (
            "several extra fields",
            single(stored().with(|entry| entry.local.extra = [extra(2, &[0; 4]), extra(3, b"")].concat())),
        ),
        ("stored and deflated", Archive::new(vec![stored(), greeting()]).build()),
        ("a wheel", demo_wheel().build()),
    ]
}

fn refused() -> Vec<(&'static str, Vec<u8>)> {
    let same = |_: &mut [u64; 3]| {};
    let greeting_archive = Archive::new(vec![greeting()]);
    let both =
        |extra: Vec<u8>| single(Entry::stored("original", b"anything\n").both(|header| header.extra = extra.clone()));
    let path = |name: &[u8]| unicode_path(b"original", name);
    let mut elsewhere = path(b"ignoreme");
    elsewhere[5..9].copy_from_slice(&4_u32.to_le_bytes());
    let empty_with = |change: &dyn Fn(&mut crate::support::zip::End)| Archive::default().build_with(|end| change(end));
    let extensible = |payload: Vec<u8>| {
        deferring(greeting_archive.build_with(|end| {
            end.zip64().size64 = 44 + payload.len() as u64;
            end.extensible = payload;
        }))
    };
    vec![
        ("8bitcomment", {
            let mut comment = b"PK\x05\x06\0\0\0\xff\xff".to_vec();
            comment.resize(109, 0);
            Archive::new(vec![stored()]).build_with(|end| end.comment(&comment))
        }),
        ("cd_comment", single(stored().with(|entry| entry.comment = vec![0xff]))),
        ("cd_extra_entry", Archive::new(vec![greeting(), greeting().with(|entry| entry.without_local = true)]).build()),
        ("cd_missing_entry", {
            let second = Entry::deflated("two", b"hello").with(|entry| entry.without_central = true);
            Archive::new(vec![greeting(), second]).build()
        }),
        ("data_descriptor", single(described(false, same))),
        ("data_descriptor_bad_crc", single(described(false, |values| values[0] = 1))),
        ("data_descriptor_bad_crc_0", {
            let entry = described_with(false, false, |values| values[0] = 0);
            single(entry.with(|entry| entry.central.crc32 = 0))
        }),
        ("data_descriptor_bad_csize", single(described(false, |values| values[1] += 1))),
        ("data_descriptor_bad_usize", single(described(false, |values| values[2] += 1))),
        ("data_descriptor_bad_usize_no_sig", single(described_with(false, false, |values| values[2] += 1))),
        ("data_descriptor_zip64", single(described(true, same))),
        ("data_descriptor_zip64_csize", single(described(true, |values| values[1] += 1))),
        ("data_descriptor_zip64_usize", single(described(true, |values| values[2] += 1))),
        ("dupe_eocd", {
            let whole = greeting_archive.build();
            let mut end = whole[whole.len() - 22..].to_vec();
            end[12] += 22;
            [whole, end].concat()
        }),
        ("eocd64_locator_mismatch", empty_with(&|end| end.zip64().locator = 1)),
        ("eocd64_non_locator", {
            let twice = Archive { between: empty_record64(), ..Archive::default() };
            twice.build_with(|end| {
                end.zip64().locator = 0;
                end.offset = 0;
            })
        }),
        (
            "eocd64_without_eocd",
            empty_with(&|end| {
                end.zip64();
                end.extensible = locator();
            }),
        ),
        ("eocd64_without_locator", empty_with(&|end| end.zip64().has_locator = false)),
        ("extra3byte", single(stored().both(|header| header.extra = b"   ".to_vec()))),
        ("missing_local_file", {
            let archive = Archive::new(vec![Entry::stored("a", b"").with(|entry| entry.without_local = true)]);
            archive.build_with(|end| {
                end.disk = 1;
                (end.size, end.offset) = (0, 0);
            })
        }),
        ("non_ascii_original_name", {
            let entry = greeting().both(|header| header.name = vec![0x82]);
            single(entry.with(|entry| entry.central.extra = unicode_path(&[0x82], "é".as_bytes())))
        }),
        ("not", b"Hello, world!\n".to_vec()),
        ("prefix", Archive { before: b"junk".to_vec(), ..greeting_archive.clone() }.build()),
        ("second_unicode_extra", both([path(b"first"), path(b"second")].concat())),
        ("shortextra", {
            // One byte of the field lies behind the entry.
            let field = unicode_path(b"greeting", "étc".as_bytes());
            let entry = greeting().with(|entry| entry.central.extra = field[..field.len() - 1].to_vec());
            let mut bytes = Archive::new(vec![entry]).build_with(|end| end.size += 1);
            bytes.insert(bytes.len() - 22, b'c');
            bytes
        }),
        ("suffix_not_comment", Archive { after: b"    ".to_vec(), ..Archive::new(vec![stored()]) }.build()),
        ("unicode_extra_chain", both([path(b"first"), elsewhere, path(b"reset")].concat())),
        ("a wheel with WHEEL twice", {
            let name = "demo-1.0.dist-info/WHEEL";
            Archive::new(vec![Entry::stored(name, b""), Entry::stored(name, b"")]).build()
        }),
        ("zip64_eocd_confusion", extensible(Archive::new(vec![stored()]).build())),
        ("zip64_eocd_extensible_data", extensible(vec![0; 20])),
        (
            "zip64_extra_csize",
            single(greeting().both(|header| {
                header.packed = u32::MAX;
                header.extra = zip64(&[8]);
            })),
        ),
        (
            "zip64_extra_too_long",
            single(greeting().both(|header| {
                header.size = u32::MAX;
                header.extra = zip64(&[5, 0]);
            })),
        ),
        (
            "zip64_extra_too_short",
            single(greeting().both(|header| {
                (header.packed, header.size) = (u32::MAX, u32::MAX);
                header.extra = zip64(&[5]);
            })),
        ),
        (
            "zip64_extra_usize",
            single(greeting().both(|header| {
                header.size = u32::MAX;
                header.extra = zip64(&[6]);
            })),
        ),
        ("zipinzip", {
            let inner = single(Entry::stored("filea", b"A"));
            Archive::new(vec![Entry::stored("fileb", b"B")]).build_with(|end| end.comment(&inner))
        }),
        // Those of the tests' own making.
        ("a name that is longer than the file", single(stored()).into_iter().take(33).collect()),
        ("a zip64 field that is longer than the extra data", {
            single(stored().with(|entry| entry.local.extra = vec![1, 0, 100, 0]))
        }),
        ("a zip64 field of one byte", single(stored().with(|entry| entry.local.extra = extra(1, b"x")))),
        ("an empty zip64 field for a size that defers to it", {
            let entry = stored().with(|entry| {
                entry.local.size = u32::MAX;
                entry.local.extra = zip64(&[]);
            });
            single(entry)
        }),
        ("a control character in a name", single(stored().both(|header| header.name = vec![0x7f]))),
        ("a NUL in a name of the central directory", single(stored().both(|header| header.name = vec![0]))),
        ("a control character in a Unicode path", {
            single(stored().with(|entry| entry.local.extra = unicode_path(b"foo", &[0; 3])))
        }),
        ("a Unicode path that is no UTF-8", {
            single(stored().with(|entry| entry.local.extra = unicode_path(b"foo", &[0xf7])))
        }),
        ("two numbers of records", Archive::new(vec![stored()]).build_with(|end| end.counts = [100, 1])),
        ("two numbers of records in the zip64 record", {
            Archive::new(vec![stored()]).build_with(|end| end.zip64().counts = [100, 1])
        }),
        ("a record too few", Archive::new(vec![stored()]).build_with(|end| end.counts = [0; 2])),
        ("a record too many", Archive::new(vec![stored()]).build_with(|end| end.counts = [2; 2])),
        ("a directory one byte earlier", Archive::new(vec![stored()]).build_with(|end| end.offset -= 1)),
        ("a directory one byte later", Archive::new(vec![stored()]).build_with(|end| end.offset += 1)),
        ("a directory one byte smaller", Archive::new(vec![stored()]).build_with(|end| end.size -= 1)),
        ("a directory one byte larger", Archive::new(vec![stored()]).build_with(|end| end.size += 1)),
        ("another size in the local header", single(stored().with(|entry| entry.local.size = 10))),
        ("a size of 6 MiB in the central directory", single(stored().with(|entry| entry.central.size = 6 << 20))),
        ("bzip2", single(stored().both(|header| header.method = 12))),
        ("LZMA", single(stored().both(|header| header.method = 14))),
        ("65 MiB of zeros", single(Entry::deflated("1.dat", &vec![b'0'; 65 << 20]))),
        ("a tar archive too", {
            // A header of one block, whose checksum is right, lies before the zip archive.
            let mut header = vec![0_u8; 512];
            header[..8].copy_from_slice(b"demo.txt");
            header[148..156].fill(b' ');
            let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
            header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
            Archive { before: header, ..Archive::new(vec![stored()]) }.build()
        }),
    ]
}

#[test]
fn what_pypi_takes_has_no_error_about_the_archive() {
    let wrong: Vec<_> = accepted()
        .into_iter()
        .map(|(class, bytes)| (class, archive_errors(bytes)))
        .filter(|(_, errors)| !errors.is_empty())
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_pypi_refuses_has_an_error_about_the_archive() {
    let classes = refused();
    assert!(classes.len() >= 50, "{}", classes.len());
    let taken: Vec<_> = classes
        .into_iter()
        .filter(|(_, bytes)| archive_errors(bytes.clone()).is_empty())
        .map(|(class, _)| class)
        .collect();
    assert!(taken.is_empty(), "{taken:#?}");
}

/// The codes that a wheel has at error level where PyPI's upload form counts.
fn pypi_errors(builder: &WheelBuilder) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let path = builder.write(folder.path());
    let mut options = AuditOptions::default();
    options.levels.set_profile(truewheel::report::Profile::Pypi);
    let report = truewheel::audit::audit(&path, &options, Depth::Everything).unwrap();
    let errors = report.diagnostics.iter().filter(|finding| finding.diagnostic.severity == Severity::Error);
    let mut codes: Vec<String> = errors.map(|finding| finding.diagnostic.code.to_string()).collect();
    codes.dedup();
    codes
}

fn demo() -> WheelBuilder {
    WheelBuilder::new("py3-none-any").file("demo/__init__.py", b"")
}

#[test]
fn the_files_of_a_wheel_are_judged_as_pypi_judges_them() {
    let own = || "demo-1.0.dist-info/RECORD,,\n".to_owned();
    let sound = demo();
    let all: String = [("demo/__init__.py", &b""[..])]
        .into_iter()
        .chain([
            ("demo-1.0.dist-info/WHEEL", sound.wheel_file.as_deref().unwrap().as_bytes()),
            ("demo-1.0.dist-info/METADATA", sound.metadata.as_deref().unwrap().as_bytes()),
        ])
        .map(|(name, bytes)| row(name, bytes))
        .collect();
    let with_record = |text: String| WheelBuilder { record: RecordText::Text(text), ..demo() };
    let none: &[&str] = &[];
    for (what, builder, wanted) in [
        ("a wheel", demo(), none),
        ("no WHEEL", WheelBuilder { wheel_file: None, ..demo() }, &["TW603"]),
        ("no METADATA", WheelBuilder { metadata: None, ..demo() }, &["TW603"]),
        ("no RECORD", WheelBuilder { record: RecordText::Absent, ..demo() }, &["TW603"]),
        ("a member that RECORD does not list", with_record(own()), &["TW604"]),
        ("a row without member", with_record(all.clone() + "demo/gone.py,,\n" + &own()), &["TW605"]),
        ("a directory in the archive", with_record(all.clone() + &own()).file("demo/data/", b""), none),
        ("rows with backslashes", with_record(all.replace("demo/__init__", "demo\\__init__") + &own()), none),
        (
            "signatures that RECORD does not list",
            {
                let signed = WheelBuilder { record: RecordText::Text(all.clone() + &own()), ..demo() };
                signed.file("demo-1.0.dist-info/RECORD.jws", b"{}").file("demo-1.0.dist-info/RECORD.p7s", b"{}")
            },
            none,
        ),
        ("such a file elsewhere", with_record(all + &own()).file("other/RECORD.jws", b"{}"), &["TW604"]),
        ("a project's name in another form", WheelBuilder { name: "Demo".to_owned(), ..demo() }, &["TW608"]),
        ("another version in METADATA", WheelBuilder { version: "2.0".to_owned(), ..demo() }, &["TW610"]),
        ("a platform that PyPI does not have", WheelBuilder::new("py3-none-linux_x86_64"), &["TW612"]),
    ] {
        assert_eq!(pypi_errors(&builder), wanted, "{what}");
    }
}

#[test]
fn entry_points_are_judged_as_pypi_judges_them() {
    let errors = |text: &[u8]| pypi_errors(&demo().file("demo-1.0.dist-info/entry_points.txt", text));
    for section in ["console_scripts", "gui_scripts"] {
        let named = |name: &str| errors(format!("[{section}]\n{name}=foo:main\n").as_bytes());
        for name in [
            "foo", "foo.bar", "foo_bar", "foo-bar", "foo123", "123foo", "_foo", "foo_", "foo.", ".foo", "foo..bar",
            "_", "-_-",
        ] {
            assert_eq!(named(name), [""; 0], "{name}");
        }
        for name in [
            "' '",
            "''",
            "foo bar",
            "foo\tbar",
            "foo/bar",
            "foo\\bar",
            "foo:bar",
            "'foo:bar'",
            "C:\\foo",
            "..\\..\\foo",
            "/foo",
            "../../../../foo",
        ] {
            assert_eq!(named(name), ["TW637"], "{name}");
        }
    }
    assert_eq!(errors(b"\xff\xfe\xfd"), ["TW637"]);
    assert_eq!(errors(b"[console_scripts]\nfoo:main\n"), ["TW637"]);
    assert_eq!(errors(b"[not_console_scripts]\n/foo/ = bar:main\n"), [""; 0]);
    let example = b"\n[console_scripts]\nfoo = foomod:main\n# with extras:\nfoobar = foomod:main_bar [bar,baz]\n\n[pytest11]\nnbval = nbval.plugin\n";
    assert_eq!(errors(example), [""; 0]);
}
