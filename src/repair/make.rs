//! Making a plan: from a wheel's facts and the options, without touching anything.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::copies::{program_database, vendored};
use super::draft::{Decided, Drafter, base};
use super::include;
use super::links::Links;
use super::options::Options;
use super::places::Places;
use super::plan::{MemberEdit, Plan, TagChange, VendoredLibrary};
use super::recorded::Recorded;
use super::rules::{Given, Rules};
use super::tags::{Wanted, raised, select};
use crate::arch::Arch;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::error::{Error, Result};
use crate::format::{self, Format};
use crate::load::{
    self, AddedDirectory, Binary, FileBytes, Files, Folder, Graph, ObjectId, Resolution, Sysroot, System, Target,
    Universe,
};
use crate::platform::{Platform, detect};
use crate::policy::{self, Earned, Externals, PolicyFamily, Subject};
use crate::tag::{PlatformTag, WheelFilename};
use crate::wheel::pythons::Pythons;
use crate::wheel::write::Sums;

/// What a plan is made from.
pub(super) struct Input<'a> {
    /// The wheel's file name.
    pub filename: &'a WheelFilename,
    /// Its binaries, then the included libraries as they will lie.
    pub binaries: &'a [Binary],
    /// Where each included library comes from, by its archive name.
    pub included: &'a BTreeMap<String, PathBuf>,
    /// Where things lie.
    pub places: &'a Places,
    /// What an earlier repair recorded.
    pub recorded: &'a Recorded,
    /// For which platform, and for each of its processors; never empty.
    pub targets: &'a [Target],
    /// Installed directories that start-up code in the wheel gives to the loader.
    pub added: &'a [AddedDirectory],
    /// The Pythons that it is for.
    pub pythons: &'a Pythons,
    /// The oldest of them that start-up code has to serve.
    pub python_floor: (u8, u16),
    /// Binaries that could not be read.
    pub unreadable: &'a [load::Unreadable],
    /// What is known of files outside.
    pub files: &'a Files,
    /// The wheel says that it is pure Python, and binaries lie at its root.
    pub false_purelib: bool,
}

impl<'a> Input<'a> {
    /// The universe of nothing but the wheel's binaries.
    pub fn universe<'b>(&self, binaries: &'b [Binary]) -> Universe<'b>
    where
        'a: 'b,
    {
        let universe = Universe::new(binaries).with_files(self.files);
        self.added.iter().cloned().fold(universe, Universe::with_added_directory)
    }

    /// The first target: of ELF and PE wheels the only one.
    pub fn target(&self) -> Target {
        // INVARIANT: `targets` is never empty.
        self.targets[0]
    }
}

/// Returns the platform a wheel is repaired for, and each processor.
///
/// # Errors
/// `Refused` if its binaries say of no processor that it is for that, or are for several C libraries.
pub(super) fn targets(binaries: &[Binary], filename: &WheelFilename, asked: &[PlatformTag]) -> Result<Vec<Target>> {
    let claimed = filename.tags.platforms();
    let platform = policy::platform(binaries, claimed);
    if platform.format() == Format::Elf {
        return target(binaries, filename, asked).map(|target| vec![target]);
    }
    let images = binaries.iter().map(|binary| (binary.member.as_str(), binary.image.as_ref()));
    let targets = load::targets(platform, images, claimed);
    if targets.is_empty() {
        return Err(Error::refused("no binary says which processor the wheel is for"));
    }
    Ok(targets)
}

