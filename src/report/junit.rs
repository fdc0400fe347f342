//! JUnit XML: one test suite for each wheel, one test case for each finding.

use super::Report;
use super::text::{printable, sentence};
use crate::diagnostic::Severity;

/// Returns the document of all reports.
///
/// An error is a failure; a warning or note is a passing case whose output holds it; a wheel without findings has
/// one passing case, so that no suite is empty.
pub fn render(reports: &[Report]) -> String {
    let tests: usize = reports.iter().map(|report| report.diagnostics.len().max(1)).sum();
    let failures: usize = reports.iter().map(|report| report.count(Severity::Error)).sum();
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"truewheel\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\">\n"
    );
    for report in reports {
        suite(report, &mut text);
    }
    text.push_str("</testsuites>\n");
    text
}

fn suite(report: &Report, text: &mut String) {
    let wheel = escape(&report.wheel);
    text.push_str(&format!(
        "  <testsuite name=\"{wheel}\" tests=\"{}\" failures=\"{}\" errors=\"0\">\n",
        report.diagnostics.len().max(1),
        report.count(Severity::Error)
    ));
    if report.diagnostics.is_empty() {
        text.push_str(&format!("    <testcase classname=\"{wheel}\" name=\"sound\"/>\n"));
    }
    for finding in &report.diagnostics {
        let diagnostic = &finding.diagnostic;
        let line = escape(&sentence(finding));
        let help = diagnostic.help.as_ref().map(|help| format!("\nhelp: {}", escape(help))).unwrap_or_default();
        let reason =
            finding.allowed.as_ref().map(|reason| format!("\nallowed: {}", escape(reason))).unwrap_or_default();
        let code = format!("{} {}", diagnostic.code, diagnostic.code.slug());
        let member = diagnostic.member.as_ref().map(|member| format!(": {}", escape(member))).unwrap_or_default();
        let body = match diagnostic.severity {
            Severity::Error => {
                format!("<failure type=\"{}\" message=\"{line}\">{line}{help}</failure>", diagnostic.code)
            }
            Severity::Warning | Severity::Note => {
                format!("<system-out>{}[{}]: {line}{help}{reason}</system-out>", diagnostic.severity, diagnostic.code)
            }
        };
        text.push_str(&format!("    <testcase classname=\"{wheel}\" name=\"{code}{member}\">{body}</testcase>\n"));
    }
    text.push_str("  </testsuite>\n");
}

/// Escapes text for content and attributes; characters that XML 1.0 cannot carry are spelled out.
fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in printable(text).chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&apos;"),
            // XML 1.0, production 2 (Char): these two are no characters.
            '\u{fffe}' | '\u{ffff}' => safe.push('\u{fffd}'),
            _ => safe.push(character),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn a_suite_for_each_wheel() {
        insta::assert_snapshot!(render(&[fixture::report(), fixture::sound()]));
    }

    #[test]
    fn markup_and_control_characters_are_text() {
        assert_eq!(escape("<a b=\"1\">&'\x01\u{ffff}"), "&lt;a b=&quot;1&quot;&gt;&amp;&apos;\\u{1}\u{fffd}");
    }
}
