//! The terminal: what is said to people on stderr, in colour or not, and how progress is shown.

use std::io::{IsTerminal, Write};

use anstyle::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressStyle};

use super::args::{ColorWhen, CommonArgs};
use crate::error::Error;
use crate::report::human::{Detail, Palette};

/// Says things on stderr.
#[derive(Debug)]
pub struct Terminal {
    color: ColorWhen,
    detail: Detail,
    palette: Palette,
}

impl Terminal {
    /// Returns the terminal that the flags ask for.
    pub fn new(common: &CommonArgs) -> Self {
        let detail = match (common.quiet, common.verbose) {
            (true, _) => Detail::Quiet,
            (false, 0) => Detail::Normal,
            (false, _) => Detail::Verbose,
        };
        let on = shows_colour(common.color, anstream::AutoStream::choice(&std::io::stderr()));
        Self { color: common.color, detail, palette: palette(on) }
    }

    /// Returns a terminal for what goes wrong before the flags are known.
    pub fn plain() -> Self {
        Self { color: ColorWhen::Never, detail: Detail::Normal, palette: Palette::default() }
    }

    /// Returns how much is to be said.
    pub fn detail(&self) -> Detail {
        self.detail
    }

    /// Returns the palette for standard output.
    pub fn stdout_palette(&self) -> Palette {
        palette(shows_colour(self.color, anstream::AutoStream::choice(&std::io::stdout())))
    }

    /// Returns the palette for stderr.
    pub fn palette(&self) -> &Palette {
        &self.palette
    }

    /// Says that something could not be done, and the ways out.
    pub fn error(&self, error: &Error) {
        let label = self.palette.paint(&self.palette.error, "error");
        let mut text = format!("{label}: {}\n", crate::report::text::printable(&error.to_string()));
        for hint in error.hints() {
            let label = self.palette.paint(&self.palette.help, "hint");
            text.push_str(&format!("{label}: {}\n", crate::report::text::printable(hint)));
        }
        self.raw(&text);
    }

    /// Says something that is worth knowing, unless quiet.
    pub fn note(&self, text: &str) {
        self.labelled(&self.palette.note, "note", text);
    }

    /// Says something that should be looked at, unless quiet.
    pub fn warning(&self, text: &str) {
        self.labelled(&self.palette.warning, "warning", text);
    }

    /// Says how things go, unless quiet.
    pub fn say(&self, text: &str) {
        if self.detail > Detail::Quiet {
            self.raw(&format!("{}\n", crate::report::text::printable(text)));
        }
    }

    /// Writes text that is already fit to be shown. Nobody can be told that stderr is gone.
    pub fn raw(&self, text: &str) {
        let _ = std::io::stderr().lock().write_all(text.as_bytes());
    }

    fn labelled(&self, start: &str, label: &str, text: &str) {
        if self.detail > Detail::Quiet {
            let label = self.palette.paint(start, label);
            self.raw(&format!("{label}: {}\n", crate::report::text::printable(text)));
        }
    }

    /// Returns a progress bar over `count` wheels; hidden unless stderr is a terminal and there is more than one.
    pub fn progress(&self, count: usize) -> ProgressBar {
        if count < 2 || self.detail == Detail::Quiet || !std::io::stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::new(count as u64);
        // INVARIANT: the template is a constant that indicatif accepts.
        bar.set_style(ProgressStyle::with_template("{pos}/{len} {wide_msg}").expect("a valid template"));
        bar
    }
}

/// Whether colour is wanted; `choice` is what the stream and the environment (`NO_COLOR`, `TERM`) say.
fn shows_colour(when: ColorWhen, choice: anstream::ColorChoice) -> bool {
    match when {
        ColorWhen::Always => true,
        ColorWhen::Never => false,
        ColorWhen::Auto => choice != anstream::ColorChoice::Never,
    }
}

/// The colours.
fn palette(on: bool) -> Palette {
    let mut palette = Palette::default();
    if on {
        let bold = |color: AnsiColor| Style::new().bold().fg_color(Some(color.into())).render().to_string();
        palette.error = bold(AnsiColor::Red);
        palette.warning = bold(AnsiColor::Yellow);
        palette.note = bold(AnsiColor::Blue);
        palette.help = bold(AnsiColor::Green);
        palette.title = Style::new().bold().render().to_string();
        palette.reset = anstyle::Reset.render().to_string();
    }
    palette
}
