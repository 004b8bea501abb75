//! How people sign in, as flags say it.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Map, Value, json};

use crate::cli::error::CliError;

#[derive(Debug, Args)]
#[command(next_help_heading = "How people sign in")]
pub struct Settings {
    /// As what the issuer knows the gateway
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,
    /// none, client_secret_basic, client_secret_post or private_key_jwt; of a new issuer client_secret_basic
    #[arg(long, value_name = "METHOD")]
    authentication: Option<String>,
    /// What the issuer is asked for; can be given more than once, of a new issuer openid, profile and email
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// Which signatures count, such as ES256; can be given more than once, of a new issuer RS256
    #[arg(long = "algorithm", value_name = "ALGORITHM")]
    algorithms: Vec<String>,
    /// Whose claim has this value gets this role (admin, developer, auditor, viewer); can be given more than once, the first
    /// that fits counts
    #[arg(long = "role", value_name = "CLAIM=VALUE=ROLE", conflicts_with_all = ["rules", "no_rules"])]
    roles: Vec<String>,
    /// All rules, with scopes or of several organizations: a file with their JSON array, as the API takes it
    #[arg(long, value_name = "FILE", conflicts_with = "no_rules")]
    rules: Option<PathBuf>,
    /// No rules: claims give nothing
    #[arg(long)]
    no_rules: bool,
    /// Where somebody is in more groups than the issuer tells: refuse, or read them from Microsoft graph
    #[arg(long, value_name = "refuse|graph")]
    overage: Option<String>,
    /// Whose verified e-mail address is of this domain may sign in; can be given more than once
    #[arg(long = "domain", value_name = "DOMAIN", conflicts_with = "anybody")]
    domains: Vec<String>,
    /// Only whose claim has this value may sign in, such as groups=ID; for one claim any of its values will do
    #[arg(long = "require", value_name = "CLAIM=VALUE", conflicts_with = "anybody")]
    required: Vec<String>,
    /// Whom the issuer knows may sign in. Domains and requirements are set together
    #[arg(long)]
    anybody: bool,
}

impl Settings {
    /// `None`: nothing is said.
    pub fn body(self) -> Result<Option<Value>, CliError> {
        let mut body = Map::new();
        let mut say = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                body.insert(name.to_owned(), value);
            }
        };
        let listed = |list: Vec<String>| (!list.is_empty()).then(|| Value::from(list));
        say("client_id", self.client_id.map(Value::from));
        say("authentication", self.authentication.map(Value::from));
        say("scopes", listed(self.scopes));
        say("algorithms", listed(self.algorithms));
        say("overage", self.overage.map(Value::from));
        let roles = self.roles.iter().map(|text| role(text)).collect::<Result<Vec<_>, _>>()?;
        let rules = match &self.rules {
            Some(file) => Some(array(file)?),
            None => (self.no_rules || !roles.is_empty()).then_some(Value::from(roles)),
        };
        say("rules", rules);
        if self.anybody || !self.domains.is_empty() || !self.required.is_empty() {
            say(
                "restrictions",
                Some(json!({ "domains": self.domains, "required": required(&self.required)? })),
            );
        }
        Ok((!body.is_empty()).then_some(Value::Object(body)))
    }
}

fn role(text: &str) -> Result<Value, CliError> {
    let parts = text.split_once('=').and_then(|(claim, rest)| Some((claim, rest.rsplit_once('=')?)));
    let wrong = || CliError::Usage(format!("--role {text}: it is CLAIM=VALUE=ROLE, such as groups=ID=admin"));
    let (claim, (value, role)) = parts.ok_or_else(wrong)?;
    Ok(json!({ "claim": claim, "value": value, "role": role }))
}

/// The values of one claim stand together.
fn required(texts: &[String]) -> Result<Vec<Value>, CliError> {
    let mut all: Vec<(&str, Vec<&str>)> = Vec::new();
    for text in texts {
        let wrong = || CliError::Usage(format!("--require {text}: it is CLAIM=VALUE, such as groups=ID"));
        let (claim, value) = text.split_once('=').ok_or_else(wrong)?;
        match all.iter_mut().find(|(known, _)| *known == claim) {
            Some((_, values)) => values.push(value),
            None => all.push((claim, vec![value])),
        }
    }
    Ok(all.into_iter().map(|(claim, values)| json!({ "claim": claim, "any_of": values })).collect())
}

fn array(file: &Path) -> Result<Value, CliError> {
    let read = std::fs::read(file).map_err(|error| error.to_string());
    let read = read.and_then(|bytes| serde_json::from_slice(&bytes).map_err(|error| error.to_string()));
    read.map_err(|error| CliError::Usage(format!("--rules {}: {error}", file.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_values_own_equals_signs_stay() {
        assert_eq!(
            role("groups=cn=ops,dc=x=admin").unwrap(),
            json!({"claim": "groups", "value": "cn=ops,dc=x", "role": "admin"})
        );
        assert!(role("groups=admin").is_err());
        let texts = ["groups=a".to_owned(), "hd=x".to_owned(), "groups=b=c".to_owned()];
        assert_eq!(
            required(&texts).unwrap(),
            [json!({"claim": "groups", "any_of": ["a", "b=c"]}), json!({"claim": "hd", "any_of": ["x"]})]
        );
    }
}
