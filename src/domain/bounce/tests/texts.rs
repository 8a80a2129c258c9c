use super::*;

#[track_caller]
fn expect(text: &str, category: Category) {
    let verdict = said(text);
    assert_eq!(verdict.category, category, "{text} by {}", verdict.rule);
}

#[test]
fn what_is_said_counts_more_than_codes() {
    expect("552 5.1.1 Boite aux lettres saturee", Category::MailboxFull);
    expect("550 5.7.1 No such user", Category::InvalidRecipient);
    expect("450 5.2.1 mailbox over quota", Category::MailboxFull);
}

#[test]
fn the_cause_counts_more_than_the_symptom() {
    expect("421 4.7.27 Slowed down: SPF did not pass for example.org", Category::AuthFailed);
    expect(
        "550 5.1.1 <a@b.test>: Recipient address rejected: client host listed at bl.spamcop.net",
        Category::Blocklisted,
    );
    expect("421 4.7.0 Throttled for poor reputation", Category::ReputationBlock);
}

#[test]
fn names_decide_nothing() {
    expect("550 5.1.1 <spam@virus-scan.test>: user unknown", Category::InvalidRecipient);
    expect("550 no such user, see https://help.test/blocked/spam.html", Category::InvalidRecipient);
    expect("host virus-scan[192.0.2.1] said: 452 4.2.2 mailbox full", Category::MailboxFull);
    expect("550 user unknown at 10.5.7.60 and 10.5.7.511", Category::InvalidRecipient);
    expect("550 5.1.1 /var/spool/blacklist/greylist: user unknown", Category::InvalidRecipient);
}

#[test]
fn the_first_refusal_of_a_transcript_counts() {
    expect(
        "<<< 550 5.1.1 <a@b.test>... User unknown\n>>> DATA\n<<< 503 5.0.0 Need RCPT (recipient)\n<<< 554 5.7.1 blocked",
        Category::InvalidRecipient,
    );
    expect("250 ok\n452 4.2.2 mailbox full\n554 no valid recipients", Category::MailboxFull);
}

#[test]
fn what_a_relay_says_around_a_reply_decides_nothing() {
    for reply in ["550 5.1.1 user unknown", "552 5.2.2 mailbox full", "554 5.7.1 listed at bl.spamcop.net"] {
        for report in [
            format!("host mx.b.test[192.0.2.1] said: {reply} (in reply to end of DATA command)"),
            format!(
                "SMTP error from remote mail server after MAIL FROM:<a@b.test> SIZE=2048: host mx.b.test: {reply}"
            ),
            format!("192.0.2.1 does not like recipient. Remote host said: {reply} Giving up on 192.0.2.1."),
            format!("host mx.b.test refused to talk to me: {reply}"),
            format!("5.1.0 - Unknown address error '{reply}' (delivery attempts: 0)"),
        ] {
            assert_eq!(said(&report).category, said(reply).category, "{report}");
        }
    }
}

#[test]
fn lines_may_be_wrapped_continued_glued_or_encoded() {
    expect(
        "550-5.1.1 The address that you tried to reach does not\r\n550 5.1.1 exist.",
        Category::InvalidRecipient,
    );
    expect("550-The mailbox is over550-5.2.2 its quota", Category::MailboxFull);
    expect("550-There is no such 550 user in 550-this house", Category::InvalidRecipient);
    expect("550 user un=\nknown", Category::InvalidRecipient);
    expect("550 bo=C3=AEte pleine", Category::MailboxFull);
    expect("&lt;a@b.test&gt;:<br>mailbox full", Category::MailboxFull);
    expect("550 NoSuchUser", Category::InvalidRecipient);
    expect("550 ＵＳＥＲ　ＵＮＫＮＯＷＮ", Category::InvalidRecipient);
}

#[test]
fn huge_texts_take_bounded_time() {
    let head = "550 5.1.1 user unknown ";
    for noise in ["mailbox ", "is not ", "a", "550 5.1.1 ", "<a@b.test> ", "多", "=C3", "block. "] {
        let text = format!("{head}{}", noise.repeat(2_000_000 / noise.len()));
        assert_eq!(said(&text).category, Category::InvalidRecipient, "{noise}");
        let text = noise.repeat(2_000_000 / noise.len());
        assert!(!said(&text).rule.is_empty());
    }
}
