//! Findings that only Windows' wheels give: runtimes, delayed and run-time loads, folders that start-up code adds.

use std::collections::{BTreeMap, BTreeSet};

use super::Case;
use super::graph::name_of;
use crate::arch::Arch;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::format::{Format, ImportKind};
use crate::load::{AddedBy, Binary, Edge, Graph, Object, ObjectId, Resolution, Root, RootKind, Via};
use crate::policy::Number;
use crate::policy::windows::{self, Interpreters};

/// Functions that one finding names.
const MAX_NAMED: usize = 5;

/// Returns what is wrong with the binaries of a wheel for Windows on `arch`, beside what every wheel is asked.
pub(super) fn findings(graph: &Graph, binaries: &[Binary], case: &Case<'_>, arch: Arch) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    for root in graph.all_roots() {
        let is_data = graph.data.iter().any(|data| data.object == root.object);
        for edge in &root.edges {
            if seen.insert((edge.importer, edge.import, edge.resolution)) && graph.object(edge.importer).is_wheel() {
                found.extend(windows::old_runtime(graph, edge));
                let lacking = windows::missing_functions(graph, edge);
                // Nothing loads it from where it is installed.
                found.extend(lacking.map(|lacking| if is_data { lacking.at(Severity::Warning) } else { lacking }));
                found.extend(shipped_debug_runtime(graph, edge));
                found.extend(windows::mutex_hazard(graph, edge));
            }
        }
    }
    found.extend(delayed(graph, case));
    found.extend(uncertain_folders(graph, case));
    found.extend(run_time_names(binaries));
    let interpreters = Interpreters::of(case.pythons.as_ref(), arch);
    found.extend(of_newer_pythons(graph, &interpreters));
    if let Some(floor) = &interpreters.floor {
        found.extend(newer_windows(graph, floor, arch));
    }
    found
}

/// Returns true if the import is one that its importer does without on every Windows that Python runs on.
pub(super) fn is_needless(graph: &Graph, edge: &Edge) -> bool {
    let import = graph.import(edge);
    import.kind == ImportKind::Delay && windows::is_optional(graph.object(edge.importer).file_name(), &import.name)
}

/// Returns true if a library that the loader does not find may be in the process by then: nobody imports what needs it, so
/// code loads that at some time, and one module serves for each base name.
pub(super) fn may_be_loaded(graph: &Graph, root: &Root, edge: &Edge) -> bool {
    let Some(other) = edge.elsewhere.map(|id| graph.object(id)) else { return false };
    let is_module = graph.object(root.object).file_name().to_ascii_lowercase().ends_with(".pyd");
    root.kind == RootKind::Library
        && !is_module
        && other.image.format == Format::Pe
        && other.file_name().eq_ignore_ascii_case(&graph.import(edge).name)
}

/// Libraries that are left to those Pythons that bring them, while nothing says which ones are meant (`py3`).
fn of_newer_pythons(graph: &Graph, interpreters: &Interpreters) -> Vec<Diagnostic> {
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for edge in graph.all_roots().flat_map(|root| &root.edges) {
        let name = &graph.import(edge).name;
        let is_left = edge.resolution == Resolution::Python && interpreters.may_provide(name);
        if is_left && seen.insert((edge.importer, edge.import)) {
            found.push(windows::of_newer_pythons(name).member(name_of(graph.object(edge.importer))));
        }
    }
    found
}

