//! Which redirect addresses a client that registers itself may name: those of well-known clients, as data with a date,
//! and what the installation adds (`oauth.redirects`).

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

/// The committed data.
static COMMITTED: LazyLock<Data> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "it is written beside this file, and a test reads it")]
    toml::from_str(include_str!("presets.toml")).expect("the presets are TOML")
});

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Data {
    date: String,
    clients: Vec<Preset>,
}

/// One well-known client.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Preset {
    pub name: String,
    pub redirects: Vec<String>,
}

/// All that may be named.
#[derive(Debug, Clone)]
pub struct Presets {
    allowed: Allowed,
    /// What the installation adds.
    added: Vec<String>,
}

/// An address that an operator adds and nobody could be answered at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{address}: {problem}")]
pub struct PresetFault {
    address: String,
    problem: String,
}

/// Addresses, each whole or with `*` as its last segment.
#[derive(Debug, Clone, Default)]
pub struct Allowed(Vec<String>);

impl Presets {
    /// `more`: what the installation adds.
    pub fn new(more: &[String]) -> Result<Self, PresetFault> {
        for address in more {
            if let Some(problem) = fault(address) {
                return Err(PresetFault { address: address.clone(), problem });
            }
        }
        let known = COMMITTED.clients.iter().flat_map(|client| client.redirects.iter());
        Ok(Self { allowed: Allowed(known.chain(more).cloned().collect()), added: more.to_vec() })
    }

    /// The well-known clients, and when their addresses were looked up.
    pub fn committed() -> (&'static str, &'static [Preset]) {
        (&COMMITTED.date, &COMMITTED.clients)
    }

    /// What the installation adds to them.
    pub fn added(&self) -> &[String] {
        &self.added
    }

    /// What a client that registers itself may name beside loopback addresses.
    pub fn allowed(&self) -> &Allowed {
        &self.allowed
    }

    /// Those of them that are of an app's own scheme.
    pub fn private(&self) -> Allowed {
        let is_private =
            |address: &&String| !address.starts_with("https://") && !address.starts_with("http://");
        Allowed(self.allowed.0.iter().filter(is_private).cloned().collect())
    }
}

impl Allowed {
    pub fn names(&self, address: &str) -> bool {
        let is_segment = |rest: &str| !rest.is_empty() && !rest.contains(['/', '?', '%', ':']);
        self.0.iter().any(|allowed| match allowed.strip_suffix('*') {
            None => allowed == address,
            Some(start) => address.strip_prefix(start).is_some_and(is_segment),
        })
    }
}

/// What is wrong with an address that an operator adds; `None`: nothing.
fn fault(address: &str) -> Option<String> {
    let has_host = |start: &&str| start.split_once("://").is_some_and(|(_, rest)| !rest.is_empty());
    let example = address.strip_suffix("/*").filter(has_host).map(|start| format!("{start}/x"));
    let example = example.as_deref().unwrap_or(address);
    if example.contains('*') {
        return Some("`*` is the whole last segment of a path, or is not there".to_owned());
    }
    let all = Allowed(vec![example.to_owned()]);
    super::redirect::RedirectUri::parse(example, &all).err().map(|fault| fault.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_presets_can_be_used() {
        let (date, clients) = Presets::committed();
        assert_eq!(date.len(), "2026-11-23".len());
        for address in clients.iter().flat_map(|client| &client.redirects) {
            assert_eq!(fault(address), None, "{address}");
        }
    }

    #[test]
    fn a_star_stands_for_one_segment() {
        let presets =
            Presets::new(&["https://n8n.example.com/rest/oauth2-credential/callback".to_owned()]).unwrap();
        let names = |address| presets.allowed().names(address);
        assert!(names("https://chatgpt.com/connector/oauth/abc-123"));
        assert!(names("https://n8n.example.com/rest/oauth2-credential/callback"));
        for address in [
            "https://chatgpt.com/connector/oauth/",
            "https://chatgpt.com/connector/oauth/a/b",
            "https://chatgpt.com/connector/oauth/a?b",
            "https://chatgpt.com/connector/oauth",
            "https://evil.example/connector/oauth/a",
            "https://n8n.example.com/rest/oauth2-credential/callback/",
        ] {
            assert!(!names(address), "{address}");
        }
    }

    #[test]
    fn an_operator_adds_no_more_than_an_address() {
        for bad in [
            "*",
            "https://*",
            "https://*.example.com/cb",
            "https://a.example/x*",
            "javascript:*",
            "http://a.example/cb",
        ] {
            assert!(fault(bad).is_some(), "{bad}");
        }
        for good in
            ["https://a.example/cb", "https://a.example/cb/*", "windsurf://callback", "com.example.app:/cb"]
        {
            assert_eq!(fault(good), None, "{good}");
        }
    }
}
