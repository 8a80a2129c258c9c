//! `backstamp explain`: what a diagnostic means, for a person, or line by line for a machine. Asks nobody and
//! keeps nothing; a line that cannot be read is answered with an error, and the run goes on.

use std::borrow::Cow;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::domain::bounce::{Category, Classification, EnhancedStatus, Evidence, RuleSet};
use crate::domain::mailbox_provider::MailboxProvider;

/// A line longer than this is no diagnostic; it is refused without being kept.
const LONGEST_LINE: usize = 8 * 1024 * 1024;

/// One failure, as a machine asks.
#[derive(Debug, Deserialize)]
struct Question<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(default)]
    code: Option<u16>,
    #[serde(borrow, default)]
    enhanced: Option<Cow<'a, str>>,
    #[serde(borrow)]
    message: Cow<'a, str>,
    #[serde(borrow, default)]
    mx_host: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    recipient_domain: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    severity: Option<Cow<'a, str>>,
}

/// What is answered.
#[derive(Debug, Serialize)]
struct Explanation<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a RawValue>,
    category: Category,
    permanent: bool,
    class: &'static str,
    critical: bool,
    suppress: bool,
    rule: &'a str,
    confidence: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<MailboxProvider>,
    #[serde(skip_serializing_if = "Option::is_none")]
    list: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u32>,
    normalized: &'a str,
}

/// The id alone, of a line that is no question.
#[derive(Debug, Deserialize)]
struct Name<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
}

#[derive(Debug, Serialize)]
struct Fault<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a RawValue>,
    error: String,
}

/// Explains one diagnostic to a person.
pub fn one(rules: &RuleSet, diagnostic: &str, out: &mut impl Write) -> io::Result<()> {
    let verdict = rules.classify(&Evidence { text: diagnostic, ..Evidence::default() });
    let category = verdict.category;
    writeln!(out, "{}: {}", category.as_str(), category.meaning())?;
    writeln!(out, "  {}", if verdict.permanent { "permanent" } else { "temporary" })?;
    let class = verdict.class.as_str();
    writeln!(out, "  class       {class}{}", if verdict.critical { ", critical" } else { "" })?;
    writeln!(out, "  address     {}", if verdict.suppress { "gets no more mail" } else { "is kept" })?;
    writeln!(out, "  advice      {}", category.advice())?;
    writeln!(out, "  rule        {} ({})", verdict.rule, verdict.confidence.as_str())?;
    if let Some(origin) = rules.origin_of(verdict.rule) {
        writeln!(out, "  known from  {origin}")?;
    }
    if let Some(list) = &verdict.list {
        writeln!(out, "  list        {list}")?;
    }
    if let Some(seconds) = verdict.retry_after {
        writeln!(out, "  retry       after {seconds} s")?;
    }
    writeln!(out, "  normal form {}", Classification::normal_form(diagnostic))
}

/// Answers each line of the input with one of the output, in order.
pub fn lines(rules: &RuleSet, input: impl Read, output: impl Write) -> io::Result<()> {
    let mut input = BufReader::with_capacity(256 * 1024, input);
    let mut output = BufWriter::with_capacity(256 * 1024, output);
    let mut line = Vec::with_capacity(4096);
    loop {
        match read_line(&mut input, &mut line)? {
            Line::Whole if line.iter().all(u8::is_ascii_whitespace) => {}
            Line::Whole => answer(rules, &line, &mut output)?,
            Line::TooLong => {
                let error = format!("the line is longer than {LONGEST_LINE} bytes");
                write_line(&Fault { id: None, error }, &mut output)?;
            }
            Line::None => return output.flush(),
        }
        // Somebody who asks line by line waits for the answer.
        if input.buffer().is_empty() {
            output.flush()?;
        }
    }
}

