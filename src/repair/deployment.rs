//! `MACOSX_DEPLOYMENT_TARGET` as a target: the tag asked for, where no other is.

use std::collections::BTreeSet;

use super::options::Options;
use crate::arch::Arch;
use crate::error::Result;
use crate::format::ImageKind;
use crate::load::Binary;
use crate::platform::macos;
use crate::policy::{self, apple};
use crate::tag::PlatformTag;

/// Returns the options under which the deployment target is what `--plat` asks for, or under which there is none where
/// it plays no part: another target is asked for, or the wheel is not for macOS. `None`: the options are that already.
///
/// # Errors
/// `Usage` if the deployment target is no version.
pub(super) fn targeted(options: &Options, binaries: &[Binary], claimed: &[PlatformTag]) -> Result<Option<Options>> {
    let Some(value) = &options.deployment_target else { return Ok(None) };
    let without = || Options { deployment_target: None, ..options.clone() };
    if !options.plat.is_empty() || policy::platform(binaries, claimed).name() != "macos" {
        return Ok(Some(without()));
    }
    let loaded = |binary: &&Binary| binary.image.macho().is_some() && binary.image.kind != ImageKind::Object;
    let archs: BTreeSet<Arch> = binaries.iter().filter(loaded).map(|binary| macos::base(binary.image.arch)).collect();
    let plat = apple::deployment_tags(value, &archs, claimed)?;
    match plat.is_empty() {
        true => Ok(Some(without())),
        false => Ok(Some(Options { plat, only_plat: true, ..options.clone() })),
    }
}
