//! The flags of `truewheel repair`, and the spellings that its peers taught people.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{Inputs, ReportArgs, SearchArgs, required_archs};
use crate::format::StripLevel;
use crate::policy::apple::RequiredArchs;

/// `truewheel repair`.
#[derive(Debug, Args)]
pub struct RepairArgs {
    /// Which wheels.
    #[command(flatten)]
    pub inputs: Inputs,
    /// Where repaired wheels go
    #[arg(short, long, value_name = "DIR", default_value = "wheelhouse")]
    pub wheel_dir: PathBuf,
    /// Target platform tags, separated by commas [default: auto, the best tags the final bytes earn]
    #[arg(long, value_name = "TAG", value_delimiter = ',')]
    pub plat: Vec<String>,
    /// `plat` is from the image's environment.
    #[arg(skip)]
    pub plat_of_image: bool,
    /// Adds no better tags than those asked for
    #[arg(long)]
    pub only_plat: bool,
    /// Keeps the tags as they are; if one of them is not earned, nothing is written
    #[arg(long)]
    pub no_update_tags: bool,
    /// Where libraries are.
    #[command(flatten)]
    pub search: SearchArgs,
    /// What happens to libraries.
    #[command(flatten)]
    pub libraries: LibraryArgs,
    /// What the result is like.
    #[command(flatten)]
    pub result: ResultArgs,
    /// Plans.
    #[command(flatten)]
    pub plan: PlanArgs,
    /// Spellings of the peers.
    #[command(flatten)]
    pub peers: PeerArgs,
    /// How it is reported.
    #[command(flatten)]
    pub report: ReportArgs,
}

/// What happens to libraries.
#[derive(Debug, Args)]
#[command(next_help_heading = "Libraries")]
pub struct LibraryArgs {
    /// Leaves libraries, and what only they need, to the user's machine: a name or path, as a glob, or `@PRESET`; several
    /// separated by `;` (and by `:` where paths have no drive letters); repeatable
    #[arg(short = 'e', long, value_name = "GLOB|@PRESET")]
    pub exclude: Vec<String>,
    /// Vendors a library that nothing imports: a path, or a name that is searched; `=DEST` is its folder; several as
    /// for `--exclude`; repeatable
    #[arg(long, value_name = "LIB[=DEST]")]
    pub include: Vec<String>,
    /// Ignores what the wheel records about excluded libraries
    #[arg(long)]
    pub ignore_recorded: bool,
    /// Keeps the names of vendored libraries that match; several as for `--exclude`; repeatable
    #[arg(long, value_name = "GLOB")]
    pub no_mangle: Vec<String>,
    /// What the folder of vendored libraries is called, after the distribution's name [default: the platform's]
    #[arg(short = 'L', long, alias = "lib-sdir", value_name = "SUFFIX")]
    pub lib_dir: Option<String>,
    /// Windows: where vendored DLLs go
    #[arg(long, value_name = "LAYOUT", default_value = "auto")]
    pub layout: Layout,
    /// macOS: architectures that every binary must have, separated by commas, or `universal2`; without a list those of
    /// the wheel's tags
    #[arg(long, value_name = "LIST", num_args = 0..=1, default_missing_value = "", value_parser = required_archs)]
    pub require_archs: Option<RequiredArchs>,
    /// macOS: what `@executable_path` stands for
    #[arg(long, value_name = "PATH")]
    pub executable_path: Option<PathBuf>,
}

/// Where vendored DLLs go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Layout {
    /// Whatever never duplicates a DLL.
    Auto,
    /// A copy in each directory that needs it.
    Adjacent,
    /// One folder for all.
    Libs,
}

/// How much is stripped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StripWhat {
    /// Nothing.
    None,
    /// Debug sections.
    Debug,
    /// Debug sections and the symbol table that no loader needs.
    All,
}

impl StripWhat {
    /// Returns the level; `None` strips nothing.
    pub fn level(self) -> Option<StripLevel> {
        match self {
            StripWhat::None => None,
            StripWhat::Debug => Some(StripLevel::Debug),
            StripWhat::All => Some(StripLevel::All),
        }
    }
}

