//! What people, and those who hold keys, let clients do is seen by operators, who end it: refused at the door at once, streams that
//! are open cut.

use std::time::Duration;

use keyledger_tests::poll;
use keyledger_tests::spine::{Ready, Spine, text};
use keyledger_tests::upstreams::{McpServer, Upstream};
use keyledger_tests::wire::Ask;
use serde_json::{Value, json};

use crate::granted::{Connecting, Tokens, listed, provider, reason};
use crate::the_command_line_speaks_the_api::Shell;

/// Stated: a look (1 s) where nothing wakes it. The rest is what two busy cores may need.
const BOUND: Duration = Duration::from_secs(4);

struct World {
    spine: Spine,
    ready: Ready,
    provider: issuer::Issuer,
    issuer: String,
    connecting: Connecting,
    _upstream: Upstream,
}

impl World {
    async fn new() -> Self {
        let upstream = Upstream::start(McpServer::every(Duration::from_millis(50))).await;
        let spine = Spine::start().await;
        let ready = spine.ready(&upstream).await;
        let (provider, issuer) = provider(&spine, &ready.organization).await;
        let connecting = Connecting::new(&spine, &ready.path).await;
        Self { spine, ready, provider, issuer, connecting, _upstream: upstream }
    }

    fn path(&self, noun: &str) -> String {
        self.ready.organization.path(noun)
    }

    async fn get(&self, path: &str) -> Value {
        self.spine.admin(Ask::get(path)).await.expect(200).json()
    }

    async fn works(&self, tokens: &Tokens) {
        self.connecting.call(&self.spine, tokens).await.expect(200);
    }

    async fn refused(&self, tokens: &Tokens, why: &str) {
        let answer = self.connecting.call(&self.spine, tokens).await.expect(401);
        assert_eq!(reason(&answer), why);
        assert_eq!(self.connecting.refresh(tokens).await.json()["error"], "invalid_grant");
    }

