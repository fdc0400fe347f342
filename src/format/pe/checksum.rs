//! The checksum of the optional header, as `CheckSumMappedFile` computes it.

/// Returns the checksum of a file whose own checksum field lies at `field`.
///
/// The sum of all 16-bit words with the carry added back in, the field counted as 0, plus the file's size. Wider words
/// give the same sum, because carries of 16-bit halves come back in when they are folded.
pub(super) fn checksum(data: &[u8], field: u64) -> u32 {
    let field = usize::try_from(field).unwrap_or(usize::MAX);
    let (before, rest) = data.split_at(field.min(data.len()));
    let (own, after) = rest.split_at(rest.len().min(4));
    let phase = before.len() % 2;
    let mut sum = words(before, 0) + words(after, (phase + own.len()) % 2);
    while sum >> 16 != 0 {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    (sum as u32).wrapping_add(data.len() as u32)
}

/// The sum of 32-bit words; `phase` 1 says that the first byte is a word's second.
fn words(data: &[u8], phase: usize) -> u64 {
    let (head, data) = data.split_at(phase.min(data.len()));
    let mut sum = head.iter().map(|byte| u64::from(*byte) << 8).sum::<u64>();
    let mut chunks = data.chunks_exact(4);
    for chunk in chunks.by_ref() {
        sum += chunk.first_chunk().map_or(0, |word| u64::from(u32::from_le_bytes(*word)));
    }
    for (index, byte) in chunks.remainder().iter().enumerate() {
        sum += u64::from(*byte) << (8 * (index % 2));
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slow(data: &[u8], field: usize) -> u32 {
        let mut data = data.to_vec();
        for byte in data.iter_mut().skip(field).take(4) {
            *byte = 0;
        }
        let length = data.len() as u32;
        data.resize(data.len() + data.len() % 2, 0);
        let mut sum = 0_u32;
        for word in data.chunks(2) {
            sum += u32::from(u16::from_le_bytes([word[0], word[1]]));
            sum = (sum & 0xffff) + (sum >> 16);
        }
        sum + length
    }

    #[test]
    fn wide_words_sum_up_to_what_the_rule_says() {
        for length in 0..300_usize {
            let data: Vec<u8> = (0..length).map(|index| (index * 167 % 251) as u8).collect();
            for field in [0, 1, 7, 64, 88] {
                assert_eq!(checksum(&data, field as u64), slow(&data, field), "{length} bytes, field {field}");
            }
        }
    }
}
