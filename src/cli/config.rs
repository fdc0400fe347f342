//! The configuration file: which one counts, and what it says for a command.

use std::io::Read;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use crate::error::{Error, Result};
use crate::report::Exception;

/// More than any configuration needs.
const SIZE_LIMIT: u64 = 1 << 20;

/// The keys that hold paths, which are relative to the file.
const PATHS: &[&str] =
    &["lib-path", "add-path", "ldpaths", "sysroot", "with", "wheel-dir", "output", "policy-file", "plan", "save-plan"];

/// A configuration file that was read.
#[derive(Debug)]
pub struct Config {
    /// The file.
    pub path: PathBuf,
    /// Its table (in `pyproject.toml`: `[tool.truewheel]`).
    table: Table,
    /// Its `[[allow]]`.
    pub exceptions: Vec<Exception>,
}

/// One value of the file as a flag takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Setting {
    /// A flag that is set or not.
    Switch(bool),
    /// Values, one for each time the flag is given.
    Values(Vec<String>),
}

impl Config {
    /// Reads the nearest configuration in or above `folder`; `None` if there is none.
    ///
    /// # Errors
    /// `Usage` if the nearest file cannot be read or is not valid.
    pub fn nearest(folder: &Path) -> Result<Option<Self>> {
        for folder in folder.ancestors() {
            let own = folder.join("truewheel.toml");
            if own.is_file() {
                return Self::read(&own).map(Some);
            }
            let shared = folder.join("pyproject.toml");
            if shared.is_file()
                && mentions_us(&shared)
                && let Some(config) = Self::read_shared(&shared)?
            {
                return Ok(Some(config));
            }
        }
        Ok(None)
    }

    /// Reads the file that `--config` names.
    ///
    /// # Errors
    /// `Usage` if it cannot be read, is not valid, or is a `pyproject.toml` without the table.
    pub fn named(path: &Path) -> Result<Self> {
        if path.file_name().is_some_and(|name| name == "pyproject.toml") {
            return Self::read_shared(path)?
                .ok_or_else(|| Error::usage("has no table `[tool.truewheel]`").about(path.display()));
        }
        Self::read(path)
    }

    fn read(path: &Path) -> Result<Self> {
        Self::new(path, parse(path)?)
    }

    /// Reads a `pyproject.toml`; `None` if it has no table of ours.
    fn read_shared(path: &Path) -> Result<Option<Self>> {
        let mut document = parse(path)?;
        let Some(Value::Table(mut tool)) = document.remove("tool") else { return Ok(None) };
        match tool.remove("truewheel") {
            Some(Value::Table(table)) => Self::new(path, table).map(Some),
            Some(_) => Err(Error::usage("`tool.truewheel` is not a table").about(path.display())),
            None => Ok(None),
        }
    }

    fn new(path: &Path, mut table: Table) -> Result<Self> {
        let exceptions = take_exceptions(&mut table).map_err(|error| match error.subject() {
            Some(_) => error.context(format!("`{}`", path.display())),
            None => error.about(path.display()),
        })?;
        Ok(Self { path: path.to_owned(), table, exceptions })
    }

    /// Returns an error about this file.
    pub fn error(&self, message: impl Into<String>) -> Error {
        Error::usage(message).about(self.path.display())
    }

    /// Returns the keys of the top level, tables of commands included, and those of the command's own table.
    ///
    /// # Errors
    /// `Usage` if the command's key is no table.
    pub fn keys(&self, command: &str) -> Result<(Vec<&str>, Vec<&str>)> {
        let own = self.command_table(command)?.map(|table| table.keys().map(String::as_str).collect());
        Ok((self.table.keys().map(String::as_str).collect(), own.unwrap_or_default()))
    }

    /// Returns true if the key of the top level is a table.
    pub fn is_table(&self, key: &str) -> bool {
        self.table.get(key).is_some_and(Value::is_table)
    }

    /// Returns what the file says about a flag: in the command's table, else at the top level.
    ///
    /// # Errors
    /// `Usage` if the value is not of a kind that a flag takes.
    pub fn setting(&self, command: &str, key: &str) -> Result<Option<Setting>> {
        let own = self.command_table(command)?.and_then(|table| table.get(key));
        let value = match own.or_else(|| self.table.get(key)) {
            Some(value) => value,
            None => return Ok(None),
        };
        let folder = self.path.parent().unwrap_or(Path::new(""));
        let wrong = |value: &Value| {
            self.error(format!(
                "`{key}` is {}, where a flag takes text, a number, a truth value or a list",
                kind(value)
            ))
        };
        let text = |value: &Value| match value {
            Value::String(text) if PATHS.contains(&key) => Ok(relative_to(folder, key, text)),
            Value::String(text) => Ok(text.clone()),
            Value::Integer(number) => Ok(number.to_string()),
            _ => Err(wrong(value)),
        };
        Ok(Some(match value {
            Value::Boolean(on) => Setting::Switch(*on),
            Value::Array(items) => Setting::Values(items.iter().map(text).collect::<Result<_>>()?),
            _ => Setting::Values(vec![text(value)?]),
        }))
    }

