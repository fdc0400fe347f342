//! Extension suffixes: what `.cpython-311-x86_64-linux-gnu.so` says about interpreter and C library.

/// Which interpreters import a file of this name.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SuffixClass {
    /// `.cpython-313t-x86_64-linux-gnu.so`, `.cp313t-win_amd64.pyd`: one minor version of CPython.
    CPython {
        /// Major and minor version.
        version: (u16, u16),
        /// ABI flags: `t` free-threaded, `d` debug, `m` and `u` of old versions.
        flags: String,
    },
    /// `.abi3.so`: CPython's stable ABI.
    Abi3,
    /// `.abi3t.so`: the stable ABI of free-threaded CPython (PEP 803).
    Abi3t,
    /// `.pypy311-pp73-x86_64-linux-gnu.so`: the text up to the platform, e.g. `pypy311-pp73`.
    PyPy(String),
    /// `.graalpy250-312-native-x86_64-linux.so`: the text up to the platform, e.g. `graalpy250-312-native`.
    GraalPy(String),
    /// `.so`, `.pyd`: any interpreter.
    Plain,
}

/// A file name taken apart as an extension module's.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExtensionSuffix {
    /// The module's last name part.
    pub module: String,
    /// Which interpreters import it.
    pub class: SuffixClass,
    /// The platform in the suffix, e.g. `x86_64-linux-gnu`.
    pub platform: Option<String>,
}

/// The C library that a file name tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LibcHint {
    /// The GNU C library.
    Glibc,
    /// musl.
    Musl,
}

impl ExtensionSuffix {
    /// Returns the parts of `file_name`; `None` if no interpreter imports a file of that name as `<module><suffix>`.
    pub fn of(file_name: &str) -> Option<Self> {
        // Windows compares names without case.
        let windows = file_name.get(file_name.len().saturating_sub(4)..).filter(|end| end.eq_ignore_ascii_case(".pyd"));
        let rest = match windows {
            Some(end) => file_name.get(..file_name.len() - end.len())?,
            None => file_name.strip_suffix(".so")?,
        };
        // A module's name has no dot, so the first one begins the suffix.
        let Some((module, tag)) = rest.split_once('.') else {
            return named(rest, SuffixClass::Plain, None);
        };
        let (class, platform) = match windows {
            Some(_) => windows_class_of(tag)?,
            None => class_of(tag)?,
        };
        named(module, class, platform)
    }

    /// Returns true if the suffix is one that only interpreters use, unlike a plain `.so`.
    pub fn names_an_interpreter(&self) -> bool {
        self.class != SuffixClass::Plain
    }

    /// Returns the C library that the platform in the suffix tells, where it can be believed.
    ///
    /// CPython before 3.11 says `-linux-gnu` on musl too (bpo-43112), and so do PyPy's builds.
    pub fn libc_hint(&self) -> Option<LibcHint> {
        let (_, libc) = self.platform.as_deref()?.split_once("linux-")?;
        if libc.starts_with("musl") {
            return Some(LibcHint::Musl);
        }
        let believed = match &self.class {
            SuffixClass::CPython { version, .. } => *version >= (3, 11),
            // A platform in these suffixes came with 3.15.
            SuffixClass::Abi3 | SuffixClass::Abi3t => true,
            SuffixClass::PyPy(_) | SuffixClass::GraalPy(_) | SuffixClass::Plain => false,
        };
        (believed && libc.starts_with("gnu")).then_some(LibcHint::Glibc)
    }
}

fn named(module: &str, class: SuffixClass, platform: Option<String>) -> Option<ExtensionSuffix> {
    (!module.is_empty()).then(|| ExtensionSuffix { module: module.to_owned(), class, platform })
}

/// The class and platform of a suffix without its dots, e.g. `cpython-311-x86_64-linux-gnu`.
fn class_of(tag: &str) -> Option<(SuffixClass, Option<String>)> {
    if let Some(rest) = tag.strip_prefix("cpython-") {
        let (abi, platform) = split_platform(rest);
        let digits = abi.len() - abi.trim_start_matches(|character: char| character.is_ascii_digit()).len();
        let (version, flags) = abi.split_at_checked(digits)?;
        let (major, minor) = version.split_at_checked(1)?;
        if !flags.bytes().all(|byte| byte.is_ascii_lowercase()) {
            return None;
        }
        let version = (major.parse().ok()?, minor.parse().ok()?);
        return Some((SuffixClass::CPython { version, flags: flags.to_owned() }, platform));
    }
    let (name, platform) = split_platform(tag);
    match name {
        "abi3" => return Some((SuffixClass::Abi3, platform)),
        "abi3t" => return Some((SuffixClass::Abi3t, platform)),
        _ => {}
    }
    // `pypy311-pp73-<platform>`, `graalpy250-312-native-<platform>`: as many parts as each implementation has.
    let parts = match tag {
        _ if tag.starts_with("pypy") => 2,
        _ if tag.starts_with("graalpy") => 3,
        _ => return None,
    };
    let end = tag.match_indices('-').nth(parts - 1).map_or(tag.len(), |(at, _)| at);
    let (abi, platform) = tag.split_at_checked(end)?;
    let platform = platform.strip_prefix('-').map(str::to_owned);
    let class = if parts == 2 { SuffixClass::PyPy(abi.to_owned()) } else { SuffixClass::GraalPy(abi.to_owned()) };
    Some((class, platform))
}