/// Returns the platform and the processor an ELF wheel is repaired for.
fn target(binaries: &[Binary], filename: &WheelFilename, asked: &[PlatformTag]) -> Result<Target> {
    let claimed = filename.tags.platforms();
    let images = binaries.iter().map(|binary| (binary.member.as_str(), binary.image.as_ref()));
    let detection = detect::detect(images.filter(|(_, image)| image.format == Format::Elf), claimed);
    let needed = detection.needed();
    if needed.len() > 1 {
        let says: Vec<String> = detection
            .evidence
            .iter()
            .map(|evidence| format!("`{}` is for {}", evidence.member, evidence.libc.name()))
            .take(6)
            .collect();
        return Err(Error::refused(format!("binaries for several C libraries: {}", says.join(", "))));
    }
    let arch = detection.arch.ok_or_else(|| Error::refused("no binary says which processor the wheel is for"))?;
    let mut platform = detection.platform();
    // What needs no C library may be for any; the tag that was asked for decides.
    if needed.is_empty()
        && let Some(wanted) = asked.iter().find_map(crate::platform::of)
        && wanted.libc().is_some_and(|libc| detection.allows(libc))
    {
        platform = wanted;
    }
    Ok(Target { platform, arch })
}

/// Adds the sources outside the wheel, in the contract's order.
///
/// # Errors
/// `Io` if the `--sysroot` is absent.
pub(super) fn sources<'a>(
    mut universe: Universe<'a>,
    options: &Options,
    targets: &[Target],
    diagnostics: &mut Vec<Diagnostic>,
) -> Result<Universe<'a>> {
    let sysroot = options.search.sysroot.as_deref().map(Sysroot::new).transpose()?;
    for folder in &options.search.folders {
        match Folder::new(folder, sysroot.as_ref()) {
            Ok(source) => universe = universe.with_source(source),
            Err(error) => diagnostics.push(Diagnostic::new(
                Code::TW703,
                format!("`--lib-path {}` is not a folder: {}", folder.display(), error.message()),
            )),
        }
    }
    // What the program's folder stands for is searched as if it had been named.
    for folder in executable_folders(universe.wheel(), options) {
        if let Ok(source) = Folder::new(&folder, sysroot.as_ref()) {
            universe = universe.with_source(source);
        }
    }
    if let Some(view) = sysroot {
        universe = universe.with_source(System::sysroot(view));
    }
    if options.search.host && targets.iter().any(|target| load::is_this_machine(*target)) {
        let host = load::host_sources(&options.search.environment);
        universe = host.into_iter().fold(universe, Universe::with_boxed_source);
    }
    Ok(universe)
}

/// The folders that `@executable_path` in imports and run paths leads to, for the program of `--executable-path`.
fn executable_folders(binaries: &[Binary], options: &Options) -> BTreeSet<PathBuf> {
    let Some(program) = &options.search.executable else { return BTreeSet::new() };
    let imports = binaries
        .iter()
        .flat_map(|binary| &binary.image.imports)
        .map(|import| import.name.rsplit_once('/').map_or("", |(folder, _)| folder));
    let run_paths = binaries.iter().flat_map(|binary| &binary.image.search_paths).map(|search| search.path.as_str());
    let below = imports.chain(run_paths).filter_map(|path| path.strip_prefix("@executable_path"));
    below.map(|rest| program.join(rest.trim_start_matches('/'))).collect()
}

