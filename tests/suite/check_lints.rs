//! What `check` says of contents, and where it says nothing: each rule's bounds.

use truewheel::audit::{AuditOptions, Depth, audit_wheel};
use truewheel::diagnostic::{Code, Diagnostic, Severity};
use truewheel::wheel::Wheel;

use crate::support::elf::ElfSpec;
use crate::support::wheel::{Entry, WheelBuilder};

/// What is found of one code.
fn findings(builder: &WheelBuilder, code: Code) -> Vec<Diagnostic> {
    let wheel = Wheel::from_bytes(builder.file_name().as_ref(), builder.build()).unwrap();
    let report = audit_wheel(&wheel, &AuditOptions::default(), Depth::Everything).unwrap();
    let found = report.diagnostics.into_iter().map(|finding| finding.diagnostic);
    found.filter(|finding| finding.code == code).collect()
}

/// The level at which a wheel has a finding.
fn level(builder: &WheelBuilder, code: Code) -> Option<Severity> {
    findings(builder, code).first().map(|finding| finding.severity)
}

fn pure() -> WheelBuilder {
    WheelBuilder::new("py3-none-any").file("demo/__init__.py", b"")
}

fn native() -> WheelBuilder {
    let library = ElfSpec { needed: vec![b"libc.so.6"], ..ElfSpec::default() };
    WheelBuilder::new("py3-none-manylinux_2_17_x86_64").file("demo/libdemo.so", &library.build())
}

fn metadata(more: &str) -> Option<String> {
    Some(format!("Metadata-Version: 2.5\nName: demo\nVersion: 1.0\n{more}"))
}

/// Asserts of each wheel whether, and how, the finding is made.
fn judged(code: Code, cases: Vec<(&str, WheelBuilder, Option<Severity>)>) {
    for (what, builder, wanted) in cases {
        assert_eq!(level(&builder, code), wanted, "{code}: {what}");
    }
}

const NOTE: Option<Severity> = Some(Severity::Note);
const WARNING: Option<Severity> = Some(Severity::Warning);

#[test]
fn modes_mean_nothing_on_windows() {
    let odd = |tags: &str| {
        let mut wheel = WheelBuilder::new(tags).file("demo/data.txt", b"data");
        wheel.entries.iter_mut().for_each(|entry| entry.mode = 0o100_666);
        wheel
    };
    judged(
        Code::TW114,
        vec![
            ("any", odd("py3-none-any"), WARNING),
            ("Windows", odd("py3-none-win_amd64"), None),
            ("Windows among others", odd("py3-none-win_amd64.manylinux_2_17_x86_64"), WARNING),
        ],
    );
}

#[test]
fn what_developers_use_is_told_unless_it_is_where_it_belongs() {
    judged(
        Code::TW646,
        vec![
            ("a header", pure().file("demo/a.h", b""), NOTE),
            ("a header of the scheme for them", pure().file("demo-1.0.data/headers/a.h", b""), None),
            ("an import library", pure().file("demo/_core.LIB", b""), NOTE),
            ("generated C", pure().file("demo/_core.c", b""), NOTE),
            ("a licence of dist-info", pure().file("demo-1.0.dist-info/licenses/a.h", b""), None),
            ("Python and data", pure().file("demo/a.json", b""), None),
        ],
    );
    let debug = |size: usize| pure().entry(Entry { method: 0, ..Entry::new("demo/a.pdb", &vec![0; size]) });
    judged(
        Code::TW645,
        vec![
            ("little", debug(100), NOTE),
            ("much", debug(4 << 20), WARNING),
            ("a folder of dSYM", pure().file("demo/a.dSYM/Contents/Info.plist", b"x"), NOTE),
            ("none", native(), None),
        ],
    );
}

#[test]
fn copies_are_told_if_they_are_large() {
    let twice = |size: usize| pure().file("demo/a.bin", &vec![1; size]).file("demo/b.bin", &vec![1; size]);
    judged(
        Code::TW644,
        vec![
            ("large", twice(64 << 10), NOTE),
            ("small", twice((64 << 10) - 1), None),
            ("as large and different", pure().file("a.bin", &[1; 70_000]).file("b.bin", &[2; 70_000]), None),
        ],
    );
}

