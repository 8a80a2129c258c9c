//! Why a mail was never sent, though its address may take mail: it was refused before anybody tried, or what it is
//! about had ended. In words, with what to do.

/// Why it was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unsent<'a> {
    /// What it means.
    pub meaning: &'static str,
    /// What the provider said, or the program; none where the meaning says it all.
    pub said: Option<&'a str>,
    /// What to do.
    pub advice: &'static str,
}

/// Words of a refusal, in lower case, and what to do about it. The first that occurs counts.
const ADVICE: [(&[&str], &str); 4] = [
    (
        &["template", "render", "there is no text", "undefined"],
        "Mend the template or the values that were sent with it; `backstamp doctor` checks every template. Then have it \
         sent again.",
    ),
    (
        &[
            "recipient",
            "'to'",
            "to parameter",
            "to header",
            "is not a valid address",
            "smtputf8",
            "destination",
        ],
        "The provider does not take this recipient. Have the address corrected, and a new mail asked for.",
    ),
    (
        &[
            "domain",
            "'from'",
            "from parameter",
            "sender",
            "not allowed",
            "forbidden",
            "key",
            "unauthorized",
            "account",
        ],
        "The provider does not take mail from us as things stand: compare its settings with BACKSTAMP_MAIL_FROM, domain, \
         region and key (`backstamp doctor` does). Then have it sent again.",
    ),
    (
        &["virus", "spam", "content", "too large", "size"],
        "The provider does not take what the mail says. Look at the template, and at the provider's own log.",
    ),
];

impl<'a> Unsent<'a> {
    /// It was refused for this reason.
    pub fn rejected(reason: &'a str) -> Self {
        let words = reason.to_lowercase();
        let known = ADVICE.iter().find(|(signs, _)| signs.iter().any(|sign| words.contains(sign)));
        Self {
            meaning: "It was refused before anybody tried to deliver it, and is not tried again.",
            said: Some(reason),
            advice: known.map_or(
                "Look at what was said, and into the provider's log at the time of the refusal. Once the cause is mended, \
                 have it sent again.",
                |(_, advice)| advice,
            ),
        }
    }

    /// It was canceled for this reason, one of our own words.
    pub fn canceled(reason: &'a str) -> Self {
        let (meaning, advice) = match reason {
            "link_used" => ("The link that it should carry was used already.", NOTHING),
            "link_superseded" => ("A newer mail took its place: the person asked again.", NOTHING),
            "link_revoked" => ("An operator had revoked the link that it should carry.", ASK_AGAIN),
            "erased" => ("What it said and to whom had been erased.", NOTHING),
            "too_late" => (
                "It could not be handed over before it was of no use any more.",
                "Look why mails waited then, with the provider's status and `backstamp doctor`; let the person ask for a \
                 new one.",
            ),
            "no_link" => ("There was no link for it to carry.", ASK_AGAIN),
            _ => ("What it is about had ended before it was handed over.", ASK_AGAIN),
        };
        Self { meaning, said: None, advice }
    }
}

const NOTHING: &str = "Nothing: nobody waits for this mail.";
const ASK_AGAIN: &str = "Let the person ask for a new one, if they still want it.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_to_do_about_a_refusal_follows_from_what_was_said() {
        for (reason, advice) in [
            (
                "'to' parameter is not a valid address. please check documentation",
                "does not take this recipient",
            ),
            (
                "the address is not ASCII, and the mail server takes no such addresses (SMTPUTF8)",
                "this recipient",
            ),
            ("there is no template welcome", "Mend the template"),
            ("Domain mg.example.test is not allowed to send", "compare its settings"),
            ("Message size limit exceeded", "Look at the template"),
            ("no", "Look at what was said"),
        ] {
            let told = Unsent::rejected(reason);
            assert!(told.advice.contains(advice), "{reason}: {told:?}");
            assert_eq!(told.said, Some(reason));
        }
    }

    #[test]
    fn what_was_canceled_says_what_had_ended() {
        for reason in ["link_used", "link_superseded", "link_revoked", "erased", "too_late", "no_link"] {
            let told = Unsent::canceled(reason);
            assert_ne!(told.meaning, Unsent::canceled("something newer").meaning, "{reason}");
            assert_eq!(told.said, None);
        }
    }
}
