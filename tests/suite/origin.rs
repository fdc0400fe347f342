//! Whose file is it: databases made by the packaging systems' own tools, synthetic ones, and this machine's.

use std::io::Read;
use std::path::Path;

use truewheel::load::Sysroot;
use truewheel::origin::{Database, MemoryRoot, Package, RootFs, lookup, lookup_all};

use crate::support::skip;

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
    let mut databases = vec![
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
    ];
    if !cfg!(feature = "rpm") {
        skip("sqlite: this build does not read it (feature `rpm`)");
        databases.retain(|(name, _)| !name.starts_with("sqlite"));
    }
    databases
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

#[cfg(feature = "rpm")]
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
        skip(&format!("not a Debian system with libraries in {folder}"));
        return;
    }
    let asked: Vec<&str> = there.iter().map(String::as_str).collect();
    let found = lookup_all(&Sysroot::host(), &asked);
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

/// Returns a root of Debian's shape, `/lib` being a link into `/usr`, with the status of two packages.
fn debian() -> MemoryRoot {
    MemoryRoot::new()
        .file("/etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n")
        .link("/lib", "usr/lib")
        .link("/usr/lib/libdemo.so", "libdemo.so.1.0")
        .file("/usr/lib/libdemo.so.1.0", "bytes")
        .file("/usr/lib/libdiverted.so", "bytes")
        .file("/usr/lib/libdiverted.so.original", "bytes")
        .file("/usr/lib/i386/libdemo.so.1.0", "bytes")
        .file(
            "/var/lib/dpkg/status",
            "Package: libdemo1\nStatus: install ok installed\nArchitecture: amd64\nMulti-Arch: same\n\
             Source: demo (1:1.0-2)\nVersion: 1:1.0-2+b3\nDescription: x\n Version: not this\n\n\
             Package: libdemo1\nArchitecture: i386\nVersion: 1:1.0-2\n\n\
             Package: libdemo-dev\nArchitecture: amd64\nVersion: 1:1.0-2\n\n\
             Package: other\nArchitecture: all\nVersion: 3\n",
        )
        .file("/var/lib/dpkg/info/libdemo1:amd64.list", "/.\n/lib\n/lib/libdemo.so.1.0\n/usr/lib/libdiverted.so\n")
        .file("/var/lib/dpkg/info/libdemo1:i386.list", "/usr/lib/i386/libdemo.so.1.0\n")
        .file("/var/lib/dpkg/info/libdemo-dev.list", "/usr/lib/libdemo.so\n")
        .file("/var/lib/dpkg/info/other.list", "/usr/lib/libdiverted.so\n")
        .file("/var/lib/dpkg/diversions", "/usr/lib/libdiverted.so\n/usr/lib/libdiverted.so.original\nother\n")
        .file(
            "/usr/share/doc/libdemo1/copyright",
            "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\nUpstream-Name: demo\n\n\
             Files: debian/*\nLicense: GPL-2+\n\nFiles: *\nCopyright: someone\nLicense: LGPL-2.1+\n",
        )
}

/// Returns the package URL of a file's package, and what else was said.
fn owner(root: &dyn RootFs, path: &str) -> Option<String> {
    let (package, notes) = lookup(root, path);
    assert!(notes.is_empty(), "{notes:?}");
    package.map(|package| package.purl())
}

#[test]
fn dpkg_merged_directories_architectures_and_diversions_are_understood() {
    let root = debian();
    let amd64 = "pkg:deb/debian/libdemo1@1:1.0-2%2Bb3?arch=amd64&distro=debian-12&upstream=demo%401:1.0-2";
    // The list says /lib, the file is in /usr/lib, and is asked for by all its names.
    for path in ["/usr/lib/libdemo.so.1.0", "/lib/libdemo.so.1.0", "/usr/lib/libdemo.so", "/lib/../lib/libdemo.so"] {
        assert_eq!(owner(&root, path).as_deref(), Some(amd64), "{path}");
    }
    let (package, _) = lookup(&root, "/usr/lib/libdemo.so.1.0");
    assert_eq!(package.unwrap().licence.as_deref(), Some("LGPL-2.1+"));
    assert_eq!(
        owner(&root, "/usr/lib/i386/libdemo.so.1.0").as_deref(),
        Some("pkg:deb/debian/libdemo1@1:1.0-2?arch=i386&distro=debian-12")
    );
    assert_eq!(
        owner(&root, "/usr/lib/libdiverted.so").as_deref(),
        Some("pkg:deb/debian/other@3?arch=all&distro=debian-12")
    );
    assert_eq!(owner(&root, "/usr/lib/libdiverted.so.original").as_deref(), Some(amd64));
}

