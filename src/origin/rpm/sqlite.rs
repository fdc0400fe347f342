//! rpm's sqlite format (since 4.16): read in memory, so that read-only media and an open write-ahead log both do.

use std::collections::HashMap;
use std::io::{self, Read};

use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, OpenFlags};

use super::super::anchor::MAX_PACKAGES;
use super::Store;
use crate::error::{Error, Result};
use crate::format::bytes::{Bytes, Endian};

/// sqlite copies the database into its own memory, which the bounds of a repair leave this much room for.
const COPY_LIMIT: u64 = 256 << 20;
/// The largest value; headers of the largest packages are a tenth of it.
const BLOB_LIMIT: i32 = 64 << 20;
/// Steps of sqlite's virtual machine; one package takes about ten.
const STEP_LIMIT: u64 = 20_000_000;
const STEPS: i32 = 100_000;

/// Hands over every package's header.
pub(super) fn headers(store: &Store, each: &mut dyn FnMut(&[u8])) -> Result<()> {
    let database = Database::open(&store.bytes, store.log.as_deref())?;
    walk(&database, each).map_err(|error| Error::malformed(format!("sqlite: {error}")))
}

fn walk(database: &Database, each: &mut dyn FnMut(&[u8])) -> rusqlite::Result<()> {
    database.is_plain_table("Packages")?;
    let mut statement = database.connection.prepare("SELECT blob FROM Packages")?;
    let mut rows = statement.query([])?;
    let mut packages = 0_usize;
    // Values do not overlap: together they cannot be larger than the file.
    let mut budget = database.size;
    while let Some(row) = rows.next()? {
        packages += 1;
        if packages > MAX_PACKAGES {
            break;
        }
        if let Ok(blob) = row.get_ref(0)?.as_blob() {
            budget = budget.checked_sub(blob.len()).ok_or(rusqlite::Error::InvalidQuery)?;
            each(blob);
        }
    }
    Ok(())
}

/// A stranger's sqlite database, in memory and bounded.
pub(in crate::origin) struct Database {
    pub(in crate::origin) connection: Connection,
    /// Its size in bytes.
    size: usize,
}

impl Database {
    /// Reads a database, with the write-ahead log beside it.
    ///
    /// # Errors
    /// `Malformed` if it is none, or larger than what is read.
    pub(in crate::origin) fn open(bytes: &[u8], log: Option<&[u8]>) -> Result<Self> {
        let image = Image::new(bytes, log)?;
        let size = image.len();
        // What the header or the log says beyond what both hold would be empty pages.
        let held = bytes.len() as u64 + log.map_or(0, |log| log.len() as u64);
        if size > held {
            return Err(Error::malformed(format!("{size} bytes of pages in {held} bytes of files")));
        }
        if size > COPY_LIMIT {
            return Err(Error::malformed(format!("{size} bytes; at most {COPY_LIMIT} are read")));
        }
        let size = usize::try_from(size).map_err(|_| Error::malformed("too large"))?;
        let connection = connect(image, size).map_err(|error| Error::malformed(format!("sqlite: {error}")))?;
        Ok(Self { connection, size })
    }

    /// Makes sure that a name is that of a table that holds what is read.
    ///
    /// A view, a virtual table or a generated column would run what the file says.
    ///
    /// # Errors
    /// `InvalidQuery` if it is anything else.
    pub(in crate::origin) fn is_plain_table(&self, name: &str) -> rusqlite::Result<()> {
        let stated = "SELECT sql FROM sqlite_schema WHERE name = ?1 AND type = 'table'";
        let text: String = self.connection.query_row(stated, [name], |row| row.get(0))?;
        let mut words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|word| !word.is_empty());
        let is_table =
            ["CREATE", "TABLE"].iter().all(|word| words.next().is_some_and(|own| own.eq_ignore_ascii_case(word)));
        // `GENERATED ALWAYS` may be left out before `AS`.
        match is_table && !words.any(|word| word.eq_ignore_ascii_case("AS")) {
            true => Ok(()),
            false => Err(rusqlite::Error::InvalidQuery),
        }
    }
}

fn connect(image: Image<'_>, size: usize) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_in_memory_with_flags(flags)?;
    // What sqlite's "Defense Against The Dark Arts" asks for where the file is a stranger's.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, BLOB_LIMIT)?;
    let mut left = STEP_LIMIT / u64::from(STEPS.unsigned_abs());
    connection.progress_handler(
        STEPS,
        Some(move || {
            left = left.saturating_sub(1);
            left == 0
        }),
    )?;
    connection.deserialize_read_exact("main", image, size, true)?;
    Ok(connection)
}

/// The database as it is once its write-ahead log has been moved into it, read page by page.
struct Image<'a> {
    file: &'a [u8],
    page_size: usize,
    /// Pages that the log replaces, from 1.
    replaced: HashMap<u64, &'a [u8]>,
    pages: u64,
    next: u64,
    /// What is left of the page being read.
    page: Vec<u8>,
    taken: usize,
}

