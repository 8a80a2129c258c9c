//! From "I forgot my password" to a changed one: over the API, over the pages, with the sandbox inside and
//! outside of the program.

use std::collections::BTreeMap;

use backstamp::clock::{Clock, SystemClock};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Api, Installation, Mailbox, SIGNING_KEY, eventually, token_of};

const ADA: &str = "ada@example.test";
const OLD: &str = "an old lantern by the river";
const NEW: &str = "vermilion otter lantern";

/// The story of a reset that went well, as its timeline must tell it.
const STORY: [&str; 7] =
    ["requested", "link_issued", "sent", "delivered", "opened", "link_visited", "completed"];

/// Whether all of these occur, one after the other.
fn occur_in_order(kinds: &[String], story: &[&str]) -> bool {
    let mut kinds = kinds.iter();
    story.iter().all(|expected| kinds.any(|kind| kind == expected))
}

async fn add_ada(installation: &Installation) {
    installation.succeed(&["accounts", "add", ADA, "--name", "Ada"], &format!("{OLD}\n")).await;
}

/// The whole way over the API.
async fn walk(api: &Api, mailbox: &Mailbox) {
    let request_id = api.request_reset(ADA).await;
    let (mail, token) = mailbox.receive_link(ADA).await;
    assert_eq!((mail.to.as_str(), mail.subject.contains("password")), (ADA, true));
    mailbox.open(&mail).await;
    // The sandbox dates an open as a person's: seconds after the delivery. The walk goes on from there.
    eventually("the mail was delivered and opened", async || {
        let kinds = api.kinds(&request_id).await;
        let opened_at = api.happened_at(&request_id, "opened").await?;
        (kinds.contains(&"delivered".to_owned()) && opened_at < SystemClock.now()).then_some(())
    })
    .await;

    let seen = api.inspect(&token).await;
    assert_eq!((seen.status, &seen.body["status"]), (200, &json!("valid")), "{}", seen.text);
    assert_eq!(seen.body["account_hint"], "a***@e***.test");
    let refused = api.confirm(&token, "password").await;
    assert_eq!(refused.problem(), (422, "password_rejected"));
    assert_ne!(refused.body["reasons"], json!([]));

    let done = api.confirm(&token, NEW).await;
    assert_eq!((done.status, &done.body["status"]), (200, &json!("completed")), "{}", done.text);
    assert_eq!(done.body["login_url"], format!("{}/login", api.base));
    assert_eq!(api.confirm(&token, NEW).await.problem(), (410, "token_used"));
    assert_eq!(api.inspect(&token).await.problem(), (410, "token_used"));
    let notice = mailbox.receive(ADA, "password-changed").await;
    assert!(!notice.text.contains(NEW) && !notice.text.contains(&token) && !notice.html.contains(&token));

    let told = eventually("the timeline is whole", async || {
        let kinds = api.kinds(&request_id).await;
        kinds.contains(&"completed".to_owned()).then_some(kinds)
    })
    .await;
    assert!(occur_in_order(&told, &STORY), "{told:?}");
    let mails: Vec<_> = mailbox.mails(ADA).await.into_iter().flat_map(|mail| mail.tags).collect();
    assert_eq!(mails, ["password-changed", "password-reset"]);
}

async fn assert_counted_once(api: &Api) {
    let totals = eventually("both mails are delivered", async || {
        let metrics = api.ask("/v1/metrics/delivery").await;
        (metrics["totals"]["delivered"] == 2).then(|| metrics["totals"].clone())
    })
    .await;

    let expected = json!({ "requested": 2, "sent": 2, "delivered": 2, "opened": 1, "completed": 1,
        "bounced": 0, "in_flight": 0, "unaccounted": 1 });
    for (name, count) in expected.as_object().expect("an object") {
        assert_eq!(&totals[name], count, "{name}: {totals}");
    }
}

#[tokio::test]
async fn a_reset_goes_through_between_two_processes_that_share_only_their_configuration() {
    let (installation, sandbox) = Installation::with_sandbox().await;
    let program = installation.start().await;
    add_ada(&installation).await;

    walk(&program.api, &sandbox.mailbox).await;

    assert_counted_once(&program.api).await;
}

