//! Mach-O files with any load commands, contents of `__LINKEDIT` and header room, sound or not; commands are raw bytes.

/// `LC_LOAD_DYLIB` and the like.
pub const LOAD: u32 = 0xc;
pub const ID: u32 = 0xd;
pub const WEAK: u32 = 0x8000_0018;
pub const REEXPORT: u32 = 0x8000_001f;
pub const LAZY: u32 = 0x20;
pub const UPWARD: u32 = 0x8000_0023;
pub const RPATH: u32 = 0x8000_001c;
pub const SYSTEM: &str = "/usr/lib/libSystem.B.dylib";

/// What a file is made of.
#[derive(Debug, Clone)]
pub struct RawMacho {
    pub cpu: (u32, u32),
    pub is_big: bool,
    pub file_type: u32,
    pub flags: u32,
    /// Load commands after the two segments.
    pub commands: Vec<Vec<u8>>,
    /// Free bytes after the load commands.
    pub pad: usize,
    pub linkedit: Vec<u8>,
}

impl Default for RawMacho {
    /// A library for x86_64 that is as it should be: 256 bytes of room, no signature.
    fn default() -> Self {
        let mut spec = Self {
            cpu: (0x0100_0007, 3),
            is_big: false,
            file_type: 6,
            flags: 0x85,
            commands: Vec::new(),
            pad: 256,
            linkedit: vec![0x5a; 64],
        };
        spec.commands = vec![
            spec.dylib(ID, "@rpath/libself.dylib"),
            spec.command(0x1b, &[7; 16]),
            spec.version(1, 10 << 16 | 13 << 8, 11 << 16),
            spec.dylib(LOAD, "/opt/lib/libother.dylib"),
            spec.dylib(LOAD, SYSTEM),
        ];
        spec
    }
}

impl RawMacho {
    pub fn is_64(&self) -> bool {
        self.cpu.0 & 0x0100_0000 != 0
    }

    /// For another processor; names are made anew for its word size and byte order.
    pub fn of(cpu: u32, subtype: u32, is_big: bool) -> Self {
        let mut spec = Self { cpu: (cpu, subtype), is_big, ..Self::default() };
        spec.commands = vec![
            spec.dylib(ID, "@rpath/libself.dylib"),
            spec.command(0x1b, &[7; 16]),
            spec.command(0x24, &spec.words(&[10 << 16 | 4 << 8, 10 << 16 | 5 << 8])),
            spec.dylib(LOAD, SYSTEM),
        ];
        spec
    }

    /// With another command behind the others.
    pub fn with(mut self, command: Vec<u8>) -> Self {
        self.commands.push(command);
        self
    }

    pub fn word(&self, number: u32) -> [u8; 4] {
        if self.is_big { number.to_be_bytes() } else { number.to_le_bytes() }
    }

    pub fn words(&self, numbers: &[u32]) -> Vec<u8> {
        numbers.iter().flat_map(|number| self.word(*number)).collect()
    }

    fn wide(&self, number: u64) -> Vec<u8> {
        match (self.is_64(), self.is_big) {
            (true, true) => number.to_be_bytes().to_vec(),
            (true, false) => number.to_le_bytes().to_vec(),
            (false, _) => self.word(u32::try_from(number).unwrap()).to_vec(),
        }
    }

    /// Any load command, its size made a multiple of 8.
    pub fn command(&self, kind: u32, payload: &[u8]) -> Vec<u8> {
        let size = (8 + payload.len()).next_multiple_of(8);
        let mut command = self.words(&[kind, u32::try_from(size).unwrap()]);
        command.extend(payload);
        command.resize(size, 0);
        command
    }

    pub fn dylib(&self, kind: u32, name: &str) -> Vec<u8> {
        let mut payload = self.words(&[24, 2, 0x10000, 0x10000]);
        payload.extend(name.bytes().chain([0]));
        self.command(kind, &payload)
    }

    /// A `dylib_use_command`.
    pub fn use_dylib(&self, kind: u32, name: &str, flags: u32) -> Vec<u8> {
        let mut payload = self.words(&[28, 0x1a74_1800, 0x10000, 0x10000, flags]);
        payload.extend(name.bytes().chain([0]));
        self.command(kind, &payload)
    }

