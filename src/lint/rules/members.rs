//! Are times, order and names of the members ones that every tool handles? TW114, TW116 to TW118.

use super::others;
use crate::diagnostic::{Code, Diagnostic};
use crate::lint::Sheet;
use crate::tag::PlatformTag;
use crate::wheel::Member;
use crate::wheel::install::is_locked_script;
use crate::wheel::write::behind_dist_info;

pub(super) fn rule(sheet: &Sheet<'_>) -> Vec<Diagnostic> {
    [not_executable(sheet), no_time(sheet), future(sheet), order(sheet), not_ascii(sheet)]
        .into_iter()
        .flatten()
        .collect()
}

/// The members that have what is wrong: the first one's finding, which counts the others.
fn told<'a>(
    code: Code,
    mut members: impl Iterator<Item = &'a Member>,
    message: impl Fn(&Member) -> String,
) -> Option<Diagnostic> {
    let first = members.next()?;
    let text = format!("{}{}", message(first), others(members.count()));
    Some(Diagnostic::new(code, text).member(first.name()))
}

/// Returns true if a platform of the wheel has permission bits, which Windows has not.
pub(super) fn has_modes(sheet: &Sheet<'_>) -> bool {
    let windows = |tag: &PlatformTag| matches!(tag, PlatformTag::Windows { .. });
    sheet.filename.is_none_or(|filename| !filename.tags.platforms().iter().all(windows))
}

/// Programs under `.data/scripts` that the archive lets nobody execute, where a platform has such bits.
fn not_executable(sheet: &Sheet<'_>) -> Option<Diagnostic> {
    let members =
        sheet.wheel.members().iter().filter(|member| has_modes(sheet) && is_locked_script(sheet.wheel, member));
    told(Code::TW114, members, |_| "is installed as a program, and nobody may execute it".to_owned())
}

fn no_time(sheet: &Sheet<'_>) -> Option<Diagnostic> {
    let members = sheet.wheel.members().iter().filter(|member| !member.time().is_past(None));
    let message = |member: &Member| {
        let time = member.time();
        format!("has the date `{:#06x}` and the time `{:#06x}`, which are none", time.date, time.time)
    };
    told(Code::TW116, members, message).map(|finding| finding.help("`truewheel check --fix` gives it 1980-01-01"))
}

fn future(sheet: &Sheet<'_>) -> Option<Diagnostic> {
    let is_late = |member: &&Member| member.time().is_past(None) && !member.time().is_past(sheet.now);
    let members = sheet.wheel.members().iter().filter(is_late);
    let message = |member: &Member| format!("was changed on {}, which is still to come", member.time());
    told(Code::TW116, members, message).map(|finding| finding.help("`truewheel check --fix` gives it 1980-01-01"))
}

/// Binary distribution format, "Recommended archiver features": dist-info is physically at the end.
fn order(sheet: &Sheet<'_>) -> Option<Diagnostic> {
    let dist_info = sheet.wheel.dist_info()?;
    let names = sheet.wheel.members().iter().map(Member::name);
    let mut behind = behind_dist_info(names, dist_info);
    let first = behind.next()?;
    let more = others(behind.count());
    let text = format!("stands behind files of the dist-info directory, which belongs at the end{more}");
    Some(Diagnostic::new(Code::TW117, text).member(first).help("`truewheel check --fix` sorts the archive"))
}

fn not_ascii(sheet: &Sheet<'_>) -> Option<Diagnostic> {
    let members = sheet.wheel.members().iter().filter(|member| !member.name().is_ascii());
    told(Code::TW118, members, |_| "has a name that is not ASCII".to_owned())
}
