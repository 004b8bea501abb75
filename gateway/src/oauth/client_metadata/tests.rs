use serde_json::{Value, json};

use super::*;

fn presets() -> Presets {
    Presets::new(&[]).unwrap()
}

fn document(json: &Value) -> Result<ClientMetadata, MetadataFault> {
    let url = DocumentUrl::parse("https://a.example/client", false).unwrap();
    ClientMetadata::parse(json.to_string().as_bytes(), Source::Document(&url), &presets())
}

fn registration(json: &Value) -> Result<ClientMetadata, MetadataFault> {
    ClientMetadata::parse(json.to_string().as_bytes(), Source::Registration, &presets())
}

/// A document that is taken, with these members set.
fn changed(members: Value) -> Value {
    let mut base = json!({
        "client_id": "https://a.example/client",
        "client_name": "A",
        "redirect_uris": ["https://a.example/cb"],
    });
    for (name, value) in members.as_object().unwrap() {
        base[name] = value.clone();
    }
    base
}

#[test]
fn every_real_clients_document_is_taken() {
    for line in include_str!("documents.jsonl").lines() {
        let json: Value = serde_json::from_str(line).unwrap();
        let url = DocumentUrl::parse(json["client_id"].as_str().unwrap(), false).unwrap();
        let metadata = ClientMetadata::parse(line.as_bytes(), Source::Document(&url), &presets()).unwrap();
        assert_eq!(metadata.name.as_deref(), json["client_name"].as_str());
        assert_eq!(metadata.redirect_uris.len(), json["redirect_uris"].as_array().unwrap().len());
        assert!(metadata.refreshes);
        let is_chatgpt = metadata.name.as_deref() == Some("ChatGPT");
        match metadata.authentication {
            Authentication::None => assert!(!is_chatgpt),
            Authentication::PrivateKey { keys: ClientKeys::At(uri), algorithm, or_none } => {
                assert!(is_chatgpt && or_none);
                assert_eq!(uri.as_str(), "https://chatgpt.com/oauth/jwks.json");
                assert_eq!(algorithm, Some(AssertionAlgorithm::Rs256));
            }
            Authentication::Secret { .. } | Authentication::PrivateKey { .. } => panic!("{line}"),
        }
    }
}

#[test]
fn every_real_clients_registration_is_taken() {
    for line in include_str!("registrations.jsonl").lines() {
        let metadata = ClientMetadata::parse(line.as_bytes(), Source::Registration, &presets()).unwrap();
        assert_eq!(metadata.authentication, Authentication::None, "{line}");
        assert!(metadata.refreshes);
    }
}

#[test]
fn what_is_unknown_is_refused_to_nobody() {
    let metadata = document(&changed(json!({
        "grant_types": ["authorization_code", "urn:example:other"],
        "response_types": ["code", "token"],
        "application_type": "web",
        "scope": "",
        "contacts": [{"not": "a string"}],
        "client_secret_expires_at": "never",
        "x": null,
    })))
    .unwrap();
    assert!(!metadata.refreshes);
    // An empty list is none.
    assert!(document(&changed(json!({"grant_types": [], "response_types": []}))).is_ok());
}

#[test]
fn a_document_names_itself_and_shares_no_secret() {
    for members in [
        json!({"client_id": "https://a.example/client/"}),
        json!({"client_id": "https://A.example/client"}),
        json!({"client_id": null}),
        json!({"client_name": null}),
        json!({"client_secret": "x"}),
        json!({"token_endpoint_auth_method": "client_secret_basic"}),
        json!({"token_endpoint_auth_method": "client_secret_post"}),
        json!({"token_endpoint_auth_method": "tls_client_auth"}),
        json!({"token_endpoint_auth_method": "private_key_jwt"}),
        json!({"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "http://a.example/keys"}),
        json!({"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": []}}),
        json!({"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}}),
        json!({"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": []}, "jwks_uri": "https://a.example/k"}),
        json!({"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "https://a.example/k", "token_endpoint_auth_signing_alg": "none"}),
        json!({"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "https://a.example/k", "token_endpoint_auth_signing_alg": "HS256"}),
        json!({"grant_types": ["client_credentials"]}),
        json!({"response_types": ["token"]}),
        json!({"client_name": "x".repeat(201)}),
        json!({"client_name": 5}),
    ] {
        let error = document(&changed(members.clone())).unwrap_err();
        assert_eq!(OauthError::from(error).code, Code::InvalidClientMetadata, "{members}");
    }
    assert!(ClientMetadata::parse(b"[]", Source::Registration, &presets()).is_err());
    assert!(ClientMetadata::parse(b"<html>", Source::Registration, &presets()).is_err());
    let twice = br#"{"redirect_uris": ["http://localhost/a"], "redirect_uris": ["http://localhost/b"]}"#;
    assert!(ClientMetadata::parse(twice, Source::Registration, &presets()).is_err());
    let long = vec![b' '; MAX_BYTES + 1];
    assert!(ClientMetadata::parse(&long, Source::Registration, &presets()).is_err());
}

#[test]
fn a_client_that_registers_itself_names_known_addresses_alone() {
    let redirects =
        |uris: Value| registration(&json!({"redirect_uris": uris, "token_endpoint_auth_method": "none"}));
    assert!(redirects(json!(["https://claude.ai/api/mcp/auth_callback"])).is_ok());
    for uris in [
        json!([]),
        json!(null),
        json!(["https://evil.example/cb"]),
        json!(["http://localhost/cb", "https://evil.example/cb"]),
        json!(["evil://cb"]),
        json!(["javascript:alert(1)"]),
        json!(vec!["http://localhost/cb"; 33]),
    ] {
        let error = OauthError::from(redirects(uris.clone()).unwrap_err());
        assert_eq!(error.code, Code::InvalidRedirectUri, "{uris}");
    }
    let error = redirects(json!(["https://evil.example/cb"])).unwrap_err();
    assert!(error.problem.contains("https://evil.example/cb"), "{error}");
    assert!(error.problem.contains("oauth.redirects"), "{error}");
    let added = Presets::new(&["https://evil.example/cb".to_owned()]).unwrap();
    let json = br#"{"redirect_uris": ["https://evil.example/cb"]}"#;
    let metadata = ClientMetadata::parse(json, Source::Registration, &added).unwrap();
    assert_eq!(metadata.authentication, Authentication::Secret { method: SecretMethod::Basic });
}

#[test]
fn a_name_shows_nothing_that_nobody_sees() {
    let metadata = document(&changed(json!({"client_name": " Cl\u{202e}aude\n "}))).unwrap();
    assert_eq!(metadata.name.as_deref(), Some("Cl\u{fffd}aude"));
}

#[test]
fn what_is_kept_of_a_registration_is_judged_alike_when_it_is_read_again() {
    let keys = json!({"keys": [{"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}]});
    let lines = include_str!("registrations.jsonl").lines().map(|line| serde_json::from_str(line).unwrap());
    let more = [
        json!({"redirect_uris": ["http://localhost/cb"]}),
        json!({"redirect_uris": ["http://localhost/cb"], "token_endpoint_auth_method": "private_key_jwt", "jwks": keys}),
        json!({
            "redirect_uris": ["http://localhost/cb"],
            "token_endpoint_auth_method": "private_key_jwt",
            "token_endpoint_auth_signing_alg": "ES256",
            "token_endpoint_auth_methods_supported": ["none"],
            "jwks_uri": "https://a.example/keys",
        }),
    ];
    for said in lines.chain(more) {
        let metadata = registration(&said).unwrap();
        assert_eq!(registration(&metadata.json()).unwrap(), metadata, "{said}");
    }
}
