//! Problem details (RFC 9457): the only place where refusals and faults become statuses.
//!
//! An answer names a code of a closed list and what the caller can do; it never carries a cause, SQL, a
//! stack or an address.

mod lists;

use std::fmt;

use poem::Response;
use poem::error::ResponseError;
use poem::http::{HeaderName, HeaderValue, StatusCode, header};
use poem_openapi::registry::{MetaMediaType, MetaResponse, MetaResponses, Registry};
use poem_openapi::types::{ToJSON, Type};
use poem_openapi::{ApiResponse, Enum, Object};

use crate::commands::{CommandError, SupportError, TokenError};
use crate::domain::password::PasswordRejection;
use crate::queries::QueryError;

/// The media type of every refusal.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// What went wrong, for programs. The list is closed; new entries are additions to the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub enum Code {
    MalformedRequest,
    MalformedJson,
    TokenInvalid,
    Unauthorized,
    Forbidden,
    NotFound,
    MethodNotAllowed,
    NotAcceptable,
    WebhookRefused,
    RequestTimeout,
    Conflict,
    TokenExpired,
    TokenUsed,
    TokenSuperseded,
    TokenRevoked,
    PayloadTooLarge,
    UnsupportedMediaType,
    InvalidRequest,
    PasswordRejected,
    RateLimited,
    Internal,
    Busy,
    Unavailable,
}

impl Code {
    /// Every code, in the order of its status.
    pub const ALL: [Self; 23] = [
        Self::MalformedRequest,
        Self::MalformedJson,
        Self::TokenInvalid,
        Self::Unauthorized,
        Self::Forbidden,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::NotAcceptable,
        Self::WebhookRefused,
        Self::RequestTimeout,
        Self::Conflict,
        Self::TokenExpired,
        Self::TokenUsed,
        Self::TokenSuperseded,
        Self::TokenRevoked,
        Self::PayloadTooLarge,
        Self::UnsupportedMediaType,
        Self::InvalidRequest,
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
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, "A valid API key is needed"),
            Self::Forbidden => (StatusCode::FORBIDDEN, "Not allowed"),
            Self::NotFound => (StatusCode::NOT_FOUND, "There is nothing here"),
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "Not with this method"),
            Self::NotAcceptable => (StatusCode::NOT_ACCEPTABLE, "Not in this media type"),
            Self::WebhookRefused => (StatusCode::NOT_ACCEPTABLE, "The webhook is refused for good"),
            Self::RequestTimeout => (StatusCode::REQUEST_TIMEOUT, "The request came too slowly"),
            Self::Conflict => (StatusCode::CONFLICT, "Not possible as things stand"),
            Self::TokenExpired => (StatusCode::GONE, "The link has expired"),
            Self::TokenUsed => (StatusCode::GONE, "The link was used already"),
            Self::TokenSuperseded => (StatusCode::GONE, "A newer link or a change of the account took over"),
            Self::TokenRevoked => (StatusCode::GONE, "The link was revoked"),
            Self::PayloadTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "The body is too large"),
            Self::UnsupportedMediaType => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "Not this media type"),
            Self::InvalidRequest => (StatusCode::UNPROCESSABLE_ENTITY, "Some values cannot be accepted"),
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

/// One value that cannot be accepted.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
pub struct FieldError {
    /// Where, as a JSON pointer (RFC 6901) into the body; `/name` for a query parameter.
    pub pointer: String,
    /// What is wrong, for programs.
    pub code: String,
    /// What is wrong, for people.
    pub message: String,
}

impl FieldError {
    /// A fault at this place.
    pub fn new(pointer: impl Into<String>, code: &str, message: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), code: code.to_owned(), message: message.into() }
    }
}

/// One reason why a password was refused.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
pub struct Reason {
    /// For programs.
    pub code: String,
    /// For people.
    pub message: String,
}

#[derive(Debug, Object)]
#[oai(rename = "Problem")]
struct Body {
    /// A name for the kind of problem.
    r#type: String,
    /// The kind of problem in words.
    title: String,
    status: u16,
    /// What the caller should know about this occurrence.
    detail: String,
    code: Code,
    /// The values that cannot be accepted.
    errors: Vec<FieldError>,
    /// Why the password was refused; only with `password_rejected`.
    #[oai(skip_serializing_if_is_none)]
    reasons: Option<Vec<Reason>>,
    /// The `X-Request-Id` of this answer; name it when you ask for help.
    request_id: String,
}

