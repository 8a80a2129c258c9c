//! A webhook's body for people to read, without what names a person or opens a door: addresses are masked, network
//! addresses and the queries of links are left out, and so are the members that carry names beside an address.

use serde_json::Value;

use crate::domain::address::EmailAddress;
use crate::domain::bounce::mask;

const HIDDEN: &str = "***";
/// Members whose text may be a name with an address, or many of them.
const MAILBOXES: [&str; 7] = ["to", "from", "cc", "targets", "recipient", "recipients", "member"];
const NETWORK: [&str; 2] = ["ip", "originating-ip"];

/// The same with every text masked.
pub(super) fn masked(body: Value) -> Value {
    mask_member("", body)
}

fn mask_member(name: &str, value: Value) -> Value {
    match value {
        Value::String(text) => mask_text(name, &text).into(),
        Value::Array(items) => items.into_iter().map(|item| mask_member(name, item)).collect(),
        Value::Object(members) => {
            // A name can be an address too, as in recipient variables.
            let masked_name = |name: String| if name.contains('@') { mask_text("", &name) } else { name };
            let masked = members.into_iter().map(|(name, value)| {
                let value = mask_member(&name, value);
                (masked_name(name), value)
            });
            Value::Object(masked.collect())
        }
        other => other,
    }
}

fn mask_text(name: &str, text: &str) -> String {
    if NETWORK.contains(&name) {
        return HIDDEN.into();
    }
    if let Ok(address) = EmailAddress::parse(text) {
        return address.masked();
    }
    if MAILBOXES.contains(&name) && !text.is_empty() {
        return HIDDEN.into();
    }
    // A link's query can hold a token.
    if let Some((link, _)) = text.split_once('?').filter(|_| text.starts_with("http")) {
        return format!("{link}?{HIDDEN}");
    }
    // Ids, tokens and signatures stay as they are: without an address in it a text names nobody.
    if text.contains(['@', '\u{ff20}']) || text.contains("%40") || text.contains("=40") {
        mask(text)
    } else {
        text.into()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nothing_that_names_a_person_is_left_and_the_rest_is() {
        let body = json!({
            "signature": { "timestamp": "1770920772", "token": "4f1d0a77c0e94b5f8f3a5d0b6f2c91e07b3a9d6c5e84120f93" },
            "event-data": {
                "event": "failed", "recipient": "ada@example.test", "ip": "203.0.113.9", "timestamp": 1.5,
                "envelope": { "targets": "ada@example.test", "sending-ip": "198.51.100.7" },
                "url": "https://app.test/reset?token=secret",
                "message": { "headers": { "to": "Ada Lovelace <ada@example.test>", "message-id": "1.2@mg.test" } },
                "delivery-status": { "message": "550 5.1.1 <ada@example.test>: unknown", "code": 550 },
                "ada@example.test": null, "tags": ["reset", "ada@example.test"],
            },
        });

        let masked = masked(body);

        let text = masked.to_string();
        for personal in ["ada@", "Lovelace", "203.0.113.9", "secret"] {
            assert!(!text.contains(personal), "{personal} in {text}");
        }
        let data = &masked["event-data"];
        assert_eq!((&data["recipient"], &data["ip"]), (&json!("a***@e***.test"), &json!("***")));
        assert_eq!(data["delivery-status"], json!({ "message": "550 5.1.1 *** unknown", "code": 550 }));
        assert_eq!(masked["signature"]["token"].as_str().map(str::len), Some(50));
        assert_eq!(data["envelope"]["sending-ip"], "198.51.100.7");
    }
}
