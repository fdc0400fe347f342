//! The rules of macOS and iOS against their schema, against each other, and against the facts they came from.

use std::path::{Path, PathBuf};

use truewheel::format::macho::AppleVersion;
use truewheel::policy::apple::AppleRules;

use crate::support::testdata;

fn policies() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("policies")
}

fn read(path: &Path) -> serde_json::Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn rows(path: &Path) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(path).unwrap();
    let rows = text.lines().filter(|line| !line.starts_with('#')).skip(1);
    rows.map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}

#[test]
fn both_files_are_valid_by_the_schema_and_nothing_else_is() {
    let validator = jsonschema::validator_for(&read(&policies().join("apple.schema.json"))).unwrap();
    for name in ["macos", "ios"] {
        let document = read(&policies().join(name).join("system.json"));
        assert!(validator.is_valid(&document), "{name}");
        let fields: Vec<String> = document.as_object().unwrap().keys().cloned().collect();
        assert!(fields.is_sorted(), "{name}");
        for field in fields {
            let mut lacking = document.clone();
            lacking.as_object_mut().unwrap().remove(&field);
            assert!(!validator.is_valid(&lacking), "{name} without {field}");
            assert!(AppleRules::read(&lacking.to_string()).is_err(), "{name} without {field}");
        }
        let mut more = document;
        more["surplus"] = 1.into();
        assert!(!validator.is_valid(&more) && AppleRules::read(&more.to_string()).is_err());
    }
}

#[test]
fn a_later_loader_refuses_no_sooner_than_an_earlier_one() {
    for rules in [AppleRules::macos(), AppleRules::ios()] {
        for rule in &rules.dyld {
            assert!(rule.since.is_sorted_by(|a, b| a.system < b.system && a.sdk <= b.sdk), "{:?}", rule.rule);
        }
    }
}

#[test]
fn ios_has_macos_s_rules_at_the_versions_of_the_same_year() {
    let (macos, ios) = (AppleRules::macos(), AppleRules::ios());
    assert_eq!(macos.dyld.len(), ios.dyld.len());
    for (one, other) in macos.dyld.iter().zip(&ios.dyld) {
        assert_eq!(one.rule, other.rule);
        for (mac, phone) in one.since.iter().zip(&other.since) {
            // macOS 10.15 and iOS 13 are of one year, so are 11 and 14, and from 26 on both have one number.
            let mac_year = if mac.sdk.major() == 10 { mac.sdk.minor().into() } else { mac.sdk.major() + 5 };
            let phone_year = if phone.sdk.major() >= 26 { phone.sdk.major() + 5 } else { phone.sdk.major() + 2 };
            assert_eq!(mac_year, phone_year, "{:?}", one.rule);
        }
    }
}

#[test]
fn libcxx_s_features_came_when_the_facts_say_so() {
    let facts = rows(&testdata("policy/macos_libcxx.tsv"));
    for feature in &AppleRules::macos().libcxx {
        let row = facts.iter().find(|row| row[0] == feature.what).unwrap();
        assert_eq!(AppleVersion::parse(&row[1]), Some(feature.first), "{}", feature.what);
    }
}

#[test]
fn libcxx_s_features_are_in_the_sdks_of_their_time_and_not_in_earlier_ones() {
    let table = policies().join("symbols/macos");
    let known: Vec<Vec<String>> =
        ["libc++.tsv", "libc++abi.tsv"].iter().flat_map(|name| rows(&table.join(name))).collect();
    for feature in &AppleRules::macos().libcxx {
        let seen: Vec<&str> = known.iter().filter(|row| feature.has(&row[0])).map(|row| row[2].as_str()).collect();
        // The tables are of the SDKs 11.3 and 12.0.
        match feature.first <= AppleVersion::new(11, 3, 0) {
            true => assert!(!seen.is_empty() && seen.iter().all(|first| *first == "<=11.3"), "{}", feature.what),
            false if feature.first > AppleVersion::new(12, 0, 0) => assert!(seen.is_empty(), "{}", feature.what),
            false => {}
        }
    }
}

#[test]
fn what_the_sdks_list_is_given_by_path() {
    // What is left is Apple's too, and nothing that others link.
    let linked = |name: &str| name.starts_with("/usr/lib/") || name.starts_with("/System/Library/");
    for row in rows(&policies().join("symbols/macos/install_names.tsv")).iter().filter(|row| linked(&row[0])) {
        assert!(AppleRules::macos().gives(&row[0]), "{}", row[0]);
    }
}
