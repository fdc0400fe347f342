//! `os-release`: which distribution a root is an installation of.

use super::Distro;
use super::anchor::Anchor;

/// Returns the distribution installed at `anchor`, `linux` where it does not say (os-release(5): the default of `ID`).
pub(super) fn distro(anchor: &Anchor<'_>) -> Distro {
    let text = anchor.text("/etc/os-release").or_else(|| anchor.text("/usr/lib/os-release")).unwrap_or_default();
    parse(&text)
}

fn parse(text: &str) -> Distro {
    let value = |key: &str| {
        let line = text.lines().rev().find_map(|line| line.trim().strip_prefix(key)?.strip_prefix('='))?;
        let value = line.trim().trim_matches(['"', '\'']);
        // os-release(5): lower-case letters, digits, `.`, `_` and `-`; anything else would not survive in a URL.
        let sound = !value.is_empty()
            && value.len() <= 64
            && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-+~".contains(&byte));
        sound.then(|| value.to_ascii_lowercase())
    };
    Distro {
        id: value("ID").unwrap_or_else(|| "linux".to_owned()),
        version: value("VERSION_ID").or_else(|| value("VERSION_CODENAME")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_missing_versions_are_understood() {
        let rhel = parse("NAME=\"Red Hat\"\nID=\"rhel\"\nID_LIKE=fedora\nVERSION_ID='9.4'\n");
        assert_eq!(rhel, Distro { id: "rhel".into(), version: Some("9.4".into()) });
        let sid = parse("ID=debian\nVERSION_CODENAME=trixie\n");
        assert_eq!(sid, Distro { id: "debian".into(), version: Some("trixie".into()) });
        assert_eq!(parse("ID=a b\n").id, "linux");
    }
}
