//! What is copied in: each library with all that is known of it, and what lies beside it.

use std::collections::BTreeMap;

use super::draft::Decided;
use super::make::Input;
use super::options::Options;
use super::plan::{Source, VendoredLibrary};
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::error::Result;
use crate::format::EditSet;
use crate::load::{Files, Graph, ObjectId, Sysroot};
use crate::origin;
use crate::wheel::write::Sums;

/// Everything that is copied in: what is needed, and what was included.
pub(super) fn vendored(
    decided: &Decided,
    graph: &Graph,
    sums: &BTreeMap<ObjectId, Sums>,
    input: &Input<'_>,
    options: &Options,
    diagnostics: &mut Vec<Diagnostic>,
) -> Result<Vec<VendoredLibrary>> {
    let mut libraries: BTreeMap<String, VendoredLibrary> = BTreeMap::new();
    for draft in &decided.vendored {
        let mut sources: Vec<Source> = Vec::new();
        for (id, object) in draft.slices.iter().map(|id| (id, graph.object(*id))) {
            let Some(path) = object.external_path() else { continue };
            if sources.iter().all(|source| source.path != path) {
                let sums = sums.get(id).copied().unwrap_or_default();
                sources.push(Source::new(path.to_path_buf(), sums, Some(&object.image)));
            }
        }
        let mut sources = sources.into_iter();
        let Some(source) = sources.next() else { continue };
        let (member, direct) = (draft.member.clone(), draft.direct);
        let library = VendoredLibrary {
            member: member.clone(),
            source,
            joined: sources.collect(),
            edits: draft.edits.clone(),
            needed: draft.needed.clone(),
            direct,
        };
        // Two files of the same bytes become one copy.
        libraries.entry(member).and_modify(|other| other.direct |= direct).or_insert(library);
    }
    for (_, object) in graph.wheel_objects() {
        let Some(member) = &object.member else { continue };
        let Some(source) = input.included.get(member) else { continue };
        let edit = decided.edits.iter().find(|edit| edit.member == *member);
        let sum = input.files.sums(source)?;
        libraries.insert(
            member.clone(),
            VendoredLibrary {
                member: member.clone(),
                source: Source::new(source.clone(), sum, Some(&object.image)),
                joined: Vec::new(),
                edits: edit.map(|edit| edit.edits.clone()).unwrap_or_default(),
                needed: Vec::new(),
                direct: true,
            },
        );
    }
    let mut libraries: Vec<VendoredLibrary> = libraries.into_values().collect();
    if options.sbom {
        packages(&mut libraries, options, diagnostics);
    }
    Ok(libraries)
}

/// The program database that lies beside a vendored DLL, to lie beside its copy; it keeps the name by which debuggers
/// look for it.
pub(super) fn program_database(library: &VendoredLibrary, files: &Files) -> Option<VendoredLibrary> {
    let source = library.source.path.with_extension("pdb");
    let folder = library.member.rsplit_once('/').map_or("", |(folder, _)| folder);
    let name = source.file_name()?.to_str()?;
    let sum = files.sums(&source).ok()?;
    let member = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
    Some(VendoredLibrary {
        member,
        source: Source::new(source, sum, None),
        joined: Vec::new(),
        edits: EditSet::default(),
        needed: Vec::new(),
        direct: false,
    })
}

/// Asks the package databases whose files the libraries are.
fn packages(libraries: &mut [VendoredLibrary], options: &Options, diagnostics: &mut Vec<Diagnostic>) {
    let sysroot = options.search.sysroot.as_deref().and_then(|root| Sysroot::new(root).ok());
    let host = Sysroot::host();
    let mut asked: BTreeMap<bool, Vec<(usize, String)>> = BTreeMap::new();
    let mut sources: Vec<&mut Source> = libraries
        .iter_mut()
        .flat_map(|library| std::iter::once(&mut library.source).chain(&mut library.joined))
        .collect();
    for (index, source) in sources.iter().enumerate() {
        let inside = sysroot.as_ref().and_then(|view| view.inside(&source.path));
        match inside {
            Some(path) => asked.entry(true).or_default().push((index, path)),
            None => {
                if let Some(path) = host.inside(&source.path) {
                    asked.entry(false).or_default().push((index, path));
                }
            }
        }
    }
    for (in_sysroot, files) in asked {
        let view = if in_sysroot { sysroot.as_ref().unwrap_or(&host) } else { &host };
        let paths: Vec<&str> = files.iter().map(|(_, path)| path.as_str()).collect();
        let found = origin::lookup_all(view, &paths);
        for ((index, _), package) in files.iter().zip(found.packages) {
            if let Some(source) = sources.get_mut(*index) {
                source.package = package;
            }
        }
        for note in found.notes {
            diagnostics.push(Diagnostic::new(Code::TW703, note.to_string()).at(Severity::Note));
        }
    }
}
