//! Whether an `__init__.py` can be read byte by byte: its encoding must be ASCII below 128.

use super::place;
use crate::error::{Error, Result};

/// The mark that a UTF-8 file may begin with.
pub(super) const BOM: &[u8] = b"\xef\xbb\xbf";

/// Encodings, without `-` and `_`, in which a byte below 128 always is its ASCII character.
const PLAIN: &[&str] = &[
    "utf8",
    "utf8sig",
    "ascii",
    "usascii",
    "latin1",
    "isolatin1",
    "l1",
    "cp65001",
    "eucjp",
    "euckr",
    "euctw",
    "koi8r",
    "koi8u",
    "macroman",
    "maccyrillic",
    "tis620",
];

/// Encodings behind whose names Python ignores whatever follows a `-`.
const WITH_LINE_ENDS: &[&str] = &["utf-8", "latin-1", "iso-8859-1", "iso-latin-1"];

/// Beginnings of such names that a number follows.
const PLAIN_FAMILIES: &[&str] = &["iso8859", "latin", "cp125", "windows125", "cp437", "cp85", "cp86"];

/// Encodings of East Asia in which a byte below 128 may be the second half of a character, but in which a file of
/// nothing but such bytes is ASCII.
const MIXED: &[&str] = &[
    "shiftjis",
    "sjis",
    "cp932",
    "ms932",
    "mskanji",
    "windows31j",
    "gbk",
    "cp936",
    "gb2312",
    "gb18030",
    "big5",
    "big5hkscs",
    "cp950",
    "cp949",
    "uhc",
    "johab",
];

/// Checks that the bytes may be read as ASCII and something else.
///
/// # Errors
/// `Refused` for encodings in which they may not, and for a file that Python cannot read.
pub(super) fn check(source: &[u8]) -> Result<()> {
    if source.contains(&0) {
        return Err(Error::refused("has a NUL byte, which Python refuses"));
    }
    let Some(name) = declared(source) else {
        return match std::str::from_utf8(source) {
            Ok(_) => Ok(()),
            Err(_) => Err(Error::refused("is not UTF-8 and declares no encoding, which Python refuses")),
        };
    };
    // As Python does: what Emacs says of line ends (`utf-8-unix`) is no part of the name.
    let lower = name.to_ascii_lowercase().replace('_', "-");
    let name = WITH_LINE_ENDS
        .iter()
        .find(|known| lower.strip_prefix(**known).is_some_and(|rest| rest.starts_with('-')))
        .map_or(name, |known| (*known).to_owned());
    let bare: String = name.chars().filter(|character| !matches!(character, '-' | '_')).collect();
    let bare = bare.to_ascii_lowercase();
    let is_plain = PLAIN.contains(&bare.as_str())
        || PLAIN_FAMILIES
            .iter()
            .any(|family| bare.strip_prefix(family).is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit())));
    if is_plain || (MIXED.contains(&bare.as_str()) && source.is_ascii()) {
        return Ok(());
    }
    Err(Error::refused(format!("is written in `{name}`, into which start-up code cannot be put safely"))
        .hint("write it in UTF-8, or put the DLLs beside the extensions with `--layout adjacent`"))
}

/// Returns the encoding that a comment in one of the first two lines declares (Python Language Reference, "Encoding
/// declarations").
fn declared(source: &[u8]) -> Option<String> {
    let source = source.strip_prefix(BOM).unwrap_or(source);
    for line in place::lines(source).take(2) {
        let line = source.get(line)?.trim_ascii();
        let line = line.strip_prefix(b"\x0c").unwrap_or(line);
        if line.is_empty() {
            continue;
        }
        if line.first() != Some(&b'#') {
            return None;
        }
        let text = String::from_utf8_lossy(line);
        // `coding[:=]\s*([-\w.]+)`
        let name = text.match_indices("coding").find_map(|(at, word)| {
            let rest = text.get(at + word.len()..)?;
            let rest = rest.strip_prefix([':', '='])?.trim_start();
            let is_part = |character: char| character.is_alphanumeric() || matches!(character, '-' | '_' | '.');
            let name: String = rest.chars().take_while(|character| is_part(*character)).collect();
            (!name.is_empty()).then_some(name)
        });
        if name.is_some() {
            return name;
        }
    }
    None
}
