//! API keys: those of an organization, at `/api/v1/organizations/{organization}/keys`, and the installation's own,
//! at `/api/v1/installation/keys`. Each endpoint is written once and serves both.

use std::collections::BTreeSet;

use domain::key::Key;
use events::{KeyId, OrganizationId, Owner, Scope, ScopeSet, Slug, Subject};
use projections::directory::{Directory, ServerState};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::ApiState;
use super::command::Object;
use super::guard::OwnedPath;
use super::owned;

mod disable;
mod enable;
mod expiry;
mod get;
mod history;
mod issue;
mod list;
mod metadata;
mod problem;
mod rename;
mod revoke;
mod scopes;
pub mod verify;
mod view;

pub fn routes() -> OpenApiRouter<ApiState> {
    owned::by_either(|| {
        OpenApiRouter::new()
            .routes(routes!(list::list, issue::issue))
            .routes(routes!(get::get))
            .routes(routes!(history::history))
            .routes(routes!(revoke::revoke))
            .routes(routes!(disable::disable))
            .routes(routes!(enable::enable))
            .routes(routes!(rename::rename))
            .routes(routes!(expiry::set_expiry))
            .routes(routes!(scopes::set_scopes))
            .routes(routes!(metadata::set_metadata))
    })
}

/// Servers that scopes name and the organization does not have, each with one that may have been meant. They are taken
/// all the same: a server can be registered later.
fn warnings(directory: &Directory, owner: Owner, scopes: &ScopeSet) -> Vec<String> {
    let Some(organization) = owner.organization() else { return Vec::new() };
    let named: BTreeSet<&Slug> = scopes.iter().filter_map(Scope::server).collect();
    let there = |slug: &&Slug| {
        let entry = directory.server(organization, slug.as_str());
        entry.is_some_and(|entry| entry.state != ServerState::Removed)
    };
    let unknown = named.into_iter().filter(|slug| !there(slug));
    let warning = |slug: &Slug| {
        let known = directory.servers_of(organization);
        let near = known.iter().map(|known| (distance(known.as_str(), slug.as_str()), known));
        match near.min().filter(|(distance, _)| *distance <= 1 + slug.as_str().len() / 4) {
            Some((_, near)) => {
                format!("There is no server `{slug}` in this organization; did you mean `{near}`?")
            }
            None => format!("There is no server `{slug}` in this organization: its scopes open nothing yet."),
        }
    };
    unknown.map(warning).collect()
}

/// How many letters are to be added, taken out or replaced to make one word of the other (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut costs: Vec<usize> = (0..=other.len()).collect();
    for (row, letter) in (1..).zip(one.chars()) {
        let mut diagonal = std::mem::replace(&mut costs[0], row);
        for (column, with) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *with);
            diagonal = costs[column + 1];
            costs[column + 1] = replaced.min(diagonal + 1).min(costs[column] + 1);
        }
    }
    costs.last().copied().unwrap_or(0)
}

/// Where keys lie: with an organization, or with the installation.
#[derive(Clone, Debug, Deserialize)]
pub struct KeysPath {
    /// Absent in the installation's paths.
    organization: Option<OrganizationId>,
}

/// One key in a path.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct KeyPath {
    /// Absent in the installation's paths. Documented where the routes are put together.
    #[param(ignore)]
    organization: Option<OrganizationId>,
    /// The key's id.
    #[param(value_type = uuid::Uuid)]
    key: KeyId,
}

impl KeysPath {
    /// The address of the keys there.
    fn address(&self) -> String {
        match self.organization {
            None => "/api/v1/installation/keys".to_owned(),
            Some(organization) => format!("/api/v1/organizations/{organization}/keys"),
        }
    }
}

impl OwnedPath for KeysPath {
    fn owner(&self) -> Owner {
        self.organization.map_or(Owner::Installation, Owner::Organization)
    }
}

impl OwnedPath for KeyPath {
    fn owner(&self) -> Owner {
        self.organization.map_or(Owner::Installation, Owner::Organization)
    }
}

impl Object for KeyPath {
    type Aggregate = Key;

    fn id(&self) -> Uuid {
        self.key.uuid()
    }

    fn subject(&self) -> Subject {
        Subject::key(self.owner(), self.key)
    }

    fn ids(&self) -> Vec<String> {
        vec![self.owner().to_string(), self.key.to_string()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_as_far_apart_as_letters_differ() {
        for (one, other, letters) in [
            ("docs", "docs", 0),
            ("docs", "doc", 1),
            ("docs", "dosc", 2),
            ("", "abc", 3),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!((distance(one, other), distance(other, one)), (letters, letters), "{one} {other}");
        }
    }
}
