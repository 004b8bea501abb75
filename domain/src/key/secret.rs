//! The text of a key, and what the log may know of it.
//!
//! A key is `<prefix>_`, 43 base-62 digits of 32 random bytes (big-endian, zero-padded), and 6 base-62 digits
//! of CRC-32 (ISO-HDLC) over all before them. The checksum refuses typos and garbage before any look-up and
//! lets scanners recognise a leaked key; it keeps no secret. Neither the prefix nor anything else of a key is
//! compared with configuration at use.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::hmac;
use events::PepperId;
use events::clock::Random;
use events::digest::{DigestBytes, DigestKind, KeyDigest};
use zeroize::Zeroizing;

/// The digits in the order of their values, which is ASCII's.
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const SECRET_BYTES: usize = 32;
const SECRET_DIGITS: usize = 43;
const CHECKSUM_DIGITS: usize = 6;
/// 2^256 - 1: 43 digits can say more than 32 bytes hold.
const LARGEST_SECRET: &[u8; SECRET_DIGITS] = b"yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp1";

/// A key's first part, such as `kl_live`: 1 to 32 lower-case letters, digits and single inner underscores,
/// a letter first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Prefix(Box<str>);

/// The text is not a key prefix.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a key prefix: 1 to 32 lower-case letters, digits and single inner _, a letter first")]
pub struct PrefixError(pub String);

/// A key in the clear: shown once, to whom it is issued, and kept nowhere.
pub struct PlainKey(Zeroizing<String>);

/// A text that has a key's form and checksum. Whether such a key was ever issued is not known.
#[derive(Clone, Copy)]
pub struct ParsedKey<'a> {
    text: &'a str,
    prefix: &'a str,
}

/// Why a text is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyFormatError {
    #[error("longer or shorter than a key can be")]
    Length,
    #[error("no prefix of a key before the last _")]
    Prefix,
    #[error("a character that a key can't have, or a number that is too large")]
    Digits,
    #[error("the checksum is wrong: a typo, or cut off")]
    Checksum,
}

/// The secret under which digests of keys are made: who can write to the log but has no pepper can't make a
/// digest that a node accepts.
#[derive(Clone)]
pub struct Pepper {
    id: PepperId,
    key: hmac::Key,
}

impl Prefix {
    pub const MAX_BYTES: usize = 32;

    /// `kl_live`
    pub fn live() -> Self {
        Self("kl_live".into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Prefix {
    type Err = PrefixError;

    fn from_str(text: &str) -> Result<Self, PrefixError> {
        if is_prefix(text) {
            Ok(Self(text.into()))
        } else {
            Err(PrefixError(text.chars().take(64).collect()))
        }
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl PlainKey {
    /// A new key.
    pub fn draw(prefix: &Prefix, random: &dyn Random) -> Self {
        let mut secret = Zeroizing::new([0; SECRET_BYTES]);
        random.fill(&mut secret[..]);
        Self::of(prefix, &secret)
    }

    fn of(prefix: &Prefix, secret: &[u8; SECRET_BYTES]) -> Self {
        // Room for all of it from the start: a string that grows leaves copies behind.
        let mut text = Zeroizing::new(String::with_capacity(ParsedKey::MAX_BYTES));
        text.push_str(prefix.as_str());
        text.push('_');
        let digits = Zeroizing::new(secret_digits(secret));
        digits.iter().for_each(|digit| text.push(char::from(*digit)));
        let checksum = checksum_digits(crc32fast::hash(text.as_bytes()));
        checksum.iter().for_each(|digit| text.push(char::from(*digit)));
        Self(text)
    }

    /// The key itself. For the one answer that shows it, and for nothing else.
    pub fn expose(&self) -> &str {
        &self.0
    }

    pub fn parsed(&self) -> ParsedKey<'_> {
        let prefix = self.0.rsplit_once('_').map_or("", |(prefix, _)| prefix);
        ParsedKey { text: &self.0, prefix }
    }
}

impl fmt::Debug for PlainKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PlainKey(hidden)")
    }
}

impl<'a> ParsedKey<'a> {
    /// No key is longer, in bytes.
    pub const MAX_BYTES: usize = Prefix::MAX_BYTES + 1 + SECRET_DIGITS + CHECKSUM_DIGITS;
    /// No key is shorter, in bytes.
    pub const MIN_BYTES: usize = 1 + 1 + SECRET_DIGITS + CHECKSUM_DIGITS;

    /// Allocates nothing, and reads no more than [`Self::MAX_BYTES`].
    pub fn parse(text: &'a str) -> Result<Self, KeyFormatError> {
        if !(Self::MIN_BYTES..=Self::MAX_BYTES).contains(&text.len()) {
            return Err(KeyFormatError::Length);
        }
        let Some((prefix, digits)) = text.rsplit_once('_') else { return Err(KeyFormatError::Prefix) };
        if digits.len() != SECRET_DIGITS + CHECKSUM_DIGITS {
            return Err(KeyFormatError::Length);
        }
        if !is_prefix(prefix) {
            return Err(KeyFormatError::Prefix);
        }
        let (secret, checksum) = digits.as_bytes().split_at(SECRET_DIGITS);
        let all_digits = digits.bytes().all(|byte| byte.is_ascii_alphanumeric());
        // The digits' order is ASCII's, so texts of one length compare as the numbers do.
        if !all_digits || secret > LARGEST_SECRET.as_slice() {
            return Err(KeyFormatError::Digits);
        }
        let before = &text.as_bytes()[..text.len() - CHECKSUM_DIGITS];
        if checksum != checksum_digits(crc32fast::hash(before)) {
            return Err(KeyFormatError::Checksum);
        }
        Ok(Self { text, prefix })
    }

    pub fn prefix(&self) -> &'a str {
        self.prefix
    }

    /// For display beside the prefix: by these people know a key again.
    pub fn last_four(&self) -> &'a str {
        &self.text[self.text.len().saturating_sub(4)..]
    }
}

