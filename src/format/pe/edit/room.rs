//! Where new bytes go: the slack of a section, else a section of our own.

use super::super::read::{Pe, Section, flags};
use crate::error::{Error, Result};
use crate::format::bytes::align_up;

/// Name of the section that holds what finds no other room.
pub(super) const SECTION: &[u8; 8] = b".twheel\0";
/// Sections that hold constant data of a program, and nothing that is found by the section's size.
const FAMILIES: [&[u8]; 5] = [b".rdata", b".idata", b".edata", b".data", b".twheel"];

/// Where placed bytes lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spot {
    /// At this offset of the original file.
    Old(u64),
    /// At this offset of the new section.
    New(u64),
}

/// Room that was given out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Placed {
    /// Its address in memory.
    pub(super) address: u32,
    /// Where it lies in the file.
    pub(super) spot: Spot,
}

/// The unused end of a section.
#[derive(Debug)]
pub(super) struct Slack {
    /// Which section.
    pub(super) section: usize,
    /// The section's size in memory by now.
    pub(super) virtual_size: u32,
    /// Up to which size in memory there are bytes.
    end: u32,
    /// Something was placed.
    pub(super) is_used: bool,
}

/// Room for new bytes.
#[derive(Debug)]
pub(super) struct Room {
    pub(super) slacks: Vec<Slack>,
    /// Address of a new section.
    pub(super) new_address: u32,
    /// Size of the new section so far.
    pub(super) new_size: u32,
    /// Nothing but the new section may be used.
    only_new: bool,
}

impl Room {
    /// Finds the slack of all sections: bytes of the file beyond the size in memory, all zero, that are mapped anyway.
    ///
    /// # Errors
    /// `Unsupported` if there are no addresses left for a section.
    pub(super) fn new(pe: &Pe<'_>) -> Result<Self> {
        let alignment = u64::from(pe.header.section_alignment);
        let ends = pe.sections.iter().map(|section| u64::from(section.address) + u64::from(section.memory_size()));
        let end = ends.chain([u64::from(pe.header.headers_size)]).max().unwrap_or(0);
        let new_address = align_up(end, alignment)
            .and_then(|address| u32::try_from(address).ok())
            .filter(|address| *address < 0x7000_0000)
            .ok_or_else(|| Error::unsupported("there are no addresses left for a section"))?;
        let slacks = pe.sections.iter().enumerate().filter_map(|(index, section)| slack(pe, index, section)).collect();
        Ok(Self { slacks, new_address, new_size: 0, only_new: false })
    }

    /// Has everything placed in a section of its own from now on, whose flags are free to choose.
    pub(super) fn use_new_section(&mut self) {
        self.only_new = true;
    }

    /// Gives out `size` bytes, in the section `home` if there is room, so that tools find names beside their tables.
    ///
    /// # Errors
    /// `Unsupported` if the image gets too large.
    pub(super) fn place(&mut self, pe: &Pe<'_>, size: u32, align: u32, home: Option<usize>) -> Result<Placed> {
        let homes = self.slacks.iter().position(|slack| Some(slack.section) == home);
        let order = homes.into_iter().chain(0..self.slacks.len());
        for index in order.filter(|_| !self.only_new) {
            let Some(slack) = self.slacks.get_mut(index) else { continue };
            let Some(section) = pe.sections.get(slack.section) else { continue };
            // A NUL between what was the section's last byte and ours: texts that end with the section keep their end.
            let start = if slack.is_used { Some(slack.virtual_size) } else { slack.virtual_size.checked_add(1) };
            let start = start.and_then(|start| start.checked_next_multiple_of(align));
            let Some((start, end)) = start.and_then(|start| Some((start, start.checked_add(size)?))) else { continue };
            if end > slack.end {
                continue;
            }
            (slack.virtual_size, slack.is_used) = (end, true);
            let spot = Spot::Old(section.start() + u64::from(start));
            return Ok(Placed { address: section.address + start, spot });
        }
        let too_large = || Error::unsupported("the image gets too large");
        let start = self.new_size.checked_next_multiple_of(align).ok_or_else(too_large)?;
        let end = start.checked_add(size).filter(|end| *end < 0x0800_0000).ok_or_else(too_large)?;
        self.new_size = end;
        Ok(Placed { address: self.new_address + start, spot: Spot::New(u64::from(start)) })
    }
}

fn slack(pe: &Pe<'_>, index: usize, section: &Section) -> Option<Slack> {
    let unsuitable = flags::CODE | flags::EXECUTE | flags::DISCARDABLE | flags::SHARED;
    let is_suitable = section.flags & unsuitable == 0
        && section.flags & (flags::INITIALIZED | flags::READ) == flags::INITIALIZED | flags::READ
        && FAMILIES.contains(&section.name())
        && pe.header.section_alignment >= 0x1000;
    if !is_suitable || section.virtual_size == 0 {
        return None;
    }
    // Not beyond the last page that is mapped already: the image's size stays.
    let mapped = section.virtual_size.checked_next_multiple_of(0x1000)?;
    let end = section.raw_size.min(mapped);
    let unused = end.checked_sub(section.virtual_size)?;
    let at = section.start() + u64::from(section.virtual_size);
    let bytes = pe.bytes.slice(at, u64::from(unused)).ok()?;
    (unused > 0 && bytes.iter().all(|byte| *byte == 0)).then_some(Slack {
        section: index,
        virtual_size: section.virtual_size,
        end,
        is_used: false,
    })
}
