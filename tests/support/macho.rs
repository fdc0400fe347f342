//! Builds small Mach-O files by the byte: one code section, load commands as asked, symbols, an ad-hoc signature.

use sha2::{Digest as _, Sha256};

/// `CPU_TYPE_X86_64` with `CPU_SUBTYPE_X86_64_ALL`.
pub const X86_64: (u32, u32) = (0x0100_0007, 3);
/// `CPU_TYPE_ARM64` with `CPU_SUBTYPE_ARM64_ALL`.
pub const ARM64: (u32, u32) = (0x0100_000c, 0);
/// `MH_BUNDLE`: a Python extension on macOS.
pub const BUNDLE: u32 = 8;
/// `MH_DYLIB`.
pub const DYLIB: u32 = 6;
/// `MH_EXECUTE`.
pub const PROGRAM: u32 = 2;
/// `MH_OBJECT`.
pub const OBJECT: u32 = 1;
/// `LC_LOAD_DYLIB`.
pub const LOAD: u32 = 0xc;
/// `LC_LOAD_WEAK_DYLIB`.
pub const WEAK: u32 = 0x8000_0018;
/// `PLATFORM_MACOS`.
pub const MACOS: u32 = 1;
/// `PLATFORM_IOS`.
pub const IOS: u32 = 2;
/// `PLATFORM_IOSSIMULATOR`.
pub const IOS_SIMULATOR: u32 = 7;

const PAGE: usize = 0x4000;
const HASHED: usize = 0x1000;

