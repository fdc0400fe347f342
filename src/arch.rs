//! `Arch`: the processor a binary is for, and how each platform's tags spell it.

/// The processor and ABI that a binary or a tag is for.
///
/// One value per *machine*, whatever the platform calls it: `Arch::Aarch64` is `aarch64` on Linux, `arm64` on
/// macOS and Windows, `arm64_v8a` on Android. The spelling of each platform is in the methods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Arch {
    /// 64-bit x86: `x86_64`, `amd64`.
    X86_64,
    /// x86-64 with Haswell's instructions, a slice type of macOS: `x86_64h`.
    X86_64h,
    /// 32-bit x86: `i686`, `i386`, `x86`, `win32`.
    X86,
    /// 64-bit Arm: `aarch64`, `arm64`, `arm64_v8a`.
    Aarch64,
    /// 64-bit Arm with pointer authentication, a slice type of macOS and iOS: `arm64e`.
    Arm64e,
    /// 64-bit Arm with 32-bit pointers (watchOS): `arm64_32`.
    Arm64_32,
    /// 32-bit Arm, EABI 5 with hard floats: `armv7l`, `armeabi_v7a`.
    Armv7l,
    /// 32-bit Arm, ARMv6 or soft floats: `armv6l`.
    Armv6l,
    /// 64-bit PowerPC, little-endian (ELFv2): `ppc64le`.
    Ppc64le,
    /// 64-bit PowerPC, big-endian: `ppc64`.
    Ppc64,
    /// 32-bit PowerPC: `ppc`.
    Ppc,
    /// IBM Z: `s390x`.
    S390x,
    /// 64-bit RISC-V with double floats: `riscv64`.
    Riscv64,
    /// 64-bit LoongArch with double floats: `loongarch64`.
    Loongarch64,
    /// 32-bit MIPS: `mips`.
    Mips,
    /// 64-bit MIPS: `mips64`.
    Mips64,
    /// A machine that no tag names; the number is the format's own machine field.
    Other(u32),
}

impl Arch {
    /// Every processor that a Linux tag can name, in the order of this enum.
    pub const LINUX: [Arch; 10] = [
        Arch::X86_64,
        Arch::X86,
        Arch::Aarch64,
        Arch::Armv7l,
        Arch::Armv6l,
        Arch::Ppc64le,
        Arch::Ppc64,
        Arch::S390x,
        Arch::Riscv64,
        Arch::Loongarch64,
    ];

    /// Returns the spelling in `linux_*`, `manylinux_*` and `musllinux_*` tags, e.g. `armv7l`.
    pub fn linux_name(self) -> String {
        match self {
            Arch::X86_64 | Arch::X86_64h => "x86_64".into(),
            Arch::X86 => "i686".into(),
            Arch::Aarch64 | Arch::Arm64e => "aarch64".into(),
            Arch::Arm64_32 => "aarch64_ilp32".into(),
            Arch::Armv7l => "armv7l".into(),
            Arch::Armv6l => "armv6l".into(),
            Arch::Ppc64le => "ppc64le".into(),
            Arch::Ppc64 => "ppc64".into(),
            Arch::Ppc => "ppc".into(),
            Arch::S390x => "s390x".into(),
            Arch::Riscv64 => "riscv64".into(),
            Arch::Loongarch64 => "loongarch64".into(),
            Arch::Mips => "mips".into(),
            Arch::Mips64 => "mips64".into(),
            Arch::Other(machine) => format!("machine{machine}"),
        }
    }

    /// Returns the spelling in `macosx_*` and `ios_*` tags, e.g. `arm64`.
    pub fn apple_name(self) -> String {
        match self {
            Arch::Aarch64 => "arm64".into(),
            Arch::Arm64e => "arm64e".into(),
            Arch::Arm64_32 => "arm64_32".into(),
            Arch::X86 => "i386".into(),
            Arch::X86_64h => "x86_64h".into(),
            Arch::X86_64
            | Arch::Armv7l
            | Arch::Armv6l
            | Arch::Ppc64le
            | Arch::Ppc64
            | Arch::Ppc
            | Arch::S390x
            | Arch::Riscv64
            | Arch::Loongarch64
            | Arch::Mips
            | Arch::Mips64
            | Arch::Other(_) => self.linux_name(),
        }
    }

    /// Returns the spelling in `android_*` tags, e.g. `arm64_v8a`.
    pub fn android_name(self) -> String {
        match self {
            Arch::Aarch64 => "arm64_v8a".into(),
            Arch::Armv7l => "armeabi_v7a".into(),
            Arch::X86 => "x86".into(),
            _ => self.linux_name(),
        }
    }

    /// Returns the spelling in `win_*` tags: `amd64`, `arm64`, and `win32`, which is a whole tag.
    pub fn windows_name(self) -> String {
        match self {
            Arch::X86_64 => "amd64".into(),
            Arch::X86 => "win32".into(),
            Arch::Aarch64 => "arm64".into(),
            _ => self.linux_name(),
        }
    }

    /// Returns the processor that a Linux tag's last part names, e.g. of `ppc64le`.
    pub fn from_linux_name(name: &str) -> Option<Arch> {
        Arch::LINUX.into_iter().find(|arch| arch.linux_name() == name)
    }

    /// Returns the processor that an Android tag's last part names, e.g. of `arm64_v8a`.
    pub fn from_android_name(name: &str) -> Option<Arch> {
        [Arch::Aarch64, Arch::Armv7l, Arch::X86, Arch::X86_64, Arch::Riscv64]
            .into_iter()
            .find(|arch| arch.android_name() == name)
    }

    /// Returns the width of a pointer in bits, 0 where it is not known.
    pub fn pointer_bits(self) -> u32 {
        match self {
            Arch::X86 | Arch::Armv7l | Arch::Armv6l | Arch::Ppc | Arch::Mips | Arch::Arm64_32 => 32,
            Arch::X86_64
            | Arch::X86_64h
            | Arch::Aarch64
            | Arch::Arm64e
            | Arch::Ppc64le
            | Arch::Ppc64
            | Arch::S390x
            | Arch::Riscv64
            | Arch::Loongarch64
            | Arch::Mips64 => 64,
            Arch::Other(_) => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_linux_name_is_read_back() {
        for arch in Arch::LINUX {
            assert_eq!(Arch::from_linux_name(&arch.linux_name()), Some(arch));
        }
    }
}
