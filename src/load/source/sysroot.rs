//! `Sysroot`: a read-only view of a directory as if it were `/`.

use std::collections::HashMap;
use std::fs;
use std::io::Read;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use memmap2::Mmap;

use crate::error::{Error, Result};

/// Linux's own limit (`MAXSYMLINKS`) on symbolic links in one path.
const MAX_LINKS: usize = 40;
/// Linux's `PATH_MAX`.
const MAX_PATH: usize = 4096;
/// More entries than a directory of libraries or packages has; what is beyond is not listed.
const MAX_ENTRIES: usize = 1_000_000;

/// A read-only view of a directory as if it were `/`.
///
/// Paths are absolute inside it, with `/` on every host; `..` stops at the root and absolute symbolic links stay
/// inside, as they would on the machine whose root it is. Nothing of it is trusted: loops, devices and files that
/// cannot be read are absent or an error, never a hang.
#[derive(Clone)]
pub struct Sysroot {
    root: PathBuf,
    /// Canonical path of each directory asked for so far.
    resolved: Arc<Mutex<HashMap<String, Option<String>>>>,
}

impl std::fmt::Debug for Sysroot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sysroot").field("root", &self.root).finish_non_exhaustive()
    }
}

/// What a path of a [`Sysroot`] is, symbolic links followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A device, a socket, a pipe.
    Other,
}

/// The bytes of a file, mapped if it is large.
pub struct FileBytes(Held);

enum Held {
    Mapped(Mmap),
    Owned(Vec<u8>),
}

impl Deref for FileBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Held::Mapped(map) => map,
            Held::Owned(bytes) => bytes,
        }
    }
}

impl FileBytes {
    /// Opens the file at a path on disk as a memory map.
    ///
    /// # Errors
    /// `Io` if it is absent, no regular file, or cannot be read.
    pub fn open(path: &Path) -> Result<Self> {
        let (directory, name) = match (path.parent(), path.file_name().and_then(|name| name.to_str())) {
            (Some(directory), Some(name)) => (directory, name),
            _ => return Err(Error::new(crate::error::ErrorKind::Io, "not the path of a file").about(path.display())),
        };
        Sysroot::new(directory)?.map(&format!("/{name}"))
    }
}

impl std::fmt::Debug for FileBytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FileBytes({} bytes)", self.len())
    }
}

impl Sysroot {
    /// Returns the view of a directory.
    ///
    /// # Errors
    /// `Io` if it is absent or no directory.
    pub fn new(root: impl AsRef<Path>) -> Result<Self> {
        let given = root.as_ref();
        let root = dunce::canonicalize(given).map_err(|error| Error::io(given.display(), &error))?;
        if !root.is_dir() {
            return Err(Error::new(crate::error::ErrorKind::Io, "not a directory").about(given.display()));
        }
        Ok(Self { root, resolved: Arc::default() })
    }

    /// Returns the view of this machine.
    pub fn host() -> Self {
        Self { root: PathBuf::from("/"), resolved: Arc::default() }
    }

    /// Returns the directory on disk.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the path inside for a path on disk below the root, `None` for another.
    pub fn inside(&self, on_disk: &Path) -> Option<String> {
        let relative = on_disk.strip_prefix(&self.root).ok()?;
        let mut inside = String::new();
        for part in relative.components() {
            inside.push('/');
            inside.push_str(part.as_os_str().to_str()?);
        }
        Some(if inside.is_empty() { "/".to_owned() } else { inside })
    }

    /// Returns the path on disk of a *canonical* path inside.
    pub fn on_disk(&self, canonical: &str) -> PathBuf {
        self.root.join(canonical.trim_start_matches('/'))
    }

    /// Returns the path with every symbolic link followed inside the root, `None` if it leads nowhere.
    pub fn canonicalize(&self, path: &str) -> Option<String> {
        self.locate(path).map(|(canonical, _)| canonical)
    }

    /// Returns what is at a path, `None` if there is nothing.
    pub fn kind(&self, path: &str) -> Option<FileKind> {
        let (_, kind) = self.locate(path)?;
        Some(if kind.is_file() {
            FileKind::File
        } else if kind.is_dir() {
            FileKind::Directory
        } else {
            FileKind::Other
        })
    }

    /// Returns true if there is anything at a path.
    pub fn exists(&self, path: &str) -> bool {
        self.canonicalize(path).is_some()
    }

