//! Retagged wheels are read by `packaging`, installed by pip (and uv, where there is one) and used.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::skip;
use crate::support::wheel::WheelBuilder;
use crate::support::world::{World, run};

/// Returns the Python of a new environment, or says why there is none.
fn environment(world: &World) -> Option<PathBuf> {
    let made = Command::new("python3").args(["-m", "venv"]).arg(world.path("venv")).stdout(Stdio::null()).status();
    if !made.is_ok_and(|status| status.success()) {
        skip("no python3 with venv and pip here");
        return None;
    }
    Some(world.path("venv/bin/python"))
}

fn python(python: &Path, line: &str) -> String {
    let ran = run(Command::new(python).args(["-I", "-c", line]));
    assert_eq!(ran.status, Some(0), "{ran:#?}");
    ran.stdout.trim().to_owned()
}

/// Installs a wheel with pip and uses it; then, where there is a uv, once more with that.
fn install_and_use(world: &World, interpreter: &Path, wheel: &Path, line: &str, expected: &str) {
    let arguments = ["install", "--no-index", "--no-deps"];
    let mut pip = Command::new(interpreter);
    pip.args(["-m", "pip"]).args(arguments).args(["--quiet", "--force-reinstall", "--disable-pip-version-check"]);
    let installed = run(pip.arg(wheel));
    assert_eq!(installed.status, Some(0), "{installed:#?}");
    assert_eq!(python(interpreter, line), expected);
    let mut uv = Command::new("uv");
    uv.args(["pip"]).args(arguments).args(["--reinstall", "--offline", "--python"]).arg(interpreter).arg(wheel);
    uv.env("UV_CACHE_DIR", world.path("uv-cache")).stdout(Stdio::null());
    match uv.status() {
        Ok(status) => {
            assert!(status.success(), "uv installs {}", wheel.display());
            assert_eq!(python(interpreter, line), expected);
        }
        Err(_) => skip("no uv here"),
    }
}

/// What `packaging` reads of the file name and of WHEEL is the same set of tags, which is returned sorted.
fn tags_by_packaging(interpreter: &Path, wheel: &Path) -> String {
    let line = format!(
        "import zipfile; from pip._vendor.packaging.utils import parse_wheel_filename as p; \
         from pip._vendor.packaging.tags import parse_tag; path = {:?}; named = p(path.rsplit('/', 1)[1])[3]; \
         z = zipfile.ZipFile(path); text = z.read('demo-1.0.dist-info/WHEEL').decode(); \
         own = frozenset(t for l in text.splitlines() if l.startswith('Tag:') for t in parse_tag(l[4:].strip())); \
         assert own == named, (own, named); print(' '.join(sorted(map(str, named))))",
        wheel.to_str().unwrap()
    );
    python(interpreter, &line)
}

#[test]
fn a_library_for_ctypes_serves_every_python_after_auto() {
    let Some(world) = World::open() else { return };
    let Some(interpreter) = environment(&world) else { return };
    let library = fs::read(world.library("libanswer.so", "answer", "42", &[])).unwrap();
    let code =
        "import ctypes, os\nanswer = ctypes.CDLL(os.path.join(os.path.dirname(__file__), 'libanswer.so')).answer\n";
    let builder = WheelBuilder::new("cp39-cp39-linux_x86_64")
        .file("demo/__init__.py", code.as_bytes())
        .file("demo/libanswer.so", &library);
    let wheel = world.wheel(&builder);
    let written = world.run(&["retag", wheel.to_str().unwrap(), "-w", "out", "--auto"]).written();
    let written = world.path(written.to_str().unwrap());
    assert!(written.to_str().unwrap().contains("-py3-none-manylinux"), "{}", written.display());
    assert!(tags_by_packaging(&interpreter, &written).starts_with("py3-none-manylinux"));
    install_and_use(&world, &interpreter, &written, "import demo; print(demo.answer())", "42");
}

#[test]
fn a_module_for_the_stable_abi_is_installed_under_every_tag_it_claims() {
    let Some(world) = World::open() else { return };
    let Some(interpreter) = environment(&world) else { return };
    let version = python(&interpreter, "import sys; print('%d%d' % sys.version_info[:2])");
    let extension = world.extension("_demo", "42", &[]);
    let member = format!("demo/_demo.cpython-{version}-x86_64-linux-gnu.so");
    let builder = WheelBuilder::new(&format!("cp{version}-cp{version}-linux_x86_64"))
        .file("demo/__init__.py", b"")
        .file(&member, &extension);
    let wheel = world.wheel(&builder);
    let line = "from demo import _demo; print(_demo.answer(), _demo.__file__.rsplit('.', 2)[1])";
    let own = format!("cp{version}");
    for (python_tag, abi_tag) in [(own.as_str(), "abi3"), ("cp38.cp39", "abi3"), (&own, own.as_str())] {
        let tags = ["--python-tag", python_tag, "--abi-tag", abi_tag, "--platform-tag=manylinux_2_35_x86_64"];
        let more = ["retag", wheel.to_str().unwrap(), "-w", "out", "--rename-extensions", "--build=1"];
        let written = world.run(&[&more[..], &tags[..]].concat());
        let written = world.path(written.written().to_str().unwrap());
        let tags = tags_by_packaging(&interpreter, &written);
        assert!(tags.ends_with(&format!("-{abi_tag}-manylinux_2_35_x86_64")), "{tags}");
        let suffix = if abi_tag == "abi3" { "abi3".to_owned() } else { format!("cpython-{version}-x86_64-linux-gnu") };
        install_and_use(&world, &interpreter, &written, line, &format!("42 {suffix}"));
    }
}
