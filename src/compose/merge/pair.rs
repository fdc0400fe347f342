//! Each member of two wheels: the same, fused, taken from one, or in conflict.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::{Code, Diagnostic};
use crate::error::Result;
use crate::format::{Format, macho};
use crate::load::Binary;
use crate::origin::sbom;
use crate::repair::{self, Step};
use crate::tag::WheelFilename;
use crate::wheel::{Member, Wheel};

pub use crate::repair::rewrite::Taken;

/// One of the two wheels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The first.
    First,
    /// The second.
    Second,
}

impl Side {
    /// Returns the other one.
    pub(super) fn other(self) -> Self {
        match self {
            Side::First => Side::Second,
            Side::Second => Side::First,
        }
    }
}

/// What becomes of the members of both wheels.
#[derive(Debug, Default)]
pub(super) struct Pairing {
    /// Members that are not the first wheel's own, by their name in the result.
    pub taken: BTreeMap<String, Taken>,
    /// Libraries that either wheel leaves to the user's machine.
    pub excluded: BTreeSet<String>,
    pub diagnostics: Vec<Diagnostic>,
}

/// Compares two wheels member by member.
///
/// # Errors
/// `Malformed` if a member cannot be unpacked.
pub(super) fn pair(first: &Wheel, second: &Wheel, binaries: [&[Binary]; 2], take: Option<Side>) -> Result<Pairing> {
    let mut pairing = Pairing::default();
    for wheel in [first, second] {
        pairing.excluded.extend(repair::read_recorded(wheel)?.excluded);
    }
    let is_macho = |binaries: &[Binary], name: &str| {
        binaries.iter().any(|binary| binary.member == name && binary.image.format == Format::MachO)
    };
    for member in second.members() {
        let name = result_name(member.name(), first, second);
        let Some(own) = first.member(&name) else {
            if !is_written_anew(&name) {
                pairing.taken.insert(name.clone(), Taken::Copied(member.name().to_owned()));
            }
            continue;
        };
        if is_written_anew(&name) || is_same(first, own, second, member)? {
            continue;
        }
        if is_macho(binaries[0], &name) && is_macho(binaries[1], member.name()) {
            let (one, other) = (first.read(own)?, second.read(member)?);
            match macho::fuse(&[&one, &other]) {
                Ok(_) => {
                    pairing.taken.insert(name, Taken::Fused);
                    continue;
                }
                Err(error) => pairing.conflict(&name, error.message(), take, member),
            }
            continue;
        }
        if name.ends_with(&format!("/sboms/{}", sbom::FILE_NAME)) {
            // Each tells of the files of its own wheel; both are true of the result.
            let both = name.replace(".json", "-2.json");
            pairing.taken.insert(both, Taken::Copied(member.name().to_owned()));
            continue;
        }
        pairing.conflict(&name, "differs between the wheels", take, member);
    }
    Ok(pairing)
}

impl Pairing {
    /// Two files of one name: the chosen one, or an error.
    fn conflict(&mut self, name: &str, why: &str, take: Option<Side>, second: &Member) {
        match take {
            Some(Side::First) => {}
            Some(Side::Second) => {
                self.taken.insert(name.to_owned(), Taken::Copied(second.name().to_owned()));
            }
            None => {
                let help = "`--take first` or `--take second` says which wheel's file is taken";
                self.diagnostics.push(Diagnostic::new(Code::TW704, why.to_owned()).member(name).help(help));
            }
        }
    }
}

/// The name of a member of the second wheel in the result, whose dist-info directory may be spelled otherwise.
fn result_name(name: &str, first: &Wheel, second: &Wheel) -> String {
    match (first.dist_info(), second.dist_info()) {
        (Some(own), Some(other)) => match name.strip_prefix(other).filter(|rest| rest.starts_with('/')) {
            Some(rest) => format!("{own}{rest}"),
            None => name.to_owned(),
        },
        _ => name.to_owned(),
    }
}

/// Whether the result has its own.
fn is_written_anew(name: &str) -> bool {
    let in_dist_info = name.split_once('/').filter(|(folder, _)| folder.ends_with(".dist-info"));
    in_dist_info.is_some_and(|(_, file)| matches!(file, "WHEEL" | "RECORD" | "RECORD.jws" | "RECORD.p7s"))
}

fn is_same(first: &Wheel, own: &Member, second: &Wheel, member: &Member) -> Result<bool> {
    if own.size() != member.size() || own.crc32() != member.crc32() {
        return Ok(false);
    }
    // Checksums of 32 bits are no proof.
    Ok(first.digest(own)?.0 == second.digest(member)?.0)
}

/// The binaries of the result: of a fused one the slices of both wheels.
pub(super) fn binaries(taken: &BTreeMap<String, Taken>, first: Vec<Binary>, second: Vec<Binary>) -> Vec<Binary> {
    let replaced = |name: &str| matches!(taken.get(name), Some(Taken::Copied(_)));
    let mut binaries: Vec<Binary> = first.into_iter().filter(|binary| !replaced(&binary.member)).collect();
    for mut binary in second {
        let fused = taken.get(&binary.member) == Some(&Taken::Fused);
        let copied = taken.iter().find(|(_, part)| **part == Taken::Copied(binary.member.clone()));
        if let Some((name, _)) = copied {
            binary.member.clone_from(name);
        }
        let known = |other: &Binary| other.member == binary.member && other.image.arch == binary.image.arch;
        if copied.is_some() || (fused && !binaries.iter().any(known)) {
            binaries.push(binary);
        }
    }
    binaries.sort_by(|a, b| (&a.member, a.image.arch).cmp(&(&b.member, b.image.arch)));
    binaries
}

impl Taken {
    /// Returns what is done with a member of the wheel `from`, for people and machines.
    pub(super) fn step(&self, member: &str, from: &WheelFilename) -> Step {
        match self {
            Taken::Fused => Step::Fuse { member: member.to_owned() },
            Taken::Copied(_) => Step::Take { member: member.to_owned(), wheel: from.to_string() },
        }
    }
}
