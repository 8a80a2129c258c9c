//! How often somebody may fail to log in: from one client network, at one account, and at one account from
//! one network. Counted in the database, alike for accounts that exist and for those that do not.
//!
//! An attempt is counted before its password is looked at and uncounted when it was right, so that a thousand
//! attempts at once are still a thousand. The count of an account does not hold for networks from which its
//! owner got in before, and every count ends by itself: strangers can slow an owner down, never lock one out.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::DirectoryError;
use super::built_in::micros;
use crate::clock::Clock;
use crate::database::{Database, DatabaseError, Transaction, Value};
use crate::domain::address::EmailAddress;
use crate::domain::id::AccountId;
use crate::domain::keys::IndexKey;

/// Failures at one account in an hour, over all networks from which nobody got in yet. NIST SP 800-63B-4
/// §3.2.2 wants no more than 100 in a row.
const PER_ACCOUNT: u32 = 30;
/// Failures at one account from one network, in a quarter of an hour.
const PER_PAIR: u32 = 10;
const HOUR: i64 = 3600;
const QUARTER: i64 = 900;
/// A network from which nobody got in for so long is a stranger again.
const KNOWN_FOR: TimeDelta = TimeDelta::days(90);

const LOOK: &str = "\
    SELECT COALESCE((SELECT failures FROM failed_log_ins WHERE counter = $1 AND window_start = $2), 0) AS client,
           COALESCE((SELECT failures FROM failed_log_ins WHERE counter = $3 AND window_start = $4), 0) AS account,
           COALESCE((SELECT failures FROM failed_log_ins WHERE counter = $5 AND window_start = $6), 0) AS pair,
           (SELECT last_seen_at FROM known_clients WHERE pair = $5) AS known_since";

const COUNT: &str = "\
    INSERT INTO failed_log_ins (counter, window_start, failures) VALUES ($1, $2, 1)
    ON CONFLICT (counter, window_start) DO UPDATE SET failures = failed_log_ins.failures + 1
    RETURNING failures";

const UNCOUNT: &str = "\
    UPDATE failed_log_ins SET failures = failures - 1
    WHERE counter = $1 AND window_start = $2 AND failures > 0";

const REMEMBER: &str = "\
    INSERT INTO known_clients (pair, account_id, last_seen_at) SELECT $1, id, $2 FROM accounts WHERE id = $3
    ON CONFLICT (pair) DO UPDATE SET account_id = excluded.account_id, last_seen_at = excluded.last_seen_at";

/// Counts failed log-ins. Cheap to clone.
#[derive(Clone)]
pub struct FailedLogIns {
    database: Database,
    clock: Arc<dyn Clock>,
    index: IndexKey,
    per_client: u32,
}

/// Why an attempt is not looked at.
#[derive(Debug, thiserror::Error)]
pub enum LimitError {
    /// There were too many failures; nothing was counted.
    #[error("too many failures by {policy}, come back in {retry_after} s")]
    TooMany {
        /// Which limit: `client`, `account` or `pair`.
        policy: &'static str,
        /// Failures within the window.
        quota: u32,
        /// The window in seconds.
        window: i64,
        /// Seconds.
        retry_after: u64,
    },
    /// The counts cannot be read or written.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
}

impl From<DatabaseError> for LimitError {
    fn from(error: DatabaseError) -> Self {
        Self::Directory(error.into())
    }
}

/// One of the counts that an attempt belongs to.
#[derive(Debug, Clone)]
struct Counter {
    policy: &'static str,
    key: String,
    quota: u32,
    window: i64,
    /// Seconds since the epoch.
    start: i64,
}

impl Counter {
    fn new(policy: &'static str, key: String, quota: u32, window: i64, now: DateTime<Utc>) -> Self {
        Self { policy, key, quota, window, start: now.timestamp().div_euclid(window) * window }
    }

    fn values(&self) -> [Value; 2] {
        [Value::from(&self.key), (self.start * 1_000_000).into()]
    }

    /// `failures` with this attempt among them.
    fn check(&self, failures: i64, now: DateTime<Utc>) -> Result<(), LimitError> {
        if failures <= i64::from(self.quota) {
            return Ok(());
        }
        let rest = self.start + self.window - now.timestamp();
        Err(LimitError::TooMany {
            policy: self.policy,
            quota: self.quota,
            window: self.window,
            retry_after: u64::try_from(rest).unwrap_or(1).max(1),
        })
    }
}

/// An attempt that was let through, and counts as a failure until something else is said of it.
#[derive(Debug)]
#[must_use = "an attempt of which nothing is said was a failure"]
pub struct Attempt {
    counters: Vec<Counter>,
    pair: String,
}

