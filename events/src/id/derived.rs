//! Ids that are worked out of what they name, so that everybody who means it comes to the same one: UUIDs of version 8
//! (RFC 9562 §5.8), as [`crate::parts::uuid`] makes them. What is stored rests on this, so it never changes.

use super::{ApprovalId, ClientId, ConsentId, OrganizationId, ServerId};
use crate::client::Uri;
use crate::holder::Holder;
use crate::parts;

impl ClientId {
    /// The client of a Client ID Metadata Document: of the URL as it is written.
    pub fn of_document(url: &Uri) -> Self {
        Self::new(parts::uuid(["client".as_bytes(), url.as_str().as_bytes()]))
    }
}

impl ApprovalId {
    /// An organization's approval of a client.
    pub fn of(organization: OrganizationId, client: ClientId) -> Self {
        let parts = [organization.uuid().into_bytes(), client.uuid().into_bytes()];
        Self::new(parts::uuid(["approval".as_bytes(), &parts[0], &parts[1]]))
    }
}

impl ConsentId {
    /// What somebody consented to that this client may do on this server.
    pub fn of(organization: OrganizationId, holder: Holder, client: ClientId, server: ServerId) -> Self {
        let (organization, client) = (organization.uuid().into_bytes(), client.uuid().into_bytes());
        let (server, holder) = (server.uuid().into_bytes(), holder.to_string());
        let parts = ["consent".as_bytes(), &organization, holder.as_bytes(), &client, &server];
        Self::new(parts::uuid(parts))
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::id::{KeyId, UserId};

    /// Stored subjects rest on these.
    #[test]
    fn derived_ids_are_these_for_ever() {
        let url: Uri = "https://claude.ai/oauth/mcp-oauth-client-metadata".parse().unwrap();
        let client = ClientId::of_document(&url);
        let organization = OrganizationId::new(Uuid::from_u128(1));
        let server = ServerId::new(Uuid::from_u128(2));
        let person = Holder::Person { id: UserId::new(Uuid::from_u128(3)) };
        let key = Holder::Key { id: KeyId::new(Uuid::from_u128(3)) };
        let ids = [
            client.to_string(),
            ApprovalId::of(organization, client).to_string(),
            ConsentId::of(organization, person, client, server).to_string(),
            ConsentId::of(organization, key, client, server).to_string(),
        ];
        insta::assert_snapshot!(ids.join("\n"), @"
        8caad1f7-597b-8ff7-a6f0-9455b86d28cb
        1dffc0a9-3b2e-8e30-9c6a-5712f313973a
        e0141c9e-7bd0-86f2-b084-fd9c63f0533f
        a553e6f9-3943-893a-ad3a-cb6c5aa68085
        ");
        let other: Uri = "https://claude.ai/oauth/mcp-oauth-client-metadata/".parse().unwrap();
        assert_ne!(ClientId::of_document(&other), client);
    }
}
