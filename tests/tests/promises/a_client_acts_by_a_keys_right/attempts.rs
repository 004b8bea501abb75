//! An operator sees where each client stopped on its way in, and why, whichever process saw the steps; and nothing that
//! opens anything is in it.

use std::time::Duration;

use keyledger_tests::oauth::{Authorization, Client};
use keyledger_tests::person::Browser;
use keyledger_tests::poll;
use keyledger_tests::wire::{Answer, Ask};
use serde_json::{Value, json};

use super::{World, text};
use crate::the_command_line_speaks_the_api::Shell;

const BOUND: Duration = Duration::from_secs(20);
const HERE: &str = "http://localhost:51234/";
const STEPS: [&str; 9] = [
    "challenge",
    "resource_metadata",
    "server_metadata",
    "registration",
    "authorization",
    "sign_in",
    "consent",
    "token",
    "call",
];

/// A program, by what it calls itself.
struct Program<'a> {
    world: &'a World,
    name: &'a str,
}

impl Program<'_> {
    async fn sends(&self, ask: Ask) -> Answer {
        ask.header("User-Agent", self.name).send(self.world.spine.public).await
    }

    /// From its first call to its registration.
    async fn begins(&self) -> Client {
        let path = &self.world.ready.path;
        self.calls(None).await.expect(401);
        for path in [
            format!("/.well-known/oauth-protected-resource{path}"),
            "/.well-known/oauth-authorization-server".to_owned(),
        ] {
            self.sends(Ask::get(path)).await.expect(200);
        }
        let body = json!({
            "client_name": "Test",
            "redirect_uris": ["http://localhost/callback"],
            "token_endpoint_auth_method": "none",
        });
        let registered = self.sends(Ask::post("/oauth/register", &body)).await.expect(201).json();
        Client::registered(&registered, super::REDIRECT)
    }

    async fn calls(&self, token: Option<&str>) -> Answer {
        let params = json!({"name": "echo", "arguments": {}});
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
        let ask = Ask::post(&self.world.ready.path, &body);
        let ask = ask.header("Accept", "application/json, text/event-stream");
        self.sends(token.into_iter().fold(ask, |ask, token| ask.bearer(token))).await
    }

    async fn redeems(&self, client: &Client, asked: &Authorization, code: &str, verifier: &str) -> Answer {
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", &client.id),
            ("code", code),
            ("code_verifier", verifier),
            ("resource", &asked.parameters["resource"]),
        ];
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let ask = Ask::new("POST", "/oauth/token");
        self.sends(ask.header("Content-Type", "application/x-www-form-urlencoded").body(body)).await
    }

    /// What an operator sees of it, once that is so.
    async fn seen(&self, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        let (seen, _) = poll::until(what, BOUND, async || {
            let found =
                self.world.spine.admin(Ask::get("/api/v1/oauth/attempts?limit=200")).await.expect(200).json();
            let own =
                found["items"].as_array().unwrap().iter().find(|item| item["agent"] == self.name).cloned();
            own.filter(&is).ok_or(found)
        })
        .await;
        seen
    }
}

fn steps(attempt: &Value) -> Vec<&str> {
    attempt["steps"].as_array().unwrap().iter().map(|step| text(step, "step")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_sees_where_each_client_stopped_and_why() {
    let world = World::new().await;
    let program = |name| Program { world: &world, name };
    let asks = |client: &Client| client.authorization("").with("resource", &world.resource());
    let mut secrets = vec![world.ready.key.secret.clone(), "of-its-own".to_owned()];

    let good = program("good/1");
    let client = good.begins().await;
    let asked = asks(&client);
    let code = world.code(&mut Browser::that_ends_at(HERE), &asked).await;
    let tokens = good.redeems(&client, &asked, &code, &asked.verifier).await.expect(200).json();
    good.calls(Some(text(&tokens, "access_token"))).await.expect(200);
    let seen = good.seen("a client that is in", |seen| seen["state"] == "in").await;
    assert_eq!(steps(&seen), STEPS, "{seen:#}");
    assert_eq!((text(&seen, "client"), &seen["cause"]), (client.id.as_str(), &Value::Null));
    assert!(
        world.ready.path.ends_with(text(&seen, "server")) && text(&seen, "from") == "127.0.0.0/24",
        "{seen:#}"
    );
    secrets.extend([code, asked.verifier.clone(), asked.state().to_owned()]);
    secrets.push(text(&tokens, "access_token").to_owned());

    // Its address is not the one that it registered.
    let elsewhere = program("elsewhere/1");
    let client = elsewhere.begins().await;
    let wrong = asks(&client).with("redirect_uri", "http://localhost:51234/other?secret=of-its-own");
    Browser::that_ends_at(HERE).open(&world.server.authorize(&wrong)).await;
    let seen = elsewhere.seen("a client whose address is refused", |seen| seen["state"] == "stopped").await;
    assert_eq!((steps(&seen), text(&seen, "missing")), (STEPS[..5].to_vec(), "authorization"));
    assert!(text(&seen, "cause").contains("http://localhost:51234/other"), "{seen:#}");
    assert!(text(&seen, "advice").contains("oauth.redirects"), "{seen:#}");

    // Its person does not allow it.
    let denied = program("denied/1");
    let asked = asks(&denied.begins().await);
    let mut browser = Browser::that_ends_at(HERE);
    let page = browser.open(&world.server.authorize(&asked)).await;
    let form = page.forms.iter().find(|form| form.action.path() == "/sign-in/key").unwrap().clone();
    let page = browser.submit(&page, &form.with("key", &world.ready.key.secret)).await;
    browser.press(&page, "deny").await;
    let seen = denied.seen("a client that is denied", |seen| seen["state"] == "stopped").await;
    assert_eq!((steps(&seen), text(&seen, "missing")), (STEPS[..7].to_vec(), "consent"));

    // It comes with another verifier.
    let confused = program("confused/1");
    let client = confused.begins().await;
    let asked = asks(&client);
    let code = world.code(&mut Browser::that_ends_at(HERE), &asked).await;
    let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    confused.redeems(&client, &asked, &code, verifier).await.expect(400);
    let seen = confused.seen("a client with another verifier", |seen| seen["state"] == "stopped").await;
    assert_eq!((steps(&seen), text(&seen, "missing")), (STEPS[..8].to_vec(), "token"));
    assert!(text(&seen, "cause").contains("code_verifier"), "{seen:#}");
    secrets.push(code);

    // One that has only read what is there is under way, for a while.
    let reading = program("reading/1");
    reading.calls(None).await.expect(401);
    let seen = reading.seen("a client that was told where to begin", |_| true).await;
    assert_eq!((steps(&seen), text(&seen, "state")), (vec!["challenge"], "under_way"));

    let told = Shell::of(&world.spine).done(&["oauth", "attempts", "--since", "1h"]).await;
    assert!(told.contains("by denied/1 from 127.0.0.0/24") && told.contains("missing: consent"), "{told}");
    let stopped = Shell::of(&world.spine).done(&["oauth", "attempts", "--since", "1h", "--stopped"]).await;
    assert!(stopped.contains("confused/1") && !stopped.contains("good/1"), "{stopped}");
    let all = world.spine.admin(Ask::get("/api/v1/oauth/attempts?limit=200")).await.expect(200).text();
    for secret in secrets {
        assert!(!all.contains(&secret) && !told.contains(&secret), "{secret} is in {all}");
    }
    world.spine.admin(Ask::get("/api/v1/oauth/attempts?since=yesterday")).await.expect(400);
}
