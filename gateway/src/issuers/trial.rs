//! Tries an issuer: whether it can be found, whether its keys can be used, whether it knows our client id and the address
//! that it sends people back to, and whether it takes our credential. Nobody signs in, and nothing of what it answers is
//! kept. It also tries one that is switched off.

use std::sync::Arc;

use events::IssuerId;
use events::issuer::{IssuerSettings, Overage, Protocol};
use http::StatusCode;
use projections::directory::IssuerEntry;
use serde::{Deserialize, Serialize};
use url::Url;
use utoipa::ToSchema;

use super::authorize::{self, Kept};
use super::callback::plain;
use super::discovery::Provider;
use super::keys::KeySet;
use super::{SignIn, exchange, known};

/// What was tried, step by step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Trial {
    /// Nothing is wrong, as far as can be seen without somebody who signs in.
    pub passed: bool,
    pub steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Step {
    pub step: StepName,
    pub outcome: Outcome,
    /// What was found, and what to do about it.
    pub told: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepName {
    /// Its documents.
    Discovery,
    Keys,
    /// Our client id, and where it sends people back to.
    Client,
    /// Our credential, at its token endpoint.
    Credential,
    /// What is asked of its claims.
    Settings,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Passed,
    /// It may go well; see what is told.
    Doubtful,
    Failed,
    /// Something before it failed.
    Skipped,
}

impl Trial {
    fn of(steps: Vec<Step>) -> Self {
        let passed = steps.iter().all(|step| matches!(step.outcome, Outcome::Passed | Outcome::Doubtful));
        Self { passed, steps }
    }
}

fn step(step: StepName, outcome: Outcome, told: impl Into<String>) -> Step {
    Step { step, outcome, told: told.into() }
}

impl SignIn {
    /// `None`: there is no such issuer.
    pub async fn test(&self, issuer: IssuerId) -> Option<Trial> {
        let entry = self.0.directory.issuer(issuer)?;
        let mut steps = vec![self.settings(&entry)];
        match Box::pin(known::discover(&self.0.web, &entry)).await {
            Err(error) => {
                steps.push(step(StepName::Discovery, Outcome::Failed, format!("{error}.")));
                for name in [StepName::Keys, StepName::Client, StepName::Credential] {
                    steps.push(step(name, Outcome::Skipped, "Its documents are needed first."));
                }
            }
            Ok(provider) => {
                steps.push(step(
                    StepName::Discovery,
                    Outcome::Passed,
                    format!("It is {}, and says where it is asked.", provider.issuer),
                ));
                steps.push(Box::pin(self.keys(&entry, &provider)).await);
                steps.push(Box::pin(self.asks(&entry, &provider)).await);
                steps.push(Box::pin(self.shows(&entry, &provider)).await);
            }
        }
        Some(Trial::of(steps))
    }

    fn settings(&self, entry: &Arc<IssuerEntry>) -> Step {
        let settings = &entry.settings;
        let told = doubts(settings);
        if told.is_empty() {
            return step(StepName::Settings, Outcome::Passed, "They stand together.");
        }
        step(StepName::Settings, Outcome::Doubtful, told.join(" "))
    }

    async fn keys(&self, entry: &IssuerEntry, provider: &Provider) -> Step {
        match known::keys(&self.0.web, entry, provider).await {
            Err(error) => step(StepName::Keys, Outcome::Failed, format!("{error}.")),
            Ok(keys) => usable(&entry.settings, provider, &keys),
        }
    }

    /// Begins a sign-in that must not ask anybody (`prompt=none`, OpenID Connect Core 1.0 §3.1.2.1): an issuer that knows
    /// client and address answers there that nobody is signed in.
    async fn asks(&self, entry: &IssuerEntry, provider: &Provider) -> Step {
        let kept = Kept::drawn(entry.id, self.now(), &*self.0.random);
        let mut url = authorize::url(&entry.settings, provider, &self.0.redirect, &kept);
        url.query_pairs_mut().append_pair("prompt", "none");
        let answer = match self.0.web.look(entry.owner, &url).await {
            Ok(answer) => answer,
            Err(error) => {
                return step(
                    StepName::Client,
                    Outcome::Failed,
                    format!("{}: {error}.", provider.authorization),
                );
            }
        };
        let back = answer.location.as_deref().and_then(|location| Url::parse(location).ok());
        let back = back.filter(|back| {
            let redirect = &self.0.redirect;
            back.origin() == redirect.origin() && back.path() == redirect.path()
        });
        let error = back.as_ref().and_then(|back| {
            back.query_pairs().find(|(name, _)| name == "error").map(|(_, value)| value.into_owned())
        });
        let wrong = format!(
            "Look whether the client id is {} there, and whether {} is among the addresses that it may send people back to.",
            entry.settings.client_id, self.0.redirect
        );
        match (answer.status, back, error.as_deref()) {
            (
                _,
                Some(_),
                Some(
                    "login_required"
                    | "interaction_required"
                    | "consent_required"
                    | "account_selection_required",
                ),
            )
            | (_, Some(_), None) => step(
                StepName::Client,
                Outcome::Passed,
                "It knows the client id and where it sends people back to.",
            ),
            (_, Some(_), Some(error)) => step(
                StepName::Client,
                Outcome::Failed,
                format!(
                    "It knows where it sends people back to, and refuses the question: {}.",
                    plain(error)
                ),
            ),
            (status, None, _) if status.is_client_error() || status.is_server_error() => step(
                StepName::Client,
                Outcome::Failed,
                format!("It answers with the status {}. {wrong}", status.as_u16()),
            ),
            (StatusCode::OK, None, _) => step(
                StepName::Client,
                Outcome::Doubtful,
                format!("It answers with a page: perhaps one to sign in, perhaps an error. {wrong}"),
            ),
            (status, None, _) => step(
                StepName::Client,
                Outcome::Doubtful,
                format!(
                    "It leads elsewhere (status {}): perhaps to a page to sign in. {wrong}",
                    status.as_u16()
                ),
            ),
        }
    }

    /// Redeems a code that there is not: whoever gets so far as to miss it has taken the credential.
    async fn shows(&self, entry: &IssuerEntry, provider: &Provider) -> Step {
        let failed = |told: String| step(StepName::Credential, Outcome::Failed, told);
        let method = entry.settings.authentication;
        let client = match Box::pin(self.client(entry)).await {
            Ok(client) => client,
            Err(error) => return failed(error.to_string()),
        };
        if !provider.takes(method) {
            let taken = provider.authentication.as_deref().unwrap_or_default().join(", ");
            return failed(format!("It does not take `{}`; it takes {taken}.", method.as_str()));
        }
        let verifier = "keyledger-issuers-test-keyledger-issuers-test";
        let asked =
            exchange::ask(&self.0.web, entry.owner, provider, &client, "keyledger-issuers-test", verifier);
        let answer = match asked.await {
            Ok(answer) => answer,
            Err(error) => return failed(format!("{}: {error}.", provider.token)),
        };
        let said = exchange::denied(&answer);
        let description =
            said.as_ref().and_then(|(_, description)| description.as_deref()).unwrap_or_default();
        match said.as_ref().map(|(error, _)| error.as_str()) {
            Some("invalid_grant") => {
                step(StepName::Credential, Outcome::Passed, format!("It takes `{}`.", method.as_str()))
            }
            Some(error @ ("invalid_client" | "unauthorized_client")) => failed(format!(
                "It does not take our credential ({error}): {description}. A secret may have expired, or be the secret's id in \
                 place of its value; a certificate must be registered there."
            )),
            Some(error) => step(
                StepName::Credential,
                Outcome::Doubtful,
                format!("It answers {error} to a code that there is not: {description}."),
            ),
            None => failed(format!(
                "Its token endpoint answers with the status {} and no error that can be read.",
                answer.status.as_u16()
            )),
        }
    }
}

fn usable(settings: &IssuerSettings, provider: &Provider, keys: &KeySet) -> Step {
    let fits: Vec<_> = settings.algorithms.iter().filter(|algorithm| keys.fits(**algorithm)).collect();
    let pinned: Vec<_> = settings.algorithms.iter().map(|algorithm| algorithm.as_str()).collect();
    let said = provider.algorithms.as_deref().unwrap_or_default();
    let failed = |told: String| step(StepName::Keys, Outcome::Failed, told);
    if fits.is_empty() {
        return failed(format!(
            "None of its {} keys is for {}; it signs with {}.",
            keys.len(),
            pinned.join(", "),
            said.join(", ")
        ));
    }
    if !said.is_empty() && !said.iter().any(|algorithm| pinned.contains(&algorithm.as_str())) {
        return failed(format!(
            "It signs with {}, and only {} is believed.",
            said.join(", "),
            pinned.join(", ")
        ));
    }
    step(StepName::Keys, Outcome::Passed, format!("{} keys can be used.", keys.len()))
}

/// What is often forgotten, and shows only when somebody signs in.
fn doubts(settings: &IssuerSettings) -> Vec<String> {
    let mut told = Vec::new();
    let entra = matches!(settings.protocol, Protocol::Entra { .. });
    let has = |scope: &str| settings.scopes.iter().any(|one| one.as_str() == scope);
    if !settings.restrictions.domains.is_empty() && !has("email") {
        told.push("E-mail domains are asked for, and the scope `email` is not.".to_owned());
    }
    if entra && !settings.restrictions.domains.is_empty() {
        told.push(
            "An address of Entra ID counts as verified only with the optional claim `xms_edov` (or \
             `verified_primary_email`), which the app registration must ask for."
                .to_owned(),
        );
    }
    if entra && settings.asks_for("groups") && settings.overage == Overage::Refuse {
        told.push(
            "Whoever is in more than 200 groups can't sign in: assign groups to the application, use app roles, or set \
             overage to graph."
                .to_owned(),
        );
    }
    told
}
