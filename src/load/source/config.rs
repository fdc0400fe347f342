//! Which directories a system's loader configuration names: `ld.so.conf` with its includes, and musl's path files.

use std::collections::BTreeSet;

use globset::GlobBuilder;

use super::Sysroot;
use crate::platform::loader::{Configuration, Directories};

/// Far more than any configuration file holds.
const MAX_FILE: u64 = 1 << 20;
/// Far deeper than any configuration includes.
const MAX_DEPTH: usize = 16;
/// More files than any configuration includes, and more directories than it names.
const MAX_ITEMS: usize = 4096;

/// The directories of a root, in the order its loader asks them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct SystemDirectories {
    /// What the configuration names.
    pub configured: Vec<String>,
    /// The loader's own, as far as they count.
    pub defaults: Vec<String>,
}

/// Reads the configuration under `root`.
pub(super) fn read(root: &Sysroot, system: &Directories) -> SystemDirectories {
    match &system.configuration {
        Configuration::None => SystemDirectories { configured: Vec::new(), defaults: system.defaults.clone() },
        Configuration::LdSoConf(file) => {
            let mut reader = LdSoConf { root, implied: system.implied, found: Vec::new(), seen: BTreeSet::new() };
            reader.file(file, 0);
            SystemDirectories { configured: reader.found, defaults: system.defaults.clone() }
        }
        // musl: `/etc/ld-musl-$(ARCH).path`; only if it cannot be opened do the built-in directories count.
        Configuration::MuslPath(file) => match root.read(file, MAX_FILE) {
            Ok(text) => {
                let text = String::from_utf8_lossy(&text);
                let configured = text.split([':', '\n']).map(str::trim).filter(|part| part.starts_with('/'));
                SystemDirectories {
                    configured: configured.take(MAX_ITEMS).map(str::to_owned).collect(),
                    defaults: Vec::new(),
                }
            }
            Err(_) => SystemDirectories { configured: Vec::new(), defaults: system.defaults.clone() },
        },
    }
}

/// `ldconfig`'s reading of `ld.so.conf` (`elf/ldconfig.c`, `parse_conf`).
struct LdSoConf<'a> {
    root: &'a Sysroot,
    implied: &'static [&'static str],
    found: Vec<String>,
    seen: BTreeSet<String>,
}

