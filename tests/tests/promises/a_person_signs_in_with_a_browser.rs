//! A person signs in through our pages with a real browser (Chromium): by pointer and by keys alone, at a desk and at 320 px,
//! without scripts. What a client got works at every node, and at none once it is taken back.

use std::path::{Path, PathBuf};
use std::time::Duration;

use gateway::dev::port::Port;
use keyledger_tests::browser::{self, walk};
use keyledger_tests::fleet::{Fleet, Plan};
use keyledger_tests::mcp::call;
use keyledger_tests::oauth::{self, Client, Server};
use keyledger_tests::poll;
use keyledger_tests::sign_in::{self, Documents, Front, SignIns};
use keyledger_tests::spine::{Ready, text};
use keyledger_tests::upstreams::{McpServer, Upstream};
use serde_json::{Value, json};

const CALLBACK: &str = "http://127.0.0.1:9/callback";

/// Where pictures stay until the next run, to be looked at.
fn pictures(of: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pages").join(of);
    std::fs::create_dir_all(&folder).expect("a folder for pictures");
    folder
}

fn is_left_out() -> bool {
    let is = browser::is_left_out();
    if is {
        eprintln!("NOT TESTED: whoever runs this does without a browser");
    }
    is
}

/// Nothing keeps anybody from using any of these pages.
fn are_usable(walked: &Value) {
    for page in walked["pages"].as_array().expect("pages") {
        assert_eq!(page["barriers"], json!([]), "{page:#}");
    }
}

struct World {
    fleet: Fleet,
    ready: Ready,
    server: Server,
    resource: String,
    public: String,
    documents: Documents,
    _provider: issuer::Issuer,
    _front: Front,
    _port: Port,
    _upstream: Upstream,
}

impl World {
    /// Two nodes; the first stands behind the public address.
    async fn new() -> Self {
        let port = Port::take(&[]).expect("a free port");
        let public = format!("http://127.0.0.1:{}", port.number());
        let (provider, documents) = (sign_in::provider(&public).await, Documents::start().await);
        let upstream = Upstream::start(McpServer::default()).await;
        let authority = documents.authority().to_str().expect("a path").to_owned();
        let set = [
            ("public_url", public.as_str()),
            ("issuers.allow", "127.0.0.0/8"),
            ("oauth.allow", "127.0.0.0/8"),
            ("upstreams.ca_file", authority.as_str()),
        ];
        let fleet = Fleet::with(Plan { nodes: 2, set: &set, ..Plan::default() }).await;
        let front = Front::before(&port, fleet.nodes[0].public).await;
        let ready = fleet.ready(&upstream).await;
        let issuer = fleet.write(0, sign_in::registered(&ready.organization, &provider)).await;
        assert!(issuer["id"].is_string(), "{issuer}");
        let resource = format!("{public}{}", ready.path);
        let metadata = format!("{public}/.well-known/oauth-authorization-server");
        poll::until("the issuer is known", Duration::from_secs(20), async || {
            match oauth::get(&metadata).await.status {
                200 => Ok(()),
                status => Err(status),
            }
        })
        .await;
        let (server, _) = Server::of(&resource).await;
        Self {
            fleet,
            ready,
            server,
            resource,
            public,
            documents,
            _provider: provider,
            _front: front,
            _port: port,
            _upstream: upstream,
        }
    }

    /// From the request to tokens, of which a call is made at every node, and again after a refresh.
    async fn lets_in(&self, client: &Client, size: &str, how: &str) -> Value {
        let asked = client.authorization("").with("resource", &self.resource);
        let walked = walk(&json!({
            "start": self.server.authorize(&asked),
            "callback": CALLBACK,
            "person": "anna",
            "folder": pictures("walk"),
            "size": size,
            "how": how,
        }))
        .await;
        are_usable(&walked);
        let came: url::Url = text(&walked, "came").parse().expect("a URL");
        let query: std::collections::BTreeMap<_, _> = came.query_pairs().into_owned().collect();
        assert_eq!(query.get("state").map(String::as_str), Some(asked.state()), "{came}");
        assert_eq!(query.get("iss"), Some(&self.public), "{came}");
        let tokens = self.server.redeem(client, &asked, &query["code"], &[]).await.expect(200).json();
        self.answers(&tokens, 200).await;
        let refresh = text(&tokens, "refresh_token");
        let tokens = self.server.refresh(client, &refresh, &[]).await.expect(200).json();
        self.answers(&tokens, 200).await;
        tokens
    }

    /// What every node answers a call with this token.
    async fn answers(&self, tokens: &Value, status: u16) {
        let ask = call(&self.ready.path, "echo", &json!({})).bearer(&text(tokens, "access_token"));
        for node in &self.fleet.nodes {
            let what = format!("{} answers {status}", node.name);
            poll::until(&what, Duration::from_secs(20), async || match ask.send(node.public).await {
                answer if answer.status == status => Ok(()),
                answer => Err(answer),
            })
            .await;
        }
    }

