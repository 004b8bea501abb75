//! A person at a browser, by plain HTTP: pages, their forms, cookies and redirects, all there to be looked at and bent.
//! A real browser is in [`crate::browser`].

use std::collections::BTreeMap;

use url::Url;

use crate::wire::{Answer, Ask};

#[cfg(test)]
mod tests;

/// A browser with its cookies. A clone of it is the same person in another window, up to then.
#[derive(Clone, Debug, Default)]
pub struct Browser {
    /// By host (whatever the port, RFC 6265 §8.5) and name.
    pub cookies: BTreeMap<(String, String), String>,
    /// Where a client waits for its answer: nothing is asked there, it is the end.
    ends: Vec<String>,
    /// Each address that was asked, in order.
    pub way: Vec<Url>,
}

/// Where a browser has come to.
#[derive(Clone, Debug)]
pub struct Page {
    pub url: Url,
    /// Of an end that is not asked: the redirect's.
    pub answer: Answer,
    pub forms: Vec<Form>,
    /// The links' addresses.
    pub links: Vec<Url>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    pub action: Url,
    pub is_post: bool,
    /// Names and values, the hidden ones included.
    pub fields: Vec<(String, String)>,
    /// Names, values and labels.
    pub buttons: Vec<(String, String, String)>,
}

/// A sign-in that goes round in circles is an error.
const MOST_REDIRECTS: usize = 10;

impl Browser {
    /// A browser that asks nothing at addresses which begin so.
    pub fn that_ends_at(address: &str) -> Self {
        Self { ends: vec![address.to_owned()], ..Self::default() }
    }

    /// Opens an address and follows where it sends.
    pub async fn open(&mut self, address: &str) -> Page {
        let url = Url::parse(address).unwrap_or_else(|error| panic!("{address} is no address: {error}"));
        self.follow(url, None).await
    }

    /// Presses the one button with this value, or this label.
    pub async fn press(&mut self, page: &Page, button: &str) -> Page {
        let (form, button) = page.button(button);
        let mut form = form.clone();
        if !button.0.is_empty() {
            form.fields.push((button.0.clone(), button.1.clone()));
        }
        self.submit(page, &form).await
    }

    /// Sends a form as it stands.
    pub async fn submit(&mut self, page: &Page, form: &Form) -> Page {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&form.fields).finish();
        if form.is_post {
            self.follow(form.action.clone(), Some((page.url.clone(), body))).await
        } else {
            let mut to = form.action.clone();
            to.set_query(Some(&body));
            self.follow(to, None).await
        }
    }

    /// `form`: the page that it stands on, and what is sent.
    async fn follow(&mut self, mut url: Url, mut form: Option<(Url, String)>) -> Page {
        for _ in 0..MOST_REDIRECTS {
            self.way.push(url.clone());
            let answer = self.ask(&url, form.take()).await;
            let location = answer.header("location").filter(|_| (300..400).contains(&answer.status));
            let Some(location) = location else { return Page::read(url, answer) };
            url = url.join(location).unwrap_or_else(|error| panic!("sent to {location:?}: {error}"));
            let is_end = self.ends.iter().any(|end| url.as_str().starts_with(end));
            if is_end || !matches!(url.scheme(), "http" | "https") {
                return Page { url, answer, forms: Vec::new(), links: Vec::new() };
            }
        }
        panic!("sent round in circles: {:#?}", self.way)
    }

    async fn ask(&mut self, url: &Url, form: Option<(Url, String)>) -> Answer {
        let path = url[url::Position::BeforePath..url::Position::AfterQuery].to_owned();
        let mut ask = match form {
            Some((from, body)) => Ask::new("POST", path)
                .header("Content-Type", "application/x-www-form-urlencoded")
                .header("Origin", from.origin().ascii_serialization())
                .header(
                    "Sec-Fetch-Site",
                    if from.origin() == url.origin() { "same-origin" } else { "cross-site" },
                )
                .body(body),
            None => Ask::get(path),
        };
        let host = url.host_str().unwrap_or_default().to_owned();
        ask = ask.header("Host", &url[url::Position::BeforeHost..url::Position::AfterPort]);
        let own = self.cookies.iter().filter(|((of, _), _)| *of == host);
        let cookies: Vec<_> = own.map(|((_, name), value)| format!("{name}={value}")).collect();
        if !cookies.is_empty() {
            ask = ask.header("Cookie", cookies.join("; "));
        }
        let addresses = url.socket_addrs(|| None).unwrap_or_else(|error| panic!("{url}: {error}"));
        let to = addresses.into_iter().find(|address| address.is_ipv4());
        let answer = ask.send(to.unwrap_or_else(|| panic!("{url} is nowhere"))).await;
        for cookie in answer.headers.all("set-cookie") {
            self.keep(&host, cookie);
        }
        answer
    }

    fn keep(&mut self, host: &str, cookie: &str) {
        let mut parts = cookie.split(';').map(str::trim);
        let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else { return };
        let key = (host.to_owned(), name.to_owned());
        if value.is_empty() || parts.any(|part| part.eq_ignore_ascii_case("max-age=0")) {
            self.cookies.remove(&key);
        } else {
            self.cookies.insert(key, value.to_owned());
        }
    }
}

