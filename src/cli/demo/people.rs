//! Who gets the mail: invented people at domains that are reserved for examples (RFC 2606), so that nobody's address
//! is among them. Which provider runs a mailbox shows in the host that answers for its domain.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::chance::Chance;
use crate::domain::address::EmailAddress;
use crate::domain::id::AccountId;
use crate::domain::keys::IndexKey;
use crate::domain::mailbox_provider::MailboxProvider as P;

/// Domains, their shares of all people, who runs their mailboxes, and the host that says so.
const DOMAINS: &[(f64, (&str, P, &str))] = &[
    (26.0, ("example.com", P::Gmail, "gmail-smtp-in.l.google.com")),
    (7.0, ("northwind.example", P::Gmail, "aspmx.l.google.com")),
    (4.0, ("birchwood.example", P::Gmail, "aspmx.l.google.com")),
    (12.0, ("example.net", P::Microsoft, "example-net.mail.protection.outlook.com")),
    (6.0, ("contoso.example", P::Microsoft, "contoso-example.mail.protection.outlook.com")),
    (3.0, ("tailspin.example", P::Microsoft, "tailspin-example.mail.protection.outlook.com")),
    (9.0, ("sunmail.example", P::Yahoo, "mta5.am0.yahoodns.net")),
    (9.0, ("orchard.example", P::Apple, "mx01.mail.icloud.com")),
    (3.5, ("harbor-bank.example", P::Corporate, "mxa-0017.gslb.pphosted.com")),
    (3.0, ("cityhospital.example", P::Corporate, "eu-smtp-inbound-1.mimecast.com")),
    (2.0, ("acme-insurance.example", P::Corporate, "d1.ess.barracudanetworks.com")),
    (4.0, ("postfach.example", P::Gmx, "mx00.gmx.net")),
    (2.0, ("quietmail.example", P::Proton, "mail.protonmail.ch")),
    (1.0, ("smallshop.example", P::Zoho, "mx.zoho.eu")),
    (0.5, ("lotus.example", P::Qq, "mx3.qq.com")),
    (0.5, ("pochta.example", P::MailRu, "mxs.mail.ru")),
    (4.0, ("example.org", P::Other, "mx1.example.org")),
    (2.5, ("university.example", P::Other, "mail.university.example")),
    (1.0, ("selfhosted.example", P::Other, "box.selfhosted.example")),
];

const FIRST_NAMES: &[&str] = &[
    "Ada", "Aino", "Amir", "Anouk", "Bea", "Bruno", "Chiara", "Clara", "Daan", "Dilek", "Edda", "Elif",
    "Emil", "Femke", "Finn", "Giulia", "Hana", "Hugo", "Ines", "Ivan", "Jana", "Joel", "Kaya", "Lena",
    "Liam", "Maja", "Mateo", "Mina", "Nils", "Noor", "Oskar", "Paula", "Rafael", "Rosa", "Samira", "Sofia",
    "Theo", "Vera", "Yara", "Zoe",
];

const LAST_NAMES: &[&str] = &[
    "Adler",
    "Bakker",
    "Berg",
    "Castro",
    "Conti",
    "Dahl",
    "Demir",
    "Duarte",
    "Eklund",
    "Farkas",
    "Fischer",
    "Garnier",
    "Haas",
    "Ivanova",
    "Jansen",
    "Keller",
    "Kowalski",
    "Lang",
    "Lindqvist",
    "Marino",
    "Meyer",
    "Moreau",
    "Novak",
    "Okafor",
    "Petit",
    "Popescu",
    "Quist",
    "Rossi",
    "Santos",
    "Schmitt",
    "Silva",
    "Stern",
    "Tanaka",
    "Urban",
    "Vogel",
    "Weber",
    "Wolff",
    "Yilmaz",
    "Zeller",
    "Zimmer",
];

/// The same person does not begin another story within this time.
const REST: TimeDelta = TimeDelta::hours(3);

