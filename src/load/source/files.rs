//! `Files`: what was read of files outside wheels, for every wheel that needs them.

use std::collections::HashMap;
use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use super::{Examined, FileBytes};
use crate::error::Result;
use crate::wheel::write::Sums;

/// What was read of files outside wheels: facts, symbols and sums, as long as the files stay as they were.
///
/// Wheels that are repaired one after the other mostly need the same libraries. What the last of them did not need is
/// forgotten by [`Files::next_wheel`], so that nothing grows with the number of wheels.
#[derive(Debug, Default)]
pub struct Files(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// The number of the wheel at hand.
    wheel: u64,
    known: HashMap<PathBuf, Known>,
}

/// What is known of one file.
#[derive(Debug)]
struct Known {
    stamp: Stamp,
    /// The last wheel that needed it.
    wheel: u64,
    examined: Option<Arc<Examined>>,
    sums: Option<Sums>,
}

/// What differs once a file was written again.
#[derive(Debug, PartialEq, Eq)]
struct Stamp {
    size: u64,
    modified: Option<SystemTime>,
    /// Device, inode, and the time of the last change of either content or times, where there are such.
    inode: Option<[i64; 4]>,
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        #[cfg(unix)]
        let inode = {
            use std::os::unix::fs::MetadataExt;
            let [device, number] = [metadata.dev(), metadata.ino()].map(u64::cast_signed);
            Some([device, number, metadata.ctime(), metadata.ctime_nsec()])
        };
        #[cfg(not(unix))]
        let inode = None;
        Self { size: metadata.len(), modified: metadata.modified().ok(), inode }
    }
}

impl Files {
    /// Forgets what was not needed since the last call.
    pub fn next_wheel(&self) {
        let mut state = self.lock();
        let last = state.wheel;
        state.known.retain(|_, known| known.wheel == last);
        state.wheel = last.wrapping_add(1);
    }

    /// Returns the facts of the file at a path on disk; `read` is asked if they are not known.
    pub(in crate::load) fn examined(&self, path: &Path, read: impl FnOnce() -> Examined) -> Arc<Examined> {
        let stamp = stamp(path);
        if let Some(examined) = self.known(path, stamp.as_ref(), |known| known.examined.clone()) {
            return examined;
        }
        let examined = Arc::new(read());
        self.keep(path, stamp, |known| known.examined = Some(Arc::clone(&examined)));
        examined
    }

    /// Returns the sums of the file at a path on disk.
    ///
    /// # Errors
    /// As [`FileBytes::open`].
    pub fn sums(&self, path: &Path) -> Result<Sums> {
        let stamp = stamp(path);
        if let Some(sums) = self.known(path, stamp.as_ref(), |known| known.sums) {
            return Ok(sums);
        }
        let sums = Sums::of(&FileBytes::open(path)?);
        self.keep(path, stamp, |known| known.sums = Some(sums));
        Ok(sums)
    }

    /// Returns true if the file was summed and, by size, times and inode, nobody wrote it since then.
    pub fn is_unchanged(&self, path: &Path) -> bool {
        let stamp = stamp(path);
        self.known(path, stamp.as_ref(), |known| known.sums).is_some()
    }

    fn known<T>(&self, path: &Path, stamp: Option<&Stamp>, get: impl Fn(&Known) -> Option<T>) -> Option<T> {
        let mut state = self.lock();
        let wheel = state.wheel;
        let known = state.known.get_mut(path).filter(|known| Some(&known.stamp) == stamp)?;
        known.wheel = wheel;
        get(known)
    }

    fn keep(&self, path: &Path, stamp: Option<Stamp>, set: impl FnOnce(&mut Known)) {
        // A file that changed while it was read is read again by the next who asks.
        let Some(stamp) = stamp.filter(|before| self::stamp(path).as_ref() == Some(before)) else { return };
        let mut state = self.lock();
        let wheel = state.wheel;
        let new = |stamp| Known { stamp, wheel, examined: None, sums: None };
        let known = match state.known.remove(path).filter(|known| known.stamp == stamp) {
            Some(known) => known,
            None => new(stamp),
        };
        let known = state.known.entry(path.to_owned()).or_insert(Known { wheel, ..known });
        set(known);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    fs::metadata(path).ok().as_ref().map(Stamp::of)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn reads(files: &Files, path: &Path, count: &Cell<usize>) {
        let _ = files.examined(path, || {
            count.set(count.get() + 1);
            Err("no binary".to_owned())
        });
    }

    #[test]
    fn a_file_is_read_once_until_it_changes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.dll");
        fs::write(&path, "one").unwrap();
        let (files, count) = (Files::default(), Cell::new(0));
        for _ in 0..3 {
            reads(&files, &path, &count);
            assert_eq!(files.sums(&path).unwrap(), Sums::of(b"one"));
        }
        assert_eq!(count.get(), 1);
        assert!(files.is_unchanged(&path));
        fs::write(&path, "other").unwrap();
        assert!(!files.is_unchanged(&path));
        assert_eq!(files.sums(&path).unwrap(), Sums::of(b"other"));
        reads(&files, &path, &count);
        assert_eq!(count.get(), 2);
        fs::remove_file(&path).unwrap();
        assert!(files.sums(&path).is_err());
    }

    #[test]
    fn what_the_last_wheel_did_not_need_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let [one, two] = ["one", "two"].map(|name| folder.path().join(name));
        for path in [&one, &two] {
            fs::write(path, "text").unwrap();
        }
        let (files, count) = (Files::default(), Cell::new(0));
        for needed in [&[&one, &two][..], &[&one], &[&one, &two]] {
            files.next_wheel();
            for path in needed {
                reads(&files, path, &count);
            }
        }
        // The first wheel both, the third `two` again.
        assert_eq!(count.get(), 3);
        assert_eq!(files.lock().known.len(), 2);
    }
}
