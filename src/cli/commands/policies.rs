//! `truewheel policies`: the platform policies that are known and what each allows, and the presets of `--exclude`.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use super::apple_rules;
use crate::arch::Arch;
use crate::cli::args::{PoliciesArgs, TreeFormat};
use crate::cli::output;
use crate::cli::status::Status;
use crate::cli::terminal::Terminal;
use crate::error::{Error, Result};
use crate::policy::apple::AppleRules;
use crate::policy::{Policy, PolicyFamily, PolicySet, Preset, presets};
use crate::report::text::printable;
use crate::tag::PlatformTag;

/// Prints a line for each policy, or all of those that are named.
pub fn run(args: &PoliciesArgs, terminal: &Terminal) -> Status {
    let set = match policy_set(args.policy_file.as_deref()) {
        Ok(set) => set,
        Err(error) => {
            terminal.error(&error);
            return Status::Impossible;
        }
    };
    let mut status = Status::Done;
    let mut text = String::new();
    if args.names.is_empty() {
        for policy in set.all() {
            text.push_str(&entry(policy, None, args.format, &line));
        }
        for rules in apple_rules::all() {
            text.push_str(&apple_entry(rules, args.format, apple_rules::line));
        }
        for preset in presets() {
            text.push_str(&preset_entry(preset, args.format));
        }
    }
    for name in &args.names {
        if let Some(preset) = presets().iter().find(|preset| name.strip_prefix('@') == Some(preset.name.as_str())) {
            text.push_str(&preset_entry(preset, args.format));
            continue;
        }
        if let Some(rules) = apple_rules::named(name) {
            text.push_str(&apple_entry(rules, args.format, apple_rules::whole));
            continue;
        }
        let bare = set.all().find(|policy| policy.name == *name || policy.aliases.contains(name));
        let tagged = || name.parse().ok().and_then(|tag| set.find(&tag)).map(|(policy, arch)| (policy, Some(arch)));
        match bare.map(|policy| (policy, None)).or_else(tagged) {
            Some((policy, arch)) => text.push_str(&entry(policy, arch, args.format, &whole)),
            None => {
                let error = Error::usage(format!("there is no policy `{name}`"));
                terminal.error(&error.hint("`truewheel policies` lists all"));
                status = Status::Impossible;
            }
        }
    }
    status.max(output::text(&text))
}

/// Returns the built-in policies with those of `--policy-file`.
///
/// # Errors
/// `Io` if the file cannot be read, `Malformed` if it is no policy file.
pub fn policy_set(file: Option<&Path>) -> Result<PolicySet> {
    let set = PolicySet::embedded();
    match file {
        None => Ok(set),
        Some(path) => {
            let text = std::fs::read_to_string(path).map_err(|error| Error::io(path.display(), &error))?;
            set.with_file(&text).map_err(|error| error.about(path.display()))
        }
    }
}

/// Returns the platform tags of these names (`--plat`).
///
/// # Errors
/// `Usage` if one is of no known platform, or of a level that no policy has.
pub fn platforms(names: &[&str], policies: &PolicySet) -> Result<Vec<PlatformTag>> {
    let mut tags = Vec::new();
    for name in names {
        let Ok(tag) = name.parse::<PlatformTag>();
        let is_known = match &tag {
            PlatformTag::Linux { .. } => true,
            PlatformTag::Any | PlatformTag::Other(_) => false,
            other if PolicyFamily::of(other).is_some() => policies.find(other).is_some(),
            _ => true,
        };
        if !is_known {
            let error = Error::usage(format!("there is no platform `{name}`")).about("--plat");
            return Err(error.hint("`truewheel policies` lists those of Linux and Android"));
        }
        tags.push(tag);
    }
    Ok(tags)
}

/// A preset of `--exclude`: its name and the libraries it stands for.
fn preset_entry(preset: &Preset, format: TreeFormat) -> String {
    match format {
        TreeFormat::Human => format!("@{} ({}): {}\n", preset.name, preset.about, preset.libraries.join(", ")),
        TreeFormat::Json => {
            let value = json!({
                "name": format!("@{}", preset.name),
                "about": preset.about,
                "driver": preset.driver,
                "source": preset.source,
                "libraries": preset.libraries,
            });
            format!("{value}\n")
        }
    }
}

