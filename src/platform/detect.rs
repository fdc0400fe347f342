//! Which C library and processor a set of binaries is for, each statement with what it rests on.

use std::collections::BTreeMap;

use super::{ALL, Libc, Platform, manylinux, of, runs_on};
use crate::arch::Arch;
use crate::format::{Image, ImageKind};
use crate::tag::PlatformTag;

/// What a set of binaries says about its platform.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Detection {
    /// What binaries of the main processor say, in their order; a binary may say more than one thing.
    pub evidence: Vec<Evidence>,
    /// C libraries of the tags that name one, in their order, each once.
    pub claimed: Vec<Libc>,
    /// How many binaries there are for each processor; objects that nothing loads are left out.
    pub archs: BTreeMap<Arch, usize>,
    /// The processor: the tags' if they name one and there is a binary for it (or none at all), else that of most
    /// binaries, of those for a machine that tags name.
    pub arch: Option<Arch>,
}

/// One statement of one binary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// The binary's name as given.
    pub member: String,
    /// The C library that it is for.
    pub libc: Libc,
    /// What says so.
    pub by: By,
}

/// What a statement rests on, strongest first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum By {
    /// The program interpreter, by its path.
    Interpreter(String),
    /// A library of that C library, by name.
    Needed(String),
    /// Android's note with the API level.
    AndroidNote(u32),
    /// The platform part of the file name, e.g. `x86_64-linux-musl`.
    FileName(String),
}

impl Detection {
    /// Returns the C libraries that binaries need, sorted; more than one is a mixture that no system can load.
    ///
    /// What only a file name says is not among them: such a binary needs no C library at all.
    pub fn needed(&self) -> Vec<Libc> {
        self.libcs(|by| !matches!(by, By::FileName(_)))
    }

    /// Returns true if no binary says that it is for another C library, by what it needs or by its file name.
    pub fn allows(&self, libc: Libc) -> bool {
        self.evidence.iter().all(|evidence| evidence.libc == libc)
    }

    /// Returns the platform whose loader loads these binaries.
    ///
    /// It is that of the C library most of them need; among equals, and where none needs one, a claimed one, then
    /// what file names say, then manylinux.
    pub fn platform(&self) -> &'static dyn Platform {
        let count = |libc: Libc| self.evidence.iter().filter(|evidence| evidence.libc == libc).count();
        let mut candidates = self.needed();
        candidates.sort_by_key(|libc| (std::cmp::Reverse(count(*libc)), !self.claimed.contains(libc)));
        candidates.extend(self.claimed.iter().filter(|libc| self.allows(**libc)));
        candidates.extend(self.libcs(|_| true));
        candidates.extend(&self.claimed);
        let found =
            candidates.first().and_then(|libc| ALL.iter().copied().find(|platform| platform.libc() == Some(*libc)));
        found.unwrap_or(&manylinux::Manylinux)
    }

    fn libcs(&self, counts: impl Fn(&By) -> bool) -> Vec<Libc> {
        let mut libcs: Vec<Libc> =
            self.evidence.iter().filter(|evidence| counts(&evidence.by)).map(|evidence| evidence.libc).collect();
        libcs.sort_unstable();
        libcs.dedup();
        libcs
    }
}

/// Says which C library and processor `binaries` (names and facts) are for; `tags` are those that the wheel claims.
pub fn detect<'a>(binaries: impl IntoIterator<Item = (&'a str, &'a Image)>, tags: &[PlatformTag]) -> Detection {
    let binaries: Vec<_> = binaries.into_iter().filter(|(_, image)| image.kind != ImageKind::Object).collect();
    let mut detection = Detection::default();
    for (_, image) in &binaries {
        *detection.archs.entry(image.arch).or_default() += 1;
    }
    for tag in tags {
        let names_libc = !matches!(tag, PlatformTag::Linux { .. });
        if let Some(libc) = of(tag).filter(|_| names_libc).and_then(|platform| platform.libc())
            && !detection.claimed.contains(&libc)
        {
            detection.claimed.push(libc);
        }
    }
    let most = detection
        .archs
        .iter()
        .max_by_key(|(arch, count)| (!matches!(arch, Arch::Other(_)), **count, std::cmp::Reverse(**arch)));
    let fits = |arch: &Arch| binaries.is_empty() || binaries.iter().any(|(_, image)| runs_on(*arch, image));
    detection.arch = claimed_arch(tags).filter(fits).or(most.map(|(arch, _)| *arch));
    let android = tags.iter().any(|tag| matches!(tag, PlatformTag::Android { .. }));
    for (member, image) in binaries {
        if detection.arch.is_some_and(|arch| runs_on(arch, image)) {
            detection.evidence.extend(evidence(member, image, android));
        }
    }
    detection
}

