//! The SBOM of a repaired wheel: CycloneDX 1.6, one component for every vendored file.

mod build;
mod licence;
mod merge;
mod model;

pub use licence::IDENTIFIERS as LICENCES;

use super::Package;
use crate::format::{Change, Image};

/// The name of the SBOM within `dist-info/sboms/`.
pub const FILE_NAME: &str = "truewheel.cdx.json";

/// Everything that the SBOM states.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct SbomInput {
    /// The distribution's name, as METADATA has it.
    pub name: String,
    /// The distribution's version.
    pub version: String,
    /// The file name of the wheel that is written.
    pub file_name: String,
    /// Every vendored file; the order does not matter.
    pub vendored: Vec<Vendored>,
    /// Paths in the wheel of the vendored files that the wheel's own binaries need.
    pub needed: Vec<String>,
    /// Seconds since 1970 (`SOURCE_DATE_EPOCH`); `None`: no timestamp is written.
    pub timestamp: Option<i64>,
    /// The `truewheel.cdx.json` of an earlier repair, which the new one continues.
    pub earlier: Option<Vec<u8>>,
}

impl SbomInput {
    /// Returns the input for a wheel into which nothing is vendored.
    pub fn new(name: impl Into<String>, version: impl Into<String>, file_name: impl Into<String>) -> Self {
        Self { name: name.into(), version: version.into(), file_name: file_name.into(), ..Self::default() }
    }
}

/// One vendored file.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Vendored {
    /// Where it lies in the wheel.
    pub path: String,
    /// The file as it was found.
    pub original: Original,
    /// Files for other processors that were joined with it into one universal file.
    pub joined: Vec<Original>,
    /// SHA-256 of the file in the wheel, lower-case hexadecimal.
    pub final_sha256: String,
    /// Paths in the wheel of the vendored files that it needs.
    pub needed: Vec<String>,
    /// What was rewritten.
    pub changes: Vec<Change>,
}

/// A file as it was before it was vendored.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Original {
    /// The file name it had (`libffi.so.8.1.2`).
    pub name: String,
    /// Its SHA-256, lower-case hexadecimal.
    pub sha256: String,
    /// The package that it came from; `None`: unknown, and stated so.
    pub package: Option<Package>,
    /// Its own name (SONAME, install name, DLL name).
    pub identity: Option<String>,
    /// Its build identifier, hexadecimal: the GNU build-id note, `LC_UUID`, the debug GUID.
    pub build_id: Option<String>,
    /// What it says of itself, which counts where no database knows it.
    pub stated: Option<Stated>,
}

/// What a file says of itself: the version resource of a PE file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stated {
    /// Its version.
    pub version: Option<String>,
    /// The product that it is a part of.
    pub product: Option<String>,
    /// Who made it.
    pub company: Option<String>,
}

impl Stated {
    /// Returns what the facts of a file say; `None` where they say nothing.
    pub fn of(image: &Image) -> Option<Self> {
        let said = &image.pe()?.version;
        let fixed = said.fixed_file_version.filter(|numbers| numbers.iter().any(|number| *number > 0));
        let fixed = fixed.map(|[a, b, c, d]| format!("{a}.{b}.{c}.{d}"));
        let text = |value: &Option<String>| {
            value.as_ref().map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
        };
        let stated = Self {
            version: fixed.or_else(|| text(&said.file_version)).or_else(|| text(&said.product_version)),
            product: text(&said.product_name),
            company: text(&said.company_name),
        };
        (stated != Self::default()).then_some(stated)
    }
}

impl Vendored {
    /// Returns a vendored file; the sum is SHA-256 in lower-case hexadecimal.
    pub fn new(path: impl Into<String>, original: Original, final_sha256: impl Into<String>) -> Self {
        Self { path: path.into(), original, final_sha256: final_sha256.into(), ..Self::default() }
    }

    /// Returns the files that it is made of.
    fn originals(&self) -> impl Iterator<Item = &Original> {
        std::iter::once(&self.original).chain(&self.joined)
    }
}

impl Original {
    /// Returns a file of unknown origin; the sum is SHA-256 in lower-case hexadecimal.
    pub fn new(name: impl Into<String>, sha256: impl Into<String>) -> Self {
        Self { name: name.into(), sha256: sha256.into(), ..Self::default() }
    }
}

/// The SBOM's bytes and what was odd on the way.
#[derive(Debug, Clone, Default)]
pub struct Document {
    /// JSON, ends with a line feed; the earlier SBOM's bytes if nothing had to change.
    pub bytes: Vec<u8>,
    /// Phrases: an earlier SBOM that could not be read and was replaced.
    pub notes: Vec<String>,
}

/// Returns the SBOM of a repaired wheel; the same input gives the same bytes.
///
/// An earlier SBOM is continued: what it says of files that are not vendored anew stays, word for word. Where
/// nothing changes but the time and the tool, its bytes are returned as they are.
pub fn document(input: &SbomInput) -> Document {
    let fresh = build::bom(input);
    let Some(earlier) = &input.earlier else { return Document { bytes: merge::print(fresh), notes: Vec::new() } };
    match merge::read(earlier) {
        Ok(old) => match merge::continued(&old, fresh) {
            Some(merged) => Document { bytes: merge::print(merged), notes: Vec::new() },
            None => Document { bytes: earlier.clone(), notes: Vec::new() },
        },
        Err(reason) => {
            Document { bytes: merge::print(fresh), notes: vec![format!("earlier `{FILE_NAME}` replaced: {reason}")] }
        }
    }
}
