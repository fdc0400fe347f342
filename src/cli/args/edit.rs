//! The flags of `truewheel edit`.

use std::path::PathBuf;

use clap::{ArgGroup, Args, ValueEnum};

use super::repair::StripWhat;
use crate::format::SearchPathKind;

/// `truewheel edit`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("destination").required(true).args(["output", "in_place"]))]
pub struct EditArgs {
    /// The binary
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Writes the result here
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Replaces the file
    #[arg(long)]
    pub in_place: bool,
    /// The edits.
    #[command(flatten)]
    pub edits: EditFlags,
}

/// The edits.
#[derive(Debug, Args)]
#[command(next_help_heading = "Edits")]
pub struct EditFlags {
    /// Sets the name that the library gives itself: SONAME, or install name (Mach-O)
    #[arg(long, value_name = "NAME")]
    pub set_soname: Option<String>,
    /// Renames an imported library, its version references included; split at the last `=`; repeatable
    #[arg(long, value_name = "OLD=NEW")]
    pub replace_import: Vec<String>,
    /// Adds an import after the last one; repeatable
    #[arg(long, value_name = "NAME")]
    pub add_import: Vec<String>,
    /// Removes an import; repeatable
    #[arg(long, value_name = "NAME")]
    pub remove_import: Vec<String>,
    /// Sets the whole search path, directories separated by `:`; empty removes it
    #[arg(long, value_name = "A:B", allow_hyphen_values = true)]
    pub set_rpath: Option<String>,
    /// Adds a directory at the end of the search path; repeatable
    #[arg(long, value_name = "DIR")]
    pub add_rpath: Vec<String>,
    /// Removes a directory from the search path; repeatable
    #[arg(long, value_name = "DIR")]
    pub remove_rpath: Vec<String>,
    /// Puts a directory in the place of another in the search path; split at the last `=`; repeatable
    #[arg(long, value_name = "OLD=NEW")]
    pub replace_rpath: Vec<String>,
    /// The kind of the search path; alone, converts the one that is there
    #[arg(long, value_name = "KIND")]
    pub rpath_kind: Option<RpathKind>,
    /// Sets the program interpreter (ELF)
    #[arg(long, value_name = "PATH")]
    pub set_interpreter: Option<String>,
    /// Clears the flag that asks for an executable stack (ELF)
    #[arg(long)]
    pub clear_exec_stack: bool,
    /// Strips the file (ELF)
    #[arg(long, value_name = "WHAT", num_args = 0..=1, require_equals = true, default_missing_value = "all")]
    pub strip: Option<StripWhat>,
    /// Has the loader bind delay imports at load: of this DLL, or all; repeatable (PE)
    #[arg(long, value_name = "DLL", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub delay_to_eager: Vec<String>,
    /// Clears the flags that say where the loader looks for this file's imports (PE)
    #[arg(long)]
    pub clear_dependent_load_flags: bool,
    /// Sets the oldest system that the binary says it runs on, e.g. `11.0` (Mach-O)
    #[arg(long, value_name = "VERSION")]
    pub set_min_version: Option<String>,
    /// Signs the binary ad hoc, unless its signature is valid (Mach-O)
    #[arg(long)]
    pub sign: bool,
}

/// The kinds of search path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RpathKind {
    /// `DT_RPATH`.
    Rpath,
    /// `DT_RUNPATH`.
    Runpath,
}

impl RpathKind {
    /// Returns the kind.
    pub fn kind(self) -> SearchPathKind {
        match self {
            RpathKind::Rpath => SearchPathKind::Rpath,
            RpathKind::Runpath => SearchPathKind::Runpath,
        }
    }
}
