//! The flags of `truewheel merge`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{Inputs, ReportArgs};

/// `truewheel merge`.
#[derive(Debug, Args)]
pub struct MergeArgs {
    /// Which two wheels: of one version, each for one architecture of macOS.
    #[command(flatten)]
    pub inputs: Inputs,
    /// Where the merged wheel goes
    #[arg(short, long, value_name = "DIR", default_value = "wheelhouse")]
    pub wheel_dir: PathBuf,
    /// Which wheel's file is taken where the two differ and cannot be fused [default: neither, that is an error]
    #[arg(long, value_name = "WHICH")]
    pub take: Option<Take>,
    /// Writes nothing and says what would be done
    #[arg(long)]
    pub dry_run: bool,
    /// Writes the wheel although this was found; never an untrue tag or a faulty archive; a code or
    /// slug; repeatable
    #[arg(long, value_name = "CODE")]
    pub accept: Vec<String>,
    /// How it is reported.
    #[command(flatten)]
    pub report: ReportArgs,
}

/// One of the two wheels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Take {
    /// The first.
    First,
    /// The second.
    Second,
}
