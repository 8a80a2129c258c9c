//! Passwords to Argon2id hashes, on as many cores as there are and no more.
//!
//! Every hash takes 19 MiB and some milliseconds by design. A flood of them must slow down, not exhaust
//! memory: the number under way and the number waiting are both bounded.

use std::sync::Arc;
use std::thread::available_parallelism;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{self, PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{Semaphore, oneshot};
use zeroize::Zeroizing;

use crate::clock::Clock;
use crate::domain::password::normalise;

/// OWASP Password Storage Cheat Sheet, Argon2id: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;
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
        let params = Params::new(MEMORY_KIB, PASSES, LANES, None).expect("OWASP's parameters are valid");
        let threads = rayon::ThreadPoolBuilder::new().num_threads(cores).thread_name(|_| "hasher".to_owned());
        let threads = threads.build().expect("the process may start threads");
        Self {
            argon2: Argon2::new(Algorithm::Argon2id, Version::V0x13, params),
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

    /// Whether this is the password that the hash was made of. Parameters come from the hash.
    pub async fn verify(&self, password: SecretString, hash: &str) -> Result<bool, HashError> {
        let hash = hash.to_owned();
        self.bounded(move |argon2| {
            let hash = PasswordHash::new(&hash)?;
            match argon2.verify_password(prepare(&password).as_bytes(), &hash) {
                Ok(()) => Ok(true),
                Err(password_hash::Error::PasswordInvalid) => Ok(false),
                Err(error) => Err(error),
            }
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

        let composed = hasher.verify(" cafe\u{301} noir ".into(), &hash).await.unwrap();
        let trimmed = hasher.verify("caf\u{e9} noir".into(), &hash).await.unwrap();

        assert!(composed);
        assert!(!trimmed);
    }

    #[tokio::test]
    async fn a_stored_hash_that_cannot_be_read_is_no_wrong_password() {
        let verified = hasher(1, 1).verify("any".into(), "not a hash").await;

        assert!(matches!(verified, Err(HashError::Broken(_))));
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
