//! The simulated loader against this machine's real ones, on libraries linked here at random.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use truewheel::Arch;
use truewheel::format;
use truewheel::load::{
    Attempt, Binary, Folder, Graph, LibrarySource, NothingOutside, Origin, Resolution, Role, SourceKind, Sysroot,
    System, Target, Universe, Why, inspect_wheel, resolve,
};
use truewheel::platform::{Platform, detect, manylinux::Manylinux, musllinux::Musllinux};
use truewheel::wheel::Wheel;

use crate::support::fixture;

use crate::support::skip;

const GLIBC: &str = "/lib64/ld-linux-x86-64.so.2";
const MUSL: &str = "/lib/ld-musl-x86_64.so.1";

/// A linear congruential generator: the same universes on every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }

    fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }
}

/// How one library is linked.
#[derive(Debug, Clone, Default)]
struct Recipe {
    soname: Option<String>,
    needs: Vec<String>,
    search: Vec<String>,
    runpath: bool,
}

/// A directory in which libraries are linked.
struct Workshop {
    directory: tempfile::TempDir,
}

impl Workshop {
    /// Returns `None`, and says so, where there is no linker for x86_64.
    fn open() -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let source = directory.path().join("empty.s");
        fs::write(&source, ".section .note.GNU-stack,\"\",@progbits\n").unwrap();
        let assembled =
            Command::new("as").arg("--64").arg("-o").arg(directory.path().join("empty.o")).arg(&source).status();
        if !cfg!(target_arch = "x86_64") || !assembled.is_ok_and(|status| status.success()) {
            skip("no assembler for x86_64 here");
            return None;
        }
        Some(Self { directory })
    }

    /// Returns the directory without symbolic links in its path.
    fn root(&self) -> PathBuf {
        self.directory.path().canonicalize().unwrap()
    }

    /// Links a library; what it needs is given by empty libraries that call themselves so.
    fn link(&self, path: &Path, recipe: &Recipe) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut command = Command::new("ld");
        command.args(["-m", "elf_x86_64", "-shared", "--no-as-needed", "--hash-style=both"]);
        command.arg(if recipe.runpath { "--enable-new-dtags" } else { "--disable-new-dtags" });
        if let Some(soname) = &recipe.soname {
            command.args(["-soname", soname]);
        }
        if !recipe.search.is_empty() {
            command.args(["-rpath", &recipe.search.join(":")]);
        }
        command.arg("-o").arg(path).arg(self.root().join("empty.o"));
        for name in &recipe.needs {
            command.arg(self.stub(name));
        }
        assert!(command.status().unwrap().success(), "linking {}", path.display());
    }

    fn stub(&self, name: &str) -> PathBuf {
        let path = self.root().join("stubs").join(name.replace(['/', '$'], "_"));
        if !path.exists() {
            self.link(&path, &Recipe { soname: Some(name.to_owned()), ..Recipe::default() });
        }
        path
    }
}

/// What a loader did: the files loaded after the root, in order, and the names not found.
#[derive(Debug, PartialEq, Eq)]
struct Trace {
    loaded: Vec<PathBuf>,
    missing: Vec<String>,
}

/// Asks the real loader.
fn real(loader: &str, root: &Path, library_path: &str) -> Trace {
    let mut command = Command::new(loader);
    // glibc's `--list` ends at the first library that is missing; its variable goes on, as `ldd` does.
    match loader {
        GLIBC => command.env("LD_TRACE_LOADED_OBJECTS", "1"),
        _ => command.arg("--list"),
    };
    let output = command.arg(root).env("LD_LIBRARY_PATH", library_path).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    let mut trace = Trace { loaded: Vec::new(), missing: Vec::new() };
    for line in text.lines() {
        let Some((name, found)) = line.trim().split_once(" => ") else {
            continue;
        };
        if name.contains("ld-linux") || name.contains("ld-musl") || found.contains("ld-musl") {
            continue;
        }
        match found.split(" (").next().unwrap() {
            "not found" => trace.missing.push(name.to_owned()),
            path => trace.loaded.push(Path::new(path).canonicalize().unwrap()),
        }
    }
    // musl: "Error loading shared library NAME: No such file or directory (needed by …)"
    for line in errors.lines() {
        let name = line.strip_prefix("Error loading shared library ").and_then(|rest| rest.split(':').next());
        trace.missing.extend(name.map(str::to_owned));
    }
    trace.missing.sort();
    trace.missing.dedup();
    trace
}

