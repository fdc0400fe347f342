//! Is what lies in `sboms/` a bill of materials? TW652.

use crate::diagnostic::{Code, Diagnostic};
use crate::lint::Sheet;

/// The first bytes in which a document says what it is.
const HEAD: usize = 64 << 10;
/// What documents of the known formats hold near their start: CycloneDX (JSON, XML), SPDX (2 JSON, 3 JSON-LD, tag-value).
/// Where the keys of JSON are sorted, SPDX 2 has its version at the end and an identifier at the start.
const MARKS: &[&[u8]] = &[
    b"\"bomFormat\"",
    b"cyclonedx.org/schema/bom",
    b"\"spdxVersion\"",
    b"\"SPDXID\"",
    b"spdx.org/rdf",
    b"SPDXVersion:",
];

/// PEP 770: every file of the folder is a bill of materials.
pub(super) fn rule(sheet: &Sheet<'_>) -> Vec<Diagnostic> {
    let Some(folder) = sheet.wheel.dist_info().map(|folder| format!("{folder}/sboms/")) else { return Vec::new() };
    let members = sheet.wheel.members().iter().filter(|member| member.name().starts_with(&folder));
    members
        .filter_map(|member| {
            let head = sheet.wheel.read_prefix(member, HEAD).ok()?;
            let is_one = MARKS.iter().any(|mark| memchr::memmem::find(&head, mark).is_some());
            let text = "lies where only bills of materials may, and is none in CycloneDX or SPDX";
            (!is_one).then(|| Diagnostic::new(Code::TW652, text).member(member.name()))
        })
        .collect()
}
