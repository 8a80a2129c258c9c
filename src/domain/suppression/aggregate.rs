//! The reasons that hold for one address, and how events change them.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};

use super::command::{SuppressionCommand as Command, SuppressionRefusal as Refusal};
use super::event::{Added, Blocks, Lifted, Reason, SuppressionEvent as Event};

/// Who lifted what the owner of an address has disproved.
const PROOF: &str = "proof";

/// One address.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Suppression {
    grounds: BTreeMap<Reason, Ground>,
    /// When each reason was lifted last.
    lifted: BTreeMap<Reason, DateTime<Utc>>,
    newer_code: bool,
}

/// A reason that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ground {
    pub blocks: Blocks,
    pub since: DateTime<Utc>,
}

impl Suppression {
    /// The reason why bulk mail, or every mail, is held back; the gravest, if there are several.
    pub fn blocks(&self, mail: Blocks) -> Option<Reason> {
        let held = self.grounds.iter().filter(|(_, ground)| ground.blocks >= mail);
        held.max_by_key(|(reason, ground)| (ground.blocks, Reverse(**reason))).map(|(reason, _)| *reason)
    }

    /// Every reason that holds.
    pub fn grounds(&self) -> impl Iterator<Item = (Reason, Ground)> {
        self.grounds.iter().map(|(reason, ground)| (*reason, *ground))
    }

    /// The rules: which events a command leads to, or why it is refused. No events: nothing to do.
    pub fn decide(&self, command: Command) -> Result<Vec<Event>, Refusal> {
        if self.newer_code {
            return Err(Refusal::NewerCode);
        }
        Ok(match command {
            Command::Add(added) if self.is_news(&added) => vec![Event::Added(*added)],
            Command::Add(_) => vec![],
            Command::Prove { at } => match self.grounds.get(&Reason::HardBounce) {
                Some(ground) if ground.since <= at => {
                    let (reasons, by) = (vec![Reason::HardBounce], PROOF.to_owned());
                    vec![Event::Lifted(Lifted { reasons, by, at })]
                }
                _ => vec![],
            },
            Command::Lift { reasons, by, at } => {
                let reasons: Vec<_> =
                    reasons.into_iter().filter(|reason| self.grounds.contains_key(reason)).collect();
                if reasons.is_empty() { vec![] } else { vec![Event::Lifted(Lifted { reasons, by, at })] }
            }
        })
    }

    /// Whether it changes anything: a reason that holds already is no news unless it blocks otherwise, and what
    /// happened before a lift was known, or is outdated, when it was lifted.
    fn is_news(&self, added: &Added) -> bool {
        match self.grounds.get(&added.reason) {
            // An operator may also narrow what they have blocked.
            Some(ground) => added.reason == Reason::Manual && ground.blocks != added.blocks,
            None => self.lifted.get(&added.reason).is_none_or(|lifted| added.at > *lifted),
        }
    }

    /// Changes the state by one event. Total: whatever the log holds, this takes it.
    fn fold(&mut self, event: Event) {
        match event {
            Event::Added(added) => {
                let since = self.grounds.get(&added.reason).map_or(added.at, |ground| ground.since);
                self.grounds.insert(added.reason, Ground { blocks: added.blocks, since });
            }
            Event::Lifted(lifted) => {
                for reason in lifted.reasons {
                    self.grounds.remove(&reason);
                    self.lifted.insert(reason, lifted.at);
                }
            }
            Event::Unknown => self.newer_code = true,
        }
    }
}

impl Aggregate for Suppression {
    const TYPE: &'static str = "suppression";
    type Command = Command;
    type Event = Event;
    type Error = Refusal;
    type Services = ();

    async fn handle(
        &mut self,
        command: Command,
        (): &Self::Services,
        sink: &EventSink<Self>,
    ) -> Result<(), Refusal> {
        for event in self.decide(command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: Event) {
        self.fold(event);
    }
}
