//! The file in which nats-server keeps a stream's newest messages, opened and written anew with checksums that are right:
//! what somebody can do who has the disk and no password. The server must be stopped.
//!
//! A record is its length (u32, with the highest bit set where it has headers), sequence, time, length of the subject
//! (u16), subject, headers with their length (u32) before them, payload, and a HighwayHash-64 over all but the lengths,
//! keyed by the SHA-256 of the stream's name and the block's number. The newest block is not compressed.

use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{SHA256, digest};
use highway::{HighwayHash, HighwayHasher, Key};

const HAS_HEADERS: u32 = 1 << 31;
const HEAD: usize = 22;
const SUM: usize = 8;

/// A message as it lies in the file.
#[derive(Clone, Debug)]
pub struct Record {
    pub sequence: u64,
    time: u64,
    pub subject: String,
    headers: Option<Vec<u8>>,
    pub payload: Vec<u8>,
}

/// A stream's only block.
pub struct Block {
    path: PathBuf,
    key: Key,
    pub records: Vec<Record>,
}

impl Block {
    /// Of the stream's folder somewhere below the server's store. Each checksum is seen to be what is made here.
    pub fn open(store: &Path, stream: &str) -> Self {
        let folder = find(store, stream).unwrap_or_else(|| panic!("{stream} lies below {}", store.display()));
        let path = folder.join("msgs").join("1.blk");
        assert!(!folder.join("msgs").join("2.blk").exists(), "it has one block");
        let bytes = std::fs::read(&path).expect("the block can be read");
        let seed = digest(&SHA256, format!("{stream}-1").as_bytes());
        let mut words = seed.as_ref().chunks(8).map(|word| u64::from_le_bytes(word.try_into().unwrap()));
        let key = Key(std::array::from_fn(|_| words.next().unwrap()));
        let mut rest = bytes.as_slice();
        let mut records = Vec::new();
        while !rest.is_empty() {
            let length = u32::from_le_bytes(rest[..4].try_into().unwrap());
            let (record, after) = rest.split_at((length & !HAS_HEADERS) as usize);
            let (body, sum) = record.split_at(record.len() - SUM);
            let subject_ends = HEAD + usize::from(u16::from_le_bytes(body[20..HEAD].try_into().unwrap()));
            let (headers, payload) = if length & HAS_HEADERS == 0 {
                (None, &body[subject_ends..])
            } else {
                let at = subject_ends + 4;
                let headers = u32::from_le_bytes(body[subject_ends..at].try_into().unwrap()) as usize;
                (Some(body[at..at + headers].to_vec()), &body[at + headers..])
            };
            let record = Record {
                sequence: u64::from_le_bytes(body[4..12].try_into().unwrap()),
                time: u64::from_le_bytes(body[12..20].try_into().unwrap()),
                subject: String::from_utf8(body[HEAD..subject_ends].to_vec()).unwrap(),
                headers,
                payload: payload.to_vec(),
            };
            assert_eq!(record.sum(key), sum, "the checksum of {}", record.sequence);
            records.push(record);
            rest = after;
        }
        Self { path, key, records }
    }

    /// Writes it back, and lets the server find out anew what is in it.
    pub fn write(self) {
        let bytes: Vec<u8> = self.records.iter().flat_map(|record| record.bytes(self.key)).collect();
        std::fs::write(&self.path, bytes).expect("the block can be written");
        let index = self.path.with_file_name("index.db");
        if index.exists() {
            std::fs::remove_file(index).expect("the index goes");
        }
    }
}

impl Record {
    fn sum(&self, key: Key) -> [u8; SUM] {
        let mut hasher = HighwayHasher::new(key);
        hasher.append(&self.sequence.to_le_bytes());
        hasher.append(&self.time.to_le_bytes());
        hasher.append(self.subject.as_bytes());
        hasher.append(self.headers.as_deref().unwrap_or_default());
        hasher.append(&self.payload);
        hasher.finalize64().to_le_bytes()
    }

    fn bytes(&self, key: Key) -> Vec<u8> {
        let headers = self.headers.as_ref().map_or(0, |headers| 4 + headers.len());
        let length = HEAD + self.subject.len() + headers + self.payload.len() + SUM;
        let mark = if self.headers.is_some() { HAS_HEADERS } else { 0 };
        let mut bytes = (u32::try_from(length).unwrap() | mark).to_le_bytes().to_vec();
        bytes.extend_from_slice(&self.sequence.to_le_bytes());
        bytes.extend_from_slice(&self.time.to_le_bytes());
        bytes.extend_from_slice(&u16::try_from(self.subject.len()).unwrap().to_le_bytes());
        bytes.extend_from_slice(self.subject.as_bytes());
        if let Some(headers) = &self.headers {
            bytes.extend_from_slice(&u32::try_from(headers.len()).unwrap().to_le_bytes());
            bytes.extend_from_slice(headers);
        }
        bytes.extend_from_slice(&self.payload);
        bytes.extend_from_slice(&self.sum(key));
        bytes
    }
}

fn find(folder: &Path, name: &str) -> Option<PathBuf> {
    for entry in std::fs::read_dir(folder).ok()? {
        let path = entry.ok()?.path();
        if path.is_dir() {
            if path.file_name().is_some_and(|found| found == name) {
                return Some(path);
            }
            if let Some(found) = find(&path, name) {
                return Some(found);
            }
        }
    }
    None
}
