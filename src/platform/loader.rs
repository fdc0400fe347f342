//! How a system's loader finds libraries, as closed choices that the one engine in `load` carries out.

/// The rules of one loader. All of it is data; `load::resolve` is the only code that acts on it.
#[derive(Debug, Clone, Copy)]
pub struct Loader {
    /// The loader's name in messages, e.g. `glibc`.
    pub name: &'static str,
    /// How file names and import names compare.
    pub names: NameRule,
    /// What makes an import one of the objects that are loaded already, in the order it is tried.
    pub reuse: &'static [Reuse],
    /// Which imports are paths, and how such a path is read.
    pub paths: PathImport,
    /// Where imports that are not paths are looked for, in order.
    pub steps: &'static [Step],
    /// What is replaced in search paths and, by [`PathImport::Expanded`], in imports.
    pub tokens: &'static [Token],
    /// What a `$` means that begins no known token.
    pub unknown_token: UnknownToken,
    /// Which directory is an object's own.
    pub origin: OriginRule,
    /// What happens at a file for another machine.
    pub wrong_machine: Refusal,
    /// What happens at a file that is no library.
    pub not_a_library: Refusal,
    /// Libraries that the loader itself is, or that it has loaded before all others: prefixes of names that are never
    /// looked for.
    pub built_in: &'static [&'static str],
}

/// How names compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameRule {
    /// Byte for byte.
    Exact,
    /// ASCII letters without case (Windows).
    IgnoreAsciiCase,
}

/// What makes an import one of the objects that are loaded already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reuse {
    /// It was asked for by this name before (glibc `l_libname`), also where a path was found for it.
    RequestedName,
    /// It was *searched* under this name before (musl `shortname`); never by what it calls itself.
    SearchedName,
    /// It calls itself so: SONAME (glibc, bionic), install name (dyld).
    Identity,
    /// Its file name is this (Windows: one module for each base name).
    FileName,
    /// The file that was found is the same file (inode). Checked after the search, by every loader that has it.
    SameFile,
}

/// Which imports are paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathImport {
    /// A name with `/` is a path, tokens in it are expanded (glibc).
    Expanded,
    /// A name with `/` is a path as it stands (musl, bionic).
    Literal,
    /// Every name is a path or begins with a token; `@rpath/` is searched by [`Step::SearchPath`] (dyld).
    LoadPath,
    /// Only the last component counts (Windows).
    BaseName,
}

/// A place that is searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Search paths that objects carry.
    SearchPath(Carried, Inherit),
    /// The directories of an environment variable. Only this machine has one, and only where the caller gives it.
    Environment,
    /// What the system's configuration names.
    Configuration,
    /// The loader's own list.
    Defaults,
    /// The directory of the load root (Windows: `LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR`).
    RootDirectory,
    /// Directories that start-up code adds (Windows: `os.add_dll_directory`); the universe knows them.
    AddedDirectories,
}

/// Which of the search paths that an object carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carried {
    /// `DT_RPATH`, `LC_RPATH`.
    Rpath,
    /// `DT_RUNPATH`.
    Runpath,
    /// `DT_RUNPATH`, and `DT_RPATH` where there is none.
    RunpathElseRpath,
}

/// Whose search paths count for an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inherit {
    /// The importer's own.
    Own,
    /// The importer's, then those of what loaded it, up to the root.
    Ancestors,
    /// As [`Inherit::Ancestors`], but none at all if the importer has a `DT_RUNPATH`, and without those of each
    /// ancestor that has one (glibc).
    AncestorsUnlessRunpath,
}

/// A word that is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Token {
    /// `$ORIGIN`, `${ORIGIN}`: the directory of the object that carries it.
    Origin,
    /// `$LIB`, `${LIB}`: the last part of the loader's library directory.
    Lib,
    /// `$PLATFORM`, `${PLATFORM}`: the processor as the kernel names it.
    Platform,
    /// `@loader_path`: the directory of the object that carries it.
    LoaderPath,
    /// `@executable_path`: the directory of the program.
    ExecutablePath,
    /// `@rpath`: each directory of the run-path stack.
    Rpath,
}

/// What a `$` means that begins no known token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnknownToken {
    /// It stands for itself; a token is the longest run of letters, digits and `_` (glibc).
    Literal,
    /// The whole search path is ignored; a token ends where its letters end, so `$ORIGINAL` begins with one (musl).
    VoidsSearchPath,
}

/// Which directory is an object's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OriginRule {
    /// The directory of the path by which it was found, symbolic links not followed (glibc, musl).
    AsFound,
    /// The directory of the file itself (bionic, dyld).
    Canonical,
}

/// What a loader does at a file it cannot use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The search goes on.
    Skip,
    /// The import fails.
    Stop,
}

/// The directories and words that depend on the processor.
#[derive(Debug, Clone, Default)]
pub struct Directories {
    /// The system's configuration of search directories.
    pub configuration: Configuration,
    /// The loader's own list, in order.
    pub defaults: Vec<String>,
    /// What a configured directory that ends in `/lib` implies as well, in place of that `lib`.
    pub implied: &'static [&'static str],
    /// Sub-directories of each search directory that newer processors prefer, best first, e.g.
    /// `glibc-hwcaps/x86-64-v3`.
    pub variants: &'static [&'static str],
    /// What `$LIB` may stand for; which it is depends on the distribution.
    pub lib: Vec<String>,
    /// What `$PLATFORM` may stand for, depending on the processor; empty: a path that says it is void.
    pub platform: &'static [&'static str],
}

/// The system's configuration of search directories.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Configuration {
    /// There is none.
    #[default]
    None,
    /// A file as `ldconfig` reads it, with `include`; its directories come before the defaults.
    LdSoConf(String),
    /// A file as musl reads it; where it exists, its directories stand *instead of* the defaults.
    MuslPath(String),
}