#[test]
fn unmerged_directories_are_two_places() {
    let root = MemoryRoot::new()
        .file("/lib/liba.so", "one")
        .file("/usr/lib/liba.so", "other")
        .file("/var/lib/dpkg/status", "Package: a\nVersion: 1\nArchitecture: amd64\n")
        .file("/var/lib/dpkg/info/a.list", "/lib/liba.so\n");
    assert_eq!(owner(&root, "/lib/liba.so").as_deref(), Some("pkg:deb/linux/a@1?arch=amd64&distro=linux"));
    assert_eq!(owner(&root, "/usr/lib/liba.so"), None);
}

#[test]
fn a_distroless_image_keeps_a_folder_of_paragraphs() {
    let root = MemoryRoot::new()
        .file("/etc/os-release", "ID=debian\nVERSION_ID=12\n")
        .file("/usr/lib/libssl.so.3", "bytes")
        .file(
            "/var/lib/dpkg/status.d/libssl3",
            "Package: libssl3\nVersion: 3.0.11-1\nArchitecture: amd64\nSource: openssl\n",
        )
        .file("/var/lib/dpkg/status.d/libssl3.md5sums", "0123456789abcdef0123456789abcdef  usr/lib/libssl.so.3\n");
    assert_eq!(
        owner(&root, "/usr/lib/libssl.so.3").as_deref(),
        Some("pkg:deb/debian/libssl3@3.0.11-1?arch=amd64&distro=debian-12&upstream=openssl")
    );
}

#[test]
fn a_root_within_a_root_is_asked_first() {
    let inner = MemoryRoot::new()
        .file("/var/lib/dpkg/status", "Package: host\nVersion: 1\nArchitecture: amd64\n")
        .file("/var/lib/dpkg/info/host.list", "/srv/target/lib/libz.so.1\n")
        .file("/srv/target/etc/os-release", "ID=alpine\nVERSION_ID=3.20.1\n")
        .file("/srv/target/lib/libz.so.1", "bytes")
        .file("/srv/target/lib/apk/db/installed", "P:zlib\nV:1.3.1-r1\nA:aarch64\nF:lib\nR:libz.so.1\n\n");
    // dpkg is the greater authority where it claims the file; here only the inner database does.
    assert_eq!(
        owner(&inner, "/srv/target/lib/libz.so.1").as_deref(),
        Some("pkg:deb/linux/host@1?arch=amd64&distro=linux")
    );
    let inner = inner.file("/var/lib/dpkg/info/host.list", "/srv\n");
    assert_eq!(
        owner(&inner, "/srv/target/lib/libz.so.1").as_deref(),
        Some("pkg:apk/alpine/zlib@1.3.1-r1?arch=aarch64&distro=alpine-3.20.1")
    );
}

/// Synthetic: written by hand after the format of apk-tools.
fn alpine() -> MemoryRoot {
    MemoryRoot::new()
        .file("/etc/os-release", "ID=alpine\nVERSION_ID=3.20.1\n")
        .link("/usr/lib/libz.so.1", "../../lib/libz.so.1.3.1")
        .file("/lib/libz.so.1.3.1", "bytes")
        .file("/usr/lib/libffi.so.8.1.4", "bytes")
        .file("/usr/lib/stray.so", "bytes")
        .file(
            "/lib/apk/db/installed",
            "C:Q1abc=\nP:zlib\nV:1.3.1-r1\nA:x86_64\nS:54321\nT:A compression library\nL:Zlib\no:zlib\n\
             m:Natanael Copa <ncopa@alpinelinux.org>\nF:lib\nR:libz.so.1\na:0:0:777\nR:libz.so.1.3.1\nZ:Q1x=\n\n\
             P:libffi\nV:3.4.6-r0\nA:x86_64\nL:MIT\no:libffi\nF:usr\nF:usr/lib\nR:libffi.so.8\nR:libffi.so.8.1.4\n",
        )
}

