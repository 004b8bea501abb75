// Generated from the schemas by `just golden`: not edited by hand.
// Ignore members that you do not know. An event of a type or version that is not here is a true event.

/** user:<id>, key:<id>, client:<id>, grant:<id>, system:<name> or reactor:<name> */
export type Actor = string;

/** lower-case letters, digits, - and _ */
export type AggregateId = string;

/** what kind of thing it is, such as key */
export type AggregateType = string;

/** How an issuer signs (RFC 7518 §3.1, RFC 8037 §3.1). There is no `none`, and none with a shared secret: whoever knows that could speak for everybody. */
export type Algorithm = "RS256" | "RS384" | "RS512" | "PS256" | "PS384" | "PS512" | "ES256" | "ES384" | "EdDSA";

/** The algorithms that an issuer's tokens may be signed with. */
export type Algorithms = Array<Algorithm>;

/** How the gateway shows the issuer who it is (OpenID Connect Core 1.0 §9). */
export type Authentication = "client_secret_basic" | "client_secret_post" | "none" | "private_key_jwt";

/** PEM certificates */
export type Authorities = string;

/** an https origin without a slash at its end */
export type Authority = string;

/** a claim's name is 1 to 255 printable ASCII characters without spaces */
export type ClaimName = string;

/** Whose claim says so (it is this value, or a list with it) has this role, or these scopes. */
export interface ClaimRule {
  claim: ClaimName;
  organization?: OrganizationId | null;
  role?: MappedRole | null;
  scopes?: ScopeSet | null;
  value: ClaimValue;
}

/** Rules in their order, at most 100: the first that gives a role says it, and the scopes of all are put together. */
export type ClaimRules = Array<ClaimRule>;

/** a claim's value is 1 to 256 characters, none of them a control character */
export type ClaimValue = string;

/** An OAuth client. */
export type ClientId = string;

/** A public JWK (RFC 7517 §4, RFC 7518 §6): the members that a signature is judged by. */
export interface ClientKey {
  alg?: Word | null;
  crv?: Word | null;
  e?: Word | null;
  kid?: Word | null;
  kty: Word;
  n?: Uri | null;
  use?: Word | null;
  x?: Word | null;
  y?: Word | null;
}

/** A JWK set (RFC 7517 §5). */
export interface ClientKeys {
  keys: Array<ClientKey>;
}

/** A client's metadata. Its name is not among it: that is sealed. Contacts are people's and are not kept. */
export interface ClientMetadata {
  application_type?: Word | null;
  client_uri?: Uri | null;
  grant_types?: Array<Word>;
  jwks?: ClientKeys | null;
  jwks_uri?: Uri | null;
  logo_uri?: Uri | null;
  policy_uri?: Uri | null;
  redirect_uris?: Array<Uri>;
  response_types?: Array<Word>;
  scope?: ScopeText | null;
  software_id?: Word | null;
  software_version?: Word | null;
  token_endpoint_auth_method?: Word | null;
  token_endpoint_auth_methods_supported?: Array<Word>;
  token_endpoint_auth_signing_alg?: Word | null;
  tos_uri?: Uri | null;
}

/** One command: what makes a retry recognisable. */
export type CommandId = string;

/** a coordinate on P-256: 32 bytes, base64url without padding */
export type Coordinate = string;

/** What a credential is. */
export type CredentialKind = "secret" | "certificate";

/** `authorization`, `none` or `header:<name>` */
export type Credentials = string;

export type Departure = number;

/** 32 bytes, base64url without padding */
export type DigestBytes = string;

/** What the digest was made of. */
export type DigestKind = "native";

/** a domain is a name in lower-case ASCII such as example.com */
export type Domain = string;

/** Domains of e-mail addresses that the issuer vouches for; none: any, also no address. */
export type Domains = Array<Domain>;

/** Why a grant ended before its time. */
export type EndCause = "revoked" | "code_replayed" | "refresh_reused" | "client_revoked" | "superseded";

/** What the key is for, by its owner's word; no decision rests on it. */
export type Environment = "live" | "test";

/** One event. */
export type EventId = string;

/** a type of event such as key.issued, key.* or * */
export type EventPattern = string;

/** Which events are sent: `*` for all of them, or a list such as `key.issued`, and `key.*` for all of a key's; in order and each once, so that the same choice is the same text. */
export type EventTypes = Array<EventPattern>;

/** 32 bytes, base64url without padding */
export type Fingerprint = string;

/** a log's size, a space, and the root over it in standard base64 */
export type Head = string;

/** Who consents, and whom a grant is bound to: it is never wider than its holder's right, and falls with it. */
export type Holder = {
  id: UserId;
  kind: "person";
} | {
  id: KeyId;
  kind: "key";
};

/** Who a person is at an identity provider. */
export interface Identity {
  digest: IdentityDigest;
  issuer: IssuerId;
}

/** 20 bytes, 40 lower-case hexadecimal digits */
export type IdentityDigest = string;

/** An invitation to become a member. */
export type InvitationId = string;

/** a client id is 1 to 255 printable ASCII characters without spaces */
export type IssuerClientId = string;

/** An identity provider that people sign in at. */
export type IssuerId = string;