/// The rules of one of Apple's systems.
fn apple_entry(rules: &AppleRules, format: TreeFormat, human: fn(&AppleRules) -> String) -> String {
    match format {
        TreeFormat::Human => human(rules),
        TreeFormat::Json => format!("{}\n", apple_rules::as_json(rules)),
    }
}

fn entry(
    policy: &Policy,
    arch: Option<Arch>,
    format: TreeFormat,
    human: &dyn Fn(&Policy, Option<Arch>) -> String,
) -> String {
    match format {
        TreeFormat::Human => human(policy, arch),
        TreeFormat::Json => format!("{}\n", as_json(policy, arch)),
    }
}

/// One line: the name, its aliases, its architectures.
fn line(policy: &Policy, _arch: Option<Arch>) -> String {
    let arches: Vec<String> = policy.arches.keys().map(|arch| arch_name(policy, *arch)).collect();
    let aliases = if policy.aliases.is_empty() { String::new() } else { format!(" ({})", policy.aliases.join(", ")) };
    format!("{}{aliases}: {}\n", printable(&policy.name), printable(&arches.join(", ")))
}

/// All that a policy allows.
fn whole(policy: &Policy, only: Option<Arch>) -> String {
    let mut text = format!("{}\n", printable(&policy.name));
    if !policy.aliases.is_empty() {
        text.push_str(&format!("  also: {}\n", printable(&policy.aliases.join(", "))));
    }
    text.push_str(&format!("  source: {} ({})\n", printable(&policy.source), printable(&policy.retrieved)));
    for (arch, ceilings) in policy.arches.iter().filter(|(arch, _)| only.is_none_or(|only| only == **arch)) {
        let families: Vec<String> =
            ceilings.ceilings.iter().map(|(family, newest)| format!("{family} up to {newest}")).collect();
        text.push_str(&format!("  {}: {}\n", policy.tag(*arch), printable(&families.join(", "))));
        if !ceilings.libraries.is_empty() {
            let libraries: Vec<&str> = ceilings.libraries.iter().map(String::as_str).collect();
            text.push_str(&format!("    here also {}\n", printable(&libraries.join(", "))));
        }
        if !ceilings.nodes.is_empty() {
            let nodes: Vec<&str> = ceilings.nodes.iter().map(String::as_str).collect();
            text.push_str(&format!("    and {}\n", printable(&nodes.join(", "))));
        }
    }
    let libraries: Vec<&str> = policy.libraries.iter().map(String::as_str).collect();
    text.push_str(&format!("  libraries: {}\n", printable(&libraries.join(", "))));
    for (library, symbols) in &policy.denied {
        let symbols: Vec<&str> = symbols.iter().map(String::as_str).collect();
        text.push_str(&format!("  denied of {}: {}\n", printable(library), printable(&symbols.join(", "))));
    }
    text
}

fn arch_name(policy: &Policy, arch: Arch) -> String {
    policy.tag(arch).strip_prefix(&format!("{}_", policy.name)).unwrap_or_default().to_owned()
}

fn as_json(policy: &Policy, only: Option<Arch>) -> Value {
    let architectures: serde_json::Map<String, Value> = policy
        .arches
        .iter()
        .filter(|(arch, _)| only.is_none_or(|only| only == **arch))
        .map(|(arch, ceilings)| {
            let newest: BTreeMap<&String, String> =
                ceilings.ceilings.iter().map(|(family, number)| (family, number.to_string())).collect();
            let value = json!({
                "tag": policy.tag(*arch),
                "aliases": policy.alias_tags(*arch),
                "ceilings": newest,
                "nodes": ceilings.nodes,
                "libraries": ceilings.libraries,
            });
            (arch_name(policy, *arch), value)
        })
        .collect();
    json!({
        "name": policy.name,
        "aliases": policy.aliases,
        "rank": policy.rank,
        "source": policy.source,
        "retrieved": policy.retrieved,
        "architectures": architectures,
        "libraries": policy.libraries,
        "denied": policy.denied,
    })
}