#[test]
fn apk_names_packages_and_licences() {
    let root = alpine();
    let (package, notes) = lookup(&root, "/usr/lib/libz.so.1");
    let package = package.unwrap();
    assert!(notes.is_empty());
    assert_eq!(package.purl(), "pkg:apk/alpine/zlib@1.3.1-r1?arch=x86_64&distro=alpine-3.20.1&upstream=zlib");
    assert_eq!((package.licence.as_deref(), &*package.file), (Some("Zlib"), "/lib/libz.so.1.3.1"));
    assert_eq!(
        owner(&root, "/usr/lib/libffi.so.8.1.4").as_deref(),
        Some("pkg:apk/alpine/libffi@3.4.6-r0?arch=x86_64&distro=alpine-3.20.1&upstream=libffi")
    );
    assert_eq!(owner(&root, "/usr/lib/stray.so"), None);
}

/// Synthetic, after the format of libalpm; MSYS2 is one on Windows.
fn msys2() -> MemoryRoot {
    let local = "/c/msys64/var/lib/pacman/local/mingw-w64-x86_64-zlib-1.3.1-1";
    MemoryRoot::new()
        .file("/c/msys64/etc/os-release", "ID=msys2\n")
        .file("/c/msys64/mingw64/bin/zlib1.dll", "bytes")
        .file(
            &format!("{local}/desc"),
            "%NAME%\nmingw-w64-x86_64-zlib\n\n%VERSION%\n1.3.1-1\n\n%BASE%\nmingw-w64-zlib\n\n%ARCH%\nany\n\n%LICENSE%\nspdx:Zlib\n\n",
        )
        .file(&format!("{local}/files"), "%FILES%\nmingw64/\nmingw64/bin/\nmingw64/bin/zlib1.dll\n\n")
}

/// Synthetic: an environment as conda and as pip fill it.
fn environment() -> MemoryRoot {
    let site = "/opt/env/lib/python3.12/site-packages";
    MemoryRoot::new()
        .link("/opt/env/lib/libfoo.so.2", "libfoo.so.2.0")
        .file("/opt/env/lib/libfoo.so.2.0", "bytes")
        .file("/opt/env/lib/libmkl_rt.so.2", "bytes")
        .file(&format!("{site}/scipy_openblas64/lib/libscipy_openblas64_.so"), "bytes")
        .file(&format!("{site}/odd, name/lib.so"), "bytes")
        .file(
            "/opt/env/conda-meta/foo-2.0-h1_0.json",
            r#"{"name": "foo", "version": "2.0", "build": "h1_0", "subdir": "linux-64", "license": "BSD-3-Clause",
                "channel": "https://conda.anaconda.org/t/secret-token/conda-forge/linux-64", "fn": "foo-2.0-h1_0.conda",
                "files": ["lib/libfoo.so.2", "lib/libfoo.so.2.0"], "link": {"type": 1}}"#,
        )
        .file("/opt/env/conda-meta/broken-1.json", r#"{"files": ["lib/libfoo.so.2.0"#)
        .file(&format!("{site}/scipy_openblas64-0.3.29.dist-info/METADATA"), "Metadata-Version: 2.4\nName: scipy_openblas64\nVersion: 0.3.29\nLicense-Expression: BSD-3-Clause\n\nName: not this\n")
        .file(&format!("{site}/scipy_openblas64-0.3.29.dist-info/RECORD"), "scipy_openblas64/lib/libscipy_openblas64_.so,sha256=x,1\n\"odd, name/lib.so\",,\n")
        .file(&format!("{site}/mkl-2025.1.dist-info/METADATA"), "Name: mkl\r\nVersion: 2025.1\r\n\r\n")
        .file(&format!("{site}/mkl-2025.1.dist-info/RECORD"), "../../libmkl_rt.so.2,,\nmkl-2025.1.dist-info/RECORD,,\n")
}

#[test]
fn pacman_is_found_above_the_file() {
    assert_eq!(
        owner(&msys2(), "/c/msys64/mingw64/bin/zlib1.dll").as_deref(),
        Some("pkg:alpm/msys2/mingw-w64-x86_64-zlib@1.3.1-1?arch=any&distro=msys2&upstream=mingw-w64-zlib")
    );
}

