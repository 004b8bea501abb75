use events::clock::SystemRandom;

use super::*;

fn options(directory: &Path) -> PostgresOptions {
    PostgresOptions { directory: directory.to_owned(), max_connections: 10, durable: false }
}

/// PostgreSQL's answer to a request for encryption is one letter, `N` here: it takes sessions.
fn answers(address: SocketAddr) -> bool {
    use std::io::{Read, Write};
    let Ok(mut stream) = std::net::TcpStream::connect(address) else { return false };
    let mut letter = [0];
    stream.write_all(&[0, 0, 0, 8, 4, 210, 22, 47]).is_ok()
        && stream.read_exact(&mut letter).is_ok()
        && letter == *b"N"
}

#[test]
fn a_server_is_ready_when_its_own_lock_file_says_so() {
    let lock = "42\n/data\n1700000000\n5433\n\n127.0.0.1\n  123  0\nready   \n";
    assert!(is_ready(lock, 42));
    assert!(!is_ready(lock, 43));
    assert!(!is_ready(&lock.replace("ready   ", "starting"), 42));
    assert!(!is_ready("42\n/data\n", 42));
    assert!(!is_ready("", 42));
}

#[tokio::test]
async fn it_starts_stops_and_starts_again_with_its_password_and_port() {
    let directory = tempfile::tempdir().unwrap();
    let first = PostgresServer::start(&options(directory.path()), &SystemRandom).await.unwrap();
    assert!(answers(first.address()));
    let (url, id) = (first.url(), first.process_id());
    first.stop().await;
    assert!(!Path::new(&format!("/proc/{id}")).exists());
    let second = PostgresServer::start(&options(directory.path()), &SystemRandom).await.unwrap();
    assert_eq!(second.url(), url);
}

#[tokio::test]
async fn it_recovers_from_a_kill_and_from_a_lock_file_that_names_a_stranger() {
    let directory = tempfile::tempdir().unwrap();
    let first = PostgresServer::start(&options(directory.path()), &SystemRandom).await.unwrap();
    drop(first);
    let lock = directory.path().join("data/postmaster.pid");
    let text = std::fs::read_to_string(&lock).unwrap();
    let (_, rest) = text.split_once('\n').unwrap();
    std::fs::write(&lock, format!("{}\n{rest}", std::process::id())).unwrap();
    let second = PostgresServer::start(&options(directory.path()), &SystemRandom).await.unwrap();
    assert!(answers(second.address()));
}

#[tokio::test]
async fn a_cluster_left_half_made_is_removed_and_made_anew() {
    let directory = tempfile::tempdir().unwrap();
    let half_made = directory.path().join(format!("{HALF_MADE}x"));
    std::fs::create_dir(&half_made).unwrap();
    std::fs::write(half_made.join("half"), "").unwrap();
    let server = PostgresServer::start(&options(directory.path()), &SystemRandom).await.unwrap();
    assert!(answers(server.address()));
    assert!(!directory.path().join("data/half").exists() && !half_made.exists());
}

#[tokio::test]
async fn a_taken_port_is_given_up_for_another() {
    let directory = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    std::fs::write(directory.path().join("port"), port.to_string()).unwrap();
    let server = PostgresServer::start(&options(directory.path()), &SystemRandom).await.unwrap();
    assert_ne!(server.address().port(), port);
}

#[tokio::test]
async fn the_password_shows_in_no_debug_text() {
    let directory = tempfile::tempdir().unwrap();
    let server = PostgresServer::start(&options(directory.path()), &SystemRandom).await.unwrap();
    let password = std::fs::read_to_string(directory.path().join("password")).unwrap();
    assert!(server.url().contains(&password));
    assert!(!format!("{server:?}").contains(&password));
}

/// A container may forbid the first way; the others are there for it. An ordinary user needs none.
#[tokio::test]
async fn root_can_run_it_in_each_way_also_in_a_folder_that_nobody_else_may_enter() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let mut worked = 0;
    for way in WAYS_FOR_ROOT {
        let wrapper: Vec<OsString> = way.iter().map(OsString::from).collect();
        let allowed = run([wrapper.clone(), vec!["true".into()]].concat(), Duration::from_secs(10)).await;
        if !allowed.is_ok_and(|output| output.status.success()) {
            continue;
        }
        worked += 1;
        let directory = tempfile::tempdir().unwrap();
        let below = options(&directory.path().join("below"));
        private::directory(directory.path()).unwrap();
        let first = PostgresServer::start_as(&wrapper, &below, &SystemRandom).await.unwrap();
        let url = first.url();
        assert!(answers(first.address()));
        drop(first);
        let second = PostgresServer::start_as(&wrapper, &below, &SystemRandom).await.unwrap();
        assert_eq!(second.url(), url);
        second.stop().await;
    }
    assert!(worked > 0, "root found no way");
}
