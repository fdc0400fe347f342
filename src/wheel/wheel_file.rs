//! WHEEL: the tags and the kind of a wheel, edited line by line (binary distribution format, "File contents").

use crate::error::{Error, Result};

/// The WHEEL file as bytes, with its headers found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WheelFile {
    lines: Vec<String>,
    ending: &'static str,
    ends: bool,
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
        let ending = if text.contains("\r\n") { "\r\n" } else { "\n" };
        let mut lines: Vec<String> =
            text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line).to_owned()).collect();
        let ends = lines.last().is_some_and(String::is_empty);
        if ends {
            lines.pop();
        }
        let body = lines.iter().position(|line| line.trim().is_empty()).unwrap_or(lines.len());
        for (index, line) in lines.iter().enumerate().take(body) {
            let folded = index > 0 && line.starts_with([' ', '\t']);
            if !folded && key(line).is_none() {
                return Err(Error::malformed(format!("line {} is no header", index.saturating_add(1))));
            }
        }
        Ok(Self { lines, ending, ends })
    }

    /// Returns every value of a header, in file order; names compare without case.
    pub fn values(&self, name: &str) -> Vec<&str> {
        self.headers().filter(|(header, _)| header.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
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
        let new: Vec<String> = tags.iter().map(|tag| format!("Tag: {}", tag.as_ref())).collect();
        let is_tag = |line: &String| key(line).is_some_and(|name| name.eq_ignore_ascii_case("Tag"));
        let body = self.body();
        let at = self.lines.iter().take(body).position(is_tag);
        let kept: Vec<(usize, String)> =
            self.lines.drain(..).enumerate().filter(|(index, line)| *index >= body || !is_tag(line)).collect();
        let at = kept.iter().position(|(index, _)| *index >= at.unwrap_or(body)).unwrap_or(kept.len());
        let mut lines: Vec<String> = kept.into_iter().map(|(_, line)| line).collect();
        lines.splice(at..at, new);
        self.lines = lines;
    }

    /// Sets `Build`, or removes it.
    pub fn set_build(&mut self, build: Option<&str>) {
        self.set("Build", build);
    }

    /// Sets `Root-Is-Purelib`.
    pub fn set_root_is_purelib(&mut self, purelib: bool) {
        self.set("Root-Is-Purelib", Some(if purelib { "true" } else { "false" }));
    }

    /// Returns the file's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut text = self.lines.join(self.ending);
        if self.ends && !self.lines.is_empty() {
            text.push_str(self.ending);
        }
        text.into_bytes()
    }

    fn set(&mut self, name: &str, value: Option<&str>) {
        if self.values(name).first().copied() == value {
            return;
        }
        let body = self.body();
        let named = |line: &String| key(line).is_some_and(|header| header.eq_ignore_ascii_case(name));
        let at = self.lines.iter().take(body).position(named);
        match (at, value) {
            (Some(at), Some(value)) => {
                if let Some(line) = self.lines.get_mut(at) {
                    *line = format!("{name}: {value}");
                }
            }
            (Some(at), None) => {
                self.lines.remove(at);
            }
            (None, Some(value)) => self.lines.insert(body, format!("{name}: {value}")),
            (None, None) => {}
        }
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
    fn line_endings_and_a_missing_last_one_are_kept() {
        assert_eq!(edited("A: 1\r\nTag: x-y-z\r\n", |file| file.set_tags(&["p-q-r"])), "A: 1\r\nTag: p-q-r\r\n");
        assert_eq!(
            edited("A: 1\nTag: x-y-z", |file| file.set_tags(&["p-q-r", "s-t-u"])),
            "A: 1\nTag: p-q-r\nTag: s-t-u"
        );
        assert_eq!(edited("A: 1", |file| file.set_tags(&["p-q-r"])), "A: 1\nTag: p-q-r");
    }

    #[test]
    fn other_headers_change_one_line() {
        assert_eq!(
            edited(TEXT, |file| {
                file.set_build(Some("1"));
                file.set_root_is_purelib(false);
            }),
            TEXT.replace("False", "false") + "Build: 1\n"
        );
        assert_eq!(edited("Build: 1\nTag: a\n", |file| file.set_build(None)), "Tag: a\n");
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
