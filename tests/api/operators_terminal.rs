//! What an operator reads on a terminal beside the server: the story of one mail, and the log as it is written.

use std::process::Stdio;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout};

use crate::support::{Installation, Program, eventually, tables};

/// A command that goes on, and what it writes.
struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Running {
    fn start(installation: &Installation, arguments: &[&str]) -> Self {
        let mut command = installation.command(arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary starts");
        let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        Self { child, lines }
    }

    async fn line(&mut self) -> String {
        let line = tokio::time::timeout(std::time::Duration::from_secs(30), self.lines.next_line()).await;
        line.expect("a line comes in time").expect("it can be read").expect("there is one")
    }

    /// Ctrl-C; answers whether it ended well, and what it complained about.
    async fn interrupt(self) -> (bool, String) {
        let id = self.child.id().expect("it runs").to_string();
        let told = tokio::process::Command::new("kill").args(["-INT", &id]).status().await;
        assert!(told.expect("a signal is sent").success());
        let output = self.child.wait_with_output().await.expect("it ends");
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// A mail to this address that has come to this outcome, in every read model.
async fn mail(installation: &Installation, program: &Program, to: &str, outcome: &str) -> Value {
    program.api.request_reset(to).await;
    let encoded = to.replace('+', "%2B");
    let mail = eventually("the mail has an outcome", async || {
        let page = program.api.ask(&format!("/v1/messages?recipient={encoded}")).await;
        let mail = page["data"].as_array()?.first()?.clone();
        (mail["outcome"] == outcome).then_some(mail)
    })
    .await;
    tables::folded(&installation.scratch.database).await;
    mail
}

async fn told(installation: &Installation, arguments: &[&str]) -> String {
    let output = installation.run(arguments, "").await;
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("it is text")
}

#[tokio::test]
async fn one_command_says_why_a_mail_bounced_and_what_to_do() {
    const TO: &str = "bounce+mailbox_full@example.test";
    let installation = Installation::new().await;
    installation.account(TO).await;
    let program = installation.start().await;
    let mail = mail(&installation, &program, TO, "bounced").await;
    let id = mail["id"].as_str().expect("an id");

    let story = told(&installation, &["message", id]).await;

    for part in [
        "password-reset to b***@e***.test",
        "It failed for good.",
        "mailbox_full",
        "soft",
        "Nothing to fix",
        "The mail provider took it.",
        " ms",
        "belongs to   rst_",
    ] {
        assert!(story.contains(part), "{part} is not in:\n{story}");
    }
    assert!(!story.contains(TO), "{story}");
    let reset = mail["password_reset_id"].as_str().expect("it belongs to a reset");
    let list = told(&installation, &["message", TO]).await;
    assert!(list.contains(id) && list.contains("mailbox_full") && !list.contains(TO), "{list}");
    let of_reset = told(&installation, &["message", reset]).await;
    assert!(of_reset.contains("link_issued") && of_reset.contains("bounced"), "{of_reset}");
    assert!(of_reset.contains("mailbox_full"), "{of_reset}");
}

#[tokio::test]
async fn a_mail_that_was_refused_says_what_the_provider_said() {
    const TO: &str = "refuse@example.test";
    let installation = Installation::new().await;
    installation.account(TO).await;
    let program = installation.start().await;
    let mail = mail(&installation, &program, TO, "rejected").await;

    let story = told(&installation, &["message", mail["id"].as_str().expect("an id")]).await;

    let said = format!("{:12} {}", "said", mail["rejected_reason"].as_str().expect("a reason"));
    for part in ["It was refused before anybody tried to deliver it", said.as_str(), "advice"] {
        assert!(story.contains(part), "{part} is not in:\n{story}");
    }
}

#[tokio::test]
async fn as_json_it_is_what_the_api_says() {
    let installation = Installation::new().await;
    installation.account("ada@example.test").await;
    let program = installation.start().await;
    let mail = mail(&installation, &program, "ada@example.test", "delivered").await;
    let id = mail["id"].as_str().expect("an id");

    let story: Value = serde_json::from_str(&told(&installation, &["message", id, "--json"]).await).unwrap();

    let timeline = program.api.ask(&format!("/v1/messages/{id}/timeline")).await;
    assert_eq!(story["message"], program.api.ask(&format!("/v1/messages/{id}")).await);
    assert_eq!(story["timeline"], timeline["data"]);
}

#[tokio::test]
async fn an_address_is_shown_when_asked_for_and_that_is_on_record() {
    let installation = Installation::new().await;
    installation.account("ada@example.test").await;
    let program = installation.start().await;
    let mail = mail(&installation, &program, "ada@example.test", "delivered").await;
    let id = mail["id"].as_str().expect("an id");

    let masked = told(&installation, &["message", id]).await;
    let nothing = program.api.ask("/v1/disclosures").await;
    let revealed = told(&installation, &["message", id, "--reveal"]).await;
    let record = program.api.ask("/v1/disclosures").await;

    assert!(!masked.contains("ada@example.test") && revealed.contains("ada@example.test"), "{revealed}");
    assert_eq!(nothing["data"].as_array().map(Vec::len), Some(0));
    let shown = &record["data"][0];
    assert_eq!((&shown["shown_to"], &shown["subject"]), (&"cli".into(), &mail["id"]), "{record}");
}

#[tokio::test]
async fn a_wrong_id_is_answered_with_what_would_do() {
    let installation = Installation::new().await;
    let unknown = format!("msg_{}", "0".repeat(32));

    for (arguments, code, hint) in [
        (vec!["message", "bounced"], 2, "starts with msg_"),
        (vec!["message", "ada@"], 2, "whole address"),
        (vec!["message", "ada@example.test"], 1, "no mail to this address"),
        (vec!["message", &unknown], 1, "there is no mail"),
        (vec!["tail", "--outcome", "lost"], 2, "delivered"),
        (vec!["tail", "--since", "yesterday"], 2, "such as 90d"),
    ] {
        let output = installation.run(&arguments, "").await;
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {told}");
        assert!(told.contains(hint), "{arguments:?}: {told}");
    }
}

#[tokio::test]
async fn the_log_is_followed_as_it_is_written_by_another_process() {
    let installation = Installation::new().await;
    for address in ["ada@example.test", "bounce@example.test"] {
        installation.account(address).await;
    }
    let program = installation.start().await;
    mail(&installation, &program, "ada@example.test", "delivered").await;
    let mut all = Running::start(&installation, &["tail", "--since", "1h"]);
    let mut bounced =
        Running::start(&installation, &["tail", "--since", "1h", "--outcome", "bounced", "--json"]);

    let first = all.line().await;
    let mut last = String::new();
    while !last.contains(" delivered ") {
        last = all.line().await;
    }
    mail(&installation, &program, "bounce@example.test", "bounced").await;
    let event: Value = serde_json::from_str(&bounced.line().await).expect("a line is JSON");

    assert!(first.contains("requested") && first.contains("A password reset was asked for."), "{first}");
    assert!(last.contains("a***@e***.test") && last.contains("password-reset"), "{last}");
    assert!(last.contains("  msg_"), "{last}");
    assert_eq!(event["type"], "message.bounced");
    assert_eq!(event["recipient"], "b***@e***.test");
    assert_eq!(event["template"], "password-reset");
    assert_eq!(all.interrupt().await, (true, String::new()));
    assert_eq!(bounced.interrupt().await, (true, String::new()));
}

#[tokio::test]
async fn a_reader_that_goes_away_ends_it_without_a_word() {
    let installation = Installation::new().await;
    installation.account("ada@example.test").await;
    let program = installation.start().await;
    let mut running = Running::start(&installation, &["tail", "--since", "1h"]);
    mail(&installation, &program, "ada@example.test", "delivered").await;

    running.line().await;
    let Running { child, lines } = running;
    drop(lines);
    program.api.request_reset("nobody@example.test").await;

    let output = child.wait_with_output().await.expect("it ends by itself");
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
}
