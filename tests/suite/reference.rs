//! The reference stays true: the command line's page, the migration guide, the book's table of contents.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::CommandFactory;
use truewheel::cli::args::Arguments;

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs")
}

/// Compares a page with what it should be, or writes it (`UPDATE=1`).
fn compare(name: &str, wanted: &str) {
    let path = docs().join(name);
    let page = std::fs::read_to_string(&path).unwrap_or_default();
    if page != wanted && std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, wanted).unwrap();
        return;
    }
    assert!(page == wanted, "docs/{name} is not what the program says; `UPDATE=1 cargo test reference` writes it");
}

#[test]
fn the_page_of_the_command_line_is_the_program_s_own_help() {
    let mut command = Arguments::command().term_width(100);
    command.build();
    let mut page = "# Command line\n\nThis page is the program's own help, written by a test.\n".to_owned();
    let mut section = |title: &str, command: &mut clap::Command| {
        let help: String =
            command.render_long_help().to_string().lines().map(|line| format!("{}\n", line.trim_end())).collect();
        page.push_str(&format!("\n## {title}\n\n```text\n{}\n```\n", help.trim_end()));
    };
    section("truewheel", &mut command);
    let names: Vec<String> = command.get_subcommands().map(|command| command.get_name().to_owned()).collect();
    for name in names.iter().filter(|name| *name != "help") {
        section(&format!("truewheel {name}"), command.find_subcommand_mut(name).unwrap());
    }
    compare("reference/cli.md", &page);
}

/// Every long and short flag of every command, peers' spellings included.
fn flags() -> BTreeSet<String> {
    let mut command = Arguments::command();
    command.build();
    let mut found = BTreeSet::new();
    for command in std::iter::once(&command).chain(command.get_subcommands()) {
        for arg in command.get_arguments() {
            found.extend(arg.get_long().map(|long| format!("--{long}")));
            found.extend(arg.get_all_aliases().unwrap_or_default().iter().map(|alias| format!("--{alias}")));
            found.extend(arg.get_short().map(|short| format!("-{short}")));
        }
    }
    found
}

#[test]
fn every_flag_that_the_migration_guide_promises_exists() {
    let page = std::fs::read_to_string(docs().join("guides/migrating-from-auditwheel.md")).unwrap();
    let known = flags();
    let mut unknown = Vec::new();
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    let mut seen = 0;
    for row in rows {
        let columns: Vec<&str> = row.split(" | ").collect();
        // The first column is the other tool's; code spans of the others are ours.
        for span in columns[1..].join(" ").split('`').skip(1).step_by(2) {
            for word in span.split([' ', '=']).filter(|word| word.starts_with('-')) {
                seen += 1;
                if !known.contains(word) {
                    unknown.push(format!("{word} in {row}"));
                }
            }
        }
    }
    assert!(seen > 15, "{seen} flags");
    assert!(unknown.is_empty(), "{}", unknown.join("\n"));
}

#[test]
fn every_flag_and_variable_of_auditwheel_is_in_the_migration_guide() {
    let page = std::fs::read_to_string(docs().join("guides/migrating-from-auditwheel.md")).unwrap();
    // auditwheel 6.8.2: its own help and source.
    for word in [
        "-V",
        "--version",
        "-v",
        "--verbose",
        "--json",
        "--disable-isa-ext-check",
        "--allow-pure-python-wheel",
        "--ldpaths",
        "--plat",
        "--only-plat",
        "-w",
        "--wheel-dir",
        "-L",
        "--lib-sdir",
        "--exclude",
        "--strip",
        "-z",
        "--zip-compression-level",
        "--no-update-tags",
        "--patcher",
        "AUDITWHEEL_PLAT",
        "AUDITWHEEL_ZIP_COMPRESSION_LEVEL",
        "AUDITWHEEL_PATCHER",
        "AUDITWHEEL_LD_LIBRARY_PATH",
        "LD_LIBRARY_PATH",
        "SOURCE_DATE_EPOCH",
        "lddtree",
        "show",
        "repair",
        "addtag",
    ] {
        let first = page.lines().filter(|line| line.starts_with('|')).any(|line| {
            let column = line.split(" | ").next().unwrap_or_default();
            column.split('`').skip(1).step_by(2).any(|span| span.split(' ').any(|part| part == word))
        });
        assert!(first, "{word}");
    }
}

#[test]
fn the_book_lists_every_page() {
    let mut summary = "# Summary\n".to_owned();
    for (part, folder) in [
        ("Guides", "guides"),
        ("Concepts", "concepts"),
        ("Reference", "reference"),
        ("Diagnostics", "diagnostics"),
        ("Internals", "internals"),
    ] {
        let mut pages: Vec<String> = std::fs::read_dir(docs().join(folder))
            .into_iter()
            .flatten()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.ends_with(".md"))
            .collect();
        pages.sort();
        if !pages.is_empty() {
            summary.push_str(&format!("\n# {part}\n\n"));
        }
        for page in pages {
            let text = std::fs::read_to_string(docs().join(folder).join(&page)).unwrap();
            let title = text.lines().next().and_then(|line| line.strip_prefix("# ")).unwrap_or_else(|| {
                panic!("docs/{folder}/{page} does not begin with a title");
            });
            summary.push_str(&format!("- [{title}]({folder}/{page})\n"));
        }
    }
    compare("SUMMARY.md", &summary);
}
