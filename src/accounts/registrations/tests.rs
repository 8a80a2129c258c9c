//! What waits for its address to be verified, and what becomes of it.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::*;
use crate::accounts::{AddressProof, NewAccount, PasswordChange, PasswordWritten, Role};
use crate::clock::FixedClock;
use crate::database::scratch::Scratch;
use crate::domain::id::RequestId;

const ADA: &str = "ada@example.test";
const DAY: i64 = 24 * 3600;

struct Fixture {
    scratch: Scratch,
    clock: Arc<FixedClock>,
    directory: BuiltInDirectory,
    registrations: Registrations,
}

impl Fixture {
    async fn new() -> Self {
        let scratch = Scratch::new().await;
        let clock = Arc::new(FixedClock::at(DateTime::from_timestamp(1_800_000_000, 0).unwrap()));
        let directory = BuiltInDirectory::new(scratch.database.clone(), clock.clone());
        let registrations = Registrations::new(directory.clone());
        Self { scratch, clock, directory, registrations }
    }

    /// One that waits for a day; its password and its name are its number.
    async fn register(&self, number: u128, email: &str) -> VerificationId {
        let registration = Registration {
            id: ver(number),
            address: address(email),
            name: Some(format!("name {number}")),
            password_hash: format!("hash {number}"),
            expires_at: self.in_seconds(DAY),
        };
        self.registrations.keep(&registration).await.unwrap();
        registration.id
    }

    async fn open(&self, id: VerificationId) -> Option<Account> {
        self.registrations.open_account(id).await.unwrap()
    }

    async fn add(&self, email: &str, verified: bool) -> Account {
        let new = NewAccount {
            address: address(email),
            name: None,
            role: Role::User,
            verified,
            password_hash: "first".into(),
        };
        self.directory.add(new).await.unwrap()
    }

    async fn prove(&self, account: &Account, number: u128, attempt: u32, proved: Proved) -> PasswordWritten {
        let proof = AddressProof {
            account_id: account.id,
            request_id: ver(number),
            attempt,
            expected_version: account.credential_version,
            proved,
        };
        self.directory.prove_address(proof).await.unwrap()
    }

    async fn lookup(&self, email: &str) -> Option<Account> {
        self.directory.lookup(&address(email)).await.unwrap()
    }

    async fn hash_of(&self, account: &Account) -> String {
        self.directory.password_hash(account.id).await.unwrap().unwrap()
    }

    async fn count(&self) -> i64 {
        let sql = "SELECT COUNT(*) AS n FROM registrations";
        self.scratch.database.fetch_one(sql, &[]).await.unwrap().int("n").unwrap()
    }

    fn in_seconds(&self, seconds: i64) -> DateTime<Utc> {
        crate::clock::Clock::now(self.clock.as_ref()) + TimeDelta::seconds(seconds)
    }

    fn pass(&self, seconds: i64) {
        self.clock.advance(TimeDelta::seconds(seconds));
    }
}

fn address(text: &str) -> EmailAddress {
    EmailAddress::parse(text).unwrap()
}

fn ver(number: u128) -> VerificationId {
    VerificationId::from_uuid(Uuid::from_u128(number))
}

fn moving_to(text: &str) -> Proved {
    Proved::Address { address: address(text), locale: None }
}

fn registration_of(number: u128) -> Proved {
    Proved::Registration { name: Some(format!("name {number}")), password_hash: format!("hash {number}") }
}

#[tokio::test]
async fn a_registration_waits_until_its_time_is_over() {
    let fixture = Fixture::new().await;
    let id = fixture.register(1, ADA).await;

    let waiting = fixture.registrations.find(id).await.unwrap();
    fixture.pass(DAY);
    let over = fixture.registrations.find(id).await.unwrap();

    assert_eq!(waiting.map(|registration| registration.password_hash), Some("hash 1".to_owned()));
    assert!(over.is_none() && fixture.open(id).await.is_none());
    fixture.registrations.forget_expired().await.unwrap();
    assert_eq!(fixture.count().await, 0);
}

