//! `Wheel`: an archive that was scanned, with whatever of it can be trusted.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::map::Mapping;
use super::part::Part;
use super::read::{self, MemberBytes};
use super::scan::{self, NameScope};
use super::{ArchiveFault, Member};
use crate::error::{Error, Result};
use crate::tag::{PlatformTag, WheelFilename};
use crate::wheel::dist_info::{self, DistInfo};

/// A wheel: its members, and what is wrong with its archive.
///
/// Nothing is unpacked to disk, so no name can lead anywhere.
#[derive(Debug)]
pub struct Wheel {
    path: PathBuf,
    mapping: Arc<Mapping>,
    members: Vec<Member>,
    /// Indices into `members`, ascending by name, later members of one name later.
    by_name: Vec<usize>,
    directories: Vec<String>,
    faults: Vec<ArchiveFault>,
    is_bomb: bool,
    filename: Result<WheelFilename>,
    dist_info: DistInfo,
}

impl Wheel {
    /// Text members of a wheel are smaller than this, in bytes.
    pub const SMALL: u64 = 64 << 20;

    /// Opens and scans the archive. What is wrong with it is in [`Wheel::faults`], and does not fail.
    ///
    /// # Errors
    ///
    /// I/O if the file is absent or unreadable; malformed if it is no zip archive at all (or cut before its end
    /// record), so that nothing of it can be trusted.
    pub fn open(path: &Path) -> Result<Self> {
        Self::scan(path.to_owned(), Mapping::open(path)?)
    }

    /// Scans an archive in memory; `path` stands for it in messages and gives the file name.
    ///
    /// # Errors
    ///
    /// Malformed if it is no zip archive at all.
    pub fn from_bytes(path: &Path, bytes: Vec<u8>) -> Result<Self> {
        Self::scan(path.to_owned(), Mapping::Held(bytes))
    }

