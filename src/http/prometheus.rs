//! `/metrics`, for Prometheus: behind a key on the API's listener, open on a listener of its own, which is
//! meant for a network that only the scraper reaches.

use std::sync::Arc;

use async_trait::async_trait;
use poem::endpoint::make;
use poem::{Endpoint, EndpointExt, Response, Route};
use poem_openapi::payload::PlainText;
use poem_openapi::payload::Response as Answer;
use poem_openapi::{ApiResponse, OpenApi};

use super::auth::{Caller, SupportRead};
use super::docs::Tags;
use super::problem::Problem;
use super::resource::Resource;
use crate::telemetry::{MEDIA_TYPE, Standing};

/// Whoever knows how things stand.
#[async_trait]
pub trait Scrape: Send + Sync {
    /// Everything that can be measured, now, as [`MEDIA_TYPE`].
    async fn scrape(&self) -> String;

    /// How things stand now; none if that cannot be looked up.
    async fn standing(&self) -> Option<Standing>;
}

#[derive(ApiResponse)]
enum Scraped {
    /// OpenMetrics text.
    #[oai(status = 200)]
    Text(PlainText<String>),
}

pub struct PrometheusApi(pub Arc<dyn Scrape>);

#[OpenApi(tag = "Tags::Running")]
impl PrometheusApi {
    /// What Prometheus reads
    ///
    /// In the text format of OpenMetrics; the names stand in `docs/metrics-reference.md`.
    #[oai(path = "/metrics", method = "get", operation_id = "get_metrics")]
    async fn metrics(
        &self,
        #[oai(scope = "SupportRead")] _caller: Caller<SupportRead>,
    ) -> Result<Answer<Scraped>, Problem> {
        let text = self.0.scrape().await;
        Ok(Answer::new(Scraped::Text(PlainText(text))).header("content-type", MEDIA_TYPE))
    }
}

/// The routes of the listener that serves nothing else.
pub fn metrics_routes(scrape: Arc<dyn Scrape>) -> impl Endpoint<Output = Response> {
    let metrics = make(move |_| {
        let scrape = scrape.clone();
        async move {
            let text = scrape.scrape().await;
            Ok::<_, poem::Error>(Response::builder().content_type(MEDIA_TYPE).body(text))
        }
    });
    Route::new()
        .at("/metrics", Resource::get(metrics))
        .catch_all_error(|error| async move { Response::builder().status(error.status()).body(()) })
}
