//! Python's own libraries: what the name of a libpython, a `python3XX.dll` or a framework says.

/// Which Python's library a name is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum PythonLibrary {
    /// The stable ABI's: `python3.dll`, `libpython3.so`.
    Stable {
        /// A debug build's: `python3_d.dll`.
        debug: bool,
    },
    /// The stable ABI's that free-threaded builds share: `python3t.dll` (PEP 803).
    StableFreeThreaded {
        /// A debug build's.
        debug: bool,
    },
    /// One minor version's: `python312.dll`, `libpython3.11.so.1.0`, `Python.framework/Versions/3.11/Python`.
    Version {
        /// Major and minor version.
        version: (u16, u16),
        /// A free-threaded build's.
        free_threaded: bool,
        /// A debug build's.
        debug: bool,
    },
    /// PyPy's: `libpypy3.11-c.dll`.
    PyPy,
    /// GraalPy's: `python-native.dll`.
    GraalPy,
    /// A framework's of which the name does not tell the version: `@rpath/Python.framework/Python`.
    Framework,
}

impl PythonLibrary {
    /// Returns what `import`, a name as a binary of any format spells it, says; `None` if it is no Python's library.
    pub fn of(import: &str) -> Option<Self> {
        let file = import.rsplit(['/', '\\']).next().unwrap_or(import);
        framework(import).or_else(|| unix(file)).or_else(|| windows(file))
    }

    /// Returns true if it is a debug build's.
    pub fn is_debug(self) -> bool {
        match self {
            PythonLibrary::Stable { debug }
            | PythonLibrary::StableFreeThreaded { debug }
            | PythonLibrary::Version { debug, .. } => debug,
            PythonLibrary::PyPy | PythonLibrary::GraalPy | PythonLibrary::Framework => false,
        }
    }
}

/// `Python.framework/Versions/3.11/Python`, `PythonT.framework/Versions/3.13/PythonT`, `@rpath/Python.framework/Python`.
fn framework(import: &str) -> Option<PythonLibrary> {
    let (before, inside) = import.rsplit_once(".framework/")?;
    let name = before.rsplit('/').next()?;
    let free_threaded = match name {
        "Python" | "Python3" => false,
        "PythonT" => true,
        _ => return None,
    };
    let version = inside.strip_prefix("Versions/").and_then(|rest| dotted(rest.split('/').next()?));
    Some(version.map_or(PythonLibrary::Framework, |version| PythonLibrary::Version {
        version,
        free_threaded,
        debug: false,
    }))
}

/// `libpython3.11.so.1.0`, `libpython3.13t.dylib`, `libpypy3.10-c.so`, also with the hash that a repair puts into it.
fn unix(file: &str) -> Option<PythonLibrary> {
    let rest = file.strip_prefix("lib")?;
    let stem = match rest.split_once(".so") {
        Some((stem, release)) if is_release(release) => stem,
        _ => rest.strip_suffix(".dylib").or_else(|| rest.strip_suffix(".dll"))?,
    };
    let stem = without_hash(stem);
    if let Some(version) = stem.strip_prefix("python") {
        // ABI flags follow the version: `t` free-threaded, `d` debug, `m` and `u` before 3.8.
        let number = version.trim_end_matches(|letter: char| letter.is_ascii_lowercase());
        let flags = version.get(number.len()..)?;
        if !flags.bytes().all(|flag| matches!(flag, b't' | b'd' | b'm' | b'u')) {
            return None;
        }
        let (free_threaded, debug) = (flags.contains('t'), flags.contains('d'));
        if let Some(version) = dotted(number) {
            return Some(PythonLibrary::Version { version, free_threaded, debug });
        }
        let major = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        return major.then_some(match free_threaded {
            true => PythonLibrary::StableFreeThreaded { debug },
            false => PythonLibrary::Stable { debug },
        });
    }
    let version = stem.strip_prefix("pypy")?.strip_suffix("-c")?;
    version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.').then_some(PythonLibrary::PyPy)
}

/// What follows `.so`: nothing, or `.1.0`.
fn is_release(text: &str) -> bool {
    text.split('.').enumerate().all(|(index, part)| match index {
        0 => part.is_empty(),
        _ => !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()),
    })
}

