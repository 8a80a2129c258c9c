//! What every directory must do. Runs on whichever database [`Scratch`] gives.

use std::sync::Arc;

use chrono::DateTime;
use futures_util::future::join_all;
use uuid::Uuid;

use super::{
    Account, AddError, BuiltInDirectory, Directory, NewAccount, PasswordChange, PasswordWritten, Role,
};
use crate::clock::FixedClock;
use crate::database::Database;
use crate::database::scratch::Scratch;
use crate::domain::address::EmailAddress;
use crate::domain::id::{AccountId, RequestId};

struct Fixture {
    scratch: Scratch,
    directory: BuiltInDirectory,
}

impl Fixture {
    async fn new() -> Self {
        let scratch = Scratch::new().await;
        let directory = directory_on(scratch.database.clone());
        Self { scratch, directory }
    }

    async fn add(&self, address: &str) -> Account {
        self.directory.add(new_account(address)).await.unwrap()
    }

    async fn hash_of(&self, account: &Account) -> String {
        let sql = "SELECT password_hash FROM accounts WHERE id = $1";
        let row = self.scratch.database.fetch_one(sql, &[account.id.to_string().into()]).await.unwrap();
        row.text("password_hash").unwrap()
    }

    async fn set(&self, account: &Account, request: u128, attempt: u32) -> PasswordWritten {
        self.directory.set_password(change(account, request, attempt)).await.unwrap()
    }

    async fn applied(&self, account: &Account, number: u128) -> Option<u32> {
        self.directory.applied_attempt(account.id, request(number).into()).await.unwrap()
    }

    async fn reload(&self, account: &Account) -> Account {
        self.directory.find(account.id).await.unwrap().unwrap()
    }
}

fn directory_on(database: Database) -> BuiltInDirectory {
    let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    BuiltInDirectory::new(database, Arc::new(FixedClock::at(now)))
}

fn address(text: &str) -> EmailAddress {
    EmailAddress::parse(text).unwrap()
}

fn new_account(text: &str) -> NewAccount {
    NewAccount {
        address: address(text),
        name: Some("Ada".into()),
        role: Role::User,
        verified: false,
        password_hash: "first".into(),
    }
}

fn request(number: u128) -> RequestId {
    RequestId::from_uuid(Uuid::from_u128(number))
}

/// A change for the account as it was when it was read; the hash tells request and attempt.
fn change(account: &Account, number: u128, attempt: u32) -> PasswordChange {
    PasswordChange {
        account_id: account.id,
        request_id: request(number),
        attempt,
        expected_version: account.credential_version,
        hash: format!("{number}/{attempt}"),
    }
}

#[tokio::test]
async fn an_account_is_found_by_every_spelling_of_its_address_and_no_other() {
    let fixture = Fixture::new().await;
    let account = fixture.add("Ada@Bücher.test").await;

    for spelling in ["Ada@Bücher.test", "ADA@bücher.TEST", "ada@xn--bcher-kva.test"] {
        let found = fixture.directory.lookup(&address(spelling)).await.unwrap();
        assert_eq!(found, Some(account.clone()), "{spelling}");
    }
    for other in ["ada+x@bücher.test", "ad\u{e4}@bücher.test", "a.da@bücher.test", "ada@bucher.test"] {
        assert_eq!(fixture.directory.lookup(&address(other)).await.unwrap(), None, "{other}");
    }
}

#[tokio::test]
async fn a_row_whose_address_contradicts_its_index_redirects_nobodys_mail() {
    let fixture = Fixture::new().await;
    fixture.add("ada@example.test").await;
    let sql = "UPDATE accounts SET address = 'mallory@example.test'";
    fixture.scratch.database.execute(sql, &[]).await.unwrap();

    let found = fixture.directory.lookup(&address("ada@example.test")).await.unwrap();

    assert_eq!(found, None);
}

#[tokio::test]
async fn an_address_has_one_account_at_most() {
    let fixture = Fixture::new().await;
    fixture.add("ada@example.test").await;

    let again = fixture.directory.add(new_account("ADA@example.TEST")).await;

    assert!(matches!(again, Err(AddError::AddressTaken)));
}

#[tokio::test]
async fn accounts_are_listed_page_by_page() {
    let fixture = Fixture::new().await;
    for n in 0..5 {
        fixture.add(&format!("user{n}@example.test")).await;
    }

    let first = fixture.directory.list(None, 3).await.unwrap();
    let second = fixture.directory.list(Some(first[2].id), 3).await.unwrap();

    assert_eq!((first.len(), second.len()), (3, 2));
    assert!(second.iter().all(|account| account.id > first[2].id));
}

#[tokio::test]
async fn a_change_moves_the_version_and_verifies_the_account() {
    let fixture = Fixture::new().await;
    let account = fixture.add("ada@example.test").await;

    let written = fixture.set(&account, 1, 1).await;

    let changed = fixture.reload(&account).await;
    assert_eq!(written, PasswordWritten::Applied);
    assert_eq!(changed.credential_version, account.credential_version + 1);
    assert!(changed.is_verified());
    assert_eq!(fixture.hash_of(&account).await, "1/1");
    assert_eq!(fixture.applied(&account, 1).await, Some(1));
}

