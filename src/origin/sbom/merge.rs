//! Continuing an earlier SBOM, so that a second repair changes nothing and a later one only adds.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use uuid::Uuid;

use super::build::TOOL;

/// SBOMs of the largest wheels are some hundred kilobytes.
const LIMIT: usize = 16 << 20;

/// Reads an earlier SBOM of ours.
pub(super) fn read(bytes: &[u8]) -> Result<Map<String, Value>, String> {
    if bytes.len() > LIMIT {
        return Err(format!("{} bytes; at most {LIMIT} are read", bytes.len()));
    }
    let value: Value = serde_json::from_slice(bytes).map_err(|error| format!("not JSON: {error}"))?;
    let Value::Object(map) = value else { return Err("not a JSON object".into()) };
    let is = |key: &str, value: &str| map.get(key).and_then(Value::as_str) == Some(value);
    if !is("bomFormat", "CycloneDX") || !is("specVersion", "1.6") {
        return Err("not CycloneDX 1.6".into());
    }
    let tools = map.get("metadata").and_then(|metadata| metadata.pointer("/tools/components"));
    let ours = tools.and_then(Value::as_array).into_iter().flatten();
    if !ours.into_iter().any(|tool| tool.get("name").and_then(Value::as_str) == Some(TOOL)) {
        return Err(format!("not written by {TOOL}"));
    }
    Ok(map)
}

/// Returns `fresh` with what `earlier` says of other files; `None` if that is what `earlier` says already.
pub(super) fn continued(earlier: &Map<String, Value>, fresh: Value) -> Option<Value> {
    let Value::Object(mut merged) = fresh else { return None };
    let old_root = root(earlier);
    let new_root = root(&merged);
    let new_names = references(merged.get("components"), "bom-ref");

    let mut components = by_key(earlier.get("components"), "bom-ref");
    components.extend(by_key(merged.get("components"), "bom-ref"));
    merged.insert("components".into(), components.into_values().collect());

    // The root's own line stands first, under its new name; it needs what it needed, and more.
    let mut dependencies = by_key(earlier.get("dependencies"), "ref");
    let mut fresh_dependencies = by_key(merged.get("dependencies"), "ref");
    let root_before = old_root.as_ref().and_then(|root| dependencies.remove(root));
    let root_now = new_root.as_ref().and_then(|root| fresh_dependencies.remove(root));
    dependencies.extend(fresh_dependencies);
    let root_line = united(root_before.as_ref(), root_now);
    merged.insert("dependencies".into(), root_line.into_iter().chain(dependencies.into_values()).collect());

    // The same wheel as before: what was added to its description stays.
    if old_root.is_some()
        && old_root == new_root
        && let Some(component) = earlier.get("metadata").and_then(|metadata| metadata.get("component"))
        && let Some(Value::Object(metadata)) = merged.get_mut("metadata")
    {
        metadata.insert("component".into(), component.clone());
    }

    let compositions = unknowns(earlier, &merged, &new_names);
    if compositions.is_empty() {
        merged.shift_remove("compositions");
    } else {
        merged.insert("compositions".into(), Value::Array(compositions));
    }
    // What somebody added to the earlier document stays.
    for (key, value) in earlier {
        if !merged.contains_key(key) && key != "compositions" {
            merged.insert(key.clone(), value.clone());
        }
    }
    (substance(&merged) != substance(earlier)).then_some(Value::Object(merged))
}

/// Prints a document with its serial number, which is a version 5 UUID of everything else.
pub(super) fn print(document: Value) -> Vec<u8> {
    let Value::Object(mut map) = document else { return Vec::new() };
    map.insert("serialNumber".into(), Value::String(String::new()));
    let content = serde_json::to_vec(&map).unwrap_or_default();
    let space = Uuid::new_v5(&Uuid::NAMESPACE_URL, b"https://cyclonedx.org/#truewheel");
    let serial = Uuid::new_v5(&space, &content);
    map.insert("serialNumber".into(), Value::String(serial.urn().to_string()));
    // INVARIANT: a JSON value always prints.
    let mut bytes = serde_json::to_vec_pretty(&map).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

fn root(document: &Map<String, Value>) -> Option<String> {
    document.get("metadata")?.pointer("/component/bom-ref")?.as_str().map(str::to_owned)
}

/// The items of a list by one of their texts; items without it are lost.
fn by_key(list: Option<&Value>, key: &str) -> BTreeMap<String, Value> {
    let items = list.and_then(Value::as_array).into_iter().flatten();
    items.filter_map(|item| Some((item.get(key)?.as_str()?.to_owned(), item.clone()))).collect()
}

fn references(list: Option<&Value>, key: &str) -> Vec<String> {
    by_key(list, key).into_keys().collect()
}

/// The root's dependencies before and now, under its name of now.
fn united(before: Option<&Value>, now: Option<Value>) -> Option<Value> {
    let mut now = now?;
    let needs = |line: &Value| -> Vec<String> {
        let list = line.get("dependsOn").and_then(Value::as_array).into_iter().flatten();
        list.filter_map(|name| name.as_str().map(str::to_owned)).collect()
    };
    let mut all = needs(&now);
    all.extend(before.map(needs).unwrap_or_default());
    all.sort();
    all.dedup();
    if !all.is_empty()
        && let Value::Object(line) = &mut now
    {
        line.insert("dependsOn".into(), all.into());
    }
    Some(now)
}

/// The one composition of aggregate `unknown`: those of before that were not vendored anew, and those of now.
fn unknowns(earlier: &Map<String, Value>, merged: &Map<String, Value>, renewed: &[String]) -> Vec<Value> {
    let compositions = |document: &Map<String, Value>| -> Vec<Value> {
        document.get("compositions").and_then(Value::as_array).cloned().unwrap_or_default()
    };
    let is_unknown = |item: &Value| item.get("aggregate").and_then(Value::as_str) == Some("unknown");
    let assemblies = |items: Vec<Value>| -> Vec<String> {
        let lists = items.into_iter().filter(is_unknown).filter_map(|mut item| match item.get_mut("assemblies") {
            Some(Value::Array(list)) => Some(std::mem::take(list)),
            _ => None,
        });
        lists.flatten().filter_map(|name| name.as_str().map(str::to_owned)).collect()
    };
    let mut names = assemblies(compositions(earlier));
    names.retain(|name| !renewed.contains(name));
    names.extend(assemblies(compositions(merged)));
    names.sort();
    names.dedup();
    let mut all: Vec<Value> = compositions(earlier).into_iter().filter(|item| !is_unknown(item)).collect();
    if !names.is_empty() {
        all.push(serde_json::json!({"aggregate": "unknown", "assemblies": names}));
    }
    all
}

/// A document without what may differ although it says the same: its serial number, its time, its tool's version.
fn substance(document: &Map<String, Value>) -> Map<String, Value> {
    let mut document = document.clone();
    document.remove("serialNumber");
    document.remove("version");
    if let Some(Value::Object(metadata)) = document.get_mut("metadata") {
        metadata.remove("timestamp");
        metadata.remove("tools");
    }
    document
}
