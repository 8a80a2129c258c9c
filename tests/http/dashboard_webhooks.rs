//! The inbox and what was put aside, as operators see them on the dashboard.

use super::dashboard::operator;
use super::dashboard_messages::counted;
use super::inbox::with_reports;
use super::operators::mail;
use super::*;

const LIST: &str = "/dashboard/webhooks";

#[tokio::test]
async fn the_inbox_is_listed_by_what_became_of_it() {
    let (server, id) = with_reports().await;
    server.understand().await;
    let mut operator = operator(&server).await;

    for (query, rows) in [
        ("", 2),
        ("?outcome=processed", 1),
        ("?outcome=unmatched", 1),
        ("?outcome=failed", 0),
        ("?outcome=contested", 0),
        ("?source=events_api", 0),
        (&format!("?message_id={id}"), 1),
    ] {
        let seen = operator.open(&format!("{LIST}{query}")).await;
        assert_eq!((seen.status, counted(&seen)), (200, (rows, rows as usize)), "{query}");
    }
    operator.open(&format!("{LIST}?outcome=failed")).await.says("No webhook matches");
    let odd = operator.open(&format!("{LIST}?outcome=%27%20OR%201%3D1")).await;
    assert_eq!(odd.status, 422);
    odd.says("“outcome” does not know");
    server.follow().await;
    operator.open(LIST).await.says("password-reset to a***@e***.test").says("no mail of ours");
}

#[tokio::test]
async fn a_webhook_is_shown_masked_until_somebody_asks_and_that_is_recorded() {
    let (server, message) = with_reports().await;
    server.understand().await;
    let rows = server.rows("/v1/webhooks").await;
    let id = rows[1]["id"].as_str().unwrap();
    let path = format!("{LIST}/{id}");
    let mut operator = operator(&server).await;

    let seen = operator.open(&path).await;
    let revealed = operator.send(&format!("{path}/reveal"), &[]).await;
    let again = operator.open(&path).await;

    seen.says("signature holds")
        .says("message holds")
        .says("a message of ours")
        .says("effect holds")
        .says("a***@e***.test")
        .says(&message);
    let stranger = operator.open(&format!("{LIST}/{}", rows[0]["id"].as_str().unwrap())).await;
    stranger.says("message fails").says("there is no such message here").says("effect fails");
    for masked in [&seen, &again] {
        assert!(!masked.html.contains("ada@") && !masked.html.contains("203.0.113.9"));
    }
    revealed.says("ada@example.test").says("is recorded");
    let shown = server.rows("/v1/disclosures").await;
    assert_eq!((shown.len(), &shown[0]["kind"], &shown[0]["subject"]), (1, &json!("webhook"), &json!(id)));
    let absent = operator.open(&format!("{LIST}/whk_{}", "0".repeat(32))).await;
    assert_eq!(absent.status, 404);
}

#[tokio::test]
async fn one_is_replayed_at_once_and_has_its_effect_once() {
    let (server, _) = with_reports().await;
    server.understand().await;
    let events = server.log.last_position().await.unwrap();
    let rows = server.rows("/v1/webhooks").await;
    let path = format!("{LIST}/{}", rows[1]["id"].as_str().unwrap());
    let mut operator = operator(&server).await;
    operator.open(&path).await;

    let replayed = operator.send(&format!("{path}/replay"), &[]).await;

    assert_eq!(replayed.status, 303);
    operator.open(replayed.header("location")).await.says("It is understood once more").says("pending");
    server.understand().await;
    operator.open(&path).await.says("processed");
    assert_eq!(server.log.last_position().await.unwrap(), events);
}

#[tokio::test]
async fn many_are_counted_and_confirmed_before_they_are_replayed() {
    let (server, _) = with_reports().await;
    server.understand().await;
    let rows = server.rows("/v1/webhooks").await;
    let ids: Vec<_> = rows.iter().map(|row| row["id"].as_str().unwrap()).collect();
    let mut operator = operator(&server).await;
    let field = |html: &str, name: &str| {
        let (_, rest) = html.split_once(&format!("name=\"{name}\" value=\"")).unwrap();
        rest.split('"').next().unwrap().to_owned()
    };
    let waiting = async || server.rows("/v1/webhooks?outcome=pending").await.len();

    let chosen = operator.open(&format!("{LIST}/replay?id={}&id={}", ids[0], ids[1])).await;
    chosen.says("<strong data-count=\"2\">");
    let since = operator.open(&format!("{LIST}/replay?since=2024-10-04T00:00&outcome=unmatched")).await;
    since.says("<strong data-count=\"1\">").says("received since");
    assert_eq!(waiting().await, 0, "counting replays nothing");
    let fields = ["ids", "since", "outcome", "confirmation"].map(|name| (name, field(&since.html, name)));
    let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let mut altered = fields.clone();
    altered[2].1 = "";
    let altered = operator.send(&format!("{LIST}/replay"), &altered).await;
    assert_eq!((altered.status, waiting().await), (409, 0), "a confirmation is for what was counted");
    altered.says("<strong data-count=\"2\">");
    let done = operator.send(&format!("{LIST}/replay"), &fields).await;

    assert_eq!((done.status, waiting().await), (303, 1));
    let again = operator.send(&format!("{LIST}/replay"), &fields).await;
    assert_eq!(again.status, 409, "what waits anyway is not replayed again");
    for nothing in ["", "?outcome=failed", "?since=soon", "?id=whk_1", "?since=2024-10-04T00:00&outcome=fine"]
    {
        let seen = operator.open(&format!("{LIST}/replay{nothing}")).await;
        assert_eq!(seen.status, 422, "{nothing}");
        seen.says("Nothing was chosen");
    }
}

#[tokio::test]
async fn what_was_put_aside_stands_beside_it_and_is_tried_once_more() {
    let server = TestServer::start().await;
    mail(&server, 1, "password-reset", "ada@example.test").await;
    server.follow().await;
    let letters = format!("{LIST}/dead-letters");
    let mut operator = operator(&server).await;
    operator.open(&letters).await.says("Nothing was put aside");
    for position in [1, 2] {
        let sql = format!(
            "INSERT INTO parked_events (consumer, position, error, parked_at) VALUES ('timeline', {position}, '<odd>', 5)"
        );
        server.spoil(&sql).await;
    }

    operator.open(LIST).await.says("Put aside").says(">2</span>");
    operator.open(&letters).await.says("<strong data-count=\"2\">").says("&lt;odd&gt;");
    let one = operator.send(&format!("{letters}/replay"), &[("id", "event:timeline:1")]).await;
    assert_eq!(one.status, 303);
    operator.open(&letters).await.says("another try was asked for");
    let absent = operator.send(&format!("{letters}/replay"), &[("id", "event:timeline:9")]).await;
    assert_eq!(absent.status, 404);
    operator.open(&format!("{letters}/replay-all")).await.says("<strong data-count=\"2\">");
    let changed = operator.send(&format!("{letters}/replay-all"), &[("count", "3")]).await;
    assert_eq!(changed.status, 409);
    let all = operator.send(&format!("{letters}/replay-all"), &[("count", "2")]).await;
    assert_eq!(all.status, 303);
}