#[test]
fn conda_names_the_build_and_never_a_channel_s_token() {
    let (package, notes) = lookup(&environment(), "/opt/env/lib/libfoo.so.2");
    assert_eq!(package.unwrap().purl(), "pkg:conda/foo@2.0?build=h1_0&channel=conda-forge&subdir=linux-64&type=conda");
    // The broken file mentions the library, and is said to be unreadable.
    assert_eq!(notes.len(), 1);
    assert_eq!(notes[0].database, "/opt/env/conda-meta/broken-1.json");
}

#[test]
fn libraries_of_other_wheels_are_theirs() {
    let site = "/opt/env/lib/python3.12/site-packages";
    let root = environment();
    // The note is conda's, see above.
    let url = |path: &str| lookup(&root, path).0.map(|package| package.purl());
    let openblas = Some("pkg:pypi/scipy-openblas64@0.3.29");
    assert_eq!(url(&format!("{site}/scipy_openblas64/lib/libscipy_openblas64_.so")).as_deref(), openblas);
    assert_eq!(url(&format!("{site}/odd, name/lib.so")).as_deref(), openblas);
    // Installed from `.data/data`, so outside the site directory.
    assert_eq!(url("/opt/env/lib/libmkl_rt.so.2").as_deref(), Some("pkg:pypi/mkl@2025.1"));
}

#[test]
fn nix_homebrew_vcpkg_and_conan_are_known_by_their_paths() {
    let store = "/nix/store/0123456789abcdfghijklmnpqrsvwxyz-zlib-1.3.1/lib/libz.so.1";
    let root = MemoryRoot::new()
        .file(store, "bytes")
        .link("/opt/homebrew/lib/libpng16.16.dylib", "../Cellar/libpng/1.6.43_1/lib/libpng16.16.dylib")
        .file("/opt/homebrew/Cellar/libpng/1.6.43_1/lib/libpng16.16.dylib", "bytes")
        .file(
            "/opt/homebrew/Cellar/libpng/1.6.43_1/.brew/libpng.rb",
            "class Libpng < Formula\n  license \"libpng-2.0\"\nend\n",
        )
        .file(
            "/opt/homebrew/Cellar/libpng/1.6.43_1/INSTALL_RECEIPT.json",
            r#"{"arch": "arm64", "source": {"tap": "homebrew/core", "spec": "stable"}}"#,
        )
        .file("/c/vcpkg/installed/x64-windows/bin/zlib1.dll", "bytes")
        .file("/c/vcpkg/installed/vcpkg/info/zlib_1.3.1_x64-windows.list", "x64-windows/\nx64-windows/bin/zlib1.dll\n")
        .file(
            "/c/vcpkg/installed/vcpkg/status",
            "Package: zlib\nVersion: 1.3.1\nPort-Version: 2\nArchitecture: x64-windows\n",
        )
        .file(
            "/c/vcpkg/installed/x64-windows/share/zlib/vcpkg.spdx.json",
            r#"{"packages": [{"licenseConcluded": "Zlib"}]}"#,
        )
        .file("/home/u/.conan/data/zlib/1.3.1/_/_/package/0a1b/conaninfo.txt", "")
        .file("/home/u/.conan/data/zlib/1.3.1/_/_/package/0a1b/lib/libz.so.1", "bytes");
    assert_eq!(owner(&root, store).as_deref(), Some("pkg:generic/zlib@1.3.1"));
    let brew = "/opt/homebrew/lib/libpng16.16.dylib";
    assert_eq!(owner(&root, brew).as_deref(), Some("pkg:brew/homebrew/core/libpng@1.6.43_1"));
    assert_eq!(lookup(&root, brew).0.unwrap().licence.as_deref(), Some("libpng-2.0"));
    let vcpkg = "/c/vcpkg/installed/x64-windows/bin/zlib1.dll";
    assert_eq!(owner(&root, vcpkg).as_deref(), Some("pkg:vcpkg/zlib@1.3.1?port_version=2&triplet=x64-windows"));
    assert_eq!(lookup(&root, vcpkg).0.unwrap().licence.as_deref(), Some("Zlib"));
    let conan = "/home/u/.conan/data/zlib/1.3.1/_/_/package/0a1b/lib/libz.so.1";
    assert_eq!(owner(&root, conan).as_deref(), Some("pkg:conan/zlib@1.3.1"));
}