impl FailedLogIns {
    /// With this many failures an hour for one client network.
    pub fn new(database: Database, clock: Arc<dyn Clock>, index: IndexKey, per_client: u32) -> Self {
        Self { database, clock, index, per_client }
    }

    /// Counts an attempt at this address from this client, or says when to come back.
    pub async fn begin(&self, address: &EmailAddress, client: &str) -> Result<Attempt, LimitError> {
        let now = self.clock.now();
        let key = |address, client| self.index.log_in_key(address, client);
        let pair = key(Some(address), Some(client));
        let by_client = Counter::new("client", key(None, Some(client)), self.per_client, HOUR, now);
        let by_account = Counter::new("account", key(Some(address), None), PER_ACCOUNT, HOUR, now);
        let by_pair = Counter::new("pair", pair.clone(), PER_PAIR, QUARTER, now);

        // A look first: who is over a limit must not even wait for the writer.
        let values = [by_client.values(), by_account.values(), by_pair.values()].concat();
        let row = self.database.fetch_one(LOOK, &values).await?;
        let known_since = row.optional_int("known_since")?;
        let is_known = known_since.is_some_and(|since| since > micros(now - KNOWN_FOR));
        let mut counters = Vec::with_capacity(3);
        // Always in this order, so that no two attempts wait for each other.
        for counter in [by_client, by_account, by_pair] {
            if counter.policy == "account" && is_known {
                continue;
            }
            counter.check(row.int(counter.policy)? + 1, now)?;
            counters.push(counter);
        }

        let mut transaction = self.database.begin().await?;
        for counter in &counters {
            let rows = transaction.fetch_all(COUNT, &counter.values()).await?;
            let failures = rows.first().map_or(Ok(1), |row| row.int("failures"))?;
            counter.check(failures, now)?;
        }
        transaction.commit().await?;
        Ok(Attempt { counters, pair })
    }

