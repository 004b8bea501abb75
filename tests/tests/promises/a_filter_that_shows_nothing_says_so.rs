//! Nothing on the screen is never taken for "nothing has happened": what can show nothing is refused, and what shows nothing
//! says so.

use keyledger_tests::spine::Spine;

use crate::the_command_line_speaks_the_api::Shell;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_the_log_and_of_the_api() {
    let spine = Spine::start().await;
    let shell = Shell::of(&spine);
    let reversed = ["--from", "2026-11-24T09:00:00Z", "--to", "2026-11-24T08:00:00Z"];
    for (args, code, said) in [
        (&["--key", "0190a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b"][..], 0, "nothing matched"),
        (&["--type", "key.isued"], 2, "of key there are key.issued"),
        (&reversed, 2, "--to"),
    ] {
        let ran = shell.run(&shell.events(&[&["replay"], args].concat())).await;
        assert_eq!((ran.code, ran.out.as_str()), (code, ""), "{}", ran.err);
        assert!(ran.err.contains(said), "{}", ran.err);
    }
    let ran = shell.run(&[&["events", "list"], &reversed[..]].concat()).await;
    assert!(ran.code == 1 && ran.err.contains("must come before"), "{}", ran.err);
}
