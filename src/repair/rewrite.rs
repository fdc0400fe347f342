//! Rewriting what a wheel says of itself: its tags, its build tag, its members' names; no binary changes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::contents::{Contents, has_curable_faults, same_rows};
use super::digests::Digests;
use super::options::Options;
use crate::diagnostic::{Code, Diagnostic};
use crate::error::{Error, ErrorKind, Result};
use crate::format::macho;
use crate::load::Kept;
use crate::tag::WheelFilename;
use crate::wheel::install::is_locked_script;
use crate::wheel::record::{Record, RecordDigest};
use crate::wheel::wheel_file::WheelFile;
use crate::wheel::write::{Output, Payload, behind_dist_info, copy_whole, make_folder};
use crate::wheel::{Budget, FaultLevel, Member, Wheel};

/// Files of dist-info that installers write, and no wheel holds.
const INSTALLERS: [&str; 3] = ["INSTALLER", "REQUESTED", "direct_url.json"];
/// Mode of a text member that is new.
const TEXT_MODE: u16 = 0o100_644;

/// What a wheel is to say of itself.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Rewrite {
    /// Its file name; WHEEL follows it.
    pub name: WheelFilename,
    /// What `Root-Is-Purelib` becomes; `None`: it stays.
    pub purelib: Option<bool>,
    /// New archive names of members, by their old ones.
    pub renames: BTreeMap<String, String>,
    /// Members for which another wheel has a part, by their names in the result.
    pub taken: BTreeMap<String, Taken>,
    /// Mends as well what can be mended without a guess: RECORD, WHEEL, the archive's oddities, what installers write
    /// into dist-info.
    pub mending: Option<Mending>,
}

/// How a wheel is mended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mending {
    /// The present, in seconds since 1970: no member is from later; `None`: that is not known.
    pub now: Option<i64>,
}

/// What another wheel gives for a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// The slices of both wheels' Mach-O files become one file.
    Fused,
    /// The other wheel's member of this name, as it is.
    Copied(String),
}

/// A result that waits for its name.
#[derive(Debug)]
#[non_exhaustive]
pub struct Rewritten {
    /// The file; `None` if the destination is the input itself and nothing changes.
    pub output: Option<Output>,
    /// Where it will lie.
    pub destination: PathBuf,
    /// What should be known.
    pub diagnostics: Vec<Diagnostic>,
}

impl Rewrite {
    /// Returns what gives a wheel this name and changes nothing else.
    pub fn new(name: WheelFilename) -> Self {
        Self { name, purelib: None, renames: BTreeMap::new(), taken: BTreeMap::new(), mending: None }
    }

    /// Writes the result under a temporary name in `folder`; a wheel that says all of it already is copied byte for byte.
    ///
    /// Members are copied as they are packed, and their digests are those of RECORD, where it has them.
    ///
    /// # Errors
    /// `Io` for files that cannot be read or written; `Malformed` or `Refused` if the wheel has no dist-info directory or
    /// no WHEEL file that can be read.
    pub fn write(&self, wheel: &Wheel, options: &Options, folder: &Path) -> Result<Rewritten> {
        self.write_with(wheel, None, options, folder)
    }

    /// Writes as [`Rewrite::write`] does, with what [`Rewrite::taken`] says of another wheel.
    ///
    /// # Errors
    /// As [`Rewrite::write`], and what [`macho::fuse`] returns.
    pub fn write_with(
        &self,
        wheel: &Wheel,
        other: Option<&Wheel>,
        options: &Options,
        folder: &Path,
    ) -> Result<Rewritten> {
        let old_dist_info = wheel.dist_info().ok_or_else(|| Error::refused("the wheel has no dist-info directory"))?;
        make_folder(folder)?;
        let destination = folder.join(self.name.to_string());
        let mut result = Rewritten { output: None, destination, diagnostics: Vec::new() };
        let member = wheel
            .dist_info_member("WHEEL")
            .ok_or_else(|| Error::new(ErrorKind::Refused, "no `WHEEL` file").about(old_dist_info))?;
        let bytes = wheel.read_small(member)?;
        let text = self.wheel_file(&bytes).map_err(|error| error.about(member.name()))?;
        let is_named = wheel.filename().is_ok_and(|name| *name == self.name);
        let is_same = is_named && *text == *bytes && self.renames.is_empty() && self.taken.is_empty();
        if is_same && self.mending.is_none() {
            result.output = copy_whole(wheel.path(), &result.destination)?;
            return Ok(result);
        }
        let dist_info = format!("{}.dist-info", self.name.stem());
        let mut contents = Contents::new(wheel, dist_info.clone());
        for (from, to) in self.all_renames(wheel, old_dist_info, &dist_info) {
            contents.rename(from, to);
        }
        if *text != *bytes {
            contents.make(&format!("{dist_info}/WHEEL"), &text, TEXT_MODE, options, folder)?;
        }
        if let Some(other) = other {
            self.take(wheel, other, &mut contents, options, folder)?;
        }
        let mut strays = 0;
        if let Some(mending) = self.mending {
            contents.mend_headers(mending.now);
            for member in INSTALLERS.iter().filter_map(|name| wheel.dist_info_member(name)) {
                contents.leave_out(member.name());
                strays += 1;
            }
        }
        let dropped = contents.drop_signatures();
        let is_same = is_same && strays == 0 && dropped.is_empty();
        result.diagnostics.extend(
            dropped
                .into_iter()
                .map(|name| Diagnostic::new(Code::TW613, "the signature is not true of the result").member(name)),
        );
        let old_record = wheel.dist_info_member("RECORD").map(|member| wheel.read_small(member)).transpose()?;
        let record = match (self.mending.is_some(), &old_record) {
            // What is to be mended is not believed.
            (false, Some(bytes)) => Record::read(bytes).unwrap_or_default(),
            _ => Record::default(),
        };
        let rows: BTreeMap<String, (RecordDigest, &str)> =
            record.rows().iter().map(|row| (row.member(), (row.parsed_digest(), row.size.as_str()))).collect();
        // A row that contradicts the archive is not taken over; one that only names a wrong digest is `check`'s business.
        let known = wheel.members().iter().filter_map(|member| match rows.get(member.name()) {
            Some((RecordDigest::Sha256(digest) | RecordDigest::OddSha256(digest), size))
                if *size == member.size().to_string() =>
            {
                Some((member.name(), *digest))
            }
            _ => None,
        });
        contents.sum(&Kept::digests(known), &Digests::default())?;
        let record = contents.record()?;
        let says_so = old_record.is_some_and(|bytes| same_rows(&bytes, &record));
        if is_same && says_so && !self.mending.is_some_and(|mending| mending.finds(wheel)) {
            result.output = copy_whole(wheel.path(), &result.destination)?;
            return Ok(result);
        }
        let record = record.to_bytes()?;
        contents.make(&format!("{dist_info}/RECORD"), &record, TEXT_MODE, options, folder)?;
        result.output = Some(contents.write(&result.destination, options)?);
        Ok(result)
    }