    /// Returns the names in a directory, sorted; names that are not UTF-8 are left out. Empty if there is none.
    pub fn list_dir(&self, path: &str) -> Vec<String> {
        let Some(canonical) = self.canonicalize(path) else { return Vec::new() };
        let Ok(entries) = fs::read_dir(self.on_disk(&canonical)) else { return Vec::new() };
        let mut names: Vec<String> =
            entries.take(MAX_ENTRIES).filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
        names.sort_unstable();
        names
    }

    /// Returns the content of a file of at most `limit` bytes.
    ///
    /// # Errors
    /// `Io` if it is absent, no regular file, or cannot be read; `Unsupported` if it is larger.
    pub fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>> {
        let (file, size) = self.open(path)?;
        if size > limit {
            return Err(Error::unsupported(format!("{size} bytes, more than {limit}")).about(path));
        }
        // The size is the file system's word; the limit holds whatever is read. One byte more shows the end at once.
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0).saturating_add(1));
        file.take(limit).read_to_end(&mut bytes).map_err(|error| Error::io(path, &error))?;
        Ok(bytes)
    }

    /// Returns the content of a file, mapped.
    ///
    /// # Errors
    /// `Io` if it is absent, no regular file, or cannot be mapped.
    pub fn map(&self, path: &str) -> Result<FileBytes> {
        let (file, size) = self.open(path)?;
        if size == 0 {
            return Ok(FileBytes(Held::Owned(Vec::new())));
        }
        // SAFETY: the map is read only through bounds-checked readers that trust no byte of it; a file that another
        // process truncates meanwhile ends this process with SIGBUS, as it would any program that maps libraries.
        let map = unsafe { Mmap::map(&file) }.map_err(|error| Error::io(path, &error))?;
        Ok(FileBytes(Held::Mapped(map)))
    }

    fn open(&self, path: &str) -> Result<(fs::File, u64)> {
        let absent = || Error::new(crate::error::ErrorKind::Io, "no such file").about(path);
        let (canonical, kind) = self.locate(path).ok_or_else(absent)?;
        let io = |error| Error::io(path, &error);
        // Checked before it is opened: opening a pipe waits for its other end.
        if !kind.is_file() {
            return Err(Error::new(crate::error::ErrorKind::Io, "not a regular file").about(path));
        }
        let file = fs::File::open(self.on_disk(&canonical)).map_err(io)?;
        let size = file.metadata().map_err(io)?.len();
        Ok((file, size))
    }

    /// Returns the canonical path, and what stands there.
    fn locate(&self, path: &str) -> Option<(String, fs::FileType)> {
        if path.len() > MAX_PATH || path.contains('\0') {
            return None;
        }
        let path = path.trim_end_matches('/');
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        let directory = self.directory(parent)?;
        self.follow(&directory, name)
    }

    /// Returns the canonical directory, remembered for the next file of it.
    fn directory(&self, path: &str) -> Option<String> {
        if let Ok(resolved) = self.resolved.lock()
            && let Some(known) = resolved.get(path)
        {
            return known.clone();
        }
        let found = self.follow("/", path).filter(|(_, kind)| kind.is_dir()).map(|(canonical, _)| canonical);
        if let Ok(mut resolved) = self.resolved.lock() {
            resolved.insert(path.to_owned(), found.clone());
        }
        found
    }

    /// Follows `path` from the canonical `directory`, component by component.
    fn follow(&self, directory: &str, path: &str) -> Option<(String, fs::FileType)> {
        let mut at = directory.to_owned();
        let mut kind = None;
        let mut pending: Vec<String> = path.rsplit('/').map(str::to_owned).collect();
        let mut links = 0;
        while let Some(name) = pending.pop() {
            match name.as_str() {
                "" | "." => continue,
                ".." => {
                    at = parent_of(&at).to_owned();
                    kind = None;
                    continue;
                }
                _ => {}
            }
            let here = join(&at, &name);
            let metadata = fs::symlink_metadata(self.on_disk(&here)).ok()?;
            if metadata.is_symlink() {
                links += 1;
                let target = fs::read_link(self.on_disk(&here)).ok()?;
                let target = target.to_str()?;
                if links > MAX_LINKS || target.len() > MAX_PATH {
                    return None;
                }
                if target.starts_with('/') {
                    "/".clone_into(&mut at);
                }
                pending.extend(target.rsplit('/').map(str::to_owned));
            } else if pending.is_empty() || metadata.is_dir() {
                at = here;
                kind = Some(metadata.file_type());
            } else {
                return None;
            }
        }
        match kind {
            Some(kind) => Some((at, kind)),
            None => fs::symlink_metadata(self.on_disk(&at)).ok().map(|metadata| (at, metadata.file_type())),
        }
    }
}

