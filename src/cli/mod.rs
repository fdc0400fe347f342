//! The command line: arguments, settings, terminal, and one file for each command.

pub mod args;
mod commands;
mod config;
mod inputs;
mod levels;
mod output;
mod peers;
mod printer;
mod search;
mod settings;
mod status;
mod subject;
mod terminal;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::CommandFactory;

use args::{Arguments, Command};
use settings::{Environment, Stop};
use status::Status;
use terminal::Terminal;

/// Runs the program on the process's arguments and returns its exit status.
pub fn main() -> ExitCode {
    ExitCode::from(run(std::env::args_os().collect()).code())
}

/// Runs one command line, program name first.
fn run(line: Vec<OsString>) -> Status {
    let environment = Environment::of_process();
    let settings = match settings::resolve(line, &environment) {
        Ok(settings) => settings,
        Err(Stop::Clap(error)) => return output::clap_message(&error),
        Err(Stop::Error(error)) => {
            Terminal::plain().error(&error);
            return Status::Impossible;
        }
    };
    let Some(command) = &settings.arguments.command else {
        return output::text(&Arguments::command().render_help().to_string());
    };
    let terminal = Terminal::new(&settings.arguments.common);
    if let Some(jobs) = settings.arguments.common.jobs {
        // Only the first call in a process can set the pool's size; this is it.
        let _ = rayon::ThreadPoolBuilder::new().num_threads(usize::from(jobs)).build_global();
    }
    for note in &settings.notes {
        terminal.note(note);
    }
    match command {
        Command::Show(args) => commands::show::run(args, &settings, &terminal),
        Command::Check(args) => commands::check::run(args, &settings, &environment, &terminal),
        Command::Repair(args) => commands::repair::run(args, &settings, &environment, &terminal),
        Command::Merge(args) => commands::merge::run(args, &settings, &environment, &terminal),
        Command::Retag(args) => commands::retag::run(args, &settings, &environment, &terminal),
        Command::Tree(args) => commands::tree::run(args, &environment, &terminal),
        Command::Edit(args) => commands::edit::run(args, &terminal),
        Command::Policies(args) => commands::policies::run(args, &terminal),
        Command::Explain(args) => commands::explain::run(args, &terminal),
        Command::Completions(args) => commands::completions::run(args),
    }
}