impl Page {
    fn read(url: Url, answer: Answer) -> Self {
        let text = answer.text();
        let forms = elements(&text, "form").into_iter();
        let forms = forms.map(|(head, inside)| Form::read(&url, head, inside)).collect();
        let links = elements(&text, "a").into_iter();
        let links = links.filter_map(|(head, _)| url.join(&attribute(head, "href")?).ok()).collect();
        Self { url, answer, forms, links }
    }

    /// What somebody was sent back with.
    pub fn query(&self) -> BTreeMap<String, String> {
        self.url.query_pairs().into_owned().collect()
    }

    fn button(&self, wanted: &str) -> (&Form, &(String, String, String)) {
        let all = self.forms.iter().flat_map(|form| form.buttons.iter().map(move |button| (form, button)));
        let found: Vec<_> = all.filter(|(_, (_, value, label))| value == wanted || label == wanted).collect();
        match found[..] {
            [one] => one,
            _ => panic!("{} buttons {wanted:?} at {}: {}", found.len(), self.url, self.answer.text()),
        }
    }
}

impl Form {
    fn read(page: &Url, head: &str, inside: &str) -> Self {
        let action = attribute(head, "action").unwrap_or_default();
        let action = page.join(&action).unwrap_or_else(|error| panic!("a form to {action:?}: {error}"));
        let inputs = inside.split("<input").skip(1).filter_map(|tag| tag.split('>').next());
        let fields = inputs
            .filter_map(|tag| Some((attribute(tag, "name")?, attribute(tag, "value").unwrap_or_default())))
            .collect();
        let button = |(head, label): (&str, &str)| {
            let [name, value] = ["name", "value"].map(|name| attribute(head, name).unwrap_or_default());
            (name, value, plain(label))
        };
        let is_post = attribute(head, "method").is_some_and(|method| method.eq_ignore_ascii_case("post"));
        Self {
            action,
            is_post,
            fields,
            buttons: elements(inside, "button").into_iter().map(button).collect(),
        }
    }

    /// With another value in this field.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.fields.retain(|(one, _)| one != name);
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// The elements with this tag, which do not stand in each other: attributes and inside. Our pages and the mock's alone are
/// read so, whose attributes are quoted.
fn elements<'a>(html: &'a str, tag: &str) -> Vec<(&'a str, &'a str)> {
    let element = |(at, _)| {
        let rest = html.get(at + 1 + tag.len()..)?;
        let (head, inside) = rest.split_once('>')?;
        let is_tag = head.is_empty() || head.starts_with(char::is_whitespace);
        is_tag.then_some((head, inside.split_once(&format!("</{tag}>"))?.0))
    };
    html.match_indices(&format!("<{tag}")).filter_map(element).collect()
}

fn attribute(head: &str, name: &str) -> Option<String> {
    let start = head
        .find(&format!("{name}=\""))
        .filter(|at| *at == 0 || head.as_bytes().get(at - 1).is_some_and(u8::is_ascii_whitespace))?;
    let rest = head.get(start + name.len() + 2..)?;
    Some(plain(rest.split('"').next()?))
}

/// Text as it is read: without tags, entities as what they stand for.
fn plain(html: &str) -> String {
    let mut text = String::new();
    for (at, part) in html.split('<').enumerate() {
        text.push_str(if at == 0 { part } else { part.split_once('>').map_or("", |(_, after)| after) });
    }
    for (entity, character) in [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#34;", "\""),
        ("&#39;", "'"),
        ("&#x27;", "'"),
        ("&amp;", "&"),
    ] {
        text = text.replace(entity, character);
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