#[test]
fn a_nuget_package_is_known_by_the_description_above_its_files() {
    let folder = "/c/Users/u/.nuget/packages/intel-mkl/2025.1";
    let dll = format!("{folder}/runtimes/win-x64/native/mkl_rt.2.dll");
    let nuspec = "<?xml version=\"1.0\"?>\n<package><metadata minClientVersion=\"2.5\">\n<id>Intel.MKL</id>\n\
                  <version>2025.1</version><authors>Intel &amp; others</authors>\n\
                  <license type=\"expression\">MIT</license></metadata></package>";
    let root = MemoryRoot::new().file(&dll, "bytes").file(&format!("{folder}/intel.mkl.nuspec"), nuspec);
    assert_eq!(owner(&root, &dll).as_deref(), Some("pkg:nuget/Intel.MKL@2025.1"));
    let package = lookup(&root, &dll).0.unwrap();
    assert_eq!((package.licence.as_deref(), package.supplier.as_deref()), (Some("MIT"), Some("Intel & others")));
    assert_eq!(owner(&root, "/c/Users/u/.nuget/packages/other.dll"), None);
    let broken = MemoryRoot::new().file("/p/a.dll", "").file("/p/a.nuspec", "<metadata><id>a</id>");
    let (package, notes) = lookup(&broken, "/p/a.dll");
    assert!(package.is_none() && notes.len() == 1);
}

/// splitmix64: the same mutations on every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }
}

/// Returns bytes with a few of them, a number, or the end changed; half of the places are in the first page or so,
/// where headers are.
fn mutated(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..1 + random.below(8) {
        let range = if random.below(2) == 0 { bytes.len() } else { bytes.len().min(600) };
        let at = random.below(range);
        match random.below(6) {
            0 => bytes.truncate(at.max(1)),
            1 => {
                let end = bytes.len().min(at + 4);
                let value = [0_u32, 1, 0xffff, 0x7fff_ffff, u32::MAX, 4096][random.below(6)].to_be_bytes();
                bytes[at..end].copy_from_slice(&value[..end - at]);
            }
            2 => {
                let end = bytes.len().min(at + random.below(200));
                bytes[at..end].fill(0);
            }
            3 => {
                // A piece of the file in another place: pointers that are right, and lead to something else.
                let size = random.below(64).min(bytes.len() - at);
                let from = random.below(bytes.len() - size);
                bytes.copy_within(from..from + size, at);
            }
            _ => bytes[at] ^= 1 << random.below(8),
        }
    }
    bytes
}

#[test]
fn a_mutated_database_gives_an_answer_or_a_note() {
    let asked = ["/usr/lib64/libfixture.so.1", "/usr/lib64/libold.so.0", "/usr/share/many/file0400"];
    let files: [(&str, &str, &[&str]); 5] = [
        ("/var/lib/rpm/rpmdb.sqlite", "rpmdb.sqlite", &[]),
        ("/var/lib/rpm/rpmdb.sqlite", "wal.sqlite", &["wal.sqlite-wal"]),
        ("/var/lib/rpm/Packages", "Packages.1234", &[]),
        ("/var/lib/rpm/Packages", "Packages.4321", &[]),
        ("/var/lib/rpm/Packages.db", "Packages.db", &[]),
    ];
    let mut random = Random(3);
    let mut answers = [0_usize; 2];
    for (path, name, log) in files {
        let bytes = fixture(name);
        let log = log.first().map(|name| fixture(name));
        for _ in 0..400 {
            let mut root = red_hat().file(path, mutated(&bytes, &mut random));
            if let Some(log) = &log {
                root = root.file(&format!("{path}-wal"), mutated(log, &mut random));
            }
            let started = std::time::Instant::now();
            let found = lookup_all(&root, &asked);
            assert!(started.elapsed().as_secs() < 10, "{name} took {:?}", started.elapsed());
            answers[usize::from(found.notes.is_empty())] += 1;
        }
    }
    // Both happen, or the mutations are worth nothing.
    assert!(answers.iter().all(|count| *count > 100), "{answers:?}");
}

