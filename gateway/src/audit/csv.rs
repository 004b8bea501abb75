//! The report as one table (RFC 4180): a row an event, and a row a stretch in which a key could administer.

use std::fmt::Write;

use super::{Happened, Report};

const HEAD: &str = "list,at,until,kind,by,by_name,organization,about,name,change,reason,sequence,event\r\n";

pub fn write(report: &Report) -> String {
    let mut table = HEAD.to_owned();
    for admin in &report.administrators {
        for (from, until) in &admin.worked {
            row(
                &mut table,
                &[
                    "could_administer",
                    &from.to_string(),
                    &until.map(|until| until.to_string()).unwrap_or_default(),
                    "",
                    &admin.issued_by.actor,
                    admin.issued_by.name.as_deref().unwrap_or_default(),
                    admin.organization.as_deref().unwrap_or_default(),
                    &format!("key {}", admin.key),
                    admin.name.as_deref().unwrap_or_default(),
                    &format!("scopes: {}", admin.scopes.join(" ")),
                    "",
                    "",
                    "",
                ],
            );
        }
    }
    for made in &report.keys_made {
        let mut happened = made.happened.clone();
        happened.change = Some(format!("scopes: {}", made.scopes.join(" ")));
        event(&mut table, "key_made", &happened);
    }
    let lists = [
        ("key_ended", &report.keys_ended),
        ("turning_point", &report.turning_points),
        ("change", &report.changes),
    ];
    for (list, events) in lists {
        events.iter().for_each(|it| event(&mut table, list, it));
    }
    table
}

fn event(table: &mut String, list: &str, it: &Happened) {
    row(
        table,
        &[
            list,
            &it.at.to_string(),
            "",
            &it.kind,
            &it.by.actor,
            it.by.name.as_deref().unwrap_or_default(),
            it.organization.as_deref().unwrap_or_default(),
            &it.about,
            it.name.as_deref().unwrap_or_default(),
            it.change.as_deref().unwrap_or_default(),
            it.reason.as_deref().unwrap_or_default(),
            &it.sequence.to_string(),
            &it.event,
        ],
    );
}

fn row(table: &mut String, cells: &[&str]) {
    for (at, cell) in cells.iter().enumerate() {
        let comma = if at > 0 { "," } else { "" };
        // A spreadsheet takes a cell that begins so for a formula.
        let guard = if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
        let _ = write!(table, "{comma}\"{guard}{}\"", cell.replace('"', "\"\""));
    }
    table.push_str("\r\n");
}
