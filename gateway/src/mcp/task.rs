//! Where messages name tasks: 2025-11-25, "Tasks", and the extension `io.modelcontextprotocol/tasks` of 2026-07-28.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::value::RawValue;

/// By this a client says, in each request from 2026-07-28 on, that it may be answered with a task.
pub const EXTENSION: &str = "io.modelcontextprotocol/tasks";
/// In `_meta`: the task that a message is about (2025-11-25).
pub const RELATED: &str = "io.modelcontextprotocol/related-task";

/// The message with other ids for its tasks; all else stays as it is, byte by byte. `None`: it names no task that
/// gets another.
pub fn renamed(message: &str, rename: impl Fn(&str) -> Option<String>) -> Option<String> {
    let mut renamed = String::new();
    let mut copied = 0;
    for id in ids(message)? {
        // Both lie in one text, the id's token within the message.
        let start = id.get().as_ptr().addr() - message.as_ptr().addr();
        let Some(other) = serde_json::from_str(id.get()).ok().and_then(|id: Cow<'_, str>| rename(&id)) else {
            continue;
        };
        renamed.push_str(message.get(copied..start)?);
        renamed.push_str(&serde_json::to_string(&other).ok()?);
        copied = start + id.get().len();
    }
    if copied == 0 {
        return None;
    }
    renamed.push_str(message.get(copied..)?);
    Some(renamed)
}

type Members<'a> = BTreeMap<Cow<'a, str>, &'a RawValue>;

/// The members that name tasks, in their order; `None`: there are none.
fn ids(message: &str) -> Option<Vec<&RawValue>> {
    // Most messages don't, and are not parsed.
    if !message.contains("taskId") {
        return None;
    }
    let message = members(message)?;
    let mut ids = Vec::new();
    for part in ["result", "params"].into_iter().filter_map(|part| message.get(part)) {
        let Some(part) = members(part.get()) else { continue };
        ids.extend(id(&part));
        ids.extend(within(&part, "task").as_ref().and_then(id));
        ids.extend(within(&part, "_meta").and_then(|meta| within(&meta, RELATED)).as_ref().and_then(id));
    }
    ids.sort_by_key(|id| id.get().as_ptr().addr());
    Some(ids)
}

fn id<'a>(task: &Members<'a>) -> Option<&'a RawValue> {
    task.get("taskId").copied()
}

fn within<'a>(object: &Members<'a>, member: &str) -> Option<Members<'a>> {
    members(object.get(member)?.get())
}

fn members(object: &str) -> Option<Members<'_>> {
    serde_json::from_str(object).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(message: &str) -> Option<String> {
        renamed(message, |id| (id != "other").then(|| format!("<{id}\">")))
    }

    #[test]
    fn every_id_of_a_task_is_found_and_nothing_else_is_touched() {
        for (message, expected) in [
            (
                r#"{"result": {"task":{"taskId":"a", "status":"working"}}}"#,
                r#"{"result": {"task":{"taskId":"<a\">", "status":"working"}}}"#,
            ),
            (
                r#"{"result":{"taskId" : "a","resultType":"task"},"id":1}"#,
                r#"{"result":{"taskId" : "<a\">","resultType":"task"},"id":1}"#,
            ),
            (
                r#"{"method":"tasks/get","params":{"taskId":"\u0061"}}"#,
                r#"{"method":"tasks/get","params":{"taskId":"<a\">"}}"#,
            ),
            (
                r#"{"params":{"_meta":{"io.modelcontextprotocol/related-task":{"taskId":"b"}},"taskId":"a"}}"#,
                r#"{"params":{"_meta":{"io.modelcontextprotocol/related-task":{"taskId":"<b\">"}},"taskId":"<a\">"}}"#,
            ),
        ] {
            assert_eq!(marked(message).as_deref(), Some(expected));
        }
        for message in [
            r#"{"result":{"structuredContent":{"taskId":"a"}}}"#,
            r#"{"result":{"content":[{"text":"taskId"}],"task":"a"}}"#,
            r#"{"result":{"taskId":7}}"#,
            r#"{"result":{"taskId":"other"}}"#,
            r#"{"taskId":"a"}"#,
            "[\"taskId\"]",
            "taskId",
            "",
        ] {
            assert_eq!(marked(message), None, "{message}");
        }
    }
}
