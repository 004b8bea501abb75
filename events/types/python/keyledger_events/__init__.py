"""Keyledger's events, generated from the schemas by `just golden`: not edited by hand.

Ignore members that you do not know. An event of a type or version that is not here is a true event.
"""

from collections.abc import Mapping
from typing import Any, Literal, NotRequired, TypeAlias, TypedDict, TypeGuard, Union

# user:<id>, key:<id>, client:<id>, grant:<id>, system:<name> or reactor:<name>
Actor: TypeAlias = str

# lower-case letters, digits, - and _
AggregateId: TypeAlias = str

# what kind of thing it is, such as key
AggregateType: TypeAlias = str

# How an issuer signs (RFC 7518 §3.1, RFC 8037 §3.1). There is no `none`, and none with a shared secret: whoever knows that could speak for everybody.
Algorithm: TypeAlias = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"]

# How the gateway shows the issuer who it is (OpenID Connect Core 1.0 §9).
Authentication: TypeAlias = Union[Literal["client_secret_basic", "client_secret_post"], Literal["none"], Literal["private_key_jwt"]]

# PEM certificates
Authorities: TypeAlias = str

# an https origin without a slash at its end
Authority: TypeAlias = str

# a claim's name is 1 to 255 printable ASCII characters without spaces
ClaimName: TypeAlias = str

# a claim's value is 1 to 256 characters, none of them a control character
ClaimValue: TypeAlias = str

# An OAuth client.
ClientId: TypeAlias = str

# One command: what makes a retry recognisable.
CommandId: TypeAlias = str

# a coordinate on P-256: 32 bytes, base64url without padding
Coordinate: TypeAlias = str

# What a credential is.
CredentialKind: TypeAlias = Union[Literal["secret"], Literal["certificate"]]

# `authorization`, `none` or `header:<name>`
Credentials: TypeAlias = str

Departure: TypeAlias = int

# 32 bytes, base64url without padding
DigestBytes: TypeAlias = str

# What the digest was made of.
DigestKind: TypeAlias = Union[Literal["native"]]

# a domain is a name in lower-case ASCII such as example.com
Domain: TypeAlias = str

# Why a grant ended before its time.
EndCause: TypeAlias = Union[Literal["revoked"], Literal["code_replayed"], Literal["refresh_reused"], Literal["client_revoked"], Literal["superseded"]]

# What the key is for, by its owner's word; no decision rests on it.
Environment: TypeAlias = Literal["live", "test"]

# One event.
EventId: TypeAlias = str

# a type of event such as key.issued, key.* or *
EventPattern: TypeAlias = str

# 32 bytes, base64url without padding
Fingerprint: TypeAlias = str

# a log's size, a space, and the root over it in standard base64
Head: TypeAlias = str

# 20 bytes, 40 lower-case hexadecimal digits
IdentityDigest: TypeAlias = str

# An invitation to become a member.
InvitationId: TypeAlias = str

# a client id is 1 to 255 printable ASCII characters without spaces
IssuerClientId: TypeAlias = str

# An identity provider that people sign in at.
IssuerId: TypeAlias = str

# an https URL without user, query or fragment
IssuerUrl: TypeAlias = str

# An API key: the object, not its secret.
KeyId: TypeAlias = str

# A role that a claim may give. None gives that of an owner: who may change an issuer must not make owners.
MappedRole: TypeAlias = Literal["admin", "developer", "auditor", "viewer"]

# An organization: the tenant that owns servers and keys.
OrganizationId: TypeAlias = str

# What is done where the issuer does not tell a person's groups because there are too many of them.
Overage: TypeAlias = Union[Literal["refuse"], Literal["graph"]]

# an organization's id, or _ for the installation itself
Owner: TypeAlias = str

# A pepper under which key digests are made.
PepperId: TypeAlias = str

# an Ed25519 public key: 32 bytes, base64url without padding
PublicKey: TypeAlias = str

# What a member is.
Role: TypeAlias = Union[Literal["owner"], Literal["admin"], Literal["developer"], Literal["auditor"], Literal["viewer"]]

# a scope token, such as mcp:docs:tools:search or admin:keys:read
Scope: TypeAlias = str

# scopes with spaces between them: at most 4,096 ASCII characters
ScopeText: TypeAlias = str

# bytes, base64url without padding
SealedBytes: TypeAlias = str

# A key under which free text is sealed.
SealingKeyId: TypeAlias = str

# One secret of a key, or of a webhook. A key that is rotated keeps its id and gets a new secret id.
SecretId: TypeAlias = str

# An MCP server behind the gateway.
ServerId: TypeAlias = str

# the number of the log's stream, 0
Shard: TypeAlias = Literal["0"]

# a scope is 1 to 255 printable ASCII characters, without space, " and \
SignInScope: TypeAlias = str

# an Ed25519 signature: 64 bytes, base64url without padding
Signature: TypeAlias = str

# A key that signs events, or heads of the log.
SignerId: TypeAlias = str

# What a key may sign. One key has one purpose.
SignerPurpose: TypeAlias = Union[Literal["writer"], Literal["checkpoint"]]

# 1 to 63 lower-case letters, digits and single hyphens between them
Slug: TypeAlias = str

# What a slug names.
SlugKind: TypeAlias = Union[Literal["organization", "server", "issuer"], Literal["identity"], Literal["invitation"], Literal["departure"]]

# kl.events.<shard>.<organization>.<aggregate type>.<aggregate id>
Subject: TypeAlias = str

# A tenant of Entra ID.
TenantId: TypeAlias = str

# milliseconds
TimeoutMs: TypeAlias = int

# RFC 3339 date and time in UTC, to the millisecond
Timestamp: TypeAlias = str

# By what a token is signed.
TokenAlgorithm: TypeAlias = Union[Literal["ES256"]]

# A key that signs access tokens.
TokenKeyId: TypeAlias = str

# absolute http or https URL without user, query or fragment
UpstreamUrl: TypeAlias = str

# a URI, as it was written: 1 to 2,048 visible ASCII characters
Uri: TypeAlias = str

# A person.
UserId: TypeAlias = str

# a registered name such as authorization_code: 1 to 200 ASCII characters
Word: TypeAlias = str

# The algorithms that an issuer's tokens may be signed with.
Algorithms: TypeAlias = list[Algorithm]


