//! What a draft tells: missing libraries with all that was tried, what is left to the user, what contradicts the plan.

use std::collections::{BTreeMap, BTreeSet};

use super::draft::{Decided, Drafter, Fate};
use super::plan_file::{Action, Decision};
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::format::{Format, ImportKind};
use crate::load::{Attempt, Edge, ObjectId, Resolution, Via, Why};
use crate::policy::windows;

impl Drafter<'_> {
    /// Findings and the decisions of the plan file.
    pub(super) fn report(&self, loadable: &BTreeSet<ObjectId>, external: &[ObjectId], decided: &mut Decided) {
        let mut decisions: BTreeMap<String, Action> = BTreeMap::new();
        for &object in loadable.iter().chain(external) {
            for edge in self.links.edges_of(object) {
                self.report_edge(edge, &mut decisions, decided);
            }
        }
        for root in &self.graph.data {
            for edge in root.edges.iter().filter(|edge| edge.resolution == Resolution::Missing) {
                let name = &self.graph.import(edge).name;
                let message = format!("`{name}` is nowhere; the binary is installed as data and was not repaired");
                decided.diagnostics.push(
                    Diagnostic::new(Code::TW307, message).member(self.graph.object(edge.importer).display_name()),
                );
            }
        }
        decided.decisions = decisions.into_iter().map(|(name, action)| Decision::new(name, action)).collect();
    }

    fn report_edge(&self, edge: &Edge, decisions: &mut BTreeMap<String, Action>, decided: &mut Decided) {
        let importer = self.graph.object(edge.importer);
        let name = self.graph.import(edge).name.clone();
        let planned = self.options.decisions.as_ref().and_then(|plan| plan.action(&name, importer.display_name()));
        let inside = matches!(edge.resolution, Resolution::Object(id) if self.graph.object(id).is_wheel());
        let given =
            self.rules.policy_gives(&name) || matches!(edge.resolution, Resolution::System | Resolution::Python);
        if planned.is_none() && self.options.decisions.is_some() && !inside && !given && edge.elsewhere.is_none() {
            decided.diagnostics.push(
                Diagnostic::new(Code::TW701, format!("needs `{name}`, which the plan does not mention"))
                    .member(importer.display_name())
                    .help(format!("add a `[[library]]` with `needed = \"{name}\"` to the plan")),
            );
        }
        if planned == Some(Action::System) && !given {
            decided.diagnostics.push(
                Diagnostic::new(Code::TW702, format!("the plan says that the system gives `{name}`; no policy does"))
                    .member(importer.display_name()),
            );
        }
        if let Some(old) = windows::old_runtime(self.graph, edge).filter(|_| !matches!(self.fate(edge), Fate::Leave)) {
            decided.diagnostics.push(match inside {
                // The wheel came so, and a repair leaves it no worse.
                true => old.at(Severity::Warning),
                false => old.help(OLD_RUNTIME_HELP),
            });
        }
        if let Some(lacking) =
            windows::missing_functions(self.graph, edge).filter(|_| !matches!(self.fate(edge), Fate::Leave))
        {
            // The wheel came so, and a repair leaves it no worse.
            decided.diagnostics.push(if inside { lacking.at(Severity::Warning) } else { lacking });
        }
        match self.fate(edge) {
            Fate::Remove => {
                decisions.insert(name, Action::Drop);
            }
            Fate::Inside(target) if !self.graph.object(target).is_wheel() => {
                decisions.insert(name, Action::Vendor);
            }
            Fate::Inside(_) => {}
            Fate::Leave => match edge.resolution {
                Resolution::Excluded => {
                    decided.excluded.insert(name.clone());
                    decisions.insert(name, Action::Exclude);
                }
                Resolution::Object(_) => {
                    decided.excluded.insert(name.clone());
                    decisions.insert(name, planned.unwrap_or(Action::Exclude));
                }
                Resolution::Missing if planned == Some(Action::Exclude) => {
                    decided.excluded.insert(name.clone());
                    decisions.insert(name, Action::Exclude);
                }
                Resolution::Missing => {
                    decided.diagnostics.push(self.missing(edge));
                }
                Resolution::System => {}
                Resolution::Python => {
                    let doubt = self.rules.doubt(&name).map(|doubt| doubt.member(importer.display_name()));
                    decided.diagnostics.extend(doubt);
                }
            },
        }
    }

    /// A library that would have to be vendored, on a platform where none can be.
    pub(super) fn refused(&self, slices: &[ObjectId], why: &str) -> Option<Diagnostic> {
        let id = *slices.first()?;
        let chain = self.links.chain(id);
        let member = chain.first().map(|root| self.graph.object(*root).display_name().to_owned())?;
        let name = self.called(id).unwrap_or_else(|| self.graph.object(id).file_name().to_owned());
        let message = format!("needs `{name}`, which would have to be vendored: {why}");
        Some(
            Diagnostic::new(Code::TW415, message)
                .member(member)
                .chain(chain.iter().map(|id| self.graph.object(*id).display_name().to_owned()).collect())
                .help(format!("link the library statically, or leave it to the app with `--exclude {name}`")),
        )
    }

    /// A library that is nowhere, with all that was tried.
    fn missing(&self, edge: &Edge) -> Diagnostic {
        let importer = self.graph.object(edge.importer);
        let name = &self.graph.import(edge).name;
        let chain = self.links.chain(edge.importer);
        let chain = chain.iter().map(|id| self.graph.object(*id).display_name().to_owned()).collect();
        let describe = |attempt: &Attempt| describe(attempt, importer.image.format);
        let tried: Vec<String> = edge.tried.iter().filter(|attempt| told(attempt)).map(describe).take(12).collect();
        let (code, verb) = match self.graph.import(edge).kind {
            ImportKind::Weak => (Code::TW309, "may use"),
            _ => (Code::TW301, "needs"),
        };
        let message = match tried.is_empty() {
            true => format!("{verb} `{name}`, which is nowhere"),
            false => format!("{verb} `{name}`, which is nowhere; tried {}", tried.join(", ")),
        };
        let help = match (self.platform.vendoring().refusal, framework(name)) {
            (Some(why), _) => {
                format!("link the library statically ({why}), or leave it to the app with `--exclude {name}`")
            }
            (None, Some((_, help))) => help,
            (None, None) => {
                format!("say where it is with `--lib-path`, or leave it to the user's machine with `--exclude {name}`")
            }
        };
        let diagnostic = Diagnostic::new(code, message).member(importer.display_name()).chain(chain).help(help);
        // dyld goes on without a weak import; what Visual C++'s runtimes load at need, they can do without.
        let kind = self.graph.import(edge).kind;
        let needless = kind == ImportKind::Delay && windows::is_optional(importer.file_name(), name);
        let weak = kind == ImportKind::Weak || needless;
        match (weak, self.options.ignore_missing) {
            (true, _) => diagnostic.at(Severity::Note),
            (false, true) => diagnostic.at(Severity::Warning),
            (false, false) => diagnostic,
        }
    }
}

