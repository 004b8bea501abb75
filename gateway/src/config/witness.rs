//! Who cosigns the log's checkpoints beside those who sign them.

use events::tlog::{Usage, VerifierKey};
use serde::Deserialize;
use url::Url;

use super::{ConfigError, check};

/// A note has room for 64 signatures.
const AT_MOST: usize = 16;

pub(super) const ACCEPTED: &str = "a list of tables with `url` (https://…, http only on loopback) and `key` (the C2SP \
                                   verifier key that `keyledger witness` prints)";

/// The log's checkpoints, as control hands them on.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Checkpoints {
    pub witnesses: Vec<Witness>,
}

/// A witness (C2SP tlog-witness).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Witness {
    /// Its submission prefix.
    pub url: Url,
    /// By which its cosignatures are believed.
    pub key: VerifierKey,
}

impl Checkpoints {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let wrong = |index: usize, member: &str, problem: &str| {
            Err(check::value(&format!("checkpoints.witnesses[{index}]{member}"), problem, ACCEPTED))
        };
        if self.witnesses.len() > AT_MOST {
            let problem = format!("it names {} witnesses", self.witnesses.len());
            return Err(check::value("checkpoints.witnesses", &problem, "16 witnesses at most"));
        }
        for (index, Witness { url, key }) in self.witnesses.iter().enumerate() {
            let plain = url.scheme() == "http" && check::is_loopback(url);
            if url.scheme() != "https" && !plain {
                return wrong(index, ".url", "what it answers could be anybody's");
            }
            if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
                return wrong(index, ".url", "it holds a user, a password or a query");
            }
            if key.usage() != Usage::Cosignature {
                return wrong(index, ".key", "it is a log's key, not a witness's");
            }
            if self.witnesses.iter().take(index).any(|before| before.key.name() == key.name()) {
                return wrong(index, ".key", "another witness before it has this name");
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use events::tlog::Cosigner;

    use super::*;

    fn witness(url: &str, name: &str) -> Witness {
        let key = Cosigner::from_seed(name, &[7; 32]).unwrap().verifier().clone();
        Witness { url: url.parse().unwrap(), key }
    }

    #[test]
    fn a_witness_is_reached_safely_and_named_once() {
        let check = |witnesses| Checkpoints { witnesses }.check().map_err(|error| error.to_string());
        let good =
            vec![witness("https://w.example.com/keyledger", "one"), witness("http://127.0.0.1:8090", "two")];
        check(good.clone()).unwrap();
        let log = VerifierKey::new("keyledger.log/one/0", Usage::Note, [7; 32]).unwrap();
        for (witnesses, told) in [
            (vec![witness("http://w.example.com", "one")], "checkpoints.witnesses[0].url"),
            (vec![witness("https://user@w.example.com", "one")], "checkpoints.witnesses[0].url"),
            (vec![good[0].clone(), witness("https://b.example.com", "one")], "checkpoints.witnesses[1].key"),
            (vec![Witness { key: log, ..good[0].clone() }], "checkpoints.witnesses[0].key"),
            (vec![good[0].clone(); 17], "16 witnesses"),
        ] {
            let said = check(witnesses).unwrap_err();
            assert!(said.contains(told), "{said}");
        }
    }
}