class ClientKey(TypedDict):
    """A public JWK (RFC 7517 §4, RFC 7518 §6): the members that a signature is judged by."""

    alg: NotRequired[Union[Word, None]]
    crv: NotRequired[Union[Word, None]]
    e: NotRequired[Union[Word, None]]
    kid: NotRequired[Union[Word, None]]
    kty: Word
    n: NotRequired[Union[Uri, None]]
    use: NotRequired[Union[Word, None]]
    x: NotRequired[Union[Word, None]]
    y: NotRequired[Union[Word, None]]

# Domains of e-mail addresses that the issuer vouches for; none: any, also no address.
Domains: TypeAlias = list[Domain]

# Which events are sent: `*` for all of them, or a list such as `key.issued`, and `key.*` for all of a key's; in order and each once, so that the same choice is the same text.
EventTypes: TypeAlias = list[EventPattern]


class HolderPerson(TypedDict):
    """A person who signed in."""

    id: UserId
    kind: Literal["person"]


class HolderKey(TypedDict):
    """An API key by which somebody signed in."""

    id: KeyId
    kind: Literal["key"]


Holder: TypeAlias = Union[HolderPerson, HolderKey]


class Identity(TypedDict):
    """Who a person is at an identity provider."""

    digest: IdentityDigest
    issuer: IssuerId


class KeyDigest(TypedDict):
    """HMAC-SHA-256 under a pepper over the kind, a zero byte and the key as text: without the pepper, nobody who can write to the log can make one that a node accepts."""

    bytes: DigestBytes
    kind: DigestKind
    pepper: PepperId


class KeyOwnerInstallation(TypedDict):
    """The installation itself: an operator's key."""

    kind: Literal["installation"]


class KeyOwnerOrganization(TypedDict):
    """The organization that the event's envelope names."""

    kind: Literal["organization"]


class KeyOwnerUser(TypedDict):
    id: UserId
    kind: Literal["user"]


class KeyOwnerService(TypedDict):
    id: UserId
    kind: Literal["service"]


KeyOwner: TypeAlias = Union[KeyOwnerInstallation, KeyOwnerOrganization, KeyOwnerUser, KeyOwnerService]


class OriginDocument(TypedDict):
    """By its Client ID Metadata Document at this URL, which is its `client_id`."""

    kind: Literal["document"]
    url: Uri


class OriginDynamic(TypedDict):
    """By Dynamic Client Registration (RFC 7591)."""

    kind: Literal["dynamic"]


class OriginGiven(TypedDict):
    """An operator, or an organization's admin, entered it."""

    kind: Literal["given"]


Origin: TypeAlias = Union[OriginDocument, OriginDynamic, OriginGiven]

# A key's scopes: sorted, no duplicates, at least one, all `mcp:` or all management.
ScopeSet: TypeAlias = list[Scope]


class SealedText(TypedDict):
    """AES-256-GCM (NIST SP 800-38D) ciphertext with its 16-byte tag, under the organization's sealing key."""

    ciphertext: SealedBytes
    key: SealingKeyId
    nonce: SealedBytes

# What the gateway asks the issuer for; `openid` is among them.
SignInScopes: TypeAlias = list[SignInScope]


class SignerKey(TypedDict):
    """A key as the log publishes it."""

    id: SignerId
    public: PublicKey

# Tenants of Entra ID, 1 to 100.
Tenants: TypeAlias = list[TenantId]


class UpstreamSettings(TypedDict):
    """What is absent is as the gateway's configuration has it."""

    ca: NotRequired[Union[Authorities, None]]
    credentials: NotRequired[Union[Credentials, None]]
    idle_timeout_ms: NotRequired[Union[TimeoutMs, None]]
    response_timeout_ms: NotRequired[Union[TimeoutMs, None]]

# Values of a claim, 1 to 100.
Values: TypeAlias = list[ClaimValue]


class ClaimRule(TypedDict):
    """Whose claim says so (it is this value, or a list with it) has this role, or these scopes."""

    claim: ClaimName
    organization: NotRequired[Union[OrganizationId, None]]
    role: NotRequired[Union[MappedRole, None]]
    scopes: NotRequired[Union[ScopeSet, None]]
    value: ClaimValue


class ClientKeys(TypedDict):
    """A JWK set (RFC 7517 §5)."""

    keys: list[ClientKey]


class ProtocolOpenid(TypedDict):
    """OpenID Connect, by discovery (OpenID Connect Discovery 1.0 §4)."""

    issuer: IssuerUrl
    kind: Literal["openid"]


class ProtocolEntra(TypedDict):
    """Microsoft Entra ID."""

    authority: Authority
    guests: bool
    kind: Literal["entra"]
    tenants: Tenants


Protocol: TypeAlias = Union[ProtocolOpenid, ProtocolEntra]


class Required(TypedDict):
    """A claim that must be one of these values, or a list with one of them: such as a group."""

    any_of: Values
    claim: ClaimName

# Rules in their order, at most 100: the first that gives a role says it, and the scopes of all are put together.
ClaimRules: TypeAlias = list[ClaimRule]


class ClientMetadata(TypedDict):
    """A client's metadata. Its name is not among it: that is sealed. Contacts are people's and are not kept."""

    application_type: NotRequired[Union[Word, None]]
    client_uri: NotRequired[Union[Uri, None]]
    grant_types: NotRequired[list[Word]]
    jwks: NotRequired[Union[ClientKeys, None]]
    jwks_uri: NotRequired[Union[Uri, None]]
    logo_uri: NotRequired[Union[Uri, None]]
    policy_uri: NotRequired[Union[Uri, None]]
    redirect_uris: NotRequired[list[Uri]]
    response_types: NotRequired[list[Word]]
    scope: NotRequired[Union[ScopeText, None]]
    software_id: NotRequired[Union[Word, None]]
    software_version: NotRequired[Union[Word, None]]
    token_endpoint_auth_method: NotRequired[Union[Word, None]]
    token_endpoint_auth_methods_supported: NotRequired[list[Word]]
    token_endpoint_auth_signing_alg: NotRequired[Union[Word, None]]
    tos_uri: NotRequired[Union[Uri, None]]


class Restrictions(TypedDict):
    """Who may sign in of those whom the issuer knows: who is of one of these domains, where there are any, and meets each of the requirements."""

    domains: Domains
    required: list[Required]


class IssuerSettings(TypedDict):
    """All that an issuer is told and asked by. Each of these can refuse somebody; whoever does not know one of them must not let anybody in, so a further one is a new version of the events."""

    algorithms: Algorithms
    authentication: Authentication
    client_id: IssuerClientId
    overage: Overage
    protocol: Protocol
    restrictions: Restrictions
    rules: ClaimRules
    scopes: SignInScopes


