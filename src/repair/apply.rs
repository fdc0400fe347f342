//! Carrying a plan out: one function, bytes in dependency order, text members last.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rayon::prelude::*;

use super::batch::{Batch, Copied};
use super::digests::Digests;
use super::options::Options;
use super::plan::{MemberEdit, Plan, Source, VendoredLibrary, hex};
use super::recorded;
use crate::error::{Error, ErrorKind, Result};
use crate::format::{self, Change, macho};
use crate::load::{FileBytes, Kept};
use crate::origin::sbom::{self, Original, SbomInput, Vendored};
use crate::python::{self, startup::StartUp};
use crate::tag::TagSet;
use crate::wheel::install::is_locked_script;
use crate::wheel::record::{Record, RecordDigest, RecordRow};
use crate::wheel::wheel_file::WheelFile;
use crate::wheel::write::{
    Content, DEFAULT_LEVEL, Differences, Output, OutputMember, Payload, Sums, canonical_order, copy_whole, make_folder,
};
use crate::wheel::{Budget, DosTime, Member, Method, Wheel};

/// Mode of a library that is copied in: a regular file that everyone may read and map.
const LIBRARY_MODE: u16 = 0o100_755;
/// Mode of a text member that is new.
const TEXT_MODE: u16 = 0o100_644;
/// Signatures of RECORD, which are not true of another RECORD (PEP 815 drops them altogether).
const SIGNATURES: [&str; 2] = ["RECORD.jws", "RECORD.p7s"];

/// A result that has not got its name yet.
#[derive(Debug)]
pub(super) struct Staged {
    /// The file; `None` if the destination is the input itself and nothing changes.
    pub output: Option<Output>,
    /// What was done to each changed member, by its name in the result.
    pub changes: BTreeMap<String, Vec<Change>>,
    /// What is worth knowing, by member.
    pub notes: Vec<(String, String)>,
    /// Members of the result whose bytes are not the input's.
    pub changed: BTreeSet<String>,
    /// A signature of RECORD was dropped.
    pub dropped: Vec<String>,
}

/// How and where results are made.
#[derive(Clone, Copy)]
pub(super) struct Making<'a> {
    pub options: &'a Options,
    /// Where they lie until they are published.
    pub folder: &'a Path,
    /// What was made for earlier wheels.
    pub batch: &'a Batch,
}

