//! Whose file is it: databases made by the packaging systems' own tools, synthetic ones, and this machine's.

use std::io::Read;
use std::path::{Path, PathBuf};

use truewheel::origin::{Database, FileBytes, MemoryRoot, Package, RootFs, lookup, lookup_all};

/// Returns a fixture of `testdata/origin`, unpacked.
fn fixture(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/origin").join(format!("{name}.gz"));
    let packed = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(&*packed).read_to_end(&mut bytes).unwrap();
    bytes
}

/// A root like that of a Red Hat system, without a database.
fn red_hat() -> MemoryRoot {
    MemoryRoot::new()
        .file("/etc/os-release", "ID=\"rhel\"\nVERSION_ID=\"9.4\"\n")
        .link("/lib64", "usr/lib64")
        .link("/usr/lib64/libfixture.so", "libfixture.so.1.2.3")
        .link("/usr/lib64/libfixture.so.1", "libfixture.so.1.2.3")
        .file("/usr/lib64/libfixture.so.1.2.3", "bytes")
        .file("/usr/lib64/libold.so.0", "bytes")
        .file("/usr/lib64/libstray.so.0", "bytes")
        .file("/usr/share/many/file0001", "bytes")
        .file("/usr/share/many/file0400", "bytes")
}

/// Returns every rpm database of the fixtures: its place, its bytes and those of its write-ahead log.
fn rpm_databases() -> Vec<(&'static str, MemoryRoot)> {
    vec![
        ("sqlite", red_hat().file("/var/lib/rpm/rpmdb.sqlite", fixture("rpmdb.sqlite"))),
        ("sqlite moved", red_hat().file("/usr/lib/sysimage/rpm/rpmdb.sqlite", fixture("rpmdb.sqlite"))),
        (
            "sqlite with a log",
            red_hat()
                .file("/var/lib/rpm/rpmdb.sqlite", fixture("wal.sqlite"))
                .file("/var/lib/rpm/rpmdb.sqlite-wal", fixture("wal.sqlite-wal")),
        ),
        ("Berkeley DB, little-endian", red_hat().file("/var/lib/rpm/Packages", fixture("Packages.1234"))),
        ("Berkeley DB, big-endian", red_hat().file("/var/lib/rpm/Packages", fixture("Packages.4321"))),
        ("ndb", red_hat().file("/usr/lib/sysimage/rpm/Packages.db", fixture("Packages.db"))),
    ]
}

#[test]
fn every_rpm_database_format_names_the_same_packages() {
    for (name, root) in rpm_databases() {
        let asked = [
            "/lib64/libfixture.so.1",
            "/usr/lib64/libold.so.0",
            "/usr/lib64/libstray.so.0",
            "/usr/share/many/file0400",
            "/usr/lib64/libfixture.so",
        ];
        let found = lookup_all(&root, &asked);
        assert!(found.notes.is_empty(), "{name}: {:?}", found.notes);
        let [fixture, old, stray, many, devel] = found.packages.try_into().unwrap();
        let fixture: Package = fixture.unwrap_or_else(|| panic!("{name}: libfixture has no owner"));
        assert_eq!(
            fixture.purl(),
            "pkg:rpm/redhat/fixture-libs@1.2.3-4.el9?arch=x86_64&distro=rhel-9.4&epoch=1\
             &upstream=fixture-libs-1.2.3-4.el9.src.rpm",
            "{name}"
        );
        assert_eq!(fixture.licence.as_deref(), Some("MIT AND BSD-3-Clause"), "{name}");
        assert_eq!(fixture.supplier.as_deref(), Some("Fixture Project"), "{name}");
        assert_eq!(fixture.file, "/usr/lib64/libfixture.so.1.2.3", "{name}");
        // Listed as `/lib64/libold.so.0`; the file is in `/usr/lib64`.
        let old = old.unwrap_or_else(|| panic!("{name}: libold has no owner"));
        assert_eq!((&*old.name, &*old.file, old.epoch), ("many", "/lib64/libold.so.0", None), "{name}");
        assert_eq!(many.map(|package| package.version).as_deref(), Some("0.9-4.el9"), "{name}");
        assert_eq!(stray, None, "{name}");
        // The link belongs to the development package, the bytes to the library's.
        assert_eq!(devel.map(|package| package.name).as_deref(), Some("fixture-libs"), "{name}");
    }
}

#[test]
fn a_log_that_is_cut_off_counts_up_to_its_last_commit() {
    let log = fixture("wal.sqlite-wal");
    let root = |log: Vec<u8>| {
        red_hat().file("/var/lib/rpm/rpmdb.sqlite", fixture("wal.sqlite")).file("/var/lib/rpm/rpmdb.sqlite-wal", log)
    };
    let owner = |log| lookup(&root(log), "/usr/lib64/libold.so.0").0.map(|package| package.name);
    assert_eq!(owner(log.clone()).as_deref(), Some("many"));
    // Without its first frame's checksum nothing of the log counts, and `many` is in the log alone.
    let mut broken = log;
    broken[32 + 16] ^= 1;
    assert_eq!(owner(broken), None);
}

