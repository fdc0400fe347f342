//! Search paths after repair: what is kept, what leaves no trace of the build machine, what is added.

/// Returns the path that leads from directory `from` to `to`, both relative to one prefix: `../x.libs`, `.` if equal.
pub(super) fn relative(from: &str, to: &str) -> String {
    let from: Vec<&str> = from.split('/').filter(|part| !part.is_empty()).collect();
    let to: Vec<&str> = to.split('/').filter(|part| !part.is_empty()).collect();
    let shared = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let mut parts = vec![".."; from.len() - shared];
    parts.extend(&to[shared..]);
    if parts.is_empty() { ".".to_owned() } else { parts.join("/") }
}

/// Returns `directory` of an installed path, empty for the prefix itself.
pub(super) fn directory(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(directory, _)| directory)
}

/// Returns the search path entry that leads from a binary to a directory: `$ORIGIN`, `$ORIGIN/../x.libs`.
pub(super) fn entry(origin: &str, importer: &str, to: &str) -> String {
    match relative(directory(importer), to).as_str() {
        "." => origin.to_owned(),
        path => format!("{origin}/{path}"),
    }
}

/// Where an entry of a binary's search path leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Leads {
    /// To this directory of the installed tree, relative to the prefix.
    Inside(String),
    /// Relative to the binary, but through a token whose value the machine decides: `$LIB`, `$PLATFORM`.
    Depends,
    /// Out of the installed tree: absolute, relative to the current directory, or above the prefix.
    Outside,
}

/// Returns where `entry` of the binary installed at `binary` leads.
///
/// `$ORIGIN` and `${ORIGIN}` (`ld.so(8)`, "Rpath token expansion") and `@loader_path` (dyld) must come first.
pub(super) fn leads(entry: &str, binary: &str) -> Leads {
    // dyld's other words: what they stand for depends on who loads the binary.
    if ["@executable_path", "@rpath"].iter().any(|word| entry.strip_prefix(word).is_some_and(is_rest)) {
        return Leads::Depends;
    }
    let rest = ["$ORIGIN", "${ORIGIN}", "@loader_path"].iter().find_map(|word| entry.strip_prefix(word));
    let Some(rest) = rest.filter(|rest| is_rest(rest)) else { return Leads::Outside };
    if rest.contains('$') {
        return Leads::Depends;
    }
    let mut parts: Vec<&str> = directory(binary).split('/').filter(|part| !part.is_empty()).collect();
    for part in rest.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                if parts.pop().is_none() {
                    return Leads::Outside;
                }
            }
            name => parts.push(name),
        }
    }
    Leads::Inside(parts.join("/"))
}

/// Whether `rest` can follow a word of a search path.
fn is_rest(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with('/')
}

/// Returns the path of `to`, seen from the folder `from`; nothing if it climbs above the prefix.
pub(super) fn joined(from: &str, to: &str) -> Option<String> {
    let mut parts: Vec<&str> = from.split('/').filter(|part| !part.is_empty()).collect();
    for part in to.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// Returns the search path of a binary after repair.
///
/// Entries that stay inside the installed tree keep their place and spelling; others go. `reach` are the
/// directories that must be reachable; those that no kept entry leads to are added at the end.
pub(super) fn after_repair(old: &[&str], binary: &str, reach: &[String], origin: &str) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    let mut reached: Vec<String> = Vec::new();
    for entry in old {
        let lead = leads(entry, binary);
        if lead == Leads::Outside || kept.iter().any(|other| other == entry) {
            continue;
        }
        if let Leads::Inside(to) = lead {
            reached.push(to);
        }
        kept.push((*entry).to_owned());
    }
    for to in reach {
        if !reached.contains(to) {
            kept.push(entry(origin, binary, to));
            reached.push(to.clone());
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    const SITE: &str = "lib/python3/site-packages";

    #[test]
    fn paths_lead_from_directory_to_directory() {
        assert_eq!(relative("a/b", "a/x.libs"), "../x.libs");
        assert_eq!(relative("a", "a"), ".");
        assert_eq!(relative("", "a/b"), "a/b");
        assert_eq!(relative("bin", "lib/p"), "../lib/p");
    }

    #[test]
    fn kept_entries_stay_first_and_the_build_machine_goes() {
        let binary = format!("{SITE}/pkg/sub/_core.so");
        let old = ["/home/me/lib", "$ORIGIN/../lib", "", "lib", "$ORIGIN/../lib", "${ORIGIN}/../../other/lib"];
        let new = after_repair(&old, &binary, &[format!("{SITE}/pkg.libs")], "$ORIGIN");
        assert_eq!(new, ["$ORIGIN/../lib", "${ORIGIN}/../../other/lib", "$ORIGIN/../../pkg.libs"]);
    }

    #[test]
    fn a_directory_that_is_reached_already_is_not_added() {
        let binary = format!("{SITE}/pkg/_core.so");
        let new = after_repair(&["$ORIGIN/./../pkg.libs/"], &binary, &[format!("{SITE}/pkg.libs")], "$ORIGIN");
        assert_eq!(new, ["$ORIGIN/./../pkg.libs/"]);
    }

    #[test]
    fn an_entry_that_leaves_the_prefix_goes() {
        assert_eq!(leads("$ORIGIN/../../../../..", "lib/python3/site-packages/p/x.so"), Leads::Outside);
        assert_eq!(leads("$ORIGIN/../../..", "lib/python3/site-packages/x.so"), Leads::Inside(String::new()));
        assert_eq!(leads("$ORIGINAL/x", "x.so"), Leads::Outside);
        assert_eq!(leads("$ORIGIN/$LIB", "x.so"), Leads::Depends);
    }
}
