//! goblin, an independent reader: what it finds in an edited slice has to be what was asked for.

use goblin::mach::MachO;

use super::edit::wanted::Told;
use crate::error::{Error, Result};

/// Compares install name, imports and rpaths with what goblin reads.
///
/// # Errors
/// `Malformed`: a phrase saying what differs.
pub(super) fn compare(bytes: &[u8], told: &Told) -> Result<()> {
    let failed = |what: &str| Error::malformed(format!("goblin reads {what}"));
    let texts = told.imports.iter().map(|(_, name)| name).chain(&told.rpaths).chain(&told.identity);
    if texts.into_iter().any(|name| std::str::from_utf8(name).is_err()) {
        // goblin gives up at names that are not UTF-8.
        return Ok(());
    }
    let file = MachO::parse(bytes, 0).map_err(|error| failed(&error.to_string()))?;
    if file.name.map(str::as_bytes) != told.identity.as_deref() {
        return Err(failed("another install name"));
    }
    // The first is the file itself.
    let libraries = file.libs.iter().skip(1).map(|name| name.as_bytes());
    if !libraries.eq(told.imports.iter().map(|(_, name)| name.as_slice())) {
        return Err(failed("other imports"));
    }
    if !file.rpaths.iter().map(|path| path.as_bytes()).eq(told.rpaths.iter().map(Vec::as_slice)) {
        return Err(failed("other rpaths"));
    }
    Ok(())
}
