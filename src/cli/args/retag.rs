//! The flags of `truewheel retag`.

use std::path::PathBuf;

use clap::Args;

use super::{Inputs, ReportArgs};

/// `truewheel retag`.
#[derive(Debug, Args)]
pub struct RetagArgs {
    /// Which wheels.
    #[command(flatten)]
    pub inputs: Inputs,
    /// Where retagged wheels go
    #[arg(short, long, value_name = "DIR", default_value = "wheelhouse")]
    pub wheel_dir: PathBuf,
    /// What becomes of the tags.
    #[command(flatten)]
    pub tags: TagArgs,
    /// What else becomes of the wheel.
    #[command(flatten)]
    pub result: RetagResultArgs,
    /// How it is reported.
    #[command(flatten)]
    pub report: ReportArgs,
}

/// What becomes of the tags.
#[derive(Debug, Args)]
#[command(next_help_heading = "Tags")]
pub struct TagArgs {
    /// The python tags, separated by dots; `+TAGS` adds, `-TAGS` takes away
    #[arg(long, value_name = "TAGS", allow_hyphen_values = true)]
    pub python_tag: Option<String>,
    /// The ABI tags, separated by dots; `+TAGS` adds, `-TAGS` takes away
    #[arg(long, value_name = "TAGS", allow_hyphen_values = true)]
    pub abi_tag: Option<String>,
    /// The platform tags, separated by dots; `+TAGS` adds, `-TAGS` takes away
    #[arg(long, value_name = "TAGS", allow_hyphen_values = true)]
    pub platform_tag: Option<String>,
    /// The build tag, which begins with a digit; an empty one goes
    #[arg(long, value_name = "BUILD")]
    pub build: Option<String>,
    /// The widest tags that can be proven, where no other flag names them
    #[arg(long)]
    pub auto: bool,
    /// Writes the wheel although its tags are untrue, and says what is
    #[arg(long)]
    pub force: bool,
    /// Ignores what the wheel records about excluded libraries
    #[arg(long)]
    pub ignore_recorded: bool,
}

/// What else becomes of the wheel.
#[derive(Debug, Args)]
#[command(next_help_heading = "Result")]
pub struct RetagResultArgs {
    /// Gives extension modules file names that the tags' Pythons import
    #[arg(long)]
    pub rename_extensions: bool,
    /// Removes the wheel that was read, once the other is written
    #[arg(long)]
    pub remove: bool,
    /// Writes nothing and says what would be done
    #[arg(long)]
    pub dry_run: bool,
    /// Writes the wheel although this was found; never an untrue tag or a faulty archive; a code or
    /// slug; repeatable
    #[arg(long, value_name = "CODE")]
    pub accept: Vec<String>,
}
