//! Does a member belong in a wheel at all? TW115, TW630 to TW634, TW639.

use std::collections::BTreeMap;

use super::others;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::lint::Sheet;
use crate::lint::scan::Trace;

/// PyPI's limit for a file, unless a project was given more.
const PYPI_LIMIT: u64 = 100 << 20;
/// What a function of AWS Lambda may have unpacked, layers included.
const LAMBDA_LIMIT: u64 = 250 << 20;
/// Paths longer than this do not fit beside site-packages where Windows' old limit of 260 holds.
const LONGEST: usize = 200;

pub(super) fn rule(sheet: &Sheet<'_>) -> Vec<Diagnostic> {
    let mut found = traces(sheet);
    let dist_info = sheet.wheel.dist_info().unwrap_or_default();
    for member in sheet.wheel.members() {
        let name = member.name();
        found.extend(stray(name, dist_info).map(|(code, message)| Diagnostic::new(code, message).member(name)));
        if name.chars().count() > LONGEST {
            let message =
                format!("has a path of {} characters, too long for Windows with its old limit", name.chars().count());
            found.push(Diagnostic::new(Code::TW115, message).member(name));
        }
    }
    found.extend(developers(sheet));
    found.extend(loose(sheet));
    found.extend(top_level(sheet));
    let unpacked = sheet.wheel.members().iter().fold(0_u64, |sum, member| sum.saturating_add(member.size()));
    if unpacked > LAMBDA_LIMIT {
        let text = format!("the wheel unpacks to {} MiB; functions of AWS Lambda have 250", unpacked >> 20);
        found.push(Diagnostic::new(Code::TW634, text).at(Severity::Note));
    }
    let size = sheet.wheel.file_size();
    if size > PYPI_LIMIT {
        let message = format!("the wheel has {} MiB; PyPI takes 100 unless the project was given more", size >> 20);
        found.push(
            Diagnostic::new(Code::TW634, message)
                .help("strip debug sections (`truewheel repair --strip`), or leave out what can be downloaded"),
        );
    }
    found
}

/// What the bytes of members gave away.
fn traces(sheet: &Sheet<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut paths: Vec<(&String, &String)> = Vec::new();
    for (member, trace) in
        sheet.traces.iter().flat_map(|(member, traces)| traces.iter().map(move |trace| (member, trace)))
    {
        match trace {
            Trace::PrivateKey => found.push(
                Diagnostic::new(Code::TW630, "holds a private key")
                    .member(member)
                    .help("everybody who has the wheel has the key"),
            ),
            Trace::BuildPath(path) => paths.push((member, path)),
            Trace::ExecutablePth => found.push(
                Diagnostic::new(Code::TW639, "has a line that is executed whenever this Python starts")
                    .member(member)
                    .help("Python 3.18 ignores such lines; a `.start` file (PEP 829) names what is to be called"),
            ),
            Trace::CffiVerify | Trace::CffiCompile | Trace::CffiBackend | Trace::MentionsCffi => {}
        }
    }
    if let Some((member, path)) = paths.first() {
        let more = match paths.len() {
            1 => String::new(),
            count => format!(", as do {} more binaries", count - 1),
        };
        let message = format!("names `{path}`, a home on the machine that built it{more}");
        found.push(
            Diagnostic::new(Code::TW633, message)
                .member(*member)
                .help("compile with `-ffile-prefix-map=$PWD=.`, Rust with `--remap-path-prefix`"),
        );
    }
    found
}

/// Files that no wheel should have, by their names.
fn stray(name: &str, dist_info: &str) -> Option<(Code, String)> {
    let parts: Vec<&str> = name.split('/').collect();
    let file = *parts.last()?;
    if file == ".pypirc" || matches!(file, "id_rsa" | "id_ecdsa" | "id_ed25519" | "id_dsa") {
        return Some((Code::TW630, "is a file of credentials".to_owned()));
    }
    if parts.first() == Some(&dist_info) {
        let installer = match parts.get(1..)? {
            ["INSTALLER" | "REQUESTED" | "direct_url.json"] => Some("is written by installers alone"),
            ["RECORD.jws" | "RECORD.p7s"] => Some("is a signature that no installer looks at any more (PEP 815)"),
            _ => None,
        };
        return installer.map(|message| (Code::TW631, message.to_owned()));
    }
    if developers_folder(name).is_some() {
        return None;
    }
    let left = match file {
        ".DS_Store" | "Thumbs.db" | "desktop.ini" => "is left behind by a file manager",
        ".env" | ".gitignore" | ".gitattributes" | ".coverage" | ".travis.yml" | ".gitlab-ci.yml" => {
            "is the developer's"
        }
        _ if file.ends_with(".pyc") && parts.contains(&"__pycache__") => "is compiled by whoever installs the wheel",
        _ if file.ends_with('~') || file.ends_with(".swp") || file.ends_with(".orig") || file.ends_with(".rej") => {
            "is left behind by an editor or a patch"
        }
        _ => return None,
    };
    Some((Code::TW631, left.to_owned()))
}

