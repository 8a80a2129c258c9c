//! Streams behind cqrs-es's event store trait: loaded to decide on, appended through the one writer.
//!
//! On PostgreSQL streams are loaded through postgres-es. What was decided on last is remembered, so most
//! commands load nothing; a command that finds nothing to do on remembered state must load and decide again.

use std::collections::{BTreeSet, HashMap};
use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};

use cqrs_es::persist::SerializedEvent;
use cqrs_es::{Aggregate, AggregateContext, AggregateError, DomainEvent, EventEnvelope, EventStore};
use lru::LruCache;

use super::append::{Append, AppendError, Appended, Beside, Expected, NewEvent};
use super::codec::{self, Undecodable};
use super::keyring::NewDataKey;
use super::recorded::Metadata;
use super::sealing::SecretBytes;
use super::{EventLog, stored};
use crate::database::{Database, DatabaseError};
use crate::domain::id::{CommandId, DataKeyId, EventId};
use crate::domain::one_time_link::{LinkPurpose, LinkRequests};

/// Streams that are remembered per kind.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(10_000).expect("10,000 is not zero");

/// What an aggregate must tell the log besides being one.
pub trait Stream: Aggregate + Clone {
    /// Loading may start at the newest event of this type: it carries forward all that matters before it.
    const STARTS_AT: Option<&'static str> = None;
    /// Whether facts are appended in any order, without being decided on.
    const UNORDERED: bool = false;
}

impl<P: LinkPurpose> Stream for LinkRequests<P> {
    const STARTS_AT: Option<&'static str> = Some(P::REQUESTED);
}

impl Stream for crate::domain::message::Message {}

impl Stream for crate::domain::suppression::Suppression {}

impl Stream for crate::domain::message_engagement::MessageEngagement {
    const UNORDERED: bool = true;
}

/// Why a stream could not be loaded or appended to.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// The append did not happen.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// The database failed while loading.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The stream holds an event that cannot be read.
    #[error(transparent)]
    Undecodable(#[from] Undecodable),
}

impl StreamError {
    /// Takes it back out of cqrs-es's error, in which it travels boxed.
    pub fn from_aggregate_error<E: std::error::Error>(error: AggregateError<E>) -> Result<E, Self> {
        let boxed = match error {
            AggregateError::UserError(refusal) => return Ok(refusal),
            AggregateError::AggregateConflict => return Err(AppendError::Conflict.into()),
            AggregateError::DatabaseConnectionError(boxed)
            | AggregateError::DeserializationError(boxed)
            | AggregateError::UnexpectedError(boxed) => boxed,
        };
        Err(match boxed.downcast::<Self>() {
            Ok(ours) => *ours,
            Err(foreign) => AppendError::Permanent(foreign.to_string()).into(),
        })
    }
}

impl<E: std::error::Error> From<StreamError> for AggregateError<E> {
    fn from(error: StreamError) -> Self {
        match error {
            StreamError::Append(AppendError::Conflict) => Self::AggregateConflict,
            StreamError::Undecodable(_) => Self::DeserializationError(Box::new(error)),
            _ => Self::DatabaseConnectionError(Box::new(error)),
        }
    }
}

/// A loaded stream, and what shall be appended with its next events.
#[derive(Clone)]
pub struct Loaded<A> {
    /// Its state.
    pub aggregate: A,
    /// Its id.
    pub stream: String,
    /// The last sequence; 0 when it is empty.
    pub sequence: i64,
    /// The key that its newest events are sealed under.
    pub data_key: Option<DataKeyId>,
    /// A key made for the next events.
    pub new_data_key: Option<NewDataKey>,
    /// What else happens with them.
    pub beside: Beside,
    /// Whether it came from memory and may have moved on.
    pub is_remembered: bool,
}

impl<A: Aggregate> AggregateContext<A> for Loaded<A> {
    fn aggregate(&mut self) -> &mut A {
        &mut self.aggregate
    }
}

/// The streams of one kind of aggregate.
pub struct Streams<A> {
    log: EventLog,
    remembered: Mutex<LruCache<String, Remembered<A>>>,
}

struct Remembered<A> {
    aggregate: A,
    sequence: i64,
    data_key: Option<DataKeyId>,
}

impl<A: Stream> Streams<A> {
    /// All streams of this kind in the log.
    pub fn new(log: EventLog) -> Self {
        Self { log, remembered: Mutex::new(LruCache::new(REMEMBERED)) }
    }

    /// The keys that events are sealed under.
    pub fn keyring(&self) -> &super::Keyring {
        &self.log.keyring
    }

    /// Loads a stream, from memory if it is there.
    pub async fn load(&self, stream: &str) -> Result<Loaded<A>, StreamError> {
        if A::UNORDERED {
            return Ok(empty(stream));
        }
        if let Some(known) = self.recall(stream) {
            return Ok(known);
        }
        self.load_from(stream, A::STARTS_AT).await
    }

