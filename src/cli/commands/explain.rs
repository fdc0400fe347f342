//! `truewheel explain`: the page of a diagnostic.

use serde_json::json;

use crate::cli::args::{ExplainArgs, TreeFormat};
use crate::cli::output;
use crate::cli::status::Status;
use crate::cli::terminal::Terminal;
use crate::diagnostic::Code;
use crate::error::Error;

/// Prints the pages; an unknown code is status 2, and the others are printed all the same.
pub fn run(args: &ExplainArgs, terminal: &Terminal) -> Status {
    let mut status = Status::Done;
    let mut codes = Vec::new();
    if args.all {
        codes.extend_from_slice(Code::ALL);
    }
    for name in &args.codes {
        match name.parse::<Code>() {
            Ok(code) => codes.push(code),
            Err(()) => {
                terminal.error(&unknown(name));
                status = Status::Impossible;
            }
        }
    }
    let text: String = match (args.format, args.all) {
        (TreeFormat::Json, _) => codes.iter().map(|code| format!("{}\n", as_json(*code))).collect(),
        (TreeFormat::Human, true) => codes
            .iter()
            .map(|code| format!("{} {:<30} {:<8} {}\n", code, code.slug(), code.severity().name(), code.title()))
            .collect(),
        (TreeFormat::Human, false) => codes.iter().map(|code| code.page()).collect::<Vec<_>>().join("\n"),
    };
    status.max(output::text(&text))
}

fn as_json(code: Code) -> serde_json::Value {
    json!({
        "code": code.name(),
        "slug": code.slug(),
        "severity": code.severity().name(),
        "family": code.family().name(),
        "title": code.title(),
        "page": code.page(),
    })
}

fn unknown(name: &str) -> Error {
    let error = Error::usage(format!("`{name}` is no code"));
    let wanted = name.to_ascii_lowercase();
    let near = Code::ALL.iter().find(|code| !wanted.is_empty() && code.slug().contains(&wanted));
    match near {
        Some(code) => error.hint(format!("there is `{code}`, `{}`", code.slug())),
        None => error.hint("`truewheel explain --all` lists every code"),
    }
}
