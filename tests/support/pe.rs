//! Builders of odd PE files from the fixtures, and a text dump of what is read.

use std::fmt::Write;

use truewheel::format;

/// A PE file taken apart as far as the builders need it.
pub struct PeFile {
    pub bytes: Vec<u8>,
}

/// A section header: where it lies, and what it says.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    pub at: usize,
    pub virtual_size: u32,
    pub address: u32,
    pub raw_size: u32,
    pub raw_offset: u32,
}

impl PeFile {
    pub fn new(bytes: &[u8]) -> Self {
        Self { bytes: bytes.to_vec() }
    }

    pub fn u16(&self, at: usize) -> u16 {
        u16::from_le_bytes(self.bytes[at..at + 2].try_into().unwrap())
    }

    pub fn u32(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.bytes[at..at + 4].try_into().unwrap())
    }

    pub fn put_u32(&mut self, at: usize, value: u32) {
        self.bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
    }

    /// Where `PE\0\0` lies.
    pub fn header(&self) -> usize {
        self.u32(0x3c) as usize
    }

    pub fn is_wide(&self) -> bool {
        self.u16(self.header() + 24) == 0x20b
    }

    /// Where a data directory lies.
    pub fn directory(&self, number: usize) -> usize {
        self.header() + 24 + if self.is_wide() { 112 } else { 96 } + 8 * number
    }

    pub fn sections(&self) -> Vec<Row> {
        let header = self.header();
        let first = header + 24 + usize::from(self.u16(header + 20));
        (0..usize::from(self.u16(header + 6)))
            .map(|index| {
                let at = first + 40 * index;
                Row {
                    at,
                    virtual_size: self.u32(at + 8),
                    address: self.u32(at + 12),
                    raw_size: self.u32(at + 16),
                    raw_offset: self.u32(at + 20),
                }
            })
            .collect()
    }

    pub fn section(&self, name: &str) -> Row {
        let named = |row: &Row| self.bytes[row.at..].starts_with(name.as_bytes());
        self.sections().into_iter().find(named).unwrap()
    }

    /// Where the byte at an address lies in the file.
    pub fn offset(&self, address: u32) -> usize {
        let within = |row: &Row| (row.address..row.address + row.raw_size).contains(&address);
        let row = self.sections().into_iter().find(within).unwrap();
        (address - row.address + row.raw_offset) as usize
    }

    /// Leaves no unused bytes at the ends of sections.
    pub fn without_slack(mut self) -> Self {
        for row in self.sections() {
            let size = row.virtual_size.max(row.raw_size);
            self.put_u32(row.at + 8, size);
        }
        self
    }

    /// Has headers that end with the first section's address: they cannot grow.
    pub fn without_growth(mut self) -> Self {
        let lowest = self.sections().iter().map(|row| row.address).min().unwrap();
        let (old, size) = (self.u32(self.header() + 24 + 60), lowest);
        let more = (size - old) as usize;
        let at = old as usize;
        self.bytes.splice(at..at, std::iter::repeat_n(0, more));
        for row in self.sections() {
            if row.raw_size > 0 {
                self.put_u32(row.at + 20, row.raw_offset + more as u32);
            }
        }
        for field in [self.header() + 12, self.directory(4)] {
            if self.u32(field) > 0 {
                self.put_u32(field, self.u32(field) + more as u32);
            }
        }
        let field = self.header() + 24 + 60;
        self.put_u32(field, size);
        // Whatever room there is in the headers is taken.
        let end = self.sections().last().unwrap().at + 40;
        self.bytes[end..size as usize].fill(0xcc);
        self
    }

    /// Takes the room for further section headers out of the headers.
    pub fn with_full_headers(mut self) -> Self {
        let end = (self.sections().last().unwrap().at + 40).next_multiple_of(0x200);
        let field = self.header() + 24 + 60;
        let surplus = self.u32(field) as usize - end;
        self.bytes.drain(end..end + surplus);
        self.put_u32(field, end as u32);
        for row in self.sections().iter().filter(|row| row.raw_size > 0) {
            self.put_u32(row.at + 20, row.raw_offset - surplus as u32);
        }
        self
    }

    /// Adds empty sections until the headers have no room for one more.
    pub fn crowded(mut self) -> Self {
        let (count, image) = (self.header() + 6, self.header() + 24 + 56);
        let headers_size = self.u32(self.header() + 24 + 60) as usize;
        let alignment = self.u32(self.header() + 24 + 32);
        loop {
            let end = self.sections().last().unwrap().at + 40;
            if end + 40 > headers_size {
                return self;
            }
            let address = self.u32(image).next_multiple_of(alignment);
            self.bytes[end..end + 40].fill(0);
            self.bytes[end..end + 5].copy_from_slice(b".fill");
            for (field, value) in [(8, 1), (12, address), (36, 0xc000_0080)] {
                self.put_u32(end + field, value);
            }
            self.put_u32(image, address + alignment);
            let sections = self.u16(count) + 1;
            self.bytes[count..count + 2].copy_from_slice(&sections.to_le_bytes());
        }
    }

    pub fn with_overlay(mut self, overlay: &[u8]) -> Self {
        self.bytes.extend_from_slice(overlay);
        self
    }

    /// Appends a certificate table, which is what a signature looks like to everyone but Windows.
    pub fn signed(mut self) -> Self {
        self.bytes.resize(self.bytes.len().next_multiple_of(8), 0);
        let at = self.bytes.len() as u32;
        let mut table = vec![0_u8; 104];
        table[..8].copy_from_slice(&[104, 0, 0, 0, 0, 2, 2, 0]);
        table[8..].fill(0x30);
        self.bytes.extend(table);
        let directory = self.directory(4);
        self.put_u32(directory, at);
        self.put_u32(directory + 4, 104);
        self
    }

    /// States the checksum.
    pub fn with_checksum(mut self) -> Self {
        let at = self.header() + 24 + 64;
        let sum = self.checksum();
        self.put_u32(at, sum);
        self
    }

    /// The checksum by the rule's own words.
    pub fn checksum(&self) -> u32 {
        let at = self.header() + 24 + 64;
        let mut bytes = self.bytes.clone();
        bytes[at..at + 4].fill(0);
        let mut sum = 0;
        for pair in bytes.chunks(2) {
            sum += u32::from(pair[0]) + (u32::from(*pair.get(1).unwrap_or(&0)) << 8);
            sum = (sum & 0xffff) + (sum >> 16);
        }
        sum + self.bytes.len() as u32
    }

    /// Binds the first import: addresses in its table, a time in its descriptor, and a table of bound imports in the
    /// headers, where linkers put it.
    pub fn bound(mut self) -> Self {
        let imports = self.offset(self.u32(self.directory(1)));
        let thunks = self.offset(self.u32(imports + 16));
        self.put_u32(imports + 4, u32::MAX);
        self.put_u32(thunks, 0x7ff0_1234);
        let name = self.offset(self.u32(imports + 12));
        let length = self.bytes[name..].iter().position(|byte| *byte == 0).unwrap();
        let name = self.bytes[name..name + length].to_vec();
        let table = self.sections().last().unwrap().at + 40;
        self.put_u32(table, 0x6543_2100);
        self.put_u32(table + 4, 16);
        self.bytes[table + 16..table + 16 + length].copy_from_slice(&name);
        let directory = self.directory(11);
        self.put_u32(directory, table as u32);
        self.put_u32(directory + 4, 16 + length as u32 + 1);
        self
    }

    /// Has the loader overwrite two bytes, by a dynamic relocation of an ARM64X file (`config.dll` of 64 bits only).
    pub fn patched_at_load(mut self, address: u32) -> Self {
        let config = self.offset(self.u32(self.directory(10)));
        let data = self.section(".data");
        let number = self.sections().iter().position(|row| row.at == data.at).unwrap() + 1;
        let table = 0x180;
        self.put_u32(config, 232);
        self.put_u32(config + 224, table);
        self.put_u32(config + 228, number as u32);
        // Version and size; symbol 6 and size; a block of one page with one entry that writes two bytes.
        let (page, entry) = (address & !0xfff, address & 0xfff | 1 << 12 | 1 << 14);
        let words = [1, 24, 6, 0, 12, page, 12, entry | 0xffff << 16];
        for (index, word) in words.into_iter().enumerate() {
            self.put_u32((data.raw_offset + table) as usize + 4 * index, word);
        }
        self
    }

    /// Asks for a table of delay imports that only the loader may write, as `/guard:cf` does (`delay.dll` of 64 bits only).
    pub fn protecting_delay_imports(mut self) -> Self {
        let (home, at, size) = (self.section(".pdata"), 0x80, 208);
        self.put_u32(home.at + 8, home.raw_size);
        let (directory, config) = (self.directory(10), (home.raw_offset + at) as usize);
        self.put_u32(directory, home.address + at);
        self.put_u32(directory + 4, size);
        self.put_u32(config, size);
        self.put_u32(config + 144, 0x1000);
        self
    }

    /// States this file version in the version resource that is there (`dep.dll` only).
    pub fn with_version(mut self, [major, minor, build, revision]: [u16; 4]) -> Self {
        let fixed = 0xfeef_04bd_u32.to_le_bytes();
        let at = self.bytes.windows(4).position(|window| window == fixed).unwrap();
        self.put_u32(at + 8, u32::from(major) << 16 | u32::from(minor));
        self.put_u32(at + 12, u32::from(build) << 16 | u32::from(revision));
        self
    }

    /// Says that a linker of this version made it.
    pub fn with_linker(mut self, major: u8, minor: u8) -> Self {
        let at = self.header() + 26;
        self.bytes[at..at + 2].copy_from_slice(&[major, minor]);
        self
    }

    /// Says that there is code of two machines, in a load configuration that is there.
    pub fn hybrid(mut self) -> Self {
        let config = self.offset(self.u32(self.directory(10)));
        let pointer = if self.is_wide() { 200 } else { 124 };
        self.put_u32(config + pointer, 0x1000);
        self
    }
}

