//! A key's metadata: a JSON object of the client's own. It is taken only if every place that holds it gives it back
//! as it was: the sealed text, PostgreSQL's `jsonb`, and programs that read JSON numbers as doubles.

use std::borrow::Cow;

use events::members::Members;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Number, Value};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{AdditionalProperties, ObjectBuilder, Schema, SchemaType, Type};
use utoipa::{PartialSchema, ToSchema};

#[cfg(test)]
mod tests;

/// At most [`Metadata::MAX_BYTES`] when written without spaces, and [`Metadata::MAX_DEPTH`] deep. Its members are kept
/// sorted, so that the same object always has the same bytes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(transparent)]
pub struct Metadata(Map<String, Value>);

/// Why a part of it is not taken.
type Refused = Cow<'static, str>;

impl Metadata {
    pub const MAX_BYTES: usize = 4_096;
    /// Objects and arrays within one another, itself included.
    pub const MAX_DEPTH: usize = 64;

    /// The object as it is sealed.
    pub fn to_text(&self) -> String {
        self.as_value().to_string()
    }

    pub fn as_value(&self) -> Value {
        Value::Object(self.0.clone())
    }

    fn read(text: &str) -> Result<Self, Refused> {
        let Value::Object(mut members) = value(text, Self::MAX_DEPTH)? else {
            return Err("metadata is a JSON object, such as {\"team\":\"docs\"}".into());
        };
        members.sort_keys();
        members.values_mut().for_each(Value::sort_all_objects);
        let metadata = Self(members);
        let (bytes, most) = (metadata.to_text().len(), Self::MAX_BYTES);
        if bytes > most {
            return Err(format!("metadata holds at most {most} bytes; these are {bytes}").into());
        }
        Ok(metadata)
    }
}

impl<'de> Deserialize<'de> for Metadata {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // As text: a number's digits are gone once it is a double.
        let text = Box::<RawValue>::deserialize(deserializer)?;
        Self::read(text.get()).map_err(D::Error::custom)
    }
}

/// A value with at most so many objects and arrays within one another.
fn value(text: &str, depth: usize) -> Result<Value, Refused> {
    let deeper = || {
        let deepest = Metadata::MAX_DEPTH;
        depth
            .checked_sub(1)
            .ok_or_else(|| Refused::from(format!("metadata is nested at most {deepest} deep")))
    };
    Ok(match text.bytes().next() {
        Some(b'{') => {
            let depth = deeper()?;
            let mut members = Map::new();
            for (name, text) in parsed::<Members<'_>>(text)?.0 {
                let value = value(text.get(), depth)?;
                if members.insert(named(name.clone())?, value).is_some() {
                    let name: String = name.chars().take(80).collect();
                    return Err(format!("`{name}` stands twice in one object").into());
                }
            }
            Value::Object(members)
        }
        Some(b'[') => {
            let depth = deeper()?;
            let items: Vec<&RawValue> = parsed(text)?;
            Value::Array(items.into_iter().map(|item| value(item.get(), depth)).collect::<Result<_, _>>()?)
        }
        Some(b'"') => Value::String(kept(parsed(text)?)?),
        Some(b'-' | b'0'..=b'9') => Value::Number(number(text)?),
        _ => parsed(text)?,
    })
}

fn parsed<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, Refused> {
    serde_json::from_str(text).map_err(|error| error.to_string().into())
}

/// serde_json gives members of such names a meaning of its own, so that another value would be read.
const TAKEN: &str = "$serde_json::private::";

fn named(name: String) -> Result<String, Refused> {
    if name.starts_with(TAKEN) {
        return Err(format!("no member of metadata is named `{TAKEN}…`").into());
    }
    kept(name)
}

/// PostgreSQL holds no NUL in a text.
fn kept(text: String) -> Result<String, Refused> {
    if text.contains('\0') { Err("metadata holds no NUL (\\u0000)".into()) } else { Ok(text) }
}

/// A number whose value is the same as an integer of 64 bits, or as the double that it is read as.
fn number(text: &str) -> Result<Number, Refused> {
    let shown: String = text.chars().take(40).collect();
    if !text.contains(['.', 'e', 'E']) {
        if text == "-0" {
            return Err("-0 would come back as 0: write 0".into());
        }
        let whole = text.parse::<u64>().map(Number::from).or_else(|_| text.parse::<i64>().map(Number::from));
        return whole.map_err(|_| format!("{shown} does not fit into 64 bits: write it as a text").into());
    }
    let same = || {
        let double: f64 = text.parse().ok()?;
        let number = Number::from_f64(double)?;
        let kept = Decimal::of(text)?;
        (kept == Decimal::of(&number.to_string())? && !(kept.digits.is_empty() && kept.negative))
            .then_some(number)
    };
    same().ok_or_else(|| {
        format!("{shown} would come back as another number (a double of 64 bits): write it as a text").into()
    })
}

/// A decimal number as its digits, without zeros at either end, and the power of ten of the last one.
#[derive(PartialEq, Eq)]
struct Decimal {
    negative: bool,
    digits: String,
    exponent: i64,
}

impl Decimal {
    fn of(text: &str) -> Option<Self> {
        let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = format!("{whole}{part}");
        let last = digits.trim_end_matches('0');
        let cut = i64::try_from(digits.len() - last.len()).ok()?;
        let exponent = exponent.parse::<i64>().ok()?.checked_sub(i64::try_from(part.len()).ok()?)?;
        let digits = last.trim_start_matches('0').to_owned();
        // Zero has no digits, and one form.
        let exponent = if digits.is_empty() { 0 } else { exponent.checked_add(cut)? };
        Some(Self { negative, digits, exponent })
    }
}

impl PartialSchema for Metadata {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(SchemaType::Type(Type::Object))
            .description(Some(
                "a JSON object of the client's own, at most 4,096 bytes written without spaces and 64 deep. What would \
                 not come back as it was is refused: an integer beyond 64 bits, a number with more digits than a \
                 double holds, -0, a NUL, a member that stands twice, \
                 a name that begins with $serde_json::private::",
            ))
            .additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(true)))
            .into()
    }
}

impl ToSchema for Metadata {
    fn name() -> Cow<'static, str> {
        "Metadata".into()
    }
}
