//! `judge`: one policy, one architecture, one wheel: satisfied, or every reason why not.

use super::document::{Ceilings, Policy};
use super::reason::{Reason, Requirement};
use super::rules;
use super::set::PolicySet;
use super::subject::{Link, Provider, Standing, Subject, SubjectBinary};
use crate::arch::Arch;
use crate::diagnostic::{Code, Diagnostic};
use crate::format::{Format, Image};
use crate::platform::runs_on;

/// The answer of [`judge`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Verdict {
    /// The tag that was asked for, e.g. `manylinux_2_17_x86_64`.
    pub tag: String,
    /// Every reason why it does not hold, sorted by member; empty: it holds.
    pub reasons: Vec<Reason>,
    /// What does not decide but should be known (no data for a library's symbols, …).
    pub notes: Vec<Diagnostic>,
}

impl Verdict {
    /// Returns true if the tag holds.
    pub fn satisfied(&self) -> bool {
        self.reasons.is_empty()
    }

    /// Returns true if one of the reasons is about the same need, whatever the tag.
    pub fn minds(&self, reason: &Reason) -> bool {
        self.reasons.binary_search_by(|other| other.key().cmp(&reason.key())).is_ok()
    }

    /// Returns the number of symbols, each in each binary, that stand in the way.
    pub fn symbol_count(&self) -> usize {
        self.reasons.iter().map(|reason| reason.symbols().len()).sum()
    }
}

/// Judges a wheel by one policy for one architecture.
///
/// An architecture that the policy does not have is a verdict with one reason.
pub fn judge(policy: &Policy, arch: Arch, subject: &Subject<'_>) -> Verdict {
    let mut verdict = Verdict { tag: policy.tag(arch), reasons: Vec::new(), notes: Vec::new() };
    let Some(here) = policy.arches.get(&arch) else {
        let message = format!("`{}` has no policy for {}", policy.name, arch.linux_name());
        let requirement = Requirement::Other { message, help: None };
        let (member, tag) = (String::new(), verdict.tag.clone());
        verdict.reasons.push(Reason {
            code: Code::TW409,
            member,
            chain: Vec::new(),
            requirement,
            tag,
            allowed_by: None,
        });
        return verdict;
    };
    let counted = Counted::of(policy, arch, subject);
    let mut case = Case { policy, arch, here, subject, counted, verdict };
    for place in 0..subject.binaries().len() {
        if case.counted.has(place) {
            // What is for another machine or system is told as such; no other question makes sense.
            let here = is_for(arch, case.binary(place).image);
            for rule in if here { rules::ALL } else { rules::FOREIGN } {
                rule(&mut case, place);
            }
        }
    }
    let mut verdict = case.verdict;
    verdict.reasons.sort_by(|one, other| one.key().cmp(&other.key()));
    // One import that several roots miss is one need.
    verdict.reasons.dedup_by(|one, other| one.same_need(other));
    verdict
}

/// Returns true if Linux's loader on `arch` takes the binary.
pub(super) fn is_for(arch: Arch, image: &Image) -> bool {
    image.format == Format::Elf && runs_on(arch, image)
}

/// Judges as [`judge`] does, and says of each reason which policy of the set does not mind it.
pub fn judge_within(set: &PolicySet, policy: &Policy, arch: Arch, subject: &Subject<'_>) -> Verdict {
    let mut verdict = judge(policy, arch, subject);
    let mut open: Vec<&mut Reason> = verdict.reasons.iter_mut().collect();
    for later in set.of(policy.family, arch).skip_while(|other| other.name != policy.name).skip(1) {
        if open.is_empty() {
            break;
        }
        let other = judge(later, arch, subject);
        let (still, settled): (Vec<_>, Vec<_>) = open.into_iter().partition(|reason| other.minds(reason));
        for reason in settled {
            reason.allowed_by = Some(other.tag.clone());
        }
        open = still;
    }
    verdict
}

