//! `Reason`: one thing that keeps a wheel from a tag.

use crate::diagnostic::{Code, Diagnostic};

/// What a reason is about, apart from member and chain.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Requirement {
    /// A version node newer than allowed, with the symbols that ask for it (none: the node alone is asked for).
    Version {
        /// The library it is asked of.
        library: String,
        /// The node, e.g. `GLIBC_2.34`.
        version: String,
        /// The newest node of the family that is allowed, e.g. `GLIBC_2.17`.
        allowed: Option<String>,
        /// The symbols that ask for it, sorted.
        symbols: Vec<String>,
    },
    /// A library that the policy does not give and the wheel does not hold.
    Library {
        /// Its name.
        library: String,
    },
    /// Symbols that the policy denies.
    Denied {
        /// The library that would have them.
        library: String,
        /// The symbols, sorted.
        symbols: Vec<String>,
    },
    /// Symbols of a library without versions that came with a later release than allowed, or with none.
    Release {
        /// The library.
        library: String,
        /// The release they came with, e.g. `1.2.3` or `API level 28`; `None`: no release has them.
        release: Option<String>,
        /// The symbols, sorted.
        symbols: Vec<String>,
    },
    /// Anything else: a phrase for people.
    Other {
        /// The phrase, as in a [`Diagnostic`]'s message.
        message: String,
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
    /// The most compatible tag of the same family that this reason does not keep from the wheel, if any.
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

    /// Returns the finding for people and machines.
    pub fn diagnostic(&self) -> Diagnostic {
        Diagnostic::new(self.code, String::new()).member(self.member.clone()).chain(self.chain.clone())
    }
}