#[test]
fn names_of_modules_are_held_against_what_is_installed() {
    let importing = |more: &str| WheelBuilder { metadata: metadata(more), ..pure() };
    judged(
        Code::TW647,
        vec![
            ("there", importing("Import-Name: demo\n"), None),
            ("private and there", importing("Import-Name: demo ; private\n"), None),
            ("not there", importing("Import-Name: demo.more\n"), WARNING),
            ("none at all, on purpose", importing("Import-Name:\n"), None),
            ("a namespace that is not there", importing("Import-Namespace: other\n"), WARNING),
            ("under .data", importing("Import-Name: more\n").file("demo-1.0.data/purelib/more.py", b""), None),
        ],
    );
    judged(
        Code::TW651,
        vec![
            ("a hyphen", pure().file("demo-x/__init__.py", b""), WARNING),
            ("a digit first", pure().file("2demo/__init__.py", b""), WARNING),
            ("a folder of data", pure().file("demo-x/a.txt", b""), None),
            ("letters of another script", pure(), None),
        ],
    );
    let empty = || WheelBuilder::new("py3-none-any");
    judged(
        Code::TW650,
        vec![
            ("empty", empty(), WARNING),
            ("a project that only depends", WheelBuilder { metadata: metadata("Requires-Dist: x\n"), ..empty() }, None),
            ("programs alone", empty().file("demo-1.0.data/scripts/demo", b""), None),
        ],
    );
}

#[test]
fn a_tag_for_one_platform_wants_a_reason() {
    let tagged = || WheelBuilder::new("py3-none-win_amd64");
    judged(
        Code::TW649,
        vec![
            ("Python alone", tagged().file("demo/__init__.py", b""), WARNING),
            ("for any platform", pure(), None),
            ("a library", native(), None),
            ("a static library", tagged().file("demo/demo.lib", b""), None),
            ("bytecode alone", tagged().file("demo/__init__.pyc", b""), None),
        ],
    );
}

#[test]
fn tags_of_webassembly_are_known_and_not_judged() {
    let tagged = |platform: &str| WheelBuilder::new(&format!("cp314-cp314-{platform}")).file("demo/a.wasm", b"");
    let pypi = "pyemscripten_2026_0_wasm32";
    let (old, older, wasi) = ("pyodide_2024_0_wasm32", "emscripten_4_0_9_wasm32", "wasi_0_0_0_wasm32");
    let unknown = "beos_5_0_x86";
    judged(
        Code::TW641,
        vec![("taken", tagged(pypi), None), ("old", tagged(old), WARNING), ("older", tagged(older), WARNING)],
    );
    let error = Some(Severity::Error);
    judged(
        Code::TW615,
        vec![("taken", tagged(pypi), None), ("WASI", tagged(wasi), None), ("BeOS", tagged(unknown), error)],
    );
}

#[test]
fn the_text_of_a_copyleft_licence_is_looked_for() {
    let gmp = ElfSpec { soname: Some(b"libgmp.so.10"), ..ElfSpec::default() }.build();
    let with = || native().file("demo.libs/libgmp-1a2b3c4d.so.10", &gmp);
    let text = b"GNU Lesser General Public License\nVersion 3\n";
    judged(
        Code::TW648,
        vec![
            ("no text", with(), WARNING),
            ("another text", with().file("demo-1.0.dist-info/licenses/LICENSE", b"MIT"), WARNING),
            ("its text", with().file("demo-1.0.dist-info/licenses/COPYING.LESSER", text), None),
            ("in the package", with().file("demo/licences/gmp.txt", text), None),
            ("its text under a name that says nothing", with().file("demo/a.txt", text), WARNING),
            ("no such library", native(), None),
        ],
    );
}

#[test]
fn files_among_bills_of_materials_are_looked_at() {
    let bom = |name: &str, bytes: &[u8]| pure().file(&format!("demo-1.0.dist-info/sboms/{name}"), bytes);
    let files = "{}, ".repeat(40_000);
    let sorted =
        format!("{{\"SPDXID\": \"SPDXRef-DOCUMENT\", \"files\": [{files}{{}}], \"spdxVersion\": \"SPDX-2.3\"}}");
    judged(
        Code::TW652,
        vec![
            ("CycloneDX", bom("a.cdx.json", b"{\"bomFormat\": \"CycloneDX\"}"), None),
            ("CycloneDX in XML", bom("a.xml", b"<bom xmlns=\"http://cyclonedx.org/schema/bom/1.6\">"), None),
            ("SPDX 2", bom("a.spdx.json", b"{\"spdxVersion\": \"SPDX-2.3\"}"), None),
            ("SPDX 2 with sorted keys", bom("a.spdx.json", sorted.as_bytes()), None),
            ("SPDX in lines", bom("a.spdx", b"SPDXVersion: SPDX-2.3\n"), None),
            ("something else", bom("a.txt", b"text"), WARNING),
        ],
    );
}

