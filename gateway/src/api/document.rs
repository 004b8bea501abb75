//! The API's document: OpenAPI 3.1, generated from the routes, served by them.

use std::sync::LazyLock;

use http::HeaderName;
use http::header::CONTENT_TYPE;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::server::ServerBuilder;
use utoipa::openapi::{
    Components, ContentBuilder, ObjectBuilder, OpenApi, Ref, RefOr, Required, ResponseBuilder, Type,
};
use utoipa::{IntoParams as _, OpenApi as _};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::guard::Admin;
use super::reads::AS_OF;
use super::wait::WaitQuery;
use super::{ApiState, idempotency, key};
use crate::problem::{MEDIA_TYPE, Problem};

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Keyledger",
        description = "Organizations, MCP servers and API keys, every change an event.\n\n\
            Answers that are not what was asked for are problem details (RFC 9457). A write answers its `position`; \
            a read that takes `at_least` waits, a bounded time, until it includes that position. Send an \
            `Idempotency-Key` with a write, and sending it again does it once. A write with `wait=fleet` answers when \
            every member of the fleet has applied it or is fenced.\n\n\
            Lists are `items`, newest first unless they say otherwise. Lengths of time are numbers of seconds, to the \
            millisecond, in members whose names end in `_seconds`; what events say (`data`) and the configuration keep \
            their own units. Beside an id stands the name or slug that it goes by now, where the caller may know it.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    tags(
        (name = "organizations", description = "Tenants: each owns servers and keys."),
        (name = "servers", description = "MCP servers behind the gateway."),
        (name = "keys", description = "API keys of an organization."),
        (name = "installation keys", description = "API keys of the installation itself: operators' keys."),
        (name = "events", description = "What happened: a list, a feed to follow, a stream."),
        (name = "access", description = "What was read and tried: by whom, from where, and what came of it."),
        (name = "oauth", description = "How clients got in by OAuth, or what was missing."),
        (name = "webhooks", description = "Where events of an organization are sent to, and what was sent."),
        (name = "installation webhooks", description = "The same of all that happens in the installation."),
        (name = "people", description = "Who signs in. The installation's own."),
        (name = "members", description = "What people are in an organization."),
        (name = "invitations", description = "Links by which people become members."),
        (name = "issuers", description = "Identity providers at which people of an organization sign in."),
        (name = "installation issuers", description = "Those at which people of every organization may."),
        (name = "grants", description = "What clients may do in an organization, by whose right, and whether it works now."),
        (name = "consents", description = "What people, and those who hold keys, let clients do."),
        (name = "clients", description = "OAuth clients that an organization registered for its own people."),
        (name = "installation clients", description = "Those of the installation: registered by operators, by themselves, or by a document."),
        (name = "approvals", description = "Which clients an organization lets its people use."),
        (name = "signers", description = "The keys that sign events and heads of the log."),
        (name = "token keys", description = "The keys that sign access tokens."),
        (name = "status", description = "How this node stands, and who asks."),
        (name = "verify", description = "Asked by other services, on the public listener.")
    ),
    components(schemas(Problem)),
    paths(key::verify::verify)
)]
struct Head;

pub fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(openapi))
}

/// This document
///
/// Any admin key may read it.
#[utoipa::path(
    get,
    path = "/api/v1/openapi.json",
    operation_id = "openapi",
    tag = "status",
    responses((status = 200, description = "OpenAPI 3.1", body = serde_json::Value))
)]
async fn openapi(_admin: Admin) -> ([(HeaderName, &'static str); 1], &'static str) {
    // Written once: it takes longer than most answers.
    static DOCUMENT: LazyLock<String> = LazyLock::new(|| document().to_json().unwrap_or_default());
    ([(CONTENT_TYPE, "application/json")], &DOCUMENT)
}

/// The document of every route of `/api/v1`, verify included.
pub(super) fn document() -> OpenApi {
    let (_, mut document) =
        OpenApiRouter::with_openapi(Head::openapi()).merge(super::routes()).split_for_parts();
    for item in document.paths.paths.values_mut() {
        complete(item);
    }
    let components = document.components.get_or_insert_with(Components::new);
    components.responses.insert("Problem".to_owned(), problem_response());
    components.add_security_scheme(
        "bearer",
        SecurityScheme::Http(
            HttpBuilder::new()
                .scheme(HttpAuthScheme::Bearer)
                .description(Some("An admin key: `Authorization: Bearer kl_live_…`"))
                .build(),
        ),
    );
    components.add_security_scheme(
        "header",
        SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description("X-API-Key", "The same key"))),
    );
    document.security = Some(vec![
        SecurityRequirement::new("bearer", Vec::<String>::new()),
        SecurityRequirement::new("header", Vec::<String>::new()),
    ]);
    document
}

/// What every operation has alike.
fn complete(item: &mut PathItem) {
    for read in [&mut item.get].into_iter().flatten() {
        problems(read);
        tells_its_age(read);
    }
    for write in [&mut item.post, &mut item.put, &mut item.patch, &mut item.delete].into_iter().flatten() {
        problems(write);
        if write.operation_id.as_deref() == Some("keys_verify") {
            write.servers = Some(vec![
                ServerBuilder::new().url("/").description(Some("The public listener, not this one")).build(),
            ]);
        } else if !write.operation_id.as_deref().is_some_and(makes_no_event) {
            takes_idempotency_key(write);
            let waits = WaitQuery::into_params(|| None).into_iter().map(Into::into);
            write.parameters.get_or_insert_default().extend(waits);
        }
    }
}

