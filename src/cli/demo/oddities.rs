//! What happens now and then: posts about mails of others, of kinds that nobody knows, with a signature that was used
//! before; addresses that an operator holds back, or lets in again.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::mails::Post;
use super::people::{People, Person};
use super::posts::{About, Told};
use super::script::{Again, What};
use crate::domain::id::MessageId;
use crate::domain::suppression::{Added, Blocks, Reason, SuppressionCommand};

/// What the first story of a day is accompanied by.
pub fn of_the_day(post: &mut Post<'_>, day: u64, first: DateTime<Utc>, people: &mut People) {
    let at = first + post.chance.between(TimeDelta::minutes(10), TimeDelta::hours(8));
    let Some(person) = people.somebody(at, post.chance) else { return };
    let person = person.clone();
    match day % 6 {
        0 => of_another_system(post, at, &person),
        1 => of_another_kind(post, at, &person),
        2 => altered(post, at, &person),
        3 => of_another_system(post, at, &person),
        4 => held_back(post, at, &person, None),
        _ => held_back(post, at, &person, Some(TimeDelta::hours(30))),
    }
}

/// Somebody else sends through the same domain.
fn of_another_system(post: &mut Post<'_>, at: DateTime<Utc>, person: &Person) {
    let event_data = Told::Delivered { attempt: 1 }.event_data(&foreign(post, at, person), at, post.chance);
    post.script.add(at, What::Post { event_data, on: None, also: Again::Nothing });
}

fn of_another_kind(post: &mut Post<'_>, at: DateTime<Utc>, person: &Person) {
    let event_data = Told::Strange.event_data(&foreign(post, at, person), at, post.chance);
    post.script.add(at, What::Post { event_data, on: None, also: Again::Nothing });
}

/// Somebody has seen a post, and sends another under its signature.
fn altered(post: &mut Post<'_>, at: DateTime<Utc>, person: &Person) {
    let event_data = Told::Delivered { attempt: 1 }.event_data(&foreign(post, at, person), at, post.chance);
    let mut other = event_data.clone();
    other["event"] = json!("complained");
    post.script.add(at, What::Post { event_data, on: None, also: Again::Other(other) });
}

/// An operator holds mail back, and perhaps lets it go again.
fn held_back(post: &mut Post<'_>, at: DateTime<Utc>, person: &Person, lifted_after: Option<TimeDelta>) {
    let added = Added {
        reason: Reason::Manual,
        blocks: Blocks::Bulk,
        address: person.address.clone().into(),
        category: None,
        message_id: None,
        by: "operator".to_owned(),
        at,
    };
    let stream = person.key.clone();
    let command = SuppressionCommand::Add(Box::new(added));
    post.script.add(at, What::Suppression { stream: stream.clone(), command, message: None });
    if let Some(after) = lifted_after {
        let at = at + after;
        let command =
            SuppressionCommand::Lift { reasons: vec![Reason::Manual], by: "operator".to_owned(), at };
        post.script.add(at, What::Suppression { stream, command, message: None });
    }
}

/// A mail that is not ours.
fn foreign(post: &mut Post<'_>, at: DateTime<Utc>, person: &Person) -> About {
    let message_id: MessageId = post.script.id(at);
    About {
        message_id,
        header: format!("{}@newsletter.example.com", post.chance.digits(24)),
        recipient: person.address.as_str().to_owned(),
        mx_host: person.mx_host,
        template: "newsletter",
    }
}
