//! The root keys, and the operator's first key. Outside the sandbox they are configured; inside, what is
//! missing is made once and kept in files that only their owner can read.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::Config;
use super::reader::{LEAST_KEY_LENGTH, Reader};
use crate::clock::Clock;

/// Keys that nothing else can be derived from, or without.
#[derive(Debug, Clone)]
pub struct Keys {
    /// `BACKSTAMP_SECRET_KEY`, comma separated while they rotate; the first one is current. In the sandbox
    /// empty until [`Config::load_or_create_keys`].
    pub secret: Vec<SecretString>,
    /// `BACKSTAMP_ADMIN_KEY`, an API key with every scope. Without one there is no such key.
    pub admin: Option<SecretString>,
}

/// What was made at this start.
#[derive(Debug, Default)]
pub struct NewKeys {
    /// To be shown once, on the terminal and never in a log.
    pub admin: Option<SecretString>,
}

/// A key file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The file system refused.
    #[error("the key file {path} cannot be read or made: {source}")]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It holds something else.
    #[error("the key file {path} holds no key of at least {LEAST_KEY_LENGTH} characters: restore it")]
    Malformed {
        /// Which file.
        path: PathBuf,
    },
}

impl Keys {
    pub(super) fn read(reader: &mut Reader, in_sandbox: bool) -> Self {
        let secret = reader.secrets("BACKSTAMP_SECRET_KEY");
        let admin = reader.secret("BACKSTAMP_ADMIN_KEY");
        if secret.is_empty() && !in_sandbox {
            reader.fault(
                "BACKSTAMP_SECRET_KEY",
                "is required outside the sandbox: make one with `openssl rand -hex 32`",
            );
        }
        if !secret.iter().all(is_long_enough) {
            let message = format!("must hold at least {LEAST_KEY_LENGTH} characters in each key");
            reader.fault("BACKSTAMP_SECRET_KEY", message);
        }
        if !admin.iter().all(is_long_enough) {
            let message = format!("must have at least {LEAST_KEY_LENGTH} characters");
            reader.fault("BACKSTAMP_ADMIN_KEY", message);
        }
        Self { secret, admin }
    }
}

impl Config {
    /// In the sandbox, loads the keys that are not configured from `{DATA_DIR}/secret.key` and `admin.key`,
    /// and makes the files that do not exist. Elsewhere does nothing.
    pub fn load_or_create_keys(&mut self, clock: &dyn Clock) -> Result<NewKeys, KeyFileError> {
        let mut new = NewKeys::default();
        if !self.is_sandboxed() {
            return Ok(new);
        }
        if self.keys.secret.is_empty() {
            let (key, _) = load_or_create(&self.data_dir.join("secret.key"), || secret_key(clock))?;
            self.keys.secret.push(key);
        }
        if self.keys.admin.is_none() {
            let (key, is_new) = load_or_create(&self.data_dir.join("admin.key"), || admin_key(clock))?;
            new.admin = is_new.then(|| key.clone());
            self.keys.admin = Some(key);
        }
        Ok(new)
    }
}

fn is_long_enough(key: &SecretString) -> bool {
    key.expose_secret().chars().count() >= LEAST_KEY_LENGTH
}

fn random<const N: usize>(clock: &dyn Clock) -> Zeroizing<[u8; N]> {
    let mut bytes = Zeroizing::new([0; N]);
    clock.fill(bytes.as_mut());
    bytes
}

fn secret_key(clock: &dyn Clock) -> SecretString {
    URL_SAFE_NO_PAD.encode(random::<32>(clock)).into()
}

/// `bsk_<id>_<secret>`, in hexadecimal so that the underscores stay the only ones.
fn admin_key(clock: &dyn Clock) -> SecretString {
    format!("bsk_{}_{}", hex::encode(random::<8>(clock)), hex::encode(random::<32>(clock))).into()
}

/// The key in the file, and whether it was made just now. Of two processes that start at once, both get the
/// key of the one that was first.
fn load_or_create(
    path: &Path,
    make: impl FnOnce() -> SecretString,
) -> Result<(SecretString, bool), KeyFileError> {
    let fault = |source| KeyFileError::File { path: path.to_owned(), source };
    let is_new = match fs::exists(path).map_err(fault)? {
        true => false,
        false => create(path, &make()).map_err(fault)?,
    };
    let text = Zeroizing::new(fs::read_to_string(path).map_err(fault)?);
    let key = SecretString::from(text.trim());
    if is_long_enough(&key) {
        Ok((key, is_new))
    } else {
        Err(KeyFileError::Malformed { path: path.to_owned() })
    }
}

/// Writes beside the path, syncs, and links: the file appears whole or not at all, and never replaces one
/// that is there. Answers whether it was this call that made it.
fn create(path: &Path, key: &SecretString) -> io::Result<bool> {
    let folder = path.parent().unwrap_or(Path::new("."));
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let draft = path.with_extension(format!("key.{}", std::process::id()));
    let linked = write_private(&draft, key).and_then(|()| fs::hard_link(&draft, path));
    fs::remove_file(&draft)?;
    match linked {
        Ok(()) => File::open(folder)?.sync_all().map(|()| true),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

fn write_private(path: &Path, key: &SecretString) -> io::Result<()> {
    // A start that was cut off here may have left its draft; what is not ours alone is never written to.
    let _ = fs::remove_file(path);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    writeln!(file, "{}", key.expose_secret())?;
    file.sync_all()
}
