//! Wheels by a few words, for the tests of this room.

use super::{Earned, Externals, Given, PolicySet, Subject, Verdict, earned, judge_within, machine};
use crate::format::elf::Stack;
use crate::format::image::Details;
use crate::format::symbols::{Export, NeededVersion, name_hash};
use crate::format::{Binding, ExportIndex, Image, Symbol, SymbolFacts, SymbolKind};
use crate::load::{Binary, Graph, NothingOutside, Role, Target, Universe, resolve, synthetic};
use crate::platform;
use crate::tag::PlatformTag;

/// Returns the facts that `load::synthetic` knows the words of, and also:
///
/// `ver:LIBRARY@NODE=a,b` version need with strong symbols, `weakver:` with a node that is marked weak, `weaksym:` with
/// weak symbols; `und:NAME` and `weak:NAME` undefined without version; `exp:NAME[@NODE]` exported; `isa:LEVEL`;
/// `stack:x`; `android:API`; `page:SIZE`; `textrel`; `nosections`; `gnuhash`; `interp:PATH`; `softfloat`.
pub(super) fn facts(words: &str) -> (Image, SymbolFacts) {
    let mine = |word: &&str| {
        let key = word.split(':').next().unwrap_or_default();
        !matches!(key, "needs" | "soname" | "rpath" | "runpath" | "arch" | "program" | "object" | "exports" | "format")
    };
    let others: Vec<&str> = words.split_whitespace().filter(|word| !mine(word)).collect();
    let (mut image, mut symbols) = synthetic::facts(&others.join(" "));
    let Details::Elf(mut elf) = image.details else { panic!("not ELF") };
    elf.stack = Stack::Plain;
    elf.hashes.sysv = true;
    elf.sections = Some(Default::default());
    let mut exports = Vec::new();
    for word in words.split_whitespace().filter(mine) {
        let (key, value) = word.split_once(':').unwrap_or((word, ""));
        match key {
            "ver" | "weakver" | "weaksym" => {
                let (library, rest) = value.split_once('@').unwrap();
                let (node, names) = rest.split_once('=').unwrap_or((rest, ""));
                let binding = if key == "weaksym" { Binding::Weak } else { Binding::Global };
                let version = Some(u16::try_from(symbols.versions.len()).unwrap());
                let wanted = names.split(',').filter(|name| !name.is_empty());
                symbols.undefined.extend(wanted.map(|name| undefined(name, version, binding)));
                let (library, version) = (library.to_owned(), node.to_owned());
                symbols.versions.push(NeededVersion { library, version, weak: key == "weakver" });
            }
            "und" => symbols.undefined.push(undefined(value, None, Binding::Global)),
            "weak" => symbols.undefined.push(undefined(value, None, Binding::Weak)),
            "exp" => {
                let (name, node) = value.split_once('@').unwrap_or((value, ""));
                let version = if node.is_empty() { u16::MAX } else { symbols.defined_versions.len() as u16 };
                symbols.defined_versions.extend((!node.is_empty()).then(|| node.to_owned()));
                let name = name_hash(name.as_bytes());
                exports.push(Export { name, version, hidden: false, kind: SymbolKind::Function });
            }
            "isa" => elf.properties.x86_isa_needed = Some(1 << (value.parse::<u32>().unwrap() - 1)),
            "stack" => elf.stack = Stack::Executable,
            "android" => elf.android_api = Some(value.parse().unwrap()),
            "page" => elf.pages.max_page = value.parse().unwrap(),
            "textrel" => elf.text_relocations = true,
            "nosections" => elf.sections = None,
            "gnuhash" => (elf.hashes.sysv, elf.hashes.gnu) = (false, true),
            "interp" => elf.interpreter = Some(value.to_owned()),
            "softfloat" => elf.float_abi = Some(crate::format::elf::FloatAbi::Soft),
            _ => panic!("unknown word {word}"),
        }
    }
    symbols.exports = ExportIndex::new(exports);
    image.details = Details::Elf(elf);
    (image, symbols)
}

