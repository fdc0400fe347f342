//! The report for people; colour decorates and never carries meaning.

use super::text::{counted, printable, sentence};
use super::{BinaryEntry, Finding, LibraryOrigin, NextTag, Outcome, Report};
use crate::diagnostic::Severity;

/// What is written before and after a decorated word; empty strings where there is no colour.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Palette {
    /// Before an error's label.
    pub error: String,
    /// Before a warning's label.
    pub warning: String,
    /// Before a note's label.
    pub note: String,
    /// Before `help:` and what is good.
    pub help: String,
    /// Before a title.
    pub title: String,
    /// After each of them.
    pub reset: String,
}

impl Palette {
    /// Returns text between a start and the reset.
    pub fn paint(&self, start: &str, text: &str) -> String {
        format!("{start}{text}{}", self.reset)
    }

    fn severity(&self, severity: Severity) -> &str {
        match severity {
            Severity::Error => &self.error,
            Severity::Warning => &self.warning,
            Severity::Note => &self.note,
        }
    }
}

/// How much is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Detail {
    /// Errors only.
    Quiet,
    /// What one needs to act.
    #[default]
    Normal,
    /// Everything, every chain and every symbol.
    Verbose,
}

/// The number of symbols that one line names before it only counts them.
const SYMBOLS_SHOWN: usize = 8;

/// Returns one finding: its line, its chain, its help.
pub fn finding(finding: &Finding, palette: &Palette) -> String {
    let diagnostic = &finding.diagnostic;
    let label = format!("{}[{}]", diagnostic.severity, diagnostic.code);
    let mut text = format!("{}: {}\n", palette.paint(palette.severity(diagnostic.severity), &label), sentence(finding));
    if diagnostic.chain.len() > 1 {
        text.push_str(&format!("  chain: {}\n", chain(&diagnostic.chain)));
    }
    if let Some(help) = &diagnostic.help {
        text.push_str(&format!("  {}: {}\n", palette.paint(&palette.help, "help"), printable(help)));
    }
    if let Some(reason) = &finding.allowed {
        text.push_str(&format!("  allowed: {}\n", printable(reason)));
    }
    text
}

/// Returns the findings of a report and its last line, as `check` prints them.
pub fn findings(report: &Report, palette: &Palette, detail: Detail) -> String {
    let mut text = String::new();
    for entry in &report.diagnostics {
        let is_told = match detail {
            Detail::Quiet => entry.diagnostic.severity == Severity::Error,
            Detail::Normal => !entry.is_advice(),
            Detail::Verbose => true,
        };
        if is_told {
            text.push_str(&finding(entry, palette));
        }
    }
    if detail != Detail::Quiet || report.verdict == Outcome::Fault {
        text.push_str(&verdict(report, palette, detail));
    }
    text
}

/// Returns the last line: the wheel, how many findings it has, and how many hints were not told.
fn verdict(report: &Report, palette: &Palette, detail: Detail) -> String {
    let (start, word) = match report.verdict {
        Outcome::Ok => (&palette.help, "ok"),
        Outcome::Fault => (&palette.error, "fault"),
    };
    let hints = report.diagnostics.iter().filter(|entry| entry.is_advice()).count();
    let hints = match (detail, hints) {
        (Detail::Normal, 1..) => format!("; {} with `-v`", counted(hints, "hint")),
        _ => String::new(),
    };
    format!(
        "{}: {} ({}, {}{hints})\n",
        printable(&report.wheel),
        palette.paint(start, word),
        counted(report.count(Severity::Error), "error"),
        counted(report.count(Severity::Warning), "warning"),
    )
}

/// Returns what is inside, as `show` prints it: tags, binaries, libraries, what stands in the way of better tags.
pub fn summary(report: &Report, palette: &Palette, detail: Detail) -> String {
    let mut text = format!("{}\n", palette.paint(&palette.title, &printable(&report.wheel)));
    if !report.tags.claimed.is_empty() {
        text.push_str(&format!("claims: {}\n", list(&report.tags.claimed)));
    }
    for line in &report.proof {
        text.push_str(&format!("python: {}\n", printable(line)));
    }
    if !report.tags.earned.is_empty() {
        let earned = match detail {
            Detail::Verbose => list(&report.tags.earned),
            Detail::Quiet | Detail::Normal => best(&report.tags.earned),
        };
        text.push_str(&format!("earns:  {}\n", palette.paint(&palette.help, &earned)));
    } else if !report.tags.claimed.is_empty() && !report.binaries.is_empty() {
        text.push_str("earns:  no platform tag\n");
    }
    if detail == Detail::Quiet {
        return text;
    }
    if let Some(config) = &report.config {
        text.push_str(&format!("configuration: {}\n", printable(config)));
    }
    if !report.binaries.is_empty() {
        text.push_str(&format!("\n{}\n", palette.paint(&palette.title, "binaries")));
        for entry in &report.binaries {
            text.push_str(&binary(entry, detail));
        }
    }
    libraries(report, palette, &mut text);
    for tag in &report.next_tags {
        text.push_str(&next_tag(tag, palette, detail));
    }
    let mut told = report.diagnostics.iter().filter(|entry| detail == Detail::Verbose || !entry.is_advice()).peekable();
    if told.peek().is_some() {
        text.push('\n');
        for entry in told {
            text.push_str(&finding(entry, palette));
        }
    }
    text
}

