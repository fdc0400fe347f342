//! The policies against their schema, against each other, and against the facts they came from (`testdata/policy/`).

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use truewheel::Arch;
use truewheel::policy::{Node, Number, Policy, PolicyFamily, PolicySet};

use crate::support::testdata;

/// Names and symbols, by what they are.
type Kinds<'a> = BTreeMap<&'a str, BTreeSet<(String, String)>>;

fn policies() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("policies")
}

fn files() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for family in PolicyFamily::ALL {
        let folder = policies().join(family.name());
        found.extend(std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()));
    }
    found.sort();
    found
}

/// The rows of a table of `testdata/policy/`, the header left out.
fn facts(name: &str) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(testdata("policy").join(name)).unwrap();
    let rows = text.lines().filter(|line| !line.starts_with('#')).skip(1);
    rows.map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}

fn number(text: &str) -> Number {
    Number::parse(text).unwrap()
}

/// The level of a manylinux policy, e.g. 2.17.
fn level(policy: &Policy) -> Number {
    number(&policy.name["manylinux_".len()..].replace('_', "."))
}

fn manylinux() -> Vec<Policy> {
    PolicySet::embedded().family(PolicyFamily::Manylinux).cloned().collect()
}

#[test]
fn every_policy_file_is_valid_by_the_schema() {
    let read =
        |path: &Path| -> serde_json::Value { serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap() };
    let validator = jsonschema::validator_for(&read(&policies().join("schema.json"))).unwrap();
    for path in files() {
        let document = read(&path);
        assert!(validator.is_valid(&document), "{}", path.display());
        let mut list = serde_json::json!([document.clone(), document.clone()]);
        assert!(validator.is_valid(&list), "{}", path.display());
        list[1]["surplus"] = 1.into();
        assert!(!validator.is_valid(&list), "{}", path.display());
        for field in ["name", "rank", "source", "retrieved", "arches", "libraries", "denied", "aliases"] {
            let mut lacking = document.clone();
            lacking.as_object_mut().unwrap().remove(field);
            assert!(!validator.is_valid(&lacking), "{} without {field}", path.display());
        }
    }
}

#[test]
fn every_policy_file_has_its_keys_sorted_and_one_fact_a_line() {
    for path in files().into_iter().chain([policies().join("presets.json")]) {
        let text = std::fs::read_to_string(&path).unwrap();
        for line in text.lines() {
            assert!(line.matches('"').count() <= 4, "{}: {line}", path.display());
        }
        let document: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_sorted(&document, &path);
    }
}

/// Objects keep the order of the file here (serde_json's `preserve_order`).
fn assert_sorted(value: &serde_json::Value, path: &Path) {
    match value {
        serde_json::Value::Object(map) => {
            assert!(map.keys().is_sorted(), "{}: {:?}", path.display(), map.keys().collect::<Vec<_>>());
            map.values().for_each(|value| assert_sorted(value, path));
        }
        serde_json::Value::Array(items) => items.iter().for_each(|value| assert_sorted(value, path)),
        _ => {}
    }
}

#[test]
fn a_newer_policy_allows_all_that_an_older_one_does() {
    let set = PolicySet::embedded();
    for family in PolicyFamily::ALL {
        let policies: Vec<&Policy> = set.family(family).collect();
        assert!(policies.windows(2).all(|pair| pair[0].rank > pair[1].rank));
        for pair in policies.windows(2) {
            let [older, newer] = pair else { unreachable!() };
            let names = format!("{} and {}", older.name, newer.name);
            assert!(older.libraries.is_subset(&newer.libraries), "{names}");
            assert!(older.release <= newer.release, "{names}");
            for (library, symbols) in &newer.denied {
                assert!(older.denied.get(library).is_some_and(|denied| symbols.is_subset(denied)), "{names}");
            }
            for (arch, before) in &older.arches {
                // The newest levels exist where such a glibc is known, and nowhere else.
                let Some(after) = newer.arches.get(arch) else { continue };
                assert!(before.nodes.is_subset(&after.nodes) && before.libraries == after.libraries, "{names}");
                for (family, ceiling) in &before.ceilings {
                    assert!(after.ceilings.get(family).is_some_and(|after| ceiling <= after), "{names}: {family}");
                }
            }
        }
    }
}

#[test]
fn an_architecture_has_every_level_from_its_first_to_its_newest() {
    let mut known: BTreeMap<String, Vec<Number>> = BTreeMap::new();
    for row in facts("manylinux_levels.tsv") {
        if row[1] == "arch" {
            known.entry(row[2].clone()).or_default().push(number(&row[0]));
        }
    }
    for row in facts("glibc_levels.tsv") {
        if row[1] == "newest" {
            known.get_mut(&row[0]).unwrap().push(number(&row[2]));
        }
    }
    let policies = manylinux();
    for (arch, levels) in known {
        let (first, newest) = (levels.iter().min().unwrap(), levels.iter().max().unwrap());
        let arch = Arch::from_linux_name(&arch).unwrap();
        for minor in 5..=60 {
            let this = number(&format!("2.{minor}"));
            let exists = policies.iter().any(|policy| level(policy) == this && policy.arches.contains_key(&arch));
            assert_eq!(exists, (first..=newest).contains(&&this), "{arch:?} 2.{minor}");
        }
    }
}

