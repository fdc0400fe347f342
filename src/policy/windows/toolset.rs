//! Runtimes of Visual C++ against what was built for them: what an older one lacks, and what crashes in it.

use super::functions::{Lacking, lacking, name_of};
use super::runtimes::{Mutex, is_older_toolset, is_runtime, mutex, unmangled};
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::format::Image;
use crate::load::{Edge, Graph, Object, Resolution};
use crate::policy::Number;

/// Returns the finding about an import that is answered by a runtime older than its importer was built for.
///
/// It is an error where the process would certainly end: the runtime lacks a function, or a `std::mutex` crashes in it. Else
/// the importer is of a newer toolset, for which Microsoft promises nothing, and it is a warning.
pub fn old_runtime(graph: &Graph, edge: &Edge) -> Option<Diagnostic> {
    let Resolution::Object(runtime) = edge.resolution else { return None };
    let (importer, runtime) = (graph.object(edge.importer), graph.object(runtime));
    if !is_runtime(runtime.file_name()) {
        return None;
    }
    let (has, needs) = (runtime_version(&runtime.image)?, linker(&importer.image)?);
    let name = name_of(runtime);
    let lacking = lacking(graph, edge, runtime);
    let (message, is_fatal) = if let Lacking::Functions(functions) = lacking {
        (format!("needs {functions}, which `{name}` of {}.{} does not have", has.0, has.1), true)
    } else if crashes(importer, runtime) {
        let made = format!("makes `std::mutex` as toolset {}.{} does", needs.0, needs.1);
        (format!("{made}, which crashes in `{name}` of {}.{}", has.0, has.1), true)
    } else if has.0 == needs.0 && is_older_toolset(has, needs) {
        // Runtimes of one major version replace each other; of another they have another name.
        let linked = format!("was linked by toolset {}.{}, and `{name}` is of {}.{}", needs.0, needs.1, has.0, has.1);
        (format!("{linked}: a runtime may not be older than what needs it"), false)
    } else if let Lacking::Unknown(why) = lacking {
        (format!("needs `{name}`, which may not have all of its functions: {why}"), false)
    } else {
        return None;
    };
    let found = Diagnostic::new(Code::TW215, message).member(name_of(importer));
    let found = if is_fatal { found.at(Severity::Error) } else { found };
    Some(found.help("vendor the runtime of the newest toolset that was used"))
}

/// Returns the finding about a `std::mutex` as newer toolsets make it, which crashes in an older runtime: the first runtime
/// in a process serves all, unless it has a name of its own.
pub fn mutex_hazard(graph: &Graph, edge: &Edge) -> Option<Diagnostic> {
    let rule = mutex();
    let importer = graph.object(edge.importer);
    if unmangled(&graph.import(edge).name) != rule.library || !makes_mutex(importer, rule) {
        return None;
    }
    let own = match edge.resolution {
        Resolution::Object(id) => Some(graph.object(id)).filter(|object| object.is_wheel()),
        _ => None,
    };
    // Under its own name the copy of another package may be in the process already; an older one is told of anyway.
    let is_private = |object: &Object| unmangled(object.file_name()) != object.file_name().to_ascii_lowercase();
    if own.is_some_and(|object| is_private(object) || crashes(importer, object)) {
        return None;
    }
    let (major, minor) = linker(&importer.image)?;
    let message = format!(
        "uses `std::mutex` as toolset {major}.{minor} makes it, which crashes if another package has loaded an older `{}` \
         before",
        rule.library
    );
    let leave_out = if own.is_some() { "leave the wheel's own copy out and " } else { "" };
    Some(Diagnostic::new(Code::TW214, message).member(name_of(importer)).help(format!(
        "compile with `_DISABLE_CONSTEXPR_MUTEX_CONSTRUCTOR`, or {leave_out}let `truewheel repair` vendor `{}` {} or newer \
         under a name of its own",
        rule.library, rule.linker
    )))
}

/// Whether a mutex of the importer crashes in this very runtime.
fn crashes(importer: &Object, runtime: &Object) -> bool {
    let rule = mutex();
    let version = runtime_version(&runtime.image).and_then(number);
    unmangled(runtime.file_name()) == rule.library
        && version.is_some_and(|version| version < rule.linker)
        && makes_mutex(importer, rule)
}

/// Whether a binary makes its mutexes so that an older runtime does not know them.
fn makes_mutex(importer: &Object, rule: &Mutex) -> bool {
    let imports = |function: &str| importer.symbols.undefined.iter().any(|symbol| &*symbol.name == function);
    let is_new = linker(&importer.image).and_then(number).is_some_and(|linker| linker >= rule.linker);
    is_new && !is_runtime(importer.file_name()) && imports(&rule.function) && !imports(&rule.without)
}

/// The version of the toolset that linked a binary.
fn linker(image: &Image) -> Option<(u16, u16)> {
    let (major, minor) = image.pe()?.linker_version;
    Some((u16::from(major), u16::from(minor)))
}

/// The version of a runtime, as far as toolsets tell it apart.
fn runtime_version(image: &Image) -> Option<(u16, u16)> {
    let [major, minor, ..] = image.pe()?.stated_version();
    Some((major, minor))
}

fn number((major, minor): (u16, u16)) -> Option<Number> {
    Number::parse(&format!("{major}.{minor}"))
}