/// Returns the finding about a missing library that is a runtime, or that loading can do without; `None` for others.
pub(super) fn missing(graph: &Graph, edge: &Edge) -> Option<Diagnostic> {
    let import = graph.import(edge);
    let name = &import.name;
    if windows::is_debug_runtime(name) {
        let message = format!("needs `{name}`, which only developers' machines have: it is a debug build");
        return Some(Diagnostic::new(Code::TW216, message).help("build it in release mode"));
    }
    if windows::is_runtime(name) && edge.elsewhere.is_none() {
        let message = format!("needs `{name}`, which is neither in the wheel nor given by Windows or Python");
        return Some(Diagnostic::new(Code::TW301, message).help(
            "let `truewheel repair` vendor it from a Visual C++ redistributable: `--lib-path` with its folder, or with \
             the unpacked `msvc-runtime` of PyPI",
        ));
    }
    let how = match import.kind {
        ImportKind::Delay => "when it is first used",
        ImportKind::Reexport => "when a function is asked for that the binary forwards to it",
        _ => return None,
    };
    let message = format!("needs `{name}` {how}, and it is neither in the wheel nor given by Windows");
    Some(Diagnostic::new(Code::TW301, message).at(Severity::Warning))
}

fn target<'g>(graph: &'g Graph, edge: &Edge) -> Option<(ObjectId, &'g Object)> {
    match edge.resolution {
        Resolution::Object(id) => Some((id, graph.object(id))),
        _ => None,
    }
}

fn shipped_debug_runtime(graph: &Graph, edge: &Edge) -> Option<Diagnostic> {
    let (_, runtime) = target(graph, edge).filter(|(_, object)| windows::is_debug_runtime(object.file_name()))?;
    let message = format!("needs the debug runtime `{}`, which may not be given to others", name_of(runtime));
    let found = Diagnostic::new(Code::TW216, message).at(Severity::Warning);
    Some(found.member(name_of(graph.object(edge.importer))).help("build it in release mode"))
}

/// DLLs of the wheel that nothing but a delayed import asks for: its helper calls `LoadLibraryExA` without flags.
fn delayed(graph: &Graph, case: &Case<'_>) -> Vec<Diagnostic> {
    let mut found: BTreeMap<(String, String), Diagnostic> = BTreeMap::new();
    for root in &graph.roots {
        let is_eager = |id: ObjectId| {
            root.object == id
                || root.edges.iter().any(|edge| {
                    edge.resolution == Resolution::Object(id) && graph.import(edge).kind == ImportKind::Needed
                })
        };
        for edge in root.edges.iter().filter(|edge| graph.import(edge).kind == ImportKind::Delay) {
            let Some((id, object)) = target(graph, edge).filter(|(_, object)| object.is_wheel()) else { continue };
            if is_needless(graph, edge) {
                continue;
            }
            // Code that loads DLLs by their paths has loaded it before.
            let directory = format!("/{}", object.location.rsplit_once('/').map_or("", |(directory, _)| directory));
            let is_loaded = case.added.iter().any(|added| added.path == directory && added.by == AddedBy::Package);
            if is_eager(id) || is_loaded {
                continue;
            }
            let (member, name) = (name_of(graph.object(edge.importer)), name_of(object));
            let message = format!(
                "delays loading `{name}`: the helper that does it looks neither beside the extension nor where start-up \
                 code points"
            );
            found.entry((member.clone(), name)).or_insert_with(|| {
                Diagnostic::new(Code::TW311, message)
                    .member(member)
                    .help("`truewheel repair` makes the import an ordinary one; or link without `/DELAYLOAD`")
            });
        }
    }
    found.into_values().collect()
}

/// Folders that only code adds which was not understood.
fn uncertain_folders(graph: &Graph, case: &Case<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for added in case.added.iter().filter(|added| !added.is_certain) {
        let used = graph.all_roots().flat_map(|root| &root.edges).find_map(|edge| {
            let (_, object) = target(graph, edge).filter(|_| edge.via == Via::Added)?;
            let directory = object.location.rsplit_once('/').map_or("", |(directory, _)| directory);
            let own = graph.object(edge.importer).location.rsplit_once('/').map_or("", |(directory, _)| directory);
            (added.path.trim_start_matches('/') == directory && own != directory).then(|| name_of(object))
        });
        if let Some(name) = used {
            let message = format!(
                "loads DLLs by code that is not understood; `{name}` and others count as found because it names their folder"
            );
            found.push(Diagnostic::new(Code::TW310, message).member(&added.member));
        }
    }
    found
}