/// Which binaries count: the wheel's own, and of the files outside those that this policy would have vendored.
pub(super) struct Counted {
    places: Vec<bool>,
    external: bool,
}

impl Counted {
    fn of(policy: &Policy, arch: Arch, subject: &Subject<'_>) -> Self {
        let mut counts: Vec<bool> =
            subject.binaries().iter().map(|binary| binary.standing != Standing::External).collect();
        let mut open: Vec<usize> = counts.iter().enumerate().filter(|(_, counts)| **counts).map(|(at, _)| at).collect();
        while let Some(place) = open.pop() {
            for link in &subject.at(place).links {
                if let Provider::Vendored(target) = link.provider
                    && !policy.gives(arch, link.name)
                    // INVARIANT: one element for each binary.
                    && !std::mem::replace(&mut counts[target], true)
                {
                    open.push(target);
                }
            }
        }
        let external = subject
            .binaries()
            .iter()
            .zip(&counts)
            .any(|(binary, counts)| *counts && binary.standing == Standing::External);
        Self { places: counts, external }
    }

    /// Returns true if a file outside counts.
    pub(super) fn has_external(&self) -> bool {
        self.external
    }

    /// Returns true if the binary at a place counts.
    pub(super) fn has(&self, place: usize) -> bool {
        self.places.get(place).copied().unwrap_or(false)
    }
}

/// A judgement under way: what rules look at and where they say what they find.
pub(super) struct Case<'a, 's> {
    pub(super) policy: &'a Policy,
    pub(super) arch: Arch,
    pub(super) here: &'a Ceilings,
    pub(super) subject: &'a Subject<'s>,
    pub(super) counted: Counted,
    verdict: Verdict,
}

impl<'a, 's> Case<'a, 's> {
    /// Returns the binary at a place.
    pub(super) fn binary(&self, place: usize) -> &'a SubjectBinary<'s> {
        self.subject.at(place)
    }

    /// Returns the place of the binary that provides a link inside the wheel, under this policy.
    pub(super) fn inside(&self, link: &Link<'_>) -> Option<usize> {
        match link.provider {
            Provider::Wheel(place) => Some(place),
            Provider::Vendored(place) => (!self.policy.gives(self.arch, link.name)).then_some(place),
            Provider::Excluded | Provider::Python | Provider::Outside => None,
        }
    }

    /// Returns true if a link goes to what the policy gives.
    pub(super) fn given(&self, link: &Link<'_>) -> bool {
        matches!(link.provider, Provider::Outside | Provider::Vendored(_)) && self.policy.gives(self.arch, link.name)
    }

    /// Says a reason about the binary at a place.
    pub(super) fn because(&mut self, place: usize, code: Code, requirement: Requirement) {
        let reason = Reason {
            code,
            member: self.binary(place).member.to_owned(),
            chain: self.subject.chain(place),
            requirement,
            tag: self.verdict.tag.clone(),
            allowed_by: None,
        };
        if self.subject.tolerates(code) {
            self.verdict.notes.push(reason.diagnostic().at(crate::diagnostic::Severity::Note));
        } else {
            self.verdict.reasons.push(reason);
        }
    }

    /// Says a reason that is a phrase.
    pub(super) fn refuse(&mut self, place: usize, code: Code, message: String, help: Option<&str>) {
        let help = help.map(str::to_owned);
        self.because(place, code, Requirement::Other { message, help });
    }

    /// Says what does not decide.
    pub(super) fn note(&mut self, place: usize, diagnostic: Diagnostic) {
        let diagnostic = diagnostic.member(self.binary(place).member).chain(self.subject.chain(place));
        if !self.verdict.notes.contains(&diagnostic) {
            self.verdict.notes.push(diagnostic);
        }
    }

    /// Returns the tag that is asked for.
    pub(super) fn tag(&self) -> &str {
        &self.verdict.tag
    }
}
