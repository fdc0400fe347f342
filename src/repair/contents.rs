//! `Contents`: everything that goes into a result, new members and those that are copied as they are.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rayon::prelude::*;

use super::digests::Digests;
use super::options::Options;
use crate::error::Result;
use crate::load::Kept;
use crate::wheel::install::is_locked_script;
use crate::wheel::record::{Record, RecordDigest, RecordRow};
use crate::wheel::write::{Content, Output, OutputMember, Payload, canonical_order};
use crate::wheel::{DosTime, FaultLevel, Member, Method, Wheel};

/// Signatures of RECORD, which are not true of another RECORD (PEP 815 drops them altogether).
const SIGNATURES: [&str; 2] = ["RECORD.jws", "RECORD.p7s"];

/// A member whose bytes are new.
pub(super) struct Made {
    pub name: String,
    pub payload: Payload,
    pub mode: u16,
    pub time: DosTime,
}

/// Members get the usual permission bits, and times up to the present.
#[derive(Clone, Copy)]
struct PlainHeaders {
    now: Option<i64>,
}

/// Everything that goes into the result.
pub(super) struct Contents<'a> {
    wheel: &'a Wheel,
    dist_info: String,
    made: BTreeMap<String, Made>,
    /// Members of the input that are not in the result.
    gone: BTreeSet<String>,
    /// New names of members that are kept, by their old ones.
    renamed: BTreeMap<String, String>,
    /// SHA-256 of members of the input that are kept.
    digests: BTreeMap<String, [u8; 32]>,
    /// Odd permission bits become the usual ones.
    plain_headers: Option<PlainHeaders>,
}

impl<'a> Contents<'a> {
    /// Returns the contents of a result that is the wheel itself; its dist-info directory will be called `dist_info`.
    pub(super) fn new(wheel: &'a Wheel, dist_info: String) -> Self {
        let (made, gone, renamed, digests, plain_headers) = Default::default();
        Self { wheel, dist_info, made, gone, renamed, digests, plain_headers }
    }

    /// Returns the name of the dist-info directory.
    pub(super) fn dist_info(&self) -> &str {
        &self.dist_info
    }

    /// Returns the archive name of a file of dist-info.
    pub(super) fn in_dist_info(&self, name: &str) -> String {
        format!("{}/{name}", self.dist_info)
    }

    /// Returns true if nothing is new and nothing left out.
    pub(super) fn is_the_input(&self) -> bool {
        self.made.is_empty() && self.gone.is_empty()
    }

    /// Returns the names of the members that are new or have new bytes.
    pub(super) fn new_members(&self) -> BTreeSet<String> {
        self.made.keys().cloned().collect()
    }

    /// Returns the SHA-256 of a member that is new or has new bytes.
    pub(super) fn new_digest(&self, member: &str) -> Option<&[u8; 32]> {
        self.made.get(member).map(|made| made.payload.digest())
    }

    /// Gives a member that is kept another name.
    pub(super) fn rename(&mut self, from: impl Into<String>, to: impl Into<String>) {
        self.renamed.insert(from.into(), to.into());
    }

    /// Gives members with odd permission bits and times the usual ones; nothing is later than `now`.
    pub(super) fn mend_headers(&mut self, now: Option<i64>) {
        self.plain_headers = Some(PlainHeaders { now });
    }

    /// The permission bits and the time that a member gets.
    fn header(&self, source: Option<&Member>, mode: u16, time: DosTime) -> (u16, DosTime) {
        let Some(PlainHeaders { now }) = self.plain_headers else { return (mode, time) };
        let runs = if source.is_some_and(|member| is_locked_script(self.wheel, member)) { 0o111 } else { mode & 0o111 };
        // Whoever has the file may read it, its owner alone may write it; what may be run still may.
        let mode = if mode == 0 { 0 } else { 0o100_644 | runs };
        (mode, if time.is_past(now) { time } else { DosTime::EPOCH })
    }

    /// Leaves a member of the input out of the result.
    pub(super) fn leave_out(&mut self, name: &str) {
        self.gone.insert(name.to_owned());
    }

    /// Drops the signatures of RECORD, and returns their names.
    pub(super) fn drop_signatures(&mut self) -> Vec<String> {
        let present = SIGNATURES.iter().filter_map(|signature| self.wheel.dist_info_member(signature));
        let names: Vec<String> = present.map(|member| member.name().to_owned()).collect();
        self.gone.extend(names.iter().cloned());
        names
    }