/// Folders that are the developer's: one finding each, however many members lie there.
fn developers(sheet: &Sheet<'_>) -> Vec<Diagnostic> {
    let mut folders: BTreeMap<(&str, &str), (&str, usize)> = BTreeMap::new();
    for name in sheet.wheel.members().iter().map(|member| member.name()) {
        if let Some(folder) = developers_folder(name) {
            folders.entry(folder).and_modify(|(_, more)| *more += 1).or_insert((name, 0));
        }
    }
    let finding = |((_, folder), (first, more)): ((&str, &str), (&str, usize))| {
        let message = format!("lies in `{folder}`, which is the developer's{}", others(more));
        Diagnostic::new(Code::TW631, message).member(first)
    };
    folders.into_iter().map(finding).collect()
}

/// What comes before the developer's folder that a member lies in, and its name.
fn developers_folder(name: &str) -> Option<(&str, &str)> {
    const FOLDERS: &[&str] = &[
        ".git",
        ".hg",
        ".svn",
        ".github",
        ".tox",
        ".nox",
        ".venv",
        "node_modules",
        ".mypy_cache",
        ".pytest_cache",
        ".ruff_cache",
    ];
    let mut start = 0_usize;
    for part in name.split('/') {
        let before = name.get(..start)?;
        start = start.saturating_add(part.len()).saturating_add(1);
        let is_folder = start <= name.len();
        // Node keeps what it brings itself, npm at least, in `lib/node_modules`.
        let is_nodes = part == "node_modules" && (before == "lib/" || before.ends_with("/lib/"));
        if is_folder && FOLDERS.contains(&part) && !is_nodes {
            return Some((before, part));
        }
    }
    None
}

/// Files at the top of site-packages that are no modules.
fn loose(sheet: &Sheet<'_>) -> Option<Diagnostic> {
    const MODULES: &[&str] = &["py", "pyi", "pyc", "pyd", "so", "dll", "dylib", "pth", "start"];
    let is_loose = |name: &&str| {
        let end = name.rsplit_once('.').map_or("", |(_, end)| end);
        // The version may follow: `libfoo.so.1`. What hides has reasons of its own.
        !name.contains('/') && !name.starts_with('.') && !MODULES.contains(&end) && !name.contains(".so.")
    };
    let mut names = sheet.wheel.members().iter().map(|member| member.name()).filter(is_loose);
    let first = names.next()?;
    let text = format!("lies at the top of site-packages, among the modules of all projects{}", others(names.count()));
    Some(Diagnostic::new(Code::TW631, text).member(first).help("put it into the package's folder"))
}

/// Names at the top of site-packages that belong to nobody.
fn top_level(sheet: &Sheet<'_>) -> Vec<Diagnostic> {
    const COMMON: &[&str] =
        &["tests", "test", "docs", "doc", "examples", "example", "src", "build", "dist", "scripts", "benchmarks"];
    let mut found: Vec<Diagnostic> = Vec::new();
    let mut told: Vec<&str> = Vec::new();
    // A project of that very name may have it.
    let own = sheet.filename.map(|filename| filename.distribution.as_str()).unwrap_or_default();
    for member in sheet.wheel.members() {
        let name = member.name();
        if name == "__init__.py" {
            let message = "makes a package of site-packages itself; it lies where a package's folder should be";
            found.push(Diagnostic::new(Code::TW632, message).member(name));
        }
        let Some((top, _)) = name.split_once('/') else { continue };
        if COMMON.contains(&top) && !told.contains(&top) && !top.eq_ignore_ascii_case(own) {
            told.push(top);
            let message = format!("installs the top-level name `{top}`, which other projects install too");
            found.push(
                Diagnostic::new(Code::TW632, message)
                    .member(name)
                    .help("exclude the folder where the build backend looks for packages"),
            );
        }
    }
    found
}
