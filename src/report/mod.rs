//! `Report`: all that a command found about one wheel, as one versioned value; every renderer reads only this.

pub mod github;
pub mod human;
pub mod json;
pub mod junit;
pub mod levels;
pub mod sarif;
pub mod text;
pub mod tree;

#[cfg(test)]
pub(crate) mod fixture;

pub use levels::{Exception, Level, Levels, Profile, Selector};

use std::collections::BTreeSet;

use serde::{Serialize, Serializer};

use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::format::image::{Image, ImageKind};
use crate::format::macho::SignatureKind;
use crate::repair::Step;

/// The version of the machine output; fields are added under one number, never renamed.
pub const SCHEMA: u32 = 1;

/// The program that made a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Tool {
    /// `truewheel`.
    pub name: &'static str,
    /// The version, e.g. `0.1.0`.
    pub version: &'static str,
}

impl Default for Tool {
    fn default() -> Self {
        Self { name: "truewheel", version: env!("CARGO_PKG_VERSION") }
    }
}

/// Whether a wheel has an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// No diagnostic is an error.
    Ok,
    /// At least one diagnostic is an error.
    Fault,
}

/// Platform tags: what the wheel says, and what its bytes allow it to say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Tags {
    /// Full tags of the file name, expanded, e.g. `cp312-cp312-manylinux_2_17_x86_64`.
    pub claimed: Vec<String>,
    /// Platform tags that hold, most compatible first.
    pub earned: Vec<String>,
}

/// One library that a binary names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ImportEntry {
    /// As the binary names it.
    pub name: String,
    /// `needed`, `weak`, `reexport`, `upward`, `lazy` or `delay`.
    pub kind: &'static str,
    /// Archive name or path of what the loader takes; `None` where nothing is found.
    pub resolved: Option<String>,
}

/// One directory of a search path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SearchPathEntry {
    /// As written.
    pub path: String,
    /// `rpath` or `runpath`.
    pub kind: &'static str,
}

/// A version node that a binary needs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[non_exhaustive]
pub struct VersionEntry {
    /// The library it is needed of.
    pub library: String,
    /// The node, e.g. `GLIBC_2.17`.
    pub version: String,
}

impl VersionEntry {
    /// Returns the entry of one node.
    pub fn new(library: impl Into<String>, version: impl Into<String>) -> Self {
        Self { library: library.into(), version: version.into() }
    }
}

/// One slice of one binary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct BinaryEntry {
    /// Archive name, or the path of a bare file.
    pub path: String,
    /// `elf`, `macho` or `pe`.
    pub format: &'static str,
    /// As the platform's tags spell it.
    pub arch: String,
    /// `extension`, `library`, `program` or `object`.
    pub kind: &'static str,
    /// SONAME, install name or export name.
    pub identity: Option<String>,
    /// The oldest system that it states (Mach-O), e.g. `macOS 11.0`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_os: Option<String>,
    /// The SDK that it was built with (Mach-O).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sdk: Option<String>,
    /// Who signed it (Mach-O): `linker`, `adhoc`, `certificate` or `none`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signature: Option<&'static str>,
    /// Libraries it names, in file order.
    pub imports: Vec<ImportEntry>,
    /// Search paths, in file order.
    pub search_paths: Vec<SearchPathEntry>,
    /// Version nodes it needs, in file order; empty where the format has none.
    pub versions: Vec<VersionEntry>,
    /// What it has to do with Python; `None`: nothing.
    pub python: Option<PythonEntry>,
}

/// What a binary has to do with Python.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PythonEntry {
    /// Functions by which an interpreter makes modules of it, e.g. `PyInit__core`.
    pub entry_points: Vec<String>,
    /// Symbols of Python that it cannot do without, sorted.
    pub symbols: Vec<String>,
    /// Python's libraries that it links, as it names them.
    pub libraries: Vec<String>,
    /// The minor version of Python 3 from which on the stable ABI has all those symbols; `None` if it has not.
    pub stable_abi: Option<u16>,
}

impl PythonEntry {
    /// Returns an entry of nothing.
    pub fn new() -> Self {
        Self::default()
    }
}

