//! Can installers make programs of the entry points? TW637.

use crate::diagnostic::{Code, Diagnostic};
use crate::lint::Sheet;

pub(super) fn rule(sheet: &Sheet<'_>) -> Vec<Diagnostic> {
    let Some(member) = sheet.wheel.dist_info_member("entry_points.txt") else { return Vec::new() };
    let messages = match sheet.wheel.read_small(member) {
        Ok(bytes) => match std::str::from_utf8(&bytes) {
            Ok(text) => faults(text),
            Err(_) => vec!["is not UTF-8".to_owned()],
        },
        // What cannot be unpacked is told of elsewhere.
        Err(_) => Vec::new(),
    };
    messages.into_iter().map(|message| Diagnostic::new(Code::TW637, message).member(member.name())).collect()
}

/// What is wrong with the lines of the file (entry points specification, "File format").
fn faults(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut section: Option<&str> = None;
    for (index, line) in text.lines().enumerate() {
        let number = index + 1;
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) || line.starts_with([' ', '\t']) {
            continue;
        }
        if let Some(name) = trimmed.strip_prefix('[') {
            match name.strip_suffix(']') {
                Some(name) => section = Some(name.trim()),
                None => found.push(format!("line {number} begins a section and does not end it")),
            }
            continue;
        }
        let Some(section) = section else {
            found.push(format!("line {number} stands before any section"));
            continue;
        };
        let Some((name, value)) = trimmed.split_once('=') else {
            found.push(format!("line {number} has no `=`"));
            continue;
        };
        if matches!(section, "console_scripts" | "gui_scripts") {
            found.extend(script(name.trim(), value.trim()).map(|what| format!("line {number}: {what}")));
        }
    }
    found
}

/// What keeps an installer from making a program of an entry point.
fn script(name: &str, value: &str) -> Option<String> {
    let is_name =
        |text: &str| !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '-'));
    if !is_name(name) {
        return Some(format!("`{name}` is no name of a program"));
    }
    let object = value.split('[').next().unwrap_or(value).trim();
    let is_path = |text: &str| {
        text.split('.').all(|part| !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || c == '_'))
    };
    match object.split_once(':') {
        None => Some(format!("`{value}` names no function: `module:function`")),
        Some((module, function)) if is_path(module.trim()) && is_path(function.trim()) => None,
        Some(_) => Some(format!("`{value}` is no `module:function`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_installers_take_is_sound() {
        let text = "[console_scripts]\ndemo = demo.cli:main\ndemo-x.y=demo:Main.run [extra]\n\n# text\n[demo.plugins]\na b = anything\n";
        assert_eq!(faults(text), Vec::<String>::new());
        assert_eq!(faults(""), Vec::<String>::new());
    }

    #[test]
    fn what_they_stumble_over_is_named_by_line() {
        assert_eq!(faults("a = b:c\n"), ["line 1 stands before any section"]);
        assert_eq!(faults("[console_scripts\n"), ["line 1 begins a section and does not end it"]);
        assert_eq!(faults("[x]\nnothing\n"), ["line 2 has no `=`"]);
        assert_eq!(faults("[console_scripts]\na = b\n"), ["line 2: `b` names no function: `module:function`"]);
        assert_eq!(faults("[console_scripts]\na/b = b:c\n"), ["line 2: `a/b` is no name of a program"]);
    }
}