    /// The attempt was no failure, and proves nothing either: nobody could look, or the account is not open.
    pub async fn withdraw(&self, attempt: Attempt) -> Result<(), DirectoryError> {
        let mut transaction = self.database.begin().await?;
        uncount(&mut transaction, &attempt).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// The owner got in: what failed before from this network is forgotten, and the network is known.
    pub async fn succeeded(&self, attempt: Attempt, account: AccountId) -> Result<(), DirectoryError> {
        let mut transaction = self.database.begin().await?;
        uncount(&mut transaction, &attempt).await?;
        self.know(&mut transaction, attempt.pair, account).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// The owner has proved from this network to receive the account's mail, which is as good as getting in.
    pub async fn remember(
        &self,
        address: &EmailAddress,
        client: &str,
        account: AccountId,
    ) -> Result<(), DirectoryError> {
        let pair = self.index.log_in_key(Some(address), Some(client));
        let mut transaction = self.database.begin().await?;
        self.know(&mut transaction, pair, account).await?;
        transaction.commit().await?;
        Ok(())
    }

    async fn know(
        &self,
        transaction: &mut Transaction,
        pair: String,
        account: AccountId,
    ) -> Result<(), DatabaseError> {
        transaction.execute("DELETE FROM failed_log_ins WHERE counter = $1", &[Value::from(&pair)]).await?;
        let values = [pair.into(), micros(self.clock.now()).into(), account.to_string().into()];
        transaction.execute(REMEMBER, &values).await.map(|_| ())
    }

    /// Forgets windows that are over, and networks that nobody got in from for long.
    pub async fn tidy(&self) -> Result<(), DirectoryError> {
        let now = self.clock.now();
        // One window more is kept for clocks that differ.
        let windows = micros(now - TimeDelta::hours(2));
        self.database
            .execute("DELETE FROM failed_log_ins WHERE window_start < $1", &[windows.into()])
            .await?;
        let known = micros(now - KNOWN_FOR);
        self.database.execute("DELETE FROM known_clients WHERE last_seen_at < $1", &[known.into()]).await?;
        Ok(())
    }
}

async fn uncount(transaction: &mut Transaction, attempt: &Attempt) -> Result<(), DatabaseError> {
    for counter in &attempt.counters {
        transaction.execute(UNCOUNT, &counter.values()).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;

    use super::*;
    use crate::accounts::{BuiltInDirectory, NewAccount, Role};
    use crate::clock::FixedClock;
    use crate::database::scratch::Scratch;

    const HOME: &str = "192.0.2.1";

    struct Bench {
        failures: FailedLogIns,
        accounts: BuiltInDirectory,
        clock: Arc<FixedClock>,
        scratch: Scratch,
    }

    impl Bench {
        async fn new() -> Self {
            let scratch = Scratch::new().await;
            let clock = Arc::new(FixedClock::at(DateTime::from_timestamp(1_800_000_000, 0).unwrap()));
            let accounts = BuiltInDirectory::new(scratch.database.clone(), clock.clone());
            let index = IndexKey::new([7; 32]);
            let failures = FailedLogIns::new(scratch.database.clone(), clock.clone(), index, 60);
            Self { failures, accounts, clock, scratch }
        }

        async fn ada(&self) -> AccountId {
            let new = NewAccount {
                address: ada(),
                name: None,
                role: Role::User,
                verified: true,
                password_hash: String::new(),
            };
            self.accounts.add(new).await.unwrap().id
        }

        /// The limit that stops a failing attempt, if one does.
        async fn fail(&self, address: &EmailAddress, client: &str) -> Option<&'static str> {
            match self.failures.begin(address, client).await {
                Ok(_) => None,
                Err(LimitError::TooMany { policy, .. }) => Some(policy),
                Err(error) => panic!("{error}"),
            }
        }

        async fn succeed(&self, client: &str, account: AccountId) {
            let attempt = self.failures.begin(&ada(), client).await.unwrap();
            self.failures.succeeded(attempt, account).await.unwrap();
        }
    }

    fn ada() -> EmailAddress {
        EmailAddress::parse("ada@example.test").unwrap()
    }

    #[tokio::test]
    async fn one_network_that_tries_many_addresses_is_stopped_and_no_other() {
        let bench = Bench::new().await;
        for n in 0..60 {
            let address = EmailAddress::parse(&format!("guess{n}@example.test")).unwrap();
            assert_eq!(bench.fail(&address, HOME).await, None);
        }

        assert_eq!(bench.fail(&ada(), HOME).await, Some("client"));
        assert_eq!(bench.fail(&ada(), "192.0.2.2").await, None);
    }

    #[tokio::test]
    async fn strangers_from_many_networks_keep_the_owner_out_of_no_network_known_to_be_theirs() {
        let bench = Bench::new().await;
        let account = bench.ada().await;
        bench.succeed(HOME, account).await;

        let mut stopped = vec![];
        for n in 0..40 {
            stopped.extend(bench.fail(&ada(), &format!("198.51.100.{n}")).await);
        }
        bench.succeed(HOME, account).await;
        assert_eq!(stopped, ["account"; 10]);
        assert_eq!(bench.fail(&ada(), "203.0.113.7").await, Some("account"));

        // What a completed reset proves from there.
        bench.failures.remember(&ada(), "203.0.113.7", account).await.unwrap();
        bench.succeed("203.0.113.7", account).await;
    }

    #[tokio::test]
    async fn every_limit_ends_by_itself() {
        let bench = Bench::new().await;
        for _ in 0..10 {
            assert_eq!(bench.fail(&ada(), HOME).await, None);
        }
        assert_eq!(bench.fail(&ada(), HOME).await, Some("pair"));
        bench.clock.advance(TimeDelta::minutes(15));
        assert_eq!(bench.fail(&ada(), HOME).await, None);

        for n in 0..30 {
            bench.fail(&ada(), &format!("198.51.100.{n}")).await;
        }
        assert_eq!(bench.fail(&ada(), "203.0.113.7").await, Some("account"));
        bench.clock.advance(TimeDelta::hours(1));
        assert_eq!(bench.fail(&ada(), "203.0.113.7").await, None);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn of_many_attempts_at_once_no_more_than_the_limit_are_looked_at() {
        let bench = Bench::new().await;

        let attempts = (0..40).map(|_| {
            let failures = bench.failures.clone();
            tokio::spawn(async move { failures.begin(&ada(), HOME).await.is_ok() })
        });
        let looked_at = join_all(attempts).await.into_iter().filter(|ok| *ok.as_ref().unwrap()).count();

        assert_eq!(looked_at, 10);
    }

    #[tokio::test]
    async fn what_was_no_failure_counts_for_nothing_and_what_is_over_is_forgotten() {
        let bench = Bench::new().await;
        let account = bench.ada().await;
        for _ in 0..20 {
            let attempt = bench.failures.begin(&ada(), HOME).await.unwrap();
            bench.failures.withdraw(attempt).await.unwrap();
        }
        bench.succeed(HOME, account).await;
        bench.fail(&ada(), HOME).await;

        bench.clock.advance(TimeDelta::days(91));
        bench.failures.tidy().await.unwrap();

        for table in ["failed_log_ins", "known_clients"] {
            let sql = format!("SELECT count(*) AS n FROM {table}");
            assert_eq!(bench.scratch.database.fetch_one(&sql, &[]).await.unwrap().int("n").unwrap(), 0);
        }
    }
}
