//! Why a tag is not earned, in words.

use super::AppleRules;
use super::survey::{Lack, Machine, Slice, Survey};
use crate::arch::Arch;
use crate::diagnostic::Code;
use crate::format::macho::AppleVersion;
use crate::policy::reason::{Reason, Requirement};
use crate::policy::subject::Subject;
use crate::tag::PlatformTag;

/// A slice needs a newer system than the tag says.
pub(super) fn too_new(rules: &AppleRules, subject: &Subject<'_>, slice: &Slice, tag: &PlatformTag) -> Reason {
    let system = rules.system_name();
    let said = said(tag).map_or_else(String::new, |said| said.to_string());
    let arch = slice.machine.arch.apple_name();
    let help = match rules.name.as_str() {
        "macos" => format!("build it with `MACOSX_DEPLOYMENT_TARGET={said}`, or tag it for {system} {}", slice.version),
        _ => format!("build it for {system} {said}, or tag it for {}", slice.version),
    };
    let message = format!("needs {system} {} ({arch}); the tag promises {said}", slice.stated);
    reason(subject, slice.place, Code::TW411, (message, Some(help)), tag)
}

/// A binary does not do for a machine that the tag names.
pub(super) fn lacking(
    rules: &AppleRules,
    subject: &Subject<'_>,
    (place, lack): &(usize, Lack),
    machine: &Machine,
    tag: &PlatformTag,
) -> Reason {
    let wanted = machine.arch.apple_name();
    let (code, message, help) = match lack {
        Lack::Arch => {
            let member = subject.at(*place).member;
            let own: Vec<String> = subject
                .binaries()
                .iter()
                .filter(|binary| binary.member == member)
                .map(|binary| binary.image.arch.apple_name())
                .collect();
            let message = format!("has code for {}, and none for {wanted}, which the tag names", own.join(" and "));
            let help = "build it for both and join them (`truewheel merge`), or drop the architecture from the tag";
            (Code::TW412, message, help)
        }
        Lack::Platform(platform) => {
            let system = match rules.name.as_str() {
                "macos" => "macOS".to_owned(),
                _ => format!("`{}`", machine.sdk),
            };
            let message = format!("is for {} ({wanted}), and the tag for {system}", platform.name());
            (Code::TW413, message, "build it with the SDK of the tag's system")
        }
    };
    reason(subject, *place, code, (message, Some(help.to_owned())), tag)
}

/// No binary at all has code for a machine that the tag names.
pub(super) fn nothing(machine: &Machine, tag: &PlatformTag) -> Reason {
    let sdk = if machine.sdk == "macosx" { String::new() } else { format!(" for `{}`", machine.sdk) };
    let message = format!("no binary has code for {}{sdk}, which the tag names", machine.arch.apple_name());
    Reason {
        code: Code::TW412,
        member: String::new(),
        chain: Vec::new(),
        requirement: Requirement::Other { message, help: None },
        tag: tag.to_string(),
        allowed_by: None,
    }
}

/// No installer asks for the tag.
fn dead(tag: &PlatformTag, alive: &PlatformTag) -> Reason {
    let why = match tag {
        PlatformTag::Macos { major: 11.., .. } => "from macOS 11 on the minor number in a tag is 0",
        _ => "arm64 begins with macOS 11",
    };
    let message = format!("installers never ask for `{tag}`: {why}");
    Reason {
        code: Code::TW617,
        member: String::new(),
        chain: Vec::new(),
        requirement: Requirement::Other { message, help: Some(format!("use `{alive}`")) },
        tag: tag.to_string(),
        allowed_by: None,
    }
}

fn reason(
    subject: &Subject<'_>,
    place: usize,
    code: Code,
    (message, help): (String, Option<String>),
    tag: &PlatformTag,
) -> Reason {
    Reason {
        code,
        member: subject.at(place).member.to_owned(),
        chain: subject.chain(place),
        requirement: Requirement::Other { message, help },
        tag: tag.to_string(),
        allowed_by: None,
    }
}

/// Returns the machines that a tag names; empty for another system's tag.
pub(super) fn machines(rules: &AppleRules, tag: &PlatformTag) -> Vec<Machine> {
    match tag {
        PlatformTag::Macos { arch, .. } if rules.name == "macos" => {
            arch.archs().into_iter().map(|arch| Machine { sdk: "macosx".to_owned(), arch }).collect()
        }
        PlatformTag::Ios { arch, sdk, .. } if rules.name == "ios" => {
            vec![Machine { sdk: sdk.name().to_owned(), arch: *arch }]
        }
        _ => Vec::new(),
    }
}

/// Returns the version that a tag says.
pub(super) fn said(tag: &PlatformTag) -> Option<AppleVersion> {
    match tag {
        PlatformTag::Macos { major, minor, .. } | PlatformTag::Ios { major, minor, .. } => {
            Some(AppleVersion::new(*major, u8::try_from(*minor).unwrap_or(u8::MAX), 0))
        }
        _ => None,
    }
}

/// Returns every reason why the tag does not hold.
pub(super) fn against(rules: &AppleRules, subject: &Subject<'_>, survey: &Survey, tag: &PlatformTag) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let Some(said) = said(tag) else { return reasons };
    if let Some(alive) = tag.asked_for_instead() {
        reasons.push(dead(tag, &alive));
    }
    for machine in machines(rules, tag) {
        let lacks = survey.lacking(subject, &machine);
        // What not one binary has is said once.
        if survey.on(&machine).next().is_none() && lacks.iter().all(|(_, lack)| *lack == Lack::Arch) {
            reasons.push(nothing(&machine, tag));
            continue;
        }
        for lack in lacks {
            reasons.push(lacking(rules, subject, &lack, &machine, tag));
        }
        // On a machine that runs nothing older, a tag that says less says the same.
        let floor = rules.arch(machine.arch, &machine.sdk).map(|known| known.floor).unwrap_or_default();
        let promised = rules.in_tags(said).max(rules.in_tags(floor));
        let newer = survey.on(&machine).filter(|slice| slice.version > promised);
        reasons.extend(newer.map(|slice| too_new(rules, subject, slice, tag)));
    }
    reasons.sort_by(|one, other| one.key().cmp(&other.key()));
    reasons
}

/// Returns true if the processor is one that tags of the system name.
pub(super) fn is_named(rules: &AppleRules, arch: Arch) -> bool {
    rules.archs.iter().any(|known| known.arch == arch)
}
