//! Tests of claims and of the widest tags, on wheels of a few words.

use super::{WheelAbi, claims, widest};
use crate::diagnostic::Severity;
use crate::load::synthetic;

const PLAIN: (&str, &str) = ("pkg/libfoo.so", "needs:libc.so.6");

fn abi(members: &[(&str, &str)]) -> WheelAbi {
    WheelAbi::of(&synthetic::wheel(members))
}

/// `CODE level member` of each finding.
fn found(tags: &str, members: &[(&str, &str)]) -> Vec<String> {
    said(tags, &abi(members))
}

fn said(tags: &str, wheel: &WheelAbi) -> Vec<String> {
    let tags = format!("{tags}-linux_x86_64").parse().unwrap();
    let line = |finding: crate::diagnostic::Diagnostic| {
        let level = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        };
        format!("{} {level} {}", finding.code, finding.member.unwrap_or_default())
    };
    claims(&tags, wheel).into_iter().map(line).collect()
}

fn message(tags: &str, members: &[(&str, &str)]) -> String {
    let tags = format!("{tags}-linux_x86_64").parse().unwrap();
    claims(&tags, &abi(members)).remove(0).message
}

/// The widest tags, `python-abi`.
fn best(tags: &str, members: &[(&str, &str)]) -> Option<String> {
    let tags = format!("{tags}-linux_x86_64").parse().unwrap();
    let join = |names: Vec<String>| names.join(".");
    widest(&tags, &abi(members)).map(|widest| {
        let pythons = join(widest.pythons.iter().map(ToString::to_string).collect());
        format!("{pythons}-{}", join(widest.abis.iter().map(ToString::to_string).collect()))
    })
}

#[test]
fn none_is_true_of_what_needs_no_python() {
    assert_eq!(found("py3-none", &[PLAIN, ("pkg/tool", "program")]), [""; 0]);
    // An interpreter that a program carries is its own.
    assert_eq!(found("py3-none", &[("pkg/tool", "program exports:Py_Initialize")]), [""; 0]);
    // What one binary of the wheel exports another may need.
    let own = [("pkg/liba.so", "wants:PyFoo_Bar"), ("pkg/libb.so", "exports:PyFoo_Bar")];
    assert_eq!(found("py3-none", &own), [""; 0]);
}

#[test]
fn none_is_untrue_of_modules_symbols_and_libpython() {
    for words in ["exports:PyInit_a", "exports:PyModExport_a", "exports:PyInitU_a", "exports:_cffi_pypyinit_a"] {
        assert_eq!(found("py3-none", &[PLAIN, ("pkg/a.so", words)]), ["TW508 error pkg/a.so"], "{words}");
    }
    assert_eq!(found("py3-none", &[("pkg/a.so", "wants:PyErr_Clear")]), ["TW508 error pkg/a.so"]);
    assert_eq!(found("py3-none", &[("pkg/a.so", "needs:libpython3.11.so.1.0")]), ["TW508 error pkg/a.so"]);
    assert_eq!(found("py3-none", &[("pkg/a.so", "wants-weakly:PyErr_Clear")]), ["TW508 warning pkg/a.so"]);
    // A program that is linked with libpython needs it as much.
    assert_eq!(found("py3-none", &[("pkg/a", "program needs:libpython3.11.so.1.0")]), ["TW508 error pkg/a"]);
    assert_eq!(found("py3-none", &[("pkg/a.o", "object wants:PyErr_Clear")]), [""; 0]);
}

#[test]
fn modules_for_several_pythons_or_for_an_interpreter_in_the_wheel_may_be_meant() {
    let several = [
        ("pkg/a.cpython-310-x86_64-linux-gnu.so", "exports:PyInit_a"),
        ("pkg/a.cpython-311-x86_64-linux-gnu.so", "exports:PyInit_a"),
    ];
    let warned = several.map(|(member, _)| format!("TW508 warning {member}"));
    assert_eq!(found("py3-none", &several), warned);
    let bundled = [("pkg/bin/python3", "program exports:Py_Initialize"), ("pkg/a.so", "exports:PyInit_a")];
    assert_eq!(found("py3-none", &bundled), ["TW508 warning pkg/a.so"]);
}

#[test]
fn a_suffix_without_module_is_doubtful_under_none() {
    let member = "pkg/_lib.cpython-311-x86_64-linux-gnu.so";
    assert_eq!(found("py3-none", &[(member, "")]), [format!("TW507 warning {member}")]);
}

