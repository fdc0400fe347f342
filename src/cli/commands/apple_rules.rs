//! The rules of macOS and iOS as `truewheel policies` prints them: their tags name no level, so there is one of each.

use serde_json::{Value, json};

use crate::policy::apple::AppleRules;
use crate::report::text::printable;
use crate::tag::PlatformTag;

/// Both systems' rules.
pub fn all() -> [&'static AppleRules; 2] {
    [AppleRules::macos(), AppleRules::ios()]
}

/// Returns the rules that go by this name, or that a tag of this name is judged by.
pub fn named(name: &str) -> Option<&'static AppleRules> {
    let Ok(tag) = name.parse::<PlatformTag>();
    match tag {
        PlatformTag::Macos { .. } => Some(AppleRules::macos()),
        PlatformTag::Ios { .. } => Some(AppleRules::ios()),
        _ => all().into_iter().find(|rules| rules.name == name),
    }
}

/// One line: the name, its architectures with the first version of each.
pub fn line(rules: &AppleRules) -> String {
    let archs: Vec<String> = rules.archs.iter().map(|rules| format!("{} from {}", arch(rules), rules.floor)).collect();
    format!("{}: {}\n", rules.name, archs.join(", "))
}

/// All that is known of a system.
pub fn whole(rules: &AppleRules) -> String {
    let mut text = format!("{}\n", rules.name);
    text.push_str(&format!("  source: {} ({})\n", printable(&rules.source), printable(&rules.retrieved)));
    for known in &rules.archs {
        let signed = if known.signed { ", signed code only" } else { "" };
        text.push_str(&format!("  {}: from {} {}{signed}\n", arch(known), rules.system_name(), known.floor));
    }
    text.push_str(&format!("  libraries: all below {}\n", printable(&rules.system().join(" and "))));
    for rule in &rules.dyld {
        let since: Vec<String> = rule.since.iter().map(|at| format!("SDK {} by {}", at.sdk, at.system)).collect();
        let since = if rule.always() { "always".to_owned() } else { format!("from {}", since.join(", ")) };
        text.push_str(&format!("  dyld refuses {}: {since}\n", rule.name));
    }
    for feature in &rules.libcxx {
        text.push_str(&format!("  libc++ has {} from {}\n", printable(&feature.what), feature.first));
    }
    text
}

/// The same for machines.
pub fn as_json(rules: &AppleRules) -> Value {
    let archs: serde_json::Map<String, Value> = rules
        .archs
        .iter()
        .map(|known| (arch(known), json!({"first": known.floor.to_string(), "signed": known.signed})))
        .collect();
    json!({
        "name": rules.name,
        "source": rules.source,
        "retrieved": rules.retrieved,
        "architectures": archs,
        "library_prefixes": rules.system(),
    })
}

/// The architecture as tags spell it, with the SDK where the system has several.
fn arch(rules: &crate::policy::apple::ArchRules) -> String {
    match rules.sdk.as_str() {
        "macosx" => rules.arch.apple_name(),
        sdk => format!("{}_{sdk}", rules.arch.apple_name()),
    }
}
