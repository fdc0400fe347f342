//! Levels as the flags, the environment and the configuration file give them.

use super::args::ReportArgs;
use super::settings::{Layer, Settings};
use crate::error::Result;
use crate::report::{Level, Levels};

/// Returns the levels of a command: the file's rules, then the environment's, then the flags', each layer beating
/// those before; the file's exceptions.
///
/// # Errors
/// `Usage` if a rule names no code, slug or family.
pub fn levels(args: &ReportArgs, settings: &Settings) -> Result<Levels> {
    let mut levels = Levels::new();
    let rules =
        [("allow", &args.allow, Level::Allow), ("warn", &args.warn, Level::Warn), ("deny", &args.deny, Level::Deny)];
    for layer in [Layer::File, Layer::Environment, Layer::Flag] {
        levels.begin_layer();
        for (flag, names, level) in rules {
            if settings.layer(flag) == layer {
                for name in names {
                    levels.rule(name.parse()?, level);
                }
            }
        }
    }
    for exception in settings.exceptions() {
        levels.exception(exception.clone());
    }
    Ok(levels)
}