impl<'a> Image<'a> {
    fn new(file: &'a [u8], log: Option<&'a [u8]>) -> Result<Self> {
        let bytes = Bytes::new(file, Endian::Big);
        if !file.starts_with(b"SQLite format 3\0") {
            return Err(Error::malformed("not an sqlite database"));
        }
        // File format, 1.3.2: 1 stands for 65536.
        let page_size = match bytes.u16(16)? {
            1 => 65536,
            size => usize::from(size),
        };
        if !page_size.is_power_of_two() || page_size < 512 {
            return Err(Error::malformed(format!("pages of {page_size} bytes")));
        }
        let mut image = Self {
            file,
            page_size,
            replaced: HashMap::new(),
            pages: (file.len() / page_size) as u64,
            next: 1,
            page: Vec::new(),
            taken: 0,
        };
        if let Some(log) = log {
            // A log that is not sound has no commit that counts, as sqlite itself holds.
            let _ = image.apply(Bytes::new(log, Endian::Big));
        }
        Ok(image)
    }

    /// Size in bytes once the log is applied.
    fn len(&self) -> u64 {
        self.pages.saturating_mul(self.page_size as u64)
    }

    /// Takes over the committed pages of a write-ahead log (file format, 4).
    fn apply(&mut self, log: Bytes<'a>) -> Result<()> {
        // The last bit of the magic number is the byte order of the checksums.
        let order = match log.u32(0)? {
            0x377f_0682 => Endian::Little,
            0x377f_0683 => Endian::Big,
            _ => return Err(Error::malformed("no write-ahead log")),
        };
        let page_size = self.page_size as u64;
        if u64::from(log.u32(8)?) != page_size {
            return Err(Error::malformed("the log has other pages"));
        }
        let salt = log.slice(16, 8)?;
        let mut sum = checksum((0, 0), log.slice(0, 24)?, order);
        if sum != (log.u32(24)?, log.u32(28)?) {
            return Err(Error::malformed("the log's checksum is wrong"));
        }
        let mut pending = Vec::new();
        let mut at = 32;
        while at + 24 + page_size <= log.len() {
            let page = log.slice(at + 24, page_size)?;
            sum = checksum(sum, log.slice(at, 8)?, order);
            sum = checksum(sum, page, order);
            // A frame of an earlier use of the log ends it.
            if log.slice(at + 8, 8)? != salt || sum != (log.u32(at + 16)?, log.u32(at + 20)?) {
                break;
            }
            pending.push((u64::from(log.u32(at)?), page));
            let committed = u64::from(log.u32(at + 4)?);
            if committed != 0 {
                self.replaced.extend(pending.drain(..));
                self.pages = committed;
            }
            at += 24 + page_size;
        }
        Ok(())
    }

    /// Returns the bytes of a page; one that is nowhere is empty.
    fn page(&self, number: u64) -> Vec<u8> {
        let mut page = match self.replaced.get(&number) {
            Some(page) => page.to_vec(),
            None => {
                let start = usize::try_from(number - 1).ok().and_then(|index| index.checked_mul(self.page_size));
                let rest = start.and_then(|start| self.file.get(start..)).unwrap_or_default();
                rest.get(..self.page_size).unwrap_or(rest).to_vec()
            }
        };
        page.resize(self.page_size, 0);
        if number == 1 {
            // File format, 1.3.3: 1 means that no log is to be looked for.
            page.get_mut(18..20).into_iter().for_each(|versions| versions.fill(1));
        }
        page
    }
}

impl Read for Image<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.taken == self.page.len() {
            if self.next > self.pages {
                return Ok(0);
            }
            self.page = self.page(self.next);
            self.next += 1;
            self.taken = 0;
        }
        let rest = self.page.get(self.taken..).unwrap_or_default();
        let size = rest.len().min(buffer.len());
        for (to, from) in buffer.iter_mut().zip(rest) {
            *to = *from;
        }
        self.taken += size;
        Ok(size)
    }
}

/// File format, 4.2: a Fibonacci-weighted sum over pairs of words.
fn checksum(mut sum: (u32, u32), bytes: &[u8], order: Endian) -> (u32, u32) {
    let word = |four: &[u8]| {
        let mut array = [0; 4];
        array.iter_mut().zip(four).for_each(|(to, from)| *to = *from);
        match order {
            Endian::Little => u32::from_le_bytes(array),
            Endian::Big => u32::from_be_bytes(array),
        }
    };
    for pair in bytes.chunks_exact(8) {
        let (first, second) = pair.split_at(4);
        sum.0 = sum.0.wrapping_add(word(first)).wrapping_add(sum.1);
        sum.1 = sum.1.wrapping_add(word(second)).wrapping_add(sum.0);
    }
    sum
}