/// Returns the plan; findings at error level in it say why it must not be carried out.
///
/// # Errors
/// `Usage` for what makes no sense, `Io` for files that cannot be read, `Refused` where names clash.
pub(super) fn make(input: &Input<'_>, options: &Options) -> Result<Plan> {
    let mut diagnostics = Vec::new();
    let Target { platform, .. } = input.target();
    let rules = rules(input, options, &mut diagnostics)?;
    let universe = sources(input.universe(input.binaries), options, input.targets, &mut diagnostics)?;
    let graph = load::resolve_each(&universe, input.targets, |_| &rules)?;
    let graph = include::imported(graph, input.included);
    let sums = sums(&graph, input.files)?;
    let links = Links::of(&graph);
    let drafter = Drafter {
        graph: &graph,
        links,
        rules: &rules,
        options,
        platform,
        places: input.places,
        binaries: input.binaries,
        added: input.added,
        python_floor: input.python_floor,
        sums: &sums,
    };
    if options.strip.is_some() && platform.format() != Format::Elf {
        let message = format!("`--strip` is for ELF: nothing is stripped in a wheel for {}", platform.name());
        diagnostics.push(Diagnostic::new(Code::TW703, message));
    }
    let mut decided = drafter.decide()?;
    diagnostics.append(&mut decided.diagnostics);
    diagnostics.extend(input.unreadable.iter().map(load::Unreadable::finding));
    if !options.exclude.is_empty() {
        diagnostics.extend(unmatched(&graph, options));
    }
    let mut judged = Subject::of(&graph, Externals::Vendored);
    if drafter.no_python_stays() {
        judged = judged.tolerating(Code::TW501);
    }
    if options.any_processor {
        judged = judged.tolerating(Code::TW405);
    }
    let mut earned = policy::earned(&options.policies, &judged, input.filename.tags.platforms());
    diagnostics.append(&mut earned.notes);
    let (after, recorded) = retag(input, options, &earned, &judged, &mut diagnostics, &decided.excluded)?;
    diagnostics.extend(driver_libraries(&decided, &graph));
    let decisions = drafter.plan_file(&decided)?;
    let edits = edits(input, &decided);
    let mut vendored = vendored(&decided, &graph, &sums, input, options, &mut diagnostics)?;
    if platform.name() == "macos" {
        diagnostics.extend(missing_archs(input, options, &vendored)?);
    }
    let startup = std::mem::take(&mut decided.startup);
    if options.include_symbols {
        let databases: Vec<VendoredLibrary> =
            vendored.iter().filter_map(|library| program_database(library, input.files)).collect();
        vendored.extend(databases);
        vendored.sort_by(|a, b| a.member.cmp(&b.member));
    }
    drop(judged);
    let tags = TagChange { before: input.filename.clone(), after, earned };
    drop(drafter);
    Ok(Plan { vendored, edits, startup, tags, platlib: input.false_purelib, recorded, decisions, diagnostics, graph })
}

fn rules<'a>(input: &Input<'_>, options: &'a Options, diagnostics: &mut Vec<Diagnostic>) -> Result<Rules<'a>> {
    let Target { platform, arch } = input.target();
    let family = PolicyFamily::of_platform(platform);
    let mut policies = Vec::new();
    for tag in options.plat.iter().filter(|_| family.is_some()) {
        match options.policies.find(tag) {
            Some((policy, of)) if of == arch => {
                if Some(policy.family) != family {
                    return Err(Error::refused(format!(
                        "`--plat {tag}` is for {}, the wheel's binaries are for {}",
                        policy.family.name(),
                        platform.libc().map_or(platform.name(), crate::platform::Libc::name)
                    )));
                }
                policies.push(policy);
            }
            Some((_, of)) => {
                return Err(Error::refused(format!(
                    "`--plat {tag}` is for {}, the wheel's binaries are for {}",
                    of.linux_name(),
                    arch.linux_name()
                )));
            }
            None if matches!(tag, PlatformTag::Linux { arch: of } if *of == arch) => {}
            None => return Err(asked_for_another(tag, platform, arch)),
        }
    }
    if let (None, Some(tag)) = (family, options.plat.iter().find(|tag| !platform.owns(tag))) {
        return Err(asked_for_another(tag, platform, arch));
    }
    let given = if !policies.is_empty() {
        Given::All(policies, arch)
    } else if family.is_none_or(|family| options.policies.of(family, arch).next().is_some()) {
        Given::Any(policy::Given::new(&options.policies, platform, arch).for_pythons(Some(input.pythons)))
    } else {
        Given::Nothing
    };
    let recorded: BTreeSet<String> = match options.ignore_recorded {
        true => BTreeSet::new(),
        false => input.recorded.excluded.iter().cloned().collect(),
    };
    for name in &recorded {
        diagnostics.push(Diagnostic::new(
            Code::TW304,
            format!("`{name}` was left to the user's machine by an earlier repair, and is again"),
        ));
    }
    Ok(Rules { given, exclude: &options.exclude, recorded, plan: options.decisions.as_ref() })
}