/** All that an issuer is told and asked by. Each of these can refuse somebody; whoever does not know one of them must not let anybody in, so a further one is a new version of the events. */
export interface IssuerSettings {
  algorithms: Algorithms;
  authentication: Authentication;
  client_id: IssuerClientId;
  overage: Overage;
  protocol: Protocol;
  restrictions: Restrictions;
  rules: ClaimRules;
  scopes: SignInScopes;
}

/** an https URL without user, query or fragment */
export type IssuerUrl = string;

/** HMAC-SHA-256 under a pepper over the kind, a zero byte and the key as text: without the pepper, nobody who can write to the log can make one that a node accepts. */
export interface KeyDigest {
  bytes: DigestBytes;
  kind: DigestKind;
  pepper: PepperId;
}

/** An API key: the object, not its secret. */
export type KeyId = string;

/** For whom the key speaks. */
export type KeyOwner = {
  kind: "installation";
} | {
  kind: "organization";
} | {
  id: UserId;
  kind: "user";
} | {
  id: UserId;
  kind: "service";
};

/** A role that a claim may give. None gives that of an owner: who may change an issuer must not make owners. */
export type MappedRole = "admin" | "developer" | "auditor" | "viewer";

/** An organization: the tenant that owns servers and keys. */
export type OrganizationId = string;

/** How a client came to be known. */
export type Origin = {
  kind: "document";
  url: Uri;
} | {
  kind: "dynamic";
} | {
  kind: "given";
};

/** What is done where the issuer does not tell a person's groups because there are too many of them. */
export type Overage = "refuse" | "graph";

/** an organization's id, or _ for the installation itself */
export type Owner = string;

/** A pepper under which key digests are made. */
export type PepperId = string;

/** Who issues. It never changes: what it says of a person stands for that person. */
export type Protocol = {
  issuer: IssuerUrl;
  kind: "openid";
} | {
  authority: Authority;
  guests: boolean;
  kind: "entra";
  tenants: Tenants;
};

/** an Ed25519 public key: 32 bytes, base64url without padding */
export type PublicKey = string;

/** A claim that must be one of these values, or a list with one of them: such as a group. */
export interface Required {
  any_of: Values;
  claim: ClaimName;
}

/** Who may sign in of those whom the issuer knows: who is of one of these domains, where there are any, and meets each of the requirements. */
export interface Restrictions {
  domains: Domains;
  required: Array<Required>;
}

/** What a member is. */
export type Role = "owner" | "admin" | "developer" | "auditor" | "viewer";

/** a scope token, such as mcp:docs:tools:search or admin:keys:read */
export type Scope = string;

/** A key's scopes: sorted, no duplicates, at least one, all `mcp:` or all management. */
export type ScopeSet = Array<Scope>;

/** scopes with spaces between them: at most 4,096 ASCII characters */
export type ScopeText = string;

/** bytes, base64url without padding */
export type SealedBytes = string;

/** AES-256-GCM (NIST SP 800-38D) ciphertext with its 16-byte tag, under the organization's sealing key. */
export interface SealedText {
  ciphertext: SealedBytes;
  key: SealingKeyId;
  nonce: SealedBytes;
}

/** A key under which free text is sealed. */
export type SealingKeyId = string;

/** One secret of a key, or of a webhook. A key that is rotated keeps its id and gets a new secret id. */
export type SecretId = string;

/** An MCP server behind the gateway. */
export type ServerId = string;

/** the number of the log's stream, 0 */
export type Shard = "0";

/** a scope is 1 to 255 printable ASCII characters, without space, " and \ */
export type SignInScope = string;

/** What the gateway asks the issuer for; `openid` is among them. */
export type SignInScopes = Array<SignInScope>;

/** an Ed25519 signature: 64 bytes, base64url without padding */
export type Signature = string;

/** A key that signs events, or heads of the log. */
export type SignerId = string;

/** A key as the log publishes it. */
export interface SignerKey {
  id: SignerId;
  public: PublicKey;
}

/** What a key may sign. One key has one purpose. */
export type SignerPurpose = "writer" | "checkpoint";

/** 1 to 63 lower-case letters, digits and single hyphens between them */
export type Slug = string;

/** What a slug names. */
export type SlugKind = "organization" | "server" | "issuer" | "identity" | "invitation" | "departure";

/** kl.events.<shard>.<organization>.<aggregate type>.<aggregate id> */
export type Subject = string;

/** A tenant of Entra ID. */
export type TenantId = string;

/** Tenants of Entra ID, 1 to 100. */
export type Tenants = Array<TenantId>;

/** milliseconds */
export type TimeoutMs = number;

/** RFC 3339 date and time in UTC, to the millisecond */
export type Timestamp = string;

/** By what a token is signed. */
export type TokenAlgorithm = "ES256";

/** A key that signs access tokens. */
export type TokenKeyId = string;

/** What is absent is as the gateway's configuration has it. */
export interface UpstreamSettings {
  ca?: Authorities | null;
  credentials?: Credentials | null;
  idle_timeout_ms?: TimeoutMs | null;
  response_timeout_ms?: TimeoutMs | null;
}

/** absolute http or https URL without user, query or fragment */
export type UpstreamUrl = string;

/** a URI, as it was written: 1 to 2,048 visible ASCII characters */
export type Uri = string;

/** A person. */
export type UserId = string;

