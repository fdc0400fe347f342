//! What the environment asks of the tags of every wheel that is made in it, where that can be meant for this one.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::options::Options;
use crate::arch::Arch;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::error::Result;
use crate::format::ImageKind;
use crate::load::Binary;
use crate::platform::{self, Platform, macos};
use crate::policy::{self, apple};
use crate::tag::PlatformTag;

/// The options as they hold for one wheel.
pub(super) struct Targeted<'a> {
    /// The options.
    pub options: Cow<'a, Options>,
    /// What the environment asks for that plays no part.
    pub notes: Vec<Diagnostic>,
}

/// Returns the options under which what the environment asks for is `plat`, or is gone where it plays no part: the tags
/// of an image where they are another system's, the deployment target of macOS where tags are asked for, or the wheel is
/// for another system.
///
/// # Errors
/// `Usage` if the deployment target is no version.
pub(super) fn targeted<'a>(options: &'a Options, binaries: &[Binary], claimed: &[PlatformTag]) -> Result<Targeted<'a>> {
    let mut targeted = Targeted { options: Cow::Borrowed(options), notes: Vec::new() };
    let platform = policy::platform(binaries, claimed);
    if options.plat_of_image && !options.plat.iter().any(|tag| is_meant(tag, platform)) {
        let note = |tag| {
            let message = format!(
                "the environment asks for `{tag}`, which no wheel for {} can be: it plays no part",
                platform.name()
            );
            Diagnostic::new(Code::TW703, message).at(Severity::Note)
        };
        targeted.notes.extend(options.plat.iter().map(note));
        targeted.options.to_mut().plat.clear();
    }
    let Some(value) = options.deployment_target.as_deref() else { return Ok(targeted) };
    let plat = match targeted.options.plat.is_empty() && platform.name() == "macos" {
        true => deployment_tags(value, binaries, claimed)?,
        false => Vec::new(),
    };
    let options = targeted.options.to_mut();
    if plat.is_empty() {
        options.deployment_target = None;
    } else {
        options.plat = plat;
        options.only_plat = true;
    }
    Ok(targeted)
}

/// Whether a tag is of the system that a wheel is for. Which C library it is for plays no part.
fn is_meant(tag: &PlatformTag, platform: &dyn Platform) -> bool {
    let system = |platform: &dyn Platform| match platform.name() {
        "musllinux" => "manylinux",
        name => name,
    };
    platform::of(tag).is_none_or(|owner| system(owner) == system(platform))
}

fn deployment_tags(value: &str, binaries: &[Binary], claimed: &[PlatformTag]) -> Result<Vec<PlatformTag>> {
    let loaded = |binary: &&Binary| binary.image.macho().is_some() && binary.image.kind != ImageKind::Object;
    let archs: BTreeSet<Arch> = binaries.iter().filter(loaded).map(|binary| macos::base(binary.image.arch)).collect();
    apple::deployment_tags(value, &archs, claimed)
}
