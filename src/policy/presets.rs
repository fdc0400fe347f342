//! `Preset`: named sets of libraries for `--exclude @NAME`, and libraries that belong to the user's machine.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use globset::{Glob, GlobSet, GlobSetBuilder};
use serde::Deserialize;

/// A named set of library name patterns.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Preset {
    /// The name after `@`.
    pub name: String,
    /// What it is, a phrase.
    pub about: String,
    /// Globs of library names, those of the presets it includes too; sorted.
    pub libraries: Vec<String>,
    /// Libraries of drivers and of what loads them: vendoring one is warned about (TW306).
    pub driver: bool,
    /// Where the names are from.
    pub source: String,
    globs: GlobSet,
}

impl Preset {
    /// Returns true if a library of this name is in the set.
    pub fn matches(&self, library: &str) -> bool {
        self.globs.is_match(library)
    }
}

/// `policies/presets.json`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    presets: BTreeMap<String, PresetDocument>,
    #[serde(rename = "retrieved")]
    _retrieved: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PresetDocument {
    about: String,
    driver: bool,
    includes: Vec<String>,
    libraries: Vec<String>,
    source: String,
}

static PRESETS: LazyLock<Vec<Preset>> = LazyLock::new(|| {
    // INVARIANT: the built-in file is read by a test, pattern by pattern.
    let document: Document = serde_json::from_str(include_str!("../../policies/presets.json")).expect("presets.json");
    let all = &document.presets;
    all.iter()
        .map(|(name, preset)| {
            let included = preset.includes.iter().filter_map(|other| all.get(other)).flat_map(|other| &other.libraries);
            let libraries: BTreeSet<&String> = preset.libraries.iter().chain(included).collect();
            let mut globs = GlobSetBuilder::new();
            for pattern in &libraries {
                globs.add(Glob::new(pattern).expect("a glob"));
            }
            Preset {
                name: name.clone(),
                about: preset.about.clone(),
                libraries: libraries.into_iter().cloned().collect(),
                driver: preset.driver,
                source: preset.source.clone(),
                globs: globs.build().expect("globs"),
            }
        })
        .collect()
});

/// Returns every preset, sorted by name.
pub fn presets() -> &'static [Preset] {
    &PRESETS
}

/// Returns the preset that belongs to the user's machine and has the library in it, if one does.
pub fn driver_of(library: &str) -> Option<&'static Preset> {
    presets().iter().find(|preset| preset.driver && preset.matches(library))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn preset(name: &str) -> &'static Preset {
        presets().iter().find(|preset| preset.name == name).unwrap()
    }

    #[test]
    fn a_preset_has_the_libraries_of_those_it_includes() {
        let cuda = preset("cuda");
        for library in ["libcudart.so.12", "libcudnn_ops.so.9", "libnppial.so.12", "libcuda.so.1", "libnvidia-ml.so.1"]
        {
            assert!(cuda.matches(library), "{library}");
        }
        for library in ["libcudart_static.a", "libtorch.so", "libcudart-1a2b3c4d.so.12", "libz.so.1"] {
            assert!(!cuda.matches(library), "{library}");
        }
    }

    #[test]
    fn drivers_and_dispatchers_belong_to_the_machine() {
        for (library, name) in [
            ("libcuda.so.1", "cuda-driver"),
            ("libGL.so.1", "glvnd"),
            ("libOpenCL.so.1", "opencl"),
            ("libmpi.so.40", "mpi"),
        ] {
            assert_eq!(driver_of(library).map(|preset| preset.name.as_str()), Some(name), "{library}");
        }
        assert!(driver_of("libcudart.so.12").is_none());
        assert!(driver_of("libtorch.so").is_none());
    }

    #[test]
    fn every_include_names_a_preset_with_libraries_of_its_own() {
        let document: Document = serde_json::from_str(include_str!("../../policies/presets.json")).unwrap();
        for preset in document.presets.values() {
            for other in &preset.includes {
                assert!(document.presets[other].includes.is_empty(), "{other}");
            }
            assert!(!preset.libraries.is_empty() && !preset.about.is_empty() && !preset.source.is_empty());
        }
        assert_eq!(presets().len(), document.presets.len());
    }
}
