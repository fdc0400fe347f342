//! `Output`: a wheel on its way to disk; it carries its final name only when it is whole and proven.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::OutputMember;
use super::zip::{Counted, write_archive};
use crate::error::{Error, ErrorKind, Result};
use crate::wheel::archive::DosTime;

/// How folders of unfinished files are named, so that what a killed run left behind is recognised.
const PREFIX: &str = ".truewheel-";

/// A wheel written under its own name in a temporary folder beside its destination; dropped, it is gone.
#[derive(Debug)]
pub struct Output {
    folder: TempDir,
    file: File,
    path: PathBuf,
    destination: PathBuf,
}

impl Output {
    /// Writes an archive of these members, in this order; `time` replaces every member's time.
    ///
    /// # Errors
    /// `Io` if the folder cannot be made or the file cannot be written.
    pub fn write(destination: &Path, members: &mut [OutputMember<'_>], time: Option<DosTime>) -> Result<Self> {
        let output = Self::create(destination)?;
        let mut out = Counted::new(BufWriter::with_capacity(1 << 20, &output.file));
        write_archive(&mut out, members, time).map_err(|error| Error::io(destination.display(), &error))?;
        drop(out);
        output.sync()
    }

    /// Returns the path at which the result can be read again before it is published; the file name is the final one.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the file its name, replacing what has it.
    ///
    /// # Errors
    /// `Io` if it cannot be renamed; the temporary file is gone then.
    pub fn publish(self) -> Result<PathBuf> {
        let Self { folder, file, path, destination } = self;
        drop(file);
        std::fs::rename(&path, &destination).map_err(|error| Error::io(destination.display(), &error))?;
        drop(folder);
        Ok(destination)
    }

    fn create(destination: &Path) -> Result<Self> {
        let folder = folder(destination);
        make_folder(folder)?;
        let name = destination
            .file_name()
            .ok_or_else(|| Error::new(ErrorKind::Io, "no file name").about(destination.display()))?;
        let fail = |error: &std::io::Error| Error::io(destination.display(), error);
        let temporary = tempfile::Builder::new().prefix(PREFIX).tempdir_in(folder).map_err(|error| fail(&error))?;
        let path = temporary.path().join(name);
        // As any new file: the umask decides who may read it.
        let file = File::create_new(&path).map_err(|error| fail(&error))?;
        Ok(Self { folder: temporary, file, path, destination: destination.to_path_buf() })
    }

    /// What was written is on the disk before it gets its name.
    fn sync(self) -> Result<Self> {
        self.file.sync_all().map_err(|error| Error::io(self.destination.display(), &error))?;
        Ok(self)
    }
}

/// A result that waits for its name.
#[derive(Debug)]
pub enum Ready {
    /// A new file.
    New(Output),
    /// The destination is the input itself, and nothing changes.
    InPlace(PathBuf),
}

impl Ready {
    /// Gives the result its name, and returns its path.
    ///
    /// # Errors
    /// As [`Output::publish`].
    pub fn publish(self) -> Result<PathBuf> {
        match self {
            Ready::New(output) => output.publish(),
            Ready::InPlace(path) => Ok(path),
        }
    }
}

/// Copies a wheel byte for byte, as atomically; `None` if the destination is the very file.
///
/// # Errors
/// `Io` if it cannot be read or written.
pub fn copy_whole(source: &Path, destination: &Path) -> Result<Option<Output>> {
    let same = |a: &Path, b: &Path| matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b);
    if same(source, destination) {
        return Ok(None);
    }
    let mut input = File::open(source).map_err(|error| Error::io(source.display(), &error))?;
    let output = Output::create(destination)?;
    let mut out = &output.file;
    std::io::copy(&mut input, &mut out)
        .and_then(|_| out.flush())
        .map_err(|error| Error::io(destination.display(), &error))?;
    output.sync().map(Some)
}

/// Makes the folder that results go to, and those above it, where they are missing.
///
/// # Errors
/// `Io` if it cannot be made.
pub fn make_folder(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).map_err(|error| match folder.metadata() {
        // "File exists" would be true, and no help.
        Ok(found) if !found.is_dir() => Error::new(ErrorKind::Io, "is no folder").about(folder.display()),
        _ => Error::io(folder.display(), &error),
    })
}

fn folder(destination: &Path) -> &Path {
    destination.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::super::{Content, Payload};
    use super::*;

    #[test]
    fn what_is_dropped_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let destination = folder.path().join("a.whl");
        let payload = Payload::pack(b"hello hello hello hello", 6, folder.path()).unwrap();
        let member = OutputMember::new("a/é.txt", Content::New(payload), 0, DosTime::EPOCH);
        let output = Output::write(&destination, &mut [member], None).unwrap();
        assert!(output.path().exists() && !destination.exists());
        drop(output);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn another_library_reads_what_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let destination = folder.path().join("new/a.whl");
        let text = "hello ".repeat(1000);
        let mut members = Vec::new();
        for (name, level) in [("a/é.txt", 6), ("b.txt", 0)] {
            let payload = Payload::pack(text.as_bytes(), level, folder.path()).unwrap();
            members.push(OutputMember::new(name, Content::New(payload), 0o100_755, DosTime::EPOCH));
        }
        Output::write(&destination, &mut members, None).unwrap().publish().unwrap();
        let mut archive = ::zip::ZipArchive::new(File::open(&destination).unwrap()).unwrap();
        for name in ["a/é.txt", "b.txt"] {
            let mut file = archive.by_name(name).unwrap();
            let mut back = String::new();
            file.read_to_string(&mut back).unwrap();
            assert_eq!(back, text);
            assert_eq!(file.unix_mode(), Some(0o100_755));
        }
    }

    #[test]
    fn a_file_in_the_folder_s_place_is_told_as_such() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("dist");
        std::fs::write(&file, b"").unwrap();
        let error = make_folder(&file).unwrap_err().to_string();
        assert!(error.ends_with("is no folder"), "{error}");
    }

    #[test]
    fn a_copy_onto_itself_is_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.whl");
        std::fs::write(&path, b"x").unwrap();
        assert!(copy_whole(&path, &path).unwrap().is_none());
        let copy = copy_whole(&path, &folder.path().join("b.whl")).unwrap().unwrap();
        assert_eq!(std::fs::read(copy.publish().unwrap()).unwrap(), b"x");
    }
}
