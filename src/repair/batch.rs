//! `Batch`: several wheels repaired one after the other; what they vendor alike is made once.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::digests::Digests;
use super::options::Options;
use super::plan::{Plan, VendoredLibrary};
use super::run::{self, Outcome};
use crate::error::Result;
use crate::format::{Change, EditSet};
use crate::load::{Binary, Files};
use crate::wheel::Wheel;
use crate::wheel::write::Payload;

/// Repairs of several wheels, one after the other.
///
/// The wheels of a release mostly need the same libraries. Each file outside is read and summed once, and a copy that gets
/// the same name and the same edits in the next wheel is neither edited nor packed nor unpacked again, nor is a large member
/// that stays as it is and was in the last wheel. The results are,
/// byte for byte, what [`repair`](super::repair()) makes of each wheel alone. What the last wheel did not need is
/// forgotten, so that memory does not grow with the number of wheels.
#[derive(Debug, Default)]
pub struct Batch {
    /// What is known of files outside.
    pub(super) files: Files,
    /// What was copied into the last wheel.
    pub(super) finished: Finished,
    /// Digests of what stays as it is.
    pub(super) digests: Digests,
}

impl Batch {
    /// Returns a batch without wheels.
    pub fn new() -> Self {
        Self { files: Files::default(), finished: Finished(Some(Mutex::default())), digests: Digests::kept() }
    }

    /// Repairs a wheel as [`repair`](super::repair()) does.
    ///
    /// # Errors
    /// As [`repair`](super::repair()).
    pub fn repair(&self, path: &Path, options: &Options, folder: Option<&Path>) -> Result<Outcome> {
        self.files.next_wheel();
        self.digests.next_wheel();
        run::repair_wheel(&Wheel::open(path)?, options, folder, self)
    }
}

/// Copies of libraries by their names in the result; nothing is kept where no other wheel follows.
#[derive(Debug, Default)]
pub(super) struct Finished(Option<Mutex<BTreeMap<String, Arc<Copied>>>>);

/// A library as it was copied into a wheel.
#[derive(Debug)]
pub(super) struct Copied {
    pub payload: Payload,
    pub changes: Vec<Change>,
    pub notes: Vec<String>,
    /// SHA-256 of the files that it is a copy of.
    sources: Vec<[u8; 32]>,
    edits: EditSet,
    /// The level at which it was packed.
    level: u8,
    /// Its facts, read back from a result.
    proven: OnceLock<Vec<Binary>>,
}

impl Copied {
    /// Returns a copy of `library`, edited and packed at `level`, that was not read back yet.
    pub(super) fn new(library: &VendoredLibrary, level: u8, payload: Payload) -> Self {
        let (sources, edits) = (digests(library).collect(), library.edits.clone());
        let (changes, notes, proven) = Default::default();
        Self { payload, changes, notes, sources, edits, level, proven }
    }

    fn is_of(&self, library: &VendoredLibrary, level: u8) -> bool {
        digests(library).eq(self.sources.iter().copied()) && self.edits == library.edits && self.level == level
    }

    /// Takes the facts that were read back from a result.
    pub(super) fn prove(&self, binaries: Vec<Binary>) {
        // Whoever came first read the same bytes.
        let _ = self.proven.set(binaries);
    }

    /// Returns the facts that were read back before from the very bytes that this result has for the member.
    pub(super) fn proven_in(&self, result: &Wheel, member: &str) -> Option<&[Binary]> {
        let proven = self.proven.get()?;
        let member = result.member(member)?;
        let payload = &self.payload;
        let declared = (member.method(), member.size(), member.crc32());
        let same = declared == (payload.method(), payload.size(), payload.crc32())
            && result.packed(member).is_ok_and(|packed| payload.is(packed));
        same.then_some(proven)
    }
}

fn digests(library: &VendoredLibrary) -> impl Iterator<Item = [u8; 32]> {
    library.sources().map(|source| source.digest)
}

impl Finished {
    /// Forgets what a plan does not copy in.
    pub(super) fn keep_only(&self, plan: &Plan) {
        let needed: BTreeSet<&String> = plan.vendored.iter().map(|library| &library.member).collect();
        if let Some(mut copies) = self.lock() {
            copies.retain(|member, _| needed.contains(member));
        }
    }