/// Asks ours, for the root `member` of a wheel installed under `prefix`.
fn simulated(platform: &'static dyn Platform, prefix: &Path, members: &[String], library_path: &str) -> (Trace, Graph) {
    let binaries: Vec<Binary> = members
        .iter()
        .map(|member| {
            let bytes = fs::read(prefix.join(member)).unwrap();
            let image = format::inspect(&bytes).unwrap().remove(0);
            let symbols = format::symbols(&bytes, &image).unwrap();
            Binary::new(member, member, image, symbols)
        })
        .collect();
    let environment = library_path.split(':').map(str::to_owned).collect();
    let universe = Universe::new(&binaries).with_source(System::host(environment));
    let graph = resolve(&universe, Target { platform, arch: Arch::X86_64 }, &NothingOutside).unwrap();
    let root = graph.roots.iter().find(|root| root.object.0 == 0).unwrap();
    let on_disk = |id: &truewheel::load::ObjectId| match &graph.object(*id).origin {
        Origin::External(path) => path.clone(),
        _ => prefix.join(&graph.object(*id).location),
    };
    let loaded = root.scope[1..].iter().map(on_disk).collect();
    let missing = root.edges.iter().filter(|edge| edge.resolution == Resolution::Missing);
    let mut missing: Vec<String> = missing.map(|edge| graph.import(edge).name.clone()).collect();
    missing.sort();
    missing.dedup();
    (Trace { loaded, missing }, graph)
}

/// Links a random wheel under `prefix` and random libraries outside it, in `system`; returns the members, root first.
fn random_universe(random: &mut Random, workshop: &Workshop, prefix: &Path, system: &Path) -> Vec<String> {
    let names: Vec<String> = (0..9).map(|number| format!("libn{number}.so")).collect();
    let inside = ["p", "w.libs", "w.libs/deep", "q"];
    let outside = ["a", "b", "b/deep"];
    let recipe = |random: &mut Random, directory: Option<&str>, own: &str| {
        let soname = match random.below(5) {
            0 => None,
            1 => Some(names[random.below(names.len())].clone()),
            _ => Some(own.to_owned()),
        };
        let needs = (0..random.below(4)).map(|_| names[random.below(names.len())].clone()).collect();
        let mut search = Vec::new();
        for _ in 0..random.below(4) {
            search.push(match directory {
                // From one of the wheel's own directories to another.
                Some(from) => {
                    let up = "/..".repeat(from.split('/').count());
                    format!("{}{up}/{}", random.pick(&["$ORIGIN", "${ORIGIN}"]), random.pick(&inside))
                }
                None => format!("{}/{}", system.display(), random.pick(&outside)),
            });
        }
        // The wheel comes first by contract; a real loader agrees where its directories are named first.
        if directory.is_some() && random.below(2) == 0 {
            search.push(format!("{}/{}", system.display(), random.pick(&outside)));
        }
        Recipe { soname, needs, search, runpath: random.below(2) == 0 }
    };
    let mut members = vec!["p/ext.so".to_owned()];
    let mut root = recipe(random, Some("p"), "ext.so");
    root.soname = None;
    root.needs.extend(names.iter().take(2).cloned());
    root.search.insert(0, "$ORIGIN/../w.libs".to_owned());
    workshop.link(&prefix.join("p/ext.so"), &root);
    for (number, name) in names.iter().enumerate() {
        // One third of the names are only outside, as a name has one place in the contract's order.
        if number % 3 == 2 {
            for _ in 0..=random.below(2) {
                let path = system.join(random.pick(&outside)).join(name);
                if !path.exists() {
                    let linked = recipe(random, None, name);
                    workshop.link(&path, &linked);
                }
            }
            continue;
        }
        for _ in 0..=random.below(2) {
            let directory = random.pick(&inside);
            let member = format!("{directory}/{name}");
            if !members.contains(&member) {
                let linked = recipe(random, Some(directory), name);
                workshop.link(&prefix.join(&member), &linked);
                members.push(member);
            }
        }
    }
    members
}

