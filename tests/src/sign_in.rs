//! An installation in which people sign in, at the address where clients really reach it: the mock provider's people, the
//! demo MCP server, and a host that publishes metadata documents of clients.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use gateway::config::Config;
use gateway::dev::port::Port;
use issuer::{CLIENT, Issuer, SECRET};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::spine::{Demo, Organization, Spine};
use crate::upstreams::{After, Authority, Behave, Received, Reply, TlsFront, Upstream};
use crate::wire::Ask;

/// A running installation, in which all of the provider's people may use the demo server.
pub struct SignIns {
    pub spine: Spine,
    pub provider: Issuer,
    pub demo: Demo,
    pub documents: Documents,
    /// Its public address, which is its authorization server's too.
    pub public: String,
    /// Nobody else takes its port.
    _port: Port,
}

/// A host of clients, with https of a private authority.
pub struct Documents {
    published: Published,
    front: TlsFront,
    authority: PathBuf,
    _upstream: Upstream,
    _folder: TempDir,
}

/// By path.
#[derive(Clone, Default)]
struct Published(Arc<Mutex<BTreeMap<String, Value>>>);

impl SignIns {
    pub async fn start() -> Self {
        Self::with(|_| ()).await
    }

    pub async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let port = Port::take(&[]).expect("a free port");
        let public = format!("http://127.0.0.1:{}", port.number());
        let (provider, documents) = (provider(&public).await, Documents::start().await);
        let spine = Spine::with(|config| {
            config.public_url = public.parse().expect("a URL");
            config.listen.public = ([127, 0, 0, 1], port.number()).into();
            config.oauth.allow.push("127.0.0.0/8".parse().expect("a network"));
            config.upstreams.ca_file = Some(documents.authority().to_owned());
            change(config);
        })
        .await;
        let demo = spine.demo().await;
        spine.write(registered(&demo.organization, &provider)).await;
        Self { spine, provider, demo, documents, public, _port: port }
    }
}

/// The mock, whose people are sent back to a gateway of this address.
pub async fn provider(public: &str) -> Issuer {
    let provider = Issuer::start().await.expect("an issuer on loopback");
    provider.allow_redirect(CLIENT, &format!("{public}/sign-in/callback"));
    provider
}

/// Registers it in an organization, which all of its people may then use.
pub fn registered(organization: &Organization, provider: &Issuer) -> Ask {
    let everyone = issuer::Person::cast()[0].groups[1].clone();
    let body = json!({
        "slug": "people",
        "name": "Our people",
        "protocol": {"kind": "openid", "issuer": provider.url()},
        "settings": {
            "client_id": CLIENT,
            "rules": [{"claim": "groups", "value": everyone, "role": "developer"}],
        },
        "credential": {"secret": SECRET},
    });
    Ask::post(organization.path("issuers"), &body)
}

impl Documents {
    pub async fn start() -> Self {
        let (authority, folder) = (Authority::new(), tempfile::tempdir().expect("a temporary folder"));
        let file = folder.path().join("authority.pem");
        std::fs::write(&file, authority.pem()).expect("a file in a temporary folder");
        let published = Published::default();
        let upstream = Upstream::start(published.clone()).await;
        let front = TlsFront::start(&authority, &upstream).await;
        Self { published, front, authority: file, _upstream: upstream, _folder: folder }
    }

    /// The authority's certificate, for `upstreams.ca_file`.
    pub fn authority(&self) -> &Path {
        &self.authority
    }

    /// Publishes this at a path, and says where that is.
    pub fn publish(&self, path: &str, json: Value) -> String {
        self.published.0.lock().expect("not poisoned").insert(path.to_owned(), json);
        self.front.at(path)
    }

    /// Publishes a client's metadata document, which names itself.
    pub fn client(&self, path: &str, mut metadata: Value) -> String {
        metadata["client_id"] = self.front.at(path).into();
        self.publish(path, metadata)
    }
}

#[async_trait]
impl Behave for Published {
    async fn answer(&self, call: &Received, reply: &mut Reply) -> After {
        let found = self.0.lock().expect("not poisoned").get(&call.target).cloned();
        match found {
            Some(json) => reply.json(200, &[], &json).await,
            None => reply.whole(404, &[], b"").await,
        }
        After::Keep
    }
}

/// A public address before a node whose own is known only when it has started.
pub struct Front {
    _task: JoinSet<()>,
}

impl Front {
    pub async fn before(port: &Port, node: SocketAddr) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port.number())).await.expect("the port is ours");
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((mut from, _)) = listener.accept().await {
                connections.spawn(async move {
                    let Ok(mut to) = TcpStream::connect(node).await else { return };
                    // Either side may close as it likes.
                    let _ = tokio::io::copy_bidirectional(&mut from, &mut to).await;
                });
                while connections.try_join_next().is_some() {}
            }
        });
        Self { _task: task }
    }
}
