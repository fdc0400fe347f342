//! Functions that a DLL lacks of what is asked of it: the loader refuses whoever asks.

use super::runtimes::is_runtime;
use crate::diagnostic::{Code, Diagnostic};
use crate::format::ImportKind;
use crate::load::{Edge, Graph, Object, Resolution};

/// Functions that one finding names.
const MAX_NAMED: usize = 3;

/// Returns the finding about an import that is answered by a DLL without the functions that are needed of it: another
/// version, or another library of that name. Of Visual C++'s runtimes [`old_runtime`](super::old_runtime) says more.
pub fn missing_functions(graph: &Graph, edge: &Edge) -> Option<Diagnostic> {
    let Resolution::Object(library) = edge.resolution else { return None };
    let (importer, library) = (graph.object(edge.importer), graph.object(library));
    // What code of two machines exports depends on who asks.
    let is_hybrid = |object: &Object| object.image.pe().is_none_or(|facts| facts.hybrid.is_some());
    if is_runtime(library.file_name()) || is_hybrid(importer) || is_hybrid(library) {
        return None;
    }
    let Lacking::Functions(functions) = lacking(graph, edge, library) else { return None };
    let message = format!("needs {functions}, which `{}` does not have", name_of(library));
    Some(
        Diagnostic::new(Code::TW313, message)
            .member(name_of(importer))
            .help("use the build of the DLL that the binary was linked with"),
    )
}

/// What a DLL lacks of what an importer asks of it.
pub(super) enum Lacking {
    /// Nothing that the loader would look for.
    Nothing,
    /// Functions that the loader would look for in vain, for people.
    Functions(String),
    /// Not all of its exports could be read; why.
    Unknown(String),
}

/// Returns what the loader would look for in vain in `library` when it loads the importer.
pub(super) fn lacking(graph: &Graph, edge: &Edge, library: &Object) -> Lacking {
    if graph.import(edge).kind != ImportKind::Needed {
        return Lacking::Nothing;
    }
    let importer = graph.object(edge.importer);
    let of = importer.symbols.undefined.iter().filter(|symbol| symbol.import.map(usize::from) == Some(edge.import));
    let lacking: Vec<String> = of
        .filter(|symbol| library.symbols.exports.find(&symbol.name).is_empty())
        .map(|symbol| format!("`{}`", symbol.name))
        .collect();
    match (&library.symbols.unread_exports, lacking.get(..MAX_NAMED)) {
        _ if lacking.is_empty() => Lacking::Nothing,
        (Some(why), _) => Lacking::Unknown(why.clone()),
        (None, Some(first)) if lacking.len() > MAX_NAMED => {
            Lacking::Functions(format!("{} and {} more functions", first.join(", "), lacking.len() - MAX_NAMED))
        }
        (None, _) => Lacking::Functions(lacking.join(", ")),
    }
}

/// An object for people: its name in the wheel, or its path.
pub(super) fn name_of(object: &Object) -> String {
    object.external_path().map_or_else(|| object.display_name().to_owned(), |path| path.display().to_string())
}
