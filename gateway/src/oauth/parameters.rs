//! Parameters of a request, from a query or a form (RFC 6749 §3.1, §3.2): each at most once, and one without a value is
//! as good as left out.

use std::collections::BTreeMap;

use percent_encoding::percent_decode;
use zeroize::Zeroizing;

/// Parameters by name. `Debug` shows no value: there are secrets among them.
#[derive(Default, Clone)]
pub struct Parameters(BTreeMap<String, Zeroizing<String>>);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParameterFault {
    #[error("the parameters are longer than {max} bytes")]
    TooLong { max: usize },
    #[error("there are more than {} parameters", Parameters::MOST)]
    TooMany,
    #[error("the parameter {0:?} is there more than once")]
    Repeated(String),
    #[error("the parameters are no UTF-8, or hold a control character")]
    Text,
}

impl Parameters {
    const MOST: usize = 64;
    /// A name that is shown in an error is cut there.
    const LONGEST_NAME: usize = 64;

    /// Reads application/x-www-form-urlencoded text.
    pub fn parse(text: &[u8], max: usize) -> Result<Self, ParameterFault> {
        if text.len() > max {
            return Err(ParameterFault::TooLong { max });
        }
        let mut parameters = BTreeMap::new();
        let mut count = 0;
        for pair in text.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            count += 1;
            if count > Self::MOST {
                return Err(ParameterFault::TooMany);
            }
            let at = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
            let name = decoded(pair.get(..at).unwrap_or_default())?;
            let value = decoded(pair.get(at + 1..).unwrap_or_default())?;
            let shown = name.chars().take(Self::LONGEST_NAME).collect();
            if parameters.insert(name.to_string(), value).is_some() {
                return Err(ParameterFault::Repeated(shown));
            }
        }
        parameters.retain(|_, value| !value.is_empty());
        Ok(Self(parameters))
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.as_str())
    }

    /// Of names and values that were parsed before.
    pub fn of(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name, Zeroizing::new(value))).collect())
    }

    /// All but these, in the order of their names.
    pub fn without(&self, names: &[&str]) -> Vec<(String, String)> {
        let others = self.0.iter().filter(|(name, _)| !names.contains(&name.as_str()));
        others.map(|(name, value)| (name.clone(), value.to_string())).collect()
    }
}

impl std::fmt::Debug for Parameters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

fn decoded(text: &[u8]) -> Result<Zeroizing<String>, ParameterFault> {
    let spaced: Zeroizing<Vec<u8>> =
        text.iter().map(|b| if *b == b'+' { b' ' } else { *b }).collect::<Vec<_>>().into();
    let decoded = percent_decode(&spaced).decode_utf8().map_err(|_| ParameterFault::Text)?;
    if decoded.contains(|c: char| c.is_control()) {
        return Err(ParameterFault::Text);
    }
    Ok(Zeroizing::new(decoded.into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Parameters, ParameterFault> {
        Parameters::parse(text.as_bytes(), 200)
    }

    #[test]
    fn a_parameter_stands_once_and_an_empty_one_is_none() {
        let parameters = parse("a=1&b=x+y%20z&c=&d&&e=%C3%A9").unwrap();
        let all = ["a", "b", "c", "d", "e"].map(|name| parameters.get(name));
        assert_eq!(all, [Some("1"), Some("x y z"), None, None, Some("é")]);
        assert_eq!(parse("a=1&b=2&a=1").unwrap_err(), ParameterFault::Repeated("a".to_owned()));
        assert_eq!(parse("a=&a=1").unwrap_err(), ParameterFault::Repeated("a".to_owned()));
        assert_eq!(parse("%61=1&a=1").unwrap_err(), ParameterFault::Repeated("a".to_owned()));
    }

    #[test]
    fn what_is_no_text_or_too_much_is_refused() {
        for text in ["a=%ff", "a=%00", "a=x%0d%0aSet-Cookie:y", "%0a=1"] {
            assert_eq!(parse(text).unwrap_err(), ParameterFault::Text, "{text}");
        }
        assert_eq!(parse(&"x".repeat(201)).unwrap_err(), ParameterFault::TooLong { max: 200 });
        let many: Vec<_> = (0..65).map(|n| format!("{n}")).collect();
        assert_eq!(parse(&many.join("&")).unwrap_err(), ParameterFault::TooMany);
    }

    #[test]
    fn no_value_is_shown() {
        assert_eq!(format!("{:?}", parse("code=secret").unwrap()), r#"{"code"}"#);
    }
}
