//! `MemoryRoot`: a root whose files are in memory, for an unpacked image that never touches a disk, and for tests.

use std::collections::BTreeMap;

use super::root::{FileBytes, RootFs};
use crate::error::{Error, Result};

/// Linux's own limit on symbolic links in one path (`MAXSYMLINKS`).
const MAX_LINKS: usize = 40;

/// A tree of files in memory.
#[derive(Debug, Clone, Default)]
pub struct MemoryRoot {
    nodes: BTreeMap<String, Node>,
}

#[derive(Debug, Clone)]
enum Node {
    Directory,
    File(FileBytes),
    Link(String),
}

impl MemoryRoot {
    /// Returns an empty root.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a file at an absolute path, and the directories above it.
    #[must_use]
    pub fn file(self, path: &str, bytes: impl AsRef<[u8]> + Send + Sync + 'static) -> Self {
        self.node(path, Node::File(FileBytes::new(bytes)))
    }

    /// Puts a symbolic link at an absolute path, and the directories above it.
    #[must_use]
    pub fn link(self, path: &str, target: &str) -> Self {
        self.node(path, Node::Link(target.to_owned()))
    }

    fn node(mut self, path: &str, node: Node) -> Self {
        for (at, _) in path.match_indices('/').skip(1) {
            if let Some(directory) = path.get(..at) {
                self.nodes.entry(directory.to_owned()).or_insert(Node::Directory);
            }
        }
        self.nodes.insert(path.to_owned(), node);
        self
    }

    /// Resolves one component after the other, as a kernel does.
    fn resolve(&self, path: &str) -> Option<String> {
        let mut waiting: Vec<String> = path.split('/').rev().map(str::to_owned).collect();
        let mut resolved = String::new();
        let mut links = 0;
        while let Some(part) = waiting.pop() {
            match &*part {
                "" | "." => continue,
                ".." => {
                    resolved.truncate(resolved.rfind('/').unwrap_or(0));
                    continue;
                }
                _ => {}
            }
            let next = format!("{resolved}/{part}");
            match self.nodes.get(&next)? {
                Node::Directory | Node::File(_) => resolved = next,
                Node::Link(target) => {
                    links += 1;
                    if links > MAX_LINKS {
                        return None;
                    }
                    if target.starts_with('/') {
                        resolved.clear();
                    }
                    waiting.extend(target.split('/').rev().map(str::to_owned));
                }
            }
        }
        Some(if resolved.is_empty() { "/".to_owned() } else { resolved })
    }
}

impl RootFs for MemoryRoot {
    fn read(&self, path: &str, limit: u64) -> Result<Option<FileBytes>> {
        let Some(Node::File(bytes)) = self.resolve(path).and_then(|path| self.nodes.get(&path)) else {
            return Ok(None);
        };
        if bytes.len() as u64 > limit {
            return Err(Error::malformed(format!("{} bytes; at most {limit} are read", bytes.len())).about(path));
        }
        Ok(Some(bytes.clone()))
    }

    fn exists(&self, path: &str) -> bool {
        self.resolve(path).is_some()
    }

    fn canonicalize(&self, path: &str) -> Option<String> {
        self.resolve(path)
    }

    fn list(&self, directory: &str) -> Vec<String> {
        let Some(directory) = self.resolve(directory) else { return Vec::new() };
        let prefix = format!("{}/", directory.trim_end_matches('/'));
        let below = self.nodes.keys().filter_map(|path| path.strip_prefix(&prefix));
        below.filter(|name| !name.contains('/')).map(str::to_owned).collect()
    }
}
