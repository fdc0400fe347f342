//! What a member's bytes give away: private keys, the paths of the machine that built it, how it uses cffi.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use memchr::memmem::Finder;

/// The largest text that is searched, in bytes: generated modules are smaller.
pub const LARGEST_TEXT: u64 = 8 << 20;

/// Something found in a member.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Trace {
    /// A private key in PEM form.
    PrivateKey,
    /// The home of somebody on the machine that built it, e.g. `/home/jane/`.
    BuildPath(String),
    /// Python code that calls `ffi.verify()`, which compiles at import.
    CffiVerify,
    /// Python code that compiles what `set_source()` describes as soon as it is imported.
    CffiCompile,
    /// A module that imports `_cffi_backend`, or is written by cffi.
    CffiBackend,
    /// Python code that mentions cffi at all.
    MentionsCffi,
    /// A line of a `.pth` file that is executed whenever Python starts.
    ExecutablePth,
}

/// What a member is to the one who searches it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text, of a kind that its name says.
    Text,
    /// A binary that Python may import.
    Library,
    /// A binary that runs by itself: names of Python's modules in it are no imports.
    Program,
}

/// What was found, by archive name.
pub type Traces = BTreeMap<String, Vec<Trace>>;

/// How Python code names cffi's verifier, which compiles when it is first used.
const VERIFIER: [&str; 4] = ["ffi.verify(", "FFI().verify(", "from cffi.verifier import", "import cffi.verifier"];

/// Homes that say nothing about anybody: those of build services and containers.
const SERVICES: &[&str] = &[
    "runner",
    "runneradmin",
    "vsts",
    "travis",
    "circleci",
    "appveyor",
    "builder",
    "build",
    "buildbot",
    "buildozer",
    "ci",
    "buildkite-agent",
    "conda",
    "gitlab-runner",
    "jenkins",
    "vagrant",
    "ubuntu",
    "user",
    "username",
    "you",
    "me",
    "ec2-user",
    "VssAdministrator",
    "ContainerAdministrator",
    "Public",
    "Default",
    "Shared",
];

/// Returns true if a member is searched as text.
pub fn is_text(name: &str) -> bool {
    let end = name.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    matches!(end.as_str(), "py" | "pth" | "pem" | "key" | "p8" | "rsa")
}

/// Returns what the bytes of the member `name` give away, each once.
pub fn scan(name: &str, bytes: &[u8], kind: Kind) -> Vec<Trace> {
    let mut found = Vec::new();
    if kind != Kind::Text {
        static BACKEND: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("_cffi_backend\0"));
        found.extend(build_path(bytes).map(Trace::BuildPath));
        // A module that cffi wrote imports it by this name.
        if kind == Kind::Library {
            found.extend(BACKEND.find(bytes).map(|_| Trace::CffiBackend));
        }
        return found;
    }
    if name.ends_with(".py") {
        let has = |needle: &str| Finder::new(needle).find(bytes).is_some();
        if has("cffi") {
            found.push(Trace::MentionsCffi);
            let in_cffi = name.starts_with("cffi/");
            if has("import _cffi_backend") && !in_cffi {
                found.push(Trace::CffiBackend);
            }
            if !in_cffi && code_lines(bytes).any(|line| VERIFIER.iter().any(|call| contains(line, call))) {
                found.push(Trace::CffiVerify);
            }
            // What is indented belongs to a function, or to `if __name__ == "__main__"`.
            if !in_cffi && has(".set_source(") && code_lines(bytes).any(compiles_at_import) {
                found.push(Trace::CffiCompile);
            }
        }
        return found;
    }
    if name.ends_with(".pth") {
        let executed = |line: &&[u8]| line.starts_with(b"import ") || line.starts_with(b"import\t");
        found.extend(bytes.split(|byte| *byte == b'\n').find(executed).map(|_| Trace::ExecutablePth));
        return found;
    }
    if is_private_key(bytes) {
        found.push(Trace::PrivateKey);
    }
    found
}

/// The lines of Python code that are no comments.
fn code_lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii_start().starts_with(b"#"))
}

fn contains(line: &[u8], needle: &str) -> bool {
    memchr::memmem::find(line, needle.as_bytes()).is_some()
}

/// Whether a line calls `ffi.compile()` or `ffibuilder.compile()` outside of every block.
fn compiles_at_import(line: &[u8]) -> bool {
    let at = memchr::memmem::find(line, b".compile(");
    let name = at.and_then(|at| line.get(..at)).unwrap_or_default();
    contains(name, "ffi") && name.iter().all(|byte| is_name(*byte))
}

/// Lines that begin a key are shorter than this.
const LONGEST_BEGIN: usize = 80;

/// Whether the bytes hold a private key in PEM form: `-----BEGIN … PRIVATE KEY-----` with something behind it.
fn is_private_key(bytes: &[u8]) -> bool {
    static BEGIN: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("-----BEGIN "));
    BEGIN.find_iter(bytes).any(|at| {
        let rest = bytes.get(at..).unwrap_or_default();
        // No more than a line is looked at: a file may hold nothing but beginnings.
        let start = rest.get(..LONGEST_BEGIN).unwrap_or(rest);
        let line = start.split(|byte| matches!(byte, b'\n' | b'\r')).next();
        line.is_some_and(|line| line.len() < LONGEST_BEGIN && line.ends_with(b"PRIVATE KEY-----"))
    })
}