impl BinaryEntry {
    /// Returns the entry of the slice `image` of `path`; imports are unresolved, an extension counts as a library.
    pub fn new(path: impl Into<String>, image: &Image, arch: impl Into<String>) -> Self {
        let stated = image.macho().and_then(|facts| facts.platforms.first());
        Self {
            path: path.into(),
            format: image.format.name(),
            arch: arch.into(),
            kind: match image.kind {
                ImageKind::Library => "library",
                ImageKind::Program => "program",
                ImageKind::Object => "object",
            },
            identity: image.identity.clone(),
            min_os: stated.map(|stated| format!("{} {}", stated.platform.name(), stated.min_os)),
            sdk: stated.map(|stated| stated.sdk.to_string()),
            signature: image.macho().map(|facts| match facts.signature.as_ref().map(|signature| signature.kind) {
                Some(SignatureKind::LinkerSigned) => "linker",
                Some(SignatureKind::AdHoc) => "adhoc",
                Some(SignatureKind::Cms) => "certificate",
                None => "none",
            }),
            imports: image
                .imports
                .iter()
                .map(|import| ImportEntry { name: import.name.clone(), kind: import.kind.name(), resolved: None })
                .collect(),
            search_paths: image
                .search_paths
                .iter()
                .map(|path| SearchPathEntry { path: path.path.clone(), kind: path.kind.name() })
                .collect(),
            versions: Vec::new(),
            python: None,
        }
    }
}

/// Whose a library is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum LibraryOrigin {
    /// In the wheel.
    Wheel,
    /// Installed by another distribution.
    Provider,
    /// Given by the platform.
    System,
    /// Found outside the wheel, and not given by the platform: to be vendored.
    External,
    /// Left to the user's machine on request.
    Excluded,
    /// Nowhere.
    Missing,
}

impl LibraryOrigin {
    /// Returns the name used in machine output.
    pub fn name(self) -> &'static str {
        match self {
            LibraryOrigin::Wheel => "wheel",
            LibraryOrigin::Provider => "provider",
            LibraryOrigin::System => "system",
            LibraryOrigin::External => "external",
            LibraryOrigin::Excluded => "excluded",
            LibraryOrigin::Missing => "missing",
        }
    }
}

/// One library that something in the wheel needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LibraryEntry {
    /// As it is needed.
    pub name: String,
    /// Whose it is.
    pub origin: LibraryOrigin,
    /// Archive name or path; `None` where none is known.
    pub path: Option<String>,
    /// Archive names of the binaries that name it, sorted.
    pub needed_by: Vec<String>,
}

impl LibraryEntry {
    /// Returns the entry of the library `name`.
    pub fn new(name: impl Into<String>, origin: LibraryOrigin, path: Option<String>) -> Self {
        Self { name: name.into(), origin, path, needed_by: Vec::new() }
    }
}

/// One thing that keeps the wheel from a better tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Blocker {
    /// The code of the question, e.g. `TW401`.
    pub code: &'static str,
    /// The binary; `None` for the wheel as a whole.
    pub member: Option<String>,
    /// The library that is needed, where the blocker is about one.
    pub library: Option<String>,
    /// The version node that is too new, where there is one.
    pub version: Option<String>,
    /// The symbols in the way, sorted; empty where the blocker is not about symbols.
    pub symbols: Vec<String>,
    /// The whole, as a phrase.
    pub message: String,
    /// Every chain from a load root to the member, each root first.
    pub chains: Vec<Vec<String>>,
}

/// A better tag than those earned, and all that stands in its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct NextTag {
    /// The platform tag.
    pub tag: String,
    /// The number of different symbols that would have to go.
    pub symbol_count: usize,
    /// What stands in the way, sorted by member.
    pub blockers: Vec<Blocker>,
}

impl NextTag {
    /// Returns the tag with what stands in its way, sorted.
    pub fn new(tag: impl Into<String>, mut blockers: Vec<Blocker>) -> Self {
        blockers.sort_by(|a, b| blocker_key(a).cmp(&blocker_key(b)));
        let mut symbols: Vec<(&Option<String>, &Option<String>, &String)> = blockers
            .iter()
            .flat_map(|blocker| blocker.symbols.iter().map(|symbol| (&blocker.library, &blocker.version, symbol)))
            .collect();
        symbols.sort();
        symbols.dedup();
        let symbol_count = symbols.len();
        Self { tag: tag.into(), symbol_count, blockers }
    }
}

/// The order of blockers: by member, library, version, code.
fn blocker_key(blocker: &Blocker) -> (&Option<String>, &Option<String>, &Option<String>, &str, &str) {
    (&blocker.member, &blocker.library, &blocker.version, blocker.code, &blocker.message)
}

impl Blocker {
    /// Returns a blocker about the wheel as a whole; fields are set afterwards.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code: code.name(),
            member: None,
            library: None,
            version: None,
            symbols: Vec::new(),
            message: message.into(),
            chains: Vec::new(),
        }
    }
}

/// A diagnostic as a report holds it: at the level that holds there.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// The diagnostic, at its final level.
    pub diagnostic: Diagnostic,
    /// Why an exception of the configuration made it a note.
    pub allowed: Option<String>,
}

