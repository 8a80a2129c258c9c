//! What the database says: that it answers and its keys open, and how the pipeline behind it stands.

use chrono::{DateTime, TimeDelta, Utc};

use super::Finding;
use crate::database::DatabaseError;
use crate::event_log::{EventLog, checkpoint, parked};
use crate::{inbox, projections, reactors};

/// Events behind from which read models count as old.
const LAG: i64 = 10_000;
const OUTBOX_AGE: TimeDelta = TimeDelta::minutes(5);
/// With mails leaving, silence of this length is suspicious.
const SILENCE: TimeDelta = TimeDelta::minutes(10);

/// How the pipeline stands.
#[derive(Debug, Clone)]
pub struct Pipeline {
    /// The follower that is furthest behind, and how far.
    pub furthest: (&'static str, i64),
    pub outbox: reactors::WaitingMails,
    pub inbox: inbox::Standing,
    pub parked_events: i64,
    /// When a mail was last handed over.
    pub last_sent: Option<DateTime<Utc>>,
}

impl Pipeline {
    /// How it stands behind this log.
    pub async fn look(log: &EventLog) -> Result<Self, DatabaseError> {
        let database = log.database();
        let last = log.last_position().await?;
        let mut furthest = ("reactors", last - checkpoint::position(database, "reactors").await?);
        for projection in projections::all() {
            let lag = last - checkpoint::position(database, projection.name()).await?;
            if lag > furthest.1 {
                furthest = (projection.name(), lag);
            }
        }
        Ok(Self {
            furthest,
            outbox: reactors::waiting_mails(database).await?,
            inbox: inbox::standing(database).await?,
            parked_events: parked::count(database).await?,
            last_sent: log.last_recorded("message.sent").await?,
        })
    }

    /// What that means now, for a provider that reports by webhooks or one that does not.
    pub fn findings(&self, now: DateTime<Utc>, has_webhooks: bool) -> Vec<Finding> {
        let mut findings = vec![self.projections(), self.outbox(now), self.put_aside()];
        if has_webhooks {
            findings.push(self.webhooks(now));
        }
        findings
    }

    fn projections(&self) -> Finding {
        match self.furthest {
            (_, lag) if lag <= LAG => Finding::good("projections", format!("at most {lag} events behind")),
            (name, lag) => Finding::failed(
                "projections",
                format!("{name} is {lag} events behind"),
                "start the server; if it runs, its log says `consumer failed` and why",
            ),
        }
    }

    fn outbox(&self, now: DateTime<Utc>) -> Finding {
        match self.outbox.oldest.map(|oldest| now - oldest) {
            Some(age) if age > OUTBOX_AGE => Finding::failed(
                "outbox",
                format!("{} mails wait, the oldest for {}", self.outbox.count, spoken(age)),
                "start the server; if it runs, look at the calls to the mail provider",
            ),
            Some(age) => {
                Finding::good("outbox", format!("{} wait, the oldest for {}", self.outbox.count, spoken(age)))
            }
            None => Finding::good("outbox", "no mail waits"),
        }
    }

    fn put_aside(&self) -> Finding {
        let (work, events, webhooks) = (self.outbox.parked, self.parked_events, self.inbox.failed);
        if work + events + webhooks == 0 {
            return Finding::good("put aside", "nothing");
        }
        Finding::warning(
            "put aside",
            format!("{work} pieces of work, {events} events, {webhooks} webhooks"),
            "each has its reason beside it: docs/operations.md, BackstampDeadLetters",
        )
    }

    fn webhooks(&self, now: DateTime<Utc>) -> Finding {
        const CHECK: &str = "heard of";
        let last = self.inbox.last_received;
        match (self.last_sent, last) {
            (None, _) => Finding::good(CHECK, "no mail was sent yet"),
            (Some(sent), last) if last.is_none_or(|last| last < sent) && now - sent > SILENCE => {
                Finding::failed(
                    CHECK,
                    format!("nothing since a mail was handed over {} ago", spoken(now - sent)),
                    "see that the webhooks are registered, and that none are refused (signing key)",
                )
            }
            (_, Some(last)) => {
                Finding::good(CHECK, format!("the last webhook came {} ago", spoken(now - last)))
            }
            (_, None) => Finding::good(CHECK, "the first webhooks are on their way"),
        }
    }
}

/// A span in one unit.
fn spoken(span: TimeDelta) -> String {
    match span.num_seconds().max(0) {
        seconds if seconds < 120 => format!("{seconds} s"),
        seconds if seconds < 7_200 => format!("{} min", seconds / 60),
        seconds if seconds < 172_800 => format!("{} h", seconds / 3_600),
        seconds => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::days(20_000)
    }

    fn quiet() -> Pipeline {
        Pipeline {
            furthest: ("deliveries", 3),
            outbox: reactors::WaitingMails {
                count: 0,
                oldest: None,
                failing: 0,
                last_error: None,
                parked: 0,
            },
            inbox: inbox::Standing { pending: 0, failed: 0, last_received: None },
            parked_events: 0,
            last_sent: None,
        }
    }

    fn verdicts(pipeline: &Pipeline) -> Vec<(&'static str, Verdict)> {
        let findings = pipeline.findings(now(), true);
        findings.into_iter().map(|finding| (finding.check, finding.verdict)).collect()
    }

    #[test]
    fn a_fresh_installation_is_well() {
        assert!(verdicts(&quiet()).iter().all(|(_, verdict)| *verdict == Verdict::Good));
    }

    #[test]
    fn what_stands_still_is_found() {
        let mut stuck = quiet();
        stuck.furthest = ("timeline", 20_000);
        stuck.outbox.oldest = Some(now() - TimeDelta::minutes(9));
        stuck.parked_events = 1;
        stuck.last_sent = Some(now() - TimeDelta::minutes(11));
        stuck.inbox.last_received = Some(now() - TimeDelta::hours(3));

        use Verdict::{Failed, Warning};
        let expected =
            [("projections", Failed), ("outbox", Failed), ("put aside", Warning), ("heard of", Failed)];
        assert_eq!(verdicts(&stuck), expected);
    }

    #[test]
    fn a_mail_that_just_left_is_no_silence() {
        let mut busy = quiet();
        busy.last_sent = Some(now() - TimeDelta::minutes(2));

        assert!(verdicts(&busy).contains(&("heard of", Verdict::Good)));
    }
}
