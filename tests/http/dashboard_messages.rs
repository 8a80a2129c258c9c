//! The log of mails and one mail, as operators see them on the dashboard.

use backstamp::api_keys::{NewApiKey, Scope};
use backstamp::domain::message_engagement::MessageEngagementEvent;
use backstamp::domain::provider_event::Client;
use backstamp::domain::sealed::Sealed;
use secrecy::ExposeSecret;

use super::dashboard::{followed, operator};
use super::inbox::with_reports;
use super::operators::{json, mail, with_mails};
use super::visitor::{Seen, Visitor};
use super::*;

const LIST: &str = "/dashboard/messages";

/// The number that a list tells, and the rows that it shows.
pub fn counted(seen: &Seen) -> (i64, usize) {
    let (_, rest) = seen.html.split_once("<strong data-count=\"").expect("a count");
    let count = rest.split('"').next().unwrap().parse().unwrap();
    (count, seen.html.matches("<th scope=\"row\">").count())
}

/// Where the links with these words lead.
fn links(seen: &Seen, words: &str) -> Vec<String> {
    let anchors = seen.html.split("<a ").skip(1).filter(|rest| {
        let text = rest.split_once('>').map_or("", |(_, text)| text);
        text.starts_with(words)
    });
    let href =
        |rest: &str| rest.split_once("href=\"").unwrap().1.split('"').next().unwrap().replace("&amp;", "&");
    anchors.map(href).collect()
}

fn encoded(query: &str) -> String {
    url::form_urlencoded::byte_serialize(query.as_bytes()).collect()
}

async fn search(visitor: &mut Visitor<'_>, typed: &str) -> Seen {
    visitor.open(&format!("{LIST}?q={}", encoded(typed))).await
}

#[tokio::test]
async fn every_page_wants_an_operator() {
    let (server, id) = with_reports().await;
    let paths = [
        LIST.to_owned(),
        format!("{LIST}/export.csv"),
        format!("{LIST}/export.ndjson"),
        format!("{LIST}/{id}"),
        format!("{LIST}/{id}/preview"),
        format!("{LIST}/requests/rst_{}", "0".repeat(32)),
        "/dashboard/bounces".to_owned(),
        "/dashboard/webhooks".to_owned(),
        "/dashboard/webhooks/replay".to_owned(),
        "/dashboard/webhooks/dead-letters".to_owned(),
        "/dashboard/webhooks/dead-letters/replay-all".to_owned(),
        "/dashboard/suppressions".to_owned(),
        "/dashboard/suppressions/lift".to_owned(),
    ];

    server.owner("user@example.test", true).await;
    let mut user = Visitor::new(&server.client);
    user.log_in("user@example.test", GOOD_PASSWORD).await;
    for path in paths {
        server.client.get(&path).send().await.assert_status(StatusCode::UNAUTHORIZED);
        assert_eq!(user.open(&path).await.status, 403, "{path}");
    }
}

#[tokio::test]
async fn every_act_wants_an_operator_who_may_act_and_our_own_form() {
    let (server, id) = with_reports().await;
    let scopes = [Scope::SupportRead].into_iter().collect();
    let new = NewApiKey::new("reader", scopes, None, "test").unwrap();
    let (_, reader) = server.api_keys.create(new).await.unwrap();
    let reader = format!("Bearer {}", reader.expose_secret());
    let events = server.log.last_position().await.unwrap();
    let mut operator = operator(&server).await;
    operator.open(LIST).await;
    for path in [
        format!("{LIST}/{id}/resend"),
        format!("{LIST}/{id}/reveal"),
        format!("{LIST}/{id}/suppress"),
        "/dashboard/webhooks/replay".to_owned(),
        format!("/dashboard/webhooks/whk_{}/replay", "0".repeat(32)),
        format!("/dashboard/webhooks/whk_{}/reveal", "0".repeat(32)),
        "/dashboard/webhooks/dead-letters/replay".to_owned(),
        "/dashboard/webhooks/dead-letters/replay-all".to_owned(),
        "/dashboard/suppressions".to_owned(),
        "/dashboard/suppressions/lift".to_owned(),
    ] {
        server.client.post(&path).form(&[("id", "x")]).send().await.assert_status(StatusCode::UNAUTHORIZED);
        let by_key = server.client.post(&path).header("authorization", reader.as_str());
        by_key.form(&[("id", "x")]).send().await.assert_status(StatusCode::FORBIDDEN);
        let token = operator.token();
        let foreign = operator.send_from(&path, "cross-site", &token, &[]).await;
        assert_eq!(foreign.status, 403, "{path}");
        let without = operator.send_from(&path, "same-origin", "", &[]).await;
        assert_eq!(without.status, 403, "{path}");
        without.says("This form has expired");
    }
    assert_eq!(server.log.last_position().await.unwrap(), events);
    assert!(server.rows("/v1/disclosures").await.is_empty());
}

