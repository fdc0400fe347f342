//! `Preset`: named sets of libraries for `--exclude @NAME`, and libraries that belong to the user's machine.

/// A named set of library name patterns.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Preset {
    /// The name after `@`.
    pub name: String,
    /// What it is, a phrase.
    pub about: String,
    /// Globs of library names.
    pub libraries: Vec<String>,
    /// Libraries of drivers and dispatchers: vendoring one is warned about.
    pub driver: bool,
}

/// Returns every preset, sorted by name.
pub fn presets() -> &'static [Preset] {
    &[]
}