/// A refusal or a fault on its way out.
#[derive(Debug, Clone)]
pub struct Problem {
    code: Code,
    detail: Option<String>,
    errors: Vec<FieldError>,
    reasons: Option<Vec<Reason>>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    /// A problem of this kind.
    pub fn new(code: Code) -> Self {
        Self { code, detail: None, errors: Vec::new(), reasons: None, headers: Vec::new() }
    }

    /// Some values cannot be accepted.
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        Self { errors, ..Self::new(Code::InvalidRequest) }
    }

    /// The parameter of this name is none of its closed list.
    pub fn unknown_word(name: &str) -> Self {
        Self::invalid(vec![FieldError::new(
            format!("/{name}"),
            "invalid",
            format!("there is no such {name}"),
        )])
    }

    /// No key, or not a valid one (RFC 6750 §3).
    pub fn unauthorized() -> Self {
        Self::new(Code::Unauthorized).header(header::WWW_AUTHENTICATE, "Bearer realm=\"backstamp\"")
    }

    /// The key is good, but not for this (RFC 6750 §3.1).
    pub fn missing_scope(scope: &str) -> Self {
        let challenge =
            format!("Bearer realm=\"backstamp\", error=\"insufficient_scope\", scope=\"{scope}\"");
        Self::new(Code::Forbidden)
            .detail(format!("This call needs a key with the scope {scope}."))
            .header(header::WWW_AUTHENTICATE, &challenge)
    }

    /// What the answer depends on is away, for a while.
    pub fn unavailable() -> Self {
        Self::new(Code::Unavailable).retry_after(5)
    }

    /// The method is not among those that the path takes.
    pub fn method_not_allowed(allow: &str) -> Self {
        Self::new(Code::MethodNotAllowed).header(header::ALLOW, allow)
    }

    /// No service right now, but soon.
    pub fn busy(retry_after: u64) -> Self {
        Self::new(Code::Busy).retry_after(retry_after)
    }

    /// The policy refuses the password; the token still lives.
    pub fn password_rejected(rejections: Vec<PasswordRejection>) -> Self {
        let reasons = rejections
            .into_iter()
            .map(|rejection| Reason { code: rejection.code.to_owned(), message: rejection.message })
            .collect();
        Self { reasons: Some(reasons), ..Self::new(Code::PasswordRejected) }
    }

    /// Says what the caller should know about this occurrence.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    fn retry_after(self, seconds: u64) -> Self {
        self.header(header::RETRY_AFTER, &seconds.to_string())
    }

    fn header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((name, value));
        }
        self
    }

    /// Which problem it is.
    pub fn code(&self) -> Code {
        self.code
    }

    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        self.code.meaning().0
    }

    /// The values that cannot be accepted.
    #[cfg(test)]
    pub fn errors(&self) -> &[FieldError] {
        &self.errors
    }

    /// The headers that belong to the problem, for answers of another media type.
    pub fn headers(&self) -> &[(HeaderName, HeaderValue)] {
        &self.headers
    }

    /// The answer under this request id.
    pub fn into_response(self, request_id: &str) -> Response {
        let (status, title) = self.code.meaning();
        let body = Body {
            r#type: format!("urn:backstamp:problem:{}", self.code),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: self.detail.unwrap_or_else(|| format!("{title}.")),
            code: self.code,
            errors: self.errors,
            reasons: self.reasons,
            request_id: request_id.to_owned(),
        };
        let mut response =
            Response::builder().status(status).content_type(MEDIA_TYPE).body(body.to_json_string());
        response.headers_mut().extend(self.headers);
        response
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)
    }
}

impl std::error::Error for Problem {}

impl ResponseError for Problem {
    fn status(&self) -> StatusCode {
        Self::status(self)
    }

    fn as_response(&self) -> Response {
        self.clone().into_response("")
    }
}