/// A member whose bytes are new.
struct Made {
    name: String,
    payload: Payload,
    mode: u16,
    time: DosTime,
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

/// Writes the result under a temporary name.
///
/// # Errors
/// `Io` for files that cannot be read or written; `Unsupported` or `Malformed` if a binary cannot carry its edits.
pub(super) fn apply(wheel: &Wheel, plan: &Plan, making: Making<'_>, kept: Kept) -> Result<Staged> {
    let Making { options, folder, batch } = making;
    let dist_info = wheel
        .dist_info()
        .ok_or_else(|| Error::new(ErrorKind::Refused, "the wheel has no dist-info directory"))?
        .to_owned();
    make_folder(folder)?;
    batch.finished.keep_only(plan);
    let mut staged = Staged {
        output: None,
        changes: BTreeMap::new(),
        notes: Vec::new(),
        changed: BTreeSet::new(),
        dropped: Vec::new(),
    };
    let mut contents = Contents::new(wheel, dist_info);
    let done = binaries(wheel, plan, making, &kept)?;
    for Done { made, changes, notes, replaces } in done {
        staged.notes.extend(notes.into_iter().map(|note| (made.name.clone(), note)));
        if !changes.is_empty() {
            staged.changes.insert(made.name.clone(), changes);
        }
        contents.gone.extend(replaces);
        contents.made.insert(made.name.clone(), made);
    }
    let texts = texts(wheel, plan, options, &contents, &staged)?;
    for (name, bytes, mode) in texts {
        contents.make(&name, &bytes, mode, options, folder)?;
    }
    let destination = folder.join(plan.tags.after.to_string());
    let record_name = format!("{}/RECORD", contents.dist_info);
    contents.sum(&kept, &batch.digests)?;
    drop(kept);
    let record = contents.record()?;
    let same_record = wheel.member(&record_name).map(|member| wheel.read_small(member)).transpose()?;
    let same_record = same_record.is_some_and(|bytes| same_rows(&bytes, &record));
    if contents.made.is_empty() && contents.gone.is_empty() && same_record && !has_curable_faults(wheel) {
        staged.output = copy_whole(wheel.path(), &destination)?;
        return Ok(staged);
    }
    staged.dropped = contents.drop_signatures();
    if !same_record || !contents.made.is_empty() || !contents.gone.is_empty() {
        let record = contents.record()?.to_bytes()?;
        contents.make(&record_name, &record, TEXT_MODE, options, folder)?;
    }
    staged.changed = contents.made.keys().cloned().collect();
    staged.output = Some(contents.write(&destination, options)?);
    Ok(staged)
}

/// One binary's new bytes.
struct Done {
    made: Made,
    changes: Vec<Change>,
    notes: Vec<String>,
    /// Members of the input that this one takes the place of.
    replaces: Vec<String>,
}

/// Edits every binary that changes and packs it; both cores.
fn binaries(wheel: &Wheel, plan: &Plan, making: Making<'_>, kept: &Kept) -> Result<Vec<Done>> {
    enum Work<'a> {
        Edit(&'a MemberEdit),
        Vendor(&'a VendoredLibrary),
    }
    let mut work: Vec<Work<'_>> = plan.edits.iter().map(Work::Edit).collect();
    work.extend(plan.vendored.iter().map(Work::Vendor));
    let done: Vec<Option<Done>> = work
        .into_par_iter()
        .map(|work| match work {
            Work::Edit(edit) => edit_member(wheel, edit, making, kept),
            Work::Vendor(library) => vendor(library, making).map(Some),
        })
        .collect::<Result<_>>()?;
    Ok(done.into_iter().flatten().collect())
}

fn edit_member(wheel: &Wheel, edit: &MemberEdit, making: Making<'_>, kept: &Kept) -> Result<Option<Done>> {
    let Making { options, folder, .. } = making;
    let member = wheel.member(&edit.member).ok_or_else(|| {
        Error::new(ErrorKind::Internal, "the plan names a member that is not there").about(&edit.member)
    })?;
    // The edited copy counts as well, until it is packed: however many cores, few large binaries are held at a time.
    let _room = Budget::global().reserve(member.size());
    let bytes = match kept.take(&edit.member) {
        Some(bytes) => bytes,
        None => wheel.read(member)?,
    };
    let edited = format::edit(&bytes, &edit.edits).map_err(|error| error.about(&edit.member))?;
    let differences = Differences::between(&bytes, &edited.bytes);
    if differences.is_empty() && edit.moved.is_none() {
        return Ok(None);
    }
    drop(bytes);
    // Who asks for a level gets all of it; who does not keeps what is packed already.
    let payload = match member.method() {
        Method::Deflated if options.compress == DEFAULT_LEVEL => {
            Payload::pack_changed(&edited.bytes, wheel.packed(member)?, &differences, options.compress, folder)?
        }
        _ => Payload::pack(&edited.bytes, options.compress, folder)?,
    };
    let name = edit.moved.clone().unwrap_or_else(|| edit.member.clone());
    let mode = if edit.moved.is_some() { member.mode() | 0o555 } else { member.mode() };
    let made = Made { name, payload, mode, time: member.time() };
    // A script takes the old name of what moves, so nothing is gone.
    Ok(Some(Done { made, changes: edited.changes, notes: edited.notes, replaces: Vec::new() }))
}

fn vendor(library: &VendoredLibrary, making: Making<'_>) -> Result<Done> {
    let Making { options, folder, batch } = making;
    let copied = batch.finished.copy(library, options.compress, || copied(library, options, folder))?;
    let (name, payload) = (library.member.clone(), copied.payload.clone());
    let made = Made { name, payload, mode: LIBRARY_MODE, time: DosTime::EPOCH };
    Ok(Done { made, changes: copied.changes.clone(), notes: copied.notes.clone(), replaces: Vec::new() })
}

/// Copies a library, edits the copy and packs it.
fn copied(library: &VendoredLibrary, options: &Options, folder: &Path) -> Result<Copied> {
    let about = |error: Error| error.about(library.source.path.display());
    let level = options.compress;
    let parts = library.sources().map(opened).collect::<Result<Vec<_>>>()?;
    let _room = Budget::global().reserve(parts.iter().map(|part| part.len() as u64).sum());
    let bytes = joined(&parts).map_err(about)?;
    if library.edits.is_empty() {
        let sums = || match library.joined.is_empty() {
            true => Sums::new(library.source.digest, library.source.crc32),
            false => Sums::of(&bytes),
        };
        let payload = Payload::pack_summed(&bytes, sums, level, folder)?;
        return Ok(Copied::new(library, level, payload));
    }
    let edited = format::edit(&bytes, &library.edits).map_err(about)?;
    drop(bytes);
    drop(parts);
    let payload = Payload::pack(&edited.bytes, level, folder)?;
    let mut copied = Copied::new(library, level, payload);
    (copied.changes, copied.notes) = (edited.changes, edited.notes);
    Ok(copied)
}

/// Opens a file that is copied in, which must be as it was when the plan was made.
fn opened(source: &Source) -> Result<FileBytes> {
    let bytes = FileBytes::open(&source.path)?;
    // The plan was made of its SHA-256; what may have changed since then is a build's doing, nobody's forgery.
    match crc32fast::hash(&bytes) == source.crc32 {
        true => Ok(bytes),
        false => Err(Error::new(ErrorKind::Io, "changed while the wheel was repaired").about(source.path.display())),
    }
}

/// Returns the one file's bytes, or one universal file of several.
fn joined(parts: &[FileBytes]) -> Result<Cow<'_, [u8]>> {
    match parts {
        [bytes] => Ok(Cow::Borrowed(bytes)),
        _ => {
            let parts: Vec<&[u8]> = parts.iter().map(|part| &**part).collect();
            macho::fuse(&parts).map(Cow::Owned)
        }
    }
}

/// Text members that are new or different: name, bytes, mode of a new one.
fn texts(
    wheel: &Wheel,
    plan: &Plan,
    options: &Options,
    contents: &Contents<'_>,
    staged: &Staged,
) -> Result<Vec<(String, Vec<u8>, u16)>> {
    let mut texts = Vec::new();
    for edit in &plan.edits {
        if let Some(moved) = &edit.moved {
            let program = moved.rsplit_once(".data/platlib/").map_or(moved.as_str(), |(_, path)| path);
            texts.push((edit.member.clone(), python::program_shim(program).into_bytes(), LIBRARY_MODE));
        }
    }
    for code in &plan.startup {
        let member = wheel.member(&code.member).ok_or_else(|| {
            Error::new(ErrorKind::Internal, "the plan names a member that is not there").about(&code.member)
        })?;
        let startup = StartUp::new(code.folders.clone(), code.libraries.clone(), code.lowest);
        let source = wheel.read_small(member)?;
        let patched = python::startup::patched(&source, &startup, options.startup_place);
        texts.push((code.member.clone(), patched.map_err(|error| error.about(&code.member))?, TEXT_MODE));
    }
    let in_dist_info = |name: &str| format!("{}/{name}", contents.dist_info);
    let present = |name: &str| wheel.member(&in_dist_info(name)).map(|member| wheel.read_small(member)).transpose();
    let wheel_bytes = present("WHEEL")?.ok_or_else(|| Error::refused("no `WHEEL` file").about(&contents.dist_info))?;
    let mut file = WheelFile::read(&wheel_bytes).map_err(|error| error.about(in_dist_info("WHEEL")))?;
    if plan.tags.before.tags != plan.tags.after.tags
        || (options.update_tags && claims_otherwise(&file, &plan.tags.after.tags))
    {
        let tags: Vec<String> = plan.tags.after.tags.expand().iter().map(ToString::to_string).collect();
        file.set_tags(&tags);
    }
    if plan.platlib {
        file.set_root_is_purelib(false);
    }
    texts.push((in_dist_info("WHEEL"), file.to_bytes(), TEXT_MODE));
    let earlier = present(recorded::FILE_NAME)?;
    if !plan.recorded.is_empty() || earlier.is_some() {
        texts.push((in_dist_info(recorded::FILE_NAME), plan.recorded.written(earlier.as_deref()), TEXT_MODE));
    }
    if options.sbom && !plan.vendored.is_empty() {
        let name = format!("sboms/{}", sbom::FILE_NAME);
        let input = sbom_input(plan, options, contents, staged, present(&name)?.map(|bytes| bytes.to_vec()));
        texts.push((in_dist_info(&name), sbom::document(&input).bytes, TEXT_MODE));
    }
    // What says the same already is not written anew.
    let mut different = Vec::new();
    for (name, bytes, mode) in texts {
        let same = match wheel.member(&name) {
            Some(member) => *wheel.read(member)? == *bytes,
            None => false,
        };
        if !same {
            different.push((name, bytes, mode));
        }
    }
    Ok(different)
}

/// Whether the WHEEL file claims other tags than the file name: it was made under another name.
fn claims_otherwise(file: &WheelFile, tags: &TagSet) -> bool {
    let own: Vec<TagSet> = file.tags().iter().filter_map(|tag| tag.trim().parse().ok()).collect();
    let own: BTreeSet<String> = own.iter().flat_map(TagSet::expand).map(|tag| tag.to_string()).collect();
    let named: BTreeSet<String> = tags.expand().iter().map(ToString::to_string).collect();
    !own.is_empty() && own != named
}

fn sbom_input(
    plan: &Plan,
    options: &Options,
    contents: &Contents<'_>,
    staged: &Staged,
    earlier: Option<Vec<u8>>,
) -> SbomInput {
    let name = &plan.tags.after;
    let mut input = SbomInput::new(&name.distribution, &name.version, name.to_string());
    input.timestamp = options.source_date_epoch;
    input.earlier = earlier;
    for library in &plan.vendored {
        let digest = contents.made.get(&library.member).map(|made| hex(made.payload.digest())).unwrap_or_default();
        let mut vendored = Vendored::new(&library.member, original(&library.source), digest);
        vendored.joined = library.joined.iter().map(original).collect();
        vendored.needed = library.needed.clone();
        vendored.changes = staged.changes.get(&library.member).cloned().unwrap_or_default();
        input.vendored.push(vendored);
    }
    input.needed =
        plan.vendored.iter().filter(|library| library.direct).map(|library| library.member.clone()).collect();
    input
}

/// What the SBOM says of a file as it was found.
fn original(source: &Source) -> Original {
    let name = source.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let mut original = Original::new(name, hex(&source.digest));
    original.package = source.package.clone();
    original.identity = source.identity.clone();
    original.build_id = source.build_id.clone();
    original.stated = source.stated.clone();
    original
}

/// Whether rewriting removes something that installers or PyPI refuse.
pub(super) fn has_curable_faults(wheel: &Wheel) -> bool {
    wheel
        .faults()
        .iter()
        .any(|fault| fault.kind.is_cured_by_rewriting() && fault.level == crate::wheel::FaultLevel::Error)
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

impl<'a> Contents<'a> {
    /// Returns the contents of a result that is the wheel itself; its dist-info directory will be called `dist_info`.
    pub(super) fn new(wheel: &'a Wheel, dist_info: String) -> Self {
        let (made, gone, renamed, digests, plain_headers) = Default::default();
        Self { wheel, dist_info, made, gone, renamed, digests, plain_headers }
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
        self.made.insert(name.to_owned(), made);
        Ok(())
    }

    /// Takes packed bytes for a member; mode and time of an old one of the name are kept.
    pub(super) fn put(&mut self, name: &str, payload: Payload, mode: u16, time: DosTime) {
        let old = self.source(name);
        let mode = old.map(Member::mode).filter(|mode| *mode != 0).unwrap_or(mode);
        let made = Made { name: name.to_owned(), payload, mode, time: old.map_or(time, Member::time) };
        self.made.insert(name.to_owned(), made);
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
        let record_name = format!("{}/RECORD", self.dist_info);
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