/// `python3.dll`, `python3t.dll`, `python312.dll`, `python313t_d.dll`, in any case.
fn windows(file: &str) -> Option<PythonLibrary> {
    let name = file.to_ascii_lowercase();
    let stem = name.strip_suffix(".dll")?.strip_prefix("python")?;
    if stem == "-native" {
        return Some(PythonLibrary::GraalPy);
    }
    let stem = without_long_hash(stem);
    let (stem, debug) = stem.strip_suffix("_d").map_or((stem, false), |stem| (stem, true));
    let (digits, free_threaded) = stem.strip_suffix('t').map_or((stem, false), |stem| (stem, true));
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (major, minor) = digits.split_at_checked(1)?;
    if minor.is_empty() {
        return Some(match free_threaded {
            true => PythonLibrary::StableFreeThreaded { debug },
            false => PythonLibrary::Stable { debug },
        });
    }
    let version = (major.parse().ok()?, minor.parse().ok()?);
    Some(PythonLibrary::Version { version, free_threaded, debug })
}

/// `3.11` as (3, 11).
fn dotted(text: &str) -> Option<(u16, u16)> {
    let (major, minor) = text.split_once('.')?;
    let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?;
    Some((number(major)?, number(minor)?))
}

/// Returns `stem` without the 8 digits that auditwheel and truewheel put at its end.
fn without_hash(stem: &str) -> &str {
    cut_hash(stem, 8)
}

/// Returns `stem` without the 32 digits that delvewheel and truewheel put at a DLL's end.
fn without_long_hash(stem: &str) -> &str {
    cut_hash(stem, 32)
}

fn cut_hash(stem: &str, length: usize) -> &str {
    match stem.rsplit_once('-') {
        Some((rest, hash)) if hash.len() == length && hash.bytes().all(|byte| byte.is_ascii_hexdigit()) => rest,
        _ => stem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(version: (u16, u16), flags: &str) -> Option<PythonLibrary> {
        let (free_threaded, debug) = (flags.contains('t'), flags.contains('d'));
        Some(PythonLibrary::Version { version, free_threaded, debug })
    }

    #[test]
    fn each_system_s_names_are_known() {
        let stable = Some(PythonLibrary::Stable { debug: false });
        for (name, expected) in [
            ("python3.dll", stable),
            ("PYTHON3.DLL", stable),
            ("python3_d.dll", Some(PythonLibrary::Stable { debug: true })),
            ("python3t.dll", Some(PythonLibrary::StableFreeThreaded { debug: false })),
            ("python312.dll", version((3, 12), "")),
            ("python27.dll", version((2, 7), "")),
            ("python313t.dll", version((3, 13), "t")),
            ("python313t_d.dll", version((3, 13), "td")),
            ("libpython3.11.dll", version((3, 11), "")),
            ("libpypy3.11-c.dll", Some(PythonLibrary::PyPy)),
            ("python-native.dll", Some(PythonLibrary::GraalPy)),
            ("libpython3.so", stable),
            ("libpython3.11.so.1.0", version((3, 11), "")),
            ("libpython3.11-0a1b2c3d.so.1.0", version((3, 11), "")),
            ("libpython3.6m.so.1.0", version((3, 6), "")),
            ("libpython3.13t.so.1.0", version((3, 13), "t")),
            ("@rpath/libpython3.12.dylib", version((3, 12), "")),
            ("/Library/Frameworks/Python.framework/Versions/3.11/Python", version((3, 11), "")),
            ("@rpath/PythonT.framework/Versions/3.14/PythonT", version((3, 14), "t")),
            ("@rpath/Python.framework/Python", Some(PythonLibrary::Framework)),
            ("@rpath/Python3.framework/Versions/3.9/Python3", version((3, 9), "")),
        ] {
            assert_eq!(PythonLibrary::of(name), expected, "{name}");
        }
    }

    #[test]
    fn other_libraries_are_none() {
        for name in [
            "libpython.so",
            "libpythonic.so.1",
            "libpython3.11-extras.so",
            "libboost_python311.so.1.74.0",
            "boost_python311-vc142-mt-x64-1_74.dll",
            "libpython3.11.a",
            "libpython3.11.so.conf",
            "libpypysomething.so",
            "python3.11.so",
            "python.dll",
            "pythoncom311.dll",
            "QtCore.framework/Versions/A/QtCore",
            "",
        ] {
            assert_eq!(PythonLibrary::of(name), None, "{name}");
        }
    }
}
