//! Which release of a system's library brought which symbol, looked up in the tables of `policies/symbols/`.
//!
//! A table is sorted text and is searched as it stands: nothing is parsed before it is asked for.

use super::document::{Node, Number};
use super::embedded;
use crate::arch::Arch;
use crate::format::macho::AppleVersion;

/// What is known of a symbol in a library at a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Presence {
    /// The library exports it; the release it came with, `None` where it was there before the first one known.
    Here(Option<Number>),
    /// It comes with a later release.
    Later(Number),
    /// No release known, or none from this one on, exports it.
    Absent,
    /// There is no data that could tell.
    Unknown,
}

/// A table: lines sorted by their bytes, the first column the key.
#[derive(Debug, Clone, Copy)]
struct Table(&'static str);

impl Table {
    /// Returns the table at a path below `policies/symbols/`.
    fn open(path: &str) -> Option<Self> {
        let mut text = embedded::symbols(path)?;
        while text.starts_with('#') {
            text = text.split_once('\n')?.1;
        }
        // The header line.
        Some(Self(text.split_once('\n')?.1))
    }

    /// Returns the columns after the key of each line with this key.
    fn rows(self, key: &str) -> impl Iterator<Item = Vec<&'static str>> + use<> {
        let bytes = self.0.as_bytes();
        let line_start = |at: usize| bytes[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let prefix = format!("{key}\t");
        let (mut low, mut high) = (0, bytes.len());
        while low < high {
            // INVARIANT: low and high are starts of lines or the end, so the middle's line lies between them.
            let start = line_start(low + (high - low) / 2);
            let end = bytes[start..].iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |end| start + end);
            if &bytes[start..end] < prefix.as_bytes() {
                low = (end + 1).min(bytes.len());
            } else {
                high = start;
            }
        }
        self.0[low..].lines().map_while(move |line| Some(line.strip_prefix(&prefix)?.split('\t').collect()))
    }
}

/// Returns the columns after the key of each line with this key, in the table at a path below `policies/symbols/`.
pub(super) fn rows(table: &str, key: &str) -> impl Iterator<Item = Vec<&'static str>> + use<> {
    let key = key.to_owned();
    Table::open(table).into_iter().flat_map(move |table| table.rows(&key))
}

/// Returns true if `archs`, `*` or names separated by commas, holds `name`.
fn holds(archs: &str, name: &str) -> bool {
    archs == "*" || archs.split(',').any(|arch| arch == name)
}

fn column(row: &[&'static str], index: usize) -> &'static str {
    row.get(index).copied().unwrap_or_default()
}

/// Returns the name under which glibc builds a library, e.g. `libc` of `libc.so.6`.
fn glibc_library(soname: &str, arch: &str) -> Option<&'static str> {
    let mut rows = Table::open("glibc/sonames")?.rows(soname);
    rows.find(|row| holds(column(row, 3), arch)).map(|row| column(&row, 0))
}

/// Returns true if the library is one of glibc's, the dynamic loader included.
pub(super) fn is_glibc(soname: &str) -> bool {
    Table::open("glibc/sonames").is_some_and(|table| table.rows(soname).next().is_some())
}

/// One line of glibc's tables: a library that exports a symbol on some architecture, and in which releases.
#[derive(Debug, Clone)]
pub(super) struct GlibcExport {
    /// The library's SONAME.
    pub(super) library: &'static str,
    since: Option<Number>,
    until: Option<Number>,
}

impl GlibcExport {
    /// Returns what it says of a release.
    pub(super) fn at(&self, release: &Number) -> Presence {
        presence(self.since.clone(), self.until.clone(), release)
    }
}

/// glibc's libraries that a symbol without version can come from; the dynamic loader comes by its architecture.
const GLIBC: [&str; 10] = [
    "libc.so.6",
    "libm.so.6",
    "libpthread.so.0",
    "libdl.so.2",
    "librt.so.1",
    "libutil.so.1",
    "libresolv.so.2",
    "libanl.so.1",
    "libnsl.so.1",
    "libmvec.so.1",
];

/// Returns which of glibc's libraries export a symbol on an architecture, whatever its node.
pub(super) fn glibc(symbol: &str, arch: Arch) -> Vec<GlibcExport> {
    let mut found = Vec::new();
    let name = arch.linux_name();
    for library in GLIBC.into_iter().chain(glibc_loader(&name)) {
        let table = glibc_library(library, &name).and_then(|file| Table::open(&format!("glibc/{file}")));
        for row in table.into_iter().flat_map(|table| table.rows(symbol)) {
            // type, size, since, until, versions
            let nodes = column(&row, 4).split(';').find_map(|group| {
                let (archs, versions) = group.split_once('=')?;
                holds(archs, &name).then_some(versions)
            });
            let Some(nodes) = nodes else { continue };
            let since = Number::parse(column(&row, 2)).or_else(|| nodes.split(',').filter_map(Number::parse).min());
            found.push(GlibcExport { library, since, until: Number::parse(column(&row, 3)) });
        }
    }
    found
}

/// The SONAME of the dynamic loader.
fn glibc_loader(arch: &str) -> Option<&'static str> {
    let table = Table::open("glibc/sonames")?;
    table.0.lines().find_map(|line| {
        let row: Vec<&'static str> = line.split('\t').collect();
        (column(&row, 1) == "ld" && holds(column(&row, 4), arch)).then(|| column(&row, 0))
    })
}