#[test]
fn a_large_hostile_database_is_read_in_one_pass() {
    let long = format!("/{}", "d".repeat(100_000));
    let texts = [
        // Paragraphs of one line, the blank lines in the other system's style.
        ("/var/lib/dpkg/status", "Package: a\n\r\n".repeat(400_000)),
        // The same claim over and over, and a directory name that every file would be appended to.
        ("/var/lib/dpkg/info/a.list", "/usr/lib/libz.so.1\n".repeat(400_000)),
        ("/lib/apk/db/installed", format!("P:a\nV:1\nF:{long}\n{}\n\n", "R:libz.so.1\n".repeat(400_000))),
        ("/lib/apk/db/installed", format!("P:a\nV:1\n{}\n\n", "F:usr/lib\nR:libz.so.1\n".repeat(200_000))),
        ("/conda-meta/a.json", format!("{}{}", "[".repeat(2_000_000), "]".repeat(2_000_000))),
    ];
    for (path, text) in texts {
        let root = MemoryRoot::new()
            .file("/usr/lib/libz.so.1", "bytes")
            .file("/var/lib/dpkg/status", "Package: a\nVersion: 1\n")
            .file("/var/lib/dpkg/info/a.list", "/usr/lib/libz.so.1\n")
            .file(path, text);
        let started = std::time::Instant::now();
        lookup(&root, "/usr/lib/libz.so.1");
        // Less than a second each; what is quadratic takes minutes.
        assert!(started.elapsed().as_secs() < 10, "{path} took {:?}", started.elapsed());
    }
}

#[test]
fn mutated_text_databases_give_an_answer_or_a_note() {
    let mut random = Random(4);
    let texts: [(MemoryRoot, &[&str], &[&str]); 4] = [
        (
            debian(),
            &["/usr/lib/libdemo.so.1.0", "/usr/lib/libdiverted.so"],
            &[
                "/var/lib/dpkg/status",
                "/var/lib/dpkg/info/libdemo1:amd64.list",
                "/var/lib/dpkg/diversions",
                "/usr/share/doc/libdemo1/copyright",
                "/etc/os-release",
            ],
        ),
        (alpine(), &["/usr/lib/libz.so.1", "/usr/lib/libffi.so.8.1.4"], &["/lib/apk/db/installed"]),
        (
            msys2(),
            &["/c/msys64/mingw64/bin/zlib1.dll"],
            &[
                "/c/msys64/var/lib/pacman/local/mingw-w64-x86_64-zlib-1.3.1-1/desc",
                "/c/msys64/var/lib/pacman/local/mingw-w64-x86_64-zlib-1.3.1-1/files",
            ],
        ),
        (
            environment(),
            &["/opt/env/lib/libfoo.so.2", "/opt/env/lib/libmkl_rt.so.2"],
            &[
                "/opt/env/conda-meta/foo-2.0-h1_0.json",
                "/opt/env/lib/python3.12/site-packages/mkl-2025.1.dist-info/RECORD",
                "/opt/env/lib/python3.12/site-packages/mkl-2025.1.dist-info/METADATA",
            ],
        ),
    ];
    for (sound, asked, files) in texts {
        for file in files {
            let bytes = sound.read(file, u64::MAX).unwrap().unwrap();
            for _ in 0..200 {
                let mutated = sound.clone().file(file, mutated(&bytes, &mut random));
                for package in lookup_all(&mutated, asked).packages.into_iter().flatten() {
                    // Whatever it says, it is a URL, and fit for the SBOM.
                    assert!(package.purl().starts_with("pkg:"), "{package:?}");
                }
            }
        }
    }
}

#[test]
fn databases_of_distributions_are_not_asked_for_what_users_keep() {
    let root = MemoryRoot::new()
        .file("/etc/os-release", "ID=debian\n")
        .file("/project/libs/libdemo.so", "bytes")
        .file("/opt/demo/libdemo.so", "bytes")
        .file("/var/lib/dpkg/status", "Package: demo\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n")
        .file("/var/lib/dpkg/info/demo.list", "/project/libs/libdemo.so\n/opt/demo/libdemo.so\n");
    assert!(lookup(&root, "/opt/demo/libdemo.so").0.is_some());
    assert!(lookup(&root, "/project/libs/libdemo.so").0.is_none());
}
