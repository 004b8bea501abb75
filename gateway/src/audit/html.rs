//! The report as one page that a browser shows and prints: no script, nothing that is fetched.

use std::fmt::Write;

use super::{Happened, Report};

const STYLE: &str = "body{font:14px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;color:#1a1a1a}\
     h1{font-size:1.5rem}h2{font-size:1.1rem;margin-top:2rem}table{border-collapse:collapse;width:100%}\
     th,td{text-align:left;vertical-align:top;padding:.3rem .6rem;border-bottom:1px solid #ddd;overflow-wrap:anywhere}\
     th{border-bottom:2px solid #888}.good{color:#0a6b2d}.bad{color:#a40000}code{font-size:.85em;color:#555}\
     @media print{body{margin:0;max-width:none;font-size:10px}tr{break-inside:avoid}thead{display:table-header-group}}";

pub fn write(report: &Report) -> String {
    let mut page = String::new();
    let title = match &report.organization {
        Some(slug) => format!("Audit report: {slug}"),
        None => "Audit report".to_owned(),
    };
    let _ = write!(
        page,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\
         <title>{0}</title><style>{STYLE}</style></head><body><h1>{0}</h1>\
         <p>{1} to {2} (excluded), by the log's clock. Made {3} from log <code>{4}</code>.</p>",
        escaped(&title),
        report.period.from,
        report.period.to,
        report.made_at,
        report.log
    );
    verification(&mut page, report);
    administrators(&mut page, report);
    keys_made(&mut page, report);
    events(&mut page, "Keys that were ended", &report.keys_ended);
    events(&mut page, "Recoveries, restored logs and signing keys", &report.turning_points);
    events(&mut page, "Everything else", &report.changes);
    page.push_str("</body></html>\n");
    page
}

fn verification(page: &mut String, report: &Report) {
    let it = &report.verification;
    let (class, said) = match it.good {
        true => ("good", "whole and true".to_owned()),
        false => ("bad", format!("{} findings", it.findings)),
    };
    let _ = write!(
        page,
        "<h2>The log</h2><p class=\"{class}\">{said}: {} messages were checked, up to sequence {}.</p>",
        it.messages, it.last_sequence
    );
    match &it.checkpoint {
        Some(agreed) => {
            let _ = write!(
                page,
                "<p>It is the log of the signed checkpoint of {} messages that {} holds.</p>",
                agreed.size,
                escaped(&agreed.place)
            );
        }
        None => page.push_str(
            "<p>No checkpoint that it agrees with is known: nothing but its own words vouches for it.</p>",
        ),
    }
    if !it.first.is_empty() {
        page.push_str("<ul>");
        for finding in &it.first {
            let _ = write!(page, "<li>{}</li>", escaped(finding));
        }
        page.push_str("</ul>");
    }
}

fn administrators(page: &mut String, report: &Report) {
    let rows = report.administrators.iter().map(|admin| {
        let worked = admin.worked.iter().map(|(from, until)| match until {
            Some(until) => format!("{from} to {until}"),
            None => format!("{from} to beyond the end"),
        });
        vec![
            named(admin.name.as_deref(), &admin.key.to_string()),
            escaped(admin.organization.as_deref().unwrap_or("the installation")),
            escaped(&admin.scopes.join(" ")),
            worked.collect::<Vec<_>>().join("<br>"),
            admin.issued_at.to_string(),
            named(admin.issued_by.name.as_deref(), &admin.issued_by.actor),
        ]
    });
    table(page, "Who could administer", &["Key", "Of", "Scopes", "Within the period", "Issued", "By"], rows);
}

fn keys_made(page: &mut String, report: &Report) {
    let rows = report.keys_made.iter().map(|made| {
        vec![
            made.happened.at.to_string(),
            named(made.happened.name.as_deref(), &made.happened.about),
            escaped(made.happened.organization.as_deref().unwrap_or("the installation")),
            escaped(&made.scopes.join(" ")),
            made.expires_at.map_or_else(|| "never".to_owned(), |at| at.to_string()),
            named(made.happened.by.name.as_deref(), &made.happened.by.actor),
        ]
    });
    table(page, "Keys that were made", &["When", "Key", "Of", "Scopes", "Expires", "By"], rows);
}

fn events(page: &mut String, title: &str, events: &[Happened]) {
    let rows = events.iter().map(|it| {
        vec![
            it.at.to_string(),
            escaped(&it.kind),
            named(it.name.as_deref(), &it.about),
            escaped(it.organization.as_deref().unwrap_or("the installation")),
            escaped(it.change.as_deref().unwrap_or_default()),
            escaped(it.reason.as_deref().unwrap_or_default()),
            named(it.by.name.as_deref(), &it.by.actor),
        ]
    });
    table(page, title, &["When", "What", "About", "Of", "Change", "Reason", "By"], rows);
}

/// `rows`: cells of HTML.
fn table(page: &mut String, title: &str, heads: &[&str], rows: impl ExactSizeIterator<Item = Vec<String>>) {
    let _ = write!(page, "<h2>{title} ({})</h2>", rows.len());
    if rows.len() == 0 {
        page.push_str("<p>None.</p>");
        return;
    }
    page.push_str("<table><thead><tr>");
    heads.iter().for_each(|head| {
        let _ = write!(page, "<th>{head}</th>");
    });
    page.push_str("</tr></thead><tbody>");
    for row in rows {
        page.push_str("<tr>");
        row.iter().for_each(|cell| {
            let _ = write!(page, "<td>{cell}</td>");
        });
        page.push_str("</tr>");
    }
    page.push_str("</tbody></table>");
}

fn named(name: Option<&str>, id: &str) -> String {
    match name {
        Some(name) => format!("{}<br><code>{}</code>", escaped(name), escaped(id)),
        None => format!("<code>{}</code>", escaped(id)),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}
