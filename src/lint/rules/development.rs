//! Does the wheel carry what only builders and debuggers use? TW645, TW646.

use super::{mebibytes, others};
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::lint::Sheet;

/// Debug data of less than this are a note, in bytes: half of the wheels on PyPI have some.
const MUCH: u64 = 4 << 20;

pub(super) fn rule(sheet: &Sheet<'_>) -> Vec<Diagnostic> {
    let mut found: Vec<Diagnostic> = debug_data(sheet).into_iter().collect();
    let kinds = [Kind::Archive, Kind::Header, Kind::Source, Kind::BuildFile];
    found.extend(kinds.into_iter().filter_map(|kind| development_files(sheet, kind)));
    found
}

/// Sections and files that only debuggers read.
fn debug_data(sheet: &Sheet<'_>) -> Option<Diagnostic> {
    let companions = sheet.wheel.members().iter().filter(|member| is_companion(member.name()));
    let mut all: Vec<(&str, u64)> = companions.map(|member| (member.name(), member.size())).collect();
    let inside = sheet.debug_bytes.iter().filter(|(member, size)| **size > 0 && !is_companion(member));
    all.extend(inside.map(|(member, size)| (member.as_str(), *size)));
    all.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    let (first, size) = *all.first()?;
    let total = all.iter().fold(0_u64, |sum, (_, size)| sum.saturating_add(*size));
    let text = match all.len() {
        1 => format!("holds {} of debug data", mebibytes(size)),
        count => {
            let more = others(count.saturating_sub(1));
            format!("holds {} of debug data{more}: {} in all", mebibytes(size), mebibytes(total))
        }
    };
    let severity = if total < MUCH { Severity::Note } else { Severity::Warning };
    let help = match is_companion(first) {
        true => "keep them where your builds are kept, not in the wheel",
        false => "link with `-s`, or let `truewheel repair --strip=debug` take them away",
    };
    Some(Diagnostic::new(Code::TW645, text).member(first).at(severity).help(help))
}

/// A file that holds nothing but debug data, by its name.
fn is_companion(name: &str) -> bool {
    let file = name.rsplit('/').next().unwrap_or(name);
    let end = file.rsplit_once('.').map_or("", |(_, end)| end);
    end.eq_ignore_ascii_case("pdb") || matches!(end, "debug" | "dwo" | "dwp") || name.contains(".dSYM/")
}

/// What compilers and linkers read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Archive,
    Header,
    Source,
    BuildFile,
}

impl Kind {
    fn of(name: &str) -> Option<Self> {
        let file = name.rsplit('/').next()?.to_ascii_lowercase();
        match file.rsplit_once('.')?.1 {
            "a" | "lib" | "o" | "obj" | "exp" => Some(Kind::Archive),
            "h" | "hh" | "hpp" | "hxx" | "cuh" | "inl" | "pxd" | "pxi" => Some(Kind::Header),
            "c" | "cc" | "cpp" | "cxx" | "cu" | "pyx" | "f90" | "rs" => Some(Kind::Source),
            "la" | "pc" | "cmake" | "def" => Some(Kind::BuildFile),
            _ => None,
        }
    }

    fn what(self) -> &'static str {
        match self {
            Kind::Archive => "is a static or import library, which only linkers read",
            Kind::Header => "is a header, which only compilers read",
            Kind::Source => "is source text of a compiled language",
            Kind::BuildFile => "is for build systems",
        }
    }
}

/// The first file of a kind, and how much there is of it.
fn development_files(sheet: &Sheet<'_>, kind: Kind) -> Option<Diagnostic> {
    let dist_info = sheet.wheel.dist_info().map(|folder| format!("{folder}/")).unwrap_or_default();
    let members = sheet.wheel.members().iter();
    // Headers of the scheme that is for them are meant.
    let is_meant =
        |name: &str| name.contains(".data/headers/") || (!dist_info.is_empty() && name.starts_with(&dist_info));
    let all: Vec<_> =
        members.filter(|member| Kind::of(member.name()) == Some(kind) && !is_meant(member.name())).collect();
    let first = all.first()?;
    let total = all.iter().fold(0_u64, |sum, member| sum.saturating_add(member.size()));
    let more = others(all.len().saturating_sub(1));
    let text = format!("{}{more}: {} in all", kind.what(), mebibytes(total));
    Some(Diagnostic::new(Code::TW646, text).member(first.name()).help("leave it out, unless others build against it"))
}
