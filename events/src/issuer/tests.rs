use super::*;

fn settings(protocol: &str, change: impl FnOnce(&mut serde_json::Value)) -> IssuerSettings {
    let mut json = serde_json::json!({
        "protocol": { "kind": "openid", "issuer": "https://login.example.com/" },
        "client_id": "keyledger",
        "authentication": "client_secret_basic",
        "scopes": ["openid", "email"],
        "algorithms": ["RS256"],
        "rules": [],
        "overage": "refuse",
        "restrictions": { "domains": [], "required": [] },
    });
    if protocol == "entra" {
        json["protocol"] = serde_json::json!({
            "kind": "entra",
            "authority": "https://login.microsoftonline.com",
            "tenants": ["0190a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b"],
            "guests": false,
        });
    }
    change(&mut json);
    serde_json::from_value(json).unwrap()
}

#[test]
fn an_issuers_url_is_exactly_what_it_says_and_holds_no_secret() {
    for good in [
        "https://accounts.google.com",
        "https://tenant.auth0.com/",
        "https://id.example.com/realms/acme",
        "https://id.example.com:8443/a%20b",
        "http://127.0.0.1:8080/realms/acme",
        "http://localhost",
        "http://[::1]:9",
    ] {
        assert_eq!(good.parse::<IssuerUrl>().unwrap().to_string(), good);
    }
    for bad in [
        "",
        "accounts.google.com",
        "http://accounts.google.com",
        "http://127.0.0.1.example.com",
        "https://user@a.example",
        "https://:secret@a.example/",
        "https://a.example/?secret",
        "https://a.example/?",
        "https://a.example/#secret",
        "https://A.example/",
        "https://a.example:443",
        "https://a.example/x/../y",
        "https://a.example/é",
        "ftp://a.example/",
        &format!("https://a.example/{}", "x".repeat(1_024)),
    ] {
        let told = bad.parse::<IssuerUrl>();
        assert!(told.is_err(), "{bad}");
        assert!(!told.unwrap_err().to_string().contains("secret"), "{bad}");
    }
    assert!("https://login.microsoftonline.us".parse::<Authority>().is_ok());
    for bad in ["https://login.microsoftonline.com/", "https://login.microsoftonline.com/common"] {
        bad.parse::<Authority>().unwrap_err();
    }
}

#[test]
fn settings_must_stand_together() {
    let problem = |protocol, name: &str, value: serde_json::Value| {
        settings(protocol, |json| json[name] = value).problem()
    };
    use serde_json::json;
    for (protocol, name, value, expected) in [
        ("openid", "scopes", json!(["openid", "api"]), None),
        ("openid", "scopes", json!(["email"]), Some(SettingsProblem::NoOpenid)),
        ("openid", "overage", json!("graph"), Some(SettingsProblem::GraphElsewhere)),
        ("openid", "algorithms", json!(["ES256", "EdDSA"]), None),
        (
            "openid",
            "rules",
            json!([{"claim": "groups", "value": "a"}]),
            Some(SettingsProblem::RuleGivesNothing),
        ),
        (
            "openid",
            "rules",
            json!([{"claim": "groups", "value": "a", "role": "admin", "scopes": ["admin:*:*"]}]),
            Some(SettingsProblem::RuleGivesNothing),
        ),
        ("openid", "rules", json!([{"claim": "groups", "value": "a", "scopes": ["mcp:docs"]}]), None),
        ("entra", "scopes", json!(["openid", "profile", "email", "offline_access"]), None),
        ("entra", "scopes", json!(["openid", "access"]), Some(SettingsProblem::UnqualifiedScope)),
        ("entra", "scopes", json!(["openid", "api://a/x", "api://a/y"]), None),
        ("entra", "scopes", json!(["openid", "api://a/x", "api://b/y"]), Some(SettingsProblem::TwoResources)),
        ("entra", "algorithms", json!(["RS256", "PS256"]), Some(SettingsProblem::EntraAlgorithms)),
        ("entra", "overage", json!("graph"), None),
    ] {
        assert_eq!(problem(protocol, name, value.clone()), expected, "{protocol}: {name} = {value}");
    }
}

#[test]
fn no_rule_makes_an_owner_and_no_algorithm_is_shared_or_none() {
    serde_json::from_str::<MappedRole>("\"owner\"").unwrap_err();
    for bad in ["\"none\"", "\"HS256\"", "\"rs256\""] {
        serde_json::from_str::<Algorithm>(bad).unwrap_err();
    }
}

#[test]
fn another_issuer_speaks_for_other_people_and_another_tenant_does_not() {
    let (openid, entra) = (settings("openid", |_| {}).protocol, settings("entra", |_| {}).protocol);
    let more = settings("entra", |json| {
        json["protocol"]["tenants"] = serde_json::json!(["0190a1b2-c3d4-7e5f-8a6b-000000000001"]);
    });
    let other = settings("openid", |json| json["protocol"]["issuer"] = "https://login.example.com".into());
    assert!(entra.is_same_issuer(&more.protocol) && openid.is_same_issuer(&openid));
    assert!(!openid.is_same_issuer(&entra) && !openid.is_same_issuer(&other.protocol));
}