/** Values of a claim, 1 to 100. */
export type Values = Array<ClaimValue>;

/** a registered name such as authorization_code: 1 to 200 ASCII characters */
export type Word = string;

/** What every event has. */
export interface Envelope {
  actor: Actor;
  aggregateid: AggregateId;
  causationid?: EventId | null;
  commandid: CommandId;
  fingerprint: Fingerprint;
  id: EventId;
  organization: Owner;
  previousid?: EventId | null;
  shard: Shard;
  signature: Signature;
  source: string;
  specversion: "1.0";
  subject: Subject;
  time: Timestamp;
  writer: SignerId;
}

/** `installation.bootstrapped` version 1: the first event of shard 0. Its event id is the log's id. It is signed by the writer's key that it publishes. */
export interface InstallationBootstrappedV1 extends Envelope {
  type: "installation.bootstrapped";
  schemaversion: 1;
  dataschema: "urn:keyledger:schema:installation.bootstrapped:1";
  aggregatetype: "installation";
  data: {
    admin_key: KeyId;
    checkpoint: SignerKey;
    pepper: PepperId;
    writer: SignerKey;
  };
}

/** `installation.recovered` version 1: an operator with access to the log let in a new admin key. */
export interface InstallationRecoveredV1 extends Envelope {
  type: "installation.recovered";
  schemaversion: 1;
  dataschema: "urn:keyledger:schema:installation.recovered:1";
  aggregatetype: "installation";
  data: {
    admin_key: KeyId;
  };
}

/** `installation.signer_published` version 1: a further key signs, from the next event on. */
export interface InstallationSignerPublishedV1 extends Envelope {
  type: "installation.signer_published";
  schemaversion: 1;
  dataschema: "urn:keyledger:schema:installation.signer_published:1";
  aggregatetype: "installation";
  data: {
    key: SignerKey;
    purpose: SignerPurpose;
  };
}

/** `installation.signer_retired` version 1: what the key signs after this event is not believed. What it signed before stays good. */
export interface InstallationSignerRetiredV1 extends Envelope {
  type: "installation.signer_retired";
  schemaversion: 1;
  dataschema: "urn:keyledger:schema:installation.signer_retired:1";
  aggregatetype: "installation";
  data: {
    id: SignerId;
    purpose: SignerPurpose;
  };
}

/** `installation.loss_accepted` version 1: an operator put back an older copy of the log on purpose. What lies between the two heads is lost, and whoever knows a checkpoint of it goes on from what is kept. */
export interface InstallationLossAcceptedV1 extends Envelope {
  type: "installation.loss_accepted";
  schemaversion: 1;
  dataschema: "urn:keyledger:schema:installation.loss_accepted:1";
  aggregatetype: "installation";
  data: {
    kept: Head;
    lost: Array<Head>;
  };
}

/** `installation.token_key_published` version 1: a further key signs access tokens, from a time on that everybody knows of it by. */
export interface InstallationTokenKeyPublishedV1 extends Envelope {
  type: "installation.token_key_published";
  schemaversion: 1;
  dataschema: "urn:keyledger:schema:installation.token_key_published:1";
  aggregatetype: "installation";
  data: {
    algorithm: TokenAlgorithm;
    id: TokenKeyId;
    used_from: Timestamp;
    x: Coordinate;
    y: Coordinate;
  };
}

/** `installation.token_key_retired` version 1: no token that it signed is taken any more. */
export interface InstallationTokenKeyRetiredV1 extends Envelope {
  type: "installation.token_key_retired";
  schemaversion: 1;
  dataschema: "urn:keyledger:schema:installation.token_key_retired:1";
  aggregatetype: "installation";
  data: {
    id: TokenKeyId;
  };
}

/** `organization.created` version 1: an organization comes to be, with its slug. */
export interface OrganizationCreatedV1 extends Envelope {
  type: "organization.created";
  schemaversion: 1;
  dataschema: "urn:keyledger:schema:organization.created:1";
  aggregatetype: "organization";
  data: {
    home_shard: Shard;
    name: SealedText;
    slug: Slug;
  };
}

/** `organization.renamed` version 1: its name, for people; its slug never changes. */
export interface OrganizationRenamedV1 extends Envelope {
  type: "organization.renamed";
  schemaversion: 1;
  dataschema: "urn:keyledger:schema:organization.renamed:1";
  aggregatetype: "organization";
  data: {
    name: SealedText;
  };
}

/** `organization.suspended` version 1: none of its keys works until it is resumed. */
export interface OrganizationSuspendedV1 extends Envelope {
  type: "organization.suspended";
  schemaversion: 1;
  dataschema: "urn:keyledger:schema:organization.suspended:1";
  aggregatetype: "organization";
  data: {
    reason?: SealedText | null;
  };
}

/** `organization.resumed` version 1: its keys work again. */
export interface OrganizationResumedV1 extends Envelope {
  type: "organization.resumed";
  schemaversion: 1;
  dataschema: "urn:keyledger:schema:organization.resumed:1";
  aggregatetype: "organization";
  data: { [member: string]: unknown };
}

