//! Did the symbols that carry no version come with a release that the policy allows?

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::format::symbols::name_hash;
use crate::policy::document::{Node, Number, PolicyFamily};
use crate::policy::judge::Case;
use crate::policy::needs::exported_in;
use crate::policy::reason::{Requirement, list};
use crate::policy::symbols::{self, Audience, Presence, ZlibExport};

/// What a symbol turned out to be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Finding {
    /// Provided; the words for a release later than the policy's first one, if there is something to say.
    Fine,
    /// Provided, but not by the first release that the tag covers: the library, the release.
    Came(String, String),
    /// Provided, but not for everyone to use: the library.
    NotForApps(String),
    /// Of a later release: the library, the release (`None`: of no release), what is allowed.
    Refused(String, Option<String>, String),
    /// There is no data that could tell.
    Unknown,
}

/// Holds every symbol that no version node vouches for against the tables of symbols.
///
/// On manylinux these are the symbols without version; on musl and Android, whose loaders do not compare versions as
/// glibc does, all that the machine must provide.
pub(super) fn rule(case: &mut Case<'_, '_>, place: usize) {
    let binary = case.binary(place);
    let mut wanted: BTreeSet<&str> = binary.needs.plain.iter().copied().collect();
    if case.policy.family != PolicyFamily::Manylinux {
        for need in &binary.needs.versions {
            let outside = binary.links.iter().filter(|link| link.name == need.library).all(|link| case.given(link));
            if outside {
                wanted.extend(need.strong.iter().map(String::as_str));
            }
        }
    }
    wanted.retain(|symbol| !vendored(case, place, symbol));
    if wanted.is_empty() {
        return;
    }
    let scope = Scope::of(case, place);
    let mut findings: BTreeMap<Finding, Vec<String>> = BTreeMap::new();
    for symbol in wanted {
        let finding = match case.policy.family {
            PolicyFamily::Manylinux => on_glibc(case, place, &scope, symbol),
            PolicyFamily::Musllinux => on_musl(case, &scope, symbol),
            PolicyFamily::Android => on_android(case, &scope, symbol),
        };
        findings.entry(finding).or_default().push(symbol.to_owned());
    }
    for (finding, symbols) in findings {
        match finding {
            Finding::Fine => {}
            Finding::Came(library, release) => {
                let message = format!("needs {} of `{library}`, which came with {release}", list(&symbols));
                case.note(place, Diagnostic::new(Code::TW404, message).at(Severity::Note));
            }
            Finding::NotForApps(library) => {
                let message = format!("needs {} of `{library}`, which is not for apps and may vanish", list(&symbols));
                case.note(place, Diagnostic::new(Code::TW404, message).at(Severity::Warning));
            }
            Finding::Refused(library, release, allowed) => {
                let symbols = symbols.into();
                case.because(place, Code::TW404, Requirement::Release { library, release, allowed, symbols });
            }
            Finding::Unknown => unknown(case, place, &scope, &symbols),
        }
    }
}

/// What the machine has in the scope of a binary.
struct Scope<'s> {
    /// The libraries that the policy gives, sorted.
    given: BTreeSet<&'s str>,
    /// Nothing else is in it: no library is refused or left to the user's machine, which might be the provider.
    is_closed: bool,
}

impl<'s> Scope<'s> {
    fn of(case: &Case<'_, 's>, place: usize) -> Self {
        let needs = &case.binary(place).needs;
        let given = |name: &&'s str| case.policy.gives(case.arch, name);
        Self {
            given: needs.outside.iter().chain(&needs.vendorable).copied().filter(given).collect(),
            is_closed: !needs.open && needs.outside.iter().all(given),
        }
    }

    /// Refuses a symbol that a later release has, unless another library may be meant.
    fn refuse(&self, library: &str, release: String, allowed: String) -> Finding {
        if self.is_closed { Finding::Refused(library.to_owned(), Some(release), allowed) } else { Finding::Unknown }
    }
}

/// Says of which libraries nothing is known, never that all is fine.
///
/// Where the scope is not closed, the library that is refused or left to the user's machine is the likely provider, and
/// nothing more is to be said.
fn unknown(case: &mut Case<'_, '_>, place: usize, scope: &Scope<'_>, symbols: &[String]) {
    if !scope.is_closed {
        return;
    }
    let silent: Vec<String> =
        scope.given.iter().filter(|name| !has_table(case, name)).map(|name| (*name).to_owned()).collect();
    let message = if silent.is_empty() {
        format!("needs {}, which no library known to `{}` exports", list(symbols), case.tag())
    } else {
        format!("needs {}, and there is no list of symbols of {}", list(symbols), list(&silent))
    };
    case.note(place, Diagnostic::new(Code::TW408, message));
}

/// Whether a file outside that this policy would have vendored exports the symbol in every scope.
fn vendored(case: &Case<'_, '_>, place: usize, symbol: &str) -> bool {
    let scopes = &case.binary(place).scopes;
    let symbol = name_hash(symbol.as_bytes());
    case.counted.has_external()
        && !scopes.is_empty()
        && scopes.iter().all(|scope| exported_in(case.subject, *scope, symbol, |other| case.counted.has(other)))
}

