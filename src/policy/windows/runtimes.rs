//! The runtimes of Visual C++: which names are theirs, and what to mind about them: `policies/windows/runtimes.json`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use globset::GlobSet;
use serde::Deserialize;

use super::system::{bare, globs};
use crate::policy::document::Number;

/// `policies/windows/runtimes.json`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    debug: Vec<String>,
    mutex: Mutex,
    optional: BTreeMap<String, Vec<String>>,
    runtimes: Vec<String>,
    #[serde(rename = "retrieved")]
    _retrieved: String,
    #[serde(rename = "source")]
    _source: String,
}

/// How a binary shows that its `std::mutex` crashes under an older runtime.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Mutex {
    /// A function whose import shows that there is a mutex.
    #[serde(rename = "import")]
    pub function: String,
    /// The runtime that it is in.
    pub library: String,
    /// The first linker, and runtime, for which this holds.
    pub linker: Number,
    /// A function whose import shows that mutexes are made as the older runtime expects.
    pub without: String,
}

struct Data {
    document: Document,
    debug: GlobSet,
    runtimes: GlobSet,
}

static DATA: LazyLock<Data> = LazyLock::new(|| {
    // INVARIANT: the built-in file is read by a test, pattern by pattern.
    let document: Document =
        serde_json::from_str(include_str!("../../../policies/windows/runtimes.json")).expect("windows/runtimes.json");
    Data { debug: globs(&document.debug), runtimes: globs(&document.runtimes), document }
});

/// Returns the name without the hash that a repair put before its extension: `msvcp140-<32 hex>.dll` is `msvcp140.dll`.
pub fn unmangled(name: &str) -> String {
    let name = bare(name);
    let Some((stem, extension)) = name.rsplit_once('.') else { return name };
    match stem.rsplit_once('-') {
        Some((stem, hash)) if hash.len() >= 8 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            format!("{stem}.{extension}")
        }
        _ => name,
    }
}

/// Returns true if a DLL of this name, a repair's hash left out, is a runtime of Visual C++.
pub fn is_runtime(name: &str) -> bool {
    DATA.runtimes.is_match(unmangled(name))
}

/// Returns true if it is a debug build of one, which may not be redistributed and no machine but a developer's has.
pub fn is_debug_runtime(name: &str) -> bool {
    DATA.debug.is_match(unmangled(name))
}

/// Returns true if a runtime names another one that it does without on every Windows that Python runs on.
pub fn is_optional(importer: &str, imported: &str) -> bool {
    let needless = DATA.document.optional.get(&unmangled(importer));
    needless.is_some_and(|names| names.contains(&unmangled(imported)))
}

/// Returns how a `std::mutex` is recognised that an older runtime cannot work with.
pub fn mutex() -> &'static Mutex {
    let data: &'static Data = &DATA;
    &data.document.mutex
}

/// Returns true if a runtime's version is older than the toolset of a linker version, by the tens of its minor number:
/// `14.29` belongs to the toolset of 14.2, whose runtimes are compatible among each other.
pub fn is_older_toolset(runtime: (u16, u16), linker: (u16, u16)) -> bool {
    let toolset = |(major, minor): (u16, u16)| (major, minor / 10);
    toolset(runtime) < toolset(linker)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runtimes_are_known_by_name_with_or_without_a_hash() {
        for name in [
            "MSVCP140.dll",
            "msvcp140_1.dll",
            "msvcp140-fa0758dedafbbe194d3ee96e3dc2b9a3.dll",
            "vcruntime140.dll",
            "concrt140.dll",
            "vcomp140.dll",
            "mfc140u.dll",
            "msvcr100.dll",
            "vccorlib140.dll",
        ] {
            assert!(is_runtime(name), "{name}");
            assert!(!is_debug_runtime(name), "{name}");
        }
        for name in ["msvcrt.dll", "msvcp_win.dll.x", "libgcc_s_seh-1.dll", "zlib1.dll", "ucrtbase.dll"] {
            assert!(!is_runtime(name), "{name}");
        }
    }

    #[test]
    fn debug_runtimes_are_known_by_their_d() {
        for name in
            ["ucrtbased.dll", "MSVCP140D.dll", "vcruntime140_1d.dll", "msvcp140d_atomic_wait.dll", "mfc140ud.dll"]
        {
            assert!(is_debug_runtime(name), "{name}");
        }
        assert!(!is_debug_runtime("msvcp140_codecvt_ids.dll"));
    }

    #[test]
    fn a_toolset_is_the_tens_of_the_minor_version() {
        assert!(is_older_toolset((14, 16), (14, 29)));
        assert!(!is_older_toolset((14, 20), (14, 29)));
        assert!(!is_older_toolset((14, 44), (14, 29)));
        assert!(is_older_toolset((14, 38), (14, 44)));
    }

    #[test]
    fn what_a_runtime_needs_for_windows_xp_alone_is_optional() {
        assert!(is_optional("MSVCP140.dll", "CONCRT140.dll"));
        assert!(!is_optional("ext.pyd", "concrt140.dll"));
    }
}
