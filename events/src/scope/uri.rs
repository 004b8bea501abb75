//! Where a prefix of a URI says nothing of what the URI names: `notes/../secrets` starts with `notes/`.

/// Whether some server may read this URI as leading out of the prefix that it starts with: a path segment that
/// may be read as `.` or `..` (RFC 3986 §3.3, §5.2.4), or bytes that are no text to begin with.
///
/// Read as the most generous server would: percent-encodings decoded however often they are nested, those of
/// four digits (`%u002e`) as well, `\` as `/`, spaces and what lies below them left out (WHATWG URL leaves out
/// some anywhere and all at the ends), `;` and `:` as the end of a segment too, and forms that compatibility
/// normalization (UAX #15) or a code page makes ASCII of as that. A NUL ends what C reads; overlong UTF-8 is
/// whatever the reader makes of it.
pub(super) fn may_lead_elsewhere(uri: &str) -> bool {
    let mut read = Vec::with_capacity(uri.len());
    for byte in uri.bytes() {
        read.push(byte);
        // What was made of the end may be the end of something else.
        while let Some((length, meant)) = another_reading(&read) {
            if meant == Reading::Nothing {
                return true;
            }
            read.truncate(read.len() - length);
            meant.write(&mut read);
        }
    }
    std::str::from_utf8(&read).is_err()
        || read
            .split(|byte| matches!(byte, b'/' | b'\\' | b'?' | b'#' | b';' | b':'))
            .any(|segment| matches!(segment, b"." | b".."))
}

/// What the end of the text may be read as. Always shorter than it was.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// It is left out.
    LeftOut,
    Byte(u8),
    TwoDots,
    Character(char),
    /// No reading holds for everybody.
    Nothing,
}

impl Reading {
    fn write(self, to: &mut Vec<u8>) {
        match self {
            Self::LeftOut | Self::Nothing => {}
            Self::Byte(byte) => to.push(byte),
            Self::TwoDots => to.extend_from_slice(b".."),
            Self::Character(character) => {
                let mut bytes = [0; 4];
                to.extend_from_slice(character.encode_utf8(&mut bytes).as_bytes());
            }
        }
    }
}

/// How many bytes at the end may be read as something else, and as what.
fn another_reading(read: &[u8]) -> Option<(usize, Reading)> {
    match read {
        [.., 0] => Some((1, Reading::Nothing)),
        [.., 1..=b' '] => Some((1, Reading::LeftOut)),
        _ => decoded(read).or_else(|| blank(read)).or_else(|| folded(read)),
    }
}

/// A percent-encoding at the end, of two digits or of `u` and four.
fn decoded(read: &[u8]) -> Option<(usize, Reading)> {
    if let [.., b'%', b'u' | b'U', a, b, c, d] = *read
        && let Some(unit) = number(&[a, b, c, d])
    {
        // Half a surrogate pair is no character.
        return Some((6, char::from_u32(unit).map_or(Reading::Nothing, Reading::Character)));
    }
    let [.., b'%', high, low] = *read else { return None };
    let byte = u8::try_from(number(&[high, low])?).ok()?;
    Some((3, Reading::Byte(byte)))
}

fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |number, byte| Some(number * 16 + char::from(*byte).to_digit(16)?))
}

/// A space beyond ASCII at the end (White_Space of UAX #44, U+200B to U+200F, U+FEFF): languages' own trimming
/// takes it off.
fn blank(read: &[u8]) -> Option<(usize, Reading)> {
    match *read {
        [.., 0xc2, 0x85 | 0xa0] => Some((2, Reading::LeftOut)),
        [.., 0xe1, 0x9a, 0x80]
        | [.., 0xe2, 0x80, 0x80..=0x8f | 0xa8 | 0xa9 | 0xaf]
        | [.., 0xe2, 0x81, 0x9f]
        | [.., 0xe3, 0x80, 0x80]
        | [.., 0xef, 0xbb, 0xbf] => Some((3, Reading::LeftOut)),
        _ => None,
    }
}

/// A character at the end that somebody may take for ASCII. All are of three bytes in UTF-8.
fn folded(read: &[u8]) -> Option<(usize, Reading)> {
    let meant = match *read {
        // U+FF01 to U+FF5E, the full-width forms.
        [.., 0xef, 0xbc, low @ 0x81..=0xbf] => Reading::Byte(low - 0x60),
        [.., 0xef, 0xbd, low @ 0x80..=0x9e] => Reading::Byte(low - 0x20),
        // U+2024 and U+FE52: a dot. U+2025 and U+FE30: two. U+FE6A: a percent sign.
        [.., 0xe2, 0x80, 0xa4] | [.., 0xef, 0xb9, 0x92] => Reading::Byte(b'.'),
        [.., 0xe2, 0x80, 0xa5] | [.., 0xef, 0xb8, 0xb0] => Reading::TwoDots,
        [.., 0xef, 0xb9, 0xaa] => Reading::Byte(b'%'),
        // U+2044, U+2215 and U+29F8: slashes of a kind. U+2216, U+29F5 and U+FE68: the other way.
        [.., 0xe2, 0x81, 0x84] | [.., 0xe2, 0x88, 0x95] | [.., 0xe2, 0xa7, 0xb8] => Reading::Byte(b'/'),
        [.., 0xe2, 0x88, 0x96] | [.., 0xe2, 0xa7, 0xb5] | [.., 0xef, 0xb9, 0xa8] => Reading::Byte(b'\\'),
        _ => return None,
    };
    Some((3, meant))
}

#[cfg(test)]
mod tests;
