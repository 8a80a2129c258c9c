//! The log as a feed, for operators and for programs that follow it: page by page, or pushed as server-sent events
//! (WHATWG HTML §9.2) that go on where they were cut off.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, stream};
use poem::{Body, Request};
use poem_openapi::param::{Header, Query};
use poem_openapi::payload::Binary;
use poem_openapi::{ApiResponse, OpenApi};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Instant;

use super::HttpState;
use super::answers::{Answer, PAGE, found};
use super::auth::{Caller, Gate, Principal, SupportRead};
use super::docs::Tags;
use super::problem::{FieldError, Problem};
use super::shares::{Share, Shares};
use crate::api_keys::Scope;
use crate::queries::{Feed, FeedEntry};

/// Readers that are served at once; each costs a connection.
const READERS: usize = 64;
/// Of one key or account: a dashboard is one in each of its tabs.
const SHARE: usize = 8;
/// When a reader that found no place may look again, in seconds.
const FULL: u64 = 10;
/// Without news a comment is sent, so that proxies and the reader know that the connection lives.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// For so long a reader is believed to be who it was: a key or a session that has ended opens nothing much longer.
const WELCOME: Duration = Duration::from_secs(1);
/// Between two looks without a hint: what another process appends to SQLite gives none.
const LOOK: Duration = Duration::from_millis(500);
/// How soon a reader that was cut off shall come back, in milliseconds.
const RETRY: u32 = 2_000;
const PART: usize = 200;

#[derive(ApiResponse)]
enum StreamResponse {
    /// Events without end: `id` is the position, `event` the type, `data` the entry as in the feed.
    #[oai(status = 200, content_type = "text/event-stream")]
    Events(
        Binary<Body>,
        /// Keeps proxies from holding it back.
        #[oai(header = "X-Accel-Buffering")]
        String,
    ),
}

pub struct EventsApi {
    state: Arc<HttpState>,
    places: Arc<Semaphore>,
    shares: Shares<Principal>,
}

impl EventsApi {
    pub fn new(state: Arc<HttpState>) -> Self {
        Self { state, places: Arc::new(Semaphore::new(READERS)), shares: Shares::default() }
    }

    /// A place among the readers, within the share of whoever asks for it.
    fn place(&self, reader: Principal) -> Result<Place, Problem> {
        let share = self.shares.take(reader, SHARE).ok_or_else(|| {
            let detail =
                format!("One key or account follows the feed {SHARE} times at once: end a stream first.");
            Problem::too_many_at_once("streams", SHARE, FULL).detail(detail)
        })?;
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| Problem::busy(FULL))?;
        Ok(Place { _share: share, _place: place })
    }
}

#[OpenApi(prefix_path = "/v1/events", tag = "Tags::Operators")]
impl EventsApi {
    /// The feed
    ///
    /// Every event after a position, in the order of the log: `{"data": […], "next_after": n}`. Pass `next_after` on
    /// as `after`, also when nothing has followed yet. Nothing personal is in it.
    #[oai(path = "/", method = "get", operation_id = "list_events")]
    async fn list(
        &self,
        #[oai(scope = "SupportRead")] _caller: Caller<SupportRead>,
        /// The position of the last event that is known; 0, the default, for all.
        after: Query<Option<i64>>,
        #[oai(validator(minimum(value = "1"), maximum(value = "500")))] limit: Query<Option<u32>>,
        /// The same as `after`: the `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> Result<Answer, Problem> {
        let cursor = cursor.0.map(|cursor| position("/cursor", &cursor)).transpose()?;
        let after = known(after.0.or(cursor))?.unwrap_or(0);
        found(self.state.feed.after(after, limit.0.unwrap_or(PAGE) as usize).await?)
    }

