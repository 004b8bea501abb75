//! What people see: plain HTML that needs no script, works at 320 px, by keyboard and with a screen reader, and in an
//! embedded web view. Templates escape what they are given, and don't compile where they don't fit it (decision 0033).

use std::sync::LazyLock;

use askama::Template;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The style of all pages, which stands in each: nothing else is loaded.
pub const STYLE: &str = include_str!("../../templates/style.css");

/// What a Content-Security-Policy calls that style.
pub static STYLE_SOURCE: LazyLock<String> =
    LazyLock::new(|| format!("'sha256-{}'", STANDARD.encode(digest(&SHA256, STYLE.as_bytes()))));

/// Something went wrong, or is done.
#[derive(Template)]
#[template(path = "told.html")]
pub struct Told<'a> {
    pub title: &'a str,
    pub detail: &'a str,
    pub advice: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "sign_in.html")]
pub struct SignIn<'a> {
    /// `None`: for the account itself.
    pub asks: Option<Asks<'a>>,
    pub problem: Option<&'a str>,
    pub providers: Vec<Provider<'a>>,
    pub key_form: Option<KeyForm<'a>>,
}

/// Whose request it is.
pub struct Asks<'a> {
    pub client: &'a str,
    pub server: &'a str,
    pub organization: &'a str,
}

/// An issuer at which one may sign in.
pub struct Provider<'a> {
    pub name: &'a str,
    pub href: String,
}

pub struct KeyForm<'a> {
    pub request: &'a str,
    pub token: &'a str,
}

#[derive(Template)]
#[template(path = "consent.html")]
pub struct Consent<'a> {
    pub client: Claimed<'a>,
    pub redirect: Answers<'a>,
    pub server: &'a str,
    pub organization: &'a str,
    /// Who is signed in.
    pub holder: &'a str,
    pub scopes: Vec<String>,
    pub warnings: Vec<&'a str>,
    /// For how long.
    pub duration: &'a str,
    pub request: &'a str,
    pub token: &'a str,
    pub sign_out_token: &'a str,
}

/// Who is signed in may not allow what is asked for.
#[derive(Template)]
#[template(path = "no_right.html")]
pub struct NoRight<'a> {
    pub problem: &'a str,
    pub request: &'a str,
    pub sign_out_token: &'a str,
}

/// Who asks: what is proved first, then what it says of itself.
pub struct Claimed<'a> {
    pub host: &'a str,
    pub name: Option<&'a str>,
}

/// Where the answer goes.
pub struct Answers<'a> {
    pub host: &'a str,
    pub is_loopback: bool,
    pub address: &'a str,
}

#[derive(Template)]
#[template(path = "invitation.html")]
pub struct Invitation<'a> {
    pub holder: &'a str,
    pub token: &'a str,
}

#[derive(Template)]
#[template(path = "account.html")]
pub struct Account<'a> {
    pub holder: &'a str,
    pub is_person: bool,
    pub grants: Vec<Granted>,
    pub token: &'a str,
    pub sign_out_token: &'a str,
}

/// A grant of one's own.
pub struct Granted {
    pub id: String,
    pub client: String,
    /// What it calls itself.
    pub client_name: Option<String>,
    pub server: String,
    pub organization: String,
    pub organization_id: String,
    pub until: String,
}

/// A page's text. `None`: it could not be made, which nobody's input brings about.
pub fn render(page: &impl Template) -> Option<String> {
    page.render().inspect_err(|error| tracing::error!(%error, "a page can't be made")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn consent(name: &str, warnings: Vec<&'static str>) -> String {
        let page = Consent {
            client: Claimed { host: "a.example", name: Some(name) },
            redirect: Answers { host: "localhost", is_loopback: true, address: "http://localhost:1/cb" },
            server: "docs",
            organization: "acme",
            holder: "Ada",
            scopes: vec!["Everything that this server offers".to_owned()],
            warnings,
            duration: "For 90 days.",
            request: "r",
            token: "t",
            sign_out_token: "s",
        };
        render(&page).unwrap()
    }

    #[test]
    fn what_a_client_says_of_itself_is_no_markup() {
        let page = consent("<script>alert(1)</script>\"'&", vec![]);
        assert!(!page.contains("<script"), "{page}");
        assert!(page.contains("&#60;script&#62;"), "{page}");
    }

    #[test]
    fn the_proved_host_comes_before_the_claimed_name() {
        let page = consent("Claude", vec!["Careful."]);
        let at = |text: &str| page.find(text).unwrap_or_else(|| panic!("{text} is not in {page}"));
        assert!(at("a.example") < at("Claude"));
        assert!(at("http://localhost:1/cb") < at("<button"));
        assert!(at("Careful.") < at("<button"));
    }

    #[test]
    fn pages_load_nothing_and_run_nothing() {
        for page in [consent("x", vec![]), render(&Told { title: "t", detail: "d", advice: None }).unwrap()] {
            for forbidden in ["<script", "<link", "<img", " src=", " onclick", " style=", "javascript:"] {
                assert!(!page.contains(forbidden), "{forbidden} in {page}");
            }
            assert!(page.contains("<html lang=\"en\">") && page.contains("name=\"viewport\""));
            let (_, style) = page.split_once("<style>").unwrap();
            let (style, _) = style.split_once("</style>").unwrap();
            assert_eq!(style, STYLE, "the policy names the style's digest");
        }
    }

    #[test]
    fn each_field_has_a_label_and_each_form_a_token() {
        let page = render(&SignIn {
            asks: None,
            problem: Some("No such key."),
            providers: vec![Provider { name: "Entra", href: "/sign-in/x?request=r".to_owned() }],
            key_form: Some(KeyForm { request: "r", token: "t" }),
        })
        .unwrap();
        assert!(page.contains("<label for=\"key\">") && page.contains("id=\"key\""));
        assert!(page.contains("role=\"alert\""));
        assert_eq!(page.matches("<form").count(), page.matches("name=\"token\"").count());
    }
}
