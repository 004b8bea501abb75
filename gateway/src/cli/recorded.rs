//! Events as the history tells them.

use serde_json::{Map, Value};

use super::output::{Column, named, text};

pub const COLUMNS: &[Column] = &[
    Column { head: "TIME", cell: |item| text(item, "time") },
    Column { head: "EVENT", cell: |item| text(item, "type") },
    Column { head: "WHAT", cell: |item| named(item, "aggregate_id", "name") },
    Column { head: "WHO", cell: |item| named(item, "actor", "actor_name") },
    Column { head: "CHANGE", cell: change },
    Column { head: "TEXTS", cell: |item| text(item, "texts") },
];

/// Each member that was changed: what stood there, and what stands there since.
fn change(item: &Value) -> String {
    let member = |of: &str, name: &str| item.get(of).and_then(|members| members.get(name)).cloned();
    let before = item.get("before").and_then(Value::as_object).map(Map::iter);
    let changes = before.into_iter().flatten().map(|(name, before)| {
        let now = member("data", name).or_else(|| member("texts", name)).unwrap_or_default();
        format!("{name}: {before} -> {now}")
    });
    let changes = changes.collect::<Vec<_>>().join("; ");
    if changes.is_empty() { "-".to_owned() } else { changes }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_line_names_and_says_what_was_changed() {
        let item = json!({
            "aggregate_id": "1", "name": "ci", "actor": "key:2", "actor_name": null,
            "data": {"scopes": ["mcp:*"]}, "texts": {}, "before": {"scopes": ["mcp:docs"], "expires_at": null},
        });
        let cells: Vec<_> = COLUMNS.iter().skip(2).map(|column| (column.cell)(&item)).collect();
        assert_eq!(
            cells[..3],
            ["1 (ci)", "key:2", r#"expires_at: null -> null; scopes: ["mcp:docs"] -> ["mcp:*"]"#]
        );
    }
}
