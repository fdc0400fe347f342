//! Can what the wheel installs be imported, and by the names that METADATA states? TW647, TW650, TW651.

use std::collections::BTreeSet;

use crate::diagnostic::{Code, Diagnostic};
use crate::lint::Sheet;
use crate::wheel::Member;
use crate::wheel::install::{InstallScheme, SITE_PACKAGES};

/// Names that are told.
const TOLD: usize = 25;

pub(super) fn rule(sheet: &Sheet<'_>) -> Vec<Diagnostic> {
    let installed = Installed::of(sheet);
    let mut found = import_names(sheet, &installed);
    found.extend(nothing(sheet, &installed));
    found.extend(unimportable(sheet));
    found
}

/// What lies in site-packages after install, dist-info apart, by path from there.
struct Installed(BTreeSet<String>);

impl Installed {
    fn of(sheet: &Sheet<'_>) -> Self {
        let layout = crate::load::layout_of(sheet.wheel);
        let dist_info = sheet.wheel.dist_info().map(|folder| format!("{folder}/"));
        let is_metadata = |name: &str| dist_info.as_ref().is_some_and(|folder| name.starts_with(folder.as_str()));
        let members = sheet.wheel.members().iter().map(Member::name).filter(|name| !is_metadata(name));
        let paths = members.map(|name| layout.installed(name)).filter_map(|place| match place.scheme {
            InstallScheme::Purelib | InstallScheme::Platlib => {
                Some(place.path.strip_prefix(SITE_PACKAGES)?.trim_start_matches('/').to_owned())
            }
            InstallScheme::Scripts | InstallScheme::Data | InstallScheme::Headers | InstallScheme::Unknown => None,
        });
        Self(paths.collect())
    }

    /// Whether `import` finds a module, a package or a part of a namespace of that name.
    fn has(&self, name: &str) -> bool {
        let path = name.replace('.', "/");
        let starting = |prefix: String| {
            let from = self.0.range::<String, _>(prefix.clone()..).next();
            from.is_some_and(|found| found.starts_with(&prefix))
        };
        // A folder, a module, or an extension module with whatever suffix.
        starting(format!("{path}/")) || starting(format!("{path}."))
    }
}

/// `Import-Name` and `Import-Namespace` (PEP 794).
fn import_names(sheet: &Sheet<'_>, installed: &Installed) -> Vec<Diagnostic> {
    let Some(metadata) = sheet.metadata.get() else { return Vec::new() };
    let member = sheet.member("METADATA");
    let fields = ["Import-Name", "Import-Namespace"].into_iter();
    let values = fields.flat_map(|field| metadata.values(field).into_iter().map(move |value| (field, value.trim())));
    let absent = values.filter_map(|(field, value)| {
        let name = value.split(';').next()?.trim();
        let text = || format!("has `{field}: {value}`, and the wheel installs no `{name}`");
        (!name.is_empty() && !installed.has(name)).then(text)
    });
    absent.take(TOLD).map(|text| Diagnostic::new(Code::TW647, text).member(&member)).collect()
}

/// A wheel that brings neither modules nor programs nor dependencies: its build found nothing to pack.
fn nothing(sheet: &Sheet<'_>, installed: &Installed) -> Option<Diagnostic> {
    let depends = sheet.metadata.get().is_none_or(|metadata| !metadata.values("Requires-Dist").is_empty());
    let data = format!("{}.data/", sheet.wheel.dist_info_facts().stem()?);
    let brings = sheet.wheel.members().iter().any(|member| member.name().starts_with(&data));
    let text = "the wheel installs nothing: no module, no program, no data, no dependency";
    (!depends && !brings && installed.0.is_empty())
        .then(|| Diagnostic::new(Code::TW650, text).help("tell the build backend where the packages are"))
}

/// Packages at the top of site-packages that `import` cannot name.
fn unimportable(sheet: &Sheet<'_>) -> Vec<Diagnostic> {
    let tops: BTreeSet<&str> = sheet
        .wheel
        .members()
        .iter()
        .filter_map(|member| member.name().strip_suffix("/__init__.py"))
        .filter(|folder| !folder.contains('/') && !is_identifier(folder))
        .collect();
    let told = |folder: &str| {
        let text = format!("makes a package of `{folder}`, which no `import` statement can name");
        Diagnostic::new(Code::TW651, text).member(format!("{folder}/__init__.py"))
    };
    tops.into_iter().map(told).collect()
}

/// Whether Python takes the text as a name (PEP 3131, letters of all scripts).
fn is_identifier(text: &str) -> bool {
    let mut characters = text.chars();
    characters.next().is_some_and(|first| first == '_' || first.is_alphabetic())
        && characters.all(|other| other == '_' || other.is_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_packages_and_parts_of_namespaces_are_found() {
        let paths =
            ["one.py", "two/__init__.py", "three.cpython-311-x86_64-linux-gnu.so", "four/part/x.py", "fourth.py"];
        let installed = Installed(paths.into_iter().map(str::to_owned).collect());
        for name in ["one", "two", "three", "four", "four.part", "four.part.x"] {
            assert!(installed.has(name), "{name}");
        }
        for name in ["on", "four.par", "five", "two.x"] {
            assert!(!installed.has(name), "{name}");
        }
    }
}