#[tokio::test]
async fn a_change_for_an_older_version_is_superseded() {
    let fixture = Fixture::new().await;
    let account = fixture.add("ada@example.test").await;
    fixture.set(&account, 1, 1).await;

    let written = fixture.set(&account, 2, 1).await;

    assert_eq!(written, PasswordWritten::Superseded);
    assert_eq!(fixture.hash_of(&account).await, "1/1");
    assert_eq!(fixture.applied(&account, 2).await, None);
}

#[tokio::test]
async fn a_higher_attempt_of_the_same_request_overwrites_and_a_lower_one_does_not() {
    let fixture = Fixture::new().await;
    let account = fixture.add("ada@example.test").await;
    fixture.set(&account, 1, 2).await;

    let lower = fixture.set(&account, 1, 1).await;
    let higher = fixture.set(&account, 1, 3).await;

    assert_eq!((lower, higher), (PasswordWritten::Superseded, PasswordWritten::Applied));
    assert_eq!(fixture.hash_of(&account).await, "1/3");
    assert_eq!(fixture.applied(&account, 1).await, Some(3));
    assert_eq!(fixture.reload(&account).await.credential_version, account.credential_version + 1);
}

#[tokio::test]
async fn repeating_a_change_gives_the_same_answer_and_writes_nothing() {
    let fixture = Fixture::new().await;
    let account = fixture.add("ada@example.test").await;
    fixture.set(&account, 1, 1).await;

    let again = PasswordChange { hash: "other".into(), ..change(&account, 1, 1) };
    let written = fixture.directory.set_password(again).await.unwrap();

    assert_eq!(written, PasswordWritten::Applied);
    assert_eq!(fixture.hash_of(&account).await, "1/1");
}

#[tokio::test]
async fn an_applied_change_is_remembered_after_a_later_one() {
    let fixture = Fixture::new().await;
    let account = fixture.add("ada@example.test").await;
    fixture.set(&account, 1, 1).await;
    let later = fixture.reload(&account).await;
    fixture.set(&later, 2, 1).await;

    let repeated = fixture.set(&account, 1, 1).await;
    let higher = fixture.set(&account, 1, 2).await;

    assert_eq!((repeated, higher), (PasswordWritten::Applied, PasswordWritten::Superseded));
    assert_eq!(fixture.applied(&account, 1).await, Some(1));
    assert_eq!(fixture.hash_of(&account).await, "2/1");
}

#[tokio::test]
async fn a_disabled_or_unknown_account_takes_no_password() {
    let fixture = Fixture::new().await;
    let account = fixture.add("ada@example.test").await;
    let stranger = Account { id: AccountId::from_uuid(Uuid::from_u128(9)), ..account.clone() };
    fixture.scratch.database.execute("UPDATE accounts SET disabled = 1", &[]).await.unwrap();

    let disabled = fixture.set(&account, 1, 1).await;
    let unknown = fixture.set(&stranger, 1, 1).await;

    assert_eq!((disabled, unknown), (PasswordWritten::Superseded, PasswordWritten::Superseded));
    assert_eq!(fixture.hash_of(&account).await, "first");
}

#[tokio::test]
async fn verifying_twice_is_verifying_once_and_keeps_the_version() {
    let fixture = Fixture::new().await;
    let account = fixture.add("ada@example.test").await;

    fixture.directory.mark_verified(account.id).await.unwrap();
    fixture.directory.mark_verified(account.id).await.unwrap();

    let verified = Account { verified_at: Some(account.created_at), ..account.clone() };
    assert_eq!(fixture.reload(&account).await, verified);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_rivals_from_two_processes_exactly_one_is_applied() {
    let fixture = Fixture::new().await;
    let account = fixture.add("ada@example.test").await;
    let other = directory_on(Database::connect(&fixture.scratch.url).await.unwrap());

    let rivals = (1..=32).map(|number| {
        let directory = if number % 2 == 0 { fixture.directory.clone() } else { other.clone() };
        let change = change(&account, number, 1);
        async move { (number, tokio::spawn(async move { directory.set_password(change).await }).await) }
    });
    let outcomes = join_all(rivals).await;

    let winners: Vec<u128> = outcomes
        .into_iter()
        .filter(|(_, written)| matches!(written, Ok(Ok(PasswordWritten::Applied))))
        .map(|(number, _)| number)
        .collect();
    assert_eq!(winners.len(), 1, "{winners:?}");
    assert_eq!(fixture.hash_of(&account).await, format!("{}/1", winners[0]));
    assert_eq!(fixture.reload(&account).await.credential_version, account.credential_version + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_attempts_in_any_order_the_highest_has_the_last_word() {
    let fixture = Fixture::new().await;
    let account = fixture.add("ada@example.test").await;

    let attempts = (1..=16).rev().map(|attempt| {
        let (directory, change) = (fixture.directory.clone(), change(&account, 1, attempt));
        tokio::spawn(async move { directory.set_password(change).await })
    });
    join_all(attempts).await;

    assert_eq!(fixture.hash_of(&account).await, "1/16");
    assert_eq!(fixture.applied(&account, 1).await, Some(16));
}
