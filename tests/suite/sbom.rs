//! The SBOM: valid by CycloneDX's own schema, complete, reproducible, continued by a later repair.

use std::io::Read;
use std::path::Path;

use serde_json::Value;
use truewheel::format::Change;
use truewheel::origin::sbom::{Original, SbomInput, Stated, Vendored, document};
use truewheel::origin::{Database, Distro, Package};

fn schema(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/schemas").join(format!("{name}.schema.json.gz"));
    let mut text = Vec::new();
    flate2::read::GzDecoder::new(&*std::fs::read(path).unwrap()).read_to_end(&mut text).unwrap();
    serde_json::from_slice(&text).unwrap()
}

fn sum(digit: char) -> String {
    digit.to_string().repeat(64)
}

fn libffi() -> Package {
    let mut package =
        Package::new(Database::Dpkg, "/var/lib/dpkg/status", "/usr/lib/libffi.so.8.1.2", "libffi8", "3.4.4-1+b1");
    package.arch = Some("amd64".into());
    package.distro = Some(Distro { id: "debian".into(), version: Some("12".into()) });
    package.licence = Some("MIT".into());
    package.source = Some("libffi@3.4.4-1".into());
    package
}

fn libgomp() -> Package {
    let mut package =
        Package::new(Database::Rpm, "/var/lib/rpm/Packages", "/usr/lib64/libgomp.so.1", "libgomp", "8.5-1.el8");
    package.epoch = Some("1".into());
    package.licence = Some("GPLv3+ and GPLv3+ with exceptions".into());
    package.distro = Some(Distro { id: "almalinux".into(), version: Some("8.10".into()) });
    package
}

/// Three files: from dpkg, from rpm, of unknown origin; the first needs the last.
fn input() -> SbomInput {
    let mut input = SbomInput::new("Demo_Package", "1.0", "demo_package-1.0-cp312-cp312-manylinux_2_28_x86_64.whl");
    let mut ffi =
        Vendored::new("demo.libs/libffi-1a2b3c4d.so.8.1.2", Original::new("libffi.so.8.1.2", sum('a')), sum('b'));
    ffi.original.package = Some(libffi());
    ffi.original.identity = Some("libffi.so.8".into());
    ffi.original.build_id = Some("0123abcd".into());
    ffi.needed = vec!["demo.libs/libown-5e6f7a8b.so".into()];
    let change = |what, from: &str, to: &str| Change { what, from: Some(from.into()), to: Some(to.into()) };
    ffi.changes = vec![
        change("soname", "libffi.so.8", "libffi-1a2b3c4d.so.8.1.2"),
        Change { what: "rpath", from: None, to: Some("$ORIGIN".into()) },
    ];
    let mut gomp =
        Vendored::new("demo.libs/libgomp-00000000.so.1", Original::new("libgomp.so.1.0.0", sum('c')), sum('d'));
    gomp.original.package = Some(libgomp());
    let own = Vendored::new("demo.libs/libown-5e6f7a8b.so", Original::new("libown.so", sum('e')), sum('e'));
    input.vendored = vec![own, gomp, ffi];
    input.needed = vec!["demo.libs/libffi-1a2b3c4d.so.8.1.2".into(), "demo.libs/libgomp-00000000.so.1".into()];
    input
}

fn text(input: &SbomInput) -> String {
    let document = document(input);
    assert!(document.notes.is_empty(), "{:?}", document.notes);
    String::from_utf8(document.bytes).unwrap()
}