fn answer(rules: &RuleSet, line: &[u8], output: &mut impl Write) -> io::Result<()> {
    let line = String::from_utf8_lossy(line);
    let question: Question<'_> = match serde_json::from_str(&line) {
        Ok(question) => question,
        Err(error) => {
            let id = serde_json::from_str::<Name<'_>>(&line).ok().and_then(|name| name.id);
            return write_line(&Fault { id, error: error.to_string() }, output);
        }
    };
    let severity = question.severity.as_deref().unwrap_or_default();
    let verdict = rules.classify(&Evidence {
        reply: question.code,
        enhanced: question.enhanced.as_deref().and_then(EnhancedStatus::parse),
        text: &question.message,
        mx_host: question.mx_host.as_deref(),
        recipient_domain: question.recipient_domain.as_deref(),
        permanent: match () {
            () if severity.eq_ignore_ascii_case("permanent") => Some(true),
            () if severity.eq_ignore_ascii_case("temporary") => Some(false),
            () => None,
        },
    });
    let explanation = Explanation {
        id: question.id,
        category: verdict.category,
        permanent: verdict.permanent,
        class: verdict.class.as_str(),
        critical: verdict.critical,
        suppress: verdict.suppress,
        rule: verdict.rule,
        confidence: verdict.confidence.as_str(),
        provider: verdict.provider,
        list: verdict.list.as_deref(),
        retry_after: verdict.retry_after,
        normalized: &Classification::normal_form(&question.message),
    };
    write_line(&explanation, output)
}

fn write_line(answer: &impl Serialize, output: &mut impl Write) -> io::Result<()> {
    serde_json::to_writer(&mut *output, answer)?;
    output.write_all(b"\n")
}

/// What was read.
enum Line {
    Whole,
    /// The rest of it was skipped.
    TooLong,
    /// The input is at its end.
    None,
}

fn read_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Line> {
    line.clear();
    let (mut has_begun, mut is_whole) = (false, true);
    loop {
        let buffer = input.fill_buf()?;
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let part = &buffer[..end.unwrap_or(buffer.len())];
        is_whole &= line.len() + part.len() <= LONGEST_LINE;
        if is_whole {
            line.extend_from_slice(part);
        }
        let is_over = end.is_some() || buffer.is_empty();
        has_begun |= !buffer.is_empty();
        let used = end.map_or(buffer.len(), |end| end + 1);
        input.consume(used);
        if is_over {
            return Ok(match (has_begun, is_whole) {
                (false, _) => Line::None,
                (true, true) => Line::Whole,
                (true, false) => Line::TooLong,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::bounce::installed;

    fn answers(input: &[u8]) -> Vec<Value> {
        let mut output = Vec::new();
        lines(installed(), input, &mut output).unwrap();
        String::from_utf8(output).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn each_line_is_answered_in_order_and_bad_ones_with_an_error() {
        let input = concat!(
            r#"{"id":1,"code":550,"enhanced":"5.1.1","message":"No such user <ada@example.test>","mx_host":"mx01.mail.icloud.com","severity":"permanent"}"#,
            "\n",
            "no json\n",
            "\n",
            r#"{"id":"b","code":"many","message":"x"}"#,
            "\r\n",
            r#"{"id":{"any":"value"},"message":"450 4.2.0 Greylisted, try again in 5 minutes","severity":null,"other":[1]}"#,
        );

        let answers = answers(input.as_bytes());

        assert_eq!(answers.len(), 4);
        assert_eq!(
            answers[0],
            json!({"id": 1, "category": "invalid_recipient", "permanent": true, "class": "hard", "critical": false,
                   "suppress": true, "rule": answers[0]["rule"], "confidence": "phrase", "provider": "apple",
                   "normalized": "No such user <{address}>"})
        );
        assert!(answers[1]["error"].is_string() && answers[1].get("id").is_none());
        assert!(answers[2]["error"].is_string() && answers[2]["id"] == "b");
        assert_eq!(
            (&answers[3]["category"], &answers[3]["retry_after"]),
            (&json!("greylisted"), &json!(300))
        );
        assert_eq!(answers[3]["id"], json!({"any": "value"}));
    }

    #[test]
    fn what_is_no_utf8_or_endless_stops_nothing() {
        let mut input = b"{\"id\":1,\"message\":\"550 bo\xeete pleine\"}\n".to_vec();
        input.extend(std::iter::repeat_n(b'a', LONGEST_LINE + 1));
        input.extend(b"\n{\"id\":2,\"message\":\"552 mailbox full\"}\n");

        let answers = answers(&input);

        assert_eq!(answers[0]["id"], 1);
        assert!(answers[1]["error"].as_str().unwrap().contains("longer"));
        assert_eq!(answers[2]["category"], "mailbox_full");
    }

    #[test]
    fn a_person_reads_category_advice_and_rule() {
        let mut out = Vec::new();

        one(installed(), "552 5.2.2 Mailbox full", &mut out).unwrap();

        let text = String::from_utf8(out).unwrap();
        for part in ["mailbox_full", "permanent", "is kept", "Nothing to fix", "known from"] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
}
