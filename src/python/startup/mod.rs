//! Start-up code: the Python by which a package tells Windows' loader where its DLLs lie, and its place in `__init__.py`.
//!
//! The code is written between two marks ([`patched`]). A file that has it already is changed only if it says something
//! else, so that a second repair changes nothing.

mod encoding;
mod found;
mod place;

pub use found::{Added, AddedBy, added_folders, literals, loads_libraries, shares_namespace};
pub use place::Place;

use crate::error::{Error, Result};
use place::Spot;

/// The oldest Python that has `os.add_dll_directory`; for older ones there is no start-up code.
pub const LOWEST: (u8, u16) = (3, 8);

/// From this Python on `os.add_dll_directory` works everywhere; conda's builds before it preload.
const SOUND: (u8, u16) = (3, 10);

/// How the first line begins. The mark is no line of its own: `help()` shows comments at the head of a module.
const BEGIN: &str = "def _truewheel_start_up():  # by truewheel";
/// The last line.
const END: &str = "del _truewheel_start_up  # end of what truewheel added";

/// What start-up code says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StartUp {
    /// The folders of the DLLs seen from the folder of the `__init__.py`, with `/`: `../demo.libs`.
    pub folders: Vec<String>,
    /// The DLLs in them, seen from there too, what is imported before what imports it; conda's 3.8 and 3.9 load them one by
    /// one.
    pub libraries: Vec<String>,
    /// The oldest Python that the wheel is for.
    pub lowest: (u8, u16),
}

impl StartUp {
    /// Returns what start-up code says of folders, for Pythons from `lowest` on.
    pub fn new(folders: Vec<String>, libraries: Vec<String>, lowest: (u8, u16)) -> Self {
        Self { folders, libraries, lowest }
    }

    /// Returns the lines from mark to mark, with `\n`.
    fn text(&self) -> String {
        if self.lowest >= SOUND {
            return listing(include_str!("add_directory.py"), "@FOLDER@", &self.folders);
        }
        let text = listing(include_str!("add_directory_or_preload.py"), "@FOLDER@", &self.folders);
        listing(&text, "@LIBRARY@", &self.libraries)
    }
}

/// Returns the text with the line of a word once for each value, which takes its place.
fn listing(text: &str, word: &str, values: &[String]) -> String {
    let lines = text.split_inclusive('\n').map(|line| match line.contains(word) {
        true => values.iter().map(|value| line.replace(word, &literal(value))).collect(),
        false => line.to_owned(),
    });
    lines.collect()
}

/// Returns an `__init__.py` with start-up code: after the docstring and every `from __future__ import`, before all else.
///
/// Line ends are those of the file. A file that has this very code is returned as it is; other start-up code of ours is
/// replaced where it stands.
///
/// # Errors
/// `Refused` for a Python that has no `os.add_dll_directory`, for a file that is no sound Python up to where the code
/// must stand, for an encoding that is not ASCII below 128, and for [`Place::Mark`] without a mark.
pub fn patched(source: &[u8], code: &StartUp, place: Place) -> Result<Vec<u8>> {
    if code.lowest < LOWEST {
        let (major, minor) = code.lowest;
        return Err(Error::refused(format!(
            "Python {major}.{minor} has no `os.add_dll_directory`, which start-up code needs"
        ))
        .hint(
            "put the DLLs beside the extensions with `--layout adjacent`, or tag the wheel for Python 3.8 and later",
        ));
    }
    encoding::check(source)?;
    let end_of_line = line_end(source);
    let text = code.text().replace('\n', end_of_line);
    if let Some(old) = block(source) {
        if source.get(old.clone()) == Some(text.as_bytes()) {
            return Ok(source.to_vec());
        }
        let before = source.get(..old.start).unwrap_or_default();
        let after = source.get(old.end..).unwrap_or_default();
        return Ok([before, text.as_bytes(), after].concat());
    }
    let spot = match place {
        Place::Rules => place::by_rules(source)?,
        Place::Mark => place::by_mark(source)?,
    };
    Ok(insert(source, &spot, &text, end_of_line))
}

/// Returns true if the file has this very start-up code.
pub fn is_patched(source: &[u8], code: &StartUp) -> bool {
    let text = code.text().replace('\n', line_end(source));
    block(source).is_some_and(|found| source.get(found) == Some(text.as_bytes()))
}

