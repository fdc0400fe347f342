//! `Plan`: every change to a wheel, as data, and the facts that are expected of the result.

use std::path::PathBuf;

use serde::Serialize;

use super::plan_file::PlanFile;
use super::recorded::Recorded;
use crate::diagnostic::Diagnostic;
use crate::format::{EditSet, Image};
use crate::load::Graph;
use crate::origin::Package;
use crate::origin::sbom::Stated;
use crate::policy::Earned;
use crate::tag::WheelFilename;
use crate::wheel::write::Sums;

/// A library that is copied into the wheel.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct VendoredLibrary {
    /// Its archive name in the result.
    pub member: String,
    /// The file it is a copy of.
    pub source: Source,
    /// Files for other processors, which are joined with it into one universal file.
    pub joined: Vec<Source>,
    /// What is changed in the copy.
    pub edits: EditSet,
    /// Archive names of what it needs within the result.
    pub needed: Vec<String>,
    /// True if a binary of the wheel itself needs it.
    pub direct: bool,
}

/// A file outside the wheel that is copied into it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Source {
    /// Where it lies.
    pub path: PathBuf,
    /// Its SHA-256.
    pub digest: [u8; 32],
    /// Its CRC-32.
    pub(super) crc32: u32,
    /// The name it gave itself.
    pub identity: Option<String>,
    /// Its build identifier, hexadecimal.
    pub build_id: Option<String>,
    /// What it says of itself (PE).
    pub stated: Option<Stated>,
    /// The package it came from, if a database knows it.
    pub package: Option<Package>,
}

impl VendoredLibrary {
    /// Returns the files it is made of.
    pub fn sources(&self) -> impl Iterator<Item = &Source> {
        std::iter::once(&self.source).chain(&self.joined)
    }
}

impl Source {
    /// Returns what is known of a file but its package.
    pub(super) fn new(path: PathBuf, sums: Sums, image: Option<&Image>) -> Self {
        Self {
            path,
            digest: sums.sha256,
            crc32: sums.crc32,
            identity: image.and_then(|image| image.identity.clone()),
            build_id: image.and_then(build_id),
            stated: image.and_then(Stated::of),
            package: None,
        }
    }
}

/// A binary of the wheel whose bytes change.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct MemberEdit {
    /// Its archive name in the input.
    pub member: String,
    /// What is changed.
    pub edits: EditSet,
    /// Its new archive name, if it moves (a program out of `.data/scripts`); a script of the old name takes its place.
    pub moved: Option<String>,
}

/// Start-up code that tells Windows' loader of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StartUpCode {
    /// Archive name of the `__init__.py` that gets it.
    pub member: String,
    /// The folders, seen from that of the file: `../demo.libs`.
    pub folders: Vec<String>,
    /// The libraries in them that something imports, seen from there too, what is imported before what imports it.
    pub libraries: Vec<String>,
    /// The oldest Python that the wheel is for.
    pub lowest: (u8, u16),
}

/// Tags before and after.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct TagChange {
    /// The name of the input.
    pub before: WheelFilename,
    /// The name of the result.
    pub after: WheelFilename,
    /// What the final bytes earn, by the facts that are expected of them.
    pub earned: Earned,
}

/// Every change to a wheel.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Plan {
    /// Libraries that are copied in, sorted by member.
    pub vendored: Vec<VendoredLibrary>,
    /// Binaries that change, sorted by member.
    pub edits: Vec<MemberEdit>,
    /// Start-up code, sorted by member.
    pub startup: Vec<StartUpCode>,
    /// Tags.
    pub tags: TagChange,
    /// `Root-Is-Purelib` becomes false.
    pub platlib: bool,
    /// What is written to `dist-info/truewheel.json`.
    pub recorded: Recorded,
    /// The decision on each needed library that the policy does not give.
    pub decisions: PlanFile,
    /// What was found, before levels are applied.
    pub diagnostics: Vec<Diagnostic>,
    /// Who loads what, before anything changes.
    pub graph: Graph,
}

