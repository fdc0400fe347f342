//! What PEP 730 asks of a binary in a wheel for iOS: each becomes a framework of its own when an app is built.

use std::collections::BTreeSet;

use super::AppleRules;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::format::macho::{ApplePlatform, FileType, MachoFacts};
use crate::load::Binary;

/// Returns what keeps a slice from being loaded on iOS; the libraries `excluded` are the app's business.
pub(super) fn findings(binary: &Binary, facts: &MachoFacts, excluded: &BTreeSet<String>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let refuse = |message: String| Diagnostic::new(Code::TW415, message);
    match facts.file_type {
        FileType::Dylib => {}
        FileType::Program => found.push(refuse("is a program, and an app starts none".to_owned())),
        FileType::Bundle => found.push(
            refuse("is a bundle, not a dynamic library, as which alone it can become a framework".to_owned())
                .help("link it with `-dynamiclib` instead of `-bundle`"),
        ),
        _ => found.push(refuse("is not a dynamic library".to_owned())),
    }
    let rules = AppleRules::ios();
    for import in binary.image.imports.iter().filter(|import| !excluded.contains(&import.name)) {
        if !rules.gives(&import.name) && !rules.is_python(&import.name) {
            let message = format!("needs `{}`, which is neither the system's nor Python's framework", import.name);
            found.push(refuse(message).help("link the library statically"));
        }
    }
    if binary.file_name().ends_with(".dylib") {
        let message = "is a library of the wheel's own; only extension modules become frameworks";
        found.push(refuse(message.to_owned()).at(Severity::Warning).help("link it statically"));
    }
    if let Some(expected) = suffix(facts).filter(|_| binary.file_name().ends_with(".so")) {
        // CPython's own names: `_x.cpython-313-iphoneos.so`; `.abi3.so` and `.so` say nothing.
        let stem = binary.file_name().trim_end_matches(".so");
        let said = stem.rsplit_once('.').map(|(_, tag)| tag);
        if let Some(said) = said.filter(|said| said.starts_with("cpython-") && !said.ends_with(expected)) {
            let message = format!("is named for `{said}`, and its code is for `{}`", &expected[1..]);
            found.push(refuse(message));
        }
    }
    if let Some(identity) = binary.image.identity.as_ref().filter(|identity| is_build_path(identity)) {
        let message = format!("calls itself `{identity}`, a path of the machine it was built on");
        found.push(Diagnostic::new(Code::TW213, message));
    }
    found
}

/// Returns the end of CPython's file names for what the slice is for.
fn suffix(facts: &MachoFacts) -> Option<&'static str> {
    match facts.platforms.first().map(|stated| stated.platform)? {
        ApplePlatform::Ios => Some("-iphoneos"),
        ApplePlatform::IosSimulator => Some("-iphonesimulator"),
        _ => None,
    }
}

fn is_build_path(name: &str) -> bool {
    name.starts_with('/') && !AppleRules::ios().gives(name)
}
