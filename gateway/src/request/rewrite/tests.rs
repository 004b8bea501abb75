use events::UserId;
use events::key::KeyOwner;
use uuid::Uuid;

use super::*;
use crate::mcp::{Era, Message};
use crate::request::principal::Principal;
use crate::request::testing::{key, server};

const LIST: &str = r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"a"},{"name":"b"}]}}"#;
const ONE: &str = r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"a"}]}}"#;

fn lists() -> Rewrite {
    let message = Message::parse(br#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#).unwrap();
    Rewrite::Lists(Lists::asked_for(&message, Era::Sessions).unwrap())
}

fn only_a() -> Principal {
    key(2, KeyOwner::User { id: UserId::new(Uuid::from_u128(1)) }, "mcp:docs:tools:a")
}

/// The stream in pieces of so many bytes, as it goes down.
fn down(stream: &str, size: usize) -> Result<String, ListFault> {
    let (principal, server) = (only_a(), server(1, "https://docs.example.com/mcp"));
    let view = View { scopes: principal.scopes(), server: &server.slug };
    let mut rewriter = Rewriter::new(lists(), true);
    let mut out = Vec::new();
    for piece in stream.as_bytes().chunks(size) {
        out.extend_from_slice(&rewriter.take(piece, view)?);
    }
    out.extend_from_slice(&rewriter.rest(view)?);
    Ok(String::from_utf8(out).unwrap())
}

#[test]
fn a_list_is_found_however_its_event_is_written_and_cut() {
    let progress = r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1}}"#;
    for (stream, expected) in [
        (format!("data: {LIST}\n\n"), format!("data: {ONE}\n\n")),
        (format!("data:{LIST}\r\n\r\n"), format!("data: {ONE}\r\n\r\n")),
        (format!("data: {LIST}\r\r"), format!("data: {ONE}\r\r")),
        (
            format!(
                ": hi\n\nid: 1\ndata:\n\ndata: {progress}\n\nevent: message\nid: 2\ndata: {LIST}\nretry: 5\n\n: bye\n\n"
            ),
            format!(
                "\nid: 1\ndata:\n\ndata: {progress}\n\nevent: message\nid: 2\ndata: {ONE}\nretry: 5\n\n\n"
            ),
        ),
        (format!("\u{feff}data: {LIST}\n\n"), format!("data: {ONE}\n\n")),
        // Whoever takes it for an event takes what may be shown.
        (format!("data: {LIST}"), format!("data: {ONE}")),
        // One message on several lines.
        (
            format!("data: {}\n\n", LIST.replace(",\"result\"", ",\ndata: \"result\"")),
            format!("data: {}\n\n", ONE.replace(",\"result\"", ",\ndata: \"result\"")),
        ),
        // What clients pass over may name what is hidden.
        (format!(":b\nb: 1\nnote\ndatab:\ndata: {ONE}\n\n"), format!("data: {ONE}\n\n")),
        // And so may what is no message.
        (format!("event: ping\ndata: 12:30\n\ndata: {ONE}\n\n"), format!("data: {ONE}\n\n")),
    ] {
        for size in [1, 2, 3, 7, 4_096] {
            assert_eq!(down(&stream, size).as_deref(), Ok(expected.as_str()), "in pieces of {size}");
        }
    }
}

#[test]
fn an_event_passes_as_soon_as_it_is_whole() {
    let (principal, server) = (only_a(), server(1, "https://docs.example.com/mcp"));
    let view = View { scopes: principal.scopes(), server: &server.slug };
    let mut rewriter = Rewriter::new(lists(), true);
    let mut take = |piece: &str| rewriter.take(piece.as_bytes(), view).unwrap();
    assert_eq!(take("data: {}\r\n"), "");
    assert_eq!(take("\r"), "data: {}\r\n\r");
    assert_eq!(take("\n"), "\n");
    assert_eq!(take("id: 2\n\nid: 3\n"), "id: 2\n\n");
    assert_eq!(take("\n"), "id: 3\n\n");
}

#[test]
fn what_is_too_long_or_no_json_is_a_fault() {
    let long =
        format!("data: {}\n\n", LIST.replace("\"b\"", &format!("\"{}\"", "b".repeat(list::MAX_BYTES))));
    assert_eq!(down(&long, 65_536), Err(ListFault::TooLong));
    assert_eq!(down(&format!("data: {}\n\n", &LIST[..40]), 9), Err(ListFault::NotJson));
    assert_eq!(down(&format!("data: [{LIST}]\n\n"), 9), Err(ListFault::NotJson));
}