fn undefined(name: &str, version: Option<u16>, binding: Binding) -> Symbol {
    Symbol { name: name.into(), version, import: None, binding, kind: SymbolKind::Unknown }
}

/// A wheel: its platform tags, and its binaries by archive name and words.
pub(super) struct TestWheel {
    claimed: Vec<PlatformTag>,
    binaries: Vec<Binary>,
}

/// Returns a wheel of that platform tag.
pub(super) fn wheel(claimed: &str, members: &[(&str, &str)]) -> TestWheel {
    let binary = |(member, words): &(&str, &str)| {
        let (image, symbols) = facts(words);
        let mut binary = Binary::new(*member, format!("lib/python3/site-packages/{member}"), image, symbols);
        if member.contains(".data/data/") {
            binary.role = Role::Data;
        }
        binary
    };
    TestWheel {
        claimed: claimed.split('.').map(|tag| tag.parse().unwrap()).collect(),
        binaries: members.iter().map(binary).collect(),
    }
}

impl TestWheel {
    /// Resolves the wheel by the loader of its family.
    pub(super) fn graph(&self) -> Graph {
        let set = PolicySet::embedded();
        let platform = super::given::platform(&self.binaries, &self.claimed);
        let images = self.binaries.iter().map(|binary| (binary.member.as_str(), &*binary.image));
        let arch = platform::detect(images, &self.claimed).arch.unwrap_or(crate::Arch::X86_64);
        let given = Given::new(&set, platform, arch);
        resolve(&Universe::new(&self.binaries), Target { platform, arch }, &given).unwrap()
    }

    /// Resolves it for x86_64 glibc on a machine of these files, which no policy keeps from being looked at.
    pub(super) fn graph_on(&self, files: &[(&str, &str)]) -> Graph {
        let universe = Universe::new(&self.binaries).with_source(synthetic::Listed::host(files, &[], &[]));
        let target = Target { platform: &platform::manylinux::Manylinux, arch: crate::Arch::X86_64 };
        resolve(&universe, target, &NothingOutside).unwrap()
    }

    /// Returns what it earns.
    pub(super) fn earned(&self) -> Earned {
        let graph = self.graph();
        earned(&PolicySet::embedded(), &Subject::of(&graph, Externals::Absent), &self.claimed)
    }

    /// Returns the tags that it earns.
    pub(super) fn tags(&self) -> Vec<String> {
        self.earned().tags.iter().map(PlatformTag::to_string).collect()
    }

    /// Returns the machine that it is for, e.g. `x86_64`.
    pub(super) fn machine(&self) -> Option<String> {
        let graph = self.graph();
        machine(&Subject::of(&graph, Externals::Absent), &self.claimed).map(|machine| machine.arch.linux_name())
    }

    /// Judges it by one tag.
    pub(super) fn judged(&self, tag: &str) -> Verdict {
        let set = PolicySet::embedded();
        let graph = self.graph();
        let (policy, arch) = set.find(&tag.parse().unwrap()).unwrap();
        judge_within(&set, policy, arch, &Subject::of(&graph, Externals::Absent))
    }

    /// Returns the reasons against one tag: `CODE member: message`.
    pub(super) fn reasons(&self, tag: &str) -> Vec<String> {
        let reasons = self.judged(tag).reasons;
        reasons
            .iter()
            .map(|reason| format!("{} {}: {}", reason.code, reason.member, reason.diagnostic().message))
            .collect()
    }

    /// Returns the notes under one tag, likewise with the level.
    pub(super) fn notes(&self, tag: &str) -> Vec<String> {
        let line = |note: &crate::diagnostic::Diagnostic| {
            format!("{} {} {}: {}", note.severity, note.code, note.member.as_deref().unwrap_or_default(), note.message)
        };
        self.judged(tag).notes.iter().map(line).collect()
    }
}
