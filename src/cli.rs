//! The command line: what can be asked, and the commands that are not the server. Reads no setting itself,
//! and must never print a secret that it was given.

pub mod accounts;
pub mod demo;
pub mod doctor;
pub mod explain;
pub mod healthcheck;
pub mod keys;
pub mod message;
mod output;
mod password;
pub mod rebuild;
mod table;
pub mod tail;
pub mod templates;
pub mod webhooks;

use std::io;
use std::path::PathBuf;

use chrono::TimeDelta;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;

use crate::accounts::Role;
use crate::api_keys::Scope;
use crate::domain::address::EmailAddress;
use crate::domain::id::ApiKeyId;
use crate::rendering::Part;

/// Account mail with proof of arrival: password resets from request to changed password.
///
/// Settings come from the environment, `.env` and `backstamp.toml`; `.env.sample` lists them all.
#[derive(Debug, Parser)]
#[command(name = "backstamp", version)]
pub struct Cli {
    /// Without one, `serve`.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What to do.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Run the API, the pages and the workers (the default).
    Serve,
    /// Bring the tables up to date, and stop.
    Migrate,
    /// Empty read models and derive them from the log anew; the server may run beside it.
    Rebuild {
        /// Which one; without it, all.
        projection: Option<String>,
    },
    /// Add and list accounts of the built-in directory.
    #[command(subcommand)]
    Accounts(AccountsCommand),
    /// Make, list and revoke keys of the API.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Tell Mailgun where to post what becomes of mails.
    #[command(subcommand)]
    Webhooks(WebhooksCommand),
    /// Look at everything that mail depends on; the exit code is 1 if something fails.
    Doctor {
        /// Write the findings as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Say what became of one mail, or of a reset or a verification and its mails.
    Message(message::Arguments),
    /// Follow the log: one line for each event, until Ctrl-C.
    Tail(tail::Arguments),
    /// Say what a receiving server's refusal means.
    Explain {
        /// What it said, such as '550 5.1.1 User unknown'.
        #[arg(required_unless_present = "ndjson", conflicts_with = "ndjson")]
        diagnostic: Option<String>,
        /// Read questions from standard input and write answers, one JSON object a line.
        #[arg(long)]
        ndjson: bool,
    },
    /// Fill a sandbox of its own with thirty days of plausible traffic, and serve it.
    Demo(demo::Arguments),
    /// Run Mailgun's API for this machine in a process of its own.
    Sandbox,
    /// List, preview and check the templates of mails.
    #[command(subcommand)]
    Templates(TemplatesCommand),
    /// Ask the server on this machine whether it is ready: for a container's health check.
    Healthcheck,
    /// Write a completion script to standard output.
    Completions {
        /// For which shell.
        shell: Shell,
    },
}

/// What to do with templates.
#[derive(Debug, Clone, Subcommand)]
pub enum TemplatesCommand {
    /// List every mail, what it is for, and what it takes.
    List,
    /// Show a mail with sample values.
    Preview(PreviewTemplate),
    /// Compile and render everything; tell every fault with file, line and column.
    Check {
        /// Instead of BACKSTAMP_TEMPLATES.
        folder: Option<PathBuf>,
    },
}

/// How a mail is shown.
#[derive(Debug, Clone, clap::Args)]
pub struct PreviewTemplate {
    /// Its name, such as password-reset.
    pub name: String,
    /// A language tag, such as de.
    #[arg(long)]
    pub locale: Option<String>,
    /// One part; without it, subject and text.
    #[arg(long, value_parser = parts())]
    pub part: Option<Part>,
    /// Write it into this file.
    #[arg(long)]
    pub out: Option<PathBuf>,
}

fn parts() -> impl TypedValueParser<Value = Part> {
    PossibleValuesParser::new(Part::ALL.map(|(name, _)| name)).map(|name| {
        let known = Part::ALL.into_iter().find(|(known, _)| *known == name);
        known.map(|(_, part)| part).expect("clap takes no other")
    })
}

/// What to do with accounts.
#[derive(Debug, Clone, Subcommand)]
pub enum AccountsCommand {
    /// Add an account. The password comes from standard input, or is asked for on a terminal.
    Add(AddAccount),
    /// List every account.
    List,
    /// Import accounts: lines `{"email","name"?,"password_hash"?,"verified"?,"role"?}`. Nothing that is there
    /// already is touched.
    Import {
        /// A file, or `-` for standard input.
        file: PathBuf,
    },
    /// Keep an account's owner out, and end its sessions and links.
    Disable(OneAccount),
    /// Let an account's owner in again.
    Enable(OneAccount),
    /// Delete an account with its sessions; its links lead nowhere.
    Delete(OneAccount),
}

/// An account by its address.
#[derive(Debug, Clone, clap::Args)]
pub struct OneAccount {
    /// Its address.
    #[arg(value_parser = EmailAddress::parse)]
    pub email: EmailAddress,
}

/// An account to be added.
#[derive(Debug, Clone, clap::Args)]
pub struct AddAccount {
    /// Where its mail goes.
    #[arg(value_parser = EmailAddress::parse)]
    pub email: EmailAddress,
    /// For salutations.
    #[arg(long)]
    pub name: Option<String>,
    /// What it may do.
    #[arg(long, default_value = Role::User.as_str(), value_parser = roles())]
    pub role: Role,
    /// Let the owner prove first that they receive mail there.
    #[arg(long)]
    pub unverified: bool,
}

/// What to do with Mailgun's webhooks.
#[derive(Debug, Clone, Subcommand)]
pub enum WebhooksCommand {
    /// Register the URL for every event type; URLs of others stay.
    Register {
        /// Where Mailgun shall post; without it, `{BACKSTAMP_PUBLIC_URL}/webhooks/mailgun`.
        #[arg(long)]
        url: Option<String>,
    },
}

/// What to do with keys of the API.
#[derive(Debug, Clone, Subcommand)]
pub enum KeysCommand {
    /// Make a key. Its text goes to standard output, this once.
    Create(CreateKey),
    /// List every key, without secrets.
    List,
    /// End a key; a running server knows within a second.
    Revoke {
        /// Its id, `key_…`.
        id: ApiKeyId,
    },
}

/// A key to be made.
#[derive(Debug, Clone, clap::Args)]
pub struct CreateKey {
    /// For people, to tell keys apart.
    pub name: String,
    /// What it allows; may be given several times.
    #[arg(long = "scope", required = true, value_delimiter = ',', value_parser = scopes())]
    pub scopes: Vec<Scope>,
    /// How long it lives, such as 90d, 12h or 30m; without it, until it is revoked.
    #[arg(long, value_name = "SPAN", value_parser = keys::span)]
    pub expires: Option<TimeDelta>,
}

fn scopes() -> impl TypedValueParser<Value = Scope> {
    PossibleValuesParser::new(Scope::ALL.map(Scope::as_str)).try_map(|scope| scope.parse::<Scope>())
}

fn roles() -> impl TypedValueParser<Value = Role> {
    PossibleValuesParser::new(Role::ALL.map(Role::as_str)).try_map(|role| role.parse::<Role>())
}

/// Writes the completion script for this shell to standard output.
pub fn completions(shell: Shell) {
    clap_complete::generate(shell, &mut Cli::command(), "backstamp", &mut io::stdout());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(std::iter::once("backstamp").chain(arguments.split_whitespace()))
    }

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn without_a_command_there_is_none() {
        assert!(parse("").unwrap().command.is_none());
    }

