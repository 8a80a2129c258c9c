//! The log of mails, for operators. Reads only; recipients come masked.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};

use super::HttpState;
use super::answers::{Answer, PAGE, found, id, recipient_key, timeline, words};
use super::auth::{Caller, SupportRead};
use super::docs::Tags;
use super::fields::Faults;
use super::problem::{Code, Problem};
use crate::queries::MessageFilter;

pub struct MessagesApi(pub Arc<HttpState>);

#[OpenApi(prefix_path = "/v1/messages", tag = "Tags::Operators")]
impl MessagesApi {
    /// The log
    ///
    /// Newest first: `{"data": […], "next_cursor": null | "…"}`.
    #[oai(path = "/", method = "get", operation_id = "list_messages")]
    #[expect(clippy::too_many_arguments, reason = "one per query parameter")]
    async fn list(
        &self,
        #[oai(scope = "SupportRead")] _caller: Caller<SupportRead>,
        /// The recipient's address.
        recipient: Query<Option<String>>,
        template: Query<Option<String>>,
        /// A status such as `delivered`, or a flag such as `opened`.
        outcome: Query<Option<String>>,
        mailbox_provider: Query<Option<String>>,
        bounce_category: Query<Option<String>>,
        /// Requested at this instant or later.
        after: Query<Option<DateTime<Utc>>>,
        /// Requested before this instant.
        before: Query<Option<DateTime<Utc>>>,
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))] limit: Query<Option<u32>>,
        /// The `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> Result<Answer, Problem> {
        let Self(state) = self;
        let mut faults = Faults::default();
        let recipient_key = recipient_key(state, &mut faults, recipient.0);
        let [template, outcome, mailbox_provider, bounce_category, cursor] = words(
            &mut faults,
            [
                ("template", template.0),
                ("outcome", outcome.0),
                ("mailbox_provider", mailbox_provider.0),
                ("bounce_category", bounce_category.0),
                ("cursor", cursor.0),
            ],
        );
        faults.none()?;
        let filter = MessageFilter {
            recipient_key,
            template,
            outcome,
            mailbox_provider,
            bounce_category,
            after: after.0,
            before: before.0,
        };
        let limit = limit.0.unwrap_or(PAGE) as usize;
        found(state.queries.messages(&filter, limit, cursor.as_deref()).await?)
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
}
