//! What sign-in, consent and tokens come to: commands, as from everybody else, and what the directory says of them.

use std::convert::Infallible;
use std::time::Duration;

use domain::{Authority, CommandError, Decide, grant};
use events::client::{ClientMetadata, Origin, SecretIssued};
use events::grant::EndCause;
use events::{
    Actor, ClientId, GrantId, Holder, OrganizationId, Owner, Position, ScopeSet, SecretId, Subject, Timestamp,
};
use projections::directory::ConsentState;
use uuid::Uuid;

use super::client_id::ClientName;
use super::clients::{Client, Known};
use super::code::Code;
use super::error::{Code as ErrorCode, OauthError};
use super::request::Request;
use super::state::Accounts;
use crate::attempts::Why;
use crate::command::{Failed as CommandFailed, Object, Order, Sender, Takes, Wanted};
use crate::granting::NewClient;
use crate::request::{Principal, PrincipalId};

/// So long an answer waits for the fleet: the first call of a grant finds it on every node, and so does the first after
/// its end.
pub const FLEET: Duration = Duration::from_secs(2);

/// Why nothing came of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failed {
    #[error("{0}")]
    Refused(String),
    /// Perhaps later.
    #[error("{0}")]
    Unavailable(String),
}

impl Failed {
    /// As the token endpoint says it.
    pub fn at_token(self) -> OauthError {
        match self {
            Self::Refused(problem) => OauthError::new(ErrorCode::InvalidGrant, problem),
            Self::Unavailable(problem) => OauthError::unavailable(problem),
        }
    }

    pub(super) fn of<R: std::error::Error + 'static>(failed: CommandFailed<R, Infallible>) -> Self {
        match failed {
            CommandFailed::Denied(never) => match never {},
            CommandFailed::NoOwner | CommandFailed::NoRoom(_) => Self::Refused(failed.to_string()),
            CommandFailed::Command(CommandError::Refused(refusal)) => Self::Refused(refusal.to_string()),
            CommandFailed::Command(_)
            | CommandFailed::Vault(_)
            | CommandFailed::Request(_)
            | CommandFailed::Broken(_) => {
                tracing::warn!(error = %failed, "a command of the authorization server came to nothing");
                Self::Unavailable("what is asked for can't be done at the moment: try again".to_owned())
            }
        }
    }
}

/// By whose hand: the holder's own. What may be given was decided before, and holds no management scope.
#[derive(Clone, Copy)]
pub(super) struct Acting(pub Holder);

impl Sender for Acting {
    type Denied = Infallible;

    fn actor(&self) -> Actor {
        self.0.actor()
    }

    fn authority(&self) -> Result<Authority, Infallible> {
        Ok(Authority::Whole)
    }
}

/// Makes the change of an object that is found by its id.
pub(super) async fn order<A: Decide>(
    accounts: &Accounts,
    holder: Holder,
    (id, subject, owner): (Uuid, Subject, Owner),
    operation: &'static str,
    words: &serde_json::Value,
) -> Result<Order<A, Acting>, Failed> {
    let object = Object { id, subject, keyholder: owner.into(), ids: vec![id.to_string()] };
    let wanted = Wanted { operation, request: words, idempotency_key: None };
    accounts.commands.change::<A, _, _>(Acting(holder), object, wanted).await.map_err(Failed::of)
}

/// Carries it out; the answer is its place.
pub(super) async fn done<A>(order: Order<A, Acting>, command: A::Command) -> Result<Position, Failed>
where
    A: Takes<Command: 'static>,
{
    Ok(order.carry_out(command).await.map_err(Failed::of)?.position)
}

/// By what id the log knows a client, or will.
pub fn client_id(name: &ClientName) -> Option<ClientId> {
    match name {
        ClientName::Document(url) => url.as_str().parse().ok().map(|uri| ClientId::of_document(&uri)),
        ClientName::Given(id) => Some(ClientId::new(*id)),
    }
}

