//! Completion offers ids and slugs of the running installation, and nothing where it can't be asked.

use std::time::Duration;

use keyledger_tests::poll::{self, within};
use keyledger_tests::spine::Spine;

use crate::the_command_line_speaks_the_api::Shell;

const BOUND: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shell_is_offered_what_is_there() {
    let spine = Spine::start().await;
    let shell = Shell::of(&spine);
    let (acme, other) = (spine.organization("acme").await, spine.organization("other").await);
    let (key, foreign) = (spine.key(&acme, &["mcp:*"]).await, spine.key(&other, &["mcp:*"]).await);
    let offered = async |words: &[&str]| {
        let mut command = shell.command(&[&["--", "keyledger"], words].concat());
        command.env("COMPLETE", "bash").env("_CLAP_IFS", "\n");
        command.env("_CLAP_COMPLETE_INDEX", words.len().to_string());
        let output = within("what is offered", BOUND, command.output()).await.unwrap();
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let (keys, _) = poll::until("the keys are offered", BOUND, async || {
        match offered(&["keys", "show", "--organization", "acme", ""]).await {
            keys if keys.contains(&key.id) => Ok(keys),
            keys => Err(keys),
        }
    })
    .await;
    assert!(!keys.contains(&foreign.id), "{keys:?}");
    assert_eq!(offered(&["keys", "list", "--organization", "ac"]).await, ["acme"]);
    assert!(offered(&["keys", "re"]).await.contains(&"revoke".to_owned()));
    // Where nobody answers, nothing is offered.
    let nobody = ["keys", "show", "--api", "http://127.0.0.1:1", "--organization", "acme", "0"];
    assert_eq!(offered(&nobody).await, Vec::<String>::new());
}