/// What is no command: it is done anew each time that it is asked for.
fn makes_no_event(operation: &str) -> bool {
    let operation = operation.strip_prefix("installation_").unwrap_or(operation);
    matches!(
        operation,
        "fleet_forget" | "issuers_test" | "webhooks_test" | "webhooks_resend" | "webhooks_replay"
    )
}

fn problems(operation: &mut Operation) {
    operation
        .responses
        .responses
        .insert("default".to_owned(), RefOr::Ref(Ref::from_response_name("Problem")));
}

/// Whatever waits for a position is read from the read models.
fn tells_its_age(operation: &mut Operation) {
    let waits = operation.parameters.iter().flatten().any(|parameter| match parameter {
        RefOr::T(parameter) => parameter.name == "at_least",
        RefOr::Ref(_) => false,
    });
    if let Some(RefOr::T(answer)) = operation.responses.responses.get_mut("200").filter(|_| waits) {
        let as_of = HeaderBuilder::new()
            .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
            .description(Some(
                "The read models are behind: the answer is as of this moment, and newer changes hold already. \
                 Absent: it is up to date.",
            ))
            .build();
        answer.headers.insert(AS_OF.to_string(), as_of.into());
    }
}

fn takes_idempotency_key(operation: &mut Operation) {
    let parameter = ParameterBuilder::new()
        .name(idempotency::HEADER)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(
            "Drawn anew for each command, such as a UUID: the same request sent again with it is done once.",
        ))
        .schema(Some(
            ObjectBuilder::new()
                .schema_type(Type::String)
                .min_length(Some(1))
                .max_length(Some(idempotency::IdempotencyKey::MAX_BYTES)),
        ))
        .build();
    operation.parameters.get_or_insert_default().push(parameter.into());
}

fn problem_response() -> RefOr<utoipa::openapi::Response> {
    let retry_after = HeaderBuilder::new()
        .schema(Some(ObjectBuilder::new().schema_type(Type::Integer)))
        .description(Some("Seconds after which to ask again"))
        .build();
    ResponseBuilder::new()
        .description("What is wrong and what to do (RFC 9457)")
        .content(MEDIA_TYPE, ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build())
        .header("Retry-After", retry_after)
        .build()
        .into()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    /// The committed document is the generated one. `KEYLEDGER_WRITE_REFERENCE=1` writes it anew.
    #[test]
    fn the_committed_document_is_the_generated_one() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/reference/openapi.json");
        let generated = format!("{}\n", serde_json::to_string_pretty(&document()).unwrap());
        if std::env::var_os("KEYLEDGER_WRITE_REFERENCE").is_some() {
            std::fs::write(path, &generated).unwrap();
        }
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            committed == generated,
            "docs/reference/openapi.json is not what the code says: run `just reference` and look at the difference"
        );
    }

    #[test]
    fn every_operation_has_a_name_a_summary_and_problems() {
        let document = serde_json::to_value(document()).unwrap();
        assert_eq!(document["openapi"], "3.1.0");
        let mut names = Vec::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                assert!(operation["summary"].is_string(), "{method} {path}");
                assert_eq!(operation["responses"]["default"]["$ref"], "#/components/responses/Problem");
                names.push(operation["operationId"].as_str().unwrap().to_owned());
            }
        }
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count, "operation ids are unique");
    }

    /// Names of what a message holds: members of objects, and parameters.
    fn names(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(members) => {
                if let Some(Value::Object(properties)) = members.get("properties") {
                    found.extend(properties.keys().cloned());
                }
                if let (Some(Value::String(name)), Some(_)) = (members.get("name"), members.get("in")) {
                    found.insert(name.clone());
                }
                members.values().for_each(|member| names(member, found));
            }
            Value::Array(items) => items.iter().for_each(|item| names(item, found)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    /// Whoever reads one number of this API knows the unit of all of them.
    #[test]
    fn every_length_of_time_is_in_seconds() {
        let units = [
            "ms",
            "msec",
            "msecs",
            "milli",
            "millis",
            "milliseconds",
            "us",
            "micros",
            "ns",
            "nanos",
            "s",
            "sec",
            "secs",
            "second",
            "minute",
            "minutes",
            "min",
            "mins",
            "hour",
            "hours",
            "day",
            "days",
        ];
        let mut found = BTreeSet::new();
        names(&serde_json::to_value(document()).unwrap(), &mut found);
        assert!(found.contains("wait_timeout_seconds") && found.contains("retry_after_seconds"), "{found:?}");
        for name in &found {
            assert!(!name.split(['_', '-']).any(|word| units.contains(&word)), "{name} is in another unit");
            let is_last = name.split('_').rev().skip(1).all(|word| word != "seconds");
            assert!(is_last && name != "seconds", "{name} does not end in `_seconds`");
        }
    }
}