/// Puts the code where it belongs, an empty line before and after it.
fn insert(source: &[u8], spot: &Spot, text: &str, end_of_line: &str) -> Vec<u8> {
    let (before, after) = match *spot {
        Spot::Line(at) => (source.get(..at), source.get(at..)),
        Spot::Within { end, resume } => (source.get(..end), source.get(resume..)),
    };
    let (before, after) = (before.unwrap_or_default(), after.unwrap_or_default());
    let mut result = before.to_vec();
    let text_before = before.strip_prefix(encoding::BOM).unwrap_or(before);
    if !text_before.is_empty() {
        if !text_before.ends_with(b"\n") && !text_before.ends_with(b"\r") {
            result.extend_from_slice(end_of_line.as_bytes());
        }
        let doubled = [end_of_line, end_of_line].concat();
        if !result.ends_with(doubled.as_bytes()) {
            result.extend_from_slice(end_of_line.as_bytes());
        }
    }
    result.extend_from_slice(text.as_bytes());
    if !after.is_empty() {
        if !after.starts_with(b"\n") && !after.starts_with(b"\r") {
            result.extend_from_slice(end_of_line.as_bytes());
        }
        result.extend_from_slice(after);
    }
    result
}

/// Where start-up code of ours stands, marks and the last line's end included.
fn block(source: &[u8]) -> Option<std::ops::Range<usize>> {
    let mut start = None;
    for line in place::lines(source) {
        let text = source.get(line.clone()).unwrap_or_default();
        let text = text.strip_prefix(encoding::BOM).unwrap_or(text);
        match start {
            None if text.starts_with(BEGIN.as_bytes()) => start = Some(line.end - text.len()),
            Some(start) if text.trim_ascii_end() == END.as_bytes() => return Some(start..line.end),
            _ => {}
        }
    }
    None
}

/// The file's own line end: that of its first line.
fn line_end(source: &[u8]) -> &'static str {
    match source.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
        Some(at) if source.get(at) == Some(&b'\n') => "\n",
        Some(at) if source.get(at + 1) == Some(&b'\n') => "\r\n",
        Some(_) => "\r",
        None => "\n",
    }
}

