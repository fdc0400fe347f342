//! Is every version node old enough?

use crate::diagnostic::Code;
use crate::policy::document::PolicyFamily;
use crate::policy::judge::Case;
use crate::policy::needs::VersionNeed;
use crate::policy::reason::Requirement;
use crate::policy::subject::{Link, Provider};

/// Who answers for a version node.
enum Answer {
    /// A binary of the wheel, at this place.
    Inside(usize),
    /// The machine.
    Machine,
    /// Nobody who counts: excluded, Python, or a library that another rule refuses.
    Nobody,
}

/// Refuses version nodes that the policy's machines do not have, by who provides the library.
///
/// A library of the wheel is judged by what it defines, whatever its name. A node counts even if only weak symbols ask
/// for it, or none: glibc's `_dl_check_map_versions` refuses the file unless the node itself is marked weak.
pub(super) fn rule(case: &mut Case<'_, '_>, place: usize) {
    // musl ignores the version tables; bionic's nodes come with the symbols, which have a rule of their own.
    if case.policy.family != PolicyFamily::Manylinux {
        return;
    }
    let binary = case.binary(place);
    for need in &binary.needs.versions {
        if need.weak {
            continue;
        }
        match answer(case, place, need.library) {
            Answer::Nobody => {}
            Answer::Inside(provider) => {
                let defined = &case.binary(provider).symbols.defined_versions;
                // Without any definitions the loader says "no version information available" and goes on.
                if !defined.is_empty() && !defined.contains(&need.node.name) {
                    let message = format!(
                        "needs `{}` of `{}`, which `{}` of the wheel does not define",
                        need.node.name,
                        need.library,
                        case.binary(provider).member
                    );
                    case.refuse(place, Code::TW401, message, None);
                }
            }
            Answer::Machine if !case.here.allows(&need.node) => too_recent(case, place, need),
            Answer::Machine => {}
        }
    }
}

fn too_recent(case: &mut Case<'_, '_>, place: usize, need: &VersionNeed<'_>) {
    let allowed = need.node.number.as_ref().and_then(|_| case.here.newest(&need.node.family));
    let requirement = Requirement::Version {
        library: need.library.to_owned(),
        version: need.node.name.clone(),
        allowed,
        symbols: need.symbols.clone(),
    };
    case.because(place, Code::TW401, requirement);
}

/// Finds who answers for a library that a version table names: an import of that name, else one in the same scope.
fn answer(case: &Case<'_, '_>, place: usize, library: &str) -> Answer {
    let binary = case.binary(place);
    let named = |link: &&Link<'_>| link.name == library;
    let mut links: Vec<&Link<'_>> = binary.links.iter().filter(named).collect();
    if links.is_empty() {
        let scopes = binary.scopes.iter().filter_map(|scope| case.subject.scopes().get(*scope));
        links = scopes.flatten().flat_map(|other| &case.binary(*other).links).filter(named).collect();
    }
    // Where roots differ, the one that finds it on the machine is the one that decides.
    if links.iter().any(|link| case.given(link)) {
        return Answer::Machine;
    }
    if let Some(inside) = links.iter().find_map(|link| case.inside(link)) {
        return Answer::Inside(inside);
    }
    let excused = links.iter().any(|link| matches!(link.provider, Provider::Excluded | Provider::Python));
    // A library that the policy does not give is refused as such.
    if excused || !links.is_empty() { Answer::Nobody } else { Answer::Machine }
}