/// One `default` answer per operation: the codes say more than a list of statuses.
impl ApiResponse for Problem {
    fn meta() -> MetaResponses {
        let content = vec![MetaMediaType { content_type: MEDIA_TYPE, schema: Body::schema_ref() }];
        let description = "A problem (RFC 9457)";
        let answer =
            MetaResponse { description, status: None, status_range: None, content, headers: Vec::new() };
        MetaResponses { responses: vec![answer] }
    }

    fn register(registry: &mut Registry) {
        Body::register(registry);
    }
}

impl From<CommandError> for Problem {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::TooManyRequests { retry_after, limit } => {
                rate_limited("client", retry_after, limit)
            }
            CommandError::Busy { retry_after } => Self::busy(retry_after),
            CommandError::Unavailable => Self::unavailable(),
        }
    }
}

impl From<TokenError> for Problem {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Invalid => Self::new(Code::TokenInvalid),
            TokenError::Expired => Self::new(Code::TokenExpired),
            TokenError::Used => Self::new(Code::TokenUsed),
            TokenError::Superseded => Self::new(Code::TokenSuperseded),
            TokenError::Revoked => Self::new(Code::TokenRevoked),
            TokenError::TooManyPasswords { retry_after, limit } => rate_limited("link", retry_after, limit),
            TokenError::Busy { retry_after } => Self::busy(retry_after),
            TokenError::Unavailable => Self::unavailable(),
        }
    }
}

impl From<SupportError> for Problem {
    fn from(error: SupportError) -> Self {
        match error {
            SupportError::NotFound => Self::new(Code::NotFound),
            SupportError::Impossible(why) => Self::new(Code::Conflict).detail(why),
            SupportError::Command(error) => error.into(),
        }
    }
}

impl From<QueryError> for Problem {
    fn from(error: QueryError) -> Self {
        let pointer = match error {
            QueryError::BadCursor(_) => "/cursor",
            QueryError::EmptyRange => "/to",
            QueryError::TooManyPoints { .. } => "/interval",
            QueryError::Unknown(name) => return Self::unknown_word(name),
            QueryError::Database(error) => {
                tracing::error!(%error, "a query failed");
                return Self::unavailable();
            }
            error @ (QueryError::Unreadable(_) | QueryError::Damaged(_)) => {
                tracing::error!(%error, "a row cannot be read");
                return Self::new(Code::Internal);
            }
        };
        Self::invalid(vec![FieldError::new(pointer, "invalid", error.to_string())])
    }
}

/// The fields of draft-ietf-httpapi-ratelimit-headers: so many within an hour.
fn rate_limited(policy: &str, retry_after: u64, limit: u32) -> Problem {
    Problem::new(Code::RateLimited)
        .retry_after(retry_after)
        .header(HeaderName::from_static("ratelimit-policy"), &format!("\"{policy}\";q={limit};w=3600"))
        .header(HeaderName::from_static("ratelimit"), &format!("\"{policy}\";r=0;t={retry_after}"))
}

/// Whatever poem or poem-openapi made of a request, in our words.
impl From<poem::Error> for Problem {
    fn from(error: poem::Error) -> Self {
        use poem_openapi::error::{ParseParamError, ParsePathError};

        if let Some(problem) = error.downcast_ref::<Self>() {
            return problem.clone();
        }
        if let Some(parameter) = error.downcast_ref::<ParseParamError>() {
            let pointer = format!("/{}", parameter.name);
            return Self::invalid(vec![FieldError::new(
                pointer,
                "invalid",
                "not a value for this parameter",
            )]);
        }
        if error.is::<ParsePathError>() {
            return Self::new(Code::NotFound);
        }
        match error.status() {
            StatusCode::UNAUTHORIZED => Self::unauthorized(),
            StatusCode::FORBIDDEN => Self::new(Code::Forbidden),
            StatusCode::NOT_FOUND => Self::new(Code::NotFound),
            StatusCode::METHOD_NOT_ALLOWED => Self::method_not_allowed(""),
            StatusCode::PAYLOAD_TOO_LARGE => Self::new(Code::PayloadTooLarge),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Self::new(Code::UnsupportedMediaType),
            status if status.is_client_error() => Self::new(Code::MalformedRequest),
            status => {
                tracing::error!(status = status.as_u16(), %error, "an unexpected error became an answer");
                Self::new(Code::Internal)
            }
        }
    }
}
