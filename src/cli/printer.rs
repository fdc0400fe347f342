//! Reports on their way out: one after the other where the form allows it, else as one document at the end.

use super::args::ReportArgs;
use super::output::Sink;
use super::terminal::Terminal;
use crate::error::Result;
use crate::report::human::{self, Detail, Palette};
use crate::report::{OutputFormat, Report, github, json, junit, sarif};

/// What `human` output shows of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// What is inside, as `show` prints it.
    Summary,
    /// Findings and the verdict, as `check` prints them.
    Findings,
}

/// Prints reports.
#[derive(Debug)]
pub struct Printer {
    format: OutputFormat,
    view: View,
    sink: Sink,
    palette: Palette,
    detail: Detail,
    collected: Vec<Report>,
    printed: usize,
}

impl Printer {
    /// Returns the printer that the flags ask for.
    pub fn new(args: &ReportArgs, view: View, terminal: &Terminal) -> Self {
        let sink = Sink::new(args.output.as_deref());
        let palette = if sink.is_stdout() { terminal.stdout_palette() } else { Palette::default() };
        Self { format: args.format, view, sink, palette, detail: terminal.detail(), collected: Vec::new(), printed: 0 }
    }

    /// Returns true if nobody reads any more.
    pub fn is_closed(&self) -> bool {
        self.sink.is_closed()
    }

    /// Prints a report, or keeps it for the document.
    ///
    /// # Errors
    /// `Io` if the output cannot be written.
    pub fn report(&mut self, report: Report) -> Result<()> {
        let text = match self.format {
            OutputFormat::Human => self.human(&report),
            OutputFormat::Json => json::render(&report),
            OutputFormat::Github => github::render(&report),
            OutputFormat::Sarif | OutputFormat::Junit => {
                self.collected.push(report);
                return Ok(());
            }
        };
        self.printed += 1;
        self.sink.write(&text)
    }

    fn human(&self, report: &Report) -> String {
        match self.view {
            View::Summary => {
                let text = human::summary(report, &self.palette, self.detail);
                if self.printed > 0 { format!("\n{text}") } else { text }
            }
            View::Findings => human::findings(report, &self.palette, self.detail),
        }
    }

    /// Prints the document, and writes the file.
    ///
    /// # Errors
    /// `Io` if the output cannot be written.
    pub fn finish(mut self) -> Result<()> {
        match self.format {
            OutputFormat::Human | OutputFormat::Json | OutputFormat::Github => {}
            OutputFormat::Sarif => self.sink.write(&sarif::render(&self.collected))?,
            OutputFormat::Junit => self.sink.write(&junit::render(&self.collected))?,
        }
        self.sink.finish()
    }
}
