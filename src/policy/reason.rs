//! `Reason`: one thing that keeps a wheel from a tag, with all that is needed to say it.

use std::sync::Arc;

use crate::diagnostic::{Code, Diagnostic};

/// What a reason is about, apart from member and chain.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Requirement {
    /// A version node that is not allowed, with the symbols that ask for it (none: the node alone is asked for).
    Version {
        /// The library it is asked of.
        library: String,
        /// The node, e.g. `GLIBC_2.34`.
        version: String,
        /// The newest node of the family that is allowed, e.g. `GLIBC_2.17`; `None`: the family or the name is not.
        allowed: Option<String>,
        /// The symbols that ask for it, sorted.
        symbols: Arc<[String]>,
    },
    /// A library that the policy does not give and the wheel does not hold.
    Library {
        /// Its name.
        library: String,
    },
    /// A symbol that the policy denies.
    Denied {
        /// The library that would have it.
        library: String,
        /// The symbol.
        symbols: Arc<[String]>,
    },
    /// Symbols without version that came with a later release than allowed, or with none.
    Release {
        /// The library.
        library: String,
        /// What they came with, e.g. `musl 1.2.3`, `API level 28`, `ZLIB_1.2.12`; `None`: no release has them.
        release: Option<String>,
        /// What is allowed, e.g. `musl 1.1.24`.
        allowed: String,
        /// The symbols, sorted.
        symbols: Arc<[String]>,
    },
    /// Anything else: a phrase for people.
    Other {
        /// The phrase, as in a [`Diagnostic`]'s message.
        message: String,
        /// A way out.
        help: Option<String>,
    },
}

/// One thing that keeps a wheel from a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reason {
    /// The kind of finding.
    pub code: Code,
    /// The archive name of the binary.
    pub member: String,
    /// Archive names from a load root to the member, root first, the member last.
    pub chain: Vec<String>,
    /// What stands in the way.
    pub requirement: Requirement,
    /// The tag that is kept from the wheel, e.g. `manylinux_2_17_x86_64`.
    pub tag: String,
    /// The most compatible tag of the same family that this does not keep from the wheel, where that was looked for
    /// ([`super::earned`], [`super::judge_within`]) and there is one.
    pub allowed_by: Option<String>,
}

impl Reason {
    /// Returns the symbols it names, sorted.
    pub fn symbols(&self) -> &[String] {
        match &self.requirement {
            Requirement::Version { symbols, .. }
            | Requirement::Denied { symbols, .. }
            | Requirement::Release { symbols, .. } => symbols,
            Requirement::Library { .. } | Requirement::Other { .. } => &[],
        }
    }

    /// Returns the library it names.
    pub fn library(&self) -> Option<&str> {
        match &self.requirement {
            Requirement::Version { library, .. }
            | Requirement::Library { library }
            | Requirement::Denied { library, .. }
            | Requirement::Release { library, .. } => Some(library),
            Requirement::Other { .. } => None,
        }
    }

    /// Returns true if the other is about the same need of the same binary, whatever the tag.
    pub fn same_need(&self, other: &Reason) -> bool {
        self.key() == other.key()
    }

    /// What the need is, apart from the tag that it was held against.
    pub(super) fn key(&self) -> (Code, &str, &str, &str, Option<&String>) {
        let (library, what) = match &self.requirement {
            Requirement::Version { library, version, .. } => (library.as_str(), version.as_str()),
            Requirement::Library { library } | Requirement::Denied { library, .. } => (library.as_str(), ""),
            Requirement::Release { library, release, .. } => (library.as_str(), release.as_deref().unwrap_or_default()),
            Requirement::Other { message, .. } => ("", message.as_str()),
        };
        // A denied symbol is a need of its own; other symbols are those that ask for the one node or release.
        let symbol = match &self.requirement {
            Requirement::Denied { symbols, .. } => symbols.first(),
            _ => None,
        };
        (self.code, &self.member, library, what, symbol)
    }

    /// Returns the finding for people and machines.
    pub fn diagnostic(&self) -> Diagnostic {
        let diagnostic =
            Diagnostic::new(self.code, self.message()).member(self.member.clone()).chain(self.chain.clone());
        match self.help() {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        }
    }

