use serde_json::json;

use super::*;

const ACME: &str = "01900000-0000-7000-8000-000000000001";

/// An event of `acme`.
fn told(sequence: u64, kind: &str, id: &str, data: Value, texts: Value) -> Told {
    let noun = kind.split('.').next().unwrap();
    let owner = if noun == "organization" { "_" } else { ACME };
    let row = serde_json::from_value(json!({
        "sequence": sequence, "event": ACME, "kind": kind, "schema_version": 1, "time": "2026-11-24T08:00:00Z",
        "stored_at": "2026-11-24T08:00:00Z", "owner": owner, "aggregate_type": noun, "aggregate_id": id,
        "actor": format!("key:{ACME}"), "command": ACME, "causation": null, "data": data, "texts": texts,
    }))
    .unwrap();
    Told {
        row,
        actor_name: None,
        name: None,
        organization: Some("acme".to_owned()),
        before: serde_json::Map::new(),
    }
}

/// The script's commands and what is said in their place, without heads.
fn steps(lost: &[Told]) -> Vec<String> {
    let script = of(7, lost);
    let (steps, end) = script.rsplit_once("\n\n").unwrap();
    assert!(end.contains("exit 1"), "{end}");
    let step = |step: &str| {
        let step = step.split_once('\n').unwrap().1.trim();
        let command = step.strip_suffix(" || failed=$((failed + 1))");
        let is_word = step.lines().last().is_some_and(|line| line.starts_with('#'));
        assert_eq!(command.is_none(), is_word, "{step}");
        command.unwrap_or(step).to_owned()
    };
    steps.split("\n\n").skip(1).map(step).collect()
}

#[test]
fn what_happened_to_what_is_still_there_is_done_again() {
    let (key, server) = ("01900000-0000-7000-8000-000000000002", "01900000-0000-7000-8000-000000000003");
    let none = || json!({});
    let lost = [
        told(8, "key.revoked", key, none(), json!({"reason": "it's leaked; $(rm -rf /)"})),
        told(9, "key.scopes_changed", key, json!({"scopes": ["mcp:docs:tools:get_*", "mcp:mail"]}), none()),
        told(10, "key.expiry_changed", key, json!({"expires_at": null}), none()),
        told(
            11,
            "server.changed",
            server,
            json!({"enabled": false, "settings": {"ca": null, "response_timeout_ms": 5}}),
            none(),
        ),
        told(12, "organization.suspended", ACME, none(), json!({"reason": null})),
        told(13, "webhook.registered", key, json!({"types": ["*"]}), none()),
        told(14, "installation.signer_retired", ACME, none(), none()),
    ];
    assert_eq!(
        steps(&lost),
        [
            format!(
                r"keyledger keys revoke {key} '--reason=it'\''s leaked; $(rm -rf /)' --organization acme"
            ),
            format!("keyledger keys scopes {key} 'mcp:docs:tools:get_*' mcp:mail --organization acme"),
            format!("keyledger keys expiry {key} --never --organization acme"),
            format!(
                "keyledger servers change {server} --enabled=false --response-timeout=5ms --no-try --organization acme"
            ),
            "keyledger organizations suspend acme".to_owned(),
            format!("# by hand: its URL and its secret are not told here (webhook {key})"),
            "# no command does it again".to_owned(),
        ]
    );
}

#[test]
fn what_began_in_what_was_lost_begins_anew() {
    let [key, revoked, server] = [5, 6, 7].map(|n| format!("01900000-0000-7000-8000-00000000000{n}"));
    let issued = |scope: &str| {
        json!({"scopes": [scope], "environment": "test", "expires_at": "2027-01-01T00:00:00Z",
        "owner": {"kind": "service", "id": ACME}})
    };
    let lost = [
        told(8, "organization.created", ACME, json!({"slug": "acme"}), json!({"name": "Acme"})),
        told(
            9,
            "server.registered",
            &server,
            json!({"slug": "docs", "upstream": "https://x.example/mcp", "enabled": false}),
            json!({"name": "Docs"}),
        ),
        told(10, "server.changed", &server, json!({"enabled": true}), json!({})),
        told(11, "key.issued", &key, issued("mcp:docs"), json!({"name": "CI robot", "metadata": {"a": 1}})),
        told(12, "key.issued", &revoked, issued("mcp:docs"), json!({"name": "x"})),
        told(13, "key.scopes_changed", &key, json!({"scopes": ["mcp:mail"]}), json!({})),
        told(14, "key.revoked", &revoked, json!({}), json!({})),
    ];
    assert_eq!(
        steps(&lost),
        [
            "keyledger organizations create acme --name=Acme",
            "keyledger servers register docs --upstream=https://x.example/mcp --name=Docs --disabled --no-try --organization acme",
            "keyledger servers change docs --enabled=true --no-try --organization acme",
            &format!(
                "# a new key with a new secret: hand it to whoever had the one before\n\
                keyledger keys issue --scope=mcp:mail --environment=test --expires-at=2027-01-01T00:00:00Z \
                '--metadata={{\"a\":1}}' --idempotency-key=lost-{ACME} --service {ACME} --organization acme -- 'CI robot'"
            ),
            "# it was revoked at the end, and is not issued anew",
            "# see where it is issued",
            "# see where it is issued",
        ]
    );
}
