use std::fmt::Write as _;
use std::io::Write;
use std::sync::{Arc, Mutex};

use serde_json::json;

use super::*;

/// The committed reference is what `--help` prints. `KEYLEDGER_WRITE_REFERENCE=1` writes it anew.
#[test]
fn the_committed_command_line_reference_is_what_help_prints() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/reference/cli.md");
    let generated = reference();
    if std::env::var_os("KEYLEDGER_WRITE_REFERENCE").is_some() {
        std::fs::write(path, &generated).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        committed == generated,
        "docs/reference/cli.md is not what the code says: run `just reference` and look at the difference"
    );
}

fn reference() -> String {
    let mut text = String::from(
        "# Command line\n\nGenerated from the code by `just reference`; a test keeps it true.\n",
    );
    let mut cli = Cli::command().term_width(100);
    cli.build();
    describe(&mut cli, &mut text);
    text
}

fn describe(command: &mut clap::Command, text: &mut String) {
    let name = command.get_bin_name().unwrap_or("keyledger").to_owned();
    write!(text, "\n## {name}\n\n```text\n{}```\n", command.render_help()).unwrap();
    for inner in command.get_subcommands_mut().filter(|inner| inner.get_name() != "help") {
        describe(inner, text);
    }
}

#[test]
fn the_command_line_fits_together() {
    Cli::command().debug_assert();
}

#[test]
fn no_flag_takes_a_key_or_a_password() {
    let help = reference();
    for flag in help.split_whitespace().filter(|word| word.starts_with("--")) {
        let secret = flag.contains("password") || flag.contains("admin-key") || flag.contains("secret");
        assert!(!secret || flag.ends_with("-file"), "{flag}");
    }
}

/// What a command line prints on each of the two, and its exit code.
fn run_in(data: &std::path::Path, args: &[&str], environment: &[(&str, &str)]) -> (String, String, u8) {
    run(&[args, &["--data", data.to_str().unwrap()]].concat(), environment)
}

fn run(args: &[&str], environment: &[(&str, &str)]) -> (String, String, u8) {
    let (out, err) = (Written::default(), Written::default());
    let code = run_to(Output::to(out.clone(), err.clone()), args, environment);
    (out.text(), err.text(), code)
}

fn run_to(mut output: Output, args: &[&str], environment: &[(&str, &str)]) -> u8 {
    let args = std::iter::once("keyledger").chain(args.iter().copied());
    let environment =
        environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let cli = Cli::try_parse_from(args).unwrap();
    let done = cli.command.run(&environment, &mut output);
    exit_code(done, &mut output)
}

#[derive(Clone, Default)]
pub struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    pub fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A reader that has gone.
pub struct Gone;

