//! Plan files: what to do with each needed library, decided once and kept under version control.

use std::collections::BTreeSet;

use globset::{Glob, GlobMatcher};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::platform::windows;

/// The only version of the format.
const SCHEMA: u64 = 1;
/// A plan file larger than this is not one.
const MAX_SIZE: usize = 4 << 20;

/// What to do with a needed library.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Action {
    /// Copy it into the wheel.
    Vendor,
    /// Leave it to the user's machine.
    Exclude,
    /// Insist that the platform's policy gives it.
    System,
    /// Remove the import.
    Drop,
}

impl Action {
    /// Returns the name in plan files.
    pub fn name(self) -> &'static str {
        match self {
            Action::Vendor => "vendor",
            Action::Exclude => "exclude",
            Action::System => "system",
            Action::Drop => "drop",
        }
    }
}

/// The decision on one needed name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Decision {
    /// The name as binaries spell it.
    pub needed: String,
    /// What to do.
    pub action: Action,
    /// Only for imports of members that match this glob.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub importer: Option<String>,
    /// Why, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Decision {
    /// Returns the decision on a name, whoever imports it.
    pub fn new(needed: impl Into<String>, action: Action) -> Self {
        Self { needed: needed.into(), action, importer: None, reason: None }
    }
}

/// A plan file: decisions, not steps. The first that matches wins.
#[derive(Debug, Clone, Default)]
pub struct PlanFile {
    decisions: Vec<Decision>,
    importers: Vec<Option<GlobMatcher>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    /// A file that names none is of the only version there is.
    #[serde(default = "only_schema")]
    schema: u64,
    #[serde(default, rename = "library", skip_serializing_if = "Vec::is_empty")]
    libraries: Vec<Decision>,
}

/// Whether two names are of one library.
fn is_same(one: &str, other: &str) -> bool {
    one == other || (windows::is_file_name(one) && one.eq_ignore_ascii_case(other))
}

fn only_schema() -> u64 {
    SCHEMA
}

impl PlanFile {
    /// Returns the plan of these decisions.
    ///
    /// # Errors
    /// `Usage` if an `importer` is no glob.
    pub fn new(decisions: Vec<Decision>) -> Result<Self> {
        let importers = decisions
            .iter()
            .map(|decision| {
                let glob = |text: &String| {
                    Glob::new(text)
                        .map(|glob| glob.compile_matcher())
                        .map_err(|error| Error::usage(format!("`importer = \"{text}\"` is no glob: {}", error.kind())))
                };
                decision.importer.as_ref().map(glob).transpose()
            })
            .collect::<Result<_>>()?;
        Ok(Self { decisions, importers })
    }

    /// Reads a plan file.
    ///
    /// # Errors
    /// `Usage` if it is not one, with the line.
    pub fn read(text: &str) -> Result<Self> {
        if text.len() > MAX_SIZE {
            return Err(Error::usage(format!("{} bytes are no plan file: at most {MAX_SIZE} are read", text.len())));
        }
        let document: Document =
            toml::from_str(text).map_err(|error| Error::usage(format!("not a plan file: {}", error.message())))?;
        if document.schema != SCHEMA {
            return Err(Error::usage(format!("`schema = {}` is not known, only {SCHEMA}", document.schema)));
        }
        if let Some(decision) = document.libraries.iter().find(|decision| decision.needed.is_empty()) {
            return Err(Error::usage(format!("`needed` is empty for an action `{}`", decision.action.name())));
        }
        Self::new(document.libraries)
    }

    /// Returns the text of the plan file.
    ///
    /// # Errors
    /// `Internal` if it cannot be written as TOML.
    pub fn to_text(&self) -> Result<String> {
        let document = Document { schema: SCHEMA, libraries: self.decisions.clone() };
        toml::to_string(&document)
            .map_err(|error| Error::new(crate::ErrorKind::Internal, format!("plan file: {error}")))
    }

    /// Returns the decisions in order.
    pub fn decisions(&self) -> &[Decision] {
        &self.decisions
    }

    /// Returns what to do with `needed` where the member `importer` imports it; `None` if the plan does not say.
    pub fn action(&self, needed: &str, importer: &str) -> Option<Action> {
        self.decisions
            .iter()
            .zip(&self.importers)
            .find(|(decision, glob)| {
                is_same(&decision.needed, needed) && glob.as_ref().is_none_or(|glob| glob.is_match(importer))
            })
            .map(|(decision, _)| decision.action)
    }

    /// Returns what to do with `needed` if that is the same whoever imports it.
    pub fn action_for_all(&self, needed: &str) -> Option<Action> {
        let mut actions = BTreeSet::new();
        for decision in self.decisions.iter().filter(|decision| is_same(&decision.needed, needed)) {
            actions.insert(decision.action);
            if decision.importer.is_none() {
                break;
            }
        }
        match actions.len() {
            1 => actions.pop_first(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_back() {
        let mut decision = Decision::new("libz.so.1", Action::System);
        decision.reason = Some("every Linux has it".into());
        let plan = PlanFile::new(vec![decision, Decision::new("libffi.so.8", Action::Vendor)]).unwrap();
        let text = plan.to_text().unwrap();
        assert_eq!(PlanFile::read(&text).unwrap().decisions(), plan.decisions(), "{text}");
    }

    #[test]
    fn the_first_match_wins_and_importers_tell_apart() {
        let text = "schema = 1\n[[library]]\nneeded = \"liba.so\"\naction = \"drop\"\nimporter = \"pkg/*.so\"\n\
                    [[library]]\nneeded = \"liba.so\"\naction = \"vendor\"\n";
        let plan = PlanFile::read(text).unwrap();
        assert_eq!(plan.action("liba.so", "pkg/x.so"), Some(Action::Drop));
        assert_eq!(plan.action("liba.so", "other/x.so"), Some(Action::Vendor));
        assert_eq!(plan.action("libb.so", "pkg/x.so"), None);
        assert_eq!(plan.action_for_all("liba.so"), None);
    }

    #[test]
    fn capital_letters_count_but_for_files_of_windows() {
        let plan = [Decision::new("Foo.dll", Action::Drop), Decision::new("libA.so", Action::Drop)];
        let plan = PlanFile::new(plan.to_vec()).unwrap();
        assert_eq!(plan.action("FOO.DLL", "a.pyd"), Some(Action::Drop));
        assert_eq!(plan.action_for_all("liba.so"), None);
    }

    #[test]
    fn a_plan_that_names_no_schema_is_read() {
        let plan = PlanFile::read("[[library]]\nneeded = \"liba.so\"\naction = \"drop\"\n").unwrap();
        assert_eq!(plan.action_for_all("liba.so"), Some(Action::Drop));
        assert!(PlanFile::read("").unwrap().decisions().is_empty());
    }

    #[test]
    fn what_is_no_plan_is_refused() {
        for text in [
            "schema = 2",
            "schema = 1\n[[library]]\nneeded = \"a\"\naction = \"copy\"",
            "schema = 1\nx = 2",
            "schema = 1\n[[library]]\nneeded = \"\"\naction = \"drop\"",
            "schema = 1\n[[library]]\nneeded = \"a\"\naction = \"drop\"\nimporter = \"[\"",
        ] {
            assert!(PlanFile::read(text).is_err(), "{text}");
        }
    }
}
