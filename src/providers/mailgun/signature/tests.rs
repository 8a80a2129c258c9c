use proptest::prelude::*;
use serde_json::json;

use super::*;

const TIMESTAMP: &str = "1770920772";
const TOKEN: &str = "4f1d0a77c0e94b5f8f3a5d0b6f2c91e07b3a9d6c5e84120f93";
const CURRENT: &str = "bs-signing-key-current-000000000001";
const PREVIOUS: &str = "bs-signing-key-previous-00000000000";
const PARENT: &str = "bs-signing-key-parent-0000000000001";
const BY_CURRENT: &str = "cac122a67ece673f4aa9b21f27ec7b1286b59452147c948f6dfb5509de5da5e1";
const BY_PREVIOUS: &str = "522fdf622ced9de67dbc6695a0ce6c5bec05edfdf758926e9fa8a167bed8b0c8";
const BY_PARENT: &str = "a8111ce4b19273e32b463ee278a8166261a09de1ce4b0ba3ea6b6e622c8b4076";
const HALF_A_DAY: Duration = Duration::from_secs(12 * 3600);

fn keys(keys: &[&str]) -> SigningKeys {
    SigningKeys::new(keys.iter().map(|&key| key.into()).collect()).unwrap()
}

fn signed_at() -> DateTime<Utc> {
    DateTime::from_timestamp(1_770_920_772, 0).unwrap()
}

fn body(timestamp: impl Into<Value>, token: &str, signature: &str) -> Value {
    json!({
        "signature": { "timestamp": timestamp.into(), "token": token, "signature": signature },
        "event-data": { "event": "delivered", "timestamp": 1_770_920_771.482_193 },
    })
}

fn check_at(body: &Value, now: DateTime<Utc>) -> Result<Verified, Refusal> {
    verify(body.to_string().as_bytes(), &keys(&[CURRENT, PREVIOUS]), now, HALF_A_DAY)
}

fn check(body: &Value) -> Result<Verified, Refusal> {
    check_at(body, signed_at())
}

#[test]
fn every_configured_key_counts() {
    let verified = check(&body(TIMESTAMP, TOKEN, BY_CURRENT)).unwrap();

    assert_eq!(verified.signed_at, signed_at());
    assert_eq!(verified.event_data["event"], "delivered");
    assert!(check(&body(TIMESTAMP, TOKEN, BY_PREVIOUS)).is_ok());
    assert_eq!(check(&body(TIMESTAMP, TOKEN, BY_PARENT)), Err(Refusal::WrongSignature));
}

#[test]
fn another_second_needs_another_signature() {
    let other = "7e14f16856f7f29e2bf5e94ff1a0b2ca2c4a306bcc120d8aa19a7e3b9b91f3de";

    assert!(check(&body("1770920773", TOKEN, other)).is_ok());
    assert_eq!(check(&body(TIMESTAMP, TOKEN, other)), Err(Refusal::WrongSignature));
}

#[test]
fn the_timestamp_may_be_an_integer_and_the_digits_of_either_case() {
    let by_string = check(&body(TIMESTAMP, TOKEN, BY_CURRENT)).unwrap();
    let by_integer = check(&body(1_770_920_772_u64, TOKEN, &BY_CURRENT.to_uppercase())).unwrap();

    assert_eq!(by_string, by_integer);
}

#[test]
fn a_digit_moved_between_timestamp_and_token_is_refused() {
    let to_the_left = body("17709207724", &TOKEN[1..], BY_CURRENT);
    let to_the_right = body("177092077", &format!("2{TOKEN}"), BY_CURRENT);

    assert_eq!(check(&to_the_left), Err(Refusal::MalformedSignature));
    assert_eq!(check(&to_the_right), Err(Refusal::MalformedSignature));
}

#[test]
fn the_parent_accounts_signature_is_no_substitute_and_no_content() {
    let parent = json!({ "timestamp": TIMESTAMP, "token": TOKEN, "signature": BY_PARENT });
    let mut with_parent = body(TIMESTAMP, TOKEN, BY_CURRENT);
    with_parent["parent-signature"] = parent.clone();
    let moved = body(TIMESTAMP, TOKEN, BY_PARENT).to_string();
    let only_parent = json!({ "parent-signature": parent, "event-data": {} });

    assert_eq!(check(&with_parent), check(&body(TIMESTAMP, TOKEN, BY_CURRENT)));
    assert_eq!(check(&only_parent), Err(Refusal::NoSignature));
    assert_eq!(
        verify(moved.as_bytes(), &keys(&[PARENT]), signed_at(), HALF_A_DAY).map(|moved| moved.replay_key),
        check(&with_parent).map(|verified| verified.replay_key)
    );
}

