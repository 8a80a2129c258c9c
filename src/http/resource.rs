//! Which methods a path takes, and the `Allow` that every 405 must carry (RFC 9110 §15.5.6).
//!
//! poem's own 405 has none, and its way with HEAD hides from a handler that nobody will read the answer.

use std::collections::BTreeMap;

use poem::endpoint::BoxEndpoint;
use poem::error::MethodNotAllowedError;
use poem::http::Method;

use poem::{Endpoint, EndpointExt, IntoEndpoint, PathPattern, Request, Response, Result};
use serde_json::Value;

use super::problem::Problem;

const ROOT: &str = "/";

/// One path outside the OpenAPI document. GET answers HEAD too, and can tell them apart.
#[derive(Default)]
pub struct Resource {
    get: Option<BoxEndpoint<'static>>,
    post: Option<BoxEndpoint<'static>>,
}

impl Resource {
    /// A resource that can be read.
    pub fn get<E: IntoEndpoint<Endpoint: 'static>>(endpoint: E) -> Self {
        Self { get: Some(boxed(endpoint)), post: None }
    }

    /// A resource that can only be posted to.
    pub fn post_only<E: IntoEndpoint<Endpoint: 'static>>(endpoint: E) -> Self {
        Self { get: None, post: Some(boxed(endpoint)) }
    }

    /// The same, taking POST too.
    #[must_use]
    pub fn post<E: IntoEndpoint<Endpoint: 'static>>(self, endpoint: E) -> Self {
        Self { post: Some(boxed(endpoint)), ..self }
    }

    fn allow(&self) -> &'static str {
        match (&self.get, &self.post) {
            (Some(_), Some(_)) => "GET, HEAD, POST",
            (Some(_), None) => "GET, HEAD",
            (None, _) => "POST",
        }
    }
}

fn boxed<E: IntoEndpoint<Endpoint: 'static>>(endpoint: E) -> BoxEndpoint<'static> {
    endpoint.into_endpoint().map_to_response().boxed()
}

impl Endpoint for Resource {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        match (request.method(), &self.get, &self.post) {
            (&Method::GET, Some(get), _) => get.call(request).await,
            (&Method::POST, _, Some(post)) => post.call(request).await,
            (&Method::HEAD, Some(get), _) => {
                let mut response = get.call(request).await?;
                response.set_body(());
                Ok(response)
            }
            _ => Err(Problem::method_not_allowed(self.allow()).into()),
        }
    }
}

/// A page at `/` before everything else: poem's `nest("/", …)` would take its path along.
pub struct AtRoot<E> {
    page: Resource,
    rest: E,
}

impl<E: Endpoint<Output = Response>> AtRoot<E> {
    /// Puts the page before the rest.
    pub fn new(page: Resource, rest: E) -> Self {
        Self { page, rest }
    }
}

impl<E: Endpoint<Output = Response>> Endpoint for AtRoot<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        if request.uri().path() != ROOT {
            return self.rest.call(request).await;
        }
        let pattern = PathPattern(ROOT.into());
        match self.page.call(request).await {
            Ok(mut response) => {
                response.set_data(pattern);
                Ok(response)
            }
            Err(mut error) => {
                error.set_data(pattern);
                Err(error)
            }
        }
    }
}

/// The API's paths, whose methods stand in its document.
pub struct WithAllow {
    inner: BoxEndpoint<'static>,
    /// By the shape of the path.
    allow: BTreeMap<String, String>,
}

impl WithAllow {
    /// Wraps the service that this document describes.
    pub fn new<E: IntoEndpoint<Endpoint: 'static>>(document: &str, service: E) -> Self {
        let document: Value = serde_json::from_str(document).unwrap_or_default();
        let allow = document["paths"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(path, operations)| (shape(path), methods(operations)))
            .collect();
        Self { inner: boxed(service), allow }
    }
}

/// A path with its parameters unnamed: the document and poem name them differently.
pub fn shape(path: &str) -> String {
    let segments = path.split('/').map(|segment| if segment.starts_with([':', '{']) { ":" } else { segment });
    segments.collect::<Vec<_>>().join("/")
}

fn methods(operations: &Value) -> String {
    let mut methods: Vec<_> = operations
        .as_object()
        .into_iter()
        .flat_map(|map| map.keys())
        .map(|name| name.to_uppercase())
        .collect();
    if methods.iter().any(|method| method == "GET") {
        methods.push("HEAD".into());
    }
    methods.sort();
    methods.join(", ")
}

impl Endpoint for WithAllow {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        self.inner.call(request).await.map_err(|error| {
            let pattern = error.data::<PathPattern>();
            match pattern.filter(|_| error.is::<MethodNotAllowedError>()).cloned() {
                Some(pattern) => {
                    let allow = self.allow.get(&shape(&pattern.0)).map_or("", String::as_str);
                    let mut refusal = poem::Error::from(Problem::method_not_allowed(allow));
                    refusal.set_data(pattern);
                    refusal
                }
                None => error,
            }
        })
    }
}
