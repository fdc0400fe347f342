//! A folder in which tests build libraries and wheels with this machine's C compiler, and run truewheel on them.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::skip;
use super::wheel::WheelBuilder;

/// `lib/` for libraries, `in/` for wheels, `out/` for results, and a compiler that works.
pub struct World {
    directory: TempDir,
}

/// What a run of truewheel left behind.
#[derive(Debug)]
pub struct Run {
    /// The exit status; `None` if it was killed.
    pub status: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    /// Returns the one path printed, after a run that must have succeeded.
    pub fn written(&self) -> PathBuf {
        assert_eq!(self.status, Some(0), "{self:#?}");
        let lines: Vec<&str> = self.stdout.lines().collect();
        assert_eq!(lines.len(), 1, "{self:#?}");
        PathBuf::from(lines[0])
    }
}

impl World {
    /// Returns `None`, and says so, where nothing can be compiled and loaded.
    pub fn open() -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        for folder in ["lib", "in", "out"] {
            std::fs::create_dir(directory.path().join(folder)).unwrap();
        }
        let compiler = Command::new("gcc").arg("--version").stdout(Stdio::null()).status();
        if !cfg!(all(target_os = "linux", target_arch = "x86_64")) || !compiler.is_ok_and(|status| status.success()) {
            skip("no gcc for x86_64 Linux here");
            return None;
        }
        Some(Self { directory })
    }

    /// Returns a path inside.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Compiles `source` to `file` with more arguments for gcc; `lib/` is where libraries are found.
    pub fn compile(&self, file: &str, source: &str, arguments: &[&str]) -> PathBuf {
        let out = self.path(file);
        std::fs::create_dir_all(out.parent().unwrap()).unwrap();
        let text = self.path("source.c");
        std::fs::write(&text, source).unwrap();
        let status = Command::new("gcc")
            .current_dir(self.directory.path())
            .args(["-Os", "-fPIC", "-s", "-o"])
            .args([&out, &text])
            .args(["-Llib", "-Wl,--allow-shlib-undefined", "-Wl,--no-as-needed"])
            .args(arguments)
            .status();
        assert!(status.unwrap().success(), "gcc {arguments:?}");
        out
    }

    /// Compiles a library `lib/<soname>` that exports `int NAME(void)` which returns `expression`.
    pub fn library(&self, soname: &str, function: &str, expression: &str, arguments: &[&str]) -> PathBuf {
        let identity = format!("-Wl,-soname,{soname}");
        let mut all = vec!["-shared", identity.as_str()];
        all.extend(arguments);
        self.compile(&format!("lib/{soname}"), &function_source(function, expression), &all)
    }

    /// Compiles the extension module `name`, whose `answer()` is `expression`, and returns its bytes.
    pub fn extension(&self, name: &str, expression: &str, arguments: &[&str]) -> Vec<u8> {
        let mut all = vec!["-shared"];
        all.extend(arguments);
        let path = self.compile(&format!("build/{name}.so"), &extension_source(name, expression), &all);
        std::fs::read(path).unwrap()
    }

    /// Writes a wheel into `in/`.
    pub fn wheel(&self, builder: &WheelBuilder) -> PathBuf {
        builder.write(&self.path("in"))
    }

    /// Returns `truewheel` with these arguments, to be run here with a bare environment.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_truewheel"));
        command.current_dir(self.directory.path()).env_clear().stdin(Stdio::null()).args(arguments);
        command
    }

    /// Runs truewheel here.
    pub fn run(&self, arguments: &[&str]) -> Run {
        run(&mut self.command(arguments))
    }

    /// Repairs a wheel with the libraries of `lib/` into `out/`.
    pub fn repair(&self, wheel: &Path, arguments: &[&str]) -> Run {
        let mut all = vec!["repair", wheel.to_str().unwrap(), "--lib-path", "lib", "-w", "out"];
        all.extend(arguments);
        self.run(&all)
    }

    /// Returns the names in a folder, sorted.
    pub fn names(&self, folder: &str) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(self.path(folder))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

/// Runs a command and collects what it says.
pub fn run(command: &mut Command) -> Run {
    let output = command.output().unwrap();
    Run {
        status: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Returns C text of `int NAME(void)`; names called in `expression` are declared.
pub fn function_source(name: &str, expression: &str) -> String {
    format!("{}int {name}(void) {{ return {expression}; }}\n", declarations(expression))
}

/// Declares each `name()` of an expression.
fn declarations(expression: &str) -> String {
    let calls = expression.split("()").map(|before| {
        let start = before.rfind(|c: char| !c.is_ascii_alphanumeric() && c != '_').map_or(0, |at| at + 1);
        &before[start..]
    });
    let count = expression.matches("()").count();
    calls.take(count).map(|name| format!("extern int {name}(void);\n")).collect()
}

/// Returns C text of an extension module whose `answer()` is `expression`; no header of Python's is needed.
fn extension_source(name: &str, expression: &str) -> String {
    // The layout of `PyMethodDef` and `PyModuleDef` is part of the stable ABI (PEP 384).
    format!(
        r#"{declarations}
typedef struct {{ const char *name; void *call; int flags; const char *doc; }} Method;
typedef struct {{
    long count; void *type; void *init; long index; void *copy;
    const char *name; const char *doc; long size; Method *methods; void *more[4];
}} Definition;
extern void *PyModule_Create2(Definition *, int);
extern void *PyLong_FromLong(long);
static void *answer(void *self, void *unused) {{ return PyLong_FromLong({expression}); }}
static Method methods[] = {{ {{ "answer", answer, 4, 0 }}, {{ 0, 0, 0, 0 }} }};
static Definition definition = {{ 1, 0, 0, 0, 0, "{name}", 0, -1, methods, {{ 0, 0, 0, 0 }} }};
void *PyInit_{name}(void) {{ return PyModule_Create2(&definition, 3); }}
"#,
        declarations = declarations(expression)
    )
}

/// The tag of a wheel that was built on this machine and not repaired.
pub const HERE: &str = "cp311-cp311-linux_x86_64";

/// Builds a wheel of one extension module that needs `libone.so.1`, which needs `libtwo.so.1`; its `answer()` is 42.
pub fn chain(world: &World) -> PathBuf {
    world.library("libtwo.so.1", "two", "40", &[]);
    world.library("libone.so.1", "one", "two() + 2", &["-l:libtwo.so.1"]);
    let extension = world.extension("_demo", "one()", &["-l:libone.so.1"]);
    world.wheel(&WheelBuilder::new(HERE).file("demo/__init__.py", b"").file("demo/_demo.so", &extension))
}
