//! The dependency tree: each import of each object, what it became and by which rule, for people and as JSON.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::SCHEMA;
use super::human::{Detail, Palette};
use super::text::printable;
use crate::format::Format;
use crate::load::{Attempt, Edge, Graph, ObjectId, Resolution, Root, RootKind, SourceKind, Via, Why};

/// What a tree is drawn of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A wheel: paths are those after install, relative to the prefix.
    Wheel,
    /// A file or a folder that lies where it is loaded: paths are those of the disk, without the first `/`.
    Disk,
}

/// Returns the trees of a graph as JSON, one line.
pub fn json(path: &str, graph: &Graph, place: Place) -> String {
    let roots: Vec<Value> = graph.all_roots().map(|root| root_as_json(graph, root, place)).collect();
    let tool = json!({"name": "truewheel", "version": env!("CARGO_PKG_VERSION")});
    format!("{}\n", json!({"schema": SCHEMA, "tool": tool, "wheel": path, "roots": roots}))
}

fn root_as_json(graph: &Graph, root: &Root, place: Place) -> Value {
    let edges: Vec<Value> = root
        .edges
        .iter()
        .map(|edge| {
            json!({
                "importer": name(graph, edge.importer),
                "name": graph.import(edge).name,
                "kind": graph.import(edge).kind.name(),
                "origin": origin(graph, edge),
                "resolved": target(graph, edge),
                "found": edge.found,
                "via": via(graph, edge.via),
                "elsewhere": edge.elsewhere.map(|id| name(graph, id)),
                "tried": edge.tried.iter().map(|attempt| attempt_as_json(graph, edge, attempt, place)).collect::<Vec<_>>(),
            })
        })
        .collect();
    let arch = graph.arch_name(root.object);
    json!({"path": name(graph, root.object), "arch": arch, "kind": kind(root.kind), "edges": edges})
}

fn attempt_as_json(graph: &Graph, edge: &Edge, attempt: &Attempt, place: Place) -> Value {
    let (path, source) = tried_at(attempt, place);
    json!({
        "path": path,
        "in": source.unwrap_or("disk"),
        "via": via(graph, attempt.via),
        "result": why(&attempt.why, graph.object(edge.importer).image.format),
    })
}

/// Returns the path that was tried, and in which source; nothing for the place on disk where all lies.
fn tried_at(attempt: &Attempt, place: Place) -> (String, Option<&'static str>) {
    match (attempt.source, place) {
        (SourceKind::Installed, Place::Disk) => match attempt.why {
            // Such a path is as the binary has it.
            Why::BadPath(_) => (attempt.path.clone(), None),
            _ => (format!("/{}", attempt.path), None),
        },
        (source, _) => (attempt.path.clone(), Some(source.name())),
    }
}

/// Returns the trees of a graph for people.
pub fn human(path: &str, graph: &Graph, (palette, detail): (&Palette, Detail), place: Place) -> String {
    let mut text = String::new();
    let title = printable(path);
    let bare = graph.all_roots().count() == 1 && graph.all_roots().all(|root| name(graph, root.object) == path);
    if !bare {
        text.push_str(&format!("{}\n", palette.paint(&palette.title, &title)));
    }
    let roots: Vec<&Root> = graph.all_roots().collect();
    let mut next = 0;
    while let Some(root) = roots.get(next) {
        let indent = if bare { "" } else { "  " };
        let below = |root: &Root| {
            let mut text = String::new();
            Drawing { graph, root, palette, detail, place, drawn: BTreeSet::from([root.object]) }
                .draw(indent, &mut text);
            text
        };
        let path = name(graph, root.object);
        let slices = roots.iter().skip(next).take_while(|other| name(graph, other.object) == path).count();
        let drawn = below(root);
        // Slices of a universal file that load the same are one tree.
        let alike = roots.iter().skip(next + 1).take(slices.saturating_sub(1));
        let alike = 1 + alike.take_while(|other| below(other) == drawn).count();
        let archs: Vec<String> =
            roots.iter().skip(next).take(alike).map(|slice| graph.arch_name(slice.object)).collect();
        let is_universal = graph.iter().filter(|(id, _)| name(graph, *id) == path).count() > 1;
        let archs = if is_universal { format!(", {}", archs.join(" and ")) } else { String::new() };
        let title = palette.paint(&palette.title, &printable(&path));
        text.push_str(&format!("{indent}{title} ({}{archs})\n{drawn}", kind(root.kind)));
        next += alike;
    }
    for id in &graph.foreign {
        let machine = graph.arch_name(*id);
        text.push_str(&format!("  {} is for another machine ({machine})\n", printable(&name(graph, *id))));
    }
    text
}

/// A tree being drawn; an object is followed where it is first met.
struct Drawing<'a> {
    graph: &'a Graph,
    root: &'a Root,
    palette: &'a Palette,
    detail: Detail,
    place: Place,
    drawn: BTreeSet<ObjectId>,
}

