//! What is wrong with one slice, whoever loads it: its structure, its signature, its room, its name.

use std::collections::BTreeSet;

use super::ios;
use super::system_symbols;
use super::{AppleRules, Threshold};
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::format::macho::{FileType, MachoFacts, SignatureState, Structure, StructureRule};
use crate::format::{Image, ImageKind};
use crate::load::Binary;
use crate::platform::{Platform, macos};

/// Returns what is wrong with a slice of the wheel on a platform of Apple's; empty for other formats. The libraries
/// `excluded` are left to the user's machine.
pub fn findings(binary: &Binary, platform: &dyn Platform, excluded: &BTreeSet<String>) -> Vec<Diagnostic> {
    let Some(facts) = binary.image.macho().filter(|_| binary.image.kind != ImageKind::Object) else {
        return Vec::new();
    };
    let rules = if platform.name() == "ios" { AppleRules::ios() } else { AppleRules::macos() };
    let slice = Slice { rules, image: &binary.image, facts };
    let mut found: Vec<Diagnostic> = facts.structure.iter().filter_map(|broken| slice.structure(broken)).collect();
    found.extend(slice.signature());
    found.extend(slice.header_room());
    found.extend(slice.generic_identity());
    if rules.name == "ios" {
        found.extend(ios::findings(binary, facts, excluded));
    } else {
        found.extend(system_symbols::findings(rules, binary, facts));
    }
    found.into_iter().map(|found| found.member(&binary.member)).collect()
}

struct Slice<'a> {
    rules: &'a AppleRules,
    image: &'a Image,
    facts: &'a MachoFacts,
}

impl Slice<'_> {
    /// A rule of dyld's that the file breaks, and what follows with the SDK that it was built with.
    fn structure(&self, broken: &Structure) -> Option<Diagnostic> {
        // What cannot be read is said as such (TW201).
        let rule = self.rules.dyld(broken.rule).filter(|rule| rule.rule != StructureRule::BadCommand)?;
        let what = format!("breaks a rule of dyld's ({}): {}", self.image.arch.apple_name(), broken.message);
        if rule.always() {
            return Some(Diagnostic::new(Code::TW209, what));
        }
        let system = self.rules.system_name();
        let sdk = self.facts.sdk().unwrap_or_default();
        let first = rule.since.first()?;
        Some(match rule.refused_by(sdk) {
            Some(Threshold { system: release, .. }) => Diagnostic::new(
                Code::TW209,
                format!("{what}; {system} {release} refuses that in a file built with SDK {sdk}"),
            ),
            None => Diagnostic::new(
                Code::TW209,
                format!(
                    "{what}; {system} tolerates that in a file built with SDK {sdk}, and not from SDK {} on",
                    first.sdk
                ),
            )
            .at(Severity::Warning),
        })
    }

    /// A signature that is missing where the system wants one, or that is not true of the bytes.
    fn signature(&self) -> Option<Diagnostic> {
        let arch = macos::base(self.image.arch);
        let name = self.image.arch.apple_name();
        let stated = &self.facts.platforms;
        let sdk = match stated.is_empty() {
            true => self.rules.platforms.first().map(|(_, sdk)| sdk.as_str()),
            // Code for another of Apple's systems is signed as that system wants.
            false => stated.iter().find_map(|stated| self.rules.sdk(stated.platform)),
        };
        let wanted = sdk.and_then(|sdk| self.rules.arch(arch, sdk)).is_some_and(|rules| rules.signed);
        let Some(signature) = &self.facts.signature else {
            return wanted.then(|| {
                let message = format!("has no code signature ({name}), without which the system does not load it");
                Diagnostic::new(Code::TW210, message).help("sign it with `truewheel edit --sign`")
            });
        };
        let what = match &signature.state {
            SignatureState::Valid | SignatureState::NotCompared => return None,
            SignatureState::NotChecked => {
                let message = format!("has a code signature of SHA-1 digests only ({name}), which are not compared");
                return Some(Diagnostic::new(Code::TW210, message).at(Severity::Note));
            }
            SignatureState::WrongPages { first, count: 1 } => format!("page {first} is not the one that was signed"),
            SignatureState::WrongPages { first, count } => {
                format!("{count} pages, the first of them {first}, are not those that were signed")
            }
            SignatureState::WrongPart(part) => format!("its {part} is not the one that was signed"),
            SignatureState::Malformed(why) => why.clone(),
        };
        let message = format!("has a code signature that is wrong ({name}): {what}");
        // What goes into an app is signed with the app.
        let severity = if self.rules.name == "ios" { Severity::Warning } else { Severity::Error };
        Some(Diagnostic::new(Code::TW210, message).at(severity).help("sign it anew with `truewheel edit --sign`"))
    }

    /// Little room for load commands, in a file whose imports a repair may have to change; a warning where one still
    /// has to be.
    fn header_room(&self) -> Option<Diagnostic> {
        let free = self.facts.room.free();
        let outside = |name: &&str| !self.rules.gives(name) && !self.rules.is_python(name);
        let mut imports = self.image.imports.iter().map(|import| import.name.as_str()).filter(outside).peekable();
        if free >= self.rules.header_room || imports.peek().is_none() {
            return None;
        }
        let is_wired = imports.all(|name| name.starts_with("@loader_path/"));
        let severity = if is_wired { Severity::Note } else { Severity::Warning };
        let message =
            format!("has room for {free} bytes of load commands ({}) to grow by", self.image.arch.apple_name());
        let found = Diagnostic::new(Code::TW211, message).at(severity);
        Some(found.help("link with `-Wl,-headerpad_max_install_names`"))
    }

    /// A library that answers for a name which other distributions use too.
    fn generic_identity(&self) -> Option<Diagnostic> {
        let identity = self.image.identity.as_ref().filter(|_| self.facts.file_type == FileType::Dylib)?;
        self.rules.generic_names.contains(identity).then(|| {
            let message =
                format!("calls itself `{identity}`: whoever asks for that name in the process gets this copy");
            Diagnostic::new(Code::TW212, message).help(
                "give it a name of its own with `truewheel edit --set-soname`, or let `truewheel repair` vendor it",
            )
        })
    }
}
