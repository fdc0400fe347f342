//! The one report on which every renderer is tested: each kind of entry once, hostile text included.

use super::{
    BinaryEntry, Blocker, Exception, ImportEntry, Level, Levels, LibraryEntry, LibraryOrigin, NextTag, Report,
    SearchPathEntry, Selector, VersionEntry,
};
use crate::diagnostic::{Code, Diagnostic};
use crate::repair::Step;

/// A report with errors, a warning, a note, an exception, and names that would break a careless renderer.
pub(crate) fn report() -> Report {
    let mut levels = Levels::new();
    levels.rule(Selector::Code(Code::TW203), Level::Deny);
    let exception = Exception::new(Selector::Code(Code::TW205), "the vendor's <installer> puts it there");
    levels.exception(exception.for_member("demo/*").unwrap());
    let mut report = Report::new("dist/demo-1.0-cp312-cp312-manylinux_2_17_x86_64.whl", levels);
    report.tags.claimed = vec!["cp312-cp312-manylinux_2_17_x86_64".into()];
    report.tags.earned = vec!["manylinux_2_34_x86_64".into(), "linux_x86_64".into()];
    report.config = Some("truewheel.toml".into());
    report.binaries = vec![BinaryEntry {
        path: "demo/_core.so".into(),
        format: "elf",
        arch: "x86_64".into(),
        kind: "extension",
        identity: None,
        min_os: None,
        sdk: None,
        signature: None,
        imports: vec![
            ImportEntry { name: "libfoo.so.1".into(), kind: "needed", resolved: Some("demo.libs/libfoo.so.1".into()) },
            ImportEntry { name: "libc.so.6".into(), kind: "needed", resolved: None },
        ],
        search_paths: vec![SearchPathEntry { path: "$ORIGIN/../demo.libs".into(), kind: "rpath" }],
        versions: vec![VersionEntry::new("libc.so.6", "GLIBC_2.34")],
        python: None,
    }];
    let mut foo = LibraryEntry::new("libfoo.so.1", LibraryOrigin::Wheel, Some("demo.libs/libfoo.so.1".into()));
    foo.needed_by = vec!["demo/_core.so".into()];
    report.libraries = vec![foo, LibraryEntry::new("libc.so.6", LibraryOrigin::System, None)];
    report.next_tags = vec![NextTag::new("manylinux_2_17_x86_64", blockers())];
    report.outputs = vec!["wheelhouse/demo-1.0-cp312-cp312-manylinux_2_34_x86_64.whl".into()];
    report.plan = vec![Step::Edit { member: "demo/_core.so".into(), edits: vec!["soname".into()] }];
    report.extend(diagnostics());
    report.sort();
    report
}

fn blockers() -> Vec<Blocker> {
    let mut symbols = Blocker::new(Code::TW401, "needs `GLIBC_2.34`");
    symbols.member = Some("demo.libs/libfoo.so.1".into());
    symbols.library = Some("libc.so.6".into());
    symbols.version = Some("GLIBC_2.34".into());
    symbols.symbols = vec!["dlopen".into(), "pthread_create".into()];
    symbols.chains = vec![vec!["demo/_core.so".into(), "demo.libs/libfoo.so.1".into()]];
    let mut library = Blocker::new(Code::TW402, "needs `libX11.so.6`, which `manylinux_2_17` does not allow");
    library.member = Some("demo/_core.so".into());
    library.library = Some("libX11.so.6".into());
    vec![library, symbols]
}

fn diagnostics() -> Vec<Diagnostic> {
    vec![
        Diagnostic::new(
            Code::TW401,
            "needs `GLIBC_2.34` (symbol `pthread_create`), newer than `GLIBC_2.17` which `manylinux_2_17` allows",
        )
        .member("demo.libs/libfoo.so.1")
        .help("build in a `manylinux_2_17` image, or tag `manylinux_2_34`")
        .chain(vec!["demo/_core.so".into(), "demo.libs/libfoo.so.1".into()]),
        Diagnostic::new(Code::TW203, "asks for an executable stack").member("demo/_core.so"),
        Diagnostic::new(Code::TW205, "searches `/opt/lib`").member("demo/_core.so"),
        Diagnostic::new(Code::TW104, "leaves the wheel").member("../<evil>,100%:\u{1b}[31m\n\"&.so"),
        Diagnostic::new(Code::TW112, "carries a comment of 3 bytes"),
        Diagnostic::new(Code::TW408, "there is no data to judge the symbols of `libz.so.1` by").member("demo/_core.so"),
    ]
}

/// A report without findings.
pub(crate) fn sound() -> Report {
    let mut report = Report::new("demo-1.0-py3-none-any.whl", Levels::new());
    report.tags.claimed = vec!["py3-none-any".into()];
    report.tags.earned = vec!["any".into()];
    report
}