/// DLLs of the wheel that a binary names in its text without importing them.
fn run_time_names(binaries: &[Binary]) -> Vec<Diagnostic> {
    let own: BTreeMap<String, &str> =
        binaries.iter().map(|binary| (binary.file_name().to_ascii_lowercase(), binary.member.as_str())).collect();
    let mut found = Vec::new();
    for binary in binaries {
        let named: Vec<String> = binary
            .named
            .iter()
            .filter(|name| name.ends_with(".dll") && **name != binary.file_name().to_ascii_lowercase())
            .filter_map(|name| own.get(name.as_str()).map(|member| format!("`{member}`")))
            .collect();
        if !named.is_empty() {
            let message = format!("names {} without importing it: it may load it when it runs", few(&named));
            found.push(Diagnostic::new(Code::TW312, message).member(&binary.member));
        }
    }
    found
}

/// Libraries and functions that came with a newer Windows than the oldest one on which the wheel's Pythons run.
fn newer_windows(graph: &Graph, floor: &Number, arch: Arch) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut libraries: BTreeMap<(String, Number), Vec<String>> = BTreeMap::new();
    for (_, object) in graph.wheel_objects() {
        let image = &object.image;
        let member = name_of(object);
        let mut functions: BTreeMap<Number, Vec<String>> = BTreeMap::new();
        let wanted = functions_by_import(object);
        for (index, import) in image.imports.iter().enumerate() {
            // Delayed imports are for what may be missing.
            if import.kind != ImportKind::Needed {
                continue;
            }
            let since = windows::since(&import.name, arch).filter(|_| windows::ambiguity(&import.name).is_none());
            if let Some(since) = since.filter(|since| since > floor) {
                libraries.entry((import.name.to_ascii_lowercase(), since)).or_default().push(member.clone());
                continue;
            }
            for &symbol in wanted.get(&index).into_iter().flatten() {
                if let Some(since) = windows::function_since(&import.name, symbol).filter(|since| since > floor) {
                    functions.entry(since).or_default().push(format!("`{symbol}`"));
                }
            }
        }
        if let Some((since, _)) = functions.last_key_value() {
            let all: Vec<String> = functions.values().flatten().cloned().collect();
            let message = format!(
                "needs {}, documented from {} on; the wheel's Pythons run on {} too",
                few(&all),
                windows::release_name(since),
                windows::release_name(floor)
            );
            found.push(Diagnostic::new(Code::TW417, message).member(&member).at(Severity::Note));
        }
    }
    for ((name, since), members) in libraries {
        let message = format!(
            "needs `{name}`, which Windows has from {} on; the wheel's Pythons run on {} too{}",
            windows::release_name(&since),
            windows::release_name(floor),
            match members.len() - 1 {
                0 => String::new(),
                1 => "; so does one more binary".to_owned(),
                more => format!("; so do {more} more binaries"),
            }
        );
        found.extend(members.first().map(|member| Diagnostic::new(Code::TW417, message).member(member)));
    }
    found
}

/// The functions that a binary needs of each of its imports, by the import's place.
fn functions_by_import(object: &Object) -> BTreeMap<usize, Vec<&str>> {
    let mut wanted: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
    for symbol in &object.symbols.undefined {
        if let Some(import) = symbol.import {
            wanted.entry(usize::from(import)).or_default().push(&symbol.name);
        }
    }
    wanted
}

/// A list for people, cut where it is long.
fn few(names: &[String]) -> String {
    match names.get(..MAX_NAMED) {
        Some(first) if names.len() > MAX_NAMED => {
            format!("{} and {} more", first.join(", "), names.len() - MAX_NAMED)
        }
        _ => names.join(", "),
    }
}
