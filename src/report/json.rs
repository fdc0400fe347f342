//! Machine output: one object for each wheel, one a line.

use super::Report;

/// Returns the report as one line of JSON, line end included.
pub fn render(report: &Report) -> String {
    // INVARIANT: a Report holds text and numbers only, which always serialise.
    let mut line = serde_json::to_string(report).expect("a report serialises");
    line.push('\n');
    line
}