impl Drawing<'_> {
    /// Draws what the root loads, without recursion: a hostile chain may be long.
    fn draw(&mut self, indent: &str, text: &mut String) {
        let edges = |importer: ObjectId| -> Vec<usize> {
            let all = self.root.edges.iter().enumerate();
            all.filter(|(_, edge)| edge.importer == importer).map(|(index, _)| index).collect()
        };
        let mut open = vec![(indent.to_owned(), edges(self.root.object), 0)];
        while let Some((prefix, list, next)) = open.last_mut() {
            let Some(&index) = list.get(*next) else {
                open.pop();
                continue;
            };
            *next += 1;
            let last = *next == list.len();
            let Some(edge) = self.root.edges.get(index) else { continue };
            let (branch, below) = if last { ("`-- ", "    ") } else { ("|-- ", "|   ") };
            let target = match edge.resolution {
                Resolution::Object(id) => Some(id),
                _ => None,
            };
            let again = target.is_some_and(|id| !self.drawn.insert(id));
            let more = format!("{prefix}{below}");
            text.push_str(&format!("{prefix}{branch}{}", self.line(edge, again)));
            if edge.resolution == Resolution::Missing || self.detail == Detail::Verbose {
                self.tried(edge, &more, text);
            }
            if let Some(id) = target.filter(|_| !again && open.len() < MAX_DEPTH) {
                open.push((more, edges(id), 0));
            }
        }
    }

    fn line(&self, edge: &Edge, again: bool) -> String {
        let name = printable(&self.graph.import(edge).name);
        let how = printable(&via(self.graph, edge.via));
        let text = match edge.resolution {
            Resolution::Missing => {
                let word = self.palette.paint(&self.palette.error, "not found");
                match edge.elsewhere {
                    Some(id) => {
                        let where_else = match self.place {
                            Place::Wheel => "but in the wheel as",
                            Place::Disk => "but there is",
                        };
                        format!("{name}: {word}, {where_else} {}", printable(&self::name(self.graph, id)))
                    }
                    None => format!("{name}: {word}"),
                }
            }
            Resolution::System => format!("{name}: given by the platform"),
            Resolution::Python => format!("{name}: given by the running Python"),
            Resolution::Excluded => format!("{name}: left to the user's machine"),
            Resolution::Object(id) => {
                let again = if again { ", above" } else { "" };
                format!("{name} => {} ({how}{again})", printable(&self::name(self.graph, id)))
            }
        };
        format!("{text}\n")
    }

    fn tried(&self, edge: &Edge, prefix: &str, text: &mut String) {
        let shown = if self.detail == Detail::Verbose { edge.tried.len() } else { edge.tried.len().min(TRIED_SHOWN) };
        for attempt in edge.tried.iter().take(shown) {
            let (path, source) = tried_at(attempt, self.place);
            let source = source.map_or_else(String::new, |source| format!(" in {source}"));
            text.push_str(&format!(
                "{prefix}  tried {}{source}: {}\n",
                printable(&path),
                printable(&why(&attempt.why, self.graph.object(edge.importer).image.format))
            ));
        }
        if edge.tried.len() > shown {
            text.push_str(&format!("{prefix}  and {} more (-v names them)\n", edge.tried.len() - shown));
        }
    }
}

/// Deeper than any tree that people read.
const MAX_DEPTH: usize = 64;
/// The number of paths tried that are named.
const TRIED_SHOWN: usize = 6;

fn name(graph: &Graph, id: ObjectId) -> String {
    let object = graph.object(id);
    object.external_path().map_or_else(|| object.display_name().to_owned(), |path| path.display().to_string())
}

fn target(graph: &Graph, edge: &Edge) -> Option<String> {
    match edge.resolution {
        Resolution::Object(id) => Some(name(graph, id)),
        Resolution::System | Resolution::Python | Resolution::Excluded | Resolution::Missing => None,
    }
}

fn origin(graph: &Graph, edge: &Edge) -> &'static str {
    match edge.resolution {
        Resolution::Object(id) => graph.object(id).origin.name(),
        Resolution::System | Resolution::Python => "system",
        Resolution::Excluded => "excluded",
        Resolution::Missing => "missing",
    }
}

fn kind(kind: RootKind) -> &'static str {
    match kind {
        RootKind::Extension => "extension",
        RootKind::Program => "program",
        RootKind::Library => "library",
        RootKind::Data => "data",
    }
}

fn via(graph: &Graph, via: Via) -> String {
    match via {
        Via::Loaded => "loaded already".to_owned(),
        Via::Path => "the import is a path".to_owned(),
        Via::Rpath(id) => format!("rpath of {}", name(graph, id)),
        Via::Runpath(id) => format!("runpath of {}", name(graph, id)),
        Via::Environment => "environment".to_owned(),
        Via::Folder => "--lib-path".to_owned(),
        Via::Configuration => "loader configuration".to_owned(),
        Via::Defaults => "default directory".to_owned(),
        Via::Added => "added directory".to_owned(),
        Via::Named => "by name".to_owned(),
    }
}

fn why(why: &Why, format: Format) -> String {
    match why {
        Why::Found => "found".to_owned(),
        Why::Absent => "absent".to_owned(),
        Why::NotAFile => "not a file".to_owned(),
        Why::WrongMachine(arch) => format!("for {}", format.arch_name(*arch)),
        Why::Unusable(text) | Why::BadPath(text) => text.clone(),
        Why::NotSearched => "not searched: an absolute path of the target system".to_owned(),
        Why::Older => "not newer than the one taken".to_owned(),
    }
}
