//! Symbols of macOS's own libraries that came with a newer system than a slice states: advice, not a verdict.

use std::collections::BTreeMap;

use super::AppleRules;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::format::Binding;
use crate::format::macho::{ApplePlatform, AppleVersion, MachoFacts};
use crate::load::Binary;
use crate::policy::reason::list;
use crate::policy::symbols;

/// Returns, for each library and version that brought them, the symbols that the stated system does not have yet.
pub(super) fn findings(rules: &AppleRules, binary: &Binary, facts: &MachoFacts) -> Vec<Diagnostic> {
    let Some(stated) = facts.platform(ApplePlatform::MacOs).map(|stated| stated.min_os) else { return Vec::new() };
    let arch = binary.image.arch;
    let floor = rules.arch(crate::platform::macos::base(arch), "macosx").map(|known| known.floor);
    let stated = stated.max(floor.unwrap_or_default());
    let mut newer: BTreeMap<(Binding, AppleVersion, &str), Vec<String>> = BTreeMap::new();
    for symbol in &binary.symbols.undefined {
        let library = symbol.import.and_then(|import| binary.image.imports.get(usize::from(import)));
        let Some(library) = library.filter(|library| rules.gives(&library.name)) else { continue };
        // A symbol that another slice of the same name exports is not the system's business here.
        let name = format!("_{}", symbol.name);
        if let Some(first) = first_version(rules, &library.name, &name).filter(|first| *first > stated) {
            newer.entry((symbol.binding, first, &library.name)).or_default().push(name);
        }
    }
    let diagnostic = |((binding, first, library), mut names): ((Binding, AppleVersion, &str), Vec<String>)| {
        names.sort_unstable();
        names.dedup();
        let library = library.rsplit('/').next().unwrap_or(library);
        let (verb, severity) = match binding {
            Binding::Weak => ("may use", Severity::Note),
            Binding::Global | Binding::Unique => ("needs", Severity::Warning),
        };
        let message = format!(
            "{verb} {} of `{library}`, which came with macOS {first}; it states {stated} ({})",
            list(&names),
            arch.apple_name()
        );
        Diagnostic::new(Code::TW414, message).at(severity)
    };
    newer.into_iter().map(diagnostic).collect()
}

/// Returns the first macOS known to have a symbol of a library of its own; `None` where it was always there, or nothing
/// is known.
fn first_version(rules: &AppleRules, library: &str, symbol: &str) -> Option<AppleVersion> {
    match library {
        "/usr/lib/libSystem.B.dylib" => symbols::macos("libSystem", symbol),
        "/usr/lib/libc++.1.dylib" | "/usr/lib/libc++abi.dylib" => {
            let feature = rules.libcxx.iter().find(|feature| feature.has(symbol)).map(|feature| feature.first);
            let table = if library.ends_with("abi.dylib") { "libc++abi" } else { "libc++" };
            feature.or_else(|| symbols::macos(table, symbol))
        }
        "/usr/lib/libobjc.A.dylib" => symbols::macos("libobjc", symbol),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_tables_know_is_found_by_library_and_symbol() {
        let rules = AppleRules::macos();
        let first = |library: &str, symbol: &str| first_version(rules, library, symbol).map(|first| first.to_string());
        let system = "/usr/lib/libSystem.B.dylib";
        assert_eq!(first(system, "_malloc"), None);
        assert_eq!(first(system, "_aligned_alloc").as_deref(), Some("10.15"));
        assert_eq!(first(system, "_clock_gettime").as_deref(), Some("10.12"));
        let cxx = "/usr/lib/libc++.1.dylib";
        assert_eq!(first(cxx, "__ZNSt3__122__libcpp_verbose_abortEPKcz").as_deref(), Some("13.3"));
        assert_eq!(first(cxx, "__ZNSt3__115mutex4lockEv"), None);
        assert_eq!(first("/usr/lib/libz.1.dylib", "_deflate"), None);
    }
}
