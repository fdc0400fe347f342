//! `truewheel show`: what is inside, which tags it earns, and why not better ones.

use crate::cli::args::ShowArgs;
use crate::cli::inputs;
use crate::cli::printer::{Printer, View};
use crate::cli::settings::Settings;
use crate::cli::status::Status;
use crate::cli::subject;
use crate::cli::terminal::Terminal;

/// Shows each file; a file that could be read is status 0, whatever was found.
pub fn run(args: &ShowArgs, settings: &Settings, terminal: &Terminal) -> Status {
    let mut options = match super::audit::options(&args.report, settings) {
        Ok(options) => options,
        Err(error) => {
            terminal.error(&error);
            return Status::Impossible;
        }
    };
    options.ignore_recorded = args.ignore_recorded;
    options.any_processor = args.disable_isa_ext_check;
    let printer = Printer::new(&args.report, View::Summary, terminal);
    super::audit::each(inputs::expand(&args.inputs), printer, terminal, &|path| subject::show(path, &options), &|_| {
        Status::Done
    })
}
