//! The query parameters that each call below `/v1` knows, out of the OpenAPI document. A call that only reads
//! refuses any other: a mistyped filter would be answered with everything.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use poem::http::Method;
use poem::{PathPattern, Request};
use serde_json::Value;
use url::form_urlencoded;

use super::json::is_name;
use super::problem::{FieldError, Problem};
use super::resource::shape;

/// Faults that are told at once.
const MOST_TOLD: usize = 10;
/// Below it, what was given is no misspelling of what is known (1 is the same).
const LEAST_LIKENESS: f64 = 0.6;

/// What every readable path knows, by the path's shape.
#[derive(Clone)]
pub struct Parameters(Arc<BTreeMap<String, BTreeSet<String>>>);

impl Parameters {
    /// Those of this document.
    pub fn of_document(document: &str) -> Self {
        let document: Value = serde_json::from_str(document).unwrap_or_default();
        let paths = document["paths"].as_object().into_iter().flatten();
        let readable =
            paths.filter(|(path, operations)| path.starts_with("/v1/") && operations["get"].is_object());
        Self(Arc::new(readable.map(|(path, operations)| (shape(path), names(&operations["get"]))).collect()))
    }

    /// Refuses what the call does not know. For whoever has found out who is calling: nobody else is told
    /// anything about an operator's call.
    pub fn check(request: &Request) -> Result<(), Problem> {
        let Self(known) = request.data().expect("the routes carry the parameters");
        let pattern = request.data::<PathPattern>().filter(|_| is_reading(request));
        let Some(known) = pattern.and_then(|pattern| known.get(&shape(&pattern.0))) else { return Ok(()) };
        let query = request.uri().query().unwrap_or_default();
        let given: BTreeSet<_> = form_urlencoded::parse(query.as_bytes()).map(|(name, _)| name).collect();
        let unknown = given.iter().filter(|name| !known.contains(name.as_ref())).take(MOST_TOLD);
        let faults: Vec<_> = unknown.map(|name| fault(name, known)).collect();
        if faults.is_empty() { Ok(()) } else { Err(Problem::invalid(faults)) }
    }
}

fn is_reading(request: &Request) -> bool {
    matches!(*request.method(), Method::GET | Method::HEAD)
}

fn names(operation: &Value) -> BTreeSet<String> {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let in_query = parameters.filter(|parameter| parameter["in"] == "query");
    in_query.filter_map(|parameter| parameter["name"].as_str()).map(str::to_owned).collect()
}

fn fault(name: &str, known: &BTreeSet<String>) -> FieldError {
    let message = match nearest(name, known) {
        Some(guess) => format!("is not known here: did you mean {guess}?"),
        None => "is not known here".to_owned(),
    };
    // Only what could be a parameter's name is echoed; anything else could be a person's address.
    let pointer = if is_name(name) { format!("/{name}") } else { String::new() };
    FieldError::new(pointer, "unknown_parameter", message)
}

fn nearest<'a>(name: &str, known: &'a BTreeSet<String>) -> Option<&'a String> {
    let likeness = |known: &str| strsim::normalized_levenshtein(name, known);
    let guess = known.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    guess.filter(|guess| likeness(guess) >= LEAST_LIKENESS)
}
