use events::clock::SystemRandom;

use super::*;

fn options(directory: &Path) -> NatsOptions {
    let mut users = NatsUser::each_role();
    users.push(NatsUser { name: "root".into(), role: None });
    NatsOptions {
        directory: directory.to_owned(),
        users,
        readers: Vec::new(),
        sync_always: true,
        cluster: None,
    }
}

async fn connect(server: &NatsServer, user: &str) -> Result<async_nats::Client, async_nats::ConnectError> {
    let Credentials { user, password } = server.credentials(user).unwrap();
    crate::crypto::install();
    async_nats::ConnectOptions::with_user_and_password(user, password).connect(server.url()).await
}

#[tokio::test]
async fn each_user_gets_in_with_its_password_and_nobody_without() {
    let directory = tempfile::tempdir().unwrap();
    let server = NatsServer::start(&options(directory.path()), &SystemRandom).await.unwrap();
    connect(&server, "admin").await.unwrap();
    connect(&server, "root").await.unwrap();
    assert!(server.credentials("stranger").is_none());
    assert!(async_nats::connect(server.url()).await.is_err());
}

#[tokio::test]
async fn what_was_stored_before_a_kill_is_there_after_it_under_the_same_address() {
    let directory = tempfile::tempdir().unwrap();
    let server = NatsServer::start(&options(directory.path()), &SystemRandom).await.unwrap();
    let context = async_nats::jetstream::new(connect(&server, "root").await.unwrap());
    context
        .create_stream(async_nats::jetstream::stream::Config {
            name: "S".into(),
            subjects: vec!["s".into()],
            ..Default::default()
        })
        .await
        .unwrap();
    context.publish("s", "kept".into()).await.unwrap().await.unwrap();
    let url = server.url();
    drop(server);
    let server = NatsServer::start(&options(directory.path()), &SystemRandom).await.unwrap();
    assert_eq!(server.url(), url);
    let context = async_nats::jetstream::new(connect(&server, "root").await.unwrap());
    let stream = context.get_stream("S").await.unwrap();
    assert_eq!(stream.get_raw_message(1).await.unwrap().payload, "kept");
    let id = server.process_id();
    server.stop().await;
    assert!(!Path::new(&format!("/proc/{id}")).exists());
}

#[tokio::test]
async fn a_taken_port_is_given_up_for_another() {
    let directory = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    std::fs::write(directory.path().join("port"), port.to_string()).unwrap();
    let server = NatsServer::start(&options(directory.path()), &SystemRandom).await.unwrap();
    assert_ne!(server.address().port(), port);
}

#[tokio::test]
async fn passwords_are_their_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let server = NatsServer::start(&options(directory.path()), &SystemRandom).await.unwrap();
    for file in ["passwords.json", "nats.conf"] {
        let mode = std::fs::metadata(directory.path().join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    let credentials = server.credentials("admin").unwrap();
    assert!(!format!("{credentials:?} {server:?}").contains(&credentials.password));
}

#[tokio::test]
async fn a_store_that_is_no_store_is_told_with_the_servers_own_words() {
    let directory = tempfile::tempdir().unwrap();
    let files = Files::of(directory.path()).unwrap();
    std::fs::remove_dir(&files.store).unwrap();
    std::os::unix::fs::symlink("/dev/null", &files.store).unwrap();
    let error = NatsServer::start(&options(directory.path()), &SystemRandom).await.unwrap_err();
    assert!(matches!(error, Error::File { .. } | Error::Ended { .. }), "{error}");
}

#[tokio::test]
async fn a_log_of_before_the_accounts_is_taken_over() {
    let directory = tempfile::tempdir().unwrap();
    let server = NatsServer::start(&options(directory.path()), &SystemRandom).await.unwrap();
    let context = async_nats::jetstream::new(connect(&server, "root").await.unwrap());
    let config =
        async_nats::jetstream::stream::Config { name: jetstream::STREAM.into(), ..Default::default() };
    context.create_stream(config).await.unwrap();
    server.stop().await;
    let accounts = directory.path().join("store/jetstream");
    std::fs::rename(accounts.join("KEYLEDGER"), accounts.join("$G")).unwrap();
    let server = NatsServer::start(&options(directory.path()), &SystemRandom).await.unwrap();
    let context = async_nats::jetstream::new(connect(&server, "root").await.unwrap());
    context.get_stream(jetstream::STREAM).await.unwrap();
}
