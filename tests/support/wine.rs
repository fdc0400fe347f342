//! Wine, where it is installed: runs programs of Windows on x86_64 Linux.
//!
//! Debian 12: `apt-get install --no-install-recommends wine wine64`, and for 32-bit programs `wine32:i386` as well. The prefix is made
//! once, in the build folder, or is the one that `TRUEWHEEL_WINEPREFIX` names.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use super::{cannot_start, skip};

/// A machine that Wine runs programs of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Machine {
    X64,
    X86,
}

impl Machine {
    /// The folder of its fixtures.
    pub fn folder(self) -> &'static str {
        match self {
            Machine::X64 => "x86_64",
            Machine::X86 => "x86",
        }
    }
}

/// The machines that can run here; says why if it is none.
pub fn machines() -> Vec<Machine> {
    // Set by `.ci/run` where Wine is installed and cannot start.
    if std::env::var_os("TRUEWHEEL_NO_WINE").is_some() {
        cannot_start("Wine");
        return Vec::new();
    }
    if prefix().is_none() {
        skip("no Wine (`apt-get install wine wine64`)");
        return Vec::new();
    }
    // Debian's 32-bit Wine is a package of another architecture.
    let has_32 = Path::new("/usr/lib/i386-linux-gnu/wine").exists();
    [Machine::X64].into_iter().chain(has_32.then_some(Machine::X86)).collect()
}

/// The prefix, made if it is not there.
fn prefix() -> Option<&'static PathBuf> {
    static PREFIX: OnceLock<Option<PathBuf>> = OnceLock::new();
    let make = || {
        let given = std::env::var_os("TRUEWHEEL_WINEPREFIX").map(PathBuf::from);
        let prefix = given.unwrap_or_else(|| Path::new(env!("CARGO_TARGET_TMPDIR")).join("wineprefix"));
        if prefix.join("system.reg").exists() {
            return Command::new("wine").arg("--version").output().is_ok().then_some(prefix);
        }
        std::fs::create_dir_all(&prefix).ok()?;
        let status = wine(&prefix).args(["wineboot", "-i"]).status().ok()?;
        status.success().then_some(prefix)
    };
    PREFIX.get_or_init(make).as_ref()
}

fn wine(prefix: &Path) -> Command {
    let mut command = Command::new("wine");
    command
        .env("WINEPREFIX", prefix)
        .env("WINEARCH", "win64")
        .env("WINEDEBUG", "-all")
        .env("WINEDLLOVERRIDES", "mscoree,mshtml,winedbg.exe=")
        // Wine's server outlives the program and would keep pipes open.
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// The path as programs of Windows see it.
pub fn windows_path(path: &Path) -> String {
    format!("Z:{}", path.display()).replace('/', "\\")
}

/// Runs a program in `folder`; returns its exit status.
pub fn run(program: &Path, folder: &Path, arguments: &[&str]) -> i32 {
    let prefix = prefix().expect("asked only where `machines` found some");
    let status = wine(prefix).current_dir(folder).arg(program).args(arguments).status().unwrap();
    status.code().unwrap_or(-1)
}
