//! Can the WHEEL file be read, and does it say what the file name says? TW602, TW609.

use std::collections::BTreeSet;

use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::lint::{Sheet, Text};
use crate::tag::TagSet;
use crate::wheel::wheel_file::WheelFile;

pub(super) fn rule(sheet: &Sheet<'_>) -> Vec<Diagnostic> {
    let found = match &sheet.wheel_file {
        Text::Absent => return Vec::new(),
        Text::Unreadable(error) => {
            vec![Diagnostic::new(Code::TW609, format!("cannot be read: {}", error.message()))]
        }
        Text::Read(file) => {
            let mut found = headers(file);
            found.extend(tags(file, sheet));
            found.extend(build(file, sheet));
            found
        }
    };
    let member = sheet.member("WHEEL");
    found.into_iter().map(|diagnostic| diagnostic.member(&member)).collect()
}

/// Headers that must be there, once.
fn headers(file: &WheelFile) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    match file.values("Wheel-Version").as_slice() {
        [] => found.push(Diagnostic::new(Code::TW609, "has no `Wheel-Version`")),
        [version, ..] if !version.trim().starts_with("1.") => {
            let message = format!("has `Wheel-Version: {}`, which no installer knows", version.trim());
            found.push(Diagnostic::new(Code::TW609, message));
        }
        _ => {}
    }
    match file.values("Root-Is-Purelib").as_slice() {
        [] => found.push(Diagnostic::new(Code::TW609, "has no `Root-Is-Purelib`").at(Severity::Warning)),
        [value] if ["true", "false"].iter().any(|known| value.trim().eq_ignore_ascii_case(known)) => {}
        [value] => found.push(Diagnostic::new(
            Code::TW609,
            format!("has `Root-Is-Purelib: {}`, which is neither true nor false", value.trim()),
        )),
        _ => found.push(Diagnostic::new(Code::TW609, "has several `Root-Is-Purelib`").at(Severity::Warning)),
    }
    for name in file.repeated().iter().filter(|name| *name != "root-is-purelib") {
        found.push(Diagnostic::new(Code::TW609, format!("has several `{name}`")).at(Severity::Note));
    }
    if !file.ends_with_line_end() {
        found.push(Diagnostic::new(Code::TW609, "does not end with a line end").at(Severity::Note));
    }
    if file.tags().is_empty() {
        // Installers go by the file name.
        found.push(Diagnostic::new(Code::TW609, "has no `Tag` among its headers").at(Severity::Warning));
    }
    found
}

/// Tags of WHEEL and of the file name, each expanded.
fn tags(file: &WheelFile, sheet: &Sheet<'_>) -> Option<Diagnostic> {
    let filename = sheet.filename?;
    let expand = |text: &str| match text.parse::<TagSet>() {
        Ok(set) => set.expand().iter().map(ToString::to_string).collect(),
        Err(_) => vec![text.to_owned()],
    };
    let own: BTreeSet<String> = file.tags().into_iter().flat_map(|tag| expand(tag.trim())).collect();
    let named: BTreeSet<String> = filename.tags.expand().iter().map(ToString::to_string).collect();
    if own.is_empty() || own == named {
        return None;
    }
    let list = |tags: Vec<&String>| {
        let shown: Vec<String> = tags.iter().take(4).map(|tag| format!("`{tag}`")).collect();
        match tags.len().saturating_sub(shown.len()) {
            0 => shown.join(", "),
            more => format!("{} and {more} more", shown.join(", ")),
        }
    };
    let only_own: Vec<&String> = own.difference(&named).collect();
    let only_named: Vec<&String> = named.difference(&own).collect();
    let message = match (only_own.is_empty(), only_named.is_empty()) {
        (false, true) => format!("claims {}, which the file name does not", list(only_own)),
        (true, false) => format!("does not claim {}, which the file name does", list(only_named)),
        _ => format!("claims {} where the file name claims {}", list(only_own), list(only_named)),
    };
    Some(
        Diagnostic::new(Code::TW602, message)
            .help("do not rename wheels; `truewheel check --fix` writes the tags of the file name into WHEEL"),
    )
}

fn build(file: &WheelFile, sheet: &Sheet<'_>) -> Option<Diagnostic> {
    let filename = sheet.filename?;
    let (own, named) = (file.build().map(str::trim), filename.build.as_deref());
    let text = |build: Option<&str>| build.map_or("none".to_owned(), |build| format!("`{build}`"));
    (own != named).then(|| {
        let message = format!("has the build tag {} where the file name has {}", text(own), text(named));
        // Installers read the build tag from the file name alone.
        Diagnostic::new(Code::TW609, message).at(Severity::Warning)
    })
}
