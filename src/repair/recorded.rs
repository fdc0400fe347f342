//! `dist-info/truewheel.json`: choices that later runs honour, and that the bytes alone do not show.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The name of the file in dist-info.
pub const FILE_NAME: &str = "truewheel.json";
/// The only version of the format.
const SCHEMA: u64 = 1;

/// What was chosen when the wheel was repaired.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Recorded {
    /// Libraries left to the user's machine: exact names, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub excluded: Vec<String>,
    /// No better tag is added.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub only_plat: bool,
}

#[derive(Serialize, Deserialize)]
struct Document {
    schema: u64,
    #[serde(flatten)]
    recorded: Recorded,
    /// What other versions wrote is kept.
    #[serde(flatten)]
    rest: serde_json::Map<String, serde_json::Value>,
}

impl Recorded {
    /// Returns true if there is nothing to record.
    pub fn is_empty(&self) -> bool {
        self.excluded.is_empty() && !self.only_plat
    }

    /// Reads the file.
    ///
    /// # Errors
    /// `Malformed` if it is not JSON of this form.
    pub fn read(bytes: &[u8]) -> Result<Self> {
        let document: Document = serde_json::from_slice(bytes)
            .map_err(|error| Error::malformed(format!("not truewheel's record: {error}")).about(FILE_NAME))?;
        if document.schema != SCHEMA {
            return Err(
                Error::malformed(format!("`schema` {} is not known, only {SCHEMA}", document.schema)).about(FILE_NAME)
            );
        }
        let mut recorded = document.recorded;
        recorded.excluded.sort();
        recorded.excluded.dedup();
        Ok(recorded)
    }

    /// Returns the file's bytes; `earlier` is the file as it was, whose other fields stay. The same bytes if it
    /// says the same already.
    pub fn written(&self, earlier: Option<&[u8]>) -> Vec<u8> {
        if let Some(bytes) = earlier.filter(|bytes| Self::read(bytes).as_ref().ok() == Some(self)) {
            return bytes.to_vec();
        }
        let rest = earlier
            .and_then(|bytes| serde_json::from_slice::<Document>(bytes).ok())
            .map(|document| document.rest)
            .unwrap_or_default();
        let document = Document { schema: SCHEMA, recorded: self.clone(), rest };
        let mut bytes = serde_json::to_vec_pretty(&document).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_back_and_stays() {
        let recorded = Recorded { excluded: vec!["libcuda.so.1".into()], only_plat: true };
        let bytes = recorded.written(None);
        assert_eq!(Recorded::read(&bytes).unwrap(), recorded);
        assert_eq!(recorded.written(Some(&bytes)), bytes);
    }

    #[test]
    fn fields_of_other_versions_are_kept() {
        let earlier = br#"{"schema": 1, "edges": [1]}"#;
        let text =
            String::from_utf8(Recorded { only_plat: true, ..Recorded::default() }.written(Some(earlier))).unwrap();
        assert!(text.contains("edges") && text.contains("only_plat"), "{text}");
    }

    #[test]
    fn garbage_is_refused() {
        assert!(Recorded::read(b"").is_err());
        assert!(Recorded::read(b"{}").is_err());
        assert!(Recorded::read(br#"{"schema": 9}"#).is_err());
        assert!(Recorded::read(br#"{"schema": 1, "excluded": "x"}"#).is_err());
    }
}