    fn message(&self) -> String {
        let tag = &self.tag;
        match &self.requirement {
            Requirement::Version { library, version, allowed, symbols } => {
                let what = format!("needs `{version}` of `{library}`{}", symbols_in_brackets(symbols));
                match allowed {
                    Some(allowed) => format!("{what}, newer than `{allowed}` which `{tag}` allows"),
                    None => format!("{what}, which `{tag}` does not allow"),
                }
            }
            Requirement::Library { library } => {
                format!("needs `{library}`, which is neither in the wheel nor given by `{tag}`")
            }
            Requirement::Denied { library, symbols } => {
                let names = list(symbols);
                format!("needs {names} of `{library}`, which not every machine of `{tag}` has")
            }
            Requirement::Release { library, release, allowed, symbols } => match release {
                Some(release) => {
                    let names = list(symbols);
                    format!("needs {names} of `{library}`, which came with {release}; `{tag}` allows {allowed}")
                }
                None => format!("needs {}, which `{library}` of {allowed} does not have (`{tag}`)", list(symbols)),
            },
            Requirement::Other { message, .. } => message.clone(),
        }
    }

    fn help(&self) -> Option<String> {
        let or_tag = match &self.allowed_by {
            Some(tag) => format!(", or tag `{tag}`"),
            None => String::new(),
        };
        match &self.requirement {
            Requirement::Version { symbols, .. } | Requirement::Release { symbols, .. } => {
                let what = match symbols.len() {
                    0 => "build against an older release".to_owned(),
                    1 => format!("do without `{}` or build against an older release", symbols[0]),
                    count => format!("do without these {count} symbols or build against an older release"),
                };
                Some(format!("{what}{or_tag}"))
            }
            Requirement::Library { .. } => Some("let `truewheel repair` vendor it".to_owned()),
            Requirement::Denied { .. } => Some(format!("vendor the library, or do without the symbol{or_tag}")),
            Requirement::Other { help, .. } => help.clone(),
        }
    }
}

/// No message names more symbols than this; the reason itself has them all.
const NAMED: usize = 5;

/// Returns `a`, `b` and so on in backticks, shortened with a count.
pub(super) fn list(symbols: &[String]) -> String {
    let named: Vec<String> = symbols.iter().take(NAMED).map(|symbol| format!("`{symbol}`")).collect();
    match symbols.len().checked_sub(named.len()) {
        None | Some(0) => named.join(", "),
        Some(more) => format!("{} and {more} more", named.join(", ")),
    }
}

fn symbols_in_brackets(symbols: &[String]) -> String {
    match symbols {
        [] => String::new(),
        [symbol] => format!(" (symbol `{symbol}`)"),
        several => format!(" (symbols {})", list(several)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(requirement: Requirement, allowed_by: Option<&str>) -> Diagnostic {
        Reason {
            code: Code::TW401,
            member: "demo/_core.so".into(),
            chain: vec!["demo/_core.so".into()],
            requirement,
            tag: "manylinux_2_17_x86_64".into(),
            allowed_by: allowed_by.map(str::to_owned),
        }
        .diagnostic()
    }

    #[test]
    fn a_version_is_said_with_its_symbols_and_the_way_out() {
        let symbols = ["pthread_create".to_owned()];
        let found = reason(
            Requirement::Version {
                library: "libc.so.6".into(),
                version: "GLIBC_2.34".into(),
                allowed: Some("GLIBC_2.17".into()),
                symbols: symbols.into(),
            },
            Some("manylinux_2_34_x86_64"),
        );
        assert_eq!(
            found.message,
            "needs `GLIBC_2.34` of `libc.so.6` (symbol `pthread_create`), newer than `GLIBC_2.17` which \
             `manylinux_2_17_x86_64` allows"
        );
        assert_eq!(
            found.help.as_deref(),
            Some("do without `pthread_create` or build against an older release, or tag `manylinux_2_34_x86_64`")
        );
    }

    #[test]
    fn many_symbols_are_counted() {
        let symbols: Vec<String> = (0..9).map(|number| format!("s{number}")).collect();
        assert_eq!(list(&symbols), "`s0`, `s1`, `s2`, `s3`, `s4` and 4 more");
    }
}
