//! rpm: Fedora, RHEL, openSUSE and the manylinux images; its three database formats hold the same headers.

mod berkeley;
mod header;
mod ndb;
#[cfg(feature = "rpm")]
pub(super) mod sqlite;

use super::anchor::{Anchor, Answer, DATABASE_LIMIT, Wanted};
use super::{FileBytes, os_release};
use crate::error::Result;

/// Where the database may be: the traditional place, where Fedora and openSUSE moved it, where ostree keeps it.
const FOLDERS: [&str; 3] = ["/var/lib/rpm", "/usr/lib/sysimage/rpm", "/usr/share/rpm"];

/// Hands each package's header to the second argument; stops at the first that cannot be read.
type Walk = fn(&Store, &mut dyn FnMut(&[u8])) -> Result<()>;

/// Newest first: an upgraded system may keep the old file beside the new one.
const FORMATS: [(&str, Walk); 3] = [
    #[cfg(feature = "rpm")]
    ("rpmdb.sqlite", sqlite::headers),
    #[cfg(not(feature = "rpm"))]
    ("rpmdb.sqlite", without_sqlite),
    ("Packages.db", ndb::headers),
    ("Packages", berkeley::headers),
];

/// One database file, and the write-ahead log beside it.
struct Store {
    bytes: FileBytes,
    /// sqlite's `-wal`; what it holds has been committed and not yet moved into the file.
    #[cfg_attr(not(feature = "rpm"), expect(dead_code, reason = "only sqlite has a log"))]
    log: Option<FileBytes>,
}

pub(super) fn stands_at(anchor: &Anchor<'_>) -> bool {
    FOLDERS.iter().any(|folder| FORMATS.iter().any(|(file, _)| anchor.exists(&format!("{folder}/{file}"))))
}

pub(super) fn owners(anchor: &Anchor<'_>, wanted: &Wanted) -> Answer {
    let mut answer = Answer::default();
    let distro = os_release::distro(anchor);
    for folder in FOLDERS {
        let Some((file, walk)) = FORMATS.iter().find(|(file, _)| anchor.exists(&format!("{folder}/{file}"))) else {
            continue;
        };
        let below = format!("{folder}/{file}");
        let Some(bytes) = answer.read(anchor, &below, DATABASE_LIMIT) else { continue };
        let store = Store { bytes, log: answer.read(anchor, &format!("{below}-wal"), DATABASE_LIMIT) };
        let mut damaged = 0_usize;
        let walked = walk(&store, &mut |blob| {
            if header::claim(blob, wanted, &mut answer).is_err() {
                damaged += 1;
            }
        });
        if let Err(error) = walked {
            answer.note(anchor.note(&below, error.message()));
        }
        if damaged > 0 {
            answer.note(anchor.note(&below, format!("{damaged} damaged package headers")));
        }
        answer.describe(|package| {
            package.database_path = anchor.path(&below);
            package.distro = Some(distro.clone());
        });
        // The folders are one database under several names; where they are not, the first that knows a file counts.
        if answer.has_owners() {
            break;
        }
    }
    answer
}

#[cfg(not(feature = "rpm"))]
fn without_sqlite(_: &Store, _: &mut dyn FnMut(&[u8])) -> Result<()> {
    Err(crate::error::Error::unsupported("sqlite databases are not read by this build (feature `rpm`)"))
}