/// Returns the processor if the tags name exactly one.
fn claimed_arch(tags: &[PlatformTag]) -> Option<Arch> {
    let mut archs: Vec<Arch> = tags.iter().flat_map(PlatformTag::archs).collect();
    archs.sort_unstable();
    archs.dedup();
    match archs.as_slice() {
        [arch] => Some(*arch),
        _ => None,
    }
}

fn evidence(member: &str, image: &Image, android: bool) -> Vec<Evidence> {
    let mut found: Vec<(Libc, By)> = Vec::new();
    if let Some(interpreter) = image.elf().and_then(|facts| facts.interpreter.as_deref())
        && let Some(libc) = interpreter_libc(interpreter)
    {
        found.push((libc, By::Interpreter(interpreter.to_owned())));
    }
    if let Some(api) = image.elf().and_then(|facts| facts.android_api) {
        found.push((Libc::Bionic, By::AndroidNote(api)));
    }
    let bionic = android || found.iter().any(|(libc, _)| *libc == Libc::Bionic);
    for import in &image.imports {
        if let Some(libc) = library_libc(&import.name, bionic)
            && !found.iter().any(|(known, by)| *known == libc && matches!(by, By::Needed(_)))
        {
            found.push((libc, By::Needed(import.name.clone())));
        }
    }
    if let Some((libc, part)) = file_name_libc(member) {
        found.push((libc, By::FileName(part.to_owned())));
    }
    found.into_iter().map(|(libc, by)| Evidence { member: member.to_owned(), libc, by }).collect()
}

/// Returns the C library whose program interpreter this is.
pub fn interpreter_libc(interpreter: &str) -> Option<Libc> {
    let name = interpreter.rsplit('/').next().unwrap_or(interpreter);
    if name.starts_with("ld-musl-") {
        Some(Libc::Musl)
    } else if interpreter.starts_with("/system/bin/linker") {
        Some(Libc::Bionic)
    } else if ["ld-linux", "ld64.so.", "ld.so.1"].iter().any(|prefix| name.starts_with(prefix)) {
        Some(Libc::Glibc)
    } else {
        None
    }
}

/// Returns the C library that a needed library is a part of; `libc.so` alone is Android's only where that is known.
fn library_libc(name: &str, bionic: bool) -> Option<Libc> {
    // glibc `shlib-versions`: its own libraries with the numbers they have on every Linux.
    const GLIBC: [&str; 8] = [
        "libc.so.6",
        "libm.so.6",
        "libpthread.so.0",
        "libdl.so.2",
        "librt.so.1",
        "libutil.so.1",
        "libresolv.so.2",
        "libmvec.so.1",
    ];
    if GLIBC.contains(&name) || name.starts_with("ld-linux") || name.starts_with("ld64.so.") {
        Some(Libc::Glibc)
    } else if name.starts_with("libc.musl-") || name.starts_with("ld-musl-") {
        Some(Libc::Musl)
    } else if name == "libc.so" {
        Some(if bionic { Libc::Bionic } else { Libc::Musl })
    } else {
        None
    }
}