/// Returns what is known of a symbol of musl at a release (1.2.6).
pub(super) fn musl(symbol: &str, arch: Arch, release: &Number) -> Presence {
    let (Some(exports), Some(aliases)) = (Table::open("musl/libc"), Table::open("musl/lfs64")) else {
        return Presence::Unknown;
    };
    let name = arch.linux_name();
    let mut best = Presence::Absent;
    for row in exports.rows(symbol) {
        // type, first, last, archs
        let here = match column(&row, 3) {
            // A trailing `+`: what was not looked at is expected alike, by the width of pointers.
            "x86_64,i686+" => true,
            "i686+" => arch.pointer_bits() == 32,
            archs => holds(archs, &name),
        };
        if here {
            let last = Number::parse(column(&row, 2));
            best = better(best, presence(Number::parse(column(&row, 1)), last, release));
        }
    }
    // From 1.2.4 on the linker maps the names with 64 to the plain ones.
    for row in aliases.rows(symbol) {
        if let Presence::Here(since) = musl(column(&row, 0), arch, release) {
            let first = Number::parse(column(&row, 1)).max(since);
            best = better(best, presence(first, None, release));
        }
    }
    best
}

/// Who may use a symbol of the NDK.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Audience {
    /// Any app.
    Apps,
    /// The system's own parts; it may vanish.
    System,
}

/// Returns what is known of a symbol of an NDK library at an API level (24), and who may use it.
pub(super) fn android(soname: &str, symbol: &str, arch: Arch, level: &Number) -> (Presence, Audience) {
    let unknown = (Presence::Unknown, Audience::Apps);
    let Some(library) = Table::open("android/libraries").and_then(|table| table.rows(soname).next()) else {
        return unknown;
    };
    let Some(table) = soname.strip_suffix(".so").and_then(|name| Table::open(&format!("android/{name}"))) else {
        return unknown;
    };
    let name = match arch {
        Arch::Armv7l => "arm".to_owned(),
        Arch::Aarch64 => "arm64".to_owned(),
        _ => arch.android_name(),
    };
    for row in table.rows(symbol) {
        // type, level, level_by_arch, archs, node, audience, note
        if !holds(column(&row, 3), &name) {
            continue;
        }
        let exception =
            column(&row, 2).split(',').find_map(|text| text.split_once('=').filter(|(arch, _)| *arch == name));
        let first = exception.map_or(column(&row, 1), |(_, level)| level);
        let audience = if column(&row, 5) == "ndk" { Audience::Apps } else { Audience::System };
        return (presence(Number::parse(first), None, level), audience);
    }
    // first_level, known_to
    let complete = Number::parse(column(&library, 1)).is_some_and(|known_to| *level <= known_to);
    if complete { (Presence::Absent, Audience::Apps) } else { unknown }
}