    /// Returns the copy of a library at a level, as it was made for an earlier wheel or as `make` makes it.
    ///
    /// # Errors
    /// Those of `make`.
    pub(super) fn copy(
        &self,
        library: &VendoredLibrary,
        level: u8,
        make: impl FnOnce() -> Result<Copied>,
    ) -> Result<Arc<Copied>> {
        let known = self.lock().and_then(|copies| copies.get(&library.member).cloned());
        if let Some(copied) = known.filter(|copied| copied.is_of(library, level)) {
            return Ok(copied);
        }
        let copied = Arc::new(make()?);
        if let Some(mut copies) = self.lock() {
            copies.insert(library.member.clone(), Arc::clone(&copied));
        }
        Ok(copied)
    }

    /// Returns the copy of this name, if it is kept.
    pub(super) fn get(&self, member: &str) -> Option<Arc<Copied>> {
        self.lock()?.get(member).cloned()
    }

    fn lock(&self) -> Option<MutexGuard<'_, BTreeMap<String, Arc<Copied>>>> {
        self.0.as_ref().map(|copies| copies.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::format::Edit;
    use crate::repair::plan::Source;
    use crate::wheel::DosTime;
    use crate::wheel::write::{Content, Output, OutputMember, Sums};

    const MEMBER: &str = "demo.libs/liba.so";
    const TEXT: &[u8] = b"some text, some text, some text, some text";

    fn library(digest: u8, edit: Option<Edit>) -> VendoredLibrary {
        VendoredLibrary {
            member: MEMBER.to_owned(),
            source: Source::new("/usr/lib/liba.so".into(), Sums::new([digest; 32], 0), None),
            joined: Vec::new(),
            edits: EditSet::new(edit).unwrap(),
            needed: Vec::new(),
            direct: true,
        }
    }

    fn packed(text: &[u8], folder: &Path) -> Payload {
        Payload::pack(text, 6, folder).unwrap()
    }

    /// How often a copy is made of these libraries, one after the other, at these levels.
    fn made(finished: &Finished, asked: &[(VendoredLibrary, u8)], folder: &Path) -> usize {
        let count = Cell::new(0);
        for (library, level) in asked {
            let copied = finished.copy(library, *level, || {
                count.set(count.get() + 1);
                Ok(Copied::new(library, *level, packed(TEXT, folder)))
            });
            assert!(copied.unwrap().is_of(library, *level));
        }
        count.get()
    }

    #[test]
    fn the_same_copy_is_made_once_and_any_other_anew() {
        let folder = tempfile::tempdir().unwrap();
        let finished = Batch::new().finished;
        let named = |name: &str| Some(Edit::SetIdentity(name.to_owned()));
        assert_eq!(made(&finished, &[(library(1, None), 6), (library(1, None), 6)], folder.path()), 1);
        let joined = VendoredLibrary { joined: vec![library(1, None).source], ..library(2, named("a")) };
        let others = [(library(2, None), 6), (library(2, named("a")), 6), (library(2, named("a")), 9), (joined, 9)];
        assert_eq!(made(&finished, &others, folder.path()), 4);
        assert_eq!(made(&finished, &others[3..], folder.path()), 0);
        // Where no wheel follows, nothing is kept.
        let alone = Batch::default().finished;
        assert_eq!(made(&alone, &[(library(1, None), 6), (library(1, None), 6)], folder.path()), 2);
    }

    #[test]
    fn a_copy_is_proven_by_its_very_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let written = |text: &[u8], level: u8| {
            let payload = Payload::pack(text, level, folder.path()).unwrap();
            let mut members = [OutputMember::new(MEMBER, Content::New(payload), 0, DosTime::EPOCH)];
            let path = folder.path().join(format!("{level}-{}", text.len()));
            Wheel::open(&Output::write(&path, &mut members, None).unwrap().publish().unwrap()).unwrap()
        };
        let copied = Copied::new(&library(1, None), 6, packed(TEXT, folder.path()));
        assert!(copied.proven_in(&written(TEXT, 6), MEMBER).is_none(), "nobody has read it yet");
        copied.prove(Vec::new());
        assert!(copied.proven_in(&written(TEXT, 6), MEMBER).is_some());
        for (other, level) in [(&TEXT[1..], 6), (&TEXT.to_ascii_uppercase(), 6), (TEXT, 0)] {
            assert!(copied.proven_in(&written(other, level), MEMBER).is_none());
        }
        assert!(copied.proven_in(&written(TEXT, 6), "demo.libs/libb.so").is_none());
    }
}