class Envelope(TypedDict):
    actor: Actor
    aggregateid: AggregateId
    causationid: NotRequired[Union[EventId, None]]
    commandid: CommandId
    fingerprint: Fingerprint
    id: EventId
    organization: Owner
    previousid: NotRequired[Union[EventId, None]]
    shard: Shard
    signature: Signature
    source: str
    specversion: Literal["1.0"]
    subject: Subject
    time: Timestamp
    writer: SignerId


class InstallationBootstrappedV1Data(TypedDict):
    """`installation.bootstrapped` version 1: the first event of shard 0. Its event id is the log's id. It is signed by the writer's key that it publishes."""

    admin_key: KeyId
    checkpoint: SignerKey
    pepper: PepperId
    writer: SignerKey


class InstallationBootstrappedV1(Envelope):
    type: Literal["installation.bootstrapped"]
    schemaversion: Literal[1]
    dataschema: Literal["urn:keyledger:schema:installation.bootstrapped:1"]
    aggregatetype: Literal["installation"]
    data: InstallationBootstrappedV1Data


class InstallationRecoveredV1Data(TypedDict):
    """`installation.recovered` version 1: an operator with access to the log let in a new admin key."""

    admin_key: KeyId


class InstallationRecoveredV1(Envelope):
    type: Literal["installation.recovered"]
    schemaversion: Literal[1]
    dataschema: Literal["urn:keyledger:schema:installation.recovered:1"]
    aggregatetype: Literal["installation"]
    data: InstallationRecoveredV1Data


class InstallationSignerPublishedV1Data(TypedDict):
    """`installation.signer_published` version 1: a further key signs, from the next event on."""

    key: SignerKey
    purpose: SignerPurpose


class InstallationSignerPublishedV1(Envelope):
    type: Literal["installation.signer_published"]
    schemaversion: Literal[1]
    dataschema: Literal["urn:keyledger:schema:installation.signer_published:1"]
    aggregatetype: Literal["installation"]
    data: InstallationSignerPublishedV1Data


class InstallationSignerRetiredV1Data(TypedDict):
    """`installation.signer_retired` version 1: what the key signs after this event is not believed. What it signed before stays good."""

    id: SignerId
    purpose: SignerPurpose


class InstallationSignerRetiredV1(Envelope):
    type: Literal["installation.signer_retired"]
    schemaversion: Literal[1]
    dataschema: Literal["urn:keyledger:schema:installation.signer_retired:1"]
    aggregatetype: Literal["installation"]
    data: InstallationSignerRetiredV1Data


class InstallationLossAcceptedV1Data(TypedDict):
    """`installation.loss_accepted` version 1: an operator put back an older copy of the log on purpose. What lies between the two heads is lost, and whoever knows a checkpoint of it goes on from what is kept."""

    kept: Head
    lost: list[Head]


class InstallationLossAcceptedV1(Envelope):
    type: Literal["installation.loss_accepted"]
    schemaversion: Literal[1]
    dataschema: Literal["urn:keyledger:schema:installation.loss_accepted:1"]
    aggregatetype: Literal["installation"]
    data: InstallationLossAcceptedV1Data


class InstallationTokenKeyPublishedV1Data(TypedDict):
    """`installation.token_key_published` version 1: a further key signs access tokens, from a time on that everybody knows of it by."""

    algorithm: TokenAlgorithm
    id: TokenKeyId
    used_from: Timestamp
    x: Coordinate
    y: Coordinate


class InstallationTokenKeyPublishedV1(Envelope):
    type: Literal["installation.token_key_published"]
    schemaversion: Literal[1]
    dataschema: Literal["urn:keyledger:schema:installation.token_key_published:1"]
    aggregatetype: Literal["installation"]
    data: InstallationTokenKeyPublishedV1Data


class InstallationTokenKeyRetiredV1Data(TypedDict):
    """`installation.token_key_retired` version 1: no token that it signed is taken any more."""

    id: TokenKeyId


class InstallationTokenKeyRetiredV1(Envelope):
    type: Literal["installation.token_key_retired"]
    schemaversion: Literal[1]
    dataschema: Literal["urn:keyledger:schema:installation.token_key_retired:1"]
    aggregatetype: Literal["installation"]
    data: InstallationTokenKeyRetiredV1Data


class OrganizationCreatedV1Data(TypedDict):
    """`organization.created` version 1: an organization comes to be, with its slug."""

    home_shard: Shard
    name: SealedText
    slug: Slug


class OrganizationCreatedV1(Envelope):
    type: Literal["organization.created"]
    schemaversion: Literal[1]
    dataschema: Literal["urn:keyledger:schema:organization.created:1"]
    aggregatetype: Literal["organization"]
    data: OrganizationCreatedV1Data


class OrganizationRenamedV1Data(TypedDict):
    """`organization.renamed` version 1: its name, for people; its slug never changes."""

    name: SealedText


class OrganizationRenamedV1(Envelope):
    type: Literal["organization.renamed"]
    schemaversion: Literal[1]
    dataschema: Literal["urn:keyledger:schema:organization.renamed:1"]
    aggregatetype: Literal["organization"]
    data: OrganizationRenamedV1Data


class OrganizationSuspendedV1Data(TypedDict):
    """`organization.suspended` version 1: none of its keys works until it is resumed."""

    reason: NotRequired[Union[SealedText, None]]


class OrganizationSuspendedV1(Envelope):
    type: Literal["organization.suspended"]
    schemaversion: Literal[1]
    dataschema: Literal["urn:keyledger:schema:organization.suspended:1"]
    aggregatetype: Literal["organization"]
    data: OrganizationSuspendedV1Data


class OrganizationResumedV1Data(TypedDict):
    """`organization.resumed` version 1: its keys work again."""

    pass


class OrganizationResumedV1(Envelope):
    type: Literal["organization.resumed"]
    schemaversion: Literal[1]
    dataschema: Literal["urn:keyledger:schema:organization.resumed:1"]
    aggregatetype: Literal["organization"]
    data: OrganizationResumedV1Data


class OrganizationForgottenV1Data(TypedDict):
    """`organization.forgotten` version 1: what people wrote of it and of all that it owns is erased wherever it can be read, and the key that sealed it is deleted. The last event of a suspended organization; nothing of it works again."""

    sealing_key: SealingKeyId


class OrganizationForgottenV1(Envelope):
    type: Literal["organization.forgotten"]
    schemaversion: Literal[1]
    dataschema: Literal["urn:keyledger:schema:organization.forgotten:1"]
    aggregatetype: Literal["organization"]
    data: OrganizationForgottenV1Data


