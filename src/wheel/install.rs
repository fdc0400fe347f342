//! Where a member lies after install: the schemes of `.data`, under one virtual prefix.

use super::{Member, Wheel};

/// The folder of site-packages under the virtual prefix; the version of Python plays no part in relative paths.
pub const SITE_PACKAGES: &str = "lib/python3/site-packages";

/// An install scheme (binary distribution format, "The .data directory").
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum InstallScheme {
    /// Pure Python; on some systems another folder than [`InstallScheme::Platlib`], but one tree on most.
    Purelib,
    /// Platform-dependent.
    Platlib,
    /// Programs; those that begin with `#!python` are rewritten.
    Scripts,
    /// The prefix itself.
    Data,
    /// C headers.
    Headers,
    /// Installed by nobody: dist-info metadata counts as site-packages, so only unknown `.data` keys.
    Unknown,
}

/// Where a member lies after install.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Installed {
    /// By which scheme.
    pub scheme: InstallScheme,
    /// Its path under the virtual prefix, e.g. `lib/python3/site-packages/pkg/_core.so`.
    pub path: String,
}

impl Installed {
    /// Returns a place under the virtual prefix.
    pub fn new(scheme: InstallScheme, path: impl Into<String>) -> Self {
        Self { scheme, path: path.into() }
    }
}

/// The layout of one wheel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstallLayout {
    data: Option<String>,
    distribution: String,
    root_is_purelib: bool,
}

impl InstallLayout {
    /// Returns the layout of a wheel whose data directory is `data` (`pkg-1.0.data`), if it has one.
    pub fn new(data: Option<&str>, distribution: &str, root_is_purelib: bool) -> Self {
        Self { data: data.map(str::to_owned), distribution: distribution.to_owned(), root_is_purelib }
    }

    /// Finds the data directory among the members of a wheel: `{stem}.data`, else the only top-level `*.data`
    /// folder that belongs to a dist-info of the same name.
    pub fn data_directory<'a>(members: impl IntoIterator<Item = &'a str>, stem: &str) -> Option<String> {
        let mut found: Option<String> = None;
        let exact = format!("{stem}.data");
        for member in members {
            let Some((top, _)) = member.split_once('/') else { continue };
            if top == exact {
                return Some(exact);
            }
            let same = |a: &str, b: &str| {
                let plain = |text: &str| text.to_ascii_lowercase().replace(['-', '.'], "_");
                plain(a) == plain(b)
            };
            if found.is_none() && top.strip_suffix(".data").is_some_and(|name| same(name, stem)) {
                found = Some(top.to_owned());
            }
        }
        found
    }

    /// Returns the data directory's archive name.
    pub fn data(&self) -> Option<&str> {
        self.data.as_deref()
    }

    /// Returns where a member lies after install.
    pub fn installed(&self, member: &str) -> Installed {
        let root = if self.root_is_purelib { InstallScheme::Purelib } else { InstallScheme::Platlib };
        let inside = self
            .data
            .as_deref()
            .and_then(|data| member.strip_prefix(data)?.strip_prefix('/'))
            .map(|rest| rest.split_once('/').unwrap_or((rest, "")));
        let (scheme, path) = match inside {
            None => (root, format!("{SITE_PACKAGES}/{member}")),
            Some(("purelib", rest)) => (InstallScheme::Purelib, format!("{SITE_PACKAGES}/{rest}")),
            Some(("platlib", rest)) => (InstallScheme::Platlib, format!("{SITE_PACKAGES}/{rest}")),
            Some(("scripts", rest)) => (InstallScheme::Scripts, format!("bin/{rest}")),
            Some(("data", rest)) => (InstallScheme::Data, rest.to_owned()),
            Some(("headers", rest)) => {
                (InstallScheme::Headers, format!("include/python3/{}/{rest}", self.distribution))
            }
            Some((key, rest)) => (InstallScheme::Unknown, format!("{SITE_PACKAGES}/{key}/{rest}")),
        };
        Installed { scheme, path }
    }
}

/// Whether a member is installed as a program and its permission bits let nobody execute it; pip takes the bits as they
/// are.
pub fn is_locked_script(wheel: &Wheel, member: &Member) -> bool {
    let data = wheel.dist_info_facts().data_directory();
    let is_script = data.is_some_and(|data| {
        let inside = member.name().strip_prefix(&data);
        inside.is_some_and(|rest| rest.starts_with("/scripts/"))
    });
    // An archive from a system without modes says nothing.
    is_script && member.mode() != 0 && !member.is_executable()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_lie_where_installers_put_them() {
        let layout = InstallLayout::new(Some("pkg-1.data"), "pkg", false);
        for (member, scheme, path) in [
            ("pkg/a.so", InstallScheme::Platlib, "lib/python3/site-packages/pkg/a.so"),
            ("pkg-1.data/platlib/pkg/a.so", InstallScheme::Platlib, "lib/python3/site-packages/pkg/a.so"),
            ("pkg-1.data/purelib/a.py", InstallScheme::Purelib, "lib/python3/site-packages/a.py"),
            ("pkg-1.data/scripts/tool", InstallScheme::Scripts, "bin/tool"),
            ("pkg-1.data/data/lib/x.so", InstallScheme::Data, "lib/x.so"),
            ("pkg-1.data/headers/x.h", InstallScheme::Headers, "include/python3/pkg/x.h"),
        ] {
            assert_eq!(layout.installed(member), Installed { scheme, path: path.into() }, "{member}");
        }
    }

    #[test]
    fn a_data_directory_in_another_spelling_is_found() {
        let find = |members: &[&str]| InstallLayout::data_directory(members.iter().copied(), "foo_bar-1.0");
        assert_eq!(find(&["foo_bar-1.0.data/scripts/x"]).as_deref(), Some("foo_bar-1.0.data"));
        assert_eq!(find(&["Foo.Bar-1.0.data/scripts/x"]).as_deref(), Some("Foo.Bar-1.0.data"));
        assert_eq!(find(&["other-1.0.data/scripts/x"]), None);
    }
}
