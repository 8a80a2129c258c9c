//! Stand-in with the agreed signatures; the real module replaces it.

#[derive(Clone, Default)]
pub struct Inbox;

pub enum Receipt {
    Stored,
    Duplicate,
    Contested,
    Refused(&'static str),
    NoSigningKey,
    Unavailable,
}

impl Inbox {
    pub async fn receive(&self, body: bytes::Bytes) -> Receipt {
        if body.is_empty() { Receipt::Refused("empty") } else { Receipt::Stored }
    }
}
