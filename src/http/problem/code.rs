//! The closed list of what can go wrong, each with its status and title.

use std::fmt;

use poem::http::StatusCode;
use poem_openapi::Enum;
use poem_openapi::types::ToJSON;

/// What went wrong, for programs. The list is closed; new entries are additions to the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub enum Code {
    MalformedRequest,
    MalformedJson,
    TokenInvalid,
    Unauthorized,
    InvalidCredentials,
    Forbidden,
    AccountNotVerified,
    NotFound,
    MethodNotAllowed,
    NotAcceptable,
    WebhookRefused,
    RequestTimeout,
    Conflict,
    IdempotencyInProgress,
    TokenExpired,
    TokenUsed,
    TokenSuperseded,
    TokenRevoked,
    PayloadTooLarge,
    UnsupportedMediaType,
    InvalidRequest,
    IdempotencyKeyReused,
    PasswordRejected,
    RateLimited,
    Internal,
    Busy,
    Unavailable,
}

impl Code {
    /// Every code, in the order of its status.
    pub const ALL: [Self; 27] = [
        Self::MalformedRequest,
        Self::MalformedJson,
        Self::TokenInvalid,
        Self::Unauthorized,
        Self::InvalidCredentials,
        Self::Forbidden,
        Self::AccountNotVerified,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::NotAcceptable,
        Self::WebhookRefused,
        Self::RequestTimeout,
        Self::Conflict,
        Self::IdempotencyInProgress,
        Self::TokenExpired,
        Self::TokenUsed,
        Self::TokenSuperseded,
        Self::TokenRevoked,
        Self::PayloadTooLarge,
        Self::UnsupportedMediaType,
        Self::InvalidRequest,
        Self::IdempotencyKeyReused,
        Self::PasswordRejected,
        Self::RateLimited,
        Self::Internal,
        Self::Busy,
        Self::Unavailable,
    ];

    /// The status and the title that go with the code.
    pub fn meaning(self) -> (StatusCode, &'static str) {
        match self {
            Self::MalformedRequest => (StatusCode::BAD_REQUEST, "The request cannot be read"),
            Self::MalformedJson => (StatusCode::BAD_REQUEST, "The body is not well-formed JSON"),
            Self::TokenInvalid => (StatusCode::BAD_REQUEST, "The link is not valid"),
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, "A valid API key or session is needed"),
            Self::InvalidCredentials => {
                (StatusCode::UNAUTHORIZED, "The address or the password is not right")
            }
            Self::Forbidden => (StatusCode::FORBIDDEN, "Not allowed"),
            Self::AccountNotVerified => (StatusCode::FORBIDDEN, "The address was not verified yet"),
            Self::NotFound => (StatusCode::NOT_FOUND, "There is nothing here"),
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "Not with this method"),
            Self::NotAcceptable => (StatusCode::NOT_ACCEPTABLE, "Not in this media type"),
            Self::WebhookRefused => (StatusCode::NOT_ACCEPTABLE, "The webhook is refused for good"),
            Self::RequestTimeout => (StatusCode::REQUEST_TIMEOUT, "The request came too slowly"),
            Self::Conflict => (StatusCode::CONFLICT, "Not possible as things stand"),
            Self::IdempotencyInProgress => (StatusCode::CONFLICT, "The same call is being done right now"),
            Self::TokenExpired => (StatusCode::GONE, "The link has expired"),
            Self::TokenUsed => (StatusCode::GONE, "The link was used already"),
            Self::TokenSuperseded => (StatusCode::GONE, "A newer link or a change of the account took over"),
            Self::TokenRevoked => (StatusCode::GONE, "The link was revoked"),
            Self::PayloadTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "The body is too large"),
            Self::UnsupportedMediaType => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "Not this media type"),
            Self::InvalidRequest => (StatusCode::UNPROCESSABLE_ENTITY, "Some values cannot be accepted"),
            Self::IdempotencyKeyReused => {
                (StatusCode::UNPROCESSABLE_ENTITY, "The idempotency key was used for another body")
            }
            Self::PasswordRejected => (StatusCode::UNPROCESSABLE_ENTITY, "The password was refused"),
            Self::RateLimited => (StatusCode::TOO_MANY_REQUESTS, "Too many requests"),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong here"),
            Self::Busy => (StatusCode::SERVICE_UNAVAILABLE, "Busy; try again shortly"),
            Self::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "Temporarily unavailable"),
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to_json() {
            Some(serde_json::Value::String(name)) => f.write_str(&name),
            _ => fmt::Debug::fmt(self, f),
        }
    }
}
