//! The parameters of a request, in the query or in a form: each at most once (RFC 6749 §3.1).

use std::collections::BTreeMap;

#[derive(Debug, Clone, Default)]
pub(crate) struct Parameters {
    values: BTreeMap<String, String>,
    /// The first that came twice.
    pub twice: Option<String>,
}

impl Parameters {
    pub fn parse(encoded: &str) -> Self {
        let mut parsed = Self::default();
        for (name, value) in url::form_urlencoded::parse(encoded.as_bytes()) {
            if parsed.values.insert(name.to_string(), value.into_owned()).is_some() {
                parsed.twice.get_or_insert(name.into_owned());
            }
        }
        parsed
    }

    /// What is empty is as if it were not there (RFC 6749 §3.1).
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// All, for those who look at what came: secrets are told as present alone.
    pub fn told(&self) -> BTreeMap<String, String> {
        const SECRET: [&str; 5] =
            ["client_secret", "client_assertion", "code", "refresh_token", "code_verifier"];
        let told = |(name, value): (&String, &String)| {
            let value = if SECRET.contains(&name.as_str()) { "…".to_owned() } else { value.clone() };
            (name.clone(), value)
        };
        self.values.iter().map(told).collect()
    }
}
