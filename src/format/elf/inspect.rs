//! From raw tables to an `Image`: what a loader would see, and what contradicts it.

use object::elf;

use super::facts::{CompactRelocations, ElfFacts, Hashes, Linkage, Pages, SectionFacts, Stack};
use super::names::Names;
use super::notes::{NoteFacts, read_notes};
use super::read::{DynamicEntry, Elf, Section, Strings, last};
use super::{contradict, machine, strip};
use crate::error::Result;
use crate::format::bytes::escaped;
use crate::format::excerpt::Excerpt;
use crate::format::image::{Details, Fault, FaultKind, Format, Image, ImageKind};

/// The longest name that a kernel opens (`PATH_MAX`).
pub(super) const MAX_NAME: usize = 4096;
/// `DT_DEBUG`, `DT_MIPS_RLD_MAP` and `DT_MIPS_RLD_MAP_REL`: where debuggers find the list of libraries.
const DEBUG: [i64; 3] = [elf::DT_DEBUG.0, 0x7000_0016, 0x7000_0035];

/// The dynamic section as loaders read it.
pub(super) struct Dynamic<'a> {
    pub(super) entries: Vec<DynamicEntry>,
    pub(super) strings: Result<Strings<'a>>,
    /// A `DT_NULL` ends it, and its strings can be found.
    sound: bool,
}

/// Returns the facts of an ELF file.
///
/// # Errors
/// `Malformed` if the header or the program headers leave the file or contradict themselves. Everything else that is
/// wrong is a fault of the image.
pub fn inspect(file: Excerpt<'_>) -> Result<Image> {
    let (file, section_error) = Elf::parse_as_loader(file)?;
    let mut faults = Vec::new();
    if let Some(error) = section_error {
        faults.push(fault(FaultKind::Truncated, error.message()));
    }
    check_segments(&file, &mut faults);
    let notes = read_notes(&file, &mut faults);
    let interpreter = read_interpreter(&file, &mut faults);
    let mut dynamic = read_dynamic(&file, &mut faults);
    let linkage = linkage(&file, dynamic.as_ref(), interpreter.is_some());
    let kind = match linkage {
        Linkage::Library => ImageKind::Library,
        Linkage::Program | Linkage::Pie | Linkage::Static | Linkage::StaticPie => ImageKind::Program,
        Linkage::Relocatable | Linkage::DebugCompanion | Linkage::Core | Linkage::Unknown => ImageKind::Object,
    };
    if linkage == Linkage::DebugCompanion {
        // Its headers are another file's: nothing they say about contents holds here.
        dynamic = None;
        faults.clear();
    }
    if let Some(dynamic) = &dynamic {
        contradict::check_sections(&file, &dynamic.entries, &mut faults);
    }
    let names = Names::read(dynamic.as_ref(), &mut faults);
    let facts = ElfFacts {
        filters: names.filters,
        auxiliaries: names.auxiliaries,
        audit: names.audit,
        dependency_audit: names.dependency_audit,
        ..facts(&file, dynamic.as_ref(), linkage, interpreter, notes)
    };
    let android = facts.android_api.is_some()
        || facts.interpreter.as_deref().is_some_and(|name| name.starts_with("/system/bin/linker"));
    Ok(Image {
        format: Format::Elf,
        arch: machine::arch(&file.header, facts.float_abi, android),
        kind,
        identity: names.identity,
        imports: names.imports,
        search_paths: names.search_paths,
        slice: 0..file.bytes.len(),
        debug_bytes: strip::debug_bytes(&file),
        details: Details::Elf(Box::new(facts)),
        faults,
    })
}

