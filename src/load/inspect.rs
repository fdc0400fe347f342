//! Reads the binaries of a wheel: each member once, in parallel, its bytes given back at once.
//!
//! Whoever wants the facts alone reads of a large binary only its two ends, where tables stand: a reader that asks
//! for anything else is run again once that is unpacked ([`crate::format::Unread`]).

use std::sync::Arc;

use rayon::prelude::*;

use super::kept::Kept;
use super::source::read_symbols;
use super::{Binary, Inventory, Role, Unreadable};
use crate::error::Result;
use crate::format::{self, Excerpt, Format, Image, ImageKind, Unread};
use crate::tag::{PlatformTag, WheelFilename};
use crate::wheel::install::{InstallLayout, Installed};
use crate::wheel::{Member, Wheel};

/// As much of a member as says what format it is.
const PREFIX: usize = 64;
/// How often a reader is run again with more of a binary; what it needs are a few tables, each of which tells where
/// others are.
const MAX_READINGS: usize = 12;

/// How much of a binary is read.
#[derive(Clone, Copy)]
enum Reading<'k> {
    /// All of it, its signatures compared with the bytes.
    Verified,
    /// All of it.
    Whole,
    /// All of it, and what it was unpacked to is kept.
    Keeping(&'k Kept),
    /// As much as its facts need.
    Facts,
}

/// Reads every member that has a binary's magic number, whatever its name and whatever RECORD says.
///
/// Facts and symbols of each slice are read in one go under the archive's memory budget; no bytes are kept. A binary
/// that cannot be read is listed with the reason and keeps nobody else from being read.
pub fn inspect_wheel(wheel: &Wheel) -> Inventory {
    inspect_some(wheel, |_| true, Reading::Verified)
}

/// Reads them as [`inspect_wheel`] does, code signatures not compared; `kept` gets what they were unpacked to.
pub fn inspect_keeping(wheel: &Wheel, kept: &Kept) -> Inventory {
    inspect_some(wheel, |_| true, Reading::Keeping(kept))
}

/// Reads those members that `wanted` picks, code signatures not compared; else as [`inspect_wheel`].
pub fn inspect_members(wheel: &Wheel, wanted: impl Fn(&Member) -> bool) -> Inventory {
    inspect_some(wheel, wanted, Reading::Whole)
}

/// Reads them as [`inspect_wheel`] does, of large ones no more than their facts need: neither checksums nor code
/// signatures are compared, and which names stand anywhere in a binary ([`Binary::named`]) is not known.
pub fn inspect_facts(wheel: &Wheel) -> Inventory {
    inspect_some(wheel, |_| true, Reading::Facts)
}

fn inspect_some(wheel: &Wheel, wanted: impl Fn(&Member) -> bool, reading: Reading<'_>) -> Inventory {
    let layout = layout_of(wheel);
    // Of members with one name installers take the last.
    let is_last = |member: &&Member| wheel.member(member.name()).is_some_and(|last| std::ptr::eq(last, *member));
    // The largest first, so that no core is left with a giant at the end.
    let mut members: Vec<&Member> = wheel.members().iter().filter(is_last).filter(|member| wanted(member)).collect();
    members.sort_by_key(|member| std::cmp::Reverse(member.size()));
    let found: Vec<Found> =
        members.into_par_iter().filter_map(|member| inspect(wheel, member, &layout, reading)).collect();
    let mut inventory = Inventory::default();
    for found in found {
        match found {
            Found::Binaries(binaries) => inventory.binaries.extend(binaries),
            Found::Unreadable(unreadable) => inventory.unreadable.push(unreadable),
        }
    }
    inventory.binaries.sort_by(|a, b| (&a.member, a.image.slice.start).cmp(&(&b.member, b.image.slice.start)));
    inventory.unreadable.sort_by(|a, b| a.member.cmp(&b.member));
    inventory
}

enum Found {
    Binaries(Vec<Binary>),
    Unreadable(Unreadable),
}

/// Returns what a member is, `None` if it is no binary.
fn inspect(wheel: &Wheel, member: &Member, layout: &InstallLayout, reading: Reading<'_>) -> Option<Found> {
    let prefix = match wheel.read_prefix(member, PREFIX) {
        Ok(prefix) => prefix,
        // Whether it is a binary cannot be known; one that calls itself a library is said to be unreadable.
        Err(error) if member.name().contains(".so") => {
            return Some(Found::Unreadable(Unreadable { member: member.name().to_owned(), error }));
        }
        Err(_) => return None,
    };
    format::detect(&prefix)?;
    Some(match binaries(wheel, member, layout, reading) {
        Ok(binaries) => Found::Binaries(binaries),
        Err(error) => Found::Unreadable(Unreadable { member: member.name().to_owned(), error }),
    })
}