class OrganizationClientApprovalRequiredV1Data(TypedDict):
    """`organization.client_approval_required` version 1: its people may use those clients alone that it approved."""

    pass


class OrganizationClientApprovalRequiredV1(Envelope):
    type: Literal["organization.client_approval_required"]
    schemaversion: Literal[1]
    dataschema: Literal["urn:keyledger:schema:organization.client_approval_required:1"]
    aggregatetype: Literal["organization"]
    data: OrganizationClientApprovalRequiredV1Data


class OrganizationClientApprovalWaivedV1Data(TypedDict):
    """`organization.client_approval_waived` version 1: its people may use any client."""

    pass


class OrganizationClientApprovalWaivedV1(Envelope):
    type: Literal["organization.client_approval_waived"]
    schemaversion: Literal[1]
    dataschema: Literal["urn:keyledger:schema:organization.client_approval_waived:1"]
    aggregatetype: Literal["organization"]
    data: OrganizationClientApprovalWaivedV1Data


class ServerRegisteredV1Data(TypedDict):
    """`server.registered` version 1: an MCP server behind the gateway, under its organization's and its own slug."""

    enabled: bool
    name: SealedText
    slug: Slug
    upstream: UpstreamUrl


class ServerRegisteredV1(Envelope):
    type: Literal["server.registered"]
    schemaversion: Literal[1]
    dataschema: Literal["urn:keyledger:schema:server.registered:1"]
    aggregatetype: Literal["server"]
    data: ServerRegisteredV1Data


class ServerRegisteredV2Data(TypedDict):
    """`server.registered` version 2: an MCP server behind the gateway, under its organization's and its own slug, that is called in its own way. Whoever does not know the settings must not call it."""

    enabled: bool
    name: SealedText
    settings: NotRequired[UpstreamSettings]
    slug: Slug
    upstream: UpstreamUrl


class ServerRegisteredV2(Envelope):
    type: Literal["server.registered"]
    schemaversion: Literal[2]
    dataschema: Literal["urn:keyledger:schema:server.registered:2"]
    aggregatetype: Literal["server"]
    data: ServerRegisteredV2Data


class ServerChangedV1Data(TypedDict):
    """`server.changed` version 1: what is absent stays as it was."""

    enabled: NotRequired[Union[bool, None]]
    name: NotRequired[Union[SealedText, None]]
    upstream: NotRequired[Union[UpstreamUrl, None]]


class ServerChangedV1(Envelope):
    type: Literal["server.changed"]
    schemaversion: Literal[1]
    dataschema: Literal["urn:keyledger:schema:server.changed:1"]
    aggregatetype: Literal["server"]
    data: ServerChangedV1Data


class ServerChangedV2Data(TypedDict):
    """`server.changed` version 2: what is absent stays as it was; settings are all of them, from now on."""

    enabled: NotRequired[Union[bool, None]]
    name: NotRequired[Union[SealedText, None]]
    settings: NotRequired[Union[UpstreamSettings, None]]
    upstream: NotRequired[Union[UpstreamUrl, None]]


class ServerChangedV2(Envelope):
    type: Literal["server.changed"]
    schemaversion: Literal[2]
    dataschema: Literal["urn:keyledger:schema:server.changed:2"]
    aggregatetype: Literal["server"]
    data: ServerChangedV2Data


class ServerRemovedV1Data(TypedDict):
    """`server.removed` version 1: for ever; its slug names no other server."""

    reason: NotRequired[Union[SealedText, None]]


class ServerRemovedV1(Envelope):
    type: Literal["server.removed"]
    schemaversion: Literal[1]
    dataschema: Literal["urn:keyledger:schema:server.removed:1"]
    aggregatetype: Literal["server"]
    data: ServerRemovedV1Data


class KeyIssuedV1Data(TypedDict):
    """`key.issued` version 1: a key, and what it may do."""

    digest: KeyDigest
    environment: Environment
    expires_at: NotRequired[Union[Timestamp, None]]
    issued_by: Actor
    last_four: str
    metadata: NotRequired[Union[SealedText, None]]
    name: SealedText
    not_before: NotRequired[Union[Timestamp, None]]
    owner: KeyOwner
    prefix: str
    scopes: ScopeSet
    secret_id: SecretId


class KeyIssuedV1(Envelope):
    type: Literal["key.issued"]
    schemaversion: Literal[1]
    dataschema: Literal["urn:keyledger:schema:key.issued:1"]
    aggregatetype: Literal["key"]
    data: KeyIssuedV1Data


class KeyRevokedV1Data(TypedDict):
    """`key.revoked` version 1: for ever."""

    reason: NotRequired[Union[SealedText, None]]


class KeyRevokedV1(Envelope):
    type: Literal["key.revoked"]
    schemaversion: Literal[1]
    dataschema: Literal["urn:keyledger:schema:key.revoked:1"]
    aggregatetype: Literal["key"]
    data: KeyRevokedV1Data


class KeyDisabledV1Data(TypedDict):
    """`key.disabled` version 1: refused until it is enabled."""

    reason: NotRequired[Union[SealedText, None]]


class KeyDisabledV1(Envelope):
    type: Literal["key.disabled"]
    schemaversion: Literal[1]
    dataschema: Literal["urn:keyledger:schema:key.disabled:1"]
    aggregatetype: Literal["key"]
    data: KeyDisabledV1Data


class KeyEnabledV1Data(TypedDict):
    """`key.enabled` version 1: it works again."""

    pass


class KeyEnabledV1(Envelope):
    type: Literal["key.enabled"]
    schemaversion: Literal[1]
    dataschema: Literal["urn:keyledger:schema:key.enabled:1"]
    aggregatetype: Literal["key"]
    data: KeyEnabledV1Data


class KeyExpiryChangedV1Data(TypedDict):
    """`key.expiry_changed` version 1: when it ends, from now on."""

    expires_at: NotRequired[Union[Timestamp, None]]


class KeyExpiryChangedV1(Envelope):
    type: Literal["key.expiry_changed"]
    schemaversion: Literal[1]
    dataschema: Literal["urn:keyledger:schema:key.expiry_changed:1"]
    aggregatetype: Literal["key"]
    data: KeyExpiryChangedV1Data


class KeyRenamedV1Data(TypedDict):
    """`key.renamed` version 1: its name, for people."""

    name: SealedText