fn on_glibc(case: &Case<'_, '_>, place: usize, scope: &Scope<'_>, symbol: &str) -> Finding {
    if let Some(release) = case.here.ceilings.get("GLIBC") {
        let mut later: Option<(&str, Number)> = None;
        let exports = case.binary(place).needs.glibc(symbol, case.arch);
        for export in exports.iter().filter(|export| case.policy.gives(case.arch, export.library)) {
            match export.at(release) {
                Presence::Here(_) => return Finding::Fine,
                Presence::Later(since) if later.as_ref().is_none_or(|(_, first)| since < *first) => {
                    later = Some((export.library, since));
                }
                Presence::Later(_) | Presence::Absent | Presence::Unknown => {}
            }
        }
        if let Some((library, since)) = later {
            return scope.refuse(library, format!("glibc {since}"), format!("glibc {release}"));
        }
    }
    for library in ["libstdc++.so.6", "libgcc_s.so.1"] {
        if !scope.given.contains(library) {
            continue;
        }
        let nodes = symbols::gcc(library, symbol, case.arch);
        if nodes.iter().any(|node| case.here.allows(node)) {
            return Finding::Fine;
        }
        if let Some(node) = nodes.first() {
            let allowed = case.here.newest(&node.family).unwrap_or_else(|| "none of the family".to_owned());
            return scope.refuse(library, format!("`{}`", node.name), format!("`{allowed}`"));
        }
    }
    if !scope.given.contains("libz.so.1") {
        return Finding::Unknown;
    }
    match symbols::zlib(symbol) {
        Some(ZlibExport::Node(node)) => {
            let node = Node::new(node);
            if case.here.allows(&node) {
                return Finding::Fine;
            }
            let allowed = match case.here.newest("ZLIB") {
                Some(newest) => format!("`{newest}`"),
                None => "what zlib had before its versions".to_owned(),
            };
            scope.refuse("libz.so.1", format!("`{}`", node.name), allowed)
        }
        // What only some builds export is among the denied symbols.
        Some(ZlibExport::Everywhere | ZlibExport::Somewhere) => Finding::Fine,
        None => Finding::Unknown,
    }
}

fn on_musl(case: &Case<'_, '_>, scope: &Scope<'_>, symbol: &str) -> Finding {
    let Some(release) = &case.policy.release else { return Finding::Unknown };
    let libc = scope.given.iter().find(|name| **name != "libz.so.1").copied().unwrap_or("libc.so");
    let allowed = format!("musl {release}");
    match symbols::musl(symbol, case.arch, release) {
        Presence::Here(Some(since)) if since.is_later_in_series_of(release) => {
            return Finding::Came(libc.to_owned(), format!("musl {since}"));
        }
        Presence::Here(_) => return Finding::Fine,
        Presence::Later(since) => return scope.refuse(libc, format!("musl {since}"), allowed),
        Presence::Absent | Presence::Unknown => {}
    }
    if scope.given.contains("libz.so.1") && symbols::zlib(symbol).is_some() {
        return Finding::Fine;
    }
    // A binary that leaves everything to its loader may get symbols from anywhere.
    let known = scope.is_closed && !scope.given.is_empty();
    if known { Finding::Refused(libc.to_owned(), None, allowed) } else { Finding::Unknown }
}

fn on_android(case: &Case<'_, '_>, scope: &Scope<'_>, symbol: &str) -> Finding {
    let Some(level) = &case.policy.release else { return Finding::Unknown };
    let allowed = format!("API level {level}");
    let mut later = None;
    let mut known = scope.is_closed && !scope.given.is_empty();
    for library in scope.given.iter().copied() {
        match symbols::android(library, symbol, case.arch, level) {
            (Presence::Here(_), Audience::Apps) => return Finding::Fine,
            (Presence::Here(_), Audience::System) => return Finding::NotForApps(library.to_owned()),
            (Presence::Later(since), _) => later = Some((library, since)),
            (Presence::Absent, _) => {}
            (Presence::Unknown, _) => known = false,
        }
    }
    match (later, scope.given.first()) {
        (Some((library, since)), _) => scope.refuse(library, format!("API level {since}"), allowed),
        (None, Some(first)) if known => Finding::Refused((*first).to_owned(), None, allowed),
        (None, _) => Finding::Unknown,
    }
}

/// Whether there is a table of all that a library exports.
fn has_table(case: &Case<'_, '_>, name: &str) -> bool {
    match case.policy.family {
        PolicyFamily::Manylinux => {
            symbols::is_glibc(name) || matches!(name, "libz.so.1" | "libstdc++.so.6" | "libgcc_s.so.1")
        }
        PolicyFamily::Musllinux => case.policy.gives(case.arch, name),
        PolicyFamily::Android => {
            let level = case.policy.release.clone();
            level.is_some_and(|level| symbols::android(name, "", case.arch, &level).0 != Presence::Unknown)
        }
    }
}
