//! Workflow commands of GitHub Actions: one annotation for each finding.

use super::Report;
use super::text::{printable, sentence};
use crate::diagnostic::Severity;

/// Returns one line for each finding but mere hints, which would crowd out what matters: an annotation is for whoever
/// looks at a pull request, and GitHub shows ten of a kind. A wheel without any gives nothing.
///
/// There is no `file=`: a wheel is no file of the repository, and an annotation with one would not be shown.
pub fn render(report: &Report) -> String {
    let mut text = String::new();
    for finding in report.diagnostics.iter().filter(|finding| !finding.is_advice()) {
        let diagnostic = &finding.diagnostic;
        let command = match diagnostic.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "notice",
        };
        let title = format!("{} {}", diagnostic.code, diagnostic.code.slug());
        let mut message = format!("{}: {}", printable(&report.wheel), sentence(finding));
        if diagnostic.chain.len() > 1 {
            let chain: Vec<String> = diagnostic.chain.iter().map(|name| printable(name)).collect();
            message.push_str(&format!("\nchain: {}", chain.join(" > ")));
        }
        if let Some(help) = &diagnostic.help {
            message.push_str(&format!("\nhelp: {}", printable(help)));
        }
        if let Some(reason) = &finding.allowed {
            message.push_str(&format!("\nallowed: {}", printable(reason)));
        }
        text.push_str(&format!("::{command} title={}::{}\n", property(&title), data(&message)));
    }
    text
}

/// Escapes the text of a workflow command (`@actions/core`, `escapeData`).
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes a property of a workflow command (`@actions/core`, `escapeProperty`).
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn each_finding_is_one_line() {
        insta::assert_snapshot!(render(&fixture::report()));
    }

    #[test]
    fn what_would_end_a_command_is_escaped() {
        assert_eq!(property("50%: a,b\r\n"), "50%25%3A a%2Cb%0D%0A");
    }
}