/// Reads the dynamic section; `None` if there is none, or a loader sees only zeros there.
pub(super) fn read_dynamic<'a>(file: &Elf<'a>, faults: &mut Vec<Fault>) -> Option<Dynamic<'a>> {
    let segment = file.dynamic_segment()?;
    let (offset, size) = match file.dynamic_range() {
        Ok(range) => range?,
        Err(_) if segment.file_size == 0 => return None,
        Err(error) => {
            faults.push(fault(FaultKind::Truncated, error.context("`PT_DYNAMIC`")));
            return None;
        }
    };
    if segment.offset != offset.0 {
        faults.push(fault(
            FaultKind::Contradiction,
            format!("`PT_DYNAMIC` is at offset {:#x}, but its address is at {:#x}", segment.offset, offset.0),
        ));
    }
    let (entries, ended) = match file.dynamic_entries(offset, size) {
        Ok(entries) => entries,
        Err(error) => {
            faults.push(fault(FaultKind::Truncated, error.context("`PT_DYNAMIC`")));
            return None;
        }
    };
    if !ended {
        faults.push(fault(FaultKind::Truncated, "no `DT_NULL` ends the dynamic section"));
    }
    let strings = file.dynamic_strings(&entries);
    let sound = ended && strings.is_ok();
    Some(Dynamic { entries, strings, sound })
}

/// Decides how the file is linked.
pub(super) fn linkage(file: &Elf<'_>, dynamic: Option<&Dynamic<'_>>, has_interpreter: bool) -> Linkage {
    let companion = is_companion(file, dynamic);
    let has = |tag: i64| dynamic.is_some_and(|dynamic| last(&dynamic.entries, tag).is_some());
    let flags_1 = dynamic.and_then(|dynamic| last(&dynamic.entries, elf::DT_FLAGS_1.0)).unwrap_or(0);
    let is_pie = flags_1 & elf::DF_1_PIE.0 != 0;
    match elf::FileType(file.header.kind) {
        elf::ET_REL => Linkage::Relocatable,
        elf::ET_CORE => Linkage::Core,
        elf::ET_EXEC | elf::ET_DYN if companion => Linkage::DebugCompanion,
        elf::ET_EXEC if has_interpreter => Linkage::Program,
        elf::ET_EXEC => Linkage::Static,
        elf::ET_DYN if is_pie && has_interpreter => Linkage::Pie,
        elf::ET_DYN if is_pie => Linkage::StaticPie,
        // Linkers give DT_DEBUG, or MIPS's like of it, to programs only; libc.so.6 and others are libraries that can be run.
        elf::ET_DYN if has_interpreter && (dynamic.is_none() || DEBUG.iter().any(|tag| has(*tag))) => Linkage::Pie,
        elf::ET_DYN if dynamic.is_some() => Linkage::Library,
        // Packers leave such programs; the kernel starts them, no loader loads them.
        elf::ET_DYN if file.header.entry.0 != 0 && file.loads().any(|segment| segment.flags & elf::PF_X.0 != 0) => {
            Linkage::StaticPie
        }
        _ => Linkage::Unknown,
    }
}

/// Whether the file holds only the debug sections of another.
///
/// GNU objcopy cuts the segments, so a loader finds zeros; elfutils leaves the program headers as they were, so they
/// point at arbitrary bytes. What loads is never taken for a companion, whatever its sections say.
fn is_companion(file: &Elf<'_>, dynamic: Option<&Dynamic<'_>>) -> bool {
    let code = |section: &&Section| section.flags & (elf::SHF_ALLOC.0 | elf::SHF_EXECINSTR.0) == 6;
    let mut code = file.sections.iter().filter(code).peekable();
    if code.peek().is_none() || !code.all(|section| section.kind == elf::SHT_NOBITS.0) {
        return false;
    }
    match file.dynamic_segment() {
        Some(_) => dynamic.is_none_or(|dynamic| !dynamic.sound || dynamic.entries.is_empty()),
        None => file.loads().filter(|segment| segment.flags & elf::PF_X.0 != 0).all(|segment| {
            segment.file_size == 0 || segment.offset.saturating_add(segment.file_size) > file.bytes.len()
        }),
    }
}

