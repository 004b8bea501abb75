//! Characters that nobody sees, and that move a cursor, turn text around or make two names look the same: what came from
//! elsewhere is shown without them, to people and in logs.

use std::borrow::Cow;
use std::fmt::Write as _;

/// A text for people: each of them is a replacement character. Line feeds stay.
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if is_unseen(c) && c != '\n' { '\u{fffd}' } else { c }).collect()
}

/// The same on the one line that it has.
pub fn one_line(text: &str) -> String {
    printable(text).replace('\n', "\u{fffd}")
}

/// JSON that says the same, with each of them written as its code (RFC 8259 §7). They stand in strings alone, but for
/// line feeds, which stay.
pub fn escaped(json: &str) -> Cow<'_, str> {
    let is_raw = |c: char| is_unseen(c) && c != '\n';
    if !json.contains(is_raw) {
        return Cow::Borrowed(json);
    }
    let mut text = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        if is_raw(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing into a String can't fail.
                let _ = write!(text, "\\u{unit:04x}");
            }
        } else {
            text.push(c);
        }
    }
    Cow::Owned(text)
}

/// Control characters, separators of lines, what changes the direction of text (Unicode's Bidi_Control) and what has no
/// width (of Default_Ignorable_Code_Point what is no part of a picture).
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}')
        || matches!(c, '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}')
        || matches!(c, '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const UNSEEN: &str = "\u{9b}2J\u{202e}x\u{7f}\u{1b}\u{200b}\u{feff}\u{e0041}";

    #[test]
    fn nothing_unseen_is_shown() {
        assert_eq!(printable(&format!("{UNSEEN}\n")).matches('\u{fffd}').count(), 7);
        assert_eq!(one_line("a\nb"), "a\u{fffd}b");
        assert_eq!(printable("Ünïcode 👩🏽 日本"), "Ünïcode 👩🏽 日本");
    }

    #[test]
    fn json_says_the_same() {
        let said = json!({"reason": format!("{UNSEEN}\n"), "é": 1});
        for json in [said.to_string(), serde_json::to_string_pretty(&said).unwrap()] {
            let text = escaped(&json);
            assert!(!text.contains(|c| is_unseen(c) && c != '\n'), "{text}");
            assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), said);
        }
        assert!(matches!(escaped("{\"a\": \"é\"}"), Cow::Borrowed(_)));
    }
}
