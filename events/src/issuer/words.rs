//! Lists that are sets: in order and each once, so that the same choice is the same text.

/// At most `max` of them, in order and each once. `None`: there are more.
pub(super) fn set<T: Ord>(mut items: Vec<T>, max: usize) -> Option<Vec<T>> {
    if items.len() > max {
        return None;
    }
    items.sort_unstable();
    items.dedup();
    Some(items)
}

/// Printable ASCII without spaces, 1 to `max` bytes.
pub(super) fn is_word(text: &str, max: usize) -> bool {
    (1..=max).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The same as a schema's pattern.
pub(super) const WORD: &str = "^[!-~]+$";

/// A type that is its text, checked once.
macro_rules! text_type {
    ($(#[$doc:meta])* $type:ident, $error:ident($problem:literal), |$text:ident| $good:expr, {
        $($keyword:literal: $value:expr),* $(,)?
    }) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub struct $type(Box<str>);

        /// The text is none.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
        #[error($problem)]
        pub struct $error;

        impl $type {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $type {
            type Err = $error;

            fn from_str($text: &str) -> Result<Self, $error> {
                if $good { Ok(Self($text.into())) } else { Err($error) }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        crate::token::text_serde!($type, stringify!($type), $problem, { $($keyword: $value),* });
    };
}
pub(super) use text_type;

/// A list of so many that is a set.
macro_rules! set_type {
    ($(#[$doc:meta])* $type:ident of $item:ty as $list:literal, $bounds:expr, $error:ident($problem:literal)) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, Debug, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        #[serde(try_from = $list)]
        #[schemars(extend("minItems" = $bounds.start(), "maxItems" = $bounds.end()))]
        pub struct $type(Vec<$item>);

        /// There are too few, or too many.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
        #[error($problem)]
        pub struct $error;

        impl $type {
            pub fn iter(&self) -> impl Iterator<Item = &$item> {
                self.0.iter()
            }

            pub fn contains(&self, item: &$item) -> bool {
                self.0.contains(item)
            }

            pub fn len(&self) -> usize {
                self.0.len()
            }

            pub fn is_empty(&self) -> bool {
                self.0.is_empty()
            }
        }

        impl TryFrom<Vec<$item>> for $type {
            type Error = $error;

            fn try_from(items: Vec<$item>) -> Result<Self, $error> {
                let given = items.len();
                let items = crate::issuer::words::set(items, *$bounds.end());
                items.filter(|_| given >= *$bounds.start()).map(Self).ok_or($error)
            }
        }
    };
}
pub(super) use set_type;
