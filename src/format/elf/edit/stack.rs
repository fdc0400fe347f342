//! The executable-stack flag of `PT_GNU_STACK`.

use object::elf;

use super::append::Chunk;
use super::draft::Draft;
use super::model::Model;
use super::slot;
use crate::error::{Error, Result};
use crate::format::edit::{Change, Edit, EditSet};
use crate::format::elf::read::{Elf, Segment};

/// What has to be done to the stack's flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stack {
    /// The header is there and says executable.
    Clear,
    /// There is no header, and the machine's default is executable.
    Add,
}

/// Returns what has to be done, and the change, if anything has.
pub(super) fn wanted(file: &Elf<'_>, edits: &EditSet) -> Option<(Stack, Change)> {
    if !edits.edits().iter().any(|edit| matches!(edit, Edit::ClearExecutableStack)) {
        return None;
    }
    let change =
        |from: &str| Change { what: "stack", from: Some(from.to_owned()), to: Some("not executable".to_owned()) };
    match file.segments.iter().find(|segment| segment.kind == elf::PT_GNU_STACK.0) {
        Some(stack) if stack.flags & elf::PF_X.0 != 0 => Some((Stack::Clear, change("executable"))),
        Some(_) => None,
        None => default_is_executable(file.header.machine).then(|| (Stack::Add, change("executable by default"))),
    }
}

/// Whether a missing header means an executable stack (glibc's `DEFAULT_STACK_PERMS`, sysdeps/*/stackinfo.h).
fn default_is_executable(machine: u16) -> bool {
    !matches!(elf::Machine(machine), elf::EM_AARCH64 | elf::EM_PPC64 | elf::EM_RISCV | elf::EM_LOONGARCH)
}

/// Clears the flag, or adds the header; returns what has to move for that.
///
/// # Errors
/// `Unsupported` if there is no room for a program header.
pub(super) fn set(draft: &mut Draft, model: Option<&Model>, stack: Stack) -> Result<Vec<Chunk>> {
    match stack {
        Stack::Clear => {
            for segment in &mut draft.segments {
                if segment.kind == elf::PT_GNU_STACK.0 {
                    // p_memsz stays: musl takes it for the size of thread stacks.
                    segment.flags &= !elf::PF_X.0;
                }
            }
            Ok(Vec::new())
        }
        Stack::Add => {
            let model = model.ok_or_else(|| Error::unsupported("a static program has no room for a program header"))?;
            let chunks = slot::free(draft, model, 1)?;
            let position = draft.last_load().map_or(draft.segments.len(), |last| last + 1);
            let segment = Segment {
                kind: elf::PT_GNU_STACK.0,
                flags: elf::PF_R.0 | elf::PF_W.0,
                offset: 0,
                address: 0,
                physical: 0,
                file_size: 0,
                memory_size: 0,
                align: 16,
            };
            draft.segments.insert(position, segment);
            Ok(chunks)
        }
    }
}
