use super::*;

const SMALL: &str = r#"
    public_url = "http://127.0.0.1:8080"
    [nats]
    url = "nats://127.0.0.1:4222"
    [vault]
    node_key_file = "/tmp/node.key"
"#;

fn sources(text: &str, environment: &[(&str, &str)], set: &[(&str, &str)]) -> (tempfile::TempDir, Sources) {
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
        needs: Needs::Process,
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
        ("KEYLEDGER_DRAINS__SIEM__TOKEN", "hidden"),
        ("KEYLEDGER_DRAINS__SIEM__TRANSPORT", "hec"),
        ("KEYLEDGER_DRAINS__SIEM__ADDRESS", "https://siem.example.com"),
        ("KEYLEDGER_DRAINS__SIEM__GZIP", "true"),
        ("KEYLEDGER_NATS__USERS__NODE__USER", "n"),
        ("KEYLEDGER_NATS__USERS__NODE__PASSWORD", "12345"),
    ];
    let (_folder, sources) =
        sources(SMALL, &environment, &[("freshness.max_staleness_ms", "3000"), ("log.filter", "debug")]);
    let config = load(&sources).unwrap();
    assert_eq!(config.freshness.max_staleness_ms, 3_000);
    assert_eq!(config.upstreams.allow.len(), 2);
    assert_eq!(config.log.filter, "debug");
    let siem = &config.drains["siem"];
    assert_eq!((siem.token.as_ref().unwrap().expose(), siem.gzip), ("hidden", true));
    let (user, password) = config.nats_user(super::super::NatsRole::Node).unwrap();
    assert!(
        matches!(&password, super::super::NatsPassword::Given(secret) if (user.as_str(), secret.expose()) == ("n", "12345"))
    );
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
    for (variable, wrong) in [
        ("KEYLEDGER_ACCESS__MAX_AGE_DAYS", "0"),
        ("KEYLEDGER_ACCESS__MAX_AGE_DAYS", "3651"),
        ("KEYLEDGER_ACCESS__MAX_BYTES", "1048575"),
    ] {
        let text = error(SMALL, &[(variable, wrong)]);
        assert!(text.contains("access.max_") && text.contains(wrong) && text.contains(" to "), "{text}");
    }
    // What is missing has a name as well, and a list of none is not taken for all.
    let drain = format!("{SMALL}\n[drains.siem]\ntransport = \"https\"\n");
    let text = error(&drain, &[]);
    assert!(text.contains("key `drains.siem.address`: it is missing; accepted: https://HOST"), "{text}");
    let s3 =
        format!("{SMALL}\n[exports.archive.s3]\nendpoint = \"https://s3.example.com\"\nregion = \"r\"\n");
    let text = error(&s3, &[]);
    assert!(text.contains("key `exports.archive.s3.bucket`: it is missing"), "{text}");
    for (name, wrong) in [("types", "key.iss*"), ("types", ""), ("organizations", "")] {
        let text = error(
            &drain.replace("transport", "address = \"https://a.example/\"\ntransport"),
            &[(&format!("KEYLEDGER_DRAINS__SIEM__{}", name.to_uppercase()), wrong)],
        );
        assert!(text.contains(&format!("key `drains.siem.{name}")) && text.contains("accepted: "), "{text}");
    }
    let text = error(SMALL, &[("KEYLEDGER_UPSTREAMS__ALLOW", "zz")]);
    assert!(text.contains("upstreams.allow") && text.contains("10.0.0.0/8"), "{text}");
}

#[test]
fn a_command_needs_only_what_it_asks_for() {
    let (_folder, sources) = sources("[nats]\nusers.admin = { user = \"a\", password = \"b\" }", &[], &[]);
    let told = load(&sources).unwrap_err().to_string();
    assert!(told.contains("public_url") && told.contains("missing"), "{told}");
    let config = load(&Sources { needs: Needs::Nothing, ..sources }).unwrap();
    assert!(config.nats_user(super::super::NatsRole::Admin).is_ok());
    let told = config.nats_servers().unwrap_err().to_string();
    assert!(told.contains("nats.url") && told.contains("missing"), "{told}");
}

