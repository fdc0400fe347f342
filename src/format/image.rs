//! `Image`: what every format can state about one slice of a binary.

use std::ops::Range;

use super::elf::ElfFacts;
use super::macho::MachoFacts;
use super::pe::PeFacts;
use crate::arch::Arch;

/// A binary format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// System V gABI and its processor supplements.
    Elf,
    /// Mach-O, thin or universal.
    MachO,
    /// PE/COFF.
    Pe,
}

impl Format {
    /// Returns the name used in machine output: `elf`, `macho` or `pe`.
    pub fn name(self) -> &'static str {
        match self {
            Format::Elf => "elf",
            Format::MachO => "macho",
            Format::Pe => "pe",
        }
    }

    /// Returns how tags of systems with this format spell a processor, e.g. `arm64` of Mach-O and `amd64` of PE.
    pub fn arch_name(self, arch: Arch) -> String {
        match self {
            Format::Elf => arch.linux_name(),
            Format::MachO => arch.apple_name(),
            Format::Pe => arch.windows_name(),
        }
    }
}

/// What the system's loader takes a binary for. Whether a library is a Python extension is not the format's
/// business (see the `abi` room).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ImageKind {
    /// A shared library or loadable bundle.
    Library,
    /// A program: has an interpreter, an entry point that the kernel starts, or is statically linked.
    Program,
    /// A relocatable object, a debug companion, a core: nothing that a loader loads.
    Object,
}

/// How a library is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ImportKind {
    /// Loading fails without it (`DT_NEEDED`, `LC_LOAD_DYLIB`, import descriptor).
    Needed,
    /// Loading goes on without it (`LC_LOAD_WEAK_DYLIB`).
    Weak,
    /// Needed, and its symbols count as our own (`LC_REEXPORT_DYLIB`).
    Reexport,
    /// Needed by something above us (`LC_LOAD_UPWARD_DYLIB`).
    Upward,
    /// Loaded at first use (`LC_LAZY_LOAD_DYLIB`).
    Lazy,
    /// Loaded at first use by a helper in the binary (PE delay import).
    Delay,
}

impl ImportKind {
    /// Returns the name used in machine output.
    pub fn name(self) -> &'static str {
        match self {
            ImportKind::Needed => "needed",
            ImportKind::Weak => "weak",
            ImportKind::Reexport => "reexport",
            ImportKind::Upward => "upward",
            ImportKind::Lazy => "lazy",
            ImportKind::Delay => "delay",
        }
    }
}

/// A library that a binary names, exactly as it names it.
///
/// Bytes that are not UTF-8 are escaped as `\xNN`; such a name resolves to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// `DT_NEEDED` text, install name, or DLL name.
    pub name: String,
    /// How it is needed.
    pub kind: ImportKind,
}

/// Which of ELF's two search paths; Mach-O's `LC_RPATH` counts as [`SearchPathKind::Rpath`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SearchPathKind {
    /// `DT_RPATH`: before `LD_LIBRARY_PATH`, inherited by what is loaded.
    Rpath,
    /// `DT_RUNPATH`: after `LD_LIBRARY_PATH`, for the object's own imports only.
    Runpath,
}

impl SearchPathKind {
    /// Returns the name used in machine output.
    pub fn name(self) -> &'static str {
        match self {
            SearchPathKind::Rpath => "rpath",
            SearchPathKind::Runpath => "runpath",
        }
    }
}

/// One directory of a search path, unexpanded (`$ORIGIN/../x`, `@loader_path/x`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchPath {
    /// The directory as written; may be empty (the current directory).
    pub path: String,
    /// Which search path it is in.
    pub kind: SearchPathKind,
}

/// Facts that only one format has.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Details {
    /// ELF.
    Elf(Box<ElfFacts>),
    /// Mach-O.
    MachO(Box<MachoFacts>),
    /// PE.
    Pe(Box<PeFacts>),
}

/// Something about a binary that is wrong but does not keep it from being read.
///
/// The rooms above give it a diagnostic code; `format` only states it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What is wrong; a closed vocabulary for the rooms above.
    pub kind: FaultKind,
    /// The particulars, a phrase.
    pub message: String,
}

/// The kinds of [`Fault`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum FaultKind {
    /// Two places that state the same fact disagree (sections against segments); such a file is not edited.
    Contradiction,
    /// A table or string leaves the file, overlaps or loops; the facts it would have given are left out.
    Truncated,
    /// A name is not UTF-8, empty where it may not be, or has characters a loader treats specially.
    OddName,
    /// Allowed, but loaders treat it differently or badly.
    Suspicious,
}

/// The facts of one slice of a binary: small, owned, without symbols (see [`super::symbols()`]).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Image {
    /// The format.
    pub format: Format,
    /// The processor; [`Arch::Other`] where no tag names it.
    pub arch: Arch,
    /// What a loader takes it for.
    pub kind: ImageKind,
    /// The name it gives itself: SONAME, install name, export directory name.
    pub identity: Option<String>,
    /// Libraries it names, in file order (which is the order of symbol lookup on ELF).
    pub imports: Vec<Import>,
    /// Search paths in order of the file.
    pub search_paths: Vec<SearchPath>,
    /// Where the slice lies in the file.
    pub slice: Range<u64>,
    /// Bytes of the file that only debuggers read: DWARF and its like.
    pub debug_bytes: u64,
    /// Facts of the format.
    pub details: Details,
    /// What is wrong with it.
    pub faults: Vec<Fault>,
}

impl Image {
    /// Returns true if the loader of some system takes it: it is no relocatable object, and no code for a machine that no
    /// tag names (GPU kernels, BPF).
    pub fn is_loadable(&self) -> bool {
        self.kind != ImageKind::Object && !matches!(self.arch, Arch::Other(_))
    }

    /// Returns the ELF facts, if this is ELF.
    pub fn elf(&self) -> Option<&ElfFacts> {
        match &self.details {
            Details::Elf(facts) => Some(facts),
            Details::MachO(_) | Details::Pe(_) => None,
        }
    }

    /// Returns the Mach-O facts, if this is Mach-O.
    pub fn macho(&self) -> Option<&MachoFacts> {
        match &self.details {
            Details::MachO(facts) => Some(facts),
            Details::Elf(_) | Details::Pe(_) => None,
        }
    }

    /// Returns the PE facts, if this is PE.
    pub fn pe(&self) -> Option<&PeFacts> {
        match &self.details {
            Details::Pe(facts) => Some(facts),
            Details::Elf(_) | Details::MachO(_) => None,
        }
    }

    /// Returns the directories of one kind of search path.
    pub fn search_path(&self, kind: SearchPathKind) -> impl Iterator<Item = &str> {
        self.search_paths.iter().filter(move |path| path.kind == kind).map(|path| path.path.as_str())
    }

    /// Returns true if the binary imports a library of this name; PE names differ by more than case (ASCII).
    pub fn imports_name(&self, name: &str) -> bool {
        self.imports.iter().any(|import| match self.format {
            Format::Elf | Format::MachO => import.name == name,
            Format::Pe => import.name.eq_ignore_ascii_case(name),
        })
    }
}