fn agree_on_random_universes(platform: &'static dyn Platform, loader: &str, seed: u64) {
    let Some(workshop) = Workshop::open() else { return };
    if !Path::new(loader).exists() {
        skip(&format!("no {loader} here"));
        return;
    }
    let mut random = Random(seed);
    let (mut loaded, mut missing) = (0, 0);
    for case in 0..25 {
        let prefix = workshop.root().join(format!("{case}/wheel"));
        let system = workshop.root().join(format!("{case}/system"));
        let members = random_universe(&mut random, &workshop, &prefix, &system);
        let library_path = format!("{}/b", system.display());
        let library_path = if case % 2 == 0 { library_path.as_str() } else { "" };
        let expected = real(loader, &prefix.join("p/ext.so"), library_path);
        let (found, _) = simulated(platform, &prefix, &members, library_path);
        assert_eq!(found, expected, "case {case} of seed {seed}");
        loaded += expected.loaded.len();
        missing += expected.missing.len();
    }
    assert!(loaded > 50 && missing > 10, "the universes show little: {loaded} loaded, {missing} missing");
}

#[test]
fn glibc_s_loader_agrees_on_random_universes() {
    agree_on_random_universes(&Manylinux, GLIBC, 3);
}

#[test]
fn musl_s_loader_agrees_on_random_universes() {
    agree_on_random_universes(&Musllinux, MUSL, 3);
}

#[test]
fn glibc_s_loader_agrees_on_this_machine_s_libraries() {
    let Some(workshop) = Workshop::open() else { return };
    if !Path::new(GLIBC).exists() {
        skip(&format!("no {GLIBC} here"));
        return;
    }
    let mut names: BTreeMap<String, PathBuf> = BTreeMap::new();
    for directory in ["/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64"] {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            let name = entry.file_name().into_string().unwrap_or_default();
            if name.starts_with("lib") && name.contains(".so.") {
                names.entry(name).or_insert_with(|| entry.path());
            }
        }
    }
    // Libraries that can be loaded, spread over the alphabet.
    let usable: Vec<String> = names
        .iter()
        .filter(|(_, path)| {
            fs::read(path).ok().and_then(|bytes| format::inspect(&bytes).ok()).is_some_and(|images| {
                images.iter().any(|image| image.arch == Arch::X86_64 && image.kind == format::ImageKind::Library)
            })
        })
        .map(|(name, _)| name.clone())
        .collect();
    let needs: Vec<String> = usable.iter().step_by(usable.len() / 60 + 1).cloned().collect();
    assert!(!needs.is_empty());
    workshop.link(&workshop.root().join("ext.so"), &Recipe { needs, ..Recipe::default() });
    let expected = real(GLIBC, &workshop.root().join("ext.so"), "");
    let (found, graph) = simulated(&Manylinux, &workshop.root(), &["ext.so".to_owned()], "");
    assert_eq!(found, expected);
    assert!(graph.external_objects().all(|(_, object)| object.source == SourceKind::Host));
}

#[test]
fn glibc_skips_another_machine_s_library_and_follows_names_with_slashes() {
    let Some(workshop) = Workshop::open() else { return };
    if !Path::new(GLIBC).exists() {
        skip(&format!("no {GLIBC} here"));
        return;
    }
    let prefix = workshop.root().join("w");
    let needs = vec!["liba.so".to_owned(), "$ORIGIN/../q/mod.so".to_owned(), "libm.so.6".to_owned()];
    let search = ["$ORIGIN/arm", "$ORIGIN/x86"].map(str::to_owned).to_vec();
    workshop.link(&prefix.join("p/ext.so"), &Recipe { needs, search, ..Recipe::default() });
    let liba = Recipe { soname: Some("liba.so".to_owned()), ..Recipe::default() };
    for directory in ["arm", "x86"] {
        workshop.link(&prefix.join("p").join(directory).join("liba.so"), &liba);
    }
    let foreign = prefix.join("p/arm/liba.so");
    let mut bytes = fs::read(&foreign).unwrap();
    bytes[18] = 183; // EM_AARCH64
    fs::write(&foreign, bytes).unwrap();
    workshop.link(&prefix.join("q/mod.so"), &Recipe::default());
    let members = ["p/ext.so", "p/arm/liba.so", "p/x86/liba.so", "q/mod.so"].map(str::to_owned);
    let expected = real(GLIBC, &prefix.join("p/ext.so"), "");
    let (found, _) = simulated(&Manylinux, &prefix, &members, "");
    // glibc lists a name with a slash without an arrow.
    let listed: Vec<_> = found.loaded.iter().filter(|path| !path.ends_with("mod.so")).cloned().collect();
    assert_eq!(listed, expected.loaded);
    assert!(found.loaded.contains(&prefix.join("q/mod.so")) && found.missing.is_empty());
}