#[test]
fn content_is_compared_by_meaning() {
    let first = check(&body(TIMESTAMP, TOKEN, BY_CURRENT)).unwrap();
    let reordered = format!(
        r#"{{ "event-data": {{"timestamp":1770920771.482193, "event":"deliver\u0065d"}},
            "signature":{{"token":"{TOKEN}","timestamp":"{TIMESTAMP}","signature":"{BY_PREVIOUS}"}} }}"#
    );
    let mut swapped = body(TIMESTAMP, TOKEN, BY_CURRENT);
    swapped["event-data"]["event"] = "opened".into();
    let mut added = body(TIMESTAMP, TOKEN, BY_CURRENT);
    added["beside"] = Value::Null;

    let again = verify(reordered.as_bytes(), &keys(&[CURRENT, PREVIOUS]), signed_at(), HALF_A_DAY).unwrap();
    let (swapped, added) = (check(&swapped).unwrap(), check(&added).unwrap());

    assert_eq!((again.replay_key, again.content_digest), (first.replay_key, first.content_digest));
    assert_eq!(swapped.replay_key, first.replay_key);
    assert_ne!(swapped.content_digest, first.content_digest);
    assert_ne!(added.content_digest, first.content_digest);
}

#[test]
fn the_signed_instant_must_lie_in_the_window() {
    let body = body(TIMESTAMP, TOKEN, BY_CURRENT);
    let late = |seconds| check_at(&body, signed_at() + TimeDelta::seconds(seconds)).map(|_| ());

    assert_eq!(late(12 * 3600), Ok(()));
    assert_eq!(late(12 * 3600 + 1), Err(Refusal::Stale));
    assert_eq!(late(-300), Ok(()));
    assert_eq!(late(-301), Err(Refusal::FromTheFuture));
}

#[test]
fn what_has_not_the_shape_of_a_webhook_is_refused_by_name() {
    let signature = json!({ "timestamp": TIMESTAMP, "token": TOKEN, "signature": BY_CURRENT });
    for (body, refusal) in [
        (json!([]), Refusal::NotJson),
        (json!({ "event-data": {} }), Refusal::NoSignature),
        (json!({ "signature": null, "event-data": {} }), Refusal::MalformedSignature),
        (json!({ "signature": [signature], "event-data": {} }), Refusal::MalformedSignature),
        (body(TIMESTAMP, &TOKEN[1..], BY_CURRENT), Refusal::MalformedSignature),
        (body(TIMESTAMP, &format!("{}é", &TOKEN[2..]), BY_CURRENT), Refusal::MalformedSignature),
        (body(1_770_920_772.0, TOKEN, BY_CURRENT), Refusal::MalformedSignature),
        (body(TIMESTAMP, TOKEN, &BY_CURRENT[2..]), Refusal::MalformedSignature),
        (body(TIMESTAMP, TOKEN, &"g".repeat(64)), Refusal::MalformedSignature),
        (json!({ "signature": signature }), Refusal::NoEventData),
        (json!({ "signature": signature, "event-data": [] }), Refusal::NoEventData),
    ] {
        assert_eq!(check(&body), Err(refusal), "{body}");
    }
    assert_eq!(verify(b"event=delivered", &keys(&[CURRENT]), signed_at(), HALF_A_DAY), Err(Refusal::NotJson));
}

#[test]
fn keys_are_never_empty_and_never_printed() {
    assert!(SigningKeys::new(vec![]).is_none());
    assert!(SigningKeys::new(vec![CURRENT.into(), "".into()]).is_none());
    assert_eq!(format!("{:?}", keys(&[CURRENT, PREVIOUS])), "SigningKeys(2)");
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes: Vec<u8>) {
        prop_assert!(verify(&bytes, &keys(&[CURRENT]), signed_at(), HALF_A_DAY).is_err());
    }

    #[test]
    fn no_signature_of_another_shape_passes(timestamp in "[0-9a-z +-]{0,12}", token in "\\PC{0,60}") {
        prop_assume!(timestamp != TIMESTAMP || token != TOKEN);
        prop_assert!(check(&body(timestamp, &token, BY_CURRENT)).is_err());
    }
}
