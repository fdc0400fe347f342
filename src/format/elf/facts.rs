//! What only ELF can state about a binary: plain values, without any judgement.

use crate::format::bytes::{Endian, Width};

/// Facts that only ELF has.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ElfFacts {
    /// 32- or 64-bit.
    pub width: Width,
    /// Byte order.
    pub endian: Endian,
    /// `e_type`.
    pub object_type: u16,
    /// `e_machine`.
    pub machine: u16,
    /// `e_flags`, which processor supplements give their meaning.
    pub flags: u32,
    /// `EI_OSABI`.
    pub os_abi: u8,
    /// How floating-point arguments are passed, where the machine has more than one way and the file says which.
    pub float_abi: Option<FloatAbi>,
    /// ELF ABI of 64-bit PowerPC: 1 or 2, 0 where the file does not say or the machine is another.
    pub ppc64_abi: u32,
    /// `Tag_CPU_arch` of `.ARM.attributes` (6: ARMv6, 10: ARMv7-A), where there is one.
    pub arm_cpu: Option<u64>,
    /// How it is linked, which decides who starts or loads it.
    pub linkage: Linkage,
    /// `PT_INTERP`: the program interpreter.
    pub interpreter: Option<String>,
    /// What it asks of the stack.
    pub stack: Stack,
    /// `DT_TEXTREL` or `DF_TEXTREL`: its code is relocated.
    pub text_relocations: bool,
    /// A loaded segment is both writable and executable.
    pub writable_code: bool,
    /// `DT_FLAGS`.
    pub dynamic_flags: u64,
    /// `DT_FLAGS_1`.
    pub dynamic_flags_1: u64,
    /// Symbols are bound at load (`DT_BIND_NOW`, `DF_BIND_NOW`, `DF_1_NOW`).
    pub bind_now: bool,
    /// A `PT_GNU_RELRO` segment is there.
    pub relro: bool,
    /// How symbols are found: which hash tables there are.
    pub hashes: Hashes,
    /// Which compact relocation tables there are.
    pub relocations: CompactRelocations,
    /// What the property note states.
    pub properties: Properties,
    /// How the loaded segments are aligned.
    pub pages: Pages,
    /// `NT_GNU_BUILD_ID`.
    pub build_id: Option<Vec<u8>>,
    /// API level of `.note.android.ident`.
    pub android_api: Option<u32>,
    /// What `.note.dlopen` says the binary opens at run time.
    pub dlopens: Vec<Dlopen>,
    /// `.note.package`: JSON that a distribution puts in, naming its package.
    pub package_note: Option<String>,
    /// `DT_FILTER`: libraries of which this one is a filter.
    pub filters: Vec<String>,
    /// `DT_AUXILIARY`: libraries that replace this one's symbols if they are there.
    pub auxiliaries: Vec<String>,
    /// `DT_AUDIT`: auditors of this object, separated by colons.
    pub audit: Option<String>,
    /// `DT_DEPAUDIT`: auditors of its dependencies, separated by colons.
    pub dependency_audit: Option<String>,
    /// What the section headers tell; `None` where there are none.
    pub sections: Option<SectionFacts>,
    /// Bytes after the last header, segment and section (the payload of self-extracting programs).
    pub overlay: u64,
}

/// How floating-point arguments are passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FloatAbi {
    /// In general registers.
    Soft,
    /// In registers of single precision.
    Single,
    /// In registers of double precision.
    Double,
    /// In registers of quadruple precision.
    Quad,
}

/// How a file is linked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Linkage {
    /// A shared library.
    Library,
    /// A program at a fixed address with an interpreter.
    Program,
    /// A position-independent program with an interpreter.
    Pie,
    /// A program at a fixed address without interpreter.
    Static,
    /// A position-independent program without interpreter.
    StaticPie,
    /// A relocatable object.
    Relocatable,
    /// The debug sections of another file; its loaded sections hold nothing.
    DebugCompanion,
    /// A core dump.
    Core,
    /// None of these; nothing that a loader loads.
    Unknown,
}

/// What a file asks of the stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stack {
    /// `PT_GNU_STACK` without `PF_X`.
    Plain,
    /// `PT_GNU_STACK` with `PF_X`.
    Executable,
    /// No `PT_GNU_STACK`: the machine's default holds.
    Unstated {
        /// glibc's default for the machine is executable.
        executable: bool,
    },
}

impl Stack {
    /// Returns true if loading the file makes the stack executable.
    pub fn is_executable(self) -> bool {
        match self {
            Stack::Plain => false,
            Stack::Executable => true,
            Stack::Unstated { executable } => executable,
        }
    }
}

/// Which hash tables a file has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Hashes {
    /// `DT_HASH`.
    pub sysv: bool,
    /// `DT_GNU_HASH`.
    pub gnu: bool,
}

/// Which compact relocation tables a file has; old loaders do not know them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CompactRelocations {
    /// `DT_RELR`.
    pub relr: bool,
    /// `DT_ANDROID_RELR`.
    pub android_relr: bool,
    /// `DT_ANDROID_REL` or `DT_ANDROID_RELA`.
    pub android_packed: bool,
}

/// What `NT_GNU_PROPERTY_TYPE_0` states; `None` where it says nothing, which means "unknown", never "baseline".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Properties {
    /// `GNU_PROPERTY_X86_ISA_1_NEEDED`: bits 1 baseline, 2 v2, 4 v3, 8 v4.
    pub x86_isa_needed: Option<u32>,
    /// `GNU_PROPERTY_X86_ISA_1_USED`, of the same bits; informative.
    pub x86_isa_used: Option<u32>,
    /// `GNU_PROPERTY_X86_FEATURE_1_AND`: bits 1 IBT, 2 SHSTK.
    pub x86_features: Option<u32>,
    /// `GNU_PROPERTY_AARCH64_FEATURE_1_AND`: bits 1 BTI, 2 PAC, 4 GCS.
    pub aarch64_features: Option<u32>,
}

impl Properties {
    /// Returns the x86-64 level that the loader demands: 1 to 4, `None` where the file does not say.
    pub fn x86_level(&self) -> Option<u8> {
        match self.x86_isa_needed? {
            0 => None,
            1 => Some(1),
            bits if bits & !0xf == 0 => Some((32 - bits.leading_zeros()) as u8),
            // A level that does not exist yet: newer than all that do.
            _ => Some(u8::MAX),
        }
    }
}

/// How the loaded segments are aligned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pages {
    /// The largest `p_align` of a loaded segment; 0 where nothing is loaded.
    pub max_align: u64,
    /// The largest page size, up to 64 KiB, on which the file can be loaded: every `p_align` is a multiple of it and
    /// no two segments with different permissions share such a page; 0 where nothing is loaded.
    pub max_page: u64,
}

/// One entry of `.note.dlopen` (systemd's `DLOPEN_METADATA`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Dlopen {
    /// Names that are tried, best first.
    pub names: Vec<String>,
    /// What they are for.
    pub feature: Option<String>,
    /// `required`, `recommended` or `suggested`, as written.
    pub priority: Option<String>,
}

/// What the section headers tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct SectionFacts {
    /// How many there are.
    pub count: u64,
    /// Bytes of debug sections (`.debug_*`, `.zdebug_*`, `.gdb_index`, `.stab*`, `.gnu.debuglto_*`).
    pub debug_bytes: u64,
    /// Bytes of the static symbol table with its strings; 0 if it is stripped.
    pub symtab_bytes: u64,
    /// A static symbol table is there.
    pub has_symtab: bool,
    /// Debug sections are there.
    pub has_debug: bool,
}