    /// The grant of these tokens, as its list has it.
    async fn grant(&self, tokens: &Tokens) -> Value {
        let id = text(&tokens.claims(), "grant");
        let path = format!("{}/{id}", self.path("grants"));
        poll::until("the grant is shown", BOUND, async || match self.spine.admin(Ask::get(&path)).await {
            answer if answer.status == 200 => Ok(answer.json()),
            answer => Err(answer.status),
        })
        .await
        .0
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_grant_that_is_ended_is_refused_at_once_and_its_streams_cut() {
    let world = World::new().await;
    let (tokens, _) = world.connecting.by_person(&world.issuer).await;
    let by_key = world.connecting.by_key(&world.ready.key.secret).await;
    let (person, grant) = (tokens.person(), world.grant(&tokens).await);
    assert_eq!((&grant["state"], &grant["works"]["now"]), (&json!("given"), &json!(true)), "{grant:#}");
    assert_eq!((&grant["holder"]["kind"], &grant["holder"]["id"]), (&json!("person"), &json!(person)));
    let of_key = world.grant(&by_key).await;
    assert_eq!(
        of_key["holder"],
        json!({"kind": "key", "id": world.ready.key.id, "name": of_key["holder"]["name"], "email": null})
    );

    let long = world.connecting.tool(&tokens, "count", &json!({"to": 1_000_000}));
    let mut stream = long.open(world.spine.public).await;
    assert_eq!(stream.status, 200);
    stream.frame(BOUND).await.expect("a first message");

    let id = text(&grant, "id");
    let end = Ask::post(format!("{}/{id}/end?wait=fleet", world.path("grants")), &json!({"reason": "lost"}));
    let ended = world.spine.write(end).await;
    assert_eq!(ended["fleet"]["complete"], true, "{ended}");
    world.refused(&tokens, "grant_ended").await;
    stream.to_end(BOUND).await;
    world.works(&by_key).await;

    let position = text(&ended, "position");
    let of = |query: &str| format!("{}?at_least={position}&{query}", world.path("grants"));
    let ids = async |query: &str| {
        let items = world.get(&of(query)).await["items"].as_array().unwrap().clone();
        items.iter().map(|item| text(item, "id")).collect::<Vec<_>>()
    };
    assert_eq!(ids("state=ended").await, [id.as_str()]);
    assert_eq!(ids("state=given").await, [text(&of_key, "id")]);
    assert_eq!(ids(&format!("person={person}")).await, [id.as_str()]);
    let shown = world.get(&format!("{}/{id}?at_least={position}", world.path("grants"))).await;
    assert_eq!((&shown["state"], &shown["cause"]), (&json!("ended"), &json!("revoked")));
    assert_eq!((&shown["works"]["now"], &shown["works"]["reason"]), (&json!(false), &json!("grant_ended")));

    // A consent that is withdrawn takes its grants along, and none comes back when it is given again.
    let (again, _) = world.connecting.by_person(&world.issuer).await;
    let consents = format!("{}?person={person}", world.path("consents"));
    let consent = text(&listed(&world.spine, &consents).await[0], "id");
    let withdraw = format!("{}/{consent}/withdraw?wait=fleet", world.path("consents"));
    let withdrawn = world.spine.write(Ask::post(withdraw, &json!({}))).await;
    assert_eq!(withdrawn["fleet"]["complete"], true, "{withdrawn}");
    world.refused(&again, "consent_withdrawn").await;
    let (anew, _) = world.connecting.by_person(&world.issuer).await;
    world.works(&anew).await;
    world.refused(&again, "consent_withdrawn").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_issuer_that_is_disabled_takes_the_grants_of_its_people_along() {
    let world = World::new().await;
    let (tokens, _) = world.connecting.by_person(&world.issuer).await;
    let by_key = world.connecting.by_key(&world.ready.key.secret).await;
    let issuer = format!("{}/{}?wait=fleet", world.path("issuers"), world.issuer);
    let enabled = async |enabled: bool| {
        world.spine.write(Ask::new("PATCH", &issuer).json(&json!({"enabled": enabled}))).await;
    };
    enabled(false).await;
    world.refused(&tokens, "grant_issuer").await;
    world.works(&by_key).await;
    let grant = world.grant(&tokens).await;
    assert_eq!((&grant["state"], &grant["works"]["reason"]), (&json!("given"), &json!("grant_issuer")));
    enabled(true).await;
    world.works(&tokens).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_key_follows_another_and_nothing_valid_is_refused() {
    let world = World::new().await;
    let (before, _) = world.connecting.by_person(&world.issuer).await;
    let rotated = world.spine.write(Ask::post("/api/v1/token-keys/rotate?wait=fleet", &json!({}))).await;
    assert_eq!(rotated["fleet"]["complete"], true, "{rotated}");
    let keys = world.get("/api/v1/token-keys").await["items"].as_array().unwrap().clone();
    let shown: Vec<_> = keys.iter().map(|key| (text(key, "id"), text(key, "state"))).collect();
    let next = text(&rotated["token_key"], "id");
    assert_eq!(shown, [(next.clone(), "announced".to_owned()), (before.key(), "signing".to_owned())]);
    // A node knows the next one long before it signs; until then the one before it does.
    let set = Ask::get("/oauth/jwks").send(world.spine.public).await.expect(200).text();
    assert!(set.contains(&next) && set.contains(&before.key()), "{set}");
    world.works(&before).await;
    let refreshed = Tokens(world.connecting.refresh(&before).await.expect(200).json());
    assert_eq!(refreshed.key(), before.key());
    world.works(&refreshed).await;
    let told = world.spine.admin(Ask::post("/api/v1/token-keys/rotate", &json!({}))).await;
    assert_eq!(
        (told.status, text(&told.json(), "type")),
        (409, "urn:keyledger:problem:signer-rotating".to_owned())
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_persons_sessions_and_identities_are_seen_and_ended() {
    let world = World::new().await;
    let (tokens, mut browser) = world.connecting.by_person(&world.issuer).await;
    let person = tokens.person();
    let sessions = async || {
        let path = format!("/api/v1/people/{person}/sessions");
        world.get(&path).await["items"].as_array().unwrap().clone()
    };
    let began = sessions().await;
    assert_eq!((began.len(), &began[0]["issuer"]), (1, &json!(world.issuer)));
    let shown = world.get(&format!("/api/v1/people/{person}")).await;
    let holds = &shown["holds"];
    assert_eq!(holds["sessions"][0]["id"], began[0]["id"]);
    assert_eq!(holds["grants"][0]["works"]["now"], true, "{holds:#}");
    assert_eq!(holds["consents"].as_array().unwrap().len(), 1);

    let here = &world.connecting.here;
    let account = browser.open(&format!("{here}/account")).await;
    assert_eq!(account.url.path(), "/account");
    world.spine.write(Ask::post(format!("/api/v1/people/{person}/sign-out?wait=fleet"), &json!({}))).await;
    assert!(sessions().await.is_empty());
    let account = browser.open(&format!("{here}/account")).await;
    assert_eq!(account.url.path(), "/sign-in", "signed out");
    world.works(&tokens).await;

    // Another identity, named by issuer and subject, and the first one taken away: what was granted goes on.
    let identities = format!("/api/v1/people/{person}/identities");
    let other = json!({
        "slug": "other",
        "name": "Other",
        "protocol": {"kind": "openid", "issuer": "https://other.example"},
        "settings": {"client_id": "keyledger"},
    });
    let other = text(&world.spine.write(Ask::post("/api/v1/installation/issuers", &other)).await, "id");
    let nowhere = json!({"issuer": "0190a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b", "subject": "anna"});
    let told = world.spine.admin(Ask::post(&identities, &nowhere)).await;
    assert_eq!((told.status, text(&told.json(), "field")), (400, "issuer".to_owned()));
    let link = Ask::post(format!("{identities}?wait=fleet"), &json!({"issuer": other, "subject": "anna"}));
    world.spine.write(link).await;
    let shown = world.get(&format!("/api/v1/people/{person}")).await;
    let digest_at = |issuer: &str| {
        let own = shown["holds"]["identities"].as_array().unwrap();
        text(own.iter().find(|identity| identity["issuer"] == issuer).unwrap(), "digest")
    };
    let unlink = |issuer: &str| Ask::new("DELETE", format!("{identities}/{}?wait=fleet", digest_at(issuer)));
    world.spine.write(unlink(&world.issuer)).await;
    world.works(&tokens).await;
    world.spine.write(unlink(&other)).await;
    world.refused(&tokens, "grant_issuer").await;
    let again = world.spine.admin(unlink(&other)).await.expect(200).json();
    assert_eq!(again["changed"], false);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_issuer_says_of_a_person_is_followed() {
    let world = World::new().await;
    let (tokens, _) = world.connecting.by_person(&world.issuer).await;
    let person = tokens.person();
    let changes = async || {
        let path = format!("/api/v1/events?type=person.profile_changed&object=person:{person}");
        world.get(&path).await["items"].as_array().unwrap().len()
    };
    world.connecting.by_person(&world.issuer).await;
    assert_eq!(changes().await, 0, "the same is not written down again");
    let mut anna = issuer::Person::cast()[0].clone();
    anna.name = "Anna Renamed".to_owned();
    world.provider.add(anna);
    world.connecting.by_person(&world.issuer).await;
    poll::until("the person is called so", BOUND, async || {
        let name = world.get(&format!("/api/v1/people/{person}")).await["name"].clone();
        if name == "Anna Renamed" { Ok(()) } else { Err(name) }
    })
    .await;
    assert_eq!(changes().await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_line_shows_and_ends_it() {
    let world = World::new().await;
    let (tokens, _) = world.connecting.by_person(&world.issuer).await;
    let (person, grant) = (tokens.person(), text(&world.grant(&tokens).await, "id"));
    let cli = Shell::of(&world.spine);
    let slug = world.ready.organization.slug.clone();
    let of = ["--organization", slug.as_str()];
    let said =
        cli.done(&[&["grants", "list", "--person", &person, "--state", "given"][..], &of].concat()).await;
    assert!(said.contains(&grant) && said.contains("yes"), "{said}");
    let said = cli.done(&[&["grants", "end", &grant, "--wait", "fleet"][..], &of].concat()).await;
    assert!(said.contains("ended"), "{said}");
    world.refused(&tokens, "grant_ended").await;
    let said = cli.done(&[&["grants", "show", &grant][..], &of].concat()).await;
    assert!(said.contains("grant_ended"), "{said}");
    let said = cli.done(&[&["consents", "list", "--person", &person, "--json"][..], &of].concat()).await;
    let consent = text(&serde_json::from_str::<Value>(&said).unwrap()["items"][0], "id");
    let said = cli.done(&[&["consents", "withdraw", &consent][..], &of].concat()).await;
    assert!(said.contains("withdrawn"), "{said}");
    let said = cli.done(&["people", "sessions", &person]).await;
    assert!(said.contains(&world.issuer), "{said}");
    let said = cli.done(&["token-keys", "rotate"]).await;
    assert!(said.contains("it signs access tokens from"), "{said}");
    let said = cli.done(&["token-keys", "list"]).await;
    assert!(said.contains("announced") && said.contains("signing"), "{said}");
}