    pub fn rpath(&self, path: &str) -> Vec<u8> {
        let mut payload = self.words(&[12]);
        payload.extend(path.bytes().chain([0]));
        self.command(RPATH, &payload)
    }

    /// `LC_BUILD_VERSION`.
    pub fn version(&self, platform: u32, min: u32, sdk: u32) -> Vec<u8> {
        self.command(0x32, &self.words(&[platform, min, sdk, 0]))
    }

    fn segment(&self, name: &str, range: [u64; 4], protection: u32, section: Option<(u64, u64)>) -> Vec<u8> {
        let padded = |name: &str| {
            let mut bytes = name.as_bytes().to_vec();
            bytes.resize(16, 0);
            bytes
        };
        let mut payload = padded(name);
        payload.extend(range.iter().flat_map(|number| self.wide(*number)));
        payload.extend(self.words(&[protection, protection, u32::from(section.is_some()), 0]));
        if let Some((offset, size)) = section {
            payload.extend(padded("__text"));
            payload.extend(padded("__TEXT"));
            payload.extend(self.wide(offset));
            payload.extend(self.wide(size));
            payload.extend(self.words(&[u32::try_from(offset).unwrap(), 0, 0, 0, 0x8000_0400, 0, 0]));
            payload.extend(if self.is_64() { vec![0; 4] } else { Vec::new() });
        }
        let mut command = self.words(&[if self.is_64() { 0x19 } else { 1 }, 0]);
        command.extend(payload);
        let size = self.word(u32::try_from(command.len()).unwrap());
        command[4..8].copy_from_slice(&size);
        command
    }

    /// Where `__LINKEDIT` begins.
    pub fn linkedit_offset(&self) -> usize {
        let (header, segments) = if self.is_64() { (32, 152 + 72) } else { (28, 124 + 56) };
        let commands: usize = self.commands.iter().map(Vec::len).sum();
        (header + segments + commands + self.pad + 16).next_multiple_of(0x1000)
    }

    pub fn build(&self) -> Vec<u8> {
        let header = if self.is_64() { 32 } else { 28 };
        let segments = if self.is_64() { 152 + 72 } else { 124 + 56 };
        let size = segments + self.commands.iter().map(Vec::len).sum::<usize>();
        let text = header + size + self.pad;
        let linkedit = self.linkedit_offset() as u64;
        let length = self.linkedit.len() as u64;
        let magic = if self.is_64() { 0xfeed_facf } else { 0xfeed_face };
        let count = u32::try_from(2 + self.commands.len()).unwrap();
        let mut bytes = self.words(&[magic, self.cpu.0, self.cpu.1, self.file_type, count, size as u32, self.flags]);
        bytes.resize(header, 0);
        let section = (text as u64, linkedit - text as u64);
        bytes.extend(self.segment("__TEXT", [0, linkedit, 0, linkedit], 5, Some(section)));
        let memory = length.next_multiple_of(0x4000);
        bytes.extend(self.segment("__LINKEDIT", [linkedit, memory, linkedit, length], 1, None));
        bytes.extend(self.commands.concat());
        bytes.resize(text, 0);
        bytes.resize(linkedit as usize, 0xc3);
        bytes.extend(&self.linkedit);
        bytes
    }
}

/// A universal file of these slices, each on a multiple of `1 << align`.
pub fn universal(slices: &[&[u8]], align: u32) -> Vec<u8> {
    let mut bytes = [0xcafe_babe, slices.len() as u32].map(u32::to_be_bytes).concat();
    let mut offset = 1_u32 << align;
    for slice in slices {
        let number = |at: usize| match slice[0] {
            0xfe => u32::from_be_bytes(slice[at..at + 4].try_into().unwrap()),
            _ => u32::from_le_bytes(slice[at..at + 4].try_into().unwrap()),
        };
        let (cpu, subtype) = if slice.starts_with(b"!<arch>") { (0x0100_000c, 0) } else { (number(4), number(8)) };
        bytes.extend([cpu, subtype, offset, slice.len() as u32, align].map(u32::to_be_bytes).concat());
        offset = (offset + slice.len() as u32).next_multiple_of(1 << align);
    }
    for slice in slices {
        bytes.resize(bytes.len().next_multiple_of(1 << align), 0);
        bytes.extend(*slice);
    }
    bytes
}
