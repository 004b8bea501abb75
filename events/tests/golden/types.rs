//! The events as types of TypeScript and of Python, made of the schemas: one of each version, and their union, which
//! `type` and `schemaversion` tell apart.

use std::fmt::Write;
use std::path::PathBuf;

use serde_json::{Map, Value};

use crate::schemas::{Kind, envelope_schema};

/// What each event has of its own; the rest is the envelope's.
const OWN: [&str; 5] = ["type", "schemaversion", "dataschema", "aggregatetype", "data"];

pub fn made() -> Vec<(PathBuf, String)> {
    vec![
        ("types/typescript/src/index.ts".into(), typescript()),
        ("types/python/keyledger_events/__init__.py".into(), python()),
    ]
}

/// Every type that the schemas name, each once.
fn named() -> Map<String, Value> {
    let mut all = Map::new();
    for schema in Kind::all().into_iter().map(|it| it.schema).chain([envelope_schema()]) {
        for (name, shape) in schema["$defs"].as_object().into_iter().flatten() {
            let before = all.insert(name.clone(), shape.clone());
            assert!(before.is_none_or(|before| before == *shape), "two types are named {name}");
        }
    }
    all
}

/// `key.expiry_changed`, 1 -> `KeyExpiryChangedV1`.
fn event_name(it: &Kind) -> String {
    let camel: String = it.kind.split(['.', '_']).map(capital).collect();
    format!("{camel}V{}", it.version)
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn members(schema: &Value) -> impl Iterator<Item = (&String, &Value, bool)> {
    let required = schema["required"].as_array().map(Vec::as_slice).unwrap_or_default();
    let properties = schema["properties"].as_object().into_iter().flatten();
    properties.map(|(name, shape)| (name, shape, required.iter().any(|it| it == name)))
}

/// The choices of a shape that is one of several.
fn choices(shape: &Value) -> Option<&Vec<Value>> {
    // A list says by `anyOf` what its items have in common.
    if shape["type"] == "array" {
        return None;
    }
    shape["oneOf"].as_array().or_else(|| shape["anyOf"].as_array())
}

fn reference(shape: &Value) -> Option<&str> {
    shape["$ref"].as_str()?.strip_prefix("#/$defs/")
}

fn typescript() -> String {
    let mut text = String::from(
        "// Generated from the schemas by `just golden`: not edited by hand.\n\
         // Ignore members that you do not know. An event of a type or version that is not here is a true event.\n",
    );
    for (name, shape) in named() {
        comment(&mut text, &shape);
        if shape["type"] == "object" {
            let _ = writeln!(text, "export interface {name} {}", ts_object(&shape));
        } else {
            let _ = writeln!(text, "export type {name} = {};", ts(&shape));
        }
    }
    text.push_str("\n/** What every event has. */\nexport interface Envelope {\n");
    let envelope = envelope_schema();
    for (name, shape, required) in members(&envelope).filter(|(name, ..)| !OWN.contains(&name.as_str())) {
        let _ = writeln!(text, "  {name}{}: {};", if required { "" } else { "?" }, ts(shape));
    }
    text.push_str("}\n");
    let kinds = Kind::all();
    for it in &kinds {
        let name = event_name(it);
        let _ = writeln!(text, "\n/** `{}` version {}: {} */", it.kind, it.version, it.said());
        let _ = writeln!(
            text,
            "export interface {name} extends Envelope {{\n  type: {:?};\n  schemaversion: {};\n  dataschema: {};\n  \
             aggregatetype: {:?};\n  data: {};\n}}",
            it.kind,
            it.version,
            it.schema["$id"],
            it.aggregate_type(),
            ts_object(&it.schema).replace('\n', "\n  ")
        );
    }
    let names: Vec<_> = kinds.iter().map(event_name).collect();
    let _ = writeln!(text, "\nexport type Event =\n  | {};", names.join("\n  | "));
    let known: Vec<_> = kinds.iter().map(|it| format!("  \"{}:{}\",", it.kind, it.version)).collect();
    let _ = writeln!(text, "\nconst known: ReadonlySet<string> = new Set([\n{}\n]);", known.join("\n"));
    text.push_str(
        "\n/** Whether this is an event of a type and version that these types know. */\n\
         export function isKnown(event: { type: string; schemaversion: number }): event is Event {\n  \
         return known.has(`${event.type}:${event.schemaversion}`);\n}\n",
    );
    text
}

fn comment(text: &mut String, shape: &Value) {
    text.push('\n');
    if let Some(said) = shape["description"].as_str() {
        let _ = writeln!(text, "/** {} */", said.replace('\n', " "));
    }
}

fn ts(shape: &Value) -> String {
    if let Some(name) = reference(shape) {
        return name.to_owned();
    }
    if let Some(value) = shape.get("const") {
        return value.to_string();
    }
    if let Some(values) = shape["enum"].as_array() {
        return values.iter().map(ToString::to_string).collect::<Vec<_>>().join(" | ");
    }
    if let Some(choices) = choices(shape) {
        return choices.iter().map(ts).collect::<Vec<_>>().join(" | ");
    }
    if let Some(types) = shape["type"].as_array() {
        return types.iter().map(|of| ts_primitive(of, shape)).collect::<Vec<_>>().join(" | ");
    }
    ts_primitive(&shape["type"], shape)
}

fn ts_primitive(of: &Value, shape: &Value) -> String {
    match of.as_str() {
        Some("string") => "string".to_owned(),
        Some("integer" | "number") => "number".to_owned(),
        Some("boolean") => "boolean".to_owned(),
        Some("null") => "null".to_owned(),
        Some("array") => format!("Array<{}>", ts(&shape["items"])),
        Some("object") => ts_object(shape),
        _ => "unknown".to_owned(),
    }
}

fn ts_object(shape: &Value) -> String {
    let mut text = String::from("{");
    for (name, of, required) in members(shape) {
        let _ = write!(text, "\n  {name}{}: {};", if required { "" } else { "?" }, ts(of));
    }
    if text.len() == 1 {
        return "{ [member: string]: unknown }".to_owned();
    }
    text.push_str("\n}");
    text
}

fn python() -> String {
    let mut text = String::from(
        "\"\"\"Keyledger's events, generated from the schemas by `just golden`: not edited by hand.\n\n\
         Ignore members that you do not know. An event of a type or version that is not here is a true event.\n\"\"\"\n\n\
         from collections.abc import Mapping\n\
         from typing import Any, Literal, NotRequired, TypeAlias, TypedDict, TypeGuard, Union\n",
    );
    let named = named();
    for (name, shape) in in_order(named.iter().collect()) {
        if !holds_objects(shape) {
            let _ = writeln!(text, "\n{}{name}: TypeAlias = {}", said(shape), py(shape));
        } else if let Some(choices) = choices(shape) {
            let variants: Vec<_> = choices.iter().map(|choice| (variant(name, choice), choice)).collect();
            for (variant, choice) in &variants {
                py_class(&mut text, variant, "TypedDict", choice, &[]);
            }
            let names: Vec<_> = variants.into_iter().map(|(variant, _)| variant).collect();
            let _ = writeln!(text, "\n\n{name}: TypeAlias = Union[{}]", names.join(", "));
        } else {
            py_class(&mut text, name, "TypedDict", shape, &[]);
        }
    }
    py_class(&mut text, "Envelope", "TypedDict", &envelope_schema(), &OWN);
    let kinds = Kind::all();
    for it in &kinds {
        let name = event_name(it);
        py_class(&mut text, &format!("{name}Data"), "TypedDict", &it.schema, &[]);
        let _ = writeln!(
            text,
            "\n\nclass {name}(Envelope):\n    type: Literal[{:?}]\n    schemaversion: Literal[{}]\n    \
             dataschema: Literal[{}]\n    aggregatetype: Literal[{:?}]\n    data: {name}Data",
            it.kind,
            it.version,
            it.schema["$id"],
            it.aggregate_type()
        );
    }
    let names: Vec<_> = kinds.iter().map(event_name).collect();
    let _ = writeln!(text, "\n\nEvent: TypeAlias = Union[\n    {},\n]", names.join(",\n    "));
    let known: Vec<_> = kinds.iter().map(|it| format!("    ({:?}, {}),", it.kind, it.version)).collect();
    let _ = writeln!(text, "\n_KNOWN = frozenset([\n{}\n])", known.join("\n"));
    text.push_str(
        "\n\ndef is_known(event: Mapping[str, Any]) -> TypeGuard[Event]:\n    \
         \"\"\"Whether this is an event of a type and version that these types know.\"\"\"\n    \
         return (event.get(\"type\"), event.get(\"schemaversion\")) in _KNOWN\n",
    );
    text
}

fn said(shape: &Value) -> String {
    shape["description"].as_str().map_or_else(String::new, |said| format!("# {}\n", said.replace('\n', " ")))
}

fn holds_objects(shape: &Value) -> bool {
    shape["type"] == "object" || choices(shape).is_some_and(|all| all.iter().any(|it| it["type"] == "object"))
}

/// Each after those that it names.
fn in_order<'a>(mut left: Vec<(&'a String, &'a Value)>) -> Vec<(&'a String, &'a Value)> {
    let mut ordered = Vec::new();
    while !left.is_empty() {
        let names: Vec<_> = left.iter().map(|(name, _)| format!("\"#/$defs/{name}\"")).collect();
        let (ready, waiting): (Vec<_>, Vec<_>) = left
            .into_iter()
            .partition(|(_, shape)| !names.iter().any(|name| shape.to_string().contains(name)));
        assert!(!ready.is_empty(), "types name each other: {waiting:?}");
        ordered.extend(ready);
        left = waiting;
    }
    ordered
}

