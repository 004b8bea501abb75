//! Events as the history tells them.

use super::output::{Column, text};

pub const COLUMNS: &[Column] = &[
    Column { head: "TIME", cell: |item| text(item, "time") },
    Column { head: "EVENT", cell: |item| text(item, "type") },
    Column { head: "WHAT", cell: |item| text(item, "aggregate_id") },
    Column { head: "WHO", cell: |item| text(item, "actor") },
    Column { head: "TEXTS", cell: |item| text(item, "texts") },
];
