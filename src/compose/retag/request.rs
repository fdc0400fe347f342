//! What is asked of a wheel's tags: `wheel tags`' `+` and `-`, and everything else of `truewheel retag`.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use crate::diagnostic::Code;
use crate::error::{Error, Result};
use crate::policy::PolicySet;
use crate::tag::CompressedSet;

/// A change to one of the three sets of tags.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum TagEdit {
    /// The set stays.
    #[default]
    Keep,
    /// The set becomes these.
    Replace(Vec<String>),
    /// These are added.
    Add(Vec<String>),
    /// These are taken away.
    Remove(Vec<String>),
}

impl TagEdit {
    /// Reads `py3.py2`, `+py2` or `-py2`; only the first character says what happens, to all that follow.
    ///
    /// # Errors
    /// `Usage` if a tag is empty or holds what no tag may.
    pub fn read(text: &str) -> Result<Self> {
        type Make = fn(Vec<String>) -> TagEdit;
        let (make, list): (Make, &str) = match text.split_at_checked(1) {
            Some(("+", rest)) => (TagEdit::Add, rest),
            Some(("-", rest)) => (TagEdit::Remove, rest),
            _ => (TagEdit::Replace, text),
        };
        let tags: Vec<String> = list.split('.').map(str::to_owned).collect();
        let is_tag = |tag: &String| !tag.is_empty() && tag.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        match tags.iter().find(|tag| !is_tag(tag)) {
            Some(tag) => Err(Error::usage(format!("`{tag}` is no tag")).about(text)),
            None => Ok(make(tags)),
        }
    }

    /// Returns true if nothing is asked.
    pub fn is_keep(&self) -> bool {
        *self == TagEdit::Keep
    }

    /// Returns the set with the change made, sorted where it changed; and which tags were to go and are not there.
    ///
    /// # Errors
    /// `Refused` if nothing would be left.
    pub(super) fn apply<T>(&self, set: &CompressedSet<T>) -> Result<(CompressedSet<T>, Vec<String>)>
    where
        T: FromStr<Err = Infallible> + fmt::Display + Clone + PartialEq,
    {
        let read = |texts: &[String]| -> Vec<T> {
            texts
                .iter()
                .map(|text| {
                    let Ok(tag) = text.parse::<T>();
                    tag
                })
                .collect()
        };
        let own = set.tags();
        let mut missing = Vec::new();
        let tags: Vec<T> = match self {
            TagEdit::Keep => return Ok((set.clone(), missing)),
            TagEdit::Replace(tags) => read(tags),
            TagEdit::Add(tags) => own.iter().cloned().chain(read(tags)).collect(),
            TagEdit::Remove(tags) => {
                let gone = read(tags);
                missing = gone.iter().filter(|tag| !own.contains(tag)).map(ToString::to_string).collect();
                own.iter().filter(|tag| !gone.contains(tag)).cloned().collect()
            }
        };
        if tags.is_empty() {
            return Err(Error::refused(format!("no tag would be left of `{set}`")));
        }
        Ok((set.changed_to(tags), missing))
    }
}

/// Everything that `retag` can be asked.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RetagOptions {
    /// `--python-tag`.
    pub python: TagEdit,
    /// `--abi-tag`.
    pub abi: TagEdit,
    /// `--platform-tag`.
    pub platform: TagEdit,
    /// `--build`; an empty one goes.
    pub build: Option<String>,
    /// `--auto`: parts that no flag names get the widest tags that are proven.
    pub auto: bool,
    /// `--rename-extensions`.
    pub rename_extensions: bool,
    /// `--force`: what is untrue is said, and written all the same.
    pub force: bool,
    /// Mends as well what can be mended without a guess (`check --fix`).
    pub mends: bool,
    /// The present, in seconds since 1970: later times of members are mended; `None`: they stay.
    pub now: Option<i64>,
    /// `--ignore-recorded`: exclusions recorded in the wheel do not hold.
    pub ignore_recorded: bool,
    /// `--compress`, for WHEEL and RECORD.
    pub compress: u8,
    /// `SOURCE_DATE_EPOCH`.
    pub source_date_epoch: Option<i64>,
    /// Codes of `--accept`.
    pub accept: Vec<Code>,
    /// The policies.
    pub policies: PolicySet,
}

impl Default for RetagOptions {
    fn default() -> Self {
        Self {
            python: TagEdit::Keep,
            abi: TagEdit::Keep,
            platform: TagEdit::Keep,
            build: None,
            auto: false,
            rename_extensions: false,
            force: false,
            mends: false,
            now: None,
            ignore_recorded: false,
            compress: 6,
            source_date_epoch: None,
            accept: Vec::new(),
            policies: PolicySet::embedded(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tag::PythonTag;

    fn applied(set: &str, edit: &str) -> String {
        let set = CompressedSet::<PythonTag>::read(set);
        TagEdit::read(edit).unwrap().apply(&set).unwrap().0.to_string()
    }

    #[test]
    fn the_first_character_says_what_happens() {
        assert_eq!(applied("py2.py3", "py3"), "py3");
        assert_eq!(applied("py2.py3", "+py4.cp312"), "cp312.py2.py3.py4");
        assert_eq!(applied("py2.py3", "-py2"), "py3");
        assert_eq!(applied("py3", "+py2"), "py2.py3");
        assert_eq!(applied("py3", "py3.py2"), "py2.py3");
    }

    #[test]
    fn what_changes_nothing_keeps_the_spelling() {
        assert_eq!(applied("py3.py2", "+py2"), "py3.py2");
        assert_eq!(applied("py3.py2", "py2.py3"), "py3.py2");
    }

    #[test]
    fn what_is_not_there_is_told_and_nothing_may_be_left_over() {
        let set = CompressedSet::<PythonTag>::read("py2.py3");
        let (kept, missing) = TagEdit::read("-cp39").unwrap().apply(&set).unwrap();
        assert_eq!((kept.as_str(), missing), ("py2.py3", vec!["cp39".to_owned()]));
        assert_eq!(TagEdit::read("-py2.py3").unwrap().apply(&set).unwrap_err().kind(), crate::ErrorKind::Refused);
    }

    #[test]
    fn what_is_no_tag_is_a_usage_error() {
        for text in ["", "+", "-", "py3.", "py3-none", "py 3", "++py3"] {
            assert_eq!(TagEdit::read(text).unwrap_err().kind(), crate::ErrorKind::Usage, "{text}");
        }
    }
}