#[test]
fn compiled_python_without_source_pins_a_version() {
    let members = ["pkg/a.pyc", "pkg/b.py", "pkg/b.pyc", "pkg/__pycache__/b.cpython-311.pyc"];
    let wheel = abi(&[PLAIN]).with_members(members);
    assert_eq!(wheel.bytecode, ["pkg/a.pyc"]);
    assert_eq!(said("py3-none", &wheel), ["TW508 warning pkg/a.pyc"]);
}

#[test]
fn abi3_is_held_against_the_table() {
    let module = |words: &'static str| [("pkg/a.abi3.so", words)];
    assert_eq!(found("cp37-abi3", &module("exports:PyInit_a wants:PyList_New")), [""; 0]);
    assert_eq!(found("cp310-abi3", &module("exports:PyInit_a wants:PyType_GetModule")), [""; 0]);
    let late = module("exports:PyInit_a wants:PyType_GetModule");
    assert_eq!(found("cp37-abi3", &late), ["TW506 error pkg/a.abi3.so"]);
    assert!(message("cp37-abi3", &late).contains("`PyType_GetModule`, which the stable ABI has only since 3.10"));
    // Of a set the lowest version counts.
    assert_eq!(found("cp37.cp310-abi3", &late), ["TW506 error pkg/a.abi3.so"]);
    assert_eq!(found("cp37-abi3", &module("exports:PyInit_a wants:_PyList_Extend")), ["TW505 error pkg/a.abi3.so"]);
    assert_eq!(found("cp37-abi3", &module("exports:PyInit_a wants-weakly:_PyList_Extend")), [""; 0]);
    // Its own functions are not Python's, whatever their name.
    let own = "exports:PyInit_a exports:PyErr_SetFromOSErrnoWithSyscall wants:PyErr_SetFromOSErrnoWithSyscall";
    assert_eq!(found("cp36-abi3", &[("pkg/a.abi3.so", own)]), [""; 0]);
}

#[test]
fn conditions_of_the_table_are_the_platform_s() {
    let unix = [("pkg/a.abi3.so", "exports:PyInit_a wants:PyExc_WindowsError")];
    assert_eq!(found("cp37-abi3", &unix), ["TW505 error pkg/a.abi3.so"]);
    let windows = [("pkg/a.pyd", "format:pe exports:PyInit_a wants:PyExc_WindowsError needs:python3.dll")];
    assert_eq!(found("cp37-abi3", &windows), [""; 0]);
    let fork = [("pkg/a.pyd", "format:pe exports:PyInit_a wants:PyOS_AfterFork_Child needs:python3.dll")];
    assert_eq!(found("cp37-abi3", &fork), ["TW505 error pkg/a.pyd"]);
}

#[test]
fn abi3_needs_names_that_every_version_imports() {
    let module = [("pkg/a.cpython-312-x86_64-linux-gnu.so", "exports:PyInit_a wants:PyList_New")];
    assert_eq!(found("cp312-abi3", &module), ["TW507 error pkg/a.cpython-312-x86_64-linux-gnu.so"]);
    assert_eq!(found("cp312-cp312", &module), [""; 0]);
    // What is for one version alone, beside a file for all, needs no stable ABI; but nobody imports it.
    let both = [
        ("pkg/a.abi3.so", "exports:PyInit_a wants:PyList_New"),
        ("pkg/a.cpython-312-x86_64-linux-gnu.so", "exports:PyInit_a wants:_PyList_Extend"),
    ];
    assert_eq!(found("cp38-abi3", &both), ["TW507 warning pkg/a.cpython-312-x86_64-linux-gnu.so"]);
    let late = [("pkg/a.abi3-x86_64-linux-gnu.so", "exports:PyInit_a")];
    assert_eq!(found("cp314-abi3", &late), ["TW507 error pkg/a.abi3-x86_64-linux-gnu.so"]);
    assert_eq!(found("cp315-abi3", &late), [""; 0]);
}

#[test]
fn a_static_type_is_doubted() {
    let words = "exports:PyInit_a wants:PyType_Ready wants:PyModule_Create2";
    assert_eq!(found("cp37-abi3", &[("pkg/a.abi3.so", words)]), ["TW511 warning pkg/a.abi3.so"]);
    let heap = format!("{words} wants:PyType_FromSpec");
    assert_eq!(found("cp37-abi3", &[("pkg/a.abi3.so", &heap)]), [""; 0]);
}