    /// Loads a stream from the database, whatever was remembered of it.
    pub async fn reload(&self, stream: &str) -> Result<Loaded<A>, StreamError> {
        self.forget(stream);
        let loaded = self.load(stream).await?;
        if !A::UNORDERED {
            self.remember(&loaded);
        }
        Ok(loaded)
    }

    /// Loads a stream from its very first event.
    pub async fn load_all(&self, stream: &str) -> Result<Loaded<A>, StreamError> {
        self.load_from(stream, None).await
    }

    /// Forgets a stream, so that the next load reads it.
    pub fn forget(&self, stream: &str) {
        self.lock().pop(stream);
    }

    /// Loads many streams, those that are not remembered in one query.
    pub async fn load_many(&self, streams: &[String]) -> Result<HashMap<String, Loaded<A>>, StreamError> {
        let mut loaded: HashMap<_, _> =
            streams.iter().filter_map(|stream| Some((stream.clone(), self.recall(stream)?))).collect();
        // Each once: a stream that is named twice would be found empty the second time.
        let missing = streams.iter().filter(|stream| !loaded.contains_key(*stream));
        let missing = Vec::from_iter(missing.cloned().collect::<BTreeSet<_>>());
        let mut by_stream: HashMap<String, Vec<SerializedEvent>> = HashMap::new();
        if !missing.is_empty() {
            for event in stored::select_many(&self.log.database, A::TYPE, &missing).await? {
                by_stream.entry(event.aggregate_id.clone()).or_default().push(event);
            }
        }
        for stream in missing {
            let events = by_stream.remove(&stream).unwrap_or_default();
            // An empty stream is not worth a place in memory: the next look may find more.
            let is_empty = events.is_empty();
            let folded = self.fold(&stream, events).await?;
            if !is_empty {
                self.remember(&folded);
            }
            loaded.insert(stream, folded);
        }
        Ok(loaded)
    }

    fn recall(&self, stream: &str) -> Option<Loaded<A>> {
        let mut remembered = self.lock();
        let known = remembered.get(stream)?;
        Some(Loaded {
            aggregate: known.aggregate.clone(),
            sequence: known.sequence,
            data_key: known.data_key,
            is_remembered: true,
            ..empty(stream)
        })
    }

    async fn load_from(&self, stream: &str, starts_at: Option<&str>) -> Result<Loaded<A>, StreamError> {
        let start = match starts_at {
            None => 0,
            Some(event_type) => {
                match stored::start_of(&self.log.database, A::TYPE, stream, event_type).await? {
                    Some(start) => start,
                    None => return Ok(empty(stream)),
                }
            }
        };
        let events = match &self.log.database {
            Database::Postgres(pool) => stored::through_postgres_es::<A>(pool, stream, start).await?,
            Database::Sqlite { .. } => stored::select_one(&self.log.database, A::TYPE, stream, start).await?,
        };
        self.fold(stream, events).await
    }

    async fn fold(&self, stream: &str, events: Vec<SerializedEvent>) -> Result<Loaded<A>, StreamError> {
        let mut loaded = empty::<A>(stream);
        for event in events {
            let metadata = codec::metadata(&event)?;
            let secret = self.log.data_key(metadata.data_key).await?;
            loaded.sequence = i64::try_from(event.sequence).unwrap_or(i64::MAX);
            loaded.data_key = metadata.data_key.or(loaded.data_key);
            let opened = codec::open(event, keyed(metadata.data_key, secret.as_ref()), &self.log.upcasters)?;
            loaded.aggregate.apply(codec::decode(&opened)?);
        }
        Ok(loaded)
    }

