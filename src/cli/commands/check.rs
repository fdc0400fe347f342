//! `truewheel check`: what an installer, a loader or PyPI would stumble over, with an exit status for CI.

use crate::cli::args::CheckArgs;
use crate::cli::inputs;
use crate::cli::printer::{Printer, View};
use crate::cli::settings::Settings;
use crate::cli::status::Status;
use crate::cli::subject;
use crate::cli::terminal::Terminal;
use crate::policy::apple::RequiredArchs;

/// Checks each file; status 1 if any finding is an error.
pub fn run(args: &CheckArgs, settings: &Settings, terminal: &Terminal) -> Status {
    let prepared = super::audit::options(&args.report, settings).and_then(|mut options| {
        let names: Vec<&str> = args.plat.iter().map(|name| name.trim()).filter(|name| !name.is_empty()).collect();
        options.plat = super::policies::platforms(&names, &options.policies)?;
        let archs = args.require_archs.as_deref().unwrap_or_default().parse::<RequiredArchs>();
        options.require_archs = archs.map_err(|error| error.about("--require-archs"))?;
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
