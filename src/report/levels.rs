//! `Levels`: what `--allow`, `--warn`, `--deny` and the configuration's exceptions make of a diagnostic.

use std::str::FromStr;

use globset::{Glob, GlobMatcher};

use super::Finding;
use crate::diagnostic::{Code, Diagnostic, Family, Severity};
use crate::error::{Error, Result};

/// The level that a rule gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// A note: reported, never a fault.
    Allow,
    /// A warning.
    Warn,
    /// An error.
    Deny,
}

impl Level {
    /// Returns the severity it stands for.
    pub fn severity(self) -> Severity {
        match self {
            Level::Allow => Severity::Note,
            Level::Warn => Severity::Warning,
            Level::Deny => Severity::Error,
        }
    }
}

/// What a rule is about: one code or a family of codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Selector {
    /// One code.
    Code(Code),
    /// All codes of a family.
    Family(Family),
}

impl Selector {
    /// Returns whether the rule is about `code`.
    pub fn covers(self, code: Code) -> bool {
        match self {
            Selector::Code(own) => own == code,
            Selector::Family(family) => code.family() == family,
        }
    }
}

impl FromStr for Selector {
    type Err = Error;

    /// Returns the selector of a code (`TW401`), a slug (`symbol-too-recent`) or a family (`TW4xx`, `TW4`).
    fn from_str(text: &str) -> Result<Self> {
        if let Ok(code) = text.parse::<Code>() {
            return Ok(Selector::Code(code));
        }
        Code::ALL
            .iter()
            .map(|code| code.family())
            .find(|family| {
                let name = family.name();
                text.eq_ignore_ascii_case(name) || text.eq_ignore_ascii_case(name.trim_end_matches('x'))
            })
            .map(Selector::Family)
            .ok_or_else(|| {
                Error::usage(format!("`{text}` is no code, slug or family of codes"))
                    .hint("codes look like `TW401`, slugs like `symbol-too-recent`, families like `TW4xx`")
            })
    }
}

/// An exception of the configuration: a code that is allowed for some members of some wheels, with the reason.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Exception {
    /// What is allowed.
    pub selector: Selector,
    /// Which members; `None` for all, and for findings about the wheel as a whole.
    pub member: Option<GlobMatcher>,
    /// Which wheels, by file name or path; `None` for all.
    pub wheel: Option<GlobMatcher>,
    /// Why.
    pub reason: String,
}

impl Exception {
    /// Returns an exception for every member of every wheel.
    pub fn new(selector: Selector, reason: impl Into<String>) -> Self {
        Self { selector, member: None, wheel: None, reason: reason.into() }
    }

    /// Limits it to members that match the glob.
    ///
    /// # Errors
    /// `Usage` if the glob is not valid.
    pub fn for_member(mut self, glob: &str) -> Result<Self> {
        self.member = Some(matcher(glob)?);
        Ok(self)
    }

    /// Limits it to wheels whose file name or path matches the glob.
    ///
    /// # Errors
    /// `Usage` if the glob is not valid.
    pub fn for_wheel(mut self, glob: &str) -> Result<Self> {
        self.wheel = Some(matcher(glob)?);
        Ok(self)
    }

    /// Whether it covers a diagnostic about the wheel at `wheel`.
    fn covers(&self, diagnostic: &Diagnostic, wheel: &str) -> bool {
        let member_fits = match (&self.member, &diagnostic.member) {
            (None, _) => true,
            (Some(glob), Some(member)) => glob.is_match(member),
            (Some(_), None) => false,
        };
        let file_name = wheel.rsplit(['/', '\\']).next().unwrap_or(wheel);
        let wheel_fits = self.wheel.as_ref().is_none_or(|glob| glob.is_match(file_name) || glob.is_match(wheel));
        self.selector.covers(diagnostic.code) && member_fits && wheel_fits
    }
}

/// Compiles a glob.
fn matcher(glob: &str) -> Result<GlobMatcher> {
    Glob::new(glob).map(|glob| glob.compile_matcher()).map_err(|error| Error::usage(error.to_string()).about(glob))
}

/// What a report calls an error where no rule says otherwise.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[non_exhaustive]
pub enum Profile {
    /// Where an installer or a loader fails, or a claim is untrue.
    #[default]
    Default,
    /// And whatever PyPI's upload form refuses.
    Pypi,
    /// And every warning.
    Strict,
}

/// What PyPI's upload form refuses and installers take.
const UPLOAD_FORM: &[Code] = &[
    Code::TW112,
    Code::TW608,
    Code::TW610,
    Code::TW612,
    Code::TW634,
    Code::TW635,
    Code::TW637,
    Code::TW638,
    Code::TW641,
];

/// Where nobody fails and nothing is untrue: the wheel could be smaller or tidier. As notes they are told to those who
/// ask for everything.
const ADVICE: &[Code] = &[
    Code::TW111,
    Code::TW117,
    Code::TW609,
    Code::TW634,
    Code::TW643,
    Code::TW644,
    Code::TW645,
    Code::TW646,
    Code::TW653,
];

/// Whether a note of this code only says how the wheel could be better.
pub(super) fn is_advice(code: Code) -> bool {
    ADVICE.contains(&code)
}

impl Profile {
    /// Returns the level of a finding that no rule is about.
    fn level(self, diagnostic: &Diagnostic) -> Severity {
        let counts = match self {
            Profile::Default => false,
            Profile::Pypi => UPLOAD_FORM.contains(&diagnostic.code),
            Profile::Strict => true,
        };
        match diagnostic.severity {
            Severity::Warning if counts => Severity::Error,
            own => own,
        }
    }
}

