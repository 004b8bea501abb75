//! What claims say beyond who somebody is: groups and roles, and whether an e-mail address is vouched for. Pure.

use events::issuer::{self, IssuerSettings, Protocol};
use serde_json::{Map, Value};

use super::token::Claims;

/// What is to be done about groups that the token does not tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Overage {
    /// It tells all, or nobody asks.
    None,
    Refused,
    /// They are to be read from Microsoft Graph.
    Graph,
    /// Another claim that is asked for lies elsewhere.
    Elsewhere(String),
}

/// Claims that lie elsewhere (OpenID Connect Core 1.0 §5.6.2): a token without groups because there are too many is not one
/// of somebody without groups.
pub fn overage(settings: &IssuerSettings, claims: &Claims) -> Overage {
    let elsewhere = claims.all.get("_claim_names").and_then(Value::as_object);
    let asked =
        elsewhere.into_iter().flat_map(Map::keys).find(|name| *name != "groups" && settings.asks_for(name));
    if let Some(name) = asked {
        return Overage::Elsewhere(name.chars().take(100).collect());
    }
    let flagged = claims.all.get("hasgroups").is_some_and(|has| has == &Value::Bool(true) || has == "true");
    let missing = flagged || elsewhere.is_some_and(|names| names.contains_key("groups"));
    match settings.overage {
        _ if !missing || !settings.asks_for("groups") => Overage::None,
        issuer::Overage::Refuse => Overage::Refused,
        issuer::Overage::Graph => Overage::Graph,
    }
}

/// Whether a claim is this value, or a list with it. Numbers and truth count as their text.
pub fn says(claims: &Claims, groups: Option<&[String]>, name: &str, wanted: &str) -> bool {
    if name == "groups"
        && let Some(groups) = groups
    {
        return groups.iter().any(|group| group == wanted);
    }
    let found = match name.strip_prefix('/') {
        Some(_) => pointed(&claims.all, name),
        None => claims.all.get(name),
    };
    let is = |value: &Value| match value {
        Value::String(text) => text == wanted,
        Value::Bool(truth) => truth.to_string() == wanted,
        Value::Number(number) => number.to_string() == wanted,
        Value::Null | Value::Array(_) | Value::Object(_) => false,
    };
    match found {
        Some(Value::Array(items)) => items.iter().any(is),
        Some(value) => is(value),
        None => false,
    }
}

/// RFC 6901 §4.
fn pointed<'a>(claims: &'a Map<String, Value>, pointer: &str) -> Option<&'a Value> {
    let rest = pointer.strip_prefix('/')?;
    let (first, rest) = rest.split_once('/').map_or((rest, None), |(first, rest)| (first, Some(rest)));
    let member = claims.get(&first.replace("~1", "/").replace("~0", "~"))?;
    match rest {
        None => Some(member),
        Some(rest) => member.pointer(&format!("/{rest}")),
    }
}

/// The e-mail address, and whether the issuer vouches that it is the person's own.
///
/// OpenID Connect says so by `email_verified` (§5.1). Entra ID has no such claim, and its `email` can be chosen by any
/// tenant's administrator: there an address counts where the owner of its domain was verified (`xms_edov`), or where it is
/// among the verified ones.
pub fn email(settings: &IssuerSettings, claims: &Claims) -> Option<(String, bool)> {
    let email = claims.all.get("email")?.as_str()?;
    // RFC 5321 §4.5.3.1.3.
    if email.len() > 254 || email.chars().any(char::is_control) || !email.contains('@') {
        return None;
    }
    let yes = |name: &str| {
        let said = claims.all.get(name);
        said.is_some_and(|said| said == &Value::Bool(true) || said == "true")
    };
    let verified = match settings.protocol {
        Protocol::OpenId { .. } => yes("email_verified"),
        Protocol::Entra { .. } => {
            let one = claims.all.get("xms_edov");
            let owned = yes("xms_edov") || one.is_some_and(|one| one == &Value::from(1) || one == "1");
            let listed = ["verified_primary_email", "verified_secondary_email"].into_iter().any(|name| {
                let list = claims.all.get(name).and_then(Value::as_array);
                list.into_iter()
                    .flatten()
                    .filter_map(Value::as_str)
                    .any(|one| one.eq_ignore_ascii_case(email))
            });
            owned || listed
        }
    };
    Some((email.to_owned(), verified))
}

/// A text for people, bounded; one that is none is left out.
pub fn text(claims: &Claims, name: &str, longest: usize) -> Option<String> {
    let text = claims.all.get(name)?.as_str()?.trim();
    let fits = !text.is_empty() && text.chars().count() <= longest && !text.chars().any(char::is_control);
    fits.then(|| text.to_owned())
}
