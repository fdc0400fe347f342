//! Proving: the result is read again and judged by the same code; a difference from the plan is an error.

use std::collections::BTreeSet;

use super::apply::{Making, Staged};
use super::batch::Finished;
use super::draft::{base, effective_search_path};
use super::links::Links;
use super::make::Input;
use super::paths;
use super::plan::Plan;
use super::rules::{Given, Rules};
use crate::diagnostic::{Code, Diagnostic};
use crate::error::{Error, Result};
use crate::format::{Edit, EditSet, Format, Image};
use crate::load::{self, AddedDirectory, Binary, Graph, ObjectId, Resolution};
use crate::policy;
use crate::wheel::record::Record;
use crate::wheel::{FaultLevel, Wheel};

/// What the result turned out to be.
#[derive(Debug)]
pub(super) struct Proof {
    /// Its binaries.
    pub binaries: Vec<Binary>,
    /// Who loads what in it.
    pub graph: Graph,
    /// What its bytes earn.
    pub earned: policy::Earned,
    /// Every difference from what was planned.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads the result and compares it with the plan. Facts of members that were copied raw are kept from the input.
///
/// # Errors
/// `Io` or `Malformed` if the result cannot be read at all.
pub(super) fn prove(
    result: &Wheel,
    input: &Input<'_>,
    plan: &Plan,
    making: Making<'_>,
    staged: &Staged,
) -> Result<Proof> {
    let Making { options, batch, .. } = making;
    let mut diagnostics = Vec::new();
    let mut failed = |member: Option<&str>, message: String| {
        let diagnostic = Diagnostic::new(Code::TW901, message);
        diagnostics.push(match member {
            Some(member) => diagnostic.member(member),
            None => diagnostic,
        });
    };
    for fault in result.faults().iter().filter(|fault| fault.level == FaultLevel::Error) {
        failed(fault.member.as_deref(), format!("the result's archive is not sound: {}", fault.message));
    }
    let binaries = binaries(result, input, staged, &batch.finished)?;
    for message in record_differences(result)? {
        failed(None, message);
    }
    for (member, edits) in expected_edits(plan) {
        let slices: Vec<&Image> =
            binaries.iter().filter(|binary| binary.member == member).map(|binary| &*binary.image).collect();
        // Of what is no binary (a program database) there is nothing to compare but that it is there.
        if slices.is_empty() && (!edits.is_empty() || result.member(&member).is_none()) {
            failed(Some(&member), "is not in the result".into());
        }
        for message in edit_differences(&slices, edits) {
            failed(Some(&member), message);
        }
    }
    let rules = Rules {
        given: Given::Any(
            policy::Given::new(&options.policies, input.target().platform, input.target().arch)
                .for_pythons(Some(input.pythons)),
        ),
        exclude: &options.exclude,
        recorded: plan.recorded.excluded.iter().cloned().collect(),
        plan: None,
    };
    let mut universe = input.universe(&binaries);
    for code in &plan.startup {
        let package = input.places.packages.iter().find(|(_, init)| **init == code.member).map(|(folder, _)| folder);
        let Some(here) = package else { continue };
        for folder in code.folders.iter().filter_map(|folder| paths::joined(here, folder)) {
            universe = universe.with_added_directory(AddedDirectory::of_package(format!("/{folder}"), &**here));
        }
    }
    let graph = load::resolve_each(&universe, input.targets, |_| &rules)?;
    let links = Links::of(&graph);
    for (importer, name) in inside_edges(plan, &binaries, &links) {
        failed(Some(&importer), format!("`{name}` does not resolve inside the result"));
    }
    let mut judged = policy::Subject::of(&graph, policy::Externals::Absent);
    if options.any_processor {
        judged = judged.tolerating(Code::TW405);
    }
    let earned = policy::earned(&options.policies, &judged, plan.tags.after.tags.platforms());
    drop(judged);
    for tag in plan.tags.after.tags.platforms() {
        if !earned.holds(&tag.normalized()) && !earned.holds(tag) {
            failed(None, format!("`{tag}` is not earned by the final bytes"));
        }
    }
    drop(links);
    drop(universe);
    Ok(Proof { binaries, graph, earned, diagnostics })
}

/// The binaries of the result: changed ones read, the others as they were; what was read back for an earlier wheel is
/// not read again.
fn binaries(result: &Wheel, input: &Input<'_>, staged: &Staged, finished: &Finished) -> Result<Vec<Binary>> {
    let mut binaries: Vec<Binary> = input
        .binaries
        .iter()
        .filter(|binary| !staged.changed.contains(&binary.member) && result.member(&binary.member).is_some())
        .cloned()
        .collect();
    let layout = load::layout_of(result);
    let mut unread = BTreeSet::new();
    for member in &staged.changed {
        let copied = finished.get(member);
        match copied.as_ref().and_then(|copied| copied.proven_in(result, member)) {
            Some(proven) => {
                let installed = layout.installed(member);
                binaries.extend(proven.iter().map(|binary| binary.clone().installed_as(&installed)));
            }
            None => _ = unread.insert(member.as_str()),
        }
    }
    let inventory = load::inspect_members(result, |member| unread.contains(member.name()));
    if let Some(unreadable) = inventory.unreadable.first() {
        return Err(Error::new(crate::ErrorKind::Internal, unreadable.error.to_string()).about(&unreadable.member));
    }
    for (member, copied) in unread.into_iter().filter_map(|member| Some((member, finished.get(member)?))) {
        copied.prove(inventory.binaries.iter().filter(|binary| binary.member == member).cloned().collect());
    }
    binaries.extend(inventory.binaries);
    binaries.sort_by(|a, b| (&a.member, a.image.slice.start).cmp(&(&b.member, b.image.slice.start)));
    Ok(binaries)
}

/// Members without a row, and rows without a member.
pub(crate) fn record_differences(result: &Wheel) -> Result<Vec<String>> {
    let Some(member) = result.dist_info_member("RECORD") else { return Ok(vec!["the result has no RECORD".into()]) };
    let record = Record::read(&result.read_small(member)?)?;
    let rows: BTreeSet<String> = record.rows().iter().map(crate::wheel::record::RecordRow::member).collect();
    let mut differences = Vec::new();
    for member in result.members() {
        if !rows.contains(member.name()) {
            differences.push(format!("`{}` is not in the result's RECORD", member.name()));
        }
    }
    let missing = rows.iter().filter(|row| result.member(row).is_none());
    differences.extend(missing.map(|row| format!("the result's RECORD names `{row}`, which is not there")));
    Ok(differences)
}

fn expected_edits(plan: &Plan) -> impl Iterator<Item = (String, &EditSet)> {
    let own = plan.edits.iter().map(|edit| (edit.moved.clone().unwrap_or_else(|| edit.member.clone()), &edit.edits));
    own.chain(plan.vendored.iter().map(|library| (library.member.clone(), &library.edits)))
}

/// Edits that the final facts of the slices do not show.
fn edit_differences(slices: &[&Image], edits: &EditSet) -> Vec<String> {
    let mut differences = Vec::new();
    let every = |holds: &dyn Fn(&Image) -> bool| slices.iter().all(|image| holds(image));
    let names = |image: &Image, name: &str| {
        let same = |other: &str| match image.format {
            Format::Pe => other.eq_ignore_ascii_case(name),
            Format::Elf | Format::MachO => other == name,
        };
        image.imports.iter().any(|import| same(&import.name))
    };
    for edit in edits.edits() {
        let holds = match edit {
            Edit::SetIdentity(name) => every(&|image| image.identity.as_deref() == Some(name)),
            Edit::ReplaceImport { from, to } => {
                slices.iter().any(|image| names(image, to)) && every(&|image| !names(image, from))
            }
            // A DLL is imported with a function: `foo.dll!function`.
            Edit::AddImport(name) => every(&|image| {
                names(image, name.split_once('!').filter(|_| image.pe().is_some()).map_or(name, |(dll, _)| dll))
            }),
            Edit::RemoveImport(name) => every(&|image| !names(image, name)),
            Edit::SetSearchPath { paths, .. } => every(&|image| {
                let now = effective_search_path(image);
                now.len() == paths.len() && now.iter().zip(paths).all(|(a, b)| *a == b.as_str())
            }),
            Edit::DropRepeatedSearchPaths => every(&|image| {
                let mut seen = BTreeSet::new();
                image.search_paths.iter().all(|search| seen.insert((search.kind, search.path.as_str())))
            }),
            Edit::RemoveSearchPath(path) => every(&|image| image.search_paths.iter().all(|other| other.path != *path)),
            _ => true,
        };
        if !holds {
            differences.push(format!("`{edit}` was not carried out"));
        }
    }
    differences
}

/// Imports that were to resolve inside the result and do not.
fn inside_edges(plan: &Plan, binaries: &[Binary], links: &Links<'_>) -> Vec<(String, String)> {
    let vendored: BTreeSet<&str> =
        plan.vendored.iter().map(|library| library.member.rsplit('/').next().unwrap_or_default()).collect();
    let mut unresolved = BTreeSet::new();
    for (index, binary) in binaries.iter().enumerate() {
        let member = binary.member.as_str();
        for edge in links.edges_of(ObjectId(index)) {
            let name = links.graph.import(edge).name.as_str();
            let inside = matches!(edge.resolution, Resolution::Object(_));
            if vendored.contains(base(name)) && !inside {
                unresolved.insert((member.to_owned(), name.to_owned()));
            }
        }
    }
    unresolved.into_iter().collect()
}