    /// The feed, pushed
    ///
    /// Server-sent events. Begins after `Last-Event-ID`, which a browser sends by itself when it comes back, else
    /// after `after`, else with what happens next. A key or an account has 8 at once.
    #[oai(path = "/stream", method = "get", operation_id = "stream_events")]
    async fn stream(
        &self,
        request: &Request,
        #[oai(scope = "SupportRead")] caller: Caller<SupportRead>,
        /// The position of the last event that was received.
        #[oai(name = "Last-Event-ID")]
        last_event_id: Header<Option<String>>,
        /// The same, for the first time.
        after: Query<Option<i64>>,
    ) -> Result<StreamResponse, Problem> {
        let Self { state, .. } = self;
        let last = last_event_id.0.filter(|id| !id.is_empty());
        let last = last.map(|id| position("/Last-Event-ID", &id)).transpose()?;
        let after = match known(last.or(after.0))? {
            Some(after) => after,
            None => state.feed.last_position().await?,
        };
        let place = self.place(caller.principal)?;
        let reader = Reader {
            feed: state.feed.clone(),
            news: state.feed.news(),
            after,
            spoke_at: Instant::now(),
            begun: false,
            welcome: Welcome::of(request, state),
            _place: place,
        };
        let stop = state.stop.clone();
        // Ends with the server, so that a stop waits for nobody who merely listens.
        let frames = futures_util::StreamExt::take_until(reader.frames(), stop.cancelled_owned());
        Ok(StreamResponse::Events(Binary(Body::from_bytes_stream(frames)), "no".to_owned()))
    }
}

fn known(after: Option<i64>) -> Result<Option<i64>, Problem> {
    match after {
        Some(after) if after < 0 => {
            Err(Problem::invalid(vec![FieldError::new("/after", "invalid", "must not be negative")]))
        }
        after => Ok(after),
    }
}

fn position(pointer: &str, text: &str) -> Result<i64, Problem> {
    let read = text.parse::<i64>().ok().filter(|position| *position >= 0);
    read.ok_or_else(|| Problem::invalid(vec![FieldError::new(pointer, "invalid", "is no position")]))
}

/// Somebody who follows the feed.
struct Reader {
    feed: Feed,
    news: watch::Receiver<()>,
    after: i64,
    /// When something was sent last.
    spoke_at: Instant,
    begun: bool,
    welcome: Welcome,
    _place: Place,
}

/// A place among the readers, and its part in what one of them may have.
struct Place {
    _share: Share<Principal>,
    _place: OwnedSemaphorePermit,
}

/// Whether a reader may still read: keys and sessions end while one listens.
struct Welcome {
    /// What the reader came with, to be looked at again.
    credentials: Request,
    checked_at: Instant,
}

impl Welcome {
    fn of(request: &Request, state: &Arc<HttpState>) -> Self {
        let mut credentials = Request::default();
        *credentials.headers_mut() = request.headers().clone();
        credentials.set_data(Gate::of(request).clone());
        credentials.set_data(state.clone());
        Self { credentials, checked_at: Instant::now() }
    }

    /// Looks again if that was some time ago. Where nobody can say, the reader comes back later.
    async fn lasts(&mut self) -> bool {
        if self.checked_at.elapsed() < WELCOME {
            return true;
        }
        self.checked_at = Instant::now();
        Gate::of(&self.credentials).admit(&self.credentials, Scope::SupportRead).await.is_ok()
    }
}

impl Reader {
    fn frames(self) -> impl Stream<Item = std::io::Result<Bytes>> + Send {
        stream::unfold(self, |mut reader| async move {
            let frame = reader.next().await?;
            reader.spoke_at = Instant::now();
            Some((Ok(frame), reader))
        })
    }

    /// What is sent next; none when the feed cannot be read, so that the reader comes back later.
    async fn next(&mut self) -> Option<Bytes> {
        if !self.begun {
            self.begun = true;
            // At once, so that the reader knows that it is connected.
            return Some(format!("retry: {RETRY}\n: from {}\n\n", self.after).into());
        }
        loop {
            if !self.welcome.lasts().await {
                return None;
            }
            let page = self.feed.after(self.after, PART).await;
            let page =
                page.inspect_err(|error| tracing::warn!(%error, "a reader of the feed is cut off")).ok()?;
            if !page.data.is_empty() {
                self.after = page.next_after;
                return Some(page.data.iter().map(frame).collect::<String>().into());
            }
            if self.spoke_at.elapsed() >= HEARTBEAT {
                return Some(Bytes::from_static(b": still here\n\n"));
            }
            let _ = tokio::time::timeout(LOOK, self.news.changed()).await;
        }
    }
}

/// JSON is one line, so it is one `data` field.
fn frame(entry: &FeedEntry) -> String {
    let data = serde_json::to_string(entry).unwrap_or_default();
    format!("id: {}\nevent: {}\ndata: {data}\n\n", entry.position, entry.r#type)
}
