//! Numbers and times as pages write them. A number of messages always comes with the list that it counts.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::cut::Cut;
use super::desk::Desk;
use crate::queries::Count;

/// A number of messages, and where they are listed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Number {
    pub value: i64,
    /// The same with its thousands apart.
    pub text: String,
    pub href: String,
}

impl Number {
    /// The messages of this cut for which these parameters of the list hold.
    pub fn of(desk: &Desk, cut: &Cut, value: i64, narrowed: &[(&str, &str)]) -> Self {
        let href = format!("{}dashboard/messages?{}", desk.visit.root(), cut.messages(narrowed));
        Self { value, text: grouped(value), href }
    }
}

/// How long a list is.
pub fn counted(count: Count) -> String {
    match count.is_all {
        true => grouped(count.rows),
        false => format!("More than {}", grouped(count.rows)),
    }
}

/// `1234567` as `1,234,567`.
pub fn grouped(value: i64) -> String {
    let digits = value.unsigned_abs().to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3 + 1);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if value < 0 { format!("−{text}") } else { text }
}

/// A share as `97.3 %`; with more digits where it is small, and never rounded to all or nothing.
pub fn percent(share: f64) -> String {
    let percent = share * 100.0;
    match percent {
        p if p == 0.0 || p == 100.0 => format!("{p:.0}\u{a0}%"),
        p if p < 0.01 => "<\u{a0}0.01\u{a0}%".to_owned(),
        p if p < 1.0 => format!("{p:.2}\u{a0}%"),
        p if p > 99.94 => ">\u{a0}99.9\u{a0}%".to_owned(),
        p => format!("{p:.1}\u{a0}%"),
    }
}

/// Seconds in the unit that suits them, such as `0.4 s`, `12 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`.
pub fn span(seconds: f64) -> String {
    let two = |large: i64, unit: &str, small: i64, smaller: &str| match small {
        0 => format!("{large}\u{a0}{unit}"),
        small => format!("{large}\u{a0}{unit} {small}\u{a0}{smaller}"),
    };
    if seconds < 9.95 && seconds.fract().abs() > 0.04 {
        return format!("{seconds:.1}\u{a0}s");
    }
    match seconds.round() as i64 {
        s if s < 60 => format!("{s}\u{a0}s"),
        s if s < 3_600 => two(s / 60, "min", s % 60, "s"),
        s if s < 86_400 => two(s / 3_600, "h", s % 3_600 / 60, "min"),
        s => two(s / 86_400, "d", s % 86_400 / 3_600, "h"),
    }
}

/// An instant, and how far it is away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Moment {
    /// RFC 3339.
    pub at: String,
    /// Such as `5 Jan 10:02:30`.
    pub text: String,
    /// Such as `3 min ago`.
    pub ago: String,
}

impl Moment {
    /// This instant, seen from another.
    pub fn of(at: DateTime<Utc>, now: DateTime<Utc>) -> Self {
        let format = if (now - at).num_days().abs() < 300 { "%-d %b %H:%M:%S" } else { "%-d %b %Y %H:%M" };
        let away = (now - at).as_seconds_f64();
        let largest = |seconds: f64| {
            let text = span(seconds.trunc());
            text.split(' ').next().unwrap_or_default().to_owned()
        };
        let ago = match away {
            a if a >= 1.0 => format!("{} ago", largest(a)),
            a if a <= -1.0 => format!("in {}", largest(-a)),
            _ => "now".to_owned(),
        };
        Self {
            at: at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
            text: at.format(format).to_string(),
            ago,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: String) -> String {
        text.replace('\u{a0}', " ")
    }

    #[test]
    fn thousands_stand_apart() {
        let told = [0, 7, 999, 1_000, 12_345, 1_234_567, -1_200].map(grouped);

        assert_eq!(told, ["0", "7", "999", "1,000", "12,345", "1,234,567", "−1,200"]);
    }

    #[test]
    fn a_share_is_never_rounded_to_all_or_nothing() {
        let told = [0.0, 0.00001, 0.0012, 0.0234, 0.75, 0.9994, 0.99999, 1.0].map(percent).map(plain);

        assert_eq!(told, ["0 %", "< 0.01 %", "0.12 %", "2.3 %", "75.0 %", "99.9 %", "> 99.9 %", "100 %"]);
    }

    #[test]
    fn spans_are_told_in_units_that_suit_them() {
        let told = [0.0, 0.4, 5.0, 59.6, 60.0, 200.0, 900.0, 7_500.0, 270_000.0].map(span).map(plain);

        assert_eq!(
            told,
            ["0 s", "0.4 s", "5 s", "1 min", "1 min", "3 min 20 s", "15 min", "2 h 5 min", "3 d 3 h"]
        );
    }
}
