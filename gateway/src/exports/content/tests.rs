use super::*;

const LOG: &str = "019aa000-0000-7000-8000-000000000100";

fn messages() -> Vec<(&'static str, Bytes)> {
    let event = include_bytes!("../../../../events/golden/key/issued.v1.json").trim_ascii();
    vec![
        ("kl.events.0._.key.1", Bytes::from_static(event)),
        ("kl.events.0._.key.\"2\"", Bytes::from_static(b"no JSON \xff")),
        ("kl.events.0._.key.3", Bytes::from_static(b" {\"spaces\": \"around\"} ")),
        ("kl.events.0._.key.4", Bytes::from_static(b"{\"two\":\n\"lines\"}")),
        ("kl.events.0._.key.5", Bytes::from_static(b"")),
        (
            "kl.events.0._.key.6",
            Bytes::from_static(b"{\"schemaversion\":99999999999,\"time\":\"never\",\"id\":7}"),
        ),
    ]
}

fn written(content: Content) -> Vec<u8> {
    let mut writer = content.writer(LOG.parse().unwrap()).unwrap();
    for (sequence, (subject, payload)) in (41..).zip(messages()) {
        let problem = (sequence == 43).then_some("nobody\n\"signed\" it");
        writer.push(sequence, subject, &payload, problem).unwrap();
    }
    writer.finish().unwrap()
}

fn leaves(file: &[u8], content: Content, first: u64) -> Result<Vec<Hash>, ContentError> {
    Ok(held(file, content, first)?.into_iter().map(|held| held.leaf).collect())
}

fn held(file: &[u8], content: Content, first: u64) -> Result<Vec<Held>, ContentError> {
    let mut all = Vec::new();
    let file = Bytes::copy_from_slice(file);
    read(file, content, LOG.parse().unwrap(), first, &mut |held| all.push(held))?;
    Ok(all)
}

#[test]
fn what_was_written_is_read_back_byte_for_byte() {
    let expected: Vec<_> = messages().iter().map(|(subject, payload)| leaf(subject, payload)).collect();
    for content in [Content::Lines { gzip: false }, Content::Lines { gzip: true }, Content::Parquet] {
        let file = written(content);
        assert_eq!(leaves(&file, content, 41).unwrap(), expected, "{content:?}");
        let marked: Vec<_> = held(&file, content, 41).unwrap().iter().map(|held| held.is_marked).collect();
        assert_eq!(marked, [false, false, true, false, false, false], "{content:?}");
        leaves(&file, content, 42).unwrap_err();
        leaves(&file[..file.len() - 9], content, 41).unwrap_err();
    }
}

#[test]
fn what_is_no_part_of_a_message_can_not_hide_in_a_line() {
    let content = Content::Lines { gzip: false };
    let text = String::from_utf8(written(content)).unwrap();
    for (from, to) in [
        ("{\"position\"", "{ \"position\""),
        ("\"event\":{", "\"event\": {"),
        ("{\"position\"", "{\"note\":1,\"position\""),
        ("-0-41\"", "-0-43\""),
        ("\n", "\r\n"),
    ] {
        let bent = text.replacen(from, to, 1);
        assert_ne!(bent, text, "{from}");
        assert!(matches!(leaves(bent.as_bytes(), content, 41), Err(ContentError::Line(1))), "{from}");
    }
    // What is in a message leads to another leaf.
    let bent = text.replacen("kl_live", "kl_fake", 1);
    assert_ne!(leaves(bent.as_bytes(), content, 41).unwrap(), leaves(text.as_bytes(), content, 41).unwrap());
}
