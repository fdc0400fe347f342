//! What a machine's processor supplement says: architecture, float ABI, the stack's default.

use object::elf;

use super::facts::FloatAbi;
use super::read::{Elf, Header};
use crate::arch::Arch;
use crate::format::bytes::{Bytes, Endian, Width};

/// `EF_ARM_EABIMASK`'s value for EABI version 5.
const ARM_EABI5: u32 = 0x0500_0000;
/// `EF_ARM_ABI_FLOAT_SOFT`.
const ARM_FLOAT_SOFT: u32 = 0x200;
/// `EF_ARM_ABI_FLOAT_HARD`.
const ARM_FLOAT_HARD: u32 = 0x400;
/// `SHT_ARM_ATTRIBUTES`.
const ARM_ATTRIBUTES: u32 = 0x7000_0003;

/// Machines on which glibc keeps the stack plain where `PT_GNU_STACK` is absent (`DEFAULT_STACK_PERMS` in its
/// `stackinfo.h` files, 2.42); on all others it becomes executable.
const PLAIN_STACK: [u16; 5] =
    [elf::EM_AARCH64.0, elf::EM_PPC64.0, elf::EM_RISCV.0, elf::EM_LOONGARCH.0, elf::EM_IA_64.0];

/// What `.ARM.attributes` says ("Addenda to, and Errata in, the ABI for the Arm Architecture").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct ArmAttributes {
    /// `Tag_CPU_arch`, 6.
    pub(super) cpu: Option<u64>,
    /// `Tag_ABI_VFP_args`, 28: 0 base, 1 VFP registers, 3 both.
    pub(super) float_arguments: Option<u64>,
}

/// Returns whether glibc makes the stack executable for a file without `PT_GNU_STACK`.
pub(super) fn default_stack_is_executable(machine: u16) -> bool {
    !PLAIN_STACK.contains(&machine)
}

/// Returns the float ABI that the header's flags, or on Arm the attributes, state.
pub(super) fn float_abi(header: &Header, arm: Option<ArmAttributes>) -> Option<FloatAbi> {
    match header.machine {
        machine if machine == elf::EM_ARM.0 => {
            if header.flags & ARM_FLOAT_HARD != 0 {
                return Some(FloatAbi::Double);
            }
            if header.flags & ARM_FLOAT_SOFT != 0 {
                return Some(FloatAbi::Soft);
            }
            match arm?.float_arguments {
                Some(1) => Some(FloatAbi::Double),
                // The default of an absent tag is 0, the base standard.
                None | Some(0) => Some(FloatAbi::Soft),
                Some(_) => None,
            }
        }
        machine if machine == elf::EM_RISCV.0 => Some(match header.flags & 6 {
            0 => FloatAbi::Soft,
            2 => FloatAbi::Single,
            4 => FloatAbi::Double,
            _ => FloatAbi::Quad,
        }),
        machine if machine == elf::EM_LOONGARCH.0 => match header.flags & 7 {
            1 => Some(FloatAbi::Soft),
            2 => Some(FloatAbi::Single),
            3 => Some(FloatAbi::Double),
            _ => None,
        },
        _ => None,
    }
}

/// Returns the ELF ABI version of 64-bit PowerPC; 0 where the file does not say, or for another machine.
pub(super) fn ppc64_abi(header: &Header) -> u32 {
    if header.machine == elf::EM_PPC64.0 { header.flags & 3 } else { 0 }
}