/** `organization.forgotten` version 1: what people wrote of it and of all that it owns is erased wherever it can be read, and the key that sealed it is deleted. The last event of a suspended organization; nothing of it works again. */
export interface OrganizationForgottenV1 extends Envelope {
  type: "organization.forgotten";
  schemaversion: 1;
  dataschema: "urn:keyledger:schema:organization.forgotten:1";
  aggregatetype: "organization";
  data: {
    sealing_key: SealingKeyId;
  };
}

/** `organization.client_approval_required` version 1: its people may use those clients alone that it approved. */
export interface OrganizationClientApprovalRequiredV1 extends Envelope {
  type: "organization.client_approval_required";
  schemaversion: 1;
  dataschema: "urn:keyledger:schema:organization.client_approval_required:1";
  aggregatetype: "organization";
  data: { [member: string]: unknown };
}

/** `organization.client_approval_waived` version 1: its people may use any client. */
export interface OrganizationClientApprovalWaivedV1 extends Envelope {
  type: "organization.client_approval_waived";
  schemaversion: 1;
  dataschema: "urn:keyledger:schema:organization.client_approval_waived:1";
  aggregatetype: "organization";
  data: { [member: string]: unknown };
}

/** `server.registered` version 1: an MCP server behind the gateway, under its organization's and its own slug. */
export interface ServerRegisteredV1 extends Envelope {
  type: "server.registered";
  schemaversion: 1;
  dataschema: "urn:keyledger:schema:server.registered:1";
  aggregatetype: "server";
  data: {
    enabled: boolean;
    name: SealedText;
    slug: Slug;
    upstream: UpstreamUrl;
  };
}

/** `server.registered` version 2: an MCP server behind the gateway, under its organization's and its own slug, that is called in its own way. Whoever does not know the settings must not call it. */
export interface ServerRegisteredV2 extends Envelope {
  type: "server.registered";
  schemaversion: 2;
  dataschema: "urn:keyledger:schema:server.registered:2";
  aggregatetype: "server";
  data: {
    enabled: boolean;
    name: SealedText;
    settings?: UpstreamSettings;
    slug: Slug;
    upstream: UpstreamUrl;
  };
}

/** `server.changed` version 1: what is absent stays as it was. */
export interface ServerChangedV1 extends Envelope {
  type: "server.changed";
  schemaversion: 1;
  dataschema: "urn:keyledger:schema:server.changed:1";
  aggregatetype: "server";
  data: {
    enabled?: boolean | null;
    name?: SealedText | null;
    upstream?: UpstreamUrl | null;
  };
}

/** `server.changed` version 2: what is absent stays as it was; settings are all of them, from now on. */
export interface ServerChangedV2 extends Envelope {
  type: "server.changed";
  schemaversion: 2;
  dataschema: "urn:keyledger:schema:server.changed:2";
  aggregatetype: "server";
  data: {
    enabled?: boolean | null;
    name?: SealedText | null;
    settings?: UpstreamSettings | null;
    upstream?: UpstreamUrl | null;
  };
}

/** `server.removed` version 1: for ever; its slug names no other server. */
export interface ServerRemovedV1 extends Envelope {
  type: "server.removed";
  schemaversion: 1;
  dataschema: "urn:keyledger:schema:server.removed:1";
  aggregatetype: "server";
  data: {
    reason?: SealedText | null;
  };
}

/** `key.issued` version 1: a key, and what it may do. */
export interface KeyIssuedV1 extends Envelope {
  type: "key.issued";
  schemaversion: 1;
  dataschema: "urn:keyledger:schema:key.issued:1";
  aggregatetype: "key";
  data: {
    digest: KeyDigest;
    environment: Environment;
    expires_at?: Timestamp | null;
    issued_by: Actor;
    last_four: string;
    metadata?: SealedText | null;
    name: SealedText;
    not_before?: Timestamp | null;
    owner: KeyOwner;
    prefix: string;
    scopes: ScopeSet;
    secret_id: SecretId;
  };
}

/** `key.revoked` version 1: for ever. */
export interface KeyRevokedV1 extends Envelope {
  type: "key.revoked";
  schemaversion: 1;
  dataschema: "urn:keyledger:schema:key.revoked:1";
  aggregatetype: "key";
  data: {
    reason?: SealedText | null;
  };
}

/** `key.disabled` version 1: refused until it is enabled. */
export interface KeyDisabledV1 extends Envelope {
  type: "key.disabled";
  schemaversion: 1;
  dataschema: "urn:keyledger:schema:key.disabled:1";
  aggregatetype: "key";
  data: {
    reason?: SealedText | null;
  };
}

/** `key.enabled` version 1: it works again. */
export interface KeyEnabledV1 extends Envelope {
  type: "key.enabled";
  schemaversion: 1;
  dataschema: "urn:keyledger:schema:key.enabled:1";
  aggregatetype: "key";
  data: { [member: string]: unknown };
}

/** `key.expiry_changed` version 1: when it ends, from now on. */
export interface KeyExpiryChangedV1 extends Envelope {
  type: "key.expiry_changed";
  schemaversion: 1;
  dataschema: "urn:keyledger:schema:key.expiry_changed:1";
  aggregatetype: "key";
  data: {
    expires_at?: Timestamp | null;
  };
}

/** `key.renamed` version 1: its name, for people. */
export interface KeyRenamedV1 extends Envelope {
  type: "key.renamed";
  schemaversion: 1;
  dataschema: "urn:keyledger:schema:key.renamed:1";
  aggregatetype: "key";
  data: {
    name: SealedText;
  };
}

