//! Will what uses cffi find what it needs? TW640.

use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::lint::Sheet;
use crate::lint::scan::Trace;
use crate::tag::normalize_distribution;
use crate::wheel::metadata::Metadata;

pub(super) fn rule(sheet: &Sheet<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let having = |wanted: Trace| {
        sheet.traces.iter().filter(move |(_, traces)| traces.contains(&wanted)).map(|(member, _)| member.as_str())
    };
    if let Some(member) = having(Trace::CffiVerify).next() {
        let message = "uses cffi's verifier, which compiles C code when the package is imported";
        found.push(
            Diagnostic::new(Code::TW640, message)
                .member(member)
                .help("use `ffi.set_source()` and compile when the wheel is built"),
        );
    }
    if let Some(member) = having(Trace::CffiCompile).next() {
        let message = "compiles C code as soon as it is imported";
        found.push(
            Diagnostic::new(Code::TW640, message)
                .member(member)
                .help("call `compile()` under `if __name__ == \"__main__\"`, or leave the build script out"),
        );
    }
    for (member, _) in sheet.binaries.iter().filter(|(member, _)| is_verified_name(member)) {
        let message = "is a module that `ffi.verify()` compiled: its name holds a hash of one version of Python and of cffi, and others compile it anew";
        found.push(
            Diagnostic::new(Code::TW640, message)
                .member(member)
                .help("use `ffi.set_source()`, whose modules have a name of their own"),
        );
    }
    found.extend(dependency(sheet, having(Trace::CffiBackend).next(), having(Trace::MentionsCffi).next().is_some()));
    found
}

/// Whether the dependency on cffi and its use agree.
fn dependency(sheet: &Sheet<'_>, python: Option<&str>, mentioned: bool) -> Option<Diagnostic> {
    let metadata = sheet.metadata.get()?;
    let depends = requires_cffi(metadata);
    let is_cffi = sheet.filename.is_some_and(|filename| normalize_distribution(&filename.distribution) == "cffi");
    let brings = sheet.wheel.members().iter().any(|member| {
        let file = member.name().rsplit('/').next().unwrap_or_default();
        file.starts_with("_cffi_backend.")
    });
    // PyPy has the module built in.
    let only_pypy = sheet.filename.is_some_and(|filename| {
        filename.tags.pythons().iter().all(|python| matches!(python, crate::tag::PythonTag::PyPy { .. }))
    });
    if is_cffi || brings {
        return None;
    }
    match (depends, python) {
        (None, Some(member)) if !only_pypy => {
            let message = "needs `_cffi_backend`, and no `Requires-Dist` names cffi";
            Some(
                Diagnostic::new(Code::TW640, message)
                    .member(member)
                    .help("add `cffi` to the dependencies, unless another dependency brings it"),
            )
        }
        (Some(text), None) if !mentioned && !sheet.traces_are_partial => {
            let message = format!("has `Requires-Dist: {text}`, and nothing in the wheel uses cffi");
            Some(Diagnostic::new(Code::TW640, message).member(sheet.member("METADATA")).at(Severity::Note))
        }
        _ => None,
    }
}

/// The requirement that names cffi, unless it belongs to an extra.
fn requires_cffi(metadata: &Metadata) -> Option<String> {
    let is_cffi = |text: &&str| {
        let name: String =
            text.trim().chars().take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')).collect();
        normalize_distribution(&name) == "cffi"
    };
    let requirements = metadata.values("Requires-Dist");
    requirements
        .into_iter()
        .filter(is_cffi)
        .find(|text| !text.contains("extra ==") && !text.contains("extra=="))
        .map(|text| text.trim().to_owned())
}

/// Whether a file is named as cffi's verifier names modules, `_cffi_[tag_]x<crc>x<crc>`, or as projects named them for it,
/// `_Cryptography_cffi_<crc>x<crc>`.
fn is_verified_name(member: &str) -> bool {
    // CRC-32 in hexadecimal, without leading zeros: one as short as this is rarer than one in 65,536.
    const SHORTEST: usize = 4;
    let file = member.rsplit('/').next().unwrap_or(member);
    let stem = file.split('.').next().unwrap_or(file);
    let Some((_, rest)) = stem.split_once("_cffi_") else { return false };
    let hashes = rest.rsplit('_').next().unwrap_or(rest);
    let is_hash =
        |text: &str| (SHORTEST..=8).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let both = hashes.strip_prefix('x').unwrap_or(hashes).split_once('x');
    both.is_some_and(|(one, other)| is_hash(one) && is_hash(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verifier_s_names_are_known() {
        assert!(is_verified_name("pkg/_cffi__x1a2b3c4dx5e6f7a8b.cpython-311-x86_64-linux-gnu.so"));
        assert!(is_verified_name("_cffi_tag_xdeadbeefx12345.so"));
        // cryptography 0.9.3.
        assert!(is_verified_name("cryptography/_Cryptography_cffi_26cb75b8x62b488b1.pyd"));
        for name in ["_cffi_backend.so", "_cffi_ext.so", "pkg/_cffix.so", "a.so", "_cffi_axb.so", "_cffi_faxed.so"] {
            assert!(!is_verified_name(name), "{name}");
        }
    }
}
