//! The wheel's python and ABI tags held against its binaries: TW505 to TW512.

use crate::abi::{self, AbiFacts, ExtensionSuffix, WheelAbi};
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::lint::Sheet;
use crate::load::Inventory;
use crate::report::Report;
use crate::tag::{AbiTag, CompressedSet, PythonTag, TagSet};
use crate::wheel::Member;

/// Returns what is untrue or too tight in the python and ABI tags that the file name claims.
pub(super) fn findings(sheet: &Sheet<'_>, inventory: &Inventory, report: &mut Report) {
    let Some(filename) = sheet.filename else { return };
    let wheel = WheelAbi::of(&inventory.binaries).with_members(sheet.wheel.members().iter().map(Member::name));
    let mut found = claims(&filename.tags, &wheel);
    // What could not be read may need anything; a wheel that claims too much is not told to claim more.
    if inventory.unreadable.is_empty() && found.is_empty() && !inventory.binaries.is_empty() {
        found.extend(tight(&filename.tags, &wheel));
    }
    let untrue = found.iter().any(|finding| finding.severity == Severity::Error);
    if !untrue && inventory.unreadable.is_empty() && !inventory.binaries.is_empty() {
        report.proof.extend(proof(&filename.tags, &wheel));
    }
    report.extend(found);
}

/// What is untrue of the tags; `none` for an extension is only doubtful where the one Python that matches is the one it
/// was built for (`cp311-none`, as maturin tagged wheels for Windows).
fn claims(tags: &TagSet, wheel: &WheelAbi) -> Vec<Diagnostic> {
    let found = abi::claims(tags, wheel);
    let is_error = |finding: &Diagnostic| finding.severity == Severity::Error;
    let Some(meant) = one_python(tags) else { return found };
    if abi::claims(&meant, wheel).iter().any(is_error) {
        return found;
    }
    let level = |finding: Diagnostic| match finding.code {
        Code::TW508 => {
            let severity = finding.severity.min(Severity::Warning);
            finding.at(severity)
        }
        _ => finding,
    };
    found.into_iter().map(level).collect()
}

/// The tags with the ABI of the one Python that matches them; from 3.13 on free-threaded builds match `cp313-none` too.
fn one_python(tags: &TagSet) -> Option<TagSet> {
    match (tags.pythons(), tags.abis()) {
        ([python @ PythonTag::CPython { major: 2 | 3, minor: Some(..=12) }], [AbiTag::None]) => {
            let Ok(abi) = python.to_string().parse::<AbiTag>();
            Some(tags.with_abis([abi]))
        }
        _ => None,
    }
}

/// What the bytes show about the python and ABI tags, and what they cannot show.
fn proof(tags: &TagSet, wheel: &WheelAbi) -> Option<String> {
    let widest = abi::widest(tags, wheel)?;
    let limit = widest.limit.map(|limit| format!("; {limit}")).unwrap_or_default();
    Some(format!("{}-{}: {}{limit}", tags.python, tags.abi, widest.proof))
}

/// Returns the finding that a wheel has none of the ABI tags that are required.
pub(super) fn required(sheet: &Sheet<'_>, abis: &[AbiTag]) -> Option<Diagnostic> {
    let filename = sheet.filename.filter(|_| !abis.is_empty())?;
    if abis.iter().any(|abi| filename.tags.abis().contains(abi)) {
        return None;
    }
    let wanted: Vec<String> = abis.iter().map(|abi| format!("`{abi}`")).collect();
    let message = format!("the ABI tag is `{}`, and {} is required", filename.tags.abi, wanted.join(" or "));
    Some(Diagnostic::new(Code::TW642, message))
}

/// Tags for fewer Pythons than the bytes serve.
fn tight(tags: &TagSet, wheel: &WheelAbi) -> Option<Diagnostic> {
    let widest = abi::widest(tags, wheel)?;
    if widest.abis.iter().all(|abi| tags.abis().contains(abi)) {
        return None;
    }
    // Code may look for a library by a name that other Pythons do not look for.
    let named = |facts: &AbiFacts| facts.python.suffix.as_ref().is_some_and(ExtensionSuffix::names_an_interpreter);
    if widest.abis == [AbiTag::None] && wheel.binaries.iter().any(named) {
        return None;
    }
    let (pythons, abis) = (CompressedSet::sorted(widest.pythons), CompressedSet::sorted(widest.abis));
    let message = format!("could be tagged `{pythons}-{abis}`: {}", widest.proof);
    Some(Diagnostic::new(Code::TW512, message).help("`truewheel retag --auto` does so"))
}