#[test]
fn windows_modules_name_the_dll_of_their_python() {
    let module = |dll: &str| format!("format:pe exports:PyInit_a needs:{dll}");
    let of = |tags: &str, file: &str, dll: &str| found(tags, &[(file, &module(dll))]);
    assert_eq!(of("cp312-cp312", "a.cp312-win_amd64.pyd", "python312.dll"), [""; 0]);
    assert_eq!(of("cp312-cp312", "a.pyd", "PYTHON3.dll"), [""; 0]);
    assert_eq!(of("cp312-cp312", "a.pyd", "python311.dll"), ["TW509 error a.pyd"]);
    assert_eq!(of("cp312-cp312", "a.pyd", "python312_d.dll"), ["TW509 error a.pyd"]);
    assert_eq!(of("cp38-abi3", "a.pyd", "python312.dll"), ["TW509 error a.pyd"]);
    assert_eq!(of("cp38-abi3", "a.pyd", "python3t.dll"), ["TW509 error a.pyd"]);
    assert_eq!(of("cp313-cp313t", "a.cp313t-win_amd64.pyd", "python313t.dll"), [""; 0]);
    assert_eq!(of("cp313-cp313t", "a.pyd", "python313.dll"), ["TW509 error a.pyd"]);
    assert_eq!(of("pp311-pypy311_pp73", "a.pypy311-pp73-win_amd64.pyd", "libpypy3.11-c.dll"), [""; 0]);
    assert_eq!(of("pp311-pypy311_pp73", "a.pyd", "python311.dll"), ["TW509 error a.pyd"]);
    // Elsewhere the interpreter gives the symbols, and TW501 tells of a libpython.
    assert_eq!(found("cp312-cp312", &[("a.so", "exports:PyInit_a needs:libpython3.11.so.1.0")]), [""; 0]);
}

#[test]
fn abi3t_has_entry_points_of_its_own() {
    let module = |words: &'static str| [("pkg/a.abi3t.so", words)];
    assert_eq!(found("cp315-abi3.abi3t", &module("exports:PyInit_a exports:PyModExport_a wants:PyList_New")), [""; 0]);
    assert_eq!(found("cp315-abi3t", &module("exports:PyInit_a")), ["TW510 error pkg/a.abi3t.so"]);
    assert_eq!(found("cp315-abi3t", &[("pkg/a.abi3.so", "exports:PyModExport_a")]), ["TW507 error pkg/a.abi3.so"]);
    let windows = |dll: &str| format!("format:pe exports:PyModExport_a needs:{dll}");
    assert_eq!(found("cp315-abi3.abi3t", &[("pkg/a.pyd", &windows("python3t.dll"))]), [""; 0]);
    assert_eq!(found("cp315-abi3.abi3t", &[("pkg/a.pyd", &windows("python3.dll"))]), ["TW509 error pkg/a.pyd"]);
}

#[test]
fn a_version_s_tag_is_held_against_names() {
    let module = |file: &'static str| [(file, "exports:PyInit_a")];
    let file = "a.cpython-311-x86_64-linux-gnu.so";
    assert_eq!(found("cp311-cp311", &module(file)), [""; 0]);
    assert_eq!(found("cp312-cp312", &module(file)), [format!("TW507 error {file}")]);
    assert_eq!(found("cp311-cp311", &module("a.abi3.so")), [""; 0]);
    assert_eq!(found("cp313-cp313t", &module("a.abi3.so")), ["TW507 error a.abi3.so"]);
    assert_eq!(found("cp313-cp313t", &module("a.cpython-313-darwin.so")), ["TW507 error a.cpython-313-darwin.so"]);
    let two = [
        ("a.cpython-310-x86_64-linux-gnu.so", "exports:PyInit_a"),
        ("a.cpython-311-x86_64-linux-gnu.so", "exports:PyInit_a"),
    ];
    assert_eq!(found("cp310.cp311-cp310.cp311", &two), [""; 0]);
}

#[test]
fn dead_pairs_claim_nothing() {
    assert_eq!(found("py3-abi3", &[("pkg/a.abi3.so", "exports:PyInit_a wants:_PyList_Extend")]), [""; 0]);
}