/// The configuration of the chart for Kubernetes, with its secrets in another folder.
#[test]
fn the_charts_configuration_is_taken() {
    let values = include_str!("../../../../deploy/helm/keyledger/values.yaml");
    let (_, text) = values.split_once("\nconfiguration: |\n").unwrap();
    let secrets = tempfile::tempdir().unwrap();
    let folder = secrets.path().to_str().unwrap();
    std::fs::write(secrets.path().join("postgres-url"), "postgres://k:p@db/k?sslmode=verify-full\n").unwrap();
    let text = text.replace("/etc/keyledger/secrets", folder);
    for roles in [&[super::super::Role::Node][..], &[super::super::Role::Control, super::super::Role::Worker]]
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
    for (wrong, told) in [("[]", "missing"), ("[\"b.example.com\"]", "accepted"), ("7", "a list")] {
        let text = error(&SMALL.replace("\"nats://127.0.0.1:4222\"", wrong), &[]);
        assert!(text.contains("nats.url") && text.contains(told), "{text}");
    }
}

#[test]
fn a_reader_is_named_with_what_it_may_read() {
    let with = |lines: &str| SMALL.replace("[vault]", &format!("{lines}\n[vault]"));
    let of = |lines: &str, environment: &[(&str, &str)]| {
        let (_folder, sources) = sources(&with(lines), environment, &[]);
        load(&sources).unwrap().nats.readers
    };
    let password = ("KEYLEDGER_NATS_READER_BILLING_PASSWORD", "nats-server's own");
    let readers = of("readers.billing = { types = [\"key\", \"organization\"] }", &[password]);
    let (name, reader) = readers.first_key_value().unwrap();
    assert_eq!((name.as_str(), reader.types.len()), ("billing", 2));
    let readers = of("", &[("KEYLEDGER_NATS__READERS__BILLING__TYPES", "key,server")]);
    assert_eq!(readers.values().next().unwrap().types.len(), 2);

    for (lines, told) in [
        ("readers.billing = { types = [\"keys\"] }", "nats.readers.billing.types"),
        ("readers.billing = { types = \"Key\" }", "nats.readers.billing.types"),
        ("readers.billing = { organization = \"acme\" }", "nats.readers.billing.organization"),
        ("readers.Billing = {}", "a letter first"),
        ("readers.billing = { type = \"key\" }", "`types`"),
        ("readers.billing = { password_hash = \"hunter2\" }", "nats.readers.billing.password_hash"),
    ] {
        let text = error(&with(lines), &[]);
        assert!(text.contains(told) && !text.contains("hunter2"), "{text}");
    }
}

#[test]
fn nats_off_loopback_needs_tls() {
    let mixed = error(SMALL, &[("KEYLEDGER_NATS__URL", "nats://127.0.0.1:1,nats://nats.example.com:4222")]);
    assert!(mixed.contains("nats.url") && mixed.contains("without TLS"), "{mixed}");
    let text = error(&SMALL.replace("nats://127.0.0.1:4222", "nats://nats.example.com:4222"), &[]);
    assert!(text.contains("nats.url") && text.contains("tls://"), "{text}");
}

#[test]
fn a_later_source_takes_a_file_back() {
    let file = format!("{SMALL}\n[postgres]\nurl_file = \"/nowhere/url\"\n");
    let url = ("postgres.url", "postgres://k:p@127.0.0.1/k");
    let (_folder, both) = sources(&file, &[], &[url]);
    let told = load(&both).and_then(|config| config.postgres_url()).unwrap_err().to_string();
    assert!(told.contains("postgres.url_file"), "{told}");
    let (_folder, taken_back) = sources(&file, &[("KEYLEDGER_POSTGRES__URL_FILE", "")], &[url]);
    assert_eq!(load(&taken_back).unwrap().postgres_url().unwrap().expose(), url.1);
    let (_folder, taken_back) = sources(&file, &[], &[url, ("postgres.url_file", "")]);
    assert_eq!(load(&taken_back).unwrap().postgres_url().unwrap().expose(), url.1);
}
