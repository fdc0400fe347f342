//! Package URLs (ECMA-427) of packages.

use packageurl::PackageUrl;

use super::{Database, Package};

impl Package {
    /// Returns the package URL, e.g. `pkg:deb/debian/libffi8@3.4.4-1?arch=amd64&distro=debian-12&upstream=libffi`.
    ///
    /// Nix's type needs an attribute path that a store path does not state, so a Nix package is `generic`.
    pub fn purl(&self) -> String {
        let kind = match self.database {
            Database::Dpkg => "deb",
            Database::Rpm => "rpm",
            Database::Apk => "apk",
            Database::Pacman => "alpm",
            Database::Conda => "conda",
            Database::Homebrew => "brew",
            Database::Vcpkg => "vcpkg",
            Database::Conan => "conan",
            Database::NuGet => "nuget",
            Database::Pypi => "pypi",
            Database::Nix | Database::MacPorts => "generic",
        };
        let name = match self.database {
            Database::Pypi => normalised(&self.name),
            Database::Dpkg | Database::Apk | Database::Pacman | Database::Homebrew => self.name.to_ascii_lowercase(),
            Database::Rpm
            | Database::Conda
            | Database::Vcpkg
            | Database::Conan
            | Database::NuGet
            | Database::MacPorts
            | Database::Nix => self.name.clone(),
        };
        let mut qualifiers = self.qualifiers.clone();
        let mut add = |key: &str, value: Option<&str>| {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                qualifiers.push((key.to_owned(), value.to_owned()));
            }
        };
        let mut namespace = None;
        if let Some(distro) = &self.distro {
            // Red Hat's own advisories say `redhat`, its os-release says `rhel`.
            namespace = Some(if distro.id == "rhel" { "redhat" } else { &*distro.id }.to_owned());
            let version = distro.version.as_ref().map(|version| format!("-{version}")).unwrap_or_default();
            add("arch", self.arch.as_deref());
            add("distro", Some(&format!("{}{version}", distro.id)));
            add("epoch", self.epoch.as_deref());
            // Not in the specification; scanners match advisories of source packages by it.
            add("upstream", self.source.as_deref());
        } else if self.database == Database::Homebrew {
            namespace = self.supplier.as_deref().filter(|tap| tap.contains('/')).map(str::to_ascii_lowercase);
        }
        render(kind, namespace.as_deref(), &name, Some(&self.version), &qualifiers)
    }
}

/// Returns the package URL of a Python distribution, with the wheel's file name where there is one.
pub(super) fn of_distribution(name: &str, version: &str, file_name: &str) -> String {
    let file = (!file_name.is_empty()).then(|| ("file_name".to_owned(), file_name.to_owned()));
    render("pypi", None, &normalised(name), Some(version), file.as_slice())
}

/// PEP 503: lower case, each run of `-`, `_` and `.` one dash.
pub(super) fn normalised(name: &str) -> String {
    let mut result = String::new();
    for part in name.split(['-', '_', '.']).filter(|part| !part.is_empty()) {
        if !result.is_empty() {
            result.push('-');
        }
        result.push_str(&part.to_lowercase());
    }
    result
}

/// Puts a package URL together; a part that cannot stand in one is left out rather than the whole.
fn render(
    kind: &'static str,
    namespace: Option<&str>,
    name: &str,
    version: Option<&str>,
    qualifiers: &[(String, String)],
) -> String {
    let Ok(mut purl) = PackageUrl::new(kind, name) else { return String::new() };
    if let Some(namespace) = namespace.filter(|namespace| !namespace.is_empty()) {
        drop(purl.with_namespace(namespace.to_owned()));
    }
    if let Some(version) = version.filter(|version| !version.is_empty()) {
        drop(purl.with_version(version.to_owned()));
    }
    for (key, value) in qualifiers {
        drop(purl.add_qualifier(key.clone(), value.clone()));
    }
    purl.to_string()
}