#[test]
fn the_widest_is_none_where_nothing_needs_python() {
    assert_eq!(best("cp311-cp311", &[PLAIN]).as_deref(), Some("py3-none"));
    assert_eq!(best("cp39-abi3", &[PLAIN]).as_deref(), Some("py3-none"));
    assert_eq!(best("py2.py3-none", &[PLAIN]).as_deref(), Some("py2.py3-none"));
    assert_eq!(best("py38-none", &[PLAIN]).as_deref(), Some("py38-none"));
    assert_eq!(best("cp39-none", &[PLAIN]).as_deref(), Some("py3-none"));
}

#[test]
fn a_library_s_name_may_be_for_some_pythons_alone() {
    let file = "pkg/_lib.cpython-311-x86_64-linux-gnu.so";
    assert_eq!(best("cp311-cp311", &[(file, "")]).as_deref(), Some("cp311-cp311"));
    assert_eq!(best("cp39-abi3", &[("pkg/_lib.abi3.so", "")]).as_deref(), Some("cp39-abi3"));
    let tags = "cp311-cp311-linux_x86_64".parse().unwrap();
    let renamed = widest(&tags, &abi(&[(file, "")]).with_plain_names()).unwrap();
    assert_eq!(renamed.proof, "1 binary, no Python symbol, no entry point, no libpython");
}

#[test]
fn one_module_is_enough_to_refuse_none() {
    let members = [PLAIN, ("pkg/a.cpython-311-x86_64-linux-gnu.so", "exports:PyInit_a")];
    assert_eq!(best("cp311-cp311", &members).as_deref(), Some("cp311-cp311"));
    let tags = "py3-none-linux_x86_64".parse().unwrap();
    let widest = widest(&tags, &abi(&members)).unwrap();
    assert_eq!(widest.pythons[0].to_string(), "cp311");
    assert_eq!(widest.why_not, ["`pkg/a.cpython-311-x86_64-linux-gnu.so` exports `PyInit_a`"]);
    // Nothing says which Python a plain name is for.
    assert_eq!(best("py3-none", &[("pkg/a.so", "exports:PyInit_a")]), None);
}

#[test]
fn abi3_is_proposed_where_it_is_declared_and_true() {
    let module = |words: &'static str| [("pkg/a.abi3.so", words)];
    assert_eq!(best("cp311-cp311", &module("exports:PyInit_a wants:PyList_New")).as_deref(), Some("cp311-abi3"));
    assert_eq!(best("cp38-abi3", &module("exports:PyInit_a wants:PyList_New")).as_deref(), Some("cp38-abi3"));
    // A tag that is too low is raised.
    assert_eq!(best("cp37-abi3", &module("exports:PyInit_a wants:PyType_GetModule")).as_deref(), Some("cp310-abi3"));
    assert_eq!(best("cp311-cp311", &module("exports:PyInit_a wants:_PyList_Extend")).as_deref(), Some("cp311-cp311"));
    let file = "pkg/a.cpython-311-x86_64-linux-gnu.so";
    assert_eq!(best("cp311-cp311", &[(file, "exports:PyInit_a wants:PyList_New")]).as_deref(), Some("cp311-cp311"));
    let windows = [("a.pyd", "format:pe exports:PyInit_a needs:python3.dll wants:PyList_New")];
    assert_eq!(best("cp311-cp311", &windows).as_deref(), Some("cp311-abi3"));
    let windows = [("a.pyd", "format:pe exports:PyInit_a needs:python311.dll wants:PyList_New")];
    assert_eq!(best("py3-none", &windows).as_deref(), Some("cp311-cp311"));
}

#[test]
fn abi3t_stands_beside_abi3() {
    let module = [("a.abi3t.so", "exports:PyInit_a exports:PyModExport_a wants:PyList_New")];
    assert_eq!(best("cp315-cp315", &module).as_deref(), Some("cp315-abi3.abi3t"));
}

#[test]
fn other_implementations_are_named_by_their_suffix() {
    let pypy = [("a.pypy311-pp73-x86_64-linux-gnu.so", "exports:_cffi_pypyinit_a")];
    assert_eq!(best("py3-none", &pypy).as_deref(), Some("pp311-pypy311_pp73"));
    let graal = [("a.graalpy250-312-native-x86_64-linux.so", "exports:PyInit_a")];
    assert_eq!(best("py3-none", &graal).as_deref(), Some("graalpy312-graalpy250_312_native"));
}
