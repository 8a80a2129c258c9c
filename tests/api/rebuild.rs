//! What people read is derived: folded again beside the running program, every answer is the same before it, in
//! the midst of it and after it, whoever is killed meanwhile.

use std::collections::BTreeMap;

use backstamp::clock::{Clock, SystemClock};
use backstamp::projections;
use chrono::{SecondsFormat, TimeDelta};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::support::{Api, Installation, Program, eventually, tables};

const METRICS: &str = "/v1/metrics/delivery";
/// One for each outcome that a mail can have in the sandbox.
const RECIPIENTS: [&str; 8] = [
    "ada@example.test",
    "bounce+mailbox_full@gmail.com",
    "bounce@outlook.com",
    "defer@yahoo.com",
    "complain@example.test",
    "suppressed@example.test",
    "refuse@example.test",
    "lost@example.test",
];

/// A program with mails of every kind, of which nothing more is to come.
async fn with_history() -> (Installation, Program) {
    let installation = Installation::new().await;
    let program = installation.start().await;
    for recipient in RECIPIENTS {
        installation.account(recipient).await;
        program.api.request_reset(recipient).await;
    }
    program.api.request_reset("unknown@example.test").await;
    program.api.request_reset(RECIPIENTS[0]).await;
    let (mail, token) = program.mailbox.receive_link(RECIPIENTS[0]).await;
    program.mailbox.open(&mail).await;
    assert_eq!(program.api.inspect(&token).await.status, 200);
    assert_eq!(program.api.confirm(&token, "vermilion otter lantern").await.status, 200);

    eventually("every mail has met its fate", async || {
        let totals = program.api.ask(METRICS).await["totals"].take();
        let counts = ["requested", "rejected", "bounced", "suppressed", "complained", "deferred", "opened"];
        (counts.map(|name| totals[name].as_i64().unwrap_or_default()) == [9, 1, 2, 1, 1, 1, 1]
            && totals["in_flight"] == 1
            && totals["delivered"] == 4)
            .then_some(())
    })
    .await;
    tables::folded(&installation.scratch.database).await;
    (installation, program)
}

/// What every call of an operator answers, by its path.
async fn answers(api: &Api, day: &str) -> BTreeMap<String, Value> {
    let mut answers = BTreeMap::new();
    for (list, outcomes) in [
        ("/v1/password-resets", ["live", "completed", "declined"]),
        ("/v1/messages", ["delivered", "bounced", "complained"]),
    ] {
        let filter = if list.ends_with("resets") { "status" } else { "outcome" };
        let mut paths = vec![format!("{list}?limit=200"), format!("{list}?limit=2")];
        paths.extend(outcomes.map(|outcome| format!("{list}?{filter}={outcome}")));
        paths.extend(RECIPIENTS.map(|to| format!("{list}?recipient={}", to.replace('+', "%2B"))));
        let all = api.ask(&paths[0]).await;
        for row in all["data"].as_array().expect("rows") {
            let id = row["id"].as_str().expect("an id");
            paths.extend([format!("{list}/{id}"), format!("{list}/{id}/timeline")]);
        }
        for path in paths {
            answers.insert(path.clone(), api.ask(&path).await);
        }
    }
    for group in ["template", "mailbox_provider", "recipient_domain", "provider"] {
        for interval in ["minute", "hour", "day"] {
            let path = format!("{METRICS}?{day}&interval={interval}&group_by={group}");
            let mut metrics = api.ask(&path).await;
            // These two tell the time of the answer.
            let members = metrics.as_object_mut().expect("an object");
            assert!(members.remove("as_of").is_some() && members.remove("in_flight_oldest").is_some());
            answers.insert(path, metrics);
        }
    }
    answers
}

/// The day until now, and the next, as bounds that stay the same.
fn today() -> String {
    let at = |hours| {
        let at = SystemClock.now() + TimeDelta::hours(hours);
        at.to_rfc3339_opts(SecondsFormat::Secs, true)
    };
    format!("from={}&to={}", at(-20), at(4))
}

#[tokio::test]
async fn every_answer_is_the_same_after_a_rebuild_beside_the_running_program() {
    let (installation, program) = with_history().await;
    let day = today();
    let before = answers(&program.api, &day).await;

    installation.succeed(&["rebuild"], "").await;
    tables::folded(&installation.scratch.database).await;
    let rebuilt = answers(&program.api, &day).await;
    for projection in projections::projections() {
        installation.succeed(&["rebuild", projection.name()], "").await;
    }
    tables::folded(&installation.scratch.database).await;
    let one_by_one = answers(&program.api, &day).await;

    assert!(before.len() > 60, "too few answers to compare: {}", before.len());
    assert_same(&before, &rebuilt);
    assert_same(&before, &one_by_one);
}

