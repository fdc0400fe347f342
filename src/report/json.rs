//! Machine output: one object for each wheel, one a line.

use super::Report;

/// Returns the report as one line of JSON, line end included.
pub fn render(report: &Report) -> String {
    // INVARIANT: a Report holds text and numbers only, which always serialise.
    let mut line = serde_json::to_string(report).expect("a report serialises");
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    const SCHEMA: &str = include_str!("../../docs/reference/report.schema.json");

    #[test]
    fn reports_are_valid_by_the_published_schema() {
        let schema = serde_json::from_str(SCHEMA).unwrap();
        let validator = jsonschema::validator_for(&schema).unwrap();
        for report in [fixture::report(), fixture::sound()] {
            let line = render(&report);
            assert_eq!(line.matches('\n').count(), 1);
            let value = serde_json::from_str(&line).unwrap();
            let errors: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{errors:#?}");
        }
    }

    #[test]
    fn the_contract_s_fields_stand_first_and_in_its_order() {
        let value: serde_json::Value = serde_json::from_str(&render(&fixture::report())).unwrap();
        let names: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).take(9).collect();
        let contract =
            ["schema", "tool", "wheel", "verdict", "outputs", "tags", "binaries", "libraries", "diagnostics"];
        assert_eq!(names, contract);
        let finding = value["diagnostics"][0].as_object().unwrap();
        let names: Vec<&str> = finding.keys().map(String::as_str).collect();
        assert_eq!(names, ["code", "slug", "severity", "member", "message", "help", "chain"]);
    }

    #[test]
    fn every_field_that_is_written_is_in_the_schema() {
        let schema: serde_json::Value = serde_json::from_str(SCHEMA).unwrap();
        let value: serde_json::Value = serde_json::from_str(&render(&fixture::report())).unwrap();
        for name in value.as_object().unwrap().keys() {
            assert!(schema["properties"].get(name).is_some(), "`{name}` is not in the schema");
        }
    }
}
