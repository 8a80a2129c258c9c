//! `backstamp accounts`: the built-in directory from the operator's terminal.

pub mod import;

use anyhow::{Context, bail};
use secrecy::{ExposeSecret, SecretString};

use super::output::{say, show};
use super::table::{aligned, printable};
use super::{AddAccount, OneAccount, password};
use crate::accounts::{Account, AddError, BuiltInDirectory, Directory, NewAccount, PasswordHasher};
use crate::domain::password::PasswordPolicy;

/// Accounts that are read at a time.
const PAGE: u32 = 500;

/// Adds an account with a password that is asked for, or read from standard input.
pub async fn add(
    directory: &BuiltInDirectory,
    hasher: &PasswordHasher,
    policy: &PasswordPolicy,
    new: AddAccount,
) -> anyhow::Result<()> {
    let password = password::read()?;
    let account = add_with_password(directory, hasher, policy, new, password).await?;
    say(format_args!("{} added as {} ({})", account.address.as_str(), account.id, account.role))?;
    Ok(())
}

async fn add_with_password(
    directory: &BuiltInDirectory,
    hasher: &PasswordHasher,
    policy: &PasswordPolicy,
    new: AddAccount,
    password: SecretString,
) -> anyhow::Result<Account> {
    if let Err(reasons) = policy.check(password.expose_secret(), &new.email) {
        let reasons: Vec<String> = reasons.into_iter().map(|reason| reason.message).collect();
        bail!("the password is refused: {}", reasons.join(" "));
    }
    let account = NewAccount {
        address: new.email,
        name: new.name,
        role: new.role,
        verified: !new.unverified,
        password_hash: hasher.hash(password).await?,
    };
    match directory.add(account).await {
        Err(AddError::AddressTaken) => {
            bail!("an account with this address exists already; its owner can reset the password")
        }
        outcome => outcome.context("the account was not added"),
    }
}

/// What is done to an account.
#[derive(Debug, Clone, Copy)]
pub enum Change {
    Disable,
    Enable,
    Delete,
}

/// Does it to the account with this address.
pub async fn change(directory: &BuiltInDirectory, one: OneAccount, change: Change) -> anyhow::Result<()> {
    let found = directory.lookup(&one.email).await?;
    let account = found.context("there is no account with this address")?;
    let (done, word) = match change {
        Change::Disable => (directory.disable(account.id).await?, "disabled"),
        Change::Enable => (directory.enable(account.id).await?, "enabled"),
        Change::Delete => (directory.delete(account.id).await?, "deleted"),
    };
    if !done {
        bail!("the account was deleted meanwhile");
    }
    say(format_args!("{} {word}", account.address.as_str()))?;
    Ok(())
}

/// Prints every account, the oldest first.
pub async fn list(directory: &BuiltInDirectory) -> anyhow::Result<()> {
    let mut accounts = Vec::new();
    loop {
        let page = directory.list(accounts.last().map(|last: &Account| last.id), PAGE).await?;
        if page.is_empty() {
            break;
        }
        accounts.extend(page);
    }
    if accounts.is_empty() {
        say("There are no accounts yet: backstamp accounts add EMAIL")?;
    } else {
        show(table(&accounts))?;
    }
    Ok(())
}

fn table(accounts: &[Account]) -> String {
    aligned(["ADDRESS", "NAME", "ROLE", "STATE", "SINCE", "ID"], accounts.iter().map(cells))
}

fn cells(account: &Account) -> [String; 6] {
    let state = match (account.disabled, account.is_verified()) {
        (true, _) => "disabled",
        (false, true) => "verified",
        (false, false) => "unverified",
    };
    [
        account.address.as_str().to_owned(),
        account.name.as_deref().map_or("-".to_owned(), printable),
        account.role.to_string(),
        state.to_owned(),
        account.created_at.format("%Y-%m-%d").to_string(),
        account.id.to_string(),
    ]
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use chrono::DateTime;

    use super::*;
    use crate::accounts::Role;
    use crate::clock::FixedClock;
    use crate::database::scratch::Scratch;
    use crate::domain::address::EmailAddress;

    struct Desk {
        directory: BuiltInDirectory,
        hasher: PasswordHasher,
        _scratch: Scratch,
    }

    impl Desk {
        async fn new() -> Self {
            let scratch = Scratch::new().await;
            let clock = Arc::new(FixedClock::at(DateTime::from_timestamp(1_800_000_000, 0).unwrap()));
            let directory = BuiltInDirectory::new(scratch.database.clone(), clock.clone());
            Self { directory, hasher: PasswordHasher::new(clock), _scratch: scratch }
        }

        async fn add(&self, email: &str, name: &str, password: &str) -> anyhow::Result<Account> {
            let new = AddAccount {
                email: EmailAddress::parse(email)?,
                name: Some(name.to_owned()),
                role: Role::User,
                unverified: false,
            };
            let policy = PasswordPolicy::default();
            add_with_password(&self.directory, &self.hasher, &policy, new, password.into()).await
        }
    }

    #[tokio::test]
    async fn an_added_account_is_found_and_verified() {
        let desk = Desk::new().await;

        let account = desk.add("ada@example.test", "Ada", "vermilion otter lantern").await.unwrap();

        let found = desk.directory.lookup(&account.address).await.unwrap().unwrap();
        assert_eq!(found, account);
        assert!(found.is_verified());
    }

    #[tokio::test]
    async fn a_poor_password_and_a_taken_address_are_refused_with_the_reason() {
        let desk = Desk::new().await;
        desk.add("ada@example.test", "Ada", "vermilion otter lantern").await.unwrap();

        let poor = desk.add("eve@example.test", "Eve", "1234").await.unwrap_err().to_string();
        let taken =
            desk.add("Ada@Example.test", "Ada", "vermilion otter lantern").await.unwrap_err().to_string();

        assert!(poor.contains("at least 8 characters") && !poor.contains("1234"), "{poor}");
        assert!(taken.contains("exists already"), "{taken}");
    }

    #[tokio::test]
    async fn the_table_is_aligned_and_steers_no_terminal() {
        let desk = Desk::new().await;
        let long = desk.add("ada.lovelace@example.test", "Ada", "vermilion otter lantern").await.unwrap();
        let short = desk.add("e@b.test", "Eve\u{1b}[2J", "vermilion otter lantern").await.unwrap();

        let table = table(&[long, short]);

        let columns: Vec<Option<usize>> = table
            .lines()
            .skip(1)
            .map(|line| line.find("user").map(|byte| line[..byte].chars().count()))
            .collect();
        assert_eq!(columns[0], columns[1], "{table}");
        assert!(!table.contains('\u{1b}'));
    }
}
