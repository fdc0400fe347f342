//! Text of strangers made safe to show: no control character of an archive name reaches a terminal or a document.

use std::fmt::Write;

use super::Finding;

/// Returns `text` with control characters and direction overrides spelled as `\u{…}`.
pub fn printable(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() || turns_direction(character) {
            // INVARIANT: writing to a String does not fail.
            write!(safe, "{}", character.escape_unicode()).expect("a String takes all");
        } else {
            safe.push(character);
        }
    }
    safe
}

/// Whether a character makes a terminal show what follows in another order (Unicode UAX #9, explicit formatting).
fn turns_direction(character: char) -> bool {
    matches!(character, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Returns the sentence of a finding: the member in backticks, then the message.
pub fn sentence(finding: &Finding) -> String {
    let message = printable(&finding.diagnostic.message);
    match &finding.diagnostic.member {
        Some(member) => format!("`{}` {message}", printable(member)),
        None => message,
    }
}

/// Returns `2 errors`, `1 error`, `no errors`.
pub fn counted(count: usize, noun: &str) -> String {
    match count {
        0 => format!("no {noun}s"),
        1 => format!("1 {noun}"),
        _ => format!("{count} {noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_do_not_reach_a_terminal() {
        assert_eq!(printable("a\x1b[31m\nb\u{202e}c é"), "a\\u{1b}[31m\\u{a}b\\u{202e}c é");
    }
}
