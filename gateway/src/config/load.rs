//! From the three sources to a checked [`Config`].

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::{Config, ConfigError, Role, check};

/// Where the configuration comes from.
#[derive(Debug, Default, Clone)]
pub struct Sources {
    /// The TOML file; `None`: no file.
    pub file: Option<PathBuf>,
    /// The process's environment.
    pub environment: HashMap<String, String>,
    /// `--set KEY=VALUE`, in order.
    pub set: Vec<(String, String)>,
    /// `--roles`
    pub roles: Vec<Role>,
}

/// Variables with our prefix that are no configuration keys: the CLI's and the scripts' own.
const NOT_CONFIGURATION: &[&str] = &[
    "KEYLEDGER_ADMIN_KEY",
    "KEYLEDGER_API",
    "KEYLEDGER_CONFIG",
    "KEYLEDGER_DATA",
    "KEYLEDGER_NATS_SERVER",
    "KEYLEDGER_PGBOUNCER",
    "KEYLEDGER_POSTGRES_BIN",
    // What `keyledger nats setup --print` lets nats-server's own configuration refer to.
    "KEYLEDGER_NATS_ADMIN_PASSWORD",
    "KEYLEDGER_NATS_CONTROL_PASSWORD",
    "KEYLEDGER_NATS_WORKER_PASSWORD",
    "KEYLEDGER_NATS_NODE_PASSWORD",
    "KEYLEDGER_NATS_AUDITOR_PASSWORD",
    "KEYLEDGER_NATS_RESTORE_PASSWORD",
];

/// Reads all sources; the later wins: file, environment, flags.
///
/// `KEYLEDGER_NATS__URL` is `nats.url`: two underscores go one level down. Lists are comma-separated there.
pub fn load(sources: &Sources) -> Result<Config, ConfigError> {
    let mut tree = sources.file.as_deref().map_or(Ok(Table::new()), read_file)?;
    let mut variables: Vec<_> = sources.environment.iter().filter_map(variable).collect();
    variables.sort();
    for (key, value) in variables {
        overlay(&mut tree, &key, value)?;
    }
    for (key, value) in &sources.set {
        overlay(&mut tree, key, value)?;
    }
    let mut config: Config = serde_path_to_error::deserialize(Value::Table(tree)).map_err(|error| {
        let key = match error.path().to_string() {
            path if path == "." => String::new(),
            path => format!("key `{path}`: "),
        };
        ConfigError::Load(format!(
            "configuration {key}{}{}; docs/reference/configuration.md lists every key",
            error.inner().to_string().trim(),
            accepted(&error.path().to_string())
        ))
    })?;
    if !sources.roles.is_empty() {
        config.roles.clone_from(&sources.roles);
    }
    config.check()?;
    Ok(config)
}

/// The accepted form of a key whose own error does not tell it.
fn accepted(key: &str) -> String {
    let accepted = match key {
        "listen.public" | "listen.admin" | "listen.metrics" => "an address such as 127.0.0.1:8080",
        "tls" => "\"terminated\", or a table with certificate_file and key_file",
        "upstreams.allow" | "upstreams.allow_http" => "networks such as 10.0.0.0/8",
        "public_url" => "a URL such as https://mcp.example.com",
        "nats.url" => check::NATS_URL,
        _ => return String::new(),
    };
    format!("; accepted: {accepted}")
}

/// The variables of an environment that [`load`] would take a key from, sorted.
pub fn variables(environment: &HashMap<String, String>) -> Vec<&str> {
    let ours = environment.iter().filter(|pair| variable(*pair).is_some());
    let mut names: Vec<_> = ours.map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    names
}

/// A variable of ours as a dotted key and its text.
fn variable<'a>((name, value): (&String, &'a String)) -> Option<(String, &'a str)> {
    let rest = name.strip_prefix("KEYLEDGER_")?;
    if NOT_CONFIGURATION.contains(&name.as_str()) || rest.starts_with("TEST") {
        return None;
    }
    Some((rest.to_ascii_lowercase().replace("__", "."), value))
}