/// What the result is like.
#[derive(Debug, Args)]
#[command(next_help_heading = "Result")]
pub struct ResultArgs {
    /// Strips binaries (ELF)
    #[arg(long, value_name = "WHAT", num_args = 0..=1, require_equals = true, default_missing_value = "all")]
    pub strip: Option<StripWhat>,
    /// How hard changed members are compressed, 0 to 12 [default: 5, and what a change does not reach stays packed as it is]
    #[arg(short = 'z', long, alias = "zip-compression-level", value_name = "LEVEL", allow_hyphen_values = true, value_parser = clap::value_parser!(i8).range(-1..=12))]
    pub compress: Option<i8>,
    /// Writes an SBOM of the vendored libraries into the wheel (the default)
    #[arg(long, overrides_with = "no_sbom")]
    pub sbom: bool,
    /// Writes no SBOM
    #[arg(long, overrides_with = "sbom")]
    pub no_sbom: bool,
    /// Writes the wheel although its own verification found this; never an untrue tag or a faulty archive; a code or
    /// slug; repeatable
    #[arg(long, value_name = "CODE")]
    pub accept: Vec<String>,
}

/// Plans.
#[derive(Debug, Args)]
#[command(next_help_heading = "Plans")]
pub struct PlanArgs {
    /// Writes nothing and says what would be done
    #[arg(long)]
    pub dry_run: bool,
    /// Writes the decisions to a plan file
    #[arg(long, value_name = "FILE")]
    pub save_plan: Option<PathBuf>,
    /// Takes the decisions from a plan file, and refuses what it does not mention
    #[arg(long, value_name = "FILE")]
    pub plan: Option<PathBuf>,
}

/// Spellings of auditwheel, delocate and delvewheel.
#[derive(Debug, Args)]
#[command(next_help_heading = "Spellings of other tools")]
pub struct PeerArgs {
    /// As `--exclude`
    #[arg(long, value_name = "NAMES", hide_short_help = true)]
    pub no_dll: Vec<String>,
    /// As `--include`
    #[arg(long, value_name = "NAMES", hide_short_help = true)]
    pub add_dll: Vec<String>,
    /// As `--no-mangle '*'`
    #[arg(long, hide_short_help = true)]
    pub no_mangle_all: bool,
    /// Has no effect: libraries that the wheel brings keep their names
    #[arg(long, hide_short_help = true)]
    pub with_mangle: bool,
    /// Has no effect: no `__init__.py` is ever created
    #[arg(long, value_name = "PACKAGES", hide_short_help = true)]
    pub namespace_pkg: Vec<String>,
    /// Writes start-up code at the line `# delvewheel: patch` of each `__init__.py` instead of where it belongs
    #[arg(long, hide_short_help = true)]
    pub custom_patch: bool,
    /// Vendors `foo.pdb` beside `foo.dll` where the two lie together
    #[arg(long, hide_short_help = true)]
    pub include_symbols: bool,
    /// Has no effect: an import library would name a DLL that has another name
    #[arg(long, hide_short_help = true)]
    pub include_imports: bool,
    /// Has no effect: DLLs of the wheel that the loader finds are used, and keep their names
    #[arg(long, alias = "ignore-in-wheel", hide_short_help = true)]
    pub ignore_existing: bool,
    /// Has no effect: every binary of the wheel is analyzed
    #[arg(long, hide_short_help = true)]
    pub analyze_existing: bool,
    /// Has no effect: every binary of the wheel is analyzed
    #[arg(long, hide_short_help = true)]
    pub analyze_existing_exes: bool,
    /// Has no effect: the command line is never recorded
    #[arg(long, hide_short_help = true)]
    pub no_diagnostic: bool,
    /// Has no effect: binaries are told by their content, whatever their names
    #[arg(short = 'd', long, hide_short_help = true)]
    pub dylibs_only: bool,
    /// Has no effect: architectures are always compared with the tags; `--require-archs` names those that must be there
    #[arg(short = 'k', long, hide_short_help = true)]
    pub check_archs: bool,
    /// Has no effect: run paths that lead out of the installation always go
    #[arg(long, hide_short_help = true)]
    pub sanitize_rpaths: bool,
    /// Is refused: run paths that lead out of the installation always go
    #[arg(long, hide_short_help = true)]
    pub no_sanitize_rpaths: bool,
    /// As the environment's `MACOSX_DEPLOYMENT_TARGET`
    #[arg(long, value_name = "VERSION", hide_short_help = true)]
    pub require_target_macos_version: Option<String>,
    /// Lets binaries need a newer processor than their architecture's baseline
    #[arg(long, hide_short_help = true)]
    pub disable_isa_ext_check: bool,
    /// Has no effect: a wheel without binaries is always copied
    #[arg(long, hide_short_help = true)]
    pub allow_pure_python_wheel: bool,
    /// Leaves libraries that are nowhere to the user's machine, as if each were excluded
    #[arg(long, hide_short_help = true)]
    pub ignore_missing_dependencies: bool,
    /// Has no effect: truewheel edits binaries itself
    #[arg(long, value_name = "PATCHER", hide_short_help = true)]
    pub patcher: Option<String>,
}