/// What is read of a file, one line a fact.
pub fn dump(bytes: &[u8]) -> String {
    let mut text = String::new();
    for image in format::inspect(bytes).unwrap() {
        let pe = image.pe().unwrap();
        let symbols = format::symbols(bytes, &image).unwrap();
        let kind = image.kind;
        writeln!(text, "{:?} {:?} {}", image.arch, kind, image.identity.as_deref().unwrap_or("-")).unwrap();
        for (index, import) in image.imports.iter().enumerate() {
            let of = symbols.undefined.iter().filter(|symbol| symbol.import == Some(index as u16));
            let names: Vec<&str> = of.map(|symbol| &*symbol.name).collect();
            writeln!(text, "  {} {}: {}", import.kind.name(), import.name, names.join(" ")).unwrap();
        }
        let (os, linker) = (pe.subsystem_version, pe.linker_version);
        writeln!(text, "  subsystem {} {}.{}, linker {}.{}", pe.subsystem, os.0, os.1, linker.0, linker.1).unwrap();
        write!(text, "  {} exports, {} forwarders, {} sections", pe.exports, pe.forwarders, pe.sections).unwrap();
        writeln!(text, ", overlay {}, {} symbols, checksum {:?}", pe.overlay, pe.coff_symbols, pe.checksum).unwrap();
        let mut more = |label: &str, value: String| writeln!(text, "  {label} {value}").unwrap();
        if pe.has_load_config {
            more("load flags", format!("{:#x}", pe.dependent_load_flags));
        }
        if !pe.bound_imports.is_empty() {
            more("bound", pe.bound_imports.join(" "));
        }
        if !pe.eager_delays.is_empty() {
            more("bound at load", pe.eager_delays.join(" "));
        }
        if let Some(signature) = pe.signature {
            more("signature", format!("{} bytes", signature.size));
        }
        for debug in &pe.debug {
            more("debug", format!("{} {}", debug.kind, debug.pdb.as_deref().unwrap_or("-")));
        }
        if let Some(hybrid) = pe.hybrid {
            more("hybrid", hybrid.name().to_owned());
        }
        if let Some(product) = &pe.version.product_name {
            more(
                "version",
                format!(
                    "{product} {} {:?}",
                    pe.version.file_version.as_deref().unwrap(),
                    pe.version.fixed_file_version.unwrap()
                ),
            );
        }
        for fault in image.faults.iter().chain(&symbols.faults) {
            more("fault", format!("{:?} {}", fault.kind, fault.message));
        }
    }
    text
}
