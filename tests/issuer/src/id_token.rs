//! What an id token says of a person, as each provider says it.

use serde_json::{Map, Value, json};

use crate::behaviour::lay;
use crate::realm::{Realm, Version};
use crate::state::{Given, Shared, State};

pub(crate) fn claims(shared: &Shared, state: &State, given: &Given) -> Map<String, Value> {
    let (now, realm, client) = (shared.now(), &given.asked.realm, &given.asked.client);
    let mut claims = Map::new();
    let mut say = |name: &str, value: Value| drop(claims.insert(name.to_owned(), value));
    let person_of = realm.is_entra().then_some(given.tenant.as_str());
    say("iss", realm.issuer(&shared.base, &shared.sts, person_of).into());
    say("aud", client.id.clone().into());
    say("iat", now.into());
    say("nbf", now.into());
    say("exp", (now + state.behaviour.lifetime_seconds).into());
    say("name", given.person.name.clone().into());
    if let Some(nonce) = &given.asked.nonce {
        say("nonce", nonce.clone().into());
    }
    if !given.person.roles.is_empty() {
        say("roles", given.person.roles.clone().into());
    }
    match realm {
        Realm::OpenId => openid(given, &mut say),
        Realm::Entra { version, .. } => entra(shared, *version, given, &mut say),
    }
    if client.tells_groups && !given.person.groups.is_empty() {
        let too_many = realm.is_entra() && given.person.groups.len() > state.behaviour.most_groups;
        if too_many {
            // Of the retired Azure AD Graph, as Entra ID still writes it: nobody is to follow it.
            let object = given.person.object(&given.tenant);
            let endpoint =
                format!("https://graph.windows.net/{}/users/{object}/getMemberObjects", given.tenant);
            say("_claim_names", json!({"groups": "src1"}));
            say("_claim_sources", json!({"src1": {"endpoint": endpoint}}));
        } else {
            say("groups", given.person.groups.clone().into());
        }
    }
    lay(&state.behaviour.claims, &mut claims);
    claims
}

/// OpenID Connect Core §5.1.
fn openid(given: &Given, say: &mut impl FnMut(&str, Value)) {
    say("sub", given.person.subject().into());
    say("preferred_username", given.person.user.clone().into());
    if let Some(email) = &given.person.email {
        say("email", email.clone().into());
        say("email_verified", given.person.email_verified.into());
    }
}

fn entra(shared: &Shared, version: Version, given: &Given, say: &mut impl FnMut(&str, Value)) {
    let (person, tenant) = (&given.person, &given.tenant);
    say("sub", person.pairwise(tenant, &given.asked.client.id).into());
    say("oid", person.object(tenant).into());
    say("tid", tenant.clone().into());
    say("rh", "1.AAAA.".into());
    say("uti", shared.draw().into());
    let name = person.email.clone().unwrap_or_else(|| format!("{}@contoso.onmicrosoft.example", person.user));
    match version {
        Version::V1 => {
            say("ver", "1.0".into());
            say("unique_name", name.clone().into());
            say("upn", name.into());
        }
        Version::V2 => {
            say("ver", "2.0".into());
            say("preferred_username", name.into());
        }
    }
    if let Some(email) = &person.email {
        say("email", email.clone().into());
        // "E-mail domain owner verified", an optional claim.
        say("xms_edov", person.email_verified.into());
    }
    if person.tenant != *tenant {
        say("acct", 1.into());
        say("idp", format!("{}/{}/", shared.sts, person.tenant).into());
    }
}
