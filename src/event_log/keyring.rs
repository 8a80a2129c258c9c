//! The two keys that are made once (index key, key-encryption key), and the data keys that the second wraps.
//!
//! Both lie in the database wrapped by the root key, so that rotating the root re-wraps two rows and nothing
//! else. A wrap that no configured root key opens stops the start: going on would orphan every stream.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lru::LruCache;
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::sealing::{self, SecretBytes};
use crate::clock::Clock;
use crate::database::{Database, DatabaseError, Value};
use crate::domain::id::DataKeyId;
use crate::domain::keys::{Fingerprint, IndexKey, RootKeys};

/// Data keys that are remembered, and for how long: after it an erasure elsewhere is noticed here.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(20_000).expect("20,000 is not zero");
const REMEMBERED_FOR: Duration = Duration::from_secs(60);

/// Why the keys cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The stored keys belong to another root key.
    #[error(
        "the stored `{name}` key was wrapped by the root key {fingerprint}, which is not among the keys of \
         BACKSTAMP_SECRET_KEY: add the former key behind a comma"
    )]
    UnknownRootKey {
        /// Which of the two keys.
        name: &'static str,
        /// The root key that would open it.
        fingerprint: String,
    },
    /// The row was altered or damaged.
    #[error("the stored `{0}` key is damaged")]
    Damaged(&'static str),
}

/// A data key made just now, to be stored by the append that first uses it.
#[derive(Clone)]
pub struct NewDataKey {
    /// Its name.
    pub id: DataKeyId,
    /// Whose data it seals: a stream key.
    pub subject: String,
    /// As it is stored.
    pub wrapped: Vec<u8>,
    /// As it is used.
    pub secret: SecretBytes,
}

/// The open keys of this installation. Cheap to clone.
#[derive(Clone)]
pub struct Keyring {
    index: IndexKey,
    encryption: SecretBytes,
    clock: Arc<dyn Clock>,
    remembered: Arc<Mutex<LruCache<DataKeyId, (SecretBytes, Instant)>>>,
}