/// States what no loader accepts about the segments.
fn check_segments(file: &Elf<'_>, faults: &mut Vec<Fault>) {
    let mut outside = 0;
    let mut previous = None;
    let mut unordered = false;
    let mut shifted = None;
    for segment in file.loads() {
        if segment.offset.checked_add(segment.file_size).is_none_or(|end| end > file.bytes.len()) {
            outside += 1;
        }
        if segment.file_size > segment.memory_size {
            faults.push(fault(FaultKind::Suspicious, "a loaded segment is larger in the file than in memory"));
        }
        unordered |= previous.is_some_and(|address| segment.address < address);
        previous = Some(segment.address);
        if segment.align > 1
            && segment.file_size > 0
            && segment.address.wrapping_sub(segment.offset) % segment.align != 0
        {
            shifted = Some(segment.align);
        }
        if faults.len() > 16 {
            break;
        }
    }
    if outside > 0 {
        faults.push(fault(FaultKind::Truncated, format!("{outside} loaded segments leave the file")));
    }
    if unordered {
        faults.push(fault(FaultKind::Suspicious, "the loaded segments are not in ascending order"));
    }
    if let Some(align) = shifted {
        // glibc up to 2.34 refuses such a file (elf/dl-load.c, "not properly aligned").
        faults.push(fault(
            FaultKind::Suspicious,
            format!("address and offset of a loaded segment differ by no multiple of its alignment {align:#x}"),
        ));
    }
    let dynamics = file.segments.iter().filter(|segment| segment.kind == elf::PT_DYNAMIC.0).count();
    if dynamics > 1 {
        faults.push(fault(FaultKind::Contradiction, format!("{dynamics} `PT_DYNAMIC` segments")));
    }
}

/// Reads the interpreter: the kernel takes the first `PT_INTERP`, by file offset, and wants a NUL at its end.
fn read_interpreter(file: &Elf<'_>, faults: &mut Vec<Fault>) -> Option<String> {
    let segment = file.segments.iter().find(|segment| segment.kind == elf::PT_INTERP.0)?;
    let name = file
        .bytes
        .slice(segment.offset, segment.file_size)
        .ok()
        .filter(|name| (2..=MAX_NAME).contains(&name.len()) && name.last() == Some(&0));
    let Some(name) = name else {
        faults.push(fault(FaultKind::Truncated, "`PT_INTERP` holds no name that ends with NUL"));
        return None;
    };
    Some(escaped(name.split(|byte| *byte == 0).next().unwrap_or_default()))
}

fn facts(
    file: &Elf<'_>,
    dynamic: Option<&Dynamic<'_>>,
    linkage: Linkage,
    interpreter: Option<String>,
    notes: NoteFacts,
) -> ElfFacts {
    let header = &file.header;
    let arm = machine::arm_attributes(file);
    let value = |tag: elf::DynamicTag| dynamic.and_then(|dynamic| last(&dynamic.entries, tag.0));
    let flags = value(elf::DT_FLAGS).unwrap_or(0);
    let flags_1 = value(elf::DT_FLAGS_1).unwrap_or(0);
    let has_segment = |kind: elf::ProgramType| file.segments.iter().any(|segment| segment.kind == kind.0);
    let executable_and_writable = elf::PF_X.0 | elf::PF_W.0;
    ElfFacts {
        width: header.width,
        endian: header.endian,
        object_type: header.kind,
        machine: header.machine,
        flags: header.flags,
        os_abi: header.os_abi,
        float_abi: machine::float_abi(header, arm),
        ppc64_abi: machine::ppc64_abi(header),
        arm_cpu: arm.and_then(|arm| arm.cpu),
        linkage,
        interpreter,
        stack: stack(file),
        text_relocations: value(elf::DT_TEXTREL).is_some() || flags & elf::DF_TEXTREL.0 != 0,
        writable_code: file.loads().any(|segment| segment.flags & executable_and_writable == executable_and_writable),
        dynamic_flags: flags,
        dynamic_flags_1: flags_1,
        bind_now: value(elf::DT_BIND_NOW).is_some()
            || flags & elf::DF_BIND_NOW.0 != 0
            || flags_1 & elf::DF_1_NOW.0 != 0,
        relro: has_segment(elf::PT_GNU_RELRO),
        hashes: Hashes { sysv: value(elf::DT_HASH).is_some(), gnu: value(elf::DT_GNU_HASH).is_some() },
        relocations: CompactRelocations {
            relr: value(elf::DT_RELR).is_some(),
            android_relr: value(elf::DT_ANDROID_RELR).is_some(),
            android_packed: value(elf::DT_ANDROID_REL).is_some() || value(elf::DT_ANDROID_RELA).is_some(),
        },
        properties: notes.properties,
        pages: pages(file),
        build_id: notes.build_id,
        android_api: notes.android_api,
        dlopens: notes.dlopens,
        package_note: notes.package,
        filters: Vec::new(),
        auxiliaries: Vec::new(),
        audit: None,
        dependency_audit: None,
        sections: sections(file),
        overlay: overlay(file),
    }
}