#[test]
fn an_unreadable_database_is_a_note() {
    for (file, bytes) in [
        ("rpmdb.sqlite", b"garbage".to_vec()),
        ("rpmdb.sqlite", fixture("rpmdb.sqlite")[..8192].to_vec()),
        ("Packages", b"garbage".to_vec()),
        ("Packages", fixture("Packages.1234")[..6000].to_vec()),
        ("Packages.db", fixture("Packages.db")[..5000].to_vec()),
    ] {
        let root = red_hat().file(&format!("/var/lib/rpm/{file}"), bytes);
        let (package, notes) = lookup(&root, "/usr/lib64/libfixture.so.1");
        assert_eq!(package, None);
        let [note] = &*notes else { panic!("{file}: {notes:?}") };
        assert!(note.to_string().starts_with(&format!("database unreadable: `/var/lib/rpm/{file}`: ")), "{note}");
    }
}

#[test]
fn a_berkeley_chain_that_loops_is_an_error() {
    let mut bytes = fixture("Packages.1234");
    let pages = bytes.len() / 4096;
    for page in 1..pages {
        let at = page * 4096;
        if bytes[at + 25] == 7 {
            // Overflow pages: each its own successor, with one byte only.
            bytes[at + 16..at + 20].copy_from_slice(&(page as u32).to_le_bytes());
            bytes[at + 22..at + 24].copy_from_slice(&1_u16.to_le_bytes());
        }
    }
    let (package, notes) = lookup(&red_hat().file("/var/lib/rpm/Packages", bytes), "/usr/lib64/libfixture.so.1");
    assert_eq!(package, None);
    assert!(notes.iter().any(|note| note.message.contains("is reached from page")), "{notes:?}");
}

/// This machine, or a directory taken for a root.
struct Disk(PathBuf);

impl RootFs for Disk {
    fn read(&self, path: &str, _: u64) -> truewheel::Result<Option<FileBytes>> {
        Ok(std::fs::read(self.0.join(path.trim_start_matches('/'))).ok().map(FileBytes::new))
    }

    fn exists(&self, path: &str) -> bool {
        self.0.join(path.trim_start_matches('/')).exists()
    }

    fn canonicalize(&self, path: &str) -> Option<String> {
        let canonical = self.0.join(path.trim_start_matches('/')).canonicalize().ok()?;
        Some(format!("/{}", canonical.strip_prefix(&self.0).ok()?.to_str()?))
    }

    fn list(&self, directory: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.join(directory.trim_start_matches('/')));
        let mut names: Vec<String> =
            entries.into_iter().flatten().filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
        names.sort();
        names
    }
}

#[test]
fn dpkg_query_agrees_on_this_machine() {
    let query = |arguments: &[&str]| {
        let output = std::process::Command::new("dpkg-query").args(arguments).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let folder = format!("/usr/lib/{}-linux-gnu", std::env::consts::ARCH);
    let libraries =
        ["libcrypt.so.1", "libc.so.6", "libm.so.6", "libz.so.1", "liblzma.so.5", "libffi.so.8", "libstdc++.so.6"];
    let there: Vec<String> =
        libraries.iter().map(|name| format!("{folder}/{name}")).filter(|path| Path::new(path).exists()).collect();
    if query(&["--version"]).is_none() || there.is_empty() {
        println!("SKIP dpkg_query_agrees_on_this_machine: not a Debian system with libraries in {folder}");
        return;
    }
    let asked: Vec<&str> = there.iter().map(String::as_str).collect();
    let found = lookup_all(&Disk("/".into()), &asked);
    assert!(found.notes.is_empty(), "{:?}", found.notes);
    for (path, package) in there.iter().zip(found.packages) {
        let real = std::fs::canonicalize(path).unwrap();
        let real = real.to_str().unwrap();
        // dpkg knows a merged file by the one name that its package has.
        let Some(owner) =
            [real, real.strip_prefix("/usr").unwrap_or(real)].iter().find_map(|path| query(&["-S", path]))
        else {
            assert_eq!(package, None, "{path}");
            continue;
        };
        let owner = owner.rsplit_once(": ").unwrap().0;
        let package = package.unwrap_or_else(|| panic!("{path} belongs to {owner}"));
        let line = query(&["-W", "-f", "${Package}|${Version}|${Architecture}|${source:Package}", owner]).unwrap();
        let source = package.source.as_deref().unwrap_or(&package.name);
        let source = source.split('@').next().unwrap();
        let ours = format!("{}|{}|{}|{source}", package.name, package.version, package.arch.as_deref().unwrap());
        assert_eq!(ours, line, "{path}");
        assert_eq!(package.database, Database::Dpkg);
    }
}
