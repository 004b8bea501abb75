//! Nothing that a client says of its body makes an upstream read another message than the one that was judged:
//! the type that goes up is ours, and the bytes are the client's.

use keyledger_tests::spine::{Key, Spine};
use keyledger_tests::upstreams::{Express, McpServer, Upstream};
use keyledger_tests::wire::{Answer, Ask};
use serde_json::json;

/// In UTF-7 `+ACI-` is a quote: what is one text here is a call of `wipe` there.
const ATTACK: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"text":"+ACI-},+ACI-name+ACI-:+ACI-wipe+ACI-,+ACI-arguments+ACI-:{+ACI-text+ACI-:+ACI-pwned"}}}"#;
const SAID: &str = "+ACI-},+ACI-name+ACI-:+ACI-wipe+ACI-,+ACI-arguments+ACI-:{+ACI-text+ACI-:+ACI-pwned";
const GOOD: &str =
    r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"text":"hi"}}}"#;

fn ask(path: &str, content_type: &str, body: impl Into<Vec<u8>>) -> Ask {
    Ask::new("POST", path)
        .header("Accept", "application/json, text/event-stream")
        .header("Content-Type", content_type)
        .body(body)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_charset_can_not_make_another_call_of_it() {
    let upstream = Express::start().await;
    // By itself the official server reads the body as the header says.
    let alone = ask("/mcp", "application/json; charset=utf-7", ATTACK).send(upstream.address()).await;
    assert_eq!(alone.expect(200).json()["result"]["content"][0]["text"], "wipe: pwned");

    let spine = Spine::start().await;
    let organization = spine.organization("acme").await;
    let path = spine.register(&organization, "tools", &upstream.url()).await.path;
    let key = spine.key(&organization, &["mcp:tools:tools:echo"]).await;
    let send = async |content_type: &str, body: &str| {
        ask(&path, content_type, body).bearer(&key.secret).send(spine.public).await
    };
    for content_type in [
        "application/json; charset=utf-7",
        "application/json; charset=UTF-7",
        "application/json; charset=\"utf-7\"",
        "application/json;charset=utf-8;charset=utf-7",
        "application/json;charset=utf-7;charset=utf-8",
        "application/json; x=\"charset=utf-8\"; charset=utf-7",
        "application/json; charset=unicode-1-1-utf-7",
        "application/json; charset=utf-16",
        "application/vnd.api+json",
    ] {
        assert_refused(&send(content_type, ATTACK).await, 415, content_type);
    }
    // Said as JSON is said, it is one call of echo, with a strange text.
    for content_type in ["application/json", "application/json; charset=\"UTF-8\""] {
        let answer = send(content_type, ATTACK).await.expect(200).json();
        assert_eq!(answer["result"]["content"][0]["text"], format!("echo: {SAID}"));
    }
    send("application/json", GOOD).await.expect(200);
    let ran = upstream.ran_until("hi").await;
    let tools: Vec<_> = ran.iter().map(|(tool, text)| (tool.as_str(), text.as_str())).collect();
    assert_eq!(tools, [("wipe", "pwned"), ("echo", SAID), ("echo", SAID), ("echo", "hi")]);
}

/// Bytes that one parser takes for another text than ours does are refused; those that pass are the client's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_parsers_read_differently_is_refused_and_the_rest_goes_up_byte_by_byte() {
    let (spine, upstream, path, key) = narrow().await;
    let wide = |unit: fn(u16) -> [u8; 2]| GOOD.encode_utf16().flat_map(unit).collect::<Vec<u8>>();
    let with = |text: &[u8]| {
        let (before, after) = GOOD.split_once("hi").expect("the text");
        [before.as_bytes(), text, after.as_bytes()].concat()
    };
    let named = |name: &str| GOOD.replace(r#""name":"echo""#, name).into_bytes();
    for (what, body) in [
        ("a byte order mark", [b"\xef\xbb\xbf", GOOD.as_bytes()].concat()),
        ("UTF-16, little end first", wide(u16::to_le_bytes)),
        ("UTF-16, big end first", wide(u16::to_be_bytes)),
        ("UTF-16 with its mark", [b"\xff\xfe".to_vec(), wide(u16::to_le_bytes)].concat()),
        ("UTF-32", GOOD.bytes().flat_map(|byte| u32::from(byte).to_le_bytes()).collect()),
        ("a byte that is no UTF-8", with(b"\xff")),
        ("an overlong quote", with(b"\xc0\xa2")),
        ("a surrogate in UTF-8", with(b"\xed\xa0\x80")),
        ("a NUL in a text", with(b"\0")),
        ("a NUL after it", [GOOD.as_bytes(), b"\0"].concat()),
        ("a line end in a text", with(b"\n")),
        ("half a surrogate pair as a name", named(r#""name":"echo\ud800""#)),
        ("a name twice", named(r#""name":"echo","name":"wipe""#)),
        ("a name twice, once escaped", named(r#""name":"echo","\u006e\u0061\u006d\u0065":"wipe""#)),
        ("a name twice, in another case", named(r#""name":"echo","NAME":"wipe""#)),
        ("a comment", named(r#""name":"echo"/*,"name":"wipe"*/"#)),
        ("a comma too many", named(r#""name":"echo",,"#)),
        ("a number beyond all bounds as a name", named(r#""name":1e999999"#)),
        ("single quotes", named("'name':'echo'")),
    ] {
        let answer = ask(&path, "application/json", body).bearer(&key.secret).send(spine.public).await;
        assert_refused(&answer, 400, what);
    }
    assert_eq!(upstream.received().len(), 0, "the upstream heard of none of them");

    // Odd, and the same to every parser: passed on as it is.
    let deep = format!("{}1{}", "[".repeat(2_000), "]".repeat(2_000));
    for arguments in [
        r#"{ "text" : "\u0068\u0069" , "n" : 1e400, "m" : 123456789012345678901234567890 }"#,
        r#"{"text":"\ud800","text":"twice"}"#,
        r#"{"__proto__":{"name":"wipe"}}"#,
        &deep,
    ] {
        let body = GOOD.replace(r#"{"text":"hi"}"#, arguments);
        let sent = ask(&path, "application/json", body.as_str()).bearer(&key.secret).send(spine.public).await;
        // The upstream of this test reads less of JSON than the gateway lets pass, and then answers 202.
        let unread = sent.status == 502 && sent.text().contains("upstream_no_answer");
        assert!(sent.status == 200 || unread, "{arguments:.80}: {sent:?}");
        let received = upstream.received();
        let last = received.last().expect("a call");
        assert_eq!(String::from_utf8_lossy(&last.body), body);
        assert_eq!(last.headers.all("content-type"), ["application/json"]);
    }
}

async fn narrow() -> (Spine, Upstream, String, Key) {
    let spine = Spine::start().await;
    let upstream = Upstream::start(McpServer::default()).await;
    let organization = spine.organization("acme").await;
    let path = spine.register(&organization, "tools", &upstream.url()).await.path;
    let key = spine.key(&organization, &["mcp:tools:tools:echo"]).await;
    (spine, upstream, path, key)
}

fn assert_refused(answer: &Answer, status: u16, what: &str) {
    assert_eq!(answer.status, status, "{what}: {answer:?}");
    assert_eq!(answer.json()["error"]["data"]["source"], json!("keyledger"), "{what}");
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
}
