//! Does the binary need a symbol that the policy denies?

use crate::diagnostic::Code;
use crate::format::symbols::name_hash;
use crate::policy::judge::Case;
use crate::policy::needs::exported_in;
use crate::policy::reason::Requirement;

/// Refuses symbols that not every machine of the policy has in a library that it gives.
///
/// A symbol counts if it must resolve, the binary imports the library itself, and nothing of the wheel that is loaded
/// with it exports the symbol. Every binary is asked, vendored ones too.
pub(super) fn rule(case: &mut Case<'_, '_>, place: usize) {
    let binary = case.binary(place);
    for (library, symbols) in &case.policy.denied {
        if !binary.links.iter().any(|link| link.name == library && case.given(link)) {
            continue;
        }
        for symbol in symbols {
            let Some(found) = binary.needs.strong(&binary.symbols.undefined, symbol) else { continue };
            let version = found.version.and_then(|version| binary.symbols.versions.get(usize::from(version)));
            if version.is_some_and(|version| version.library != *library) || provided(case, place, symbol) {
                continue;
            }
            let symbols = [symbol.clone()].into();
            case.because(place, Code::TW403, Requirement::Denied { library: library.clone(), symbols });
        }
    }
}

/// Whether under every root that loads the binary something of the wheel exports the symbol.
fn provided(case: &Case<'_, '_>, place: usize, symbol: &str) -> bool {
    let scopes = &case.binary(place).scopes;
    let symbol = name_hash(symbol.as_bytes());
    !scopes.is_empty()
        && scopes.iter().all(|scope| exported_in(case.subject, *scope, symbol, |other| case.counted.has(other)))
}
