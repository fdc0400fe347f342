//! Which platform this machine is: what its own programs are for.

use super::{LibrarySource, System};
use crate::arch::Arch;
use crate::format::Format;
use crate::load::Target;
use crate::platform::Libc;
use crate::platform::detect::interpreter_libc;

/// Programs that every Linux system has some of. A process can be of another architecture or C library than the
/// system it runs on (a static binary, a 32-bit container), so it is not asked about itself.
const PROGRAMS: &[&str] = &["/bin/sh", "/usr/bin/env", "/bin/busybox", "/usr/bin/python3"];

/// Returns the C library and processor of this machine's programs; `None` where none is a Linux program.
pub fn this_machine() -> Option<(Libc, Arch)> {
    if !cfg!(target_os = "linux") {
        return None;
    }
    let host = System::host(Vec::new());
    PROGRAMS.iter().find_map(|path| {
        let (images, _) = host.examine(path).ok()?.into_iter().next()?;
        let interpreter = images.elf().filter(|_| images.format == Format::Elf)?.interpreter.as_deref()?;
        Some((interpreter_libc(interpreter)?, images.arch))
    })
}

/// Returns true if this machine is of the target's platform, so that its libraries are those of the target.
pub fn is_this_machine(target: Target) -> bool {
    this_machine() == Some((target.platform.libc(), target.arch))
}
