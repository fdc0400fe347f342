//! WHEEL: the tags and the kind of a wheel, edited line by line (binary distribution format, "File contents").

use std::collections::BTreeSet;

use crate::error::{Error, Result};

/// The WHEEL file as lines, each with its own ending; what is not asked for is not touched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WheelFile {
    lines: Vec<String>,
}

/// A WHEEL file larger than this is none.
const MAX_SIZE: usize = 4 << 20;

impl WheelFile {
    /// Reads a WHEEL file; line endings, order and unknown headers are kept.
    ///
    /// # Errors
    /// `Malformed` if it is not UTF-8, too large, or a line is no header.
    pub fn read(bytes: &[u8]) -> Result<Self> {
        if bytes.len() > MAX_SIZE {
            return Err(Error::malformed(format!("{} bytes, more than {MAX_SIZE}", bytes.len())));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| Error::malformed("not UTF-8"))?;
        let file = Self { lines: text.split_inclusive('\n').map(str::to_owned).collect() };
        for (index, line) in file.lines.iter().enumerate().take(file.body()) {
            let folded = index > 0 && line.starts_with([' ', '\t']);
            if !folded && key(line).is_none() {
                return Err(Error::malformed(format!("line {} is no header", index.saturating_add(1))));
            }
        }
        Ok(file)
    }

    /// Returns every value of a header, in file order; names compare without case.
    pub fn values(&self, name: &str) -> Vec<&str> {
        self.headers().filter(|(header, _)| header.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
    }

    /// Returns the headers that a WHEEL file has once and this one has more often, in lower case.
    pub fn repeated(&self) -> BTreeSet<String> {
        let mut seen = BTreeSet::new();
        let names = self.headers().map(|(name, _)| name.to_ascii_lowercase());
        // Tools of a chain may add their own `Generator`; tags are many by design.
        let single = names.filter(|name| name != "tag" && name != "generator");
        single.filter(|name| !seen.insert(name.clone())).collect()
    }

    /// Returns true if the last line is a whole one, as tools that append lines take for granted.
    pub fn ends_with_line_end(&self) -> bool {
        self.lines.last().is_none_or(|line| line.ends_with('\n'))
    }

    /// Returns the full tags, in file order.
    pub fn tags(&self) -> Vec<&str> {
        self.values("Tag")
    }

    /// Returns the build tag.
    pub fn build(&self) -> Option<&str> {
        self.values("Build").first().copied()
    }

    /// Returns whether the wheel's root is installed as pure Python; `None` if it does not say.
    pub fn root_is_purelib(&self) -> Option<bool> {
        self.values("Root-Is-Purelib").first().map(|value| value.eq_ignore_ascii_case("true"))
    }

    /// Replaces the tags: the first `Tag` line's place is theirs; without one, the end of the headers.
    pub fn set_tags<T: AsRef<str>>(&mut self, tags: &[T]) {
        if self.tags().iter().copied().eq(tags.iter().map(AsRef::as_ref)) {
            return;
        }
        let is_tag = |line: &String| key(line).is_some_and(|name| name.eq_ignore_ascii_case("Tag"));
        let body = self.body();
        let at = self.lines.iter().take(body).position(is_tag).unwrap_or(body);
        let mut index = 0_usize;
        self.lines.retain(|line| {
            let keep = index >= body || !is_tag(line);
            index = index.saturating_add(1);
            keep
        });
        for (offset, tag) in tags.iter().enumerate() {
            self.insert(at.saturating_add(offset), "Tag", tag.as_ref());
        }
    }

    /// Sets `Build`, or removes it.
    pub fn set_build(&mut self, build: Option<&str>) {
        self.set("Build", build);
    }

    /// Sets `Root-Is-Purelib`; a file that says so already, in whatever case, stays as it is.
    pub fn set_root_is_purelib(&mut self, purelib: bool) {
        let value = if purelib { "true" } else { "false" };
        if self.values("Root-Is-Purelib").first().is_none_or(|now| !now.eq_ignore_ascii_case(value)) {
            self.set("Root-Is-Purelib", Some(value));
        }
    }

    /// Ends the last line, says of `Root-Is-Purelib` what installers make of its absence, and drops headers that repeat
    /// another to the letter.
    pub fn tidy(&mut self) {
        if self.root_is_purelib().is_none() {
            self.insert(self.body(), "Root-Is-Purelib", "false");
        }
        let body = self.body();
        let mut seen = BTreeSet::new();
        let mut index = 0_usize;
        self.lines.retain(|line| {
            let is_header = index < body && key(line).is_some();
            index = index.saturating_add(1);
            !is_header || seen.insert(line.trim().to_owned())
        });
        if let Some(last) = self.lines.last_mut().filter(|last| !last.ends_with('\n')) {
            last.push('\n');
        }
    }

    /// Returns the file's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.lines.concat().into_bytes()
    }

    fn set(&mut self, name: &str, value: Option<&str>) {
        if self.values(name).first().copied() == value {
            return;
        }
        let body = self.body();
        let named = |line: &String| key(line).is_some_and(|header| header.eq_ignore_ascii_case(name));
        let at = self.lines.iter().take(body).position(named);
        if let Some(at) = at {
            self.lines.remove(at);
        }
        if let Some(value) = value {
            self.insert(at.unwrap_or(body), name, value);
        }
    }