#[tokio::test]
async fn the_list_is_as_long_as_its_number_says_whatever_is_searched_for() {
    let server = with_mails().await;
    let mut operator = operator(&server).await;

    for (typed, rows) in [
        ("", 7),
        ("outcome:delivered", 2),
        ("delivered", 2),
        ("to:M3@example.test", 1),
        ("m3@example.test", 1),
        ("domain:example.test template:password-reset", 6),
        ("template:\"=2+5\"", 1),
        ("not:delivered", 5),
        ("is:delivered before:2024-10-04", 0),
        ("to:nobody@example.test", 0),
    ] {
        let seen = search(&mut operator, typed).await;
        assert_eq!((seen.status, counted(&seen)), (200, (rows, rows as usize)), "{typed}");
        assert!(!seen.html.contains("m1@"), "{}", seen.html);
    }
    for (parameters, rows) in [
        ("outcome=delivered", 2),
        ("flag=requested&flag=-delivered", 5),
        ("recipient=m3%40example.test", 1),
        ("lost_at=opened", 2),
        ("after=2024-10-04T00:00:00Z&before=2024-10-04T00:04:00Z", 3),
        ("flag=failed&after=2024-10-04T00:00:00Z&before=2024-10-05T00:00:00Z", 0),
        ("range=90d&template=password-reset", 6),
    ] {
        let seen = operator.open(&format!("{LIST}?{parameters}")).await;
        let listed =
            json(server.ask(&format!("/v1/messages?{}", parameters.replace("range=90d&", ""))).await).await;
        assert_eq!(counted(&seen), (rows, rows as usize), "{parameters}: {}", seen.html);
        assert_eq!(listed["data"].as_array().unwrap().len(), rows as usize, "{parameters}");
    }
}

#[tokio::test]
async fn what_is_not_understood_is_told_and_what_was_typed_stays() {
    let server = with_mails().await;
    let mut operator = operator(&server).await;

    let seen = search(&mut operator, "outcom:delivered template:\"=2+5\" <b>").await;

    assert_eq!(seen.status, 422);
    seen.says("Did you mean “outcome:”?")
        .says("value=\"outcom:delivered template:&quot;=2+5&quot; &lt;b&gt;\"");
    let rest = links(&seen, "Search for the rest");
    assert_eq!(counted(&operator.open(&rest[0]).await), (1, 1));
    let exported = operator.open(&format!("{LIST}/export.csv?q=outcom%3Adelivered")).await;
    assert_eq!(exported.status, 422, "half of what was asked for is no answer");
    let odd = operator.open(&format!("{LIST}?outcome=%27%20OR%201%3D1&cursor=x")).await;
    assert_eq!(odd.status, 422);
}

#[tokio::test]
async fn conditions_can_be_taken_away_and_pages_turned_in_both_directions() {
    let server = TestServer::start().await;
    for number in 1..=120 {
        mail(&server, number, "password-reset", &format!("m{number}@example.test")).await;
    }
    server.follow().await;
    let mut operator = operator(&server).await;
    let rows = |seen: &Seen| {
        let ids = seen.html.split("href=\"/dashboard/messages/msg_").skip(1);
        ids.map(|rest| rest.split(['"', '?']).next().unwrap().to_owned()).collect::<Vec<_>>()
    };

    let first = search(&mut operator, "template:password-reset is:requested").await;
    let second = operator.open(&links(&first, "Older")[0]).await;
    let third = operator.open(&links(&second, "Older")[0]).await;
    let back = operator.open(&links(&third, "Newer")[0]).await;

    assert_eq!([&first, &second, &third].map(|seen| rows(seen).len()), [50, 50, 20]);
    assert_eq!(rows(&back), rows(&second));
    assert!(links(&first, "Newer").is_empty() && links(&third, "Older").is_empty());
    assert_eq!(counted(&third).0, 120);
    let without = links(&first, "Remove");
    assert_eq!(
        without,
        ["/dashboard/messages?q=is%3Arequested", "/dashboard/messages?q=template%3Apassword-reset"]
    );
    assert_eq!(
        links(&first, "Last hour"),
        ["/dashboard/messages?q=template%3Apassword-reset+is%3Arequested+after%3A1h"]
    );
}