#[tokio::test]
async fn the_newest_registrations_of_an_address_come_first_however_it_is_written() {
    let fixture = Fixture::new().await;
    for number in 1..=4 {
        fixture.register(number, "Ada@Example.test").await;
    }
    fixture.register(5, "eve@example.test").await;

    let pending = fixture.registrations.pending(&address(ADA)).await.unwrap();

    let ids: Vec<_> = pending.iter().map(|registration| registration.id).collect();
    assert_eq!(ids, [ver(4), ver(3), ver(2)]);
}

#[tokio::test]
async fn registrations_of_one_address_share_one_unverified_account() {
    let fixture = Fixture::new().await;
    let (first, second) = (fixture.register(1, ADA).await, fixture.register(2, "ADA@example.test").await);

    let (one, other) = tokio::join!(fixture.open(first), fixture.open(second));

    let (one, other) = (one.unwrap(), other.unwrap());
    assert_eq!(one.id, other.id);
    assert!(!one.is_verified() && fixture.registrations.is_provisional(one.id).await.unwrap());
}

#[tokio::test]
async fn a_verified_or_closed_address_opens_no_account() {
    let fixture = Fixture::new().await;
    fixture.add(ADA, true).await;
    let closed = fixture.add("closed@example.test", false).await;
    let close = "UPDATE accounts SET disabled = 1 WHERE id = $1";
    fixture.scratch.database.execute(close, &[closed.id.to_string().into()]).await.unwrap();

    for (number, email) in [(1, ADA), (2, "closed@example.test")] {
        let id = fixture.register(number, email).await;
        assert_eq!(fixture.open(id).await, None, "{email}");
    }
}

#[tokio::test]
async fn completing_a_registration_makes_the_account_its_own_and_forgets_the_others() {
    let fixture = Fixture::new().await;
    let first = fixture.register(1, ADA).await;
    fixture.register(2, ADA).await;
    fixture.register(3, "eve@example.test").await;
    let account = fixture.open(first).await.unwrap();

    let written = fixture.prove(&account, 2, 1, registration_of(2)).await;

    let now = fixture.lookup(ADA).await.unwrap();
    assert_eq!(written, PasswordWritten::Applied);
    assert!(now.is_verified() && !fixture.registrations.is_provisional(now.id).await.unwrap());
    assert_eq!(
        (now.credential_version, now.name.as_deref()),
        (account.credential_version + 1, Some("name 2"))
    );
    assert_eq!(fixture.hash_of(&now).await, "hash 2");
    assert_eq!(fixture.count().await, 1, "only that of the other address");
}

#[tokio::test]
async fn a_proof_is_fenced_like_a_password() {
    let fixture = Fixture::new().await;
    let id = fixture.register(1, ADA).await;
    let account = fixture.open(id).await.unwrap();
    fixture.prove(&account, 1, 2, registration_of(1)).await;

    let again = fixture.prove(&account, 1, 2, registration_of(9)).await;
    let lower = fixture.prove(&account, 1, 1, registration_of(9)).await;
    let other = fixture.prove(&account, 2, 1, registration_of(9)).await;
    let unchanged = fixture.hash_of(&account).await;
    let higher = fixture.prove(&account, 1, 3, registration_of(3)).await;

    assert_eq!(again, PasswordWritten::Applied);
    assert_eq!((lower, other), (PasswordWritten::Superseded, PasswordWritten::Superseded));
    assert_eq!(unchanged, "hash 1");
    assert_eq!((higher, fixture.hash_of(&account).await.as_str()), (PasswordWritten::Applied, "hash 3"));
    assert_eq!(fixture.directory.applied_attempt(account.id, ver(1).into()).await.unwrap(), Some(3));
}

