//! `truewheel completions`: a script that teaches a shell the commands and flags.

use clap::CommandFactory;

use crate::cli::args::{Arguments, CompletionsArgs};
use crate::cli::output;
use crate::cli::status::Status;

/// Prints the script.
pub fn run(args: &CompletionsArgs) -> Status {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Arguments::command(), "truewheel", &mut script);
    output::text(&String::from_utf8_lossy(&script))
}
