//! Berkeley DB's hash format, which rpm used until 4.16 (the manylinux2014 and 2_28 images), in either byte order.

use super::super::anchor::MAX_PACKAGES;
use super::Store;
use crate::error::{Error, Result};
use crate::format::bytes::{Bytes, Endian};

// db_page.h and dbinc/db_page.h of Berkeley DB 4 and 5.
const HASH_MAGIC: u32 = 0x0006_1561;
const PAGE_HASH_UNSORTED: u8 = 2;
const PAGE_OVERFLOW: u8 = 7;
const PAGE_HASH: u8 = 13;
const ITEM_IN_PAGE: u8 = 1;
const ITEM_ON_OVERFLOW_PAGES: u8 = 3;
/// The meta page says that every page carries a checksum, which moves what follows the page header.
const CHECKSUMS: u8 = 0x01;
/// lsn 8, page 4, previous 4, next 4, entries 2, free offset 2, level 1, type 1.
const PAGE_HEADER: u64 = 26;

/// Hands over every package's header: the value of each key but 0, which counts the packages.
pub(super) fn headers(store: &Store, each: &mut dyn FnMut(&[u8])) -> Result<()> {
    let file = File::read(&store.bytes)?;
    let mut packages = 0_usize;
    // Values do not overlap: together they cannot be larger than the file.
    let mut budget = file.bytes.len();
    let mut value = Vec::new();
    // Buckets are walked as pages: where a bucket's chain leads does not matter, every page is looked at once.
    for page in 1..file.pages {
        let at = page * file.page_size;
        let kind = file.bytes.u8(at + 25)?;
        if kind != PAGE_HASH && kind != PAGE_HASH_UNSORTED {
            continue;
        }
        let entries = u64::from(file.bytes.u16(at + 20)?);
        // Pairs: the key's item, then the value's.
        for pair in 0..entries / 2 {
            let key = file.item(at, pair * 2)?;
            if key.data().first() == Some(&ITEM_IN_PAGE) && key.len() == 5 && key.u32(1)? == 0 {
                continue;
            }
            packages += 1;
            if packages > MAX_PACKAGES {
                return Err(Error::malformed(format!("more than {MAX_PACKAGES} packages")));
            }
            let item = file.item(at, pair * 2 + 1)?;
            match item.u8(0)? {
                ITEM_IN_PAGE => {
                    budget = spend(budget, item.len())?;
                    each(item.data().get(1..).unwrap_or_default());
                }
                ITEM_ON_OVERFLOW_PAGES => {
                    let (first, size) = (item.u32(4)?, u64::from(item.u32(8)?));
                    budget = spend(budget, size)?;
                    file.overflow(first, size, &mut value)?;
                    each(&value);
                }
                other => return Err(Error::malformed(format!("page {page}: item of type {other}"))),
            }
        }
    }
    if file.pages <= file.last_page {
        return Err(Error::malformed(format!("ends at page {} of {}", file.pages, file.last_page)));
    }
    Ok(())
}

fn spend(budget: u64, size: u64) -> Result<u64> {
    budget.checked_sub(size).ok_or_else(|| Error::malformed("values overlap"))
}

/// A database whose meta page has been read.
struct File<'a> {
    bytes: Bytes<'a>,
    page_size: u64,
    /// Whole pages that the file has.
    pages: u64,
    /// The last page that it should have.
    last_page: u64,
}

impl<'a> File<'a> {
    fn read(data: &'a [u8]) -> Result<Self> {
        let order = [Endian::Little, Endian::Big]
            .into_iter()
            .find(|endian| Bytes::new(data, *endian).u32(12).is_ok_and(|magic| magic == HASH_MAGIC));
        let order = order.ok_or_else(|| Error::malformed("not a Berkeley DB hash database"))?;
        let bytes = Bytes::new(data, order);
        let version = bytes.u32(16)?;
        if !(7..=10).contains(&version) {
            return Err(Error::unsupported(format!("Berkeley DB hash version {version}")));
        }
        let page_size = u64::from(bytes.u32(20)?);
        if !page_size.is_power_of_two() || !(512..=65536).contains(&page_size) {
            return Err(Error::malformed(format!("pages of {page_size} bytes")));
        }
        if bytes.u8(24)? != 0 || bytes.u8(26)? & CHECKSUMS != 0 {
            return Err(Error::unsupported("encrypted or with page checksums"));
        }
        Ok(Self { bytes, page_size, pages: bytes.len() / page_size, last_page: u64::from(bytes.u32(32)?) })
    }

    /// Returns an item of the page at `at`: items grow downwards from the page's end, so each ends where the one
    /// before it begins.
    fn item(&self, at: u64, number: u64) -> Result<Bytes<'a>> {
        let offset = |number: u64| {
            let slot = PAGE_HEADER + number * 2;
            // Inside the page, not in the next one.
            if slot + 2 > self.page_size {
                return Err(Error::malformed("the index leaves its page"));
            }
            self.bytes.u16(at + slot).map(u64::from)
        };
        let start = offset(number)?;
        let end = match number.checked_sub(1) {
            Some(before) => offset(before)?,
            None => self.page_size,
        };
        let size = end.checked_sub(start).filter(|_| end <= self.page_size);
        let size = size.ok_or_else(|| Error::malformed(format!("page {}: items overlap", at / self.page_size)))?;
        Ok(Bytes::new(self.bytes.slice(at + start, size)?, self.bytes.endian()))
    }

    /// Gathers a value of `size` bytes from a chain of overflow pages.
    fn overflow(&self, first: u32, size: u64, value: &mut Vec<u8>) -> Result<()> {
        value.clear();
        let (mut page, mut before) = (u64::from(first), 0);
        let mut missing = size;
        while missing > 0 {
            if page == 0 || page >= self.pages {
                return Err(Error::malformed(format!("overflow page {page} is not there")));
            }
            let at = page * self.page_size;
            let here = u64::from(self.bytes.u16(at + 22)?);
            if self.bytes.u8(at + 25)? != PAGE_OVERFLOW || here == 0 || here > self.page_size - PAGE_HEADER {
                return Err(Error::malformed(format!("page {page} is no overflow page")));
            }
            // Each page names the one before it, so a chain cannot come back to a page.
            if u64::from(self.bytes.u32(at + 12)?) != before {
                return Err(Error::malformed(format!("page {page} is reached from page {before}")));
            }
            let here = here.min(missing);
            value.extend_from_slice(self.bytes.slice(at + PAGE_HEADER, here)?);
            missing -= here;
            before = page;
            page = u64::from(self.bytes.u32(at + 16)?);
        }
        Ok(())
    }
}