impl Finding {
    /// Returns true if it only says how the wheel could be smaller or tidier: people are told if they ask for everything.
    pub fn is_advice(&self) -> bool {
        self.diagnostic.severity == Severity::Note && self.allowed.is_none() && levels::is_advice(self.diagnostic.code)
    }
}

impl Serialize for Finding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Entry<'a> {
            code: &'static str,
            slug: &'static str,
            severity: &'static str,
            member: Option<&'a str>,
            message: &'a str,
            help: Option<&'a str>,
            chain: &'a [String],
            #[serde(skip_serializing_if = "Option::is_none")]
            allowed: Option<&'a str>,
        }
        let diagnostic = &self.diagnostic;
        Entry {
            code: diagnostic.code.name(),
            slug: diagnostic.code.slug(),
            severity: diagnostic.severity.name(),
            member: diagnostic.member.as_deref(),
            message: &diagnostic.message,
            help: diagnostic.help.as_deref(),
            chain: &diagnostic.chain,
            allowed: self.allowed.as_deref(),
        }
        .serialize(serializer)
    }
}

/// All that a command found about one wheel, or one bare binary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: u32,
    /// Who made it.
    pub tool: Tool,
    /// The path as given.
    pub wheel: String,
    /// Whether any diagnostic is an error; kept by [`Report::push`].
    pub verdict: Outcome,
    /// Paths written.
    pub outputs: Vec<String>,
    /// Tags claimed and earned.
    pub tags: Tags,
    /// One item for each slice of each binary.
    pub binaries: Vec<BinaryEntry>,
    /// One item for each library that is needed.
    pub libraries: Vec<LibraryEntry>,
    /// Findings, in the order of [`Report::sort`].
    pub diagnostics: Vec<Finding>,
    /// For the next better tags, all that stands in the way.
    pub next_tags: Vec<NextTag>,
    /// The steps of a repair or a retagging, planned or done.
    pub plan: Vec<Step>,
    /// What shows that the python and ABI tags are true, and what nothing shows; a phrase each.
    pub proof: Vec<String>,
    /// The configuration file used.
    pub config: Option<String>,
    /// What `--allow`, `--warn`, `--deny` and the configuration say.
    #[serde(skip)]
    levels: Levels,
    /// What is there already: a finding is reported once.
    #[serde(skip)]
    seen: BTreeSet<(Code, Option<String>, String)>,
}

impl Report {
    /// Returns an empty report about the wheel at `wheel`, the path as given.
    pub fn new(wheel: impl Into<String>, levels: Levels) -> Self {
        Self {
            schema: SCHEMA,
            tool: Tool::default(),
            wheel: wheel.into(),
            verdict: Outcome::Ok,
            outputs: Vec::new(),
            tags: Tags::default(),
            binaries: Vec::new(),
            libraries: Vec::new(),
            diagnostics: Vec::new(),
            next_tags: Vec::new(),
            plan: Vec::new(),
            proof: Vec::new(),
            config: None,
            levels,
            seen: BTreeSet::new(),
        }
    }

    /// Admits a diagnostic: here, and nowhere else, levels and exceptions are applied.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        if !self.seen.insert((diagnostic.code, diagnostic.member.clone(), diagnostic.message.clone())) {
            return;
        }
        let finding = self.levels.apply(diagnostic, &self.wheel);
        if finding.diagnostic.severity == Severity::Error {
            self.verdict = Outcome::Fault;
        }
        self.diagnostics.push(finding);
    }

    /// Admits many diagnostics.
    pub fn extend(&mut self, diagnostics: impl IntoIterator<Item = Diagnostic>) {
        for diagnostic in diagnostics {
            self.push(diagnostic);
        }
    }

    /// Sorts what is seen: findings by member, code and message; libraries by name.
    pub fn sort(&mut self) {
        self.diagnostics.sort_by(|a, b| {
            let (a, b) = (&a.diagnostic, &b.diagnostic);
            (&a.member, a.code, &a.message).cmp(&(&b.member, b.code, &b.message))
        });
        self.libraries.sort_by(|a, b| (&a.name, a.origin, &a.path).cmp(&(&b.name, b.origin, &b.path)));
    }

    /// Returns the number of findings at a level.
    pub fn count(&self, severity: Severity) -> usize {
        self.diagnostics.iter().filter(|finding| finding.diagnostic.severity == severity).count()
    }
}

/// The forms in which reports are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[non_exhaustive]
pub enum OutputFormat {
    /// For people.
    Human,
    /// One object for each wheel, one a line.
    Json,
    /// Workflow commands that GitHub Actions shows as annotations.
    Github,
    /// SARIF 2.1.0, one run for all wheels.
    Sarif,
    /// JUnit XML, one test suite for each wheel.
    Junit,
}