#[tokio::test]
async fn a_reset_goes_through_with_the_sandbox_inside() {
    let installation = Installation::new().await;
    let program = installation.start().await;
    add_ada(&installation).await;

    walk(&program.api, &program.mailbox).await;

    assert_counted_once(&program.api).await;
}

#[tokio::test]
async fn without_agreement_on_the_signing_key_every_webhook_is_refused_and_changes_nothing() {
    let (installation, mut sandbox) = Installation::with_sandbox().await;
    sandbox.restart_with("BACKSTAMP_MAILGUN_SIGNING_KEY", "a-key-of-somebody-else").await;
    let program = installation.start().await;
    add_ada(&installation).await;

    let request_id = program.api.request_reset(ADA).await;
    let (mail, _) = sandbox.mailbox.receive_link(ADA).await;
    sandbox.mailbox.open(&mail).await;
    // Accepted, delivered, opened.
    eventually("three webhooks are refused", async || {
        (program.log().matches("a webhook was refused").count() == 3).then_some(())
    })
    .await;

    let kinds = program.api.kinds(&request_id).await;
    assert!(!kinds.iter().any(|kind| kind == "delivered" || kind == "opened"), "{kinds:?}");
    let stored = installation.scratch.database.fetch_one("SELECT COUNT(*) AS n FROM webhooks", &[]).await;
    assert_eq!(stored.expect("a count").int("n").expect("a number"), 0);

    // The program learns the key, and the same sandbox is believed.
    sandbox.restart_with("BACKSTAMP_MAILGUN_SIGNING_KEY", SIGNING_KEY).await;
    sandbox.mailbox.open(&mail).await;
    eventually("the open is known", async || {
        program.api.kinds(&request_id).await.contains(&"opened".to_owned()).then_some(())
    })
    .await;
}

/// A browser without script: keeps cookies, follows nothing by itself.
struct Browser {
    api: Api,
    cookies: BTreeMap<String, String>,
}

impl Browser {
    fn new(api: &Api) -> Self {
        Self { api: api.clone(), cookies: BTreeMap::new() }
    }

    async fn visit(&mut self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await
    }

    async fn submit(&mut self, path: &str, form: &[(&str, &str)]) -> Answer {
        self.send(Method::POST, path, Some(form)).await
    }