#[tokio::test]
async fn all_that_match_can_be_had_as_a_table_and_as_lines() {
    let server = with_mails().await;
    let mut operator = operator(&server).await;

    let seen = search(&mut operator, "outcome:delivered").await;
    let table = operator.open(&links(&seen, "CSV")[0]).await;
    let lines = operator.open(&links(&seen, "NDJSON")[0]).await;

    assert_eq!(table.html.trim_end().split("\r\n").count(), 3, "{}", table.html);
    assert_eq!(lines.html.lines().count(), 2);
    assert_eq!(table.header("content-disposition"), "attachment; filename=\"messages.csv\"");
    assert!(!table.html.contains("m6@") && table.html.contains("m***@e***.test"));
}

#[tokio::test]
async fn without_mail_and_without_a_match_it_says_what_to_do() {
    let server = TestServer::start().await;
    let mut operator = operator(&server).await;

    search(&mut operator, "").await.says("No mail was sent yet");
    mail(&server, 1, "password-reset", "ada@example.test").await;
    server.follow().await;
    search(&mut operator, "to:eve@example.test").await.says("No message matches");
}

#[tokio::test]
async fn an_id_leads_right_to_its_page() {
    let (server, id) = with_reports().await;
    let mut operator = operator(&server).await;

    let seen = search(&mut operator, &id).await;

    assert_eq!((seen.status, seen.header("location")), (303, &*format!("{LIST}/{id}")));
}

#[tokio::test]
async fn a_mail_is_told_with_its_timeline_its_reports_and_masked() {
    let (server, id) = with_reports().await;
    server.understand().await;
    server.follow().await;
    let mut operator = operator(&server).await;

    let seen = operator.open(&format!("{LIST}/{id}")).await;

    assert_eq!(seen.status, 200);
    seen.says("a***@e***.test").says("The receiving server took it").says("What the provider reported");
    seen.says("signature holds").says("&quot;event&quot;: &quot;delivered&quot;");
    seen.says("sandbox=\"\"");
    assert!(!seen.html.contains("ada@") && !seen.html.contains("203.0.113.9"), "{}", seen.html);
    let absent = operator.open(&format!("{LIST}/msg_{}", "0".repeat(32))).await;
    assert_eq!(absent.status, 404);
    assert_eq!(operator.open(&format!("{LIST}/whatever")).await.status, 404);
}

#[tokio::test]
async fn a_mail_that_a_scanner_opens_without_end_is_still_shown() {
    let server = TestServer::start().await;
    let id = mail(&server, 1, "welcome", "ada@example.test").await;
    for opened in 0..160 {
        let client = Client {
            user_agent: Some(format!("scanner {opened}")),
            client_type: Some("robot".into()),
            bot: None,
            country: None,
            ip: Sealed::Known(None),
        };
        let at = server.clock.now() + TimeDelta::minutes(2) + TimeDelta::seconds(opened);
        let opened = MessageEngagementEvent::Opened { client, at };
        server.commands.engagement(id, opened, Context::caused_by("test")).await.unwrap();
    }
    server.follow().await;
    let mut operator = operator(&server).await;

    let seen = operator.open(&format!("{LIST}/{id}")).await;

    assert_eq!(seen.status, 200);
    seen.says("11 later events are not shown").says("160 × a machine: the provider says that it is a robot.");
    assert_eq!(seen.html.matches("<li class=\"event").count(), 150);
}

#[tokio::test]
async fn an_address_is_shown_once_and_the_record_tells_to_whom() {
    let (server, id) = with_reports().await;
    server.follow().await;
    let mut operator = operator(&server).await;
    operator.open(&format!("{LIST}/{id}")).await;

    let revealed = operator.send(&format!("{LIST}/{id}/reveal"), &[]).await;
    let again = operator.open(&format!("{LIST}/{id}")).await;

    revealed.says("ada@example.test").says("is recorded");
    assert!(!again.html.contains("ada@example.test"));
    let shown = server.rows("/v1/disclosures").await;
    assert_eq!((shown.len(), &shown[0]["subject"]), (1, &json!(id)));
    assert!(shown[0]["shown_to"].as_str().unwrap().starts_with("acc_"), "{}", shown[0]);
}

