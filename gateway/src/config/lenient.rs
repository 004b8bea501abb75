//! Numbers and lists as a TOML file writes them, or as text from the environment and flags.

use std::fmt::Display;
use std::str::FromStr;

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error, IntoDeserializer};
use toml::Value;

/// A whole number, or its decimal text.
pub(super) fn number<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: TryFrom<i64> + FromStr<Err: Display>,
{
    let wrong = |what: &dyn Display| D::Error::custom(format!("{what} is not a whole number, such as 100"));
    match Value::deserialize(deserializer)? {
        Value::Integer(number) => T::try_from(number).map_err(|_| wrong(&number)),
        Value::String(text) => text.parse().map_err(|_| wrong(&format!("`{text}`"))),
        other @ (Value::Float(_)
        | Value::Boolean(_)
        | Value::Datetime(_)
        | Value::Array(_)
        | Value::Table(_)) => Err(wrong(&other)),
    }
}

/// True or false, or its text.
pub(super) fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Boolean(flag) => Ok(flag),
        Value::String(text) if text == "true" => Ok(true),
        Value::String(text) if text == "false" => Ok(false),
        other @ (Value::String(_)
        | Value::Integer(_)
        | Value::Float(_)
        | Value::Datetime(_)
        | Value::Array(_)
        | Value::Table(_)) => Err(D::Error::custom(format!("{other} is neither true nor false"))),
    }
}

/// The same, where not to say is an answer as well.
pub(super) fn choice<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    flag(deserializer).map(Some)
}

/// A list of whole numbers, or comma-separated text.
pub(super) fn numbers<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: TryFrom<i64> + FromStr<Err: Display>,
{
    let items: Vec<Value> = list(deserializer)?;
    let of = |item: Value| number(item).map_err(|error| D::Error::custom(error.to_string().trim()));
    items.into_iter().map(of).collect()
}

/// The same of what may be left out: a list of none would read as all of them.
pub(super) fn some<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    let items = list(deserializer)?;
    if items.is_empty() {
        Err(D::Error::custom("it names none: leave it out for all of them"))
    } else {
        Ok(items)
    }
}

/// A list, or comma-separated text.
pub(super) fn list<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    let items = match Value::deserialize(deserializer)? {
        Value::Array(items) => items,
        Value::String(text) => text
            .split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty())
            .map(|item| Value::String(item.to_owned()))
            .collect(),
        other @ (Value::Integer(_)
        | Value::Float(_)
        | Value::Boolean(_)
        | Value::Datetime(_)
        | Value::Table(_)) => return Err(D::Error::custom(format!("{other} is not a list"))),
    };
    items
        .into_iter()
        .map(|item| {
            T::deserialize(item.into_deserializer())
                .map_err(|error| D::Error::custom(error.to_string().trim()))
        })
        .collect()
}