    /// Makes the members for which the other wheel has a part; both cores.
    fn take(
        &self,
        wheel: &Wheel,
        other: &Wheel,
        contents: &mut Contents<'_>,
        options: &Options,
        folder: &Path,
    ) -> Result<()> {
        let absent =
            |name: &str| Error::new(ErrorKind::Internal, "the plan names a member that is not there").about(name);
        let made = self
            .taken
            .par_iter()
            .map(|(name, part)| {
                let theirs = match part {
                    Taken::Fused => name,
                    Taken::Copied(name) => name,
                };
                let theirs = other.member(theirs).ok_or_else(|| absent(name))?;
                let _room = Budget::global().reserve(theirs.size());
                let bytes = other.read(theirs)?;
                let payload = match part {
                    Taken::Copied(_) => Payload::pack(&bytes, options.compress, folder)?,
                    Taken::Fused => {
                        let own = wheel.read(wheel.member(name).ok_or_else(|| absent(name))?)?;
                        let fused = macho::fuse(&[&own, &bytes]).map_err(|error| error.about(name))?;
                        Payload::pack(&fused, options.compress, folder)?
                    }
                };
                Ok((name, payload, theirs.mode(), theirs.time()))
            })
            .collect::<Result<Vec<_>>>()?;
        for (name, payload, mode, time) in made {
            contents.put(name, payload, mode, time);
        }
        Ok(())
    }

    /// Returns the file in which WHEEL says what the name says.
    fn wheel_file(&self, bytes: &[u8]) -> Result<Vec<u8>> {
        let mut file = WheelFile::read(bytes)?;
        let tags: Vec<String> = self.name.tags.expand().iter().map(ToString::to_string).collect();
        let mut own: Vec<&str> = file.tags();
        own.sort_unstable();
        let mut wanted: Vec<&str> = tags.iter().map(String::as_str).collect();
        wanted.sort_unstable();
        if own != wanted {
            file.set_tags(&tags);
        }
        if file.build() != self.name.build.as_deref() {
            file.set_build(self.name.build.as_deref());
        }
        if let Some(purelib) = self.purelib {
            file.set_root_is_purelib(purelib);
        }
        if self.mending.is_some() {
            file.tidy();
        }
        Ok(file.to_bytes())
    }

    /// The renames asked for, and those that give the dist-info and data directories the file name's own stem.
    fn all_renames(&self, wheel: &Wheel, old: &str, new: &str) -> BTreeMap<String, String> {
        let mut renames = self.renames.clone();
        let old_data = old.strip_suffix(".dist-info").map(|stem| format!("{stem}.data"));
        let folders = [(Some(old.to_owned()), new.to_owned()), (old_data, format!("{}.data", self.name.stem()))];
        for (from, to) in folders {
            let Some(from) = from.filter(|from| *from != to) else { continue };
            for member in wheel.members() {
                let Some(rest) = member.name().strip_prefix(&from).filter(|rest| rest.starts_with('/')) else {
                    continue;
                };
                let target = renames.entry(member.name().to_owned()).or_insert_with(|| member.name().to_owned());
                if target.starts_with(&format!("{from}/")) {
                    *target = match target.strip_prefix(&from) {
                        Some(kept) => format!("{to}{kept}"),
                        None => format!("{to}{rest}"),
                    };
                }
            }
        }
        renames
    }
}

impl Mending {
    /// Whether an entry of the archive is odd in what rewriting mends.
    fn finds(self, wheel: &Wheel) -> bool {
        let names = || wheel.members().iter().map(Member::name);
        let misplaced = wheel.dist_info().is_some_and(|folder| behind_dist_info(names(), folder).next().is_some());
        let is_odd = |member: &Member| !member.time().is_past(self.now) || is_locked_script(wheel, member);
        misplaced
            || wheel.faults().iter().any(|fault| fault.kind.is_cured_by_rewriting())
            || wheel.members().iter().any(is_odd)
    }
}

/// Returns true if nothing keeps the archive from being rewritten: what is wrong with it, rewriting cures.
pub fn is_rewritable(wheel: &Wheel) -> bool {
    let curable = has_curable_faults(wheel);
    wheel
        .faults()
        .iter()
        .all(|fault| fault.level != FaultLevel::Error || (curable && fault.kind.is_cured_by_rewriting()))
}
