//! Where the dynamic symbols are and how many: no single table of an ELF file says so reliably.

use object::elf;

use super::contradict::section_of;
use super::inspect::Dynamic;
use super::read::{DynamicEntry, Elf, last};
use crate::error::{Error, Result};
use crate::format::bytes::{Bytes, Endian, VirtAddr, Width};

/// More dynamic symbols than any real library has (the largest of PyTorch and TensorFlow: below 1 million).
const MAX_SYMBOLS: u64 = 2 * 1024 * 1024;

/// The symbol table's place and the tables beside it.
pub(super) struct Table<'a> {
    /// The symbols, the null symbol first.
    pub(super) symbols: &'a [u8],
    /// Their words of `.gnu.version`; empty where there are none.
    pub(super) versions: &'a [u8],
}

/// Returns how many dynamic symbols there are: the most that anything speaks of; 0 without a symbol table.
///
/// `DT_GNU_HASH` leaves undefined symbols out, `DT_HASH` and section headers may be absent, so the relocations count too.
///
/// # Errors
/// `Malformed` if a table that is counted leaves its segment; `Unsupported` if there are absurdly many.
pub(super) fn symbol_count(file: &Elf<'_>, entries: &[DynamicEntry]) -> Result<u64> {
    let value = |tag: elf::DynamicTag| last(entries, tag.0);
    let size = file.header.symbol_size();
    if value(elf::DT_SYMENT).is_some_and(|stated| stated != size) {
        return Err(Error::malformed(format!("`DT_SYMENT` is not {size}")));
    }
    let Some(address) = value(elf::DT_SYMTAB) else { return Ok(0) };
    let (_, bytes) = file.bytes_at(address).map_err(|error| error.context("`DT_SYMTAB`"))?;
    let mut count = 1;
    if let Some(hash) = value(elf::DT_HASH) {
        count = count.max(sysv_hash_count(file, hash)?);
    }
    if let Some(hash) = value(elf::DT_GNU_HASH) {
        count = count.max(gnu_hash_count(file, hash)?);
    }
    for (table, size) in
        [(elf::DT_RELA, elf::DT_RELASZ), (elf::DT_REL, elf::DT_RELSZ), (elf::DT_JMPREL, elf::DT_PLTRELSZ)]
    {
        if let (Some(address), Some(size)) = (value(table), value(size)) {
            let has_addend = match table {
                elf::DT_RELA => true,
                elf::DT_REL => false,
                _ => value(elf::DT_PLTREL) == Some(elf::DT_RELA.0.unsigned_abs()),
            };
            count = count.max(relocated_count(file, address, size, has_addend)?);
        }
    }
    if let Some(section) = section_of(file, elf::SHT_DYNSYM)
        && section.address == address
        && section.size <= bytes.len()
    {
        count = count.max(section.size / size);
    }
    if count > MAX_SYMBOLS {
        return Err(Error::unsupported(format!("{count} dynamic symbols, more than {MAX_SYMBOLS}")));
    }
    Ok(count)
}

/// Finds the symbol table, and how many symbols it has.
pub(super) fn symbol_table<'a>(file: &Elf<'a>, dynamic: &Dynamic<'_>) -> Result<Table<'a>> {
    let entries = &dynamic.entries;
    let value = |tag: elf::DynamicTag| last(entries, tag.0);
    let address = value(elf::DT_SYMTAB).ok_or_else(|| Error::malformed("no `DT_SYMTAB`"))?;
    let count = symbol_count(file, entries)?;
    let (_, bytes) = file.bytes_at(address).map_err(|error| error.context("`DT_SYMTAB`"))?;
    let size = file.header.symbol_size();
    let symbols = bytes
        .slice(0, count * size)
        .map_err(|_| Error::malformed(format!("{count} dynamic symbols do not fit their segment")))?;
    let versions = match value(elf::DT_VERSYM) {
        None => &[],
        Some(address) => {
            let (_, bytes) = file.bytes_at(address).map_err(|error| error.context("`DT_VERSYM`"))?;
            bytes.slice(0, count * 2).map_err(|_| Error::malformed("`DT_VERSYM` does not fit its segment"))?
        }
    };
    Ok(Table { symbols, versions })
}

