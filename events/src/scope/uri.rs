//! Where a prefix of a URI says nothing of what the URI names: `notes/../secrets` starts with `notes/`.

/// Whether a path segment of this URI may be read as `.` or `..` (RFC 3986 §3.3, §5.2.4).
///
/// Read as the most generous server would: percent-encodings decoded however often they are nested, `\` as `/`,
/// tabs and line ends left out (WHATWG URL), `;` and `:` as the end of a segment too.
pub(super) fn has_dot_segment(uri: &str) -> bool {
    let mut read = Vec::with_capacity(uri.len());
    for byte in uri.bytes() {
        if matches!(byte, b'\t' | b'\n' | b'\r') {
            continue;
        }
        read.push(byte);
        // What was decoded may be the last digit of another encoding.
        while let [.., b'%', high, low] = *read
            && let (Some(high), Some(low)) = (digit(high), digit(low))
        {
            read.truncate(read.len() - 3);
            read.push(high * 16 + low);
        }
        if matches!(read.last(), Some(b'\t' | b'\n' | b'\r')) {
            read.pop();
        }
    }
    read.split(|byte| matches!(byte, b'/' | b'\\' | b'?' | b'#' | b';' | b':'))
        .any(|segment| matches!(segment, b"." | b".."))
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dot_segment_is_seen_in_every_spelling() {
        for uri in [
            "notes/../secrets",
            "file:///notes/..",
            "file:///notes/./a",
            "notes/%2e%2E/secrets",
            "notes/.%2e/secrets",
            "notes/%252e./secrets",
            "notes/%2%65%2e/secrets",
            "notes%2f..%2Fsecrets",
            "notes\\..\\secrets",
            "notes%5c..%5csecrets",
            "notes/..?x",
            "notes/..#x",
            "notes/..;x/secrets",
            "notes/.\t./secrets",
            "notes/.%09./secrets",
            "file:../secrets",
        ] {
            assert!(has_dot_segment(uri), "{uri}");
        }
        for uri in ["notes/a.md", "notes/...", "notes/.git/a", "notes/a..b", "notes/100%", "notes/%2", ""] {
            assert!(!has_dot_segment(uri), "{uri}");
        }
    }
}
