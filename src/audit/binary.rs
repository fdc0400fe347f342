//! Findings about one binary alone: TW201 to TW208, TW501 to TW504.

use std::collections::BTreeSet;

use crate::abi::{self, LibpythonRule, PythonAbi, WheelAbi};
use crate::diagnostic::{Code, Diagnostic};
use crate::format::image::FaultKind;
use crate::load::{Binary, Target};
use crate::platform::{Libc, Platform};
use crate::policy::apple;
use crate::report::{BinaryEntry, PythonEntry, VersionEntry};

/// Returns the report's entry of a binary.
pub(super) fn entry(binary: &Binary, target: Target) -> BinaryEntry {
    let mut entry = BinaryEntry::new(&binary.member, &binary.image, target.platform.arch_name(binary.image.arch));
    let python = abi::examine(&binary.image, &binary.symbols, binary.file_name());
    entry.kind = python.kind.name();
    entry.python = python_entry(binary, &python);
    entry.versions =
        binary.symbols.versions.iter().map(|needed| VersionEntry::new(&needed.library, &needed.version)).collect();
    entry
}

/// What a binary alone has to do with Python; what other binaries of the wheel give it plays no part here.
fn python_entry(binary: &Binary, python: &PythonAbi) -> Option<PythonEntry> {
    let facts = WheelAbi::of(std::slice::from_ref(binary)).binaries.pop()?;
    let mut entry = PythonEntry::new();
    entry.entry_points = python.entry_points.iter().map(abi::EntryPoint::symbol).collect();
    entry.libraries = facts.libraries.iter().map(|(name, _)| name.clone()).collect();
    let newest = facts.needed.iter().map(|name| {
        let symbol = abi::stable_symbol(name)?;
        symbol.condition.is_none_or(|condition| condition.holds(facts.format)).then_some(symbol.added)
    });
    entry.stable_abi = newest.collect::<Option<Vec<u16>>>().and_then(|versions| versions.into_iter().max());
    entry.symbols = facts.needed;
    (entry != PythonEntry::new()).then_some(entry)
}

/// Returns what is wrong with a binary, whoever loads it; the libraries `excluded` are left to the user's machine.
pub(super) fn findings(binary: &Binary, platform: &dyn Platform, excluded: &BTreeSet<String>) -> Vec<Diagnostic> {
    let mut found: Vec<Diagnostic> = binary
        .image
        .faults
        .iter()
        .map(|fault| {
            let code = match fault.kind {
                FaultKind::Truncated => Code::TW201,
                FaultKind::Contradiction => Code::TW202,
                FaultKind::OddName => Code::TW206,
                FaultKind::Suspicious => Code::TW208,
            };
            Diagnostic::new(code, fault.message.clone())
        })
        .collect();
    found.extend(text_relocations(binary));
    found.extend(absolute_search_path(binary));
    found.extend(section_headers(binary, platform));
    let libpython = match platform.libc() {
        Some(Libc::Glibc | Libc::Musl) => LibpythonRule::Forbidden,
        // Android (PEP 738), Windows and iOS extensions link it; macOS ones may.
        Some(Libc::Bionic) | None => LibpythonRule::Allowed,
    };
    let facts = abi::examine(&binary.image, &binary.symbols, binary.file_name());
    let mut found: Vec<Diagnostic> = found.into_iter().map(|found| found.member(&binary.member)).collect();
    found.extend(abi::diagnose(&facts, &binary.member, libpython));
    found.extend(apple::findings(binary, platform, excluded));
    found
}

fn text_relocations(binary: &Binary) -> Option<Diagnostic> {
    binary.image.elf().filter(|elf| elf.text_relocations).map(|_| {
        Diagnostic::new(Code::TW204, "relocates its own code, which hardened systems forbid")
            .help("compile everything that goes into it with `-fPIC`")
    })
}

fn absolute_search_path(binary: &Binary) -> Option<Diagnostic> {
    let absolute: Vec<String> = binary
        .image
        .search_paths
        .iter()
        .filter(|search| search.path.starts_with('/'))
        .map(|search| format!("`{}`", search.path))
        .collect();
    (!absolute.is_empty()).then(|| {
        Diagnostic::new(Code::TW205, format!("searches {}, which other machines do not have", absolute.join(", ")))
            .help("link without `-rpath`, or let `truewheel repair` remove it")
    })
}

fn section_headers(binary: &Binary, platform: &dyn Platform) -> Option<Diagnostic> {
    let missing = platform.libc() == Some(Libc::Bionic) && binary.image.elf().is_some_and(|elf| elf.sections.is_none());
    missing.then(|| {
        Diagnostic::new(Code::TW207, "has no section headers, which Android's loader reads from API level 24 on")
            .help("do not remove them after linking")
    })
}
