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
    match (std::env::consts::OS, target.platform.name()) {
        ("macos", "macos") | ("windows", "windows") => target.arch == host_arch(),
        _ => this_machine().is_some_and(|(libc, arch)| (Some(libc), arch) == (target.platform.libc(), target.arch)),
    }
}

/// The processor that this program was built for, where it can be asked: macOS and Windows.
fn host_arch() -> Arch {
    match std::env::consts::ARCH {
        "x86_64" => Arch::X86_64,
        "x86" => Arch::X86,
        "aarch64" => Arch::Aarch64,
        _ => Arch::Other(0),
    }
}
