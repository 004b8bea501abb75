//! Texts that have types of their own: moments, slugs, where a server is, subjects, and proofs of a range of the log.

use events::server::UpstreamUrl;
use events::tlog::RangeProof;
use events::{Slug, Subject, Timestamp};

#[test]
fn timestamp() {
    fuzz::target!("timestamp", |input| {
        let Ok(text) = std::str::from_utf8(input) else { return false };
        let given = Timestamp::given(text);
        let Ok(moment) = text.parse::<Timestamp>() else {
            assert!(given.is_err(), "{text}");
            return false;
        };
        let written = moment.to_string();
        assert_eq!(written.parse(), Ok(moment));
        assert_eq!(Timestamp::given(&written), Ok(moment), "what is written is what somebody may give");
        assert_eq!(Timestamp::from_unix_millis(moment.unix_millis()), Some(moment), "{text}");
        assert!((1..=9_999).contains(&moment.date_time().year()), "{text}");
        assert!(given.is_err() || given == Ok(moment), "{text}");
        true
    });
}

#[test]
fn slug() {
    fuzz::target!("slug", |input| {
        let Ok(text) = std::str::from_utf8(input) else { return false };
        let word = |word: &str| {
            !word.is_empty() && word.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9'))
        };
        let good = text.len() <= 63 && text.split('-').all(word);
        assert_eq!(text.parse::<Slug>().is_ok(), good, "{text:?}");
        assert!(text.parse::<Slug>().is_ok_and(|slug| slug.as_str() == text) == good);
        good
    });
}

#[test]
fn upstream_url() {
    fuzz::target!("upstream_url", |input| {
        let Ok(text) = std::str::from_utf8(input) else { return false };
        let Ok(upstream) = text.parse::<UpstreamUrl>() else { return false };
        // As an event holds it: what is taken once is read for ever.
        let written = upstream.to_string();
        assert_eq!(written.parse().as_ref(), Ok(&upstream), "{text} is written as {written}");
        let url = upstream.url();
        assert!(matches!(url.scheme(), "http" | "https"), "{text}");
        assert!(url.host_str().is_some_and(|host| !host.is_empty()), "{text}");
        assert!(url.username().is_empty() && url.password().is_none(), "{text}");
        assert!(url.query().is_none() && url.fragment().is_none(), "{text}");
        assert!(written.bytes().all(|byte| byte.is_ascii_graphic()), "{written}");
        true
    });
}

#[test]
fn subject() {
    fuzz::target!("subject", |input| {
        let Ok(text) = std::str::from_utf8(input) else { return false };
        let Ok(subject) = text.parse::<Subject>() else { return false };
        let written = subject.to_string();
        assert_eq!(written.parse(), Ok(subject));
        assert!(written.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'*' | b'>')));
        assert_eq!(written.split('.').count(), 6, "{written}");
        true
    });
}

#[test]
fn range_proof() {
    fuzz::target!("range_proof", |input| {
        let Ok(text) = std::str::from_utf8(input) else { return false };
        let Ok(proof) = text.parse::<RangeProof>() else { return false };
        assert!(proof.first >= 1 && proof.first <= proof.last, "{text}");
        assert_eq!(proof.to_string().parse().as_ref(), Ok(&proof), "{text}");
        // Without a key nothing is proven, whatever the tree.
        if let Ok(tree) = proof.begin() {
            proof.end(tree, "keyledger.log/none/0", &[]).unwrap_err();
        }
        true
    });
}