/// The most compatible earned tag, its alias, and how many more there are.
fn best(earned: &[String]) -> String {
    let shown = list(earned.get(..earned.len().min(3)).unwrap_or_default());
    match earned.len().saturating_sub(3) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

fn list(names: &[String]) -> String {
    names.iter().map(|name| printable(name)).collect::<Vec<_>>().join(", ")
}

fn chain(names: &[String]) -> String {
    names.iter().map(|name| format!("`{}`", printable(name))).collect::<Vec<_>>().join(" > ")
}

/// One binary: its kind, and in detail its imports and search paths.
fn binary(entry: &BinaryEntry, detail: Detail) -> String {
    let mut text = format!("  {}  ({} {} {})\n", printable(&entry.path), entry.format, entry.arch, entry.kind);
    if let Some(identity) = &entry.identity {
        text.push_str(&format!("    is {}\n", printable(identity)));
    }
    if let Some(min_os) = &entry.min_os {
        let signed = match entry.signature {
            Some("linker") => ", signed by the linker",
            Some("adhoc") => ", signed ad hoc",
            Some("certificate") => ", signed with a certificate",
            _ => ", not signed",
        };
        let sdk = entry.sdk.as_deref().unwrap_or_default();
        text.push_str(&format!("    for {min_os} and later, SDK {sdk}{signed}\n"));
    }
    for import in &entry.imports {
        let target = match &import.resolved {
            Some(path) if *path == import.name => String::new(),
            Some(path) => format!(" -> {}", printable(path)),
            None => String::new(),
        };
        let kind = if import.kind == "needed" { "needs" } else { import.kind };
        text.push_str(&format!("    {kind} {}{target}\n", printable(&import.name)));
    }
    for path in &entry.search_paths {
        text.push_str(&format!("    {} {}\n", path.kind, printable(&path.path)));
    }
    if detail == Detail::Verbose {
        for version in &entry.versions {
            text.push_str(&format!("    wants {} of {}\n", printable(&version.version), printable(&version.library)));
        }
    }
    text
}

/// The libraries, one line an origin.
fn libraries(report: &Report, palette: &Palette, text: &mut String) {
    if report.libraries.is_empty() {
        return;
    }
    text.push_str(&format!("\n{}\n", palette.paint(&palette.title, "libraries")));
    for origin in [
        LibraryOrigin::Wheel,
        LibraryOrigin::Provider,
        LibraryOrigin::System,
        LibraryOrigin::External,
        LibraryOrigin::Excluded,
        LibraryOrigin::Missing,
    ] {
        let names: Vec<String> = report
            .libraries
            .iter()
            .filter(|library| library.origin == origin)
            .map(|library| match (&library.path, origin) {
                (Some(path), LibraryOrigin::External) => format!("{} ({path})", library.name),
                _ => library.name.clone(),
            })
            .collect();
        if !names.is_empty() {
            text.push_str(&format!("  {}: {}\n", origin.name(), list(&names)));
        }
    }
}

/// A better tag and all that stands in its way, grouped by file, then library and version.
pub fn next_tag(tag: &NextTag, palette: &Palette, detail: Detail) -> String {
    let others = tag.blockers.iter().filter(|blocker| blocker.symbols.is_empty()).count();
    let what = match (tag.symbol_count, others) {
        (0, _) => format!("resolve {} to reach", counted(others, "obstacle")),
        (1, 0) => "remove this symbol to reach".to_owned(),
        (count, 0) => format!("remove these {count} symbols to reach"),
        (count, _) => {
            format!("remove {} and resolve {} to reach", counted(count, "symbol"), counted(others, "obstacle"))
        }
    };
    let mut text = format!("\n{what} {}\n", palette.paint(&palette.title, &printable(&tag.tag)));
    let mut member = None;
    for blocker in &tag.blockers {
        if member != Some(&blocker.member) {
            member = Some(&blocker.member);
            let name = blocker.member.as_deref().map_or_else(|| "the wheel".to_owned(), printable);
            text.push_str(&format!("  {name}\n"));
            let chains = match detail {
                Detail::Verbose => blocker.chains.len(),
                Detail::Quiet | Detail::Normal => 1,
            };
            for names in blocker.chains.iter().filter(|names| names.len() > 1).take(chains) {
                text.push_str(&format!("    by {}\n", chain(names)));
            }
        }
        if blocker.symbols.is_empty() {
            text.push_str(&format!("    {}[{}]\n", printable(&blocker.message), blocker.code));
            continue;
        }
        let source = match (&blocker.library, &blocker.version) {
            (Some(library), Some(version)) => format!("{} {}", printable(library), printable(version)),
            (Some(one), None) | (None, Some(one)) => printable(one),
            (None, None) => printable(&blocker.message),
        };
        text.push_str(&format!("    {source}: {}\n", symbols(&blocker.symbols, detail)));
    }
    text
}

/// The names of symbols, all or the first few.
fn symbols(names: &[String], detail: Detail) -> String {
    let shown = match detail {
        Detail::Verbose => names.len(),
        Detail::Quiet | Detail::Normal => names.len().min(SYMBOLS_SHOWN),
    };
    let text = list(names.get(..shown).unwrap_or_default());
    match names.len().saturating_sub(shown) {
        0 => text,
        more => format!("{text} and {more} more (-v names them)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn findings_stand_alone_without_colour() {
        insta::assert_snapshot!(findings(&fixture::report(), &Palette::default(), Detail::Normal));
    }

    #[test]
    fn quiet_keeps_errors_only() {
        insta::assert_snapshot!(findings(&fixture::report(), &Palette::default(), Detail::Quiet));
    }

    #[test]
    fn the_summary_says_why_not_better() {
        insta::assert_snapshot!(summary(&fixture::report(), &Palette::default(), Detail::Normal));
    }
}
