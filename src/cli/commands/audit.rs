//! What `show` and `check` share: each file examined, its report printed, the highest status kept.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use rayon::prelude::*;

use crate::audit::AuditOptions;
use crate::cli::args::ReportArgs;
use crate::cli::inputs;
use crate::cli::levels;
use crate::cli::printer::Printer;
use crate::cli::settings::Settings;
use crate::cli::status::Status;
use crate::cli::terminal::Terminal;
use crate::error::Result;
use crate::report::Report;

/// Returns the options that the common flags give.
///
/// # Errors
/// `Usage` or `Io` if a level or the policy file is wrong.
pub fn options(args: &ReportArgs, settings: &Settings) -> Result<AuditOptions> {
    Ok(AuditOptions {
        policies: super::policies::policy_set(args.policy_file.as_deref())?,
        levels: levels::levels(args, settings)?,
        now: SystemTime::now().duration_since(UNIX_EPOCH).ok().and_then(|past| i64::try_from(past.as_secs()).ok()),
        config: settings.config.as_ref().map(|path| path.display().to_string()),
        ..AuditOptions::default()
    })
}

/// Of files larger than this, in bytes, one is examined at a time: what is known of several would be held at once.
const LARGE: u64 = 24 << 20;
/// As many files for each thread are examined together: at the end of every batch threads wait for the last file.
const TOGETHER: usize = 12;

/// A file that is examined together with others.
struct Item {
    path: Result<PathBuf>,
    size: u64,
}

/// Examines each file and prints its report, in the order given; several at a time.
pub fn each(
    paths: inputs::Paths,
    mut printer: Printer,
    terminal: &Terminal,
    examine: &(dyn Fn(&Path) -> Result<Report> + Sync),
    status_of: &dyn Fn(&Report) -> Status,
) -> Status {
    let mut status = Status::Done;
    let progress = terminal.progress(paths.len());
    for batch in batches(paths, rayon::current_num_threads()) {
        if let Some(Ok(path)) = batch.first().map(|item| &item.path) {
            progress.set_message(path.display().to_string());
        }
        for report in together(batch, examine) {
            progress.inc(1);
            let outcome = report.and_then(|report| {
                status = status.max(status_of(&report));
                progress.suspend(|| printer.report(report))
            });
            if let Err(error) = outcome {
                status = Status::Impossible;
                progress.suspend(|| terminal.error(&error));
            }
            if printer.is_closed() {
                break;
            }
        }
        if printer.is_closed() {
            break;
        }
    }
    progress.finish_and_clear();
    if let Err(error) = printer.finish() {
        terminal.error(&error);
        status = Status::Impossible;
    }
    status
}

/// Examines files, the largest first, so that no thread is left with it at the end; returns the reports in order.
fn together(batch: Vec<Item>, examine: &(dyn Fn(&Path) -> Result<Report> + Sync)) -> Vec<Result<Report>> {
    let mut items: Vec<(usize, Item)> = batch.into_iter().enumerate().collect();
    items.sort_by_key(|(_, item)| std::cmp::Reverse(item.size));
    let one = |(place, item): (usize, Item)| (place, item.path.and_then(|path| examine(&path)));
    let mut reports: Vec<_> = items.into_par_iter().with_max_len(1).map(one).collect();
    reports.sort_by_key(|(place, _)| *place);
    reports.into_iter().map(|(_, report)| report).collect()
}

/// Files in their order: as many together as keep each of so many threads busy, one large one among them at most.
fn batches(paths: inputs::Paths, threads: usize) -> Vec<Vec<Item>> {
    let mut batches: Vec<Vec<Item>> = Vec::new();
    let mut has_large = false;
    for path in paths {
        let size = path.as_ref().ok().and_then(|path| std::fs::metadata(path).ok()).map_or(0, |facts| facts.len());
        let item = Item { path, size };
        let is_large = size > LARGE;
        let room = |batch: &&mut Vec<Item>| batch.len() < threads.saturating_mul(TOGETHER) && !(has_large && is_large);
        match batches.last_mut().filter(room) {
            Some(batch) => {
                batch.push(item);
                has_large |= is_large;
            }
            None => {
                batches.push(vec![item]);
                has_large = is_large;
            }
        }
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    fn sizes(sizes: &[u64], threads: usize) -> Vec<Vec<u64>> {
        let folder = tempfile::tempdir().unwrap();
        let file = |(number, size): (usize, &u64)| {
            let path = folder.path().join(number.to_string());
            std::fs::File::create(&path).unwrap().set_len(*size).unwrap();
            Ok(path)
        };
        let batches = batches(sizes.iter().enumerate().map(file).collect(), threads);
        batches.iter().map(|batch| batch.iter().map(|item| item.size).collect()).collect()
    }

    #[test]
    fn large_files_are_in_batches_of_their_own_among_small_ones() {
        let large = LARGE + 1;
        assert_eq!(sizes(&[1, large, 2, large, large, 3], 2), [vec![1, large, 2], vec![large], vec![large, 3]]);
        assert_eq!(sizes(&[5; 30], 1).iter().map(Vec::len).collect::<Vec<_>>(), [12, 12, 6]);
    }

    #[test]
    fn reports_come_in_the_order_of_the_files() {
        let item = |name: &str, size| Item { path: Ok(PathBuf::from(name)), size };
        let mut batch = vec![item("a", 1), item("b", 9), item("c", 5)];
        batch.insert(1, Item { path: Err(Error::usage("none")), size: 0 });
        let examine = |path: &Path| Ok(AuditOptions::default().report(&path.display().to_string()));
        let reports = together(batch, &examine);
        let names: Vec<_> = reports.iter().map(|report| report.as_ref().ok().map(|report| &*report.wheel)).collect();
        assert_eq!(names, [Some("a"), None, Some("b"), Some("c")]);
    }
}