/// Sums of every file outside that the graph has.
fn sums(graph: &Graph, files: &Files) -> Result<BTreeMap<ObjectId, Sums>> {
    let external: Vec<(ObjectId, &Path)> =
        graph.external_objects().filter_map(|(id, object)| Some((id, object.external_path()?))).collect();
    external.into_par_iter().map(|(id, path)| Ok((id, files.sums(path)?))).collect()
}

fn asked_for_another(tag: &PlatformTag, platform: &dyn Platform, arch: Arch) -> Error {
    let (platform, arch) = (platform.name(), platform.arch_name(arch));
    Error::refused(format!("`--plat {tag}` was asked for, and the wheel's binaries are for {platform} ({arch})"))
}

/// Patterns of `--exclude` that match nothing.
fn unmatched(graph: &Graph, options: &Options) -> Vec<Diagnostic> {
    let mut matched = BTreeSet::new();
    for edge in graph.all_roots().flat_map(|root| &root.edges) {
        let name = &graph.import(edge).name;
        matched.extend(options.exclude.matching(name));
        matched.extend(options.exclude.matching(base(name)));
        if let Some(found) = &edge.found {
            matched.extend(options.exclude.matching(found));
        }
    }
    let given = &options.exclude_as_given;
    let unmatched = options.exclude.texts().iter().enumerate().filter(|(at, _)| !matched.contains(at));
    unmatched
        .filter(|(_, text)| given.contains(text))
        .map(|(_, text)| {
            let found = Diagnostic::new(Code::TW703, format!("`--exclude {text}` matches no library"));
            // delocate excludes by any part of a path.
            let edges = graph.all_roots().flat_map(|root| &root.edges);
            let mut imports = edges
                .filter(|edge| matches!(edge.resolution, Resolution::Missing | Resolution::Object(_)))
                .map(|edge| graph.import(edge).name.as_str());
            match imports.find(|name| name.contains(text.as_str())) {
                Some(name) => found.help(format!("it is a glob: `*{text}*` matches `{name}`")),
                None => found,
            }
        })
        .collect()
}

/// Libraries of drivers and dispatchers: a copy would not fit the user's hardware.
fn driver_libraries(decided: &Decided, graph: &Graph) -> Vec<Diagnostic> {
    let patterns: Vec<String> = policy::presets()
        .iter()
        .filter(|preset| preset.driver)
        .flat_map(|preset| preset.libraries.iter().cloned())
        .collect();
    let Ok(patterns) = super::options::Patterns::new(patterns) else { return Vec::new() };
    let mut found = Vec::new();
    for draft in &decided.vendored {
        let Some(object) = draft.slices.first().map(|id| graph.object(*id)) else { continue };
        let name = object.image.identity.as_deref().unwrap_or(object.file_name());
        if patterns.matches(name) {
            let message = format!("`{name}` belongs to the user's machine (driver or dispatcher) and was vendored");
            found.push(Diagnostic::new(Code::TW306, message).help(format!("leave it there: `--exclude {name}`")));
        }
    }
    found
}

/// Binaries of the result that lack an architecture of `--require-archs`.
fn missing_archs(input: &Input<'_>, options: &Options, vendored: &[VendoredLibrary]) -> Result<Vec<Diagnostic>> {
    let wanted = options.require_archs.archs(input.filename.tags.platforms());
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    // The graph has of a file outside only the slices that something loads.
    let mut copied = Vec::new();
    for library in vendored {
        for source in library.sources() {
            let images = format::inspect_unverified(&FileBytes::open(&source.path)?);
            let images = images.map_err(|error| error.about(source.path.display()))?;
            copied.extend(images.into_iter().map(|image| (library.member.as_str(), image)));
        }
    }
    let own = input.binaries.iter().map(|binary| (binary.member.as_str(), &*binary.image));
    Ok(policy::apple::missing_archs(own.chain(copied.iter().map(|(member, image)| (*member, image))), &wanted))
}

