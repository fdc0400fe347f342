//! Where start-up code stands in an `__init__.py`: found by reading Python's tokens up to there, and no further.
//!
//! A module's docstring must be its first statement, and `from __future__ import` may follow only that (Python Language
//! Reference, "Future statements"). Everything up to the end of the last of them is read token by token; what follows is
//! never looked at, so that no syntax of a newer Python stands in the way.

use std::ops::Range;

use super::encoding;
use crate::error::{Error, Result};

/// How the place is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Place {
    /// After the docstring and every `from __future__ import`.
    #[default]
    Rules,
    /// After the line `# delvewheel: patch` or `# truewheel: patch`, which must be there.
    Mark,
}

/// Where text is put in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spot {
    /// Before this byte, which begins a line or ends the file.
    Line(usize),
    /// Between two statements of one line.
    Within {
        /// Where the first one ends.
        end: usize,
        /// Where the next one begins.
        resume: usize,
    },
}

/// How a statement ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// With this `;`.
    Semicolon(usize),
    /// With its line: the next one begins here.
    Line(usize),
}

/// What a statement is, as far as it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Statement {
    /// Nothing but text: a docstring if it is the first.
    Text(End),
    /// `from __future__ import …`.
    Future(End),
    /// Anything else, or nothing: start-up code stands before it.
    Other,
}

/// Returns the place by the rules of the language.
pub(super) fn by_rules(source: &[u8]) -> Result<Spot> {
    let mut cursor = Cursor { source, at: 0 };
    if source.starts_with(encoding::BOM) {
        cursor.at = encoding::BOM.len();
    }
    cursor.skip_empty_lines();
    let mut spot = Spot::Line(cursor.at);
    let mut is_first = true;
    loop {
        let (end, counts) = match cursor.statement()? {
            Statement::Text(end) => (end, is_first),
            Statement::Future(end) => (end, true),
            Statement::Other => return Ok(spot),
        };
        is_first = false;
        let here = match end {
            End::Line(next) => {
                cursor.at = next;
                let here = Spot::Line(next);
                cursor.skip_empty_lines();
                here
            }
            End::Semicolon(at) => {
                cursor.at = at + 1;
                cursor.skip_blanks();
                if cursor.peek() == Some(b'#') || cursor.at_line_end() {
                    cursor.skip_line();
                    let here = Spot::Line(cursor.at);
                    cursor.skip_empty_lines();
                    here
                } else {
                    Spot::Within { end: at, resume: cursor.at }
                }
            }
        };
        if counts {
            spot = here;
        }
    }
}

/// Returns the place that a comment line asks for.
pub(super) fn by_mark(source: &[u8]) -> Result<Spot> {
    let is_mark = |line: &Range<usize>| {
        let text = source.get(line.clone()).unwrap_or_default();
        let text: Vec<u8> = text.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
        text == b"#delvewheel:patch" || text == b"#truewheel:patch"
    };
    let mark = lines(source).find(|line| source.get(line.start) == Some(&b'#') && is_mark(line));
    mark.map(|line| Spot::Line(line.end)).ok_or_else(|| {
        Error::refused("has no line `# truewheel: patch` that says where start-up code belongs")
            .hint("add the line, or leave the place to truewheel")
    })
}

/// Returns the lines of a file, each with its end.
pub(super) fn lines(source: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let mut cursor = Cursor { source, at: 0 };
    std::iter::from_fn(move || {
        let start = cursor.at;
        cursor.skip_line();
        (cursor.at > start).then_some(start..cursor.at)
    })
}

