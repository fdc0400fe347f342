//! Findings about the Python side of a binary: TW501 to TW504.

use super::{BinaryKind, PythonAbi};
use crate::diagnostic::{Code, Diagnostic, Severity};

/// Whether extension modules may link libpython on the wheel's platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LibpythonRule {
    /// They may not: the interpreter is usually static, and a second one would be loaded.
    Forbidden,
    /// They must: Android's interpreter lives in it.
    Allowed,
}

/// Returns the findings about one binary of a wheel; `member` is its archive name.
pub fn diagnose(abi: &PythonAbi, member: &str, libpython: LibpythonRule) -> Vec<Diagnostic> {
    [linked(abi, libpython), inside(abi), narrow(abi), fpe(abi)]
        .into_iter()
        .flatten()
        .map(|diagnostic| diagnostic.member(member))
        .collect()
}

fn linked(abi: &PythonAbi, rule: LibpythonRule) -> Option<Diagnostic> {
    let name = abi.libpython.as_ref().filter(|_| rule == LibpythonRule::Forbidden && !abi.is_libpython)?;
    match abi.kind {
        BinaryKind::Object => None,
        // A program that embeds an interpreter cannot do without; whether it finds it is for the dependency graph.
        BinaryKind::Program => Some(
            Diagnostic::new(Code::TW501, format!("the program links `{name}`, which most Pythons do not install"))
                .at(Severity::Warning)
                .help("link the interpreter statically, or run the program by way of `python`"),
        ),
        BinaryKind::Extension | BinaryKind::Library => Some(
            Diagnostic::new(
                Code::TW501,
                format!("links `{name}`, which most Pythons do not install; the interpreter gives its symbols already"),
            )
            .help("link without libpython, or let `truewheel repair` remove the import"),
        ),
    }
}

fn inside(abi: &PythonAbi) -> Option<Diagnostic> {
    // A frozen program carries its interpreter rightly, and a libpython is one.
    (abi.kind == BinaryKind::Extension && abi.has_interpreter).then(|| {
        Diagnostic::new(
            Code::TW502,
            "exports `Py_Initialize`: it carries a static libpython, a second interpreter in the process",
        )
        .help("link the extension without `libpython*.a`")
    })
}

fn narrow(abi: &PythonAbi) -> Option<Diagnostic> {
    let name = abi.narrow_unicode.first()?;
    Some(
        Diagnostic::new(
            Code::TW503,
            format!(
                "needs `{name}`: built for a Python 2 with 2-byte Unicode strings, and Linux wheels are for 4-byte ones"
            ),
        )
        .help("build with a Python that was configured with `--enable-unicode=ucs4`"),
    )
}

fn fpe(abi: &PythonAbi) -> Option<Diagnostic> {
    let name = abi.fpe.first()?;
    Some(
        Diagnostic::new(
            Code::TW504,
            format!("needs `{name}`, which only a Python configured with `--with-fpectl` has, and none since 3.7"),
        )
        .help("build with a Python that was configured without `--with-fpectl`"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn abi(kind: BinaryKind) -> PythonAbi {
        PythonAbi {
            kind,
            entry_points: Vec::new(),
            suffix: None,
            libpython: None,
            is_libpython: false,
            has_interpreter: false,
            narrow_unicode: Vec::new(),
            fpe: Vec::new(),
        }
    }

    fn codes(abi: &PythonAbi, rule: LibpythonRule) -> Vec<(Code, Severity)> {
        diagnose(abi, "pkg/a.so", rule).into_iter().map(|found| (found.code, found.severity)).collect()
    }

    #[test]
    fn a_clean_extension_gives_no_finding() {
        assert_eq!(codes(&abi(BinaryKind::Extension), LibpythonRule::Forbidden), []);
    }

    #[test]
    fn libpython_is_an_error_in_extensions_and_a_warning_in_programs() {
        let linked = |kind| PythonAbi { libpython: Some("libpython3.so".into()), ..abi(kind) };
        let rule = LibpythonRule::Forbidden;
        assert_eq!(codes(&linked(BinaryKind::Extension), rule), [(Code::TW501, Severity::Error)]);
        assert_eq!(codes(&linked(BinaryKind::Library), rule), [(Code::TW501, Severity::Error)]);
        assert_eq!(codes(&linked(BinaryKind::Program), rule), [(Code::TW501, Severity::Warning)]);
        assert_eq!(codes(&linked(BinaryKind::Object), rule), []);
        assert_eq!(codes(&linked(BinaryKind::Extension), LibpythonRule::Allowed), []);
        // `libpython3.so` needs `libpython3.11.so.1.0`.
        assert_eq!(codes(&PythonAbi { is_libpython: true, ..linked(BinaryKind::Library) }, rule), []);
    }

    #[test]
    fn an_interpreter_is_wrong_in_an_extension_only() {
        let inside = |kind| PythonAbi { has_interpreter: true, ..abi(kind) };
        let rule = LibpythonRule::Forbidden;
        assert_eq!(codes(&inside(BinaryKind::Extension), rule), [(Code::TW502, Severity::Warning)]);
        assert_eq!(codes(&inside(BinaryKind::Program), rule), []);
        assert_eq!(codes(&inside(BinaryKind::Library), rule), []);
    }

    #[test]
    fn old_python_symbols_are_errors_that_name_the_member() {
        let old = PythonAbi {
            narrow_unicode: vec!["PyUnicodeUCS2_AsUTF8String".into()],
            fpe: vec!["PyFPE_jbuf".into()],
            ..abi(BinaryKind::Extension)
        };
        let found = diagnose(&old, "pkg/a.so", LibpythonRule::Forbidden);
        let codes: Vec<_> = found.iter().map(|diagnostic| diagnostic.code).collect();
        assert_eq!(codes, [Code::TW503, Code::TW504]);
        assert!(found.iter().all(|diagnostic| diagnostic.member.as_deref() == Some("pkg/a.so")));
    }
}