    /// Neither works any more, anywhere.
    async fn is_over(&self, client: &Client, tokens: &Value) {
        self.answers(tokens, 401).await;
        let refused = self.server.refresh(client, &text(tokens, "refresh_token"), &[]).await;
        assert_eq!(refused.expect(400).json()["error"], "invalid_grant");
    }
}

fn metadata() -> Value {
    json!({
        "client_name": "Editor",
        "redirect_uris": ["http://127.0.0.1/callback"],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_allowed_works_at_every_node_until_it_is_taken_back() {
    if is_left_out() {
        return;
    }
    let world = World::new().await;

    // Registered by itself, taken back by the person on their page.
    let registered = world.server.register(&metadata()).await.expect(201).json();
    let client = Client::registered(&registered, CALLBACK);
    let tokens = world.lets_in(&client, "desk", "pointer").await;
    let walked = walk(&json!({
        "start": format!("{}/account", world.public),
        "person": "anna",
        "folder": pictures("account"),
        "size": "phone",
        "how": "keys",
        "then": [{"press": "form[action=\"/account/grants/end\"] button"}],
    }))
    .await;
    are_usable(&walked);
    let pages = walked["pages"].as_array().expect("pages");
    let [.., before, after] = pages.as_slice() else { panic!("{walked:#}") };
    // By its slug until the read models have its name.
    let allowed = text(before, "text");
    assert!(allowed.contains("may use ") && allowed.contains("tools"), "{before:#}");
    assert!(text(after, "text").contains("None."), "{after:#}");
    world.is_over(&client, &tokens).await;

    // Named by its document, given back by the client itself.
    let id = world.documents.client("/oauth/client.json", metadata());
    let client = Client { id, secret: None, redirect: CALLBACK.to_owned() };
    let tokens = world.lets_in(&client, "phone", "keys").await;
    let given = [("token", tokens["refresh_token"].as_str().expect("text")), ("client_id", &client.id)];
    oauth::post(world.server.endpoint("revocation_endpoint"), &given).await.expect(200);
    world.is_over(&client, &tokens).await;
}

/// Sign-in, consent, the account and what is said when something is wrong: at a desk and at 320 px, light and dark, no
/// barriers (axe-core), none wider than the window.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_can_use_the_pages() {
    if is_left_out() {
        return;
    }
    let world = SignIns::start().await;
    let (server, _) = Server::of(&world.demo.url).await;
    let long = "An assistant with a very long name that it has given itself, longer than a line of a small telephone";
    let mut metadata = metadata();
    metadata["client_name"] = long.into();
    metadata["redirect_uris"] =
        json!(["http://127.0.0.1/callback", "https://editor.example.com/oauth/callback"]);
    let document = world.documents.client("/a/path/that/is/long/oauth/client-metadata.json", metadata);
    let client = Client { id: document, secret: None, redirect: CALLBACK.to_owned() };
    let unknown = client.authorization("").with("client_id", "0190f1a8-0000-7000-8000-000000000001");
    let at = |path: &str| json!({"open": format!("{}{path}", world.public)});
    for (size, look) in [("desk", "light"), ("phone", "light"), ("phone", "dark")] {
        let asked = client.authorization("").with("resource", &world.demo.url).with("prompt", "consent");
        let walked = walk(&json!({
            "start": server.authorize(&asked),
            "callback": CALLBACK,
            "person": "anna",
            "folder": pictures("all"),
            "size": size,
            "look": look,
            "then": [
                at("/account"),
                at("/consent?request=over"),
                {"open": server.authorize(&unknown)},
                at("/invitations/accept"),
                at("/sign-in/callback?state=none&code=none"),
                at("/oauth/nothing"),
            ],
        }))
        .await;
        are_usable(&walked);
        let titles: Vec<_> =
            walked["pages"].as_array().expect("pages").iter().map(|page| text(page, "title")).collect();
        let shown =
            titles.iter().map(String::as_str).filter(|title| !title.contains("Mock")).collect::<Vec<_>>();
        assert!(shown.contains(&"Sign in") && shown.contains(&"Allow access?"), "{titles:?}");
        assert!(shown.contains(&"Your account") && shown.contains(&"Nothing is here"), "{titles:?}");
        // What was allowed stands on the account's page from then on.
        let came: url::Url = text(&walked, "came").parse().expect("a URL");
        let (_, code) = came.query_pairs().find(|(name, _)| name == "code").expect("a code");
        server.redeem(&client, &asked, &code, &[]).await.expect(200);
    }
    // Una is nobody here, and is told so where she tried.
    let walked = walk(&json!({
        "start": format!("{}/sign-in", world.public),
        "folder": pictures("nobody"),
        "size": "phone",
        "how": "keys",
        "person": "una",
        "most": 3,
    }))
    .await;
    are_usable(&walked);
    let pages = walked["pages"].as_array().expect("pages");
    let [.., last] = pages.as_slice() else { panic!("{walked:#}") };
    assert!(text(last, "text").contains("You have no account here"), "{last:#}");
}