/// Returns the architecture that tags name.
///
/// `android`: the file is for Android, whose `armeabi_v7a` passes floats in general registers.
pub(super) fn arch(header: &Header, float_abi: Option<FloatAbi>, android: bool) -> Arch {
    let little = header.endian == Endian::Little;
    match (elf::Machine(header.machine), header.width) {
        (elf::EM_X86_64, Width::W64) if little => Arch::X86_64,
        (elf::EM_386, Width::W32) if little => Arch::X86,
        (elf::EM_AARCH64, Width::W64) if little => Arch::Aarch64,
        (elf::EM_AARCH64, Width::W32) if little => Arch::Arm64_32,
        (elf::EM_ARM, Width::W32) if little && header.flags & 0xff00_0000 == ARM_EABI5 => {
            if android || float_abi == Some(FloatAbi::Double) { Arch::Armv7l } else { Arch::Armv6l }
        }
        (elf::EM_PPC64, Width::W64) if little && ppc64_abi(header) != 1 => Arch::Ppc64le,
        (elf::EM_PPC64, Width::W64) if !little => Arch::Ppc64,
        (elf::EM_PPC, Width::W32) if !little => Arch::Ppc,
        (elf::EM_S390, Width::W64) if !little => Arch::S390x,
        // glibc's loader compares the float ABI with its own (sysdeps/riscv/dl-machine.h).
        (elf::EM_RISCV, Width::W64) if little && float_abi == Some(FloatAbi::Double) => Arch::Riscv64,
        (elf::EM_LOONGARCH, Width::W64) if little && float_abi == Some(FloatAbi::Double) => Arch::Loongarch64,
        // The ABI with 64-bit registers and 32-bit pointers (n32) is neither's.
        (elf::EM_MIPS, Width::W32) if header.flags & elf::EF_MIPS_ABI2.0 == 0 => Arch::Mips,
        (elf::EM_MIPS, Width::W64) => Arch::Mips64,
        (machine, _) => Arch::Other(u32::from(machine.0)),
    }
}

/// Returns the build attributes of an Arm file, where its sections hold them and they are sound.
pub(super) fn arm_attributes(file: &Elf<'_>) -> Option<ArmAttributes> {
    if file.header.machine != elf::EM_ARM.0 {
        return None;
    }
    let section = file.sections.iter().find(|section| section.kind == ARM_ATTRIBUTES)?;
    let data = file.bytes.slice(section.offset, section.size).ok()?;
    read_arm_attributes(Bytes::new(data, file.bytes.endian()))
}

fn read_arm_attributes(bytes: Bytes<'_>) -> Option<ArmAttributes> {
    if bytes.u8(0).ok()? != b'A' {
        return None;
    }
    let mut at = 1_u64;
    while at < bytes.len() {
        let size = u64::from(bytes.u32(at).ok()?).max(4);
        let end = at.checked_add(size)?.min(bytes.len());
        let vendor = bytes.c_string(at + 4, end).ok()?;
        if vendor == b"aeabi" {
            // Tag_File 1, its size, then the attributes.
            let file = at + 4 + vendor.len() as u64 + 1;
            if bytes.u8(file).ok()? == 1 {
                let file_end = file.checked_add(u64::from(bytes.u32(file + 1).ok()?))?.min(end);
                return Some(read_attribute_list(bytes, file + 5, file_end));
            }
        }
        at = end;
    }
    None
}

/// Reads tag and value pairs; stops at the first that is not sound.
fn read_attribute_list(bytes: Bytes<'_>, mut at: u64, end: u64) -> ArmAttributes {
    let mut attributes = ArmAttributes::default();
    let mut next = |at: &mut u64| -> Option<()> {
        let tag = uleb128(bytes, at, end)?;
        // Tag_CPU_raw_name, Tag_CPU_name and odd tags above 32 are strings; Tag_compatibility is a number and a string.
        let (number, string) = match tag {
            4 | 5 => (false, true),
            32 => (true, true),
            33.. => (tag % 2 == 0, tag % 2 == 1),
            _ => (true, false),
        };
        if number {
            let value = uleb128(bytes, at, end)?;
            match tag {
                6 => attributes.cpu = Some(value),
                28 => attributes.float_arguments = Some(value),
                _ => {}
            }
        }
        if string {
            *at += bytes.c_string(*at, end).ok()?.len() as u64 + 1;
        }
        Some(())
    };
    while at < end {
        if next(&mut at).is_none() {
            break;
        }
    }
    attributes
}