#[tokio::test]
async fn a_mail_is_sent_again_its_address_held_back_and_let_through() {
    let (server, id) = with_reports().await;
    server.understand().await;
    server.follow().await;
    let path = format!("{LIST}/{id}");
    let mut operator = operator(&server).await;
    operator.open(&path).await;

    operator.open(&format!("{path}/resend")).await.says("goes to <strong>a***@e***.test").says("Leave it");
    let resent = followed(&server, operator.send(&format!("{path}/resend"), &[])).await;
    let told = operator.open(resent.header("location")).await;
    server.follow().await;
    let fresh = operator.open(&links(&told, "Look at it")[0]).await;
    let held = operator.send(&format!("{path}/suppress"), &[("blocks", "everything")]).await;
    server.follow().await;
    let held = operator.open(held.header("location")).await;
    let refused = operator.send(&format!("{path}/resend"), &[]).await;
    let lift = links(&held, "Lift the suppression");
    let confirm = operator.open(&lift[0]).await;
    let id = lift[0].split_once("id=").unwrap().1.to_owned();
    let lifted = followed(&server, operator.send("/dashboard/suppressions/lift", &[("id", &id)])).await;

    assert_eq!((resent.status, fresh.status), (303, 200));
    told.says("A fresh mail was asked for.");
    held.says("Every mail to this address is held back: an operator decided so.");
    held.says("It cannot be sent again. The address gets no mail of this kind.");
    assert!(links(&held, "Send it again").is_empty());
    assert_eq!(refused.status, 409);
    refused.says("The address gets no mail of this kind.");
    confirm.says("a***@e***.test").says("Lift it");
    assert_eq!(lifted.header("location"), "/dashboard/suppressions?done=lifted");
    assert!(links(&operator.open(&path).await, "Lift the suppression").is_empty());
}

#[tokio::test]
async fn what_holds_back_only_mail_to_lists_is_told_as_that() {
    let (server, id) = with_reports().await;
    server.understand().await;
    server.follow().await;
    let path = format!("{LIST}/{id}");
    let mut operator = operator(&server).await;
    operator.open(&path).await;

    let held = operator.send(&format!("{path}/suppress"), &[("blocks", "bulk")]).await;
    let held = operator.open(held.header("location")).await;

    held.says("Mail that services send to lists is held back from this address").says("still go.");
}

#[tokio::test]
async fn a_mail_leads_back_to_the_list_that_it_was_found_in() {
    let server = with_mails().await;
    let mut operator = operator(&server).await;

    let list = operator.open(&format!("{LIST}?range=90d&outcome=delivered")).await;
    let row = list.html.split_once("<th scope=\"row\"><a").unwrap().1.split_once("href=\"").unwrap().1;
    let mail = operator.open(&row.split('"').next().unwrap().replace("&amp;", "&")).await;
    let back = operator.open(&links(&mail, "Back to the list")[0]).await;

    assert_eq!(counted(&back), counted(&list));
    mail.says("href=\"/dashboard/bounces?range=90d\"");
    let unknown = search(&mut operator, "template:welcom").await;
    unknown.says("There is no such template. There are: ").says("password-reset");
}

#[tokio::test]
async fn the_mail_is_shown_in_a_frame_that_can_do_nothing_and_without_a_token() {
    let server = TestServer::start().await;
    let account = server.owner("ada@example.test", true).await;
    let token = server.mailed_token(&account, None).await;
    let id = mail(&server, 1, "password-reset", "ada@example.test").await;
    server.follow().await;
    let mut operator = operator(&server).await;

    let html = operator.open(&format!("{LIST}/{id}/preview")).await;
    let text = operator.open(&format!("{LIST}/{id}/preview?part=text")).await;

    let policy = html.header("content-security-policy");
    for rule in ["default-src 'none'", "sandbox", "frame-ancestors 'self'", "form-action 'none'"] {
        assert!(policy.contains(rule), "{policy}");
    }
    assert!(
        !policy.contains("allow-") && !policy.contains("script-src") && !policy.contains("http"),
        "{policy}"
    );
    assert_eq!(html.header("x-frame-options"), "SAMEORIGIN");
    assert!(html.header("content-type").starts_with("text/html"), "{}", html.header("content-type"));
    assert!(text.header("content-type").starts_with("text/plain"), "{}", text.header("content-type"));
    for seen in [&html, &text] {
        seen.says("reset-password?token=hidden");
        assert!(!seen.html.contains(&token) && !seen.html.contains("ada@"), "{}", seen.html);
        assert_eq!(seen.html.matches("token=").count(), seen.html.matches("token=hidden").count());
        assert!(!seen.html.contains("<script"));
    }
    let erased = format!("{LIST}/msg_{}/preview", "0".repeat(32));
    assert_eq!(operator.open(&erased).await.status, 404);
}

#[tokio::test]
async fn a_reset_is_told_from_its_request_on() {
    let server = TestServer::start().await;
    let account = server.owner("ada@example.test", true).await;
    server.mailed_token(&account, None).await;
    server.follow().await;
    let resets = server.rows("/v1/password-resets").await;
    let id = resets[0]["id"].as_str().unwrap();
    let mut operator = operator(&server).await;

    let seen = operator.open(&format!("{LIST}/requests/{id}")).await;

    seen.says("A password reset was asked for.").says("a***@e***.test").says("its link was made");
    assert!(!seen.html.contains("ada@"));
    let absent = operator.open(&format!("{LIST}/requests/rst_{}", "0".repeat(32))).await;
    assert_eq!(absent.status, 404);
}
