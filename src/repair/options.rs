//! What a repair is asked to do: every flag as a value, nothing read from the environment.

use std::path::PathBuf;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use super::plan_file::PlanFile;
use crate::diagnostic::Code;
use crate::error::{Error, Result};
use crate::format::StripLevel;
use crate::platform::windows;
use crate::policy::apple::RequiredArchs;
use crate::policy::{self, PolicySet};
use crate::python::startup::Place;
use crate::tag::PlatformTag;
use crate::wheel::write::DEFAULT_LEVEL;

/// Where libraries are looked for outside the wheel.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Search {
    /// `--lib-path`, in order.
    pub folders: Vec<PathBuf>,
    /// `--sysroot`.
    pub sysroot: Option<PathBuf>,
    /// Whether this machine is looked at; only ever where the wheel is for it.
    pub host: bool,
    /// `LD_LIBRARY_PATH` of this machine (`DYLD_LIBRARY_PATH`, `PATH`), split.
    pub environment: Vec<String>,
    /// `--executable-path`: the folder that `@executable_path` stands for.
    pub executable: Option<PathBuf>,
}

/// A library that nothing imports and that is vendored all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Include {
    /// A path, or a name that is searched for.
    pub library: String,
    /// Its folder after install, relative to site-packages; `None`: where vendored libraries go.
    pub destination: Option<String>,
}

/// Names that match some of the patterns; each pattern remembers its text.
#[derive(Debug, Clone, Default)]
pub struct Patterns {
    texts: Vec<String>,
    globs: GlobSet,
    /// The same without regard to case, for names of Windows' files.
    caseless: GlobSet,
}

impl Patterns {
    /// Returns the set of `patterns`: shell globs in which `*` also matches `/`. Against names of Windows' files they are held
    /// without regard to case.
    ///
    /// # Errors
    /// `Usage` if one is no glob.
    pub fn new(patterns: impl IntoIterator<Item = impl Into<String>>) -> Result<Self> {
        let texts: Vec<String> = patterns.into_iter().map(Into::into).collect();
        let set = |caseless: bool| {
            let mut builder = GlobSetBuilder::new();
            for text in &texts {
                let glob = GlobBuilder::new(text).case_insensitive(caseless).build();
                builder.add(glob.map_err(|error| Error::usage(format!("`{text}` is no glob: {}", error.kind())))?);
            }
            builder.build().map_err(|error| Error::usage(format!("too many patterns: {error}")))
        };
        let (globs, caseless) = (set(false)?, set(true)?);
        Ok(Self { texts, globs, caseless })
    }

    /// Returns the patterns of `--exclude`: globs, and `@name` for a preset.
    ///
    /// # Errors
    /// `Usage` if one is no glob, or no preset has that name.
    pub fn with_presets(patterns: &[String]) -> Result<Self> {
        let mut texts = Vec::new();
        for pattern in patterns {
            let Some(name) = pattern.strip_prefix('@') else {
                texts.push(pattern.clone());
                continue;
            };
            let preset = policy::presets().iter().find(|preset| preset.name == name);
            let preset = preset.ok_or_else(|| {
                let names: Vec<String> = policy::presets().iter().map(|preset| format!("`@{}`", preset.name)).collect();
                Error::usage(format!("no preset is called `{pattern}`")).hint(format!("known: {}", names.join(", ")))
            })?;
            texts.extend(preset.libraries.iter().cloned());
        }
        Self::new(texts)
    }

    /// Returns true if some pattern matches.
    pub fn matches(&self, name: &str) -> bool {
        self.held_against(name).is_match(name)
    }

    /// Returns the numbers of the patterns that match.
    pub fn matching(&self, name: &str) -> Vec<usize> {
        self.held_against(name).matches(name)
    }

    fn held_against(&self, name: &str) -> &GlobSet {
        if windows::is_file_name(name) { &self.caseless } else { &self.globs }
    }

    /// Returns the patterns' texts.
    pub fn texts(&self) -> &[String] {
        &self.texts
    }

    /// Returns true if there is no pattern.
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }
}

