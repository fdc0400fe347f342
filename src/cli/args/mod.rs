//! The command line as clap sees it; what a flag means is said once, here, for `--help`, completions and the docs.

mod edit;
pub mod merge;
pub mod repair;
pub mod retag;

pub use edit::{EditArgs, EditFlags, RpathKind};
pub use merge::MergeArgs;
pub use repair::{RepairArgs, StripWhat};
pub use retag::RetagArgs;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::error::Error;
use crate::policy::apple::RequiredArchs;
use crate::report::{OutputFormat, Profile};

/// Inspects, checks, repairs and retags Python wheels for every platform, from every host.
#[derive(Debug, Parser)]
#[command(name = "truewheel", version, about, propagate_version = true, max_term_width = 100, infer_long_args = false)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Flags of every command.
    #[command(flatten)]
    pub common: CommonArgs,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// What is inside: binaries, imports, versions, tags earned and why not better
    Show(ShowArgs),
    /// Enforce in CI: tags, policies, archive, metadata
    Check(CheckArgs),
    /// Vendor, rewire, retag
    Repair(Box<RepairArgs>),
    /// Change tags, with proof that they are true
    Retag(Box<RetagArgs>),
    /// One universal2 wheel of two for one architecture each
    Merge(Box<MergeArgs>),
    /// Dependency tree of wheels, binaries and folders, each edge with how it was resolved
    Tree(TreeArgs),
    /// The editors alone, on one binary: soname, imports, search paths
    Edit(Box<EditArgs>),
    /// The platform policies and what they allow, and the presets of `--exclude`
    Policies(PoliciesArgs),
    /// What a diagnostic means and what to do about it
    Explain(ExplainArgs),
    /// Completions for a shell
    Completions(CompletionsArgs),
}

/// Flags of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Common flags")]
pub struct CommonArgs {
    /// Says only errors
    #[arg(short, long, global = true, conflicts_with = "verbose", display_order = 900)]
    pub quiet: bool,
    /// Says more; every symbol and every chain
    #[arg(short, long, global = true, action = clap::ArgAction::Count, display_order = 900)]
    pub verbose: u8,
    /// When to use colour
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", display_order = 900)]
    pub color: ColorWhen,
    /// Threads to use [default: one for each processor]
    #[arg(short, long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024), display_order = 900)]
    pub jobs: Option<u16>,
    /// Reads this configuration file, and no other
    #[arg(long, global = true, value_name = "FILE", conflicts_with = "no_config", display_order = 900)]
    pub config: Option<PathBuf>,
    /// Reads no configuration file
    #[arg(long, global = true, display_order = 900)]
    pub no_config: bool,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ColorWhen {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Which files: paths, globs, `-` for a list on standard input.
#[derive(Debug, Args)]
pub struct Inputs {
    /// Paths or globs; `-` reads paths from standard input, one a line
    #[arg(value_name = "WHEEL", required_unless_present = "from_stdin0")]
    pub paths: Vec<PathBuf>,
    /// Reads paths from standard input, separated by NUL
    #[arg(long)]
    pub from_stdin0: bool,
}

/// How and where a report is printed, and what it calls an error.
#[derive(Debug, Args)]
#[command(next_help_heading = "Report")]
pub struct ReportArgs {
    /// The form of the report
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub format: OutputFormat,
    /// Writes the report to a file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Makes findings notes; a code, a slug or a family (`TW4xx`); repeatable
    #[arg(long, value_name = "CODE")]
    pub allow: Vec<String>,
    /// Makes findings warnings; repeatable
    #[arg(long, value_name = "CODE")]
    pub warn: Vec<String>,
    /// Makes findings errors; repeatable
    #[arg(long, value_name = "CODE")]
    pub deny: Vec<String>,
    /// Adds platform policies from a file, or replaces those of the same name
    #[arg(long, value_name = "FILE")]
    pub policy_file: Option<PathBuf>,
}

/// `truewheel show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// Which wheels.
    #[command(flatten)]
    pub inputs: Inputs,
    /// Ignores what the wheel records about excluded libraries
    #[arg(long)]
    pub ignore_recorded: bool,
    /// Lets binaries need a newer processor than their architecture's baseline
    #[arg(long, hide_short_help = true)]
    pub disable_isa_ext_check: bool,
    /// Has no effect: a wheel without binaries is shown like any other
    #[arg(long, hide_short_help = true)]
    pub allow_pure_python_wheel: bool,
    /// How it is printed.
    #[command(flatten)]
    pub report: ReportArgs,
}

/// `truewheel check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Which files: wheels, bare binaries, folders of wheels.
    #[command(flatten)]
    pub inputs: Inputs,
    /// Platform tags that the bytes must earn, separated by commas; repeatable
    #[arg(long, value_name = "TAG", value_delimiter = ',')]
    pub plat: Vec<String>,
    /// macOS: architectures that every binary must have, separated by commas, or `universal2`; without a list those of
    /// the wheel's tags
    #[arg(long, value_name = "LIST", num_args = 0..=1, default_missing_value = "", value_parser = required_archs)]
    pub require_archs: Option<RequiredArchs>,
    /// ABI tags of which each wheel must have one (`abi3`, `none`, …), separated by commas; repeatable
    #[arg(long, value_name = "ABI", value_delimiter = ',')]
    pub require_abi: Vec<String>,
    /// What counts as an error: `pypi` adds what PyPI's upload form refuses, `strict` every warning
    #[arg(long, value_name = "PROFILE", default_value = "default")]
    pub profile: Profile,
    /// Mends what can be mended without a guess, writes the result with `-w`, and reports on that
    #[arg(long, requires = "wheel_dir")]
    pub fix: bool,
    /// Where mended wheels go
    #[arg(short, long, value_name = "DIR", requires = "fix")]
    pub wheel_dir: Option<PathBuf>,
    /// Ignores what the wheel records about excluded libraries
    #[arg(long)]
    pub ignore_recorded: bool,
    /// How it is printed.
    #[command(flatten)]
    pub report: ReportArgs,
}

