//! Problem details (RFC 9457): the only place where refusals and faults become statuses.
//!
//! An answer names a code of a closed list and what the caller can do; it never carries a cause, SQL, a
//! stack or an address.

mod code;
mod lists;

use std::fmt;

use poem::Response;
use poem::error::ResponseError;
use poem::http::{HeaderName, HeaderValue, StatusCode, header};
use poem_openapi::registry::{MetaMediaType, MetaResponse, MetaResponses, Registry};
use poem_openapi::types::{ToJSON, Type};
use poem_openapi::{ApiResponse, Object};

pub use code::Code;

use crate::accounts::{DirectoryError, LimitError};
use crate::commands::{CommandError, SupportError, TokenError};
use crate::domain::password::PasswordRejection;
use crate::queries::QueryError;

/// The media type of every refusal.
pub const MEDIA_TYPE: &str = "application/problem+json";
/// The fields of draft-ietf-httpapi-ratelimit-headers.
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");

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
    /// What the person can do about it; only with `account_not_verified`.
    #[oai(skip_serializing_if_is_none)]
    resolution: Option<String>,
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
    resolution: Option<&'static str>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    /// A problem of this kind.
    pub fn new(code: Code) -> Self {
        Self { code, detail: None, errors: Vec::new(), reasons: None, resolution: None, headers: Vec::new() }
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

    /// No key or session, or not a valid one (RFC 6750 §3).
    pub fn unauthorized() -> Self {
        Self::new(Code::Unauthorized).challenge()
    }

    /// No account has this address and this password.
    pub fn invalid_credentials() -> Self {
        Self::new(Code::InvalidCredentials).challenge()
    }

    /// A 401 must say how to do better (RFC 9110 §15.5.2).
    fn challenge(self) -> Self {
        self.header(header::WWW_AUTHENTICATE, "Bearer realm=\"backstamp\"")
    }

    /// The password is right, and the address was not verified yet.
    pub fn account_not_verified() -> Self {
        let resolution = "Follow the link in the mail that was sent at the registration, or ask for another \
                          with POST /v1/email-verifications. A completed password reset verifies the \
                          address too.";
        Self { resolution: Some(resolution), ..Self::new(Code::AccountNotVerified) }
    }

    /// The key is good, but not for this (RFC 6750 §3.1).
    pub fn missing_scope(scope: &str) -> Self {
        let challenge =
            format!("Bearer realm=\"backstamp\", error=\"insufficient_scope\", scope=\"{scope}\"");
        Self::new(Code::Forbidden)
            .detail(format!("This call needs a key with the scope {scope}."))
            .header(header::WWW_AUTHENTICATE, &challenge)
    }

    /// A session, but not of somebody with the role.
    pub fn missing_role(role: &str) -> Self {
        Self::new(Code::Forbidden).detail(format!("This needs an account with the role {role}."))
    }

    /// What the answer depends on is away, for a while.
    pub fn unavailable() -> Self {
        Self::new(Code::Unavailable).retry_after(5)
    }

    /// The same call is being done right now.
    pub fn in_progress(retry_after: u64) -> Self {
        Self::new(Code::IdempotencyInProgress).retry_after(retry_after)
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

    /// Whoever calls has so many of these at once already.
    pub fn too_many_at_once(policy: &str, most: usize, retry_after: u64) -> Self {
        Self::new(Code::RateLimited)
            .retry_after(retry_after)
            .header(RATE_LIMIT_POLICY, &format!("\"{policy}\";q={most};qu=\"concurrent-requests\""))
            .header(RATE_LIMIT, &format!("\"{policy}\";r=0"))
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
            resolution: self.resolution.map(str::to_owned),
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
                rate_limited("client", limit, 3600, retry_after)
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
            TokenError::TooManyPasswords { retry_after, limit } => {
                rate_limited("link", limit, 3600, retry_after)
            }
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

impl From<DirectoryError> for Problem {
    fn from(error: DirectoryError) -> Self {
        tracing::error!(%error, "the directory gave no answer");
        match error {
            DirectoryError::Unavailable(_) => Self::unavailable(),
            DirectoryError::Broken(_) => Self::new(Code::Internal),
        }
    }
}

impl From<LimitError> for Problem {
    fn from(error: LimitError) -> Self {
        match error {
            LimitError::TooMany { policy, quota, window, retry_after } => {
                rate_limited(policy, quota, window, retry_after)
            }
            LimitError::Directory(error) => error.into(),
        }
    }
}

/// For the one policy that refuses.
fn rate_limited(policy: &str, quota: u32, window: i64, retry_after: u64) -> Problem {
    Problem::new(Code::RateLimited)
        .retry_after(retry_after)
        .header(RATE_LIMIT_POLICY, &format!("\"{policy}\";q={quota};w={window}"))
        .header(RATE_LIMIT, &format!("\"{policy}\";r=0;t={retry_after}"))
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
