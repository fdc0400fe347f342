//! Which platform tags PyPI's upload form accepts.

use super::{LegacyManylinux, PlatformTag};
use crate::arch::Arch;

/// macOS versions after 10 that the form knows.
const MACOS_MAJORS: [u16; 6] = [11, 12, 13, 14, 15, 26];

impl PlatformTag {
    /// Tells whether PyPI takes a file with this tag (warehouse, `forklift/legacy.py`, of 2026-08-21).
    ///
    /// An answer about the upload form alone: a plain `linux_x86_64` is a sound tag that PyPI does not take.
    pub fn is_accepted_by_pypi(&self) -> bool {
        match self {
            PlatformTag::Any => true,
            PlatformTag::Linux { arch } => matches!(arch, Arch::Armv6l | Arch::Armv7l),
            PlatformTag::ManylinuxLegacy { alias, arch } => match alias {
                LegacyManylinux::Manylinux1 | LegacyManylinux::Manylinux2010 | LegacyManylinux::Manylinux2014 => {
                    alias.covers(*arch)
                }
            },
            PlatformTag::Manylinux { arch, .. } => *arch == Arch::Ppc64 || is_joint_linux(*arch),
            PlatformTag::Musllinux { arch, .. } => is_joint_linux(*arch),
            PlatformTag::Macos { major, minor, .. } => *major == 10 || (MACOS_MAJORS.contains(major) && *minor == 0),
            PlatformTag::Ios { arch, .. } => matches!(arch, Arch::Aarch64 | Arch::X86_64),
            PlatformTag::Android { arch, .. } => {
                matches!(arch, Arch::Armv7l | Arch::Aarch64 | Arch::X86 | Arch::X86_64)
            }
            PlatformTag::Windows { arch } => matches!(arch, Arch::X86 | Arch::X86_64 | Arch::Aarch64),
            PlatformTag::Other(text) => text == "win_ia64" || is_pyemscripten(text),
        }
    }
}

/// Tells whether manylinux and musllinux tags for the processor are both accepted.
fn is_joint_linux(arch: Arch) -> bool {
    matches!(
        arch,
        Arch::X86_64 | Arch::X86 | Arch::Aarch64 | Arch::Armv7l | Arch::Ppc64le | Arch::S390x | Arch::Riscv64
    )
}

/// Tells whether the text is `pyemscripten_2026_0_wasm32` (PEP 783).
fn is_pyemscripten(text: &str) -> bool {
    let version = text.strip_prefix("pyemscripten_").and_then(|rest| rest.strip_suffix("_wasm32"));
    version.and_then(|version| version.split_once('_')).is_some_and(|(year, patch)| {
        [year, patch].iter().all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(text: &str) -> bool {
        let Ok(tag) = text.parse::<PlatformTag>();
        tag.is_accepted_by_pypi()
    }

    #[test]
    fn the_form_s_list_is_followed() {
        for text in [
            "any",
            "win32",
            "win_arm64",
            "win_amd64",
            "win_ia64",
            "manylinux1_i686",
            "manylinux2014_ppc64",
            "linux_armv6l",
            "linux_armv7l",
            "macosx_10_9_universal2",
            "macosx_26_0_arm64",
            "manylinux_2_17_ppc64",
            "musllinux_1_2_riscv64",
            "ios_13_0_arm64_iphoneos",
            "android_21_x86",
            "pyemscripten_2026_0_wasm32",
        ] {
            assert!(accepted(text), "{text}");
        }
        for text in [
            "linux_x86_64",
            "win_arm32",
            "manylinux1_aarch64",
            "manylinux_2_36_loongarch64",
            "musllinux_1_2_ppc64",
            "macosx_11_1_arm64",
            "macosx_16_0_arm64",
            "wasi_0_0_0_wasm32",
            "pyemscripten__wasm32",
            "",
        ] {
            assert!(!accepted(text), "{text}");
        }
    }
}
