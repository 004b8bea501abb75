//! Parts one after another, each with its length in bytes (u64, big-endian) before it: no two lists of parts have the
//! same bytes. Command ids, fingerprints and seals rest on this, so it never changes.

use aws_lc_rs::digest::{Context, SHA256};
use uuid::Uuid;

/// The parts as one text of bytes.
pub fn joined<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(256);
    for part in parts {
        write(part, |piece| bytes.extend_from_slice(piece));
    }
    bytes
}

/// One part, piece by piece: for a digest of many.
pub fn write(part: &[u8], mut to: impl FnMut(&[u8])) {
    to(&(part.len() as u64).to_be_bytes());
    to(part);
}

/// A UUID of version 8 (RFC 9562 §5.8): the first 16 bytes of SHA-256 over the parts.
pub fn uuid<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Uuid {
    let mut hash = Context::new(&SHA256);
    parts.into_iter().for_each(|part| write(part, |piece| hash.update(piece)));
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(hash.finish().as_ref()).for_each(|(to, from)| *to = *from);
    Uuid::new_v8(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_comes_after_its_length() {
        assert_eq!(joined([b"ab".as_slice(), b""]), b"\0\0\0\0\0\0\0\x02ab\0\0\0\0\0\0\0\0");
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        assert_ne!(joined([b"ab".as_slice(), b"c"]), joined([b"a".as_slice(), b"bc"]));
    }
}