impl LdSoConf<'_> {
    fn file(&mut self, path: &str, depth: usize) {
        // ldconfig would run into a file that includes itself; each file counts once here.
        if depth > MAX_DEPTH || self.seen.len() >= MAX_ITEMS || !self.seen.insert(path.to_owned()) {
            return;
        }
        let Ok(text) = self.root.read(path, MAX_FILE) else { return };
        let text = String::from_utf8_lossy(&text);
        for line in text.lines() {
            let line = line.split('#').next().unwrap_or_default().trim();
            match line.split_once(char::is_whitespace) {
                Some(("include", patterns)) => {
                    for pattern in patterns.split_whitespace() {
                        for included in self.matches(path, pattern) {
                            self.file(&included, depth + 1);
                        }
                    }
                }
                Some(("hwcap", _)) => {}
                Some(_) | None if line.starts_with('/') => self.directory(line),
                Some(_) | None => {}
            }
        }
    }

    /// Adds a directory; what follows `=` (`directory=TYPE`, of libc5's time) is no part of it.
    fn directory(&mut self, line: &str) {
        let directory = line.split_once('=').map_or(line, |(directory, _)| directory).trim_end();
        let directory = match directory.trim_end_matches('/') {
            "" => "/",
            trimmed => trimmed,
        };
        let implied = directory
            .strip_suffix("/lib")
            .into_iter()
            .flat_map(|prefix| self.implied.iter().map(move |lib| format!("{prefix}/{lib}")));
        let directories: Vec<String> = [directory.to_owned()].into_iter().chain(implied).collect();
        for directory in directories {
            if self.found.len() < MAX_ITEMS && !self.found.contains(&directory) {
                self.found.push(directory);
            }
        }
    }

    /// Returns the files that an `include` of `file` names, sorted as `glob` does; relative to that file's directory.
    fn matches(&self, file: &str, pattern: &str) -> Vec<String> {
        let directory = file.rsplit_once('/').map_or("", |(directory, _)| directory);
        let pattern = if pattern.starts_with('/') { pattern.to_owned() } else { format!("{directory}/{pattern}") };
        let mut found = vec![String::new()];
        for part in pattern.split('/').filter(|part| !part.is_empty()) {
            if !part.contains(['*', '?', '[']) {
                found.iter_mut().for_each(|path| *path = format!("{path}/{part}"));
                continue;
            }
            let Ok(glob) = GlobBuilder::new(part).literal_separator(true).build() else { return Vec::new() };
            let matcher = glob.compile_matcher();
            found = found
                .iter()
                .flat_map(|path| {
                    let names = self.root.list_dir(if path.is_empty() { "/" } else { path });
                    // A leading dot is matched by a dot only (`glob(3)`).
                    let names = names.into_iter().filter(|name| !name.starts_with('.') || part.starts_with('.'));
                    names.filter(|name| matcher.is_match(name)).map(|name| format!("{path}/{name}")).collect::<Vec<_>>()
                })
                .take(MAX_ITEMS)
                .collect();
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arch::Arch;
    use crate::platform::{Platform, manylinux::Manylinux, musllinux::Musllinux};

    fn root(files: &[(&str, &str)]) -> (tempfile::TempDir, Sysroot) {
        let directory = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = directory.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        let sysroot = Sysroot::new(directory.path()).unwrap();
        (directory, sysroot)
    }

    #[test]
    fn includes_are_globs_in_sorted_order() {
        let (_directory, root) = root(&[
            ("etc/ld.so.conf", "# first\ninclude /etc/ld.so.conf.d/*.conf\n/opt/last # why\nhwcap 0 x\nrelative\n"),
            ("etc/ld.so.conf.d/b.conf", "/usr/local/lib\n/opt/b/\n"),
            ("etc/ld.so.conf.d/a.conf", "\t/usr/lib/special\ninclude more/*.conf\n"),
            ("etc/ld.so.conf.d/more/x.conf", "/opt/x=libc6\n"),
            ("etc/ld.so.conf.d/skipped.txt", "/opt/skipped\n"),
        ]);
        let found = read(&root, &Manylinux.directories(Arch::X86_64));
        assert_eq!(found.configured, ["/usr/lib/special", "/opt/x", "/usr/local/lib", "/opt/b", "/opt/last"]);
        assert_eq!(found.defaults[0], "/lib/x86_64-linux-gnu");
    }

    #[test]
    fn a_file_that_includes_itself_ends() {
        let (_directory, root) = root(&[("etc/ld.so.conf", "include /etc/ld.so.conf\ninclude ld.so.c*\n/opt/a\n")]);
        assert_eq!(read(&root, &Manylinux.directories(Arch::X86_64)).configured, ["/opt/a"]);
    }

    #[test]
    fn riscv_configuration_implies_the_abi_s_directory() {
        let (_directory, root) = root(&[("etc/ld.so.conf", "/usr/local/lib\n")]);
        let found = read(&root, &Manylinux.directories(Arch::Riscv64));
        assert_eq!(found.configured, ["/usr/local/lib", "/usr/local/lib64/lp64d"]);
    }

    #[test]
    fn musl_s_file_stands_instead_of_the_defaults() {
        let (_directory, with) = root(&[("etc/ld-musl-x86_64.path", "/opt/a:/opt/b\n/opt/c\n")]);
        let found = read(&with, &Musllinux.directories(Arch::X86_64));
        assert_eq!((found.configured.len(), found.defaults.len()), (3, 0));
        let (_directory, empty) = root(&[("etc/ld-musl-x86_64.path", "")]);
        assert_eq!(read(&empty, &Musllinux.directories(Arch::X86_64)), SystemDirectories::default());
        let (_directory, without) = root(&[("etc/other", "")]);
        let found = read(&without, &Musllinux.directories(Arch::X86_64));
        assert_eq!(found.defaults, ["/lib", "/usr/local/lib", "/usr/lib"]);
    }
}
