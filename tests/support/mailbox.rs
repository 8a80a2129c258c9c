//! The sandbox's mailbox, over its HTTP interface.

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::client::{Answer, Api};
use super::wait::eventually;

/// The mailbox of one sandbox.
#[derive(Clone)]
pub struct Mailbox(Api);

/// A mail as its reader has it.
#[derive(Debug, Clone, Deserialize)]
pub struct Mail {
    pub id: String,
    pub to: String,
    pub subject: String,
    pub text: String,
    pub html: String,
    pub links: Vec<String>,
    pub tags: Vec<String>,
    pub variables: Map<String, Value>,
    pub headers: Map<String, Value>,
}

impl Mailbox {
    pub fn of(api: &Api) -> Self {
        Self(api.clone())
    }

    /// Every mail to this address, newest first; none if the sandbox is away.
    pub async fn try_mails(&self, to: &str) -> Option<Vec<Mail>> {
        let path = format!("/sandbox/api/messages?limit=1000&to={}", to.replace('+', "%2B"));
        let answer = Answer::of(self.0.request(Method::GET, &path)).await.ok()?;
        let mut body = answer.body;
        serde_json::from_value(body["data"].take()).ok()
    }

    pub async fn mails(&self, to: &str) -> Vec<Mail> {
        self.try_mails(to).await.expect("the sandbox answers")
    }

    /// Every mail to anybody, up to the newest thousand.
    pub async fn all(&self) -> Vec<Mail> {
        let mut body = self.0.get("/sandbox/api/messages?limit=1000").await.body;
        serde_json::from_value(body["data"].take()).expect("mails")
    }

    /// The newest mail of a template to this address, once it is there.
    pub async fn receive(&self, to: &str, template: &str) -> Mail {
        let what = format!("a mail of {template} to {to}");
        eventually(&what, async || {
            let mails = self.mails(to).await;
            mails.into_iter().find(|mail| mail.tags.iter().any(|tag| tag == template))
        })
        .await
    }

    /// The mail of a reset, and the token in its link.
    pub async fn receive_link(&self, to: &str) -> (Mail, String) {
        let mail = self.receive(to, "password-reset").await;
        let token = token_of(&mail);
        (mail, token)
    }

    /// The reader opens it.
    pub async fn open(&self, mail: &Mail) {
        let path = format!("/sandbox/api/messages/{}/open", mail.id);
        assert_eq!(self.0.post(&path, &Value::Null).await.status, 202);
    }
}

impl Mail {
    /// Our id of the message.
    pub fn message_id(&self) -> &str {
        self.variables["delivery_id"].as_str().expect("the id of a message")
    }

    /// The provider's id of it, without angle brackets.
    pub fn header_id(&self) -> &str {
        self.headers["Message-Id"].as_str().expect("a Message-ID").trim_matches(['<', '>'])
    }
}

/// The token in a mail's link.
pub fn token_of(mail: &Mail) -> String {
    let mut tokens = mail.links.iter().filter_map(|link| link.split_once("token=")).map(|(_, token)| token);
    tokens.next().expect("a link with a token").to_owned()
}