class KeyRenamedV1(Envelope):
    type: Literal["key.renamed"]
    schemaversion: Literal[1]
    dataschema: Literal["urn:keyledger:schema:key.renamed:1"]
    aggregatetype: Literal["key"]
    data: KeyRenamedV1Data


class KeyScopesChangedV1Data(TypedDict):
    """`key.scopes_changed` version 1: all that it may do, from now on."""

    scopes: ScopeSet


class KeyScopesChangedV1(Envelope):
    type: Literal["key.scopes_changed"]
    schemaversion: Literal[1]
    dataschema: Literal["urn:keyledger:schema:key.scopes_changed:1"]
    aggregatetype: Literal["key"]
    data: KeyScopesChangedV1Data


class KeyMetadataChangedV1Data(TypedDict):
    """`key.metadata_changed` version 1: its owner's notes."""

    metadata: NotRequired[Union[SealedText, None]]


class KeyMetadataChangedV1(Envelope):
    type: Literal["key.metadata_changed"]
    schemaversion: Literal[1]
    dataschema: Literal["urn:keyledger:schema:key.metadata_changed:1"]
    aggregatetype: Literal["key"]
    data: KeyMetadataChangedV1Data


class SlugReservedV1Data(TypedDict):
    """`slug.reserved` version 1: a slug names this object, for ever."""

    kind: SlugKind
    object: AggregateId
    slug: Slug


class SlugReservedV1(Envelope):
    type: Literal["slug.reserved"]
    schemaversion: Literal[1]
    dataschema: Literal["urn:keyledger:schema:slug.reserved:1"]
    aggregatetype: Literal["slug"]
    data: SlugReservedV1Data


class WebhookRegisteredV1Data(TypedDict):
    """`webhook.registered` version 1: from its own event on, what its owner's events tell is sent to its URL."""

    name: SealedText
    secret: SecretId
    types: EventTypes
    url: SealedText


class WebhookRegisteredV1(Envelope):
    type: Literal["webhook.registered"]
    schemaversion: Literal[1]
    dataschema: Literal["urn:keyledger:schema:webhook.registered:1"]
    aggregatetype: Literal["webhook"]
    data: WebhookRegisteredV1Data


class WebhookChangedV1Data(TypedDict):
    """`webhook.changed` version 1: what is absent stays as it was."""

    name: NotRequired[Union[SealedText, None]]
    types: NotRequired[Union[EventTypes, None]]
    url: NotRequired[Union[SealedText, None]]


class WebhookChangedV1(Envelope):
    type: Literal["webhook.changed"]
    schemaversion: Literal[1]
    dataschema: Literal["urn:keyledger:schema:webhook.changed:1"]
    aggregatetype: Literal["webhook"]
    data: WebhookChangedV1Data


class WebhookPausedV1Data(TypedDict):
    """`webhook.paused` version 1: nothing is sent until it is resumed, and nothing is lost."""

    reason: NotRequired[Union[SealedText, None]]


class WebhookPausedV1(Envelope):
    type: Literal["webhook.paused"]
    schemaversion: Literal[1]
    dataschema: Literal["urn:keyledger:schema:webhook.paused:1"]
    aggregatetype: Literal["webhook"]
    data: WebhookPausedV1Data


class WebhookResumedV1Data(TypedDict):
    """`webhook.resumed` version 1: it goes on where it stood."""

    pass


class WebhookResumedV1(Envelope):
    type: Literal["webhook.resumed"]
    schemaversion: Literal[1]
    dataschema: Literal["urn:keyledger:schema:webhook.resumed:1"]
    aggregatetype: Literal["webhook"]
    data: WebhookResumedV1Data


class WebhookSecretRotatedV1Data(TypedDict):
    """`webhook.secret_rotated` version 1: another secret signs, and the one before beside it for a while."""

    overlap_until: Timestamp
    secret: SecretId


class WebhookSecretRotatedV1(Envelope):
    type: Literal["webhook.secret_rotated"]
    schemaversion: Literal[1]
    dataschema: Literal["urn:keyledger:schema:webhook.secret_rotated:1"]
    aggregatetype: Literal["webhook"]
    data: WebhookSecretRotatedV1Data


class WebhookOverlapEndedV1Data(TypedDict):
    """`webhook.overlap_ended` version 1: the newest secret signs alone, from now on."""

    pass


class WebhookOverlapEndedV1(Envelope):
    type: Literal["webhook.overlap_ended"]
    schemaversion: Literal[1]
    dataschema: Literal["urn:keyledger:schema:webhook.overlap_ended:1"]
    aggregatetype: Literal["webhook"]
    data: WebhookOverlapEndedV1Data


class WebhookRemovedV1Data(TypedDict):
    """`webhook.removed` version 1: for ever."""

    reason: NotRequired[Union[SealedText, None]]


class WebhookRemovedV1(Envelope):
    type: Literal["webhook.removed"]
    schemaversion: Literal[1]
    dataschema: Literal["urn:keyledger:schema:webhook.removed:1"]
    aggregatetype: Literal["webhook"]
    data: WebhookRemovedV1Data


class PersonAddedV1Data(TypedDict):
    """`person.added` version 1: somebody who signed in for the first time, or whom an operator expects."""

    email: NotRequired[Union[SealedText, None]]
    email_verified: bool
    identity: Identity
    name: NotRequired[Union[SealedText, None]]
    picture: NotRequired[Union[SealedText, None]]


class PersonAddedV1(Envelope):
    type: Literal["person.added"]
    schemaversion: Literal[1]
    dataschema: Literal["urn:keyledger:schema:person.added:1"]
    aggregatetype: Literal["person"]
    data: PersonAddedV1Data


class PersonIdentityAddedV1Data(TypedDict):
    """`person.identity_added` version 1: the person signs in by this one as well."""

    identity: Identity


class PersonIdentityAddedV1(Envelope):
    type: Literal["person.identity_added"]
    schemaversion: Literal[1]
    dataschema: Literal["urn:keyledger:schema:person.identity_added:1"]
    aggregatetype: Literal["person"]
    data: PersonIdentityAddedV1Data


class PersonIdentityRemovedV1Data(TypedDict):
    """`person.identity_removed` version 1: the person no longer signs in by this one. It becomes nobody else's."""

    identity: Identity


class PersonIdentityRemovedV1(Envelope):
    type: Literal["person.identity_removed"]
    schemaversion: Literal[1]
    dataschema: Literal["urn:keyledger:schema:person.identity_removed:1"]
    aggregatetype: Literal["person"]
    data: PersonIdentityRemovedV1Data


