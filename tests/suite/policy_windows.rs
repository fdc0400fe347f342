//! The data of Windows in `policies/`: valid by the schema, and equal to the counts of the lists they came from.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

fn policies() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("policies")
}

fn read(name: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(policies().join(name)).unwrap()).unwrap()
}

/// Rows of a table of `policies/symbols/windows/`, without comments and header.
fn rows(name: &str) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(policies().join("symbols/windows").join(name)).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#')).skip(1);
    lines.map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}

#[test]
fn every_file_of_windows_is_valid_by_the_schema() {
    let schema = read("schema.json");
    for name in ["system", "python", "runtimes"] {
        let mut own = schema.clone();
        let root = own.as_object_mut().unwrap();
        root.remove("oneOf");
        root.insert("$ref".into(), format!("#/$defs/windows_{name}").into());
        let validator = jsonschema::validator_for(&own).unwrap();
        let document = read(&format!("windows/{name}.json"));
        assert!(validator.is_valid(&document), "{name}");
        for field in document.as_object().unwrap().keys() {
            let mut lacking = document.clone();
            lacking.as_object_mut().unwrap().remove(field);
            assert!(!validator.is_valid(&lacking), "{name} without {field}");
        }
        let mut surplus = document.clone();
        surplus["surplus"] = 1.into();
        assert!(!validator.is_valid(&surplus), "{name}");
    }
}

#[test]
fn every_file_of_windows_has_its_keys_sorted_and_one_fact_a_line() {
    for name in ["system", "python", "runtimes"] {
        let text = std::fs::read_to_string(policies().join(format!("windows/{name}.json"))).unwrap();
        for line in text.lines() {
            assert!(line.matches('"').count() <= 4, "{name}: {line}");
        }
        let document: BTreeMap<String, Value> = serde_json::from_str(&text).unwrap();
        let order: Vec<String> = read(&format!("windows/{name}.json")).as_object().unwrap().keys().cloned().collect();
        assert_eq!(document.keys().cloned().collect::<Vec<_>>(), order, "{name}");
    }
}

#[test]
fn as_many_dlls_are_on_every_windows_as_in_the_lists() {
    const RELEASES: [&str; 5] = ["7sp1", "8", "8.1", "10", "11"];
    let rows = rows("system.tsv");
    let until = |column: usize, release: &str| {
        let last = RELEASES.iter().position(|other| *other == release).unwrap();
        rows.iter().filter(|row| RELEASES[..=last].contains(&row[column].as_str())).count()
    };
    // Counted with `sort | uniq -c` over the lists; one more, which the lists miss (policies/derive.py), on the older ones.
    assert_eq!(until(2, "7sp1"), 1422 + 1);
    assert_eq!(until(2, "8.1"), 1898);
    assert_eq!(until(2, "10"), 2974);
    assert_eq!(until(2, "11"), 3200);
    assert_eq!(until(1, "11"), 2150);
    assert_eq!(until(3, "11"), 3023);
    assert_eq!(until(3, "8.1"), 0);
    for row in &rows {
        assert!(row.len() == 4 && row[0] == row[0].to_lowercase() && row[1..].iter().any(|cell| !cell.is_empty()));
    }
}

#[test]
fn functions_name_a_kernel_after_windows_vista() {
    let rows = rows("api.tsv");
    assert!(rows.len() > 1500, "{}", rows.len());
    for row in rows {
        let (library, function) = row[0].split_once('!').unwrap();
        assert!(library.ends_with(".dll") || library.ends_with(".drv") || library.contains('.'), "{library}");
        assert!(!function.is_empty());
        assert!(["6.1", "6.2", "6.3"].contains(&row[1].as_str()) || row[1].starts_with("10.0."), "{row:?}");
    }
}
