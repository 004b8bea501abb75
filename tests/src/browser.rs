//! Debian's Chromium, driven by the scripts under `tests/clients/browser/`: what a person sees of the pages.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::process::Command;

#[cfg(test)]
mod tests;

const WITHOUT: &str = "KEYLEDGER_TEST_WITHOUT_BROWSER";

/// Whether whoever runs the tests does without a browser.
pub fn is_left_out() -> bool {
    std::env::var_os(WITHOUT).is_some_and(|value| value == "1")
}

/// Runs a script to its end and answers what it printed. It fails when the script does, with all that it said.
pub async fn run(script: &str, arguments: &[&dyn AsRef<OsStr>]) -> String {
    let set_up = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .unwrap_or_else(|| panic!("{name} is not set: run ./test, which sets it up, or set {WITHOUT}=1"))
    };
    let folder = crate::clients::folder().join("browser");
    let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools/clients");
    let mut command = Command::new(set_up("KEYLEDGER_NODE"));
    command
        .arg(folder.join(script))
        .args(arguments.iter().map(|argument| argument.as_ref()))
        .env("KEYLEDGER_CHROMIUM", set_up("KEYLEDGER_CHROMIUM"))
        .env("KEYLEDGER_CLIENTS", installed)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = crate::poll::within(script, Duration::from_secs(100), command.output())
        .await
        .unwrap_or_else(|error| panic!("{script} can't be run: {error}"));
    let [stdout, stderr] =
        [&output.stdout, &output.stderr].map(|said| String::from_utf8_lossy(said).into_owned());
    assert!(output.status.success(), "{script} failed: {}\n{stdout}\n{stderr}", output.status);
    stdout
}

/// A person's way through pages (`walk.mjs`, which describes the plan and the answer).
pub async fn walk(plan: &Value) -> Value {
    let walked = run("walk.mjs", &[&plan.to_string()]).await;
    serde_json::from_str(&walked).unwrap_or_else(|error| panic!("{error}: {walked}"))
}
