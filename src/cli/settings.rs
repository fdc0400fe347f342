//! Settings: a flag beats the environment (`TRUEWHEEL_*`), which beats the configuration file.
//!
//! What environment and file say is put into the words of the command line, so that every flag can be given in all
//! three ways and is checked once.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, CommandFactory, FromArgMatches};

use super::args::Arguments;
use super::config::{Config, Setting};
use crate::error::{Error, Result};
use crate::report::Exception;

/// Flags that answer one question: if one is given, what lower layers say about any of them does not count.
const ONE_QUESTION: &[&[&str]] = &[
    &["quiet", "verbose"],
    &["config", "no-config"],
    &["sbom", "no-sbom"],
    &["lib-path", "add-path", "ldpaths"],
    &["exclude", "no-dll"],
    &["include", "add-dll"],
    &["no-mangle", "no-mangle-all"],
];

/// Flags that are given on the command line alone.
const LINE_ONLY: &[&str] =
    &["help", "version", "config", "no-config", "from-stdin0", "in-place", "all", "force", "remove"];

/// Who says what a flag is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layer {
    /// The configuration file.
    File,
    /// `TRUEWHEEL_*`.
    Environment,
    /// The command line, or nobody.
    Flag,
}

/// The environment of the process, or a test's.
#[derive(Debug, Default)]
pub struct Environment {
    variables: BTreeMap<OsString, OsString>,
    folder: PathBuf,
}

impl Environment {
    /// Returns the process's own.
    pub fn of_process() -> Self {
        Self { variables: std::env::vars_os().collect(), folder: std::env::current_dir().unwrap_or_default() }
    }

    /// Returns a variable that is set and not empty.
    pub fn get(&self, name: &str) -> Option<&OsStr> {
        self.variables.get(OsStr::new(name)).map(OsString::as_os_str).filter(|value| !value.is_empty())
    }
}

/// The arguments, with the environment's and the file's in them.
#[derive(Debug)]
pub struct Settings {
    /// As if all had been given on the command line.
    pub arguments: Arguments,
    /// The configuration file used.
    pub config: Option<PathBuf>,
    /// What people should know about how the settings came about.
    pub notes: Vec<String>,
    layers: BTreeMap<String, Layer>,
    exceptions: Vec<Exception>,
}

impl Settings {
    /// Returns who says what a flag is.
    pub fn layer(&self, flag: &str) -> Layer {
        self.layers.get(flag).copied().unwrap_or(Layer::Flag)
    }

    /// Returns the exceptions of the configuration file.
    pub fn exceptions(&self) -> &[Exception] {
        &self.exceptions
    }
}

/// Why there are no settings.
#[derive(Debug)]
pub enum Stop {
    /// Help, version, or a mistake on the command line.
    Clap(Box<clap::Error>),
    /// A mistake in the environment or the configuration file.
    Error(Error),
}

impl From<clap::Error> for Stop {
    fn from(error: clap::Error) -> Self {
        Stop::Clap(Box::new(error))
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Stop::Error(error)
    }
}

/// Words for the command line, and where they are from.
struct Addition {
    flag: String,
    layer: Layer,
    origin: String,
    words: Vec<OsString>,
}

/// Returns the settings of a command line, program name first.
///
/// # Errors
/// [`Stop`] if there is nothing to run.
pub fn resolve(line: Vec<OsString>, environment: &Environment) -> Result<Settings, Stop> {
    let mut command = Arguments::command();
    command.build();
    let matches = command.clone().try_get_matches_from(&line)?;
    let Some((name, own)) = matches.subcommand() else {
        let arguments = Arguments::from_arg_matches(&matches)?;
        return Ok(Settings { arguments, config: None, notes: vec![], layers: BTreeMap::new(), exceptions: vec![] });
    };
    // INVARIANT: clap matched the name, so the command has it.
    let subcommand = command.find_subcommand(name).expect("a matched subcommand");
    let config = find_config(own, environment)?;
    if let Some(config) = &config {
        refuse_unknown_keys(config, name, &command)?;
    }
    let mut additions = Vec::new();
    for arg in subcommand.get_arguments() {
        let Some(flag) = arg.get_long().filter(|flag| !LINE_ONLY.contains(flag)) else { continue };
        // The destination of an edited binary is too much to take from afar.
        let far = name == "edit" && flag == "output";
        if far || answered(own, subcommand, flag) {
            continue;
        }
        if let Some(addition) = from_environment(environment, arg, name)? {
            additions.push(addition);
        } else if let Some(config) = &config
            && let Some(addition) = from_file(config, arg, name)?
        {
            additions.push(addition);
        }
    }
    drop_outranked(&mut additions);
    for addition in &additions {
        if let Err(error) = command.clone().try_get_matches_from(extended(&line, std::slice::from_ref(addition))) {
            return Err(Stop::Error(Error::usage(clap_phrase(&error)).about(&addition.origin)));
        }
    }
    let matches = command.clone().try_get_matches_from(extended(&line, &additions))?;
    let mut arguments = Arguments::from_arg_matches(&matches)?;
    let notes = super::peers::take_environment(&mut arguments, environment)?;
    Ok(Settings {
        arguments,
        notes,
        layers: additions.into_iter().map(|addition| (addition.flag, addition.layer)).collect(),
        config: config.as_ref().map(|config| config.path.clone()),
        exceptions: config.map(|config| config.exceptions).unwrap_or_default(),
    })
}