/// `truewheel tree`.
#[derive(Debug, Args)]
pub struct TreeArgs {
    /// Which wheels, bare binaries or folders.
    #[command(flatten)]
    pub inputs: Inputs,
    /// Where libraries are.
    #[command(flatten)]
    pub search: SearchArgs,
    /// Leaves libraries to the user's machine: a name or path, as a glob, or `@PRESET`; several separated by `;` (and by
    /// `:` where paths have no drive letters); repeatable
    #[arg(short = 'e', long, value_name = "GLOB|@PRESET")]
    pub exclude: Vec<String>,
    /// Ignores what the wheel records about excluded libraries
    #[arg(long)]
    pub ignore_recorded: bool,
    /// The form of the tree
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub format: TreeFormat,
    /// Writes the tree to a file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// The forms of a tree or a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TreeFormat {
    /// For people.
    Human,
    /// JSON, one object a line.
    Json,
}

/// Where libraries are looked for.
#[derive(Debug, Args)]
#[command(next_help_heading = "Libraries")]
pub struct SearchArgs {
    /// Looks for libraries here, before everywhere else; repeatable
    #[arg(long, value_name = "DIR")]
    pub lib_path: Vec<PathBuf>,
    /// Directories separated by `;` (and by `:` where paths have no drive letters); as `--lib-path`, and means `--no-host-libs`
    #[arg(long, value_name = "DIRS", hide_short_help = true)]
    pub add_path: Vec<String>,
    /// Directories separated by `:`; as `--lib-path`, and means `--no-host-libs`; may be empty
    #[arg(long, value_name = "DIRS", hide_short_help = true)]
    pub ldpaths: Vec<String>,
    /// The root of a target system: its loader configuration, library directories and package databases, in the place of
    /// this machine's
    #[arg(long, value_name = "DIR")]
    pub sysroot: Option<PathBuf>,
    /// Never looks at this machine; the default where it is not the wheel's platform
    #[arg(long)]
    pub no_host_libs: bool,
}

/// Reads the list of `--require-archs`, which may be left out; a path that stands in its place is told as such.
fn required_archs(text: &str) -> Result<RequiredArchs, String> {
    let explained = |error: Error| {
        let hints = error.hints().join("; ");
        format!(
            "{}; {hints}; what follows the flag is its list, so wheels stand before it or behind the list",
            error.message()
        )
    };
    text.parse().map_err(explained)
}

/// `truewheel policies`.
#[derive(Debug, Args)]
pub struct PoliciesArgs {
    /// Policies, tags or presets to show in full: `manylinux_2_28`, `manylinux2014_x86_64`, `macos`, `@cuda`; none lists all
    #[arg(value_name = "POLICY")]
    pub names: Vec<String>,
    /// The form of the list
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub format: TreeFormat,
    /// Adds platform policies from a file, or replaces those of the same name
    #[arg(long, value_name = "FILE")]
    pub policy_file: Option<PathBuf>,
}

/// `truewheel explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// Codes (`TW401`) or slugs (`symbol-too-recent`)
    #[arg(value_name = "CODE", required_unless_present = "all")]
    pub codes: Vec<String>,
    /// Lists every code
    #[arg(long, conflicts_with = "codes")]
    pub all: bool,
    /// The form of the page
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub format: TreeFormat,
}

/// `truewheel completions`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// Which shell
    #[arg(value_name = "SHELL")]
    pub shell: clap_complete::Shell,
}