/// Somebody who gets mail.
#[derive(Debug, Clone)]
pub struct Person {
    pub name: String,
    pub address: EmailAddress,
    /// The keyed hash of the address, which names its streams.
    pub key: String,
    /// Who runs the mailbox.
    pub mailbox: P,
    /// The host that answers for it.
    pub mx_host: &'static str,
    pub account: AccountId,
    /// Since when all mail is held back.
    pub suppressed_at: Option<DateTime<Utc>>,
    busy_until: Option<DateTime<Utc>>,
}

/// Everybody. Some have had accounts all along; the others register one after the other.
pub struct People {
    all: Vec<Person>,
    /// How many have accounts by now.
    here: usize,
}

/// An invented person, before they have an account.
pub struct Invented {
    pub name: String,
    pub address: EmailAddress,
    mailbox: P,
    mx_host: &'static str,
}

/// So many people, each with an address of their own.
pub fn invent(count: usize, chance: &mut Chance) -> Vec<Invented> {
    let mut taken = HashMap::<String, usize>::new();
    (0..count)
        .map(|_| {
            let (first, last) = (*chance.pick(FIRST_NAMES), *chance.pick(LAST_NAMES));
            let (domain, mailbox, mx_host) = *chance.weighted(DOMAINS);
            let stem = format!("{first}.{last}").to_lowercase();
            let namesakes = taken.entry(format!("{stem}@{domain}")).or_default();
            *namesakes += 1;
            let number = if *namesakes == 1 { String::new() } else { namesakes.to_string() };
            let address = EmailAddress::parse(&format!("{stem}{number}@{domain}"));
            Invented {
                name: format!("{first} {last}"),
                address: address.expect("names and domains of the lists make addresses"),
                mailbox,
                mx_host,
            }
        })
        .collect()
}

impl People {
    /// These, with the accounts that they have or will have. Of them this share is there from the beginning.
    pub fn new(
        invented: Vec<Invented>,
        accounts: &HashMap<String, AccountId>,
        index: &IndexKey,
        here: f64,
    ) -> Self {
        let person = |invented: Invented| {
            Some(Person {
                account: *accounts.get(invented.address.normalised())?,
                key: index.stream_key(&invented.address).to_string(),
                name: invented.name,
                address: invented.address,
                mailbox: invented.mailbox,
                mx_host: invented.mx_host,
                suppressed_at: None,
                busy_until: None,
            })
        };
        let all: Vec<_> = invented.into_iter().filter_map(person).collect();
        let here = (all.len() as f64 * here) as usize;
        Self { all, here }
    }

    /// Somebody with an account and nothing going on; none if that is hard to find.
    pub fn somebody(&mut self, at: DateTime<Utc>, chance: &mut Chance) -> Option<&mut Person> {
        let free = (0..20).map(|_| chance.below(self.here)).find(|place| self.all[*place].is_free(at))?;
        let person = &mut self.all[free];
        person.busy_until = Some(at + REST);
        Some(person)
    }

    /// The next one who registers; none once everybody has.
    pub fn newcomer(&mut self, at: DateTime<Utc>) -> Option<&mut Person> {
        let person = self.all.get_mut(self.here)?;
        self.here += 1;
        person.busy_until = Some(at + REST);
        Some(person)
    }
}

impl Person {
    fn is_free(&self, at: DateTime<Utc>) -> bool {
        self.busy_until.is_none_or(|until| until <= at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_has_an_address_of_their_own_at_a_reserved_domain() {
        let people = invent(3_000, &mut Chance::of(7, 0));

        let addresses: std::collections::BTreeSet<_> =
            people.iter().map(|person| person.address.normalised().to_owned()).collect();
        assert_eq!(addresses.len(), 3_000);
        for person in &people {
            let domain = person.address.domain();
            let top = domain.rsplit('.').next();
            assert!(top == Some("example") || domain.starts_with("example."), "{domain}");
            assert!(person.mailbox == P::of_mx_host(person.mx_host).unwrap_or(P::Other), "{domain}");
        }
    }
}
