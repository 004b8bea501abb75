//! Free text that clients send: bounded here, sealed before it becomes part of an event.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType, Type};
use utoipa::{PartialSchema, ToSchema};

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident: $min:literal to $max:literal, $what:literal, $description:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Debug, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <Cow<'de, str>>::deserialize(deserializer)?;
                check(&text, $min, $max, $what).map_err(serde::de::Error::custom)?;
                Ok(Self(text.into_owned()))
            }
        }

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                ObjectBuilder::new()
                    .schema_type(SchemaType::Type(Type::String))
                    .min_length(Some($min))
                    .max_length(Some($max))
                    .description(Some($description))
                    .into()
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                stringify!($name).into()
            }
        }
    )*};
}

texts! {
    /// What people call a thing.
    Name: 1 to 200, "a name", "1 to 200 characters, no control characters, no space at either end";
    /// Why somebody did it.
    Reason: 1 to 500, "a reason", "1 to 500 characters, no control characters, no space at either end";
    /// Where a person gets mail. It is compared with nothing.
    Email: 3 to 254, "an address", "3 to 254 characters, no control characters, no space at either end";
    /// Who a person is at an identity provider.
    Subject: 1 to 255, "a subject", "1 to 255 characters, no control characters, no space at either end";
    /// Which tenant of an identity provider.
    Tenant: 1 to 255, "a tenant", "1 to 255 characters, no control characters, no space at either end";
}

fn check(text: &str, min: usize, max: usize, what: &str) -> Result<(), String> {
    let count = text.chars().count();
    if !(min..=max).contains(&count) {
        return Err(format!("{what} has {min} to {max} characters; this one has {count}"));
    }
    if text.chars().any(char::is_control) {
        return Err(format!("{what} holds no control characters"));
    }
    if text.trim() != text {
        return Err(format!("{what} neither starts nor ends with a space"));
    }
    Ok(())
}

/// A request that gives a new name.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewName {
    pub name: Name,
}

/// A request that may give a reason.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GiveReason {
    /// Kept in the history, sealed.
    #[serde(default)]
    pub reason: Option<Reason>,
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn text_is_bounded_in_characters_and_holds_no_control_characters() {
        let parse = |text: &str| serde_json::from_value::<Name>(Value::String(text.to_owned()));
        assert!(parse("Ünïcode name").is_ok());
        assert!(parse(&"ü".repeat(200)).is_ok());
        assert!(parse(&"ü".repeat(201)).is_err());
        assert!(parse("").is_err());
        assert!(parse("a\nb").is_err());
        assert!(parse(" a").is_err());
    }
}