/// What a distribution's `libz.so.1` exports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ZlibExport {
    /// With this version node, e.g. `ZLIB_1.2.9`.
    Node(&'static str),
    /// Without a node, in every distribution looked at.
    Everywhere,
    /// Without a node, in some builds only.
    Somewhere,
}

/// Returns how `libz.so.1` exports a symbol; `None`: no distribution does.
pub(super) fn zlib(symbol: &str) -> Option<ZlibExport> {
    let row = Table::open("zlib/libz")?.rows(symbol).next()?;
    Some(match (column(&row, 0), column(&row, 1)) {
        ("", "everywhere") => ZlibExport::Everywhere,
        ("", _) => ZlibExport::Somewhere,
        (node, _) => ZlibExport::Node(node),
    })
}

/// Returns the first macOS that is known to have a symbol of one of its libraries; `None` where it was there in the
/// oldest system looked at, or is not in the table.
pub(super) fn macos(table: &str, symbol: &str) -> Option<AppleVersion> {
    // libSystem: kind, lib, first, ...; the others: kind, first, ...
    let first = if table == "libSystem" { 2 } else { 1 };
    let rows = Table::open(&format!("macos/{table}"))?.rows(symbol);
    // `<=10.15` and `>10.8 <=10.15` are no numbers: nothing is known of what came before.
    let firsts = rows.map(|row| AppleVersion::parse(column(&row, first)));
    firsts.reduce(|one, other| one.zip(other).map(|(one, other)| one.min(other))).flatten()
}

/// Returns the version nodes with which a library of GCC's exports a symbol, oldest first.
pub(super) fn gcc(soname: &str, symbol: &str, arch: Arch) -> Vec<Node> {
    let table = soname.split_once(".so").and_then(|(name, _)| Table::open(&format!("gcc/{name}")));
    let name = arch.linux_name();
    // version, type, hidden, archs
    let here = |row: &Vec<&'static str>| holds(column(row, 3), &name);
    let rows = table.into_iter().flat_map(|table| table.rows(symbol)).filter(here);
    let mut nodes: Vec<Node> = rows.map(|row| Node::new(column(&row, 0))).collect();
    nodes.sort_by(|one, other| one.number.cmp(&other.number));
    nodes
}

fn presence(since: Option<Number>, until: Option<Number>, release: &Number) -> Presence {
    match (since, until) {
        (Some(since), _) if since > *release => Presence::Later(since),
        (_, Some(until)) if until < *release => Presence::Absent,
        (since, _) => Presence::Here(since),
    }
}

