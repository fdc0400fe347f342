//! What Windows tags state: a processor.

use crate::abi::{self, BinaryKind};
use crate::arch::Arch;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::format::pe::Hybrid;
use crate::format::{Format, Image, ImageKind};
use crate::platform::{Platform, windows::Windows};
use crate::policy::earned::Earned;
use crate::policy::subject::{Standing, Subject, SubjectBinary};
use crate::tag::PlatformTag;

/// Processors that have a tag.
const ARCHES: [Arch; 3] = [Arch::X86, Arch::X86_64, Arch::Aarch64];

/// Returns the tags that the binaries earn: those of processors for which every extension module is.
///
/// Programs and libraries for other processors take no tag away where there is an extension module, or where the tag is
/// claimed and another binary is for it: launchers and injected libraries are shipped for several. They are told of.
/// A wheel without binaries that a loader loads earns `any`.
pub(in crate::policy) fn earned(subject: &Subject<'_>, claimed: &[PlatformTag]) -> Earned {
    let survey = Survey::of(subject);
    if survey.binaries.is_empty() {
        return Earned { tags: vec![PlatformTag::Any], ..Earned::default() };
    }
    let claimed: Vec<Arch> = ARCHES.into_iter().filter(|arch| claimed.contains(&tag(*arch))).collect();
    let earned: Vec<Arch> = ARCHES.into_iter().filter(|arch| survey.is_for(*arch, &claimed)).collect();
    let mut notes = Vec::new();
    if let [arch] = earned.as_slice() {
        let strangers = survey.binaries.iter().filter(|binary| !Windows.loads(*arch, binary.image));
        notes.extend(strangers.filter(|binary| !is_extension(binary)).map(|binary| stranger(binary, *arch)));
    }
    Earned { tags: earned.into_iter().map(tag).collect(), notes, ..Earned::default() }
}

/// Returns every reason why `tag` is not earned.
pub(in crate::policy) fn refusals(tag: &PlatformTag, subject: &Subject<'_>) -> Vec<Diagnostic> {
    let PlatformTag::Windows { arch } = tag else { return Vec::new() };
    let survey = Survey::of(subject);
    let judged: Vec<&&SubjectBinary<'_>> = match survey.has_extension() {
        true => survey.binaries.iter().filter(|binary| is_extension(binary)).collect(),
        false => survey.binaries.iter().collect(),
    };
    let foreign = judged.into_iter().filter(|binary| !Windows.loads(*arch, binary.image));
    foreign
        .map(|binary| {
            let message = format!("is for {}, and `{tag}` for {}", machine(binary.image), name(*arch));
            Diagnostic::new(Code::TW406, message).member(binary.member)
        })
        .collect()
}

/// The wheel's own binaries that a loader loads.
struct Survey<'a, 's> {
    binaries: Vec<&'a SubjectBinary<'s>>,
}

impl<'a, 's> Survey<'a, 's> {
    fn of(subject: &'a Subject<'s>) -> Self {
        let own = subject.binaries().iter().filter(|binary| binary.standing != Standing::External);
        Self {
            binaries: own
                .filter(|binary| binary.image.format == Format::Pe && binary.image.kind != ImageKind::Object)
                .filter(|binary| !is_portable(binary.image))
                .collect(),
        }
    }

    fn has_extension(&self) -> bool {
        self.binaries.iter().any(|binary| is_extension(binary))
    }

    /// Whether the wheel is for a processor; `claimed` are those of its tags.
    fn is_for(&self, arch: Arch, claimed: &[Arch]) -> bool {
        let loads = |binary: &&&SubjectBinary<'_>| Windows.loads(arch, binary.image);
        let extensions: Vec<&&SubjectBinary<'_>> = self.binaries.iter().filter(|binary| is_extension(binary)).collect();
        if !extensions.is_empty() {
            // Modules for several processors lie side by side if their names say for which each is: each interpreter
            // takes its own.
            return extensions.iter().any(loads)
                && extensions.iter().all(|binary| loads(binary) || names_its_platform(binary));
        }
        let fitting = self.binaries.iter().filter(loads).count();
        fitting == self.binaries.len() || (fitting > 0 && claimed.contains(&arch))
    }
}

/// Whether it is .NET's for any processor: such a file says that it is for x86.
fn is_portable(image: &Image) -> bool {
    image.arch == Arch::X86 && image.pe().is_some_and(|facts| facts.is_managed)
}

fn is_extension(binary: &SubjectBinary<'_>) -> bool {
    abi::examine(binary.image, binary.symbols, binary.file_name()).kind == BinaryKind::Extension
}

/// Whether the file name has a platform in it that interpreters for other ones pass over: `m.cp311-win32.pyd`.
fn names_its_platform(binary: &SubjectBinary<'_>) -> bool {
    let name = binary.file_name().to_ascii_lowercase();
    let mut parts = name.split('.').rev();
    parts.next() == Some("pyd")
        && parts.next().is_some_and(|tag| {
            let arch = tag.rsplit_once('-').map(|(_, platform)| platform);
            arch.is_some_and(|platform| ARCHES.into_iter().any(|arch| arch_tag(arch) == platform))
        })
}

fn arch_tag(arch: Arch) -> String {
    tag(arch).to_string()
}

/// What should be known of a binary for another processor.
fn stranger(binary: &SubjectBinary<'_>, arch: Arch) -> Diagnostic {
    let message = format!("is for {}, and the wheel for {}", machine(binary.image), name(arch));
    let severity = match binary.image.kind {
        ImageKind::Library => Severity::Warning,
        ImageKind::Program | ImageKind::Object => Severity::Note,
    };
    Diagnostic::new(Code::TW406, message).member(binary.member).at(severity)
}

fn tag(arch: Arch) -> PlatformTag {
    PlatformTag::Windows { arch }
}

/// A processor as people call it on Windows.
fn name(arch: Arch) -> &'static str {
    match arch {
        Arch::X86 => "x86",
        Arch::X86_64 => "x64",
        Arch::Aarch64 => "ARM64",
        Arch::Armv7l | Arch::Armv6l => "32-bit ARM",
        _ => "another processor",
    }
}

/// What a file is for, with its second machine where it has one.
pub fn machine(image: &Image) -> String {
    let own = name(image.arch);
    match image.pe().and_then(|facts| facts.hybrid) {
        Some(Hybrid::Arm64ec) => "x64 programs on ARM64 machines (ARM64EC)".into(),
        Some(Hybrid::Arm64x) => format!("{own} (ARM64X)"),
        Some(Hybrid::Chpe) => format!("{own} programs on ARM64 machines (CHPE)"),
        None => own.into(),
    }
}
