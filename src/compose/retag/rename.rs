//! `--rename-extensions`: file names of extension modules that fit the tags.

use std::collections::BTreeMap;

use crate::abi::{AbiFacts, ExtensionSuffix, SuffixClass, WheelAbi, imported_by};
use crate::error::{Error, Result};
use crate::format::Format;
use crate::tag::{AbiTag, PythonTag, TagSet};

/// Returns the new archive names of files that the tags' Pythons do not import by the names they have.
///
/// Under `none` files that nobody imports get a plain name, so that code which looks for them finds them with every
/// Python.
///
/// # Errors
/// `Refused` if a new name is taken already.
pub(super) fn renames(
    wheel: &WheelAbi,
    tags: &TagSet,
    taken: &dyn Fn(&str) -> bool,
) -> Result<BTreeMap<String, String>> {
    let mut renames: BTreeMap<String, String> = BTreeMap::new();
    let is_none = tags.abis() == [AbiTag::None];
    for facts in &wheel.binaries {
        let Some(suffix) = facts.python.suffix.as_ref().filter(|suffix| suffix.names_an_interpreter()) else {
            continue;
        };
        let fits = if is_none { facts.is_extension() } else { imported_by(suffix, tags) };
        if fits || (!is_none && !facts.is_extension()) {
            continue;
        }
        let Some(ending) = ending(facts, suffix, tags) else { continue };
        let folder = facts.member.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
        let name = format!("{folder}{}{ending}", suffix.module);
        let clash = taken(&name) || renames.iter().any(|(old, new)| *new == name && *old != facts.member);
        if clash {
            return Err(Error::refused(format!("`{}` cannot be called `{name}`: that is taken", facts.member)));
        }
        renames.insert(facts.member.clone(), name);
    }
    Ok(renames)
}

/// The suffix that the tags' Pythons import; `None` where they have none in common.
fn ending(facts: &AbiFacts, suffix: &ExtensionSuffix, tags: &TagSet) -> Option<String> {
    let windows = facts.format == Format::Pe;
    let plain = if windows { ".pyd" } else { ".so" };
    let abis = tags.abis();
    if abis == [AbiTag::None] || (windows && abis.iter().all(AbiTag::is_stable)) {
        return Some(plain.to_owned());
    }
    if abis.iter().all(AbiTag::is_stable) {
        let name = if abis.contains(&AbiTag::Abi3t) { "abi3t" } else { "abi3" };
        return Some(format!(".{name}{plain}"));
    }
    // One version of CPython: the same suffix for that version.
    let ([PythonTag::CPython { .. }], [AbiTag::CPython { .. }], SuffixClass::CPython { .. }) =
        (tags.pythons(), abis, &suffix.class)
    else {
        return None;
    };
    let version = abis.first()?.to_string();
    let version = version.strip_prefix("cp")?;
    let platform = suffix.platform.as_ref().map_or(String::new(), |platform| format!("-{platform}"));
    Some(match windows {
        true => format!(".cp{version}{platform}{plain}"),
        false => format!(".cpython-{version}{platform}{plain}"),
    })
}