/// One step of a plan, for people and for `--dry-run --format json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "step", rename_all = "lowercase")]
#[non_exhaustive]
pub enum Step {
    /// A library is copied into the wheel.
    Vendor {
        /// Its archive name.
        member: String,
        /// The file it is a copy of.
        source: String,
        /// SHA-256 of that file, hexadecimal.
        sha256: String,
        /// Files for other processors, which are joined with it into one universal file.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        joined: Vec<Part>,
        /// What is changed in the copy.
        edits: Vec<String>,
    },
    /// A binary of the wheel is changed.
    Edit {
        /// Its archive name.
        member: String,
        /// What is changed.
        edits: Vec<String>,
    },
    /// A program moves and a script takes its place.
    Move {
        /// Its archive name.
        member: String,
        /// Its new archive name.
        to: String,
    },
    /// A package tells Windows' loader of a folder.
    #[serde(rename = "start-up")]
    StartUp {
        /// The archive name of its `__init__.py`.
        member: String,
        /// The folder, seen from that of the file.
        folder: String,
    },
    /// A member gets another name.
    Rename {
        /// Its archive name.
        member: String,
        /// Its new archive name.
        to: String,
    },
    /// The slices of two wheels' binaries become one file.
    Fuse {
        /// Its archive name.
        member: String,
    },
    /// A file is taken from the other of two wheels.
    Take {
        /// Its archive name.
        member: String,
        /// The file name of the wheel that has it.
        wheel: String,
    },
    /// The tags change.
    Retag {
        /// Before, e.g. `cp311-cp311-linux_x86_64`.
        from: String,
        /// After.
        to: String,
    },
}

/// A file that is joined with another, in a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Part {
    /// The file.
    pub source: String,
    /// Its SHA-256, hexadecimal.
    pub sha256: String,
}

impl Part {
    fn of(source: &Source) -> Self {
        Self { source: source.path.display().to_string(), sha256: hex(&source.digest) }
    }
}

impl Plan {
    /// Returns true if the result is the input, byte for byte.
    pub fn is_empty(&self) -> bool {
        self.vendored.is_empty()
            && self.edits.is_empty()
            && self.startup.is_empty()
            && self.tags.before == self.tags.after
            && !self.platlib
    }

    /// Returns the steps in the order they are carried out.
    pub fn steps(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        for library in &self.vendored {
            steps.push(Step::Vendor {
                member: library.member.clone(),
                source: library.source.path.display().to_string(),
                sha256: hex(&library.source.digest),
                joined: library.joined.iter().map(Part::of).collect(),
                edits: phrases(&library.edits),
            });
        }
        for edit in &self.edits {
            if !edit.edits.is_empty() {
                steps.push(Step::Edit { member: edit.member.clone(), edits: phrases(&edit.edits) });
            }
            if let Some(to) = &edit.moved {
                steps.push(Step::Move { member: edit.member.clone(), to: to.clone() });
            }
        }
        for code in &self.startup {
            let step = |folder: &String| Step::StartUp { member: code.member.clone(), folder: folder.clone() };
            steps.extend(code.folders.iter().map(step));
        }
        if self.tags.before.tags != self.tags.after.tags {
            steps.push(Step::Retag { from: tag_text(&self.tags.before), to: tag_text(&self.tags.after) });
        }
        steps
    }
}

/// The identifier of a build that a file states: the note of ELF, the UUID of Mach-O.
fn build_id(image: &Image) -> Option<String> {
    let note = image.elf().and_then(|facts| facts.build_id.as_deref());
    let uuid = image.macho().and_then(|facts| facts.uuid.as_ref()).map(|uuid| uuid.as_slice());
    note.or(uuid).map(hex)
}

fn tag_text(name: &WheelFilename) -> String {
    format!("{}-{}-{}", name.tags.python, name.tags.abi, name.tags.platform)
}

/// Returns bytes as lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Each edit as a phrase.
fn phrases(edits: &EditSet) -> Vec<String> {
    edits.edits().iter().map(ToString::to_string).collect()
}
