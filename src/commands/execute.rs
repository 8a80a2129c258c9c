//! Load, decide, append; and again when somebody else was faster.

use std::hash::{DefaultHasher, Hash, Hasher};

use cqrs_es::event_sink::EventSink;
use cqrs_es::{AggregateContext, DomainEvent, EventEnvelope};
use tokio::sync::{Mutex, MutexGuard};

use crate::clock::Clock;
use crate::domain::id::{CommandId, DataKeyId, MessageId, WebhookId};
use crate::domain::refusal::Refusal;
use crate::event_log::append::{Appended, Beside, SettledWebhook};
use crate::event_log::{AppendError, Stream, StreamError, Streams};

/// Decisions on one command before it counts as busy.
const TRIES: usize = 5;
/// Locks over all streams; two streams that share one only wait for each other.
const LOCKS: usize = 1024;

/// What comes with a command.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// What made somebody give it: an event, a webhook, `http`.
    pub causation: String,
    /// Whose key seals what is personal in its events.
    pub key: KeyChoice,
    /// What happens in the same transaction.
    pub beside: Beside,
}

impl Context {
    /// Nothing but a cause.
    pub fn caused_by(causation: impl ToString) -> Self {
        Self { causation: causation.to_string(), ..Self::default() }
    }

    /// For what a stored webhook tells about a message: it takes effect once, under this key, and the webhook
    /// is settled with it.
    pub fn settling(
        webhook: WebhookId,
        message_id: MessageId,
        effect: String,
        data_key: Option<DataKeyId>,
    ) -> Self {
        Self {
            causation: webhook.to_string(),
            key: KeyChoice::Given(data_key),
            beside: Beside {
                effect: Some(effect),
                webhook: Some(SettledWebhook { id: webhook, message_id }),
                client: None,
            },
        }
    }
}

/// The data key of a command's events.
#[derive(Debug, Clone, Default)]
pub enum KeyChoice {
    /// The one that the stream's newest events have.
    #[default]
    OfStream,
    /// A fresh one for this person, if the first event is of one of these types.
    Fresh {
        /// The event types that begin something new.
        event_types: &'static [&'static str],
        /// The stream key of the person.
        subject: String,
    },
    /// The one that the cause has.
    Given(Option<DataKeyId>),
}

/// What a command came to.
#[derive(Debug)]
pub struct Executed<A: Stream> {
    /// The events that were appended; none when there was nothing to do.
    pub events: Vec<EventEnvelope<A>>,
    /// What became of the append; none if there was nothing to append.
    pub appended: Option<Appended>,
}

/// Why a command was not done.
#[derive(Debug, thiserror::Error)]
pub enum ExecuteError<R: std::error::Error> {
    /// The rules do not allow it.
    #[error("{0}")]
    Refused(R),
    /// Newer code has written to the stream; only it can decide. It will be running here soon.
    #[error("this stream was written by a newer version")]
    NewerCode,
    /// The log failed.
    #[error(transparent)]
    Log(#[from] StreamError),
}

impl<R: std::error::Error> ExecuteError<R> {
    /// Whether giving the command again later may help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Refused(_) => false,
            Self::NewerCode => true,
            Self::Log(StreamError::Append(AppendError::Permanent(_)) | StreamError::Undecodable(_)) => false,
            Self::Log(StreamError::Database(error)) => error.is_transient(),
            Self::Log(StreamError::Append(_)) => true,
        }
    }
}

/// Commands of one stream go one after the other within this process, so that they seldom conflict.
pub struct StreamLocks(Vec<Mutex<()>>);

impl Default for StreamLocks {
    fn default() -> Self {
        Self((0..LOCKS).map(|_| Mutex::new(())).collect())
    }
}

impl StreamLocks {
    async fn lock(&self, kind: &str, stream: &str) -> MutexGuard<'_, ()> {
        let mut hasher = DefaultHasher::new();
        (kind, stream).hash(&mut hasher);
        let index = usize::try_from(hasher.finish() % LOCKS as u64).unwrap_or_default();
        self.0[index].lock().await
    }
}

/// Takes a command to its stream.
pub async fn execute<A>(
    streams: &Streams<A>,
    services: &A::Services,
    locks: &StreamLocks,
    clock: &dyn Clock,
    stream: &str,
    command: A::Command,
    context: Context,
) -> Result<Executed<A>, ExecuteError<A::Error>>
where
    A: Stream,
    A::Command: Clone,
    A::Error: Refusal,
{
    let _turn = if A::UNORDERED { None } else { Some(locks.lock(A::TYPE, stream).await) };
    let command_id = CommandId::from_uuid(clock.uuid());
    let mut last = AppendError::Conflict;
    for _ in 0..TRIES {
        let mut loaded = streams.load(stream).await?;
        let mut decided = decide(&mut loaded, &command, services).await;
        let is_nothing = !matches!(&decided, Ok(events) if !events.is_empty());
        if is_nothing && loaded.is_remembered {
            // Only what is stored may say that there is nothing to do.
            loaded = streams.reload(stream).await?;
            loaded.is_remembered = false;
            decided = decide(&mut loaded, &command, services).await;
        }
        let events = decided.map_err(|refusal| {
            if refusal.is_for_newer_code() { ExecuteError::NewerCode } else { ExecuteError::Refused(refusal) }
        })?;
        let beside = context.beside.clone();
        if events.is_empty() && beside.is_empty() {
            return Ok(Executed { events: vec![], appended: None });
        }
        choose_key(streams, &context.key, &events, &mut loaded);
        loaded.beside = beside;
        match streams.append(events, loaded, command_id, &context.causation).await {
            Ok((appended, events)) => return Ok(Executed { events, appended: Some(appended) }),
            Err(StreamError::Append(error @ (AppendError::Conflict | AppendError::Ambiguous(_)))) => {
                // The same command id again: if it had been written after all, the log says so.
                last = error;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(StreamError::from(last).into())
}

pub(super) async fn decide<A: Stream>(
    loaded: &mut crate::event_log::Loaded<A>,
    command: &A::Command,
    services: &A::Services,
) -> Result<Vec<A::Event>, A::Error>
where
    A::Command: Clone,
{
    let sink = EventSink::default();
    loaded.aggregate().handle(command.clone(), services, &sink).await?;
    Ok(sink.collect().await)
}

pub(super) fn choose_key<A: Stream>(
    streams: &Streams<A>,
    choice: &KeyChoice,
    events: &[A::Event],
    loaded: &mut crate::event_log::Loaded<A>,
) {
    match choice {
        KeyChoice::OfStream => {}
        KeyChoice::Given(key) => loaded.data_key = *key,
        KeyChoice::Fresh { event_types, subject } => {
            if events.first().is_some_and(|event| event_types.contains(&event.event_type().as_str())) {
                loaded.new_data_key = Some(streams.keyring().new_data_key(subject));
            }
        }
    }
}