/// Puts a text at a dotted key.
fn overlay(tree: &mut Table, key: &str, value: &str) -> Result<(), ConfigError> {
    let (parents, last) = key.rsplit_once('.').map_or((None, key), |(parents, last)| (Some(parents), last));
    let mut table = tree;
    for part in parents.into_iter().flat_map(|parents| parents.split('.')) {
        let next = table.entry(part).or_insert_with(|| Value::Table(Table::new()));
        table = next.as_table_mut().ok_or_else(|| {
            ConfigError::Load(format!(
                "configuration key `{key}`: `{part}` is a value and has no keys below it"
            ))
        })?;
    }
    table.insert(last.to_owned(), Value::String(value.to_owned()));
    Ok(())
}

fn read_file(path: &Path) -> Result<Table, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::File {
        key: "--config".to_owned(),
        path: path.to_owned(),
        source,
    })?;
    text.parse().map_err(|error: toml::de::Error| {
        // Not the error's own text: it repeats the line, which may hold a password.
        let line = error.span().map_or(0, |span| text[..span.start.min(text.len())].lines().count().max(1));
        ConfigError::Load(format!("{}, near line {line}: {}", path.display(), error.message()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = r#"
        public_url = "http://127.0.0.1:8080"
        [nats]
        url = "nats://127.0.0.1:4222"
        [vault]
        node_key_file = "/tmp/node.key"
    "#;

    fn sources(
        text: &str,
        environment: &[(&str, &str)],
        set: &[(&str, &str)],
    ) -> (tempfile::TempDir, Sources) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keyledger.toml");
        std::fs::write(&path, text).unwrap();
        let pairs = |list: &[(&str, &str)]| -> Vec<(String, String)> {
            list.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
        };
        let sources = Sources {
            file: Some(path),
            environment: pairs(environment).into_iter().collect(),
            set: pairs(set),
            roles: vec![Role::Node],
        };
        (folder, sources)
    }

    fn error(text: &str, environment: &[(&str, &str)]) -> String {
        let (_folder, sources) = sources(text, environment, &[]);
        load(&sources).unwrap_err().to_string()
    }

    #[test]
    fn the_environment_wins_over_the_file_and_flags_over_both() {
        let environment = [
            ("KEYLEDGER_FRESHNESS__MAX_STALENESS_MS", "2000"),
            ("KEYLEDGER_UPSTREAMS__ALLOW", "127.0.0.0/8,10.0.0.0/8"),
            ("KEYLEDGER_ADMIN_KEY", "not a configuration key"),
            ("KEYLEDGER_NATS__USERS__NODE__USER", "n"),
            ("KEYLEDGER_NATS__USERS__NODE__PASSWORD", "12345"),
        ];
        let (_folder, sources) =
            sources(SMALL, &environment, &[("freshness.max_staleness_ms", "3000"), ("log.filter", "debug")]);
        let config = load(&sources).unwrap();
        assert_eq!(config.freshness.max_staleness_ms, 3_000);
        assert_eq!(config.upstreams.allow.len(), 2);
        assert_eq!(config.log.filter, "debug");
        let (user, password) = config.nats_user(super::super::NatsRole::Node).unwrap();
        assert_eq!((user.as_str(), password.expose()), ("n", "12345"));
    }

    #[test]
    fn errors_name_the_key_and_what_it_accepts() {
        let wrong_word = SMALL.replace("[nats]", "[freshness]\non_stale = \"perhaps\"\n[nats]");
        let text = error(&wrong_word, &[]);
        assert!(text.contains("on_stale") && text.contains("refuse") && text.contains("serve"), "{text}");

        let unknown = SMALL.replace("[nats]", "[nats]\nurls = \"x\"");
        let text = error(&unknown, &[]);
        assert!(text.contains("urls") && text.contains("url"), "{text}");

        let text = error(SMALL, &[("KEYLEDGER_LISTEN__PUBLIC", "nowhere")]);
        assert!(text.contains("listen.public") && text.contains("127.0.0.1:8080"), "{text}");
        let text = error(SMALL, &[("KEYLEDGER_TLS", "foo")]);
        assert!(text.contains("`tls`") && text.contains("certificate_file"), "{text}");
        let text = error(SMALL, &[("KEYLEDGER_UPSTREAMS__ALLOW", "zz")]);
        assert!(text.contains("upstreams.allow") && text.contains("10.0.0.0/8"), "{text}");
    }

    /// The configuration in the example for Kubernetes, with its secrets in another folder.
    #[test]
    fn the_example_for_kubernetes_is_taken() {
        let manifest = include_str!("../../../docs/operating/kubernetes.yaml");
        let (_, after) = manifest.split_once("keyledger.toml: |\n").unwrap();
        let text: Vec<_> = after.lines().take_while(|line| *line != "---").map(str::trim).collect();
        let secrets = tempfile::tempdir().unwrap();
        let folder = secrets.path().to_str().unwrap();
        std::fs::write(secrets.path().join("postgres-url"), "postgres://k:p@db/k?sslmode=verify-full\n")
            .unwrap();
        let text = text.join("\n").replace("/etc/keyledger/secrets", folder);
        for roles in
            [&[super::super::Role::Node][..], &[super::super::Role::Control, super::super::Role::Worker]]
        {
            let name = [("KEYLEDGER_FLEET__NAME", "keyledger-node-5d8f")];
            let (_folder, sources) = sources(&text, &name, &[]);
            let config = load(&Sources { roles: roles.to_vec(), ..sources }).unwrap();
            assert_eq!(config.fleet_name(), "keyledger-node-5d8f");
        }
    }

    #[test]
    fn plain_http_off_loopback_is_refused() {
        let open = SMALL.replace("[nats]", "[listen]\npublic = \"0.0.0.0:8080\"\n[nats]");
        let text = error(&open, &[]);
        assert!(text.contains("listen.public") && text.contains("tls"), "{text}");
    }

    #[test]
    fn nats_is_one_server_or_the_servers_of_a_cluster() {
        let servers = |text: &str, environment: &[(&str, &str)]| -> Vec<String> {
            let (_folder, sources) = sources(text, environment, &[]);
            load(&sources).unwrap().nats.servers.iter().map(ToString::to_string).collect()
        };
        let three = ["nats://127.0.0.1:4222", "tls://b.example.com:4222", "tls://c.example.com:4222"];
        assert_eq!(servers(SMALL, &[]), three[..1]);
        let list = SMALL.replace("\"nats://127.0.0.1:4222\"", &format!("{three:?}"));
        assert_eq!(servers(&list, &[]), three);
        assert_eq!(servers(SMALL, &[("KEYLEDGER_NATS__URL", &three.join(","))]), three);
        for (wrong, told) in [("[]", "no server"), ("[\"b.example.com\"]", "accepted"), ("7", "a list")] {
            let text = error(&SMALL.replace("\"nats://127.0.0.1:4222\"", wrong), &[]);
            assert!(text.contains("nats.url") && text.contains(told), "{text}");
        }
    }

    #[test]
    fn nats_off_loopback_needs_tls() {
        let mixed =
            error(SMALL, &[("KEYLEDGER_NATS__URL", "nats://127.0.0.1:1,nats://nats.example.com:4222")]);
        assert!(mixed.contains("nats.url") && mixed.contains("without TLS"), "{mixed}");
        let text = error(&SMALL.replace("nats://127.0.0.1:4222", "nats://nats.example.com:4222"), &[]);
        assert!(text.contains("nats.url") && text.contains("tls://"), "{text}");
    }
}