/// Returns the C library that the platform part of an extension module's file name states, and that part.
fn file_name_libc(member: &str) -> Option<(Libc, &str)> {
    let name = member.rsplit('/').next().unwrap_or(member);
    let mut parts = name.strip_suffix(".so")?.rsplit('.');
    let soabi = parts.next()?;
    if soabi.contains("-linux-musl") {
        return Some((Libc::Musl, soabi));
    }
    if soabi.contains("-linux-android") {
        return Some((Libc::Bionic, soabi));
    }
    if !soabi.contains("-linux-gnu") {
        return None;
    }
    // CPython before 3.11 said `-linux-gnu` on musl too (python/cpython#87278), and so does PyPy.
    let version = soabi.strip_prefix("cpython-3")?.split('-').next()?.trim_end_matches(char::is_alphabetic);
    (version.parse::<u32>().ok()? >= 11).then_some((Libc::Glibc, soabi))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::synthetic::facts;

    fn detected(members: &[(&str, &str)], tags: &[&str]) -> Detection {
        let images: Vec<_> = members.iter().map(|(name, words)| (*name, facts(words).0)).collect();
        let tags: Vec<PlatformTag> = tags.iter().map(|tag| tag.parse().unwrap()).collect();
        detect(images.iter().map(|(name, image)| (*name, image)), &tags)
    }

    #[test]
    fn needed_libraries_say_which_libc() {
        for (needed, libc) in [
            ("libc.so.6", Libc::Glibc),
            ("ld-linux-aarch64.so.1", Libc::Glibc),
            ("libc.musl-x86_64.so.1", Libc::Musl),
            ("libc.so", Libc::Musl),
        ] {
            let found = detected(&[("a.so", &format!("needs:{needed}"))], &["linux_x86_64"]);
            assert_eq!((found.needed(), found.platform().libc()), (vec![libc], Some(libc)), "{needed}");
        }
        let android = detected(&[("a.so", "needs:libc.so")], &["android_24_x86_64"]);
        assert_eq!(android.needed(), [Libc::Bionic]);
    }

    #[test]
    fn interpreters_say_which_libc() {
        assert_eq!(interpreter_libc("/lib/ld-musl-armhf.so.1"), Some(Libc::Musl));
        assert_eq!(interpreter_libc("/lib64/ld-linux-x86-64.so.2"), Some(Libc::Glibc));
        assert_eq!(interpreter_libc("/lib64/ld64.so.2"), Some(Libc::Glibc));
        assert_eq!(interpreter_libc("/system/bin/linker64"), Some(Libc::Bionic));
        assert_eq!(interpreter_libc("/opt/odd"), None);
    }

    #[test]
    fn file_names_say_which_libc_from_python_3_11_on() {
        assert_eq!(file_name_libc("p/a.cpython-311-x86_64-linux-gnu.so").map(|found| found.0), Some(Libc::Glibc));
        assert_eq!(file_name_libc("p/a.cpython-313t-arm-linux-gnueabihf.so").map(|found| found.0), Some(Libc::Glibc));
        assert_eq!(file_name_libc("p/a.cpython-310-x86_64-linux-musl.so").map(|found| found.0), Some(Libc::Musl));
        for silent in ["a.cpython-310-x86_64-linux-gnu.so", "a.pypy310-pp73-x86_64-linux-gnu.so", "a.abi3.so", "a.so"] {
            assert_eq!(file_name_libc(silent), None, "{silent}");
        }
    }

    #[test]
    fn a_wheel_that_needs_no_libc_is_for_both_unless_a_file_name_excludes_one() {
        let plain = detected(&[("a.abi3.so", "")], &["linux_x86_64"]);
        assert!(plain.allows(Libc::Glibc) && plain.allows(Libc::Musl) && plain.needed().is_empty());
        let named = detected(&[("a.cpython-312-x86_64-linux-musl.so", "")], &["linux_x86_64"]);
        assert!(!named.allows(Libc::Glibc) && named.allows(Libc::Musl));
        assert_eq!((named.needed(), named.platform().libc()), (vec![], Some(Libc::Musl)));
    }

    #[test]
    fn a_mixture_is_seen_and_the_greater_part_decides() {
        let found = detected(
            &[("a.so", "needs:libc.so.6"), ("b.so", "needs:libc.so"), ("c.so", "needs:libc.so")],
            &["manylinux_2_17_x86_64"],
        );
        assert_eq!((found.needed(), found.platform().libc()), (vec![Libc::Glibc, Libc::Musl], Some(Libc::Musl)));
        let equal = detected(&[("a.so", "needs:libc.so.6"), ("b.so", "needs:libc.so")], &["musllinux_1_2_x86_64"]);
        assert_eq!(equal.platform().libc(), Some(Libc::Musl));
    }

    #[test]
    fn the_processor_is_the_tag_s_else_that_of_most() {
        let members = [("a.so", "arch:aarch64"), ("b.so", "arch:aarch64 needs:libc.so.6"), ("c.so", "needs:libc.so")];
        let tagged = detected(&members, &["linux_x86_64"]);
        assert_eq!((tagged.arch, tagged.needed()), (Some(Arch::X86_64), vec![Libc::Musl]));
        let untagged = detected(&members, &[]);
        assert_eq!((untagged.arch, untagged.needed()), (Some(Arch::Aarch64), vec![Libc::Glibc]));
        assert_eq!(untagged.archs[&Arch::X86_64], 1);
    }
}
