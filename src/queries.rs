//! Stand-in; the real module replaces it.

#[derive(Clone, Default)]
pub struct Queries;
