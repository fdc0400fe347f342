//! Builds zip archives record by record, every field open to lies.

use std::io::Write;

/// What a header says of an entry; the local and the central one have each their own.
#[derive(Clone, Debug, Default)]
pub struct Header {
    pub name: Vec<u8>,
    pub version: u16,
    pub flags: u16,
    pub method: u16,
    pub crc32: u32,
    pub packed: u32,
    pub size: u32,
    pub extra: Vec<u8>,
}

/// One entry: two headers, the packed data, and what follows them.
#[derive(Clone, Debug, Default)]
pub struct Entry {
    pub local: Header,
    pub central: Header,
    pub data: Vec<u8>,
    /// Stands after the data: a data descriptor, or junk.
    pub after: Vec<u8>,
    pub comment: Vec<u8>,
    pub external: u32,
    pub disk: u16,
    /// Added to the true offset.
    pub offset: i64,
    /// No local entry is written: the offset is that of the entry before.
    pub without_local: bool,
    /// No central entry is written.
    pub without_central: bool,
}

impl Entry {
    fn packed(name: &str, bytes: &[u8], data: Vec<u8>, method: u16) -> Self {
        let header = Header {
            name: name.into(),
            version: 20,
            flags: if name.is_ascii() { 0 } else { 1 << 11 },
            method,
            crc32: crc32fast::hash(bytes),
            packed: u32::try_from(data.len()).unwrap(),
            size: u32::try_from(bytes.len()).unwrap(),
            extra: Vec::new(),
        };
        Self { local: header.clone(), central: header, data, external: 0o100_644 << 16, ..Self::default() }
    }

    /// Returns a sound entry that is stored.
    pub fn stored(name: &str, bytes: &[u8]) -> Self {
        Self::packed(name, bytes, bytes.to_vec(), 0)
    }

    /// Returns a sound entry that is deflated.
    pub fn deflated(name: &str, bytes: &[u8]) -> Self {
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::new(6));
        encoder.write_all(bytes).unwrap();
        Self::packed(name, bytes, encoder.finish().unwrap(), 8)
    }

    /// Changes the entry.
    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// Changes both headers alike.
    pub fn both(mut self, change: impl Fn(&mut Header)) -> Self {
        change(&mut self.local);
        change(&mut self.central);
        self
    }

    /// Sets the Unix mode.
    pub fn mode(self, mode: u32) -> Self {
        self.with(|entry| entry.external = mode << 16)
    }

    /// Lets the sizes follow the data; `signed` and `wide` choose among the four forms of descriptors.
    pub fn described(self, signed: bool, wide: bool, lie: impl FnOnce(&mut [u64; 3])) -> Self {
        self.with(|entry| {
            let mut values = [entry.central.crc32.into(), entry.central.packed.into(), entry.central.size.into()];
            lie(&mut values);
            let [crc32, packed, size] = values;
            let number = |value: u64| match wide {
                true => value.to_le_bytes().to_vec(),
                false => u32::try_from(value).unwrap().to_le_bytes().to_vec(),
            };
            entry.after.extend(if signed { &b"PK\x07\x08"[..] } else { b"" });
            entry.after.extend(u32::try_from(crc32).unwrap().to_le_bytes());
            entry.after.extend(number(packed));
            entry.after.extend(number(size));
            for header in [&mut entry.local, &mut entry.central] {
                header.flags |= 1 << 3;
            }
            entry.local.crc32 = 0;
            entry.local.packed = 0;
            entry.local.size = 0;
        })
    }
}

/// Returns an extra field.
pub fn extra(id: u16, payload: &[u8]) -> Vec<u8> {
    let mut bytes = id.to_le_bytes().to_vec();
    bytes.extend(u16::try_from(payload.len()).unwrap().to_le_bytes());
    bytes.extend(payload);
    bytes
}

/// Returns a zip64 extra field of these values.
pub fn zip64(values: &[u64]) -> Vec<u8> {
    extra(1, &values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>())
}

/// Returns a Unicode path extra field.
pub fn unicode_path(original: &[u8], name: &[u8]) -> Vec<u8> {
    let mut payload = vec![1];
    payload.extend(crc32fast::hash(original).to_le_bytes());
    payload.extend(name);
    extra(0x7075, &payload)
}

/// The records at the end, as they would be written.
#[derive(Clone, Debug)]
pub struct End {
    pub counts: [u64; 2],
    pub size: u64,
    pub offset: u64,
    pub disk: u16,
    pub comment: Vec<u8>,
    /// The comment's length as declared.
    pub comment_length: u16,
    /// Size field of the zip64 end record, and bytes after it.
    pub size64: u64,
    pub extensible: Vec<u8>,
    /// Offset in the locator.
    pub locator: u64,
    pub has_record64: bool,
    pub has_locator: bool,
    pub has_end: bool,
}

/// A whole archive.
#[derive(Clone, Debug, Default)]
pub struct Archive {
    pub before: Vec<u8>,
    pub entries: Vec<Entry>,
    /// Stands between the last entry and the central directory.
    pub between: Vec<u8>,
    pub after: Vec<u8>,
}

impl Archive {
    pub fn new(entries: Vec<Entry>) -> Self {
        Self { entries, ..Self::default() }
    }

    /// Returns the bytes of the archive without lies at its end.
    pub fn build(&self) -> Vec<u8> {
        self.build_with(|_| {})
    }