    fn remember(&self, loaded: &Loaded<A>) {
        let known = Remembered {
            aggregate: loaded.aggregate.clone(),
            sequence: loaded.sequence,
            data_key: loaded.data_key,
        };
        self.lock().put(loaded.stream.clone(), known);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, LruCache<String, Remembered<A>>> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends the events that were decided on. `loaded` must hold the state with them applied, as
    /// cqrs-es's event sink leaves it.
    pub async fn append(
        &self,
        events: Vec<A::Event>,
        mut loaded: Loaded<A>,
        command_id: CommandId,
        causation: &str,
    ) -> Result<(Appended, Vec<EventEnvelope<A>>), StreamError> {
        let secret = self.log.data_key(loaded.data_key).await?;
        let (append, metadata) = self.prepare_append(&events, &mut loaded, secret, command_id, causation);
        let appended = self.log.appender.append(append).await.inspect_err(|_| self.forget(&loaded.stream))?;
        let Appended::Stored { first_sequence } = appended else {
            self.forget(&loaded.stream);
            return Ok((appended, vec![]));
        };
        let envelopes = envelopes(&loaded.stream, first_sequence, events, &metadata);
        if !envelopes.is_empty() && !A::UNORDERED {
            loaded.sequence = first_sequence + i64::try_from(envelopes.len()).unwrap_or(i64::MAX) - 1;
            self.remember(&loaded);
        }
        Ok((appended, envelopes))
    }

    /// What is handed to the writer, and the metadata of each event. `secret` is that of the key that `loaded` names,
    /// if it was not erased; a key made for these events goes before it.
    pub fn prepare_append(
        &self,
        events: &[A::Event],
        loaded: &mut Loaded<A>,
        secret: Option<SecretBytes>,
        command_id: CommandId,
        causation: &str,
    ) -> (Append, Vec<Metadata>) {
        let key = match &loaded.new_data_key {
            Some(new) => Some((new.id, new.secret.clone())),
            None => loaded.data_key.zip(secret),
        };
        loaded.data_key = key.as_ref().map(|(id, _)| *id);
        let key = key.as_ref().map(|(id, secret)| (*id, secret));
        let prepared = events.iter().map(|event| self.prepare(event, key, command_id, causation));
        let (metadata, events) = prepared.unzip();
        let expected = if A::UNORDERED { Expected::Any } else { Expected::Sequence(loaded.sequence) };
        let append = Append {
            aggregate_type: A::TYPE,
            stream: loaded.stream.clone(),
            expected,
            command_id,
            events,
            data_key: loaded.data_key,
            new_data_key: loaded.new_data_key.take(),
            beside: std::mem::take(&mut loaded.beside),
        };
        (append, metadata)
    }

    fn prepare(
        &self,
        event: &A::Event,
        key: Option<(DataKeyId, &SecretBytes)>,
        command_id: CommandId,
        causation: &str,
    ) -> (Metadata, NewEvent) {
        let clock = self.log.clock.as_ref();
        let metadata = Metadata {
            event_id: EventId::from_uuid(clock.uuid()),
            command_id,
            causation: causation.to_owned(),
            data_key: key.map(|(id, _)| id),
            recorded_at: clock.now(),
        };
        let stored = NewEvent {
            event_type: event.event_type(),
            event_version: event.event_version(),
            payload: codec::encode(event, key, clock),
            metadata: serde_json::json!(metadata.to_map()).to_string(),
            recorded_at: metadata.recorded_at.timestamp_micros(),
        };
        (metadata, stored)
    }
}

impl<A: Stream> EventStore<A> for Streams<A> {
    type AC = Loaded<A>;

    async fn load_events(&self, stream: &str) -> Result<Vec<EventEnvelope<A>>, AggregateError<A::Error>> {
        let events =
            stored::select_one(&self.log.database, A::TYPE, stream, 0).await.map_err(StreamError::from)?;
        let mut envelopes = Vec::with_capacity(events.len());
        for event in events {
            let metadata = codec::metadata(&event).map_err(StreamError::from)?;
            let secret = self.log.data_key(metadata.data_key).await.map_err(StreamError::from)?;
            let opened = codec::open(event, keyed(metadata.data_key, secret.as_ref()), &self.log.upcasters)
                .map_err(StreamError::from)?;
            envelopes.push(EventEnvelope {
                aggregate_id: opened.aggregate_id.clone(),
                sequence: opened.sequence,
                payload: codec::decode(&opened).map_err(StreamError::from)?,
                metadata: metadata.to_map(),
            });
        }
        Ok(envelopes)
    }

    async fn load_aggregate(&self, stream: &str) -> Result<Loaded<A>, AggregateError<A::Error>> {
        Ok(self.load(stream).await?)
    }

    /// `metadata` names the command (`command_id`) and what caused it (`causation`).
    async fn commit(
        &self,
        events: Vec<A::Event>,
        loaded: Loaded<A>,
        metadata: HashMap<String, String>,
    ) -> Result<Vec<EventEnvelope<A>>, AggregateError<A::Error>> {
        let command_id = metadata
            .get("command_id")
            .and_then(|id| id.parse().ok())
            .unwrap_or_else(|| CommandId::from_uuid(self.log.clock.uuid()));
        let causation = metadata.get("causation").map_or("unknown", String::as_str);
        Ok(self.append(events, loaded, command_id, causation).await?.1)
    }
}

impl<A: Default> Loaded<A> {
    /// A stream that nothing has happened in yet.
    pub fn empty(stream: &str) -> Self {
        empty(stream)
    }
}

fn empty<A: Default>(stream: &str) -> Loaded<A> {
    Loaded {
        aggregate: A::default(),
        stream: stream.to_owned(),
        sequence: 0,
        data_key: None,
        new_data_key: None,
        beside: Beside::default(),
        is_remembered: false,
    }
}

fn keyed(id: Option<DataKeyId>, secret: Option<&SecretBytes>) -> Option<(DataKeyId, &SecretBytes)> {
    id.zip(secret)
}

fn envelopes<A: Aggregate>(
    stream: &str,
    first_sequence: i64,
    events: Vec<A::Event>,
    metadata: &[Metadata],
) -> Vec<EventEnvelope<A>> {
    let first = usize::try_from(first_sequence).unwrap_or_default();
    events
        .into_iter()
        .zip(metadata)
        .enumerate()
        .map(|(k, (payload, metadata))| EventEnvelope {
            aggregate_id: stream.to_owned(),
            sequence: first + k,
            payload,
            metadata: metadata.to_map(),
        })
        .collect()
}