/// Chooses the tags, or says why there are none.
fn retag(
    input: &Input<'_>,
    options: &Options,
    earned: &Earned,
    judged: &Subject<'_>,
    diagnostics: &mut Vec<Diagnostic>,
    excluded: &BTreeSet<String>,
) -> Result<(WheelFilename, Recorded)> {
    let claimed = input.filename.tags.platforms();
    let only = options.only_plat || (options.plat.is_empty() && input.recorded.only_plat && !options.ignore_recorded);
    let mut recorded = Recorded { only_plat: only, excluded: excluded.iter().cloned().collect() };
    recorded.excluded.sort();
    for tag in &options.plat {
        if !earned.holds(&tag.normalized()) && !earned.holds(tag) {
            refuse(tag, options, judged, diagnostics);
        }
    }
    if !options.update_tags {
        for tag in claimed {
            if !earned.holds(&tag.normalized()) && !earned.holds(tag) {
                diagnostics.push(
                    Diagnostic::new(Code::TW601, format!("`{tag}` is claimed and not earned"))
                        .help("let the tags be updated, or build for what is claimed"),
                );
                refuse(tag, options, judged, diagnostics);
            }
        }
        return Ok((input.filename.clone(), recorded));
    }
    // What the environment asks for stands alone, as it does with delocate.
    let staying = if options.deployment_target.is_some() { &[] } else { claimed };
    let chosen = select(staying, earned, &Wanted { asked: &options.plat, only });
    if options.plat.is_empty() {
        diagnostics.extend(none_earned(input.target(), &chosen, claimed, options, judged));
    }
    if chosen.is_empty() {
        return Ok((input.filename.clone(), recorded));
    }
    if input.target().platform.libc().is_none() {
        diagnostics.extend(raised(&options.policies, judged, claimed, &chosen, earned));
    }
    let tags = input.filename.tags.with_platforms(chosen);
    Ok((input.filename.with_tags(tags), recorded))
}

/// Says that the wheel earns no tag of its platform, and why, where that is so.
fn none_earned(
    target: Target,
    chosen: &[PlatformTag],
    claimed: &[PlatformTag],
    options: &Options,
    judged: &Subject<'_>,
) -> Vec<Diagnostic> {
    let Target { platform, arch } = target;
    let policies =
        || PolicyFamily::of_platform(platform).into_iter().flat_map(|family| options.policies.of(family, arch));
    let plain = chosen.iter().all(|tag| matches!(tag, PlatformTag::Linux { .. }));
    let mut found = Vec::new();
    match policies().last() {
        Some(newest) if plain => {
            let verdict = policy::judge(newest, arch, judged);
            found.extend(verdict.reasons.iter().map(policy::Reason::diagnostic));
            let none = format!("no {} policy allows what the wheel needs", platform.name());
            let help =
                format!("see the reasons for `{}`, or ask for `--plat linux_{}`", newest.tag(arch), arch.linux_name());
            found.push(Diagnostic::new(Code::TW409, none).help(help));
        }
        None if chosen.is_empty() => {
            found.push(Diagnostic::new(Code::TW409, format!("no {} tag is true of the bytes", platform.name())));
            claimed.iter().for_each(|tag| refuse(tag, options, judged, &mut found));
        }
        _ => {}
    }
    found
}

/// Adds every reason why a tag is not earned.
fn refuse(tag: &PlatformTag, options: &Options, judged: &Subject<'_>, diagnostics: &mut Vec<Diagnostic>) {
    let reasons = policy::refusals(&options.policies, tag, judged);
    if reasons.iter().all(|reason| reason.severity != Severity::Error) {
        diagnostics.push(Diagnostic::new(Code::TW601, format!("`{tag}` was asked for and is not earned")));
    }
    diagnostics.extend(reasons);
}

fn edits(input: &Input<'_>, decided: &Decided) -> Vec<MemberEdit> {
    let mut edits: Vec<MemberEdit> = decided
        .edits
        .iter()
        .filter_map(|edit| {
            let member = edit.member.clone();
            let included = input.included.contains_key(&member);
            (!included).then(|| MemberEdit { member, edits: edit.edits.clone(), moved: edit.moved.clone() })
        })
        .collect();
    edits.sort_by(|a, b| a.member.cmp(&b.member));
    edits
}
