//! Passwords to Argon2id hashes, on as many cores as there are and no more.
//!
//! Every hash takes 19 MiB and some milliseconds by design. A flood of them must slow down, not exhaust
//! memory: the number under way and the number waiting are both bounded.

use std::sync::Arc;
use std::thread::available_parallelism;

use argon2::Argon2;
use argon2::password_hash::{self, PasswordHasher as _};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{Semaphore, oneshot};
use zeroize::Zeroizing;

use super::stored_hash::{StoredHash, ours};
use crate::clock::Clock;
use crate::domain::password::normalise;

const SALT_BYTES: usize = 16;
/// Calls that may wait for each core: about a second of work.
const WAITING_PER_CORE: usize = 32;

/// Hashes and verifies passwords. Cheap to clone; clones share the bounds.
#[derive(Clone)]
pub struct PasswordHasher {
    argon2: Argon2<'static>,
    clock: Arc<dyn Clock>,
    /// One permit for every call that was taken in, waiting or under way.
    places: Arc<Semaphore>,
    /// As many threads as there are cores, always the same ones: blocks of 19 MiB that each of many threads
    /// had freed would stay with it.
    threads: Arc<rayon::ThreadPool>,
}

/// What a password is to a stored hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Match {
    /// Another password, or no usable hash at all.
    Wrong,
    /// The right one.
    Right {
        /// Whether it was hashed with other parameters than our own, and is to be replaced.
        is_foreign: bool,
    },
}

/// Why there is no answer about a password.
#[derive(Debug, thiserror::Error)]
pub enum HashError {
    /// Too many wait already; come back in a moment.
    #[error("too many passwords are being hashed")]
    Busy,
    /// The stored hash cannot be read, or the machine has no memory for one.
    #[error("a password hash is broken: {0}")]
    Broken(String),
}

impl PasswordHasher {
    /// One hash at a time per core of this machine. Salts come from the clock's randomness.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let cores = available_parallelism().map_or(1, usize::from);
        Self::with_bounds(clock, cores, cores * WAITING_PER_CORE)
    }

    fn with_bounds(clock: Arc<dyn Clock>, cores: usize, waiting: usize) -> Self {
        let threads = rayon::ThreadPoolBuilder::new().num_threads(cores).thread_name(|_| "hasher".to_owned());
        let threads = threads.build().expect("the process may start threads");
        Self {
            argon2: ours(),
            clock,
            places: Arc::new(Semaphore::new(cores + waiting)),
            threads: Arc::new(threads),
        }
    }

    /// The hash of a password in the PHC string format, under a fresh salt.
    pub async fn hash(&self, password: SecretString) -> Result<String, HashError> {
        let mut salt = [0; SALT_BYTES];
        self.clock.fill(&mut salt);
        self.bounded(move |argon2| {
            argon2.hash_password_with_salt(prepare(&password).as_bytes(), &salt).map(|hash| hash.to_string())
        })
        .await
    }

    /// Compares a password with what is stored for it. Whatever that is, and also if there is nothing, the
    /// work is that of verifying one of our own hashes, so that its time tells nothing about an account; only
    /// a stronger hash from elsewhere takes longer.
    pub async fn compare(&self, password: SecretString, stored: Option<&str>) -> Result<Match, HashError> {
        let stored = stored.and_then(|hash| StoredHash::parse(hash).ok());
        self.bounded(move |argon2| {
            let password = prepare(&password);
            let Some(stored) = stored else {
                argon2.hash_password_with_salt(password.as_bytes(), &[0; SALT_BYTES])?;
                return Ok(Match::Wrong);
            };
            let is_right = stored.is_of(password.as_bytes())?;
            stored.make_up(password.as_bytes());
            Ok(if is_right { Match::Right { is_foreign: stored.is_foreign() } } else { Match::Wrong })
        })
        .await
    }

    /// The place travels into the thread: a caller that goes away frees nothing that is still in use.
    async fn bounded<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Argon2<'static>) -> password_hash::Result<T> + Send + 'static,
    ) -> Result<T, HashError> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| HashError::Busy)?;
        let argon2 = self.argon2.clone();
        let (answer, answered) = oneshot::channel();
        self.threads.spawn(move || {
            let _until_done = place;
            // The caller may have gone.
            let _ = answer.send(work(&argon2));
        });
        match answered.await {
            Ok(outcome) => outcome.map_err(|error| HashError::Broken(error.to_string())),
            Err(error) => Err(HashError::Broken(error.to_string())),
        }
    }
}

fn prepare(password: &SecretString) -> Zeroizing<String> {
    Zeroizing::new(normalise(password.expose_secret()))
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;

    use super::*;
    use crate::clock::SystemClock;

    fn hasher(cores: usize, waiting: usize) -> PasswordHasher {
        PasswordHasher::with_bounds(Arc::new(SystemClock), cores, waiting)
    }

    #[tokio::test]
    async fn a_hash_names_its_parameters_and_salts_every_time() {
        let hasher = hasher(2, 8);

        let first = hasher.hash("correct horse".into()).await.unwrap();
        let second = hasher.hash("correct horse".into()).await.unwrap();

        assert!(first.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{first}");
        assert_ne!(first, second);
    }

    #[tokio::test]
    async fn only_the_same_password_is_verified_however_it_was_typed() {
        let hasher = hasher(2, 8);
        let hash = hasher.hash(" caf\u{e9} noir ".into()).await.unwrap();

        let composed = hasher.compare(" cafe\u{301} noir ".into(), Some(&hash)).await.unwrap();
        let trimmed = hasher.compare("caf\u{e9} noir".into(), Some(&hash)).await.unwrap();

        assert_eq!((composed, trimmed), (Match::Right { is_foreign: false }, Match::Wrong));
    }

    #[tokio::test]
    async fn a_hash_from_elsewhere_is_verified_with_its_own_parameters_and_known_as_weak() {
        let hasher = hasher(1, 1);
        let argon2 = Argon2::from(argon2::Params::new(1024, 1, 1, None).unwrap());
        let hash = argon2.hash_password_with_salt(b"from elsewhere", &[1; 16]).unwrap().to_string();

        let right = hasher.compare("from elsewhere".into(), Some(&hash)).await.unwrap();
        let wrong = hasher.compare("from anywhere".into(), Some(&hash)).await.unwrap();

        assert_eq!((right, wrong), (Match::Right { is_foreign: true }, Match::Wrong));
    }

    #[tokio::test]
    async fn where_there_is_no_usable_hash_every_password_is_wrong() {
        for stored in [None, Some(""), Some("not a hash")] {
            let compared = hasher(1, 1).compare("any".into(), stored).await.unwrap();
            assert_eq!(compared, Match::Wrong, "{stored:?}");
        }
    }

    #[tokio::test]
    async fn a_flood_is_turned_away_once_the_queue_is_full() {
        let hasher = hasher(1, 2);

        let outcomes = join_all((0..10).map(|_| hasher.hash("flood".into()))).await;
        let afterwards = hasher.hash("later".into()).await;

        let turned_away = outcomes.iter().filter(|outcome| matches!(outcome, Err(HashError::Busy))).count();
        assert_eq!(turned_away, 7);
        assert!(afterwards.is_ok());
    }
}
