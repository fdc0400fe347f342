//! Can installers make programs of the entry points? TW637.

use std::collections::BTreeSet;

use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::lint::Sheet;

/// Faults that are told of one file.
const TOLD: usize = 25;

/// How bad it is, and what it is.
type Fault = (Severity, String);

pub(super) fn rule(sheet: &Sheet<'_>) -> Vec<Diagnostic> {
    let Some(member) = sheet.wheel.dist_info_member("entry_points.txt") else { return Vec::new() };
    let faults = match sheet.wheel.read_small(member) {
        Ok(bytes) => match std::str::from_utf8(&bytes) {
            Ok(text) => faults(text),
            Err(_) => vec![(Severity::Error, "is not UTF-8".to_owned())],
        },
        // What cannot be unpacked is told of elsewhere.
        Err(_) => Vec::new(),
    };
    let told = |(severity, text)| Diagnostic::new(Code::TW637, text).member(member.name()).at(severity);
    faults.into_iter().map(told).collect()
}

/// What is wrong with the file (entry points specification, "File format").
///
/// PyPI reads it by Python's `configparser` with `=` alone and refuses what that refuses; installers (pip by way of
/// `importlib.metadata`) stumble over less, and that alone is an error.
fn faults(text: &str) -> Vec<Fault> {
    let mut reader = Reader::default();
    for (index, line) in text.lines().enumerate() {
        let number = index + 1;
        if reader.found.len() >= TOLD {
            break;
        }
        // A fault leaves the reader where it was: the next line is read all the same.
        if let Err((severity, what)) = reader.line(line) {
            reader.found.push((severity, format!("line {number} {what}")));
        }
    }
    reader.found
}

/// Where the reading of the file has come to.
#[derive(Default)]
struct Reader<'a> {
    section: Option<&'a str>,
    sections: BTreeSet<&'a str>,
    /// Names of each section.
    names: BTreeSet<(&'a str, &'a str)>,
    /// The indentation of the name whose value may go on.
    open: Option<usize>,
    found: Vec<Fault>,
}

fn refused_by_pypi(what: impl Into<String>) -> Fault {
    (Severity::Warning, what.into())
}

impl<'a> Reader<'a> {
    fn line(&mut self, line: &'a str) -> Result<(), Fault> {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            return Ok(());
        }
        let indentation = line.len() - line.trim_start().len();
        if self.open.is_some_and(|open| indentation > open) {
            return Ok(());
        }
        self.open = None;
        if trimmed.starts_with('[') {
            return self.begin(trimmed);
        }
        let section = self.section.ok_or_else(|| refused_by_pypi("stands before any section"))?;
        let (name, value) = trimmed.split_once('=').ok_or((Severity::Error, "has no `=`".to_owned()))?;
        let (name, value) = (name.trim(), value.trim());
        self.open = Some(indentation);
        if !self.names.insert((section, name)) {
            return Err(refused_by_pypi(format!("names `{name}` a second time")));
        }
        match matches!(section, "console_scripts" | "gui_scripts").then(|| script(name, value)).flatten() {
            Some((severity, what)) => Err((severity, format!("is no program: {what}"))),
            None => Ok(()),
        }
    }

    fn begin(&mut self, line: &'a str) -> Result<(), Fault> {
        let name = line.strip_prefix('[').and_then(|rest| rest.rsplit_once(']')).map(|(name, _)| name);
        let name = name
            .filter(|name| !name.is_empty())
            .ok_or_else(|| refused_by_pypi("begins a section and does not end it"))?;
        self.section = Some(name);
        match self.sections.insert(name) {
            true => Ok(()),
            false => Err(refused_by_pypi(format!("begins the section `{name}` a second time"))),
        }
    }
}

/// What keeps an installer from making a program of an entry point.
fn script(name: &str, value: &str) -> Option<Fault> {
    let is_name =
        |text: &str| !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '-'));
    let object = value.split('[').next().unwrap_or(value).trim();
    let is_path = |text: &str| {
        text.split('.').all(|part| !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || c == '_'))
    };
    let wrong = match object.split_once(':') {
        None => Some(format!("`{value}` names no function: `module:function`")),
        Some((module, function)) if is_path(module.trim()) && is_path(function.trim()) => None,
        Some(_) => Some(format!("`{value}` is no `module:function`")),
    };
    if let Some(what) = wrong {
        return Some((Severity::Error, what));
    }
    // A path leads out of the folder of programs; other odd names PyPI alone refuses.
    let severity = if name.contains(['/', '\\']) || name.is_empty() { Severity::Error } else { Severity::Warning };
    (!is_name(name)).then(|| (severity, format!("`{name}` is no name of a program")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_installers_take_is_sound() {
        let text = "[console_scripts]\ndemo = demo.cli:main\ndemo-x.y=demo:Main.run [extra]\n\n# text\n[demo.plugins]\na b = anything\n";
        assert_eq!(faults(text), Vec::<Fault>::new());
        assert_eq!(faults(""), Vec::<Fault>::new());
        // What is indented more than a name is part of its value; what is not stands for itself.
        let text = "  [x]\n  a = b\n    :c\n  d = e\n[console_scripts]\nf = g:h\n  [extra]\n";
        assert_eq!(faults(text), Vec::<Fault>::new());
    }

    #[test]
    fn what_they_stumble_over_is_an_error_and_what_pypi_alone_refuses_a_warning() {
        let told = |text: &str| {
            let found = faults(text).into_iter().map(|(severity, what)| format!("{severity}: {what}"));
            found.collect::<Vec<_>>().join("; ")
        };
        for (text, wanted) in [
            ("a = b:c\n", "warning: line 1 stands before any section"),
            ("[console_scripts\n", "warning: line 1 begins a section and does not end it"),
            ("[x]\na=b\n[x]\n", "warning: line 3 begins the section `x` a second time"),
            ("[x]\na=b\na=c\n", "warning: line 3 names `a` a second time"),
            ("[x]\nnothing\n", "error: line 2 has no `=`"),
            ("[console_scripts]\na = b\n", "error: line 2 is no program: `b` names no function: `module:function`"),
            ("[console_scripts]\na/b = b:c\n", "error: line 2 is no program: `a/b` is no name of a program"),
            ("[gui_scripts]\na b = b:c\n", "warning: line 2 is no program: `a b` is no name of a program"),
        ] {
            assert_eq!(told(text), wanted, "{text}");
        }
    }
}