/// Of two lines about one symbol, what holds: here beats later, the earlier beats the later, anything beats absent.
fn better(one: Presence, other: Presence) -> Presence {
    match (one, other) {
        (Presence::Here(a), Presence::Here(b)) => Presence::Here(a.min(b)),
        (here @ Presence::Here(_), _) | (_, here @ Presence::Here(_)) => here,
        (Presence::Later(a), Presence::Later(b)) => Presence::Later(a.min(b)),
        (later @ Presence::Later(_), _) | (_, later @ Presence::Later(_)) => later,
        (one, _) => one,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Number {
        Number::parse(text).unwrap()
    }

    #[test]
    fn every_row_of_every_table_is_found_by_its_key() {
        for (path, text) in embedded::SYMBOLS {
            let path = path.strip_prefix("symbols/").unwrap().strip_suffix(".tsv").unwrap();
            let table = Table::open(path).unwrap();
            let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).skip(1).collect();
            assert!(lines.is_sorted(), "{path}");
            // The large tables by a sample; a prime, so that every place in a block of the search occurs.
            for line in lines.iter().step_by(if lines.len() > 1000 { 13 } else { 1 }) {
                let (key, rest) = line.split_once('\t').unwrap();
                assert!(table.rows(key).any(|row| row == rest.split('\t').collect::<Vec<_>>()), "{path}: {key}");
            }
            for absent in ["", "\u{1}", "zzzzzzzz", "~"] {
                assert_eq!(table.rows(absent).count(), 0, "{path}");
            }
        }
    }

    fn at(symbol: &str, library: &str, arch: Arch, release: &str) -> Presence {
        let exports = glibc(symbol, arch).into_iter().filter(|export| export.library == library);
        exports.map(|export| export.at(&number(release))).fold(Presence::Absent, better)
    }

    #[test]
    fn a_symbol_that_moved_between_libraries_is_where_the_release_has_it() {
        let at = |library, release| at("pthread_create", library, Arch::X86_64, release);
        assert_eq!(at("libpthread.so.0", "2.17"), Presence::Here(Some(number("2.2.5"))));
        assert_eq!(at("libpthread.so.0", "2.34"), Presence::Absent);
        assert_eq!(at("libc.so.6", "2.17"), Presence::Later(number("2.34")));
        assert_eq!(at("libc.so.6", "2.34"), Presence::Here(Some(number("2.34"))));
        assert!(glibc("XOpenDisplay", Arch::X86_64).is_empty());
        assert_eq!(glibc("__tls_get_addr", Arch::X86_64)[0].library, "ld-linux-x86-64.so.2");
    }

    #[test]
    fn a_port_that_came_late_has_no_symbol_before() {
        let at = |release| at("memcpy", "libc.so.6", Arch::Riscv64, release);
        assert_eq!(at("2.26"), Presence::Later(number("2.27")));
        assert_eq!(at("2.27"), Presence::Here(Some(number("2.27"))));
    }

    #[test]
    fn names_with_64_are_exports_of_musl_first_and_aliases_later() {
        for release in ["1.1.24", "1.2.3", "1.2.4", "1.2.6"] {
            assert!(matches!(musl("open64", Arch::X86_64, &number(release)), Presence::Here(_)), "{release}");
        }
        // In the list of 1.2.4 and 1.2.5, but longer than the linker's buffer.
        assert_eq!(musl("posix_fallocate64", Arch::X86_64, &number("1.2.5")), Presence::Later(number("1.2.6")));
    }

    #[test]
    fn musl_s_symbols_have_releases_and_architectures() {
        assert_eq!(musl("_Fork", Arch::X86_64, &number("1.1.24")), Presence::Later(number("1.2.2")));
        assert_eq!(musl("_Fork", Arch::Aarch64, &number("1.2.6")), Presence::Here(Some(number("1.2.2"))));
        assert_eq!(musl("__memcpy_chk", Arch::X86_64, &number("1.2.6")), Presence::Absent);
        assert!(matches!(musl("__stat_time64", Arch::X86, &number("1.2.6")), Presence::Here(_)));
        assert_eq!(musl("__stat_time64", Arch::X86_64, &number("1.2.6")), Presence::Absent);
    }

    #[test]
    fn an_ndk_symbol_has_a_level_by_architecture() {
        let at = |symbol, arch, level: &str| android("libc.so", symbol, arch, &number(level)).0;
        let symbol = "pthread_cond_timedwait_monotonic_np";
        assert_eq!(at(symbol, Arch::Armv7l, "21"), Presence::Here(Some(number("21"))));
        assert_eq!(at(symbol, Arch::Aarch64, "27"), Presence::Later(number("28")));
        assert_eq!(at("no_such_symbol", Arch::Aarch64, "27"), Presence::Absent);
        assert_eq!(android("libicu.so", "no_such", Arch::Aarch64, &number("35")).0, Presence::Unknown);
        assert_eq!(android("libssl_python.so", "SSL_new", Arch::Aarch64, &number("35")).0, Presence::Unknown);
    }

    #[test]
    fn zlib_s_symbols_have_nodes() {
        assert_eq!(zlib("deflate"), Some(ZlibExport::Everywhere));
        assert_eq!(zlib("uncompress2"), Some(ZlibExport::Node("ZLIB_1.2.9")));
        assert_eq!(zlib("crc32_vpmsum"), Some(ZlibExport::Somewhere));
        assert_eq!(zlib("compress3"), None);
    }
}
