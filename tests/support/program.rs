//! The program in an environment without settings, and what it is fed.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Returns the program in `folder`, with nothing on the path.
pub fn truewheel(folder: &Path) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("truewheel"));
    command.current_dir(folder).env_clear().env("PATH", "/nonexistent").stdin(Stdio::null());
    command
}

/// Runs it with this on standard input.
pub fn fed(folder: &Path, arguments: &[&str], input: &[u8]) -> Output {
    let mut child = truewheel(folder)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}

/// Returns the exit status, -1 if there is none.
pub fn status(output: &Output) -> i32 {
    output.status.code().unwrap_or(-1)
}

/// Returns standard output as text.
pub fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

/// Returns standard error as text.
pub fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}
