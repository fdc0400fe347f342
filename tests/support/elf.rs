//! Builds small ELF files of any width and byte order, sound or odd, without a linker.

/// What to build. `ElfSpec::default()` is a sound 64-bit little-endian x86_64 library that needs nothing.
#[derive(Debug, Clone)]
pub struct ElfSpec {
    pub is_64: bool,
    pub is_big: bool,
    pub machine: u16,
    /// `e_type`: 1 relocatable, 2 executable, 3 shared, 4 core.
    pub kind: u16,
    pub flags: u32,
    pub entry: u64,
    pub interpreter: Option<&'static [u8]>,
    pub soname: Option<&'static [u8]>,
    pub needed: Vec<&'static [u8]>,
    pub rpath: Option<&'static [u8]>,
    pub runpath: Option<&'static [u8]>,
    /// Other dynamic entries of names, e.g. `DT_FILTER`.
    pub names: Vec<(i64, &'static [u8])>,
    /// Other dynamic entries, in front of the terminator.
    pub entries: Vec<(i64, u64)>,
    pub symbols: Vec<SymbolSpec>,
    /// For each library: the versions needed of it, with their flags.
    pub needs: Vec<(&'static [u8], Vec<VersionSpec>)>,
    /// Versions defined; the base version is added.
    pub defines: Vec<&'static [u8]>,
    /// Owner, type and description of notes.
    pub notes: Vec<(&'static [u8], u32, Vec<u8>)>,
    /// Flags of `PT_GNU_STACK`; `None` for no such header.
    pub stack: Option<u32>,
    pub hash: HashSpec,
    pub has_sections: bool,
    /// Write `DT_NULL`.
    pub is_terminated: bool,
    /// Bytes between the tables of the first segment and the dynamic section, as code is.
    pub code: Vec<u8>,
    /// Bytes after everything else.
    pub overlay: Vec<u8>,
}

/// A needed version and its flags.
pub type VersionSpec = (&'static [u8], u16);

/// A dynamic symbol; undefined ones must come before those that are defined.
#[derive(Debug, Clone)]
pub struct SymbolSpec {
    pub name: &'static [u8],
    /// Binding in the upper, type in the lower four bits.
    pub info: u8,
    pub other: u8,
    /// 0 undefined.
    pub section: u16,
    pub value: u64,
    /// Word of `.gnu.version`.
    pub version: u16,
}

/// Which hash table to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HashSpec {
    None,
    Sysv,
    Gnu,
}

impl SymbolSpec {
    /// An undefined global function of that version index.
    pub fn undefined(name: &'static [u8], version: u16) -> Self {
        Self { name, info: 0x12, other: 0, section: 0, value: 0, version }
    }

    /// A defined global function of that version index.
    pub fn defined(name: &'static [u8], version: u16) -> Self {
        Self { name, info: 0x12, other: 0, section: 7, value: 0x40, version }
    }
}

impl Default for ElfSpec {
    fn default() -> Self {
        Self {
            is_64: true,
            is_big: false,
            machine: 62,
            kind: 3,
            flags: 0,
            entry: 0,
            interpreter: None,
            soname: None,
            needed: Vec::new(),
            rpath: None,
            runpath: None,
            names: Vec::new(),
            entries: Vec::new(),
            symbols: Vec::new(),
            needs: Vec::new(),
            defines: Vec::new(),
            notes: Vec::new(),
            stack: Some(6),
            hash: HashSpec::Gnu,
            has_sections: true,
            is_terminated: true,
            code: Vec::new(),
            overlay: Vec::new(),
        }
    }
}

/// Where the parts of a built file lie.
#[derive(Debug, Clone, Default)]
pub struct Built {
    pub bytes: Vec<u8>,
    /// Offset and size of the dynamic section.
    pub dynamic: (u64, u64),
    /// Offset of the program headers.
    pub program_headers: u64,
    /// Offset of the section headers, 0 without.
    pub section_headers: u64,
    /// Offset of `.gnu.version_r`, 0 without.
    pub needs: u64,
    /// Offset of `.gnu.version_d`, 0 without.
    pub defines: u64,
    /// Offset of the hash table, 0 without.
    pub hash: u64,
    /// Offset and size of the dynamic strings.
    pub strings: (u64, u64),
}

/// How far addresses of the writable segment lie above its offsets.
const SHIFT: u64 = 0x1000;

struct Writer {
    bytes: Vec<u8>,
    is_64: bool,
    is_big: bool,
}

impl Writer {
    fn number(&mut self, value: u64, size: usize) {
        let little = value.to_le_bytes();
        if self.is_big {
            self.bytes.extend(little[..size].iter().rev());
        } else {
            self.bytes.extend(&little[..size]);
        }
    }

    fn half(&mut self, value: u16) {
        self.number(value.into(), 2);
    }

    fn word(&mut self, value: u32) {
        self.number(value.into(), 4);
    }

    /// An address, offset or size of the file's width.
    fn address(&mut self, value: u64) {
        self.number(value, if self.is_64 { 8 } else { 4 });
    }

    fn align(&mut self, to: usize) -> u64 {
        while !self.bytes.len().is_multiple_of(to) {
            self.bytes.push(0);
        }
        self.at()
    }

    fn at(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn symbol(&mut self, name: u32, symbol: &SymbolSpec) {
        self.word(name);
        if self.is_64 {
            self.bytes.extend([symbol.info, symbol.other]);
            self.half(symbol.section);
            self.number(symbol.value, 8);
            self.number(0, 8);
        } else {
            self.number(symbol.value, 4);
            self.word(0);
            self.bytes.extend([symbol.info, symbol.other]);
            self.half(symbol.section);
        }
    }
}

/// A section header's fields.
#[derive(Clone, Copy, Default)]
struct Part {
    name: &'static str,
    kind: u32,
    flags: u64,
    address: u64,
    offset: u64,
    size: u64,
    link: u32,
    info: u32,
    entry_size: u64,
}

/// A program header's fields.
struct Head {
    kind: u32,
    flags: u32,
    offset: u64,
    address: u64,
    size: u64,
    align: u64,
}

struct StringTable(Vec<u8>);

impl StringTable {
    fn add(&mut self, name: &[u8]) -> u32 {
        let at = self.0.len() as u32;
        self.0.extend(name);
        self.0.push(0);
        at
    }
}

fn sysv_hash(name: &[u8]) -> u32 {
    name.iter().fold(0_u32, |hash, byte| {
        let hash = (hash << 4).wrapping_add(u32::from(*byte));
        let high = hash & 0xf000_0000;
        (hash ^ (high >> 24)) & !high
    })
}

fn gnu_hash(name: &[u8]) -> u32 {
    name.iter().fold(5381, |hash: u32, byte| hash.wrapping_mul(33).wrapping_add(u32::from(*byte)))
}

impl ElfSpec {
    /// Builds the file.
    pub fn build(&self) -> Vec<u8> {
        self.build_with_places().bytes
    }

    /// Builds the file, and says where its parts are.
    pub fn build_with_places(&self) -> Built {
        let mut out = Writer { bytes: Vec::new(), is_64: self.is_64, is_big: self.is_big };
        let (header_size, head_size, part_size) = if self.is_64 { (64, 56, 64) } else { (52, 32, 40) };
        let head_count = 3
            + usize::from(self.interpreter.is_some())
            + usize::from(!self.notes.is_empty())
            + usize::from(self.stack.is_some());
        out.bytes.resize(header_size + head_count * head_size, 0);
        let mut strings = StringTable(vec![0]);
        let mut entries: Vec<(i64, u64)> = Vec::new();
        for name in &self.needed {
            entries.push((1, strings.add(name).into()));
        }
        for (tag, name) in [(14, self.soname), (15, self.rpath), (29, self.runpath)] {
            if let Some(name) = name {
                entries.push((tag, strings.add(name).into()));
            }
        }
        for (tag, name) in &self.names {
            entries.push((*tag, strings.add(name).into()));
        }
        let mut parts = vec![Part::default()];
        let mut built = Built { program_headers: header_size as u64, ..Built::default() };

        let interpreter = self.interpreter.map(|name| {
            let at = out.at();
            out.bytes.extend(name);
            parts.push(Part {
                name: ".interp",
                kind: 1,
                flags: 2,
                address: at,
                offset: at,
                size: name.len() as u64,
                ..Part::default()
            });
            (at, name.len() as u64)
        });
        let notes = (!self.notes.is_empty()).then(|| self.write_notes(&mut out, &mut parts));

        let symbols_at = out.align(8);
        let symbol_names: Vec<u32> = self.symbols.iter().map(|symbol| strings.add(symbol.name)).collect();
        out.symbol(0, &SymbolSpec { name: b"", info: 0, other: 0, section: 0, value: 0, version: 0 });
        for (symbol, name) in self.symbols.iter().zip(&symbol_names) {
            out.symbol(*name, symbol);
        }
        let strings_index = parts.len() as u32 + 1;
        let symbol_size = if self.is_64 { 24 } else { 16 };
        parts.push(Part {
            name: ".dynsym",
            kind: 11,
            flags: 2,
            address: symbols_at,
            offset: symbols_at,
            size: out.at() - symbols_at,
            link: strings_index,
            info: 1,
            entry_size: symbol_size,
        });
        entries.push((6, symbols_at));
        entries.push((11, symbol_size));
        // The strings' place is known last; their section header comes here.
        let strings_part = parts.len();
        parts.push(Part { name: ".dynstr", kind: 3, flags: 2, ..Part::default() });

        if !self.needs.is_empty() || !self.defines.is_empty() {
            let at = out.align(2);
            out.half(0);
            for symbol in &self.symbols {
                out.half(symbol.version);
            }
            parts.push(Part {
                name: ".gnu.version",
                kind: 0x6fff_ffff,
                flags: 2,
                address: at,
                offset: at,
                size: out.at() - at,
                link: strings_index - 1,
                entry_size: 2,
                ..Part::default()
            });
            entries.push((0x6fff_fff0, at));
        }
        if !self.needs.is_empty() {
            built.needs = self.write_needs(&mut out, &mut strings);
            parts.push(Part {
                name: ".gnu.version_r",
                kind: 0x6fff_fffe,
                flags: 2,
                address: built.needs,
                offset: built.needs,
                size: out.at() - built.needs,
                link: strings_index,
                info: self.needs.len() as u32,
                ..Part::default()
            });
            entries.push((0x6fff_fffe, built.needs));
            entries.push((0x6fff_ffff, self.needs.len() as u64));
        }
        if !self.defines.is_empty() {
            built.defines = self.write_defines(&mut out, &mut strings);
            parts.push(Part {
                name: ".gnu.version_d",
                kind: 0x6fff_fffd,
                flags: 2,
                address: built.defines,
                offset: built.defines,
                size: out.at() - built.defines,
                link: strings_index,
                info: self.defines.len() as u32 + 1,
                ..Part::default()
            });
            entries.push((0x6fff_fffc, built.defines));
            entries.push((0x6fff_fffd, self.defines.len() as u64 + 1));
        }
        if self.hash != HashSpec::None {
            built.hash = self.write_hash(&mut out);
            let (name, kind, tag) = match self.hash {
                HashSpec::Sysv => (".hash", 5, 4),
                _ => (".gnu.hash", 0x6fff_fff6, 0x6fff_fef5),
            };
            parts.push(Part {
                name,
                kind,
                flags: 2,
                address: built.hash,
                offset: built.hash,
                size: out.at() - built.hash,
                link: strings_index - 1,
                ..Part::default()
            });
            entries.push((tag, built.hash));
        }
        let strings_at = out.at();
        out.bytes.extend(&strings.0);
        built.strings = (strings_at, strings.0.len() as u64);
        entries.push((5, strings_at));
        entries.push((10, strings.0.len() as u64));
        if let Some(part) = parts.get_mut(strings_part) {
            (part.address, part.offset, part.size) = (strings_at, strings_at, strings.0.len() as u64);
        }
        out.bytes.extend(&self.code);
        let first_end = out.at();

        let dynamic_at = out.align(8);
        entries.extend(&self.entries);
        if self.is_terminated {
            entries.push((0, 0));
        }
        for (tag, value) in &entries {
            out.address(tag.cast_unsigned());
            out.address(*value);
        }
        built.dynamic = (dynamic_at, out.at() - dynamic_at);
        parts.push(Part {
            name: ".dynamic",
            kind: 6,
            flags: 3,
            address: dynamic_at + SHIFT,
            offset: dynamic_at,
            size: out.at() - dynamic_at,
            link: strings_index,
            entry_size: if self.is_64 { 16 } else { 8 },
            ..Part::default()
        });
        let second_end = out.at();

        if self.has_sections {
            built.section_headers = write_sections(&mut out, &mut parts);
        }
        let part_count = if self.has_sections { parts.len() as u16 } else { 0 };
        out.bytes.extend(&self.overlay);

        let mut heads = vec![
            Head { kind: 1, flags: 5, offset: 0, address: 0, size: first_end, align: 0x1000 },
            Head {
                kind: 1,
                flags: 6,
                offset: dynamic_at,
                address: dynamic_at + SHIFT,
                size: second_end - dynamic_at,
                align: 0x1000,
            },
            Head {
                kind: 2,
                flags: 6,
                offset: dynamic_at,
                address: dynamic_at + SHIFT,
                size: second_end - dynamic_at,
                align: 8,
            },
        ];
        if let Some((at, size)) = interpreter {
            heads.insert(0, Head { kind: 3, flags: 4, offset: at, address: at, size, align: 1 });
        }
        if let Some((at, size)) = notes {
            heads.push(Head { kind: 4, flags: 4, offset: at, address: at, size, align: 4 });
        }
        if let Some(flags) = self.stack {
            heads.push(Head { kind: 0x6474_e551, flags, offset: 0, address: 0, size: 0, align: 16 });
        }
        let mut front = Writer { bytes: Vec::new(), is_64: self.is_64, is_big: self.is_big };
        front.bytes.extend(b"\x7fELF");
        front.bytes.extend([1 + u8::from(self.is_64), 1 + u8::from(self.is_big), 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        front.half(self.kind);
        front.half(self.machine);
        front.word(1);
        front.address(self.entry);
        front.address(header_size as u64);
        front.address(built.section_headers);
        front.word(self.flags);
        for value in [
            header_size as u16,
            head_size as u16,
            heads.len() as u16,
            part_size,
            part_count,
            part_count.saturating_sub(1),
        ] {
            front.half(value);
        }
        for head in heads {
            front.word(head.kind);
            if self.is_64 {
                front.word(head.flags);
            }
            for value in [head.offset, head.address, head.address, head.size, head.size] {
                front.address(value);
            }
            if !self.is_64 {
                front.word(head.flags);
            }
            front.address(head.align);
        }
        out.bytes[..front.bytes.len()].copy_from_slice(&front.bytes);
        built.bytes = out.bytes;
        built
    }

    fn write_notes(&self, out: &mut Writer, parts: &mut Vec<Part>) -> (u64, u64) {
        let at = out.align(4);
        for (owner, kind, description) in &self.notes {
            out.word(owner.len() as u32 + 1);
            out.word(description.len() as u32);
            out.word(*kind);
            out.bytes.extend(*owner);
            out.bytes.push(0);
            out.align(4);
            out.bytes.extend(description);
            out.align(4);
        }
        let size = out.at() - at;
        parts.push(Part { name: ".note.x", kind: 7, flags: 2, address: at, offset: at, size, ..Part::default() });
        (at, size)
    }

    fn write_needs(&self, out: &mut Writer, strings: &mut StringTable) -> u64 {
        let at = out.align(4);
        let mut index = 2 + self.defines.len() as u16;
        for (number, (library, versions)) in self.needs.iter().enumerate() {
            let is_last = number + 1 == self.needs.len();
            out.half(1);
            out.half(versions.len() as u16);
            out.word(strings.add(library));
            out.word(16);
            out.word(if is_last { 0 } else { 16 + 16 * versions.len() as u32 });
            for (place, (version, flags)) in versions.iter().enumerate() {
                out.word(sysv_hash(version));
                out.half(*flags);
                out.half(index);
                index += 1;
                out.word(strings.add(version));
                out.word(if place + 1 == versions.len() { 0 } else { 16 });
            }
        }
        at
    }

    fn write_defines(&self, out: &mut Writer, strings: &mut StringTable) -> u64 {
        let at = out.align(4);
        let base = self.soname.unwrap_or(b"base");
        let names = std::iter::once(base).chain(self.defines.iter().copied());
        for (number, name) in names.enumerate() {
            out.half(1);
            out.half(u16::from(number == 0));
            out.half(number as u16 + 1);
            out.half(1);
            out.word(sysv_hash(name));
            out.word(20);
            out.word(if number == self.defines.len() { 0 } else { 28 });
            out.word(strings.add(name));
            out.word(0);
        }
        at
    }

    fn write_hash(&self, out: &mut Writer) -> u64 {
        let at = out.align(8);
        let count = self.symbols.len() as u32 + 1;
        let first = self.symbols.iter().position(|symbol| symbol.section != 0).map_or(count, |at| at as u32 + 1);
        if self.hash == HashSpec::Sysv {
            // One bucket, whose chain holds every defined symbol.
            let is_wide = self.is_64 && matches!(self.machine, 22 | 0x9026);
            let size = if is_wide { 8 } else { 4 };
            let chain = (0..count).map(|index| if index >= first && index + 1 < count { index + 1 } else { 0 });
            let bucket = if first < count { first } else { 0 };
            for value in [1, count, bucket].into_iter().chain(chain) {
                out.number(value.into(), size);
            }
            return at;
        }
        // One bucket, a bloom filter that lets everything pass.
        let is_empty = first == count;
        for value in [1, if is_empty { 1 } else { first }, 1, 0] {
            out.word(value);
        }
        out.address(if is_empty { 0 } else { u64::MAX });
        out.word(if is_empty { 0 } else { first });
        for (index, symbol) in (1..count).zip(&self.symbols).skip(first as usize - 1) {
            out.word((gnu_hash(symbol.name) & !1) | u32::from(index + 1 == count));
        }
        at
    }
}

fn write_sections(out: &mut Writer, parts: &mut Vec<Part>) -> u64 {
    let mut names = StringTable(vec![0]);
    parts.push(Part { name: ".shstrtab", kind: 3, ..Part::default() });
    let offsets: Vec<u32> =
        parts.iter().map(|part| if part.name.is_empty() { 0 } else { names.add(part.name.as_bytes()) }).collect();
    if let Some(last) = parts.last_mut() {
        (last.offset, last.size) = (out.at(), names.0.len() as u64);
    }
    out.bytes.extend(&names.0);
    let at = out.align(8);
    for (part, name) in parts.iter().zip(offsets) {
        out.word(name);
        out.word(part.kind);
        for value in [part.flags, part.address, part.offset, part.size] {
            out.address(value);
        }
        out.word(part.link);
        out.word(part.info);
        out.address(u64::from(part.kind != 0));
        out.address(part.entry_size);
    }
    at
}
