//! What the log has held since the first release, and must read for ever.

use serde_json::json;

use super::*;

#[test]
fn events_of_the_first_release_keep_their_shape() {
    let link = json!({
        "message_id": msg(1), "account_id": account(), "credential_version": 1, "salt": {"$seal": "07"},
        "email": {"$seal": "ada@example.test"}, "name": {"$seal": null}, "attempts": 0, "visits": {},
    });
    let carried = json!({
        "request_id": rst(1), "requested_at": at(0), "expires_at": at(HOUR),
        "email": {"$seal": "ada@example.test"}, "locale": null, "redirect_to": null,
        "status": {"is": "superseded", "by": rst(2)}, "link": link,
    });
    let stored = [
        json!({"type": "requested", "data": {
            "request_id": rst(2), "email": {"$seal": "ada@example.test"}, "locale": "de",
            "redirect_to": "https://app.test/", "at": at(100), "expires_at": at(100 + HOUR),
            "recent": [at(0)], "carried": [carried],
        }}),
        json!({"type": "declined", "data": {"request_id": rst(2), "reason": "cooldown", "at": at(1)}}),
        json!({"type": "completed", "data": {
            "request_id": rst(2), "message_id": msg(2), "account_id": account(), "attempt": 1, "at": at(200),
        }}),
        json!({"type": "link_visited", "data": {
            "request_id": rst(2), "message_id": msg(2), "kind": "page", "user_agent": null, "at": at(150),
        }}),
    ];

    for event in stored {
        let read: Event = serde_json::from_value(event.clone()).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), event);
    }
}