/** `key.scopes_changed` version 1: all that it may do, from now on. */
export interface KeyScopesChangedV1 extends Envelope {
  type: "key.scopes_changed";
  schemaversion: 1;
  dataschema: "urn:keyledger:schema:key.scopes_changed:1";
  aggregatetype: "key";
  data: {
    scopes: ScopeSet;
  };
}

/** `key.metadata_changed` version 1: its owner's notes. */
export interface KeyMetadataChangedV1 extends Envelope {
  type: "key.metadata_changed";
  schemaversion: 1;
  dataschema: "urn:keyledger:schema:key.metadata_changed:1";
  aggregatetype: "key";
  data: {
    metadata?: SealedText | null;
  };
}

/** `slug.reserved` version 1: a slug names this object, for ever. */
export interface SlugReservedV1 extends Envelope {
  type: "slug.reserved";
  schemaversion: 1;
  dataschema: "urn:keyledger:schema:slug.reserved:1";
  aggregatetype: "slug";
  data: {
    kind: SlugKind;
    object: AggregateId;
    slug: Slug;
  };
}

/** `webhook.registered` version 1: from its own event on, what its owner's events tell is sent to its URL. */
export interface WebhookRegisteredV1 extends Envelope {
  type: "webhook.registered";
  schemaversion: 1;
  dataschema: "urn:keyledger:schema:webhook.registered:1";
  aggregatetype: "webhook";
  data: {
    name: SealedText;
    secret: SecretId;
    types: EventTypes;
    url: SealedText;
  };
}

/** `webhook.changed` version 1: what is absent stays as it was. */
export interface WebhookChangedV1 extends Envelope {
  type: "webhook.changed";
  schemaversion: 1;
  dataschema: "urn:keyledger:schema:webhook.changed:1";
  aggregatetype: "webhook";
  data: {
    name?: SealedText | null;
    types?: EventTypes | null;
    url?: SealedText | null;
  };
}

/** `webhook.paused` version 1: nothing is sent until it is resumed, and nothing is lost. */
export interface WebhookPausedV1 extends Envelope {
  type: "webhook.paused";
  schemaversion: 1;
  dataschema: "urn:keyledger:schema:webhook.paused:1";
  aggregatetype: "webhook";
  data: {
    reason?: SealedText | null;
  };
}

/** `webhook.resumed` version 1: it goes on where it stood. */
export interface WebhookResumedV1 extends Envelope {
  type: "webhook.resumed";
  schemaversion: 1;
  dataschema: "urn:keyledger:schema:webhook.resumed:1";
  aggregatetype: "webhook";
  data: { [member: string]: unknown };
}

/** `webhook.secret_rotated` version 1: another secret signs, and the one before beside it for a while. */
export interface WebhookSecretRotatedV1 extends Envelope {
  type: "webhook.secret_rotated";
  schemaversion: 1;
  dataschema: "urn:keyledger:schema:webhook.secret_rotated:1";
  aggregatetype: "webhook";
  data: {
    overlap_until: Timestamp;
    secret: SecretId;
  };
}

/** `webhook.overlap_ended` version 1: the newest secret signs alone, from now on. */
export interface WebhookOverlapEndedV1 extends Envelope {
  type: "webhook.overlap_ended";
  schemaversion: 1;
  dataschema: "urn:keyledger:schema:webhook.overlap_ended:1";
  aggregatetype: "webhook";
  data: { [member: string]: unknown };
}

/** `webhook.removed` version 1: for ever. */
export interface WebhookRemovedV1 extends Envelope {
  type: "webhook.removed";
  schemaversion: 1;
  dataschema: "urn:keyledger:schema:webhook.removed:1";
  aggregatetype: "webhook";
  data: {
    reason?: SealedText | null;
  };
}

/** `person.added` version 1: somebody who signed in for the first time, or whom an operator expects. */
export interface PersonAddedV1 extends Envelope {
  type: "person.added";
  schemaversion: 1;
  dataschema: "urn:keyledger:schema:person.added:1";
  aggregatetype: "person";
  data: {
    email?: SealedText | null;
    email_verified: boolean;
    identity: Identity;
    name?: SealedText | null;
    picture?: SealedText | null;
  };
}

/** `person.identity_added` version 1: the person signs in by this one as well. */
export interface PersonIdentityAddedV1 extends Envelope {
  type: "person.identity_added";
  schemaversion: 1;
  dataschema: "urn:keyledger:schema:person.identity_added:1";
  aggregatetype: "person";
  data: {
    identity: Identity;
  };
}

/** `person.identity_removed` version 1: the person no longer signs in by this one. It becomes nobody else's. */
export interface PersonIdentityRemovedV1 extends Envelope {
  type: "person.identity_removed";
  schemaversion: 1;
  dataschema: "urn:keyledger:schema:person.identity_removed:1";
  aggregatetype: "person";
  data: {
    identity: Identity;
  };
}

/** `person.profile_changed` version 1: all that is known of the person from now on. What is absent is known no longer. */
export interface PersonProfileChangedV1 extends Envelope {
  type: "person.profile_changed";
  schemaversion: 1;
  dataschema: "urn:keyledger:schema:person.profile_changed:1";
  aggregatetype: "person";
  data: {
    email?: SealedText | null;
    email_verified: boolean;
    name?: SealedText | null;
    picture?: SealedText | null;
  };
}