/// A text as it stands between double quotes in ASCII Python.
fn literal(text: &str) -> String {
    let mut quoted = String::new();
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            ' '..='~' => quoted.push(character),
            other => quoted.push_str(&format!("\\U{:08x}", u32::from(other))),
        }
    }
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code() -> StartUp {
        StartUp::new(vec!["../demo.libs".into()], vec!["../demo.libs/b.dll".into()], (3, 10))
    }

    fn text(source: &str) -> String {
        String::from_utf8(patched(source.as_bytes(), &code(), Place::Rules).unwrap()).unwrap()
    }

    /// What stands before and after the code, without the empty lines around it.
    #[track_caller]
    fn check(source: &str, before: &str, after: &str) {
        let result = text(source);
        let (left, rest) = result.split_once(BEGIN).unwrap();
        let right = rest.split_once(END).unwrap().1;
        assert_eq!((left.trim_matches(['\n', '\r']), right.trim_matches(['\n', '\r'])), (before, after), "{source:?}");
        assert_eq!(text(&result), result, "a second time");
    }

    #[test]
    fn the_code_stands_after_the_docstring_and_the_future() {
        check("", "", "");
        check("import x\n", "", "import x");
        check("'doc'\nimport x\n", "'doc'", "import x");
        check("'doc'\nfrom __future__ import a\nimport x\n", "'doc'\nfrom __future__ import a", "import x");
        check("from __future__ import (\n  a, # b\n  c,\n)\nx\n", "from __future__ import (\n  a, # b\n  c,\n)", "x");
        check("from __future__ \\\n  import a as b, \\\n c\nx\n", "from __future__ \\\n  import a as b, \\\n c", "x");
        check("# c\n\n'doc'  # d\n# e\nx\n", "# c\n\n'doc'  # d", "# e\nx");
    }

    #[test]
    fn statements_of_one_line_are_parted() {
        check("'doc'; import x; y\n", "'doc'", "import x; y");
        check("'doc';\nimport x\n", "'doc';", "import x");
        check("'doc'; # c\nimport x\n", "'doc'; # c", "import x");
        check("'doc'; from __future__ import a; x\n", "'doc'; from __future__ import a", "x");
    }

    #[test]
    fn only_text_is_a_docstring() {
        for source in
            ["f'no'\n", "b'no'\n", "'no' + x\n", "'no'.join(x)\n", "'no', x\n", "('no',)\n", "()\n", "x = 'no'\n"]
        {
            check(source, "", source.trim_end());
        }
        for source in ["'a' 'b'\n", "('a'\n # c\n 'b')\n", "((r'a'))\n", "'a' \\\n 'b'\n", "u'a'\n", "'''a\n'b\\''''\n"]
        {
            check(&format!("{source}x\n"), source.trim_end(), "x");
        }
    }

    #[test]
    fn line_ends_are_the_file_s_own() {
        for end in ["\n", "\r\n", "\r"] {
            let source = format!("'doc'{end}import x{end}");
            let result = text(&source);
            assert_eq!(result.replace(end, "\n"), text("'doc'\nimport x\n"));
            assert!(!result.replace(end, "").contains(['\n', '\r']));
        }
    }

    #[test]
    fn a_byte_order_mark_stays_first() {
        let result = text("\u{feff}import x\n");
        assert!(result.starts_with(&format!("\u{feff}{BEGIN}")), "{result}");
    }

    #[test]
    fn other_code_of_ours_is_replaced_where_it_stands() {
        let old =
            patched(b"'doc'\nimport x\n", &StartUp::new(vec!["../old.libs".into()], Vec::new(), (3, 8)), Place::Rules)
                .unwrap();
        assert!(!is_patched(&old, &code()));
        let new = patched(&old, &code(), Place::Rules).unwrap();
        assert_eq!(new, text("'doc'\nimport x\n").into_bytes());
        assert!(is_patched(&new, &code()));
    }

    #[test]
    fn a_mark_says_where() {
        let source = "import x\n#  delvewheel :patch\ny\n";
        let result = patched(source.as_bytes(), &code(), Place::Mark).unwrap();
        let result = String::from_utf8(result).unwrap();
        assert!(result.starts_with("import x\n#  delvewheel :patch\n\ndef "), "{result}");
        assert!(patched(b"import x\n", &code(), Place::Mark).is_err());
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        let refused = |source: &[u8]| patched(source, &code(), Place::Rules).unwrap_err().message().to_owned();
        assert!(refused(b"'''never closed").contains("does not end"));
        assert!(refused(b"'broken\n'").contains("its line"));
        assert!(refused(b"  import x\n").contains("indented"));
        assert!(refused(b"# coding: utf-16\n").contains("utf-16"));
        assert!(refused(b"# coding: shift_jis\nx = '\x83\x5c'\n").contains("shift_jis"));
        assert!(refused(b"x = '\xff'\n").contains("UTF-8"));
        assert!(refused(b"x\0").contains("NUL"));
        assert!(patched(b"# -*- coding: latin-1 -*-\nx = '\xff'\n", &code(), Place::Rules).is_ok());
        assert!(patched(b"# vim: fileencoding=gbk\nx\n", &code(), Place::Rules).is_ok());
        for name in ["utf-8-unix", "UTF_8-dos", "iso-8859-1-unix", "iso_latin_1_mac", "latin-1-dos"] {
            let source = format!("# -*- coding: {name} -*-\nx\n");
            assert!(patched(source.as_bytes(), &code(), Place::Rules).is_ok(), "{name}");
        }
        assert!(refused(b"# coding: utf8-unix\n").contains("utf8-unix"), "Python does not know it");
        let old = StartUp::new(vec!["../demo.libs".into()], Vec::new(), (3, 7));
        assert!(patched(b"", &old, Place::Rules).is_err());
    }

    #[test]
    fn names_are_escaped() {
        let odd = StartUp::new(vec!["../d\"é\\.libs".into()], vec!["ü.dll".into()], (3, 8));
        let result = String::from_utf8(patched(b"", &odd, Place::Rules).unwrap()).unwrap();
        assert!(
            result.is_ascii()
                && result.contains(r#""../d\"\U000000e9\\.libs""#)
                && result.contains(r#""\U000000fc.dll","#)
        );
    }
}