/// Rules and exceptions.
///
/// A later layer beats an earlier one; within a layer a rule for a code beats one for its family, then a later rule an
/// earlier one. An exception beats every rule.
#[derive(Debug, Clone, Default)]
pub struct Levels {
    layers: Vec<Vec<(Selector, Level)>>,
    exceptions: Vec<Exception>,
    profile: Profile,
}

/// Levels carry no content of a report: two reports are compared by what they show.
impl PartialEq for Levels {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl Eq for Levels {}

impl Levels {
    /// Returns levels that change nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets what holds where no rule says otherwise.
    pub fn set_profile(&mut self, profile: Profile) {
        self.profile = profile;
    }

    /// Begins a layer: the rules that follow beat all those before.
    pub fn begin_layer(&mut self) {
        self.layers.push(Vec::new());
    }

    /// Adds a rule, which beats earlier ones of the same scope.
    pub fn rule(&mut self, selector: Selector, level: Level) {
        match self.layers.last_mut() {
            Some(layer) => layer.push((selector, level)),
            None => self.layers.push(vec![(selector, level)]),
        }
    }

    /// Adds an exception.
    pub fn exception(&mut self, exception: Exception) {
        self.exceptions.push(exception);
    }

    /// Returns the finding that a diagnostic about the wheel at `wheel` becomes.
    ///
    /// An untrue statement of truewheel about itself (`TW9xx`) keeps its level whatever the rules say.
    pub(super) fn apply(&self, mut diagnostic: Diagnostic, wheel: &str) -> Finding {
        if diagnostic.code.family() == Family::Truewheel {
            return Finding { diagnostic, allowed: None };
        }
        if let Some(exception) = self.exceptions.iter().find(|exception| exception.covers(&diagnostic, wheel)) {
            diagnostic.severity = Severity::Note;
            return Finding { diagnostic, allowed: Some(exception.reason.clone()) };
        }
        let level = self.layers.iter().rev().find_map(|layer| {
            let last = |family: bool| {
                let mut rules = layer.iter().rev();
                rules.find(|(selector, _)| {
                    matches!(selector, Selector::Family(_)) == family && selector.covers(diagnostic.code)
                })
            };
            last(false).or_else(|| last(true)).map(|(_, level)| *level)
        });
        diagnostic.severity = level.map_or_else(|| self.profile.level(&diagnostic), Level::severity);
        Finding { diagnostic, allowed: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn too_recent() -> Diagnostic {
        Diagnostic::new(Code::TW401, "x").member("demo/_core.so")
    }

    #[test]
    fn a_profile_raises_warnings_and_a_rule_beats_it() {
        let level = |profile, diagnostic: Diagnostic, rule: Option<Level>| {
            let mut levels = Levels::new();
            levels.set_profile(profile);
            if let Some(level) = rule {
                levels.rule("TW6xx".parse().unwrap(), level);
            }
            levels.apply(diagnostic, "a.whl").diagnostic.severity
        };
        let size = || Diagnostic::new(Code::TW634, "x");
        assert_eq!(level(Profile::Default, size(), None), Severity::Warning);
        assert_eq!(level(Profile::Pypi, size(), None), Severity::Error);
        assert_eq!(level(Profile::Pypi, Diagnostic::new(Code::TW631, "x"), None), Severity::Warning);
        assert_eq!(level(Profile::Strict, Diagnostic::new(Code::TW631, "x"), None), Severity::Error);
        assert_eq!(level(Profile::Strict, size().at(Severity::Note), None), Severity::Note);
        assert_eq!(level(Profile::Strict, size(), Some(Level::Warn)), Severity::Warning);
    }

    #[test]
    fn a_code_beats_its_family_and_the_last_rule_wins() {
        let mut levels = Levels::new();
        levels.rule("symbol-too-recent".parse().unwrap(), Level::Warn);
        levels.rule("TW4xx".parse().unwrap(), Level::Allow);
        assert_eq!(levels.apply(too_recent(), "a.whl").diagnostic.severity, Severity::Warning);
        levels.rule("tw401".parse().unwrap(), Level::Deny);
        assert_eq!(levels.apply(too_recent(), "a.whl").diagnostic.severity, Severity::Error);
        assert_eq!(levels.apply(Diagnostic::new(Code::TW402, "x"), "a.whl").diagnostic.severity, Severity::Note);
    }

    #[test]
    fn a_later_layer_beats_an_earlier_one_whatever_the_scope() {
        let mut levels = Levels::new();
        levels.rule("TW401".parse().unwrap(), Level::Deny);
        levels.begin_layer();
        levels.rule("TW4xx".parse().unwrap(), Level::Allow);
        assert_eq!(levels.apply(too_recent(), "a.whl").diagnostic.severity, Severity::Note);
    }

    #[test]
    fn an_exception_is_a_note_that_says_why_and_only_where_it_fits() {
        let mut levels = Levels::new();
        let exception = Exception::new(Selector::Code(Code::TW401), "tested by hand")
            .for_member("demo/*.so")
            .unwrap()
            .for_wheel("demo-*")
            .unwrap();
        levels.exception(exception);
        let finding = levels.apply(too_recent(), "dist/demo-1-py3-none-any.whl");
        assert_eq!((finding.diagnostic.severity, finding.allowed.as_deref()), (Severity::Note, Some("tested by hand")));
        assert_eq!(levels.apply(too_recent(), "other-1.whl").diagnostic.severity, Severity::Error);
        assert_eq!(levels.apply(Diagnostic::new(Code::TW401, "x"), "demo-1.whl").diagnostic.severity, Severity::Error);
    }

    #[test]
    fn a_name_that_selects_nothing_is_refused() {
        assert!("TW999".parse::<Selector>().is_err());
        assert!("TW".parse::<Selector>().is_err());
        assert_eq!("TW4".parse::<Selector>().unwrap(), Selector::Family(Family::Policy));
    }
}