/// What the holder consented to before.
pub fn consented(
    accounts: &Accounts,
    client: &Client,
    request: &Request,
    holder: Holder,
) -> Option<std::sync::Arc<ScopeSet>> {
    let client = client_id(&client.name)?;
    let entry = accounts.directory.consent(request.organization, holder, client, request.server)?;
    (entry.state == ConsentState::Given).then(|| std::sync::Arc::clone(&entry.scopes))
}

/// Whether the organization's people may use the client; says why not.
pub fn may_use(accounts: &Accounts, client: &Client, request: &Request) -> Result<(), (Why, String)> {
    if client.organization().is_some_and(|own| own != request.organization) {
        return Err((Why::OtherOrganization, "This program belongs to another organization.".to_owned()));
    }
    let id = client_id(&client.name)
        .ok_or_else(|| (Why::ClientUnknown, "This program can't be known again.".to_owned()))?;
    let organization = accounts.directory.organization(request.organization);
    let requires = organization.as_ref().is_some_and(|entry| entry.requires_approval);
    let approved = accounts
        .directory
        .approval(request.organization, id)
        .is_some_and(|entry| entry.state == projections::directory::ApprovalState::Given);
    if requires && !approved {
        let organization = organization.map_or_else(String::new, |entry| entry.slug.to_string());
        return Err((Why::NotApproved, unapproved(&client.name, &organization)));
    }
    Ok(())
}

/// Which program it is, and what makes it one that may be used.
fn unapproved(name: &ClientName, organization: &str) -> String {
    let program = match name {
        ClientName::Document(url) => format!("{} ({})", url.host(), url.as_str()),
        ClientName::Given(id) => format!("the client {}", id.as_hyphenated()),
    };
    format!(
        "The organization {organization} lets its people use a program only once an admin has approved it, and {program} is not \
         approved. Ask an admin to run: keyledger approvals give {} --organization {organization}. Then connect again.",
        shell_word(&name.to_string())
    )
}

