//! Stand-in with the agreed signatures; the real module replaces it.

use std::sync::{Arc, Mutex};

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::domain::address::EmailAddress;
use crate::domain::id::{AccountId, RequestId};
use crate::domain::password_reset::VisitKind;

#[derive(Clone, Default)]
pub struct Commands {
    completed: Arc<Mutex<bool>>,
}

pub struct RequestReset {
    pub email: EmailAddress,
    pub locale: Option<String>,
    pub redirect_to: Option<String>,
    pub client: String,
}

pub struct ResetAccepted {
    pub request_id: RequestId,
    pub expires_in: u64,
    pub resend_after: u64,
}

#[derive(Debug)]
pub enum CommandError {
    TooManyRequests { retry_after: u64, limit: u32 },
    Busy { retry_after: u64 },
    Unavailable,
}

#[derive(Debug, Clone)]
pub struct UsableReset {
    pub stream: String,
    pub request_id: RequestId,
    pub account_id: AccountId,
    pub credential_version: i64,
    pub email: EmailAddress,
    pub expires_at: DateTime<Utc>,
    pub redirect_to: Option<String>,
}

#[derive(Debug)]
pub enum TokenError {
    Invalid,
    Expired,
    Used,
    Superseded,
    Revoked,
    Busy { retry_after: u64 },
    Unavailable,
}

impl Commands {
    pub async fn request_reset(&self, request: RequestReset) -> Result<ResetAccepted, CommandError> {
        if request.email.as_str() == "over@limit.test" {
            return Err(CommandError::TooManyRequests { retry_after: 120, limit: 30 });
        }
        Ok(ResetAccepted {
            request_id: RequestId::from_uuid(Uuid::nil()),
            expires_in: 3600,
            resend_after: 60,
        })
    }

    pub async fn find_reset(&self, token: &str) -> Result<UsableReset, TokenError> {
        match token {
            "live" if self.completed.lock().is_ok_and(|done| *done) => Err(TokenError::Used),
            "live" => Ok(UsableReset {
                stream: "stream".into(),
                request_id: RequestId::from_uuid(Uuid::nil()),
                account_id: AccountId::from_uuid(Uuid::nil()),
                credential_version: 1,
                email: EmailAddress::parse("ada@example.test").map_err(|_| TokenError::Invalid)?,
                expires_at: DateTime::UNIX_EPOCH + TimeDelta::days(30_000),
                redirect_to: None,
            }),
            "expired" => Err(TokenError::Expired),
            "used" => Err(TokenError::Used),
            _ => Err(TokenError::Invalid),
        }
    }

    pub async fn record_visit(
        &self,
        _reset: &UsableReset,
        _kind: VisitKind,
        _user_agent: Option<String>,
    ) -> Result<(), CommandError> {
        Ok(())
    }

    pub async fn start_completion(&self, _reset: &UsableReset) -> Result<u32, TokenError> {
        Ok(1)
    }

    pub async fn complete(&self, _reset: &UsableReset, _attempt: u32) -> Result<(), TokenError> {
        *self.completed.lock().map_err(|_| TokenError::Unavailable)? = true;
        Ok(())
    }

    pub async fn fail_completion(&self, _reset: &UsableReset, _attempt: u32) -> Result<(), CommandError> {
        Ok(())
    }
}
