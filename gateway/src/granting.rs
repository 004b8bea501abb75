//! What people grant to clients, as commands: whoever signs people in sends them. A client's first consent makes it known to
//! the log; a code that is redeemed makes a grant; whatever ends one says why. Knows no HTTP.
//!
//! What these rest on (that the client may, that its holder may, that the server is there) is judged by who calls, of the
//! directory, and again on each use of what comes of it (`request/ancestry.rs`): a view that lags gives nothing for long.

use std::convert::Infallible;

use domain::{Authority, Client, Consent, Decide, Done, Grant, client, consent, grant};
use events::client::{ClientMetadata, Origin, Registered, SecretIssued};
use events::grant::EndCause;
use events::sealed::Field;
use events::{Actor, ClientId, ConsentId, GrantId, Holder, OrganizationId, Owner, Subject};

use crate::command::{Commands, Failed, Object, Order, Sender, Wanted};

/// Whoever grants, or ends it: a person, or who has a key.
struct By(Actor);

impl Sender for By {
    type Denied = Infallible;

    fn actor(&self) -> Actor {
        self.0.clone()
    }

    /// Nothing of management is given by these commands.
    fn authority(&self) -> Result<Authority, Infallible> {
        Ok(Authority::Whole)
    }
}

/// What a command came to, or why it did not.
pub type Came<A> = Result<Done<A>, Failed<<A as Decide>::Refusal, Infallible>>;

/// A client that is becoming known to the log.
#[derive(Clone, Debug)]
pub struct NewClient {
    /// Of a document, [`ClientId::of_document`]; else what was drawn when it registered.
    pub id: ClientId,
    pub origin: Origin,
    pub metadata: ClientMetadata,
    /// What it calls itself.
    pub name: String,
    /// What proves that it is this client, where it registered with a secret.
    pub secret: Option<SecretIssued>,
}

/// Sends the commands. Cheap to clone.
#[derive(Clone)]
pub struct Granting {
    commands: Commands,
}

impl Granting {
    pub fn new(commands: Commands) -> Self {
        Self { commands }
    }

    /// Makes a client of the installation known, by the holder who consents to it first. One that is known by the same
    /// document or registration is so already.
    pub async fn register(&self, by: Holder, client: NewClient) -> Came<Client> {
        let NewClient { id, origin, metadata, name, secret } = client;
        let object = installations(id);
        let asked = (&metadata, &name);
        let order = self.order::<Client, _>(by.actor(), object, "clients.consented", &asked, None).await?;
        let name = order.seal(Field::Name, &name)?;
        let registered = Box::new(Registered { origin, metadata, name });
        order.carry_out(client::Command::Register { registered, secret }).await
    }

    /// A client's document, or the client itself, says something else than it did: that is what it says from now on. `name`: what it calls itself
    /// now, where that is another one.
    pub async fn change(
        &self,
        by: Actor,
        id: ClientId,
        metadata: ClientMetadata,
        name: Option<&str>,
    ) -> Came<Client> {
        let object = installations(id);
        let asked = (&metadata, name);
        let order = self.order::<Client, _>(by, object, "clients.reread", &asked, None).await?;
        let name = order.seal_some(Field::Name, name)?;
        let metadata = Some(Box::new(metadata));
        order.carry_out(client::Command::Change { metadata, name }).await
    }

    /// A client that registered itself wants to be known no more.
    pub async fn unregister(&self, id: ClientId) -> Came<Client> {
        let object = installations(id);
        let order =
            self.order::<Client, _>(Actor::Client(id), object, "clients.unregister", &(), None).await?;
        order.carry_out(client::Command::Remove { reason: None }).await
    }

    /// The holder consents, beside what they consented to before.
    pub async fn consent(
        &self,
        organization: OrganizationId,
        given: events::consent::Given,
    ) -> Came<Consent> {
        let id = ConsentId::of(organization, given.holder, given.client, given.server);
        let object = owned(organization, id.uuid(), Subject::consent(organization, id));
        let by = given.holder.actor();
        let order = self.order::<Consent, _>(by, object, "consents.give", &given, None).await?;
        order.carry_out(consent::Command::Give(Box::new(given))).await
    }

    /// The client redeems its code, whose grant has had this id since it was made. `redemption` names the code: who comes
    /// with it a second time is told [`Done::replayed`].
    pub async fn give(
        &self,
        organization: OrganizationId,
        id: GrantId,
        redemption: &str,
        given: events::grant::Given,
    ) -> Came<Grant> {
        let object = owned(organization, id.uuid(), Subject::grant(organization, id));
        let by = given.holder.actor();
        // When it ends is worked out by who redeems it: two that redeem the same code differ in it.
        let asked = (given.holder, given.client, given.server, &given.scopes);
        let order = self.order::<Grant, _>(by, object, "grants.give", &asked, Some(redemption)).await?;
        order.carry_out(grant::Command::Give(Box::new(given))).await
    }

    /// Ends a grant for ever; by whom, and why.
    pub async fn end(
        &self,
        by: Actor,
        organization: OrganizationId,
        id: GrantId,
        cause: EndCause,
    ) -> Came<Grant> {
        let object = owned(organization, id.uuid(), Subject::grant(organization, id));
        let order = self.order::<Grant, _>(by, object, "grants.end", &cause, None).await?;
        order.carry_out(grant::Command::End { cause, reason: None }).await
    }

    async fn order<A: Decide, R: serde::Serialize + Sync>(
        &self,
        by: Actor,
        object: Object,
        operation: &'static str,
        request: &R,
        idempotency_key: Option<&str>,
    ) -> Result<Order<A, By>, Failed<A::Refusal, Infallible>> {
        let wanted = Wanted { operation, request, idempotency_key };
        self.commands.change::<A, _, _>(By(by), object, wanted).await
    }
}

fn installations(id: ClientId) -> Object {
    let subject = Subject::client(Owner::Installation, id);
    Object { id: id.uuid(), subject, keyholder: Owner::Installation.into(), ids: vec![id.to_string()] }
}

fn owned(organization: OrganizationId, id: uuid::Uuid, subject: Subject) -> Object {
    Object { id, subject, keyholder: Owner::Organization(organization).into(), ids: vec![id.to_string()] }
}