/** `person.suspended` version 1: nothing of theirs works until the person is resumed. */
export interface PersonSuspendedV1 extends Envelope {
  type: "person.suspended";
  schemaversion: 1;
  dataschema: "urn:keyledger:schema:person.suspended:1";
  aggregatetype: "person";
  data: {
    reason?: SealedText | null;
  };
}

/** `person.resumed` version 1: what was theirs works again. */
export interface PersonResumedV1 extends Envelope {
  type: "person.resumed";
  schemaversion: 1;
  dataschema: "urn:keyledger:schema:person.resumed:1";
  aggregatetype: "person";
  data: {
    reason?: SealedText | null;
  };
}

/** `person.signed_out` version 1: every session that began before ends, and nothing else does. */
export interface PersonSignedOutV1 extends Envelope {
  type: "person.signed_out";
  schemaversion: 1;
  dataschema: "urn:keyledger:schema:person.signed_out:1";
  aggregatetype: "person";
  data: { [member: string]: unknown };
}

/** `person.ended` version 1: for ever. With the person end their sessions, their grants, their own keys and what they are in organizations. */
export interface PersonEndedV1 extends Envelope {
  type: "person.ended";
  schemaversion: 1;
  dataschema: "urn:keyledger:schema:person.ended:1";
  aggregatetype: "person";
  data: {
    reason?: SealedText | null;
  };
}

/** `person.forgotten` version 1: what is known of a person who is ended is erased wherever it can be read, and the key that sealed it is deleted. The last event of a person. */
export interface PersonForgottenV1 extends Envelope {
  type: "person.forgotten";
  schemaversion: 1;
  dataschema: "urn:keyledger:schema:person.forgotten:1";
  aggregatetype: "person";
  data: { [member: string]: unknown };
}

/** `member.added` version 1: the person belongs to the organization from now on. */
export interface MemberAddedV1 extends Envelope {
  type: "member.added";
  schemaversion: 1;
  dataschema: "urn:keyledger:schema:member.added:1";
  aggregatetype: "member";
  data: {
    invitation?: InvitationId | null;
    person: UserId;
    role: Role;
    scopes: ScopeSet;
  };
}

/** `member.changed` version 1: what the person is there from now on. */
export interface MemberChangedV1 extends Envelope {
  type: "member.changed";
  schemaversion: 1;
  dataschema: "urn:keyledger:schema:member.changed:1";
  aggregatetype: "member";
  data: {
    departure?: Departure | null;
    role: Role;
    scopes: ScopeSet;
  };
}

/** `member.removed` version 1: nothing that the person has there works any more. The person may be added again. */
export interface MemberRemovedV1 extends Envelope {
  type: "member.removed";
  schemaversion: 1;
  dataschema: "urn:keyledger:schema:member.removed:1";
  aggregatetype: "member";
  data: {
    departure?: Departure | null;
    reason?: SealedText | null;
  };
}

/** `invitation.created` version 1: who has the secret may become a member with this role. */
export interface InvitationCreatedV1 extends Envelope {
  type: "invitation.created";
  schemaversion: 1;
  dataschema: "urn:keyledger:schema:invitation.created:1";
  aggregatetype: "invitation";
  data: {
    digest: KeyDigest;
    email?: SealedText | null;
    expires_at: Timestamp;
    name?: SealedText | null;
    role: Role;
    scopes: ScopeSet;
    secret_id: SecretId;
  };
}

/** `invitation.withdrawn` version 1: for ever. Nobody has become a member by it. */
export interface InvitationWithdrawnV1 extends Envelope {
  type: "invitation.withdrawn";
  schemaversion: 1;
  dataschema: "urn:keyledger:schema:invitation.withdrawn:1";
  aggregatetype: "invitation";
  data: {
    invitation: InvitationId;
    reason?: SealedText | null;
  };
}

/** `client.registered` version 1: from now on it may ask for grants. */
export interface ClientRegisteredV1 extends Envelope {
  type: "client.registered";
  schemaversion: 1;
  dataschema: "urn:keyledger:schema:client.registered:1";
  aggregatetype: "client";
  data: {
    metadata: ClientMetadata;
    name: SealedText;
    origin: Origin;
  };
}

/** `client.changed` version 1: all that it says of itself from now on; a name that is absent stays as it was. It ends no grant by itself. */
export interface ClientChangedV1 extends Envelope {
  type: "client.changed";
  schemaversion: 1;
  dataschema: "urn:keyledger:schema:client.changed:1";
  aggregatetype: "client";
  data: {
    metadata: ClientMetadata;
    name?: SealedText | null;
  };
}

/** `client.secret_issued` version 1: a further secret (RFC 6749 §2.3.1) proves that it is this client. */
export interface ClientSecretIssuedV1 extends Envelope {
  type: "client.secret_issued";
  schemaversion: 1;
  dataschema: "urn:keyledger:schema:client.secret_issued:1";
  aggregatetype: "client";
  data: {
    digest: KeyDigest;
    expires_at?: Timestamp | null;
    secret_id: SecretId;
  };
}

