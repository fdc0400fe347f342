//! Paragraphs of `Field: value` lines, as dpkg and vcpkg keep them (Debian policy 5.1).

/// One paragraph.
#[derive(Clone, Copy)]
pub(super) struct Paragraph<'a>(&'a str);

/// Returns the paragraphs of a control file.
pub(super) fn paragraphs(text: &str) -> impl Iterator<Item = Paragraph<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            rest = rest.trim_start_matches(['\n', '\r']);
            if rest.is_empty() {
                return None;
            }
            let end = blank_line(rest);
            let (paragraph, after) = rest.split_at(end);
            rest = after;
            if !paragraph.trim().is_empty() {
                return Some(Paragraph(paragraph));
            }
        }
    })
}

/// Returns where the first blank line begins, or the end.
fn blank_line(text: &str) -> usize {
    let unix = text.find("\n\n");
    let dos = text.get(..unix.unwrap_or(text.len())).and_then(|head| head.find("\n\r\n"));
    dos.or(unix).map_or(text.len(), |at| at + 1)
}

impl<'a> Paragraph<'a> {
    /// Returns the first line of a field's value, trimmed; `None` if the field is absent or empty.
    pub(super) fn field(self, name: &str) -> Option<&'a str> {
        let value = self.0.lines().find_map(|line| {
            let (field, value) = line.split_once(':')?;
            field.eq_ignore_ascii_case(name).then_some(value.trim())
        })?;
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
        let names: Vec<_> = paragraphs(text).map(|p| p.field("package").unwrap()).collect();
        assert_eq!(names, ["a", "b", "c"]);
        assert_eq!(paragraphs(text).next().unwrap().field("Version"), Some("1:2-3"));
        assert_eq!(paragraphs(text).nth(1).unwrap().field("Version"), None);
    }
}
