//! The form of a call that sends to a list, and its answer. Everything is checked before anything is sent, and
//! every fault is told at once.

use std::collections::{BTreeMap, HashMap};

use poem::http::HeaderMap;
use poem_openapi::Object;
use poem_openapi::payload::Json;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::HttpState;
use super::auth::Principal;
use super::fields::{self, Fault, Faults};
use super::problem::{Code, Problem};
use crate::commands::{SendMessages, SentMessage};
use crate::domain::address::EmailAddress;
use crate::domain::id::MessageId;
use crate::idempotency::{Begun, Call, Verdict};
use crate::rendering::CheckError;

/// Recipients of one call at most.
pub const MOST_RECIPIENTS: usize = 1_000;
/// Bytes of a body at most: so many recipients with long addresses, and their data.
pub const MAX_BODY: usize = 512 * 1024;
/// Bytes of the data at most: every mail keeps them.
const MAX_DATA: usize = 16 * 1024;
/// Characters of an idempotency key at most.
const LONGEST_KEY: usize = 255;
/// The header that makes a call repeatable.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

#[derive(Object, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
pub struct SendRequest {
    /// The template's name.
    template: String,
    /// One bare e-mail address each; every one gets a mail of its own. The same mailbox twice is one mail.
    #[oai(validator(min_items = "1", max_items = "1000"))]
    to: Vec<String>,
    /// The values that the template takes, each of the kind that it says.
    #[serde(default)]
    #[oai(default)]
    data: BTreeMap<String, Value>,
    /// A language tag (BCP 47).
    #[oai(validator(max_length = 35))]
    locale: Option<String>,
}

/// What shall be sent, checked.
pub struct Sending {
    pub template: String,
    /// Each mailbox once, in the order of its first mention.
    pub recipients: Vec<EmailAddress>,
    pub data: Map<String, Value>,
    pub locale: Option<String>,
    /// The addresses as they were given, each with its place among the recipients.
    given: Vec<(String, usize)>,
}

#[derive(Object)]
struct Message {
    id: String,
    /// As it was given.
    to: String,
    /// `accepted`; or `suppressed`: this address gets no mail of this kind, and this one is not sent.
    status: String,
}

#[derive(Object)]
pub struct Sent {
    /// One for each of `to`, in its order.
    messages: Vec<Message>,
}

/// Checks the whole call.
pub fn understand(state: &HttpState, body: SendRequest) -> Result<Sending, Problem> {
    let SendRequest { template, to, data, locale } = body;
    let mut faults = Faults::default();
    let locale = faults.take("/locale", locale.as_deref().map(fields::locale).transpose()).flatten();
    let data = data.into_iter().collect();
    check_data(state, &mut faults, &template, &data);
    let (recipients, given) = recipients(&mut faults, to);
    faults.none()?;
    Ok(Sending { template, recipients, data, locale, given })
}

fn check_data(state: &HttpState, faults: &mut Faults, template: &str, data: &Map<String, Value>) {
    let size: usize = data.iter().map(|(name, value)| name.len() + value.to_string().len()).sum();
    if size > MAX_DATA {
        faults.note("/data", Fault("too_long", format!("holds more than {MAX_DATA} bytes")));
        return;
    }
    let unknown = |message: String| Fault("unknown_template", message);
    match state.renderer.check(template, data) {
        Ok(()) => {}
        Err(CheckError::UnknownTemplate { guess, .. }) => {
            let guess = guess.map(|guess| format!(": did you mean {guess}?")).unwrap_or_default();
            faults.note("/template", unknown(format!("is no template{guess}")));
        }
        Err(CheckError::NotSendable { .. }) => {
            faults.note("/template", unknown("carries a link that only the program can make".into()));
        }
        Err(CheckError::Data(wrong)) => {
            for fault in wrong {
                faults.note(&pointer(&fault.key), Fault(fault.code, fault.message));
            }
        }
    }
}

/// Where a value stands. A name that could be anything is not echoed.
fn pointer(name: &str) -> String {
    let is_name = name.len() <= 40 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if is_name { format!("/data/{name}") } else { "/data".to_owned() }
}

fn recipients(faults: &mut Faults, to: Vec<String>) -> (Vec<EmailAddress>, Vec<(String, usize)>) {
    if !(1..=MOST_RECIPIENTS).contains(&to.len()) {
        let message = format!("must hold from 1 to {MOST_RECIPIENTS} addresses");
        faults.note("/to", Fault("out_of_range", message));
        return (vec![], vec![]);
    }
    let (mut recipients, mut given, mut places) = (vec![], vec![], HashMap::new());
    for (n, text) in to.into_iter().enumerate() {
        let Some(address) = faults.take(&format!("/to/{n}"), fields::email(&text)) else { continue };
        let place = *places.entry(address.normalised().to_owned()).or_insert_with(|| {
            recipients.push(address);
            recipients.len() - 1
        });
        given.push((text, place));
    }
    (recipients, given)
}

