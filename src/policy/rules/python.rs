//! Is the binary for the Pythons that the tag's machines have?

use crate::abi;
use crate::diagnostic::Code;
use crate::policy::document::PolicyFamily;
use crate::policy::judge::Case;
use crate::policy::subject::Provider;

/// Refuses libpython (PEP 513, "libpythonX.Y.so.1"), narrow Unicode strings and `PyFPE_*` on Linux; Android's
/// Python lives in libpython.
pub(super) fn rule(case: &mut Case<'_, '_>, place: usize) {
    if case.policy.family == PolicyFamily::Android {
        return;
    }
    let binary = case.binary(place);
    for link in &binary.links {
        let inside = matches!(link.provider, Provider::Wheel(_) | Provider::Excluded) || case.given(link);
        if !inside && abi::is_libpython(link.name) {
            let message = format!("links `{}`, which no policy gives and most Pythons do not install", link.name);
            let help = "link without libpython, or let `truewheel repair` remove the import";
            case.refuse(place, Code::TW501, message, Some(help));
        }
    }
    if let Some(symbol) = &binary.needs.narrow_unicode {
        let message = format!("needs `{symbol}`, of a Python 2 with 2-byte Unicode strings; tags are for 4-byte ones");
        case.refuse(place, Code::TW503, message, None);
    }
    if let Some(symbol) = &binary.needs.fpe {
        let message = format!("needs `{symbol}`, of a Python built with floating-point traps, which few are");
        case.refuse(place, Code::TW504, message, None);
    }
}
