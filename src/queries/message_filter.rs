//! Which messages. The same words that metrics count by: a list with a cohort's range and a counter's name as flag
//! has as many rows as the counter says.

use chrono::{DateTime, Utc};

use super::{QueryError, Settings};
use crate::database::Value;
use crate::domain::bounce::Category;
use crate::domain::delivery::{Counters, Durations, Failures, Loss, Status, Step};
use crate::domain::mailbox_provider::MailboxProvider;

/// Which messages. Every given field must hold.
#[derive(Debug, Clone, Default)]
pub struct MessageFilter {
    /// The keyed hash of the address, in hexadecimal.
    pub recipient_key: Option<String>,
    pub template: Option<String>,
    /// Without one the sandbox's messages are left out, unless all is a sandbox, as in metrics.
    pub provider: Option<String>,
    /// A status (`delivered`, `bounced`, …), or any counter (`opened`, `completed`, …).
    pub outcome: Option<String>,
    pub mailbox_provider: Option<String>,
    pub recipient_domain: Option<String>,
    pub bounce_category: Option<String>,
    /// Counters that must be above 0 for the message, or with a minus before it must not.
    pub flags: Vec<String>,
    /// The step of the funnel that the message did not reach …
    pub lost_at: Option<String>,
    /// … and why.
    pub loss: Option<String>,
    /// That it failed in this way, whatever became of it afterwards.
    pub failure: FailureFilter,
    /// A span that was measured of the message, such as `time_to_delivered`.
    pub measured: Option<String>,
    /// Requested at this instant or later.
    pub after: Option<DateTime<Utc>>,
    /// Requested before this instant.
    pub before: Option<DateTime<Utc>>,
}

/// Which failures a message must have had one of, as bounce metrics count them. Every given field must hold of the same
/// failure; with none given it needs none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FailureFilter {
    pub category: Option<String>,
    /// For good, or for now.
    pub permanent: Option<bool>,
    /// The id of the rule that understood it.
    pub rule: Option<String>,
    /// What was said, masked.
    pub text: Option<String>,
}

impl FailureFilter {
    /// Adds the condition to a statement about messages. The masks stand in the text, as in the indexes of messages
    /// that failed.
    fn add(&self, sql: &mut String, values: &mut Vec<Value>) {
        if *self == Self::default() {
            return;
        }
        let category = self.category.as_deref().and_then(Category::parse);
        if category.is_some() {
            sql.push_str(&format!(" AND (failures & {}) <> 0", Failures::mask(category, None)));
        }
        if self.permanent.is_some() {
            sql.push_str(&format!(" AND (failures & {}) <> 0", Failures::mask(category, self.permanent)));
        }
        if self.rule.is_none() && self.text.is_none() {
            return;
        }
        sql.push_str(" AND message_id IN (SELECT message_id FROM bounce_failures WHERE 1 = 1");
        let text = |text: &Option<String>| text.as_deref().map(Value::from);
        for (column, value) in [
            ("category", text(&self.category)),
            ("permanent", self.permanent.map(|is| Value::from(i64::from(is)))),
            ("rule", text(&self.rule)),
            ("normalized", text(&self.text)),
        ] {
            if let Some(value) = value {
                values.push(value);
                sql.push_str(&format!(" AND {column} = ${}", values.len()));
            }
        }
        sql.push(')');
    }
}

impl MessageFilter {
    /// The condition as SQL, and its values. Names that could only be mistyped are refused.
    pub(super) fn condition(&self, settings: Settings) -> Result<(String, Vec<Value>), QueryError> {
        let after = self.after.map_or(0, |at| at.timestamp_micros());
        let before = self.before.map_or(i64::MAX, |at| at.timestamp_micros());
        let mut sql = "requested_at >= $1 AND requested_at < $2".to_owned();
        let mut values: Vec<Value> = vec![after.into(), before.into()];

        let status = self.outcome.as_deref().filter(|name| is_status(name));
        if let Some(flag) = self.outcome.as_deref().filter(|name| !is_status(name)) {
            sql.push_str(&format!(" AND {}", counted(flag).ok_or(QueryError::Unknown("outcome"))?));
        }
        for flag in &self.flags {
            let (name, is_so) = flag.strip_prefix('-').map_or((flag.as_str(), true), |name| (name, false));
            let condition = counted(name).ok_or(QueryError::Unknown("flag"))?;
            sql.push_str(&if is_so {
                format!(" AND {condition}")
            } else {
                format!(" AND NOT ({condition})")
            });
        }
        self.check()?;
        if let Some(span) = &self.measured {
            let span =
                Durations::NAMES.iter().find(|name| *name == span).ok_or(QueryError::Unknown("measured"))?;
            sql.push_str(&format!(" AND {span} IS NOT NULL"));
        }
        for (column, value) in [
            ("recipient_key", self.recipient_key.as_deref()),
            ("template", self.template.as_deref()),
            ("provider", self.provider.as_deref()),
            ("status", status),
            ("mailbox_provider", self.mailbox_provider.as_deref()),
            ("recipient_domain", self.recipient_domain.as_deref()),
            ("bounce_category", self.bounce_category.as_deref()),
            ("lost_at", self.lost_at.as_deref()),
            ("loss", self.loss.as_deref()),
        ] {
            if let Some(value) = value {
                values.push(value.into());
                sql.push_str(&format!(" AND {column} = ${}", values.len()));
            }
        }
        self.failure.add(&mut sql, &mut values);
        if settings.leaves_out_sandbox(self.provider.as_deref()) {
            sql.push_str(" AND provider <> 'sandbox'");
        }
        Ok((sql, values))
    }

    /// Words of closed lists.
    fn check(&self) -> Result<(), QueryError> {
        let known =
            |word: &Option<String>, is_known: &dyn Fn(&str) -> bool| word.as_deref().is_none_or(is_known);
        for (name, is_known) in [
            (
                "mailbox_provider",
                known(&self.mailbox_provider, &|word| MailboxProvider::parse(word).is_some()),
            ),
            ("bounce_category", known(&self.bounce_category, &|word| Category::parse(word).is_some())),
            ("failure_category", known(&self.failure.category, &|word| Category::parse(word).is_some())),
            ("lost_at", known(&self.lost_at, &|word| Step::ALL.iter().any(|step| step.as_str() == word))),
            ("loss", known(&self.loss, &|word| Loss::all().any(|loss| loss.reason == word))),
        ] {
            if !is_known {
                return Err(QueryError::Unknown(name));
            }
        }
        Ok(())
    }
}

fn is_status(name: &str) -> bool {
    Status::ALL.into_iter().any(|status| status.as_str() == name)
}

/// That a counter is above 0. The bit stands in the text, as in the indexes of rare flags.
fn counted(name: &str) -> Option<String> {
    if let Some(bit) = Counters::FLAGS.iter().position(|flag| *flag == name) {
        return Some(format!("(flags >> {bit}) & 1 = 1"));
    }
    Counters::COUNTS.iter().find(|count| **count == name).map(|count| format!("{count} > 0"))
}
