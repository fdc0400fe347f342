//! SARIF 2.1.0 (OASIS standard): one run for all wheels, a rule for each code with its page as help.

use serde_json::{Value, json};

use super::text::sentence;
use super::{Finding, Report};
use crate::diagnostic::{Code, Severity};

/// Returns the log of all reports, indented, line end included.
pub fn render(reports: &[Report]) -> String {
    let mut artifacts = Artifacts::default();
    let mut results = Vec::new();
    for report in reports {
        let wheel = artifacts.add(&report.wheel, None);
        for finding in &report.diagnostics {
            results.push(result(report, finding, wheel, &mut artifacts));
        }
    }
    let log = json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "truewheel",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": Code::ALL.iter().map(|code| rule(*code)).collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "artifacts": artifacts.entries,
            "results": results,
        }],
    });
    // INVARIANT: a Value always serialises.
    let mut text = serde_json::to_string_pretty(&log).expect("a value serialises");
    text.push('\n');
    text
}

/// The rule of a code; every code is listed, found or not.
fn rule(code: Code) -> Value {
    json!({
        "id": code.name(),
        "name": pascal_case(code.slug()),
        "shortDescription": {"text": code.title()},
        "fullDescription": {"text": code.title()},
        "help": {"text": code.page(), "markdown": code.page()},
        "defaultConfiguration": {"level": level(code.severity())},
        "properties": {"tags": [code.family().name(), code.slug()]},
    })
}

fn result(report: &Report, finding: &Finding, wheel: usize, artifacts: &mut Artifacts) -> Value {
    let diagnostic = &finding.diagnostic;
    let mut text = sentence(finding);
    if diagnostic.chain.len() > 1 {
        text.push_str(&format!("\nchain: {}", diagnostic.chain.join(" > ")));
    }
    if let Some(help) = &diagnostic.help {
        text.push_str(&format!("\nhelp: {help}"));
    }
    // GitHub shows only results with a physical location, and takes its path from the URI: that is the wheel's; the
    // member is named as a logical location, and as an artifact inside the wheel.
    let mut location = json!({
        "physicalLocation": {"artifactLocation": {"uri": uri(&report.wheel), "index": wheel}, "region": {"startLine": 1}},
    });
    if let Some(member) = &diagnostic.member {
        artifacts.add(member, Some(wheel));
        location["logicalLocations"] = json!([{"fullyQualifiedName": member, "kind": "resource"}]);
    }
    let mut value = json!({
        "ruleId": diagnostic.code.name(),
        "ruleIndex": Code::ALL.iter().position(|code| *code == diagnostic.code),
        "level": level(diagnostic.severity),
        "message": {"text": text},
        "locations": [location],
        "partialFingerprints": {"truewheel/v1": fingerprint(finding)},
    });
    if let Some(reason) = &finding.allowed {
        value["suppressions"] = json!([{"kind": "external", "justification": reason}]);
    }
    value
}

/// What makes a result the same one in the next run: code, member and message; not the wheel, whose name holds a
/// version.
fn fingerprint(finding: &Finding) -> String {
    use sha2::Digest;
    let diagnostic = &finding.diagnostic;
    let text =
        format!("{}\0{}\0{}", diagnostic.code, diagnostic.member.as_deref().unwrap_or_default(), diagnostic.message);
    sha2::Sha256::digest(text.as_bytes()).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

/// Wheels and their members, each once, in order of appearance.
#[derive(Default)]
struct Artifacts {
    entries: Vec<Value>,
    known: Vec<(Option<usize>, String)>,
}

impl Artifacts {
    fn add(&mut self, path: &str, parent: Option<usize>) -> usize {
        let key = (parent, path.to_owned());
        if let Some(index) = self.known.iter().position(|known| *known == key) {
            return index;
        }
        let mut entry = json!({"location": {"uri": uri(path)}});
        if let Some(parent) = parent {
            entry["parentIndex"] = json!(parent);
        }
        self.entries.push(entry);
        self.known.push(key);
        self.entries.len() - 1
    }
}

/// Returns a path as a URI reference (RFC 3986): what is not unreserved is percent-encoded.
fn uri(path: &str) -> String {
    let path = path.replace('\\', "/");
    // A first segment with a colon would read as a scheme (RFC 3986, 4.2).
    let prefix = match path.as_bytes() {
        [b'/', ..] => "file://",
        [drive, b':', b'/', ..] if drive.is_ascii_alphabetic() => "file:///",
        _ => "",
    };
    let mut text = prefix.to_owned();
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => text.push(char::from(byte)),
            b':' if prefix == "file:///" => text.push(':'),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

/// Returns `SymbolTooRecent` for `symbol-too-recent`.
fn pascal_case(slug: &str) -> String {
    let capital = |word: &str| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_uppercase().chain(letters).collect::<String>()).unwrap_or_default()
    };
    slug.split('-').map(capital).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn results_name_rule_wheel_and_member() {
        let log: Value = serde_json::from_str(&render(&[fixture::report(), fixture::sound()])).unwrap();
        let run = &log["runs"][0];
        assert_eq!(run["tool"]["driver"]["rules"].as_array().unwrap().len(), Code::ALL.len());
        insta::assert_json_snapshot!(run["results"][0]);
        insta::assert_json_snapshot!(run["artifacts"]);
    }

    #[test]
    fn every_result_points_at_its_rule() {
        let log: Value = serde_json::from_str(&render(&[fixture::report()])).unwrap();
        let run = &log["runs"][0];
        for result in run["results"].as_array().unwrap() {
            let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
            assert_eq!(run["tool"]["driver"]["rules"][index]["id"], result["ruleId"]);
        }
    }

    #[test]
    fn a_path_is_a_valid_uri() {
        assert_eq!(uri("dist/a b%#é.whl"), "dist/a%20b%25%23%C3%A9.whl");
        assert_eq!(uri("C:\\w\\a.whl"), "file:///C:/w/a.whl");
        assert_eq!(uri("a:b.whl"), "a%3Ab.whl");
    }
}
