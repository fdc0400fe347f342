//! Builds wheels member by member, sound unless told otherwise; the archive is written here, so that it can be odd.

use std::io::Write;
use std::path::{Path, PathBuf};

use base64::Engine;
use sha2::{Digest, Sha256};

/// One member of the archive.
#[derive(Debug, Clone)]
pub struct Entry {
    pub name: Vec<u8>,
    pub bytes: Vec<u8>,
    /// 0 stored, 8 deflate; another number is written with the bytes stored.
    pub method: u16,
    /// General purpose flags.
    pub flags: u16,
    /// Unix mode with file type.
    pub mode: u32,
    /// The date as zip writes it; 1980-01-01 by default.
    pub date: u16,
    /// CRC-32 that is written; `None` for the right one.
    pub crc: Option<u32>,
    /// The name in the local entry; `None` for the same.
    pub local_name: Option<Vec<u8>>,
    /// The unpacked size that is written; `None` for the right one.
    pub size: Option<u32>,
    /// Extra field of both entries.
    pub extra: Vec<u8>,
    pub comment: Vec<u8>,
}

impl Entry {
    /// A deflated file.
    pub fn new(name: &str, bytes: &[u8]) -> Self {
        Self {
            name: name.as_bytes().to_vec(),
            bytes: bytes.to_vec(),
            method: 8,
            flags: 0,
            mode: 0o100_644,
            date: 0x21,
            crc: None,
            local_name: None,
            size: None,
            extra: Vec::new(),
            comment: Vec::new(),
        }
    }
}

/// A wheel in the making.
#[derive(Debug, Clone)]
pub struct WheelBuilder {
    pub name: String,
    pub version: String,
    /// As in the file name: `cp311-cp311-manylinux_2_17_x86_64`.
    pub tags: String,
    pub entries: Vec<Entry>,
    /// Text of WHEEL; `None` for none, and the right one by default.
    pub wheel_file: Option<String>,
    pub metadata: Option<String>,
    /// Text of RECORD, or the right one.
    pub record: RecordText,
    /// Bytes before and after the archive.
    pub prefix: Vec<u8>,
    pub suffix: Vec<u8>,
    pub comment: Vec<u8>,
}

/// What RECORD holds.
#[derive(Debug, Clone)]
pub enum RecordText {
    /// A row for each member.
    Right,
    /// This.
    Text(String),
    /// There is none.
    Absent,
}

impl WheelBuilder {
    /// A sound wheel without members of its own.
    pub fn new(tags: &str) -> Self {
        let mut wheel_file = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: false\n".to_owned();
        let parts: Vec<Vec<&str>> = tags.split('-').map(|set| set.split('.').collect()).collect();
        for python in &parts[0] {
            for abi in &parts[1] {
                for platform in &parts[2] {
                    wheel_file.push_str(&format!("Tag: {python}-{abi}-{platform}\n"));
                }
            }
        }
        Self {
            name: "demo".to_owned(),
            version: "1.0".to_owned(),
            tags: tags.to_owned(),
            entries: Vec::new(),
            wheel_file: Some(wheel_file),
            metadata: Some("Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n".to_owned()),
            record: RecordText::Right,
            prefix: Vec::new(),
            suffix: Vec::new(),
            comment: Vec::new(),
        }
    }

    /// Adds a member.
    #[must_use]
    pub fn file(self, name: &str, bytes: &[u8]) -> Self {
        self.entry(Entry::new(name, bytes))
    }

    /// Adds a member that may be odd.
    #[must_use]
    pub fn entry(mut self, entry: Entry) -> Self {
        self.entries.push(entry);
        self
    }

    /// Returns the file name.
    pub fn file_name(&self) -> String {
        format!("{}-{}-{}.whl", self.name, self.version, self.tags)
    }

    /// Returns the archive.
    pub fn build(&self) -> Vec<u8> {
        let mut entries = self.entries.clone();
        let folder = format!("{}-{}.dist-info", self.name, self.version);
        for (name, text) in [("WHEEL", &self.wheel_file), ("METADATA", &self.metadata)] {
            entries.extend(text.iter().map(|text| Entry::new(&format!("{folder}/{name}"), text.as_bytes())));
        }
        let record = match &self.record {
            RecordText::Right => {
                let rows = entries.iter().map(|entry| row(&String::from_utf8_lossy(&entry.name), &entry.bytes));
                Some(rows.collect::<String>() + &format!("{folder}/RECORD,,\n"))
            }
            RecordText::Text(text) => Some(text.clone()),
            RecordText::Absent => None,
        };
        entries.extend(record.map(|text| Entry::new(&format!("{folder}/RECORD"), text.as_bytes())));
        let mut bytes = self.prefix.clone();
        bytes.extend(archive(&entries, &self.comment));
        bytes.extend(&self.suffix);
        bytes
    }

    /// Writes the wheel into a folder under its own name.
    pub fn write(&self, folder: &Path) -> PathBuf {
        let path = folder.join(self.file_name());
        std::fs::write(&path, self.build()).unwrap();
        path
    }
}

/// Returns a row of RECORD.
pub fn row(name: &str, bytes: &[u8]) -> String {
    let digest = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(Sha256::digest(bytes));
    let name = if name.contains([',', '"']) { format!("\"{}\"", name.replace('"', "\"\"")) } else { name.to_owned() };
    format!("{name},sha256={digest},{}\n", bytes.len())
}

/// Writes an archive (APPNOTE 4.3).
pub fn archive(entries: &[Entry], comment: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut central = Vec::new();
    for entry in entries {
        let data = match entry.method {
            8 => {
                let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::new(6));
                encoder.write_all(&entry.bytes).unwrap();
                encoder.finish().unwrap()
            }
            _ => entry.bytes.clone(),
        };
        let crc = entry.crc.unwrap_or_else(|| crc32fast::hash(&entry.bytes));
        let offset = out.len() as u32;
        let mut common = Vec::new();
        for value in [20, entry.flags, entry.method, 0, entry.date] {
            common.extend(value.to_le_bytes());
        }
        let size = entry.size.unwrap_or(entry.bytes.len() as u32);
        for value in [crc, data.len() as u32, size] {
            common.extend(value.to_le_bytes());
        }
        let local_name = entry.local_name.as_ref().unwrap_or(&entry.name);
        out.extend(b"PK\x03\x04");
        out.extend(&common);
        out.extend((local_name.len() as u16).to_le_bytes());
        out.extend((entry.extra.len() as u16).to_le_bytes());
        out.extend(local_name);
        out.extend(&entry.extra);
        out.extend(data);
        central.extend(b"PK\x01\x02");
        central.extend(((3_u16 << 8) | 20).to_le_bytes());
        central.extend(&common);
        for value in [entry.name.len(), entry.extra.len(), entry.comment.len(), 0, 0] {
            central.extend((value as u16).to_le_bytes());
        }
        central.extend((entry.mode << 16).to_le_bytes());
        central.extend(offset.to_le_bytes());
        central.extend(&entry.name);
        central.extend(&entry.extra);
        central.extend(&entry.comment);
    }
    let start = out.len() as u32;
    out.extend(&central);
    out.extend(b"PK\x05\x06\0\0\0\0");
    for _ in 0..2 {
        out.extend((entries.len() as u16).to_le_bytes());
    }
    out.extend((central.len() as u32).to_le_bytes());
    out.extend(start.to_le_bytes());
    out.extend((comment.len() as u16).to_le_bytes());
    out.extend(comment);
    out
}
