//! `/register`: ask for an account. The answer is the same for every well-formed address.

use poem::{Request, Response};
use serde::Serialize;

use super::super::browser::browser;
use super::super::client_address::client_key;
use super::super::fields;
use super::super::problem::Problem;
use super::super::registrations::{NotRegistered, Registering, register};
use super::form::{self, Form, Received, Refusal, Wrong};
use super::{Visit, new_password, verify_email};

const SUBJECT: &str = "register";

#[derive(Serialize)]
struct Page<'a> {
    csrf_token: String,
    name: &'a str,
    email: &'a str,
    min_length: usize,
}

/// What is kept while the form is refused.
#[derive(Default)]
struct Given {
    name: String,
    email: String,
}

impl Given {
    fn take(form: &mut Form) -> Self {
        Self { name: form.take("name"), email: form.take("email") }
    }
}

/// The empty form.
pub async fn show(visit: Visit, _request: Request) -> Result<Response, Problem> {
    ask(&visit, &Given::default(), Refusal::none())
}

/// The sent form.
pub async fn submit(visit: Visit, request: Request) -> Result<Response, Problem> {
    let client = client_key(&request, &visit.state.settings.trusted_proxies).into();
    let browser = browser(request.headers());
    let mut form = match form::receive(&visit, request, SUBJECT).await? {
        Received::Sent(form) => form,
        Received::Stale(mut form) => return ask(&visit, &Given::take(&mut form), Refusal::stale()),
    };
    let given = Given::take(&mut form);

    let name = fields::name(&given.name).map_err(|fault| Wrong::value("name", &fault));
    let email = fields::email(&given.email).map_err(|fault| Wrong::value("email", &fault));
    let password = new_password::take(&mut form, "password", "password_again");
    let (name, email, password) = match (name, email, password) {
        (Ok(name), Ok(email), Ok(password)) => (name, email, password),
        (name, email, password) => {
            let faults = [name.err(), email.err(), password.err()].into_iter().flatten().collect();
            return ask(&visit, &given, Refusal::wrong(faults));
        }
    };
    let locale = Some(visit.language.tag().to_owned());
    let registering = Registering { email, password, name, locale, browser, client };
    match register(visit.state.clone(), registering).await {
        Ok(accepted) => verify_email::sent(&visit, "registered-text", given.email, accepted.expires_in),
        Err(NotRegistered::Password(rejections)) => {
            let faults = new_password::rejected(&visit, "password", &rejections);
            ask(&visit, &given, Refusal::wrong(faults))
        }
        Err(NotRegistered::Command(error)) => ask(&visit, &given, Refusal::problem(&error.into())),
    }
}

fn ask(visit: &Visit, given: &Given, refusal: Refusal) -> Result<Response, Problem> {
    let page = Page {
        csrf_token: visit.form_token(SUBJECT),
        name: &given.name,
        email: &given.email,
        min_length: visit.state.policy.min_length,
    };
    visit.ask("register", page, refusal)
}
