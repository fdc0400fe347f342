//! The members of a wheel read once, in parallel: which are binaries, and what digests they have.

use std::collections::BTreeMap;

use rayon::prelude::*;
use sha2::{Digest as _, Sha256};

use super::Depth;
use crate::error::{Error, Result};
use crate::format::{self, ImageKind};
use crate::lint::scan::{self, Trace, Traces};
use crate::lint::{Digest, Sheet};
use crate::load::{self, Binary, Inventory, Unreadable};
use crate::wheel::install::{InstallLayout, InstallScheme};
use crate::wheel::{Member, Wheel};

/// Enough of a file to tell its format.
const HEAD: usize = 64;

/// What reading the members gave.
#[derive(Debug, Default)]
pub(super) struct Members {
    /// Binaries of known formats.
    pub inventory: Inventory,
    /// Digests, where they were asked for.
    pub digests: BTreeMap<String, Digest>,
    /// Members that cannot be unpacked.
    pub corrupt: BTreeMap<String, Error>,
    /// Archive names of binaries that some loader takes, and whether each lies where only pure Python belongs.
    pub places: Vec<(String, bool)>,
    /// How many members are machine code, whether a loader takes them or not.
    pub native: usize,
    /// What the bytes of members give away, where they were read whole.
    pub traces: Traces,
}

/// What one member is.
struct Found {
    member: String,
    digest: Option<Digest>,
    traces: Vec<Trace>,
    content: Content,
}

enum Content {
    Other,
    Binaries(Vec<Binary>),
    Unreadable(Error),
    Corrupt(Error),
}

/// Reads the members; every one whole at [`Depth::Everything`], else only binaries.
pub(super) fn read(wheel: &Wheel, sheet: &Sheet<'_>, depth: Depth) -> Members {
    let layout = load::layout_of(wheel);
    let purelib = sheet.wheel_file.get().and_then(|file| file.root_is_purelib()).unwrap_or(false);
    let mut names: Vec<&Member> = wheel.members().iter().collect();
    // Of members with one name installers take the last.
    names.retain(|member| wheel.member(member.name()).is_some_and(|last| std::ptr::eq(last, *member)));
    // The largest first, so that no core is left with a giant at the end.
    names.sort_by_key(|member| std::cmp::Reverse(member.size()));
    let mut found: Vec<Found> = names.par_iter().map(|member| examine(wheel, member, &layout, depth)).collect();
    found.sort_by(|a, b| a.member.cmp(&b.member));
    let mut members = Members::default();
    let is_misplaced = |member: &str| {
        let in_data = layout.data().is_some_and(|data| member.starts_with(&format!("{data}/")));
        layout.installed(member).scheme == InstallScheme::Purelib || (purelib && !in_data)
    };
    for Found { member, digest, traces, content } in found {
        if !traces.is_empty() {
            members.traces.insert(member.clone(), traces);
        }
        if let Some(digest) = digest {
            members.digests.insert(member.clone(), digest);
        }
        members.native = members.native.saturating_add(usize::from(!matches!(content, Content::Other)));
        match content {
            Content::Other => {}
            // A DOS program, say, or a launcher that this wheel only carries.
            Content::Binaries(binaries) if binaries.is_empty() => {}
            Content::Binaries(binaries) => {
                if binaries.iter().any(|binary| binary.image.is_loadable()) {
                    members.places.push((member.clone(), is_misplaced(&member)));
                }
                members.inventory.binaries.extend(binaries);
            }
            Content::Unreadable(error) => {
                members.places.push((member.clone(), is_misplaced(&member)));
                members.inventory.unreadable.push(Unreadable::new(member, error));
            }
            Content::Corrupt(error) => {
                members.corrupt.insert(member, error);
            }
        }
    }
    members
}

fn examine(wheel: &Wheel, member: &Member, layout: &InstallLayout, depth: Depth) -> Found {
    let name = member.name().to_owned();
    let found = |digest, content| Found { member: name.clone(), digest, traces: Vec::new(), content };
    let head = match wheel.read_prefix(member, HEAD) {
        Ok(head) => head,
        Err(error) => return found(None, Content::Corrupt(error)),
    };
    if format::detect(&head).is_none() {
        return match depth {
            Depth::Facts => found(None, Content::Other),
            Depth::Everything if scan::is_text(&name) && member.size() <= scan::LARGEST_TEXT => {
                match wheel.read(member) {
                    Ok(bytes) => {
                        let digest = Digest { sha256: Sha256::digest(&*bytes).into(), size: bytes.len() as u64 };
                        Found {
                            traces: scan::scan(&name, &bytes, scan::Kind::Text),
                            ..found(Some(digest), Content::Other)
                        }
                    }
                    Err(error) => found(None, Content::Corrupt(error)),
                }
            }
            Depth::Everything => match wheel.digest(member) {
                Ok((sha256, size)) => found(Some(Digest { sha256, size }), Content::Other),
                Err(error) => found(None, Content::Corrupt(error)),
            },
        };
    }
    let installed = layout.installed(&name);
    if depth == Depth::Facts
        && let Some(binaries) = load::inspect_in_part(wheel, member, &installed)
    {
        return found(None, content(wheel, Ok(binaries)));
    }
    let bytes = match wheel.read(member) {
        Ok(bytes) => bytes,
        Err(error) => return found(None, Content::Corrupt(error)),
    };
    let inspect = || content(wheel, load::inspect_bytes(&bytes, &name, &installed));
    if depth == Depth::Facts {
        return found(None, inspect());
    }
    let sum = || Digest { sha256: Sha256::digest(&*bytes).into(), size: bytes.len() as u64 };
    // One large binary may be all that is left to do.
    let (digest, content) = rayon::join(sum, inspect);
    let is_program = |binaries: &[Binary]| binaries.iter().all(|binary| binary.image.kind == ImageKind::Program);
    let kind = match &content {
        Content::Binaries(binaries) if is_program(binaries) => scan::Kind::Program,
        _ => scan::Kind::Library,
    };
    Found { traces: scan::scan(&name, &bytes, kind), ..found(Some(digest), content) }
}

fn content(wheel: &Wheel, binaries: Result<Vec<Binary>>) -> Content {
    match binaries {
        Ok(mut binaries) => {
            binaries.retain(|binary| !load::is_data(wheel, &binary.image));
            Content::Binaries(binaries)
        }
        Err(error) => Content::Unreadable(error),
    }
}