/// `nchain` of `DT_HASH`, whose words have 8 bytes on 64-bit s390 and Alpha, but not from lld.
fn sysv_hash_count(file: &Elf<'_>, address: u64) -> Result<u64> {
    let (_, bytes) = file.bytes_at(address).map_err(|error| error.context("`DT_HASH`"))?;
    let fits = |buckets: u64, chains: u64, word: u64| {
        let words = buckets.checked_add(chains).and_then(|words| words.checked_add(2));
        words.and_then(|words| words.checked_mul(word)).is_some_and(|size| size <= bytes.len())
    };
    let wide =
        file.header.width == Width::W64 && matches!(elf::Machine(file.header.machine), elf::EM_S390 | elf::EM_ALPHA);
    if wide
        && let (Ok(buckets), Ok(chains)) = (bytes.u64(0), bytes.u64(8))
        && fits(buckets, chains, 8)
    {
        return Ok(chains);
    }
    let (buckets, chains) = (u64::from(bytes.u32(0)?), u64::from(bytes.u32(4)?));
    if fits(buckets, chains, 4) { Ok(chains) } else { Err(Error::malformed("`DT_HASH` leaves its segment")) }
}

/// One more than the last symbol that `DT_GNU_HASH` leads to.
fn gnu_hash_count(file: &Elf<'_>, address: u64) -> Result<u64> {
    let (_, bytes) = file.bytes_at(address).map_err(|error| error.context("`DT_GNU_HASH`"))?;
    let bucket_count = u64::from(bytes.u32(0)?);
    let first = u64::from(bytes.u32(4)?);
    let bloom_size = u64::from(bytes.u32(8)?) * file.header.width.bytes();
    let buckets = Bytes::new(bytes.slice(16 + bloom_size, bucket_count * 4)?, bytes.endian());
    let words = buckets.data().chunks_exact(4);
    let highest = words.map(|word| order(word, bytes.endian())).max().map_or(0, u64::from);
    // No bucket in use: only what comes before the hashed symbols is known.
    if highest < first || highest == 0 {
        return Ok(first);
    }
    let chains = 16 + bloom_size + bucket_count * 4;
    let mut index = highest;
    loop {
        let at = (index - first).checked_mul(4).and_then(|at| at.checked_add(chains));
        let hash = bytes.u32(at.ok_or_else(|| Error::malformed("`DT_GNU_HASH` overflows"))?)?;
        index += 1;
        if hash & 1 == 1 {
            return Ok(index);
        }
        if index > MAX_SYMBOLS {
            return Err(Error::malformed("a chain of `DT_GNU_HASH` has no end"));
        }
    }
}

/// One more than the highest symbol that a relocation table names.
fn relocated_count(file: &Elf<'_>, address: u64, size: u64, has_addend: bool) -> Result<u64> {
    if size == 0 {
        return Ok(0);
    }
    let (offset, available) = file.offset_of(VirtAddr(address)).map_err(|error| error.context("relocations"))?;
    if size > available {
        return Err(Error::malformed("a relocation table leaves its segment"));
    }
    let data = file.bytes.slice(offset.0, size)?;
    let endian = file.bytes.endian();
    let is_mips = file.header.machine == elf::EM_MIPS.0;
    let highest = match file.header.width {
        Width::W32 => data
            .chunks_exact(if has_addend { 12 } else { 8 })
            .filter_map(|entry| Some(order(entry.get(4..8)?, endian) >> 8))
            .max(),
        // r_info holds the symbol in its upper half; MIPS keeps it in the first four bytes in either order.
        Width::W64 => {
            let at = if endian == Endian::Little && !is_mips { 12 } else { 8 };
            data.chunks_exact(if has_addend { 24 } else { 16 })
                .filter_map(|entry| Some(order(entry.get(at..at + 4)?, endian)))
                .max()
        }
    };
    Ok(highest.map_or(0, |highest| u64::from(highest) + 1))
}

/// A 32-bit number from four bytes.
fn order(bytes: &[u8], endian: Endian) -> u32 {
    match (<[u8; 4]>::try_from(bytes), endian) {
        (Ok(bytes), Endian::Little) => u32::from_le_bytes(bytes),
        (Ok(bytes), Endian::Big) => u32::from_be_bytes(bytes),
        (Err(_), _) => 0,
    }
}