class PersonProfileChangedV1Data(TypedDict):
    """`person.profile_changed` version 1: all that is known of the person from now on. What is absent is known no longer."""

    email: NotRequired[Union[SealedText, None]]
    email_verified: bool
    name: NotRequired[Union[SealedText, None]]
    picture: NotRequired[Union[SealedText, None]]


class PersonProfileChangedV1(Envelope):
    type: Literal["person.profile_changed"]
    schemaversion: Literal[1]
    dataschema: Literal["urn:keyledger:schema:person.profile_changed:1"]
    aggregatetype: Literal["person"]
    data: PersonProfileChangedV1Data


class PersonSuspendedV1Data(TypedDict):
    """`person.suspended` version 1: nothing of theirs works until the person is resumed."""

    reason: NotRequired[Union[SealedText, None]]


class PersonSuspendedV1(Envelope):
    type: Literal["person.suspended"]
    schemaversion: Literal[1]
    dataschema: Literal["urn:keyledger:schema:person.suspended:1"]
    aggregatetype: Literal["person"]
    data: PersonSuspendedV1Data


class PersonResumedV1Data(TypedDict):
    """`person.resumed` version 1: what was theirs works again."""

    reason: NotRequired[Union[SealedText, None]]


class PersonResumedV1(Envelope):
    type: Literal["person.resumed"]
    schemaversion: Literal[1]
    dataschema: Literal["urn:keyledger:schema:person.resumed:1"]
    aggregatetype: Literal["person"]
    data: PersonResumedV1Data


class PersonSignedOutV1Data(TypedDict):
    """`person.signed_out` version 1: every session that began before ends, and nothing else does."""

    pass


class PersonSignedOutV1(Envelope):
    type: Literal["person.signed_out"]
    schemaversion: Literal[1]
    dataschema: Literal["urn:keyledger:schema:person.signed_out:1"]
    aggregatetype: Literal["person"]
    data: PersonSignedOutV1Data


class PersonEndedV1Data(TypedDict):
    """`person.ended` version 1: for ever. With the person end their sessions, their grants, their own keys and what they are in organizations."""

    reason: NotRequired[Union[SealedText, None]]


class PersonEndedV1(Envelope):
    type: Literal["person.ended"]
    schemaversion: Literal[1]
    dataschema: Literal["urn:keyledger:schema:person.ended:1"]
    aggregatetype: Literal["person"]
    data: PersonEndedV1Data


class PersonForgottenV1Data(TypedDict):
    """`person.forgotten` version 1: what is known of a person who is ended is erased wherever it can be read, and the key that sealed it is deleted. The last event of a person."""

    pass


class PersonForgottenV1(Envelope):
    type: Literal["person.forgotten"]
    schemaversion: Literal[1]
    dataschema: Literal["urn:keyledger:schema:person.forgotten:1"]
    aggregatetype: Literal["person"]
    data: PersonForgottenV1Data


class MemberAddedV1Data(TypedDict):
    """`member.added` version 1: the person belongs to the organization from now on."""

    invitation: NotRequired[Union[InvitationId, None]]
    person: UserId
    role: Role
    scopes: ScopeSet


class MemberAddedV1(Envelope):
    type: Literal["member.added"]
    schemaversion: Literal[1]
    dataschema: Literal["urn:keyledger:schema:member.added:1"]
    aggregatetype: Literal["member"]
    data: MemberAddedV1Data


class MemberChangedV1Data(TypedDict):
    """`member.changed` version 1: what the person is there from now on."""

    departure: NotRequired[Union[Departure, None]]
    role: Role
    scopes: ScopeSet


class MemberChangedV1(Envelope):
    type: Literal["member.changed"]
    schemaversion: Literal[1]
    dataschema: Literal["urn:keyledger:schema:member.changed:1"]
    aggregatetype: Literal["member"]
    data: MemberChangedV1Data


class MemberRemovedV1Data(TypedDict):
    """`member.removed` version 1: nothing that the person has there works any more. The person may be added again."""

    departure: NotRequired[Union[Departure, None]]
    reason: NotRequired[Union[SealedText, None]]


class MemberRemovedV1(Envelope):
    type: Literal["member.removed"]
    schemaversion: Literal[1]
    dataschema: Literal["urn:keyledger:schema:member.removed:1"]
    aggregatetype: Literal["member"]
    data: MemberRemovedV1Data


class InvitationCreatedV1Data(TypedDict):
    """`invitation.created` version 1: who has the secret may become a member with this role."""

    digest: KeyDigest
    email: NotRequired[Union[SealedText, None]]
    expires_at: Timestamp
    name: NotRequired[Union[SealedText, None]]
    role: Role
    scopes: ScopeSet
    secret_id: SecretId


class InvitationCreatedV1(Envelope):
    type: Literal["invitation.created"]
    schemaversion: Literal[1]
    dataschema: Literal["urn:keyledger:schema:invitation.created:1"]
    aggregatetype: Literal["invitation"]
    data: InvitationCreatedV1Data


class InvitationWithdrawnV1Data(TypedDict):
    """`invitation.withdrawn` version 1: for ever. Nobody has become a member by it."""

    invitation: InvitationId
    reason: NotRequired[Union[SealedText, None]]


class InvitationWithdrawnV1(Envelope):
    type: Literal["invitation.withdrawn"]
    schemaversion: Literal[1]
    dataschema: Literal["urn:keyledger:schema:invitation.withdrawn:1"]
    aggregatetype: Literal["invitation"]
    data: InvitationWithdrawnV1Data


class ClientRegisteredV1Data(TypedDict):
    """`client.registered` version 1: from now on it may ask for grants."""

    metadata: ClientMetadata
    name: SealedText
    origin: Origin


class ClientRegisteredV1(Envelope):
    type: Literal["client.registered"]
    schemaversion: Literal[1]
    dataschema: Literal["urn:keyledger:schema:client.registered:1"]
    aggregatetype: Literal["client"]
    data: ClientRegisteredV1Data


class ClientChangedV1Data(TypedDict):
    """`client.changed` version 1: all that it says of itself from now on; a name that is absent stays as it was. It ends no grant by itself."""

    metadata: ClientMetadata
    name: NotRequired[Union[SealedText, None]]


class ClientChangedV1(Envelope):
    type: Literal["client.changed"]
    schemaversion: Literal[1]
    dataschema: Literal["urn:keyledger:schema:client.changed:1"]
    aggregatetype: Literal["client"]
    data: ClientChangedV1Data


