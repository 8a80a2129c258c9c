//! One connection to the mail server: opened, encrypted, logged in, and used for one mail after the other.
//!
//! Driven command by command, because what a reply means depends on what it answers.

use std::time::Duration;

use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, Tls, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt, Rset};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use secrecy::ExposeSecret;

use super::InvalidSettings;
use super::message::Prepared;
use super::reply::{Progress, Reply, Stage};
use crate::config::{SmtpConfig, SmtpEncryption};
use crate::providers::SendError;

/// A TCP connection that takes longer is given up, or a fifth of the whole call if that is less.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// In this order; LOGIN for servers that know nothing else. Both are safe only inside TLS.
const MECHANISMS: [Mechanism; 2] = [Mechanism::Plain, Mechanism::Login];

/// The server, and how to get to it.
pub(super) struct Server {
    config: SmtpConfig,
    tls: Tls,
    hello: ClientId,
    connect_timeout: Duration,
}

/// An open connection.
pub(super) struct Session {
    connection: AsyncSmtpConnection,
    /// Mails handed over, or refused, by it.
    pub(super) mails: u32,
    is_usable: bool,
}

impl Server {
    pub(super) fn new(config: SmtpConfig, hello: String, timeout: Duration) -> Result<Self, InvalidSettings> {
        let tls = match config.encryption {
            SmtpEncryption::Wrapped => Tls::Wrapper(parameters(&config)?),
            SmtpEncryption::Required => Tls::Required(parameters(&config)?),
            SmtpEncryption::Opportunistic => Tls::Opportunistic(parameters(&config)?),
            SmtpEncryption::None => Tls::None,
        };
        let connect_timeout = CONNECT_TIMEOUT.min(timeout / 5);
        Ok(Self { config, tls, hello: ClientId::Domain(hello), connect_timeout })
    }

    /// Connects, encrypts, logs in.
    pub(super) async fn open(&self) -> Result<Session, SendError> {
        let mut connection = self.connect().await.map_err(|error| Stage::Greeting.sort(&error))?;
        self.encrypt(&mut connection).await?;
        if let Some((user, password)) = &self.config.credentials {
            // A server that hides STARTTLS, or somebody in between who does, gets no password for it.
            if !connection.is_encrypted() && !self.config.is_loopback() {
                return Err(configuration("the server offers no encryption to log in under"));
            }
            let credentials = Credentials::new(user.clone(), password.expose_secret().to_owned());
            let answer = connection.auth(&MECHANISMS, &credentials).await;
            answer.map_err(|error| Stage::LogIn.sort(&error))?;
        }
        Ok(Session { connection, mails: 0, is_usable: true })
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, Error> {
        let wrapped = match &self.tls {
            Tls::Wrapper(parameters) => Some(parameters.clone()),
            Tls::Required(_) | Tls::Opportunistic(_) | Tls::None => None,
        };
        let address = (self.config.host.as_str(), self.config.port);
        let patience = Some(self.connect_timeout);
        AsyncSmtpConnection::connect_tokio1(address, patience, &self.hello, wrapped, None).await
    }

    async fn encrypt(&self, connection: &mut AsyncSmtpConnection) -> Result<(), SendError> {
        let is_offered = connection.can_starttls();
        match &self.tls {
            Tls::Wrapper(_) | Tls::None => Ok(()),
            Tls::Opportunistic(_) if !is_offered => Ok(()),
            Tls::Required(_) if !is_offered => Err(configuration("the server does not offer STARTTLS")),
            Tls::Required(parameters) | Tls::Opportunistic(parameters) => {
                let answer = connection.starttls(parameters.clone(), &self.hello).await;
                answer.map_err(|error| Stage::Greeting.sort(&error))
            }
        }
    }
}

impl Session {
    /// Whether it stands ready for the next mail. Asked before one is begun: the server may have hung up.
    pub(super) async fn resume(&mut self) -> bool {
        self.connection.command(Rset).await.is_ok()
    }

    /// Whether another mail may go through it.
    pub(super) fn is_usable(&self) -> bool {
        self.is_usable
    }

    /// Hands a mail over; answers what the server said when it took it.
    pub(super) async fn hand_over(
        &mut self,
        message: &Prepared,
        progress: &Progress,
    ) -> Result<String, SendError> {
        self.mails += 1;
        let options = self.options(message)?;
        // Whoever drops the conversation in the middle leaves it unusable.
        self.is_usable = false;
        let outcome = self.converse(message, options, progress).await;
        // After a refusal the conversation stands, and goes on with RSET.
        self.is_usable = match &outcome {
            Ok(_) => true,
            Err(SendError::Bounced { .. }) => true,
            Err(error @ SendError::Deferred { .. }) => !error.is_of_the_provider(),
            Err(_) => false,
        };
        outcome
    }

    async fn converse(
        &mut self,
        message: &Prepared,
        options: Vec<MailParameter>,
        progress: &Progress,
    ) -> Result<String, SendError> {
        let mail = Mail::new(Some(message.from.clone()), options);
        self.connection.command(mail).await.map_err(|error| Stage::Sender.sort(&error))?;
        let recipient = Rcpt::new(message.to.clone(), vec![]);
        self.connection.command(recipient).await.map_err(|error| Stage::Recipient.sort(&error))?;
        let go_ahead = self.connection.command(Data).await.map_err(|error| Stage::Data.sort(&error))?;
        if !go_ahead.has_code(354) {
            return Err(progress.cut_off("the server did not ask for the data"));
        }

        // Asked for more, there is only the last dot left to write.
        let mut body = Some(message.bytes.as_slice());
        let parts = std::iter::from_fn(|| {
            let part = body.take();
            if part.is_none() {
                progress.reach_end();
            }
            part
        });
        let taken = self.connection.message_iter(parts).await;
        let taken = taken.map_err(|error| progress.stage().sort(&error))?;
        let reply = Reply::of(&taken);
        match reply.code {
            200..300 => Ok(format!("{} {}", reply.code, reply.text)),
            _ => Err(progress.cut_off("a reply that neither takes nor refuses it")),
        }
    }

    /// What must be said about the message before it comes.
    fn options(&self, message: &Prepared) -> Result<Vec<MailParameter>, SendError> {
        let server = self.connection.server_info();
        let mut options = vec![];
        if message.is_international() {
            if !server.supports_feature(Extension::SmtpUtfEight) {
                let reason =
                    "the address is not ASCII, and the mail server takes no such addresses (SMTPUTF8)";
                return Err(SendError::Refused { reason: reason.to_owned() });
            }
            options.push(MailParameter::SmtpUtfEight);
        }
        if !message.bytes.is_ascii() && server.supports_feature(Extension::EightBitMime) {
            options.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        Ok(options)
    }
}

/// Certificates are verified as the platform does it, with our own roots beside its.
fn parameters(config: &SmtpConfig) -> Result<TlsParameters, InvalidSettings> {
    let mut parameters = TlsParameters::builder(config.host.clone());
    if let Some(pem) = &config.ca {
        let roots = Certificate::from_pem(pem.as_bytes()).map_err(InvalidSettings::Certificates)?;
        parameters = parameters.add_root_certificate(roots);
    }
    parameters.build_rustls().map_err(InvalidSettings::Certificates)
}

fn configuration(reason: &str) -> SendError {
    SendError::Configuration { reason: reason.to_owned() }
}