/// The class and platform of a suffix before `.pyd`, e.g. `cp311-win_amd64`; PyPy's and GraalPy's are spelled as
/// elsewhere.
fn windows_class_of(tag: &str) -> Option<(SuffixClass, Option<String>)> {
    match tag.strip_prefix("cp").filter(|rest| rest.starts_with(|first: char| first.is_ascii_digit())) {
        Some(rest) => class_of(&format!("cpython-{rest}")),
        None => class_of(tag),
    }
}

/// The text up to the first `-`, and what follows it.
fn split_platform(text: &str) -> (&str, Option<String>) {
    match text.split_once('-') {
        Some((first, platform)) => (first, Some(platform.to_owned())),
        None => (text, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str) -> ExtensionSuffix {
        ExtensionSuffix::of(name).unwrap()
    }

    #[test]
    fn each_interpreter_s_suffix_is_known() {
        let cpython = |version, flags: &str| SuffixClass::CPython { version, flags: flags.into() };
        for (name, class, platform) in [
            ("a.cpython-311-x86_64-linux-gnu.so", cpython((3, 11), ""), Some("x86_64-linux-gnu")),
            ("a.cpython-313t-aarch64-linux-musl.so", cpython((3, 13), "t"), Some("aarch64-linux-musl")),
            ("a.cpython-37dm-x86_64-linux-gnu.so", cpython((3, 7), "dm"), Some("x86_64-linux-gnu")),
            ("a.cpython-34m.so", cpython((3, 4), "m"), None),
            ("a.cpython-311-darwin.so", cpython((3, 11), ""), Some("darwin")),
            ("a.abi3.so", SuffixClass::Abi3, None),
            ("a.abi3-x86_64-linux-gnu.so", SuffixClass::Abi3, Some("x86_64-linux-gnu")),
            ("a.abi3t.so", SuffixClass::Abi3t, None),
            ("a.pypy311-pp73-x86_64-linux-gnu.so", SuffixClass::PyPy("pypy311-pp73".into()), Some("x86_64-linux-gnu")),
            ("a.pypy-41.so", SuffixClass::PyPy("pypy-41".into()), None),
            (
                "a.graalpy250-312-native-x86_64-linux.so",
                SuffixClass::GraalPy("graalpy250-312-native".into()),
                Some("x86_64-linux"),
            ),
            ("a.so", SuffixClass::Plain, None),
            ("a.cp311-win_amd64.pyd", cpython((3, 11), ""), Some("win_amd64")),
            ("a.cp313t-win32.pyd", cpython((3, 13), "t"), Some("win32")),
            ("a.pypy39-pp73-win_amd64.pyd", SuffixClass::PyPy("pypy39-pp73".into()), Some("win_amd64")),
            ("a.PYD", SuffixClass::Plain, None),
        ] {
            let suffix = of(name);
            assert_eq!((suffix.module.as_str(), suffix.class, suffix.platform.as_deref()), ("a", class, platform));
        }
    }

    #[test]
    fn a_library_s_name_is_no_extension_s() {
        for name in ["libz.so.1", "a.b.so", ".so", "a.cpython-x-y.so", "a.cpython-3é.so", "a.cp.pyd", "a.cpython-.so"]
        {
            assert_eq!(ExtensionSuffix::of(name), None, "{name}");
        }
    }

    #[test]
    fn a_glibc_platform_is_believed_from_cpython_3_11_on() {
        assert_eq!(of("a.cpython-310-x86_64-linux-gnu.so").libc_hint(), None);
        assert_eq!(of("a.cpython-311-x86_64-linux-gnu.so").libc_hint(), Some(LibcHint::Glibc));
        assert_eq!(of("a.cpython-314t-arm-linux-gnueabihf.so").libc_hint(), Some(LibcHint::Glibc));
        assert_eq!(of("a.cpython-310-x86_64-linux-musl.so").libc_hint(), Some(LibcHint::Musl));
        assert_eq!(of("a.cpython-310-arm-linux-musleabihf.so").libc_hint(), Some(LibcHint::Musl));
        assert_eq!(of("a.pypy311-pp73-x86_64-linux-gnu.so").libc_hint(), None);
        assert_eq!(of("a.abi3.so").libc_hint(), None);
        assert_eq!(of("a.graalpy250-312-native-x86_64-linux.so").libc_hint(), None);
    }
}