class ClientSecretIssuedV1Data(TypedDict):
    """`client.secret_issued` version 1: a further secret (RFC 6749 §2.3.1) proves that it is this client."""

    digest: KeyDigest
    expires_at: NotRequired[Union[Timestamp, None]]
    secret_id: SecretId


class ClientSecretIssuedV1(Envelope):
    type: Literal["client.secret_issued"]
    schemaversion: Literal[1]
    dataschema: Literal["urn:keyledger:schema:client.secret_issued:1"]
    aggregatetype: Literal["client"]
    data: ClientSecretIssuedV1Data


class ClientSecretRevokedV1Data(TypedDict):
    """`client.secret_revoked` version 1: it proves nothing any more."""

    secret_id: SecretId


class ClientSecretRevokedV1(Envelope):
    type: Literal["client.secret_revoked"]
    schemaversion: Literal[1]
    dataschema: Literal["urn:keyledger:schema:client.secret_revoked:1"]
    aggregatetype: Literal["client"]
    data: ClientSecretRevokedV1Data


class ClientDisabledV1Data(TypedDict):
    """`client.disabled` version 1: none of its grants works until it is enabled."""

    reason: NotRequired[Union[SealedText, None]]


class ClientDisabledV1(Envelope):
    type: Literal["client.disabled"]
    schemaversion: Literal[1]
    dataschema: Literal["urn:keyledger:schema:client.disabled:1"]
    aggregatetype: Literal["client"]
    data: ClientDisabledV1Data


class ClientEnabledV1Data(TypedDict):
    """`client.enabled` version 1: its grants work again."""

    reason: NotRequired[Union[SealedText, None]]


class ClientEnabledV1(Envelope):
    type: Literal["client.enabled"]
    schemaversion: Literal[1]
    dataschema: Literal["urn:keyledger:schema:client.enabled:1"]
    aggregatetype: Literal["client"]
    data: ClientEnabledV1Data


class ClientRemovedV1Data(TypedDict):
    """`client.removed` version 1: for ever, with all its grants."""

    reason: NotRequired[Union[SealedText, None]]


class ClientRemovedV1(Envelope):
    type: Literal["client.removed"]
    schemaversion: Literal[1]
    dataschema: Literal["urn:keyledger:schema:client.removed:1"]
    aggregatetype: Literal["client"]
    data: ClientRemovedV1Data


class ApprovalGivenV1Data(TypedDict):
    """`approval.given` version 1: the organization's people may use this client."""

    client: ClientId


class ApprovalGivenV1(Envelope):
    type: Literal["approval.given"]
    schemaversion: Literal[1]
    dataschema: Literal["urn:keyledger:schema:approval.given:1"]
    aggregatetype: Literal["approval"]
    data: ApprovalGivenV1Data


class ApprovalWithdrawnV1Data(TypedDict):
    """`approval.withdrawn` version 1: they may not, where the organization requires an approval."""

    reason: NotRequired[Union[SealedText, None]]


class ApprovalWithdrawnV1(Envelope):
    type: Literal["approval.withdrawn"]
    schemaversion: Literal[1]
    dataschema: Literal["urn:keyledger:schema:approval.withdrawn:1"]
    aggregatetype: Literal["approval"]
    data: ApprovalWithdrawnV1Data


class ConsentGivenV1Data(TypedDict):
    """`consent.given` version 1: what is consented to from now on, what was consented to before included."""

    client: ClientId
    holder: Holder
    scopes: ScopeSet
    server: ServerId


class ConsentGivenV1(Envelope):
    type: Literal["consent.given"]
    schemaversion: Literal[1]
    dataschema: Literal["urn:keyledger:schema:consent.given:1"]
    aggregatetype: Literal["consent"]
    data: ConsentGivenV1Data


class ConsentWithdrawnV1Data(TypedDict):
    """`consent.withdrawn` version 1: no grant that came of it works any more, also when it is given again."""

    reason: NotRequired[Union[SealedText, None]]


class ConsentWithdrawnV1(Envelope):
    type: Literal["consent.withdrawn"]
    schemaversion: Literal[1]
    dataschema: Literal["urn:keyledger:schema:consent.withdrawn:1"]
    aggregatetype: Literal["consent"]
    data: ConsentWithdrawnV1Data


class GrantGivenV1Data(TypedDict):
    """`grant.given` version 1: the client redeemed its code. Tokens of it name it."""

    client: ClientId
    expires_at: Timestamp
    holder: Holder
    scopes: ScopeSet
    server: ServerId


class GrantGivenV1(Envelope):
    type: Literal["grant.given"]
    schemaversion: Literal[1]
    dataschema: Literal["urn:keyledger:schema:grant.given:1"]
    aggregatetype: Literal["grant"]
    data: GrantGivenV1Data


class GrantEndedV1Data(TypedDict):
    """`grant.ended` version 1: for ever."""

    cause: EndCause
    reason: NotRequired[Union[SealedText, None]]


class GrantEndedV1(Envelope):
    type: Literal["grant.ended"]
    schemaversion: Literal[1]
    dataschema: Literal["urn:keyledger:schema:grant.ended:1"]
    aggregatetype: Literal["grant"]
    data: GrantEndedV1Data


class IssuerRegisteredV1Data(TypedDict):
    """`issuer.registered` version 1: an identity provider at which people may sign in, once it is enabled."""

    enabled: bool
    name: SealedText
    settings: IssuerSettings
    slug: Slug


class IssuerRegisteredV1(Envelope):
    type: Literal["issuer.registered"]
    schemaversion: Literal[1]
    dataschema: Literal["urn:keyledger:schema:issuer.registered:1"]
    aggregatetype: Literal["issuer"]
    data: IssuerRegisteredV1Data


class IssuerChangedV1Data(TypedDict):
    """`issuer.changed` version 1: all of its settings, from now on. Who issues never changes: another one would speak for the people of the one before."""

    enabled: bool
    settings: IssuerSettings


class IssuerChangedV1(Envelope):
    type: Literal["issuer.changed"]
    schemaversion: Literal[1]
    dataschema: Literal["urn:keyledger:schema:issuer.changed:1"]
    aggregatetype: Literal["issuer"]
    data: IssuerChangedV1Data


class IssuerRenamedV1Data(TypedDict):
    """`issuer.renamed` version 1."""

    name: SealedText


class IssuerRenamedV1(Envelope):
    type: Literal["issuer.renamed"]
    schemaversion: Literal[1]
    dataschema: Literal["urn:keyledger:schema:issuer.renamed:1"]
    aggregatetype: Literal["issuer"]
    data: IssuerRenamedV1Data


