//! Two-level names: which symbols count on an import's place.

use super::super::names::import_kind;
use super::super::read::Macho;
use super::super::{symbols, trie};
use crate::error::{Error, Result};
use crate::format::image::ImportKind;

/// Says whether the import with that place, counted from 0, can be taken out of `count`.
///
/// # Errors
/// `Unsupported` if symbols are bound to it, or to an import that would take its place; `Malformed` if symbols cannot be
/// read.
pub(super) fn can_go(slice: &Macho<'_>, place: usize, count: usize, import: (ImportKind, &str)) -> Result<()> {
    let (kind, name) = import;
    let refuse = |why: &str| Err(Error::unsupported(format!("`{name}` cannot be removed: {why}")));
    if count == 1 {
        return refuse("dyld wants at least one import");
    }
    if slice.header.flags & 0x80 == 0 {
        return Ok(());
    }
    if place + 1 != count {
        return refuse("the file binds symbols to libraries by their place, and others follow it");
    }
    if kind == ImportKind::Reexport {
        return refuse("its symbols count as the file's own");
    }
    let facts = symbols::of_slice(slice)?;
    if facts.undefined.is_empty() && slice.commands.iter().filter(|command| import_kind(command).is_some()).count() > 0
    {
        return refuse("the file does not say which symbols come from it");
    }
    if let Some(symbol) = facts.undefined.iter().find(|symbol| symbol.import.map(usize::from) == Some(place)) {
        return refuse(&format!("`{}` comes from it", symbol.name));
    }
    if let Some(trie) = trie::find(slice)? {
        let mut is_used = false;
        trie::walk(trie, |_, export| {
            is_used |= export.reexported == Some(place as u64 + 1);
            Ok(())
        })?;
        if is_used {
            return refuse("the file exports a symbol of it");
        }
    }
    Ok(())
}
