//! Carrying a plan out: one function, bytes in dependency order, text members last.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rayon::prelude::*;

use super::batch::{Batch, Copied};
use super::contents::{Contents, Made, has_curable_faults, same_rows};
use super::options::Options;
use super::plan::{MemberEdit, Plan, Source, VendoredLibrary, hex};
use super::recorded;
use crate::error::{Error, ErrorKind, Result};
use crate::format::{self, Change, macho};
use crate::load::{FileBytes, Files, Kept};
use crate::origin::sbom::{self, Original, SbomInput, Vendored};
use crate::python::{self, startup::StartUp};
use crate::tag::TagSet;
use crate::wheel::wheel_file::WheelFile;
use crate::wheel::write::{DEFAULT_LEVEL, Differences, Output, Payload, Sums, copy_whole, make_folder};
use crate::wheel::{Budget, DosTime, Method, Wheel};

/// Mode of a library that is copied in: a regular file that everyone may read and map.
const LIBRARY_MODE: u16 = 0o100_755;
/// Mode of a text member that is new.
const TEXT_MODE: u16 = 0o100_644;

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
    for Done { made, changes, notes } in done {
        staged.notes.extend(notes.into_iter().map(|note| (made.name.clone(), note)));
        if !changes.is_empty() {
            staged.changes.insert(made.name.clone(), changes);
        }
        contents.add(made);
    }
    let texts = texts(wheel, plan, options, &contents, &staged)?;
    for (name, bytes, mode) in texts {
        contents.make(&name, &bytes, mode, options, folder)?;
    }
    let destination = folder.join(plan.tags.after.to_string());
    let record_name = contents.in_dist_info("RECORD");
    contents.sum(&kept, &batch.digests)?;
    drop(kept);
    let record = contents.record()?;
    let same_record = wheel.member(&record_name).map(|member| wheel.read_small(member)).transpose()?;
    let same_record = same_record.is_some_and(|bytes| same_rows(&bytes, &record));
    if contents.is_the_input() && same_record && !has_curable_faults(wheel) {
        staged.output = copy_whole(wheel.path(), &destination)?;
        return Ok(staged);
    }
    staged.dropped = contents.drop_signatures();
    if !same_record || !contents.is_the_input() {
        let record = contents.record()?.to_bytes()?;
        contents.make(&record_name, &record, TEXT_MODE, options, folder)?;
    }
    staged.changed = contents.new_members();
    staged.output = Some(contents.write(&destination, options)?);
    Ok(staged)
}

/// One binary's new bytes.
struct Done {
    made: Made,
    changes: Vec<Change>,
    notes: Vec<String>,
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
    Ok(Some(Done { made, changes: edited.changes, notes: edited.notes }))
}

fn vendor(library: &VendoredLibrary, making: Making<'_>) -> Result<Done> {
    let Making { options, batch, .. } = making;
    let copied = batch.finished.copy(library, options.compress, || copied(library, making))?;
    let (name, payload) = (library.member.clone(), copied.payload.clone());
    let made = Made { name, payload, mode: LIBRARY_MODE, time: DosTime::EPOCH };
    Ok(Done { made, changes: copied.changes.clone(), notes: copied.notes.clone() })
}

/// Copies a library, edits the copy and packs it.
fn copied(library: &VendoredLibrary, making: Making<'_>) -> Result<Copied> {
    let Making { options, folder, batch } = making;
    let about = |error: Error| error.about(library.source.path.display());
    let level = options.compress;
    let parts = library.sources().map(|source| opened(source, &batch.files)).collect::<Result<Vec<_>>>()?;
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
fn opened(source: &Source, files: &Files) -> Result<FileBytes> {
    let bytes = FileBytes::open(&source.path)?;
    // The plan was made of its SHA-256; what may have changed since then is a build's doing, nobody's forgery.
    match files.is_unchanged(&source.path) || crc32fast::hash(&bytes) == source.crc32 {
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
    let in_dist_info = |name: &str| contents.in_dist_info(name);
    let present = |name: &str| wheel.member(&in_dist_info(name)).map(|member| wheel.read_small(member)).transpose();
    let wheel_bytes = present("WHEEL")?.ok_or_else(|| Error::refused("no `WHEEL` file").about(contents.dist_info()))?;
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
        let digest = contents.new_digest(&library.member).map(|digest| hex(digest)).unwrap_or_default();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_that_changed_after_the_plan_was_made_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("liba.so");
        std::fs::write(&path, "as planned").unwrap();
        let files = Files::default();
        let sums = files.sums(&path).unwrap();
        let (digest, crc32) = (sums.sha256, sums.crc32);
        let (identity, build_id, stated, package) = Default::default();
        let source = Source { path: path.clone(), digest, crc32, identity, build_id, stated, package };
        assert_eq!(&*opened(&source, &files).unwrap(), b"as planned");
        std::fs::write(&path, "as another").unwrap();
        let error = opened(&source, &files).unwrap_err();
        assert!(error.to_string().contains("changed while the wheel was repaired"), "{error}");
        // Written again, and the same as before.
        std::fs::write(&path, "as planned").unwrap();
        assert!(!files.is_unchanged(&path) && opened(&source, &files).is_ok());
    }
}