fn stack(file: &Elf<'_>) -> Stack {
    // The last header wins in glibc and the kernel.
    match file.segments.iter().rev().find(|segment| segment.kind == elf::PT_GNU_STACK.0) {
        Some(segment) if segment.flags & elf::PF_X.0 != 0 => Stack::Executable,
        Some(_) => Stack::Plain,
        None => Stack::Unstated { executable: machine::default_stack_is_executable(file.header.machine) },
    }
}

fn pages(file: &Elf<'_>) -> Pages {
    let mut loads: Vec<_> = file.loads().filter(|segment| segment.memory_size > 0).collect();
    loads.sort_by_key(|segment| segment.address);
    let fits = |page: u64| {
        let aligned = loads.iter().all(|segment| segment.align >= page && segment.align % page == 0);
        let congruent = loads.iter().all(|segment| segment.address.wrapping_sub(segment.offset) % page == 0);
        let apart = loads.windows(2).all(|pair| match pair {
            [a, b] => a.flags == b.flags || a.address.saturating_add(a.memory_size - 1) / page < b.address / page,
            _ => true,
        });
        aligned && congruent && apart
    };
    Pages {
        max_align: loads.iter().map(|segment| segment.align).max().unwrap_or(0),
        max_page: if loads.is_empty() {
            0
        } else {
            [0x10000, 0x8000, 0x4000, 0x2000, 0x1000].into_iter().find(|page| fits(*page)).unwrap_or(0)
        },
    }
}

fn sections(file: &Elf<'_>) -> Option<SectionFacts> {
    if file.sections.is_empty() {
        return None;
    }
    let mut facts = SectionFacts { count: file.sections.len() as u64, ..SectionFacts::default() };
    for section in file.sections.iter().filter(|section| section.kind != elf::SHT_NOBITS.0) {
        if is_debug(file, section) {
            facts.has_debug = true;
            facts.debug_bytes = facts.debug_bytes.saturating_add(section.size);
        }
        if section.kind == elf::SHT_SYMTAB.0 {
            facts.has_symtab = true;
            let strings = usize::try_from(section.link).ok().and_then(|link| file.sections.get(link));
            let strings = strings.map_or(0, |strings| strings.size);
            facts.symtab_bytes = facts.symtab_bytes.saturating_add(section.size).saturating_add(strings);
        }
    }
    Some(facts)
}

/// Whether a section holds debug information only.
pub(super) fn is_debug(file: &Elf<'_>, section: &Section) -> bool {
    const PREFIXES: [&[u8]; 5] = [b".debug", b".zdebug", b".gdb_index", b".stab", b".gnu.debuglto_"];
    section.flags & elf::SHF_ALLOC.0 == 0
        && PREFIXES.iter().any(|prefix| file.section_name(section).starts_with(prefix))
}

/// Counts the bytes after everything that a header names.
fn overlay(file: &Elf<'_>) -> u64 {
    let header = &file.header;
    let table = |offset: u64, count: u64, size: u64| offset.saturating_add(count.saturating_mul(size));
    let tables = [
        header.size(),
        table(header.program_headers.0, header.program_header_count, header.segment_size()),
        table(header.section_headers.0, header.section_count, header.section_size()),
    ];
    let segments = file.segments.iter().map(|segment| segment.offset.saturating_add(segment.file_size));
    let sections = file
        .sections
        .iter()
        .filter(|section| section.kind != elf::SHT_NOBITS.0 && section.kind != elf::SHT_NULL.0)
        .map(|section| section.offset.saturating_add(section.size));
    let end = tables.into_iter().chain(segments).chain(sections).max().unwrap_or(0);
    file.bytes.len().saturating_sub(end)
}

/// Returns a fault from a phrase or an error.
pub(super) fn fault(kind: FaultKind, message: impl ToString) -> Fault {
    Fault { kind, message: message.to_string() }
}
