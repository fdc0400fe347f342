//! Start-up code that is in a wheel already, whoever wrote it: which folders it gives to the loader.

/// A folder that a Python file gives to the loader.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Added {
    /// The folder seen from the folder of the file, with `/`: `../demo.libs`.
    pub folder: String,
    /// What gives it.
    pub by: AddedBy,
}

/// How a folder is given to the loader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum AddedBy {
    /// Start-up code of truewheel.
    Truewheel,
    /// Start-up code of delvewheel.
    Delvewheel,
    /// The package's own code: it calls `os.add_dll_directory`, or loads DLLs by their paths.
    Package,
}

/// What shows that a file tells the loader where DLLs are, or loads them by itself.
const CALLS: [&str; 6] =
    ["add_dll_directory", "WinDLL", "CDLL", "LoadLibrary", "SetDllDirectory", "__import_pywin32_system_module__"];

/// Returns the folders that a Python file gives to the loader, sorted; each once.
///
/// A folder counts where it is written out: `os.path.join(os.path.dirname(__file__), os.pardir, "demo.libs")` and its
/// shorter forms.
pub fn added_folders(source: &str) -> Vec<Added> {
    let mut found = Vec::new();
    if !loads_libraries(source) {
        return found;
    }
    let mut by = AddedBy::Package;
    let mut in_list = false;
    for line in lines(source) {
        in_list = by == AddedBy::Truewheel && (line.trim_start().starts_with("for folder in [") || in_list);
        in_list &= !line.trim_start().starts_with(']');
        match line {
            _ if line.starts_with(super::BEGIN) => by = AddedBy::Truewheel,
            _ if line.contains("start delvewheel patch") => by = AddedBy::Delvewheel,
            _ if line.trim_end() == super::END || line.contains("end delvewheel patch") => by = AddedBy::Package,
            _ if in_list => {
                found.extend(quoted(line.trim_start()).map(|(folder, _)| Added { folder: folder.to_owned(), by }));
            }
            _ => found.extend(joined(line).map(|folder| Added { folder, by })),
        }
    }
    found.sort();
    found.dedup();
    found
}

/// Returns true if a Python file tells the loader where DLLs are, or loads some by itself.
pub fn loads_libraries(source: &str) -> bool {
    CALLS.iter().any(|call| source.contains(call))
}

/// Returns true if an `__init__.py` shares its package with other distributions (`pkgutil.extend_path`,
/// `pkg_resources.declare_namespace`): each of them brings such a file, and the one that is installed last stays.
pub fn shares_namespace(source: &[u8]) -> bool {
    let source = String::from_utf8_lossy(source);
    let calls = |line: &str| {
        let dense: String = line.chars().filter(|character| !character.is_whitespace()).collect();
        !dense.starts_with('#')
            && (dense.contains("declare_namespace(__name__)") || dense.contains("extend_path(__path__,__name__)"))
    };
    lines(&source).any(calls)
}

/// Returns the text of every string literal of a file that stands in one line, as it is written.
pub fn literals(source: &str) -> impl Iterator<Item = &str> {
    lines(source).flat_map(|line| {
        let mut rest = line;
        std::iter::from_fn(move || {
            let at = rest.find(['"', '\''])?;
            let (text, after) = quoted(rest.get(at..)?)?;
            rest = after;
            Some(text)
        })
    })
}

/// Returns the lines of a Python file, which also end at `\r` alone ("universal newlines"); those between `\r` and `\n` are
/// empty.
fn lines(source: &str) -> impl Iterator<Item = &str> {
    source.split(['\n', '\r'])
}

/// Reads `join(dirname(__file__), …)` in a line: the parts after it, joined.
fn joined(line: &str) -> Option<String> {
    let mut rest = line.split_once("join(")?.1.trim_start();
    let mut parts: Vec<&str> = Vec::new();
    // `dirname(dirname(__file__))` is one folder further up.
    let mut ups = 0_usize;
    while let Some((before, inner)) = rest.split_once("dirname(") {
        if !before.chars().all(|character| character.is_alphanumeric() || matches!(character, '_' | '.' | '(')) {
            break;
        }
        ups += 1;
        rest = inner;
    }
    let after = rest.split_once("__file__")?.1;
    let mut rest = after.trim_start_matches([')', ' ']);
    if ups == 0 {
        return None;
    }
    parts.extend(std::iter::repeat_n("..", ups - 1));
    while let Some(next) = rest.strip_prefix(',') {
        let next = next.trim_start();
        if let Some((text, after)) = quoted(next) {
            parts.push(text);
            rest = after.trim_start();
        } else if let Some((word, after)) = next.split_once("pardir") {
            if !word.chars().all(|character| character.is_alphanumeric() || matches!(character, '_' | '.')) {
                return None;
            }
            parts.push("..");
            rest = after.trim_start();
        } else {
            // `*["..", "x"]`, a variable: not written out.
            return None;
        }
    }
    (!parts.is_empty()).then(|| parts.join("/").replace('\\', "/"))
}

