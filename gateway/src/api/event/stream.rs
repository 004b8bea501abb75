//! The feed as server-sent events (WHATWG HTML §9.2): one message an event, its id the event's position. An id without
//! data moves a reader's place on where nothing was for it. What is no event, and never will be, comes under the name
//! `unreadable`.
//!
//! It is judged anew whenever the log moves: a stream ends with its key.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::fmt::Write;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::response::{IntoResponse, Response};
use futures::stream;
use http::{HeaderValue, header};

use super::feed::Reader;
use super::page::EventPage;
use super::place::FeedPlace;
use super::{Admin, Seat};
use crate::api::bounds::Waiting;
use crate::problem::Problem;

/// At least so often something is sent, so that who is gone is noticed.
const BEAT: Duration = Duration::from_secs(15);
/// After which a client comes again when a stream has ended.
const RETRY: &str = "retry: 2000\n\n";

struct Stream {
    reader: Reader,
    admin: Admin,
    ready: VecDeque<Bytes>,
    told: Option<FeedPlace>,
    /// There may be more at once.
    more: bool,
    _waiting: Waiting,
}

pub fn answer(reader: Reader, admin: Admin, seat: &Seat) -> Result<Response, Problem> {
    let waiting = reader.api.slots.wait(seat, admin.owner(), admin.id());
    let waiting = waiting.ok_or_else(Problem::busy_with_you)?;
    let stream = Stream {
        reader,
        admin: admin.resting(),
        ready: VecDeque::from([Bytes::from_static(RETRY.as_bytes())]),
        told: None,
        more: true,
        _waiting: waiting,
    };
    let body = stream::unfold(stream, |mut stream| async move {
        let piece = stream.next().await?;
        Some((Ok::<_, Infallible>(piece), stream))
    });
    let mut response = Body::from_stream(body).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    Ok(response)
}

impl Stream {
    /// `None`: it ends. Its reader comes again, and is told why, or goes on where it was.
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(ready) = self.ready.pop_front() {
            return Some(ready);
        }
        if !self.more {
            self.reader.comes(BEAT).await;
        }
        if self.reader.api.ending.is_cancelled() {
            return None;
        }
        self.admin.again(&self.reader.api).ok()?;
        let page = self.reader.read().await.ok()?.found;
        self.more = page.more;
        let text = messages(&page, self.told);
        self.told = page.position;
        Some(Bytes::from(text))
    }
}

fn messages(page: &EventPage, told: Option<FeedPlace>) -> String {
    let mut text = String::new();
    let events = page.items.iter().map(|it| (it.position, "", serde_json::to_string(it)));
    // A name of its own: who listens for events alone does not take it for one.
    let unreadable =
        page.unreadable.iter().map(|it| (it.position, "event: unreadable\n", serde_json::to_string(it)));
    let mut all: Vec<_> =
        events.chain(unreadable).filter_map(|(at, name, data)| Some((at?, name, data.ok()?))).collect();
    all.sort_unstable_by_key(|(place, ..)| place.position.sequence);
    for (place, name, data) in &all {
        // Writing into a String can't fail.
        let _ = write!(text, "{name}id: {place}\ndata: {data}\n\n");
    }
    let last = all.last().map(|(place, ..)| *place);
    match page.position {
        Some(position) if last != Some(position) && told != Some(position) => {
            let _ = write!(text, "id: {position}\n\n");
        }
        _ if text.is_empty() => text.push_str(":\n\n"),
        _ => {}
    }
    text
}
