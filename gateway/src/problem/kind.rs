//! Every kind of problem that an answer can be, in one table. The reference lists it from here.

use http::StatusCode;

macro_rules! kinds {
    ($($kind:ident $status:ident $name:literal $title:literal)*) => {
        /// A kind of problem. The same fault is the same kind, whichever listener met it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Kind {
            $($kind,)*
        }

        impl Kind {
            #[cfg(test)]
            const ALL: &'static [Self] = &[$(Self::$kind,)*];

            /// What follows [`super::URN`]. It stays the same for ever: clients rest on it.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)*
                }
            }

            pub const fn status(self) -> StatusCode {
                match self {
                    $(Self::$kind => StatusCode::$status,)*
                }
            }

            /// The kind in a few words.
            pub const fn title(self) -> &'static str {
                match self {
                    $(Self::$kind => $title,)*
                }
            }
        }
    };
}

kinds! {
    // What any listener can meet.
    NotFound               NOT_FOUND              "not-found"               "Not found"
    MethodNotAllowed       METHOD_NOT_ALLOWED     "method-not-allowed"      "Method not allowed"
    AmbiguousPath          BAD_REQUEST            "ambiguous-path"          "The path can be read in two ways"
    OriginNotAllowed       FORBIDDEN              "origin-not-allowed"      "Not allowed from this origin"
    InvalidRequest         BAD_REQUEST            "invalid-request"         "The request can't be read"
    UnsupportedMediaType   UNSUPPORTED_MEDIA_TYPE "unsupported-media-type"  "The body is not plain JSON"
    TooLarge               PAYLOAD_TOO_LARGE      "too-large"               "The body is too large"
    BodyTooSlow            REQUEST_TIMEOUT        "body-too-slow"           "The body did not come in time"
    Busy                   SERVICE_UNAVAILABLE    "busy"                    "Too many requests at once"
    NotReady               SERVICE_UNAVAILABLE    "not-ready"               "The node is not ready"
    Internal               INTERNAL_SERVER_ERROR  "internal"                "Something broke"

    // The key that asks.
    Unauthenticated        UNAUTHORIZED           "unauthenticated"         "A key that works is needed"
    ManagementKeyNeeded    FORBIDDEN              "management-key-needed"   "Not allowed with this key"
    InstallationKeyNeeded  FORBIDDEN              "installation-key-needed" "Not allowed with this key"
    ScopeMissing           FORBIDDEN              "scope-missing"           "Not allowed with this key"
    ScopeNotHeld           FORBIDDEN              "scope-not-held"          "Not allowed with this key"
    TooManyAtOnce          TOO_MANY_REQUESTS      "too-many-at-once"        "Too many requests of yours at once"

    // Reads.
    ReadModelsUnavailable  SERVICE_UNAVAILABLE    "read-models-unavailable" "The read models can't be reached"
    AccessUnavailable      SERVICE_UNAVAILABLE    "access-unavailable"      "The records of access can't be reached"
    AttemptsUnavailable    SERVICE_UNAVAILABLE    "attempts-unavailable"    "How clients get in can't be read"
    SessionsUnavailable    SERVICE_UNAVAILABLE    "sessions-unavailable"    "People's sessions can't be reached"
    NotTakenIn             SERVICE_UNAVAILABLE    "not-taken-in"            "It exists and can't be shown"
    PositionNotReached     GATEWAY_TIMEOUT        "position-not-reached"    "The read models are not that far yet"
    TimedOut               GATEWAY_TIMEOUT        "timed-out"               "No answer in time"

    // Commands.
    Unavailable            SERVICE_UNAVAILABLE    "unavailable"             "The log can't be reached"
    OutcomeUnknown         SERVICE_UNAVAILABLE    "outcome-unknown"         "It is not known whether this was done"
    Conflict               CONFLICT               "conflict"                "Others change the same thing"
    IdempotencyKeyReused   UNPROCESSABLE_ENTITY   "idempotency-key-reused"  "The Idempotency-Key belongs to another command"
    Closed                 SERVICE_UNAVAILABLE    "closed"                  "An event of this can't be read"
    FleetTooOld            SERVICE_UNAVAILABLE    "fleet-too-old"           "A process of the installation can't read this yet"
    HistoryFull            CONFLICT               "history-full"            "It was changed too often"
    SlugTaken              CONFLICT               "slug-taken"              "The slug belongs to something else"

    // The fleet.
    MemberMayAnswer        CONFLICT               "member-may-answer"       "The member may still answer"

    // Keys that sign.
    SignerRotating         CONFLICT               "signer-rotating"         "The key before is not retired yet"

    // Organizations.
    OrganizationAlreadyCreated CONFLICT           "organization-already-created" "The organization exists already"
    OrganizationFull       CONFLICT               "organization-full"       "The organization has no room for it"
    OrganizationSuspended  CONFLICT               "organization-suspended"  "The organization is suspended"
    OrganizationNotSuspended CONFLICT             "organization-not-suspended" "The organization is not suspended"
    OrganizationForgotten  CONFLICT               "organization-forgotten"  "The organization is forgotten"

    // Servers.
    ServerAlreadyRegistered CONFLICT              "server-already-registered" "The server is registered already"
    ServerRemoved          CONFLICT               "server-removed"          "The server is removed"

    // Webhooks.
    WebhookAlreadyRegistered CONFLICT             "webhook-already-registered" "The webhook is registered already"
    WebhookRemoved         CONFLICT               "webhook-removed"         "The webhook is removed"
    WebhookReplaying       CONFLICT               "webhook-replaying"       "A replay is under way"
    WebhooksFull           CONFLICT               "webhooks-full"           "There is no room for another webhook"

    // People, members, invitations.
    PersonAlreadyAdded     CONFLICT               "person-already-added"    "The person is added already"
    IdentityTaken          CONFLICT               "identity-taken"          "The identity belongs to a person already"
    TooManyIdentities      CONFLICT               "too-many-identities"     "The person has no room for another identity"
    PersonEnded            CONFLICT               "person-ended"            "The person is ended"
    PersonNotEnded         CONFLICT               "person-not-ended"        "The person is not ended"
    PersonForgotten        CONFLICT               "person-forgotten"        "The person is forgotten"
    AlreadyMember          CONFLICT               "already-member"          "The person is a member already"
    LastOwner              CONFLICT               "last-owner"              "The organization would have no owner"
    ManagementScopes       UNPROCESSABLE_ENTITY   "management-scopes"       "A member can't be like that"
    InvitationAlreadyCreated CONFLICT             "invitation-already-created" "The invitation is created already"
    InvitationSpent        CONFLICT               "invitation-spent"        "The invitation was used or withdrawn"
    InvitationAccepted     CONFLICT               "invitation-accepted"     "Somebody became a member by the invitation"
    InvitationEnd          UNPROCESSABLE_ENTITY   "invitation-end"          "The invitation can't be like that"

    // Issuers.
    IssuerAlreadyRegistered CONFLICT              "issuer-already-registered" "The issuer is registered already"
    IssuerRemoved          CONFLICT               "issuer-removed"          "The issuer is removed"
    IssuersFull            CONFLICT               "issuers-full"            "There is no room for another issuer"
    AnotherIssuer          CONFLICT               "another-issuer"          "Who issues never changes"

    // Clients.
    ClientAlreadyRegistered CONFLICT              "client-already-registered" "The client is registered already"
    ClientRemoved          CONFLICT               "client-removed"          "The client is removed"
    ClientSpeaksForItself  CONFLICT               "client-speaks-for-itself" "The client says itself what it may"
    ClientHasNoSecrets     CONFLICT               "client-has-no-secrets"   "The client proves itself in another way"
    ClientSecretsFull      CONFLICT               "client-secrets-full"     "There is no room for another secret"

    // Keys.
    KeyAlreadyIssued       CONFLICT               "key-already-issued"      "The key is issued already"
    KeyRevoked             CONFLICT               "key-revoked"             "The key is revoked"
    ExpiryInThePast        UNPROCESSABLE_ENTITY   "expiry-in-the-past"      "The key can't be like that"
    ExpiresBeforeItStarts  UNPROCESSABLE_ENTITY   "expires-before-it-starts" "The key can't be like that"
    InstallationScopes     UNPROCESSABLE_ENTITY   "installation-scopes"     "The key can't be like that"
    WrongOwner             UNPROCESSABLE_ENTITY   "wrong-owner"             "The key can't be like that"
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fmt::Write as _;

    use super::*;
    use crate::problem::URN;

    /// The committed list is the table. `KEYLEDGER_WRITE_REFERENCE=1` writes it anew.
    #[test]
    fn the_committed_problems_are_the_table() {
        let mut generated = "# Problems\n\nAnswers that are not what was asked for are problem details (RFC 9457), \
             on every listener; at `/mcp` they are\nJSON-RPC errors instead. `type` stays the same for ever, words \
             may change. `detail` says what is wrong here and what to do,\n`field` where, `retry_after_seconds` (and \
             `Retry-After`) when to ask again.\n\n| type | status | title |\n|---|---|---|\n"
            .to_owned();
        for kind in Kind::ALL {
            let (name, status, title) = (kind.name(), kind.status().as_u16(), kind.title());
            writeln!(generated, "| `{URN}{name}` | {status} | {title} |").unwrap();
        }
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/reference/problems.md");
        if std::env::var_os("KEYLEDGER_WRITE_REFERENCE").is_some() {
            std::fs::write(path, &generated).unwrap();
        }
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        assert!(committed == generated, "docs/reference/problems.md is not the table: run `just reference`");
    }

    #[test]
    fn each_kind_has_a_name_of_its_own() {
        let names: BTreeSet<_> = Kind::ALL.iter().map(|kind| kind.name()).collect();
        assert_eq!(names.len(), Kind::ALL.len());
    }
}