/// Reads a string literal of one line: its text as written, and what follows.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start_matches(['r', 'u', 'b']);
    let quote = text.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    let inner = text.get(1..)?;
    let end = inner.find(quote)?;
    Some((inner.get(..end)?, inner.get(end + 1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folders(source: &str) -> Vec<(String, AddedBy)> {
        added_folders(source).into_iter().map(|added| (added.folder, added.by)).collect()
    }

    #[test]
    fn a_namespace_that_is_shared_the_old_way_is_told_by_its_call() {
        for shared in [
            "__path__ = __import__('pkgutil').extend_path(__path__, __name__)\n",
            "from pkgutil import extend_path\r__path__ = extend_path( __path__,__name__ )\r",
            "try:\n    __import__('pkg_resources').declare_namespace(__name__)\nexcept ImportError:\n    pass\n",
        ] {
            assert!(shares_namespace(shared.as_bytes()), "{shared}");
        }
        for own in ["", "# pkg_resources.declare_namespace(__name__)\n", "__path__.append(extend_path)\n"] {
            assert!(!shares_namespace(own.as_bytes()), "{own}");
        }
    }

    #[test]
    fn lines_end_as_python_has_them_end() {
        let code =
            super::super::StartUp { folders: vec!["../demo.libs".into()], libraries: Vec::new(), lowest: (3, 8) };
        for end in ["\n", "\r\n", "\r"] {
            let source = format!("\"\"\"Demo.\"\"\"{end}");
            let patched = super::super::patched(source.as_bytes(), &code, super::super::Place::Rules).unwrap();
            let found = folders(std::str::from_utf8(&patched).unwrap());
            assert_eq!(found, [("../demo.libs".to_owned(), AddedBy::Truewheel)], "{end:?}");
        }
    }

    #[test]
    fn truewheel_s_own_code_is_recognised() {
        for lowest in [(3, 8), (3, 12)] {
            let folders = ["../../demo.libs", "../bin"].map(str::to_owned);
            let code = super::super::StartUp::new(folders.to_vec(), vec!["../bin/a.dll".into()], lowest);
            let text = super::super::patched(b"'''doc'''\n", &code, super::super::Place::Rules).unwrap();
            let text = String::from_utf8(text).unwrap();
            let expected = folders.map(|folder| (folder, AddedBy::Truewheel));
            assert_eq!(self::folders(&text), expected);
        }
    }

    #[test]
    fn delvewheel_s_code_is_recognised() {
        let source = "# start delvewheel patch\ndef _delvewheel_patch_1_5_1():\n    import os\n    libs_dir = os.path.abspath(\
             os.path.join(os.path.dirname(__file__), os.pardir, os.pardir, 'pandas.libs'))\n    if os.path.isdir(libs_dir):\n\
             \x20       os.add_dll_directory(libs_dir)\n# end delvewheel patch\n";
        assert_eq!(folders(source), [("../../pandas.libs".into(), AddedBy::Delvewheel)]);
    }

    #[test]
    fn a_package_s_own_calls_are_recognised_where_the_folder_is_written_out() {
        for (line, folder) in [
            ("os.add_dll_directory(os.path.join(os.path.dirname(__file__), 'bin'))", Some("bin")),
            ("add_dll_directory(op.join(op.dirname(op.abspath(__file__)), \"..\", r\"x\\lib\"))", Some("../x/lib")),
            ("WinDLL(op.join(op.dirname(op.dirname(__file__)), '.libs', 'v.dll'))", Some("../.libs/v.dll")),
            ("os.add_dll_directory(os.path.join(here, 'bin'))", None),
            ("os.add_dll_directory(path)", None),
            ("x = os.path.join(os.path.dirname(__file__), name)  # CDLL", None),
        ] {
            let expected: Vec<_> = folder.map(|folder| (folder.to_owned(), AddedBy::Package)).into_iter().collect();
            assert_eq!(folders(line), expected, "{line}");
        }
        assert_eq!(folders("os.path.join(os.path.dirname(__file__), 'data')"), []);
    }

    #[test]
    fn literals_are_listed_as_written() {
        assert_eq!(literals("a = 'x' + \"y z\"\nb = r'.libs'").collect::<Vec<_>>(), ["x", "y z", ".libs"]);
        assert_eq!(literals("it's").count(), 0);
    }
}
