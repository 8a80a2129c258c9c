//! What Mailgun says: whether the key fits the region, how the domain stands, who hears of events, what time
//! it is there.

use super::Finding;
use crate::providers::mailgun::{AccountError, EVENT_TYPES, MailgunAccount};

/// Signatures in the future are refused after five minutes.
const SKEW_FAILED: i64 = 240;
const SKEW_WARNING: i64 = 30;

/// Looks at the account, and whether it posts to this URL.
pub async fn provider(account: &MailgunAccount, endpoint: &str) -> Vec<Finding> {
    let domain = match account.domain().await {
        Ok(domain) => domain,
        Err(error) => return vec![Finding::failed("provider", error.to_string(), advice(&error))],
    };
    let state = match domain.state.as_str() {
        "active" => Finding::good("provider", "the key fits, and the domain is active"),
        state => Finding::failed(
            "provider",
            format!("the domain is {state}"),
            "verify it at Mailgun: its DNS records, or what it was disabled for",
        ),
    };
    let mut findings = vec![state];
    findings.extend(domain.clock_ahead.map(clock));
    findings.push(match account.webhooks().await {
        Ok(known) => {
            let hears = |event_type: &&&str| {
                known.get(**event_type).is_some_and(|urls| urls.iter().any(|url| url == endpoint))
            };
            let missing: Vec<&str> =
                EVENT_TYPES.iter().filter(|event_type| !hears(event_type)).copied().collect();
            registered(&missing)
        }
        Err(error) => Finding::failed("webhooks", error.to_string(), advice(&error)),
    });
    findings
}

fn registered(missing: &[&str]) -> Finding {
    if missing.is_empty() {
        Finding::good("webhooks", "registered for every event type")
    } else {
        let told = format!("not registered for {}", missing.join(", "));
        Finding::failed("webhooks", told, "run `backstamp webhooks register`")
    }
}

fn clock(ahead: i64) -> Finding {
    let told = format!("{} s apart from Mailgun's", ahead.abs());
    match ahead.abs() {
        skew if skew >= SKEW_FAILED => {
            Finding::failed("clock", told, "set this machine's clock: signed webhooks will be refused")
        }
        skew if skew >= SKEW_WARNING => Finding::warning("clock", told, "let NTP set this machine's clock"),
        _ => Finding::good("clock", told),
    }
}

fn advice(error: &AccountError) -> &'static str {
    match error {
        AccountError::Unauthorised => {
            "use an account key in BACKSTAMP_MAILGUN_API_KEY; for the EU region set \
             BACKSTAMP_MAILGUN_BASE_URL=https://api.eu.mailgun.net"
        }
        AccountError::UnknownDomain => {
            "correct BACKSTAMP_MAILGUN_DOMAIN, or BACKSTAMP_MAILGUN_BASE_URL for the other region"
        }
        AccountError::Unreachable(_) => "see that this machine may connect to BACKSTAMP_MAILGUN_BASE_URL",
        AccountError::Unexpected(_) => "try again later, and look at Mailgun's status page",
    }
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn a_clock_that_would_have_signatures_refused_fails() {
        let verdicts = [-2, 45, -300].map(|ahead| clock(ahead).verdict);

        assert_eq!(verdicts, [Verdict::Good, Verdict::Warning, Verdict::Failed]);
    }

    #[test]
    fn what_mailgun_does_not_report_is_named() {
        let finding = registered(&["delivered", "opened"]);

        assert_eq!(finding.verdict, Verdict::Failed);
        assert_eq!(finding.told, "not registered for delivered, opened");
    }
}