/// What a slice holds.
#[derive(Debug, Clone)]
pub struct MachoSpec {
    /// `cputype` and `cpusubtype`.
    pub cpu: (u32, u32),
    /// `filetype`.
    pub file_type: u32,
    /// Platform of `LC_BUILD_VERSION`; `None`: there is no such command.
    pub platform: Option<u32>,
    /// The oldest system: major and minor.
    pub min_os: (u32, u32),
    /// The SDK: major and minor.
    pub sdk: (u32, u32),
    /// `LC_ID_DYLIB`.
    pub id: Option<&'static str>,
    /// Kind of command and path.
    pub imports: Vec<(u32, &'static str)>,
    /// `LC_RPATH`.
    pub rpaths: Vec<&'static str>,
    /// Symbols that it exports, without the underscore.
    pub exports: Vec<&'static str>,
    /// Symbols that it needs, without the underscore, and from which import (1 is the first).
    pub undefined: Vec<(&'static str, u8)>,
    /// Whether it has `LC_UUID`.
    pub uuid: bool,
    /// Bytes left free after the load commands.
    pub room: usize,
    /// Whether it is signed.
    pub signed: bool,
}

impl Default for MachoSpec {
    fn default() -> Self {
        Self {
            cpu: ARM64,
            file_type: BUNDLE,
            platform: Some(MACOS),
            min_os: (11, 0),
            sdk: (14, 0),
            id: None,
            imports: vec![(LOAD, "/usr/lib/libSystem.B.dylib")],
            rpaths: Vec::new(),
            exports: vec!["PyInit__core"],
            undefined: Vec::new(),
            uuid: true,
            room: 1024,
            signed: true,
        }
    }
}

impl MachoSpec {
    /// Returns a library of that install name.
    pub fn library(id: &'static str) -> Self {
        Self { file_type: DYLIB, id: Some(id), exports: vec!["foo"], ..Self::default() }
    }

    /// Returns the file.
    pub fn build(&self) -> Vec<u8> {
        let (symbols, strings) = self.symbols();
        let symbols_at = PAGE;
        let strings_at = symbols_at + symbols.len();
        let signature_at = (strings_at + strings.len()).next_multiple_of(16);
        let signature_size = signature_size(signature_at);
        let end = if self.signed { signature_at + signature_size } else { strings_at + strings.len() };
        let count = self.exports.len() + self.undefined.len();
        let mut commands: Vec<Vec<u8>> = Vec::new();
        let text = commands.len();
        commands.push(Vec::new());
        commands.push(segment("__LINKEDIT", [PAGE as u64, PAGE as u64, PAGE as u64, (end - PAGE) as u64], 1, &[]));
        if let Some(id) = self.id {
            commands.push(named(0xd, id, 24, [2, 0x1_0000, 0x1_0000]));
        }
        let (exports, undefined) = (self.exports.len() as u32, self.undefined.len() as u32);
        commands.push(words(0x2, &[symbols_at as u32, count as u32, strings_at as u32, strings.len() as u32]));
        let mut dynamic = vec![0, 0, 0, exports, exports, undefined];
        dynamic.resize(18, 0);
        commands.push(words(0xb, &dynamic));
        if self.uuid {
            commands.push(words(0x1b, &[1, 2, 3, 4]));
        }
        if let Some(platform) = self.platform {
            let version = |(major, minor): (u32, u32)| major << 16 | minor << 8;
            commands.push(words(0x32, &[platform, version(self.min_os), version(self.sdk), 0]));
        }
        if self.file_type == PROGRAM {
            commands.push(named_only(0xe, "/usr/lib/dyld"));
            commands.push(words(0x8000_0028, &[0, 0, 0, 0]));
        }
        for (kind, path) in &self.imports {
            commands.push(named(*kind, path, 24, [2, 0x1_0000, 0x1_0000]));
        }
        for path in &self.rpaths {
            commands.push(named_only(0x8000_001c, path));
        }
        if self.signed {
            commands.push(words(0x1d, &[signature_at as u32, signature_size as u32]));
        }
        // Two segments of 72 bytes and one section of 80; the first is known only now.
        let size = 152 + commands.iter().map(Vec::len).sum::<usize>();
        let code_at = (32 + size + self.room) as u64;
        commands[text] = segment("__TEXT", [0, PAGE as u64, 0, PAGE as u64], 5, &[("__text", code_at, 16)]);
        let flags = if self.file_type == OBJECT { 0 } else { 0x85 };
        let mut bytes = Vec::new();
        for word in [0xfeed_facf, self.cpu.0, self.cpu.1, self.file_type, commands.len() as u32, size as u32, flags, 0]
        {
            bytes.extend(word.to_le_bytes());
        }
        bytes.extend(commands.concat());
        bytes.resize(code_at as usize, 0);
        bytes.extend([0xc3; 16]);
        bytes.resize(PAGE, 0);
        bytes.extend(symbols);
        bytes.extend(strings);
        if self.signed {
            bytes.resize(signature_at, 0);
            let signature = signature(&bytes);
            bytes.extend(signature);
            bytes.resize(end, 0);
        }
        bytes
    }

    /// `nlist_64` entries and their names.
    fn symbols(&self) -> (Vec<u8>, Vec<u8>) {
        let (mut table, mut names) = (Vec::new(), vec![b' ', 0]);
        let mut entry = |name: &str, kind: u8, section: u8, description: u16| {
            table.extend((names.len() as u32).to_le_bytes());
            table.extend([kind, section]);
            table.extend(description.to_le_bytes());
            table.extend([0; 8]);
            names.extend(format!("_{name}\0").bytes());
        };
        for name in &self.exports {
            entry(name, 0x0f, 1, 0);
        }
        for (name, ordinal) in &self.undefined {
            entry(name, 0x01, 0, u16::from(*ordinal) << 8);
        }
        names.resize(names.len().next_multiple_of(8), 0);
        (table, names)
    }
}

/// Returns a universal file of slices.
pub fn universal(slices: &[((u32, u32), Vec<u8>)]) -> Vec<u8> {
    let mut bytes = vec![0xca, 0xfe, 0xba, 0xbe];
    bytes.extend((slices.len() as u32).to_be_bytes());
    let mut at = PAGE;
    for ((kind, subtype), slice) in slices {
        for word in [*kind, *subtype, at as u32, slice.len() as u32, 14] {
            bytes.extend(word.to_be_bytes());
        }
        at = (at + slice.len()).next_multiple_of(PAGE);
    }
    for (_, slice) in slices {
        bytes.resize(bytes.len().next_multiple_of(PAGE), 0);
        bytes.extend(slice);
    }
    bytes
}

/// Returns a universal file of one description for both processors of today.
pub fn both(spec: &MachoSpec) -> Vec<u8> {
    let slice = |cpu| (cpu, MachoSpec { cpu, ..spec.clone() }.build());
    universal(&[slice(X86_64), slice(ARM64)])
}

/// A load command of numbers.
fn words(kind: u32, words: &[u32]) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend(kind.to_le_bytes());
    bytes.extend((8 + 4 * words.len() as u32).to_le_bytes());
    bytes.extend(words.iter().flat_map(|word| word.to_le_bytes()));
    bytes
}

/// A load command of an offset, numbers and a string.
fn named(kind: u32, name: &str, at: u32, numbers: [u32; 3]) -> Vec<u8> {
    let size = (at as usize + name.len() + 1).next_multiple_of(8);
    let mut bytes = Vec::new();
    for word in [kind, size as u32, at].into_iter().chain(numbers) {
        bytes.extend(word.to_le_bytes());
    }
    bytes.extend(name.bytes());
    bytes.resize(size, 0);
    bytes
}

/// A load command of nothing but a string.
fn named_only(kind: u32, name: &str) -> Vec<u8> {
    let size = (12 + name.len() + 1).next_multiple_of(8);
    let mut bytes = Vec::new();
    for word in [kind, size as u32, 12] {
        bytes.extend(word.to_le_bytes());
    }
    bytes.extend(name.bytes());
    bytes.resize(size, 0);
    bytes
}

/// `LC_SEGMENT_64`: address, size in memory, place and size in the file; sections by name, place and size.
fn segment(name: &str, places: [u64; 4], protection: u32, sections: &[(&str, u64, u64)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend(0x19_u32.to_le_bytes());
    bytes.extend((72 + 80 * sections.len() as u32).to_le_bytes());
    bytes.extend(padded(name));
    bytes.extend(places.iter().flat_map(|place| place.to_le_bytes()));
    for word in [protection, protection, sections.len() as u32, 0] {
        bytes.extend(word.to_le_bytes());
    }
    for (section, at, size) in sections {
        bytes.extend(padded(section));
        bytes.extend(padded(name));
        bytes.extend(at.to_le_bytes());
        bytes.extend(size.to_le_bytes());
        for word in [*at as u32, 2, 0, 0, 0x8000_0400, 0, 0, 0] {
            bytes.extend(word.to_le_bytes());
        }
    }
    bytes
}

fn padded(name: &str) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..name.len()].copy_from_slice(name.as_bytes());
    bytes
}

