//! Do licence files go with the libraries whose licences ask for that? TW648.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::abi::ExtensionSuffix;
use crate::diagnostic::{Code, Diagnostic};
use crate::lint::Sheet;

/// Licence texts are smaller than this, in bytes.
const LARGEST: u64 = 2 << 20;
/// What every licence of the family calls itself.
const FAMILY: &str = "general public license";

/// Licences by the name of the library, from `policies/copyleft.tsv`.
static COPYLEFT: LazyLock<BTreeMap<&'static str, &'static str>> = LazyLock::new(|| {
    let lines = data!("copyleft.tsv").lines().filter(|line| !line.starts_with('#'));
    lines.skip(1).filter_map(|line| line.split_once('\t')).collect()
});

pub(super) fn rule(sheet: &Sheet<'_>) -> Vec<Diagnostic> {
    let mut libraries =
        sheet.binaries.iter().filter_map(|(member, _)| Some((member, *COPYLEFT.get(library(member)?.as_str())?)));
    // Texts are read where members are read at all.
    let Some((first, licence)) = libraries.next().filter(|_| !sheet.traces_are_partial && !has_text(sheet)) else {
        return Vec::new();
    };
    let more = match libraries.count() {
        0 => String::new(),
        1 => " (and one more library under such a licence)".to_owned(),
        count => format!(" (and {count} more libraries under such a licence)"),
    };
    let text = format!("is under {licence}{more}, and no file of the wheel holds the text of such a licence");
    vec![Diagnostic::new(Code::TW648, text).member(first).help("add the licences of what you ship to `License-File`")]
}

/// The name of the library that a file is: without `lib`, hash, version and suffix; `None` for an extension module, which
/// may be called as the library that it is for.
fn library(member: &str) -> Option<String> {
    let file = member.rsplit('/').next()?;
    let is_module = ExtensionSuffix::of(file).is_some_and(|suffix| suffix.names_an_interpreter())
        || file.to_ascii_lowercase().ends_with(".pyd");
    let file = (!is_module).then(|| file.to_ascii_lowercase())?;
    let name = file.split(['-', '.']).next()?;
    Some(name.strip_prefix("lib").unwrap_or(name).to_owned())
}

/// Whether a file that is called as licences are holds the text of one of the family.
fn has_text(sheet: &Sheet<'_>) -> bool {
    let is_called_so = |name: &str| {
        let folder_and_file = name.to_ascii_lowercase();
        ["licen", "copying", "copyright", "notice"].iter().any(|word| folder_and_file.contains(word))
    };
    let members = sheet.wheel.members().iter().filter(|member| member.size() <= LARGEST && is_called_so(member.name()));
    members
        .filter_map(|member| sheet.wheel.read(member).ok())
        .any(|bytes| memchr::memmem::find(&bytes.to_ascii_lowercase(), FAMILY.as_bytes()).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_is_known_whatever_its_file_is_called() {
        for file in ["a.libs/libgmp-1a2b3c4d.so.10", "a/.dylibs/libgmp.10.dylib", "a.libs/libgmp-10-aa.dll", "GMP.dll"]
        {
            assert_eq!(library(file).as_deref(), Some("gmp"), "{file}");
        }
        for module in ["a/gmp.cpython-312-x86_64-linux-gnu.so", "gmp.abi3.so", "a/GMP.pyd"] {
            assert_eq!(library(module), None, "{module}");
        }
        assert_eq!(COPYLEFT.get("gmp"), Some(&"LGPL-3.0-or-later"));
        assert!(!COPYLEFT.contains_key("library") && COPYLEFT.len() > 40);
    }
}