/// A root directory in which every directory of the configuration but the last holds a trap of the library's name.
#[cfg(unix)]
fn hostile_root(workshop: &Workshop) -> PathBuf {
    use std::os::unix::fs::symlink;
    let root = workshop.root().join("root");
    let place = |directory: &str| {
        let path = root.join(directory);
        fs::create_dir_all(&path).unwrap();
        path.join("libx.so.1")
    };
    symlink("libx.so.1", place("loop")).unwrap();
    symlink("/../../../../etc/passwd", place("outward")).unwrap();
    symlink("/absent/libx.so.1", place("dangling")).unwrap();
    fs::create_dir_all(place("directory")).unwrap();
    fs::write(place("text"), "INPUT ( -lx )\n").unwrap();
    fs::write(place("empty"), "").unwrap();
    fs::write(place("magic"), b"\x7fELF").unwrap();
    let sparse = fs::File::create(place("sparse")).unwrap();
    sparse.set_len(1 << 40).unwrap();
    let pipe = Command::new("mkfifo").arg(place("pipe")).status();
    assert!(pipe.unwrap().success());
    workshop.link(
        &root.join("opt/real/libx.so.1.5"),
        &Recipe { needs: vec!["libpriv.so".to_owned()], search: vec!["/opt/private".to_owned()], ..Recipe::default() },
    );
    workshop.link(&root.join("opt/private/libpriv.so"), &Recipe::default());
    symlink("/opt/real/libx.so.1.5", place("good")).unwrap();
    fs::create_dir_all(root.join("etc/ld.so.conf.d")).unwrap();
    fs::write(root.join("etc/ld.so.conf"), "include ld.so.conf.d/*.conf\n").unwrap();
    fs::write(
        root.join("etc/ld.so.conf.d/all.conf"),
        "/loop\n/outward\n/dangling\n/directory\n/text\n/empty\n/magic\n/sparse\n/pipe\n/good\n",
    )
    .unwrap();
    root
}

#[cfg(unix)]
#[test]
fn a_hostile_sysroot_is_passed_over_with_notes_and_links_stay_inside() {
    let Some(workshop) = Workshop::open() else { return };
    let root = hostile_root(&workshop);
    let ext = workshop.root().join("ext.so");
    workshop.link(&ext, &Recipe { needs: vec!["libx.so.1".to_owned()], ..Recipe::default() });
    let bytes = fs::read(&ext).unwrap();
    let image = format::inspect(&bytes).unwrap().remove(0);
    let symbols = format::symbols(&bytes, &image).unwrap();
    let binaries = [Binary::new("ext.so", "lib/ext.so", image, symbols)];
    let sysroot = Sysroot::new(&root).unwrap();
    let target = Target { platform: &Manylinux, arch: Arch::X86_64 };
    let universe = Universe::new(&binaries).with_source(System::sysroot(sysroot.clone()));
    let graph = resolve(&universe, target, &NothingOutside).unwrap();
    let tried: Vec<String> = graph.roots[0].edges[0].tried.iter().map(word).collect();
    assert_eq!(
        tried,
        [
            "/loop absent",
            "/outward absent",
            "/dangling absent",
            "/directory not a file",
            "/text unusable",
            "/empty unusable",
            "/magic unusable",
            "/sparse unusable",
            "/pipe not a file",
            "/good found",
        ]
    );
    let found: Vec<PathBuf> =
        graph.external_objects().map(|(_, object)| object.external_path().unwrap().to_owned()).collect();
    assert_eq!(found, [root.join("opt/real/libx.so.1.5"), root.join("opt/private/libpriv.so")]);

    // A `--lib-path` inside the root follows links as the root does, and reaches the same files.
    let folder = Folder::new(root.join("good"), Some(&sysroot)).unwrap();
    assert_eq!(folder.kind(), SourceKind::Folder);
    let universe = Universe::new(&binaries).with_source(folder).with_source(System::sysroot(sysroot));
    let graph = resolve(&universe, target, &NothingOutside).unwrap();
    let again: Vec<PathBuf> =
        graph.external_objects().map(|(_, object)| object.external_path().unwrap().to_owned()).collect();
    assert_eq!(again, found);
    assert_eq!(graph.object(graph.roots[0].scope[1]).source, SourceKind::Folder);
}

