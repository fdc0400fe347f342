//! MacPorts: the registry of the prefix above a file (`var/macports/registry/registry.db`, an sqlite database).

use super::anchor::{Anchor, Answer, DATABASE_LIMIT, Wanted};

const REGISTRY: &str = "/var/macports/registry/registry.db";

pub(super) fn stands_at(anchor: &Anchor<'_>) -> bool {
    anchor.exists(REGISTRY)
}

pub(super) fn owners(anchor: &Anchor<'_>, wanted: &Wanted) -> Answer {
    let mut answer = Answer::default();
    let Some(bytes) = answer.read(anchor, REGISTRY, DATABASE_LIMIT) else { return answer };
    let log = answer.read(anchor, &format!("{REGISTRY}-wal"), DATABASE_LIMIT);
    if let Err(error) = registry::claim(anchor, wanted, &bytes, log.as_deref(), &mut answer) {
        answer.note(anchor.note(REGISTRY, error.message()));
    }
    answer
}

#[cfg(feature = "rpm")]
mod registry {
    use std::collections::{BTreeMap, BTreeSet};

    use super::super::anchor::{Anchor, Answer, MAX_PACKAGES, Wanted};
    use super::super::rpm::sqlite::Database;
    use super::super::{Package, anchor};
    use super::REGISTRY;
    use crate::error::{Error, Result};

    /// Lets each port claim what it installed.
    pub(super) fn claim(
        anchor: &Anchor<'_>,
        wanted: &Wanted,
        bytes: &[u8],
        log: Option<&[u8]>,
        answer: &mut Answer,
    ) -> Result<()> {
        let database = Database::open(bytes, log)?;
        read(anchor, wanted, &database, answer).map_err(|error| Error::malformed(format!("sqlite: {error}")))
    }

    /// macports-base, `src/cregistry/sql.c`: `files` holds absolute paths, those in place are `active`.
    fn read(anchor: &Anchor<'_>, wanted: &Wanted, database: &Database, answer: &mut Answer) -> rusqlite::Result<()> {
        database.is_plain_table("ports")?;
        database.is_plain_table("files")?;
        let mut found: BTreeMap<i64, BTreeSet<String>> = BTreeMap::new();
        let mut files = database.connection.prepare("SELECT id, actual_path FROM files WHERE active = 1")?;
        let mut rows = files.query([])?;
        while let Some(row) = rows.next()? {
            let (Ok(id), Ok(path)) = (row.get::<_, i64>(0), row.get_ref(1)?.as_str()) else { continue };
            let below = path.strip_prefix(anchor.prefix()).filter(|below| below.starts_with('/'));
            if let Some(below) = below.filter(|below| !wanted.find(below).is_empty()) {
                found.entry(id).or_default().insert(below.to_owned());
            }
        }
        let mut port = database.connection.prepare("SELECT name, version, revision, archs FROM ports WHERE id = ?1")?;
        for (id, paths) in found.into_iter().take(MAX_PACKAGES) {
            let mut rows = port.query([id])?;
            let Some(row) = rows.next()? else { continue };
            let (Ok(name), Ok(version)) = (row.get::<_, String>(0), row.get::<_, String>(1)) else { continue };
            // A port's revision counts from 0, and is said only where it is another.
            let version = match row.get::<_, i64>(2) {
                Ok(revision) if revision > 0 => format!("{version}_{revision}"),
                _ => version,
            };
            let mut files = anchor::Files::default();
            paths.iter().for_each(|path| files.add(wanted, path));
            let place = anchor.path(REGISTRY);
            let mut package = Package::new(super::super::Database::MacPorts, place, String::new(), name, version);
            package.arch = row.get::<_, String>(3).ok().filter(|archs| !archs.is_empty());
            files.claim(answer, &package);
        }
        Ok(())
    }
}

#[cfg(not(feature = "rpm"))]
mod registry {
    use super::super::anchor::{Anchor, Answer, Wanted};
    use crate::error::{Error, Result};

    pub(super) fn claim(_: &Anchor<'_>, _: &Wanted, _: &[u8], _: Option<&[u8]>, _: &mut Answer) -> Result<()> {
        Err(Error::unsupported("sqlite databases are not read by this build (feature `rpm`)"))
    }
}
