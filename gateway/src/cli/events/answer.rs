//! Events as the admin API tells them, in the formats in which `events replay` writes what the log holds: with names, and
//! with what people wrote open, which is sealed in the log. It is not what was signed, byte for byte; that is `events replay`'s.

use clap::ValueEnum;
use events::{Owner, Position};
use serde_json::{Map, Value, json};

use super::line;
use crate::cli::error::CliError;
use crate::cli::output::Output;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// One JSON value a line, as the API tells the event: with names, and with texts open
    Jsonl,
    /// The table of `events replay`, with texts open in its `data`
    Csv,
    /// One CloudEvent a line, as webhooks are sent it: with texts open, and without the writer's signature
    Cloudevents,
    /// Of the log alone: `events replay --format parquet --output FILE`
    Parquet,
}

impl Format {
    /// What stands above all.
    pub fn begin(self, output: &mut Output) -> Result<(), CliError> {
        match self {
            Self::Jsonl | Self::Cloudevents => Ok(()),
            Self::Csv => output.exact_line(line::COLUMNS),
            Self::Parquet => Err(CliError::Usage(
                "--format parquet: it is written from the log alone, which the admin API does not hand out as it is stored: \
                 `keyledger events replay --format parquet --output FILE`, which runs as the auditor"
                    .to_owned(),
            )),
        }
    }

    pub fn write(self, event: &Value, output: &mut Output) -> Result<(), CliError> {
        match self {
            Self::Jsonl => output.json_line(event),
            Self::Csv => output.exact_line(&row(event)),
            Self::Cloudevents => match cloud_event(event) {
                Some(event) => output.json_line(&event),
                None => {
                    let id = event.get("id").unwrap_or_default();
                    output.note(format!("{id}: left out: the API did not tell its position"));
                    Ok(())
                }
            },
            Self::Parquet => self.begin(output),
        }
    }
}

/// As the log's subjects have it: an organization's own events are the installation's there.
fn owner(event: &Value) -> String {
    let is_own = event.get("aggregate_type").and_then(Value::as_str) == Some("organization");
    let organization = event.get("organization").and_then(Value::as_str).filter(|_| !is_own);
    organization.map_or_else(|| Owner::Installation.to_string(), str::to_owned)
}

/// What was decided, with the texts that stand for their tokens.
fn data(event: &Value) -> Value {
    let members = |of: &str| event.get(of).and_then(Value::as_object).cloned().unwrap_or_default();
    let mut data = members("data");
    data.extend(members("texts"));
    data.into()
}

fn row(event: &Value) -> String {
    line::row(|column| {
        let member = match column {
            "data" => return data(event).to_string(),
            "organization" => return owner(event),
            "schemaversion" => "schema_version",
            "aggregatetype" => "aggregate_type",
            "aggregateid" => "aggregate_id",
            "commandid" => "command",
            // The API has no event that can't be read.
            same => same,
        };
        line::cell(event.get(member))
    })
}

/// `None`: without its position nobody can tell of which log it is.
fn cloud_event(event: &Value) -> Option<Value> {
    let position: Position = event.get("position")?.as_str()?.parse().ok()?;
    let (log, owner) = (position.log, owner(event));
    let text = |member: &str| event.get(member).and_then(Value::as_str).unwrap_or_default();
    let subject = format!("kl.events.0.{owner}.{}.{}", text("aggregate_type"), text("aggregate_id"));
    let mut told: Map<String, Value> = [
        ("specversion", json!("1.0")),
        ("id", json!(event.get("id"))),
        ("source", json!(format!("urn:keyledger:log:{log}"))),
        ("type", json!(event.get("type"))),
        ("time", json!(event.get("time"))),
        ("subject", json!(subject)),
        ("datacontenttype", json!("application/json")),
        ("schemaversion", json!(event.get("schema_version"))),
        ("organization", json!(owner)),
        ("aggregatetype", json!(event.get("aggregate_type"))),
        ("aggregateid", json!(event.get("aggregate_id"))),
        ("previousid", json!(event.get("previous"))),
        ("actor", json!(event.get("actor"))),
        ("commandid", json!(event.get("command"))),
        ("causationid", json!(event.get("causation"))),
        // It sorts as text does.
        ("sequence", json!(format!("{:020}", position.sequence))),
        ("position", json!(position)),
        ("data", data(event)),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect();
    // An attribute that has no value is left out (CloudEvents JSON format §2.2).
    told.retain(|_, value| !value.is_null());
    Some(told.into())
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::Written;
    use super::*;

    const LOG: &str = "0190a1b2c3d47e5f8a6b7c8d9e0f1a2b";

    fn written(format: Format) -> (Result<(), CliError>, String) {
        let event = json!({
            "id": "0190a1b2-c3d4-7e5f-8a6b-000000000001", "type": "key.issued", "schema_version": 1,
            "time": "2026-11-24T08:00:00Z", "stored_at": "2026-11-24T08:00:00.5Z",
            "aggregate_type": "key", "aggregate_id": "k", "name": "ci", "organization": "o",
            "organization_slug": "acme", "actor": "system:bootstrap", "actor_name": null,
            "command": "c", "causation": null, "previous": null,
            "data": {"name": "sealed", "scopes": ["mcp:*"]}, "texts": {"name": "ci, the robot"}, "before": {},
            "sequence": 7, "position": format!("{LOG}-0-7"),
        });
        let out = Written::default();
        let mut output = Output::to(out.clone(), std::io::sink());
        let done = format.begin(&mut output).and_then(|()| format.write(&event, &mut output));
        (done, out.text())
    }

    #[test]
    fn each_format_tells_the_event_with_its_texts() {
        let (_, lines) = written(Format::Jsonl);
        assert_eq!(serde_json::from_str::<Value>(&lines).unwrap()["texts"]["name"], "ci, the robot");
        let (_, table) = written(Format::Csv);
        let expected = format!(
            "{}\n{LOG}-0-7,2026-11-24T08:00:00.5Z,2026-11-24T08:00:00Z,key.issued,1,o,key,k,system:bootstrap,c,\
             0190a1b2-c3d4-7e5f-8a6b-000000000001,\"{{\"\"name\"\":\"\"ci, the robot\"\",\"\"scopes\"\":[\"\"mcp:*\"\"]}}\",\n",
            line::COLUMNS
        );
        assert_eq!(table, expected);
        let (_, event) = written(Format::Cloudevents);
        let event: Value = serde_json::from_str(&event).unwrap();
        assert_eq!(event["subject"], "kl.events.0.o.key.k");
        assert_eq!(event["source"], "urn:keyledger:log:0190a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b");
        assert_eq!(event["sequence"], "00000000000000000007");
        assert_eq!(event["data"]["name"], "ci, the robot");
        assert_eq!(event.get("previousid"), None);
        let (refused, _) = written(Format::Parquet);
        assert!(refused.unwrap_err().to_string().contains("events replay --format parquet"));
    }
}
