//! Under which master key the vaults of a backup are sealed, before any of it is put back. A stream's copy is the server's to
//! understand; that it is an S2 stream, in which messages lie as they were stored, has been so in all its forms. Where it is not,
//! nothing is known of the key, and nothing refused.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use super::{BackupError, at};
use crate::store::kv::bucket;
use crate::vault::{MasterKey, VaultName};

/// What was found out about a vault of a backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tried {
    Opens,
    /// Its newest entry is sealed under another key, of this id.
    OtherKey(String),
    /// It holds no entry that can be found.
    Unknown,
}

/// How a sealed entry begins.
const BEGINS: &[u8] = br#"{"version":1,"master":""#;
/// An id, in hexadecimal digits.
const ID: usize = 16;
/// Blocks of S2 are no larger.
const MAX_BLOCK: usize = 4 * 1_024 * 1_024;

/// Whether one of the keys opens what the vault held last when it was copied.
pub fn tried(folder: &Path, vault: VaultName, keys: &MasterKey) -> Result<Tried, BackupError> {
    let path = folder.join(format!("KV_{}.snapshot", bucket(vault)));
    let file = File::open(&path).map_err(at(&path))?;
    Ok(match newest(&mut BufReader::new(file)) {
        Some(id) if keys.ids().any(|known| known == id) => Tried::Opens,
        Some(id) => Tried::OtherKey(id),
        None => Tried::Unknown,
    })
}

/// The id of the master key of the last entry.
fn newest(copy: &mut impl Read) -> Option<String> {
    let (mut found, mut text) = (None, Vec::new());
    while let Some(chunk) = next(copy)? {
        text.extend_from_slice(&chunk);
        for start in (0..text.len()).filter(|start| text[*start..].starts_with(BEGINS)) {
            let id = text.get(start + BEGINS.len()..start + BEGINS.len() + ID);
            found = id.and_then(|id| std::str::from_utf8(id).ok()).map(str::to_owned).or(found);
        }
        // What begins here may end in the next.
        text.drain(..text.len().saturating_sub(BEGINS.len() + ID));
    }
    found
}

/// What the next chunk of a framed stream holds; `Some(None)`: it is over. `None`: it is no such stream.
fn next(copy: &mut impl Read) -> Option<Option<Vec<u8>>> {
    const CHECKSUM: usize = 4;
    let mut head = [0; 4];
    if copy.read_exact(&mut head).is_err() {
        return Some(None);
    }
    let [kind, length @ ..] = head;
    let length = length.iter().rev().fold(0, |length, byte| length << 8 | usize::from(*byte));
    let mut chunk = vec![0; length];
    copy.read_exact(&mut chunk).ok()?;
    Some(Some(match kind {
        0x00 => block(chunk.get(CHECKSUM..)?)?,
        0x01 => chunk.split_off(CHECKSUM.min(length)),
        // Padding, an index, the stream's name.
        0x80.. => Vec::new(),
        0x02..0x80 => return None,
    }))
}

/// A block of S2, which is Snappy's with copies that repeat the offset of the one before.
fn block(mut from: &[u8]) -> Option<Vec<u8>> {
    let length = number(&mut from)?;
    if length > MAX_BLOCK {
        return None;
    }
    let (mut out, mut offset) = (Vec::with_capacity(length), 0);
    while let Some(tag) = from.split_off_first() {
        let upper = usize::from(tag >> 2);
        let copied = match tag & 3 {
            0 => {
                let length = 1 + if upper < 60 { upper } else { little(&mut from, upper - 59)? };
                out.extend_from_slice(from.split_off(..length)?);
                continue;
            }
            1 => match (usize::from(tag & 0xe0) << 3 | little(&mut from, 1)?, upper & 7) {
                (0, 5) => little(&mut from, 1)? + 8,
                (0, 6) => little(&mut from, 2)? + 260,
                (0, 7) => little(&mut from, 3)? + 65_540,
                (0, length) => length + 4,
                (other, length) => {
                    offset = other;
                    length + 4
                }
            },
            kind => {
                offset = little(&mut from, if kind == 2 { 2 } else { 4 })?;
                1 + upper
            }
        };
        if offset == 0 || offset > out.len() || out.len() + copied > length {
            return None;
        }
        for _ in 0..copied {
            out.push(*out.get(out.len() - offset)?);
        }
    }
    (out.len() == length).then_some(out)
}

fn little(from: &mut &[u8], bytes: usize) -> Option<usize> {
    let number = from.split_off(..bytes)?;
    Some(number.iter().rev().fold(0, |number, byte| number << 8 | usize::from(*byte)))
}

/// Seven bits a byte, the lowest first.
fn number(from: &mut &[u8]) -> Option<usize> {
    let mut number = 0;
    for shift in (0..35).step_by(7) {
        let byte = *from.split_off_first()?;
        number |= usize::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(kind: u8, checksum: &[u8], body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(checksum.len() + body.len()).unwrap().to_le_bytes();
        [&[kind], &length[..3], checksum, body].concat()
    }

    fn entry(digit: u8) -> Vec<u8> {
        [BEGINS, &[digit; ID], br#"","nonce":""}"#].concat()
    }

    #[test]
    fn blocks_come_out_as_they_went_in() {
        // "ab", four of it by an offset, four more by the same, then nine by a long repetition; a longer literal.
        let block_of = |body: &[u8], length: u8| block(&[&[length], body].concat());
        assert_eq!(block_of(b"\x04ab\x01\x02", 6).unwrap(), b"ababab");
        assert_eq!(block_of(b"\x04ab\x01\x02\x01\x00", 10).unwrap(), b"ababababab");
        assert_eq!(block_of(b"\x04ab\x01\x02\x15\x00\x01", 15).unwrap(), b"abababababababa");
        assert_eq!(block_of(b"\x04ab\x0a\x01\x00", 5).unwrap(), b"abbbb");
        assert_eq!(block_of(b"\xf0\x01ab", 2).unwrap(), b"ab");
        for wrong in [&b"\x04ab\x01\x03"[..], b"\x04a", b"\x04ab\x01", b"\x01\x01", b""] {
            assert_eq!(block_of(wrong, 6), None, "{wrong:?}");
        }
    }

    #[test]
    fn the_newest_entry_says_under_which_key_the_vault_is() {
        let [first, second] = [b'1', b'2'].map(entry);
        let (part, rest) = second.split_at(20);
        let copy = [
            chunk(0xff, b"", b"S2sTwO"),
            chunk(0x01, b"sum.", &[b"$KV.A", &first[..], part].concat()),
            chunk(0xfe, b"", b"padding"),
            chunk(0x01, b"sum.", rest),
        ]
        .concat();
        assert_eq!(newest(&mut &copy[..]), Some("2222222222222222".to_owned()));
        assert_eq!(newest(&mut &chunk(0x01, b"sum.", &first[..20])[..]), None);
        for unknown in [&b"\x1f\x8b\x08\x00gzip"[..], b"", b"\x00\x10\x00\x00short"] {
            assert_eq!(newest(&mut &*unknown), None);
        }
    }
}
