//! `truewheel check`: what an installer, a loader or PyPI would stumble over, with an exit status for CI.

use crate::cli::args::CheckArgs;
use crate::cli::inputs;
use crate::cli::printer::{Printer, View};
use crate::cli::settings::Settings;
use crate::cli::status::Status;
use crate::cli::subject;
use crate::cli::terminal::Terminal;
use crate::error::{Error, Result};
use crate::policy::PolicySet;
use crate::tag::PlatformTag;

/// Checks each file; status 1 if any finding is an error.
pub fn run(args: &CheckArgs, settings: &Settings, terminal: &Terminal) -> Status {
    let prepared = super::audit::options(&args.report, settings).and_then(|mut options| {
        options.plat = platforms(&args.plat, &options.policies)?;
        Ok(options)
    });
    let mut options = match prepared {
        Ok(options) => options,
        Err(error) => {
            terminal.error(&error);
            return Status::Impossible;
        }
    };
    options.ignore_recorded = args.ignore_recorded;
    options.why_not_better = false;
    let printer = Printer::new(&args.report, View::Findings, terminal);
    let paths = inputs::with_folders(inputs::expand(&args.inputs));
    super::audit::each(paths, printer, terminal, &|path| subject::check(path, &options), &Status::of)
}

/// Returns the tags of `--plat`.
fn platforms(names: &[String], policies: &PolicySet) -> Result<Vec<PlatformTag>> {
    let mut tags = Vec::new();
    for name in names.iter().map(|name| name.trim()).filter(|name| !name.is_empty()) {
        let Ok(tag) = name.parse::<PlatformTag>();
        if !matches!(tag, PlatformTag::Linux { .. }) && policies.find(&tag).is_none() {
            let error = Error::usage(format!("there is no policy for `{name}`")).about("--plat");
            return Err(error.hint("`truewheel policies` lists all"));
        }
        tags.push(tag);
    }
    Ok(tags)
}