    /// Inserts a header line; it ends as the file's first line does, and the file's last line is given an end.
    fn insert(&mut self, at: usize, name: &str, value: &str) {
        let ending = if self.lines.first().is_some_and(|line| line.ends_with("\r\n")) { "\r\n" } else { "\n" };
        let at = at.min(self.lines.len());
        let before = at.checked_sub(1).and_then(|before| self.lines.get_mut(before));
        if let Some(before) = before.filter(|before| !before.ends_with('\n')) {
            before.push_str(ending);
        }
        self.lines.insert(at, format!("{name}: {value}{ending}"));
    }

    fn body(&self) -> usize {
        self.lines.iter().position(|line| line.trim().is_empty()).unwrap_or(self.lines.len())
    }

    fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.lines.iter().take(self.body()).filter_map(|line| {
            let name = key(line)?;
            Some((name, line.get(name.len().saturating_add(1)..).unwrap_or_default().trim()))
        })
    }
}

/// The name of a header line.
fn key(line: &str) -> Option<&str> {
    let (name, _) = line.split_once(':')?;
    let fine = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic());
    fine.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        "Wheel-Version: 1.0\nGenerator: x (1)\nRoot-Is-Purelib: False\nTag: a-b-c\nTag: a-b-d\nX-Own: 1\n";

    fn edited(text: &str, edit: impl FnOnce(&mut WheelFile)) -> String {
        let mut file = WheelFile::read(text.as_bytes()).unwrap();
        edit(&mut file);
        String::from_utf8(file.to_bytes()).unwrap()
    }

    #[test]
    fn tags_are_replaced_in_their_place() {
        assert_eq!(
            edited(TEXT, |file| file.set_tags(&["x-y-z"])),
            "Wheel-Version: 1.0\nGenerator: x (1)\nRoot-Is-Purelib: False\nTag: x-y-z\nX-Own: 1\n"
        );
        assert_eq!(edited(TEXT, |file| file.set_tags(&["a-b-c", "a-b-d"])), TEXT);
    }

    #[test]
    fn line_endings_are_kept_and_a_missing_last_one_is_given_where_a_line_follows() {
        assert_eq!(edited("A: 1\r\nTag: x-y-z\r\n", |file| file.set_tags(&["p-q-r"])), "A: 1\r\nTag: p-q-r\r\n");
        assert_eq!(
            edited("A: 1\nTag: x-y-z", |file| file.set_tags(&["p-q-r", "s-t-u"])),
            "A: 1\nTag: p-q-r\nTag: s-t-u\n"
        );
        assert_eq!(edited("A: 1", |file| file.set_tags(&["p-q-r"])), "A: 1\nTag: p-q-r\n");
        assert_eq!(edited("A: 1\r\nB: 2\nTag: x", |file| file.set_tags(&["y"])), "A: 1\r\nB: 2\nTag: y\r\n");
        for text in ["A: 1\nTag: x-y-z", "A: 1\r\nB: 2\nTag: x-y-z\r\n", ""] {
            assert_eq!(edited(text, |_| {}), text);
        }
        assert_eq!(edited("A: 1\nTag: x-y-z", |file| file.set_tags(&["x-y-z"])), "A: 1\nTag: x-y-z");
    }

    #[test]
    fn other_headers_change_one_line() {
        assert_eq!(
            edited(TEXT, |file| {
                file.set_build(Some("1"));
                file.set_root_is_purelib(false);
            }),
            TEXT.to_owned() + "Build: 1\n"
        );
        assert_eq!(edited("Build: 1\nTag: a\n", |file| file.set_build(None)), "Tag: a\n");
    }

    #[test]
    fn headers_that_stand_more_than_once_are_told() {
        let text = "Wheel-Version: 1.0\nBuild: 1\nbuild: 2\nBUILD: 3\nTag: a\nTag: b\nGenerator: x\nGenerator: y\n";
        assert_eq!(WheelFile::read(text.as_bytes()).unwrap().repeated().into_iter().collect::<Vec<_>>(), ["build"]);
    }

    #[test]
    fn tidying_ends_the_last_line_and_drops_repeated_headers() {
        let tidy = |text: &str| edited(text, WheelFile::tidy);
        assert_eq!(tidy("Root-Is-Purelib: true\nTag: a\nTag: a\nTag: b"), "Root-Is-Purelib: true\nTag: a\nTag: b\n");
        assert_eq!(tidy("Wheel-Version: 1.0\n\nbody"), "Wheel-Version: 1.0\nRoot-Is-Purelib: false\n\nbody\n");
        assert_eq!(tidy("Build: 1\nBuild: 2\nRoot-Is-Purelib: x\n"), "Build: 1\nBuild: 2\nRoot-Is-Purelib: x\n");
        assert_eq!(tidy(TEXT), TEXT);
    }

    #[test]
    fn what_follows_an_empty_line_is_left_alone() {
        let text = "Tag: a-b-c\n\nTag: not a header\n";
        assert_eq!(edited(text, |file| file.set_tags(&["x-y-z"])), "Tag: x-y-z\n\nTag: not a header\n");
    }

    #[test]
    fn what_is_no_header_is_named() {
        assert!(WheelFile::read(b"Tag: a\nnonsense\n").unwrap_err().to_string().contains("line 2"));
        assert!(WheelFile::read(b"\xff").is_err());
    }
}