/// Where vendored DLLs go (Windows).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Layout {
    /// Beside the extension where one folder's extensions need the DLL, else a folder of libraries with start-up code;
    /// never a second copy of a DLL.
    #[default]
    Auto,
    /// A copy in each folder that needs it.
    Adjacent,
    /// The folder of libraries with start-up code.
    Libs,
}

/// Everything that `repair` can be asked.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Options {
    /// `--plat`; empty for `auto`.
    pub plat: Vec<PlatformTag>,
    /// `plat` is what an image says for everything that is built in it (`AUDITWHEEL_PLAT`): it plays no part where a wheel
    /// is for another system.
    pub plat_of_image: bool,
    /// `--only-plat`.
    pub only_plat: bool,
    /// `MACOSX_DEPLOYMENT_TARGET`: on macOS, where `plat` is empty, that version for each architecture is the only tag.
    pub deployment_target: Option<String>,
    /// `--require-archs`: on macOS, the architectures that every binary must have.
    pub require_archs: RequiredArchs,
    /// Where libraries are looked for.
    pub search: Search,
    /// `--exclude`, presets expanded.
    pub exclude: Patterns,
    /// The patterns of `--exclude` as given, for messages.
    pub exclude_as_given: Vec<String>,
    /// `--include`.
    pub include: Vec<Include>,
    /// `--no-mangle`.
    pub no_mangle: Patterns,
    /// `--lib-dir`: what is appended to the distribution's name; `None`: the platform's convention.
    pub lib_dir: Option<String>,
    /// `--layout` (Windows).
    pub layout: Layout,
    /// Where start-up code goes in an `__init__.py`; `--custom-patch`: at a mark.
    pub startup_place: Place,
    /// `--include-symbols`: program databases that lie beside vendored DLLs are vendored too.
    pub include_symbols: bool,
    /// `--strip`.
    pub strip: Option<StripLevel>,
    /// `--compress`, 0 to 12.
    ///
    /// At the default level blocks that a change does not reach stay as the input has them.
    pub compress: u8,
    /// False for `--no-update-tags`.
    pub update_tags: bool,
    /// `--ignore-missing-dependencies`: a missing library is a warning.
    pub ignore_missing: bool,
    /// `--ignore-recorded`: exclusions recorded in the wheel do not hold.
    pub ignore_recorded: bool,
    /// `--disable-isa-ext-check`: binaries may need a newer processor than their architecture's baseline.
    pub any_processor: bool,
    /// False for `--no-sbom`.
    pub sbom: bool,
    /// `SOURCE_DATE_EPOCH`.
    pub source_date_epoch: Option<i64>,
    /// `--plan`: every needed name that the policy does not give must be mentioned.
    pub decisions: Option<PlanFile>,
    /// Codes of `--accept`.
    pub accept: Vec<Code>,
    /// The policies.
    pub policies: PolicySet,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            plat: Vec::new(),
            plat_of_image: false,
            only_plat: false,
            deployment_target: None,
            require_archs: RequiredArchs::default(),
            search: Search::default(),
            exclude: Patterns::default(),
            exclude_as_given: Vec::new(),
            include: Vec::new(),
            no_mangle: Patterns::default(),
            lib_dir: None,
            layout: Layout::Auto,
            startup_place: Place::Rules,
            include_symbols: false,
            strip: None,
            compress: DEFAULT_LEVEL,
            update_tags: true,
            ignore_missing: false,
            ignore_recorded: false,
            any_processor: false,
            sbom: true,
            source_date_epoch: None,
            decisions: None,
            accept: Vec::new(),
            policies: PolicySet::embedded(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_matches_across_folders() {
        let patterns = Patterns::new(["/usr/local/cuda*", "libfoo.so.*"]).unwrap();
        assert!(patterns.matches("/usr/local/cuda-12/lib64/libcudart.so.12"));
        assert!(patterns.matches("libfoo.so.1"));
        assert!(!patterns.matches("libfoobar.so.1"));
        assert_eq!(patterns.matching("libfoo.so.1"), [1]);
    }

    #[test]
    fn an_unknown_preset_is_a_usage_error() {
        let error = Patterns::with_presets(&["@nothing".into()]).unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::Usage);
    }
}
