//! The environment variables of other tools, where they keep their meaning.

use super::args::{Arguments, Command};
use super::settings::Environment;
use crate::error::{Error, Result};

/// Puts what the peers' variables say into the arguments of `repair`, and returns what people should know.
///
/// `AUDITWHEEL_PLAT` is set in every manylinux image: it counts only where nobody else names a tag.
///
/// # Errors
/// `Usage` if a variable holds what its flag would not take.
pub fn take_environment(arguments: &mut Arguments, environment: &Environment) -> Result<Vec<String>> {
    let mut notes = Vec::new();
    let Some(Command::Repair(repair)) = &mut arguments.command else { return Ok(notes) };
    let text = |name: &str| match environment.get(name) {
        Some(value) => value.to_str().map(Some).ok_or_else(|| Error::usage("is not UTF-8").about(name)),
        None => Ok(None),
    };
    if repair.plat.is_empty()
        && let Some(plat) = text("AUDITWHEEL_PLAT")?
    {
        repair.plat = plat.split(',').map(str::to_owned).collect();
        repair.plat_of_image = true;
        if plat != "auto" {
            notes.push(format!("the target for Linux wheels, `{plat}`, is from `AUDITWHEEL_PLAT`"));
        }
    }
    if repair.result.compress.is_none()
        && let Some(level) = text("AUDITWHEEL_ZIP_COMPRESSION_LEVEL")?
    {
        let level = level.parse::<i8>().ok().filter(|level| (-1..=12).contains(level)).ok_or_else(|| {
            Error::usage(format!("`{level}` is no compression level from 0 to 12"))
                .about("AUDITWHEEL_ZIP_COMPRESSION_LEVEL")
        })?;
        repair.result.compress = Some(level);
    }
    if environment.get("AUDITWHEEL_PATCHER").is_some() || repair.peers.patcher.is_some() {
        notes.push("no patcher is used: truewheel edits binaries itself".to_owned());
    }
    if repair.peers.with_mangle {
        notes.push("`--with-mangle` has no effect: libraries that the wheel brings keep their names".to_owned());
    }
    if repair.peers.no_sanitize_rpaths {
        let error = Error::usage("run paths that lead out of the installation name folders of the build machine");
        return Err(error.about("--no-sanitize-rpaths").hint("leave the flag out: such run paths are always removed"));
    }
    let without_effect = [
        (repair.peers.include_imports, "--include-imports", "an import library would name a DLL that has another name"),
        (repair.peers.ignore_existing, "--ignore-existing", "DLLs of the wheel that the loader finds are always used"),
        (repair.peers.analyze_existing, "--analyze-existing", "every binary of the wheel is analyzed"),
        (repair.peers.analyze_existing_exes, "--analyze-existing-exes", "every binary of the wheel is analyzed"),
        (repair.peers.no_diagnostic, "--no-diagnostic", "the command line is never recorded"),
        (repair.peers.dylibs_only, "--dylibs-only", "binaries are told by their content, whatever their names"),
        (repair.peers.check_archs, "--check-archs", "architectures are always compared with the tags"),
        (repair.peers.sanitize_rpaths, "--sanitize-rpaths", "run paths that lead out of the installation always go"),
    ];
    for (_, flag, why) in without_effect.iter().filter(|(given, _, _)| *given) {
        notes.push(format!("`{flag}` has no effect: {why}"));
    }
    if !repair.peers.namespace_pkg.is_empty() {
        notes.push("`--namespace-pkg` has no effect: no `__init__.py` is ever created".to_owned());
    }
    Ok(notes)
}
