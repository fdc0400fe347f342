//! What was asked for, on standard output or in a file: written once, a closed pipe is no failure, a full disk is.

use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::status::Status;
use super::terminal::Terminal;
use crate::error::{Error, Result};

/// Where a command's output goes.
#[derive(Debug)]
pub struct Sink {
    /// The file, and what is to be in it; `None` is standard output.
    file: Option<(PathBuf, String)>,
    /// The reader is gone: nothing more is written.
    closed: bool,
}

impl Sink {
    /// Returns the sink for `--output FILE`, or standard output.
    pub fn new(file: Option<&Path>) -> Self {
        Self { file: file.map(|path| (path.to_owned(), String::new())), closed: false }
    }

    /// Returns true if it is standard output.
    pub fn is_stdout(&self) -> bool {
        self.file.is_none()
    }

    /// Returns true if nobody reads any more.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Writes text, at once if it goes to standard output.
    ///
    /// # Errors
    /// `Io` if standard output does not take it; a closed pipe is no error.
    pub fn write(&mut self, text: &str) -> Result<()> {
        if self.closed {
            return Ok(());
        }
        match &mut self.file {
            Some((_, content)) => content.push_str(text),
            None => {
                let mut stdout = std::io::stdout().lock();
                match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
                    Ok(()) => {}
                    Err(error) if error.kind() == ErrorKind::BrokenPipe => self.closed = true,
                    Err(error) => return Err(Error::io("standard output", &error)),
                }
            }
        }
        Ok(())
    }

    /// Writes the file, if it is one.
    ///
    /// # Errors
    /// `Io` if the file cannot be written; then there is no new file.
    pub fn finish(self) -> Result<()> {
        match self.file {
            Some((path, content)) => write_file(&path, content.as_bytes(), None),
            None => Ok(()),
        }
    }
}

/// Writes a file whole or not at all: to a temporary file beside it, then by renaming; with `permissions`, or as any
/// new file.
///
/// # Errors
/// `Io` if any step fails.
pub fn write_file(path: &Path, bytes: &[u8], permissions: Option<std::fs::Permissions>) -> Result<()> {
    let io = |error: &std::io::Error| Error::io(path.display(), error);
    // The device or pipe that a path names is written to, not replaced.
    if std::fs::metadata(path).is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir()) {
        return std::fs::write(path, bytes).map_err(|error| io(&error));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".truewheel-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // As for any new file, the umask decides.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let mut file = builder.tempfile_in(folder).map_err(|error| io(&error))?;
    file.write_all(bytes).map_err(|error| io(&error))?;
    if let Some(permissions) = permissions {
        file.as_file().set_permissions(permissions).map_err(|error| io(&error))?;
    }
    file.as_file().sync_all().map_err(|error| io(&error))?;
    if path.is_dir() {
        return Err(Error::new(crate::error::ErrorKind::Io, "is a directory").about(path.display()));
    }
    file.persist(path).map_err(|error| io(&error.error))?;
    Ok(())
}

/// Writes text to standard output and returns the status.
pub fn text(text: &str) -> Status {
    let mut sink = Sink::new(None);
    match sink.write(text) {
        Ok(()) => Status::Done,
        Err(error) => {
            Terminal::plain().error(&error);
            Status::Impossible
        }
    }
}

/// Prints clap's message where it belongs: help and version on standard output, mistakes on stderr.
pub fn clap_message(error: &clap::Error) -> Status {
    if error.use_stderr() {
        let _ = error.print();
        return Status::Impossible;
    }
    text(&error.render().to_string())
}
