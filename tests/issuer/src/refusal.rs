//! An OAuth error, with Entra ID's own code where it has one, and its faces: JSON, a page, a redirect.

use axum::Json;
use axum::response::{Html, IntoResponse, Response};
use http::StatusCode;
use serde_json::json;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// RFC 6749 §4.1.2.1 and §5.2.
    pub error: &'static str,
    /// `AADSTS…`
    pub code: Option<&'static str>,
    pub description: String,
}

impl Refusal {
    pub fn new(error: &'static str, description: impl Into<String>) -> Self {
        Self { error, code: None, description: description.into() }
    }

    pub fn entra(error: &'static str, code: &'static str, description: impl Into<String>) -> Self {
        Self { error, code: Some(code), description: description.into() }
    }

    pub fn request(description: impl Into<String>) -> Self {
        Self::new("invalid_request", description)
    }

    pub fn client(description: impl Into<String>) -> Self {
        Self::new("invalid_client", description)
    }

    pub fn grant(code: &'static str, description: impl Into<String>) -> Self {
        Self::entra("invalid_grant", code, description)
    }

    pub fn missing(parameter: &str) -> Self {
        let description = format!("The request body must contain the following parameter: '{parameter}'.");
        Self::entra("invalid_request", "AADSTS900144", description)
    }

    pub fn unknown_client(id: &str) -> Self {
        let description = format!("Application with identifier '{id}' was not found in the directory.");
        Self::entra("unauthorized_client", "AADSTS700016", description)
    }

    /// With the code in front, as Entra ID writes it.
    pub fn told(&self) -> String {
        match self.code {
            Some(code) => format!("{code}: {}", self.description),
            None => self.description.clone(),
        }
    }

    /// At the token endpoint: 401 where the client is not who it says (RFC 6749 §5.2).
    pub fn json(&self) -> Response {
        let unknown = matches!(self.error, "invalid_client" | "unauthorized_client");
        let status = if unknown { StatusCode::UNAUTHORIZED } else { StatusCode::BAD_REQUEST };
        let number = self.code.and_then(|code| code.strip_prefix("AADSTS")?.parse::<u64>().ok());
        let codes: Vec<u64> = number.into_iter().collect();
        let body = json!({"error": self.error, "error_description": self.told(), "error_codes": codes});
        (status, Json(body)).into_response()
    }

    /// Where it is not known whom to send back to.
    pub fn page(&self) -> Response {
        let told = escape(&self.told());
        let page = format!(
            "<!DOCTYPE html><html lang=en><title>Sign-in failed</title><h1>Sorry, but we’re having trouble \
             signing you in.</h1><p>{told}</p>"
        );
        (StatusCode::BAD_REQUEST, Html(page)).into_response()
    }
}

/// Text in HTML, in an element or in a quoted attribute.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}
