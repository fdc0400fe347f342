//! The wheel's python and ABI tags held against its binaries: TW505 to TW512.

use crate::abi::{self, AbiFacts, ExtensionSuffix, WheelAbi};
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::lint::Sheet;
use crate::load::Inventory;
use crate::report::Report;
use crate::tag::{AbiTag, CompressedSet, TagSet};
use crate::wheel::Member;

/// Returns what is untrue or too tight in the python and ABI tags that the file name claims.
pub(super) fn findings(sheet: &Sheet<'_>, inventory: &Inventory, report: &mut Report) {
    let Some(filename) = sheet.filename else { return };
    let wheel = WheelAbi::of(&inventory.binaries).with_members(sheet.wheel.members().iter().map(Member::name));
    let mut found = abi::claims(&filename.tags, &wheel);
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
