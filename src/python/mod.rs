//! The Python that truewheel writes into wheels.

pub mod startup;

/// Returns the script that stands where a program stood and runs it from `program`, a path inside site-packages.
///
/// `#!python` is rewritten by installers (binary distribution format, "Recommended installer features"). The program
/// is looked for in the platlib folder first, then along `sys.path` (`pip install --user`, `--target`).
pub fn program_shim(program: &str) -> String {
    // A Python string literal: JSON's escapes are a subset of Python's, but quotes stand in the template.
    let quoted = serde_json::Value::from(program).to_string();
    let inner = quoted.get(1..quoted.len() - 1).unwrap_or_default();
    include_str!("program_shim.py").replace("@PROGRAM@", inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shim_names_the_program_and_keeps_its_shebang() {
        let text = program_shim("pkg.scripts/tool");
        assert!(text.starts_with("#!python\n"));
        assert!(text.contains("\"pkg.scripts/tool\""));
        assert!(!text.contains('@'));
    }
}