/// Reads one binary, all its slices.
fn binaries(wheel: &Wheel, member: &Member, layout: &InstallLayout, reading: Reading<'_>) -> Result<Vec<Binary>> {
    let installed = layout.installed(member.name());
    let in_part = match reading {
        Reading::Facts => read_in_part(wheel, member, &installed, |excerpt| excerpt.unverified()),
        Reading::Verified | Reading::Whole | Reading::Keeping(_) => None,
    };
    let mut binaries = match (in_part, reading) {
        (Some(binaries), _) => binaries,
        (None, Reading::Verified) => inspect_bytes(&wheel.read(member)?, member.name(), &installed)?,
        (None, Reading::Whole | Reading::Keeping(_) | Reading::Facts) => {
            let bytes = wheel.read(member)?;
            let binaries = inspect_excerpt(Excerpt::from(&*bytes).unverified(), member.name(), &installed)?;
            if let Reading::Keeping(kept) = reading {
                kept.keep(member.name(), bytes);
            }
            binaries
        }
    };
    binaries.retain(|binary| !is_data(wheel, &binary.image));
    Ok(binaries)
}

/// Returns the slices of a large binary from its two ends, its checksum not compared; `None` if something must look at
/// every byte, if it is no less work than to read it whole, and if anything is wrong with it.
pub fn inspect_in_part(wheel: &Wheel, member: &Member, installed: &Installed) -> Option<Vec<Binary>> {
    read_in_part(wheel, member, installed, |excerpt| excerpt)
}

/// Reads a binary in part; `looked_at` says what is left out.
fn read_in_part(
    wheel: &Wheel,
    member: &Member,
    installed: &Installed,
    looked_at: impl Fn(Excerpt<'_>) -> Excerpt<'_>,
) -> Option<Vec<Binary>> {
    let mut part = wheel.part(member).ok()??;
    for _ in 0..MAX_READINGS {
        let unread = Unread::new(part.unread(), part.bytes().len() as u64);
        let excerpt = looked_at(Excerpt::new(part.bytes(), &unread));
        let found = inspect_excerpt(excerpt, member.name(), installed);
        match unread.wanted() {
            None => return found.ok(),
            Some(wanted) => part.extend(&wanted)?,
        }
    }
    None
}

/// Returns the slices of a binary that is already read; `member` is its archive name.
///
/// # Errors
/// `Unsupported` if the bytes are of no known format, `Malformed` if nothing can be said about them.
pub fn inspect_bytes(bytes: &[u8], member: &str, installed: &Installed) -> Result<Vec<Binary>> {
    inspect_excerpt(bytes.into(), member, installed)
}

fn inspect_excerpt(file: Excerpt<'_>, member: &str, installed: &Installed) -> Result<Vec<Binary>> {
    let images = format::inspect_excerpt(file)?;
    let named = named_libraries(file, &images);
    let binaries = images.into_iter().map(|image| {
        let (image, symbols) = read_symbols(file, image);
        Binary {
            member: member.to_owned(),
            installed: installed.path.clone(),
            role: Role::of(installed.scheme),
            image,
            symbols,
            size: file.len(),
            named: Arc::clone(&named),
        }
    });
    Ok(binaries.collect())
}

/// Returns true if a wheel for any platform only carries the binary: a program of Windows (setuptools and pip bring
/// launchers, which they copy), or a library of .NET, which is for no machine.
pub fn is_data(wheel: &Wheel, image: &Image) -> bool {
    let carried = image.kind == ImageKind::Program || image.pe().is_some_and(|facts| facts.is_managed);
    let is_any = |tag: &PlatformTag| *tag == PlatformTag::Any;
    image.format == Format::Pe
        && carried
        && wheel.filename().is_ok_and(|filename| filename.tags.platforms().iter().all(is_any))
}

/// The names of DLLs that stand in the text of a PE file beside those that it imports, in lower case, sorted: what it may
/// load at run time. None where the file is read in part for what does not ask for them.
fn named_libraries(file: Excerpt<'_>, images: &[Image]) -> Arc<[String]> {
    let is_asked = file.is_whole() || file.is_verified();
    let Some(image) = images.iter().find(|image| image.format == Format::Pe && is_asked) else {
        return Arc::default();
    };
    let mut names = format::pe::named_libraries(file.data());
    for known in image.imports.iter().map(|import| &import.name).chain(&image.identity) {
        names.remove(&known.to_ascii_lowercase());
    }
    names.into_iter().collect()
}

/// Returns where the wheel's members lie after install.
pub fn layout_of(wheel: &Wheel) -> InstallLayout {
    let by_name = || wheel.filename().ok().map(WheelFilename::stem);
    let stem = wheel.dist_info_facts().stem().map(str::to_owned).or_else(by_name).unwrap_or_default();
    let distribution = stem.split('-').next().unwrap_or(&stem);
    let data = InstallLayout::data_directory(wheel.members().iter().map(Member::name), &stem);
    // Purelib and platlib are one tree here, so what the root is plays no part.
    InstallLayout::new(data.as_deref(), distribution, false)
}
