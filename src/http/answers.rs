//! What operators' calls have in common: how a question is understood and how an answer is worded.

use poem_openapi::ApiResponse;
use poem_openapi::payload::Json;
use serde::Serialize;
use serde_json::{Value, json};

use super::HttpState;
use super::fields::{self, Faults};
use super::problem::{Code, Problem};

/// Rows of a page unless asked otherwise.
pub const PAGE: u32 = 50;

/// The answer to a question.
#[derive(ApiResponse)]
pub enum Answer {
    /// As described above.
    #[oai(status = 200)]
    Found(Json<Value>),
}

/// Words an answer.
pub fn found(answer: impl Serialize) -> Result<Answer, Problem> {
    serde_json::to_value(answer).map(|value| Answer::Found(Json(value))).map_err(|error| {
        tracing::error!(%error, "an answer could not be worded");
        Problem::new(Code::Internal)
    })
}

/// Words a timeline. Every message and every request has events, so none means that it does not exist.
pub fn timeline<T: Serialize>(entries: Vec<T>) -> Result<Answer, Problem> {
    if entries.is_empty() { Err(Problem::new(Code::NotFound)) } else { found(json!({ "data": entries })) }
}

/// An id from the path; of another form or kind, there is nothing there.
pub fn id<T: std::str::FromStr>(text: &str) -> Result<T, Problem> {
    text.parse().map_err(|_| Problem::new(Code::NotFound))
}

/// Checks the plain words among the parameters.
pub fn words<const N: usize>(faults: &mut Faults, given: [(&str, Option<String>); N]) -> [Option<String>; N] {
    given.map(|(name, word)| {
        let checked = word.as_deref().map(fields::word).transpose();
        faults.take(&format!("/{name}"), checked).flatten()
    })
}

/// The key under which an address is filed.
pub fn recipient_key(state: &HttpState, faults: &mut Faults, address: Option<String>) -> Option<String> {
    let address = faults.take("/recipient", address.as_deref().map(fields::email).transpose()).flatten()?;
    Some(state.commands.index_key().stream_key(&address).to_string())
}
