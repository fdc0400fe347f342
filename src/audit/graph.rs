//! The graph in the report, and findings about it: TW301 to TW309.

use std::collections::BTreeSet;

use super::Case;
use super::tags::Judged;
use super::windows;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::format::{Format, ImportKind};
use crate::load::{Edge, Graph, Object, ObjectId, Origin, Resolution, Root, Why};
use crate::report::{LibraryEntry, LibraryOrigin, Report};
use crate::tag::PlatformTag;

/// Puts what was resolved into the binaries of a report, and lists the libraries.
pub fn fill(report: &mut Report, graph: &Graph) {
    for (id, object) in graph.wheel_objects() {
        // The wheel's objects come first and in the order of the binaries.
        let Some(entry) = report.binaries.get_mut(id.0) else { break };
        if object.member.as_deref() != Some(entry.path.as_str()) {
            continue;
        }
        for edge in graph.edges_of(id) {
            if let (Some(import), Resolution::Object(target)) = (entry.imports.get_mut(edge.import), edge.resolution)
                && import.resolved.is_none()
            {
                import.resolved = Some(name_of(graph.object(target)));
            }
        }
    }
    for library in graph.libraries() {
        let origin = match library.origin {
            Origin::Wheel => LibraryOrigin::Wheel,
            Origin::Provider(_) => LibraryOrigin::Provider,
            Origin::System => LibraryOrigin::System,
            Origin::External(_) => LibraryOrigin::External,
            Origin::Excluded => LibraryOrigin::Excluded,
            Origin::Missing => LibraryOrigin::Missing,
        };
        let mut entry = LibraryEntry::new(library.name, origin, library.path);
        entry.needed_by = library.importers.iter().map(|id| name_of(graph.object(*id))).collect();
        entry.needed_by.sort();
        entry.needed_by.dedup();
        report.libraries.push(entry);
    }
}

/// Returns the archive name or path of an object.
pub(crate) fn name_of(object: &Object) -> String {
    match object.external_path() {
        Some(path) => path.display().to_string(),
        None => object.display_name().to_owned(),
    }
}

/// Returns what is wrong with who loads what.
pub(super) fn findings(graph: &Graph, case: &Case<'_>, judged: &Judged) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    for root in graph.all_roots() {
        for edge in &root.edges {
            let import = graph.import(edge);
            if !seen.insert((edge.importer, edge.import, edge.resolution)) {
                continue;
            }
            let member = name_of(graph.object(edge.importer));
            let finding = match edge.resolution {
                // The judgement of a claimed tag has said so already.
                Resolution::Missing if judged.named(&member, &import.name) => None,
                // What no app can take is said of the binary itself (TW415).
                Resolution::Missing if case.claimed.iter().any(|tag| matches!(tag, PlatformTag::Ios { .. })) => None,
                Resolution::Missing if windows::is_needless(graph, edge) => None,
                Resolution::Missing if import.kind == ImportKind::Weak => Some(Diagnostic::new(
                    Code::TW309,
                    format!("may use `{}`, which is nowhere; loading goes on without it", import.name),
                )),
                Resolution::Missing => Some(missing(graph, root, edge, case)),
                Resolution::Excluded => Some(Diagnostic::new(
                    Code::TW304,
                    format!("needs `{}`, which is left to the user's machine", import.name),
                )),
                Resolution::Object(_) | Resolution::System | Resolution::Python => None,
            };
            found.extend(finding.map(|finding| finding.member(&member).chain(graph.chain(edge.importer))));
            found.extend(wrong_machine(graph, edge).map(|finding| finding.member(&member)));
        }
    }
    found.extend(one_name(graph));
    found
}

fn missing(graph: &Graph, root: &Root, edge: &Edge, case: &Case<'_>) -> Diagnostic {
    let name = &graph.import(edge).name;
    let absolute = edge.tried.iter().find(|attempt| attempt.why == Why::NotSearched);
    let is_data = graph.data.iter().any(|data| data.object == root.object);
    if is_data {
        let message = format!("needs `{name}`, which is nowhere; nothing loads the binary from where it is installed");
        return Diagnostic::new(Code::TW307, message);
    }
    let own_machine =
        !case.claimed.is_empty() && case.claimed.iter().all(|tag| matches!(tag, PlatformTag::Linux { .. }));
    // A wheel for the machine it was built on may count on what that machine has; a bare binary on what is beside it.
    let may_be_loaded = windows::may_be_loaded(graph, root, edge);
    let severity = if own_machine || case.bare || may_be_loaded { Severity::Warning } else { Severity::Error };
    if graph.object(edge.importer).image.format == Format::Pe
        && let Some(found) = windows::missing(graph, edge)
    {
        return match (case.bare, found.severity) {
            (true, Severity::Error) => found.at(Severity::Warning),
            _ => found,
        };
    }
    if let Some(attempt) = absolute {
        let place = attempt.path.rsplit_once('/').map_or(attempt.path.as_str(), |(folder, _)| folder);
        let message =
            format!("needs `{name}`, which is not in the wheel; only the absolute path `{place}` may lead to it");
        return Diagnostic::new(Code::TW305, message)
            .at(severity)
            .help("let `truewheel repair` vendor it, or leave it to the user's machine with `--exclude`");
    }
    let message = match edge.elsewhere {
        Some(other) => format!(
            "needs `{name}`, which is in the wheel as `{}`, where the loader does not look from here{}",
            name_of(graph.object(other)),
            if may_be_loaded { "; it serves if it is loaded before" } else { "" }
        ),
        None if case.bare => format!("needs `{name}`, which is not given by the platform"),
        None => format!("needs `{name}`, which is neither in the wheel nor given by the platform"),
    };
    Diagnostic::new(Code::TW301, message)
        .at(severity)
        .help("let `truewheel repair` vendor it, or leave it to the user's machine with `--exclude`")
}

fn wrong_machine(graph: &Graph, edge: &Edge) -> Option<Diagnostic> {
    edge.tried
        .iter()
        .find_map(|attempt| match attempt.why {
            Why::WrongMachine(arch) => Some(Diagnostic::new(
                Code::TW302,
                format!(
                    "`{}` of that name is for {}; the loader passes over it",
                    attempt.path,
                    graph.object(edge.importer).image.format.arch_name(arch)
                ),
            )),
            _ => None,
        })
        .map(|finding| {
            let name = &graph.import(edge).name;
            Diagnostic { message: format!("needs `{name}`: {}", finding.message), ..finding }
        })
}

/// Different libraries of the wheel under one name, loaded by different roots.
fn one_name(graph: &Graph) -> Vec<Diagnostic> {
    let mut found: Vec<Diagnostic> = Vec::new();
    let libraries = graph.libraries();
    let objects: Vec<(&str, ObjectId)> = libraries
        .iter()
        .filter(|library| library.origin == Origin::Wheel)
        .filter_map(|library| library.object.map(|id| (library.name.as_str(), id)))
        .collect();
    for (index, (name, first)) in objects.iter().enumerate() {
        let other = objects.get(index + 1).filter(|(other, id)| other == name && id != first);
        if let Some((_, second)) = other {
            let message = format!(
                "is loaded as `{name}` by one part of the wheel, and `{}` by another; in one process the first serves both",
                name_of(graph.object(*second))
            );
            found.push(Diagnostic::new(Code::TW303, message).member(name_of(graph.object(*first))));
        }
    }
    found
}
