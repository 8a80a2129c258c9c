//! Typed ids: a prefix that says what is meant, and a UUID of version 7's shape, so that ids sort by time.

use std::fmt;
use std::str::FromStr;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

/// The text is not an id of the kind that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an id that starts with `{prefix}`")]
pub struct InvalidId {
    prefix: &'static str,
}

/// What every kind of id can do.
pub trait TypedId:
    fmt::Debug + fmt::Display + FromStr + Copy + Ord + Serialize + DeserializeOwned + Send + Sync + 'static
{
    /// Wraps a UUID that the caller made or derived.
    fn from_uuid(uuid: Uuid) -> Self;

    /// The UUID without its prefix.
    fn uuid(self) -> Uuid;
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// What every id of this kind starts with.
            pub const PREFIX: &'static str = $prefix;

            /// Wraps a UUID that the caller made or derived.
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The UUID without its prefix.
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl TypedId for $name {
            fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}{}", $prefix, self.0.simple())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            /// Accepts the one form that `Display` writes: 32 lower-case hexadecimal digits after the prefix.
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let invalid = InvalidId { prefix: $prefix };
                let hex = text.strip_prefix($prefix).ok_or(invalid.clone())?;
                let canonical = hex.len() == 32
                    && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
                if !canonical {
                    return Err(invalid);
                }
                Uuid::try_parse(hex).map(Self).map_err(|_| invalid)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

id!(
    /// One request for a password reset.
    RequestId, "rst_"
);
id!(
    /// One request for the verification of an address.
    VerificationId, "ver_"
);
id!(
    /// One mail to one recipient.
    MessageId, "msg_"
);
id!(
    /// An account in the directory.
    AccountId, "acc_"
);
id!(
    /// Somebody signed in at one browser or program.
    SessionId, "ses_"
);
id!(
    /// A change of an account that its owner is told of.
    ChangeId, "chg_"
);
id!(
    /// One event in the log.
    EventId, "evt_"
);
id!(
    /// One stored provider webhook.
    WebhookId, "whk_"
);
id!(
    /// One command; a second append under the same id is a duplicate, never a second effect.
    CommandId, "cmd_"
);
id!(
    /// A key of the API.
    ApiKeyId, "key_"
);
id!(
    /// One call that sends mails to a list of recipients.
    SendingId, "snd_"
);
id!(
    /// The key under which the personal data of one request is sealed.
    DataKeyId, "dek_"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_what_it_wrote() {
        let id = RequestId::from_uuid(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001));
        assert_eq!(id.to_string(), "rst_01900000000070008000000000000001");
        assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn an_id_of_another_kind_or_form_is_refused() {
        for text in [
            "msg_01900000000070008000000000000001",
            "rst_0190000000007000800000000000000",
            "rst_01900000-0000-7000-8000-000000000001",
            "rst_0190000000007000800000000000000A",
            "",
        ] {
            assert!(text.parse::<RequestId>().is_err(), "{text}");
        }
    }
}