class IssuerCredentialSetV1Data(TypedDict):
    """`issuer.credential_set` version 1: with what the gateway shows the issuer who it is. The credential itself is in no event: it lies in control's vault under this id."""

    credential: SecretId
    kind: CredentialKind


class IssuerCredentialSetV1(Envelope):
    type: Literal["issuer.credential_set"]
    schemaversion: Literal[1]
    dataschema: Literal["urn:keyledger:schema:issuer.credential_set:1"]
    aggregatetype: Literal["issuer"]
    data: IssuerCredentialSetV1Data


class IssuerCredentialRemovedV1Data(TypedDict):
    """`issuer.credential_removed` version 1: it has none any more."""

    pass


class IssuerCredentialRemovedV1(Envelope):
    type: Literal["issuer.credential_removed"]
    schemaversion: Literal[1]
    dataschema: Literal["urn:keyledger:schema:issuer.credential_removed:1"]
    aggregatetype: Literal["issuer"]
    data: IssuerCredentialRemovedV1Data


class IssuerRemovedV1Data(TypedDict):
    """`issuer.removed` version 1: for ever. Its slug names no other one."""

    reason: NotRequired[Union[SealedText, None]]


class IssuerRemovedV1(Envelope):
    type: Literal["issuer.removed"]
    schemaversion: Literal[1]
    dataschema: Literal["urn:keyledger:schema:issuer.removed:1"]
    aggregatetype: Literal["issuer"]
    data: IssuerRemovedV1Data


Event: TypeAlias = Union[
    InstallationBootstrappedV1,
    InstallationRecoveredV1,
    InstallationSignerPublishedV1,
    InstallationSignerRetiredV1,
    InstallationLossAcceptedV1,
    InstallationTokenKeyPublishedV1,
    InstallationTokenKeyRetiredV1,
    OrganizationCreatedV1,
    OrganizationRenamedV1,
    OrganizationSuspendedV1,
    OrganizationResumedV1,
    OrganizationForgottenV1,
    OrganizationClientApprovalRequiredV1,
    OrganizationClientApprovalWaivedV1,
    ServerRegisteredV1,
    ServerRegisteredV2,
    ServerChangedV1,
    ServerChangedV2,
    ServerRemovedV1,
    KeyIssuedV1,
    KeyRevokedV1,
    KeyDisabledV1,
    KeyEnabledV1,
    KeyExpiryChangedV1,
    KeyRenamedV1,
    KeyScopesChangedV1,
    KeyMetadataChangedV1,
    SlugReservedV1,
    WebhookRegisteredV1,
    WebhookChangedV1,
    WebhookPausedV1,
    WebhookResumedV1,
    WebhookSecretRotatedV1,
    WebhookOverlapEndedV1,
    WebhookRemovedV1,
    PersonAddedV1,
    PersonIdentityAddedV1,
    PersonIdentityRemovedV1,
    PersonProfileChangedV1,
    PersonSuspendedV1,
    PersonResumedV1,
    PersonSignedOutV1,
    PersonEndedV1,
    PersonForgottenV1,
    MemberAddedV1,
    MemberChangedV1,
    MemberRemovedV1,
    InvitationCreatedV1,
    InvitationWithdrawnV1,
    ClientRegisteredV1,
    ClientChangedV1,
    ClientSecretIssuedV1,
    ClientSecretRevokedV1,
    ClientDisabledV1,
    ClientEnabledV1,
    ClientRemovedV1,
    ApprovalGivenV1,
    ApprovalWithdrawnV1,
    ConsentGivenV1,
    ConsentWithdrawnV1,
    GrantGivenV1,
    GrantEndedV1,
    IssuerRegisteredV1,
    IssuerChangedV1,
    IssuerRenamedV1,
    IssuerCredentialSetV1,
    IssuerCredentialRemovedV1,
    IssuerRemovedV1,
]

_KNOWN = frozenset([
    ("installation.bootstrapped", 1),
    ("installation.recovered", 1),
    ("installation.signer_published", 1),
    ("installation.signer_retired", 1),
    ("installation.loss_accepted", 1),
    ("installation.token_key_published", 1),
    ("installation.token_key_retired", 1),
    ("organization.created", 1),
    ("organization.renamed", 1),
    ("organization.suspended", 1),
    ("organization.resumed", 1),
    ("organization.forgotten", 1),
    ("organization.client_approval_required", 1),
    ("organization.client_approval_waived", 1),
    ("server.registered", 1),
    ("server.registered", 2),
    ("server.changed", 1),
    ("server.changed", 2),
    ("server.removed", 1),
    ("key.issued", 1),
    ("key.revoked", 1),
    ("key.disabled", 1),
    ("key.enabled", 1),
    ("key.expiry_changed", 1),
    ("key.renamed", 1),
    ("key.scopes_changed", 1),
    ("key.metadata_changed", 1),
    ("slug.reserved", 1),
    ("webhook.registered", 1),
    ("webhook.changed", 1),
    ("webhook.paused", 1),
    ("webhook.resumed", 1),
    ("webhook.secret_rotated", 1),
    ("webhook.overlap_ended", 1),
    ("webhook.removed", 1),
    ("person.added", 1),
    ("person.identity_added", 1),
    ("person.identity_removed", 1),
    ("person.profile_changed", 1),
    ("person.suspended", 1),
    ("person.resumed", 1),
    ("person.signed_out", 1),
    ("person.ended", 1),
    ("person.forgotten", 1),
    ("member.added", 1),
    ("member.changed", 1),
    ("member.removed", 1),
    ("invitation.created", 1),
    ("invitation.withdrawn", 1),
    ("client.registered", 1),
    ("client.changed", 1),
    ("client.secret_issued", 1),
    ("client.secret_revoked", 1),
    ("client.disabled", 1),
    ("client.enabled", 1),
    ("client.removed", 1),
    ("approval.given", 1),
    ("approval.withdrawn", 1),
    ("consent.given", 1),
    ("consent.withdrawn", 1),
    ("grant.given", 1),
    ("grant.ended", 1),
    ("issuer.registered", 1),
    ("issuer.changed", 1),
    ("issuer.renamed", 1),
    ("issuer.credential_set", 1),
    ("issuer.credential_removed", 1),
    ("issuer.removed", 1),
])


def is_known(event: Mapping[str, Any]) -> TypeGuard[Event]:
    """Whether this is an event of a type and version that these types know."""
    return (event.get("type"), event.get("schemaversion")) in _KNOWN
