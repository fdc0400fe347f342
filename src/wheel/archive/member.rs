//! `Member`: one file of a wheel, as the central directory describes it and the local header confirms.

use std::fmt;
use std::ops::Deref;

/// A name that stays inside the wheel: relative, `/` between components, no `..`, no control characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberPath(String);

impl MemberPath {
    /// Returns the path; nothing if the name could leave the wheel or is that of a directory.
    pub fn new(name: impl Into<String>) -> Option<Self> {
        let name = name.into();
        (!name.ends_with('/') && super::names::unsafe_reason(&name).is_none()).then_some(Self(name))
    }

    /// Returns the path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the last component.
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// Returns the directory that holds it, empty at the root.
    pub fn parent(&self) -> &str {
        self.0.rsplit_once('/').map_or("", |(parent, _)| parent)
    }
}

impl Deref for MemberPath {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for MemberPath {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MemberPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How a member's bytes are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Method {
    /// As they are (method 0).
    Stored,
    /// Deflate (method 8).
    Deflated,
    /// Another method, which PyPI refuses; its number in APPNOTE 4.4.5.
    Other(u16),
}

impl Method {
    /// Returns the method of that number.
    pub fn from_number(number: u16) -> Self {
        match number {
            0 => Method::Stored,
            8 => Method::Deflated,
            other => Method::Other(other),
        }
    }

    /// Returns the number in APPNOTE 4.4.5.
    pub fn number(self) -> u16 {
        match self {
            Method::Stored => 0,
            Method::Deflated => 8,
            Method::Other(number) => number,
        }
    }
}

/// A time as zip entries hold it: two seconds fine, from 1980 to 2107.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DosTime {
    /// Year, month, day in bits 9, 5 and 0 up.
    pub date: u16,
    /// Hour, minute, half seconds in bits 11, 5 and 0 up.
    pub time: u16,
}

/// Zip times are local times of an unknown zone, and clocks differ: this much ahead is no future, in seconds.
const AHEAD: i64 = 2 * 24 * 60 * 60;

impl DosTime {
    /// 1980-01-01 00:00:00, the first that can be written.
    pub const EPOCH: DosTime = DosTime { date: 0x21, time: 0 };

    /// Returns the time of a Unix time stamp in UTC, brought into what can be written: 1980 to 2107, even seconds.
    pub fn from_unix(seconds: i64) -> Self {
        let first = time::macros::datetime!(1980-01-01 0:00 UTC).unix_timestamp();
        let last = time::macros::datetime!(2107-12-31 23:59:58 UTC).unix_timestamp();
        let Ok(moment) = time::OffsetDateTime::from_unix_timestamp(seconds.clamp(first, last)) else {
            return Self::EPOCH;
        };
        let year = u16::try_from(moment.year().saturating_sub(1980)).unwrap_or(0);
        let month = u16::from(u8::from(moment.month()));
        let date = (year << 9) | (month << 5) | u16::from(moment.day());
        let time =
            (u16::from(moment.hour()) << 11) | (u16::from(moment.minute()) << 5) | u16::from(moment.second() / 2);
        Self { date, time }
    }
}

impl DosTime {
    /// Returns the time as a Unix time stamp, taken as UTC; `None` if it is no time: month 0, hour 25.
    pub fn to_unix(self) -> Option<i64> {
        self.moment().map(time::PrimitiveDateTime::assume_utc).map(time::OffsetDateTime::unix_timestamp)
    }

    /// Tells whether it is a time, and none that is still to come; with `now` of `None` any time is past.
    pub fn is_past(self, now: Option<i64>) -> bool {
        let limit = now.map_or(i64::MAX, |now| now.saturating_add(AHEAD));
        self.to_unix().is_some_and(|time| time <= limit)
    }

    fn moment(self) -> Option<time::PrimitiveDateTime> {
        let low = |value: u16, mask: u16| u8::try_from(value & mask).ok();
        let month = time::Month::try_from(low(self.date >> 5, 0xf)?).ok()?;
        let year = i32::from(self.date >> 9).saturating_add(1980);
        let date = time::Date::from_calendar_date(year, month, low(self.date, 0x1f)?).ok()?;
        let second = low(self.time, 0x1f)?.saturating_mul(2);
        date.with_hms(low(self.time >> 11, 0x1f)?, low(self.time >> 5, 0x3f)?, second).ok()
    }
}

impl fmt::Display for DosTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.moment() {
            Some(moment) => write!(f, "{}", moment.date()),
            None => f.write_str("no date"),
        }
    }
}

/// One file of a wheel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub(super) path: MemberPath,
    pub(super) method: Method,
    pub(super) crc32: u32,
    pub(super) compressed_size: u64,
    pub(super) size: u64,
    pub(super) data_offset: u64,
    pub(super) time: DosTime,
    pub(super) mode: u16,
    pub(super) encrypted: bool,
}

impl Member {
    /// Returns the archive name.
    pub fn name(&self) -> &str {
        self.path.as_str()
    }

    /// Returns the archive name as a path that is known to stay inside the wheel.
    pub fn path(&self) -> &MemberPath {
        &self.path
    }

    /// Returns the size unpacked, in bytes, as declared.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Returns the size in the archive, in bytes.
    pub fn compressed_size(&self) -> u64 {
        self.compressed_size
    }

    /// Returns the checksum, as declared.
    pub fn crc32(&self) -> u32 {
        self.crc32
    }

    /// Returns how its bytes are packed.
    pub fn method(&self) -> Method {
        self.method
    }

    /// Returns the Unix permission bits with the file type, 0 where the archive does not say.
    pub fn mode(&self) -> u16 {
        self.mode
    }

    /// Tells whether anybody may execute it.
    pub fn is_executable(&self) -> bool {
        self.mode & 0o111 != 0
    }

    /// Returns the time of last modification.
    pub fn time(&self) -> DosTime {
        self.time
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_clamped_and_even() {
        assert_eq!(DosTime::from_unix(0), DosTime::EPOCH);
        assert_eq!(DosTime::from_unix(315_532_800), DosTime::EPOCH);
        assert_eq!(DosTime::from_unix(i64::MAX), DosTime { date: 0xff9f, time: 0xbf7d });
        // 2021-03-04 05:06:07
        assert_eq!(
            DosTime::from_unix(1_614_834_367),
            DosTime { date: (41 << 9) | (3 << 5) | 4, time: (5 << 11) | (6 << 5) | 3 }
        );
    }

    #[test]
    fn a_time_is_read_as_it_was_written_and_may_be_none() {
        for seconds in [315_532_800, 1_614_834_366, 4_354_819_198] {
            assert_eq!(DosTime::from_unix(seconds).to_unix(), Some(seconds));
        }
        for (date, time) in [(0, 0), (0x20, 0), (0x1a1, 0), (0x21, 24 << 11), (0x21, 60 << 5), (0x21, 30)] {
            assert_eq!(DosTime { date, time }.to_unix(), None, "{date:#x} {time:#x}");
        }
        assert_eq!(DosTime::from_unix(1_614_834_366).to_string(), "2021-03-04");
    }

    #[test]
    fn a_path_knows_its_parts() {
        let path = MemberPath::new("a/b/c.so").unwrap();
        assert_eq!((path.parent(), path.file_name()), ("a/b", "c.so"));
        assert_eq!(MemberPath::new("c.so").unwrap().parent(), "");
        assert_eq!(MemberPath::new("a/../b"), None);
        assert_eq!(MemberPath::new("a/"), None);
    }
}
