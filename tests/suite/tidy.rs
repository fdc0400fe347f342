//! The house rules as tests: layers, file sizes and names, module docs, pages of diagnostics, embedded policies.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use truewheel::diagnostic::Code;

/// Each room with the rooms it may name. A room may only name rooms that stand above it in this table, so the
/// table itself cannot hold a cycle. `docs/internals/architecture.md` says the same in prose.
const ROOMS: &[(&str, &[&str])] = &[
    ("error", &[]),
    ("arch", &["error"]),
    ("tag", &["arch", "error"]),
    ("wheel", &["tag", "arch", "error"]),
    ("format", &["arch", "error"]),
    ("platform", &["format", "tag", "arch", "error"]),
    ("diagnostic", &["error"]),
    ("python", &["error"]),
    ("load", &["python", "diagnostic", "platform", "format", "wheel", "tag", "arch", "error"]),
    ("abi", &["load", "diagnostic", "platform", "format", "wheel", "tag", "arch", "error"]),
    ("policy", &["abi", "load", "diagnostic", "platform", "format", "wheel", "tag", "arch", "error"]),
    ("lint", &["policy", "abi", "load", "diagnostic", "platform", "format", "wheel", "tag", "arch", "error"]),
    ("origin", &["load", "diagnostic", "platform", "format", "wheel", "tag", "arch", "error"]),
    (
        "repair",
        &[
            "python",
            "origin",
            "lint",
            "policy",
            "abi",
            "load",
            "diagnostic",
            "platform",
            "format",
            "wheel",
            "tag",
            "arch",
            "error",
        ],
    ),
    (
        "compose",
        &[
            "repair",
            "python",
            "origin",
            "lint",
            "policy",
            "abi",
            "load",
            "diagnostic",
            "platform",
            "format",
            "wheel",
            "tag",
            "arch",
            "error",
        ],
    ),
    (
        "report",
        &[
            "compose",
            "repair",
            "origin",
            "lint",
            "policy",
            "abi",
            "load",
            "diagnostic",
            "platform",
            "format",
            "wheel",
            "tag",
            "arch",
            "error",
        ],
    ),
    (
        "audit",
        &[
            "report",
            "compose",
            "repair",
            "origin",
            "lint",
            "policy",
            "abi",
            "load",
            "diagnostic",
            "platform",
            "format",
            "wheel",
            "tag",
            "arch",
            "error",
        ],
    ),
];

/// The rooms that may touch the file system, the environment or print.
const OUTSIDE: &[&str] = &["src/wheel/archive/", "src/wheel/write/", "src/load/source/", "src/cli/", "src/main.rs"];

/// Files over 600 lines whose one idea cannot be cut, with the reason.
const LONG_FILES: &[(&str, &str)] = &[];

