use std::path::Path;

use super::*;

fn shell(directory: &Path, script: &str) -> Launch {
    Launch {
        wrapper: vec![],
        program: "/bin/sh".into(),
        arguments: vec!["-c".into(), script.into()],
        log: directory.join("log"),
    }
}

fn is_there(id: u32) -> bool {
    Path::new(&format!("/proc/{id}")).exists()
}

async fn log_has(directory: &Path, text: &str) {
    for _ in 0..500 {
        if std::fs::read_to_string(directory.join("log")).unwrap_or_default().contains(text) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the child did not write {text:?} within 5 s");
}

#[tokio::test]
async fn a_child_that_ends_by_itself_tells_its_status() {
    let directory = tempfile::tempdir().unwrap();
    let child = spawn(&shell(directory.path(), "echo said; exit 7")).await.unwrap();
    assert_eq!(child.exited().await.unwrap().code(), Some(7));
    assert_eq!(std::fs::read_to_string(directory.path().join("log")).unwrap(), "said\n");
}

#[tokio::test]
async fn a_child_that_obeys_is_not_killed() {
    let directory = tempfile::tempdir().unwrap();
    let script = "trap 'exit 3' TERM; echo ready; while :; do sleep 0.01; done";
    let child = spawn(&shell(directory.path(), script)).await.unwrap();
    log_has(directory.path(), "ready").await;
    let status = child.stop(Signal::Terminate, Duration::from_secs(10)).await.unwrap();
    assert_eq!(status.code(), Some(3));
}

#[tokio::test]
async fn a_child_that_does_not_obey_is_killed_after_the_patience() {
    use std::os::unix::process::ExitStatusExt;
    let directory = tempfile::tempdir().unwrap();
    let script = "trap '' TERM; echo ready; while :; do sleep 0.01; done";
    let child = spawn(&shell(directory.path(), script)).await.unwrap();
    log_has(directory.path(), "ready").await;
    let id = child.id();
    let status = child.stop(Signal::Terminate, Duration::from_millis(50)).await.unwrap();
    assert_eq!(status.signal(), Some(9));
    assert!(!is_there(id));
}

#[tokio::test]
async fn a_dropped_child_is_gone_when_the_drop_returns() {
    let directory = tempfile::tempdir().unwrap();
    let child = spawn(&shell(directory.path(), "exec sleep 600")).await.unwrap();
    let id = child.id();
    assert!(is_there(id));
    drop(child);
    assert!(!is_there(id));
}

#[tokio::test]
async fn a_child_does_not_see_the_parents_environment() {
    let directory = tempfile::tempdir().unwrap();
    assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some());
    let child = spawn(&shell(directory.path(), "echo [$CARGO_MANIFEST_DIR]")).await.unwrap();
    child.exited().await;
    assert_eq!(std::fs::read_to_string(directory.path().join("log")).unwrap(), "[]\n");
}

#[tokio::test]
async fn a_child_is_in_a_process_group_of_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let child = spawn(&shell(directory.path(), "cut -d' ' -f5 /proc/$$/stat; exec sleep 600")).await.unwrap();
    log_has(directory.path(), "\n").await;
    let group = std::fs::read_to_string(directory.path().join("log")).unwrap();
    assert_eq!(group.trim(), child.id().to_string());
}

#[tokio::test]
async fn a_program_that_is_not_there_ends_and_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let launch = Launch { program: "/nowhere/at/all".into(), ..shell(directory.path(), "") };
    let child = spawn(&launch).await.unwrap();
    assert!(!child.exited().await.unwrap().success());
    assert!(std::fs::read_to_string(directory.path().join("log")).unwrap().contains("/nowhere/at/all"));
}
