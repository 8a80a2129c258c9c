//! The fields of a call, whichever of the two form encodings it came in.

use poem::http::header::CONTENT_TYPE;
use poem::web::Multipart;
use poem::{Body, FromRequest, Request, RequestBody};

/// Mailgun's limit on one message, with room for the fields around it.
const MAX_BODY: usize = 26 * 1024 * 1024;

/// Why a body has no fields, in Mailgun's words.
pub(super) enum Unreadable {
    TooLarge,
    Malformed(String),
}

/// Field names and values, in order; names may repeat.
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    pub(super) async fn read(request: &Request, body: Body) -> Result<Self, Unreadable> {
        let bytes = body.into_bytes_limit(MAX_BODY).await.map_err(|_| Unreadable::TooLarge)?;
        let content_type = request.header(CONTENT_TYPE.as_str()).unwrap_or_default();
        let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match kind.as_str() {
            "application/x-www-form-urlencoded" => {
                Ok(Self(url::form_urlencoded::parse(&bytes).into_owned().collect()))
            }
            "multipart/form-data" => Self::multipart(request, bytes.into())
                .await
                .map_err(|_| Unreadable::Malformed("malformed multipart/form-data request".to_owned())),
            _ => Err(Unreadable::Malformed(
                "Invalid request content type. Expecting 'multipart/form-data'".to_owned(),
            )),
        }
    }

    async fn multipart(request: &Request, body: Body) -> poem::Result<Self> {
        let mut multipart = Multipart::from_request(request, &mut RequestBody::new(body)).await?;
        let mut fields = Vec::new();
        while let Some(field) = multipart.next_field().await? {
            let name = field.name().unwrap_or_default().to_owned();
            // Attachments are taken and forgotten.
            if field.file_name().is_none() {
                fields.push((name, field.text().await?));
            }
        }
        Ok(Self(fields))
    }

    /// The first non-empty value.
    pub(super) fn get<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.all(name).find(|value| !value.is_empty())
    }

    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    /// The fields whose names begin so, without that beginning.
    pub(super) fn prefixed<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.0.iter().filter_map(move |(name, value)| Some((name.strip_prefix(prefix)?, value.as_str())))
    }

    pub(super) fn is_set(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| matches!(value, "yes" | "true"))
    }
}
