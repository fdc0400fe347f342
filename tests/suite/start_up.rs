//! Start-up code as Python sees it: every shape of `__init__.py` compiles with it, and stays the same program.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use truewheel::python::startup::{LOWEST, Place, StartUp, is_patched, patched};

use super::support::{skip, testdata};

/// The Pythons at hand: on the path, and pyenv's.
fn pythons() -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = vec!["python3".into()];
    found.extend((8..20).map(|minor| format!("python3.{minor}").into()));
    let root = std::env::var_os("PYENV_ROOT").map(PathBuf::from);
    let root = root.or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".pyenv")));
    if let Some(entries) = root.and_then(|root| std::fs::read_dir(root.join("versions")).ok()) {
        found.extend(entries.flatten().map(|entry| entry.path().join("bin/python")));
    }
    let answers = |python: &PathBuf| {
        let question = "import sys; sys.exit(sys.version_info < (3, 8))";
        let asked =
            Command::new(python).args(["-I", "-c", question]).stdout(Stdio::null()).stderr(Stdio::null()).status();
        asked.is_ok_and(|status| status.success())
    };
    found.retain(answers);
    found
}

/// Beginnings of a file: what stands before the first ordinary statement.
const HEADS: &[&str] = &[
    "",
    "#!/usr/bin/env python\n",
    "# -*- coding: utf-8 -*-\n",
    "#!/usr/bin/env python\n# -*- coding: latin-1 -*-\n",
    "\n# a licence\n#\n# of some lines\n\n",
    "\x0c\n",
    "   \n\t\n",
    "\\\n\n",
    "  \\\n\t\n# a comment\n",
];

/// Docstrings and what looks like them, each with the end of its statement.
const TEXTS: &[&str] = &[
    "",
    "'doc'\n",
    "\"doc\"\n",
    "'''doc'''\n",
    "\"\"\"doc\n\nof lines; with 'quotes' and \\\"\"\" in it\n\"\"\"\n",
    "r'''raw \\''''\n",
    "R\"raw\\\"\"\n",
    "u'doc'\n",
    "U\"\"\"doc\"\"\"\n",
    "''\n",
    "\"\"\"\"\"\"\n",
    "'a' 'b'\n",
    "'a' \"b\" '''c\n'''\n",
    "'a' \\\n  'b'\n",
    "'a\\\nb'\n",
    "('doc')\n",
    "(\n    # a comment\n    'a'\n    'b'  # another\n)\n",
    "(('a'\n'b'))\n",
    "'doc'  # with a comment ' \"\"\"\n",
    "'doc' ; \n",
    "'doc';  # and a comment\n",
    "'doc'; ",
    "'''doc\n''' ;\t",
    "f'no docstring'\n",
    "b'no docstring'\n",
    "rb'no docstring'\n",
    "'no' + 'docstring'\n",
    "'no %s' % 'docstring'\n",
    "'no'.join([])\n",
    "'no', 'docstring'\n",
    "('no',)\n",
    "()\n",
    "\\\n'doc'\n",
];

/// Future statements.
const FUTURES: &[&str] = &[
    "",
    "from __future__ import annotations\n",
    "from __future__ import annotations as notes, division # why\n",
    "from __future__ import (annotations, division)\n",
    "from __future__ import(annotations)\n",
    "from __future__ import (\n    annotations,  # (\n    division,\n)\n",
    "from __future__ import annotations, \\\n    division\n",
    "from \\\n  __future__\\\n import annotations\n",
    "from __future__ import division\n\n# between\nfrom __future__ import annotations\n",
    "from __future__ import division; from __future__ import annotations\n",
    "from __future__ import annotations; ",
    "from\t__future__\timport\tannotations;\t\n",
];

/// What follows.
const TAILS: &[&str] = &[
    "",
    "x = 1",
    "x = 1\n",
    "\n\n\nx = 1; y = 2\n",
    "# a comment\nx = 1\n",
    "if True:\n\tx = 1\n",
    "'''a text that is no docstring'''\nx = 1\n",
    "class From: pass\nfrom os import path\n",
    "def _f():\n    'doc'\n\n@_f\ndef g(): pass\n",
];

/// A file as Python gets it: every combination of line end and byte order mark.
fn files() -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for (h, head) in HEADS.iter().enumerate() {
        for (t, text) in TEXTS.iter().enumerate() {
            for (f, future) in FUTURES.iter().enumerate() {
                let tail = TAILS[(h + 3 * t + 5 * f) % TAILS.len()];
                // What ends in `;` must go on in its line.
                let source = format!("{head}{text}{future}{tail}");
                let end = ["\n", "\r\n", "\r"][(h + t + f) % 3];
                let mark = if (h + t) % 4 == 0 && !head.contains("latin-1") { "\u{feff}" } else { "" };
                let source = format!("{mark}{source}").replace('\n', end);
                let mut bytes = source.into_bytes();
                if head.contains("latin-1") {
                    bytes.extend(end.bytes().chain(*b"z = '\xe9'"));
                }
                found.push((format!("{h} {t} {f} {end:?}"), bytes));
            }
        }
    }
    found
}

/// Bytes as JSON text, one character each.
fn latin(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

#[test]
fn every_shape_of_file_stays_the_same_program() {
    let pythons = pythons();
    if pythons.is_empty() {
        return skip("no Python from 3.8 on");
    }
    let folders: Vec<String> = ["../demo.libs", "bin"].map(str::to_owned).to_vec();
    let libraries = vec!["../demo.libs/b.dll".to_owned(), "bin/a.dll".to_owned(), "bin/absent.dll".to_owned()];
    let new = StartUp::new(folders.clone(), libraries.clone(), (3, 10));
    let old = StartUp::new(folders, libraries, LOWEST);
    let mut cases = Vec::new();
    for (number, (name, source)) in files().into_iter().enumerate() {
        let code = if number % 2 == 0 { &new } else { &old };
        let result = patched(&source, code, Place::Rules).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(is_patched(&result, code) && !is_patched(&source, code), "{name}");
        assert_eq!(patched(&result, code, Place::Rules).unwrap(), result, "{name}: a second time");
        // Running takes its time; some of each.
        let runs = number % 29 == 0 && name.ends_with("\"\\n\"") && latin(&source).contains("x = 1\n");
        cases.push(serde_json::json!([name, latin(&source), latin(&result), runs]));
    }
    assert!(cases.iter().any(|case| case[3] == true));
    let conda = patched(b"", &old, Place::Rules).unwrap();
    let task =
        serde_json::json!({"cases": cases, "folders": ["demo.libs", "pkg/bin"], "conda": latin(&conda)}).to_string();
    for python in pythons {
        let mut child = Command::new(&python)
            .args(["-I", "-W", "ignore"])
            .arg(testdata("python/check_start_up.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(task.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", python.display());
        let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let first: Vec<_> = said["wrong"].as_array().unwrap().iter().take(20).collect();
        assert!(first.is_empty(), "{}: {first:#?}", python.display());
        // The others are no Python before the code is put in either.
        assert!(said["compared"].as_u64().unwrap() > 1500, "{said}");
    }
}

#[test]
fn the_templates_are_formatted_python() {
    // Of what a formatter asks for, what can be told without one: no line over 88, spaces, double quotes.
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/python/startup");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "py") {
            seen += 1;
            for line in std::fs::read_to_string(&path).unwrap().lines() {
                assert!(
                    line.len() <= 88 && !line.contains('\t') && line.trim_end() == line,
                    "{}: {line}",
                    path.display()
                );
            }
        }
    }
    assert_eq!(seen, 2);
}