#[tokio::test]
async fn a_reset_verifies_and_forgets_what_was_registered() {
    let fixture = Fixture::new().await;
    let id = fixture.register(1, ADA).await;
    let account = fixture.open(id).await.unwrap();
    let change = PasswordChange {
        account_id: account.id,
        request_id: RequestId::from_uuid(Uuid::from_u128(7)),
        attempt: 1,
        expected_version: account.credential_version,
        hash: "of the reset".into(),
    };

    fixture.directory.set_password(change).await.unwrap();

    assert_eq!(fixture.prove(&account, 1, 1, registration_of(1)).await, PasswordWritten::Superseded);
    assert_eq!((fixture.hash_of(&account).await.as_str(), fixture.count().await), ("of the reset", 0));
}

#[tokio::test]
async fn an_account_moves_to_an_address_that_nobody_has_verified() {
    let fixture = Fixture::new().await;
    let account = fixture.add(ADA, true).await;
    let id = fixture.register(1, "new@example.test").await;
    let squatter = fixture.open(id).await.unwrap();

    let written = fixture.prove(&account, 2, 1, moving_to("New@example.test")).await;

    let moved = fixture.lookup("new@example.test").await.unwrap();
    assert_eq!((written, moved.id), (PasswordWritten::Applied, account.id));
    assert_eq!(moved.address.as_str(), "New@example.test");
    assert!(moved.is_verified() && moved.credential_version == account.credential_version + 1);
    assert_eq!(fixture.lookup(ADA).await, None);
    assert_eq!(fixture.directory.find(squatter.id).await.unwrap(), None);
    assert_eq!(fixture.count().await, 0);
    assert_eq!(fixture.hash_of(&account).await, "first");
}

#[tokio::test]
async fn an_account_moves_to_no_address_of_somebody_else() {
    let fixture = Fixture::new().await;
    let account = fixture.add(ADA, true).await;
    let verified = fixture.add("verified@example.test", true).await;
    let added = fixture.add("added@example.test", false).await;

    for (number, other) in [(1, &verified), (2, &added)] {
        let written = fixture.prove(&account, number, 1, moving_to(other.address.as_str())).await;
        assert_eq!(written, PasswordWritten::Superseded);
        assert_eq!(fixture.directory.find(other.id).await.unwrap().as_ref(), Some(other));
    }
    assert_eq!(fixture.lookup(ADA).await, Some(account));
}

#[tokio::test]
async fn accounts_that_nobody_verified_go_with_their_last_link_and_others_stay() {
    let fixture = Fixture::new().await;
    let added = fixture.add("added@example.test", false).await;
    let gone = fixture.register(1, ADA).await;
    fixture.open(gone).await.unwrap();
    let kept = fixture.register(2, "eve@example.test").await;
    let kept = fixture.open(kept).await.unwrap();
    fixture.registrations.keep_account(kept.id, fixture.in_seconds(2 * DAY)).await.unwrap();
    fixture.registrations.keep_account(added.id, fixture.in_seconds(1)).await.unwrap();
    fixture.pass(DAY);

    fixture.registrations.forget_expired().await.unwrap();

    assert_eq!(fixture.lookup(ADA).await, None);
    assert_eq!(fixture.lookup("eve@example.test").await, Some(kept));
    assert_eq!(fixture.lookup("added@example.test").await, Some(added));
    fixture.pass(DAY);
    fixture.registrations.forget_expired().await.unwrap();
    assert_eq!(fixture.lookup("eve@example.test").await, None);
}

#[tokio::test]
async fn a_verified_account_outlives_the_registration_that_made_it() {
    let fixture = Fixture::new().await;
    let id = fixture.register(1, ADA).await;
    let account = fixture.open(id).await.unwrap();
    fixture.prove(&account, 1, 1, registration_of(1)).await;
    fixture.pass(100 * DAY);

    fixture.registrations.forget_expired().await.unwrap();

    assert!(fixture.lookup(ADA).await.is_some());
}