    /// The member of the input that stands under a name of the result.
    fn source(&self, name: &str) -> Option<&'a Member> {
        let old = self.renamed.iter().find(|(_, new)| *new == name).map_or(name, |(old, _)| old);
        self.wheel.member(old)
    }

    /// Takes a member as it is made.
    pub(super) fn add(&mut self, made: Made) {
        self.made.insert(made.name.clone(), made);
    }

    /// Takes new bytes for a member; mode and time of an old one of the name are kept.
    pub(super) fn make(&mut self, name: &str, bytes: &[u8], mode: u16, options: &Options, folder: &Path) -> Result<()> {
        // Text is small: stored only where that was asked for.
        let payload = Payload::pack(bytes, options.compress, folder)?;
        let old = self.source(name);
        let made = Made {
            name: name.to_owned(),
            payload,
            mode: old.map(Member::mode).filter(|mode| *mode != 0).unwrap_or(mode),
            time: old.map_or(DosTime::EPOCH, Member::time),
        };
        self.add(made);
        Ok(())
    }

    /// Takes packed bytes for a member; mode and time of an old one of the name are kept.
    pub(super) fn put(&mut self, name: &str, payload: Payload, mode: u16, time: DosTime) {
        let old = self.source(name);
        let mode = old.map(Member::mode).filter(|mode| *mode != 0).unwrap_or(mode);
        let made = Made { name: name.to_owned(), payload, mode, time: old.map_or(time, Member::time) };
        self.add(made);
    }

    /// The members of the input that are copied as they are.
    fn kept(&self) -> impl Iterator<Item = &'a Member> {
        self.wheel
            .members()
            .iter()
            .filter(|member| !self.gone.contains(member.name()) && !self.made.contains_key(self.name_of(member)))
    }

    /// The name of a member in the result.
    fn name_of(&self, member: &'a Member) -> &str {
        self.renamed.get(member.name()).map_or(member.name(), String::as_str)
    }

    /// Names in the order of the result: as in the input, what is new behind it, dist-info last.
    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self
            .wheel
            .members()
            .iter()
            .filter(|member| !self.gone.contains(member.name()))
            .map(|member| self.name_of(member).to_owned())
            .collect();
        let known: BTreeSet<&String> = names.iter().collect();
        let new: Vec<String> = self.made.keys().filter(|name| !known.contains(name)).cloned().collect();
        names.extend(new);
        canonical_order(&mut names, &self.dist_info);
        names
    }

    /// Takes the digests of all kept members: those that are known, and the others computed, not believed of RECORD.
    pub(super) fn sum(&mut self, known: &Kept, digests: &Digests) -> Result<()> {
        let kept: Vec<&Member> = self.kept().collect();
        let digests = kept
            .into_par_iter()
            .map(|member| {
                let digest = match known.digest(member.name()) {
                    Some(digest) => digest,
                    None => digests.of(self.wheel, member)?,
                };
                Ok((member.name().to_owned(), digest))
            })
            .collect::<Result<Vec<_>>>()?;
        self.digests = digests.into_iter().collect();
        Ok(())
    }

    /// RECORD of the result: digests of every member, those of kept ones computed, not believed.
    pub(super) fn record(&self) -> Result<Record> {
        let record_name = self.in_dist_info("RECORD");
        let row = |name: &String| {
            if *name == record_name || SIGNATURES.iter().any(|signature| name.ends_with(&format!("/{signature}"))) {
                return RecordRow::bare(name);
            }
            if let Some(made) = self.made.get(name) {
                return RecordRow::new(name, made.payload.digest(), made.payload.size());
            }
            let member = self.source(name);
            match member.and_then(|member| Some((self.digests.get(member.name())?, member.size()))) {
                Some((digest, size)) => RecordRow::new(name, digest, size),
                None => RecordRow::bare(name),
            }
        };
        let mut names = self.names();
        if !names.contains(&record_name) {
            names.push(record_name.clone());
        }
        Ok(Record::new(names.iter().map(row).collect()))
    }

    pub(super) fn write(mut self, destination: &Path, options: &Options) -> Result<Output> {
        let mut members = Vec::new();
        for name in self.names() {
            if let Some(made) = self.made.remove(&name) {
                let (mode, time) = self.header(self.source(&name), made.mode, made.time);
                members.push(OutputMember::new(name, Content::New(made.payload), mode, time));
                continue;
            }
            let Some(member) = self.source(&name) else { continue };
            let (mode, time) = self.header(Some(member), member.mode(), member.time());
            members.push(OutputMember::new(name, kept_content(self.wheel, member, options)?, mode, time));
        }
        let time = options.source_date_epoch.map(DosTime::from_unix);
        Output::write(destination, &mut members, time)
    }
}

/// A kept member's bytes: raw, but methods that installers do not know are deflated anew.
fn kept_content<'a>(wheel: &'a Wheel, member: &Member, options: &Options) -> Result<Content<'a>> {
    Ok(match member.method() {
        Method::Stored | Method::Deflated => Content::Raw {
            packed: wheel.packed(member)?,
            method: member.method(),
            crc32: member.crc32(),
            size: member.size(),
        },
        Method::Other(_) => {
            let folder = wheel.path().parent().unwrap_or(Path::new("."));
            Content::New(Payload::pack(&wheel.read(member)?, options.compress, folder)?)
        }
    })
}

/// Whether rewriting removes something that installers or PyPI refuse.
pub(super) fn has_curable_faults(wheel: &Wheel) -> bool {
    wheel.faults().iter().any(|fault| fault.kind.is_cured_by_rewriting() && fault.level == FaultLevel::Error)
}

/// Whether RECORD says exactly this, in whatever order and spelling.
pub(super) fn same_rows(bytes: &[u8], record: &Record) -> bool {
    let Ok(old) = Record::read(bytes) else { return false };
    let rows = |record: &Record| {
        let mut rows: Vec<(String, RecordDigest, String)> = record
            .rows()
            .iter()
            .map(|row| (row.member(), row.parsed_digest(), row.size.clone()))
            .filter(|(name, _, _)| !SIGNATURES.iter().any(|signature| name.ends_with(&format!("/{signature}"))))
            .collect();
        rows.sort_by(|a, b| a.0.cmp(&b.0));
        rows
    };
    rows(&old) == rows(record)
}