impl fmt::Debug for ParsedKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ParsedKey(hidden)")
    }
}

impl Pepper {
    pub fn new(id: PepperId, bytes: &[u8; 32]) -> Self {
        Self { id, key: hmac::Key::new(hmac::HMAC_SHA256, bytes) }
    }

    pub fn id(&self) -> PepperId {
        self.id
    }

    /// HMAC-SHA-256 (RFC 2104) over the digest's kind, a zero byte and the whole key as text.
    pub fn digest(&self, key: &ParsedKey<'_>) -> KeyDigest {
        let kind = DigestKind::Native;
        let mut hmac = hmac::Context::with_key(&self.key);
        hmac.update(kind.as_str().as_bytes());
        hmac.update(&[0]);
        hmac.update(key.text.as_bytes());
        let mut bytes = [0; 32];
        bytes.iter_mut().zip(hmac.sign().as_ref()).for_each(|(to, from)| *to = *from);
        KeyDigest { kind, pepper: self.id, bytes: DigestBytes(bytes) }
    }
}

impl fmt::Debug for Pepper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pepper({})", self.id)
    }
}

fn is_prefix(text: &str) -> bool {
    (1..=Prefix::MAX_BYTES).contains(&text.len())
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        && !text.ends_with('_')
        && !text.contains("__")
}

fn secret_digits(secret: &[u8; SECRET_BYTES]) -> [u8; SECRET_DIGITS] {
    let mut number = Zeroizing::new(*secret);
    let mut digits = [0; SECRET_DIGITS];
    for digit in digits.iter_mut().rev() {
        // One step of the long division of the number by 62; what remains is the digit.
        let mut rest = 0u16;
        for byte in number.iter_mut() {
            let dividend = rest << 8 | u16::from(*byte);
            // Below 256, since the rest is below 62.
            *byte = (dividend / 62) as u8;
            rest = dividend % 62;
        }
        *digit = ALPHABET[usize::from(rest)];
    }
    digits
}

fn checksum_digits(checksum: u32) -> [u8; CHECKSUM_DIGITS] {
    let mut number = checksum;
    let mut digits = [0; CHECKSUM_DIGITS];
    for digit in digits.iter_mut().rev() {
        *digit = ALPHABET[(number % 62) as usize];
        number /= 62;
    }
    digits
}

#[cfg(test)]
mod tests;