const IDENTIFIER: &[u8] = b"demo\0";

fn signature_size(limit: usize) -> usize {
    (20 + 88 + IDENTIFIER.len() + 32 * limit.div_ceil(HASHED)).next_multiple_of(16)
}

/// A linker's signature: one code directory of SHA-256 digests of pages.
fn signature(code: &[u8]) -> Vec<u8> {
    let pages: Vec<u8> = code.chunks(HASHED).flat_map(Sha256::digest).collect();
    let hashes_at = 88 + IDENTIFIER.len();
    let length = hashes_at + pages.len();
    let mut bytes = Vec::new();
    for word in [0xfade_0cc0, 20 + length as u32, 1, 0, 20] {
        bytes.extend(u32::to_be_bytes(word));
    }
    let count = code.len().div_ceil(HASHED) as u32;
    for word in [
        0xfade_0c02,
        length as u32,
        0x2_0400,
        0x2_0002,
        hashes_at as u32,
        88,
        0,
        count,
        code.len() as u32,
        // SHA-256 has 32 bytes and the number 2; pages of two to the twelfth.
        0x2002_000c,
    ] {
        bytes.extend(u32::to_be_bytes(word));
    }
    bytes.extend([0; 4 + 4 + 4 + 4 + 8]);
    for word in [0_u64, PAGE as u64, 0] {
        bytes.extend(word.to_be_bytes());
    }
    bytes.extend(IDENTIFIER);
    bytes.extend(pages);
    bytes
}
