//! A command in the bytes that its fingerprint is made of: what is done, to what, and the request as it was sent. A
//! command that comes again under the same id must be the same one, so nothing that was generated here is among
//! them.

use events::parts;
use serde::Serialize;

/// `operation` and `ids` stay the same for ever, as do the request's members.
pub fn canonical(
    operation: &str,
    ids: &[String],
    request: &impl Serialize,
) -> Result<Vec<u8>, serde_json::Error> {
    // By way of a value, whose members are sorted.
    let mut value = serde_json::to_value(request)?;
    value.sort_all_objects();
    let (first, last) = ([operation.as_bytes()], value.to_string());
    let ids = ids.iter().map(String::as_bytes);
    Ok(parts::joined(first.into_iter().chain(ids).chain([last.as_bytes()])))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fingerprints in the log are compared with these bytes.
    #[test]
    fn it_is_the_operation_the_ids_and_the_request_with_its_members_sorted() {
        let request = serde_json::json!({ "b": 1, "a": { "d": null, "c": [] } });
        let bytes = canonical("keys.rename", &["_".to_owned(), "k".to_owned()], &request).unwrap();
        let parts = ["keys.rename", "_", "k", r#"{"a":{"c":[],"d":null},"b":1}"#];
        assert_eq!(bytes, parts::joined(parts.map(str::as_bytes)));
    }
}
