//! Events to stored text and back: sealed on the way in; opened, brought to today's shape and, when newer
//! code wrote them, read as `Unknown` on the way out. Streams and subscriptions both read through here.

use std::collections::HashMap;

use cqrs_es::DomainEvent;
use cqrs_es::persist::{EventUpcaster, SerializedEvent};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::recorded::{LogEvent, Metadata, RecordedEvent};
use super::sealing::{self, SecretBytes};
use crate::clock::Clock;
use crate::domain::id::DataKeyId;

/// A stored event that cannot be read.
#[derive(Debug, Clone, thiserror::Error)]
#[error("event {event_type} of {stream}, sequence {sequence}, cannot be read: {reason}")]
pub struct Undecodable {
    /// Its stream.
    pub stream: String,
    /// Its place in the stream.
    pub sequence: usize,
    /// Its stored type.
    pub event_type: String,
    /// What is wrong; never a sealed value.
    pub reason: String,
}

/// The upcasters of every event type: what brings yesterday's shapes to today's. Registered here once, for
/// streams and subscriptions alike.
pub fn upcasters() -> Vec<Box<dyn EventUpcaster>> {
    vec![]
}

/// Makes the stored payload of an event.
pub fn encode<E: DomainEvent>(
    event: &E,
    key: Option<(DataKeyId, &SecretBytes)>,
    clock: &dyn Clock,
) -> String {
    let mut payload = serde_json::to_value(event).expect("events have string keys and no failing serializer");
    let context = key.map(|(id, _)| id.to_string()).unwrap_or_default();
    sealing::seal_payload(&mut payload, key.map(|(_, secret)| secret), context.as_bytes(), clock);
    payload.to_string()
}

/// Opens and upcasts a stored event; its payload is plain afterwards.
pub fn open(
    mut stored: SerializedEvent,
    key: Option<(DataKeyId, &SecretBytes)>,
    upcasters: &[Box<dyn EventUpcaster>],
) -> Result<SerializedEvent, Undecodable> {
    let context = key.map(|(id, _)| id.to_string()).unwrap_or_default();
    sealing::open_payload(&mut stored.payload, key.map(|(_, secret)| secret), context.as_bytes())
        .map_err(|error| undecodable(&stored, error.to_string()))?;
    Ok(upcasters.iter().fold(stored, |event, upcaster| {
        if upcaster.can_upcast(&event.event_type, &event.event_version) {
            upcaster.upcast(event)
        } else {
            event
        }
    }))
}

/// Reads an opened event as one of its aggregate's.
pub fn decode<E: DeserializeOwned>(opened: &SerializedEvent) -> Result<E, Undecodable> {
    serde_json::from_value(opened.payload.clone()).or_else(|error| {
        // Serde refuses an unknown tag when content stands beside it, so an unknown type is told from a
        // broken known one by its tag alone: only the unit variant `Unknown` does without content.
        let tag = Value::Object(
            opened.payload.get("type").map(|tag| ("type".to_owned(), tag.clone())).into_iter().collect(),
        );
        serde_json::from_value(tag).map_err(|_| undecodable(opened, error.to_string()))
    })
}

/// The metadata of a stored event.
pub fn metadata(stored: &SerializedEvent) -> Result<Metadata, Undecodable> {
    serde_json::from_value::<HashMap<String, String>>(stored.metadata.clone())
        .ok()
        .and_then(|map| Metadata::from_map(&map))
        .ok_or_else(|| undecodable(stored, "its metadata is not ours".to_owned()))
}

/// Reads an opened event of any aggregate.
pub fn record(position: i64, opened: &SerializedEvent) -> Result<RecordedEvent, Undecodable> {
    let event = match opened.aggregate_type.as_str() {
        "password_reset" => LogEvent::PasswordReset(decode(opened)?),
        "email_verification" => LogEvent::EmailVerification(decode(opened)?),
        "message" => LogEvent::Message(decode(opened)?),
        "suppression" => LogEvent::Suppression(decode(opened)?),
        "message_engagement" => LogEvent::MessageEngagement(decode(opened)?),
        _ => LogEvent::Unknown,
    };
    Ok(RecordedEvent {
        position,
        stream: opened.aggregate_id.clone(),
        sequence: i64::try_from(opened.sequence).unwrap_or(i64::MAX),
        event_type: opened.event_type.clone(),
        event: event.or_unknown(),
        metadata: metadata(opened)?,
    })
}

fn undecodable(stored: &SerializedEvent, reason: String) -> Undecodable {
    Undecodable {
        stream: stored.aggregate_id.clone(),
        sequence: stored.sequence,
        event_type: stored.event_type.clone(),
        reason,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::message::MessageEvent;

    fn stored(payload: Value) -> SerializedEvent {
        let of = "message".to_owned();
        SerializedEvent::new("msg_1".into(), 1, of, "message.x".into(), "1".into(), payload, json!({}))
    }

    #[test]
    fn an_event_of_newer_code_reads_as_unknown_whatever_it_holds() {
        for payload in [
            json!({"type": "teleported", "data": {"a": [1, {"b": 2}]}}),
            json!({"type": "teleported", "data": null}),
            json!({"type": "teleported"}),
        ] {
            assert_eq!(decode::<MessageEvent>(&stored(payload)).unwrap(), MessageEvent::Unknown);
        }
    }

    #[test]
    fn a_broken_event_of_a_known_type_is_an_error_not_unknown() {
        for payload in [
            json!({"type": "complained", "data": {"at": "yesterday"}}),
            json!({"type": "complained"}),
            json!({"at": "2026-01-05T10:00:00Z"}),
            json!("complained"),
        ] {
            assert!(decode::<MessageEvent>(&stored(payload.clone())).is_err(), "{payload}");
        }
    }

    #[test]
    fn an_upcast_brings_an_old_shape_to_todays() {
        let upcaster = cqrs_es::persist::SemanticVersionEventUpcaster::new(
            "message.x",
            "2",
            Box::new(|old| json!({"type": "complained", "data": {"at": old["when"]}})),
        );

        let opened =
            open(stored(json!({"when": "2026-01-05T10:00:00Z"})), None, &[Box::new(upcaster)]).unwrap();

        assert!(matches!(decode::<MessageEvent>(&opened).unwrap(), MessageEvent::Complained { .. }));
        assert_eq!(opened.event_version, "2.0.0");
    }
}
