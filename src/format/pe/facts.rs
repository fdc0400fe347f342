//! What only PE can state about a binary: plain values, without any judgement.

use crate::format::bytes::Width;

/// Facts that only PE has.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PeFacts {
    /// PE32 or PE32+.
    pub width: Width,
    /// `Machine`.
    pub machine: u16,
    /// Code of two machines in one file; [`super::super::Image::arch`] is then that of `Machine`.
    pub hybrid: Option<Hybrid>,
    /// `Characteristics`.
    pub characteristics: u16,
    /// `DllCharacteristics`.
    pub dll_characteristics: u16,
    /// `Subsystem`: 2 windows, 3 console, 1 drivers, 10 to 13 EFI.
    pub subsystem: u16,
    /// The subsystem's version, which Windows compares with its own: `(6, 0)`.
    pub subsystem_version: (u16, u16),
    /// The operating system's version; Windows ignores it.
    pub os_version: (u16, u16),
    /// The linker's version: `(14, 29)` is Visual Studio 2019's, `(2, 30)` to `(2, 45)` GNU's.
    pub linker_version: (u8, u8),
    /// `TimeDateStamp`: a time, or a hash in reproducible builds.
    pub timestamp: u32,
    /// `ImageBase`.
    pub image_base: u64,
    /// `DependentLoadFlags` of the load configuration: where the loader looks for this file's imports if it is not 0.
    pub dependent_load_flags: u16,
    /// `GuardFlags` of the load configuration.
    pub guard_flags: u32,
    /// A load configuration is there.
    pub has_load_config: bool,
    /// DLLs whose addresses are bound into the import tables.
    pub bound_imports: Vec<String>,
    /// Delay-loaded DLLs whose functions the loader binds at load all the same, because an import descriptor names the
    /// same table ([`crate::format::Edit::DelayToEager`]); they are no delay imports of the image any more.
    pub eager_delays: Vec<String>,
    /// Exports that stand for another DLL's (`NAME` → `dll.NAME`), by how many there are; each DLL is an import of the
    /// image, of kind [`crate::format::ImportKind::Reexport`], spelled with `.dll`.
    pub forwarders: u32,
    /// `#n`, names or both: how many functions are exported.
    pub exports: u32,
    /// The certificate table (Authenticode signature).
    pub signature: Option<Signature>,
    /// Bytes after the last section, the certificate table left out.
    pub overlay: u64,
    /// Entries of the debug directory.
    pub debug: Vec<Debug>,
    /// Symbols in the COFF symbol table (unstripped MinGW files).
    pub coff_symbols: u32,
    /// The header's checksum.
    pub checksum: Checksum,
    /// The version resource.
    pub version: VersionInfo,
    /// The file is .NET's, in whole or in part.
    pub is_managed: bool,
    /// How many sections there are.
    pub sections: u16,
}

impl PeFacts {
    /// Returns true if the file asks the loader to make the table of delay imports read-only
    /// (`IMAGE_GUARD_PROTECT_DELAYLOAD_IAT`, set by `/guard:cf`); such imports cannot be bound at load.
    pub fn protects_delay_imports(&self) -> bool {
        self.guard_flags & 0x1000 != 0
    }

    /// Returns the version that the version resource states; where there is none, that of the linker.
    pub fn stated_version(&self) -> [u16; 4] {
        let (major, minor) = self.linker_version;
        self.version.fixed_file_version.unwrap_or([u16::from(major), u16::from(minor), 0, 0])
    }
}

/// Files that hold code of two machines (`CHPEMetadataPointer` of the load configuration).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Hybrid {
    /// x86 code beside ARM64 code, in an x86 file (CHPE).
    Chpe,
    /// ARM64 code that calls as x64 code does, in an x64 file: loads into x64 programs on ARM64 machines only.
    Arm64ec,
    /// ARM64 and ARM64EC in one ARM64 file: loads into ARM64 and into x64 programs, on ARM64 machines only.
    Arm64x,
}

impl Hybrid {
    /// Returns Microsoft's name.
    pub fn name(self) -> &'static str {
        match self {
            Hybrid::Chpe => "CHPE",
            Hybrid::Arm64ec => "ARM64EC",
            Hybrid::Arm64x => "ARM64X",
        }
    }
}

/// Where the certificate table lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signature {
    /// Offset in the file.
    pub offset: u64,
    /// Size in bytes.
    pub size: u64,
}

/// The header's checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checksum {
    /// There is one, and nobody compared it with the bytes.
    NotCompared,
    /// 0: none was written.
    Absent,
    /// It fits the file.
    Right,
    /// It does not; Windows cares for drivers only.
    Wrong,
}

/// One entry of the debug directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Debug {
    /// `Type`: 2 is CodeView, 16 a reproducible build.
    pub kind: u32,
    /// `PointerToRawData`.
    pub offset: u64,
    /// `SizeOfData`.
    pub size: u64,
    /// The symbol file that CodeView names.
    pub pdb: Option<String>,
}

/// What the version resource tells; of several languages the first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct VersionInfo {
    /// `FileVersion` of the fixed part, e.g. `14.29.30139.0`.
    pub fixed_file_version: Option<[u16; 4]>,
    /// `ProductName`.
    pub product_name: Option<String>,
    /// `ProductVersion`.
    pub product_version: Option<String>,
    /// `FileVersion`.
    pub file_version: Option<String>,
    /// `FileDescription`.
    pub file_description: Option<String>,
    /// `CompanyName`.
    pub company_name: Option<String>,
    /// `OriginalFilename`.
    pub original_filename: Option<String>,
    /// `LegalCopyright`.
    pub legal_copyright: Option<String>,
}
