//! A word on the next page about what was just done. Only words of ours: the cookie chooses, and says nothing
//! by itself.

use std::time::Duration;

use poem::Request;
use poem::web::cookie::Cookie;

use super::{Visit, cookie};
use crate::rendering::Text;

const COOKIE: &str = "backstamp-told";
const COOKIE_LIVES: Duration = Duration::from_secs(60);

/// What was just done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    Name,
    Address,
    Password,
    Session,
    Sessions,
    SignedOut,
    Deleted,
    Ended,
    Draft,
}

impl Told {
    const ALL: [(Self, &'static str); 9] = [
        (Self::Name, "told-name"),
        (Self::Address, "told-address"),
        (Self::Password, "told-password"),
        (Self::Session, "told-session"),
        (Self::Sessions, "told-sessions"),
        (Self::SignedOut, "told-signed-out"),
        (Self::Deleted, "told-deleted"),
        (Self::Ended, "told-ended"),
        (Self::Draft, "told-draft"),
    ];

    fn word(self) -> &'static str {
        Self::ALL.iter().find(|(told, _)| *told == self).map_or("", |(_, word)| word)
    }

    /// In the reader's language.
    pub fn text(self) -> Text {
        Text::new(self.word())
    }

    /// The cookie that takes it to the next page.
    pub fn cookie(self, visit: &Visit) -> Cookie {
        let mut cookie = cookie::new(&visit.state.settings, COOKIE, self.word());
        cookie.set_max_age(COOKIE_LIVES);
        cookie
    }
}

/// What is to be told on this page.
pub fn take(visit: &Visit, request: &Request) -> Option<Told> {
    let word = cookie::get(request, &visit.state.settings, COOKIE)?;
    Told::ALL.iter().find(|(_, known)| *known == word).map(|(told, _)| *told)
}

/// What ends the cookie once it was told.
pub fn taken(visit: &Visit) -> Cookie {
    cookie::expired(&visit.state.settings, COOKIE)
}
