//! The symbols of CPython's stable ABI, from `policies/python/stable_abi.tsv`: which version added each, and where.

use std::sync::LazyLock;

use crate::format::Format;

macro_rules! table {
    ($path:literal) => {
        include_str!(concat!("../../policies/", $path))
    };
}

const TABLE: &str = table!("python/stable_abi.tsv");

/// What an interpreter must be built for to export a symbol at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Condition {
    /// Windows.
    Windows,
    /// A system that has `fork`: all but Windows.
    Fork,
    /// A build that checks the stack: Windows alone.
    StackCheck,
    /// Threads with a native number: every system that wheels are for.
    NativeThreadId,
    /// A debug build.
    DebugBuild,
}

impl Condition {
    /// Returns true if release builds on the system that loads this format meet it.
    pub fn holds(self, format: Format) -> bool {
        match self {
            Condition::Windows | Condition::StackCheck => format == Format::Pe,
            Condition::Fork => format != Format::Pe,
            Condition::NativeThreadId => true,
            Condition::DebugBuild => false,
        }
    }

    /// Returns where the symbol is, as a phrase.
    pub fn phrase(self) -> &'static str {
        match self {
            Condition::Windows | Condition::StackCheck => "on Windows alone",
            Condition::Fork => "where there is `fork`, so not on Windows",
            Condition::NativeThreadId => "where threads have native numbers",
            Condition::DebugBuild => "in debug builds alone",
        }
    }
}

/// A symbol of the stable ABI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct StableSymbol {
    /// The minor version of Python 3 that added it.
    pub added: u16,
    /// Where it is at all; `None`: everywhere.
    pub condition: Option<Condition>,
}

/// Returns what the stable ABI says of a symbol; `None` if it is none of its symbols.
pub fn stable_symbol(name: &str) -> Option<StableSymbol> {
    static SYMBOLS: LazyLock<Vec<(&'static str, StableSymbol)>> = LazyLock::new(|| rows().collect());
    let at = SYMBOLS.binary_search_by(|(symbol, _)| (*symbol).cmp(name)).ok()?;
    SYMBOLS.get(at).map(|(_, symbol)| *symbol)
}

fn rows() -> impl Iterator<Item = (&'static str, StableSymbol)> {
    TABLE.lines().filter(|line| !line.starts_with('#')).skip(1).filter_map(|line| {
        let mut cells = line.split('\t');
        let (symbol, _kind) = (cells.next()?, cells.next()?);
        let added = cells.next()?.parse().ok()?;
        let condition = match cells.next()? {
            "MS_WINDOWS" => Some(Condition::Windows),
            "HAVE_FORK" => Some(Condition::Fork),
            "USE_STACKCHECK" => Some(Condition::StackCheck),
            "PY_HAVE_THREAD_NATIVE_ID" => Some(Condition::NativeThreadId),
            "Py_REF_DEBUG" => Some(Condition::DebugBuild),
            _ => None,
        };
        Some((symbol, StableSymbol { added, condition }))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_read_and_in_order() {
        let lines = TABLE.lines().filter(|line| !line.starts_with('#')).count() - 1;
        let symbols: Vec<&str> = rows().map(|(symbol, _)| symbol).collect();
        assert_eq!(symbols.len(), lines);
        assert!(symbols.windows(2).all(|pair| pair[0] < pair[1]));
        // PEP 384 began with a few hundred, and none ever goes.
        assert!(symbols.len() >= 968, "{}", symbols.len());
        assert!(symbols.iter().all(|symbol| symbol.starts_with("Py") || symbol.starts_with("_Py")));
    }

    #[test]
    fn versions_and_conditions_are_read() {
        let symbol = |name: &str| stable_symbol(name).unwrap();
        assert_eq!(symbol("PyList_New"), StableSymbol { added: 2, condition: None });
        assert_eq!(symbol("PyType_GetModule").added, 10);
        assert_eq!(symbol("PyExc_WindowsError").condition, Some(Condition::Windows));
        assert_eq!(symbol("PyOS_AfterFork_Child").condition, Some(Condition::Fork));
        assert_eq!(symbol("_Py_RefTotal").condition, Some(Condition::DebugBuild));
        assert_eq!(stable_symbol("PyUnicode_AsUTF8X"), None);
        assert_eq!(stable_symbol("PyFrame_New"), None);
    }

    #[test]
    fn every_condition_of_the_table_is_known() {
        let conditions: std::collections::BTreeSet<&str> = TABLE
            .lines()
            .filter(|line| !line.starts_with('#'))
            .skip(1)
            .filter_map(|line| line.split('\t').nth(3))
            .collect();
        let known = ["", "HAVE_FORK", "MS_WINDOWS", "PY_HAVE_THREAD_NATIVE_ID", "Py_REF_DEBUG", "USE_STACKCHECK"];
        assert_eq!(conditions.into_iter().collect::<Vec<_>>(), known);
    }

    #[test]
    fn windows_has_what_windows_has() {
        assert!(Condition::Windows.holds(Format::Pe) && !Condition::Windows.holds(Format::Elf));
        assert!(Condition::Fork.holds(Format::MachO) && !Condition::Fork.holds(Format::Pe));
        assert!(Condition::NativeThreadId.holds(Format::Elf) && !Condition::DebugBuild.holds(Format::Pe));
    }
}
