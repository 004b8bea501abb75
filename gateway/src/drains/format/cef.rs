//! ArcSight Common Event Format, version 0: a header of seven fields between `|`, then `key=value` pairs.

use serde_json::Value;

use super::Facts;

/// The data of an event, in `cs4`: CEF's custom strings end there.
const LONGEST: usize = 4_000;

pub(super) fn line(facts: &Facts<'_>) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let mut line = format!(
        "CEF:0|Keyledger|Keyledger|{version}|{}|{}|{}|",
        header(facts.kind),
        header(&name(facts.kind)),
        facts.meaning.severity.cef()
    );
    let text = |member: &str| facts.members.text(member).unwrap_or_default().to_owned();
    let verb = facts.kind.split_once('.').map_or(facts.kind, |(_, verb)| verb);
    let pairs = [
        ("rt", facts.time.unix_millis().to_string()),
        ("externalId", text("id")),
        ("act", verb.to_owned()),
        ("outcome", if facts.problem.is_none() { "success" } else { "failure" }.to_owned()),
        ("suid", text("actor")),
        ("duid", text("aggregateid")),
        ("cn1Label", "sequence".to_owned()),
        ("cn1", facts.position.sequence.to_string()),
        ("cs1Label", "position".to_owned()),
        ("cs1", facts.position.to_string()),
        ("cs2Label", "organization".to_owned()),
        ("cs2", text("organization")),
        ("cs3Label", "commandid".to_owned()),
        ("cs3", text("commandid")),
        ("cs4Label", "data".to_owned()),
        ("cs4", facts.members.get("data").map(Value::to_string).unwrap_or_default()),
        ("cs5Label", "texts".to_owned()),
        ("cs5", facts.texts.as_ref().map(Value::to_string).unwrap_or_default()),
        ("reason", facts.problem.clone().unwrap_or_default()),
    ];
    let is_empty = |name: &str| pairs.iter().any(|(of, value)| *of == name && value.is_empty());
    let mut between = "";
    for (key, value) in &pairs {
        if value.is_empty() || key.strip_suffix("Label").is_some_and(is_empty) {
            continue;
        }
        line.push_str(between);
        line.push_str(key);
        line.push('=');
        line.push_str(&extension(value));
        between = " ";
    }
    line
}

/// `key.scopes_changed` is `Key scopes changed`.
fn name(kind: &str) -> String {
    let words = kind.replace(['.', '_'], " ");
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// `\` and `|` are escaped; a header has no line break.
fn header(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        match letter {
            '\\' | '|' => escaped.extend(['\\', letter]),
            letter if letter.is_control() => escaped.push(' '),
            letter => escaped.push(letter),
        }
    }
    escaped
}

/// `\` and `=` are escaped, line breaks are written as `\n` and `\r`.
fn extension(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars().take(LONGEST) {
        match letter {
            '\\' | '=' => escaped.extend(['\\', letter]),
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            letter if letter.is_control() => escaped.push(' '),
            letter => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_end_a_field_is_escaped() {
        assert_eq!(header("a|b\\c=d\ne"), "a\\|b\\\\c=d e");
        assert_eq!(extension("a|b\\c=d\ne\rf\u{7}"), "a|b\\\\c\\=d\\ne\\rf ");
        assert_eq!(name("key.scopes_changed"), "Key scopes changed");
    }
}
