//! Who runs the mailbox: a closed set, so that metrics can be grouped by it.
//!
//! The host that took the mail tells it best; the domain is the guess before that.

use serde::{Deserialize, Serialize};

/// Who runs a mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailboxProvider {
    Gmail,
    Microsoft,
    Yahoo,
    Apple,
    Proton,
    Gmx,
    Zoho,
    Qq,
    MailRu,
    /// A company's own mail behind a hosted gateway.
    Corporate,
    /// Anyone else.
    Other,
    /// The domain takes no mail.
    None,
}

use MailboxProvider as P;

/// Domains that people have their mailboxes at.
const DOMAINS: &[(P, &[&str])] = &[
    (P::Gmail, &["gmail.com", "googlemail.com", "google.com"]),
    (P::Microsoft, &["outlook.com", "hotmail.com", "live.com", "msn.com", "passport.com", "microsoft.com"]),
    (P::Yahoo, &["yahoo.com", "ymail.com", "rocketmail.com", "aol.com", "aim.com", "myyahoo.com"]),
    (P::Apple, &["icloud.com", "me.com", "mac.com", "privaterelay.appleid.com"]),
    (P::Proton, &["proton.me", "protonmail.com", "protonmail.ch", "pm.me"]),
    (P::Gmx, &["gmx.de", "gmx.net", "gmx.com", "gmx.at", "gmx.ch", "gmx.fr", "web.de", "mail.com"]),
    (P::Zoho, &["zoho.com", "zohomail.com", "zoho.eu", "zohomail.eu", "zoho.in"]),
    (P::Qq, &["qq.com", "foxmail.com", "vip.qq.com"]),
    (P::MailRu, &["mail.ru", "inbox.ru", "list.ru", "bk.ru", "internet.ru", "xmail.ru"]),
];

/// Brands whose national domains (`yahoo.co.uk`, `hotmail.fr`) are theirs too.
const BRANDS: &[(P, &[&str])] =
    &[(P::Microsoft, &["outlook", "hotmail", "live"]), (P::Yahoo, &["yahoo", "ymail", "aol"])];

/// What the names of mail exchangers end in.
const MX_HOSTS: &[(P, &[&str])] = &[
    (P::Gmail, &["google.com", "googlemail.com", "psmtp.com"]),
    (P::Microsoft, &["outlook.com", "hotmail.com", "office365.us", "mx.microsoft"]),
    (P::Yahoo, &["yahoodns.net", "yahoo.co.jp"]),
    (P::Apple, &["icloud.com", "apple.com"]),
    (P::Proton, &["protonmail.ch", "proton.me"]),
    (P::Gmx, &["gmx.net", "gmx.com", "web.de", "mail.com"]),
    (P::Zoho, &["zoho.com", "zoho.eu", "zoho.in", "zohomail.com"]),
    (P::Qq, &["qq.com"]),
    (P::MailRu, &["mail.ru"]),
    (
        P::Corporate,
        &[
            "mimecast.com",
            "mimecast.co.za",
            "pphosted.com",
            "ppe-hosted.com",
            "gpphosted.com",
            "barracudanetworks.com",
            "messagelabs.com",
            "iphmx.com",
            "trendmicro.com",
            "trendmicro.eu",
            "mailcontrol.com",
            "hornetsecurity.com",
            "sophos.com",
            "fireeyecloud.com",
            "spamexperts.com",
            "antispamcloud.com",
            "retarus.com",
            "mxlogic.net",
        ],
    ),
];

impl MailboxProvider {
    /// Every member.
    pub const ALL: [Self; 12] = [
        Self::Gmail,
        Self::Microsoft,
        Self::Yahoo,
        Self::Apple,
        Self::Proton,
        Self::Gmx,
        Self::Zoho,
        Self::Qq,
        Self::MailRu,
        Self::Corporate,
        Self::Other,
        Self::None,
    ];

    /// The name in events, metrics and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gmail => "gmail",
            Self::Microsoft => "microsoft",
            Self::Yahoo => "yahoo",
            Self::Apple => "apple",
            Self::Proton => "proton",
            Self::Gmx => "gmx",
            Self::Zoho => "zoho",
            Self::Qq => "qq",
            Self::MailRu => "mail_ru",
            Self::Corporate => "corporate",
            Self::Other => "other",
            Self::None => "none",
        }
    }

    /// The member of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|provider| provider.as_str() == name)
    }

    /// By the domain of an address; a guess until a mail exchanger is seen.
    pub fn of_domain(domain: &str) -> Self {
        let domain = domain.trim_end_matches('.').to_ascii_lowercase();
        let listed = DOMAINS.iter().find(|(_, domains)| domains.contains(&domain.as_str()));
        let brand = || {
            let (name, rest) = domain.split_once('.')?;
            let is_national = rest.split('.').all(|label| (2..=3).contains(&label.len()));
            BRANDS.iter().find(|(_, names)| is_national && names.contains(&name))
        };
        listed.or_else(brand).map_or(Self::Other, |(provider, _)| *provider)
    }

    /// By the host that answered for the domain; none if it is nobody we know, which says nothing.
    pub fn of_mx_host(host: &str) -> Option<Self> {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let is_under = |suffix: &str| {
            host.strip_suffix(suffix).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        MX_HOSTS
            .iter()
            .find(|(_, suffixes)| suffixes.iter().any(|suffix| is_under(suffix)))
            .map(|(provider, _)| *provider)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_tells_who_runs_its_mailboxes() {
        for (domain, provider) in [
            ("gmail.com", P::Gmail),
            ("GoogleMail.com", P::Gmail),
            ("hotmail.co.uk", P::Microsoft),
            ("live.nl", P::Microsoft),
            ("yahoo.com.br", P::Yahoo),
            ("privaterelay.appleid.com", P::Apple),
            ("web.de", P::Gmx),
            ("mail.ru", P::MailRu),
            ("example.test", P::Other),
            ("yahoo.evil-example.test", P::Other),
            ("notgmail.com", P::Other),
            ("", P::Other),
        ] {
            assert_eq!(MailboxProvider::of_domain(domain), provider, "{domain}");
        }
    }

    #[test]
    fn a_mail_exchanger_tells_it_for_domains_of_others() {
        for (host, provider) in [
            ("aspmx.l.google.com", Some(P::Gmail)),
            ("corp-example.mail.protection.outlook.com.", Some(P::Microsoft)),
            ("mta7.am0.yahoodns.net", Some(P::Yahoo)),
            ("mx01.mail.icloud.com", Some(P::Apple)),
            ("mxa-00112233.gslb.pphosted.com", Some(P::Corporate)),
            ("us-smtp-inbound-1.MIMECAST.com", Some(P::Corporate)),
            ("mx1.example.test", None),
            ("notgoogle.com", None),
            ("google.com.evil.test", None),
            ("", None),
        ] {
            assert_eq!(MailboxProvider::of_mx_host(host), provider, "{host}");
        }
    }

    #[test]
    fn every_name_reads_back() {
        for provider in MailboxProvider::ALL {
            assert_eq!(MailboxProvider::parse(provider.as_str()), Some(provider));
            assert_eq!(serde_json::json!(provider), provider.as_str());
        }
    }
}
