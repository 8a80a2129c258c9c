//! The log of mails, for operators, with recipients masked; and sending to a list, for services.

use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, Utc};
use poem::{Body, Request};
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::{Binary, Json};
use poem_openapi::{ApiResponse, Object, OpenApi, ResponseContent};
use serde_json::Value;

use super::HttpState;
use super::answers::{Answer, PAGE, found, id, recipient_key, timeline, words};
use super::auth::{Caller, MessageSend, SupportAct, SupportRead};
use super::docs::Tags;
use super::export::{self, Tabular};
use super::fields::{self, Faults};
use super::json::Strict;
use super::negotiation::negotiate;
use super::problem::{Code, Problem};
use super::sending::{self, SendRequest, Sent};
use crate::queries::{FailureFilter, MessageFilter, MessageSummary};

const JSON: &str = "application/json";
const CSV: &str = "text/csv";
const NDJSON: &str = "application/x-ndjson";

#[derive(ResponseContent)]
enum Log {
    Page(Json<Value>),
    #[oai(content_type = "text/csv")]
    Csv(Binary<Body>),
    #[oai(content_type = "application/x-ndjson")]
    Lines(Binary<Body>),
}

#[derive(ApiResponse)]
enum LogResponse {
    /// A page, or with another `Accept` all that match.
    #[oai(status = 200)]
    Found(Log),
}

#[derive(Object)]
struct Resent {
    /// The fresh mail.
    id: String,
    /// Always `accepted`.
    status: String,
}

#[derive(ApiResponse)]
enum ResendResponse {
    /// A fresh mail was asked for.
    #[oai(status = 202)]
    Accepted(Json<Resent>),
}

#[derive(ApiResponse)]
enum SendResponse {
    /// Taken; the mails go out from here.
    #[oai(status = 202)]
    Accepted(Json<Sent>),
}

pub struct MessagesApi(pub Arc<HttpState>);

#[OpenApi(prefix_path = "/v1/messages", tag = "Tags::Operators")]
impl MessagesApi {
    /// The log
    ///
    /// Newest first: `{"data": […], "next_cursor": null | "…"}`. With `Accept: text/csv` or
    /// `application/x-ndjson` all that match, in one answer; `limit` and `cursor` do not count then.
    #[oai(path = "/", method = "get", operation_id = "list_messages")]
    #[expect(clippy::too_many_arguments, reason = "one per query parameter")]
    async fn list(
        &self,
        request: &Request,
        #[oai(scope = "SupportRead")] _caller: Caller<SupportRead>,
        /// The recipient's address.
        recipient: Query<Option<String>>,
        template: Query<Option<String>>,
        /// The mail provider. Without it the sandbox's mails are left out, unless all is a sandbox.
        provider: Query<Option<String>>,
        /// A status such as `delivered`, or a counter such as `opened`.
        outcome: Query<Option<String>>,
        mailbox_provider: Query<Option<String>>,
        recipient_domain: Query<Option<String>>,
        bounce_category: Query<Option<String>>,
        /// A counter that is above 0 for the message; with `-` before it, one that is not. May be repeated.
        #[oai(explode = true)]
        flag: Query<Vec<String>>,
        /// The step of the funnel that it did not reach.
        lost_at: Query<Option<String>>,
        /// Why it did not.
        loss: Query<Option<String>>,
        /// It failed in this way, whatever became of it afterwards.
        failure_category: Query<Option<String>>,
        /// The failure was for good, or was not.
        failure_permanent: Query<Option<bool>>,
        /// The rule that understood the failure.
        failure_rule: Query<Option<String>>,
        /// What was said of the failure, as samples of bounce metrics show it.
        failure_text: Query<Option<String>>,
        /// A span that was measured of it, such as `time_to_delivered`.
        measured: Query<Option<String>>,
        /// Requested at this instant or later.
        after: Query<Option<DateTime<Utc>>>,
        /// Requested before this instant.
        before: Query<Option<DateTime<Utc>>>,
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))] limit: Query<Option<u32>>,
        /// The `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> Result<LogResponse, Problem> {
        let Self(state) = self;
        let media_type = negotiate(request, &[JSON, CSV, NDJSON])?;
        let mut faults = Faults::default();
        let recipient_key = recipient_key(state, &mut faults, recipient.0);
        let [template, provider, outcome, mailbox_provider, recipient_domain, bounce_category] = words(
            &mut faults,
            [
                ("template", template.0),
                ("provider", provider.0),
                ("outcome", outcome.0),
                ("mailbox_provider", mailbox_provider.0),
                ("recipient_domain", recipient_domain.0),
                ("bounce_category", bounce_category.0),
            ],
        );
        let [lost_at, loss, failure_category, failure_rule, measured, cursor] = words(
            &mut faults,
            [
                ("lost_at", lost_at.0),
                ("loss", loss.0),
                ("failure_category", failure_category.0),
                ("failure_rule", failure_rule.0),
                ("measured", measured.0),
                ("cursor", cursor.0),
            ],
        );
        let failure_text = failure_text.0.as_deref().map(fields::line).transpose();
        let failure_text = faults.take("/failure_text", failure_text).flatten();
        faults.none()?;
        let failure = FailureFilter {
            category: failure_category,
            permanent: failure_permanent.0,
            rule: failure_rule,
            text: failure_text,
        };
        let filter = MessageFilter {
            recipient_key,
            template,
            provider,
            outcome,
            mailbox_provider,
            recipient_domain,
            bounce_category,
            flags: flag.0,
            lost_at,
            loss,
            failure,
            measured,
            after: after.0,
            before: before.0,
        };
        if media_type != JSON {
            let parts = state.queries.every_message(filter)?;
            return Ok(LogResponse::Found(match media_type {
                CSV => Log::Csv(Binary(export::csv(parts))),
                _ => Log::Lines(Binary(export::ndjson(parts))),
            }));
        }
        let limit = limit.0.unwrap_or(PAGE) as usize;
        let Answer::Found(page) = found(state.queries.messages(&filter, limit, cursor.as_deref()).await?)?;
        Ok(LogResponse::Found(Log::Page(page)))
    }

    /// Send to a list
    ///
    /// Each recipient gets a mail of its own, from the template with exactly the values that it needs. With an
    /// `Idempotency-Key` the call can be repeated for a day: the same key and body get the same answer and send
    /// nothing twice. Everything is checked before anything is sent.
    #[oai(path = "/", method = "post", operation_id = "send_messages")]
    async fn send(
        &self,
        request: &Request,
        #[oai(scope = "MessageSend")] caller: Caller<MessageSend>,
        body: Strict<SendRequest, { sending::MAX_BODY }>,
    ) -> Result<SendResponse, Problem> {
        let Self(state) = self;
        let key = sending::idempotency_key(request.headers())?;
        let sending = sending::understand(state, body.0)?;
        Ok(SendResponse::Accepted(sending::send(state, caller.principal, key, sending).await?))
    }

    /// One mail
    ///
    /// What became of it.
    #[oai(path = "/:id", method = "get", operation_id = "get_message")]
    async fn get(
        &self,
        #[oai(scope = "SupportRead")] _caller: Caller<SupportRead>,
        #[oai(name = "id")] message: Path<String>,
    ) -> Result<Answer, Problem> {
        let message = self.0.queries.message(id(&message)?).await?;
        found(message.ok_or_else(|| Problem::new(Code::NotFound))?)
    }

    /// Its timeline
    ///
    /// Its events in order: `{"data": [{"at", "kind", "text", "source", "meta"}]}`.
    #[oai(path = "/:id/timeline", method = "get", operation_id = "get_message_timeline")]
    async fn timeline(
        &self,
        #[oai(scope = "SupportRead")] _caller: Caller<SupportRead>,
        #[oai(name = "id")] message: Path<String>,
    ) -> Result<Answer, Problem> {
        timeline(self.0.queries.message_timeline(id(&message)?).await?)
    }

    /// Send it again
    ///
    /// A fresh mail to the same recipient for the same purpose; one that carries a link carries the same link
    /// again. Where that is of no use (409), `detail` says what is.
    #[oai(path = "/:id/resend", method = "post", operation_id = "resend_message")]
    async fn resend(
        &self,
        #[oai(scope = "SupportAct")] caller: Caller<SupportAct>,
        #[oai(name = "id")] message: Path<String>,
    ) -> Result<ResendResponse, Problem> {
        let fresh = self.0.commands.resend(id(&message)?, &caller.principal.to_string()).await?;
        Ok(ResendResponse::Accepted(Json(Resent { id: fresh.to_string(), status: "accepted".into() })))
    }
}

