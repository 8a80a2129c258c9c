//! A delay that a text names.

use std::sync::LazyLock;

use regex::Regex;

use super::reading::Reading;

/// A day: what asks for more means something else.
const LONGEST: u32 = 86_400;

static DELAY: LazyLock<Regex> = LazyLock::new(|| {
    let unit = r"(?<unit>s|secs?|seconds?|sekunden?|secondes?|segundos?|m|mins?|minutes?|minuten?|minutos?|minuti|h|hrs?|hours?|stunden?|heures?|horas?|ore)";
    Regex::new(&format!(
        r"(?i)(?:^|[^\w.:])(?<number>\d{{1,5}})[ -]?{unit}\b|(?<h>\d\d):(?<m>\d\d):(?<s>\d\d)"
    ))
    .expect("the pattern is well-formed")
});

/// Words that ask to come back.
const ASKS: &[&str] = &[
    "again",
    "retry",
    "retried",
    "later",
    "wait",
    "greylist",
    "graylist",
    "grey list",
    "delay",
    "defer",
    "come back",
    "erneut",
    "spater",
    "reessayer",
    "plus tard",
    "mas tarde",
    "piu tardi",
    "riprova",
    "seconds",
    "remaining",
];

/// Seconds until the server wants to be asked again, if it says so.
pub(super) fn named_in(reading: &Reading<'_>) -> Option<u32> {
    if !is_asked(reading) || !reading.text.bytes().any(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let found = DELAY.captures(&reading.text)?;
    let number = |name: &str| found.name(name).and_then(|digits| digits.as_str().parse::<u32>().ok());
    let seconds = match (found.name("unit"), number("number")) {
        (Some(unit), Some(count)) => {
            let unit = unit.as_str().to_ascii_lowercase();
            let unit = match unit.as_bytes()[0] {
                b's' if !unit.starts_with("stund") => 1,
                b'm' => 60,
                _ => 3_600,
            };
            count.checked_mul(unit)?
        }
        _ => number("h")? * 3_600 + number("m")? * 60 + number("s")?,
    };
    (1..=LONGEST).contains(&seconds).then_some(seconds)
}

/// Whether the text asks to come back, whenever.
pub(super) fn is_announced(reading: &Reading<'_>) -> bool {
    [
        "temporar",
        "try again",
        "retry",
        "retries",
        "later",
        "deferred",
        "delayed",
        "will be retried",
        "warning",
        "not yet",
    ]
    .iter()
    .any(|word| reading.words.contains(word))
}

fn is_asked(reading: &Reading<'_>) -> bool {
    ASKS.iter().any(|word| reading.words.contains(word))
}
