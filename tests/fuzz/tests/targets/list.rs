//! What lists and reads are given back: cursors and positions, in the one spelling that was given out.

use events::Position;
use projections::postgres::Cursor;

#[test]
fn cursor() {
    fuzz::target!("cursor", |input| {
        let Ok(text) = std::str::from_utf8(input) else { return false };
        let Ok(cursor) = text.parse::<Cursor>() else { return false };
        assert_eq!(cursor.to_string(), text);
        assert_eq!(serde_json::to_value(cursor).unwrap(), text);
        true
    });
}

#[test]
fn position() {
    fuzz::target!("position", |input| {
        let Ok(text) = std::str::from_utf8(input) else { return false };
        let Ok(position) = text.parse::<Position>() else { return false };
        assert_eq!(position.to_string(), text);
        true
    });
}