    /// Returns the bytes of the archive, its end changed.
    pub fn build_with(&self, change: impl FnOnce(&mut End)) -> Vec<u8> {
        let mut bytes = self.before.clone();
        let base = bytes.len();
        let mut offsets = Vec::new();
        for entry in &self.entries {
            if entry.without_local {
                offsets.push(offsets.last().copied().unwrap_or(0));
                continue;
            }
            offsets.push(bytes.len() - base);
            bytes.extend(b"PK\x03\x04");
            shared(&mut bytes, &entry.local);
            bytes.extend(&entry.local.name);
            bytes.extend(&entry.local.extra);
            bytes.extend(&entry.data);
            bytes.extend(&entry.after);
        }
        bytes.extend(&self.between);
        let start = bytes.len();
        let mut count = 0;
        for (entry, offset) in self.entries.iter().zip(offsets) {
            if entry.without_central {
                continue;
            }
            count += 1;
            bytes.extend(b"PK\x01\x02");
            bytes.extend((3 << 8 | entry.central.version).to_le_bytes());
            shared(&mut bytes, &entry.central);
            bytes.extend(u16::try_from(entry.comment.len()).unwrap().to_le_bytes());
            bytes.extend(entry.disk.to_le_bytes());
            bytes.extend([0; 2]);
            bytes.extend(entry.external.to_le_bytes());
            let offset = i64::try_from(offset).unwrap() + entry.offset;
            bytes.extend(u32::try_from(offset).unwrap().to_le_bytes());
            bytes.extend(&entry.central.name);
            bytes.extend(&entry.central.extra);
            bytes.extend(&entry.comment);
        }
        let mut end = End {
            counts: [count; 2],
            size: (bytes.len() - start) as u64,
            offset: (start - base) as u64,
            disk: 0,
            comment: Vec::new(),
            comment_length: 0,
            size64: 44,
            extensible: Vec::new(),
            locator: (bytes.len() - base) as u64,
            has_record64: false,
            has_locator: false,
            has_end: true,
        };
        change(&mut end);
        end.write(&mut bytes);
        bytes.extend(&self.after);
        bytes
    }
}

impl End {
    /// Adds the zip64 records.
    pub fn zip64(&mut self) -> &mut Self {
        self.has_record64 = true;
        self.has_locator = true;
        self
    }

    /// Sets the comment.
    pub fn comment(&mut self, comment: &[u8]) {
        self.comment = comment.to_vec();
        self.comment_length = u16::try_from(comment.len()).unwrap();
    }

    fn write(&self, bytes: &mut Vec<u8>) {
        let [here, all] = self.counts;
        if self.has_record64 {
            bytes.extend(b"PK\x06\x06");
            bytes.extend(self.size64.to_le_bytes());
            bytes.extend([45, 0, 45, 0]);
            bytes.extend([0; 8]);
            for value in [here, all, self.size, self.offset] {
                bytes.extend(value.to_le_bytes());
            }
            bytes.extend(&self.extensible);
        }
        if self.has_locator {
            bytes.extend(b"PK\x06\x07");
            bytes.extend([0; 4]);
            bytes.extend(self.locator.to_le_bytes());
            bytes.extend(1_u32.to_le_bytes());
        }
        if self.has_end {
            bytes.extend(b"PK\x05\x06");
            bytes.extend(self.disk.to_le_bytes());
            bytes.extend([0; 2]);
            for count in [here, all] {
                bytes.extend(u16::try_from(count).unwrap_or(u16::MAX).to_le_bytes());
            }
            for value in [self.size, self.offset] {
                bytes.extend(u32::try_from(value).unwrap_or(u32::MAX).to_le_bytes());
            }
            bytes.extend(self.comment_length.to_le_bytes());
            bytes.extend(&self.comment);
        }
    }
}

fn shared(bytes: &mut Vec<u8>, header: &Header) {
    for value in [header.version, header.flags, header.method, 0, 0x21] {
        bytes.extend(value.to_le_bytes());
    }
    for value in [header.crc32, header.packed, header.size] {
        bytes.extend(value.to_le_bytes());
    }
    bytes.extend(u16::try_from(header.name.len()).unwrap().to_le_bytes());
    bytes.extend(u16::try_from(header.extra.len()).unwrap().to_le_bytes());
}

/// Returns a small sound wheel named `demo`, with its own RECORD.
pub fn demo_wheel() -> Archive {
    let files: [(&str, &[u8]); 4] = [
        ("demo/__init__.py", b"print('hello')\n"),
        ("demo/data.bin", &[7; 3000]),
        ("demo-1.0.dist-info/METADATA", b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n"),
        (
            "demo-1.0.dist-info/WHEEL",
            b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        ),
    ];
    let mut record = String::new();
    for (name, bytes) in files {
        use base64::Engine;
        use sha2::Digest;
        let digest = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(sha2::Sha256::digest(bytes));
        record.push_str(&format!("{name},sha256={digest},{}\n", bytes.len()));
    }
    record.push_str("demo-1.0.dist-info/RECORD,,\n");
    let mut entries: Vec<Entry> = files.iter().map(|(name, bytes)| Entry::deflated(name, bytes)).collect();
    entries.push(Entry::deflated("demo-1.0.dist-info/RECORD", record.as_bytes()));
    Archive::new(entries)
}