impl Keyring {
    /// Opens the stored keys, making them at the first start and re-wrapping them after a rotation.
    pub async fn open(
        database: &Database,
        roots: &RootKeys,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, KeyringError> {
        let index = load_or_make(database, roots, clock.as_ref(), "index").await?;
        let encryption = load_or_make(database, roots, clock.as_ref(), "encryption").await?;
        let remembered = Arc::new(Mutex::new(LruCache::new(REMEMBERED)));
        Ok(Self { index: IndexKey::new(*index), encryption, clock, remembered })
    }

    /// The key of hashes and derived ids.
    pub fn index(&self) -> &IndexKey {
        &self.index
    }

    /// A fresh data key for this person's data.
    pub fn new_data_key(&self, subject: &str) -> NewDataKey {
        let id = DataKeyId::from_uuid(self.clock.uuid());
        let secret = fresh(self.clock.as_ref());
        let wrapped = self.wrap(&id.to_string(), &secret);
        NewDataKey { id, subject: subject.to_owned(), wrapped, secret }
    }

    /// Wraps a key for storing; `name` ties it to its row.
    pub fn wrap(&self, name: &str, secret: &SecretBytes) -> Vec<u8> {
        sealing::seal(&self.encryption, name.as_bytes(), secret.as_slice(), self.clock.as_ref())
    }

    /// Opens a wrapped key; `None` if it is not ours.
    pub fn unwrap(&self, name: &str, wrapped: &[u8]) -> Option<SecretBytes> {
        let plain = sealing::open(&self.encryption, name.as_bytes(), wrapped).ok()?;
        Some(Zeroizing::new(plain.try_into().ok()?))
    }

    /// Seals bytes under a key of their own; answers them and that key, wrapped.
    pub fn seal_once(&self, name: &str, plain: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let secret = fresh(self.clock.as_ref());
        let sealed = sealing::seal(&secret, name.as_bytes(), plain, self.clock.as_ref());
        (sealed, self.wrap(name, &secret))
    }

    /// Opens what `seal_once` made under this name.
    pub fn open_once(&self, name: &str, sealed: &[u8], wrapped: &[u8]) -> Option<Vec<u8>> {
        sealing::open(&self.unwrap(name, wrapped)?, name.as_bytes(), sealed).ok()
    }

    /// Remembers a data key that was stored just now.
    pub(super) fn remember(&self, id: DataKeyId, secret: &SecretBytes) {
        self.lock().put(id, (secret.clone(), Instant::now()));
    }

    /// The data key, from memory or from the database; `None` once it was erased.
    pub async fn data_key(
        &self,
        database: &Database,
        id: DataKeyId,
    ) -> Result<Option<SecretBytes>, DatabaseError> {
        if let Some((secret, since)) = self.lock().get(&id)
            && since.elapsed() < REMEMBERED_FOR
        {
            return Ok(Some(secret.clone()));
        }
        let row = database
            .fetch_optional("SELECT wrapped FROM data_keys WHERE id = $1", &[id.to_string().into()])
            .await?;
        let Some(row) = row else {
            self.lock().pop(&id);
            return Ok(None);
        };
        let secret = self.unwrap(&id.to_string(), &row.bytes("wrapped")?);
        if let Some(secret) = &secret {
            self.remember(id, secret);
        }
        Ok(secret)
    }

    /// Deletes a data key.
    pub(super) async fn forget(&self, database: &Database, id: DataKeyId) -> Result<(), DatabaseError> {
        database.execute("DELETE FROM data_keys WHERE id = $1", &[id.to_string().into()]).await?;
        self.lock().pop(&id);
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, LruCache<DataKeyId, (SecretBytes, Instant)>> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn load_or_make(
    database: &Database,
    roots: &RootKeys,
    clock: &dyn Clock,
    name: &'static str,
) -> Result<SecretBytes, KeyringError> {
    let select = "SELECT fingerprint, wrapped FROM wrapped_keys WHERE name = $1";
    let row = match database.fetch_optional(select, &[name.into()]).await? {
        Some(row) => row,
        None => {
            let mut values = vec![Value::from(name)];
            values.extend(wrap_values(roots, clock, name, &fresh(clock)));
            let insert = "INSERT INTO wrapped_keys (name, fingerprint, wrapped, created_at)
                          VALUES ($1, $2, $3, $4) ON CONFLICT (name) DO NOTHING";
            database.execute(insert, &values).await?;
            // Another process may have been faster: what is stored is what counts.
            database.fetch_one(select, &[name.into()]).await?
        }
    };
    let fingerprint = row.text("fingerprint")?;
    let root = parse_fingerprint(&fingerprint).and_then(|fingerprint| roots.find(fingerprint));
    let root = root.ok_or_else(|| KeyringError::UnknownRootKey { name, fingerprint: fingerprint.clone() })?;
    let plain = sealing::open(&root.derive("wrap"), name.as_bytes(), &row.bytes("wrapped")?)
        .map_err(|_| KeyringError::Damaged(name))?;
    let secret = Zeroizing::new(<[u8; 32]>::try_from(plain).map_err(|_| KeyringError::Damaged(name))?);
    if root.fingerprint() != roots.current().fingerprint() {
        let mut values = vec![Value::from(name), Value::from(fingerprint)];
        values.extend(wrap_values(roots, clock, name, &secret));
        let update = "UPDATE wrapped_keys SET fingerprint = $3, wrapped = $4, created_at = $5
                      WHERE name = $1 AND fingerprint = $2";
        database.execute(update, &values).await?;
        tracing::info!(key = name, root_key = %roots.current().fingerprint(), "key re-wrapped by the current root key");
    }
    Ok(secret)
}

fn wrap_values(roots: &RootKeys, clock: &dyn Clock, name: &str, secret: &SecretBytes) -> [Value; 3] {
    let root = roots.current();
    let wrapped = sealing::seal(&root.derive("wrap"), name.as_bytes(), secret.as_slice(), clock);
    [root.fingerprint().to_string().into(), wrapped.into(), clock.now().timestamp_micros().into()]
}

fn parse_fingerprint(text: &str) -> Option<Fingerprint> {
    Some(Fingerprint(hex::decode(text).ok()?.try_into().ok()?))
}

fn fresh(clock: &dyn Clock) -> SecretBytes {
    let mut secret = Zeroizing::new([0; 32]);
    clock.fill(secret.as_mut_slice());
    secret
}