/// A text as one word of a shell, whatever it holds.
fn shell_word(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:/".contains(&byte);
    if text.bytes().all(is_plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

/// The client becomes known by an event, if it is not, and the consent one beside those of before.
pub async fn consent(
    accounts: &Accounts,
    client: &Client,
    request: &Request,
    holder: Holder,
    scopes: &ScopeSet,
) -> Result<(), Failed> {
    let id = known(accounts, client, holder).await?;
    let organization = request.organization;
    let given = events::consent::Given { holder, client: id, server: request.server, scopes: scopes.clone() };
    accounts.granting.consent(organization, given).await.map(|_| ()).map_err(Failed::of)
}

/// Registers a client at its first consent; later on it follows what its document says by then.
async fn known(accounts: &Accounts, client: &Client, holder: Holder) -> Result<ClientId, Failed> {
    let unfit = || Failed::Refused("The program can't be known again.".to_owned());
    let id = client_id(&client.name).ok_or_else(unfit)?;
    let metadata: ClientMetadata = serde_json::from_value(client.metadata.json()).map_err(|_| unfit())?;
    let name = client.metadata.name.clone().unwrap_or_else(|| client.name.to_string());
    let origin = match &client.name {
        ClientName::Document(url) => Origin::Document { url: url.as_str().parse().map_err(|_| unfit())? },
        ClientName::Given(_) => Origin::Dynamic,
    };
    match &client.known {
        Known::Recorded(entry) => {
            let follows = matches!(entry.origin, Origin::Document { .. }) && *entry.metadata != metadata;
            if follows {
                let changed = accounts.granting.change(holder.actor(), id, metadata, Some(&name)).await;
                changed.map_err(Failed::of)?;
            }
        }
        Known::Published => {
            let new = NewClient { id, origin, metadata, name, secret: None };
            accounts.granting.register(holder, new).await.map_err(Failed::of)?;
        }
        Known::Registered(registered) => {
            // Its id is worked out of the client's: a second consent at the same moment means the same one.
            let secret_id = SecretId::new(id.uuid());
            let issued = |digest| SecretIssued { secret_id, digest, expires_at: None };
            let secret = registered.secret.clone().map(issued);
            let new = NewClient { id, origin, metadata, name, secret };
            accounts.granting.register(holder, new).await.map_err(Failed::of)?;
        }
    }
    Ok(id)
}

/// A grant that was given.
pub struct Given {
    pub position: Position,
    pub scopes: ScopeSet,
    pub expires_at: Timestamp,
}

pub async fn give(accounts: &Accounts, client: &Client, code: &Code) -> Result<Given, Failed> {
    let organization = code.request.organization;
    let gone = |problem: &str| Failed::Refused(problem.to_owned());
    let id = client_id(&client.name).ok_or_else(|| gone("the client can't be known again"))?;
    let held = accounts.held(code.holder, code.issuer, organization);
    let held = held.ok_or_else(|| gone("whoever allowed it may not use the server any more"))?;
    let scopes = super::scope::common(&code.scopes, &held);
    let scopes = scopes.ok_or_else(|| gone("whoever allowed it has no right left on the server"))?;
    let key = accounts.key_of(code.holder);
    let latest = code.issued_at.saturating_add(accounts.settings.grant_lasts());
    // Never longer than the key that it is bound to.
    let expires_at = key.and_then(|key| key.until()).map_or(latest, |until| until.min(latest));
    let given = events::grant::Given {
        holder: code.holder,
        client: id,
        server: code.request.server,
        scopes,
        expires_at,
    };
    let scopes = given.scopes.clone();
    let redemption = code.redemption.to_string();
    let done = accounts.granting.give(organization, code.grant, &redemption, given).await;
    let position = done.map_err(Failed::of)?.position;
    Ok(Given { position, scopes, expires_at })
}

/// Ends a grant, for ever. One that was never given needs no end: whoever is about to give it looks once more.
pub async fn end_grant(
    accounts: &Accounts,
    organization: OrganizationId,
    id: GrantId,
    holder: Holder,
    cause: EndCause,
) -> Result<(), Failed> {
    match accounts.granting.end(holder.actor(), organization, id, cause).await {
        // Whoever is told that it is over finds it so.
        Ok(done) => {
            wait(accounts, &done.position, FLEET).await;
            Ok(())
        }
        Err(CommandFailed::Command(CommandError::Refused(grant::Refusal::Unknown))) => Ok(()),
        Err(failed) => Err(Failed::of(failed)),
    }
}

/// Waits until each member of the fleet has applied a position, or for so long.
pub async fn wait(accounts: &Accounts, position: &Position, within: Duration) {
    let proven = async {
        if accounts.fleet.barrier().await.is_err() {
            return;
        }
        loop {
            let changed = accounts.fleet.changed();
            if accounts.fleet.proof(position).complete {
                return;
            }
            changed.await;
        }
    };
    if tokio::time::timeout(within, proven).await.is_err() {
        tracing::debug!("not every process has applied a grant yet: the first call may come too early there");
    }
}

/// Who holds a key that signs in; `None`: it is no key, and what was granted grants nothing further.
pub fn key_holder(principal: &Principal) -> Option<Holder> {
    match principal.id() {
        PrincipalId::Key(id) => Some(Holder::Key { id }),
        PrincipalId::Grant(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_admin_is_told_what_to_run_and_a_shell_makes_one_word_of_it() {
        let name = |text: &str| ClientName::parse(text, false).unwrap();
        let told = unapproved(&name("https://a.example/client"), "acme");
        assert!(
            told.contains("keyledger approvals give https://a.example/client --organization acme"),
            "{told}"
        );
        assert_eq!(shell_word("https://a.example/c?a=1&b=$(x)'y"), r"'https://a.example/c?a=1&b=$(x)'\''y'");
    }
}
