//! `backstamp doctor`: looks at everything that mail depends on, and says what to do about what is wrong.
//!
//! Changes nothing: it sends no mail, registers nothing and migrates nothing. Shows no key and no address.

mod database;
mod examination;
mod mailgun;
mod program;
mod smtp;

use std::{fmt, io};

use serde::Serialize;

use super::output::{say, show};

pub use examination::examine;

/// How one thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As it should be.
    Good,
    /// Works, and somebody should look.
    Warning,
    /// Does not work.
    Failed,
}

/// What was found about one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at, such as `webhooks`.
    pub check: &'static str,
    pub verdict: Verdict,
    /// What was seen.
    pub told: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl Finding {
    /// All is well.
    pub fn good(check: &'static str, told: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Good, told: told.into(), next: None }
    }

    /// Somebody should look.
    pub fn warning(check: &'static str, told: impl Into<String>, next: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Warning, told: told.into(), next: Some(next.into()) }
    }

    /// It does not work.
    pub fn failed(check: &'static str, told: impl Into<String>, next: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Failed, told: told.into(), next: Some(next.into()) }
    }
}

/// All findings.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// Whether nothing failed.
    pub healthy: bool,
    pub findings: Vec<Finding>,
}

impl Report {
    /// Of these findings.
    pub fn new(findings: Vec<Finding>) -> Self {
        Self { healthy: findings.iter().all(|finding| finding.verdict != Verdict::Failed), findings }
    }

    /// Prints it for a person or for a machine.
    pub fn print(&self, as_json: bool) -> io::Result<()> {
        if as_json {
            say(serde_json::to_string_pretty(self).expect("a report is plain data"))
        } else {
            show(self)
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Finding { check, verdict, told, next } in &self.findings {
            let mark = match verdict {
                Verdict::Good => "ok  ",
                Verdict::Warning => "LOOK",
                Verdict::Failed => "FAIL",
            };
            writeln!(f, "{mark}  {check:12} {told}")?;
            if let Some(next) = next {
                writeln!(f, "      {:12} → {next}", "")?;
            }
        }
        let count = |verdict| self.findings.iter().filter(|finding| finding.verdict == verdict).count();
        writeln!(f)?;
        match (count(Verdict::Failed), count(Verdict::Warning)) {
            (0, 0) => writeln!(f, "All is well."),
            (0, warnings) => writeln!(f, "It works; {warnings} to look at."),
            (failed, warnings) => writeln!(f, "{failed} failed, {warnings} to look at."),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_healthy_unless_something_failed() {
        let look = Finding::warning("disk", "2 GB are free", "make room");
        let fail = Finding::failed("database", "it does not answer", "start it");

        assert!(Report::new(vec![Finding::good("keys", "they open"), look.clone()]).healthy);
        assert!(!Report::new(vec![look, fail]).healthy);
    }

    #[test]
    fn whoever_reads_it_sees_what_to_do() {
        let report = Report::new(vec![
            Finding::good("keys", "they open"),
            Finding::failed("database", "it does not answer", "start it"),
        ]);

        let text = report.to_string();

        assert_eq!(
            text,
            "ok    keys         they open\nFAIL  database     it does not answer\n                   → start \
             it\n\n1 failed, 0 to look at.\n"
        );
    }
}