/// Returns an attempt's directory and what came of it.
fn word(attempt: &Attempt) -> String {
    let directory = attempt.path.rsplit_once('/').unwrap().0;
    let why = match &attempt.why {
        Why::Found => "found",
        Why::Absent => "absent",
        Why::NotAFile => "not a file",
        Why::Unusable(_) => "unusable",
        _ => "other",
    };
    format!("{directory} {why}")
}

/// Returns a wheel of these members, zipped here.
fn zipped(members: &[(&str, Vec<u8>)]) -> Wheel {
    use std::io::Write as _;
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in members {
        writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(content).unwrap();
    }
    let bytes = writer.finish().unwrap().into_inner();
    Wheel::from_bytes(Path::new("demo-1.0-cp311-cp311-linux_x86_64.whl"), bytes).unwrap()
}

#[test]
fn the_binaries_of_a_wheel_are_read_once_and_resolved_where_they_will_be_installed() {
    let broken = b"\x7fELF\x02\x01\x01 and no more".to_vec();
    let wheel = zipped(&[
        ("demo/__init__.py", b"".to_vec()),
        ("demo/notes.so", b"no binary at all".to_vec()),
        ("demo/broken.so", broken),
        ("demo/sub/_demo.so", fixture("elf/x86_64/_demo.so")),
        ("demo/libdemo.so.1", fixture("elf/x86_64/libdemo.so.1")),
        ("demo-1.0.data/platlib/demo/libdep.so.1", fixture("elf/x86_64/libdep.so.1")),
        ("demo-1.0.data/scripts/program", fixture("elf/x86_64/program")),
        ("demo-1.0.data/data/share/without_suffix", fixture("elf/aarch64/libdep.so.1")),
        ("demo-1.0.dist-info/WHEEL", b"Wheel-Version: 1.0\n".to_vec()),
    ]);
    let inventory = inspect_wheel(&wheel);
    let seen: Vec<_> = inventory
        .binaries
        .iter()
        .map(|binary| (binary.member.as_str(), binary.installed.as_str(), binary.role == Role::Data))
        .collect();
    assert_eq!(
        seen,
        [
            ("demo-1.0.data/data/share/without_suffix", "share/without_suffix", true),
            ("demo-1.0.data/platlib/demo/libdep.so.1", "lib/python3/site-packages/demo/libdep.so.1", false),
            ("demo-1.0.data/scripts/program", "bin/program", false),
            ("demo/libdemo.so.1", "lib/python3/site-packages/demo/libdemo.so.1", false),
            ("demo/sub/_demo.so", "lib/python3/site-packages/demo/sub/_demo.so", false),
        ]
    );
    assert!(inventory.binaries.iter().any(|binary| !binary.symbols.undefined.is_empty()));
    assert_eq!(inventory.unreadable.len(), 1);
    assert_eq!(inventory.unreadable[0].member, "demo/broken.so");

    let images = inventory.binaries.iter().map(|binary| (binary.member.as_str(), &*binary.image));
    let detection = detect(images, &["linux_x86_64".parse().unwrap()]);
    assert_eq!((detection.arch, detection.platform().name()), (Some(Arch::X86_64), "manylinux"));
    let target = Target { platform: detection.platform(), arch: Arch::X86_64 };
    let graph = resolve(&Universe::new(&inventory.binaries), target, &NothingOutside).unwrap();
    assert_eq!(graph.foreign.len(), 1);
    let dependency = graph.wheel_objects().find(|(_, object)| object.file_name() == "libdep.so.1").unwrap().0;
    assert_eq!(
        graph.chain(dependency),
        ["demo/sub/_demo.so", "demo/libdemo.so.1", "demo-1.0.data/platlib/demo/libdep.so.1"]
    );
    let program = graph.roots.iter().find(|root| graph.object(root.object).file_name() == "program").unwrap();
    assert_eq!(program.edges[0].resolution, Resolution::Missing);
    assert!(program.edges[0].elsewhere.is_some());
}
