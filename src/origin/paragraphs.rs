//! Paragraphs of `Field: value` lines, as dpkg and vcpkg keep them (Debian policy 5.1).

/// One paragraph.
#[derive(Clone, Copy)]
pub(super) struct Paragraph<'a>(&'a [u8]);

/// Returns the paragraphs of a control file; one pass, whatever the file holds.
pub(super) fn paragraphs(bytes: &[u8]) -> impl Iterator<Item = Paragraph<'_>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let mut size = 0;
        let mut blank = true;
        for line in rest.split_inclusive(|byte| *byte == b'\n') {
            match (line.trim_ascii().is_empty(), blank) {
                // Blank lines before the paragraph, and the one that ends it.
                (true, true) => rest = rest.get(line.len()..).unwrap_or_default(),
                (true, false) => break,
                (false, _) => {
                    blank = false;
                    size += line.len();
                }
            }
        }
        let (paragraph, after) = rest.split_at_checked(size)?;
        rest = after;
        (!blank).then_some(Paragraph(paragraph))
    })
}

impl<'a> Paragraph<'a> {
    /// Returns the first line of a field's value, trimmed; `None` if the field is absent, empty or not UTF-8.
    pub(super) fn field(self, name: &str) -> Option<&'a str> {
        let value = self.0.split(|byte| *byte == b'\n').find_map(|line| {
            let (field, value) = line.split_at_checked(name.len())?;
            field.eq_ignore_ascii_case(name.as_bytes()).then_some(value.strip_prefix(b":"))?
        })?;
        let value = std::str::from_utf8(value).ok()?.trim();
        (!value.is_empty()).then_some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_in_their_own_paragraph() {
        let text =
            "\nPackage: a\nVersion: 1:2-3\nDescription: x\n Package: not this\n\n\n\nPackage: b\r\n\r\nPackage: c\n";
        let names: Vec<_> = paragraphs(text.as_bytes()).map(|p| p.field("package").unwrap()).collect();
        assert_eq!(names, ["a", "b", "c"]);
        assert_eq!(paragraphs(text.as_bytes()).next().unwrap().field("Version"), Some("1:2-3"));
        assert_eq!(paragraphs(text.as_bytes()).nth(1).unwrap().field("Version"), None);
        assert_eq!(paragraphs(b"Packages: x\nPackage:\xff\n").next().unwrap().field("Package"), None);
        assert_eq!(paragraphs(b"\n \n\n").count(), 0);
    }
}