const OLD_RUNTIME_HELP: &str = "give a newer one with `--lib-path` (of several the newest is taken): that of the \
     machine that built the wheel, or the unpacked `msvc-runtime` of PyPI";

/// The framework that a library is the binary of, and what to do about it: none is vendored.
pub(super) fn framework(path: &str) -> Option<(&str, String)> {
    let (folder, _) = path.split_once(".framework/")?;
    let name = folder.rsplit('/').next().unwrap_or(folder);
    let help = format!(
        "link against a library instead of the framework, or leave it to the user's machine with `--exclude \
         '*/{name}.framework/*'`"
    );
    Some((name, help))
}

/// Paths worth telling: not every default directory of the loader's variants.
fn told(attempt: &Attempt) -> bool {
    !matches!(attempt.via, Via::Defaults) || !matches!(attempt.why, Why::Absent)
}

fn describe(attempt: &Attempt, format: Format) -> String {
    let why = match &attempt.why {
        Why::Found => "found".to_owned(),
        Why::Absent => return format!("`{}`", attempt.path),
        Why::NotAFile => "not a file".to_owned(),
        Why::WrongMachine(arch) => format!("for {}", format.arch_name(*arch)),
        Why::Unusable(reason) | Why::BadPath(reason) => reason.clone(),
        Why::NotSearched => "not looked at".to_owned(),
        Why::Older => "not newer than the one taken".to_owned(),
    };
    format!("`{}` ({why})", attempt.path)
}