/** `client.secret_revoked` version 1: it proves nothing any more. */
export interface ClientSecretRevokedV1 extends Envelope {
  type: "client.secret_revoked";
  schemaversion: 1;
  dataschema: "urn:keyledger:schema:client.secret_revoked:1";
  aggregatetype: "client";
  data: {
    secret_id: SecretId;
  };
}

/** `client.disabled` version 1: none of its grants works until it is enabled. */
export interface ClientDisabledV1 extends Envelope {
  type: "client.disabled";
  schemaversion: 1;
  dataschema: "urn:keyledger:schema:client.disabled:1";
  aggregatetype: "client";
  data: {
    reason?: SealedText | null;
  };
}

/** `client.enabled` version 1: its grants work again. */
export interface ClientEnabledV1 extends Envelope {
  type: "client.enabled";
  schemaversion: 1;
  dataschema: "urn:keyledger:schema:client.enabled:1";
  aggregatetype: "client";
  data: {
    reason?: SealedText | null;
  };
}

/** `client.removed` version 1: for ever, with all its grants. */
export interface ClientRemovedV1 extends Envelope {
  type: "client.removed";
  schemaversion: 1;
  dataschema: "urn:keyledger:schema:client.removed:1";
  aggregatetype: "client";
  data: {
    reason?: SealedText | null;
  };
}

/** `approval.given` version 1: the organization's people may use this client. */
export interface ApprovalGivenV1 extends Envelope {
  type: "approval.given";
  schemaversion: 1;
  dataschema: "urn:keyledger:schema:approval.given:1";
  aggregatetype: "approval";
  data: {
    client: ClientId;
  };
}

/** `approval.withdrawn` version 1: they may not, where the organization requires an approval. */
export interface ApprovalWithdrawnV1 extends Envelope {
  type: "approval.withdrawn";
  schemaversion: 1;
  dataschema: "urn:keyledger:schema:approval.withdrawn:1";
  aggregatetype: "approval";
  data: {
    reason?: SealedText | null;
  };
}

/** `consent.given` version 1: what is consented to from now on, what was consented to before included. */
export interface ConsentGivenV1 extends Envelope {
  type: "consent.given";
  schemaversion: 1;
  dataschema: "urn:keyledger:schema:consent.given:1";
  aggregatetype: "consent";
  data: {
    client: ClientId;
    holder: Holder;
    scopes: ScopeSet;
    server: ServerId;
  };
}

/** `consent.withdrawn` version 1: no grant that came of it works any more, also when it is given again. */
export interface ConsentWithdrawnV1 extends Envelope {
  type: "consent.withdrawn";
  schemaversion: 1;
  dataschema: "urn:keyledger:schema:consent.withdrawn:1";
  aggregatetype: "consent";
  data: {
    reason?: SealedText | null;
  };
}

/** `grant.given` version 1: the client redeemed its code. Tokens of it name it. */
export interface GrantGivenV1 extends Envelope {
  type: "grant.given";
  schemaversion: 1;
  dataschema: "urn:keyledger:schema:grant.given:1";
  aggregatetype: "grant";
  data: {
    client: ClientId;
    expires_at: Timestamp;
    holder: Holder;
    scopes: ScopeSet;
    server: ServerId;
  };
}

/** `grant.ended` version 1: for ever. */
export interface GrantEndedV1 extends Envelope {
  type: "grant.ended";
  schemaversion: 1;
  dataschema: "urn:keyledger:schema:grant.ended:1";
  aggregatetype: "grant";
  data: {
    cause: EndCause;
    reason?: SealedText | null;
  };
}

/** `issuer.registered` version 1: an identity provider at which people may sign in, once it is enabled. */
export interface IssuerRegisteredV1 extends Envelope {
  type: "issuer.registered";
  schemaversion: 1;
  dataschema: "urn:keyledger:schema:issuer.registered:1";
  aggregatetype: "issuer";
  data: {
    enabled: boolean;
    name: SealedText;
    settings: IssuerSettings;
    slug: Slug;
  };
}

/** `issuer.changed` version 1: all of its settings, from now on. Who issues never changes: another one would speak for the people of the one before. */
export interface IssuerChangedV1 extends Envelope {
  type: "issuer.changed";
  schemaversion: 1;
  dataschema: "urn:keyledger:schema:issuer.changed:1";
  aggregatetype: "issuer";
  data: {
    enabled: boolean;
    settings: IssuerSettings;
  };
}

/** `issuer.renamed` version 1:  */
export interface IssuerRenamedV1 extends Envelope {
  type: "issuer.renamed";
  schemaversion: 1;
  dataschema: "urn:keyledger:schema:issuer.renamed:1";
  aggregatetype: "issuer";
  data: {
    name: SealedText;
  };
}

/** `issuer.credential_set` version 1: with what the gateway shows the issuer who it is. The credential itself is in no event: it lies in control's vault under this id. */
export interface IssuerCredentialSetV1 extends Envelope {
  type: "issuer.credential_set";
  schemaversion: 1;
  dataschema: "urn:keyledger:schema:issuer.credential_set:1";
  aggregatetype: "issuer";
  data: {
    credential: SecretId;
    kind: CredentialKind;
  };
}