#[test]
fn names_and_tags_have_a_normal_form() {
    judged(
        Code::TW643,
        vec![
            ("unsorted", WheelBuilder::new("py3.py2-none-any"), NOTE),
            ("twice", WheelBuilder::new("py3.py3-none-any"), NOTE),
            ("sorted", WheelBuilder::new("py2.py3-none-any"), None),
        ],
    );
    let only_three = metadata("Classifier: Programming Language :: Python :: 3 :: Only\n");
    judged(
        Code::TW636,
        vec![
            (
                "Python 2 beside 3 only",
                WheelBuilder { metadata: only_three.clone(), ..WheelBuilder::new("py2.py3-none-any") },
                WARNING,
            ),
            ("3 only", WheelBuilder { metadata: only_three, ..pure() }, None),
        ],
    );
    judged(
        Code::TW631,
        vec![
            ("a file among the modules", pure().file("README.md", b""), WARNING),
            ("a module", pure().file("more.py", b"").file("more.pth", b"demo\n"), None),
            ("a library with its version", native().file("libdemo.so.1", b""), None),
            ("the developer's modules", pure().file("demo/node_modules/a/b.js", b""), WARNING),
            ("Node's own modules", pure().file("demo/lib/node_modules/npm/a.js", b""), None),
            ("a file of that name", pure().file("demo/node_modules", b""), None),
        ],
    );
}

#[test]
fn a_folder_of_the_developers_is_told_once() {
    let folder =
        |name: &str, count: usize| (0..count).fold(pure(), |wheel, file| wheel.file(&format!("{name}/{file}.js"), b""));
    let told = findings(&folder("demo/node_modules/a", 1000), Code::TW631);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].message.contains("999 more members"), "{told:?}");
}

#[test]
fn headers_of_the_archive_are_looked_at() {
    let dated = |date: u16| pure().entry(Entry { date, ..Entry::new("demo/a.txt", b"") });
    let script = |mode: u32| pure().entry(Entry { mode, ..Entry::new("demo-1.0.data/scripts/demo", b"") });
    let windows = WheelBuilder { entries: script(0o100_644).entries, ..WheelBuilder::new("py3-none-win32") };
    judged(
        Code::TW116,
        vec![
            ("month 0", dated(0x01), WARNING),
            ("1980", dated(0x21), None),
            ("no present is given", dated(0xff9f), None),
        ],
    );
    judged(
        Code::TW114,
        vec![
            ("a program that nobody may run", script(0o100_644), WARNING),
            ("a program", script(0o100_755), None),
            ("no bits", script(0), None),
            ("Windows", windows, None),
        ],
    );
    let licence = "demo-1.0.dist-info/licenses/LICENSE";
    judged(
        Code::TW117,
        vec![
            ("dist-info last", pure().file(licence, b""), None),
            ("a member behind it", pure().file(licence, b"").file("demo/a.py", b""), NOTE),
        ],
    );
    let composed = |tags: &str| {
        let utf8 = |name: &str| Entry { flags: 1 << 11, ..Entry::new(name, b"") };
        WheelBuilder::new(tags).entry(utf8("demo/caf\u{e9}.py")).entry(utf8("demo/cafe\u{301}.py"))
    };
    let error = Some(Severity::Error);
    judged(
        Code::TW113,
        vec![
            ("one name on macOS", composed("py3-none-any"), error),
            ("two on Linux", composed("py3-none-linux_x86_64"), WARNING),
        ],
    );
    judged(Code::TW118, vec![("not ASCII", composed("py3-none-any"), WARNING), ("ASCII", pure(), None)]);
}

#[test]
fn headers_of_text_members_are_looked_at() {
    let wheel_file =
        |change: &dyn Fn(String) -> String| WheelBuilder { wheel_file: pure().wheel_file.map(change), ..pure() };
    judged(
        Code::TW609,
        vec![
            ("a header twice", wheel_file(&|text| text + "Wheel-Version: 1.0\n"), NOTE),
            ("no end of the last line", wheel_file(&|text| text.trim_end().to_owned()), NOTE),
            ("as it should be", pure(), None),
        ],
    );
    let field = |more: &str| WheelBuilder { metadata: metadata(more), ..pure() };
    judged(
        Code::TW638,
        vec![
            ("a plain field", field("Summary: a\nClassifier: Typing :: Typed\n"), None),
            ("an unknown field", field("Colour: red\n"), WARNING),
            ("an unknown classifier", field("Classifier: Colour :: Red\n"), WARNING),
            ("an expression of SPDX", field("License-Expression: MIT AND (Apache-2.0 OR 0BSD)\n"), None),
            ("a licence that is none", field("License-Expression: Apache 2\n"), WARNING),
            ("an address that is none", field("Author-email: UNKNOWN\n"), WARNING),
            ("a requirement that cannot be read", field("Requires-Dist: a>=\n"), WARNING),
            ("versions that are none", field("Requires-Python: three\n"), WARNING),
        ],
    );
}