#[test]
fn a_level_in_force_allows_exactly_the_nodes_that_its_facts_name() {
    let mut nodes: BTreeMap<String, Vec<(Node, Number)>> = BTreeMap::new();
    for row in facts("manylinux_nodes.tsv") {
        let node = Node::new(&format!("{}_{}", row[1], row[2]));
        nodes.entry(row[0].clone()).or_default().push((node, number(&row[3])));
    }
    let policies = manylinux();
    let mut compared = 0;
    for row in facts("manylinux_levels.tsv").iter().filter(|row| row[1] == "arch") {
        let policy = policies.iter().find(|policy| level(policy) == number(&row[0])).unwrap();
        let here = &policy.arches[&Arch::from_linux_name(&row[2]).unwrap()];
        for (node, first) in &nodes[&row[2]] {
            assert_eq!(here.allows(node), *first <= level(policy), "{} {} {}", policy.name, row[2], node.name);
            compared += 1;
        }
    }
    assert!(compared > 10_000, "{compared}");
}

#[test]
fn a_level_in_force_has_the_libraries_denials_and_aliases_of_its_facts() {
    let mut levels: BTreeMap<String, Kinds<'_>> = BTreeMap::new();
    let rows = facts("manylinux_levels.tsv");
    for row in &rows {
        let kinds = levels.entry(row[0].clone()).or_default();
        kinds.entry(row[1].as_str()).or_default().insert((row[2].clone(), row[3].clone()));
    }
    let policies = manylinux();
    let plain = |names: &mut dyn Iterator<Item = &String>| -> BTreeSet<(String, String)> {
        names.map(|name| (name.clone(), String::new())).collect()
    };
    for (text, kinds) in levels {
        let policy = policies.iter().find(|policy| level(policy) == number(&text)).unwrap();
        assert_eq!(plain(&mut policy.libraries.iter()), kinds["library"], "{}", policy.name);
        assert_eq!(
            plain(&mut policy.aliases.iter()),
            kinds.get("alias").cloned().unwrap_or_default(),
            "{}",
            policy.name
        );
        let denied = policy
            .denied
            .iter()
            .flat_map(|(library, symbols)| symbols.iter().map(move |symbol| (library.clone(), symbol.clone())));
        assert_eq!(denied.collect::<BTreeSet<_>>(), kinds["denied"], "{}", policy.name);
    }
}

#[test]
fn a_level_between_has_its_own_glibc_and_the_rest_of_the_next_lower_one() {
    let in_force: BTreeSet<(Number, String)> = facts("manylinux_levels.tsv")
        .into_iter()
        .filter(|row| row[1] == "arch")
        .map(|row| (number(&row[0]), row[2].clone()))
        .collect();
    let policies = manylinux();
    let mut between = 0;
    for pair in policies.windows(2) {
        let [below, this] = pair else { unreachable!() };
        for (arch, here) in &this.arches {
            let name = arch.linux_name();
            let Some(lower) = below.arches.get(arch).filter(|_| !in_force.contains(&(level(this), name.clone())))
            else {
                continue;
            };
            between += 1;
            assert_eq!(here.ceilings["GLIBC"], level(this), "{} {name}", this.name);
            for (family, ceiling) in lower.ceilings.iter().filter(|(family, _)| *family != "GLIBC") {
                assert_eq!(here.ceilings[family], *ceiling, "{} {name} {family}", this.name);
            }
            let come: BTreeSet<String> = facts("glibc_levels.tsv")
                .into_iter()
                .filter(|row| row[0] == name && row[1] != "newest" && number(&row[2]) == level(this))
                .map(|row| row[1].clone())
                .collect();
            assert_eq!(here.nodes, lower.nodes.union(&come).cloned().collect(), "{} {name}", this.name);
        }
    }
    assert!(between > 100, "{between}");
}

#[test]
fn the_glibc_symbols_that_2_18_brought_are_denied_below_it_and_nowhere_else() {
    for policy in manylinux() {
        let denies = |library: &str| policy.denied.contains_key(library);
        for library in ["libc.so.6", "libm.so.6", "libpthread.so.0"] {
            assert_eq!(denies(library), level(&policy) < number("2.18"), "{} {library}", policy.name);
        }
        assert!(denies("libz.so.1"), "{}", policy.name);
    }
}

#[test]
fn a_musllinux_ceiling_is_the_newest_release_of_its_series() {
    let releases: Vec<Number> = facts("musl_releases.tsv").iter().map(|row| number(&row[0])).collect();
    for policy in PolicySet::embedded().family(PolicyFamily::Musllinux) {
        let series = policy.name["musllinux_".len()..].replace('_', ".") + ".";
        let newest = releases.iter().filter(|release| release.to_string().starts_with(&series)).max();
        assert_eq!(policy.release.as_ref(), newest, "{}", policy.name);
        assert_eq!(policy.denied["libz.so.1"].len(), 31, "{}", policy.name);
    }
}

#[test]
fn an_android_level_gives_the_libraries_that_came_by_then_and_python_s_three() {
    let text = std::fs::read_to_string(policies().join("symbols/android/libraries.tsv")).unwrap();
    let rows: Vec<Vec<&str>> =
        text.lines().filter(|line| !line.starts_with('#')).skip(1).map(|line| line.split('\t').collect()).collect();
    for policy in PolicySet::embedded().family(PolicyFamily::Android) {
        let level = policy.release.as_ref().unwrap();
        let mut expected: BTreeSet<&str> =
            rows.iter().filter(|row| number(row[1]) <= *level).map(|row| row[0]).collect();
        expected.extend(["libcrypto_python.so", "libsqlite3_python.so", "libssl_python.so"]);
        assert_eq!(policy.libraries.iter().map(String::as_str).collect::<BTreeSet<_>>(), expected, "{}", policy.name);
        assert_eq!(policy.name, format!("android_{level}"));
        assert_eq!(policy.arches.contains_key(&Arch::Riscv64), *level >= number("35"), "{}", policy.name);
    }
}