/// Reads the configuration file that counts.
fn find_config(own: &ArgMatches, environment: &Environment) -> Result<Option<Config>> {
    if own.get_flag("no_config") {
        return Ok(None);
    }
    if let Some(path) = own.get_one::<PathBuf>("config") {
        return Config::named(path).map(Some);
    }
    if let Some(value) = environment.get("TRUEWHEEL_NO_CONFIG")
        && truth(value).ok_or_else(|| no_truth("TRUEWHEEL_NO_CONFIG"))?
    {
        return Ok(None);
    }
    match environment.get("TRUEWHEEL_CONFIG") {
        Some(path) => Config::named(path.as_ref()).map(Some),
        None => Config::nearest(&environment.folder),
    }
}

/// Refuses keys that are no flag, before any of them takes effect.
fn refuse_unknown_keys(config: &Config, name: &str, command: &clap::Command) -> Result<()> {
    let flags = |command: &clap::Command| -> Vec<String> {
        let arguments =
            command.get_arguments().filter(|arg| arg.get_long().is_some_and(|flag| !LINE_ONLY.contains(&flag)));
        arguments
            .flat_map(|arg| arg.get_long().into_iter().chain(arg.get_all_aliases().unwrap_or_default()))
            .map(str::to_owned)
            .collect()
    };
    let (top, own) = config.keys(name)?;
    let mut known: Vec<String> = command.get_subcommands().flat_map(flags).collect();
    known.sort_unstable();
    known.dedup();
    for key in top {
        let is_command = command.get_subcommands().any(|command| command.get_name() == key);
        if is_command && !config.is_table(key) {
            return Err(config.error(format!("`{key}` is no table")));
        }
        if !is_command && !known.iter().any(|flag| flag == key) {
            return Err(config.error(format!("there is no flag `--{key}`")));
        }
    }
    let own_flags = command.find_subcommand(name).map(flags).unwrap_or_default();
    match own.into_iter().find(|key| !own_flags.iter().any(|flag| flag == key)) {
        Some(key) => Err(config.error(format!("`truewheel {name}` has no flag `--{key}`"))),
        None => Ok(()),
    }
}

/// Whether the command line answers the question of a flag.
fn answered(own: &ArgMatches, command: &clap::Command, flag: &str) -> bool {
    let question = ONE_QUESTION.iter().find(|flags| flags.contains(&flag)).copied();
    let alone = [flag];
    let flags = question.unwrap_or(&alone);
    command.get_arguments().any(|arg| {
        arg.get_long().is_some_and(|long| flags.contains(&long))
            && own.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine)
    })
}

/// Drops what the file says about a question that the environment answers.
fn drop_outranked(additions: &mut Vec<Addition>) {
    let from_environment: Vec<String> = additions
        .iter()
        .filter(|addition| addition.layer == Layer::Environment)
        .map(|addition| addition.flag.clone())
        .collect();
    additions.retain(|addition| {
        let question = ONE_QUESTION.iter().find(|flags| flags.contains(&addition.flag.as_str()));
        addition.layer == Layer::Environment
            || !question.is_some_and(|flags| from_environment.iter().any(|flag| flags.contains(&flag.as_str())))
    });
}

