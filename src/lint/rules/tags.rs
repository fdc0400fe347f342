//! Are the tags ones that mean something? TW612, TW614, TW615, TW620, TW641, TW649.

use crate::abi::dead_tags;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::lint::Sheet;
use crate::tag::{Liveness, PlatformTag, TagSet};

pub(super) fn rule(sheet: &Sheet<'_>) -> Vec<Diagnostic> {
    let Some(filename) = sheet.filename else { return Vec::new() };
    let mut found = dead(&filename.tags);
    found.extend(nothing_native(&filename.tags, sheet));
    for tag in filename.tags.platforms() {
        match tag {
            PlatformTag::Linux { .. } if !tag.is_accepted_by_pypi() => found.push(own_machine(tag)),
            // One that no installer asks for is said to be that (TW617).
            tag if !tag.is_accepted_by_pypi()
                && tag.asked_for_instead().is_none()
                && !matches!(tag, PlatformTag::Other(_) | PlatformTag::Linux { .. } | PlatformTag::Any) =>
            {
                found.push(Diagnostic::new(Code::TW641, format!("PyPI does not take wheels for `{tag}`")));
            }
            // PyPI has no tags of platforms that nobody has.
            PlatformTag::Other(_) if tag.is_accepted_by_pypi() => {}
            PlatformTag::Other(name) => found.push(unknown(name)),
            PlatformTag::Any => found.extend(sheet.binaries.first().map(|(member, _)| {
                Diagnostic::new(Code::TW614, "is a binary, in a wheel that is tagged for any platform")
                    .member(member)
                    .help("tag the wheel for the binary's platform")
            })),
            _ => {}
        }
    }
    found
}

/// A tag that cannot be judged: an installer on such a Linux machine still asks for it, and so do those of WebAssembly.
fn unknown(name: &str) -> Diagnostic {
    if let Some(machine) = name.strip_prefix("linux_") {
        let text = format!("the tag `{name}` is for `{machine}`, of which nothing is known");
        return Diagnostic::new(Code::TW615, text).at(Severity::Warning);
    }
    if ["emscripten_", "pyodide_", "wasi_"].iter().any(|start| name.starts_with(start)) {
        let finding = Diagnostic::new(Code::TW641, format!("PyPI does not take wheels for `{name}`"));
        return match name.starts_with("wasi_") {
            true => finding,
            false => finding.help("PyPI takes `pyemscripten_YEAR_PATCH_wasm32` (PEP 783)"),
        };
    }
    Diagnostic::new(Code::TW615, format!("the tag `{name}` is of no known platform"))
}

/// Returns the finding about a tag `linux_…`.
pub fn own_machine(tag: &PlatformTag) -> Diagnostic {
    let message = format!("the wheel is tagged `{tag}`, for the machine it was built on; PyPI refuses it");
    Diagnostic::new(Code::TW612, message).help("`truewheel repair` gives it the best tag that it earns")
}

/// A wheel that is for one platform without a reason that shows.
fn nothing_native(tags: &TagSet, sheet: &Sheet<'_>) -> Option<Diagnostic> {
    // Machine code of other kinds, and bytecode, which is for one Python.
    const OTHER: &[&str] = &[".wasm", ".a", ".lib", ".o", ".obj", ".node", ".pyc", ".dex", ".cubin", ".ptx", ".spv"];
    let platform = tags.platforms().first().filter(|tag| **tag != PlatformTag::Any)?;
    let is_other = |name: &str| OTHER.iter().any(|end| name.to_ascii_lowercase().ends_with(end));
    let native = sheet.native > 0 || sheet.wheel.members().iter().any(|member| is_other(member.name()));
    let text = format!("the wheel is for `{platform}` and holds nothing of one platform");
    (!native).then(|| {
        let help = "tag it for any platform (`truewheel repair` does), or see why its binaries are missing";
        Diagnostic::new(Code::TW649, text).help(help)
    })
}

/// Tags that no installer matches, and those that only seem to be for many.
fn dead(tags: &TagSet) -> Vec<Diagnostic> {
    let all_dead = tags.expand().iter().all(|tag| matches!(tag.liveness(), Liveness::Dead(_)));
    let severity = if all_dead { Severity::Error } else { Severity::Warning };
    let level = |finding: Diagnostic| {
        let own = finding.severity;
        finding.at(severity.min(own))
    };
    dead_tags(tags).into_iter().map(level).collect()
}