    async fn send(&mut self, method: Method, path: &str, form: Option<&[(&str, &str)]>) -> Answer {
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut request = self.api.request(method, path).header("cookie", cookies.join("; "));
        if let Some(form) = form {
            request = request.header("origin", &self.api.base).form(form);
        }
        let answer = Answer::of(request).await.expect("the server answers");
        for cookie in answer.headers.get_all("set-cookie") {
            let pair = cookie.to_str().expect("a cookie").split(';').next().unwrap_or_default();
            let (name, value) = pair.split_once('=').expect("a pair");
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        answer
    }
}

/// The hidden field of a form.
fn csrf_token(page: &Answer) -> String {
    let (_, rest) = page.text.split_once("name=\"csrf_token\" value=\"").expect("a form with a token");
    rest.split('"').next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_reset_goes_through_over_the_pages_without_script() {
    let installation = Installation::new().await;
    let program = installation.start().await;
    add_ada(&installation).await;
    let mut browser = Browser::new(&program.api);

    let form = browser.visit("/forgot-password").await;
    let forged = browser.submit("/forgot-password", &[("csrf_token", "AAAA"), ("email", ADA)]).await;
    let fields = [("csrf_token", &*csrf_token(&form)), ("email", ADA)];
    let asked = browser.submit("/forgot-password", &fields).await;
    assert_eq!((form.status, forged.status, asked.status), (200, 403, 200), "{}", asked.text);

    let (mail, token) = program.mailbox.receive_link(ADA).await;
    let link = mail.links.iter().find(|link| link.contains("token=")).expect("a link");
    let path = link.strip_prefix(&program.api.base).expect("a link to the public URL");
    let followed = browser.visit(path).await;
    assert_eq!((followed.status, followed.header("location")), (303, "/reset-password"));
    assert_eq!(followed.header("referrer-policy"), "no-referrer");
    assert!(followed.header("set-cookie").contains("HttpOnly; SameSite=Lax"), "{:?}", followed.headers);

    let form = browser.visit("/reset-password").await;
    assert!(form.text.contains("a***@e***.test") && !form.text.contains(&token), "{}", form.text);
    let csrf = csrf_token(&form);
    let choose =
        |again| [("csrf_token", csrf.clone()), ("new_password", NEW.into()), ("new_password_again", again)];
    let differing = choose("vermilion otter lanterm".to_owned());
    let differ =
        browser.submit("/reset-password", &differing.each_ref().map(|(n, v)| (*n, v.as_str()))).await;
    let same = choose(NEW.to_owned());
    let done = browser.submit("/reset-password", &same.each_ref().map(|(n, v)| (*n, v.as_str()))).await;

    assert!(differ.status == 422 && differ.text.contains("not the same"), "{}", differ.text);
    assert_eq!(done.status, 200, "{}", done.text);
    assert_eq!(program.api.inspect(&token).await.problem(), (410, "token_used"));
    program.mailbox.receive(ADA, "password-changed").await;
    assert_eq!(browser.visit("/reset-password").await.status, 400);
    let unknown: Value = browser.visit("/v1/password-resets").await.body;
    assert_eq!(unknown["code"], "unauthorized");
}

#[tokio::test]
async fn where_a_second_request_repeats_the_first_the_same_link_is_mailed_again() {
    let mut installation = Installation::new().await;
    installation.set("BACKSTAMP_REPEAT_REQUEST", "resend").set("BACKSTAMP_RESET_COOLDOWN", "0");
    let program = installation.start().await;
    add_ada(&installation).await;
    let (api, mailbox) = (&program.api, &program.mailbox);

    let first = api.request_reset(ADA).await;
    let (_, token) = mailbox.receive_link(ADA).await;
    let expires_at = api.inspect(&token).await.body["expires_at"].clone();
    let second = api.request_reset(ADA).await;

    let mails = eventually("the mail comes again", async || {
        let mails = mailbox.mails(ADA).await;
        (mails.len() == 2).then_some(mails)
    })
    .await;
    assert_ne!(first, second);
    assert_eq!(token_of(&mails[0]), token);
    assert_ne!(mails[0].message_id(), mails[1].message_id());
    let seen = api.inspect(&token).await;
    assert_eq!((seen.status, &seen.body["expires_at"]), (200, &expires_at));
    let kinds = eventually("the repetition is told", async || {
        let kinds = api.kinds(&first).await;
        kinds.contains(&"link_resent".to_owned()).then_some(kinds)
    })
    .await;
    assert!(!kinds.contains(&"link_superseded".to_owned()), "{kinds:?}");
    let repeated = api.ask(&format!("/v1/password-resets/{second}")).await;
    assert_eq!((&repeated["status"], &repeated["reason"]), (&json!("repeated"), &json!(first)));
    // Whoever asked again had not found the first mail: what comes of it is told of the second.
    assert_eq!(api.confirm(&token, NEW).await.status, 200);
    eventually("the second mail is completed", async || {
        let message = api.ask(&format!("/v1/messages/{}", mails[0].message_id())).await;
        (!message["completed_at"].is_null()).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_link_that_died_with_a_change_of_the_account_is_not_mailed_again() {
    let mut installation = Installation::new().await;
    installation.set("BACKSTAMP_REPEAT_REQUEST", "resend").set("BACKSTAMP_RESET_COOLDOWN", "0");
    let program = installation.start().await;
    add_ada(&installation).await;
    let (api, mailbox) = (&program.api, &program.mailbox);
    api.request_reset(ADA).await;
    let (_, dead) = mailbox.receive_link(ADA).await;
    let change = "UPDATE accounts SET credential_version = credential_version + 1";
    installation.scratch.database.execute(change, &[]).await.expect("it is changed");

    api.request_reset(ADA).await;

    let mails = eventually("another mail comes", async || {
        let mails = mailbox.mails(ADA).await;
        (mails.len() == 2).then_some(mails)
    })
    .await;
    assert_eq!(api.inspect(&dead).await.problem(), (410, "token_superseded"));
    assert_eq!(api.confirm(&token_of(&mails[0]), NEW).await.status, 200);
}