    fn command_table(&self, command: &str) -> Result<Option<&Table>> {
        match self.table.get(command) {
            None => Ok(None),
            Some(Value::Table(table)) => Ok(Some(table)),
            Some(value) => Err(self.error(format!("`{command}` is {}, not a table", kind(value)))),
        }
    }
}

/// Whether a `pyproject.toml` can have our table; one that cannot does not matter, however broken it is.
fn mentions_us(path: &Path) -> bool {
    let mut text = Vec::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(SIZE_LIMIT + 1).read_to_end(&mut text));
    read.is_ok() && text.windows(9).any(|window| window == b"truewheel")
}

/// Reads a TOML file.
fn parse(path: &Path) -> Result<Table> {
    let about = |error: &std::io::Error| Error::usage(Error::io("", error).message().to_owned()).about(path.display());
    // Asked before it is opened: opening a pipe waits for its writer.
    if !std::fs::metadata(path).map_err(|error| about(&error))?.is_file() {
        return Err(Error::usage("is not a file").about(path.display()));
    }
    let file = std::fs::File::open(path).map_err(|error| about(&error))?;
    let mut bytes = Vec::new();
    file.take(SIZE_LIMIT + 1).read_to_end(&mut bytes).map_err(|error| about(&error))?;
    if bytes.len() as u64 > SIZE_LIMIT {
        return Err(Error::usage("is larger than 1 MiB, which no configuration needs").about(path.display()));
    }
    let text = String::from_utf8(bytes).map_err(|_| Error::usage("is not UTF-8").about(path.display()))?;
    text.parse::<Table>().map_err(|error| {
        let line = error.span().and_then(|span| text.get(..span.start)).map(|before| before.matches('\n').count() + 1);
        let place = line.map(|line| format!("line {line}: ")).unwrap_or_default();
        Error::usage(format!("{place}{}", error.message().replace('\n', ", "))).about(path.display())
    })
}

/// Takes the exceptions out of `allow`, and leaves the codes that it lists as the flag does.
fn take_exceptions(table: &mut Table) -> Result<Vec<Exception>> {
    let mut exceptions = Vec::new();
    let Some(Value::Array(items)) = table.get_mut("allow") else { return Ok(exceptions) };
    for item in items.iter() {
        if let Value::Table(entry) = item {
            exceptions.push(exception(entry)?);
        }
    }
    items.retain(|item| !item.is_table());
    if items.is_empty() {
        table.remove("allow");
    }
    Ok(exceptions)
}

/// Reads one `[[allow]]`.
fn exception(entry: &Table) -> Result<Exception> {
    let text = |key: &str| match entry.get(key) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.as_str())),
        Some(value) => Err(Error::usage(format!("`{key}` of `[[allow]]` is {}, not text", kind(value)))),
    };
    if let Some(key) = entry.keys().find(|key| !["code", "member", "wheel", "reason"].contains(&key.as_str())) {
        return Err(Error::usage(format!("`[[allow]]` has no key `{key}`"))
            .hint("it has `code`, `member`, `wheel` and `reason`"));
    }
    let code = text("code")?.ok_or_else(|| Error::usage("an `[[allow]]` has no `code`"))?;
    let reason = text("reason")?
        .filter(|reason| !reason.trim().is_empty())
        .ok_or_else(|| Error::usage(format!("the `[[allow]]` of `{code}` has no `reason`")))?;
    let mut exception = Exception::new(code.parse()?, reason);
    if let Some(glob) = text("member")? {
        exception = exception.for_member(glob)?;
    }
    if let Some(glob) = text("wheel")? {
        exception = exception.for_wheel(glob)?;
    }
    Ok(exception)
}

/// Returns a path of the file as seen from the current folder; a list of paths, each of them.
fn relative_to(folder: &Path, key: &str, text: &str) -> String {
    let join = |path: &str| folder.join(path).display().to_string();
    match key {
        "add-path" | "ldpaths" if text.is_empty() => String::new(),
        "add-path" | "ldpaths" => {
            let separators: &[char] = if cfg!(windows) { &[';'] } else { &[';', ':'] };
            let separator = if cfg!(windows) { ";" } else { ":" };
            text.split(separators).filter(|path| !path.is_empty()).map(join).collect::<Vec<_>>().join(separator)
        }
        _ => join(text),
    }
}

/// Names the kind of a value.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "text",
        Value::Integer(_) => "a number",
        Value::Float(_) => "a fraction",
        Value::Boolean(_) => "a truth value",
        Value::Datetime(_) => "a date",
        Value::Array(_) => "a list",
        Value::Table(_) => "a table",
    }
}