    fn scan(path: PathBuf, mapping: Mapping) -> Result<Self> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let filename: Result<WheelFilename> = name.parse();
        let scan = scan::scan(mapping.bytes(), name_scope(filename.as_ref().ok())).ok_or_else(|| {
            Error::malformed("not a zip archive: it has no end record, or is cut short").about(path.display())
        })?;
        let mut by_name: Vec<usize> = (0..scan.members.len()).collect();
        by_name.sort_by_key(|index| scan.members.get(*index).map(Member::name));
        let dist_info = dist_info::find(scan.members.iter().map(Member::name), filename.as_ref().ok());
        Ok(Self {
            path,
            mapping: Arc::new(mapping),
            members: scan.members,
            by_name,
            directories: scan.directories,
            faults: scan.faults,
            is_bomb: scan.is_bomb,
            filename,
            dist_info,
        })
    }

    /// Returns the path it was opened by.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns what the file name says.
    ///
    /// # Errors
    ///
    /// Malformed if it is not a wheel's name.
    pub fn filename(&self) -> Result<&WheelFilename> {
        self.filename.as_ref().map_err(Clone::clone)
    }

    /// Returns the members that can be trusted, in the order of the archive; directories are not members.
    ///
    /// A name that the archive holds twice is here twice (and a fault).
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// Returns the member of that name; of several, the last, as installers do.
    pub fn member(&self, name: &str) -> Option<&Member> {
        let name_of = |index: &usize| self.members.get(*index).map_or("", Member::name);
        let after = self.by_name.partition_point(|index| name_of(index) <= name);
        let index = self.by_name.get(after.checked_sub(1)?)?;
        self.members.get(*index).filter(|member| member.name() == name)
    }

    /// Returns the names of directory entries, without the slash.
    pub fn directories(&self) -> &[String] {
        &self.directories
    }

    /// Returns what is wrong with the archive.
    pub fn faults(&self) -> &[ArchiveFault] {
        &self.faults
    }

    /// Returns the dist-info directory, without slash: `demo-1.0.dist-info`.
    pub fn dist_info(&self) -> Option<&str> {
        self.dist_info.directory.as_deref()
    }

    /// Returns the dist-info directory with what is odd about it.
    pub fn dist_info_facts(&self) -> &DistInfo {
        &self.dist_info
    }

    /// Returns a member of the dist-info directory by its name in there: `METADATA`, `licenses/LICENSE`.
    pub fn dist_info_member(&self, name: &str) -> Option<&Member> {
        self.member(&format!("{}/{name}", self.dist_info()?))
    }

    /// Returns the size of the file in bytes.
    pub fn file_size(&self) -> u64 {
        self.mapping.bytes().len() as u64
    }

    /// Returns the file's bytes; reading them all reads the file.
    pub fn file_bytes(&self) -> &[u8] {
        self.mapping.bytes()
    }

    fn refuse_bomb(&self, member: &Member) -> Result<()> {
        match self.is_bomb {
            true => Err(Error::malformed("the archive unpacks to absurdly much").about(member.name())),
            false => Ok(()),
        }
    }

    /// Returns a member's bytes; size and checksum are right.
    ///
    /// May wait until other readers of the process give bytes back ([`super::Budget`]).
    ///
    /// # Errors
    ///
    /// Malformed if the data cannot be unpacked or are not what was declared, or the archive is a bomb; unsupported
    /// if they are encrypted or compressed by an unknown method.
    pub fn read(&self, member: &Member) -> Result<MemberBytes> {
        self.refuse_bomb(member)?;
        read::read(&self.mapping, member)
    }

    /// Opens a large member of which only the ends will be looked at; `None` for what is better read whole.
    ///
    /// # Errors
    ///
    /// As [`Wheel::read`], as far as that can be told from the start of the member.
    pub fn part(&self, member: &Member) -> Result<Option<Part<'_>>> {
        self.refuse_bomb(member)?;
        Part::open(&self.mapping, member)
    }

    /// Tells whether a member's data go on behind its declared size, and its checksum is that of the part before.
    ///
    /// CPython's zipfile, pip with it, takes that part alone; who compares sizes refuses the member.
    pub fn goes_on(&self, member: &Member) -> bool {
        !self.is_bomb && read::goes_on(&self.mapping, member)
    }

    /// Returns the bytes of a member that is small by nature: RECORD, METADATA, WHEEL and the like.
    ///
    /// # Errors
    ///
    /// As [`Wheel::read`]; malformed also if it has more than [`Wheel::SMALL`] bytes.
    pub fn read_small(&self, member: &Member) -> Result<MemberBytes> {
        if member.size() > Self::SMALL {
            let message = format!("has {} bytes, more than the {} that are read", member.size(), Self::SMALL);
            return Err(Error::malformed(message).about(member.name()));
        }
        self.read(member)
    }

    /// Hands a member's bytes to `sink` piece by piece, without holding a large one whole.
    ///
    /// # Errors
    ///
    /// As [`Wheel::read`]; what `sink` was given before counts for nothing then.
    pub fn stream(&self, member: &Member, sink: &mut dyn FnMut(&[u8])) -> Result<()> {
        self.refuse_bomb(member)?;
        read::stream(&self.mapping, member, sink)
    }

    /// Returns SHA-256 and size of a member, without holding a large one whole.
    ///
    /// # Errors
    ///
    /// As [`Wheel::read`].
    pub fn digest(&self, member: &Member) -> Result<([u8; 32], u64)> {
        self.refuse_bomb(member)?;
        read::digest(&self.mapping, member)
    }

    /// Returns the first bytes of a member, at most `count`, fewer where it is shorter; the checksum is not checked.
    ///
    /// # Errors
    ///
    /// As [`Wheel::read`].
    pub fn read_prefix(&self, member: &Member, count: usize) -> Result<Vec<u8>> {
        self.refuse_bomb(member)?;
        read::prefix(&self.mapping, member, count)
    }

    /// Returns a member's bytes as they lie in the archive, compressed or not.
    ///
    /// # Errors
    ///
    /// As [`Wheel::read`], as far as that can be told without unpacking.
    pub fn packed(&self, member: &Member) -> Result<&[u8]> {
        self.refuse_bomb(member)?;
        read::packed(&self.mapping, member)
    }
}

/// Returns which file systems the wheel is meant for; all of them where its name does not say.
fn name_scope(filename: Option<&WheelFilename>) -> NameScope {
    let Some(filename) = filename else {
        return NameScope { windows: true, case_insensitive: true, composing: true };
    };
    let any = |wanted: fn(&PlatformTag) -> bool| filename.tags.platforms().iter().any(wanted);
    let windows = any(|tag| matches!(tag, PlatformTag::Any | PlatformTag::Windows { .. } | PlatformTag::Other(_)));
    let apple = any(|tag| matches!(tag, PlatformTag::Macos { .. } | PlatformTag::Ios { .. }));
    let anywhere = any(|tag| matches!(tag, PlatformTag::Any | PlatformTag::Other(_)));
    NameScope { windows, case_insensitive: windows || apple, composing: anywhere || apple }
}