fn validate(document: &str) {
    let resource = |name| jsonschema::Resource::from_contents(schema(name)).unwrap();
    let validator = jsonschema::options()
        .with_resource("http://cyclonedx.org/schema/spdx.schema.json", resource("spdx"))
        .with_resource("http://cyclonedx.org/schema/jsf-0.82.schema.json", resource("jsf-0.82"))
        .build(&schema("bom-1.6"))
        .unwrap();
    let value: Value = serde_json::from_str(document).unwrap();
    let faults: Vec<String> =
        validator.iter_errors(&value).map(|error| format!("{}: {error}", error.instance_path)).collect();
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn the_document_is_valid_by_cyclonedx_s_schema() {
    let mut full = input();
    full.timestamp = Some(1_700_000_000);
    validate(&text(&full));
    validate(&text(&SbomInput::new("empty", "0", "empty-0-py3-none-any.whl")));
    // The validator does refuse.
    let broken = text(&full).replace("\"SHA-256\"", "\"SHA-257\"");
    assert!(std::panic::catch_unwind(|| validate(&broken)).is_err());
}

#[test]
fn the_document_reads_like_this() {
    // The tool's version is in it, and the serial number covers the version.
    let text = text(&input()).replace(concat!("\"", env!("CARGO_PKG_VERSION"), "\""), "\"[version]\"");
    let serial = text.find("urn:uuid:").unwrap();
    insta::assert_snapshot!(text.replace(&text[serial..serial + 45], "[serial]"));
}

#[test]
fn every_vendored_file_is_a_component_and_unknown_origin_is_stated() {
    let value: Value = serde_json::from_str(&text(&input())).unwrap();
    let components = value["components"].as_array().unwrap();
    assert_eq!(components.len(), 3);
    let own = components.iter().find(|item| item["name"] == "libown.so").unwrap();
    assert_eq!(own["properties"][0]["name"], "truewheel:origin");
    assert_eq!(own["properties"][0]["value"], "unknown");
    assert!(own.get("purl").is_none() && own.get("pedigree").is_none());
    assert_eq!(value["compositions"][0]["assemblies"][0], own["bom-ref"]);
}

#[test]
fn a_library_that_was_joined_from_two_files_names_both() {
    let mut input = input();
    let mut known = Original::new("libffi.8.dylib", sum('a'));
    known.package = Some(libffi());
    let mut joined = Vendored::new("demo/.dylibs/libffi.8.dylib", known, sum('c'));
    joined.joined = vec![Original::new("libffi.8.dylib", sum('b'))];
    input.vendored = vec![joined];
    let text = text(&input);
    validate(&text);
    let document: Value = serde_json::from_str(&text).unwrap();
    let component = &document["components"][0];
    let ancestors = component["pedigree"]["ancestors"].as_array().unwrap();
    let sums: Vec<&str> = ancestors.iter().map(|file| file["hashes"][0]["content"].as_str().unwrap()).collect();
    assert_eq!(sums, [sum('a'), sum('b')]);
    let of = |name: &str| {
        let all = component["properties"].as_array().unwrap().iter();
        all.filter(|property| property["name"] == name).map(|property| property["value"].as_str().unwrap()).collect()
    };
    let origins: Vec<&str> = of("truewheel:origin");
    assert_eq!((origins, of("truewheel:original-name")), (vec!["dpkg", "unknown"], vec!["libffi.8.dylib"]));
    // One of its parts is of unknown origin, and so is it.
    assert_eq!(document["compositions"][0]["assemblies"][0], component["bom-ref"]);
}

#[test]
fn a_dll_of_unknown_origin_is_described_by_what_it_says_of_itself() {
    let mut input = input();
    let mut stated = Stated::default();
    stated.version = Some("14.29.30139.0".into());
    stated.product = Some("Microsoft Visual Studio".into());
    stated.company = Some("Microsoft Corporation".into());
    let mut dll = Vendored::new("demo/msvcp140-0a.dll", Original::new("msvcp140.dll", sum('a')), sum('a'));
    dll.original.stated = Some(stated.clone());
    let mut known = Vendored::new("demo/ffi-0b.dll", Original::new("ffi.dll", sum('b')), sum('b'));
    known.original.package = Some(libffi());
    known.original.stated = Some(stated);
    input.vendored = vec![dll, known];
    let text = text(&input);
    validate(&text);
    let document: Value = serde_json::from_str(&text).unwrap();
    let component = |name: &str| {
        let all = document["components"].as_array().unwrap();
        all.iter().find(|component| component["name"] == name).unwrap().clone()
    };
    let dll = component("msvcp140.dll");
    assert_eq!((&dll["version"], &dll["supplier"]["name"]), (&"14.29.30139.0".into(), &"Microsoft Corporation".into()));
    assert!(dll["properties"].as_array().unwrap().iter().any(|row| row["value"] == "Microsoft Visual Studio"));
    // A database knows better.
    assert_eq!(component("libffi8")["version"], "3.4.4-1+b1");
}

#[test]
fn the_order_of_the_input_does_not_show() {
    let mut other = input();
    other.vendored.reverse();
    other.needed.reverse();
    assert_eq!(text(&input()), text(&other));
}

#[test]
fn the_time_is_source_date_epoch_or_absent() {
    let mut dated = input();
    assert!(!text(&dated).contains("timestamp"));
    dated.timestamp = Some(0);
    assert!(text(&dated).contains("\"timestamp\": \"1970-01-01T00:00:00Z\""));
}

#[test]
fn a_second_repair_keeps_the_bytes() {
    let first = text(&input());
    // With nothing left to vendor, with all of it once more, and at another time.
    let mut second = SbomInput::new("Demo_Package", "1.0", input().file_name);
    second.earlier = Some(first.clone().into_bytes());
    assert_eq!(text(&second), first);
    let mut again = input();
    again.earlier = second.earlier.clone();
    again.timestamp = Some(99);
    assert_eq!(text(&again), first);
}

#[test]
fn a_later_repair_adds_and_keeps_what_was_written_by_hand() {
    let first = text(&input());
    let mut edited: Value = serde_json::from_str(&first).unwrap();
    edited["components"][0]["description"] = "by hand".into();
    let mut later = SbomInput::new("Demo_Package", "1.0", "demo_package-1.0-cp312-cp312-manylinux_2_31_x86_64.whl");
    later.vendored = vec![Vendored::new("demo.libs/libnew.so", Original::new("libnew.so", sum('1')), sum('2'))];
    later.needed = vec!["demo.libs/libnew.so".into()];
    later.earlier = Some(serde_json::to_vec(&edited).unwrap());
    let merged = text(&later);
    validate(&merged);
    let value: Value = serde_json::from_str(&merged).unwrap();
    assert_eq!(value["components"].as_array().unwrap().len(), 4);
    assert_eq!(value["components"][0]["description"], "by hand");
    assert_eq!(value["dependencies"][0]["ref"], value["metadata"]["component"]["bom-ref"]);
    assert_eq!(value["dependencies"][0]["dependsOn"].as_array().unwrap().len(), 3);
    assert_eq!(value["dependencies"].as_array().unwrap().len(), 5);
    assert_eq!(value["compositions"][0]["assemblies"].as_array().unwrap().len(), 2);
    later.earlier = Some(merged.clone().into_bytes());
    assert_eq!(text(&later), merged);
}

#[test]
fn an_earlier_document_that_is_not_ours_is_replaced_and_said() {
    for earlier in ["", "[]", "{\"bomFormat\": \"CycloneDX\", \"specVersion\": \"1.6\"}", &"[".repeat(100_000)] {
        let mut next = input();
        next.earlier = Some(earlier.as_bytes().to_vec());
        let document = document(&next);
        assert_eq!(document.notes.len(), 1, "{earlier:.20}");
        assert_eq!(String::from_utf8(document.bytes).unwrap(), text(&input()));
    }
}

#[test]
fn recognised_licences_are_identifiers_of_spdx() {
    let listed = schema("spdx");
    let listed: Vec<&str> = listed["enum"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    for licence in truewheel::origin::sbom::LICENCES {
        assert!(listed.contains(&licence), "{licence}");
    }
}
