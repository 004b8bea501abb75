//! A record as a line of the log: text or JSON, as the process's other lines.

use std::fmt::{self, Write};
use std::time::Duration;

use events::Timestamp;
use serde::Serialize;

use super::Record;
use crate::config::LogFormat;
use crate::unseen;

/// Its target, by which `log.filter` lets it through.
pub const TARGET: &str = "access";

#[derive(Serialize)]
struct Line<'a> {
    timestamp: Timestamp,
    level: &'static str,
    target: &'static str,
    fields: Fields<'a>,
}

#[derive(Serialize)]
struct Fields<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    principal: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    organization: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    outcome: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<&'a str>,
    seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    upstream_seconds: Option<f64>,
    bytes_in: u64,
    bytes_out: u64,
    peer: String,
}

impl<'a> From<&'a Record> for Fields<'a> {
    fn from(record: &'a Record) -> Self {
        Self {
            request_id: record.request_id.to_str().ok(),
            principal: record.principal.as_ref().map(ToString::to_string),
            organization: record.organization.as_ref().map(|it| it.slug.as_str()),
            server: record.server_slug(),
            method: record.method.as_deref(),
            tool: record.tool.as_deref(),
            status: record.status,
            outcome: record.outcome,
            cause: record.cause.as_deref(),
            seconds: seconds(record.took),
            upstream_seconds: record.upstream.map(seconds),
            bytes_in: record.bytes_in,
            bytes_out: record.bytes_out,
            peer: record.peer.to_string(),
        }
    }
}

/// To the microsecond: more says nothing.
fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e6
}

/// Adds the record's line.
pub fn write(record: &Record, format: LogFormat, lines: &mut String) {
    match format {
        LogFormat::Json => {
            let line =
                Line { timestamp: record.at, level: "INFO", target: TARGET, fields: Fields::from(record) };
            lines.push_str(&unseen::escaped(&serde_json::to_string(&line).unwrap_or_default()));
        }
        // Writing into a String can't fail.
        LogFormat::Text => drop(text(record, lines)),
    }
    lines.push('\n');
}

fn text(record: &Record, lines: &mut String) -> fmt::Result {
    write!(lines, "{}  INFO {TARGET}:", record.at)?;
    word(lines, "request_id", record.request_id.to_str().ok())?;
    if let Some(principal) = &record.principal {
        write!(lines, " principal={principal}")?;
    }
    word(lines, "organization", record.organization.as_ref().map(|it| it.slug.as_str()))?;
    word(lines, "server", record.server_slug())?;
    word(lines, "method", record.method.as_deref())?;
    word(lines, "tool", record.tool.as_deref())?;
    if let Some(status) = record.status {
        write!(lines, " status={status}")?;
    }
    write!(lines, " outcome={}", record.outcome)?;
    word(lines, "cause", record.cause.as_deref())?;
    span(lines, "seconds", record.took)?;
    if let Some(upstream) = record.upstream {
        span(lines, "upstream_seconds", upstream)?;
    }
    let Record { bytes_in, bytes_out, peer, .. } = record;
    write!(lines, " bytes_in={bytes_in} bytes_out={bytes_out} peer={peer}")
}

/// A client's text ends no line and begins no field.
fn word(lines: &mut String, name: &str, value: Option<&str>) -> fmt::Result {
    match value {
        Some(value) if value.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"') => {
            lines.extend([" ", name, "=", value]);
            Ok(())
        }
        Some(value) => write!(lines, " {name}={value:?}"),
        None => Ok(()),
    }
}

/// To the microsecond.
fn span(lines: &mut String, name: &str, time: Duration) -> fmt::Result {
    write!(lines, " {name}={}.{:06}", time.as_secs(), time.subsec_micros())
}