/// Sends, once for a key however often the call comes.
pub async fn send(
    state: &HttpState,
    caller: Principal,
    key: Option<String>,
    sending: Sending,
) -> Result<Json<Sent>, Problem> {
    let keys = &state.idempotency_keys;
    let Some(key) = key else {
        let sent = state.commands.send_messages(sending.commanded(state, caller, &keys.once())).await?;
        return Ok(sending.answer(&sent));
    };
    let body = sending.canonical();
    let call = Call { caller: &caller.to_string(), key: &key, body: &body };
    let begun = match keys.begin(call).await.map_err(unavailable)? {
        Verdict::Do(begun) => begun,
        Verdict::Done { answer } => return remembered(&answer).map(|sent| sending.answer(&sent)),
        Verdict::InProgress { retry_after } => return Err(Problem::in_progress(retry_after)),
        Verdict::OtherBody => return Err(Problem::new(Code::IdempotencyKeyReused)),
    };
    match state.commands.send_messages(sending.commanded(state, caller, &begun)).await {
        Ok(sent) => {
            keys.finish(&begun, &kept(&sent)).await.map_err(unavailable)?;
            Ok(sending.answer(&sent))
        }
        Err(error) => {
            if let Err(error) = keys.release(&begun).await {
                tracing::warn!(%error, "a call that failed midway can be repeated only when its lease is over");
            }
            Err(error.into())
        }
    }
}

/// What of an answer is kept for a repetition: the mails, and whether each is suppressed.
fn kept(sent: &[SentMessage]) -> String {
    let pairs: Vec<_> = sent.iter().map(|sent| (sent.id, sent.is_suppressed)).collect();
    serde_json::to_string(&pairs).expect("ids serialise")
}

fn remembered(answer: &str) -> Result<Vec<SentMessage>, Problem> {
    let pairs: Vec<(MessageId, bool)> = serde_json::from_str(answer).map_err(|error| {
        tracing::error!(%error, "a kept answer cannot be read");
        Problem::new(Code::Internal)
    })?;
    Ok(pairs.into_iter().map(|(id, is_suppressed)| SentMessage { id, is_suppressed }).collect())
}

fn unavailable(error: impl std::fmt::Display) -> Problem {
    tracing::error!(%error, "idempotency keys could not be read or written");
    Problem::unavailable()
}

impl Sending {
    fn commanded(&self, state: &HttpState, by: Principal, begun: &Begun) -> SendMessages {
        SendMessages {
            sending: begun.sending,
            at: begun.at,
            by: by.to_string(),
            template: self.template.clone(),
            recipients: self.recipients.clone(),
            data: self.data.clone(),
            locale: self.locale.clone(),
            provider: state.settings.mail_provider,
            track_opens: state.settings.track_opens,
        }
    }

    /// The same bytes for the same call, however its body was written.
    pub fn canonical(&self) -> Vec<u8> {
        let to: Vec<_> = self.given.iter().map(|(text, _)| text).collect();
        let parts = (&self.template, to, &self.data, &self.locale);
        serde_json::to_vec(&parts).expect("texts and JSON values serialise")
    }

    /// Words the answer. `sent` is in the order of the recipients.
    pub fn answer(self, sent: &[SentMessage]) -> Json<Sent> {
        let message = |(to, place): (String, usize)| {
            let sent = sent.get(place)?;
            let status = if sent.is_suppressed { "suppressed" } else { "accepted" };
            Some(Message { id: sent.id.to_string(), to, status: status.to_owned() })
        };
        Json(Sent { messages: self.given.into_iter().filter_map(message).collect() })
    }
}

/// The key that the caller gave the call, if it gave one: a text in the form of RFC 8941, or bare.
pub fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut fields = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(field) = fields.next() else { return Ok(None) };
    let text = field.to_str().ok().filter(|_| fields.next().is_none()).map(str::trim);
    let key = text.and_then(|text| match text.strip_prefix('"') {
        Some(rest) => rest.strip_suffix('"'),
        None => Some(text),
    });
    let is_key = |key: &&str| {
        (1..=LONGEST_KEY).contains(&key.len())
            && key.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'"' | b'\\' | b',' | b';'))
    };
    match key.filter(is_key) {
        Some(key) => Ok(Some(key.to_owned())),
        None => Err(Problem::new(Code::MalformedRequest).detail(format!(
            "Idempotency-Key is one text of at most {LONGEST_KEY} visible ASCII characters, such as a UUID."
        ))),
    }
}