fn join(directory: &str, name: &str) -> String {
    if directory.ends_with('/') { format!("{directory}{name}") } else { format!("{directory}/{name}") }
}

fn parent_of(path: &str) -> &str {
    match path.rsplit_once('/') {
        Some(("", _)) | None => "/",
        Some((parent, _)) => parent,
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn root() -> (tempfile::TempDir, Sysroot) {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir_all(directory.path().join("usr/lib")).unwrap();
        fs::write(directory.path().join("usr/lib/libz.so.1.2"), b"library").unwrap();
        let sysroot = Sysroot::new(directory.path()).unwrap();
        (directory, sysroot)
    }

    #[test]
    fn absolute_links_and_dot_dot_stay_inside() {
        let (directory, root) = root();
        symlink("/usr/lib", directory.path().join("lib")).unwrap();
        symlink("/lib/libz.so.1.2", directory.path().join("usr/lib/libz.so.1")).unwrap();
        symlink("../../../../../../usr/lib/libz.so.1", directory.path().join("usr/lib/libz.so")).unwrap();
        for path in ["/lib/libz.so", "/lib/../lib//./libz.so.1", "/../../usr/lib/libz.so"] {
            assert_eq!(root.canonicalize(path).as_deref(), Some("/usr/lib/libz.so.1.2"), "{path}");
            assert_eq!(&*root.map(path).unwrap(), b"library");
        }
        assert_eq!(root.on_disk("/usr/lib/libz.so.1.2"), root.root().join("usr/lib/libz.so.1.2"));
        assert_eq!(root.inside(&root.root().join("usr/lib")).as_deref(), Some("/usr/lib"));
    }

    #[test]
    fn links_in_a_circle_lead_nowhere() {
        let (directory, root) = root();
        symlink("b", directory.path().join("a")).unwrap();
        symlink("a", directory.path().join("b")).unwrap();
        symlink("self/self/self", directory.path().join("self")).unwrap();
        for path in ["/a", "/a/x", "/self", "/self/self/x"] {
            assert_eq!(root.canonicalize(path), None, "{path}");
        }
    }

    #[test]
    fn a_file_is_no_directory() {
        let (_directory, root) = root();
        assert_eq!(root.canonicalize("/usr/lib/libz.so.1.2/x"), None);
        assert_eq!(root.canonicalize("/usr/lib/libz.so.1.2/.."), None);
        assert_eq!(root.kind("/usr/lib"), Some(FileKind::Directory));
        assert!(root.map("/usr/lib").is_err() && root.read("/usr/lib", 100).is_err());
    }

    #[test]
    fn pipes_large_files_and_absurd_paths_are_refused() {
        let (directory, root) = root();
        let pipe = directory.path().join("usr/lib/pipe.so");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        // POSIX has `mkfifo`: where it is missing this test cannot pass.
        assert!(made.is_ok_and(|status| status.success()));
        assert_eq!(root.kind("/usr/lib/pipe.so"), Some(FileKind::Other));
        assert!(root.map("/usr/lib/pipe.so").is_err());
        assert!(root.read("/usr/lib/libz.so.1.2", 3).is_err());
        assert_eq!(root.canonicalize(&"/usr".repeat(3000)), None);
        assert_eq!(root.canonicalize("/usr\0/lib"), None);
    }

    #[test]
    fn what_cannot_be_read_is_an_error_and_an_unreadable_directory_is_empty() {
        let (directory, root) = root();
        let file = directory.path().join("usr/lib/libz.so.1.2");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o000)).unwrap();
        // The superuser reads everything.
        if fs::File::open(&file).is_err() {
            assert!(root.map("/usr/lib/libz.so.1.2").is_err());
        }
        assert!(root.list_dir("/absent").is_empty());
        assert_eq!(root.list_dir("/usr/lib"), ["libz.so.1.2"]);
    }

    #[test]
    fn an_empty_file_maps_to_nothing() {
        let (directory, root) = root();
        fs::write(directory.path().join("empty"), b"").unwrap();
        assert!(root.map("/empty").unwrap().is_empty());
        assert!(Sysroot::new(directory.path().join("absent")).is_err());
        assert!(Sysroot::new(directory.path().join("empty")).is_err());
    }
}
