//! Signed notes (C2SP signed-note): a text, and who signed it.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::key::{Signer, Usage, VerifierKey, cosigned};

/// A longer note is refused, in bytes.
pub const MAX_NOTE: usize = 64 * 1024;

/// A note with more signatures is refused.
pub const MAX_SIGNATURES: usize = 64;

/// A text and its signatures. Nothing is known of the text until [`Note::verify`] has been asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Note {
    /// Ends in a line feed.
    text: String,
    signatures: Vec<Signature>,
}

/// A line below the text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Signature {
    pub name: String,
    /// The key's id.
    pub key: u32,
    /// What follows the key's id.
    pub bytes: Vec<u8>,
}

/// A witness's word that was checked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cosignature {
    pub key: VerifierKey,
    /// Seconds since 1970.
    pub timestamp: u64,
}

/// It is no note, or nobody known signed it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    #[error(
        "not a signed note: a text, an empty line, and lines that begin with `—` and end in a line feed are one"
    )]
    Form,
    #[error("the note is longer than {MAX_NOTE} bytes or has more than {MAX_SIGNATURES} signatures")]
    TooMuch,
    #[error("none of its signatures is by a key that is known here")]
    UnknownKey,
    #[error(
        "no key that is known here signed it, and another in the name of `{0}` did: the file of keys may be older than it, \
         since a key was rotated (`keyledger events keys` prints those of now), or it is forged"
    )]
    OtherKey(String),
    #[error("its signature by `{0}` is wrong")]
    Wrong(String),
}

impl Note {
    /// A text of lines, each ending in a line feed, signed by one key.
    pub fn sign(text: String, signer: &Signer) -> Self {
        let signature = signer.sign(&text);
        Self { text, signatures: vec![signature] }
    }

    /// What was signed; ends in a line feed.
    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    /// Adds a line below, unless it is there.
    pub fn add(&mut self, signature: Signature) {
        if !self.signatures.contains(&signature) {
            self.signatures.push(signature);
        }
    }

    /// Which of a log's keys signed the text. A key that is known and whose signature is wrong spoils the note.
    pub fn verify<'k>(&self, keys: &'k [VerifierKey]) -> Result<Vec<&'k VerifierKey>, NoteError> {
        let mut found = Vec::new();
        for signature in &self.signatures {
            let known = keys.iter().find(|key| key.usage() == Usage::Note && key.made(signature));
            let Some(key) = known else { continue };
            if !key.verifies(self.text.as_bytes(), &signature.bytes) {
                return Err(NoteError::Wrong(signature.name.clone()));
            }
            found.push(key);
        }
        if !found.is_empty() {
            return Ok(found);
        }
        let is_named = |name: &str| keys.iter().any(|key| key.usage() == Usage::Note && key.name() == name);
        let named = self.signatures.iter().find(|signature| is_named(&signature.name));
        Err(named.map_or(NoteError::UnknownKey, |signature| NoteError::OtherKey(signature.name.clone())))
    }

    /// What known witnesses say of it; a wrong word of one spoils the note. None known is no error.
    pub fn cosignatures(&self, keys: &[VerifierKey]) -> Result<Vec<Cosignature>, NoteError> {
        let mut found: Vec<Cosignature> = Vec::new();
        for signature in &self.signatures {
            let known = keys.iter().find(|key| key.usage() == Usage::Cosignature && key.made(signature));
            let Some(key) = known else { continue };
            let wrong = || NoteError::Wrong(signature.name.clone());
            let (time, bytes) = signature.bytes.split_first_chunk::<8>().ok_or_else(wrong)?;
            let timestamp = u64::from_be_bytes(*time);
            if i64::try_from(timestamp).is_err()
                || !key.verifies(cosigned(&self.text, timestamp).as_bytes(), bytes)
            {
                return Err(wrong());
            }
            if !found.iter().any(|cosignature| cosignature.key == *key) {
                found.push(Cosignature { key: key.clone(), timestamp });
            }
        }
        Ok(found)
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| signature.fmt(f))
    }
}

impl FromStr for Note {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        if text.len() > MAX_NOTE {
            return Err(NoteError::TooMuch);
        }
        if text.chars().any(|c| c < ' ' && c != '\n') {
            return Err(NoteError::Form);
        }
        let at = text.rfind("\n\n").ok_or(NoteError::Form)?;
        let (text, lines) = (&text[..=at], &text[at + 2..]);
        let lines = lines.strip_suffix('\n').ok_or(NoteError::Form)?;
        let mut signatures = Vec::new();
        for line in lines.split('\n') {
            if signatures.len() == MAX_SIGNATURES {
                return Err(NoteError::TooMuch);
            }
            signatures.push(line.parse()?);
        }
        Ok(Self { text: text.to_owned(), signatures })
    }
}

impl fmt::Display for Signature {
    /// The line, with its line feed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = self.key.to_be_bytes().to_vec();
        bytes.extend_from_slice(&self.bytes);
        writeln!(f, "\u{2014} {} {}", self.name, STANDARD.encode(bytes))
    }
}

impl FromStr for Signature {
    type Err = NoteError;

    /// A line, without its line feed.
    fn from_str(line: &str) -> Result<Self, NoteError> {
        let rest = line.strip_prefix("\u{2014} ").ok_or(NoteError::Form)?;
        let (name, signature) = rest.split_once(' ').ok_or(NoteError::Form)?;
        let bytes = STANDARD.decode(signature).map_err(|_| NoteError::Form)?;
        let (key, bytes) = bytes.split_first_chunk::<4>().ok_or(NoteError::Form)?;
        if name.is_empty() || bytes.is_empty() {
            return Err(NoteError::Form);
        }
        Ok(Self { name: name.to_owned(), key: u32::from_be_bytes(*key), bytes: bytes.to_vec() })
    }
}