impl Tabular for MessageSummary {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "template",
        "provider",
        "mailbox_provider",
        "recipient_domain",
        "recipient",
        "password_reset_id",
        "outcome",
        "requested_at",
        "sent_at",
        "first_deferred_at",
        "deferrals",
        "delivered_at",
        "bounced_at",
        "bounce_class",
        "bounce_category",
        "suppressed_at",
        "suppressed_by",
        "suppression_reason",
        "rejected_at",
        "rejected_reason",
        "canceled_at",
        "canceled_reason",
        "complained_at",
        "unsubscribed_at",
        "first_human_open_at",
        "first_machine_open_at",
        "first_human_click_at",
        "first_machine_click_at",
        "completed_at",
        "opens_human",
        "opens_machine",
        "clicks_human",
        "clicks_machine",
        "lost_at",
        "loss",
        "flags",
    ];

    fn cells(&self) -> Vec<String> {
        let time = |at: Option<DateTime<Utc>>| {
            at.map(|at| at.to_rfc3339_opts(SecondsFormat::Micros, true)).unwrap_or_default()
        };
        let text = |value: Option<&String>| value.cloned().unwrap_or_default();
        let (bounce, suppression) = (self.bounce.as_ref(), self.suppression.as_ref());
        vec![
            self.id.clone(),
            self.template.clone(),
            self.provider.clone(),
            self.mailbox_provider.clone(),
            self.recipient_domain.clone(),
            text(self.recipient.as_ref()),
            text(self.password_reset_id.as_ref()),
            self.outcome.as_str().to_owned(),
            time(self.requested_at),
            time(self.sent_at),
            time(self.first_deferred_at),
            self.deferrals.to_string(),
            time(self.delivered_at),
            time(self.bounced_at),
            bounce.map(|bounce| bounce.class.as_str().to_owned()).unwrap_or_default(),
            bounce.map(|bounce| bounce.category.as_str().to_owned()).unwrap_or_default(),
            time(self.suppressed_at),
            text(suppression.map(|suppression| &suppression.by)),
            text(suppression.map(|suppression| &suppression.reason)),
            time(self.rejected_at),
            text(self.rejected_reason.as_ref()),
            time(self.canceled_at),
            text(self.canceled_reason.as_ref()),
            time(self.complained_at),
            time(self.unsubscribed_at),
            time(self.first_human_open_at),
            time(self.first_machine_open_at),
            time(self.first_human_click_at),
            time(self.first_machine_click_at),
            time(self.completed_at),
            self.opens_human.to_string(),
            self.opens_machine.to_string(),
            self.clicks_human.to_string(),
            self.clicks_machine.to_string(),
            self.lost_at.map(|step| step.as_str().to_owned()).unwrap_or_default(),
            self.loss.unwrap_or_default().to_owned(),
            self.flags.join(" "),
        ]
    }
}