/// A choice is named for its own `kind`.
fn variant(name: &str, choice: &Value) -> String {
    let kind = choice["properties"]["kind"]["const"].as_str().expect("a choice has a kind");
    format!("{name}{}", kind.split('_').map(capital).collect::<String>())
}

fn py_class(text: &mut String, name: &str, base: &str, shape: &Value, without: &[&str]) {
    let _ = writeln!(text, "\n\nclass {name}({base}):");
    if let Some(said) = shape["description"].as_str().filter(|_| without.is_empty()) {
        let _ = writeln!(text, "    \"\"\"{}\"\"\"\n", said.replace('\n', " ").replace('\\', "\\\\"));
    }
    let mut any = false;
    for (member, of, required) in members(shape).filter(|(member, ..)| !without.contains(&member.as_str())) {
        any = true;
        let of = py(of);
        let of = if required { of } else { format!("NotRequired[{of}]") };
        let _ = writeln!(text, "    {member}: {of}");
    }
    if !any {
        text.push_str("    pass\n");
    }
}

fn py(shape: &Value) -> String {
    if let Some(name) = reference(shape) {
        return name.to_owned();
    }
    if let Some(value) = shape.get("const") {
        return format!("Literal[{value}]");
    }
    if let Some(values) = shape["enum"].as_array() {
        let values: Vec<_> = values.iter().map(ToString::to_string).collect();
        return format!("Literal[{}]", values.join(", "));
    }
    if let Some(choices) = choices(shape) {
        return format!("Union[{}]", choices.iter().map(py).collect::<Vec<_>>().join(", "));
    }
    if let Some(types) = shape["type"].as_array() {
        let types: Vec<_> = types.iter().map(|of| py_primitive(of, shape)).collect();
        return format!("Union[{}]", types.join(", "));
    }
    py_primitive(&shape["type"], shape)
}

fn py_primitive(of: &Value, shape: &Value) -> String {
    match of.as_str() {
        Some("string") => "str".to_owned(),
        Some("integer") => "int".to_owned(),
        Some("number") => "float".to_owned(),
        Some("boolean") => "bool".to_owned(),
        Some("null") => "None".to_owned(),
        Some("array") => format!("list[{}]", py(&shape["items"])),
        Some("object") => panic!("an object without a name: give it a type of its own"),
        _ => "Any".to_owned(),
    }
}