/// The first home of a person that the bytes name.
fn build_path(bytes: &[u8]) -> Option<String> {
    static HOMES: LazyLock<[Finder<'static>; 3]> =
        LazyLock::new(|| [Finder::new("/home/"), Finder::new("/Users/"), Finder::new(":\\Users\\")]);
    HOMES.iter().find_map(|finder| {
        finder.find_iter(bytes).find_map(|at| {
            let home = finder.needle();
            let before = at.checked_sub(1).and_then(|before| bytes.get(before));
            // Part of a longer path or an address: `https://example.org/home/x`.
            let windows = home.ends_with(b"\\");
            if !windows
                && before.is_some_and(|byte| {
                    byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'.' | b'-' | b'_' | b'~' | b'%' | b'}')
                })
            {
                return None;
            }
            let rest = bytes.get(at.checked_add(home.len())?..)?;
            let end = rest.iter().take(40).position(|byte| !is_name(*byte))?;
            // Something of that person's must follow: a bare `/home/x` is an example.
            let separator = rest.get(end).filter(|byte| matches!(byte, b'/' | b'\\'))?;
            let next = rest.get(end.checked_add(1)?).filter(|byte| is_name(**byte))?;
            let (_, _) = (separator, next);
            let name = std::str::from_utf8(rest.get(..end)?).ok().filter(|name| !name.is_empty())?;
            if SERVICES.iter().any(|service| service.eq_ignore_ascii_case(name)) {
                return None;
            }
            let start = if windows { at.checked_sub(1)? } else { at };
            let text = bytes.get(start..at.checked_add(home.len())?.checked_add(end)?.checked_add(1)?)?;
            Some(String::from_utf8_lossy(text).into_owned())
        })
    })
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_home_of_a_person_is_told_and_that_of_a_service_is_not() {
        let found = |text: &str| build_path(text.as_bytes());
        assert_eq!(found("\0/home/jane/src/a.c\0").as_deref(), Some("/home/jane/"));
        assert_eq!(found("\0/Users/jane/a.c\0").as_deref(), Some("/Users/jane/"));
        assert_eq!(found("C:\\Users\\jane\\a.c").as_deref(), Some("C:\\Users\\jane\\"));
        for text in [
            "/home/runner/work/a.c",
            "/Users/runner/a.c",
            "https://example.org/home/jane/x",
            "/home/%s/x",
            "/home/jane",
            "/home//x",
            "",
        ] {
            assert_eq!(found(text), None, "{text}");
        }
    }

    #[test]
    fn keys_are_private_ones_alone() {
        let scan = |text: &str| scan("a.pem", text.as_bytes(), Kind::Text);
        assert_eq!(scan("-----BEGIN RSA PRIVATE KEY-----\nMII\n"), [Trace::PrivateKey]);
        assert_eq!(scan("Bag\n-----BEGIN PRIVATE KEY-----\nMII\n"), [Trace::PrivateKey]);
        assert_eq!(scan("-----BEGIN CERTIFICATE-----\nMII\n"), []);
        // In one line: minutes, if each were followed to its end.
        let hostile = "-----BEGIN ".repeat(100_000);
        assert_eq!(scan(&hostile), []);
        assert_eq!(scan(&format!("{hostile}PRIVATE KEY-----")), [Trace::PrivateKey]);
        assert_eq!(scan("-----BEGIN PUBLIC KEY-----\n"), []);
    }

    #[test]
    fn python_code_tells_how_it_uses_cffi() {
        let scan = |text: &str| scan("pkg/a.py", text.as_bytes(), Kind::Text);
        assert_eq!(scan("import _cffi_backend\n"), [Trace::MentionsCffi, Trace::CffiBackend]);
        assert_eq!(scan("from cffi import FFI\nlib = ffi.verify('')\n"), [Trace::MentionsCffi, Trace::CffiVerify]);
        assert_eq!(scan("from cffi.verifier import Verifier\n"), [Trace::MentionsCffi, Trace::CffiVerify]);
        assert_eq!(scan("from cffi import FFI\n# ffi.verify('')\n"), [Trace::MentionsCffi]);
        let build = |end: &str| scan(&format!("import cffi\nffibuilder.set_source('_a', '')\n{end}\n"));
        assert_eq!(build("ffibuilder.compile(verbose=True)"), [Trace::MentionsCffi, Trace::CffiCompile]);
        assert_eq!(build("if __name__ == '__main__':\n    ffibuilder.compile()"), [Trace::MentionsCffi]);
        assert_eq!(build("re.compile('')"), [Trace::MentionsCffi]);
        assert_eq!(scan("import ctypes\n"), []);
    }

    #[test]
    fn a_program_that_names_cffi_s_module_does_not_import_it() {
        let bytes = b"\x7fELF\0_cffi_backend\0/home/jane/a.c\0";
        let path = Trace::BuildPath("/home/jane/".to_owned());
        assert_eq!(scan("pkg/_lib.so", bytes, Kind::Library), [path.clone(), Trace::CffiBackend]);
        assert_eq!(scan("pkg.data/scripts/tool", bytes, Kind::Program), [path]);
    }

    #[test]
    fn lines_of_pth_files_that_begin_with_import_are_executed() {
        let scan = |text: &str| scan("a.pth", text.as_bytes(), Kind::Text);
        assert_eq!(scan("lib\nimport a.b\n"), [Trace::ExecutablePth]);
        assert_eq!(scan("lib\n# import a\n"), []);
    }
}
