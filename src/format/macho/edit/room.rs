//! Header room: whether the load commands fit, what may give way, and the refusal if nothing is enough.

use super::super::inspect;
use super::super::names::RPATH;
use super::super::read::{Macho, Segment};
use super::commands::Entry;
use super::wanted::{Wanted, is_import, unique};
use crate::arch::Arch;
use crate::error::{Error, Result};
use crate::format::bytes::Bytes;

/// Commands that no loader needs, the least missed first. `LC_UUID` is never one: dyld demands it.
const DROPPABLE: [(u32, &str, &str); 4] = [
    (0x2a, "LC_SOURCE_VERSION", "which version of its sources it was built of"),
    (0x29, "LC_DATA_IN_CODE", "nothing, being empty"),
    (0x2b, "LC_DYLIB_CODE_SIGN_DRS", "signature requirements of its libraries, which only `codesign` reads"),
    (0x26, "LC_FUNCTION_STARTS", "where functions begin, which only debuggers and crash reports read"),
];

/// What an edit needs of a slice's header, and what there is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fit {
    /// The slice's processor.
    pub arch: Arch,
    /// Bytes that the load commands as asked for take, the header included.
    pub wanted: u64,
    /// Bytes that they take when everything that may give way has given way as far as needed.
    pub needed: u64,
    /// Bytes that there are up to the first section.
    pub available: u64,
    /// Load commands that have to be dropped, by name.
    pub dropped: Vec<&'static str>,
}

impl Fit {
    /// Returns true if the edit can be carried out.
    pub fn fits(&self) -> bool {
        self.needed <= self.available
    }
}

/// Makes the load commands fit, and says how.
///
/// # Errors
/// `Malformed` if an rpath cannot be remade.
pub(super) fn make_fit<'a>(slice: &Macho<'a>, segments: &[Segment<'a>], wanted: &mut Wanted<'a>) -> Result<Fit> {
    let room = inspect::room(slice, segments);
    let size = |wanted: &Wanted<'_>| wanted.commands.iter().map(Entry::size).sum::<u64>() + slice.header.size();
    // What lies behind the commands is room only if nothing is there.
    let old_end = slice.header.commands_end();
    let free = slice.bytes.slice(old_end, room.limit.saturating_sub(old_end)).unwrap_or_default();
    let used = free.iter().position(|byte| *byte != 0).unwrap_or(free.len());
    let mut fit = Fit {
        arch: inspect::arch(slice.header.cpu_type, slice.header.cpu_subtype),
        wanted: size(wanted),
        needed: size(wanted),
        available: room.limit.min(old_end.saturating_add(used as u64)),
        dropped: Vec::new(),
    };
    let missing = |fit: &Fit| fit.needed > fit.available;
    if missing(&fit) {
        let mut paths = wanted.told.rpaths.clone();
        unique(&mut paths);
        if paths != wanted.told.rpaths {
            wanted.put_rpaths(slice, paths)?;
            wanted.notes.push("rpaths that were there twice are removed, to make room".to_owned());
            fit.needed = size(wanted);
        }
    }
    if missing(&fit) && tighten(slice, wanted) {
        fit.needed = size(wanted);
    }
    for (kind, name, what) in DROPPABLE {
        if !missing(&fit) {
            break;
        }
        let is_empty =
            |entry: &Entry<'_>| Bytes::new(&entry.bytes, slice.header.endian).u32(12).is_ok_and(|size| size == 0);
        let goes = |entry: &Entry<'_>| entry.kind == kind && (name != "LC_DATA_IN_CODE" || is_empty(entry));
        let count = wanted.commands.len();
        wanted.commands.retain(|entry| !goes(entry));
        if wanted.commands.len() < count {
            wanted.notes.push(format!("`{name}` is dropped to make room: it said {what}"));
            fit.dropped.push(name);
            fit.needed = size(wanted);
        }
    }
    Ok(fit)
}

/// Takes unneeded zeros out of commands that hold names, as editors leave when they shorten one in place.
fn tighten(slice: &Macho<'_>, wanted: &mut Wanted<'_>) -> bool {
    let mut is_changed = false;
    for index in 0..wanted.commands.len() {
        let Some(entry) = wanted.commands.get(index) else { continue };
        if entry.kind != RPATH && !is_import(slice, entry) {
            continue;
        }
        let command =
            super::super::read::Command { kind: entry.kind, bytes: Bytes::new(&entry.bytes, slice.header.endian) };
        let tight = command.string(super::super::names::NAME_FIELD).and_then(|name| entry.renamed(&slice.header, name));
        if let Ok(tight) = tight
            && tight.size() < entry.size()
            && let Some(entry) = wanted.commands.get_mut(index)
        {
            *entry = tight;
            is_changed = true;
        }
    }
    is_changed
}

/// Returns the refusal of an edit that does not fit.
pub(super) fn refusal(fit: &Fit, wanted: &Wanted<'_>) -> Error {
    let mut costs = wanted.costs.clone();
    costs.sort_by_key(|cost| std::cmp::Reverse(cost.bytes));
    let mut named: Vec<String> =
        costs.iter().take(4).map(|cost| format!("`{}` takes {} bytes more", cost.name, cost.bytes)).collect();
    if costs.len() > named.len() {
        named.push(format!("{} other names take more", costs.len() - named.len()));
    }
    let what = if named.is_empty() { String::new() } else { format!(": {}", named.join(", ")) };
    let without =
        if fit.dropped.is_empty() { String::new() } else { format!(" even without `{}`", fit.dropped.join("`, `")) };
    Error::unsupported(format!(
        "the `{}` slice has no room for its load commands: {} bytes needed{without}, {} available{what}",
        fit.arch.apple_name(),
        fit.needed,
        fit.available
    ))
    .hint(
        "link it with `-Wl,-headerpad_max_install_names` (CMake and Meson: in `LDFLAGS`; Rust: \
         `RUSTFLAGS=-Clink-arg=-Wl,-headerpad_max_install_names`)",
    )
}
