//! What a database says of a licence, as CycloneDX wants it: an SPDX identifier, an expression, or a name.

use super::model::{License, LicenseChoice};

/// The SPDX identifiers that are recognised: those of libraries that end up in wheels. What is not here is written
/// as a name, which is always valid. Sorted.
pub const IDENTIFIERS: [&str; 62] = [
    "0BSD",
    "AFL-2.1",
    "AGPL-3.0-only",
    "AGPL-3.0-or-later",
    "Apache-2.0",
    "Artistic-1.0-Perl",
    "Artistic-2.0",
    "BSD-1-Clause",
    "BSD-2-Clause",
    "BSD-2-Clause-Patent",
    "BSD-3-Clause",
    "BSD-3-Clause-LBNL",
    "BSD-4-Clause",
    "BSD-4-Clause-UC",
    "BSD-Source-Code",
    "BSL-1.0",
    "CC-BY-4.0",
    "CC0-1.0",
    "CDDL-1.0",
    "EPL-1.0",
    "EPL-2.0",
    "EUPL-1.2",
    "FSFAP",
    "FSFUL",
    "FSFULLR",
    "FTL",
    "GFDL-1.3-or-later",
    "GPL-1.0-or-later",
    "GPL-2.0-only",
    "GPL-2.0-or-later",
    "GPL-3.0-only",
    "GPL-3.0-or-later",
    "HPND",
    "HPND-sell-variant",
    "ICU",
    "IJG",
    "ISC",
    "Intel",
    "JasPer-2.0",
    "LGPL-2.0-only",
    "LGPL-2.0-or-later",
    "LGPL-2.1-only",
    "LGPL-2.1-or-later",
    "LGPL-3.0-only",
    "LGPL-3.0-or-later",
    "Libpng",
    "MIT",
    "MIT-0",
    "MPL-1.1",
    "MPL-2.0",
    "NCSA",
    "OLDAP-2.8",
    "OpenSSL",
    "PSF-2.0",
    "PostgreSQL",
    "Python-2.0",
    "SGI-B-2.0",
    "Unicode-3.0",
    "Unlicense",
    "X11",
    "Zlib",
    "curl",
];

/// Exceptions that may follow `WITH`. Sorted.
const EXCEPTIONS: [&str; 8] = [
    "Autoconf-exception-3.0",
    "Bison-exception-2.2",
    "Classpath-exception-2.0",
    "GCC-exception-2.0",
    "GCC-exception-3.1",
    "LLVM-exception",
    "Libtool-exception",
    "OpenSSL-exception",
];

/// Longer texts are whole licences that somebody put into a one-line field.
const MAX_NAME: usize = 256;

/// Returns the `licenses` of a component.
pub(super) fn choice(text: Option<&str>) -> Vec<LicenseChoice> {
    let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else { return Vec::new() };
    if let Ok(at) = IDENTIFIERS.binary_search(&text)
        && let Some(identifier) = IDENTIFIERS.get(at)
    {
        return vec![LicenseChoice::License(License::Id(identifier))];
    }
    if is_expression(text) {
        return vec![LicenseChoice::Expression(text.to_owned())];
    }
    let name: String = text.lines().next().unwrap_or_default().chars().take(MAX_NAME).collect();
    vec![LicenseChoice::License(License::Name(name))]
}

/// Whether `text` is an SPDX expression of identifiers that are recognised (SPDX 2.3, annex D).
fn is_expression(text: &str) -> bool {
    let spaced = text.replace('(', " ( ").replace(')', " ) ");
    let mut depth = 0_usize;
    // What may come next: an operand, or an operator.
    let mut operand = true;
    let mut exception = false;
    for token in spaced.split_whitespace() {
        match token {
            "(" if operand && !exception => depth += 1,
            ")" if !operand && depth > 0 => depth -= 1,
            "AND" | "OR" if !operand => operand = true,
            "WITH" if !operand => (operand, exception) = (true, true),
            token if exception && EXCEPTIONS.binary_search(&token).is_ok() => (operand, exception) = (false, false),
            token if operand && !exception && IDENTIFIERS.binary_search(&token).is_ok() => operand = false,
            _ => return false,
        }
    }
    !operand && depth == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_are_sorted() {
        assert!(IDENTIFIERS.is_sorted() && EXCEPTIONS.is_sorted());
    }

    #[test]
    fn only_what_spdx_allows_is_an_expression() {
        for good in
            ["MIT AND BSD-3-Clause", "(MIT OR Zlib) AND curl", "GPL-3.0-or-later WITH GCC-exception-3.1 AND MIT"]
        {
            assert!(is_expression(good), "{good}");
        }
        for bad in ["MIT and BSD", "MIT AND", "(MIT", "MIT)", "MIT BSD-3-Clause", "WITH", "LGPLv2+", "", "MIT WITH MIT"]
        {
            assert!(!is_expression(bad), "{bad}");
        }
    }
}