/// A place in a file that is being read.
#[derive(Debug, Clone, Copy)]
struct Cursor<'a> {
    source: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    fn peek(&self) -> Option<u8> {
        self.source.get(self.at).copied()
    }

    fn peek_at(&self, ahead: usize) -> Option<u8> {
        self.source.get(self.at + ahead).copied()
    }

    /// Whether the line, or the file, ends here.
    fn at_line_end(&self) -> bool {
        matches!(self.peek(), None | Some(b'\n' | b'\r'))
    }

    /// Goes behind a line end, if there is one.
    fn eat_line_end(&mut self) -> bool {
        match (self.peek(), self.peek_at(1)) {
            (Some(b'\r'), Some(b'\n')) => self.at += 2,
            (Some(b'\n' | b'\r'), _) => self.at += 1,
            _ => return false,
        }
        true
    }

    /// Goes to the next line.
    fn skip_line(&mut self) {
        while !self.at_line_end() {
            self.at += 1;
        }
        self.eat_line_end();
    }

    /// Goes over spaces, tabs, form feeds and joined line ends.
    fn skip_blanks(&mut self) {
        loop {
            match self.peek() {
                Some(b' ' | b'\t' | 0x0c) => self.at += 1,
                Some(b'\\') => {
                    let mut behind = Cursor { at: self.at + 1, ..*self };
                    if !behind.eat_line_end() {
                        return;
                    }
                    self.at = behind.at;
                }
                _ => return,
            }
        }
    }

    /// Goes from the beginning of a line to that of the next one with a statement, or to the end of the file.
    fn skip_empty_lines(&mut self) {
        loop {
            let mut ahead = *self;
            ahead.skip_blanks();
            let empty = ahead.at_line_end() || ahead.peek() == Some(b'#');
            if !empty || self.peek().is_none() {
                return;
            }
            // Behind line ends that a backslash joins: an empty line may be several.
            self.at = ahead.at;
            self.skip_line();
        }
    }

    /// Reads the statement that begins here or after blanks.
    fn statement(&self) -> Result<Statement> {
        let mut cursor = *self;
        cursor.skip_blanks();
        let begins_line = self.at == 0 || matches!(self.source.get(self.at - 1), Some(b'\n' | b'\r'));
        // A form feed sets the column back to 0 (Python Language Reference, "Indentation").
        let first_line = self.source.get(self.at..cursor.at).unwrap_or_default();
        let indent = first_line.split(|byte| *byte == b'\\').next().unwrap_or_default();
        let indent = indent.rsplit(|byte| *byte == 0x0c).next().unwrap_or_default();
        if begins_line && !indent.is_empty() && cursor.peek().is_some() {
            return Err(unsound("its first statement is indented"));
        }
        match cursor.peek() {
            Some(b'f') if cursor.word() == b"from" => Ok(cursor.future().map_or(Statement::Other, Statement::Future)),
            Some(_) => Ok(cursor.text()?.map_or(Statement::Other, Statement::Text)),
            None => Ok(Statement::Other),
        }
    }

    /// The letters, digits and underscores that begin here.
    fn word(&self) -> &[u8] {
        let rest = self.source.get(self.at..).unwrap_or_default();
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || *byte >= 0x80;
        let length = rest.iter().take_while(|byte| is_part(byte)).count();
        rest.get(..length).unwrap_or_default()
    }

    /// Goes behind this word and the blanks after it, if it is here.
    fn eat_word(&mut self, word: &str) -> bool {
        if self.word() != word.as_bytes() {
            return false;
        }
        self.at += word.len();
        self.skip_blanks();
        true
    }

    /// Returns how the statement ends, if nothing but blanks and a comment stands before its end.
    fn end(&mut self) -> Option<End> {
        self.skip_blanks();
        match self.peek() {
            Some(b';') => Some(End::Semicolon(self.at)),
            None | Some(b'#' | b'\n' | b'\r') => {
                self.skip_line();
                Some(End::Line(self.at))
            }
            Some(_) => None,
        }
    }

    /// Goes over what may stand between tokens inside brackets.
    fn skip_within_brackets(&mut self) {
        loop {
            self.skip_blanks();
            if self.peek() == Some(b'#') {
                self.skip_line();
            } else if !self.eat_line_end() {
                return;
            }
        }
    }

    /// Reads `from __future__ import …`; nothing if it is another statement.
    fn future(mut self) -> Option<End> {
        let is_future = self.eat_word("from") && self.eat_word("__future__") && self.eat_word("import");
        if !is_future {
            return None;
        }
        let bracket = self.peek() == Some(b'(');
        if bracket {
            self.at += 1;
        }
        loop {
            if bracket {
                self.skip_within_brackets();
            }
            match self.peek() {
                Some(b')') if bracket => {
                    self.at += 1;
                    return self.end();
                }
                Some(b',') => self.at += 1,
                _ => match self.word().len() {
                    0 if bracket => return None,
                    0 => return self.end(),
                    length => self.at += length,
                },
            }
            self.skip_blanks();
        }
    }

    /// Reads a statement of nothing but texts; nothing if it is another one.
    fn text(mut self) -> Result<Option<End>> {
        let (mut open, mut texts, mut closed) = (0_usize, 0_usize, false);
        loop {
            if open > 0 {
                self.skip_within_brackets();
            } else {
                self.skip_blanks();
            }
            match self.peek() {
                Some(b'(') if texts == 0 => {
                    open += 1;
                    self.at += 1;
                }
                Some(b')') if open > 0 && texts > 0 => {
                    open -= 1;
                    closed = true;
                    self.at += 1;
                }
                _ if open == 0 && texts > 0 && self.peek_end() => return Ok(self.end()),
                _ if closed || !self.literal()? => return Ok(None),
                _ => texts += 1,
            }
        }
    }

    fn peek_end(&self) -> bool {
        matches!(self.peek(), None | Some(b';' | b'#' | b'\n' | b'\r'))
    }

    /// Goes behind a string literal that is text; stays, if there is none (bytes and formatted strings are none).
    fn literal(&mut self) -> Result<bool> {
        let quote_at = match self.word() {
            b"" => self.at,
            [b'r' | b'R' | b'u' | b'U'] => self.at + 1,
            _ => return Ok(false),
        };
        let Some(&quote @ (b'"' | b'\'')) = self.source.get(quote_at) else { return Ok(false) };
        self.at = quote_at + 1;
        let tripled = self.peek() == Some(quote) && self.peek_at(1) == Some(quote);
        if tripled {
            self.at += 2;
        }
        loop {
            match self.peek() {
                None => return Err(unsound("a string does not end")),
                Some(b'\\') => {
                    self.at += 1;
                    // A backslash takes the quote after it, in raw strings too.
                    if !self.eat_line_end() {
                        self.at += 1;
                    }
                }
                Some(b'\n' | b'\r') if !tripled => return Err(unsound("a string does not end with its line")),
                Some(byte) if byte == quote => {
                    self.at += 1;
                    if !tripled {
                        return Ok(true);
                    }
                    if self.peek() == Some(quote) && self.peek_at(1) == Some(quote) {
                        self.at += 2;
                        return Ok(true);
                    }
                }
                Some(_) => self.at += 1,
            }
        }
    }
}

fn unsound(why: &str) -> Error {
    Error::refused(format!("is no sound Python, so there is no place for start-up code: {why}"))
}