/// Asks again and again until told to stop; answers how often, and the least number of messages told.
async fn keep_asking(api: Api, path: String, stop: CancellationToken) -> (usize, i64) {
    let (mut asked, mut least) = (0, i64::MAX);
    while !stop.is_cancelled() {
        let metrics = api.ask(&path).await;
        least = least.min(metrics["totals"]["requested"].as_i64().expect("a number"));
        asked += 1;
    }
    (asked, least)
}

#[tokio::test]
async fn the_running_program_gives_complete_answers_all_the_time_while_mail_goes_on() {
    let (installation, program) = with_history().await;
    let path = format!("{METRICS}?{}&group_by=template", today());
    let stop = CancellationToken::new();
    let asking = tokio::spawn(keep_asking(program.api.clone(), path.clone(), stop.clone()));

    for round in 0..3 {
        let newcomer = format!("newcomer{round}@example.test");
        installation.account(&newcomer).await;
        program.api.request_reset(&newcomer).await;
        installation.succeed(&["rebuild"], "").await;
    }
    stop.cancel();
    let (asked, least) = asking.await.expect("it asked");
    eventually("every mail is counted once", async || {
        let totals = program.api.ask(&path).await["totals"].take();
        (totals["requested"] == 12 && totals["delivered"] == 7).then_some(())
    })
    .await;

    assert!(asked > 3 && least >= 9, "{asked} answers, of which one told of {least} messages");
    assert!(beside(&installation).await.is_empty(), "nothing is left beside the live tables");
}

/// Tables that stand beside the live ones.
async fn beside(installation: &Installation) -> Vec<String> {
    let names = tables::names(&installation.scratch.database).await;
    names.into_iter().filter(|name| name.contains('@')).collect()
}

/// Instants of a rebuild, evenly apart, at each of which one is killed.
const CUTS: u32 = 12;

#[tokio::test]
async fn a_rebuild_that_is_killed_leaves_the_live_tables_as_they_were() {
    let (installation, program) = with_history().await;
    let day = today();
    let before = answers(&program.api, &day).await;
    let mut cut_in_the_midst = 0;
    let begun = tokio::time::Instant::now();
    installation.succeed(&["rebuild"], "").await;
    let whole = begun.elapsed();

    for part in 1..=CUTS {
        installation.cut(&["rebuild"], whole * part / CUTS).await;
        cut_in_the_midst += usize::from(!beside(&installation).await.is_empty());
        tables::folded(&installation.scratch.database).await;
        assert_same(&before, &answers(&program.api, &day).await);
    }
    installation.succeed(&["rebuild"], "").await;

    assert!(cut_in_the_midst > 0, "none of the cuts came while a rebuild was under way");
    assert_same(&before, &answers(&program.api, &day).await);
    assert!(beside(&installation).await.is_empty());
}

#[tokio::test]
async fn every_answer_comes_back_after_the_tables_were_emptied_by_hand() {
    let (installation, program) = with_history().await;
    let (day, database) = (today(), &installation.scratch.database);
    let before = answers(&program.api, &day).await;

    for table in projections::projections().iter().flat_map(|projection| projection.tables()) {
        database.execute(&format!("DELETE FROM {table}"), &[]).await.expect("it is emptied");
    }
    let emptied = program.api.ask(&format!("{METRICS}?{day}")).await;
    installation.succeed(&["rebuild"], "").await;
    tables::folded(database).await;

    assert_eq!(emptied["totals"]["requested"], 0);
    assert_same(&before, &answers(&program.api, &day).await);
}

#[tokio::test]
async fn a_rebuild_of_what_does_not_exist_fails_and_names_what_does() {
    let installation = Installation::new().await;

    let output = installation.run(&["rebuild", "horoscopes"], "").await;

    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{told}");
    for projection in projections::projections() {
        assert!(told.contains(projection.name()), "{told}");
    }
}

fn assert_same(before: &BTreeMap<String, Value>, after: &BTreeMap<String, Value>) {
    assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
    for (path, answer) in before {
        assert_eq!(answer, &after[path], "{path}");
    }
}
