//! Is every library in the wheel or given by the policy?

use super::libc::libc_of_library;
use crate::abi::is_libpython;
use crate::diagnostic::Code;
use crate::policy::document::PolicyFamily;
use crate::policy::judge::Case;
use crate::policy::reason::Requirement;
use crate::policy::subject::{Provider, Standing};

/// Refuses imports that neither the wheel holds nor the policy gives.
///
/// Another C library's own libraries and libpython have rules of their own; what a binary installed as data misses is
/// a finding of the dependency graph.
pub(super) fn rule(case: &mut Case<'_, '_>, place: usize) {
    let binary = case.binary(place);
    if binary.standing == Standing::Data {
        return;
    }
    let android = case.policy.family == PolicyFamily::Android;
    for link in &binary.links {
        let outside = matches!(link.provider, Provider::Outside) && !case.given(link);
        if outside && !is_libpython(link.name) && !is_other_libc(case, link.name, android) {
            case.because(place, Code::TW402, Requirement::Library { library: link.name.to_owned() });
        }
    }
}

fn is_other_libc(case: &Case<'_, '_>, name: &str, android: bool) -> bool {
    let Some(libc) = libc_of_library(name, android) else { return false };
    match case.policy.family {
        PolicyFamily::Manylinux => libc != crate::platform::Libc::Glibc,
        PolicyFamily::Musllinux => libc != crate::platform::Libc::Musl,
        PolicyFamily::Android => libc != crate::platform::Libc::Bionic,
    }
}