    #[test]
    fn an_account_is_a_verified_user_unless_told_otherwise() {
        let Some(Command::Accounts(AccountsCommand::Add(plain))) =
            parse("accounts add ada@example.test").unwrap().command
        else {
            panic!("not an account to add")
        };
        let Some(Command::Accounts(AccountsCommand::Add(full))) =
            parse("accounts add ada@example.test --name Ada --role admin --unverified").unwrap().command
        else {
            panic!("not an account to add")
        };

        assert_eq!((plain.name, plain.role, plain.unverified), (None, Role::User, false));
        assert_eq!((full.name.as_deref(), full.role, full.unverified), (Some("Ada"), Role::Admin, true));
    }

    #[test]
    fn a_key_has_scopes_and_perhaps_an_end() {
        let arguments = "keys create shop --scope message:send --scope support:read --expires 90d";
        let Some(Command::Keys(KeysCommand::Create(key))) = parse(arguments).unwrap().command else {
            panic!("not a key to make")
        };

        assert_eq!(key.scopes, [Scope::MessageSend, Scope::SupportRead]);
        assert_eq!(key.expires, Some(TimeDelta::days(90)));
        for wrong in ["keys create shop", "keys create shop --scope root", "keys revoke msg_1"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_no_address_or_role_is_refused_with_a_reason() {
        let address = parse("accounts add nobody").unwrap_err().to_string();
        let role = parse("accounts add ada@example.test --role root").unwrap_err().to_string();

        assert!(address.contains("not a single e-mail address"), "{address}");
        assert!(role.contains("user, operator, admin"), "{role}");
    }
}
