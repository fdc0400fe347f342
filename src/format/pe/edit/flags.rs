//! Clears `DependentLoadFlags`, which would keep the loader from the directories that Python allows.

use super::super::facts::Hybrid;
use super::layout::Draft;
use super::model::Model;
use super::room::Spot;
use super::two_machines;
use super::wanted::Wanted;
use crate::error::Result;

/// Clears the flags.
pub(super) fn write(draft: &mut Draft<'_, '_>, model: &Model<'_>, wanted: &Wanted) -> Result<()> {
    let Some(at) = model.config.dependent_at.filter(|_| wanted.clear_flags) else { return Ok(()) };
    if draft.hybrid() == Some(Hybrid::Arm64x) {
        return Err(two_machines(Hybrid::Arm64x, "it has a second load configuration"));
    }
    draft.put(Spot::Old(at), vec![0; 2]);
    Ok(())
}
