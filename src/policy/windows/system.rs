//! The DLLs that Windows has, and since which release: `policies/windows/system.json`, `policies/symbols/windows/`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use globset::{Glob, GlobSet, GlobSetBuilder};
use serde::Deserialize;

use crate::arch::Arch;
use crate::policy::document::Number;
use crate::policy::symbols;

/// `policies/windows/system.json`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    ambiguous: BTreeMap<String, String>,
    patterns: Vec<String>,
    releases: BTreeMap<String, Number>,
    #[serde(rename = "retrieved")]
    _retrieved: String,
    #[serde(rename = "source")]
    _source: String,
}

static DOCUMENT: LazyLock<(Document, GlobSet)> = LazyLock::new(|| {
    // INVARIANT: the built-in file is read by a test, pattern by pattern.
    let document: Document =
        serde_json::from_str(include_str!("../../../policies/windows/system.json")).expect("windows/system.json");
    let patterns = globs(&document.patterns);
    (document, patterns)
});

/// Returns the set of some built-in patterns; names are compared in lower case.
pub(super) fn globs<'a>(patterns: impl IntoIterator<Item = &'a String>) -> GlobSet {
    let mut builder = GlobSetBuilder::new();
    for pattern in patterns {
        // INVARIANT: built-in files are read by a test, pattern by pattern.
        builder.add(Glob::new(pattern).expect("a glob"));
    }
    builder.build().expect("globs")
}

/// Returns a DLL's name as the loader compares it: in lower case, with the `.dll` that it appends where there is no dot.
pub(super) fn bare(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    if name.contains('.') { name } else { name + ".dll" }
}

/// Returns true if Windows has a DLL of this name on this processor, in some release that is still current.
pub fn is_system(name: &str, arch: Arch) -> bool {
    let name = bare(name);
    DOCUMENT.1.is_match(&name) || release(&name, arch).is_some()
}

/// Returns why a DLL of this name may well be another one than Windows', a phrase.
pub fn ambiguity(name: &str) -> Option<&'static str> {
    let document: &'static Document = &DOCUMENT.0;
    document.ambiguous.get(&bare(name)).map(String::as_str)
}

/// Returns the kernel version of the first Windows from which on every release has the DLL; `None` where none has it, and
/// for API sets, whose presence the loader decides function by function.
pub fn since(name: &str, arch: Arch) -> Option<Number> {
    release(&bare(name), arch).and_then(|release| DOCUMENT.0.releases.get(release).cloned())
}

fn release(name: &str, arch: Arch) -> Option<&'static str> {
    let column = match arch {
        Arch::X86 => 0,
        Arch::X86_64 => 1,
        Arch::Aarch64 => 2,
        _ => return None,
    };
    let row = symbols::rows("windows/system", name).next()?;
    row.get(column).copied().filter(|release| !release.is_empty())
}

/// Returns the kernel version from which on a DLL's function is documented, where that is later than Windows Vista.
pub fn function_since(library: &str, function: &str) -> Option<Number> {
    let row = symbols::rows("windows/api", &format!("{}!{function}", bare(library))).next()?;
    Number::parse(row.first()?)
}

/// Returns what people call the Windows of a kernel version, e.g. `Windows 8.1`.
pub fn release_name(kernel: &Number) -> String {
    let named = DOCUMENT.0.releases.iter().find(|(_, known)| *known == kernel);
    match named.map(|(name, _)| name.as_str()) {
        Some("7sp1") => "Windows 7".into(),
        Some(name) => format!("Windows {name}"),
        None => match kernel.to_string().strip_prefix("10.0.") {
            Some(build) => format!("Windows 10 build {build}"),
            None if *kernel < number("6.1") => "Windows Vista".into(),
            None => format!("Windows {kernel}"),
        },
    }
}

fn number(text: &str) -> Number {
    // INVARIANT: only literals are passed.
    Number::parse(text).expect("a number")
}

/// Returns the names that are ambiguous, for the test that Windows has them.
#[cfg(test)]
fn ambiguous() -> Vec<&'static str> {
    DOCUMENT.0.ambiguous.keys().map(String::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dlls_of_every_windows_are_the_system_s_whatever_their_case() {
        for arch in [Arch::X86, Arch::X86_64, Arch::Aarch64] {
            for name in ["KERNEL32.dll", "kernel32", "WINSPOOL.DRV", "msvcrt.dll", "api-ms-win-crt-heap-l1-1-0.dll"] {
                assert!(is_system(name, arch), "{name} {arch:?}");
            }
            for name in ["msvcp140.dll", "vcruntime140.dll", "vulkan-1.dll", "zlib1.dll", "python311.dll", ""] {
                assert!(!is_system(name, arch), "{name} {arch:?}");
            }
        }
        assert!(is_system("EXT-MS-WIN-UIACORE-L1-1-0.dll", Arch::X86_64));
        assert!(!is_system("kernel32.dll", Arch::Ppc64));
    }

    #[test]
    fn the_first_release_depends_on_the_processor() {
        let since = |name, arch| since(name, arch).map(|kernel| release_name(&kernel));
        assert_eq!(since("kernel32.dll", Arch::X86_64).as_deref(), Some("Windows 7"));
        assert_eq!(since("combase.dll", Arch::X86_64).as_deref(), Some("Windows 8"));
        assert_eq!(since("d3dcompiler_47.dll", Arch::X86).as_deref(), Some("Windows 8.1"));
        assert_eq!(since("D3D12.dll", Arch::X86_64).as_deref(), Some("Windows 10"));
        assert_eq!(since("icu.dll", Arch::X86_64).as_deref(), Some("Windows 11"));
        assert_eq!(since("kernel32.dll", Arch::Aarch64).as_deref(), Some("Windows 10"));
        assert_eq!(since("opengl32.dll", Arch::Aarch64).as_deref(), Some("Windows 11"));
        assert_eq!(since("gdiplus.dll", Arch::X86).as_deref(), Some("Windows 7"));
        assert_eq!(since("api-ms-win-crt-heap-l1-1-0.dll", Arch::X86), None);
    }

    #[test]
    fn ambiguous_names_are_windows_own_too() {
        for name in ambiguous() {
            assert!(is_system(name, Arch::X86_64), "{name}");
            assert!(ambiguity(&name.to_uppercase()).is_some());
        }
        assert!(ambiguity("kernel32.dll").is_none());
    }

    #[test]
    fn functions_have_the_release_of_their_documentation() {
        let since = |library, function| function_since(library, function).map(|kernel| release_name(&kernel));
        assert_eq!(since("KERNEL32.dll", "SetThreadDescription").as_deref(), Some("Windows 10 build 14393"));
        assert_eq!(since("kernel32.dll", "CreateFile2").as_deref(), Some("Windows 8"));
        assert_eq!(since("kernel32.dll", "CreateFileW"), None);
        assert_eq!(since("ws2_32.dll", "WSAStartup"), None);
    }
}
