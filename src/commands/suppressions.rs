//! Which addresses get less mail, or none.

use std::collections::HashMap;
use std::sync::Arc;

use super::execute::execute;
use super::{CommandError, Commands, Context, ExecuteError, Executed, KeyChoice};
use crate::domain::address::EmailAddress;
use crate::domain::sealed::Sealed;
use crate::domain::suppression::{
    Added, Blocks, Reason, Suppression, SuppressionCommand, SuppressionEvent, SuppressionRefusal,
};
use crate::event_log::{AppendError, StreamError};

/// Seconds after which a busy stream is worth another try.
const BUSY: u64 = 1;

impl Commands {
    /// A command about one address.
    pub async fn suppression(
        &self,
        stream: &str,
        command: SuppressionCommand,
        context: Context,
    ) -> Result<Executed<Suppression>, ExecuteError<SuppressionRefusal>> {
        let (inner, stream) = (Arc::clone(&self.inner), stream.to_owned());
        self.run(async move {
            execute(&inner.suppressions, &(), &inner.locks, inner.clock.as_ref(), &stream, command, context)
                .await
        })
        .await
    }

    /// What holds mail back from this address now, whoever wrote last.
    pub async fn load_suppression(&self, stream: &str) -> Result<Suppression, StreamError> {
        Ok(self.inner.suppressions.reload(stream).await?.aggregate)
    }

    /// The same for many addresses, in one query. Forgets what was remembered of them first: another process
    /// may have written since.
    pub(super) async fn load_suppressions(
        &self,
        streams: &[String],
    ) -> Result<HashMap<String, Suppression>, StreamError> {
        streams.iter().for_each(|stream| self.inner.suppressions.forget(stream));
        let loaded = self.inner.suppressions.load_many(streams).await?;
        Ok(loaded.into_iter().map(|(stream, loaded)| (stream, loaded.aggregate)).collect())
    }

    /// Holds mail back from an address because an operator decided so. Answers whether that changed anything.
    pub async fn suppress(
        &self,
        address: EmailAddress,
        blocks: Blocks,
        by: &str,
    ) -> Result<bool, CommandError> {
        let stream = self.index_key().stream_key(&address).to_string();
        let added = Added {
            reason: Reason::Manual,
            blocks,
            address: Sealed::Known(address),
            category: None,
            message_id: None,
            by: by.to_owned(),
            at: self.clock().now(),
        };
        let context = Context {
            causation: by.to_owned(),
            key: KeyChoice::Fresh { event_types: &["suppression.added"], subject: stream.clone() },
            ..Context::default()
        };
        let command = SuppressionCommand::Add(Box::new(added));
        let executed = self.suppression(&stream, command, context).await.map_err(suppression_error)?;
        Ok(!executed.events.is_empty())
    }

    /// Lets mail through to an address again. Answers the reasons that held until now.
    pub async fn lift(&self, stream: &str, by: &str) -> Result<Vec<Reason>, CommandError> {
        let at = self.clock().now();
        let command = SuppressionCommand::Lift { reasons: Reason::ALL.to_vec(), by: by.to_owned(), at };
        let executed =
            self.suppression(stream, command, Context::caused_by(by)).await.map_err(suppression_error)?;
        Ok(executed.events.into_iter().flat_map(|envelope| lifted(envelope.payload)).collect())
    }
}

fn lifted(event: SuppressionEvent) -> Vec<Reason> {
    match event {
        SuppressionEvent::Lifted(lifted) => lifted.reasons,
        _ => vec![],
    }
}

fn suppression_error(error: ExecuteError<SuppressionRefusal>) -> CommandError {
    match error {
        ExecuteError::Log(StreamError::Append(AppendError::Conflict | AppendError::QueueFull)) => {
            CommandError::Busy { retry_after: BUSY }
        }
        error => {
            tracing::error!(%error, "a suppression could not be read or written");
            CommandError::Unavailable
        }
    }
}