impl Write for Gone {
    fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
        Err(std::io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_verdict_stands_also_where_nobody_reads_the_words() {
    let folder = tempfile::tempdir().unwrap();
    let log: ::events::LogId = "0190a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b".parse().unwrap();
    let origin = ::events::tlog::origin(log, ::events::Shard::ZERO);
    let id = "0190a1b2-c3d4-7e5f-8a6b-000000000007".parse().unwrap();
    let signing = ::events::SigningKey::from_seed(id, &[7; 32]).unwrap();
    let signer = ::events::tlog::Signer::new(&origin, signing).unwrap();
    let (keys, proof) = (folder.path().join("keys"), folder.path().join("none.tlog-proof"));
    std::fs::write(&keys, format!("{}\n", signer.verifier())).unwrap();
    std::fs::write(&proof, "this proves nothing").unwrap();
    // Somebody else's message.
    let position = ::events::Position { log, shard: ::events::Shard::ZERO, sequence: 1 };
    let message =
        json!({"position": position, "stored_at": "2026-11-24T08:00:00Z", "subject": "a", "event": {}});
    let export = folder.path().join("log.jsonl");
    std::fs::write(&export, format!("{message}\n")).unwrap();
    let [keys, proof, export] = [&keys, &proof, &export].map(|path| path.to_str().unwrap());
    for args in [
        &["audit", "verify", "--json", proof, "--keys", keys][..],
        &["events", "verify", "--export", export, "--keys", keys][..],
    ] {
        let (read, unread) = (run(args, &[]).2, run_to(Output::to(Gone, std::io::sink()), args, &[]));
        assert_eq!((read, unread), (1, 1), "{args:?}");
    }
}

#[test]
fn what_nats_needs_is_printed_with_the_configured_names() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keyledger.toml");
    let text = "public_url = \"http://127.0.0.1:8080\"\nroles = [\"node\"]\n\
                [nats]\nurl = \"nats://127.0.0.1:4222\"\n\
                users.node = { user = \"our-node\", password = \"not printed\" }\n\
                [vault]\nnode_key_file = \"node.key\"\n";
    std::fs::write(&path, text).unwrap();
    let path = path.to_str().unwrap();
    let (printed, _, code) = run(&["nats", "setup", "--print", "--config", path], &[]);
    assert_eq!(code, 0);
    for there in
        ["user: \"our-node\", password: $KEYLEDGER_NATS_NODE_PASSWORD", "user: \"keyledger-control\""]
    {
        assert!(printed.contains(there), "{printed}");
    }
    assert!(!printed.contains("not printed"));
    let (streams, _, code) = run(&["nats", "setup", "--print=streams", "--replicas", "3"], &[]);
    let streams: serde_json::Value = serde_json::from_str(&streams).unwrap();
    assert_eq!((code, &streams["KL_EVENTS_0"]["num_replicas"]), (0, &serde_json::json!(3)));
    let two = Cli::try_parse_from(["keyledger", "nats", "setup", "--replicas", "2"]).unwrap_err().to_string();
    assert!(two.contains("1, 3 or 5"), "{two}");
}

const KEY: (&str, &str) = ("KEYLEDGER_ADMIN_KEY", "kl_live_x");

#[test]
fn what_is_missing_is_said_with_what_to_do() {
    let data = tempfile::tempdir().unwrap();
    let (out, err, code) = run_in(data.path(), &["status"], &[KEY]);
    assert_eq!((out.as_str(), code), ("", 2));
    assert!(err.contains("--api") && err.contains("KEYLEDGER_API"), "{err}");
    let (_, err, code) = run_in(data.path(), &["status", "--api", "http://127.0.0.1:1"], &[]);
    assert_eq!(code, 2);
    assert!(err.contains("KEYLEDGER_ADMIN_KEY") && err.contains("--admin-key-file"), "{err}");
}

#[test]
fn the_password_of_a_refused_url_is_not_repeated() {
    for args in [
        &["keyledger", "status", "--api", "http://me:hush@[bad"][..],
        &["keyledger", "status", "http://me:hush@there.example"],
        &["keyledger", "https://me:hush@there.example"],
    ] {
        let told = without_password(Cli::try_parse_from(args).unwrap_err()).to_string();
        assert!(told.contains("://...@") && !told.contains("hush"), "{told}");
    }
}

#[test]
fn what_is_no_members_id_is_told_with_where_ids_are_shown() {
    let data = tempfile::tempdir().unwrap();
    let forget = ["fleet", "forget", "node-2", "--api", "http://127.0.0.1:1"];
    let (out, err, code) = run_in(data.path(), &forget, &[KEY]);
    assert_eq!((out.as_str(), code), ("", 2));
    assert!(err.contains("`node-2` is no member's id") && err.contains("`keyledger fleet`"), "{err}");
}

#[test]
fn a_key_never_leaves_the_machine_without_tls() {
    let data = tempfile::tempdir().unwrap();
    let (_, err, code) = run_in(data.path(), &["status", "--api", "http://admin.example"], &[KEY]);
    assert_eq!(code, 2);
    assert!(err.contains("without TLS"), "{err}");
}

#[test]
fn the_key_of_dev_is_for_dev_alone() {
    let data = tempfile::tempdir().unwrap();
    let facts = r#"{"admin_url": "http://127.0.0.1:1", "admin_key": "kl_live_x", "more": 1}"#;
    std::fs::write(data.path().join("dev.json"), facts).unwrap();
    // Nobody listens there, so the key was found and used.
    assert_eq!(run_in(data.path(), &["status"], &[]).2, 3);
    let (_, err, code) = run_in(data.path(), &["status", "--api", "http://127.0.0.1:2"], &[]);
    assert_eq!(code, 2, "{err}");
}

#[test]
fn nobody_there_is_another_exit_code_than_a_refusal() {
    let data = tempfile::tempdir().unwrap();
    let (out, err, code) = run_in(data.path(), &["keys", "list", "--api", "http://127.0.0.1:1"], &[KEY]);
    assert_eq!((out.as_str(), code), ("", 3));
    assert!(err.contains("can't be reached") && !err.contains("kl_live_x"), "{err}");
}