/// Returns what `TRUEWHEEL_<FLAG>` says.
fn from_environment(environment: &Environment, arg: &Arg, command: &str) -> Result<Option<Addition>> {
    // INVARIANT: callers pass arguments that have a long name.
    let flag = arg.get_long().expect("a long name");
    let variable = format!("TRUEWHEEL_{}", flag.to_uppercase().replace('-', "_"));
    if flag == "plat" && command != "repair" {
        return Ok(None);
    }
    let Some(value) = environment.get(&variable) else { return Ok(None) };
    let setting = match arg.get_action() {
        ArgAction::SetTrue => Setting::Switch(truth(value).ok_or_else(|| no_truth(&variable))?),
        _ => {
            let text = value.to_str().ok_or_else(|| Error::usage("is not UTF-8").about(&variable))?;
            match arg.get_action() {
                ArgAction::Append if !is_list(flag) => Setting::Values(
                    std::env::split_paths(text)
                        .map(|path| path.display().to_string())
                        .filter(|item| !item.is_empty())
                        .collect(),
                ),
                _ => Setting::Values(vec![text.to_owned()]),
            }
        }
    };
    let words = words(arg, flag, setting).map_err(|error| error.about(&variable))?;
    Ok(Some(Addition { flag: flag.to_owned(), layer: Layer::Environment, origin: variable, words }))
}

/// Returns what the configuration file says.
fn from_file(config: &Config, arg: &Arg, command: &str) -> Result<Option<Addition>> {
    // INVARIANT: callers pass arguments that have a long name.
    let flag = arg.get_long().expect("a long name");
    for key in std::iter::once(flag).chain(arg.get_all_aliases().unwrap_or_default()) {
        if let Some(setting) = config.setting(command, key)? {
            let words = words(arg, flag, setting).map_err(|error| error.about(config.path.display()))?;
            let origin = config.path.display().to_string();
            return Ok(Some(Addition { flag: flag.to_owned(), layer: Layer::File, origin, words }));
        }
    }
    Ok(None)
}

/// Puts a setting into the words of the command line.
fn words(arg: &Arg, flag: &str, setting: Setting) -> Result<Vec<OsString>> {
    let bare = || OsString::from(format!("--{flag}"));
    let optional = arg.get_num_args().is_some_and(|range| range.min_values() == 0);
    match (setting, arg.get_action()) {
        (Setting::Switch(on), ArgAction::SetTrue | ArgAction::Count) => Ok(if on { vec![bare()] } else { vec![] }),
        (Setting::Switch(on), _) if optional => Ok(if on { vec![bare()] } else { vec![] }),
        (Setting::Switch(_), _) => Err(Error::usage(format!("`{flag}` takes a value, not a truth value"))),
        (Setting::Values(_), ArgAction::SetTrue) => Err(Error::usage(format!("`{flag}` is either true or false"))),
        (Setting::Values(values), ArgAction::Count) => match values.as_slice() {
            [value] => match value.parse::<u8>() {
                Ok(count) => Ok(vec![bare(); usize::from(count)]),
                Err(_) => Err(Error::usage(format!("`{flag}` is a small number"))),
            },
            _ => Err(Error::usage(format!("`{flag}` is one number"))),
        },
        (Setting::Values(values), ArgAction::Append) => {
            Ok(values.iter().map(|value| format!("--{flag}={value}").into()).collect())
        }
        (Setting::Values(values), _) => match values.as_slice() {
            [value] => Ok(vec![format!("--{flag}={value}").into()]),
            _ => Err(Error::usage(format!("`{flag}` takes one value"))),
        },
    }
}

/// Whether one value of the flag is a list already.
fn is_list(flag: &str) -> bool {
    matches!(flag, "add-path" | "ldpaths" | "no-dll" | "add-dll")
}

/// Returns a command line with words added where they are read as flags.
fn extended(line: &[OsString], additions: &[Addition]) -> Vec<OsString> {
    let end = line.iter().position(|word| word == "--").unwrap_or(line.len());
    let (flags, rest) = line.split_at(end);
    let added = additions.iter().flat_map(|addition| &addition.words);
    flags.iter().chain(added).chain(rest).cloned().collect()
}

/// Returns clap's complaint as one phrase.
fn clap_phrase(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let paragraph = text.split("\n\n").next().unwrap_or(&text).trim();
    let phrase = paragraph.strip_prefix("error: ").unwrap_or(paragraph);
    phrase.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn truth(value: &OsStr) -> Option<bool> {
    match value.to_str()?.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Some(true),
        "0" | "false" | "no" | "off" => Some(false),
        _ => None,
    }
}

fn no_truth(variable: &str) -> Error {
    Error::usage("is neither true nor false")
        .about(variable)
        .hint("`1` or `true` sets the flag, `0` or `false` does not")
}