/// Codes that stand in the contract before a room gives them; the test fails when one of them is given.
const CODES_NOT_GIVEN: &[Code] = &[
    // `show` and `check` never look outside the wheel, and `repair` vendors what it finds there.
    Code::TW308,
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns the Rust files under the given folders, by path from the repository's root, with their text.
fn rust_files(folders: &[&str]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = folders.iter().map(|folder| root().join(folder)).collect();
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root()).unwrap().to_str().unwrap().replace('\\', "/");
                found.push((name, std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found.sort();
    assert!(!found.is_empty());
    found
}

/// Returns the numbered lines of a file that are neither comments nor part of its tests.
fn code_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    // Tests stand last in a file: what follows their attribute is theirs.
    let code = text.split("\n#[cfg(test)]\nmod ").next().unwrap_or(text);
    code.lines().enumerate().map(|(at, line)| (at + 1, line)).filter(|(_, line)| !line.trim_start().starts_with("//"))
}

/// Returns the room of a file of `src`.
fn room(file: &str) -> &str {
    let rest = file.strip_prefix("src/").unwrap();
    rest.split('/').next().unwrap().trim_end_matches(".rs")
}

/// Fails with every complaint at once.
fn nothing(complaints: &[String], rule: &str) {
    assert!(complaints.is_empty(), "{rule}:\n  {}", complaints.join("\n  "));
}

/// Tells whether a file is only compiled for tests.
fn is_test_file(file: &str, files: &[(String, String)]) -> bool {
    let name = Path::new(file).file_stem().unwrap().to_str().unwrap();
    let folder = Path::new(file).parent().unwrap().to_str().unwrap();
    let declaration = format!("#[cfg(test)]\nmod {name};");
    let public = format!("#[cfg(test)]\npub(crate) mod {name};");
    [format!("{folder}/mod.rs"), format!("{folder}.rs")].iter().any(|parent| {
        files.iter().any(|(file, text)| file == parent && (text.contains(&declaration) || text.contains(&public)))
    })
}

#[test]
fn rooms_name_only_rooms_below_them() {
    for (at, (name, below)) in ROOMS.iter().enumerate() {
        for other in *below {
            assert!(ROOMS[..at].iter().any(|(earlier, _)| earlier == other), "the table: `{name}` names `{other}`");
        }
    }
    let mut complaints = Vec::new();
    let files = rust_files(&["src"]);
    for (file, text) in &files {
        let room = room(file);
        if ["cli", "main", "lib"].contains(&room) || is_test_file(file, &files) {
            continue;
        }
        let Some((_, below)) = ROOMS.iter().find(|(name, _)| *name == room) else {
            complaints.push(format!("{file}: the room `{room}` is not in the table"));
            continue;
        };
        for (line, code) in code_lines(text) {
            for used in code.split("crate::").skip(1) {
                let used: String = used.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
                let is_room = ROOMS.iter().any(|(name, _)| *name == used) || used == "cli";
                if is_room && used != room && !below.contains(&used.as_str()) {
                    complaints.push(format!("{file}:{line}: `{room}` names `{used}`"));
                }
            }
        }
    }
    nothing(&complaints, "layers are strictly downwards (docs/internals/architecture.md)");
}

#[test]
fn only_the_ends_touch_the_world() {
    const WORLD: &[&str] = &[
        "std::fs",
        "fs::",
        "File::open",
        "std::env",
        "env::var",
        "println!",
        "eprintln!",
        "print!(",
        "std::process",
        "Command::new",
        "dbg!",
    ];
    let mut complaints = Vec::new();
    let files = rust_files(&["src"]);
    for (file, text) in &files {
        if OUTSIDE.iter().any(|prefix| file.starts_with(prefix)) || is_test_file(file, &files) {
            continue;
        }
        for (line, code) in code_lines(text) {
            if let Some(word) = WORLD.iter().find(|word| code.contains(**word)) {
                complaints.push(format!("{file}:{line}: `{word}`"));
            }
        }
    }
    nothing(&complaints, "only wheel/archive, wheel/write, load/source, cli and main touch the world");
}

#[test]
fn every_file_says_what_it_is_for() {
    let mut complaints = Vec::new();
    for (file, text) in rust_files(&["src", "tests", "examples", "benches"]) {
        if !text.starts_with("//! ") {
            complaints.push(format!("{file}: does not begin with `//! ` and a sentence"));
        }
    }
    nothing(&complaints, "every file begins with its purpose");
}

#[test]
fn files_hold_one_idea() {
    let mut complaints = Vec::new();
    for (file, text) in rust_files(&["src", "tests", "examples", "benches"]) {
        let lines = text.lines().count();
        let excepted = LONG_FILES.iter().any(|(name, _)| *name == file);
        if lines > 600 && !excepted {
            complaints.push(format!("{file}: {lines} lines, 600 at most"));
        }
        if lines <= 600 && excepted {
            complaints.push(format!("{file}: no longer an exception"));
        }
        let stem = Path::new(&file).file_stem().unwrap().to_str().unwrap();
        if ["utils", "util", "helpers", "helper", "common", "misc"].contains(&stem) {
            complaints.push(format!("{file}: a name that says nothing"));
        }
    }
    nothing(&complaints, "one idea a file");
}

#[test]
fn nothing_is_left_for_later() {
    let marks = [
        concat!("todo", "!("),
        concat!("unimplemented", "!("),
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("XX", "X:"),
    ];
    let mut complaints = Vec::new();
    for (file, text) in rust_files(&["src", "tests", "examples", "benches"]) {
        for (at, line) in text.lines().enumerate() {
            if let Some(mark) = marks.iter().find(|mark| line.contains(**mark)) {
                complaints.push(format!("{file}:{}: `{mark}`", at + 1));
            }
        }
    }
    nothing(&complaints, "what is there works");
}

#[test]
fn tests_skip_in_one_way() {
    let mut complaints = Vec::new();
    for (file, text) in rust_files(&["src", "tests"]) {
        let is_rule = file == "tests/suite/tidy.rs" || file == "tests/support/mod.rs";
        for (at, line) in text.lines().enumerate() {
            if !is_rule && (line.contains("\"SKIP") || line.trim_start().starts_with("#[ignore")) {
                complaints.push(format!("{file}:{}: {}", at + 1, line.trim()));
            }
        }
    }
    nothing(&complaints, "what cannot run says so by `support::skip`, which fails in CI");
}

#[test]
fn lints_are_expected_with_a_reason() {
    let mut complaints = Vec::new();
    for (file, text) in rust_files(&["src", "tests", "examples", "benches"]) {
        for (at, line) in text.lines().enumerate() {
            if line.trim_start().starts_with("#[allow(") || line.trim_start().starts_with("#![allow(") {
                complaints.push(format!("{file}:{}: `#[allow]`, not `#[expect(…, reason)]`", at + 1));
            }
        }
    }
    nothing(&complaints, "an exception has a reason");
}

#[test]
fn readers_of_strangers_bytes_cannot_panic() {
    // Clippy does the work: the rooms switch these lints on for everything but tests.
    const LINTS: &[&str] = &["unwrap_used", "expect_used", "panic", "indexing_slicing", "unreachable", "todo"];
    for room in ["format", "wheel"] {
        let text = std::fs::read_to_string(root().join(format!("src/{room}/mod.rs"))).unwrap();
        let text: String = text.split_whitespace().collect();
        let attribute = text.split("#![cfg_attr(not(test),deny(").nth(1).unwrap_or_default();
        let attribute = attribute.split(")").next().unwrap_or_default();
        for lint in LINTS {
            assert!(attribute.contains(&format!("clippy::{lint}")), "src/{room}/mod.rs does not deny clippy::{lint}");
        }
    }
    let mut complaints = Vec::new();
    for (file, text) in rust_files(&["src/format", "src/wheel"]) {
        for (line, code) in code_lines(&text) {
            let excuse = ["clippy::unwrap_used", "clippy::expect_used", "clippy::panic", "clippy::indexing_slicing"];
            if code.contains("expect(") && excuse.iter().any(|lint| code.contains(lint)) {
                complaints.push(format!("{file}:{line}: {}", code.trim()));
            }
        }
    }
    nothing(&complaints, "no exception from the lints that keep readers from panicking");
}

#[test]
fn every_code_has_a_page_with_four_sections() {
    let mut complaints = Vec::new();
    for code in Code::ALL {
        let page = code.page();
        if !page.starts_with(&format!("# {}: {}\n", code.name(), code.slug())) {
            complaints.push(format!("{}: the page's title", code.name()));
        }
        for section in ["What it means", "Why it matters", "Example", "What to do"] {
            let body = page.split(&format!("\n## {section}\n")).nth(1).unwrap_or_default();
            let body = body.split("\n## ").next().unwrap_or_default();
            if body.trim().len() < 20 {
                complaints.push(format!("{}: `{section}` is empty", code.name()));
            }
        }
    }
    for entry in std::fs::read_dir(root().join("docs/diagnostics")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if let Some(code) = name.strip_prefix("TW").and_then(|rest| rest.strip_suffix(".md"))
            && !Code::ALL.iter().any(|known| known.name() == format!("TW{code}"))
        {
            complaints.push(format!("{name}: a page without a code"));
        }
    }
    nothing(&complaints, "a page for each code");
}

#[test]
fn every_code_is_given_by_some_room() {
    let mut given: BTreeSet<Code> = BTreeSet::new();
    for (file, text) in rust_files(&["src"]) {
        if file == "src/diagnostic/code.rs" {
            continue;
        }
        for (_, line) in code_lines(&text) {
            given.extend(Code::ALL.iter().copied().filter(|code| line.contains(&format!("Code::{}", code.name()))));
        }
    }
    let mut complaints = Vec::new();
    for code in Code::ALL {
        match (given.contains(code), CODES_NOT_GIVEN.contains(code)) {
            (false, false) => complaints.push(format!("{} {}: nothing gives it", code.name(), code.slug())),
            (true, true) => complaints.push(format!("{} {}: is given now", code.name(), code.slug())),
            (true, false) | (false, true) => {}
        }
    }
    nothing(&complaints, "a code that exists is given");
}

#[test]
fn every_policy_file_is_embedded() {
    let mut sources = String::new();
    for (_, text) in rust_files(&["src"]) {
        sources.push_str(&text);
    }
    let mut complaints = Vec::new();
    let mut folders = vec![root().join("policies")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(root().join("policies")).unwrap().to_str().unwrap().replace('\\', "/");
            let is_policy = (name.ends_with(".json") || name.ends_with(".tsv")) && !name.ends_with("schema.json");
            if is_policy && !sources.contains(&format!("\"{name}\"")) {
                complaints.push(format!("policies/{name}"));
            }
        }
    }
    complaints.sort();
    nothing(&complaints, "every policy file is embedded");
}

#[test]
fn every_dependency_says_what_it_is_for() {
    let text = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let mut complaints = Vec::new();
    let mut inside = false;
    let mut commented = false;
    for line in text.lines() {
        if line.starts_with('[') {
            inside = line.contains("dependencies");
            commented = false;
        } else if line.starts_with('#') {
            commented = true;
        } else if line.trim().is_empty() {
            commented = false;
        } else if inside && !commented {
            complaints.push(line.to_owned());
        }
    }
    nothing(&complaints, "a comment above each dependency (or pair of them)");
}