/** `issuer.credential_removed` version 1: it has none any more. */
export interface IssuerCredentialRemovedV1 extends Envelope {
  type: "issuer.credential_removed";
  schemaversion: 1;
  dataschema: "urn:keyledger:schema:issuer.credential_removed:1";
  aggregatetype: "issuer";
  data: { [member: string]: unknown };
}

/** `issuer.removed` version 1: for ever. Its slug names no other one. */
export interface IssuerRemovedV1 extends Envelope {
  type: "issuer.removed";
  schemaversion: 1;
  dataschema: "urn:keyledger:schema:issuer.removed:1";
  aggregatetype: "issuer";
  data: {
    reason?: SealedText | null;
  };
}

export type Event =
  | InstallationBootstrappedV1
  | InstallationRecoveredV1
  | InstallationSignerPublishedV1
  | InstallationSignerRetiredV1
  | InstallationLossAcceptedV1
  | InstallationTokenKeyPublishedV1
  | InstallationTokenKeyRetiredV1
  | OrganizationCreatedV1
  | OrganizationRenamedV1
  | OrganizationSuspendedV1
  | OrganizationResumedV1
  | OrganizationForgottenV1
  | OrganizationClientApprovalRequiredV1
  | OrganizationClientApprovalWaivedV1
  | ServerRegisteredV1
  | ServerRegisteredV2
  | ServerChangedV1
  | ServerChangedV2
  | ServerRemovedV1
  | KeyIssuedV1
  | KeyRevokedV1
  | KeyDisabledV1
  | KeyEnabledV1
  | KeyExpiryChangedV1
  | KeyRenamedV1
  | KeyScopesChangedV1
  | KeyMetadataChangedV1
  | SlugReservedV1
  | WebhookRegisteredV1
  | WebhookChangedV1
  | WebhookPausedV1
  | WebhookResumedV1
  | WebhookSecretRotatedV1
  | WebhookOverlapEndedV1
  | WebhookRemovedV1
  | PersonAddedV1
  | PersonIdentityAddedV1
  | PersonIdentityRemovedV1
  | PersonProfileChangedV1
  | PersonSuspendedV1
  | PersonResumedV1
  | PersonSignedOutV1
  | PersonEndedV1
  | PersonForgottenV1
  | MemberAddedV1
  | MemberChangedV1
  | MemberRemovedV1
  | InvitationCreatedV1
  | InvitationWithdrawnV1
  | ClientRegisteredV1
  | ClientChangedV1
  | ClientSecretIssuedV1
  | ClientSecretRevokedV1
  | ClientDisabledV1
  | ClientEnabledV1
  | ClientRemovedV1
  | ApprovalGivenV1
  | ApprovalWithdrawnV1
  | ConsentGivenV1
  | ConsentWithdrawnV1
  | GrantGivenV1
  | GrantEndedV1
  | IssuerRegisteredV1
  | IssuerChangedV1
  | IssuerRenamedV1
  | IssuerCredentialSetV1
  | IssuerCredentialRemovedV1
  | IssuerRemovedV1;

const known: ReadonlySet<string> = new Set([
  "installation.bootstrapped:1",
  "installation.recovered:1",
  "installation.signer_published:1",
  "installation.signer_retired:1",
  "installation.loss_accepted:1",
  "installation.token_key_published:1",
  "installation.token_key_retired:1",
  "organization.created:1",
  "organization.renamed:1",
  "organization.suspended:1",
  "organization.resumed:1",
  "organization.forgotten:1",
  "organization.client_approval_required:1",
  "organization.client_approval_waived:1",
  "server.registered:1",
  "server.registered:2",
  "server.changed:1",
  "server.changed:2",
  "server.removed:1",
  "key.issued:1",
  "key.revoked:1",
  "key.disabled:1",
  "key.enabled:1",
  "key.expiry_changed:1",
  "key.renamed:1",
  "key.scopes_changed:1",
  "key.metadata_changed:1",
  "slug.reserved:1",
  "webhook.registered:1",
  "webhook.changed:1",
  "webhook.paused:1",
  "webhook.resumed:1",
  "webhook.secret_rotated:1",
  "webhook.overlap_ended:1",
  "webhook.removed:1",
  "person.added:1",
  "person.identity_added:1",
  "person.identity_removed:1",
  "person.profile_changed:1",
  "person.suspended:1",
  "person.resumed:1",
  "person.signed_out:1",
  "person.ended:1",
  "person.forgotten:1",
  "member.added:1",
  "member.changed:1",
  "member.removed:1",
  "invitation.created:1",
  "invitation.withdrawn:1",
  "client.registered:1",
  "client.changed:1",
  "client.secret_issued:1",
  "client.secret_revoked:1",
  "client.disabled:1",
  "client.enabled:1",
  "client.removed:1",
  "approval.given:1",
  "approval.withdrawn:1",
  "consent.given:1",
  "consent.withdrawn:1",
  "grant.given:1",
  "grant.ended:1",
  "issuer.registered:1",
  "issuer.changed:1",
  "issuer.renamed:1",
  "issuer.credential_set:1",
  "issuer.credential_removed:1",
  "issuer.removed:1",
]);

/** Whether this is an event of a type and version that these types know. */
export function isKnown(event: { type: string; schemaversion: number }): event is Event {
  return known.has(`${event.type}:${event.schemaversion}`);
}