fn uleb128(bytes: Bytes<'_>, at: &mut u64, end: u64) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        if *at >= end {
            return None;
        }
        let byte = bytes.u8(*at).ok()?;
        *at += 1;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::bytes::{FileOffset, VirtAddr};

    fn header(machine: u16, width: Width, endian: Endian, flags: u32) -> Header {
        Header {
            width,
            endian,
            os_abi: 0,
            kind: 3,
            machine,
            entry: VirtAddr(0),
            program_headers: FileOffset(0),
            section_headers: FileOffset(0),
            flags,
            program_header_count: 0,
            section_count: 0,
            section_names: 0,
        }
    }

    fn arch_of(header: &Header, arm: Option<ArmAttributes>, android: bool) -> Arch {
        arch(header, float_abi(header, arm), android)
    }

    #[test]
    fn arm_floats_come_from_flags_then_attributes() {
        let arm = |flags| header(elf::EM_ARM.0, Width::W32, Endian::Little, flags);
        let attributes = |value| Some(ArmAttributes { cpu: Some(10), float_arguments: value });
        assert_eq!(arch_of(&arm(0x0500_0400), None, false), Arch::Armv7l);
        assert_eq!(arch_of(&arm(0x0500_0200), attributes(Some(1)), false), Arch::Armv6l);
        assert_eq!(arch_of(&arm(0x0500_0000), attributes(Some(1)), false), Arch::Armv7l);
        assert_eq!(arch_of(&arm(0x0500_0000), attributes(None), false), Arch::Armv6l);
        assert_eq!(arch_of(&arm(0x0500_0000), None, false), Arch::Armv6l);
        assert_eq!(arch_of(&arm(0x0400_0000), None, false), Arch::Other(40));
        assert_eq!(arch_of(&arm(0x0500_0200), None, true), Arch::Armv7l);
    }

    #[test]
    fn byte_order_and_abi_tell_the_powerpcs_apart() {
        let ppc = |endian, flags| arch_of(&header(elf::EM_PPC64.0, Width::W64, endian, flags), None, false);
        assert_eq!(ppc(Endian::Little, 2), Arch::Ppc64le);
        assert_eq!(ppc(Endian::Little, 0), Arch::Ppc64le);
        assert_eq!(ppc(Endian::Little, 1), Arch::Other(21));
        assert_eq!(ppc(Endian::Big, 1), Arch::Ppc64);
        assert_eq!(ppc(Endian::Big, 2), Arch::Ppc64);
    }

    #[test]
    fn only_the_double_float_abi_is_the_tag_s() {
        let of = |machine, flags| arch_of(&header(machine, Width::W64, Endian::Little, flags), None, false);
        assert_eq!(of(elf::EM_RISCV.0, 5), Arch::Riscv64);
        assert_eq!(of(elf::EM_RISCV.0, 1), Arch::Other(243));
        assert_eq!(of(elf::EM_LOONGARCH.0, 0x43), Arch::Loongarch64);
        assert_eq!(of(elf::EM_LOONGARCH.0, 0x41), Arch::Other(258));
    }

    #[test]
    fn the_three_abis_of_mips_are_told_apart() {
        let of = |width, flags| arch_of(&header(elf::EM_MIPS.0, width, Endian::Little, flags), None, false);
        assert_eq!(of(Width::W32, 0x7000_1007), Arch::Mips);
        assert_eq!(of(Width::W32, 0x8000_0027), Arch::Other(8));
        assert_eq!(of(Width::W64, 0x8000_0007), Arch::Mips64);
    }

    #[test]
    fn a_narrow_or_swapped_file_is_another_machine() {
        let of = |machine, width, endian| arch_of(&header(machine, width, endian, 0), None, false);
        assert_eq!(of(elf::EM_X86_64.0, Width::W32, Endian::Little), Arch::Other(62));
        assert_eq!(of(elf::EM_AARCH64.0, Width::W64, Endian::Big), Arch::Other(183));
        assert_eq!(of(elf::EM_S390.0, Width::W32, Endian::Big), Arch::Other(22));
    }

    #[test]
    fn attributes_are_read_past_strings_and_stop_at_nonsense() {
        let mut list = vec![5];
        list.extend(b"7-A\0");
        list.extend([6, 10, 32, 1]);
        list.extend(b"x\0");
        list.extend([28, 1, 0x80]);
        let mut data = b"A".to_vec();
        data.extend((4 + 6 + 5 + list.len() as u32).to_le_bytes());
        data.extend(b"aeabi\0");
        data.push(1);
        data.extend((5 + list.len() as u32).to_le_bytes());
        data.extend(list);
        let found = read_arm_attributes(Bytes::new(&data, Endian::Little));
        assert_eq!(found, Some(ArmAttributes { cpu: Some(10), float_arguments: Some(1) }));
        for end in 0..data.len() {
            read_arm_attributes(Bytes::new(&data[..end], Endian::Little));
        }
    }
}
